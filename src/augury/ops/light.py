"""Light and weather, laid over the image; lens, film and print."""

from typing import NamedTuple, TypeAlias

from augury.ops.values import Coefficients


class DepthLayer(NamedTuple):
    """How much fog lies in front of each pixel: 1 - exp(-density * depth); mode "linear" (far at the top), "diagonal"
    (far at the top left) or "radial" (far at the centre)."""

    density: float
    mode: str = "linear"


class PuffLayer(NamedTuple):
    """`number` puffs of fog, Gaussian in optical depth: `depth` at their middle, sigma `radius` of the shorter side."""

    key: str
    number: int
    radius: float
    depth: float


class StreakLayer(NamedTuple):
    """`number` falling drops seen as streaks: length and width (pixels) of the nearest, slant in degrees."""

    key: str
    number: int
    slant: float
    length: int
    width: int


class SnowLayer(NamedTuple):
    """Drifts of snow, heaviest far away (at the top), `amount` in [0, 1]."""

    key: str
    amount: float


class SpatterLayer(NamedTuple):
    """Where smoothed Gaussian noise (mean, std; sigma pixels) exceeds the threshold: "rain" drops or "mud"."""

    key: str
    mean: float
    std: float
    sigma: float
    threshold: float
    mode: str = "rain"


class PolygonLayer(NamedTuple):
    """Star-shaped polygons of `corners` corners inside roi (x_min, y_min, x_max, y_max; fractions), one per opacity."""

    key: str
    roi: tuple[float, float, float, float]
    corners: int
    opacities: Coefficients


class PlasmaLayer(NamedTuple):
    """A cloud of random octaves up to `size` cells, each roughness / (roughness + 2) as strong as the one before."""

    key: str
    size: int
    roughness: float


class VignetteLayer(NamedTuple):
    """Light lost by the cos^4 law of a lens looking at (x, y), fractions of the size; `loss` in the farthest corner."""

    x: float
    y: float
    loss: float


class RampLayer(NamedTuple):
    """0 to 1 across the image along `angle` degrees: 0 to the right, 90 down."""

    angle: float


class SpotLayer(NamedTuple):
    """The greatest of Gaussian spots (x, y, sigma, strength): fractions of the size, sigma of the longer side."""

    spots: tuple[tuple[float, float, float, float], ...]


class CornerLayer(NamedTuple):
    """1 in a corner (0 top left, 1 top right, 2 bottom right, 3 bottom left), falling to 0 in the opposite one."""

    corner: int


Layer: TypeAlias = (
    DepthLayer | PuffLayer | StreakLayer | SnowLayer | SpatterLayer | PolygonLayer | PlasmaLayer | VignetteLayer
    | RampLayer | SpotLayer | CornerLayer
)  # fmt: skip


class Veil(NamedTuple):
    """value * (base + gain * a) + shift * a, where the layer says a in [0, 1] for each pixel.

    gain -1 and shift a colour cover the image with it; shift 0 lightens or darkens. shift: one number, or one per
    channel. about_mean: gain stretches around the image's mean instead of 0.
    """

    layer: Layer
    gain: float = -1.0
    shift: Coefficients = (0.0,)
    about_mean: bool = False
    base: float = 1.0


class Flare(NamedTuple):
    """Discs of light (x, y, radius, opacity, edge, *colour), in fractions of the size and of the longer side, painted
    over the image; or added as light does (`screen`), with `rays` spikes of `reach` from the first disc.

    edge: the outer part of a disc's radius over which it fades; 1 is a glow, 0 a hard edge.
    """

    discs: tuple[tuple[float, ...], ...]
    screen: bool = False
    rays: int = 0
    reach: float = 0.0
    turn: float = 0.0


class Gravel(NamedTuple):
    """Heaps of stones inside boxes (x_min, y_min, x_max, y_max; fractions): each stone a shaded gray disc."""

    key: str
    roi: tuple[float, float, float, float]
    patches: int


class Aberration(NamedTuple):
    """Read red and blue from where a lens of radial distortion k1, k2 puts them; green stays. RGB images only."""

    red: tuple[float, float]
    blue: tuple[float, float]
    interpolation: int = 1


class Halftone(NamedTuple):
    """Round dots of ink, `size` pixels apart, whose area is the darkness; `blend` of the image remains."""

    size: int
    blend: float = 0.0


class Dither(NamedTuple):
    """`levels` values per channel, or of gray (`gray`), with thresholds spread so that local means are kept.

    method: "error_diffusion" by `algorithm`, "ordered" by a Bayer matrix of `size`, or "random": noise of `key`, in
    [low, high) steps.
    """

    method: str
    levels: int = 2
    gray: bool = True
    algorithm: str = "floyd_steinberg"
    serpentine: bool = False
    size: int = 4
    key: str = ""
    low: float = -0.5
    high: float = 0.5


Light: TypeAlias = Veil | Flare | Gravel | Aberration | Halftone | Dither
