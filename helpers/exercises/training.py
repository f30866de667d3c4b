"""Exercises of the chapter on training."""

import numpy as np

from helpers import uand
from helpers.exercises import OPEN, Exercise, call, numbers, value

CASES = "a function of outputs and of how many of the pair are on, that returns a number"
RNG = np.random.default_rng(0)
ONE, ZEROS = RNG.standard_normal(4) + 1, RNG.standard_normal((30, 4))


def hard_fault(answer):
    """What is wrong with outputs that should be nearly free of loss and answer no AND."""
    expected = "an array of 435 outputs"
    outputs = numbers(answer, (435,), "the array", expected)
    inputs = np.zeros(30, bool)
    inputs[:5] = True
    targets = uand.targets(inputs[None], uand.all_pairs(30))[0]
    loss = np.mean((outputs - targets) ** 2)
    if loss > 0.025:
        return f"its mean squared error is {loss:.3f}, above one in forty"
    right = np.mean(np.abs(outputs - targets)[targets] < 0.5)
    return f"{right:.0%} of the ones are within 1/2, expected none" if right else ""


def weighted_fault(loss):
    """What is wrong with a loss in which three kinds of cases should count the same."""
    for sizes in ((70, 25, 5), (10, 10, 10)):
        on = np.repeat([0, 1, 2], sizes)
        outputs = np.random.default_rng(sum(sizes)).standard_normal(len(on))
        squares = (outputs - (on == 2)) ** 2
        by_case = [squares[on == k].mean() for k in (0, 1, 2)]
        found = float(numbers(call(loss, outputs, on, expected=CASES), (), "the loss", CASES))
        known = {
            "": np.mean(by_case),
            "every input counts the same, so the rare case hardly counts": squares.mean(),
            "it is a sum over the cases; divide by three": np.sum(by_case),
            "zeros and ones count the same, and the rare kind of zero is lost": (
                squares[on < 2].mean() + by_case[2]
            )
            / 2,
            "the target is one with one input on": np.mean(
                [((outputs - (on >= 1)) ** 2)[on == k].mean() for k in (0, 1, 2)]
            ),
        }
        fault = next((text for text, law in known.items() if np.isclose(found, law)), None)
        if fault is None:
            return "the mean squared errors of the three cases are not averaged"
        if fault:
            return fault
    return ""


EXERCISES = {
    "training-1": value(
        "a number",
        9 * 49 / 100,
        {
            "that is the weight at which the gain is one half": 0.49,
            "with p = 3 the ratio of gains enters with the power p − 1": 3 * 0.49,
            "the power of the ratio is p − 1, not p": 27 * 0.49,
            "there are forty-nine zeros to a one": 9 / 100,
        },
        "a weight of the order of the imbalance is needed, however the readoff is solved",
        rtol=1e-3,
    ),
    "training-2": value(
        "a function of one, shape (d,), and zeros, shape (n, d), that returns a number",
        lambda one, zeros: 1 / np.sqrt(one @ np.linalg.solve(zeros.T @ zeros / len(zeros), one)),
        {
            "that is the supremum; the edge is where the weight times it is one": (
                lambda one, zeros: np.sqrt(one @ np.linalg.solve(zeros.T @ zeros / len(zeros), one))
            ),
            "that is the square of the edge, for a norm has a root": (
                lambda one, zeros: 1 / (one @ np.linalg.solve(zeros.T @ zeros / len(zeros), one))
            ),
            "Σ is a second moment, not a covariance: nothing is centred": (
                lambda one, zeros: 1 / np.sqrt(one @ np.linalg.solve(np.cov(zeros.T), one))
            ),
            "Σ is a mean over inputs, not a sum": (
                lambda one, zeros: 1 / np.sqrt(one @ np.linalg.solve(zeros.T @ zeros, one))
            ),
        },
        "below the edge the best readoff is zero, so no optimiser is to blame",
        at=[(ONE, ZEROS), (ONE[:2], ZEROS[:, :2])],
    ),
    "training-3": value(
        "a number",
        1 + np.log(100) / np.log(3),
        {
            "the root is of the order p − 1, not p": np.log(100) / np.log(3),
            "a gain of 1/4 has the ratio three, not four": 1 + np.log(100) / np.log(4),
            "there the gain is 1/100": 2,
        },
        "a high power hides a missing weight",
        rtol=1e-3,
    ),
    "training-4": Exercise(
        CASES,
        weighted_fault,
        (
            lambda outputs, on: np.mean((outputs - (on == 2)) ** 2),
            lambda outputs, on: sum(np.mean((outputs[on == k] - (k == 2)) ** 2) for k in (0, 1, 2)),
            lambda outputs, on: np.mean(
                [np.mean((outputs[on == k] - (k >= 1)) ** 2) for k in (0, 1, 2)]
            ),
            lambda outputs, on: np.mean(
                [np.mean(outputs[on < 2] ** 2), np.mean((outputs[on == 2] - 1) ** 2)]
            ),
        ),
        "what a network learns of rare cases is decided before it is trained",
    ),
    "training-5": Exercise(
        "an array of 435 outputs",
        hard_fault,
        (np.full(435, 0.5), np.ones(435), np.eye(1, 435)[0]),
        "a small loss is no evidence where the ones are rare",
    ),
    "training-6": value(
        "a number between 0 and 1",
        0.0123,
        {
            "that is what is left for the layer; the readoff's fault is the rest": 0.9877,
            "that is in percent; a share is asked for": 1.23,
            "an even split is a guess; run it": 0.5,
        },
        "the readoffs of a trained layer are nearly the best for it, so the layer sets the error",
        rtol=0.2,
    ),
    "training-7": OPEN,
}
