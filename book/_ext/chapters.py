"""Which half of each chapter is built, when it is executed again, and what its reader is told.

A chapter is a pair, `name.md` and `name.ipynb`. With BOOK_EXECUTE=1 the .md halves are executed
through a cache; otherwise the .ipynb halves are shown with the outputs stored in them.
"""

import csv
import hashlib
import os
import shutil
import time
from pathlib import Path

from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

LOG = logging.getLogger(__name__)
MINUTES = "book/results/minutes.csv"


def choose_halves(app, config):
    """Exclude one half of each pair, and execute the other or not."""
    root, executing = Path(app.srcdir), os.environ.get("BOOK_EXECUTE") == "1"
    found = [path.relative_to(root) for path in sorted(root.glob("book/**/*.ipynb"))]
    notebooks = [path for path in found if ".ipynb_checkpoints" not in path.parts]
    other = ".ipynb" if executing else ".md"
    config.exclude_patterns += [path.with_suffix(other).as_posix() for path in notebooks]
    config.nb_execution_mode = "cache" if executing else "off"
    if executing:
        config.nb_execution_cache_path = str(cache_of(root))
    app.began = time.time()


def cache_of(root):
    """The execution cache of what chapters depend on besides their text; others are dropped.

    jupyter-cache compares the cells alone: after an edit to a helper it would show old values.
    """
    caches = root / "_build/.jupyter_cache"
    current = caches / key_of(root)
    for path in set(caches.glob("*")) - {current}:
        shutil.rmtree(path, ignore_errors=True)
    return current


def key_of(root):
    """A hash of every file in helpers and book/results, and of the pinned versions."""
    files = [root / "requirements.txt", *root.glob("helpers/**/*"), *root.glob("book/results/**/*")]
    key = hashlib.sha256()
    for path in sorted(path for path in files if path.is_file() and path.suffix != ".pyc"):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        key.update(f"{path.relative_to(root).as_posix()} {content}\n".encode())
    return key.hexdigest()[:16]


def report(app, exception):
    """One line per executed chapter: its name, and its seconds or that the cache had it."""
    if app.config.nb_execution_mode == "off":
        return
    for name in sorted(app.env.found_docs):
        run = NbMetadataCollector.get_exec_data(app.env, name)
        if run and run["succeeded"]:
            fresh = app.began <= run["mtime"] <= time.time()
            LOG.info("%-40s %s", name, f"{run['runtime']:.1f} s" if fresh else "unchanged")


def timings(env):
    """Per chapter, its minutes to read and seconds to run, as `make notebooks` measured them."""
    env.note_dependency(MINUTES)
    table = Path(env.srcdir, MINUTES)
    rows = csv.DictReader(table.open()) if table.exists() else []
    return {row["chapter"]: row for row in rows}


class Minutes(SphinxDirective):
    """How long a chapter takes."""

    def run(self):
        row = timings(self.env).get(self.env.docname)
        text = "Not timed yet."
        if row:
            text = f"{row['minutes']} minutes to read, {row['seconds']} seconds to run on 2 cores."
        return [nodes.paragraph("", text, classes=["minutes"])]


def setup(app):
    app.add_directive("minutes", Minutes)
    app.connect("config-inited", choose_halves, priority=900)
    app.connect("build-finished", report)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
