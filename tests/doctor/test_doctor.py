from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.doctor.panel import load
from augury.doctor.rates import expected
from augury.doctor.results import KINDS, Diagnosis
from tests.doctor.simulated import grid, ledger

Applied = dict[str, dict[str, Any]]


@cache
def pipeline() -> A.ReplayCompose:
    return A.ReplayCompose(
        [
            A.HorizontalFlip(p=0.5),
            A.Rotate(limit=180, p=0.4),
            A.OneOf([A.Blur(p=1), A.GaussNoise(p=1)], p=0.6),
            A.RandomBrightnessContrast(p=0.5),
        ],
        seed=1,
    )


def harm(sample: int, epoch: int, ran: Applied) -> float:
    """Turned beyond 120 degrees a 6 is a 9, and every other digit is hard to read."""
    if abs(ran.get("Rotate", {}).get("angle", 0)) <= 120:
        return 0.0
    return 2.4 if sample % 10 in (6, 9) else 0.8


@pytest.fixture(scope="module")
def harmed(tmp_path_factory: pytest.TempPathFactory) -> A.Ledger:
    return ledger(tmp_path_factory.mktemp("harmed"), pipeline(), harm, samples=300, epochs=10)


@pytest.fixture(scope="module")
def diagnosis(harmed: A.Ledger) -> Diagnosis:
    return A.doctor(harmed)


def test_the_first_finding_names_the_transform_its_range_and_the_classes(
    harmed: A.Ledger, diagnosis: Diagnosis
) -> None:
    first = diagnosis.findings[0]
    assert first.title.startswith("Rotate beyond 120 degrees raises loss by 1.") and "6 and 9" in first.title
    assert (first.kind, first.path, first.param, first.range) == ("harmful", "Rotate", "angle", (120, None))
    inside = first.evidence["range"]
    assert inside["low"] <= 0.8 * 0.8 + 2.4 * 0.2 <= inside["high"]
    assert first.where == {
        "path": "Rotate", "param": "angle", "low": 120, "high": None, "magnitude": True, "level": None
    }  # fmt: skip
    assert first.command == f"augury ledger top {harmed.uri} --where \"abs(params['Rotate.angle']) > 120\""
    assert not [one for one in diagnosis.findings if one.kind == "harmful" and one.path != "Rotate"]


def test_harm_to_some_classes_is_a_finding_of_its_own(diagnosis: Diagnosis) -> None:
    (one,) = [one for one in diagnosis.findings if one.kind == "label_mismatch"]
    assert one.path == "Rotate" and sorted(one.label) == [6, 9]


def test_the_table_knows_how_often_steps_ran_and_should(diagnosis: Diagnosis) -> None:
    rows = {row.path: row for row in diagnosis.effects["paired"]}
    assert list(rows) == ["HorizontalFlip", "Rotate", "OneOf/Blur", "OneOf/GaussNoise", "RandomBrightnessContrast"]
    assert [row.p for row in rows.values()] == pytest.approx([0.5, 0.4, 0.3, 0.3, 0.5])
    for row in rows.values():
        assert row.offered == 3000 and row.share == pytest.approx(row.p, abs=0.05)
    rotate = rows["Rotate"]
    assert rotate.p_corrected < 1e-6 and rotate.low < 1.12 / 3 < rotate.high
    assert rows["OneOf/Blur"].against == "the same samples without OneOf"


def test_curves_follow_the_param(diagnosis: Diagnosis) -> None:
    curves = {(one.path, one.param): one for one in diagnosis.curves}
    angle = curves["Rotate", "angle"]
    assert angle.unit == "degree" and [one.low for one in angle.bins] == list(range(-180, 180, 30))
    for one in angle.bins:
        truth = 1.12 if min(abs(one.low), abs(one.high)) >= 120 else 0.0  # type: ignore[arg-type]
        assert one.low95 - 0.15 < truth < one.high95 + 0.15
    assert angle.p_corrected < 1e-6 < curves["OneOf/GaussNoise", "std"].p_corrected
    assert curves["OneOf/Blur", "kernel"].kind == "categorical"
    assert [one.level for one in curves["OneOf/Blur", "kernel"].bins] == [3, 5, 7]


