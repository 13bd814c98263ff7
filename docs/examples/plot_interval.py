"""
A distance and its proof
========================

Two clouds, the plan between them, and how the proven interval closes as the simplex works.
"""

import matplotlib.pyplot as plt
import numpy as np

import otgen
from otgen.solvers import Simplex

rng = np.random.default_rng(0)
x = rng.normal(size=(60, 2))
y = rng.normal(size=(60, 2)) * [0.4, 1.2] + [4, 0]
result = otgen.wasserstein(x, y)
print(result)

# %%
# The plan is an operator; as a permutation it can be drawn. At any iteration limit the interval holds the truth.

limits = [10, 20, 40, 80, 160, 320]
runs = [otgen.wasserstein(x, y, solver=Simplex(max_iter=k), throw=False) for k in limits]

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for i, j in enumerate(result.plan.permutation):
    left.plot(*zip(x[i], y[j]), color="0.7", lw=0.8, zorder=1)
left.scatter(*x.T, label="source", zorder=2)
left.scatter(*y.T, marker="^", label="target", zorder=2)
left.legend(frameon=False)
left.set_title("what goes where")
right.fill_between(limits, [r.lower for r in runs], [r.upper for r in runs], alpha=0.3, label="proven interval")
right.axhline(result.value, color="0.3", lw=1, label="W₂")
right.set(xscale="log", xlabel="pivots", title="the interval at an iteration limit")
right.legend(frameon=False)
plt.show()
