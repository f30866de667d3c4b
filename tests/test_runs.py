"""The tables of long runs are what their shards say."""

import runpy
import sys
from pathlib import Path

import pandas as pd
import pytest

from helpers import sweeps
from runs import published

ROOT = Path(__file__).parents[1]


def test_published_counts_each_function_once_over_all_shards():
    """Counted in parts by hash, as counted all at once."""
    frames = [published.shard(published.NAME, 5_000, seed) for seed in (1, 2, 2)]
    table = published.combine(iter(frames))
    together = pd.concat(frames).groupby(["high", "low", "complexity"])["count"].sum()
    expected = together.reset_index().groupby(["complexity", "count"]).size()
    found = table.set_index(["complexity", "count"]).functions
    pd.testing.assert_series_equal(found, expected, check_names=False)
    assert (table.one_in == 1).equals(table.complexity <= published.EXACT_UP_TO)
    assert (table["count"] * table.functions).sum() == sum(frame["count"].sum() for frame in frames)


class Planned(Exception):
    """What a run raises where it would begin to compute."""


def stop(missing, workers):
    raise Planned


@pytest.mark.parametrize("name", sorted(file.stem for file in ROOT.glob("runs/[!_]*.py")))
def test_a_stored_table_is_of_its_run_as_it_is_now(name, monkeypatch):
    """Its shard, seed, number of shards, settings and versions: `run` would refuse to replace others."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", ["run"])
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    run, tables = sweeps.run, []

    def planned(*args, **named):
        with monkeypatch.context() as patch:
            patch.setattr(sweeps, "_fill", stop)
            with pytest.raises(Planned):
                run(*args, **named)
        tables.append(Path(named["path"]))

    monkeypatch.setattr(sweeps, "run", planned)
    monkeypatch.delitem(sys.modules, f"runs.{name}", raising=False)
    runpy.run_module(f"runs.{name}", run_name="__main__", alter_sys=True)
    assert tables and all(path.exists() for path in tables)
