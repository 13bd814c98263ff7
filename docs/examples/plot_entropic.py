"""
What epsilon costs
==================

The entropic value and the proven interval for the exact cost, as the regularisation fades.
"""

import matplotlib.pyplot as plt
import numpy as np

import otgen

rng = np.random.default_rng(0)
x, y = rng.random((80, 2)), rng.random((100, 2)) + [0.5, 0]
exact = otgen.wasserstein(x, y).cost
epsilons = np.geomspace(1, 1e-2, 9)
runs = [otgen.sinkhorn(x, y, epsilon=e, max_iter=50_000) for e in epsilons]

fig, axes = plt.subplots(figsize=(6, 4), layout="constrained")
axes.plot(epsilons, [r.value for r in runs], "o-", label="entropic value")
axes.fill_between(
    epsilons, *zip(*[r.exact_bounds for r in runs]), alpha=0.3, label="proven interval for the exact cost"
)
axes.axhline(exact, color="0.3", lw=1, label="exact cost")
axes.set(xscale="log", xlabel="epsilon", ylabel="cost")
axes.legend(frameon=False)
plt.show()
