"""A long run gives the same table however it was run, stopped and damaged; or says what is wrong."""

import contextlib
import errno
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import weakref
from functools import partial
from pathlib import Path
from types import MappingProxyType

import joblib
import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from helpers import sweeps

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "book" / "results"


def toy(*, seed, n=5, log=None):
    """A shard that notes in a file that it was computed."""
    if log:
        Path(log, f"{seed}-{time.monotonic_ns()}").touch()
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 9, n)
    words = ["0010", "NA", "", "a,b", 'say "x"\n'][:n]
    return {"count": counts, "mean": rng.normal(size=n), "word": words, "odd": counts % 2 == 1}


def multiplied(*, seed, size=300):
    """A product whose last digits may depend on the number of threads."""
    import torch

    a = np.random.default_rng(seed).normal(size=(size, size))
    product = torch.tensor(a).mm(torch.tensor(a)).numpy()
    return pd.DataFrame({"numpy": (a @ a)[0], "torch": product[0]})


def threads(*, seed):
    import torch

    pools = [pool["num_threads"] for pool in threadpool_info()]
    return {"blas": pools, "torch": [torch.get_num_threads()] * len(pools)}


def timed(*, seed):
    start = time.monotonic()
    time.sleep(0.05)
    return {"start": [start], "end": [time.monotonic()]}


def faulty(*, seed, bad):
    if seed == bad:
        raise ZeroDivisionError("a shard that cannot be computed")
    return {"seed": [seed]}


def returning(*, seed, kind):
    return {
        "nothing": None,
        "ragged": {"a": [1], "b": [1, 2]},
        "objects": {"a": [object()]},
        "missing": {"a": ["x", None]},
        "dates": {"a": pd.to_datetime(["2020-01-01"])},
        "numbered": pd.DataFrame({0: [1]}),
        "indexed": pd.DataFrame({"a": [1]}, index=["x"]),
        "twice": pd.DataFrame([[1, 2]], columns=["a", "a"]),
        "empty": {},
    }[kind]


@pytest.fixture
def run(tmp_path):
    """`sweeps.run` of four toy shards in one process, in a folder of its own."""
    return partial(call, tmp_path)


def call(folder, shard=toy, n_shards=4, **changed):
    usual = dict(seed=7, path=folder / "toy.csv", workers=1, cache=folder / "cache")
    return sweeps.run(shard, n_shards, **usual | changed)


@pytest.fixture
def log(tmp_path):
    """A folder with one file for each time that a toy shard was computed."""
    folder = tmp_path / "log"
    folder.mkdir()
    return folder


def logged(log):
    """The seeds of the shards computed since the last call, sorted."""
    seeds = sorted(int(file.name.split("-")[0]) for file in log.iterdir())
    for file in log.iterdir():
        file.unlink()
    return seeds


def seeds(*indices, seed=7):
    return sorted(sweeps.shard_seed(seed, k) for k in indices)


def move_away(tmp_path):
    for file in tmp_path.glob("toy.*"):
        file.unlink()


def shard_files(tmp_path, name="toy"):
    return sorted((tmp_path / "cache" / name).iterdir())


# ------------------------------------------------------------------------------- the same table


def test_table_is_the_shards_one_below_the_other(run):
    parts = [toy(seed=sweeps.shard_seed(7, k)) for k in range(4)]
    expected = pd.concat(map(pd.DataFrame, parts), ignore_index=True)
    pd.testing.assert_frame_equal(run(), expected, check_exact=True)


