"""Filters against plain arithmetic on mirrored borders."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from augury import ops
from augury.kernels.cpu import blur

DTYPES = (np.uint8, np.uint16, np.float32)
LINE = ((0.0, 0.0, 0.2), (0.0, 0.5, 0.0), (0.3, 0.0, 0.0))
RUNS = {
    "box": (blur.box_blur, ops.BoxBlur(3)),
    "box even": (blur.box_blur, ops.BoxBlur(4)),
    "gaussian": (blur.gaussian_blur, ops.GaussianBlur(5, 1.0)),
    "gaussian by sigma": (blur.gaussian_blur, ops.GaussianBlur(0, 0.8)),
    "median": (blur.median_blur, ops.MedianBlur(3)),
    "median 7": (blur.median_blur, ops.MedianBlur(7)),
    "filter": (blur.filter, ops.Filter(LINE)),
    "defocus": (blur.defocus, ops.Defocus(2, 0.3)),
    "unsharp": (blur.unsharp, ops.Unsharp(5, 1.0, 0.6)),
}


def picture(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    values = np.random.default_rng(3).random(shape)
    return (values if dtype is np.float32 else np.round(values * np.iinfo(dtype).max)).astype(dtype)


def correlated(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The sum over the kernel, in float64, borders mirrored."""
    high, wide = kernel.shape
    pad = ((high // 2, high - 1 - high // 2), (wide // 2, wide - 1 - wide // 2), *[(0, 0)] * (image.ndim - 2))
    padded = np.pad(image.astype(np.float64), pad, mode="reflect")
    rows, columns = image.shape[:2]
    return sum(kernel[y, x] * padded[y : y + rows, x : x + columns] for y in range(high) for x in range(wide))


def assert_rounded(out: np.ndarray, wanted: np.ndarray) -> None:
    if out.dtype == np.float32:
        assert np.abs(out - np.clip(wanted, 0, 1)).max() < 2e-6
    else:
        assert np.abs(out - np.clip(wanted, 0, np.iinfo(out.dtype).max)).max() < 0.51


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(19, 24), (19, 24, 1), (19, 24, 2), (19, 24, 3), (19, 24, 5), (11, 9, 130)], ids=str)
@pytest.mark.parametrize("name", RUNS)
def test_every_shape_dtype_and_layout(name: str, shape: tuple[int, ...], dtype: type) -> None:
    run, op = RUNS[name]
    image = picture(shape, dtype)
    before = image.copy()
    image.flags.writeable = False
    out = run(image, op)
    assert out.shape == shape and out.dtype == dtype
    assert out.flags.c_contiguous and out.flags.writeable and not np.shares_memory(out, image)
    assert np.array_equal(image, before)
    assert np.array_equal(out, run(image, op))
    assert np.array_equal(out, run(np.asfortranarray(image), op))
    assert np.array_equal(out, run(image[::-1, ::-1].copy()[::-1, ::-1], op))
    if image.ndim == 3:
        plane = run(np.ascontiguousarray(image[..., -1]), op)
        assert np.abs(out[..., -1].astype(float) - plane).max() <= (1e-6 if dtype is np.float32 else 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1, 3, 4, 7])
