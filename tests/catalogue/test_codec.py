from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

import augury as A
from augury.errors import FieldError
from tests.samples import image

RGB = image(40, 60)


def run(transform: A.Transform, source: Any) -> Any:
    return A.Compose([transform], seed=1)(image=source)["image"]


def draws(transform: A.Transform, count: int = 300) -> list[dict[str, Any]]:
    pipeline = A.Compose([transform.replace(p=1)], seed=1, save_applied_params=True)
    blank = np.zeros((8, 9, 3), np.uint8)
    return [pipeline(image=blank, key=i)["applied_transforms"][0][1] for i in range(count)]


@pytest.mark.parametrize(("kind", "extension"), [("jpeg", ".jpg"), ("webp", ".webp")])
def test_compression_is_a_round_trip(kind: str, extension: str) -> None:
    flag = cv2.IMWRITE_JPEG_QUALITY if kind == "jpeg" else cv2.IMWRITE_WEBP_QUALITY
    want = cv2.imdecode(cv2.imencode(extension, RGB, [flag, 30])[1], cv2.IMREAD_COLOR)
    assert np.array_equal(run(A.ImageCompression(kind, (30, 30), p=1), RGB), want)


def test_compression_quality() -> None:
    transform = A.ImageCompression(quality_range=(1, 4))
    assert {d["quality"] for d in draws(transform)} == {1, 2, 3, 4}
    for wrong in ((0, 10), (10, 101), (20, 10)):
        with pytest.raises(FieldError, match="quality_range"):
            A.ImageCompression(quality_range=wrong)
    with pytest.raises(FieldError, match="compression_type"):
        A.ImageCompression("png")


@pytest.mark.parametrize("up", range(7))
@pytest.mark.parametrize("down", range(7))
def test_downscale_pairs(up: int, down: int) -> None:
    for source in (RGB, image(40, 60, dtype="float32")):
        out = run(A.Downscale((0.5, 0.5), {"upscale": up, "downscale": down}, p=1), source)
        assert np.array_equal(
            out, cv2.resize(cv2.resize(source, (30, 20), interpolation=down), (60, 40), interpolation=up)
        )


def test_downscale_ends() -> None:
    assert np.array_equal(run(A.Downscale((1, 1), p=1), RGB), RGB)
    assert (run(A.Downscale((0, 0), p=1), RGB) == RGB[0, 0]).all()
    transform = A.Downscale((0.3, 0.9))
    scales = [d["scale"] for d in draws(transform)]
    assert 0.3 <= min(scales) < 0.33 < 0.87 < max(scales) < 0.9
    for wrong in (
        {"upscale": 1},
        {"upscale": 1, "downscale": 7},
        {"up": 1, "down": 1},
        (0, 1),
        {"upscale": "a", "downscale": 0},
    ):
        with pytest.raises(FieldError, match="interpolation_pair"):
            A.Downscale(interpolation_pair=wrong)
    with pytest.raises(FieldError, match="scale_range"):
        A.Downscale((0.5, 1.1))


def test_drawn_pairs_are_fresh() -> None:
    transform = A.Downscale()
    draws(transform, 1)[0]["interpolation_pair"]["upscale"] = 4
    assert transform.interpolation_pair == {"upscale": 0, "downscale": 0}
