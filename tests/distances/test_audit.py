"""Audits: what the peers return is read in every form of it, and no answer, however bad, makes the interval wrong."""

import json
import math
from fractions import Fraction

import audits
import numpy as np
import ot
import pytest
import scipy.optimize
import scipy.sparse
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from proving import exact_transport, fractions

import otgen
from otgen import InvalidInput
from otgen.solvers import Sinkhorn

INF, NAN = math.inf, math.nan
RNG = np.random.default_rng(0)
X, Y = RNG.random((9, 2)), RNG.random((7, 2)) + 0.5
A, B = RNG.dirichlet(np.ones(9)), RNG.dirichlet(np.ones(7))
M = ((X[:, None] - Y) ** 2).sum(-1)
TRUTH = otgen.wasserstein(X, Y, A, B).cost
REG = 0.2
ENTROPIC = otgen.sinkhorn(X, Y, A, B, epsilon=REG, tol=1e-12).value


def assert_holds(found, truth, tight):
    """The interval holds the truth and is no wider than ``tight``, either end alone infinite where ``tight`` is None."""
    assert found.lower <= truth * (1 + 1e-9)
    assert truth * (1 - 1e-9) <= found.upper
    if tight is not None:
        assert found.upper - found.lower <= tight


class TestPot:
    def test_emd(self):
        plan, log = ot.emd(A, B, M, log=True)
        found = otgen.audit(C=M, a=A, b=B, plan=plan, potentials=(log["u"], log["v"]), value=log["cost"])
        assert_holds(found, TRUTH, 1e-12)
        assert found.holds
        assert found.verdict.startswith("the claimed")
        assert "is proven" in found.verdict
        assert max(found.marginal_errors) < 1e-14
        assert found.infeasibility <= 1e-14

    def test_points_and_the_value_before_the_root(self):
        found = otgen.audit(X, Y, A, B, plan=ot.emd(A, B, M), cost=ot.emd2(A, B, M))
        assert found.holds
        assert found.cost_lower <= TRUTH <= found.cost_upper <= TRUTH + 1e-12
        assert found.upper == pytest.approx(math.sqrt(found.cost_upper))

    def test_mass_is_that_of_the_weights(self):
        plan = ot.emd(4 * A, 4 * B, M)
        found = otgen.audit(C=M, a=4 * A, b=4 * B, plan=plan, value=ot.emd2(4 * A, 4 * B, M))
        assert found.holds
        assert found.upper == pytest.approx(4 * TRUTH)
        distance = otgen.audit(X, Y, 4 * A, 4 * B, plan=plan)
        assert distance.upper == pytest.approx(math.sqrt(TRUTH))

    def test_potentials_where_there_is_no_mass(self):
        """POT leaves zeros there, which exceed the cost; they are in nobody's way."""
        costs = np.array([[1.0, 2.0, 5.0], [-3.0, -3.0, -3.0]])
        a, b = np.array([1.0, 0.0]), np.array([0.5, 0.5, 0.0])
        plan, log = ot.emd(a, b, costs, log=True)
        for here, there in ((log["u"][1], log["v"][2]), (-INF, NAN), (NAN, INF), (1e300, -1e300), (0.0, 9.0)):
            f, g = (np.r_[z[:-1], end] for z, end in ((log["u"], here), (log["v"], there)))
            found = otgen.audit(C=costs, a=a, b=b, plan=plan, potentials=(f, g), value=1.5)
            assert_holds(found, 1.5, 1e-14)
            assert found.unusable == (0, 0)
            assert found.infeasibility == 0

    def test_sinkhorn(self):
        plan, log = ot.sinkhorn(A, B, M, REG, log=True, stopThr=1e-13, numItermax=10_000)
        f, g = (REG * (np.log(log[key]) - np.log(weights)) for key, weights in (("u", A), ("v", B)))
        both = otgen.audit(C=M, a=A, b=B, plan=plan, potentials=(f, g), epsilon=REG, value=ENTROPIC)
        assert_holds(both, ENTROPIC, 1e-9)
        assert both.holds
        assert_holds(otgen.audit(X, Y, A, B, potentials=(f, g), epsilon=REG), ENTROPIC, 1e-9)
        of_plan = otgen.audit(X, Y, A, B, plan=plan, epsilon=REG)
        assert_holds(of_plan, ENTROPIC, None)
        assert of_plan.upper <= ENTROPIC + 1e-9
        assert of_plan.lower < ENTROPIC - 1e-3
        assert otgen.audit(C=M, a=A, b=B, plan=plan, value=float(ot.sinkhorn2(A, B, M, REG))).holds

    @pytest.mark.parametrize("reg", [None, REG])
    def test_solve(self, reg):
        """With ``reg`` its potentials are logarithms, ``f / reg + log a``."""
        theirs = ot.solve(M, A, B, reg=reg, max_iter=10_000, tol=1e-13)
        f, g = theirs.potentials
        if reg:
            f, g = reg * (f - np.log(A)), reg * (g - np.log(B))
        found = otgen.audit(C=M, a=A, b=B, plan=theirs.plan, potentials=(f, g), epsilon=reg or 0, value=theirs.value)
        assert_holds(found, ENTROPIC if reg else TRUTH, 1e-9)
        assert "is proven" in found.verdict

    def test_a_pair_that_is_listed_twice(self):
        """Entropy does not add up over parts: 3.25 is the only plan's value, and a half and a half would make it less by log 2."""
        for plan in (([0, 0], [0, 0], [0.5, 0.5]), scipy.sparse.coo_array(([0.5, 0.5], ([0, 0], [0, 0])))):
            found = otgen.audit(C=[[3.25]], plan=plan, epsilon=0.1)
            assert_holds(found, 3.25, None)
            assert found.upper == pytest.approx(3.25)

    def test_solve_sample_lazy(self):
        theirs = ot.solve_sample(X, Y, A, B, reg=REG, lazy=True, max_iter=10_000, tol=1e-13)
        assert theirs.value is None
        f, g = (REG * (z - np.log(w)) for z, w in zip(theirs.potentials, (A, B)))
        found = otgen.audit(X, Y, A, B, plan=theirs.lazy_plan[:], potentials=(f, g), epsilon=REG, value=theirs.value)
        assert_holds(found, ENTROPIC, 1e-9)
        assert (found.claimed, found.holds) == (None, None)

    def test_float32(self):
        """Its plan misses the marginals by 1e-8; the charge for that is all that the interval widens by."""
        a, b, costs = A.astype(np.float32), B.astype(np.float32), M.astype(np.float32)
        plan, log = ot.emd(a, b, costs, log=True)
        assert plan.dtype == np.float32
        found = otgen.audit(C=costs, a=a, b=b, plan=plan, potentials=(log["u"], log["v"]), value=ot.emd2(a, b, costs))
        assert_holds(found, otgen.transport(costs, a, b).value, 1e-5)
        assert found.holds
        tensors = [torch.tensor(z) for z in (a, b, costs)]
        theirs = ot.emd2(*tensors)
        assert otgen.audit(C=tensors[2], a=tensors[0], b=tensors[1], plan=ot.emd(*tensors), value=theirs).holds

    def test_a_plan_of_the_wrong_problem(self):
        found = otgen.audit(C=M, a=A, b=B, plan=ot.emd(A[::-1].copy(), B, M), value=TRUTH)
        assert_holds(found, TRUTH, None)
        assert found.marginal_errors[0] == pytest.approx(np.abs(A - A[::-1]).sum())
        assert "marginals are off by" in found.verdict

    def test_stopped_early(self):
        rng = np.random.default_rng(0)
        costs, weights = rng.random((30, 30)), np.full(30, 1 / 30)
        with pytest.warns(UserWarning, match="numItermax"):
            plan, log = ot.emd(weights, weights, costs, numItermax=50, log=True)
        truth = otgen.transport(costs).value
        found = otgen.audit(C=costs, plan=plan, potentials=(log["u"], log["v"]), value=log["cost"])
        assert_holds(found, truth, None)
        assert not found.holds or "not refuted" in found.verdict


