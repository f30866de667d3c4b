"""Figures, tables and numbers that carry what the page needs to show them.

An output's data is what any notebook viewer shows; its metadata (caption, alt text, CSV) is what
the built book adds. Both are made by the cell, so a caption may quote what was computed.
"""

import base64
import io
import json
import math
import re
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import altair
import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
import vl_convert
from IPython.display import display
from matplotlib.figure import Figure
from pandas.api.types import is_numeric_dtype
from PIL import Image

# Told apart by colour-blind readers, and 3:1 or more against the white ground of every figure.
ZERO = "#0072B2"  # blue: readoffs that should be 0
ONE = "#C28A00"  # yellow: readoffs that should be 1
PALETTE = [ZERO, ONE, "#00795A", "#A6498A", "#C44E00", "#555555"]
STYLES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3))]
INK = "#222222"

LARGEST_CSV = 1_000_000  # characters: a download of the page, not an archive of the run
LARGEST_SPEC = 150_000  # characters: it stands in the page itself

# The look of an explorable figure, which is set for a phone's width: as the others', text a bit larger.
_TEXT = {"labelColor": INK, "titleColor": INK, "labelFontSize": 12, "titleFontSize": 12}
LOOK = {
    "background": "white",
    "font": "DejaVu Sans, Verdana, sans-serif",
    "axis": _TEXT | {"titleFontWeight": "normal", "gridColor": "#dddddd", "tickColor": "#888888"},
    "legend": _TEXT | {"titleFontWeight": "normal", "orient": "bottom", "labelLimit": 280},
    "header": _TEXT,
    "title": {"color": INK, "fontSize": 13, "fontWeight": "normal", "anchor": "start"},
    "text": {"color": INK, "fontSize": 12},
    "view": {"stroke": "#bbbbbb"},
    "range": {"category": PALETTE},
}
# JupyterLab's newest; the page draws it with a later Vega-Lite
VEGA_LITE = "application/vnd.vegalite.v5+json"


def set_theme() -> None:
    """Set the book's look: seaborn's white grid, `PALETTE`, dark ink on a ground of its own.

    The ground is opaque white, so ink and colours keep their contrast in dark mode.
    """
    ink = dict.fromkeys(["text.color", "axes.labelcolor", "xtick.color", "ytick.color"], INK)
    size = {"figure.figsize": (6.4, 4), "figure.dpi": 100, "savefig.dpi": 150}
    sns.set_theme(style="whitegrid", palette=PALETTE, rc=ink | size | {"figure.facecolor": "white"})


def show(fig: Figure, name: str, *, caption: str, alt: str, data: Any) -> None:
    """Display `fig` as a numbered figure that the page links to by `name`, and close it.

    `caption` may hold MyST markup such as ``$d$``; `alt` states the finding in plain words; `data`
    (a DataFrame, or a dict of columns) is offered as a CSV download under the figure.
    Raises ValueError for a name other than "fig-...", an empty or short text, empty or huge data.

    >>> show(plt.figure(), "plot", caption="", alt="", data={})
    Traceback (most recent call last):
    ...
    ValueError: name: got 'plot', expected 'fig-' and then lower-case letters, digits or hyphens
    """
    meta = _figure_meta(name, caption, alt, data)
    png = base64.b64encode(_png(fig)).decode()
    plt.close(fig)
    bundle = {"image/png": png, "text/plain": f"{name}: {meta['alt']}"}
    display(bundle, raw=True, metadata={"figure": meta})


def explore(chart: Any, name: str, *, caption: str, alt: str, data: Any) -> None:
    """Display an Altair chart as a figure that answers its inputs, on the page and in JupyterLab.

    Its picture at the first values of the inputs stands for it where no script runs. The texts and
    `data` are those of `show`; let the caption say what to try. The numbers of the specification
    are rounded to 4 significant digits, so that a run elsewhere stores the same text.
    Raises ValueError as `show` does, for a chart that is none, that has no input, or that is huge.

    >>> texts = dict(caption="Drag the slider.", alt="Bars that nobody has drawn.")
    >>> explore("bars", "fig-bars", data={"x": [1]}, **texts)
    Traceback (most recent call last):
    ...
    ValueError: chart: got str, expected an Altair chart
    """
    meta = _figure_meta(name, caption, alt, data)
    spec = _spec(chart, meta["alt"])
    png = vl_convert.vegalite_to_png(spec, scale=2)
    bundle = {VEGA_LITE: spec, "image/png": base64.b64encode(_fewer_colours(png)).decode()}
    bundle["text/plain"] = f"{name}: {meta['alt']}"
    display(bundle, raw=True, metadata={"figure": meta})


