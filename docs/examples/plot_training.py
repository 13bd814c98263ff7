"""
Objectives compared on modes and digits
=======================================

``otgen train METHOD --data DATA --out FOLDER`` trains a small generator by one objective, judges it against what is known
of the data, and can go on from its checkpoint. Here all runs are brief, so that this page is built in a moment; samples of full
runs are under :doc:`/training`, their figures under :doc:`/benchmarks`.
"""

import matplotlib.pyplot as plt
import numpy as np

from otgen.app.report.training import mosaic
from otgen.lab.training import modes, train

# %%
# Eight modes on a ring. A mode is found when a sample lies within three standard deviations of its centre: filled circles are
# found, empty ones are not. A transport loss must serve all modes from the first step on; a discriminator's generator goes
# where it is sent, one mode after the other.

methods = ["sliced", "sinkhorn", "ns-gan", "wgan"]
runs = {method: train(method, "ring", steps=320, batch_size=128) for method in methods}
ring = runs["sliced"].data

fig, panels = plt.subplots(1, 4, figsize=(11, 3), layout="constrained")
for panel, (method, run) in zip(panels, runs.items()):
    samples = run.snapshots[max(run.snapshots)]
    for centre in ring.modes:
        found = modes(samples, centre[None], ring.width)["modes"] == 1
        panel.add_patch(plt.Circle(centre, 0.15, fc="tab:green" if found else "none", ec="tab:green", alpha=0.5, lw=2))
    panel.plot(*samples.T, "k.", ms=1)
    count = modes(samples, ring.modes, ring.width)["modes"]
    panel.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal", xticks=[], yticks=[])
    panel.set_title(f"{method}: {count:.0f} of {len(ring.modes)}")
plt.show()

# %%
# The same by steps: modes found, and the exact distance between 300 samples and as many held out. It falls while samples get
# better. The Jensen-Shannon divergence of two such sample sets would be log 2 throughout.

fig, (counts, distances) = plt.subplots(1, 2, figsize=(10, 3.2), layout="constrained")
for method, run in runs.items():
    found = [modes(samples, ring.modes, ring.width)["modes"] for samples in run.snapshots.values()]
    counts.plot(list(run.snapshots), found, "o-", ms=4, alpha=0.7, label=method)
    distances.plot([line["step"] for line in run.history], [line["w2"] for line in run.history], "o-", ms=4, alpha=0.7)
distances.axhline(runs["sliced"].scores["w2_real"], color="0.4", ls="--", label="real against real")
distances.axhline(np.log(2), color="0.6", ls=":", label="JS of samples")
counts.set(xlabel="step", title="modes found", ylim=(-0.3, 8.3))
distances.set(xlabel="step", title="$W_2$ to held-out samples", ylim=0)
counts.legend(frameon=False)
distances.legend(frameon=False)
plt.show()

# %%
# Digits, a few seconds of each: a critic's, and two autoencoders that push their codes towards a prior.

methods = ["wgan", "wae", "aae"]
runs = {method: train(method, "digits", steps=300, batch_size=64) for method in methods}
real = runs["wae"].data.held_out(64, np.random.default_rng(0))
shown = {"real": real, **{method: run.snapshots[max(run.snapshots)] for method, run in runs.items()}}
fig, panels = plt.subplots(1, 4, figsize=(11, 3), layout="constrained")
for panel, (title, images) in zip(panels, shown.items()):
    panel.imshow(mosaic(images), cmap="gray_r", vmin=0, vmax=1)
    panel.set_title(title if title == "real" else f"{title}: $W_2$ {runs[title].scores['w2']:.2f}")
    panel.set_axis_off()
plt.show()
for method, run in runs.items():
    print(f"{method:5} W2 {run.scores['w2']:.3f}, label entropy {run.scores['label_entropy']:.2f} of 2.30")
