"""Execute the .md half of every chapter and store the outputs in its .ipynb half.

The .md half is the source. A run that changes nothing gives no diff. If a cell fails, the old
notebook stays as it was, the cell is named, and the exit status is 1.
"""

import base64
import csv
import hashlib
import math
import os
import re
import sys
import time
from collections import Counter
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

MINUTES = Path("book/results/minutes.csv")
FINDING = "fig-width", Path("book/_static/finding.png")  # the README's picture, and its figure
WORDS_A_MINUTE = 150  # slow reading: there are formulas between the words
FAILURES = (CellExecutionError, CellTimeoutError, DeadKernelError)
STEADY = 1.5  # a time is stored anew only if it changed by this factor


def main():
    rows, failed = [], False
    for source in chapters():
        try:
            rows.append(store(source))
        except FAILURES:
            failed = True
    if not failed:
        write_minutes(rows)
    return int(failed)


def chapters():
    """The .md halves: pages that name a kernel."""
    found = sorted(Path("book").glob("**/*.md"))
    pages = [page for page in found if ".ipynb_checkpoints" not in page.parts]
    return [page for page in pages if "kernelspec" in jupytext.read(page).metadata]


def store(source):
    """Execute one chapter and replace its notebook; return its row of minutes.csv."""
    book = jupytext.read(source)
    began = time.perf_counter()
    execute(book, source)
    seconds = time.perf_counter() - began
    settle(book)
    atomic_write(source.with_suffix(".ipynb"), (nbformat.writes(book) + "\n").encode())
    store_finding(book)
    name, words = source.with_suffix("").as_posix(), count_words(book)
    print(f"{name:40} {seconds:.1f} s", flush=True)
    return [name, words, math.ceil(words / WORDS_A_MINUTE), math.ceil(seconds)]


def execute(book, source):
    """Run the cells in order, in the chapter's folder; say which one fails."""
    options = {"timeout": 600, "record_timing": False, "coalesce_streams": True}
    folder = {"metadata": {"path": str(source.parent)}}
    client = NotebookClient(book, resources=folder, **options)
    with client.setup_kernel():
        for index, cell in enumerate(book.cells):
            try:
                client.execute_cell(cell, index)
            except FAILURES as problem:
                begins = cell.source.splitlines()[0]
                where = f"{source}: failed in the cell that begins: {begins}"
                print(problem, where, sep="\n", file=sys.stderr)
                raise


def store_finding(book):
    """Write the README's picture if the chapter draws it."""
    for output in (o for cell in book.cells for o in cell.get("outputs", [])):
        if output.get("metadata", {}).get("figure", {}).get("name") == FINDING[0]:
            atomic_write(FINDING[1], base64.b64decode(output["data"]["image/png"]))


def settle(book):
    """Take out what differs from run to run or between versions of Python."""
    book.metadata["language_info"] = {"name": "python", "file_extension": ".py"}
    book.nbformat_minor = 5
    seen = Counter()
    for cell in book.cells:
        name = hashlib.sha256(f"{cell.cell_type} {cell.source}".encode()).hexdigest()[:8]
        seen[name] += 1
        cell["id"] = name if seen[name] == 1 else f"{name}-{seen[name]}"


def count_words(book):
    """Words of the prose, without directives' options, formulas and code."""
    text = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    for noise in (r"^[:`]{3,}.*$", r"^:\w.*$", r"\$\$[^$]*\$\$", r"\$[^$]*\$", r"`[^`]*`"):
        text = re.sub(noise, " ", text, flags=re.MULTILINE)
    return len(re.findall(r"[A-Za-z]{2,}", text))


def write_minutes(rows):
    """Store the times; one that hardly changed keeps its old value."""
    old = {}
    if MINUTES.exists():
        old = {row["chapter"]: int(row["seconds"]) for row in csv.DictReader(MINUTES.open())}
    for row in rows:
        before = old.get(row[0], row[3])
        row[3] = before if 1 / STEADY <= row[3] / before <= STEADY else row[3]
    lines = [["chapter", "words", "minutes", "seconds"], *rows]
    atomic_write(MINUTES, "".join(",".join(map(str, line)) + "\n" for line in lines).encode())


def atomic_write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    os.replace(part, path)


if __name__ == "__main__":
    sys.exit(main())
