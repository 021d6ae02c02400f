"""Digests of targets, small enough for a record, that tell whether and roughly by how much two targets differ."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import numpy as np

CELLS = 4


def digest_of(value: Any) -> dict[str, Any]:
    """A 64-bit digest of a target's shape, dtype and bytes, and a sketch: means of 4 x 4 cells, or of columns."""
    array = np.ascontiguousarray(value.numpy() if hasattr(value, "numpy") else np.asarray(value))
    hashed = blake2b(f"{array.shape}{array.dtype}".encode(), digest_size=8)
    hashed.update(array.data if array.size else b"")
    return {"digest": hashed.hexdigest(), "sketch": [float(f"{v:.6g}") for v in _sketch(array)]}


def _sketch(array: Any) -> list[float]:
    if array.dtype.kind not in "buif" or not array.size:
        return []
    numbers = array.astype(np.float64)
    if numbers.ndim < 2 or numbers.shape[0] < CELLS or numbers.shape[1] < CELLS:
        return [float(numbers.mean())]
    rows = np.array_split(numbers, CELLS, axis=0)
    return [float(cell.mean()) for row in rows for cell in np.array_split(row, CELLS, axis=1)]


def distance(a: Mapping[str, Any], b: Mapping[str, Any]) -> float | None:
    """Largest difference between two sketches, a lower bound of the largest difference of values; None if not
    comparable.
    """
    x, y = a.get("sketch") or [], b.get("sketch") or []
    if not x or len(x) != len(y):
        return None
    return float(max(abs(p - q) for p, q in zip(x, y, strict=True)))
