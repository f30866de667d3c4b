"""The tables of long runs are what their shards say."""

import pandas as pd

from runs import published


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
