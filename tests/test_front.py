"""What pages take from each other, in a tiny book: pictures, minutes, the map, terms, errata."""

import base64
import re

import pytest
from building import make, tiny_book
from lints import page
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

TOC = """format: jb-book
root: book/intro
parts:
- caption: A part
  numbered: true
  chapters:
  - file: book/part/chapter
  - file: book/part/other
- caption: Back matter
  chapters:
  - file: book/glossary
  - file: book/errata
"""
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
META = {"name": "fig-dot", "caption": "A caption of its own.", "csv": "x\n1\n"}
META["alt"] = "One dot, which has no size to speak of."
GLUED = {"scrapbook": {"name": "half", "mime_prefix": "application/papermill.record/"}}
OUTPUTS = [
    new_output(
        "display_data", {"image/png": PNG, "text/plain": "fig-dot"}, metadata={"figure": META}
    ),
    new_output("display_data", {"application/papermill.record/text/plain": "0.5"}, metadata=GLUED),
]
CELLS = [
    new_markdown_cell("# A chapter\n\n*Difficulty 1 of 5, 7 minutes: code.*"),
    new_markdown_cell("Its readoffs, a Readoff, `maps.x(3)`, `maps.y`."),
    new_code_cell("1", execution_count=1, outputs=OUTPUTS),
    new_markdown_cell("## Readoff\n\nA sub/readoff, *readoff*, [a readoff](other.md), `readoff` $readoff$, READOFF."),
]  # fmt: skip
OTHER = """# Another

```{eval-rst}
.. py:function:: helpers.maps.x
```

*Difficulty 2 of 5, 5 minutes: derive.* *Difficulty 4 of 5, 90 minutes: code.*
"""
GLOSSARY = """# Glossary

```{glossary}
readoff
linear readoff
  A vector of *weights*.

gain (of a readoff)
  What it gains.
```
"""
INTRO = """# A tiny book

```{picture} fig-dot
It is {glue:text}`part/chapter.md::half:.2f`.
```

{reading}`all`, {reading}`part/other`, {reading}`each`, {easy}`all`.

```{map}
part/chapter | The chapter |
part/other | Other | part/chapter
```
"""
ENTRY = {
    "date": "2026-01-31",
    "page": '"book/part/other"',
    "wrong": '"It was $1$."',
    "right": '"It is $2$."',
    "found": '"a reader"',
    "fixed": '"0.2.0"',
}


def entry(**changed):
    """An entry of errata.toml; None leaves a field out."""
    fields = {name: text for name, text in (ENTRY | changed).items() if text is not None}
    return "\n".join(["[[erratum]]", *(f"{name} = {text}" for name, text in fields.items()), "\n"])


def book(folder, intro=INTRO, errata=""):
    tiny_book(folder, *CELLS)
    files = {"_toc.yml": TOC, "book/intro.md": intro, "book/glossary.md": GLOSSARY}
    files |= {"book/errata.toml": errata, "book/errata.md": "# Errata\n\n```{errata}\n```\n"}
    files |= {"book/part/other.md": OTHER}
    files["book/results/minutes.csv"] = (
        "chapter,words,minutes,seconds\nbook/part/chapter,1,50,1\nbook/part/other,1,90,1\n"
    )
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = book(
        tmp_path_factory.mktemp("book"), errata=entry() + entry(date="2026-02-01", fixed='"0.3.0"')
    )
    run = make("html", folder)
    assert run.returncode == 0, run.stdout
    return folder / "_build/stored/_build/html/book"


def test_a_picture_is_the_chapter_s_figure_with_a_caption_of_its_own(pages):
    figure = page(pages / "intro.html").select_one("figure")
    link = figure.select_one("a:has(> img)")
    assert link["href"] == "part/chapter.html#fig-dot" and link.img["alt"] == META["alt"]
    assert (pages / link.img["src"]).read_bytes() == base64.b64decode(PNG)
    assert figure.select_one(".caption-text").get_text() == "It is 0.50. Figure 1.1"
    data = figure.select_one("a[href$='.csv']")["href"]
    assert (pages / data).read_text() == META["csv"]


