"""Holes: only their insides change, to what `fill` says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from augury import ops
from augury.kernels.cpu import holes

KEY = "0123456789abcdef01234567"
OTHER = "76543210fedcba9876543210"
HOLES = ((2, 3, 9, 8), (10, 1, 12, 14), (0, 0, 1, 1))
FILLS: tuple[Any, ...] = (0, 1, "random", "random_uniform", "grayscale", "inpaint_telea", "inpaint_ns")
DTYPES = (np.uint8, np.uint16, np.float32)


def picture(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    values = np.random.default_rng(5).random(shape)
    return (values if dtype is np.float32 else np.round(values * np.iinfo(dtype).max)).astype(dtype)


def inside(shape: tuple[int, ...]) -> np.ndarray:
    where = np.zeros(shape[:2], bool)
    for x_min, y_min, x_max, y_max in HOLES:
        where[y_min:y_max, x_min:x_max] = True
    return where


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(16, 14), (16, 14, 1), (16, 14, 3), (16, 14, 4), (16, 14, 130)], ids=str)
@pytest.mark.parametrize("fill", FILLS)
def test_every_fill_shape_dtype_and_layout(fill: Any, shape: tuple[int, ...], dtype: type) -> None:
    image = picture(shape, dtype)
    before = image.copy()
    image.flags.writeable = False
    op = ops.Holes(HOLES, fill, None, KEY)
    out = holes.holes(image, op)
    assert out.shape == shape and out.dtype == dtype
    assert out.flags.c_contiguous and out.flags.writeable and not np.shares_memory(out, image)
    assert np.array_equal(image, before)
    where = inside(shape)
    assert np.array_equal(out[~where], image[~where])
    if fill != "grayscale" or (len(shape) == 3 and shape[2] > 1):
        assert (out[where] != image[where]).mean() > 0.8
    assert np.array_equal(out, holes.holes(np.asfortranarray(image), op))
    assert np.array_equal(out, holes.holes(image[::-1, ::-1].copy()[::-1, ::-1], op))
    again = holes.holes(image, op._replace(key=OTHER))
    assert np.array_equal(out, again) == (fill not in ("random", "random_uniform"))


@pytest.mark.parametrize("dtype", DTYPES)
def test_colours(dtype: type) -> None:
    image = picture((16, 14, 3), dtype)
    colour = (0.25, 0.5, 1.0) if dtype is np.float32 else (10, 20, 30)
    out = holes.holes(image, ops.Holes(HOLES, colour))
    assert (out[inside(image.shape)] == np.array(colour, dtype)).all()


def test_random_uniform_is_one_colour_per_hole_and_random_is_not() -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    boxes = ((0, 0, 100, 100), (100, 100, 200, 200))
    out = holes.holes(image, ops.Holes(boxes, "random_uniform", None, KEY))
    colours = [np.unique(out[y0:y1, x0:x1].reshape(-1, 3), axis=0) for x0, y0, x1, y1 in boxes]
    assert [len(colour) for colour in colours] == [1, 1]
    assert not np.array_equal(*colours)
    out = holes.holes(image, ops.Holes(boxes, "random", None, KEY))
    counts = np.bincount(out[:100, :100].ravel(), minlength=256)
    assert abs(counts.mean() - 30_000 / 256) < 1e-9 and counts.min() > 60 and counts.max() < 180


def test_grayscale_is_luma() -> None:
    image = picture((16, 14, 3), np.uint8)
    out = holes.holes(image, ops.Holes(HOLES, "grayscale"))
    where = inside(image.shape)
    wanted = image[where] @ np.array([0.299, 0.587, 0.114])
    assert np.abs(out[where] - wanted[:, None]).max() <= 0.51


def test_inpainting_continues_the_surroundings() -> None:
    ramp = np.broadcast_to(np.linspace(0.1, 0.9, 60, dtype=np.float32)[:, None], (60, 60))
    for dtype in DTYPES:
        full = 1.0 if dtype is np.float32 else np.iinfo(dtype).max
        image = np.ascontiguousarray(ramp * full).astype(dtype)
        for method in ("inpaint_telea", "inpaint_ns"):
            out = holes.holes(image, ops.Holes(((20, 20, 30, 30),), method))
            assert np.abs(out / full - ramp).max() < 0.06


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float64, bool])
@pytest.mark.parametrize("shape", [(16, 14), (16, 14, 2)], ids=str)
def test_masks(shape: tuple[int, ...], dtype: type) -> None:
    mask = np.zeros(shape, dtype)
    op = ops.Holes(HOLES, "random", 1, KEY)
    out = holes.holes_mask(mask, op)
    assert out.dtype == dtype and not mask.any()
    assert np.array_equal(out.reshape(16, 14, -1)[..., -1] == 1, inside(shape))
    assert not holes.holes_mask(mask, op._replace(fill_mask=None)).any()


@pytest.mark.parametrize("fill", ["inpaint_telea", "inpaint_ns"])
@pytest.mark.parametrize("shape", [(1, 9), (13, 1), (1, 9, 3), (13, 1, 3), (13, 1, 2)], ids=str)
def test_inpainting_a_line_depends_on_its_pixels_alone(shape: tuple[int, ...], fill: str) -> None:
    image, (height, width) = picture(shape, np.uint8), (min(n, 4) for n in shape[:2])
    op = ops.Holes(((0, 0, width, height),), fill)
    twice = image.repeat(2, 0 if height == 1 else 1)
    wide = ops.Holes(((0, 0, 2, 4) if height > 1 else (0, 0, width, 2),), fill)
    assert np.array_equal(holes.holes(image, op), holes.holes(twice, wide)[: shape[0], : shape[1]])


def test_no_holes_is_a_copy() -> None:
    image = picture((8, 9, 3), np.uint8)
    for fill in FILLS:
        out = holes.holes(image, ops.Holes((), fill, None, KEY))
        assert np.array_equal(out, image) and not np.shares_memory(out, image)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(16, 14), (16, 14, 1), (16, 14, 3), (16, 14, 6), (16, 14, 130)], ids=str)
@pytest.mark.parametrize("fill", [0, 1, "colours", "random", "random_uniform", "grayscale"])
def test_stencils_overwrite_their_pattern(fill: Any, shape: tuple[int, ...], dtype: type) -> None:
    image = picture(shape, dtype)
    before = image.copy()
    where = np.random.default_rng(2).random(shape[:2]) < 0.4
    channels = shape[2] if len(shape) == 3 else 1
    given = tuple(np.linspace(0, 1, channels).tolist()) if fill == "colours" else fill
    op = ops.Stencil(ops.Bits(np.packbits(where).tobytes(), *shape[:2]), given, 1, KEY)
    out = holes.stencil(image, op)
    assert out.shape == shape and out.dtype == dtype and out.flags.c_contiguous
    assert not np.shares_memory(out, image) and np.array_equal(image, before)
    assert np.array_equal(out[~where], image[~where])
    if fill in (0, 1, "colours"):
        wanted = holes.holes(image, ops.Holes(((0, 0, 14, 16),), given))
        assert np.array_equal(out[where], wanted[where])
    elif fill == "random_uniform":
        assert len(np.unique(out[where].reshape(-1, channels), axis=0)) == 1
    elif fill == "random":
        assert (out[where] != image[where]).mean() > 0.9
    elif channels > 1:
        assert np.ptp(out[where], axis=-1).max() == 0
    assert np.array_equal(out, holes.stencil(np.asfortranarray(image), op))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.int64, np.float64, bool])
def test_stencils_on_masks_of_any_dtype(dtype: type) -> None:
    where = np.random.default_rng(2).random((9, 13)) < 0.4
    mask = np.random.default_rng(3).integers(0, 200, (9, 13)).astype(dtype)
    op = ops.Stencil(ops.Bits(np.packbits(where).tobytes(), 9, 13), 0, 1)
    assert np.array_equal(holes.stencil_mask(mask, op), np.where(where, dtype(1), mask))
    assert holes.stencil_mask(mask[..., None], op).shape == (9, 13, 1)
    assert np.array_equal(holes.stencil_mask(mask, op._replace(fill_mask=None)), mask)
