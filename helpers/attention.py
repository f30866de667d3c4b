"""Attention in superposition: heads for skip bigrams, matching tokens and many features.

Vectors of features and tokens, queries and keys, are rows; the score of query i and key j is q_i·k_j.
Theorems named here stand in the chapters of book/attention. Arguments that cannot be used raise a
ValueError that names them.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import linalg, optimize, sparse, special, stats
from torch import Tensor, nn

from helpers import _require

# Skip feature-bigrams


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
    return _subspace(rng, d, k).T * np.sqrt(d / k)


def _subspace(rng: np.random.Generator, d: int, k: int) -> Float[np.ndarray, "d k"]:
    """Orthonormal basis of a uniformly random k-dimensional subspace."""
    return np.linalg.qr(rng.standard_normal((d, k)))[0]


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

    Raises ValueError for a bigram that occurs twice or names an absent feature.

    >>> bigram_table(np.array([[0, 2]]), 3).toarray()[0].tolist()
    [0.0, 0.0, 1.0]
    """
    m = _require.integer("n_features", n_features, 1)
    pairs = _require.array("bigrams", bigrams, (None, 2))
    if pairs.dtype.kind not in "iu" or pairs.min() < 0 or pairs.max() >= m:
        got = f"{pairs.dtype}, {pairs.min()} to {pairs.max()}"
        raise ValueError(f"bigrams: got {got}, expected integers from 0 to {m - 1}")
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
    dim: int,
    d_head: int,
    n_features: int,
    n_bigrams: int,
    keys: int = 1,
    queries: int = 1,
    *,
    same: bool = False,
) -> float:
    """Exact variance of the score where no bigram holds (theorem "Noise").

    `keys` features are active at one position, `queries` others at the other, or the same ones
    (`same`, proposition "Shared features"). Features are uniform unit vectors, the bigrams uniform
    among the pairs that are not both active. To first order
    keys · queries · n_bigrams · (1/(d d_head) + 1/(m d_head) + 1/(m d)).

    >>> round(noise_variance(256, 32, 512, 4000) ** 0.5, 4)
    0.8731
    """
    d, r = _sizes(dim, d_head)
    k, q = _require.integer("keys", keys, 1), _require.integer("queries", queries, 1)
    if same and k != q:
        raise ValueError(f"queries: got {q}, expected {k} where the features are the same")
    m = _require.integer("n_features", n_features, k + 1 if same else k + q)
    pairs = m * m - k * q
    size = _require.integer("n_bigrams", n_bigrams, 1, pairs)
    one, two = size / pairs, size * (size - 1) / (pairs * (pairs - 1))
    h2 = 1 + 2 * (d - r) / (r * (d + 2))  # E[(f·Rf)²]
    both = (d / r + 2 * h2) / (d * (d + 2))  # E[(f·g)² (f·Rg)²]

    def four(n: int) -> float:  # E|x|⁴ of a sum of n features
        return n**2 + 2 * n * (n - 1) / d

    def six(n: int) -> float:  # E|x|⁶
        return n**3 + 6 * n**2 * (n - 1) / d + 8 * n * (n - 1) * (n - 2) / d**2

    if same:
        n, mean = m - k, k * (m - k) / d
        squares = n * four(k) * ((n - 1) / d / r + both)
        squares += n * k / r * (k + (5 * (k - 1) + four(k - 1)) / d)
        squares += n * k / d * ((k + 4 * (k - 1) / d) * h2 + (k - 1 + four(k - 1)) / r)
        total = n * six(k) * (1 / r + 3 * h2 / d) + four(n) * four(k) * both
    else:
        n, mean = m - k - q, k * q / d
        squares = ((m - k) * (m - q) - 1) / (d * r) + both + (m - q) / r * (1 + (k - 1) / d)
        squares = k * q * (squares + (m - k) / d * (h2 + (q - 1) / r))
        total = q * six(k) / r + k * six(q) * h2 / d + k * q * four(n) / (d * r)
        total += four(k) * four(q) * (both + 2 * h2 / d) + n * q * four(k) / r * (1 + 5 / d)
        total += n * k * four(q) / d * (h2 + 4 * h2 / d + 1 / r)
    return float((one - two) * squares + two * total - (one * mean) ** 2)


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
    h, h_weight = _beta_nodes(r / 2, (d - r) / 2, 24)
    g, g_weight = special.roots_hermitenorm(20)
    law = stats.poisson(size / m)
    degree = np.unique(np.linspace(law.ppf(1e-7), law.isf(1e-7), 16).round())
    edges = np.r_[-1, (degree[1:] + degree[:-1]) // 2, np.inf]
    d_weight = np.diff(law.cdf(edges))
    h = h[:, None] * d / r
    shared = h * (degree / r + size / d / r) + h**2 * size / m / d
    match = h[:, :, None] + np.sqrt(shared)[:, :, None] * g
    t = match[..., None] / np.sqrt(shared + h**2 / d)[:, None, None, :]
    grid = np.linspace(-1, 1, 2001)[1:-1] * min(np.sqrt(d), 38)  # beyond, the tail is no float
    upper = special.stdtr(d - 1, -grid * np.sqrt((d - 1) / (d - grid**2)))
    tail = np.exp(np.interp(t, grid, np.log(upper + 1e-300))) @ d_weight
    wrong = -np.expm1((n - 1) * np.log1p(-np.minimum(tail, 1 - 1e-15)))
    weights = h_weight[:, None, None] * d_weight[:, None] * g_weight
    return float((weights * wrong).sum() / weights.sum())


def _beta_nodes(a: float, b: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss nodes and weights of sum one for Beta(a, b), by Golub and Welsch: no overflow."""
    k, s = np.arange(1, n), a + b - 2
    twice = 2 * k + s
    mean = np.r_[(a - b) / (s + 2), (a - b) * s / (twice * (twice + 2))]
    ratio = np.r_[1.0, (k[1:] + s) / (twice[1:] - 1)]  # 1 at k = 1, also where s = −1
    side = 4 * k * (k + a - 1) * (k + b - 1) * ratio / (twice**2 * (twice + 1))
    x, vectors = linalg.eigh_tridiagonal(mean, np.sqrt(side))
    return (1 + x) / 2, vectors[0] ** 2


def bigram_capacity(dim: int, d_head: int, n_features: int, n_keys: int, error: float) -> float:
    """The number of bigrams at which `retrieval_error` reaches `error`.

    Raises ValueError for an error that is not reached between one bigram and all of them.

    >>> size = bigram_capacity(128, 32, 512, 64, 0.01)
    >>> round(retrieval_error(128, 32, 512, size, 64), 6)
    0.01
    """
    error = _require.real("error", error, 1e-12, 1)

    def reached(log_size: float) -> float:
        return retrieval_error(dim, d_head, n_features, np.exp(log_size), n_keys)

    ends = 0.0, 2 * np.log(n_features) - 1e-12
    low, high = map(reached, ends)
    if not low < error < high:
        raise ValueError(f"error: got {error}, expected one between {low:.3g} and {high:.3g}")
    return float(np.exp(optimize.brentq(lambda x: reached(x) - error, *ends, xtol=1e-6)))


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


def train_bigrams(
    features: np.ndarray,
    tables: np.ndarray,
    d_head: int,
    *,
    seed: int,
    n_heads: int = 1,
    steps: int = 200,
    device: str = "cpu",
) -> Float[np.ndarray, "set key query"]:
    """Scores of heads trained for sets of bigrams, given as 0/1 tables (set, key, query).

    A set has a matrix of rank d_head, or n_heads of rank d_head/n_heads whose scores combine by
    log-sum-exp. Adam, rate 0.05; the loss asks each bigram to outscore all non-matches of its query.
    On the `device` "cuda" other numbers are drawn, from the same law.

    >>> train_bigrams(np.eye(3), np.eye(3)[None], 2, seed=0, steps=1).shape
    (1, 3, 3)
    """
    where = _require.device("device", device)
    x = torch.from_numpy(_require.array("features", features, (None, None))).float().to(where)
    on = torch.from_numpy(_require.binary("tables", tables, (None, len(x), len(x)))).to(where)
    heads, steps = _require.integer("n_heads", n_heads, 1), _require.integer("steps", steps, 1)
    r = _require.integer("d_head", d_head, heads, x.shape[1])
    rng = torch.Generator(where).manual_seed(_require.integer("seed", seed, 0))
    shape = (len(on), heads, x.shape[1], r // heads)
    maps = [0.5 * torch.randn(shape, generator=rng, device=where) for _ in range(2)]
    maps = [part.requires_grad_() for part in maps]
    optimizer = torch.optim.Adam(maps, lr=0.05)
    for _ in range(steps):
        scores = torch.logsumexp((x @ maps[0]) @ (x @ maps[1]).mT, dim=1)
        rivals = torch.logsumexp(scores.masked_fill(on, -1e9), dim=1, keepdim=True)
        loss = nn.functional.softplus(rivals - scores)[on].sum() / len(x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return torch.logsumexp((x @ maps[0]) @ (x @ maps[1]).mT, dim=1).double().cpu().numpy()


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


# Matching tokens

MOST_TOKENS = 10**15
MOST_DIMENSIONS = 1000  # of the laws by quadrature


def project_tokens(
    n_tokens: int, d_model: int, d_head: int, *, seed: int, geometry: str = "gaussian"
) -> Float[np.ndarray, "token head"]:
    """Random tokens in d_model dimensions, projected to a random d_head of them.

    "gaussian": standard normal tokens; "unit": of length 1 before the projection; "normalised": of
    length 1 after it.

    >>> np.linalg.norm(project_tokens(3, 8, 2, seed=0, geometry="normalised"), axis=1).round(9)
    array([1., 1., 1.])
    """
    n, d = _require.integer("n_tokens", n_tokens, 2), _require.integer("d_model", d_model, 1)
    k = _require.integer("d_head", d_head, 1, d)
    _require.choice("geometry", geometry, ("gaussian", "unit", "normalised"))
    rng = np.random.default_rng(_require.integer("seed", seed, 0))
    basis = _subspace(rng, d, k)
    tokens = rng.standard_normal((n, d))
    if geometry == "unit":
        tokens /= np.linalg.norm(tokens, axis=1, keepdims=True)
    heads = tokens @ basis
    if geometry == "normalised":
        heads /= np.linalg.norm(heads, axis=1, keepdims=True)
    return heads


def circle(n_tokens: int) -> Float[np.ndarray, "token 2"]:
    """Token i at the angle 2πi/n of the unit circle.

    >>> circle(4).round(9).tolist()[1]
    [0.0, 1.0]
    """
    angles = 2 * np.pi * np.arange(_require.integer("n_tokens", n_tokens, 2)) / n_tokens
    return np.stack([np.cos(angles), np.sin(angles)], 1)


def mismatches(vectors: np.ndarray, keys: np.ndarray | None = None) -> Int[np.ndarray, " token"]:
    """For each query i the number of j ≠ i with q_i·k_j ≥ q_i·k_i; keys are the queries if not given.

    Ties count, and so does what float64 cannot tell from one. In blocks of 32 MiB.

    >>> mismatches(np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])).tolist()
    [1, 0, 0]
    """
    queries, others, own, blocks = _heads(vectors, keys)
    slack = np.linalg.norm(queries, axis=1) * np.linalg.norm(others, axis=1)
    least = own - 2 * queries.shape[1] * np.finfo(float).eps * slack
    counts = np.full(len(queries), -1)  # a token matches itself
    for rows in blocks:
        scores = queries[rows] @ others.T
        counts[rows] += np.count_nonzero(scores >= least[rows, None], axis=1)
    return counts


def count_mismatches(vectors: np.ndarray, keys: np.ndarray | None = None) -> int:
    """The number of failing ordered pairs: the sum of `mismatches`.

    >>> count_mismatches(circle(1000)), count_mismatches(np.ones((3, 2)))
    (0, 6)
    """
    return int(mismatches(vectors, keys).sum())


def attention_lost(vectors: np.ndarray, inverse_temperature: float) -> Float[np.ndarray, " token"]:
    """The attention of each query that goes to keys other than its own, Σ_{j≠i} softmax_j(β u_i·u_j).

    >>> attention_lost(np.eye(2), 0.0).tolist()
    [0.5, 0.5]
    """
    beta = _require.real("inverse_temperature", inverse_temperature, 0)
    queries, keys, own, blocks = _heads(vectors, None)
    lost = np.empty(len(queries))
    for rows in blocks:
        lead = queries[rows] @ keys.T
        top = lead.max(1, keepdims=True)
        with np.errstate(over="ignore"):  # to -inf, of which the weight is 0
            weights = np.exp(beta * (lead - top))
            match = np.exp(beta * (own[rows] - top[:, 0]))
        weights[np.arange(len(weights)), np.arange(rows.start, rows.stop)] = 0
        others = weights.sum(1)
        lost[rows] = others / (others + match)
    return lost


def _heads(vectors: np.ndarray, keys: np.ndarray | None) -> tuple[Any, ...]:
    """Queries, keys, the score of each query with its own key, and rows for blocks of 32 MiB."""
    queries = _tokens("vectors", vectors, (None, None))
    keys = queries if keys is None else _tokens("keys", keys, queries.shape)
    n = len(queries)
    step = max(1, 2**22 // n)
    blocks = [slice(i, min(i + step, n)) for i in range(0, n, step)]
    return queries, keys, np.einsum("ik,ik->i", queries, keys), blocks


def _tokens(
    name: str, value: np.ndarray, shape: tuple[int | None, ...], most: float = 1e150
) -> np.ndarray:
    """At least two rows, none of them zero or of a size whose square is not a float."""
    rows = _require.array(name, value, shape).astype(float)
    if rows.shape[-2] < 2:
        raise ValueError(f"{name}: got {rows.shape[-2]} token, expected at least 2")
    largest = np.abs(rows).max(-1)
    for size in (largest.min(), largest.max()):
        if not 1 / most <= size <= most:
            what = f"every largest entry between {1 / most:.0e} and {most:.0e}"
            raise ValueError(
                f"{name}: got a row with the largest entry {size:.3g}, expected {what}"
            )
    return rows


def train_matching(
    tokens: np.ndarray,
    d_head: int,
    *,
    seed: int,
    steps: int = 1500,
    batch: int = 128,
    device: str = "cpu",
) -> tuple[Float[Tensor, "head model d_head"], Float[Tensor, "head model d_head"]]:
    """Maps A and B of heads trained to attend from each token to itself, by scores (x_i A)·(x_j B).

    `tokens` has shape (head, token, model): every head has its own. Adam on the cross-entropy over all
    keys, `batch` queries a step, rate 0.05 falling to 0 along a cosine. On the `device` "cuda" other
    numbers are drawn, from the same law.

    >>> train_matching(np.eye(3)[None], 2, seed=0, steps=1)[0].shape
    torch.Size([1, 3, 2])
    """
    where = _require.device("device", device)
    x = torch.from_numpy(_tokens("tokens", tokens, (None, None, None), 1e6)).float().to(where)
    heads, n, d = x.shape
    k, steps = _require.integer("d_head", d_head, 1, d), _require.integer("steps", steps, 1)
    batch = min(_require.integer("batch", batch, 1), n)
    rng = torch.Generator(where).manual_seed(_require.integer("seed", seed, 0, 2**64 - 1))
    how = dict(generator=rng, device=where)
    maps = [torch.randn(heads, d, k, **how).requires_grad_() for _ in range(2)]
    optimizer = torch.optim.Adam(maps, lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        asked = torch.randperm(n, **how)[:batch]
        scores = (x[:, asked] @ maps[0]) @ (x @ maps[1]).mT
        loss = nn.functional.cross_entropy(scores.flatten(0, 1), asked.repeat(heads))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return maps[0].detach().cpu(), maps[1].detach().cpu()


def nearest_projection(
    matrix: np.ndarray, d_head: int
) -> tuple[Float[np.ndarray, "model d_head"], float]:
    """Basis U of the rank-k orthogonal projection P = UUᵀ whose multiple cP is nearest to W, and the
    squared distance over |W|²: 1 − t²/(k|W|²), t the sum of the k top eigenvalues of (W + Wᵀ)/2.

    >>> round(nearest_projection(np.diag([3.0, 1.0, 0.0]), 2)[1], 9)  # 2P is nearest
    0.2
    """
    w = _require.array("matrix", matrix, (None, None)).astype(float)
    _require.array("matrix", w, (len(w), len(w)))
    if not 1e-150 <= np.abs(w).max() <= 1e150:
        got = f"the largest entry {np.abs(w).max():.3g}"
        raise ValueError(f"matrix: got {got}, expected one between 1e-150 and 1e150")
    k = _require.integer("d_head", d_head, 1, len(w))
    values, basis = np.linalg.eigh((w + w.T) / 2)
    return basis[:, -k:], float(1 - max(values[-k:].sum(), 0) ** 2 / (k * (w**2).sum()))


def log_pair_tail(d_head: int, level: float = 1.0, *, normalised: bool = False) -> float:
    """log P(u·v ≥ level·|u|²) for standard normal u, v in d_head dimensions, or both of length 1.

    With c = level: ½ I_x(k/2, ½), x = 1/(1 + c²), or ½ I_x((k−1)/2, ½), x = 1 − c² (theorem "A level").
    I_x(a, ½) = Σ_j x^(a+j) √(1−x)/((a+j) B(a+j, ½)): all terms are positive, so nothing cancels.

    >>> round(float(np.exp(log_pair_tail(1))), 12), log_pair_tail(3, normalised=True)
    (0.25, -inf)
    """
    if not isinstance(normalised, bool):
        raise ValueError(f"normalised: got {normalised!r}, expected True or False")
    k = _require.integer("d_head", d_head, 2 if normalised else 1, 10**6)
    c = _require.real("level", level, 0.01, 1 if normalised else 1e6)
    a, x = ((k - 1) / 2, (1 - c) * (1 + c)) if normalised else (k / 2, 1 / (1 + c * c))
    if x == 0:
        return -np.inf
    j = np.arange(int(np.ceil(40 / -np.log(x))) + 2)
    series = 1 + np.cumprod(x * (a + j + 0.5) / (a + j + 1)).sum()
    first = a * np.log(x) + 0.5 * np.log1p(-x) - special.betaln(a, 0.5) - np.log(a)
    return float(first + np.log(series) - np.log(2))


def log_expected_mismatches(n_tokens: int, d_head: int) -> float:
    """Natural logarithm of `expected_mismatches`, for sizes where that is too small for a float.

    >>> round(log_expected_mismatches(2, 4096), 4)
    -1423.6038
    """
    n = _require.integer("n_tokens", n_tokens, 2, MOST_TOKENS)
    return float(np.log(n) + np.log(n - 1)) + log_pair_tail(d_head)


def expected_mismatches(n_tokens: int, d_head: int) -> float:
    """Expected ordered pairs of n random tokens that fail to match in d_head dimensions.

    n(n−1)·½ I_½(k/2, ½), for Gaussian tokens (theorem "The exact law"). ValueError where the value
    is below the least normal float: see `log_expected_mismatches`.

    >>> round(expected_mismatches(5, 1), 12)
    5.0
    """
    log = log_expected_mismatches(n_tokens, d_head)
    if log < np.log(np.finfo(float).tiny):
        what = f"got {d_head!r}, expected one small enough for a float: exp({log:.6g}) is not"
        raise ValueError(f"d_head: {what}; use log_expected_mismatches")
    root = float(np.exp(log_pair_tail(d_head) / 2))  # the probability itself may be no float
    return (n_tokens * root) * ((n_tokens - 1) * root)


def threshold_dimension(n_tokens: int, expected: float = 1.0) -> int:
    """The least d_head with at most that many expected failing pairs, by the exact law.

    >>> threshold_dimension(50257), threshold_dimension(50257, 0.01)
    (55, 68)
    """
    n = _require.integer("n_tokens", n_tokens, 2, MOST_TOKENS)
    goal = np.log(_require.real("expected", expected, 1e-300))
    k = 1
    while log_expected_mismatches(n, k) > goal:
        k += 1
    return k


class Clusters(NamedTuple):
    """Laws of the failures of n random tokens: variance of the number of failing pairs, expected
    failing queries, and the probability of no failure. The first two are exact. The last is an
    approximation for up to 30 failures; for more it knows of those with a query in common only."""

    variance: float
    failing_queries: float
    none: float


def failure_clusters(n_tokens: int, d_head: int) -> Clusters:
    """How failing pairs cluster, by quadrature over the length of one token (theorem "Clusters").

    A token of length r fails to match with probability Q(r), and is a wrong match with c(r).

    >>> round(failure_clusters(2, 2).variance, 9)  # one pair fails or the other, each with 0.146
    0.207106781
    """
    n = _require.integer("n_tokens", n_tokens, 2, MOST_TOKENS)
    k = _require.integer("d_head", d_head, 2, MOST_DIMENSIONS)
    r, weight = _nodes(0, np.sqrt(k) + 12, 300)
    weight = weight * stats.chi.pdf(r, k)
    share, along = _nodes(0, 1, 300)
    a = r[:, None] * share  # component of a query along a key of length r
    short = stats.norm.sf(r)  # Q
    rest = special.gammainc((k - 1) / 2, a * (r[:, None] - a) / 2)
    long = r * ((stats.norm.pdf(a) * rest) @ along)  # c
    p = float(np.exp(log_pair_tail(k)))
    excess = weight @ (short + long - 2 * p) ** 2
    variance = n * (n - 1) * (p * (1 - 2 * p) + (n - 2) * excess)
    token = (n - 1) * np.log1p(-short)
    failing = n * (weight @ -np.expm1(token))
    if (n - 1) * p < min(1, 30 / n):
        token += (n - 1) * (np.log1p(-long) - np.log1p(-p))
    none = np.exp(n * np.log1p(weight @ np.expm1(token)))
    return Clusters(float(variance), float(failing), float(none))


def expected_attention_lost(inverse_temperature: float, n_tokens: int, d_head: int) -> float:
    """n(n−1) E 1/(1 + exp(−βx)), x = u·v − |u|²: attention that n queries lose, pair by pair.

    By the integral of the theorem "Attention lost"; `expected_mismatches` in the limit β → ∞. An upper
    bound on the expected sum of `attention_lost`, and close to it where that is far below n.

    >>> round(expected_attention_lost(1e9, 5, 1), 6)
    5.0
    """
    beta = _require.real("inverse_temperature", inverse_temperature, 1e-6)
    n = _require.integer("n_tokens", n_tokens, 2, MOST_TOKENS)
    k = _require.integer("d_head", d_head, 1, MOST_DIMENSIONS)
    c = min(1.0, beta - min(beta / 2, 1 / k))  # near the saddle at 1, left of the pole at beta
    scale = min(np.sqrt(2 / k), beta - c)
    end = np.arcsinh(min(12 * beta, 2 * 10 ** (34 / k)) / scale)
    t, weight = _nodes(0, end, 1000)
    s = c + 1j * scale * np.sinh(t)
    kernel = np.pi / beta / np.sin(np.pi * s / beta) * (1 + 2 * s - s * s) ** (-k / 2)
    return float(n * (n - 1) * (weight * scale * np.cosh(t)) @ kernel.real / np.pi)


def _nodes(low: float, high: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights between low and high."""
    x, weight = _legendre(n)
    return (high - low) / 2 * x + (high + low) / 2, (high - low) / 2 * weight


