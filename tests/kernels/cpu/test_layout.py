from __future__ import annotations

import numpy as np
import pytest

from augury import ops
from augury.errors import SampleError
from augury.kernels.cpu import arrays, layout
from tests.kernels.cpu.check import close, commutes_with_crop, well_behaved
from tests.kernels.cpu.images import CHANNELS, DTYPES, FULL, image, layouts

torch = pytest.importorskip("torch")

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("clip", [None, (-1.0, 1.5)])
@pytest.mark.parametrize("size", [37, 150])
def test_normalize(size: int, clip: tuple[float, float] | None, dtype: str, channels: int | None) -> None:
    source = image(dtype, channels, size, size)
    count = channels or 1
    for mean, std in (((0.5,), (0.25,)), (tuple(np.linspace(0.3, 0.6, count)), (0.2,) * count)):
        op = ops.Normalize(mean, std, FULL[dtype], clip)
        out = well_behaved(layout.normalize, source, op)
        expected = (source / np.float64(FULL[dtype]) - np.array(mean)) / np.array(std)
        close(out, expected if clip is None else expected.clip(*clip), "float32")
        tensor = layout.normalize_to_tensor(source, ops.NormalizeToTensor(op))
        assert tensor.is_contiguous()
        assert torch.equal(tensor, layout.to_tensor(out, ops.ToTensor()))


@pytest.mark.parametrize("dtype", DTYPES)
def test_normalize_commutes_with_crop(dtype: str) -> None:
    commutes_with_crop(layout.normalize, image(dtype, 3), ops.Normalize(MEAN, STD, FULL[dtype]))
    commutes_with_crop(layout.normalize, image(dtype, 3, 120, 130), ops.Normalize(MEAN, STD, FULL[dtype]))


def test_normalize_names_the_lengths() -> None:
    with pytest.raises(SampleError, match=r"Normalize: mean has 3 values for an image with 1 channel\(s\); pass one"):
        layout.normalize(image("uint8", None), ops.Normalize(MEAN, STD, 255.0))
    with pytest.raises(SampleError, match="std has 2 values"):
        layout.normalize_to_tensor(image("uint8", 3), ops.NormalizeToTensor(ops.Normalize(MEAN, (0.1, 0.2), 255.0)))


@pytest.mark.parametrize("size", [1, 15, 16, 17, 100, 1003])
def test_affine_rounds_once(size: int) -> None:
    values = np.random.default_rng(size).random(size, np.float32)
    out = np.empty_like(values)
    arrays.affine(values, 1.2345678, -0.3456789, out)
    exact = values.astype(np.float64) * np.float64(np.float32(1.2345678)) + np.float64(np.float32(-0.3456789))
    assert np.array_equal(out, exact.astype(np.float32))


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_to_float_and_back(dtype: str, channels: int | None) -> None:
    source = image(dtype, channels)
    out = well_behaved(layout.to_float, source, ops.ToFloat(FULL[dtype]))
    assert np.array_equal(out, (source / np.float64(FULL[dtype])).astype(np.float32))
    back = well_behaved(layout.from_float, out, ops.FromFloat(dtype, FULL[dtype]))
    assert back.dtype == dtype
    assert np.array_equal(back, source)


def test_from_float_clips_and_rounds_to_even() -> None:
    source = np.array([[-3.0, 0.5 / 255, 1.5 / 255, 2.5 / 255, 0.9999, 7.0]], np.float32)
    assert layout.from_float(source, ops.FromFloat("uint8", 255.0)).tolist() == [[0, 0, 2, 2, 255, 255]]
    with pytest.raises(SampleError, match="int32"):
        layout.from_float(source, ops.FromFloat("int32", 255.0))


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [9, 150])
def test_to_tensor(size: int, dtype: str, channels: int | None) -> None:
    source = image(dtype, channels, size, size + 1)
    expected = source[None] if source.ndim == 2 else source.transpose(2, 0, 1)
    for _, variant in (("plain", source), *layouts(source)):
        tensor = layout.to_tensor(variant, ops.ToTensor())
        assert tensor.is_contiguous()
        assert np.array_equal(tensor.numpy(), expected)
        assert not np.shares_memory(tensor.numpy(), variant)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float32", "bool"])
def test_mask_to_tensor(dtype: str) -> None:
    mask = image("uint8", 2).astype(dtype)
    assert layout.mask_to_tensor(mask, ops.ToTensor()).shape == mask.shape
    moved = layout.mask_to_tensor(mask, ops.ToTensor(transpose_mask=True))
    assert moved.is_contiguous()
    assert np.array_equal(moved.numpy(), mask.transpose(2, 0, 1))
    flat = layout.mask_to_tensor(mask[:, :, 0], ops.ToTensor(transpose_mask=True))
    assert np.array_equal(flat.numpy(), mask[:, :, 0])