def test_minutes_are_added_from_the_table_and_from_easy_exercises(pages):
    text = page(pages / "intro.html").find("article").get_text(" ", strip=True)
    assert "2 and a half hours, 90 minutes, 50 to 90 minutes, 12 minutes." in text


def test_the_map_links_every_chapter_and_says_what_it_needs(pages):
    first, second = page(pages / "intro.html").select("svg.roadmap a")
    assert (first["href"], second["href"]) == ("part/chapter.html", "part/other.html")
    assert first["aria-label"] == "The chapter 50 min: A chapter"
    assert second["aria-label"] == "Other 90 min: Another. Read first: The chapter"
    assert float(second.rect["x"]) > float(first.rect["x"]) and "90 min" in second.get_text()


def test_terms_link_once_a_section_from_prose_only(pages):
    sections = page(pages / "part/chapter.html").select("article section")
    title = "A vector of weights."
    found = [(a.get_text(), a["href"], a["title"]) for a in sections[0].select("a.term")]
    anchor = "../glossary.html#term-readoff"
    assert found == [("readoffs", anchor, title), ("READOFF", anchor, title)]
    assert page(pages / "glossary.html").find(id="term-readoff")
    assert page(pages / "glossary.html").select("a.term") == []


def test_code_spans_link_to_the_helpers_that_they_name(pages):
    links = page(pages / "part/chapter.html").select("article a:has(> code)")
    assert [(a.get_text(), a["href"]) for a in links] == [
        ("maps.x(3)", "other.html#helpers.maps.x")
    ]


def test_errata_stand_newest_first_with_their_pages(pages):
    told = page(pages / "errata.html").select("article p")
    assert [p.strong.get_text() for p in told] == ["2026-02-01", "2026-01-31"]
    assert told[0].a["href"] == "part/other.html" and told[0].a.get_text() == "Another"
    assert told[1].select(".math") and told[1].get_text().endswith("a reader, fixed in 0.2.0.")


def test_no_errata_are_told_in_a_sentence(tmp_path):
    run = make("html", book(tmp_path, errata="# none yet\n"))
    assert run.returncode == 0, run.stdout
    text = page(tmp_path / "_build/stored/_build/html/book/errata.html").find("article").get_text()
    assert "No error of a published version is known." in text


FAULTS = {
    "entry 1: right is missing": entry(right=None),
    "entry 2: page: got 'book/part/lost'": entry(page='"book/part/lost"'),
    "entry 3: date: got 31 January": entry(date='"31 January"'),
    "entry 4: date: got 2999-01-01": entry(date="2999-01-01"),
    "entry 5: fixed: got 'soon'": entry(fixed='"soon"'),
    "entry 6: found: got ''": entry(found='""'),
    "entry 7: by: got a field": entry(by='"x"'),
    "got correction, expected entries": "[[correction]]\n",
}
BAD_INTRO = """# A tiny book

```{picture} fig-lost
A figure.
```

{reading}`part/lost`

```{map}
part/chapter | The chapter | part/other
part/other | Other |
```

```{map}
part/chapter | The chapter |
```

```{map}
part/chapter
```
"""
BAD = {
    "no figure has the name 'fig-lost'",
    "no minutes for book/part/lost",
    "map: book/part/chapter needs book/part/other, which is no earlier chapter",
    "map: book/part/other has a line or is a numbered chapter, but not both",
    "map: expected lines of the form",
}


def test_build_refuses_each_fault_in_a_line_of_its_own(tmp_path):
    run = make("html", book(tmp_path, BAD_INTRO, "".join(FAULTS.values())))
    lines = [line for line in run.stdout.splitlines() if re.search("WARNING|ERROR", line)]
    assert run.returncode != 0
    for message in [*FAULTS, *BAD]:
        assert sum(message in line for line in lines) == 1, (message, run.stdout)
    assert len(lines) == len(FAULTS) + len(BAD), lines


def test_build_refuses_errata_that_are_no_toml(tmp_path):
    run = make("html", book(tmp_path, errata="[[erratum]\n"))
    assert run.returncode != 0 and "WARNING: book/errata.toml: " in run.stdout
