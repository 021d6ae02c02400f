"""Each value alone (curves), or each pixel's channels alone."""

from typing import Any, NamedTuple, TypeAlias

from augury.ops.values import Coefficients


class Linear(NamedTuple):
    """value * scale + shift, one number for all channels or one per channel."""

    scale: Coefficients = (1.0,)
    shift: Coefficients = (0.0,)


class Gamma(NamedTuple):
    """value ** exponent."""

    exponent: float


class Invert(NamedTuple):
    """1 - value."""


class Solarize(NamedTuple):
    """1 - value where value >= threshold."""

    threshold: float


class Posterize(NamedTuple):
    """Keep the highest `bits` of an 8-bit value, one number for all channels or one per channel."""

    bits: tuple[int, ...]


class Tone(NamedTuple):
    """Cubic Bezier tone curve from (0, 0) to (1, 1) whose control points have heights low and high, each one number
    or one per channel.
    """

    low: Coefficients
    high: Coefficients


class Curves(NamedTuple):
    """Several curves, first to last; made by a rule."""

    parts: tuple[Any, ...]


class ByteTable(NamedTuple):
    """Look values, as 8 bits, up in tables of 256 bytes: one for all channels, one per channel, or the luma of YCrCb
    alone.

    Equalising under a mask draws the tables; no chain of ops repeats that without keeping the mask.
    """

    tables: tuple[bytes, ...]
    luma: bool = False


class ColorMatrix(NamedTuple):
    """Multiply each pixel's channels by a matrix, rows are output channels; `shift` is added."""

    rows: tuple[Coefficients, ...]
    shift: Coefficients = (0.0, 0.0, 0.0)


class HueSaturation(NamedTuple):
    """Shift hue (degrees), saturation and value (fractions) in HSV; gray pixels stay gray. RGB images only."""

    hue: float
    saturation: float = 0.0
    value: float = 0.0


class ShuffleChannels(NamedTuple):
    """Output channel i is input channel order[i]."""

    order: tuple[int, ...]


class FillChannels(NamedTuple):
    """Set whole channels to `fill`."""

    channels: tuple[int, ...]
    fill: float = 0.0


class Gray(NamedTuple):
    """One gray value per pixel, repeated over `channels`: weighted_average, average, desaturation, max or from_lab."""

    method: str = "weighted_average"
    channels: int = 3


class ColorRamp(NamedTuple):
    """The colour that stands at each pixel's luma between `stops` (ascending, from 0 to 1), one colour of C fractions
    per stop, straight lines between them.
    """

    stops: Coefficients
    colors: tuple[Coefficients, ...]


class Bleach(NamedTuple):
    """Multiply the lightness (of HLS) of pixels darker than `threshold` by `factor`; hue and saturation stay."""

    threshold: float
    factor: float


class Normalize(NamedTuple):
    """(value - mean * max_value) / (std * max_value) as float32, then clipped to `clip`; value in the image's own
    range.
    """

    mean: Coefficients
    std: Coefficients
    max_value: float
    clip: tuple[float, float] | None = None


class ToFloat(NamedTuple):
    """value / max_value as float32."""

    max_value: float


class FromFloat(NamedTuple):
    """round(value * max_value), clipped, as `dtype`."""

    dtype: str
    max_value: float


Curve: TypeAlias = Linear | Gamma | Invert | Solarize | Posterize | Tone | Curves
Pixel: TypeAlias = (
    ByteTable
    | ColorMatrix
    | HueSaturation
    | ShuffleChannels
    | FillChannels
    | Gray
    | ColorRamp
    | Bleach
    | Normalize
    | ToFloat
    | FromFloat
)
