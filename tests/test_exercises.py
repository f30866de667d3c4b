"""Every check tells a stub, wrong answers and bad input apart, in one sentence each.

That the solutions pass is stored in the chapters: `lints.poor_exercises` reads it, nbval runs it.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers import exercises
from helpers.exercises import judge, value

NAMES = [name for chapter in exercises.CHAPTERS for name in exercises.of_chapter(chapter)]
CHECKED = [name for name in NAMES if exercises.find(name).fault]


def stub(*_):
    """A function that is not written yet."""


def failing(*_):
    raise RuntimeError("two\nlines")


BAD = {
    "a text": "0.3",
    "bytes": b"1",
    "nan": float("nan"),
    "infinity": float("inf"),
    "a truth": True,
    "a complex number": 1j,
    "a shape": np.zeros((2, 3, 5)),
    "an empty array": [],
    "ragged": [[1], [2, 3]],
    "a dict": {"a": 1},
    "a set": {0.25},
    "a type": int,
    "a module": np,
    "a gradient": torch.ones(2, requires_grad=True),
    "a failing function": failing,
    "a function of text": lambda *_: "0.3",
    "a function of nan": lambda *_: np.nan,
    "a function of a shape": lambda *_: np.zeros((2, 3, 5)),
    "a function of nothing": lambda: 1,
}


@pytest.mark.parametrize("name", CHECKED)
def test_wrong_answers_are_told_apart(name):
    verdicts = [judge(name, wrong) for wrong in exercises.find(name).wrong]
    assert len(verdicts) >= 2
    assert {state for state, _ in verdicts} == {"not right"}
    assert len({sentence for _, sentence in verdicts}) == len(verdicts)


@pytest.mark.parametrize("name", CHECKED)
def test_stubs_are_told_what_is_expected(name):
    for answer in (..., None, [...], (1, ...)):
        assert judge(name, answer) == ("unfinished", f"expected {exercises.find(name).expected}")
    if exercises.find(name).expected.startswith("a function"):
        assert judge(name, stub)[0] == "unfinished"


@pytest.mark.parametrize("name", CHECKED)
def test_bad_input_is_refused_in_one_sentence(name):
    for kind, answer in BAD.items():
        state, sentence = judge(name, answer)
        assert state == "not right" and "\n" not in sentence and len(sentence) > 8, kind


@pytest.mark.parametrize("name", NAMES)
def test_sentences_are_short_and_without_a_stop(name):
    exercise = exercises.find(name)
    said = [exercise.lesson, *(judge(name, wrong)[1] for wrong in exercise.wrong)]
    assert all(len(text) < 160 and not text.endswith((".", ":")) for text in said)


@given(st.one_of(st.text(), st.integers(), st.none(), st.lists(st.integers())))
def test_unknown_names_lead_to_a_known_one(name):
    state, sentence = judge(name, 1)
    assert state == "unknown" and sentence.removeprefix("the nearest name is ") in NAMES


def test_open_questions_stay_open(capsys):
    name = next(name for name in NAMES if name not in CHECKED)
    exercises.check(name, 1)
    assert capsys.readouterr().out.startswith(f"{name} is open: ")


# ------------------------------------------------------------------------------ one right value


@pytest.fixture
def third(monkeypatch):
    """Judges answers of an exercise whose answer is 1/3, and a quarter a slip."""
    one = value("a number", 1 / 3, {"a quarter": 1 / 4}, "thirds")
    monkeypatch.setattr(exercises, "find", lambda name: one)
    return lambda answer: judge("a-1", answer)


@pytest.mark.parametrize(
    "answer", [1 / 3, np.float32(1 / 3), np.array(1 / 3), torch.tensor(1 / 3, dtype=torch.float64)]
)
def test_numbers_of_every_library_pass(third, answer):
    assert third(answer) == ("right", "thirds")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (1 / 4, "a quarter"),
        (-1 / 3, "the answer has the wrong sign"),
        (0.333, "the answer is close, but not to a relative 1e-06"),
        (0.5, "the answer is too large"),
        (0, "the answer is too small"),
        ([1 / 3], "the answer has the shape (1,) instead of (), expected a number"),
    ],
)
def test_other_numbers_are_told_how_they_differ(third, answer, sentence):
    assert third(answer) == ("not right", sentence)


@pytest.fixture
def square(monkeypatch):
    """Judges functions that should square, and of which doubling is a slip."""
    one = value("a function of x", lambda x: x * x, {"2x": lambda x: 2 * x}, "", at=[(2,), (3,)])
    monkeypatch.setattr(exercises, "find", lambda name: one)
    return lambda answer: judge("a-1", answer)[1]


def test_functions_are_compared_at_every_point(square):
    def cube(x):
        return x**3

    def four(x):
        return 4

    def division(x):
        return 1 / (x - x)

    assert square(stub) == "expected a function of x that returns 4 for (2)"
    assert square(lambda x: 2 * x) == "2x"
    assert square(cube) == "cube(2) is too large"
    assert square(four) == "four(3) is too small"
    assert square(division) == "division(2) raises ZeroDivisionError: division by zero"
    assert square(4) == "got a number, expected a function of x that returns 4 for (2)"


def test_functions_may_change_what_they_are_given(monkeypatch):
    def doubled(x):
        x *= 2
        return x.sum()

    one = value("a function", lambda x: 2 * x.sum(), {}, "", at=[(np.ones(3),)])
    monkeypatch.setattr(exercises, "find", lambda name: one)
    assert judge("a-1", doubled) == judge("a-1", doubled) == ("right", "")


def test_arrays_are_told_which_entry(monkeypatch):
    one = value("two numbers", [1, 2], {}, "")
    monkeypatch.setattr(exercises, "find", lambda name: one)
    assert judge("a-1", [1, 2]) == ("right", "")
    assert judge("a-1", [1, 3])[1] == "the answer is too large in entry [1]"
