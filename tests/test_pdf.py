"""The book on paper: a tiny book is printed; what the whole one prints is checked in test_site.py."""

import shutil
import subprocess
import sys

import pytest
from building import ROOT, make, tiny_book
from nbformat.v4 import new_code_cell, new_markdown_cell

pypdf = pytest.importorskip("pypdf")
CHROMIUM = next(filter(shutil.which, ("chromium", "chromium-browser", "google-chrome")), None)
TITLE = "How “paper” is filled – a chapter"
TEXT = f"""# {TITLE}

It begins with $\\sqrt{{n}} + \\frac{{1}}{{2}}$, see {{numref}}`fig-tiny` and {{doc}}`../intro`.

## What is closed on a screen

```{{exercise}} The first
:label: ex-first

Do it.
```

```{{solution}} ex-first
:class: dropdown

The solution is in the open.
```
"""
FIGURE = """from helpers import figures
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
figures.show(fig, "fig-tiny", caption="A figure with nothing in it.", data={"d": [1]},
             alt="An empty figure, drawn to see that figures are numbered.")"""


@pytest.fixture(scope="module")
def pdf(tmp_path_factory):
    if not CHROMIUM:
        pytest.skip("no chromium")
    drawn = new_code_cell(FIGURE)
    drawn.metadata.tags = ["hide-input"]
    long = [new_markdown_cell(f"Paragraph {n}. " + "Many words. " * 60) for n in range(12)]
    folder = tiny_book(tmp_path_factory.mktemp("paper"), new_markdown_cell(TEXT), drawn, *long)
    run = make("book", folder)
    assert run.returncode == 0, run.stdout
    command = [sys.executable, "book/_ext/pdf.py", CHROMIUM, "_build/html", "tiny.pdf"]
    subprocess.run(command, cwd=folder, check=True, timeout=300)
    return pypdf.PdfReader(folder / "tiny.pdf")


@pytest.fixture(scope="module")
def sheets(pdf):
    return [" ".join(sheet.extract_text().split()) for sheet in pdf.pages]


def test_every_page_is_printed_with_what_is_closed_on_a_screen(pdf, sheets):
    text = " ".join(sheets)
    assert 5 <= len(sheets) <= 12
    for said in (
        "It has one chapter.",
        "Paragraph 11.",
        "The solution is in the open.",
        "plt.subplots",
    ):
        assert said in text
    assert "Figure 1" in text and "??" not in text
    assert [len(sheet.images) for sheet in pdf.pages if sheet.images] == [1]


def test_formulas_are_set(sheets):
    assert "sqrt" not in " ".join(sheets) and "\\(" not in " ".join(sheets)


def test_contents_name_the_sheet_of_each_page(pdf, sheets):
    listed = sheets[1]
    at = {item.title: 1 + pdf.get_destination_page_number(item) for item in flat(pdf.outline)}
    assert f"{TITLE} {at[TITLE]}" in listed and at[TITLE] == 4
    begin = f"{TITLE} {at[TITLE]} {TITLE} It begins with"  # running title, number, its own title
    assert sheets[at[TITLE] - 1].startswith(begin)
    assert at["What is closed on a screen"] >= at[TITLE]


def flat(outline):
    for item in outline:
        yield from flat(item) if isinstance(item, list) else [item]


def test_links_lead_to_sheets_of_the_pdf(pdf):
    actions = [
        note.get_object().get("/A", {}) for sheet in pdf.pages for note in sheet.get("/Annots", [])
    ]
    assert actions and [action["/URI"] for action in actions if "/URI" in action] == []


def test_pdf_refuses_to_be_printed_without_chromium(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    run = make("pdf", tmp_path, CHROMIUM="no-such-browser")
    [line] = [line for line in run.stdout.splitlines() if not line.startswith("make")]
    assert run.returncode != 0 and line.startswith("cannot print: Chromium is missing")
