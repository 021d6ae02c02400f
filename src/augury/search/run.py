"""A whole search: from a config to a folder with policies, metrics and checkpoints, and on from where one was killed.

In the folder: `config.json`; `policy/start.json` (the random start), `policy/epoch_N.json` and `policy/latest.json`,
pipelines for `augury.load`; `states/` with the same policies as numbers; `metrics.json` (and `metrics.csv`) with the
metrics of every epoch and the stop decision; `samples.npz`, a few samples for pictures; `checkpoints/`; `tensorboard/`.
Every file appears whole or not at all.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import augury as A
from augury.errors import FieldError, RecordError
from augury.saving import load
from augury.search.config import Config
from augury.search.files import write_json
from augury.search.policy import Policy, PolicyState

if TYPE_CHECKING:
    from augury.search.data import OpenData
    from augury.search.lightning import Trainer
    from augury.search.module import SearchModule
    from augury.transform import Transform

CONFIG = "config.json"


@dataclass(frozen=True)
class Result:
    """What a search left in its folder."""

    folder: Path

    @cached_property
    def pipeline(self) -> A.Compose:
        """The found policy, with preprocessing, normalisation and tensor conversion."""
        found: A.Compose = load(self.folder / "policy" / "latest.json")
        return found

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """`epochs`: metrics of each, in order; `stopping`: the decision and its evidence."""
        read: dict[str, Any] = json.loads((self.folder / "metrics.json").read_text(encoding="utf-8"))
        return read

    def state(self, epoch: int | str = "latest") -> PolicyState:
        """The policy's numbers after an epoch, at the "start", or the "latest"."""
        name = f"epoch_{epoch}" if isinstance(epoch, int) else epoch
        file = self.folder / "states" / f"{name}.json"
        return PolicyState.from_dict(json.loads(file.read_text(encoding="utf-8")))


def search(config: Config, output: str | Path, config_dir: str | Path = ".") -> Result:
    """Search from the start and write to the folder `output`.

    config_dir: where the files that the config names are looked for. Raises FieldError or SampleError for what can be
    found wrong before the first step, and FieldError if the folder already holds a search.
    """
    folder = Path(output)
    if last_checkpoint(folder) is not None:
        raise FieldError(f"{folder}: holds a search; resume it, or choose another folder")
    return _run(config, folder, Path(config_dir), None)


def resume(output: str | Path) -> Result:
    """Continue the search in a folder from its last checkpoint, to the result of one that was never interrupted.

    Raises RecordError if the folder holds no search. One that was killed before its first checkpoint starts anew; one
    that is done is left as it is.
    """
    folder = Path(output)
    try:
        saved = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecordError(f"{folder}: holds no search; it has no {CONFIG}") from None
    config = Config.read(saved["config"])
    checkpoint = last_checkpoint(folder)
    if checkpoint is not None:
        result = Result(folder)
        epochs = len(result.metrics["epochs"])
        if epochs >= config.trainer.max_epochs or result.metrics["stopping"]["stop"]:
            return result
    return _run(config, folder, Path(saved["config_dir"]), checkpoint)


def last_checkpoint(folder: Path) -> Path | None:
    """The checkpoint of the last epoch that has one."""
    from augury.search.callbacks import saved_checkpoints

    found = saved_checkpoints(folder)
    return found[-1][1] if found else None


def _run(config: Config, folder: Path, config_dir: Path, checkpoint: Path | None) -> Result:
    from augury.search.chance import seed_everything
    from augury.search.data import OpenData
    from augury.search.libraries import check_names
    from augury.search.lightning import rank_zero_only

    with quiet():
        check_names(config)
        seed_everything(config.seed)
        data = OpenData(config, config_dir)
        module = build(config, config_dir, data)
        if rank_zero_only.rank == 0:  # type: ignore[attr-defined]  # set by Lightning
            write_json(folder / CONFIG, {"config": config.to_dict(), "config_dir": str(config_dir.resolve())})
        trainer = trainer_of(config, folder, data)
        trainer.fit(module, ckpt_path=checkpoint, weights_only=True)
    return Result(folder)


