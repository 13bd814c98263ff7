"""Tensors in, tensors out, at the front door."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

import otgen
from otgen import InvalidInput

torch = pytest.importorskip("torch", reason="tensors need torch")

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(20, 2)), rng.normal(size=(30, 2)) + 1


class _Own(torch.Tensor):
    """A tensor of somebody's own."""


class TestTorch:
    def test_tensors_come_back(self):
        x, y = torch.tensor(X), torch.tensor(Y)
        result = otgen.wasserstein(x, y)
        assert result.value == otgen.wasserstein(X, Y).value
        assert isinstance(result.potentials[0], torch.Tensor)
        assert result.potentials[0].dtype == torch.float64
        soft = otgen.sinkhorn(x.float(), y.float(), epsilon=0.1)
        assert soft.potentials[1].dtype == torch.float32
        half = otgen.wasserstein(x.bfloat16(), y.bfloat16())
        assert half.value == otgen.wasserstein(x.bfloat16().double(), y.bfloat16().double()).value

    def test_gradients_are_sent_to_the_losses(self):
        with pytest.raises(InvalidInput, match=r"otgen\.nn.*detach"):
            otgen.wasserstein(torch.tensor(X, requires_grad=True), Y)

    def test_what_holds_no_numbers_is_refused(self):
        with pytest.raises(InvalidInput, match=r"x must hold numbers; .* on device 'meta'"):
            otgen.wasserstein(torch.tensor(X, device="meta"), Y)
        with pytest.raises(InvalidInput, match=r"x\[0\] must hold numbers"):
            otgen.wasserstein([torch.tensor(X[0], device="meta")], Y)
        with pytest.raises(InvalidInput, match="an UninitializedBuffer without any"):
            otgen.wasserstein(torch.nn.UninitializedBuffer(), Y)
        with torch._subclasses.FakeTensorMode():
            fake = torch.ones(3, 2)
        with pytest.raises(InvalidInput, match="a FakeTensor of shape"):
            otgen.wasserstein(fake, Y)

    @pytest.mark.parametrize("transform", ["vmap", "functionalize", "grad"])
    def test_transformed_functions_are_sent_to_the_losses(self, transform):
        """Under functionalize numpy reads memory that holds none of the numbers."""

        def distance(x):
            return torch.as_tensor(otgen.wasserstein(x, Y).value)

        x, around = torch.tensor(X), getattr(torch.func, transform)
        given = x[None] if transform == "vmap" else x
        with pytest.raises(InvalidInput, match=r"otgen\.nn"):
            around(distance)(given)

    @pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
    def test_so_is_jvp(self):
        x = torch.tensor(X)
        with pytest.raises(InvalidInput, match=r"forward derivative.*otgen\.nn"):
            torch.func.jvp(lambda x: torch.as_tensor(otgen.wasserstein(x, Y).value), (x,), (x,))

    def test_forward_derivatives_are_not_dropped(self):
        with torch.autograd.forward_ad.dual_level():
            dual = torch.autograd.forward_ad.make_dual(torch.tensor(X), torch.tensor(X))
            with pytest.raises(InvalidInput, match=r"forward derivative.*detach"):
                otgen.wasserstein(dual, Y)

    def test_other_forms_are_sent_where_they_can_be_read(self):
        """Each remedy works."""
        x = torch.tensor(X)
        want = otgen.wasserstein(X, Y).value
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # prototypes, and quantization is deprecated
            quantized = torch.quantize_per_tensor(x.float(), 0.1, 0, torch.qint8)
            parts = torch.nested.nested_tensor([x, x])
            forms = {
                "to_dense()": [x.to_sparse(), x.to_sparse_csr(), x.float().to_mkldnn()],
                "dequantize()": [quantized],
                "unbind()": [parts, torch.nested.nested_tensor([x, x], layout=torch.jagged)],
                "float()": [x.to(torch.float8_e4m3fn)],
                "get_data()": [torch.masked.masked_tensor(x, torch.ones(x.shape, dtype=torch.bool))],
                "its real part": [torch.zeros(3, 2, dtype=torch.complex32), torch.complex(x, x).conj()],
            }
        for remedy, several in forms.items():
            for given in several:
                with pytest.raises(InvalidInput, match=re.escape(remedy)):
                    otgen.wasserstein(given, Y)
        for given in (x.to_sparse().to_dense(), x.float().to_mkldnn().to_dense(), parts.unbind()[0]):
            np.testing.assert_allclose(otgen.wasserstein(given, Y).value, want, rtol=1e-6)
        assert otgen.wasserstein_batch(parts.unbind(), [Y, Y]).value.tolist() == [want, want]
        assert otgen.wasserstein(quantized.dequantize(), Y).value == pytest.approx(want, abs=0.2)

    def test_views_and_lists_of_tensors_are_read(self):
        x = torch.tensor(X)
        want = otgen.wasserstein(-X, Y).value
        assert otgen.wasserstein(torch.complex(x, x).conj().imag, Y).value == want
        assert otgen.wasserstein(list(-x), Y).value == want
        half = x.bfloat16()
        assert otgen.wasserstein(list(half), Y).value == otgen.wasserstein(half, Y).value
        assert otgen.wasserstein(x.as_subclass(_Own), Y).value == otgen.wasserstein(X, Y).value
        assert otgen.wasserstein(half.as_subclass(_Own), Y).value == otgen.wasserstein(half, Y).value

    def test_two_libraries_at_once(self):
        class Foreign:
            """A DLPack exporter of another library."""

            __module__ = "elsewhere.arrays"

            def __init__(self, array):
                self.array = array

            def __dlpack__(self, **options):
                return self.array.__dlpack__(**options)

            def __dlpack_device__(self):
                return self.array.__dlpack_device__()

        assert otgen.wasserstein(Foreign(X), Y).value == otgen.wasserstein(X, Y).value
        with pytest.raises(InvalidInput, match="one library"):
            otgen.wasserstein(Foreign(X), torch.tensor(Y))
