import contextlib
import gc
import sys
from collections import Counter, defaultdict

import messages
import numpy as np
import pytest
from chosen import BY_DAY, PROFILE, STEPPED, leave_out
from hypothesis import HealthCheck, settings

common = dict(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
settings.register_profile("dev", max_examples=10, **common)
settings.register_profile("ci", max_examples=10, derandomize=True, **common)
settings.register_profile("nightly", max_examples=1000, **common)
settings.load_profile(PROFILE)

COVERED = 3  # variants of a test that are traced

HEARD = messages.Heard()


def pytest_configure():
    HEARD.install()


def pytest_collection():
    gc.disable()


def pytest_collection_finish():
    """Tests and modules stay to the end: each full collection of garbage would look through all of them, for a third of a second."""
    gc.enable()
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """A test fails as well where an error that the library raised in it lacks the rule, what was received or the remedy."""
    HEARD.faults()
    result = yield
    faults = HEARD.faults()
    assert not faults, "\n".join(faults)
    return result


@pytest.fixture(autouse=True)
def _quiet_where_not_compiled():
    """Compiled kernels overflow in silence, as IEEE has it; stepped through in Python they should too."""
    with np.errstate(all="ignore" if STEPPED else None):
        yield


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    if BY_DAY:
        leave_out(config, items, lambda item: item.get_closest_marker("nightly"))
        left = _variants_of_the_night(items)
        leave_out(config, items, lambda item: item.nodeid in left)
    if config.getoption("cov_source", None):
        _cover_some(items)
        leave_out(config, items, lambda item: item.get_closest_marker("no_cover"))


def _variants_of_the_night(items):
    """All but a few variants, evenly spread, of tests marked by_day(few)."""
    variants = defaultdict(list)
    for item in items:
        if marker := item.get_closest_marker("by_day"):
            variants[item.nodeid.partition("[")[0], marker.args[0]].append(item.nodeid)
    left = set()
    for (_, few), names in variants.items():
        last = len(names) - 1
        kept = {round(k * last / max(few - 1, 1)) for k in range(min(few, len(names)))}
        left.update(name for k, name in enumerate(names) if k not in kept)
    return left


def _cover_some(items):
    """Coverage counts the first variants of a test: the others take a half more time to show the same lines with other numbers."""
    seen = Counter()
    for item in items:
        name = item.nodeid.partition("[")[0]
        seen[name] += 1
        if seen[name] > COVERED and not STEPPED:
            item.add_marker("no_cover")


@pytest.fixture
def judged_by_fewer(monkeypatch):
    """How many samples judge a run of training is fixed, so that runs can be compared; in tests they would take most of the time."""
    pytest.importorskip("torch", reason="otgen.lab.training needs torch")
    monkeypatch.setattr("otgen.lab.training.run._JUDGED", 100)
    monkeypatch.setattr("otgen.lab.training.data._DRAWN", 64)
    monkeypatch.setattr(sys.modules["otgen.lab.training.scores"], "_SAMPLES", 250)  # a function has its name


@pytest.fixture
def doubles_by_default():
    """A context in which torch makes tensors of doubles unless it is told otherwise."""
    torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

    @contextlib.contextmanager
    def context():
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            yield
        finally:
            torch.set_default_dtype(before)

    return context
