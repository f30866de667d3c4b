"""How time and memory grow with samples, width and tokens.

Writes book/results/growth.csv. Each point is a process of its own with one thread, so that the most
memory it had is that of the point; what Python and its libraries take before is `start MiB`. For each
size the operations of the algorithm are counted beforehand, and the bytes of the arrays that grow.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from threadpoolctl import threadpool_limits

from bench import clocks, memory, save
from helpers import attention, sweeps, training, uand
from runs import published

SEED, M, PAIRS, BATCH, STEPS, INPUTS = 0, 30, 435, 512, 32, 20_000
ACTIVE, ROWS, CHUNK, DIM = 5, published.N_SAMPLES, 4096, 16


class Growth(NamedTuple):
    """Sizes, how often each is timed, a call for a size, its operations and growing bytes."""

    axis: str
    sizes: list[int]
    repeats: int
    work: Callable[[int], object]
    operations: Callable[[int], float]
    bytes: Callable[[int], float]


def long_run(n: int) -> None:
    """The published prior, in shards as long as there; n samples."""
    shards = max(1, n // ROWS)
    settings = {"name": published.NAME, "n_samples": n // shards}
    with TemporaryDirectory() as folder:
        options = dict(settings=settings, combine=published.combine, workers=1, cache=folder)
        sweeps.run(published.shard, shards, seed=SEED, path=Path(folder, "table.csv"), **options)


def combine(n: int) -> None:
    """The table of so many samples: shards with the shape of the first, and other functions."""
    shape = published.shard(published.NAME, ROWS, sweeps.shard_seed(SEED, 0))
    rng = np.random.default_rng(SEED)

    def frames() -> Iterator[pd.DataFrame]:
        for _ in range(n // ROWS):
            words = rng.integers(0, 2**64, (2, len(shape)), dtype=np.uint64)
            yield shape.assign(high=words[0], low=words[1])

    published.combine(frames())


def steps(d: int) -> None:
    """Steps of one network of d neurons."""
    layers, weights = [uand.torch_default_layer(d, M, seed=SEED)], (1, 3, 20)
    options = dict(active=ACTIVE, p=4.0, weights=weights, steps=STEPS, batch=BATCH)
    training.train(layers, seeds=[SEED], **options)


def solve(d: int, ones: float) -> None:
    """All readoffs of a layer of d neurons."""
    x = uand.sample_inputs(INPUTS, M, seed=SEED, active=ACTIVE)
    layer = uand.torch_default_layer(d, M, seed=SEED)
    uand.least_squares_readoff(layer, x, class_weights=(1, 1, ones))


def retrieve(n: int) -> None:
    """The errors of retrieval among all n tokens, with a bigram for each."""
    features = attention.unit_vectors(n, DIM, seed=SEED)
    bigrams = attention.random_bigrams(n, n, seed=SEED)
    qk = attention.qk_matrix(bigrams, features, np.eye(DIM))
    table = attention.bigram_table(bigrams, n).toarray()
    attention.match_errors(features @ qk @ features.T, table, (2, 10))


HITS = (
    INPUTS * PAIRS * ACTIVE * (ACTIVE - 1) / (M * (M - 1))
)  # rows with both of a pair on, all pairs
FOLD = 2 * INPUTS * M * 2 + 2 * HITS + 2 * INPUTS  # operations a neuron: activations, sums

GROWTHS = {
    "long run": Growth(
        "samples",
        [10**4, 10**5, 10**6, 3 * 10**6, 10**7],
        1,
        long_run,
        lambda n: n,
        lambda n: min(n, ROWS),
    ),
    "its table": Growth("samples", [10**6, 10**7, 10**8], 1, combine, lambda n: n, lambda n: ROWS),
    "training": Growth(
        "width",
        [2**k for k in range(6, 12)],
        3,
        steps,
        lambda d: STEPS * BATCH * d * (6 * PAIRS + 4 * M),
        lambda d: 24 * PAIRS * d,
    ),
    "least squares": Growth(
        "width",
        [2**k for k in range(6, 12)],
        3,
        lambda d: solve(d, 1.0),
        lambda d: d * FOLD + d**2 * (INPUTS + 2 * PAIRS) + d**3 / 3,
        lambda d: 8 * d * (2 * CHUNK + 3 * PAIRS + 2 * d),
    ),
    "least squares, ones weighted": Growth(
        "width",
        [2**k for k in range(5, 10)],
        3,
        lambda d: solve(d, 20.0),
        lambda d: d * (FOLD + 2 * HITS * M) + d**2 * (INPUTS + HITS + 5 * PAIRS) + PAIRS * d**3 / 3,
        lambda d: 8 * d * (2 * CHUNK + 3 * PAIRS + 5 * d),
    ),
    "mismatches": Growth(
        "tokens",
        [2**k for k in range(10, 16)],
        3,
        lambda n: attention.count_mismatches(attention.unit_vectors(n, DIM, seed=SEED)),
        lambda n: n**2 * (2 * DIM + 2),
        lambda n: min(n, 2**22 // n) * n * 9 + 8 * n * DIM * 3,
    ),
    "retrieval": Growth(
        "tokens",
        [2**k for k in range(7, 13)],
        3,
        retrieve,
        lambda n: n**2 * (2 * DIM + np.log2(n)),
        lambda n: n**2 * 17,
    ),
}


def point(name: str, size: int) -> dict[str, float]:
    """In a process of its own: seconds and memory of one size."""
    torch.set_num_threads(1)
    growth = GROWTHS[name]
    with threadpool_limits(1):
        growth.work(growth.sizes[0])
        before = memory()
        times = [clocks(lambda: growth.work(size))]
        peak = memory()
        times += [clocks(lambda: growth.work(size)) for _ in range(growth.repeats - 1)]
    seconds, cpu = np.median(times, axis=0)
    return {"seconds": seconds, "CPU seconds": cpu, "MiB": peak, "start MiB": before}


def main() -> None:
    rows = []
    for name, growth in GROWTHS.items():
        for size in growth.sizes:
            command = [sys.executable, "-m", "bench.growth", name, str(size)]
            run = subprocess.run(command, check=True, capture_output=True, text=True)
            row = {"what": name, "axis": growth.axis, "size": size}
            row |= {"operations": growth.operations(size), "bytes": growth.bytes(size)}
            rows.append(row | json.loads(run.stdout.splitlines()[-1]))
            print(rows[-1], flush=True)
    save(rows, "growth", seed=SEED)


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(point(sys.argv[1], int(sys.argv[2]))))
    else:
        main()
