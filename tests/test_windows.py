"""Drawn rectangles: what each promises, over many streams and image sizes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from augury import windows
from augury.errors import SampleError
from augury.rng import State, Stream, seeded
from augury.sample import Labels, Signature
from augury.windows import Box

SIZES = [(40, 60), (60, 40), (7, 5), (1, 1), (1, 50)]
KEYS = range(40)


def stream(key: int) -> Stream:
    return Stream(State(seeded(137), (key,)), b"here")


def inside(box: Box, sig: Signature) -> bool:
    return 0 <= box[0] < box[2] <= sig.width and 0 <= box[1] < box[3] <= sig.height


BOXES: dict[str, Callable[[Signature, Stream], Box]] = {
    "of_area": lambda sig, s: windows.of_area((0.1, 1.0), (0.3, 3.0), sig, s),
    "of_area_at_once": lambda sig, s: windows.of_area_at_once((0.1, 1.0), (0.3, 3.0), sig, s),
    "a ratio that never fits": lambda sig, s: windows.of_area((1.0, 1.0), (100.0, 100.0), sig, s),
    "erased": lambda sig, s: windows.erased((0.0, 1.0), (0.1, 10.0), sig, s),
    "centred": lambda sig, s: windows.centred(s.uniform(0, 60), s.uniform(0, 60), s.uniform(0, 99), 0.2, sig),
    "safe without boxes": lambda sig, s: windows.safe(None, sig, s, 0.5),
    "a filled pixel": lambda sig, s: windows.with_a_filled_pixel(np.eye(*sig.shape[:2]) > 0, 1, 1, sig, s),
    "hole": lambda sig, s: windows.hole(s.word(), s.word(), ((0, 0), (99, 99)), *sig.shape[:2]),
}


@pytest.mark.parametrize("name", BOXES)
def test_boxes_lie_inside_and_hold_a_pixel(name: str) -> None:
    for height, width in SIZES:
        sig = Signature((height, width, 3))
        found = {BOXES[name](sig, stream(key)) for key in KEYS}
        assert all(inside(box, sig) for box in found)
        assert len(found) > 1 or min(height, width) == 1 or name == "a ratio that never fits"


def test_the_largest_box_of_the_nearest_ratio() -> None:
    sig = Signature((40, 60, 3))
    assert windows.largest((1.0, 2.0), sig) == (40, 60)
    assert windows.largest((1.0, 1.0), sig) == (40, 40)
    assert windows.largest((3.0, 4.0), sig) == (20, 60)
    assert windows.of_area((1.0, 1.0), (1.0, 1.0), sig, stream(0)) == (10, 0, 50, 40)


@pytest.mark.parametrize("erosion", [0.0, 0.4])
def test_a_safe_box_holds_every_box(erosion: float) -> None:
    sig = Signature((40, 60, 3))
    boxes = np.array([[5.5, 6.0, 20.0, 20.5], [30.0, 10.0, 44.2, 12.0]])
    for key in KEYS:
        x_min, y_min, x_max, y_max = windows.safe(boxes, sig, stream(key), erosion)
        lost = (boxes[:, 2:] - boxes[:, :2]) * erosion / 2
        assert ([x_min, y_min] <= boxes[:, :2] + lost).all() and ([x_max, y_max] >= boxes[:, 2:] - lost).all()


def test_intervals() -> None:
    for key in KEYS:
        s = stream(key)
        low, high = windows.around(3.2, 7.9, 20, s)
        assert 0 <= low <= 3 and 8 <= high <= 20
        low, high = windows.grown(4, 8, 10, 20, s)
        assert high - low == 10 and 0 <= low <= 4 and 8 <= high <= 20
        assert windows.grown(4, 8, 99, 20, s) == (0, 20)
        low, high = windows.trimmed(20, 0.5, 1.0, s)
        assert 0 <= low <= 10 and low < high <= 20
        low, high = windows.moved(4, 8, 6, 20, s)
        assert 0 <= low < high <= 14
        first = windows.showing(4.0, 8.0, 5, 20, 0.0, s)
        assert first <= 4 and first + 5 >= 8
        assert all(0 <= a < b <= 20 for a, b in windows.strips((0, 4), (0, 30), 20, s))
    assert windows.with_a_pixel(-3, 12, 10) == (-3, 12)
    assert windows.with_a_pixel(8, 2, 10) == (4, 5)


def test_the_inner_rectangle_of_a_turn() -> None:
    assert windows.inner_size(1.0, 0.0, 40, 60) == (40, 60)
    half = math.sqrt(0.5)
    assert windows.inner_size(half, half, 40, 40) == (28, 28)


def test_holes_in_cells() -> None:
    for key in (None, "0" * 23 + "1"):
        holes = np.array(windows.in_cells((10, 10), (4, 3), (2, 1), key, 40, 60))
        assert len(holes) == 24 and (holes[:, 2:] - holes[:, :2] == (4, 3)).all()
        assert (holes[:, :2] // 10 == (holes[:, 2:] - 1) // 10).all()
    assert windows.in_cells((10, 10), (4, 3), (2, 1), None, 10, 10) == ((2, 1, 6, 4),)


@pytest.mark.parametrize(
    ("number", "unit", "cells"), [((6, 4), None, (6, 4)), (None, (10, 10), (6, 4)), (None, None, (10, 10))]
)
def test_cells(number: Any, unit: Any, cells: tuple[int, int]) -> None:
    assert windows.cells(number, unit, Signature((40, 60, 3)), stream(0)) == cells
    for number, unit in (((31, 1), None), (None, (2, 41))):
        with pytest.raises(SampleError, match=r"60 x 40 \(W x H\); pass at most"):
            windows.cells(number, unit, Signature((40, 60, 3)), stream(0))


def test_boxes_by_label_and_by_argument() -> None:
    boxes = np.array([[1.0, 2, 3, 4], [5, 6, 7, 8]])
    sig = Signature((40, 60, 3), "uint8", Labels(boxes, {}, {"box": [-3, 4.5, 99, 9.5]}, ("a", "b")))
    assert windows.labelled(sig, ("b", 3), "labels") == [[5, 6, 7, 8]]
    assert windows.labelled(sig, None, "labels") == [] and windows.boxes_of(Signature((4, 4))) is None
    assert windows.given(sig, "box") == (0, 4, 60, 10)
    with pytest.raises(SampleError, match=r"^nothing: missing; pass nothing="):
        windows.given(sig, "nothing")
    unnamed = sig._replace(labels=Labels(boxes, {}, {}))
    with pytest.raises(SampleError, match=r"^labels: the boxes have no labels"):
        windows.labelled(unnamed, ("b",), "labels")
