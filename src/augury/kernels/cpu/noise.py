"""Noise: random arrays drawn again from an op's stream key.

The same key gives the same bits for the same shape, channel count and dtype; an op that says "all channels together"
draws one value per pixel. Integer results are rounded to nearest (halves to even) and clipped; float results are
clipped to [0, 1]. Every function takes (H, W) or (H, W, C) of uint8, uint16 or float32 and returns a fresh C-contiguous
array.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import stringzilla as sz

from augury import ops
from augury.errors import SampleError
from augury.kernels.cpu.arrays import FULL, apart, channels_of, filled, put_back, refuse_channels, repeated, scratch
from augury.rng import Source, normal_quantiles
from augury.sample import Array

# From this many draws on, scaling the 65,536 quantiles once is cheaper than scaling every drawn value.
_TABLE_PAYS = 1 << 17
# From this many draws on, all quantiles of a beta distribution are cheaper than those drawn.
_BETA_PAYS = 1 << 15
# Values worked on at a time: what is drawn stays in the cache and in memory that is used again.
_BLOCK = 3 << 15
# Pixels whose three float channels are worked on at a time for the same reason.
_BAND = 1 << 14
_DEPTH = {1: cv2.CV_8U, 2: cv2.CV_16U, 4: cv2.CV_32F}
_LEVELS = np.arange(256.0)
# Photon rates (i / 64)^2 have exact tables for i = 0..255; higher rates use a series.
_FEW = (255 / 64) ** 2


def _row(image: Array) -> Array:
    """All values as one row, (1, H * W * C); a view where the memory allows."""
    return np.ascontiguousarray(image).reshape(1, -1)


def _blocks(size: int, channels: int) -> Sequence[slice]:
    """Slices of whole pixels that cover a row."""
    step = max((_BLOCK if channels == 1 else 2 * _BLOCK) // channels, 1) * channels
    if size <= step:
        return (slice(0, size),)
    return [slice(start, min(start + step, size)) for start in range(0, size, step)]


def _over_channels(field: Array, channels: int, slot: str) -> Array:
    """A row with one value per pixel as a row with that value in every channel (in scratch)."""
    if channels == 1:
        return field
    if channels > 128:  # of an OpenCV array
        return field.repeat(channels).reshape(1, -1)
    out = scratch((1, field.size, channels), field.dtype, slot)
    return cv2.merge([field] * channels, dst=out).reshape(1, -1)


def _clip(values: Array) -> Array:
    """Float32 clipped to [0, 1], in place."""
    return np.clip(values, np.float32(0), np.float32(1), out=values)


# ---- Gaussian noise ----------------------------------------------------------------------------------


def gauss_noise(image: Array, op: ops.GaussNoise) -> Array:
    """value + mean + sigma * z, z a quantile of the op's distribution picked by a 16-bit word (Gaussian: |z| <= 4.33).

    On integer images the noise is rounded before it is added. One z per value, or per pixel unless per_channel.
    """
    if op.scale < 1:
        return _coarse_noise(image, op)
    full = FULL[image.itemsize]
    channels = 1 if op.per_channel else channels_of(image)
    mean, sigma = np.float32(op.mean * full), np.float32(op.sigma * full)
    row = _row(image)
    out = np.empty_like(row)
    source = Source(op.key)
    scaled = row.size // channels >= _TABLE_PAYS
    if scaled:
        quantiles = quantiles_of(op).reshape(1, -1) * sigma + mean
        if image.itemsize == 1:
            _add_bytes(row, source, quantiles, channels, out)
            return out.reshape(image.shape)
    for part in _blocks(row.size, channels):
        n = (part.stop - part.start) // channels
        words = source.uint16(n).reshape(1, -1)
        memory = scratch((1, n), np.float32, "noise_values")
        noise = cv2.LUT(words, quantiles, dst=memory) if scaled else picked(op, words, memory)
        if not scaled:
            np.multiply(noise, sigma, out=noise)
            if mean:
                np.add(noise, mean, out=noise)
        if image.itemsize == 4:
            _clip(np.add(row[:, part], _over_channels(noise, channels, "noise"), out=out[:, part]))
        else:
            np.rint(noise, out=noise)
            noise = _over_channels(noise, channels, "noise")
            cv2.add(row[:, part], noise, dst=out[:, part], dtype=_DEPTH[image.itemsize])
    return out.reshape(image.shape)


def _coarse_noise(image: Array, op: ops.GaussNoise) -> Array:
    """value + mean + sigma * (z of a grid of `scale` times the size, enlarged linearly)."""
    height, width = image.shape[:2]
    channels = channels_of(image)
    full = FULL[image.itemsize]
    rows, columns = max(round(height * op.scale), 1), max(round(width * op.scale), 1)
    drawn = channels if op.per_channel else 1
    words = Source(op.key).uint16(drawn * rows * columns).reshape(1, -1)
    grids = picked(op, words).reshape(drawn, rows, columns)
    planes = [cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR) for grid in grids]
    noise: Array = np.stack(planes if op.per_channel else planes * channels, axis=2).reshape(1, -1)
    noise *= np.float32(op.sigma * full)
    noise += np.float32(op.mean * full)
    if image.itemsize == 4:
        return _clip(np.add(_row(image), noise, out=noise)).reshape(image.shape)
    return cv2.add(_row(image), np.rint(noise, out=noise), dtype=_DEPTH[image.itemsize]).reshape(image.shape)


def quantiles_of(op: ops.GaussNoise) -> Array:
    """65,536 ascending quantiles, float32, of the distribution of an op before it is multiplied by sigma."""
    return normal_quantiles() if op.distribution == "gaussian" else _quantiles(op.distribution, op.shape)


def picked(op: ops.GaussNoise, words: Array, out: Array | None = None) -> Array:
    """The quantiles of an op's distribution that 16-bit words (1, N) pick, float32 in `out` or fresh memory."""
    if op.distribution != "beta" or words.size >= _BETA_PAYS:
        return cv2.LUT(words, quantiles_of(op).reshape(1, -1), dst=out)
    # Every call has another shape, whose whole table would cost more than the few that are asked for.
    return np.interp(((words + 0.5) / 65536).astype(np.float32), *_beta(op.shape)).astype(np.float32)


