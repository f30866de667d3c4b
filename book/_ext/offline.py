"""Everything a page loads comes from the built site itself."""

import importlib.util
import shutil
from pathlib import Path

import vl_convert

# The parts of MathJax that pages use, out of a package of many times their size. Its menu is not
# among them: it makes every formula a stop of the tab key.
MATHJAX = (
    "startup.js",
    "core.js",
    "input/tex.js",
    "input/tex/extensions",
    "output/chtml.js",
    "output/chtml/fonts",
    "a11y/assistive-mml.js",
)
# what the theme brings and no page loads
UNUSED = ("**/*.map", "vendor/fontawesome/*/js", "vendor/fontawesome/**/*.ttf")


def settle_static(app, exception):
    """Put MathJax, carried by a package of requirements.txt, beside the pages; drop the unused."""
    if exception or app.builder.format != "html":
        return
    package = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent
    for part in MATHJAX:
        source, target = package / "static/mathjax" / part, app.outdir / "_static/mathjax" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, target, **({"dirs_exist_ok": True} if source.is_dir() else {}))
    for pattern in UNUSED:
        for path in Path(app.outdir, "_static").glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def copy_vega(app, exception):
    """Put Vega, carried by vl-convert, beside the pages."""
    if not exception and app.builder.format == "html":
        bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
        (app.outdir / "_static/vega.js").write_text(f"(() => {{{bundle}}})()", encoding="utf-8")


def add_scripts(app, pagename, templatename, context, doctree):
    """Load Vega where a figure needs it, after the page has been drawn."""
    if "plate explorable" in context.get("body", ""):
        for script in ("vega.js", "explore.js"):
            app.add_js_file(script, loading_method="defer")


def setup(app):
    app.config.mathjax_path = "mathjax/startup.js"
    app.connect("build-finished", settle_static)
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", copy_vega)
    return {"parallel_read_safe": True, "parallel_write_safe": True, "version": "1"}
