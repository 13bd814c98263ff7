"""The CUDA source under the compiler that a GPU's driver uses; it needs no GPU."""

import ctypes
import importlib.util
from pathlib import Path

import emulated
import pytest

from otgen.kernels import gpu


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
        assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), code.encode(), b"gpu.cu", 0, None, None) == 0
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


@pytest.mark.skipif(compiler() is None, reason="needs nvidia-cuda-nvrtc-cu12")
@pytest.mark.parametrize(
    ("size", "form", "count"),
    [
        *((4, form, 0) for form in range(6)),
        *(pytest.param(8, form, 0, marks=pytest.mark.nightly if form != 2 else ()) for form in range(6)),
        (4, 2, 4),
        (8, 2, 4),
    ],
)
def test_compiles(size, form, count, monkeypatch):
    monkeypatch.setattr(emulated, "RawModule", Compiled)
    with emulated.device(threads=256):
        code = gpu._module(size, form, count).code
    names = (
        ("nearest",)
        if count
        else ("softmin", "ctransform", "gibbs", "gibbs_cost", "gibbs_slope", "cost_sums", "cost_pairs", "cost_block")
    )
    assert all(f".entry {name}(" in code for name in names)
    if size == 4:
        assert ".f64" not in code, "double precision in kernels of single"
    assert ".local" not in code or count, "arrays whose indices are not known when it is compiled"
