from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.errors import RecordError, SampleError
from augury.transform import REGISTRY
from tests.catalogue.cases import CASES
from tests.samples import BOX_SETTINGS, POINT_SETTINGS, cube, extras, image, mask, sample

SETTINGS = {"bbox_params": A.BboxParams(**BOX_SETTINGS), "keypoint_params": A.KeypointParams(**POINT_SETTINGS)}
STEPS = [A.RandomCrop(50, 60, p=1), A.HorizontalFlip(p=1), A.RandomGamma(p=1), A.GaussNoise(p=1), A.Rotate(p=1)]


def recorded(**targets: Any) -> tuple[dict[str, Any], Any]:
    result = A.ReplayCompose(STEPS, seed=1, digests=True, **SETTINGS)(**targets, key=0)
    return result, json.loads(json.dumps(result["replay"]))


def test_reproduced_exactly() -> None:
    targets = sample("boxes")
    _, record = recorded(**targets)
    outcome = A.verify(record, **targets)
    assert outcome and outcome.exact and str(outcome) == "reproduced exactly"
    assert len(record["digests"]) == len(STEPS) + 1
    assert set(record["digests"][0]) >= {"image", "mask", "bboxes", "keypoints", "labels", "names"}
    assert A.verify(record, **{k: v.copy() for k, v in targets.items()})


@pytest.mark.parametrize("index", range(0, len(CASES), 7))
def test_catalogue(index: int) -> None:
    name, arguments = CASES[index]
    if REGISTRY[name].sees == "volumes":
        record = A.ReplayCompose([getattr(A, name)(**{**arguments, "p": 1})], seed=1, digests=True)(
            volume=(volume := cube()["volume"])
        )["replay"]
        assert A.verify(json.loads(json.dumps(record)), volume=volume)
        return
    targets: dict[str, Any] = {"image": image(dtype="float32" if name == "FromFloat" else "uint8"), "mask": mask()}
    targets |= {
        "bboxes": [[10, 12, 50, 44]],
        "labels": [1],
        "keypoints": [],
        "names": [],
        **extras(name, targets["image"]),
    }
    record = A.ReplayCompose([getattr(A, name)(**{**arguments, "p": 1})], seed=1, digests=True, **SETTINGS)(**targets)[
        "replay"
    ]
    assert A.verify(json.loads(json.dumps(record)), **targets)


def test_the_first_step_that_differs_is_named_with_its_size() -> None:
    targets = sample("boxes")
    _, record = recorded(**targets)
    record["digests"][3]["image"]["digest"] = "0" * 16
    record["digests"][3]["image"]["sketch"][5] += 12.5
    record["digests"][4]["image"]["digest"] = "0" * 16
    outcome = A.verify(record, **targets)
    assert not outcome
    assert (outcome.step, outcome.target) == ("RandomGamma", "image")
    assert outcome.difference == pytest.approx(12.5)
    assert "first difference after RandomGamma: image differs by at least 12.5" in str(outcome)
    assert "no library version changed, so the input or the record did" in str(outcome)


def test_a_changed_version_is_named() -> None:
    targets = sample("boxes")
    _, record = recorded(**targets)
    record["versions"]["opencv"] = "4.0.0"
    record["versions"].pop("numpy")
    assert A.verify(record, **targets).exact
    assert set(A.verify(record, **targets).changed) == {"opencv", "numpy"}
    record["digests"][2]["mask"]["digest"] = "0" * 16
    text = str(A.verify(record, **targets))
    assert "first difference after HorizontalFlip: mask" in text and "changed versions: numpy None -> " in text
    assert "opencv 4.0.0 -> " in text


def test_another_input_differs_at_the_input() -> None:
    targets = sample("boxes")
    _, record = recorded(**targets)
    other = targets["image"].copy()
    other[3, 3] ^= 64
    outcome = A.verify(record, **{**targets, "image": other})
    assert (outcome.step, outcome.target) == ("input", "image") and outcome.difference is not None
    moved = [[x + 1, *rest] for x, *rest in targets["keypoints"]]
    assert A.verify(record, **{**targets, "keypoints": moved}).target == "keypoints"
    relabelled = A.verify(record, **{**targets, "labels": list("abcx")})
    assert (relabelled.step, relabelled.target) == ("input", "labels")


def test_tampered_values_are_found_at_their_step() -> None:
    targets = sample("boxes")
    _, record = recorded(**targets)
    record["steps"][3]["params"]["key"] = "0" * 24
    assert A.verify(record, **targets).step == "GaussNoise"
    _, record = recorded(**targets)
    record["steps"][4]["params"]["angle"] += 1
    outcome = A.verify(record, **targets)
    assert outcome.step == "Rotate"


def test_expected_results() -> None:
    targets = sample("boxes")
    result = A.ReplayCompose(STEPS, seed=1, **SETTINGS)(**targets, key=0)
    expected = {k: result[k] for k in ("image", "mask", "bboxes")}
    assert A.verify(result["replay"], expected=expected, **targets)
    wrong = result["image"].copy()
    wrong[0, 0, 0] ^= 16
    outcome = A.verify(result["replay"], expected={**expected, "image": wrong}, **targets)
    assert (outcome.step, outcome.target, outcome.difference) == ("Rotate", "image", 16)
    assert A.verify(result["replay"], expected={"image": wrong[:5]}, **targets).difference is None
    assert "differs by its shape" in str(A.verify(result["replay"], expected={"image": wrong[:5]}, **targets))


def test_refusals() -> None:
    targets = sample("boxes")
    result = A.ReplayCompose(STEPS, seed=1, **SETTINGS)(**targets)
    with pytest.raises(
        RecordError, match="verify: the record has no digests; record with digests=True, or pass expected="
    ):
        A.verify(result["replay"], **targets)
    with pytest.raises(RecordError, match="expected has 'depth', which is not among the targets"):
        A.verify(result["replay"], expected={"depth": 1}, **targets)
    _, record = recorded(**targets)
    with pytest.raises(RecordError, match="verify: the record has digests of 'mask'; pass it"):
        A.verify(record, **{k: v for k, v in targets.items() if k != "mask"})
    with pytest.raises(SampleError):
        A.verify(record)
    record["digests"].pop()
    with pytest.raises(RecordError, match=r"verify: the record has 5 digests for the input and 5 steps"):
        A.verify(record, **targets)


def test_digests_cover_every_kind_of_target() -> None:
    targets = {**sample("every"), "path": "a.jpg"}
    result = A.ReplayCompose([A.HorizontalFlip(p=1), A.ToFloat(p=1)], digests=True, **SETTINGS)(**targets)
    record = json.loads(json.dumps(result["replay"]))
    assert A.verify(record, **targets)
    for name in ("images", "masks", "volume", "mask3d"):
        changed = [np.array(frame) for frame in targets[name]]
        changed[-1][0, 0] += 1
        value = changed if isinstance(targets[name], list) else np.stack(changed)
        assert A.verify(record, **{**targets, name: value}).target == name
