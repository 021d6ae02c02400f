"""Where pixels go: every target follows the map of a geometry op."""

from collections.abc import Callable
from typing import NamedTuple, Self, TypeAlias

from augury import maps
from augury.ops.values import Coefficients, D4Element, Fill


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


class MeshField(NamedTuple):
    """A mesh of rows x columns vertices, displaced by fractions x of the width and y of the height."""

    key: str
    rows: int
    columns: int
    x: float
    y: float
    pinned: bool = False


class SplineField(NamedTuple):
    """A thin-plate spline through points x points control points, displaced by up to `scale` of their distance."""

    key: str
    points: int
    scale: float


class WaveField(NamedTuple):
    """Displacements by plane waves (length, direction, phase) of one amplitude (see `maps.wave_field`)."""

    amplitude: float
    waves: tuple[tuple[float, float, float], ...]


class SpreadField(NamedTuple):
    """Every pixel shows one drawn from the square of `radius` pixels around it."""

    key: str
    radius: int


Field: TypeAlias = (
    GridField | LensField | SmoothField | ControlField | MeshField | SplineField | WaveField | SpreadField
)

_BUILDERS: dict[type[Field], Callable[..., maps.Maps]] = {
    GridField: maps.grid_field,
    LensField: maps.lens_field,
    SmoothField: maps.smooth_field,
    ControlField: maps.control_field,
    MeshField: maps.mesh_field,
    SplineField: maps.spline_field,
    WaveField: maps.wave_field,
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
        return maps.Tiles((self.rows, self.columns), self.order, (height, width))

    def for_mask(self) -> Self:
        return self


Geometry: TypeAlias = D4 | Crop | Pad | Resize | Warp | Remap | GridShuffle
