"""Universal AND: every pairwise AND of m sparse Boolean inputs, read linearly from d neurons.

A layer computes a_k = φ(Σ_i w_ki x_i + b_k). A readoff of the pair (i, j) is a vector r with r·a
close to x_i AND x_j. Readoffs are stacked as rows: their matrix has shape (pairs, neurons).
Theorems named here stand in the chapter book/uand/random-layers. Arguments that cannot be used
raise a ValueError that names them.
"""

from collections.abc import Callable, Sequence
from math import comb
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import linalg, optimize, sparse, special, stats
from threadpoolctl import threadpool_limits

from helpers import _require

WEIGHT_LAWS: dict[str, Callable] = {
    "gaussian": lambda rng, shape: rng.standard_normal(shape),
    "rademacher": lambda rng, shape: rng.choice([-1.0, 1.0], shape),
    "uniform": lambda rng, shape: rng.uniform(-np.sqrt(3), np.sqrt(3), shape),
    "laplace": lambda rng, shape: rng.laplace(0, np.sqrt(0.5), shape),
    "sparse": lambda rng, shape: rng.choice(
        [-np.sqrt(10), 0.0, np.sqrt(10)], shape, p=[0.05, 0.9, 0.05]
    ),
}
"""Weight laws of mean 0 and variance 1; "sparse" is zero nine times in ten."""

ACTIVATIONS: dict[str, Callable] = {
    "relu": lambda t: np.maximum(t, 0.0),
    "gelu": lambda t: 0.5 * t * (1 + np.tanh(np.sqrt(2 / np.pi) * (t + 0.044715 * t**3))),
    "tanh": np.tanh,
    "square": np.square,
    "step": lambda t: (t > 0).astype(float),
}


class Layer(NamedTuple):
    """A frozen first layer: weights (neurons, inputs), biases (neurons,), name of its activation."""

    weights: Float[np.ndarray, "neuron input"]
    biases: Float[np.ndarray, " neuron"]
    activation: str = "relu"


def random_layer(
    n_neurons: int,
    n_inputs: int,
    *,
    seed: int,
    weights: str = "gaussian",
    bias: float = 0.0,
    bias_std: float = 0.0,
    activation: str = "relu",
) -> Layer:
    """A layer with independent weights of variance 1 and biases `bias` + N(0, bias_std²).

    >>> random_layer(3, 5, seed=0).weights.shape
    (3, 5)
    """
    shape = _require.integer("n_neurons", n_neurons, 1), _require.integer("n_inputs", n_inputs, 1)
    rng = np.random.default_rng(_require.integer("seed", seed, 0))
    law = WEIGHT_LAWS[_require.choice("weights", weights, WEIGHT_LAWS)]
    spread = _require.real("bias_std", bias_std, 0)
    drawn = law(rng, shape)
    biases = _require.real("bias", bias) + spread * rng.standard_normal(shape[0])
    return Layer(drawn, biases, _require.choice("activation", activation, ACTIVATIONS))


def torch_default_layer(n_neurons: int, n_inputs: int, *, seed: int) -> Layer:
    """A ReLU layer as torch.nn.Linear draws it: weights and biases uniform in ±1/√n_inputs.

    >>> bool(np.abs(torch_default_layer(3, 4, seed=0).biases).max() < 0.5)
    True
    """
    d, m = _require.integer("n_neurons", n_neurons, 1), _require.integer("n_inputs", n_inputs, 1)
    rng = np.random.default_rng(_require.integer("seed", seed, 0))
    return Layer(*(rng.uniform(-1, 1, shape) / np.sqrt(m) for shape in ((d, m), d)))


def activations(layer: Layer, inputs: np.ndarray) -> Float[np.ndarray, "sample neuron"]:
    """φ(w·x + b) for every row x of `inputs` and every neuron, in double precision.

    >>> layer = Layer(np.array([[1.0, -2.0]]), np.zeros(1))
    >>> activations(layer, np.array([[1, 0], [1, 1]])).tolist()
    [[1.0], [0.0]]
    """
    weights, biases, activation = checked(layer)
    inputs = _require.array("inputs", inputs, (None, weights.shape[1]))
    return ACTIVATIONS[activation](inputs @ weights.T + biases)