def _beta(shape: ops.Coefficients) -> tuple[Array, Array]:
    """Probabilities, float32, and the quantiles of Beta(a, b), stretched over [-1, 1], at these."""
    # The distribution function summed over x = 1 / (1 + exp(-t)), where its density has no poles.
    a, b = shape
    t = np.linspace(-1, 1, 513)
    t = np.sign(t) * (np.expm1(np.abs(t) * 6) * (40 / min(a, b, 1.0) / math.expm1(6)))
    log_x, log_rest = -np.logaddexp(0, -t), -np.logaddexp(0, t)
    density = a * log_x + b * log_rest
    density = np.exp(density - density.max())
    grown = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) * np.diff(t))])
    # As the tangent of half of t is that fraction, stretched over [-1, 1].
    return (grown / grown[-1]).astype(np.float32), np.tanh(t / 2)


@lru_cache(maxsize=16)
def _quantiles(distribution: str, shape: ops.Coefficients) -> Array:
    at = (np.arange(65536) + 0.5) / 65536
    if distribution == "uniform":
        out = 2 * at - 1
    elif distribution == "laplace":
        out = np.sign(at - 0.5) * -np.log1p(-2 * np.abs(at - 0.5))
    else:
        out = np.interp(at.astype(np.float32), *_beta(shape))
    out = out.astype(np.float32)
    out.flags.writeable = False
    return out