def slider(
    name: str, label: str, start: float, low: float, high: float, step: float
) -> altair.Parameter:
    """A number that the reader sets: `name` in the formulas of a chart, `label` on the page.

    Raises ValueError for a start outside of low to high.

    >>> slider("eps", "ε", 0.1, 0, 1, 0.1).to_dict()
    {'expr': 'eps'}
    """
    if not low <= start <= high:
        raise ValueError(f"start: got {start!r}, expected a number from {low} to {high}")
    bind = altair.binding_range(min=low, max=high, step=step, name=f"{label} ")
    return altair.param(name=name, value=start, bind=bind)


def menu(name: str, label: str, options: Sequence, start: Any = None) -> altair.Parameter:
    """A choice that the reader makes among `options`, at first `start` or the first of them.

    Raises ValueError for a start that is no option.

    >>> menu("kind", "region", ["square", "strip"]).to_dict()
    {'expr': 'kind'}
    """
    start = options[0] if start is None else start
    if start not in options:
        raise ValueError(f"start: got {start!r}, expected one of {list(options)}")
    bind = altair.binding_select(options=list(options), name=f"{label} ")
    return altair.param(name=name, value=start, bind=bind)


def table(frame: pd.DataFrame, name: str, *, caption: str) -> None:
    """Display `frame` as a numbered table that the page links to by `name`, floats to 4 digits.

    Headings, text cells and `caption` may hold MyST markup; the index is not shown.
    Raises ValueError for a name other than "tab-...", an empty frame or a short caption.

    >>> table(pd.DataFrame(), "tab-empty", caption="A table of nothing")
    Traceback (most recent call last):
    ...
    ValueError: frame: got shape (0, 0), expected at least one row and one column
    """
    _check_name(name, "tab")
    caption = _words("caption", caption, 3)
    frame = _frame("frame", frame)
    shown = pd.DataFrame({str(c): [cell_text(v) for v in frame[c]] for c in frame})
    meta = {"name": name, "caption": caption, "head": list(shown), "rows": shown.values.tolist()}
    html = shown.to_html(index=False, border=0)
    text = f"{name}: {caption}\n{shown.to_string(index=False)}"
    display({"text/html": html, "text/plain": text}, raw=True, metadata={"table": meta})


def glue(**values: float | int | str) -> None:
    """Store values that the prose shows by their names, with a format; nothing is displayed.

    Raises ValueError for a value that is no finite number and no text.

    >>> glue(gain=float("nan"))
    Traceback (most recent call last):
    ...
    ValueError: gain: got nan, expected a finite real number or a text
    """
    plain = {name: _plain(name, value) for name, value in values.items()}
    for name, value in plain.items():
        # the place where MyST-NB looks for glued values, under a type that no viewer displays
        record = {"scrapbook": {"name": name, "mime_prefix": "application/papermill.record/"}}
        display({"application/papermill.record/text/plain": value}, raw=True, metadata=record)


def cell_text(value: Any) -> str:
    """A table cell as text: integers in full, other numbers to 4 significant digits.

    >>> [cell_text(v) for v in (4950, 0.123456, 1e-7, "Hermite", float("nan"))]
    ['4950', '0.1235', '1e-07', 'Hermite', '–']
    """
    if isinstance(value, Real) and not isinstance(value, (Integral, bool)):
        return "–" if math.isnan(value) else f"{value:.4g}"
    return str(value)


def _plain(name: str, value: Any) -> str:
    """The repr of a Python number or text: that of a NumPy scalar cannot be formatted."""
    if isinstance(value, Integral) and not isinstance(value, bool):
        return repr(int(value))
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
        return repr(float(value))
    raise ValueError(f"{name}: got {value!r}, expected a finite real number or a text")


