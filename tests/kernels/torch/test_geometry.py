from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
import torch

from augury import ops
from augury.errors import SampleError
from augury.kernels.torch import geometry
from augury.maps import Matrix
from tests.kernels.torch.check import batch, images, masks_off, off

MATRICES = [
    Matrix.rotate(20).about(15, 10).rows,
    (Matrix.translate(4, -3) @ Matrix.shear(10, 0)).rows,
    Matrix.scale(0.7, 1.2).about(15, 10).rows,
]


def warps(**fields: Any) -> tuple[ops.Warp, list[ops.Warp]]:
    batched = ops.Warp(torch.tensor(MATRICES), 21, 30, **fields)  # type: ignore[arg-type]
    return batched, [ops.Warp(rows, 21, 30, **fields) for rows in MATRICES]


@pytest.mark.parametrize("element", get_args(ops.D4Element))
def test_symmetries(element: ops.D4Element) -> None:
    op = ops.D4(element)
    assert off(images(), op, [op] * 3).max() == 0.0
    masks = np.random.default_rng(1).integers(0, 5, (3, 21, 30))
    assert masks_off(masks, op, [op] * 3) == 0.0


@pytest.mark.parametrize("border", [0, 1, 2, 4])
@pytest.mark.parametrize("fill", [0, (0.2, 0.4, 0.9)])
def test_warps(border: int, fill: ops.Fill) -> None:
    apart = off(images(), *warps(border=border, fill=fill))
    assert apart.mean() < 0.2 / 255
    assert apart.max() < 0.05


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
def test_masks_move_nearest(dtype: Any) -> None:
    masks = np.random.default_rng(1).integers(0, 5, (3, 21, 30)).astype(dtype)
    assert masks_off(masks, *warps()) < 0.005


def test_half_way_between_two_pixels_masks_take_the_even_one() -> None:
    masks = np.random.default_rng(1).integers(0, 5, (3, 40, 64), np.uint8)
    for scale in (0.5, 0.25):
        op = ops.Warp(Matrix.scale(scale, scale).about(32, 20).rows, 40, 64)
        assert masks_off(masks, op, [op] * 3) == 0.0


def test_masks_of_several_classes() -> None:
    masks = torch.from_numpy(np.random.default_rng(1).integers(0, 2, (3, 4, 21, 30)))
    batched = warps()[0].for_mask()
    out = geometry.warp(masks, batched)
    for i in range(4):
        assert torch.equal(out[:, i], geometry.warp(masks[:, i], batched))


def test_the_output_may_have_another_size() -> None:
    op = ops.Warp(Matrix.scale(0.5, 2.0).rows, 42, 15)
    assert off(images(), op, [op] * 3).mean() < 0.2 / 255


def test_what_it_does_not_know_is_refused() -> None:
    for fields in ({"border": 3}, {"interpolation": 2}):
        with pytest.raises(SampleError, match="torch knows"):
            geometry.warp(batch(images()), warps(**fields)[0])
