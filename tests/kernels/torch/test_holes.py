from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from augury import ops
from augury.errors import SampleError
from augury.kernels.torch import holes
from tests.kernels.torch.check import batch, images, off

HOLES = [((0, 0, 5, 3), (2, 1, 9, 9)), ((29, 20, 30, 21), (4, 4, 4, 8)), ((0, 0, 30, 21), (3, 3, 5, 5))]


def test_as_on_arrays() -> None:
    batched = ops.Holes(torch.tensor(HOLES))  # type: ignore[arg-type]
    assert off(images(), batched, [ops.Holes(h) for h in HOLES]).max() == 0.0


def test_a_fifth_number_takes_holes_away() -> None:
    some: Any = torch.tensor([[(*hole, i) for i, hole in enumerate(pair)] for pair in HOLES])
    assert off(images(), ops.Holes(some), [ops.Holes(pair[1:]) for pair in HOLES]).max() == 0.0


def test_a_hole_that_grows_takes_the_pixels_beside_it() -> None:
    corners = torch.tensor([[[10.0, 5.0, 20.0, 15.0]]], requires_grad=True)
    image = torch.ones(1, 1, 21, 30)
    holes.holes(image, ops.Holes(corners)).sum().backward()  # type: ignore[arg-type]
    assert corners.grad is not None
    # One more column of about ten pixels on either side, one more row likewise.
    np.testing.assert_allclose(corners.grad.flatten().numpy(), [10, 10, -10, -10], rtol=0.1)


@pytest.mark.parametrize("op", [ops.Holes(torch.zeros(3, 1, 4), fill=1), ops.Holes(((0, 0, 1, 1),))])  # type: ignore[arg-type]
def test_what_it_does_not_know_is_refused(op: ops.Holes) -> None:
    with pytest.raises(SampleError, match="fill 0"):
        holes.holes(batch(images()), op)
