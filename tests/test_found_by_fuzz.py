"""What random examples of all calls have found, each as one call."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse

import otgen

HUGE = 1e200


def test_partial_transport_of_nothing_between_points_too_light_for_a_unit():
    result = otgen.partial_wasserstein([[0.0], [1.0]], [[2.0]], [1.0, 1e-40], [1e-30], p=3, mass=0)
    assert result.cost_lower == result.cost == 0


@pytest.mark.parametrize("relax", [1.0, (1.0, 3.0)])
def test_epsilon_beyond_all_floats_is_refused(relax):
    with pytest.raises(otgen.InvalidInput, match="must"):
        otgen.transport(np.full((2, 3), 1.5e308), epsilon=otgen.Relative(20.0), relax=relax)


def test_relaxed_masses_beyond_squares_of_floats():
    x, y = np.zeros((2, 1)), np.ones((2, 1))
    with pytest.raises(otgen.InvalidInput, match="must have totals"):
        otgen.sinkhorn_divergence(x, y, [1.0, 2.0], [1e290, 1e290], epsilon=1.0, relax=1.0, throw=False)


def test_a_plan_whose_shares_are_beyond_all_floats_is_no_plan():
    found = otgen.audit(C=[[1.0, 2.0]], a=[1e-200], b=[5e-201, 5e-201], plan=np.full((1, 2), HUGE))
    assert found.cost_lower <= 1.5e-200 <= found.cost_upper
    assert "no numbers" in str(found)


def test_no_plan_at_all_is_said_so_to_torch_too():
    torch = pytest.importorskip("torch", reason="otgen.nn needs torch")
    nn = pytest.importorskip("otgen.nn", reason="otgen.nn needs torch")
    with pytest.raises(otgen.Infeasible):
        nn.entropic_plan(torch.full((6, 2), torch.inf), epsilon=1.0)


def test_no_place_in_memory_is_told(tmp_path):
    from otgen.errors import words_of

    assert words_of(ValueError("odd: <ast.Name object at 0x7ffb5dd28220>; no.\nmore")) == "odd: <ast.Name object>, no"


@pytest.mark.parametrize("options", [{}, {"solver": "line"}])
@pytest.mark.parametrize(
    ("x", "y", "weights", "truth"),
    [
        ([0.0, 1.0], [2.0**-365, 1.0], None, 2.0**-731),  # means of squares that vanish beside 1
        ([0.0, 2.0**500, 2.0**500], [2.0**-33, 2.0**500], ([2.0, 1.0, 1.0], [0.5, 0.5]), 2.0**-67),
        ([2.0**61, 2.0**61], [0.0], ([2e289, 1e289], [1.0]), 2.0**122),  # sums of squares beyond all floats
    ],
)
def test_squares_on_the_line_in_the_unit_of_what_is_travelled(x, y, weights, truth, options):
    a, b = weights or (None, None)
    result = otgen.wasserstein(x, y, a, b, p=1, metric="sqeuclidean", normalize=True, **options)
    assert result.lower <= truth <= result.upper
    assert result.cost_lower <= truth <= result.cost_upper
    assert result.upper - result.lower < 1e-12 * truth
    batch = otgen.wasserstein_batch(
        [x], [y], weights and [a], weights and [b], p=1, metric="sqeuclidean", normalize=True
    )
    assert batch[0].lower <= truth <= batch[0].upper


@pytest.mark.parametrize(("form", "options"), [("bsr", {"blocksize": (2, 2)}), ("dia", {})])
def test_zeros_that_a_sparse_format_fills_up_with_are_no_costs(form, options):
    C = scipy.sparse.csr_array([[0.0, 0.625], [0.125, -0.375]])  # the first pair is forbidden
    assert otgen.transport(C).value == 0.375
    with pytest.raises(otgen.InvalidInput, match=f"received a {form} array"):
        otgen.transport(getattr(C, f"to{form}")(**options))
    full = scipy.sparse.csr_array([[1.0, 2.0], [3.0, 5.0]])
    assert otgen.transport(getattr(full, f"to{form}")(**options)).value == 2.5


def test_flows_of_an_audited_plan_beyond_all_floats_prove_nothing():
    found = otgen.audit([0.0, 1.0], [2.0, 3.0], [0.125, 0.125], [0.125, 0.125], plan=([0, 1], [0, 1], [1.7e308, 1.0]))
    assert found.lower <= 2 <= found.upper


def test_directions_start_from_weights_whose_products_with_points_are_beyond_all_floats():
    x, y = np.array([[0.0, 0.0], [3e30, 0.0]]), np.array([[0.0, 4e30]])
    one, other = (
        otgen.max_sliced_wasserstein(x, y, a, p=1, normalize=True, rng=0) for a in ([3.0, 1.0], [3e289, 1e289])
    )
    assert one.value == pytest.approx(other.value, rel=1e-9)


@pytest.mark.parametrize(("epsilon", "weights"), [(otgen.Relative(1.0), [1.8e289]), (1e300, [1e100]), (1e-5, [1e300])])
def test_relaxed_masses_whose_entropy_is_beyond_all_floats(epsilon, weights):
    with pytest.raises(otgen.InvalidInput, match="must have totals whose product"):
        otgen.sinkhorn([1.0], [1e15] * 3, weights, epsilon=epsilon, relax=(1.0, 1e10), throw=False)


def test_targets_that_none_but_sources_without_mass_could_serve_are_refused_where_relaxed():
    C = [[1.0, 0.0, np.inf], [0.0, 1.0, np.inf], [1.0, np.inf, 1.0]]
    with pytest.raises(otgen.InvalidInput, match="columns with mass must have an allowed pair with mass"):
        otgen.transport(C, [1.0, 1.0, 0.0], epsilon=0.1, relax=100.0, throw=False)


def test_costs_up_to_the_largest_float_are_judged_beside_their_epsilon():
    xs, ys = [[1.0], [0.0]], [[0.0], [1.7976931348623157e308]]
    with pytest.raises(otgen.InvalidInput, match="epsilon"):
        otgen.sinkhorn_batch(xs, ys, p=1, metric=otgen.Minkowski(3), epsilon=1e-300, throw=False)


def test_slopes_of_critics_far_from_all_funnels():
    from otgen.laws import Funnels

    pair = Funnels(np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([0.0, 0.25]))
    slopes = pair.gradient([[-3e200, -4e200], [1e308, 1e308], [0.0, 5e-324]])
    np.testing.assert_allclose(slopes, [[0.6, 0.8], [-(0.5**0.5), -(0.5**0.5)], [0.0, -1.0]], rtol=1e-15)
    np.testing.assert_allclose(pair.critic([[-3e200, -4e200]]), -5e200, rtol=1e-15)


def test_maps_send_the_faintest_points_where_a_plan_does():
    """Half of it goes either way."""
    mapper = pytest.importorskip("otgen.estimators", reason="otgen.estimators needs scikit-learn").OTMapper()
    mapper.fit([[0.0], [1.0], [5.0]], [[2.0], [7.0]], sample_weight=[1.0, 1e-200, 1.0])
    assert mapper.transform([[0.0], [0.9], [5.0]]).ravel().tolist() == [2.0, 4.5, 7.0]


@pytest.mark.parametrize("epsilon", [0.0, otgen.Relative(0.01)])
@pytest.mark.parametrize("unit", [1e200, 1e-200])
def test_maps_between_points_whose_squares_are_no_floats(unit, epsilon):
    estimators = pytest.importorskip("otgen.estimators", reason="otgen.estimators needs scikit-learn")
    x, y = np.array([[0.0, 0.0], [9.0, 0.0]]), np.array([[0.0, 1.0], [9.0, 2.0]])
    mapper = estimators.OTMapper(p=1, epsilon=epsilon).fit(x * unit, y * unit)
    np.testing.assert_allclose(mapper.transform([[8.0 * unit, 0.0], [1.0 * unit, 0.0]]) / unit, y[::-1], atol=1e-6)


def test_means_of_the_faintest_masses_lie_among_the_points():
    plan = otgen.transport([[0.0, 9.0], [9.0, 0.0]], [1.0, 5e-324], [1.0, 5e-324]).plan
    with np.errstate(all="raise"):
        means = plan.barycenters([1e308, 1.5e308])
    assert means[0] == 1e308
    assert np.isnan(means[1]) or 1e308 <= means[1] <= 1.5e308


def test_a_class_is_no_critic():
    torch = pytest.importorskip("torch", reason="otgen.nn needs torch")
    critics = pytest.importorskip("otgen.nn", reason="otgen.nn needs torch").critics
    with pytest.raises(otgen.InvalidInput, match="received the class Linear"):
        critics.gradient_norms(torch.nn.Linear, torch.zeros(3, 2))


def test_more_workers_than_there_are():
    pytest.importorskip("typer", reason="the command line needs typer")
    from otgen.app.commands.app import workers

    with pytest.raises(
        otgen.InvalidInput, match="--jobs must be a whole number other than 0, up to 100000; received 9999"
    ):
        workers(10**22 - 1, "worker")
    assert workers(-1, "worker") == -1
    with pytest.raises(otgen.InvalidInput, match="n_jobs must be at most"):
        otgen.pairwise([[0.0], [1.0]], n_jobs=10**22)


def test_potentials_beyond_single_precision_are_doubles():
    x, y = np.array([[0.0], [1.0]], np.float32), np.array([[2.0], [3.0]], np.float32)
    with np.errstate(all="raise", under="ignore"):
        f, _ = otgen.sinkhorn(x, y, [1.0, 3.0], epsilon=1e300, relax=1e300, max_iter=50, throw=False).potentials
    assert f.dtype == np.float64
    assert np.isfinite(f).all()
    assert np.abs(f).max() > 3.5e38


def test_references_of_a_parquet_file_that_lead_to_no_text(tmp_path):
    arrow = pytest.importorskip("pyarrow", reason="tables need pyarrow")
    from otgen.app import files

    path = tmp_path / "damaged.parquet"
    table = arrow.table({"name": ["a"] * 8 + ["b"] * 8, "x": [1.0] * 16})
    pytest.importorskip("pyarrow.parquet").write_table(table, path, compression="none")
    runs = b"\x01\x10\x00\x10\x01"  # of one bit each: eight of text 0, eight of text 1
    assert path.read_bytes().count(runs) == 1
    path.write_bytes(path.read_bytes().replace(runs, runs[:-1] + b"\x07"))
    with pytest.raises(otgen.InvalidInput, match="must be a parquet table"):
        files.read(path)


def test_a_parquet_file_whose_metadata_contradict_themselves_does_not_end_the_process(tmp_path):
    arrow = pytest.importorskip("pyarrow", reason="tables need pyarrow")
    path = tmp_path / "damaged.parquet"
    pytest.importorskip("pyarrow.parquet").write_table(arrow.table({"x": [1.0, None, 2.0]}), path, compression="none")
    optional = b"%\x02\x18\x01x"  # a column that may lack cells, as its histogram says; now it may not
    assert path.read_bytes().count(optional) == 1
    path.write_bytes(path.read_bytes().replace(optional, b"%\x00\x18\x01x"))
    code = f"from otgen.app import files\nfiles.read({str(path)!r})"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "InvalidInput" in ended.stderr
    assert "must be a parquet table" in ended.stderr


def test_potentials_of_points_without_mass_leave_the_plan_finite():
    """One marginal is relaxed: at a point without mass the potential may be anything, and its entries were infinite."""
    x, y = [[-60, 22], [-16, 48], [-97, 6]], [[68.0, -35.0], [61.0, -50.0], [-70.0, 35.0]]
    options = dict(p=2, metric="cityblock", epsilon=0.1, throw=False, relax=(1.0, None))
    found = otgen.sinkhorn(x, y, [0.5, 0, 0.5], [0, 1.0, 0], **options)
    # all mass is at the nearer source: ((61 + 60) + (50 + 22)) ** 2 = 37249, and KL((1, 0) | (1/2, 1/2)) = log 2 counts 1 + epsilon times
    truth = 37249 + np.log(2) * 1.1
    assert found.lower <= truth <= found.upper
    assert found.upper - found.lower < 1e-6 * truth
    np.testing.assert_array_equal(found.plan.todense(), [[0, 1, 0], [0, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(found.plan @ np.eye(3), [[0, 1, 0], [0, 0, 0], [0, 0, 0]])


def test_flows_that_are_complex_are_no_plan():
    with pytest.raises(otgen.InvalidInput, match="plan must hold real numbers"):
        otgen.audit(C=np.ones((2, 2)), plan=scipy.sparse.csr_array(np.eye(2) * 1j))


def test_means_of_points_that_are_infinite_are_refused():
    plan = otgen.sinkhorn([[0.0], [1.0]], [[0.0], [2.0]], epsilon=1.0).plan
    with pytest.raises(otgen.InvalidInput, match="points must be finite"):
        plan.barycenters([[np.inf], [1.0]])
    assert np.isnan(plan @ np.array([np.inf, -np.inf])).all()


def test_directions_of_the_least_floats():
    x, y = np.array([[5e-324, 0.0], [0.0, 0.0]]), np.zeros((2, 2))
    assert otgen.max_sliced_wasserstein(x, y, p=1, rng=0, throw=False).lower <= 5e-324


@pytest.mark.parametrize("p", [3, 40, 700])
def test_powers_of_angles_below_all_floats(p):
    x, y = [[-5e-301, -1e-301]], [[2e-151, -2e-150], [1e-150, -2e-150]]
    found = otgen.wasserstein(x, y, p=p, metric="great_circle", solver="simplex", throw=False)
    assert found.lower <= 1e-150 <= found.upper  # they are 2.01e-150 and 2.24e-150 apart
    assert found.upper >= 2.24e-150


def test_an_audit_of_costs_beyond_all_floats_proves_nothing_and_is_no_nan():
    x, y = [[-0.91, -0.86], [-0.57, 0.85]], [[-0.74, -0.77], [0.42, -0.28]]
    potentials = [2.06, -1.21], [11.03, -2.46]
    found = otgen.audit(x, y, p=700, metric="great_circle", plan=np.full((2, 2), 0.25), potentials=potentials)
    assert found.lower <= otgen.wasserstein(x, y, p=700, metric="great_circle").upper
    assert not np.isnan([found.lower, found.upper]).any()