def rician_noise(image: Array, op: ops.RicianNoise) -> Array:
    """sqrt((value + sigma z1)^2 + (sigma z2)^2), z1 and z2 Gaussian: the magnitude image of a noisy complex signal.

    Source: Gudbjartsson and Patz, "The Rician distribution of noisy MRI data", 1995.
    """
    sigma = np.float32(op.sigma * FULL[image.itemsize])
    channels = 1 if op.per_channel else channels_of(image)
    row = _row(image)
    out = np.empty_like(row)
    source = Source(op.key)
    quantiles = (normal_quantiles() * sigma).reshape(1, -1)
    for part in _blocks(row.size, channels):
        n = (part.stop - part.start) // channels
        real, other = (
            _over_channels(
                cv2.LUT(source.uint16(n).reshape(1, -1), quantiles, dst=scratch((1, n), np.float32, f"rician_{slot}")),
                channels,
                f"rician_wide_{slot}",
            )
            for slot in "ab"
        )
        # Not cv2.magnitude, whose last bits depend on where a value lies.
        np.add(real, row[:, part], out=real)
        np.multiply(real, real, out=real)
        np.multiply(other, other, out=other)
        np.add(real, other, out=real)
        size = np.sqrt(real, out=real)
        if image.itemsize == 4:
            np.copyto(out[:, part], _clip(size))
        else:
            cv2.addWeighted(size, 1.0, size, 0.0, 0.0, dst=out[:, part], dtype=_DEPTH[image.itemsize])
    return out.reshape(image.shape)


def _add_bytes(row: Array, source: Source, table: Array, channels: int, out: Array) -> None:
    """out = row + round(table[words]) on uint8, saturating, with the same bits as rounding each value.

    The table ascends, so one threshold on the word gives the sign. Negative noise is added to the inverted image and
    inverted back, so that all of it is byte arithmetic.
    """
    compare: Any = cv2.compare  # whose stubs do not know scalars
    first = int(np.searchsorted(table[0], np.float32(0)))
    sizes = cv2.convertScaleAbs(table)
    for part in _blocks(row.size, channels):
        n = (part.stop - part.start) // channels
        words = source.uint16(n).reshape(1, -1)
        size = cv2.LUT(words, sizes, dst=scratch((1, n), np.uint8, "noise_size"))
        inverted = compare(words, first, cv2.CMP_LT, dst=scratch((1, n), np.uint8, "noise_sign"))
        if channels > 1:
            size = _over_channels(size, channels, "noise_sizes")
            inverted = _over_channels(inverted, channels, "noise_signs")
        result = np.bitwise_xor(row[:, part], inverted, out=out[:, part])
        cv2.add(result, size, dst=result)
        np.bitwise_xor(result, inverted, out=result)


