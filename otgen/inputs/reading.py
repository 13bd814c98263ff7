"""Anybody's arrays as numpy's: their numbers and where they came from; what holds no real numbers is refused by what it is."""

from __future__ import annotations

import datetime
from collections import deque
from collections.abc import Iterable
from typing import Any, cast

import numpy as np

from ..errors import InvalidInput, OtgenError, require, words_of
from . import tensors, whole
from .memory import JUDGED, refuse_bytes
from .origin import Origin
from .scalars import told
from .tables import column_names, columns_of
from .types import Floats

_REMEDIES = {
    "O": "pass numbers of one kind, such as float64",
    "c": "pass its real part, or real and imaginary parts as two coordinates",
    "M": "count from a moment, such as (x - x.min()) / np.timedelta64(1, 's')",
    "m": "divide it by a duration, such as np.timedelta64(1, 's')",
    "V": "stack its fields as columns",
}


def as_numpy(value: Any, name: str, *, allow_gpu: bool = False) -> tuple[np.ndarray, Origin]:
    """Any array-like as a numpy array, and its origin; from a GPU only where the caller has kernels for it.

    Python's whole numbers stay whole numbers, of dtype object where no other holds them.

    Raises
    ------
    InvalidInput
        For what is no rectangular array, masked or sparse ones, and tensors that require gradients.
    TooLarge
        If it does not fit in memory, as views by `numpy.broadcast_to` need not; nothing of it has been read then.
    """
    _refuse_kinds(value, name)
    try:
        array, origin = _read(value, name)
    except (OtgenError, MemoryError):
        raise
    except Exception as fault:  # every library has errors of its own
        raise InvalidInput(
            f"{name} must be a rectangular array of numbers; received {told(value)}, of which numpy says: {words_of(fault)}; "
            f"pad or split it, or convert it to a numpy array"
        ) from None
    if origin.device == "cpu":
        if array.ndim == 0 and array.dtype == object:
            raise InvalidInput(f"{name} must be an array of numbers; received {told(value)}; pass a list or an array")
        refuse_size(array, name)
        return array, origin
    return _from_device(array, origin, name, allow_gpu=allow_gpu)


def as_float(array: np.ndarray, origin: Origin, name: str, *, exact: bool = True) -> Floats:
    """Integers and booleans become float64, half floats float32; whole numbers that would be rounded are refused if ``exact``."""
    if array.dtype == object and whole.is_whole(array):
        array = whole.narrowed(array)
    refuse_dtype(array, name)
    kind = array.dtype.kind
    if kind == "b":
        return array.astype(np.float64)
    if kind != "f":
        held = whole.held(array) if exact else np.True_
        if not held.all():
            raise InvalidInput(
                f"{name} must hold whole numbers that are doubles, as all up to 2**53 are; received {told(array[~held][0])}; "
                f"round them with .astype(float) if that does not matter"
            )
        try:
            return array.astype(np.float64)
        except OverflowError:
            raise InvalidInput(
                f"{name} must hold numbers below 2**1024, as all floats are; received a whole number beyond; divide them by one"
            ) from None
    return array.astype(np.float32) if array.dtype == np.float16 else array


def refuse_dtype(array: np.ndarray, name: str) -> None:
    """Raise for what holds no real numbers, and for floats that have more digits than doubles."""
    kind = array.dtype.kind
    if kind not in "biuf" and not whole.is_whole(array):
        remedy = _remedy(array, "convert it with .astype(float)")
        raise InvalidInput(f"{name} must hold real numbers; received dtype {array.dtype}; {remedy}")
    if kind == "f" and array.dtype.itemsize > 8:
        raise InvalidInput(
            f"{name} must be at most float64; received dtype {array.dtype}; convert it with .astype(float)"
        )


def _remedy(array: np.ndarray, otherwise: str) -> str:
    """What to do with an array that holds no real numbers."""
    kind = array.dtype.kind
    if kind in "US":
        return _of_text(array.flat)
    return _of_objects(array) if kind == "O" else _REMEDIES.get(kind, otherwise)


