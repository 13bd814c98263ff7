"""What every constructor of otgen.nn makes of options that are no numbers, no sizes, no flags: an error that says so, at once."""

from __future__ import annotations

import inspect
import math

import pytest

import otgen

torch = pytest.importorskip("torch", reason="otgen.nn needs torch")

from otgen import nn
from otgen.nn import critics, flow_matching
from otgen.nn.objectives import vae, wgan

HUGE = 1.7e308
ABSURD = {
    "nan": math.nan,
    "inf": math.inf,
    "-inf": -math.inf,
    "negative": -1,
    "negative fraction": -0.5,
    "zero": 0,
    "huge": HUGE,
    "beyond floats": 10**400,
    "beyond memory": 2**61,
    "True": True,
    "text": "a",
    "complex": 1j,
    "an object": object(),
    "a tensor of NaN": torch.tensor(math.nan),
    "two numbers": torch.ones(2),
    "requires grad": torch.tensor(1.0, requires_grad=True),
}
BUILT = {
    nn.WassersteinLoss: {},
    nn.SinkhornLoss: {"epsilon": 0.1},
    nn.SlicedWassersteinLoss: {},
    nn.MMDLoss: {},
    nn.TransportLoss: {"epsilon": 0.1},
    flow_matching.PlanSampler: {},
    critics.Cones: {},
    critics.CTransform: {},
    critics.GradientPenalty: {},
    critics.OneSidedPenalty: {},
    critics.Orthogonal: {},
    critics.SpectralNormalisation: {},
    critics.WeightClipping: {},
    wgan.Clipping: {},
    vae.FlowPrior: {"dim": 2},
}
FLAGS = {"root", "debias", "throw", "unbiased", "normalize_cost"}
LARGE = frozenset({"huge", "beyond memory"})
# What is a number of the kind that is asked for, however odd; sizes of networks meet memory when data are seen.
TAKEN = {
    **dict.fromkeys(FLAGS, frozenset({"True"})),
    **dict.fromkeys(("epsilon", "tol", "scale", "reg", "reg_m"), LARGE),
    "relax": LARGE | {"inf"},
    **dict.fromkeys(("learning_rate", "weight", "limit"), LARGE - {"huge"}),
    **dict.fromkeys(("max_iter", "n_projections", "critic_steps"), LARGE - {"huge"}),
    **dict.fromkeys(("width", "depth", "cones", "planes", "points"), LARGE - {"huge"}),
    "rng": frozenset({"zero", "beyond floats", "beyond memory"}),
}
CASES = [(kind, name) for kind in BUILT for name in inspect.signature(kind).parameters]


@pytest.mark.parametrize(("kind", "name"), CASES, ids=lambda z: z if isinstance(z, str) else z.__name__)
def test_is_refused_when_it_is_built(kind, name):
    taken = frozenset() if kind is vae.FlowPrior else TAKEN.get(name, frozenset())  # its weights are made at once
    if (kind, name) == (nn.TransportLoss, "epsilon"):
        taken = taken | {"zero"}
    for what, value in ABSURD.items():
        if what in taken:
            kind(**BUILT[kind] | {name: value})
            continue
        with pytest.raises((otgen.InvalidInput, otgen.TooLarge)) as refused:
            kind(**BUILT[kind] | {name: value})
        said, _, received = str(refused.value).partition("; received ")
        assert name in said, (what, said)
        assert received, (what, said)
        assert ";" in received, (what, received)
