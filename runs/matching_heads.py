"""Heads trained to match tokens from fixed random embeddings, over tokens and widths (6 minutes).

Eight heads a size, each with its own embeddings, N(0, 1/16) in 16 dimensions. Failures are counted on
all pairs; `pairs, random` is their mean over random projections of the same tokens. `projection` says
how far the score matrix W = A Bᵀ is from the nearest multiple of an orthogonal projection of its rank,
as a share of its squared length, and `pairs, projection` counts the failures of that projection.
`whitened` is the same distance after the embeddings were whitened, where projections are the best
solutions of least squares.
"""

import numpy as np
import pandas as pd

from helpers import attention, sweeps

SEED, PATH, D_MODEL, HEADS = 29, "book/results/matching_heads.csv", 16, 8
RANDOM = 20  # projections
SIZES = [(32, k) for k in (2, 3, 4, 6, 8, 12)] + [(128, k) for k in (2, 3, 4, 6, 8, 12, 16)]
SIZES += [(1024, k) for k in (4, 6, 8, 12, 16)]


def shard(n_tokens: int, d_head: int, steps: int, seed: int, device: str = "cpu") -> pd.DataFrame:
    """One row a head: its failures, and how its score matrix compares with projections."""
    rng = np.random.default_rng(seed)
    tokens = rng.standard_normal((HEADS, n_tokens, D_MODEL)) / D_MODEL**0.5
    maps = attention.train_matching(tokens, d_head, seed=seed % 2**32, steps=steps, device=device)
    rows = []
    for x, a, b in zip(tokens, *(part.double().numpy() for part in maps), strict=True):
        counts, matrix = attention.mismatches(x @ a, x @ b), a @ b.T
        root = np.linalg.cholesky(x.T @ x)  # the embeddings are isotropic after x @ inv(root.T)
        row = {"n": n_tokens, "k": d_head, "pairs": counts.sum(), "queries": (counts > 0).sum()}
        basis, row["projection"] = attention.nearest_projection(matrix, d_head)
        row["pairs, projection"] = attention.count_mismatches(x @ basis)
        random = [rng.standard_normal((D_MODEL, d_head)) for _ in range(RANDOM)]
        found = [attention.count_mismatches(x @ np.linalg.qr(one)[0]) for one in random]
        row["pairs, random"] = np.mean(found)
        row["whitened"] = attention.nearest_projection(root.T @ matrix @ root, d_head)[1]
        row["antisymmetric"] = ((matrix - matrix.T) ** 2).sum() / (4 * (matrix**2).sum())
        rows.append(row)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    settings = [dict(n_tokens=n, d_head=k, steps=1500) for n, k in SIZES]
    sweeps.run(shard, len(settings), seed=SEED, path=PATH, settings=settings)
