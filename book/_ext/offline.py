"""Everything a page loads comes from the built site itself."""

import importlib.util
import shutil
from pathlib import Path

# the parts of MathJax that pages use, out of a package of several times their size
MATHJAX = (
    "tex-mml-chtml.js",
    "output/chtml/fonts",
    "input/tex/extensions",
    "ui",
    "a11y",
    "sre/mathmaps/base.json",
    "sre/mathmaps/en.json",
)


def copy_mathjax(app, exception):
    """Put MathJax, carried by a package of requirements.txt, beside the pages."""
    if exception or app.builder.format != "html":
        return
    package = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent
    for part in MATHJAX:
        source, target = package / "static/mathjax" / part, app.outdir / "_static/mathjax" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, target, **({"dirs_exist_ok": True} if source.is_dir() else {}))


def setup(app):
    app.config.mathjax_path = "mathjax/tex-mml-chtml.js"
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
