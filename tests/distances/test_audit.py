"""Audits of answers in every form of them: ours, one end alone, with a claimed value, and what an audit says of itself."""

import json
import math

import numpy as np
import ot
import pytest
import scipy.sparse
import torch
from audited import ENTROPIC, REG, TRUTH, A, B, M, X, Y, assert_holds

import otgen

INF, NAN = math.inf, math.nan
RNG = np.random.default_rng(0)


class TestOurs:
    @pytest.mark.parametrize("p", [1, 2, 3.5])
    def test_exact(self, p):
        ours = otgen.wasserstein(X, Y, A, B, p=p)
        for plan, potentials in ((ours, ours), (ours.plan, ours.potentials)):
            found = otgen.audit(X, Y, A, B, p=p, plan=plan, potentials=potentials, value=ours.value)
            assert "is proven" in found.verdict
            assert found.upper - found.lower <= 1e-10

    def test_line(self):
        ours = otgen.wasserstein(X[:, 0], Y[:, 0], A, B, p=1)
        found = otgen.audit(X[:, 0], Y[:, 0], A, B, p=1, plan=ours, potentials=ours, value=ours.value)
        assert "is proven" in found.verdict

    def test_sinkhorn(self):
        ours = otgen.sinkhorn(X, Y, A, B, epsilon=REG)
        found = otgen.audit(X, Y, A, B, plan=ours, potentials=ours, epsilon=REG, value=ours.value)
        assert found.holds
        assert_holds(found, ENTROPIC, 1e-5)
        relative = otgen.sinkhorn(X, Y, epsilon=otgen.Relative(0.1))
        assert otgen.audit(
            X, Y, plan=relative, potentials=relative, epsilon=otgen.Relative(0.1), value=relative.value
        ).holds

    def test_the_largest_distance(self):
        x, y = RNG.random((6, 2)), RNG.random((6, 2))
        ours = otgen.wasserstein(x, y, p=INF)
        found = otgen.audit(x, y, p=INF, plan=ours, potentials=ours, value=ours.value)
        assert (found.lower, found.holds, found.cost_lower, found.cost_upper) == (0, True, None, None)
        assert ours.value <= found.upper <= ours.value * (1 + 1e-14)
        assert "no lower end is looked for" in found.verdict
        assert not otgen.audit(x, y, p=INF, plan=ours, value=ours.value * 1.1).holds
        spoilt = otgen.audit(x, y, p=INF, plan=(np.r_[:6, 0, 1], np.r_[ours.plan.permutation, 0, 1], [1] * 6 + [0, -1]))
        assert spoilt.upper == found.upper
        assert spoilt.unusable == (1, 0)
        dense = ours.plan.todense()
        dense[0] = NAN
        missing = otgen.audit(x, y, p=INF, plan=dense)
        assert missing.upper == INF
        assert "to the last bit" in missing.verdict

    def test_forbidden_pairs(self):
        costs = scipy.sparse.csr_array(np.array([[1.0, 4, 0], [0, 2, 1], [3, 0, 1]]))
        ours = otgen.transport(costs)
        found = otgen.audit(C=costs, plan=ours, potentials=ours, value=ours.value)
        assert "is proven" in found.verdict
        straying = otgen.audit(C=costs, plan=[2, 0, 1], potentials=ours)
        assert straying.upper == INF
        assert "must avoid them" in straying.verdict
        assert straying.lower == found.lower
        assert otgen.audit(C=costs, plan=ours, epsilon=0.1).upper == INF

    def test_one_entry_a_row_or_any_other_form(self):
        ours = otgen.wasserstein(X, Y, A, B)
        sparse = ours.plan.matrix
        forms = [
            ours, ours.plan, sparse.toarray(), sparse, sparse.tocoo(), sparse.tocsc(), scipy.sparse.csr_matrix(sparse),
            (sparse.tocoo().row, sparse.tocoo().col, sparse.data), sparse.toarray().tolist(), torch.tensor(sparse.toarray()),
        ]  # fmt: skip
        uppers = [otgen.audit(X, Y, A, B, plan=form).upper for form in forms]
        np.testing.assert_allclose(uppers, ours.upper, rtol=1e-10)
        entropic = otgen.sinkhorn(X, Y, A, B, epsilon=0.01).plan
        assert ours.value < otgen.audit(X, Y, A, B, plan=entropic).upper < 2 * ours.value
        single = otgen.audit(X, Y, A, B, plan=torch.tensor(sparse.toarray(), dtype=torch.float32))
        assert single.upper == pytest.approx(ours.value, rel=1e-5)
        twice = otgen.audit(X, Y, A, B, plan=(np.r_[0, 0], np.r_[1, 1], np.r_[0.1, 0.1]))
        assert twice.upper == otgen.audit(X, Y, A, B, plan=([0], [1], [0.2])).upper


