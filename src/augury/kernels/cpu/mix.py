"""Donors laid beside or over the sample, and images brought towards another.

Images (H, W) or (H, W, C), any C, uint8, uint16 or float32 in [0, 1]; results are fresh, C-contiguous and of the same
dtype: integers rounded and clipped, floats clipped to [0, 1].
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import stringzilla as sz

from augury import ops
from augury.errors import SampleError, shown
from augury.fields import number
from augury.kernels.cpu import geometry
from augury.kernels.cpu.arrays import FULL, channels_of, clipped, planes, repeated, scratch
from augury.kernels.cpu.blend import from_fractions
from augury.kernels.cpu.color import color_matrix
from augury.kernels.cpu.data import principal
from augury.kernels.cpu.tone import curve
from augury.sample import IMAGE_ROLES, MASK_ROLES, Array

_MOVES: dict[type, Any] = {ops.Crop: geometry.crop, ops.Resize: geometry.resize}
# Levels at which float images are counted.
_LEVELS = 65536


# ---- beside and over ------------------------------------------------------------------------------------


def moved(array: Array, moves: tuple[Any, ...], mask: bool = False) -> Array:
    """An array after ops of geometry."""
    for move in moves:
        array = _MOVES[type(move)](array, move.for_mask() if mask and hasattr(move, "for_mask") else move)
    return array


def grid_of(value: Any) -> tuple[int, int]:
    """`value` as (rows, columns) of a grid; ValueError otherwise."""
    rule = "pass two integers (rows, columns), each from 1 to 6"
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise ValueError(rule)
    rows, columns = (number(n, rule) for n in value)
    if {rows, columns} - set(range(1, 7)):
        raise ValueError(rule)
    return int(rows), int(columns)


def placed(bbox: Any, sig: Any, where: str) -> tuple[int, ...]:
    """A box in fractions of the size as whole pixels, at least one; SampleError if it leaves the image."""
    rule = "pass x_min, y_min, x_max, y_max in fractions of the size, each min below its max"
    try:
        x0, y0, x1, y1 = (number(v, rule) for v in bbox)
    except (TypeError, ValueError):
        raise SampleError(f"{where}: got bbox {shown(bbox)}; {rule}") from None
    if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
        raise SampleError(f"{where}: got bbox {shown(bbox)}; {rule}")
    left, top = min(int(x0 * sig.width), sig.width - 1), min(int(y0 * sig.height), sig.height - 1)
    return left, top, max(int(x1 * sig.width), left + 1), max(int(y1 * sig.height), top + 1)


def window(
    grid: tuple[int, int], cell: tuple[int, int], size: tuple[int, int], across: float, down: float
) -> list[tuple[int, int, int, int]]:
    """What a window of `size` shows of each cell of a grid, in its own pixels, the largest part first.

    across, down: where the window lies, in [0, 1].
    """
    (rows, columns), (tall, wide), (height, width) = grid, cell, size
    left, top = int(across * (columns * wide - width)), int(down * (rows * tall - height))
    parts = []
    for y in range(-top, rows * tall - top, tall):
        for x in range(-left, columns * wide - left, wide):
            x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + wide, width), min(y + tall, height)
            if x0 < x1 and y0 < y1:
                parts.append((x0, y0, x1, y1))
    return sorted(parts, key=lambda box: (box[0] - box[2]) * (box[3] - box[1]))


def fitted(size: tuple[int, ...], height: int, width: int, mode: str) -> tuple[int, int]:
    """The size at which an item covers height x width, or is contained in it."""
    old_height, old_width = size
    if mode == "cover":
        scale = max(height / old_height, width / old_width)
        return max(round(old_height * scale), height), max(round(old_width * scale), width)
    scale = min(height / old_height, width / old_width)
    return min(max(round(old_height * scale), 1), height), min(max(round(old_width * scale), 1), width)


def tile(
    item: Any, scale: tuple[Any, ...], x0: int, y0: int, x1: int, y1: int, height: int, width: int, x: int, y: int
) -> ops.Tile:
    """An item scaled to height x width, whose place (x, y), maybe below 0, lies at the corner of the box x0 ... y1."""
    seen = max(x, 0), max(y, 0), min(x + x1 - x0, width), min(y + y1 - y0, height)
    moves = scale if seen == (0, 0, width, height) else (*scale, ops.Crop(*seen))
    return ops.Tile(item, moves, x0 + max(-x, 0), y0 + max(-y, 0))


def collage(image: Array, op: ops.Collage) -> Array:
    """Tiles on a canvas of op.fill; of an instance mask the sample's own first tile on a canvas of 0."""
    is_mask = op.role in MASK_ROLES
    alone = op.role == "masks"
    shape = (op.height, op.width, *image.shape[2:])
    fills = geometry._fills(0 if alone else op.fill_mask if is_mask else op.fill, channels_of(image))
    out = np.zeros(shape, image.dtype)
    if any(fills):
        out[...] = np.array(fills).astype(image.dtype)
    own = (tile for tile in op.tiles if tile.item is None)
    for tile in [next(own)] if alone else op.tiles:
        source = image if tile.item is None else of_item(tile.item, op.target, op.role)
        if source is not None:
            part = as_kind(moved(source, tile.moves, is_mask), image)
            out[tile.y : tile.y + part.shape[0], tile.x : tile.x + part.shape[1]] = part
    return out


