"""Benchmarks: `make bench` measures them all and prints one table of ratios, book/results/bench.csv.

Each file here is a benchmark, `python -m bench.name`, with a table of its own in book/results. What is
compared is measured by turns in one process, so that other load falls on all of it.
"""

import os
import resource
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from helpers import sweeps

RESULTS = Path(__file__).parents[1] / "book" / "results"
SIZE = 2048


def clocks(work: Callable[[], object]) -> np.ndarray:
    """Seconds by the clock, and of CPU time over threads: that does not count other programs."""
    start = np.array([time.perf_counter(), time.process_time()])
    work()
    wall, cpu = np.array([time.perf_counter(), time.process_time()]) - start
    return np.array([wall, cpu / torch.get_num_threads()])


def by_turns(works: Mapping[str, Callable[[int], object]], repeats: int) -> pd.DataFrame:
    """A row for each repeat and work: its seconds, of CPU time too, and the load of the machine."""
    seen = []
    for repeat in range(repeats):
        for name, work in works.items():
            seen.append((repeat, name, *clocks(lambda: work(repeat)), os.getloadavg()[0]))  # noqa: B023
    return pd.DataFrame(seen, columns=["repeat", "work", "seconds", "CPU seconds", "load"])


def products(count: int) -> tuple[Callable[[int], object], float]:
    """Products of large float32 matrices, and their operations: the rate to compare with."""
    a, b = torch.randn(2, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    out = torch.empty(SIZE, SIZE)
    return lambda repeat: [torch.mm(a, b, out=out) for _ in range(count)], count * 2 * SIZE**3


def compare(seen: pd.DataFrame, counts: Mapping[str, float], pairs: list, **names) -> list[dict]:
    """A row for each pair of works: what the first does a second, over what the other does.

    `counts` is what each work does. Of the ratios of all repeats the median and the two extremes are
    kept. By CPU time for one thread, and by the clock for more: they may wait for each other.
    """
    clock = "CPU seconds" if torch.get_num_threads() == 1 else "seconds"
    rates = pd.Series(counts) / seen.pivot(index="repeat", columns="work", values=clock)
    rows = []
    for what, against in pairs:
        ratios = rates[what] / rates[against]
        row = {"what": what, "against": against, "threads": torch.get_num_threads(), **names}
        row |= {"a second": rates[what].median(), "against, a second": rates[against].median()}
        row |= {"ratio": ratios.median(), "lowest": ratios.min(), "highest": ratios.max()}
        rows.append(row | {"repeats": len(ratios), "load": seen.load.median()})
    return rows


def memory() -> float:
    """The most memory this process has had, in MiB."""
    status = Path("/proc/self/status")
    if (
        status.exists()
    ):  # what getrusage says begins with the memory of the process that started this
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def save(rows: list[dict], name: str, *, seed: int, **facts) -> None:
    """Print a benchmark's table and store it in book/results with its provenance."""
    table = pd.DataFrame(rows)
    print(table.to_string(index=False, float_format="{:.4g}".format), flush=True)
    sweeps.store(table, RESULTS / f"{name}.csv", seed=seed, float_format="%.4g", **facts)
