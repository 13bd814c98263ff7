"""Mass functions as users have them: single precision, tensors, tables with names, rows; bases and roots by choice."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

import otgen
from otgen.divergences import chi2, hellinger, js, kl, tv

ALL = (kl, js, tv, hellinger, chi2)


class Table:
    """What a Series or a frame shows of itself."""

    def __init__(self, values, *, index=None, columns=None):
        self.values = np.asarray(values)
        self.shape = self.values.shape
        if columns is None:
            self.index = index
        else:
            self.columns, self.index = columns, range(len(self.values))

    def __array__(self, dtype=None, copy=None):
        return self.values


@st.composite
def softmaxes(draw: st.DrawFn) -> np.ndarray:
    size, spread = draw(st.integers(1, 3000)), draw(st.floats(0.1, 30))
    z = np.random.default_rng(draw(st.integers(0, 2**32))).normal(size=size) * spread
    z = z.astype(draw(st.sampled_from([np.float32, np.float64])))
    return np.exp(z - z.max()) / np.exp(z - z.max()).sum()


class TestDtypes:
    @given(p=softmaxes(), q=softmaxes())
    def test_softmax_vectors_are_taken(self, p, q):
        for each in ALL:
            assert each(p, p).value == 0
        if len(p) == len(q) and (q > 0).all():
            wide = [z.astype(float) / z.astype(float).sum() for z in (p, q)]
            assert kl(p, q).value == pytest.approx(scipy.stats.entropy(*wide), rel=1e-9, abs=1e-12)

    def test_the_coarser_the_dtype_the_larger_the_tolerance(self):
        p = np.array([0.5, 0.5 + 1e-6])
        assert kl(p.astype(np.float32), [0.5, 0.5]).value < 1e-6
        with pytest.raises(otgen.InvalidInput, match="to 1e-09 in float64"):
            kl(p, [0.5, 0.5])
        for each in ALL:  # of two sides the coarser one's, whichever it is
            assert each(p, np.array([0.5, 0.5], np.float32)).value < 1e-5
            assert each(np.array([0.5, 0.5], np.float32), p).value < 1e-5
        half = np.full(7, 1 / 7, np.float16)
        assert js(half, half).value == 0

    def test_values_are_those_of_masses_divided_by_their_sums(self):
        p, q = np.array([0.1, 0.2, 0.7], np.float32), np.array([0.3, 0.3, 0.4], np.float32)
        one, other = (z.astype(float) / z.astype(float).sum() for z in (p, q))
        assert abs(kl(p, q).value - scipy.stats.entropy(one, other)) <= kl(p, q).error


class TestContainers:
    def test_tensors(self):
        torch = pytest.importorskip("torch", reason="otgen.nn needs torch")
        found = kl(torch.tensor([1.0, 0.0]), torch.tensor([0.5, 0.5]))
        assert found.value == math.log(2)
        assert js(torch.full((4, 3), 1 / 3), torch.full((3,), 1 / 3)).value.tolist() == [0.0] * 4
        with pytest.raises(otgen.InvalidInput, match="detach"):
            kl(torch.tensor([1.0, 0.0], requires_grad=True), [0.5, 0.5])

    def test_tables_are_matched_by_names(self):
        p, q = Table([0.9, 0.1], index=["cat", "dog"]), Table([0.2, 0.8], index=["dog", "cat"])
        assert kl(p, q).value == pytest.approx(kl([0.9, 0.1], [0.8, 0.2]).value, rel=1e-15)
        rows = Table([[0.2, 0.8], [0.1, 0.9]], columns=["dog", "cat"])
        assert tv(p, rows).value.tolist() == pytest.approx([0.1, 0.0])
        assert kl(p, [0.9, 0.1]).value == 0

    @pytest.mark.parametrize("names", [["dog", "cow"], ["dog", "dog"]])
    def test_tables_of_other_atoms_are_refused(self, names):
        with pytest.raises(otgen.InvalidInput, match="name the same atoms"):
            kl(Table([0.9, 0.1], index=["cat", "dog"]), Table([0.2, 0.8], index=names))


class TestRows:
    @given(seed=st.integers(0, 2**32), rows=st.integers(1, 5), size=st.integers(1, 6))
    def test_are_compared_one_by_one(self, seed, rows, size):
        rng = np.random.default_rng(seed)
        p, q = rng.dirichlet(np.ones(size), rows), rng.dirichlet(np.ones(size), rows)
        for each in ALL:
            found = each(p, q)
            assert found.value.shape == found.error.shape == (rows,)
            assert found.value.tolist() == [each(*pair).value for pair in zip(p, q)]
            assert each(p[0], q).value.tolist() == [each(p[0], row).value for row in q]

    def test_infinite_rows_stay_by_themselves(self):
        assert kl([[0.5, 0.5], [0.5, 0.5]], [[1.0, 0.0], [0.5, 0.5]]).value.tolist() == [math.inf, 0.0]


class TestBasesAndRoots:
    @given(seed=st.integers(0, 2**32), base=st.floats(1.01, 1e6))
    def test_against_scipy(self, seed, base):
        rng = np.random.default_rng(seed)
        p, q = rng.dirichlet(np.ones(5), 2)
        assert kl(p, q, base=base).value == pytest.approx(scipy.stats.entropy(p, q, base=base), rel=1e-12)
        want = scipy.spatial.distance.jensenshannon(p, q, base=base)
        found = js(p, q, base=base, root=True)
        assert abs(found.value - want) <= found.error + 1e-12
        assert abs(found.value - math.sqrt(js(p, q, base=base).value)) <= found.error

    def test_of_laws(self):
        p, q = scipy.stats.norm(), scipy.stats.norm(1)
        assert kl(p, q, base=2).value == pytest.approx(0.5 / math.log(2), rel=1e-13)
        assert js(p, scipy.stats.norm(1e3), base=2, root=True).value == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kl([], []), "at least one atom"),
        (lambda: kl(0.5, 0.5), "at least one atom"),
        (lambda: kl(np.ones((1, 1, 1)), np.ones((1, 1, 1))), "at least one atom"),
        (lambda: kl([[0.5, 0.5], [1.0]], [0.5, 0.5]), "rectangular"),
        (lambda: kl(np.full((2, 2), 0.5), np.full((3, 2), 0.5)), "same atoms"),
        (lambda: kl([math.nan, 1.0], [0.5, 0.5]), "finite"),
        (lambda: kl([0.5, 0.5], [0.5, 0.5], base=1), "base must be above 1"),
        (lambda: js([0.5, 0.5], [0.5, 0.5], root=1), "root must be True or False"),
        (lambda: chi2([1.5, -0.5], [0.5, 0.5]), "non-negative"),
    ],
)
def test_bad_input_is_refused_in_words(call, message):
    with pytest.raises(otgen.InvalidInput, match=message):
        call()


def test_beyond_floats_is_infinite():
    assert chi2([0.5, 0.5], [1e-320, 1.0]).value == math.inf
