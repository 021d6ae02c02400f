from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import augury as A
from augury.errors import FieldError, RecordError
from augury.search.callbacks import checkpoint_path
from augury.search.operations import find_operation
from augury.search.policy import Policy, average_parameter_change
from augury.search.run import last_checkpoint, resume, search
from tests.search.tiny import OPERATIONS, tiny_config, write_dataset


@pytest.fixture(scope="module")
def config_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("config"))


@pytest.fixture(scope="module")
def searched(config_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("searched")
    search(tiny_config(), folder, config_dir)
    return folder


# ---- what a search writes ------------------------------------------------------------------------------------


def test_every_epoch_leaves_its_policy(searched: Path) -> None:
    written = {file.stem for file in (searched / "policy").iterdir()}
    assert written == {"start", "epoch_0", "epoch_1", "latest"}
    assert (searched / "policy" / "latest.json").read_bytes() == (searched / "policy" / "epoch_1.json").read_bytes()
    assert (searched / "policy" / "latest.json").read_bytes() != (searched / "policy" / "start.json").read_bytes()


def test_policies_are_ordinary_pipelines(config_dir: Path, tmp_path: Path) -> None:
    config = tiny_config(
        data={"preprocessing": [{"Resize": {"height": 8, "width": 16}}], "normalization": {"mean": 0.5, "std": 0.25}},
        trainer={"max_epochs": 1},
    )
    result = search(config, tmp_path, config_dir)
    pipeline = A.load(tmp_path / "policy" / "latest.json")
    assert pipeline == result.pipeline
    assert [type(step).__name__ for step in pipeline] == ["Resize", "OneOf", "Normalize", "ToTensorV2"]
    out = pipeline(image=np.full((20, 30, 3), 255, np.uint8), key=0)["image"]
    assert out.shape == (3, 8, 16) and out.dtype == torch.float32 and out.max() < 2.001


def test_average_parameter_change_can_be_recomputed_from_checkpoints(searched: Path) -> None:
    def read(epoch: int) -> Any:
        saved = torch.load(checkpoint_path(searched, epoch), weights_only=True)["state_dict"]
        policy = Policy([find_operation(name) for name in OPERATIONS], 3, 2)
        prefix = "algorithm.policy."
        policy.load_state_dict({k.removeprefix(prefix): v for k, v in saved.items() if k.startswith(prefix)})
        return policy

    before, after = read(0), read(1)
    # Written out once more, from the parameters themselves.
    mp = [
        (policy.selection.softmax(-1) * policy.probability.sigmoid()
         * torch.where(torch.tensor([True, False, True, True, True]), policy.magnitude.sigmoid(), 1.0))
        for policy in (before, after)
    ]  # fmt: skip
    metrics = json.loads((searched / "metrics.json").read_text())["epochs"]
    assert metrics[1]["average_parameter_change"] == pytest.approx((mp[1] - mp[0]).abs().mean().item(), rel=1e-4)
    assert metrics[1]["average_parameter_change"] > 1e-5
    start = json.loads((searched / "states" / "start.json").read_text())
    distance = average_parameter_change(type(after.state()).from_dict(start), after.state())
    assert metrics[1]["distance_from_start"] == pytest.approx(distance)


def test_metrics_are_written_as_json_and_csv(searched: Path) -> None:
    metrics = json.loads((searched / "metrics.json").read_text())
    names = {"epoch", "loss", "d_loss", "a_loss", "average_parameter_change", "distance_from_start"}
    assert [epoch["epoch"] for epoch in metrics["epochs"]] == [0, 1]
    assert all(names <= epoch.keys() for epoch in metrics["epochs"])
    with open(searched / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["d_loss"]) for row in rows] == [epoch["d_loss"] for epoch in metrics["epochs"]]
    assert not metrics["stopping"]["enabled"] and not metrics["stopping"]["stop"]


