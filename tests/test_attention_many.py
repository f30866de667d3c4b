"""Many features at a position: laws against simulation and independent formulas, bad input by name."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusing import bad_input_test
from scipy import integrate, stats

from helpers import attention


def unit(rng, *shape):
    x = rng.standard_normal(shape)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


# Margins


@given(st.integers(0, 2**32 - 1), st.integers(2, 7), st.integers(1, 6))
def test_margins_are_those_of_a_plain_loop(seed, n, k):
    rng = np.random.default_rng(seed)
    u, r = rng.standard_normal((n, k)), int(rng.integers(1, n))
    sets = np.array(list(itertools.combinations(range(n), r)))
    for members, margin in zip(sets, attention.set_margins(u, sets), strict=True):
        scores = [sum(u[i] @ u[t] for i in members) for t in range(n)]
        absent = [scores[t] for t in range(n) if t not in members]
        assert margin == pytest.approx(min(scores[i] for i in members) - max(absent), abs=1e-9)


@given(st.integers(0, 2**32 - 1))
def test_a_pair_is_separated_if_and_only_if_every_other_vector_sees_it_at_an_acute_angle(seed):
    u = unit(np.random.default_rng(seed), 6, 3)
    angles = [(u[0] - t) @ (u[1] - t) for t in u[2:]]
    assert attention.set_margins(u, np.array([[0, 1]]))[0] == pytest.approx(min(angles), abs=1e-12)


def test_margins_of_the_circle():
    angle = 2 * np.pi * np.arange(9) / 9
    u = np.stack([np.cos(angle), np.sin(angle)], 1)
    near, far = attention.set_margins(u, np.array([[3, 4], [3, 6]]))
    assert near > 0 > far


# One rival


@pytest.mark.parametrize(("r", "k"), [(2, 3), (3, 4), (5, 8), (8, 24), (30, 100)])
def test_rival_probability_against_simulation(r, k):
    rng, n = np.random.default_rng([r, k]), 5_000
    u = unit(rng, n, r + 1, k)
    q = u[:, :r].sum(1)
    hits = np.sum(np.einsum("nk,nk->n", u[:, r], q) >= np.einsum("nk,nk->n", u[:, 0], q))
    p = attention.rival_probability(r, k)
    assert abs(hits - n * p) < 4.5 * np.sqrt(n * p * (1 - p))


@pytest.mark.parametrize("k", [5, 40])
def test_rival_probability_for_three_by_a_double_integral(k):
    """P(θ1 + θ2 ≥ sin(α/2)) by quadrature of the laws of one coordinate and of the angle."""
    coordinate = stats.beta((k - 1) / 2, (k - 1) / 2, loc=-1, scale=2)
    norm = integrate.quad(lambda a: np.sin(a) ** (k - 2), 0, np.pi)[0]

    def given_angle(a):
        tail = integrate.quad(
            lambda x: coordinate.pdf(x) * coordinate.sf(np.sin(a / 2) - x), -1, 1, limit=100
        )[0]
        return np.sin(a) ** (k - 2) / norm * tail

    nodes, weight = np.polynomial.legendre.leggauss(40)
    exact = np.pi / 2 * weight @ [given_angle(a) for a in (1 + nodes) * np.pi / 2]
    assert attention.rival_probability(3, k) == pytest.approx(exact, abs=2e-8)


def test_rival_probability_at_the_ends():
    assert attention.rival_probability(1, 7) == 0
    assert attention.rival_probability(2, 2) == pytest.approx(1 / 4, abs=1e-12)
    many = attention.rival_probability(400, 4096)
    assert many == pytest.approx(stats.norm.sf(np.sqrt(4096 / 799)), rel=0.02)


def test_rival_probability_falls_with_the_dimension_and_grows_with_the_set():
    by_dim = [attention.rival_probability(4, k) for k in (4, 8, 16, 32, 64)]
    by_set = [attention.rival_probability(r, 32) for r in (2, 3, 5, 9, 17)]
    assert by_dim == sorted(by_dim, reverse=True)
    assert by_set == sorted(by_set)


# Ties


@pytest.mark.parametrize("tau", [0.05, 0.7, 2.0, 8.0, 50.0])
def test_entropy_of_two_ties_by_one_integral(tau):
    """Two scores differ by √2 τ g, so the entropy is that of one logistic coin."""

    def integrand(x):  # x = √2 τ g
        entropy = np.log1p(np.exp(-x)) + x / (1 + np.exp(x))
        return 2 * stats.norm.pdf(x, scale=np.sqrt(2) * tau) * entropy

    exact = integrate.quad(integrand, 0, min(60, 17 * tau), limit=200, epsabs=1e-13)[0]
    assert attention.tied_entropy(2, tau) == pytest.approx(exact, rel=1e-8)


@pytest.mark.parametrize("r", [3, 17, 300])
def test_entropy_of_ties_against_simulation(r):
    s = 1.3 * np.random.default_rng(r).standard_normal((4000, r))
    p = np.exp(s) / np.exp(s).sum(1, keepdims=True)
    h = -(p * np.log(p)).sum(1)
    law = attention.tied_entropy(r, 0.65, inverse_temperature=2.0)
    assert abs(h.mean() - law) < 4.5 * h.std() / np.sqrt(len(h))


@pytest.mark.parametrize("r", [2, 5, 1000, 10**6])
def test_entropy_of_equal_and_of_nearly_equal_ties(r):
    assert attention.tied_entropy(r, 0.0) == pytest.approx(np.log(r), abs=1e-7)
    lost = np.log(r) - attention.tied_entropy(r, 0.01)
    assert lost == pytest.approx(0.5e-4 * (1 - 1 / r), rel=1e-3, abs=1e-8)


@given(st.integers(2, 50), st.floats(0, 2), st.floats(0, 1))
def test_entropy_depends_on_the_product_and_falls(r, spread, beta):
    h = attention.tied_entropy(r, spread, inverse_temperature=beta)
    assert h == pytest.approx(attention.tied_entropy(r, beta, inverse_temperature=spread), abs=1e-9)
    assert -1e-9 < h <= np.log(r) + 1e-9
    assert attention.tied_entropy(r, spread + 0.1, inverse_temperature=beta) <= h + 1e-9


# Groups


def test_cross_energy_is_a_plain_mean_and_ignores_what_is_free():
    rng = np.random.default_rng(1)
    u, groups = rng.standard_normal((9, 4)), np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
    cosines = [
        (u[i] @ u[j]) ** 2 / (u[i] @ u[i]) / (u[j] @ u[j])
        for i, j in itertools.combinations(range(9), 2)
        if groups[i] != groups[j]
    ]
    energy = attention.cross_energy(u, groups)
    assert energy == pytest.approx(4 * np.mean(cosines))
    turn, order = np.linalg.qr(rng.standard_normal((4, 4)))[0], rng.permutation(9)
    stretched = (u @ turn * 10.0 ** rng.uniform(-250, 250, (9, 1)))[order]
    assert attention.cross_energy(stretched, 7 - groups[order]) == pytest.approx(energy)


def test_cross_energy_of_random_vectors_has_the_stated_mean_and_variance():
    rng, groups = np.random.default_rng(2), np.arange(4).repeat(5)
    t = np.array([attention.cross_energy(unit(rng, 20, 8), groups) for _ in range(2000)])
    variance = 2 * 7 / (10 * 150)
    assert abs(t.mean() - 1) < 4.5 * np.sqrt(variance / 2000)
    squares = (t - 1) ** 2 / variance
    assert abs(squares.mean() - 1) < 4.5 * squares.std() / np.sqrt(2000)


def test_training_is_reproducible_and_the_seed_matters():
    one, same = (attention.train_groups(2, 3, 4, seed=5, n_seeds=3, n_steps=5) for _ in range(2))
    other = attention.train_groups(2, 3, 4, seed=6, n_seeds=3, n_steps=5)
    np.testing.assert_array_equal(one.vectors, same.vectors)
    assert np.abs(one.vectors - other.vectors).max() > 0.01
    assert one.vectors.shape == (3, 6, 4)
    assert one.reconstruction.shape == one.attention.shape == (3,)


def test_training_separates_exclusive_groups_and_not_independent_features():
    groups, energies = np.arange(2).repeat(12), {}
    for exclusive in (True, False):
        found = attention.train_groups(
            2, 12, 8, seed=0, n_seeds=4, n_steps=1500, exclusive=exclusive
        )
        energies[exclusive] = np.median([attention.cross_energy(v, groups) for v in found.vectors])
    assert energies[True] < 0.5 * energies[False]


def test_a_head_learns_to_match_and_without_it_the_loss_is_zero():
    off, on = (
        attention.train_groups(2, 4, 4, seed=0, n_seeds=4, n_steps=600, head=h) for h in (0.0, 1.0)
    )
    assert (off.attention == 0).all()
    assert 0 < np.median(on.attention) < 0.5 * np.log(4)


# Bad input

VECTORS = np.eye(3)
SHAPES = dict(vectors=VECTORS, sets=np.array([[0, 1]]))
TRAIN = dict(n_groups=2, group_size=2, dim=3, seed=0, n_seeds=1, n_steps=1)
not_vectors = st.sampled_from(
    [np.zeros((3, 2)), np.array([[1.0, np.nan], [0, 1]]), np.eye(3)[:1], np.eye(3) * 1j, np.ones(3)]
)
not_sets = st.sampled_from(
    [
        [[0, 0]],
        [[0, 1], [0, 3]],
        [[-1, 0]],
        [[0.0, 1.0]],
        [[True, False]],
        [[0, 1, 2]],
        [0, 1],
        np.zeros((0, 2), int),
    ]
)
negative = st.floats(max_value=-1e-9) | st.just(np.nan)
too_few = st.integers(max_value=1) | st.just(2.5)

test_bad_input = bad_input_test(
    [
        (attention.set_margins, SHAPES, "vectors", not_vectors),
        (attention.set_margins, SHAPES, "sets", not_sets.map(np.array)),
        (
            attention.rival_probability,
            dict(n_present=2, dim=4),
            "n_present",
            st.sampled_from([-3, 0, True, 10**8, 10**400]),
        ),
        (
            attention.rival_probability,
            dict(n_present=2, dim=4),
            "dim",
            too_few | st.sampled_from([4097, 10**400]),
        ),
        (
            attention.tied_entropy,
            dict(n_ties=2, spread=1.0),
            "n_ties",
            too_few | st.sampled_from([10**7, 10**400]),
        ),
        (attention.tied_entropy, dict(n_ties=2, spread=1.0), "spread", negative | st.just(51.0)),
        (attention.tied_entropy, dict(n_ties=2, spread=1.0), "inverse_temperature", negative),
        (
            attention.cross_energy,
            dict(vectors=VECTORS, groups=np.array([0, 0, 1])),
            "vectors",
            st.sampled_from([np.zeros((3, 2)), np.full((3, 2), np.nan), np.ones(3)]),
        ),
        (
            attention.cross_energy,
            dict(vectors=VECTORS, groups=np.array([0, 0, 1])),
            "groups",
            st.sampled_from([np.zeros(3, int), np.arange(4), np.eye(3)]),
        ),
        (attention.train_groups, TRAIN, "n_groups", too_few),
        (attention.train_groups, TRAIN, "group_size", too_few),
        (attention.train_groups, TRAIN, "dim", st.integers(-2, 0)),
        (attention.train_groups, TRAIN, "n_seeds", st.integers(-2, 0)),
        (attention.train_groups, TRAIN, "rate", st.sampled_from([-0.1, 1.1, np.nan])),
        (attention.train_groups, TRAIN, "head", negative),
        (attention.train_groups, TRAIN, "n_steps", st.integers(-2, 0)),
        (attention.train_groups, TRAIN, "seed", st.sampled_from([-1, 0.5, 2**63])),
        (attention.train_groups, TRAIN, "exclusive", st.sampled_from([1, "no", None])),
        (attention.train_groups, TRAIN, "relu", st.sampled_from([0, np.nan, np.ones(2)])),
    ]
)
