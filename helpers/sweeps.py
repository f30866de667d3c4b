"""Long runs: too long for a page, cut into shards that run in parallel and survive a kill.

A shard is a function of its settings and its own seed, so neither the number of workers nor their
order changes a bit of the table. Finished shards wait in a cache until all are there; only then is
the table written, in one step, with where it comes from beside it. A chapter reads the table and
computes one shard again, from `shard_seed`.
"""

import ast
import contextlib
import gzip
import hashlib
import inspect
import json
import logging
import os
import pickle
import platform
import shlex
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy.linalg  # noqa: F401  only what is imported can be limited to one thread
import torch
from joblib import Parallel, delayed
from joblib.parallel import get_active_backend
from threadpoolctl import threadpool_limits

from helpers import _require

ROOT = Path(__file__).resolve().parents[1]
ALONE = threading.Lock()  # the number of threads, and in Python 3.11 ast, are for one at a time


class _Shard(NamedTuple):
    """What to call with which code and versions, its name, and the file for what it returns."""

    call: partial
    same: dict[str, str]
    label: str
    file: Path


def run(
    shard: Callable[..., Any],
    n_shards: int,
    *,
    seed: int,
    path: str | Path,
    settings: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    combine: Callable[[Iterator[pd.DataFrame]], pd.DataFrame] | None = None,
    workers: int | None = None,
    cache: str | Path = "_build/sweeps",
) -> pd.DataFrame:
    """The table of all shards, stored at `path` (.csv or .csv.gz) with its provenance by `store`.

    Shard k is `shard(seed=shard_seed(seed, k), **settings)`, a DataFrame or a dict of columns; a
    list of settings gives each shard its own. If it takes `device`, that is "cuda" where torch sees a
    GPU here, else "cpu". `combine` makes the table from an iterator that reads the frames in the order
    of k, one at a time (default: one below the other). `workers` are processes of one thread (-1: one
    for each core; default: that, or one on a GPU, where each takes memory before it does anything).
    Inside joblib.parallel_config("dask") all the workers of the Dask cluster take part instead; the
    run fails when there is none for its `wait_for_workers_timeout`. Finished shards stay in `cache`; a
    later call computes only what is missing or damaged. A shard is used again if its settings, seed
    and device, the versions and the code that its file imports from this repository are the same; a
    worker that has others is refused. Raises ValueError for arguments that make no run, and, before it
    computes anything, if at `path` lies a table of another shard, seed, number of shards, device,
    settings or versions of the packages; RuntimeError naming a shard that failed.

    >>> run(print, 0, seed=0, path="table.csv")
    Traceback (most recent call last):
    ...
    ValueError: n_shards: got 0, expected an integer at least 1
    """
    start = time.perf_counter()
    n_shards = _require.integer("n_shards", n_shards, at_least=1)
    if workers is not None and _require.integer("workers", workers, at_least=-1) == 0:
        raise ValueError("workers: got 0, expected a number of processes, or -1 for every core")
    settings = {} if settings is None else settings
    each = list(settings) if isinstance(settings, Sequence) else [settings] * n_shards
    if len(each) != n_shards or not all(isinstance(own, Mapping) for own in each):
        what = f"a mapping of names to values, or a list of {n_shards} of them"
        raise ValueError(f"settings: got {settings!r}, expected {what}")
    each, name = list(map(dict, each)), _name(shard)
    takes = "device" in inspect.signature(shard).parameters
    device = "cuda" if takes and torch.cuda.is_available() else "cpu"
    given = {"device": device} if takes else {}
    shards = _plan(shard, each, seed, Path(cache) / _beside(path).stem, given)
    facts = {"shard": name, "n_shards": n_shards, "device": device}
    facts |= {"settings": each if isinstance(settings, Sequence) else each[0]}
    _refuse_another(path, {"seed": seed, **facts})
    if workers is None:
        workers = -1 if device == "cpu" else 1
    _fill([part for part in shards if _load(part) is None], workers)
    seconds = []

    def frames() -> Iterator[pd.DataFrame]:
        for part in shards:
            if (loaded := _load(part)) is None:
                raise RuntimeError(f"{part.label} cannot be read back from {cache}")
            seconds.append(loaded[1])
            yield loaded[0]

    table = pd.concat(frames(), ignore_index=True) if combine is None else combine(frames())
    facts |= {"seconds, all shards": round(sum(seconds), 1)}
    facts |= {"seconds, last call": round(time.perf_counter() - start, 1)}
    store(table, path, seed=seed, **facts)
    return read(path)


