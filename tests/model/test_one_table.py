"""One table of metrics: an entry in it is all that a new metric of a known form needs, and no other file lists metrics."""

import ast
from pathlib import Path

import numpy as np
import pytest
from syntax import nodes

import otgen
from otgen.model.cost.metrics import TABLE, Powers

FOLDER = Path(otgen.__file__).parent
WORDS = {"cityblock", "chebyshev", "sqeuclidean", "cosine", "great_circle"}
LISTED = {
    "model/cost/metrics.py",  # the table
    "nn/_exact.py",  # its formulas in torch, whose derivatives torch takes
    "distances/quadratic.py",  # a name of scipy, for squared distances alone
    "app/check_proof.py",  # shares no code with the rest
    "app/commands/app.py",  # what the command line offers
    "app/doctor.py",  # distances that are whole numbers
    "app/report/compare.py",  # names of units in sentences
    "divergences/formulas.py",  # a law of scipy's, the raised cosine
    "distances/drawing.py",  # a picture of a globe
}
FORMS = {"CIRCULAR", "GREAT_CIRCLE"}
KERNELS = {
    "model/cost/metrics.py",
    "kernels/cost_entries.py",  # costs,
    "kernels/gibbs.py",  # their derivatives,
    "kernels/gpu.py",  # forms that the device takes coordinate by coordinate,
    "kernels/launching.py",  # their numbers in ground.cu,
    "kernels/reference.py",  # and both in numpy
}


def files(words, has):
    """The files with one of the words of which a node of the syntax tree has it."""
    return {
        path.relative_to(FOLDER).as_posix()
        for path in FOLDER.rglob("*.py")
        if not {"lab", "laws"} & set(path.relative_to(FOLDER).parts) and any(has(node) for node in nodes(path, words))
    }


def test_no_other_file_lists_metrics():
    assert files(WORDS, lambda node: isinstance(node, ast.Constant) and node.value in WORDS) == LISTED


def test_no_other_file_knows_the_forms_of_kernels():
    named = files(
        FORMS, lambda node: isinstance(node, ast.Name) and node.id in FORMS and isinstance(node.ctx, ast.Load)
    )
    assert named == KERNELS


@pytest.fixture
def cubic(monkeypatch):
    """The name of a metric that is an entry in the table and nothing else."""
    monkeypatch.setitem(TABLE, "cubic", Powers(3.0))
    return "cubic"


def clouds():
    x, y = np.random.default_rng(0).normal(size=(2, 12, 2))
    return x, y + 1.0


CALLS = {
    "exact": lambda **metric: otgen.wasserstein(*clouds(), p=2, **metric),
    "between many": lambda **metric: otgen.wasserstein(np.tile(clouds()[0], (40, 1)), clouds()[1], p=1, **metric),
    "the largest distance": lambda **metric: otgen.wasserstein(*clouds(), p=np.inf, **metric),
    "by linear programming": lambda **metric: otgen.wasserstein(*clouds(), solver="linprog", **metric),
    "in other units": lambda **metric: otgen.wasserstein(*(1e200 * z for z in clouds()), p=1, **metric),
    "entropic": lambda **metric: otgen.sinkhorn(*clouds(), epsilon=0.5, p=1, **metric),
    "debiased": lambda **metric: otgen.sinkhorn_divergence(*clouds(), epsilon=0.5, p=2, **metric),
    "of a batch": lambda **metric: otgen.wasserstein_batch(*(z[None] for z in clouds()), p=2, **metric)[0],
}


@pytest.mark.parametrize("call", CALLS)
def test_an_entry_is_enough(cubic, call):
    """Values, intervals, plans, potentials and gradients are those of the same metric under its general name."""
    found, expected = (CALLS[call](metric=metric) for metric in (cubic, otgen.Minkowski(3)))
    assert found.lower <= found.value <= found.upper
    assert found.value == pytest.approx(expected.value, rel=1e-12)
    np.testing.assert_allclose(found.plan.marginals()[0], expected.plan.marginals()[0], atol=1e-12)
    if call != "the largest distance":
        np.testing.assert_allclose(found.potentials[0], expected.potentials[0], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found.gradients().x, expected.gradients().x, rtol=1e-9, atol=1e-9)


def test_such_an_answer_can_be_audited_and_its_proof_kept(cubic, tmp_path):
    x, y = clouds()
    result = otgen.wasserstein(x, y, metric=cubic)
    audit = otgen.audit(x, y, plan=result.plan, potentials=result.potentials, value=result.value, metric=cubic)
    assert audit.holds
    result.save_proof(tmp_path / "proof.npz")
    lower, upper = otgen.load_proof(tmp_path / "proof.npz").verify()
    assert lower <= result.value <= upper
