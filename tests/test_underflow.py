"""Whatever numpy's errstate is outside: small calls of all kinds, with tiny scales and faint weights, end alike to the last bit."""

import numpy as np
import pytest
import torch
from chosen import few
from hypothesis import given
from hypothesis import strategies as st

import otgen

SHARE, SMALL = otgen.Relative(0.1), otgen.Relative(0.001)
CALLS = {
    "line": lambda x, y, a, b: otgen.wasserstein(x[:, 0], y[:, 0], a, b, p=1, normalize=True),
    "steep line": lambda x, y, a, b: otgen.wasserstein(x[:, 0], y[:, 0], a, b, p=90, normalize=True),
    "plane": lambda x, y, a, b: otgen.wasserstein(x, y, a, b, normalize=True),
    "simplex": lambda x, y, a, b: otgen.wasserstein(x, y, a, b, normalize=True, solver="simplex"),
    "steep": lambda x, y, a, b: otgen.wasserstein(x, y, a, b, p=300, normalize=True),
    "bottleneck": lambda x, y, a, b: otgen.wasserstein(x, y, a, b, p=np.inf, normalize=True),
    "circle": lambda x, y, a, b: otgen.wasserstein(
        x[:, 0], y[:, 0], a, b, normalize=True, metric=otgen.Circular(float(8 * np.abs(x).max()))
    ),
    "listed": lambda x, y, a, b: otgen.transport(squares(x, y), a, b, normalize=True),
    "listed in part": lambda x, y, a, b: otgen.transport(squares(x, y), a, b, mass=0.5 * min(a.sum(), b.sum())),
    "in part": lambda x, y, a, b: otgen.partial_wasserstein(x, y, a, b, mass=0.5 * min(a.sum(), b.sum())),
    "nothing": lambda x, y, a, b: otgen.partial_wasserstein(x, y, a, b, mass=0),
    "at a price": lambda x, y, a, b: otgen.partial_wasserstein(x, y, a, b, penalty=float(squares(x, y).max()) / 4),
    "entropic": lambda x, y, a, b: otgen.sinkhorn(x, y, a, b, epsilon=SHARE, normalize=True, throw=False),
    "hardly": lambda x, y, a, b: otgen.sinkhorn(x, y, a, b, epsilon=SMALL, normalize=True, throw=False, max_iter=50),
    "relaxed": lambda x, y, a, b: otgen.sinkhorn(
        x, y, a, b, epsilon=SHARE, relax=float(squares(x, y).max()), throw=False, max_iter=50
    ),
    "divergence": lambda x, y, a, b: otgen.sinkhorn_divergence(
        x, y, a, b, epsilon=SHARE, normalize=True, throw=False, max_iter=50
    ),
    "sliced": lambda x, y, a, b: otgen.sliced_wasserstein(x, y, a, b, p=30, n_projections=5, rng=0, normalize=True),
    "max-sliced": lambda x, y, a, b: otgen.max_sliced_wasserstein(
        x, y, a, b, p=3, rng=0, normalize=True, throw=False, max_iter=20
    ),
    "batch": lambda x, y, a, b: otgen.wasserstein_batch(x[None], y[None], a, b, normalize=True)[0],
    "entropic batch": lambda x, y, a, b: otgen.sinkhorn_batch(
        x[None], y[None], a, b, epsilon=SHARE, normalize=True, throw=False
    )[0],
}
PARTS = {
    "numbers": lambda r: [r.value, r.lower, r.upper, r.cost, r.cost_lower, r.cost_upper, r.exact_bounds],
    "potentials": lambda r: r.potentials,
    "plan": lambda r: r.plan and [r.plan.todense(), r.plan.marginals(), r.plan @ np.ones(r.plan.shape[1])],
    "gradients": lambda r: [(z.x, z.y, z.a, z.b) for z in [r.gradients()]],
    "vjp": lambda r: [(z.x, z.y, z.a, z.b) for z in [r.vjp(np.ones(5))]],
}
OTHERS = {
    "pairwise": lambda x, y, a, b: otgen.pairwise([x, y, x + y[:1]]),
    "neighbors": lambda x, y, a, b: otgen.neighbors([x], [y, x + y[:1]], k=1).indices,
    "within": lambda x, y, a, b: repr(otgen.within([x, y, x + y[:1]], radius=float(np.abs(x).max()))),
    "gaussians": lambda x, y, a, b: float(
        otgen.bures_wasserstein(x[0], np.diag(np.abs(x[1])), y[0], np.diag(np.abs(y[1])))
    ),
    "divergence of laws": lambda x, y, a, b: str(
        otgen.divergences.kl(otgen.divergences.Gaussian(0, abs(x[0, 0])), otgen.divergences.Gaussian(0, abs(y[0, 0])))
    ),
    "losses": lambda x, y, a, b: [
        slopes(otgen.nn.wasserstein_loss, x, y),
        slopes(otgen.nn.sinkhorn_loss, x, y, epsilon=SHARE),
    ],
    "two samples": lambda x, y, a, b: otgen.two_sample_test(x, y, rng=0, n_permutations=5).p_value,
}


def slopes(loss, x, y, **options):
    """A loss and its gradient."""
    x = torch.tensor(x, requires_grad=True)
    value = loss(x, torch.tensor(y), **options)
    value.backward()
    return value.item(), x.grad.numpy()


def squares(x, y):
    with np.errstate(under="ignore"):
        return ((x[:, None] - y) ** 2).sum(axis=-1)


def clouds(seed, scale, faint):
    rng = np.random.default_rng(seed)
    x, y, a, b = rng.normal(size=(5, 2)) * scale, rng.normal(size=(6, 2)) * scale, rng.random(5) + 0.1, rng.random(6)
    a[1:3] = b[2:4] = faint
    return x, y, a, b + 0.1 * (b != faint)


def told(thing, *given):
    """What comes of it, as bits; or which error of the library's own."""
    try:
        found = thing(*given)
    except otgen.OtgenError as refusal:
        return str(refusal)
    return [
        repr(leaf) if isinstance(leaf, str) or leaf is None else np.asarray(leaf).tobytes() for leaf in leaves(found)
    ]


def leaves(found):
    if isinstance(found, list | tuple):
        return [leaf for part in found for leaf in leaves(part)]
    return [found]


ANYTHING = given(st.integers(0, 99), st.sampled_from([1.0, 1e-160, 1e-307]), st.sampled_from([0.0, 1e-160, 1e-310]))


@pytest.mark.no_cover
@pytest.mark.parametrize("call", CALLS)
@few(3)
@ANYTHING
def test_results(call, seed, scale, faint):
    given = clouds(seed, scale, faint)
    try:
        quiet = CALLS[call](*given)
    except otgen.OtgenError:
        return
    with np.errstate(all="raise"):
        raising = CALLS[call](*given)
    for name, part in PARTS.items():
        expected = told(part, quiet)
        with np.errstate(all="raise"):
            assert told(part, raising) == expected, name


@pytest.mark.no_cover
@pytest.mark.parametrize("call", OTHERS)
@few(3)
@ANYTHING
def test_collections(call, seed, scale, faint):
    given = clouds(seed, scale, faint)
    expected = told(OTHERS[call], *given)
    with np.errstate(all="raise"):
        assert told(OTHERS[call], *given) == expected
