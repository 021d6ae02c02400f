"""One thing changed at a time, everything else as it was drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.doctor.probe import probe_worst
from augury.errors import FieldError, RecordError, SampleError
from tests.samples import image


def pipeline() -> A.ReplayCompose:
    return A.ReplayCompose(
        [
            A.RandomCrop(40, 40, p=1),
            A.RandomBrightnessContrast(brightness_limit=(0.3, 0.3), contrast_limit=0, p=1),
            A.HorizontalFlip(p=1),
            A.GaussNoise(p=1),
            A.Normalize(),
        ],
        seed=7,
    )


def record(key: tuple[int, ...] = (0, 0)) -> dict[str, Any]:
    return pipeline()(image=image(), key=key)["replay"]  # type: ignore[no-any-return]


def brightness(sample: dict[str, Any]) -> float:
    return float(np.mean(sample["image"]))


def by_text(found: Any) -> dict[str, Any]:
    return {row.text: row for row in found.rows}


def test_each_step_is_dropped_and_all_others_stay() -> None:
    found = A.probe(record(), image(), score=brightness)
    assert list(by_text(found)) == [
        "as drawn",
        "without RandomCrop",
        "without RandomBrightnessContrast",
        "without HorizontalFlip",
        "without GaussNoise",
    ]
    assert found.best is not None and found.best.path == "RandomBrightnessContrast"
    assert found.best.difference is not None and found.best.difference < -0.5
    assert found.drawn.score == brightness(A.replay(record(), image=image()))
    flipped = by_text(found)["without HorizontalFlip"]
    assert flipped.score == brightness(A.replay(A.Program.from_record(record()).drop("HorizontalFlip"), image=image()))


def test_a_row_holds_the_record_that_makes_it() -> None:
    found = A.probe(record(), image(), score=brightness)
    for row in found.rows:
        assert brightness(A.replay(json.loads(json.dumps(row.record)), image=image())) == row.score


def test_a_dropped_crop_keeps_the_size_that_later_steps_had() -> None:
    seen = []
    found = A.probe(record(), image(), score=lambda sample: seen.append(sample["image"].shape) or 1.0)
    assert set(seen) == {(40, 40, 3)}
    row = by_text(found)["without RandomCrop"]
    assert row.note == "resized to 40 x 40 instead"
    kept = [step for step in row.record["steps"] if step["path"] != "RandomCrop"]
    assert kept == [step for step in found.drawn.record["steps"] if step["path"] != "RandomCrop"]


def test_a_value_is_swept() -> None:
    values = [-0.3, 0.0, 0.3]
    found = A.probe(record(), image(), score=brightness, sweep="RandomBrightnessContrast.beta", values=values)
    assert [row.value for row in found.rows[1:]] == values
    scores = [row.score for row in found.rows[1:]]
    assert scores == sorted(scores) and scores[0] != scores[1]  # type: ignore[type-var]
    assert found.best is found.rows[1]


def test_names_that_are_no_target_reach_the_score() -> None:
    found = A.probe(record(), image(), score=lambda sample: float(sample["digit"]), digit=6)
    assert found.drawn.score == 6.0 and found.best is None
    assert "no change lowers the score" in repr(found)


def test_scores_may_be_tensors_and_arrays() -> None:
    import torch

    for value in (np.float32(2), np.array(2.0), torch.tensor(2.0)):
        assert A.probe(record(), image(), score=lambda _, value=value: value).drawn.score == 2.0


def test_a_score_that_is_no_number_is_refused() -> None:
    for value in (None, "low", [1.0], True, np.ones(2)):
        with pytest.raises(SampleError, match="return one number"):
            A.probe(record(), image(), score=lambda _, value=value: value)


def test_a_changed_sample_that_the_model_refuses_is_a_row_with_the_reason() -> None:
    least = brightness(A.replay(record(), image=image())) - 0.5

    def score(sample: dict[str, Any]) -> float:
        if brightness(sample) < least:
            raise ZeroDivisionError("too dark for me")
        return 1.0

    row = by_text(A.probe(record(), image(), score=score))["without RandomBrightnessContrast"]
    assert row.score is None and row.difference is None and row.note == "ZeroDivisionError: too dark for me"


def test_what_goes_wrong_with_the_sample_as_drawn_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        A.probe(record(), image(), score=lambda sample: 1 / 0)
    with pytest.raises(RecordError):
        A.probe(record(), image(30, 30), score=brightness)


def test_bad_sweeps_say_what_to_pass() -> None:
    for arguments in ({"sweep": "angle", "values": [1]}, {"sweep": "Rotate.angle"}, {"values": [1]}):
        with pytest.raises(FieldError, match="sweep='"):
            A.probe(record(), image(), score=brightness, **arguments)
    with pytest.raises(RecordError, match="no such step ran"):
        A.probe(record(), image(), score=brightness, sweep="Rotate.angle", values=[1])


def test_the_table_is_json_and_says_nan_as_null() -> None:
    found = A.probe(record(), image(), score=lambda sample: float("nan"))
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["best"] is None and told["rows"][0]["score"] is None


def test_it_is_drawn_as_picture_and_as_page(tmp_path: Path) -> None:
    found = A.probe(record(), image(), score=brightness)
    assert len(found.strip().panels) == len(found.rows)
    assert ", best" in found.strip().panels[2].text
    found.save(tmp_path / "probe.png")
    assert (tmp_path / "probe.png").read_bytes().startswith(b"\x89PNG")
    found.save(tmp_path / "probe.html")
    text = (tmp_path / "probe.html").read_text()
    assert "without HorizontalFlip" in text and "data:image/png" in text and "://" not in text


# ---- the worst of a ledger ---------------------------------------------------------------------------


def ledger(folder: Path) -> A.Ledger:
    log = A.Ledger(folder)
    for i in range(8):
        result = pipeline()(image=image(seed=i), key=(0, i))
        log.log(f"<{i}>", record=result["replay"], loss=brightness(result), epoch=0)
    log.log("bare", loss=99.0, epoch=0)
    log.flush()
    return log


def source(sample_id: str) -> dict[str, Any]:
    return {"image": image(seed=int(sample_id.strip("<>")))}


def test_the_worst_say_which_step_to_drop(tmp_path: Path) -> None:
    worst = probe_worst(ledger(tmp_path / "runs"), source, brightness, 5)
    assert [row["sample_id"] for row, _ in worst.probed] != [] and len(worst.probed) == 4
    assert worst.failed[0][0] == "bare" and "no record" in worst.failed[0][1]
    assert worst.best is not None and worst.best.path == "RandomBrightnessContrast"
    assert (worst.best.ran, worst.best.best) == (4, 4) and worst.best.after < worst.best.before
    assert worst.sentence.startswith(
        "RandomBrightnessContrast, dropped alone, lowers the loss most: it ran on 4 of the 4"
    )
    assert json.loads(json.dumps(worst.to_dict(), allow_nan=False))["steps"][0]["path"] == "RandomBrightnessContrast"
    worst.save(tmp_path / "worst.html")
    text = (tmp_path / "worst.html").read_text()
    assert "sample &lt;" in text and "<0>" not in text and "sample bare" in text


def test_a_model_that_knows_nothing_of_the_samples_is_an_error_with_its_reason(tmp_path: Path) -> None:
    def broken(sample: dict[str, Any]) -> float:
        raise KeyError("label")

    with pytest.raises(SampleError, match=r"none of the worst 3 rows.*no record"):
        probe_worst(ledger(tmp_path), source, broken, 3)
