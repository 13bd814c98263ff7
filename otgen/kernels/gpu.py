"""The kernels in CUDA through cupy: same names, same parameters and same results as in ``reference``.

The source is ``gpu.cu``, compiled when first used for each float type and form of cost. A :class:`Ground` of device arrays
goes in (see :func:`moved`), device arrays come out; nothing is transferred otherwise. Searches look at every pair:
cells of neighbours are for processors that would wait for memory.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import require
from .ground import PRODUCT, Array, Ground

_THREADS = 256
_FORMS = {0.0: 0, 1.0: 1, 2.0: 2, np.inf: 4, PRODUCT: 5}  # of the inner power, as gpu.cu counts them; 3 is any other


def moved(ground: Ground) -> Ground:
    """The same cost with its arrays on the device, C-contiguous; what lies there already is not copied."""
    cupy = require("cupy")
    return ground._replace(**{name: cupy.ascontiguousarray(getattr(ground, name)) for name in ("x", "yt", "matrix")})


@lru_cache(maxsize=64)
def _module(real: str, form: int, count: int) -> Any:
    options = (f"-DREAL={real}", f"-DINNER={form}", f"-DCOUNT={count}", "-std=c++11")
    source = Path(__file__).with_name("gpu.cu").read_text()
    return require("cupy").RawModule(code=source, options=options)


def _kernel(name: str, ground: Ground, count: int = 1) -> Any:
    real = "double" if ground.dtype == np.float64 else "float"
    return _module(real, _FORMS.get(ground.inner, 3), count).get_function(name)


def _argument(ground: Ground) -> Any:
    """The struct ``Ground`` of gpu.cu."""
    n, m = ground.shape
    real = np.dtype(ground.dtype)
    pointers = [(name, np.uintp) for name in ("x", "yt", "matrix")]
    sizes = [(name, np.int64) for name in "nmd"]
    numbers = [(name, real) for name in ("inner", "outer", "factor")]
    held = [getattr(ground, name).data.ptr for name, _ in pointers]
    finite = 0.0 if np.isinf(ground.inner) else ground.inner
    d = 0 if ground.inner == 0.0 else ground.x.shape[1]
    values = (*held, n, m, d, finite, ground.outer, ground.factor)
    return np.array(values, dtype=np.dtype([*pointers, *sizes, *numbers], align=True))[()]


def cost_block(ground: Ground) -> Array:
    """All costs, ``c_ij``: (n, m)."""
    out = require("cupy").empty(ground.shape, ground.dtype)
    _kernel("cost_block", ground)((len(out),), (_THREADS,), (_argument(ground), out))
    return out


def cost_pairs(ground: Ground, rows: Any, columns: Any) -> Array:
    """The costs of listed pairs, ``c[rows[k], columns[k]]``: (k,)."""
    cupy = require("cupy")
    rows, columns = (cupy.ascontiguousarray(side, dtype=np.int64) for side in (rows, columns))
    out = cupy.empty(len(rows), ground.dtype)
    if len(out):
        blocks = -(-len(out) // _THREADS)
        arguments = (_argument(ground), rows, columns, out, np.int64(len(out)))
        _kernel("cost_pairs", ground)((blocks,), (_THREADS,), arguments)
    return out


def ctransform(ground: Ground, potential: Array) -> tuple[Array, Any]:
    """``f_i = min_j c_ij - g_j`` and the first arg min: (n,), (n,)."""
    cupy = require("cupy")
    n = ground.shape[0]
    out, argmin = cupy.empty(n, ground.dtype), cupy.empty(n, np.int64)
    _kernel("ctransform", ground)((n,), (_THREADS,), (_argument(ground), _vector(potential, ground), out, argmin))
    return out, argmin


def softmin(ground: Ground, potential: Array, epsilon: float) -> Array:
    """``-epsilon log sum_j exp((h_j - c_ij) / epsilon)``: (n,). A row of nothing but -inf gives +inf."""
    out = require("cupy").empty(ground.shape[0], ground.dtype)
    arguments = (_argument(ground), _vector(potential, ground), ground.dtype.type(epsilon), out)
    _kernel("softmin", ground)((len(out),), (_THREADS,), arguments)
    return out


def nearest(ground: Ground, potential: Array, count: int, below: Array | float = np.inf) -> tuple[Any, Array]:
    """The ``count`` smallest reduced costs ``c_ij - g_j < below_i`` of every row, ascending: (n, count) columns, (n, count).

    Where a row has fewer, the rest are columns -1 at infinity.
    """
    cupy = require("cupy")
    n = ground.shape[0]
    columns, values = cupy.empty((n, count), np.int64), cupy.empty((n, count), ground.dtype)
    bars = cupy.ascontiguousarray(cupy.broadcast_to(cupy.asarray(below, ground.dtype), (n,)))
    arguments = (_argument(ground), _vector(potential, ground), bars, columns, values)
    _kernel("nearest", ground, count)((n,), (_THREADS,), arguments)
    return columns, values


def gibbs(ground: Ground, f: Array, g: Array, epsilon: float, vectors: Array) -> Array:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) v_jk``: (n, k)."""
    cupy = require("cupy")
    n, width = ground.shape[0], vectors.shape[1]
    out = cupy.empty((n, width), ground.dtype)
    arguments = (
        _argument(ground),
        _vector(f, ground),
        _vector(g, ground),
        ground.dtype.type(epsilon),
        cupy.ascontiguousarray(vectors, dtype=ground.dtype),
        out,
        np.int64(width),
    )
    _kernel("gibbs", ground)((n, width), (_THREADS,), arguments)
    return out


