"""Networks trained on every AND or XOR, against frozen first layers (six tables, 10 minutes each on idle cores).

`python -m runs.training source widths` computes two of the tables; without names, all of them.

source: the source's size and settings. widths: m = 30 inputs, 5 of them on, over the width, with exact
least squares on the same first layers. wide: the widest of them with smaller steps. plane: powers and
weights of the loss. surrogates: losses that stand for the largest error. mixing: labels with linear
functions of the inputs mixed in.
Errors are measured on fresh inputs, one row for each case: neither, one or both of the pair on.
"""

import sys
import time

import numpy as np
import pandas as pd

from helpers import sweeps, training, uand

SEED, BINS = 41, np.linspace(-1.2, 2.2, 69)
LEVELS = {"median": 0.5, "q90": 0.9, "q99": 0.99, "largest": 1.0}
TORCH = uand.torch_default_layer


def cases(layer: uand.Layer, readoffs: np.ndarray, x: np.ndarray, task: str, **names) -> list:
    """Rows of error sizes, mean output and histogram, one for each case."""
    rows = []
    for on, error in enumerate(uand.errors_by_case(layer, readoffs, x, task)):
        size, target = np.abs(error), int(on == (2 if task == "and" else 1))
        row = names | {"task": task, "d": len(layer.weights), "on": on, "outputs": len(error)}
        row |= {name: np.quantile(size, q) for name, q in LEVELS.items()}
        row |= {"mean": size.mean(), "rms": np.sqrt(np.mean(size**2))}
        row["output"] = error.mean() + target
        row["within"] = np.mean(size < (0.25 if task == "and" else 0.5))
        row["histogram"] = " ".join(map(str, np.histogram(error, BINS)[0]))
        rows.append(row)
    return rows


def source(d: int, task: str, p: float, seed: int) -> pd.DataFrame:
    """One network trained as in the source, and one whose first layer is another draw and frozen."""
    rate, rows, own = 2 * np.sqrt(np.log(100)) / 100, [], seed % 2**32
    x = uand.sample_inputs(600, 100, seed=own, rate=rate)
    for frozen in (False, True):
        start = time.perf_counter()
        settings = dict(task=task, loss="norms", p=p, steps=3000, batch=100, decay=False)
        layer = TORCH(d, 100, seed=own + frozen)
        found = training.train([layer], seeds=[own + 2], rate=rate, frozen=frozen, **settings)
        names = dict(p=float(p), frozen=frozen, seed=own, seconds=time.perf_counter() - start)
        rows += cases(found.layers[0], found.readoffs[0], x, task, **names)
    return pd.DataFrame(rows)


def anatomy(layer: uand.Layer, readoffs: np.ndarray) -> dict:
    """Spread and signs of the readoffs, and the excess kurtosis of the weights of a neuron."""
    i, j = uand.all_pairs(layer.weights.shape[1]).T
    wi, wj = layer.weights[:, i].T, layer.weights[:, j].T
    unit = readoffs / np.linalg.norm(readoffs, axis=1, keepdims=True)
    facts = {"spread": np.mean(1 / np.sum(unit**4, 1)) / len(layer.weights)}
    for name, a, b in (("++", 1, 1), ("+-", 1, -1), ("-+", -1, 1), ("--", -1, -1)):
        here = (wi * a > 0) & (wj * b > 0)
        facts[name] = np.mean(readoffs[here]) / np.sqrt(np.mean(readoffs**2))
    for name, closed in (("sign", np.sign(wi * wj)), ("product", wi * wj)):
        closed = closed / np.linalg.norm(closed, axis=1, keepdims=True)
        facts[f"cosine, {name}"] = np.mean(np.sum(unit * closed, 1))
    w = layer.weights - layer.weights.mean(1, keepdims=True)
    facts["kurtosis"] = np.mean(np.mean(w**4, 1) / np.mean(w**2, 1) ** 2) - 3
    return facts | {"bias": layer.biases.mean()}


