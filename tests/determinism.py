"""Calls whose answers are to be the same to the last bit, and their bits."""

import hashlib
import sys
from collections.abc import Callable

import numpy as np

import otgen
from otgen import divergences


def clouds(size: int, d: int = 2):
    """Two clouds of unlike sizes with weights that no float divides: x, y, a, b."""
    rng = np.random.default_rng(size)
    x, y = rng.normal(size=(size, d)), rng.normal(0.5, 1.2, (size + size // 7, d))
    a, b = rng.uniform(0.5, 1.5, len(x)), rng.uniform(0.5, 1.5, len(y))
    return x, y, a / a.sum(), b / b.sum()


def _of(result):
    return result.value, result.lower, result.upper, *(result.potentials or ())


def _plan(result):
    return *_of(result), result.plan.rows, result.plan.columns, result.plan.values


def _line(z):
    return np.asarray(z, float)[:, 0]


def _stack(z):
    """Four clouds of one size."""
    return [np.asarray(z, float)[k::4][: len(z) // 4] for k in range(4)]


def _learned(name, x, y, **options):
    """A loss and its gradients; torch is loaded for these alone."""
    import torch

    loss = getattr(otgen.nn, name)
    if options.pop("directed", False):
        options["directions"] = torch.tensor(np.random.default_rng(3).normal(size=(20, 2)))
    x, y = (torch.tensor(np.array(z, float)).requires_grad_() for z in (x, y))
    value = loss(x, y, **options)
    value.backward()
    return value.detach(), x.grad, y.grad


def _of_costs(name, x, y, **options):
    import torch

    return getattr(otgen.nn, name)(torch.tensor(_costs(x, y)), **options)


Call = Callable[..., object]
WEIGHTED: dict[str, Call] = {
    "wasserstein": lambda x, y, a, b: _plan(otgen.wasserstein(x, y, a, b, normalize=True)),
    "wasserstein, p=1": lambda x, y, a, b: _plan(otgen.wasserstein(x, y, a, b, p=1, normalize=True)),
    "wasserstein, p=inf": lambda x, y, a, b: _of(otgen.wasserstein(x, y, a, b, p=np.inf, normalize=True)),
    "partial_wasserstein": lambda x, y, a, b: _plan(otgen.partial_wasserstein(x, y, a, b, penalty=0.3)),
    "sinkhorn": lambda x, y, a, b: _of(otgen.sinkhorn(x, y, a, b, epsilon=0.5, normalize=True)),
    "sinkhorn_divergence": lambda x, y, a, b: _of(
        otgen.sinkhorn_divergence(x, y, a, b, epsilon=0.5, tol=1e-3, normalize=True)
    ),
    "sliced_wasserstein": lambda x, y, a, b: (
        otgen.sliced_wasserstein(x, y, a, b, n_projections=20, rng=1, normalize=True).value
    ),
    "max_sliced_wasserstein": lambda x, y, a, b: _of(otgen.max_sliced_wasserstein(x, y, rng=1, throw=False))[:3],
    "gradients": lambda x, y, a, b: tuple(
        np.asarray(part) for part in _gradients(otgen.wasserstein(x, y, a, b, normalize=True))
    ),
    "entropic gradients": lambda x, y, a, b: tuple(
        np.asarray(part) for part in _gradients(otgen.sinkhorn(x, y, a, b, epsilon=0.5, normalize=True))
    ),
    "audit": lambda x, y, a, b: _audited(otgen.audit(x, y, a, b, potentials=_zeros(x, y), normalize=True)),
}
PLAIN: dict[str, Call] = {
    "wasserstein on the line": lambda x, y: _of(otgen.wasserstein(_line(x), _line(y), p=3)),
    "in sixteen dimensions": lambda x, y: _of(otgen.wasserstein(_wide(x), _wide(y))),
    "sinkhorn in sixteen dimensions": lambda x, y: _of(otgen.sinkhorn(_wide(x), _wide(y), epsilon=5.0, tol=1e-3)),
    "transport": lambda x, y: _plan(otgen.transport(_costs(x, y))),
    "entropic transport": lambda x, y: _of(otgen.transport(_costs(x, y), epsilon=0.5)),
    "wasserstein_batch": lambda x, y: otgen.wasserstein_batch(_stack(x), _stack(y)).value,
    "sinkhorn_batch": lambda x, y: otgen.sinkhorn_batch(_stack(x), _stack(y), epsilon=0.5).value,
    "sinkhorn_divergence_batch": lambda x, y: otgen.sinkhorn_divergence_batch(_stack(x), _stack(y), epsilon=0.5).value,
    "transport_batch": lambda x, y: otgen.transport_batch([_costs(x, y)[:20, :20]] * 3).value,
    "pairwise": lambda x, y: otgen.pairwise(_stack(x), _stack(y), n_jobs=1),
    "bounds of all pairs": lambda x, y: otgen.pairwise(_stack(x), bounds=True, n_jobs=1).lower,
    "neighbors": lambda x, y: otgen.neighbors(_stack(x), _stack(y), k=2).indices,
    "within": lambda x, y: otgen.within(_stack(x), 1.0, _stack(y)).pairs,
    "two_sample_test": lambda x, y: otgen.two_sample_test(x, y, distance="energy", n_permutations=19, rng=2).p_value,
    "an exact test": lambda x, y: _tested(otgen.two_sample_test(x, y, n_permutations=19, rng=2)),
    "an MMD test": lambda x, y: _tested(otgen.two_sample_test(x, y, distance="mmd", n_permutations=19, rng=2)),
    "permutation_null": lambda x, y: otgen.permutation_null(x, y, rng=4, n_permutations=3).values,
    "confidence_interval": lambda x, y: otgen.confidence_interval(_line(x), _line(y), n_subsamples=20, rng=4).upper,
    "semidiscrete": lambda x, y: (
        otgen.semidiscrete("gaussian", np.asarray(y)[:9], rng=5, tol=0.2, throw=False).potential
    ),
    "kl_samples": lambda x, y: divergences.kl_samples(x, y, rng=6).value,
    "js_samples": lambda x, y: divergences.js_samples(x, y, rng=6).value,
    "tv_samples": lambda x, y: divergences.tv_samples(x, y, rng=6).value,
    "on a circle": lambda x, y: _plan(otgen.wasserstein(_line(x), _line(y), metric=otgen.Circular(3.0))),
    "relaxed sinkhorn": lambda x, y: _of(otgen.sinkhorn(x, y, epsilon=0.5, relax=1.0)),
    "bures_wasserstein": lambda x, y: otgen.bures_wasserstein(*_moments(x), *_moments(y)),
    "bias_curve": lambda x, y: otgen.bias_curve(x, y, n_groups=3, rng=7).values,
    "chance": lambda x, y: otgen.wasserstein(x, y).chance(3, rng=8).values,
    "held_out": lambda x, y: (
        otgen.semidiscrete("gaussian", np.asarray(y)[:9], rng=5, tol=0.2, throw=False).held_out(n=200, rng=9).upper
    ),
    "PairwiseWasserstein": lambda x, y: otgen.estimators.PairwiseWasserstein(
        "sliced_wasserstein", n_jobs=1, random_state=0
    ).fit_transform(_stack(x)),
    "OTMapper": lambda x, y: otgen.estimators.OTMapper().fit(x, y).transform(x),
}
LOSSES: dict[str, Call] = {
    "wasserstein_loss": lambda x, y: _learned("wasserstein_loss", x, y),
    "sinkhorn_loss": lambda x, y: _learned("sinkhorn_loss", x, y, epsilon=0.5, tol=1e-3),
    "sliced_wasserstein_loss": lambda x, y: _learned("sliced_wasserstein_loss", x, y, directed=True),
    "mmd_loss": lambda x, y: _learned("mmd_loss", x, y),
    "transport_loss": lambda x, y: _of_costs("transport_loss", x, y),
    "entropic_plan": lambda x, y: _of_costs("entropic_plan", x, y, epsilon=0.5).plan,
    "coupling.pair": lambda x, y: _paired(x, y),
    "critics.fit": lambda x, y: _fitted(otgen.nn.critics.fit(x, y, steps=3, batch_size=16, rng=10, prove=False)),
}


def _paired(x, y):
    import torch

    x, y = (torch.tensor(np.array(z, float))[:40] for z in (x, y))
    found = otgen.nn.coupling.pair(x, y, rng=11)
    return found.x0, found.x1


def _fitted(found):
    return found.estimate, found.lower, found.batch_lower, found.history["difference"]


def _moments(z):
    z = np.asarray(z, float)
    return z.mean(0), np.cov(z.T)


def _wide(z):
    """In sixteen dimensions, where matrix products take the place of cells."""
    z = np.asarray(z, float)
    return np.hstack([np.cos((k + 1) * z) for k in range(8)])


def _costs(x, y):
    x, y = (np.asarray(z, float) for z in (x, y))
    return ((x[:, None, 0] - y[None, :, 0]) ** 2) + (x[:, None, 1] - y[None, :, 1]) ** 2


def _zeros(x, y):
    return np.zeros(len(x)), np.zeros(len(y))


def _audited(told):
    return told.lower, told.upper


def _gradients(result):
    found = result.gradients()
    return found.x, found.y, found.a, found.b


def _tested(found):
    return found.p_value, found.observed


def bits(answer) -> str:
    """A digest of every bit of nested numbers and arrays."""
    digest = hashlib.sha256()
    _fed(digest, answer)
    return digest.hexdigest()


def _fed(digest, part):
    if isinstance(part, tuple | list):
        for one in part:
            _fed(digest, one)
    else:
        array = np.ascontiguousarray(part.detach() if hasattr(part, "detach") else part)
        assert array.dtype != object, part
        digest.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())


def called(name: str, size: int) -> str:
    """The bits of a call by its name."""
    x, y, a, b = clouds(size)
    return bits(WEIGHTED[name](x, y, a, b) if name in WEIGHTED else {**PLAIN, **LOSSES}[name](x, y))


NAMES = [*WEIGHTED, *PLAIN, *LOSSES]

if __name__ == "__main__":  # in a process of its own
    for given in sys.argv[2:]:
        print(called(given, int(sys.argv[1])))
