"""Images and volumes cut into tiles, which change places."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise, product

import numpy as np
import numpy.typing as npt

from augury.maps.matrix import Floats
from augury.rng import Source


def tile_edges(parts: int, size: int) -> list[int]:
    """Edges of the most even cut of `size` pixels into `parts`, or into single pixels if they are fewer."""
    parts = min(parts, size)
    return [(i * size + parts // 2) // parts for i in range(parts + 1)]


@lru_cache(maxsize=64)
def tile_sizes(grid: tuple[int, ...], sides: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """The sides of every tile, row by row."""
    cuts = zip(grid, sides, strict=True)
    return tuple(product(*([b - a for a, b in pairwise(tile_edges(*cut))] for cut in cuts)))


def tile_windows(grid: Sequence[int], sides: Sequence[int]) -> list[tuple[slice, ...]]:
    """The part of an array that every tile is, row by row."""
    cuts = zip(grid, sides, strict=True)
    return list(product(*([slice(a, b) for a, b in pairwise(tile_edges(*cut))] for cut in cuts)))


def tile_order(key: str, grid: Sequence[int], sides: Sequence[int]) -> tuple[int, ...]:
    """Which tile each place shows, drawn from a stream key; only tiles of equal size change places."""
    sizes = tile_sizes(tuple(grid), tuple(sides))
    words = Source(key).uint32(len(sizes)).tolist()
    places = sorted(range(len(sizes)), key=sizes.__getitem__)
    tiles = sorted(range(len(sizes)), key=lambda i: (sizes[i], words[i]))
    return tuple([tile for _, tile in sorted(zip(places, tiles, strict=True))])


class Tiles:
    """An image or a volume cut into a grid of tiles and put together in another order: place i shows tile order[i].

    grid, sides: parts and pixels along (y, x) or (z, y, x). Points are rows of x, y or x, y, z.
    """

    def __init__(self, grid: Sequence[int], order: Sequence[int], sides: Sequence[int]) -> None:
        self.edges = [np.array(tile_edges(n, side)) for n, side in zip(grid, sides, strict=True)]
        corners = np.meshgrid(*(edges[:-1] for edges in self.edges), indexing="ij")
        low = np.stack([corner.ravel() for corner in corners[::-1]], axis=1)
        # How far each source tile moves.
        self.moves = np.empty_like(low)
        self.moves[list(order)] = low - low[list(order)]

    def _tile(self, points: Floats) -> npt.NDArray[np.intp]:
        tile = np.zeros(len(points), np.intp)
        for edges, at in zip(self.edges, points.T[::-1], strict=True):
            parts = len(edges) - 1
            tile = tile * parts + np.clip(np.searchsorted(edges, at, "right") - 1, 0, parts - 1)
        return tile

    def points(self, points: Floats) -> Floats:
        """Source points to the output; those outside move with the nearest tile."""
        out: Floats = points + self.moves[self._tile(points)]
        return out

    def points_and_jacobian(self, xy: Floats) -> tuple[Floats, Floats]:
        return self.points(xy), np.broadcast_to(np.eye(2), (len(xy), 2, 2))

    def hulls(self, boxes: Floats) -> Floats:
        """Boxes (N, 4) as the hulls of the pieces that tiles cut them into."""
        cuts_y, cuts_x = self.edges
        out = boxes.copy()
        for i, (x0, y0, x1, y1) in enumerate(boxes.tolist()):
            xs = np.array([x0, *cuts_x[(cuts_x > x0) & (cuts_x < x1)], x1])
            ys = np.array([y0, *cuts_y[(cuts_y > y0) & (cuts_y < y1)], y1])
            x, y = (grid.ravel() for grid in np.meshgrid((xs[:-1] + xs[1:]) / 2, (ys[:-1] + ys[1:]) / 2))
            moves = self.moves[self._tile(np.stack([x, y], axis=1))]
            left, top = np.tile(xs[:-1], len(ys) - 1) + moves[:, 0], np.repeat(ys[:-1], len(xs) - 1) + moves[:, 1]
            right, bottom = np.tile(xs[1:], len(ys) - 1) + moves[:, 0], np.repeat(ys[1:], len(xs) - 1) + moves[:, 1]
            out[i] = left.min(), top.min(), right.max(), bottom.max()
        return out
