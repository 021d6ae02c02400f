from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from augury import ops
from augury.errors import SampleError
from augury.kernels.cpu import data
from augury.sample import Array
from tests.kernels.cpu.check import Kernel, close, well_behaved
from tests.kernels.cpu.images import CHANNELS, DTYPES, FULL, image


def dark(dtype: str, channels: int | None) -> Array:
    """An image whose values crowd between 0.08 and 0.6."""
    source = image(dtype, channels) / np.float64(FULL[dtype])
    return ((source**2 * 0.52 + 0.08) * FULL[dtype]).astype(dtype)


EIGHT_BIT: list[tuple[Kernel, Any]] = [
    (data.equalize, ops.Equalize("cv")),
    (data.equalize, ops.Equalize("pil")),
    (data.auto_contrast, ops.AutoContrast(0.0)),
    (data.auto_contrast, ops.AutoContrast(5.0, 30, "pil")),
]


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize(("kernel", "op"), EIGHT_BIT, ids=lambda value: getattr(value, "__name__", str(value)))
def test_eight_bit_methods(kernel: Kernel, op: Any, channels: int | None) -> None:
    source = dark("uint8", channels)
    out = well_behaved(kernel, source, op)
    assert out.shape == source.shape
    assert out.dtype == np.uint8
    through = well_behaved(kernel, source / np.float32(255), op)
    assert np.array_equal(through, out / np.float32(255))
    if channels is not None:
        for channel in range(channels):
            alone = kernel(np.ascontiguousarray(source[:, :, channel]), op)
            assert np.array_equal(alone, out[:, :, channel])
    with pytest.raises(SampleError, match="uint16, works on uint8 and float32; convert"):
        kernel(dark("uint16", channels), op)


@pytest.mark.parametrize("channels", [None, 3])
def test_equalize_pil_is_pillow(channels: int | None) -> None:
    source = dark("uint8", channels)
    expected = np.asarray(ImageOps.equalize(Image.fromarray(source)))
    assert np.array_equal(data.equalize(source, ops.Equalize("pil")), expected)


def test_equalize_constant_image_stays() -> None:
    source = np.full((8, 9, 3), 77, np.uint8)
    assert np.array_equal(data.equalize(source, ops.Equalize("pil")), source)


@pytest.mark.parametrize("mode", ["cv", "pil"])
def test_equalize_luma(mode: str) -> None:
    out = well_behaved(data.equalize, dark("uint8", 3), ops.Equalize(mode, by_channels=False))
    assert out.shape == (37, 29, 3)
    gray = dark("uint8", 1)
    assert np.array_equal(data.equalize(gray, ops.Equalize(mode, False)), data.equalize(gray, ops.Equalize(mode, True)))
    with pytest.raises(SampleError, match=r"by_channels=False.*5 channel\(s\).*by_channels=True takes any"):
        data.equalize(dark("uint8", 5), ops.Equalize(mode, by_channels=False))
    with pytest.raises(SampleError, match="'cv' or 'pil'"):
        data.equalize(gray, ops.Equalize("gimp"))


@pytest.mark.parametrize("channels", [None, 1, 3])
def test_clahe(channels: int | None) -> None:
    source = dark("uint8", channels)
    out = well_behaved(data.clahe, source, ops.Clahe(4.0, 2, 3))
    assert out.shape == source.shape
    assert out.std() > source.std()
    with pytest.raises(SampleError, match=r"Clahe: .*5 channel\(s\), needs 1 or 3"):
        data.clahe(dark("uint8", 5), ops.Clahe(4.0, 2, 2))


@pytest.mark.parametrize("cutoff", [0, 3, 10, 49])
def test_auto_contrast_pil_is_pillow_rounded(cutoff: int) -> None:
    source = dark("uint8", 3)
    expected = np.asarray(ImageOps.autocontrast(Image.fromarray(source), cutoff=cutoff)).astype(int)
    out = data.auto_contrast(source, ops.AutoContrast(cutoff, None, "pil"))
    assert np.abs(out - expected).max() <= 1


