from __future__ import annotations

import cv2
import numpy as np
import pytest

from augury import ops
from augury.errors import SampleError
from augury.kernels.cpu import codec
from augury.sample import Array
from tests.kernels.cpu.check import well_behaved
from tests.kernels.cpu.images import CHANNELS, DTYPES, image


def smooth(channels: int | None) -> Array:
    return cv2.GaussianBlur(image("uint8", channels, 40, 56), (0, 0), 4).reshape(image("uint8", channels, 40, 56).shape)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("name", ["jpeg", "webp"])
def test_compress(name: str, channels: int | None) -> None:
    source = smooth(channels)
    out = well_behaved(codec.compress, source, ops.Compress(name, 90))
    assert out.shape == source.shape
    assert 0 < np.abs(out.astype(int) - source).mean() < 4
    worse = codec.compress(source, ops.Compress(name, 5))
    assert np.abs(worse.astype(int) - source).mean() > np.abs(out.astype(int) - source).mean()
    through = well_behaved(codec.compress, source / np.float32(255), ops.Compress(name, 90))
    assert np.array_equal(through, out / np.float32(255))


def test_compress_codes_three_channels_and_then_one() -> None:
    source = smooth(5)
    out = codec.compress(source, ops.Compress("jpeg", 50))
    for start, end in ((0, 3), (3, 4), (4, 5)):
        part = codec.compress(np.ascontiguousarray(source[:, :, start:end]), ops.Compress("jpeg", 50))
        assert np.array_equal(out[:, :, start:end], part)


def test_compress_errors() -> None:
    with pytest.raises(SampleError, match="jpeg or webp"):
        codec.compress(smooth(3), ops.Compress("gif", 50))
    with pytest.raises(SampleError, match="Compress: got dtype uint16"):
        codec.compress(image("uint16", 3), ops.Compress("jpeg", 50))


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("down", "up"), [(0, 0), (3, 1), (1, 1)])
def test_downscale(down: int, up: int, dtype: str, channels: int | None) -> None:
    source = image(dtype, channels)
    out = well_behaved(codec.downscale, source, ops.Downscale(0.4, down, up))
    assert out.shape == source.shape
    assert out.dtype == source.dtype
    if channels == 5:
        alone = codec.downscale(np.ascontiguousarray(source[:, :, 4]), ops.Downscale(0.4, down, up))
        assert np.array_equal(out[:, :, 4], alone)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("scale", [0.013, 0.37, 0.93])
def test_nearest_enlargement_by_rows_is_opencvs(scale: float, channels: int | None, dtype: str) -> None:
    source = image(dtype, channels, 131, 167)
    assert source.size > codec.SMALL
    small = max(round(167 * scale), 1), max(round(131 * scale), 1)
    plane = source if channels is None else source[:, :, -1].copy()
    wanted = cv2.resize(cv2.resize(plane, small, interpolation=cv2.INTER_NEAREST), (167, 131), interpolation=0)
    out = codec.downscale(source, ops.Downscale(scale, 0, 0))
    assert np.array_equal(out if channels is None else out[:, :, -1], wanted)


def test_downscale_keeps_one_pixel_and_alignment() -> None:
    source = image("uint8", 3, 3, 40)
    assert codec.downscale(source, ops.Downscale(0.01)).shape == source.shape
    ramp = np.tile(np.arange(48, dtype=np.float32) / 48, (8, 1))
    off = codec.downscale(ramp, ops.Downscale(0.3, 3, 1)) - ramp
    assert np.abs(off[:, 4:-4]).max() < 0.01
