"""Do groups of exclusive features find orthogonal subspaces, with a head and without (8 minutes on 1 core)?

Each row is one seed of one setting. `energy` is the cross energy of the trained vectors, `relabelled`
its mean over random assignments of the same vectors to groups, `spectrum` its mean over random
vectors with the same Gram spectrum.
"""

import numpy as np
import pandas as pd

from helpers import attention, sweeps

SEED, PATH, N_SEEDS, DRAWS = 41, "book/results/tegum.csv", 16, 100
TYPICAL = dict(
    n_groups=4, group_size=6, dim=8, rate=0.5, exclusive=True, head=0.0, relu=True, n_steps=2000
)
SETTINGS = [
    *(
        TYPICAL | dict(rate=rate, exclusive=exclusive, head=head)
        for rate in (0.1, 0.25, 0.5, 0.75)
        for exclusive in (True, False)
        for head in (0.0, 1.0)
    ),
    *(TYPICAL | dict(relu=False, head=head) for head in (0.0, 1.0)),
    *(TYPICAL | dict(rate=rate, n_steps=10_000) for rate in (0.1, 0.5)),
    *(TYPICAL | dict(group_size=12, dim=16, head=head) for head in (0.0, 1.0)),
]

SIZES_PATH, SIZES = (
    "book/results/tegum_sizes.csv",
    [
        TYPICAL | dict(n_groups=2, dim=4),
        TYPICAL | dict(n_groups=6, dim=12),
        TYPICAL | dict(group_size=4),
        TYPICAL | dict(group_size=12),
        TYPICAL | dict(group_size=12, head=1.0),
        TYPICAL | dict(group_size=12, n_steps=10_000),
    ],
)


def shard(*, seed: int, device: str = "cpu", **setting) -> pd.DataFrame:
    """Energies and losses of the seeds of one setting, and the energies of the two nulls."""
    trained = attention.train_groups(**setting, seed=seed, n_seeds=N_SEEDS, device=device)
    rng, groups = (
        np.random.default_rng(seed),
        np.arange(setting["n_groups"]).repeat(setting["group_size"]),
    )
    rows = []
    for k, vectors in enumerate(trained.vectors):
        relabelled = [
            attention.cross_energy(vectors, rng.permutation(groups)) for _ in range(DRAWS)
        ]
        sizes = np.linalg.svd(vectors, compute_uv=False)
        turned = (np.linalg.qr(rng.standard_normal(vectors.shape))[0] * sizes for _ in range(DRAWS))
        found = {
            "energy": attention.cross_energy(vectors, groups),
            "relabelled": np.mean(relabelled),
            "relabelled_sd": np.std(relabelled, ddof=1),
            "spectrum": np.mean([attention.cross_energy(v, groups) for v in turned]),
            "reconstruction": trained.reconstruction[k],
            "attention": trained.attention[k],
        }
        rows.append(setting | {"k": k} | found)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    sweeps.run(shard, len(SETTINGS), seed=SEED, path=PATH, settings=SETTINGS, workers=1)
    sweeps.run(shard, len(SIZES), seed=SEED + 1, path=SIZES_PATH, settings=SIZES, workers=1)
