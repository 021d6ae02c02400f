from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from augury import maps, ops
from augury.errors import SampleError
from augury.kernels.cpu import geometry

KERNELS: dict[type, Any] = {
    ops.D4: geometry.d4,
    ops.Crop: geometry.crop,
    ops.Pad: geometry.pad,
    ops.Resize: geometry.resize,
    ops.Warp: geometry.warp,
    ops.Remap: geometry.remap,
}
D4 = ("e", "r90", "r180", "r270", "v", "hvt", "h", "t")
DTYPES = ("bool", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8")
CHANNELS = (0, 1, 2, 3, 4, 5, 6, 9, 130)


def run(image: np.ndarray, op: Any) -> np.ndarray:
    out: np.ndarray = KERNELS[type(op)](image, op)
    return out


def random(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return rng.random(shape) < 0.5
    if kind.kind == "f":
        return rng.random(shape).astype(kind)
    info = np.iinfo(kind)
    return rng.integers(info.min, info.max, shape, dtype=kind, endpoint=True)


def shaped(height: int, width: int, channels: int) -> tuple[int, ...]:
    return (height, width, channels) if channels else (height, width)


def warp(move: maps.Matrix, height: int, width: int, **kwargs: Any) -> ops.Warp:
    return ops.Warp(move.rows, height, width, **kwargs)


TILT = maps.perspective([[0, 0], [61, 0], [61, 45], [0, 45]], [[4, 2], [55, 5], [60, 41], [1, 44]])
MOVES = [
    *(ops.D4(element) for element in D4),  # type: ignore[arg-type]
    ops.Crop(7, 5, 54, 41),
    ops.Pad(3, 8, 11, 2),
    ops.Pad(3, 8, 11, 2, border=4),
    ops.Resize(91, 53),
    ops.Resize(38, 100, interpolation=2),
    ops.Resize(30, 40, interpolation=3),
    ops.Resize(31, 41, interpolation=5),
    warp(maps.affine(45, 61, rotate=33.3), 45, 61),
    warp(maps.affine(45, 61, rotate=-71, scale=(1.2, 0.8), shear=(8, -5), translate=(3.3, -2.1)), 47, 63),
    warp(maps.affine(45, 61, rotate=12), 45, 61, interpolation=2),
    warp(maps.affine(45, 61, rotate=12), 45, 61, interpolation=4),
    warp(TILT, 45, 61),
    ops.Remap(ops.GridField((0.8, 1.2, 1.0), (1.1, 0.9))),
    ops.Remap(ops.LensField("camera", 0.2)),
    ops.Remap(ops.LensField("fisheye", -0.15)),
    ops.Remap(ops.SmoothField("0123456789abcdef01234567", 24.0, 6.0)),
    ops.Remap(ops.ControlField("0123456789abcdef01234567", 4, 5, 0.03)),
]


@pytest.mark.parametrize("op", MOVES, ids=lambda op: f"{type(op).__name__}")
@pytest.mark.parametrize("at", [(20.0, 17.0), (30.5, 22.5), (41.0, 28.5)])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_pixels_go_where_the_map_says(op: Any, at: tuple[float, float], channels: int) -> None:
    """A smooth blob is moved, and its centre of mass is found again where the map puts the point."""
    y, x = np.mgrid[0:45, 0:61] + 0.5
    blob = np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * 1.6**2)).astype(np.float32)
    out = run(np.repeat(blob[:, :, None], channels, axis=2), op)
    height, width = op.size(45, 61)
    assert out.shape == (height, width, channels)
    y, x = np.mgrid[0:height, 0:width] + 0.5
    expected = op.map(45, 61).points(np.array([at]))[0]
    near = np.hypot(x - expected[0], y - expected[1]) < 14
    weight = (out[:, :, -1] * near).astype(np.float64)
    found = (weight * x).sum() / weight.sum(), (weight * y).sum() / weight.sum()
    # A field that bends within the blob shifts its centre of mass a little.
    np.testing.assert_allclose(found, expected, atol=0.4 if isinstance(op, ops.Remap) else 0.1)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("element", D4)
