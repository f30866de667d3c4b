"""The claims this book settles, and the checks that settle them.

A claim's text and the verdict on it stand in `claims.toml`. A check compares one measured value
with what the book predicts, so a refuted claim has passing checks too.
"""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np
from IPython.display import display
from scipy import stats

from helpers import _require

VERDICTS = ("confirmed", "refined", "refuted", "open")
RELATIONS = ("within", "below", "above")


@dataclass(frozen=True)
class Claim:
    """A claim of a source, in this book's words, and what the book found.

    `chapter` is the page that measures it; `verdict` is one of `VERDICTS`, or None as long as no
    chapter measured it; `finding` is a sentence, empty until then.
    """

    id: str
    statement: str
    source: str
    chapter: str
    verdict: str | None = None
    finding: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in (None, *VERDICTS):
            raise ValueError(f"verdict: got {self.verdict!r}, expected None or one of {VERDICTS}")
        if bool(self.finding) != (self.verdict is not None):
            raise ValueError(f"finding: got {self.finding!r}, expected one with a verdict only")


def _load() -> dict[str, Claim]:
    parts = tomllib.loads(files("helpers").joinpath("claims.toml").read_text("utf-8"))["part"]
    entries = [{"source": part["source"]} | entry for part in parts for entry in part["claim"]]
    return {entry["id"]: Claim(**entry) for entry in entries}


CLAIMS: Mapping[str, Claim] = MappingProxyType(_load())


def check(
    claim_id: str,
    what: str,
    *,
    measured: float,
    expected: float,
    tolerance: float,
    reason: str,
    error: float | None = None,
    n: int | None = None,
    seed: int | None = None,
    relation: str = "within",
) -> None:
    """Assert a measured value, show a card, and hand the record to the ledger.

    It holds if abs(measured - expected) <= tolerance ("within"), measured <= expected + tolerance
    ("below") or measured >= expected - tolerance ("above"), and measured is finite. A check without
    a seed is exact; one with a seed is sampled, and states its standard error or its sample size n.
    Raises AssertionError if it does not hold, ValueError for arguments that make no check.

    >>> check("U4", "the best affine readoff", measured=0.25, expected=0.25, tolerance=0,
    ...       reason="an identity", n=0)
    Traceback (most recent call last):
    ...
    ValueError: n: got 0, expected an integer at least 1
    """
    record = _record(claim_id, what, reason, relation, error=error, n=n, seed=seed)
    record |= _numbers(measured, expected, tolerance)
    line = _text(record)
    if not _holds(record):
        raise AssertionError(f"does not hold: {line}")
    display({"text/plain": line}, raw=True, metadata={"claim": record})


def check_mean(
    claim_id: str,
    what: str,
    values: Sequence[float] | np.ndarray,
    *,
    expected: float,
    seed: int,
    relation: str = "within",
) -> None:
    """Check the mean of independent replicates, with the standard error that they show themselves.

    Within: the tolerance is as rare as 4.5 standard errors of a normal, by Student's t for their
    number. Below or above: there is no tolerance, and the standard error tells how far off it is.
    Raises ValueError for fewer than four values or values that are not finite.

    >>> check_mean("U5", "one layer", [1.0], expected=1, seed=0)
    Traceback (most recent call last):
    ...
    ValueError: values: got 1 values, expected at least 4
    """
    sample = _require.array("values", values, (None,))
    n = len(sample)
    if n < 4:
        raise ValueError(f"values: got {n} values, expected at least 4")
    error, width = sample.std(ddof=1) / n**0.5, stats.t.isf(stats.norm.sf(4.5), n - 1)
    tolerance, reason = 0.0, "the bound is not a prediction of the value"
    if relation == "within":
        tolerance = width * error
        reason = f"{width:.2g} standard errors: as rare, for {n} replicates, as 4.5 of a normal"
    numbers = dict(measured=sample.mean(), expected=expected, tolerance=tolerance, error=error)
    check(claim_id, what, **numbers, reason=reason, n=n, seed=seed, relation=relation)


