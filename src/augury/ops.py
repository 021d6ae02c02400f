"""The language that transforms lower to: about thirty ops, each a small frozen value.

Intensities are fractions of full range (255 for uint8, 65535 for uint16, 1 for float) unless a field says
otherwise. Geometry is in edge coordinates: x right, y down, the image spans [0, W] x [0, H]. `key` is a
stream key (`rng.Stream.key`). `fill` is in the image's own range: a number or one per channel.

Every op belongs to one kind, which says how labels and masks follow and what rules may do with it:
geometry, curve (each value alone), pixel (each pixel's channels alone), data (needs the whole image),
region, noise, codec, layout, call.
"""

# Annotations are evaluated here: as text they would be compiled one by one for every named tuple.
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Self, TypeAlias

from augury import maps

Fill: TypeAlias = float | tuple[float, ...]
HoleFill: TypeAlias = float | tuple[float, ...] | str
Coefficients: TypeAlias = tuple[float, ...]
D4Element: TypeAlias = Literal["e", "r90", "r180", "r270", "v", "hvt", "h", "t"]

# ---- geometry: where pixels go; every target follows the map ---------------------------------------


class D4(NamedTuple):
    """One of the eight symmetries of the square: r90 turns counter-clockwise, h mirrors left-right, v
    top-bottom, t is the transpose and hvt the other diagonal."""

    element: D4Element

    def size(self, height: int, width: int) -> tuple[int, int]:
        return (width, height) if self.element in ("r90", "r270", "t", "hvt") else (height, width)

    def map(self, height: int, width: int) -> maps.Matrix:
        return maps.Matrix.d4(self.element, height, width)

    def for_mask(self) -> Self:
        return self


class Crop(NamedTuple):
    """Keep columns x_min..x_max and rows y_min..y_max (pixels, end exclusive), all inside the image."""

    x_min: int
    y_min: int
    x_max: int
    y_max: int

    def size(self, height: int, width: int) -> tuple[int, int]:
        return self.y_max - self.y_min, self.x_max - self.x_min

    def map(self, height: int, width: int) -> maps.Matrix:
        return maps.Matrix.translate(-self.x_min, -self.y_min)

    def for_mask(self) -> Self:
        return self


class Pad(NamedTuple):
    """Add rows and columns (pixels). `border` is an OpenCV border constant."""

    top: int
    bottom: int
    left: int
    right: int
    border: int = 0
    fill: Fill = 0
    fill_mask: Fill = 0

    def size(self, height: int, width: int) -> tuple[int, int]:
        return height + self.top + self.bottom, width + self.left + self.right

    def map(self, height: int, width: int) -> maps.Matrix:
        return maps.Matrix.translate(self.left, self.top)

    def for_mask(self) -> Self:
        return self if self.fill == self.fill_mask else self._replace(fill=self.fill_mask)


class Resize(NamedTuple):
    """Scale to height x width. `interpolation` is an OpenCV constant."""

    height: int
    width: int
    interpolation: int = 1
    mask_interpolation: int = 0

    def size(self, height: int, width: int) -> tuple[int, int]:
        return self.height, self.width

    def map(self, height: int, width: int) -> maps.Matrix:
        return maps.Matrix.scale(self.width / width, self.height / height)

    def for_mask(self) -> Self:
        return self._replace(interpolation=self.mask_interpolation)


class Warp(NamedTuple):
    """Move pixels by a 3x3 matrix, source to destination, edge coordinates, row by row; the output is height x width.

    box_method: how an axis-aligned box follows ("largest_box": hull of its corners, "ellipse": hull of its inscribed
    ellipse).
    """

    matrix: Coefficients
    height: int
    width: int
    interpolation: int = 1
    mask_interpolation: int = 0
    border: int = 0
    fill: Fill = 0
    fill_mask: Fill = 0
    box_method: str = "largest_box"

    def size(self, height: int, width: int) -> tuple[int, int]:
        return self.height, self.width

    def map(self, height: int, width: int) -> maps.Matrix:
        return maps.Matrix(self.matrix)  # type: ignore[arg-type]

    def for_mask(self) -> Self:
        return self._replace(interpolation=self.mask_interpolation, fill=self.fill_mask)


