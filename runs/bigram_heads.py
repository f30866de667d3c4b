"""Heads trained for skip feature-bigrams, over widths and draws of the features (10 minutes).

A draw has its own features and a random order of bigrams; a head is trained for each of several sizes
of the set, which are shares of d·d_head. `heads` = 0 are the heads without training, a random projection
and the truncated decomposition, each size the mean over several orders of bigrams and projections.
Errors are those among 64 keys. Twice the steps for four heads at d = 64 show what 200 leave undone.
"""

import numpy as np
import pandas as pd

from helpers import attention, sweeps

SEED, PATH, KEYS, ORDERS = 37, "book/results/bigram_heads.csv", 64, 16
UNTRAINED = (0.015, 0.022, 0.032, 0.046, 0.066, 0.1, 0.14, 0.2)
TRAINED = (0.28, 0.34, 0.4, 0.46, 0.54, 0.64, 0.8)
SHAPES = [(32, 8, 8), (64, 16, 8), (128, 32, 5)]  # width, head width, draws; 4 d features


def errors(scores: np.ndarray, tables: np.ndarray) -> list:
    """Error among the keys for each set."""
    each = zip(scores, tables, strict=True)
    return [attention.match_errors(s, table, (KEYS,))[0] for s, table in each]


def shard(
    d: int, d_head: int, draw: int, heads: int, steps: int, seed: int, device: str = "cpu"
) -> pd.DataFrame:
    """Errors of one draw of features, for all sizes of the set; the seed is that of the rest."""
    m, shares = 4 * d, TRAINED if heads else UNTRAINED
    features = attention.unit_vectors(m, d, seed=1000 * d + draw)
    sizes = [round(share * d * d_head) for share in shares]
    found, kinds = [], ["trained"] if heads else ["random projection", "truncated"]
    for own in np.random.SeedSequence(seed).generate_state(1 if heads else ORDERS):
        bigrams = attention.random_bigrams(m, max(sizes), seed=int(own))
        sets = [attention.bigram_table(bigrams[:size], m).toarray() for size in sizes]
        if heads:
            sets, own = np.array(sets), int(own) + 1
            scores = attention.train_bigrams(
                features, sets, d_head, seed=own, n_heads=heads, steps=steps, device=device
            )
            found.append([errors(scores, sets)])
            continue
        p = attention.random_projection(d, d_head, seed=int(own) + 1)
        full = [features.T @ table @ features for table in sets]
        left, values, right = np.linalg.svd(full)
        best = (left[:, :, :d_head] * values[:, None, :d_head]) @ right[:, :d_head]
        ranked = [[w @ p.T @ p for w in full], best]
        found.append([errors(features @ np.array(w) @ features.T, sets) for w in ranked])
    frame = pd.DataFrame(np.mean(found, axis=0).T, columns=kinds).assign(bigrams=sizes)
    frame = frame.melt("bigrams", var_name="kind", value_name="error")
    told = {"d": d, "d_head": d_head, "draw": draw, "heads": heads, "steps": steps}
    return frame.assign(**told)[[*told, "kind", "bigrams", "error"]]


if __name__ == "__main__":
    plan = [(*shape, heads, 200 if heads else 0) for shape in SHAPES for heads in (0, 1, 4)]
    plan.append((64, 16, 5, 4, 400))
    names = ("d", "d_head", "heads", "steps")
    each = [
        dict(zip(names, (d, r, heads, steps), strict=True), draw=k)
        for d, r, draws, heads, steps in plan
        for k in range(draws)
    ]
    sweeps.run(shard, len(each), seed=SEED, path=PATH, settings=each)
