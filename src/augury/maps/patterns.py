"""Patterns of an image, which are no maps but drawn as they are: 255 where one is set."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from augury.errors import SampleError


def bits(packed: bytes, rows: int, columns: int, size: tuple[int, int]) -> Any:
    """A packed pattern as (H, W) uint8, 255 where a bit is set."""
    if (rows, columns) != size:
        raise SampleError(f"a pattern of {(rows, columns)} does not fit an image of height and width {size}")
    flat = np.unpackbits(np.frombuffer(packed, np.uint8), count=rows * columns)
    return flat.reshape(size) * np.uint8(255)


def grid_lines(unit: float, width: float, x: float, y: float, angle: float, size: tuple[int, int]) -> Any:
    """Lines of `width` pixels every `unit` pixels as (H, W) uint8, 255 on a line."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    across = (np.arange(size[1], dtype=np.float32) + np.float32(0.5 - size[1] / 2)) / np.float32(unit)
    down = (np.arange(size[0], dtype=np.float32) + np.float32(0.5 - size[0] / 2))[:, None] / np.float32(unit)
    if angle:
        u = across * np.float32(cos) + down * np.float32(sin)
        v = down * np.float32(cos) - across * np.float32(sin)
    else:
        u, v = across, down
    on = []
    for part, start in ((u, x), (v, y)):
        part -= np.float32(start / unit)
        part -= np.floor(part)
        on.append(part < np.float32(width / unit))
    return np.where(on[0] | on[1], np.uint8(255), np.uint8(0))
