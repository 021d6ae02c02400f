from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

for name in ("hydra", "torch"):
    pytest.importorskip(name)

from omegaconf import OmegaConf  # noqa: E402

from augury.errors import FieldError  # noqa: E402
from augury.search import libraries  # noqa: E402
from augury.search.config import OPERATIONS, Config  # noqa: E402
from augury.search.migrate import Change, migrate  # noqa: E402
from augury.search.reading import load  # noqa: E402

POLICY = "autoalbument.faster_autoaugment.models.policy_operations"
OPERATIONS_2 = [
    *({"_target_": f"{POLICY}.ShiftRGB", f"shift_{channel}": True} for channel in "rgb"),
    *(
        {"_target_": f"{POLICY}.{name}"}
        for name in (
            "RandomBrightness", "RandomContrast", "Solarize", "HorizontalFlip", "VerticalFlip", "Rotate", "ShiftX",
            "ShiftY", "Scale", "CutoutFixedNumberOfHoles", "CutoutFixedSize",
        )
    ),
]  # fmt: skip

VERSION_1 = """
# @package _global_
_version: 1
task: classification
policy_model:
  task_factor: 0.1
  gp_factor: 10
  temperature: 0.05
  num_sub_policies: 40
  num_chunks: 4
  operation_count: 4
classification_model:
  num_of_classes: 10
  architecture: resnet18
  pretrained: False
data:
  dataset_file: dataset.py
  input_dtype: uint8
  preprocessing: null
  normalization: {mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.243, 0.261]}
  dataloader: {batch_size: 128, shuffle: True, num_workers: 8, pin_memory: True, drop_last: True}
optim:
  epochs: 25
  main: {_target_: torch.optim.Adam, lr: 1e-3, betas: [0, 0.999]}
  policy: {_target_: torch.optim.Adam, lr: 1e-3, betas: [0, 0.999]}
device: cuda
cudnn_benchmark: True
save_checkpoints: False
checkpoint_path: null
tensorboard_logs_dir: null
seed: 42
hydra:
  run:
    dir: ${config_dir:}/outputs/${now:%Y-%m-%d}/${now:%H-%M-%S}
"""

VERSION_2 = f"""
# @package _global_
_version: 2
task: semantic_segmentation
policy_model:
  task_factor: 0.1
  gp_factor: 10
  temperature: 0.05
  num_sub_policies: 40
  num_chunks: 4
  operation_count: 4
  operations: {json.dumps(OPERATIONS_2)}
semantic_segmentation_model:
  _target_: autoalbument.faster_autoaugment.models.SemanticSegmentationModel
  num_classes: 21
  architecture: Unet
  encoder_architecture: resnet18
  pretrained: False
data:
  dataset: {{_target_: dataset.SearchDataset}}
  input_dtype: float32
  preprocessing:
    - Resize: {{height: 256, width: 256}}
    - PadIfNeeded: {{min_height: 256, min_width: 256, value: 7}}
  normalization: {{mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]}}
  dataloader:
    _target_: torch.utils.data.DataLoader
    batch_size: 16
    shuffle: True
    num_workers: 8
    pin_memory: True
    drop_last: True
    persistent_workers: True
searcher:
  _target_: autoalbument.faster_autoaugment.search.FasterAutoAugmentSearcher
trainer:
  _target_: pytorch_lightning.Trainer
  gpus: 2
  accelerator: ddp
  precision: 16
  benchmark: True
  max_epochs: 20
  resume_from_checkpoint: null
optim:
  main: {{_target_: torch.optim.Adam, lr: 1e-3, betas: [0, 0.999]}}
  policy: {{_target_: torch.optim.Adam, lr: 1e-3, betas: [0, 0.999]}}
callbacks:
  - _target_: autoalbument.callbacks.MonitorAverageParameterChange
  - _target_: autoalbument.callbacks.SavePolicy
  - _target_: pytorch_lightning.callbacks.ModelCheckpoint
    save_last: True
    every_n_epochs: 3
    dirpath: checkpoints
logger:
  _target_: pytorch_lightning.loggers.TensorBoardLogger
  save_dir: ${{hydra:run.dir}}/tensorboard_logs
seed: 42
hydra:
  run:
    dir: outputs
"""


def parsed(text: str) -> Any:
    return OmegaConf.to_container(OmegaConf.create(text))


def changed(text: str) -> tuple[Config, dict[str, Change]]:
    found = migrate(parsed(text))
    return Config.read(found.config), {change.where: change for change in found.changes}


def test_version_1() -> None:
    config, changes = changed(VERSION_1)
    assert config.num_classes == 10 and config.trainer.max_epochs == 25 and config.seed == 42
    assert config.data.dataset == {"_target_": "dataset.py:SearchDataset"}
    assert config.trainer.accelerator == "gpu" and config.trainer.devices == 1 and config.trainer.benchmark
    assert config.data.normalization.std == (0.247, 0.243, 0.261)
    assert changes["classification_model.num_of_classes"].after == "num_classes"
    assert changes["optim.epochs"].after == "trainer.max_epochs"
    assert changes["data.dataset_file"].after == "dataset"
    for gone in ("save_checkpoints", "checkpoint_path", "tensorboard_logs_dir"):
        assert changes[gone].after == "dropped" and changes[gone].why


