"""Parameter-function maps, and the priors they put on Boolean functions.

A map turns random parameters into a Boolean function of n inputs. Its prior φ(f) is the probability
of the parameters that give f. A map has a real output at each input; the function is 1 where that
is positive. Functions are packed truth tables (see `boolean`), rows of bytes.
"""

import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from itertools import combinations, product, repeat
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Num, UInt8
from scipy import stats

from helpers import _require, boolean

BLOCK = 8192  # functions per seed; the result does not depend on the number of threads
ROOM = 2**26  # numbers at once on a GPU, 256 MiB: several processes may share it
WORK = 2**33  # numbers that an enumeration may go through, in about ten seconds
ACTIVATIONS = ("relu", "tanh")
DISTRIBUTIONS = ("gaussian", "uniform")


class Prior(NamedTuple):
    """A prior over functions: distinct packed rows in lexicographic order, and their weights.

    `weights` count parameter points (exact), samples (not exact), or are exact probabilities.
    """

    functions: UInt8[np.ndarray, "function byte"]
    weights: Num[np.ndarray, " function"]
    n_inputs: int
    exact: bool

    @property
    def probabilities(self) -> Float[np.ndarray, " function"]:
        """φ(f), or the share of the samples, summing to 1."""
        return self.weights / self.weights.sum()


