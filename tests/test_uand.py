"""Closed forms against independent computations, solvers against brute force, bad input by name."""

import itertools
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusing import bad_input_test
from scipy import integrate, stats

from helpers import uand

SIGMAS = 4.5  # of a single sampled check


def z_score(sample, expected):
    return (sample.mean() - expected) / (sample.std() / np.sqrt(len(sample)))


# Closed forms


def gain_by_integral(s):
    """The one-integral form, with t = 1/u² to make the range finite."""
    inside = lambda u: 2 * np.arcsin(u * u / (1 - u * u)) / u**2  # noqa: E731
    return integrate.quad(inside, 0, s**-0.5, epsabs=0, epsrel=1e-12)[0] / np.sqrt(2 * np.pi**3)


def test_sign_gain_is_the_integral_up_to_50_in_under_a_second():
    integrals = [gain_by_integral(s) for s in range(2, 51)]
    began = time.perf_counter()
    gains = [uand.sign_readoff_gain(s) for s in range(2, 51)]
    assert time.perf_counter() - began < 1
    np.testing.assert_allclose(gains, integrals, rtol=1e-9)


@pytest.mark.parametrize("s", [2, 10**3, 10**9, 10**15])
def test_sign_gain_at_the_ends(s):
    if s == 2:
        assert uand.sign_readoff_gain(2) == pytest.approx(np.sqrt(2 / np.pi) - 1 / np.sqrt(np.pi))
    else:
        limit = np.sqrt(2 / np.pi / s) / np.pi
        assert uand.sign_readoff_gain(s) == pytest.approx(limit, rel=1 / s + 1e-7)


@pytest.mark.parametrize("s", range(2, 9))
def test_rademacher_gain_counts_all_sign_vectors(s):
    w = np.array(list(itertools.product([-1, 1], repeat=s)))
    gain = np.mean(w[:, 0] * w[:, 1] * np.maximum(w.sum(1), 0))
    assert uand.rademacher_gain(s) == pytest.approx(gain, abs=1e-12)


@pytest.mark.parametrize("s", [2, 3, 6])
def test_least_variance_gain_is_the_norm_of_the_interaction(s):
    """Two-dimensional quadrature of g², and the three orthogonality conditions, on a fine grid."""
    t = np.linspace(-9, 9, 721)
    weight = stats.norm.pdf(t) * (t[1] - t[0])
    wi, wj = np.meshgrid(t, t, indexing="ij")
    w = np.stack([wi.ravel(), wj.ravel()], 1)
    w = np.pad(w, ((0, 0), (0, s - 2)))  # the weights of the other inputs do not matter
    readoff = uand.least_variance_readoff(w, np.array([[0, 1]]), s)
    g = readoff.reshape(wi.shape) * len(w) * uand.least_variance_gain(s)
    assert weight @ g**2 @ weight == pytest.approx(uand.least_variance_gain(s), rel=1e-3)
    assert np.abs(g @ weight).max() < 1e-3 and np.abs(weight @ g).max() < 1e-3


@pytest.mark.parametrize(("s", "shared"), [(2, 1), (5, 2), (5, 0)])
def test_relu_kernel_is_a_mean(s, shared):
    rng = np.random.default_rng(s)
    common = rng.standard_normal((shared, 400_000)).sum(0)
    one, two = (common + rng.standard_normal((s - shared, 400_000)).sum(0) for _ in range(2))
    product = np.maximum(one, 0) * np.maximum(two, 0)
    assert abs(z_score(product, uand.relu_kernel(s, shared))) < SIGMAS


@pytest.mark.parametrize("on", [(0, 0), (1, 0), (0, 1)])
def test_error_law_of_the_sign_readoff(on):
    d, s, n = 8, 3, 100_000
    wi, wj, total = uand.neuron_draws(d * n, s, on, seed=sum(on))
    error = (np.sign(wi * wj) * np.maximum(total, 0)).reshape(n, d).mean(1)
    error = np.abs(error) / uand.sign_readoff_gain(s)
    assert abs(z_score(error, uand.sign_readoff_mean_error(d, s))) < SIGMAS
    for threshold in (0.5, 2.0, 5.0):
        tail = uand.sign_readoff_tail(threshold, d, s)
        assert abs(np.mean(error > threshold) - tail) < SIGMAS * np.sqrt(tail / n)


