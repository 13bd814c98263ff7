"""What other libraries call their functions, for those who ask for them here."""

from __future__ import annotations

from typing import Final

_DISTANCE = "call otgen.wasserstein(x, y, p=1).value"
_ABSENT = "there is none here, but in POT (pythonot.github.io) and OTT-JAX (ott-jax.readthedocs.io)"
_REMEDIES: Final = {
    "emd": "call otgen.transport(C, a, b).plan, or otgen.wasserstein(x, y, a, b).plan",
    "emd2": "call otgen.transport(C, a, b).value, or otgen.wasserstein(x, y, a, b).cost",
    **dict.fromkeys(("emd2_1d", "emd_samples", "wasserstein_1d", "wasserstein_distance", "wasserstein_distance_nd"), _DISTANCE),
    "wasserstein_circle": "call otgen.wasserstein(x, y, metric=otgen.Circular(1.0)).value",
    "linear_sum_assignment": "call otgen.transport(C).plan",
    "sinkhorn2": "call otgen.sinkhorn(x, y, epsilon=...).value, or otgen.transport(C, a, b, epsilon=...).value",
    "sinkhorn_unbalanced": "call otgen.sinkhorn(x, y, epsilon=..., relax=...)",
    "empirical_sinkhorn_divergence": "call otgen.sinkhorn_divergence(x, y, epsilon=...).value",
    "sliced_wasserstein_distance": "call otgen.sliced_wasserstein(x, y).value",
    "max_sliced_wasserstein_distance": "call otgen.max_sliced_wasserstein(x, y).value",
    "SamplesLoss": "use otgen.nn.SinkhornLoss(epsilon=...)",
    "dist": "pass points and metric= to otgen.wasserstein",
    **dict.fromkeys(("kl", "kl_div", "js", "jensenshannon", "tv"), "look into otgen.divergences"),
    **dict.fromkeys(("fid", "frechet_distance"), "call otgen.bures_wasserstein(mean0, cov0, mean1, cov1), whose square it is"),
    **dict.fromkeys(("mmd", "mmd_loss", "MMDLoss"), "use otgen.nn.MMDLoss()"),
    **dict.fromkeys(("SinkhornLoss", "WassersteinLoss", "SlicedWassersteinLoss", "TransportLoss"), "look into otgen.nn"),
    **dict.fromkeys(("gromov", "gromov_wasserstein", "gromov_wasserstein2", "fused_gromov_wasserstein", "barycenter"), _ABSENT),
}  # fmt: skip


def no_attribute(name: str) -> AttributeError:
    """The error for a name that otgen does not have, which says what stands in for one of other libraries.

    Examples
    --------
    >>> print(no_attribute("emd2"))
    module 'otgen' has no attribute 'emd2'; call otgen.transport(C, a, b).value, or otgen.wasserstein(x, y, a, b).cost
    >>> print(no_attribute("emd3"))
    module 'otgen' has no attribute 'emd3'
    """
    remedy = _REMEDIES.get(name)
    return AttributeError(f"module 'otgen' has no attribute {name!r}{'' if remedy is None else f'; {remedy}'}")