class TestEnds:
    def test_potentials_alone(self):
        ours = otgen.wasserstein(X, Y, A, B)
        found = otgen.audit(X, Y, A, B, potentials=ours, value=ours.value)
        assert found.lower == pytest.approx(ours.value)
        assert (found.upper, found.cost_upper, found.marginal_errors) == (INF, INF, None)
        assert "without a plan there is no upper end" in found.verdict
        assert "not refuted" in found.verdict

    def test_a_plan_alone(self):
        ours = otgen.wasserstein(X, Y, A, B)
        found = otgen.audit(X, Y, A, B, plan=ours)
        assert found.upper == pytest.approx(ours.value)
        assert found.lower < ours.value
        assert (found.infeasibility, found.worst_pair) == (None, None)
        assert "what zeros prove" in found.verdict

    def test_the_worst_pair(self):
        f, g = otgen.wasserstein(X, Y, A, B).potentials
        f, g = f.copy(), g.copy()
        f[3] += 2.0
        found = otgen.audit(X, Y, A, B, potentials=(f, g))
        over = f[:, None] + g - M
        assert found.worst_pair == np.unravel_index(over.argmax(), over.shape)
        assert found.infeasibility == pytest.approx(over.max())
        assert f"f + g exceeds the cost by {over.max():.3g} at pair {found.worst_pair}" in found.verdict

    def test_what_is_unusable_is_counted(self):
        plan = otgen.wasserstein(X, Y, A, B).plan.todense()
        plan[0, 0], plan[1, 1], plan[2, 2] = NAN, -1.0, INF
        f = np.zeros(9)
        f[:3] = NAN, -INF, 1e300
        found = otgen.audit(X, Y, A, B, plan=plan, potentials=(f, np.zeros(7)))
        assert found.unusable == (3, 3)
        assert_holds(found, math.sqrt(TRUTH), None)
        assert "3 entries of the plan are negative or no numbers" in found.verdict
        assert "3 potentials of points with mass are not finite" in found.verdict

    @pytest.mark.parametrize("scale", [1e-200, 1e-100, 1e-76, 1.0, 1e60, 1e76, 1e100, 1e200])
    @pytest.mark.parametrize("points", [True, False])
    def test_potentials_that_are_not_too_large_are_used(self, points, scale):
        largest, f = scale * M.max(), np.zeros(9)
        f[0], f[1] = 1e60 * largest, INF
        problem = dict(x=math.sqrt(scale) * X, y=math.sqrt(scale) * Y) if points else dict(C=scale * M)
        found = otgen.audit(**problem, a=A, b=B, potentials=(f, np.zeros(7)))
        assert found.unusable == (0, 1)
        assert found.infeasibility == pytest.approx(1e60 * largest, rel=1e-9)


