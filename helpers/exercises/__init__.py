"""Exercises that check an answer and say what is wrong with it, without giving the answer away.

An exercise is named by its chapter and its number, as in "random-layers-1". Its text stands in the
chapter, its check in the module of this package that has the chapter's name. An answer is a number,
an array, or a function that the reader wrote. A check prints one sentence and never raises.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from difflib import get_close_matches
from importlib import import_module
from numbers import Number
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

CHAPTERS = sorted(path.stem.replace("_", "-") for path in Path(__file__).parent.glob("[a-z]*.py"))


class Exercise(NamedTuple):
    """A check: what an answer is, what is wrong with one, wrong ones, and what a right one shows.

    `fault` returns what is wrong with an answer, or nothing if it is right; an open question has
    none. `wrong` holds answers that people give, each with a fault of its own.
    """

    expected: str
    fault: Callable[[Any], str] | None
    wrong: Sequence[Any]
    lesson: str


OPEN = Exercise("a finding", None, (), "")


class Unfinished(ValueError):
    """Dots that nobody has replaced."""


def check(exercise_id: Any, answer: Any) -> None:
    """Print one sentence: whether an answer is right, and what is wrong with it if it is not.

    >>> check("random-layers-1", ...)
    random-layers-1 is unfinished: expected a number.
    >>> check("random-layers-1", "a third")
    random-layers-1 is not right: the answer is a text, expected a number.
    >>> check("random-layer-1", 0)
    random-layer-1 is unknown: the nearest name is random-layers-1.
    """
    state, sentence = judge(exercise_id, answer)
    print(f"{exercise_id} is {state}: {sentence}.")


def judge(exercise_id: Any, answer: Any) -> tuple[str, str]:
    """One of right, not right, unfinished, open and unknown, and a sentence that says more.

    >>> judge("random-layers-1", float("nan"))
    ('not right', 'the answer is not finite, expected a number')
    """
    exercise = find(exercise_id)
    if exercise is None:
        names = [name for chapter in CHAPTERS for name in of_chapter(chapter)]
        nearest = get_close_matches(str(exercise_id), names, n=1, cutoff=0)[0]
        return "unknown", f"the nearest name is {nearest}"
    if exercise.fault is None:
        return "open", "no answer is known, tell us what you find"
    try:
        fault = exercise.fault(finished(answer, exercise.expected))
    except Unfinished as problem:
        return "unfinished", str(problem)
    except Exception as problem:  # whatever a reader's objects do is said in one sentence
        fault = _one_line(problem)
    return ("not right", fault) if fault else ("right", exercise.lesson)


def find(exercise_id: Any) -> Exercise | None:
    """The exercise of that name, if there is one."""
    chapter = str(exercise_id).rpartition("-")[0]
    return of_chapter(chapter).get(str(exercise_id)) if chapter in CHAPTERS else None


def of_chapter(chapter: str) -> dict[str, Exercise]:
    """The exercises of one of the `CHAPTERS` by their names."""
    return import_module(f"{__name__}.{chapter.replace('-', '_')}").EXERCISES


def value(
    expected: str,
    right: Any,
    slips: Mapping[str, Any],
    lesson: str,
    *,
    at: Sequence[tuple] = (),
    rtol: float = 1e-6,
) -> Exercise:
    """An exercise with one right answer: a number, an array or, compared at points, a function.

    `slips` holds the wrong answers that people give, each under the sentence that it deserves.
    """

    def outputs(answer):
        fresh = deepcopy(at)  # an answer may change what it is given
        return [call(answer, *point, expected=expected) for point in fresh] if at else [answer]

    def fault(answer):
        found, targets = outputs(answer), outputs(right)
        said = [_said(answer, point) for point in at] or ["the answer"]
        checked = [
            numbers(output, np.shape(target), name, expected)
            for output, target, name in zip(found, targets, said, strict=True)
        ]
        faults = [_difference(*pair, rtol) for pair in zip(checked, targets, strict=True)]
        if not any(faults):
            return ""
        for sentence, slip in slips.items():
            pairs = zip(checked, outputs(slip), strict=True)
            if not any(_difference(*pair, rtol) for pair in pairs):
                return sentence
        return next(f"{name} {text}" for name, text in zip(said, faults, strict=True) if text)

    if at and np.ndim(example := right(*at[0])) == 0 and "…" not in _listed(at[0]):
        expected += f" that returns {example:.4g} for ({_listed(at[0])})"
    return Exercise(expected, fault, tuple(slips.values()), lesson)


def finished(answer: Any, expected: str) -> Any:
    """The answer, or Unfinished if there are dots in it to replace."""
    parts = answer if isinstance(answer, (tuple, list)) else [answer]
    if any(part is ... or part is None for part in parts):
        raise Unfinished(f"expected {expected}")
    return answer


def call(function: Any, *arguments: Any, expected: str = "a function") -> Any:
    """What a reader's function returns, or a ValueError that names the call that fails."""
    if not callable(function):
        raise ValueError(f"got {_form(function)}, expected {expected}")
    try:
        output = function(*arguments)
    except Exception as problem:
        raise ValueError(f"{_said(function, arguments)} raises {_one_line(problem)}") from None
    return finished(output, expected)


