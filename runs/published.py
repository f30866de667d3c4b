"""The prior of the published 7-40-40-1 network, 100,000,000 samples (20 minutes on 2 cores).

Functions of Lempel-Ziv complexity up to 60 are all kept and counted exactly. Of the rest, whose number
grows with the samples, a sixteenth is kept, chosen by a hash of the function. So memory is bounded,
and 16 times their number is an unbiased estimate.
"""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from helpers import boolean, maps, sweeps

SHARDS, SEED, PATH = 200, 17, "book/results/published_prior.csv"
NAME, N_SAMPLES = "ReLU, depth 2, uniform", 500_000
EXACT_UP_TO, ONE_IN, PARTS = 60, 16, 64


def shard(name: str, n_samples: int, seed: int, device: str = "cpu") -> pd.DataFrame:
    """The functions kept, as two words of 64 bits, with their complexities and counts."""
    packed = maps.atlas(7)[name].sample(n_samples, seed=seed, device=device)
    prior = maps.sampled_prior(packed, 7)
    words = pd.DataFrame(prior.functions.view(">u8").astype("u8"), columns=["high", "low"])
    words["complexity"] = boolean.lz_complexity(boolean.unpack(prior.functions, 7))
    words["count"] = prior.weights
    chosen = pd.util.hash_pandas_object(words[["high", "low"]], index=False) % ONE_IN == 0
    return words[(words.complexity <= EXACT_UP_TO) | chosen].reset_index(drop=True)


def combine(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """How many functions of each complexity were seen how often; `one_in`: the share kept.

    Functions go to files by their hash, and the files are counted one by one: all at once they would
    need memory that grows with the samples.
    """
    key, counts, kinds = ["high", "low", "complexity"], [], None
    with TemporaryDirectory() as folder:
        files = [Path(folder, str(part)) for part in range(PARTS)]
        for frame in frames:
            part = pd.util.hash_pandas_object(frame[["high", "low"]], index=False) // ONE_IN % PARTS
            rows = frame[[*key, "count"]].to_records(index=False)
            kinds, order = rows.dtype, np.argsort(part, kind="stable")
            ends = np.searchsorted(part.to_numpy()[order], range(1, PARTS))
            for file, some in zip(files, np.split(rows[order], ends), strict=True):
                with file.open("ab") as out:
                    out.write(some.tobytes())
        for file in files:
            seen = pd.DataFrame(np.fromfile(file, kinds)).groupby(key, sort=False)["count"].sum()
            counts.append(seen.reset_index().groupby(["complexity", "count"]).size())
    table = pd.concat(counts).groupby(level=[0, 1]).sum().rename("functions").reset_index()
    table["one_in"] = (table.complexity > EXACT_UP_TO).map({True: ONE_IN, False: 1})
    return table


if __name__ == "__main__":
    each = {"name": NAME, "n_samples": N_SAMPLES}
    given = dict(settings=each, combine=combine, workers=-1)  # all cores count, if a GPU samples
    sweeps.run(shard, SHARDS, seed=SEED, path=PATH, **given)
