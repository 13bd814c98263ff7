"""Plans on a line: exact, and at two strengths of the entropic term."""

import matplotlib.pyplot as plt
import numpy as np

import otgen

rng = np.random.default_rng(0)
x, y = np.sort(rng.normal(size=80)), np.sort(np.concatenate([rng.normal(-2, 0.5, 40), rng.normal(2, 0.7, 40)]))
plans = {"exact": otgen.wasserstein(x, y).plan}
for fraction in (0.01, 0.2):
    plans[f"epsilon: {fraction:.0%} of the mean cost"] = otgen.sinkhorn(x, y, epsilon=otgen.Relative(fraction)).plan

figure, panels = plt.subplots(1, 3, figsize=(9.5, 3.4), layout="constrained")
for (title, plan), axes in zip(plans.items(), panels, strict=True):
    dense = plan.todense()
    axes.imshow(dense / dense.max(), cmap="Blues", vmin=0, vmax=0.8, origin="lower")
    axes.set(title=title, xlabel="target, in order", xticks=[], yticks=[])
panels[0].set_ylabel("source, in order")
