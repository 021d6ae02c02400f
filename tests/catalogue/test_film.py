"""Fringes, grain, halftone and dithering: what they keep and what they change, every option, both dialects."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

import augury as A
from augury.errors import FieldError, SampleError
from tests.catalogue.effects import drawn, flat, run
from tests.samples import image as photo

DTYPES = ["uint8", "uint16", "float32"]
ALGORITHMS = ["floyd_steinberg", "jarvis", "stucki", "atkinson", "burkes", "sierra", "sierra_2row", "sierra_lite"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_aberration_moves_red_and_blue_by_the_lens_formula(dtype: str) -> None:
    size = 200
    y, x = np.mgrid[:size, :size] + 0.5
    full = 1.0 if dtype == "float32" else float(np.iinfo(dtype).max)
    image = np.stack([x / size, y / size, (x + y) / (2 * size)], axis=2)
    source = (image * full).astype(dtype)
    got = run(
        "ChromaticAberration", source, primary_distortion_limit=(-0.2, -0.2), secondary_distortion_range=(0.1, 0.1)
    )
    right, down = x / size - 0.5, y / size - 0.5
    square = right**2 + down**2
    factor = 1 - 0.2 * square + 0.1 * square**2
    bent = np.stack([right * factor + 0.5, y / size, (right + down) * factor / 2 + 0.5], axis=2)
    assert np.abs(got - bent).max() < (1.6 / 255 if dtype == "uint8" else 1e-3)


def test_aberration_modes() -> None:
    for red, blue in ((params["red"], params["blue"]) for params in drawn("ChromaticAberration")):
        assert all(r * b >= 0 for r, b in zip(red, blue, strict=True))
    for red, blue in ((params["red"], params["blue"]) for params in drawn("ChromaticAberration", mode="red_blue")):
        assert all(r * b <= 0 for r, b in zip(red, blue, strict=True))
    signs = [params["red"][0] * params["blue"][0] > 0 for params in drawn("ChromaticAberration", mode="random")]
    assert 60 < sum(signs) < 140


def test_aberration_leaves_gray_alone_and_refuses_four_channels() -> None:
    gray = photo(32, 32, 0)
    assert np.array_equal(A.ChromaticAberration(p=1)(image=gray)["image"], gray)
    with pytest.raises(SampleError, match="ChromaticAberration: got an image of shape"):
        A.ChromaticAberration(p=1)(image=flat(channels=4))


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_grain_is_binomial(dtype: str, size: int) -> None:
    for tone in (0.2, 0.5, 0.9):
        image = flat(tone, dtype, 192, 192)
        got = run("FilmGrain", image, intensity_range=(0.1, 0.1), grain_size_range=(size, size))
        assert (got[..., 0] == got[..., 1]).all()
        assert abs(got.mean() - tone) < 0.003
        assert got.std() == pytest.approx(0.1 * (tone * (1 - tone)) ** 0.5, rel=0.08)
        neighbours = np.corrcoef(got[:, 1:, 0].ravel(), got[:, :-1, 0].ravel())[0, 1]
        assert neighbours > 0.6 if size == 3 else abs(neighbours) < 0.03
    for tone in (0.0, 1.0):
        assert (run("FilmGrain", flat(tone, dtype), intensity_range=(1, 1)) == tone).all()


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("dtype", DTYPES)
def test_dots_cover_the_darkness(dtype: str, channels: int) -> None:
    for tone in (0.1, 0.4, 0.8):
        got = run("Halftone", flat(tone, dtype, 240, 240, channels), dot_size_range=(8, 8), blend_range=(0, 0))
        assert abs(got.mean() - tone) < 0.03
        assert ((got < 0.1) | (got > 0.9)).mean() > 0.55
    image = flat(0.4, dtype, 240, 240, channels)
    assert np.abs(run("Halftone", image, blend_range=(1, 1)) - 0.4).max() < 0.003


def test_dots_repeat_at_their_distance_along_the_angle() -> None:
    got = run("Halftone", flat(0.5, height=256, width=256), dot_size_range=(16, 16), blend_range=(0, 0))
    blue = np.abs(np.fft.rfft2(got[..., 2] - got[..., 2].mean()))  # at 0 degrees
    assert blue[0, 16] > 0.9 * blue.max() and blue[16, 0] > 0.9 * blue.max()


@pytest.mark.parametrize("settings", [
    *({"error_diffusion_algorithm": a, "serpentine": s} for a in ALGORITHMS for s in (False, True)),
    *({"method": "ordered", "bayer_matrix_size": n} for n in (2, 4, 8, 16)),
    {"method": "random"},
])  # fmt: skip
@pytest.mark.parametrize("levels", [2, 5])
def test_dithering_keeps_the_local_mean(settings: dict[str, Any], levels: int) -> None:
    image = cv2.GaussianBlur(photo(64, 64, dtype="float32"), (0, 0), 4) * 0.8 + 0.1
    got = run("Dithering", image, n_colors=levels, color_mode="per_channel", **settings)
    assert np.allclose(got * (levels - 1), np.rint(got * (levels - 1)), atol=1e-4)
    if settings.get("error_diffusion_algorithm") == "atkinson":  # lets a quarter of every error go
        return
    blurred = [cv2.GaussianBlur(a.astype(np.float64), (0, 0), 6) for a in (got, image)]
    rough = settings.get("method") == "random" or settings.get("bayer_matrix_size") == 2
    assert np.abs(blurred[0] - blurred[1]).mean() < (0.08 if rough else 0.03)


def test_floyd_and_steinberg_by_hand() -> None:
    image = np.array([[100, 100, 100], [100, 100, 100]], np.uint8)
    got = A.Dithering(p=1)(image=image)["image"]
    # 100 is black; 143.75 is white, error -111.25; 51.3 is black. Below: 110.4, 129.4 and 54.1.
    assert got.tolist() == [[0, 255, 0], [0, 255, 0]]


def test_serpentine_rows_run_back() -> None:
    image = np.full((2, 20), 81, np.uint8)
    straight, back = (A.Dithering(serpentine=s, p=1)(image=image)["image"] for s in (False, True))
    assert np.array_equal(straight[0], back[0]) and not np.array_equal(straight[1], back[1])


def test_ordered_dithering_is_bayers_matrix() -> None:
    image = np.full((2, 2), 0.5, np.float32)
    for value, lit in ((0.1, 0), (0.2, 1), (0.4, 2), (0.7, 3), (0.9, 4)):
        got = A.Dithering(method="ordered", bayer_matrix_size=2, p=1)(image=image * 2 * value)["image"]
        assert got.sum() == lit


@pytest.mark.parametrize("dtype", DTYPES)
def test_gray_dithering_and_its_noise(dtype: str) -> None:
    got = run("Dithering", photo(40, 40, dtype=dtype))
    assert (got == got[..., :1]).all() and set(np.unique(got)) == {0, 1}
    plain = run("Dithering", flat(0.4, dtype), method="random", noise_range=(0, 0))
    assert (plain == 0).all()
    assert abs(run("Dithering", flat(0.4, dtype, 200, 200), method="random").mean() - 0.4) < 0.02


def test_ranges() -> None:
    assert {params["grain_size"] for params in drawn("FilmGrain")} == {1, 2, 3}
    assert {params["dot_size"] for params in drawn("Halftone")} == set(range(4, 11))
    blends = [params["blend"] for params in drawn("Halftone")]
    assert 0 <= min(blends) < 0.02 and 0.48 < max(blends) <= 0.5


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Dithering", {"n_colors": 1}),
        ("Dithering", {"bayer_matrix_size": 3}),
        ("Dithering", {"error_diffusion_algorithm": "floyd"}),
        ("Halftone", {"dot_size_range": (1, 4)}),
        ("FilmGrain", {"grain_size_range": (0.5, 2)}),
        ("ChromaticAberration", {"mode": "green"}),
    ],
)
def test_bad_arguments(name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(FieldError, match=rf"{name}\.{next(iter(arguments))}: got"):
        getattr(A, name)(**arguments)
