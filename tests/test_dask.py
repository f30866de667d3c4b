"""A long run on a Dask cluster gives the table of a run at home, whoever is killed."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pytest

from helpers import sweeps
from runs import __main__ as runs

distributed = pytest.importorskip("distributed", reason="make .venv/dask")
ROOT = Path(__file__).parents[1]
PLAIN = dict(processes=True, host="127.0.0.1", dashboard_address=":0", silence_logs=50)
LOCAL = partial(distributed.LocalCluster, **PLAIN)


def product(*, seed, log, size=200):
    """Products whose last digits may depend on the number of threads; `log` says who dies."""
    import torch

    Path(log, f"{seed}-{os.getpid()}").touch()
    with contextlib.suppress(FileNotFoundError):
        Path(log, "the next dies").unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    while Path(log, "two at most").exists() and len(list(Path(log).glob("*-*"))) > 2:
        time.sleep(0.02)
    a = np.random.default_rng(seed).normal(size=(size, size))
    product = torch.tensor(a).mm(torch.tensor(a)).numpy()
    return {"seed": [seed] * size, "numpy": (a @ a)[0], "torch": product[0]}


@pytest.fixture
def log(tmp_path):
    (tmp_path / "log").mkdir()
    return tmp_path / "log"


@pytest.fixture
def run(tmp_path, log):
    """`sweeps.run` of six shards, the same call here and on a cluster."""
    usual = dict(seed=7, path=tmp_path / "toy.csv", workers=1, cache=tmp_path / "cache")
    return partial(sweeps.run, n_shards=6, settings={"log": str(log)}, **usual)


@pytest.fixture(scope="module")
def cluster():
    """Two processes of one thread on this machine; no port is fixed."""
    with LOCAL(n_workers=2, threads_per_worker=1) as cluster:
        yield cluster


@contextlib.contextmanager
def dask(scheduler, limit=120):
    """What runs inside runs on a cluster."""
    with (
        distributed.Client(scheduler),
        joblib.parallel_config("dask", wait_for_workers_timeout=limit),
    ):
        yield


def finished(tmp_path):
    return sorted(file.name[0] for file in (tmp_path / "cache").glob("toy/?-????????????????"))


def check_as_at_home(run, tmp_path):
    """The table of the cluster is that of one process here, which computes every shard anew."""
    run(product, path=tmp_path / "home.csv")
    assert (tmp_path / "toy.csv").read_bytes() == (tmp_path / "home.csv").read_bytes()


def pids(log):
    """The processes that computed shards since the last call."""
    found = {int(file.name.split("-")[1]) for file in log.glob("*-*")}
    for file in log.glob("*-*"):
        file.unlink()
    return found


def test_a_killed_worker_changes_no_bit(run, tmp_path, log, cluster):
    (log / "the next dies").touch()
    with dask(cluster):
        run(product)
    assert not (log / "the next dies").exists()
    assert os.getpid() not in (used := pids(log)) and len(used) >= 2
    check_as_at_home(run, tmp_path)


def test_one_process_of_two_threads_gives_the_same(run, tmp_path, log):
    with LOCAL(n_workers=1, threads_per_worker=2) as cluster, dask(cluster):
        run(product)
    assert os.getpid() not in (used := pids(log)) and len(used) == 1
    check_as_at_home(run, tmp_path)


def test_a_shard_that_kills_its_worker_is_named_and_the_run_goes_on(
    run, tmp_path, log, cluster, monkeypatch
):
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    with dask(cluster):
        run(product, n_shards=5)
        (tmp_path / "toy.csv").unlink()
        (log / "the next dies").touch()
        with pytest.raises(RuntimeError, match=r"^toy: shard 5 \(seed \d+\) is lost: KilledWorker"):
            run(product)
        assert finished(tmp_path) == ["0", "1", "2", "3", "4"]
        pids(log)
        run(product)
    assert len(list(log.iterdir())) == 1
    check_as_at_home(run, tmp_path)


def test_a_lost_cluster_ends_the_run_and_keeps_what_is_finished(run, tmp_path, log):
    """First the only worker is killed, then the scheduler; then the run is finished at home."""
    address = tmp_path / "scheduler.json"

    def start(kind, *options):
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--host=127.0.0.1"]
        command += [f"--scheduler-file={address}", "--no-dashboard", *options]
        env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return stack.enter_context(killed(subprocess.Popen(command, env=env, **quiet)))

    def kill(process, after):
        wait_for(lambda: len(finished(tmp_path)) >= after)
        process.kill()

    with contextlib.ExitStack() as stack:
        scheduler = start("scheduler", "--port=0")
        for after, problem in (
            (2, "no Dask worker for 2 s"),
            (4, "cancelled for reason: scheduler"),
        ):
            worker = start("worker", "--nthreads=1", "--no-nanny")
            wait_for(address.exists)
            with contextlib.closing(distributed.Client(scheduler_file=str(address))) as client:
                client.wait_for_workers(1, timeout=60)
                pids(log)
                (log / "two at most").touch()
                victim = scheduler if after == 4 else worker
                thief = threading.Thread(target=kill, args=[victim, after])
                thief.start()
                with (
                    joblib.parallel_config("dask", wait_for_workers_timeout=2),
                    pytest.raises(RuntimeError, match=problem),
                ):
                    run(product)
                thief.join()
            (log / "two at most").unlink()
            assert len(finished(tmp_path)) == after and not list(tmp_path.glob("toy.*"))
    pids(log)
    run(product)
    assert len(list(log.iterdir())) == 2
    check_as_at_home(run, tmp_path)


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


@contextlib.contextmanager
def killed(process):
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_workers_of_another_version_or_code_are_refused(run, tmp_path, cluster, monkeypatch):
    with dask(cluster), monkeypatch.context() as patch:
        patch.setattr(sweeps, "version", lambda package: "99.0")
        with pytest.raises(RuntimeError, match="shard . .* a worker has another numpy, scipy,"):
            run(product)
        patch.undo()
        patch.setattr(sweeps, "_checksum", lambda tree: "other")
        with pytest.raises(RuntimeError, match="a worker has another tests/test_dask.py, helpers"):
            run(product)
    assert finished(tmp_path) == []


def test_a_listed_run_goes_to_the_scheduler_that_is_named(run, log, cluster, monkeypatch):
    """The command of `make runs`, in this process, with a shorter run in the place of a long one."""
    tables = []
    monkeypatch.setattr(sweeps, "run", lambda *_, **__: tables.append(run(product)))
    runs.on_dask(cluster.scheduler_address, "tegum_seeds")
    assert len(tables) == 1 and len(tables[0]) == 6 * 200 and os.getpid() not in pids(log)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "no scheduler"])
def test_an_unreachable_scheduler_is_one_line(address):
    command = [sys.executable, "-m", "runs", address, "occam"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1 and ended.stdout == ""
    assert ended.stderr == f"no Dask scheduler answers at {address}\n"
