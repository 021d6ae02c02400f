"""Fields as products of small matrices, with the same bits on any number of threads."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from augury.maps.dense import Maps
from augury.maps.tiles import tile_edges


@lru_cache(maxsize=32)
def cubic(cells: int, size: int) -> Any:
    """(size, cells) weights that OpenCV enlarges cells to pixels with."""
    return cv2.resize(np.eye(cells, dtype=np.float32), (cells, size), interpolation=cv2.INTER_CUBIC)


@lru_cache(maxsize=32)
def hats(knots: int, size: int) -> Any:
    """(size, knots) weights of linear interpolation at pixel centres, with a knot at either end of the axis."""
    at = (np.arange(size) + 0.5) * ((knots - 1) / size)
    return np.maximum(1 - np.abs(at[:, None] - np.arange(knots)), 0).astype(np.float32)


@lru_cache(maxsize=32)
def lagrange(nodes: int, size: int, stride: int) -> Any:
    """(points, nodes) weights of the cubic through the four nodes nearest to each point.

    The points are the centres of `stride` pixels each, one beyond either end of the axis.
    """
    at = (np.arange(-1, -(-size // stride) + 1) + 0.5) * (stride * (nodes - 1) / size)
    first = np.clip(np.floor(at).astype(np.intp) - 1, 0, nodes - 4)
    weights = np.zeros((len(at), nodes), np.float32)
    for i in range(4):
        others = [j for j in range(4) if j != i]
        weights[np.arange(len(at)), first + i] = np.prod([(at - first - j) / (i - j) for j in others], axis=0)
    return weights


def spanned(down: Any, values: Any, across: Any) -> Maps:
    """Positions from displacements (2, rows, columns) and the weights of rows (H, rows) and columns (W, columns)."""
    return positions(product(down, values[0]), across.T, product(down, values[1]), across.T)


def positions(left_x: Any, right_x: Any, left_y: Any, right_y: Any) -> Maps:
    """Index coordinates from displacements that are products of (H, K) and (K, W)."""
    x, y = np.arange(right_x.shape[1])[None], np.arange(len(left_x))[:, None]
    return (
        product(np.concatenate([left_x, np.ones_like(y)], axis=1), np.concatenate([right_x, x])),
        product(np.concatenate([left_y, y], axis=1), np.concatenate([right_y, np.ones_like(x)])),
    )


# Multiplications that no BLAS starts threads for: OpenBLAS does so above 262,144.
_ALONE = 250_000


def product(left: Any, right: Any, dtype: Any = np.float32) -> npt.NDArray[Any]:
    """The product of (H, K) and (K, W) in small blocks: threads of BLAS would change its last bits, and cost time."""
    left, right = left.astype(dtype), right.astype(dtype)
    (height, terms), width = left.shape, right.shape[1]
    out = np.empty((height, width), dtype)
    if height == 1 or width == 1:
        np.einsum("ik,kj->ij", left, right, out=out)
        return out
    across = max(2, min(width, _ALONE // (4 * terms)))
    down = max(2, _ALONE // (terms * across))
    # Evenly cut, since a block of one row or column would be a product with a vector, which has threads much earlier.
    edges_y, edges_x = tile_edges(-(-height // down), height), tile_edges(-(-width // across), width)
    for y, y_end in pairwise(edges_y):
        for x, x_end in pairwise(edges_x):
            np.matmul(left[y:y_end], right[:, x:x_end], out=out[y:y_end, x:x_end])
    return out
