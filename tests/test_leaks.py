"""What users pass by mistake is refused by an error of ours that names an argument: no error of numpy, scipy or torch comes through."""

import inspect
import itertools
import operator
import re
import traceback
import warnings

import junk
import junk_more
import messages
import numpy as np
import pytest
import scipy.stats
import surface
import torch
import torch.distributed as dist
from chosen import few
from hypothesis import example, given
from hypothesis import strategies as st

import otgen
from otgen import divergences, laws, nn, solvers
from otgen.lab import networks

CALLS = {
    **junk.DISTANCES, **junk.DIVERGENCES, **junk.LAWS, **junk.LOSSES, **junk.OBJECTIVES, **junk.CRITICS,
    **junk_more.COLLECTIONS, **junk_more.METHODS, **junk_more.FITTED, **junk_more.MODULES, **junk_more.SHARDED, **junk_more.LAB,
}  # fmt: skip
# numbers that are only large are taken at their word
ENDLESS = {"steps", "width", "depth", "layers", "batch_size", "n_projections", "n_permutations", "n_subsamples"}
CALLED = {
    "critic",
    "network",
    "kind",
    "x",
    "y",
    "metric",
    "distance",
    "noise",
    "progress",
}  # arguments that may be functions
FUNCTIONS = {"a class", "the class of a law", "no frozen law", "a module of torch"}
# What is told in words of a function that is called inside, or of scikit-learn's
ELSEWHERE = {"solver.solve", "critic", "schedule.epsilons", "Y", "the claim of a solver"}
PASSED_ON = {"OTMapper": {"x", "y"}, "PairwiseWasserstein": {"a"}, "PairwiseWasserstein.transform": {"sets"}}


@pytest.fixture(scope="module", autouse=True)
def _aside(tmp_path_factory):
    """In a folder of its own, where files are written by odd names, and a group of one process for what is distributed."""
    folder = tmp_path_factory.mktemp("aside")
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=0, world_size=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield
    dist.destroy_process_group()


def refused(call, given):
    """The error of ours that a call ends in, None where it goes through."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            call(**given)
        except otgen.OtgenError as fault:
            return fault
        except OSError:
            assert "path" in given  # of Python's, about a file
        except (TypeError, ValueError) as fault:
            if not is_of_scikit_learn(fault):
                raise
    return None


def is_of_scikit_learn(fault):
    """Whether it stems from scikit-learn's own check of tables, whose kinds of errors and words its conventions prescribe."""
    return any(frame.name == "validate_data" for frame in traceback.extract_tb(fault.__traceback__))


def names_an_argument(fault, call, others=()):
    if isinstance(fault, otgen.NotConverged | otgen.Infeasible) or "a Result must not be" in str(fault):
        return True
    rule = messages.RULE.fullmatch(str(fault))[1]
    names = {*inspect.signature(call).parameters, *ELSEWHERE, *others}
    return any(re.search(rf"\b{re.escape(name.removesuffix('s'))}s?\b", rule) for name in names)


def tried(name, changed):
    """One call with some arguments changed."""
    call, usual = CALLS[name]
    fault = refused(call, {**usual, **changed})
    told = fault is None or (not messages.amiss(fault) and names_an_argument(fault, call, PASSED_ON.get(name, ())))
    assert told, f"{name}, {', '.join(changed)}: {fault}"


def theirs(name, argument, what):
    """Whether a piece of junk is a function, whose errors are its author's, or a number that is only large."""
    called = argument in CALLED and what in FUNCTIONS
    own = (name, argument) in {
        ("critics.gradient_norms", "points"),
        ("wgan.gradient_penalty", "real"),
    }  # the network says what it takes
    own = own or (name == "adversarial.latent_penalty" and what == "a meta tensor")  # the words are those of mmd_loss
    words = name == "Measure" and argument in ("name", "weights_name")
    endless = argument in ENDLESS or (name, argument) == ("Critic.network", "dim")
    return called or own or words or (endless and what == "a large integer")


