"""Exercises of the chapter on skip feature-bigrams."""

import numpy as np
from scipy import stats

from helpers import attention
from helpers.exercises import OPEN, Exercise, numbers, value

BIGRAMS = "64 different pairs of integers from 0 to 255"
QK = "a function of features, projection and bigrams that returns an array"


def several(k):
    """P(two or more bigrams hold | one or more), 4000 of 512² pairs, k active features."""
    law = stats.hypergeom(512**2, 4000, k * k)
    return law.sf(1) / law.sf(0)


def size_fault(answer):
    """What is wrong with the least width for 1000 bigrams and 64 keys."""
    width = float(numbers(answer, (), "the width", "an integer"))
    if width != int(width) or not 2 <= width <= 512:
        return "a width is an integer between 2 and 512"
    error, less = (attention.retrieval_error(512, int(width) - k, 2048, 1000, 64) for k in (0, 1))
    if error > 0.01:
        return f"at this width the error is {error:.2g}, too much"
    return f"one less is enough, with an error of {less:.2g}" if less <= 0.01 else ""


def star_fault(answer):
    """What is wrong with 64 bigrams of which one half-match alone should drown a signal."""
    pairs = numbers(answer, (64, 2), "the list", BIGRAMS)
    if (pairs != pairs.astype(int)).any() or pairs.min() < 0 or pairs.max() > 255:
        return f"a feature is not an integer from 0 to 255, expected {BIGRAMS}"
    if len(np.unique(pairs, axis=0)) < 64:
        return "some pairs repeat"
    keys, queries = (np.bincount(side, minlength=256).max() for side in pairs.T.astype(int))
    if max(keys / 32, queries / 256) > 1:
        return ""
    if queries == 64:
        return "the half-match of a query is divided by d, not by the width of the head"
    return f"no feature is in more than {max(keys, queries)} bigrams on one side, which is too few"


def qk(features, projection, bigrams, ratio=1, swap=False, both=False):
    """The head's matrix, or what comes out with the wrong scale, order or projection."""
    shrink = projection.T @ projection
    i, j = np.asarray(bigrams).T[:: -1 if swap else 1]
    left = features[i] @ shrink if both else features[i]
    right = features[j] if both else features[j] @ shrink
    d, r = features.shape[1], len(projection)
    return (d / r) ** ratio * left.T @ right


DRAWN = (
    attention.unit_vectors(10, 6, seed=0),
    attention.random_projection(6, 2, seed=1) * (2 / 6) ** 0.5,  # rows of length one
    attention.random_bigrams(10, 7, seed=2),
)
EXERCISES = {
    "skip-bigrams-1": value(
        "a number",
        9 * (256 + 32),
        {
            "half-matches are then a tenth of the other term, not of the sum": 10 * (256 + 32),
            "half-matches are then half of the variance": 256 + 32,
            "that counts the half-matches of keys; those of queries come on top": 9 * 256,
        },
        "with fewer features than neurons, half-matches are most of the noise",
        rtol=1e-3,
    ),
    "skip-bigrams-2": value(
        "an integer",
        max(k for k in range(1, 40) if several(k) <= 0.1),
        {
            "with one more the share is still below a tenth": max(
                k for k in range(1, 40) if several(k) <= 0.05
            ),
            "that is a tenth of all pairs of positions, not of those that match": max(
                k for k in range(1, 40) if stats.hypergeom(512**2, 4000, k * k).sf(1) <= 0.1
            ),
            "one feature never gives two bigrams; the law grants more": 1,
        },
        "the square root of the number of bigrams sets how sparse features must be",
    ),
    "skip-bigrams-3": Exercise(
        "an integer",
        size_fault,
        (16, 32, 128, 256),
        "one width serves a set of pairs, and the logarithm of the keys is inside it",
    ),
    "skip-bigrams-4": value(
        "a number",
        stats.beta(1.5, 1.5).sf(stats.beta(0.5, 1.5).isf(0.25)) / 0.25,
        {
            "that is the share of the squares that is kept; compare it with what a projection keeps": (
                stats.beta(1.5, 1.5).sf(stats.beta(0.5, 1.5).isf(0.25))
            ),
            "that is the limit of very narrow heads": 4,
            "capacity goes with the square of signal over noise": np.sqrt(
                stats.beta(1.5, 1.5).sf(stats.beta(0.5, 1.5).isf(0.25)) / 0.25
            ),
            "singular values enter by their squares": (
                stats.beta(1, 1.5).sf(stats.beta(0.5, 1.5).isf(0.25)) / 0.25
            ),
        },
        "knowing the matrix is worth more than twice the width",
        rtol=0.02,
    ),
    "skip-bigrams-5": Exercise(
        BIGRAMS,
        star_fault,
        (
            [(k, k + 64) for k in range(64)],
            [(k, 200) for k in range(64)],
            [(k // 8, k % 8) for k in range(64)],
            [(0, 1)] * 64,
        ),
        "the law of the noise is for random sets; one busy key feature drowns a signal of one",
    ),
    "skip-bigrams-6": value(
        QK,
        qk,
        {
            "the projection shrinks a vector, and its mean score is below one": (
                lambda *drawn: qk(*drawn, ratio=0)
            ),
            "the scale is applied twice": lambda *drawn: qk(*drawn, ratio=2),
            "key and query are exchanged": lambda *drawn: qk(*drawn, swap=True),
            "the key's feature is projected instead of the query's": (
                lambda *drawn: qk(*drawn, both=True)
            ),
        },
        "a matrix of low rank that stores far more pairs than its rank",
        at=[DRAWN],
    ),
    "skip-bigrams-7": OPEN,
}
