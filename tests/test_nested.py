"""Pipelines nested in every way reproduce every draw at both levels: the record and the applied list."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

import augury as A
from tests.samples import BOX_SETTINGS, POINT_SETTINGS, digest, equal, sample

DRAWS = 50
SETTINGS = {"bbox_params": A.BboxParams(**BOX_SETTINGS), "keypoint_params": A.KeypointParams(**POINT_SETTINGS)}


def nested() -> list[Any]:
    gamma = A.RandomGamma(p=0.7)
    return [
        A.OneOf(
            [
                A.SomeOf(
                    [A.HorizontalFlip(p=0.6), A.VerticalFlip(p=0.6), gamma, A.RandomRotate90(p=0.5)], n=(1, 3), p=0.8
                ),
                A.RandomOrder(
                    [gamma, A.GaussNoise(p=0.6), A.Sequential([A.Transpose(p=0.5), gamma], p=0.8), A.D4(p=0.5)],
                    n=3,
                    p=0.9,
                ),
                A.OneOrOther(A.CoarseDropout(p=1), A.Sequential([A.D4(p=0.7), A.GridDropout(p=0.5)], p=1), p=0.4),
            ],
            p=0.8,
        ),
        A.SelectiveChannelTransform(
            [A.OneOf([gamma, A.SaltAndPepper(p=1)], p=0.9), A.GaussianBlur(p=0.5)], (0, 2), p=0.7
        ),
        A.SomeOf(
            [gamma, A.HueSaturationValue(p=0.8), A.Sequential([A.D4(p=0.6), gamma], p=0.7)], n=4, replace=True, p=0.9
        ),
        gamma,
        A.RandomOrder(
            [A.Compose([A.HorizontalFlip(p=0.5), A.ISONoise(p=0.5)], p=0.6), A.Transpose(p=0.4)], n=2, replace=True
        ),
        A.OneOf([A.NoOp(p=1), gamma, A.ImageCompression(p=2 / 3)], p=0.5),
    ]


def outcome(result: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name not in ("replay", "applied_transforms")}


@pytest.mark.parametrize("fuse", ["exact", "off"])
def test_every_draw_is_exact_at_both_levels(fuse: str) -> None:
    pipeline = A.ReplayCompose(nested(), seed=137, save_applied_params=True, fuse=fuse, p=0.95, **SETTINGS)
    kinds: set[tuple[str, ...]] = set()
    for draw in range(DRAWS):
        targets = sample("boxes", draw)
        result = pipeline(**targets, key=(0, draw))
        want = outcome(result)
        record, applied = json.loads(json.dumps([result["replay"], result["applied_transforms"]]))
        kinds.add(tuple(step["path"] for step in record["steps"] if step["status"] == "applied"))
        assert equal(A.ReplayCompose.replay(record, **targets), want), draw
        assert equal(A.ReplayCompose.replay(result["replay"], **targets), want), draw
        assert equal(A.Compose.from_applied_transforms(applied, **SETTINGS)(**targets), want), draw
        assert equal(A.Compose.from_applied_transforms(result["applied_transforms"], **SETTINGS)(**targets), want), draw
        assert [(s["name"], s["params"]) for s in record["steps"] if s["status"] == "applied"] == [
            tuple(a) for a in applied
        ]
    assert len(kinds) > DRAWS / 2


def test_every_step_of_the_plan_is_in_the_record_once_or_repeated() -> None:
    pipeline = A.ReplayCompose(nested(), seed=137)
    paths = set()
    for key in range(DRAWS):
        steps = pipeline(**sample("image", 0), key=key)["replay"]["steps"]
        here = [step["path"] for step in steps]
        assert len(set(here)) == len(here)
        paths.add(tuple(sorted({path.partition("~")[0] for path in here})))
    assert len(paths) == 1
    assert len(paths.pop()) == sum(1 for _ in pipeline._plan.leaves())


def test_rebuilt_pipelines_are_deterministic_and_record_the_same() -> None:
    pipeline = A.Compose(nested(), seed=9, save_applied_params=True, **SETTINGS)
    targets = sample("boxes", 1)
    first = pipeline(**targets, key=3)
    probe = A.Compose.from_applied_transforms(first["applied_transforms"], save_applied_params=True, **SETTINGS)
    again = [probe(**targets) for _ in range(3)]
    assert len({digest(outcome(result)) for result in again}) == 1
    assert all(equal(result["applied_transforms"], first["applied_transforms"]) for result in again)


def test_the_record_does_not_need_the_pipeline_to_look_at_labels() -> None:
    pipeline = A.ReplayCompose(nested(), seed=4, **SETTINGS)
    for draw in range(10):
        targets = sample("boxes", draw)
        result = pipeline(**targets, key=draw)
        assert equal(A.replay(result["replay"], image=targets["image"])["image"], result["image"])
        assert equal(A.replay(result["replay"], image=targets["image"], mask=targets["mask"])["mask"], result["mask"])


def test_an_applied_list_brings_its_settings_along() -> None:
    targets = sample("boxes")
    steps = [A.Rotate(p=1), A.Perspective(p=1)]
    pipeline = A.Compose(steps, seed=1, save_applied_params=True, fuse="close", **SETTINGS)
    result = pipeline(**targets)
    applied = result.pop("applied_transforms")
    for carried in (applied, pickle.loads(pickle.dumps(applied))):
        assert equal(A.Compose.from_applied_transforms(carried)(**targets), result)
    with pytest.raises(A.SampleError, match="bbox_params"):
        A.Compose.from_applied_transforms(json.loads(json.dumps(applied)))(**targets)
