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
    """A loss or squared gradient was not finite. `kept` is what was `Trained` before that step."""

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
    device: str = "cpu",
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
    On the `device` "cuda" other numbers are drawn, from the same law. Raises Diverged, with the step
    and the learning rate, before the first step whose loss or squared gradient is not finite.

    >>> train([uand.random_layer(5, 4, seed=0)], seeds=[1], active=2, steps=3).readoffs.shape
    (1, 6, 5)
    """
    nets = _networks(layers, seeds, readoffs, device)
    m = nets.w.shape[2] - 1
    draw = _sampler(m, active, rate, _require.integer("batch", batch, 1), nets.draws)
    steps, every = _require.integer("steps", steps, 1), _require.integer("every", every, 1)
    top = _require.real("learning_rate", learning_rate, np.finfo(float).tiny, 1e30)
    frozen, decay = _require.flag("frozen", frozen), _require.flag("decay", decay)
    if watch is not None and not callable(watch):
        raise ValueError(f"watch: got {watch!r}, expected a function of step and networks, or None")
    slopes = _slopes(task, loss, p, weights, mixing, m, nets.w.device)
    parts = [nets.r] if frozen else [nets.r, nets.w]
    for part in parts:
        part.grad = torch.zeros_like(part)
    adam = torch.optim.Adam(parts, lr=top, fused=True)
    losses = torch.zeros(steps, len(nets.w), device=nets.w.device)
    # on a CPU few networks at a time, so that what their outputs need stays in its cache
    chunk = max(1, 2**17 // (nets.r.shape[1] * batch)) if device == "cpu" else len(nets.w)
    room = torch.empty(5, min(chunk, len(nets.w)), nets.r.shape[1], batch, device=nets.w.device)
    for step in range(steps):
        x = draw(step)
        for start in range(0, len(x), chunk):
            some = slice(start, start + chunk)
            losses[step, some] = _gradients(nets, some, x[some], slopes, room, frozen)
        now = top * (1 + np.cos(np.pi * step / steps)) / 2 if decay else top
        # a norm overflows where the squares that Adam keeps would
        sizes = [torch.linalg.vector_norm(part.grad, dim=(1, 2)) for part in parts]
        sound = torch.isfinite(sum(sizes, losses[step]))
        if not sound.all():
            lost = ", ".join(map(str, np.flatnonzero(~_numpy(sound).astype(bool))))
            what = f"step {step}: the loss or gradient of network {lost} is not finite"
            raise Diverged(f"{what}, learning rate {now:.3g}", _trained(nets, losses[:step]))
        adam.param_groups[0]["lr"] = now
        adam.step()
        if watch is not None and (step + 1) % every == 0:
            watch(step + 1, _trained(nets, losses[: step + 1]))
    return _trained(nets, losses)


class _Networks(NamedTuple):
    """Weights and bias (net, neuron, input + 1), readoffs, and a generator a network."""

    w: torch.Tensor
    r: torch.Tensor
    draws: list[torch.Generator]


def _networks(layers: Any, seeds: Any, readoffs: Any, device: str) -> _Networks:
    where = torch.device(_require.device("device", device))
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
    w = np.stack([np.c_[k.weights, k.biases] for k in checked])
    if readoffs is None:
        r = torch.stack([torch.rand(n_pairs, d, generator=k, device=where) for k in draws])
        r = (2 * r - 1) / d**0.5
    else:
        r = _require.array("readoffs", readoffs, (len(layers), n_pairs, d))
    w, r = (torch.as_tensor(part, dtype=torch.float32, device=where).clone() for part in (w, r))
    return _Networks(w, r, draws)


def _trained(nets: _Networks, losses: torch.Tensor) -> Trained:
    layers = [uand.Layer(w[:, :-1], w[:, -1]) for w in _numpy(nets.w)]
    return Trained(layers, _numpy(nets.r), _numpy(losses))


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().double().cpu().numpy()


def _sampler(
    m: int, active: Any, rate: Any, batch: int, draws: list[torch.Generator]
) -> Callable[[int], torch.Tensor]:
    """Gives the inputs of a step and a last row of ones, (net, input + 1, sample)."""
    if (active is None) == (rate is None):
        raise ValueError(f"active, rate: got {active!r} and {rate!r}, expected exactly one of them")
    s = None if active is None else _require.integer("active", active, 1, m)
    q = None if rate is None else _require.real("rate", rate, 0, 1)
    block, where, drawn = max(1, 2**13 // batch), draws[0].device, []

    def one(draw: torch.Generator) -> torch.Tensor:
        def uniform(rows: int) -> torch.Tensor:
            return torch.rand(block, rows, batch, generator=draw, device=where)

        x = torch.zeros(block, m + 1, batch, device=where)
        x[:, m] = 1
        if s is None:
            x[:, :m] = uniform(m) < q
            return x
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
    """Gives of readoffs, activations and inputs the slopes of the loss in each output, and the loss."""
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
    pairs = uand.all_pairs(m)
    count = torch.zeros(len(pairs), m + 1).scatter_(1, torch.as_tensor(pairs), 1.0)
    count[:, m] = -1  # times x: how many of the pair are on, less one
    count = count.to(where)
    if mixing is not None:
        mixing = torch.as_tensor(_require.array("mixing", mixing, (len(pairs), m)))
        mixing = mixing.to(where, torch.float32)
    steepness = 50 if loss == "hinge" else p
    # weights of pairs with neither, one and both on, by what one, both and all have more
    more = torch.tensor([[-1.0, 1, 0], [1, -2, 1], [0, 1, 0]], device=where)
    more = steepness * (more @ member).T
    fixed = (omega @ more).tolist()

    def slopes(r: torch.Tensor, a: torch.Tensor, x: torch.Tensor, room: torch.Tensor) -> tuple:
        e, on, both, value, slope = (part[: len(r)] for part in room)
        torch.bmm(r, a, out=e)
        torch.bmm(count.expand(len(x), -1, -1), x, out=on)
        torch.clamp(on, 0, out=both)
        e.sub_(both) if not xor else e.sub_(on).sub_(1).add_(both, alpha=2)
        if mixing is not None:
            e.sub_(mixing @ x[:, :-1])
        top = _elementwise(loss, p, e, value, slope)
        extra = [k / e[0].numel() for k in fixed]
        if loss == "norms":
            torch.mul(slope, e, out=value)
            sums, counts = (_by_number(v, on) @ member for v in (value, torch.ones_like(value)))
            seen = counts > 0
            means = (sums / counts.clamp(min=1)).clamp(min=1e-30)
            scale = omega * means ** (1 / p - 1) / p * seen / counts.clamp(min=1)
            extra = (scale @ more)[..., None, None].unbind(1)
        factor = on.mul_(extra[0]).add_(both.mul_(extra[1])).add_(extra[2])
        slope.mul_(factor)
        if loss == "norms":
            return slope, (omega * means ** (1 / p) * seen).sum(1)
        torch.mul(slope, e, out=value) if powers else value.mul_(factor)
        total = value.sum((1, 2)) / steepness
        if loss == "logsumexp":
            slope.div_(p * total[:, None, None])
            total = total.log() / p + top
        return slope, total

    return slopes


def _elementwise(loss: str, p: float, e: Any, value: Any, slope: Any) -> torch.Tensor | float:
    """Fill the slope of each output, over the steepness; value, except of powers, as slope times e.

    Returned is what was taken off each exponent.
    """
    if loss in ("power", "norms") and p in (2, 4):  # torch multiplies for small whole exponents
        torch.pow(e, p - 1, out=slope)
        return 0.0
    torch.abs(e, out=value)
    if loss == "hinge":
        slope.copy_(value.sub_(p).mul_(50)).sigmoid_().copysign_(e)
        value.copy_(torch.nn.functional.softplus(value))
    elif loss == "logsumexp":
        top = value.amax((1, 2), keepdim=True)
        value.sub_(top).mul_(p).clamp_(min=-60)  # what is less adds nothing, and slows a CPU down
        torch.copysign(value.exp_(), e, out=slope)
        return top.flatten()
    else:
        torch.pow(value, p - 1, out=slope).copysign_(e)
    return 0.0


def _by_number(value: torch.Tensor, on: torch.Tensor) -> torch.Tensor:
    """(net, 3): sums of the values of pairs with neither, one and both on; `on` is that less one."""
    return torch.stack([(value * (on == k)).sum((1, 2)) for k in (-1, 0, 1)], 1)


def _gradients(
    nets: _Networks, some: slice, x: torch.Tensor, slopes: Callable, room: Any, frozen: bool
) -> torch.Tensor:
    """Fill the gradients of some networks by the chain rule, and return their losses."""
    w, r = nets.w[some], nets.r[some]
    a = torch.bmm(w, x).relu_()
    slope, loss = slopes(r, a, x, room)
    torch.bmm(slope, a.mT, out=nets.r.grad[some])
    if not frozen:
        back = torch.bmm(r.mT, slope).mul_(a.sign_())
        torch.bmm(back, x.mT, out=nets.w.grad[some])
    return loss
