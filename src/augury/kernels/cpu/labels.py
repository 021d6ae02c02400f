"""Values of masks replaced."""

from __future__ import annotations

import numpy as np

from augury import ops
from augury.errors import SampleError
from augury.kernels.cpu.tone import translate
from augury.sample import Array


def recode(mask: Array, op: ops.Recode) -> Array:
    """A mask of any integer or float dtype with op.pairs of values replaced, all at once; SampleError for a new value
    that its dtype does not hold.
    """
    integer = mask.dtype.kind in "iu"
    low, high = (np.iinfo(mask.dtype).min, np.iinfo(mask.dtype).max) if integer else (-(2**53), 2**53)
    if mask.dtype.kind == "b":
        low, high = 0, 1
    pairs = [(old, new) for old, new in op.pairs if low <= old <= high and old != new]
    for old, new in pairs:
        if not low <= new <= high:
            raise SampleError(
                f"mask: label mapping {old} -> {new} does not fit {mask.dtype}; pass a mask of a wider dtype"
            )
    if not pairs:
        return mask.copy()
    if mask.dtype == np.uint8:
        table = np.arange(256, dtype=np.uint8)
        table[[old for old, _ in pairs]] = [new for _, new in pairs]
        return translate(np.ascontiguousarray(mask), table.tobytes())
    out = mask.copy()
    for old, new in pairs:
        out[mask == old] = new
    return out
