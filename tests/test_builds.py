"""A strict build of a tiny book: it passes when sound, and each fault alone makes it fail."""

import re

from building import make, tiny_book
from lints import page
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

TITLE = new_markdown_cell("# A chapter\n\nIt cites nothing.")
FINE = new_code_cell("1 + 1", execution_count=1, outputs=[])
FIGURE = """from helpers import claims, figures
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
figures.show(fig, "fig-tiny", caption="A figure with nothing in it.", data={"d": [1]},
             alt="An empty figure, drawn to see that figures are numbered.")
figures.glue(half=0.5)
claims.check("U4", "the affine readoff", measured=0.25, expected=0.25, tolerance=0,
             reason="an identity")"""
PROSE = "See {numref}`fig-tiny`; a half is {glue:text}`half:.2f`."


def built(target, folder):
    """The text of a sound book's chapter, and what the build said."""
    run = make(target, folder)
    assert run.returncode == 0, run.stdout
    out = "_build/html" if target == "book" else "_build/stored/_build/html"
    article = page(folder / out / "book/part/chapter.html").find("article")
    return article, " ".join(article.get_text().split()), run.stdout


def refused(target, folder, *messages):
    run = make(target, folder)
    assert run.returncode != 0, run.stdout
    assert [message for message in messages if message not in run.stdout] == [], run.stdout


def test_a_sound_book_builds_executed(tmp_path):
    cells = TITLE, new_code_cell(FIGURE), new_markdown_cell(PROSE)
    article, text, said = built("book", tiny_book(tmp_path, *cells))
    assert "See Figure 1; a half is 0.50." in text
    assert article.select("figure#fig-tiny img[alt]") and article.select("#check-u4-1")
    assert re.search(r"^book/part/chapter +\d+\.\d s", said, re.MULTILINE)


def test_a_sound_book_builds_stored(tmp_path):
    _, text, _ = built("html", tiny_book(tmp_path, TITLE, FINE))
    assert "It cites nothing." in text


BROKEN = {
    "sec-nowhere": "See {ref}`sec-nowhere`.",
    "fig-nowhere": "See {numref}`fig-nowhere`.",
    "eq-nowhere": "See {eq}`eq-nowhere`.",
    "nowhere.md": "See [there](nowhere.md).",
    "nobody2024": "See {cite}`nobody2024`.",
    "no-value": "It is {glue:text}`no-value:.2f`.",
}


def test_build_refuses_a_broken_cross_reference_of_every_kind(tmp_path):
    cell = new_markdown_cell("\n\n".join(BROKEN.values()))
    refused("html", tiny_book(tmp_path, TITLE, FINE, cell), *BROKEN, f"{len(BROKEN)} warnings")


def test_build_refuses_a_broken_cross_reference_again_when_nothing_changed(tmp_path):
    """Sphinx warns once about a page; the second build has to fail as well."""
    book = tiny_book(tmp_path, TITLE, FINE, new_markdown_cell(BROKEN["sec-nowhere"]))
    refused("html", book, "sec-nowhere", "1 warning")
    refused("html", book, "sec-nowhere", "1 warning")


def test_build_refuses_a_failing_cell(tmp_path):
    cell = new_code_cell('raise ArithmeticError("the gain is gone")')
    refused("book", tiny_book(tmp_path, TITLE, cell), "the gain is gone")


def test_build_refuses_an_unknown_mime_type(tmp_path):
    shown = new_output("display_data", {"application/vnd.unheard-of+json": {"a": 1}})
    cell = new_code_cell("1", execution_count=1, outputs=[shown])
    refused("html", tiny_book(tmp_path, TITLE, cell), "mime type", "1 warning")


def test_an_edited_helper_or_result_is_never_shown_stale(tmp_path):
    """jupyter-cache alone would keep the old value: the page's own text did not change."""
    source = """import runpy
helper = runpy.run_path("../../helpers/value.py")["VALUE"]
print("seen:", helper, open("../results/value.txt").read())"""
    folder = tiny_book(tmp_path, TITLE, new_code_cell(source))
    helper, result = folder / "helpers/value.py", folder / "book/results/value.txt"
    for path, text in ((helper, "VALUE = 1"), (result, "old")):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert "seen: 1 old" in built("book", folder)[1]
    assert re.search(r"book/part/chapter +unchanged", built("book", folder)[2])
    helper.write_text("VALUE = 2")
    assert "seen: 2 old" in built("book", folder)[1]
    result.write_text("new")
    assert "seen: 2 new" in built("book", folder)[1]
