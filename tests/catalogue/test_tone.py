from __future__ import annotations

import json
from typing import Any

import cv2
import numpy as np
import pytest

import augury as A
from augury.errors import FieldError, RecordError, SampleError
from tests.samples import image

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)


def run(transform: A.Transform, source: Any, **targets: Any) -> Any:
    return A.Compose([transform], seed=1)(image=source, **targets)["image"]


def draws(transform: A.Transform, count: int = 300) -> list[dict[str, Any]]:
    pipeline = A.Compose([transform.replace(p=1)], seed=1, save_applied_params=True)
    blank = np.zeros((8, 9, 3), np.uint8)
    return [pipeline(image=blank, key=i)["applied_transforms"][0][1] for i in range(count)]


def spread(values: list[float], low: float, high: float) -> None:
    assert low <= min(values) < low + 0.1 * (high - low)
    assert high - 0.1 * (high - low) < max(values) <= high


def test_brightness_contrast_is_one_line() -> None:
    fixed = {"brightness_range": (0.2, 0.2), "contrast_range": (0.3, 0.3), "p": 1}
    for by_max, level in ((True, 255.0), (False, RAMP.mean())):
        out = run(A.RandomBrightnessContrast(**fixed, brightness_by_max=by_max), RAMP)
        assert np.array_equal(out, np.rint((RAMP * 1.3 + 0.2 * level).clip(0, 255)))
    out = run(A.RandomBrightnessContrast(**fixed, brightness_by_max=True, ensure_safe_output=True), RAMP)
    assert np.array_equal(out, np.rint(RAMP * 0.8 + 51))
    dark = A.RandomBrightnessContrast((-0.2, -0.2), (0.3, 0.3), True, True, p=1)
    assert np.array_equal(run(dark, RAMP), RAMP)


def test_brightness_contrast_draws_and_dialects() -> None:
    drawn = draws(A.RandomBrightnessContrast(0.3, (-0.1, 0.5)))
    spread([d["alpha"] for d in drawn], 0.9, 1.5)
    spread([d["beta"] for d in drawn], -0.3, 0.3)
    assert A.RandomBrightnessContrast(
        brightness_limit=0.3, contrast_limit=(-0.1, 0.5), ensure_safe_range=True
    ) == A.RandomBrightnessContrast((-0.3, 0.3), (-0.1, 0.5), False, True)


def test_brightness_contrast_of_old_files_is_by_max() -> None:
    saved = {"__version__": "2.0.8", "transform": {"__class_fullname__": "RandomBrightnessContrast", "p": 1.0}}
    assert A.from_dict(saved).brightness_by_max
    assert not A.RandomBrightnessContrast().brightness_by_max


def test_gamma() -> None:
    out = run(A.RandomGamma((150, 150), p=1), RAMP)
    assert np.array_equal(out, np.rint(255 * (RAMP / 255) ** 1.5))
    spread([d["gamma"] for d in draws(A.RandomGamma(gamma_limit=50))], 0.01, 0.5)
    with pytest.raises(FieldError, match="gamma_range"):
        A.RandomGamma((0, 10))


def test_tone_curve() -> None:
    t = RAMP / 255
    out = run(A.RandomToneCurve(0, p=1), RAMP)
    assert np.array_equal(out, np.rint(255 * (3 * t * (1 - t) ** 2 * 0.25 + 3 * t**2 * (1 - t) * 0.75 + t**3)))
    drawn = draws(A.RandomToneCurve(1.0))
    assert {min(d["low_y"] for d in drawn), max(d["high_y"] for d in drawn)} == {0.0, 1.0}
    assert isinstance(drawn[0]["low_y"], float)
    each = draws(A.RandomToneCurve(0.3, per_channel=True), 1)[0]
    assert len(set(each["low_y"])) == len(set(each["high_y"])) == 3
    assert len(set(run(A.RandomToneCurve(0.5, True, p=1), image())[0, 0])) == 3
    assert run(A.RandomToneCurve(0.5, True, p=1), RAMP).shape == RAMP.shape