_legendre = cache(special.roots_legendre)


# Many features at a position


def set_margins(vectors: np.ndarray, sets: np.ndarray) -> Float[np.ndarray, " set"]:
    """For each set of rows: least score of a member less the largest of any other vector.

    The query is the sum of the set's vectors, a key is one vector, the score their dot product.
    Positive: a cold head attends to the members only.

    >>> set_margins(np.eye(3), np.array([[0, 1]])).tolist()
    [1.0]
    """
    u = _directions(vectors)
    if len(u) < 2:
        raise ValueError("vectors: got 1 row, expected at least 2")
    s = _require.array("sets", sets, (None, None))
    row = np.sort(s, 1)
    bad = (row[:, 0] < 0) | (row[:, -1] >= len(u)) | (np.diff(row, axis=1) == 0).any(1)
    if s.dtype.kind not in "iu" or len(u) <= s.shape[1] or bad.any():
        got = f"{s.dtype} row {s[bad.argmax()].tolist()}"
        what = f"fewer than {len(u)} different integers from 0 to {len(u) - 1} a row"
        raise ValueError(f"sets: got {got}, expected {what}")
    scores = np.sum(u[s], 1) @ u.T
    present = np.take_along_axis(scores, s, 1).min(1)
    np.put_along_axis(scores, s, -np.inf, 1)
    return present - scores.max(1)