class TestScipy:
    def test_linear_sum_assignment(self):
        costs = M[:7]
        rows, columns = scipy.optimize.linear_sum_assignment(costs)
        truth = otgen.transport(costs).value
        claims = [(rows, columns), columns, (rows, columns, np.full(7, 1 / 7)), columns.astype(np.float32).tolist()]
        for plan in claims:
            found = otgen.audit(C=costs, plan=plan, value=costs[rows, columns].mean())
            assert_holds(found, truth, None)
            assert found.upper <= truth + 1e-14
            assert found.holds

    def test_wasserstein_distance_nd(self):
        claimed = scipy.stats.wasserstein_distance_nd(X, Y, A, B)
        ours = otgen.wasserstein(X, Y, A, B, p=1)
        found = otgen.audit(X, Y, A, B, p=1, plan=ours, potentials=ours, value=claimed)
        assert "is proven" in found.verdict
        assert not otgen.audit(X, Y, A, B, p=1, plan=ours, potentials=ours, value=claimed * 1.0001).holds

    def test_linprog(self):
        n, m = M.shape
        rows, columns = np.divmod(np.arange(n * m), m)
        sums = scipy.sparse.vstack([scipy.sparse.csr_array(rows == i) for i in range(n)] + [scipy.sparse.csr_array(columns == j) for j in range(m)])  # fmt: skip
        theirs = scipy.optimize.linprog(M.ravel(), A_eq=sums.astype(float), b_eq=np.r_[A, B], method="highs")
        duals = theirs.eqlin.marginals
        found = otgen.audit(
            C=M, a=A, b=B, plan=theirs.x.reshape(n, m), potentials=(duals[:n], duals[n:]), value=theirs.fun
        )
        assert_holds(found, TRUTH, 1e-10)
        assert "is proven" in found.verdict


