"""The site built from stored outputs: whole, self-contained, figures and claims in place."""

import functools
import importlib
import os
import pkgutil
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import jupytext
import lints
import pytest
from bs4 import BeautifulSoup
from building import ROOT, notebooks

import helpers
from helpers.claims import CLAIMS

CHAPTERS = notebooks()
PUBLIC = [
    module.name
    for module in pkgutil.iter_modules(helpers.__path__, "helpers.")
    if not module.name.startswith("helpers._")
]
OF_A_PAGE = [
    lints.loaded_from_elsewhere,
    lints.poor_figures_on_page,
    lints.figures_without_data,
    lints.not_linkable,
    lints.unresolved,
]


parsed = functools.cache(lints.page)  # to be read only


def outputs(kind):
    """What all chapters store of a kind (figure, table, claim): (page, metadata)."""
    return [
        (chapter.relative_to(ROOT).with_suffix(".html").as_posix(), output.metadata[kind])
        for chapter in CHAPTERS
        for cell in jupytext.read(chapter).cells
        for output in cell.get("outputs", [])
        if kind in output.get("metadata", {})
    ]


def test_every_page_is_there(site):
    pages = [path.relative_to(ROOT) for path in [*CHAPTERS, *ROOT.glob("book/*.md")]]
    assert [page for page in pages if not (site / page.with_suffix(".html")).is_file()] == []


@pytest.mark.parametrize("lint", OF_A_PAGE, ids=lambda lint: lint.__name__)
def test_pages(site, lint):
    pages = lints.pages_of(site)
    assert pages and [finding for page in pages for finding in lint(page)] == []


@pytest.mark.parametrize("kind", ["css", "js"])
def test_files_load_nothing_from_elsewhere(site, kind):
    files = sorted(site.rglob(f"*.{kind}"))
    assert (
        files and [finding for file in files for finding in lints.loaded_from_elsewhere(file)] == []
    )


def test_every_link_leads_somewhere(site):
    assert lints.broken_links(site) == []


def test_every_figure_and_table_is_on_its_page_with_its_number(site):
    for kind, tag in (("figure", "figure"), ("table", "table")):
        for page, meta in outputs(kind):
            drawn = parsed(site / page).select(f"article {tag}#{meta['name']}")
            assert len(drawn) == 1 and drawn[0].select(".caption-number"), meta["name"]


def test_every_figure_shows_the_alt_text_and_data_it_was_given(site):
    for page, meta in outputs("figure"):
        [drawn] = parsed(site / page).select(f"article figure#{meta['name']}")
        link = drawn.select_one("a[href$='.csv']")["href"]
        assert drawn.img["alt"] == meta["alt"]
        assert ((site / page).parent / link).resolve().read_text() == meta["csv"]


def test_ledger_lists_every_claim_once(site):
    ledger = lints.page(site / "book/ledger.html")
    boxes = ledger.select("article .claim[id]")
    names = [box["id"].removeprefix("claim-").upper() for box in boxes]
    assert sorted(names) == sorted(CLAIMS)
    for name, box in zip(names, boxes, strict=True):
        verdict = box.select_one(".verdict").get_text()
        assert verdict == (CLAIMS[name].verdict or "not measured yet")


def test_ledger_links_every_check_to_its_card(site):
    linked = set()
    for link in lints.page(site / "book/ledger.html").select("article a[href*='#check-']"):
        page, _, anchor = link["href"].partition("#")
        target = (site / "book" / page).resolve()
        card = parsed(target).find(id=anchor)
        claim = link.find_parent(class_="claim")["id"].removeprefix("claim-")
        assert card and f"-{claim}-" in anchor and link.get_text() in card.get_text()
        linked.add((target.relative_to(site.resolve()).as_posix(), anchor))
    assert len(linked) == len(outputs("claim"))


def test_whole_book_is_joined_for_paper(site, monkeypatch):
    """Every page, figure and solution once, no name twice, and no link into the void."""
    pytest.importorskip("pypdf")
    from book._ext import pdf

    monkeypatch.chdir(ROOT)
    joined = BeautifulSoup(pdf.join(site.resolve()), "html.parser")
    pages = [
        path.relative_to(ROOT).with_suffix("") for path in [*CHAPTERS, *ROOT.glob("book/*.md")]
    ]
    sections = {section["id"]: section for section in joined.select("section.page")}
    assert sorted(sections) == sorted({page.as_posix().replace("/", "-") for page in pages})
    names = [tag["id"] for tag in joined.select("[id]")]
    assert len(names) == len(set(names))
    links = [link["href"] for link in joined.select("a[href]")]
    assert {link[1:] for link in links if link[0] == "#"} <= set(names)
    assert [link for link in links if not link.startswith(("#", "https://"))] == []
    pictures = [Path(unquote(urlsplit(picture["src"]).path)) for picture in joined.select("img")]
    assert len(pictures) >= len(outputs("figure"))
    assert [path for path in pictures if not path.is_file()] == []
    assert joined.select("details, summary, button, .headerlink") == []
    built = [parsed(path) for path in lints.pages_of(site)]
    for kind in (".solution", ".claim", ".cell_input"):
        assert len(joined.select(kind)) == sum(len(page.select(kind)) for page in built)


def test_no_button_leads_to_a_repository_that_is_not_known(site):
    for path in lints.pages_of(site):
        header = lints.page(path).select(
            ".bd-header-article a[href^='http'], .bd-header a[href^='http']"
        )
        assert header == [], path


def public(module):
    """The functions and classes that a module of helpers offers of its own."""
    names = [name for name in vars(module) if not name.startswith("_")]
    found = {name: vars(module)[name] for name in names if callable(vars(module)[name])}
    own = [name for name, one in found.items() if one.__module__ == module.__name__]
    return [f"{module.__name__}.{name}" for name in own]


def test_every_public_function_is_on_the_page_of_helpers_with_its_source(site):
    api = lints.page(site / "book/api.html")
    told = {tag["id"]: tag for tag in api.select("dt[id], section[id]")}
    for name in PUBLIC:
        offered = public(importlib.import_module(name))
        assert offered and [one for one in offered if one not in told] == []
        assert [one for one in offered if not told[one].select(".viewcode-link")] == []
        assert told[f"module-{name}"].p.get_text().strip()


def test_the_front_page_shows_a_picture_of_every_part(site):
    front = lints.page(site / "book/intro.html")
    shown = [link["href"].split("/")[0] for link in front.select("figure a:has(> img)")]
    assert sorted(shown) == ["attention", "simplicity", "uand"]
    hour = next(term for term in front.select("dt") if term.get_text() == "An hour")
    [minutes] = re.findall(r"(\d+) minutes", hour.find_next("dd").get_text())
    assert 30 < int(minutes) <= 60


def test_the_map_agrees_with_the_prerequisites_that_chapters_state(site):
    """A chapter that links to another one in its table of prerequisites stands to its right."""
    boxes = lints.page(site / "book/intro.html").select("svg.roadmap a")
    place = {box["href"].removesuffix(".html"): float(box.rect["x"]) for box in boxes}
    stated = []
    for chapter in place:
        text = (ROOT / "book" / f"{chapter}.md").read_text("utf-8")
        for link in re.findall(r"^\|.*\| \[.*\]\((\S+?)(?:\.md)?\) \|$", text, re.M):
            stated.append((chapter, os.path.normpath(Path(chapter).parent / link)))
    stated = [(chapter, needed) for chapter, needed in stated if needed in place]  # no primer is
    assert stated
    assert [pair for pair in stated if place[pair[1]] >= place[pair[0]]] == []