@pytest.mark.parametrize("name", CALLS)
@few(5)
@given(data=st.data())
def test_junk(name, data):
    arguments = st.sampled_from(list(inspect.signature(CALLS[name][0]).parameters))
    chosen = data.draw(st.dictionaries(arguments, st.sampled_from(list(junk.JUNK)), min_size=1, max_size=2))
    if not any(theirs(name, argument, what) for argument, what in chosen.items()):
        tried(name, {argument: junk.value(what) for argument, what in chosen.items()})


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("name", "argument"),
    [(name, argument) for name in CALLS for argument in inspect.signature(CALLS[name][0]).parameters],
)
def test_every_piece(name, argument):
    for what in junk.JUNK:
        if not theirs(name, argument, what):
            tried(name, {argument: junk.value(what)})


PLANE = junk.PLANE
FUNNELS = laws.Funnels([[0.0, 0.0]], [0.0])
T = torch.zeros(3, 2)


@pytest.mark.parametrize(
    ("call", "arguments", "words"),
    [
        (otgen.Relative, [np.complex128(0.5 + 1j)], "fraction must be a real number"),
        (solvers.Simplex, [np.ones(3)], "max_iter must be a whole number"),
        (solvers.Simplex().solve, ["problem"], "problem must be an otgen.Problem"),
        (solvers.Simplex().solve, [junk.PROBLEM, dict(init=np.ones(6))], "init must be an otgen.solvers.Claim"),
        (solvers.Annealing().epsilons, ["a", 1.0], "last must be a real number"),
        (otgen.Problem, [3, junk.PROBLEM.target, junk.PROBLEM.cost], "source must be an otgen.Measure"),
        (junk.PROBLEM.on, [3], "device must be a string"),
        (otgen.Relative(0.1).of, ["a"], "mean_cost must be an array of numbers"),
        (otgen.transport([[1.0]]).save_proof, ["/"], "path must be the name of a file"),
        (otgen.transport([[1.0]]).save_proof, ["proof.npz", dict(embed=np.ones(2))], "embed must be True or False"),
        (junk.ENTROPIC.gradients().minus, [junk.EXACT.gradients()], "other must be derivatives in as many points"),
        (otgen.two_sample_test, [PLANE, PLANE, dict(distance=PLANE)], "distance must be a name"),
        (otgen.pairwise, [[PLANE, PLANE], dict(n_jobs=np.timedelta64(1, "s"))], "n_jobs must be a whole number"),
        (junk_more.MAP.held_out, [dict(n=2**60)], "n must fit in memory"),
        (divergences.Mixture([1.0], [scipy.stats.norm()]).logpdf, ["x"], "x must be an array of numbers"),
        (laws.Pushforward, ["x", []], "law must have a method logpdf"),
        (laws.Pushforward, [scipy.stats.norm(), [float]], "branches must be a list of pairs"),
        (nn.critics.GroupSort(), [torch.ones(3)], "z must be a dense real tensor whose last axis holds pairs"),
        (nn.coupling.SemidiscreteCoupling, [None, T], "fitted must be an otgen.SemidiscreteMap"),
        (nn.distributed.wasserstein_loss, [T, T, dict(group="world")], "group must be a process group"),
        (
            nn.objectives.wgan.Clipping().apply,
            [[torch.ones(2, dtype=torch.int64)]],
            "parameters must be tensors of floats",
        ),
        (networks.perceptron, [3], "sizes must hold an input and an output size"),
        (networks.perceptron, [[2, "a"]], "sizes must be a whole number"),
        (solvers.Simplex, [torch.ones(2)], "max_iter must be a whole number"),
        (otgen.Measure, [2**60], "points must fit in memory"),
        (otgen.wasserstein, [[0.0], [1.0], None, None, dict(solver=torch.eye(2))], "solver must be a name"),
        (otgen.wasserstein, [np.eye(2), np.eye(2), None, None, dict(init=np.ones((3, 2)))], "init must have shape"),
        (otgen.sinkhorn, [[0.0], [1.0], None, None, dict(epsilon=1, solver=np.ones(3))], "solver must be a name"),
        (
            otgen.sliced_wasserstein,
            [np.eye(2), np.eye(2), None, None, dict(n_projections=2**60)],
            "n_projections must fit",
        ),
        (otgen.wasserstein_batch, [np, np], "xs must be an array or a sequence"),
        (otgen.audit, [[0.0], [1.0], None, None, dict(plan=[0], value=torch.ones(2))], "value must be a real number"),
        (otgen.solve, ["problem"], "problem must be an otgen.Problem"),
        (otgen.solve, [junk.PROBLEM, "auto", dict(mass="1")], "mass must be a real number"),
        (otgen.load_proof, [3], "path must be the name of a file"),
        (otgen.transport([[1.0]]).save_proof, [3], "path must be the name of a file"),
        (junk.ENTROPIC.gradients, [np.ones(2)], "of must be one of"),
        (divergences.kl, [np, [1.0]], "p must be a rectangular array"),
        (divergences.kl, [[1.7e308, 1.7e308], [0.5, 0.5]], "p must sum to 1"),
        (divergences.Gaussian, ["abc", 1.0], "mean must be an array of numbers"),
        (divergences.Gaussian, [[0.0, 0.0], np.ones(3)], r"cov must be a number, \(2,\) or \(2, 2\)"),
        (divergences.Gaussian, [[0.0, 0.0], np.ones((2, 2))], "cov must be positive definite"),
        (divergences.Gaussian, [0.0, torch.ones(1, requires_grad=True)], "cov must not require gradients"),
        (divergences.Mixture, [None, [scipy.stats.norm()]], "weights must be an array of numbers"),
        (divergences.Mixture, [[1.0], 3], "laws must be a sequence"),
        (divergences.Mixture, [[1.0], "a"], r"laws\[0\] must be"),
        (divergences.Mixture([1.0], [scipy.stats.norm()]).rvs, [-1], "n must be a whole number"),
        (divergences.Mixture([1.0], [scipy.stats.norm()]).rvs, [1, "a"], "random_state must be a seed"),
        (laws.diracs, ["a", 1.0], "x must be an array of numbers"),
        (laws.diracs, [[0.0], [0.0, 1.0]], "x and y must have the same length"),
        (laws.translation, [None, 1.0], "draw must be a function"),
        (laws.elliptical, [[0, 0], np.eye(2), [0, 0], -np.eye(2), scipy.stats.uniform()], "scatter1 must be positive"),
        (laws.uniforms(1.0).divergence, [["kl"]], "name must be a divergence that is known"),
        (laws.uniforms(1.0).sample, [2**60], "n must fit in memory"),
        (laws.Funnels, [[[0.0]], [0.0, 1.0]], "centres and heights must be equally many"),
        (FUNNELS.w1, [0.5], "n must be a whole number"),
        (FUNNELS.gradient, [np.ones(3)], "x must have 2 coordinates"),
        (FUNNELS.critic, ["abc"], "x must be an array of numbers"),
        (nn.mmd_loss, [T, T, None, None, dict(unbiased=np.ones(2))], "unbiased must be True or False"),
        (nn.sliced_wasserstein_loss, [T, T, None, None, dict(n_projections=2**60)], "n_projections must fit"),
        (nn.coupling.pair, [T * torch.nan, T], "x0 must have data, all of it finite"),
        (nn.coupling.pair, [T, T.to("meta")], "x1 must hold numbers"),
        (nn.coupling.pair, [T, T, dict(a={1, 2})], "a must be an array of numbers"),
        (nn.critics.gradient_norms, [None, T], "critic must be a module or a function"),
        (nn.critics.gradient_norms, [torch.nn.Linear(2, 1), np.ones(2)], "points must be a tensor of floats"),
        (nn.objectives.gan.noise, [1, 1, "uniform", 3], "generator must be a torch.Generator"),
        (nn.objectives.vae.FlowPrior(2).sample, ["a"], "n must be a whole number"),
        (nn.objectives.minibatch.transport, [T, T * torch.nan], "fake must have data, all of it finite"),
        (
            nn.objectives.adversarial.discrete_penalty,
            [torch.ones(3, 1), torch.ones(1), lambda u: None],
            "kind must be a function of a tensor",
        ),
    ],
)
def test_mended(call, arguments, words):
    """Each of these once came out as an error of another library, or of no argument."""
    *given, options = arguments if isinstance(arguments[-1], dict) else [*arguments, {}]
    with pytest.raises(otgen.OtgenError, match=words):
        call(*given, **options)


