"""Where all costs are listed: those of the points with mass, reduced, and what potentials of these points say of all."""

from __future__ import annotations

import numpy as np

from .jit import jit
from .lesser import lesser


@jit
def reduced_costs(costs, rows, columns, out):
    """The costs of the points with mass, less potentials that leave a 0 in every row, and nothing below."""
    n, m = out.shape
    f, g = np.empty(n), np.empty(m)
    for j in range(m):
        g[j] = np.inf
    for i in range(n):
        row = costs[rows[i]]
        for j in range(np.uint64(m)):
            out[i, j] = row[np.uint64(columns[j])]  # a signed index might count from the end
        least = np.inf
        for j in range(np.uint64(m)):
            least = lesser(out[i, j], least)
        for j in range(np.uint64(m)):
            g[j] = lesser(out[i, j] - least, g[j])
    for i in range(n):
        least = np.inf
        for j in range(np.uint64(m)):
            least = lesser(out[i, j] - g[j], least)
        f[i] = least
        for j in range(np.uint64(m)):
            out[i, j] -= g[j] + least
    return f, g


@jit
def taken_entries(values, index):
    """Entries of numbers, as floats."""
    out = np.empty(len(index))
    for k in range(len(index)):
        out[k] = values[index[k]]
    return out


@jit
def spread_out(costs, index, potential, others, given, out, turned):
    """A side's potentials at all of its points: those without mass get their c-transform."""
    k = 0
    for i in range(len(out)):
        if k < len(index) and index[k] == i:
            out[i] = potential[k]
            k += 1
        else:
            least = np.inf
            for j in range(len(others)):
                cost = costs[others[j], i] if turned else costs[i, others[j]]
                least = min(least, cost - given[j])
            out[i] = least
