"""What users pass by mistake is refused by an error of ours that names an argument: no error of numpy, scipy or torch comes through."""

import inspect
import re
import warnings

import junk
import messages
import numpy as np
import pytest
import scipy.stats
import torch
from chosen import few
from hypothesis import example, given
from hypothesis import strategies as st

import otgen
from otgen import divergences, laws, nn, solvers

CALLS = {**junk.DISTANCES, **junk.DIVERGENCES, **junk.LAWS, **junk.LOSSES, **junk.OBJECTIVES, **junk.CRITICS}
ENDLESS = {
    "steps",
    "width",
    "depth",
    "layers",
    "batch_size",
    "n_projections",
}  # numbers that are only large are taken at their word


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
    return None


def names_an_argument(fault, call):
    if isinstance(fault, otgen.NotConverged | otgen.Infeasible) or "a Result must not be" in str(fault):
        return True
    rule = messages.RULE.fullmatch(str(fault))[1]
    names = {*inspect.signature(call).parameters, "solver.solve", "critic"}
    return any(re.search(rf"\b{re.escape(name.removesuffix('s'))}s?\b", rule) for name in names)


def tried(name, changed):
    """One call with some arguments changed."""
    call, usual = CALLS[name]
    fault = refused(call, {**usual, **changed})
    assert fault is None or (not messages.amiss(fault) and names_an_argument(fault, call)), fault


def theirs(name, argument, what):
    """Whether a piece of junk is a function, whose errors are its author's, or a number that is only large."""
    called = argument in ("critic", "network", "kind", "x", "y") and what in (
        "a class",
        "the class of a law",
        "no frozen law",
    )
    own = (name, argument) in {
        ("critics.gradient_norms", "points"),
        ("wgan.gradient_penalty", "real"),
    }  # the network says what it takes
    own = own or (name == "adversarial.latent_penalty" and what == "a meta tensor")  # the words are those of mmd_loss
    words = name == "Measure" and argument in ("name", "weights_name")
    return called or own or words or (argument in ENDLESS and what == "a large integer")


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


FUNNELS = laws.Funnels([[0.0, 0.0]], [0.0])
T = torch.zeros(3, 2)


@pytest.mark.parametrize(
    ("call", "arguments", "words"),
    [
        (otgen.Relative, [np.complex128(0.5 + 1j)], "fraction must be a real number"),
        (solvers.Simplex, [np.ones(3)], "max_iter must be a whole number"),
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