def test_seeds_are_those_that_numpy_spawns():
    children = np.random.SeedSequence(7).spawn(5)
    states = [int(child.generate_state(1, np.uint64)[0]) // 2 for child in children]
    assert [sweeps.shard_seed(7, k) for k in range(5)] == states
    assert len(set(states)) == 5 and max(states) < 2**63


def test_workers_and_order_change_no_bit(run, tmp_path, monkeypatch):
    """One process, two, and one that takes the shards from last to first."""

    def backwards(**_):
        return lambda calls: [f(*args, **named) for f, args, named in reversed(list(calls))]

    for shard in (toy, multiplied):
        one, two, back = paths = [tmp_path / f"{shard.__name__}-{k}.csv" for k in range(3)]
        run(shard, path=one)
        run(shard, path=two, workers=2)
        with monkeypatch.context() as patch:
            patch.setattr(sweeps, "Parallel", backwards)
            run(shard, path=back)
        assert len({path.read_bytes() for path in paths}) == 1


def test_shards_run_on_one_thread_and_leave_the_others_alone(run):
    import torch

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with threadpool_limits(2):
            assert (run(threads) == 1).all(axis=None)
            assert set(threads(seed=0)["blas"]) == {2} and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_threads_of_one_process_take_turns(run):
    with joblib.parallel_config("threading"):
        table = run(timed, workers=2).sort_values("start")
    assert (table.end.to_numpy()[:-1] <= table.start.to_numpy()[1:]).all()


def test_each_shard_may_have_its_own_settings(run):
    assert len(run(settings=[{"n": 1}, {"n": 2}, {"n": 3}, {}])) == 1 + 2 + 3 + 5


def test_combine_makes_the_table(run):
    def total(frames):
        return pd.DataFrame({"rows": [len(frame) for frame in frames]})

    assert run(combine=total).rows.tolist() == [5, 5, 5, 5]


def test_combine_folds_frames_without_holding_them(run):
    def fold(frames):
        total, last = 0, lambda: None
        for frame in frames:
            assert last() is None
            total, last = total + frame["count"], weakref.ref(frame)
        return total.to_frame()

    expected = run()["count"].to_numpy().reshape(4, 5).sum(axis=0)
    assert run(combine=fold)["count"].tolist() == expected.tolist()


def test_a_shard_lost_before_combine_reads_it_is_named(run, tmp_path):
    def lose(frames):
        first = next(frames)
        shard_files(tmp_path)[2].unlink()
        return pd.concat([first, *frames])

    lost = rf"shard 2 \(seed {sweeps.shard_seed(7, 2)}\) cannot be read back"
    with pytest.raises(RuntimeError, match=lost):
        run(combine=lose)
    assert not list(tmp_path.glob("toy.*"))


def test_packed_table_is_the_same_and_its_bytes_too(run, tmp_path):
    plain, path = run(), tmp_path / "toy.csv.gz"
    packed = run(path=path)
    pd.testing.assert_frame_equal(packed, plain, check_exact=True)
    assert gzip.decompress(first := path.read_bytes()) == (tmp_path / "toy.csv").read_bytes()
    time.sleep(1.1)  # a gzip file usually holds the second in which it was made
    run(path=path)
    assert path.read_bytes() == first


def test_progress_tells_what_is_done_and_the_time_left(run, capsys):
    run(n_shards=3)
    lines = capsys.readouterr().err.splitlines()
    bars = {1: "######..............", 2: "#############.......", 3: "#" * 20}
    assert [line.split(",")[0] for line in lines] == [
        f"toy: [{bar}] {done} of 3 missing shards" for done, bar in bars.items()
    ]
    assert lines[-1].rstrip().endswith("0:00:00 left")


# --------------------------------------------------------------------- stopped, damaged, changed


def test_finished_shards_are_not_computed_again(run, log):
    first = run(settings={"log": str(log)})
    assert logged(log) == seeds(0, 1, 2, 3)
    pd.testing.assert_frame_equal(run(settings={"log": str(log)}), first, check_exact=True)
    assert logged(log) == []


def test_more_shards_reuse_those_there_are(run, tmp_path, log):
    run(settings={"log": str(log)}, n_shards=2)
    logged(log)
    move_away(tmp_path)
    run(settings={"log": str(log)}, n_shards=4)
    assert logged(log) == seeds(2, 3)


SCRIPT = """
import sys, time
from pathlib import Path
from helpers import sweeps

def slow(*, seed, log, pause):
    time.sleep(pause)
    Path(log, f"{seed}-{time.monotonic_ns()}").touch()
    return {"seed": [seed]}

if __name__ == "__main__":
    log, pause, workers = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    sweeps.run(slow, 8, seed=7, path="slow.csv", workers=workers, cache="cache",
               settings={"log": log, "pause": pause})
"""


@pytest.mark.parametrize("victim", ["parent", "worker", "group"])
def test_a_killed_run_goes_on_where_it_was(tmp_path, log, victim):
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "script.py", str(log), "0.25", "2"]
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
    quiet = dict(cwd=tmp_path, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    started = subprocess.Popen(command, start_new_session=True, **quiet)
    cache = tmp_path / "cache" / "slow"
    try:
        wait_for(lambda: len(list(cache.glob("?-????????????????"))) >= 2)
        if victim == "group":
            os.killpg(started.pid, signal.SIGKILL)
        else:
            os.kill(worker_of(started.pid) if victim == "worker" else started.pid, signal.SIGKILL)
        assert started.wait(60) == (1 if victim == "worker" else -signal.SIGKILL)
        time.sleep(1)  # what a worker without parent still computes is lost, and does no harm
        assert not list(tmp_path.glob("slow*"))
        finished = {int(file.name.split("-")[0]) for file in cache.glob("?-????????????????")}
        assert 2 <= len(finished) < 8
        logged(log)
        subprocess.run([*command[:-1], "1"], check=True, timeout=60, **quiet)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
    assert logged(log) == seeds(*set(range(8)) - finished)
    assert json.loads((tmp_path / "slow.json").read_text())["shard"] == "script.slow"
    table = sweeps.read(tmp_path / "slow.csv")
    assert table.seed.tolist() == [sweeps.shard_seed(7, k) for k in range(8)]


def worker_of(pid):
    """The worker that was started last."""
    return max(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


def flip(data, at):
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


DAMAGES = {
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "in the checksum": lambda data: flip(data, at=3),
    "in the columns": lambda data: flip(data, at=100),
    "at the end": lambda data: flip(data, at=-9),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_shard_is_named_and_computed_again(run, tmp_path, log, caplog, damage):
    first = run(settings={"log": str(log)})
    logged(log)
    file = shard_files(tmp_path)[2]
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    again = run(settings={"log": str(log)})
    pd.testing.assert_frame_equal(again, first, check_exact=True)
    assert logged(log) == seeds(2)
    [record] = caplog.records
    assert f"toy: shard 2 (seed {sweeps.shard_seed(7, 2)}) is damaged" in record.getMessage()
    assert str(file) in record.getMessage()


def test_a_shard_put_in_the_place_of_another_is_damaged(run, tmp_path, caplog):
    first = run()
    files = shard_files(tmp_path)
    shutil.copy(files[0], files[1])
    pd.testing.assert_frame_equal(run(), first, check_exact=True)
    assert "shard 1 " in caplog.text and "shard 0 " not in caplog.text


def test_other_settings_or_seed_use_no_old_shard(run, tmp_path, log):
    def computed(**changed):
        move_away(tmp_path)
        run(**{"settings": usual} | changed)
        return logged(log)

    usual = {"log": str(log)}
    assert computed() == seeds(0, 1, 2, 3)
    assert computed(settings=usual | {"n": 3}) == seeds(0, 1, 2, 3)
    assert computed(seed=8) == seeds(0, 1, 2, 3, seed=8)
    assert computed() == []


def test_other_versions_use_no_old_shard(run, tmp_path, log, monkeypatch):
    run(settings={"log": str(log)})
    logged(log)
    move_away(tmp_path)
    monkeypatch.setattr(sweeps, "version", lambda package: "99.0")
    run(settings={"log": str(log)})
    assert logged(log) == seeds(0, 1, 2, 3)


@pytest.mark.parametrize(
    ("file", "old", "new", "again"),
    [
        ("part.py", "return 1", "return 2", True),
        ("deep.py", "DEEP = 1", "DEEP = 2", True),
        ("deep.py", "DEEP = 1", "DEEP = 1  # a comment", False),
        ("other.py", "OTHER = 1", "OTHER = 2", False),
    ],
)
def test_changed_code_uses_no_old_shard(tmp_path, file, old, new, again):
    sources = {"part.py": "from deep import DEEP\n\ndef part(*, seed):\n    return 1\n"}
    sources |= {"deep.py": "import os, other_package\nDEEP = 1\n", "other.py": "OTHER = 1\n"}
    for name, text in sources.items():
        (tmp_path / name).write_text(text)
    before = sweeps._code(tmp_path / "part.py")
    assert old in sources[file]
    (tmp_path / file).write_text(sources[file].replace(old, new))
    assert (sweeps._code(tmp_path / "part.py") != before) == again


def test_code_of_a_helper_counts():
    """What this file imports from helpers is found, and what that imports."""
    code = sweeps._code(Path(__file__))
    assert set(code) == {
        f"{name}.py" for name in ("tests/test_sweeps", "helpers/sweeps", "helpers/_require")
    }


@pytest.mark.parametrize("workers", [1, 2])
def test_a_process_that_loaded_other_code_is_refused(run, monkeypatch, workers):
    """As when a file was edited after it was imported here, or between two runs of one process."""
    run(workers=workers)
    monkeypatch.setattr(sweeps, "_checksum", lambda tree: "edited")
    with pytest.raises(RuntimeError, match="a worker has another tests/test_sweeps.py, .*restart"):
        run(workers=workers)


# ---------------------------------------------------------------------------- failing half-way


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failing_shard_is_named_and_leaves_no_table(run, tmp_path, workers):
    bad = sweeps.shard_seed(7, 2)
    with pytest.raises(
        RuntimeError, match=rf"shard 2 \(seed {bad}\) failed: ZeroDivisionError: a "
    ):
        run(faulty, settings={"bad": bad}, workers=workers)
    assert not list(tmp_path.glob("toy.*"))
    if workers == 1:
        assert [file.name[0] for file in shard_files(tmp_path)] == ["0", "1"]


@pytest.mark.parametrize(
    "kind", "nothing ragged objects missing dates numbered indexed twice empty".split()
)
def test_a_shard_that_returns_no_plain_table_fails(run, kind):
    with pytest.raises(
        RuntimeError,
        match=r"shard 0 .* failed: ValueError: (shard: got (?s:.*), expected |All arrays)",
    ):
        run(returning, settings={"kind": kind})


def broken(*_, **__):
    raise OSError("no space left")


@pytest.mark.parametrize("culprit", ["combine", "fsync", "replace"])
def test_a_failure_leaves_the_old_table_whole(run, tmp_path, monkeypatch, culprit):
    run()
    before = {file.name: file.read_bytes() for file in tmp_path.glob("toy*")}
    assert set(before) == {"toy.csv", "toy.json"}
    changed = {"combine": next}
    if culprit == "combine":
        changed = {"combine": broken}
    elif culprit == "fsync":
        monkeypatch.setattr("os.fsync", broken)
    else:
        monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(OSError, match="no space"):
        run(**changed)
    assert {file.name: file.read_bytes() for file in tmp_path.glob("toy*")} == before


def test_a_full_disk_leaves_finished_shards(run, tmp_path, log, monkeypatch):
    writes, sync = [], os.fsync

    def full(descriptor):
        writes.append(descriptor)
        if len(writes) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    settings = {"log": str(log)}
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            run(settings=settings)
    assert [file.name[0] for file in shard_files(tmp_path)] == ["0", "1"]
    logged(log)
    again = run(settings=settings)
    assert logged(log) == seeds(2, 3)
    pd.testing.assert_frame_equal(again, run(path=tmp_path / "other.csv"), check_exact=True)


def test_a_table_appears_only_when_it_is_whole(run, tmp_path, monkeypatch):
    """What stands at the path is never a part of the new bytes, whichever step one looks at."""
    seen, sync = [], os.fsync
    run()
    shard_files(tmp_path)[0].unlink()
    (tmp_path / "toy.csv").write_bytes(old := b"what was there")

    def look(descriptor):
        seen.append((tmp_path / "toy.csv").read_bytes())
        sync(descriptor)

    monkeypatch.setattr("os.fsync", look)
    run()
    assert seen == [old, old, (tmp_path / "toy.csv").read_bytes()]  # one shard, table, provenance


# ------------------------------------------------------------------------------------ provenance


def test_provenance_says_where_a_table_comes_from(run, tmp_path):
    run(settings=MappingProxyType({"n": 2}))
    told = json.loads((tmp_path / "toy.json").read_text())
    assert told["seed"] == 7 and told["n_shards"] == 4 and told["settings"] == {"n": 2}
    assert (
        told["shard"] == f"{__name__}.toy"
        and told["device"] == "cpu"
        and told["command"].startswith("python ")
    )
    assert set(told["versions"]) == {"python", "numpy", "scipy", "pandas", "torch"}
    assert told["versions"]["numpy"] == np.__version__ and "cores" in told["machine"]
    assert told["columns"] == {"count": "int64", "mean": "float64", "word": "str", "odd": "bool"}
    assert told["seconds, all shards"] >= 0 and told["seconds, last call"] >= 0
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    assert told["commit"] == (head.stdout.strip() or None)
    assert told["code differs from commit"] in (True, False, None)
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", told["date"])


def test_provenance_without_git(run, tmp_path, monkeypatch):
    monkeypatch.setattr(sweeps, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    run()
    told = json.loads((tmp_path / "toy.json").read_text())
    assert told["commit"] is None and told["code differs from commit"] is None


def placed(*, seed, log, device="none"):
    toy(seed=seed, log=log)
    return {"device": [device]}


def test_a_shard_that_takes_a_device_gets_the_gpu_that_torch_sees(run, tmp_path, log, monkeypatch):
    """Its shards, table and workers are others than those of the CPU."""
    processes, parallel = [], sweeps.Parallel

    def count(n_jobs, **options):
        processes.append(n_jobs)
        return parallel(n_jobs=1, **options)

    monkeypatch.setattr(sweeps, "Parallel", count)
    usual = dict(shard=placed, settings={"log": str(log)}, workers=None)
    assert set(run(**usual).device) == {"cpu"}
    logged(log)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "a GPU")
    with pytest.raises(ValueError, match=r"another run \(device: cpu there, cuda here\)"):
        run(**usual)
    move_away(tmp_path)
    assert set(run(**usual).device) == {"cuda"} and logged(log) == seeds(0, 1, 2, 3)
    told = json.loads((tmp_path / "toy.json").read_text())
    assert told["device"] == "cuda" and told["machine"].endswith(" cores, a GPU")
    run(**usual | {"workers": -1})
    run(path=tmp_path / "other.csv", workers=None)
    assert processes == [-1, 1, -1, -1]
    assert json.loads((tmp_path / "other.json").read_text())["device"] == "cpu"


def another(*, seed, n=5):
    return toy(seed=seed, n=n)


ANOTHER = {  # what is changed, and what the message says of it
    "seed": ({"seed": 8}, "seed: 7 there, 8 here"),
    "shard": ({"shard": another}, "shard: test_sweeps.toy there, test_sweeps.another here"),
    "number": ({"n_shards": 3}, "n_shards: 4 there, 3 here"),
    "settings": ({"settings": {"n": 2}}, "settings n: nothing there, 2 here"),
    "list": (
        {"settings": [{"n": 2}, {}, {}, {"n": 4}]},
        "settings 0 n: nothing there, 2 here; settings 3 n: nothing there, 4 here",
    ),
    "many": (
        {"seed": 8, "n_shards": 1, "shard": another, "settings": {"n": 2}},
        "seed: 7 there, 8 here; shard: .*; n_shards: 4 there, 1 here; 1 more",
    ),
}


@pytest.mark.parametrize("what", ANOTHER)
def test_a_table_of_another_run_is_kept(run, tmp_path, what):
    """What differs is said before anything is computed; without the table the run goes on."""
    changed, message = ANOTHER[what]
    run()
    before = {file: file.read_bytes() for file in tmp_path.rglob("*.*")}
    path = re.escape(str(tmp_path / "toy.csv"))
    expected = "expected none or one of this run: move that away"
    with pytest.raises(
        ValueError, match=rf"^path: got {path} of another run \({message}\), {expected}$"
    ):
        run(**changed)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*.*")} == before
    assert len(shard_files(tmp_path)) == 4
    move_away(tmp_path)
    run(**changed)


def test_a_table_of_other_versions_is_kept_and_one_of_this_run_replaced(run, tmp_path):
    """Another Python, another build of torch and what older tables do not tell are no difference."""
    first, beside = run(), tmp_path / "toy.json"
    told = json.loads(beside.read_text())

    def again(**changed):
        beside.write_text(json.dumps({k: v for k, v in (told | changed).items() if v is not None}))
        return run()

    versions = told["versions"] | {"python": "3.99.0", "torch": np.__version__}
    with pytest.raises(ValueError, match=rf"versions torch: {np.__version__} there, [\d.]+ here\)"):
        again(versions=versions)
    with pytest.raises(ValueError, match=r"shard: __main__.other there, test_sweeps.toy here\)"):
        again(shard="__main__.other")
    versions["torch"] = told["versions"]["torch"].partition("+")[0] + "+cu999"
    for same in ({"versions": versions}, {"shard": "__main__.toy"}, {"device": None}):
        pd.testing.assert_frame_equal(again(**same), first, check_exact=True)
    beside.unlink()
    pd.testing.assert_frame_equal(run(), first, check_exact=True)


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_store_gives_back_every_bit(tmp_path, ending):
    rng = np.random.default_rng(0)
    floats = np.concatenate([rng.normal(size=9) * 10.0 ** rng.integers(-300, 300, 9), [0.1, -0.0]])
    floats = np.concatenate([floats, [np.inf, -np.inf, np.nan, 5e-324]])
    table = pd.DataFrame(
        {"float": floats, "single": floats[::-1].clip(-1e38, 1e38).astype(np.float32)}
    )
    table["big"] = np.array([2**64 - 1] * len(table), np.uint64)
    table["text"] = ["1e5", "007", "nan", "None", "", " a ", "True"] + ["é"] * (len(table) - 7)
    sweeps.store(table, path := tmp_path / f"t{ending}", seed=0)
    pd.testing.assert_frame_equal(sweeps.read(path), table, check_exact=True)


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_read_refuses_a_table_changed_by_hand(run, tmp_path, ending):
    run(path=(path := tmp_path / f"toy{ending}"))
    path.write_bytes(flip(path.read_bytes(), at=30))
    with pytest.raises(
        ValueError, match=f"^path: got .*toy{ending} with another .*, expected what `python"
    ):
        sweeps.read(path)


@pytest.mark.parametrize("beside", sorted(RESULTS.glob("*.json")), ids=lambda file: file.stem)
def test_stored_tables_are_as_they_were_written(beside):
    [path] = [file for file in RESULTS.glob(f"{beside.stem}.csv*") if file.suffix != ".part"]
    assert len(sweeps.read(path)) > 0


def test_the_long_runs_are_listed():
    command = [sys.executable, "-m", "runs"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [file.stem for file in (ROOT / "runs").glob("[!_]*.py")]
    assert sorted(re.findall("^make runs RUN=(.*)", listed, re.MULTILINE)) == sorted(files)
    assert "`make runs RUN=name`" in listed


# ------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("argument", "changed"),
    [
        ("n_shards", {"n_shards": 0}),
        ("n_shards", {"n_shards": 2.0}),
        ("n_shards", {"n_shards": True}),
        ("seed", {"seed": -1}),
        ("seed", {"seed": None}),
        ("workers", {"workers": 0}),
        ("workers", {"workers": -2}),
        ("path", {"path": "no-such-folder/toy.csv"}),
        ("path", {"path": "toy.parquet"}),
        ("path", {"path": ".csv"}),
        ("shard", {"shard": lambda *, seed: {}}),
        ("shard", {"shard": partial(toy, n=1)}),
        ("shard", {"shard": len}),
        ("shard", {"shard": None}),
        ("settings", {"settings": {"seed": 1}}),
        ("settings", {"shard": placed, "settings": {"log": "", "device": "cpu"}}),
        ("settings", {"settings": {"m": 1}}),
        ("settings", {"settings": {1: 1}}),
        ("settings", {"settings": {"n": np.int64(3)}}),
        ("settings", {"settings": {"n": float("nan")}}),
        ("settings", {"settings": [{}]}),
        ("settings", {"settings": "four"}),
        ("settings", {"shard": logged}),
    ],
)
def test_run_refuses_bad_arguments_by_name(run, tmp_path, unchecked, argument, changed):
    with pytest.raises(ValueError, match=rf"(?s)^{argument}: got .*, expected "):
        run(**changed)
    assert not list(tmp_path.iterdir())


def test_run_refuses_a_function_that_remembers(run):
    size = 3

    def local(*, seed):
        return {"size": [size]}

    with pytest.raises(
        ValueError, match="^shard: got .*local.*, expected a function defined at the top"
    ):
        run(local)


@pytest.mark.parametrize("index", [-1, 0.5, None])
def test_shard_seed_refuses_what_is_no_index(unchecked, index):
    with pytest.raises(ValueError, match="^index: got .*, expected "):
        sweeps.shard_seed(0, index)
