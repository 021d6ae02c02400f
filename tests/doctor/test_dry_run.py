from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import augury as A
from augury.cli import app
from augury.doctor.dry_run import dry_run
from augury.doctor.looks import kept_by, look_at


def pictures() -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(0)
    for _ in range(40):
        image = rng.integers(1, 255, (64, 64, 3), dtype=np.uint8)
        yield {"image": image, "bboxes": [(0, 0, 20, 20), (40, 40, 64, 64)], "labels": ["a", "b"]}


def pipeline(*steps: Any) -> A.Compose:
    return A.Compose(list(steps), bbox_params=A.BboxParams("pascal_voc", label_fields=["labels"]), seed=1)


def titles(*steps: Any) -> list[str]:
    return [one.title for one in dry_run(pipeline(*steps), pictures, 40).findings]


def test_rates_and_dead_steps() -> None:
    found = dry_run(pipeline(A.OneOf([A.Blur(p=1), A.GaussNoise(p=3 / 4)], p=0.5), A.Transpose(p=0)), pictures(), 30)
    rates = {one.path: one for one in found.rates}
    assert found.facts["calls"] == 30 and rates["OneOf/Blur"].p == pytest.approx(0.5 * 4 / 7)
    assert rates["OneOf/Blur"].ran + rates["OneOf/GaussNoise"].ran <= 30
    assert [one.title for one in found.findings if one.kind == "dead_step"] == [
        "Transpose never ran in 30 calls: its p is 0"
    ]
    assert json.loads(json.dumps(found.to_dict()))["strengths"][0]["milliseconds"] > 0


def test_boxes_vanish() -> None:
    (first, *_) = titles(A.Crop(0, 0, 32, 32, p=1))
    assert first == "50% of boxes vanish in Crop"


def test_crops_leave_little() -> None:
    assert "CenterCrop keeps under 20% of the picture in every run" in titles(A.CenterCrop(16, 16, p=1))
    assert kept_by({"shape": [10, 10, 3], "crop_coords": [-5, 0, 5, 4]}) == pytest.approx(0.2)
    image = np.zeros((20, 20, 3), np.uint8)
    made = A.ReplayCompose([A.Crop(0, 0, 4, 20, p=1)], bbox_params=A.BboxParams("pascal_voc"))
    sample = {"image": image, "bboxes": [(0, 0, 20, 20, 1), (0, 0, 5, 5, 2)]}
    (look,) = look_at(made(**sample)["replay"], sample)
    assert (look.boxes, look.boxes_lost, look.boxes_small) == (2, 0, 0) and look.kept == 0.2


def test_pixels_are_clipped() -> None:
    assert "RandomBrightnessContrast clips 25% of pixels" in titles(A.RandomBrightnessContrast((0.5, 0.5), 0, p=1))
    partly = titles(A.RandomBrightnessContrast((0, 0.7), 0, p=1))
    assert any("of pixels with beta" in title for title in partly)


def test_blur_and_steps_that_change_nothing() -> None:
    found = titles(A.GaussianBlur(sigma_limit=(3, 3), p=1), A.NoOp(p=1))
    assert "GaussianBlur leaves under 10% of the fine detail in every run" in found
    assert "NoOp changed nothing in any of its 40 runs" in found


def test_gentle_steps_are_not_blamed() -> None:
    assert titles(A.HorizontalFlip(p=0.5), A.RandomBrightnessContrast(0.05, 0.05, p=0.5)) == []


def test_data_that_cannot_be_used() -> None:
    def broken(name: str) -> dict[str, Any]:
        raise KeyError(name)

    for data, said in (
        ([], "there are no samples"),
        ([3], "sample '0' is 3; return a dict"),
        (lambda: 7, "got 7; return an iterable"),
        (broken, "raised KeyError for sample '0'"),
        ([{"image": "x"}], "sample '0': image"),
    ):
        with pytest.raises(A.SampleError, match=said):
            dry_run(A.Compose([A.NoOp()]), data)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    A.save(A.Compose([A.HorizontalFlip(p=0)]), "pipe.json")
    (tmp_path / "dry_data.py").write_text(
        "import numpy as np\ndef pictures():\n    return [{'image': np.zeros((8, 8, 3), np.uint8)}] * 5\n"
    )
    run = CliRunner().invoke
    done = run(app, ["doctor", "--pipeline", "pipe.json", "--data", "dry_data:pictures", "--json"])
    assert json.loads(done.stdout)["rates"][0]["calls"] == 5
    done = run(app, ["doctor", "--pipeline", "pipe.json", "--data", "dry_data:pictures"])
    assert "HorizontalFlip never ran in 5 calls: its p is 0" in done.stdout
    for arguments, said in (
        ([], "nothing to look at"),
        (["--pipeline", "pipe.json"], "needs --data"),
        (["--pipeline", "pipe.json", "--data", "dry_data:no"], "has no 'no'"),
        (["nowhere"], "no ledger here"),
    ):
        assert said in str(run(app, ["doctor", *arguments]).exception)
