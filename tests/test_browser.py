"""The site as its readers meet it: every page in Chromium, from a server with a strict policy.

Under `Content-Security-Policy: default-src 'self' 'unsafe-inline'` no page may load anything from
another host or evaluate text as code. A page with each fault is refused as well (`test_…_refuses_…`).
"""

import random
import re
from collections import Counter

import lints
import pytest
from building import ROOT, notebooks

from bench import pages

AXE = ROOT / ".venv/axe/node_modules/axe-core/axe.min.js"
CHAPTERS = [path.relative_to(ROOT).with_suffix(".html").as_posix() for path in notebooks()]
CHAPTER = "book/uand/random-layers.html"
PHONE = {"width": 375, "height": 800}

# What axe may find: its rule, the elements, and why. This is the only such list.
GRANTED = [
    (
        "empty-table-header",
        "th:has(mjx-assistive-mml)",
        "the heading is a formula: axe finds no text in MathML, which screen readers read",
    ),
]


def of(site):
    """Every page by its address; one that only leads on to another page is left out."""
    found = [path.relative_to(site).as_posix() for path in lints.pages_of(site)]
    return [
        page for page in found if not lints.page(site / page).select("meta[http-equiv=refresh i]")
    ]


# ------------------------------------------------------------------------------- what one page has

FORMULAS = """() => {
  const set = document.querySelectorAll("article mjx-container").length;
  const written = document.querySelectorAll("article .math").length;
  const wrong = document.querySelectorAll("mjx-merror, [data-mjx-error], mjx-container [mathcolor=red]");
  const text = document.createTreeWalker(document.querySelector("article, main"), NodeFilter.SHOW_TEXT,
    node => node.parentElement.closest("pre, code, script, style, mjx-container, .sig") ? 2 : 1);
  const raw = [];
  while (text.nextNode())
    if (/\\$|\\\\[([]|\\\\[a-z]+\\{/.test(text.currentNode.data)) raw.push(text.currentNode.data.trim());
  return [...raw.map(part => "not set: " + part), ...[...wrong].map(node => "wrong: " + node.textContent),
    ...(set < written ? [`${set} formulas set of ${written}`] : [])];
}"""


def faults(browser, server, page):
    """Everything wrong with a page at first view, by kind, but for axe's findings."""
    with pages.tab_of(browser) as (tab, problems):
        seen = pages.visit(tab, problems, server, page)
        explorable = tab.locator("figure.explorable").count()
        formulas = tab.evaluate(FORMULAS)
        tab.set_viewport_size(PHONE)
        wide = tab.evaluate("document.documentElement.scrollWidth")
    for _ in range(2):  # the machine may have been busy with something else
        if seen.painted >= pages.SLOWEST:
            with pages.tab_of(browser) as (tab, again):
                seen = seen._replace(painted=pages.visit(tab, again, server, page).painted)
    limit = pages.HEAVIEST_EXPLORABLE if explorable else pages.HEAVIEST
    found = {
        "loading": problems,
        "formulas": formulas,
        "width": [f"{wide} px wide"] * (wide > PHONE["width"]),
        "weight": [f"{seen.sent:,} bytes of at most {limit:,}"] * (seen.sent > limit),
        "paint": [f"text after {seen.painted:.0f} ms"] * (seen.painted >= pages.SLOWEST),
    }
    return {kind: [f"{page}: {what}" for what in told] for kind, told in found.items()}


KINDS = ["loading", "formulas", "width", "weight", "paint"]


@pytest.fixture(scope="module")
def found(browser, server, site):
    return [faults(browser, server, page) for page in of(site)]


@pytest.mark.parametrize("kind", KINDS)
def test_pages(found, kind):
    assert len(found) > len(CHAPTERS) and [what for page in found for what in page[kind]] == []


BROKEN = {
    "loading-elsewhere": '<img alt="" src="http://127.0.0.1:9/picture.png">',
    "loading-missing": '<img alt="" src="no-such-picture.png">',
    "loading-console": "<script>console.error('lost')</script>",
    "loading-error": "<script>lost()</script>",
    "loading-eval": "<script>eval('1')</script>",
    "formulas-dollar": "<p>Raw $d$.</p>",
    "formulas-macro": '<p><span class="math">\\(\\lost{d}\\)</span></p>',
    "formulas-fault": '<p><span class="math">\\(\\frac{d}\\)</span></p>',
    "width": '<div style="width: 500px">wide</div>',
    "weight": f"<!--{random.Random(0).randbytes(1_300_000).hex()}-->",
    "paint": "<script>for (const start = Date.now(); Date.now() < start + 1500;);</script>",
}


@pytest.fixture
def broken(server, site):
    """Serves a page of the site with a fault at the beginning of its text."""

    def serve(fault, page="book/notation.html"):
        begins, text = '<article class="bd-article">', (site / page).read_text("utf-8")
        name = page.replace(".html", "-broken.html")
        server.made[f"/{name}"] = text.replace(begins, begins + fault, 1).encode()
        return name

    yield serve
    server.made.clear()