def test_a_diagnosis_is_plain_json(diagnosis: Diagnosis) -> None:
    told = json.loads(json.dumps(diagnosis.to_dict()))
    assert told["findings"][0]["kind"] in KINDS and told["estimate"] == "paired"
    assert told["effects"]["raw"][0]["estimate"] == "raw"


@pytest.mark.parametrize("estimate", ["raw", "adjusted"])
def test_findings_can_rest_on_the_other_estimates(harmed: A.Ledger, estimate: Any) -> None:
    found = A.doctor(harmed, estimate)
    assert found.estimate == estimate and found.findings[0].path == "Rotate"


def test_interactions(tmp_path: Path) -> None:
    def both(sample: int, epoch: int, ran: Applied) -> float:
        return 0.7 * ("Rotate" in ran and "HorizontalFlip" in ran)

    first = A.doctor(ledger(tmp_path, pipeline(), both, samples=200)).interactions[0]
    assert {first.path, first.other} == {"Rotate", "HorizontalFlip"}
    assert first.low < 0.7 < first.high and first.p_corrected < 0.01


@pytest.mark.slow
def test_harmless_steps_are_not_blamed(tmp_path: Path) -> None:
    blamed = 0
    for seed in range(20):
        found = A.doctor(ledger(tmp_path / str(seed), pipeline(), lambda s, e, ran: 0.0, seed=seed))
        blamed += any(one.kind in ("harmful", "label_mismatch") for one in found.findings)
    assert blamed <= 1


def test_a_step_that_never_runs_is_dead(tmp_path: Path) -> None:
    made = A.ReplayCompose([A.HorizontalFlip(p=0.5), A.Rotate(p=0), A.OneOf([A.Blur(p=1), A.Sharpen(p=0)])], seed=1)
    found = A.doctor(ledger(tmp_path, made, lambda s, e, ran: 0.0))
    dead = {one.path: one.title for one in found.findings if one.kind == "dead_step"}
    assert set(dead) == {"Rotate", "OneOf/Sharpen"} and dead["Rotate"].endswith("its p is 0")


def test_samples_that_are_hard_under_every_draw_are_suspects(tmp_path: Path) -> None:
    wrong = {7, 70, 111}

    def cost(sample: int, epoch: int, ran: Applied) -> float:
        return (4.0 if sample in wrong else 0.0) + harm(sample, epoch, ran)

    found = A.doctor(ledger(tmp_path, pipeline(), cost))
    assert {one.sample_id for one in found.suspects[:3]} == {f"s{i:04d}" for i in wrong}
    assert len(found.suspects) < 10
    first = next(one for one in found.findings if one.kind == "suspected_label")
    assert "has high loss under every one of 8 draws" in first.title and first.where["sample_id"] in first.title


def test_samples_that_a_rare_step_makes_hard_are_unstable(tmp_path: Path) -> None:
    made = A.ReplayCompose([A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.15)], seed=1)

    def cost(sample: int, epoch: int, ran: Applied) -> float:
        return 5.0 if sample % 3 == 0 and "VerticalFlip" in ran else 0.0

    found = A.doctor(ledger(tmp_path, made, cost, epochs=16))
    (one,) = [one for one in found.findings if one.kind == "unstable_sample"]
    assert one.path == "VerticalFlip" and all(int(name[1:]) % 3 == 0 for name in one.evidence["samples"])


def test_pictures_show_what_is_too_strong(tmp_path: Path) -> None:
    made = A.ReplayCompose([A.RandomCrop(6, 6, p=0.5), A.RandomBrightnessContrast((-0.9, 0.9), 0, p=0.9)], seed=1)
    run = ledger(tmp_path, made, lambda s, e, ran: 0.0)
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    by_params = [one.title for one in A.doctor(run).findings if one.kind == "too_strong"]
    by_pictures = [one.title for one in A.doctor(run, data=lambda name: {"image": image}).findings]
    assert by_params == ["RandomCrop keeps under 20% of the picture in every run"]
    assert by_params[0] in by_pictures and any("clips" in title for title in by_pictures)

    def broken(name: str) -> dict[str, Any]:
        raise KeyError(name)

    with pytest.raises(A.SampleError, match=r"sample 's\d+', epoch \d: .*KeyError"):
        A.doctor(run, data=broken)
    with pytest.raises(A.SampleError, match=r"sample 's\d+', epoch \d: "):
        A.doctor(run, data=lambda name: {"image": image[:8]})


