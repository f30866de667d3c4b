"""Codes against their definitions, by exact arithmetic; every word read back, every corruption refused."""

import math
import time
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from helpers import coding


def prior_of(weights, exact=True, width=3):
    """A prior over functions 0, 3, 6, … with these weights."""
    numbers = 3 * np.arange(len(weights), dtype=np.uint32)
    functions = numbers.astype(">u4").view(np.uint8).reshape(-1, 4)[:, 4 - width :]
    total = sum(weights)
    prior = SimpleNamespace(
        functions=np.ascontiguousarray(functions),
        probabilities=np.array([w / total for w in weights]),
    )
    if exact:
        prior.weights = weights
    return prior


def words_of(prior):
    return ["".join(map(str, coding.encode_function(prior, f))) for f in prior.functions]


# Shannon-Fano-Elias


def word_by_fractions(phis, k):
    """Cover and Thomas, section 5.9, in exact fractions."""
    length = next(n for n in range(10**4) if Fraction(1, 2**n) <= phis[k]) + 1
    middle = sum(phis[:k], Fraction(0)) + phis[k] / 2
    return f"{math.floor(middle * 2**length):0{length}b}"


@given(st.lists(st.integers(1, 10**30), min_size=1, max_size=40))
def test_words_are_those_of_the_definition_whatever_the_weights(weights):
    phis = [Fraction(w, sum(weights)) for w in weights]
    expected = [word_by_fractions(phis, k) for k in range(len(weights))]
    assert words_of(prior_of(weights)) == expected


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=40))
def test_floats_give_the_length_of_the_float_and_words_that_read_back(weights):
    prior = prior_of(weights, exact=False)
    words = words_of(prior)
    phis = [Fraction(p) for p in prior.probabilities.tolist()]
    assert [len(w) for w in words] == [
        next(n for n in range(99) if Fraction(1, 2**n) <= phi) + 1 for phi in phis
    ]
    assert sum(Fraction(1, 2 ** len(w)) for w in words) <= 1
    assert all(not b.startswith(a) for a in words for b in words if a is not b)
    assert coding.code_lengths(prior).tolist() == [len(w) for w in words]
    for function in prior.functions:
        bits = coding.encode_function(prior, function)
        assert bits.dtype == np.uint8
        np.testing.assert_array_equal(coding.decode_function(prior, bits), function)


def test_example_of_cover_and_thomas():
    assert words_of(prior_of([2, 4, 1, 1])) == ["001", "10", "1101", "1111"]


def test_a_dyadic_probability_keeps_its_length_beside_floats_whose_sum_is_above_one():
    p = np.array([0.5, 0.1, 0.4])
    assert sum(map(Fraction, p.tolist())) > 1
    prior = prior_of([1, 1, 1], exact=False)
    prior.probabilities = p
    assert coding.code_lengths(prior).tolist() == [2, 5, 3]


@pytest.mark.parametrize("unit", [3**-19, 2.0**-24, 2.0**-60])
def test_rare_functions(unit):
    prior = prior_of([1, 1], exact=False)
    prior.probabilities = np.array([1 - unit, unit])
    assert coding.code_lengths(prior)[1] == math.ceil(-math.log2(unit)) + 1
    rare = prior.functions[1]
    assert (coding.decode_function(prior, coding.encode_function(prior, rare)) == rare).all()


def test_weights_settle_what_floats_cannot():
    prior = prior_of([1, 3**45 - 1])
    assert coding.code_lengths(prior)[0] == (3**45 - 1).bit_length() + 1


def test_one_function_needs_one_bit():
    assert words_of(prior_of([7])) == ["1"] and words_of(prior_of([7], exact=False)) == ["1"]


def test_thirty_thousand_functions_in_seconds():
    weights = np.random.default_rng(0).zipf(1.3, 30_000).clip(max=10**6)
    prior = prior_of(weights)
    began = time.perf_counter()
    for function in prior.functions[::3]:
        bits = coding.encode_function(prior, function)
        assert coding.decode_function(prior, bits).tobytes() == function.tobytes()
    assert (
        time.perf_counter() - began < 15
    )  # 10,000 of them; a new book for each would take minutes


def test_a_changed_prior_is_noticed():
    prior = prior_of([1, 1], exact=False)
    assert coding.code_lengths(prior).tolist() == [2, 2]
    prior.probabilities[:] = 0.25, 0.75
    assert coding.code_lengths(prior).tolist() == [3, 2]
    prior.functions[1, -1] = 200
    assert coding.decode_function(prior, np.array([1, 0]))[-1] == 200


def refuse(message, call, *args, **options):
    with pytest.raises(ValueError, match=message):
        call(*args, **options)


