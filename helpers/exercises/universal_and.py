"""Exercises of the chapter on universal AND."""

from functools import cache
from math import comb

import numpy as np

from helpers import uand
from helpers.exercises import OPEN, Exercise, numbers, value

AFFINE = "three numbers p, q, c"


@cache
def limit(d):
    """The least error of AND of any layer of d neurons, 30 inputs, 5 of them on."""
    return uand.least_error(30, 5, d)


def score_fault(answer):
    """What is wrong with an affine readoff that should look good and read no AND."""
    p, q, c = numbers(answer, (3,), "the list", AFFINE)
    errors = np.abs([c, p + c, q + c, p + q + c - 1])
    shares = np.array([comb(28, 5), comb(28, 4), comb(28, 4), comb(28, 3)]) / comb(30, 5)
    within = (errors < 0.25) @ shares
    if within <= 0.95:
        return f"it is within 1/4 on {within:.0%} of the inputs"
    return "" if errors[3] >= 0.5 else f"with both on its error is {errors[3]:.2f}, below 1/2"


EXERCISES = {
    "universal-and-1": value(
        "a function of s and p",
        lambda s, p: s * p - 1 + (1 - p) ** s,
        {
            "where no input is wired, ReLU gives 0 and not −1": lambda s, p: s * p - 1,
            "that is its first order for small p": lambda s, p: comb(s, 2) * p**2,
            "that is the probability that the neuron is on": lambda s, p: (
                1 - (1 - p) ** s - s * p * (1 - p) ** (s - 1)
            ),
            "neither of the pair is on, so s other inputs are": lambda s, p: (
                (s - 1) * p - 1 + (1 - p) ** (s - 1)
            ),
        },
        "the bias is quadratic in the share of wires, which is why the share must be small",
        at=[(3, 0.5), (5, 0.2), (9, 0.6)],
    ),
    "universal-and-2": value(
        "a function of s and d",
        lambda s, d: (2 * (s - 1) * d) ** (-1 / 3),
        {
            "the derivative of the squared bias has a factor two": lambda s, d: (
                ((s - 1) * d) ** (-1 / 3)
            ),
            "the noise falls with p, so the derivative has p², and p³ in all": lambda s, d: (
                (2 * (s - 1) * d) ** (-1 / 2)
            ),
            "one of the inputs that are on is of the pair": lambda s, d: (2 * s * d) ** (-1 / 3),
            "the powers of s − 1 do not cancel": lambda s, d: (2 * d) ** (-1 / 3),
        },
        "at the optimum the noise is twice the squared bias, so the error falls like a cube root",
        at=[(3, 2), (2, 10_000), (5, 10_000)],
    ),
    "universal-and-3": value(
        "two integers",
        [22, 29],
        {
            "both lack one function that is no AND": [21, 28],
            "without a bias the inputs never come apart from each other": [28, 29],
            "with a bias the linear terms come with random signs": [22, 23],
            "the second lacks a function; what do the squares of the weights add up to": [22, 28],
        },
        "so random quadratic layers are exact for all pairs, and a little more",
    ),
    "universal-and-4": value(
        "an integer",
        9,
        {
            "W/(1 + W) below 1/4 is not W below 1/4": 16,
            "the limit is W/(1 + W), and W falls like 1/√d": 3,
            "one neuron less is not excluded either, for W is a little below 1/√d": 10,
        },
        "with two on, very few neurons are excluded; with more on, many are",
    ),
    "universal-and-5": value(
        "a number",
        2 * limit(150),
        {
            "XOR counts twice in AND = (x_i + x_j − XOR)/2": limit(150),
            "the copies that the argument adds are neurons too": 2 * limit(120),
            "a reading of XOR gives one of AND with half its error, not twice": limit(150) / 2,
        },
        "it is below the affine limit of XOR, so the question stays open between the two",
        rtol=1e-3,
    ),
    "universal-and-6": Exercise(
        AFFINE,
        score_fault,
        ((0.5, 0.5, -0.25), (0.5, 0.5, 0), (1, 0, 0), (0.2, 0.2, 0.2)),
        "a share of all inputs is no evidence; the share of the worst class is",
    ),
    "universal-and-7": OPEN,
}
