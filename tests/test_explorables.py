"""Figures that answer their inputs: what the helper stores, and what a browser makes of it.

The browser's tests build a tiny book of all explorables, and open it as a file and from a server
that grants scripts no `eval` and no other host.
"""

import base64
import functools
import http.server
import io
import json
import shutil
import threading
from contextlib import closing

import altair
import jupytext
import pandas as pd
import pytest
import vl_convert
from building import make, notebooks, tiny_book
from nbformat.v4 import new_code_cell, new_markdown_cell
from PIL import Image

from helpers import figures

POLICY = "default-src 'self' 'unsafe-inline'"
TEXTS = dict(caption="Try: move $a$.", alt="A dot at height one that moves with the slider.")


def chart(rows=3, value=1 / 3):
    table = pd.DataFrame({"x": range(rows), "kind": "a", "y": value})
    dots = altair.Chart(table).transform_calculate(z="datum.y * a").mark_point()
    return dots.encode(x="x:Q", y="z:Q").add_params(figures.slider("a", "height", 1, 0, 2, 0.5))


def explore(drawn=None, name="fig-a", data=None, **texts):
    data = {"x": [1, 2]} if data is None else data
    figures.explore(chart() if drawn is None else drawn, name, data=data, **TEXTS | texts)


# ------------------------------------------------------------------------------------ the helper


def test_explore_carries_specification_picture_texts_and_data(shown):
    explore()
    [(data, metadata)] = shown
    spec, figure = data[figures.VEGA_LITE], metadata["figure"]
    assert list(data)[0] == figures.VEGA_LITE  # the page reads it before the picture
    assert spec["description"] == TEXTS["alt"] and spec["config"] == figures.LOOK
    assert data["text/plain"] == f"fig-a: {TEXTS['alt']}"
    assert figure == {"name": "fig-a", **TEXTS, "csv": "x\n1\n2\n"}
    assert spec["params"][0]["bind"] == {
        "input": "range", "min": 0, "max": 2, "step": 0.5, "name": "height "
    }  # fmt: skip


def test_same_chart_gives_the_same_output(shown):
    explore()
    explore()
    assert shown[0] == shown[1]


def test_numbers_are_rounded_and_tables_are_short_named_text(shown):
    explore(chart(value=1 / 3))
    explore(chart(value=1 / 3 + 1e-9))
    first, second = (data[figures.VEGA_LITE] for data, _ in shown)
    assert first == second
    assert first["datasets"] == {
        "table-0": "x\tkind\ty\n0\ta\t0.3333\n1\ta\t0.3333\n2\ta\t0.3333\n"
    }
    parse = {"x": "number", "kind": "string", "y": "number"}
    assert first["data"] == {"name": "table-0", "format": {"type": "tsv", "parse": parse}}
    assert "http" not in json.dumps(first) and "schema" not in json.dumps(first)


def test_first_frame_is_drawn_with_the_first_values(shown):
    for start in (1, 2):
        moved = chart().copy(deep=True)
        moved.params[0].value = start
        explore(moved)
    pngs = [base64.b64decode(data["image/png"]) for data, _ in shown]
    frames = [Image.open(io.BytesIO(png)).convert("RGB") for png in pngs]
    assert frames[0].size[0] > 400 and len(frames[0].getcolors(10**6)) > 10
    assert frames[0].tobytes() != frames[1].tobytes()


def test_jupyterlab_can_draw_it_too(shown):
    """Its Vega-Lite is older than the page's."""
    explore()
    png = vl_convert.vegalite_to_png(shown[0][0][figures.VEGA_LITE], vl_version="5.8")
    assert png.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("chart", "bars"),
        ("chart", altair.Chart(pd.DataFrame({"x": [1]})).mark_point().encode(x="x:Q")),  # no input
        ("chart", chart(20_000)),
        ("name", "a"),
        ("name", "tab-a"),
        ("name", None),
        ("caption", "Try"),
        ("caption", None),
        ("alt", "a.png"),
        ("alt", None),
        ("data", {}),
        ("data", {"d": [1, 2], "e": [1]}),
    ],
    ids=["text", "no-input", "huge", "name", "table", "no-name", "short-caption", "no-caption",
         "short-alt", "no-alt", "no-data", "ragged"],
)  # fmt: skip
def test_explore_refuses_bad_arguments_by_name(shown, unchecked, argument, value):
    altair.data_transformers.disable_max_rows()
    with pytest.raises(ValueError, match=rf"(?s)^{argument}: got .*, expected "):
        explore(**{{"chart": "drawn"}.get(argument, argument): value})
    assert shown == []


def test_inputs_refuse_a_start_that_they_cannot_show():
    with pytest.raises(ValueError, match="^start: got 3, expected a number from 0 to 2"):
        figures.slider("a", "height", 3, 0, 2, 0.5)
    with pytest.raises(ValueError, match=r"^start: got 'c', expected one of \['a', 'b'\]"):
        figures.menu("a", "kind", ["a", "b"], "c")


