"""How much of the machine's matrix-product rate the sampler of networks reaches.

`python bench/sampler.py` writes book/results/sampler_bench.csv and its provenance. A network is
7-40-40-1 on all 128 inputs; only its products count as work, 2 operations a weight and input, while
the time includes its random numbers and the packing of its function. The two are measured by turns,
so that other load falls on both; medians are stored. With one thread, as each worker of a long run
has, and with all: Python's lock costs threads some of their time. CPU time does not count waiting.
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
    turns = [(t, kind) for t in sorted({1, torch.get_num_threads()}) for kind in networks]
    for repeat in range(REPEATS):
        for threads, kind in turns:
            torch.set_num_threads(threads)
            product = rates(lambda: [torch.mm(a, b, out=out) for _ in range(8)], 16 * SIZE**3)
            rate = rates(lambda: networks[kind].sample(NETWORKS, seed=repeat), NETWORKS * FLOP)  # noqa: B023
            seen.append((kind, threads, *product, *rate, os.getloadavg()[0]))
    names = [
        "numbers",
        "threads",
        "product",
        "product, CPU time",
        "GFLOP/s",
        "GFLOP/s, CPU time",
        "load",
    ]
    table = pd.DataFrame(seen, columns=names)
    table["share of product"] = table["GFLOP/s"] / table["product"]
    table["share, CPU time"] = table["GFLOP/s, CPU time"] / table["product, CPU time"]
    table = table.groupby(["numbers", "threads"]).median().reset_index()
    table.insert(2, "networks/s", table["GFLOP/s"] * 1e9 / FLOP)
    table["MiB"] = sampling
    print(table.T.to_string(header=False))
    about = {"networks": NETWORKS, "repeats": REPEATS}
    sweeps.store(table, RESULTS / "sampler_bench.csv", seed=SEED, float_format="%.4g", **about)


if __name__ == "__main__":
    main()
