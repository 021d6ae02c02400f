from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from augury import ops, rules
from augury.execute import Run
from augury.kernels.cpu import KERNELS
from augury.rng import State, seeded
from augury.sample import Signature
from augury.targets.boxes import BboxParams
from augury.targets.keypoints import KeypointParams
from augury.targets.labels import Track
from tests.samples import image as picture
from tests.strategies import ELEMENTS, images, programs


class Fixed:
    """A transform that lowers to given ops."""

    lower_needs_pixels = False

    def __init__(self, op: Any) -> None:
        self.op = op

    def lower(self, params: Any, sig: Any) -> Any:
        return (self.op,)


def run(program: list[Any], image: Any, fuse: str) -> dict[str, Any]:
    height, width = image.shape[:2]
    mask = (np.arange(height * width) % 5).astype(np.int32).reshape(height, width)
    arrays = {"image": image, "mask": mask, "images": np.stack([image, image])}
    carried = Run(
        State(seeded(0), (0,)), arrays, {n: n for n in arrays}, Signature(image.shape, str(image.dtype)), fuse
    )
    boxes = Track("bboxes", "bboxes", BboxParams("albumentations"), [[0.1, 0.2, 0.7, 0.9]], height, width, False)
    points = Track("keypoints", "keypoints", KeypointParams("xy"), [[0.5, 0.25]], height, width, False)
    carried.tracks = [boxes, points]
    for i, op in enumerate(program):
        carried.add(str(i), "Fixed", Fixed(op), {})
        if fuse == "off":
            carried.flush()
    carried.flush()
    return {**carried.arrays, "boxes": boxes.values, "rows": boxes.rows, "points": points.values}


@settings(max_examples=2000, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_exact_rules_change_no_bit(data: st.DataObject) -> None:
    image = data.draw(images())
    program = data.draw(programs(image))
    plain, fused = run(program, image, "off"), run(program, image, "exact")
    for name in plain:
        a, b = np.asarray(plain[name]), np.asarray(fused[name])
        assert a.dtype == b.dtype and a.shape == b.shape, name
        assert a.tobytes() == b.tobytes(), name


def test_the_exact_rules_are_used() -> None:
    program = [
        ops.Linear(), ops.Gamma(2.0), ops.Pad(4, 4, 4, 4), ops.Crop(1, 2, 33, 34), ops.D4("h"), ops.D4("v"),
        ops.Normalize((0.5,), (0.5,), 255.0), ops.ToTensor(),
    ]  # fmt: skip
    curves, last = ops.Curves((ops.Linear(), ops.Gamma(2.0))), ops.NormalizeToTensor(program[-2])
    assert rules.rewrite(program, 96, 96) == [
        ops.Crop(0, 0, 29, 30), curves, ops.Pad(2, 0, 3, 0), ops.D4("r180"), last,
    ]  # fmt: skip
    # On small images, rules that only save pixels cost more than they save.
    assert rules.rewrite(program, 32, 32) == [curves, *program[2:4], ops.D4("r180"), last]


def test_every_product_of_symmetries() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for a, b in product(ELEMENTS, ELEMENTS):
        two = KERNELS[ops.D4](KERNELS[ops.D4](image, ops.D4(a)), ops.D4(b))
        assert np.array_equal(two, KERNELS[ops.D4](image, ops.D4(rules.d4_product(a, b)))), (a, b)


@pytest.mark.parametrize("border", [0, 1])
def test_close_rules_are_close(border: int) -> None:
    image = picture(96, 120)
    image = np.ascontiguousarray(np.clip(image.astype(int) // 8 * 8, 0, 255).astype(np.uint8))
    import cv2

    image = cv2.GaussianBlur(image, (0, 0), 3)
    turn = ops.Warp((0.98, -0.17, 12.0, 0.17, 0.98, -8.0, 0.0, 0.0, 1.0), 96, 120, border=border)
    shift = ops.Warp((1.0, 0.0, 3.5, 0.0, 1.0, -2.5, 0.0, 0.0, 1.0), 96, 120, border=border)
    for program in ([turn, shift], [ops.D4("h"), turn], [turn, ops.D4("t")]):
        merged = rules.rewrite(program, 96, 120, close=True)
        assert len(merged) == 1
        a, b = image, image
        for op in program:
            a = KERNELS[type(op)](a, op)
        for op in merged:
            b = KERNELS[type(op)](b, op)
        inner = np.abs(a.astype(int) - b.astype(int))[24:-24, 24:-24]
        assert inner.mean() < 1.0


def test_rules_never_merge_across_a_barrier() -> None:
    program = [ops.Gamma(2.0), ops.BoxBlur(3), ops.Gamma(0.5)]
    assert rules.rewrite(program, 8, 8) == program
    assert all(type(a) is not type(b) for a, b in pairwise(program))
