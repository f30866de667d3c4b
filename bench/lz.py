"""Lempel-Ziv complexity against the published scan in plain Python, in strings a second.

`python bench/lz.py` writes book/results/lz_bench.csv and its provenance. The strings have 128 bits:
the functions of random networks, and fair coins. The two programs take turns and are timed by CPU
time; medians are stored. Both must give the same numbers.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import boolean, maps, sweeps

RESULTS = Path(__file__).parents[1] / "book" / "results"
SEED, REPEATS, STRINGS, SLOW = 0, 9, 20_000, 400


def plain(s: list[int]) -> float:
    """C_LZ of one string, the mean over both directions."""
    if len(set(s)) == 1:
        return np.log2(len(s))
    return np.log2(len(s)) * (words(s) + words(s[::-1])) / 2


def words(s: list[int]) -> int:
    """The words of a string, by the program of Kaspar and Schuster 1987."""
    count, start, i, k, longest = 1, 1, 0, 1, 1
    while True:
        if s[i + k - 1] == s[start + k - 1]:
            k += 1
            if start + k > len(s):
                return count + 1
            continue
        longest, i, k = max(k, longest), i + 1, 1
        if i == start:
            count, start = count + 1, start + longest
            if start + 1 > len(s):
                return count
            i, longest = 0, 1


def timed(work: Callable[[], object]) -> tuple[object, float]:
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def main() -> None:
    networks = maps.MLP(7).sample(STRINGS, seed=SEED)
    coins = maps.LookupTable(7).sample(STRINGS, seed=SEED)
    seen = []
    for kind, packed in {"networks": networks, "fair coins": coins}.items():
        bits = boolean.unpack(packed, 7)
        for repeat in range(REPEATS):
            some = bits[repeat * SLOW : (repeat + 1) * SLOW]
            ours, seconds = timed(lambda: boolean.lz_complexity(bits))  # noqa: B023
            values, slow = timed(lambda: [plain(s) for s in some.tolist()])  # noqa: B023
            np.testing.assert_allclose(ours[repeat * SLOW : (repeat + 1) * SLOW], values)
            seen.append((kind, STRINGS / seconds, SLOW / slow))
    table = pd.DataFrame(seen, columns=["strings", "strings/s", "strings/s, plain Python"])
    table["ratio"] = table["strings/s"] / table["strings/s, plain Python"]
    table = table.groupby("strings", sort=False).median().reset_index()
    print(table.T.to_string(header=False))
    sweeps.store(table, RESULTS / "lz_bench.csv", seed=SEED, float_format="%.4g")


if __name__ == "__main__":
    main()
