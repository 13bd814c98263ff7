"""The CUDA source under the compiler that a GPU's driver uses; it needs no GPU."""

import ctypes
import importlib.util
import itertools
from pathlib import Path

import emulated
import numpy as np
import pytest

from otgen.kernels import CIRCULAR, GREAT_CIRCLE, PRODUCT, launching, matrix_ground, point_ground


def compiler():
    """The library of NVRTC, or None."""
    try:
        found = importlib.util.find_spec("nvidia.cuda_nvrtc")
    except ModuleNotFoundError:
        return None
    places = list(found.submodule_search_locations) if found else []
    library = next((path for place in places for path in Path(place, "lib").glob("libnvrtc.so.*")), None)
    return None if library is None else ctypes.CDLL(str(library))


class Compiled:
    """In place of cupy's module: the source is compiled for one kind of GPU, and an error says what it had against it."""

    def __init__(self, code, options):
        nvrtc, program = compiler(), ctypes.c_void_p()
        assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), code.encode(), b"kernels.cu", 0, None, None) == 0
        given = [option.encode() for option in (*options, "--gpu-architecture=compute_90")]
        status = nvrtc.nvrtcCompileProgram(program, len(given), (ctypes.c_char_p * len(given))(*given))
        size = ctypes.c_size_t()
        nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        nvrtc.nvrtcGetProgramLog(program, log)
        assert status == 0, log.value.decode()
        nvrtc.nvrtcGetPTXSize(program, ctypes.byref(size))
        held = ctypes.create_string_buffer(size.value)
        nvrtc.nvrtcGetPTX(program, held)
        self.code = held.value.decode()


SOURCES = {
    "rows": ("ROWS", {}, ("softmin", "ctransform", "gibbs_cost", "cost_sums", "softmin_joined")),
    "gibbs of one": ("GIBBS", {"EACH": 1}, ("gibbs", "gibbs_slope")),
    "gibbs of four": ("GIBBS", {"EACH": 4}, ("gibbs", "gibbs_slope")),
    "pairs": ("PAIRS", {}, ("cost_block", "cost_pairs")),
    "nearest": ("NEAREST", {"COUNT": 4}, ("nearest",)),
}
EVERY = {
    *itertools.product(SOURCES, (0.0, 1.0, 2.0, 3.0, np.inf, PRODUCT, CIRCULAR, GREAT_CIRCLE), ("f4", "f8"), (3, 40))
}
USUAL = {  # each source, form, type and depth, and the tensor cores
    ("rows", PRODUCT, "f4", 40),
    ("rows", 1.0, "f8", 40),
    ("rows", 3.0, "f4", 3),
    ("rows", CIRCULAR, "f8", 3),
    ("gibbs of one", 2.0, "f4", 3),
    ("gibbs of one", 3.0, "f8", 3),
    ("gibbs of four", 0.0, "f4", 40),
    ("gibbs of four", np.inf, "f8", 40),
    ("pairs", 0.0, "f8", 3),
    ("pairs", np.inf, "f4", 3),
    ("nearest", 2.0, "f8", 3),
    ("nearest", CIRCULAR, "f4", 40),
}


@pytest.mark.skipif(compiler() is None, reason="needs nvidia-cuda-nvrtc-cu12")
@pytest.mark.parametrize(
    ("source", "inner", "dtype", "d"),
    [*sorted(USUAL), *(pytest.param(*case, marks=pytest.mark.nightly) for case in sorted(EVERY - USUAL))],
)
@pytest.mark.by_day(4)
def test_compiles(source, inner, dtype, d, monkeypatch):
    source, numbers, names = SOURCES[source]
    dtype = np.dtype(dtype).type
    monkeypatch.setattr(emulated, "RawModule", Compiled)
    points = np.zeros((1, d), dtype)
    ground = point_ground(points, points, inner, 1.0) if inner else matrix_ground(points)
    with emulated.device(threads=256):
        code = launching.module_of(getattr(launching, source), ground, **numbers).code
    for name in names:
        assert (f".entry {name}(" in code) == (name != "gibbs_slope" or inner not in (0, PRODUCT)), name
    if dtype is np.float32 and inner != GREAT_CIRCLE:  # whose sines fall back on it far out
        assert ".f64" not in code, "double precision in kernels of single"
    if source == "ROWS":
        assert ("mma.sync" in code) == (inner == PRODUCT and (dtype, d) == (np.float32, 40))
    if inner not in (3.0, GREAT_CIRCLE) and "COUNT" not in numbers:  # there functions have tables of their own
        assert ".local" not in code, "arrays whose indices are not known when it is compiled"
