"""Figures, tables and numbers that carry what the page needs to show them.

An output's data is what any notebook viewer shows; its metadata (caption, alt text, CSV) is what
the built book adds. Both are made by the cell, so a caption may quote what was computed.
"""

import base64
import io
import math
import re
from numbers import Integral, Real
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from IPython.display import display
from matplotlib.figure import Figure

# Told apart by colour-blind readers, and 3:1 or more against the white ground of every figure.
ZERO = "#0072B2"  # blue: readoffs that should be 0
ONE = "#C28A00"  # yellow: readoffs that should be 1
PALETTE = [ZERO, ONE, "#00795A", "#A6498A", "#C44E00", "#555555"]
STYLES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3))]
INK = "#222222"

LARGEST_CSV = 1_000_000  # characters: a download of the page, not an archive of the run


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
    _check_name(name, "fig")
    meta = {"name": name, "caption": _words("caption", caption, 3), "alt": _words("alt", alt, 5)}
    meta["csv"] = _csv(data)
    png = base64.b64encode(_png(fig)).decode()
    plt.close(fig)
    bundle = {"image/png": png, "text/plain": f"{name}: {meta['alt']}"}
    display(bundle, raw=True, metadata={"figure": meta})


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