def widths(
    d: int, task: str, p: float, weights: list, steps: int, seed: int, learning_rate: float = 0.02
) -> pd.DataFrame:
    """A trained network, one with a frozen first layer, and least squares on both first layers."""
    own, m, s, rows = seed % 2**32, 30, 5, []
    test = uand.sample_inputs(3000, m, seed=own, active=s)
    solved_on = uand.sample_inputs(15_000, m, seed=own + 1, active=s)
    share = np.array(
        [len(k) for k in uand.errors_by_case(TORCH(1, m, seed=0), np.zeros((435, 1)), test)]
    )
    share = share / share.sum()
    for frozen in (False, True):
        settings = dict(task=task, p=p, weights=weights, steps=steps, batch=256)
        settings["learning_rate"] = learning_rate
        layer = TORCH(d, m, seed=own + 2 + frozen)
        found = training.train([layer], seeds=[own + 4], active=s, frozen=frozen, **settings)
        layer, trained = found.layers[0], found.readoffs[0]
        args = dict(task=task, class_weights=weights)
        solved = uand.least_squares_readoff(layer, solved_on, **args)
        for readoff, how in ((trained, "trained"), (solved, "solved")):
            parts = uand.errors_by_case(layer, readoff, solved_on[:5000], task)
            squares = sum(w * np.sum(k**2) for w, k in zip(weights, parts, strict=True))
            names = dict(frozen=frozen, readoff=how, seed=own, weights=" ".join(map(str, weights)))
            names["rate"] = learning_rate
            names |= {"squares": squares / sum(map(len, parts))} | anatomy(layer, readoff)
            rows += cases(layer, readoff, test, task, **names)
    return pd.DataFrame(rows)


def plane(loss: str, p: float, weight: float, seed: int) -> pd.DataFrame:
    """Two networks for one power p and one weight on the ones, with their errors on the way."""
    own, m, s, d, rows = seed % 2**32, 20, 4, 40, []
    x = uand.sample_inputs(2000, m, seed=own, active=s)

    def watch(step: int, now: training.Trained) -> None:
        for k, (layer, readoff) in enumerate(zip(now.layers, now.readoffs, strict=True)):
            found = uand.errors_by_case(layer, readoff, x)
            zeros = np.abs(np.concatenate(found[:2]))
            row = dict(loss=loss, p=float(p), weight=float(weight), step=step, seed=k)
            row |= {f"q90, {on} on": np.quantile(np.abs(e), 0.9) for on, e in enumerate(found)}
            row |= {"largest": max(np.abs(e).max() for e in found), "gain": 1 + found[2].mean()}
            row["mean"] = np.mean([np.abs(e).mean() for e in found])
            row["moment"] = np.mean(zeros**p) ** (1 / p)  # of the outputs that should be zero
            rows.append(
                row | {"spread of ones": found[2].std(), "ones": len(found[2]) / x.shape[0] / 190}
            )

    settings = dict(
        loss=loss, p=p, weights=(1.0, weight), steps=1200, batch=128, learning_rate=0.01
    )
    layers = [TORCH(d, m, seed=own + k) for k in range(2)]
    seeds = [own + k for k in range(2)]
    training.train(layers, seeds=seeds, active=s, watch=watch, every=200, **settings)
    return pd.DataFrame(rows)


def surrogates(loss: str, p: float, learning_rate: float, seed: int) -> pd.DataFrame:
    """Two networks, errors on fresh inputs every so many steps."""
    own, m, s, rows = seed % 2**32, 30, 5, []
    x = uand.sample_inputs(1500, m, seed=own, active=s)

    def watch(step: int, now: training.Trained) -> None:
        for k, (layer, readoff) in enumerate(zip(now.layers, now.readoffs, strict=True)):
            names = dict(loss=loss, p=float(p), rate=learning_rate, step=step, seed=k)
            rows.extend(cases(layer, readoff, x, "and", **names))

    settings = dict(weights=(1.0, 3.0, 20.0), steps=1000, batch=256, learning_rate=learning_rate)
    layers = [TORCH(100, m, seed=own + k) for k in range(2)]
    seeds = [own + k for k in range(2)]
    training.train(
        layers, seeds=seeds, active=s, loss=loss, p=p, watch=watch, every=250, **settings
    )
    return pd.DataFrame(rows).drop(columns="histogram")


