from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import augury as A
from augury import ops
from augury.errors import FieldError, SampleError
from augury.sample import Signature
from tests.samples import image

SIG = Signature((8, 9, 3))
RGB = image(20, 24)
GRAY = image(20, 24, 0)


def run(transform: A.Transform, source: Any) -> Any:
    return A.Compose([transform], seed=1)(image=source)["image"]


def draws(transform: A.Transform, count: int = 300) -> list[dict[str, Any]]:
    pipeline = A.Compose([transform.replace(p=1)], seed=1, save_applied_params=True)
    blank = np.zeros((8, 9, 3), np.uint8)
    return [pipeline(image=blank, key=i)["applied_transforms"][0][1] for i in range(count)]


def spread(values: list[float], low: float, high: float) -> None:
    assert low <= min(values) < low + 0.1 * (high - low)
    assert high - 0.1 * (high - low) < max(values) <= high


def pixel(*rgb: float, dtype: str = "uint8") -> Any:
    return np.full((2, 2, 3), rgb, dtype)


def test_hue_saturation_value() -> None:
    still = {"hue_shift_limit": 0, "sat_shift_limit": 0, "val_shift_limit": 0, "p": 1}
    turned = run(A.HueSaturationValue(**{**still, "hue_shift_limit": (60, 60)}), pixel(100, 0, 0))
    assert turned[0, 0].tolist() == [0, 100, 0]  # 60 steps of 2 degrees: red to green
    brighter = run(A.HueSaturationValue(**{**still, "val_shift_limit": (20, 20)}), pixel(100, 0, 0))
    assert brighter[0, 0].tolist() == [120, 0, 0]
    paler = run(A.HueSaturationValue(**{**still, "sat_shift_limit": (-51, -51)}), pixel(1, 0, 0, dtype="float32"))
    assert np.allclose(paler[0, 0], [1, 0.2, 0.2], atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "uint16"])
def test_gray_pixels_stay_gray(dtype: str) -> None:
    level = {"uint8": 90, "float32": 0.35, "uint16": 23130}[dtype]
    out = run(A.HueSaturationValue((30, 30), (40, 40), (10, 10), p=1), pixel(level, level, level, dtype=dtype))
    assert (out == out[0, 0, 0]).all()
    assert out[0, 0, 0] > level


def test_hue_saturation_value_draws_and_gray_images() -> None:
    drawn = draws(A.HueSaturationValue(20, (-5, 30), 40))
    spread([d["hue_shift"] for d in drawn], -20, 20)
    spread([d["sat_shift"] for d in drawn], -5, 30)
    spread([d["val_shift"] for d in drawn], -40, 40)
    out = run(A.HueSaturationValue((30, 30), (40, 40), (13, 13), p=1), GRAY)
    assert np.array_equal(out, np.minimum(GRAY.astype(int) + 13, 255))
    assert A.HueSaturationValue(hue_shift_limit=5, sat_shift_limit=6, val_shift_limit=7) == A.HueSaturationValue(
        5, 6, 7
    )


def test_rgb_shift_units() -> None:
    shift = A.RGBShift((10, 10), (-20, -20), (0.1, 0.1), p=1)
    assert run(shift, pixel(100, 100, 100))[0, 0].tolist() == [110, 80, 126]
    out = run(shift, pixel(0.5, 0.5, 0.5, dtype="float32"))
    assert np.allclose(out[0, 0], [0.5 + 10 / 255, 0.5 - 20 / 255, 0.6], atol=1e-6)
    assert np.array_equal(run(shift, GRAY), np.minimum(GRAY.astype(int) + 10, 255))
    drawn = draws(A.RGBShift(r_shift_limit=20, g_shift_limit=0.2, b_shift_limit=(-1, 2)))
    spread([255 * d["r_shift"] for d in drawn], -20, 20)
    spread([d["g_shift"] for d in drawn], -0.2, 0.2)
    spread([255 * d["b_shift"] for d in drawn], -1, 2)


def jitter(**values: Any) -> A.Transform:
    still = {"brightness": (1, 1), "contrast": (1, 1), "saturation": (1, 1), "hue": (0, 0)}
    return A.ColorJitter(**{**still, **values}, p=1)