class GridField(NamedTuple):
    """Piecewise linear along each axis: output cell i of an axis shows the i-th factor's cells of source."""

    x_factors: Coefficients
    y_factors: Coefficients


class LensField(NamedTuple):
    """A radial distortion by k about the centre; mode "camera" (polynomial) or "fisheye"."""

    mode: str
    k: float


class SmoothField(NamedTuple):
    """Gaussian noise of `key`, smoothed by sigma pixels and scaled by alpha (Simard et al., 2003)."""

    key: str
    alpha: float
    sigma: float
    same_dxdy: bool = False
    uniform: bool = False
    approximate: bool = False


class ControlField(NamedTuple):
    """Displacements drawn at a coarse rows x columns grid and interpolated; `displacement` as a fraction of the
    shorter side.
    """

    key: str
    rows: int
    columns: int
    displacement: float


class SpreadField(NamedTuple):
    """Every pixel shows one drawn from the square of `radius` pixels around it."""

    key: str
    radius: int


Field: TypeAlias = GridField | LensField | SmoothField | ControlField | SpreadField

_BUILDERS: dict[type[Field], Callable[..., maps.Maps]] = {
    GridField: maps.grid_field,
    LensField: maps.lens_field,
    SmoothField: maps.smooth_field,
    ControlField: maps.control_field,
    SpreadField: maps.spread_field,
}