# ---- ledgers that are not as they should be ----------------------------------------------------------------


def note(found: Diagnosis) -> str:
    return " ".join(found.facts["notes"])


def test_one_epoch_has_no_pairs(tmp_path: Path) -> None:
    found = A.doctor(ledger(tmp_path, pipeline(), harm, epochs=1))
    assert "No sample was seen twice" in note(found) and found.estimate == "raw"
    assert all(row.effect is None for row in found.effects["paired"])
    assert found.effects["raw"][1].effect is not None


def test_losses_that_are_missing_or_not_finite_are_left_out_and_counted(tmp_path: Path) -> None:
    strange = {3: math.nan, 4: math.inf, 5: -math.inf}
    run = ledger(tmp_path, pipeline(), lambda s, e, ran: harm(s, e, ran) + strange.get(s, 0.0))
    run.log(sample_id="extra", record=None, loss=1.0, epoch=0)
    run.log(sample_id="extra", record=pipeline()(image=np.zeros((16, 16, 3), np.uint8))["replay"], epoch=1)
    found = A.doctor(run)
    facts = found.facts
    assert (facts["losses_nan"], facts["losses_infinite"], facts["losses_missing"], facts["without_record"]) == (
        8,
        16,
        1,
        1,
    )
    assert facts["rows_used"] == 117 * 8 and math.isfinite(facts["mean_loss"])
    assert "24 of 962 losses are not finite (8 NaN, 16 infinite)" in note(found)
    assert "1 of 962 rows have no loss" in note(found) and "1 of 962 rows have no record" in note(found)
    assert found.findings[0].path == "Rotate"


def test_no_losses_and_no_records(tmp_path: Path) -> None:
    record = pipeline()(image=np.zeros((16, 16, 3), np.uint8), key=0)["replay"]
    for name, row, said in (
        ("a", {"record": record}, "No row has a loss"),
        ("b", {"loss": 1.0}, "No row has a record"),
    ):
        run = A.Ledger(tmp_path / name, pipeline=pipeline())
        run.log(sample_id=["x", "y"], epoch=0, **row)
        found = A.doctor(run)
        assert said in note(found) and not found.curves
        steps = ["HorizontalFlip", "Rotate"] if name == "a" else []
        assert [row.path for row in found.effects["paired"]][:2] == steps


def test_an_empty_ledger(tmp_path: Path) -> None:
    with pytest.raises(A.SampleError, match="holds no rows; log samples"):
        A.doctor(A.Ledger(tmp_path))


def test_epochs_that_are_not_there(harmed: A.Ledger) -> None:
    with pytest.raises(A.SampleError, match="no rows from epoch 99 on"):
        A.doctor(harmed, since=99)
    assert A.doctor(harmed, since=8).facts["epochs"] == 2


def test_wrong_arguments(harmed: A.Ledger) -> None:
    with pytest.raises(A.FieldError, match=r"doctor\.estimate: got 'causal'; pass one of paired, raw, adjusted"):
        A.doctor(harmed, "causal")  # type: ignore[arg-type]


def test_a_ledger_of_a_newer_version(tmp_path: Path) -> None:
    from augury.ledger import parts

    ledger(tmp_path, pipeline(), harm, samples=20, epochs=2)
    (part,) = tmp_path.glob("part-*.parquet")
    import pyarrow.parquet as pq

    pq.write_table(pq.read_table(part).replace_schema_metadata({parts._FORMAT_KEY: b"99"}), part)
    with pytest.raises(A.RecordError, match="ledger format 99"):
        A.doctor(A.Ledger(tmp_path))


def test_half_of_the_parts_are_gone_or_broken(tmp_path: Path) -> None:
    for seed in range(4):
        ledger(tmp_path, pipeline(), harm, samples=100, epochs=4, seed=seed)
    first, second, *_ = tmp_path.glob("part-*.parquet")
    first.unlink()
    second.write_bytes(second.read_bytes()[:1000])
    with pytest.warns(UserWarning, match="left out, not a readable part"):
        found = A.doctor(A.Ledger(tmp_path))
    assert found.facts["rows"] == 800


