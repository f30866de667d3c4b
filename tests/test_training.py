"""Training against torch: gradients by autograd, steps by its Adam, losses by plain formulas."""

import re

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from refusing import bad_input_test
from scipy import stats
from torch.nn import functional

from helpers import training, uand

M, D, N = 6, 5, 3
LAYERS = [uand.torch_default_layer(D, M, seed=k) for k in range(N)]
SEEDS = list(range(N))
LOSSES = [("power", 2), ("power", 3), ("power", 4), ("power", 1.5), ("norms", 1), ("norms", 2)]
LOSSES += [("norms", 3.5), ("hinge", 0.2), ("logsumexp", 5), ("logsumexp", 100)]
WEIGHTS = [(1.0, 1.0), (1.0, 7.0), (1.0, 2.5, 9.0), (0.5, 3.0, 0.1)]


def plain_loss(e, on, task, loss, p, weights):
    """The docstring's formulas, in double precision, one group of outputs after the other."""
    groups = [on == k for k in range(3)]
    if len(weights) == 2:
        ones = on == (2 if task == "and" else 1)
        groups = [~ones, ones]
    size, total = e.abs(), 0.0
    for w, group in zip(weights, groups, strict=True):
        part, share = size[group], group.double().mean()
        if loss == "power":
            total = total + w * share * (part**p).mean()
        elif loss == "norms":
            total = total + w * (part**p).mean() ** (1 / p)
        elif loss == "hinge":
            total = total + w * share * functional.softplus(50 * (part - p)).mean()
        else:
            total = total + w * share * torch.exp(p * part).mean()
    return torch.log(total) / p if loss == "logsumexp" else total


def drawn(active, rate, batch, seeds=SEEDS, steps=1):
    draw = training._sampler(
        M, active, rate, batch, [torch.Generator().manual_seed(k) for k in seeds]
    )
    drawn = [draw(step) for step in range(steps)]
    assert all((x[:, M] == 1).all() for x in drawn)  # what the biases multiply
    return drawn


@pytest.mark.parametrize("weights", WEIGHTS, ids=str)
@pytest.mark.parametrize("task", ["and", "xor"])
@pytest.mark.parametrize(("loss", "p"), LOSSES, ids=str)
def test_gradients_and_losses_are_those_of_autograd(loss, p, task, weights):
    nets = training._networks(LAYERS, SEEDS, None, "cpu")
    mixing = np.random.default_rng(0).standard_normal((len(uand.all_pairs(M)), M)) / 5
    slopes = training._slopes(task, loss, p, weights, mixing, M, torch.device("cpu"))
    for part in (nets.w, nets.r):
        part.grad = torch.zeros_like(part)
    x = drawn(3, None, 40)[0]
    room = torch.empty(5, N, nets.r.shape[1], 40)
    found = training._gradients(nets, slice(0, N), x, slopes, room, False)
    for k in range(N):
        w, r = (part[k].detach().double().requires_grad_() for part in nets[:2])
        inputs = x[k, :M].T.numpy().astype(bool)
        y = torch.tensor(uand.targets(inputs, uand.all_pairs(M), task).T.astype(float))
        on = torch.tensor(uand.number_on(inputs, uand.all_pairs(M)).T)
        e = r @ torch.relu(w @ x[k].double()) - y - torch.tensor(mixing) @ x[k, :M].double()
        value = plain_loss(e, on, task, loss, p, weights)
        value.backward()
        assert found[k].item() == pytest.approx(value.item(), rel=1e-4)
        for mine, theirs in ((nets.w, w), (nets.r, r)):
            far = (mine.grad[k] - theirs.grad).abs().max()
            assert far <= 2e-4 * theirs.grad.abs().max() + 1e-8