def check_grid(
    claim_id: str,
    what: str,
    z: Sequence[float] | np.ndarray,
    *,
    n: int,
    seed: int,
    largest: float | None = None,
) -> None:
    """Check a grid of independent z-scores twice: the largest, and the sum of squares.

    Both limits are what chance exceeds once in 100,000 grids (for the largest |z| unless `largest`
    is given), so that a small bias everywhere is caught as well. `n` is the sample size of a score.

    >>> check_grid("U5", "no scores", [], n=1, seed=0)
    Traceback (most recent call last):
    ...
    ValueError: z: got shape (0,), expected (*), no axis empty
    """
    z = _require.array("z", z, (None,))
    chance, rare = dict(n=n, seed=seed), f"exceeded once in 100,000 grids of {len(z)} values"
    limit, reason = stats.norm.isf(5e-6 / len(z)), rare
    if largest is not None:
        limit, reason = largest, f"{largest} standard errors, for each of {len(z)} values"
    bound = dict(expected=0, tolerance=limit, reason=reason)
    check(claim_id, f"{what}: largest |z|", measured=np.abs(z).max(), **bound, **chance)
    bound = dict(expected=stats.chi2.isf(1e-5, len(z)), tolerance=0, relation="below", reason=rare)
    check(claim_id, f"{what}: chi-square", measured=z @ z, **bound, **chance)


def _record(claim_id: Any, what: Any, reason: Any, relation: Any, **chance: Any) -> dict:
    if not (isinstance(claim_id, str) and claim_id in CLAIMS):
        raise ValueError(f"claim_id: got {claim_id!r}, expected one of {', '.join(CLAIMS)}")
    for argument, text in {"what": what, "reason": reason}.items():
        if not (isinstance(text, str) and text.strip()):
            raise ValueError(f"{argument}: got {text!r}, expected a sentence")
    if "'" in what:  # pages print it curly, so the ledger would name the check in another way
        raise ValueError(f"what: got {what!r}, expected no straight apostrophe")
    _require.choice("relation", relation, RELATIONS)
    texts = {"id": claim_id, "what": what.strip(), "reason": reason.strip(), "relation": relation}
    return texts | _chance(**chance)


def _chance(error: Any, n: Any, seed: Any) -> dict:
    if error is not None:
        error = _require.real("error", error, at_least=0)
    if n is not None:
        n = _require.integer("n", n, at_least=1)
    if seed is not None:
        seed = _require.integer("seed", seed, at_least=0)
        if error is None and n is None:
            raise ValueError(f"seed: got {seed} with no error and no n, expected one of them too")
    return {"error": error, "n": n, "seed": seed, "kind": "exact" if seed is None else "sampled"}


def _numbers(measured: Any, expected: Any, tolerance: Any) -> dict:
    return {
        # not required to be finite: a measurement that went wrong fails the check, as it should
        "measured": _float("measured", measured),
        "expected": _require.real("expected", _float("expected", expected)),
        "tolerance": _require.real("tolerance", _float("tolerance", tolerance), at_least=0),
    }


def _float(argument: str, value: Any) -> float:
    if isinstance(value, (str, bool)):
        raise ValueError(f"{argument}: got {value!r}, expected a number")
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{argument}: got {value!r}, expected a number") from None


def _holds(record: dict) -> bool:
    gap, tolerance = record["measured"] - record["expected"], record["tolerance"]
    bounds = {
        "within": abs(gap) <= tolerance,
        "below": gap <= tolerance,
        "above": -gap <= tolerance,
    }
    return math.isfinite(gap) and bounds[record["relation"]]


def _text(record: dict) -> str:
    """The card in words, for viewers that know nothing of this book."""
    verdict = CLAIMS[record["id"]].verdict or "no verdict yet"
    return "\n".join([f"{record['id']} ({verdict}): {record['what']}", *facts(record)])


def facts(record: dict) -> list[str]:
    """The lines of a card under its heading: value, tolerance and its reason, samples and seed.

    >>> facts({"measured": 0.5, "expected": 0.25, "tolerance": 0.0, "relation": "above",
    ...        "error": None, "n": 9, "seed": None, "kind": "exact", "reason": "an identity"})
    ['measured 0.5, expected at least 0.25', 'tolerance 0: an identity', 'exact, n = 9']
    """
    words = {"within": "", "below": "at most ", "above": "at least "}[record["relation"]]
    error = "" if record["error"] is None else f" ± {record['error']:.2g}"
    value = f"measured {record['measured']:.4g}{error}, expected {words}{record['expected']:.4g}"
    chance = [f"{key} = {record[key]}" for key in ("n", "seed") if record[key] is not None]
    tolerance = f"tolerance {record['tolerance']:.2g}: {record['reason']}"
    return [value, tolerance, ", ".join([record["kind"], *chance])]
