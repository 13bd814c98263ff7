"""An independent checker of otgen's proof files, in rational arithmetic; it needs nothing but Python's standard library.

Run it as ``python check_proof.py proof.npz``, with any Python from 3.9 on; copy it anywhere. It shares no code with otgen. Costs between
points are enclosed between two fractions, which are the same one where a cost takes no root; each root or power is known to a factor 1 +- 1e-55.

What it shows: the optimum for the floats in the file, weights divided by their exact sums, lies within the file's bounds.
"""

from __future__ import annotations

import ast
import hashlib
import math
import struct
import sys
import zipfile
from decimal import Context, Decimal
from fractions import Fraction
from pathlib import Path

DIGITS = Context(prec=70, Emax=10**17, Emin=-(10**17))
SLACK = Fraction(1, 10**55)
LARGEST = 10**5  # power that is raised to: beyond, fractions fill the memory
MISPLACED = Fraction(1, 2**49)  # mass that a plan may miss where pairs are forbidden, as otgen's docs define it


class Refused(Exception):
    """The file proves less than it says, or is no proof file."""


def demand(condition, reason):
    """Refuse the file unless a condition holds."""
    if not condition:
        raise Refused(reason)


def sealed(path):
    """The file's bytes, if its seal (the SHA-256 of all that comes before it, at the end) holds."""
    demand(Path(path).is_file(), "it is no file")
    data = Path(path).read_bytes()
    demand(len(data) > 64, "the file is too short")
    demand(hashlib.sha256(data[:-64]).hexdigest().encode() == data[-64:], "the seal is broken: some bit was changed")


def parsed(data):
    """A .npy array of floats, integers or text as (shape, flat list)."""
    demand(data[:6] == b"\x93NUMPY" and data[6] in (1, 2), "an entry is no npy array")
    size = struct.unpack_from("<H" if data[6] == 1 else "<I", data, 8)[0]
    start = (10 if data[6] == 1 else 12) + size
    header = ast.literal_eval(data[start - size : start].decode("latin1"))
    kind, shape, count = header["descr"], header["shape"], math.prod(header["shape"])
    demand(not header["fortran_order"], "arrays must be in C order")
    demand(max(shape, default=0) <= len(data), "a shape is larger than its array")
    if kind in ("<f8", "<i8"):
        demand(len(data) == start + 8 * count, "an array is too short or too long")
        return shape, list(struct.unpack_from(f"<{count}{'d' if kind == '<f8' else 'q'}", data, start))
    demand(kind[:2] == "<U", f"arrays must be of <f8, <i8 or text, not {kind}")
    width = 4 * int(kind[2:])
    demand(len(data) == start + width * count, "an array is too short or too long")
    parts = (data[start + k * width : start + (k + 1) * width] for k in range(count))
    return shape, [part.decode("utf-32-le").rstrip("\0") for part in parts]


def read(path):
    """All arrays of a proof file."""
    sealed(path)
    with zipfile.ZipFile(path) as archive:
        names = [one.filename for one in archive.infolist() if one.compress_type == 0 and one.filename[-4:] == ".npy"]
        demand(len(set(names)) == len(archive.namelist()), "entries are ambiguous, or compressed")
        demand(sum(one.file_size for one in archive.infolist()) <= Path(path).stat().st_size, "entries overlap")
        return {name[:-4]: parsed(archive.read(name)) for name in names}


def fractions(values):
    """Finite floats as the fractions that they are."""
    demand(all(math.isfinite(v) for v in values), "a number is not finite")
    return [Fraction(v) for v in values]


def power(base, exponent):
    """``base ** exponent`` between two fractions, for a fraction base >= 0 and a fraction exponent > 0."""
    if exponent.denominator == 1:
        exact = base**exponent.numerator
        return exact, exact
    if base == 0:
        return Fraction(0), Fraction(0)
    number = DIGITS.divide(Decimal(base.numerator), Decimal(base.denominator))
    by = DIGITS.divide(Decimal(exponent.numerator), Decimal(exponent.denominator))
    raised = Fraction(DIGITS.power(number, by))
    return raised * (1 - SLACK), raised * (1 + SLACK)


