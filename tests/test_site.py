"""The site built from stored outputs: whole, self-contained, figures and claims in place."""

import jupytext
import lints
import pytest
from building import ROOT, notebooks

from helpers.claims import CLAIMS

CHAPTERS = notebooks()
OF_A_PAGE = [
    lints.loaded_from_elsewhere,
    lints.poor_figures_on_page,
    lints.figures_without_data,
    lints.unresolved,
]


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
            drawn = lints.page(site / page).select(f"article {tag}#{meta['name']}")
            assert len(drawn) == 1 and drawn[0].select(".caption-number"), meta["name"]


def test_every_figure_shows_the_alt_text_and_data_it_was_given(site):
    for page, meta in outputs("figure"):
        [drawn] = lints.page(site / page).select(f"article figure#{meta['name']}")
        link = drawn.select_one("a[href$='.csv']")["href"]
        assert drawn.img["alt"] == meta["alt"]
        assert ((site / page).parent / link).resolve().read_text() == meta["csv"]


def test_ledger_lists_every_claim_once(site):
    ledger = lints.page(site / "book/ledger.html")
    boxes = ledger.select("article .claim[id]")
    assert sorted(box["id"].upper() for box in boxes) == sorted(CLAIMS)
    for box in boxes:
        verdict = box.select_one(".verdict").get_text()
        assert verdict == (CLAIMS[box["id"].upper()].verdict or "not measured yet")


def test_ledger_links_every_check_to_its_card(site):
    linked = set()
    for link in lints.page(site / "book/ledger.html").select("article a[href*='#check-']"):
        page, _, anchor = link["href"].partition("#")
        target = (site / "book" / page).resolve()
        card = lints.page(target).find(id=anchor)
        claim = link.find_parent(class_="claim")["id"]
        assert card and claim in anchor and link.get_text() in card.get_text()
        linked.add((target.relative_to(site.resolve()).as_posix(), anchor))
    assert len(linked) == len(outputs("claim"))


def test_no_button_leads_to_a_repository_that_is_not_known(site):
    for path in lints.pages_of(site):
        header = lints.page(path).select(
            ".bd-header-article a[href^='http'], .bd-header a[href^='http']"
        )
        assert header == [], path