def of_item(item: Any, target: str, role: str) -> Any:
    """The array of an item that goes with a target: under its name, else the item's image or mask; or None."""
    if role in IMAGE_ROLES:
        return item.get(target, item["image"]) if role == "image" else item["image"]
    return item.get(target, item.get("mask")) if role == "mask" else item.get("mask")


def as_kind(part: Array, like: Array) -> Array:
    """A donor's array with the dtype and axes of the sample's; SampleError if that would lose something."""
    if part.ndim != like.ndim and channels_of(part) == channels_of(like) == 1:
        part = part.reshape(*part.shape[:2], *like.shape[2:])
    if part.shape[2:] != like.shape[2:]:
        raise SampleError(f"donor: {shown(part)} has other channels than the sample's {shown(like)}; convert one")
    if part.dtype == like.dtype:
        return part
    out = part.astype(like.dtype)
    if not np.array_equal(out, part):
        raise SampleError(f"donor: {shown(part)} does not fit the sample's {like.dtype}; convert it first")
    return out


def paste(image: Array, op: ops.Paste) -> Array:
    """Patches over the image, one after another; an opaque one is copied."""
    out = image.copy(order="C")
    for patch in op.patches:
        height, width = patch.image.shape[:2]
        window = out[patch.y : patch.y + height, patch.x : patch.x + width]
        part = as_kind(patch.image, out)
        if patch.alpha is None:
            window[...] = part
            continue
        alpha = patch.alpha if out.ndim == 2 else patch.alpha[..., None]
        mixed = (part.astype(np.float32) - window) * alpha + window
        window[...] = mixed if out.itemsize == 4 else np.rint(mixed)
    return out


def paste_mask(mask: Array, op: ops.Paste) -> Array:
    """The values of patches where they cover the mask; an instance mask loses what is covered."""
    out = mask.copy(order="C")
    if op.role == "masks":
        if op.hides:
            out[hidden(op, mask.shape[:2])] = 0
        return out
    for patch in op.patches:
        if patch.mask is None:
            continue
        height, width = patch.image.shape[:2]
        window = out[patch.y : patch.y + height, patch.x : patch.x + width]
        values = np.full((height, width), patch.mask)
        values = as_kind(values, window[..., 0] if window.ndim > 2 else window)
        where = np.ones((height, width), bool) if patch.cover is None else patch.cover
        window[where] = values[where] if out.ndim == 2 else values[where][:, None]
    return out


def object_box(item: Any, where: str) -> tuple[int, int, int, int]:
    """The hull of an item's object, which its mask shows; SampleError if there is none."""
    mask = item.get("mask")
    if not isinstance(mask, np.ndarray) or mask.shape != item["image"].shape[:2] or not mask.any():
        raise SampleError(f"{where}: got mask {shown(mask)}; pass one (H, W) like the item's image, not all 0")
    x, y, width, height = cv2.boundingRect((mask != 0).view(np.uint8))
    return x, y, x + width, y + height


