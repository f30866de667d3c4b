"""Exercises of the chapter on the coding theorem."""

import zlib

import numpy as np

from helpers import boolean, coding, maps
from helpers.exercises import OPEN, Exercise, call, numbers, value

TERNARY_BITS = 2360  # of the chapter's text for four inputs, compressed


def lengths_of(weights):
    """⌈log2 1/φ⌉ in integers."""
    return [(-(-sum(weights) // w) - 1).bit_length() for w in weights]


def code_fault(code):
    """What is wrong with a function that should write the shorter Shannon code."""
    for weights in ([2, 9, 3, 1, 1], [1, 1, 1, 1], [5, 27, 81, 9, 1, 1, 1, 3]):
        words, right = list(call(code, list(weights), expected=WORDS)), lengths_of(weights)
        if len(words) != len(right) or not all(isinstance(word, str) for word in words):
            return f"for the weights {weights} it returns no list of {len(weights)} texts"
        if any(set(word) - set("01") for word in words):
            return "a word has letters other than 0 and 1"
        sizes = [len(word) for word in words]
        if sizes == [size + 1 for size in right]:
            return "every word is one bit too long: without the half it need not be"
        if sizes != right:
            return (
                f"for the weights {weights} the lengths are {sizes}, not the least that are allowed"
            )
        ordered = sorted(words)
        clash = [a for a, b in zip(ordered, ordered[1:], strict=False) if b.startswith(a)]
        if clash:
            return f"for the weights {weights} the word {clash[0]} begins another"
    return ""


def shannon(weights, order, extra=0, half=0):
    """Words of the cumulative prior in an order; right for falling weights and nothing added."""
    total, start, words = sum(weights), 0, [""] * len(weights)
    for row, size in [(row, lengths_of(weights)[row] + extra) for row in order(weights)]:
        middle = 2 * start + half * weights[row]
        words[row] = f"{(middle << size) // (2 * total):0{size}b}"
        start += weights[row]
    return words


def falling(weights):
    return sorted(range(len(weights)), key=lambda row: -weights[row])


def elias_mean(phi, order, first=1, kind="delta"):
    """Mean length of the word of a rank."""
    ranks = np.arange(first, first + len(phi))
    return np.asarray(phi)[order(phi)] @ coding.elias_length(ranks, kind)


def edge_fault(answer):
    """What is wrong with a prior that should be nearly uniform and favour gates."""
    p, gates = numbers(answer, (256,), "the prior", PRIOR), boolean.circuit_complexity(3)
    if abs(p.sum() - 1) > 1e-9 or p.min() < 0:
        return f"it is no prior: it sums to {p.sum():.4g}, and its least entry is {p.min():.3g}"
    if np.ptp(p) < 1e-12:
        return "all its values are equal"
    deficit = 8 + p[p > 0] @ np.log2(p[p > 0])
    if deficit >= 0.01:
        return f"its deficit is {deficit:.3f} bits, which is too much"
    shift = p @ gates - gates.mean()
    return "" if shift > 1e-9 else f"it changes the mean number of gates by {shift:.2g}"


def near_uniform(tilt, share):
    """A mixture of the uniform prior and one proportional to a tilt of the gates."""
    weights = tilt(boolean.circuit_complexity(3).astype(float))
    return (1 - share) / 256 + share * weights / weights.sum()


def run(text):
    """The names that a map's text leaves behind."""
    if not isinstance(text, str):
        raise ValueError(f"got a {type(text).__name__}, expected {MAP_TEXT}")
    names = {}
    try:
        exec(text, names)
    except Exception as problem:
        raise ValueError(f"the text raises {type(problem).__name__}: {problem}") from None
    if missing := [name for name in "tsg" if name not in names]:
        raise ValueError(f"the text leaves no {' and no '.join(missing)} behind")
    return [names[name] for name in "tsg"]


def starve_fault(text):
    """What is wrong with a map that should reach all functions of four inputs but zero."""
    points, name, table = run(text)
    if not (isinstance(points, int) and 0 < points <= 2**20):
        return f"t is {points!r}, and a million points must do"
    tables = {table(name(q)) for q in range(points)}
    if 0 in tables:
        return "the zero function is reached"
    missing = 65535 - len(tables & set(range(1, 65536)))
    return f"{missing} functions other than zero are not reached" if missing else ""


def golf_fault(text):
    """What is wrong with a shorter text for the ternary network."""
    if isinstance(text, str) and not text.strip().startswith(("n=4", "from", "import")):
        return "the text has to set n=4 where it begins"
    prior = maps.exact_prior(maps.QuantizedNetwork(3, hidden=3))
    points, name, table = run(text.replace("n=4", "n=3") if isinstance(text, str) else text)
    total, ends = int(prior.weights.sum()), np.cumsum(prior.weights)
    if points != total:
        return f"with n=3 the map has {total} points, and t is {points}"
    for q in (total * k // 500 for k in range(500)):
        if table(name(q)) != prior.functions[np.searchsorted(ends, q, "right"), 0]:
            return f"with n=3 it gives another function at point {q}"
    stream = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    size = 8 * len(stream.compress(text.encode()) + stream.flush())
    return "" if size < TERNARY_BITS else f"it has {size} bits, not fewer than {TERNARY_BITS}"


def mix_fault(mix):
    """What is wrong with a mixture of a prior and a prefix code."""
    phi, lengths = np.array([0, 0.9, 0.05, 0.05]), np.array([1, 3, 3, 2])
    mixed = call(mix, phi.copy(), lengths.copy(), expected=MIXTURE)
    mixed = numbers(mixed, (4,), "the mixture", MIXTURE)
    if mixed.sum() > 1 + 1e-9:
        return f"for two laws that sum to one it sums to {mixed.sum():.4g}"
    if mixed[0] == 0:
        return "the function of prior zero is still starved, however short its program"
    if (mixed < phi / 2).any():
        return "a prior lost more than one bit"
    if (mixed < 0.5 ** (lengths + 1)).any():
        return "a program lost more than one bit"
    return ""


WORDS = "a function of a list of weights that returns a list of texts such as '010'"
PRIOR = "an array of 256 numbers"
MAP_TEXT = "a text of Python that leaves t, s and g behind"
MIXTURE = "a function of an array of priors and one of lengths that returns an array"
SMALL = np.array([1, 8, 1, 4, 2]) / 16
LARGE = 0.7 ** np.arange(40)[::-1] / sum(0.7 ** np.arange(40))
FALLING, RISING, GIVEN = (
    lambda phi: np.argsort(-np.asarray(phi)),
    np.argsort,
    lambda phi: np.arange(len(phi)),
)

EXERCISES = {
    "coding-theorem-1": Exercise(
        WORDS,
        code_fault,
        (
            lambda w: shannon(w, lambda w: range(len(w))),
            lambda w: shannon(w, falling, extra=1, half=1),
            lambda w: [f"{row:0{(len(w) - 1).bit_length()}b}" for row in range(len(w))],
            lambda w: w,
        ),
        "sorting saves the bit, and needs all priors at once",
    ),
    "coding-theorem-2": value(
        "a function of an array of priors",
        lambda phi: elias_mean(phi, FALLING),
        {
            "the rarest function got the first rank": lambda phi: elias_mean(phi, RISING),
            "the functions were not sorted by their priors": lambda phi: elias_mean(phi, GIVEN),
            "the ranks begin at two": lambda phi: elias_mean(phi, FALLING, first=2),
            "that is Elias's gamma, which writes the length of the length in unary": (
                lambda phi: elias_mean(phi, FALLING, kind="gamma")
            ),
            "every function counts the same in this mean": lambda phi: np.mean(
                coding.elias_length(np.arange(1, len(phi) + 1))
            ),
        },
        "the order of the functions is enough for a code, and often for a good one",
        at=[(SMALL,), (LARGE,)],
    ),
    "coding-theorem-3": Exercise(
        PRIOR,
        edge_fault,
        (
            np.full(256, 1 / 256),
            near_uniform(lambda gates: gates == gates.max(), 0.5),
            near_uniform(lambda gates: gates.max() - gates, 0.05),
            np.ones(256),
        ),
        "a deficit is second order in a tilt, and what the tilt does is first order",
    ),
    "coding-theorem-4": Exercise(
        MAP_TEXT,
        starve_fault,
        (
            "t=2**16\ns=int\ng=int",
            "t=2**16-2\ns=lambda q:q+1\ng=int",
            "t=2**16-1\ns=lambda q:q+1\nf=int",
        ),
        "the zero function has one of the shortest programs there is, and prior zero",
    ),
    "coding-theorem-5": Exercise(
        "a text of Python that begins with n=4 and leaves t, s and g behind",
        golf_fault,
        (
            "t=3**19\ns=int\ng=int",
            "n=4\nt=3**19\ns=int\ng=int",
            "n=4\nt=3**(3*n+7)\ns=int\ng=int",
        ),
        "what repeats is cheap, and nobody knows the least number of bits",
    ),
    "coding-theorem-6": Exercise(
        MIXTURE,
        mix_fault,
        (
            lambda phi, lengths: phi + 0.5**lengths,
            lambda phi, lengths: phi,
            lambda phi, lengths: 0.9 * phi + 0.1 * 0.5**lengths,
            lambda phi, lengths: 0.1 * phi + 0.9 * 0.5**lengths,
        ),
        "the repair costs one bit of each law, and a wait for tapes that may never halt",
    ),
    "coding-theorem-7": OPEN,
}
