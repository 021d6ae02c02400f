"""Pipelines as plain data: to and from dicts, JSON and YAML, and from files that Albumentations wrote.

Loading looks names up in the registry; it never imports or evaluates anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import IO, Any, NamedTuple

from augury import groups, varying
from augury.compose import Compose
from augury.drawn import applied_steps
from augury.errors import AuguryError, FieldError, RecordError, shown
from augury.fields import frozen
from augury.groups import Group
from augury.replay import ReplayCompose
from augury.transform import Transform, find_transform
from augury.until import Until, read_accept

FORMAT = 1
GROUPS: dict[str, type[Group]] = {
    kind.__name__: kind
    for kind in (
        Compose,
        ReplayCompose,
        groups.OneOf,
        groups.OneOrOther,
        groups.RandomOrder,
        groups.SelectiveChannelTransform,
        groups.Sequential,
        groups.SomeOf,
        Until,
    )
}

# Defaults of Albumentations 2.0.8 that differ from ours; a converted file that leaves them out gets them written down.
MIT_DEFAULTS: dict[str, dict[str, Any]] = {
    "RandomBrightnessContrast": {"brightness_by_max": True},
    "GaussNoise": {"per_channel": True},
    "Affine": {"keep_ratio": False, "fill_mask": 0},
    "ElasticTransform": {
        "alpha": 1,
        "sigma": 50,
        "approximate": False,
        "same_dxdy": False,
        "noise_distribution": "gaussian",
    },
    "SafeRotate": {"fill_mask": 0},
}

# What Albumentations 2.0.8 writes beside the arguments of these: values of base classes that follow from them.
_STRIPS: tuple[str, ...] = (
    "fill", "fill_mask", "mask_x_length", "mask_y_length", "num_masks_x", "num_masks_y",
)  # fmt: skip
MIT_IMPLIED: dict[str, tuple[str, ...]] = {
    "FrequencyMasking": _STRIPS,
    "TimeMasking": _STRIPS,
    "PadIfNeeded": ("padding",),
    "RGBShift": ("approximation", "noise_params", "noise_type", "spatial_mode"),
    "SafeRotate": (
        "balanced_scale", "fit_output", "keep_ratio", "rotate", "scale", "shear", "translate_percent", "translate_px",
    ),
}  # fmt: skip

# Arguments of the other library's pipelines that have no meaning here when they hold these values.
_IDLE: dict[str, tuple[Any, ...]] = {
    "telemetry": (True, False, None),
}


class Change(NamedTuple):
    """One thing that reading a pipeline changed: at `path`, `before` became `after`."""

    path: str
    before: str
    after: str


def to_dict(transform: Transform | Group, on_not_implemented_error: str = "raise") -> dict[str, Any]:
    """A pipeline or transform as plain JSON data; FieldError names a part that cannot be saved (or with "warn",
    skips it).
    """
    from augury import __version__

    if on_not_implemented_error not in ("raise", "warn"):
        raise FieldError(
            f"to_dict.on_not_implemented_error: got {shown(on_not_implemented_error)}; pass 'raise' or 'warn'"
        )
    try:
        body = transform.to_dict()
    except FieldError as error:
        if on_not_implemented_error == "raise":
            raise
        import warnings

        warnings.warn(str(error), stacklevel=2)
        body = {}
    return {"library": "augury", "format": FORMAT, "__version__": __version__, "transform": body}


def from_dict(transform_dict: Mapping[str, Any], nonserializable: Mapping[str, Any] | None = None) -> Any:
    """The pipeline or transform of `to_dict`, or of a dict that Albumentations wrote; raises RecordError or FieldError.

    nonserializable: Lambda transforms, and functions of Until, by name.
    """
    return convert(transform_dict, nonserializable)[0]


def convert(saved: Any, nonserializable: Mapping[str, Any] | None = None) -> tuple[Any, list[Change]]:
    """A pipeline saved by augury or by either Albumentations, and what had to change: every renamed or written-out
    argument.
    """
    if not isinstance(saved, Mapping) or not isinstance(saved.get("transform"), Mapping):
        raise RecordError(f"pipeline: got {shown(saved)}; pass a dict with the key 'transform', as to_dict makes it")
    ours = saved.get("library") == "augury"
    if ours and saved.get("format") != FORMAT:
        raise RecordError(
            f"pipeline.format: got {shown(saved.get('format'))}, this augury reads {FORMAT}; update augury"
        )
    old = not ours and str(saved.get("__version__", "")).startswith(("0.", "1.", "2.0."))
    reader = _Reader(dict(nonserializable or {}), old)
    return reader.read(saved["transform"], ""), reader.changes


class _Reader:
    def __init__(self, lambdas: dict[str, Any], old: bool) -> None:
        self.lambdas = lambdas
        self.old = old
        self.changes: list[Change] = []

    def read(self, raw: object, path: str) -> Any:
        if not isinstance(raw, Mapping):
            raise RecordError(f"{path or 'transform'}: got {shown(raw)}; pass a dict with __class_fullname__")
        arguments = {str(k): v for k, v in raw.items()}
        name = str(arguments.pop("__class_fullname__", "")).rpartition(".")[2]
        path = f"{path}/{name}" if path else name
        arguments.pop("__type__", None)
        for idle, values in _IDLE.items():
            if idle in arguments and name in GROUPS:
                value = arguments.pop(idle)
                if value not in values:
                    raise RecordError(
                        f"{path}.{idle}: got {shown(value)}; augury has no such setting yet, remove it from the file"
                    )
        if name == "Lambda":
            return self.read_lambda(arguments, path)
        if name == "DrawnSteps":
            return applied_steps(frozen(arguments.get("applied_transforms")), self.lambdas)
        if name in GROUPS:
            return self.read_group(GROUPS[name], arguments, path)
        return self.read_transform(find_transform(name, path), arguments, path)

    def read_lambda(self, arguments: dict[str, Any], path: str) -> Any:
        name = arguments.get("name", arguments.get("__name__"))
        if name not in self.lambdas:
            raise RecordError(
                f"{path}: {shown(name)} is not in the file; pass nonserializable={{{name!r}: the Lambda}}"
            )
        return self.lambdas[name]

    def read_group(self, kind: type[Group], arguments: dict[str, Any], path: str) -> Group:
        children = arguments.pop("transforms", None)
        if not isinstance(children, (list, tuple)):
            raise RecordError(f"{path}.transforms: got {shown(children)}; pass a list")
        transforms = [self.read(child, f"{path}/{i}") for i, child in enumerate(children)]
        # Albumentations writes what a record says into its pipelines too.
        arguments = {
            k: v for k, v in arguments.items() if not (k in ("params", "applied") and kind is GROUPS["ReplayCompose"])
        }
        if kind is GROUPS["SelectiveChannelTransform"] and "channels" not in arguments:
            # Albumentations 2.0.8 forgets to write them.
            self.changes.append(Change(path, "channels left out", "channels=(0, 1, 2)"))
        if kind is Until:
            arguments |= read_accept(arguments.get("accept"), self.lambdas, f"{path}.accept")
        if "p" in arguments:
            arguments["p"] = varying.read(arguments["p"], f"{path}.p")
        for name in ("bbox_params", "keypoint_params"):
            if isinstance(arguments.get(name), Mapping):
                arguments[name] = self.read_params(name, dict(arguments[name]), path)
        try:
            if kind is GROUPS["OneOrOther"]:
                return kind(transforms=transforms, **arguments)
            return kind(transforms, **arguments)
        except FieldError as error:
            raise FieldError(f"{path}: {error}") from None
        except TypeError as error:
            raise RecordError(
                f"{path}: {error}; remove the argument or load the file with the library that wrote it"
            ) from None

    def read_params(self, name: str, arguments: dict[str, Any], path: str) -> dict[str, Any]:
        if "format" in arguments:
            arguments["coord_format"] = arguments.pop("format")
            self.changes.append(Change(f"{path}.{name}", "format", "coord_format"))
        return arguments

    def read_transform(self, cls: type[Transform], arguments: dict[str, Any], path: str) -> Transform:
        canonical: dict[str, Any] = {}
        implied = MIT_IMPLIED.get(cls.__name__, ()) if self.old else ()
        for name, value in arguments.items():
            if name in implied:
                continue
            target = cls._aliases.get(name, name)
            if target != name:
                self.changes.append(Change(path, name, target))
            if target in canonical:
                raise RecordError(f"{path}.{target}: written twice, as {name!r} and under another name; keep one")
            canonical[target] = varying.read(value, f"{path}.{target}")
        for name, value in (MIT_DEFAULTS.get(cls.__name__, {}) if self.old else {}).items():
            if name not in canonical:
                canonical[name] = value
                self.changes.append(Change(path, f"{name} left out", f"{name}={value!r}"))
        try:
            return cls(**canonical)
        except FieldError as error:
            raise FieldError(f"{path}: {error}") from None


def save(
    transform: Transform | Group,
    filepath_or_buffer: str | PathLike[str] | IO[str],
    data_format: str = "json",
    on_not_implemented_error: str = "raise",
) -> None:
    """Write a pipeline as JSON or YAML to a path or an open text file."""
    text = _dump(to_dict(transform, on_not_implemented_error), data_format)
    if isinstance(filepath_or_buffer, (str, PathLike)):
        Path(filepath_or_buffer).write_text(text, encoding="utf-8")
    else:
        filepath_or_buffer.write(text)


def load(
    filepath_or_buffer: str | PathLike[str] | IO[str],
    data_format: str = "json",
    nonserializable: Mapping[str, Any] | None = None,
) -> Any:
    """Read a pipeline that `save`, or Albumentations, wrote as JSON or YAML."""
    return from_dict(parse(filepath_or_buffer, data_format), nonserializable)


def parse(filepath_or_buffer: str | PathLike[str] | IO[str], data_format: str = "json") -> Any:
    """The data of a JSON or YAML file; RecordError if it is neither."""
    data_format = _format(data_format)
    if isinstance(filepath_or_buffer, (str, PathLike)):
        where = str(filepath_or_buffer)
        try:
            text = Path(filepath_or_buffer).read_text(encoding="utf-8")
        except OSError as error:
            raise RecordError(f"{where}: cannot be read ({error.strerror}); check the path") from None
        except UnicodeDecodeError:
            raise RecordError(f"{where}: is not a text file; pass a pipeline saved as JSON or YAML") from None
    else:
        where, text = "file", filepath_or_buffer.read()
    try:
        return json.loads(text) if data_format == "json" else _yaml().safe_load(text)
    except AuguryError:
        raise
    except Exception as error:  # YAML's errors share no base with JSON's
        raise RecordError(
            f"{where}: not valid {data_format.upper()} ({error}); it may be truncated or of the other format"
        ) from None


def _dump(data: dict[str, Any], data_format: str) -> str:
    if _format(data_format) == "json":
        return json.dumps(data, indent=2)
    return str(_yaml().safe_dump(data, sort_keys=False))


def _format(data_format: str) -> str:
    if data_format not in ("json", "yaml"):
        raise FieldError(f"data_format: got {shown(data_format)}; pass 'json' or 'yaml'")
    return data_format


def _yaml() -> Any:
    try:
        import yaml
    except ImportError:
        raise FieldError("data_format: 'yaml' needs PyYAML; pip install 'augury[yaml]', or use 'json'") from None
    return yaml


__all__ = ["GROUPS", "MIT_DEFAULTS", "Change", "convert", "from_dict", "load", "parse", "save", "to_dict"]
