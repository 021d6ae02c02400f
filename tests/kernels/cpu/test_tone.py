from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from augury import ops
from augury.errors import SampleError
from augury.kernels.cpu import tone
from augury.sample import Array
from tests.kernels.cpu.check import close, commutes_with_crop, well_behaved
from tests.kernels.cpu.images import CHANNELS, DTYPES, FULL, image

SHARED = [
    ops.Linear((1.3,), (-0.1,)),
    ops.Linear((-0.7,), (0.9,)),
    ops.Gamma(1.37),
    ops.Gamma(0.4),
    ops.Invert(),
    ops.Solarize(0.5),
    ops.Solarize(0.0),
    ops.Solarize(1.1),
    ops.Posterize((3,)),
    ops.Tone((0.3,), (0.6,)),
    ops.Curves((ops.Gamma(0.8), ops.Linear((1.2,)), ops.Invert())),
]


def reference(values: Array, op: Any) -> Array:
    """The curve on fractions of full range, float64."""
    if isinstance(op, ops.Linear):
        return np.clip(values * np.array(op.scale) + np.array(op.shift), 0, 1)
    if isinstance(op, ops.Gamma):
        return values**op.exponent
    if isinstance(op, ops.Invert):
        return 1 - values
    if isinstance(op, ops.Solarize):
        return np.where(values >= op.threshold, 1 - values, values)
    low, high, t = np.array(op.low), np.array(op.high), values
    return np.clip(3 * t * (1 - t) ** 2 * low + 3 * t**2 * (1 - t) * high + t**3, 0, 1)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("op", SHARED, ids=str)
def test_shared(op: Any, dtype: str, channels: int | None) -> None:
    source = image(dtype, channels)
    out = well_behaved(tone.curve, source, op)
    commutes_with_crop(tone.curve, source, op)
    if not isinstance(op, (ops.Curves, ops.Posterize)):
        close(out, reference(source / np.float64(FULL[dtype]), op) * FULL[dtype], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [37, 100, 300])
@pytest.mark.parametrize(
    "op",
    [
        ops.Linear((1.0,), (0.1, -0.2, 0.05)),
        ops.Linear((1.1, 0.7, 1.0)),
        ops.Tone((0.3, 0.1, 0.2), (0.9,)),
        ops.Tone((0.3, 0.1, 0.2), (0.6, 0.7, 0.9)),
    ],
    ids=str,
)
def test_per_channel(op: Any, size: int, dtype: str) -> None:
    source = image(dtype, 3, size, size)
    out = well_behaved(tone.curve, source, op)
    close(out, reference(source / np.float64(FULL[dtype]), op) * FULL[dtype], dtype)
    for channel in range(3):
        alone = tone.curve(np.ascontiguousarray(source[:, :, channel]), tone._of_channel(op, channel))
        assert np.array_equal(alone, out[:, :, channel])


@pytest.mark.parametrize("op", SHARED, ids=str)
def test_uint16_table_equals_arithmetic(op: Any) -> None:
    source = image("uint16", 3, 300, 300)
    assert np.array_equal(tone.curve(source, op)[:20, :20], tone.curve(source[:20, :20], op))


@pytest.mark.parametrize(("dtype", "wide"), [("uint8", 8), ("uint16", 16)])
@pytest.mark.parametrize("bits", [1, 3, 7])
def test_posterize_keeps_the_highest_bits(bits: int, dtype: str, wide: int) -> None:
    source = image(dtype, 3)
    assert np.array_equal(tone.curve(source, ops.Posterize((bits,))), source >> (wide - bits) << (wide - bits))


def test_posterize_float_goes_through_bytes() -> None:
    source = image("float32", 3)
    expected = (np.rint(source * np.float32(255)).astype(np.uint8) & 0xE0) / 255
    np.testing.assert_allclose(tone.curve(source, ops.Posterize((3,))), expected, atol=1e-7)


def test_posterize_per_channel() -> None:
    source = image("uint8", 3)
    masks = np.array([0x80, 0xE0, 0xFE], np.uint8)
    assert np.array_equal(tone.curve(source, ops.Posterize((1, 3, 7))), source & masks)


def test_table_kinds() -> None:
    assert tone.table(ops.Invert(), 3) == bytes(range(255, -1, -1))
    assert tone.table(ops.Linear((1.0,), (0.0,)), 3) == bytes(range(256))
    assert tone.table(ops.Posterize((0,)), 3) == bytes(256)
    assert tone.table(ops.Posterize((8,)), 3) == bytes(range(256))
    assert isinstance(tone.table(ops.Tone((0.1,), (0.9,)), 3), bytes)
    tables = tone.table(ops.Curves((ops.Linear((1.0, 2.0)), ops.Invert())), 2)
    assert isinstance(tables, tuple)
    assert tables[0] == bytes(range(255, -1, -1))


def test_constants_must_fit_the_channels() -> None:
    with pytest.raises(
        SampleError, match=r"Linear: got 3 values per channel .* 2 channel\(s\); pass one value .* or 2"
    ):
        tone.curve(image("uint8", 2), ops.Linear((1.0, 1.1, 1.2)))
    with pytest.raises(SampleError, match="Tone"):
        tone.curve(image("float32", None), ops.Curves((ops.Invert(), ops.Tone((0.1, 0.2), (0.9,)))))


@st.composite
def curves(draw: st.DrawFn, channels: int) -> Any:
    number = st.floats(-2.0, 3.0)
    unit = st.floats(0.0, 1.0)

    def each(values: st.SearchStrategy[float]) -> Any:
        sizes = st.sampled_from([1, channels])
        return tuple(draw(st.lists(values, min_size=(n := draw(sizes)), max_size=n)))

    kind = draw(st.sampled_from(["linear", "gamma", "invert", "solarize", "posterize", "tone", "curves"]))
    if kind == "linear":
        return ops.Linear(each(number), each(st.floats(-1.0, 1.0)))
    if kind == "gamma":
        return ops.Gamma(draw(st.floats(0.1, 4.0)))
    if kind == "solarize":
        return ops.Solarize(draw(unit))
    if kind == "posterize":
        return ops.Posterize(each(st.integers(0, 8)))
    if kind == "tone":
        return ops.Tone(each(unit), each(unit))
    if kind == "curves":
        return ops.Curves((ops.Invert(), ops.Gamma(draw(st.floats(0.1, 4.0)))))
    return ops.Invert()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_composed_curves_equal_one_after_another(data: st.DataObject) -> None:
    channels = data.draw(st.sampled_from([1, 2, 3, 5]))
    parts = tuple(data.draw(st.lists(curves(channels), min_size=1, max_size=4)))
    dtype = data.draw(st.sampled_from(DTYPES))
    size = data.draw(st.sampled_from([5, 19, 80]))
    source = image(dtype, channels, size, size)
    expected = source
    for part in parts:
        expected = tone.curve(expected, part)
    assert np.array_equal(tone.curve(source, ops.Curves(parts)), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_composed_curves_on_large_images(dtype: str) -> None:
    parts = (
        ops.Linear((1.0, 0.9, 1.2), (0.1,)),
        ops.Gamma(1.3),
        ops.Tone((0.2,), (0.7, 0.8, 0.9)),
        ops.Posterize((5,)),
    )
    source = image(dtype, 3, 301, 287)
    expected = source
    for part in parts:
        expected = tone.curve(expected, part)
    assert np.array_equal(tone.curve(source, ops.Curves(parts)), expected)
