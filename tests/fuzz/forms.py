"""What arrays come as: every dtype, layout and container, with the numbers that are then in them."""

from __future__ import annotations

import array as arrays
import decimal
import fractions
import tempfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas
import polars
import pyarrow
import scipy.sparse
import torch
import xarray

from .draws import Draw

ORDINARY = ("float64",)
USUAL = ("float32", "int64", "int32", "float16", ">f8")
RARE = (
    "int8", "int16", "uint8", "uint16", "uint32", "uint64", "bool", "longdouble", "object", "complex128", "complex64", ">f4", ">i4", ">i8",
    "M8[ns]", "M8[D]", "m8[s]", "fractions", "decimals", "strings",
)  # fmt: skip
NO_NUMBERS = ("complex128", "complex64", "strings")
TIMES = "Mm"


@dataclass(frozen=True)
class Given:
    """What is handed over, the numbers in it as exact Python numbers (nested lists; None where there are none), and whether it is plain."""

    thing: Any
    values: Any
    plain: bool
    told: str


class ArrayLike:
    """An object of a user's that numpy can read."""

    def __init__(self, held: np.ndarray) -> None:
        self.held = held

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self.held if dtype is None else self.held.astype(dtype)


class Exporter:
    """An object that exports DLPack and nothing else."""

    def __init__(self, held: np.ndarray) -> None:
        self.held = held

    def __dlpack__(self, **options: Any) -> Any:
        return self.held.__dlpack__()

    def __dlpack_device__(self) -> Any:
        return self.held.__dlpack_device__()


class Interface:
    """An object that has numpy's older interface and nothing else."""

    def __init__(self, held: np.ndarray) -> None:
        self.__array_interface__ = held.__array_interface__
        self.held = held


def given(draw: Draw, numbers: np.ndarray, *, plain: bool = False) -> Given:
    """Numbers in some form; with ``plain`` as a float64 array or a list."""
    usual = draw.rng.random()
    dtype = "float64" if plain or usual < 0.65 else draw.one(*USUAL) if usual < 0.93 else draw.one(*RARE)
    if plain and numbers.dtype.kind in "iu":
        dtype = "int64"
    with np.errstate(all="ignore"):
        held = _cast(draw, numbers, dtype)
    layout = "C" if plain else draw.one("C", "C", "C", *LAYOUTS)
    held = laid_out(draw, held, layout)
    container = (
        draw.one("array", "list") if plain else draw.one(*SURE * 2, *READ) if draw.chance(0.9) else draw.one(*ODD)
    )
    thing = contained(held, container)
    return Given(
        thing, _exact(held), plain or (dtype == "float64" and container in SURE), f"{dtype} {layout} {container}"
    )


def _cast(draw: Draw, numbers: np.ndarray, dtype: str) -> np.ndarray:
    """The numbers of a dtype, as near as it has them."""
    if dtype == "fractions":
        return _objects(numbers, lambda v: fractions.Fraction(v) if np.isfinite(v) else v)
    if dtype == "decimals":
        return _objects(numbers, decimal.Decimal)
    if dtype == "object":
        return _objects(
            numbers, draw.one(float, lambda v: v, lambda v: int(v) if np.isfinite(v) and abs(v) < 1e300 else v)
        )
    if dtype == "strings":
        return numbers.astype(str)
    if np.dtype(dtype).kind in "iubMm":
        bounded = (
            np.clip(np.where(np.isfinite(numbers), numbers, 0), -(2.0**62), 2.0**62)
            if numbers.dtype.kind == "f"
            else numbers
        )
        whole = bounded.astype(np.int64)
        return whole.astype(bool) if dtype == "bool" else whole.astype(dtype)
    return numbers.astype(dtype)


def _objects(numbers: np.ndarray, of: Any) -> np.ndarray:
    out = np.empty(numbers.shape, object)
    for k, v in enumerate(numbers.ravel().tolist()):
        out.flat[k] = of(v)
    return out


