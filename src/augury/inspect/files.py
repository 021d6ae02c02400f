"""Images to files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from augury.errors import SampleError
from augury.inspect.panels import as_array, viewable


def write_image(path: Path, image: Any) -> None:
    """Write an array or tensor; what no image file can hold is brought to a viewable range, unless the file is .npy."""
    if path.suffix == ".npy":
        np.save(path, as_array(image))
        return
    pixels = as_array(image)
    exact = isinstance(image, np.ndarray) and pixels.dtype in (np.uint8, np.uint16)
    if not exact or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4)):
        pixels, notes = viewable(image)
        notes = notes or [f"{as_array(image).dtype} as bytes"]
        print(f"augury: {path}: {'; '.join(notes)}; write .npy to keep every value", file=sys.stderr)
    if pixels.ndim == 3 and pixels.shape[2] > 1:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR if pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA)
    try:
        done, data = cv2.imencode(path.suffix or ".png", pixels)
    except cv2.error:
        done = False
    if not done:
        raise SampleError(f"{path}: OpenCV cannot write {pixels.dtype} pixels to such a file; use .png or .npy")
    path.write_bytes(data.tobytes())
