"""Maps against slow implementations of the same law, exact priors against enumeration, bad input."""

import itertools
from math import comb, prod

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from helpers import boolean, maps

SIGMAS = 4.5  # of a single sampled check
TAIL = 2 * stats.norm.sf(SIGMAS)  # the same for a chi-square
ALL = [
    maps.MLP(5, (6, 3)),
    maps.MLP(4, (), "tanh", 1.0, 0.0, "uniform"),
    maps.LookupTable(5),
    maps.Polynomial(5, 2),
    maps.FourierFeatures(5, 1.0, 8),
    maps.DecisionTree(5, 3),
    maps.NearestNeighbour(5, 4),
    maps.Transformer(3, 4, 1),
    maps.QuantizedNetwork(3, 3),
    maps.QuantizedNetwork(4, 0, 8),
    maps.DeepBooleanMachine(3, 3),
]
every_map = pytest.mark.parametrize("map_", ALL, ids=str)


def tables(map_, n_samples, seed):
    return boolean.unpack(map_.sample(n_samples, seed=seed), map_.n_inputs)


def counts(map_, n_samples, seed):
    """How often each function was drawn, by its index."""
    indices = boolean.index(tables(map_, n_samples, seed))
    return np.bincount(indices, minlength=2**2**map_.n_inputs)


def agrees_with_law(seen, law, least=10):
    """A chi-square, functions expected fewer than `least` times in one cell together."""
    assert law.sum() == pytest.approx(1) and not seen[law == 0].any()
    expected = law * seen.sum()
    rare = (expected < least) & (law > 0)
    seen, expected = (np.append(x[expected >= least], x[rare].sum()) for x in (seen, expected))
    kept = expected > 0
    return stats.chisquare(seen[kept], expected[kept]).pvalue > TAIL


def agree(one, two, least=10):
    """A two-sample chi-square of equally many samples, rare functions in one cell together."""
    both = one + two
    table = np.array([np.append(x[both >= least], x[both < least].sum()) for x in (one, two)])
    return stats.chi2_contingency(table[:, table.sum(axis=0) > 0]).pvalue > TAIL


