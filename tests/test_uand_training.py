"""Training against torch: gradients by autograd, steps by its Adam, losses by plain formulas."""

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from refusing import bad_input_test
from torch.nn import functional

from helpers import uand

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
    draw = uand._sampler(M, active, rate, batch, [torch.Generator().manual_seed(k) for k in seeds])
    return [draw(step) for step in range(steps)]


@pytest.mark.parametrize("weights", WEIGHTS, ids=str)
@pytest.mark.parametrize("task", ["and", "xor"])
@pytest.mark.parametrize(("loss", "p"), LOSSES, ids=str)
def test_gradients_and_losses_are_those_of_autograd(loss, p, task, weights):
    nets = uand._networks(LAYERS, SEEDS, None, "cpu")
    mixing = np.random.default_rng(0).standard_normal((len(uand.all_pairs(M)), M)) / 5
    slopes = uand._slopes(task, loss, p, weights, mixing, M, torch.device("cpu"))
    for part in (nets.w, nets.b, nets.r):
        part.grad = torch.zeros_like(part)
    x = drawn(3, None, 40)[0]
    room = torch.empty(5, N, nets.r.shape[1], 40)
    found = uand._gradients(nets, slice(0, N), x, slopes, room, False)
    for k in range(N):
        w, b, r = (part[k].detach().double().requires_grad_() for part in nets[:3])
        inputs = x[k].T.numpy().astype(bool)
        y = torch.tensor(uand.targets(inputs, uand.all_pairs(M), task).T.astype(float))
        on = torch.tensor(uand.number_on(inputs, uand.all_pairs(M)).T)
        e = r @ torch.relu(w @ x[k].double() + b) - y - torch.tensor(mixing) @ x[k].double()
        value = plain_loss(e, on, task, loss, p, weights)
        value.backward()
        assert found[k].item() == pytest.approx(value.item(), rel=1e-4)
        for mine, theirs in ((nets.w, w), (nets.b, b), (nets.r, r)):
            far = (mine.grad[k] - theirs.grad).abs().max()
            assert far <= 2e-4 * theirs.grad.abs().max() + 1e-8
