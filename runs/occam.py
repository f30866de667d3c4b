"""Deep networks with the settings of Mingard et al. 2025, over sizes of the bias (5 minutes).

Ten hidden layers of 64, weights N(0, σ²/fan_in). The published sampler is reported to have biases of
standard deviation 0.1 σ/fan_in (tanh) and 0.025 σ/fan_in (ReLU); the scan looks for what gives the
published numbers.
"""

import pandas as pd

from helpers import boolean, maps, sweeps

SEED, PATH, N_SAMPLES = 19, "book/results/occam.csv", 20_000
DEEP = (64,) * 10
# activation, σ, bias in units of σ, whether divided by the fan-in
SETTINGS = [
    ("relu", 1.0, 0.025, True),
    ("tanh", 1.0, 0.1, True),
    ("tanh", 4.0, 0.1, True),
    *(("relu", 1.0, bias, False) for bias in (0.01, 0.0125, 0.015, 0.025)),
    *(("tanh", 1.0, bias, False) for bias in (0.06, 0.08, 0.1)),
    *(("tanh", 4.0, bias, False) for bias in (0.06, 0.08, 0.1)),
]


def shard(activation: str, std: float, bias: float, per_fan_in: bool, seed: int) -> pd.DataFrame:
    """Share of constants and complexity of the functions of one setting."""
    biases = tuple(bias * std / (fan_in if per_fan_in else 1) for fan_in in (7, *DEEP))
    network = maps.MLP(7, DEEP, activation, std, biases)
    bits = boolean.unpack(network.sample(N_SAMPLES, seed=seed), 7)
    constant, complexity = bits.min(axis=1) == bits.max(axis=1), boolean.lz_complexity(bits)
    about = {"activation": activation, "std": std, "bias": bias, "per_fan_in": per_fan_in}
    found = {"constants": constant.mean(), "mean": complexity.mean(), "sd": complexity.std()}
    return pd.DataFrame([about | {"n": N_SAMPLES} | found])


if __name__ == "__main__":
    names = "activation", "std", "bias", "per_fan_in"
    each = [dict(zip(names, values, strict=True)) for values in SETTINGS]
    sweeps.run(shard, len(each), seed=SEED, path=PATH, settings=each)
