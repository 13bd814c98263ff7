"""
Objectives of the notes, trained
================================

``otgen train METHOD --data DATA --out FOLDER`` trains a generator by one of the notes' objectives, judges it against what is known
of the data, and can go on from its checkpoint. Here all runs are brief, so that this page is built in a moment; full runs, and
their figures, are under benchmarks.
"""

import matplotlib.pyplot as plt
import numpy as np

from otgen.app.report.training import mosaic
from otgen.lab.training import train

# %%
# Eight modes on a ring: a transport loss finds all of them at once; a discriminator takes its time. W is exact, between 300 samples
# and as many held out, and falls while samples get better; JS of two sample sets would be log 2 throughout.

methods = ["sliced", "sinkhorn", "ns-gan", "wgan"]
runs = {method: train(method, "ring", steps=160, batch_size=128) for method in methods}
for method, run in runs.items():
    print(
        f"{method:10} modes {run.scores['modes']:.0f}, W2 {run.scores['w2']:.3f} (real against real {run.scores['w2_real']:.3f})"
    )

fig, axes = plt.subplots(1, 5, figsize=(12, 2.6), layout="constrained")
for axis, (method, run) in zip(axes, runs.items()):
    axis.plot(*run.snapshots[max(run.snapshots)].T, ".", ms=1.5, alpha=0.6)
    axis.set(title=method, xlim=(-1.4, 1.4), ylim=(-1.4, 1.4), aspect="equal", xticks=[], yticks=[])
    axes[4].plot([line["step"] for line in run.history], [line["w2"] for line in run.history], label=method)
axes[4].axhline(np.log(2), color="0.6", ls=":", label="JS of samples")
axes[4].set(title="W and JS while training", xlabel="step")
axes[4].legend(frameon=False, fontsize=7)
plt.show()

# %%
# Digits by all objectives side by side, a minute's worth of training in all.

methods = ["wgan", "vae", "avb", "aae", "wae", "vqvae"]
runs = {method: train(method, "digits", steps=160, batch_size=64) for method in methods}
fig, axes = plt.subplots(2, 4, figsize=(11, 5.8), layout="constrained")
real = runs["vae"].data.held_out(64, np.random.default_rng(0))
for axis, (title, images) in zip(axes.flat, {"real": real, **{m: r.snapshots[160] for m, r in runs.items()}}.items()):
    axis.imshow(mosaic(images), cmap="gray_r", vmin=0, vmax=1)
    axis.set_title(title)
for axis in axes.flat:
    axis.set_axis_off()
plt.show()
for method, run in runs.items():
    print(f"{method:6} W2 {run.scores['w2']:.3f}, label entropy {run.scores['label_entropy']:.2f} of 2.30")
