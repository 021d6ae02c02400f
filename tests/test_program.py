"""Records as values: edited, swept, cut, resized, and run."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.errors import RecordError
from augury.program import FORMAT, Program, versions
from tests.samples import BOX_SETTINGS, POINT_SETTINGS, equal, image, sample

SETTINGS = {"bbox_params": A.BboxParams(**BOX_SETTINGS), "keypoint_params": A.KeypointParams(**POINT_SETTINGS)}


def drawn(*steps: Any, targets: dict[str, Any] | None = None, **settings: Any) -> tuple[dict[str, Any], Program]:
    targets = targets or sample("boxes")
    pipeline = A.ReplayCompose(list(steps), seed=1, **{**SETTINGS, **settings})
    result = pipeline(**targets, key=0)
    return result, Program.from_record(json.loads(json.dumps(result["replay"])))


STEPS = (A.RandomCrop(40, 50, p=1), A.HorizontalFlip(p=1), A.RandomGamma(p=1), A.InvertImg(p=0), A.GaussNoise(p=1))


def run(program: Program, **targets: Any) -> Any:
    return A.replay(program, **(targets or sample("boxes")))


# ---- the value ------------------------------------------------------------------------------------------------


def test_a_program_and_its_record_say_the_same() -> None:
    result, program = drawn(*STEPS)
    assert json.loads(json.dumps(program.to_record())) == json.loads(json.dumps(result["replay"]))
    assert Program.from_record(json.dumps(program.to_record())) == program
    assert Program.from_record(program) is program
    assert program == drawn(*STEPS)[1]
    assert [step.name for step in program.applied] == ["RandomCrop", "HorizontalFlip", "RandomGamma", "GaussNoise"]
    assert [step.status for step in program.steps] == ["applied", "applied", "applied", "skipped", "applied"]


def test_a_record_says_what_decides_the_result() -> None:
    record = drawn(*STEPS)[0]["replay"]
    assert record["format"] == FORMAT and record["versions"] == versions()
    assert set(record["versions"]) >= {"augury", "numpy", "opencv", "stringzilla", "numkong"}
    assert record["seed"] == 1 and record["key"] == [0] and record["fuse"] == "exact"
    assert record["signature"]["image"] == [[60, 81, 3], "uint8"]
    assert record["settings"]["bbox_params"]["coord_format"] == "pascal_voc"
    assert record["pipeline"] == A.Compose(list(STEPS), **SETTINGS).fingerprint


def test_a_program_is_frozen() -> None:
    _, program = drawn(*STEPS)
    with pytest.raises(AttributeError):
        program.seed = 3  # type: ignore[misc]


# ---- edits -----------------------------------------------------------------------------------------------------


def test_drop() -> None:
    result, program = drawn(*STEPS)
    for which in ("HorizontalFlip", 1, -3):
        edited = program.drop(which)
        assert [s.name for s in edited.applied] == ["RandomCrop", "RandomGamma", "GaussNoise"] and edited.edited
    flipped = run(program.drop("RandomGamma").drop("GaussNoise"))
    plain = run(program.drop("RandomGamma").drop("GaussNoise").drop("HorizontalFlip"))
    assert np.array_equal(flipped["image"], plain["image"][:, ::-1])
    assert np.array_equal(flipped["mask"], plain["mask"][:, ::-1])
    assert len(program.applied) == 4 and equal(run(program)["image"], result["image"])


def test_dropping_a_crop_runs_the_rest_on_the_whole_image() -> None:
    _, program = drawn(*STEPS)
    assert run(program.drop("RandomCrop"))["image"].shape == (60, 81, 3)


def test_set() -> None:
    _, program = drawn(*STEPS)
    same = program.set("RandomGamma", gamma=program.applied[2].params["gamma"])
    assert equal(run(same)["image"], run(program)["image"])
    dark = run(program.set("RandomGamma", gamma=3.0).drop("GaussNoise"))["image"]
    bright = run(program.set(2, gamma=0.3).drop("GaussNoise"))["image"]
    assert dark.mean() < bright.mean() - 50
    crop = run(program.set(0, crop_coords=[0, 0, 10, 20]))
    assert crop["image"].shape == (20, 10, 3) and crop["mask"].shape == (20, 10)


def test_sweep() -> None:
    _, program = drawn(*STEPS)
    programs = program.sweep("RandomGamma", "gamma", np.linspace(0.5, 2, 4))
    means = [run(p.drop("GaussNoise"))["image"].mean() for p in programs]
    assert means == sorted(means, reverse=True) and len(set(means)) == 4
    json.dumps([p.to_record() for p in programs])


def test_until_and_between() -> None:
    _, program = drawn(*STEPS)
    assert [s.name for s in program.until("HorizontalFlip").applied] == ["RandomCrop", "HorizontalFlip"]
    assert [s.name for s in program.until(0).applied] == ["RandomCrop"]
    assert [s.name for s in program.between(1, 2).applied] == ["HorizontalFlip", "RandomGamma"]
    first = run(program.until(1))
    rest = A.replay(program.between(2, 3), **first)
    assert equal(rest, run(program))
    assert equal(run(program.between(0, 3)), run(program))
    assert run(program.between(1, 1))["image"].shape == (60, 81, 3)


def test_an_edited_program_is_a_record_again() -> None:
    _, program = drawn(*STEPS, digests=True)
    assert program.digests
    edited = program.drop("RandomGamma")
    assert not edited.digests and edited.to_record()["edited"] is True
    again = Program.from_record(json.loads(json.dumps(edited.to_record())))
    assert again == edited and equal(run(again), run(edited))
    assert "shape" in edited.applied[1].params and "shape" not in edited.applied[2].params


def test_paths_tell_twins_apart() -> None:
    gamma = A.RandomGamma(p=1)
    _, program = drawn(gamma, A.Sequential([gamma], p=1), gamma)
    for path in ("RandomGamma", "Sequential/RandomGamma", "RandomGamma:2"):
        assert [s.path for s in program.until(path).applied][-1] == path
    _, nested = drawn(A.Sequential([gamma, gamma], p=1))
    with pytest.raises(
        RecordError, match="'RandomGamma': several steps have this name; applied paths: Sequential/RandomGamma, "
    ):
        nested.drop("RandomGamma")


@pytest.mark.parametrize(
    ("edit", "pieces"),
    [
        (lambda p: p.drop("Rotate"), ["'Rotate': no such step ran", "applied paths: RandomCrop, HorizontalFlip"]),
        (lambda p: p.drop("InvertImg"), ["'InvertImg': no such step ran"]),
        (lambda p: p.drop(4), ["step 4 is not there", "4 steps ran"]),
        (lambda p: p.set("RandomGamma", gama=2), ["RandomGamma.gama: no such value", "gamma"]),
        (lambda p: p.set("RandomGamma", gamma=object()), ["RandomGamma.gamma", "not plain JSON data"]),
        (lambda p: p.between(2, 1), ["steps 2..1 are not there"]),
        (lambda p: p.between(0, 4), ["steps 0..4 are not there", "4 steps ran"]),
        (lambda p: p.until("GaussNose"), ["'GaussNose': no such step ran"]),
    ],
)
def test_edits_that_cannot_be(edit: Any, pieces: list[str]) -> None:
    with pytest.raises(RecordError) as caught:
        edit(drawn(*STEPS)[1])
    assert all(piece in str(caught.value) for piece in pieces), caught.value


# ---- other sizes -----------------------------------------------------------------------------------------------


def test_a_record_is_refused_on_another_size_but_can_be_scaled() -> None:
    small, large = image(40, 60), image(80, 120)
    _, program = drawn(
        A.RandomCrop(20, 30, p=1),
        A.CoarseDropout(num_holes_range=(3, 3), p=1),
        A.HorizontalFlip(p=1),
        targets={"image": small},
    )
    with pytest.raises(
        RecordError, match=r"RandomCrop: recorded for an image of shape \(40, 60, 3\), got \(80, 120, 3\)"
    ):
        A.replay(program, image=large)
    scaled = A.replay(program, image=np.kron(small, np.ones((3, 2, 1), np.uint8)), resize="relative")["image"]
    assert scaled.shape == (60, 60, 3)
    assert np.array_equal(scaled[::3, ::2], A.replay(program, image=small)["image"])
    assert equal(A.replay(program, image=small, resize="relative"), A.replay(program, image=small))


def test_scaling_scales_every_pixel_param() -> None:
    _, program = drawn(
        A.Crop(10, 12, 30, 32, p=1), A.Pad(3, p=1), A.ShiftScaleRotate(p=1), targets={"image": image(40, 60)}
    )
    out = A.replay(program, image=image(80, 120), resize="relative")["image"]
    assert out.shape[:2] == (46, 46)


def test_sizes_are_checked_at_every_step() -> None:
    _, program = drawn(A.HorizontalFlip(p=1), A.RandomGamma(p=1), targets={"image": image(40, 60)})
    record = program.to_record()
    record["steps"][1]["params"]["shape"] = [41, 60, 3]
    with pytest.raises(
        RecordError, match=r"RandomGamma: recorded for an image of shape \(41, 60, 3\), got \(40, 60, 3\)"
    ):
        A.replay(record, image=image(40, 60))


def test_a_mask_alone_can_be_replayed() -> None:
    targets = sample("boxes")
    result, program = drawn(A.RandomCrop(40, 50, p=1), A.HorizontalFlip(p=1), targets=targets)
    assert np.array_equal(A.replay(program.drop(0).drop(0), mask=targets["mask"])["mask"], targets["mask"])
    masks = A.replay(program, image=targets["image"], masks=[targets["mask"]] * 2)["masks"]
    assert all(np.array_equal(m, result["mask"]) for m in masks)