def test_a_corrupt_word_is_refused_at_the_bit_where_it_leaves_the_code():
    """At every flipped bit the decoder names the first prefix that begins no word, or reads another word."""
    prior = prior_of([5, 1, 8, 2, 40, 3], exact=True)
    words = words_of(prior)
    for word in words:
        for k in range(len(word)):
            bad = word[:k] + str(1 - int(word[k])) + word[k + 1 :]
            if bad in words:
                continue
            leaves = [n for n in range(1, len(bad) + 1) if not any(w[:n] == bad[:n] for w in words)]
            ran_out = f"ran out of bits at bit {len(bad)}"
            message = f"left the code at bit {leaves[0]}: expected" if leaves else ran_out
            refuse(
                rf"^bits: got {len(bad)} bits, decoder {message}",
                coding.decode_function,
                prior,
                bits_of(bad),
            )


def bits_of(word):
    return np.array(list(map(int, word)), np.uint8)


def test_truncated_and_trailing_bits_are_refused():
    prior = prior_of([5, 1, 8, 2, 40, 3])
    for word in words_of(prior):
        for end in range(1, len(word)):
            refuse(
                f"ran out of bits at bit {end}", coding.decode_function, prior, bits_of(word[:end])
            )
        for tail in ("0", "1", "0110"):
            where = f"left the code at bit {len(word) + 1}: expected the end at bit {len(word)}"
            refuse(where, coding.decode_function, prior, bits_of(word + tail))


@pytest.mark.parametrize("bits", [[], [0, 2], [[0, 1]], ["0", "1"]])
def test_what_is_no_bits_is_refused(bits, unchecked):
    refuse("^bits: got", coding.decode_function, prior_of([1, 1]), np.array(bits))


def test_what_is_no_function_of_the_prior_is_refused(unchecked):
    prior = prior_of([1, 1])
    refuse("^function: got .*2 functions", coding.encode_function, prior, prior.functions[0] + 1)
    refuse("^function: got", coding.encode_function, prior, prior.functions[0][:2])
    refuse("^function: got", coding.encode_function, prior, prior.functions[0].astype(int))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("probabilities", np.array([0.5, 0.4])),
        ("probabilities", np.array([0.5, 0.5 + 2e-9])),
        ("probabilities", np.array([1.0, 0.0])),
        ("probabilities", np.array([1.5, -0.5])),
        ("probabilities", np.array([0.5, np.nan])),
        ("functions", np.array([[1, 2, 3]], np.uint8)),
        ("functions", np.array([[2], [1]], np.uint8)),
        ("functions", np.array([[2], [2]], np.uint8)),
        ("functions", np.array([[1], [2]])),
        ("weights", [1, 2]),
        ("weights", [1, 1, 1]),
        ("weights", [0.5, 0.5]),
    ],
)
def test_what_is_no_prior_is_refused(name, value):
    prior = prior_of([1, 1])
    setattr(prior, name, value)
    refuse(f"^prior.{name}: got", coding.code_lengths, prior)


def test_powers_of_two_that_sum_above_one_cost_a_bit_more_but_read_back():
    prior = prior_of([1, 1, 1], exact=False)
    prior.probabilities = np.array([0.5, 0.5, 2.0**-40])
    assert coding.code_lengths(prior).tolist() == [3, 2, 41]
    for function in prior.functions:
        word = coding.encode_function(prior, function)
        assert (coding.decode_function(prior, word) == function).all()


@pytest.mark.parametrize("rare", [[3e-20], [3e-17, 3e-17], [1.5e-10, 1.5e-10]])
def test_a_sum_above_one_by_more_than_a_rare_function_can_bear(rare):
    prior = prior_of([1] * (3 + len(rare)), exact=False)
    prior.probabilities = np.array([0.5, 0.25, 0.25, *rare])
    words = words_of(prior)
    assert [len(w) for w in words] == [3, 3, 3] + [math.ceil(-math.log2(p)) + 1 for p in rare]
    assert all(not b.startswith(a) for a in words for b in words if a is not b)


# Codes of an index

PS = [1.0, 0.99, 0.7, 0.5, 0.38, 0.2, 0.1, 0.03, 1e-3]


def kraft_sum(lengths):
    return sum(Fraction(1, 2 ** int(length)) for length in lengths)


@given(st.integers(1, 2000), st.sampled_from(PS[1:]))
def test_golomb_words_read_back_and_have_their_length(index, p):
    bits = coding.golomb_encode(index, p)
    assert coding.golomb_decode(bits, p) == index
    assert coding.golomb_length([index], p).tolist() == [len(bits)]


@given(st.integers(1, 10**15), st.sampled_from(["gamma", "delta"]))
def test_elias_words_read_back_and_have_their_length(index, code):
    bits = coding.elias_encode(index, code)
    assert coding.elias_decode(bits, code) == index
    assert coding.elias_length([index], code).tolist() == [len(bits)]


