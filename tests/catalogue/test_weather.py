"""Rain, snow, fog, spatter and gravel: their laws on flat images, drawn values, both dialects' arguments."""

from __future__ import annotations

import colorsys
import math
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.errors import FieldError
from tests.catalogue.effects import drawn, flat, run

DTYPES = ["uint8", "uint16", "float32"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", ["linear", "diagonal", "radial"])
def test_atmospheric_fog_is_koschmieders_law(mode: str, dtype: str) -> None:
    size = 200  # above 128 the field is computed on cells of several pixels
    image = flat(0.2, dtype, size, size)
    got = run("AtmosphericFog", image, density_range=(2, 2), fog_color=(255, 128, 0), depth_mode=mode)
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    depth = {"linear": 1 - y, "diagonal": 1 - (x + y) / 2, "radial": 1 - np.hypot(x - 0.5, y - 0.5) / math.sqrt(0.5)}
    through = np.exp(-2 * depth[mode])[..., None]
    want = 0.2 * through + np.array([1, 128 / 255, 0]) * (1 - through)
    # Near the middle the radial depth has a kink, which cells of three pixels round off.
    assert np.abs(got - want).max() < (0.02 if mode == "radial" else 1.6 / 255 if dtype == "uint8" else 1e-3)


def test_fog_whitens_in_patches_and_with_its_coefficient() -> None:
    dark = flat(0)
    thin, thick = (run("RandomFog", dark, fog_coef_range=(c, c)) for c in (0.3, 1))
    assert 0.005 < thin.mean() < 0.1 < thick.mean() < 0.7
    assert thick.std() > 0.05 and thick.max() <= 1
    assert (run("RandomFog", flat(1.0), fog_coef_range=(1, 1)) == 1).all()
    assert (run("RandomFog", dark, alpha_coef=0) == 0).all()
    assert np.abs(np.diff(run("RandomFog", flat(0, height=256, width=256)), axis=1)).max() < 0.05


def test_rain_is_streaks_of_the_colour_over_a_darker_image() -> None:
    got = run("RandomRain", flat(0.5, height=128, width=128), drop_color=(255, 255, 255), slant_range=(0, 0))
    dry = np.isclose(got, 0.35, atol=1e-3).all(axis=2)
    assert 0.7 < dry.mean() < 0.98
    wet = got[~dry]
    assert wet.min() > 0.35 and wet.max() < 0.85
    lengths = (~dry).sum(axis=0)
    assert lengths.max() >= 15  # vertical


@pytest.mark.parametrize("degrees", [-40, 40])
def test_rain_falls_along_its_slant(degrees: float) -> None:
    image = flat(0, height=96, width=96)
    wet = run("RandomRain", image, slant_range=(degrees, degrees), drop_length=40, blur_value=1)[..., 0]
    step = round(10 * math.tan(math.radians(degrees)))
    along, against = (float((wet[10:, 20:-20] * np.roll(wet, s, 1)[:-10, 20:-20]).mean()) for s in (step, -step))
    assert along > 3 * against


def test_more_rain_is_more_rain() -> None:
    image = flat(0, height=128, width=128)
    amounts = [run("RandomRain", image, rain_type=t).mean() for t in ("drizzle", "default", "heavy", "torrential")]
    assert amounts == sorted(amounts)
    assert (run("RandomRain", flat(0.5), drop_length=0, brightness_coefficient=1) > 0.5).mean() < 0.05
    assert run("RandomRain", image, drop_width=4).mean() > 2 * amounts[1]


@pytest.mark.parametrize("dtype", DTYPES)
def test_bleaching_changes_the_lightness_of_dark_pixels(dtype: str) -> None:
    rng = np.random.default_rng(0)
    full = 1.0 if dtype == "float32" else float(np.iinfo(dtype).max)
    image = (rng.random((20, 20, 3)) * full).astype(dtype)
    got = run("RandomSnow", image, snow_point_range=(0.4, 0.4), brightness_coeff=1.8)
    for before, after in zip(image.reshape(-1, 3) / full, got.reshape(-1, 3), strict=True):
        h, light, s = colorsys.rgb_to_hls(*before)
        want = colorsys.hls_to_rgb(h, min(1.8 * light, 1), s) if light < 1 / 3 + 0.2 else before
        near_threshold = abs(light - 1 / 3 - 0.2) < 0.003
        assert near_threshold or np.abs(after - want).max() < (2.6 / 255 if dtype == "uint8" else 1e-3)


def test_bleaching_of_gray_images() -> None:
    image = np.linspace(0, 1, 100, dtype=np.float32).reshape(10, 10, 1)
    got = run("RandomSnow", image, snow_point_range=(0.2, 0.2), brightness_coeff=2)
    dark = image < 1 / 3 + 0.1
    assert np.allclose(got, np.where(dark, np.minimum(2 * image, 1), image), atol=1e-5)


def test_flurry() -> None:
    light, heavy = (run("RandomSnow", flat(0), method="texture", snow_point_range=(s, s)) for s in (0.2, 0.9))
    assert 0 < light.mean() < heavy.mean()
    assert heavy[:16].mean() > heavy[-16:].mean()


@pytest.mark.parametrize("mode", ["rain", "mud"])
def test_spatter_covers_what_the_noise_exceeds(mode: str) -> None:
    image = flat(0, height=256, width=256)
    # The smoothed noise is Gaussian with deviation 0.3 / (2 sqrt(pi) sigma): 24 % of it is above 0.68.
    for sigma, share in ((2, 0.24), (4, 0.08)):
        got = run("Spatter", image, gauss_sigma=(sigma, sigma), mode=mode, color=(255, 255, 255))
        assert abs((got > 0.25 if mode == "mud" else got > 0.01).mean() - share) < 0.04
        assert got.max() <= 0.6 + 1e-6
    assert (run("Spatter", image, cutout_threshold=(1, 1), mean=(0, 0)) == 0).all()


def test_mud_is_brown_and_its_colour_can_be_set() -> None:
    got = run("Spatter", flat(1.0), mode="mud", intensity=(1, 1), mean=(1, 1), cutout_threshold=(0, 0))
    assert np.allclose(got, np.array([63, 42, 20]) / 255, atol=1e-6)
    got = run(
        "Spatter", flat(1.0), mode="mud", intensity=(1, 1), mean=(1, 1), cutout_threshold=(0, 0), color=(0, 9, 99)
    )
    assert np.allclose(got, np.array([0, 9, 99]) / 255, atol=1e-6)


def test_gravel_lies_in_its_region() -> None:
    changed = run("RandomGravel", flat(1.0, height=200, width=200), gravel_roi=(0.7, 0.7, 0.8, 0.8)) < 1
    assert 50 < changed.any(axis=2).sum() < 4000
    assert not changed[:80].any() and not changed[:, :80].any()
    assert (changed[..., 0] == changed[..., 1]).all()
    few, many = (run("RandomGravel", flat(1.0), number_of_patches=n).mean() for n in (1, 9))
    assert few > many


@pytest.mark.parametrize(
    ("name", "arguments", "param", "low", "high"),
    [
        ("RandomRain", {}, "slant", -10, 10),
        ("RandomSnow", {}, "snow_point", 0.1, 0.3),
        ("RandomFog", {}, "fog_coef", 0.3, 1),
        ("AtmosphericFog", {}, "density", 1, 3),
        ("Spatter", {"mean": 0.5}, "mean", 0, 0.5),
        ("Spatter", {"gauss_sigma_range": (1, 9)}, "sigma", 1, 9),
    ],
)
def test_ranges(name: str, arguments: dict[str, Any], param: str, low: float, high: float) -> None:
    values = [params[param] for params in drawn(name, **arguments)]
    margin = (high - low) / 20
    assert low <= min(values) < low + margin and high - margin < max(values) <= high


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("RandomRain", {"slant_range": (-50, 0)}),
        ("RandomRain", {"drop_color": (1, 2)}),
        ("RandomRain", {"drop_color": (0, 0, 256)}),
        ("RandomRain", {"blur_value": 0}),
        ("RandomSnow", {"brightness_coeff": 0}),
        ("RandomFog", {"alpha_coef": 1.1}),
        ("RandomGravel", {"gravel_roi": (0.5, 0, 0.4, 1)}),
        ("RandomGravel", {"gravel_roi": (0, 0.5, 1, 0.4)}),
        ("RandomGravel", {"gravel_roi": "all"}),
        ("Spatter", {"mode": "snow"}),
    ],
)
def test_bad_arguments(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(FieldError, match=rf"{name}\.{next(iter(arguments))}: got"):
        getattr(A, name)(**arguments)