# ------------------------------------------------------------------------------------- the page


def explorables():
    """Of every explorable of the book its name, and the stored output."""
    return [
        (output.metadata["figure"]["name"], output)
        for chapter in notebooks()
        for cell in jupytext.read(chapter).cells
        for output in cell.get("outputs", [])
        if figures.VEGA_LITE in output.get("data", {})
    ]


NAMES = [name for name, _ in explorables()]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A tiny book of all explorables."""
    cells = [
        new_code_cell(f"1  # {name}", execution_count=n, outputs=[output])
        for n, (name, output) in enumerate(explorables(), 1)
    ]
    title = new_markdown_cell("# Explorables")
    folder = tiny_book(tmp_path_factory.mktemp("explorables"), title, *cells)
    run = make("html", folder)
    assert run.returncode == 0, run.stdout
    return folder / "_build/stored/_build/html"


def test_scripts_are_loaded_where_an_explorable_is_and_nowhere_else(site):
    scripts = {"_static/vega.js", "_static/explore.js"}
    pages = {name: (site / f"book/{name}.html").read_text() for name in ("part/chapter", "intro")}
    for name, loads in (("part/chapter", True), ("intro", False)):
        assert all((script in pages[name]) is loads for script in scripts)
    assert all((site / script).is_file() for script in scripts)


@pytest.fixture(scope="module")
def opened():
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("no Chromium: on Debian or Ubuntu, apt install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with closing(browser):
            yield browser


@pytest.fixture(scope="module")
def address(site):
    class Strict(http.server.SimpleHTTPRequestHandler):
        def end_headers(self):
            self.send_header("Content-Security-Policy", POLICY)
            super().end_headers()

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Strict, directory=site)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module", params=["file", "http"])
def tab(request, opened, site, address):
    """The page of all explorables with every chart drawn, and what the console said."""
    root = site.as_uri() if request.param == "file" else address
    tab, said = opened.new_page(viewport={"width": 375, "height": 800}), []
    tab.on("console", lambda message: message.type == "error" and said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.goto(f"{root}/book/part/chapter.html")
    tab.wait_for_function("!document.querySelector('figure.explorable:not(.drawn)')")
    yield tab, said, request.param
    tab.close()


MARKS = """figure => [...figure.querySelectorAll("svg path, svg text, svg rect, svg line")]
    .map(mark => ["d", "transform", "fill", "x2", "y2"].map(name => mark.getAttribute(name))
    + mark.textContent).join()"""


@pytest.mark.parametrize("name", NAMES)
def test_every_input_changes_the_marks_by_keyboard_alone(tab, name):
    figure = tab[0].locator(f"figure#{name}")
    inputs = figure.locator("input, select")
    for n in range(inputs.count()):
        before, given = figure.evaluate(MARKS), inputs.nth(n).input_value()
        inputs.nth(n).focus()
        for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"):
            tab[0].keyboard.press(key)
            if inputs.nth(n).input_value() != given:
                break
        tab[0].wait_for_timeout(100)
        assert figure.evaluate(MARKS) != before, f"input {n + 1} of {name}"
    assert "NaN" not in figure.evaluate(MARKS)
    assert inputs.count() and figure.locator("output").inner_text()  # for a screen reader


@pytest.mark.parametrize("name", NAMES)
def test_chart_and_inputs_have_names_fit_a_phone_and_can_be_touched(tab, name):
    figure = tab[0].locator(f"figure#{name}")
    alt = figure.locator("img").get_attribute("alt")
    assert figure.locator("[role=graphics-document]").get_attribute("aria-label") == alt
    for one in figure.locator("input, select").all():
        assert one.evaluate("input => input.labels.length") == 1
        assert one.bounding_box()["height"] >= 24
    assert not figure.locator("img").is_visible()
    assert tab[0].evaluate("document.documentElement.scrollWidth") <= 375
    box = figure.locator(".explorable-chart")
    assert box.evaluate("box => box.scrollWidth <= box.clientWidth")


def test_nothing_is_wrong_in_the_console(tab):
    _, said, how = tab
    if how == "http":  # a file may not load the theme's fonts
        assert said == []


def test_paper_shows_the_first_frame_and_no_input(tab):
    tab[0].emulate_media(media="print")
    figure = tab[0].locator("figure.explorable").first
    assert figure.locator("img").is_visible() and not figure.locator("input").first.is_visible()
    tab[0].emulate_media(media="screen")


def test_without_scripts_there_is_the_first_frame(opened, site):
    tab = opened.new_page(java_script_enabled=False)
    tab.goto(f"{site.as_uri()}/book/part/chapter.html")
    figure = tab.locator("figure.explorable").first
    assert figure.locator("img").is_visible() and figure.locator("input").count() == 0
    tab.close()
