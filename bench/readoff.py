"""Exact least squares against Adam: all 4,950 readoffs of one frozen layer, in one run.

`python bench/readoff.py` writes book/results/readoff_bench.csv and its provenance. Both solve the
same unweighted squared loss; Adam sees 3,000 batches of 100 fresh inputs, as many inputs as the
published experiment. Mean squared errors are on the same fresh inputs.
"""

import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from helpers import sweeps, uand

RESULTS = Path(__file__).parents[1] / "book" / "results"
M, D, SEED, STEPS, BATCH = 100, 300, 0, 3000, 100
RATE = 2 * np.sqrt(np.log(M)) / M


def adam(layer: uand.Layer, pairs: np.ndarray, rate: float) -> np.ndarray:
    """Readoffs trained by Adam in float32 on the mean squared error, starting from zero."""
    readoff = torch.zeros(len(pairs), D, requires_grad=True)
    optimizer = torch.optim.Adam([readoff], lr=rate, fused=True)
    inputs = uand.sample_inputs(STEPS * BATCH, M, seed=SEED + 1, rate=RATE)
    weights, biases = (torch.tensor(part, dtype=torch.float32) for part in layer[:2])
    i, j = torch.tensor(pairs).T
    for x in torch.tensor(inputs).split(BATCH):
        a = torch.relu(x.float() @ weights.T + biases)
        loss = torch.mean((a @ readoff.T - (x[:, i] & x[:, j]).float()) ** 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return readoff.detach().numpy()


def solved(layer: uand.Layer, n_samples: int, **options) -> np.ndarray:
    inputs = uand.sample_inputs(n_samples, M, seed=SEED + 1, rate=RATE)
    return uand.least_squares_readoff(layer, inputs, **options)


def main() -> None:
    torch.set_flush_denormal(True)
    layer, pairs = uand.torch_default_layer(D, M, seed=SEED), uand.all_pairs(M)
    test = uand.sample_inputs(5_000, M, seed=SEED + 2, rate=RATE)
    a, target = uand.activations(layer, test), uand.targets(test, pairs)
    ones = 1 / RATE**2 - 1
    methods = {
        "least squares, 100,000 inputs": lambda: solved(layer, 100_000),
        "least squares, ones weighted": lambda: solved(layer, 100_000, class_weights=(1, 1, ones)),
        "Adam, 3,000 steps, rate 1e-4": lambda: adam(layer, pairs, 1e-4),
        "Adam, 3,000 steps, rate 1e-3": lambda: adam(layer, pairs, 1e-3),
    }
    rows = [{"method": "no readoff: always 0", "seconds": 0.0, "mean squared error": target.mean()}]
    for name, method in methods.items():
        start = time.perf_counter()
        readoff = method()
        seconds = time.perf_counter() - start
        error = np.mean((a @ readoff.T - target) ** 2)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        rows.append({"method": name, "seconds": seconds, "mean squared error": error})
        print(f"{name:34s} {seconds:7.2f} s   mean squared error {error:.6f}   peak {peak:.2f} GiB")
    table = pd.DataFrame(rows)
    table.insert(2, "time / Adam's", table.seconds / table.seconds.iloc[-1])
    sweeps.store(table, RESULTS / "readoff_bench.csv", seed=SEED, float_format="%.4g")


if __name__ == "__main__":
    main()
