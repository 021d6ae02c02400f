"""Kernels of whole volumes against plain NumPy formulas."""

from __future__ import annotations

import math
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
import torch

from augury import ops
from augury.errors import SampleError
from augury.kernels.cpu import volume as kernels
from augury.maps.volume import Matrix3, pose

SIDES = (5, 7, 6)
DTYPES = ("uint8", "uint16", "float32", "int64", "bool")


def random(shape: tuple[int, ...] = SIDES, dtype: str = "uint8", seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    if dtype == "float32":
        return rng.random(shape, np.float32)
    return rng.integers(0, 2 if dtype == "bool" else 256, shape).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [(), (1,), (3,), (5,)])
def test_all_symmetries(dtype: str, channels: tuple[int, ...]) -> None:
    given = random((*SIDES, *channels), dtype)
    for axes, flips in product(permutations(range(3)), product((False, True), repeat=3)):
        out = kernels.orient(given, ops.Orient(axes, flips))  # type: ignore[arg-type]
        want = given.transpose(*axes, *range(3, given.ndim))[tuple(slice(None, None, -1 if f else 1) for f in flips)]
        assert out.dtype == given.dtype and out.flags.c_contiguous and not np.may_share_memory(out, given)
        assert np.array_equal(out, want), (axes, flips)


@pytest.mark.parametrize("fill", [0, 7, (1, 2, 3)])
def test_padding(fill: Any) -> None:
    given = random((*SIDES, 3))
    out = kernels.pad(given, ops.Pad3D(1, 2, 0, 3, 4, 1, fill))
    want = np.empty((8, 10, 11, 3), np.uint8)
    want[:] = fill
    want[1:6, :7, 4:10] = given
    assert np.array_equal(out, want)


def test_a_fill_is_brought_to_the_dtype_and_must_fit_the_channels() -> None:
    assert kernels.fill_value(300, random()) == 255 and kernels.fill_value(-0.6, random()) == 0
    assert kernels.fill_value(0.5, random(dtype="float32")) == np.float32(0.5)
    with pytest.raises(SampleError, match=r"fill \(1, 2\) has 2 values for 3 channels"):
        kernels.pad(random((*SIDES, 3)), ops.Pad3D(1, 1, 1, 1, 1, 1, (1, 2)))


def test_holes() -> None:
    given = random(dtype="float32")
    out = kernels.holes(given, ops.Holes3D(((0, 1, 2, 3, 4, 5), (4, 6, 5, 5, 7, 6)), 0.5))
    want = given.copy()
    want[0:3, 1:4, 2:5] = want[4, 6, 5] = 0.5
    assert np.array_equal(out, want)


def test_parts_change_places() -> None:
    given = random((4, 6, 9))
    op = ops.Shuffle3D((2, 3, 1), (3, 1, 2, 5, 4, 0))
    out = kernels.shuffle(given, op)
    parts = [given[2 * z : 2 * z + 2, 2 * y : 2 * y + 2] for z in range(2) for y in range(3)]
    for place, source in enumerate(op.order):
        z, y = divmod(place, 3)
        assert np.array_equal(out[2 * z : 2 * z + 2, 2 * y : 2 * y + 2], parts[source])


@pytest.mark.parametrize("channels", [(), (1,), (3,), (4,)])
def test_tensors(channels: tuple[int, ...]) -> None:
    given = random((*SIDES, *channels))
    for kernel in (kernels.to_tensor, kernels.mask_to_tensor):
        out = kernel(given, ops.VolumeToTensor())
        want = np.moveaxis(given, 3, 0) if channels else given[None]
        assert isinstance(out, torch.Tensor) and out.is_contiguous() and np.array_equal(out.numpy(), want)
        assert not np.may_share_memory(out.numpy(), given)


# ---- resampling ------------------------------------------------------------------------------------------


def value(given: Any, z: int, y: int, x: int, border: int, fill: float) -> Any:
    """A voxel, or what stands for it outside."""
    at = [min(max(i, 0), n - 1) for i, n in zip((z, y, x), given.shape, strict=False)]
    return given[tuple(at)].astype(np.float64) if border or at == [z, y, x] else np.full(given.shape[3:], float(fill))


def trilinear(given: Any, x: float, y: float, z: float, border: int, fill: float) -> Any:
    """The value at edge coordinates."""
    out: Any = 0.0
    low = [math.floor(v - 0.5) for v in (z, y, x)]
    share = [v - 0.5 - i for v, i in zip((z, y, x), low, strict=True)]
    for corner in product((0, 1), repeat=3):
        weight = math.prod(s if c else 1 - s for s, c in zip(share, corner, strict=True))
        at = [i + c for i, c in zip(low, corner, strict=True)]
        out = out + weight * value(given, at[0], at[1], at[2], border, fill)
    return out


