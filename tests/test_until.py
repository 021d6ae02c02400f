"""Draw again until the result is accepted: what is tried, restored, recorded, saved and refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.doctor.dry_run import dry_run
from augury.errors import FieldError, RecordError, SampleError, StepError
from augury.explorer.edits import Edit, apply
from augury.program import Program
from tests.samples import digest, equal, image

IMAGE = image(48, 48)
BOXES = {"bboxes": [[4.0, 4.0, 14.0, 14.0], [20.0, 20.0, 30.0, 30.0]], "labels": ["a", "b"]}
PARAMS = {"coord_format": "pascal_voc", "label_fields": ["labels"], "min_visibility": 0.5}
MASK = np.pad(np.ones((20, 20), np.uint8), 14)


def sample() -> dict[str, Any]:
    return {"image": IMAGE, "mask": MASK, "masks": [MASK, MASK.T], **BOXES}


def until(accept: Any = None, **arguments: Any) -> A.Until:
    steps = [A.RandomCrop(24, 24, p=1), A.HorizontalFlip(), A.GaussNoise(p=1)]
    return A.Until(steps, A.boxes_left(1) if accept is None else accept, **arguments)


def pipeline(*steps: Any, **settings: Any) -> A.ReplayCompose:
    settings = {"seed": 1, "bbox_params": PARAMS, "save_applied_params": True, **settings}
    return A.ReplayCompose([A.VerticalFlip(), *steps, A.RandomGamma(p=1)], **settings)


def outcome(result: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in result.items() if k not in ("replay", "applied_transforms")}


def by_try(result: dict[str, Any]) -> dict[str, set[str]]:
    """Statuses of the crop by try."""
    steps = result["replay"]["steps"]
    return {s["path"].removeprefix("Until/RandomCrop"): s["status"] for s in steps if s["name"] == "RandomCrop"}


def test_it_draws_until_accepted() -> None:
    tried = set()
    for i in range(60):
        result = pipeline(until(A.boxes_left(1), tries=50, otherwise="raise"))(**sample(), key=i)
        assert len(result["bboxes"]) == len(result["labels"]) >= 1
        assert result["image"].shape == (24, 24, 3)
        crops = by_try(result)
        *rejected, accepted = crops.values()
        assert set(rejected) <= {"rejected"} and accepted == "applied"
        assert list(crops) == ["", *(f"~{n}" for n in range(1, len(crops)))]
        assert [name for name, _ in result["applied_transforms"]].count("RandomCrop") == 1
        tried.add(len(crops))
    assert {1, 2, 3} <= tried


@pytest.mark.parametrize("fuse", ["exact", "close", "off"])
@pytest.mark.parametrize("otherwise", ["skip", "keep"])
def test_replay_runs_what_was_accepted(fuse: str, otherwise: str) -> None:
    steps = [A.Rotate(p=1), until(A.boxes_left(2), tries=3, otherwise=otherwise), A.Rotate(p=1)]
    rejections = 0
    for i in range(25):
        result = pipeline(*steps, fuse=fuse)(**sample(), key=i)
        text = json.dumps(result["replay"])
        assert equal(A.replay(text, **sample()), outcome(result))
        again = A.Compose.from_applied_transforms(result["applied_transforms"])(**sample())
        assert equal(again, outcome(result))
        rejections += "rejected" in text
    assert rejections > 5


def test_replay_in_a_fresh_process() -> None:
    result = pipeline(until(A.mask_left(0.9), tries=4, otherwise="keep"))(image=IMAGE, mask=MASK, key=3)
    assert any(step["status"] == "rejected" for step in result["replay"]["steps"])
    code = """
