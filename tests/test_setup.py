"""`make book` on a machine that lacks something says what, in one line, and stops."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# A python3 that is this Python with one thing changed.
CHANGED = """#!/bin/sh
exec {python} -c '
import runpy, sys
{change}
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
' "$@"
"""
OLD = 'sys.version_info = (3, 9, 18, "final", 0); sys.version = "3.9.18 (changed)"'
NEW = 'sys.version_info = (4, 0, 1, "final", 0); sys.version = "4.0.1 (changed)"'


@pytest.fixture
def clone(tmp_path):
    """What setting up reads, in a folder of its own."""
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make_book(clone, *arguments, change=None, **variables):
    """What `make book` says on standard error, without make's own lines."""
    keep = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "PIP_"))}
    env = keep | {"PIP_CONFIG_FILE": os.devnull} | variables
    if change is not None:
        tools = clone / "tools"
        tools.mkdir()
        (tools / "python3").write_text(CHANGED.format(python=sys.executable, change=change))
        (tools / "python3").chmod(0o755)
        env["PATH"] = f"{tools}{os.pathsep}{env['PATH']}"
    command = ["make", "book", *arguments]
    run = subprocess.run(command, cwd=clone, env=env, capture_output=True, text=True, timeout=120)
    assert run.returncode != 0 and "Traceback" not in run.stdout + run.stderr
    assert not (clone / ".venv/finished").exists() and not (clone / "_build").exists()
    return [line for line in run.stderr.splitlines() if not line.startswith("make")]


@pytest.mark.parametrize(("change", "version"), [(OLD, "3.9.18"), (NEW, "4.0.1")])
def test_setup_refuses_another_python(clone, change, version):
    [line] = make_book(clone, change=change)
    assert line.startswith("cannot set up: Python 3.11 to") and version in line


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_setup_refuses_python_without_venv(clone, module):
    [line] = make_book(clone, change=f'sys.modules["{module}"] = None')
    assert "venv module is missing" in line and "python3-venv" in line


def test_setup_refuses_no_python(clone):
    [line] = make_book(clone, "PYTHON=no-such-python")
    assert "no-such-python" in line and "not found" in line


def test_setup_refuses_no_network_and_keeps_nothing_half_made(clone):
    """The package index is a closed port of this machine; an earlier try was killed midway."""
    half_made = clone / ".venv/lib/half-made"
    half_made.mkdir(parents=True)
    (clone / ".venv/bin").mkdir()
    (clone / ".venv/bin/python").symlink_to(sys.executable)
    (clone / ".venv/unfinished").touch()
    index = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}
    [line] = make_book(clone, f"PYTHON={sys.executable}", "TORCH_INDEX=", **index)
    assert line.startswith("cannot set up: ") and "cannot be reached" in line
    assert (clone / ".venv/unfinished").exists() and not half_made.exists()
