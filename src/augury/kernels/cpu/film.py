"""What lenses, film and print do: colour fringes, grain, halftone dots, few colours.

Images are (H, W) or (H, W, C) of uint8, uint16 or float32; outputs are fresh, C-contiguous and clipped to the range.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache, lru_cache, partial

import cv2
import numpy as np

from augury import ops
from augury.kernels.cpu.arrays import MOST_CHANNELS, channels_of, planes, refuse_channels, scratch, to_fractions
from augury.kernels.cpu.blend import from_fractions, rows_of, smooth, spread, words_of
from augury.kernels.cpu.tone import translate
from augury.rng import Source, normal_quantiles
from augury.sample import Array

_LEVELS = np.arange(256, dtype=np.float32)
# Values that error diffusion spreads out to work on many rows at once; larger images go row by row.
_MOST_SKEWED = 1 << 25
# Screen angles of cyan, magenta and yellow ink; one ink has black's.
_ANGLES = (15.0, 75.0, 0.0)
_ONE_ANGLE = 45.0
# Constants that only resizing knows, as what they come nearest to.
_REMAPS = {
    cv2.INTER_AREA: cv2.INTER_LINEAR,
    cv2.INTER_LINEAR_EXACT: cv2.INTER_LINEAR,
    cv2.INTER_NEAREST_EXACT: cv2.INTER_NEAREST,
}


def aberration(image: Array, op: ops.Aberration) -> Array:
    """Red and blue are read from c + (p - c) (1 + k1 r^2 + k2 r^4), lengths in fractions of the size, c the middle.

    Borders repeat. Source: Brown, "Decentering distortion of lenses", 1966, its radial terms for each wavelength.
    """
    if channels_of(image) != 3:
        raise refuse_channels("ChromaticAberration", image, "3 channels (RGB)")
    height, width = image.shape[:2]
    parts = list(planes(np.ascontiguousarray(image)))
    for channel, (k1, k2) in ((0, op.red), (2, op.blue)):
        if not k1 and not k2:
            continue

        parts[channel] = cv2.remap(
            parts[channel],
            smooth(height, width, partial(_bent, k1=k1, k2=k2, side=width)),
            smooth(height, width, partial(_bent, k1=k1, k2=k2, side=height, down=True)),
            _REMAPS.get(op.interpolation, op.interpolation),
            borderMode=cv2.BORDER_REPLICATE,
        )
    out = cv2.merge(parts)
    return np.clip(out, np.float32(0), np.float32(1), out=out) if image.itemsize == 4 else out


def _bent(y: Array, x: Array, k1: float, k2: float, side: int, down: bool = False) -> Array:
    """Where `aberration` reads, in pixels along x or `down`, for pixel centres in fractions of the size."""
    y, x = y - np.float32(0.5), x - np.float32(0.5)
    square = x * x + y * y
    factor = square * (np.float32(k1) + np.float32(k2) * square) + np.float32(1)
    read: Array = (y if down else x) * factor * np.float32(side)
    return read + np.float32(side / 2 - 0.5)


def grain(image: Array, op: ops.Grain) -> Array:
    """value + intensity * z * sqrt(value (1 - value)): z standard Gaussian, the same for all channels.

    Grains cover a share of the film that is the tone, so the variance of a patch is that of a binomial: greatest in
    middle gray, none in black and white. z has steps of 1/32 and |z| < 4. size above 1: one z per size x size pixels,
    enlarged linearly. Source: Newson and others, "A stochastic film grain model", CGF 2017.
    """
    height, width = image.shape[:2]
    rows, columns = -(-height // op.size), -(-width // op.size)
    coded = translate(Source(op.key).uint8(rows * columns).reshape(rows, columns), _coded(op.size > 1))
    if op.size > 1:
        coded = cv2.resize(coded, (columns * op.size, rows * op.size))[:height, :width]
    z = (_LEVELS - 128) * np.float32(op.intensity / 32)
    if image.itemsize == 1:
        unit = _LEVELS / 255
        table = np.multiply(  # [grain, value]
            (z * 255)[:, None], np.sqrt(unit * (1 - unit)), out=scratch((256, 256), np.float32, "grain_table")
        )
        table += _LEVELS
        lookup = cv2.addWeighted(table, 1.0, table, 0.0, 0.0, dtype=cv2.CV_8U).reshape(1, -1)
        over = rows_of(spread([coded], channels_of(image), "grain"))
        return cv2.LUT(words_of(rows_of(image), over), lookup).reshape(image.shape)
    unit = rows_of(image if image.itemsize == 4 else to_fractions(image))
    noise = rows_of(spread([cv2.LUT(coded, z.reshape(1, -1))], channels_of(image)))
    weight = np.clip(unit, 0, 1)
    weight = np.sqrt(weight * (1 - weight))
    weight *= noise
    weight += unit
    return from_fractions(weight, image).reshape(image.shape)


@cache
def _coded(enlarged: bool) -> bytes:
    """128 + 32 z for the 256 quantiles z of a Gaussian; half as wide again where enlarging will narrow it."""
    z = normal_quantiles()[128::256] * (1.5 if enlarged else 1.0)
    coded: Array = np.clip(np.rint(128 + 32 * z), 0, 255)
    return coded.astype(np.uint8).tobytes()


def halftone(image: Array, op: ops.Halftone) -> Array:
    """Ink where the value is below a screen of cosines, its edge softened over about one pixel.

    A channel's screen is turned by the angle of its ink: 15, 75 and 0 degrees for red, green, blue (cyan, magenta,
    yellow), else 45. The area of the dots is the darkness. blend: share of the image that remains.
    Source: Ulichney, "Digital halftoning", 1987 (clustered dots, classical screens).
    """
    height, width = image.shape[:2]
    channels = channels_of(image)
    hard = op.size / 2
    unit = image.dtype != np.uint8
    source = image if image.itemsize != 2 else to_fractions(image)
    angles = _ANGLES if channels == 3 else (_ONE_ANGLE,)
    screens: list[Array] = [_screen(height, width, op.size, angle) for angle in angles]
    if unit:
        screens = [screen * np.float32(1 / 255) for screen in screens]
    screen = rows_of(spread(screens, channels))
    middle = 0.5 if unit else 127.5
    flat = rows_of(source)
    if unit:
        ink = np.clip((flat - screen) * np.float32(hard) + np.float32(middle), 0, 1)
    else:
        ink = cv2.addWeighted(flat, hard, screen, -hard, middle)
    if op.blend:
        ink = cv2.addWeighted(ink, 1 - op.blend, flat, op.blend, 0)
    return from_fractions(ink, image).reshape(image.shape) if unit else ink.reshape(image.shape)


def _screen(height: int, width: int, size: int, angle: float) -> Array:
    """Thresholds whose share below any level is that level: cos + cos along two axes, equalised."""
    turn = 2 * math.pi / size
    c, s = turn * math.cos(math.radians(angle)), turn * math.sin(math.radians(angle))
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    # cos(c x + s y) + cos(c y - s x), each by the addition theorem, as one product of matrices
    left = np.stack([np.cos(s * y), -np.sin(s * y), np.cos(c * y), np.sin(c * y)], axis=1).astype(np.float32)
    right = np.stack([np.cos(c * x), np.sin(c * x), np.cos(s * x), np.sin(s * x)]).astype(np.float32)
    waves = left @ right
    levels = cv2.addWeighted(waves, 63.75, waves, 0.0, 127.5, dtype=cv2.CV_8U)
    return translate(levels, _shares())


@cache
def _shares() -> bytes:
    """Share, in 255ths, of the plane where (cos a + cos b) / 2 is below (i - 127.5) / 127.5."""
    wave = np.cos((np.arange(1024) + 0.5) * (math.pi / 1024))
    values = np.sort(np.add.outer(wave, wave).ravel() / 2)
    below = np.searchsorted(values, (np.arange(256) - 127.5) / 127.5) / values.size
    return np.rint(below * 255).astype(np.uint8).tobytes()


# ---- few colours -------------------------------------------------------------------------------------

# Shares of a pixel's error: (rows below, columns right, weight) over the divisor. Sources: Floyd and Steinberg, 1976;
# Jarvis, Judice and Ninke, 1976; Stucki, 1981; Burkes, 1988; Sierra, 1989 and 1990; Atkinson for MacPaint, 1984, who
# lets a quarter of the error go.
_DIFFUSION: dict[str, tuple[int, tuple[tuple[int, int, int], ...]]] = {
    "floyd_steinberg": (16, ((0, 1, 7), (1, -1, 3), (1, 0, 5), (1, 1, 1))),
    "jarvis": (
        48,
        (
            *((0, 1, 7), (0, 2, 5), (1, -2, 3), (1, -1, 5), (1, 0, 7), (1, 1, 5), (1, 2, 3)),
            *((2, -2, 1), (2, -1, 3), (2, 0, 5), (2, 1, 3), (2, 2, 1)),
        ),
    ),
    "stucki": (
        42,
        (
            *((0, 1, 8), (0, 2, 4), (1, -2, 2), (1, -1, 4), (1, 0, 8), (1, 1, 4), (1, 2, 2)),
            *((2, -2, 1), (2, -1, 2), (2, 0, 4), (2, 1, 2), (2, 2, 1)),
        ),
    ),
    "burkes": (32, ((0, 1, 8), (0, 2, 4), (1, -2, 2), (1, -1, 4), (1, 0, 8), (1, 1, 4), (1, 2, 2))),
    "sierra": (
        32,
        (
            *((0, 1, 5), (0, 2, 3), (1, -2, 2), (1, -1, 4), (1, 0, 5), (1, 1, 4), (1, 2, 2)),
            *((2, -1, 2), (2, 0, 3), (2, 1, 2)),
        ),
    ),
    "sierra_2row": (16, ((0, 1, 4), (0, 2, 3), (1, -2, 1), (1, -1, 2), (1, 0, 3), (1, 1, 2), (1, 2, 1))),
    "sierra_lite": (4, ((0, 1, 2), (1, -1, 1), (1, 0, 1))),
    "atkinson": (8, ((0, 1, 1), (0, 2, 1), (1, -1, 1), (1, 0, 1), (1, 1, 1), (2, 0, 1))),
}


def dither(image: Array, op: ops.Dither) -> Array:
    """The nearest of `levels` evenly spaced values after adding thresholds, or the errors of earlier pixels.

    gray: the channels' luma (RGB) or mean is used for all of them. Sources: `_DIFFUSION`; Bayer, "An optimum method
    for two-level rendition of continuous-tone pictures", 1973; Roberts, "Picture coding using pseudo-random noise",
    1962.
    """
    channels = channels_of(image)
    unit = image if image.itemsize == 4 else to_fractions(image)
    steps = op.levels - 1
    if op.gray and channels > 1:
        unit = cv2.cvtColor(unit, cv2.COLOR_RGB2GRAY) if channels == 3 else unit.mean(axis=2, dtype=np.float32)
    drawn = np.clip(unit.reshape(*unit.shape[:2], -1), 0, 1) * np.float32(steps)  # in steps between levels
    if op.method == "error_diffusion":
        drawn = _diffused(drawn, op)
    else:
        drawn += _thresholds(op, drawn.shape)
        np.floor(drawn, out=drawn)
    drawn *= np.float32(1 / max(steps, 1))
    out = from_fractions(drawn.reshape(drawn.shape[0], -1), image)
    if not op.gray or channels == 1:
        return out.reshape(image.shape)
    return cv2.merge([out] * channels) if channels <= MOST_CHANNELS else out[:, :, None].repeat(channels, axis=2)


def _thresholds(op: ops.Dither, shape: tuple[int, ...]) -> Array:
    """What is added before rounding down: in [0, 1) for a Bayer matrix, 1/2 + noise for random."""
    height, width, channels = shape
    if op.method == "random":
        return Source(op.key).uniform(height * width * channels, 0.5 + op.low, 0.5 + op.high).reshape(shape)
    tile = _bayer(op.size)
    return np.tile(tile, (-(-height // op.size), -(-width // op.size)))[:height, :width, None]


@cache
def _bayer(size: int) -> Array:
    """Bayer's matrix of size 2, 4, 8 or 16 as thresholds in (0, 1)."""
    ranks = np.zeros((1, 1), np.int64)
    while len(ranks) < size:
        ranks = np.block([[4 * ranks, 4 * ranks + 2], [4 * ranks + 3, 4 * ranks + 1]])
    return ((ranks + 0.5) / ranks.size).astype(np.float32)