def build(config: Config, config_dir: str | Path, data: OpenData) -> SearchModule:
    """What Lightning trains; seed the generators before for equal models."""
    from augury.search.algorithms import Settings, find_algorithm
    from augury.search.libraries import optimizer_class
    from augury.search.loaders import Loaders
    from augury.search.module import SearchModule
    from augury.search.operations import find_operation

    section = config.policy_model
    kind = find_algorithm(section.algorithm)
    if kind.needs_held_out and data.held_out is None:
        raise FieldError(f"data.held_out: got 0; algorithm {section.algorithm} needs samples of its own, such as 0.2")
    policy = Policy(
        [find_operation(spec, f"policy_model.operations[{i}]") for i, spec in enumerate(section.operations)],
        section.num_sub_policies,
        section.operation_count,
        section.num_chunks,
        section.temperature,
        section.estimator,
        config.seed,
    )
    main, learned = (
        partial(optimizer_class(part), **part.arguments) for part in (config.optim.main, config.optim.policy)
    )
    settings = Settings(main, learned, section.task_factor, section.gp_factor)
    algorithm = kind(policy, model_of(config, config_dir, data.channels), settings)
    if config.trainer.compile:
        algorithm.model.compile()
    stopping = config.callbacks.stopping
    return SearchModule(
        algorithm,
        Loaders(config, data.train, data.held_out),
        config.seed,
        stopping.patience if stopping.enabled else None,
        stopping.min_delta,
    )


def steps_after(config: Config, data: OpenData) -> list[Transform]:
    """What follows the policy in a pipeline: normalisation and tensor conversion, as the model had them."""
    normal = config.data.normalization
    image, _ = data.train.prepared(data.train.indices[0])
    full = 255.0 if image.dtype == np.uint8 else 1.0
    return [
        A.Normalize(mean=normal.mean, std=normal.std, max_pixel_value=full, p=1.0),
        A.ToTensorV2(transpose_mask=config.task == "semantic_segmentation", p=1.0),
    ]


def model_of(config: Config, config_dir: str | Path, channels: int) -> Any:
    """The network of a config, untrained or with the weights it names: images in [0, 1] to (logits, critic scores)."""
    from augury.search import models
    from augury.search.data import load_class

    section = config.model
    if section.target is not None:
        kind = load_class(section.target, config_dir, f"{section.path}._target_")
        arguments: dict[str, Any] = {"num_classes": section.num_classes, **section.arguments}
        if section.pretrained:
            arguments["pretrained"] = section.pretrained
        body = kind(**arguments)
    elif config.classification_model is not None:
        part = config.classification_model
        body = models.ClassificationModel(part.num_classes, part.architecture, part.pretrained, channels)
    else:
        other = config.semantic_segmentation_model
        assert other is not None  # one of the two is there
        body = models.SemanticSegmentationModel(
            other.num_classes, other.architecture, other.encoder_architecture, other.pretrained, channels
        )
    normal = config.data.normalization
    return models.SearchModel(body, normal.mean, normal.std)


def trainer_of(config: Config, folder: Path, data: OpenData) -> Trainer:
    """Lightning's trainer as the config asks for it."""
    from augury.search.board import Painter
    from augury.search.callbacks import Keeper
    from augury.search.lightning import Callback, TensorBoardLogger, TQDMProgressBar, Trainer

    section, kept = config.trainer, config.callbacks.checkpoint
    callbacks: list[Callback] = [
        Keeper(
            folder,
            config.data.steps(standard=True),
            steps_after(config, data),
            kept.every_n_epochs,
            kept.keep,
            config.logger.csv,
        ),
        Painter(folder, data.train),
    ]
    if section.progress_bar:
        callbacks.append(TQDMProgressBar())
    return Trainer(
        accelerator=section.accelerator,
        devices=section.devices,
        num_nodes=section.num_nodes,
        strategy=_strategy(section.strategy),
        precision=section.precision,  # type: ignore[arg-type]  # the config has checked it
        max_epochs=section.max_epochs,
        limit_train_batches=section.limit_train_batches,
        benchmark=section.benchmark,
        logger=TensorBoardLogger(folder, name="tensorboard", version="") if config.logger.tensorboard else False,
        log_every_n_steps=config.logger.every_n_steps,
        callbacks=callbacks,
        default_root_dir=folder,
        enable_progress_bar=section.progress_bar,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


def _strategy(name: str) -> Any:
    """Lightning's strategy of a name, or ours for the distributed ones."""
    from augury.search.module import OneForAll

    starts = {"ddp": "popen", "ddp_spawn": "spawn", "ddp_fork": "fork", "ddp_notebook": "fork"}
    if name == "auto" or name not in starts:
        return name
    return OneForAll(start_method=starts[name])  # type: ignore[arg-type]


# Lightning's advice that does not concern a search, each by the start of its text.
_ADVICE = (
    r"The '\w+' does not have many workers",
    r"The number of training batches .* is smaller than the logging interval",
    r"GPU available but not used",
    r"Checkpoint directory .* exists",
    r".*treespec, LeafSpec.* is deprecated",
    r"Found \d+ module\(s\) in eval mode",
    r"You are using a CUDA device",
)


@contextmanager
def quiet(advice: Sequence[str] = _ADVICE) -> Iterator[None]:
    """Leave out Lightning's notes, and warnings whose text starts with one of these patterns, and no others."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for text in advice:
                warnings.filterwarnings("ignore", message=text)
            yield
    finally:
        logger.setLevel(level)