def object_patch(
    item: Any, shape: tuple[int, ...], x0: int, y0: int, x1: int, y1: int, height: int, width: int, x: int, y: int,
    sigma: float,
) -> ops.Patch:  # fmt: skip
    """The object in the box x0 ... y1 of an item, scaled to height x width, at (x, y) of an image of `shape`, cut to
    it; sigma (pixels) softens its edge, to half its opacity.
    """
    seen = max(-x, 0), max(-y, 0), min(shape[1] - x, width), min(shape[0] - y, height)
    way = cv2.INTER_AREA if height < y1 - y0 else cv2.INTER_LINEAR
    moves = (ops.Crop(x0, y0, x1, y1), ops.Resize(height, width, way), ops.Crop(*seen))
    values = moved(item["mask"], moves, mask=True)
    values = values.astype(np.uint8) if values.dtype == bool else values
    cover = values != 0
    alpha = cover.astype(np.float32)
    if sigma:
        soft = cv2.GaussianBlur(alpha, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
        alpha *= np.maximum(soft, np.float32(0.5))
    if "bbox" in item:
        item = {**item, "bboxes": [item["bbox"]]}
    image = moved(item["image"], moves)
    return ops.Patch(max(x, 0), max(y, 0), image, alpha, cover, item.get("mask_id", values), item, moves)


def overlay_patch(item: Any, shape: tuple[int, ...], x0: int, y0: int, x1: int, y1: int) -> ops.Patch:
    """The image of an item scaled to a box of an image, or mask, of `shape`, as opaque as its last channel, if it has
    one more than it needs, and its mask say."""
    image, size = item["image"], (y1 - y0, x1 - x0)
    moves = (ops.Resize(*size, cv2.INTER_AREA),) if image.shape[:2] != size else ()
    image, alpha = moved(image, moves), None
    channels = shape[2] if len(shape) > 2 else 1
    if channels_of(image) != channels and channels_of(image) in (channels + 1, 2, 4):
        alpha = image[..., -1].astype(np.float32) / np.float32(FULL[image.itemsize])
        image = image[..., :-1]
    if item.get("mask") is not None:
        object_box(item, "mask")
        there = moved(item["mask"], moves, mask=True) != 0
        alpha = there.astype(np.float32) if alpha is None else alpha * there
    cover = None if alpha is None else alpha > 0
    image = image.reshape(*size, *shape[2:]) if channels_of(image) == channels else image
    return ops.Patch(x0, y0, image, alpha, cover, item.get("mask_id"))


def hidden(op: ops.Paste, size: tuple[int, int], first: int = 0) -> Array:
    """(H, W) bool, what the patches from number `first` on cover."""
    out = np.zeros(size, bool)
    for patch in op.patches[first:]:
        height, width = patch.image.shape[:2]
        window = out[patch.y : patch.y + height, patch.x : patch.x + width]
        window |= True if patch.cover is None else patch.cover
    return out


def new_instances(frames: Any, op: ops.Collage | ops.Paste) -> list[Array]:
    """The instance masks that donors bring, on the canvas of the result, like the sample's own."""
    like = frames[0] if len(frames) else np.zeros(frames.shape[1:] if frames.ndim > 2 else (1, 1), frames.dtype)
    out: list[Array] = []

    def add(part: Array, x: int, y: int) -> None:
        part = as_kind(part, like)
        canvas = np.zeros((op.height, op.width, *like.shape[2:]), like.dtype)
        canvas[y : y + part.shape[0], x : x + part.shape[1]] = part
        out.append(canvas)

    if isinstance(op, ops.Collage):
        own = next(i for i, tile in enumerate(op.tiles) if tile.item is None)
        for i, tile in enumerate(op.tiles):
            source = frames if tile.item is None else tile.item.get(op.target, tile.item.get("masks", ()))
            for mask in source if i != own else ():
                add(moved(mask, tile.moves, mask=True), tile.x, tile.y)
    elif op.hides:
        for i, patch in enumerate(op.patches):
            above = hidden(op, (op.height, op.width), i + 1)
            add(patch.cover * np.asarray(patch.item["mask"]).max(), patch.x, patch.y)  # type: ignore[index]
            out[-1][above] = 0
    return out


# ---- towards another image --------------------------------------------------------------------------------


def swap_amplitudes(image: Array, op: ops.SwapAmplitudes) -> Array:
    """Amplitudes of the reference, scaled to the image's size, at the lowest frequencies of both axes.

    Frequencies up to floor(beta * the shorter side). Only those are transformed, and what they change is added to the
    image. Source: Yang, Soatto, FDA: Fourier domain adaptation for semantic segmentation, 2020.
    """
    height, width = image.shape[:2]
    most = int(op.beta * min(height, width))
    reference = op.reference
    if reference.shape[:2] != (height, width):
        reference = geometry.resize(reference, ops.Resize(height, width, cv2.INTER_LINEAR))
    out = []
    # One channel at a time, in memory that is kept: fresh pages would cost more than the transforms.
    for plane, other in zip(_planes_of(image), _planes_of(reference), strict=True):
        goal = np.abs(_lowest(_unit(other), most))
        unit = _unit(plane)
        ours = _lowest(unit, most)
        amplitude = np.abs(ours)
        # A frequency that is not in the image has phase 0.
        phase = np.divide(ours, amplitude, out=np.ones_like(ours), where=amplitude > 0)
        change = _from_lowest(phase * (goal - amplitude), most, height, width)
        part = from_fractions(np.add(unit, change, out=change), image)
        out.append(part.copy() if part is change else part)
    return repeated(out, len(out)).reshape(image.shape)


def _unit(plane: Array) -> Array:
    """A plane as float32 fractions, in this thread's scratch unless it is that already."""
    if plane.itemsize == 4:
        return plane
    out = scratch(plane.shape, np.float32, "fda_unit")
    np.copyto(out, plane)
    return np.divide(out, np.float32(FULL[plane.itemsize]), out=out)


def _lowest(unit: Array, most: int) -> Array:
    """Complex (columns, rows): frequencies 0..most of x, as far as there are, and -most..most of y."""
    height, width = unit.shape
    columns = min(most, width // 2) + 1
    # OpenCV packs the spectrum of a real row: Re 0, Re 1, Im 1, Re 2, Im 2 ... and, of even widths, a last Re.
    packed = cv2.dft(unit, dst=scratch(unit.shape, np.float32, "fda_rows"), flags=cv2.DFT_ROWS)
    pairs = np.zeros((height, 2 * columns), np.float32)
    pairs[:, 0] = packed[:, 0]
    rest = packed[:, 1 : 2 * columns - 1]
    pairs[:, 2 : 2 + rest.shape[1]] = rest
    # Only the columns asked for are transformed along y.
    turned = np.ascontiguousarray(pairs.view(np.complex64).T)
    full = cv2.dft(turned.view(np.float32).reshape(columns, height, 2), flags=cv2.DFT_ROWS)
    return full.view(np.complex64).reshape(columns, height)[:, _kept(most, height)]


def _kept(most: int, side: int) -> Array:
    """Indices of frequencies -most..most among `side`, each once."""
    return np.unique(np.arange(-most, most + 1) % side)


def _from_lowest(change: Array, most: int, height: int, width: int) -> Array:
    """(H, W) float32 whose spectrum is `change`, as `_lowest` gives it, and 0 elsewhere."""
    columns = len(change)
    full = np.zeros((columns, height), np.complex64)
    full[:, _kept(most, height)] = change
    flags = cv2.DFT_ROWS | cv2.DFT_INVERSE | cv2.DFT_SCALE
    back = cv2.dft(full.view(np.float32).reshape(columns, height, 2), flags=flags)
    pairs = np.ascontiguousarray(back.view(np.complex64).reshape(columns, height).T).view(np.float32)
    packed = scratch((height, width), np.float32, "fda_rows")
    packed[:] = 0
    packed[:, 0] = pairs[:, 0]
    until = min(2 * columns - 1, width)
    packed[:, 1:until] = pairs[:, 2 : until + 1]
    room = scratch((height, width), np.float32, "fda_back")
    return cv2.dft(packed, dst=room, flags=flags | cv2.DFT_REAL_OUTPUT).reshape(height, width)


def match_histogram(image: Array, op: ops.MatchHistogram) -> Array:
    """Each value becomes the reference's at the same quantile, channel by channel, op.blend of the way.

    Float images are counted at 65,536 levels. Quantiles lie between values as in scikit-image's match_histograms.
    """
    out = []
    for plane, other in zip(_planes_of(image), _planes_of(op.reference), strict=True):
        levels, size = _levels(plane)
        values, counts = _counted(levels, size)
        goals, weights = _counted(*_levels(other))
        quantiles = np.cumsum(counts) / plane.size
        matched = np.interp(quantiles, np.cumsum(weights) / other.size, goals.astype(np.float64))
        table = np.zeros(size)
        if image.itemsize == 4:
            table[values] = matched / (_LEVELS - 1)
            there = table.astype(np.float32).take(levels)
            out.append(clipped(plane + np.float32(op.blend) * (there - plane)))
            continue
        table[values] = values + op.blend * (matched - values)
        exact = np.rint(table).astype(image.dtype)
        out.append(_looked_up(plane, exact))
    return repeated(out, len(out)).reshape(image.shape)


def _planes_of(image: Array) -> list[Array]:
    """The channels as contiguous (H, W) arrays."""
    if channels_of(image) == 1:
        return [np.ascontiguousarray(image).reshape(image.shape[:2])]
    return [part.copy() for part in planes(image)]


def _levels(plane: Array) -> tuple[Array, int]:
    """A plane as levels to count, and how many there are."""
    if plane.itemsize == 4:
        return np.rint(plane.clip(0, 1) * np.float32(_LEVELS - 1)).astype(np.uint16), _LEVELS
    return plane, 256 if plane.itemsize == 1 else _LEVELS


def _counted(levels: Array, size: int) -> tuple[Array, Array]:
    """The levels that occur, and how often."""
    counts = cv2.calcHist([levels], [0], None, [size], [0, size]).ravel()
    values = np.flatnonzero(counts)
    return values, counts[values].astype(np.float64)


def _looked_up(plane: Array, table: Array) -> Array:
    if plane.itemsize == 2:
        return table.take(plane)
    out = np.empty_like(plane)
    sz.translate(plane.reshape(-1).data, table.tobytes(), out=out.reshape(-1).data)
    return out


def match_pixels(image: Array, op: ops.MatchPixels) -> Array:
    """value + blend * (adapted - value), where adapted is an affine function of the pixel's channels.

    "pca": coordinates along the image's principal axes are read along the reference's, each pointing the nearer way.
    "standard" and "minmax": each channel gets the reference's mean and deviation, or lowest and highest value; one that
    is constant is only shifted.
    """
    image, reference = np.ascontiguousarray(image), np.ascontiguousarray(op.reference)
    channels, keep, full = channels_of(image), 1 - op.blend, FULL[image.itemsize]
    if op.method == "pca":
        ours, theirs = principal(image)[1], principal(reference)[1]
        turns = np.where((ours * theirs).sum(axis=0) < 0, -1.0, 1.0)
        matrix = keep * np.eye(channels) + op.blend * (theirs * turns) @ ours.T
        means = [np.array([cv2.mean(part)[0] / full for part in _planes_of(one)]) for one in (image, reference)]
        shift = keep * means[0] + op.blend * means[1] - matrix @ means[0]
        if channels > 1:
            return color_matrix(image, ops.ColorMatrix(tuple(map(tuple, matrix.tolist())), tuple(shift.tolist())))
        return curve(image, ops.Linear((float(matrix[0, 0]),), (float(shift[0]),)))
    scales, shifts = [], []
    for ours, theirs in zip(_planes_of(image), _planes_of(reference), strict=True):
        (low, wide), (goal, goal_wide) = _spread(ours, op.method), _spread(theirs, op.method)
        scale = goal_wide / (wide or 1.0)
        scales.append(keep + op.blend * scale)
        shifts.append(op.blend * (goal - low * scale) / full)
    return curve(image, ops.Linear(tuple(scales), tuple(shifts)))


def _spread(plane: Array, method: str) -> tuple[float, float]:
    """Where the values of a plane begin, and how wide they spread; 1 of a constant one."""
    if method == "minmax":
        low, high, _, _ = cv2.minMaxLoc(plane)
        return low, (high - low) or 1.0
    mean, deviation = cv2.meanStdDev(plane)
    return float(mean[0, 0]), float(deviation[0, 0]) or 1.0
