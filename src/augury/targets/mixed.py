"""Labels where samples are mixed: those of donors are added, those that are covered go."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from augury import ops
from augury.errors import SampleError, shown
from augury.kernels.cpu.mix import hidden

if TYPE_CHECKING:
    from augury.targets.labels import Track


def collage(track: Track, path: str, op: ops.Collage, height: int, width: int) -> None:
    """The labels of all tiles, each kept within its tile; the sample's own come first, then the others in order."""
    values, rows = track.values, track.rows
    sample = track.values, np.arange(len(rows))
    track.values, track.rows = values[:0], rows[:0]
    own = next(tile for tile in op.tiles if tile.item is None)
    for tile in (own, *(tile for tile in op.tiles if tile is not own)):
        if tile.item is None:
            found, at, size = (sample[0], rows, (height, width))
        else:
            found, at, size = _join(track, path, tile.item)
        found, at = _within(track, path, found, at, tile, size)
        track.values, track.rows = np.concatenate([track.values, found]), np.concatenate([track.rows, at])


def paste(track: Track, path: str, op: ops.Paste, height: int, width: int) -> None:
    """The labels of which enough is left to see, and those of the patches; a box without a donor's is its outline."""
    if not op.hides:
        return
    found = [(track.values, track.rows)]
    for patch in op.patches:
        item = patch.item or {}
        if track.name in item:
            values, rows, size = _join(track, path, item)
            found.append(_within(track, path, values, rows, patch, size))
        elif track.name == "bboxes":
            empty = np.zeros(track.codec.GIVEN).tolist()
            row = empty if not len(track.value) or isinstance(track.value[0], list) else tuple(empty)
            found.append((_outline(patch, track.values.shape[1]), _joined(track, item, [row], f"{path}: donor")))
        else:
            found.append((track.values[:0], track.rows[:0]))
    kept = []
    for i, (values, rows) in enumerate(found):
        seen = _seen(track, values, hidden(op, (height, width), i), op.min_visible)
        if track.events is not None:
            track.events += [(path, int(row), "removed", "covered", None, op.min_visible) for row in rows[~seen]]
        kept.append((values[seen], rows[seen]))
    track.values, track.rows = (np.concatenate(part) for part in zip(*kept, strict=True))


def _outline(patch: ops.Patch, columns: int) -> Any:
    """The hull of what a patch covers as one box, not turned and all seen where boxes say that too."""
    down, across = np.flatnonzero(patch.cover.any(axis=1)), np.flatnonzero(patch.cover.any(axis=0))
    x, y = patch.x, patch.y
    box = [x + across[0], y + down[0], x + across[-1] + 1, y + down[-1] + 1]
    return np.array([[*box, 0.0, 1.0][:columns]], np.float64)


def _seen(track: Track, values: Any, covered: Any, least: float) -> Any:
    """Which boxes show at least a part `least` of their pixels, and more than none; which keypoints are not covered."""
    height, width = covered.shape
    seen = np.ones(len(values), bool)
    if track.role == "keypoints":
        for i, (x, y) in enumerate(values[:, :2].tolist() if track.params.remove_invisible else ()):
            seen[i] = not (0 <= x < width and 0 <= y < height and covered[int(y), int(x)])
        return seen
    hulls = values if values.shape[1] == 4 else track.codec.hulls(values)
    for i, (x0, y0, x1, y1) in enumerate(hulls.tolist()):
        part = covered[max(math.floor(y0), 0) : math.ceil(y1), max(math.floor(x0), 0) : math.ceil(x1)]
        seen[i] = not part.size or (not part.all() and 1 - part.mean() >= least)
    return seen


def _within(track: Track, path: str, values: Any, rows: Any, tile: Any, size: tuple[int, int]) -> tuple[Any, Any]:
    """Labels after the moves of a tile or patch, cut to it and shifted to its place."""
    for move in tile.moves:
        values = track.codec.follow(values, move, *size)
        size = move.size(*size)
    kept, values, events = track.codec.filter(values, track.params, *size, explain=track.events is not None)
    if track.events is not None:
        track.events += [(path, int(rows[at]), *event) for at, *event in events]
    place = ops.Pad(tile.y, 0, tile.x, 0)
    return track.codec.follow(values, place, *size), rows[kept]


def _join(track: Track, path: str, item: Mapping[str, Any]) -> tuple[Any, Any, tuple[int, int]]:
    """A donor's labels in pixels, their rows in the track's list, which they join, and the size they are in."""
    where = f"{path}: donor {shown(item.get('id', ''))}: {track.name}"
    size = item["image"].shape[:2]
    value = item.get(track.name)
    if value is None:
        return track.values[:0], track.rows[:0], size
    values, rows = track.codec.read(value, track.params, *size, where)
    return values, _joined(track, item, value, where)[rows], size


def _joined(track: Track, item: Mapping[str, Any], value: Any, where: str) -> Any:
    """Rows that a donor's labels have in the track's list once they, and their entries of label fields, joined it."""
    for field in track.params.label_fields or () if track.name == track.role else ():
        entries = item.get(field, ())
        if isinstance(entries, (str, bytes)) or not hasattr(entries, "__len__"):
            entries = (entries,)
        if len(entries) != len(value):
            raise SampleError(
                f"{where}: {len(value)} labels with {len(entries)} entries of {field!r}; give one per label"
            )
        # What mirrored the sample did not mirror the donor: the renaming at the end is taken back first.
        back = {new: old for old, new in ((track.renamed or {}).get(field) or {}).items()}
        entries = [back.get(one, one) for one in entries] if back else entries
        track.added[field] = [*track.added.get(field, ()), *entries]
    first = len(track.value)
    track.value = join(track.value, value, where)
    return np.arange(first, first + len(value))


def join(entries: Any, more: Any, where: str = "label field") -> Any:
    """A list, tuple, array or tensor with more entries, in its own kind of container."""
    if not len(more):
        return entries
    if isinstance(entries, np.ndarray):
        added = np.asarray(more)
        if len(entries) and entries.dtype.kind in "iuf" and added.dtype.kind in "iuf":
            same = added.astype(entries.dtype)
            added = same if entries.dtype.kind == "f" or np.array_equal(same, added) else added
        try:
            return np.concatenate([entries, added]) if len(entries) else added
        except ValueError:
            raise SampleError(
                f"{where}: {shown(more)} does not go with {shown(entries)}; give rows with as many columns"
            ) from None
    if hasattr(entries, "new_tensor"):
        import torch

        return torch.cat([entries, entries.new_tensor(list(more))])
    joined = [*entries, *(more.tolist() if isinstance(more, np.ndarray) else more)]
    return joined if isinstance(entries, list) else type(entries)(joined)