def checked(layer: Layer) -> Layer:
    """The layer, its parts as arrays, or a ValueError.

    >>> checked(Layer([[1.0, 2.0]], [0.0])).weights.shape
    (1, 2)
    """
    if not isinstance(layer, Layer):
        raise ValueError(f"layer: got {type(layer).__name__}, expected a uand.Layer")
    weights = _require.array("layer.weights", layer.weights, (None, None))
    biases = _require.array("layer.biases", layer.biases, weights.shape[:1])
    return Layer(
        weights, biases, _require.choice("layer.activation", layer.activation, ACTIVATIONS)
    )


# Inputs and tasks


def all_pairs(n_inputs: int) -> Int[np.ndarray, "pair 2"]:
    """All pairs i < j of inputs, in lexicographic order.

    >>> all_pairs(3).tolist()
    [[0, 1], [0, 2], [1, 2]]
    """
    return np.stack(np.triu_indices(_require.integer("n_inputs", n_inputs, 2), 1), 1)


def sample_inputs(
    n_samples: int,
    n_inputs: int,
    *,
    seed: int,
    active: int | None = None,
    rate: float | None = None,
) -> Bool[np.ndarray, "sample input"]:
    """Random inputs with exactly `active` ones each, or each on with probability `rate`.

    >>> sample_inputs(2, 6, seed=0, active=3).sum(1).tolist()
    [3, 3]
    """
    n, m = _require.integer("n_samples", n_samples, 1), _require.integer("n_inputs", n_inputs, 1)
    rng = np.random.default_rng(_require.integer("seed", seed, 0))
    if (active is None) == (rate is None):
        raise ValueError(f"active, rate: got {active!r} and {rate!r}, expected exactly one of them")
    if active is None:
        return rng.random((n, m), dtype=np.float32) < _require.real("rate", rate, 0, 1)
    s = _require.integer("active", active, 0, m)
    inputs = np.zeros((n, m), bool)
    on = (
        np.argpartition(rng.random((n, m), dtype=np.float32), s - 1, 1)[:, :s]
        if s
        else np.zeros((n, 0), int)
    )
    np.put_along_axis(inputs, on, True, 1)
    return inputs


def pair_inputs(pairs: np.ndarray, n_inputs: int) -> Bool[np.ndarray, "pair input"]:
    """For each pair the input with just these two on.

    >>> pair_inputs(all_pairs(3), 3).astype(int).tolist()
    [[1, 1, 0], [1, 0, 1], [0, 1, 1]]
    """
    i, j = _require.pairs("pairs", pairs, _require.integer("n_inputs", n_inputs, 2))
    x = np.zeros((len(i), n_inputs), bool)
    x[np.arange(len(i)), i] = x[np.arange(len(i)), j] = True
    return x


def number_on(inputs: np.ndarray, pairs: np.ndarray) -> Int[np.ndarray, "sample pair"]:
    """How many inputs of each pair are on: 0, 1 or 2.

    >>> number_on(np.array([[1, 1, 0]]), all_pairs(3)).tolist()
    [[2, 1, 1]]
    """
    x = _require.binary("inputs", inputs, (None, None)).astype(np.int8)
    i, j = _require.pairs("pairs", pairs, x.shape[1])
    return x[:, i] + x[:, j]


def targets(
    inputs: np.ndarray, pairs: np.ndarray, task: str = "and"
) -> Bool[np.ndarray, "sample pair"]:
    """The AND or the XOR of every pair on every input.

    >>> targets(np.array([[1, 1, 0]]), all_pairs(3), "xor").tolist()
    [[False, True, True]]
    """
    on = number_on(inputs, pairs)
    return on == (2 if _require.choice("task", task, ("and", "xor")) == "and" else 1)


def errors_by_case(
    layer: Layer, readoffs: np.ndarray, inputs: np.ndarray, task: str = "and"
) -> list[np.ndarray]:
    """Output minus target of all pairs on these inputs: with neither, with one, and with both on.

    >>> layer = Layer(np.array([[1.0, 1.0]]), np.zeros(1))
    >>> errors_by_case(layer, np.array([[0.5]]), np.array([[0, 0], [0, 1], [1, 1]]))
    [array([0.]), array([0.5]), array([0.])]
    """
    pairs = all_pairs(checked(layer).weights.shape[1])
    r = _require.array("readoffs", readoffs, (len(pairs), len(layer.weights)))
    on = number_on(inputs, pairs)
    error = activations(layer, inputs) @ r.T - targets(inputs, pairs, task)
    return [error[on == k] for k in range(3)]