def test_auto_contrast_edges() -> None:
    constant = np.full((8, 9, 3), 77, np.uint8)
    for method in ("cdf", "pil"):
        assert np.array_equal(data.auto_contrast(constant, ops.AutoContrast(0.0, None, method)), constant)
        assert np.array_equal(data.auto_contrast(constant, ops.AutoContrast(0.0, 77, method)), constant)
        out = data.auto_contrast(dark("uint8", None), ops.AutoContrast(0.0, None, method))
        assert (out.min(), out.max()) == (0, 255)
        source = dark("uint8", None)
        kept = data.auto_contrast(source, ops.AutoContrast(5.0, 60, method))
        assert (kept[source == 60] == 60).all()
    with pytest.raises(SampleError, match="'cdf' or 'pil'"):
        data.auto_contrast(constant, ops.AutoContrast(0.0, None, "gimp"))


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_contrast(dtype: str, channels: int | None) -> None:
    source = dark(dtype, channels)
    out = well_behaved(data.contrast, source, ops.Contrast(1.7))
    values = source / np.float64(FULL[dtype])
    level = (
        np.rint(source @ [0.299, 0.587, 0.114]) / FULL[dtype]
        if channels == 3 and dtype == "uint8"
        else (values @ [0.299, 0.587, 0.114] if channels == 3 else values)
    )
    expected = (values * 1.7 + level.mean() * (1 - 1.7)).clip(0, 1) * FULL[dtype]
    close(out, expected, dtype, bytes_off=1.0)


@pytest.mark.parametrize("by_max", [False, True])
@pytest.mark.parametrize("safe", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [None, 3, 5])
def test_linear_by_mean(channels: int | None, dtype: str, safe: bool, by_max: bool) -> None:
    source = dark(dtype, channels)
    out = well_behaved(data.linear_by_mean, source, ops.LinearByMean(1.4, 0.2, by_max, safe))
    values = source / np.float64(FULL[dtype])
    scale, shift = 1.4, 0.2 if by_max else 0.2 * values.mean()
    if safe:
        scale = min(scale, 1 - shift)
    close(out, (values * scale + shift).clip(0, 1) * FULL[dtype], dtype, bytes_off=0.51)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_pca_shift(dtype: str, channels: int | None) -> None:
    source = dark(dtype, channels)
    count = channels or 1
    alphas = tuple(np.linspace(2.0, -1.0, count).tolist())
    out = well_behaved(data.pca_shift, source, ops.PcaShift(alphas))
    values = source.reshape(-1, count) / np.float64(FULL[dtype])
    covariance = np.cov(values, rowvar=False, bias=True).reshape(count, count)
    np.testing.assert_allclose(data._covariance(np.ascontiguousarray(source)), covariance, rtol=1e-5, atol=1e-9)
    eigenvalues, vectors = np.linalg.eigh(covariance)
    signs = np.sign(vectors[np.abs(vectors).argmax(0), np.arange(count)])
    shift = (vectors * signs) @ (eigenvalues * alphas[::-1])
    expected = (values + shift).clip(0, 1).reshape(source.shape) * FULL[dtype]
    close(out, expected, dtype, bytes_off=1.0, float_off=1e-5)


def test_pca_shift_needs_an_alpha_per_channel() -> None:
    with pytest.raises(SampleError, match=r"PcaShift: got 3 alphas .* 5 channel\(s\)"):
        data.pca_shift(dark("uint8", 5), ops.PcaShift((0.1, 0.1, 0.1)))


def test_covariance_of_many_bytes_is_exact() -> None:
    source = image("uint8", 2, 300, 301)
    values = source.reshape(-1, 2).astype(np.float64) / 255
    np.testing.assert_allclose(data._covariance(source), np.cov(values, rowvar=False, bias=True), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("count", [1, 3])
def test_gray_pca(count: int, dtype: str, channels: int | None) -> None:
    source = dark(dtype, channels)
    out = well_behaved(data.gray_pca, source, ops.GrayPca(count))
    assert out.shape == (37, 29, count)
    assert out.min() == 0
    assert out.max() == pytest.approx(FULL[dtype], abs=1e-6)
    assert np.corrcoef(out[:, :, 0].ravel(), source.reshape(37, 29, -1).mean(2).ravel())[0, 1] > 0


def test_gray_pca_constant() -> None:
    assert not data.gray_pca(np.full((8, 9, 3), 77, np.uint8), ops.GrayPca()).any()


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", ["image", "image_per_channel", "min_max", "min_max_per_channel"])
def test_normalize_by_image(mode: str, dtype: str, channels: int | None) -> None:
    source = dark(dtype, channels)
    out = well_behaved(data.normalize_by_image, source, ops.NormalizeByImage(mode, (-2.0, 1.0)))
    values = source.astype(np.float64)
    axes = (0, 1) if mode.endswith("per_channel") else None
    if mode.startswith("image"):
        expected = (values - values.mean(axes)) / (values.std(axes) + 1e-4)
    else:
        expected = (values - values.min(axes)) / (values.max(axes) - values.min(axes) + 1e-4)
    close(out, expected.clip(-2, 1), "float32")


def test_normalize_by_image_names_the_modes() -> None:
    with pytest.raises(SampleError, match="min_max_per_channel"):
        data.normalize_by_image(image("uint8", 3), ops.NormalizeByImage("mean"))
