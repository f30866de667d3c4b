"""Products of real inputs and circuits of them: closed forms against quadrature, neurons, exact runs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusing import bad_input_test
from scipy import integrate, stats

from helpers import circuits, uand

SIGMAS = 4.5
SQUARE = circuits.Level(np.array([[0, 1]]), np.zeros((1, 2)), np.ones((1, 1)))


def z_score(sample, expected):
    return (sample.mean() - expected) / (sample.std() / np.sqrt(len(sample)))


@pytest.mark.parametrize("q", range(6))
@pytest.mark.parametrize("bias", [-2.0, 0.0, 0.7])
def test_power_gain_is_the_hermite_coefficient(q, bias):
    """norm^q E[ReLU^(q)(S)] = E[ReLU(S) He_q(ξ)], by quadrature on either side of the kink."""
    norm = 1.7

    def inside(t):
        he = np.polynomial.hermite_e.hermeval(t, np.eye(q + 1)[q])
        return (norm * t + bias) * he * stats.norm.pdf(t)

    moment = integrate.quad(inside, -bias / norm, 12)[0]
    assert circuits.power_gain(q, norm, bias) * norm**q == pytest.approx(moment, abs=1e-9)


def test_power_gain_agrees_with_the_gains_of_boolean_inputs():
    for s in (2, 3, 7):
        gain = uand.hermite_gain("relu", (1, 1), s, -1.0)
        assert circuits.power_gain(2, s**0.5, -1.0) == pytest.approx(gain, rel=1e-5)
        assert circuits.power_gain(2, s**0.5) == pytest.approx(uand.product_readoff_gain(s))


@given(st.floats(0.5, 3), st.floats(-1, 1), st.floats(-1, 1))
def test_product_cost_without_bias(extra, x_i, x_j):
    norm = np.sqrt(extra**2 + x_i**2 + x_j**2)
    law = np.pi * norm**4 + 2 * np.pi * norm**2 * (x_i**2 + x_j**2) - (x_i * x_j) ** 2
    assert circuits.product_cost(norm, x_i, x_j) == pytest.approx(np.sqrt(law))


def test_product_cost_of_booleans_is_the_hermite_cost():
    cost = uand.hermite_cost("relu", (1, 1), 5, -2.0)
    assert circuits.product_cost(5**0.5, 0, 0, -2.0) == pytest.approx(cost, rel=1e-5)


@pytest.mark.parametrize("bias", [-1.5, 0.0, 1.0])
def test_product_cost_is_the_spread_of_neurons(bias):
    x, n = np.array([1.2, -0.8, 0.5]), 400_000
    norm = np.linalg.norm(x)
    w = np.random.default_rng(3).standard_normal((n, 3))
    term = w[:, 0] * w[:, 1] * np.maximum(w @ x + bias, 0) / circuits.power_gain(2, norm, bias)
    assert abs(z_score(term, x[0] * x[1])) < SIGMAS
    cost = circuits.product_cost(norm, x[0], x[1], bias)
    assert abs(z_score((term - x[0] * x[1]) ** 2, cost**2)) < SIGMAS


@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(2, 5))
def test_exact_level_is_its_formula(seed, copies, wires):
    rng = np.random.default_rng(seed)
    y, keep, mix = (rng.normal(size=s) for s in ((3, copies, wires), (2, wires), (2, 1)))
    new = circuits.run_level(circuits.Level(np.array([[0, wires - 1]]), keep, mix), y)
    for r in range(3):
        for c in range(copies):
            product = y[r, c, 0] * y[r, c, -1]
            np.testing.assert_allclose(new[r, c], keep @ y[r, c] + mix[:, 0] * product)


def test_neurons_and_law_have_the_mean_and_the_spread_of_the_theorem():
    """Also that more than 512 neurons add up, and a wire that no gate reads does not enter the norm."""
    wires = np.zeros((1, 3, 3))
    wires[0, 0], wires[0, 1] = (1.0, -0.7, 50.0), (0.0, 0.6, 0.0)
    level = circuits.Level(np.array([[0, 1]]), np.zeros((1, 3)), np.ones((1, 1)))
    norm = np.linalg.norm(wires[..., :2])
    for how in ({}, {"law": True}):
        read = np.concatenate(
            [circuits.run_level(level, wires, 600, seed=s, **how) for s in range(1500)]
        )
        for copy, (x_i, x_j) in enumerate(wires[0, :, :2]):
            error = read[:, copy, 0] - x_i * x_j
            assert abs(z_score(error, 0)) < SIGMAS
            cost = circuits.product_cost(norm, x_i, x_j, -norm)
            assert abs(z_score(error**2 * 600, cost**2)) < SIGMAS


def test_shuffled_readoffs_read_nothing():
    read = [
        circuits.run_level(SQUARE, np.ones((1, 1, 2)), 512, seed=s, shuffled=True)
        for s in range(400)
    ]
    assert abs(z_score(np.ravel(read), 0)) < SIGMAS
    true = [circuits.run_level(SQUARE, np.ones((1, 1, 2)), 512, seed=s) for s in range(400)]
    assert z_score(np.ravel(true), 0) > 20


def test_idle_wires_and_seeds():
    assert not circuits.run_level(SQUARE, np.zeros((2, 3, 2)), 64).any()
    first, again, other = (
        circuits.run_level(SQUARE, np.ones((1, 1, 2)), 9, seed=s) for s in (0, 0, 1)
    )
    assert first == again != other


@given(st.integers(1, 6), st.integers(0, 2**32), st.data())
def test_copy_wires_has_one_active_copy_and_the_distractors(copies, seed, data):
    some = data.draw(st.integers(0, copies - 1))
    bits = np.array([[0, 1, 1], [1, 0, 0]])
    wires = circuits.copy_wires(bits, copies, some, seed=seed)
    np.testing.assert_array_equal(wires[:, 0], 2 * bits - 1)
    assert (np.abs(wires[:, 1:]).sum((1, 2)) == some).all()
    assert (np.abs(wires[:, 1:]).sum(2) <= 1).all()


not_a_number = st.sampled_from([np.nan, np.inf, -np.inf])
no_count = st.sampled_from([0, -1, 1.5, True, "3"])
level = dict(level=SQUARE, wires=np.ones((1, 1, 2)), n_neurons=4)
copies = dict(bits=np.array([[0, 1]]), n_copies=3, n_distractors=1, seed=0)
cost = dict(norm=2.0, x_i=1.0, x_j=0.0, bias=0.0)
test_bad_input = bad_input_test(
    [
        (
            circuits.power_gain,
            dict(degree=2, norm=1.0),
            "degree",
            st.sampled_from([-1, 9, 1.0, True]),
        ),
        (
            circuits.power_gain,
            dict(degree=2, norm=1.0),
            "norm",
            st.floats(max_value=0) | not_a_number,
        ),
        (circuits.power_gain, dict(degree=2, norm=1.0, bias=0.0), "bias", not_a_number),
        *[(circuits.product_cost, cost, name, not_a_number) for name in cost],
        *[
            (circuits.product_cost, cost | {"x_i": np.zeros(2)}, name, st.just(np.zeros(k) + 2))
            for name in ("norm", "x_j", "bias")
            for k in (0, 3)
        ],
        (circuits.product_cost, cost, "norm", st.floats(-1, 0.9)),  # less than |(x_i, x_j)|
        (circuits.run_level, level, "n_neurons", no_count),
        (circuits.run_level, level, "level", st.sampled_from([None, "relu", (1, 2, 3)])),
        (
            circuits.run_level,
            level,
            "wires",
            st.sampled_from([np.ones((1, 2)), np.ones((1, 1, 3))]),
        ),
        (circuits.run_level, level, "wires", st.just(np.full((1, 1, 2), np.nan))),
        (circuits.run_level, level | {"seed": 0}, "seed", st.sampled_from([-1, None, 0.5])),
        (circuits.run_level, level | {"law": True}, "law", st.sampled_from(["no", None, 2])),
        (circuits.run_level, level | {"shuffled": 1}, "shuffled", st.sampled_from(["no", None, 2])),
        (
            circuits.copy_wires,
            copies,
            "bits",
            st.sampled_from([[[0.5, 1]], [[2, 0]], [[np.nan, 0]], [1]]),
        ),
        (circuits.copy_wires, copies, "n_copies", no_count),
        (circuits.copy_wires, copies, "n_distractors", st.sampled_from([-1, 3, 0.5])),
    ]
)


@pytest.mark.parametrize("pair", [(0, 0), (0, 2), (-1, 0)], ids=str)
def test_a_level_refuses_gates_without_two_wires(pair):
    with pytest.raises(ValueError, match=r"level\.operands: got"):
        circuits.run_level(SQUARE._replace(operands=np.array([pair])), np.ones((1, 1, 2)))
    with pytest.raises(ValueError, match=r"level\.mix: got shape"):
        circuits.run_level(SQUARE._replace(mix=np.ones((1, 2))), np.ones((1, 1, 2)))