class PointCosts:
    """``metric(x_i, y_j) ** p`` between two fractions."""

    def __init__(self, held, p):
        (n, d), x = held["x"]
        (m, other), y = held["y"]
        demand(d == other, "clouds of different dimensions")
        x, y = fractions(x), fractions(y)
        self.x, self.y = ([z[k * d : (k + 1) * d] for k in range(size)] for z, size in ((x, n), (y, m)))
        self.metric, self.p, self.shape = held["metric"][1][0], p, (n, m)
        self.q = Fraction(held["q"][1][0]) if "q" in held and held["q"][1][0] != math.inf else None
        if self.metric in ("circular", "minkowski"):
            demand(self.q and self.q > 0 and (self.q >= 1 or self.metric == "circular"), "q is out of range")

    def enclosed(self, i, j):
        """Lower and upper bound of a cost."""
        x, y, p, metric = self.x[i], self.y[j], self.p, self.metric
        if metric == "cosine":
            return self.cosine(x, y)
        sizes = [abs(u - v) for u, v in zip(x, y)]
        if metric == "circular":
            sizes = [min(s % self.q, self.q - s % self.q) for s in sizes]
        if metric == "sqeuclidean":
            return (sum(s * s for s in sizes),) * 2
        if metric in ("euclidean", "circular"):
            return power(sum(s * s for s in sizes), p / 2)
        if metric == "cityblock":
            return power(sum(sizes), p)
        if metric == "chebyshev":
            return power(max(sizes), p)
        demand(metric == "minkowski", f"unknown metric {metric}")
        inside = [power(s, self.q) for s in sizes]
        low, high = (sum(side) for side in zip(*inside))
        return power(low, p / self.q)[0], power(high, p / self.q)[1]

    def cosine(self, x, y):
        """``1 - <x, y> / (|x| |y|)``."""
        product = sum(u * v for u, v in zip(x, y))
        low, high = power(sum(u * u for u in x) * sum(v * v for v in y), Fraction(1, 2))
        return tuple(sorted((1 - product / low, 1 - product / high)))


