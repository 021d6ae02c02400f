"""Older configs, brought to today's keys: the `search.yaml` of AutoAlbument, version 1 and 2.

The report says of every key what became of it and why; nothing changes silently. A key that neither format knows is
left where it stands, so that reading the result refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, NamedTuple

from augury.errors import FieldError, nearest, shown
from augury.saving import convert
from augury.search.config import VERSION

# What AutoAlbument ran.
PUBLISHED = "faster_autoaugment"
OLDER = (1, 2)
DROPPED = "dropped"

# Operations of AutoAlbument by the name of their class; ShiftRGB is one of three by its argument.
OPERATIONS = {
    "RandomBrightness": "Brightness",
    "RandomContrast": "Contrast",
    "Solarize": "Solarize",
    "HorizontalFlip": "HorizontalFlip",
    "VerticalFlip": "VerticalFlip",
    "Rotate": "Rotate",
    "ShiftX": "ShiftX",
    "ShiftY": "ShiftY",
    "Scale": "Scale",
    "CutoutFixedNumberOfHoles": "CutoutFixedNumber",
    "CutoutFixedSize": "CutoutFixedSize",
}
# Arguments of transforms that had other names in AutoAlbument's time, and defaults that were others.
FILLS = {"value": "fill", "mask_value": "fill_mask"}
WRITTEN_OUT = {"PadIfNeeded": {"border_mode": 4}}
LIBRARIES = ("autoalbument", "pytorch_lightning", "lightning")


class Change(NamedTuple):
    """What became of one key: `before` is now `after`, for a reason."""

    where: str
    before: str
    after: str
    why: str = ""


class Migrated(NamedTuple):
    """A config in today's format, as plain data that is yet to be checked, and what changed."""

    config: dict[str, Any]
    changes: list[Change]


def is_older(values: object) -> bool:
    """Whether a config is written in one of the formats that `migrate` reads."""
    return isinstance(values, Mapping) and values.get("_version") in OLDER


def migrate(values: Mapping[str, Any]) -> Migrated:
    """A config of AutoAlbument as ours. Raises FieldError for a version or an operation that is not known."""
    if not isinstance(values, Mapping):
        raise FieldError(f"search.yaml: got {shown(values)}; pass a mapping of sections")
    if values.get("_version") == VERSION:
        return Migrated(deepcopy(dict(values)), [])
    if not is_older(values):
        raise FieldError(
            f"_version: got {shown(values.get('_version'))}; configs of version {OLDER[0]} and {OLDER[1]} can be "
            f"migrated, and {VERSION} is read as it is"
        )
    return _Migration(deepcopy(dict(values))).done()


