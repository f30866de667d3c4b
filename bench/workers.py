"""A long run with two workers against the same run with one, start of the processes left out.

Writes book/results/workers_bench.csv. The run is the published prior with few samples.
"""

from contextlib import redirect_stderr
from io import StringIO
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import by_turns, compare, save
from helpers import sweeps
from runs import published

SHARDS, N_SAMPLES, REPEATS = 8, 100_000, 5


def main() -> None:
    seeds = count()  # a seed that was there before would be found finished

    def run(workers: int) -> None:
        settings = {"name": published.NAME, "n_samples": N_SAMPLES}
        with TemporaryDirectory() as folder, redirect_stderr(StringIO()):  # no progress
            options = dict(settings=settings, combine=published.combine, workers=workers)
            path = Path(folder, "table.csv")
            sweeps.run(
                published.shard, SHARDS, seed=next(seeds), path=path, cache=folder, **options
            )

    works = {"two workers": lambda repeat: run(2), "one worker": lambda repeat: run(1)}
    by_turns(works, 1)
    counts = dict.fromkeys(works, SHARDS * N_SAMPLES)
    rows = compare(by_turns(works, REPEATS), counts, [tuple(works)])
    save(rows, "workers_bench", seed=0, shards=SHARDS, samples=N_SAMPLES)


if __name__ == "__main__":
    main()
