"""How many skip feature-bigrams one head tests, over widths 64 to 1,024 (10 minutes on 2 cores).

A shard draws a head's features, its projection and a random order of bigrams, and measures for growing
sets of bigrams how often a non-match outscores the match among n keys. The capacity is where
the log of that error, linear between sizes, crosses a level.
"""

import numpy as np
import pandas as pd

from helpers import attention, sweeps

SEED, PATH = 31, "book/results/bigrams.csv"
KEYS, LEVELS = (4, 16, 64, 256), (0.1, 0.01)
HEADS = [(64, 16), (64, 32), (128, 16), (128, 32), (128, 64), (256, 16), (256, 32), (256, 64)]
HEADS += [(256, 128), (512, 16), (512, 64), (512, 256), (1024, 16), (1024, 64), (1024, 256)]
SHAPES = [(d, d_head, 4 * d) for d, d_head in HEADS]  # features: four times the width, or else
SHAPES += [(256, 32, m) for m in (256, 512, 2048)]
REPLICATES, BIGRAMS = 6, 1500  # a shard has so many bigrams at least, at the smallest capacity


def errors(
    d: int, d_head: int, m: int, sizes: np.ndarray, n_keys: tuple, *, seed: int
) -> np.ndarray:
    """Errors for nested sets of bigrams, (sizes, n_keys), over up to 512 queries of one head."""
    seeds = np.random.SeedSequence(seed).generate_state(4)
    features = attention.unit_vectors(m, d, seed=int(seeds[0]))
    projection = attention.random_projection(d, d_head, seed=int(seeds[1]))
    bigrams = attention.random_bigrams(m, max(sizes), seed=int(seeds[2]))
    found = []
    for size in sizes:
        w = attention.qk_matrix(bigrams[:size], features, projection)
        queries = np.unique(bigrams[:size, 1])
        if len(queries) > 512:
            queries = np.random.default_rng(seeds[3]).choice(queries, 512, replace=False)
        table = attention.bigram_table(bigrams[:size], m)[:, queries].toarray()
        right = (w @ features[queries].T).astype(np.float32)
        found.append(attention.match_errors(features.astype(np.float32) @ right, table, n_keys))
    return np.array(found)


def crossings(d: int, d_head: int, m: int, measured: np.ndarray, sizes: np.ndarray) -> list:
    """Rows of a table: the size where each column of log errors first crosses each level."""
    rows, x = [], np.log(sizes)
    for column, n in zip(np.log(np.maximum(measured, 1e-9)).T, KEYS, strict=False):
        for level in np.log(LEVELS):
            k = int(np.argmax(column > level))
            found = np.interp(level, column[k - 1 : k + 1], x[k - 1 : k + 1]) if k else np.nan
            rows.append([d, d_head, m, n, np.exp(level).round(6), np.exp(found)])
    return rows


def shard(d: int, d_head: int, m: int, seed: int) -> pd.DataFrame:
    """Capacities, for each number of keys and each level of the error, of enough draws of a head."""
    keys = tuple(n for n in KEYS if n < m)
    law = [attention.bigram_capacity(d, d_head, m, n, e) for n in keys for e in LEVELS]
    steps = np.geomspace(max(min(law) / 1.6, 4), max(law) * 1.6, 14)
    sizes, seeds = np.unique(steps.round().astype(int)), np.random.SeedSequence(seed)
    draws = seeds.generate_state(int(np.clip(BIGRAMS / min(law), 1, 150)), np.uint64) >> 1
    measured = np.mean([errors(d, d_head, m, sizes, keys, seed=int(s)) for s in draws], axis=0)
    names = ["d", "d_head", "m", "keys", "error", "bigrams"]
    return pd.DataFrame(crossings(d, d_head, m, measured, sizes), columns=names)


if __name__ == "__main__":
    each = [dict(d=d, d_head=r, m=m) for d, r, m in SHAPES for _ in range(REPLICATES)]
    sweeps.run(shard, len(each), seed=SEED, path=PATH, settings=each)