def _of_text(entries: Iterable[Any]) -> str:
    """What to do with text: numbers can be read from it, or it names kinds of things."""
    try:
        for entry in entries:
            float(0 if entry is None else entry)
    except (TypeError, ValueError):
        return "leave it out, or make columns of 0 and 1 of what it names, such as with pandas.get_dummies"
    return "convert text to numbers with .astype(float)"


def _of_objects(array: np.ndarray) -> str:
    """What to do with Python's own objects: moments and durations have a dtype of numpy's."""
    first = next((one for one in array.flat if one is not None), None)
    if getattr(first, "tzinfo", None) is not None:
        return "leave the time zone behind, such as with pandas.DatetimeIndex(x).tz_convert(None), which is UTC"
    if isinstance(first, datetime.date | datetime.timedelta):
        kind = "timedelta64" if isinstance(first, datetime.timedelta) else "datetime64"
        if hasattr(first, "nanoseconds" if kind == "timedelta64" else "nanosecond"):  # of pandas', which numpy cuts off
            return f"convert it with pandas.to_{kind[:-2]}(x)"
        return f"convert it with numpy.asarray(x, '{kind}[us]')"
    if isinstance(first, str | bytes):
        return _of_text(array.flat)
    return _REMEDIES["O"]


def refuse_size(array: np.ndarray, name: str) -> None:
    """Raise `TooLarge` for an array whose entries do not fit in memory, beside what is there of them."""
    if 8 * array.size >= JUDGED:
        low, high = np.lib.array_utils.byte_bounds(array)
        refuse_bytes(8 * array.size, array.shape, name, held=0 if isinstance(array, np.memmap) else high - low)


def _refuse_kinds(value: Any, name: str) -> None:
    """Raise for what numpy would take for something else."""
    module = type(value).__module__
    if isinstance(value, np.ma.MaskedArray):
        raise InvalidInput(f"{name} must not be a masked array; received one; pass the entries that count")
    if _holds_masked(value):
        raise InvalidInput(
            f"{name} must not hold masked arrays; received some in a {type(value).__name__}; pass the entries that count"
        )
    if module.startswith(("scipy.sparse", "cupyx.scipy.sparse")):
        raise InvalidInput(
            f"{name} must be dense; received a sparse {type(value).__name__} of shape {value.shape}; pass {name}.toarray()"
        )
    if module.startswith("torch") and not tensors.is_tensor(value) and type(value).__name__ != "Size":
        raise InvalidInput(f"{name} must be an array of numbers; received {told(value)}; pass the tensor that it is of")
    if module.startswith("polars") and hasattr(value, "collect"):
        raise InvalidInput(f"{name} must be an array of numbers; received a LazyFrame; pass {name}.collect()")
    if hasattr(value, "data_vars"):  # a Dataset of xarray's
        raise InvalidInput(
            f"{name} must be one array of numbers; received a {type(value).__name__} of {len(value.data_vars)} variables; "
            f"pass {name}.to_dataarray().T, which makes them coordinates"
        )
    if value is None or isinstance(value, dict | set | frozenset | str | bytes):
        raise InvalidInput(f"{name} must be an array of numbers; received {told(value)}; pass a list or an array")


def _holds_masked(value: Any) -> bool:
    """Whether numpy would make one array of some that are masked, and forget what is."""
    return isinstance(value, list | tuple | deque) and any(
        isinstance(row, np.ma.MaskedArray) for row in cast(Any, value)
    )


