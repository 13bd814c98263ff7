"""The proven interval at iteration limits, until it closes."""

import matplotlib.pyplot as plt
import numpy as np

import otgen
from otgen.solvers import Simplex

rng = np.random.default_rng(0)
x, y = rng.normal(size=(300, 2)), rng.normal(size=(300, 2)) * [0.4, 1.2] + [4, 0]
exact = otgen.wasserstein(x, y)
limits = np.unique(np.geomspace(1, exact.iterations, 24).astype(int))
runs = [otgen.wasserstein(x, y, solver=Simplex(max_iter=int(k)), throw=False) for k in limits]

figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
axes.fill_between(limits, [r.lower for r in runs], [r.upper for r in runs], alpha=0.3, label="proven interval")
axes.plot(limits, [r.upper for r in runs], color="C0", lw=1)
axes.plot(limits, [r.lower for r in runs], color="C0", lw=1)
axes.axhline(exact.value, color="0.2", lw=1, ls="--", label="the distance")
axes.set(xscale="log", xlabel="pivots allowed", ylabel="$W_2$")
axes.legend(frameon=False)
