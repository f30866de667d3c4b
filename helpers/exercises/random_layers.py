"""Exercises of the chapter on random layers."""

from functools import cache

import numpy as np

from helpers import uand
from helpers.exercises import OPEN, Exercise, call, numbers, value

ACTIVATION = "a function that maps an array to one of the same shape"


def xor_error(linear, product, passed):
    """Root mean square of a sum of uncorrelated terms of these variances, at s = 3."""
    return np.sqrt((linear + product * 2 * np.pi * 3) * 3 * passed)


@cache
def best_bias():
    """A bias near the best, and its cost."""
    grid = np.linspace(-6, 0, 61)
    costs = [uand.hermite_cost("relu", (1, 1), 6, b) for b in grid]
    return grid[np.argmin(costs)], min(costs)


def bias_fault(answer):
    """What is wrong with a bias that should read AND at the least cost, s = 6."""
    bias = float(numbers(answer, (), "the bias", "a number"))
    cost = uand.hermite_cost("relu", (1, 1), 6, bias)
    best, least = best_bias()
    if cost < 1.002 * least:
        return ""
    if bias > 0:
        return "a positive bias keeps neurons on, which adds noise and no curvature"
    if abs(bias - best / np.sqrt(6)) < 0.06:
        return "this is the best bias for s = 1, and the law is one in b/√s"
    return f"the cost there exceeds the least by {cost / least - 1:.1%}"


def no_gain_fault(activation):
    """What is wrong with an activation that should be curved and hide AND from the product readoff."""
    g = np.linspace(-8, 8, 4001)
    density, gains = np.exp(-g * g / 2) * (g[1] - g[0]) / np.sqrt(2 * np.pi), []
    for s in range(2, 7):
        total = np.sqrt(s) * g
        output = call(activation, total, expected=ACTIVATION)
        output = numbers(output, g.shape, "its output", "one number for each input")
        line = np.polynomial.Polynomial.fit(total, output, 1)(total)
        if np.allclose(output, line, atol=1e-9 * np.ptp(output)):
            return "it is affine, and an affine layer computes no AND whatever the readoff"
        gain = density @ (output * (g * g - 1)) / s
        gains.append(0.0 if s * abs(gain) < 1e-6 * np.sqrt(density @ output**2) else gain)
    if not any(gains):
        return ""
    if 0 in gains:
        return f"its gain is 0 for some s, but {max(gains, key=abs):.3g} for another"
    if np.allclose(output, output[::-1]):
        return (
            f"its gain at s = 2 is {gains[0]:.3g}; an even function is the most curved on average"
        )
    return f"its gain at s = 2 is {gains[0]:.3g}; which part of the function does it come from"


def weighted(blocks, weights):
    """Least squares for AND from activations with 0, 1, 2 of a pair on, a weight a row of each."""
    gram = sum(w * a.T @ a for w, a in zip(weights, blocks, strict=True))
    return np.linalg.solve(gram, weights[2] * blocks[2].sum(0))


def per_row(blocks, *shares):
    """Weights of rows that give each block a share in all."""
    return [share / len(a) for share, a in zip(shares, blocks, strict=True)]


RNG = np.random.default_rng(0)
BLOCKS = [RNG.standard_normal((n, 4)) + 1 for n in (40, 25, 10)]

EXERCISES = {
    "random-layers-1": value(
        "a number",
        1 / 3,
        {
            "that is the error for two inputs, and with three the input 000 errs more": 1 / 4,
            "a constant does as well, and so does least squares; let the largest errors be equal": 1
            / 2,
            "that is the share of ones, which bounds no error": 1 / 8,
        },
        "a third input costs a twelfth, and in the limit of many an affine function is no better "
        "than a constant",
    ),
    "random-layers-2": value(
        "a number",
        np.sqrt(2 / np.pi) - 1 / np.sqrt(np.pi),
        {
            "twice the gain, for ReLU is half of S + |S|": 2 * np.sqrt(2 / np.pi)
            - 2 / np.sqrt(np.pi),
            "that is the part of equal signs; unequal signs count against it": np.sqrt(2 / np.pi),
            "that is the mean of ReLU(S) without the signs": 1 / np.sqrt(np.pi),
        },
        "with two inputs on, the gain is a quarter of the difference of two means",
    ),
    "random-layers-3": value(
        "a number",
        xor_error(8, 4, 1 / 2),
        {
            "ReLU passes half of the square of S, not all of it": xor_error(8, 4, 1),
            "XOR is x_i + x_j − 2 x_i x_j, so the product's variance counts four times": xor_error(
                8, 1, 1 / 2
            ),
            "that is the product's error alone; reading x_i and x_j adds to it": xor_error(
                0, 4, 1 / 2
            ),
            "uncorrelated errors add in squares": (4 + 2 * np.sqrt(6 * np.pi)) * np.sqrt(3 / 2),
        },
        "nearly all of the error is the product's, so XOR costs about twice what AND does",
        rtol=2e-3,
    ),
    "random-layers-4": Exercise(
        "a number",
        bias_fault,
        (0, 2.85, -1.16, -6),
        "the cost is flat around the best bias, which scales with √s",
    ),
    "random-layers-5": Exercise(
        ACTIVATION,
        no_gain_fault,
        (lambda t: np.maximum(t, 0), np.abs, lambda t: 2 * t + 1, lambda t: t**4 / 12 - t**2),
        "the product readoff sees the second Hermite order of the activation, and nothing else",
    ),
    "random-layers-6": value(
        "a function that returns one readoff, of shape (4,) if there are four neurons",
        lambda blocks: weighted(blocks, per_row(blocks, 1 / 4, 1 / 2, 1 / 4)),
        {
            "all rows count the same, so the largest block has the most weight": lambda blocks: (
                weighted(blocks, [1, 1, 1])
            ),
            "the three blocks count the same, but two of the four cases have one on": lambda blocks: (
                weighted(blocks, per_row(blocks, 1, 1, 1))
            ),
            "each block's sum is weighted, not its mean: divide by its number of rows": lambda blocks: (
                weighted(blocks, [1 / 4, 1 / 2, 1 / 4])
            ),
            "the rows are multiplied by their weights, which squares the weights": lambda blocks: (
                weighted(blocks, np.square(per_row(blocks, 1 / 4, 1 / 2, 1 / 4)))
            ),
            "targets are evened here, and the zeros with one on drown in the others": lambda blocks: (
                weighted(
                    blocks,
                    [1 / 2 / (len(blocks[0]) + len(blocks[1]))] * 2 + [1 / 2 / len(blocks[2])],
                )
            ),
        },
        "the weights of the cases are a choice, and the readoff depends on it",
        at=[(BLOCKS,), ([a[::2] for a in BLOCKS],)],
    ),
    "random-layers-7": value(
        "a function of s and tau",
        lambda s, tau: np.sqrt(np.pi) * (s + tau**2),
        {
            "variances add, not standard deviations": lambda s, tau: np.sqrt(np.pi) * (s + tau),
            "the noise is right, but the biases lower the gain as well": lambda s, tau: np.sqrt(
                np.pi * s * (s + tau**2)
            ),
            "the biases add variance to every neuron": lambda s, tau: np.sqrt(np.pi) * s,
            "that is the mean square": lambda s, tau: np.pi * (s + tau**2) ** 2,
        },
        "a random bias acts like more inputs that are on",
        at=[(3, 0.5), (6, 2.0), (2, 3.0)],
    ),
    "random-layers-8": OPEN,
}
