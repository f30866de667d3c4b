"""How many seeds find orthogonal subspaces without a head, after few and many steps (4 minutes on 1 core)?

The rows are those of runs/tegum.py, with more seeds for its typical setting.
"""

from helpers import sweeps
from runs.tegum import TYPICAL, shard

SEED, PATH = 43, "book/results/tegum_seeds.csv"
SETTINGS = [
    *[TYPICAL] * 16,
    *[TYPICAL | dict(exclusive=False)] * 4,
    *[TYPICAL | dict(n_steps=10_000)] * 4,
    *[TYPICAL | dict(n_groups=2, dim=4, n_steps=10_000)] * 2,
]

if __name__ == "__main__":
    sweeps.run(shard, len(SETTINGS), seed=SEED, path=PATH, settings=SETTINGS)
