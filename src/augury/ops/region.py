"""Each value depends on its neighbourhood, or on its place."""

from typing import Any, NamedTuple, TypeAlias

from augury import maps
from augury.ops.values import Coefficients, Fill, HoleFill


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


Region: TypeAlias = (
    BoxBlur
    | GaussianBlur
    | MedianBlur
    | Filter
    | Defocus
    | Unsharp
    | ModeFilter
    | ZoomBlur
    | Scatter
    | Morphology
    | Superpixels
    | Stencil
    | Draw
    | Holes
)