def test_steps_are_those_of_torch_adam_on_a_cosine():
    found = training.train(LAYERS[:1], seeds=[0], active=2, p=3.0, steps=25, batch=16, device="cpu")
    nets = training._networks(LAYERS[:1], [0], None, "cpu")
    w, r = (part[0].clone().requires_grad_() for part in nets[:2])
    draw = training._sampler(M, 2, None, 16, nets.draws)  # after the readoffs, as train draws them
    adam = torch.optim.Adam([w, r], lr=1e-3, foreach=False)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, 25)
    pairs, losses = torch.tensor(uand.all_pairs(M)), []
    for step in range(25):
        x = draw(step)[0]
        e = r @ torch.relu(w @ x) - x[pairs[:, 0]] * x[pairs[:, 1]]
        losses.append((e.abs() ** 3).mean())
        adam.zero_grad()
        losses[-1].backward()
        adam.step()
        schedule.step()
    np.testing.assert_allclose(found.losses[:, 0], [k.item() for k in losses], rtol=1e-4)
    np.testing.assert_allclose(found.readoffs[0], r.detach(), atol=1e-4)
    np.testing.assert_allclose(np.c_[found.layers[0][:2]], w.detach(), atol=1e-4)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("batch", [40, 4000])  # the second trains them in several chunks
def test_together_as_one_by_one(batch, frozen):
    settings = dict(rate=0.4, loss="norms", p=3.0, weights=(1.0, 5.0), frozen=frozen)
    settings |= dict(steps=12, batch=batch, learning_rate=0.01)
    together = training.train(LAYERS, seeds=SEEDS, **settings)
    for k in range(N):
        alone = training.train([LAYERS[k]], seeds=[SEEDS[k]], **settings)
        np.testing.assert_allclose(together.losses[:, k], alone.losses[:, 0], rtol=1e-4)
        np.testing.assert_allclose(together.readoffs[k], alone.readoffs[0], atol=1e-4)
        now, then, start = together.layers[k], alone.layers[0], LAYERS[k]
        np.testing.assert_allclose(now.weights, then.weights, atol=1e-4)
        moved = np.abs(now.weights - start.weights).max()
        assert moved < 1e-6 if frozen else moved > 1e-3


def test_inputs_are_uniform_and_each_network_has_its_own():
    codes = np.concatenate(
        [(1 << np.arange(M)) @ k[0, :M].numpy() for k in drawn(3, None, 2000, [0], 8)]
    )
    seen = np.unique(codes, return_counts=True)[1]
    assert len(seen) == 20 and stats.chisquare(seen).pvalue > 1e-5
    rates = torch.stack(drawn(None, 0.3, 2000, [0], 8))[:, :, :M].mean().item()
    assert abs(rates - 0.3) < 4.5 * np.sqrt(0.21 / (8 * 2000 * M))
    several = drawn(3, None, 50, SEEDS, 400)  # of which a block holds fewer
    alone = drawn(3, None, 50, SEEDS[1:2], 400)
    assert all(torch.equal(a[1], b[0]) for a, b in zip(several, alone, strict=True))
    assert not torch.equal(several[0][0], several[0][1])


def test_trained_readoffs_of_a_frozen_layer_approach_least_squares_from_above():
    weights, x = (1.0, 2.0, 10.0), uand.sample_inputs(4000, M, seed=9, active=2)
    settings = dict(active=2, weights=weights, frozen=True, steps=3000, learning_rate=0.03)
    layer, readoffs, _ = (k[0] for k in training.train(LAYERS[:1], seeds=[0], **settings))
    solved = uand.least_squares_readoff(layer, x, class_weights=weights)

    def loss(r):
        parts = uand.errors_by_case(layer, r, x)
        return sum(w * np.sum(e**2) for w, e in zip(weights, parts, strict=True))

    assert loss(solved) <= loss(readoffs) < 1.02 * loss(solved)


def test_watch_sees_the_networks_on_the_way():
    seen = []
    settings = dict(seeds=SEEDS, active=2, steps=25, every=10)
    training.train(LAYERS, watch=lambda step, now: seen.append((step, now)), **settings)
    assert [step for step, _ in seen] == [10, 20] and seen[1][1].losses.shape == (20, N)
    assert not np.array_equal(seen[0][1].readoffs, seen[1][1].readoffs)


