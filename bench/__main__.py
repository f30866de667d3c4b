"""All benchmarks, then one table of ratios: `python -m bench`; with names, only those.

Each is a process of its own. A table that is not measured again is taken as it is stored, as is that of
learning coefficients where devinterp is not installed. `python -m bench table` only gathers.
"""

import json
import subprocess
import sys
from importlib.util import find_spec

import pandas as pd

from bench import RESULTS, save
from helpers import sweeps

NAMES = ["sampler", "lz", "readoff", "descent", "training", "workers", "growth", "build", "pages"]
TARGETS = {
    ("sampler, gaussian", "product"): 0.25,
    ("sampler, uniform", "product"): 0.4,
    ("two workers", "one worker"): 1.8,
}
COLUMNS = ["what", "against", "threads", "ratio", "lowest", "highest", "target", "table"]


def gathered() -> list[dict]:
    """Rows of the stored tables; where a table has no range, lowest and highest are missing."""
    rows = []

    def add(table: str, **row) -> None:
        ends = dict.fromkeys(["lowest", "highest"], float("nan"))
        target = TARGETS.get((row["what"], row["against"]), float("nan"))
        rows.append(ends | row | {"target": target, "table": f"{table}_bench.csv"})

    def read(table: str) -> pd.DataFrame:
        return sweeps.read(RESULTS / f"{table}_bench.csv")

    for table in ("sampler", "lz", "descent", "workers"):
        for row in read(table).to_dict("records"):
            more = f", ones × {row['ones']:.0f}" if "ones" in row else ""
            kept = {key: row[key] for key in COLUMNS if key in row}
            add(table, **kept | {"what": row["what"] + more})
    steps = read("training")
    for row in steps[steps.batch == 512].to_dict("records"):
        what = f"training, d = {row['d']}, {row['networks']} at once"
        kept = {key: row[key] for key in COLUMNS if key in row}
        add("training", **kept | {"what": what, "against": "product", "ratio": row["share"]})
    for row in steps[steps.networks == 64].to_dict("records"):
        what, ratio = f"training, d = {row['d']}, 64 at once", 64 / row["times one"]
        add("training", what=what, against="one by one", threads=row["threads"], ratio=ratio)
    llc = read("llc").set_index("task")
    library = (
        llc[llc.method.str.startswith("devinterp")].sort_values("error").groupby("task").first()
    )
    own = llc[llc.method == "this book, equal time"].error / library.error
    seconds = llc[llc.method == "this book, equal error"]["processor seconds"]
    less = library["processor seconds"] / seconds
    for what, ratios in {"error in equal time": own, "speed at equal error": less}.items():
        ends = {"ratio": ratios.median(), "lowest": ratios.min(), "highest": ratios.max()}
        add("llc", what=f"learning coefficients, {what}", against="devinterp", threads=1, **ends)
    build = read("build").set_index("build").minutes
    for name in ("again", "stored outputs"):
        ratio = build[name] / build["cold"]
        add("build", what=f"build, {name}", against="cold", threads=2, ratio=ratio)
    sent = read("pages").pivot(index="page", columns="made by", values="sent").dropna()
    own = sent.pop("this book")
    for made_by, other in sent.items():
        ratios = own / other
        ends = {"ratio": ratios.median(), "lowest": ratios.min(), "highest": ratios.max()}
        add("pages", what="bytes of a chapter's page", against=made_by, threads=2, **ends)
    return [{name: row[name] for name in COLUMNS} for row in rows]


def main() -> None:
    names = sys.argv[1:] or NAMES + ["llc"] * (find_spec("devinterp") is not None)
    for name in names:
        if name != "table":
            print(f"\n{name}", flush=True)
            subprocess.run([sys.executable, "-m", f"bench.{name}"], check=True)
    rows = gathered()
    told = {row["table"]: RESULTS / row["table"].replace(".csv", ".json") for row in rows}
    facts = {table: json.loads(path.read_text()) for table, path in told.items()}
    kept = ("commit", "code differs from commit", "date")
    print()
    save(
        rows,
        "bench",
        seed=0,
        tables={t: {key: one[key] for key in kept} for t, one in facts.items()},
    )


if __name__ == "__main__":
    main()
