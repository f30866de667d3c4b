"""Arithmetic in superposition: products of real inputs, and circuits of them, read from ReLU neurons.

A layer of random neurons ReLU(w·y + b) sees all wires y at once; the product of two wires is read with
w_i w_j. Theorems named here stand in the chapter book/uand/arithmetic. Arguments that cannot be used
raise a ValueError that names them.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import special, stats

from helpers import _require


class Level(NamedTuple):
    """One level of a circuit on each of its copies.

    Gate g multiplies the wires `operands[g]`; the new wires are keep·(old wires) + mix·(products).
    """

    operands: Int[np.ndarray, "gate 2"]
    keep: Float[np.ndarray, "new old"]
    mix: Float[np.ndarray, "new gate"]


def power_gain(
    degree: int, norm: np.ndarray | float, bias: np.ndarray | float = 0.0
) -> np.ndarray | float:
    """E[ReLU^(q)(S)], S ~ N(bias, norm²): what w_1⋯w_q reads of x_1⋯x_q at inputs of that norm.

    With β = bias/norm: norm (βΦ(β) + φ(β)), Φ(β), then (−1)^q He_{q−2}(β) φ(β)/norm^{q−1}. `norm`
    and `bias` may be arrays (theorem "Powers of real inputs").

    >>> round(float(power_gain(2, 2.0) * 2 * np.sqrt(2 * np.pi)), 12)
    1.0
    """
    q, norm, beta = _require.integer("degree", degree, 0, 8), *_norm_and_beta(norm, bias)
    if q == 0:
        return norm * (beta * stats.norm.cdf(beta) + stats.norm.pdf(beta))
    if q == 1:
        return stats.norm.cdf(beta)
    hermite = (-1) ** q * special.eval_hermitenorm(q - 2, beta)
    return hermite * stats.norm.pdf(beta) / norm ** (q - 1)


def product_cost(
    norm: np.ndarray | float,
    x_i: np.ndarray | float,
    x_j: np.ndarray | float,
    bias: np.ndarray | float = 0.0,
) -> np.ndarray | float:
    """Standard deviation × √d of x_i x_j read with w_i w_j from ReLU neurons at unit gain; exact.

    √((G₀ + (x_i² + x_j²) G₂ + x_i² x_j² G₄)/g² − x_i² x_j²), g = E[ReLU''(S)] and
    G_q = E[(ReLU²)^(q)(S)] (theorem "Quadratic forms of real inputs").

    >>> round(float(product_cost(2.0, 0.0, 0.0)) ** 2 / 16 / np.pi, 12)
    1.0
    """
    norm, beta, x_i, x_j = _norm_and_beta(norm, bias, x_i=x_i, x_j=x_j)
    x_i, x_j = x_i**2, x_j**2
    if np.any(x_i + x_j > norm**2 * (1 + 1e-6)):
        raise ValueError(f"norm: got {norm.min()}, expected at least that of (x_i, x_j)")
    cdf, pdf = stats.norm.cdf(beta), stats.norm.pdf(beta)
    square = norm**2 * ((1 + beta**2) * cdf + beta * pdf)
    square = square + 2 * (x_i + x_j) * cdf - 2 * x_i * x_j * beta * pdf / norm**2
    return np.sqrt(square * norm**2 / pdf**2 - x_i * x_j)


def copy_wires(
    bits: np.ndarray, n_copies: int, n_distractors: int = 0, *, seed: int
) -> Float[np.ndarray, "input copy wire"]:
    """Wires ±1 for 1 and 0 on copy 0; zeros elsewhere, but for ±1 on one wire of some other copies.

    `n_distractors` of the other copies, drawn for each input anew, carry such a distractor.

    >>> copy_wires(np.array([[1, 0]]), 2, seed=0).tolist()
    [[[1.0, -1.0], [0.0, 0.0]]]
    """
    bits = _require.binary("bits", bits, (None, None))
    copies = _require.integer("n_copies", n_copies, 1)
    some = _require.integer("n_distractors", n_distractors, 0, copies - 1)
    rng = np.random.default_rng(_require.integer("seed", seed, 0))
    wires = np.zeros((len(bits), copies, bits.shape[1]))
    wires[:, 0] = 2.0 * bits - 1
    where = 1 + np.argsort(rng.random((len(bits), copies - 1)), 1)[:, :some]
    which, sign = rng.integers(bits.shape[1], size=where.shape), rng.choice([-1, 1], where.shape)
    wires[np.arange(len(bits))[:, None], where, which] = sign
    return wires


def run_level(
    level: Level,
    wires: np.ndarray,
    n_neurons: int | None = None,
    *,
    seed: int = 0,
    law: bool = False,
    shuffled: bool = False,
) -> Float[np.ndarray, "input copy wire"]:
    """The wires after one level: exact, or with its products read from one layer of random neurons.

    All operands of all copies enter neurons ReLU(w·y − |y|); the product of two is read with w_i w_j
    at unit gain. `law` draws independent Gaussian errors of `product_cost` instead of neurons, and
    `shuffled` gives the readoffs random signs. Without `n_neurons` products are exact.

    >>> square = Level(np.array([[0, 1]]), np.zeros((1, 2)), np.ones((1, 1)))
    >>> run_level(square, np.array([[[3.0, 0.5]]])).tolist()
    [[[1.5]]]
    """
    if not isinstance(level, Level):
        raise ValueError(f"level: got {type(level).__name__}, expected a circuits.Level")
    keep = _require.array("level.keep", level.keep, (None, None))
    wires = _require.array("wires", wires, (None, None, keep.shape[1]))
    i, j = _require.pairs("level.operands", level.operands, keep.shape[1])
    mix = _require.array("level.mix", level.mix, (len(keep), len(i)))
    law, shuffled = _require.flag("law", law), _require.flag("shuffled", shuffled)
    rng = np.random.default_rng(_require.integer("seed", seed, 0))
    products = wires[:, :, i] * wires[:, :, j]
    if n_neurons is not None:
        d = _require.integer("n_neurons", n_neurons, 1)
        fed = np.unique(level.operands)
        norm = np.maximum(np.linalg.norm(wires[:, :, fed], axis=(1, 2)), 1e-9)[:, None, None]
        if law:
            cost = product_cost(norm, wires[:, :, i], wires[:, :, j], -norm)
            products = products + cost * rng.standard_normal(products.shape) / np.sqrt(d)
        else:
            pairs = np.searchsorted(fed, i), np.searchsorted(fed, j)
            products = _read_products(wires[:, :, fed] / norm, pairs, d, rng, shuffled) * norm**2
    return wires @ keep.T + products @ mix.T


def _read_products(
    unit: np.ndarray, pairs: tuple, d: int, rng: np.random.Generator, shuffled: bool
) -> np.ndarray | float:
    """Products of wires of norm 1, read from d neurons ReLU(w·y − 1), 512 of them at a time."""
    n, copies, fed = unit.shape
    flat = unit.reshape(n, -1).astype(np.float32)
    live = np.flatnonzero(flat.any(0))  # most wires carry nothing
    total = np.zeros((n, copies * len(pairs[0])))
    for start in range(0, d, 512):
        w = rng.standard_normal((min(512, d - start), copies, fed), dtype=np.float32)
        a = np.maximum(flat[:, live] @ w.reshape(len(w), -1)[:, live].T - 1, 0)
        readoff = (w[:, :, pairs[0]] * w[:, :, pairs[1]]).reshape(len(w), -1)
        if shuffled:
            readoff *= rng.choice(np.float32([-1, 1]), readoff.shape)
        total += a @ readoff
    return total.reshape(n, copies, -1) / (d * stats.norm.pdf(1))


def _norm_and_beta(norm: np.ndarray | float, bias: np.ndarray | float, **inputs: Any) -> list:
    """norm, bias/norm and the inputs as arrays whose shapes fit together."""
    parts = {
        name: _require.array(name, value)
        for name, value in {"norm": norm, "bias": bias, **inputs}.items()
    }
    shapes = [part.shape for part in parts.values()]
    try:
        fits = 0 not in np.broadcast_shapes(*shapes)
    except ValueError:
        fits = False
    if not fits:
        expected = "shapes that broadcast, no axis empty"
        raise ValueError(f"{', '.join(parts)}: got shapes {shapes}, expected {expected}")
    if np.any(parts["norm"] <= 0):
        raise ValueError(f"norm: got {parts['norm'].min()}, expected positive numbers")
    return [parts["norm"], parts["bias"] / parts["norm"], *(parts[name] for name in inputs)]
