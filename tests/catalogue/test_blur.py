"""Blur and sharpening: drawn values, kernels by formula, and that records reproduce them."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest

import augury as A
from augury.errors import FieldError
from augury.kernels.cpu.blur import motion_kernel
from augury.sample import Array

KEYS = range(300)


def image(dtype: str = "uint8") -> Array:
    values = np.random.default_rng(0).integers(0, 256, (40, 50, 3))
    return (values / 255).astype(np.float32) if dtype == "float32" else values.astype(dtype)


def params(transform: Any, key: int) -> dict[str, Any]:
    out = A.Compose([transform], seed=1, save_applied_params=True)(image=np.zeros((8, 8, 3), np.uint8), key=key)
    return dict(out["applied_transforms"][0][1])


def drawn(transform: Any, name: str) -> list[Any]:
    return [params(transform, key)[name] for key in KEYS]


def run(transform: Any, sample: Array) -> Array:
    out: Array = A.Compose([transform], seed=1)(image=sample, key=0)["image"]
    assert out.shape == sample.shape
    assert out.dtype == sample.dtype
    return out


@pytest.mark.parametrize(
    ("limits", "sizes"),
    [((3, 7), {3, 5, 7}), (5, {3, 5}), ((4, 6), {5, 7}), ((1, 2), {3}), (0, {3}), ((9, 9), {9})],
)
@pytest.mark.parametrize(
    ("name", "param"), [("Blur", "kernel"), ("MedianBlur", "kernel"), ("MotionBlur", "kernel_size")]
)
def test_sizes_are_odd(name: str, param: str, limits: Any, sizes: set[int]) -> None:
    assert set(drawn(getattr(A, name)(blur_range=limits, p=1), param)) == sizes
    assert getattr(A, name)(blur_limit=limits, p=1) == getattr(A, name)(limits, p=1)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_blur_is_the_mean(dtype: str) -> None:
    sample = image(dtype)
    want = cv2.blur(sample.astype(np.float64), (5, 5))
    assert np.abs(run(A.Blur((5, 5), p=1), sample) - want).max() <= (1e-6 if dtype == "float32" else 0.5 + 1e-9)


def test_median_is_the_median() -> None:
    sample = image()
    out = run(A.MedianBlur((3, 3), p=1), sample)
    assert (out[10, 20] == np.median(sample[9:12, 19:22], axis=(0, 1))).all()


# ---- Gaussian ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "sizes"),
    [
        ((0, 0), {0}),
        (0, {0}),
        ((3, 7), {3, 5, 7}),
        ((0, 7), {0, 3, 5, 7}),
        (5, {0, 3, 5}),
        ((1, 2), {1, 3}),
        ((2, 6), {3, 5, 7}),
    ],
)
def test_gaussian_sizes(limits: Any, sizes: set[int]) -> None:
    assert set(drawn(A.GaussianBlur(blur_limit=limits, p=1), "kernel_size")) == sizes


def test_gaussian_sigma() -> None:
    sigma = drawn(A.GaussianBlur(sigma_limit=2, p=1), "sigma")
    assert 0 <= min(sigma) < 0.1
    assert 1.9 < max(sigma) < 2
    assert set(drawn(A.GaussianBlur(sigma_range=(0.7, 0.7), p=1), "sigma")) == {0.7}


@pytest.mark.parametrize(("limits", "sigma", "size"), [((0, 0), 1.5, 11), ((5, 5), 1.5, 5), ((7, 7), 0, 7)])
def test_gaussian_weights(limits: Any, sigma: float, size: int) -> None:
    point = np.zeros((21, 21), np.float32)
    point[10, 10] = 1
    out = run(A.GaussianBlur(limits, (sigma, sigma), p=1), point)
    width = sigma or 0.3 * ((size - 1) / 2 - 1) + 0.8
    line = np.exp(-(np.arange(-(size // 2), size // 2 + 1) ** 2) / (2 * width**2))
    want = np.outer(line, line) / line.sum() ** 2
    reach = size // 2
    assert np.abs(out[10 - reach : 11 + reach, 10 - reach : 11 + reach] - want).max() < 1e-6
    assert np.count_nonzero(out) == size**2


def test_gaussian_of_nothing_is_the_image() -> None:
    sample = image()
    assert (run(A.GaussianBlur((0, 0), (0, 0), p=1), sample) == sample).all()


def test_gaussian_slices() -> None:
    volume = np.stack([image(), image()[::-1]])
    out = A.Compose([A.GaussianBlur(volume_mode="slice", sigma_range=(1, 1), p=1)])(volume=volume)["volume"]
    assert (out[1] == run(A.GaussianBlur(sigma_range=(1, 1), p=1), volume[1])).all()


def gaussian3d(volume: Any, **arguments: Any) -> Any:
    blur = A.GaussianBlur(volume_mode="3d", **arguments, p=1)
    return A.Compose([blur], seed=0)(volume=volume)["volume"]


def test_gaussian_across_slices() -> None:
    volume = np.zeros((9, 15, 15), np.float32)
    volume[4, 7, 7] = 1
    out = gaussian3d(volume, blur_range=(7, 7), sigma_range=(1, 1), blur_z_range=(5, 5), sigma_z_range=(2, 2))
    flat, high = (np.exp(-(np.arange(-r, r + 1) ** 2) / (2 * s**2)) for r, s in ((3, 1), (2, 2)))
    want = high[:, None, None] * flat[:, None] * flat
    assert np.abs(out[2:7, 4:11, 4:11] - want / want.sum()).max() < 1e-6
    assert np.count_nonzero(out) == want.size
    turned = volume.swapaxes(0, 1)
    gap = gaussian3d(volume, sigma_range=(1, 1)).swapaxes(0, 1) - gaussian3d(turned, sigma_range=(1, 1))
    assert np.abs(gap).max() < 1e-6


def test_gaussian_across_slices_of_channels_and_of_one_slice() -> None:
    volume = np.stack([image(), image()[::-1], image()[:, ::-1]])
    out = gaussian3d(volume, sigma_range=(1, 1))
    want = gaussian3d(np.ascontiguousarray(volume[..., 1]), sigma_range=(1, 1))
    assert np.abs(out[..., 1].astype(int) - want).max() <= 1
    one = gaussian3d(volume[:1], sigma_range=(1, 1))[0]
    assert (one == run(A.GaussianBlur(sigma_range=(1, 1), p=1), volume[0])).all()


def test_gaussian_across_slices_leaves_masks_and_blurs_images_alone() -> None:
    blur = A.Compose([A.GaussianBlur(volume_mode="3d", sigma_range=(1, 1), p=1)])
    labels = np.arange(40 * 50, dtype=np.int32).reshape(1, 40, 50)
    out = blur(image=image(), volume=image()[None], mask3d=labels)
    assert (out["image"] == run(A.GaussianBlur(sigma_range=(1, 1), p=1), image())).all()
    assert (out["mask3d"] == labels).all()


@pytest.mark.parametrize("wrong", [{"sigma_z_range": (1, 2)}, {"blur_z_range": (3, 5)}])
def test_widths_across_slices_need_their_mode(wrong: dict[str, Any]) -> None:
    with pytest.raises(FieldError, match=f"GaussianBlur.{next(iter(wrong))}: got .* volume_mode='3d'"):
        A.GaussianBlur(**wrong)


# ---- motion ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("angle", "direction", "cells"),
    [
        (0, 0, [(3, x) for x in range(7)]),
        (0, 1, [(3, x) for x in range(3, 7)]),
        (0, -1, [(3, x) for x in range(4)]),
        (90, 0, [(y, 3) for y in range(7)]),
        (90, 1, [(y, 3) for y in range(3, 7)]),
        (180, 1, [(3, x) for x in range(4)]),
        (270, 1, [(y, 3) for y in range(4)]),
        (360, 1, [(3, x) for x in range(3, 7)]),
    ],
)
def test_motion_along_the_axes(angle: float, direction: float, cells: list[tuple[int, int]]) -> None:
    want = np.zeros((7, 7))
    for cell in cells:
        want[cell] = 1 / len(cells)
    assert np.allclose(motion_kernel(7, angle, direction, (0, 0)), want, atol=1e-12)


@pytest.mark.parametrize("size", [3, 5, 9, 31])
def test_motion_kernels_are_lines(size: int) -> None:
    half = size // 2
    for angle in range(0, 360, 7):
        for direction in (-1, -0.3, 0, 0.5, 1):
            kernel = np.array(motion_kernel(size, angle, direction, (0, 0)))
            assert abs(kernel.sum() - 1) < 1e-12
            rows, columns = np.nonzero(kernel)
            assert len(set(kernel[rows, columns].tolist())) == 1
            ends = -half * (1 - max(direction, 0)), half * (1 + min(direction, 0))
            cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            x, y = columns - half, rows - half
            along, across = x * cos + y * sin, y * cos - x * sin
            assert np.abs(across).max() < 0.71
            assert ends[0] - 0.71 < along.min() <= ends[0] + 0.71
            assert ends[1] - 0.71 <= along.max() < ends[1] + 0.71
            steps = np.diff(np.sort(along))
            assert len(steps) == 0 or steps.max() < 1.5


def test_motion_shift_moves_the_line() -> None:
    kernel = np.array(motion_kernel(9, 0, 0, (2, -1)))
    assert np.allclose(kernel[3, 2:], 1 / 7)
    assert np.count_nonzero(kernel) == 7


def test_motion_draws() -> None:
    transform = A.MotionBlur((9, 9), angle_range=(30, 60), direction_range=(-0.5, 0.5), p=1)
    assert {x for shift in drawn(transform, "shift") for x in shift} == {-2, -1, 0, 1, 2}
    angles, directions = drawn(transform, "angle"), drawn(transform, "direction")
    assert 30 <= min(angles) < 32
    assert 58 < max(angles) < 60
    assert -0.5 <= min(directions) < max(directions) < 0.5
    assert set(drawn(transform.replace(allow_shifted=False), "shift")) == {(0, 0)}


def test_motion_blur_moves_along_the_line() -> None:
    point = np.zeros((21, 21), np.uint8)
    point[10, 10] = 210
    out = run(A.MotionBlur((7, 7), False, (90, 90), (0, 0), p=1), point)
    assert (out[7:14, 10] == 30).all()
    assert out.sum() == 210


# ---- defocus, sharpen, emboss ------------------------------------------------------------------------


def test_defocus_draws() -> None:
    assert set(drawn(A.Defocus(radius=4, p=1), "radius")) == {1, 2, 3, 4}
    assert set(drawn(A.Defocus((3, 5), p=1), "radius")) == {3, 4, 5}
    soft = drawn(A.Defocus(alias_blur=0.3, p=1), "alias_blur")
    assert 0 <= min(soft) < max(soft) < 0.3


def test_defocus_is_a_disc() -> None:
    point = np.zeros((31, 31), np.float32)
    point[15, 15] = 1
    out = run(A.Defocus((6, 6), (0.1, 0.1), p=1), point)
    at = np.arange(-15, 16)
    disc = at[:, None] ** 2 + at**2 <= 36
    assert np.allclose(out, disc / disc.sum(), atol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_sharpen_kernel(dtype: str) -> None:
    sample = image(dtype)
    out = run(A.Sharpen(alpha=(0.3, 0.3), lightness=(0.8, 0.8), p=1), sample)
    wide = sample.astype(np.float64)
    around = cv2.boxFilter(wide, -1, (3, 3), normalize=False) - wide
    full = 1 if dtype == "float32" else 255
    want = np.clip(0.7 * wide + 0.3 * (8.8 * wide - around), 0, full)
    assert np.abs(out - want).max() <= (1e-5 if full == 1 else 0.51)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_sharpen_gaussian(dtype: str) -> None:
    sample = image(dtype)
    out = run(A.Sharpen((0.4, 0.4), method="gaussian", kernel_size=7, sigma=1.2, p=1), sample)
    wide = sample.astype(np.float64)
    full = 1 if dtype == "float32" else 255
    want = np.clip(wide + 0.4 * (wide - cv2.GaussianBlur(wide, (7, 7), 1.2)), 0, full)
    assert np.abs(out - want).max() <= (1e-5 if full == 1 else 1.01)


def test_emboss() -> None:
    sample = image("float32")
    out = run(A.Emboss(alpha=(0.3, 0.3), strength=(0.6, 0.6), p=1), sample)
    relief = np.array([[-1.6, -0.6, 0], [-0.6, 1, 0.6], [0, 0.6, 1.6]])
    want = np.clip(0.7 * sample + 0.3 * cv2.filter2D(sample.astype(np.float64), -1, relief), 0, 1)
    assert np.abs(out - want).max() < 1e-5


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("Sharpen", {"kernel_size": 4}),
        ("Sharpen", {"sigma": 0}),
        ("Sharpen", {"method": "laplace"}),
        ("Sharpen", {"alpha_range": (0, 2)}),
        ("Emboss", {"strength_range": (-1, 1)}),
        ("Defocus", {"radius_range": (0, 3)}),
        ("MotionBlur", {"angle_range": (-90, 90)}),
        ("MotionBlur", {"direction_range": (-2, 2)}),
        ("Blur", {"blur_range": (-3, 3)}),
        ("GaussianBlur", {"sigma_range": (-1, 1)}),
    ],
)
def test_refused(name: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(FieldError, match=f"{name}.{next(iter(wrong))}: got"):
        getattr(A, name)(**wrong)


def test_sinc_kernels_are_ideal_low_passes() -> None:
    # J1(1) and J1(5), Abramowitz and Stegun, table 9.1
    from augury.kernels.cpu.blur import _bessel, sinc_kernel

    x, j1 = _bessel(64)
    assert np.allclose(np.interp([1.0, 5.0], x, j1), [0.4400505857, -0.3275791376], atol=1e-6)
    kernel = np.array(sinc_kernel(21, 1.0))
    assert abs(kernel.sum() - 1) < 1e-5 and np.allclose(kernel, kernel.T) and kernel.min() < 0


@pytest.mark.parametrize("size", [5, 9, 13, 21])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_large_filters_are_correlations(size: int, dtype: str) -> None:
    from augury import ops
    from augury.kernels.cpu import blur

    weights = np.random.default_rng(1).random((size, size)) / size**2
    sample = np.random.default_rng(0).integers(0, 256, (90, 80, 3))
    given: Array = (sample / 255).astype(np.float32) if dtype == "float32" else sample.astype(np.uint8)
    for border in (0, 1, 2, 4):
        want = cv2.filter2D(given.astype(np.float64), -1, weights, borderType=border)
        got = blur.filter(given, ops.Filter(tuple(map(tuple, weights.tolist())), border))
        assert np.abs(got - want).max() < (1e-5 if dtype == "float32" else 0.51)


def test_the_mode_is_the_most_frequent_value() -> None:
    sample = np.random.default_rng(0).integers(0, 3, (20, 30)).astype(np.uint8) * 100
    out = run(A.ModeFilter((3, 3), p=1), sample)
    for y, x in [(4, 5), (10, 20), (17, 3)]:
        counts = np.bincount(sample[y - 1 : y + 2, x - 1 : x + 2].ravel())
        assert out[y, x] == counts.argmax()
    apart = np.arange(100, dtype=np.uint8).reshape(10, 10)
    assert np.array_equal(run(A.ModeFilter((3, 3), p=1), apart)[2:-2, 2:-2], apart[2:-2, 2:-2])


def test_glass_trades_places() -> None:
    number = np.arange(1200, dtype=np.uint16).reshape(30, 40)
    out = run(A.GlassBlur(sigma=0, max_delta=2, iterations=1, mode="exact", p=1), number)
    assert np.array_equal(np.sort(out, axis=None), number.ravel()) and not np.array_equal(out, number)
    fast = run(A.GlassBlur(sigma=0, max_delta=2, iterations=1, p=1), number)
    moved = fast[2:-2, 2:-2].astype(int) - number[2:-2, 2:-2]
    assert {(m + 82) // 40 - 2 for m in np.unique(moved).tolist()} == {-2, -1, 0, 1, 2}


def test_unsharp_masks_leave_small_differences_alone() -> None:
    flat = np.full((40, 40), 100, np.uint8)
    flat[:, 20:] = 105
    assert np.array_equal(run(A.UnsharpMask(alpha_range=(1, 1), p=1), flat), flat)
    flat[:, 20:] = 200
    assert run(A.UnsharpMask(alpha_range=(1, 1), p=1), flat).max() > 200


def test_zoom_blur_keeps_the_centre_and_enhance_flat_areas() -> None:
    flat = np.full((21, 31, 3), 90, np.uint8)
    assert np.array_equal(run(A.ZoomBlur((1.5, 1.5), (0.1, 0.1), p=1), flat), flat)
    for mode in ("edge", "detail"):
        assert np.array_equal(run(A.Enhance(mode, p=1), flat), flat)