def mixing(d: int, size: float, seed: int) -> pd.DataFrame:
    """Trained and frozen with random linear functions of the inputs in the labels."""
    own, m, s, rows = seed % 2**32, 30, 5, []
    noise = size * np.random.default_rng(own).standard_normal((435, m))
    x = uand.sample_inputs(3000, m, seed=own, active=s)
    for frozen in (False, True):
        layers = [TORCH(d, m, seed=own + 2 * k + frozen) for k in range(3)]
        seeds = [own + k for k in range(3)]
        settings = dict(weights=(1.0, 3.0, 20.0), steps=1500, batch=256, learning_rate=0.02)
        settings |= dict(active=s, mixing=noise if size else None)
        found = training.train(layers, seeds=seeds, frozen=frozen, **settings)
        for k, (layer, readoff) in enumerate(zip(found.layers, found.readoffs, strict=True)):
            # a weight of one for each case: 0, 1, 2 on
            clean = uand.errors_by_case(layer, readoff, x)
            error, on = _against(layer, readoff, x, noise), uand.number_on(x, uand.all_pairs(m))
            row = dict(d=d, size=size, frozen=frozen, seed=k)
            row["clean"] = np.sqrt(np.mean([np.mean(e**2) for e in clean]))
            row["mixed"] = np.sqrt(np.mean([np.mean(error[on == c] ** 2) for c in range(3)]))
            rows.append(row)
    return pd.DataFrame(rows)


def _against(
    layer: uand.Layer, readoff: np.ndarray, x: np.ndarray, noise: np.ndarray
) -> np.ndarray:
    y = uand.targets(x, uand.all_pairs(x.shape[1])) + x @ noise.T
    return uand.activations(layer, x) @ readoff.T - y


def settings_of(name: str) -> list[dict]:
    """The settings of every shard of a table, the longest first where they differ."""
    if name == "source":
        found = [(300, "and", 4), (300, "xor", 4)]
        found += [(100, task, p) for task, p in (("and", 4), ("xor", 4), ("and", 2), ("and", 6))]
        return [dict(d=d, task=task, p=p) for d, task, p in [*found, (100, "and", 4)]]
    if name == "widths":
        frontier = [[1.0, 1.0, 1.0], [1.0, 1.0, 10.0], [1.0, 2.0, 40.0], [1.0, 10.0, 40.0]]
        every = [(150, "and", weights, 2500) for weights in frontier]
        for d, steps in (
            (800, 1200),
            (435, 2000),
            (300, 2500),
            (150, 4500),
            (60, 3000),
            (30, 3000),
        ):
            weights = [1.0, 4.0, 28.0] if d <= 60 else [1.0, 3.0, 20.0]
            every += [(d, "and", weights, steps)] * (3 if d <= 300 else 2)
            every += [(d, "xor", [1.0, 2.0, 15.0], steps)] * (2 if d <= 300 else 1)
        return [dict(d=d, task=t, weights=w, p=4, steps=steps) for d, t, w, steps in every]
    if name == "wide":
        found = []
        for d, steps, rate in ((800, 1500, 0.004), (435, 2000, 0.007)):
            for task, weights in (("and", [1.0, 3.0, 20.0]),) * 2 + (("xor", [1.0, 2.0, 15.0]),):
                found.append(
                    dict(d=d, task=task, weights=weights, steps=steps, learning_rate=rate, p=4)
                )
        return found
    if name == "plane":
        grid = [(p, w) for p in (1.5, 2, 3, 4, 6, 8) for w in (1, 4, 16, 64, 256, 1024, 10_000)]
        return [dict(loss=k, p=p, weight=w) for k in ("power", "norms") for p, w in grid]
    if name == "surrogates":
        losses = [("power", 2), ("power", 4), ("power", 8), ("norms", 8), ("hinge", 0.25)]
        losses += [("logsumexp", 30), ("logsumexp", 1000)]
        return [dict(loss=k, p=p, learning_rate=r) for k, p in losses for r in (0.003, 0.02)]
    return [dict(d=d, size=size) for d in (20,) for size in (0.0, 0.02, 0.05, 0.1, 0.2)]


TABLES = dict(source=source, widths=widths, plane=plane, surrogates=surrogates, mixing=mixing)
TABLES["wide"] = widths

if __name__ == "__main__":
    for name in sys.argv[1:] or TABLES:
        own = dict(settings=settings_of(name), path=f"book/results/training_{name}.csv")
        sweeps.run(TABLES[name], len(own["settings"]), seed=SEED + list(TABLES).index(name), **own)
