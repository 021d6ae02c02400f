"""Noise: the statistics are those stated, and nothing but the key decides."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from augury import ops
from augury.errors import SampleError
from augury.kernels.cpu import noise

KEY = "0123456789abcdef01234567"
OTHER = "76543210fedcba9876543210"

RUNS = {
    "gauss": (noise.gauss_noise, lambda key: ops.GaussNoise(key, 0.02, 0.1)),
    "gauss shared": (noise.gauss_noise, lambda key: ops.GaussNoise(key, 0.0, 0.1, False)),
    "factor": (noise.multiply_noise, lambda key: ops.MultiplyNoise(key, 0.5, 1.5)),
    "factors": (noise.multiply_noise, lambda key: ops.MultiplyNoise(key, 0.5, 1.5, True)),
    "factor per pixel": (noise.multiply_noise, lambda key: ops.MultiplyNoise(key, 0.5, 1.5, False, True)),
    "factor per value": (noise.multiply_noise, lambda key: ops.MultiplyNoise(key, 0.5, 1.5, True, True)),
    "salt": (noise.salt_pepper, lambda key: ops.SaltPepper(key, 0.1, 0.2)),
    "shot": (noise.shot_noise, lambda key: ops.ShotNoise(key, 0.2)),
    "shot many": (noise.shot_noise, lambda key: ops.ShotNoise(key, 0.01)),
    "drop": (noise.drop_pixels, lambda key: ops.DropPixels(key, 0.2, False, 1)),
    "drop values": (noise.drop_pixels, lambda key: ops.DropPixels(key, 0.2, True, None)),
}
DTYPES = (np.uint8, np.uint16, np.float32)


def picture(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    values = np.random.default_rng(7).random(shape)
    return (values if dtype is np.float32 else np.round(values * np.iinfo(dtype).max)).astype(dtype)


def flat(value: float, shape: tuple[int, ...], dtype: type = np.uint8) -> np.ndarray:
    return np.full(shape, value, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(9, 14), (9, 14, 1), (9, 14, 3), (9, 14, 5), (3, 4, 130)], ids=str)
@pytest.mark.parametrize("name", RUNS)
def test_every_shape_dtype_and_layout(name: str, shape: tuple[int, ...], dtype: type) -> None:
    run, make = RUNS[name]
    image = picture(shape, dtype)
    before = image.copy()
    image.flags.writeable = False
    out = run(image, make(KEY))
    assert out.shape == shape
    assert out.dtype == dtype
    assert out.flags.c_contiguous and out.flags.writeable and not np.shares_memory(out, image)
    assert np.array_equal(image, before)
    assert np.array_equal(out, run(image, make(KEY)))
    assert not np.array_equal(out, run(image, make(OTHER)))
    assert np.array_equal(out, run(np.asfortranarray(image), make(KEY)))
    assert np.array_equal(out, run(image[::-1, ::-1].copy()[::-1, ::-1], make(KEY)))
    if dtype is np.float32:
        assert out.min() >= 0 and out.max() <= 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_iso_noise_layouts(dtype: type) -> None:
    image = picture((21, 18, 3), dtype)
    op = ops.IsoNoise(KEY, 0.05, 0.5)
    out = noise.iso_noise(image, op)
    assert out.dtype == dtype and out.shape == image.shape and out.flags.c_contiguous
    assert np.array_equal(out, noise.iso_noise(image[::-1].copy()[::-1], op))
    assert not np.array_equal(out, noise.iso_noise(image, op._replace(key=OTHER)))
    with pytest.raises(SampleError, match="3 channels"):
        noise.iso_noise(image[..., :2], op)


@pytest.mark.parametrize("size", [200, 520])  # below and above the size from which tables are used
@pytest.mark.parametrize("per_channel", [True, False])
def test_gaussian_on_float_is_gaussian(size: int, per_channel: bool) -> None:
    out = noise.gauss_noise(flat(0.5, (size, size, 3), np.float32), ops.GaussNoise(KEY, 0.01, 0.05, per_channel))
    z = (out.astype(np.float64) - 0.51) / 0.05
    if not per_channel:
        assert np.array_equal(z[..., 0], z[..., 1]) and np.array_equal(z[..., 0], z[..., 2])
        z = z[..., :1]
    assert stats.kstest(z.ravel(), "norm").pvalue > 0.01
    for limit in (3.0, 3.5):
        hits, expected = (np.abs(z) > limit).sum(), 2 * stats.norm.sf(limit)
        assert stats.binomtest(int(hits), z.size, expected).pvalue > 0.01


@pytest.mark.parametrize("sigma", [1.0, 6.0, 28.0])
@pytest.mark.parametrize("size", [200, 520])
def test_gaussian_on_bytes_is_rounded_gaussian(size: int, sigma: float) -> None:
    out = noise.gauss_noise(flat(128, (size, size, 3)), ops.GaussNoise(KEY, 0.0, sigma / 255))
    drawn = out.astype(int).ravel() - 128
    edges = np.arange(-128, 129) - 0.5
    expected = np.diff(stats.norm.cdf(edges / sigma)) * drawn.size
    seen = np.bincount(drawn + 128, minlength=256)[:256]
    often = expected > 10
    rest = drawn.size - expected[often].sum()
    if rest > 5:
        seen, expected = np.append(seen[often], drawn.size - seen[often].sum()), np.append(expected[often], rest)
    else:
        seen, expected = seen[often], expected[often] * seen[often].sum() / expected[often].sum()
    assert stats.chisquare(seen, expected).pvalue > 0.005
    for limit in (3.0, 3.5):
        at = np.floor(limit * sigma) + 0.5
        hits = int((np.abs(drawn) > at).sum())
        assert stats.binomtest(hits, drawn.size, 2 * stats.norm.sf(at / sigma)).pvalue > 0.01


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize(("mean", "sigma"), [(0.0, 0.3), (0.07, 0.2), (-0.9, 0.01), (0.9, 0.01), (0.0, 0.0)])
def test_byte_arithmetic_equals_rounding_and_clipping(mean: float, sigma: float, per_channel: bool) -> None:
    image = picture((520, 520, 3), np.uint8)
    out = noise.gauss_noise(image, ops.GaussNoise(KEY, mean, sigma, per_channel))
    words = noise.Source(KEY).uint16(image.size if per_channel else image.size // 3)
    field = noise.normal_quantiles()[words] * np.float32(sigma * 255) + np.float32(mean * 255)
    field = field.reshape(520, 520, -1)
    assert np.array_equal(out, np.clip(np.rint(field).astype(int) + image, 0, 255))


def test_channels_are_independent_and_pixels_uncorrelated() -> None:
    out = noise.gauss_noise(flat(0.5, (300, 300, 3), np.float32), ops.GaussNoise(KEY, 0.0, 0.05)) - 0.5
    flat_values = out.reshape(-1, 3)
    assert np.abs(np.corrcoef(flat_values.T) - np.eye(3)).max() < 4 / 300
    for axis in (0, 1):
        first, second = (np.take(out, range(i, 299 + i), axis=axis).ravel() for i in (0, 1))
        assert abs(np.corrcoef(first, second)[0, 1]) < 4 / 500


@pytest.mark.parametrize("value", [1, 5, 20, 60, 100, 160, 200, 255])
@pytest.mark.parametrize("scale", [0.3, 0.1, 0.02, 0.002])
def test_photon_counts_are_poisson(value: int, scale: float) -> None:
    rate = (value / 255) ** 2.2 / scale
    source = noise.Source(KEY)
    n = 400_000
    rates = np.full((1, n), rate, np.float32)
    if rate < 15:
        counts = noise._few_photons(source, *noise._levels(rates)).astype(float)
    else:
        counts = noise._many_photons(source.normal(n), rates).astype(float)
    assert abs(counts.mean() - rate) < 4 * np.sqrt(rate / n) + 5e-7 + rate * 2e-4
    spread = np.sqrt((rate + 2 * rate**2) / n)  # of the variance of a Poisson sample
    assert abs(counts.var() - rate) < 4 * spread + 1e-4 + 3e-4 * rate
    at = np.unique(stats.poisson.ppf([0.001, 0.01, 0.25, 0.5, 0.9, 0.99, 0.9995], rate))
    for k in at:
        p = stats.poisson.cdf(k, rate)
        assert abs((counts <= k).mean() - p) < 4 * np.sqrt(p * (1 - p) / n) + 3e-4 + 0.002 / np.sqrt(1 + rate)


def test_photon_tables_hold_the_poisson_distribution() -> None:
    keep, other, below = (table.reshape(256, 256) for table in noise._photon_tables())
    for i in range(256):
        weights = np.bincount(keep[i], below[i], 64) + np.bincount(other[i], 256 - below[i].astype(int), 64)
        wanted = stats.poisson.pmf(np.arange(64), (i / 64) ** 2)
        assert np.abs(weights / 65536 - wanted).max() < 1.2 / 65536
        assert weights.sum() == 65536


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [0.3, 0.05, 0.001])
def test_shot_noise_keeps_the_light(dtype: type, scale: float) -> None:
    full = 1.0 if dtype is np.float32 else np.iinfo(dtype).max
    image = flat(full * 0.5, (400, 400), dtype)
    light = (image[0, 0] / full) ** 2.2
    out = (noise.shot_noise(image, ops.ShotNoise(KEY, scale)) / full) ** 2.2
    counts = stats.poisson(light / scale)
    k = np.arange(int(counts.ppf(1 - 1e-9)) + 2)
    clipped = np.minimum(k * scale, 1)
    mean = (counts.pmf(k) * clipped).sum()
    deviation = np.sqrt((counts.pmf(k) * (clipped - mean) ** 2).sum())
    assert abs(out.mean() - mean) < 4 * deviation / 400 + 0.002 * light
    assert abs(out.std() / deviation - 1) < 0.03


def test_bytes_words_and_floats_see_the_same_photons() -> None:
    image = picture((40, 50, 3), np.uint8)
    op = ops.ShotNoise(KEY, 0.15)
    small = noise.shot_noise(image, op).astype(float) / 255
    words = noise.shot_noise(image.astype(np.uint16) * 257, op) / 65535
    floats = noise.shot_noise((image / 255).astype(np.float32), op)
    assert np.abs(words - floats).max() < 1e-4
    assert (np.abs(small - floats) > 0.003).mean() < 1e-3


def test_salt_and_pepper_fractions() -> None:
    out = noise.salt_pepper(flat(100, (500, 500, 3)), ops.SaltPepper(KEY, 0.03, 0.07))
    assert np.array_equal(out.min(axis=2), out.max(axis=2))
    for value, fraction in ((255, 0.03), (0, 0.07)):
        assert stats.binomtest(int((out[..., 0] == value).sum()), 250_000, fraction).pvalue > 0.01
    image = picture((20, 20, 3), np.uint8)
    assert np.array_equal(noise.salt_pepper(image, ops.SaltPepper(KEY, 0.0, 0.0)), image)
    assert noise.salt_pepper(image, ops.SaltPepper(KEY, 1.0, 0.0)).min() == 255


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(330, 350), (330, 350, 1), (330, 350, 3), (130, 70, 6)], ids=str)
def test_one_word_decides_a_pixel(shape: tuple[int, ...], dtype: type) -> None:
    image = picture(shape, dtype)
    words = noise.Source(KEY).uint32(shape[0] * shape[1]).reshape(shape[:2]) / 2.0**32
    wanted = image.copy()
    wanted[words < 0.5] = 0
    wanted[words < 0.2] = 1 if dtype is np.float32 else np.iinfo(dtype).max
    assert np.array_equal(noise.salt_pepper(image, ops.SaltPepper(KEY, 0.2, 0.3)), wanted)
    wanted = image.copy()
    wanted[words < 0.4] = colour = 1 if len(shape) == 2 else np.arange(shape[-1]) % 2
    fill = colour if len(shape) == 2 else tuple(colour.tolist())
    assert np.array_equal(noise.drop_pixels(image, ops.DropPixels(KEY, 0.4, False, fill)), wanted)


def test_colours_must_fit() -> None:
    with pytest.raises(SampleError, match="one per channel"):
        noise.drop_pixels(flat(100, (9, 9, 3)), ops.DropPixels(KEY, 0.5, False, (1, 2)))


def test_factors_are_uniform_and_shared_as_asked() -> None:
    image = flat(0.5, (300, 300, 3), np.float32)

    def factors(per_channel: bool, elementwise: bool) -> np.ndarray:
        op = ops.MultiplyNoise(KEY, 0.5, 1.5, per_channel, elementwise)
        return noise.multiply_noise(image, op) / 0.5

    assert np.unique(factors(False, False)).size == 1
    assert [np.unique(plane).size for plane in factors(True, False).transpose(2, 0, 1)] == [1, 1, 1]
    assert np.unique(factors(True, False)).size == 3
    shared = factors(False, True)
    assert np.array_equal(shared[..., 0], shared[..., 2])
    for values in (shared[..., 0], factors(True, True)):
        assert stats.kstest(values.ravel(), stats.uniform(0.5, 1.0).cdf).pvalue > 0.01


def test_factors_round_once() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    op = ops.MultiplyNoise(KEY, 0.5, 1.5)
    factor = 0.5 + noise.Source(KEY).uint32(1)[0] * 2.0**-32
    assert np.array_equal(noise.multiply_noise(image, op), np.clip(np.rint(image * factor), 0, 255))


@pytest.mark.parametrize("per_channel", [False, True])
def test_dropped_pixels(per_channel: bool) -> None:
    image = flat(100, (400, 400, 3))
    out = noise.drop_pixels(image, ops.DropPixels(KEY, 0.05, per_channel, (1, 2, 3)))
    dropped = out != 100
    assert np.array_equal(out[dropped], np.broadcast_to([1, 2, 3], out.shape)[dropped])
    if not per_channel:
        assert np.array_equal(dropped.any(axis=2), dropped.all(axis=2))
        dropped = dropped[..., 0]
    assert stats.binomtest(int(dropped.sum()), dropped.size, 0.05).pvalue > 0.01


def test_dropped_pixels_get_random_values() -> None:
    op = ops.DropPixels(KEY, 0.5, False, None)
    out = noise.drop_pixels(flat(0, (300, 300, 3)), op)
    values = out[out.any(axis=2)]
    assert stats.chisquare(np.bincount(values.ravel(), minlength=256)[1:]).pvalue > 0.01
    assert np.array_equal(out, noise.drop_pixels(flat(0, (300, 300, 3)), op._replace(fill="random")))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float64, bool])
def test_masks_lose_the_pixels_that_images_lose(dtype: type) -> None:
    op = ops.DropPixels(KEY, 0.3, False, 9, 1)
    dropped = noise.drop_pixels(flat(100, (50, 60, 3)), op)[..., 0] == 9
    mask = np.zeros((50, 60), dtype)
    out = noise.drop_pixels_mask(mask, op)
    assert out.dtype == dtype and not mask.any()
    assert np.array_equal(out == 1, dropped)
    assert np.array_equal(noise.drop_pixels_mask(mask[..., None], op)[..., 0], out)
    assert not noise.drop_pixels_mask(mask, op._replace(fill_mask=None)).any()


def test_fills_are_rounded_and_clipped_to_the_dtype() -> None:
    assert noise.fill_values((300, -4, 2.6), np.dtype(np.uint8)).tolist() == [255, 0, 3]
    assert noise.fill_values(0.25, np.dtype(np.float32)).tolist() == [0.25]
    assert noise.fill_values(-1, np.dtype(np.int32)).tolist() == [-1]


def test_iso_noise_statistics() -> None:
    image = np.empty((300, 300, 3), np.float32)
    image[:150], image[150:] = (0.6, 0.3, 0.2), (0.3, 0.5, 0.7)
    out = noise.iso_noise(image, ops.IsoNoise(KEY, 0.05, 0.4))
    high, low = out.max(axis=2).astype(np.float64), out.min(axis=2).astype(np.float64)
    light = (high + low) / 2
    spread = (128 - 102) / 2  # of the two lightnesses as bytes
    for part, before in ((light[:150], 0.4), (light[150:], 0.5)):
        counts = (part - before) / (1 - before) * 255
        assert abs(counts.mean() - 0.4 * spread) < 0.05
        assert abs(counts.var() - 0.4 * spread) < 0.15
    red = out[:150].astype(np.float64)
    hue = 60 * (red[..., 1] - red[..., 2]) / (high - low)[:150]  # of reds
    hue = hue[(red[..., 0] == red.max(axis=2)) & (np.abs(hue) < 60)]
    assert abs(hue.mean() - 15) < 0.3
    assert abs(hue.std() - 360 * 0.05 * 0.4) < 0.3
    still = noise.iso_noise(flat(0.5, (20, 20, 3), np.float32), ops.IsoNoise(KEY, 0.0, 0.4))
    assert np.abs(still - 0.5).max() < 1e-6