def test_version_2() -> None:
    config, changes = changed(VERSION_2)
    assert tuple(operation["name"] for operation in config.policy_model.operations) == OPERATIONS
    assert changes["policy_model.operations[2]"][1:3] == ("ShiftRGB(shift_b=True)", "ShiftB")
    assert config.semantic_segmentation_model is not None and config.model.target is None
    assert config.trainer.devices == 2 and config.trainer.strategy == "ddp" and config.trainer.precision == "16-mixed"
    assert config.callbacks.checkpoint.every_n_epochs == 3
    assert config.data.preprocessing[1] == {
        "PadIfNeeded": {"min_height": 256, "min_width": 256, "border_mode": 4, "fill": 7.0}
    }
    assert changes["data.preprocessing[1].PadIfNeeded.value"].after == "fill"
    assert changes["data.preprocessing[1].PadIfNeeded"].after == "border_mode: 4"
    assert config.hydra.run.dir == "outputs" and config.logger.tensorboard
    for gone in ("searcher", "data.dataloader._target_", "data.dataloader.persistent_workers", "logger.save_dir"):
        assert changes[gone].after == "dropped" and changes[gone].why
    libraries.check_names(config)


@pytest.mark.parametrize("text", [VERSION_1, VERSION_2], ids=["1", "2"])
def test_nothing_is_lost_without_a_word(text: str) -> None:
    """Every key of the old config is in the new one under its name, or in the report."""
    old = parsed(text)
    new, changes = migrate(old)
    told = {change.where for change in changes}

    def look(before: Any, after: Any, path: str) -> None:
        for key, value in before.items():
            where = f"{path}.{key}" if path else key
            if any(change == where or change.startswith(f"{where}[") for change in told) or value is None:
                continue
            assert isinstance(after, dict) and key in after, where
            if isinstance(value, dict):
                look(value, after[key], where)

    look(old, new, "")


@pytest.mark.parametrize("text", [VERSION_1, VERSION_2], ids=["1", "2"])
def test_an_older_file_is_read_as_it_is(tmp_path: Path, text: str) -> None:
    (tmp_path / "search.yaml").write_text(text)
    config = load(tmp_path, ["seed=3"])
    assert config.seed == 3 and config.data.dataloader.batch_size in (16, 128)
    assert load(tmp_path, ["hydra.run.dir=there"]).hydra.run.dir == "there"


def test_a_config_of_today_stays_as_it_is() -> None:
    config = {"_version": 3, "task": "classification", "classification_model": {"num_classes": 2}}
    assert migrate(config) == (config, [])


def test_unknown_keys_stay_and_are_refused() -> None:
    values = parsed(VERSION_1)
    values["policy_model"]["num_chunk"] = 3
    with pytest.raises(FieldError, match=r"policy_model\.num_chunk: unknown key; did you mean"):
        Config.read(migrate(values).config)
    with pytest.raises(FieldError, match="sede: unknown key; did you mean 'seed'"):
        Config.read(migrate({"_version": 1, "task": "classification", "sede": 3}).config)


@pytest.mark.parametrize("version", [None, 0, 4, "2"])
def test_other_versions_are_refused(version: Any) -> None:
    with pytest.raises(FieldError, match="configs of version 1 and 2 can be"):
        migrate({"_version": version})


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ({"_target_": f"{POLICY}.Rotat"}, "did you mean 'Rotate'"),
        ({"_target_": f"{POLICY}.ShiftRGB"}, "set one of shift_r, shift_g, shift_b"),
        ({"_target_": "mine.Twirl"}, "of your own cannot be carried over"),
    ],
)
def test_operations_that_cannot_be_carried_over(operation: dict[str, Any], message: str) -> None:
    with pytest.raises(FieldError, match=rf"policy_model\.operations\[0\].*{message}"):
        migrate({"_version": 2, "policy_model": {"operations": [operation]}})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"gpus": 0}, {"accelerator": "cpu", "devices": 1}),
        ({"gpus": 1}, {"accelerator": "auto", "devices": 1}),
        ({"gpus": "0,2"}, {"accelerator": "gpu", "devices": [0, 2]}),
        ({"distributed_backend": "ddp"}, {"strategy": "ddp"}),
        ({"progress_bar_refresh_rate": 0}, {"progress_bar": False}),
        ({"amp_level": "O2"}, None),
    ],
)
def test_settings_of_the_trainer(old: dict[str, Any], new: dict[str, Any] | None) -> None:
    found = migrate({"_version": 2, "trainer": old})
    assert found.config.get("trainer") == new
    assert any(change.where == f"trainer.{next(iter(old))}" for change in found.changes)


def test_callbacks_that_are_settings_now() -> None:
    stop = {"_target_": "pytorch_lightning.callbacks.EarlyStopping", "patience": 7}
    own = {"_target_": "mine.Callback"}
    found = migrate({"_version": 2, "callbacks": [stop, own]})
    assert found.config["callbacks"] == {"stopping": {"patience": 7}}
    assert any(change.after == "dropped" and change.before == "mine.Callback" for change in found.changes)
