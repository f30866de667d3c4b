"""Exercises of the chapter on learning coefficients."""

from math import factorial

import numpy as np
from scipy import optimize

from helpers import volumes
from helpers.exercises import OPEN, Exercise, numbers, value

WIDTHS = "a list of integers"
FLAT = "four positive numbers"


def widths_fault(answer):
    """What is wrong with the output widths that make a multiplicity two."""
    found = np.atleast_1d(np.asarray(answer))
    numbers(found, (len(found),), "the list", WIDTHS)
    if found.min() < 1 or (found != found.astype(int)).any():
        return f"widths are positive integers, expected {WIDTHS}"
    right = {h for h in range(1, 20) if volumes.rlct_deep_linear([3, 4, h])[1] == 2}
    if wrong := sorted(set(found.astype(int)) - right):
        return f"with {wrong[0]} outputs the multiplicity is one"
    return f"{len(right - set(found))} widths are missing" if right - set(found) else ""


def slope(d, eps, sign=-1, t=None):
    """The slope of ln V in ln ε for the square of a product of d."""
    t = np.log(1 / np.sqrt(eps)) if t is None else t
    terms = [t**j / factorial(j) for j in range(d)]
    return 1 / 2 + sign * sum(terms[:-1]) / sum(terms) / 2


def switch(price=2.0, gain=1 / 2, log=np.log):
    """Where n·gain·δ² is the price of the logarithm, δ = 0.1: the larger root."""
    return optimize.brentq(lambda n: n * gain * DELTA**2 - price * log(n), 400, 1e6)


def flat_fault(answer):
    """What is wrong with curvatures of which localisation should hide a half."""
    h = numbers(answer, (4,), "the list", FLAT)
    if (h <= 0).any():
        return "a curvature is not positive, and then the truth is not 2"
    estimate = np.sum(1000 * h / (1000 * h + 10)) / 2
    return "" if estimate < 1 else f"the estimate is {estimate:.3g}, not below 1"


DELTA = 0.1
EXERCISES = {
    "learning-coefficient-1": value(
        "an integer",
        1,
        {
            "then x alone decides: λ = 1/4, of multiplicity one": 0,
            "the rate of x is (h + 1)/4, as K has the fourth power of x": 3,
            "then y alone decides: λ = 1/2, of multiplicity one": 2,
        },
        "a density that vanishes at the singularity can change who wins, and the multiplicity",
    ),
    "learning-coefficient-2": Exercise(
        WIDTHS,
        widths_fault,
        ([8, 6, 4], [7, 5, 3], [6, 4], [4]),
        "multiplicity two is an exception, and needs a coincidence of widths",
    ),
    "learning-coefficient-3": value(
        "a number",
        4 / 11,
        {
            "that is the first order; the law is 1/(1 − s/4)": 0.4,
            "that is a tenth of the curvature, not a tenth of the estimate": 0.1,
            "then the estimate is a tenth too low, for which no step is positive": -4 / 9,
            "the bias is s/4, not s/2": 2 / 11,
        },
        "the bias of a finite step is upward, and the same in every direction of equal curvature",
    ),
    "learning-coefficient-4": value(
        "a number of samples",
        switch(),
        {
            "the loss has a half: Δ is δ²/2": switch(gain=1),
            "the coefficients differ by 2, which the problem of the page gives": switch(price=4),
            "the price is in nats": switch(log=np.log2),
            "that is the smaller root, where no posterior has settled": optimize.brentq(
                lambda n: n * DELTA**2 / 2 - 2 * np.log(n), 1, 2
            ),
        },
        "the logarithm multiplies the sample size that δ alone would ask for",
        rtol=5e-3,
    ),
    "learning-coefficient-5": value(
        "a function of d and eps",
        slope,
        {
            "that is the limit, which is far away": lambda d, eps: 1 / 2,
            "that is the leading correction; the sum has more terms": lambda d, eps: (
                1 / 2 - (d - 1) / np.log(1 / eps)
            ),
            "logarithms make V larger, and the slope smaller": lambda d, eps: slope(d, eps, 1),
            "the variable of the sum is ln 1/√ε": lambda d, eps: slope(d, eps, t=np.log(1 / eps)),
        },
        "at any ε that can be measured, the slope is far from λ",
        at=[(2, 1e-2), (4, 1e-6), (3, 1e-4)],
    ),
    "learning-coefficient-6": Exercise(
        FLAT,
        flat_fault,
        ([1, 1, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1e-9], [0.01, 0.01, 0.01, 0.1]),
        "what is flatter than the localisation is not counted",
    ),
    "learning-coefficient-7": OPEN,
}
