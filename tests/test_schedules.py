"""Fields that follow a schedule or draw from a list: what each call gets, what records say, what is refused."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import augury as A
from augury.doctor.dry_run import dry_run
from augury.errors import FieldError, RecordError, SampleError
from augury.groups import Group
from augury.program import Program
from augury.varying import read
from tests.samples import image

IMAGE = image(24, 32)


def turning(**settings: Any) -> A.ReplayCompose:
    return A.ReplayCompose([A.Rotate(angle_range=A.linear((0, 10), (-30, 30)), p=1)], seed=1, **settings)


def growing(t: float) -> tuple[float, float]:
    return (-30 * t, 30 * t)


def everything() -> list[Any]:
    """A pipeline in which every kind of schedule stands, in every kind of place."""
    return [
        A.Rotate(angle_range=A.linear((0, 0), (-30, 30)), p=A.cosine(0.2, 1.0)),
        A.OneOf([A.Blur(p=A.linear(1, 0)), A.Posterize(num_bits=A.linear(8, 2), p=1)], p=A.linear(0.5, 1)),
        A.Affine(scale=A.linear({"x": (0.9, 1), "y": (0.9, 1)}, {"x": (0.5, 1), "y": (0.5, 1)}, begin=0.2, end=0.6)),
        A.GaussNoise(p=A.steps({0: 0.0, 0.5: 0.5})),
        A.GaussianBlur(sigma_range=A.choice([(0.5, 0.5), (2, 2)]), p=0.5),
    ]


# ---- values ----------------------------------------------------------------------------------------------


def test_values_of_schedules() -> None:
    assert [A.linear(0, 10).at(t) for t in (0, 0.25, 1)] == [0, 2.5, 10]
    assert A.linear((0, 1), (-30, 1)).at(0.5) == (-15, 1)
    assert A.linear({"x": (0, 2)}, {"x": (2, 4)}).at(0.5) == {"x": (1, 3)}
    late = A.linear(1, 3, begin=0.5, end=0.75)
    assert [late.at(t) for t in (0, 0.5, 0.625, 0.75, 1)] == [1, 1, 2, 3, 3]
    assert [round(A.cosine(0, 1).at(t), 6) for t in (0, 0.25, 0.5, 1)] == [0, 0.146447, 0.5, 1]
    jumps = A.steps({0.5: "b", 0.0: "a"})
    assert [jumps.at(t) for t in (0, 0.49, 0.5, 1)] == ["a", "a", "b", "b"]
    assert A.schedule(growing).at(0.5) == (-15, 15)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0, 1))
def test_ramps_stay_between_their_ends(start: float, stop: float, t: float) -> None:
    for kind in (A.linear, A.cosine):
        low, high = sorted((start, stop))
        assert low - 1e-9 * abs(low) - 1e-9 <= kind(start, stop).at(t) <= high + 1e-9 * abs(high) + 1e-9


def test_whole_numbers_are_rounded_between_the_ends_only() -> None:
    step = A.Posterize(num_bits=A.linear(8, 2))
    assert [step.at(t).num_bits for t in (0, 0.3, 1)] == [(8, 8), (6, 6), (2, 2)]
    with pytest.raises(FieldError, match=r"Posterize.num_bits: got 2.5; .*\(at progress 1\)"):
        A.Posterize(num_bits=A.linear(8, 2.5))


def test_a_call_is_that_of_the_pipeline_at_its_progress() -> None:
    scheduled = A.ReplayCompose(everything(), seed=3)
    for i, progress in enumerate((0.0, 0.1, 0.5, 0.9, 1.0, 0.1)):
        fixed = scheduled.at(progress)
        assert not fixed.scheduled
        got, want = scheduled(image=IMAGE, key=i, progress=progress), fixed(image=IMAGE, key=i)
        assert np.array_equal(got["image"], want["image"])
        assert got["replay"]["steps"] == want["replay"]["steps"]
        assert got["replay"]["progress"] == progress


def test_progress_changes_what_is_drawn() -> None:
    pipeline = turning()
    angles = [
        pipeline(image=IMAGE, key=7, progress=t)["replay"]["steps"][0]["params"]["angle"] for t in (0, 0.5, 1, 0.5)
    ]
    u = angles[0] / 10
    assert np.allclose(angles, [10 * u, -15 + 35 * u, -30 + 60 * u, -15 + 35 * u])


@pytest.mark.parametrize(
    "group",
    [
        A.Sequential([A.NoOp(p=1)], p=A.linear(0, 1)),
        A.OneOf([A.NoOp(p=1)], p=A.linear(0, 1)),
        A.OneOrOther(A.NoOp(), A.HorizontalFlip(), p=A.linear(0, 1)),
        A.SomeOf([A.NoOp(p=1)], p=A.linear(0, 1)),
        A.RandomOrder([A.NoOp(p=1)], p=A.linear(0, 1)),
        A.SelectiveChannelTransform([A.Blur(p=1)], p=A.linear(0, 1)),
        A.Until([A.NoOp(p=1)], A.boxes_left(0), p=A.linear(0, 1)),
        A.Compose([A.NoOp(p=1)], p=A.linear(0, 1)),
    ],
    ids=lambda group: type(group).__name__,
)
def test_p_of_every_group(group: Group) -> None:
    assert [group.at(t).p for t in (0, 0.5, 1)] == [0, 0.5, 1]
    if not isinstance(group, A.Until):  # which needs boxes
        pipeline = A.ReplayCompose([group], seed=1)
        first = [pipeline(image=IMAGE, key=i, progress=0)["replay"]["steps"][0]["status"] for i in range(9)]
        last = [pipeline(image=IMAGE, key=i, progress=1)["replay"]["steps"][0]["status"] for i in range(9)]
        assert "applied" not in first and set(last) == {"applied"}


def test_fields_of_own_transforms() -> None:
    class Shifted(A.ImageOnlyTransform):
        def __init__(self, by: Any = 0, p: Any = 0.5) -> None:
            super().__init__(p)
            self.by = by

        def apply(self, img: Any, **params: Any) -> Any:
            return img + np.uint8(self.by)

    pipeline = A.ReplayCompose([Shifted(by=A.steps({0: 0, 0.5: 3}), p=A.linear(1, 1))])
    zeros = np.zeros((4, 4, 3), np.uint8)
    for progress, value in ((0.1, 0), (0.6, 3)):
        result = pipeline(image=zeros, progress=progress)
        assert result["image"].max() == value
        assert A.replay(json.loads(json.dumps(result["replay"])), image=zeros)["image"].max() == value
    with pytest.raises(FieldError, match=r"Shifted.p: got 2; .*\(at progress 1\)"):
        A.Compose([Shifted(p=A.linear(0, 2))])


# ---- where progress comes from ---------------------------------------------------------------------------


def test_progress_from_the_epoch_of_the_key() -> None:
    pipeline = turning(epochs=11)
    for epoch in (0, 3, 10):
        got = pipeline(image=IMAGE, key=(epoch, 5))
        want = pipeline(image=IMAGE, key=(epoch, 5), progress=epoch / 10)
        assert got["replay"] == want["replay"]
        assert got["replay"]["progress"] == epoch / 10
    assert turning(epochs=1)(image=IMAGE, key=(0, 0))["replay"]["progress"] == 0


def test_calls_that_do_not_say_their_progress() -> None:
    with pytest.raises(SampleError, match=r"progress: missing; .* pass progress=0..1, or build it with epochs=N"):
        turning()(image=IMAGE, key=(0, 0))
    with pytest.raises(SampleError, match=r"key: got None; with epochs pass key=\(epoch, index\)"):
        turning(epochs=5)(image=IMAGE)
    for key in (3, (3,), ("a", 3)):
        with pytest.raises(SampleError, match="with epochs pass key="):
            turning(epochs=5)(image=IMAGE, key=key)
    with pytest.raises(SampleError, match="key: got epoch 5 of epochs=5; epochs count from 0"):
        turning(epochs=5)(image=IMAGE, key=(5, 0))
    for progress in (-0.1, 1.1, "half", float("nan"), True):
        with pytest.raises(SampleError, match=r"progress: got .*pass a number from 0"):
            turning()(image=IMAGE, progress=progress)


def test_a_pipeline_without_schedules_only_notes_progress() -> None:
    pipeline = A.ReplayCompose([A.HorizontalFlip()], seed=1)
    plain, told = pipeline(image=IMAGE, key=1), pipeline(image=IMAGE, key=1, progress=0.25)
    assert told["replay"].pop("progress") == 0.25
    assert told["replay"] == plain["replay"]


def test_a_transform_alone() -> None:
    step = A.Rotate(angle_range=A.linear((5, 5), (9, 9)), p=1)
    assert not np.array_equal(step(image=IMAGE, progress=0)["image"], step(image=IMAGE, progress=1)["image"])


# ---- records ---------------------------------------------------------------------------------------------


def test_replay_needs_no_schedule_in_a_fresh_process() -> None:
    pipeline = A.ReplayCompose([*everything(), A.Rotate(angle_range=A.schedule(growing), p=1)], seed=2)
    result = pipeline(image=IMAGE, key=(1, 2), progress=0.8)
    code = """
