"""Argument checks shared by the helpers: each raises a ValueError naming argument, value and expectation."""

from numbers import Integral, Real
from typing import Any

import numpy as np


def integer(name: str, value: Any, at_least: int | None = None, at_most: int | None = None) -> int:
    """`value` as an int, or a ValueError. Booleans are refused."""
    ok = isinstance(value, Integral) and not isinstance(value, (bool, np.bool_))
    ok = ok and (at_least is None or value >= at_least) and (at_most is None or value <= at_most)
    if not ok:
        low = "" if at_least is None else f" at least {at_least}"
        high = "" if at_most is None else f"{' and' if low else ''} at most {at_most}"
        raise ValueError(f"{name}: got {value!r}, expected an integer{low}{high}")
    return int(value)


def real(name: str, value: Any, at_least: float = -np.inf, at_most: float = np.inf) -> float:
    """`value` as a finite float in the range, or a ValueError. Booleans are refused."""
    ok = isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
    if not (ok and np.isfinite(value) and at_least <= value <= at_most):
        raise ValueError(
            f"{name}: got {value!r}, expected a finite number in [{at_least}, {at_most}]"
        )
    return float(value)


def choice(name: str, value: Any, options: Any) -> str:
    """`value` if it is one of the option names, or a ValueError."""
    if not (isinstance(value, str) and value in options):
        raise ValueError(f"{name}: got {value!r}, expected one of {', '.join(map(repr, options))}")
    return value


def device(name: str, value: Any) -> str:
    """`value` if torch sees that device here, "cpu" or "cuda", or a ValueError."""
    import torch  # which most helpers do without

    seen = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)
    if not (isinstance(value, str) and value in seen):
        what = f"a device that torch sees here: {', '.join(seen)}"
        raise ValueError(f"{name}: got {value!r}, expected {what}")
    return value


def array(name: str, value: Any, shape: tuple[int | None, ...] | None = None) -> np.ndarray:
    """`value` as a finite real array, or a ValueError. None: any shape, or any size from 1 up."""
    wanted = (
        "any" if shape is None else f"({', '.join('*' if k is None else str(k) for k in shape)})"
    )
    try:
        result = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:  # ragged, or a tensor with a gradient
        got = f"{name}: got a {type(value).__name__} that is no array ({error})"
        raise ValueError(f"{got}, expected one of shape {wanted}") from None
    fits = shape is None or result.ndim == len(shape)
    for size, want in zip(result.shape, shape or (), strict=False):
        fits = fits and size > 0 and want in (None, size)
    if not fits:
        raise ValueError(f"{name}: got shape {result.shape}, expected {wanted}, no axis empty")
    if result.dtype.kind not in "biuf":
        raise ValueError(f"{name}: got dtype {result.dtype}, expected real numbers")
    if not np.isfinite(result).all():
        raise ValueError(f"{name}: got a value that is not finite, expected finite numbers only")
    return result


def binary(name: str, value: Any, shape: tuple[int | None, ...]) -> np.ndarray:
    """`value` as a boolean array of that shape, every entry 0 or 1, or a ValueError."""
    result = array(name, value, shape)
    if result.dtype != bool and not ((result == 0) | (result == 1)).all():
        raise ValueError(f"{name}: got an entry other than 0 and 1, expected 0 and 1 only")
    return result.astype(bool)


def flag(name: str, value: Any) -> bool:
    """`value` as True or False if it is one of them, or 1 or 0; else a ValueError."""
    return bool(binary(name, value, ()))


def pairs(name: str, value: Any, n_inputs: int) -> tuple[np.ndarray, np.ndarray]:
    """The columns of an integer array (pair, 2), two different inputs a row, or a ValueError."""
    i, j = array(name, value, (None, 2)).T
    inside = min(i.min(), j.min()) >= 0 and max(i.max(), j.max()) < n_inputs
    if i.dtype.kind not in "iu" or not inside or (i == j).any():
        expected = f"two different integers from 0 to {n_inputs - 1} a row"
        raise ValueError(f"{name}: got {i.dtype} rows, expected {expected}")
    return i, j
