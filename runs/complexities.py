"""Circuit, formula and depth complexity of all 65,536 functions of 4 inputs (4 seconds).

A row is a class of functions that differ by the names of the inputs only, which share all three
numbers. The class is named by its least index, as in four_inputs.csv, and `table` is the truth
table of that function, f(0000) first. Nothing is random, so the seed changes nothing.
"""

import numpy as np
import pandas as pd

from helpers import boolean, sweeps

SEED, PATH = 0, "book/results/complexities.csv"


def shard(seed: int) -> pd.DataFrame:
    """The classes of functions, how many functions each has, and their complexities."""
    least, members = np.unique(boolean.renamings(4).min(axis=0), return_counts=True)
    table = {"class": least, "table": ["".join(map(str, row)) for row in boolean.tables(4)[least]]}
    table |= {"functions": members, "circuit": boolean.circuit_complexity(4)[least]}
    table |= {"formula": boolean.formula_complexity(4)[least]}
    return pd.DataFrame(table | {"depth": boolean.depth_complexity(4)[least]})


if __name__ == "__main__":
    sweeps.run(shard, 1, seed=SEED, path=PATH)
