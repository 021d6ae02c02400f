"""What needs a whole volume (D, H, W) or (D, H, W, C): where its voxels go (kind "volume", masks and keypoints follow),
and what a scanner does to it (kind "scan", volumes only). Axes 0, 1, 2 are z, y, x.
"""

from typing import NamedTuple, Self, TypeAlias

from augury.maps import Tiles
from augury.maps.volume import Layers, Matrix3
from augury.ops.values import Coefficients, Fill

Three: TypeAlias = tuple[int, int, int]


class Orient(NamedTuple):
    """One of the 48 symmetries of the cube: output axis i shows source axis axes[i], from its end if flips[i]."""

    axes: Three
    flips: tuple[bool, bool, bool]

    def size(self, depth: int, height: int, width: int) -> Three:
        sides = (depth, height, width)
        return sides[self.axes[0]], sides[self.axes[1]], sides[self.axes[2]]

    def map(self, depth: int, height: int, width: int) -> Matrix3:
        sides = self.size(depth, height, width)
        rows = [[0.0] * 4 for _ in range(3)]
        for i, (axis, flip) in enumerate(zip(self.axes, self.flips, strict=True)):
            rows[2 - i][2 - axis] = -1.0 if flip else 1.0
            rows[2 - i][3] = float(sides[i]) if flip else 0.0
        return Matrix3(*(tuple(row) for row in rows))  # type: ignore[arg-type]

    def for_mask(self) -> Self:
        return self


class Crop3D(NamedTuple):
    """Keep slices z_min..z_max, rows y_min..y_max and columns x_min..x_max (ends exclusive), all inside."""

    z_min: int
    y_min: int
    x_min: int
    z_max: int
    y_max: int
    x_max: int

    def size(self, depth: int, height: int, width: int) -> Three:
        return self.z_max - self.z_min, self.y_max - self.y_min, self.x_max - self.x_min

    def map(self, depth: int, height: int, width: int) -> Matrix3:
        return Matrix3.translate(-self.x_min, -self.y_min, -self.z_min)

    def for_mask(self) -> Self:
        return self


class Pad3D(NamedTuple):
    """Add slices, rows and columns of a constant."""

    front: int
    behind: int
    top: int
    bottom: int
    left: int
    right: int
    fill: Fill = 0
    fill_mask: Fill = 0

    def size(self, depth: int, height: int, width: int) -> Three:
        return depth + self.front + self.behind, height + self.top + self.bottom, width + self.left + self.right

    def map(self, depth: int, height: int, width: int) -> Matrix3:
        return Matrix3.translate(self.left, self.top, self.front)

    def for_mask(self) -> Self:
        return self._replace(fill=self.fill_mask)


class Resize3D(NamedTuple):
    """Scale to depth x height x width; interpolation 0 is nearest, all else linear along each axis."""

    depth: int
    height: int
    width: int
    interpolation: int = 1
    mask_interpolation: int = 0

    def size(self, depth: int, height: int, width: int) -> Three:
        return self.depth, self.height, self.width

    def map(self, depth: int, height: int, width: int) -> Matrix3:
        return Matrix3.scale(self.width / width, self.height / height, self.depth / depth)

    def for_mask(self) -> Self:
        return self._replace(interpolation=self.mask_interpolation)


class Affine3D(NamedTuple):
    """Move voxels by a matrix, source to destination, edge coordinates; the output is depth x height x width.

    interpolation: as in Resize3D. border: 0 constant, 1 replicate.
    """

    matrix: tuple[Coefficients, ...]
    depth: int
    height: int
    width: int
    interpolation: int = 1
    mask_interpolation: int = 0
    border: int = 0
    fill: Fill = 0
    fill_mask: Fill = 0

    def size(self, depth: int, height: int, width: int) -> Three:
        return self.depth, self.height, self.width

    def map(self, depth: int, height: int, width: int) -> Matrix3:
        return Matrix3(*self.matrix)  # type: ignore[arg-type]

    def for_mask(self) -> Self:
        return self._replace(interpolation=self.mask_interpolation, fill=self.fill_mask)


class Elastic3D(NamedTuple):
    """Move the pixels of every slice by its field of `maps.volume.Layers`."""

    key: str
    rows: int
    columns: int
    displacement: float
    interpolation: int = 1
    mask_interpolation: int = 0
    border: int = 0
    fill: Fill = 0
    fill_mask: Fill = 0

    def size(self, depth: int, height: int, width: int) -> Three:
        return depth, height, width

    def map(self, depth: int, height: int, width: int) -> Layers:
        return Layers(self.key, self.rows, self.columns, self.displacement, depth, height, width)

    def for_mask(self) -> Self:
        return self._replace(interpolation=self.mask_interpolation, fill=self.fill_mask)


class Shuffle3D(NamedTuple):
    """Cut the volume into a grid (z, y, x) of parts (see `maps.tile_edges`); place i shows part order[i]."""

    grid: Three
    order: tuple[int, ...]

    def size(self, depth: int, height: int, width: int) -> Three:
        return depth, height, width

    def map(self, depth: int, height: int, width: int) -> Tiles:
        return Tiles(self.grid, self.order, (depth, height, width))

    def for_mask(self) -> Self:
        return self


class Holes3D(NamedTuple):
    """Overwrite boxes (z_min, y_min, x_min, z_max, y_max, x_max; ends exclusive); masks unless fill_mask is None."""

    holes: tuple[tuple[int, int, int, int, int, int], ...]
    fill: Fill = 0
    fill_mask: Fill | None = None

    def size(self, depth: int, height: int, width: int) -> Three:
        return depth, height, width

    def for_mask(self) -> Self:
        return self if self.fill_mask is None else self._replace(fill=self.fill_mask)


class VolumeToTensor(NamedTuple):
    """(D, H, W, C) array to torch tensor (C, D, H, W); (D, H, W) to (1, D, H, W); masks alike."""

    def size(self, depth: int, height: int, width: int) -> Three:
        return depth, height, width


class BlurSlices(NamedTuple):
    """Gaussian of `sigma` slices along z, cut to `size` slices; size 0 picks it from sigma."""

    size: int
    sigma: float


class Anisotropy(NamedTuple):
    """Shrink along each axis by its factor, by area if antialias, else to the nearest, and enlarge back linearly."""

    axes: tuple[int, ...]
    factors: Coefficients
    antialias: bool = True


class Ghosts(NamedTuple):
    """Weaken every number-th line of the spectrum along an axis by `intensity`, but for the central `restore` of it."""

    axis: int
    number: int
    intensity: float
    restore: float


class Motion(NamedTuple):
    """Put a spectrum together, along an axis, from pieces of moved copies of the volume.

    times: where one piece ends and the next begins, ascending fractions of the spectrum. matrices: of the copies, one
    per piece but the one that holds the centre, which is of the volume itself.
    """

    axis: int
    times: Coefficients
    matrices: tuple[tuple[Coefficients, ...], ...]
    interpolation: int = 1


Volume: TypeAlias = Orient | Crop3D | Pad3D | Resize3D | Affine3D | Elastic3D | Shuffle3D | Holes3D | VolumeToTensor
Scan: TypeAlias = BlurSlices | Anisotropy | Ghosts | Motion