def test_d4_moves_values_exactly(element: str, dtype: str, channels: int) -> None:
    image = random(shaped(5, 7, channels), dtype)
    y, x = np.mgrid[0:5, 0:7]
    op = ops.D4(element)  # type: ignore[arg-type]
    moved = op.map(5, 7).points(np.stack([x.ravel(), y.ravel()], axis=1) + 0.5)
    columns, rows = (moved - 0.5).astype(int).T
    expected = np.zeros(shaped(*op.size(5, 7), channels), image.dtype)
    expected[rows, columns] = image[y.ravel(), x.ravel()]
    out = run(image, op)
    np.testing.assert_array_equal(out, expected)
    assert out.dtype == image.dtype
    assert out.flags.c_contiguous
    assert not np.shares_memory(out, image)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_copying_ops_take_every_dtype(dtype: str, channels: int) -> None:
    image = random(shaped(6, 9, channels), dtype)
    fill = tuple(i % 2 for i in range(max(channels, 1)))
    inner = (slice(2, 8), slice(4, 13))
    outer = np.broadcast_to(np.array(fill if channels else fill[0]).astype(image.dtype), shaped(9, 15, channels))
    expected = outer.copy()
    expected[inner] = image
    moved = maps.Matrix.translate(4, 2)
    bent = maps.Matrix((*moved.rows[:6], 1e-12, 0.0, 1.0))
    for op in (
        ops.Pad(2, 1, 4, 2, fill=fill),
        warp(moved, 9, 15, interpolation=0, fill=fill),
        warp(bent, 9, 15, interpolation=0, fill=fill),
    ):
        out = run(image, op)
        np.testing.assert_array_equal(out, expected)
        assert out.dtype == image.dtype
    for interpolation in (0, 6):
        doubled = run(image, ops.Resize(12, 18, interpolation=interpolation))
        np.testing.assert_array_equal(doubled, image.repeat(2, axis=0).repeat(2, axis=1))
        assert doubled.dtype == image.dtype
    still = run(image, ops.Remap(ops.LensField("camera", 0.0), interpolation=0))
    np.testing.assert_array_equal(still, image)
    assert still.dtype == image.dtype


