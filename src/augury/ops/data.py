"""Deterministic functions of the whole image."""

from typing import NamedTuple, TypeAlias

from augury.ops.values import Coefficients


class Equalize(NamedTuple):
    """Histogram equalisation; mode "cv" or "pil"; each channel, or only the luma of YCrCb."""

    mode: str = "cv"
    by_channels: bool = True


class Clahe(NamedTuple):
    """Contrast-limited adaptive histogram equalisation on the lightness of Lab, or on a gray image."""

    clip_limit: float
    rows: int
    columns: int


class AutoContrast(NamedTuple):
    """Stretch each channel to full range after cutting `cutoff` percent at both ends; `ignore` is a byte value left
    out of the histogram.
    """

    cutoff: float = 0.0
    ignore: int | None = None
    method: str = "cdf"


class Contrast(NamedTuple):
    """value * factor + mean of the gray image * (1 - factor)."""

    factor: float


class LinearByMean(NamedTuple):
    """value * scale + shift * mean of the image; `safe` keeps the result inside the range by lowering the scale and
    shift.
    """

    scale: float
    shift: float
    by_max: bool = False
    safe: bool = False


class MatchMean(NamedTuple):
    """value * gain, the gain that brings the mean of the image to `mean`, limited to [low, high]."""

    mean: float
    low: float = 0.0
    high: float = float("inf")


class Stain(NamedTuple):
    """Mix the optical densities of two stains anew (Ruifrok and Johnston, 2001): stain i times scale[i] plus shift[i].

    stains: two rows of RGB densities; () finds them in the image by `method` ("macenko" or "vahadane").
    background: also change pixels that hold hardly any stain. residual: what the two stains do not explain is dropped
    ("project"), kept ("preserve"), or scaled and shifted like the stains, by the third numbers ("augment").
    """

    stains: tuple[Coefficients, ...]
    scale: Coefficients
    shift: Coefficients
    background: bool = False
    residual: str = "project"
    method: str = "macenko"


class TruncateSpectrum(NamedTuple):
    """Keep the lowest frequencies: this fraction of the spectrum's width and height."""

    fraction: float


class Spikes(NamedTuple):
    """Add `number` plane waves of drawn frequency and phase, amplitudes within [low, high) times the image's mean."""

    key: str
    number: int
    low: float
    high: float
    per_channel: bool = False


class PcaShift(NamedTuple):
    """Add to each pixel the principal colour directions times alphas times eigenvalues (Krizhevsky et al., 2012)."""

    alphas: Coefficients


class GrayPca(NamedTuple):
    """First principal component of the channels, stretched to full range, repeated over `channels`."""

    channels: int = 3


class NormalizeByImage(NamedTuple):
    """Normalise by the image's own statistics as float32: image, image_per_channel, min_max or min_max_per_channel."""

    mode: str
    clip: tuple[float, float] | None = None


Data: TypeAlias = (
    Equalize
    | Clahe
    | AutoContrast
    | Contrast
    | LinearByMean
    | MatchMean
    | Stain
    | TruncateSpectrum
    | Spikes
    | PcaShift
    | GrayPca
    | NormalizeByImage
)