def test_color_jitter_one_by_one() -> None:
    source = pixel(100, 77, 50)
    luma = 0.299 * 100 + 0.587 * 77 + 0.114 * 50
    values = np.array([100, 77, 50])
    assert run(jitter(), source)[0, 0].tolist() == [100, 77, 50]
    assert run(jitter(brightness=(1.3, 1.3)), source)[0, 0].tolist() == [130, 100, 65]
    contrast = run(jitter(contrast=(0.7, 0.7)), source)[0, 0]
    assert np.abs(contrast - (0.7 * values + 0.3 * luma)).max() <= 0.6
    saturation = run(jitter(saturation=(1.4, 1.4)), source)[0, 0]
    assert np.abs(saturation - (1.4 * values - 0.4 * luma)).max() <= 0.5
    assert len(set(run(jitter(saturation=(0, 0)), source)[0, 0])) == 1
    assert run(jitter(hue=(1 / 3, 1 / 3)), pixel(100, 0, 0))[0, 0].tolist() == [0, 100, 0]


def test_color_jitter_order_and_numbers() -> None:
    transform = A.ColorJitter(0.3, 1.5, (0.5, 2), 0.2)
    assert (transform.brightness_range, transform.contrast_range, transform.hue_range) == (
        (0.7, 1.3),
        (0, 2.5),
        (-0.2, 0.2),
    )
    drawn = draws(transform, 600)
    assert {tuple(d["order"]) for d in drawn} == set(itertools.permutations(range(4)))
    spread([d["brightness"] for d in drawn], 0.7, 1.3)
    spread([d["hue"] for d in drawn], -0.2, 0.2)
    params = {"brightness": 1.2, "contrast": 1.1, "saturation": 0.9, "hue": 0.1, "order": (3, 1, 0, 2)}
    kinds = [type(op) for op in A.ColorJitter.lower(params, SIG)]
    assert kinds == [ops.HueSaturation, ops.Contrast, ops.Linear, ops.ColorMatrix]
    kinds = [type(op) for op in A.ColorJitter.lower(params, Signature((8, 9)))]
    assert kinds == [ops.Contrast, ops.Linear]
    with pytest.raises(FieldError, match="brightness_range"):
        A.ColorJitter(brightness=(-1, 3))


def test_channel_shuffle() -> None:
    assert np.array_equal(run(A.ChannelShuffle((2, 0, 1), p=1), RGB), RGB[..., [2, 0, 1]])
    drawn = {tuple(d["channels_shuffled"]) for d in draws(A.ChannelShuffle())}
    assert drawn == set(itertools.permutations(range(3)))
    assert np.array_equal(run(A.ChannelShuffle(p=1), GRAY), GRAY)
    five = image(channels=5)
    assert np.array_equal(np.sort(run(A.ChannelShuffle(p=1), five)), np.sort(five))
    for wrong in ((0, 0, 1), (1, 2, 3), (), "rgb", 3, (0.5, 1)):
        with pytest.raises(FieldError, match="channel_order"):
            A.ChannelShuffle(wrong)
    with pytest.raises(SampleError, match="channel_order"):
        run(A.ChannelShuffle((1, 0), p=1), RGB)


def test_to_gray() -> None:
    want = {
        "weighted_average": RGB @ [0.299, 0.587, 0.114],
        "average": RGB.mean(-1),
        "max": RGB.max(-1),
        "desaturation": (RGB.max(-1).astype(float) + RGB.min(-1)) / 2,
    }
    for method in ("weighted_average", "from_lab", "desaturation", "average", "max", "pca"):
        out = run(A.ToGray(method=method, p=1), RGB)
        assert out.shape == RGB.shape
        assert (out == out[..., :1]).all()
        if method in want:
            assert np.abs(out[..., 0] - want[method]).max() <= 1
    assert run(A.ToGray(1, p=1), RGB).shape == (20, 24, 1)
    assert run(A.ToGray(5, "pca", p=1), RGB).shape == (20, 24, 5)
    assert run(A.ToGray(method="average", p=1), image(channels=5)).shape == (60, 81, 3)
    assert np.array_equal(run(A.ToGray(p=1), GRAY), GRAY)
    with pytest.raises(SampleError, match=r"3 \(RGB\)"):
        run(A.ToGray(p=1), image(channels=5))


