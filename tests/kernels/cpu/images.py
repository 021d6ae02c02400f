"""Images for the kernel tests: every dtype, channel count and memory layout a kernel must take."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from augury.sample import Array

DTYPES = ("uint8", "uint16", "float32")
CHANNELS = (None, 1, 2, 3, 4, 5)
FULL = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}


def image(dtype: str, channels: int | None, height: int = 37, width: int = 29, seed: int = 0) -> Array:
    """A random image; channels None is (H, W). Sizes are odd so that vector loops have tails."""
    shape = (height, width) if channels is None else (height, width, channels)
    random = np.random.default_rng(seed)
    if dtype == "float32":
        return random.random(shape, np.float32)
    return random.integers(0, int(FULL[dtype]) + 1, shape, dtype)


def layouts(array: Array) -> Iterator[tuple[str, Array]]:
    """The same values in other memory layouts."""
    read_only = array.copy()
    read_only.flags.writeable = False
    yield "read-only", read_only
    yield "rows backwards", array[::-1].copy()[::-1]
    yield "both backwards", array[::-1, ::-1].copy()[::-1, ::-1]
    yield "strided", array.repeat(2, 0).repeat(2, 1)[::2, ::2]
    yield "column order", np.asfortranarray(array)
