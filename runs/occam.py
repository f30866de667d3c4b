"""Deep networks with the settings of Mingard et al. 2025, and with others (10 minutes).

Ten hidden layers, weights N(0, σ²/fan_in). Before each function the published sampler divides the
standard deviation σ_b σ of a bias by the number of units of its layer: "fan-out". So the bias of
the output is not divided. Its constructor divides by the "fan-in", but that draw is never used. Its
count of words does not read the last two symbols (`short`).
"""

import numpy as np
import pandas as pd

from helpers import boolean, maps, sweeps

SEED, PATH, DEPTH = 19, "book/results/occam.csv", 10
NAMES = "activation", "std", "bias", "divided_by", "width", "signs", "n_samples"
STATED = [("tanh", std, 0.1) for std in (1.0, 1.5, 2.0, 4.0, 8.0)] + [("relu", 1.0, 0.025)]
SETTINGS = [
    *((*network, "fan-out", 64, False, 40_000) for network in STATED),
    *((*network, "fan-in", 64, False, 20_000) for network in (STATED[0], STATED[3], STATED[5])),
    *((*network, "fan-out", 64, True, 20_000) for network in (STATED[0], STATED[5])),
    *(("tanh", 1.0, bias, "fan-out", 64, False, 20_000) for bias in (0.05, 0.15, 0.25, 0.3)),
    ("tanh", 1.0, 0.2, "fan-out", 64, False, 40_000),
    *(("relu", 1.0, bias, "fan-out", 64, False, 20_000) for bias in (0.01, 0.015, 0.02, 0.03)),
    *(("relu", 1.0, 0.025, "fan-out", width, False, 20_000) for width in (32, 128, 256)),
]


def shard(
    activation: str,
    std: float,
    bias: float,
    divided_by: str,
    width: int,
    signs: bool,
    n_samples: int,
    seed: int,
    device: str = "cpu",
) -> pd.DataFrame:
    """Share of constants and complexity of the functions of one setting."""
    hidden = (width,) * DEPTH
    fans = (7, *hidden) if divided_by == "fan-in" else (*hidden, 1)
    biases = tuple(bias * std / fan for fan in fans)
    network = maps.MLP(7, hidden, activation, std, biases, signs=signs)
    bits = boolean.unpack(network.sample(n_samples, seed=seed, device=device), 7)
    full, short = boolean.lz_complexity(bits), lz_short(bits)
    told = (activation, std, bias, divided_by, width, signs, n_samples)
    found = {"constants": (full == 7).mean(), "mean": full.mean(), "sd": full.std()}
    found |= {"short_mean": short.mean(), "short_sd": short.std()}
    return pd.DataFrame([dict(zip(NAMES, told, strict=True)) | found])


def lz_short(bits: np.ndarray) -> np.ndarray:
    """Lempel-Ziv complexity of 128 bits, without the last two symbols of either direction."""
    words = (boolean._words(bits[:, :-2]) + boolean._words(bits[:, :1:-1])) / 2
    return np.log2(128) * np.where((bits == bits[:, :1]).all(axis=1), 1, words)


if __name__ == "__main__":
    each = [dict(zip(NAMES, values, strict=True)) for values in SETTINGS]
    sweeps.run(shard, len(each), seed=SEED, path=PATH, settings=each)
