"""Two clouds and their plan; on a line, the k-th goes to the k-th."""

import matplotlib.pyplot as plt
import numpy as np

import otgen

rng = np.random.default_rng(1)
x, y = rng.normal(size=(40, 2)), rng.normal(size=(40, 2)) * [0.5, 1.2] + [4, 0]
partner = otgen.wasserstein(x, y).plan.permutation

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for start, end in zip(x, y[partner], strict=True):
    left.plot(*zip(start, end, strict=True), color="0.75", lw=0.8, zorder=1)
left.scatter(*x.T, s=18, zorder=2, label="source")
left.scatter(*y.T, s=22, marker="^", zorder=2, label="target")
left.legend(frameon=False)
left.set(title="in the plane", xticks=[], yticks=[])

u, v = rng.normal(size=18), 2.5 + rng.gamma(2, 0.8, size=18)
for start, end in zip(u, v[otgen.wasserstein(u, v).plan.permutation], strict=True):
    right.plot([start, end], [1, 0], color="0.75", lw=0.8, zorder=1)
right.scatter(u, np.ones_like(u), s=18, zorder=2)
right.scatter(v, np.zeros_like(v), s=22, marker="^", zorder=2)
right.set(title="on a line: no lines cross", yticks=[0, 1], yticklabels=["target", "source"], ylim=(-0.2, 1.2))
