from __future__ import annotations

from typing import Any

import pytest
import torch

from augury import ops
from augury.kernels.torch import tone
from tests.kernels.torch.check import batch, images, off

VALUES = (0.3, 0.9, 1.7)
CASES: list[tuple[Any, list[Any]]] = [
    (ops.Linear((torch.tensor(VALUES),), (0.1,)), [ops.Linear((v,), (0.1,)) for v in VALUES]),
    (
        ops.Linear((1.0,), (0.0, torch.tensor(VALUES), -0.2)),
        [ops.Linear((1.0,), (0.0, v, -0.2)) for v in VALUES],
    ),
    (ops.Gamma(torch.tensor(VALUES)), [ops.Gamma(v) for v in VALUES]),  # type: ignore[arg-type]
    (ops.Gamma(1.4), [ops.Gamma(1.4)] * 3),
    (ops.Solarize(torch.tensor(VALUES)), [ops.Solarize(v) for v in VALUES]),  # type: ignore[arg-type]
    (ops.Posterize((torch.tensor((1.0, 4.0, 8.0)),)), [ops.Posterize((b,)) for b in (1, 4, 8)]),  # type: ignore[arg-type]
    (ops.Invert(), [ops.Invert()] * 3),
]


@pytest.mark.parametrize(("batched", "single"), CASES, ids=lambda case: type(case).__name__)
def test_as_on_arrays(batched: Any, single: list[Any]) -> None:
    assert off(images(), batched, single).max() < 1e-6


def test_the_slope_of_a_root_is_bounded() -> None:
    image = torch.tensor([0.0, 1e-9, 0.5]).reshape(1, 1, 1, 3).requires_grad_()
    exponent = torch.tensor([0.3], requires_grad=True)
    tone.curve(image, ops.Gamma(exponent)).sum().backward()  # type: ignore[arg-type]
    assert image.grad is not None and exponent.grad is not None
    assert image.grad.abs().max() < 10
    assert torch.isfinite(exponent.grad).all()


def test_images_pass_their_gradient_through_posterize() -> None:
    image = batch(images()).requires_grad_()
    tone.curve(image, ops.Posterize((3,))).sum().backward()
    assert image.grad is not None
    assert torch.equal(image.grad, torch.ones_like(image))


def test_solarize_turns_the_gradient_round_where_it_inverts() -> None:
    image = torch.tensor([0.2, 0.8]).reshape(1, 1, 1, 2).requires_grad_()
    tone.curve(image, ops.Solarize(0.5)).sum().backward()
    assert image.grad is not None
    assert image.grad.flatten().tolist() == [1.0, -1.0]