def test_limits():
    assert uand.welch_ratio(10, 10) == uand.welch_ratio(10, 12) == 0
    assert uand.pair_limit(4950, 1) == 0.5
    m, d = 12, 20
    pairs = uand.all_pairs(m)
    inputs = uand.pair_inputs(pairs, m)
    layer = uand.random_layer(d, m, seed=0)
    readoff = uand.least_squares_readoff(layer, inputs)
    error = uand.activations(layer, inputs) @ readoff.T - np.eye(len(pairs))
    assert np.abs(error).max() >= uand.pair_limit(len(pairs), d)
    assert np.sum(error**2) == pytest.approx(len(pairs) - d, abs=1e-4)


HERMITE = [
    ("relu", (1, 1), 5, 0.0, 1 / np.sqrt(10 * np.pi)),
    ("relu", (2, 1, 1), 3, 0.0, -1 / (3 * np.sqrt(6 * np.pi))),
    ("relu", (1, 1), 4, -2.0, np.exp(-0.5) / np.sqrt(8 * np.pi)),
    ("relu", (1,), 7, 0.0, 0.5),
    ("square", (1, 1), 9, 1.0, 2.0),
    ("step", (1,), 2, 0.0, 1 / np.sqrt(4 * np.pi)),
]


@pytest.mark.parametrize(("activation", "powers", "s", "bias", "gain"), HERMITE)
def test_hermite_gain_by_hand(activation, powers, s, bias, gain):
    assert uand.hermite_gain(activation, powers, s, bias) == pytest.approx(gain, rel=1e-5)


@pytest.mark.parametrize(
    ("activation", "powers"), [("relu", (1, 1, 1)), ("tanh", (1, 1)), ("step", (1, 1))]
)
def test_hermite_cost_is_infinite_where_the_order_is_absent(activation, powers):
    assert uand.hermite_cost(activation, powers, 4) == np.inf
    assert uand.hermite_cost(activation, powers, 4, bias=1.0) < np.inf


# Affine readoffs


@pytest.mark.parametrize("table", list(itertools.product([0, 1], repeat=4)))
def test_affine_error_of_every_function_of_two_inputs(table):
    error, function, certificate = uand.affine_error(table)
    x = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
    interaction = abs(table[0] - table[1] - table[2] + table[3]) / 4
    assert error == pytest.approx(interaction, abs=1e-9)
    assert np.abs(x @ function - table).max() == pytest.approx(error, abs=1e-9)
    assert np.abs(certificate @ x).max() < 1e-9
    assert abs(certificate @ table) == pytest.approx(error, abs=1e-9)


# Layers and readoffs


@pytest.mark.parametrize("law", uand.WEIGHT_LAWS)
def test_weight_laws_have_mean_0_and_variance_1(law):
    w = uand.random_layer(300, 400, seed=1, weights=law).weights.ravel()
    assert abs(z_score(w, 0)) < SIGMAS
    if law != "rademacher":
        assert abs(z_score(w**2, 1)) < SIGMAS


