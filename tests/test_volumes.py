"""Exact coefficients against independent formulas, estimators against exact laws, bad input by name."""

import itertools
from fractions import Fraction
from functools import cache
from math import factorial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from refusing import bad_input_test
from scipy import special

from helpers import volumes

SIGMAS = 4.5  # of a single sampled check
ARCHITECTURES = [
    (widths, rank)
    for layers in (2, 3, 4)
    for widths in itertools.product(range(1, 6), repeat=layers + 1)
    for rank in range(min(widths) + 1)
]

# Exact coefficients


def test_published_examples():
    expected = {((2, 2, 2), 0): (1.5, 1), ((2, 1, 2), 0): (1, 2)}
    expected |= {((5, 3, 5), 0): (6.5, 2), ((3, 3, 3), 1): (4, 1)}
    for (widths, rank), value in expected.items():
        assert volumes.rlct_deep_linear(widths, rank) == value


def minimum_over_paths(widths, rank):
    """½(r(H_1 + H_(L+1)) − r²) + ½ min Σ_j (t_(j−1) − t_j)(M_(j+1) − t_j), t_0 = M_1, t_L = 0."""
    m = [width - rank for width in widths]

    @cache
    def least(j, before):
        ends = range(min(before, m[j]) + 1) if j + 1 < len(m) else [0]
        rest = {t: least(j + 1, t) if j + 1 < len(m) else 0 for t in ends}
        return min((before - t) * (m[j] - t) + rest[t] for t in ends)

    return Fraction(rank * (widths[0] + widths[-1]) - rank**2 + least(1, m[0]), 2)


def test_closed_form_is_the_minimum_on_every_architecture_up_to_4_layers_and_width_5():
    assert len(ARCHITECTURES) == 9504
    for widths, rank in ARCHITECTURES:
        assert volumes.rlct_deep_linear(widths, rank)[0] == minimum_over_paths(widths, rank)


def by_singular_values(widths, rank):
    """λ and m of three widths from the singular values of the first layer (chapter, own proof)."""
    first, middle, last = (width - rank for width in widths)
    alpha = [first + middle + 1 - 2 * i for i in range(1, min(first, middle) + 1)]
    regular = Fraction(rank * (widths[0] + widths[2]) - rank**2, 2)
    return regular + Fraction(sum(min(a, last) for a in alpha), 2), 1 + alpha.count(last)


def test_both_coefficients_of_three_widths_follow_from_singular_values():
    for widths, rank in ARCHITECTURES:
        if len(widths) == 3:
            assert volumes.rlct_deep_linear(widths, rank) == by_singular_values(widths, rank)


def four_cases(m, h, n, r):
    """Aoyagi and Watanabe 2005, main theorem: inputs m, hidden h, outputs n, rank r."""
    if n + r <= m + h and m + r <= n + h and h + r <= m + n:
        s = 2 * (h + r) * (m + n) - (m - n) ** 2 - (h + r) ** 2
        odd = (m + h + n + r) % 2
        return Fraction(s + odd, 8), 1 + odd
    if m + h < n + r:
        return Fraction(h * m - h * r + n * r, 2), 1
    if n + h < m + r:
        return Fraction(h * n - h * r + m * r, 2), 1
    return Fraction(m * n, 2), 1


def test_reduced_rank_regression_in_its_four_cases():
    for (m, h, n), r in ((w, r) for w, r in ARCHITECTURES if len(w) == 3):
        assert volumes.rlct_deep_linear((m, h, n), r) == four_cases(m, h, n, r)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=7), st.data())
def test_deep_linear_coefficient_does_not_depend_on_the_order_of_hidden_layers(widths, data):
    rank = data.draw(st.integers(0, min(widths)))
    inner = data.draw(st.permutations(widths[1:-1]))
    value = volumes.rlct_deep_linear(widths, rank)
    assert volumes.rlct_deep_linear([widths[0], *inner, widths[-1]], rank) == value
    assert volumes.rlct_deep_linear(widths[::-1], rank) == value
    parameters = sum(a * b for a, b in zip(widths, widths[1:], strict=False))
    assert 0 < 2 * value[0] <= parameters and value[1] <= parameters


@pytest.mark.parametrize(
    ("k", "h", "expected"),
    [
        ([1, 1, 1], [0, 0, 0], (Fraction(1, 2), 3)),
        ([2, 1], [1, 0], (Fraction(1, 2), 2)),
        ([3, 0], [0, 5], (Fraction(1, 6), 1)),
    ],
)
def test_normal_crossing(k, h, expected):
    assert volumes.rlct_normal_crossing(k, h) == expected


# Linear networks


@pytest.mark.parametrize("widths", [[2, 3], [3, 1, 2], [2, 3, 2, 4]])
def test_loss_is_the_divergence_of_the_regression_for_arrays_and_tensors(widths):
    rng = np.random.default_rng(0)
    point = volumes.deep_linear_point(widths, [1.5])
    w = rng.standard_normal((5, len(point)))
    value = volumes.deep_linear_loss(widths, point)(w)
    for row, found in zip(w, value, strict=True):
        start, product = 0, np.eye(widths[0])
        for a, b in zip(widths, widths[1:], strict=False):
            product, start = row[start : start + a * b].reshape(b, a) @ product, start + a * b
        product[0, 0] -= 1.5
        assert found == pytest.approx(np.sum(product**2) / 2)
    tensor = volumes.deep_linear_loss(widths, point)(torch.as_tensor(w))
    np.testing.assert_allclose(tensor.numpy(), value)


