"""Runs whose pipeline holds schedules, choices, rejected tries and published policies: pages, doctor, ablation."""

from __future__ import annotations

from typing import Any

import pytest

import augury as A
from augury.doctor.ablate import ablate
from augury.explorer.study import Study
from tests.explorer import runs
from tests.explorer.test_app import ask, json_of


def pipeline() -> A.ReplayCompose:
    return A.ReplayCompose(
        [
            A.Rotate(angle_range=A.linear((-5, 5), (-90, 90)), p=A.cosine(0.3, 0.9)),
            A.Until([A.RandomCrop(30, 36, p=A.linear(0.2, 1)), A.HorizontalFlip()], A.boxes_left(2), tries=3),
            A.TrivialAugment(p=A.steps({0: 0.2, 0.5: 0.9})),
            A.GaussianBlur(sigma_range=A.choice([(0.5, 0.5), (2, 2)])),
            A.AugMix(p=0.3),
        ],
        bbox_params=A.BboxParams("pascal_voc", label_fields=["labels"], min_visibility=0.6),
        keypoint_params=A.KeypointParams("xy"),
        seed=7,
        epochs=runs.EPOCHS,
    )


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> A.Ledger:
    return runs.write(tmp_path_factory.mktemp("varying") / "a", pipeline())


def test_every_page_answers(ledger: A.Ledger, tmp_path_factory: pytest.TempPathFactory, serve: Any) -> None:
    other = runs.write(tmp_path_factory.mktemp("varying") / "b")
    studies = [Study(one, runs.source, None, "tests.explorer.runs:source") for one in (ledger, other)]
    url = serve(*studies)
    for path in ("/sample?id=img03", "/compare", "/pipeline"):
        status, text, _ = ask(url, path, {"accept": "text/html"})
        assert status == 200, text


def test_rejected_and_skipped_steps_can_be_switched_on(ledger: A.Ledger, serve: Any) -> None:
    url = serve(Study(ledger, runs.source, None, "tests.explorer.runs:source"))
    reasons, skipped = set(), 0
    for sample in runs.IDS[:8]:
        steps = json_of(url, f"/sample?id={sample}")["steps"]
        for step in steps:
            if step["status"] == "rejected":
                reasons.add(step["reason"])
            if step["path"] in ("Rotate", "GaussianBlur") and step["status"] == "skipped":
                now = json_of(url, f"/sample?id={sample}&{_edit(step['toggle'])}")["steps"]
                assert next(one for one in now if one["path"] == step["path"])["status"] == "applied"
                skipped += 1
    assert "rejected, and drawn again: 1 of 2 boxes left" in reasons
    assert skipped


def _edit(toggle: str) -> str:
    return next(part for part in toggle.partition("?")[2].split("&") if part.startswith("edit="))


def test_the_doctor_reads_the_run(ledger: A.Ledger) -> None:
    found = A.doctor(ledger, data=runs.source, looks=20)
    effects = {effect.path: effect for effect in found.effects["raw"]}
    assert effects["Rotate"].ran > 0
    assert not [note for note in found.facts["notes"] if "cannot be read" in note]


def test_ablations_are_planned() -> None:
    steps = [pipeline()[0], A.Until([A.Transpose()], A.boxes_left(0)), A.Blur(p=A.linear(0, 1))]
    # Ablation looks at draws for a bare image, so nothing is known of what wants boxes.
    for some, paired in ((steps, None), ([steps[0], steps[2]], True)):
        arms = {arm.path: arm for arm in ablate(A.Compose(some, epochs=4), seed=7).arms}
        assert arms["Rotate"].paired is paired


def test_the_manifest_gives_the_pipeline_back(ledger: A.Ledger) -> None:
    again = A.from_dict({"library": "augury", "format": 1, "transform": ledger.manifests[0]["pipeline"]})
    assert again == pipeline()
