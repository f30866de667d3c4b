"""The whole book: cold, again, and from stored outputs.

Writes book/results/build_bench.csv. The builds are those of the last commit in a folder of their own,
so the first finds no cache. Memory is the largest sum over all processes at once.
"""

import os
import resource
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from bench import save

ROOT = Path(__file__).parents[1]
BOOK = [".venv/bin/jupyter-book", "build", ".", "-W", "-n", "--all", "--keep-going"]


def largest(process: psutil.Process, seen: list[int]) -> None:
    """Watch a process and all below it until it ends: the most memory of all together."""
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        total = 0
        for one in [process, *process.children(recursive=True)]:
            try:
                total += one.memory_info().rss
            except psutil.NoSuchProcess:
                pass
        seen[0] = max(seen[0], total)
        time.sleep(0.2)


def measured(folder: Path, execute: bool) -> dict[str, float]:
    """Minutes, processor minutes and memory of one build in a folder."""
    environment = os.environ | {"PYTHONPATH": str(folder), "BOOK_EXECUTE": str(int(execute))}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    own = BOOK + ([] if execute else ["--path-output", "_build/stored"])
    with (folder / "build.log").open("w") as log:
        build = subprocess.Popen(own, cwd=folder, env=environment, stdout=log, stderr=log)
        seen = [0]
        watch = threading.Thread(target=largest, args=(psutil.Process(build.pid), seen))
        watch.start()
        watch.join()
    if build.wait():
        raise RuntimeError((folder / "build.log").read_text()[-2000:])
    after, minutes = (
        resource.getrusage(resource.RUSAGE_CHILDREN),
        (time.perf_counter() - start) / 60,
    )
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    load = os.getloadavg()[2]  # over as long as a cold build takes
    return {"minutes": minutes, "CPU minutes": cpu / 60, "GiB": seen[0] / 2**30, "load": load}


@contextmanager
def last_commit():
    """A folder with the last commit and the environment of this one."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary, "book")
        subprocess.run(["git", "clone", "-q", "--shared", ROOT, folder], check=True)
        (folder / ".venv").symlink_to(ROOT / ".venv")
        yield folder


def main() -> None:
    rows = []
    with last_commit() as folder:
        for build, execute in {"cold": True, "again": True, "stored outputs": False}.items():
            rows.append({"build": build} | measured(folder, execute))
            print(rows[-1], flush=True)
    save(rows, "build_bench", seed=0, wanted={"minutes": 8, "GiB": 4})


if __name__ == "__main__":
    main()