def test_a_transform_that_is_not_known_here(tmp_path: Path) -> None:
    run = ledger(tmp_path / "a", pipeline(), harm, samples=300, epochs=10)
    other = A.Ledger(tmp_path / "b")
    for row in run.rows():
        text = json.dumps(row["record"]).replace("Rotate", "Whirl")
        other.log(row["sample_id"], text, row["loss"], row["epoch"], label=row["label"])
    found = A.doctor(other)
    assert found.findings[0].title.startswith("Whirl with angle beyond ±120 raises loss")
    assert all(row.p is None for row in found.effects["paired"])


def test_many_samples_are_thinned_by_their_ids(harmed: A.Ledger) -> None:
    found = A.doctor(harmed, most_rows=1000)
    assert found.facts["one_sample_in"] == 3 and "of one sample in 3" in note(found)
    assert found.effects == A.doctor(harmed).effects
    assert 600 < sum(one.n for one in found.curves[0].bins) / 0.4 < 1500


def test_what_was_logged_since_is_read(tmp_path: Path) -> None:
    run = ledger(tmp_path, pipeline(), harm, samples=50, epochs=4)
    first, again = load(run)[0], load(A.Ledger(tmp_path))[0]
    assert again is first
    run.log("late", run.rows(limit=1)[0]["record"], 1.0, 0)
    assert load(run)[0].rows == first.rows + 1


def test_a_panel_knows_which_steps_ran_however_many_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from augury.doctor import panel as module

    run = ledger(tmp_path, pipeline(), harm, samples=50, epochs=4)
    run.log("s0000", loss=0.5, epoch=1)  # no record is not the same as no step
    run.log("s0001", {"steps": []}, loss=0.25, epoch=None)
    run.log("s0002", {"steps": [{"path": f"Rotate{again}", "status": "applied"} for again in ("", "~2")]}, loss=0.125)
    told = run.sql(
        "select hash(sample_id) as id, epoch, loss, applied from ledger where applied is not null"
    ).to_pylist()
    truth = sorted(
        (row["id"], row["epoch"] or -1, row["loss"], *sorted({path.partition("~")[0] for path in row["applied"]}))
        for row in told
    )
    for word in (62, 2, 1):
        module._kept.clear()
        monkeypatch.setattr(module, "_WORD", word)
        panel, facts, _ = load(run)
        assert facts["rows"] == 203 and facts["without_record"] == 1 and panel.rows == 202
        found = sorted(
            (
                int(panel.ids[sample]),
                panel.epochs[epoch] or -1,
                loss,
                *sorted(panel.paths[i] for i in np.flatnonzero(ran)),
            )
            for sample, epoch, loss, ran in zip(
                panel.sample, panel.epoch, panel.loss, panel.ran[panel.pattern], strict=True
            )
        )
        assert found == truth
    assert "Rotate" in panel.paths and "Rotate~2" not in panel.paths


# ---- how often steps run -----------------------------------------------------------------------------------

FLIPS = [A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.2), A.Transpose(p=1)]


@pytest.mark.parametrize(
    "group",
    [
        A.OneOf(FLIPS, p=0.7),
        A.SomeOf(FLIPS, n=2, p=0.6),
        A.SomeOf(FLIPS, n=(0, 3)),
        A.SomeOf(FLIPS, n=2, replace=True),
        A.RandomOrder(FLIPS, n=3, p=0.5),
        A.OneOrOther(FLIPS[0], FLIPS[1], p=0.3),
        A.Sequential([A.OneOf(FLIPS, p=0.5), A.SomeOf([A.Sequential(FLIPS, p=0.5)], n=2, replace=True)], p=0.8),
    ],
    ids=str,
)
def test_rates_are_those_of_many_draws(group: Any) -> None:
    made = A.ReplayCompose([group], p=0.9, seed=3)
    rates = expected(made)
    image = np.zeros((2, 2, 1), np.uint8)
    calls = 3000
    ran = dict.fromkeys(rates, 0)
    for i in range(calls):
        steps = made(image=image, key=i)["replay"]["steps"]
        for path in {step["path"].partition("~")[0] for step in steps if step["status"] == "applied"}:
            ran[path] += 1
    for path, p in rates.items():
        assert abs(ran[path] / calls - p) < 4 * math.sqrt(p * (1 - p) / calls) + 1e-9, path


def test_a_grid_is_epoch_by_epoch() -> None:
    sample, epoch = grid(3, 2)
    assert sample.tolist() == [0, 1, 2, 0, 1, 2] and epoch.tolist() == [0, 0, 0, 1, 1, 1]
