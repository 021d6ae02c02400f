"""A suggestion answers the findings, and is believed only if drawing agrees."""

from __future__ import annotations

from typing import Any

import pytest

import augury as A
from augury.doctor import edited
from augury.doctor.results import Finding
from augury.doctor.suggest import suggest

PIPELINE = A.ReplayCompose(
    [
        A.Rotate(limit=180, p=0.5),
        A.OneOf([A.Blur(blur_limit=(3, 15), p=0.2), A.GaussianBlur(p=0.1)], p=1),
        A.RandomBrightnessContrast(p=0.5),
        A.GaussNoise(p=0.2),
        A.Normalize(),
    ],
    seed=1,
)


def finding(path: str, kind: Any = "harmful", **more: Any) -> Finding:
    return Finding(kind, f"{path} hurts", path, **more)


def changed(*findings: Finding) -> Any:
    return suggest(PIPELINE, findings)


def test_a_harmful_range_is_cut_from_its_field() -> None:
    made = changed(finding("Rotate", param="angle", range=(120, None), evidence={"magnitude": True}))
    assert made.after.transforms[0].angle_range == (-120, 120)
    assert "-    A.Rotate(angle_range=(-180.0, 180.0), p=0.5)," in made.diff
    assert "+    A.Rotate(angle_range=(-120.0, 120.0), p=0.5)," in made.diff
    assert '"angle_range"' in made.json_diff or "-120.0" in made.json_diff
    assert made.before == PIPELINE and PIPELINE.transforms[0].angle_range == (-180, 180)


def test_a_value_in_other_units_than_its_field_is_cut_too() -> None:
    # alpha, the drawn contrast factor, is 1 + a number of contrast_range.
    made = changed(finding("RandomBrightnessContrast", param="alpha", range=(1.1, None)))
    assert made.after.transforms[2].contrast_range == pytest.approx((-0.2, 0.1))
    assert made.after.transforms[2].brightness_range == (-0.2, 0.2)


def test_a_range_of_whole_numbers_stays_whole() -> None:
    made = changed(finding("OneOf/Blur", param="kernel", range=(8, None)))
    low, high = made.after.transforms[1].transforms[0].blur_range
    assert low == 3 and high in (7, 8) and isinstance(high, int)
    draws = [edited.steps(edited.noting(edited.tree(made.after), 3), (i,), edited.sample(64)) for i in range(60)]
    kernels = {step["params"]["kernel"] for steps in draws for step in steps if "kernel" in step.get("params", {})}
    assert max(kernels) <= 8


def test_a_harmful_step_is_taken_out_and_the_others_run_as_often() -> None:
    made = changed(finding("GaussNoise"), finding("OneOf/Blur"))
    assert [type(t).__name__ for t in made.after.transforms] == [
        "Rotate", "OneOf", "RandomBrightnessContrast", "Normalize",
    ]  # fmt: skip
    assert [(type(t).__name__, t.p) for t in made.after.transforms[1].transforms] == [
        ("NoOp", 0.2),
        ("GaussianBlur", 0.1),
    ]


def test_dead_steps_go() -> None:
    assert len(changed(finding("GaussNoise", "dead_step")).after.transforms) == 4


def test_what_no_field_can_do_is_said_and_left() -> None:
    made = changed(finding("Rotate", param="interpolation", range=(0, 2)), finding("Normalize", "too_strong"))
    assert made.diff == "" and not made.changes
    assert [change.path for change in made.unchanged] == ["Rotate", "Normalize"]


def test_findings_about_samples_and_strange_steps_are_passed_over() -> None:
    made = suggest(
        PIPELINE, [finding("Nowhere"), Finding("suspected_label", "odd"), Finding("unstable_sample", "odd", "Rotate")]
    )
    assert made.diff == "" and not made.changes and not made.unchanged


def test_saved_pipelines_will_do() -> None:
    saved = A.to_dict(PIPELINE)
    assert (
        suggest(saved["transform"], [finding("GaussNoise")]).diff == suggest(saved, [finding("GaussNoise")]).diff != ""
    )
    assert suggest(PIPELINE, [finding("GaussNoise")]).to_dict()["changes"][0]["why"] == "GaussNoise hurts"
