"""Attention in superposition: heads that match what lies in a common space, and when they fail.

Queries and keys are rows; the score of query i and key j is q_i·k_j. Theorems named here stand in
the chapters of book/attention. Arguments that cannot be used raise a ValueError that names them.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import special, stats
from torch import Tensor, nn

from helpers import _require

# Matching tokens


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
    basis = np.linalg.qr(rng.standard_normal((d, k)))[0]
    tokens = rng.standard_normal((n, d))
    if geometry == "unit":
        tokens /= np.linalg.norm(tokens, axis=1, keepdims=True)
    heads = tokens @ basis
    return (
        heads / np.linalg.norm(heads, axis=1, keepdims=True) if geometry == "normalised" else heads
    )


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
        first, last = (rows.start, rows.stop) if keys is None else (0, len(others))
        scores = queries[rows] @ others[first:].T
        counts[rows] += np.count_nonzero(scores >= least[rows, None], axis=1)
        if last < len(others):  # scores are symmetric
            below = scores[:, last - first :] >= least[last:]
            counts[last:] += np.count_nonzero(below, axis=0)
    return counts


def count_mismatches(vectors: np.ndarray, keys: np.ndarray | None = None) -> int:
    """The number of failing ordered pairs: the sum of `mismatches`.

    >>> count_mismatches(circle(1000)), count_mismatches(np.ones((3, 2)))
    (0, 6)
    """
    return int(mismatches(vectors, keys).sum())


def attention_lost(
    vectors: np.ndarray, inverse_temperature: float, keys: np.ndarray | None = None
) -> Float[np.ndarray, " token"]:
    """The attention of each query that goes to keys other than its own, Σ_{j≠i} softmax_j(β q_i·k_j).

    >>> attention_lost(np.eye(2), 0.0).tolist()
    [0.5, 0.5]
    """
    beta = _require.real("inverse_temperature", inverse_temperature, 0)
    queries, others, own, blocks = _heads(vectors, keys)
    lost = np.empty(len(queries))
    for rows in blocks:
        scores = queries[rows] @ others.T
        top = scores.max(1)
        total = np.exp(beta * (scores - top[:, None])).sum(1)
        lost[rows] = 1 - np.exp(beta * (own[rows] - top)) / total
    return lost


def _heads(vectors: np.ndarray, keys: np.ndarray | None) -> tuple[Any, ...]:
    """Queries, keys, the score of each query with its own key, and rows for blocks of 32 MiB."""
    queries = _require.array("vectors", vectors, (None, None)).astype(float)
    keys = queries if keys is None else _require.array("keys", keys, queries.shape).astype(float)
    if len(queries) < 2:
        raise ValueError(f"vectors: got {len(queries)} token, expected at least 2")
    for name, rows in (("vectors", queries), ("keys", keys)):
        if not rows.any(1).all():
            raise ValueError(f"{name}: got a row of zeros, expected every row to have a length")
    n = len(queries)
    step = max(1, 2**22 // n)
    blocks = [slice(i, min(i + step, n)) for i in range(0, n, step)]
    return queries, keys, np.einsum("ik,ik->i", queries, keys), blocks


def train_matching(
    tokens: np.ndarray, d_head: int, *, seed: int, steps: int = 1500, batch: int = 128
) -> tuple[Float[Tensor, "head model d_head"], Float[Tensor, "head model d_head"]]:
    """Maps A and B of heads trained to attend from each token to itself, by scores (x_i A)·(x_j B).

    `tokens` has shape (head, token, model): every head has its own. Adam on the cross-entropy over all
    keys, `batch` queries a step, rate 0.05 falling to 0 along a cosine.

    >>> train_matching(np.eye(3)[None], 2, seed=0, steps=1)[0].shape
    torch.Size([1, 3, 2])
    """
    x = torch.from_numpy(_require.array("tokens", tokens, (None, None, None))).float()
    heads, n, d = x.shape
    k, steps = _require.integer("d_head", d_head, 1, d), _require.integer("steps", steps, 1)
    batch = min(_require.integer("batch", batch, 1), n)
    rng = torch.Generator().manual_seed(_require.integer("seed", seed, 0))
    maps = [torch.randn(heads, d, k, generator=rng).requires_grad_() for _ in range(2)]
    optimizer = torch.optim.Adam(maps, lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        asked = torch.randperm(n, generator=rng)[:batch]
        scores = (x[:, asked] @ maps[0]) @ (x @ maps[1]).mT
        loss = nn.functional.cross_entropy(scores.flatten(0, 1), asked.repeat(heads))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return maps[0].detach(), maps[1].detach()


def nearest_projection(
    matrix: np.ndarray, d_head: int
) -> tuple[Float[np.ndarray, "model d_head"], float]:
    """Basis U of the rank-k orthogonal projection P = UUᵀ whose multiple cP is nearest to W, and the
    squared distance over |W|²: 1 − t²/(k|W|²), t the sum of the k top eigenvalues of (W + Wᵀ)/2.

    >>> round(nearest_projection(np.diag([3.0, 1.0, 0.0]), 2)[1], 9)  # 2P is nearest
    0.2
    """
    w = _require.array("matrix", matrix, (None, len(np.atleast_1d(matrix))))
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
    k = _require.integer("d_head", d_head, 2 if normalised else 1)
    c = _require.real("level", level, 1e-3, 1 if normalised else 1e6)
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
    n = _require.integer("n_tokens", n_tokens, 2)
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
    return n_tokens * (n_tokens - 1) * float(np.exp(log_pair_tail(d_head)))


def unit_pair_tail(d_model: int, d_head: int) -> float:
    """P(fail) of one ordered pair of tokens of length 1 in d_model dimensions, projected to d_head.

    ½ P(θ² ≥ R²), R² ~ Beta(k/2, (d−k)/2), θ² ~ Beta(½, (d−1)/2) independent (theorem "Unit length").

    >>> round(unit_pair_tail(3, 2), 9), unit_pair_tail(3, 3)  # (1 − π/4)/2
    (0.107300918, 0.0)
    """
    d = _require.integer("d_model", d_model, 2)
    k = _require.integer("d_head", d_head, 1, d)
    if k == d:
        return 0.0
    phi, weight = _nodes(0, np.pi / 2, 1000)
    log = (k - 1) * np.log(np.sin(phi)) + (d - k - 1) * np.log(np.cos(phi))
    density = 2 * np.exp(log - special.betaln(k / 2, (d - k) / 2))
    return float(weight @ (density * special.betainc((d - 1) / 2, 0.5, np.cos(phi) ** 2)) / 2)


def threshold_dimension(n_tokens: int, expected: float = 1.0) -> int:
    """The least d_head with at most that many expected failing pairs, by bisection on the exact law.

    >>> threshold_dimension(50257), threshold_dimension(50257, 0.01)
    (55, 68)
    """
    n = _require.integer("n_tokens", n_tokens, 2)
    goal = np.log(_require.real("expected", expected, 1e-300))
    low, high = 0, 2
    while log_expected_mismatches(n, high) > goal:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if log_expected_mismatches(n, middle) > goal else (low, middle)
    return high


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
    n, k = _require.integer("n_tokens", n_tokens, 2), _require.integer("d_head", d_head, 2)
    r, weight = _nodes(0, np.sqrt(k) + 12, 300)
    weight = weight * stats.chi.pdf(r, k)
    share, along = _nodes(0, 1, 300)
    a = r[:, None] * share  # component of a query along a key of length r
    short = stats.norm.sf(r)
    rest = special.gammainc((k - 1) / 2, a * (r[:, None] - a) / 2)
    long = r * ((stats.norm.pdf(a) * rest) @ along)
    p = float(np.exp(log_pair_tail(k)))
    excess = weight @ (short + long - 2 * p) ** 2
    variance = n * (n - 1) * (p * (1 - 2 * p) + (n - 2) * excess)
    failing = n * (weight @ -np.expm1((n - 1) * np.log1p(-short)))
    token = (n - 1) * np.log1p(-short)
    if (n - 1) * p < min(1, 30 / n):
        token += (n - 1) * (np.log1p(-long) - np.log1p(-p))
    return Clusters(float(variance), float(failing), float(weight @ np.exp(token)) ** n)


def log_leak(inverse_temperature: float, d_head: int) -> float:
    """log E exp(β(u·v − |u|²)) = −(k/2) log(1 + 2β − β²); infinite from β = 1 + √2 on.

    The weight of a wrong key over that of the right one (theorem "The leak").

    >>> round(log_leak(1.0, 2), 9), log_leak(3.0, 2)
    (-0.693147181, inf)
    """
    beta = _require.real("inverse_temperature", inverse_temperature, 0)
    k = _require.integer("d_head", d_head, 1)
    base = 1 + 2 * beta - beta * beta
    return float(-k / 2 * np.log(base)) if base > 0 else np.inf


def expected_attention_lost(inverse_temperature: float, n_tokens: int, d_head: int) -> float:
    """n(n−1) E 1/(1 + exp(−βx)), x = u·v − |u|²: attention that n queries lose, pair by pair.

    By the integral of the theorem "Attention lost"; `expected_mismatches` in the limit β → ∞. An upper
    bound on the expected sum of `attention_lost`, and close to it where that is far below n.

    >>> round(expected_attention_lost(1e9, 5, 1), 6)
    5.0
    """
    beta = _require.real("inverse_temperature", inverse_temperature, 1e-6)
    n, k = _require.integer("n_tokens", n_tokens, 2), _require.integer("d_head", d_head, 1)
    c = min(1.0, beta / 2)
    scale = min(np.sqrt(2 / k), beta)
    end = np.arcsinh(min(12 * beta, 2 * 10 ** (34 / k)) / scale)
    t, weight = _nodes(0, end, 1000)
    s = c + 1j * scale * np.sinh(t)
    kernel = np.pi / beta / np.sin(np.pi * s / beta) * (1 + 2 * s - s * s) ** (-k / 2)
    return float(n * (n - 1) * (weight * scale * np.cosh(t)) @ kernel.real / np.pi)


def _nodes(low: float, high: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights between low and high."""
    x, weight = _legendre(n)
    return (high - low) / 2 * x + (high + low) / 2, (high - low) / 2 * weight


_legendre = cache(np.polynomial.legendre.leggauss)
