"""Networks trained on every AND or XOR, against frozen first layers (five tables, an hour on 2 cores).

`python -m runs.training source widths` computes two of the tables; without names, all of them.

source: the source's size and settings. widths: m = 30 inputs, 5 of them on, over width and step size,
with exact least squares on the same first layers. plane: powers and weights of the loss. surrogates:
losses that stand for the largest error. mixing: labels with linear functions of the inputs mixed in.
Networks of a shard are trained together, and numbered. Errors are measured on fresh inputs, one row for
each case: neither, one or both of the pair on.
"""

import sys

import numpy as np
import pandas as pd

from helpers import sweeps, training, uand

SEED, BINS = 41, np.linspace(-1.2, 2.2, 69)
LEVELS = {"median": 0.5, "q90": 0.9, "q99": 0.99, "largest": 1.0}
TORCH, NETWORKS = uand.torch_default_layer, 3
WIDE, NARROW = (800, 435, 300), (150, 60, 30)


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


def source(
    d: int, task: str, p: float, networks: int, seed: int, device: str = "cpu"
) -> pd.DataFrame:
    """Networks trained as in the source, and as many whose first layers are others and frozen."""
    rate, rows, own = 2 * np.sqrt(np.log(100)) / 100, [], seed % 2**32
    x = uand.sample_inputs(600, 100, seed=own, rate=rate)
    settings = dict(task=task, loss="norms", p=p, steps=3000, batch=100, decay=False)
    settings["device"] = device
    for frozen in (False, True):
        layers = [TORCH(d, 100, seed=own + 2 * k + frozen) for k in range(networks)]
        seeds = [own + k for k in range(networks)]
        found = training.train(layers, seeds=seeds, rate=rate, frozen=frozen, **settings)
        for k, (layer, readoffs) in enumerate(zip(found.layers, found.readoffs, strict=True)):
            names = dict(p=float(p), frozen=frozen, seed=own, network=k)
            rows += cases(layer, readoffs, x, task, **names)
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
    d: int,
    task: str,
    weights: list,
    learning_rate: float,
    steps: int,
    seed: int,
    device: str = "cpu",
) -> pd.DataFrame:
    """Trained networks, others with frozen first layers, and least squares on all these layers."""
    own, m, s, rows = seed % 2**32, 30, 5, []
    test = uand.sample_inputs(3000, m, seed=own, active=s)
    solved_on = uand.sample_inputs(15_000, m, seed=own + 1, active=s)
    settings = dict(task=task, p=4, weights=weights, steps=steps, batch=256)
    settings |= dict(learning_rate=learning_rate, device=device)
    for frozen in (False, True):
        layers = [TORCH(d, m, seed=own + 2 * k + frozen) for k in range(NETWORKS)]
        seeds = [own + k for k in range(NETWORKS)]
        found = training.train(layers, seeds=seeds, active=s, frozen=frozen, **settings)
        loss = found.losses[-steps // 20 :].mean(0)
        for k, layer in enumerate(found.layers):
            args = dict(task=task, class_weights=weights)
            solved = uand.least_squares_readoff(layer, solved_on, **args)
            for readoff, how in ((found.readoffs[k], "trained"), (solved, "solved")):
                parts = uand.errors_by_case(layer, readoff, solved_on, task)
                squares = sum(w * np.sum(e**2) for w, e in zip(weights, parts, strict=True))
                names = dict(frozen=frozen, readoff=how, weights=" ".join(map(str, weights)))
                names |= dict(seed=own, network=k, rate=learning_rate, steps=steps, loss=loss[k])
                names |= {"squares": squares / sum(map(len, parts))} | anatomy(layer, readoff)
                rows += cases(layer, readoff, test, task, **names)
    return pd.DataFrame(rows).drop(columns="histogram")


def plane(loss: str, p: float, weight: float, seed: int, device: str = "cpu") -> pd.DataFrame:
    """Networks for one power p and one weight on the ones, with their errors on the way."""
    own, m, s, d, rows = seed % 2**32, 20, 4, 40, []
    x = uand.sample_inputs(2000, m, seed=own, active=s)
    y = uand.targets(x, uand.all_pairs(m))

    def watch(step: int, now: training.Trained) -> None:
        for k, (layer, readoff) in enumerate(zip(now.layers, now.readoffs, strict=True)):
            found = uand.errors_by_case(layer, readoff, x)
            zeros = np.abs(np.concatenate(found[:2]))
            row = dict(loss=loss, p=float(p), weight=float(weight), step=step, network=k)
            row |= {f"q90, {on} on": np.quantile(np.abs(e), 0.9) for on, e in enumerate(found)}
            row |= {"largest": max(np.abs(e).max() for e in found), "gain": 1 + found[2].mean()}
            row["mean"] = np.mean([np.abs(e).mean() for e in found])
            row["moment"] = np.mean(zeros**p) ** (1 / p)  # of the outputs that should be zero
            row |= {"spread of ones": found[2].std(), "ones": y.mean()}
            gains = np.sum(uand.activations(layer, x) @ readoff.T * y, 0) / y.sum(0)
            row |= {"kept": np.sum(gains > 0.9), "given up": np.sum(gains < 0.1)}
            rows.append(row | {"alive": uand.activations(layer, x).any(0).sum()})

    settings = dict(
        loss=loss, p=p, weights=(1.0, weight), steps=1200, batch=128, learning_rate=0.01
    )
    settings |= dict(active=s, watch=watch, every=200, device=device)
    layers = [TORCH(d, m, seed=own + k) for k in range(NETWORKS)]
    seeds = [own + k for k in range(NETWORKS)]
    training.train(layers, seeds=seeds, **settings)
    return pd.DataFrame(rows)


def surrogates(
    loss: str, p: float, learning_rate: float, seed: int, device: str = "cpu"
) -> pd.DataFrame:
    """Networks trained with one loss, errors on fresh inputs every so many steps."""
    own, m, s, rows = seed % 2**32, 30, 5, []
    x = uand.sample_inputs(1500, m, seed=own, active=s)

    def watch(step: int, now: training.Trained) -> None:
        for k, (layer, readoff) in enumerate(zip(now.layers, now.readoffs, strict=True)):
            names = dict(loss=loss, p=float(p), rate=learning_rate, step=step, network=k)
            rows.extend(cases(layer, readoff, x, "and", **names))

    settings = dict(weights=(1.0, 3.0, 20.0), steps=4000, batch=256, learning_rate=learning_rate)
    layers = [TORCH(100, m, seed=own + k) for k in range(NETWORKS)]
    seeds = [own + k for k in range(NETWORKS)]
    settings |= dict(active=s, loss=loss, p=p, watch=watch, every=1000, device=device)
    training.train(layers, seeds=seeds, **settings)
    return pd.DataFrame(rows).drop(columns="histogram")


def mixing(d: int, size: float, seed: int, device: str = "cpu") -> pd.DataFrame:
    """Trained and frozen with one random linear function of the inputs for each pair in the labels."""
    own, m, s, rows = seed % 2**32, 30, 5, []
    noise = size * np.random.default_rng(own).standard_normal((435, m))
    x = uand.sample_inputs(3000, m, seed=own, active=s)
    settings = dict(weights=(1.0, 3.0, 20.0), steps=1500, batch=256, learning_rate=0.02)
    settings |= dict(active=s, mixing=noise if size else None, device=device)
    for frozen in (False, True):
        layer = TORCH(d, m, seed=own + frozen)
        found = training.train([layer], seeds=[own], frozen=frozen, **settings)
        layer, readoff = found.layers[0], found.readoffs[0]
        # a weight of one for each case: 0, 1, 2 on
        clean = uand.errors_by_case(layer, readoff, x)
        error, on = _against(layer, readoff, x, noise), uand.number_on(x, uand.all_pairs(m))
        row = dict(d=d, size=size, frozen=frozen, seed=own)
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
        return [dict(d=d, task=task, p=p, networks=NETWORKS) for d, task, p in found]
    if name == "widths":
        rates = {d: (0.0025, 0.005, 0.01) for d in WIDE} | {d: (0.005, 0.01, 0.02) for d in NARROW}
        each = []
        for d, some in rates.items():
            balanced = [1.0, 4.0, 28.0] if d <= 60 else [1.0, 3.0, 20.0]
            for rate in some:
                each += [(d, "and", balanced, rate), (d, "xor", [1.0, 2.0, 15.0], rate)]
        frontier = [[1.0, 1.0, 1.0], [1.0, 1.0, 10.0], [1.0, 2.0, 40.0], [1.0, 10.0, 40.0]]
        each += [(150, "and", weights, 0.01) for weights in frontier]
        names = ("d", "task", "weights", "learning_rate")
        return [dict(zip(names, one, strict=True), steps=4000) for one in each]
    if name == "plane":
        grid = [(p, w) for p in (1.5, 2, 3, 4, 6, 8) for w in (1, 4, 16, 64, 256, 1024, 10_000)]
        return [dict(loss=k, p=p, weight=w) for k in ("power", "norms") for p, w in grid]
    if name == "surrogates":
        losses = [("power", 2), ("power", 4), ("power", 8), ("norms", 8), ("hinge", 0.25)]
        losses += [("logsumexp", 30), ("logsumexp", 1000)]
        rates = (0.0003, 0.001, 0.003, 0.01, 0.03)
        return [dict(loss=k, p=p, learning_rate=r) for k, p in losses for r in rates]
    return [dict(d=20, size=size) for size in (0.0, 0.02, 0.05, 0.1, 0.2) for _ in range(NETWORKS)]


TABLES = dict(source=source, widths=widths, plane=plane, surrogates=surrogates, mixing=mixing)

if __name__ == "__main__":
    for name in sys.argv[1:] or TABLES:
        own = dict(settings=settings_of(name), path=f"book/results/training_{name}.csv")
        sweeps.run(TABLES[name], len(own["settings"]), seed=SEED + list(TABLES).index(name), **own)