def gibbs_cost(ground: Ground, f: Array, g: Array, epsilon: float, weights: Array) -> Array:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j c_ij`` over the finite costs: (n,)."""
    out = require("cupy").empty(ground.shape[0], ground.dtype)
    vectors = [_vector(z, ground) for z in (f, g, weights)]
    arguments = (_argument(ground), *vectors[:2], ground.dtype.type(epsilon), vectors[2], out)
    _kernel("gibbs_cost", ground)((len(out),), (_THREADS,), arguments)
    return out


def gibbs_slope(ground: Ground, f: Array, g: Array, epsilon: float, weights: Array) -> Array:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j dc_ij/dx_i`` for a cost between points: (n, d).

    Where the cost has a kink the zero of its subdifferential is taken, for the maximum norm the first of the largest coordinates.
    """
    out = require("cupy").empty(ground.x.shape, ground.dtype)
    vectors = [_vector(z, ground) for z in (f, g, weights)]
    arguments = (_argument(ground), *vectors[:2], ground.dtype.type(epsilon), vectors[2], out)
    _kernel("gibbs_slope", ground)(out.shape, (_THREADS,), arguments)
    return out


def cost_sums(ground: Ground, weights: Array) -> Array:
    """``sum_j w_j c_ij`` over the finite costs: (n,)."""
    out = require("cupy").empty(ground.shape[0], ground.dtype)
    _kernel("cost_sums", ground)((len(out),), (_THREADS,), (_argument(ground), _vector(weights, ground), out))
    return out


def sweep(
    ground: Ground,
    f: Array,
    g: Array,
    a: Array,
    b: Array,
    epsilon: float,
    power: float = 1.0,
    floor: float = -np.inf,
    cut: float = np.inf,
) -> tuple[Array, Array]:
    """Row sums of a Gibbs matrix, and its column sums after the rows have been divided by a power of theirs.

    With ``K_ij = exp((f_i + g_j - c_ij)/epsilon)`` and positive weights a (n,), b (m,): ``r_i = log sum_j b_j K_ij`` (n,) and
    ``s_j = sum_i a_i K_ij exp(-power max(r_i, floor))`` (m,), float64 both. No terms are left out.
    """
    cupy = require("cupy")
    log_rows = (f - softmin(ground, g + epsilon * cupy.log(b), epsilon)) / epsilon
    lifted = f + epsilon * (cupy.log(a) - power * cupy.maximum(log_rows, floor))
    columns = (g - softmin(_turned(ground), lifted, epsilon)) / epsilon
    return log_rows.astype(np.float64), cupy.exp(columns.astype(np.float64))


def symmetric(ground: Ground, f: Array, a: Array, epsilon: float, cut: float = np.inf) -> Array:
    """``log sum_j a_j exp((f_i + f_j - c_ij)/epsilon)`` (n,), float64, for a symmetric cost; no terms are left out."""
    log_weights = require("cupy").log(a)
    return ((f - softmin(ground, f + epsilon * log_weights, epsilon)) / epsilon).astype(np.float64)


def _turned(ground: Ground) -> Ground:
    """The same cost with rows and columns exchanged."""
    turned = ground._replace(x=ground.yt.T, yt=ground.x.T, matrix=ground.matrix.T)
    return moved(turned)


def _vector(values: Array, ground: Ground) -> Array:
    return require("cupy").ascontiguousarray(values, dtype=ground.dtype)
