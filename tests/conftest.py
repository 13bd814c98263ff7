from collections import Counter

import messages
import pytest
from chosen import BY_DAY, PROFILE, STEPPED, leave_out
from hypothesis import HealthCheck, settings

common = dict(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
settings.register_profile("dev", max_examples=15, **common)
settings.register_profile("ci", max_examples=15, derandomize=True, **common)
settings.register_profile("nightly", max_examples=1000, **common)
settings.load_profile(PROFILE)

COVERED = 3  # variants of a test that are traced

HEARD = messages.Heard()


def pytest_configure():
    HEARD.install()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """A test fails as well where an error that the library raised in it lacks the rule, what was received or the remedy."""
    HEARD.faults()
    result = yield
    faults = HEARD.faults()
    assert not faults, "\n".join(faults)
    return result


def pytest_collection_modifyitems(config, items):
    if BY_DAY:
        leave_out(config, items, lambda item: item.get_closest_marker("nightly"))
    _cover_some(items)


def _cover_some(items):
    """Coverage counts the first variants of a test: the others take a half more time to show the same lines with other numbers."""
    seen = Counter()
    for item in items:
        name = item.nodeid.partition("[")[0]
        seen[name] += 1
        if seen[name] > COVERED and not STEPPED:
            item.add_marker("no_cover")
