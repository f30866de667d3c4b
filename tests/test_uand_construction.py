"""The sparse construction against enumeration, the limits against brute force, bad input by name."""

import itertools
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refusing import bad_input_test
from scipy import optimize

from helpers import uand

PAIR = np.array([[0, 1]])


def enumerated_errors(d, p, s, on, k):
    """Error of the intersection readoff and its probability, over every 0/1 weight matrix."""
    m = s + k - on
    x = np.r_[np.ones(on), np.zeros(k - on), np.ones(s - on)]
    for bits in itertools.product([0, 1], repeat=d * m):
        w = np.array(bits).reshape(d, m)
        a = np.maximum(w @ x + 1 - k, 0)
        readoff = uand.intersection_readoff(w, np.arange(k)[None])[0]
        yield readoff @ a - (on == k), np.prod(np.where(w, p, 1 - p))


@pytest.mark.parametrize(
    ("d", "s", "on", "k"), [(2, 3, 0, 2), (2, 3, 1, 2), (3, 3, 2, 2), (2, 3, 2, 3), (3, 2, 1, 1)]
)
def test_error_law_is_the_sum_over_all_layers(d, s, on, k):
    errors, chance = np.array(list(enumerated_errors(d, 0.4, s, on, k))).T
    mean, rms = uand.sparse_error_law(d, 0.4, s, on, fan_in=k)
    assert chance.sum() == pytest.approx(1)
    assert mean == pytest.approx(chance @ errors, abs=1e-12)
    assert rms == pytest.approx(np.sqrt(chance @ errors**2), abs=1e-12)


@settings(max_examples=40)
@given(st.floats(0.05, 0.95), st.integers(2, 8))
def test_closed_means_of_the_chapter(p, s):
    some = 1 - (1 - p**2) ** 50
    means = [s * p - 1 + (1 - p) ** s, (s - 1) * p]
    for on, mean in enumerate(means):
        assert uand.sparse_error_law(50, p, s, on)[0] == pytest.approx(some * mean, abs=1e-10)
    both = some * (s - 2) * p - (1 - some)
    assert uand.sparse_error_law(50, p, s, 2)[0] == pytest.approx(both, abs=1e-10)


def test_sparse_layer():
    layer = uand.sparse_layer(400, 300, rate=0.2, seed=1, fan_in=3)
    assert set(np.unique(layer.weights)) == {0, 1} and (layer.biases == -2).all()
    assert abs(layer.weights.mean() - 0.2) < 4.5 * np.sqrt(0.16 / layer.weights.size)
    assert (uand.sparse_layer(4, 3, rate=1, seed=0).weights == 1).all()


def test_intersection_readoff_is_a_mean_and_zero_if_empty():
    w = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1], [1, 1, 0]])
    readoff = uand.intersection_readoff(w, np.array([[0, 1, 2], [0, 2, 2]]))
    assert readoff.tolist() == [[0, 1, 0, 0], [0, 1, 0, 0]]
    assert uand.intersection_readoff(w[:1], np.array([[0, 2]])).tolist() == [[0]]
    assert uand.intersection_readoff(w, PAIR)[0] == pytest.approx([1 / 3, 1 / 3, 0, 1 / 3])


@pytest.mark.parametrize(("s", "bias"), [(2, -1.0), (3, -2.0), (4, -1.5)])
def test_contrast_readoff_is_right_in_all_four_cases(s, bias):
    """Expectation over all wires of one neuron, weighted by their probabilities."""
    p, m = 0.3, s + 2
    wires = np.array(list(itertools.product([0, 1], repeat=m)))
    chance = np.prod(np.where(wires, p, 1 - p), axis=1)
    readoff = uand.contrast_readoff(wires, PAIR, p, s, bias)[0] * len(wires)
    for i, j in itertools.product([0, 1], repeat=2):
        x = np.r_[i, j, np.ones(s - i - j), np.zeros(i + j)]
        output = (chance * readoff) @ np.maximum(wires @ x + bias, 0)
        assert output == pytest.approx(i * j, abs=1e-12)


def all_targets(m, s):
    x = np.zeros((comb(m, s), m), bool)
    for row, on in zip(x, itertools.combinations(range(m), s), strict=True):
        row[list(on)] = True
    return x, uand.targets(x, uand.all_pairs(m)).T.astype(float)


SIZES = [(5, 2), (5, 3), (7, 3), (8, 4), (8, 6)]


@pytest.mark.parametrize(("m", "s"), SIZES)
def test_spectrum_and_least_mean_square_by_brute_force(m, s):
    _, targets = all_targets(m, s)
    squares = np.sort(np.linalg.eigvalsh(targets @ targets.T))
    law = np.sort(np.repeat(*np.array(uand.inclusion_spectrum(m, s)).T))
    np.testing.assert_allclose(squares, law, atol=1e-8)
    for d in (1, 3, m, m + 2, comb(m, 2)):
        rest = squares[: max(len(squares) - d, 0)].sum() / targets.size
        assert uand.least_mean_square(m, s, d) == pytest.approx(rest, abs=1e-10)


@pytest.mark.parametrize(("m", "s"), SIZES)
@pytest.mark.parametrize("d", [2, 5, 9])
def test_no_layer_beats_the_limit(m, s, d):
    """Least squares, copies with quadratic neurons, and the constant, on all inputs."""
    x, targets = all_targets(m, s)
    limit = uand.least_error(m, s, d)
    relu = uand.activations(uand.random_layer(d, m, seed=d), x)
    square = uand.activations(uand.random_layer(d, m, seed=d, activation="square"), x)
    for a in (relu, square, np.c_[x, square][:, :d], np.ones((len(x), 1))):
        for weight in (1.0, 10.0):
            root = np.sqrt(np.where(targets > 0, weight, 1.0))
            error = [
                a @ np.linalg.lstsq(r[:, None] * a, r * t)[0] - t
                for r, t in zip(root, targets, strict=True)
            ]
            assert np.abs(error).max() >= limit - 1e-9
    assert 0 <= limit < 0.5


