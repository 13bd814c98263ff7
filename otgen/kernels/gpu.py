"""The kernels in CUDA through cupy: same names, same parameters and same results as in ``reference``.

The sources are in ``cuda``, compiled when first used for each float type and form of cost. A :class:`GroundCost` of device arrays
goes in (see :func:`moved`); vectors may come from either side and are handed back to the host, where decisions are made: they
are n or m numbers where the work is n m. Sums and minima go by tiles of rows and columns, which share what they read of coordinates.
Searches look at every pair: cells of neighbours are for processors that would wait for memory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

import numpy as np

from ..errors import require
from ..inputs.types import Floats
from . import launching
from .ground_cost import CIRCULAR, GroundCost
from .launching import GIBBS, NEAREST, PAIRS

_FEW = 16  # vectors or coordinates up to which a thread adds up one
_BY_COORDINATE = (1.0, 2.0, CIRCULAR)  # forms in which a coordinate adds what depends on it alone


def moved(ground: GroundCost, device: str = "cuda:0") -> GroundCost:
    """The same cost with its arrays on a device, C-contiguous; what lies there already is not copied."""
    with _current_device(device):
        return ground._replace(**{name: _array(getattr(ground, name), ground.dtype) for name in ("x", "yt", "matrix")})


def copied(points: Any, device: str) -> Any:
    """Points (n, d) or (n,) of any library on a device, found by DLPack, as a float64 array (n, d) of cupy; none leaves the device.

    A copy, because the caller may change theirs before the last kernel has run.
    """
    with _current_device(device) as here:
        array = require("cupy").array(require("cupy").from_dlpack(points), dtype=np.float64)
        here.synchronize()
        return array if array.ndim == 2 else array[:, None]


def taken(clouds: tuple[Any, Any], device: str, rows: Any, columns: Any) -> tuple[Any, Any]:
    """Some points of either cloud: only the indices travel."""
    with _current_device(device):
        return clouds[0][_array(rows, np.int64)], clouds[1][_array(columns, np.int64)]


def shifted(
    clouds: tuple[Any, Any], device: str, scale: float, centre: Any, form: tuple[float, float, float], dtype: Any
) -> GroundCost:
    """The ground between ``scale z - centre`` for the points z of two clouds on a device; only the centre (d,) travels.

    Shifted in double precision and then rounded to ``dtype``, to the same bits as on the host.
    """
    with _current_device(device):
        centre = _array(centre, np.float64)
        x, y = (_array(cloud * scale - centre, dtype) for cloud in clouds)
        return GroundCost(x, _array(y.T, dtype), require("cupy").empty((0, 0), dtype), *form, False)


def _current_device(device: str) -> Any:
    return require("cupy").cuda.Device(int(device.partition(":")[2] or 0))


def _array(values: Any, dtype: Any) -> Any:
    """Values from either side as a C-contiguous array of the current device."""
    cupy = require("cupy")
    return cupy.ascontiguousarray(cupy.asarray(values, dtype=dtype))


def _on_its_device(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """The same on the device of the ground, whichever is the current one."""

    @wraps(kernel)
    def on_its_device(ground: GroundCost, *arguments: Any) -> Any:
        with cast(Any, ground.matrix).device:
            return kernel(ground, *arguments)

    return on_its_device


def _vector(values: Any, ground: GroundCost) -> Any:
    return _array(values, ground.dtype)


def _on_host(values: Any) -> Any:
    return require("cupy").asnumpy(values)


@_on_its_device
def cost_block(ground: GroundCost) -> Floats:
    """All costs, ``c_ij``: (n, m)."""
    out = require("cupy").empty(ground.shape, ground.dtype)
    launching.launch(PAIRS, "cost_block", ground, (ground.shape[0],), out)
    return _on_host(out)


@_on_its_device
def cost_pairs(ground: GroundCost, rows: Any, columns: Any) -> Floats:
    """The costs of listed pairs, ``c[rows[k], columns[k]]``: (k,)."""
    rows, columns = (_array(side, np.int64) for side in (rows, columns))
    out = require("cupy").empty(len(rows), ground.dtype)
    launching.launch(
        PAIRS, "cost_pairs", ground, (-(-len(out) // launching.THREADS),), rows, columns, out, np.int64(len(out))
    )
    return _on_host(out)


@_on_its_device
def ctransform(ground: GroundCost, potential: Floats) -> tuple[Floats, Any]:
    """``f_i = min_j c_ij - g_j`` and the first arg min: (n,), (n,)."""
    parts = (ground.dtype, np.int64)
    found = launching.over_rows("ctransform", ground, _vector(potential, ground), parts=parts)
    values, columns = launching.joined("ctransform_joined", ground, found, parts=parts)
    return _on_host(values), _on_host(columns)


@_on_its_device
def softmin(ground: GroundCost, potential: Floats, epsilon: float) -> Floats:
    """``-epsilon log sum_j exp((h_j - c_ij) / epsilon)``: (n,). A row of nothing but -inf gives +inf."""
    return _on_host(_softmin(ground, _vector(potential, ground), epsilon))


def _softmin(ground: GroundCost, potential: Any, epsilon: float) -> Any:
    """Of an array of the device, there."""
    scale = ground.dtype.type(epsilon)
    found = launching.over_rows("softmin", ground, potential, scale, parts=(ground.dtype, ground.dtype))
    return launching.joined("softmin_joined", ground, found, scale, parts=(ground.dtype,))[0]


@_on_its_device
def nearest(ground: GroundCost, potential: Floats, count: int, below: Floats | float = np.inf) -> tuple[Any, Floats]:
    """The ``count`` smallest reduced costs ``c_ij - g_j < below_i`` of every row, ascending: (n, count) columns, (n, count).

    Where a row has fewer, the rest are columns -1 at infinity.
    """
    cupy = require("cupy")
    n = ground.shape[0]
    columns, values = cupy.empty((n, count), np.int64), cupy.empty((n, count), ground.dtype)
    bars = _array(cupy.broadcast_to(_vector(below, ground), (n,)), ground.dtype)
    launching.launch(NEAREST, "nearest", ground, (n,), _vector(potential, ground), bars, columns, values, COUNT=count)
    return _on_host(columns), _on_host(values)


@_on_its_device
def gibbs(ground: GroundCost, f: Floats, g: Floats, epsilon: float, vectors: Floats) -> Floats:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) v_jk``: (n, k)."""
    width = vectors.shape[1]
    return _gibbs("gibbs", ground, (f, g, epsilon, vectors), width, np.int64(width))