LAYOUTS = ("F", "strided", "backwards", "read-only", "overlapping", "unaligned", "memory map", "transposed")


def laid_out(draw: Draw, held: np.ndarray, layout: str) -> np.ndarray:
    """The same entries in another layout; of an overlapping one the entries may be others."""
    if held.dtype == object and layout in ("unaligned", "memory map"):
        return held
    if layout == "F":
        return np.asfortranarray(held)
    if layout == "strided":
        wide = np.repeat(held, 3, axis=-1) if held.ndim else held
        return wide[..., ::3]
    if layout == "backwards":
        return np.ascontiguousarray(held[::-1])[::-1]
    if layout == "transposed" and held.ndim == 2:
        return np.ascontiguousarray(held.T).T
    if layout == "read-only":
        held = held.copy()
        held.flags.writeable = False
    if layout == "overlapping" and held.size:
        return np.lib.stride_tricks.as_strided(
            held, held.shape, tuple(s if k else 0 for k, s in enumerate(held.strides))
        )
    if layout == "unaligned" and held.size:
        raw = np.frombuffer(b"\0" + held.tobytes() + b"\0" * 16, np.uint8)[1 : 1 + held.nbytes]
        return raw.view(held.dtype).reshape(held.shape)
    if layout == "memory map" and held.size:
        with tempfile.TemporaryFile() as file:
            held.tofile(file)
            return np.memmap(file, held.dtype, "r", shape=held.shape)
    return held


SURE = ("array", "list", "tuple")
READ = (
    "frame",
    "series",
    "polars",
    "xarray",
    "torch",
    "like",
    "exporter",
    "interface",
    "matrix",
    "arrow",
    "array.array",
    "memoryview",
    "scalars",
)
ODD = ("sparse", "masked", "grad")


def contained(held: np.ndarray, container: str) -> Any:
    """The array in another container, or as it is where that cannot hold it."""
    try:
        return _contained(held, container)
    except Exception:  # what the other libraries do not take
        return held


def _contained(held: np.ndarray, container: str) -> Any:
    vector = held.ravel()
    make = {
        "list": held.tolist,
        "tuple": lambda: tuple(map(tuple, held.tolist())) if held.ndim == 2 else tuple(held.tolist()),
        "scalars": lambda: [[*row] for row in held] if held.ndim == 2 else [*held],
        "frame": lambda: pandas.DataFrame(held) if held.ndim == 2 else pandas.Series(held),
        "series": lambda: pandas.Series(held) if held.ndim == 1 else pandas.DataFrame(held).convert_dtypes(),
        "polars": lambda: polars.DataFrame(held) if held.ndim == 2 else polars.Series(held),
        "xarray": lambda: xarray.DataArray(held),
        "sparse": lambda: scipy.sparse.csr_array(held) if held.ndim == 2 else scipy.sparse.coo_array(held),
        "torch": lambda: torch.from_numpy(held.copy()),
        "grad": lambda: torch.from_numpy(held.copy()).requires_grad_(),
        "like": lambda: ArrayLike(held),
        "exporter": lambda: Exporter(held),
        "interface": lambda: Interface(held),
        "masked": lambda: np.ma.masked_array(held, mask=False),
        "matrix": lambda: np.asmatrix(held) if held.ndim == 2 else held,
        "arrow": lambda: pyarrow.array(vector) if held.ndim == 1 else pyarrow.table({f"c{k}": held[:, k] for k in range(held.shape[1])}),
        "array.array": lambda: arrays.array("d", vector.tolist()) if held.ndim == 1 else held,
        "memoryview": lambda: memoryview(held),
    }  # fmt: skip
    return make.get(container, lambda: held)()


def _exact(held: np.ndarray) -> Any:
    """The entries as exact Python numbers, nested; None where some have no such form or are not finite."""
    if held.dtype.kind in "fiu" and held.dtype.itemsize <= 8:
        return held.astype(np.float64).tolist() if held.dtype.kind == "f" else held.tolist()
    if held.dtype.kind == "b":
        return held.astype(int).tolist()
    return None
