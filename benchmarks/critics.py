"""W_1 by a critic between funnels: the cosine of its gradient with the best one's, and the error of its estimate.

    python benchmarks/critics.py --dims 2 4 8 16 --numbers 4 64 --seeds 2 --threads 1 --out critics.json
    python benchmarks/critics.py --dims 2 4 8 16 --numbers 4 64 --seeds 5 --seconds 105 --out critics.json
    python benchmarks/critics.py --exact 1 2 128 squares --threads 1

One row per kind of critic, cell (D, N) and seed; figures of the paper beside them are in docs/benchmarks. Every sample is a new draw from the
laws themselves: from a pool, held-out samples would have been trained on, and what they prove would be about the pool. The benchmark is that of
Korotin, Kolesov, Burnaev, "Kantorovich strikes back! Wasserstein GANs are not optimal transport?", 2022.
"""

import argparse
import itertools
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from otgen.laws.funnels import Funnels
from otgen.nn import critics

JUDGED, TRUTH = 50_000, 300_000
FIRST_SEED = 1000  # nothing was tuned on these
KINDS = {
    "one-sided": critics.OneSidedPenalty(),
    "two-sided": critics.GradientPenalty(),
    "clipping": critics.WeightClipping(),
    "spectral": critics.SpectralNormalisation(),
    "orthogonal": critics.Orthogonal(),
    "c-transform": critics.CTransform(),
    "cones": critics.Cones(),
}


def sampler(pair, side, seed):
    """New draws of x (side 0) or y (side 1) at each call; the samples of a pair come coupled, so that each has a generator of its own."""
    generator = np.random.default_rng([seed, side])
    return lambda n: torch.tensor(pair.sample(n, rng=generator)[side], dtype=torch.float32)


def cosine(f, pair, points):
    """Of a function's gradients with the best critic's at points (n, d)."""
    at = torch.tensor(points, dtype=torch.float32, requires_grad=True)
    (slopes,) = torch.autograd.grad(f(at).sum(), at)
    mine, best = slopes.double().numpy(), pair.gradient(points)
    return float((mine * best).sum() / np.sqrt((mine**2).sum() * (best**2).sum()))


def row(kind, critic, dim, number, seed, seconds):
    pair = Funnels.random(number, dim, rng=seed)
    began = time.perf_counter(), time.process_time()
    steps = {} if seconds is None else dict(steps=10**9, seconds=seconds)
    found = critics.fit(sampler(pair, 0, seed), sampler(pair, 1, seed), critic, rng=seed, progress=False, **steps)
    spent, worked = time.perf_counter() - began[0], time.process_time() - began[1]
    points, _ = pair.sample(JUDGED, rng=seed + 2)
    truth, error = pair.w1(TRUTH, rng=seed + 3)
    return dict(
        kind=kind,
        dim=dim,
        number=number,
        seed=seed,
        cosine=cosine(found.potential, pair, points),
        witness_cosine=cosine(found.witness, pair, points),
        truth=truth,
        truth_error=error,
        estimate=found.estimate,
        error=found.estimate / truth - 1,
        slope=found.slope,
        lower=found.lower,
        share=found.lower / truth,
        batch_lower=found.batch_lower,
        batch_exact=found.batch_exact,
        steps=int(found.history["step"][-1]),
        seconds=spent,
        cpu_seconds=worked,
    )


def dirac(n):
    return lambda size: torch.zeros(size, n)


def sphere(n, generator):
    def draw(size):
        z = torch.randn(size, n, generator=generator)
        return z / z.norm(dim=1, keepdim=True)

    return draw


def squares(generator):
    """Images of 64 x 64 with a central square of +1 or -1."""
    image = torch.zeros(64, 64)
    image[14:49, 14:49] = 1.0
    return lambda size: (2 * torch.randint(2, (size, 1), generator=generator) - 1) * image.ravel()


def exact(given):
    """Laws whose W_1 is known, all by one setting: a Dirac against the unit sphere (1), the zero image against squares (35)."""
    for name in given.exact:
        generator = torch.Generator().manual_seed(given.first)
        dim = 4096 if name == "squares" else int(name)
        other, truth = (squares(generator), 35.0) if name == "squares" else (sphere(dim, generator), 1.0)
        kind = KINDS[given.kinds[0]]
        options = {key: getattr(given, key) for key in ("width", "depth", "weight") if getattr(given, key) is not None}
        training = {key: getattr(given, key) for key in ("steps", "batch_size") if getattr(given, key) is not None}
        began = time.process_time()
        found = critics.fit(dirac(dim), other, replace(kind, **options), **training, rng=given.first, progress=False)
        print(
            f"{given.kinds[0]} {name:8} estimate {found.estimate / truth:.4f}, proven {found.lower / truth:.4f}, batch {found.batch_lower / truth:.4f} to "
            f"{found.batch_exact / truth:.4f} of the truth {truth:g}, slope {found.slope:.3f}, {int(found.history['step'][-1])} steps, "
            f"{time.process_time() - began:.0f} s of processor time",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dims", type=int, nargs="+", default=[2, 4, 8, 16])
    parser.add_argument("--numbers", type=int, nargs="+", default=[4, 64])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=["one-sided"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--seconds", type=float, help="a cell, all of which are used; left out, the fit's own defaults decide"
    )
    parser.add_argument("--threads", type=int, help="of torch; left out, as many as it likes")
    parser.add_argument(
        "--first", type=int, default=FIRST_SEED, help="seed of the first table; the next ones are 10 apart"
    )
    cases = ["1", "2", "128", "squares"]
    parser.add_argument(
        "--exact", nargs="+", choices=cases, help="instead, cases with a known W_1, by the first of --kinds:"
    )
    for name, kind in (("width", int), ("depth", int), ("weight", float), ("steps", int), ("batch-size", int)):
        parser.add_argument(
            f"--{name}", type=kind, help="of --exact; left out, the default of the critic or of the fit"
        )
    parser.add_argument("--out", type=Path, default=Path("critics.json"))
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    if given.exact:
        exact(given)
        return
    rows = []
    cells = itertools.product(
        given.kinds, range(given.seeds), given.dims, given.numbers
    )  # a stopped table has whole seeds
    for kind, k, dim, number in cells:
        one = row(kind, KINDS[kind], dim, number, given.first + 10 * k, given.seconds)
        rows.append(one)
        given.out.write_text(json.dumps(rows, indent=1))
        print(
            f"{kind:12} D={dim:3} N={number:3} seed {one['seed']}: cos {one['cosine']:.3f}, W1 {one['estimate']:.4f} of "
            f"{one['truth']:.4f} ({100 * one['error']:+.1f} %), proven {one['share']:.3f}, {one['steps']} steps, {one['cpu_seconds']:.0f} s",
            flush=True,
        )
    for kind in given.kinds:
        own = [r for r in rows if r["kind"] == kind]
        mean, error = np.mean([r["cosine"] for r in own]), np.mean([abs(r["error"]) for r in own])
        least, above = min(r["share"] for r in own), sum(r["lower"] > r["truth"] + 5 * r["truth_error"] for r in own)
        print(
            f"{kind:12} mean cos {mean:.3f}, mean error {100 * error:.1f} %, least proven {least:.3f}, {above} above the truth"
        )


if __name__ == "__main__":
    main()