class TestGeomLoss:
    """Its cost is ``|x - y|^p / p``, so that potentials count p times; they come as (1, n)."""

    @pytest.mark.parametrize("p", [1, 2])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_potentials(self, p, dtype):
        geomloss = pytest.importorskip("geomloss", reason="the peer is not installed")
        blur = 0.4
        options = dict(p=p, blur=blur, scaling=0.95, debias=False, backend="tensorized")
        tensors = [torch.tensor(z, dtype=dtype) for z in (A, X, B, Y)]
        f, g = geomloss.SamplesLoss("sinkhorn", potentials=True, **options)(*tensors)
        claimed = p * geomloss.SamplesLoss("sinkhorn", **options)(*tensors)
        epsilon = p * blur**p
        found = otgen.audit(X, Y, A, B, p=p, potentials=(p * f.ravel(), p * g.ravel()), epsilon=epsilon, value=claimed)
        truth = otgen.sinkhorn(X, Y, A, B, p=p, epsilon=epsilon, tol=1e-11).value
        assert_holds(found, truth, 1e-2 * truth)
        exact = otgen.audit(X, Y, A, B, p=p, potentials=(p * f.ravel(), p * g.ravel()))
        assert_holds(exact, otgen.wasserstein(X, Y, A, B, p=p).value, None)
        with pytest.raises(InvalidInput, match=r"shapes \(9,\) and \(7,\); received \(1, 9\)"):
            otgen.audit(X, Y, A, B, potentials=(f, g), epsilon=epsilon)


def test_ott():
    pytest.importorskip("ott", reason="the peer is not installed")
    from ott.geometry import pointcloud
    from ott.problems.linear import linear_problem
    from ott.solvers.linear import sinkhorn

    x, y = X.astype("float32"), Y.astype("float32")
    problem = linear_problem.LinearProblem(pointcloud.PointCloud(x, y, epsilon=REG))
    theirs = sinkhorn.Sinkhorn(threshold=1e-5)(problem)
    f, g = (np.asarray(z, np.float64) for z in (theirs.f, theirs.g))  # theirs hold the weights: the plan is exp(.)
    found = otgen.audit(
        x, y, plan=np.asarray(theirs.matrix), potentials=(f + REG * math.log(9), g + REG * math.log(7)),
        epsilon=REG, value=float(theirs.reg_ot_cost),
    )  # fmt: skip
    assert_holds(found, otgen.sinkhorn(x, y, epsilon=REG).value, 1e-3)


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


