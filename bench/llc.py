"""Learning coefficients by this book's estimator and by devinterp 1.3.2, at equal time and equal error.

Writes book/results/llc_bench.csv. devinterp is not among the book's requirements: without it only this
book's rows are measured. The task is that of devinterp's own tests: reduced-rank regression, 10,000
noiseless inputs, started at the true parameters, nβ = n/ln n. devinterp runs with batches of 500 inputs
as it does there; its step, localisation and number of draws are set below and stored. This book's
estimator works on the population loss of the same task, on one thread. At equal time it gets the
processor time of devinterp; at equal error the fewest steps, doubled from 25, with a root mean square
error over the runs no larger than devinterp's at the better of its steps.
"""

import sys
import time
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import torch

from bench import save
from helpers import volumes

N, GAMMA, REPEATS, DRAWS, BURN_IN = 10_000, 1.0, 6, 500, 250
FEWEST, MOST = 25, 10_000  # steps of this book's estimator
NBETA = N / np.log(N)
TASKS = [([2, 1, 2], []), ([3, 3, 3], [1.0]), ([5, 3, 5], [])]
RATES = [0.05, 0.2]  # devinterp's step × nβ: two choices, of which the larger one did better


def devinterp_llc(widths: list, point: np.ndarray, rate: float, seed: int) -> float:
    """One call of devinterp's estimator, four chains, as in its tests but for the settings above."""
    from devinterp.optim.sgld import SGLD
    from devinterp.slt.sampler import estimate_learning_coeff_with_summary
    from torch.utils.data import DataLoader, TensorDataset

    layers = [torch.nn.Linear(a, b, bias=False) for a, b in zip(widths, widths[1:], strict=False)]
    ends = np.cumsum([0] + [layer.weight.numel() for layer in layers])
    for layer, start, end in zip(layers, ends, ends[1:], strict=False):
        layer.weight.data = torch.tensor(point[start:end].reshape(layer.weight.shape)).float()
    model = torch.nn.Sequential(*layers)
    inputs = torch.randn(N, widths[0], generator=torch.Generator().manual_seed(seed))
    data = TensorDataset(inputs, model(inputs).detach())
    found = estimate_learning_coeff_with_summary(
        model,
        DataLoader(data, batch_size=500, shuffle=True),
        # devinterp's loss is a mean over outputs and inputs: half the sum of squares is this
        evaluate=lambda net, batch: ((net(batch[0]) - batch[1]) ** 2).sum(1).mean() / 2,
        sampling_method=SGLD,
        optimizer_kwargs=dict(lr=rate / NBETA, localization=GAMMA, nbeta=NBETA),
        num_chains=4,
        num_draws=DRAWS,
        num_burnin_steps=BURN_IN,
        init_loss=0.0,
        seed=seed,
        verbose=False,
    )
    return float(found["llc/mean"])


def ours(widths: list, point: np.ndarray, n_steps: int, seed: int) -> float:
    loss = volumes.deep_linear_loss(widths, point)
    ladder = np.geomspace(10, NBETA, 5)
    options = dict(gamma=GAMMA, step=0.2, n_steps=n_steps, burn_in=n_steps // 4, n_chains=32)
    found = volumes.estimate_llc(
        loss, point, ladder, seed=seed, metropolis=True, exchange=True, **options
    )
    return float(found[-1].mean())


def timed(method, *arguments) -> tuple[float, float]:
    start = time.process_time()
    value = method(*arguments)
    return value, time.process_time() - start


def repeated(method, *arguments) -> np.ndarray:
    """Estimates of some runs, with the processor seconds of each, (run, 2)."""
    runs = []
    for seed in range(REPEATS):
        start = time.process_time()
        value = method(*arguments, seed)
        runs.append((value, time.process_time() - start))
    return np.array(runs)


def main() -> None:
    torch.set_num_threads(1)
    try:
        theirs = version("devinterp")
    except PackageNotFoundError:
        sys.exit(
            "devinterp is not installed: pip install devinterp==1.3.2 in an environment of its own"
        )
    table = []
    for widths, values in TASKS:
        point = volumes.deep_linear_point(widths, values)
        name = "-".join(map(str, widths)) + f" rank {len(values)}"
        true = float(volumes.rlct_deep_linear(widths, len(values))[0])

        def add(method: str, runs: np.ndarray, name=name, true=true) -> dict:
            table.append({"task": name, "method": method, "true": true} | summary(true, runs))
            print(table[-1], flush=True)
            return table[-1]

        rows = [
            add(f"devinterp, step × nβ = {rate}", repeated(devinterp_llc, widths, point, rate))
            for rate in RATES
        ]
        best = min(rows, key=lambda row: row["error"])
        pace = repeated(ours, widths, point, 200)[1:, 1].mean() / 200
        steps = int(best["processor seconds"] / pace)
        add("this book, equal time", repeated(ours, widths, point, steps))
        steps = FEWEST
        while (runs := repeated(ours, widths, point, steps)) is not None and steps < MOST:
            if summary(true, runs)["error"] <= best["error"]:
                add("this book, equal error", runs)
                break
            steps *= 2
    facts = {"nbeta": NBETA, "devinterp": theirs, "devinterp draws": [BURN_IN, DRAWS]}
    save(table, "llc_bench", seed=0, **facts)


def summary(true: float, runs: np.ndarray) -> dict:
    """Estimates over the true one, their root mean square error, and the time of a run."""
    ratios = runs[:, 0] / true
    found = {"ratio": ratios.mean(), "lowest": ratios.min(), "highest": ratios.max()}
    found |= {"error": np.mean((ratios - 1) ** 2) ** 0.5, "processor seconds": runs[:, 1].mean()}
    return {key: float(value) for key, value in found.items()} | {"runs": len(runs)}


if __name__ == "__main__":
    main()
