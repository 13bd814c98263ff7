"""The kernels in CUDA through cupy: same names, same parameters and same results as in ``reference``.

The source is ``gpu.cu``, compiled when first used for each float type and form of cost. A :class:`GroundCost` of device arrays
goes in (see :func:`moved`); vectors may come from either side and are handed back to the host, where decisions are made: they
are n or m numbers where the work is n m. Searches look at every pair: cells of neighbours are for processors that would
wait for memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any, cast

import numpy as np

from ..errors import require
from ..inputs.types import Floats
from .ground_cost import CIRCULAR, GREAT_CIRCLE, PRODUCT, GroundCost

_THREADS = 256
_ROWS = {
    8: 4,
    4: 8,
}  # of a block, in the kernels that are run again and again, by the size of the float: registers are few
_VECTORS = 8  # that a block multiplies by, in gibbs
_FORMS = {
    0.0: 0,
    1.0: 1,
    2.0: 2,
    np.inf: 4,
    PRODUCT: 5,
    CIRCULAR: 6,
    GREAT_CIRCLE: 7,
}  # of the inner power, as gpu.cu counts them; 3 is any other


def moved(ground: GroundCost, device: str = "cuda:0") -> GroundCost:
    """The same cost with its arrays on a device, C-contiguous; what lies there already is not copied."""
    with _on(device):
        return ground._replace(**{name: _array(getattr(ground, name), ground.dtype) for name in ("x", "yt", "matrix")})


def copied(points: Any, device: str) -> Any:
    """Points (n, d) or (n,) of any library on a device, found by DLPack, as a float64 array (n, d) of cupy; none leaves the device.

    A copy, because the caller may change theirs before the last kernel has run.
    """
    with _on(device) as here:
        array = require("cupy").array(require("cupy").from_dlpack(points), dtype=np.float64)
        here.synchronize()
        return array if array.ndim == 2 else array[:, None]


def taken(clouds: tuple[Any, Any], device: str, rows: Any, columns: Any) -> tuple[Any, Any]:
    """Some points of either cloud: only the indices travel."""
    with _on(device):
        return clouds[0][_array(rows, np.int64)], clouds[1][_array(columns, np.int64)]


def shifted(
    clouds: tuple[Any, Any], device: str, scale: float, centre: Any, form: tuple[float, float, float], dtype: Any
) -> GroundCost:
    """The ground between ``scale z - centre`` for the points z of two clouds on a device; only the centre (d,) travels.

    Shifted in double precision and then rounded to ``dtype``, to the same bits as on the host.
    """
    with _on(device):
        centre = _array(centre, np.float64)
        x, y = (_array(cloud * scale - centre, dtype) for cloud in clouds)
        return GroundCost(x, _array(y.T, dtype), require("cupy").empty((0, 0), dtype), *form, False)


def _on(device: str) -> Any:
    return require("cupy").cuda.Device(int(device.partition(":")[2] or 0))


def _array(values: Any, dtype: Any) -> Any:
    """Values from either side as a C-contiguous array of the current device."""
    cupy = require("cupy")
    return cupy.ascontiguousarray(cupy.asarray(values, dtype=dtype))


def _there(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """The same on the device of the ground, whichever is the current one."""

    @wraps(kernel)
    def on_its_device(ground: GroundCost, *arguments: Any) -> Any:
        with cast(Any, ground.matrix).device:
            return kernel(ground, *arguments)

    return on_its_device


@lru_cache(maxsize=64)
def _module(size: int, form: int, count: int) -> Any:
    real = "double" if size == 8 else "float"
    numbers = dict(REAL=real, INNER=form, COUNT=count, THREADS=_THREADS, ROWS=_ROWS[size], VECTORS=_VECTORS)
    source = Path(__file__).with_name("gpu.cu").read_text()
    options = ("-std=c++11", *(f"-D{name}={value}" for name, value in numbers.items()))
    return require("cupy").RawModule(code=source, options=options)


def _launch(name: str, ground: GroundCost, blocks: tuple[int, ...], *arguments: Any, count: int = 0) -> None:
    if 0 in blocks:
        return
    kernel = _module(ground.dtype.itemsize, _FORMS.get(ground.inner, 3), count).get_function(name)
    kernel(blocks, (_THREADS,), (_argument(ground), *arguments))


def _row_blocks(ground: GroundCost) -> tuple[int]:
    """The grid of kernels that take several rows a block."""
    return (-(-ground.shape[0] // _ROWS[ground.dtype.itemsize]),)


def _argument(ground: GroundCost) -> Any:
    """The struct ``GroundCost`` of gpu.cu: (), which is how cupy passes one by value."""
    n, m = ground.shape
    real = np.dtype(ground.dtype)
    pointers = [(name, np.uintp) for name in ("x", "yt", "matrix")]
    sizes = [(name, np.int64) for name in "nmd"]
    numbers = [(name, real) for name in ("inner", "outer", "factor")]
    held = [getattr(ground, name).data.ptr for name, _ in pointers]
    finite = 0.0 if np.isinf(ground.inner) else ground.inner
    d = 0 if ground.inner == 0.0 else ground.x.shape[1]
    values = (*held, n, m, d, finite, ground.outer, ground.factor)
    return np.array(values, dtype=np.dtype([*pointers, *sizes, *numbers], align=True))


def _vector(values: Any, ground: GroundCost) -> Any:
    return _array(values, ground.dtype)


def _host(values: Any) -> Any:
    return require("cupy").asnumpy(values)


@_there
def cost_block(ground: GroundCost) -> Floats:
    """All costs, ``c_ij``: (n, m)."""
    out = require("cupy").empty(ground.shape, ground.dtype)
    _launch("cost_block", ground, (ground.shape[0],), out)
    return _host(out)


@_there
def cost_pairs(ground: GroundCost, rows: Any, columns: Any) -> Floats:
    """The costs of listed pairs, ``c[rows[k], columns[k]]``: (k,)."""
    cupy = require("cupy")
    rows, columns = (_array(side, np.int64) for side in (rows, columns))
    out = cupy.empty(len(rows), ground.dtype)
    _launch("cost_pairs", ground, (-(-len(out) // _THREADS),), rows, columns, out, np.int64(len(out)))
    return _host(out)


@_there
def ctransform(ground: GroundCost, potential: Floats) -> tuple[Floats, Any]:
    """``f_i = min_j c_ij - g_j`` and the first arg min: (n,), (n,)."""
    cupy = require("cupy")
    n = ground.shape[0]
    out, argmin = cupy.empty(n, ground.dtype), cupy.empty(n, np.int64)
    _launch("ctransform", ground, _row_blocks(ground), _vector(potential, ground), out, argmin)
    return _host(out), _host(argmin)


@_there
def softmin(ground: GroundCost, potential: Floats, epsilon: float) -> Floats:
    """``-epsilon log sum_j exp((h_j - c_ij) / epsilon)``: (n,). A row of nothing but -inf gives +inf."""
    out = require("cupy").empty(ground.shape[0], ground.dtype)
    _launch("softmin", ground, _row_blocks(ground), _vector(potential, ground), ground.dtype.type(epsilon), out)
    return _host(out)


@_there
def nearest(ground: GroundCost, potential: Floats, count: int, below: Floats | float = np.inf) -> tuple[Any, Floats]:
    """The ``count`` smallest reduced costs ``c_ij - g_j < below_i`` of every row, ascending: (n, count) columns, (n, count).

    Where a row has fewer, the rest are columns -1 at infinity.
    """
    cupy = require("cupy")
    n = ground.shape[0]
    columns, values = cupy.empty((n, count), np.int64), cupy.empty((n, count), ground.dtype)
    bars = _array(cupy.broadcast_to(_vector(below, ground), (n,)), ground.dtype)
    _launch("nearest", ground, (n,), _vector(potential, ground), bars, columns, values, count=count)
    return _host(columns), _host(values)


@_there
def gibbs(ground: GroundCost, f: Floats, g: Floats, epsilon: float, vectors: Floats) -> Floats:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) v_jk``: (n, k)."""
    width = vectors.shape[1]
    out = require("cupy").empty((ground.shape[0], width), ground.dtype)
    f, g, vectors = (_vector(z, ground) for z in (f, g, vectors))
    blocks = (len(out), -(-width // _VECTORS))
    _launch("gibbs", ground, blocks, f, g, ground.dtype.type(epsilon), vectors, out, np.int64(width))
    return _host(out)


@_there
def gibbs_cost(ground: GroundCost, f: Floats, g: Floats, epsilon: float, weights: Floats) -> Floats:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j c_ij`` over the finite costs: (n,)."""
    return _weighted_sums("gibbs_cost", ground, ground.shape[:1], f, g, epsilon, weights)


@_there
def gibbs_slope(ground: GroundCost, f: Floats, g: Floats, epsilon: float, weights: Floats) -> Floats:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j dc_ij/dx_i`` for a cost between points: (n, d).

    Where the cost has a kink the zero of its subdifferential is taken, for the maximum norm the first of the largest coordinates.
    """
    return _weighted_sums("gibbs_slope", ground, ground.x.shape, f, g, epsilon, weights)


def _weighted_sums(
    name: str, ground: GroundCost, shape: tuple[int, ...], f: Floats, g: Floats, epsilon: float, weights: Floats
) -> Floats:
    """One block to each entry of what comes out."""
    out = require("cupy").empty(shape, ground.dtype)
    f, g, weights = (_vector(z, ground) for z in (f, g, weights))
    _launch(name, ground, (math.prod(shape),), f, g, ground.dtype.type(epsilon), weights, out)
    return _host(out)


@_there
def cost_sums(ground: GroundCost, weights: Floats) -> Floats:
    """``sum_j w_j c_ij`` over the finite costs: (n,)."""
    out = require("cupy").empty(ground.shape[0], ground.dtype)
    _launch("cost_sums", ground, out.shape, _vector(weights, ground), out)
    return _host(out)


def sweep(
    ground: GroundCost,
    f: Floats,
    g: Floats,
    a: Floats,
    b: Floats,
    epsilon: float,
    power: float = 1.0,
    floor: float = -np.inf,
    cut: float = np.inf,
) -> tuple[Floats, Floats]:
    """Row sums of a Gibbs matrix, and its column sums after the rows have been divided by a power of theirs.

    With ``K_ij = exp((f_i + g_j - c_ij)/epsilon)`` and positive weights a (n,), b (m,): ``r_i = log sum_j b_j K_ij`` (n,) and
    ``s_j = sum_i a_i K_ij exp(-power max(r_i, floor))`` (m,), float64 both. No terms are left out.
    """
    f, g, a, b = (np.asarray(z, np.float64) for z in (f, g, a, b))
    log_rows = (f - softmin(ground, g + epsilon * np.log(b), epsilon)) / epsilon
    lifted = f + epsilon * (np.log(a) - power * np.maximum(log_rows, floor))
    with np.errstate(over="ignore"):
        return log_rows, np.exp((g - softmin(_turned(ground), lifted, epsilon)) / epsilon)


def symmetric(ground: GroundCost, f: Floats, a: Floats, epsilon: float, cut: float = np.inf) -> Floats:
    """``log sum_j a_j exp((f_i + f_j - c_ij)/epsilon)`` (n,), float64, for a symmetric cost; no terms are left out."""
    f = np.asarray(f, np.float64)
    return (f - softmin(ground, f + epsilon * np.log(a), epsilon)) / epsilon


def _turned(ground: GroundCost) -> GroundCost:
    """The same cost with rows and columns exchanged."""
    turned = dict(x=ground.yt.T, yt=ground.x.T, matrix=ground.matrix.T)
    with cast(Any, ground.matrix).device:
        return ground._replace(**{name: _array(z, ground.dtype) for name, z in turned.items()})
