from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from augury import ops
from augury.errors import SampleError
from augury.kernels.cpu import color
from augury.sample import Array
from tests.kernels.cpu.check import close, commutes_with_crop, well_behaved
from tests.kernels.cpu.images import CHANNELS, DTYPES, FULL, image

SEPIA = ((0.393, 0.769, 0.189), (0.349, 0.686, 0.168), (0.272, 0.534, 0.131))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", CHANNELS[1:])
def test_color_matrix(channels: int, dtype: str) -> None:
    source = image(dtype, channels)
    rows = np.random.default_rng(1).normal(0.3, 0.4, (channels, channels)).round(3)
    shift = (0.1,) if channels != 3 else (0.1, -0.1, 0.0)
    op = ops.ColorMatrix(tuple(map(tuple, rows.tolist())), shift)
    out = well_behaved(color.color_matrix, source, op)
    commutes_with_crop(color.color_matrix, source, op)
    expected = (source / np.float64(FULL[dtype])) @ rows.T + np.array(shift)
    close(out, expected.clip(0, 1) * FULL[dtype], dtype, bytes_off=1.0)


def test_color_matrix_refuses_other_channel_counts() -> None:
    with pytest.raises(SampleError, match=r"ColorMatrix: .* 1 channel\(s\), needs 3 channels"):
        color.color_matrix(image("uint8", None), ops.ColorMatrix(SEPIA))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "op",
    [
        ops.HueSaturation(34.0),
        ops.HueSaturation(-34.0, 0.1, -0.2),
        ops.HueSaturation(0.0, -0.3),
        ops.HueSaturation(-350.0, 0.0, 0.2),
        ops.HueSaturation(360.0),
    ],
    ids=str,
)
def test_hue_saturation(op: ops.HueSaturation, dtype: str) -> None:
    source = image(dtype, 3)
    out = well_behaved(color.hue_saturation, source, op)
    commutes_with_crop(color.hue_saturation, source, op)
    steps = 255.0 if dtype == "uint8" else 1.0
    unit = source if dtype == "uint8" else (source / FULL[dtype]).astype(np.float32)
    hsv = cv2.cvtColor(unit, cv2.COLOR_RGB2HSV).astype(np.float64)
    turn = 180.0 if dtype == "uint8" else 360.0
    hsv[..., 0] = (hsv[..., 0] + op.hue * turn / 360) % turn
    hsv[..., 1] = (hsv[..., 1] + op.saturation * steps).clip(0, steps)
    hsv[..., 2] = (hsv[..., 2] + op.value * steps).clip(0, steps)
    hsv = np.rint(hsv) % [180, 256, 256] if dtype == "uint8" else hsv
    expected = cv2.cvtColor(hsv.astype(unit.dtype), cv2.COLOR_HSV2RGB).astype(np.float64)
    close(out, expected * (1 if dtype == "uint8" else FULL[dtype]), dtype, bytes_off=2.0 if dtype == "uint16" else 1.0)


def test_hue_saturation_needs_rgb() -> None:
    for channels in (None, 1, 4):
        with pytest.raises(SampleError, match="HueSaturation"):
            color.hue_saturation(image("uint8", channels), ops.HueSaturation(10.0))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("size", [20, 150])
def test_shuffle_channels(size: int, channels: int, dtype: str) -> None:
    source = image(dtype, channels, size, size)
    order = tuple(np.random.default_rng(channels).permutation(channels).tolist())
    out = well_behaved(color.shuffle_channels, source, ops.ShuffleChannels(order))
    assert np.array_equal(out, source[:, :, list(order)])


