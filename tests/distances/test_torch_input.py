"""Tensors in, tensors out, at the front door."""

from __future__ import annotations

import numpy as np
import pytest

import otgen
from otgen import InvalidInput

torch = pytest.importorskip("torch", reason="tensors need torch")

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(20, 2)), rng.normal(size=(30, 2)) + 1


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

    def test_other_devices_are_refused(self):
        with pytest.raises(InvalidInput, match="no kernels for its device"):
            otgen.wasserstein(torch.tensor(X, device="meta"), Y)

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
