"""Attention in superposition: token geometries, scores, the laws of their failures.

Vectors of features or tokens are rows. Theorems named here stand in the chapters of book/attention.
Arguments that cannot be used raise a ValueError that names them.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from scipy import special, stats

from helpers import _require

# Many features at a position


def set_margins(vectors: np.ndarray, sets: np.ndarray) -> Float[np.ndarray, " set"]:
    """For each set of rows: least score of a member less the largest of any other vector.

    The query is the sum of the set's vectors, a key is one vector, the score their dot product.
    Positive: a cold head attends to the members only.

    >>> set_margins(np.eye(3), np.array([[0, 1]])).tolist()
    [1.0]
    """
    u = _require.array("vectors", vectors, (None, None)).astype(float)
    if len(u) < 2 or not u.any(1).all():
        raise ValueError(f"vectors: got {u.shape[0]} rows, expected at least 2, none of them zero")
    s = _require.array("sets", sets, (None, None))
    row = np.sort(s, 1)
    valid = s.dtype.kind in "iu" and 0 <= row.min() and row.max() < len(u) > s.shape[1]
    if not valid or (np.diff(row, axis=1) == 0).any():
        what = f"fewer than {len(u)} different integers from 0 to {len(u) - 1} a row"
        raise ValueError(f"sets: got {s.dtype} rows of shape {s.shape[1:]}, expected {what}")
    scores = np.sum(u[s], 1) @ u.T
    present = np.take_along_axis(scores, s, 1).min(1)
    np.put_along_axis(scores, s, -np.inf, 1)
    return present - scores.max(1)


def rival_probability(n_present: int, dim: int) -> float:
    """P that an absent random unit vector outscores a given member of a set of r in k dimensions.

    P(θ_1 + … + θ_{r−1} ≥ sin(α/2)): θ one coordinate of a random unit vector, α the angle between
    two of them (theorem "One rival"). By Fourier series; absolute error below 1e-9 from k = 4 on.

    >>> round(rival_probability(2, 2), 9)
    0.25
    """
    r, k = _require.integer("n_present", n_present, 1), _require.integer("dim", dim, 2)
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
    """Expected entropy, in nats, of softmax over r scores N(0, spread²), exact for every r.

    E[H] = E[ln Z] − τ ∂E[ln Z]/∂τ, Z = Σ exp(τz), τ = β·spread ≤ 50 (theorem "Ties").

    >>> round(tied_entropy(4, 0.0), 9)
    1.386294361
    """
    r, beta = _require.integer("n_ties", n_ties, 2), inverse_temperature
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
    u = _require.array("vectors", vectors, (None, None)).astype(float)
    if not u.any(1).all():
        raise ValueError("vectors: got a row of zeros, expected none")
    label = _require.array("groups", groups, (len(u),))
    apart = label[:, None] != label
    if not apart.any():
        raise ValueError("groups: got one group, expected at least 2")
    u = u / np.linalg.norm(u, axis=1, keepdims=True)
    return float(u.shape[1] * np.mean(((u @ u.T) ** 2)[apart]))


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
    d_head: int = 2,
    relu: bool = True,
    n_steps: int = 2000,
) -> TrainedGroups:
    """Features in groups embedded in `dim` dimensions, by E|x − ReLU(xWWᵀ + b)|² + head·(matching).

    A group has a feature on with probability `rate`: exactly one if `exclusive`, else each
    independently with probability rate/size. Matching: for each group a bilinear form of rank
    `d_head` must pick, among keys that show each feature of the group once, the one of the query.

    >>> train_groups(2, 3, 4, seed=0, n_seeds=2, n_steps=1).vectors.shape
    (2, 6, 4)
    """
    g, s = _require.integer("n_groups", n_groups, 2), _require.integer("group_size", group_size, 2)
    d, batch = _require.integer("dim", dim, 1), 256
    width, n = _require.integer("d_head", d_head, 1, d), _require.integer("n_seeds", n_seeds, 1)
    rate, weight = _require.real("rate", rate, 0, 1), _require.real("head", head, 0)
    steps = _require.integer("n_steps", n_steps, 1)
    draw = torch.Generator().manual_seed(_require.integer("seed", seed, 0))

    def inputs(*shape: int) -> torch.Tensor:
        if not exclusive:
            return (torch.rand(*shape, g, s, generator=draw) < rate / s).float()
        on = (torch.rand(*shape, g, 1, generator=draw) < rate).float()
        return on * torch.eye(s)[torch.randint(s, (*shape, g), generator=draw)]

    w = (torch.randn(n, g * s, d, generator=draw) / d**0.5).requires_grad_()
    forms = (torch.randn(2, n, g, d, width, generator=draw) / d**0.5).requires_grad_()
    b = torch.zeros(n, 1, g * s, requires_grad=True)
    optimizer = torch.optim.Adam([w, b, forms], lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        x, matching = inputs(n, batch).flatten(2), torch.zeros(n)
        y = x @ w @ w.mT + b
        reconstruction = (((y.relu() if relu else y) - x) ** 2).sum(2).mean(1)
        if weight:
            k, member = step % g, torch.randint(s, (n, batch // 4), generator=draw)
            query, keys = inputs(n, batch // 4), inputs(n, batch // 4, s)
            query[:, :, k], keys[:, :, :, k] = torch.eye(s)[member], torch.eye(s)
            left = query.flatten(2) @ w @ forms[0, :, k]
            right = keys.flatten(3) @ (w @ forms[1, :, k])[:, None]
            score = (right @ left[..., None]).squeeze(3).mT
            loss = torch.nn.functional.cross_entropy(score, member, reduction="none")
            matching = loss.mean(1)
        optimizer.zero_grad()
        (reconstruction + weight * matching).sum().backward()
        optimizer.step()
        schedule.step()
    found = (w, reconstruction, matching)
    return TrainedGroups(*(v.detach().double().numpy() for v in found))
