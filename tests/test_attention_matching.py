"""Laws of matching against exact arithmetic, brute force and simulation; bad input by name."""

import math
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from refusing import bad_input_test
from scipy import integrate, stats

from helpers import attention

mpmath = pytest.importorskip("mpmath")
SIGMAS = 4.5


def exact_log_tail(a, x, digits=60):
    """log(½ I_x(a, ½)) with 60 digits."""
    with mpmath.workdps(digits):
        tail = mpmath.betainc(mpmath.mpf(a), mpmath.mpf("0.5"), 0, mpmath.mpf(x), regularized=True)
        return float(mpmath.log(tail / 2))


# The exact law


@given(st.integers(2, 10**9), st.integers(1, 4096))
def test_expected_mismatches_is_accurate_everywhere(n, k):
    with mpmath.workdps(60):
        tail = mpmath.betainc(mpmath.mpf(k) / 2, mpmath.mpf("0.5"), 0, mpmath.mpf("0.5"))
        exact = n * (n - 1) * tail / mpmath.beta(mpmath.mpf(k) / 2, mpmath.mpf("0.5")) / 2
        log = float(mpmath.log(exact))
    assert abs(attention.log_expected_mismatches(n, k) - log) < 1e-10
    if log > -708:  # down to the least normal float
        assert attention.expected_mismatches(n, k) == pytest.approx(float(exact), rel=1e-10, abs=0)
    elif log < -710:
        with pytest.raises(ValueError, match="d_head: got .* log_expected_mismatches"):
            attention.expected_mismatches(n, k)


@pytest.mark.parametrize(("n", "k"), [(2, 1), (10**9, 1), (2, 4096), (10**9, 4096), (2, 2000)])
def test_expected_mismatches_at_the_corners(n, k):
    log = math.log(n) + math.log(n - 1) + exact_log_tail(k / 2, 0.5)
    assert attention.log_expected_mismatches(n, k) == pytest.approx(log, rel=1e-12, abs=0)


@pytest.mark.parametrize(("n", "k"), [(10**9, 2150), (10**9, 2060), (10**6, 2080), (2, 2030)])
def test_expected_mismatches_where_the_probability_of_a_pair_is_no_float(n, k):
    with mpmath.workdps(60):
        log = mpmath.log(n) + mpmath.log(n - 1) - mpmath.log(2)
        tail = mpmath.betainc(mpmath.mpf(k) / 2, "0.5", 0, "0.5", regularized=True)
        exact = float(mpmath.exp(log) * tail)
    assert attention.expected_mismatches(n, k) == pytest.approx(exact, rel=1e-10, abs=0)