# Made by otgen, not by those who use it; what critics.fit calls; and protocols, of which others make their own.
RECORDS = {
    "Audit", "BatchResult", "BiasCurve", "Bounded", "Certificate", "ConfidenceInterval", "Gradients", "HeldOut", "Neighbors", "PairwiseBounds",
    "PermutationNull", "Proof", "Result", "Status", "TestResult", "Within", "Estimate", "Pair", "EntropicPlan", "Pairing", "Sent", "CriticFit",
    "Surgery", "Quantised", "Solution", "GroupSort",
}  # fmt: skip
MADE_BY_US = {"BiasCurve.fitted", "PermutationNull.of", "Claim.checked"}
HOOKS = {"network", "optimiser", "after_step", "penalty", "slope"}
PROTOCOLS = {"Schedule", "Solver"}
OF_TORCH = {"set_extra_state"}  # which load_state_dict calls


def public_callables():
    """Each public function, class and method that takes anything, by its name."""
    for line in surface.lines():
        name, bracket, taken = line.partition("(")
        if bracket and taken not in (")", "self)", "self=None)"):
            yield name.removeprefix("otgen."), operator.attrgetter(name.removeprefix("otgen."))(otgen)


def is_tried(name, thing):
    """Whether junk is put into it, or it is not for users to call."""
    *_, owner, last = "", *name.split(".")
    if last in RECORDS | OF_TORCH or f"{owner}.{last}" in MADE_BY_US or PROTOCOLS & {owner, last}:
        return True
    if name.startswith("nn.critics.") and last in HOOKS:
        return True
    return inspect.unwrap(getattr(thing, "__func__", thing)) in TRIED


