"""Every error says the argument, the rule, what was received and what to do: those that tests provoke, and those in the source."""

import math
import re

import messages
import numpy as np
import pytest
import scipy.sparse
import torch

import otgen

FOLDERS = sorted({path.relative_to(messages.SOURCE).parts[0] for path in messages.SOURCE.rglob("*.py")})

LINE, PLANE = np.arange(3.0), np.arange(6.0).reshape(3, 2)
C = np.ones((2, 2))


def w(x, y=(0.0, 1.0), *weights, **options):
    return lambda: otgen.wasserstein(x, y, *weights, **options)


def of(call, *arguments, **options):
    return lambda: call(*arguments, **options)


POINTS = [
    *(
        w(x)
        for x in (
            None, {1: 2}, {1, 2}, "ab", b"ab", object(), 3, iter([1.0]), [], [[]], [[1], [1, 2]], ["a"], [None], [1j], [np.nan], [[np.inf]],
            np.zeros(2, np.longdouble), np.zeros(2, [("a", int)]), np.zeros((2, 2, 2)), np.zeros((1, 1, 1, 1)), np.ma.array([1.0]),
            np.array(["NaT"], "M8[D]"), np.array([1], "M8[D]"), [2**60 + 1, 0.5], [2**63 + 1, -(2**63)],
            scipy.sparse.csr_array(np.eye(3)), torch.eye(3).to_sparse(), torch.zeros(2, requires_grad=True),
            [torch.zeros(2, requires_grad=True)], torch.zeros(2, device="meta"), torch.zeros(2).to(torch.float8_e4m3fn),
            torch.tensor([1 + 2j]).conj().imag, np.broadcast_to(0.0, (10**12, 1)),
        )
    ),
    w(PLANE, LINE), w(PLANE, [[0.0, 0.0]], metric="cosine", p=1), w(LINE, metric="great_circle"), w(PLANE, PLANE, metric="great_circle"),
    w([2**60 + 1], [1], metric="great_circle"), w(np.array([1], "m8[M]"), np.array([1], "m8[D]")), w(np.array([1], "m8"), np.array([1], "m8")),
    w(np.array([1], "M8[D]"), np.array([1], "M8[D]"), metric="great_circle"), w(np.array(["3000"], "M8[Y]"), np.array([1], "M8[ns]")),
    w([1e308], [-1e308]),
]  # fmt: skip
WEIGHTS = [
    *(w(LINE[:2], LINE[:2], a) for a in ([1.0], [0, 0], [-1, 2], [np.nan, 1], ["a", "b"], [1e308, 1e308], [2**53 + 1, 1], "ab")),
    w(LINE[:2], LINE[:2], np.array([1, 2]), np.array([2.0, 4.0])), w(LINE[:2], LINE[:2], [1, 1], [1, 1], normalize="no"),
]  # fmt: skip
OPTIONS = [
    *(w(LINE, LINE, p=p) for p in (0.5, np.float64(0.5), np.nan, "2", True, [1, 2], 10**400, torch.tensor([1.0, 2.0]))),
    *(w(LINE, LINE, metric=m) for m in ("eucl", 3, np.float64(3), otgen.Minkowski, [], "sqeuclidean", lambda s, t: None)),
    *(w(PLANE, PLANE, metric=m) for m in (lambda s, t: -np.ones((3, 3)), lambda s, t: np.ones(3), lambda s, t: np.abs(s - t).sum())),
    *(w(PLANE, PLANE, metric=m) for m in ("L1", "minkowski", math.dist, scipy.spatial.distance.cosine)),
    *(w(LINE, LINE, solver=s) for s in ("simple", 3, otgen.solvers.Simplex)),
    *(w(PLANE, PLANE, init=i) for i in (3.0, (LINE, LINE[:2]), (LINE, LINE * np.nan), np.zeros((2, 2)))),
    w(LINE, LINE, throw=1), w(LINE, LINE, progress=np.float64(0)), w(PLANE, PLANE, p=800),
    of(otgen.Minkowski, np.float64(0.5)), of(otgen.Circular, -1), of(otgen.Relative, np.float32(0)), of(otgen.Measure, 0), of(otgen.Measure, [2**60 + 1]),
    of(otgen.Problem, otgen.Measure(2), otgen.Measure(3), otgen.Problem.from_matrix(C).cost),
    of(otgen.Problem, otgen.Measure(2), otgen.Measure(2), otgen.Problem.from_matrix(C).cost, -1.0),
    of(otgen.Problem, otgen.Measure(2), otgen.Measure(2), otgen.Problem.from_matrix(C).cost, relax=(1.0, 1.0)),
    of(otgen.Problem.from_points, LINE, LINE, p=np.inf, epsilon=0.5),
    of(otgen.Problem.from_matrix(C).on, "cuda:0"),
    of(otgen.sinkhorn, LINE, LINE, epsilon=np.float64(-1)), of(otgen.sinkhorn, LINE, LINE, epsilon=1, p=np.inf),
    *(of(otgen.sinkhorn, LINE, LINE, epsilon=1, relax=r) for r in (-1, (1, 2, 3), (np.float64(-1), None), "1")),
    of(otgen.sliced_wasserstein, LINE, LINE, n_projections=np.float64(0.5)), of(otgen.sliced_wasserstein, LINE, LINE, rng="a"),
    of(otgen.wasserstein_batch, 3, 4), of(otgen.wasserstein_batch, [LINE], [LINE, LINE]), of(otgen.wasserstein_batch, [LINE], [PLANE]),
    of(otgen.wasserstein_batch, np.broadcast_to(0.0, (10**12, 2, 1)), np.broadcast_to(0.0, (10**12, 2, 1))),
    of(otgen.bures_wasserstein, [0, 0], np.eye(3), [0, 0], np.eye(2)), of(otgen.bures_wasserstein, [[0]], 1, 0, 1),
    of(otgen.bures_wasserstein, 0, -1, 0, 1), of(otgen.bures_wasserstein, [0, 0], [[1, 2], [0, 1]], [0, 0], np.eye(2)),
]  # fmt: skip
MATRICES = [
    *(
        of(otgen.transport, matrix)
        for matrix in (
            LINE, [[]], [[np.nan]], [[-np.inf]], [["a"]], [[2**53 + 1, 0]], [[2**53 + 1, 0.5]], torch.ones((2, 2), requires_grad=True),
            scipy.sparse.csr_array(np.array([[np.nan]])), scipy.sparse.coo_array(([1.0, 1.0], ([0, 0], [0, 0])), shape=(1, 1)),
            scipy.sparse.coo_array(([1.0], ([0], [0])), shape=(10**10, 10**10)), scipy.sparse.csr_array((0, 3)),
            np.broadcast_to(0.0, (10**6, 10**6)), np.broadcast_to(0, (10**6, 10**6)),
        )
    ),
    of(otgen.transport, [[1e300]], [1e9], [1e9]), of(otgen.transport, C, [1.0]), of(otgen.transport, C, [1, 1], [2, 2]),
]  # fmt: skip
ENTROPIC, PLAN = otgen.sinkhorn(LINE, LINE, epsilon=0.5), otgen.wasserstein(LINE, LINE).plan
RESULTS = [
    of(np.asarray, ENTROPIC), of(np.array, PLAN, copy=False), of(PLAN.__matmul__, np.ones(2)), of(PLAN.barycenters, ["a"] * 3),
    of(ENTROPIC.gradients, "cost"), of(ENTROPIC.vjp, f=[1.0]), of(ENTROPIC.vjp, f=[np.nan] * 3), of(ENTROPIC.vjp, plan=3),
    of(ENTROPIC.vjp, plan=(C, C)), of(ENTROPIC.vjp, plan=(PLANE, PLANE * np.nan)), of(otgen.wasserstein(LINE, LINE).vjp),
    of(otgen.wasserstein(LINE, LINE, p=np.inf).gradients), of(otgen.sliced_wasserstein(LINE, LINE).save_proof, "proof.npz"),
    of(otgen.wasserstein(PLANE, PLANE, metric=lambda s, t: np.abs(s[:, None] - t).sum(-1)).gradients),
    of(otgen.audit, LINE, LINE), of(otgen.audit, LINE), of(otgen.audit, LINE, LINE, plan=[0, 1, 2], value=1, cost=1),
    of(otgen.audit, LINE, LINE, p=np.inf, potentials=(LINE, LINE)), of(otgen.audit, LINE, LINE, p=np.inf, plan=[0, 1, 2], cost=1),
    of(otgen.audit, LINE, LINE, plan=otgen.sliced_wasserstein(LINE, LINE)), of(otgen.audit, LINE, LINE, potentials=3),
    of(otgen.audit, LINE, LINE, potentials=(LINE, C)), of(otgen.audit, LINE, LINE, plan=[0.5, 1, 2]), of(otgen.audit, LINE, LINE, plan=C),
    of(otgen.audit, LINE, LINE, plan=([0], [7])), of(otgen.audit, LINE, LINE, plan=([0],)), of(otgen.audit, LINE, LINE, plan=([0], [0], [1, 2])),
    of(otgen.audit, LINE, LINE, plan=np.broadcast_to(0.0, (10**6, 10**6))),
]  # fmt: skip