def test_posterize() -> None:
    assert np.array_equal(run(A.Posterize(3, p=1), RAMP), RAMP & 0b11100000)
    rgb = np.stack([RAMP] * 3, -1)
    out = run(A.Posterize([(1, 1), (4, 4), (7, 7)], p=1), rgb)
    assert np.array_equal(out, rgb & np.array([0x80, 0xF0, 0xFE], np.uint8))
    assert {d["num_bits"] for d in draws(A.Posterize((2, 6)))} == {2, 3, 4, 5, 6}
    assert A.Posterize((1, 2, 3)) == A.Posterize([(1, 1), (2, 2), (3, 3)])
    for wrong in (9, -1, (3, 2), "4", [], (1.5, 2), True):
        with pytest.raises(FieldError, match=r"Posterize\.num_bits"):
            A.Posterize(wrong)
    with pytest.raises(SampleError, match="Posterize"):
        run(A.Posterize([(1, 1), (4, 4), (7, 7)], p=1), RAMP)


def test_solarize_and_invert() -> None:
    assert np.array_equal(run(A.Solarize((0.4, 0.4), p=1), RAMP), np.where(RAMP >= 102, 255 - RAMP, RAMP))
    spread([d["threshold"] for d in draws(A.Solarize((0.1, 0.9)))], 0.1, 0.9)
    assert np.array_equal(run(A.InvertImg(p=1), RAMP), 255 - RAMP)


def test_clahe_counts_tiles_across_and_down() -> None:
    gray = image(channels=0)
    want = cv2.createCLAHE(3.0, (4, 6)).apply(gray)
    assert np.array_equal(run(A.CLAHE((3, 3), (4, 6), p=1), gray), want)
    spread([d["clip_limit"] for d in draws(A.CLAHE(clip_limit=3))], 1, 3)
    with pytest.raises(SampleError, match="1 or 3"):
        run(A.CLAHE(p=1), image(channels=5))


def test_auto_contrast() -> None:
    source = RAMP // 2 + 20
    out = run(A.AutoContrast(method="pil", p=1), source)
    assert (out.min(), out.max()) == (0, 255)
    assert np.array_equal(run(A.AutoContrast(60, p=1), source), source)
    kept = run(A.AutoContrast(ignore=30, p=1), source)
    assert np.array_equal(kept == 30, (source == 30) | (kept == 30))
    assert (kept[source == 30] == 30).all()
    with pytest.raises(FieldError, match="ignore"):
        A.AutoContrast(ignore=256)


# ---- equalising under a mask -------------------------------------------------------------------------------

PICTURE = image(40, 50)
CHOSEN = np.zeros((40, 50), np.uint8)
CHOSEN[5:30, 8:44] = 255


@pytest.mark.parametrize("mode", ["cv", "pil"])
@pytest.mark.parametrize("by_channels", [True, False])
@pytest.mark.parametrize("channels", [0, 1, 3])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_full_mask_is_no_mask(mode: str, by_channels: bool, channels: int, dtype: str) -> None:
    source = image(40, 50, channels, dtype)
    full = np.ones((40, 50), bool)
    plain = run(A.Equalize(mode, by_channels, p=1), source)
    assert np.array_equal(run(A.Equalize(mode, by_channels, mask=full, p=1), source), plain)
    assert not np.array_equal(run(A.Equalize(mode, by_channels, mask=CHOSEN, p=1), source), plain)


def test_the_mask_says_what_is_counted() -> None:
    out = run(A.Equalize(mask=CHOSEN, p=1), PICTURE)
    for channel in range(3):
        counted = PICTURE[..., channel][CHOSEN > 0]
        below = np.cumsum(np.bincount(counted, minlength=256))
        first = below[counted.min()]
        table = np.rint((below - first).clip(0) * (255.0 / (counted.size - first)))
        assert np.array_equal(out[..., channel], table[PICTURE[..., channel]])


