"""`search.yaml` as text: every key with a line on what it means, taken from where it is declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, cast

from augury.search.config import VERSION, Config, Task
from augury.search.sections import Section, written

WIDTH = 120


def to_yaml(values: Mapping[str, Any]) -> str:
    """A config's plain data as commented YAML; a key that no section declares goes as it is."""
    return "\n".join(_lines(values, Config, "")).lstrip("\n") + "\n"


def _lines(values: Mapping[str, Any], kind: type[Section], indent: str) -> Iterator[str]:
    declared = {written(part): part.metadata for part in fields(cast(Any, kind)) if part.metadata}
    below_a_section = False
    for name, value in values.items():
        metadata: Mapping[str, Any] = declared.get(name, {})
        text = metadata.get("text", "")
        inner = metadata.get("section")
        is_section = inner is not None and isinstance(value, Mapping)
        if not indent and (is_section or below_a_section):
            yield ""
        below_a_section = is_section
        if inner is not None and is_section:
            yield f"{indent}{name}:  # {text}"
            yield from _lines(value, inner, indent + "  ")
        else:
            yield from _entry(name, value, text, indent)


def _entry(name: str, value: Any, text: str, indent: str) -> Iterator[str]:
    """One key: on one line if it is short, lists and mappings otherwise one entry a line."""
    comment = f"  # {text}" if text else ""
    if isinstance(value, Mapping) and value:
        yield f"{indent}{name}:{comment}"
        for key, inner in value.items():
            yield f"{indent}  {key}: {_flow(inner)}"
        return
    line = f"{indent}{name}: {_flow(value)}"
    entries = isinstance(value, (list, tuple)) and any(isinstance(entry, (str, Mapping)) for entry in value)
    if not entries:
        whole = f"{line}{comment}"
        if len(whole) > WIDTH and text:
            yield f"{indent}# {text}"
            whole = line
        yield whole
        return
    yield f"{indent}{name}:{comment}"
    for entry in value:
        yield f"{indent}  - {_flow(_shortest(entry))}"


def _shortest(entry: Any) -> Any:
    """An operation without arguments by its name alone."""
    return entry["name"] if isinstance(entry, Mapping) and list(entry) == ["name"] else entry


def _flow(value: Any) -> str:
    import yaml

    text = str(yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True))
    return text.removesuffix("\n").removesuffix("\n...")


# ---- new configs ---------------------------------------------------------------------------------------------

HEADING = """\
# A policy search. Run it with:      augury search run --config-dir {folder}
# Override keys on the command line:  augury search run --config-dir {folder} trainer.max_epochs=3
"""
MORE = """\
# All other keys have defaults; `augury search create --generate-full-config` writes every one of them.
"""


def new_config(task: Task, num_classes: int, folder: str, full: bool = False) -> str:
    """The `search.yaml` that `augury search create` writes: what most users change, or (full) every key."""
    values = _short(task, num_classes)
    if full:
        values = _merged(Config.read(values).to_dict(), values)
        values = {name: value for name, value in values.items() if value is not None}
    return HEADING.format(folder=folder) + ("" if full else MORE) + to_yaml(values)


def _short(task: Task, num_classes: int) -> dict[str, Any]:
    arguments = {"root": "${config_dir:}/data"}
    if task == "classification":
        model: dict[str, Any] = {"num_classes": num_classes, "architecture": "resnet18", "pretrained": False}
    else:
        model = {
            "num_classes": num_classes,
            "architecture": "Unet",
            "encoder_architecture": "resnet18",
            "pretrained": False,
        }
        arguments["num_classes"] = "${semantic_segmentation_model.num_classes}"
    return {
        "_version": VERSION,
        "task": task,
        f"{task}_model": model,
        "data": {
            "dataset": {"_target_": "dataset.SearchDataset", **arguments},
            "input_dtype": "uint8",
            "preprocessing": [{"Resize": {"height": 128, "width": 128}}],
            "normalization": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
            "dataloader": {"batch_size": 64, "num_workers": 4},
        },
        "trainer": {"max_epochs": 40},
        "seed": 137,
        "hydra": {"run": {"dir": "outputs/${now:%Y-%m-%d}/${now:%H-%M-%S}"}},
    }


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(below)
    for name, value in above.items():
        inner = out.get(name)
        out[name] = (
            _merged(inner, value)
            if isinstance(inner, Mapping) and isinstance(value, Mapping) and name != "dataset"
            else value
        )
    return out
