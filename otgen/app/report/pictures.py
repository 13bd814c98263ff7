"""The pictures of the theorem lab: each draws itself on axes, for the page and for the gallery alike."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.stats

from ... import divergences as div
from ... import laws
from ...distances.drawing import SOURCE, TARGET
from ...distances.exact import wasserstein
from ...inputs.types import Floats
from ...lab import inference
from .figures import Figure, drawn


class Picture(NamedTuple):
    """A title, a caption, and what draws it on axes."""

    title: str
    caption: str
    draw: Callable[[Any], None]

    def figure(self) -> Figure:
        """As markup for a page."""
        return drawn(self.draw, self.title, self.caption)


def _normal(x: Floats, mean: float, sd: float) -> Floats:
    return np.exp(-0.5 * ((x - mean) / sd) ** 2) / (sd * math.sqrt(2 * math.pi))


def _factorised(axes: Any) -> None:
    mean, cov = np.array([0.0, 1.0]), np.array([[1.0, 0.9], [0.9, 1.0]])
    reverse = inference.mean_field_gaussian(mean, cov, [0.0, 0.0])
    t = np.linspace(0, 2 * np.pi, 200)
    circle = np.stack([np.cos(t), np.sin(t)])
    root = np.linalg.cholesky(cov)
    for k in (1, 2):
        for label, shape, colour in (
            ("the bivariate normal", root, "0.5"),
            ("least KL(q || p)", np.diag(np.sqrt(reverse.variances)), SOURCE),
            ("least KL(p || q)", np.eye(2), TARGET),
        ):
            x, y = mean[:, None] + k * shape @ circle
            axes.plot(x, y, color=colour, lw=1.5, label=label if k == 1 else None)
    axes.set_aspect("equal")
    axes.legend(frameon=False, loc="upper left")


def _modes(axes: Any) -> None:
    x, a = np.linspace(-9, 9, 600), 4.0
    target = div.Mixture([0.5, 0.5], [scipy.stats.norm(m, 1.0) for m in (-a, a)])
    axes.fill_between(x, np.exp(target.logpdf(x)), color="0.6", alpha=0.4, lw=0, label="the target")
    fits: tuple[tuple[inference.Kind, tuple[float, float], str, str, str], ...] = (
        ("forward", (0.0, 1.0), TARGET, "least KL(p || q): covers", "-"),
        ("reverse", (3.0, 1.0), SOURCE, "least KL(q || p): one mode", "-"),
        ("reverse", (-3.0, 1.0), SOURCE, "the other minimum", "--"),
    )
    for kind, start, colour, label, dash in fits:
        fit = inference.fit_gaussian(target, kind, start)
        axes.plot(x, _normal(x, fit.mean, fit.sd), color=colour, ls=dash, label=label)
    axes.set(xlabel="x", ylabel="density")
    axes.legend(frameon=False)


def _bumps(axes: Any) -> None:
    x = np.linspace(0, 6, 1200)

    def bump(z: Floats) -> Floats:
        return np.where((z > 0) & (z < 1), 30 * (z * (1 - z)) ** 2, 0.0)

    axes.fill_between(x, bump(x), color="0.6", alpha=0.4, lw=0, label="the law")
    for h, dash in ((1.0, "-"), (2.5, "--"), (5.0, ":")):
        axes.plot(x, bump(x - h), color=SOURCE, ls=dash, label=f"moved by {h:g}: L1 = 2, sup = 1.875, W = {h:g}")
    axes.set(xlabel="x", ylabel="density")
    axes.legend(frameon=False)


def _plan(axes: Any) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(3, 2)), rng.normal(size=(4, 2)) + [2.5, 0]
    a, b = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(4))
    plan = wasserstein(x, y, a, b, p=1).plan.todense()
    for (i, j), mass in np.ndenumerate(plan):
        if mass > 0:
            axes.plot(*zip(x[i], y[j]), color="0.5", lw=12 * mass, alpha=0.5, solid_capstyle="round", zorder=1)
            middle = (x[i] + y[j]) / 2
            axes.annotate(f"{mass:.2f}", middle, ha="center", fontsize=9)
    axes.scatter(*x.T, s=1500 * a, color=SOURCE, label="three particles", zorder=2)
    axes.scatter(*y.T, s=1500 * b, color=TARGET, label="four places", zorder=2)
    axes.legend(frameon=False, markerscale=0.4)


def _segments(axes: Any) -> None:
    theta = np.linspace(-1.5, 1.5, 301)
    axes.plot(theta, [laws.segments(t).wasserstein(1).value for t in theta], color=SOURCE, label="W")
    apart = theta[theta != 0]
    js = [laws.segments(t).divergence("js") for t in apart]
    for side in (apart < 0, apart > 0):
        axes.plot(apart[side], np.array(js)[side], color=TARGET, label="JS" if side[0] else None)
    axes.plot([0], [0], "o", color=TARGET)
    axes.set(xlabel="theta, the distance of the segments", ylabel="nats, or distance")
    axes.legend(frameon=False)


def _corruptions(axes: Any) -> None:
    rng = np.random.default_rng(0)
    x = rng.random((200, 16))
    noise, levels = rng.normal(size=x.shape), np.linspace(0.02, 0.8, 14)
    axes.plot(levels, [wasserstein(x, x + t * noise, p=1).value for t in levels], "o-", ms=4, color=SOURCE, label="W")
    axes.plot(levels, np.full(len(levels), math.log(2)), "s-", ms=4, color=TARGET, label="JS of the samples: log 2")
    axes.set(xlabel="corruption, standard deviation of the noise", ylabel="nats, or distance")
    axes.legend(frameon=False)


PICTURES = {
    "densities-compared-point-by-point": Picture(
        "Look-alikes on disjoint supports",
        "Point by point all three are equally far from the law; W tells them apart.",
        _bumps,
    ),
    "split-move-merge": Picture("A plan, drawn", "Masses as areas; what moves as the width of a line.", _plan),
    "factorised-gaussian": Picture(
        "Both factorised fits",
        "One and two standard deviations of a bivariate normal law and of its two nearest products.",
        _factorised,
    ),
    "mode-covering-and-mode-seeking": Picture(
        "Covering and seeking", "The Gaussians nearest to a law of two modes, by both divergences.", _modes
    ),
    "parallel-segments": Picture(
        "W and JS over theta", "W goes to 0 with theta; JS is log 2 until it jumps.", _segments
    ),
    "w-ranks-corruptions": Picture(
        "W and JS against quality", "Samples with more and more noise: W follows, JS does not.", _corruptions
    ),
}
