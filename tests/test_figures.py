"""A figure, a table and a glued number carry what the page shows, and refuse what it cannot."""

import base64
import io
import math
import re

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from helpers import figures

matplotlib.use("agg")
TEXTS = dict(
    caption="Error $\\varepsilon$ against width.",
    alt="The error of both readoffs falls with the width of the layer.",
)


@pytest.fixture(autouse=True)
def clean_slate():
    """No figure and no style leaks from one test into the next."""
    with matplotlib.rc_context():
        yield
    plt.close("all")


def drawing():
    fig, ax = plt.subplots()
    ax.plot([1, 2], [3, 4])
    return fig


def show(fig=None, name="fig-a", data=None, **texts):
    data = {"d": [1, 2], "error": [0.5, 0.25]} if data is None else data
    figures.show(fig or drawing(), name, data=data, **TEXTS | texts)


# -------------------------------------------------------------------------------------- figures


def test_show_carries_picture_texts_and_data(shown):
    show()
    [(data, metadata)] = shown
    figure = metadata["figure"]
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert data["text/plain"] == f"fig-a: {TEXTS['alt']}"
    assert (figure["name"], figure["caption"], figure["alt"]) == ("fig-a", *TEXTS.values())
    assert figure["csv"] == "d,error\n1,0.5\n2,0.25\n"


def test_show_closes_the_figure(shown):
    fig = drawing()
    show(fig)
    assert not plt.fignum_exists(fig.number)


def test_same_figure_gives_the_same_bytes(shown):
    show()
    show()
    assert shown[0] == shown[1]


@given(st.lists(st.tuples(st.integers(), st.floats(-1e9, 1e9)), min_size=1, max_size=8))
def test_csv_gives_the_data_back(shown, rows):
    frame = pd.DataFrame(rows, columns=["n", "x"])
    show(fig=plt.figure(figsize=(1, 1)), data=frame)
    back = pd.read_csv(io.StringIO(shown[-1][1]["figure"]["csv"]))
    np.testing.assert_allclose(back["x"], frame["x"], rtol=1e-5)
    assert list(back.columns) == ["n", "x"]
    assert back["n"].astype(str).tolist() == frame["n"].astype(str).tolist()


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("fig", plt),
        ("name", "a"),
        ("name", "fig_a"),
        ("name", "fig-"),
        ("name", "fig-A"),
        ("name", "fig-a b"),
        ("name", "tab-a"),
        ("name", None),
        ("caption", ""),
        ("caption", "Error"),
        ("caption", None),
        ("alt", ""),
        ("alt", "  \n "),
        ("alt", "a.png"),
        ("alt", None),
        ("data", {}),
        ("data", {"d": []}),
        ("data", {"d": [1, 2], "e": [1]}),
        ("data", pd.DataFrame()),
        ("data", {"d": np.arange(300_000)}),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_show_refuses_bad_arguments_by_name(shown, unchecked, argument, value):
    with pytest.raises(ValueError, match=rf"(?s)^{argument}: got .*, expected "):
        show(**{argument: value})
    assert shown == []


# --------------------------------------------------------------------------------------- tables


def test_table_carries_head_rows_and_caption(shown):
    frame = pd.DataFrame({"s": [2, 3], "error": [0.123456, 4.0], "layer": ["a", "b"]})
    figures.table(frame, "tab-a", caption="Errors of the layers.")
    [(data, metadata)] = shown
    table = metadata["table"]
    assert table["name"] == "tab-a" and table["caption"] == "Errors of the layers."
    assert table["head"] == ["s", "error", "layer"]
    assert table["rows"] == [["2", "0.1235", "a"], ["3", "4", "b"]]
    assert "<table" in data["text/html"] and "0.1235" in data["text/plain"]


@given(st.floats(-1e300, 1e300))
def test_cell_text_keeps_four_significant_digits(x):
    text = figures.cell_text(x)
    assert math.isclose(float(text), x, rel_tol=5.1e-4, abs_tol=1e-320)
    mantissa = re.sub(r"e.*|[-.]", "", text)
    assert len(mantissa.lstrip("0")) <= 4


@given(st.integers())
def test_cell_text_keeps_integers(n):
    assert figures.cell_text(n) == str(n)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("frame", pd.DataFrame()),
        ("frame", pd.DataFrame({"a": []})),
        ("frame", 3),
        ("name", "fig-a"),
        ("name", "tab-"),
        ("name", 1),
        ("caption", ""),
        ("caption", "One"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_table_refuses_bad_arguments_by_name(shown, unchecked, argument, value):
    sound = dict(frame=pd.DataFrame({"a": [1]}), name="tab-a", caption="A table of one.")
    with pytest.raises(ValueError, match=rf"(?s)^{argument}: got .*, expected "):
        figures.table(**sound | {argument: value})
    assert shown == []


# ----------------------------------------------------------------------------------------- glue


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (0.25, "0.25"),
        (np.float64(0.25), "0.25"),
        (np.float32(0.25), "0.25"),
        (np.int64(3), "3"),
        (3, "3"),
        ("yes", "'yes'"),
    ],
    ids=repr,
)
def test_glue_stores_a_plain_value(shown, unchecked, value, plain):
    figures.glue(a_key=value)
    [(data, metadata)] = shown
    assert data == {"application/papermill.record/text/plain": plain}
    assert metadata["scrapbook"]["name"] == "a_key"


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_glue_loses_nothing(shown, value):
    figures.glue(a=value)
    text = shown[-1][0]["application/papermill.record/text/plain"]
    assert type(value)(text) == value


@pytest.mark.parametrize("value", [math.nan, math.inf, None, True, [1.0], 1j], ids=repr)
def test_glue_refuses_bad_values_by_name_and_stores_none(shown, unchecked, value):
    with pytest.raises(ValueError, match="^second: got .*, expected "):
        figures.glue(first=1.0, second=value)
    assert shown == []


# ---------------------------------------------------------------------------------------- theme


def luminance(colour):
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("colour", figures.PALETTE)
def test_colours_stand_out_from_the_ground(colour):
    assert 1.05 / (luminance(colour) + 0.05) >= 3


def test_palette_is_distinct_and_starts_with_zero_and_one():
    assert figures.PALETTE[:2] == [figures.ZERO, figures.ONE]
    assert len(set(figures.PALETTE)) == len(figures.PALETTE) <= len(figures.STYLES)


def test_only_set_theme_changes_the_look():
    before = matplotlib.rcParams.copy()
    figures.set_theme()
    colours = matplotlib.rcParams["axes.prop_cycle"].by_key()["color"]
    assert [to_hex(colour).upper() for colour in colours] == figures.PALETTE
    assert matplotlib.rcParams != before