def _figure_meta(name: Any, caption: Any, alt: Any, data: Any) -> dict[str, str]:
    _check_name(name, "fig")
    texts = {"caption": _words("caption", caption, 3), "alt": _words("alt", alt, 5)}
    return {"name": name} | texts | {"csv": _csv(data)}


def _spec(chart: Any, alt: str) -> dict[str, Any]:
    """The chart's specification in the book's look: rounded, its tables as text, no address in it."""
    if not hasattr(chart, "to_dict"):
        raise ValueError(f"chart: got {type(chart).__name__}, expected an Altair chart")
    spec = chart.to_dict() | {"config": LOOK, "description": alt}
    del spec["$schema"]
    hashes, texts = {}, {}
    for k, (name, rows) in enumerate(spec.pop("datasets", {}).items()):
        table = pd.DataFrame(rows)
        kinds = {c: "number" if is_numeric_dtype(table[c]) else "string" for c in table}
        hashes[name] = {"name": f"table-{k}", "format": {"type": "tsv", "parse": kinds}}
        plain = dict(sep="\t", float_format="%.4g", lineterminator="\n")
        texts[f"table-{k}"] = table.to_csv(index=False, **plain)
    spec = _portable(spec, hashes) | {"datasets": texts}
    text = json.dumps(spec)
    if '"bind": {' not in text:
        raise ValueError("chart: got no input, expected a slider or a menu")
    if len(text) > LARGEST_SPEC:
        limit = f"at most {LARGEST_SPEC} (thin its data, or let it calculate)"
        raise ValueError(f"chart: got {len(text)} characters, expected {limit}")
    return spec


def _portable(value: Any, hashes: dict[str, dict]) -> Any:
    """The same with floats to 4 significant digits, and no name made of a table's hash."""
    if isinstance(value, dict):
        named = hashes.get(value.get("name", ""))
        return named or {key: _portable(part, hashes) for key, part in value.items()}
    if isinstance(value, list):
        return [_portable(part, hashes) for part in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _check_name(name: Any, prefix: str) -> None:
    if not (isinstance(name, str) and re.fullmatch(prefix + r"(-[a-z0-9]+)+", name)):
        what = f"'{prefix}-' and then lower-case letters, digits or hyphens"
        raise ValueError(f"name: got {name!r}, expected {what}")


def _words(argument: str, text: Any, at_least: int) -> str:
    if not (isinstance(text, str) and len(text.split()) >= at_least):
        raise ValueError(f"{argument}: got {text!r}, expected a text of {at_least} words or more")
    return " ".join(text.split())


def _frame(argument: str, data: Any) -> pd.DataFrame:
    try:
        frame = pd.DataFrame(data)
    except (TypeError, ValueError) as problem:
        columns = "a DataFrame or a dict of columns of one length"
        raise ValueError(f"{argument}: got {problem}, expected {columns}") from None
    if 0 in frame.shape:
        size = "at least one row and one column"
        raise ValueError(f"{argument}: got shape {frame.shape}, expected {size}")
    return frame


def _csv(data: Any) -> str:
    csv = _frame("data", data).to_csv(index=False, float_format="%.6g", lineterminator="\n")
    if len(csv) > LARGEST_CSV:
        limit = f"at most {LARGEST_CSV} (bin or thin it)"
        raise ValueError(f"data: got {len(csv)} characters of CSV, expected {limit}")
    return csv


def _png(fig: Any) -> bytes:
    if not isinstance(fig, Figure):
        raise ValueError(f"fig: got {type(fig).__name__}, expected a matplotlib Figure")
    buffer = io.BytesIO()
    # without the version of matplotlib in it: the same picture gives the same bytes
    fig.savefig(buffer, format="png", bbox_inches="tight", metadata={"Software": None})
    return buffer.getvalue()


def _fewer_colours(png: bytes) -> bytes:
    """The picture with a palette of 256 colours, a fraction of its size."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256).save(buffer, "png", optimize=True)
    return buffer.getvalue()
