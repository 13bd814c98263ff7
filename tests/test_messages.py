"""Every error says the argument, the rule, what was received and what to do: those that tests provoke, and those in the source."""

import math
import pkgutil
import re

import messages
import numpy as np
import pandas as pd
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
            np.broadcast_to(0.0, (10**12, 1)),
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
SETS, TABLES = [PLANE, PLANE + 1, PLANE + 3], [pd.DataFrame(PLANE, columns=names) for names in (["u", "v"], ["v", "u"])]
HUGE = np.broadcast_to(np.nan, (10**12, 2))  # sizes are judged before contents
MAP = otgen.SemidiscreteMap(PLANE, np.full(3, 1 / 3), np.zeros(3), "euclidean", 2.0, 9)
COLLECTIONS = [
    *(
        of(call, **options)
        for call in (lambda sets=SETS, **z: otgen.neighbors(sets, **z), lambda sets=SETS, **z: otgen.within(sets, 1.0, **z))
        for options in (
            *(dict(sets=sets) for sets in (None, 3, "nowhere", [[]], [["a"]], [PLANE, LINE], [PLANE, [[np.nan, 1]]], iter(SETS), HUGE, [PLANE, HUGE], TABLES)),
            dict(p=0.5), dict(metric="eucl"), dict(metric=lambda s, t: None), dict(weights=3), dict(weights=[None]), dict(weights2=[None] * 3),
            dict(support="a"), dict(normalize=1), dict(progress=1),
        )
    ),
    *(of(otgen.neighbors, SETS, k=k) for k in (0, 1.5, "2", 3, None)), of(otgen.neighbors, [PLANE]), of(otgen.neighbors, SETS, ordered="no"),
    *(of(otgen.within, SETS, r) for r in (-1, "a", np.nan, None)), of(otgen.pairwise, SETS, checkpoint=3), of(otgen.pairwise, SETS, progress=1),
]  # fmt: skip
PARTIAL = [
    *(of(otgen.partial_wasserstein, x, PLANE, penalty=1) for x in (None, [[np.nan, 1]], LINE, HUGE)),
    *(
        of(otgen.partial_wasserstein, PLANE, PLANE, **options)
        for options in (
            {}, dict(penalty=-1), dict(penalty="a"), dict(penalty=(1, 2, 3)), dict(penalty=np.ones(3)), dict(penalty=(np.ones(2), 1)),
            dict(penalty=otgen.Relative(0.1)), dict(mass=-1), dict(mass=2), dict(mass="a"), dict(penalty=np.inf, mass=0.5), dict(penalty=1, p=np.inf),
            dict(penalty=1, solver="line"), dict(penalty=1, solver="sinkhorn"), dict(penalty=1, solver="emd"),
        )
    ),
    *(of(otgen.transport, C, penalty=1, **options) for options in (dict(epsilon=1), dict(relax=1), dict(normalize=True), dict(init=(LINE, LINE)))),
    of(otgen.transport, np.broadcast_to(np.nan, (10**6, 10**6)), penalty=1),
]  # fmt: skip
OF_LAWS = [
    *(of(otgen.semidiscrete, "gaussian", y) for y in (None, 3, [[np.nan, 1]], HUGE, TABLES)), of(otgen.semidiscrete, "normal", PLANE),
    of(otgen.semidiscrete, PLANE, PLANE), of(otgen.semidiscrete, lambda n, rng: None, PLANE), of(otgen.semidiscrete, lambda n, rng: PLANE, PLANE),
    *(
        of(otgen.semidiscrete, "gaussian", PLANE, **{name: value})
        for name, value in (("tol", 0), ("confidence", 1), ("max_draws", 1.5), ("p", np.inf), ("metric", "eucl"), ("rng", "a"), ("throw", 1), ("progress", 1))
    ),
    *(of(MAP.sample, x) for x in (None, LINE, [[np.nan, 1]], HUGE)), of(MAP.held_out, n=1), of(MAP.held_out, support=3), of(MAP.save, 3),
    of(otgen.load_semidiscrete, 3), *(of(otgen.max_sliced_wasserstein, x, PLANE) for x in (None, LINE, [[np.nan, 1]], HUGE)),
    *(
        of(otgen.max_sliced_wasserstein, PLANE, PLANE, **{name: value})
        for name, value in (("n_starts", 0), ("exact", 1), ("tol", 0), ("max_iter", "a"), ("p", 0.5), ("rng", "a"), ("progress", 1))
    ),
    *(
        of(call, x, x, **options)
        for call in (otgen.bias_curve, otgen.confidence_interval)
        for x, options in (
            (None, {}), (HUGE, {}), (PLANE, {}), (PLANE, dict(distance="emd")), (PLANE, dict(distance=3)), (PLANE, dict(foo=1)), (PLANE, dict(p=0.5)),
        )
    ),
    *(of(otgen.bias_curve, PLANE, PLANE, **{name: 0}) for name in ("rate", "n_groups")),
    *(of(otgen.confidence_interval, PLANE, PLANE, **{name: 0}) for name in ("level", "subsample", "n_subsamples")),
]  # fmt: skip


@pytest.mark.parametrize("call", [*POINTS, *WEIGHTS, *OPTIONS, *MATRICES, *RESULTS, *COLLECTIONS, *PARTIAL, *OF_LAWS])
def test_what_is_said(call):
    """Only errors of ours come out; that they have the form is seen to wherever the suite provokes one (see conftest)."""
    with pytest.raises((otgen.InvalidInput, otgen.TooLarge)):
        call()


@pytest.mark.parametrize("call", MATRICES)
def test_a_matrix_has_no_x_and_y(call):
    with pytest.raises((otgen.InvalidInput, otgen.TooLarge)) as caught:
        call()
    assert not re.search(r"\bx\b|\by\b|points? ", messages.RULE.fullmatch(str(caught.value))[1])


def test_what_fails_in_noise_is_its_own():
    with pytest.raises(TypeError, match="positional argument") as caught:
        otgen.semidiscrete(lambda n: np.zeros((n, 2)), PLANE)
    assert "called as noise(4096, rng)" in caught.value.__notes__[0]


def test_a_file_that_cannot_be_written_is_called_by_its_own_name(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        MAP.save(tmp_path / "none" / "map.npz")
    assert caught.value.filename == str(tmp_path / "none" / "map.npz")


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


def test_what_errors_point_to_is_there():
    """Names under otgen that remedies mention, each looked up."""
    said = [text or "" for path in messages.SOURCE.rglob("*.py") for _, text in messages.errors_in(path.read_text())]
    named = {name for text in said for name in re.findall(r"\botgen\.\w[\w.]*\w", text)}
    assert len(named) > 20
    for name in named:
        try:
            assert pkgutil.resolve_name(name)
        except AttributeError:
            pytest.fail(f"an error speaks of {name}, which there is not")


def test_the_source_is_read():
    found = [said for path in messages.SOURCE.rglob("*.py") for said in messages.errors_in(path.read_text())]
    assert len(found) > 200
    assert messages.errors_in('errors.InvalidInput(f"{name} must be" + " small"); TooLarge()') == [
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