import json, sys
import numpy as np
import augury as A
from tests.samples import digest, image
mask = np.pad(np.ones((20, 20), np.uint8), 14)
print(digest(A.replay(json.loads(sys.stdin.read()), image=image(48, 48), mask=mask)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(result["replay"]), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == digest(outcome(result))


@pytest.mark.parametrize("settings", [{}, {"annotation_fate": True}, {"fuse": "close"}])
def test_a_rejected_sample_is_as_before(settings: dict[str, Any]) -> None:
    """Everything after an Until that rejects all is as if it were not there."""
    inner = [A.CoarseDropout(p=1), A.Rotate(p=1), A.RandomCrop(9, 9, p=1), A.ToFloat(p=1), A.ToGray(1, p=1)]
    refused = A.Until(inner, lambda result: "never", tries=3)
    for i in range(10):
        got = pipeline(refused, **settings)(**sample(), key=i)
        want = pipeline(**settings)(**sample(), key=i)
        assert equal(outcome(got), outcome(want))
        assert got["applied_transforms"] == want["applied_transforms"]
        steps = got["replay"]["steps"]
        assert [step for step in steps if not step["path"].startswith("Until/")] == want["replay"]["steps"]
        inside = [step for step in steps if step["path"].startswith("Until/")]
        assert len(inside) == 15
        assert {(step["status"], step["reason"]) for step in inside} == {("rejected", "never")}
        assert all(step["params"]["shape"] for step in inside)


def test_keeping_the_last_try() -> None:
    result = pipeline(until(lambda result: False, tries=3, otherwise="keep"))(**sample(), key=0)
    assert by_try(result) == {"": "rejected", "~1": "rejected", "~2": "applied"}
    assert result["image"].shape == (24, 24, 3)
    kept = [step for step in result["replay"]["steps"] if step["path"].endswith("~2")]
    assert {step["status"] for step in kept} <= {"applied", "skipped"}
    assert {step["reason"] for step in kept if step["status"] == "applied"} == {"rejected"}


def test_raising() -> None:
    with pytest.raises(SampleError, match=r"Until: 2 tries were rejected, the last for: too dark; raise tries"):
        pipeline(until(lambda result: "too dark", tries=2, otherwise="raise"))(**sample())


def test_what_accept_sees() -> None:
    seen: list[Any] = []

    def accept(result: Any) -> bool:
        seen.append((dict(result), result.before))
        with pytest.raises(ValueError, match="read-only"):
            result["image"][0] = 0
        return len(seen) == 2

    result = pipeline(until(accept))(**sample(), key=1)
    (_, before), (last, _) = seen
    flipped = A.Compose.from_applied_transforms(
        [one for one in result["applied_transforms"] if one[0] == "VerticalFlip"], bbox_params=PARAMS
    )(**sample())
    assert equal(before, flipped)
    assert last.keys() == sample().keys()
    assert last["image"].shape == (24, 24, 3)
    assert last["bboxes"] == result["bboxes"] and last["labels"] == result["labels"]
    assert equal(seen[0][1], seen[1][1])


def test_labels_are_those_that_would_be_left() -> None:
    """Also if boxes are filtered once, at the end."""
    lazy = {**PARAMS, "check_each_transform": False}
    for i in range(20):
        result = pipeline(until(A.boxes_left(2), tries=40, otherwise="raise"), bbox_params=lazy)(**sample(), key=i)
        assert len(result["bboxes"]) == 2


def test_a_choice_inside_is_drawn_again() -> None:
    group = A.Until(
        [A.OneOf([A.HorizontalFlip(), A.VerticalFlip(), A.Transpose()], p=1)], lambda result: False, tries=9
    )
    result = A.ReplayCompose([group], seed=1)(image=IMAGE, key=0)
    assert len({step["name"] for step in result["replay"]["steps"]}) > 1


def test_paths_of_repeated_groups() -> None:
    turn = A.Until([A.Rotate(p=1)], lambda result: False, tries=2)
    again = A.RandomOrder([A.Until([A.SomeOf([A.Rotate(p=1)], 2, replace=True)], lambda result: False, tries=2)], 1)
    twice = A.ReplayCompose([A.SomeOf([turn], 2, replace=True), again], seed=1)(image=IMAGE, key=0)
    paths = [step["path"] for step in twice["replay"]["steps"]]
    angles = [step["params"]["angle"] for step in twice["replay"]["steps"]]
    assert paths[:4] == [f"SomeOf/Until/Rotate{end}" for end in ("", "~1", "~1~0", "~1~1")]
    assert len(set(paths)) == len(paths) == len(set(angles)) == 8


def test_long_records_stay_short() -> None:
    result = A.ReplayCompose([A.Until([A.CoarseDropout(p=1)], lambda result: False, tries=300)])(image=IMAGE)
    assert len(result["replay"]["steps"]) == 10
    kept = A.Until([A.CoarseDropout(p=1)], lambda result: False, tries=30, otherwise="keep")
    paths = [step["path"] for step in A.ReplayCompose([kept])(image=IMAGE)["replay"]["steps"]]
    assert paths[-2:] == ["Until/CoarseDropout~9", "Until/CoarseDropout~29"]


def test_it_depends_on_the_key_alone() -> None:
    group = pipeline(until(A.boxes_left(2)))
    want = [group(**sample(), key=i)["replay"] for i in range(5)]
    assert [group(**sample(), key=i)["replay"] for i in reversed(range(5))] == want[::-1]


# ---- accept ----------------------------------------------------------------------------------------------


def test_boxes_left() -> None:
    group = A.Until([A.Crop(0, 0, 18, 18, p=1)], A.boxes_left(2), tries=1)
    (step,) = A.ReplayCompose([group], bbox_params=PARAMS)(image=IMAGE, **BOXES)["replay"]["steps"]
    assert (step["status"], step["reason"]) == ("rejected", "1 of 2 boxes left")
    with pytest.raises(SampleError, match="boxes_left: the call has no 'bboxes'; pass it, or name another target"):
        A.Compose([group])(image=IMAGE)


def test_mask_left() -> None:
    def crop(least: float, target: str = "mask") -> str:
        pipeline = A.ReplayCompose([A.Until([A.Crop(0, 0, 24, 48, p=1)], A.mask_left(least, target), tries=1)])
        step = pipeline(image=IMAGE, mask=MASK, masks=[MASK, MASK])["replay"]["steps"][0]
        return f"{step['status']} {step.get('reason', '')}"

    assert crop(0.5) == crop(0.5, "masks") == "applied "
    assert crop(0.51) == "rejected 200 of 400 mask pixels left"
    assert crop(0.51, "masks") == "rejected 400 of 800 mask pixels left"
    nothing = A.Until([A.Crop(0, 0, 24, 48, p=1)], A.mask_left(1.0), tries=1, otherwise="raise")
    nothing(image=IMAGE, mask=MASK * 0)  # nothing can be lost of an empty mask


@pytest.mark.parametrize(("verdict", "reason"), [(np.False_, "rejected"), ("", "rejected"), ("dull", "dull")])
def test_rejections(verdict: Any, reason: str) -> None:
    steps = A.ReplayCompose([A.Until([A.Transpose(p=1)], lambda result: verdict, tries=1)])(image=IMAGE)["replay"][
        "steps"
    ]
    assert steps[0]["reason"] == reason


def test_verdicts_that_are_none() -> None:
    with pytest.raises(SampleError, match=r"Until.accept: returned None; return True, or False or a reason"):
        A.Until([A.Transpose(p=1)], lambda result: None)(image=IMAGE)
    with pytest.raises(StepError, match=r"Until.accept: KeyError: 'depth'") as caught:
        A.Compose([A.Until([A.Transpose(p=1)], lambda result: result["depth"])])(image=IMAGE)
    assert caught.value.record is not None
    assert [step["name"] for step in caught.value.record["steps"]] == ["Transpose"]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: until("boxes"), r"Until.accept: got 'boxes'; pass a function of the result"),
        (lambda: until(tries=0), r"Until.tries: got 0; pass an integer of at least 1"),
        (lambda: until(otherwise="give up"), r"Until.otherwise: got 'give up'; pass 'skip', 'keep', 'raise'"),
        (lambda: until(name=3), r"Until.name: got 3; pass text, or None"),
        (lambda: A.boxes_left(-1), r"boxes_left.least: got -1; pass an integer of at least 0"),
        (lambda: A.boxes_left(1.5), r"boxes_left.least: got 1.5"),  # type: ignore[arg-type]
        (lambda: A.mask_left(1.5), r"mask_left.least: got 1.5; pass a fraction from 0 to 1"),
        (lambda: A.mask_left(0.5, 3), r"mask_left.target: got 3; pass the name of a target"),  # type: ignore[arg-type]
    ],
)
def test_bad_arguments(build: Any, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        build()


# ---- files -----------------------------------------------------------------------------------------------


def roomy(result: Any) -> bool:
    return bool(result["mask"].any())


@pytest.mark.parametrize("accept", [A.boxes_left(2), A.boxes_left(1, "keypoints"), A.mask_left(0.25)])
def test_ready_made_conditions_are_saved(accept: Any, tmp_path: Path) -> None:
    group = A.Compose([until(accept, tries=7, otherwise="keep", p=0.5)], seed=1)
    A.save(group, tmp_path / "group.json")
    again = A.load(tmp_path / "group.json")
    assert again == group
    assert repr(again) == repr(group)


def test_functions_are_saved_by_name() -> None:
    group = A.Compose([until(roomy, name="roomy")])
    saved = json.loads(json.dumps(A.to_dict(group)))
    assert A.from_dict(saved, nonserializable={"roomy": roomy}) == group
    with pytest.raises(RecordError, match=r"'roomy' is not in the file; pass nonserializable={'roomy': accept}"):
        A.from_dict(saved)
    with pytest.raises(FieldError, match=r"Until.name: got None; give the function `accept` a name"):
        A.to_dict(A.Compose([until(roomy)]))
    assert A.Compose([until(roomy)]).fingerprint


@pytest.mark.parametrize("accept", [None, 3, {}, {"of": "luck"}])
def test_damaged_files(accept: Any) -> None:
    saved = A.to_dict(until())
    saved["transform"]["accept"] = accept
    with pytest.raises(RecordError, match=r"Until.accept: got "):
        A.from_dict(saved)


# ---- what reads records ----------------------------------------------------------------------------------


def rejecting() -> dict[str, Any]:
    group = pipeline(until(A.boxes_left(1), tries=60, otherwise="raise"))
    return next(r for i in range(99) if len(by_try(r := group(**sample(), key=i))) > 2)


def test_traces_and_pictures_show_rejected_tries() -> None:
    trace = A.trace(rejecting()["replay"], **sample())
    steps = [step for step in trace.steps if step.status == "rejected"]
    assert steps and all(step.snapshot is None and "boxes left" in step.reason for step in steps)
    why = [panel.lines[0] for panel in A.show(trace).panels if not panel.ran]
    assert why.count("rejected, drawn again: 0 of 2 boxes left") == len(steps)


def test_programs_keep_rejected_tries() -> None:
    record = json.loads(json.dumps(rejecting()["replay"]))
    program = Program.from_record(record)
    assert program.to_record() == record
    assert all(step.status == "applied" for step in program.applied)
    record["steps"][-1]["reason"] = 3
    with pytest.raises(RecordError, match=r"reason: got 3; pass text"):
        Program.from_record(record)


def test_the_ledger_counts_accepted_steps_only(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    result = rejecting()
    with A.Ledger(str(tmp_path)) as ledger:
        ledger.log(["one"], record=[result["replay"]], loss=[1.0])
    (row,) = A.Ledger(str(tmp_path)).sql("select applied, record from ledger").to_pylist()
    assert sum("RandomCrop" in path for path in row["applied"]) == 1
    assert equal(A.replay(row["record"], **sample()), outcome(result))


def test_the_doctor_counts_accepted_steps_only() -> None:
    found = dry_run(pipeline(until(lambda result: False, tries=2)), [sample()] * 4, 4)
    rates = {rate.path: rate for rate in found.rates}
    assert rates["Until/RandomCrop"].ran == 0 and rates["RandomGamma"].ran == 4


def test_the_explorer_can_switch_a_rejected_step_on() -> None:
    program = Program.from_record(json.loads(json.dumps(rejecting()["replay"])))
    edited = apply(program, [Edit("on", "Until/RandomCrop")], None, None).program
    step = next(step for step in edited.steps if step.path == "Until/RandomCrop")
    before = next(step for step in program.steps if step.path == "Until/RandomCrop")
    assert step.status == "applied" and step.reason == ""
    assert step.params["crop_coords"] == before.params["crop_coords"]
