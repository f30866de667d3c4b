"""Exercises of the chapter on naming a point of a region."""

import numpy as np

from helpers import coding
from helpers.exercises import OPEN, Exercise, call, numbers, value

REGION = "a function of points, an array (n, 2), that returns n truths"
SEQUENCE = np.random.default_rng(0).random((64, 2))  # as the exercise shows it


def golomb_mean(p, parameter):
    """Expected bits of Golomb's code of a parameter, for a geometric index of share p."""
    k = int(parameter).bit_length() - 1
    return k + 1 + (1 - p) ** (2 ** (k + 1) - parameter) / (1 - (1 - p) ** parameter)


def dodge_fault(inside):
    """What is wrong with a large region that 64 fixed points should miss."""
    points = np.random.default_rng(1).random((20_000, 2))
    found = [
        numbers(call(inside, x.copy(), expected=REGION), (len(x),), "its output", REGION) > 0
        for x in (points, SEQUENCE)
    ]
    if found[1].any():
        return f"point {np.argmax(found[1]) + 1} of the sequence lies inside"
    share = found[0].mean()
    return "" if share >= 0.89 else f"its share is about {share:.2f}, and 0.9 is asked for"


EXERCISES = {
    "regions-1": value(
        "a number of bits",
        2 + 9 / 7,
        {
            "that is the entropy of the index, and no code of whole bits reaches it here": (
                -np.log2(0.25) - 3 * np.log2(0.75)
            ),
            "that is log2(1/p); the code takes more": 2,
            "a smaller G is better": golomb_mean(0.25, 3),
            "that is unary, with G = 1; a larger G is better": golomb_mean(0.25, 1),
        },
        "Golomb's code is close to the entropy even where a bit is a large unit",
    ),
    "regions-2": value(
        "a function of d, k and eps",
        lambda d, k, eps: coding.golomb_mean_length(eps**k),
        {
            "that is log2 of one over the share; the code takes a little more": lambda d, k, eps: (
                -k * np.log2(eps)
            ),
            "a slab of width 2ε lies in a cube of side 2": lambda d, k, eps: (
                coding.golomb_mean_length((eps / 2) ** k)
            ),
            "only k of the d coordinates are bounded by ε": lambda d, k, eps: (
                coding.golomb_mean_length(eps**d)
            ),
            "k is the codimension, not the dimension": lambda d, k, eps: coding.golomb_mean_length(
                eps ** (d - k)
            ),
        },
        "each halving of ε costs k bits, so bits count codimensions",
        at=[(3, 2, 0.25), (3, 1, 0.1), (5, 2, 0.3)],
    ),
    "regions-3": value(
        "a function of p and p_hat",
        lambda p, p_hat: golomb_mean(p, coding.golomb_parameter(p_hat)),
        {
            "the index still follows the true share": lambda p, p_hat: coding.golomb_mean_length(
                p_hat
            ),
            "the code does not know the true share": lambda p, p_hat: coding.golomb_mean_length(p),
            "the two shares are exchanged": lambda p, p_hat: golomb_mean(
                p_hat, coding.golomb_parameter(p)
            ),
            "the cost of a wrong share is not its log ratio; it is in the law of the length": lambda p, p_hat: (
                coding.golomb_mean_length(p) + abs(np.log2(p_hat / p))
            ),
        },
        "a share that is wrong by a factor of two costs a fraction of a bit",
        at=[(0.001, 0.002), (0.001, 0.0001), (0.01, 0.05)],
    ),
    "regions-4": value(
        "a number, log2 F",
        16 * np.log2(np.e),
        {
            "that is ln F, in nats": 16,
            "converted from nats to bits the wrong way": 16 * np.log(2),
            "four bits on the index are a factor of sixteen in ln F": 4,
            "that counts indices; it is their ratio to 1/p that matters": 24,
        },
        "four bits on the index pay for nearly nine million regions",
        rtol=1e-3,
    ),
    "regions-5": value(
        "a number",
        3 / 2,
        {
            "that is rejection sampling, which wastes what it rejects": 2,
            "the average is over Q, not over P": 4 / 3,
            "the index begins at one": 1 / 2,
            "that has w(x) = x, but the weight is an integral": 5 / 3,
        },
        "the index of a soft region is near the ratio of densities, not at its largest value",
        rtol=1e-4,
    ),
    "regions-6": Exercise(
        REGION,
        dodge_fault,
        (
            lambda x: x[:, 0] < 0.9,
            lambda x: x[:, 0] > 2,
            lambda x: np.abs(x[:, None] - SEQUENCE).max(2).min(1) > 0.1,
        ),
        "whoever knows the sequence finds a region that it misses, so randomness has to be shared late",
    ),
    "regions-7": OPEN,
}
