"""Boolean functions: truth tables, and how complex they are.

A function of n inputs is its truth table f(0), …, f(2^n − 1): input x is a binary number whose most
significant bit is the first input. Packed means `np.packbits` along that order. For n <= 4 a
function also has an index t, whose bit x (the least significant is x = 0) is f(x).
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import permutations

import numpy as np
from jaxtyping import Float, Int, UInt8, UInt16

from helpers import _require

cache = lru_cache(maxsize=None, typed=True)  # typed: 2.0 and True are not 2 and 1
BLOCK = 2048  # truth tables scanned together: their run lengths fit the cache


def inputs(n_inputs: int) -> UInt8[np.ndarray, "point input"]:
    """All inputs in the order of a truth table, shape (2**n_inputs, n_inputs), first input first.

    >>> inputs(2).tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    n = _require.integer("n_inputs", n_inputs, 1, 20)
    points = np.arange(2**n)[:, None] >> np.arange(n)[::-1]
    return (points & 1).astype(np.uint8)


def unpack(packed: np.ndarray, n_inputs: int) -> UInt8[np.ndarray, "*functions point"]:
    """Truth tables (…, 2**n_inputs) of 0/1 from packed ones, the inverse of `np.packbits`.

    >>> unpack(np.packbits([[0, 1, 1, 0]], axis=-1), 2).tolist()
    [[0, 1, 1, 0]]
    """
    length = 2 ** _require.integer("n_inputs", n_inputs, 1, 20)
    packed = np.asarray(packed)
    if packed.dtype != np.uint8 or packed.ndim == 0 or packed.shape[-1] != -(-length // 8):
        expected = f"uint8 with a last axis of {-(-length // 8)}"
        raise ValueError(f"packed: got {packed.dtype} of shape {packed.shape}, expected {expected}")
    return np.unpackbits(packed, axis=-1, count=length)


def index(tables: np.ndarray) -> Int[np.ndarray, "*functions"]:
    """The index t = Σ_x f(x) 2^x of each truth table (…, 2**n), n <= 4, where complexities stand.

    >>> int(index([0, 0, 0, 1]))
    8
    """
    bits = _bits("tables", tables)
    if bits.shape[-1] not in (1, 2, 4, 8, 16):
        raise ValueError(f"tables: got length {bits.shape[-1]}, expected 1, 2, 4, 8 or 16")
    return np.asarray(bits.astype(np.int64) @ (1 << np.arange(bits.shape[-1])))


def tables(n_inputs: int) -> UInt8[np.ndarray, "function point"]:
    """The truth tables of all functions of n_inputs <= 4 inputs, in the order of their index.

    >>> tables(1).tolist()
    [[0, 0], [1, 0], [0, 1], [1, 1]]
    """
    length = 2 ** _require.integer("n_inputs", n_inputs, 1, 4)
    return (np.arange(2**length)[:, None] >> np.arange(length) & 1).astype(np.uint8)


@cache
def renamings(n_inputs: int) -> UInt16[np.ndarray, "order function"]:
    """The index of every function of n_inputs <= 4 after each renaming of its inputs.

    Returns shape (n_inputs!, 2**2**n_inputs), read-only; the first row renames nothing.

    >>> renamings(2)[1].tolist()[:6]
    [0, 1, 4, 5, 2, 3]
    """
    bits = tables(n_inputs).reshape(-1, *[2] * n_inputs)
    orders = permutations(range(1, n_inputs + 1))
    renamed = [index(bits.transpose(0, *order).reshape(len(bits), -1)) for order in orders]
    return _read_only(np.array(renamed, np.uint16))


def lz_complexity(bits: np.ndarray) -> Float[np.ndarray, "*functions"]:
    """Lempel-Ziv complexity in bits of strings (…, length), length at least 2.

    C_LZ(x) = log2(length) (N(x) + N(reversed x)) / 2, and log2(length) for a constant x, where N
    counts the words of the LZ76 parse (Kaspar, Schuster 1987; an unfinished last word counts).
    Source: Dingle, Camargo, Louis 2018, equation (4).

    >>> lz_complexity([[0] * 8, [0, 1] * 4]).tolist()
    [3.0, 9.0]
    """
    bits = _bits("bits", bits)
    length = bits.shape[-1]
    if length < 2:
        raise ValueError(f"bits: got strings of length {length}, expected at least 2")
    rows = bits.reshape(-1, length)
    words = np.ones(len(rows))
    varied = np.flatnonzero((rows != rows[:, :1]).any(axis=1))
    for start in range(0, len(varied), BLOCK):
        block = varied[start : start + BLOCK]
        words[block] = (_words(rows[block]) + _words(rows[block, ::-1])) / 2
    return (np.log2(length) * words).reshape(bits.shape[:-1])


def _words(rows: np.ndarray) -> np.ndarray:
    """Words of the LZ76 parse of each row: a word is the longest earlier factor, and one bit more.

    `run[j]` is how far the string from p on agrees with itself j + 1 places to the left; from right
    to left it grows by one or falls to zero. Its largest value is the length of the factor.
    """
    history = np.ascontiguousarray(rows.T[::-1])  # so that the lags 1, 2, … of a place are a slice
    length, count = history.shape
    run = np.zeros((length, count), np.min_scalar_type(length))
    factor = np.zeros_like(run)
    for p in range(length - 1, 0, -1):
        lags = run[:p]
        lags += 1
        lags *= history[length - p :] == history[length - 1 - p]
        lags.max(axis=0, out=factor[p])
    position, words, column = np.zeros(count, np.intp), np.zeros(count), np.arange(count)
    while (inside := position < length).any():
        words += inside
        position += factor[np.minimum(position, length - 1), column] + np.intp(1)
    return words


@cache
def circuit_complexity(n: int) -> UInt8[np.ndarray, " function"]:
    """Fewest two-input gates of any kind in a circuit, for every function of n <= 4 inputs.

    Returns shape (2**2**n,), read-only; entry t is for the function with f(x) = bit x of t.
    Every set of at most 5 gates is built, once up to renaming the inputs, and every sixth gate is
    added to it. What that does not reach has 7 gates: a gate over two functions of 6 together.
    n = 4 takes seconds. The numbers agree with Knuth, TAOCP 4A, section 7.1.2, table 1.

    >>> circuit_complexity(2).tolist()
    [0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 0]
    """
    names, cost = _start(n)
    chains = np.flatnonzero(cost == 0)[None, 1:].astype(np.uint16)  # rows: inputs, then gates
    for gates in range(1, 7):
        blocks = np.array_split(chains, -(-len(chains) // 20_000))
        longer = [_longer(block, cost, names, gates) for block in blocks]
        if (cost[::2] < UNKNOWN).all():
            break
        chains = np.vstack(longer) if gates > 4 else _distinct(np.vstack(longer), n, names)
    for part in range(4):
        _combine(cost, names, part, 6 - part, 7)
    return _with_complements(cost)


@cache
def formula_complexity(n: int) -> UInt8[np.ndarray, " function"]:
    """Fewest two-input gates in a formula: a circuit in which no gate feeds two others.

    Same order and source as `circuit_complexity`: L(f) = min L(g) + L(h) + 1 over f = g ∘ h.

    >>> np.bincount(formula_complexity(3)).tolist()
    [8, 30, 114, 80, 24]
    """
    return _by_parts(n, lambda gates: [(a, gates - 1 - a) for a in range((gates + 1) // 2)])


@cache
def depth_complexity(n: int) -> UInt8[np.ndarray, " function"]:
    """Fewest layers of two-input gates: D(f) = min max(D(g), D(h)) + 1 over f = g ∘ h.

    Same order and source as `circuit_complexity`.

    >>> depth_complexity(2).max()
    np.uint8(1)
    """
    return _by_parts(n, lambda depth: [(part, depth - 1) for part in range(depth)])


# Exact complexities. NOT is free and a function costs what its complement costs, so the searches
# keep to functions with f(0) = 0 ("normal"): five gates of two of them give all that are needed.
# Renaming the inputs changes no cost, so one of two operands may be the least of its renamings.
UNKNOWN = 255


def _start(n: int) -> tuple[np.ndarray, np.ndarray]:
    """The renamings, and costs: 0 for the constant and the inputs."""
    names = renamings(_require.integer("n", n, 1, 4))
    cost = np.full(names.shape[1], UNKNOWN, np.uint8)
    cost[[0, *index(inputs(n).T)]] = 0
    return names, cost


def _gates(f: np.ndarray, g: np.ndarray) -> np.ndarray:
    return np.stack([f & g, f & ~g, g & ~f, f | g, f ^ g], axis=-1)


def _lower(cost: np.ndarray, names: np.ndarray, functions: np.ndarray, value: int) -> None:
    """Give `value` to the functions, and to all their renamings, that have no cost yet."""
    found = np.zeros(len(cost), bool)
    found[functions.ravel()] = True
    found[names[:, found & (cost == UNKNOWN)]] = True
    cost[found & (cost == UNKNOWN)] = value


def _combine(cost: np.ndarray, names: np.ndarray, left: int, right: int, value: int) -> None:
    """`_lower` every gate over a function of cost `left` and one of cost `right`."""
    operands = np.flatnonzero(cost == left)
    operands = operands[names[:, operands].min(axis=0) == operands].astype(np.uint16)
    others = np.flatnonzero(cost == right).astype(np.uint16)
    for block in np.array_split(operands, -(-operands.size * others.size // 1_000_000) or 1):
        _lower(cost, names, _gates(block[:, None], others), value)


def _by_parts(n: int, splits: Callable[[int], list]) -> np.ndarray:
    names, cost = _start(n)
    value = 0
    while (cost[::2] == UNKNOWN).any():
        value += 1
        for left, right in splits(value):
            _combine(cost, names, left, right, value)
    return _with_complements(cost)


def _longer(chains: np.ndarray, cost: np.ndarray, names: np.ndarray, gates: int) -> np.ndarray:
    """`_lower` each gate over two functions of a row; the rows with one of them more, up to 5."""
    left, right = np.triu_indices(chains.shape[1], 1)
    new = _gates(chains[:, left], chains[:, right]).reshape(len(chains), -1)
    _lower(cost, names, new, gates)
    if gates == 6:
        return chains[:0]
    fresh = new != 0
    for column in chains.T:
        fresh &= new != column[:, None]
    return np.column_stack([chains[fresh.nonzero()[0]], new[fresh]])


def _distinct(chains: np.ndarray, n: int, names: np.ndarray) -> np.ndarray:
    """Rows of n inputs and at most 4 gates, one of each class under renaming of the inputs."""
    places = (1 << 16 * np.arange(chains.shape[1] - n)[::-1]).astype(np.uint64)
    keys = np.full(len(chains), np.iinfo(np.uint64).max)
    for renaming in names:
        keys = np.minimum(keys, np.sort(renaming[chains[:, n:]], axis=1).astype(np.uint64) @ places)
    gates = (np.unique(keys)[:, None] // places).astype(np.uint16)
    return np.hstack([np.broadcast_to(chains[0, :n], (len(gates), n)), gates])


def _with_complements(cost: np.ndarray) -> np.ndarray:
    cost[1::2] = cost[::2][::-1]
    return _read_only(cost)


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def _bits(name: str, value: np.ndarray) -> np.ndarray:
    bits = np.asarray(value)
    integers = bits.ndim > 0 and bits.dtype.kind in "biu"
    if not integers or (bits.size and (bits.min() < 0 or bits.max() > 1)):
        got = f"{bits.dtype} of shape {bits.shape}"
        raise ValueError(f"{name}: got {got}, expected integers 0 and 1 only, (…, length)")
    return bits.astype(np.uint8)
