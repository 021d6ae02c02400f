"""What every intensity kernel must do, whatever it computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from augury.sample import Array
from tests.kernels.cpu.images import layouts

Kernel = Callable[[Array, Any], Any]


def well_behaved(kernel: Kernel, source: Array, op: Any) -> Array:
    """Run the kernel on every memory layout: same bits, fresh contiguous output, input unchanged."""
    before = source.copy()
    out = np.asarray(kernel(source, op))
    assert np.array_equal(source, before)
    assert out.flags.c_contiguous
    assert out.flags.writeable
    assert not np.shares_memory(out, source)
    kept = out.copy()
    for name, variant in layouts(source):
        again = np.asarray(kernel(variant, op))
        assert again.dtype == out.dtype, name
        assert np.array_equal(again, out), name
        assert again.flags.c_contiguous, name
        assert not np.shares_memory(again, variant), name
    assert np.array_equal(out, kept), "a later call wrote into an earlier result"
    return out


def commutes_with_crop(kernel: Kernel, source: Array, op: Any) -> None:
    """A pixel's result depends on the pixel only."""
    whole = np.asarray(kernel(source, op))
    for top, left, bottom, right in ((0, 0, 1, 1), (3, 5, 20, 28), (1, 0, 37, 13), (30, 7, 36, 24)):
        part = np.asarray(kernel(np.ascontiguousarray(source[top:bottom, left:right]), op))
        assert np.array_equal(part, whole[top:bottom, left:right])


def close(out: Array, expected: Array, dtype: str, bytes_off: float = 0.500001, float_off: float = 2e-6) -> None:
    """Integers within half a step of the float64 reference (or `bytes_off` steps), floats within `float_off`."""
    assert out.shape == expected.shape
    assert out.dtype == dtype
    off = np.abs(out.astype(np.float64) - expected).max()
    assert off <= (float_off if dtype == "float32" else bytes_off)
