"""Exercises of the chapter on attending to many features."""

from itertools import product

import numpy as np

from helpers.exercises import OPEN, Exercise, call, numbers, value

CIRCLES = "a function of n_groups and size that returns vectors and biases"
THREE = "three unit vectors in three dimensions, a row each"


def between(n, i, j, extra=-1, far=False, opposite=True):
    """Features inside the short arc between two, or what people count instead."""
    steps = abs(i - j) if far else min((i - j) % n, (j - i) % n)
    return 0 if opposite and 2 * steps == n else steps + extra


def circles_fault(build):
    """What is wrong with an autoencoder that should read back one feature of each group."""
    for groups, size in ((2, 3), (3, 4), (2, 9)):
        built = call(build, groups, size, expected=CIRCLES)
        if not (isinstance(built, (tuple, list)) and len(built) == 2):
            raise ValueError(f"it returns no pair, expected {CIRCLES}")
        w = numbers(built[0], (groups * size, 2 * groups), "the array of vectors", CIRCLES)
        b = numbers(built[1], (groups * size,), "the array of biases", CIRCLES)
        one = np.vstack([np.zeros(size), np.eye(size)])
        x = np.array([np.concatenate(parts) for parts in product(one, repeat=groups)])
        read = np.maximum(x @ w @ w.T + b, 0)
        case = f"with {groups} groups of {size}"
        if (b > 1e-9).any():
            return f"{case} a bias is positive, and then nothing on reads as something"
        on, off = read[x == 1], read[x == 0]
        if np.abs(on - 1).max() > 1e-9:
            return f"{case} a feature that is on reads {on[np.abs(on - 1).argmax()]:.2f}"
        if off.max() > 1e-9:
            return f"{case} a feature that is off reads {off.max():.2f}"
    return ""


def sharp_fault(answer):
    """What is wrong with three nearly orthogonal vectors that should break a pair."""
    u = numbers(answer, (3, 3), "the array", THREE)
    gram = u @ u.T
    if np.abs(np.diag(gram) - 1).max() > 1e-6:
        return "a vector has not length one"
    largest = np.abs(gram - np.eye(3)).max()
    if largest > 1 / 3 + 1e-6:
        return f"two vectors have the dot product ±{largest:.2f}, beyond 1/3"
    lead = (u[1] - u[0]) @ (u[2] - u[0])
    return "" if lead < 1e-6 else f"the members still lead by {lead:.2f}"


def tie(share, others=1022 * 0.99 / 0.02):
    """The ratio of spread to gap that costs a share of τ²."""
    return np.sqrt(share) / np.log(others)


def from_gram(t, members):
    """Three unit vectors whose first has dot product t with the two members."""
    return np.linalg.cholesky([[1, t, t], [t, 1, members], [t, members, 1]])


def polygon(groups, size, square):
    """Circles of a squared radius in planes of their own, and the biases that belong to it."""
    angle = 2 * np.pi * np.arange(size) / size
    circle = np.stack([np.cos(angle), np.sin(angle)], 1)
    return np.kron(np.eye(groups), np.sqrt(square) * circle), np.full(groups * size, 1 - square)


PER_LOG = 6 / np.log(27 / 16)
EXERCISES = {
    "many-features-1": value(
        "a function of n, i and j",
        between,
        {
            "the shorter of the two arcs counts": lambda n, i, j: between(n, i, j, far=True),
            "the members do not outscore themselves": lambda n, i, j: between(n, i, j, 0),
            "opposite features add up to nothing": lambda n, i, j: between(n, i, j, opposite=False),
            "an arc of k steps has k − 1 features inside": (lambda n, i, j: between(n, i, j, -2)),
        },
        "on a circle only neighbours can be read as a pair",
        at=[(12, 0, 5), (13, 2, 11), (64, 10, 22), (10, 0, 5)],
    ),
    "many-features-2": value(
        "two numbers",
        [16 / 27, PER_LOG],
        {
            "about n³ triples must survive, not n² pairs": [16 / 27, PER_LOG * 2 / 3],
            "q has the power k/2": [16 / 27, PER_LOG / 2],
            "that is the rate of random corners of a cube": [9 / 16, 6 / np.log(16 / 9)],
            "the density of the angle counts too": [1 / 2, 6 / np.log(2)],
        },
        "logarithmically many dimensions keep every pair, with a constant above ten",
        rtol=5e-3,
    ),
    "many-features-3": value(
        "a number",
        tie(0.04),
        {
            "with two keys the factor 1 − 1/r is one half": tie(0.02),
            "that is τ; the ratio is τ/β": 0.2,
            "two keys share what does not leak": tie(0.04, 1022 * 0.99 / 0.01),
            "the loss is of second order in τ": tie(0.04**2),
        },
        "ties need scores that are equal to a few hundredths of the gap",
        rtol=0.01,
    ),
    "many-features-4": Exercise(
        CIRCLES,
        circles_fault,
        (
            lambda groups, size: polygon(groups, size, 1.0),
            lambda groups, size: polygon(groups, size, 1 / (1 - np.cos(2 * np.pi / size))),
            lambda groups, size: (polygon(groups, size, 1.0)[0] * 2, np.zeros(groups * size)),
            lambda groups, size: polygon(groups, size, 1.0)[0],
        ),
        "the bend of ReLU gives each group a plane of its own, and any number of features in it",
    ),
    "many-features-5": Exercise(
        THREE,
        sharp_fault,
        (
            np.eye(3),
            [[1, 0, 0], [-0.5, 0.75**0.5, 0], [-0.5, -(0.75**0.5), 0]],
            from_gram(1 / 3, 1 / 3),
            2 * np.eye(3),
        ),
        "the guarantee for small dot products is sharp: signs decide, not sizes",
    ),
    "many-features-6": OPEN,
}