@lru_cache(maxsize=32)
def _below(algorithm: str) -> tuple[float, float, tuple[tuple[int, int, float], ...]]:
    """Shares of the error for the next pixel, the one after it, and (rows, columns, share) below."""
    divisor, shares = _DIFFUSION[algorithm]
    ahead = {dx: weight / divisor for dy, dx, weight in shares if not dy}
    return ahead[1], ahead.get(2, 0.0), tuple((dy, dx, weight / divisor) for dy, dx, weight in shares if dy)


def _diffused(values: Array, op: ops.Dither) -> Array:
    """Levels 0..steps after error diffusion of (H, W, C) in [0, steps], each channel alone.

    serpentine: every other row runs from right to left, and its shares are mirrored.
    """
    height, width, _ = values.shape
    ahead, second, below = _below(op.algorithm)
    skew = 1 + max(-dx for _, dx, _ in below)
    if op.serpentine or (width + skew * height) * values[:, 0].size > _MOST_SKEWED:
        return _by_rows(values, op)
    shares = ((0, 1, ahead), (0, 2, second), *below)
    return _by_fronts(values, [share for share in shares if share[2]], skew, np.float32(op.levels - 1))


def _by_fronts(values: Array, shares: Sequence[tuple[int, int, float]], skew: int, top: np.float32) -> Array:
    """Error diffusion of all pixels with the same x + skew * y at once: no error goes from one to another of them."""
    height, width, channels = values.shape
    last = width + skew * (height - 1)
    waiting = np.zeros((last + 2 * skew + 2, height + 2, channels), np.float32)  # [x + skew * y, y]
    for y in range(height):
        waiting[skew * y : skew * y + width, y] = values[y]
    steps = [(skew * dy + dx, dy, np.float32(share)) for dy, dx, share in shares]
    half, zero = np.float32(0.5), np.float32(0)
    for front in range(last):
        start, stop = max(-((width - 1 - front) // skew), 0), min(front // skew + 1, height)
        here = waiting[front, start:stop]
        level = np.floor(here + half)
        np.maximum(level, zero, out=level)
        np.minimum(level, top, out=level)
        error = here - level
        here[:] = level
        for later, dy, share in steps:
            there = waiting[front + later, start + dy : stop + dy]
            there += error * share
    return np.stack([waiting[skew * y : skew * y + width, y] for y in range(height)])


def _by_rows(values: Array, op: ops.Dither) -> Array:
    """Error diffusion in the order of reading: a row is worked through pixel by pixel, its errors go down as arrays."""
    height, width, channels = values.shape
    first, second, below = _below(op.algorithm)
    top = op.levels - 1
    out = np.empty(values.shape, np.float32)
    for channel in range(channels):
        waiting = np.zeros((height + 2, width + 4))
        waiting[:height, 2:-2] = values[:, :, channel]
        for y in range(height):
            back = op.serpentine and y % 2
            row = waiting[y, 2:-2]
            levels, errors = _row((row[::-1] if back else row).tolist(), first, second, top)
            error = np.array(errors)
            out[y, :, channel] = levels[::-1] if back else levels
            for dy, dx, share in below:
                start = 2 - dx if back else 2 + dx
                waiting[y + dy, start : start + width] += (error[::-1] if back else error) * share
    return out


def _row(row: list[float], first: float, second: float, top: int) -> tuple[list[int], list[float]]:
    """Levels and errors of one row; `first` and `second` of an error go to the next two pixels."""
    levels, errors = [], []
    carry = later = 0.0
    for value in row:
        value += carry
        level = int(value + 0.5) if value > 0 else 0
        if level > top:
            level = top
        error = value - level
        levels.append(level)
        errors.append(error)
        carry = later + error * first
        later = error * second
    return levels, errors
