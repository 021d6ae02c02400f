"""Pixels that change places: what labels and masks do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import augury as A
from tests.samples import image

POINTS = A.KeypointParams("xy")


def run(transform: Any, key: int = 0, **targets: Any) -> dict[str, Any]:
    settings = {"bbox_params": A.BboxParams("pascal_voc")} if "bboxes" in targets else {}
    settings |= {"keypoint_params": POINTS} if "keypoints" in targets else {}
    return A.ReplayCompose([transform], seed=1, **settings)(**targets, key=key)


@pytest.mark.parametrize("grid", [(3, 3), (2, 5), (100, 100), (1, 1)])
def test_tiles_keep_pixels_and_labels_together(grid: tuple[int, int]) -> None:
    height, width = 37, 53
    number = np.arange(height * width, dtype=np.int32).reshape(height, width)
    points = [[5, 7], [40, 30], [52, 36]]
    boxes = [[x, y, x + 1, y + 1] for x, y in points]
    out = run(
        A.RandomGridShuffle(grid=grid, p=1), image=image(height, width), mask=number, keypoints=points, bboxes=boxes
    )
    assert np.array_equal(np.sort(out["mask"], axis=None), number.ravel())
    for (x, y), (new_x, new_y), box in zip(points, np.array(out["keypoints"]).astype(int), out["bboxes"], strict=True):
        assert out["mask"][new_y, new_x] == number[y, x]
        assert np.allclose(box, (new_x, new_y, new_x + 1, new_y + 1))
    undo = A.inverse(out["replay"])
    assert np.array_equal(undo(mask=out["mask"])["mask"], number)


def test_a_box_over_tiles_becomes_the_hull_of_its_pieces() -> None:
    seen = np.zeros((40, 60), np.uint8)
    seen[10:30, 15:50] = 1
    for key in range(20):
        out = run(A.RandomGridShuffle(p=1), key, image=image(40, 60), mask=seen, bboxes=[[15, 10, 50, 30]])
        rows, columns = np.nonzero(out["mask"])
        assert np.allclose(out["bboxes"][0], (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))


def test_pixels_spread_within_the_radius() -> None:
    column = np.tile(np.arange(80, dtype=np.int32), (60, 1))
    out = run(A.PixelSpread(radius=3, border_mode=1, p=1), image=image(60, 80), mask=column, keypoints=[[9, 9]])
    moved = out["mask"][:, 3:-3] - column[:, 3:-3]
    assert set(np.unique(moved)) == set(range(-3, 4))
    assert abs(moved.mean()) < 0.1 and np.allclose(out["keypoints"], [[9, 9]])
    with pytest.raises(A.InverseError):
        A.inverse(out["replay"])


@pytest.mark.parametrize(("operation", "more"), [("dilation", 1), ("erosion", -1)])
def test_boxes_grow_with_bright_things(operation: str, more: int) -> None:
    seen = np.zeros((40, 40, 3), np.uint8)
    seen[10:30, 12:28] = 255
    for size in (2, 3, 4, 5):
        transform = A.Morphological(scale=(size, size), operation=operation, p=1)
        out = run(transform, image=seen, mask=seen[..., 0], bboxes=[[12, 10, 28, 30]])
        rows, columns = np.nonzero(out["mask"])
        assert np.allclose(out["bboxes"][0], (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
        assert more * (len(rows) - 20 * 16) > 0
        assert np.array_equal(out["image"][..., 1], out["mask"])


def test_superpixels_are_their_mean() -> None:
    halves = np.zeros((60, 60, 3), np.uint8)
    halves[:, 30:] = 200
    noisy = halves + np.random.default_rng(0).integers(0, 20, halves.shape, dtype=np.uint8)
    out = run(A.Superpixels(p_replace=(1, 1), n_segments=(16, 16), max_size=None, p=1), image=noisy)["image"]
    assert np.abs(out.astype(int) - halves - 10).max() < 6
    assert len(np.unique(out.reshape(-1, 3), axis=0)) <= 16
    assert np.array_equal(run(A.Superpixels(p_replace=(0, 0), p=1), image=noisy)["image"], noisy)
