"""How much of the machine's matrix-product rate a training step reaches, and what 64 networks cost.

Writes book/results/training_bench.csv. Networks read all pairs of 30 inputs with 5 on. Only products
count as work: for each sample 6 operations a weight of the readoffs and 4 a weight of the first layer.
The step includes inputs, losses and Adam. Product and step are measured by turns; stored are
medians, and the lowest and highest share.
`times one` is the time of all networks of a row over that of one.
"""

import os

import numpy as np
import pandas as pd
import torch

from bench import RESULTS, clocks, products
from helpers import sweeps, training, uand

SEED, REPEATS, M, PAIRS = 0, 7, 30, 435
SIZES = [(30, 32, 1), (30, 32, 64), (150, 512, 1), (150, 512, 4), (300, 512, 1), (800, 512, 1)]


def step(d: int, batch: int, n: int) -> tuple[np.ndarray, float]:
    """Seconds a step by both clocks, less the start of a run, and its operations."""
    layers = [uand.torch_default_layer(d, M, seed=k) for k in range(n)]
    flop = n * batch * (6 * d * PAIRS + 4 * d * M)
    few = 16 * max(1, min(16, int(5e8 / flop)))  # inputs are drawn for 16 steps of 512 at a time

    def run(steps: int) -> None:
        training.train(
            layers, seeds=range(n), active=5, p=4.0, weights=(1, 3, 20), steps=steps, batch=batch
        )

    return (clocks(lambda: run(4 * few)) - clocks(lambda: run(few))) / (3 * few), flop


def main() -> None:
    (multiply, operations), seen = products(4), []
    turns = [(t, size) for t in sorted({1, torch.get_num_threads()}) for size in SIZES]
    for repeat in range(REPEATS + 1):
        for threads, size in turns:
            torch.set_num_threads(threads)
            product = operations / 1e9 / clocks(lambda: multiply(0))
            seconds, flop = step(*size)
            seen.append(
                (repeat, *size, threads, *product, *seconds, flop / 1e9, os.getloadavg()[0])
            )
    names = ["repeat", "d", "batch", "networks", "threads", "product", "product, CPU time"]
    names += ["seconds", "CPU seconds", "GFLOP", "load"]
    table = pd.DataFrame(seen[len(turns) :], columns=names).drop(columns="repeat")
    table["share"] = table.GFLOP / table.seconds / table["product"]
    table["share, CPU time"] = table.GFLOP / table["CPU seconds"] / table["product, CPU time"]
    groups = table.groupby(["threads", "d", "batch", "networks"])
    table = groups.median().assign(lowest=groups.share.min(), highest=groups.share.max())
    table = table.reset_index()
    table["ms a step"] = 1e3 * table.pop("seconds")
    table["CPU ms a step"] = 1e3 * table.pop("CPU seconds")
    one = table[table.networks == 1].set_index(["threads", "d", "batch"])
    keys = pd.MultiIndex.from_frame(table[["threads", "d", "batch"]])
    for name in ("ms a step", "CPU ms a step"):
        table[name.replace("ms a step", "times one")] = table[name] / one[name].loc[keys].to_numpy()
    print(table.T.to_string(header=False))
    about = {"repeats": REPEATS}
    sweeps.store(table, RESULTS / "training_bench.csv", seed=SEED, float_format="%.4g", **about)


if __name__ == "__main__":
    main()
