"""Two processes on one machine search as one process with the same whole batch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from augury.search.callbacks import checkpoint_path
from augury.search.policy import PolicyState
from augury.search.run import search
from tests.search.tiny import tiny_config, write_dataset

SCRIPT = """
import json, sys
from pathlib import Path
from augury.search import run
from augury.search.config import Config
from augury.search.data import OpenData
from augury.search.module import seed_everything

config, folder, config_dir = Config.read(json.loads(sys.argv[1])), Path(sys.argv[2]), sys.argv[3]
with run.quiet():
    data = OpenData(config, config_dir)
    seed_everything(config.seed)
    module = run.build(config, config_dir, data)
    trainer = run.trainer_of(config, folder / "search", data)
    trainer.fit(module)
    state = module.state.to_dict()
(folder / f"rank_{trainer.global_rank}.json").write_text(json.dumps([state, module.history]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["score"])
def test_two_processes_find_the_policy_of_one(tmp_path: Path, estimator: str) -> None:
    config_dir = write_dataset(tmp_path / "config")
    # Plain SGD: Adam turns the last bit of a gradient near zero into a whole step.
    optim = {"main": {"_target_": "SGD", "lr": 0.05}, "policy": {"_target_": "SGD", "lr": 20.0}}
    changes = {"policy_model": {"estimator": estimator}, "optim": optim}
    alone = search(tiny_config(**changes), tmp_path / "alone", config_dir)
    config = tiny_config(
        **changes,
        data={"dataset": {"_target_": "dataset.SearchDataset"}, "dataloader": {"batch_size": 8}},
        trainer={"devices": 2, "strategy": "ddp"},
    )
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), json.dumps(config.to_dict()), str(tmp_path), str(config_dir)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    first, second = (json.loads((tmp_path / f"rank_{rank}.json").read_text()) for rank in (0, 1))
    # Bit for bit the same on both, and the metrics are those of all samples.
    assert first[0] == second[0]
    for one, other in zip(first[1], second[1], strict=True):
        assert {k: v for k, v in one.items() if k != "seconds"} == {k: v for k, v in other.items() if k != "seconds"}
    together, expected = PolicyState.from_dict(first[0]), alone.state()
    assert alone.metrics["epochs"][-1]["distance_from_start"] > 1e-3
    torch.testing.assert_close(together.effects(), expected.effects(), rtol=1e-4, atol=1e-6)
    for one, other in zip(first[1], alone.metrics["epochs"], strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-4)
        assert one["average_parameter_change"] == pytest.approx(other["average_parameter_change"], rel=1e-3)
    # The second wrote nothing of its own.
    assert {file.name for file in (tmp_path / "search" / "policy").iterdir()} == {
        "start.json", "epoch_0.json", "epoch_1.json", "latest.json",
    }  # fmt: skip
    saved = torch.load(checkpoint_path(tmp_path / "search", 1), weights_only=True)["state_dict"]
    lone = torch.load(checkpoint_path(tmp_path / "alone", 1), weights_only=True)["state_dict"]
    for name, value in lone.items():
        torch.testing.assert_close(saved[name], value, rtol=1e-3, atol=1e-5)