def test_metrics_reach_tensorboard_and_the_console(
    config_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = tiny_config(logger={"tensorboard": True, "every_n_steps": 1}, trainer={"progress_bar": True})
    search(config, tmp_path, config_dir)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    names = set(events.Tags()["scalars"])
    assert {"loss", "d_loss", "a_loss", "Average Parameter Change", "Distance From Start"} <= names
    assert len(events.Scalars("d_loss")) == 4
    assert len(events.Scalars("Average Parameter Change")) == 2
    out = capsys.readouterr().out
    assert out.count("d_loss=") and "epoch 1  loss " in out and "Average Parameter Change 0.0" in out


def test_it_knows_when_to_stop(config_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tiny_config(
        policy_model={"algorithm": "random"}, trainer={"max_epochs": 9}, callbacks={"stopping": {"patience": 2}}
    )
    result = search(config, tmp_path, config_dir)
    assert len(result.metrics["epochs"]) == 3  # the first is the lowest, two are the patience
    assert result.metrics["stopping"]["stop"] and "stopped falling" in capsys.readouterr().out
    assert result.state() == result.state("start")
    assert resume(tmp_path).metrics == result.metrics  # done is done


# ---- algorithms, tasks, settings -----------------------------------------------------------------------------


def test_trivial_is_one_operation_over_its_whole_range(config_dir: Path, tmp_path: Path) -> None:
    config = tiny_config(policy_model={"algorithm": "trivial"}, trainer={"max_epochs": 1})
    state = search(config, tmp_path, config_dir).state()
    assert state.totals() == pytest.approx(dict.fromkeys(OPERATIONS, 0.2))
    assert np.allclose(state.magnitudes, 1.0)
    assert np.allclose(np.array(state.probabilities)[:, 0], 1.0) and np.allclose(np.array(state.probabilities)[:, 1], 0)


@pytest.mark.parametrize("estimator", ["sampled", "score", "mixture"])
def test_segmentation(config_dir: Path, tmp_path: Path, estimator: str) -> None:
    config = tiny_config(
        task="semantic_segmentation",
        classification_model=None,
        semantic_segmentation_model={"num_classes": 2, "architecture": "Unet", "encoder_architecture": "resnet18"},
        policy_model={"estimator": estimator},
        data={
            "dataset": {"_target_": "dataset.SearchDataset", "masks": True, "count": 8},
            "dataloader": {"batch_size": 8},
            "preprocessing": [{"Resize": {"height": 32, "width": 32}}],
        },
        trainer={"max_epochs": 1},
    )
    result = search(config, tmp_path, config_dir)
    assert 0 < result.metrics["epochs"][0]["loss"] < 2
    assert result.metrics["epochs"][0]["average_parameter_change"] > 0
    out = result.pipeline(image=np.zeros((8, 8, 3), np.uint8), mask=np.ones((8, 8, 2), np.uint8), key=0)
    assert out["image"].shape == (3, 32, 32) and out["mask"].shape == (2, 32, 32)
    assert set(out["mask"].unique().tolist()) <= {0, 1}


def test_mixed_precision(config_dir: Path, tmp_path: Path) -> None:
    result = search(tiny_config(trainer={"precision": "bf16-mixed", "max_epochs": 1}), tmp_path, config_dir)
    assert result.metrics["epochs"][0]["average_parameter_change"] > 1e-5


def test_a_search_in_the_folder_is_not_overwritten(searched: Path, config_dir: Path) -> None:
    with pytest.raises(FieldError, match="holds a search; resume it"):
        search(tiny_config(), searched, config_dir)


def test_losses_that_are_no_numbers_end_the_search(config_dir: Path, tmp_path: Path) -> None:
    config = tiny_config(policy_model={"algorithm": "random"}, optim={"main": {"_target_": "SGD", "lr": 1e30}})
    with pytest.raises(FieldError, match=r"loss: became .* in epoch"):
        search(config, tmp_path, config_dir)
    assert last_checkpoint(tmp_path) is None


# ---- interrupted ---------------------------------------------------------------------------------------------


def weights(folder: Path, epoch: int) -> dict[str, torch.Tensor]:
    saved: dict[str, torch.Tensor] = torch.load(checkpoint_path(folder, epoch), weights_only=True)["state_dict"]
    return saved


def noisy(kill: Path | None) -> Any:
    return tiny_config(
        classification_model={"_target_": "dataset.Net"},
        data={"dataset": {"_target_": "dataset.Noisy", "kill": None if kill is None else str(kill)}},
        trainer={"max_epochs": 3},
    )


def test_killed_in_mid_epoch_it_resumes_to_the_same_result(config_dir: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    search(noisy(None), whole, config_dir)
    code = "import json, sys; from augury.search.config import Config; from augury.search.run import search\n"
    code += "search(Config.read(json.loads(sys.argv[1])), sys.argv[2], sys.argv[3])"
    config = json.dumps(noisy(tmp_path / "was killed").to_dict())
    done = subprocess.run(
        [sys.executable, "-c", code, config, str(killed), str(config_dir)], capture_output=True, check=False
    )
    assert done.returncode == -9, done.stderr.decode()
    assert last_checkpoint(killed) == checkpoint_path(killed, 0)
    # What a process leaves that is killed while it writes.
    (killed / "checkpoints" / ".epoch_7.ckpt.partial").write_bytes(b"half")
    (killed / "policy" / ".latest.json.partial").write_text('{"half')
    resume(killed)
    assert sorted(f.name for f in (killed / "checkpoints").iterdir()) == ["epoch_1.ckpt", "epoch_2.ckpt"]
    for epoch in (1, 2):
        expected, got = weights(whole, epoch), weights(killed, epoch)
        assert expected.keys() == got.keys()
        assert all(torch.equal(expected[name], got[name]) for name in expected)
    for name in ("policy/latest.json", "states/epoch_1.json"):
        assert (whole / name).read_bytes() == (killed / name).read_bytes()
    untimed = [
        [{k: v for k, v in epoch.items() if k != "seconds"} for epoch in json.loads(f.read_text())["epochs"]]
        for f in (whole / "metrics.json", killed / "metrics.json")
    ]
    assert untimed[0] == untimed[1] and len(untimed[0]) == 3


def test_killed_before_its_first_checkpoint_it_starts_anew(searched: Path, config_dir: Path, tmp_path: Path) -> None:
    search(tiny_config(trainer={"max_epochs": 2}), tmp_path, config_dir)
    for file in (tmp_path / "checkpoints").iterdir():
        file.unlink()
    assert resume(tmp_path).state() == search(tiny_config(), tmp_path / "again", config_dir).state()


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="holds no search"):
        resume(tmp_path)