@pytest.mark.parametrize("fault", BROKEN)
def test_pages_refuse_a_fault(browser, server, broken, fault):
    told = faults(browser, server, broken(BROKEN[fault]))
    assert [kind for kind in KINDS if told[kind]] == [fault.partition("-")[0]], told


# --------------------------------------------------------------------------------- axe, four ways

OF_COLOURS = ["color-contrast", "link-in-text-block"]
RUN_AXE = """async ([granted, rules]) => {
  const options = {resultTypes: ["violations"], elementRef: true};
  if (rules) options.runOnly = {type: "rule", values: rules};
  const {violations} = await axe.run(options);
  return violations.flatMap(rule => rule.nodes
    .filter(node => !granted.some(([id, where]) => id === rule.id && node.element.matches(where)))
    .map(node => `${rule.id}: ${node.html.slice(0, 120)}: ${node.failureSummary}`));
}"""


@pytest.fixture(scope="module")
def axe():
    if not AXE.exists():
        pytest.skip("no axe-core: install npm, then make test")
    return AXE.read_text("utf-8")


def barriers(browser, url, axe):
    """What axe finds on a page, light and dark, on a wide screen and on a phone's."""
    with pages.tab_of(browser) as (tab, _):
        pages.open_page(tab, url)
        tab.evaluate(axe)
        for size in ({"width": 1280, "height": 900}, PHONE):
            tab.set_viewport_size(size)
            for scheme in ("light", "dark"):
                tab.emulate_media(color_scheme=scheme)
                tab.locator(f"html[data-theme={scheme}]").wait_for(timeout=120_000)
                tab.wait_for_timeout(400)  # colours fade, and the theme looks which boxes scroll
                rules = OF_COLOURS if scheme == "dark" else None  # the others would say it again
                for what in tab.evaluate(RUN_AXE, [GRANTED, rules]):
                    yield f"{url}, {scheme}, {size['width']} px: {what}"


BARRIERS = {
    "color-contrast": '<p style="background: #888; color: #999">faint</p>',
    "image-alt": '<img src="../_static/favicon.svg">',
    "button-name": "<button></button>",
    "heading-order": "<h6>six</h6>",
    "scrollable-region-focusable": """<div style="height: 1em; overflow: auto; width: 5em">
        <p style="width: 90em">wide<br>long</p></div>""",
}


class TestAxe:
    """In a class of its own, so that another worker takes it."""

    def test_no_page_has_a_barrier(self, browser, server, site, axe):
        found = [what for page in of(site) for what in barriers(browser, server.url + page, axe)]
        assert found == []

    def test_what_is_granted_is_needed(self, browser, server, axe, monkeypatch):
        granted = GRANTED[:]
        monkeypatch.setattr(f"{__name__}.GRANTED", [])
        found = " ".join(barriers(browser, server.url + CHAPTER, axe))
        assert [rule for rule, _, _ in granted if rule not in found] == []

    @pytest.mark.parametrize("rule", BARRIERS)
    def test_axe_refuses(self, browser, server, broken, axe, rule):
        found = list(barriers(browser, server.url + broken(BARRIERS[rule]), axe))
        assert found and all(f": {rule}: " in what for what in found)


# ------------------------------------------------------------------------------ what a reader does


@pytest.fixture
def tab(browser):
    options = {"permissions": ["clipboard-read", "clipboard-write"], "color_scheme": "light"}
    with pages.tab_of(browser, **options) as (opened, _):
        yield opened


def test_the_dark_toggle_works_and_is_remembered(tab, address):
    ground = "getComputedStyle(document.body).backgroundColor"
    theme = "document.documentElement.dataset.theme"
    tab.goto(address + CHAPTER)
    light = tab.evaluate(ground)
    button = tab.locator(".theme-switch-button:visible")
    for _ in range(3):  # auto, light, dark
        if tab.evaluate(theme) != "dark":
            button.press("Enter")
    assert tab.evaluate(theme) == "dark" and tab.evaluate(ground) != light
    for page in (CHAPTER, "book/notation.html"):
        tab.goto(address + page)
        assert tab.evaluate(theme) == "dark" and tab.evaluate(ground) != light


def words(site, page):
    article = lints.page(site / page).find("article")
    for other in article.select("pre, code, script, .math"):
        other.decompose()
    return Counter(re.findall(r"\b[a-z]{6,}\b", article.get_text(" ").lower()))


def test_search_finds_a_term_of_each_chapter(tab, address, site):
    """The term that a chapter uses most among those of no other chapter."""
    counts = {page: words(site, page) for page in CHAPTERS}
    for page, own in counts.items():
        others = {word for other, count in counts.items() if other != page for word in count}
        term = max(sorted(own.keys() - others), key=own.get)
        tab.goto(f"{address}search.html?q={term}")
        tab.wait_for_selector(f"#search-results a[href*='{page}']")


