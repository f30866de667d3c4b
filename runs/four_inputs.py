"""The priors of all maps of the atlas on 4 inputs, by class of functions (10 minutes on 2 cores).

The maps treat their inputs alike, so functions that differ by the names of the inputs only have one
prior; a class is named by its least index. Every map is sampled in 8 shards, 4,000,000 functions in
all, the transformer and deep networks 800,000.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from helpers import boolean, maps, sweeps

SHARDS, SEED, PATH = 8, 13, "book/results/four_inputs.csv"
SLOW = ("depth 5", "depth 10", "transformer")


def shard(name: str, n_samples: int, seed: int, device: str = "cpu") -> pd.DataFrame:
    """How often each class of functions was seen under one map."""
    packed = maps.atlas(4)[name].sample(n_samples, seed=seed, device=device)
    functions = boolean.index(boolean.unpack(packed, 4))
    classes, counts = np.unique(boolean.renamings(4).min(axis=0)[functions], return_counts=True)
    return pd.DataFrame({"map": name, "class": classes, "count": counts})


def settings() -> list[dict]:
    """SHARDS shards a map."""
    slow = {name: any(word in name for word in SLOW) for name in maps.atlas(4)}
    each = [{"name": name, "n_samples": 100_000 if slow[name] else 500_000} for name in slow]
    return [one for one in each for _ in range(SHARDS)]


def combine(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The counts of all shards together."""
    together = pd.concat(frames).groupby(["map", "class"], sort=False, as_index=False)
    return together.sum()


if __name__ == "__main__":
    each = settings()
    given = dict(settings=each, combine=combine, workers=-1)  # all cores count, if a GPU samples
    sweeps.run(shard, len(each), seed=SEED, path=PATH, **given)