def slowly(given: Any, op: ops.Affine3D) -> Any:
    """`affine` in float64, voxel by voxel."""
    back = Matrix3(*op.matrix).inverse()  # type: ignore[arg-type]
    out = np.empty((op.depth, op.height, op.width, *given.shape[3:]))
    for z, y, x in np.ndindex(op.depth, op.height, op.width):
        ((u, v, w),) = back.points(np.array([[x + 0.5, y + 0.5, z + 0.5]]))
        if op.interpolation:
            out[z, y, x] = trilinear(given, u, v, w, op.border, op.fill)  # type: ignore[arg-type]
        else:
            out[z, y, x] = value(given, math.floor(w), math.floor(v), math.floor(u), op.border, op.fill)  # type: ignore[arg-type]
    return out


TURNS = [
    pose((1, 1, 1), (0, 0, 25), (0.1, -0.2, 0), SIDES),
    pose((1.2, 0.8, 1.1), (20, -35, 50), (0, 0.05, 0.1), SIDES),
    pose((0.5, 1.5, 2.0), (85, 10, 190), (0.3, 0, 0), SIDES),
]


@pytest.mark.parametrize("matrix", TURNS)
@pytest.mark.parametrize("border", [0, 1])
@pytest.mark.parametrize("shape", [SIDES, (*SIDES, 2), (*SIDES, 4)])
def test_affine_beside_the_formula(matrix: Matrix3, border: int, shape: tuple[int, ...]) -> None:
    given = random(shape, "float32")
    op = ops.Affine3D(matrix, 6, 5, 8, 1, 0, border, 0.7)
    assert np.abs(kernels.affine(given, op) - slowly(given, op)).max() < 2e-5
    given = random(shape)
    op = op._replace(fill=99)
    assert np.abs(kernels.affine(given, op).astype(float) - slowly(given, op)).max() < 0.51
    near = op._replace(interpolation=0)
    assert np.array_equal(kernels.affine(given, near), slowly(given, near))


def test_volumes_too_tall_for_one_piece_are_split() -> None:
    given = random((60, 300, 9), "float32")
    matrix = pose((1, 1, 1), (70, 40, 0), (0, 0, 0), given.shape)
    op = ops.Affine3D(matrix, *given.shape, fill=0.2)
    out = kernels.affine(given, op)
    back = matrix.inverse()
    rng = np.random.default_rng(1)
    for z, y, x in rng.integers(0, given.shape, (300, 3)).tolist():
        ((u, v, w),) = back.points(np.array([[x + 0.5, y + 0.5, z + 0.5]]))
        assert abs(out[z, y, x] - trilinear(given, u, v, w, 0, 0.2)) < 1e-3


def test_nothing_moved_is_nothing_changed() -> None:
    for dtype in ("uint8", "uint16", "float32"):
        given = random((*SIDES, 3), dtype)
        for interpolation in (0, 1):
            op = ops.Affine3D(Matrix3.scale(1, 1, 1), *SIDES, interpolation)
            assert np.array_equal(kernels.affine(given, op), given)


def test_labels_of_every_dtype_are_moved_by_nearest_alone() -> None:
    for dtype in DTYPES:
        given = random(dtype=dtype)
        op = ops.Affine3D(TURNS[1], *SIDES, interpolation=0)
        assert np.array_equal(kernels.affine(given, op), slowly(given, op).astype(dtype))
    with pytest.raises(SampleError, match="dtype int64: only uint8"):
        kernels.affine(random(dtype="int64"), ops.Affine3D(TURNS[1], *SIDES))


@pytest.mark.parametrize("size", [(5, 7, 6), (3, 9, 12), (11, 2, 1), (1, 1, 1)])
def test_resize_beside_the_formula(size: tuple[int, int, int]) -> None:
    for dtype, tolerance in (("float32", 1e-5), ("uint8", 0.51)):
        given = random((*SIDES, 2), dtype)
        scale = [side / n for side, n in zip(SIDES, size, strict=True)]
        want = np.empty((*size, 2))
        near = np.empty((*size, 2), given.dtype)
        for at in np.ndindex(*size):
            z, y, x = ((i + 0.5) * s for i, s in zip(at, scale, strict=True))
            want[at] = trilinear(given, x, y, z, 1, 0)
            near[at] = value(given, math.floor(z), math.floor(y), math.floor(x), 1, 0)
        assert np.abs(kernels.resize(given, ops.Resize3D(*size)).astype(float) - want).max() < tolerance
        assert np.array_equal(kernels.resize(given, ops.Resize3D(*size, 0)), near)


def test_a_bend_is_a_field_per_slice() -> None:
    given = random((6, 20, 24), "float32")
    op = ops.Elastic3D("01" * 12, 3, 4, 0.1, border=1)
    layers = op.map(*given.shape)
    out = kernels.elastic(given, op)
    for z, y, x in np.random.default_rng(0).integers(0, given.shape, (200, 3)).tolist():
        field = layers.field(z)
        want = trilinear(given, field.map_x[y, x] + 0.5, field.map_y[y, x] + 0.5, z + 0.5, 1, 0)
        assert abs(out[z, y, x] - want) < 1e-4
    reach = max(np.abs(layers.field(z).map_x - np.arange(24)).max() for z in range(6))
    assert 0.5 < reach < 2 * 0.1 * 20
    assert not np.array_equal(layers.field(0).map_x, layers.field(3).map_x)
