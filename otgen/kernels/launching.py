"""How the kernels of ``cuda`` are compiled and launched.

Sources are compiled when first used, for each float type and form of cost: constants stand for what a loop would ask again and again. Sums and minima
over rows go by tiles of rows and columns, the columns shared out over blocks where rows alone would not fill a device; what the shares found is
joined by a second kernel.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import require
from .ground_cost import CIRCULAR, GREAT_CIRCLE, PRODUCT, GroundCost

THREADS = 256
_ACROSS = 16  # of them, side by side
_BLOCKS = 2048  # that columns are shared out for, if rows alone are fewer: some per multiprocessor on the largest devices of today


class Source(NamedTuple):
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
        return d if d <= 4 else 8 if d <= 8 or self is GIBBS else 16  # more would not fit into shared memory

    def multiplies(self, ground: GroundCost) -> bool:
        """Whether tensor cores do it: for inner products in single precision."""
        square = self.single == (8, 8) and across() == 16 and THREADS == 256
        return square and ground.inner == PRODUCT and ground.dtype.itemsize == 4 and ground.x.shape[1] > 8


ROWS = Source(("ground", "tiles", "rows"), (8, 8), (4, 4))
GIBBS = Source(("ground", "tiles", "gibbs"), (4, 4), (4, 2))
PAIRS = Source(("ground", "pairs"))
NEAREST = Source(("ground", "nearest"))
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


def _form_number(ground: GroundCost) -> int:
    return _FORMS.get(ground.inner, 3)


def module_of(source: Source, ground: GroundCost, **numbers: int) -> Any:
    """The kernels of a source for a kind of cost."""
    rows, columns = source.tile(ground)
    numbers |= dict(INNER=_form_number(ground), OUTER=_OUTER.get(ground.outer, 0), THREADS=THREADS)
    if "tiles" in source.files:
        numbers |= dict(ACROSS=across(), ROWS=rows, COLUMNS=columns, DEPTH=source.depth(ground))
        numbers |= dict(TENSOR=int(source.multiplies(ground)), RESIDENT=2)
    return compiled(source.files, _real_name(ground.dtype), *numbers.items())


def module_by_number(name: str, dtype: Any) -> Any:
    """The kernels of a file that have a thread for each number, of no cost."""
    return compiled((name,), _real_name(dtype), ("THREADS", THREADS))


def _real_name(dtype: Any) -> str:
    return "double" if dtype.itemsize == 8 else "float"


def across() -> int:
    """How many threads of a block share its rows."""
    return min(_ACROSS, THREADS)


@lru_cache(maxsize=64)
def compiled(files: tuple[str, ...], real: str, *macros: tuple[str, int]) -> Any:
    """Files compiled as one source for a float type, with constants."""
    folder = Path(__file__).with_name("cuda")
    code = "\n".join((folder / f"{name}.cu").read_text() for name in files)
    options = ("-std=c++14", f"-DREAL={real}", *(f"-D{name}={value}" for name, value in macros))
    return require("cupy").RawModule(code=code, options=options)


def launch(
    source: Source, name: str, ground: GroundCost, blocks: tuple[int, ...], *arguments: Any, **numbers: int
) -> None:
    """A kernel of a cost, unless there is nothing to do."""
    module = module_of(source, ground, **numbers)
    if 0 not in blocks:
        module.get_function(name)(blocks, (THREADS,), (_argument(ground), *arguments))


def _tile(ground: GroundCost, source: Source) -> tuple[int, int]:
    """Rows and columns that a block takes at a time."""
    rows, columns = source.tile(ground)
    return THREADS // across() * rows, across() * columns


def shares_of(ground: GroundCost, source: Source) -> tuple[int, int]:
    """How many tiles rows fill, and into how many shares columns are split."""
    down, along = (-(-size // step) for size, step in zip(ground.shape, _tile(ground, source)))
    return down, max(1, min(along, _BLOCKS // max(down, 1)))


def packed(ground: GroundCost, source: Source) -> tuple[Any, Any]:
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
    per_number(
        module_by_number("packed", cloud.dtype),
        "packed",
        out.size,
        np.int64(out.shape[1]),
        out,
        cloud,
        *map(np.int64, of_cloud),
    )


def over_rows(name: str, ground: GroundCost, *arguments: Any, parts: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a kernel finds of every row in each share of the columns, an array (shares, n) of each of the dtypes in ``parts``."""
    down, shares = shares_of(ground, ROWS)
    found = tuple(require("cupy").empty((shares, ground.shape[0]), part) for part in parts)
    clouds, _held = packed(ground, ROWS)
    launch(ROWS, name, ground, (down, shares), clouds, *arguments, *found)
    return found


def joined(name: str, ground: GroundCost, found: tuple[Any, ...], *arguments: Any, parts: tuple[Any, ...]) -> Any:
    """The shares put together, of every number: arrays on the device."""
    out = tuple(require("cupy").empty(found[0].shape[1:], part) for part in parts)
    per_number(module_of(ROWS, ground), name, out[0].size, np.int64(len(found[0])), *found, *arguments, *out)
    return out


def per_number(module: Any, name: str, count: int, *arguments: Any) -> None:
    """A kernel with a thread for each of ``count`` numbers."""
    if count:
        module.get_function(name)((-(-count // THREADS),), (THREADS,), (np.int64(count), *arguments))


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
