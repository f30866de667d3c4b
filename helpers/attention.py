"""Attention in superposition: heads built from random feature and token vectors, and their laws.

A position of the residual stream is a vector x of d entries, the sum of its active features. A head
scores a key position against a query position by x_K · W x_Q, W of rank d_head. Arguments that
cannot be used raise a ValueError that names them.
"""

from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy import optimize, sparse, special, stats

from helpers import _require

# Skip feature-bigrams (theorems: book/attention/skip-bigrams)


def unit_vectors(n_vectors: int, dim: int, *, seed: int) -> Float[np.ndarray, "vector dim"]:
    """Independent vectors, uniform on the unit sphere, as rows.

    >>> np.linalg.norm(unit_vectors(2, 5, seed=0), axis=1).round(12).tolist()
    [1.0, 1.0]
    """
    shape = _require.integer("n_vectors", n_vectors, 1), _require.integer("dim", dim, 1)
    rows = np.random.default_rng(_require.integer("seed", seed, 0)).standard_normal(shape)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def random_projection(dim: int, d_head: int, *, seed: int) -> Float[np.ndarray, "head dim"]:
    """P with R = PᵀP = (d/d_head) Π, Π a uniformly random orthogonal projection of rank d_head.

    >>> P = random_projection(6, 3, seed=0)
    >>> np.trace(P @ P.T).round(12)  # that of R is d
    np.float64(6.0)
    """
    d, k = _sizes(dim, d_head)
    rng = np.random.default_rng(_require.integer("seed", seed, 0))
    return np.linalg.qr(rng.standard_normal((d, k)))[0].T * np.sqrt(d / k)


def random_bigrams(n_features: int, n_bigrams: int, *, seed: int) -> Int[np.ndarray, "bigram 2"]:
    """Different ordered pairs (key feature, query feature), uniform among all n_features² of them.

    Their order is random too, so the first ones are a random smaller set.

    >>> len(np.unique(random_bigrams(4, 16, seed=0), axis=0))
    16
    """
    m = _require.integer("n_features", n_features, 1)
    size = _require.integer("n_bigrams", n_bigrams, 1, m * m)
    rng = np.random.default_rng(_require.integer("seed", seed, 0))
    return np.stack(np.divmod(rng.choice(m * m, size, replace=False), m), 1)


def bigram_table(bigrams: np.ndarray, n_features: int) -> sparse.csr_array:
    """The 0/1 matrix A with A[i, j] = 1 for every bigram (key feature i, query feature j).

    Raises ValueError for a bigram that occurs twice or names a feature that is absent.

    >>> bigram_table(np.array([[0, 2]]), 3).toarray()[0].tolist()
    [0.0, 0.0, 1.0]
    """
    m = _require.integer("n_features", n_features, 1)
    pairs = _require.array("bigrams", bigrams, (None, 2))
    if pairs.dtype.kind not in "iu" or pairs.min() < 0 or pairs.max() >= m:
        what = f"features from 0 to {m - 1}, two integers a row"
        raise ValueError(
            f"bigrams: got {pairs.dtype}, {pairs.min()} to {pairs.max()}, expected {what}"
        )
    table = sparse.csr_array((np.ones(len(pairs)), tuple(pairs.T)), shape=(m, m))
    if table.nnz < len(pairs):
        raise ValueError("bigrams: got a bigram twice, expected different bigrams")
    return table


def qk_matrix(
    bigrams: np.ndarray, features: np.ndarray, projection: np.ndarray
) -> Float[np.ndarray, "key query"]:
    """W = Σ f_i ⊗ R f_j over the bigrams (i, j), R = PᵀP: a d × d matrix of rank at most d_head.

    A sparse product, FᵀAF·R: memory m·d and d², never bigrams × d × d.
    Raises ValueError for absent features, a projection wider than d or of another d, NaN.

    >>> F, P = np.eye(3), np.eye(3)
    >>> qk_matrix(np.array([[0, 2]]), F, P)[0].tolist()
    [0.0, 0.0, 1.0]
    """
    features = _require.array("features", features, (None, None))
    projection = _require.array("projection", projection, (None, features.shape[1]))
    _sizes(features.shape[1], len(projection))
    table = bigram_table(bigrams, len(features))
    return features.T @ (table @ (features @ projection.T)) @ projection