class Map:
    """What all maps share. A subclass gives `n_inputs` and `_drawer`."""

    n_inputs: int
    batch: ClassVar[int] = 32  # networks computed together on a CPU, so that they fit its cache
    least: ClassVar[dict[str, int]] = {}  # smallest values of whole-number settings, 1 unless named

    def __post_init__(self) -> None:
        _require.integer("n_inputs", self.n_inputs, 1, 16)
        for name in [field.name for field in fields(self) if field.type is int]:
            _require.integer(name, getattr(self, name), self.least.get(name, 1))
        for name in [field.name for field in fields(self) if field.type is float]:
            _require.real(name, getattr(self, name), 0)

    def _drawer(self, count: int, generator: torch.Generator) -> Callable[[], torch.Tensor]:
        """A function that draws parameters, `count` sets or more: outputs (set, 2**n_inputs)."""
        raise NotImplementedError

    def sample(
        self, n_samples: int, *, seed: int, device: str = "cpu"
    ) -> UInt8[np.ndarray, "sample byte"]:
        """Functions of independent parameters, packed, shape (n_samples, ceil(2**n_inputs / 8)).

        On a CPU, blocks with seeds of their own run on as many threads as torch has. On the `device`
        "cuda" other numbers are drawn, from the same law. A longer sample begins with a shorter one
        of its seed. Raises ValueError for a number below 1 or a device that torch does not see.

        >>> MLP(3).sample(2, seed=0).shape
        (2, 1)
        """
        total = _require.integer("n_samples", n_samples, 1)
        seeds = np.random.SeedSequence(_require.integer("seed", seed, 0)).spawn(-(-total // BLOCK))
        states = [int(spawned.generate_state(1, np.uint64)[0]) >> 1 for spawned in seeds]
        sizes = [min(BLOCK, total - start) for start in range(0, total, BLOCK)]
        threads = torch.get_num_threads()
        if _require.device("device", device) != "cpu" or threads == 1:
            return np.concatenate(list(map(self._block, states, sizes, repeat(device))))
        torch.set_num_threads(1)  # one a block: many small products share a cache, not cores
        try:
            with ThreadPoolExecutor(threads) as pool:
                return np.concatenate(list(pool.map(self._block, states, sizes)))
        finally:
            torch.set_num_threads(threads)

    def _block(self, state: int, size: int, device: str = "cpu") -> np.ndarray:
        generator = torch.Generator(device).manual_seed(state)
        if device == "cpu":
            batch = max(2, min(self.batch, 2**12 >> self.n_inputs))
        else:
            batch = 2 * max(1, min(BLOCK, ROOM // self._size()) // 2)
        with torch.inference_mode():
            draw, packed = self._drawer(batch, generator), []
            while sum(map(len, packed)) < size:
                packed.append(_pack(draw()))
            return np.concatenate(packed)[:size]

    def _size(self) -> int:
        """About how many numbers one set of parameters and its outputs take."""
        return 2 ** (self.n_inputs + 6)

    def _cube(self, generator: torch.Generator) -> torch.Tensor:
        """The inputs as columns over a row of ones, (n_inputs + 1, 2**n_inputs)."""
        points = self._points(generator).T
        return torch.cat([points, torch.ones_like(points[:1])])

    def _points(self, generator: torch.Generator) -> torch.Tensor:
        """All inputs as a float tensor (2**n_inputs, n_inputs) on the generator's device."""
        return torch.from_numpy(boolean.inputs(self.n_inputs)).float().to(generator.device)


def _how(generator: torch.Generator) -> dict:
    return dict(generator=generator, device=generator.device)


def _pack(outputs: torch.Tensor) -> np.ndarray:
    return np.packbits((outputs > 0).cpu().numpy(), axis=-1)


@dataclass(frozen=True)
class MLP(Map):
    """A multilayer perceptron on {0,1}^n with random weights; no hidden layer: a perceptron.

    Weights have mean 0 and variance weight_std²/fan_in, biases variance bias_std², "gaussian" or
    "uniform"; a tuple gives each layer its own standard deviation. With `signs` the inputs are read
    as ±1. A uniform number is a whole one of 16 random bits and a uniform fraction: together the
    uniform law, with no bias. Networks of a block share fractions, but no bits.
    """

    n_inputs: int
    hidden: tuple[int, ...] = (40, 40)
    activation: str = "relu"
    weight_std: float | tuple[float, ...] = 1.0
    bias_std: float | tuple[float, ...] = 1.0
    distribution: str = "gaussian"
    signs: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.signs, bool):
            raise ValueError(f"signs: got {self.signs!r}, expected True or False")
        if not isinstance(self.hidden, tuple):
            raise ValueError(f"hidden: got {self.hidden!r}, expected a tuple of widths")
        for width in self.hidden:
            _require.integer("hidden", width, 1)
        _require.choice("activation", self.activation, ACTIVATIONS)
        _require.choice("distribution", self.distribution, DISTRIBUTIONS)
        self._stds()

    def _stds(self) -> list[tuple[float, float, int]]:
        """Of each layer the standard deviations of a weight and of a bias, and the fan-in."""
        fan_in, pairs = (self.n_inputs, *self.hidden), []
        for name, value in {"weight_std": self.weight_std, "bias_std": self.bias_std}.items():
            values = value if isinstance(value, tuple) else (value,) * len(fan_in)
            if len(values) != len(fan_in):
                expected = f"a number or one for each of {len(fan_in)} layers"
                raise ValueError(f"{name}: got {len(values)} values, expected {expected}")
            pairs.append([_require.real(name, value, 0) for value in values])
        weights, biases = pairs
        return [(w / f**0.5, b, f) for w, b, f in zip(weights, biases, fan_in, strict=True)]

    def _size(self) -> int:
        return sum(4 * one.numel() + len(one) * 2**self.n_inputs for one in self._affine()[0])

    def _drawer(self, count: int, generator: torch.Generator) -> Callable[[], torch.Tensor]:
        # Units are rows, points columns. A last row of ones carries the biases, so each layer is
        # one product into memory that is kept; a last unit that reads nothing else keeps the row.
        # Numbers are drawn for all networks, but values kept for half of them, in a core's cache.
        cube, tanh = self._cube(generator), self.activation == "tanh"
        if self.signs:
            cube[:-1].mul_(2).sub_(1)
        pairs = list(zip(*self._affine(), strict=True))
        scale, shift = (
            torch.cat([layer.repeat(count, 1, 1).flatten() for layer in layers]).to(cube.device)
            for layers in zip(*pairs, strict=True)
        )
        if self.distribution == "uniform":
            shift.addcmul_(scale, torch.rand(len(scale), **_how(generator)))
        numbers, sizes = torch.empty_like(scale), [count * layer.numel() for layer, _ in pairs]
        weights = zip(numbers.split(sizes), pairs, strict=True)
        weights = [part.view(2, count // 2, *layer.shape) for part, (layer, _) in weights]
        halves = [[weights[0][k].flatten(0, 1), *(part[k] for part in weights[1:])] for k in (0, 1)]
        values = [cube.new_empty(*part.shape[1:3], cube.shape[1]) for part in weights]
        # on a CPU one call gives the numbers of several rounds
        rounds = (
            max(1, min(8, 2**15 // (count * cube.shape[1]))) if cube.device.type == "cpu" else 1
        )
        outputs = cube.new_empty(rounds, 2, *values.pop().shape)
        source = self._source(rounds * len(scale), generator)

        def draw() -> torch.Tensor:
            drawn = source().view(rounds, -1)
            _forward(drawn, scale, shift, numbers, cube, halves, values, tanh, outputs)
            return outputs.flatten(0, 3)

        return draw

    def _affine(self) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """For each layer what its numbers are multiplied by, and what is then added.

        The last row of a hidden layer is the unit that is always 1.
        """
        unit = 1.0 if self.distribution == "gaussian" else 12**0.5 / 2**16
        scales, shifts = [], []
        for width, (weight, bias, fan_in) in zip((*self.hidden, 0), self._stds(), strict=True):
            scales.append(unit * torch.tensor([weight] * fan_in + [bias]).repeat(width + 1, 1))
            shifts.append(torch.zeros_like(scales[-1]))
        for scale, shift in zip(scales[:-1], shifts[:-1], strict=True):
            scale[-1], shift[-1, -1] = 0, 20 if self.activation == "tanh" else 1  # tanh 20 is 1
        return scales, shifts

    def _source(self, count: int, generator: torch.Generator) -> Callable[[], torch.Tensor]:
        """Gives so many numbers: normal, or whole ones of 16 bits, from NumPy's fastest source."""
        if self.distribution == "gaussian":
            numbers = torch.empty(count, device=generator.device)  # kept: new memory costs more
            return lambda: numbers.normal_(generator=generator)
        if generator.device.type == "cpu":
            bits, words = np.random.SFC64(generator.initial_seed()), -(-count // 4)
            return lambda: torch.from_numpy(bits.random_raw(words).view(np.int16))[:count]
        how = dict(dtype=torch.int16, **_how(generator))
        return lambda: torch.randint(-(2**15), 2**15, (count,), **how)


def _forward(
    drawn: torch.Tensor,
    scale: torch.Tensor,
    shift: torch.Tensor,
    numbers: torch.Tensor,
    cube: torch.Tensor,
    weights: list[list[torch.Tensor]],
    layers: list[torch.Tensor],
    tanh: bool,
    outputs: torch.Tensor,
) -> None:
    """Fill `outputs` with networks of the numbers in each row of `drawn`; `weights` view `numbers`."""
    for i in range(len(drawn)):
        row = drawn[i]
        if not row.is_floating_point():
            row = numbers.copy_(row)
        torch.addcmul(shift, row, scale, out=numbers)
        for half in range(2):
            values = layers + [outputs[i, half]]
            torch.mm(weights[half][0], cube, out=values[0].flatten(0, 1))
            for j in range(len(layers)):
                if tanh:
                    layers[j].tanh_()
                else:
                    layers[j].relu_()
                torch.bmm(weights[half][j + 1], layers[j], out=values[j + 1])


with warnings.catch_warnings():  # TorchScript ages, but nothing else runs a loop without Python's
    warnings.simplefilter("ignore", DeprecationWarning)  # lock, for which threads would wait
    _forward = torch.jit.script(inspect.unwrap(_forward))  # without a type checker's wrapper


@dataclass(frozen=True)
class LookupTable(Map):
    """Every bit of the truth table a fair coin of its own: the uniform prior."""

    n_inputs: int

    def _drawer(self, count: int, generator: torch.Generator) -> Callable[[], torch.Tensor]:
        return lambda: torch.randn(count, 2**self.n_inputs, **_how(generator))

    def _exact(self) -> np.ndarray:
        return np.full(2**2**self.n_inputs, 0.5**2**self.n_inputs)


@dataclass(frozen=True)
class Polynomial(Map):
    """Σ_S c_S Π_{i in S} x_i over sets of at most `degree` inputs in ±1, coefficients N(0, 1).

    At degree n the values at the 2^n inputs are independent: the lookup table.
    """

    n_inputs: int
    degree: int
    least: ClassVar[dict[str, int]] = {"degree": 0}

    def __post_init__(self) -> None:
        super().__post_init__()
        _require.integer("degree", self.degree, 0, self.n_inputs)

    def _drawer(self, count: int, generator: torch.Generator) -> Callable[[], torch.Tensor]:
        signs = 1 - 2 * self._points(generator)
        sets = [s for k in range(self.degree + 1) for s in combinations(range(self.n_inputs), k)]
        monomials = torch.stack([signs[:, list(s)].prod(dim=1) for s in sets])
        return lambda: torch.randn(count, len(sets), **_how(generator)) @ monomials


@dataclass(frozen=True)
class FourierFeatures(Map):
    """Σ_k c_k cos(w_k·x + b_k): c ~ N(0, 1), w ~ N(0, frequency²), b uniform (Rahimi, Recht 2007)."""

    n_inputs: int
    frequency: float
    n_features: int = 64

    def _drawer(self, count: int, generator: torch.Generator) -> Callable[[], torch.Tensor]:
        points, how = self._points(generator), _how(generator)
        shape = (count, self.n_features)

        def draw() -> torch.Tensor:
            waves = self.frequency * torch.randn(*shape, self.n_inputs, **how) @ points.T
            waves += 2 * torch.pi * torch.rand(*shape, 1, **how)
            return torch.einsum("bk,bkx->bx", torch.randn(shape, **how), waves.cos_())

        return draw


@dataclass(frozen=True)
class DecisionTree(Map):
    """A full binary tree: each inner node tests a random input, each leaf is a fair coin."""

    n_inputs: int
    depth: int

    def _drawer(self, count: int, generator: torch.Generator) -> Callable[[], torch.Tensor]:
        bits, how = self._points(generator).long().T, _how(generator)
        leaves = 2**self.depth

        def draw() -> torch.Tensor:
            tests = torch.randint(self.n_inputs, (count, leaves - 1), **how)
            node = torch.zeros_like(bits[:1]).repeat(count, 1)
            for _ in range(self.depth):
                node = 2 * node + 1 + bits.gather(0, tests.gather(1, node))
            return torch.randn(count, leaves, **how).gather(1, node - leaves + 1)

        return draw

    def _exact(self) -> np.ndarray:
        """P of a subtree of depth d over k untested inputs: a repeated test changes nothing."""
        ks = range(self.n_inputs + 1)
        prior = [np.isin(np.arange(2**2**k), [0, 2**2**k - 1]) / 2 for k in ks]
        for _ in range(self.depth):
            prior = [self._deeper(prior, k) for k in ks]
        return prior[-1]

    def _deeper(self, prior: list[np.ndarray], k: int) -> np.ndarray:
        total = (self.n_inputs - k) * prior[k]
        for axis in range(k):
            tables = boolean.tables(k).reshape(-1, 2**axis, 2, 2 ** (k - axis - 1))
            low, high = (tables[:, :, bit].reshape(len(tables), -1) for bit in (0, 1))
            total += prior[k - 1][boolean.index(low)] * prior[k - 1][boolean.index(high)]
        return total / self.n_inputs


@dataclass(frozen=True)
class NearestNeighbour(Map):
    """The label, a fair coin, of the nearest of `n_points` uniform points of the unit cube."""

    n_inputs: int
    n_points: int

    def _drawer(self, count: int, generator: torch.Generator) -> Callable[[], torch.Tensor]:
        corners, how = self._points(generator), _how(generator)

        def draw() -> torch.Tensor:
            points = torch.rand(count, self.n_points, self.n_inputs, **how)
            nearest = torch.cdist(corners, points).argmin(dim=-1)
            return torch.randn(count, self.n_points, **how).gather(1, nearest)

        return draw


@dataclass(frozen=True)
class Transformer(Map):
    """A random encoder: a token per bit, `layers` of attention and MLP, read at the mean token.

    All weights N(0, weight_std²/fan_in), embeddings and positions N(0, 1), no biases, layer norm
    before every block and before the readout.
    """

    n_inputs: int
    width: int = 16
    layers: int = 2
    heads: int = 2
    weight_std: float = 1.0
    batch: ClassVar[int] = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % self.heads:
            raise ValueError(f"heads: got {self.heads}, expected a divisor of width {self.width}")

    def _size(self) -> int:
        return 2**self.n_inputs * self.n_inputs * 12 * self.width

    def _drawer(self, count: int, generator: torch.Generator) -> Callable[[], torch.Tensor]:
        bits, how = self._points(generator).long(), _how(generator)
        d, norm = self.width, torch.nn.functional.layer_norm

        def linear(x: torch.Tensor, out: int) -> torch.Tensor:
            weight = torch.randn(count, x.shape[-1], out, **how)
            weight *= self.weight_std / x.shape[-1] ** 0.5
            return (x.flatten(1, -2) @ weight).view(*x.shape[:-1], out)

        def attention(x: torch.Tensor) -> torch.Tensor:
            three = (linear(x, d).unflatten(-1, (self.heads, -1)) for _ in "qkv")
            q, k, v = (part.transpose(-3, -2) for part in three)
            mixed = torch.nn.functional.scaled_dot_product_attention(q, k, v)
            return linear(mixed.transpose(-3, -2).flatten(-2), d)

        def draw() -> torch.Tensor:
            embedding = torch.randn(count, 2, d, **how)
            x = embedding[:, bits] + torch.randn(count, 1, self.n_inputs, d, **how)
            for _ in range(self.layers):
                x = x + attention(norm(x, (d,)))
                x = x + linear(linear(norm(x, (d,)), 4 * d).relu_(), d)
            return linear(norm(x, (d,)).mean(dim=-2), 1)[..., 0]

        return draw


@dataclass(frozen=True)
class QuantizedNetwork(Map):
    """A ReLU network with one hidden layer (none: a perceptron) whose parameters take few values.

    Weights and biases are uniform on `levels` equally spaced values symmetric about zero: −1, 0, 1
    for three, ±1, ±3, ±5, ±7 for eight.
    """

    n_inputs: int
    hidden: int = 0
    levels: int = 3
    least: ClassVar[dict[str, int]] = {"hidden": 0, "levels": 2}

    @property
    def values(self) -> np.ndarray:
        """The values of a parameter, integers."""
        odd = np.arange(1 - self.levels, self.levels, 2)
        return odd // 2 if self.levels % 2 else odd

    @property
    def n_parameters(self) -> int:
        """Weights and biases together."""
        return self.hidden * (self.n_inputs + 2) + 1 if self.hidden else self.n_inputs + 1

    def _drawer(self, count: int, generator: torch.Generator) -> Callable[[], torch.Tensor]:
        device, cube = generator.device, self._cube(generator)
        values = torch.from_numpy(self.values).float().to(device)

        def numbers(*shape: int) -> torch.Tensor:
            return values[torch.randint(self.levels, shape, generator=generator, device=device)]

        def draw() -> torch.Tensor:
            if not self.hidden:
                return numbers(count, self.n_inputs + 1) @ cube
            hidden = (numbers(count, self.hidden, self.n_inputs + 1) @ cube).relu_()
            return (numbers(count, 1, self.hidden) @ hidden)[:, 0] + numbers(count, 1)

        return draw

    def _exact(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Packed functions with their numbers of parameter points, in chunks, with repeats.

        The output is a sum of independent terms, one for each hidden unit (perceptron: input), and
        the bias. Equal sums are merged; the last term and the bias are added chunk by chunk.
        """
        self._afford(self.levels ** (self.n_inputs + 2 if self.hidden else self.n_parameters), WORK)
        *terms, (last, last_times) = self._terms()
        sums, counts = 0 * last[:1], np.ones(1, np.int64)
        for term, times in terms:
            self._afford(len(sums) * len(term), WORK >> 4)  # of these all are kept at once
            sums = (sums[:, None] + term).reshape(-1, sums.shape[1])
            counts = np.outer(counts, times).ravel()
            if self.hidden:  # a perceptron's sums differ
                sums, counts = _merge(sums, counts)
        self._afford(len(sums) * len(last) * self.levels, WORK)
        for (term, times), bias in product(zip(last, last_times, strict=True), self.values):
            yield np.packbits(sums > -term - bias.astype(term.dtype), axis=-1), counts * times

    def _terms(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """What each hidden unit, or else each input, may add at all inputs: values and counts."""
        n, values, points = self.n_inputs, self.values, boolean.inputs(self.n_inputs).astype(int)
        most = values[-1] * (self.hidden * values[-1] * (n + 1) if self.hidden else n) + values[-1]
        units = points.T[:, None]  # (term, choice of the unit, point)
        if self.hidden:
            grid = np.stack(np.meshgrid(*[values] * (n + 1)), -1).reshape(-1, n + 1)
            units = np.maximum(grid[:, :-1] @ points.T + grid[:, -1:], 0)[None]
        added = (values[:, None, None] * units[:, None]).reshape(len(units), -1, len(points))
        return [_merge(a) for a in added.astype(np.min_scalar_type(-most))] * max(1, self.hidden)

    def _afford(self, sums: int, most: int) -> None:
        if sums > most >> self.n_inputs:
            what = f"{sums:.1e} sums at {2**self.n_inputs} inputs"
            limit = f"expected at most {most >> self.n_inputs:.1e}"
            raise ValueError(f"parameter_map: got {self}, which needs {what}, {limit}")


@dataclass(frozen=True)
class DeepBooleanMachine(Map):
    """`depth` layers, each node a uniformly random function of all n nodes below (Fink 2026)."""

    n_inputs: int
    depth: int

    def _drawer(self, count: int, generator: torch.Generator) -> Callable[[], torch.Tensor]:
        size, how = 2**self.n_inputs, _how(generator)

        def draw() -> torch.Tensor:
            # n random functions of n nodes are a random map of the 2^n states
            state = torch.arange(size, device=generator.device).expand(count, size)
            for _ in range(self.depth - 1):
                state = torch.randint(size, (count, size), **how).gather(1, state)
            return torch.randn(count, size, **how).gather(1, state)

        return draw

    def _exact(self) -> np.ndarray:
        ones = boolean.tables(self.n_inputs).sum(axis=1)
        return (deep_boolean_machine(self.n_inputs, self.depth) / np.bincount(ones))[ones]


def deep_boolean_machine(k: int, depth: int) -> Float[np.ndarray, " ones"]:
    """The exact law of the number of ones of a deep Boolean machine, shape (2**k + 1,).

    On N = 2^k: Binomial(N, 1/2) at depth 1; each further layer takes h to Binomial(N, h/N), the
    Wright-Fisher chain. All functions with equally many ones are equally likely.
    Source: Fink 2026, arXiv 2603.01217.

    >>> deep_boolean_machine(1, 2).round(6).tolist()
    [0.375, 0.25, 0.375]
    """
    size = 2 ** _require.integer("k", k, 1, 12)
    ones = np.arange(size + 1)
    law = stats.binom.pmf(ones, size, 0.5)
    step = stats.binom.pmf(ones, size, ones[:, None] / size)
    for _ in range(_require.integer("depth", depth, 1) - 1):
        law = law @ step
    return law


def exact_prior(parameter_map: Map) -> Prior:
    """The prior of a map that can be enumerated: every function that has any probability.

    Quantized networks are counted over all their parameters; lookup tables, decision trees and deep
    Boolean machines of at most 4 inputs have closed forms. Raises ValueError for other maps.

    >>> prior = exact_prior(QuantizedNetwork(3, hidden=3))
    >>> len(prior.functions), int(prior.weights.sum()) == 3**16
    (254, True)
    """
    exact, n = getattr(parameter_map, "_exact", None), getattr(parameter_map, "n_inputs", 0)
    if isinstance(parameter_map, QuantizedNetwork):
        return _tally(exact(), n, exact=True)
    if exact is None or n > 4:
        raise ValueError(f"parameter_map: got {parameter_map}, expected one that can be enumerated")
    weights = exact()
    packed = np.packbits(boolean.tables(n)[weights > 0], axis=-1)
    return _tally([(packed, weights[weights > 0])], n, exact=True)


def sampled_prior(packed: np.ndarray, n_inputs: int) -> Prior:
    """The functions among samples, packed rows, with how often each was seen.

    >>> sampled_prior(np.packbits([[0, 1], [1, 1], [0, 1]], axis=-1), 1).weights.tolist()
    [2, 1]
    """
    n_bytes = -(-(2 ** _require.integer("n_inputs", n_inputs, 1, 16)) // 8)
    packed = _require.array("packed", packed, (None, n_bytes))
    if packed.dtype != np.uint8:
        raise ValueError(f"packed: got {packed.dtype}, expected uint8")
    return _tally([(packed, np.ones(len(packed), np.int64))], n_inputs, exact=False)


def _tally(chunks: Iterable[tuple[np.ndarray, np.ndarray]], n_inputs: int, exact: bool) -> Prior:
    """The prior of packed functions with weights, in chunks and with repeats."""
    parts = [_merge(*chunk) if chunk[0].shape[1] <= 2 else chunk for chunk in chunks]
    rows, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Prior(*_merge(rows, weights), n_inputs, exact)


def _merge(rows: np.ndarray, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Distinct rows in the order of their bytes, and the sum of the weights (1 each) of equals."""
    size = rows.shape[1] * rows.itemsize
    word = size if size in (1, 2) else 8
    padded = np.zeros((len(rows), -(-size // word) * word), np.uint8)
    padded[:, :size] = np.ascontiguousarray(rows).view(np.uint8)
    keys = padded.view(f">u{word}").astype(f"u{word}").T
    order = np.argsort(keys[0], kind="stable") if len(keys) == 1 else np.lexsort(keys[::-1])
    new = np.zeros(len(rows), bool)
    new[0] = True
    for key in keys:
        ordered = key[order]
        new[1:] |= ordered[1:] != ordered[:-1]
    weights = np.ones(len(rows), np.int64) if weights is None else weights
    starts = np.flatnonzero(new)
    return rows[order[starts]], np.add.reduceat(weights[order], starts)


def atlas(n_inputs: int) -> dict[str, Map]:
    """The maps that the chapter `tightness` compares, by name.

    The second is that of Valle-Pérez, Camargo, Louis 2018: all weights and biases of a layer have
    one variance, 2/fan_in, and 1/fan_in in the last.

    >>> len(atlas(4))
    30
    """
    n, two, gain = _require.integer("n_inputs", n_inputs, 1), (40, 40), 2**0.5
    weights = gain, gain, 1.0
    biases = gain / n**0.5, gain / 40**0.5, 1 / 40**0.5
    deep = (40,) * 10
    return {
        "perceptron": MLP(n, ()),
        "ReLU, depth 2, uniform": MLP(n, two, "relu", weights, biases, "uniform"),
        **{f"ReLU, depth {d}": MLP(n, (40,) * d, "relu", gain, 0.1) for d in (1, 2, 5, 10)},
        **{f"ReLU, depth 10, σ {s}": MLP(n, deep, "relu", float(s), 0.1) for s in (1, 4, 8)},
        "ReLU, depth 2, ±1": MLP(n, two, "relu", gain, 0.1, signs=True),
        "tanh, depth 1, σ 1": MLP(n, (40,), "tanh", 1.0, 0.1),
        **{f"tanh, depth 10, σ {s}": MLP(n, deep, "tanh", float(s), 0.1) for s in (1, 2, 4, 8)},
        "tanh, depth 10, σ 4, ±1": MLP(n, deep, "tanh", 4.0, 0.1, signs=True),
        "transformer": Transformer(n),
        **{f"polynomial, degree {d}": Polynomial(n, d) for d in (1, 2, 3)},
        **{f"Fourier features, {f}": FourierFeatures(n, f) for f in (0.5, 1.0, 2.0)},
        **{f"tree, depth {d}": DecisionTree(n, d) for d in (2, 3, 5)},
        **{f"nearest of {k}": NearestNeighbour(n, k) for k in (4, 16)},
        "Boolean machine, depth 5": DeepBooleanMachine(n, 5),
        "lookup table": LookupTable(n),
    }