@pytest.mark.parametrize(("p", "rate"), [(4, 1e8), (8, 100), (2, 1e12), (4, 1e4)])
def test_divergence_names_step_and_rate_and_keeps_what_was_there(p, rate):
    settings = dict(active=2, p=p, steps=50, decay=False, learning_rate=rate)
    told = rf"step \d+: .*network 0.* learning rate {re.escape(f'{rate:.3g}')}"
    with pytest.raises(training.Diverged, match=told) as caught:
        training.train(LAYERS, seeds=SEEDS, **settings)
    kept = caught.value.kept
    step = int(str(caught.value).split(":")[0].removeprefix("step "))
    assert len(kept.losses) == step >= 1
    assert np.isfinite(kept.losses).all() and np.isfinite(kept.readoffs).all()
    assert np.isfinite(kept.layers[0].weights).all()
    again = training.train(LAYERS, seeds=SEEDS, **settings | {"steps": step})
    np.testing.assert_array_equal(kept.readoffs, again.readoffs)


def test_errors_by_case():
    layer, x = LAYERS[0], uand.sample_inputs(20, M, seed=0, active=3)
    readoffs = np.random.default_rng(0).standard_normal((15, D))
    for task in ("and", "xor"):
        found = uand.errors_by_case(layer, readoffs, x, task)
        assert [len(e) for e in found] == [60, 180, 60]
        squares = (
            uand.activations(layer, x) @ readoffs.T - uand.targets(x, uand.all_pairs(M), task)
        ) ** 2
        assert sum(np.sum(e**2) for e in found) == pytest.approx(squares.sum())


def other(names):
    return st.text(max_size=8).filter(lambda text: text not in names) | st.integers()


SOUND = dict(layers=LAYERS, seeds=SEEDS, active=3, steps=1, batch=8)
SQUARE = [uand.random_layer(D, M, seed=k, activation="square") for k in range(N)]
TRAIN = [
    ("layers", st.sampled_from([None, [], LAYERS[0], [1, 2, 3], SQUARE, [*LAYERS[:2], 0]])),
    ("layers", st.just([*LAYERS[:2], uand.random_layer(D + 1, M, seed=0)])),
    ("seeds", st.sampled_from([None, 3, [0, 1], [0, 0, 1], [0, 1, -1], [0, 1, 2.5], [[0], [1], [2]]])),
    ("seeds", st.sampled_from([[0, 0, 1, 2], [0, 1, 2**64]])),
    ("active", st.integers(max_value=0) | st.integers(M + 1) | st.just(2.5) | st.none()),
    ("rate", st.just(0.5)),  # as well as active
    ("task", other(("and", "xor"))),
    ("loss", other(training.LOSSES)),
    ("p", st.floats(max_value=0.99) | st.sampled_from([np.nan, np.inf, "2", True])),
    ("weights", st.sampled_from([(), (1,), (1, 2, 3, 4), (1, -1), (1, np.nan), (0, 1), 5, None])),
    ("readoffs", st.sampled_from([np.zeros((N, 15, D + 1)), np.zeros((15, D)), np.full((N, 15, D), np.nan)])),
    ("mixing", st.sampled_from([np.zeros((M, 15)), np.full((15, M), np.inf), "noise"])),
    ("steps", st.integers(max_value=0) | st.just(1.5)),
    ("batch", st.integers(max_value=0) | st.just(True)),
    ("every", st.integers(max_value=0)),
    ("learning_rate", st.floats(max_value=0) | st.sampled_from([np.nan, 1e31])),
    ("frozen", st.sampled_from(["no", None, 2])),
    ("decay", st.sampled_from(["no", None, 2])),
    ("watch", st.sampled_from([5, "print"])),
    ("device", st.sampled_from(["gpu", "", 0, True])),
]  # fmt: skip
LAST = dict(layer=LAYERS[0], readoffs=np.zeros((15, D)), inputs=np.eye(M))
ERRORS = [
    ("layer", st.just(None)),
    ("readoffs", st.sampled_from([np.zeros((15, D + 1)), np.zeros((14, D)), [[np.nan] * D] * 15])),
    ("inputs", st.sampled_from([np.eye(M) / 2, np.eye(M + 1), np.ones(M)])),
    ("task", other(("and", "xor"))),
]
test_bad_input = bad_input_test(
    [(training.train, SOUND, *case) for case in TRAIN]
    + [(uand.errors_by_case, LAST, *case) for case in ERRORS]
)