@pytest.mark.parametrize("k", [2, 4, 6, 40])
def test_even_dimensions_have_a_sum_of_rationals(k):
    """½ (1 − 2^(−1/2) Σ_{j<k/2} C(2j, j)/8^j): another way to the law, without a Beta function."""
    total = sum(Fraction(math.comb(2 * j, j), 8**j) for j in range(k // 2))
    with mpmath.workdps(50):
        ratio = mpmath.mpf(total.numerator) / total.denominator / mpmath.sqrt(2)
        exact = float((1 - ratio) / 2)
    assert math.exp(attention.log_pair_tail(k)) == pytest.approx(exact, rel=1e-12, abs=0)


@settings(max_examples=40)
@given(st.integers(1, 300), st.floats(0.05, 3))
def test_level_law_is_a_mean_over_lengths(k, level):
    mean = integrate.quad(
        lambda t: stats.chi2.pdf(t, k) * stats.norm.sf(level * math.sqrt(t)),
        0,
        max(0.0, k - 2) + 1e-9,
        epsabs=0,
        limit=400,
    )[0]
    mean += integrate.quad(
        lambda t: stats.chi2.pdf(t, k) * stats.norm.sf(level * math.sqrt(t)),
        max(0.0, k - 2) + 1e-9,
        np.inf,
        epsabs=0,
        limit=400,
    )[0]
    assert math.exp(attention.log_pair_tail(k, level)) == pytest.approx(mean, rel=1e-4, abs=0)


@given(st.integers(2, 100), st.floats(0.05, 0.999))
def test_cap_law_of_unit_vectors(k, level):
    a, x = (k - 1) / 2, (1 - level) * (1 + level)
    log = attention.log_pair_tail(k, level, normalised=True)
    assert log == pytest.approx(exact_log_tail(a, x), rel=1e-9, abs=0)


def test_bounds_on_the_pair_probability():
    """(k/(k+1))^(3/2) ≤ p √(πk) 2^(k/2) ≤ 1, as the chapter proves."""
    for k in range(1, 4097, 7):
        ratio = attention.log_pair_tail(k) + 0.5 * math.log(math.pi * k) + k / 2 * math.log(2)
        assert 1.5 * math.log(k / (k + 1)) < ratio < 0


@given(st.integers(2, 10**6), st.floats(1e-6, 1e3))
def test_threshold_is_the_least_dimension(n, expected):
    k = attention.threshold_dimension(n, expected)
    assert attention.log_expected_mismatches(n, k) <= math.log(expected)
    assert k == 1 or attention.log_expected_mismatches(n, k - 1) > math.log(expected)


# Counting


def brute(queries, keys):
    n = len(queries)
    own = [float(queries[i] @ keys[i]) for i in range(n)]
    fails = [[queries[i] @ keys[j] >= own[i] for j in range(n) if j != i] for i in range(n)]
    return np.sum(fails, 1)


@given(st.integers(2, 30), st.integers(1, 6), st.integers(0, 2**32 - 1), st.booleans())
def test_counts_are_those_of_a_loop(n, k, seed, other):
    queries, keys = np.random.default_rng(seed).standard_normal((2, n, k))
    keys = keys if other else queries
    counts = attention.mismatches(queries, keys)
    np.testing.assert_array_equal(counts, brute(queries, keys))
    assert attention.count_mismatches(queries, keys) == counts.sum()


def test_blocks_make_no_difference():
    tokens = attention.project_tokens(5000, 8, 4, seed=0)
    whole = tokens @ tokens.T >= (tokens**2).sum(1)[:, None] * (1 - 1e-12)
    assert attention.count_mismatches(tokens) == whole.sum() - 5000


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_copies_fail_and_scale_does_not_matter(scale):
    tokens = attention.project_tokens(50, 64, 40, seed=1) * scale
    assert attention.count_mismatches(tokens) == 0
    assert attention.count_mismatches(np.r_[tokens, tokens]) == 100


@pytest.mark.parametrize("n", [2, 3, 1000, 50_257])
def test_circle_never_fails_in_float64(n):
    near = attention.circle(n)[:1000]  # the neighbours decide
    assert attention.count_mismatches(near) == 0


@pytest.mark.parametrize("geometry", ["gaussian", "unit", "normalised"])
def test_token_geometries(geometry):
    tokens = attention.project_tokens(4000, 32, 8, seed=2, geometry=geometry)
    squares = (tokens**2).sum(1)
    if geometry == "normalised":
        np.testing.assert_allclose(squares, 1)
        assert attention.count_mismatches(tokens) == 0
    else:
        law = stats.chi2(8) if geometry == "gaussian" else stats.beta(4, 12)
        assert stats.kstest(squares, law.cdf).pvalue > 1e-5
    np.testing.assert_array_equal(
        tokens, attention.project_tokens(4000, 32, 8, seed=2, geometry=geometry)
    )
    full = attention.project_tokens(10, 6, 6, seed=3, geometry="unit")
    np.testing.assert_allclose(np.linalg.norm(full, axis=1), 1)


def test_count_at_the_size_of_the_issue_stays_below_2_gib():
    """In a process of its own, since the largest memory of this one is not its."""
    code = (
        "import resource, time; from helpers import attention as a\n"
        "u = a.project_tokens(16384, 64, 64, seed=0); t = time.process_time()\n"
        "a.count_mismatches(u); print(time.process_time() - t)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, memory = map(float, run.stdout.split())
    assert seconds < 20  # processor time of two cores
    assert memory * (1 if sys.platform == "darwin" else 1024) < 2 * 2**30


# Clusters


def simulated(n, k, sets, seed):
    rng = np.random.default_rng(seed)
    counts = []
    for _ in range(sets):
        counts.append(attention.mismatches(rng.standard_normal((n, k))))
    return np.array(counts)


@pytest.mark.parametrize(("n", "k", "sets"), [(2, 2, 10_000), (3, 2, 10_000), (40, 8, 3000)])
def test_clusters_against_simulation(n, k, sets):
    law, counts = attention.failure_clusters(n, k), simulated(n, k, sets, seed=n)
    pairs, queries = counts.sum(1), (counts > 0).sum(1)
    error = np.sqrt(law.variance / sets)
    assert abs(pairs.mean() - attention.expected_mismatches(n, k)) < SIGMAS * error
    assert abs(queries.mean() - law.failing_queries) < SIGMAS * queries.std() / sets**0.5
    squares = (pairs - pairs.mean()) ** 2
    assert abs(squares.mean() - law.variance) < SIGMAS * squares.std() / sets**0.5


def test_no_failure_is_exact_for_two_tokens_up_to_the_approximation():
    p = math.exp(attention.log_pair_tail(20))
    assert attention.failure_clusters(2, 20).none == pytest.approx(1 - 2 * p, rel=p, abs=0)


def test_no_failure_against_simulation():
    none = (simulated(64, 16, 4000, seed=5).sum(1) == 0).mean()
    law = attention.failure_clusters(64, 16).none
    assert abs(none - law) < 0.02
    assert law > math.exp(-attention.expected_mismatches(64, 16)) + 0.03


@given(st.integers(2, 10**5), st.integers(2, 64))
@settings(max_examples=30)
def test_clusters_stay_in_range(n, k):
    law, expected = attention.failure_clusters(n, k), attention.expected_mismatches(n, k)
    assert 0 <= law.none <= 1 and law.variance > 0
    assert law.failing_queries <= min(n, expected) * (1 + 1e-9)
    assert law.none >= 1 - expected - expected**2 / 10


# Temperature


@settings(max_examples=30)
@given(st.integers(1, 60), st.floats(0.05, 40))
def test_attention_lost_is_a_mean_over_two_normals(k, beta):
    """Against a quadrature with the tilt of temperature one, x = r g, r² ~ χ²/2."""
    nodes, weight = np.polynomial.legendre.leggauss(400)
    r = (nodes + 1) / 2 * (np.sqrt(k) + 8)
    density = weight / 2 * (np.sqrt(k) + 8) * stats.chi.pdf(r * np.sqrt(2), k) * np.sqrt(2)
    half = 5 + np.sqrt(k / 2)  # a warm head weighs g near -√(2k)
    g = np.r_[-(nodes + 1) * half, (nodes + 1) * half]
    x = r[:, None] * g
    values = np.exp(-np.logaddexp(x, (1 - beta) * x)) * stats.norm.pdf(g)
    mean = density @ values @ np.r_[weight, weight] * half * 2.0 ** (-k / 2)
    law = attention.expected_attention_lost(beta, 2, k) / 2
    assert law == pytest.approx(mean, rel=1e-5, abs=0)


@pytest.mark.parametrize("k", [1, 5, 64, 1000])
def test_attention_lost_at_temperature_one_and_zero(k):
    at_one = attention.expected_attention_lost(1.0, 2, k) / 2
    assert at_one == pytest.approx(0.5 * 2.0 ** (-k / 2), rel=1e-9, abs=0)
    cold = attention.expected_attention_lost(1e8, 2, k)
    assert cold == pytest.approx(attention.expected_mismatches(2, k), rel=1e-7, abs=0)


def test_attention_lost_is_softmax():
    tokens = np.random.default_rng(1).standard_normal((30, 4))
    scores = torch.tensor(tokens @ tokens.T * 1.7)
    lost = 1 - torch.softmax(scores, 1).diagonal().numpy()
    np.testing.assert_allclose(attention.attention_lost(tokens, 1.7), lost, atol=1e-14)
    far = attention.attention_lost(np.eye(3) * 1e3, 1e3)
    assert (far == 0).all()
    small = attention.attention_lost(np.eye(3) * 10, 1.0)  # two keys, each e^-100 of the match
    np.testing.assert_allclose(small, 2 * np.exp(-100), rtol=1e-12)


@pytest.mark.parametrize("k", [2, 64, 1000])
@pytest.mark.parametrize("beta", [0.001, 0.3, 0.97])
def test_attention_lost_of_a_warm_head(k, beta):
    """Σ_m (−1)^(m−1) E[e^(mβx)] diverges, but its first term is a bound, and nearly all of it."""
    leak = (1 + 2 * beta - beta**2) ** (-k / 2)
    lost = attention.expected_attention_lost(beta, 2, k) / 2
    assert max(leak / (1 + leak) * 0.4, 0) < lost < min(leak, 0.5)


# Heads


def test_a_trained_head_matches_more_than_a_random_one():
    rng = np.random.default_rng(0)
    tokens = rng.standard_normal((2, 24, 12))
    a, b = (m.double().numpy() for m in attention.train_matching(tokens, 4, seed=0, steps=300))
    trained = [attention.count_mismatches(tokens[i] @ a[i], tokens[i] @ b[i]) for i in range(2)]
    assert max(trained) < attention.expected_mismatches(24, 4) / 4


def test_nearest_projection():
    rng = np.random.default_rng(1)
    basis = np.linalg.qr(rng.standard_normal((7, 3)))[0]
    found, gap = attention.nearest_projection(2.5 * basis @ basis.T, 3)
    assert gap == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(found @ found.T, basis @ basis.T, atol=1e-12)
    matrix = rng.standard_normal((7, 7))
    best = attention.nearest_projection(matrix, 3)[1]
    for _ in range(200):
        u = np.linalg.qr(rng.standard_normal((7, 3)))[0]
        p = u @ u.T
        scaled = max((matrix * p).sum(), 0) / 3 * p
        assert ((matrix - scaled) ** 2).sum() / (matrix**2).sum() >= best - 1e-12


# Bad input

NO_INTEGER = st.sampled_from([0, -1, 1.5, True, "3", None, math.nan, math.inf])
ONE_TOKEN = st.one_of(NO_INTEGER, st.just(1))
NO_BETA = st.sampled_from([-1.0, -1e-9, math.nan, math.inf, "1", None, True])
NO_VECTORS = st.sampled_from(
    [
        np.zeros((3, 2)),
        np.array([[1.0, 0.0], [0.0, 0.0]]),
        np.array([[1.0, np.nan], [0.0, 1.0]]),
        np.array([[1.0, np.inf], [0.0, 1.0]]),
        np.ones((1, 2)),
        np.ones(3),
        np.zeros((0, 2)),
        [[1.0], [1.0, 2.0]],
        np.array([["a", "b"], ["c", "d"]]),
        np.full((2, 2), 1e200),
        np.full((2, 2), 1e-200),
        torch.ones(2, 2, requires_grad=True),
        None,
    ]
)
SIZES = dict(n_tokens=3, d_model=4, d_head=2, seed=0)
LAW = dict(n_tokens=3, d_head=2)
BAD = [
    (attention.project_tokens, SIZES, "n_tokens", ONE_TOKEN),
    (attention.project_tokens, SIZES, "d_model", NO_INTEGER),
    (attention.project_tokens, SIZES, "d_head", st.one_of(NO_INTEGER, st.just(5))),
    (attention.project_tokens, SIZES, "seed", st.sampled_from([-1, 0.5, None])),
    (attention.project_tokens, SIZES, "geometry", st.sampled_from(["cube", None, 3])),
    (attention.circle, dict(n_tokens=3), "n_tokens", ONE_TOKEN),
    *(
        (function, dict(vectors=np.eye(3)), "vectors", NO_VECTORS)
        for function in (attention.mismatches, attention.count_mismatches)
    ),
    (
        attention.mismatches,
        dict(vectors=np.eye(2), keys=np.eye(2)),
        "keys",
        NO_VECTORS.filter(lambda keys: keys is not None),
    ),
    (
        attention.attention_lost,
        dict(vectors=np.eye(3), inverse_temperature=1.0),
        "vectors",
        NO_VECTORS,
    ),
    (
        attention.attention_lost,
        dict(vectors=np.eye(3), inverse_temperature=1.0),
        "inverse_temperature",
        NO_BETA,
    ),
    *(
        (function, LAW, argument, bad)
        for function in (
            attention.log_expected_mismatches,
            attention.expected_mismatches,
            attention.failure_clusters,
        )
        for argument, bad in (
            ("n_tokens", st.one_of(ONE_TOKEN, st.just(10**400))),
            ("d_head", st.one_of(NO_INTEGER, st.just(10**400))),
        )
    ),
    (attention.failure_clusters, LAW, "d_head", st.sampled_from([1, 1001])),
    (attention.log_pair_tail, dict(d_head=2, level=0.5), "level", st.sampled_from([0, -1, np.nan])),
    (attention.log_pair_tail, dict(d_head=2), "normalised", st.sampled_from(["no", 1, None])),
    (attention.log_pair_tail, dict(d_head=2, normalised=True), "d_head", st.just(1)),
    (attention.log_pair_tail, dict(d_head=2, normalised=True), "level", st.sampled_from([0, 1.1])),
    (attention.threshold_dimension, dict(n_tokens=3), "n_tokens", ONE_TOKEN),
    (attention.threshold_dimension, dict(n_tokens=3), "expected", st.sampled_from([0.0, -1, None])),
    (
        attention.expected_attention_lost,
        dict(inverse_temperature=1.0, n_tokens=2, d_head=2),
        "inverse_temperature",
        NO_BETA,
    ),
    (
        attention.expected_attention_lost,
        dict(inverse_temperature=1.0, n_tokens=2, d_head=2),
        "d_head",
        st.sampled_from([0, True, 1001]),
    ),
    (
        attention.train_matching,
        dict(tokens=np.ones((1, 3, 2)), d_head=1, seed=0, steps=1),
        "d_head",
        st.just(3),
    ),
    (
        attention.train_matching,
        dict(tokens=np.ones((1, 3, 2)), d_head=1, seed=0, steps=1),
        "tokens",
        st.one_of(
            NO_VECTORS,
            st.sampled_from([np.zeros((1, 3, 2)), np.ones((1, 1, 2)), np.full((1, 3, 2), 1e299)]),
        ),
    ),
    (attention.nearest_projection, dict(matrix=np.eye(3), d_head=1), "d_head", st.just(4)),
    (
        attention.nearest_projection,
        dict(matrix=np.eye(3), d_head=1),
        "matrix",
        st.sampled_from([np.ones((3, 2)), np.zeros((3, 3)), np.full((3, 3), 1e200), [[1], [1, 2]]]),
    ),
]


test_helper_refuses_bad_input_by_name = bad_input_test(BAD)