def test_wide_integers_keep_their_bits() -> None:
    image = np.array([[2**63 - 1, -(2**63), 2**53 + 1]], np.int64)
    out = run(image, ops.Pad(0, 0, 1, 0, fill=-7))
    assert out.tolist() == [[-7, 2**63 - 1, -(2**63), 2**53 + 1]]
    assert run(image, ops.D4("h")).tolist() == [[2**53 + 1, -(2**63), 2**63 - 1]]


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("interpolation", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("threads", [1, 2])
def test_channels_do_not_depend_on_each_other(dtype: str, interpolation: int, threads: int) -> None:
    """Every channel equals that channel moved alone: linear warps bit for bit, else to rounding."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(threads)
    try:
        for size in (20, 100):
            image = random((size, size + 3, 7), dtype)
            for base in (
                warp(maps.affine(size, size, rotate=23.4, scale=(1.1, 0.9)), size, size, interpolation=interpolation),
                warp(TILT, size, size, interpolation=interpolation),
                ops.Remap(ops.LensField("camera", 0.2), interpolation=interpolation),
                ops.Resize(size + 11, size - 5, interpolation=interpolation),
            ):
                for channels in (1, 2, 3, 4, 5, 6, 7):
                    fill = tuple(0.1 * i for i in range(channels))
                    op: Any = base if isinstance(base, ops.Resize) else base._replace(fill=fill)
                    out = run(image[:, :, :channels], op)
                    assert out.flags.c_contiguous
                    for i in {0, channels - 1}:
                        alone: Any = base if isinstance(base, ops.Resize) else base._replace(fill=fill[i])
                        expected = run(image[:, :, i], alone)
                        if isinstance(base, ops.Resize) or interpolation in (2, 4):
                            step = 1e-5 if dtype == "f4" else 1
                            np.testing.assert_allclose(out[:, :, i].astype(float), expected.astype(float), atol=step)
                        else:
                            np.testing.assert_array_equal(out[:, :, i], expected)
    finally:
        cv2.setNumThreads(before)


@pytest.mark.parametrize("op", MOVES, ids=lambda op: f"{type(op).__name__}")
def test_input_is_only_read(op: Any) -> None:
    image = random((90, 122, 3), "u1")
    view = image[::-2, ::-2]
    view.flags.writeable = False
    before = image.copy()
    out = run(view, op)
    np.testing.assert_array_equal(out, run(np.ascontiguousarray(view), op))
    np.testing.assert_array_equal(image, before)
    assert out.dtype == np.uint8
    first = out.copy()
    run(random((45, 61, 3), "u1", seed=9), op)
    np.testing.assert_array_equal(out, first)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 8), (8, 1), (2, 3)])
@pytest.mark.parametrize("border", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("channels", [0, 1, 3])
def test_tiny_images(height: int, width: int, border: int, channels: int) -> None:
    image = random(shaped(height, width, channels), "u1")
    for op in (
        ops.Pad(3, 4, 5, 6, border=border),
        warp(maps.affine(height, width, rotate=30), 4, 5, border=border),
        warp(maps.Matrix((1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1e-3, 0.0, 1.0)), 4, 5, border=border),
        ops.Remap(ops.LensField("fisheye", 0.3), border=border),
        ops.Resize(5, 4, interpolation=3),
        ops.Resize(1, 1),
    ):
        assert run(image, op).shape == shaped(*op.size(height, width), channels)


def test_borders_are_opencv_borders() -> None:
    row = np.array([[1, 2, 3, 4]], np.uint8)
    expected = {
        0: [9, 9, 1, 2, 3, 4, 9, 9],
        1: [1, 1, 1, 2, 3, 4, 4, 4],
        2: [2, 1, 1, 2, 3, 4, 4, 3],
        3: [3, 4, 1, 2, 3, 4, 1, 2],
        4: [3, 2, 1, 2, 3, 4, 3, 2],
    }
    for border, values in expected.items():
        assert run(row, ops.Pad(0, 0, 2, 2, border, 9)).tolist() == [values]
        moved = warp(maps.Matrix.translate(2, 0), 1, 8, interpolation=0, border=border, fill=9)
        assert run(row, moved).tolist() == [values]


def test_identity_warps_change_nothing() -> None:
    for dtype in ("u1", "u2", "f4"):
        image = random((33, 47, 3), dtype)
        for interpolation in (0, 1, 2):
            np.testing.assert_array_equal(run(image, warp(maps.Matrix(), 33, 47, interpolation=interpolation)), image)


def test_quarter_turns_by_warp_equal_d4() -> None:
    image = random((20, 33, 3), "u1")
    move, height, width = maps.fit(maps.affine(20, 33, rotate=90), 20, 33)
    np.testing.assert_array_equal(run(image, warp(move, height, width)), np.rot90(image))


def test_linear_weights_are_exact() -> None:
    image = random((30, 40), "f4")
    out = run(image, warp(maps.Matrix.translate(0.013, 0), 30, 40))
    np.testing.assert_allclose(out[:, 1:], image[:, 1:] * 0.987 + image[:, :-1] * 0.013, atol=1e-6)


def test_crop_is_a_view() -> None:
    image = random((9, 9, 3), "u1")
    assert np.shares_memory(run(image, ops.Crop(1, 2, 5, 7)), image)


def test_labels_use_their_own_interpolation_and_fill() -> None:
    assert ops.Pad(1, 1, 1, 1, fill=5, fill_mask=7).for_mask() == ops.Pad(1, 1, 1, 1, fill=7, fill_mask=7)
    assert ops.Resize(3, 4, 2, 6).for_mask().interpolation == 6
    op = warp(maps.Matrix(), 3, 4, fill=(1.0, 2.0, 3.0), fill_mask=255)
    assert (op.for_mask().interpolation, op.for_mask().fill) == (0, 255)
    assert ops.Remap(ops.LensField("camera", 0.1), fill_mask=3).for_mask()[1:5] == (0, 0, 0, 3)
    assert ops.D4("h").for_mask() == ops.D4("h")


def test_what_cannot_run_says_why() -> None:
    with pytest.raises(SampleError, match="nearest"):
        run(random((4, 4), "i8"), ops.Resize(3, 3))
    with pytest.raises(SampleError, match="3 values for 1 channels"):
        run(random((4, 4), "u1"), ops.Pad(1, 1, 1, 1, fill=(1, 2, 3)))
    with pytest.raises(SampleError, match="resize or crop"):
        run(np.zeros((1, 40000), np.uint8), ops.Remap(ops.LensField("camera", 0.1)))