def test_elias_words_of_the_literature():
    words = ["".join(map(str, coding.elias_encode(n))) for n in (1, 2, 3, 4, 8, 16)]
    assert words == ["1", "0100", "0101", "01100", "00100000", "001010000"]
    assert "".join(map(str, coding.elias_encode(9, "gamma"))) == "0001001"


@pytest.mark.parametrize("p", PS)
def test_words_are_prefix_free_and_nearly_fill_the_tree(p):
    indices = np.arange(1, 200)
    for encode in (lambda n: coding.golomb_encode(n, p), coding.elias_encode):
        words = sorted("".join(map(str, encode(int(n)))) for n in indices)
        assert not any(b.startswith(a) for a, b in zip(words, words[1:], strict=False))
    assert (
        kraft_sum(coding.golomb_length(np.arange(1, 40 * coding.golomb_parameter(p) + 1), p))
        > 1 - 1e-11
    )


@pytest.mark.parametrize("p", PS)
def test_mean_lengths_and_entropy_are_sums_over_the_geometric_law(p):
    n = np.arange(1, int(60 / p) + 60)
    q = p * (1 - p) ** (n - 1.0)
    assert coding.golomb_mean_length(p) == pytest.approx(q @ coding.golomb_length(n, p))
    assert coding.geometric_entropy(p) == pytest.approx(-(q[q > 0] @ np.log2(q[q > 0])))
    for code in ("gamma", "delta"):
        assert coding.elias_mean_length(p, code) == pytest.approx(q @ coding.elias_length(n, code))


@pytest.mark.parametrize("p", PS[1:])
def test_the_golomb_parameter_is_the_best_one(p, monkeypatch):
    best, ell = coding.golomb_mean_length(p), coding.golomb_parameter(p)
    for other in range(max(1, ell - 20), ell + 20):
        monkeypatch.setattr(coding, "golomb_parameter", lambda p, other=other: other)
        assert coding.golomb_mean_length(p) >= best - 1e-12


@pytest.mark.parametrize("p", [0.9, 0.38, 0.1])
def test_golomb_is_as_good_as_huffman(p):
    """Gallager and van Voorhis: optimal. Huffman's code of the law cut off where 1e-12 is left."""
    n = np.arange(1, math.ceil(math.log(1e-12) / math.log1p(-p)) + 1)
    heap = sorted(p * (1 - p) ** (n - 1.0))
    total = 0.0
    while len(heap) > 1:
        merged = heap.pop(0) + heap.pop(0)
        total += merged
        heap.insert(int(np.searchsorted(heap, merged)), merged)
    assert coding.golomb_mean_length(p) == pytest.approx(total, abs=1e-8)


def test_tiny_probabilities():
    for p in (1e-9, 2.0**-40, 1e-15):
        excess = coding.golomb_mean_length(p) + math.log2(p)
        assert 1.46 < excess < 1.48
        assert coding.geometric_entropy(p) + math.log2(p) == pytest.approx(
            math.log2(math.e), abs=1e-4
        )
        assert (
            coding.golomb_decode(coding.golomb_encode(10**14, p), p) == 10**14
            if p < 1e-11
            else True
        )


@pytest.mark.parametrize("p", [0, -0.1, 1.5, math.nan, "1", True, None])
def test_what_is_no_probability_is_refused(p, unchecked):
    calls = [coding.golomb_parameter, coding.golomb_mean_length, coding.geometric_entropy]
    calls += [coding.elias_mean_length, lambda p: coding.golomb_encode(1, p)]
    calls += [lambda p: coding.golomb_decode([1], p), lambda p: coding.golomb_length([1], p)]
    for call in calls:
        refuse("^p: got", call, p)


@pytest.mark.parametrize("index", [0, -1, 1.5, True])
def test_what_is_no_index_is_refused(index, unchecked):
    refuse("^index: got", coding.elias_encode, index)
    refuse("^index: got", coding.golomb_encode, index, 0.5)
    refuse("^index: got", coding.elias_length, [index])
    refuse("^index: got", coding.golomb_length, [index], 0.5)


@pytest.mark.parametrize(
    ("encode", "decode"),
    [
        (lambda n: coding.golomb_encode(n, 0.1), lambda bits: coding.golomb_decode(bits, 0.1)),
        (lambda n: coding.golomb_encode(n, 0.5), lambda bits: coding.golomb_decode(bits, 0.5)),
        (coding.elias_encode, coding.elias_decode),
        (lambda n: coding.elias_encode(n, "gamma"), lambda b: coding.elias_decode(b, "gamma")),
    ],
)
def test_truncated_and_trailing_words_of_indices_are_refused(encode, decode):
    for index in (1, 2, 7, 8, 9, 100, 1000):
        bits = encode(index)
        for end in range(1, len(bits)):
            refuse(
                f"^bits: got {end} bits, decoder ran out of bits at bit {end}", decode, bits[:end]
            )
        where = f"left the code at bit {len(bits) + 1}: expected the end at bit {len(bits)}"
        refuse(where, decode, np.r_[bits, 0])
        refuse("^bits: got", decode, np.r_[bits[:-1], 2])