def affine_error(table: Sequence[float] | np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Least ε with |p·x + q − f(x)| ≤ ε on {0,1}^n, the optimal (p, q), and the dual certificate.

    `table` lists f(0), f(1), … f(2^n − 1). The certificate μ is a signed measure with Σ|μ| = 1 that
    no affine function sees, so ε = |Σ μ f| proves that ε is optimal. Solved as a linear program.

    >>> round(affine_error([0, 0, 0, 1])[0], 9)
    0.25
    """
    f = _require.array("table", table, (None,)).astype(float)
    n = f.size.bit_length() - 1
    if f.size != 2**n or n < 1:
        raise ValueError(f"table: got {f.size} values, expected 2**n of them, n at least 1")
    x = (np.arange(f.size)[:, None] >> np.arange(n)[::-1]) & 1
    features = np.c_[x, np.ones(f.size)]
    one = np.ones((f.size, 1))
    solved = optimize.linprog(
        np.r_[np.zeros(n + 1), 1],
        A_ub=np.r_[np.c_[features, -one], np.c_[-features, -one]],
        b_ub=np.r_[f, -f],
        bounds=(None, None),
    )
    above, below = np.split(solved.ineqlin.marginals, 2)
    return float(solved.fun), solved.x[:-1], above - below


# Closed forms for a Gaussian layer with zero bias; s is the number of inputs that are on


def sign_readoff_gain(s: int) -> float:
    """c(s) = E[sgn(w_1 w_2) ReLU(w_1 + … + w_s)], weights standard normal, for any integer s ≥ 2.

    √(2/π)/π · (2 arctan(1/√(s−2)) − √s arcsin(1/(s−1))) (theorem "The sign readoff"); tends to
    √(2/π)/(π√s).

    >>> round(sign_readoff_gain(2), 12)
    0.233694977255
    """
    s = _require.integer("s", s, 2)
    return float(
        np.sqrt(2 / np.pi)
        / np.pi
        * (2 * np.arctan2(1, np.sqrt(s - 2)) - np.sqrt(s) * np.arcsin(1 / (s - 1)))
    )


def product_readoff_gain(s: int) -> float:
    """E[w_1 w_2 ReLU(w_1 + … + w_s)] = 1/√(2πs), by Stein's lemma.

    >>> round(product_readoff_gain(2), 12)
    0.282094791774
    """
    return float(1 / np.sqrt(2 * np.pi * _require.integer("s", s, 2)))


def rademacher_gain(s: int) -> float:
    """E[w_1 w_2 ReLU(w_1 + … + w_s)] for weights ±1.

    Half the largest binomial probability of s − 2 coins.

    >>> rademacher_gain(2), rademacher_gain(4)
    (0.5, 0.25)
    """
    s = _require.integer("s", s, 2, 1000)
    steps = np.arange(1, (s - 1) // 2 + 1)
    return float(0.5 * np.prod((2 * steps - 1) / (2 * steps)))


def relu_kernel(s: int, shared: int) -> float:
    """E[ReLU(S) ReLU(S')] for sums S, S' of s standard normals, `shared` of them in common.

    s/(2π) (√(1−ρ²) + ρ(π − arccos ρ)), ρ = shared/s: the arc-cosine kernel of degree 1 (Cho and
    Saul 2009).

    >>> relu_kernel(2, 2)
    1.0
    """
    s = _require.integer("s", s, 1)
    rho = _require.integer("shared", shared, 0, s) / s
    return float(s / (2 * np.pi) * (np.sqrt(1 - rho**2) + rho * (np.pi - np.arccos(rho))))


def least_variance_gain(s: int) -> float:
    """Γ = E[g²] of the interaction g(w_i, w_j), also its gain (theorem "Least variance").

    >>> round(least_variance_gain(2), 9)
    0.100314324
    """
    s = _require.integer("s", s, 2)
    return relu_kernel(s, 2) - 2 * relu_kernel(s, 1) + relu_kernel(s, 0)


def sign_readoff_tail(threshold: float, n_neurons: int, s: int) -> float:
    """P(|error| > threshold) of the sign readoff over layers, not both of the pair on.

    By the theorem "Exact law of the error" it is √(s K) g/(d c(s)), K ~ Binomial(d, ½), g standard normal.

    >>> round(sign_readoff_tail(0.0, 4, 2), 6)  # the error is 0 when no neuron is active
    0.9375
    """
    d, c = _require.integer("n_neurons", n_neurons, 1), sign_readoff_gain(s)
    active = np.arange(1, d + 1)
    scaled = _require.real("threshold", threshold, 0) * d * c / np.sqrt(s * active)
    return float(stats.binom.pmf(active, d, 0.5) @ (2 * stats.norm.sf(scaled)))


def sign_readoff_mean_error(n_neurons: int, s: int) -> float:
    """E|error| of the sign readoff over layers, not both of the pair on.

    √(2s/π) E√K/(d c(s)), K ~ Binomial(d, ½); tends to √(s/π)/(c(s)√d).

    >>> round(sign_readoff_mean_error(10**6, 2) * 10**3, 4)  # 2 + √2
    3.4142
    """
    d, c = _require.integer("n_neurons", n_neurons, 1), sign_readoff_gain(s)
    active = np.arange(d + 1)
    mean_root = stats.binom.pmf(active, d, 0.5) @ np.sqrt(active)
    return float(np.sqrt(2 * s / np.pi) * mean_root / (d * c))


def neuron_draws(
    n_draws: int, s: int, on: tuple[int, int], *, seed: int
) -> Float[np.ndarray, "3 draw"]:
    """Rows w_i, w_j and S of independent Gaussian neurons.

    S is the sum of s weights, w_i and w_j among them where `on` says so.

    >>> neuron_draws(4, 3, (1, 1), seed=0).shape
    (3, 4)
    """
    n, s = _require.integer("n_draws", n_draws, 1), _require.integer("s", s, 2)
    rng = np.random.default_rng(_require.integer("seed", seed, 0))
    i, j = _require.binary("on", on, (2,)).astype(int)
    wi, wj, rest = rng.standard_normal((3, n))
    return np.stack([wi, wj, i * wi + j * wj + np.sqrt(s - i - j) * rest])


def pair_limit(n_pairs: int, n_neurons: int) -> float:
    """Least possible ε when all inputs with exactly two ones must be read: W/(1 + W).

    W is the `welch_ratio` of M pairs and d neurons (theorem "A limit for every layer").

    >>> pair_limit(4950, 1), pair_limit(4950, 4950)
    (0.5, 0.0)
    """
    w = welch_ratio(n_pairs, n_neurons)
    return w / (1 + w)


def welch_ratio(n_pairs: int, n_neurons: int) -> float:
    """W = √((M − d)/(d(M − 1))) for M pairs and d neurons; 0 from d = M on (Welch 1974).

    The least root mean square off the diagonal of a rank-d matrix with unit diagonal.

    >>> welch_ratio(4950, 1)
    1.0
    """
    total = _require.integer("n_pairs", n_pairs, 2)
    d = min(_require.integer("n_neurons", n_neurons, 1), total)
    return float(np.sqrt((total - d) / (d * (total - 1))))


def hermite_gain(activation: str, powers: Sequence[int], s: int, bias: float = 0.0) -> float:
    """E[∏ He_p(w_i) φ(w_1 + … + w_s + bias)] = E[φ^(q)(S)], q = Σ powers, S ~ N(bias, s).

    The mean output of the readoff ∏ He_p(w_i) at a Gaussian neuron when its inputs are on.

    >>> round(hermite_gain("relu", (1, 1), 2) / product_readoff_gain(2), 6)
    1.0
    """
    return _hermite_moments(activation, powers, s, bias)[0]


def hermite_cost(activation: str, powers: Sequence[int], s: int, bias: float = 0.0) -> float:
    """RMS interference × √d of the readoff ∏ He_p(w_i) at unit gain, with its inputs off.

    √(∏ p!) √E[φ(S)²] / |E[φ^(q)(S)]| (theorem "Hermite law"); infinite where φ has no order q.

    >>> round(hermite_cost("relu", (1, 1), 2) / 2 / np.pi**0.5, 6)
    1.0
    >>> hermite_cost("relu", (1, 1, 1), 4)
    inf
    """
    gain, noise = _hermite_moments(activation, powers, s, bias)
    return (
        float(noise / abs(gain)) if abs(gain) > 1e-6 * noise else np.inf
    )  # below the quadrature's error


def _hermite_moments(
    activation: str, powers: Sequence[int], s: int, bias: float
) -> tuple[float, float]:
    """E[φ^(q)(S)] and √(∏ p! E[φ(S)²]), by quadrature with a node on the kink of φ at 0."""
    phi = ACTIVATIONS[_require.choice("activation", activation, ACTIVATIONS)]
    if not isinstance(powers, Sequence) or not powers:
        raise ValueError(f"powers: got {powers!r}, expected a sequence of integers at least 1")
    powers = [_require.integer("powers", p, 1, 8) for p in powers]
    s = _require.integer("s", s, len(powers))  # the inputs that are read are on
    far = 5 * np.sqrt(s)  # beyond it the grid would miss the bulk of S
    bias = _require.real("bias", bias, -far, far)
    g = np.linspace(-12, 12, 24001) - bias / np.sqrt(s)
    density = stats.norm.pdf(g) * (g[1] - g[0])
    values = phi(np.sqrt(s) * g + bias)
    if activation == "step":
        values[len(g) // 2] = 0.5
    q = sum(powers)
    derivative = (values * special.eval_hermitenorm(q, g)) @ density / s ** (q / 2)
    noise = np.sqrt(np.prod(special.factorial(powers)) * (values**2 @ density))
    return float(derivative), float(noise)


# Readoffs


def sign_readoff(
    weights: np.ndarray, pairs: np.ndarray, s: int
) -> Float[np.ndarray, "pair neuron"]:
    """sgn(w_ik w_jk)/(d c(s)): Hänni's readoff with its four constants solved.

    >>> np.sign(sign_readoff(np.array([[1.0, -2.0], [3.0, 1.0]]), np.array([[0, 1]]), 2)).tolist()
    [[-1.0, 1.0]]
    """
    wi, wj = _pair_weights(weights, pairs, s)
    return np.sign(wi * wj) / (len(weights) * sign_readoff_gain(s))


def product_readoff(
    weights: np.ndarray, pairs: np.ndarray, s: int
) -> Float[np.ndarray, "pair neuron"]:
    """w_ik w_jk √(2πs)/d: unbiased by Stein's lemma.

    >>> readoff = product_readoff(np.array([[1.0, -2.0]]), np.array([[0, 1]]), 2)
    >>> (readoff * product_readoff_gain(2)).tolist()
    [[-2.0]]
    """
    wi, wj = _pair_weights(weights, pairs, s)
    return wi * wj / (len(weights) * product_readoff_gain(s))


def rademacher_readoff(
    weights: np.ndarray, pairs: np.ndarray, s: int
) -> Float[np.ndarray, "pair neuron"]:
    """w_ik w_jk/(d c(s)) for weights ±1, c(s) their `rademacher_gain`.

    >>> rademacher_readoff(np.array([[1.0, -1.0]]), np.array([[0, 1]]), 2).tolist()
    [[-2.0]]
    """
    wi, wj = _pair_weights(weights, pairs, s)
    if (np.abs(weights) != 1).any():
        raise ValueError("weights: got an entry other than 1 and -1, expected weights ±1 only")
    return wi * wj / (len(weights) * rademacher_gain(s))


def least_variance_readoff(
    weights: np.ndarray, pairs: np.ndarray, s: int
) -> Float[np.ndarray, "pair neuron"]:
    """g(w_ik, w_jk)/(d Γ) with the least variance when neither is on.

    g = T₂(w_i + w_j) − T₁(w_i) − T₁(w_j) + T₀, T_q(t) = E[ReLU(t + N(0, s − q))] (theorem "Least
    variance"); its mean is right in all four cases.

    >>> least_variance_readoff(np.ones((1, 2)), np.array([[0, 1]]), 2).shape
    (1, 1)
    """
    wi, wj = _pair_weights(weights, pairs, s)
    g = (
        _mean_relu(wi + wj, s - 2)
        - _mean_relu(wi, s - 1)
        - _mean_relu(wj, s - 1)
        + np.sqrt(s / (2 * np.pi))
    )
    return g / (len(weights) * least_variance_gain(s))


def _pair_weights(weights: np.ndarray, pairs: np.ndarray, s: int) -> tuple[np.ndarray, np.ndarray]:
    w = _require.array("weights", weights, (None, None))
    _require.integer("s", s, 2, w.shape[1])
    i, j = _require.pairs("pairs", pairs, w.shape[1])
    return w[:, i].T, w[:, j].T


def _mean_relu(t: np.ndarray, variance: int) -> np.ndarray:
    """E[ReLU(t + N(0, variance))]."""
    if variance == 0:
        return np.maximum(t, 0)
    z = t / np.sqrt(variance)
    return np.sqrt(variance) * (stats.norm.pdf(z) + z * stats.norm.cdf(z))


def centred(readoffs: np.ndarray) -> Float[np.ndarray, "pair neuron"]:
    """The readoffs less their mean over the neurons: they do not see the mean activation.

    >>> centred(np.array([[1.0, 3.0]])).tolist()
    [[-1.0, 1.0]]
    """
    r = _require.array("readoffs", readoffs, (None, None))
    return r - r.mean(1, keepdims=True)


def least_squares_readoff(
    layer: Layer,
    inputs: np.ndarray,
    pairs: np.ndarray | None = None,
    *,
    task: str = "and",
    class_weights: Sequence[float] | np.ndarray = (1.0, 1.0, 1.0),
    chunk: int = 4096,
) -> Float[np.ndarray, "pair neuron"]:
    """The readoffs that minimise Σ_x ω (r·a(x) − y)² over the rows of `inputs`, exactly.

    `class_weights` are the ω of inputs with neither, one and both of the pair on. Solves
    (Σ ω a aᵀ) r = Σ ω y a for each pair (all pairs by default). Activations are recomputed
    `chunk` rows at a time, so memory does not grow with the rows beyond the inputs' own bits.

    >>> layer = Layer(np.array([[1.0, 1.0]]), np.array([-1.0]))
    >>> four = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> least_squares_readoff(layer, four).round(6).tolist()
    [[1.0]]
    """
    x = _require.binary("inputs", inputs, (None, checked(layer).weights.shape[1]))
    pairs = all_pairs(x.shape[1]) if pairs is None else pairs
    i, j = _require.pairs("pairs", pairs, x.shape[1])
    if len(np.unique(np.sort(pairs, 1), axis=0)) < len(pairs):
        raise ValueError("pairs: got a pair twice, expected different pairs")
    neither, one, both = _class_weights(class_weights)
    xor = _require.choice("task", task, ("and", "xor")) == "xor"
    chunk = _require.integer("chunk", chunk, 1)
    hits = _both_on(x, i, j)
    gram, single, double = _moments(layer, x, hits, chunk)
    sums = one * (single[i] + single[j] - 2 * double) if xor else both * double
    # far below the sampling error; it keeps silent and repeated neurons from making G singular
    ridge = 1e-10 * gram.trace() / len(gram) + np.finfo(float).tiny
    gram.flat[:: len(gram) + 1] += ridge
    if neither == one == both:
        return linalg.solve(gram, sums.T / both, assume_a="pos").T
    solved = np.empty_like(sums)
    with threadpool_limits(1):  # thousands of small systems: threads would wait for each other
        used = np.unique(pairs) if one != neither else ()
        on = {k: _gram(layer, x[x[:, k]], chunk) for k in used}
        for p, rows in enumerate(np.split(hits.indices, hits.indptr[1:-1])):
            system = neither * gram + (both - 2 * one + neither) * _gram(layer, x[rows], chunk)
            if on:
                system += (one - neither) * (on[i[p]] + on[j[p]])
            solved[p] = linalg.solve(system, sums[p], assume_a="pos")
    return solved


def _class_weights(weights: Sequence[float] | np.ndarray) -> list[float]:
    weights = _require.array("class_weights", weights, (3,))  # neither, one, both on
    return [_require.real("class_weights", w, np.finfo(float).tiny) for w in weights]


def _moments(layer: Layer, x: np.ndarray, hits: sparse.csr_array, chunk: int) -> tuple:
    """Σ a aᵀ, then Σ a over the rows where an input is on, and over those where a pair is on."""
    columns, gram, single, double = hits.tocsc(), 0.0, 0.0, 0.0
    for rows in (slice(start, start + chunk) for start in range(0, len(x), chunk)):
        a = activations(layer, x[rows])
        gram = gram + a.T @ a
        single = single + x[rows].T.astype(float) @ a
        double = double + columns[:, rows] @ a
    return gram, single, double


def _gram(layer: Layer, inputs: np.ndarray, chunk: int) -> np.ndarray:
    """Σ a aᵀ over the rows of `inputs`, which may be none."""
    gram = np.zeros((len(layer.weights),) * 2)
    for start in range(0, len(inputs), chunk):
        a = activations(layer, inputs[start : start + chunk])
        gram += a.T @ a
    return gram


def _both_on(x: np.ndarray, i: np.ndarray, j: np.ndarray) -> sparse.csr_array:
    """(pairs, samples), 1 where both of the pair are on, found from the few inputs that are on."""
    number = np.full((x.shape[1],) * 2, -1)
    number[i, j] = number[j, i] = np.arange(len(i))
    sample, on = np.nonzero(x)
    found = []
    for lag in range(1, x.sum(1).max()):
        same = np.flatnonzero(sample[lag:] == sample[:-lag])
        pair = number[on[same], on[same + lag]]
        found.append(np.stack([pair, sample[same]])[:, pair >= 0])
    pair, sample = np.concatenate(found, 1) if found else np.zeros((2, 0), int)
    return sparse.csr_array((np.ones(len(pair)), (pair, sample)), (len(i), len(x)))


# The sparse construction: weights 0 and 1, the bias leaves a neuron silent below `fan_in` inputs


def sparse_layer(
    n_neurons: int, n_inputs: int, *, rate: float, seed: int, fan_in: int = 2
) -> Layer:
    """A ReLU layer with weights 1 with probability `rate`, else 0, and all biases 1 − fan_in.

    >>> sparse_layer(2, 3, rate=1, seed=0).weights.tolist()
    [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """
    shape = _require.integer("n_neurons", n_neurons, 1), _require.integer("n_inputs", n_inputs, 1)
    rng = np.random.default_rng(_require.integer("seed", seed, 0))
    wired = rng.random(shape) < _rate(rate)
    return Layer(
        wired.astype(float), np.full(shape[0], 1.0 - _require.integer("fan_in", fan_in, 1))
    )


def intersection_readoff(
    weights: np.ndarray, groups: np.ndarray
) -> Float[np.ndarray, "group neuron"]:
    """The mean over the neurons wired to all inputs of a group (a row of `groups`); 0 if none is.

    >>> intersection_readoff(np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]]), np.array([[0, 1]])).tolist()
    [[0.5, 0.5, 0.0]]
    """
    w = _require.binary("weights", weights, (None, None))
    groups = _require.array("groups", groups, (None, None))
    if groups.dtype.kind not in "iu" or groups.min() < 0 or groups.max() >= w.shape[1]:
        raise ValueError(
            f"groups: got {groups.dtype} rows, expected integers from 0 to {w.shape[1] - 1}"
        )
    wired = w[:, groups].all(2).T
    return wired / np.maximum(wired.sum(1, keepdims=True), 1)


def sparse_error_law(
    n_neurons: int, rate: float, s: int, on: int, fan_in: int = 2
) -> tuple[float, float]:
    """Mean and root mean square, over sparse layers, of the error of the intersection readoff.

    `on` inputs of the group are on and s in all. A neuron wired to the group outputs ReLU(on + T +
    1 − fan_in), T ~ Binomial(s − on, rate); there are Binomial(d, rate^fan_in) of them, and with
    none the output is 0 (theorem "Errors of the sparse construction", chapter universal-and).

    >>> [round(value, 9) for value in sparse_error_law(10, 1, 3, 1)]
    [2.0, 2.0]
    """
    d, k = _require.integer("n_neurons", n_neurons, 1), _require.integer("fan_in", fan_in, 1)
    s, p = _require.integer("s", s, 0), _rate(rate)
    on = _require.integer("on", on, 0, min(k, s))
    extra = np.arange(s - on + 1)
    error = np.maximum(on + extra + 1 - k, 0) - (on == k)
    chance = stats.binom.pmf(extra, s - on, p)
    mean, square = chance @ error, chance @ error**2
    wired = stats.binom.pmf(np.arange(d + 1), d, p**k)
    some, inverse = 1 - wired[0], wired[1:] @ (1 / np.arange(1, d + 1))
    total = mean**2 * some + (square - mean**2) * inverse + wired[0] * (on == k)
    return float(mean * some - wired[0] * (on == k)), float(np.sqrt(total))


def contrast_readoff(
    weights: np.ndarray, pairs: np.ndarray, rate: float, s: int, bias: float = -1.0
) -> Float[np.ndarray, "pair neuron"]:
    """(w_i − p)(w_j − p)/(d γ) for weights 0 and 1: unbiased, γ its mean at a neuron, both on.

    γ = p²(1 − p)² E[ReLU(T + 2 + b) − 2 ReLU(T + 1 + b) + ReLU(T + b)], T ~ Binomial(s − 2, p)
    (proposition "A readoff without bias", chapter universal-and).

    >>> contrast_readoff(np.array([[1, 1], [1, 0]]), np.array([[0, 1]]), 0.5, 2).tolist()
    [[2.0, -2.0]]
    """
    wi, wj = _pair_weights(_require.binary("weights", weights, (None, None)), pairs, s)
    p = _rate(rate)
    t = np.arange(s - 1) + _require.real("bias", bias)
    jump = np.maximum(t + 2, 0) - 2 * np.maximum(t + 1, 0) + np.maximum(t, 0)
    gain = (p * (1 - p)) ** 2 * (stats.binom.pmf(np.arange(s - 1), s - 2, p) @ jump)
    if gain <= 0:
        raise ValueError(f"rate, bias: got {rate} and {bias}, expected a layer with a gain above 0")
    return (wi - p) * (wj - p) / (len(weights) * gain)


def _rate(rate: float) -> float:
    return _require.real("rate", rate, np.finfo(float).tiny, 1)


# Limits for every layer of d neurons when all inputs with exactly s of m on must be read


def inclusion_spectrum(n_inputs: int, s: int) -> list[tuple[int, int]]:
    """(eigenvalue, multiplicity) of B Bᵀ, B[pair, x] = x_i x_j over all x with s of m on.

    C(s−j, 2−j) C(m−2−j, s−2) for j = 0, 1, 2, on spaces of dimension C(m, j) − C(m, j−1) (Wilson).

    >>> inclusion_spectrum(8, 3)
    [(18, 1), (10, 7), (4, 20)]
    """
    m = _require.integer("n_inputs", n_inputs, 4)
    s = _require.integer("s", s, 2, m - 2)
    sizes = (1, m - 1, comb(m, 2) - m)
    return [(comb(s - j, 2 - j) * comb(m - 2 - j, s - 2), sizes[j]) for j in range(3)]


def least_mean_square(n_inputs: int, s: int, n_neurons: int) -> float:
    """The least mean squared error over all pairs and inputs: the eigenvalues beyond the first d.

    >>> round(least_mean_square(8, 3, 8) * 28 * 56, 9)  # 20 eigenvalues 4
    80.0
    """
    left, spectrum = _require.integer("n_neurons", n_neurons, 1), inclusion_spectrum(n_inputs, s)
    rest = 0
    for value, size in spectrum:  # they fall with j
        rest, left = rest + value * max(size - left, 0), max(left - size, 0)
    return rest / (comb(n_inputs, 2) * comb(n_inputs, s))


def least_error(n_inputs: int, s: int, n_neurons: int) -> float:
    """A lower limit of ε: the root of `least_mean_square`, or a dual bound if that is larger.

    ⟨Y, B⟩ − ε‖B‖₁ ≤ ‖A‖_F (Σ_{i ≤ d} σ_i(B)²)^½ for outputs A within ε of the targets Y and every B;
    here B[pair, x] = β|pair ∩ x| + [both on], β ≤ 0 (theorem "A limit for every s", chapter
    universal-and).

    >>> round(least_error(30, 5, 30), 4), least_error(8, 3, 28)
    (0.2245, 0.0)
    """
    root = np.sqrt(least_mean_square(n_inputs, s, n_neurons))
    m, d, total = n_inputs, n_neurons, comb(n_inputs, 2)
    counts = total * np.array([comb(m - 2, s), 2 * comb(m - 2, s - 1), comb(m - 2, s - 2)])
    both, sizes = np.array(inclusion_spectrum(m, s)).T
    either = np.array([2 * (m - 1) * s * comb(m - 1, s - 1), (m - 2) * comb(m - 2, s - 1), 0])

    def bound(beta: float) -> float:
        entries = np.array([0, beta, 2 * beta + 1])
        squares = (beta * np.sqrt(either) + np.sqrt(both)) ** 2
        order = np.argsort(-squares)
        taken = np.diff(np.minimum(np.cumsum(sizes[order]), d), prepend=0)
        top = np.sqrt(taken @ squares[order])

        def slack(eps: float) -> float:
            norm = np.sqrt(counts[:2].sum() * eps**2 + counts[2] * (1 + eps) ** 2)
            return counts[2] * entries[2] - eps * (counts @ np.abs(entries)) - norm * top

        return optimize.brentq(slack, 0, 1) if slack(0) > 0 else 0.0

    best = optimize.minimize_scalar(lambda b: -bound(b), bounds=(-0.5, 0), method="bounded")
    return float(max(root, -best.fun))