def test_the_keyboard_skips_to_the_text(tab, address):
    tab.goto(address + CHAPTER)
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to main content"
    tab.keyboard.press("Enter")
    assert tab.url.endswith("#main-content")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_the_keyboard_copies_a_cell(tab, address):
    tab.goto(address + CHAPTER)
    button = tab.locator("button.copybtn:visible").first
    button.focus()
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.press("Tab")
    assert button.evaluate("node => node === document.activeElement")
    tab.wait_for_timeout(400)  # it fades in
    assert button.evaluate("node => getComputedStyle(node).opacity") == "1"
    tab.keyboard.press("Enter")
    cell = button.evaluate("node => node.parentElement.querySelector('pre').innerText")
    assert tab.evaluate("navigator.clipboard.readText()").strip() == cell.strip() != ""


def test_the_keyboard_opens_a_solution_and_hidden_code(tab, address):
    tab.goto(address + CHAPTER)
    hidden = "node => node.closest('.toggle').classList.contains('toggle-hidden')"
    button = tab.locator(".toggle-button").first
    for key, after in (("Enter", False), ("Space", True)):
        button.press(key)
        assert button.evaluate(hidden) is after
        assert button.get_attribute("aria-expanded") == str(not after).lower()
    summary = tab.locator("details > summary").first
    summary.press("Enter")
    assert summary.evaluate("node => node.parentElement.open")


def test_the_keyboard_reaches_what_scrolls_and_nothing_else(browser, address):
    with pages.tab_of(browser, viewport=PHONE) as (tab, _):
        pages.open_page(tab, address + CHAPTER)
        boxes = tab.locator(".pst-scrollable-table-container, mjx-container[display]")
        told = boxes.evaluate_all(
            "all => all.map(b => [b.scrollWidth > b.clientWidth, b.tabIndex])"
        )
    assert {(True, 0), (False, -1)} == {tuple(one) for one in told}


def test_a_term_shows_its_definition_to_pointer_and_keyboard(tab, browser, address):
    """Escape and leaving hide it. Without JavaScript it is the link's title."""
    page = address + "book/uand/training.html"
    tab.goto(page)
    term, tip = tab.locator("a.term").first, tab.locator("[role=tooltip]")
    meaning = term.get_attribute("title")
    assert len(meaning.split()) > 3 and tip.is_hidden()
    for show in (term.hover, term.focus):
        show()
        assert tip.is_visible() and tip.inner_text() == meaning
        assert term.get_attribute("aria-describedby") == tip.get_attribute("id")
        tab.keyboard.press("Escape")
        assert tip.is_hidden() and term.get_attribute("title") == meaning
        tab.mouse.move(0, 0)
    term.hover()
    tip.hover()  # the pointer may move onto the definition
    tab.wait_for_timeout(300)
    assert tip.is_visible()
    tab.mouse.move(0, 0)
    tip.wait_for(state="hidden")
    with pages.tab_of(browser, java_script_enabled=False) as (plain, _):
        plain.goto(page)
        assert plain.locator("a.term").first.get_attribute("title") == meaning
        plain.locator("a.term").first.click()
        assert "/book/glossary.html#term-" in plain.url


SHOWN = (
    "all => all.filter(image => !(image.complete && image.naturalWidth)).map(image => image.src)"
)


def test_a_chapter_is_readable_without_javascript(browser, address, site):
    """Its text and its solutions, the source of its formulas, its figures."""
    with pages.tab_of(browser, java_script_enabled=False) as (tab, _):
        tab.goto(address + CHAPTER)
        tab.wait_for_load_state("networkidle")
        text = tab.locator("article").inner_text()
        shown = tab.locator("article img").evaluate_all(SHOWN)
    assert shown == []
    article = lints.page(site / CHAPTER).find("article")
    assert article.select_one(".math").get_text() in text
    paragraphs = [p.get_text() for p in article.select("p") if not p.find_parent("details")]
    lost = [p for p in paragraphs if "".join(p.split()) not in "".join(text.split())]
    assert len(paragraphs) > 50 and lost == []


def test_a_chapter_works_from_a_file(browser, site):
    """Math, figures and search. Chromium lets no file load an icon font, and says so."""
    with pages.tab_of(browser) as (tab, problems):
        asked = []
        tab.on("request", lambda request: asked.append(request.url))
        pages.open_page(tab, (site / CHAPTER).as_uri())
        assert tab.evaluate(FORMULAS) == []
        tab.locator("article img").last.scroll_into_view_if_needed()
        tab.wait_for_load_state("networkidle")
        assert tab.locator("article img").last.evaluate("image => image.naturalWidth") > 0
        assert [problem for problem in problems if "font" not in problem] == []
        tab.goto((site / "search.html").as_uri() + "?q=superposition")
        tab.wait_for_selector(f"#search-results a[href*='{CHAPTER}']")
    assert asked and [url for url in asked if not url.startswith(("file:", "data:"))] == []
