"""The kernels in CUDA through cupy: same names, same parameters and same results as in ``reference``.

The sources are in ``cuda``, compiled when first used for each float type and form of cost. A :class:`GroundCost` of device arrays
goes in (see :func:`moved`); vectors may come from either side and are handed back to the host, where decisions are made: they
are n or m numbers where the work is n m. Sums and minima go by tiles of rows and columns, which share what they read of coordinates.
Searches look at every pair: cells of neighbours are for processors that would wait for memory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

from ..errors import require
from ..inputs.types import Floats
from .ground_cost import CIRCULAR, GREAT_CIRCLE, PRODUCT, GroundCost

_THREADS = 256
_ACROSS = 16  # of them, side by side
_BLOCKS = 2048  # that columns are shared out for, if rows alone are fewer: some per multiprocessor on the largest devices of today
_FEW = 16  # vectors or coordinates up to which a thread adds up one


class _Source(NamedTuple):
    """Files of ``cuda`` that are compiled together, and the tile of a thread, rows by columns, by the size of the float."""

    files: tuple[str, ...]
    single: tuple[int, int] = (1, 1)
    double: tuple[int, int] = (1, 1)

    def tile(self, ground: GroundCost) -> tuple[int, int]:
        """That of a cost: small where a pair is an expression of its own, of which each copy is compiled."""
        rows, columns = self.double if ground.dtype.itemsize == 8 else self.single
        return (1, 16 // ground.dtype.itemsize) if _form_number(ground) in _APART and rows > 1 else (rows, columns)

    def depth(self, ground: GroundCost) -> int:
        """How many coordinates are held at a time: all, if they are few."""
        d = max(ground.x.shape[1], 1)
        return d if d <= 4 else 8 if d <= 8 or self is _GIBBS else 16  # more would not fit into shared memory

    def multiplies(self, ground: GroundCost) -> bool:
        """Whether tensor cores do it: for inner products in single precision."""
        square = self.single == (8, 8) and _across() == 16 and _THREADS == 256
        return square and ground.inner == PRODUCT and ground.dtype.itemsize == 4 and ground.x.shape[1] > 8


_ROWS = _Source(("ground", "tiles", "rows"), (8, 8), (4, 4))
_GIBBS = _Source(("ground", "tiles", "gibbs"), (4, 4), (4, 2))
_PAIRS = _Source(("ground", "pairs"))
_NEAREST = _Source(("ground", "nearest"))
_FORMS = {
    0.0: 0,
    1.0: 1,
    2.0: 2,
    np.inf: 4,
    PRODUCT: 5,
    CIRCULAR: 6,
    GREAT_CIRCLE: 7,
}  # of the inner power, as ground.cu counts them; 3 is any other
_OUTER = {0.5: 1, 1.0: 2, 2.0: 4}  # of the outer power, the same; 0 is any other
_APART = (3, 7)  # of these, those whose pairs share nothing
_PACKED = np.dtype([("x", np.uintp), ("y", np.uintp), ("depth", np.int64), ("rows", np.int64), ("columns", np.int64)])
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


def _form_number(ground: GroundCost) -> int:
    return _FORMS.get(ground.inner, 3)


def _module(source: _Source, ground: GroundCost, **numbers: int) -> Any:
    """The kernels of a source for a kind of cost."""
    rows, columns = source.tile(ground)
    numbers |= dict(INNER=_form_number(ground), OUTER=_OUTER.get(ground.outer, 0), THREADS=_THREADS)
    if "tiles" in source.files:
        numbers |= dict(ACROSS=_across(), ROWS=rows, COLUMNS=columns, DEPTH=source.depth(ground))
        numbers |= dict(TENSOR=int(source.multiplies(ground)), RESIDENT=2)
    return _compiled(source.files, _name_of_real(ground.dtype), *numbers.items())


def _name_of_real(dtype: Any) -> str:
    return "double" if dtype.itemsize == 8 else "float"


def _across() -> int:
    return min(_ACROSS, _THREADS)


@lru_cache(maxsize=64)
def _compiled(files: tuple[str, ...], real: str, *macros: tuple[str, int]) -> Any:
    folder = Path(__file__).with_name("cuda")
    code = "\n".join((folder / f"{name}.cu").read_text() for name in files)
    options = ("-std=c++14", f"-DREAL={real}", *(f"-D{name}={value}" for name, value in macros))
    return require("cupy").RawModule(code=code, options=options)


def _launch(
    source: _Source, name: str, ground: GroundCost, blocks: tuple[int, ...], *arguments: Any, **numbers: int
) -> None:
    """A kernel of a cost, unless there is nothing to do."""
    module = _module(source, ground, **numbers)
    if 0 not in blocks:
        module.get_function(name)(blocks, (_THREADS,), (_argument(ground), *arguments))


def _tile(ground: GroundCost, source: _Source) -> tuple[int, int]:
    """Rows and columns that a block takes at a time."""
    rows, columns = source.tile(ground)
    return _THREADS // _across() * rows, _across() * columns


def _shares(ground: GroundCost, source: _Source) -> tuple[int, int]:
    """How many tiles rows fill, and into how many shares columns are split."""
    down, along = (-(-size // step) for size, step in zip(ground.shape, _tile(ground, source)))
    return down, max(1, min(along, _BLOCKS // max(down, 1)))


def _packed(ground: GroundCost, source: _Source) -> tuple[Any, Any]:
    """The struct ``Packed`` of tiles.cu, and the arrays that it points to: both clouds as tiles read them."""
    depth, counts = source.depth(ground), []
    depth, held = -(-ground.x.shape[1] // depth) * depth, []
    for cloud, size, width in zip((ground.x, ground.yt.T), ground.shape, _tile(ground, source)):
        counts.append(-(-size // width) * width)
        held.append(require("cupy").empty((depth, counts[-1]), ground.dtype))
        _pack(cloud, held[-1])
    return _by_value(np.array((*(z.data.ptr for z in held), depth, *counts), dtype=_PACKED)), held


def _pack(cloud: Any, out: Any) -> None:
    """Points (n, d) as coordinates (depth, count) of which the first d of the first n are theirs."""
    of_cloud = (*cloud.shape, *(step // cloud.dtype.itemsize for step in cloud.strides))
    module = _compiled(("packed",), _name_of_real(cloud.dtype), ("THREADS", _THREADS))
    _per_number(module, "packed", out.size, np.int64(out.shape[1]), out, cloud, *map(np.int64, of_cloud))


def _over_rows(name: str, ground: GroundCost, *arguments: Any, parts: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a kernel finds of every row in each share of the columns, an array (shares, n) of each of the dtypes in ``parts``."""
    down, shares = _shares(ground, _ROWS)
    found = tuple(require("cupy").empty((shares, ground.shape[0]), part) for part in parts)
    clouds, _held = _packed(ground, _ROWS)
    _launch(_ROWS, name, ground, (down, shares), clouds, *arguments, *found)
    return found


