"""The priors of all maps of the atlas on 7 inputs (10 minutes on 2 cores).

Of every map 200,000 to 1,000,000 functions are sampled. Rows of kind "lz" count functions by their
Lempel-Ziv complexity (`value`) and by how often they were seen. Rows of kind "junta" count the samples,
and the functions, that depend on at most 4 inputs and are one 4-input function (`value`, the least
index among its renamings) of them. `make runs RUN=published` samples the published network further.
"""

import numpy as np
import pandas as pd

from helpers import boolean, maps, sweeps

N_INPUTS, SEED, PATH = 7, 11, "book/results/atlas.csv"
SLOW = ("depth 5", "depth 10", "transformer")  # as many networks take too long


def shard(name: str, n_samples: int, seed: int, device: str = "cpu") -> pd.DataFrame:
    """The sampled functions of one map, by complexity and count, and by class."""
    packed = maps.atlas(N_INPUTS)[name].sample(n_samples, seed=seed, device=device)
    prior = maps.sampled_prior(packed, N_INPUTS)
    bits = boolean.unpack(prior.functions, N_INPUTS)
    found = pd.DataFrame({"value": boolean.lz_complexity(bits), "count": prior.weights})
    by_complexity = found.value_counts(sort=False).rename("functions").reset_index()
    pairs = junta_classes(bits, prior.weights)
    juntas = pd.DataFrame(pairs, columns=["value", "count"], dtype=np.int64)
    by_class = juntas.groupby("value")["count"].agg(["sum", "size"]).reset_index()
    by_class.columns = ["value", "count", "functions"]
    rows = pd.concat({"lz": by_complexity, "junta": by_class}, names=["kind"]).reset_index(level=0)
    columns = ["map", "kind", "value", "count", "functions"]
    return rows.assign(map=name)[columns].reset_index(drop=True)


def junta_classes(bits: np.ndarray, weights: np.ndarray) -> list[tuple[int, int]]:
    """The class and weight of every function that depends on at most 4 inputs."""
    cube, inputs = bits.reshape(-1, *[2] * N_INPUTS), range(N_INPUTS)
    halves = [np.split(cube, 2, axis=k + 1) for k in inputs]
    needs = np.stack([(low != high).reshape(len(bits), -1).any(axis=1) for low, high in halves], 1)
    least, pairs = boolean.renamings(4).min(axis=0), []
    for pattern in np.unique(needs[needs.sum(axis=1) <= 4], axis=0):
        four = np.sort(np.argsort(~pattern, kind="stable")[:4])
        chosen = (needs == pattern).all(axis=1)
        place = [slice(None) if k in four else 0 for k in inputs]
        tables = cube[(chosen, *place)].reshape(chosen.sum(), -1)
        pairs += zip(least[boolean.index(tables)].tolist(), weights[chosen].tolist(), strict=True)
    return pairs


def settings() -> list[dict]:
    """One shard a map."""
    slow = {name: any(word in name for word in SLOW) for name in maps.atlas(N_INPUTS)}
    return [{"name": name, "n_samples": 200_000 if slow[name] else 1_000_000} for name in slow]


if __name__ == "__main__":
    each = settings()
    # all cores count, if a GPU samples
    sweeps.run(shard, len(each), seed=SEED, path=PATH, settings=each, workers=-1)