# Volumes


def product_volume(levels, d):
    s = np.sqrt(levels)
    return s * sum((-np.log(s)) ** j / factorial(j) for j in range(d))


EXACT = {
    "product of 2": (2, lambda w: w.prod(-1) ** 2, lambda e: product_volume(e, 2)),
    "product of 4": (4, lambda w: w.prod(-1) ** 2, lambda e: product_volume(e, 4)),
    "x⁴y²": (2, lambda w: w[..., 0] ** 4 * w[..., 1] ** 2, lambda e: 2 * e**0.25 - e**0.5),
}


@pytest.mark.parametrize("name", EXACT)
def test_exact_volumes_are_those_of_a_plain_sample(name):
    d, loss, law = EXACT[name]
    for level in (0.1, 1e-3):
        share = np.mean(loss(np.random.default_rng(1).random((400_000, d))) < level)
        assert abs(share - law(level)) < SIGMAS * np.sqrt(law(level) / 400_000)


@pytest.mark.parametrize("name", EXACT)
def test_splitting_gives_the_exact_volume_far_down(name):
    d, loss, law = EXACT[name]
    levels = np.geomspace(0.1, 1e-12, 12)
    found, error = volumes.splitting(loss, levels, d, seed=2, n_particles=500).mean()
    assert (error < 0.1).all()
    assert np.abs((found - np.log(law(levels))) / error).max() < 5.5  # Student's t of 16 replicates


def test_splitting_with_a_gaussian_prior():
    """2-1-2 networks: K = 2 E_1 E_2 with E ~ Exp(1), so V = 1 − 2√t K_1(2√t), t = ε/2."""
    levels = np.geomspace(1, 1e-8, 17)
    root = np.sqrt(levels / 2)
    law = 1 - 2 * root * special.k1(2 * root)
    loss = volumes.deep_linear_loss([2, 1, 2])
    found, error = volumes.splitting(
        loss, levels, 4, prior="gaussian", seed=3, n_particles=400
    ).mean()
    assert np.abs((found - np.log(law)) / error).max() < 5.5


def test_a_replicate_that_dies_out_counts_as_zero():
    logs = volumes.splitting(lambda w: w[..., 0], [1e-3], 1, seed=0, n_particles=2).logs
    assert np.isneginf(logs).any()
    logs = np.array([[-np.inf], [-np.inf], [np.log(0.25)], [np.log(0.75)]])
    assert volumes.Volumes(np.array([1e-3]), logs).mean()[0] == pytest.approx(np.log(0.25))


@pytest.mark.parametrize("d", [2, 3])
def test_fit_finds_the_multiplicity_and_the_coefficient(d):
    levels = np.geomspace(0.1, 1e-24, 24)
    found = volumes.splitting(
        lambda w: w.prod(-1) ** 2, levels, d, seed=d, n_particles=600, n_replicates=32
    )
    fit = volumes.fit_volume(found)
    assert fit.multiplicity == d
    assert abs(fit.learning_coefficient - 0.5) < min(0.01, SIGMAS * fit.error)


# Langevin dynamics


@pytest.mark.parametrize(("gamma", "step"), [(0.0, 1.0), (5.0, 0.4), (50.0, 0.8)])
def test_llc_on_a_quadratic_is_the_formula(gamma, step):
    h = np.array([1.0, 0.1, 3.0])
    options = dict(gamma=gamma, step=step, n_steps=2000, burn_in=500, seed=1)
    loss = lambda w: (torch.as_tensor(h) * w**2).sum(-1) / 2  # noqa: E731
    found = volumes.estimate_llc(loss, np.zeros(3), [200.0], **options)[0]
    expected = volumes.llc_on_quadratic(h, 200.0, gamma, step)
    assert abs(found.mean() - expected) < SIGMAS * found.std(ddof=1) / 8
    if step > 0.5:  # the bias of the step is seen, and Metropolis removes it
        exact = volumes.llc_on_quadratic(h, 200.0, gamma, 0)
        assert abs(found.mean() - exact) > SIGMAS * found.std(ddof=1) / 8
        right = volumes.estimate_llc(loss, np.zeros(3), [200.0], metropolis=True, **options)[0]
        assert abs(right.mean() - exact) < SIGMAS * right.std(ddof=1) / 8


def test_exchange_gives_the_exact_law_of_a_singular_model():
    """2-1-2 with unit localisation: Z = e^(1/c) E_1(1/c)/c, c = 2nβ, and λ̂ = −d ln Z/d ln c."""
    nbeta = np.geomspace(10, 300, 4)
    x = 1 / (2 * nbeta)
    exact = 1 + x - 1 / (special.exp1(x) * np.exp(x))
    assert exact == pytest.approx(1 + x - np.exp(-x) / special.exp1(x))
    loss = volumes.deep_linear_loss([2, 1, 2])
    options = dict(gamma=1.0, step=0.2, n_steps=2500, burn_in=700, seed=0)
    found = volumes.estimate_llc(
        loss, np.zeros(4), nbeta, metropolis=True, exchange=True, **options
    )
    z = (found.mean(1) - exact) / (found.std(1, ddof=1) / 8)
    assert np.abs(z).max() < SIGMAS


