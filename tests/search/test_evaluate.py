from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import augury as A
from augury.errors import FieldError, RecordError
from augury.search.baselines import flip_and_crop, rand_augment, trivial_augment
from augury.search.command import app
from augury.search.comparison import Evaluation, mean_of
from augury.search.config import Config
from augury.search.evaluate import ARMS, Bench, Silent, evaluate
from augury.search.operations import OPERATIONS, find_operation
from augury.search.run import search
from augury.search.trial import Augmented, score
from tests.search.tiny import tiny_config, write_dataset


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("searched")
    search(tiny_config(trainer={"max_epochs": 1}), folder, write_dataset(tmp_path_factory.mktemp("config")))
    return folder


class Heard(Silent):
    """A watch that remembers the trials."""

    def __init__(self) -> None:
        self.trials: list[tuple[str, int]] = []
        self.epochs = 0

    def epoch(self) -> None:
        self.epochs += 1

    def trial(self, arm: str, seed: int, result: dict[str, Any]) -> None:
        self.trials.append((arm, seed))


# ---- baselines ---------------------------------------------------------------------------------------------


def _values(step: Any, times: int = 300) -> list[tuple[str, dict[str, Any]]]:
    """What a step drew, one entry a call: name and params of the last transform that ran."""
    pipeline = A.Compose([step], seed=0, save_applied_params=True)
    image = np.full((16, 16, 3), 100, np.uint8)
    return [pipeline(image=image, key=key)["applied_transforms"] for key in range(times)]


def test_trivial_augment_applies_one_operation_of_any_strength() -> None:
    rotate, flip = find_operation({"name": "Rotate", "range": 30}), find_operation("VerticalFlip")
    drawn = _values(trivial_augment([rotate, flip]))
    names = [[name for name, _ in one] for one in drawn]
    assert all(len(one) == 1 for one in names)
    counts = {name: sum(one == [name] for one in names) for name in ("Rotate", "VerticalFlip", "NoOp")}
    assert sum(counts.values()) == 300 and min(counts.values()) > 70
    angles = [params["angle"] for one in drawn for name, params in one if name == "Rotate"]
    assert -30 <= min(angles) < -25 and 25 < max(angles) <= 30


def test_rand_augment_applies_operations_in_a_row_at_one_strength() -> None:
    drawn = _values(rand_augment([find_operation({"name": "Rotate", "range": 30})], 3, 15))
    assert all(len(one) == 3 for one in drawn)
    angles = {round(params["angle"], 6) for one in drawn for name, params in one if name == "Rotate"}
    assert angles == {-15.0, 15.0}


@pytest.mark.parametrize("make", [trivial_augment, rand_augment])
def test_baselines_hold_every_operation_and_can_be_saved(make: Any) -> None:
    pipeline = A.Compose([make(list(OPERATIONS.values()))], seed=0)
    assert A.from_dict(A.to_dict(pipeline)) == pipeline
    image = np.random.default_rng(0).integers(0, 256, (16, 12, 3), np.uint8)
    changed = 0
    for key in range(60):
        out = pipeline(image=image, key=key)["image"]
        assert out.shape == image.shape and out.dtype == np.uint8
        changed += not np.array_equal(out, image)
    assert changed > 30


def test_rand_augment_refuses_what_it_cannot_do() -> None:
    with pytest.raises(FieldError, match=r"rand_augment\.strength: got 31"):
        rand_augment([], 2, 31)
    with pytest.raises(FieldError, match=r"rand_augment\.count: got 0"):
        rand_augment([], 0)


def test_flip_and_crop_keeps_the_size() -> None:
    out = A.Compose(flip_and_crop(32, 16), seed=0)(image=np.ones((32, 16, 3), np.uint8), key=2)["image"]
    assert out.shape == (32, 16, 3) and out.min() == 0


# ---- trials ------------------------------------------------------------------------------------------------