@_on_its_device
def gibbs_cost(ground: GroundCost, f: Floats, g: Floats, epsilon: float, weights: Floats) -> Floats:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j c_ij`` over the finite costs: (n,)."""
    f, g, weights = (_vector(z, ground) for z in (f, g, weights))
    found = launching.over_rows("gibbs_cost", ground, f, g, ground.dtype.type(epsilon), weights, parts=(ground.dtype,))
    return _on_host(launching.joined("totals_joined", ground, found, parts=(ground.dtype,))[0])


@_on_its_device
def gibbs_slope(ground: GroundCost, f: Floats, g: Floats, epsilon: float, weights: Floats) -> Floats:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j dc_ij/dx_i`` for a cost between points: (n, d).

    Where the cost has a kink the zero of its subdifferential is taken, for the maximum norm the first of the largest coordinates.
    """
    given, shape = (f, g, epsilon, weights), ground.x.shape
    if ground.inner in _BY_COORDINATE:
        return _gibbs("gibbs_slope", ground, given, shape[1])
    out = require("cupy").empty(shape, ground.dtype)
    launching.launch(GIBBS, "gibbs_slope", ground, shape, *_entries(ground, *given), out, EACH=1)
    return _on_host(out)


def _gibbs(name: str, ground: GroundCost, given: tuple[Any, ...], width: int, *more: Any) -> Floats:
    """Rows times ``width`` numbers of a kernel that goes by tiles: (n, width)."""
    each = 1 if width <= _FEW else 4
    down, shares = launching.shares_of(ground, GIBBS)
    clouds, _held = launching.packed(ground, GIBBS)
    wide = -(-width // (launching.across() * each))
    out = require("cupy").empty((shares, ground.shape[0], width), ground.dtype)
    launching.launch(
        GIBBS, name, ground, (down, wide, shares), clouds, *_entries(ground, *given), out, *more, EACH=each
    )
    return _on_host(launching.joined("totals_joined", ground, (out,), parts=(ground.dtype,))[0])


def _entries(ground: GroundCost, f: Floats, g: Floats, epsilon: float, vectors: Floats) -> tuple[Any, ...]:
    """The arguments of a kernel of a Gibbs matrix."""
    return _vector(f, ground), _vector(g, ground), ground.dtype.type(epsilon), _vector(vectors, ground)


@_on_its_device
def cost_sums(ground: GroundCost, weights: Floats) -> Floats:
    """``sum_j w_j c_ij`` over the finite costs: (n,)."""
    found = launching.over_rows("cost_sums", ground, _vector(weights, ground), parts=(ground.dtype,))
    return _on_host(launching.joined("totals_joined", ground, found, parts=(ground.dtype,))[0])


@_on_its_device
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
    (n, m), empty, scale = ground.shape, require("cupy").empty, np.float64(epsilon)
    f, g, a, b = (_array(z, np.float64) for z in (f, g, a, b))
    between = launching.module_by_number("sweep", ground.dtype)
    of_columns, of_rows, log_rows, columns = (
        empty(m, ground.dtype),
        empty(n, ground.dtype),
        empty(n, "f8"),
        empty(m, "f8"),
    )
    launching.per_number(between, "raised", m, g, b, scale, of_columns)
    soft = _softmin(ground, of_columns, epsilon)
    launching.per_number(
        between, "divided", n, f, a, scale, soft, np.float64(power), np.float64(floor), log_rows, of_rows
    )
    launching.per_number(between, "summed", m, g, scale, _softmin(_turned_ground(ground), of_rows, epsilon), columns)
    return _on_host(log_rows), _on_host(columns)


def symmetric(ground: GroundCost, f: Floats, a: Floats, epsilon: float, cut: float = np.inf) -> Floats:
    """``log sum_j a_j exp((f_i + f_j - c_ij)/epsilon)`` (n,), float64, for a symmetric cost; no terms are left out."""
    f = np.asarray(f, np.float64)
    return (f - softmin(ground, f + epsilon * np.log(a), epsilon)) / epsilon


def _turned_ground(ground: GroundCost) -> GroundCost:
    """The same cost with rows and columns exchanged; nothing is copied."""
    return ground._replace(x=ground.yt.T, yt=ground.x.T, matrix=ground.matrix.T)
