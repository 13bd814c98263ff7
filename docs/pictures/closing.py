"""What is proven at iteration limits, until the interval closes."""

import matplotlib.pyplot as plt
import numpy as np

import otgen
from otgen.solvers import Simplex

rng = np.random.default_rng(0)
x, y = rng.normal(size=(60, 2)), rng.normal(size=(80, 2)) * [0.4, 1.2] + [4, 0]
exact = otgen.wasserstein(x, y)
limits = np.unique(np.geomspace(5, exact.iterations, 40).round().astype(int))
runs = [otgen.wasserstein(x, y, solver=Simplex(max_iter=int(k)), throw=False) for k in limits]
used = [run.iterations for run in runs]
lower, upper = np.maximum.accumulate([r.lower for r in runs]), np.minimum.accumulate([r.upper for r in runs])

figure, (ends, width) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
ends.fill_between(used, lower, upper, alpha=0.3, label="proven interval")
ends.plot(used, lower, "C0", used, upper, "C0", lw=1)
ends.axhline(exact.value, color="0.2", lw=1, ls="--", label="the distance")
ends.set(xscale="log", xlabel="pivots", title="its ends")
ends.legend(frameon=False)
width.loglog(used, upper - lower, "o-", ms=3)
width.set(xlabel="pivots", title="its width")