def test_an_evaluation_goes_on_where_it_stopped(searched: Path) -> None:
    first, second = Heard(), Heard()
    evaluate(searched, 1, 2, ["none", "found"], watch=first)
    assert first.trials == [("none", 0), ("found", 0)] and first.epochs == 4
    result = evaluate(searched, 2, 2, ["none", "found"], watch=second)
    assert second.trials == [("none", 1), ("found", 1)]
    assert [arm.score.count for arm in result.arms] == [2, 2]
    written = json.loads((searched / "evaluation.json").read_text())
    assert written["verdict"] == result.verdict and written["metric"] == "accuracy"
    # Other settings are other trials; those of before stay.
    files = set((searched / "evaluate").iterdir())
    third = Heard()
    evaluate(searched, 1, 2, ["none"], overrides=["evaluate.optimizer.lr=0.1"], watch=third)
    assert third.trials == [("none", 0)]
    assert files < set((searched / "evaluate").iterdir())


def test_seeds_pair_split_weights_and_order(searched: Path) -> None:
    bench = Bench(searched, 1)
    none, found, other = bench.setting("none", 0), bench.setting("found", 0), bench.setting("none", 1)
    assert none.train.numbers == found.train.numbers != other.train.numbers
    assert none.test.numbers == found.test.numbers
    assert not set(none.train.numbers) & set(none.test.numbers)
    assert len(none.train.numbers) + len(none.test.numbers) == 32
    # An augmentation that changes nothing gives the same trial.
    again = bench.run("none", 0)
    assert bench.run("none", 0)["losses"] == again["losses"] != bench.run("found", 0)["losses"]


def test_all_arms_end_in_normalised_tensors(searched: Path) -> None:
    bench = Bench(searched, 1)
    assert bench.pipeline("found").fingerprint == A.load(searched / "policy" / "latest.json").fingerprint
    assert bench.pipeline("start").fingerprint == A.load(searched / "policy" / "start.json").fingerprint
    for arm in ARMS:
        image, label = bench.setting(arm, 0).train[0, 3]
        assert image.shape == (3, 8, 8) and image.dtype == torch.float32 and label.dtype == torch.int64


def test_standard_augmentation_comes_first(searched: Path) -> None:
    overrides = ["data.standard=[{Transpose: {}}]"]
    bench = Bench(searched, 1, overrides)

    def steps(arm: str) -> list[str]:
        return [type(step).__name__ for step in bench.pipeline(arm).transforms]

    assert steps("none") == ["Normalize", "ToTensorV2"]
    assert steps("flip_crop") == ["Transpose", "Normalize", "ToTensorV2"]
    for arm in ("trivial", "rand", "start", "found"):
        assert steps(arm)[0] == "Transpose" and len(steps(arm)) == 4


def test_samples_to_measure_on_can_be_given(searched: Path) -> None:
    bench = Bench(searched, 1, ["evaluate.dataset={_target_: dataset.SearchDataset, count: 10}"])
    setting = bench.setting("none", 0)
    assert len(setting.train) == 32 and len(setting.test) == 10


def test_workers_do_what_one_process_does(searched: Path) -> None:
    heard = Heard()
    parallel = evaluate(searched, 1, 3, ["none", "start"], 2, watch=heard)
    assert sorted(heard.trials) == [("none", 0), ("start", 0)] and heard.epochs == 6
    bench = Bench(searched, 3)
    for arm in parallel.arms:
        told = bench.done(arm.name, 0)
        assert told is not None
        assert bench.run(arm.name, 0)["losses"] == pytest.approx(told["losses"], rel=1e-5)


def test_bfloat16_is_close_to_float32(searched: Path) -> None:
    full = Bench(searched, 1).run("none", 0)["losses"]
    half = Bench(searched, 1, ["trainer.precision=bf16-mixed"]).run("none", 0)["losses"]
    assert half != full and half == pytest.approx(full, rel=0.05)


