"""Gradients beside finite differences, and estimators beside what they stand for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from augury.search.operations import OPERATIONS
from docs.make_parity import ESTIMATED, photographs

IMAGE = torch.from_numpy(np.stack([photo[100:164, 200:280] for photo in photographs()])).permute(0, 3, 1, 2) / 255.0
LEARNED = [name for name, operation in OPERATIONS.items() if operation.has_magnitude]


def looked_at(name: str, weights: Tensor, image: Tensor, seed: int = 3) -> Callable[[Tensor], Tensor]:
    """A weighted sum of the operation's result for each image, as a function of the magnitudes."""
    operation = OPERATIONS[name]
    chance = torch.rand(len(image), operation.draws, generator=torch.Generator().manual_seed(seed), dtype=torch.double)
    return lambda m: (operation.apply(image, None, m, chance)[0] * weights).sum((1, 2, 3))


@pytest.mark.parametrize("magnitude", [0.23, 0.57, 0.81])
@pytest.mark.parametrize("name", [name for name in LEARNED if name not in ESTIMATED])
def test_gradients_are_finite_differences(name: str, magnitude: float) -> None:
    image = IMAGE.double()
    weights = torch.randn(image.shape, generator=torch.Generator().manual_seed(0), dtype=torch.double)
    function = looked_at(name, weights, image)
    at = torch.full((2,), magnitude, dtype=torch.double, requires_grad=True)
    (gradient,) = torch.autograd.grad(function(at).sum(), at)
    with torch.no_grad():
        difference = (function(at + 1e-6) - function(at - 1e-6)) / 2e-6
    # Every image by itself, and no operation without any slope.
    torch.testing.assert_close(gradient, difference, rtol=0.05, atol=1e-6)
    assert gradient.abs().max() > 0.01


def smooth(image: Tensor) -> Tensor:
    return torch.nn.functional.avg_pool2d(image, 9, 1, 4, count_include_pad=False)


@pytest.mark.parametrize("name", ESTIMATED)
def test_estimators_point_along_wide_differences(name: str) -> None:
    # Over many images and draws, the mean estimate is near the mean change between magnitudes far apart.
    weights = torch.linspace(0, 1.5, 80).double() * torch.linspace(0.5, 1, 64).double()[:, None]
    images = smooth(IMAGE.double()).repeat(40, 1, 1, 1)
    function = looked_at(name, weights, images)
    # Solarize at 1/2 changes the mean of values by nothing, and posterize only at whole bits.
    middle, wide = {"Solarize": (0.3, 0.1), "Posterize": (0.5, 0.25)}.get(name, (0.5, 0.1))
    estimates = []
    for step in torch.linspace(-wide, wide, 9).tolist():
        at = torch.full((80,), middle + step, dtype=torch.double, requires_grad=True)
        estimates.append(torch.autograd.grad(function(at).sum(), at)[0].mean())
    at = torch.full((80,), middle, dtype=torch.double)
    difference = ((function(at + wide) - function(at - wide)) / (2 * wide)).mean()
    estimate = torch.stack(estimates).mean()
    assert 0.6 < float(estimate / difference) < 1.6, (estimate, difference)


@pytest.mark.parametrize("name", OPERATIONS)
def test_images_receive_gradients(name: str) -> None:
    # The stages before an operation are learned through it.
    image = IMAGE.clone().requires_grad_()
    operation = OPERATIONS[name]
    chance = torch.full((2, operation.draws), 0.3)
    out, _ = operation.apply(image, None, torch.full((2,), 0.4), chance)
    out.sum().backward()
    assert image.grad is not None
    assert torch.isfinite(image.grad).all()
    assert image.grad.abs().max() > 0.1


def test_estimated_operations_have_no_slope_of_their_own() -> None:
    # Otherwise they would belong to the exact ones.
    for name in ESTIMATED:
        function = looked_at(name, torch.ones(1, dtype=torch.double), IMAGE.double())
        at = torch.full((2,), 0.4321, dtype=torch.double)
        assert torch.equal(function(at), function(at + 1e-7)), name
