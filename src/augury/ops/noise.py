"""Random arrays, drawn again from a stream key."""

from typing import NamedTuple, TypeAlias

from augury.ops.values import Coefficients, Fill


class GaussNoise(NamedTuple):
    """Add noise; mean and sigma as fractions of full range; one field for all channels unless per_channel.

    scale: noise is drawn at this fraction of the image's size, in (0, 1], and enlarged linearly.
    distribution: what is multiplied by sigma: "gaussian" (standard), "uniform" in [-1, 1), "laplace" (of scale 1), or
    "beta", whose two exponents are `shape`, stretched over [-1, 1].
    """

    key: str
    mean: float
    sigma: float
    per_channel: bool = True
    scale: float = 1.0
    distribution: str = "gaussian"
    shape: Coefficients = ()


class RicianNoise(NamedTuple):
    """Magnitude of a complex signal whose two parts have Gaussian noise of sigma (fraction of full range)."""

    key: str
    sigma: float
    per_channel: bool = False


class BiasField(NamedTuple):
    """Multiply by exp(a smooth field): Gaussians of `sigma` on a grid of `scale` times the size, enlarged."""

    key: str
    sigma: float
    scale: float
    per_channel: bool = False


class IsoNoise(NamedTuple):
    """Sensor noise: Gaussian hue jitter of color_shift * intensity turns and lightness noise of `intensity`, RGB
    images only.
    """

    key: str
    color_shift: float
    intensity: float


class MultiplyNoise(NamedTuple):
    """value * factor, factors uniform in [low, high): one per image or per pixel (elementwise), shared by channels
    or not.
    """

    key: str
    low: float
    high: float
    per_channel: bool = False
    elementwise: bool = False


class SaltPepper(NamedTuple):
    """Set the fractions `salt` of pixels to full range and `pepper` to 0, all channels together."""

    key: str
    salt: float
    pepper: float


class ShotNoise(NamedTuple):
    """Poisson photon noise in linear light (sRGB approximated by gamma 2.2); `scale` is the reciprocal of the
    photons at full range.
    """

    key: str
    scale: float


class DropPixels(NamedTuple):
    """Set pixels, each with probability `probability`, to `fill`; "random" or None draws values. fill_mask None
    leaves masks alone.
    """

    key: str
    probability: float
    per_channel: bool = False
    fill: float | tuple[float, ...] | str | None = 0
    fill_mask: Fill | None = None


class Grain(NamedTuple):
    """Grain of film, `size` pixels wide: noise of deviation intensity * sqrt(value * (1 - value)), gray."""

    key: str
    intensity: float
    size: int


Noise: TypeAlias = (
    GaussNoise | RicianNoise | BiasField | IsoNoise | MultiplyNoise | SaltPepper | ShotNoise | DropPixels | Grain
)
