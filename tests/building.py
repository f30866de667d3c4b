"""Builds of the book, and of a tiny book with the same configuration, by the Makefile itself."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
from filelock import FileLock

ROOT = Path(__file__).parents[1]
SITE = ROOT / "_build/stored/_build/html"
TOC = """format: jb-book
root: book/intro
chapters:
- file: book/part/chapter
"""


def notebooks() -> list[Path]:
    """The stored half of every executed page."""
    found = sorted(ROOT.glob("book/**/*.ipynb"))
    return [path for path in found if ".ipynb_checkpoints" not in path.parts]


def make(target: str, folder: Path, seconds: int = 600) -> subprocess.CompletedProcess:
    """`make target` with the Python that runs the tests, which is taken to be set up."""
    outer = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "BOOK_EXECUTE", "BOOK_REPOSITORY"}
    env = {key: value for key, value in os.environ.items() if key not in outer}
    command = ["make", "-o", ".venv/finished", f"BIN={Path(sys.executable).parent}", target]
    return subprocess.run(
        command, cwd=folder, env=env, text=True, timeout=seconds,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def stored_site(run: str) -> Path:
    """The site from stored outputs: built by the worker of this run that asks first."""
    SITE.mkdir(parents=True, exist_ok=True)
    with FileLock(SITE.parent / "site.lock"):
        built = SITE.parent / "site.run"
        if not built.is_file() or built.read_text() != run:
            shutil.rmtree(SITE)
            made = make("html", ROOT)
            assert made.returncode == 0, made.stdout
            built.write_text(run)
    return SITE


def tiny_book(folder: Path, *cells) -> Path:
    """A book of two pages in `folder`: an introduction, and a chapter of these cells."""
    for name in ("Makefile", "_config.yml", "requirements.txt", "book/references.bib"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for name in ("book/_ext", "book/_static", "book/_templates"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "_toc.yml").write_text(TOC)
    (folder / "book/intro.md").write_text("# A tiny book\n\nIt has one chapter.\n")
    chapter = folder / "book/part/chapter.ipynb"
    chapter.parent.mkdir()
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    notebook.metadata.language_info = {"name": "python"}
    nbformat.write(notebook, chapter)
    jupytext.write(notebook, chapter.with_suffix(".md"), fmt="md:myst")
    return folder
