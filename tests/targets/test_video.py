"""Videos: every transform works on the frames of `images` with one draw, and lists stay lists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import augury as A
from tests.catalogue.cases import CASES
from tests.catalogue.test_suite import EXTRAS
from tests.samples import equal, image, mask

FRAMES = 3
ONE_EACH = {name: arguments for name, arguments in CASES if name != "UniformTemporalSubsample"}


def film(name: str) -> tuple[list[Any], list[Any]]:
    dtype = "float32" if name == "FromFloat" else "uint8"
    return [image(seed=t, dtype=dtype) for t in range(FRAMES)], [mask(seed=t) for t in range(FRAMES)]


@pytest.mark.parametrize(("name", "arguments"), ONE_EACH.items(), ids=ONE_EACH)
def test_frames_share_one_draw(name: str, arguments: dict[str, Any]) -> None:
    """Each frame comes out as it would alone under the same draw, which is that of the first frame."""
    images, masks = film(name)
    pipeline = A.ReplayCompose([getattr(A, name)(**{**arguments, "p": 1})], seed=5)
    extras = EXTRAS.get(name, {})
    listed = pipeline(images=images, masks=masks, key=1, **extras)
    assert type(listed["images"]) is list and type(listed["masks"]) is list
    assert len(listed["images"]) == len(listed["masks"]) == FRAMES
    # MaskDropout looks at the mask when it runs, and of a video at the first.
    for i in range(1 if name == "MaskDropout" else FRAMES):
        alone = A.replay(listed["replay"], image=images[i], mask=masks[i], masks=masks, **extras)
        assert equal(np.asarray(alone["image"]), np.asarray(listed["images"][i]))
        assert equal(np.asarray(alone["mask"]), np.asarray(listed["masks"][i]))
    stacked = pipeline(images=np.stack(images), masks=np.stack(masks), key=1, **extras)
    assert all(equal(np.asarray(a), np.asarray(b)) for a, b in zip(stacked["images"], listed["images"], strict=True))
