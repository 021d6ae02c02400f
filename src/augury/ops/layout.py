"""Codecs, tensors, parts of an image, and functions."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from augury.ops.pixel import Normalize


class Compress(NamedTuple):
    """Encode and decode as "jpeg" or "webp" at quality 1..100."""

    codec: str
    quality: int


class Downscale(NamedTuple):
    """Shrink by `scale` and enlarge back, with OpenCV interpolation constants."""

    scale: float
    down: int = 0
    up: int = 0


class ToTensor(NamedTuple):
    """HWC array to CHW torch tensor; masks keep their layout unless transpose_mask."""

    transpose_mask: bool = False


class NormalizeToTensor(NamedTuple):
    """Normalize, then ToTensor, written once; made by a rule."""

    normalize: Normalize
    transpose_mask: bool = False


class OnChannels(NamedTuple):
    """Run ops on a copy of some channels of the image and write them back; other targets unchanged."""

    channels: tuple[int, ...]
    ops: tuple[Any, ...]


class OnWindows(NamedTuple):
    """Run ops on windows (x_min, y_min, x_max, y_max; pixels) of the image, in turn; other targets unchanged."""

    parts: tuple[tuple[tuple[int, int, int, int], tuple[Any, ...]], ...]


class Blend(NamedTuple):
    """weight * image + the sum of weights * what chains of ops, which keep its form, make of it; images only."""

    weight: float
    chains: tuple[tuple[float, tuple[Any, ...]], ...]


class Call(NamedTuple):
    """Python functions by target role, each array -> array; for custom transforms. Nothing is known about them."""

    functions: dict[str, Callable[..., Any]]


Codec: TypeAlias = Compress | Downscale
Layout: TypeAlias = ToTensor | NormalizeToTensor
Calls: TypeAlias = OnChannels | OnWindows | Blend | Call