def signal_law(dim: int, d_head: int) -> Any:
    """The law of f·Rf for a unit vector f: d/d_head times Beta(d_head/2, (d − d_head)/2).

    Mean 1, variance 2(d − d_head)/(d_head (d + 2)); a frozen scipy law. d_head is below d.

    >>> round(float(signal_law(256, 32).std()), 4)
    0.2329
    """
    d, k = _sizes(dim, d_head, 1)
    return stats.beta(k / 2, (d - k) / 2, scale=d / k)


def noise_variance(
    dim: int, d_head: int, n_features: int, n_bigrams: int, keys: int = 1, queries: int = 1
) -> float:
    """Exact variance of the score where no bigram holds (theorem "Noise").

    `keys` features are active at one position, `queries` others at the other. Features are uniform
    unit vectors, the bigrams uniform among the pairs that are not both active. To first order
    keys · queries · n_bigrams · (1/(d d_head) + 1/(m d_head) + 1/(m d)).

    >>> round(noise_variance(256, 32, 512, 4000) ** 0.5, 4)
    0.8731
    """
    d, r = _sizes(dim, d_head)
    k, q = _require.integer("keys", keys, 1), _require.integer("queries", queries, 1)
    m = _require.integer("n_features", n_features, k + q)
    pairs = m * m - k * q
    size = _require.integer("n_bigrams", n_bigrams, 1, pairs)
    one, two = size / pairs, size * (size - 1) / (pairs * (pairs - 1))
    h2 = 1 + 2 * (d - r) / (r * (d + 2))  # E[(f·Rf)²]
    both = (d / r + 2 * h2) / (d * (d + 2))  # E[(f·g)² (f·Rg)²]
    squares = k * q * (m - q) * (1 + (k - 1) / d) / r + (m - k) * (m - q) * k * q / (d * r)
    squares += k * q * (m - k) / d * (h2 + (q - 1) / r) + k * q * (both - 1 / (d * r))

    def four(n: int) -> float:  # E|x|⁴ of a sum of n features
        return n**2 + 2 * n * (n - 1) / d

    def six(n: int) -> float:  # E|x|⁶
        return n**3 + 6 * n**2 * (n - 1) / d + 8 * n * (n - 1) * (n - 2) / d**2

    n, k4, q4 = m - k - q, four(k), four(q)
    total = q * six(k) / r + k * six(q) * h2 / d + k * q * four(n) / (d * r) + k4 * q4 * both
    total += n * q * k4 * (1 + 5 / d) / r + n * k * q4 * ((1 + 4 / d) * h2 + 1 / r) / d
    total += 2 * k4 * q4 * h2 / d
    return float((one - two) * squares + two * total - (one * k * q / d) ** 2)