class TestClaims:
    def claim(self, value, **options):
        return otgen.audit([0.0, 1.0], [2.0, 3.0], p=1, plan=[0, 1], value=value, **options)

    @pytest.mark.parametrize("claimed", [2, 2.0, np.float32(2), torch.tensor(2.0), np.array(2.0), 2 * (1 + 9e-7)])
    def test_proven(self, claimed):
        found = self.claim(claimed, potentials=([2.0, 1.0], [0.0, 1.0]))
        assert found.holds is True
        assert found.verdict.startswith("the claimed 2")
        assert "is proven: the truth for these samples lies within [1.999999999" in found.verdict

    @pytest.mark.parametrize("claimed", [2.1, 1.9, 0, -2, INF, -INF, NAN, np.float32(NAN), 1e300, 2 * (1 + 2e-6)])
    def test_refuted(self, claimed):
        found = self.claim(claimed, potentials=([2.0, 1.0], [0.0, 1.0]))
        assert found.holds is False
        assert "is refuted: the truth for these samples lies within [1.999999999" in found.verdict

    @pytest.mark.parametrize("claimed", [1.6, 2.0])
    def test_not_refuted(self, claimed):
        found = self.claim(claimed)
        assert found.holds is True
        assert "is not refuted" in found.verdict

    def test_a_poor_lower_end_forgives_nothing_at_the_upper_one(self):
        for low in (-1e6, 1e300):
            found = self.claim(100.0, potentials=([low, 1e6], [0.0, 1.0]), epsilon=0.1)
            assert found.lower == 0 or low > 0
            assert found.upper < 3
            assert found.holds is False

    def test_infinity_where_there_is_no_plan(self):
        costs = np.array([[1.0, INF], [2.0, INF]])
        ours = otgen.transport(costs, throw=False)
        found = otgen.audit(C=costs, plan=[0, 1], potentials=([0, 0], [0, 0]), value=ours.value)
        assert found.holds is True
        assert otgen.audit(C=M, a=A, b=B, potentials=(np.zeros(9), np.zeros(7)), value=INF).verdict.startswith(
            "the claimed inf is not refuted"
        )

    @pytest.mark.parametrize(("claim", "instead"), [("value", "cost"), ("cost", "value")])
    def test_what_holds_under_the_other_name_is_told(self, claim, instead):
        """``ot.emd2`` of squared distances is a cost, the square of W_2."""
        solved = otgen.wasserstein(X, Y + 3, A, B)
        answer = dict(plan=solved.plan, potentials=solved.potentials)
        found = otgen.audit(X, Y + 3, A, B, **answer, **{claim: getattr(solved, instead)})
        assert found.holds is False
        assert f"; as {instead}= it is not refuted" in found.verdict
        assert otgen.audit(X, Y + 3, A, B, **answer, **{instead: getattr(solved, instead)}).holds
        assert "it is not refuted" not in otgen.audit(X, Y + 3, A, B, **answer, **{claim: 1e3}).verdict


class TestAudit:
    def test_is_neither_true_nor_false(self):
        found = otgen.audit(C=M, a=A, b=B, plan=ot.emd(A, B, M))
        with pytest.raises(TypeError, match=r"ask audit\.holds"):
            bool(found)
        assert repr(found) == f"Audit: {found.verdict}"

    @pytest.mark.parametrize("p", [1, 2, INF])
    def test_to_dict(self, p):
        for plan in ([0, 1], [[1e308, 1e308], [NAN, 0.0]]):
            found = otgen.audit([[0.0, 0], [1, 0]], [[2.0, 1], [3, 0]], p=p, plan=plan, value=NAN)
            held = found.to_dict()
            assert list(held) == list(otgen.Audit.__dataclass_fields__)
            assert json.loads(json.dumps(held, allow_nan=False)) == held
            assert held["claimed"] is None
            assert held["holds"] is False
            assert held["verdict"] == found.verdict
        assert held["upper"] is None

    def test_numbers_are_plain(self):
        found = otgen.audit(
            X, Y, A, B, plan=ot.emd(A, B, M), potentials=(np.ones(9), np.zeros(7)), epsilon=REG, value=1
        )
        kinds = {type(value) for value in found.to_dict().values()}
        assert kinds <= {float, bool, int, str, list, type(None)}


@pytest.mark.parametrize("p", [20, 80, 700])
@pytest.mark.parametrize("n", [1, 5])
def test_plans_of_high_orders_prove_their_distance(p, n):
    """A translation: every point goes as far, which no plan betters, and powers of which no float holds."""
    x = np.random.default_rng(0).random((n, 2))
    found = otgen.audit(x, x + [3.0, 4.0], p=p, plan=np.arange(n), value=5.0)
    assert found.upper == pytest.approx(5.0, rel=1e-12)
    assert found.lower <= 5.0 <= found.upper
    assert otgen.audit(x, x + [3.0, 4.0], p=p, plan=np.arange(n), value=5.1).holds is False


@pytest.mark.parametrize(("off", "holds"), [(0.9e-6, True), (1.1e-6, False)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_claim_is_forgiven_a_millionth(off, holds, sign):
    ours = otgen.wasserstein(X, Y, A, B)
    assert otgen.audit(X, Y, A, B, plan=ours, potentials=ours, value=ours.value * (1 + sign * off)).holds is holds