def test_affine_readoff_stays_above_the_limit_from_m_neurons_on():
    for m, s in ((30, 5), (100, 5), (12, 3)):
        assert uand.least_error(m, s, m) <= 0.25
    assert uand.least_error(30, 5, 435) == 0 < uand.least_error(30, 5, 434)
    assert uand.least_error(30, 5, 20) > 0.25 > uand.least_error(30, 5, 21)


@pytest.mark.parametrize(("m", "s", "d"), [(6, 2, 3), (7, 3, 2), (8, 4, 5), (8, 4, 20)])
def test_dual_limit_is_that_of_explicit_matrices(m, s, d):
    """The bound from B itself: its singular values and entries, not the closed forms."""
    x, targets = all_targets(m, s)
    on = uand.number_on(x, uand.all_pairs(m)).T
    best = 0.0
    for beta in np.linspace(-0.5, 0, 101):
        b = beta * on + targets
        top = np.sqrt((np.linalg.svd(b, compute_uv=False)[:d] ** 2).sum())

        def slack(eps, b=b, top=top):
            largest = np.abs(targets + np.where(targets > 0, eps, -eps))
            return (targets * b).sum() - eps * np.abs(b).sum() - np.linalg.norm(largest) * top

        best = max(best, optimize.brentq(slack, 0, 1) if slack(0) > 0 else 0)
    root = np.sqrt(uand.least_mean_square(m, s, d))
    assert uand.least_error(m, s, d) == pytest.approx(max(best, root), abs=1e-3)


def test_limits_fall_with_width():
    limits = [uand.least_error(12, 4, d) for d in range(1, 67)]
    assert (np.diff(limits) <= 1e-6).all()


NO_COUNT = st.sampled_from([0, -1, 1.5, True, "2", None, np.nan])
NO_RATE = st.sampled_from([0, -0.1, 1.1, np.nan, np.inf, "0.5", None, True])
NO_WIRES = st.sampled_from([np.full((2, 2), 0.5), np.full((2, 2), 2), np.ones(2), np.zeros((0, 2))])
NO_GROUPS = st.sampled_from(
    [np.array([[0, 2]]), np.array([[-1, 0]]), np.array([[0.0, 1.0]]), np.array([0, 1])]
)
LAYER = dict(n_neurons=3, n_inputs=4, rate=0.5, seed=0)
LAW = dict(n_neurons=3, rate=0.5, s=3, on=1)
CONTRAST = dict(weights=np.ones((2, 2), int), pairs=PAIR, rate=0.5, s=2)
LIMIT = dict(n_inputs=6, s=3, n_neurons=2)
BAD = [
    *((uand.sparse_layer, LAYER, name, NO_COUNT) for name in ("n_neurons", "n_inputs", "fan_in")),
    (uand.sparse_layer, LAYER, "seed", st.sampled_from([-1, 0.5, None])),
    (uand.sparse_layer, LAYER, "rate", NO_RATE),
    (uand.intersection_readoff, dict(weights=np.ones((2, 2)), groups=PAIR), "weights", NO_WIRES),
    (uand.intersection_readoff, dict(weights=np.ones((2, 2)), groups=PAIR), "groups", NO_GROUPS),
    (uand.sparse_error_law, LAW, "n_neurons", NO_COUNT),
    (uand.sparse_error_law, LAW, "rate", NO_RATE),
    (uand.sparse_error_law, LAW, "s", st.sampled_from([-1, 2.5, None])),
    (uand.sparse_error_law, LAW, "on", st.sampled_from([-1, 3, 1.0])),
    (
        uand.sparse_error_law,
        LAW | dict(s=1),
        "on",
        st.just(2),
    ),  # more of the pair on than on in all
    (uand.sparse_error_law, LAW, "fan_in", NO_COUNT),
    (uand.contrast_readoff, CONTRAST, "weights", NO_WIRES),
    (
        uand.contrast_readoff,
        CONTRAST,
        "pairs",
        st.sampled_from([np.array([[0, 2]]), np.array([[1, 1]])]),
    ),
    (uand.contrast_readoff, CONTRAST, "rate", NO_RATE),
    (uand.contrast_readoff, CONTRAST, "rate", st.just(1)),  # all wires there: no contrast
    (uand.contrast_readoff, CONTRAST, "bias", st.sampled_from([-2.0, 0.0])),  # no gain
    (uand.contrast_readoff, CONTRAST, "bias", st.sampled_from([np.nan, np.inf, None])),
    (uand.contrast_readoff, CONTRAST, "s", st.sampled_from([1, 0, 2.5])),
    *((f, LIMIT, "n_neurons", NO_COUNT) for f in (uand.least_mean_square, uand.least_error)),
    *(
        (f, LIMIT, "s", st.sampled_from([1, 5, 7, 2.5]))
        for f in (uand.least_mean_square, uand.least_error)
    ),
    *(
        (f, LIMIT, "n_inputs", st.sampled_from([3, 0, 6.0]))
        for f in (uand.least_mean_square, uand.least_error)
    ),
    (uand.inclusion_spectrum, dict(n_inputs=6, s=3), "s", st.sampled_from([1, 5, 7, None])),
    (uand.inclusion_spectrum, dict(n_inputs=6, s=3), "n_inputs", st.sampled_from([3, -6, None])),
]

test_construction_refuses_bad_input_by_name = bad_input_test(BAD)
