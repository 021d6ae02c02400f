from __future__ import annotations

import numpy as np
import pytest
import torch

from augury import ops
from augury.errors import SampleError
from augury.kernels.torch import data
from tests.kernels.torch.check import batch, images, off


@pytest.mark.parametrize("channels", [1, 3])
def test_contrast(channels: int) -> None:
    factors = (0.0, 0.4, 1.8)
    batched = ops.Contrast(torch.tensor(factors))  # type: ignore[arg-type]
    assert off(images(channels=channels), batched, [ops.Contrast(f) for f in factors]).max() < 1e-6


@pytest.mark.parametrize("op", [ops.Equalize(), ops.AutoContrast(method="pil")], ids=["equalize", "auto_contrast"])
def test_of_the_whole_image(op: ops.Equalize | ops.AutoContrast) -> None:
    arrays = images() * np.float32(0.5)
    arrays[1, :, :, 0] = 77 / 255  # one value: stays
    arrays = (np.rint(arrays * 255) / 255).astype(np.float32)
    # The kernel on arrays rounds to bytes at its end.
    assert off(arrays, op, [op] * 3).max() < 0.501 / 255


def test_gradients_pass_through_equalize() -> None:
    image = batch(images()).requires_grad_()
    data.equalize(image, ops.Equalize()).sum().backward()
    assert image.grad is not None
    assert torch.equal(image.grad, torch.ones_like(image))


@pytest.mark.parametrize("op", [ops.Equalize("pil"), ops.Equalize(by_channels=False)])
def test_other_equalisations_are_refused(op: ops.Equalize) -> None:
    with pytest.raises(SampleError, match="'cv'"):
        data.equalize(batch(images()), op)


@pytest.mark.parametrize("op", [ops.AutoContrast(), ops.AutoContrast(2.0, None, "pil"), ops.AutoContrast(0, 3, "pil")])
def test_other_auto_contrasts_are_refused(op: ops.AutoContrast) -> None:
    with pytest.raises(SampleError, match="'pil'"):
        data.auto_contrast(batch(images()), op)