def _read(value: Any, name: str) -> tuple[Any, Origin]:
    library = type(value).__module__.partition(".")[0]
    if tensors.is_tensor(value):
        return tensors.from_torch(value, name)
    value = tensors.read_each(value, name)
    if library != "numpy" and hasattr(value, "__dlpack_device__") and not hasattr(value, "null_count"):
        kind, index = value.__dlpack_device__()
        device = "cpu" if kind in (1, 3) else f"cuda:{index}" if kind in (2, 13) else f"device {kind}:{index}"
        array = np.from_dlpack(value) if device == "cpu" else value
        return array, Origin(library, device, array.dtype.name if device == "cpu" else "")
    array = np.asarray(value)
    if array.dtype == object:
        array = _by_columns(value, array)
    if array.dtype.kind == "f" and library != "numpy" and array.size and float(np.abs(array).max()) >= whole.EXACT:
        array = _unrounded(value, array, name)
    if (array.dtype.kind in "iuf" or (array.dtype == object and not whole.is_whole(array))) and library != "numpy":
        _refuse_columns_of_kinds(value, name)
    return array, Origin("numpy", "cpu", array.dtype.name)


def _refuse_columns_of_kinds(value: Any, name: str) -> None:
    """Raise for a table of which a column holds no numbers, by its name.

    Moments and decimals beside numbers may have become numbers: their units differ, and they may be rounded.
    """
    parts = columns_of(value) or []
    other = next((k for k, part in enumerate(parts) if part.dtype.kind not in "biuf" and not _is_whole(part)), None)
    if other is not None:
        part, called = parts[other], (column_names(value) or range(len(parts)))[other]
        remedy = _remedy(part, _REMEDIES["O"])
        raise InvalidInput(
            f"{name} must hold numbers in all of its columns, or moments in all; received {called!r} of dtype {part.dtype}; {remedy}"
        )


def _is_whole(part: np.ndarray) -> bool:
    return part.dtype == object and whole.is_whole(part)


def _by_columns(value: Any, array: np.ndarray) -> np.ndarray:
    """A table each of whose columns holds numbers, or truth values (0 and 1), that have no dtype in common to it; all else as it is.

    So are truth values beside numbers, and pandas' columns that could hold gaps and do not.
    """
    parts = columns_of(value) or []
    if not parts or not {part.dtype.kind for part in parts} <= set("biuf"):
        return array
    return np.column_stack([part.astype(np.int8) if part.dtype.kind == "b" else part for part in parts])


def _unrounded(value: Any, array: Floats, name: str) -> Any:
    """The numbers of a sequence or a table of which numpy made floats, with whole numbers as they were.

    Fractions beside them, which leave no dtype for both, are taken where all are floats anyway.
    """
    parts = columns_of(value)
    if parts is None:
        entries = None if hasattr(value, "__array__") else np.asarray(value, object)
    elif all(part.dtype.kind in "iu" for part in parts):
        entries = np.column_stack([part.astype(object) for part in parts])
    else:
        entries = np.concatenate([part.ravel() for part in parts if part.dtype.kind in "iu"] or [np.zeros(0, int)])
    if entries is None or (entries.shape == array.shape and whole.is_whole(entries)):
        return array if entries is None else whole.narrowed(entries)
    numbers = [z for z in entries.ravel().tolist() if isinstance(z, int | np.integer)]
    lost = [z for z in numbers if not whole.held(whole.narrowed(np.array([z], object))).all()]
    if lost:
        raise InvalidInput(
            f"{name} must hold whole numbers that are doubles, as all up to 2**53 are, where it holds fractions as well; received {told(lost[0])}; "
            f"subtract a constant from that coordinate in all of the data"
        )
    return array


def _from_device(array: Any, origin: Origin, name: str, *, allow_gpu: bool) -> tuple[np.ndarray, Origin]:
    """A copy on the host of what lives elsewhere."""
    if not allow_gpu or not origin.device.startswith("cuda"):
        raise InvalidInput(
            f"{name} must live on the host: there are no kernels for its device here; received device "
            f"{origin.device!r}; move it with .cpu() or .get()"
        )
    cupy = require("cupy")
    try:
        moved = cupy.asnumpy(cupy.from_dlpack(array))
    except (TypeError, NotImplementedError, BufferError) as fault:
        raise InvalidInput(f"{name} must be an array that cupy can read; received {fault}; convert it") from None
    return moved, origin if origin.dtype else origin._replace(dtype=moved.dtype.name)