@pytest.mark.parametrize("call", [*POINTS, *WEIGHTS, *OPTIONS, *MATRICES, *RESULTS])
def test_what_is_said(call):
    """Only errors of ours come out; that they have the form is seen to wherever the suite provokes one (see conftest)."""
    with pytest.raises((otgen.InvalidInput, otgen.TooLarge)):
        call()


@pytest.mark.parametrize("call", MATRICES)
def test_a_matrix_has_no_x_and_y(call):
    with pytest.raises((otgen.InvalidInput, otgen.TooLarge)) as caught:
        call()
    assert not re.search(r"\bx\b|\by\b|points? ", messages.RULE.fullmatch(str(caught.value))[1])


WRITTEN = re.compile(r"(?s)(.*\bmust\b.*|\{\}); received .+?; .+")
PASSED_ON = re.compile(r"(problem \{\}: )?\{\}")


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_the_source_says(folder):
    """Errors that no test provokes have the form as well, as far as the source tells."""
    places = [messages.SOURCE / folder] if folder.endswith(".py") else (messages.SOURCE / folder).rglob("*.py")
    for path in places:
        for name, said in messages.errors_in(path.read_text()):
            form = messages.OUTCOME if name in messages.OUTCOMES else WRITTEN
            assert said is not None, f"{path.name}: {name} without a word"
            assert form.fullmatch(said) or PASSED_ON.fullmatch(said), f"{path.name}: {said}"


