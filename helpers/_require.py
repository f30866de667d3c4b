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


def array(name: str, value: Any, shape: tuple[int | None, ...]) -> np.ndarray:
    """`value` as a finite real array of that shape (None: any size from 1 up), or a ValueError."""
    wanted = "(" + ", ".join("*" if size is None else str(size) for size in shape) + ")"
    try:
        result = np.asarray(value)
    except (ValueError, TypeError, RuntimeError):  # of rows, of a tensor that needs a gradient
        raise ValueError(
            f"{name}: got a ragged {type(value).__name__}, expected an array of shape {wanted}"
        ) from None
    fits = result.ndim == len(shape) and all(
        size > 0 and want in (None, size) for size, want in zip(result.shape, shape, strict=True)
    )
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
