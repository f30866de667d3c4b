"""Exercises of the chapter on tightness."""

from functools import cache

import numpy as np

from helpers import boolean, maps
from helpers.exercises import OPEN, Exercise, numbers, value

INDEX = "the index of a function of three inputs, from 0 to 255"
SET = "a Boolean array of 256, a truth for each function of three inputs"


def index_fault(answer):
    """What is wrong with a function of many gates and little Lempel-Ziv complexity."""
    index = float(numbers(answer, (), "the index", INDEX))
    if index != int(index) or not 0 <= index < 256:
        return f"got {index:g}, expected {INDEX}"
    gates, bits = boolean.circuit_complexity(3), boolean.lz_complexity(boolean.tables(3))
    if gates[int(index)] < gates.max():
        return f"function {index:g} needs {gates[int(index)]} gates, and some need more"
    least = bits[gates == gates.max()].min()
    return (
        "" if bits[int(index)] == least else f"it has {bits[int(index)]:g} bits, and another less"
    )


def count(sample):
    """How often each function of a sample was drawn."""
    return np.unique(sample, return_counts=True)[1]


def losses(prior, t, nats=False, total=False, flip=False):
    """The losses of the Bayesian learner on function t, or of one that does something else."""
    tables = boolean.tables(3)[:, :: -1 if flip else 1]
    agree, mass, found = np.ones(256, bool), 1.0, []
    for column in range(8):
        agree &= tables[:, column] == tables[t, column]
        found.append((np.log if nats else np.log2)(mass / prior[agree].sum()))
        mass = 1.0 if total else prior[agree].sum()
    return np.array(found)


def exact(parameter_map):
    """The prior of a map of three inputs, in the order of the index."""
    prior, phi = maps.exact_prior(parameter_map), np.zeros(256)
    phi[boolean.index(np.unpackbits(prior.functions, axis=1))] = prior.weights / prior.weights.sum()
    return phi


@cache
def rivals():
    """The perceptron, and the trees that it should beat."""
    trees = {f"the tree of depth {k}": exact(maps.DecisionTree(3, k)) for k in (1, 2, 3, 4)}
    return exact(maps.QuantizedNetwork(3, levels=8)), trees


def blind_fault(answer):
    """What is wrong with a set of functions on which a perceptron should beat all trees."""
    chosen = numbers(answer, (256,), "the set", SET) > 0
    if chosen.sum() < 8:
        return f"it has {chosen.sum()} functions, expected eight or more"
    if (boolean.tables(3)[chosen].sum(1) != 4).any():
        return "a function in it has more or fewer than four ones"
    perceptron, trees = rivals()

    def regret(phi):
        return -np.log2((phi[chosen] + 2.0**-8) / 2).mean() - np.log2(chosen.sum())

    best = min(trees, key=lambda name: regret(trees[name]))
    if regret(perceptron) < regret(trees[best]):
        return ""
    return f"{best} has {regret(trees[best]):.2f} bits, the perceptron {regret(perceptron):.2f}"


ONES = boolean.tables(3).sum(1)
DRAWN = [([3, 3, 5, 7, 7, 7, 9, 11],), ([1, 2, 3, 4, 4],)]
PRIOR = np.random.default_rng(0).dirichlet(np.full(256, 0.3))

EXERCISES = {
    "tightness-1": Exercise(
        INDEX,
        index_fault,
        (0, 23, 150, 256),
        "repeated pieces of a truth table are not gates, and a renaming moves them",
    ),
    "tightness-2": value(
        "a function of a list of indices that returns a number",
        lambda sample: np.sum(count(sample) == 1) / len(sample),
        {
            "divide by the number of draws, not of different functions": (
                lambda sample: np.mean(count(sample) == 1)
            ),
            "that is the number of different functions over that of draws": (
                lambda sample: len(count(sample)) / len(sample)
            ),
            "that is the share of what was seen": lambda sample: (
                1 - np.sum(count(sample) == 1) / len(sample)
            ),
            "that is a count, not a share": lambda sample: np.sum(count(sample) == 1),
        },
        "what was seen once tells what was not seen, whatever the prior is",
        at=DRAWN,
    ),
    "tightness-3": value(
        "a function of prior and t that returns eight numbers",
        losses,
        {
            "in bits the logarithm has base two": lambda prior, t: losses(prior, t, nats=True),
            "a prediction is conditional: divide by the mass before the input was shown": (
                lambda prior, t: losses(prior, t, total=True)
            ),
            "the inputs come in another order": lambda prior, t: losses(prior, t, flip=True),
            "the losses have the opposite sign": lambda prior, t: -losses(prior, t),
        },
        "the losses add up to the code length of the function, in every order",
        at=[(PRIOR, 30), (PRIOR, 201)],
    ),
    "tightness-4": value(
        "a number",
        -np.log(1 / 40) / (12 * 4e6),
        {
            "the class has twelve functions, and shares its prior among them": (
                -np.log(1 / 40) / 4e6
            ),
            "the logarithm is natural": -np.log2(1 / 40) / (12 * 4e6),
            "that is the prior of the whole class, and more": -np.log(1 / 40) * 12 / 4e6,
            "that is the rule of three, for confidence 95 %": 3 / (12 * 4e6),
            "the class stays unseen with probability 1/40 at this bound, not 39/40": (
                -np.log(39 / 40) / (12 * 4e6)
            ),
        },
        "never seen in millions of draws is still a statement, with a number",
        rtol=1e-3,
    ),
    "tightness-5": Exercise(
        SET,
        blind_fault,
        (
            ONES == 4,
            ONES == 3,
            np.isin(
                np.arange(256), [15, 51, 85, 170, 204, 240, 23, 43, 77, 113, 142, 178, 212, 232]
            ),
            np.arange(256) == 23,
        ),
        "a function of one neuron that looks at every input is cheap for networks and dear for trees",
    ),
    "tightness-6": OPEN,
}