class _Migration:
    def __init__(self, values: dict[str, Any]) -> None:
        self.old = values
        self.changes: list[Change] = []

    def done(self) -> Migrated:
        old = self.old
        self.note("_version", old.pop("_version"), VERSION)
        new: dict[str, Any] = {"_version": VERSION, "task": old.pop("task", None)}
        new["policy_model"] = self.policy(self.mapping("policy_model"))
        for name in ("classification_model", "semantic_segmentation_model"):
            if old.get(name) is None:
                old.pop(name, None)
            elif new["task"] is not None and name != f"{new['task']}_model":
                self.drop(name, old.pop(name), f"the task is {new['task']}")
            else:
                new[name] = self.model(name, self.mapping(name))
        new["data"] = self.data(self.mapping("data"))
        new["optim"], trainer = self.optim(self.mapping("optim"))
        new["callbacks"] = self.callbacks(old.pop("callbacks", None))
        if "logger" in old:
            new["logger"] = self.logger(old.pop("logger"))
        new["trainer"] = {**self.trainer(self.mapping("trainer")), **trainer}
        self.top_level(new)
        new["hydra"] = self.hydra(self.mapping("hydra"))
        return Migrated({name: value for name, value in new.items() if value not in ({}, None)} | old, self.changes)

    # ---- the report ----

    def note(self, where: str, before: object, after: object, why: str = "") -> None:
        self.changes.append(Change(where, _short(before), _short(after), why))

    def drop(self, where: str, value: object, why: str) -> None:
        self.note(where, value, DROPPED, why)

    def rename(self, section: dict[str, Any], where: str, before: str, after: str) -> None:
        if before in section:
            section[after] = section.pop(before)
            self.note(f"{where}.{before}", before, after)

    def mapping(self, name: str) -> dict[str, Any]:
        value = self.old.pop(name, None)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise FieldError(f"{name}: got {shown(value)}; write a mapping of keys")
        return dict(value)

    # ---- the sections ----

    def policy(self, section: dict[str, Any]) -> dict[str, Any]:
        if "_target_" in section:
            self.drop("policy_model._target_", section.pop("_target_"), "policy_model.algorithm names what is run")
        section["algorithm"] = PUBLISHED
        self.note("policy_model.algorithm", "", PUBLISHED, "what AutoAlbument ran; without this key, ours runs")
        operations = section.get("operations")
        if operations is None:
            section.pop("operations", None)
        elif isinstance(operations, (list, tuple)):
            section["operations"] = [self.operation(number, entry) for number, entry in enumerate(operations)]
        return section

    def operation(self, number: int, entry: object) -> Any:
        where = f"policy_model.operations[{number}]"
        if not isinstance(entry, Mapping) or not isinstance(entry.get("_target_"), str):
            return entry
        arguments = dict(entry)
        target = arguments.pop("_target_")
        package, _, name = target.rpartition(".")
        if package.partition(".")[0] != "autoalbument":
            raise FieldError(f"{where}: got {target!r}; an operation of your own cannot be carried over, remove it")
        if name == "ShiftRGB":
            shifted = [c for c in "rgb" if arguments.pop(f"shift_{c}", False) is True]
            if len(shifted) != 1:
                raise FieldError(
                    f"{where}: got {shown(entry)}; set one of shift_r, shift_g, shift_b, once per operation"
                )
            after = f"Shift{shifted[0].upper()}"
        elif name in OPERATIONS:
            after = OPERATIONS[name]
        else:
            near = nearest(name, [*OPERATIONS, "ShiftRGB"])
            hint = f"did you mean {near!r}?" if near else f"known: {', '.join([*OPERATIONS, 'ShiftRGB'])}"
            raise FieldError(f"{where}: got {target!r}; there is no such operation, {hint}")
        self.note(where, f"{name}({', '.join(f'{k}={v}' for k, v in entry.items() if k != '_target_')})", after)
        for argument, value in arguments.items():
            self.drop(
                f"{where}.{argument}", value, f"the range of {after} is its own; see {{name: {after}, range: ...}}"
            )
        return after

    def model(self, name: str, section: dict[str, Any]) -> dict[str, Any]:
        self.rename(section, name, "num_of_classes", "num_classes")
        target = section.get("_target_")
        if isinstance(target, str) and target.partition(".")[0] in LIBRARIES:
            self.drop(f"{name}._target_", section.pop("_target_"), "the model is named by architecture")
        return section

    def data(self, section: dict[str, Any]) -> dict[str, Any]:
        self.rename(section, "data", "dataset_file", "dataset")
        if section.get("preprocessing") is None:
            section.pop("preprocessing", None)
        elif isinstance(section["preprocessing"], (list, tuple)):
            section["preprocessing"] = [
                self.step(number, entry) for number, entry in enumerate(section["preprocessing"])
            ]
        loader = section.get("dataloader")
        if isinstance(loader, Mapping):
            section["dataloader"] = loader = dict(loader)
            if "_target_" in loader:
                self.drop("data.dataloader._target_", loader.pop("_target_"), "there is one kind of loader")
            for name in ("persistent_workers", "prefetch_factor", "timeout", "sampler", "batch_sampler", "collate_fn"):
                if name in loader:
                    self.drop(f"data.dataloader.{name}", loader.pop(name), "decided by the search")
        return section

    def step(self, number: int, entry: object) -> Any:
        """A step of the preprocessing, with the names that its arguments have today."""
        if not isinstance(entry, Mapping) or len(entry) != 1:
            return entry
        ((name, given),) = entry.items()
        where, arguments = f"data.preprocessing[{number}].{name}", dict(given or {})
        if "always_apply" in arguments:
            self.drop(f"{where}.always_apply", arguments.pop("always_apply"), "steps of the preprocessing always run")
        for before, after in FILLS.items():
            self.rename(arguments, where, before, after)
        for argument, value in WRITTEN_OUT.get(str(name), {}).items():
            if argument not in arguments:
                arguments[argument] = value
                self.note(where, f"{argument} left out", f"{argument}: {value}", "the default it had then")
        body = {"__class_fullname__": str(name), "p": 1.0, **arguments}
        transform, changes = convert({"__version__": "2.0", "transform": body})
        for change in changes:
            self.note(where, change.before, change.after, "the argument's name today")
        kept = {k: v for k, v in transform.explicit().items() if k != "p" or v != 1.0}
        return {str(name): {k: list(v) if isinstance(v, tuple) else v for k, v in kept.items()}}

    def optim(self, section: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        trainer = {}
        if "epochs" in section:
            trainer["max_epochs"] = section.pop("epochs")
            self.note("optim.epochs", "optim.epochs", "trainer.max_epochs")
        return section, trainer

    def callbacks(self, value: Any) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for number, entry in enumerate(_listed(value)):
            where = f"callbacks[{number}]"
            target = str(entry.get("_target_", "")) if isinstance(entry, Mapping) else str(entry)
            name = target.rpartition(".")[2]
            if name == "ModelCheckpoint":
                every = entry.get("every_n_epochs", entry.get("period"))
                if every is not None:
                    out.setdefault("checkpoint", {})["every_n_epochs"] = every
                self.note(where, name, "callbacks.checkpoint", "checkpoints are always written")
            elif name == "EarlyStopping":
                if entry.get("patience") is not None:
                    out.setdefault("stopping", {})["patience"] = entry["patience"]
                self.note(where, name, "callbacks.stopping", "on Average Parameter Change")
            elif name in ("SavePolicy", "MonitorAverageParameterChange"):
                self.drop(where, name, "always done")
            else:
                self.drop(where, target, "callbacks are settings here; call augury.search from Python to add your own")
        if "stopping" not in out:
            self.note(
                "callbacks.stopping", "not there", "enabled",
                "the search ends once Average Parameter Change has stopped falling; enabled: false runs every epoch",
            )  # fmt: skip
        return out

    def logger(self, value: Any) -> dict[str, Any]:
        board = False
        for entry in _listed(value):
            target = str(entry.get("_target_", "")) if isinstance(entry, Mapping) else str(entry)
            if target.endswith("TensorBoardLogger"):
                board = True
                self.note("logger", target, "logger.tensorboard: true")
                for name in entry:
                    if name != "_target_":
                        self.drop(f"logger.{name}", entry[name], "written into the folder of the search")
            elif isinstance(entry, Mapping):
                self.drop("logger", target, "metrics go to TensorBoard and metrics.csv")
        return {"tensorboard": board}

    def trainer(self, section: dict[str, Any]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        if "_target_" in section:
            self.drop("trainer._target_", section.pop("_target_"), "there is one kind of trainer")
        for name, value in section.items():
            where = f"trainer.{name}"
            if name in ("max_epochs", "benchmark", "num_nodes", "devices"):
                out[name] = value
            elif name == "gpus":
                out |= _gpus(value)
                self.note(where, f"gpus: {value}", out, "Lightning's names today")
            elif name in ("accelerator", "distributed_backend", "strategy", "plugins") and isinstance(value, str):
                kind = "accelerator" if value in ("auto", "cpu", "gpu", "cuda", "mps", "tpu") else "strategy"
                value = "ddp" if value == "ddp2" else value
                out[kind] = value
                if kind != name:
                    self.note(where, f"{name}: {value}", f"trainer.{kind}: {value}", "Lightning's names today")
            elif name == "precision":
                out[name] = after = {16: "16-mixed", "16": "16-mixed", "bf16": "bf16-mixed", 32: "32-true"}.get(
                    value, value
                )
                if after != value:
                    self.note(where, value, after, "Lightning's names today")
            elif name == "limit_train_batches" and isinstance(value, int):
                out[name] = value
            elif name == "progress_bar_refresh_rate":
                out["progress_bar"] = bool(value)
                self.note(where, f"{name}: {value}", f"trainer.progress_bar: {bool(value)}")
            elif name == "log_every_n_steps":
                self.drop(where, value, "logger.every_n_steps sets it")
            elif name == "resume_from_checkpoint":
                self.drop(where, value, "`augury search resume` continues from the last checkpoint")
            else:
                self.drop(where, value, "the search has no such setting")
        return out

    def top_level(self, new: dict[str, Any]) -> None:
        """Keys outside the sections: most are of version 1."""
        old, trainer = self.old, new["trainer"]
        if "seed" in old:
            seed = old.pop("seed")
            if seed is not None:
                new["seed"] = seed
        if "device" in old:
            device = str(old.pop("device"))
            trainer |= _device(device)
            self.note("device", device, ", ".join(f"trainer.{k}: {v}" for k, v in _device(device).items()))
        if "cudnn_benchmark" in old:
            trainer["benchmark"] = old.pop("cudnn_benchmark")
            self.note("cudnn_benchmark", "cudnn_benchmark", "trainer.benchmark")
        for name, why in {
            "save_checkpoints": "checkpoints are always written; callbacks.checkpoint says how often",
            "checkpoint_path": "`augury search resume` continues from the last checkpoint",
            "tensorboard_logs_dir": "written into the folder of the search",
            "searcher": "policy_model.algorithm names what is run",
        }.items():
            if name in old:
                self.drop(name, old.pop(name), why)

    def hydra(self, section: dict[str, Any]) -> dict[str, Any]:
        for name in [name for name in section if name != "run"]:
            self.drop(f"hydra.{name}", section.pop(name), "only hydra.run.dir is used")
        return section


def _listed(value: Any) -> list[Any]:
    if value is None or value is False or value is True:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _gpus(value: Any) -> dict[str, Any]:
    if value in (None, 0, "0", []):
        return {"accelerator": "cpu", "devices": 1}
    if isinstance(value, str):
        numbers = [int(part) for part in value.split(",") if part.strip().lstrip("-").isdigit()]
        value = numbers[0] if len(numbers) == 1 and "," not in value else numbers or "auto"
    # One GPU was also written by who had none in mind; `auto` takes the GPU if there is one.
    return {"accelerator": "auto" if value == 1 else "gpu", "devices": value}


def _device(device: str) -> dict[str, Any]:
    kind, _, number = device.partition(":")
    if kind == "cpu":
        return {"accelerator": "cpu", "devices": 1}
    return {"accelerator": "gpu", "devices": [int(number)] if number.isdigit() else 1}


def _short(value: object) -> str:
    return value if isinstance(value, str) else shown(value)