def _joined(name: str, ground: GroundCost, found: tuple[Any, ...], *arguments: Any, parts: tuple[Any, ...]) -> Any:
    """The shares put together, of every number: arrays on the device."""
    out = tuple(require("cupy").empty(found[0].shape[1:], part) for part in parts)
    _per_number(_module(_ROWS, ground), name, out[0].size, np.int64(len(found[0])), *found, *arguments, *out)
    return out


def _per_number(module: Any, name: str, count: int, *arguments: Any) -> None:
    """A kernel with a thread for each of ``count`` numbers."""
    if count:
        module.get_function(name)((-(-count // _THREADS),), (_THREADS,), (np.int64(count), *arguments))


def _argument(ground: GroundCost) -> Any:
    """The struct ``GroundCost`` of ground.cu: (), which is how cupy passes one by value."""
    held = [getattr(ground, name) for name in ("x", "yt", "matrix")]
    finite = 0.0 if np.isinf(ground.inner) else ground.inner
    d = 0 if ground.inner == 0.0 else ground.x.shape[1]
    steps = (step // ground.dtype.itemsize for array in held for step in array.strides)
    values = (*(array.data.ptr for array in held), *ground.shape, d, *steps, finite, ground.outer, ground.factor)
    return _by_value(np.array(values, dtype=_struct(ground.dtype.char)))


def _by_value(struct: Any) -> Any:
    """A struct as bytes: cupy would describe its fields, one by one, at every launch."""
    return struct.view(f"V{struct.itemsize}")


@lru_cache(maxsize=2)
def _struct(real: str) -> Any:
    names = ("n", "m", "d", "x_row", "x_next", "y_next", "y_column", "matrix_row", "matrix_column")
    fields = [*((name, np.uintp) for name in ("x", "yt", "matrix")), *((name, np.int64) for name in names)]
    return np.dtype([*fields, *((name, real) for name in ("inner", "outer", "factor"))], align=True)


def _vector(values: Any, ground: GroundCost) -> Any:
    return _array(values, ground.dtype)


def _on_host(values: Any) -> Any:
    return require("cupy").asnumpy(values)


@_on_its_device
def cost_block(ground: GroundCost) -> Floats:
    """All costs, ``c_ij``: (n, m)."""
    out = require("cupy").empty(ground.shape, ground.dtype)
    _launch(_PAIRS, "cost_block", ground, (ground.shape[0],), out)
    return _on_host(out)


@_on_its_device
def cost_pairs(ground: GroundCost, rows: Any, columns: Any) -> Floats:
    """The costs of listed pairs, ``c[rows[k], columns[k]]``: (k,)."""
    rows, columns = (_array(side, np.int64) for side in (rows, columns))
    out = require("cupy").empty(len(rows), ground.dtype)
    _launch(_PAIRS, "cost_pairs", ground, (-(-len(out) // _THREADS),), rows, columns, out, np.int64(len(out)))
    return _on_host(out)


@_on_its_device
def ctransform(ground: GroundCost, potential: Floats) -> tuple[Floats, Any]:
    """``f_i = min_j c_ij - g_j`` and the first arg min: (n,), (n,)."""
    parts = (ground.dtype, np.int64)
    found = _over_rows("ctransform", ground, _vector(potential, ground), parts=parts)
    values, columns = _joined("ctransform_joined", ground, found, parts=parts)
    return _on_host(values), _on_host(columns)


@_on_its_device
def softmin(ground: GroundCost, potential: Floats, epsilon: float) -> Floats:
    """``-epsilon log sum_j exp((h_j - c_ij) / epsilon)``: (n,). A row of nothing but -inf gives +inf."""
    return _on_host(_softmin(ground, _vector(potential, ground), epsilon))


def _softmin(ground: GroundCost, potential: Any, epsilon: float) -> Any:
    """Of an array of the device, there."""
    scale = ground.dtype.type(epsilon)
    found = _over_rows("softmin", ground, potential, scale, parts=(ground.dtype, ground.dtype))
    return _joined("softmin_joined", ground, found, scale, parts=(ground.dtype,))[0]


@_on_its_device
def nearest(ground: GroundCost, potential: Floats, count: int, below: Floats | float = np.inf) -> tuple[Any, Floats]:
    """The ``count`` smallest reduced costs ``c_ij - g_j < below_i`` of every row, ascending: (n, count) columns, (n, count).

    Where a row has fewer, the rest are columns -1 at infinity.
    """
    cupy = require("cupy")
    n = ground.shape[0]
    columns, values = cupy.empty((n, count), np.int64), cupy.empty((n, count), ground.dtype)
    bars = _array(cupy.broadcast_to(_vector(below, ground), (n,)), ground.dtype)
    _launch(_NEAREST, "nearest", ground, (n,), _vector(potential, ground), bars, columns, values, COUNT=count)
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
    found = _over_rows("gibbs_cost", ground, f, g, ground.dtype.type(epsilon), weights, parts=(ground.dtype,))
    return _on_host(_joined("totals_joined", ground, found, parts=(ground.dtype,))[0])


@_on_its_device
def gibbs_slope(ground: GroundCost, f: Floats, g: Floats, epsilon: float, weights: Floats) -> Floats:
    """``sum_j exp((f_i + g_j - c_ij) / epsilon) w_j dc_ij/dx_i`` for a cost between points: (n, d).

    Where the cost has a kink the zero of its subdifferential is taken, for the maximum norm the first of the largest coordinates.
    """
    given, shape = (f, g, epsilon, weights), ground.x.shape
    if ground.inner in _BY_COORDINATE:
        return _gibbs("gibbs_slope", ground, given, shape[1])
    out = require("cupy").empty(shape, ground.dtype)
    _launch(_GIBBS, "gibbs_slope", ground, shape, *_entries(ground, *given), out, EACH=1)
    return _on_host(out)


def _gibbs(name: str, ground: GroundCost, given: tuple[Any, ...], width: int, *more: Any) -> Floats:
    """Rows times ``width`` numbers of a kernel that goes by tiles: (n, width)."""
    each = 1 if width <= _FEW else 4
    down, shares = _shares(ground, _GIBBS)
    clouds, _held = _packed(ground, _GIBBS)
    wide = -(-width // (_across() * each))
    out = require("cupy").empty((shares, ground.shape[0], width), ground.dtype)
    _launch(_GIBBS, name, ground, (down, wide, shares), clouds, *_entries(ground, *given), out, *more, EACH=each)
    return _on_host(_joined("totals_joined", ground, (out,), parts=(ground.dtype,))[0])


def _entries(ground: GroundCost, f: Floats, g: Floats, epsilon: float, vectors: Floats) -> tuple[Any, ...]:
    """The arguments of a kernel of a Gibbs matrix."""
    return _vector(f, ground), _vector(g, ground), ground.dtype.type(epsilon), _vector(vectors, ground)


@_on_its_device
def cost_sums(ground: GroundCost, weights: Floats) -> Floats:
    """``sum_j w_j c_ij`` over the finite costs: (n,)."""
    found = _over_rows("cost_sums", ground, _vector(weights, ground), parts=(ground.dtype,))
    return _on_host(_joined("totals_joined", ground, found, parts=(ground.dtype,))[0])


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
    between = _compiled(("sweep",), _name_of_real(ground.dtype), ("THREADS", _THREADS))
    of_columns, of_rows, log_rows, columns = (
        empty(m, ground.dtype),
        empty(n, ground.dtype),
        empty(n, "f8"),
        empty(m, "f8"),
    )
    _per_number(between, "raised", m, g, b, scale, of_columns)
    soft = _softmin(ground, of_columns, epsilon)
    _per_number(between, "divided", n, f, a, scale, soft, np.float64(power), np.float64(floor), log_rows, of_rows)
    _per_number(between, "summed", m, g, scale, _softmin(_turned_ground(ground), of_rows, epsilon), columns)
    return _on_host(log_rows), _on_host(columns)


def symmetric(ground: GroundCost, f: Floats, a: Floats, epsilon: float, cut: float = np.inf) -> Floats:
    """``log sum_j a_j exp((f_i + f_j - c_ij)/epsilon)`` (n,), float64, for a symmetric cost; no terms are left out."""
    f = np.asarray(f, np.float64)
    return (f - softmin(ground, f + epsilon * np.log(a), epsilon)) / epsilon


def _turned_ground(ground: GroundCost) -> GroundCost:
    """The same cost with rows and columns exchanged; nothing is copied."""
    return ground._replace(x=ground.yt.T, yt=ground.x.T, matrix=ground.matrix.T)
