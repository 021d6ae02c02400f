"""Smooth and piecewise bends: every output pixel is read from where a dense field says.

Labels follow the exact inverse of the field, so both values of `keypoint_remapping_method` mean the same here.
map_resolution_range: the field is computed at this fraction of the size and enlarged; a number is a fixed value.
"""

from __future__ import annotations

from collections.abc import Sequence

from augury import ops
from augury.fields import (
    Border, Fill, Flag, Integer, Interpolation, IntLimits, Limits, Maybe, Number, Option, Probability, Size,
)  # fmt: skip
from augury.ops import Field, Op, Remap
from augury.rng import Stream, normal_quantile
from augury.sample import Signature
from augury.transform import GeometricTransform, Params

__all__ = [
    "ElasticTransform", "GridDistortion", "GridElasticDeform", "OpticalDistortion", "PiecewiseAffine",
    "ThinPlateSpline", "WaterRefraction",
]  # fmt: skip

_METHODS = ("direct", "mask")


def remap(params: Params, field: Field) -> Sequence[Op]:
    """The op of a field with the interpolation, border, fill and resolution of `params`."""
    return (
        Remap(
            field, params["interpolation"], params["mask_interpolation"], params["border_mode"], params["fill"],
            params["fill_mask"], params.get("map_resolution", 1.0),
        ),
    )  # fmt: skip


class Bend(GeometricTransform, register=False):
    """Base of transforms by one field."""

    keypoint_remapping_method: Option = Option(default="mask", options=_METHODS, kw_only=True)
    p: Probability = Probability(default=0.5, kw_only=True)
    border_mode: Border = Border(default=0, kw_only=True)
    fill: Fill = Fill(default=0, kw_only=True)
    fill_mask: Fill = Fill(default=0, kw_only=True)
    map_resolution_range: Limits = Limits(
        default=(1.0, 1.0), low=0, high=1, open_low=True, scalar="fixed", draws="map_resolution", kw_only=True
    )


class ElasticTransform(GeometricTransform):
    """Bend by random displacements, interpolated between the cells of a coarse grid, or the classic smoothed noise.

    displacement_range: largest displacement, as a fraction of the shorter side; a number is a fixed value.
    control_grid_shape: (rows, columns) of the grid.
    alpha, sigma, approximate, same_dxdy, noise_distribution: if any is given, every pixel gets "gaussian" or "uniform"
    noise in about [-1, 1], smoothed by sigma (pixels, default 50) and multiplied by alpha (pixels, default 1);
    same_dxdy moves x and y alike; approximate cuts the smoothing to 17 x 17 pixels (after Simard et al., 2003).
    """

    displacement_range: Limits = Limits(default=(0.02, 0.05), low=0, high=1, scalar="fixed")
    control_grid_shape: Size = Size(default=(7, 7))
    interpolation: Interpolation = Interpolation(default=1)
    mask_interpolation: Interpolation = Interpolation(default=0)
    border_mode: Border = Border(default=0)
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=0)
    p: Probability = Probability(default=0.5)
    alpha: Maybe = Maybe(Number(low=0), default=None)
    sigma: Maybe = Maybe(Number(low=1, unit="pixel"), default=None)
    approximate: Maybe = Maybe(Flag(), default=None)
    same_dxdy: Maybe = Maybe(Flag(), default=None)
    noise_distribution: Maybe = Maybe(Option(options=("gaussian", "uniform")), default=None)
    keypoint_remapping_method: Option = Option(default="mask", options=_METHODS)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        classic = (self.alpha, self.sigma, self.approximate, self.same_dxdy, self.noise_distribution)
        if classic == (None, None, None, None, None):
            return {
                "displacement": stream.uniform(*self.displacement_range),
                "control_grid_shape": self.control_grid_shape,
                "key": stream.key(),
            }
        return {
            "alpha": 1.0 if self.alpha is None else self.alpha,
            "sigma": self.sigma or 50.0,
            "approximate": bool(self.approximate),
            "same_dxdy": bool(self.same_dxdy),
            "noise_distribution": self.noise_distribution or "gaussian",
            "key": stream.key(),
        }

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        key = params["key"]
        if "alpha" not in params:
            rows, columns = params["control_grid_shape"]
            return remap(params, ops.ControlField(key, rows, columns, params["displacement"]))
        uniform, alpha = params["noise_distribution"] == "uniform", params["alpha"]
        if not uniform:
            # About the largest of n Gaussian magnitudes: the quantile that exp(-0.577) of n lie above, on both sides.
            alpha /= normal_quantile(1.0 - 0.28 / (sig.shape[0] * sig.shape[1]))
        field = ops.SmoothField(key, alpha, params["sigma"], params["same_dxdy"], uniform, params["approximate"])
        return remap(params, field)


class GridDistortion(Bend):
    """Cut both axes into equal cells and stretch or squeeze each row and column of cells by its own factor.

    num_steps: cells per axis. distort_range: added to 1 gives the factor of a cell; a number x means (-x, x).
    normalized: factors are scaled so that the borders of the image stay where they are.
    """

    num_steps: Integer = Integer(default=5, low=1, high=256)
    distort_range: Limits = Limits(default=(-0.3, 0.3), low=-1, high=1, alias="distort_limit")
    interpolation: Interpolation = Interpolation(default=1)
    normalized: Flag = Flag(default=True)
    mask_interpolation: Interpolation = Interpolation(default=0)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        factors = {"x_factors": self._factors(stream), "y_factors": self._factors(stream)}
        return {**factors, **super().draw(sig, stream)}

    def _factors(self, stream: Stream) -> tuple[float, ...]:
        low, high = self.distort_range
        factors = tuple(stream.uniform(1.0 + low, 1.0 + high) for _ in range(self.num_steps))
        total = sum(factors)
        if not self.normalized or total == 0.0:
            return factors
        gain = self.num_steps / total
        return tuple(factor * gain for factor in factors)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return remap(params, ops.GridField(params["x_factors"], params["y_factors"]))


