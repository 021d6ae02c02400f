"""The thin-plate spline through displaced control points."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from augury.maps.dense import Maps, placed
from augury.maps.matrix import Floats
from augury.maps.products import lagrange, product
from augury.rng import Source


def spline_field(key: str, points: int, scale: float, height: int, width: int) -> Maps:
    """The thin-plate spline through points x points control points over the unit square, stretched to the image
    (Bookstein, 1989).

    scale: the reach of their displacements, drawn evenly along each axis, as a fraction of the distance between them.
    It is evaluated at a few nodes, cubic between them at about 128 points a side, and linear from there to pixels:
    within half a per cent of the reach of 4 x 4 points, 2 per cent of that of 8 x 8.
    """
    nodes, basis = _spline_nodes(points)
    reach = np.array([[width], [height]], np.float32) * np.float32(scale / (points - 1))
    moved = product(Source(key).uniform(2 * points**2, -1, 1).reshape(2, -1) * reach, basis)
    stride = max(1, min(height, width) // 128)
    down, across = (lagrange(nodes, size, stride) for size in (height, width))
    fields: list[Any] = [product(product(down, part), across.T) for part in moved.reshape(2, nodes, nodes)]
    if stride > 1:
        size = len(across) * stride, len(down) * stride
        fields = [cv2.resize(part, size, interpolation=cv2.INTER_LINEAR) for part in fields]
    x, y = (part[stride : stride + height, stride : stride + width] for part in fields)
    return placed(x, y)


@lru_cache(maxsize=8)
def _spline_nodes(points: int) -> tuple[int, Any]:
    """Nodes along a side, and how far each control point of the unit square moves each of them: (points^2, nodes^2).

    Solves Bookstein's system once: weights of U(r) = r^2 log r^2 and an affine part, with the side conditions that the
    weights are orthogonal to every affine map.
    """
    # The spline is least smooth at the control points, so nodes fall on them.
    side = max(6, -(-24 // (points - 1))) * (points - 1) + 1
    control, nodes = (
        np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2) for at in (np.linspace(0, 1, n) for n in (points, side))
    )
    count = len(control)
    system = np.zeros((count + 3, count + 3))
    system[:count] = _spline_kernel(control, control)
    system[count:, :count] = system[:count, count:].T
    solved = _eliminated(system, np.eye(count + 3)[:, :count])
    return side, product(_spline_kernel(nodes, control), solved, np.float64).T.astype(np.float32)


def _eliminated(system: Floats, right: Floats) -> Floats:
    """system^-1 right, by elimination with row pivots: the bits of LAPACK depend on how many threads it has."""
    rows = np.concatenate([system, right], axis=1)
    for i in range(len(rows)):
        pivot = i + int(np.abs(rows[i:, i]).argmax())
        rows[[i, pivot]] = rows[[pivot, i]]
        rows[i] /= rows[i, i]
        factors = rows[:, i].copy()
        factors[i] = 0
        rows[:, i:] -= factors[:, None] * rows[i, i:]
    return rows[:, len(system) :]


def _spline_kernel(at: Floats, control: Floats) -> Floats:
    """(N, points + 3): U of the distance to every control point, and 1, x, y."""
    r2 = ((at[:, None] - control) ** 2).sum(axis=2)
    return np.concatenate([r2 * np.log(np.where(r2 > 0, r2, 1)), np.ones((len(at), 1)), at], axis=1)