def outputs(map_, count, seed, batch=1000):
    """Real outputs (count, 2**n), before the threshold, in float64."""
    draw = map_._drawer(batch, torch.Generator().manual_seed(seed))
    return torch.cat([draw().clone() for _ in range(count // batch)])[:count].double().numpy()


def has_mean(samples, expected):
    """Whether the means of the columns of samples agree with `expected`, all of them."""
    error = samples.std(axis=0) / np.sqrt(len(samples))
    return (np.abs(samples.mean(axis=0) - expected) <= SIGMAS * error + 1e-6).all()


def products(values):
    """f(x)f(y) of every pair of inputs, (sample, point · point)."""
    return np.einsum("sx,sy->sxy", values, values).reshape(len(values), -1)


# Multilayer perceptrons


def slow_outputs(mlp, n_samples, rng):
    """Outputs (sample, point) in float64, layer by layer, weights and biases apart."""
    fan_in, fan_out = (mlp.n_inputs, *mlp.hidden), (*mlp.hidden, 1)
    each = lambda std: std if isinstance(std, tuple) else (std,) * len(fan_in)  # noqa: E731
    draw = {
        "gaussian": lambda std, size: rng.normal(0, std, size),
        "uniform": lambda std, size: rng.uniform(-std * 3**0.5, std * 3**0.5, size),
    }[mlp.distribution]
    act = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh}[mlp.activation]
    h = np.broadcast_to(points(mlp), (n_samples, 2**mlp.n_inputs, mlp.n_inputs))
    layers = list(zip(fan_in, fan_out, each(mlp.weight_std), each(mlp.bias_std), strict=True))
    for depth, (inn, out, weight, bias) in enumerate(layers):
        h = act(h) if depth else h
        h = np.einsum("sxi,soi->sxo", h, draw(weight / inn**0.5, (n_samples, out, inn)))
        h = h + draw(bias, (n_samples, 1, out))
    return h[:, :, 0]


def points(mlp):
    cube = boolean.inputs(mlp.n_inputs).astype(int)
    return 2 * cube - 1 if mlp.signs else cube


NETWORKS = [
    maps.MLP(3, ()),
    maps.MLP(3, (4,), weight_std=1.5, bias_std=0.2, signs=True),
    maps.MLP(3, (), distribution="uniform", bias_std=0.3),
    maps.MLP(3, (4,), weight_std=1.5, bias_std=0.2),
    maps.MLP(3, (5, 4), "tanh", (2.0, 1.0, 3.0), (0.5, 0.1, 0.2)),
    maps.MLP(3, (3, 4), "relu", (2.0, 0.5, 1.0), (0.1, 1.0, 0.5), "uniform"),
    maps.MLP(3, (4, 3, 2), "tanh", 1.0, 0.0, "uniform"),
]


@pytest.mark.parametrize("mlp", NETWORKS, ids=str)
def test_networks_have_the_law_of_a_slow_implementation(mlp):
    n_samples = 40_000
    ours = tables(mlp, n_samples, seed=1)
    slow = (slow_outputs(mlp, n_samples, np.random.default_rng(2)) > 0).astype(np.uint8)
    assert agree(*(np.bincount(boolean.index(bits), minlength=256) for bits in (ours, slow)))
    for statistic in (
        lambda ones: ones == 0,
        lambda ones: ones == 8,
        lambda ones: ones,
        lambda ones: ones * (8 - ones),
    ):
        one, two = (statistic(bits.sum(axis=1).astype(float)) for bits in (ours, slow))
        error = np.sqrt((one.var() + two.var()) / n_samples)
        assert abs(one.mean() - two.mean()) <= SIGMAS * error


@pytest.mark.parametrize("mlp", NETWORKS[:6], ids=str)
def test_networks_are_a_forward_pass_of_their_numbers(mlp, monkeypatch):
    kept, uniform = [], mlp.distribution == "uniform"

    def source(self, count, generator):
        kept[:] = [torch.linspace(-1, 1, count).mul(7e3).cos()]
        return lambda: kept[0]

    monkeypatch.setattr(maps.MLP, "_source", source)
    result = mlp._drawer(6, torch.Generator().manual_seed(1))().numpy()
    assert len(result) == 8 * 6  # eight rounds of six networks; the last is looked at
    rest = np.array_split(kept[0].double().numpy(), 8)[-1]
    if uniform:  # on levels with a fraction added
        fraction = torch.rand(len(rest), generator=torch.Generator().manual_seed(1))
        rest = (rest + fraction.numpy()) * 12**0.5 / 2**16
    result, h = result[-6:], np.broadcast_to(points(mlp).T.astype(float), (6, 3, 8))
    for depth, (weight, bias, _) in enumerate(mlp._stds()):  # a row: weights of a unit, its bias
        last = depth == len(mlp.hidden)
        shape = 6, 1 if last else mlp.hidden[depth] + 1, h.shape[1] + 1
        rows, rest = rest[: prod(shape)].reshape(shape), rest[prod(shape) :]
        rows = rows if last else rows[:, :-1]  # the last unit is the one that is always 1
        h = weight * rows[:, :, :-1] @ h + bias * rows[:, :, -1:]
        if not last:
            h = np.maximum(h, 0) if mlp.activation == "relu" else np.tanh(h)
    assert not len(rest)
    np.testing.assert_allclose(result, h[:, 0], rtol=1e-4, atol=1e-4 * np.abs(h).max())


@pytest.mark.parametrize("distribution", maps.DISTRIBUTIONS)
def test_variances_of_weights_and_biases(distribution):
    x, n = boolean.inputs(4).astype(float), 40_000
    values = outputs(maps.MLP(4, (), "relu", 1.5, 0.7, distribution), n, seed=3)
    assert has_mean(values, 0)
    assert has_mean(products(values), (1.5**2 / 4 * x @ x.T + 0.7**2).ravel())
    # E max(z, 0)² = Var(z)/2 for any symmetric z
    values = outputs(maps.MLP(4, (9,), "relu", (1.5, 3.0), (0.7, 0.2), distribution), n, seed=4)
    hidden = (1.5**2 / 4 * x.sum(axis=1) + 0.7**2) / 2
    assert has_mean(values**2, 3.0**2 * hidden + 0.2**2)


def stream(distribution, batch, count, seed):
    """Numbers in the order in which they are drawn: a weight and a bias of each network."""
    neuron = maps.MLP(1, (), weight_std=1.0, bias_std=1.0, distribution=distribution)
    bias, both = outputs(neuron, count // 2, seed, batch).T
    return np.stack([both - bias, bias], axis=1).ravel()


@pytest.mark.parametrize("distribution", maps.DISTRIBUTIONS)
def test_distributions_of_the_numbers(distribution):
    values = stream(distribution, 50, 200_000, seed=5)
    law = stats.uniform(-(3**0.5), 2 * 3**0.5) if distribution == "uniform" else stats.norm()
    assert stats.kstest(values, law.cdf).pvalue > TAIL
    for power in range(1, 5):
        assert has_mean((values**power)[:, None], law.moment(power))
    assert np.abs(values).max() <= (3**0.5 + 1e-6 if distribution == "uniform" else 6)
    for lag in (1, 2, 3, 100, 1961):  # 100: the next number with the same fraction
        assert has_mean((values[lag:] * values[:-lag])[:, None], 0)


def test_uniform_numbers_do_not_lie_on_levels():
    steps = stream("uniform", 2000, 4000, seed=6) * 2**16 / 12**0.5  # between two levels: 1
    assert stats.kstest(steps % 1, stats.uniform().cdf).pvalue > TAIL
    again = stream("uniform", 2000, 8000, seed=6) * 2**16 / 12**0.5
    assert np.abs((again[:4000] - again[4000:] + 0.5) % 1 - 0.5).max() < 0.02  # in float32


def test_sums_of_uniform_weights_do_not_tie():
    """On levels without fractions w1 + w2 = 0 once in 2**16 networks, and the output would be 0."""
    pair = maps.MLP(2, (), bias_std=0.0, distribution="uniform")
    assert (outputs(pair, 2**20, seed=7, batch=2**12)[:, 3] != 0).all()


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("distribution", maps.DISTRIBUTIONS)
def test_a_perceptron_without_bias_has_every_number_of_ones_equally_often(n, distribution):
    """P(T = t) = 2^-n for t = 0 … 2^n - 1 (Mingard et al. 2019)."""
    perceptron = maps.MLP(n, (), bias_std=0.0, distribution=distribution)
    bits = tables(perceptron, 60_000, seed=n)
    assert not bits[:, 0].any()
    seen = np.bincount(bits.sum(axis=1), minlength=2**n)
    assert len(seen) == 2**n and stats.chisquare(seen).pvalue > TAIL


def test_odd_networks_of_signs_without_biases_answer_oppositely_at_opposite_inputs():
    bits = tables(maps.MLP(4, (5, 5), "tanh", bias_std=0.0, signs=True), 500, seed=0)
    np.testing.assert_array_equal(bits, 1 - bits[:, ::-1])


def test_without_weights_or_biases():
    assert not maps.MLP(3, weight_std=0.0, bias_std=0.0).sample(50, seed=0).any()
    bits = tables(maps.MLP(3, weight_std=0.0), 4000, seed=0)
    assert (bits == bits[:, :1]).all() and has_mean(bits[:, :1].astype(float), 0.5)


# What holds for every map


@every_map
def test_samples_are_packed_and_given_by_their_seed(map_):
    packed = map_.sample(300, seed=0)
    assert packed.dtype == np.uint8 and packed.shape == (300, -(-(2**map_.n_inputs) // 8))
    np.testing.assert_array_equal(packed, map_.sample(300, seed=0))
    assert (packed != map_.sample(300, seed=1)).any()
    assert len(np.unique(packed, axis=0)) > 1


@every_map
def test_threads_change_nothing(map_):
    before, size = torch.get_num_threads(), maps.BLOCK + 100
    try:
        results = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            results.append(map_.sample(size, seed=3))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(*results)


def test_threads_are_given_back_after_a_failure(monkeypatch):
    monkeypatch.setattr(maps.MLP, "_source", lambda *_: 1 / 0)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(ZeroDivisionError):
            maps.MLP(3).sample(10, seed=0)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("map_", ALL[:4], ids=str)
def test_a_longer_sample_begins_with_a_shorter_one(map_):
    longest = map_.sample(2 * maps.BLOCK + 1, seed=7)
    assert len(longest) == 2 * maps.BLOCK + 1
    for size in (1, 31, maps.BLOCK - 1, maps.BLOCK, maps.BLOCK + 1):
        np.testing.assert_array_equal(map_.sample(size, seed=7), longest[:size])
    first, second = longest[: maps.BLOCK], longest[maps.BLOCK : -1]
    assert (first != second).any()


def test_many_inputs_take_little_memory():
    assert maps.MLP(16, (3,)).sample(3, seed=0).shape == (3, 2**13)


@every_map
def test_sampled_prior_counts_the_samples(map_):
    packed = map_.sample(500, seed=2)
    prior = maps.sampled_prior(packed, map_.n_inputs)
    rows, times = np.unique(packed, axis=0, return_counts=True)
    np.testing.assert_array_equal(prior.functions, rows)
    np.testing.assert_array_equal(prior.weights, times)
    assert not prior.exact and prior.probabilities.sum() == pytest.approx(1)


@settings(max_examples=50)
@given(st.integers(1, 20), st.integers(1, 60), st.integers(0, 10**6), st.booleans())
def test_merge_is_unique(width, n_rows, seed, weighted):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 2, (n_rows, width), np.uint8)
    weights = rng.integers(1, 5, n_rows) if weighted else np.ones(n_rows, int)
    merged, sums = maps._merge(rows, weights if weighted else None)
    distinct, inverse = np.unique(rows, axis=0, return_inverse=True)
    np.testing.assert_array_equal(merged, distinct)
    np.testing.assert_array_equal(sums, np.bincount(inverse.ravel(), weights))


def test_the_atlas_is_made_of_different_maps():
    names = maps.atlas(4)
    assert len(set(map(str, names.values()))) == len(names)
    assert all(map_.n_inputs == 4 for map_ in names.values())


# Other maps, one by one


def test_a_full_polynomial_is_a_lookup_table():
    uniform = np.full(256, 1 / 256)
    assert agrees_with_law(counts(maps.LookupTable(3), 50_000, seed=1), uniform)
    assert agrees_with_law(counts(maps.Polynomial(3, 3), 50_000, seed=1), uniform)


@pytest.mark.parametrize("degree", range(5))
def test_kernel_of_a_polynomial(degree):
    """E f(x)f(y) = Σ_k Σ_j (-1)^j C(d, j) C(n - d, k - j), d the distance of x and y."""
    x = boolean.inputs(4).astype(int)
    distance = (x[:, None] != x).sum(axis=2)
    term = lambda d, k: sum((-1) ** j * comb(d, j) * comb(4 - d, k - j) for j in range(k + 1))  # noqa: E731
    kernel = [sum(term(int(d), k) for k in range(degree + 1)) for d in distance.ravel()]
    assert has_mean(products(outputs(maps.Polynomial(4, degree), 20_000, seed=degree)), kernel)


@pytest.mark.parametrize("frequency", [0.0, 0.5, 2.0])
def test_kernel_of_fourier_features(frequency):
    x = boolean.inputs(3).astype(float)
    distance = ((x[:, None] - x) ** 2).sum(axis=2)
    kernel = 8 / 2 * np.exp(-(frequency**2) * distance / 2).ravel()
    assert has_mean(products(outputs(maps.FourierFeatures(3, frequency, 8), 40_000, 6)), kernel)


def replay(map_, count, seed):
    """The outputs of a map, and a generator in the state from which it drew."""
    values = map_._drawer(count, torch.Generator().manual_seed(seed))().numpy()
    return values, torch.Generator().manual_seed(seed)


def test_nearest_neighbour_by_brute_force():
    values, generator = replay(maps.NearestNeighbour(4, 5), 20, seed=1)
    points = torch.rand(20, 5, 4, generator=generator).numpy()
    labels = torch.randn(20, 5, generator=generator).numpy()
    for net, (x, point) in itertools.product(range(20), enumerate(boolean.inputs(4))):
        nearest = np.argmin([np.sum((p - point) ** 2) for p in points[net]])
        assert values[net, x] == labels[net, nearest]


def test_decision_tree_by_walking():
    values, generator = replay(maps.DecisionTree(4, 3), 20, seed=2)
    tests = torch.randint(4, (20, 7), generator=generator).numpy()
    leaves = torch.randn(20, 8, generator=generator).numpy()
    for net, (x, point) in itertools.product(range(20), enumerate(boolean.inputs(4))):
        node = 0
        while node < 7:
            node = 2 * node + 1 + point[tests[net, node]]
        assert values[net, x] == leaves[net, node - 7]


def test_transformer_by_loops():
    n, d, heads, layers, std = 3, 6, 2, 2, 1.3
    values, generator = replay(maps.Transformer(n, d, layers, heads, std), 3, seed=3)
    normal = lambda *shape: torch.randn(3, *shape, generator=generator).double().numpy()  # noqa: E731
    embedding, positions = normal(2, d), normal(1, n, d)[:, 0]
    blocks = [
        [normal(*shape) for shape in [(d, d)] * 4 + [(d, 4 * d), (4 * d, d)]] for _ in range(layers)
    ]
    readout = normal(d, 1)

    def norm(x):
        return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)

    for net, (index, point) in itertools.product(range(3), enumerate(boolean.inputs(n))):
        linear = lambda x, w: std * x @ w[net] / np.sqrt(x.shape[-1])  # noqa: B023, E731
        x = embedding[net][point] + positions[net]
        for wq, wk, wv, wo, up, down in blocks:
            q, k, v = (linear(norm(x), w) for w in (wq, wk, wv))
            mixed = np.zeros((n, d))
            for head in range(heads):
                part = slice(head * d // heads, (head + 1) * d // heads)
                for token in range(n):
                    scores = np.exp(k[:, part] @ q[token, part] / np.sqrt(d / heads))
                    mixed[token, part] = scores / scores.sum() @ v[:, part]
            x = x + linear(mixed, wo)
            x = x + linear(np.maximum(linear(norm(x), up), 0), down)
        expected = linear(norm(x).mean(axis=0), readout)[0]
        assert values[net, index] == pytest.approx(expected, rel=1e-4, abs=1e-4)


# Exact priors


def by_enumeration(map_, parameters):
    """The law over indices of functions, one parameter point at a time."""
    law = np.zeros(2**2**map_.n_inputs)
    for point in parameters:
        law[boolean.index(np.array(point))] += 1
    return law / law.sum()


def quantized_tables(n, hidden, levels):
    values = {2: [-1, 1], 3: [-1, 0, 1], 8: range(-7, 8, 2)}[levels]
    x = boolean.inputs(n).astype(int)
    for w in itertools.product(values, repeat=(n + 2) * hidden + 1 if hidden else n + 1):
        if not hidden:
            yield (x @ w[:n] + w[n] > 0).astype(int)
            continue
        units = np.reshape(w[: (n + 1) * hidden], (hidden, n + 1))
        h = np.maximum(x @ units[:, :n].T + units[:, n], 0)
        yield (h @ w[(n + 1) * hidden : -1] + w[-1] > 0).astype(int)


def machine_tables(k, depth):
    size = 2**k
    for layers in itertools.product(itertools.product(range(size), repeat=size), repeat=depth - 1):
        for last in itertools.product([0, 1], repeat=size):
            state = range(size)
            for layer in layers:
                state = [layer[s] for s in state]
            yield [last[s] for s in state]


def tree_tables(n, depth):
    def value(point, tests, leaves):
        node = 0
        while node < len(tests):
            node = 2 * node + 1 + point[tests[node]]
        return leaves[node - len(tests)]

    sizes = 2**depth - 1, 2**depth
    for tests in itertools.product(range(n), repeat=sizes[0]):
        for leaves in itertools.product([0, 1], repeat=sizes[1]):
            yield [value(point, tests, leaves) for point in boolean.inputs(n)]


QUANTIZED = [(1, 0, 2), (2, 0, 3), (3, 0, 8), (2, 1, 3), (2, 2, 2), (3, 1, 2)]
ENUMERATED = [(maps.QuantizedNetwork(*a), quantized_tables(*a)) for a in QUANTIZED]
ENUMERATED += [(maps.DeepBooleanMachine(*a), machine_tables(*a)) for a in [(1, 3), (2, 1), (2, 2)]]
ENUMERATED += [(maps.DecisionTree(*a), tree_tables(*a)) for a in [(1, 2), (2, 2), (3, 1), (3, 2)]]
ENUMERATED += [(maps.LookupTable(2), itertools.product([0, 1], repeat=4))]


def exact_law(map_):
    """The exact prior as probabilities by index, its form checked."""
    prior = maps.exact_prior(map_)
    rows = [bytes(row) for row in prior.functions]
    assert prior.exact and rows == sorted(set(rows)) and (prior.weights > 0).all()
    assert prior.n_inputs == map_.n_inputs and prior.probabilities.sum() == pytest.approx(1)
    law = np.zeros(2**2**map_.n_inputs)
    law[boolean.index(boolean.unpack(prior.functions, map_.n_inputs))] = prior.probabilities
    return law


@pytest.mark.parametrize(("map_", "parameters"), ENUMERATED, ids=[str(m) for m, _ in ENUMERATED])
def test_exact_priors_by_enumeration(map_, parameters):
    np.testing.assert_allclose(exact_law(map_), by_enumeration(map_, parameters), atol=1e-15)


SAMPLED = [
    maps.QuantizedNetwork(*a) for a in [(3, 3, 3), (3, 2, 3), (3, 0, 8), (2, 2, 2), (4, 1, 4)]
]
SAMPLED += [maps.DecisionTree(3, 2), maps.DecisionTree(3, 5), maps.DecisionTree(4, 2)]
SAMPLED += [maps.DeepBooleanMachine(3, 1), maps.DeepBooleanMachine(3, 4), maps.LookupTable(3)]


@pytest.mark.parametrize("map_", SAMPLED, ids=str)
def test_exact_priors_by_sampling(map_):
    assert agrees_with_law(counts(map_, 60_000, seed=8), exact_law(map_))


@pytest.mark.parametrize("sizes", [(3, 3, 3), (3, 2, 5), (4, 2, 3), (5, 0, 8), (2, 2, 2)])
def test_counts_of_parameters_add_up(sizes):
    network = maps.QuantizedNetwork(*sizes)
    prior = maps.exact_prior(network)
    assert prior.weights.dtype == np.int64
    assert int(prior.weights.sum()) == network.levels**network.n_parameters
    assert len(network.values) == network.levels and (network.values == -network.values[::-1]).all()


@pytest.mark.parametrize("k", [1, 3, 5])
def test_machine_is_a_wright_fisher_chain(k):
    size = 2**k
    step = np.array(
        [
            [
                comb(size, j) * (i / size) ** j * (1 - i / size) ** (size - j)
                for j in range(size + 1)
            ]
            for i in range(size + 1)
        ]
    )
    start, h = np.array([comb(size, j) / 2**size for j in range(size + 1)]), np.arange(size + 1)
    for depth in (1, 2, 7, 60):
        law = maps.deep_boolean_machine(k, depth)
        np.testing.assert_allclose(law, start @ np.linalg.matrix_power(step, depth - 1), atol=1e-12)
        assert law.sum() == pytest.approx(1) and law @ h == pytest.approx(size / 2)
        left = size * (size - 1) / 4 * (1 - 1 / size) ** (depth - 1)
        assert law @ (h * (size - h)) == pytest.approx(left)


def test_machine_of_many_inputs_by_sampling():
    bits = tables(maps.DeepBooleanMachine(6, 5), 20_000, seed=9)
    seen = np.bincount(bits.sum(axis=1), minlength=65)
    assert agrees_with_law(seen, maps.deep_boolean_machine(6, 5))


# Bad input


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: maps.MLP(0), "n_inputs: got 0"),
        (lambda: maps.MLP(17), "n_inputs: got 17"),
        (lambda: maps.MLP(True), "n_inputs: got True"),
        (lambda: maps.MLP(3, (4, 0)), "hidden: got 0"),
        (lambda: maps.MLP(3, 40), "hidden: got 40, expected a tuple"),
        (lambda: maps.MLP(3, [40]), "hidden: got .40., expected a tuple"),
        (lambda: maps.MLP(3, activation="gelu"), "activation: got 'gelu', expected one of"),
        (lambda: maps.MLP(3, distribution="cauchy"), "distribution: got 'cauchy', expected one of"),
        (lambda: maps.MLP(3, weight_std=-1.0), r"weight_std: got -1\.0"),
        (lambda: maps.MLP(3, bias_std=float("nan")), "bias_std: got nan"),
        (
            lambda: maps.MLP(3, weight_std=(1.0, 1.0)),
            "weight_std: got 2 values, expected .* 3 layers",
        ),
        (lambda: maps.MLP(3, bias_std=(1.0, 1.0, -1.0)), r"bias_std: got -1\.0"),
        (lambda: maps.Polynomial(3, 4), "degree: got 4"),
        (lambda: maps.Polynomial(3, -1), "degree: got -1"),
        (lambda: maps.FourierFeatures(3, -1.0), "frequency: got -1"),
        (lambda: maps.FourierFeatures(3, 1.0, 0), "n_features: got 0"),
        (lambda: maps.DecisionTree(3, 0), "depth: got 0"),
        (lambda: maps.NearestNeighbour(3, 0), "n_points: got 0"),
        (lambda: maps.Transformer(3, 5), "heads: got 2, expected a divisor of width 5"),
        (lambda: maps.Transformer(3, layers=0), "layers: got 0"),
        (lambda: maps.QuantizedNetwork(3, -1), "hidden: got -1"),
        (lambda: maps.QuantizedNetwork(3, 0, 1), "levels: got 1"),
        (lambda: maps.DeepBooleanMachine(3, 0), "depth: got 0"),
        (lambda: maps.MLP(3).sample(0, seed=0), "n_samples: got 0"),
        (lambda: maps.MLP(3).sample(2.0, seed=0), r"n_samples: got 2\.0"),
        (lambda: maps.MLP(3).sample(2, seed=-1), "seed: got -1"),
        (lambda: maps.MLP(3).sample(2, seed=None), "seed: got None"),
        (lambda: maps.deep_boolean_machine(0, 1), "k: got 0"),
        (lambda: maps.deep_boolean_machine(13, 1), "k: got 13"),
        (lambda: maps.deep_boolean_machine(3, 0), "depth: got 0"),
        (lambda: maps.exact_prior(maps.MLP(3)), "parameter_map: got MLP.*can be enumerated"),
        (lambda: maps.exact_prior(maps.LookupTable(5)), "parameter_map: got LookupTable"),
        (lambda: maps.exact_prior(maps.DecisionTree(5, 2)), "parameter_map: got DecisionTree"),
        (lambda: maps.exact_prior(3), "parameter_map: got 3"),
        (lambda: maps.MLP(3, signs=1), "signs: got 1"),
        (lambda: maps.sampled_prior(np.zeros((0, 1), np.uint8), 3), "packed: got"),
        (lambda: maps.sampled_prior(np.zeros((4, 2), np.uint8), 3), "packed: got"),
        (lambda: maps.sampled_prior(np.zeros((4, 1), int), 3), "packed: got int64"),
        (lambda: maps.atlas(0), "n_inputs: got 0"),
    ],
)
def test_bad_input_is_refused(unchecked, make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "sizes", [(7, 40, 3), (8, 0, 8), (16, 0, 3), (3, 2, 16), (7, 2, 3), (2, 0, 10**7)]
)
def test_what_cannot_be_enumerated_is_refused_at_once(sizes):
    network = maps.QuantizedNetwork(*sizes)
    with pytest.raises(ValueError, match="parameter_map: got Quantized.*expected at most"):
        maps.exact_prior(network)