def rival_probability(n_present: int, dim: int) -> float:
    """P that an absent random unit vector outscores a given member of a set of r in k dimensions.

    P(θ_1 + … + θ_{r−1} ≥ sin(α/2)): θ one coordinate of a random unit vector, α the angle between
    two of them (theorem "One rival"). By Fourier series; absolute error below 1e-9 from k = 4 on.
    r may be at most 1000 and k at most 4096.

    >>> round(rival_probability(2, 2), 9)
    0.25
    """
    r = _require.integer("n_present", n_present, 1, 1000)
    k = _require.integer("dim", dim, 2, 4096)
    if r == 1:
        return 0.0
    x, weight = special.roots_legendre(300)
    half = (1 + x) * np.pi / 4  # α/2
    weight = weight * np.sin(2 * half) ** (k - 2)
    weight, sine = weight / weight.sum(), np.sin(half)
    if r == 2:
        return float(weight @ stats.beta.sf(sine**2, 0.5, (k - 1) / 2) / 2)
    t = (np.arange(4000 * r) + 0.5) * 2 * np.pi / r  # |Σθ| < r: a square wave of half-period r
    power = _coordinate_transform(t, k) ** (r - 1)
    t, power = (v[np.abs(power) > 1e-18] for v in (t, power))
    return float(0.5 - power / t @ (np.sin(np.outer(t, sine)) @ weight) * 2 / r)