def shard_seed(seed: int, index: int) -> int:
    """The seed of shard `index`, below 2**63: from the child that `SeedSequence.spawn` puts there.

    >>> shard_seed(0, index=1)
    2440950710608614359
    """
    seed = _require.integer("seed", seed, at_least=0)
    index = _require.integer("index", index, at_least=0)
    child = np.random.SeedSequence(seed, spawn_key=(index,))
    return int(child.generate_state(1, np.uint64)[0] >> 1)


def store(
    table: pd.DataFrame,
    path: str | Path,
    *,
    seed: int,
    float_format: str | None = None,
    **facts: Any,
) -> None:
    """Write a table (.csv or .csv.gz) and beside it, as .json, where it comes from.

    Each file appears whole or not at all. The provenance is the command, seed, `facts`, machine,
    versions, commit, date, and a checksum of the table, which `read` checks.
    Raises ValueError for a table that the file could not give back as it is.

    >>> store(pd.DataFrame({"count": [1]}), "table.xlsx", seed=0)
    Traceback (most recent call last):
    ...
    ValueError: path: got 'table.xlsx', expected a .csv or .csv.gz in a folder that exists
    """
    beside, columns = _beside(path), _types("table", table)
    text = table.to_csv(index=False, float_format=float_format, lineterminator="\n").encode()
    data = gzip.compress(text, mtime=0) if Path(path).suffix == ".gz" else text
    changed = _git("status", "--porcelain", "--", ":/*.py")
    machine = [f"{platform.system()} {platform.machine()}", f"{os.cpu_count()} cores"]
    machine += [torch.cuda.get_device_name()] if torch.cuda.is_available() else []
    provenance = {
        "command": shlex.join(["python", *sys.orig_argv[1:]]),
        "seed": seed,
        **facts,
        "machine": ", ".join(machine),
        "versions": _versions(),
        "commit": _git("rev-parse", "HEAD"),
        "code differs from commit": None if changed is None else changed != "",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "columns": columns,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    _write(Path(path), data)
    _write(beside, (json.dumps(provenance, indent=2) + "\n").encode())


def read(path: str | Path) -> pd.DataFrame:
    """The table that `store` wrote at `path`, every value and type as they were.

    Raises ValueError if the table is not the one that its provenance describes.

    >>> read("table.txt")
    Traceback (most recent call last):
    ...
    ValueError: path: got 'table.txt', expected a .csv or .csv.gz in a folder that exists
    """
    told = json.loads(_beside(path).read_text())
    if hashlib.sha256(Path(path).read_bytes()).hexdigest() != told["sha256"]:
        what = f"what `{told['command']}` stored (run it again)"
        raise ValueError(f"path: got {path} with another checksum, expected {what}")
    # only an empty field of numbers is missing: NA, None and nothing at all are texts
    empty = {name: [""] for name, kind in told["columns"].items() if kind.startswith("float")}
    return pd.read_csv(path, dtype=told["columns"], keep_default_na=False, na_values=empty)


def _name(function: Any) -> str:
    """What a shard is called, such as `runs.atlas.shard`, also where its file is the command."""
    module = inspect.getmodule(function)
    file, spec = (getattr(module, name, None) for name in ("__file__", "__spec__"))
    if not (inspect.isfunction(function) and function.__qualname__.isidentifier() and file):
        what = "a function defined at the top level of a file"
        raise ValueError(f"shard: got {function!r}, expected {what}")
    return f"{spec.name if spec else Path(file).stem}.{function.__name__}"


def _refuse_another(path: str | Path, facts: dict[str, Any]) -> None:
    """A ValueError if at the path lies the table of a run that differs in any of these facts."""
    if not (Path(path).exists() and _beside(path).exists()):
        return
    told = {"device": "cpu"} | json.loads(_beside(path).read_text())  # before runs told it
    facts = facts | {"versions": _pins(_versions())}
    if facts["shard"].endswith(told.get("shard", "?").removeprefix("__main__")):
        told["shard"] = facts["shard"]  # before runs told the file
    told = {name: told[name] for name in facts if name in told}
    told["versions"] = _pins(told["versions"])
    old, new = (_leaves(json.loads(json.dumps(part))) for part in (told, facts))
    both = {name: (old.get(name, "nothing"), new.get(name, "nothing")) for name in old | new}
    differ = [f"{name}: {was} there, {now} here" for name, (was, now) in both.items() if was != now]
    if differ:
        rest = [f"{len(differ) - 3} more"] * (len(differ) > 3)
        got = f"{path} of another run ({'; '.join(differ[:3] + rest)})"
        raise ValueError(f"path: got {got}, expected none or one of this run: move that away")


def _leaves(value: Any, name: str = "") -> dict[str, Any]:
    """All that nested dicts and lists hold, each by its names and numbers on the way there."""
    if not isinstance(value, dict | list):
        return {name: value}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return {k: v for key, part in items for k, v in _leaves(part, f"{name} {key}".strip()).items()}


def _plan(
    function: Callable, each: list[dict], seed: int, folder: Path, given: dict
) -> list[_Shard]:
    """One record for each shard; the name of its file tells apart all that could change it."""
    shards, same = [], _versions() | _code(Path(inspect.getfile(function)))
    for k, settings in enumerate(each):
        own_seed = shard_seed(seed, k)
        try:
            call = partial(function, seed=own_seed, **given, **settings)
            inspect.signature(function).bind(**call.keywords)
            words = [function.__name__, same, call.keywords]
            words = json.dumps(words, sort_keys=True, allow_nan=False)
        except (TypeError, ValueError) as problem:
            what = f"JSON values for the arguments of {function.__name__}(*, seed, ...)"
            raise ValueError(f"settings: got {settings!r} ({problem}), expected {what}") from None
        key = hashlib.sha256(words.encode()).hexdigest()[:16]
        label = f"{folder.name}: shard {k} (seed {own_seed})"
        shards.append(_Shard(call, same, label, folder / f"{k}-{key}"))
    return shards


def _code(file: Path) -> dict[str, str]:
    """A checksum of each file of code: this one and all that it imports from here."""
    files, code = [file.resolve()], {}
    for file in files:  # which grows on the way
        name = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
        tree = ast.parse(file.read_bytes())
        code[str(name)] = _checksum(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                module = getattr(node, "module", None) or ""
                names = [module, *(f"{module}.{alias.name}".strip(".") for alias in node.names)]
                near = [name.replace(".", "/") + ".py" for name in names]
                found = {folder / name for name in near for folder in (ROOT, file.parent)}
                files += [path for path in found if path.is_file() and path not in files]
    return code


def _checksum(tree: ast.Module) -> str:
    """Of a syntax tree, where comments do not count."""
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:16]


@cache
def _loaded(name: str) -> str | None:
    """The checksum of a file of code as this process found it first; None if it is not here."""
    return _checksum(ast.parse(file.read_bytes())) if (file := ROOT / name).is_file() else None


def _fill(missing: list[_Shard], workers: int) -> None:
    """Compute shards, and write each as soon as it is there."""
    start, total, (backend, _) = time.perf_counter(), len(missing), get_active_backend()
    if hasattr(backend, "client"):
        results = _on_dask(backend, missing)
    else:
        # not in batches: what a worker has finished should not wait for the next shard
        parallel = Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1)
        results = parallel(delayed(_compute)(part) for part in missing)
    for done, (file, data) in enumerate(results, 1):
        file.parent.mkdir(parents=True, exist_ok=True)
        _write(file, data)
        left = timedelta(0, round((time.perf_counter() - start) / done * (total - done)))
        bar = f"{'#' * (20 * done // total):.<20}"
        line = f"{file.parent.name}: [{bar}] {done} of {total} missing shards, {left} left"
        end = "\r" if sys.stderr.isatty() and done < total else "\n"
        print(f"{line:80}", end=end, file=sys.stderr, flush=True)