def test_the_source_is_read():
    found = [said for path in messages.SOURCE.rglob("*.py") for said in messages.errors_in(path.read_text())]
    assert len(found) > 200
    assert list(messages.errors_in('errors.InvalidInput(f"{name} must be" + " small"); TooLarge()')) == [
        ("InvalidInput", "{} must be small"),
        ("TooLarge", None),
    ]


@pytest.mark.parametrize(
    "said",
    [
        "x must be finite; received nan",
        "x is wrong; received nan; drop it",
        "x must be finite; drop it",
        "x must be finite; received np.float64(nan); drop it",
        "x must be finite; received array([nan]); drop it",
        "x must be a number; received <object object at 0x7f>; drop it",
    ],
)
def test_the_form_is_one_that_can_be_missed(said):
    assert messages.amiss(otgen.InvalidInput(said))
    assert messages.amiss(otgen.NotConverged("stopped"))


def test_what_the_suite_provokes_is_heard():
    ears = messages.Heard()
    ears.hear(otgen.InvalidInput("x is wrong"), messages.SOURCE / "errors.py", 1)
    ears.hear(otgen.InvalidInput("x is wrong"), messages.SOURCE.parent / "a_test.py", 1)
    (fault,) = ears.faults()
    assert "x is wrong (errors.py, line 1)" in fault
    assert not ears.faults()
