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


Field: TypeAlias = GridField | LensField | SmoothField | ControlField

_BUILDERS: dict[type[Field], Callable[..., maps.Maps]] = {
    GridField: maps.grid_field,
    LensField: maps.lens_field,
    SmoothField: maps.smooth_field,
    ControlField: maps.control_field,
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
        return maps.dense(_BUILDERS[type(field)], field, height, width, self.resolution)

    def for_mask(self) -> Self:
        return self._replace(interpolation=self.mask_interpolation, fill=self.fill_mask)


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
    """Correlate every channel with a small kernel, given row by row."""

    rows: tuple[Coefficients, ...]


class Defocus(NamedTuple):
    """Disc of `radius` pixels, its edge softened by a Gaussian of `alias_blur` pixels."""

    radius: int
    alias_blur: float


class Unsharp(NamedTuple):
    """value + alpha * (value - Gaussian(size, sigma) of value)."""

    size: int
    sigma: float
    alpha: float


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
    """Add Gaussian noise; mean and sigma as fractions of full range; one field for all channels unless per_channel.

    scale: noise is drawn at this fraction of the image's size, in (0, 1], and enlarged linearly.
    """

    key: str
    mean: float
    sigma: float
    per_channel: bool = True
    scale: float = 1.0


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


class Call(NamedTuple):
    """Python functions by target role, each array -> array; for custom transforms. Nothing is known about them."""

    functions: dict[str, Callable[..., Any]]


Op: TypeAlias = (
    D4 | Crop | Pad | Resize | Warp | Remap
    | Linear | Gamma | Invert | Solarize | Posterize | Tone | Curves
    | ColorMatrix | HueSaturation | ShuffleChannels | FillChannels | Gray | Normalize | ToFloat | FromFloat
    | Equalize | ByteTable | Clahe | AutoContrast | Contrast | LinearByMean | PcaShift | GrayPca | NormalizeByImage
    | BoxBlur | GaussianBlur | MedianBlur | Filter | Defocus | Unsharp | Holes
    | GaussNoise | IsoNoise | MultiplyNoise | SaltPepper | ShotNoise | DropPixels
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
        Holes,
    ),
    "noise": (
        GaussNoise,
        IsoNoise,
        MultiplyNoise,
        SaltPepper,
        ShotNoise,
        DropPixels,
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
        Call,
    ),
}
# `op.kind` is read for every op of every call; an attribute of the class is the cheapest way to say it.
for _kind, _types in KINDS.items():
    for _type in _types:
        _type.kind = _kind  # type: ignore[attr-defined]
