"""Exercises of the chapter on matching tokens."""

from functools import cache

import numpy as np

from helpers import attention
from helpers.exercises import OPEN, Exercise, call, numbers, value

WIDTH = "a function of n and delta that returns an integer"
TOKENS = "an array of 8 different tokens, shape (8, 16)"
COLD = 1.6574  # π/t with t/sin t = 2

threshold = cache(attention.threshold_dimension)


def width_fault(width):
    """What is wrong with a rule for the width of a matching head."""
    for n in (100, 10_000, 1_000_000):
        for delta in (0.5, 0.01, 1e-6):
            k = float(numbers(call(width, n, delta, expected=WIDTH), (), "the width", WIDTH))
            case, least = f"for n = {n:,} and δ = {delta:g}", threshold(n, delta)
            if k != int(k):
                return f"{case} it returns {k:g}, which is no integer"
            if not least <= k <= least + 3:
                return f"{case} it is too {'narrow' if k < least else 'wide'} by {abs(k - least):g}"
    return ""


def tail(k, level, normalised=False):
    """The probability that one ordered pair fails at a level."""
    return np.exp(attention.log_pair_tail(k, level, normalised=normalised))


def two_lengths(n, k, factor, same=1.0, up=1.0, down=1.0):
    """Expected failing pairs of half short and half long tokens, by kinds of pairs."""
    half = n // 2
    cross = up * tail(k, factor) + down * tail(k, 1 / factor)
    return same * 2 * half * (half - 1) * tail(k, 1) + half**2 * cross


def least_width(n, level=1 - 2**-8, pairs=1 / 2, normalised=True, extra=0):
    """The least k at which at most one pair is expected to tie."""
    k = 2
    while pairs * n * (n - 1) * tail(k, level, normalised) > 1:
        k += 1
    return k + extra


def failing_fault(answer):
    """What is wrong with tokens of which all but one should fail in every projection."""
    tokens = numbers(answer, (8, 16), "the array", TOKENS)
    if len(np.unique(tokens, axis=0)) < 8:
        return "some tokens are equal"
    for seed in range(20):
        seen = tokens @ np.random.default_rng(seed).standard_normal((16, 8))
        scores = seen @ seen.T
        others = np.where(np.eye(8) > 0, -np.inf, scores).max(1)
        failing = int((others >= np.diag(scores) - 1e-9).sum())
        if failing < 7:
            return f"in one projection to eight dimensions {failing} of them fail"
    return ""


EXERCISES = {
    "matching-tokens-1": value(
        "a number",
        (1 - 2**-0.5) / 2,
        {
            "half of all g are negative, and no length is": 1 - 2**-0.5,
            "that is the probability that g is positive and below the length": 2**-0.5 / 2,
            "a fourth would need lengths that do not vary": 1 / 4,
        },
        "in two dimensions a pair fails about one time in seven",
    ),
    "matching-tokens-2": Exercise(
        WIDTH,
        width_fault,
        (
            lambda n, delta: int(np.ceil(4 * np.log2(n))),
            lambda n, delta: int(np.ceil(4 * np.log2(n) - 2 * np.log2(delta))),
            lambda n, delta: int(np.ceil(2 * np.log2(n) - 2 * np.log2(delta))),
            lambda n, delta: 4 * np.log2(n),
        ),
        "four dimensions for each bit of a token's name, and two for each bit of certainty",
    ),
    "matching-tokens-3": value(
        "two numbers",
        [COLD, 2],
        {
            "that is a temperature; its inverse is asked for": [1 / COLD, 2],
            "that is t; the inverse temperature is π/t": [np.pi / COLD, 2],
            "there the factor is π/2": [2, 2],
            "the loss falls like two to the power −k/2": [COLD, 1],
        },
        "two dimensions more pay for a temperature that is not zero",
        rtol=0.01,
    ),
    "matching-tokens-4": value(
        "a function of n, k and factor",
        lambda n, k, factor: two_lengths(n, k, factor),
        {
            "pairs are ordered: a token may fail with a second that does not fail with it": (
                lambda n, k, factor: two_lengths(n, k, factor) / 2
            ),
            "pairs of equal length fail too": lambda n, k, factor: two_lengths(n, k, factor, 0),
            "a long token may fail against a short one as well": lambda n, k, factor: two_lengths(
                n, k, factor, up=0
            ),
            "long against short and short against long have different levels": (
                lambda n, k, factor: two_lengths(n, k, factor, up=2, down=0)
            ),
            "the lengths do not enter": lambda n, k, factor: n * (n - 1) * tail(k, 1),
        },
        "short queries with long keys set the width, however few they are",
        at=[(80, 6, 1.5), (80, 12, 2.0), (20, 16, 3.0)],
        rtol=1e-4,
    ),
    "matching-tokens-5": value(
        "a function of n",
        lambda n: least_width(n),
        {
            "a tie is between two tokens, so each pair counts once": lambda n: least_width(
                n, pairs=1
            ),
            "that is the law of tokens whose lengths vary": lambda n: least_width(
                n, normalised=False
            ),
            "a step of the score is 1/256": lambda n: least_width(n, level=1 - 2**-7),
            "there more than one tie is expected": lambda n: least_width(n, extra=-1),
        },
        "with fine scores few dimensions do, and their product with the bits is what counts",
        at=[(100,), (1000,), (10_000,)],
    ),
    "matching-tokens-6": Exercise(
        TOKENS,
        failing_fault,
        (
            np.eye(8, 16),
            np.outer([1, 1, 2, 3, 4, 5, 6, 7], np.ones(16)),
            np.outer([-4, -3, -2, -1, 1, 2, 3, 4], np.ones(16)),
        ),
        "no projection mends a vocabulary in which a token lies on the way to another",
    ),
    "matching-tokens-7": OPEN,
}