def numbers(answer: Any, shape: tuple[int, ...], said: str, expected: str) -> np.ndarray:
    """The answer as finite floats of that shape, or a ValueError that says what it is instead."""
    try:
        found = np.asarray(answer)
    except (ValueError, TypeError, RuntimeError):  # ragged, or a tensor with a gradient
        raise ValueError(
            f"{said} is {_form(answer)} that is no array, expected {expected}"
        ) from None
    if found.dtype.kind not in ("iuf" if shape == () else "biuf"):
        raise ValueError(f"{said} is {_form(answer)}, expected {expected}")
    if found.shape != shape:
        raise ValueError(
            f"{said} has the shape {found.shape} instead of {shape}, expected {expected}"
        )
    if not np.isfinite(found).all():
        raise ValueError(f"{said} is not finite, expected {expected}")
    return found.astype(float)


def _difference(found: np.ndarray, target: Any, rtol: float) -> str:
    """How an output differs from another, in words that do not give it away."""
    target = np.asarray(target, float)
    if found.shape != target.shape:
        return "differs in shape"
    rounding = 1e-12 * max(1.0, np.abs(target).max())
    if np.allclose(found, target, rtol, rounding):
        return ""
    if np.allclose(found, -target, rtol, rounding):
        return "has the wrong sign"
    if np.allclose(found, target, 0.01, rounding):
        return f"is close, but not to a relative {rtol:g}"
    where = ""
    if found.ndim:
        entry = np.argwhere(~np.isclose(found, target, rtol, rounding))[0].tolist()
        where, found, target = f" in entry {entry}", found[*entry], target[*entry]
    return f"is too {'large' if found > target else 'small'}{where}"


def _form(answer: Any) -> str:
    """What kind of thing an answer is."""
    if isinstance(answer, np.ndarray):
        return f"an array of {answer.dtype}"
    if isinstance(answer, Number) and not isinstance(answer, (bool, complex)):
        return "a number"
    names = {"str": "text", "builtin_function_or_method": "function", "type": "class"}
    return f"a {names.get(type(answer).__name__, type(answer).__name__)}"


def _said(function: Any, arguments: tuple) -> str:
    """A call as a reader would type it."""
    return f"{getattr(function, '__name__', 'the answer')}({_listed(arguments)})"


def _listed(arguments: tuple) -> str:
    return ", ".join(text if len(text := repr(one)) < 20 else "…" for one in arguments)


def _one_line(problem: Exception) -> str:
    """An error in one line, with its type unless it is one of this module's own sentences."""
    text = " ".join(str(problem).split())
    return text if type(problem) is ValueError else f"{type(problem).__name__}: {text}"