def _coordinate_transform(t: np.ndarray, k: int) -> np.ndarray:
    """E[cos(tθ)], θ a coordinate of a random unit vector: 0F1(k/2, −t²/4), which overflows near 0."""
    j = np.arange(1, 80)
    near = 1 + np.cumprod(-(t[t * t < 20 * k, None] ** 2) / 4 / j / (k / 2 + j - 1), 1).sum(1)
    far = np.nan_to_num(special.hyp0f1(k / 2, -(t[t * t >= 20 * k] ** 2) / 4))  # nan: underflow
    return np.concatenate([near, far])


def tied_entropy(n_ties: int, spread: float, *, inverse_temperature: float = 1.0) -> float:
    """Expected entropy, in nats, of softmax over r ≤ 10⁶ scores N(0, spread²), exact for every r.

    E[H] = E[ln Z] − τ ∂E[ln Z]/∂τ, Z = Σ exp(τz), τ = β·spread ≤ 50 (theorem "Ties").

    >>> round(tied_entropy(4, 0.0), 9)
    1.386294361
    """
    r, beta = _require.integer("n_ties", n_ties, 2, 10**6), inverse_temperature
    tau = _require.real("spread", spread, 0) * _require.real("inverse_temperature", beta, 0)
    if tau > 50:
        raise ValueError(
            f"spread: got {spread} at inverse temperature {beta}, expected a product at most 50"
        )
    z = np.linspace(-9, 9, 301 + int(60 * tau))
    weight = stats.norm.pdf(z) / stats.norm.pdf(z).sum()
    # E[ln Z] = ∫ exp(−eᵛ) − E[exp(−eᵛZ)] dv
    v = np.linspace(-40 - 9 * tau - np.log(r), 4 + 9 * tau, 1001 + int(200 * tau))
    small = np.exp(np.minimum(v[:, None] + tau * z, 700))
    one = np.exp(-small)
    laplace, slope = one @ weight, -(one * small * z) @ weight
    mean_log = np.trapezoid(np.exp(-np.exp(v)) - laplace**r, v)
    return float(mean_log + tau * r * np.trapezoid(laplace ** (r - 1) * slope, v))


