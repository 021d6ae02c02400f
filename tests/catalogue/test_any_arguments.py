"""Any valid arguments and any image: the result is finite and in range, nothing was written to, and it replays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import augury as A
from augury.catalogue import __all__ as names
from augury.catalogue import convert, film, light, volume, weather
from augury.errors import FieldError, SampleError
from augury.transform import REGISTRY
from tests.samples import extras, font
from tests.strategies import arguments, images

# Volumes have a test of their own.
NAMES = [name for name in names if name not in (*convert.__all__, *volume.__all__)]
GIVEN = {"TextImage": {"font_path": font()}}
# These take every image, but for one, and never leave [0, 1].
STRICT = {*weather.__all__, *light.__all__, *film.__all__}


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_arguments_any_image(name: str, data: st.DataObject) -> None:
    try:
        transform: Any = REGISTRY[name](**GIVEN.get(name, {}), **data.draw(arguments(REGISTRY[name])), p=1)
    except FieldError:
        assume(False)  # these contradict each other
    image = data.draw(images(64))
    before, (height, width) = image.copy(), image.shape[:2]
    image.flags.writeable = False
    mask = np.zeros((height, width), np.uint8)
    mask[height // 3 :, : width // 2 + 1] = 1
    pipeline = A.ReplayCompose(
        [transform],
        bbox_params=A.BboxParams("pascal_voc", label_fields=["labels"]),
        keypoint_params=A.KeypointParams("xy"),
        seed=data.draw(st.integers(0, 99)),
    )
    targets = {"image": image, "mask": mask, "bboxes": [[0, 0, width / 2, height]], "labels": ["cat"]}
    targets |= {"keypoints": [[0, 0]]}
    if name == "RandomCropNearBBox":
        targets |= {"cropping_bbox": [0, 0, width / 2, height]}
    elif "metadata_key" in transform.fields:
        (targets[transform.metadata_key],) = extras(name, image).values()
    try:
        out = pipeline(**targets, key=0)
    except SampleError:
        assert name not in STRICT or (name == "ChromaticAberration" and image.shape[2:] not in ((), (1,), (3,)))
        return  # which images a transform refuses is said in test_bad_input.py and its own file
    result = out["image"]
    assert np.array_equal(image, before)
    assert result.dtype == image.dtype and result.flags.c_contiguous and not np.may_share_memory(result, image)
    assert out["mask"].shape == result.shape[:2]
    if REGISTRY[name].acts_on == "image" and name not in ("ToGray", "ToRGB"):
        assert result.shape == image.shape and np.array_equal(out["mask"], mask)
    # A dropped channel holds whatever number was asked for.
    if image.dtype == np.float32 and name != "ChannelDropout":
        # Cubic and Lanczos interpolation may leave [0, 1].
        resampled = REGISTRY[name].acts_on == "dual" and "interpolation" in REGISTRY[name].fields
        resampled = resampled or name == "Downscale"
        beyond = 0 if name in STRICT else 0.5 if resampled else 1e-4
        assert np.isfinite(result).all() and result.min() >= -beyond and result.max() <= 1 + beyond
    assert np.array_equal(A.replay(out["replay"], **targets)["image"], result)