# Regions


def square(points):
    return (points < 0.4).all(1)


def test_indices_are_geometric_and_points_are_inside_and_found_again():
    sent = coding.first_hits(square, 2, 20_000, seed=1)
    assert square(sent.points).all() and len(sent.indices) == 20_000
    z = (sent.indices.mean() - 1 / 0.16) / np.sqrt(0.84 / 0.16**2 / 20_000)
    assert abs(z) < 4.5
    for n in (1, 2, 10):
        tail = 0.84**n
        z = (np.mean(sent.indices > n) - tail) / np.sqrt(tail * (1 - tail) / 20_000)
        assert abs(z) < 4.5
    found = coding.shared_points(sent.indices[:500], 2, seed=1)
    np.testing.assert_array_equal(found, sent.points[:500])
    assert (coding.shared_points(sent.indices[:5], 2, seed=2) != sent.points[:5]).any()


def test_the_index_is_that_of_the_first_point_inside():
    sent = coding.first_hits(square, 2, 50, seed=3)
    points = np.random.default_rng(3).random((sent.indices.sum(), 2))
    np.testing.assert_array_equal(np.flatnonzero(square(points)) + 1, np.cumsum(sent.indices))


def test_an_empty_region_is_given_up():
    message = r"^inside: got 0 points inside among 70000 drawn, expected 1; is it empty\?"
    nowhere = lambda points: np.zeros(len(points), bool)  # noqa: E731
    refuse(message, coding.first_hits, nowhere, 3, 1, seed=0, most=70_000)


def test_a_predicate_of_another_shape_is_refused():
    refuse(r"^inside\(points\): got shape", coding.first_hits, lambda x: x < 0.5, 2, 1, seed=0)


def log_ratio(points):
    """Q has density 2x on the first axis."""
    return np.log(2 * points[:, 0])


def test_poisson_choices_are_samples_of_q_found_again():
    sent = coding.poisson_choices(log_ratio, np.log(2), 1, 4000, seed=5)
    uniform = sent.points[:, 0] ** 2  # the distribution function of Q
    assert stats.kstest(uniform, "uniform").pvalue > 1e-5
    found = coding.shared_points(sent.indices[:300], 1, seed=5, stride=coding.STRIDE)
    np.testing.assert_array_equal(found, sent.points[:300])
    divergence = np.log2(2) - 0.5 / np.log(2)
    assert np.log2(sent.indices).mean() < divergence + 1


def test_a_poisson_choice_from_a_hard_region_is_its_first_hit():
    ratio = lambda x: np.where(square(x), -np.log(0.16), -np.inf)  # noqa: E731
    sent = coding.poisson_choices(ratio, -np.log(0.16), 2, 100, seed=6)
    for message in range(100):
        rng = np.random.default_rng(6)
        rng.bit_generator.advance(2 * message * coding.STRIDE)
        assert np.flatnonzero(square(rng.random((500, 2))))[0] + 1 == sent.indices[message]


def test_the_senders_times_are_independent_of_the_shared_points():
    """The first message of many seeds: N is geometric given x, as for all other messages."""
    k, x = zip(
        *((sent.indices[0], sent.points[0, 0]) for sent in map(first_choice, range(2000))),
        strict=True,
    )
    excess = np.array(k) - 1 - np.square(x)  # w(x) = x² for the density 2x
    assert abs(excess.mean()) < 4.5 * excess.std() / np.sqrt(len(excess))


def first_choice(seed):
    return coding.poisson_choices(log_ratio, np.log(2), 1, 1, seed=seed)


def test_indices_that_name_no_point_are_refused():
    refuse("^index: got", coding.shared_points, [3, 0], 2, seed=0)


def test_a_ratio_above_its_bound_is_refused():
    refuse("^log_ratio: got", coding.poisson_choices, log_ratio, 0.1, 1, 5, seed=0)
    nan = lambda x: np.full(len(x), np.nan)  # noqa: E731
    nowhere = lambda x: np.full(len(x), -np.inf)  # noqa: E731
    refuse("^log_ratio: got -inf at", coding.poisson_choices, nowhere, 0.1, 1, 5, seed=0)
    refuse("^log_ratio: got nan", coding.poisson_choices, nan, 0.1, 1, 5, seed=0)
