"""Two rules for the whole suite, and what several files of it share.

Shapes and types of `helpers` are checked at run time, here and nowhere else.
Stored outputs are compared as text, except that decimal numbers may differ by RTOL: another CPU
computes other last digits. Integers and all other text must be equal. A picture is never compared;
its alt text, which every figure repeats as text/plain, is.
"""

import copy
import math
import re

import jaxtyping
import pytest
from building import stored_site
from hypothesis import HealthCheck, settings
from nbval.plugin import IPyNbCell

RTOL = 1e-3
# A number with decimals or an exponent: 0.25, .5, 1e-07, -2.5E+3. Names, versions (x1.5, 1.2.3) and
# integers, also at the end of a sentence, are text.
DECIMAL = re.compile(r"(?<![\w.])[-+]?(?:\d*\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?(?![\w.]*\w)")

# an int may stand for a float, as everywhere in Python
CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
jaxtyping.install_import_hook("helpers", CHECKER)

# The same examples in every run, however slow the machine. The fixture `shown` only collects, so
# that examples may share it.
settings.register_profile(
    "book",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("book")


def same_text(fresh, stored):
    """Whether two texts agree, decimals up to RTOL."""
    if DECIMAL.sub("#", fresh) != DECIMAL.sub("#", stored):
        return False
    pairs = zip(DECIMAL.findall(fresh), DECIMAL.findall(stored), strict=True)
    return all(math.isclose(float(x), float(y), rel_tol=RTOL) for x, y in pairs)


def forgive_last_digits(fresh, stored):
    """The `fresh` outputs of a cell, each text that agrees with the stored one replaced by it."""
    fresh = copy.deepcopy(fresh)
    for new, old in zip(fresh, stored, strict=False):
        for bundle, was in ((new, old), (new.get("data", {}), old.get("data", {}))):
            for key in bundle.keys() & was.keys():
                texts = bundle[key], was[key]
                if all(isinstance(text, str) for text in texts) and same_text(*texts):
                    bundle[key] = was[key]
    return fresh


exact = IPyNbCell.compare_outputs
IPyNbCell.compare_outputs = lambda cell, test, ref, skip_compare=None: exact(
    cell, forgive_last_digits(test, ref), ref, skip_compare
)


@pytest.fixture
def unchecked():
    """Run-time shape checks off, so that a test meets a helper's own error message."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def shown(monkeypatch):
    """What the helpers displayed: a list of (data, metadata), filled as a test goes on."""
    outputs = []

    def record(data, *, raw, metadata):
        assert raw is True
        outputs.append((data, metadata))

    monkeypatch.setattr("helpers.figures.display", record)
    monkeypatch.setattr("helpers.claims.display", record)
    return outputs


@pytest.fixture(scope="session")
def site(testrun_uid):
    """The folder of the site, built once for all workers."""
    return stored_site(testrun_uid)


@pytest.fixture(scope="module")
def browser():
    """The system's Chromium. It closes with the module: asyncio cannot be used while it is open."""
    pytest.importorskip("playwright", reason="no playwright: make .venv/browser")
    from bench import pages

    if not pages.CHROMIUM:
        pytest.skip("no Chromium: on Debian or Ubuntu, apt install chromium")
    with pages.chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def server(site):
    """The site, served by this machine under a strict policy."""
    from bench import pages

    with pages.served(site) as started:
        yield started


@pytest.fixture(scope="session")
def address(server):
    return server.url
