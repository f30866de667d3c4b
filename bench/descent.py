"""Exact least squares against Adam, to the same loss on the same inputs.

Writes book/results/descent_bench.csv. All 780 readoffs of a frozen layer, and 20,000 inputs that both
programs go through, on one thread; the ones weighted or not. Adam, whose rate falls to 0 along a cosine,
starts anew with twice the steps until its loss is within `TOLERANCE` of the least one. Only its last run
counts, as if its length and the better of two rates had been known.
"""

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from bench import by_turns, compare, save
from bench.readoff import adam, rate_of
from helpers import uand

SEED, M, D, ROWS, REPEATS, TOLERANCE, RATES = 0, 40, 100, 20_000, 3, 0.01, (0.01, 0.03)


def same_loss(ones: float) -> list[dict]:
    """The time to the same squared loss on the same inputs, the ones weighted."""
    layer, pairs = uand.torch_default_layer(D, M, seed=SEED), uand.all_pairs(M)
    x = uand.sample_inputs(ROWS, M, seed=SEED + 1, rate=rate_of(M))
    a, target = uand.activations(layer, x), uand.targets(x, pairs)

    def solved() -> np.ndarray:
        return uand.least_squares_readoff(layer, x, class_weights=(1, 1, ones))

    def descended(steps: int, rate: float) -> np.ndarray:
        return adam(layer, x, ones, steps, 500, rate, decay=True)

    def loss(readoffs: np.ndarray) -> float:
        return float(np.mean(np.where(target, ones, 1) * (a @ readoffs.T - target) ** 2))

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
    torch.set_num_threads(1)
    with threadpool_limits(1):
        rows = [row for ones in (1.0, 1 / rate_of(M) ** 2 - 1) for row in same_loss(ones)]
    save(rows, "descent_bench", seed=SEED, tolerance=TOLERANCE, inputs=ROWS)


if __name__ == "__main__":
    main()