class ListedCosts:
    """A cost matrix, dense or sparse; None where a pair is forbidden."""

    def __init__(self, held):
        if "C" in held:
            self.shape, C = held["C"]
            m = self.shape[1]
            self.entries = {(k // m, k % m): c for k, c in enumerate(C)}
        else:
            self.shape = tuple(held["C_shape"][1])
            starts, columns, data = (held[f"C_{part}"][1] for part in ("indptr", "indices", "data"))
            demand(len(starts) == self.shape[0] + 1 and starts == sorted(starts), "C_indptr is out of order")
            demand(starts[0] == 0 and starts[-1] == len(columns) == len(data), "C_indptr and C_indices do not fit")
            rows = [i for i in range(self.shape[0]) for _ in range(starts[i], starts[i + 1])]
            demand(all(0 <= j < self.shape[1] for j in columns), "C_indices lie outside")
            demand(len(set(zip(rows, columns))) == len(rows), "a pair is listed twice")
            self.entries = {(i, j): c for i, j, c in zip(rows, columns, data)}
        demand(all(c == c and c > -math.inf for c in self.entries.values()), "a cost is NaN or -inf")

    def enclosed(self, i, j):
        """The cost twice, or None."""
        cost = self.entries.get((i, j), math.inf)
        return None if cost == math.inf else (Fraction(cost),) * 2


def masses(values):
    """Weights divided by their exact sum."""
    total = sum(weights := fractions(values))
    demand(min(weights) >= 0 and total > 0, "weights must be non-negative with a positive sum")
    return [w / total for w in weights]


def flows_along(pairs, a, b):
    """The one flow along pairs without a cycle that has exactly the marginals a and b, from the leaves inwards; None where there is none."""
    left = {**dict(enumerate(a)), **{~j: w for j, w in enumerate(b)}}
    near = {point: set() for point in left}
    for i, j in pairs:
        near[i].add(~j)
        near[~j].add(i)
    flows, leaves = {}, [point for point in near if len(near[point]) == 1]
    for leaf in leaves:  # which become more
        for other in near[leaf]:
            near[other].remove(leaf)
            flows[max(leaf, other), ~min(leaf, other)] = left[leaf]
            left[other] -= left[leaf]
            leaves += [other] * (len(near[other]) == 1)
            left[leaf], near[leaf] = 0, set()
    whole = not any(left.values()) and not any(near.values())
    return flows if whole and all(flow >= 0 for flow in flows.values()) else None


class Proof:
    """The contents of a proof file, and what of it holds."""

    def __init__(self, path):
        self.held = held = read(path)
        demand(held["format"][1][0] == "otgen proof 1", "unknown format")
        costs = [name for name in ("x", "C", "C_data") if name in held]
        demand(len(costs) == 1, "the file holds several costs" if costs else "the file holds only the problem's digest")
        self.a, self.b = masses(held["a"][1]), masses(held["b"][1])
        self.infinite = (p := held["p"][1][0]) == math.inf
        self.p = Fraction(1 if self.infinite else p)
        demand(1 <= self.p <= LARGEST, f"p must lie in [1, {LARGEST}], or be inf")
        cost = "x" not in held or held["metric"][1][0] in ("sqeuclidean", "cosine")
        demand(p == 1 or not cost, "this cost goes with p = 1 only")
        plain = held["epsilon"][1][0] == 0 and held["relax"][1] == [math.inf, math.inf]
        demand(plain, "entropic problems are checked by otgen verify only")
        self.costs = PointCosts(held, self.p) if "x" in held else ListedCosts(held)
        demand(self.costs.shape == (len(self.a), len(self.b)), "costs and weights do not fit")
        self.rows = [i for i, w in enumerate(self.a) if w]
        self.columns = [j for j, w in enumerate(self.b) if w]
        self.kind = held["kind"][1][0]

    def number(self, name):
        """A recorded number."""
        return self.held[name][1][0]

    def check(self):
        """Refuse the file unless its interval follows from its numbers; else say what was shown."""
        if self.kind == "no plan":
            self.check_ray()
            demand(self.number("lower") == self.number("upper") == math.inf, "without a plan both bounds are infinite")
            return "no plan avoids the forbidden pairs"
        if self.kind == "cut":
            self.check_cut()
        else:
            demand(self.kind == "dual", f"proofs of kind {self.kind} are checked by otgen verify only")
            self.check_dual()
        demand(self.number("lower") <= self.number("value") <= self.number("upper"), "the value lies outside")
        return f"the optimum lies within [{self.number('lower')!r}, {self.number('upper')!r}]"

    def check_dual(self):
        """Potentials bound the cost from below, the plan from above."""
        demand(not self.infinite, "potentials do not prove p = inf")
        mass, listed, sums = self.number("mass"), "x" not in self.held, [math.fsum(self.held[s][1]) for s in "ab"]
        demand(mass == 1 or (listed and any(abs(mass - s) <= 1e-15 * s for s in sums)), "the mass is another")
        low, high = self.lower() * Fraction(mass), self.upper() * Fraction(mass)
        names = ("cost_lower", "cost_upper", "lower", "upper")
        cost_below, cost_above, below, above = fractions([self.number(name) for name in names])
        demand(cost_below <= low and high <= cost_above, "a bound of the cost is not proven")
        if self.number("root"):
            demand(not listed and above >= 0, "a root is of points")
            below, above = low if below <= 0 else power(below, self.p)[1], power(above, self.p)[0]
        demand(below <= low and high <= above, "a bound of the value is not proven")

    def lower(self):
        """``a.f + b.g``, less what all g, or of listed costs all f, exceed some cost by; 0 at least, where no cost is negative."""
        f, g = self.held["f"][1], self.held["g"][1]
        demand(len(f) == len(self.a) and len(g) == len(self.b), "potentials and weights do not fit")
        f, g = {i: Fraction(f[i]) for i in self.rows}, {j: Fraction(g[j]) for j in self.columns}
        pairs = [(i, j, self.costs.enclosed(i, j)) for i in self.rows for j in self.columns]
        allowed = [(i, j, f[i] + g[j] - ends[0], *ends) for i, j, ends in pairs if ends]
        demand(allowed, "all pairs are forbidden")
        *_, lows, highs = zip(*allowed)
        self.forbids, self.range = len(allowed) < len(pairs), (min(lows), max(highs))
        too_high = dict.fromkeys(self.rows, 0), dict.fromkeys(self.columns, 0)
        for *pair, more, _, _ in allowed:
            for side, k in zip(too_high, pair):
                side[k] = max(side[k], more)
        over_f, over_g = (sum(w[k] * side[k] for k in side) for w, side in zip((self.a, self.b), too_high))
        excess = over_g if "x" in self.held else min(over_f, over_g)
        value = sum(self.a[i] * f[i] for i in self.rows) + sum(self.b[j] * g[j] for j in self.columns) - excess
        return max(value, 0) if min(lows) >= 0 else value

    def upper(self):
        """The plan's cost, and what it costs to repair its marginals; of listed costs no more than the one flow along its pairs that needs no repair."""
        rows, columns = self.held["rows"][1], self.held["columns"][1]
        flows = [u + v for u, v in zip(fractions(self.held["flows"][1]), fractions(self.held["flows_low"][1]))]
        demand(len(rows) == len(columns) == len(flows), "the plan's entries do not fit")
        demand(all(flow >= 0 for flow in flows), "a flow is negative")
        left, right = [-w for w in self.a], [-w for w in self.b]
        cost = Fraction(0)
        for i, j, flow in zip(rows, columns, flows):
            demand(0 <= i < len(left) and 0 <= j < len(right), "an entry of the plan lies outside")
            demand(not flow or (self.a[i] and self.b[j]), "the plan moves mass where there is none")
            left[i] += flow
            right[j] += flow
            ends = self.costs.enclosed(i, j) if flow else (Fraction(0), Fraction(0))
            demand(ends is not None, "the plan uses a forbidden pair")
            cost += flow * ends[1]
        missed = sum(map(abs, left)) + sum(map(abs, right))
        used = {(i, j) for i, j, flow in zip(rows, columns, flows) if flow}
        exact = flows_along(used, self.a, self.b) if missed and "x" not in self.held else None
        known = [] if exact is None else [sum(flow * self.costs.enclosed(*pair)[1] for pair, flow in exact.items())]
        placed = not (self.forbids and missed > MISPLACED)
        demand(placed or known, "the plan misses its marginals where pairs are forbidden")
        low, high = self.range
        repair = missed * (high - low) * (len(left) + len(right) if self.forbids else 1)
        return min(known + [cost + repair + abs(low) * abs(sum(flows) - 1)] * placed)

    def check_cut(self):
        """A plan in whole numbers within the upper bound; a set of sources that outweighs all within the lower one."""
        demand(self.infinite, "a cut proves p = inf")
        rows, columns = self.held["rows"][1], self.held["columns"][1]
        units = [int(text) for text in self.held["units"][1]]
        demand(len(rows) == len(columns) == len(units) and min(units) >= 0, "the plan's entries do not fit")
        total, left, right = sum(units), [0] * len(self.a), [0] * len(self.b)
        demand(total > 0, "the plan moves nothing")
        demand(all(0 <= i < len(left) for i in (*rows, *self.held["cut"][1])), "a source lies outside")
        demand(all(0 <= j < len(right) for j in columns), "a target lies outside")
        below, above = fractions([self.number("lower"), self.number("upper")])
        for i, j, unit in zip(rows, columns, units):
            left[i] += unit
            right[j] += unit
            demand(not unit or self.costs.enclosed(i, j)[1] <= above, "the plan goes farther than the upper bound")
        for sums, weights in ((left, self.a), (right, self.b)):
            demand(all(s == w * total for s, w in zip(sums, weights)), "the plan's marginals are others")
        cut = set(self.held["cut"][1])
        near = [j for j in self.columns if any(self.costs.enclosed(i, j)[0] < below for i in cut)]
        more = sum(self.a[i] for i in cut) - sum(self.b[j] for j in near)
        demand(below <= 0 or more > 0, "the cut does not prove the lower bound")

    def check_ray(self):
        """Potentials that gain though no allowed pair lets them: Farkas' lemma."""
        f, g = fractions(self.held["ray_f"][1]), fractions(self.held["ray_g"][1])
        allowed = ((i, j) for i in self.rows for j in self.columns if self.costs.enclosed(i, j))
        demand(all(f[i] + g[j] <= 0 for i, j in allowed), "an allowed pair lets the ray gain")
        gain = sum(self.a[i] * f[i] for i in self.rows) + sum(self.b[j] * g[j] for j in self.columns)
        demand(gain > 0, "the ray gains nothing")


def main(paths):
    """Check files; exit 0 if all hold, 1 if one does not."""
    bad = 0
    for path in paths:
        try:
            print(f"{path}: verified: {Proof(path).check()}")
        except Exception as fault:  # whatever a file does to this program, it has not proven anything
            bad += 1
            print(f"{path}: refused: {fault}")
    return 1 if bad or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
