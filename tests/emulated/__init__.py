"""A GPU for machines that have none: the sources of kernels/cuda compiled for the host, behind the few names of cupy that otgen uses.

Its arrays refuse to mix with the host's, as cupy's do, so that what runs here moves everything where it belongs. It tells whether
the kernels compute what they should and meet at their barriers; it says nothing about speed, and nothing about the compiler of
a GPU.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib.machinery
import operator
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np

COMPILER = shutil.which("g++")
launched: Counter[str] = Counter()  # how often each kernel ran
_HERE = Path(__file__).parent
_KEPT = _HERE.parents[1] / ".pytest_cache" / "emulated"  # a kernel takes g++ half a second, its test some milliseconds
_current = 0


class Device:
    """One of several, with the current one as a context."""

    def __init__(self, index):
        self.id = index

    def __enter__(self):
        global _current
        self.before, _current = _current, self.id
        return self

    def synchronize(self):
        """Nothing is ever late here."""

    def __exit__(self, *_):
        global _current
        _current = self.before


class Array:
    """What lies on a device: arithmetic with its like, on the current device, and with numbers; nothing else."""

    __array_ufunc__ = None

    def __init__(self, held, index=None):
        self._held = held
        self._index = _current if index is None else index

    shape = property(lambda self: self._held.shape)
    dtype = property(lambda self: self._held.dtype)
    ndim = property(lambda self: self._held.ndim)
    size = property(lambda self: self._held.size)
    strides = property(lambda self: self._held.strides)
    device = property(lambda self: Device(self._index))
    T = property(lambda self: Array(self._held.T, self._index))
    data = property(lambda self: SimpleNamespace(ptr=self._held.ctypes.data))

    def __array__(self, *_, **__):
        raise TypeError("implicit conversion to a host array; use asnumpy")

    def __len__(self):
        return len(self._held)

    def __getitem__(self, key):
        return Array(self._held[_there(key) if isinstance(key, Array) else key], self._index)

    def __dlpack_device__(self):
        return 2, self._index

    def __reduce__(self):
        raise TypeError("an array of a device in a pickle")


def _there(value):
    """The numbers of an array of the current device, or a number."""
    if isinstance(value, Array):
        assert value._index == _current, f"an array of device {value._index} where {_current} is the current one"
        return value._held
    if isinstance(value, np.ndarray) and value.ndim:
        raise TypeError("an array of the host among those of the device")
    return value


for _name in ("add", "sub", "mul", "truediv"):
    _act = getattr(operator, _name)
    setattr(Array, f"__{_name}__", lambda self, other, act=_act: Array(act(_there(self), _there(other))))
    setattr(Array, f"__r{_name}__", lambda self, other, act=_act: Array(act(_there(other), _there(self))))


def _asarray(value, dtype=None):
    """From either side, and from another device."""
    if isinstance(value, Array) and value._index == _current and dtype in (None, value.dtype):
        return value
    return Array(np.array(value._held if isinstance(value, Array) else value, dtype))


def _typed(act):
    """Of arrays of the device only, as cupy's compiled functions have it."""

    def checked(array, *rest, **named):
        if not isinstance(array, Array):
            raise TypeError(f"expected an array of the device; received {type(array).__name__}")
        return Array(act(_there(array), *rest, **named))

    return checked


class RawModule:
    """Source compiled for the host."""

    def __init__(self, code, options):
        self.library = _compiled(code, tuple(option for option in options if option.startswith("-D")))
        self.threads = int(next(o for o in options if o.startswith("-DTHREADS=")).partition("=")[2])

    def get_function(self, name):
        launch = getattr(self.library, f"launch_{name}")

        def call(grid, block, arguments):
            x, y, z = (*grid, 1, 1)[:3]
            assert block == (self.threads,)
            assert 1 <= x < 2**31
            assert 1 <= y < 2**16
            assert 1 <= z < 2**16
            kept = [_bytes(z) for z in arguments]
            pointers = (ctypes.c_void_p * len(kept))(*(ctypes.addressof(z) for z in kept))
            launched[name] += 1
            assert launch(x, y, z, pointers) == 0, f"{name}: some threads ended while others waited for them"

        return call


def _bytes(argument):
    """An argument as a kernel finds it: a pointer, a number, or a struct as an array of no dimension."""
    if isinstance(argument, Array):
        raw = np.uintp(np.asarray(_there(argument)).ctypes.data).tobytes()
    elif isinstance(argument, np.void) or not isinstance(argument, np.generic | np.ndarray) or np.ndim(argument):
        raise TypeError(f"unsupported type {type(argument)}")
    else:
        raw = np.asarray(argument).tobytes()
    return ctypes.create_string_buffer(raw, len(raw))


@cache
def _compiled(code, macros):
    """The library of a source, kept for later runs under what it was made of."""
    made_of = [code, *macros, (_HERE / "device.cpp").read_text(), _compiler_told()]
    kept = _KEPT / f"{hashlib.sha256(repr(made_of).encode()).hexdigest()}.so"
    if not kept.exists():
        _KEPT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_KEPT) as folder:
            _compile(code, macros, Path(folder)).replace(kept)  # whole or not at all, if two processes make it
    return ctypes.CDLL(str(kept))


@cache
def _compiler_told():
    return subprocess.run([COMPILER, "--version"], check=True, capture_output=True, text=True).stdout


def _compile(code, macros, folder):
    source, target = folder / "kernels.cu", folder / "kernels.so"
    source.write_text(code)
    seen = subprocess.run(
        [COMPILER, "-E", "-x", "c++", "-w", *macros, str(source)], check=True, capture_output=True, text=True
    )
    listed = "".join(
        f"KERNEL({name}) "
        for name in re.findall(r"__global__ void (?:__launch_bounds__\([^)]*\) )?(\w+)\(", seen.stdout)
    )
    subprocess.run(
        [COMPILER, "-O1", "-w", "-fno-gnu-unique", "-shared", "-fPIC", *macros, f'-DSOURCE="{source}"', f"-DKERNELS={listed}",
         str(_HERE / "device.cpp"), "-o", str(target)],
        check=True,
    )  # fmt: skip
    return target


def cupy() -> ModuleType:
    """The module."""
    module = ModuleType("cupy")
    module.__spec__ = importlib.machinery.ModuleSpec("cupy", None)
    names = dict(
        ndarray=Array,
        RawModule=RawModule,
        asarray=_asarray,
        array=_typed(lambda held, dtype: np.array(held, dtype)),
        ascontiguousarray=_typed(np.ascontiguousarray),
        from_dlpack=lambda array: Array(array._held, array._index),
        asnumpy=lambda array: np.array(array._held),
        empty=lambda shape, dtype: Array(np.full(shape, 99).astype(dtype)),
        broadcast_to=_typed(np.broadcast_to),
        is_available=lambda: True,
        cuda=SimpleNamespace(Device=Device),
    )
    for name, value in names.items():
        setattr(module, name, value)
    return module


@contextlib.contextmanager
def device(threads=8):
    """cupy is this one, with blocks of a few threads: barriers cost much here."""
    from otgen.kernels import launching

    before, launching.THREADS = launching.THREADS, threads
    held = sys.modules.get("cupy")
    sys.modules["cupy"] = cupy()
    launching.compiled.cache_clear()
    launched.clear()
    try:
        yield
    finally:
        launching.THREADS = before
        launching.compiled.cache_clear()
        if held is None:
            del sys.modules["cupy"]
        else:
            sys.modules["cupy"] = held
