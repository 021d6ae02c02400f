"""Every arm of an ablation draws what the whole pipeline draws, but for one step."""

from __future__ import annotations

import json
from typing import Any

import augury as A
from augury.doctor.ablate import ablate
from tests.samples import image

PIPELINE = A.ReplayCompose(
    [
        A.RandomResizedCrop(size=(40, 40), p=1),
        A.Rotate(p=0.5),
        A.OneOf([A.Blur(p=0.4), A.GaussianBlur(p=0.1), A.MedianBlur(p=0.3)], p=0.8),
        A.GaussNoise(p=0.5),
        A.Normalize(),
    ],
    bbox_params=A.BboxParams("coco", label_fields=["labels"]),
)


def drawn(pipeline: Any, left_out: str | None, key: int) -> list[Any]:
    steps = pipeline(image=image(), bboxes=[], labels=[], key=(0, key))["replay"]["steps"]
    own = {left_out, "OneOf/NoOp", "Resize", "RandomResizedCrop"} if left_out else set()
    return [step for step in steps if step["path"] not in own]


def test_arms_differ_in_one_step_and_in_no_other_draw() -> None:
    plan = ablate(PIPELINE)
    assert [arm.path for arm in plan.arms] == [
        None, "RandomResizedCrop", "Rotate", "OneOf/Blur", "OneOf/GaussianBlur", "OneOf/MedianBlur", "GaussNoise",
    ]  # fmt: skip
    whole = plan.arms[0].pipeline
    assert whole.seed == plan.seed == 137
    for arm in plan.arms[1:]:
        assert arm.paired
        gone = {arm.path, "OneOf/NoOp", "Resize", "RandomResizedCrop"}
        for key in range(40):
            before = [step for step in drawn(whole, None, key) if step["path"] not in gone]
            assert drawn(arm.pipeline, arm.path, key) == before
            ran = [step["path"] for step in drawn(arm.pipeline, None, key) if step["status"] == "applied"]
            assert arm.path not in ran


def test_a_crop_leaves_its_size() -> None:
    arm = ablate(PIPELINE).arms[1]
    assert arm.pipeline(image=image(), bboxes=[], labels=[])["image"].shape == (40, 40, 3)
    assert "Resize to 40 x 40" in arm.note


def test_an_arm_that_cannot_be_paired_says_so() -> None:
    # Without the first Rotate the second one gets its path, and with it other draws.
    twins = A.Compose([A.OneOf([A.Rotate(p=0.5), A.Rotate(limit=10, p=0.5), A.Blur(p=0.5)], p=1)], seed=3)
    assert [arm.paired for arm in ablate(twins).arms] == [True, False, True, True]
    assert "not paired" in ablate(twins).to_python()


def test_the_plan_is_python_that_makes_the_pipelines() -> None:
    plan = ablate(PIPELINE, seed=5, key_scheme="(epoch, name)")
    names: dict[str, Any] = {}
    exec(plan.to_python().partition("for name")[0], names)
    assert list(names["pipelines"]) == [arm.name for arm in plan.arms]
    for arm in plan.arms:
        made = names["pipelines"][arm.name]
        assert (made.fingerprint, made.seed) == (arm.pipeline.fingerprint, 5)
    assert "(epoch, name)" in plan.to_python()


def test_the_plan_is_json_too() -> None:
    plan = ablate(A.to_dict(PIPELINE))
    told = json.loads(json.dumps(plan.to_dict()))
    assert A.from_dict(told["arms"][2]["pipeline"]).fingerprint == plan.arms[2].pipeline.fingerprint
