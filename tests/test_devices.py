"""Samplers and trainers on any device: the same law, and no tensor where it should not be.

Without a GPU, a device that is not there takes its place (see elsewhere.py). What a GPU draws is
compared with what the CPU draws by statistics, where torch sees a GPU.
"""

import inspect
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from elsewhere import elsewhere
from scipy import special, stats

from helpers import _require, attention, maps, training, uand, volumes

RNG = np.random.default_rng(0)
LAYERS = [uand.torch_default_layer(10, 6, seed=k) for k in range(32)]
MIXING = RNG.standard_normal((15, 6))
FEATURES = attention.unit_vectors(16, 8, seed=0)
BIGRAMS = [attention.random_bigrams(16, 20, seed=k) for k in range(96)]
TABLES = np.stack([attention.bigram_table(k, 16).toarray() for k in BIGRAMS])
TOKENS = RNG.standard_normal((96, 12, 6))
POINT = volumes.deep_linear_point([2, 3, 2], [1.0])
LOSS = volumes.deep_linear_loss([2, 3, 2], POINT)


def trained(seed, n=32, **changed):
    settings = dict(active=2, steps=60, batch=32, learning_rate=0.01) | changed
    return training.train(LAYERS[:n], seeds=range(n * seed, n * (seed + 1)), **settings)


def llc(seed, **changed):
    settings = dict(gamma=1.0, step=0.1, n_steps=150, burn_in=50, n_chains=256) | changed
    return volumes.estimate_llc(LOSS, POINT, [100.0, 1000.0], seed=seed, **settings)


bigrams = partial(attention.train_bigrams, FEATURES, TABLES, 4, steps=30)
matching = partial(attention.train_matching, TOKENS, 3, steps=30, batch=8)
groups = partial(attention.train_groups, 2, 3, 3, n_seeds=64, n_steps=200)
split = partial(volumes.splitting, LOSS, [0.3, 0.1, 0.03], 12, prior="gaussian", n_particles=100)

DEEP = partial(maps.MLP, 3, (5, 5, 5, 5))
MAPS = {
    "ReLU": DEEP(bias_std=0.2),
    "tanh": DEEP("tanh", bias_std=0.2, signs=True),
    "uniform": DEEP(bias_std=0.2, distribution="uniform"),
    "transformer": maps.Transformer(3, 8, 1),
    "features": maps.FourierFeatures(3, 1.0, 16),
    "tree": maps.DecisionTree(3, 3),
    "nearest": maps.NearestNeighbour(3, 4),
    "polynomial": maps.Polynomial(3, 2),
    "quantized": maps.QuantizedNetwork(3, 3),
    "perceptron": maps.QuantizedNetwork(3),
    "machine": maps.DeepBooleanMachine(3, 3),
    "coins": maps.LookupTable(3),
}

# ------------------------------------------------------------------------- where everything is

few = partial(trained, n=3, steps=5)
TRAINERS = {
    "power": partial(few, mixing=MIXING),
    "norms": partial(few, loss="norms", p=3.0, task="xor", weights=(1.0, 2.0, 9.0)),
    "hinge": partial(few, loss="hinge", p=0.2, frozen=True),
    "logsumexp": partial(few, loss="logsumexp", p=30.0, active=None, rate=0.3),
    "bigrams": partial(bigrams, steps=3),
    "bigrams, two heads": partial(bigrams, steps=3, n_heads=2),
    "matching": partial(matching, steps=3),
    "groups": partial(groups, n_steps=3, head=1.0),
    "groups, independent": partial(groups, n_steps=3, exclusive=False, relu=False),
    "llc": partial(llc, n_steps=9, burn_in=5),
    "llc, exchanged": partial(llc, n_steps=9, burn_in=5, metropolis=True, exchange=True),
    "splitting": split,
}


def numbers(result):
    """All numbers of what a trainer returns."""
    if isinstance(result, tuple | list):
        return np.concatenate([numbers(part) for part in result if not isinstance(part, str)])
    return np.asarray(result, float).ravel()