class OpticalDistortion(Bend):
    """Bend as a lens does: straight lines curve, more so towards the corners.

    distort_range: coefficient k of the lens; above 0 shows more of the scene towards the corners, below 0 less; a
    number x means (-x, x). mode: "camera" (radius times 1 + k r^2 + k r^4, r in units of width and height) or "fisheye"
    (1 + k r^2, r in units of half the diagonal).
    """

    distort_range: Limits = Limits(default=(-0.05, 0.05), alias="distort_limit", draws="k")
    interpolation: Interpolation = Interpolation(default=1)
    mask_interpolation: Interpolation = Interpolation(default=0)
    mode: Option = Option(default="camera", options=("camera", "fisheye"), keep=True)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return remap(params, ops.LensField(params["mode"], params["k"]))


class PiecewiseAffine(Bend):
    """Lay a mesh over the image, push every vertex somewhere else, and let pixels follow, bilinear within the cells.

    scale_range: standard deviation of the displacements, as a fraction of height and width, or in pixels with
    absolute_scale. nb_rows_range, nb_cols_range: vertices down and across.
    """

    scale_range: Limits = Limits(default=(0.03, 0.05), low=0, high=10_000, scalar="fixed", alias="scale")
    nb_rows_range: IntLimits = IntLimits(default=(4, 4), low=2, high=256, scalar="fixed", alias="nb_rows")
    nb_cols_range: IntLimits = IntLimits(default=(4, 4), low=2, high=256, scalar="fixed", alias="nb_cols")
    interpolation: Interpolation = Interpolation(default=1)
    mask_interpolation: Interpolation = Interpolation(default=0)
    absolute_scale: Flag = Flag(default=False)
    draws_key = True

    def draw(self, sig: Signature, stream: Stream) -> Params:
        scale = stream.uniform(*self.scale_range)
        rows, columns = stream.integer(*self.nb_rows_range), stream.integer(*self.nb_cols_range)
        x, y = (scale / size if self.absolute_scale else scale for size in (sig.width, sig.height))
        return {"mesh": (rows, columns), "scale": (x, y), **super().draw(sig, stream)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return remap(params, ops.MeshField(params["key"], *params["mesh"], *params["scale"]))


class ThinPlateSpline(Bend):
    """Push a grid of control points somewhere else and bend the image as a thin plate through them (Bookstein, 1989).

    scale_range: largest displacement, as a fraction of the distance between control points; up to 0.4 nothing folds
    over. In Albumentations it is the deviation, a fraction of the size: over twice as strong, and most draws fold.
    num_control_points: along each side.
    """

    scale_range: Limits = Limits(default=(0.2, 0.4), low=0, high=1, scalar="fixed", draws="scale")
    num_control_points: Integer = Integer(default=4, low=2, high=16, keep=True)
    interpolation: Interpolation = Interpolation(default=1)
    mask_interpolation: Interpolation = Interpolation(default=0)

    draws_key = True

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return remap(params, ops.SplineField(params["key"], params["num_control_points"], params["scale"]))


class GridElasticDeform(GeometricTransform, p=1):
    """Cut the image into equal cells and push their inner corners about; its frame stays where it is.

    num_grid_xy: cells across and down. magnitude: largest displacement along each axis, pixels; above a quarter of a
    cell, cells may fold.
    """

    num_grid_xy: Size = Size(keep=True)
    magnitude: Number = Number(low=0, high=10_000, unit="pixel", keep=True)
    interpolation: Interpolation = Interpolation(default=1)
    mask_interpolation: Interpolation = Interpolation(default=0)
    draws_key = True

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        (columns, rows), reach = params["num_grid_xy"], params["magnitude"]
        field = ops.MeshField(params["key"], rows + 1, columns + 1, reach / sig.width, reach / sig.height, True)
        return remap({**params, "border_mode": 4, "fill": 0, "fill_mask": 0}, field)


class WaterRefraction(GeometricTransform):
    """Look through rippled water: plane waves refract what is below along their direction.

    amplitude_range: largest displacement of all waves together, wavelength_range: length of each wave, both as
    fractions of the shorter side. num_waves_range: how many there are, of equal strength and any direction and phase.
    """

    amplitude_range: Limits = Limits(default=(0.01, 0.05), low=0, high=1, scalar="fixed")
    wavelength_range: Limits = Limits(default=(0.05, 0.2), low=0.001, scalar="fixed")
    num_waves_range: IntLimits = IntLimits(default=(3, 7), low=1, high=64, scalar="fixed")
    interpolation: Interpolation = Interpolation(default=1)
    mask_interpolation: Interpolation = Interpolation(default=0)
    keypoint_remapping_method: Option = Option(default="mask", options=_METHODS)
    border_mode: Border = Border(default=4)
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=0)
    map_resolution_range: Limits = Limits(
        default=(1.0, 1.0), low=0, high=1, open_low=True, scalar="fixed", draws="map_resolution"
    )

    def draw(self, sig: Signature, stream: Stream) -> Params:
        count, amplitude = stream.integer(*self.num_waves_range), stream.uniform(*self.amplitude_range)
        low, high = self.wavelength_range
        waves = [(stream.uniform(low, high), stream.uniform(0, 360), stream.uniform(0, 360)) for _ in range(count)]
        return {"amplitude": amplitude / count, "waves": tuple(waves), **super().draw(sig, stream)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return remap(params, ops.WaveField(params["amplitude"], params["waves"]))
