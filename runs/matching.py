"""Failing pairs of projected random tokens, counted over numbers of tokens and dimensions (12 minutes).

Gaussian tokens in 64 dimensions or more, projected to d_head of them. Each size has enough sets of
tokens that the spread between them gives the standard error. Sizes at the threshold, where about one
failure is expected, have many more, for the probability that there is none.
"""

import numpy as np
import pandas as pd

from helpers import attention, sweeps

SEED, PATH = 23, "book/results/matching.csv"
SETS = {64: 2000, 256: 1000, 1024: 200, 4096: 40, 16384: 16}
HEADS = (4, 8, 12, 16, 24, 32, 48, 64)
# tokens, dimensions, sets: from four expected failures down to one in three
THRESHOLD = [(64, k, 50_000) for k in (14, 16, 18, 20)]
THRESHOLD += [(256, k, 20_000) for k in (22, 24, 26, 28)]
THRESHOLD += [(1024, k, 6_000) for k in (30, 32, 34, 36)]


def shard(n_tokens: int, d_head: int, sets: int, purpose: str, seed: int) -> pd.DataFrame:
    """Mean and variance of the failing pairs of a set, sets with none, mean of the failing queries."""
    seeds = np.random.SeedSequence(seed).generate_state(sets, np.uint64) >> 1
    pairs, queries = np.empty(sets), np.empty(sets)
    for i, own_seed in enumerate(seeds.tolist()):
        d_model = max(64, 2 * d_head) if purpose == "grid" else d_head
        tokens = attention.project_tokens(n_tokens, d_model, d_head, seed=own_seed)
        counts = attention.mismatches(tokens)
        pairs[i], queries[i] = counts.sum(), (counts > 0).sum()
    about = {"purpose": purpose, "n": n_tokens, "k": d_head, "sets": sets}
    spread = pairs - pairs.mean()
    found = {"mean": pairs.mean(), "variance": pairs.var(ddof=1), "fourth": (spread**4).mean()}
    found |= {"none": (pairs == 0).mean(), "queries": queries.mean()}
    return pd.DataFrame([about | found | {"queries_variance": queries.var(ddof=1)}])


if __name__ == "__main__":
    names = "n_tokens", "d_head", "sets", "purpose"
    each = [(n, k, SETS[n], "grid") for n in SETS for k in HEADS]
    each += [(*size, "threshold") for size in THRESHOLD]
    settings = [dict(zip(names, one, strict=True)) for one in each]
    sweeps.run(shard, len(settings), seed=SEED, path=PATH, settings=settings)
