"""Training networks on every AND or XOR of their inputs, many networks at once.

Networks are slices of a leading tensor axis, and samples the columns of their matrices. Gradients are
written out, and go to Adam. Theorems named here stand in the chapter book/uand/training. Arguments that
cannot be used raise a ValueError that names them.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from helpers import _require, uand

LOSSES = ("power", "norms", "hinge", "logsumexp")
"""What `train` can minimise, e being output minus target, by groups of outputs (see there)."""


class Trained(NamedTuple):
    """What `train` returns: first layers, their readoffs for all pairs, and the loss at each step."""

    layers: list[uand.Layer]
    readoffs: Float[np.ndarray, "net pair neuron"]
    losses: Float[np.ndarray, "step net"]


class Diverged(ArithmeticError):
    """A gradient was not finite. `kept` is what was `Trained` before that step."""

    def __init__(self, message: str, kept: Trained) -> None:
        super().__init__(message)
        self.kept = kept


def train(
    layers: Sequence[uand.Layer],
    *,
    seeds: Sequence[int],
    active: int | None = None,
    rate: float | None = None,
    task: str = "and",
    loss: str = "power",
    p: float = 2.0,
    weights: Sequence[float] = (1.0, 1.0),
    frozen: bool = False,
    readoffs: np.ndarray | None = None,
    mixing: np.ndarray | None = None,
    steps: int = 1000,
    batch: int = 128,
    learning_rate: float = 1e-3,
    decay: bool = True,
    watch: Callable[[int, Trained], None] | None = None,
    every: int = 100,
    device: str | None = None,
) -> Trained:
    """Networks trained from these ReLU layers by Adam, each on inputs drawn from its own seed.

    Inputs have exactly `active` ones, or each is on with probability `rate`. The target is the
    `task` of every pair, plus `mixing` @ x where that (pair, input) matrix is given. `weights` are
    ω of targets 0 and 1, or of pairs with neither, one and both on. With S_g the mean over group g,

    - "power": Σ_g ω_g n_g S_g(|e|^p)/n; "norms": Σ_g ω_g S_g(|e|^p)^(1/p);
    - "hinge": Σ_g ω_g n_g S_g(softplus(z))/n with z = 50(|e| − p); here p is the error allowed;
    - "logsumexp": log(Σ_g ω_g n_g S_g(exp(p|e|))/n)/p, the largest |e| for large p.

    Readoffs start as given, (net, pair, neuron), or uniform in ±1/√neurons. The rate falls to 0
    along a cosine if `decay`. `watch` is called with the step and the networks every so many steps.
    `device` is "cuda" where torch sees one, unless given. Raises Diverged, with the step and the
    learning rate, before the first step whose gradient is not finite.

    >>> train([uand.random_layer(5, 4, seed=0)], seeds=[1], active=2, steps=3).readoffs.shape
    (1, 6, 5)
    """
    nets = _networks(layers, seeds, readoffs, device)
    m = nets.w.shape[2]
    draw = _sampler(m, active, rate, _require.integer("batch", batch, 1), nets.draws)
    steps, every = _require.integer("steps", steps, 1), _require.integer("every", every, 1)
    top = _require.real("learning_rate", learning_rate, np.finfo(float).tiny, 1e30)
    frozen, decay = (
        bool(_require.binary(name, value, ()))
        for name, value in (("frozen", frozen), ("decay", decay))
    )
    if watch is not None and not callable(watch):
        raise ValueError(f"watch: got {watch!r}, expected a function of step and networks, or None")
    slopes = _slopes(task, loss, p, weights, mixing, m, nets.w.device)
    parts = [nets.r] if frozen else [nets.r, nets.w, nets.b]
    for part in parts:
        part.grad = torch.zeros_like(part)
    adam = torch.optim.Adam(parts, lr=top, fused=True)
    losses = torch.zeros(steps, len(nets.w), device=nets.w.device)
    # on a CPU few networks at a time, so that what their outputs need stays in its cache
    chunk = len(nets.w) if nets.w.is_cuda else max(1, 2**17 // (nets.r.shape[1] * batch))
    room = torch.empty(5, min(chunk, len(nets.w)), nets.r.shape[1], batch, device=nets.w.device)
    for step in range(steps):
        x = draw(step)
        for start in range(0, len(x), chunk):
            some = slice(start, start + chunk)
            losses[step, some] = _gradients(nets, some, x[some], slopes, room, frozen)
        now = top * (1 + np.cos(np.pi * step / steps)) / 2 if decay else top
        if not all(torch.isfinite(part.grad.sum()) for part in parts):
            lost = np.flatnonzero(
                ~np.isfinite(sum(_numpy(q.grad.flatten(1).sum(1)) for q in parts))
            )
            what = f"step {step}: the gradient of network {', '.join(map(str, lost))} is not finite"
            raise Diverged(f"{what}, learning rate {now:.3g}", _trained(nets, losses[:step]))
        adam.param_groups[0]["lr"] = now
        adam.step()
        if watch is not None and (step + 1) % every == 0:
            watch(step + 1, _trained(nets, losses[: step + 1]))
    return _trained(nets, losses)


class _Networks(NamedTuple):
    """Weights (net, neuron, input), biases (net, neuron, 1), readoffs, and a generator a network."""

    w: torch.Tensor
    b: torch.Tensor
    r: torch.Tensor
    draws: list[torch.Generator]


def _networks(layers: Any, seeds: Any, readoffs: Any, device: str | None) -> _Networks:
    seen = ("cuda", "cpu") if torch.cuda.is_available() else ("cpu",)
    where = torch.device(_require.choice("device", seen[0] if device is None else device, seen))
    listed = isinstance(layers, list | tuple) and not isinstance(layers, uand.Layer) and layers
    if not (listed and all(isinstance(layer, uand.Layer) for layer in layers)):
        raise ValueError(f"layers: got {type(layers).__name__}, expected a list of uand.Layer only")
    checked = [uand.checked(layer) for layer in layers]
    kinds = {(layer.weights.shape, layer.activation) for layer in checked}
    if len(kinds) > 1 or checked[0].activation != "relu":
        raise ValueError(f"layers: got {kinds}, expected one shape and the activation 'relu'")
    own = isinstance(seeds, Sequence) and [
        _require.integer("seeds", k, 0, 2**64 - 1) for k in seeds
    ]
    if not own or not len(layers) == len(own) == len(set(own)):
        raise ValueError(f"seeds: got {seeds!r}, expected {len(layers)} different ones")
    d, m = checked[0].weights.shape
    n_pairs = len(uand.all_pairs(m))
    draws = [torch.Generator(where).manual_seed(k) for k in own]
    w, b = (np.stack([getattr(k, part) for k in checked]) for part in ("weights", "biases"))
    if readoffs is None:
        r = torch.stack([torch.rand(n_pairs, d, generator=k, device=where) for k in draws])
        r = (2 * r - 1) / d**0.5
    else:
        r = _require.array("readoffs", readoffs, (len(layers), n_pairs, d))
    parts = [torch.as_tensor(part, dtype=torch.float32, device=where) for part in (w, b, r)]
    return _Networks(parts[0].clone(), parts[1][..., None].clone(), parts[2].clone(), draws)


def _trained(nets: _Networks, losses: torch.Tensor) -> Trained:
    w, b = _numpy(nets.w), _numpy(nets.b[..., 0])
    return Trained(
        [uand.Layer(*pair) for pair in zip(w, b, strict=True)], _numpy(nets.r), _numpy(losses)
    )


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().double().cpu().numpy()


def _sampler(
    m: int, active: Any, rate: Any, batch: int, draws: list[torch.Generator]
) -> Callable[[int], torch.Tensor]:
    """Gives the inputs of a step, (net, input, sample), drawn for some steps at a time."""
    if (active is None) == (rate is None):
        raise ValueError(f"active, rate: got {active!r} and {rate!r}, expected exactly one of them")
    s = None if active is None else _require.integer("active", active, 1, m)
    q = None if rate is None else _require.real("rate", rate, 0, 1)
    block, where, drawn = max(1, 2**13 // batch), draws[0].device, []

    def one(draw: torch.Generator) -> torch.Tensor:
        def uniform(rows: int) -> torch.Tensor:
            return torch.rand(block, rows, batch, generator=draw, device=where)

        if s is None:
            return (uniform(m) < q).float()
        x = torch.zeros(block, m, batch, device=where)
        for last in range(m - s, m):  # Floyd: every set of s inputs is equally likely
            k = (uniform(1) * (last + 1)).long()
            x.scatter_(1, torch.where(x.gather(1, k) > 0, last, k), 1.0)
        return x

    def draw(step: int) -> torch.Tensor:
        if step % block == 0:
            drawn[:] = [torch.stack([one(generator) for generator in draws])]
        return drawn[0][:, step % block]

    return draw


def _slopes(
    task: str, loss: str, p: float, weights: Any, mixing: Any, m: int, where: torch.device
) -> Callable:
    """Turns outputs e, given room for four more like them, into the slopes and values of the loss."""
    xor = _require.choice("task", task, ("and", "xor")) == "xor"
    powers = _require.choice("loss", loss, LOSSES) in ("power", "norms")
    p = _require.real("p", p, 1 if powers else np.finfo(float).tiny)
    if np.shape(weights) not in ((2,), (3,)):
        raise ValueError(f"weights: got {weights!r}, expected two numbers, or three")
    least = float(np.finfo(np.float32).tiny)
    omega = [_require.real("weights", w, least) for w in weights]
    omega = torch.tensor(omega, dtype=torch.float32, device=where)
    group = torch.tensor([0, 1, 2] if len(omega) == 3 else [0, int(xor), int(not xor)])
    member = torch.eye(len(omega))[group].to(where)  # (number on, group)
    pairs = torch.as_tensor(uand.all_pairs(m).T.copy(), device=where)
    if mixing is not None:
        mixing = torch.as_tensor(_require.array("mixing", mixing, (pairs.shape[1], m)))
        mixing = mixing.to(where, torch.float32)

    def slopes(e: torch.Tensor, x: torch.Tensor, room: torch.Tensor) -> tuple:
        on, both, value, slope = (part[: len(e)] for part in room)
        for k, part in zip(pairs, (on, value), strict=True):
            torch.index_select(x, 1, k, out=part)
        torch.mul(on, value, out=both)
        on.add_(value)  # how many of the pair are on
        e.sub_(both) if not xor else e.sub_(on).add_(both, alpha=2)
        if mixing is not None:
            e.sub_(mixing @ x)
        top = _elementwise(loss, p, e, value, slope)
        n = e[0].numel()
        if loss != "norms":
            scale = (omega / n).expand(len(e), -1)
        else:
            by_case = [_three(v, on, both) for v in (value, torch.ones_like(value))]
            sums, counts = (k.clamp(min=0) @ member for k in by_case)
            means = (sums / counts.clamp(min=1)).clamp(min=1e-30)
            scale = omega * means ** (1 / p - 1) / p * (counts > 0) / counts.clamp(min=1)
        none, one, two = (scale @ member.T)[..., None, None].unbind(1)
        factor = on.mul_(one - none).add_(both.mul_(two - 2 * one + none)).add_(none)
        slope.mul_(factor)
        if loss == "norms":
            return slope, (omega * means ** (1 / p) * (counts > 0)).sum(1)
        total = value.mul_(factor).sum((1, 2))
        if loss == "logsumexp":
            slope.div_(p * total[:, None, None])
            total = total.log() / p + top
        return slope, total

    return slopes


def _elementwise(loss: str, p: float, e: Any, value: Any, slope: Any) -> torch.Tensor | float:
    """Fill value and slope, for each output alone; returns what was taken off each exponent."""
    torch.abs(e, out=value)
    if loss == "hinge":
        slope.copy_(value.sub_(p).mul_(50)).sigmoid_().mul_(50).mul_(e.sign())
        value.copy_(torch.nn.functional.softplus(value))
    elif loss == "logsumexp":
        top = value.amax((1, 2), keepdim=True)
        torch.mul(value.sub_(top).mul_(p).exp_(), e.sign(), out=slope).mul_(p)
        return top.flatten()
    else:
        if p == 3:
            torch.mul(value, e, out=slope)
        elif p == 2:
            slope.copy_(e)
        else:
            torch.pow(value, p - 1, out=slope).copysign_(e)
        torch.mul(slope, e, out=value)
        slope.mul_(p)
    return 0.0


def _three(value: torch.Tensor, on: torch.Tensor, both: torch.Tensor) -> torch.Tensor:
    """(net, 3): sums of the values of pairs with neither, one and both on."""
    two = (value * both).sum((1, 2))
    one = (value * on).sum((1, 2)) - 2 * two
    return torch.stack([value.sum((1, 2)) - one - two, one, two], 1)


def _gradients(
    nets: _Networks, some: slice, x: torch.Tensor, slopes: Callable, room: Any, frozen: bool
) -> torch.Tensor:
    """Fill the gradients of some networks by the chain rule, and return their losses."""
    w, b, r = nets.w[some], nets.b[some], nets.r[some]
    a = torch.baddbmm(b, w, x).relu_()
    e, loss = slopes(torch.bmm(r, a, out=room[0][: len(r)]), x, room[1:])
    torch.bmm(e, a.mT, out=nets.r.grad[some])
    if not frozen:
        back = torch.bmm(r.mT, e).mul_(a.sign_())
        torch.bmm(back, x.mT, out=nets.w.grad[some])
        torch.sum(back, 2, keepdim=True, out=nets.b.grad[some])
    return loss