@pytest.mark.parametrize("name", TRAINERS)
def test_a_trainer_puts_everything_on_the_device(name):
    """Where numbers of the CPU are said to be elsewhere it gives exactly the same."""
    here = numbers(TRAINERS[name](seed=1))
    with elsewhere() as device:
        there = numbers(TRAINERS[name](seed=1, device=device))
    np.testing.assert_array_equal(here, there)


@pytest.mark.parametrize("name", MAPS)
def test_a_sampler_puts_everything_on_the_device(name, monkeypatch):
    """In batches of the same size it draws the same functions, from the same source of numbers."""
    chosen = MAPS[name]
    monkeypatch.setattr(maps, "ROOM", chosen.batch * chosen._size())
    with elsewhere() as device:
        there = chosen.sample(300, seed=1, device=device)
    same = np.array_equal(there, chosen.sample(300, seed=1))
    assert same == (name != "uniform")


FORGOTTEN = {
    "a tensor": lambda where: torch.ones(3, device=where) + torch.ones(3),
    "a buffer": lambda where: torch.mul(torch.ones(3, device=where), 2, out=torch.empty(3)),
    "a generator": lambda where: torch.rand(3, generator=torch.Generator(), device=where),
    "where to draw": lambda where: torch.rand(3, generator=torch.Generator(where)),
    "a value": lambda where: torch.zeros(3, device=where).index_put_(
        (torch.tensor([1, 2]),), torch.ones(2)
    ),
    "the way back": lambda where: torch.ones(3, device=where).numpy(),
    "the way back by NumPy": lambda where: np.asarray(torch.ones(3, device=where)),
}


@pytest.mark.parametrize("name", FORGOTTEN)
def test_what_is_forgotten_is_seen_elsewhere(name):
    FORGOTTEN[name]("cpu")
    with elsewhere() as device, pytest.raises((RuntimeError, TypeError)):
        FORGOTTEN[name](device)


@pytest.mark.parametrize(
    "chosen", [maps.MLP(7, (200,) * 4), maps.Transformer(7)], ids=["MLP", "transformer"]
)
def test_a_sampler_keeps_to_its_room_on_a_gpu(chosen, monkeypatch):
    """Also if its networks are large; what it makes at once fills that room a few times over."""
    sizes, room = [], 2**22
    monkeypatch.setattr(maps, "ROOM", room)
    with elsewhere(sizes.append) as device:
        assert len(chosen.sample(3, seed=0, device=device)) == 3
    assert max(sizes) < room < sum(sizes) < 10 * room


# ------------------------------------------------------------------------------- the same law

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")),
]
ONE_IN = 1e-5  # false alarms


def functions_agree(one, two):
    """Chi-square over the functions of three inputs in two samples; rare ones are taken together."""
    seen = np.stack([np.bincount(sample[:, 0], minlength=256) for sample in (one, two)])
    rare = seen.sum(0) < 20
    seen = np.c_[seen[:, ~rare], seen[:, rare].sum(1)]
    return stats.chi2_contingency(seen[:, seen.any(0)]).pvalue > ONE_IN


def means_agree(one, two):
    """Differences of pairs: what is trained on one layer, or for one table, is alike."""
    return stats.ttest_rel(one, two).pvalue > ONE_IN


def sample(name, seed, device="cpu", **changed):
    size = 100_000 if isinstance(MAPS[name], maps.MLP) else 20_000
    return replace(MAPS[name], **changed).sample(size, seed=seed, device=device)


def bigram_losses(**options):
    """Log-odds of the bigrams against the non-matches of their queries, for each table."""
    scores, on = bigrams(**options), TABLES == 1
    rivals = special.logsumexp(np.where(on, -np.inf, scores), axis=1, keepdims=True)
    return ((scores - rivals) * on).mean((1, 2))


def matching_losses(**options):
    """Cross-entropy of each head."""
    a, b = (part.double().numpy() for part in matching(**options))
    scores = (TOKENS @ a) @ np.swapaxes(TOKENS @ b, 1, 2)
    return (special.logsumexp(scores, 2) - np.diagonal(scores, axis1=1, axis2=2)).mean(1)