def _on_dask(backend: Any, missing: list[_Shard]) -> Iterator[tuple[Path, bytes]]:
    """What the workers of a Dask cluster compute, however many come and go, as soon as it is there.

    Not by `Parallel`, which never ends if Dask gives a shard up, and leaves a lone worker idle.
    """
    client, limit, ready = backend.client, backend.wait_for_workers_timeout, SimpleQueue()
    waiting = dict(zip(client.map(_compute, missing, pure=False), missing, strict=True))
    for future in waiting:
        future.add_done_callback(ready.put)
    seen = time.monotonic()
    while waiting:
        try:
            future = ready.get(timeout=1)
            result = future.result(timeout=60)
        except Empty:
            # a scheduler that does not answer is lost, as the next future says
            with contextlib.suppress(Exception):
                seen = time.monotonic() if client.ncores() else seen
            if limit and time.monotonic() - seen > limit:
                what = f"no Dask worker for {limit} s (wait_for_workers_timeout)"
                raise RuntimeError(f"{len(waiting)} shards are missing: {what}") from None
        except TimeoutError:  # the worker died with the result, which is computed again
            future.add_done_callback(ready.put)
        except RuntimeError:  # which names the shard
            raise
        except Exception as problem:
            label, kind = waiting[future].label, type(problem).__name__
            raise RuntimeError(f"{label} is lost: {kind}: {problem}") from problem
        else:
            seen = time.monotonic()
            del waiting[future]
            yield result


