"""Elastic, grid and lens distortions: drawn values, fields by formula, both dialects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import augury as A
from augury.errors import FieldError
from augury.ops import ControlField, GridField, LensField, MeshField, SmoothField, SplineField, WaveField
from tests.catalogue.geometry import KEYS, drawn, image, lowered, run, signature

# The columns of 64 pixels, as indices.
X = np.arange(64, dtype=np.float32)


def moved(transform: Any, key: int = 0, size: int = 64) -> Any:
    """How far to the right every pixel is read from."""
    sig = signature(size, size)
    field = lowered(transform, key, sig)[0].map(size, size)
    return field.map_x - np.arange(size, dtype=np.float32)


def test_elastic_has_a_coarse_grid_by_default() -> None:
    assert isinstance(lowered(A.ElasticTransform())[0].field, ControlField)
    values = [drawn(A.ElasticTransform(), key)["displacement"] for key in KEYS]
    assert 0.02 <= min(values) < 0.0205
    assert 0.0495 < max(values) < 0.05
    field = lowered(A.ElasticTransform((0.1, 0.1), (3, 4)))[0].field
    assert (field.rows, field.columns, field.displacement) == (3, 4, 0.1)
    # Cubic interpolation may overshoot the control points a little.
    assert 0.02 * 64 < np.abs(moved(A.ElasticTransform((0.1, 0.1)))).max() < 0.1 * 64 * 1.5


@pytest.mark.parametrize(
    ("arguments", "want"),
    [
        ({"alpha": 30}, {"alpha": 30.0, "sigma": 50.0}),
        ({"sigma": 5}, {"alpha": 1.0, "sigma": 5.0}),
        ({"alpha": 0, "sigma": 5}, {"alpha": 0.0}),
        ({"approximate": True}, {"approximate": True, "alpha": 1.0}),
        ({"same_dxdy": True}, {"same_dxdy": True}),
        ({"noise_distribution": "uniform"}, {"noise_distribution": "uniform"}),
        ({"noise_distribution": "gaussian"}, {"noise_distribution": "gaussian"}),
    ],
)
def test_any_classic_argument_selects_the_classic_field(arguments: dict[str, Any], want: dict[str, Any]) -> None:
    transform = A.ElasticTransform(**arguments)
    params = drawn(transform)
    assert want.items() <= params.items()
    field = lowered(transform)[0].field
    assert isinstance(field, SmoothField)
    assert (field.sigma, field.same_dxdy, field.approximate) == (
        params["sigma"],
        params["same_dxdy"],
        params["approximate"],
    )
    assert field.uniform == (params["noise_distribution"] == "uniform")


def test_classic_strength_does_not_depend_on_the_distribution_beyond_its_shape() -> None:
    spread = {
        kind: np.mean(
            [moved(A.ElasticTransform(alpha=50, sigma=4, noise_distribution=kind), key).std() for key in range(8)]
        )
        for kind in ("gaussian", "uniform")
    }
    # Both noises reach about 1: a standard deviation of 1 / 3.9 (the largest of 64 * 64 Gaussians) and of 1 / sqrt(3).
    assert spread["uniform"] / spread["gaussian"] == pytest.approx(3.9 / 3**0.5, rel=0.15)
    twice = np.std(moved(A.ElasticTransform(alpha=100, sigma=4))) / np.std(moved(A.ElasticTransform(alpha=50, sigma=4)))
    assert twice == pytest.approx(2, rel=1e-3)


def test_same_dxdy_moves_both_axes_alike() -> None:
    for same in (True, False):
        field = lowered(A.ElasticTransform(alpha=50, sigma=4, same_dxdy=same), 0, signature(64, 64))[0].map(64, 64)
        assert np.allclose(field.map_x - X, field.map_y - X[:, None], atol=1e-4) == same


def test_grid_factors() -> None:
    free = [drawn(A.GridDistortion(4, distort_limit=0.3, normalized=False), key) for key in KEYS]
    factors = np.array([[p["x_factors"], p["y_factors"]] for p in free])
    assert factors.shape == (300, 2, 4)
    assert 0.7 <= factors.min() < 0.71
    assert 1.29 < factors.max() < 1.3
    params = drawn(A.GridDistortion(4))
    assert sum(params["x_factors"]) == pytest.approx(4)
    assert sum(params["y_factors"]) == pytest.approx(4)
    assert params["map_resolution"] == 1
    assert drawn(A.GridDistortion(3, (-1, -1)))["x_factors"] == (0, 0, 0)


def test_a_normalized_grid_keeps_the_borders_and_a_fixed_one_is_the_identity() -> None:
    pixels = image(40, 60)
    same = run(A.GridDistortion(distort_range=(0.2, 0.2), p=1), image=pixels)["image"]
    assert np.array_equal(same, pixels)
    shift = moved(A.GridDistortion(4, 0.5), 3)
    assert abs(shift[0, 0]) < 0.5
    assert abs(shift[0, -1]) < 0.5
    assert np.ptp(shift[0]) > 1
    assert isinstance(lowered(A.GridDistortion())[0].field, GridField)


def test_lens() -> None:
    assert lowered(A.OpticalDistortion((0.3, 0.3)))[0].field == LensField("camera", 0.3)
    assert lowered(A.OpticalDistortion(distort_limit=(0.3, 0.3), mode="fisheye"))[0].field == LensField("fisheye", 0.3)
    values = [drawn(A.OpticalDistortion(), key)["k"] for key in KEYS]
    assert -0.05 <= min(values) < -0.049
    assert 0.049 < max(values) < 0.05
    # Above 0 the corners show what lies further out.
    assert moved(A.OpticalDistortion((0.5, 0.5)))[0, 0] < 0 < moved(A.OpticalDistortion((-0.5, -0.5)))[0, 0]


def test_piecewise_affine() -> None:
    sig = signature(40, 60)
    every = [drawn(A.PiecewiseAffine(nb_rows=(2, 3), nb_cols=(4, 6)), key, sig) for key in KEYS]
    assert {p["mesh"] for p in every} == {(rows, columns) for rows in (2, 3) for columns in (4, 5, 6)}
    assert all(0.03 <= p["scale"][0] == p["scale"][1] < 0.05 for p in every)
    absolute = A.PiecewiseAffine(scale=6, absolute_scale=True)
    assert drawn(absolute, 0, sig)["scale"] == (0.1, 0.15)
    assert isinstance(lowered(absolute)[0].field, MeshField)
    # Over many draws every vertex moves by the standard deviation, along both axes.
    fields = [lowered(absolute, key, sig)[0].map(40, 60) for key in KEYS]
    assert np.std([f.map_x[0, 0] for f in fields]) == pytest.approx(6, rel=0.15)
    assert np.std([f.map_y[0, 0] for f in fields]) == pytest.approx(6, rel=0.15)


def test_thin_plate_spline() -> None:
    values = [drawn(A.ThinPlateSpline(), key)["scale"] for key in KEYS]
    assert 0.2 <= min(values) < 0.202
    assert 0.398 < max(values) < 0.4
    field = lowered(A.ThinPlateSpline(0.3, 5))[0].field
    assert isinstance(field, SplineField)
    assert field[1:] == (5, 0.3)
    # A corner is a control point: it moves within 0.4 of the distance between them, 64 / 3 pixels.
    corners = [moved(A.ThinPlateSpline(0.4), key)[0, 0] for key in KEYS]
    assert 0.3 * 64 / 3 < np.abs(corners).max() < 0.42 * 64 / 3
    for bad in ({"num_control_points": 1}, {"scale_range": (0, 2)}):
        with pytest.raises(FieldError, match=next(iter(bad))):
            A.ThinPlateSpline(**bad)


def test_grid_elastic_deform() -> None:
    transform = A.GridElasticDeform((4, 2), 5)
    assert transform.p == 1
    assert lowered(transform, 0, signature(40, 60))[0].field[1:] == (3, 5, 5 / 60, 5 / 40, True)
    shift = np.stack([moved(transform, key) for key in KEYS])
    assert np.abs(shift[:, [0, -1]]).max() < 0.2
    assert np.abs(shift[:, :, [0, -1]]).max() < 0.4
    assert 4 < np.abs(shift).max() <= 5
    with pytest.raises(FieldError, match="magnitude: missing"):
        A.GridElasticDeform((4, 2))


def test_water_refraction() -> None:
    every = [drawn(A.WaterRefraction(), key) for key in KEYS]
    assert {len(p["waves"]) for p in every} == {3, 4, 5, 6, 7}
    total = [p["amplitude"] * len(p["waves"]) for p in every]
    assert 0.01 <= min(total) < 0.011
    assert 0.049 < max(total) < 0.05
    lengths, directions, phases = np.array([wave for p in every for wave in p["waves"]]).T
    assert 0.05 <= lengths.min() < 0.051 < 0.199 < lengths.max() < 0.2
    for angles in (directions, phases):
        assert 0 <= angles.min() < 2 < 358 < angles.max() < 360
    assert isinstance(lowered(A.WaterRefraction())[0].field, WaveField)
    assert np.abs(moved(A.WaterRefraction(amplitude_range=0.05, num_waves_range=64))).max() <= 0.05 * 64
    assert lowered(A.WaterRefraction())[0].border == 4


@pytest.mark.parametrize("name", ["GridDistortion", "OpticalDistortion", "PiecewiseAffine", "ThinPlateSpline"])
def test_map_resolution(name: str) -> None:
    cls = getattr(A, name)
    values = [drawn(cls(map_resolution_range=(0.25, 0.5)), key)["map_resolution"] for key in KEYS]
    assert 0.25 <= min(values) < 0.26
    assert 0.49 < max(values) < 0.5
    coarse, fine = (lowered(cls(map_resolution_range=r), 1, signature(64, 64))[0] for r in (0.5, 1.0))
    assert (coarse.resolution, fine.resolution) == (0.5, 1.0)
    assert np.abs(coarse.map(64, 64).map_x - fine.map(64, 64).map_x).max() < 1.5
    with pytest.raises(FieldError, match="map_resolution_range"):
        cls(map_resolution_range=0)


@pytest.mark.parametrize("name", ["ElasticTransform", "GridDistortion", "OpticalDistortion"])
def test_labels_follow_the_pixels(name: str) -> None:
    size, arguments = 96, {"ElasticTransform": {"displacement_range": (0.05, 0.05)}}.get(name, {})
    for method in ("mask", "direct"):
        transform = getattr(A, name)(keypoint_remapping_method=method, p=1, **arguments)
        dot = np.zeros((size, size), np.float32)
        dot[38:43, 58:63] = 1
        out = run(transform, 5, image=dot, keypoints=[[60, 40]])
        ys, xs = np.nonzero(out["image"] > 0.5)
        assert np.allclose(out["keypoints"][0], (xs.mean(), ys.mean()), atol=0.6)
    with pytest.raises(FieldError, match="keypoint_remapping_method"):
        getattr(A, name)(keypoint_remapping_method="fast")


def test_options_reach_the_op() -> None:
    for cls in (A.ElasticTransform, A.GridDistortion, A.OpticalDistortion, A.PiecewiseAffine, A.ThinPlateSpline):
        transform = cls(interpolation=2, mask_interpolation=1, border_mode=4, fill=(1, 2, 3), fill_mask=9)
        (op,) = lowered(transform)
        assert op[1:6] == (2, 1, 4, (1, 2, 3), 9)
