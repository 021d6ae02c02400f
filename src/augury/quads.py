"""Quadrilaterals: four points (x, y) of an image, clockwise from the top left, that become the corners of another."""

from __future__ import annotations

import math
from collections.abc import Sequence

from augury.errors import SampleError, shown
from augury.rng import Stream, normal_quantile

Points = Sequence[Sequence[float]]
Range = tuple[float, float]


def drawn(sigma: float, height: int, width: int, mild: bool, stream: Stream) -> tuple[tuple[float, float], ...]:
    """Points inside a height x width image, whose distances from its sides are the absolute values of Gaussians.

    sigma: standard deviation, as a fraction of the size; distances are folded into [0, 0.5). While the points form no
    convex quadrilateral, or with `mild` one that enlarges a corner over four times as much as another, they move
    outwards.
    """
    corners = []
    for right, bottom in ((0, 0), (1, 0), (1, 1), (0, 1)):
        x, y = _distance(sigma, stream), _distance(sigma, stream)
        corners.append((width * (1 - x if right else x), height * (1 - y if bottom else y)))
    while not _is_convex(corners, height, width) or (mild and not _is_mild(corners, height, width)):
        ends = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
        corners = [((x + u) / 2, (y + v) / 2) for (x, y), (u, v) in zip(corners, ends, strict=True)]
    return tuple(corners)


def rectified(
    corners: Points, height: int, width: int, keep_size: bool, fit_output: bool
) -> tuple[tuple[float, ...], int, int]:
    """The map that makes points of a height x width image the corners of the result, and the result's size.

    keep_size: the size stays, otherwise it is that of the longer of opposite sides. fit_output: instead of what lies
    between the points, the result shows the whole image.
    """
    p, q, r, s = corners
    new_width = max(1, round(max(math.dist(p, q), math.dist(s, r))))
    new_height = max(1, round(max(math.dist(p, s), math.dist(q, r))))
    a, b, c, d, e, f, g, h, i = from_quad((p, q, r, s), new_height, new_width)
    out_height, out_width = (height, width) if keep_size else (new_height, new_width)
    x, y, left, top = out_width / new_width, out_height / new_height, 0.0, 0.0
    if fit_output:
        (x0, x1), (y0, y1) = _extent(((a, b, c), (d, e, f), (g, h, i)), height, width)
        if not keep_size:
            out_height, out_width = max(1, math.ceil(y1 - y0 - 1e-6)), max(1, math.ceil(x1 - x0 - 1e-6))
        x, y, left, top = out_width / (x1 - x0), out_height / (y1 - y0), x0, y0
    a, b, c = x * (a - left * g), x * (b - left * h), x * (c - left * i)
    d, e, f = y * (d - top * g), y * (e - top * h), y * (f - top * i)
    return (a, b, c, d, e, f, g, h, i), out_height, out_width


def from_quad(corners: Points, height: int, width: int) -> tuple[float, ...]:
    """The nine numbers of the projective map from four points to [0, width] x [0, height].

    Points are (x, y), clockwise from the one that becomes the top left corner.
    The map from the unit square to the points is known in closed form (Heckbert, 1989, section 2.2.3); this is its
    inverse. Raises SampleError if the points do not form a convex quadrilateral.
    """
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = corners
    sx, sy = x0 - x1 + x2 - x3, y0 - y1 + y2 - y3
    dx1, dx2, dy1, dy2 = x1 - x2, x3 - x2, y1 - y2, y3 - y2
    det = dx1 * dy2 - dx2 * dy1
    if det == 0.0:
        raise SampleError(f"corners {shown(corners)} do not form a convex quadrilateral; move them apart")
    g, h = (sx * dy2 - dx2 * sy) / det, (dx1 * sy - sx * dy1) / det
    a, b, c = x1 - x0 + g * x1, x3 - x0 + h * x3, x0
    d, e, f = y1 - y0 + g * y1, y3 - y0 + h * y3, y0
    # Divided by the determinant, the adjugate gives the first point a depth of 1: all between the points is in front.
    last = a * (e - f * h) - b * (d - f * g) + c * (d * h - e * g)
    if last == 0.0 or 1.0 + g <= 0.0 or 1.0 + h <= 0.0 or 1.0 + g + h <= 0.0:
        raise SampleError(f"corners {shown(corners)} do not form a convex quadrilateral; move them apart")
    return (
        width * (e - f * h) / last, width * (c * h - b) / last, width * (b * f - c * e) / last,
        height * (f * g - d) / last, height * (a - c * g) / last, height * (c * d - a * f) / last,
        (d * h - e * g) / last, (b * g - a * h) / last, (a * e - b * d) / last,
    )  # fmt: skip


def _distance(sigma: float, stream: Stream) -> float:
    """The absolute value of a Gaussian, folded into [0, 0.5)."""
    return -sigma * normal_quantile((1.0 - stream.random()) / 2) % 0.5


def _is_convex(corners: Points, height: int, width: int) -> bool:
    """Whether every corner turns clockwise, by more than a thousandth of what the image's own corners do."""
    least = 1e-3 * height * width
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = corners
    return (
        (x1 - x0) * (y2 - y1) - (y1 - y0) * (x2 - x1) > least
        and (x2 - x1) * (y3 - y2) - (y2 - y1) * (x3 - x2) > least
        and (x3 - x2) * (y0 - y3) - (y3 - y2) * (x0 - x3) > least
        and (x0 - x3) * (y1 - y0) - (y0 - y3) * (x1 - x0) > least
    )


def _is_mild(corners: Points, height: int, width: int) -> bool:
    """Whether the depths of the image's corners, which their scales are inverse to, differ at most fourfold."""
    g, h, i = from_quad(corners, height, width)[6:]
    depths = (i, g * width + i, h * height + i, g * width + h * height + i)
    return min(depths) >= 0.25 * max(depths)


def _extent(rows: Sequence[tuple[float, float, float]], height: int, width: int) -> tuple[Range, Range]:
    """Ranges of x and y that the moved image covers; SampleError if a corner lies behind the horizon."""
    (a, b, c), (d, e, f), (g, h, i) = rows
    xs, ys = [], []
    for x, y in ((0, 0), (width, 0), (width, height), (0, height)):
        depth = g * x + h * y + i
        if depth <= 1e-3:
            raise SampleError("fit_output: so strong a perspective moves a corner to infinity; pass a smaller scale")
        xs.append((a * x + b * y + c) / depth)
        ys.append((d * x + e * y + f) / depth)
    return (min(xs), max(xs)), (min(ys), max(ys))