class TestClaims:
    def claim(self, value, **options):
        return otgen.audit([0.0, 1.0], [2.0, 3.0], p=1, plan=[0, 1], value=value, **options)

    @pytest.mark.parametrize("claimed", [2, 2.0, np.float32(2), torch.tensor(2.0), np.array(2.0), 2 * (1 + 9e-7)])
    def test_proven(self, claimed):
        found = self.claim(claimed, potentials=([2.0, 1.0], [0.0, 1.0]))
        assert found.holds is True
        assert found.verdict.startswith("the claimed 2")
        assert "is proven: the truth lies within [2, 2]" in found.verdict

    @pytest.mark.parametrize("claimed", [2.1, 1.9, 0, -2, INF, -INF, NAN, np.float32(NAN), 1e300, 2 * (1 + 2e-6)])
    def test_refuted(self, claimed):
        found = self.claim(claimed, potentials=([2.0, 1.0], [0.0, 1.0]))
        assert found.holds is False
        assert "is refuted: the truth lies within [2, 2]" in found.verdict

    @pytest.mark.parametrize("claimed", [1.6, 2.0])
    def test_not_refuted(self, claimed):
        found = self.claim(claimed)
        assert found.holds is True
        assert "is not refuted" in found.verdict

    def test_a_poor_lower_end_forgives_nothing_at_the_upper_one(self):
        for low in (-1e6, 1e300):
            found = self.claim(100.0, potentials=([low, 1e6], [0.0, 1.0]), epsilon=0.1)
            assert found.lower < -1e3 or low > 0
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


class TestErrors:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (dict(x=X, y=Y), "needs a plan, potentials or both; received neither"),
            (dict(x=X, y=Y, plan=[0], value=1, cost=1), "value and cost are two ways"),
            (dict(x=X, y=Y, C=M, plan=M), "of points x and y or of a cost matrix C"),
            (dict(x=X, C=M, plan=M), "of points x and y or of a cost matrix C"),
            (dict(x=X, plan=M), "of points x and y or of a cost matrix C"),
            (dict(plan=M), "of points x and y or of a cost matrix C"),
            (dict(C=M, plan=M.T), r"plan must have shape \(9, 7\); received \(7, 9\)"),
            (dict(C=M, plan=scipy.sparse.csr_array(M.T)), r"plan must have shape \(9, 7\); received \(7, 9\)"),
            (dict(C=M, plan=otgen.wasserstein(Y, X)), r"plan must have shape \(9, 7\); received \(7, 9\)"),
            (dict(C=M, plan=np.arange(9)), "a permutation of 9 targets"),
            (dict(C=M[:7], plan=np.arange(6)), "a permutation of 7 targets"),
            (dict(C=M[:7], plan=np.arange(7) + 0.5), "a permutation of 7 targets"),
            (dict(C=M[:7], plan=np.arange(7) + 1), r"columns of the plan must be whole numbers in \[0, 7\)"),
            (dict(C=M, plan=([0, 9], [0, 0])), r"rows of the plan must be whole numbers in \[0, 9\)"),
            (dict(C=M, plan=([0, -1], [0, 0])), r"rows of the plan must be whole numbers in \[0, 9\)"),
            (dict(C=M, plan=([0, 1], [0, NAN])), r"columns of the plan must be whole numbers in \[0, 7\)"),
            (dict(C=M, plan=([0, 1], [0, 1], [1.0])), "must be equally many"),
            (dict(C=M, plan=([0, 1], [0])), "must be equally many"),
            (dict(C=M, plan=([0], [0], [1], [1])), "received 4 parts"),
            (dict(C=M, plan="emd"), "plan must hold real numbers"),
            (dict(C=M, plan=otgen.sliced_wasserstein(X, Y, rng=0)), "received a result without"),
            (dict(C=M, potentials=otgen.sliced_wasserstein(X, Y, rng=0)), "a result that has them"),
            (dict(C=M, potentials=np.zeros(9)), "must be a pair"),
            (dict(C=M, potentials=1.0), r"must be a pair \(f, g\).*received float"),
            (dict(C=M, potentials=(np.zeros(7), np.zeros(9))), r"shapes \(9,\) and \(7,\); received \(7,\) and \(9,\)"),
            (dict(C=M, potentials=(np.zeros((9, 1)), np.zeros(7))), r"received \(9, 1\)"),
            (dict(C=M, potentials=(["a"] * 9, np.zeros(7))), "potentials must hold real numbers"),
            (dict(C=M, plan=M, epsilon=-1), "epsilon must be positive"),
            (dict(C=M, plan=M, value="1"), "value must be a real number"),
            (dict(C=M, plan=M, cost=True), "cost must be a real number"),
            (dict(x=X, y=Y, p=INF, potentials=(np.zeros(9), np.zeros(7))), "for p = inf an audit needs a plan"),
            (dict(x=X, y=Y, p=INF, plan=M, cost=1.0), "for p = inf there is no cost"),
            (dict(x=X, y=Y, p=0.5, plan=M), "p must be at least 1"),
            (dict(x=X, y=Y, a=np.ones(9), b=np.ones(7), plan=M), "same total mass"),
        ],
    )
    def test_messages(self, options, said):
        with pytest.raises(InvalidInput, match=said):
            otgen.audit(**options)


