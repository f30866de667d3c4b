"""How much of the machine's matrix-product rate the sampler of networks reaches.

`python bench/sampler.py` writes book/results/sampler_bench.csv and its provenance. A network is
7-40-40-1 on all 128 inputs; only its products count as work, 2 operations a weight and input, while
the time includes its 1,961 random numbers and the packing of its function. The two are measured by
turns, so that other load falls on both; medians are stored. CPU time does not count the waiting.
"""

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from helpers import maps, sweeps

RESULTS = Path(__file__).parents[1] / "book" / "results"
SEED, REPEATS, NETWORKS, SIZE = 0, 11, 2**16, 2048
FLOP = 2 * (7 * 40 + 40 * 40 + 40) * 128


def rates(work: Callable[[], object], flop: float) -> tuple[float, float]:
    """GFLOP/s by the clock, and by CPU time for all threads together."""
    start = np.array([time.perf_counter(), time.process_time()])
    work()
    wall, cpu = np.array([time.perf_counter(), time.process_time()]) - start
    return flop / wall / 1e9, flop * torch.get_num_threads() / cpu / 1e9


def memory() -> float:
    """The most memory this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main() -> None:
    networks = {kind: maps.MLP(7, (40, 40), distribution=kind) for kind in maps.DISTRIBUTIONS}
    networks["gaussian"].sample(1, seed=SEED)
    before = memory()
    networks["gaussian"].sample(NETWORKS, seed=SEED)
    sampling = memory() - before
    a, b = torch.randn(2, SIZE, SIZE, generator=torch.Generator().manual_seed(SEED))
    out, seen = torch.empty(SIZE, SIZE), []
    for repeat in range(REPEATS):
        for kind, network in networks.items():
            product = rates(lambda: [torch.mm(a, b, out=out) for _ in range(8)], 16 * SIZE**3)
            rate = rates(lambda: network.sample(NETWORKS, seed=repeat), NETWORKS * FLOP)  # noqa: B023
            seen.append((kind, *product, *rate, os.getloadavg()[0]))
    names = ["numbers", "product", "product, CPU time", "GFLOP/s", "GFLOP/s, CPU time", "load"]
    table = pd.DataFrame(seen, columns=names)
    table["share of product"] = table["GFLOP/s"] / table["product"]
    table["share, CPU time"] = table["GFLOP/s, CPU time"] / table["product, CPU time"]
    table = table.groupby("numbers").median().reset_index()
    table.insert(1, "networks/s", table["GFLOP/s"] * 1e9 / FLOP)
    table["MiB"] = sampling
    print(table.T.to_string(header=False))
    about = {"threads": torch.get_num_threads(), "networks": NETWORKS, "repeats": REPEATS}
    sweeps.store(table, RESULTS / "sampler_bench.csv", seed=SEED, float_format="%.4g", **about)


if __name__ == "__main__":
    main()
