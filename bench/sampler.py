"""The sampler of networks against plain torch, and against the machine's matrix products.

Writes book/results/sampler_bench.csv. A network is 7-40-40-1 on all 128 inputs; only its products count
as work, 2 operations a weight and input, while the time includes its random numbers and the packing of
its function. Plain torch is a loop over networks as torch.nn builds them, and batched products of as
many networks at once. Rates are networks a second, or shares of the operations of a product of large
matrices in that time; with one thread, as each worker of a long run has, and with all.
"""

from functools import partial

import numpy as np
import torch
from torch.nn import Linear, ReLU, Sequential, init

from bench import by_turns, compare, memory, products, save
from helpers import boolean, maps

SEED, REPEATS, MANY, LOOP, BATCHES = 0, 9, 2**17, 2**11, (64, 1024)
WIDTHS = (7, 40, 40, 1)
FLOP = 2 * sum(a * b for a, b in zip(WIDTHS, WIDTHS[1:], strict=False)) * 128
POINTS = torch.from_numpy(boolean.inputs(7)).float()


def loop(count: int) -> np.ndarray:
    """Functions of networks made and run one by one."""
    packed = []
    for _ in range(count):
        parts = [Linear(7, 40), ReLU(), Linear(40, 40), ReLU(), Linear(40, 1)]
        for layer in parts[::2]:
            init.normal_(layer.weight, std=layer.in_features**-0.5)
            init.normal_(layer.bias)
        with torch.no_grad():
            packed.append(np.packbits(Sequential(*parts)(POINTS)[:, 0].numpy() > 0))
    return np.stack(packed)


def batched(count: int, together: int, repeat: int) -> np.ndarray:
    """Functions of networks whose layers are batched products, so many networks at once."""
    # the time does not depend on the seed, so torch's own goes on
    packed = []
    for _ in range(count // together):
        values = POINTS.T.expand(together, -1, -1)
        for a, b in zip(WIDTHS, WIDTHS[1:], strict=False):
            values = values if a == 7 else values.relu()
            weights = torch.randn(together, b, a) / a**0.5
            values = torch.baddbmm(torch.randn(together, b, 1), weights, values)
        packed.append(np.packbits(values[:, 0].numpy() > 0, axis=-1))
    return np.concatenate(packed)


def compared() -> list[dict]:
    """With the threads that torch has now: the sampler against each of the others."""
    multiply, operations = products(8)
    counts = {"product": operations / FLOP, "torch, one by one": LOOP}  # in networks
    works = {"product": multiply, "torch, one by one": lambda repeat: loop(LOOP)}
    for kind in maps.DISTRIBUTIONS:
        network = maps.MLP(7, WIDTHS[1:-1], distribution=kind)
        counts[f"sampler, {kind}"] = MANY
        works[f"sampler, {kind}"] = lambda repeat, network=network: network.sample(
            MANY, seed=repeat
        )
    for together in BATCHES:
        counts[f"torch, {together} at once"] = MANY // 2
        works[f"torch, {together} at once"] = partial(batched, MANY // 2, together)
    by_turns(works, 1)
    others = [name for name in works if not name.startswith("sampler")]
    pairs = [("sampler, gaussian", name) for name in others] + [("sampler, uniform", "product")]
    return compare(by_turns(works, REPEATS), counts, pairs)


def main() -> None:
    torch.manual_seed(SEED)
    network = maps.MLP(7)
    network.sample(1, seed=SEED)
    before, rows = memory(), []
    network.sample(MANY, seed=SEED)
    sampling = memory() - before
    for threads in sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        rows += compared()
    save(rows, "sampler_bench", seed=SEED, networks=MANY, MiB=round(sampling, 1))


if __name__ == "__main__":
    main()