MEANS = {
    "U-AND": lambda **options: trained(**options).losses[-20:].mean(0),
    "bigrams": bigram_losses,
    "matching": matching_losses,
    "groups": lambda **options: np.log(groups(**options).reconstruction),
    "llc": lambda **options: llc(**options)[0],
}
OTHER_LAWS = {
    **{name: {"weight_std": 1.05} for name in ("ReLU", "tanh", "uniform")},
    **{"transformer": {"weight_std": 1.2}, "features": {"frequency": 1.2}},
    **{"U-AND": {"learning_rate": 0.016}, "bigrams": {"steps": 50}, "matching": {"steps": 60}},
    **{"groups": {"relu": False}, "llc": {"gamma": 40.0}},
}


def drawn(name, **options):
    """Two things of the same kind agree or not, by the function that comes with them."""
    if name in MAPS:
        return sample(name, **options), functions_agree
    return MEANS[name](**options), means_agree


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", [*MAPS, *MEANS])
def test_the_law_is_that_of_the_cpu(name, device):
    one, agree = drawn(name, seed=1)
    assert agree(one, drawn(name, seed=2, device=device)[0])


@pytest.mark.parametrize("name", OTHER_LAWS)
def test_another_law_is_noticed(name):
    one, agree = drawn(name, seed=1)
    assert not agree(one, drawn(name, seed=2, **OTHER_LAWS[name])[0])


def test_numbers_that_a_gpu_draws_as_whole_numbers_have_the_same_law():
    """Uniform weights come from another source than on a CPU, so their bits are no test."""
    uniform = partial(MAPS["uniform"].sample, 20_000)
    with elsewhere() as device:
        there = uniform(seed=2, device=device)
    assert functions_agree(uniform(seed=1), there)


@pytest.mark.parametrize("device", DEVICES)
def test_splitting_moves_the_same_particles(device):
    """The device computes the loss only."""
    here, there = split(seed=1), split(seed=1, device=device)
    np.testing.assert_allclose(here.logs, there.logs, rtol=1e-9)


# ----------------------------------------------------------------------------------- bad input

SOUND = {
    maps.MLP(2).sample: dict(n_samples=1),
    training.train: dict(layers=LAYERS[:1], seeds=[0], active=2, steps=1),
    attention.train_bigrams: dict(features=FEATURES, tables=TABLES[:1], d_head=2, steps=1),
    attention.train_matching: dict(tokens=TOKENS[:1], d_head=2, steps=1),
    attention.train_groups: dict(n_groups=2, group_size=2, dim=2, n_seeds=1, n_steps=1),
    volumes.splitting: dict(loss=LOSS, levels=[0.1], n_parameters=12, n_particles=2, n_moves=1),
    volumes.estimate_llc: dict(
        loss=LOSS, point=POINT, nbeta=[1.0], gamma=1.0, step=0.1, n_steps=2, burn_in=0
    ),
}


@pytest.mark.parametrize("helper", SOUND, ids=lambda helper: helper.__name__)
@pytest.mark.parametrize("bad", ["cuda", "cuda:0", "gpu", "", None, 0], ids=repr)
def test_a_device_that_is_not_there_is_refused(helper, bad, unchecked, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    settings = SOUND[helper] | ({} if helper is training.train else {"seed": 0})
    helper(**settings, device="cpu")
    told = f"^device: got {bad!r}, expected a device that torch sees here: cpu$"
    with pytest.raises(ValueError, match=told):
        helper(**settings, device=bad)


def test_a_gpu_that_is_there_is_named_among_the_devices(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert _require.device("device", "cuda") == "cuda"
    with pytest.raises(ValueError, match="that torch sees here: cpu, cuda$"):
        _require.device("device", "tpu")


def test_no_helper_takes_a_gpu_unasked():
    """Every default is the CPU, so that a page gives the same numbers on every machine."""
    for helper in SOUND:
        assert inspect.signature(helper).parameters["device"].default == "cpu"
