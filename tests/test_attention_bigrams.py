"""Heads for skip feature-bigrams: laws against simulation and brute force, bad input by name."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusing import bad_input_test
from scipy import stats

from helpers import attention


def head(d, r, m, size, seed):
    seeds = np.random.SeedSequence(seed).generate_state(3)
    features = attention.unit_vectors(m, d, seed=int(seeds[0]))
    projection = attention.random_projection(d, r, seed=int(seeds[1]))
    return features, projection, attention.random_bigrams(m, size, seed=int(seeds[2]))


# The head


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 50))
def test_the_projection_is_orthogonal_and_of_trace_d(d, r, seed):
    r = min(r, d)
    p = attention.random_projection(d, r, seed=seed)
    np.testing.assert_allclose(p @ p.T, np.eye(r) * d / r, atol=1e-12)


def test_the_matrix_is_the_sum_of_its_bigrams_and_of_rank_d_head():
    features, p, bigrams = head(20, 6, 30, 200, 0)
    r = p.T @ p
    naive = sum(np.outer(features[i], r @ features[j]) for i, j in bigrams)
    w = attention.qk_matrix(bigrams, features, p)
    np.testing.assert_allclose(w, naive, atol=1e-12)
    assert np.linalg.matrix_rank(w) == 6
    table = attention.bigram_table(bigrams, 30)
    assert {tuple(pair) for pair in bigrams} == set(zip(*table.nonzero(), strict=True))


def test_bigrams_are_different_and_uniform():
    every = attention.random_bigrams(5, 25, seed=0)
    assert {tuple(pair) for pair in every} == set(itertools.product(range(5), repeat=2))
    first = [tuple(attention.random_bigrams(3, 2, seed=seed)[0]) for seed in range(900)]
    counts = [first.count(pair) for pair in itertools.product(range(3), repeat=2)]
    assert stats.chisquare(counts).pvalue > 1e-5


def test_a_large_head_needs_little_memory():
    features, p, bigrams = head(256, 32, 1024, 200_000, 0)  # bigrams × d × d would be 100 GiB
    assert attention.qk_matrix(bigrams, features, p).shape == (256, 256)


# Laws


@pytest.mark.parametrize(("d", "r"), [(3, 1), (16, 4), (40, 39)])
def test_signal_law(d, r):
    p = attention.random_projection(d, r, seed=1)
    h = np.sum((attention.unit_vectors(4000, d, seed=2) @ p.T) ** 2, 1)
    law = attention.signal_law(d, r)
    assert stats.kstest(h, law.cdf).pvalue > 1e-5
    assert law.mean() == pytest.approx(1)
    assert law.var() == pytest.approx(2 * (1 - r / d) / r * d / (d + 2))


def tiny_heads(pairs, d, r, m, size, *, seed, draws):
    """Features, a projection and a table of `size` of these pairs, drawn anew each time."""
    pairs, rng = np.array(pairs), np.random.default_rng(seed)
    for draw in range(draws):
        features = attention.unit_vectors(m, d, seed=draw)
        p, table = attention.random_projection(d, r, seed=draw + 10**6), np.zeros((m, m))
        table[tuple(pairs[rng.choice(len(pairs), size, replace=False)].T)] = 1
        yield features, p, table


@pytest.mark.parametrize(
    ("d", "r", "m", "size", "k", "q"),
    [(8, 2, 12, 60, 2, 3), (12, 12, 16, 40, 1, 1), (16, 4, 24, 100, 5, 3), (6, 3, 9, 70, 3, 2)],
)
def test_noise_variance_where_every_term_counts(d, r, m, size, k, q):
    """Tiny heads, so that no term of the theorem is negligible; K and Q are the first features."""
    pairs = [(i, j) for i in range(m) for j in range(m) if not (i < k and k <= j < k + q)]
    scores = []
    for features, p, table in tiny_heads(pairs, d, r, m, size, seed=0, draws=6_000):
        right = features @ p.T @ (p @ features[k : k + q].sum(0))
        scores.append(features @ features[:k].sum(0) @ table @ right)
    squares = (np.array(scores) - size / len(pairs) * k * q / d) ** 2
    z = squares.mean() - attention.noise_variance(d, r, m, size, k, q)
    assert abs(z) < 4.5 * squares.std() / len(squares) ** 0.5


@pytest.mark.parametrize(("d", "r", "m", "size", "k"), [(8, 2, 10, 50, 3), (6, 6, 8, 30, 1)])
def test_noise_variance_where_the_features_are_the_same(d, r, m, size, k):
    pairs = [(i, j) for i in range(m) for j in range(m) if not (i < k and j < k)]
    scores = []
    for features, p, table in tiny_heads(pairs, d, r, m, size, seed=1, draws=4_000):
        x = features[:k].sum(0)
        scores.append(features @ x @ table @ (features @ p.T @ (p @ x)))
    mean = size / len(pairs) * k * (m - k) / d
    squares = (np.array(scores) - mean) ** 2
    z = squares.mean() - attention.noise_variance(d, r, m, size, k, k, same=True)
    assert abs(np.mean(scores) - mean) < 4.5 * np.std(scores) / len(scores) ** 0.5
    assert abs(z) < 4.5 * squares.std() / len(squares) ** 0.5


def test_different_features_are_not_the_same():
    with pytest.raises(ValueError, match="queries: got 2, expected 1"):
        attention.noise_variance(8, 2, 10, 5, 1, 2, same=True)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 400))
def test_noise_variance_to_first_order_for_many_features(k, q, size):
    d, r, m = 4096, 1024, 10**5
    first = k * q * size * (1 / (d * r) + 1 / (m * r) + 1 / (m * d))
    assert attention.noise_variance(d, r, m, size, k, q) == pytest.approx(first, rel=2e-3)


def test_the_quoted_reference_number():
    assert attention.noise_variance(256, 32, 512, 4000) ** 0.5 == pytest.approx(0.874, abs=1.5e-3)


# Errors


def test_match_errors_by_enumeration():
    rng = np.random.default_rng(3)
    scores, table = rng.standard_normal((7, 3)), np.zeros((7, 3), int)
    table[[0, 4, 2, 5], [0, 0, 1, 2]] = 1
    for n in (1, 2, 4):
        wrong = []
        for b in range(3):
            others = scores[table[:, b] == 0, b]
            for a in np.flatnonzero(table[:, b]):
                sets = itertools.combinations(others, n - 1)
                wrong.append(np.mean([max(s, default=-np.inf) > scores[a, b] for s in sets]))
        assert attention.match_errors(scores, table, (n,))[0] == pytest.approx(np.mean(wrong))


def test_retrieval_error_predicts_a_head():
    d, r, m, size, keys = 128, 32, 512, 240, (2, 16, 64)
    found = []
    for seed in range(24):
        features, p, bigrams = head(d, r, m, size, seed)
        scores = features @ attention.qk_matrix(bigrams, features, p) @ features.T
        found.append(
            attention.match_errors(scores, attention.bigram_table(bigrams, m).toarray(), keys)
        )
    mean, error = np.mean(found, 0), np.std(found, 0, ddof=1) / 24**0.5
    law = np.array([attention.retrieval_error(d, r, m, size, n) for n in keys])
    # the law leaves out terms of order q²/d; q² is about 15 here
    assert (np.abs(mean - law) < 4.5 * error + 15 / d * law).all()


@pytest.mark.parametrize(
    ("d", "r", "error"),
    [(4, 2, 0.5), (64, 16, 0.1), (4096, 1024, 0.05), (16384, 16, 0.1), (16384, 4096, 0.05)],
)
def test_retrieval_error_is_the_mean_of_its_law_at_any_width(d, r, error):
    """Against draws of the law: h, degrees and coordinates of unit vectors, no quadrature."""
    rng, m, n, draws = np.random.default_rng(d + r), 4 * d, 16, 20_000
    size = attention.bigram_capacity(d, r, m, n, error)
    h = attention.signal_law(d, r).rvs((draws, 1), random_state=rng)
    degree = rng.poisson((size - 1) / m, (draws, n))
    variance = h * (degree / r + (size - 1) / d / r) + h**2 * (size - 1) / m / d
    variance[:, 1:] += h**2 / d
    g = rng.standard_normal((draws, n))
    g /= np.sqrt((g**2 + rng.chisquare(d - 1, (draws, n))) / d)
    g[:, 0] = rng.standard_normal(draws)  # the match's own noise is Gaussian in the law
    scores = np.sqrt(variance) * g
    wrong = np.mean(scores[:, 1:].max(1) > scores[:, 0] + h[:, 0])
    assert abs(wrong - error) < 4.5 * np.sqrt(error * (1 - error) / draws)


def test_the_nodes_are_those_of_the_beta_law():
    for a, b in ((0.5, 0.5), (1.0, 1.0), (0.5, 1.0), (8.0, 24.0), (2048.0, 6144.0)):
        x, weight = attention._beta_nodes(a, b, 24)
        moments = [(weight * x**k).sum() for k in range(4)]
        np.testing.assert_allclose(moments, [stats.beta(a, b).moment(k) for k in range(4)])


def test_retrieval_error_grows_with_bigrams_and_keys_and_falls_with_width():
    error = attention.retrieval_error
    assert (
        error(128, 32, 512, 100, 64) < error(128, 32, 512, 200, 64) < error(128, 32, 512, 200, 256)
    )
    assert error(128, 64, 512, 200, 64) < error(128, 32, 512, 200, 64)
    assert error(128, 32, 512, 200, 1) == 0


@pytest.mark.parametrize("error", [0.3, 0.01, 1e-4])
def test_capacity_inverts_the_error(error):
    size = attention.bigram_capacity(256, 64, 1024, 32, error)
    assert attention.retrieval_error(256, 64, 1024, size, 32) == pytest.approx(error, rel=1e-3)


# Training


def test_training_finds_bigrams_that_a_random_head_does_not_hold():
    features, _, bigrams = head(16, 4, 32, 12, 0)
    table = attention.bigram_table(bigrams, 32).toarray()
    errors = []
    for n_heads, steps in ((1, 1), (1, 200), (2, 200)):
        scores = attention.train_bigrams(
            features, table[None], 4, seed=0, n_heads=n_heads, steps=steps
        )
        errors.append(attention.match_errors(scores[0], table, (16,))[0])
    assert errors[0] > 0.5 > 0.01 > max(errors[1:])


def test_a_trained_head_has_the_rank_asked_for_and_its_seed():
    features, tables = np.eye(6), np.eye(6)[None]
    one, two = (attention.train_bigrams(features, tables, 2, seed=s, steps=5)[0] for s in (0, 1))
    assert np.linalg.matrix_rank(one, tol=1e-4) == 2
    assert not np.allclose(one, two)
    again = attention.train_bigrams(features, tables, 2, seed=0, steps=5)[0]
    np.testing.assert_array_equal(one, again)


# Attention


@given(st.integers(1, 20))
def test_attend_shares_equally_among_matches(r):
    scores = np.where(np.arange(25) < r, 100.0, 0.0)[None]
    for temperature in (0.0, 1.0):
        np.testing.assert_allclose(attention.attend(scores, temperature)[0, :r], 1 / r, rtol=1e-12)


def test_attend_is_softmax_and_does_not_overflow():
    scores = np.array([[1e6, 1e6 - 1.0, 0.0]])
    weights = np.exp([0.0, -2.0])
    np.testing.assert_allclose(attention.attend(scores, 0.5)[0, :2], weights / weights.sum())


# Bad input

FEATURES, P = np.eye(3), np.eye(3)
HEAD = {"dim": 16, "d_head": 4, "n_features": 32, "n_bigrams": 20}
COUNTS = st.sampled_from([0, -1, 1.5, "2", None, True])
MATRICES = st.sampled_from(
    [np.full((3, 3), np.nan), np.zeros(3), np.zeros((0, 3)), [["a"] * 3] * 3]
)
ABSENT = st.sampled_from(
    [[[0, 3]], [[-1, 0]], [[0.0, 1.0]], [[0, 1], [0, 1]], [0, 1], [[np.nan, 1]]]
)
QK = {"bigrams": [[0, 2]], "features": FEATURES, "projection": P}
SCORES = {"scores": np.eye(3), "temperature": 1.0}
TRAIN = {"features": FEATURES, "tables": np.eye(3)[None], "d_head": 2, "seed": 0, "steps": 1}

test_bad_input = bad_input_test(
    [
        (attention.unit_vectors, {"n_vectors": 2, "dim": 3, "seed": 0}, "n_vectors", COUNTS),
        (attention.unit_vectors, {"n_vectors": 2, "dim": 3, "seed": 0}, "dim", COUNTS),
        (
            attention.random_projection,
            {"dim": 3, "d_head": 2, "seed": 0},
            "d_head",
            st.sampled_from([0, 4, 2.0]),
        ),
        (
            attention.random_projection,
            {"dim": 3, "d_head": 2, "seed": 0},
            "seed",
            st.sampled_from([-1, None]),
        ),
        (
            attention.random_bigrams,
            {"n_features": 3, "n_bigrams": 2, "seed": 0},
            "n_bigrams",
            st.sampled_from([0, 10]),
        ),
        (attention.bigram_table, {"bigrams": [[0, 2]], "n_features": 3}, "bigrams", ABSENT),
        (attention.qk_matrix, QK, "bigrams", ABSENT),
        (attention.qk_matrix, QK, "features", MATRICES),
        (attention.qk_matrix, QK, "projection", st.one_of(MATRICES, st.just(np.eye(2)))),
        (attention.signal_law, {"dim": 4, "d_head": 2}, "d_head", st.sampled_from([0, 4, 5, None])),
        (attention.noise_variance, HEAD, "d_head", st.sampled_from([17, 0])),
        (attention.noise_variance, HEAD, "n_bigrams", st.sampled_from([0, 1024, 2.0])),
        (attention.noise_variance, HEAD | {"keys": 1}, "keys", COUNTS),
        (attention.noise_variance, HEAD | {"queries": 1}, "queries", COUNTS),
        (attention.retrieval_error, HEAD | {"n_keys": 4}, "d_head", st.sampled_from([16, 17, 0])),
        (attention.retrieval_error, HEAD | {"n_keys": 4}, "n_keys", COUNTS),
        (
            attention.retrieval_error,
            HEAD | {"n_keys": 4},
            "n_bigrams",
            st.sampled_from([np.nan, 0, 1e9]),
        ),
        (attention.train_bigrams, TRAIN, "features", MATRICES),
        (
            attention.train_bigrams,
            TRAIN,
            "tables",
            st.sampled_from([np.eye(3), np.ones((1, 2, 2)), np.full((1, 3, 3), 2)]),
        ),
        (attention.train_bigrams, TRAIN, "d_head", st.sampled_from([0, 4, 1.5])),
        (attention.train_bigrams, TRAIN, "steps", COUNTS),
        (attention.train_bigrams, TRAIN | {"n_heads": 1}, "n_heads", COUNTS),
        (attention.attend, SCORES, "temperature", st.sampled_from([-1.0, np.nan, np.inf, None])),
        (attention.attend, SCORES, "scores", MATRICES),
    ]
)


def test_a_projection_wider_than_the_stream_is_refused(unchecked):
    with pytest.raises(
        ValueError, match=r"d_head: got 4, expected an integer at least 1 and at most 3"
    ):
        attention.qk_matrix(np.array([[0, 2]]), FEATURES, np.ones((4, 3)))


@pytest.mark.parametrize("error", [0.9999999, 2.0, np.nan])
def test_an_error_out_of_reach_is_refused(error):
    with pytest.raises(ValueError, match="error: got"):
        attention.bigram_capacity(64, 16, 256, 4, error)
