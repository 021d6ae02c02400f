from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

import augury as A
from augury.ops import Gamma, Op, Warp
from augury.sample import Signature
from augury.search.lowering import lower
from augury.transform import Params, Transform

SIG = Signature((30, 40, 3), "float32")


def rotation(value: Any) -> Params:
    return {**A.Rotate().kept, "angle": value}


def test_a_number_that_is_handed_on_is_the_tensor_itself() -> None:
    values = torch.tensor([0.5, 2.0], requires_grad=True)
    (op,) = lower(A.RandomGamma, lambda v: {"gamma": v}, values, SIG)
    assert isinstance(op, Gamma)
    assert op.exponent is values  # type: ignore[comparison-overlap]


def test_one_inside_a_tuple_too() -> None:
    values = torch.tensor([0.5, 2.0])
    (op,) = lower(A.RGBShift, lambda v: {"r_shift": 0.0, "g_shift": v, "b_shift": 0.1}, values, SIG)
    assert op.shift[1] is values  # type: ignore[union-attr, comparison-overlap]
    assert op.shift[::2] == (0.0, 0.1)  # type: ignore[union-attr]


def test_ops_of_a_batch_are_the_catalogues_own() -> None:
    angles = [-30.0, 0.0, 12.5, 90.0, 12.5]
    (op,) = lower(A.Rotate, rotation, torch.tensor(angles, dtype=torch.float64), SIG)
    assert isinstance(op, Warp)
    matrix: Any = op.matrix
    expected = [A.Rotate.lower(rotation(angle), SIG)[0].matrix for angle in angles]  # type: ignore[union-attr]
    torch.testing.assert_close(matrix, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-7)
    assert (op.height, op.width, op.interpolation) == (30, 40, 1)


def test_gradients_are_the_derivatives() -> None:
    angles = torch.tensor([-30.0, 12.5], dtype=torch.float64, requires_grad=True)
    (op,) = lower(A.Rotate, rotation, angles, SIG)
    matrix: Any = op.matrix  # type: ignore[union-attr]
    (slope,) = torch.autograd.grad(matrix[:, 1].sum(), angles)
    radian = math.pi / 180
    torch.testing.assert_close(slope, radian * torch.cos(angles.detach() * radian), rtol=1e-7, atol=0)


def test_values_that_change_nothing_keep_their_op() -> None:
    # At a factor of 1 the transform itself leaves the op out.
    values = torch.tensor([0.5, 1.0])
    ops = lower(A.ColorJitter, lambda v: {"saturation": v, "order": (2,)}, values, SIG)
    assert len(ops) == 1
    torch.testing.assert_close(ops[0].rows[1], torch.eye(3))  # type: ignore[union-attr]


def test_dtype_and_device_are_those_of_the_values() -> None:
    for dtype in (torch.float32, torch.float64):
        (op,) = lower(A.Rotate, rotation, torch.tensor([5.0], dtype=dtype), SIG)
        assert op.matrix.dtype == dtype  # type: ignore[union-attr, attr-defined]


class Counted(Transform, register=False):
    """Counts how often it is lowered, and computes."""

    calls = 0

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        exponent = math.exp(params["x"])
        cls.calls += 1
        return (Gamma(exponent),)


def test_equal_values_are_lowered_once() -> None:
    values = torch.tensor([0.0, 1.0, 0.0, 1.0, 1.0, 0.0], requires_grad=True)
    (op,) = lower(Counted, lambda v: {"x": v}, values, SIG)
    assert Counted.calls == 4  # both sides of two values
    exponent: Any = op.exponent  # type: ignore[union-attr]
    torch.testing.assert_close(exponent, values.exp())
    torch.testing.assert_close(torch.autograd.grad(exponent.sum(), values)[0], values.exp())


def test_a_transform_without_numbers() -> None:
    assert lower(A.HorizontalFlip, lambda v: {}, torch.zeros(3), SIG) == list(A.HorizontalFlip.lower({}, SIG))
