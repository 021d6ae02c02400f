from __future__ import annotations

import json
from typing import Any

import pytest

import augury as A
from augury.errors import RecordError, StepError
from tests.samples import BOX_SETTINGS, POINT_SETTINGS, equal, image, sample

SETTINGS = {"bbox_params": A.BboxParams(**BOX_SETTINGS), "keypoint_params": A.KeypointParams(**POINT_SETTINGS)}
STEPS = [
    A.RandomCrop(50, 60, p=1),
    A.OneOf([A.HorizontalFlip(p=1), A.VerticalFlip(p=1)], p=1),
    A.RandomGamma(p=0),
    A.CoarseDropout(p=1),
    A.RandomGamma(p=1),
    A.Normalize(p=1),
    A.ToTensorV2(p=1),
]


def recorded(steps: Any = STEPS, **targets: Any) -> tuple[dict[str, Any], Any]:
    result = A.ReplayCompose(steps, seed=1, **SETTINGS)(**targets, key=2)
    return result, json.loads(json.dumps(result["replay"]))


def test_every_step_is_there_with_status_params_time_and_snapshot() -> None:
    targets = sample("boxes")
    result, record = recorded(**targets)
    trace = A.trace(record, **targets)
    assert [s.path for s in trace.steps] == [s["path"] for s in record["steps"]]
    assert [s.status for s in trace.steps] == [s["status"] for s in record["steps"]]
    assert {s.status for s in trace.steps} == {"applied", "skipped", "not_selected"}
    for step, raw in zip(trace.steps, record["steps"], strict=True):
        assert json.loads(json.dumps(dict(step.params))) == raw.get("params", {})
        ran = step.status == "applied"
        assert (step.snapshot is not None) == ran
        assert step.milliseconds > 0 if ran else step.milliseconds == 0
    assert trace.result.keys() == targets.keys()
    assert equal(trace.result, {k: v for k, v in result.items() if k != "replay"})
    assert equal(trace.input, targets)


def test_snapshots_are_what_stopping_there_gives() -> None:
    targets = sample("boxes")
    _, record = recorded(STEPS[:-1], **targets)
    program = A.Program.from_record(record)
    ran = [s for s in A.trace(record, **targets).steps if s.status == "applied"]
    for i, step in enumerate(ran):
        stopped = A.replay(program.until(i), **targets)
        assert equal(step.snapshot, stopped), step.path
    assert ran[0].snapshot is not None and ran[0].snapshot["image"].shape == (50, 60, 3)


def test_snapshots_are_not_the_input() -> None:
    targets = sample("boxes")
    _, record = recorded([A.HorizontalFlip(p=1), A.NoOp(p=1), A.InvertImg(p=1)], **targets)
    first, second, third = (s.snapshot for s in A.trace(record, **targets).steps)
    assert first is not None and second is not None and third is not None
    assert equal(first, second)
    assert equal(third["image"], 255 - second["image"])
    for snapshot in (first, second, third):
        snapshot["image"][:] = 0
        snapshot["mask"][:] = 0
    assert equal(targets, sample("boxes"))


def test_without_snapshots() -> None:
    _, record = recorded(STEPS, **sample("boxes"))
    assert all(s.snapshot is None for s in A.trace(record, snapshots=False, **sample("boxes")).steps)


def test_a_trace_tells_the_fate_of_labels() -> None:
    targets = {"image": image(40, 40), "bboxes": [[0.0, 0.0, 5.0, 5.0], [20.0, 20.0, 30.0, 30.0]], "labels": ["a", "b"]}
    _, record = recorded([A.Crop(15, 15, 40, 40, p=1)], **targets)
    trace = A.trace(record, **targets)
    assert [(e["step"], e["index"], e["event"]) for e in trace.fate] == [("Crop", 0, "removed")]


def test_repr_is_a_table() -> None:
    _, record = recorded(STEPS, **sample("boxes"))
    lines = repr(A.trace(record, **sample("boxes"))).splitlines()
    assert lines[0] == "Trace" and "RandomCrop: applied" in lines[1] and "RandomGamma: skipped" in "".join(lines)


def test_a_failing_step_is_named() -> None:
    own = A.Lambda(image=lambda img, **_: img, name="own")
    bad = A.Lambda(image=lambda img, **_: 1 / 0, name="own")
    record = A.ReplayCompose([A.InvertImg(p=1), own])(image=image())["replay"]
    with pytest.raises(StepError, match="Lambda: ZeroDivisionError") as caught:
        A.trace(record, image=image(), callables={"own": bad})
    assert caught.value.record is not None and caught.value.record["steps"][1]["name"] == "Lambda"
    with pytest.raises(RecordError):
        A.trace("{", image=image())
