"""What the tests of weather, light and film share: flat images, and runs of one transform."""

from __future__ import annotations

from typing import Any

import numpy as np

import augury as A
from augury.sample import Array


def flat(value: float = 0.5, dtype: str = "float32", height: int = 64, width: int = 64, channels: int = 3) -> Array:
    full = 1.0 if dtype == "float32" else float(np.iinfo(dtype).max)
    return np.full((height, width, channels), value * full, dtype)


def run(name: str, image: Array, key: int = 0, **arguments: Any) -> Array:
    """The image after one transform, as fractions of full range in float64."""
    out: Array = A.Compose([getattr(A, name)(**arguments, p=1)], seed=1)(image=image, key=key)["image"]
    assert out.shape == image.shape and out.dtype == image.dtype
    return out.astype(np.float64) / (1.0 if out.dtype == np.float32 else np.iinfo(out.dtype).max)


def drawn(name: str, keys: int = 200, **arguments: Any) -> list[dict[str, Any]]:
    """Params of a step under many keys."""
    pipeline = A.Compose([getattr(A, name)(**arguments, p=1)], seed=1, save_applied_params=True)
    return [pipeline(image=flat(height=4, width=4), key=k)["applied_transforms"][0][1] for k in range(keys)]
