"""The helpers' examples hold, their types are checked in these tests, importing them is silent."""

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
import tomllib

import jaxtyping
import pytest
from building import ROOT

import helpers
from helpers import figures

MODULES = sorted(module.name for module in pkgutil.iter_modules(helpers.__path__, "helpers."))
PUBLIC = [name for name in MODULES if not name.startswith("helpers._")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name, unchecked):
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
    assert result.attempted > 0 or name not in PUBLIC


def test_types_are_checked_at_run_time():
    with pytest.raises(jaxtyping.TypeCheckError, match="caption"):
        figures.show(None, "fig-a", caption=3, alt="", data={})


QUIET = """
import importlib, random, sys, warnings
import matplotlib, numpy, torch

def state():
    generators = random.getstate(), str(numpy.random.get_state()), torch.get_rng_state().tolist()
    return generators, dict(matplotlib.rcParams), list(warnings.filters)

for name in sys.argv[1:]:
    module = importlib.import_module(name)
    random.random(), numpy.random.random(), torch.rand(1)
    warnings.resetwarnings(), matplotlib.rcdefaults()
    before = state()
    importlib.reload(module)
    assert state() == before, name
"""


def test_imports_have_no_side_effect():
    """No global seed, style or warning filter: imported again, a module changes none of them."""
    subprocess.run([sys.executable, "-c", QUIET, *MODULES], check=True, timeout=120)


LOUD = [
    "import numpy; numpy.random.seed(0)",
    "import seaborn; seaborn.set_theme()",
    "import warnings; warnings.simplefilter('ignore')",
]


@pytest.mark.parametrize("effect", LOUD)
def test_import_refuses_a_side_effect(tmp_path, effect):
    (tmp_path / "loud.py").write_text(effect)
    command = [sys.executable, "-c", QUIET, "loud"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 1 and run.stderr.endswith("AssertionError: loud\n")


def test_the_changelog_ends_at_the_version_of_the_package_and_of_its_citation():
    package = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    [cited] = re.findall(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.M)
    newest, *_ = re.findall(r"^## (\d\S*) - ", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    assert newest == package == cited
