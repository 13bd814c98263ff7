"""Fitting a critic, and what it proves about W_1."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import Module

from ...distances.exact import wasserstein
from ...errors import InvalidInput, warn
from ...inputs import arrays, numerals, scalars, sizes, tables
from ...inputs.types import Floats
from ...kernels.duplicates import unique_points
from ...model.cost import PointCost
from .._modes import generator_from, training, usable
from .kinds import Critic, OneSidedPenalty
from .networks import InUnits, Witness, lipschitz_bound, settled
from .proving import CONFIDENCE, Sides, find_witness, proven
from .slopes import gradient_norms
from .training import MOST, Course, Sampler, fresh, train, values

_AS_GOOD = 0.95  # of the critic's gain
_HELD_OUT = 10_000  # samples that are drawn for the estimate
_PROVEN, _COORDINATES = 100_000, 4_000_000  # samples that are drawn for the proof, and numbers in them, at most
_SHARE = 0.2  # of given samples that is held out
_WATCHED = 0.1  # of given samples that decides when to stop
_FEWEST = 10  # samples a side: two of them are held out, as a standard error needs
_LOOKED_AT = 2000  # samples that are drawn, or at most taken, to decide when to stop
_FITTING = 0.8  # of the time that is given; the rest is for the proof
_PROBED = 64  # samples that are drawn to see that a sampler does not repeat itself
_WHOLE = 2**53  # floats hold all whole numbers up to here
_DEFAULT = OneSidedPenalty()


@dataclass(frozen=True, eq=False, repr=False)
class CriticFit:
    """A fitted critic.

    Parameters
    ----------
    estimate : float
        ``E f(x) - E f(y)`` of ``potential`` on samples not trained on: an estimate of W_1, not a bound.
    standard_error : float
        Of that mean.
    slope : float
        What the critic is divided by to estimate by it: the median gradient norm between held-out pairs, at least 1 for critics with a penalty; 1
        for those that are 1-Lipschitz as they are.
    lower : float
        A lower bound of the laws' W_1 at 99 % confidence, for every number of independent samples and whatever the laws: what the
        held-out means of ``witness`` prove. 0 where they prove nothing. Of one fit: the largest of k fits holds at 100 - k % only.
    witness : callable
        A bounded function that is 1-Lipschitz for certain: tensors (n, d) to (n,).
    lipschitz : float
        A certain bound on the network's Lipschitz constant.
    batch_lower, batch_exact : float
        Of the first held-out batch: its proven lower bound by this critic, and its W_1.
    potential : callable
        The function f of the estimate, tensors (n, d) to (n,): ``witness`` where it gains 95 % or more of what the critic divided by ``slope`` does, since its
        own slope is known and the critic's is a median; else that critic.
    history : dict of arrays
        ``step``, ``difference`` of the batch's means in units of the points, and ``penalty``, which stands beside that difference
        divided by the points' distance from their middle; of every hundredth step and the last.
    seconds : float
        Wall-clock time.
    """

    estimate: float
    standard_error: float
    slope: float
    lower: float
    witness: Callable[[Tensor], Tensor]
    lipschitz: float
    batch_lower: float
    batch_exact: float
    potential: Callable[[Tensor], Tensor]
    history: dict[str, Floats]
    seconds: float

    def __repr__(self) -> str:
        estimate = numerals.beside_error(self.estimate, self.standard_error)
        return (
            f"CriticFit(estimate={estimate} +- {self.standard_error:.2g}, lower={self.lower:.6g} at {100 * CONFIDENCE:g} %, "
            f"W_1 of one held-out batch {numerals.lies(self.batch_lower, self.batch_exact)}, {self.seconds:.3g} s)"
        )


def fit(
    x: Any,
    y: Any,
    critic: Critic = _DEFAULT,
    *,
    steps: int | None = None,
    batch_size: int = 1024,
    seconds: float | None = None,
    rng: Any = None,
    prove: bool = True,
    progress: bool = True,
) -> CriticFit:
    r"""Estimate :math:`W_1` by maximising :math:`E f(x) - E f(y)` over critics f.

    Parameters
    ----------
    x, y : array_like or callable
        (n, d) and (m, d) samples, at least 10 a side, of which a fifth is held out; or samplers, ``n -> (n, d)`` tensors.
        For ``lower`` rows must be independent draws: new ones at each call of a sampler (from a pool of rows they are draws
        of the pool, and what is proven is about the pool). y may have been made from x only row by row, in the same order: row i of y from
        row i of x alone. Rows of an array that occur more than once are told in a warning: ``lower`` then holds whether the law has atoms or they are copies.
    critic : Critic
        How f is kept Lipschitz.
    steps : int, optional
        Steps of the optimiser, all of which are taken. Left out, they end once the gain has stopped on further samples (a tenth of
        those given, neither trained on nor held out), and after 3000 at the latest.
    batch_size : int
        Samples of either side a step.
    seconds : float, optional
        Stop after this much time even if steps are left; the learning rate then falls with the time spent. A fifth of it is for the proof.
    rng : seed or Generator, optional
        For initial weights and batches, of numpy's or torch's; left out, ``torch.manual_seed`` decides. Samplers have their own.
    prove : bool
        Whether to look for a witness beyond the critic itself, which takes up to 1300 steps of its own, on smaller batches; ``lower`` of a critic with a penalty
        is next to 0 without.
    progress : bool
        Whether to tell the step and the difference of means on stderr, where that is a terminal.

    Returns
    -------
    CriticFit

    Raises
    ------
    InvalidInput
        On malformed samples or options.

    Notes
    -----
    It trains in single precision with gradients on, whether called under ``no_grad``, in inference mode or inside autocast.

    How long it takes, as measured on one core of a server: 25 ms for a step of the default critic on batches of 1024 in up to 50
    dimensions, 75 ms in 784. Between laws of 2 to 16 dimensions (translations, a ring, funnels) the gain stopped after 500 to 1000
    steps, so 10 to 30 s by default, with estimates as good as after 3000 steps, which take 75 s. The proof may take as long again (21 to 30 s on a busy
    machine after 800 steps or more). ``seconds`` sets a limit to both.

    References
    ----------
    Arjovsky, Chintala, Bottou, "Wasserstein GAN", 2017, equation (2); "UL: GANs & VAEs", the part on Wasserstein GANs.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.random.default_rng(0).normal(size=(2, 500, 2))
    >>> found = fit(x, y + [1.0, 0.0], steps=50, rng=0)
    >>> found.batch_lower <= found.batch_exact
    True
    """
    began, progress, prove = time.perf_counter(), scalars.flag(progress, "progress"), scalars.flag(prove, "prove")
    if not isinstance(critic, Critic):
        raise InvalidInput(
            f"critic must be one of otgen.nn.critics, such as OneSidedPenalty(); received {scalars.told(critic)}; pass an instance of one"
        )
    limited = steps is not None
    steps, batch_size = scalars.count(steps if limited else MOST, "steps"), scalars.count(batch_size, "batch_size")
    limit = math.inf if seconds is None else scalars.positive(seconds, "seconds", "leave it out for no limit")
    generator = generator_from(rng)
    tables.same_columns(x, y)
    if not callable(x) and not callable(y):
        sizes.same_dimension(sizes.dimension_of(x), sizes.dimension_of(y))
    with training():
        orders: dict[int, Tensor] = {}
        sources = [
            _source(z, name, generator, orders, batch_size, watching=not limited) for z, name in ((x, "x"), (y, "y"))
        ]
        held_x, held_y = (source.held for source in sources)
        sizes.same_dimension(held_x.shape[1], held_y.shape[1])
        draw_x, draw_y = (source.draw for source in sources)
        size = max(batch_size, critic.held)
        network = fresh(critic, draw_x(size), draw_y(size), generator)
        watched = None if limited else (sources[0].watched, sources[1].watched)
        course = Course(steps, batch_size, limit * (_FITTING if prove else 1), watched, progress)
        history = train(network, critic, draw_x, draw_y, generator, course)
        network.eval()
        if not all(weight.isfinite().all() for weight in network.parameters()):
            raise InvalidInput(
                "critic must stay finite while it is trained; received weights that did not; use a lower learning_rate"
            )
        found = _judge_critic(network, critic, held_x, held_y, batch_size, generator)
        taken = 1 + int(history["step"].max(initial=0.0))
        seen = (source.watched if len(source.watched) else source.draw(_LOOKED_AT) for source in sources)
        apart = all(source.endless or len(source.watched) for source in sources)
        rest = Course(taken, batch_size, limit - (time.perf_counter() - began)) if prove else None
        witness = find_witness(network, Sides(draw_x, draw_y, *seen, apart=apart), generator, rest)
        f, g = (_held_values(witness, source, taken * batch_size) for source in sources)
        settled(network)
    lower = min(proven(witness, f, g), proven(witness, *(z[source.single] for source, z in zip(sources, (f, g)))))
    spent = time.perf_counter() - began
    if prove and float(f.mean() - g.mean()) >= _AS_GOOD * found["estimate"]:
        found |= _estimated(witness, f, g)
    return CriticFit(**found, lower=lower, witness=witness, history=history, seconds=spent)


class _Source(NamedTuple):
    """A way to draw samples to train on, those that are held out for the estimate, and those that decide when to stop."""

    draw: Sampler
    held: Tensor
    watched: Tensor
    endless: bool
    single: Any = slice(None)  # which of the rows that are held out occur once only


def _source(
    given: Any, name: str, generator: Generator, orders: dict[int, Tensor], batch_size: int, *, watching: bool
) -> _Source:
    """Samples or a sampler, taken apart.

    ``orders`` are those in which samples are held out, by their number: one for x and y of equal length. Where y was made from x row by row
    (a generator's output beside its input, antithetic draws) the mate of a row that is held out is then held out as well, and not trained on.
    """
    if callable(given):

        def checked(n: int) -> Tensor:
            sample = given(n)
            if not isinstance(sample, Tensor) or sample.ndim != 2 or len(sample) != n or not sample.shape[1]:
                shape = tuple(sample.shape) if isinstance(sample, Tensor) else type(sample).__name__
                raise InvalidInput(
                    f"{name} must return ({n}, d) tensors when called with {n}; received {shape}; draw as many"
                )
            return _real_sample(usable(sample.detach()), name)

        held = checked(max(_HELD_OUT, batch_size)).clone()
        _refuse_the_same_again(held, checked(_PROBED), name)
        return _Source(checked, held, checked(_LOOKED_AT) if watching else held[:0], endless=True)
    points, _ = arrays.points(given, name)
    if len(points) < _FEWEST:
        raise InvalidInput(
            f"{name} must hold at least {_FEWEST} samples: a fifth is held out, and an error bar needs two; received "
            f"{len(points)}; use otgen.wasserstein, which is exact"
        )
    where = given.device if isinstance(given, Tensor) else torch.device("cpu")
    order = orders.setdefault(len(points), torch.randperm(len(points), generator=generator, device="cpu"))
    shuffled = torch.from_numpy(np.array(points, np.float64))[order].to(where)
    held = int(_SHARE * len(points))
    watched = min(_LOOKED_AT, int(_WATCHED * len(points))) if watching else 0
    kept = shuffled[held + watched :]

    def draw(n: int) -> Tensor:
        return kept[torch.randint(len(kept), (n,), generator=generator, device="cpu").to(where)]

    single = _occurs_once(shuffled.cpu().numpy(), name, held)
    return _Source(draw, shuffled[:held], shuffled[held : held + watched], endless=False, single=single)


def _occurs_once(points: Floats, name: str, held: int) -> Any:
    """Which of the first ``held`` rows are no copies of others, which were trained on perhaps; a warning where some are.

    Rows may coincide since the law has atoms, or since they were copied. What the rows prove holds in the first case, what those that occur once
    prove in the second: the smaller of both in either. A law that is one point is told by all of them.
    """
    of = unique_points(points).of
    if not of.any():
        return slice(None)
    single = (np.bincount(of) == 1)[of[:held]]
    if not single.all():
        warn(
            f"{name} holds rows more than once, {held - single.sum()} of the {held} that are held out: where they are copies, they were trained on, the "
            f"estimate may be off by more than its error, and only rows that occur once count for lower; pass each draw once, or a sampler of a law that has atoms"
        )
    return single


def _real_sample(sample: Tensor, name: str) -> Tensor:
    """What a sampler drew, in a dtype that holds it exactly: single or double precision."""
    if sample.is_complex() or not sample.isfinite().all():
        held = "complex numbers" if sample.is_complex() else "numbers that are not finite"
        raise InvalidInput(f"{name} must return real, finite samples; received {held}; draw others")
    if sample.is_floating_point():
        return sample if sample.dtype in (torch.float32, torch.float64) else sample.float()
    if sample.dtype != torch.bool and ((sample > _WHOLE) | (sample < -_WHOLE)).any():
        raise InvalidInput(
            f"{name} must return whole numbers of at most 2**53, beyond which floats are not exact; received larger ones; "
            f"subtract their origin first"
        )
    return sample.double()


def _refuse_the_same_again(held: Tensor, again: Tensor, name: str) -> None:
    """Samples that are held out and then drawn once more prove nothing; a law that is one point is all the same."""
    if torch.equal(held[: len(again)], again) and not (again == again[0]).all():
        raise InvalidInput(
            f"{name} must draw new samples at each call, since some are held out; received the same {len(again)} twice; pass an array, or a "
            f"sampler without a seed of its own"
        )


def _judge_critic(
    network: InUnits, critic: Critic, held_x: Tensor, held_y: Tensor, batch_size: int, generator: Generator
) -> dict[str, Any]:
    """What the held-out samples say of the critic itself."""
    f, g = (values(network, z) for z in (held_x, held_y))
    slope, bound = _slope(network, critic, held_x, held_y, generator), lipschitz_bound(network)
    size = min(batch_size, len(f), len(g))
    lower, exact = batch_bounds(f[:size], g[:size], *(z[:size].cpu().double().numpy() for z in (held_x, held_y)))
    return dict(
        **_estimated(InUnits(network.network, network.centre, float(network.unit), slope), f / slope, g / slope),
        slope=slope,
        lipschitz=bound,
        batch_lower=lower,
        batch_exact=exact,
    )


def _estimated(potential: Module, f: Floats, g: Floats) -> dict[str, Any]:
    """What values f (n,) and g (m,) of a function at held-out samples of x and y say of W_1."""
    error = math.sqrt(f.var(ddof=1) / len(f) + g.var(ddof=1) / len(g))
    return dict(estimate=float(f.mean() - g.mean()), standard_error=error, potential=potential)


def _held_values(witness: Witness, source: _Source, trained: int) -> Floats:
    """Of a witness at held-out samples: where they can be drawn, more of them, though no more than were trained on."""
    held = values(witness, source.held)
    if not source.endless:
        return held
    more = min(_PROVEN, trained, _COORDINATES // source.held.shape[1]) - len(held)
    return held if more <= 0 else np.concatenate([held, values(witness, source.draw(more))])


def _slope(network: Module, critic: Critic, x: Tensor, y: Tensor, generator: Generator) -> float:
    """What the critic is divided by, see :class:`CriticFit`."""
    size = min(len(x), len(y))
    t = torch.rand(size, 1, generator=generator, dtype=x.dtype, device="cpu").to(x.device)
    parts = [gradient_norms(network, z).detach() for z in (t * x[:size] + (1 - t) * y[:size]).split(4096)]
    return critic.slope(torch.cat(parts))


def batch_bounds(f: Floats, g: Floats, x: Floats, y: Floats) -> tuple[float, float]:
    """A lower bound of W_1 between two batches (n, d), (m, d) from critic values (n,), (m,); and W_1 itself.

    Divided by their largest slope over cross pairs, ``max (f(x_i) - f(y_j)) / |x_i - y_j|``, the values are feasible in the
    Kantorovich-Rubinstein dual. Where that slope is not positive nothing is proven but 0.
    """
    distances = PointCost(x, y, "euclidean", 1.0).block()
    rise = f[:, None] - g
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = np.where(rise > 0, rise / distances, 0.0)
    steepest = float(slopes.max()) * (1 + 1e-12)
    exact = wasserstein(x, y, p=1).value
    difference = float(f.mean() - g.mean())
    if not (math.isfinite(steepest) and steepest > 0 and difference > 0):
        return 0.0, exact
    return difference / steepest * (1 - 1e-12), exact