def retrieval_error(dim: int, d_head: int, n_features: int, n_bigrams: float, n_keys: int) -> float:
    """Predicted P(a non-match outscores the match), n_keys keys of one feature each, one a match.

    The query's h = f·Rf has `signal_law`. Given h and its degree D ~ Poisson(n_bigrams/m) the score
    of a key is √d times a coordinate of a unit vector, with variance h D/d_head +
    h n_bigrams/(d d_head) + h² n_bigrams/(m d); the match adds h, to a non-match it is noise h²/d.
    By quadrature, one bigram less for the others (section "Capacity").

    >>> retrieval_error(64, 16, 256, 100.0, 1)
    0.0
    """
    d, r = _sizes(dim, d_head, 1)
    m, n = _require.integer("n_features", n_features, 2), _require.integer("n_keys", n_keys, 1)
    size = max(_require.real("n_bigrams", n_bigrams, 1, m * m) - 1, 1e-9)  # the others
    x, h_weight = special.roots_jacobi(24, (d - r) / 2 - 1, r / 2 - 1)
    g, g_weight = special.roots_hermitenorm(20)
    law = stats.poisson(size / m)
    degree = np.unique(np.linspace(law.ppf(1e-7), law.isf(1e-7), 16).round())
    edges = np.r_[-1, (degree[1:] + degree[:-1]) // 2, np.inf]
    d_weight = np.diff(law.cdf(edges))
    h = ((1 + x) / 2 * d / r)[:, None]
    shared = h * (degree / r + size / d / r) + h**2 * size / m / d
    match = h[:, :, None] + np.sqrt(shared)[:, :, None] * g
    t = match[..., None] / np.sqrt(shared + h**2 / d)[:, None, None, :]
    grid = np.linspace(-1, 1, 2001)[1:-1] * np.sqrt(d)  # √d times a coordinate of a unit vector
    upper = special.stdtr(d - 1, -grid * np.sqrt((d - 1) / (d - grid**2)))
    tail = np.exp(np.interp(t, grid, np.log(upper + 1e-300))) @ d_weight
    wrong = -np.expm1((n - 1) * np.log1p(-np.minimum(tail, 1 - 1e-15)))
    weights = h_weight[:, None, None] * d_weight[:, None] * g_weight
    return float((weights * wrong).sum() / weights.sum())


def bigram_capacity(dim: int, d_head: int, n_features: int, n_keys: int, error: float) -> float:
    """The number of bigrams at which `retrieval_error` reaches `error`.

    Raises ValueError for an error that is not reached between one bigram and all of them.

    >>> size = bigram_capacity(128, 32, 512, 64, 0.01)
    >>> round(retrieval_error(128, 32, 512, size, 64), 6)
    0.01
    """
    error = _require.real("error", error, 1e-12, 1)

    def gap(log_size: float) -> float:
        return retrieval_error(dim, d_head, n_features, np.exp(log_size), n_keys) - error

    low, high = 0.0, 2 * np.log(n_features) - 1e-12
    if not gap(low) < 0 < gap(high):
        what = f"one between {gap(low) + error:.3g} and {gap(high) + error:.3g}"
        raise ValueError(f"error: got {error}, expected {what}")
    return float(np.exp(optimize.brentq(gap, low, high, xtol=1e-6, rtol=1e-8)))


def match_errors(
    scores: np.ndarray, table: np.ndarray, n_keys: tuple[int, ...]
) -> Float[np.ndarray, " n"]:
    """For each n, P(a match is outscored by one of n − 1 different random non-matches).

    `scores` and the 0/1 `table` of bigrams have a row a key and a column a query; the mean over all
    matches. Exact for the scores given: by counting the non-matches below each match.

    >>> match_errors(np.array([[1.0], [2.0], [0.0]]), np.array([[1], [0], [0]]), (1, 2, 3)).tolist()
    [0.0, 0.5, 1.0]
    """
    scores = _require.array("scores", scores, (None, None))
    table = _require.binary("table", table, scores.shape)
    most = int((~table).sum(0).min()) + 1
    drawn = np.array([[_require.integer("n_keys", n, 1, most) - 1] for n in n_keys])
    errors = []
    for column, match in zip(scores.T, table.T, strict=True):
        others = np.sort(column[~match])
        below = np.searchsorted(others, column[match])
        fine = special.gammaln(below + 1) - special.gammaln(np.maximum(below - drawn, 0) + 1)
        ways = special.gammaln(len(others) + 1) - special.gammaln(len(others) - drawn + 1)
        errors.append(1 - np.where(below < drawn, 0, np.exp(fine - ways)))
    return np.concatenate(errors, axis=1).mean(axis=1)


def attend(scores: np.ndarray, temperature: float) -> Float[np.ndarray, "query key"]:
    """Softmax of scores/temperature over the last axis; at 0 its limit, equal shares of the largest.

    >>> attend(np.array([[100.0, 0.0, 100.0]]), 1.0).round(12).tolist()
    [[0.5, 0.0, 0.5]]
    """
    scores = _require.array("scores", scores, (None, None))
    temperature = _require.real("temperature", temperature, 0)
    lead = scores - scores.max(-1, keepdims=True)
    weights = np.exp(lead / temperature) if temperature else (lead == 0).astype(float)
    return weights / weights.sum(-1, keepdims=True)


def _sizes(dim: int, d_head: int, below: int = 0) -> tuple[int, int]:
    d = _require.integer("dim", dim, 1 + below)
    return d, _require.integer("d_head", d_head, 1, d - below)
