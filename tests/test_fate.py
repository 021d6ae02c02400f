"""Which step and which rule removed or clipped which box, keypoint or instance."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import augury as A
from tests.samples import BOX_SETTINGS, POINT_SETTINGS, equal, image, sample

IMAGE = image(100, 100)


def fate(
    steps: Any, bbox: dict[str, Any] | None = None, keypoint: dict[str, Any] | None = None, **targets: Any
) -> list[dict[str, Any]]:
    settings = {
        "bbox_params": A.BboxParams(**{"coord_format": "pascal_voc", **(bbox or {})}),
        "keypoint_params": A.KeypointParams(**{"coord_format": "xy", **(keypoint or {})}),
    }
    pipeline = A.ReplayCompose(steps, seed=1, annotation_fate=True, **settings)
    result = pipeline(image=IMAGE, **targets)
    assert equal(
        A.replay(json.loads(json.dumps(result["replay"])), image=IMAGE, fate=True, **targets)["fate"], result["fate"]
    )
    json.dumps(result["fate"])
    events: list[dict[str, Any]] = result["fate"]
    return events


def box_event(
    event: str, rule: str, step: str = "Crop", index: int = 0, value: Any = None, limit: Any = None
) -> dict[str, Any]:
    return {
        "target": "bboxes",
        "step": step,
        "index": index,
        "event": event,
        "rule": rule,
        "value": value,
        "limit": limit,
    }


CROP = [A.Crop(20, 20, 80, 80, p=1)]


def test_nothing_happened() -> None:
    assert fate([A.HorizontalFlip(p=1), A.RandomGamma(p=1)], bboxes=[[1, 2, 30, 40]], keypoints=[(3, 4)]) == []


def test_a_box_out_of_the_frame() -> None:
    assert fate(CROP, bboxes=[[30, 30, 40, 40], [0, 0, 10, 10]]) == [
        box_event("removed", "nothing_visible", index=1, value=0.0)
    ]


def test_a_clipped_box_and_how_much_is_left() -> None:
    assert fate(CROP, bboxes=[[10, 30, 30, 40]]) == [box_event("clipped", "frame", value=0.5)]


@pytest.mark.parametrize(
    ("limits", "rule", "value", "limit"),
    [
        ({"min_area": 101}, "min_area", 100.0, 101.0),
        ({"min_visibility": 0.6}, "min_visibility", 0.5, 0.6),
        ({"min_width": 11}, "min_width", 10.0, 11.0),
        ({"min_height": 11}, "min_height", 10.0, 11.0),
        ({"min_area": 5, "min_height": 10.5}, "min_height", 10.0, 10.5),
    ],
)
def test_the_rule_its_value_and_its_limit(limits: dict[str, float], rule: str, value: float, limit: float) -> None:
    assert fate(CROP, limits, bboxes=[[10, 30, 30, 40]]) == [box_event("removed", rule, value=value, limit=limit)]


def test_max_accept_ratio() -> None:
    (event,) = fate(CROP, {"max_accept_ratio": 3}, bboxes=[[0, 30, 22, 40]])
    assert (event["event"], event["rule"], event["value"], event["limit"]) == ("removed", "max_accept_ratio", 5.0, 3.0)


def test_events_name_the_step_and_the_callers_row() -> None:
    steps = [A.Crop(20, 0, 100, 100, p=1), A.HorizontalFlip(p=1), A.Crop(0, 0, 40, 100, p=1)]
    boxes = [[0, 0, 10, 10], [70, 0, 90, 10], [10, 0, 30, 10], [25, 0, 35, 10]]
    events = fate(steps, bboxes=boxes)
    assert [(e["step"], e["index"], e["event"]) for e in events] == [
        ("Crop", 0, "removed"), ("Crop", 2, "clipped"), ("Crop:2", 2, "removed"), ("Crop:2", 3, "removed"),
    ]  # fmt: skip


def test_checks_at_the_end_are_said_to_be_of_the_last_step_that_moved() -> None:
    steps = [A.Crop(20, 0, 100, 100, p=1), A.VerticalFlip(p=1), A.RandomGamma(p=1)]
    events = fate(steps, {"check_each_transform": False}, bboxes=[[0, 0, 10, 10]])
    assert [(e["step"], e["event"]) for e in events] == [("VerticalFlip", "removed")]


def test_bad_boxes_are_removed_at_the_input() -> None:
    events = fate([A.NoOp(p=1)], {"filter_invalid_bboxes": True}, bboxes=[[1, 1, 5, 5], [9, 9, 3, 3]])
    assert events == [box_event("removed", "invalid", step="input", index=1)]


def test_boxes_under_holes() -> None:
    hole = A.CoarseDropout(num_holes_range=(1, 1), hole_height_range=(100, 100), hole_width_range=(100, 100), p=1)
    events = fate([hole], bboxes=[[10, 10, 20, 20]], keypoints=[(5, 5)])
    assert [(e["target"], e["step"], e["event"], e["rule"]) for e in events] == [
        ("bboxes", "CoarseDropout", "removed", "nothing_visible"), ("keypoints", "CoarseDropout", "removed", "hidden"),
    ]  # fmt: skip


def test_keypoints_say_which_edge_they_crossed() -> None:
    events = fate(CROP, keypoints=[(50, 50), (10, 50), (50, 90)])
    assert [(e["index"], e["event"], e["rule"], e["value"], e["limit"]) for e in events] == [
        (1, "removed", "outside", -10.0, 0.0), (2, "removed", "outside", 70.0, 60.0),
    ]  # fmt: skip
    assert fate(CROP, keypoint={"remove_invisible": False}, keypoints=[(10, 50)]) == []


def instances() -> list[Any]:
    masks = [np.zeros((100, 100), np.uint8) for _ in range(3)]
    masks[0][40:60, 40:60] = 1
    masks[1][40:60, 10:30] = 1
    masks[2][:10, :10] = 1
    return masks


def test_instance_masks() -> None:
    events = fate([A.HorizontalFlip(p=1), *CROP], masks=instances())
    assert [(e["target"], e["step"], e["index"], e["event"], e["rule"]) for e in events] == [
        ("masks", "Crop", 1, "clipped", "frame"), ("masks", "Crop", 2, "removed", "frame"),
    ]  # fmt: skip
    assert events[0]["value"] == 0.5


def test_instance_masks_under_holes() -> None:
    hole = A.CoarseDropout(
        num_holes_range=(1, 1), hole_height_range=(100, 100), hole_width_range=(100, 100), fill_mask=0, p=1
    )
    assert {(e["index"], e["event"], e["rule"]) for e in fate([hole], masks=instances())} == {
        (i, "removed", "hole") for i in range(3)
    }


def test_fate_changes_no_result() -> None:
    steps = [A.RandomCrop(30, 40, p=1), A.Rotate(p=1), A.CoarseDropout(p=1), A.RandomGamma(p=1), A.InvertImg(p=1)]
    settings = {
        "bbox_params": A.BboxParams(**BOX_SETTINGS),
        "keypoint_params": A.KeypointParams(**POINT_SETTINGS),
        "seed": 3,
    }
    plain, told = A.Compose(steps, **settings), A.Compose(steps, annotation_fate=True, **settings)
    removed = 0
    for key in range(10):
        targets = sample("boxes", key)
        result = told(**targets, key=key)
        events = result.pop("fate")
        assert equal(result, plain(**targets, key=key))
        for name in ("bboxes", "keypoints"):
            gone = {e["index"] for e in events if e["target"] == name and e["event"] == "removed"}
            assert len(result[name]) == len(targets[name]) - len(gone)
            removed += len(gone)
    assert removed > 10


def test_not_asked_not_told() -> None:
    assert "fate" not in A.Compose(CROP)(image=IMAGE)
    assert "fate" not in A.replay(A.ReplayCompose(CROP)(image=IMAGE)["replay"], image=IMAGE)
