"""How large is the region of parameters within ε of a function, and how does it shrink with ε?

K(w) ≥ 0 is a loss whose zeros are the parameters of one function, V(ε) = P(K(w) < ε) under the
prior. As ε → 0, V(ε) = ε^λ Σ_{j<m} a_j (ln 1/ε)^j to leading order (Watanabe 2009): λ is the
learning coefficient or real log canonical threshold, m its multiplicity. Theorems named here stand
in the chapter book/simplicity/learning-coefficient. Arguments that cannot be used raise a
ValueError that names them.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import reduce
from itertools import combinations, count, pairwise
from math import inf, prod
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from scipy import optimize

from helpers import _require

# Exact coefficients


def rlct_normal_crossing(k: Sequence[int], h: Sequence[int]) -> tuple[Fraction, int]:
    """(λ, m) of K = Π w_j^(2 k_j) under a prior with density Π |w_j|^(h_j) near 0.

    λ = min (h_j + 1)/(2 k_j) over k_j > 0, m the number of j that attain it (Watanabe 2009).

    >>> rlct_normal_crossing([2, 1], [0, 0])
    (Fraction(1, 4), 1)
    """
    powers = [_require.integer("k", power, 0) for power in k]
    priors = [_require.integer("h", power, 0) for power in h]
    if len(k) != len(h) or not any(k):
        raise ValueError(f"k, h: got {k} and {h}, expected equal lengths and a k above 0")
    ratios = [Fraction(b + 1, 2 * a) for a, b in zip(powers, priors, strict=True) if a]
    return min(ratios), ratios.count(min(ratios))


def rlct_deep_linear(widths: Sequence[int], rank: int = 0) -> tuple[Fraction, int]:
    """(λ, m) of a deep linear network H_1 → … → H_(L+1) at a true map of that rank.

    With Δ the sorted H_s − r, ℓ is the number with Σ ≥ ℓ Δ_ℓ and Σ < ℓ Δ_(ℓ+1), Σ = Δ_0 + … + Δ_ℓ:
    the ℓ + 1 narrowest layers. With a = Σ − ℓ(⌈Σ/ℓ⌉ − 1), λ = ½(r(H_1 + H_(L+1)) − r²) +
    a(ℓ−a)/4ℓ − (ℓ−1)Σ²/4ℓ + ½ Σ_{i<j≤ℓ} Δ_i Δ_j and m = a(ℓ−a) + 1 (Aoyagi 2024, theorem 1).

    >>> rlct_deep_linear([5, 3, 5]), rlct_deep_linear([3, 3, 3], rank=1)
    ((Fraction(13, 2), 2), (Fraction(4, 1), 1))
    """
    sizes = _widths(widths)
    r = _require.integer("rank", rank, 0, min(sizes))
    delta = [*sorted(size - r for size in sizes), inf]
    ell = next(k for k in count(1) if sum(delta[: k + 1]) < k * delta[k + 1])
    narrow = delta[: ell + 1]
    total, pairs = sum(narrow), sum(map(prod, combinations(narrow, 2)))
    a = total - ell * (-(-total // ell) - 1)
    regular = Fraction(r * (sizes[0] + sizes[-1]) - r**2, 2)
    singular = Fraction(a * (ell - a) - (ell - 1) * total**2 + 2 * ell * pairs, 4 * ell)
    return regular + singular, a * (ell - a) + 1


def _widths(widths: Sequence[int]) -> list[int]:
    sizes = [_require.integer("widths", width, 1) for width in widths]
    if len(sizes) < 2:
        raise ValueError(f"widths: got {widths!r}, expected at least two of them")
    return sizes


def deep_linear_point(widths: Sequence[int], singular_values: Sequence[float] = ()) -> np.ndarray:
    """Parameters, (parameter,), of the network W_L … W_1 = diag(singular_values), 0 elsewhere.

    Every layer has the L-th roots on its diagonal, so all ranks are equal: the most singular point.

    >>> deep_linear_point([2, 1, 2], [4.0]).tolist()
    [2.0, 0.0, 2.0, 0.0]
    """
    sizes, values = _widths(widths), np.asarray(singular_values, float)
    if values.ndim != 1 or len(values) > min(sizes) or not (values > 0).all():
        what = f"at most {min(sizes)} positive numbers"
        raise ValueError(f"singular_values: got {singular_values!r}, expected {what}")
    roots = np.zeros(max(sizes))
    roots[: len(values)] = values ** (1 / (len(sizes) - 1))
    return np.concatenate([(np.eye(b, a) * roots[:a]).ravel() for a, b in pairwise(sizes)])


def deep_linear_loss(widths: Sequence[int], point: np.ndarray | None = None) -> Callable:
    """w ↦ ½‖W_L … W_1 − P‖², (..., parameter) -> (...), of an array or a tensor; P is that of `point`.

    This is the Kullback-Leibler divergence of linear regression with unit noise and white inputs.

    >>> float(deep_linear_loss([1, 1, 1])(np.array([2.0, 3.0])))
    18.0
    """
    sizes = _widths(widths)
    ends = np.cumsum([a * b for a, b in pairwise(sizes)])

    def product(w):
        parts = zip(pairwise(sizes), ends, strict=True)
        layers = [w[..., end - a * b : end].reshape(*w.shape[:-1], b, a) for (a, b), end in parts]
        return reduce(lambda below, layer: layer @ below, layers)

    point = np.zeros(ends[-1]) if point is None else point
    target = product(_require.array("point", point, (int(ends[-1]),)).astype(float))

    def loss(w):
        true = target if isinstance(w, np.ndarray) else torch.as_tensor(target, device=w.device)
        return ((product(w) - true) ** 2).sum((-2, -1)) / 2

    return loss


# Volumes by multilevel splitting


class Volumes(NamedTuple):
    """V at decreasing levels ε: natural logarithms, one row for each independent replicate."""

    levels: Float[np.ndarray, " level"]
    logs: Float[np.ndarray, "replicate level"]

    def mean(self) -> tuple[np.ndarray, np.ndarray]:
        """ln of the mean of V over replicates, and its standard error, each (level,)."""
        top = np.maximum(self.logs.max(0), np.finfo(float).min)  # all replicates may have died out
        shares = np.exp(self.logs - top)
        error = shares.std(0, ddof=1) / np.sqrt(len(shares))
        with np.errstate(divide="ignore", invalid="ignore"):
            return top + np.log(shares.mean(0)), error / shares.mean(0)


def splitting(
    loss: Callable,
    levels: Sequence[float] | np.ndarray,
    n_parameters: int,
    *,
    seed: int,
    prior: str = "uniform",
    n_particles: int = 1000,
    n_replicates: int = 16,
    n_moves: int = 20,
    device: str = "cpu",
) -> Volumes:
    """V(ε) = P(K(w) < ε) at fixed levels, by multilevel splitting; w uniform on [0,1]^d or N(0, I).

    `loss` maps (..., d) to (...). At each level the particles below it are resampled to the full
    number and moved by Metropolis steps that stay below it. With fixed levels the product of the
    shares is unbiased for V (theorem "Splitting is unbiased"); its logarithm is not. A replicate
    that dies out has V = 0, and -inf here. On the `device` "cuda" the loss is given float64 tensors
    there; NumPy moves the particles.

    >>> found = splitting(lambda w: w[..., 0] ** 2, [0.25, 0.01, 1e-4], 1, seed=0)
    >>> bool(np.abs(found.mean()[0] - np.log([0.5, 0.1, 0.01])).max() < 0.1)
    True
    """
    levels = _require.array("levels", levels, (None,)).astype(float)
    if not (levels > 0).all() or (np.diff(levels) >= 0).any():
        raise ValueError("levels: got values that do not decrease above 0, expected such values")
    gaussian = _require.choice("prior", prior, ("uniform", "gaussian")) == "gaussian"
    counts = dict(n_particles=n_particles, n_replicates=n_replicates)
    counts |= dict(n_parameters=n_parameters, n_moves=n_moves)
    n, r, d, moves = (_require.integer(name, number, 1) for name, number in counts.items())
    if (where := _require.device("device", device)) != "cpu":
        there, loss = loss, lambda w: there(torch.as_tensor(w, device=where)).cpu().numpy()
    rng = np.random.default_rng(_require.integer("seed", seed, 0))
    w = rng.standard_normal((r, n, d)) if gaussian else rng.random((r, n, d))
    shares = []
    for level in levels:
        inside = loss(w) < level
        shares.append(inside.mean(1))
        first = np.argsort(~inside, 1, kind="stable")
        drawn = (rng.random((r, n)) * inside.sum(1, keepdims=True)).astype(int)
        w = np.take_along_axis(w, np.take_along_axis(first, drawn, 1)[..., None], 1)
        for _ in range(moves):
            w = _moved(loss, w, level, gaussian, rng)
    with np.errstate(divide="ignore"):
        return Volumes(levels, np.log(shares).cumsum(0).T)


def _moved(loss: Callable, w: np.ndarray, level: float, gaussian: bool, rng) -> np.ndarray:
    """One Metropolis step of each particle, of a random size, along one axis or along all."""
    size = (np.sqrt(level) / 10) ** rng.random((*w.shape[:2], 1))  # log-uniform up to 1
    axis = rng.integers(2 * w.shape[2], size=(*w.shape[:2], 1))
    along = (axis == np.arange(w.shape[2])) | (axis >= w.shape[2])
    new = w + size * along * rng.standard_normal(w.shape)
    if gaussian:
        allowed = rng.random(w.shape[:2]) < np.exp(((w**2).sum(2) - (new**2).sum(2)) / 2)
    else:
        allowed = ((new > 0) & (new < 1)).all(2)
    return np.where((allowed & (loss(new) < level))[..., None], new, w)


class VolumeFit(NamedTuple):
    """V(ε) = ε^λ Σ_{j<m} a_j (ln 1/ε)^j: λ, its approximate error, m, the a_j; χ² of m = 1, 2, …"""

    learning_coefficient: float
    error: float
    multiplicity: int
    coefficients: Float[np.ndarray, " term"]
    chi_square: Float[np.ndarray, " multiplicity"]


def fit_volume(volumes: Volumes, largest_multiplicity: int = 6) -> VolumeFit:
    """λ and m by likelihood, from the shares between successive levels, which are independent.

    For each m the a_j and λ minimise χ² = −2 ln likelihood + constant, a_(m−1) > 0. The m chosen
    minimises χ² + 4.5² m: a term stays if it is worth 4.5 standard errors. The error of λ is
    widened by how much ln V of the last level varies beyond the sum over its steps. It takes m as
    known and χ² as quadratic: over ten seeds of products of weights λ scattered about 1.3 times as
    much. The levels must be so small that no second exponent matters; a power beyond λ and a
    logarithm look alike.

    >>> eps = np.geomspace(0.1, 1e-9, 17)
    >>> noise = 1e-3 * np.random.default_rng(0).standard_normal((8, 17)).cumsum(1)
    >>> fit_volume(Volumes(eps, 0.5 * np.log(eps) + np.log(1 - np.log(eps) / 2) + noise)).multiplicity
    2
    """
    most = _require.integer("largest_multiplicity", largest_multiplicity, 1)
    logs = _require.array("volumes.logs", volumes.logs, (None, None))
    levels = _require.array("volumes.levels", volumes.levels, (logs.shape[1],))
    if len(logs) < 4 or len(levels) < most + 3:
        what = f"at least (4, {most + 3}), three levels more than terms"
        raise ValueError(f"volumes.logs: got shape {logs.shape}, expected {what}")
    depth, log_v, weight = measured = _log_shares(levels, logs)
    chi = lambda exponent, m: _linear(exponent, m, *measured)[0]  # noqa: E731
    grid = np.linspace(0, 2 * np.max(-np.diff(log_v) / np.diff(depth)), 400)[1:]
    found, fine = [], {"xatol": 1e-8}
    for m in range(1, most + 1):
        start = grid[np.argmin([chi(x, m) for x in grid])]
        near = start - grid[0], start + grid[0]
        found.append(optimize.minimize_scalar(chi, args=(m,), bounds=near, options=fine))
    least = np.array([one.fun for one in found])
    m = int(np.argmin(least + 4.5**2 * np.arange(most))) + 1
    best, h = float(found[m - 1].x), 1e-4
    below, middle, above = (chi(best + s * h, m) for s in (-1, 0, 1))
    steps = np.diff(logs, axis=1).var(0, ddof=1).sum()
    lag = max(1.0, (logs[:, -1] - logs[:, 0]).var(ddof=1) / steps)  # if particles mix too slowly
    error = float(np.sqrt(2 * lag / (below - 2 * middle + above)) * h)
    return VolumeFit(best, error, m, _linear(best, m, *measured)[1], least)


def _log_shares(levels: np.ndarray, logs: np.ndarray) -> tuple[np.ndarray, ...]:
    """ln 1/ε, ln V, and for the share of each level in the one before 1 over its relative error."""
    shares = np.exp(np.diff(logs, axis=1, prepend=0))
    mean, variance = shares.mean(0), shares.var(0, ddof=1)
    binomial = np.maximum(mean * (1 - mean), 1e-6)[1:]  # times a common factor: their variance
    pooled = binomial * np.mean(variance[1:] / binomial)
    variance = np.append(max(variance[0], 1e-12), pooled)
    return np.log(1 / levels), np.log(mean).cumsum(), mean * np.sqrt(len(shares) / variance)


def _linear(exponent: float, m: int, depth, log_v, weight) -> tuple[float, np.ndarray]:
    """χ² and the a_j by least squares, with relative errors of V taken as small."""
    deepest, power = depth.max(), np.arange(m)
    terms = np.exp(-exponent * depth - log_v)[:, None] * (depth[:, None] / deepest) ** power
    terms = weight[:, None] * np.diff(terms, axis=0, prepend=0)
    target = weight * (np.arange(len(depth)) == 0)
    a = np.linalg.lstsq(terms, target, rcond=None)[0]
    chi = np.sum((terms @ a - target) ** 2) if a[-1] > 0 else 1e12
    return chi, a / deepest**power


# The local learning coefficient by Langevin dynamics


def llc_on_quadratic(
    curvatures: Sequence[float] | np.ndarray, nbeta: float, gamma: float, step: float
) -> float:
    """What `estimate_llc` is on average for L = Σ h_i w_i²/2, unadjusted, after burn-in.

    ½ Σ_i (nβ h_i/a_i)/(1 − η a_i/4), a_i = nβ h_i + γ, η = step/nβ (theorem "Langevin on a
    quadratic"). It tends to ½ Σ_i nβ h_i/a_i as the step tends to 0.

    >>> llc_on_quadratic([1.0, 1.0], 1000.0, 0.0, 0.4)
    1.1111111111111112
    """
    h = _require.array("curvatures", curvatures, (None,))
    nb, local = _require.real("nbeta", nbeta), _require.real("gamma", gamma, 0)
    a, size = nb * h + local, _require.real("step", step, 0)
    if nb <= 0:
        raise ValueError(f"nbeta: got {nbeta}, expected a number above 0")
    if h.min() < 0 or a.min() <= 0:
        raise ValueError(f"curvatures: got {h.min():g}, expected 0 or more, more if gamma is 0")
    if not (size / nb * a < 4).all():
        raise ValueError(f"step: got {step}, expected less than {4 * nb / a.max()}, or it diverges")
    return float(np.sum(nb * h / a / (1 - size / nb * a / 4)) / 2)


def estimate_llc(
    loss: Callable,
    point: Sequence[float] | np.ndarray,
    nbeta: Sequence[float] | np.ndarray,
    *,
    gamma: float,
    step: float,
    n_steps: int,
    burn_in: int,
    seed: int,
    n_chains: int = 64,
    metropolis: bool = False,
    exchange: bool = False,
    device: str = "cpu",
) -> Float[np.ndarray, "temperature chain"]:
    """λ̂ = nβ (mean of L − L(w*)) at each nβ, one for each independent chain, started at w* = `point`.

    The chains sample exp(−nβ L(w) − γ|w − w*|²/2) by w ← w − η/2 ∇ + N(0, η), η = step/nβ, with the
    gradient of the full loss (Lau et al. 2023, algorithm 1, without minibatches). `metropolis`
    removes the bias of the step. `exchange` offers swaps of neighbouring nβ after every step, by
    their Metropolis rule: chains of small nβ carry those of large nβ that diffuse too slowly.
    `loss` maps a float64 tensor (..., parameter) to (...). On the `device` "cuda" other numbers are
    drawn, from the same law.

    >>> half = lambda w: (w**2).sum(-1) / 2
    >>> steps = dict(step=0.4, n_steps=500, burn_in=100)
    >>> found = estimate_llc(half, [0.0, 0.0], [1000.0], gamma=0.0, seed=0, **steps)
    >>> found.shape, bool(abs(found.mean() - llc_on_quadratic([1, 1], 1000, 0, 0.4)) < 0.05)
    ((1, 64), True)
    """
    given = _require.array("point", point, (None,)), _require.array("nbeta", nbeta, (None,))
    where = _require.device("device", device)
    start, beta = (torch.as_tensor(value.astype(float), device=where) for value in given)
    beta = beta[:, None, None]
    if not (beta > 0).all() or (exchange and (beta.diff(dim=0) <= 0).any()):
        raise ValueError(f"nbeta: got {nbeta}, expected positive numbers, increasing for exchange")
    local = _require.real("gamma", gamma, 0)
    size = _require.real("step", step, 1e-12) / beta
    total = _require.integer("n_steps", n_steps, 1)
    skip = _require.integer("burn_in", burn_in, 0, total - 1)
    rng = torch.Generator(where).manual_seed(_require.integer("seed", seed, 0))
    shape = len(beta), _require.integer("n_chains", n_chains, 1), len(start)

    def downhill(w, value, slope):
        """The potential and the mean of the next position."""
        away = w - start
        potential = beta * value + local * (away**2).sum(2, keepdim=True) / 2
        return potential, w - size / 2 * (beta * slope + local * away)

    now = _state(loss, start.repeat(*shape[:2], 1))
    lowest, excess = now[1][:1, :1], 0
    for number in range(total):
        noise = torch.randn(shape, generator=rng, device=where, dtype=torch.float64)
        before, centre = downhill(*now)
        new = _state(loss, centre + size.sqrt() * noise)
        if metropolis:
            after, back = downhill(*new)
            change = (noise**2 - (now[0] - back) ** 2 / size).sum(2, keepdim=True) / 2
            taken = _accepted(before - after + change, rng)
            new = [torch.where(taken, x, y) for x, y in zip(new, now, strict=True)]
        now = _swapped(new, beta, number % 2, rng) if exchange else new
        if number >= skip:
            excess += now[1] - lowest
    return (beta * excess / (total - skip)).squeeze(2).cpu().numpy()


def _state(loss: Callable, w: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Positions, losses and their gradients, each (temperature, chain, parameter or 1)."""
    w = w.requires_grad_()
    value = loss(w)[..., None]
    return w.detach(), value.detach(), torch.autograd.grad(value.sum(), w)[0]


def _swapped(now: Sequence, beta: torch.Tensor, first: int, rng: torch.Generator) -> list:
    """The states after an offer to swap those at neighbouring nβ, pairs (first, first + 1), …"""
    low = torch.arange(len(beta) - 1, device=rng.device)[first::2]
    odds = (beta[low + 1] - beta[low]) * (now[1][low + 1] - now[1][low])
    swap = _accepted(odds, rng).long()
    order = torch.arange(len(beta), device=rng.device)[:, None, None]
    order = order.repeat(1, now[1].shape[1], 1)
    order[low] += swap
    order[low + 1] -= swap
    return [x.take_along_dim(order, 0) for x in now]


def _accepted(log_odds: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """The choices of Metropolis."""
    how = dict(generator=rng, device=rng.device, dtype=torch.float64)
    return torch.rand(log_odds.shape, **how).log() < log_odds