def cross_energy(vectors: np.ndarray, groups: np.ndarray) -> float:
    """Mean squared cosine between rows of different groups, times the dimension d.

    0 if the groups lie in orthogonal subspaces. Independent random directions: mean 1, variance
    2(d−1)/((d+2)N) over N pairs (theorem "Cross energy").

    >>> cross_energy(np.eye(4)[[0, 1, 2, 3]], [0, 0, 1, 1])
    0.0
    """
    u = _directions(vectors)
    label = _require.array("groups", groups, (len(u),))
    apart = label[:, None] != label
    if not apart.any():
        raise ValueError("groups: got one group, expected at least 2")
    u = u / np.abs(u).max(1, keepdims=True)  # squares of tiny or huge entries are no floats
    u = u / np.linalg.norm(u, axis=1, keepdims=True)
    return float(u.shape[1] * np.mean(((u @ u.T) ** 2)[apart]))


def _directions(vectors: np.ndarray) -> np.ndarray:
    u = _require.array("vectors", vectors, (None, None)).astype(float)
    if not u.any(1).all():
        raise ValueError("vectors: got a row of zeros, expected none")
    return u


class TrainedGroups(NamedTuple):
    """Embeddings (seed, feature, coordinate), and both losses of each seed on the last batches."""

    vectors: Float[np.ndarray, "seed feature coordinate"]
    reconstruction: Float[np.ndarray, " seed"]
    attention: Float[np.ndarray, " seed"]


