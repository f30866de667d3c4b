"""Codes: for the functions of a prior, for the index of a random point, for hard and soft regions.

Bits are uint8 arrays of 0 and 1. A prior is any record with `.functions`, packed truth tables
(N, bytes) in lexicographic order, and `.probabilities` (N,); if it has `.weights`, integer counts
of parameter points, these are the exact probabilities. Theorems named here stand in the chapter
book/simplicity/regions. Arguments that cannot be used raise a ValueError that names them.
"""

import math
from bisect import bisect_left
from collections.abc import Callable
from itertools import accumulate, pairwise
from os.path import commonprefix
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from helpers import _require

# Shannon-Fano-Elias over the functions of a prior


class CodeBook(NamedTuple):
    """All code words of a prior, as texts of 0 and 1 in increasing order.

    `source` holds the arrays they were made from; `row` maps the bytes of a function to its row.
    """

    source: tuple[np.ndarray, np.ndarray, np.ndarray | None]
    row: dict[bytes, int]
    words: list[str]


_last: list[CodeBook] = []  # the last prior's book, reused as long as the prior is unchanged


def encode_function(prior: Any, function: np.ndarray) -> UInt8[np.ndarray, " bit"]:
    """The Shannon-Fano-Elias word of a packed function: ⌈log2 1/φ⌉ + 1 bits, no word begins another.

    The middle of the function's interval in the cumulative prior, Σ_{g<f} φ(g) + φ(f)/2, cut off
    after that many bits (Cover and Thomas 2006, section 5.9). Exact in integers: a float is a
    dyadic rational, and where floats do not sum to one exactly, the difference goes to the function
    farthest above a power of two, whose length can bear it, or if it cannot, to the most probable.
    Raises ValueError for a function that the prior does not reach.

    >>> from types import SimpleNamespace
    >>> functions = np.array([[0], [1], [2], [3]], np.uint8)
    >>> prior = SimpleNamespace(functions=functions, probabilities=np.array([1, 2, 0.5, 0.5]) / 4)
    >>> encode_function(prior, functions[2]).tolist()  # 0.1101, in Cover and Thomas
    [1, 1, 0, 1]
    """
    book = code_book(prior)
    width = book.source[0].shape[1]
    function = np.asarray(function)
    if function.shape != (width,) or function.dtype != np.uint8:
        got = f"{function.dtype} of shape {function.shape}"
        raise ValueError(f"function: got {got}, expected a packed row, uint8 of shape ({width},)")
    row = book.row.get(function.tobytes())
    if row is None:
        reached = f"expected one of the {len(book.words)} functions that the prior reaches"
        raise ValueError(f"function: got {function.tolist()}, {reached}")
    return _bits(book.words[row])


def decode_function(prior: Any, bits: np.ndarray) -> UInt8[np.ndarray, " byte"]:
    """The packed function whose word is `bits`.

    Raises ValueError saying at which bit the input stops being the beginning of a word, ends inside
    one, or goes on after one.

    >>> from types import SimpleNamespace
    >>> prior = SimpleNamespace(functions=np.array([[7], [9]], np.uint8), probabilities=np.ones(2) / 2)
    >>> decode_function(prior, encode_function(prior, prior.functions[1])).tolist()
    [9]
    >>> decode_function(prior, np.array([0, 0, 1]))
    Traceback (most recent call last):
    ...
    ValueError: bits: got 3 bits, decoder left the code at bit 2: expected 1 after 0, got 0
    """
    book, text = code_book(prior), _text(bits)
    row = bisect_left(book.words, text)
    near = book.words[max(row - 1, 0) : row + 1]
    if text in near:
        return book.source[0][row].copy()
    agreed = max((commonprefix([word, text]) for word in near), key=len)
    k, after = len(agreed), f"after {agreed[-16:]}" if agreed else "first"
    if agreed in near:
        raise _misfit(text, k)
    if k == len(text):
        raise _misfit(text, k, "a longer word")
    raise _misfit(text, k, f"{1 - int(text[k])} {after}, got {text[k]}")


def code_lengths(prior: Any) -> Int[np.ndarray, " function"]:
    """⌈log2 1/φ⌉ + 1 for every function of the prior, in bits.

    >>> from types import SimpleNamespace as Prior
    >>> code_lengths(Prior(functions=np.array([[0], [1]], np.uint8), probabilities=[0.9, 0.1]))
    array([2, 5])
    """
    return np.array([len(word) for word in code_book(prior).words])


def code_book(prior: Any) -> CodeBook:
    """The book of a prior. The last one made is kept, and made anew if any array has changed."""
    source = tuple(getattr(prior, name, None) for name in ("functions", "probabilities", "weights"))
    if not _last or not all(
        kept is given or np.array_equal(kept, given)  # None is None
        for kept, given in zip(_last[0].source, source, strict=True)
    ):
        _last[:] = [_new_book(*source)]
    return _last[0]


