"""Every target that either dialect lists for a transform: a call with it works, and it changes with the image."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.transform import REGISTRY
from tests.catalogue.cases import CASES, Case
from tests.samples import BOX_SETTINGS, equal, every_target, extras
from tests.test_saving_dialects import MIT, SUCCESSOR, known, wanted

KINDS = {**{n: f["kind"] for n, f in known(MIT).items()}, **{n: f["kind"] for n, f in known(SUCCESSOR).items()}}


# Settings under which labels change, where no case of the table has them.
MORE: list[Case] = [
    ("ConstrainedCoarseDropout", {"bbox_labels": ["a"], "hole_height_range": [1, 1], "hole_width_range": [1, 1]}),
    ("GuidedCoarseDropout", {"fill_mask": 9, "hole_height_range": [1, 1], "hole_width_range": [1, 1]}),
]


# Targets of volumes, which need more slices than frames are enough for.
SOLID = ("volume", "mask3d")


def changed(value: Any, before: Any) -> bool:
    kinds = [{type(one) for one in (part if isinstance(part, list) else [part])} for part in (value, before)]
    return not equal(value, before) or kinds[0] != kinds[1]


def sample(name: str, listed: set[str]) -> dict[str, Any]:
    """A sample of the listed targets."""
    every = every_target(1)
    every |= {"volumes": np.stack([every["volume"]] * 2), "masks3d": np.stack([every["mask3d"]] * 2)}
    if REGISTRY[name].sees == "volumes":
        every |= {target: np.concatenate([every[target]] * 4) for target in SOLID}
        every |= {"volumes": np.stack([every["volume"]] * 2), "masks3d": np.stack([every["mask3d"]] * 2)}
    if KINDS[name] == "3d":
        every["keypoints"] = [[x, y, i % 3] for i, (x, y, *_) in enumerate(every["keypoints"])]
    if name == "ToRGB":
        for target in ("image", "images", "volume", "volumes"):
            every[target] = every[target][..., 0]
    if name == "FromFloat":
        for target in ("image", "images", "volume", "volumes"):
            every[target] = (every[target] / 255).astype(np.float32)
    return {target: value for target, value in every.items() if target in listed | {"labels", "names"}}


def run(name: str, arguments: dict[str, Any], targets: dict[str, Any], key: int) -> dict[str, Any]:
    solid = len(targets.get("keypoints", [[]])[0]) == 3
    points = A.KeypointParams("xyz" if solid else "xyas", label_fields=["names"])
    settings = {"bbox_params": A.BboxParams(**BOX_SETTINGS)} if "bboxes" in targets else {}
    settings |= {"keypoint_params": points} if "keypoints" in targets else {}
    labels = {k for k, v in (("labels", "bboxes"), ("names", "keypoints")) if v not in targets}
    given = {k: v for k, v in targets.items() if k not in labels}
    pipeline = A.Compose([REGISTRY[name](**{**arguments, "p": 1})], seed=137, **settings)
    return pipeline(**given, **extras(name, every_target(1)["image"]), key=key)


@pytest.mark.parametrize("name", sorted(set(KINDS) - {"NoOp"}))
def test_every_target_is_taken_and_follows(name: str) -> None:
    listed = {target for d in (MIT, SUCCESSOR) for target in known(d).get(name, {"targets": ()})["targets"]}
    taken = {target for target in listed if wanted("both", "target", name, target)}
    targets = sample(name, taken)
    same, still = run("NoOp", {}, targets, 0), set(taken)
    for arguments, key in product((arguments for case, arguments in (*MORE, *CASES) if case == name), range(30)):
        result = run(name, arguments, targets, key)
        assert taken <= set(result)
        still -= {target for target in still if changed(result[target], same[target])}
        if not still:
            break
    assert still == {target for target in taken if not wanted("both", "follows", name, target)}


@pytest.mark.parametrize("name", sorted(KINDS))
def test_pictures_are_taken_alone(name: str) -> None:
    _, arguments = next(case for case in CASES if case[0] == name)
    listed = {target for d in (MIT, SUCCESSOR) for target in known(d).get(name, {"targets": ()})["targets"]}
    for target in sorted(listed - {"bboxes", "keypoints"}):
        if wanted("both", "target", name, target):
            beside = {"mask"} if name in ("MaskDropout", "CropNonEmptyMaskIfExists") else set()
            result = run(name, arguments, sample(name, {target} | beside), 0)
            assert len(result[target]) > 0