import json, sys
import augury as A
from tests.samples import digest, image
print(digest(A.replay(json.loads(sys.stdin.read()), image=image(24, 32))["image"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(result["replay"]), capture_output=True, text=True, check=True
    )
    from tests.samples import digest

    assert done.stdout.strip() == digest(result["image"])


def test_programs_keep_progress() -> None:
    record = turning()(image=IMAGE, progress=0.5)["replay"]
    program = Program.from_record(json.dumps(record))
    assert program.progress == 0.5
    assert program.to_record() == json.loads(json.dumps(record))
    with pytest.raises(RecordError, match=r"record.progress: got 2; pass a number from 0 to 1"):
        Program.from_record({**record, "progress": 2})


def test_a_failing_step_is_recorded_at_its_progress() -> None:
    def broken(image: Any, **params: Any) -> Any:
        raise ValueError("no")

    pipeline = A.Compose([turning().transforms[0], A.Lambda(image=broken)])
    with pytest.raises(A.StepError) as caught:
        pipeline(image=IMAGE, progress=0.75)
    assert caught.value.record is not None
    assert caught.value.record["progress"] == 0.75
    assert caught.value.record["steps"][0]["status"] == "applied"


# ---- files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["json", "yaml"])
def test_schedules_are_saved(kind: str, tmp_path: Any) -> None:
    if kind == "yaml":
        pytest.importorskip("yaml")
    pipeline = A.ReplayCompose(everything(), seed=1, epochs=7, p=A.linear(0.5, 1))
    A.save(pipeline, tmp_path / "pipeline", kind)
    again = A.load(tmp_path / "pipeline", kind)
    assert again == pipeline
    assert repr(again) == repr(pipeline)
    assert again.fingerprint == pipeline.fingerprint
    call = {"image": IMAGE, "key": (3, 4)}
    assert again(**call)["replay"] == pipeline(**call)["replay"]


def test_repr_is_code() -> None:
    pipeline = A.Compose(everything(), seed=1)
    names = {name: getattr(A, name) for name in A.__all__ if name != "Ledger"}
    assert eval(repr(pipeline), names) == pipeline
    assert repr(A.schedule(growing)) == "schedule(growing)"


def test_functions_are_not_saved() -> None:
    step = A.Rotate(angle_range=A.schedule(growing))
    with pytest.raises(FieldError, match=r"Rotate.angle_range: cannot be saved: its schedule is a function; use A.lin"):
        A.to_dict(A.Compose([step]))
    with pytest.raises(FieldError, match=r"Sequential.p: cannot be saved"):
        A.to_dict(A.Sequential([A.NoOp()], p=A.schedule(lambda t: t)))
    assert A.Compose([step]).fingerprint == A.Compose([step]).fingerprint
    assert A.Compose([step], p=A.schedule(abs)).fingerprint != A.Compose([step]).fingerprint


@pytest.mark.parametrize(
    "raw",
    [
        {"schedule": "sine", "start": 0, "stop": 1},
        {"schedule": "linear", "start": 0},
        {"schedule": "linear", "start": 0, "stop": "x"},
        {"schedule": "steps", "values": 3},
        {"choice": []},
    ],
)
def test_damaged_files(raw: Any) -> None:
    with pytest.raises(RecordError, match=r"Rotate.angle_range"):
        read(raw, "Rotate.angle_range")


def test_pipelines_with_named_functions_travel() -> None:
    pipeline = A.ReplayCompose([A.Rotate(angle_range=A.schedule(growing), p=1)], seed=1)
    want = pipeline(image=IMAGE, key=1, progress=0.5)
    assert pickle.loads(pickle.dumps(pipeline))(image=IMAGE, key=1, progress=0.5)["replay"] == want["replay"]


# ---- the door --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: A.Rotate(angle_range=A.linear((0, 0), (30, -30))), r"Rotate.angle_range: .*\(at progress 0.1\)"),
        (lambda: A.Blur(blur_range=A.steps({0: (3, 5), 0.45: (-1, 3)})), r"Blur.blur_range: .*\(at progress 0.45\)"),
        (lambda: A.Rotate(p=A.linear(0, 1.2)), r"Rotate.p: got 1.2; .*\(at progress 1\)"),
        (lambda: A.Compose([], p=A.linear(0, 1.2)), "Compose.p at progress 0.9: got 1.0"),
        (lambda: A.Rotate(angle_range=A.schedule(lambda t: 1 / t)), "Rotate.angle_range at progress 0: its schedule"),
        (
            lambda: A.Rotate(angle_range=lambda t: (0, t)),
            r"Rotate.angle_range: .* wrap a function",
        ),
        (lambda: A.Compose([A.OneOf([A.NoOp(p=A.linear(0, 1))])]), r"OneOf.transforms: .*\(at progress 0\)"),
        (lambda: A.Rotate(angle_range=A.choice([3, "a"])), r"Rotate.angle_range: got 'a'; .*\(as a choice\)"),
        (lambda: A.Rotate(p=A.choice([0.1, 0.2])), "Rotate.p: got choice.*a probability is a number or a schedule"),
        (lambda: A.linear(0, "a"), "linear: got 0 and 'a'; pass two numbers"),
        (lambda: A.linear((0, 1), (1, 2, 3)), "linear: got .*of one form"),
        (lambda: A.cosine(0, 1, begin=0.7, end=0.2), "cosine.begin: got 0.7 with end=0.2"),
        (lambda: A.linear(0, 1, end=2), "linear.end: got 2; pass a number from 0 to 1"),
        (lambda: A.steps({0.5: 1}), "steps: got .*say with key 0 what holds at the start"),
        (lambda: A.steps([1, 2]), "steps: got .*pass a dict such as"),
        (lambda: A.steps(np.zeros((2, 2))), "steps: got .*pass a dict such as"),  # type: ignore[arg-type]
        (lambda: A.Compose([A.Rotate(p=A.linear(0, 1))]).at("x"), "Compose.at: got 'x'; pass a number from 0 to 1"),
        (lambda: A.Rotate(p=A.linear(0, 1)).at(2), "Rotate.at: got 2; pass a number from 0 to 1"),
        (lambda: A.steps({0: object()}), "steps: .*not plain JSON data"),
        (lambda: A.steps({0: 1, "x": 2}), "steps: got 'x'; pass a number from 0 to 1"),
        (lambda: A.schedule(3), "schedule: got 3; pass a function of progress"),
        (lambda: A.choice([]), r"choice: got \[\]; pass a list of at least one value"),
        (lambda: A.choice([object()]), "choice: .*not plain JSON data"),
        (lambda: A.Compose([], epochs=0), "Compose.epochs: got 0; pass how many epochs training takes"),
        (lambda: A.Compose([A.Compose([], epochs=3)]), "Compose inside a pipeline: .*epochs"),
    ],
)
def test_bad_schedules(build: Any, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        build()


# ---- choices ---------------------------------------------------------------------------------------------


def test_choices_are_even_and_recorded_as_plain_steps() -> None:
    pipeline = A.ReplayCompose([A.Rotate(angle_range=A.choice([(v, v) for v in range(5)]), p=1)], seed=1)
    angles = []
    for i in range(1000):
        result = pipeline(image=IMAGE[:8, :8], key=i)
        (step,) = result["replay"]["steps"]
        angles.append(step["params"]["angle"])
        assert step["path"] == "Rotate"
    counts = Counter(angles)
    assert sorted(counts) == [0, 1, 2, 3, 4]
    assert stats.chisquare(list(counts.values())).pvalue > 1e-5
    fixed = A.ReplayCompose([A.Rotate(angle_range=(3, 3), p=1)], seed=1)
    at = angles.index(3)
    assert (
        fixed(image=IMAGE[:8, :8], key=at)["replay"]["steps"]
        == pipeline(image=IMAGE[:8, :8], key=at)["replay"]["steps"]
    )


def test_what_is_chosen_says_nothing_of_what_is_drawn() -> None:
    pipeline = A.Compose([A.Rotate(angle_range=A.choice([(0, 1), (10, 11)]), p=1)], seed=1, save_applied_params=True)
    angles = [pipeline(image=IMAGE[:8, :8], key=i)["applied_transforms"][0][1]["angle"] for i in range(600)]
    for low in (0, 10):
        rest = [angle - low for angle in angles if low <= angle <= low + 1]
        assert stats.kstest(rest, "uniform").pvalue > 1e-4


def test_choices_follow_schedules_beside_them() -> None:
    step = A.Rotate(angle_range=A.choice([(1, 1), (2, 2)]), p=A.linear(0, 1))
    assert step.at(0.5).p == 0.5
    assert step.at(0.5).choices == step.choices
    assert A.from_dict(json.loads(json.dumps(A.to_dict(step)))) == step


# ---- the doctor ------------------------------------------------------------------------------------------


def test_the_doctor_runs_scheduled_pipelines() -> None:
    pipeline = A.Compose([A.Rotate(p=A.linear(0, 1)), A.HorizontalFlip(p=1)])
    found = dry_run(pipeline, [{"image": IMAGE}] * 11, 11)
    rates = {rate.path: rate for rate in found.rates}
    assert rates["Rotate"].p == pytest.approx(0.5)
    assert rates["HorizontalFlip"].share == 1