class Remap(NamedTuple):
    """Read every output pixel from where a dense field says; the size stays. `resolution`: the field is computed at
    this fraction of the size.
    """

    field: Field
    interpolation: int = 1
    mask_interpolation: int = 0
    border: int = 0
    fill: Fill = 0
    fill_mask: Fill = 0
    resolution: float = 1.0

    def size(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    def map(self, height: int, width: int) -> maps.Dense:
        field = self.field
        if isinstance(field, SmoothField) and self.resolution < 1.0:
            # Its lengths are pixels: a displacement of a coarse pixel is worth 1 / resolution fine ones.
            field = field._replace(alpha=field.alpha * self.resolution**2, sigma=field.sigma * self.resolution)
        if isinstance(field, SpreadField):
            return maps.loose(maps.dense(maps.spread_field, field, height, width, self.resolution))
        return maps.dense(_BUILDERS[type(field)], field, height, width, self.resolution)

    def for_mask(self) -> Self:
        return self._replace(interpolation=self.mask_interpolation, fill=self.fill_mask)


class GridShuffle(NamedTuple):
    """Cut the image into rows x columns tiles (see `maps.tile_edges`); place i, row by row, shows tile order[i]."""

    rows: int
    columns: int
    order: tuple[int, ...]

    def size(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    def map(self, height: int, width: int) -> maps.Tiles:
        return maps.Tiles(self.rows, self.columns, self.order, height, width)

    def for_mask(self) -> Self:
        return self


# ---- pixel: each value (or each pixel's channels) alone ---------------------------------------------


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


# ---- data: a deterministic function of the whole image ----------------------------------------------


class Equalize(NamedTuple):
    """Histogram equalisation; mode "cv" or "pil"; each channel, or only the luma of YCrCb."""

    mode: str = "cv"
    by_channels: bool = True


class ByteTable(NamedTuple):
    """Look values, as 8 bits, up in tables of 256 bytes: one for all channels, one per channel, or the luma of YCrCb
    alone.

    Equalising under a mask draws the tables; no chain of ops repeats that without keeping the mask.
    """

    tables: tuple[bytes, ...]
    luma: bool = False


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


# ---- region: each value depends on its neighbourhood -------------------------------------------------


class BoxBlur(NamedTuple):
    """Mean of size x size pixels."""

    size: int


class GaussianBlur(NamedTuple):
    """Gaussian of `sigma` pixels cut to size x size; size 0 picks it from sigma."""

    size: int
    sigma: float


class MedianBlur(NamedTuple):
    """Median of size x size pixels."""

    size: int


class Filter(NamedTuple):
    """Correlate every channel with a small kernel, given row by row. `border` is an OpenCV border constant."""

    rows: tuple[Coefficients, ...]
    border: int = 4


class Defocus(NamedTuple):
    """Disc of `radius` pixels, its edge softened by a Gaussian of `alias_blur` pixels."""

    radius: int
    alias_blur: float


class Unsharp(NamedTuple):
    """value + alpha * (value - Gaussian(size, sigma) of value), all over or, softly, where that difference is above a
    threshold (fraction of full range).
    """

    size: int
    sigma: float
    alpha: float
    threshold: float | None = None


class ModeFilter(NamedTuple):
    """The most frequent value of size x size pixels."""

    size: int


class ZoomBlur(NamedTuple):
    """Mean of the image enlarged about its centre by 1, 1 + step ... up to `factor`."""

    factor: float
    step: float


class Scatter(NamedTuple):
    """`rounds` times, every pixel shows one drawn from the square of `reach` pixels around it, or swaps with it."""

    key: str
    reach: int
    rounds: int
    swap: bool = False


class Morphology(NamedTuple):
    """Maximum ("dilation") or minimum ("erosion") over an ellipse of height x width pixels, of masks too; boxes grow or
    shrink with bright things.
    """

    operation: str
    height: int
    width: int


class Superpixels(NamedTuple):
    """Cut the image, shrunk to max_size, into about `segments` regions of like colour (SLIC, Achanta et al., 2012), and
    fill each with probability `probability` with its mean colour.
    """

    key: str
    probability: float
    segments: int
    max_size: int | None = None
    interpolation: int = 1


class GridLines(NamedTuple):
    """Lines of `width` pixels every `unit` pixels along both axes, (x, y) from the image's centre, then turned by
    `angle` degrees about it.
    """

    unit: float
    width: float
    x: float
    y: float
    angle: float


class Bits(NamedTuple):
    """One bit per pixel of height x width, packed row by row."""

    packed: bytes
    height: int
    width: int


class Stencil(NamedTuple):
    """Overwrite the pixels of a pattern; fill, fill_mask and key as in Holes."""

    pattern: GridLines | Bits
    fill: HoleFill = 0
    fill_mask: Fill | None = None
    key: str = ""

    def where(self, height: int, width: int) -> Any:
        """(height, width) uint8, 255 in the pattern."""
        size = (height, width)
        pattern = self.pattern
        return maps.bits(*pattern, size) if isinstance(pattern, Bits) else maps.grid_lines(*pattern, size)


class Draw(NamedTuple):
    """Draw marks over the image, one after another.

    Each: kind ("line", "arrow", "rectangle" or "text"), x0, y0, x1, y1 (pixels; of text, its lower left corner
    twice), thickness, colour (fractions, one or three), and style of a line, tip of an arrow (as a fraction of its
    length), or (text, size).
    """

    marks: tuple[tuple[Any, ...], ...]


class Holes(NamedTuple):
    """Overwrite rectangles (x_min, y_min, x_max, y_max; pixels).

    fill: a number, one per channel, "random" (one value per pixel), "random_uniform" (one colour per hole),
    "grayscale", "inpaint_telea" or "inpaint_ns". fill_mask None leaves masks alone. `key` draws random fills.
    """

    holes: tuple[tuple[int, int, int, int], ...]
    fill: HoleFill = 0
    fill_mask: Fill | None = None
    key: str = ""


# ---- noise: random arrays drawn again from a stream key ----------------------------------------------


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


# ---- light and weather: opacities laid over the image ------------------------------------------------


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


class Bleach(NamedTuple):
    """Multiply the lightness (of HLS) of pixels darker than `threshold` by `factor`; hue and saturation stay."""

    threshold: float
    factor: float


class Aberration(NamedTuple):
    """Read red and blue from where a lens of radial distortion k1, k2 puts them; green stays. RGB images only."""

    red: tuple[float, float]
    blue: tuple[float, float]
    interpolation: int = 1


class Grain(NamedTuple):
    """Grain of film, `size` pixels wide: noise of deviation intensity * sqrt(value * (1 - value)), gray."""

    key: str
    intensity: float
    size: int


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


# ---- codec -------------------------------------------------------------------------------------------


class Compress(NamedTuple):
    """Encode and decode as "jpeg" or "webp" at quality 1..100."""

    codec: str
    quality: int


class Downscale(NamedTuple):
    """Shrink by `scale` and enlarge back, with OpenCV interpolation constants."""

    scale: float
    down: int = 0
    up: int = 0


# ---- layout and call ---------------------------------------------------------------------------------


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


class Call(NamedTuple):
    """Python functions by target role, each array -> array; for custom transforms. Nothing is known about them."""

    functions: dict[str, Callable[..., Any]]


Op: TypeAlias = (
    D4 | Crop | Pad | Resize | Warp | Remap | GridShuffle
    | Linear | Gamma | Invert | Solarize | Posterize | Tone | Curves
    | ColorMatrix | HueSaturation | ShuffleChannels | FillChannels | Gray | ColorRamp | Normalize | ToFloat | FromFloat
    | MatchMean | Stain | TruncateSpectrum | Spikes
    | Equalize | ByteTable | Clahe | AutoContrast | Contrast | LinearByMean | PcaShift | GrayPca | NormalizeByImage
    | ModeFilter | ZoomBlur | Scatter | Morphology | Superpixels | Stencil | Draw
    | BoxBlur | GaussianBlur | MedianBlur | Filter | Defocus | Unsharp | Holes
    | RicianNoise | BiasField | OnWindows
    | GaussNoise | IsoNoise | MultiplyNoise | SaltPepper | ShotNoise | DropPixels
    | Veil | Flare | Gravel | Bleach | Aberration | Grain | Halftone | Dither
    | Compress | Downscale | ToTensor | NormalizeToTensor | OnChannels | Call
)  # fmt: skip

# ---- kinds -------------------------------------------------------------------------------------------

KINDS: dict[str, tuple[type, ...]] = {
    "geometry": (
        D4,
        Crop,
        Pad,
        Resize,
        Warp,
        Remap,
        GridShuffle,
    ),
    "curve": (
        Linear,
        Gamma,
        Invert,
        Solarize,
        Posterize,
        Tone,
        Curves,
    ),
    "pixel": (
        ByteTable,
        ColorMatrix,
        HueSaturation,
        ShuffleChannels,
        FillChannels,
        Gray,
        ColorRamp,
        Bleach,
        Normalize,
        ToFloat,
        FromFloat,
    ),
    "data": (
        Equalize,
        Clahe,
        AutoContrast,
        Contrast,
        LinearByMean,
        MatchMean,
        Stain,
        TruncateSpectrum,
        Spikes,
        PcaShift,
        GrayPca,
        NormalizeByImage,
    ),
    "region": (
        BoxBlur,
        GaussianBlur,
        MedianBlur,
        Filter,
        Defocus,
        Unsharp,
        ModeFilter,
        ZoomBlur,
        Scatter,
        Morphology,
        Superpixels,
        Stencil,
        Draw,
        Holes,
        Veil,
        Flare,
        Gravel,
        Aberration,
        Halftone,
        Dither,
    ),
    "noise": (
        GaussNoise,
        RicianNoise,
        BiasField,
        IsoNoise,
        MultiplyNoise,
        SaltPepper,
        ShotNoise,
        DropPixels,
        Grain,
    ),
    "codec": (
        Compress,
        Downscale,
    ),
    "layout": (
        ToTensor,
        NormalizeToTensor,
    ),
    "call": (
        OnChannels,
        OnWindows,
        Call,
    ),
}
# `op.kind` is read for every op of every call; an attribute of the class is the cheapest way to say it.
for _kind, _types in KINDS.items():
    for _type in _types:
        _type.kind = _kind  # type: ignore[attr-defined]