NUMBERS = st.one_of(
    st.floats(-4, 4), st.floats(0, 0.5), st.sampled_from([0.0, NAN, INF, -INF, 1e308, -1e308, 1e150, 5e-324, 1e-310])
)  # fmt: skip


@st.composite
def answers(draw, n, m):
    """Any plan and any potentials, one of them perhaps missing."""

    def table(*shape):
        size = math.prod(shape)
        return np.array(draw(st.lists(NUMBERS, min_size=size, max_size=size))).reshape(shape)

    kind = draw(st.sampled_from(["dense", "sparse", "pairs", "none", "product"]))
    plan = {
        "dense": lambda: table(n, m),
        "product": lambda: np.full((n, m), 1 / (n * m)) * (1 + 1e-7 * RNG.random((n, m))),
        "sparse": lambda: scipy.sparse.csr_array(table(n, m)),
        "pairs": lambda: (np.arange(5) % n, np.arange(5) % m, table(5)),
        "none": lambda: None,
    }[kind]()
    potentials = (table(n), table(m)) if plan is None or draw(st.booleans()) else None
    return dict(plan=plan, potentials=potentials)


@st.composite
def weights(draw, n):
    """Whole numbers, some of them 0, divided by nothing."""
    out = draw(st.lists(st.integers(0, 5), min_size=n, max_size=n).filter(any))
    return np.array(out, float)


@st.composite
def problems(draw):
    """A shape, weights of equal total, and seeds for points or costs that are dyadic."""
    n, m = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    a, b = draw(weights(n)), draw(weights(m))
    return n, m, a * b.sum(), b * a.sum(), np.random.default_rng(draw(st.integers(0, 2**32 - 1)))