def test_torch_default_layer_is_drawn_as_torch_does():
    """Two-sample Kolmogorov-Smirnov against torch itself, weights and biases."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs = torch.nn.Linear(16, 4000)
    ours = uand.torch_default_layer(4000, 16, seed=0)
    for mine, other in ((ours.weights, theirs.weight), (ours.biases, theirs.bias)):
        assert stats.ks_2samp(mine.ravel(), other.detach().numpy().ravel()).pvalue > 1e-5


def test_seed_fixes_a_layer():
    first, again, other = (uand.random_layer(3, 4, seed=s, bias_std=1.0) for s in (0, 0, 1))
    np.testing.assert_array_equal(first.weights, again.weights)
    np.testing.assert_array_equal(first.biases, again.biases)
    assert (first.weights != other.weights).all() and (first.biases != other.biases).all()


@given(st.integers(1, 9), st.integers(0, 2**32), st.data())
def test_sampled_inputs_have_the_number_on(m, seed, data):
    s = data.draw(st.integers(0, m))
    inputs = uand.sample_inputs(7, m, seed=seed, active=s)
    assert inputs.shape == (7, m) and (inputs.sum(1) == s).all()


def test_sampled_inputs_are_uniform():
    counts = uand.sample_inputs(60_000, 6, seed=0, active=3) @ (1 << np.arange(6))
    seen = np.unique(counts, return_counts=True)[1]
    assert len(seen) == 20 and stats.chisquare(seen).pvalue > 1e-5
    rate = uand.sample_inputs(100_000, 3, seed=0, rate=0.1).mean()
    assert abs(rate - 0.1) < SIGMAS * np.sqrt(0.09 / 300_000)


@pytest.mark.parametrize("case", [(0, 0), (1, 0), (0, 1), (1, 1)])
@pytest.mark.parametrize("s", [2, 5])
@pytest.mark.parametrize("name", ["sign", "product", "rademacher", "least_variance"])
def test_closed_form_readoffs_are_unbiased_in_all_cases(name, s, case):
    d = 200_000
    x = np.array([case[0], case[1], *[1] * (s - sum(case))], bool)[None]
    assert x.sum() == s
    law = "rademacher" if name == "rademacher" else "gaussian"
    layer = uand.random_layer(d, x.shape[1], seed=10 * s + 2 * case[0] + case[1], weights=law)
    readoff = getattr(uand, f"{name}_readoff")(layer.weights, np.array([[0, 1]]), s)[0]
    term = d * readoff * uand.activations(layer, x)[0]
    assert abs(z_score(term, case[0] and case[1])) < SIGMAS


# Least squares


def brute_force(layer, inputs, pairs, task, class_weights):
    """One weighted dense least squares problem for each pair."""
    a, y = uand.activations(layer, inputs), uand.targets(inputs, pairs, task)
    rows = []
    for column, (i, j) in enumerate(pairs):
        on = inputs[:, i].astype(int) + inputs[:, j]
        root = np.sqrt(np.asarray(class_weights)[on])
        rows.append(np.linalg.lstsq(a * root[:, None], y[:, column] * root, rcond=None)[0])
    return np.array(rows)


@pytest.mark.parametrize("task", ["and", "xor"])
@pytest.mark.parametrize("class_weights", [(1, 1, 1), (3, 3, 3), (1, 1, 50), (1, 9, 1), (2, 7, 40)])
def test_least_squares_is_the_least_squares_solution(task, class_weights):
    layer = uand.random_layer(9, 8, seed=3, bias_std=1.0)
    inputs = uand.sample_inputs(500, 8, seed=4, rate=0.3)
    for pairs in (uand.all_pairs(8), np.array([[5, 2], [0, 7]])):
        solved = uand.least_squares_readoff(
            layer, inputs, pairs, task=task, class_weights=class_weights, chunk=77
        )
        expected = brute_force(layer, inputs, pairs, task, class_weights)
        np.testing.assert_allclose(solved, expected, rtol=1e-5, atol=1e-6)


def test_least_squares_bears_silent_and_repeated_neurons_and_absent_pairs():
    w = np.random.default_rng(0).standard_normal((4, 5))
    layer = uand.Layer(np.concatenate([w, w[:2], -np.ones((1, 5))]), np.zeros(7))
    inputs = uand.sample_inputs(300, 5, seed=1, rate=0.4)
    for weights in ((1, 1, 1), (1, 2, 3)):
        solved = uand.least_squares_readoff(layer, inputs, class_weights=weights)
        assert np.isfinite(solved).all() and (solved[:, -1] == 0).all()
    never = uand.least_squares_readoff(layer, np.eye(5), class_weights=(1, 1, 9))
    assert np.abs(never).max() == 0


def test_all_readoffs_of_the_published_size_fit_in_two_gib():
    """In a process of its own, since a peak of memory is a process's."""
    program = """
import resource, numpy as np
from helpers import uand
rate = 2 * np.sqrt(np.log(100)) / 100
inputs = uand.sample_inputs(100_000, 100, seed=1, rate=rate)
readoff = uand.least_squares_readoff(uand.random_layer(300, 100, seed=0), inputs)
assert readoff.shape == (4950, 300)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert int(run.stdout) < 2 * 2**30


# Bad input

W = np.ones((2, 3))
PAIR = np.array([[0, 1]])
LAYER = uand.Layer(W, np.zeros(2))
X = np.eye(3)
NO_INTEGER = st.one_of(
    st.floats(), st.text(), st.none(), st.booleans(), st.integers(max_value=-1), st.just([2])
)
NO_ARRAY = st.sampled_from(
    [np.array(1.0), np.zeros((0, 3)), np.full((2, 3), np.nan), "weights", [[1], [1, 2]], None]
)
NO_NAME = st.one_of(st.text(), st.integers(), st.none(), st.just(["and"])).filter(
    lambda name: name not in ("and", "xor", *uand.WEIGHT_LAWS, *uand.ACTIVATIONS)
)
NO_PAIRS = st.sampled_from(
    [[[0, 0]], [[0, 3]], [[-1, 0]], [[0.5, 1]], [0, 1], [[0, 1, 2]], [], "01", [[0, np.nan]]]
)
NO_INPUTS = st.one_of(NO_ARRAY, st.just(np.full((2, 3), 0.5)), st.just(np.ones((2, 4))))
NO_REAL = st.one_of(st.just(np.nan), st.just(np.inf), st.text(), st.none(), st.booleans())

CLOSED_FORMS = (
    uand.sign_readoff,
    uand.product_readoff,
    uand.rademacher_readoff,
    uand.least_variance_readoff,
)
BAD = [
    (uand.random_layer, dict(n_neurons=2, n_inputs=3, seed=0), "n_neurons", NO_INTEGER),
    (uand.random_layer, dict(n_neurons=2, n_inputs=3, seed=0), "n_inputs", NO_INTEGER),
    (uand.random_layer, dict(n_neurons=2, n_inputs=3, seed=0), "seed", NO_INTEGER),
    (uand.random_layer, dict(n_neurons=2, n_inputs=3, seed=0), "weights", NO_NAME),
    (uand.random_layer, dict(n_neurons=2, n_inputs=3, seed=0), "activation", NO_NAME),
    (uand.random_layer, dict(n_neurons=2, n_inputs=3, seed=0), "bias", NO_REAL),
    (uand.random_layer, dict(n_neurons=2, n_inputs=3, seed=0), "bias_std", NO_REAL),
    (uand.random_layer, dict(n_neurons=2, n_inputs=3, seed=0), "bias_std", st.just(-1.0)),
    (uand.torch_default_layer, dict(n_neurons=2, n_inputs=3, seed=0), "n_neurons", NO_INTEGER),
    (uand.torch_default_layer, dict(n_neurons=2, n_inputs=3, seed=0), "seed", NO_INTEGER),
    (uand.activations, dict(layer=LAYER, inputs=X), "inputs", NO_ARRAY),
    (uand.all_pairs, dict(n_inputs=3), "n_inputs", NO_INTEGER),
    (uand.all_pairs, dict(n_inputs=3), "n_inputs", st.sampled_from([0, 1])),
    (uand.sample_inputs, dict(n_samples=2, n_inputs=3, seed=0, rate=0.1), "n_samples", NO_INTEGER),
    (uand.sample_inputs, dict(n_samples=2, n_inputs=3, seed=0, rate=0.1), "seed", NO_INTEGER),
    (uand.sample_inputs, dict(n_samples=2, n_inputs=3, seed=0, rate=0.1), "rate", st.just(1.1)),
    (uand.sample_inputs, dict(n_samples=2, n_inputs=3, seed=0, rate=0.1), "rate", st.just(np.nan)),
    (uand.sample_inputs, dict(n_samples=2, n_inputs=3, seed=0, active=1), "active", st.just(4)),
    (uand.sample_inputs, dict(n_samples=2, n_inputs=3, seed=0, active=1), "active", st.none()),
    (uand.targets, dict(inputs=X, pairs=PAIR), "inputs", NO_ARRAY),
    (uand.targets, dict(inputs=X, pairs=PAIR), "pairs", NO_PAIRS),
    (uand.targets, dict(inputs=X, pairs=PAIR), "task", NO_NAME),
    (uand.number_on, dict(inputs=X, pairs=PAIR), "inputs", NO_ARRAY),
    (uand.number_on, dict(inputs=X, pairs=PAIR), "pairs", NO_PAIRS),
    (uand.pair_inputs, dict(pairs=PAIR, n_inputs=3), "pairs", NO_PAIRS),
    (uand.pair_inputs, dict(pairs=PAIR, n_inputs=3), "n_inputs", NO_INTEGER),
    (uand.affine_error, dict(table=[0, 1]), "table", NO_ARRAY),
    (uand.affine_error, dict(table=[0, 1]), "table", st.sampled_from([[0], [0, 1, 1]])),
    *(
        (function, dict(s=2), "s", bad)
        for function in (
            uand.sign_readoff_gain,
            uand.product_readoff_gain,
            uand.rademacher_gain,
            uand.least_variance_gain,
        )
        for bad in (NO_INTEGER, st.sampled_from([0, 1]))
    ),
    (uand.relu_kernel, dict(s=2, shared=1), "shared", st.one_of(NO_INTEGER, st.just(3))),
    (uand.sign_readoff_tail, dict(threshold=1.0, n_neurons=2, s=2), "n_neurons", NO_INTEGER),
    (uand.sign_readoff_tail, dict(threshold=1.0, n_neurons=2, s=2), "threshold", NO_REAL),
    (uand.sign_readoff_mean_error, dict(n_neurons=2, s=2), "s", NO_INTEGER),
    (uand.neuron_draws, dict(n_draws=2, s=2, on=(0, 1), seed=0), "n_draws", NO_INTEGER),
    (uand.neuron_draws, dict(n_draws=2, s=2, on=(0, 1), seed=0), "on", st.just((0, 2))),
    (uand.pair_limit, dict(n_pairs=3, n_neurons=2), "n_pairs", NO_INTEGER),
    (uand.welch_ratio, dict(n_pairs=3, n_neurons=2), "n_neurons", NO_INTEGER),
    *(
        (function, dict(activation="relu", powers=(1, 1), s=2), argument, bad)
        for function in (uand.hermite_gain, uand.hermite_cost)
        for argument, bad in (
            ("activation", NO_NAME),
            ("powers", st.sampled_from([(), (0,), (1.5,), 2, None, (1, -1)])),
            ("s", NO_INTEGER),
            ("s", st.just(1)),  # two inputs are read
            ("bias", NO_REAL),
            ("bias", st.sampled_from([-7.2, 12.0, 1e9])),
        )
    ),
    *(
        (function, dict(weights=W, pairs=PAIR, s=2), argument, bad)
        for function in CLOSED_FORMS
        for argument, bad in (
            ("weights", NO_ARRAY),
            ("pairs", NO_PAIRS),
            ("s", NO_INTEGER),
            ("s", st.just(W.shape[1] + 1)),  # more on than there are inputs
        )
    ),
    (uand.rademacher_readoff, dict(weights=W, pairs=PAIR, s=2), "weights", st.just(W / 2)),
    (uand.centred, dict(readoffs=W), "readoffs", NO_ARRAY),
    (uand.least_squares_readoff, dict(layer=LAYER, inputs=X), "inputs", NO_INPUTS),
    (uand.least_squares_readoff, dict(layer=LAYER, inputs=X), "pairs", NO_PAIRS),
    (
        uand.least_squares_readoff,
        dict(layer=LAYER, inputs=X),
        "pairs",
        st.just(np.array([[0, 1], [1, 0]])),
    ),
    (uand.least_squares_readoff, dict(layer=LAYER, inputs=X), "task", NO_NAME),
    (uand.least_squares_readoff, dict(layer=LAYER, inputs=X), "chunk", NO_INTEGER),
    (
        uand.least_squares_readoff,
        dict(layer=LAYER, inputs=X),
        "class_weights",
        st.sampled_from(
            [(1, 1), 1.0, (1, 1, 0), (1, 1, np.inf), "111", None, (1, 1, -1), (1, [2], 3)]
        ),
    ),
]


test_helper_refuses_bad_input_by_name = bad_input_test(BAD)


@pytest.mark.parametrize(
    ("layer", "argument"),
    [
        (uand.Layer(np.ones(3), np.zeros(2)), "layer.weights"),
        (uand.Layer(W, np.zeros(3)), "layer.biases"),
        (uand.Layer(W * np.nan, np.zeros(2)), "layer.weights"),
        (uand.Layer(W, np.zeros(2), "sine"), "layer.activation"),
        (W, "layer"),
        (None, "layer"),
    ],
)
def test_layer_refuses_bad_parts_by_name(unchecked, layer, argument):
    for function in (uand.activations, uand.least_squares_readoff):
        with pytest.raises(ValueError, match=rf"{argument}: got .*, expected "):
            function(layer, X)