def test_mask_forms() -> None:
    want = run(A.Equalize(mask=CHOSEN, p=1), PICTURE)
    for mask in (CHOSEN > 0, CHOSEN[:, :, None], np.stack([CHOSEN] * 3, -1), CHOSEN.tolist()):
        assert np.array_equal(run(A.Equalize(mask=mask, p=1), PICTURE), want)
    empty = np.zeros((40, 50), np.uint8)
    for mode in ("cv", "pil"):
        assert np.array_equal(run(A.Equalize(mode, mask=empty, p=1), PICTURE), PICTURE)
    with pytest.raises(SampleError, match=r"Equalize.*\(4, 50\)"):
        run(A.Equalize(mask=CHOSEN[:4], p=1), PICTURE)
    with pytest.raises(SampleError, match="by_channels"):
        run(A.Equalize("cv", False, np.stack([CHOSEN] * 3, -1), p=1), PICTURE)
    for wrong in (3, "mask", [[[[1]]]], {"a": 1}):
        with pytest.raises(FieldError, match=r"Equalize\.mask"):
            A.Equalize(mask=wrong)


def bright(image: Any, above: int, mask: Any) -> Any:
    return (image[..., 0] > above) & (mask > 0)


def test_a_mask_function_gets_the_named_arguments() -> None:
    transform = A.Equalize(mask=bright, mask_params=["above", "mask"], p=1)
    pipeline = A.ReplayCompose([A.HorizontalFlip(p=1), transform], seed=1, strict=True, save_applied_params=True)
    result = pipeline(image=PICTURE, mask=CHOSEN, above=90)
    flipped = PICTURE[:, ::-1]
    want = run(A.Equalize(mask=bright(flipped, 90, CHOSEN[:, ::-1]), p=1), flipped)
    assert np.array_equal(result["image"], want)
    assert result["above"] == 90
    record = json.loads(json.dumps(result["replay"]))
    assert np.array_equal(A.replay(record, image=PICTURE, mask=CHOSEN)["image"], want)
    applied = json.loads(json.dumps(result["applied_transforms"]))
    assert np.array_equal(A.Compose.from_applied_transforms(applied)(image=PICTURE, mask=CHOSEN)["image"], want)
    with pytest.raises(SampleError, match=r"mask_params.*'above' is missing"):
        pipeline(image=PICTURE, mask=CHOSEN)


def test_stacks_share_the_curves_of_all_frames() -> None:
    stack = np.stack([PICTURE, 255 - PICTURE])
    out = A.Compose([A.Equalize(mask=CHOSEN, p=1)])(images=stack)["images"]
    both = run(A.Equalize(mask=np.concatenate([CHOSEN, CHOSEN]), p=1), np.concatenate([*stack]))
    assert np.array_equal(np.concatenate([*out]), both)
    listed = A.Compose([A.Equalize(mask=CHOSEN, p=1)])(images=list(stack))["images"]
    assert np.array_equal(np.stack(listed), out)


def test_masks_are_saved_with_the_pipeline_but_functions_are_not() -> None:
    transform = A.Equalize(mask=CHOSEN)
    again = A.from_dict(json.loads(json.dumps(A.to_dict(transform))))
    assert again == transform
    assert hash(again) == hash(transform)
    assert transform != A.Equalize(mask=255 - CHOSEN)
    assert "40, 50" in repr(transform)
    with pytest.raises((FieldError, RecordError), match="name of a function"):
        A.from_dict(A.to_dict(A.Equalize(mask=bright)))


def test_a_mask_does_not_fit_some_channels() -> None:
    some = A.SelectiveChannelTransform([A.Equalize(mask=CHOSEN, p=1)], channels=(0,), p=1)
    with pytest.raises(SampleError, match="some channels only"):
        A.Compose([some])(image=PICTURE)
