"""Exact least squares against Adam, for all readoffs of a frozen layer.

Writes book/results/readoff_bench.csv: 4,950 readoffs and the unweighted squared loss. Adam sees 3,000
batches of 100 fresh inputs, as many inputs as the published experiment; errors are on other fresh ones.
`bench.descent` compares the two at the same loss.
"""

import numpy as np
import pandas as pd
import torch

from bench import RESULTS, clocks
from helpers import sweeps, uand

M, D, SEED, STEPS, BATCH = 100, 300, 0, 3000, 100


def rate_of(m: int) -> float:
    """How often an input is on in the published experiment."""
    return 2 * np.sqrt(np.log(m)) / m


def adam(
    layer: uand.Layer, x: np.ndarray, ones: float, steps: int, batch: int, rate: float, decay: bool
) -> np.ndarray:
    """Readoffs trained in float32 on the mean squared error, `ones` weighted, starting from zero."""
    pairs = uand.all_pairs(x.shape[1])
    readoff = torch.zeros(len(pairs), len(layer.weights), requires_grad=True)
    optimizer = torch.optim.Adam([readoff], lr=rate, fused=True)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    weights, biases = (torch.tensor(part, dtype=torch.float32) for part in layer[:2])
    (i, j), batches = torch.tensor(pairs).T, torch.tensor(x).split(batch)
    for step in range(steps):
        some = batches[step % len(batches)].float()
        a, target = torch.relu(some @ weights.T + biases), some[:, i] * some[:, j]
        squares = (a @ readoff.T - target) ** 2
        loss = torch.mean(squares * (1 + (ones - 1) * target) if ones != 1 else squares)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if decay:
            falling.step()
    return readoff.detach().double().numpy()


def main() -> None:
    """As the published experiment: seconds, and squared errors on fresh inputs."""
    layer, pairs = uand.torch_default_layer(D, M, seed=SEED), uand.all_pairs(M)
    test = uand.sample_inputs(5_000, M, seed=SEED + 2, rate=rate_of(M))
    a, target = uand.activations(layer, test), uand.targets(test, pairs)
    weights = (1, 1, 1 / rate_of(M) ** 2 - 1)

    def inputs(rows: int) -> np.ndarray:
        return uand.sample_inputs(rows, M, seed=SEED + 1, rate=rate_of(M))

    def trained(rate: float) -> np.ndarray:
        return adam(layer, inputs(STEPS * BATCH), 1, STEPS, BATCH, rate, decay=False)

    methods = {
        "least squares, 100,000 inputs": lambda: uand.least_squares_readoff(layer, inputs(100_000)),
        "least squares, ones weighted": lambda: uand.least_squares_readoff(
            layer, inputs(100_000), class_weights=weights
        ),
        "Adam, 3,000 steps, rate 1e-4": lambda: trained(1e-4),
        "Adam, 3,000 steps, rate 1e-3": lambda: trained(1e-3),
    }
    rows = [{"method": "no readoff: always 0", "seconds": 0.0, "mean squared error": target.mean()}]
    for name, method in methods.items():
        readoffs = []
        seconds = clocks(lambda: readoffs.append(method()))[0]  # noqa: B023
        error = np.mean((a @ readoffs[0].T - target) ** 2)
        rows.append({"method": name, "seconds": seconds, "mean squared error": error})
        print(f"{name:34s} {seconds:7.2f} s   mean squared error {error:.6f}")
    table = pd.DataFrame(rows)
    table.insert(2, "time / Adam's", table.seconds / table.seconds.iloc[-1])
    sweeps.store(table, RESULTS / "readoff_bench.csv", seed=SEED, float_format="%.4g")


if __name__ == "__main__":
    torch.set_flush_denormal(True)
    main()
