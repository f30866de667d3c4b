"""`python -m runs` lists the long runs; `python -m runs SCHEDULER NAME` puts one on a Dask cluster."""

import ast
import runpy
import sys
from pathlib import Path

from joblib import parallel_config


def show() -> None:
    """What a long run is, and the first line of each."""
    folder = Path(__file__).parent
    print(ast.get_docstring(ast.parse((folder / "__init__.py").read_text())), end="\n\n")
    for file in sorted(folder.glob("[!_]*.py")):
        first, *_ = ast.get_docstring(ast.parse(file.read_text())).splitlines()
        print(f"make runs RUN={file.stem}\n    {first}")


def on_dask(scheduler: str, name: str) -> None:
    """A run by the workers of a Dask cluster, which may be away for an hour."""
    try:
        from distributed import Client

        client = Client(scheduler, timeout=5)
    except ImportError:
        sys.exit("Dask is not installed: make .venv/dask")
    except Exception:  # of many kinds, if something else answers there
        sys.exit(f"no Dask scheduler answers at {scheduler}")
    with client, parallel_config("dask", wait_for_workers_timeout=3600):
        runpy.run_module(f"runs.{name}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    given, sys.argv[1:] = sys.argv[1:], []
    on_dask(*given) if len(given) == 2 else show()
