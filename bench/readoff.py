"""Exact least squares against Adam, for all readoffs of a frozen layer.

Writes two tables to book/results. readoff_bench.csv: 4,950 readoffs and the unweighted squared loss;
Adam sees 3,000 batches of 100 fresh inputs, as many inputs as the published experiment; errors on the
same fresh inputs. descent_bench.csv: 780 readoffs, and 20,000 inputs that both programs go through, on
one thread. Adam, whose rate falls to 0 along a cosine, starts anew with twice the steps until its loss
is within `TOLERANCE` of the least one. Only its last run counts, as if its length had been known.
"""

import numpy as np
import pandas as pd
import torch
from threadpoolctl import threadpool_limits

from bench import RESULTS, by_turns, clocks, compare, save
from helpers import sweeps, uand

M, D, SEED, STEPS, BATCH = 100, 300, 0, 3000, 100
SMALL, ROWS, REPEATS, TOLERANCE, RATES = (40, 100), 20_000, 3, 0.01, (0.01, 0.03)


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


def published() -> None:
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


def same_loss(ones: float) -> list[dict]:
    """The time to the same squared loss on the same inputs, the ones weighted."""
    m, d = SMALL
    layer, pairs = uand.torch_default_layer(d, m, seed=SEED), uand.all_pairs(m)
    x = uand.sample_inputs(ROWS, m, seed=SEED + 1, rate=rate_of(m))
    a, target = uand.activations(layer, x), uand.targets(x, pairs)

    def solved() -> np.ndarray:
        return uand.least_squares_readoff(layer, x, class_weights=(1, 1, ones))

    def descended(steps: int, rate: float) -> np.ndarray:
        return adam(layer, x, ones, steps, 500, rate, decay=True)

    def loss(readoffs: np.ndarray) -> float:
        return np.mean(np.where(target, ones, 1) * (a @ readoffs.T - target) ** 2)

    least, steps, within = loss(solved()), 32, {}
    while not within:
        steps *= 2
        tried = {rate: loss(descended(steps, rate)) / least for rate in RATES}
        print(f"ones weighted {ones:.0f}, {steps} steps: loss over least {tried}", flush=True)
        within = {rate: over for rate, over in tried.items() if over < 1 + TOLERANCE}
    rate = min(within, key=within.get)
    works = {"least squares": lambda _: solved(), "Adam": lambda _: descended(steps, rate)}
    seen, counts = by_turns(works, REPEATS), dict.fromkeys(works, 1)
    about = {"ones": ones, "steps": steps, "rate": rate, "loss": within[rate]}
    return compare(seen, counts, [tuple(works)], **about)


def main() -> None:
    torch.set_flush_denormal(True)
    published()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        rows = [row for ones in (1.0, 1 / rate_of(SMALL[0]) ** 2 - 1) for row in same_loss(ones)]
    save(rows, "descent_bench", seed=SEED, tolerance=TOLERANCE, inputs=ROWS)


if __name__ == "__main__":
    main()
