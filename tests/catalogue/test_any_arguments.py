"""Any valid arguments and any image: no crash, dtype, channels and range as documented, contiguous, and it replays.

EXAMPLES=300 in the environment tries so many of each transform instead of a few.
"""

from __future__ import annotations

import os
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import augury as A
from augury.catalogue import __all__ as names
from augury.catalogue import volume
from augury.errors import FieldError, SampleError
from augury.transform import REGISTRY
from tests.samples import extras, font
from tests.strategies import arguments, images

EXAMPLES = int(os.environ.get("EXAMPLES", "25"))
# Volumes have a test of their own.
NAMES = [name for name in names if name not in volume.__all__]
GIVEN = {"TextImage": {"font_path": font()}}


# Which images a transform refuses: numbers of channels that it takes, and what its message says of other reasons.
# A transform that is in neither table takes every image.
CHANNELS = {
    **dict.fromkeys(("ISONoise", "ChannelSwap"), (3,)),
    **dict.fromkeys(
        """CLAHE ChromaticAberration ColorJitter Colorize Equalize HEStain HueSaturationValue PhotoMetricDistort
        PlanckianJitter RGBShift ToGray ToSepia""".split(),
        (1, 3),
    ),
    "ChannelDropout": (2, 3, 4, 5, 6),
}
REASONS = {
    **dict.fromkeys(("AtLeastOneBBoxRandomCrop", "CenterCrop", "Crop", "RandomCrop"), "does not fit into the image"),
    "CropNonEmptyMaskIfExists": "does not fit into the image|has no channels to ignore",
    "GridDropout": "cells below 2 pixels|is larger than an image",
    "ChannelDropout": "could drop every channel",
    "ChannelShuffle": "name each of its channels once",
    **dict.fromkeys(("Posterize", "Normalize"), "value.* for an image with"),
    **dict.fromkeys(("CLAHE", "ImageCompression", "AutoContrast", "Equalize"), "got dtype uint16"),
    "FromFloat": "got an image of dtype uint",
}
# Dropped channels and text have whatever number was asked for; Normalize and ToFloat leave the range on purpose.
UNBOUNDED = ("ChannelDropout", "Normalize", "TextImage", "ToFloat")


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_arguments_any_image(name: str, data: st.DataObject) -> None:
    cls = REGISTRY[name]
    try:
        transform: Any = cls(**GIVEN.get(name, {}), **data.draw(arguments(cls)), p=1)
    except FieldError:
        assume(False)  # these contradict each other
    image = data.draw(images(64))
    before, (height, width) = image.copy(), image.shape[:2]
    channels = image.shape[2] if image.ndim > 2 else 1
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
        targets |= {transform.cropping_bbox_key: [0, 0, width / 2, height]}
    else:
        targets |= dict(zip(transform.asks_for, extras(name, image).values(), strict=False))
    try:
        out = pipeline(**targets, key=0)
    except SampleError as error:
        wrong_channels = "channel" in str(error) and channels not in CHANNELS.get(name, range(1, 7))
        if not wrong_channels and not (name in REASONS and re.search(REASONS[name], str(error))):
            raise
        return
    assert np.array_equal(image, before)
    result = out["image"]
    if name == "ToTensorV2":
        assert result.is_contiguous() and result.shape == (channels, height, width)
        result = np.ascontiguousarray(np.moveaxis(result.numpy(), 0, -1).reshape(image.shape))
    wanted = {"Normalize": np.float32, "ToFloat": np.float32}.get(name, image.dtype)
    assert result.dtype == (transform.dtype if name == "FromFloat" else wanted)
    assert result.flags.c_contiguous and not np.may_share_memory(result, image)
    assert name == "ToTensorV2" or out["mask"].shape == result.shape[:2]
    if name in ("ToGray", "ToRGB"):
        assert result.shape[:2] == image.shape[:2]
        assert (result.shape[2] if result.ndim > 2 else 1) in (transform.num_output_channels, channels)
    elif cls.acts_on == "image":
        assert result.shape == image.shape and np.array_equal(out["mask"], mask)
    else:
        assert result.shape[2:] == image.shape[2:]
    if result.dtype == np.float32:
        assert np.isfinite(result).all()
        if name not in UNBOUNDED:
            # Cubic and Lanczos interpolation of floats may overshoot; elsewhere only the last bit of 1 is rounded.
            ways = [getattr(transform, "interpolation", 1)] if cls.acts_on == "dual" else []
            ways += getattr(transform, "interpolation_pair", {}).values()
            beyond = 0.5 if {2, 4} & {*ways} else 1e-6
            assert result.min() >= -beyond and result.max() <= 1 + beyond
    again = A.replay(out["replay"], **targets)["image"]
    assert np.array_equal(np.asarray(again), np.asarray(out["image"]))
