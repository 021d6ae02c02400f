"""Operations that first look at the whole image: histograms, means, principal colours.

Images (H, W) or (H, W, C), uint8 or float32 in [0, 1]; outputs are fresh and C-contiguous. The histogram methods
(equalize, clahe, auto_contrast) are 8-bit by nature: float32 goes through round(255 * value). The others work in the
image's own precision, uint16 included. Sums of bytes are exact, sums of floats are float64; none goes through BLAS,
whose result may depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numkong as nk
import numpy as np

from augury import ops
from augury.errors import SampleError
from augury.kernels.cpu.arrays import (
    FULL,
    affine,
    channels_of,
    merged,
    planes,
    refuse_channels,
    refuse_dtype,
    to_bytes,
    to_fractions,
)
from augury.kernels.cpu.tone import curve, translate, translate_channels
from augury.sample import Array

_EPSILON = 1e-4
_VALUES = np.arange(256.0)
# So many products of two bytes fit the 32 bits in which numkong adds them.
_EXACT = 1 << 16


def _by_bytes(name: str, image: Array, method: Callable[[Array], Array]) -> Array:
    """Run an 8-bit method on uint8, or on float32 through 8 bits."""
    if image.itemsize == 2:
        raise refuse_dtype(name, image)
    if image.itemsize == 4:
        return to_fractions(method(to_bytes(image)))
    return method(np.ascontiguousarray(image))


def _each_plane(image: Array, method: Callable[[Array], Array]) -> Array:
    """Run a method of (H, W) on every channel."""
    if channels_of(image) == 1:
        return method(image.reshape(image.shape[:2])).reshape(image.shape)
    return merged([method(part) for part in planes(image)])


def _histogram(plane: Array) -> Array:
    """Counts of the 256 byte values, float64 (exact)."""
    return cv2.calcHist([plane], [0], None, [256], [0, 256]).ravel().astype(np.float64)


def equalize(image: Array, op: ops.Equalize) -> Array:
    """Histogram equalisation of each channel, or of the luma of YCrCb (RGB only).

    cv: OpenCV's equalizeHist; pil: the table of Pillow's ImageOps.equalize.
    """
    methods: dict[str, Callable[[Array], Array]] = {"cv": cv2.equalizeHist, "pil": _equalize_pil}
    method = methods.get(op.mode)
    if method is None:
        raise SampleError(f"Equalize: got mode {op.mode!r}; use 'cv' or 'pil'")
    channels = channels_of(image)
    if op.by_channels or channels == 1:
        return _by_bytes("Equalize", image, lambda part: _each_plane(part, method))
    if channels != 3:
        raise refuse_channels("Equalize (by_channels=False)", image, "1 or 3 (RGB); by_channels=True takes any")
    return _by_bytes("Equalize", image, lambda part: _on_first(part, cv2.COLOR_RGB2YCrCb, cv2.COLOR_YCrCb2RGB, method))


def _on_first(image: Array, there: int, back: int, method: Callable[[Array], Array]) -> Array:
    """Run a method on the first plane of another colour space."""
    converted = cv2.cvtColor(image, there)
    cv2.insertChannel(method(cv2.extractChannel(converted, 0)), converted, 0)
    return cv2.cvtColor(converted, back)


def _equalize_pil(plane: Array) -> Array:
    return translate(plane, equalizing_table(_histogram(plane), "pil"))


def equalizing_table(counts: Array, mode: str) -> bytes:
    """The byte table that equalises an image with these 256 counts, by OpenCV's ("cv") or Pillow's ("pil") formula.

    A histogram of fewer than two values leaves bytes as they are.
    """
    counts = counts.astype(np.int64)
    used = np.flatnonzero(counts)
    below = np.cumsum(counts)
    if len(used) < 2:
        return bytes(range(256))
    if mode == "cv":
        first = int(counts[used[0]])
        return bytes(np.rint((below - first).clip(0) * (255.0 / (below[-1] - first))).astype(np.uint8))
    step = int(below[-1] - counts[used[-1]]) // 255
    if not step:
        return bytes(range(256))
    return bytes(np.minimum((step // 2 + below - counts) // step, 255).astype(np.uint8))


def masked_histograms(image: Array, mask: Array, luma: bool) -> Array:
    """(channels, 256) counts of byte values where `mask`, (H, W) or one per channel, is not 0.

    luma: (1, 256), of YCrCb's luma if the image has three channels.
    """
    if image.itemsize == 2:
        raise refuse_dtype("Equalize", image)
    if image.itemsize == 4:
        image = to_bytes(image)
    if luma and channels_of(image) == 3:
        parts: Sequence[Array] = [cv2.extractChannel(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2YCrCb), 0)]
    else:
        parts = planes(image) if image.ndim == 3 else [image]
    chosen = np.ascontiguousarray(mask != 0).view(np.uint8)
    masks = [chosen] * len(parts)
    if mask.ndim == 3:
        masks = [np.ascontiguousarray(chosen[:, :, i]) for i in range(len(parts))]
    counts = [cv2.calcHist([part], [0], some, [256], [0, 256]) for part, some in zip(parts, masks, strict=True)]
    return np.stack([count.ravel() for count in counts]).astype(np.int64)


def byte_table(image: Array, op: ops.ByteTable) -> Array:
    """Bytes through op.tables: one for all channels, one per channel, or (luma) one for the luma of YCrCb."""
    channels = channels_of(image)
    if len(op.tables) not in (1, channels):
        raise refuse_channels("ByteTable", image, f"{len(op.tables)} channels")
    if op.luma and channels == 3:
        return _by_bytes(
            "ByteTable",
            image,
            lambda part: _on_first(
                part, cv2.COLOR_RGB2YCrCb, cv2.COLOR_YCrCb2RGB, lambda plane: translate(plane, op.tables[0])
            ),
        )
    if len(op.tables) == 1:
        return _by_bytes("ByteTable", image, lambda part: translate(part, op.tables[0]))
    return _by_bytes("ByteTable", image, lambda part: translate_channels(part, op.tables))


def clahe(image: Array, op: ops.Clahe) -> Array:
    """Contrast-limited adaptive equalisation in rows x columns tiles: of gray, or of the lightness of Lab (RGB)."""
    channels = channels_of(image)
    if channels not in (1, 3):
        raise refuse_channels("Clahe", image, "1 or 3 (RGB)")
    method = cv2.createCLAHE(clipLimit=op.clip_limit, tileGridSize=(op.columns, op.rows)).apply
    if channels == 1:
        return _by_bytes("Clahe", image, lambda part: _each_plane(part, method))
    return _by_bytes("Clahe", image, lambda part: _on_first(part, cv2.COLOR_RGB2LAB, cv2.COLOR_LAB2RGB, method))


def auto_contrast(image: Array, op: ops.AutoContrast) -> Array:
    """Stretch each channel to full range between its `cutoff` and 100 - `cutoff` percentiles.

    pil: linear between the bounds; cdf: along the cumulative histogram between them. Values equal to `ignore` are not
    counted and stay as they are. A channel with fewer than two values inside the bounds is left alone.
    """
    if op.method not in ("cdf", "pil"):
        raise SampleError(f"AutoContrast: got method {op.method!r}; use 'cdf' or 'pil'")

    def stretch(part: Array) -> Array:
        if channels_of(part) == 1:
            return translate(part, _stretched([part.reshape(part.shape[:2])], op)[0])
        return translate_channels(part, _stretched(planes(part), op))

    return _by_bytes("AutoContrast", image, stretch)


def _stretched(parts: Sequence[Array], op: ops.AutoContrast) -> tuple[bytes, ...]:
    """The byte tables of auto_contrast, one per channel."""
    counts = np.stack([_histogram(part) for part in parts])
    if op.ignore is not None:
        counts[:, op.ignore] = 0
    total = counts.cumsum(axis=1)
    cut = total[:, -1:] * op.cutoff // 100.0
    inside = (total > cut) & (total - counts < total[:, -1:] - cut)
    rows = np.arange(len(parts))
    low, high = inside.argmax(axis=1), 255 - inside[:, ::-1].argmax(axis=1)
    curves = np.broadcast_to(_VALUES, counts.shape) if op.method == "pil" else total
    start = curves[rows, low][:, None]
    reach = curves[rows, high][:, None] - start
    reach[(low >= high) | ~inside.any(axis=1)] = 0.0
    left = reach <= 0.0
    out = (curves - start) * (255.0 / np.where(left, 1.0, reach))
    np.rint(out, out=out)
    out.clip(0.0, 255.0, out=out)
    np.copyto(out, _VALUES, where=left)
    if op.ignore is not None:
        out[:, op.ignore] = op.ignore
    return tuple(row.tobytes() for row in out.astype(np.uint8))


def _mean(image: Array) -> float:
    """Mean of all values of a C-contiguous image, in its range."""
    if image.itemsize == 1:
        return float(nk.sum(image.reshape(-1))) / image.size
    return cv2.mean(image.reshape(image.shape[0], -1))[0]


def contrast(image: Array, op: ops.Contrast) -> Array:
    """value * factor + mean * (1 - factor); mean of the luma 0.299 R + 0.587 G + 0.114 B (of all values if not RGB)."""
    image = np.ascontiguousarray(image)
    if channels_of(image) == 3:
        red, green, blue, _ = cv2.mean(image)
        mean = 0.299 * red + 0.587 * green + 0.114 * blue
    else:
        mean = _mean(image)
    shift = mean * (1.0 - op.factor) / FULL[image.itemsize]
    return curve(image, ops.Linear((op.factor,), (shift,)))


def linear_by_mean(image: Array, op: ops.LinearByMean) -> Array:
    """value * scale + shift * mean of the image (by_max: shift * full range).

    safe: the shift is limited to [0, full range], then the scale so that full range stays inside.
    """
    image = np.ascontiguousarray(image)
    shift = op.shift if op.by_max else op.shift * _mean(image) / FULL[image.itemsize]
    scale = op.scale
    if op.safe:
        shift = min(max(shift, 0.0), 1.0)
        scale = min(scale, 1.0 - shift)
    return curve(image, ops.Linear((scale,), (shift,)))


def match_mean(image: Array, op: ops.MatchMean) -> Array:
    """value * op.mean / mean of the image, the factor limited to [low, high]; black images stay black."""
    image = np.ascontiguousarray(image)
    mean = _mean(image) / FULL[image.itemsize]
    gain = min(max(op.mean / mean if mean > 0 else 1.0, op.low), op.high)
    return curve(image, ops.Linear((gain,), (0.0,)))


def _covariance(image: Array) -> Array:
    """(C, C) float64 covariance (divided by the number of pixels) of the channels, as fractions of full range."""
    parts = planes(image) if channels_of(image) > 1 else [image.reshape(image.shape[:2])]
    count, full = parts[0].size, FULL[image.itemsize]
    means = [cv2.mean(part)[0] / full for part in parts]
    if image.itemsize == 2:
        parts = [part.astype(np.float32) for part in parts]
    flat = [part.reshape(-1) for part in parts]
    out = np.empty((len(parts), len(parts)))
    for i, first in enumerate(flat):
        for j, second in enumerate(flat[: i + 1]):
            out[i, j] = out[j, i] = _product(first, second) / (count * full * full) - means[i] * means[j]
    return out


def _product(first: Array, second: Array) -> float:
    """Sum of products of two planes: exact for bytes, added in float64 for float32."""
    if first.size <= _EXACT or first.itemsize == 4:
        return _dot(first, second)
    return sum(_dot(first[at : at + _EXACT], second[at : at + _EXACT]) for at in range(0, first.size, _EXACT))


def _dot(first: Array, second: Array) -> float:
    return float(nk.dot(first, second))  # type: ignore[arg-type]


def principal(image: Array) -> tuple[Array, Array]:
    """Eigenvalues, largest first, and unit eigenvectors in columns, each with a positive largest component."""
    _, values, rows = cv2.eigen(_covariance(image))
    vectors = rows.T
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(len(values))]
    return values.ravel().clip(0.0), vectors * np.where(largest < 0, -1.0, 1.0)


def pca_shift(image: Array, op: ops.PcaShift) -> Array:
    """Add principal colour directions times alphas times eigenvalues of the colour covariance, in fractions.

    One alpha per channel; the directions point where their largest component grows.
    Source: Krizhevsky, Sutskever, Hinton, 2012, section 4.1.
    """
    image = np.ascontiguousarray(image)
    channels = channels_of(image)
    if len(op.alphas) < channels:
        raise SampleError(
            f"PcaShift: got {len(op.alphas)} alphas for an image with {channels} channel(s); pass one alpha per channel"
        )
    values, vectors = principal(image)
    shift = (vectors * (values * op.alphas[:channels])).sum(axis=1)
    return curve(image, ops.Linear((1.0,), tuple(shift.tolist())))


def gray_pca(image: Array, op: ops.GrayPca) -> Array:
    """First principal component of the channels, stretched to full range and repeated over op.channels.

    The component points to brighter colours (its weights sum to a positive number); a constant image becomes 0.
    """
    image = np.ascontiguousarray(image)
    full = FULL[image.itemsize]
    if channels_of(image) == 1:
        level: Array = image.reshape(image.shape[:2]).astype(np.float32)
    else:
        direction = principal(image)[1][:, 0]
        direction = direction if direction.sum() >= 0 else -direction
        level = cv2.transform(image.astype(np.float32), direction[None])
    low, high, _, _ = cv2.minMaxLoc(level)
    level -= np.float32(low)
    level *= np.float32(full / (high - low) if high > low else 0.0)
    if image.itemsize != 4:
        level = np.rint(level, out=level).astype(image.dtype)
    return level[:, :, None] if op.channels == 1 else cv2.merge([level] * op.channels)


def normalize_by_image(image: Array, op: ops.NormalizeByImage) -> Array:
    """Normalise by the image's own statistics, in its own range, as float32, then clip to op.clip.

    image, image_per_channel: (value - mean) / (std + 1e-4);
    min_max, min_max_per_channel: (value - min) / (max - min + 1e-4).
    """
    image = np.ascontiguousarray(image)
    if op.mode not in ("image", "image_per_channel", "min_max", "min_max_per_channel"):
        raise SampleError(
            f"NormalizeByImage: got mode {op.mode!r}; use image, image_per_channel, min_max or min_max_per_channel"
        )
    method = _standardized if op.mode.startswith("image") else _ranged
    if op.mode.endswith("per_channel") and channels_of(image) > 1:
        out = merged([method(part) for part in planes(image)])
    else:
        out = method(image.reshape(image.shape[0], -1)).reshape(image.shape)
    return out if op.clip is None else out.clip(*op.clip, out=out)


def _standardized(rows: Array) -> Array:
    mean, deviation = cv2.meanStdDev(rows)
    return _scaled(rows, 1.0 / (float(deviation[0, 0]) + _EPSILON), float(mean[0, 0]))


def _ranged(rows: Array) -> Array:
    low, high, _, _ = cv2.minMaxLoc(rows)
    return _scaled(rows, 1.0 / (high - low + _EPSILON), low)


def _scaled(rows: Array, scale: float, origin: float) -> Array:
    """(value - origin) * scale as float32."""
    out = rows.astype(np.float32)
    flat = out.reshape(-1)
    affine(flat, scale, -origin * scale, flat)
    return out
