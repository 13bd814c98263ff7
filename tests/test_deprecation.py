"""What is to go warns where it is used, works until then, and goes when it was said to."""

import inspect
import pathlib
import warnings

import pytest

import otgen
from otgen import deprecation


@pytest.fixture(autouse=True)
def _left_as_it_was(monkeypatch):
    monkeypatch.setattr(deprecation, "LEAVING", dict(deprecation.LEAVING))


def renamed():
    @deprecation.renamed_option("n_perm", "n_permutations", since="0.2", gone="0.4")
    def count(x, *, n_permutations=1):
        """What it counts."""
        return x * n_permutations

    return count


def test_an_option_by_its_old_name_warns_at_the_line_that_gives_it():
    count = renamed()
    message = r"n_perm=\) is deprecated since otgen 0\.2 and goes with 0\.4"
    line = inspect.currentframe().f_lineno + 2
    with pytest.warns(DeprecationWarning, match=message) as told:
        assert count(2, n_perm=3) == 6
    assert (told[0].filename, told[0].lineno) == (__file__, line)


def test_nothing_else_warns_or_changes():
    count = renamed()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (count(2), count(2, n_permutations=3)) == (2, 6)
    assert count.__doc__ == "What it counts."
    assert "n_permutations" in inspect.signature(count).parameters


def test_both_names_at_once_are_refused():
    with pytest.raises(otgen.InvalidInput, match="n_permutations must be given once; received n_perm as well"):
        renamed()(2, n_perm=3, n_permutations=3)


def test_a_name_that_has_moved_is_found_with_a_warning():
    find = deprecation.moved("otgen.exact_laws", {"funnels": "otgen.laws.funnels"}, since="0.2", gone="0.3")
    with pytest.warns(DeprecationWarning, match=r"otgen\.exact_laws\.funnels .* use otgen\.laws\.funnels") as told:
        assert find("funnels") is otgen.laws.funnels
    assert told[0].filename == __file__
    with pytest.raises(AttributeError, match="no attribute 'tunnels'"):
        find("tunnels")


def due(version):
    """What should be gone by a version."""
    numbers = [int(part) for part in version.split(".")]
    return [
        name for name, leaving in deprecation.LEAVING.items() if [int(k) for k in leaving.gone.split(".")] <= numbers
    ]


def test_what_was_to_go_has_gone():
    for name in otgen.__all__:
        getattr(otgen, name)  # whose modules enter what is to go
    assert not due(otgen.__version__)


def test_what_is_due_is_found():
    renamed()
    assert due("0.3.9") == []
    assert len(due("0.4.0")) == 1


def test_a_package_called_like_ours_is_not_ours():
    """A warning points at the line that called otgen, be it in a folder whose name begins with ours."""
    beside = str(pathlib.Path(otgen.__file__).parent) + "_foo/part.py"
    theirs = {"warn": otgen.errors.warn}
    exec(compile("def call():\n    warn('said')", beside, "exec"), theirs)
    with pytest.warns(UserWarning, match="said") as told:
        theirs["call"]()
    assert (told[0].filename, told[0].lineno) == (beside, 2)
