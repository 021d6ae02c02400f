"""Where masks count, and the objects in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from augury import masks
from augury.errors import SampleError
from augury.sample import Labels, Signature

MASK = np.zeros((6, 8), np.uint8)
MASK[1:3, 1:4] = 1
MASK[4, 6] = 2


def signature(**arrays: Any) -> Signature:
    return Signature((6, 8, 3), "uint8", Labels(None, arrays, {"region": MASK}))


def test_what_counts() -> None:
    assert np.array_equal(masks.counting(signature(mask=MASK), (), ()), MASK > 0)
    assert np.array_equal(masks.counting(signature(mask=MASK), (1,), ()), MASK == 2)
    deep = np.stack([MASK == 1, MASK == 2], axis=2).astype(np.uint8)
    assert np.array_equal(masks.counting(signature(mask=deep), (), (0, 9)), MASK == 2)
    assert np.array_equal(masks.counting(signature(masks=[MASK == 1, MASK == 2]), (), ()), MASK > 0)
    assert not masks.counting(signature(masks=[]), (), ()).any()
    with pytest.raises(SampleError, match="has no channels to ignore"):
        masks.counting(signature(mask=MASK), (), (0,))
    with pytest.raises(SampleError, match="differs from the image's"):
        masks.counting(signature(mask=MASK[1:]), (), ())


def test_objects() -> None:
    labels, count = masks.objects(MASK > 0)
    assert count == 2 and len(np.unique(labels[MASK > 0])) == 2
    found = [(pixels.tolist(), left, top, w) for pixels, left, top, w in masks.each_object(MASK > 0, 9)]
    assert found == [([0, 1, 2, 3, 4, 5], 1, 1, 3), ([0], 6, 4, 1)]
    assert len(list(masks.each_object(MASK > 0, 1))) == 1
    for mask in (MASK, MASK.astype(np.int64), np.stack([MASK, MASK], axis=2)):
        assert np.array_equal(masks.among(mask, (2, 9)) > 0, mask == 2)
    assert np.array_equal(masks.touching(MASK > 0, [(6, 4)]) > 0, MASK == 2)
    assert np.array_equal(masks.places_in(signature(), "region"), np.flatnonzero(MASK))
    assert masks.places_in(signature(), "other") is None
    with pytest.raises(SampleError, match=r"^region: got .*height and width, \(9, 9\)"):
        masks.places_in(signature()._replace(shape=(9, 9, 3)), "region")


def test_masks_as_arguments() -> None:
    frame = np.zeros((6, 8, 3), np.uint8)
    array = masks.as_mask(MASK)
    assert array == masks.as_mask(MASK.tolist()) and hash(array) == hash(masks.as_mask(MASK)) and "7 set" in repr(array)
    assert np.array_equal(masks.mask_for(frame, array, (), signature(), 3), MASK > 0)
    function = masks.as_mask(lambda image, region: region[:, :, None])
    assert np.array_equal(masks.mask_for(frame, function, ("region",), signature(), 1), MASK)
    with pytest.raises(SampleError, match="does not fit an image of shape"):
        masks.mask_for(frame, masks.as_mask(MASK[1:]), (), signature(), 3)
    for bad in ("a.b", [[1], [1, 2]], MASK[0]):
        with pytest.raises(ValueError, match="pass an array"):
            masks.as_mask(bad)
