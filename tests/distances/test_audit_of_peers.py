"""Audits of what the peers return: right answers are proven, wrong ones are flagged."""

import math

import audits
import numpy as np
import ot
import pytest
import scipy.optimize
import scipy.sparse
import scipy.stats
import torch
from audited import ENTROPIC, REG, TRUTH, A, B, M, X, Y, assert_holds

import otgen
from otgen import InvalidInput

INF, NAN = math.inf, math.nan


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
