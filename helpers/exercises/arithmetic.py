"""Exercises of the chapter on arithmetic in superposition."""

from itertools import product

import numpy as np
from scipy import optimize, stats

from helpers import circuits
from helpers.exercises import OPEN, Exercise, numbers, value

LEVELS = "a list of circuits.Level"
INPUTS = "eight numbers, of which the first two are one"
IDLE = float(circuits.product_cost(1.0, 0, 0, -1.0)) ** 2  # K at norm one and bias minus one


def cube_cost(bias):
    """Root mean square of the activations over the gain of degree three, norm one."""
    square = (1 + bias**2) * stats.norm.cdf(bias) + bias * stats.norm.pdf(bias)
    return np.sqrt(square) / abs(circuits.power_gain(3, 1.0, bias))


def majority_fault(levels):
    """What is wrong with levels that should compute the majority of three wires."""
    if not (
        isinstance(levels, (list, tuple)) and all(isinstance(x, circuits.Level) for x in levels)
    ):
        raise ValueError(f"got a {type(levels).__name__}, expected {LEVELS}")
    if not levels:
        raise ValueError(f"the list is empty, expected {LEVELS}")
    bits = np.array(list(product([0, 1], repeat=3)))
    wires = circuits.copy_wires(bits, 2, seed=0)
    for level in levels:
        wires = circuits.run_level(level, wires)
    found, right = wires[:, 0, 0], np.sign(bits.sum(1) - 1.5)
    if np.allclose(found, right):
        return "an idle copy does not stay idle" if wires[:, 1].any() else ""
    if np.allclose(found, -right):
        return "that is the minority"
    if np.allclose(np.sign(found), right):
        return f"the sign is right everywhere, but the output for 111 is {found[-1]:g}, not 1"
    wrong = int(np.argmax(~np.isclose(found, right)))
    return f"for the bits {''.join(map(str, bits[wrong]))} it gives {found[wrong]:g}"


def norm_fault(answer):
    """What is wrong with inputs that should make a calibrated readoff read too little."""
    x = numbers(answer, (8,), "the list", INPUTS)
    if (x[:2] != 1).any():
        return f"the first two inputs are {x[0]:g} and {x[1]:g}, not one"
    read = 2 / np.linalg.norm(x)
    return "" if read < 1 / 3 else f"the product reads as {read:.2f}"


def gate(operands, keep, mix):
    """A level of one gate."""
    return circuits.Level(np.array([operands]), np.array(keep, float), np.array(mix, float))


BEST = optimize.minimize_scalar(cube_cost, bounds=(-4, -0.2), method="bounded").x
FIRST = gate([0, 1], [[0, 0, 0], [0, 0, 1], [1, 1, 1]], [[1], [0], [0]])
RNG = np.random.default_rng(0)
DRAWN = [tuple(RNG.standard_normal((3, 5))) for _ in range(2)]

EXERCISES = {
    "arithmetic-1": value(
        "a function of rho and x_i",
        lambda rho, x: 2 * np.pi * rho**2 * (rho**2 + 4 * x**2) - x**4,
        {
            "that is the law of two inputs that are equal; for a square ‖Q‖² is 1, not 1/2": (
                lambda rho, x: np.pi * rho**2 * (rho**2 + 4 * x**2) - x**4
            ),
            "a variance is less the square of the mean": lambda rho, x: (
                2 * np.pi * rho**2 * (rho**2 + 4 * x**2)
            ),
            "that is the variance with the input off": lambda rho, x: 2 * np.pi * rho**4 + 0 * x,
            "the term with |Qx|² has the factor four": lambda rho, x: (
                2 * np.pi * rho**2 * (rho**2 + x**2) - x**4
            ),
        },
        "a square costs twice the variance of a product of idle inputs",
        at=[(2.0, 1.2), (1.0, 0.5), (3.0, 0.0)],
    ),
    "arithmetic-2": value(
        "a function of f_i, f_j and h",
        lambda f_i, f_j, h: (f_i @ h) * (f_j @ h) + (f_i @ f_j) * (h @ h),
        {
            "that holds for orthogonal features; Stein's lemma has a second term": (
                lambda f_i, f_j, h: (f_i @ h) * (f_j @ h)
            ),
            "the trace comes with the square of the norm of h": lambda f_i, f_j, h: (
                (f_i @ h) * (f_j @ h) + f_i @ f_j
            ),
            "the trace comes with |h|², not |h|": lambda f_i, f_j, h: (
                (f_i @ h) * (f_j @ h) + (f_i @ f_j) * np.linalg.norm(h)
            ),
            "the two terms add": lambda f_i, f_j, h: (f_i @ h) * (f_j @ h) - (f_i @ f_j) * (h @ h),
        },
        "the trace can be subtracted, and the crosstalk of the readings cannot",
        at=DRAWN,
    ),
    "arithmetic-3": value(
        "two numbers",
        [-1, BEST],
        {
            "a bias above zero is not asked for": [1, BEST],
            "the noise falls with the bias too, so the two differ": [-1, -1],
            "the gain is largest where its own derivative vanishes; differentiate φ, too": (
                [-(3**0.5), BEST]
            ),
            "the two are exchanged": [BEST, -1],
        },
        "the best bias trades gain for silence, here as for products of two",
        rtol=0.02,
    ),
    "arithmetic-4": value(
        "a number of neurons",
        IDLE * 1000 * 2 * 1.1**2 / 0.1,
        {
            "noise makes noise: the layer sees signal and noise": IDLE * 1000 * 2 / 0.1,
            "the variance goes with the fourth power of the norm": IDLE * 1000 * 2 * 1.1 / 0.1,
            "that is where the noise stays finite, not where it stays small": IDLE * 1000 * 2 * 4,
            "ρ₀² is given, not ρ₀": IDLE * 1000 * 4 * 1.1**2 / 0.1,
        },
        "tens of neurons for each wire, at any depth",
        rtol=5e-3,
    ),
    "arithmetic-5": Exercise(
        LEVELS,
        majority_fault,
        (
            [gate([0, 1], [[1, 1, 1]], [[0]])],
            [FIRST, gate([0, 1], [[0, 0, 0]], [[1]])],
            [FIRST, gate([0, 1], [[0, 0, 1]], [[-1]])],
            [FIRST, gate([0, 1], [[0, 0, -0.5]], [[0.5]])],
        ),
        "two products compute it, and an idle copy stays idle because no level has a constant",
    ),
    "arithmetic-6": Exercise(
        INPUTS,
        norm_fault,
        (np.ones(8), [1, 1, 0, 0, 0, 0, 0, 0], [1, 1, -5, 0, 0, 0, 0, 0], [6, 6, 0, 0, 0, 0, 0, 0]),
        "what the other inputs do changes what a product reads, unless the layer removes the norm",
    ),
    "arithmetic-7": OPEN,
}
