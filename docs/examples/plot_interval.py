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
y = rng.normal(size=(80, 2)) * [0.4, 1.2] + [4, 0]
result = otgen.wasserstein(x, y)
print(result)

# %%
# At any iteration limit the interval holds the truth, so of several runs the best ends are proven as well. With the last
# pivot both ends meet, to 15 digits.

limits = np.unique(np.geomspace(5, result.iterations, 40).round().astype(int))
runs = [otgen.wasserstein(x, y, solver=Simplex(max_iter=int(k)), throw=False) for k in limits]
lower = np.maximum.accumulate([run.lower for run in runs])
upper = np.minimum.accumulate([run.upper for run in runs])
pivots = [run.iterations for run in runs]
print(f"after {pivots[0]} pivots {upper[0] - lower[0]:.2g} wide")
print(f"after {pivots[-1]} pivots {upper[-1] - lower[-1]:.2g} wide")

# %%
# The plan is an operator; where it is exact, it lists the pairs that mass moves between.

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for i, j in zip(result.plan.rows, result.plan.columns):
    left.plot(*zip(x[i], y[j]), color="0.7", lw=0.8, zorder=1)
left.scatter(*x.T, label="source", zorder=2)
left.scatter(*y.T, marker="^", label="target", zorder=2)
left.legend(frameon=False)
left.set_title("what goes where")
right.fill_between(pivots, lower, upper, alpha=0.3, label="proven interval")
right.plot(pivots, lower, "C0", pivots, upper, "C0", lw=1)
right.axhline(result.value, color="0.3", lw=1, ls="--", label="W₂")
right.set(xscale="log", xlabel="pivots", title="the interval closes")
right.legend(frameon=False)
plt.show()