def train_groups(
    n_groups: int,
    group_size: int,
    dim: int,
    *,
    seed: int,
    n_seeds: int,
    rate: float = 0.5,
    exclusive: bool = True,
    head: float = 0.0,
    relu: bool = True,
    n_steps: int = 2000,
    device: str = "cpu",
) -> TrainedGroups:
    """Features in groups embedded in `dim` dimensions, by E|x − ReLU(xWWᵀ + b)|² + head·(matching).

    A group has a feature on with probability `rate`: exactly one if `exclusive`, else each
    independently with probability rate/size. Matching: for each group a bilinear form of rank
    2 must pick, among keys that show each feature of the group once, the one of the query. On the
    `device` "cuda" other numbers are drawn, from the same law.

    >>> train_groups(2, 3, 4, seed=0, n_seeds=2, n_steps=1).vectors.shape
    (2, 6, 4)
    """
    g, s = _require.integer("n_groups", n_groups, 2), _require.integer("group_size", group_size, 2)
    d, n, batch = _require.integer("dim", dim, 1), _require.integer("n_seeds", n_seeds, 1), 256
    rate, weight = _require.real("rate", rate, 0, 1), _require.real("head", head, 0)
    steps = _require.integer("n_steps", n_steps, 1)
    for name, value in (("exclusive", exclusive), ("relu", relu)):
        if not isinstance(value, bool | np.bool_):
            raise ValueError(f"{name}: got {value!r}, expected True or False")
    where = _require.device("device", device)
    rng = torch.Generator(where).manual_seed(_require.integer("seed", seed, 0, 2**63 - 1))
    how, one_hot = dict(generator=rng, device=where), torch.eye(s, device=where)

    def inputs(*shape: int) -> torch.Tensor:
        if not exclusive:
            return (torch.rand(*shape, g, s, **how) < rate / s).float()
        on = (torch.rand(*shape, g, 1, **how) < rate).float()
        return on * one_hot[torch.randint(s, (*shape, g), **how)]

    w = (torch.randn(n, g * s, d, **how) / d**0.5).requires_grad_()
    forms = (torch.randn(2, n, g, d, 2, **how) / d**0.5).requires_grad_()
    b = torch.zeros(n, 1, g * s, device=where, requires_grad=True)
    optimizer = torch.optim.Adam([w, b, forms], lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        x, matching = inputs(n, batch).flatten(2), torch.zeros(n, device=where)
        y = x @ w @ w.mT + b
        reconstruction = (((y.relu() if relu else y) - x) ** 2).sum(2).mean(1)
        if weight:
            k, member = step % g, torch.randint(s, (n, batch // 4), **how)
            query, keys = inputs(n, batch // 4), inputs(n, batch // 4, s)
            query[:, :, k], keys[:, :, :, k] = one_hot[member], one_hot
            left = query.flatten(2) @ w @ forms[0, :, k]
            right = keys.flatten(3) @ (w @ forms[1, :, k])[:, None]
            score = (right @ left[..., None]).squeeze(3).mT
            matching = nn.functional.cross_entropy(score, member, reduction="none").mean(1)
        optimizer.zero_grad()
        (reconstruction + weight * matching).sum().backward()
        optimizer.step()
        schedule.step()
    found = (w, reconstruction, matching)
    return TrainedGroups(*(v.detach().double().cpu().numpy() for v in found))
