from __future__ import annotations

import pytest
import torch

from augury import ops
from tests.kernels.torch.check import images, off

SIGMAS = (0.2, 0.8, 2.1)


@pytest.mark.parametrize("size", [(21, 30), (16, 16), (4, 3), (1, 5)])
def test_gaussians_of_their_own_sigma(size: tuple[int, int]) -> None:
    batched = ops.GaussianBlur(0, torch.tensor(SIGMAS))  # type: ignore[arg-type]
    assert off(images(3, *size), batched, [ops.GaussianBlur(0, s) for s in SIGMAS]).max() < 2e-6


@pytest.mark.parametrize("op", [ops.GaussianBlur(5, 1.0), ops.GaussianBlur(0, 1.6), ops.GaussianBlur(0, 0.0)])
def test_one_gaussian(op: ops.GaussianBlur) -> None:
    assert off(images(), op, [op] * 3).max() < 2e-6


def test_unsharp() -> None:
    alphas = (0.0, 0.5, 1.0)
    batched = ops.Unsharp(5, 1.0, torch.tensor(alphas))  # type: ignore[arg-type]
    assert off(images(), batched, [ops.Unsharp(5, 1.0, a) for a in alphas]).max() < 2e-6
