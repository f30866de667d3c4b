"""Complexities against the published scan and brute force, conventions of tables, bad input."""

from itertools import combinations, permutations, product

import numpy as np
import pytest
from building import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.lz import words as kaspar_schuster
from helpers import boolean, sweeps
from runs.occam import lz_short

COMPLEXITIES = {
    "circuit": boolean.circuit_complexity,
    "formula": boolean.formula_complexity,
    "depth": boolean.depth_complexity,
}
every_complexity = pytest.mark.parametrize("complexity", COMPLEXITIES.values(), ids=COMPLEXITIES)


# Lempel-Ziv


def plain_lz(s):
    s = list(s)
    if len(set(s)) == 1:
        return np.log2(len(s))
    return np.log2(len(s)) * (kaspar_schuster(s) + kaspar_schuster(s[::-1])) / 2


def ones_at(k):
    bits = np.zeros(128, int)
    bits[np.random.RandomState(10).choice(128, size=k)] = 1
    return bits


VECTORS = [
    ([1] + [0] * 127, 17.5),
    ([0] * 127 + [1], 17.5),
    ([0, 1] * 64, 21),
    ([0] * 64 + [1] * 64, 21),
    (([0] * 32 + [1] * 32) * 2, 28),
    (ones_at(2), 35),
    (ones_at(10), 70),
    (ones_at(21), 101.5),
    ([0] * 128, 7),
    ([1] * 128, 7),
]


@pytest.mark.parametrize(("bits", "expected"), VECTORS)
def test_lz_of_known_strings(bits, expected):
    assert boolean.lz_complexity(np.array(bits)) == expected


@pytest.mark.parametrize("length", range(2, 12))
def test_lz_of_all_short_strings(length):
    strings = np.array(list(product([0, 1], repeat=length)))
    np.testing.assert_allclose(boolean.lz_complexity(strings), [plain_lz(s) for s in strings])


@pytest.mark.parametrize("length", [63, 127, 128, 129, 254, 255, 256, 257, 258, 511, 513, 1024])
def test_lz_where_run_lengths_might_overflow(length):
    rng, place = np.random.default_rng(length), np.arange(length)
    strings = [place == 0, place == 1, place == length - 1, place == length // 2, place % 2]
    strings += [place < length // 2, place % 3 == 0, rng.random(length) < 0.5, 0 * place]
    strings = np.array(strings).astype(int)
    np.testing.assert_allclose(boolean.lz_complexity(strings), [plain_lz(s) for s in strings])


def test_the_short_count_leaves_two_symbols_of_each_direction_unread():
    rng = np.random.default_rng(0)
    strings = np.vstack([np.eye(128), rng.random((200, 128)) < rng.random((200, 1))]).astype(int)
    strings = np.vstack([strings, 1 - strings, [[0] * 128, [1] * 128]])
    found = lz_short(strings.astype(np.uint8))
    for s, value in zip(strings.tolist(), found, strict=True):
        both = kaspar_schuster(s[:-2]) + kaspar_schuster(s[:1:-1])
        assert value == (7 if len(set(s)) == 1 else 3.5 * both)


words = st.lists(st.integers(0, 1), min_size=1, max_size=40)


@settings(max_examples=60)
@given(words, words, st.integers(1, 8))
def test_lz_of_repetitive_strings(head, word, times):
    string = np.array(head + word * times)
    value = boolean.lz_complexity(string)
    assert value == pytest.approx(plain_lz(string))
    assert value == boolean.lz_complexity(string[::-1]) == boolean.lz_complexity(1 - string)


@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 0), (3, 2), (boolean.BLOCK + 1,)])
def test_lz_keeps_the_leading_shape(shape):
    bits = np.random.default_rng(0).integers(0, 2, (*shape, 16))
    value = boolean.lz_complexity(bits)
    assert value.shape == shape and value.dtype == np.float64
    for where in list(np.ndindex(shape))[-3:]:
        assert value[where] == plain_lz(bits[where])


# Tables and their indices


def test_inputs_count_in_binary():
    points = boolean.inputs(5)
    assert points.dtype == np.uint8
    assert [int("".join(map(str, row)), 2) for row in points] == list(range(32))


