"""Lempel-Ziv complexity against the published scan in plain Python, in strings a second.

Writes book/results/lz_bench.csv. The strings have 128 bits: the functions of random networks, and fair
coins. Both programs must give the same numbers.
"""

import numpy as np
import torch

from bench import by_turns, compare, save
from helpers import boolean, maps

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


def main() -> None:
    torch.set_num_threads(1)
    rows, size = [], (REPEATS + 1) * SLOW
    samples = {"networks": maps.MLP(7), "fair coins": maps.LookupTable(7)}
    for kind, sampler in samples.items():
        bits = boolean.unpack(sampler.sample(STRINGS, seed=SEED), 7)
        found, known = boolean.lz_complexity(bits), [plain(s) for s in bits[:size].tolist()]
        np.testing.assert_allclose(found[:size], known)
        works = {
            f"complexity, {kind}": lambda repeat: boolean.lz_complexity(bits),  # noqa: B023
            "plain Python": lambda repeat: [
                plain(s)
                for s in bits[repeat * SLOW : (repeat + 1) * SLOW].tolist()  # noqa: B023
            ],
        }
        counts = {name: STRINGS if "complexity" in name else SLOW for name in works}
        rows += compare(by_turns(works, REPEATS), counts, [tuple(works)])
    save(rows, "lz_bench", seed=SEED, strings=STRINGS)


if __name__ == "__main__":
    main()
