"""Maps between the frame before a step and the frame after it.

Coordinates are EDGE coordinates: x right, y down, an image of W x H pixels spans [0, W] x [0, H]. The pixel
with index i has its centre at i + 0.5. A box is given by its edges, so a box around pixels 3 and 4 is
[3, 5]; a point that names a pixel by its index lies at that pixel's centre. Index coordinates (edge - 0.5),
which OpenCV uses, appear only inside `Dense` fields and kernels.

`Matrix` maps source to output, `Dense` stores for every output pixel where in the source it is read, and
both move points from the source to the output. `maps.volume` says the same of volumes.
"""

from augury.maps.builders import (
    control_field,
    grid_field,
    lens_field,
    mesh_field,
    smooth_field,
    spread_field,
    wave_field,
)  # fmt: skip
from augury.maps.dense import Dense, Loose, Maps, dense, loose
from augury.maps.matrix import Floats, Matrix, affine, fit, linear, perspective
from augury.maps.patterns import bits, grid_lines
from augury.maps.spline import spline_field
from augury.maps.tiles import Tiles, tile_edges, tile_order, tile_windows

__all__ = [
    "Floats", "Matrix", "affine", "fit", "linear", "perspective",
    "Dense", "Loose", "Maps", "dense", "loose",
    "Tiles", "tile_edges", "tile_order", "tile_windows",
    "bits", "grid_lines",
    "control_field", "grid_field", "lens_field", "mesh_field", "smooth_field", "spline_field", "spread_field",
    "wave_field",
]  # fmt: skip