TRIED = {inspect.unwrap(getattr(call, "__func__", call)) for call, _ in CALLS.values()}


def test_all_that_is_public_is_tried():
    assert not [name for name, thing in public_callables() if not is_tried(name, thing)]


@pytest.mark.parametrize("name", CALLS)
def test_as_it_is_meant_it_goes_through(name):
    """So that what is refused is refused for what was changed."""
    call, usual = CALLS[name]
    fault = refused(call, usual)
    assert fault is None or "path" in usual, fault


def test_schedules_have_no_unit():
    """Not even beside an epsilon that is nothing to the largest cost."""
    stages = solvers.Annealing().epsilons(5e-324, 1.7e308)
    assert (stages[0], stages[-1]) == (1.7e308, 5e-324)
    assert all(one > other for one, other in itertools.pairwise(stages))


def test_epsilons_whose_products_are_no_floats_leave_an_upper_bound_of_infinity():
    """The truth is at most the mean cost, which the independent coupling has."""
    plan = otgen.sinkhorn(PLANE, PLANE + 1, epsilon=5.0)
    found = otgen.audit(PLANE, PLANE + 1, plan=plan, epsilon=1.7e308)
    assert found.lower <= ((PLANE[:, None] - PLANE - 1) ** 2).sum(-1).mean() <= found.upper


def test_of_no_sets_none_are_within():
    for none in ([], np.zeros((0, 6, 2))):
        assert otgen.within([PLANE, PLANE + 1], 1.0, none).pairs.shape == (0, 2)


def test_a_leak_would_be_seen():
    with pytest.raises(ZeroDivisionError):
        refused(lambda x: 1 / x, {"x": 0})
    assert not names_an_argument(otgen.InvalidInput("z must be 1; received 2; pass 1"), lambda x: x)


@given(st.integers(-1000, 1000))
@example(1020)
@example(-1020)
def test_neighbours_have_no_unit(exponent):
    """Not even one whose squares are beyond floats."""
    x, y = np.random.default_rng(0).normal(size=(2, 40))
    plain = divergences.kl_samples(x, y).value
    assert divergences.kl_samples(np.ldexp(x, exponent), np.ldexp(y, exponent)).value == pytest.approx(plain, rel=1e-9)


@pytest.mark.parametrize("epsilon", [5e-324, 1e-200, 1.7e308])
def test_entropic_gaussians_of_any_strength(epsilon):
    """At 0 the cost is that of the unregularised plan, at infinity that of the independent one."""
    one, other = divergences.Gaussian([0.0, 0.0], np.diag([1.0, 4.0])), divergences.Gaussian([1.0, 0.0], np.eye(2))
    truth = 2.0 if epsilon < 1 else 8.0
    assert laws.entropic_gaussians(one, other, epsilon) == pytest.approx(truth, rel=1e-12)
