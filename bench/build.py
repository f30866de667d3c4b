"""The whole book: cold, again, and from stored outputs; and what a page weighs.

Writes book/results/build_bench.csv and pages_bench.csv. The builds are those of the last commit in a
folder of their own, so the first finds no cache. Memory is the largest sum over all processes at once.
A page's weight is its HTML with the style sheets, scripts and pictures that it names; fonts that these
load are left out. Sent are the same files as a server compresses them (gzip).
"""

import gzip
import os
import resource
import subprocess
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urlsplit

import psutil
from bs4 import BeautifulSoup

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


def weights(site: Path) -> list[dict]:
    """For each page the bytes of its own, and with all it names; as they are and as sent."""
    rows = []
    for path in sorted(site.rglob("*.html")):
        if "_static" in path.parts:
            continue
        soup, parts = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser"), {path}
        for tag in soup.select("script[src], img[src], link[rel=stylesheet], link[rel=preload]"):
            url = urlsplit(tag.get("src") or tag.get("href"))
            named = (path.parent / unquote(url.path)).resolve()
            parts |= {named} if not url.scheme and named.is_file() else set()
        row = {"page": path.relative_to(site).as_posix(), "files": len(parts)}
        row |= {"html": path.stat().st_size, "html, sent": sent(path)}
        row |= {"bytes": sum(part.stat().st_size for part in parts), "sent": sum(map(sent, parts))}
        rows.append(row)
    return rows


def sent(path: Path) -> int:
    """The size of a file as it travels: texts compressed, the rest as it is."""
    data = path.read_bytes()
    return (
        len(gzip.compress(data, 6))
        if path.suffix in {".html", ".css", ".js", ".svg"}
        else len(data)
    )


def main() -> None:
    rows = []
    with TemporaryDirectory() as temporary:
        folder = Path(temporary, "book")
        subprocess.run(["git", "clone", "-q", "--shared", ROOT, folder], check=True)
        (folder / ".venv").symlink_to(ROOT / ".venv")
        for build, execute in {"cold": True, "again": True, "stored outputs": False}.items():
            rows.append({"build": build} | measured(folder, execute))
            print(rows[-1], flush=True)
        pages = weights(folder / "_build/stored/_build/html")
    save(rows, "build_bench", seed=0, wanted={"minutes": 8, "GiB": 4})
    save(pages, "pages_bench", seed=0)


if __name__ == "__main__":
    main()