class TestNoAnswerMakesTheIntervalWrong:
    @given(st.data(), problems(), st.sampled_from([2.0**-300, 1.0, 2.0**300]), st.sampled_from([0.0, 0.2]))
    def test_matrix(self, data, problem, scale, forbidden):
        n, m, a, b, rng = problem
        costs = scale * rng.integers(-16, 64, (n, m)) / 8
        costs[(rng.random((n, m)) < forbidden) & (np.arange(m) > 0)] = INF
        costs[:, 0] = scale  # so that there may be a plan
        found = otgen.audit(C=costs, a=a, b=b, **data.draw(answers(n, m)))
        truth = otgen.transport(costs, a, b, throw=False)
        if truth.status is otgen.Status.INFEASIBLE:
            assert found.upper == INF
            return
        held = [np.flatnonzero(side) for side in (a, b)]
        exact = exact_transport(fractions(costs[np.ix_(*held)]), *(side[i].tolist() for side, i in zip((a, b), held)))
        exact *= Fraction(a.sum())
        assert Fraction(found.lower) <= exact if math.isfinite(found.lower) else found.lower < 0
        assert found.upper == INF or exact <= Fraction(found.upper)

    @given(
        st.data(),
        problems(),
        st.sampled_from([(1, "cityblock"), (1, "chebyshev"), (2, "euclidean")]),
        st.integers(1, 2),
    )
    def test_points(self, data, problem, kind, d):
        n, m, a, b, rng = problem
        p, metric = kind
        x, y = (rng.integers(-16, 16, (k, d)) / 8 for k in (n, m))
        steps = np.abs(x[:, None] - y)
        costs = {"cityblock": steps.sum(-1), "chebyshev": steps.max(-1), "euclidean": (steps**2).sum(-1)}[metric]
        exact = exact_transport(fractions(costs), a.tolist(), b.tolist())
        found = otgen.audit(x, y, a, b, p=p, metric=metric, **data.draw(answers(n, m)))
        assert Fraction(found.cost_lower) <= exact
        assert found.cost_upper == INF or exact <= Fraction(found.cost_upper)
        assert Fraction(found.lower) ** p <= exact
        assert found.upper == INF or exact <= Fraction(found.upper) ** p

    @given(st.data(), problems())
    def test_the_largest_distance(self, data, problem):
        n, m, a, b, rng = problem
        x, y = (rng.integers(-16, 16, (k, 2)) / 8 for k in (n, m))
        answer = data.draw(answers(n, m).filter(lambda answer: answer["plan"] is not None))
        found = otgen.audit(x, y, a, b, p=INF, **answer)
        truth = otgen.wasserstein(x, y, a, b, p=INF)
        assert found.lower <= truth.value <= found.upper

    @given(st.data(), problems(), st.sampled_from([0.1, 1.0, 30.0]))
    def test_entropic(self, data, problem, epsilon):
        n, m, a, b, rng = problem
        costs = rng.integers(-16, 64, (n, m)) / 16
        answer = data.draw(answers(n, m))
        found = otgen.audit(C=costs, a=a, b=b, epsilon=epsilon, **answer)
        problem = otgen.Problem.from_matrix(costs, a, b)
        entropic = otgen.Problem(problem.source, problem.target, problem.cost, epsilon)
        truth = otgen.solve(entropic, Sinkhorn(tol=1e-13, max_iter=10_000), throw=False)  # its interval holds anyway
        assert truth.upper - truth.lower <= 1e-6
        assert found.lower <= truth.upper
        assert truth.lower <= found.upper
        if answer["plan"] is not None:
            assert found.upper < 1e3


def test_costs_beyond_all_floats_are_not_forbidden_pairs():
    x = np.array([[0.0, 2.0], [4.0, 6.0]])
    for answer in (dict(potentials=(np.zeros(2), np.zeros(2))), dict(plan=[0, 1])):
        found = otgen.audit(x, x + 3, p=1, metric=otgen.Minkowski(1000), **answer)
        assert found.lower <= 3 * 2 ** (1 / 1000) <= found.upper


@pytest.fixture(scope="module")
def outcomes():
    return {row.name: audits.run(row) for row in audits.ROWS}


class TestWhereThePeersFail:
    """The rows of the page on audits, each run through the peer that is installed."""

    @pytest.mark.parametrize("row", audits.ROWS, ids=lambda row: row.name)
    def test_wrong_values_are_flagged(self, row, outcomes):
        """And right ones are not; the truth is known from elsewhere, and no interval misses it."""
        outcome = outcomes[row.name]
        if outcome.claimed is None:
            assert outcome.verdict.startswith("no number: ")
            return
        assert outcome.flagged != outcome.right, outcome
        if outcome.audit is not None:
            low, high = audits.ends(outcome)
            assert low * (1 - 1e-12) <= row.truth <= high * (1 + 1e-12)

    def test_most_of_them_are_wrong(self, outcomes):
        assert sum(outcome.flagged for outcome in outcomes.values()) > len(outcomes) / 2