def test_box_is_the_mean(size: int, dtype: type) -> None:
    image = picture((30, 31, 3), dtype)
    out = blur.box_blur(image, ops.BoxBlur(size))
    wanted = correlated(image, np.full((size, size), 1 / size**2))
    if dtype is np.float32:
        assert_rounded(out, wanted)
    else:
        assert np.abs(out - wanted).max() < 0.6


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("size", "sigma"), [(3, 0.5), (7, 1.5), (0, 1.0), (0, 2.3), (5, 0.0)])
def test_gaussian_is_the_weighted_mean(size: int, sigma: float, dtype: type) -> None:
    image = picture((40, 41, 3), dtype)
    width = size or 2 * int(3.5 * sigma) + 1
    spread = sigma or 0.3 * ((size - 1) / 2 - 1) + 0.8
    weights = np.exp(-((np.arange(width) - width // 2) ** 2) / (2 * spread**2))
    weights /= weights.sum()
    if sigma:
        wanted = correlated(image, np.outer(weights, weights))
    else:
        fixed = cv2.getGaussianKernel(size, 0.0)  # OpenCV has rounded weights for small sizes
        wanted = correlated(image, fixed @ fixed.T)
    assert_rounded(blur.gaussian_blur(image, ops.GaussianBlur(size, sigma)), wanted)


def test_gaussian_of_nothing_is_a_copy() -> None:
    image = picture((8, 8, 3), np.uint8)
    for op in (ops.GaussianBlur(0, 0.0), ops.GaussianBlur(0, 0.2), ops.GaussianBlur(1, 5.0)):
        out = blur.gaussian_blur(image, op)
        assert np.array_equal(out, image) and out is not image


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [3, 5])
def test_median_is_exact(size: int, dtype: type) -> None:
    image = picture((20, 21, 2), dtype)
    half = size // 2
    padded = np.pad(image, ((half, half), (half, half), (0, 0)), mode="edge")  # medians repeat the edge
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(0, 1))
    assert np.array_equal(blur.median_blur(image, ops.MedianBlur(size)), np.median(windows, axis=(-2, -1)))


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_large_medians_are_computed_on_bytes(dtype: type) -> None:
    image = picture((30, 30, 3), np.uint8)
    full = 1.0 if dtype is np.float32 else 65535
    finer = (image / np.float32(255)) if dtype is np.float32 else image.astype(np.uint16) * 257
    out = blur.median_blur(finer, ops.MedianBlur(9))
    assert np.array_equal(np.rint(out * (255 / full)), blur.median_blur(image, ops.MedianBlur(9)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_filter_is_a_correlation(dtype: type) -> None:
    image = picture((21, 22, 3), dtype)
    assert_rounded(blur.filter(image, ops.Filter(LINE)), correlated(image, np.array(LINE)))
    edges = ((0.0, -1.0, 0.0), (-1.0, 5.0, -1.0), (0.0, -1.0, 0.0))
    assert_rounded(blur.filter(image, ops.Filter(edges)), correlated(image, np.array(edges)))


@pytest.mark.parametrize("size", [3, 5, 11])
@pytest.mark.parametrize("weights", [2, 9, 121])
def test_bytes_are_correlated_directly_or_through_floats(weights: int, size: int) -> None:
    random = np.random.default_rng(4)
    kernel = random.normal(0.1, 1.0, size * size).astype(np.float32)
    kernel[random.permutation(size * size)[weights:]] = 0
    kernel = (kernel / np.abs(kernel).sum()).reshape(size, size)
    for signed in (True, False):
        kernel = kernel if signed else np.abs(kernel)
        for shape in ((90, 77, 3), (1, 40), (33, 20, 4)):
            image = picture(shape, np.uint8)
            wanted = cv2.filter2D(image, cv2.CV_64F, kernel.astype(np.float64))
            assert_rounded(blur._correlate(image, kernel), wanted)
            assert_rounded(blur._correlate_floats(image, kernel, cv2.BORDER_REFLECT_101), wanted)


@pytest.mark.parametrize("dtype", DTYPES)
def test_zoom_blur_is_the_mean_of_enlargements(dtype: type) -> None:
    image = picture((40, 60, 3), dtype)
    large = [image.astype(np.float64)]
    for zoom in (1.1, 1.2, 1.3):
        x, y = round((60 - 60 / zoom) / 2), round((40 - 40 / zoom) / 2)
        large.append(cv2.resize(image[y : 40 - y, x : 60 - x].astype(np.float64), (60, 40)))
    wanted = np.mean(large, axis=0)
    off = np.abs(blur.zoom_blur(image, ops.ZoomBlur(1.3, 0.1)) - wanted).max()
    assert off < {np.uint8: 0.51, np.uint16: 0.6, np.float32: 1e-5}[dtype]


@pytest.mark.parametrize("radius", [1, 3, 8, 9, 12])
def test_defocus_kernel(radius: int) -> None:
    kernel = blur.defocus_kernel(radius, 0.4)
    assert abs(kernel.sum() - 1) < 1e-5
    assert np.allclose(kernel, kernel.T) and np.allclose(kernel, kernel[::-1])
    across = np.arange(-radius, radius + 1)
    inside = (across**2 + across[:, None] ** 2 <= radius**2).sum()
    assert abs(1 / kernel.max() - inside) < 0.1 * inside
    image = picture((40, 40, 3), np.uint8)
    wanted = correlated(image, kernel.astype(np.float64))
    out = blur.defocus(image, ops.Defocus(radius, 0.4))
    assert np.abs(out - wanted).max() < 0.52


@pytest.mark.parametrize("dtype", DTYPES)
def test_unsharp_adds_what_the_gaussian_removes(dtype: type) -> None:
    image = picture((30, 31, 3), dtype)
    weights = cv2.getGaussianKernel(5, 1.2)
    soft = correlated(image, weights @ weights.T)
    out = blur.unsharp(image, ops.Unsharp(5, 1.2, 0.8))
    assert_rounded(out, image + 0.8 * (image - soft))