def iso_noise(image: Array, op: ops.IsoNoise) -> Array:
    """Sensor noise in HLS: Gaussian hue jitter and photon-like lightness noise; RGB images only.

    Per pixel, hue gets sigma color_shift * intensity turns, lightness L gets (1 - L) * n / 255 where n is Poisson with
    mean 255 * intensity * (standard deviation of L over the image).
    """
    if channels_of(image) != 3:
        raise refuse_channels("ISONoise", image, "3 channels (RGB)")
    height, width = image.shape[:2]
    step = max(_BAND // width, 1)
    bands = [slice(top, min(top + step, height)) for top in range(0, height, step)]
    hls = scratch(image.shape, np.float32, "iso_hls")
    levels = scratch((height, width), np.uint8, "iso_levels")
    for band in bands:
        unit = image[band]
        if image.itemsize < 4:
            unit = scratch(unit.shape, np.float32, "iso_rgb")
            np.multiply(image[band], np.float32(1 / FULL[image.itemsize]), out=unit, dtype=np.float32)
        cv2.cvtColor(unit, cv2.COLOR_RGB2HLS, dst=hls[band])
        cv2.convertScaleAbs(cv2.extractChannel(hls[band], 1), dst=levels[band], alpha=255.0)
    # On bytes, because their sums are exact on any machine.
    spread = cv2.meanStdDev(levels)[1].item()
    source = Source(op.key)
    turns, counts = (source.uint16(height * width).reshape(height, width) for _ in range(2))
    turn = np.float32(360 * op.color_shift * op.intensity)
    photons = _poisson(op.intensity * spread, height * width)
    memory = apart(4, min(step, height), width, np.float32, "iso_planes")
    out = np.empty(image.shape, image.dtype)
    for band in bands:
        given = hls[band]
        hue, light, saturation, noise = (plane[: len(given)] for plane in memory)
        cv2.split(given, [hue, light, saturation])
        noise = _normal(turns[band], noise)
        hue += np.multiply(noise, turn, out=noise)
        # OpenCV's vector code needs hues in one turn.
        np.floor(np.multiply(hue, np.float32(1 / 360), out=noise), out=noise)
        noise *= 360
        hue -= noise
        noise = photons(counts[band], noise)
        noise *= np.float32(1 / 255)
        # L + (1 - L) n = 1 - (1 - L) (1 - n), and not above 1
        np.minimum(noise, 1, out=noise)
        np.subtract(1, noise, out=noise)
        np.subtract(1, light, out=light)
        light *= noise
        np.subtract(1, light, out=light)
        cv2.merge((hue, light, saturation), dst=given)
        done = out[band] if image.itemsize == 4 else scratch(given.shape, np.float32, "iso_rgb")
        cv2.cvtColor(given, cv2.COLOR_HLS2RGB, dst=done)
        if image.itemsize == 4:
            _clip(done)
        elif image.itemsize == 1:
            cv2.convertScaleAbs(done, dst=out[band], alpha=255.0)
        else:
            cv2.addWeighted(done, 65535.0, done, 0.0, 0.0, dst=out[band], dtype=cv2.CV_16U)
    return out


# ---- factors and dropped pixels ----------------------------------------------------------------------


def multiply_noise(image: Array, op: ops.MultiplyNoise) -> Array:
    """value * factor, factors uniform in [low, high).

    elementwise: a factor per pixel (16 random bits), else one per image; per_channel: not shared by the channels.
    """
    channels = channels_of(image)
    source = Source(op.key)
    row = _row(image)
    out = np.empty_like(row)
    if not op.elementwise:
        words = source.uint32(channels if op.per_channel else 1).tolist()
        factors = [op.low + (op.high - op.low) * word * 2.0**-32 for word in words]
        if image.itemsize == 1 and len(factors) == 1:
            table = np.clip(np.rint(_LEVELS * factors[0]), 0, 255).astype(np.uint8)
            sz.translate(row.data.cast("B"), table.tobytes(), out=out.reshape(-1))
            return out.reshape(image.shape)
        if image.itemsize == 1 and channels <= 128:
            tables = np.clip(np.rint(_LEVELS[:, None] * factors), 0, 255).astype(np.uint8)
            return cv2.LUT(row.reshape(1, -1, channels), tables[None]).reshape(image.shape)
        steady = np.resize(np.array(factors, np.float32), (1, _blocks(row.size, channels)[0].stop))
    shared = op.elementwise and channels > 1 and not op.per_channel
    width = np.float32((op.high - op.low) / 65536)
    for part in _blocks(row.size, channels):
        n = part.stop - part.start
        if op.elementwise:
            words16 = source.uint16(n // channels if shared else n).reshape(1, -1)
            factor = np.multiply(words16, width, dtype=np.float32)
            factor += np.float32(op.low)
            if shared:
                factor = _over_channels(factor, channels, "noise")
        else:
            factor = steady[:, :n]
        if image.itemsize == 4:
            _clip(np.multiply(row[:, part], factor, out=out[:, part]))
        else:
            cv2.multiply(row[:, part], factor, dst=out[:, part], dtype=_DEPTH[image.itemsize])
    return out.reshape(image.shape)


def _threshold(probability: float) -> np.uint32:
    """The 32-bit word below which an event of this probability happens."""
    return np.uint32(min(max(round(probability * 2**32), 0), 2**32 - 1))


def salt_pepper(image: Array, op: ops.SaltPepper) -> Array:
    """Pixels set to full range (probability `salt`) or to 0 (probability `pepper`), all channels together."""
    size = image.shape[:2]
    pure, salted = _spared(Source(op.key), size, op.salt + op.pepper, op.salt)
    white = np.subtract(1, salted, out=salted) * image.dtype.type(FULL[image.itemsize])
    out = white if image.ndim == 2 else repeated([white], channels_of(image))
    return put_back(out, image, pure)


def _spared(source: Source, size: tuple[int, ...], *probabilities: float) -> list[Array]:
    """For each probability of an event the pixels, (H, W) uint8 in scratch, to which it does not happen, 1, or does, 0:
    one 32-bit word a pixel decides them all.
    """
    n = size[0] * size[1]
    flat = [scratch((n,), np.bool_, f"spared_{i}") for i in range(len(probabilities))]
    for start in range(0, n, _BLOCK):
        words = source.uint32(min(_BLOCK, n - start))
        for out, probability in zip(flat, probabilities, strict=True):
            np.greater_equal(words, _threshold(probability), out=out[start : start + words.size])
    return [out.view(np.uint8).reshape(size) for out in flat]


def _dropped(source: Source, n: int, probability: float) -> Array:
    """The places, ascending, among n that are dropped."""
    return np.flatnonzero(source.uint32(n) < _threshold(probability))


def drop_pixels(image: Array, op: ops.DropPixels) -> Array:
    """Set pixels (values, if per_channel) to `fill`, each with the op's probability.

    fill: a number or one per channel, in the image's own range; None or "random" draws each dropped value from the
    full range.
    """
    channels = channels_of(image)
    source = Source(op.key)
    fill: Any = op.fill
    drawn = fill is None or isinstance(fill, str)
    if not drawn and not op.per_channel:
        return _replaced(image, source, op.probability, fill)
    out = image.copy()
    places = _dropped(source, image.size if op.per_channel else image.size // channels, op.probability)
    target = out.reshape(-1) if op.per_channel else out.reshape(-1, channels)
    if drawn:
        shape = places.shape if op.per_channel else (places.size, channels)
        target[places] = random_values(source, math.prod(shape), image.dtype).reshape(shape)
        return out
    values = fill_values(fill, image.dtype)
    target[places] = values if values.size == 1 else values[places % channels]
    return out


def _replaced(array: Array, source: Source, probability: float, fill: Any) -> Array:
    """Pixels of (H, W) or (H, W, C) set to a fill, each with a probability."""
    (spared,) = _spared(source, array.shape[:2], probability)
    values = fill_values(fill, array.dtype)
    if values.size not in (1, channels_of(array)):
        raise SampleError(
            f"fill {fill} does not fit an array of shape {array.shape}; pass one value, or one per channel"
        )
    return put_back(filled(array.shape, values), array, spared)


def drop_pixels_mask(mask: Array, op: ops.DropPixels) -> Array:
    """Set the pixels of (H, W) or (H, W, C) that `drop_pixels` drops to fill_mask; any dtype; a copy if that is None.

    The pattern is the image's when per_channel is False.
    """
    return mask.copy() if op.fill_mask is None else _replaced(mask, Source(op.key), op.probability, op.fill_mask)


def random_values(source: Source, n: int, dtype: npt.DTypeLike) -> Array:
    """n values, uniform over the full range of uint8, uint16 or float32."""
    size = np.dtype(dtype).itemsize
    return source.uint8(n) if size == 1 else source.uint16(n) if size == 2 else source.uniform(n)


@lru_cache(maxsize=256)
def fill_values(fill: float | tuple[float, ...], dtype: np.dtype[Any]) -> Array:
    """A fill in the image's own range as a read-only array of its dtype, rounded and clipped, with 1 or C values."""
    values = np.array(fill, np.float64).reshape(-1)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        values = np.clip(np.rint(values), limits.min, limits.max)
    values = values.astype(dtype)
    values.flags.writeable = False
    return values


# ---- photons -----------------------------------------------------------------------------------------


def shot_noise(image: Array, op: ops.ShotNoise) -> Array:
    """Poisson photon noise in linear light: n ~ Poisson(value^2.2 / scale), result (n * scale)^(1 / 2.2).

    `scale` > 0 is the reciprocal of the expected photons at full range; each channel of each pixel counts on its own.
    Rates below 15.87 draw from tables (probabilities to 2^-16) of the two nearest of 256 rates, mixed so that the mean
    is kept; the variance exceeds Poisson's by less than 0.0001 + 0.03 %. Higher rates use the Cornish-Fisher series of
    the quantile. Source: Hasinoff, "Photon, Poisson noise", 2014; alias tables: Walker, 1977; series: Giles,
    "Approximation of the inverse Poisson cumulative distribution function", ACM TOMS 42, 2016.
    """
    full = FULL[image.itemsize]
    row = _row(image)
    out = np.empty_like(row)
    source = Source(op.key)
    values = np.minimum(_LEVELS * op.scale, 1) ** (1 / 2.2) * full
    values = values.astype(np.float32) if image.itemsize == 4 else np.rint(values).astype(image.dtype)
    if image.itemsize == 1:
        byte_rates = (_LEVELS / 255) ** 2.2 / op.scale
        byte_levels, byte_shares = _levels(byte_rates)
        byte_rates = byte_rates.astype(np.float32)
    for part in _blocks(row.size, 1):
        given, result = row[:, part], out[:, part]
        if image.itemsize == 1:
            level, share = _translate(given, byte_levels), _translate(given, byte_shares)
            bright = np.flatnonzero(byte_rates.take(given) >= _FEW) if byte_rates[-1] >= _FEW else np.empty(0, np.intp)
            rates = byte_rates.take(given[0, bright])
        else:
            linear = given / np.float32(full) if image.itemsize == 2 else np.clip(given, 0, 1)
            linear **= np.float32(2.2)
            linear *= np.float32(1 / op.scale)
            level, share = _levels(linear)
            bright = np.flatnonzero(linear >= _FEW)
            rates = linear[0, bright]
        counts = _few_photons(source, level, share)
        if image.itemsize == 1:
            sz.translate(counts.data.cast("B"), values.tobytes(), out=result.reshape(-1))
        else:
            cv2.LUT(counts, values.reshape(1, -1), dst=result)
        if bright.size:
            linear = _many_photons(source.normal(bright.size), rates)
            linear *= np.float32(op.scale)
            np.minimum(linear, 1, out=linear)
            linear **= np.float32(1 / 2.2)
            if image.itemsize < 4:
                linear *= np.float32(full)
                np.rint(linear, out=linear)
            result[0, bright] = linear
    return out.reshape(image.shape)


def _translate(row: Array, table: Array) -> Array:
    """Table look-up of a contiguous uint8 row."""
    out = np.empty(row.shape, np.uint8)
    sz.translate(row.data.cast("B"), table.tobytes(), out=out.reshape(-1))
    return out


def _normal(words: Array, out: Array) -> Array:
    """Standard Gaussian quantiles picked by 16-bit words, in `out`, float32 of their number."""
    return cv2.LUT(words, normal_quantiles().reshape(1, -1), dst=out)


def _poisson(rate: float, draws: int) -> Callable[[Array, Array], Array]:
    """A function of 16-bit words and float32 memory that picks Poisson counts of one rate, `draws` in all."""
    if rate >= _FEW and draws < _TABLE_PAYS:
        return lambda words, out: _many_photons(_normal(words, out), np.float32(rate))
    if rate >= _FEW:
        table = _many_photons(normal_quantiles(), np.float32(rate))
    else:
        weights = _poisson_weights(rate)
        table = np.array(list(weights), np.float32).repeat(list(weights.values()))
    return lambda words, out: cv2.LUT(words, table.reshape(1, -1), dst=out)


def _levels(rates: Array) -> tuple[Array, Array]:
    """For each rate the table below it, i, and the 256ths of the draws that go to i + 1, so that the mean is kept.

    Rates of 15.87 or more give level 0; their draws are replaced.
    """
    scaled = np.where(rates < _FEW, rates, 0) * rates.dtype.type(4096)
    level = np.floor(np.sqrt(scaled))
    share = np.rint((scaled - level * level) * 256 / (2 * level + 1))
    return level.astype(np.uint8), np.clip(share, 0, 255).astype(np.uint8)


def _few_photons(source: Source, level: Array, share: Array) -> Array:
    """Poisson counts as uint8 from the tables of rates (level / 64)^2 or, with probability share / 256, (level + 1)."""
    n = level.size
    level = level - cv2.compare(share, source.uint8(n).reshape(1, -1), cv2.CMP_GT)  # -255 is +1 on bytes
    column = cv2.merge((source.uint8(n).reshape(1, -1), level)).reshape(-1).view(np.uint16).reshape(1, -1)
    keep, other, below = _photon_tables()
    kept = cv2.compare(cv2.LUT(column, below), source.uint8(n).reshape(1, -1), cv2.CMP_GT)
    chosen = cv2.LUT(column, other)
    difference = np.bitwise_xor(chosen, cv2.LUT(column, keep))
    np.bitwise_and(difference, kept, out=difference)
    return np.bitwise_xor(chosen, difference, out=difference)


def _many_photons(z: Array, rates: Array | np.float32) -> npt.NDArray[np.float32]:
    """Poisson quantiles from Gaussian ones, rates >= 15.87.

    The floor of rate + sqrt(rate) z + 1/3 + z^2 / 6 - (z / 36 + z^3 / 72) / sqrt(rate).
    """
    root = np.sqrt(rates)
    square = z * z
    counts: Array = rates + root * z
    counts += square * np.float32(1 / 6) + np.float32(1 / 3)
    counts -= z * (square * np.float32(1 / 72) + np.float32(1 / 36)) / root
    np.maximum(np.floor(counts, out=counts), 0, out=counts)
    return counts


@cache
def _photon_tables() -> tuple[Array, Array, Array]:
    """Alias tables of the Poisson distributions with rates (i / 64)^2: (1, 65536) uint8, indexed by 256 * i + column.

    A column has `below` / 256 of `keep` and the rest of `other`.
    """
    keep = np.empty((256, 256), np.uint8)
    other = np.empty_like(keep)
    below = np.zeros_like(keep)
    for i in range(256):
        left = _poisson_weights((i / 64) ** 2)
        column = 0
        while left:
            small = min(left, key=left.__getitem__)
            large = max(left, key=left.__getitem__)
            weight = left[small]
            if weight < 256:
                keep[i, column], other[i, column], below[i, column] = small, large, weight
                del left[small]
                left[large] -= 256 - weight
                column += 1
            else:
                columns = left[large] // 256
                keep[i, column : column + columns] = other[i, column : column + columns] = large
                left[large] -= 256 * columns
                column += columns
            if not left[large]:
                del left[large]
    return keep.reshape(1, -1), other.reshape(1, -1), below.reshape(1, -1)


def _poisson_weights(rate: float) -> dict[int, int]:
    """Probabilities of the counts in 65,536ths: differences of the rounded cumulative distribution."""
    weights = {}
    probability = total = math.exp(-rate)
    count = done = 0
    while done < 65536:
        reached = round(total * 65536)
        if reached > done:
            weights[count] = reached - done
            done = reached
        count += 1
        probability *= rate / count
        total += probability
    return weights