def _new_book(functions: Any, probabilities: Any, weights: Any) -> CodeBook:
    """The book of these arrays, or a ValueError if they are no prior."""
    phi = _require.array("prior.probabilities", probabilities, (None,)).astype(float)
    functions = _require.array("prior.functions", functions, (len(phi), None))
    rows = [row.tobytes() for row in functions]
    if functions.dtype != np.uint8 or any(a >= b for a, b in pairwise(rows)):
        what = "distinct uint8 rows in lexicographic order"
        raise ValueError(f"prior.functions: got {functions.dtype} rows, expected {what}")
    if phi.min() <= 0 or abs(phi.sum() - 1) > 1e-9:
        got = f"smallest {phi.min():.3g}, sum {phi.sum():.12g}"
        raise ValueError(f"prior.probabilities: got {got}, expected positive ones that sum to 1")
    if weights is None:
        ratios = [p.as_integer_ratio() for p in phi.tolist()]
        total = max(power for _, power in ratios)
        given = [numerator * (total // power) for numerator, power in ratios]
    else:
        given = [_require.integer("prior.weights", w, 1) for w in weights]
        total = sum(given)
        shares = np.array([count / total for count in given])
        if shares.shape != phi.shape or np.abs(shares - phi).max() > 1e-9:
            got = f"{len(given)} counts of sum {total}"
            what = f"{len(phi)} counts in proportion to the probabilities"
            raise ValueError(f"prior.weights: got {got}, expected {what}")
    room, excess = phi - np.ldexp(0.5, np.frexp(phi)[1]), sum(given) - total
    counts, payer = given.copy(), int(np.argmax(room if room.max() >= excess / total else phi))
    counts[payer] -= excess
    words = []
    for end, count, least in zip(accumulate(counts), counts, map(min, counts, given), strict=True):
        k = ((total - 1) // least).bit_length()  # ⌈log2 total/least⌉
        words.append(f"{((2 * end - count) << k) // total:0{k + 1}b}")
    copies = (a if a is None else np.array(a) for a in (functions, probabilities, weights))
    return CodeBook(tuple(copies), {function: row for row, function in enumerate(rows)}, words)


def _bits(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8) & 1


def _text(bits: Any) -> str:
    bits = _require.binary("bits", bits, (None,))
    return (bits.astype(np.uint8) | ord("0")).tobytes().decode()


def _misfit(text: str, end: int, expected: str = "") -> ValueError:
    """The error for bits that leave the code after `end` bits, or that end before these."""
    n = len(text)
    where = f"left the code at bit {end + 1}" if end < n else f"ran out of bits at bit {n}"
    expected = expected or (f"the end at bit {end}" if end < n else f"{end} or more")
    return ValueError(f"bits: got {n} bits, decoder {where}: expected {expected}")


# Codes of an index 1, 2, …: Golomb's if its law is known, Elias's if not


def golomb_parameter(p: float) -> int:
    """G, the size of a group, of the best Golomb code of an index with P(N = n) = p(1 − p)^(n−1).

    The least G ≥ 1 with θ^G + θ^(G+1) ≤ 1, θ = 1 − p (Gallager and van Voorhis 1975).

    >>> [golomb_parameter(p) for p in (1.0, 0.5, 0.1)]
    [1, 1, 7]
    """
    p = _probability(p)
    return 1 if p == 1 else max(1, math.ceil(math.log(2 - p) / -math.log1p(-p)))


def golomb_encode(index: int, p: float) -> UInt8[np.ndarray, " bit"]:
    """The Golomb word of `index` ≥ 1: index − 1 = jG + r as j zeros, a one, and r in minimal binary.

    >>> golomb_encode(9, 0.1).tolist()  # 8 = 1·7 + 1
    [0, 1, 0, 1, 0]
    """
    size, k, short = _groups(p)
    j, r = divmod(_require.integer("index", index, 1) - 1, size)
    if r >= short:
        k, r = k + 1, r + short
    return _bits("0" * j + f"{2**k + r:b}")


def golomb_decode(bits: np.ndarray, p: float) -> int:
    """The index whose Golomb word is `bits`; a ValueError says at which bit it is none.

    >>> golomb_decode(np.array([0, 1, 0, 1, 0]), 0.1)
    9
    """
    text, (size, k, short) = _text(bits), _groups(p)
    j = (text + "1").index("1")
    end = j + 1 + k
    r = int("0" + text[j + 1 : end], 2)
    if r >= short:
        r, end = int("0" + text[j + 1 : end + 1], 2) - short, end + 1
    if end != len(text):
        raise _misfit(text, end)
    return j * size + r + 1


def golomb_length(index: Any, p: float) -> Int[np.ndarray, " index"]:
    """The length of `golomb_encode(index, p)` for an array of indices, in bits.

    >>> golomb_length([1, 9], 0.1).tolist()
    [3, 5]
    """
    size, k, short = _groups(p)
    return k + 1 + (_indices(index) - 1 + size - short) // size  # rises where r reaches `short`


def golomb_mean_length(p: float) -> float:
    """E of the Golomb length of an index with success probability p, exactly, in bits.

    k + 1 + θ^(2^(k+1) − G)/(1 − θ^G), k = ⌊log2 G⌋, θ = 1 − p (theorem "Golomb's code").

    >>> golomb_mean_length(1.0), golomb_mean_length(0.5)
    (1.0, 2.0)
    """
    size, k, short = _groups(p)
    log_theta = math.log1p(-p) if p < 1 else -math.inf
    return k + 1 - math.exp(short * log_theta) / math.expm1(size * log_theta)


def geometric_entropy(p: float) -> float:
    """The entropy of the index in bits: log2(1/p) + (1 − p)/p · log2(1/(1 − p)).

    >>> geometric_entropy(1.0), geometric_entropy(0.5)
    (0.0, 2.0)
    """
    p = _probability(p)
    return 0.0 if p == 1 else -(math.log(p) + (1 - p) / p * math.log1p(-p)) / math.log(2)


def elias_encode(index: int, code: str = "delta") -> UInt8[np.ndarray, " bit"]:
    """Elias's word of `index` ≥ 1. "gamma": k zeros, then the k + 1 binary digits of the index.

    "delta": the gamma word of k + 1, then the k digits after the first (Elias 1975).

    >>> elias_encode(10).tolist(), elias_encode(10, "gamma").tolist()
    ([0, 0, 1, 0, 0, 0, 1, 0], [0, 0, 0, 1, 0, 1, 0])
    """
    number, word = _require.integer("index", index, 1), ""
    for _ in _rounds(code):
        number, word = number.bit_length(), f"{number:b}"[1:] + word
    return _bits("0" * (number - 1) + "1" + word)


def elias_decode(bits: np.ndarray, code: str = "delta") -> int:
    """The index whose Elias word is `bits`; a ValueError says at which bit it is none.

    >>> elias_decode(np.array([0, 0, 1, 0, 0, 0, 1, 0]))
    10
    """
    text = _text(bits)
    number = end = (text + "1").index("1") + 1
    for _ in _rounds(code):
        start, end = end, end + number - 1
        number = int("1" + text[start:end], 2) if end <= len(text) else 1  # at least
    if end != len(text):
        raise _misfit(text, end)
    return number


def elias_length(index: Any, code: str = "delta") -> Int[np.ndarray, " index"]:
    """The length of `elias_encode(index, code)` for an array of indices below 2^53, in bits.

    >>> elias_length([1, 10]).tolist(), elias_length([1, 10], "gamma").tolist()
    ([1, 8], [1, 7])
    """
    number, length = _indices(index), 0
    for _ in _rounds(code):
        k = np.frexp(number)[1].astype(np.int64) - 1
        number, length = k + 1, length + k
    return length + number


def elias_mean_length(p: float, code: str = "delta") -> float:
    """E of the Elias length of an index with success probability p, in bits: a sum over k.

    >>> round(elias_mean_length(1 / 1024), 4)
    15.428
    """
    p = _probability(p)
    first = 2 ** np.arange(min(math.ceil(-math.log2(p)) + 8, 63))  # where the length may rise
    reached = np.exp((first - 1) * math.log1p(-p)) if p < 1 else 1.0 * (first == 1)
    return float(np.diff(elias_length(first, code), prepend=0) @ reached)


def _probability(p: Any) -> float:
    p = _require.real("p", p)
    if not 0 < p <= 1:
        raise ValueError(f"p: got {p!r}, expected a probability in (0, 1]")
    return p


def _indices(index: Any) -> np.ndarray:
    index = _require.array("index", index, (None,))
    if index.dtype.kind not in "iu" or index.min() < 1:
        what = "integers at least 1"
        raise ValueError(f"index: got {index.dtype}, smallest {index.min()}, expected {what}")
    return index.astype(np.int64)


def _groups(p: float) -> tuple[int, int, int]:
    """G, k = ⌊log2 G⌋, and how many of the remainders 0 … G − 1 are written in k bits, not k + 1."""
    size = golomb_parameter(p)
    k = size.bit_length() - 1
    return size, k, 2 ** (k + 1) - size


def _rounds(code: str) -> range:
    """How often a number gives way to the number of its digits, before one is written in unary."""
    rounds = {"gamma": 1, "delta": 2}
    return range(rounds[_require.choice("code", code, rounds)])


# Regions: sender and receiver share a sequence of points, uniform in the unit cube

STRIDE = 2**40  # points of the shared sequence that each Poisson choice has for itself


class Messages(NamedTuple):
    """Indices sent, 1 or more (message,), and the points they name (message, dimension)."""

    indices: Int[np.ndarray, " message"]
    points: Float[np.ndarray, "message dimension"]


def _shared(seed: int, skipped: int) -> np.random.Generator:
    """The shared sequence of numbers, without the first `skipped`."""
    rng = np.random.default_rng(_require.integer("seed", seed, 0))
    rng.bit_generator.advance(skipped)
    return rng


def first_hits(
    inside: Callable, dimension: int, n_messages: int, *, seed: int, most: int = 10**8
) -> Messages:
    """The first point inside a region, `n_messages` times along the shared sequence.

    `inside` maps points (n, dimension) to booleans (n,). Each message begins after the point that
    the last one named, so indices are independent and geometric. Raises ValueError if `most` draws
    do not suffice: the region may be empty.

    >>> first_hits(lambda x: x[:, 0] < 0.5, 2, 4, seed=0).indices.tolist()
    [2, 8, 1, 6]
    """
    d = _require.integer("dimension", dimension, 1)
    n = _require.integer("n_messages", n_messages, 1)
    shared = _shared(seed, 0)
    most, drawn, hits, points = _require.integer("most", most, 1), 0, [], []
    while sum(map(len, hits)) < n and drawn < most:
        block = shared.random((min(2**16, most - drawn), d))
        where = np.flatnonzero(_require.binary("inside(points)", inside(block), (len(block),)))
        hits.append(drawn + where)
        points.append(block[where])
        drawn += len(block)
    hits, points = np.concatenate(hits)[:n], np.concatenate(points)[:n]
    if len(hits) < n:
        raise ValueError(
            f"inside: got {len(hits)} points inside among {drawn} drawn, expected {n}; is it empty?"
        )
    return Messages(np.diff(hits, prepend=-1), points)


def poisson_choices(
    log_ratio: Callable, log_bound: float, dimension: int, n_messages: int, *, seed: int
) -> Messages:
    """Samples of Q from shared points of P, the uniform law: the Poisson functional representation.

    `log_ratio` maps points to ln dQ/dP, at most `log_bound`. With the arrival times T_i of a Poisson
    process, message r names the i with the least T_i/(dQ/dP)(x_i) among points r·STRIDE + i (Li and El
    Gamal 2018, section II). Raises ValueError for a ratio above the bound, or zero everywhere.

    >>> half = lambda x: np.where(x[:, 0] < 0.5, np.log(2), -np.inf)  # Q is uniform on half the cube
    >>> poisson_choices(half, np.log(2), 2, 4, seed=0).points[:, 0] < 0.5
    array([ True,  True,  True,  True])
    """
    d = _require.integer("dimension", dimension, 1)
    n = _require.integer("n_messages", n_messages, 1)
    bound = _require.real("log_bound", log_bound, 0, 30)
    batch, chosen = min(64 + int(2 * math.exp(bound)), 2**16), []
    for message in range(n):
        shared = _shared(seed, message * STRIDE * d)
        private = np.random.default_rng([seed, message, 1])  # [s, 0] would be the stream of s
        least, time, drawn = math.inf, 0.0, 0
        while not drawn or math.log(time) < least + bound:  # else no later point can be better
            points = shared.random((batch, d))
            times = time + np.cumsum(private.standard_exponential(batch))
            ratios = log_ratio(points)
            if not ratios.max() <= bound + 1e-9:
                raise ValueError(f"log_ratio: got {ratios.max()}, expected at most {bound}")
            scores = np.log(times) - ratios
            i = int(scores.argmin())
            if scores[i] < least:
                least, index, point = scores[i], drawn + i + 1, points[i]
            time, drawn = times[-1], drawn + batch
            if least == math.inf and drawn > 100 * math.exp(bound):  # of chance exp(-100) at most
                raise ValueError(f"log_ratio: got -inf at {drawn} points, expected a density")
        chosen.append((index, point))
    return Messages(*map(np.array, zip(*chosen, strict=True)))


def shared_points(
    indices: Any, dimension: int, *, seed: int, stride: int = 0
) -> Float[np.ndarray, "message dimension"]:
    """What the receiver makes of the indices: the points, from the seed alone.

    Each message begins after the last one (as in `first_hits`), or at a multiple of `stride`.

    >>> sent = first_hits(lambda x: x[:, 0] < 0.1, 2, 5, seed=0)
    >>> bool((shared_points(sent.indices, 2, seed=0) == sent.points).all())
    True
    """
    d = _require.integer("dimension", dimension, 1)
    ends = _indices(indices) if stride else np.cumsum(_indices(indices))
    before = [message * stride + end - 1 for message, end in enumerate(ends.tolist())]
    return np.array([_shared(seed, k * d).random(d) for k in before])
