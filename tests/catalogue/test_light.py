"""Shadows, flares, vignettes, lighting and plasma: their laws on flat images, drawn values, both dialects."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.errors import FieldError
from tests.catalogue.effects import drawn, flat, run

DTYPES = ["uint8", "uint16", "float32"]


def near(got: Any, want: Any, dtype: str = "float32") -> bool:
    return bool(np.abs(got - want).max() < (1.6 / 255 if dtype == "uint8" else 1e-3))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [40, 300])
def test_vignetting_is_cos4(size: int, dtype: str) -> None:
    got = run("Vignetting", flat(0.8, dtype, size, size), intensity_range=(0.6, 0.6), center_range=(0.5, 0.5))
    y, x = (np.mgrid[:size, :size] + 0.5) / size - 0.5
    tangent = np.hypot(y, x) / math.sqrt(0.5) * math.sqrt(0.4**-0.5 - 1)
    assert near(got, 0.8 * np.cos(np.arctan(tangent))[..., None] ** 4, dtype)
    assert (run("Vignetting", flat(), intensity_range=(0, 0)) == 0.5).all()


def test_vignetting_that_takes_all_light_of_the_corner_leaves_the_middle() -> None:
    got = run("Vignetting", flat(0.8, "float32", 101, 101), intensity_range=(1, 1), center_range=(0.5, 0.5))
    assert got[0, 0, 0] < 0.02 < 0.79 < got[50, 50, 0]
    assert got[25, 25, 0] == pytest.approx(0.8 * (1 - 4 / 3 * (1 - 1.25**-2)), abs=0.02)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("angle", [0, 30, 90, 200])
def test_linear_illumination_spans_its_intensity_at_every_angle(angle: float, dtype: str) -> None:
    image = flat(0.5, dtype, 50, 70)
    settings: Any = {"angle_range": (angle, angle), "intensity_range": (0.2, 0.2)}
    bright = run("Illumination", image, effect_type="brighten", **settings)
    assert near(bright.min(), 0.4, dtype) and near(bright.max(), 0.6, dtype)
    along, down = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    rise = np.gradient(bright[..., 0])
    assert np.sign(round(float(rise[1].mean()), 6)) == np.sign(round(along, 6))
    assert np.sign(round(float(rise[0].mean()), 6)) == np.sign(round(down, 6))
    assert near(run("Illumination", image, effect_type="darken", **settings), 1 - bright, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_spots_are_gaussians_of_the_longer_side(dtype: str) -> None:
    spots = [(0.25, 0.5, 0.2, 1.0), (0.9, 0.1, 0.1, 0.5)]
    image = flat(0.5, dtype, 150, 300)
    got = run(
        "Illumination", image, mode="gaussian", intensity_range=(0.2,) * 2, effect_type="brighten", gaussian_spots=spots
    )
    y, x = (np.mgrid[:150, :300] + 0.5) / np.array([150, 300])[:, None, None]
    each = [k * np.exp(-((x - a) ** 2 + ((y - b) / 2) ** 2) / (2 * s * s)) for a, b, s, k in spots]
    assert near(got, 0.5 * (1 + 0.2 * np.maximum(*each))[..., None], dtype)


def test_corners() -> None:
    seen = set()
    for key in range(40):
        got = run("Illumination", flat(), key, mode="corner", intensity_range=(0.2, 0.2), effect_type="darken")[..., 0]
        corners = [got[0, 0], got[0, -1], got[-1, -1], got[-1, 0]]
        seen.add(int(np.argmin(corners)))
        assert abs(min(corners) - 0.4) < 2e-3 and abs(max(corners) - 0.5) < 2e-3
    assert seen == {0, 1, 2, 3}


def test_both_effects_and_spots_are_drawn() -> None:
    signs = [params["intensity"] > 0 for params in drawn("Illumination")]
    assert 60 < sum(signs) < 140
    counts = {len(params["spots"]) for params in drawn("Illumination", mode="gaussian", num_spots_range=(2, 4))}
    assert counts == {2, 3, 4}


@pytest.mark.parametrize("dtype", DTYPES)
def test_shadows_darken_their_region(dtype: str) -> None:
    settings: Any = {"shadow_roi": (0.5, 0, 1, 0.5), "shadow_intensity_range": (0.3, 0.3)}
    got = run("RandomShadow", flat(0.5, dtype), num_shadows_range=(1, 1), **settings)
    inside = got[:32, 32:]
    assert near(inside.min(), 0.35, dtype) and (inside < 0.45).mean() > 0.02
    inside[:] = got[-1, 0, 0]
    assert near(got, 0.5, dtype)
    many = run("RandomShadow", flat(0.5, dtype), num_shadows_limit=(9, 9), **settings)
    assert near(np.log(many.min() / 0.5) / math.log(0.7) % 1, 0, "uint8") or many.min() < 0.2


@pytest.mark.parametrize("dtype", DTYPES)
def test_plasma_spans_its_strength(dtype: str) -> None:
    got = run("PlasmaShadow", flat(0.8, dtype, 128, 96), shadow_intensity_range=(0.5, 0.5))
    assert near(got.min(), 0.4, dtype) and near(got.max(), 0.8, dtype)
    brighter = run("PlasmaBrightnessContrast", flat(0.4, dtype), brightness_range=(0.3, 0.3), contrast_range=(0, 0))
    assert near(brighter.min(), 0.4, dtype) and near(brighter.max(), 0.7, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_plasma_contrast_turns_about_the_mean(dtype: str) -> None:
    image = flat(0.4, dtype)
    image[:, ::2] *= 2
    got = run("PlasmaBrightnessContrast", image, brightness_range=(0, 0), contrast_range=(0.5, 0.5))
    assert 0.89 < got.max() < 0.905 and 0.295 < got.min() < 0.31
    assert (got[:, ::2] >= 0.79).all() and (got[:, 1::2] <= 0.41).all()


def test_roughness_and_size_of_plasma() -> None:
    def wiggle(**arguments: Any) -> float:
        got = run("PlasmaShadow", flat(1.0, height=256, width=256), **arguments)[..., 0]
        return float(np.abs(np.diff(got, axis=1)).mean() / got.std())

    smooth, middle, rough = (wiggle(roughness=r) for r in (0.5, 3.0, 30.0))
    assert 2 * smooth < middle < rough / 2
    assert wiggle(plasma_size=8, roughness=30) < 0.7 * middle


@pytest.mark.parametrize("method", ["overlay", "physics_based"])
def test_the_sun_is_bright_where_it_is(method: str) -> None:
    settings: Any = {
        "flare_roi": (0.25, 0.75, 0.25, 0.75),
        "src_radius": 20,
        "src_color": (200, 100, 0),
        "method": method,
    }
    got = run("RandomSunFlare", flat(0.2, height=100, width=100), **settings)
    assert got[74:76, 24:26, 0].min() > 0.7
    assert got[75, 33, 0] > got[75, 33, 1] > got[75, 33, 2]
    gray = run("RandomSunFlare", flat(0.2, height=100, width=100, channels=1), **settings)
    assert gray[75, 25, 0] > 0.4
    if method == "physics_based":  # light is only added
        assert got.min() >= 0.2 - 1e-6


def test_lens_flare_adds_light() -> None:
    quiet: Any = {"num_ghosts_range": (0, 0), "bloom_range": (0.01, 0.01), "intensity_range": (1, 1)}
    image = flat(0.1, height=128, width=128)
    bloom = run("LensFlare", image, num_rays_range=(0, 0), **quiet)
    rays = run("LensFlare", image, num_rays_range=(6, 6), **quiet)
    ghosts = run("LensFlare", image, num_rays_range=(0, 0), **{**quiet, "num_ghosts_range": (7, 7)})
    assert bloom.min() >= 0.1 - 1e-6 and bloom.max() > 0.7
    assert rays.mean() > bloom.mean() and (rays > bloom + 0.1).mean() > 0.002
    assert (ghosts > bloom + 0.05).mean() > 0.002
    assert np.allclose(run("LensFlare", image, intensity_range=(0, 0)), 0.1)


@pytest.mark.parametrize(
    ("name", "arguments", "param", "low", "high"),
    [
        ("Vignetting", {}, "intensity", 0.2, 0.5),
        ("PlasmaShadow", {}, "intensity", 0.3, 0.7),
        ("PlasmaBrightnessContrast", {}, "contrast", -0.3, 0.3),
        ("RandomSunFlare", {"angle_range": (0.2, 0.4)}, "angle", 0.2, 0.4),
        ("LensFlare", {}, "bloom", 0.01, 0.05),
        ("Illumination", {"effect_type": "darken"}, "intensity", -0.2, -0.01),
    ],
)
def test_ranges(name: str, arguments: dict[str, Any], param: str, low: float, high: float) -> None:
    values = [params[param] for params in drawn(name, **arguments)]
    margin = (high - low) / 20
    assert low <= min(values) < low + margin and high - margin < max(values) <= high


def test_painted_reflections_are_nearly_as_bright_as_the_sun() -> None:
    for params in drawn("RandomSunFlare", src_color=(250, 200, 100)):
        for *_, red, green, blue in params["circles"]:
            assert red >= 212 and green >= 170 and blue >= 85


@pytest.mark.parametrize("param", ["ghosts", "circles", "intensities"])
def test_counts_reach_both_ends(param: str) -> None:
    name, argument = {
        "ghosts": ("LensFlare", "num_ghosts_range"),
        "circles": ("RandomSunFlare", "num_flare_circles_range"),
        "intensities": ("RandomShadow", "num_shadows_limit"),
    }[param]
    assert {len(params[param]) for params in drawn(name, 200, **{argument: (2, 4)})} == {2, 3, 4}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("RandomShadow", {"shadow_dimension": 2}),
        ("RandomShadow", {"num_shadows_range": (0, 1)}),
        ("RandomSunFlare", {"src_radius": 1}),
        ("LensFlare", {"flare_roi": (0, 0, 1, 2)}),
        ("Illumination", {"gaussian_spots": [(0.5, 0.5)]}),
        ("Illumination", {"gaussian_spots": [(0.5, 0.5, 0.1, 2)]}),
        ("Illumination", {"gaussian_spots": []}),
        ("PlasmaShadow", {"roughness": 0}),
    ],
)
def test_bad_arguments(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(FieldError, match=rf"{name}\.{next(iter(arguments))}: got"):
        getattr(A, name)(**arguments)
