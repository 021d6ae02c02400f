"""Four points that become corners."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from augury import maps, quads
from augury.errors import SampleError
from augury.rng import State, Stream, seeded

CORNERS = ((0.0, 0.0), (60.0, 0.0), (60.0, 40.0), (0.0, 40.0))


def stream(key: int) -> Stream:
    return Stream(State(seeded(137), (key,)), b"here")


def test_from_quad_agrees_with_the_linear_equations() -> None:
    quad = ((3.0, 2.0), (55.0, 6.0), (50.0, 39.0), (1.0, 30.0))
    ours = np.array(quads.from_quad(quad, 40, 60))
    theirs = np.array(maps.perspective(quad, [[0, 0], [60, 0], [60, 40], [0, 40]]).rows)
    assert np.allclose(ours / ours[8], theirs / theirs[8])
    for order in itertools.permutations(quad):
        if order[0] == quad[0] and order != quad and order != (quad[0], *reversed(quad[1:])):
            with pytest.raises(SampleError, match="convex"):
                quads.from_quad(order, 40, 60)


def test_points_that_stay_change_nothing() -> None:
    for fit in (True, False):
        matrix, height, width = quads.rectified(CORNERS, 40, 60, False, fit)
        assert (height, width) == (40, 60) and np.allclose(np.array(matrix) / matrix[8], np.eye(3).ravel(), atol=1e-12)


@pytest.mark.parametrize("sigma", [0.0, 0.1, 3.0])
def test_drawn_points_lie_within_half_of_the_size_of_their_corners(sigma: float) -> None:
    for key in range(30):
        for mild in (True, False):
            points = np.array(quads.drawn(sigma, 40, 60, mild, stream(key)))
            assert (np.abs(points - CORNERS) <= (30, 20)).all()
            assert (np.allclose(points, CORNERS)) == (sigma == 0.0)
            quads.from_quad(points.tolist(), 40, 60)


def test_a_mild_quadrilateral_enlarges_no_corner_fourfold() -> None:
    for key in range(30):
        g, h, i = quads.from_quad(quads.drawn(0.5, 40, 60, True, stream(key)), 40, 60)[6:]
        depths = [g * x + h * y + i for x, y in CORNERS]
        assert min(depths) >= 0.25 * max(depths) > 0