@pytest.mark.parametrize("n", range(1, 5))
def test_the_index_has_the_value_at_x_as_its_bit_x(n):
    tables = boolean.tables(n)
    assert tables.shape == (2**2**n, 2**n) and tables.dtype == np.uint8
    for t in (0, 1, 5 % len(tables), len(tables) - 1):
        assert [t >> x & 1 for x in range(2**n)] == tables[t].tolist()
    np.testing.assert_array_equal(boolean.index(tables), np.arange(len(tables)))
    assert boolean.index(tables.reshape(2, -1, 2**n)).shape == (2, len(tables) // 2)


@pytest.mark.parametrize("n", range(1, 9))
def test_unpack_undoes_packbits(n):
    bits = np.random.default_rng(n).integers(0, 2, (3, 2, 2**n), np.uint8)
    np.testing.assert_array_equal(boolean.unpack(np.packbits(bits, axis=-1), n), bits)


def test_renamings_compose_a_function_with_a_permutation():
    points, renamed = boolean.inputs(3), boolean.renamings(3)
    found = set()
    for order in permutations(range(3)):
        moved = [int("".join(map(str, point)), 2) for point in points[:, order]]
        found.add(tuple(boolean.index(boolean.tables(3)[:, moved])))
    assert found == set(map(tuple, renamed.tolist()))
    np.testing.assert_array_equal(renamed[0], np.arange(256))


# Circuits, formulas, depth

KNUTH = {  # The Art of Computer Programming 4A, section 7.1.2, table 1
    "circuit": [10, 60, 456, 2474, 10624, 24184, 25008, 2720],
    "formula": [10, 60, 456, 2474, 10624, 24184, 24640, 3088],
    "depth": [10, 60, 1458, 56456, 7552],
}


@pytest.mark.parametrize("kind", KNUTH)
def test_counts_of_four_inputs(kind):
    assert np.bincount(COMPLEXITIES[kind](4)).tolist() == KNUTH[kind]


@every_complexity
def test_the_stored_table_has_every_function(complexity):
    stored = sweeps.read(ROOT / "book/results/complexities.csv").set_index("class")
    classes = boolean.renamings(4).min(axis=0)
    column = complexity.__name__.removesuffix("_complexity")
    np.testing.assert_array_equal(stored[column][classes], complexity(4))
    np.testing.assert_array_equal(stored.functions, np.unique(classes, return_counts=True)[1])
    bits = np.array([list(map(int, table)) for table in stored.table])
    np.testing.assert_array_equal(boolean.index(bits), stored.index)


def literals(n):
    """The constants, the inputs and their complements: what costs nothing."""
    columns = boolean.index(boolean.inputs(n).T).tolist()
    most = 2**2**n - 1
    return {0, most, *columns, *(most - c for c in columns)}


def all_gates(f, g, most):
    """All sixteen gates over two functions, term by term of their truth tables."""
    cells = f & g, f & (most - g), (most - f) & g, (most - f) & (most - g)
    return [sum(c * chosen for c, chosen in zip(cells, on, strict=True)) for on in GATES]


GATES = list(product([0, 1], repeat=4))


def by_parts(n, together):
    """The least value, by relaxing all sixteen gates over all pairs until nothing changes."""
    most = 2**2**n - 1
    value = np.full(most + 1, 99)
    value[list(literals(n))] = 0
    f, g = np.triu_indices(most + 1)
    results = [np.asarray(h) for h in all_gates(f, g, most)]
    while True:
        before = value.copy()
        for h in results:
            np.minimum.at(value, h, together(before[f], before[g]) + 1)
        if (value == before).all():
            return value


@pytest.mark.parametrize("n", [1, 2, 3])
def test_formulas_and_depth_by_relaxation(n):
    np.testing.assert_array_equal(boolean.formula_complexity(n), by_parts(n, np.add))
    np.testing.assert_array_equal(boolean.depth_complexity(n), by_parts(n, np.maximum))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_circuits_by_building_all(n):
    """Every set of gates, one gate added at a time, with complements as gates of their own."""
    most, columns = 2**2**n - 1, boolean.index(boolean.inputs(n).T).tolist()
    best = dict.fromkeys(literals(n), 0)
    circuits, gates = {frozenset()}, 0
    while len(best) <= most:
        gates, longer = gates + 1, set()
        for circuit in circuits:
            for f, g in combinations([*columns, *circuit], 2):
                for h in (f & g, f & ~g & most, g & ~f & most, f | g, f ^ g):
                    best.setdefault(h, gates)
                    best.setdefault(most - h, gates)
                    if gates < 4:
                        longer.add(circuit | {h})
        circuits = longer
    assert boolean.circuit_complexity(n).tolist() == [best[t] for t in range(most + 1)]


@every_complexity
def test_inputs_may_be_renamed_and_negated_and_the_output_too(complexity):
    cost, tables, points = complexity(4), boolean.tables(4), np.arange(16)
    for renamed in boolean.renamings(4):
        np.testing.assert_array_equal(cost[renamed], cost)
    for axis in range(4):
        negated = boolean.index(tables[:, points ^ (1 << axis)])
        np.testing.assert_array_equal(cost[negated], cost)
    np.testing.assert_array_equal(cost[::-1], cost)


@every_complexity
def test_a_function_of_fewer_inputs_costs_the_same(complexity):
    wider = boolean.index(np.repeat(boolean.tables(3), 2, axis=1))
    np.testing.assert_array_equal(complexity(4)[wider], complexity(3))


def test_relations_between_the_complexities():
    circuit, formula, depth = (f(4).astype(int) for f in COMPLEXITIES.values())
    assert (circuit <= formula).all() and (formula < 2**depth).all() and (depth <= circuit).all()
    parity = boolean.index(boolean.inputs(4).sum(axis=1) % 2)
    assert (circuit[parity], formula[parity], depth[parity]) == (3, 3, 2)


@every_complexity
def test_the_kept_table_cannot_be_spoilt(complexity):
    assert complexity(2) is complexity(2) and complexity(2).dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        complexity(2)[0] = 1


# Bad input

REFUSED = [
    (boolean.inputs, (0,), "n_inputs: got 0"),
    (boolean.inputs, (21,), "n_inputs: got 21"),
    (boolean.inputs, (True,), "n_inputs: got True"),
    (boolean.inputs, (2.0,), r"n_inputs: got 2\.0"),
    (boolean.tables, (5,), "n_inputs: got 5, expected an integer at least 1 and at most 4"),
    (boolean.renamings, (5,), "n_inputs: got 5"),
    (boolean.index, ([0, 1, 1],), "tables: got length 3, expected"),
    (boolean.index, (np.zeros(32, int),), "tables: got length 32, expected"),
    (boolean.index, ([0, 2],), "tables: got int64 of shape .2,., expected"),
    (boolean.index, (1,), "tables: got int64 of shape .., expected"),
    (
        boolean.unpack,
        (np.zeros((3, 2), np.uint8), 3),
        "packed: got uint8 of shape .3, 2., expected",
    ),
    (boolean.unpack, (np.zeros((3, 1), int), 3), "packed: got int64 of shape .3, 1., expected"),
    (boolean.unpack, (np.zeros((3, 1), np.uint8), 0), "n_inputs: got 0"),
    (boolean.lz_complexity, ([1],), "bits: got strings of length 1, expected at least 2"),
    (boolean.lz_complexity, ([],), "bits: got"),
    (boolean.lz_complexity, ([0.0, 1.0],), "bits: got float64 of shape .2,., expected"),
    (boolean.lz_complexity, ([0, np.nan],), "bits: got float64"),
    (boolean.lz_complexity, ([0, -1],), "bits: got int64"),
    (boolean.lz_complexity, ("01",), "bits: got <U2 of shape .., expected"),
]


@pytest.mark.parametrize(("function", "arguments", "message"), REFUSED)
def test_bad_input_is_refused(unchecked, function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


@every_complexity
@pytest.mark.parametrize("n", [0, 5, -1, 2.0, np.nan, True, "3", None])
def test_complexities_refuse_other_numbers_of_inputs(unchecked, complexity, n):
    with pytest.raises(ValueError, match="^n: got .* expected an integer at least 1"):
        complexity(n)