def test_to_gray_changes_what_later_steps_see() -> None:
    pipeline = A.Compose([A.ToGray(1, p=1), A.RandomToneCurve(0.3, True, p=1), A.ToSepia(p=1)], seed=1)
    assert pipeline(image=RGB)["image"].shape == (20, 24, 1)


def test_to_sepia() -> None:
    out = run(A.ToSepia(p=1), RGB)
    rows = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
    assert np.abs(out - (RGB @ rows.T).clip(0, 255)).max() <= 1
    assert np.array_equal(run(A.ToSepia(p=1), GRAY), GRAY)


def test_fancy_pca_adds_one_colour() -> None:
    assert np.array_equal(run(A.FancyPCA(0, p=1), RGB), RGB)
    source = image(dtype="float32") * np.float32(0.5) + np.float32(0.25)
    result = A.Compose([A.FancyPCA(0.5, p=1)], seed=3, save_applied_params=True)(image=source)
    change = (result["image"] - source).reshape(-1, 3)
    assert np.abs(change - change[0]).max() < 1e-6
    values, vectors = np.linalg.eigh(np.cov(source.reshape(-1, 3).T.astype(float), bias=True))
    coordinates = np.abs(vectors.T @ change[0])[::-1] / values[::-1]
    drawn = result["applied_transforms"][0][1]["alpha_vector"]
    assert np.allclose(coordinates, np.abs(drawn), atol=1e-3)
    several = [a for d in draws(A.FancyPCA(0.2)) for a in d["alpha_vector"]]
    assert abs(np.std(several) - 0.2) < 0.02


@pytest.mark.parametrize("name", ["HueSaturationValue", "RGBShift", "ColorJitter", "ToSepia"])
def test_other_channel_counts_are_refused(name: str) -> None:
    with pytest.raises(SampleError, match=rf"{name}: got .* 5 channels, needs 1 \(gray\) or 3"):
        run(getattr(A, name)(p=1), image(channels=5))
    assert run(A.SelectiveChannelTransform([getattr(A, name)(p=1)], (0, 2, 4), p=1), image(channels=5)).shape[2] == 5


def test_6500_kelvin_is_white_and_candles_are_red() -> None:
    gray = np.full((4, 4, 3), 100, np.uint8)
    for mode in ("blackbody", "cied"):
        for low, sign in ((6500, 0), (4000, 1), (12000, -1)):
            step = A.PlanckianJitter(mode, (low, low), p=1)
            red, green, blue = A.Compose([step], seed=1)(image=gray, key=0)["image"][0, 0].astype(int)
            assert green == 100 and np.sign(red - 100) == sign == np.sign(100 - blue)


def test_exposure_colour_ramps_and_channels() -> None:
    sample = np.random.default_rng(0).integers(0, 120, (30, 30, 3)).astype(np.uint8)

    def run(step: Any) -> Any:
        return A.Compose([step], seed=1)(image=sample, key=0)["image"]

    assert abs(run(A.ExposureMatching((0.4, 0.4), p=1)).mean() / 255 - 0.4) < 0.005
    assert abs(run(A.ExposureMatching((0.9, 0.9), (1, 1.1), p=1)).mean() - 1.1 * sample.mean()) < 0.5
    assert np.array_equal(run(A.ChannelSwap(p=1)), sample[..., ::-1])
    ramp = run(A.Colorize(((0, 0, 50),) * 2, ((255, 0, 50),) * 2, p=1))
    assert (ramp[..., 1] == 0).all() and (ramp[..., 2] == 50).all()
    luma = sample @ np.array([0.299, 0.587, 0.114])
    assert np.abs(ramp[..., 0] - luma).max() < 1.01
    assert np.array_equal(run(A.PhotoMetricDistort(distort_p=0, p=1)), sample)
    assert A.Compose([A.ToRGB(4)])(image=sample[..., 0])["image"].shape == (30, 30, 4)