def test_exchange_has_nothing_to_do_at_one_temperature():
    options = dict(gamma=1.0, step=0.2, n_steps=9, burn_in=0, seed=0)
    half = lambda w: (w**2).sum(-1) / 2  # noqa: E731
    alone, offered = (
        volumes.estimate_llc(half, [0.0], [9.0], exchange=exchange, **options)
        for exchange in (False, True)
    )
    np.testing.assert_array_equal(alone, offered)


# Bad input

NO_INTEGER = st.one_of(st.floats(), st.text(), st.none(), st.booleans(), st.integers(max_value=-1))
LEVELS = np.geomspace(1, 1e-6, 12)
SOUND = volumes.Volumes(LEVELS, 0.5 * np.log(LEVELS) + np.array([[0], [0.1], [0.2], [0.3]]) - 1)
SPLIT = dict(loss=lambda w: w.sum(-1), levels=[0.5, 0.2], n_parameters=1, seed=0, n_particles=9)
CHAIN = dict(loss=lambda w: (w**2).sum(-1), point=[0.0], nbeta=[9.0, 99.0], gamma=0.0, step=0.1)
CHAIN |= dict(n_steps=3, burn_in=1, seed=0, n_chains=2)
QUADRATIC = dict(curvatures=[1.0], nbeta=10.0, gamma=0.0, step=0.1)
BAD = [
    (volumes.rlct_normal_crossing, dict(k=[1], h=[0]), "k", st.sampled_from([[], [0], [1, 1]])),
    (volumes.rlct_normal_crossing, dict(k=[1], h=[0]), "h", st.sampled_from([[-1], [0.5], []])),
    (volumes.rlct_deep_linear, dict(widths=[2, 2]), "widths", st.sampled_from([[], [2], [2, 0]])),
    (volumes.rlct_deep_linear, dict(widths=[2, 2]), "rank", st.one_of(NO_INTEGER, st.just(3))),
    (volumes.deep_linear_point, dict(widths=[2, 1]), "singular_values", st.just([1.0, 2.0])),
    (volumes.deep_linear_point, dict(widths=[2, 1]), "singular_values", st.just([-1.0])),
    (volumes.deep_linear_loss, dict(widths=[2, 1]), "widths", st.sampled_from([[2], [2, -1]])),
    (volumes.deep_linear_loss, dict(widths=[2, 1]), "point", st.just([1.0])),
    (volumes.splitting, SPLIT, "levels", st.sampled_from([[], [0.1, 0.2], [0.1, 0.0], [np.nan]])),
    (volumes.splitting, SPLIT, "prior", st.sampled_from(["normal", None])),
    (volumes.splitting, SPLIT, "seed", NO_INTEGER),
    *((volumes.splitting, SPLIT, f"n_{name}", NO_INTEGER) for name in ("particles", "moves")),
    (volumes.fit_volume, dict(volumes=SOUND), "largest_multiplicity", st.just(0)),
    (
        volumes.fit_volume,
        dict(volumes=SOUND),
        "volumes",
        st.sampled_from(
            [volumes.Volumes(SOUND[0], SOUND[1] * np.inf), volumes.Volumes(*SOUND[::-1])]
        ),
    ),
    (volumes.llc_on_quadratic, QUADRATIC, "step", st.sampled_from([4.0, np.nan])),
    (
        volumes.llc_on_quadratic,
        QUADRATIC,
        "curvatures",
        st.sampled_from([[], [np.inf], "h", [-1.0]]),
    ),
    (volumes.llc_on_quadratic, QUADRATIC, "nbeta", st.sampled_from([0.0, -1.0, np.inf])),
    (volumes.estimate_llc, CHAIN, "nbeta", st.sampled_from([[], [0.0], [np.nan]])),
    (volumes.estimate_llc, CHAIN | {"exchange": True}, "nbeta", st.just([2.0, 1.0])),
    (volumes.estimate_llc, CHAIN, "burn_in", st.one_of(NO_INTEGER, st.just(3))),
    (volumes.estimate_llc, CHAIN, "step", st.sampled_from([0, -1.0, np.nan])),
    (volumes.estimate_llc, CHAIN, "gamma", st.just(-1.0)),
    (volumes.estimate_llc, CHAIN, "n_chains", st.just(0)),
]


test_helper_refuses_bad_input_by_name = bad_input_test(BAD)


def test_a_level_that_no_replicate_reached_has_volume_zero():
    volume = volumes.Volumes(np.array([0.1, 0.01]), np.array([[-1.0, -np.inf], [-1.0, -np.inf]]))
    mean, error = volume.mean()
    np.testing.assert_array_equal(mean, [-1.0, -np.inf])
    assert error[0] == 0 and np.isnan(error[1])