def _compute(shard: _Shard) -> tuple[Path, bytes]:
    """In a worker: the file, and for it the table and the seconds, with a checksum."""
    with ALONE:
        own = _versions() | {name: _loaded(name) for name in shard.same if name.endswith(".py")}
        if other := [name for name in shard.same if own[name] not in (None, shard.same[name])]:
            problem = f"another {', '.join(other)} than the run started with (restart it)"
            raise RuntimeError(f"{shard.label}: a worker has {problem}")
        start, threads = time.perf_counter(), torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with threadpool_limits(1):
                table = pd.DataFrame(shard.call())
            table = table.astype(_types("shard", table)).reset_index(drop=True)
        except Exception as problem:
            kind = type(problem).__name__
            raise RuntimeError(f"{shard.label} failed: {kind}: {problem}") from problem
        finally:
            torch.set_num_threads(threads)
        data = pickle.dumps((table, time.perf_counter() - start))
    return shard.file, _sealed(shard, zlib.compress(data))


def _sealed(shard: _Shard, data: bytes) -> bytes:
    """A checksum, for this shard only, and the data."""
    return hashlib.sha256(shard.file.name.encode() + data).digest() + data


def _load(shard: _Shard) -> tuple[pd.DataFrame, float] | None:
    """What a shard returned and the seconds it took; None if it is not there or damaged."""
    if not shard.file.exists():
        return None
    sealed = shard.file.read_bytes()
    data = sealed[hashlib.sha256().digest_size :]
    if sealed != _sealed(shard, data):
        warning = "%s is damaged, computing it again: %s"
        logging.getLogger(__name__).warning(warning, shard.label, shard.file)
        return None
    return pickle.loads(zlib.decompress(data))


def _types(argument: str, table: pd.DataFrame) -> dict[str, str]:
    """The type of each column, if files give it back exactly: numbers, Booleans and texts."""
    if not (isinstance(table.index, pd.RangeIndex) and table.columns.is_unique and table.shape[1]):
        what = "columns of different names and no index (reset_index)"
        raise ValueError(f"{argument}: got {table.iloc[:3]}, expected {what}")
    types = {}
    for name in table:
        values = table[name].to_numpy()
        text = values.dtype == object and all(isinstance(value, str) for value in values)
        types[name] = "str" if text else str(values.dtype)
        if not (isinstance(name, str) and (text or values.dtype.kind in "biuf")):
            what = "a text as name, and numbers, Booleans or texts, none missing"
            raise ValueError(f"{argument}: got {values.dtype} in {name!r}, expected {what}")
    return types


def _beside(path: str | Path) -> Path:
    """The file for the provenance of a table."""
    table = Path(str(path).removesuffix(".gz"))
    if table.suffix != ".csv" or not table.parent.is_dir():
        what = "a .csv or .csv.gz in a folder that exists"
        raise ValueError(f"path: got {str(path)!r}, expected {what}")
    return table.with_suffix(".json")


def _versions() -> dict[str, str]:
    packages = {name: version(name) for name in ("numpy", "scipy", "pandas", "torch")}
    return {"python": platform.python_version()} | packages


def _pins(versions: dict[str, str]) -> dict[str, str]:
    """Of the packages only, since any supported Python may replace a table, and any build."""
    return {k: v.partition("+")[0] for k, v in versions.items() if k != "python"}


def _git(*arguments: str) -> str | None:
    """What git says of this repository, or None where there is none."""
    quiet = dict(stderr=subprocess.DEVNULL, text=True)
    try:
        return subprocess.check_output(["git", "-C", ROOT, *arguments], **quiet).strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _write(path: Path, data: bytes) -> None:
    """Put a whole file in the place of an old one, or leave everything as it was."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