class _Says(torch.nn.Module):
    """A model that answers what it was given, whatever it sees."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, None]:
        return self.logits[: len(image)], None


def test_mean_iou_is_over_all_pixels_of_classes_that_occur() -> None:
    config = Config.read({
        "task": "semantic_segmentation", "semantic_segmentation_model": {"num_classes": 3},
        "data": {"dataloader": {"batch_size": 4}},
    })  # fmt: skip
    masks = np.zeros((2, 1, 4, 3), np.uint8)
    masks[0, 0, :2, 0] = masks[1, 0, :, 1] = 1
    source: Any = [(np.zeros((1, 4, 3), np.float32), mask) for mask in masks]
    data = Augmented(source, [0, 1], A.Compose([A.ToTensorV2(transpose_mask=True)]))
    logits = torch.full((2, 3, 1, 4), -1.0)
    logits[0, 0, 0, 1:] = 1  # class 0: one of its two pixels, and two that are not its own
    logits[1, 1] = 1  # class 1: all of it; class 2 is nowhere
    assert score(_Says(logits), data, config, torch.device("cpu")) == pytest.approx((1 / 4 + 1) / 2)


# ---- what the scores say -----------------------------------------------------------------------------------


def test_intervals_are_students() -> None:
    mean = mean_of([0.1, 0.2, 0.3, 0.4, 0.5])
    assert mean.low is not None and mean.high is not None
    reach = 2.7764451052 * math.sqrt(0.025 / 5)
    assert (mean.low, mean.mean, mean.high) == pytest.approx((0.3 - reach, 0.3, 0.3 + reach))
    assert mean_of([0.5]).low is None


def _verdict(**scores: list[float]) -> str:
    return Evaluation.of("accuracy", 1, {k: dict(enumerate(v)) for k, v in scores.items()}, ARMS).verdict


def test_differences_are_paired() -> None:
    # The seeds differ far more than the arms; only pairs can tell.
    text = _verdict(none=[0.1, 0.5, 0.9], found=[0.11, 0.511, 0.909])
    assert text == "The search was worth it. The found policy is better than no augmentation (+1.00 ± 0.25)."


def test_the_verdict_is_plain() -> None:
    level = [0.5, 0.6, 0.7, 0.8]
    high, low = [x + 0.1 + i / 1000 for i, x in enumerate(level)], [x - 0.1 + i / 1000 for i, x in enumerate(level)]
    noisy = [0.52, 0.58, 0.72, 0.78]
    assert _verdict(none=low, trivial=high, found=level).startswith("The search was not worth it: TrivialAugment")
    assert _verdict(none=low, start=noisy, found=level).startswith(
        "The search is not shown to be worth it: random start may do as well. The found policy is better than no aug"
    )
    assert "more seeds" in _verdict(none=[0.1], found=[0.2])
    assert "Nothing to compare" in _verdict(none=[0.1, 0.2])


# ---- the command -------------------------------------------------------------------------------------------


def test_the_command_prints_a_table(searched: Path) -> None:
    arguments = ["evaluate", str(searched), "--seeds", "2", "--epochs", "2", "--arms", "none,found"]
    out = CliRunner().invoke(app, arguments, env={"COLUMNS": "100"})
    assert out.exit_code == 0, out.output
    assert "accuracy in %, 2 epochs each" in out.output
    assert "found policy" in out.output and "no augmentation" in out.output and "±" in out.output
    assert "The search" in out.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"arms": ["fonud"]}, r"evaluate\.arms: got 'fonud'; did you mean 'found'\?"),
        ({"arms": []}, r"evaluate\.arms: got none"),
        ({"seeds": 0}, r"evaluate\.seeds: got 0"),
        ({"workers": -1}, r"evaluate\.workers: got -1"),
        ({"overrides": ["evaluate.epoch=3"]}, r"evaluate\.epoch: unknown key; did you mean 'evaluate\.epochs'\?"),
        ({"overrides": ["epochs"]}, r"override 'epochs': write key=value"),
        ({"overrides": ["data.standard=[{Rotate: {p: 2}}]"]}, r"data\.standard\[0\]: Rotate\.p: got 2"),
        ({"overrides": ["evaluate.optimizer.lrr=1"]}, r"evaluate\.optimizer\.lrr: unknown argument"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(searched: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(FieldError, match=message):
        evaluate(searched, **arguments)


def test_a_folder_without_a_search_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"holds no search"):
        evaluate(tmp_path)
