from __future__ import annotations

import torch

from augury import ops
from tests.kernels.torch.check import images, off

GRAYS = [((0.3, 0.6, 0.1),) * 3, ((1.0, 0.0, 0.0), (0.0, 0.5, 0.7), (0.2, 0.1, 0.9)), ((0.1, 0.1, 0.1),) * 3]


def test_one_matrix_per_image() -> None:
    batched = ops.ColorMatrix(torch.tensor(GRAYS))  # type: ignore[arg-type]
    assert off(images(), batched, [ops.ColorMatrix(rows) for rows in GRAYS]).max() < 1e-6


def test_one_matrix_for_all_with_a_shift() -> None:
    op = ops.ColorMatrix(GRAYS[1], (0.1, -0.2, 0.3))
    assert off(images(), op, [op] * 3).max() < 1e-6