def test_shuffle_names_the_missing_channel() -> None:
    assert np.array_equal(color.shuffle_channels(image("uint8", None), ops.ShuffleChannels((0,))), image("uint8", None))
    with pytest.raises(SampleError, match="ShuffleChannels"):
        color.shuffle_channels(image("uint8", 2), ops.ShuffleChannels((2, 0, 1)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_fill_channels(dtype: str) -> None:
    source = image(dtype, 3)
    out = well_behaved(color.fill_channels, source, ops.FillChannels((0, 2), 1.0))
    assert (out[:, :, [0, 2]] == 1).all()
    assert np.array_equal(out[:, :, 1], source[:, :, 1])
    flat = well_behaved(color.fill_channels, source[:, :, 0].copy(), ops.FillChannels((0,)))
    assert not flat.any()
    with pytest.raises(SampleError, match="FillChannels"):
        color.fill_channels(source, ops.FillChannels((3,)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", CHANNELS[1:])
@pytest.mark.parametrize("fill", [0, 0.5, 200.0])
def test_channels_are_filled_as_by_assignment(fill: float, channels: int, dtype: str) -> None:
    source = image(dtype, channels, 64, 150)
    wanted = source.copy()
    wanted[:, :, [0, channels - 1]] = fill
    assert np.array_equal(color.fill_channels(source, ops.FillChannels((0, channels - 1), fill)), wanted)


def gray(values: Array, method: str) -> Array:
    """The gray level of fractions, float64."""
    if method == "weighted_average":
        return values @ [0.299, 0.587, 0.114]
    if method == "average":
        return values.mean(axis=2)
    if method == "desaturation":
        return (values.min(axis=2) + values.max(axis=2)) / 2
    if method == "max":
        return values.max(axis=2)
    linear = np.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92)
    y = linear @ [0.212671, 0.715160, 0.072169]
    return np.where(y > 0.008856, 1.16 * np.cbrt(y) - 0.16, 9.033 * y)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", ["weighted_average", "from_lab", "average", "desaturation", "max"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_gray(channels: int, method: str, dtype: str) -> None:
    source = image(dtype, 3)
    op = ops.Gray(method, channels)
    out = well_behaved(color.gray, source, op)
    commutes_with_crop(color.gray, source, op)
    assert out.shape == (*source.shape[:2], channels)
    expected = gray(source / np.float64(FULL[dtype]), method) * FULL[dtype]
    loose = method == "from_lab"
    for channel in range(channels):
        close(
            np.ascontiguousarray(out[:, :, channel]),
            expected,
            dtype,
            bytes_off=(200.0 if dtype == "uint16" else 1.5) if loose else (1.5 if dtype == "uint16" else 0.51),
            float_off=3e-3 if loose else 2e-6,
        )


@pytest.mark.parametrize("method", ["average", "desaturation", "max"])
@pytest.mark.parametrize("channels", [2, 5])
def test_gray_of_any_channels(channels: int, method: str) -> None:
    source = image("uint8", channels)
    close(
        well_behaved(color.gray, source, ops.Gray(method, 1))[:, :, 0].copy(),
        gray(source.astype(float), method),
        "uint8",
    )


@pytest.mark.parametrize("channels", [None, 1])
@pytest.mark.parametrize("method", ["weighted_average", "from_lab", "max"])
def test_gray_repeats_gray_images(method: str, channels: int | None) -> None:
    source = image("uint8", channels)
    for count in (1, 3, 5):
        out: Any = well_behaved(color.gray, source, ops.Gray(method, count))
        assert np.array_equal(out, source.reshape(37, 29, 1).repeat(count, 2))


def test_gray_errors() -> None:
    with pytest.raises(SampleError, match=r"Gray \(weighted_average\).*average, desaturation and max take any"):
        color.gray(image("uint8", 4), ops.Gray())
    with pytest.raises(SampleError, match="use weighted_average, from_lab, average, desaturation, max"):
        color.gray(image("uint8", 3), ops.Gray("luma"))


@pytest.mark.parametrize("size", [1, 63, 64, 65, 200])
def test_float_pixels_do_not_depend_on_their_place(size: int) -> None:
    source = image("float32", 3, 9, size)
    kernels: list[tuple[Any, Any]] = [
        (color.color_matrix, ops.ColorMatrix(SEPIA)),
        (color.hue_saturation, ops.HueSaturation(20.0, 0.1)),
        (color.gray, ops.Gray()),
        (color.gray, ops.Gray("from_lab")),
    ]
    for kernel, op in kernels:
        mirrored = kernel(np.ascontiguousarray(source[::-1, ::-1]), op)
        assert np.array_equal(mirrored[::-1, ::-1], kernel(source, op))
