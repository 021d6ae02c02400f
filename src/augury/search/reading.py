"""`search.yaml` and overrides on the command line, composed by Hydra into a config."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from augury.errors import FieldError
from augury.search.config import Config
from augury.search.migrate import is_older, migrate

FILE = "search.yaml"


def load(config_dir: str | Path, overrides: Sequence[str] = ()) -> Config:
    """The config of a folder with `search.yaml`, with Hydra overrides such as `trainer.max_epochs=3`.

    Raises FieldError for what cannot be read, composed or accepted, naming the key. An older `search.yaml`, also one of
    AutoAlbument, is brought to this format in memory; `migrate.migrate` tells what changes.
    """
    values = compose(config_dir, overrides)
    return Config.read(migrate(values).config if is_older(values) else values)


def raw(file: str | Path) -> dict[str, Any]:
    """The plain data of a config file, interpolations left as they are written."""
    from omegaconf import OmegaConf

    try:
        values = OmegaConf.to_container(OmegaConf.load(file))
    except OSError as error:
        raise FieldError(f"{file}: cannot be read ({error.strerror or error}); check the path") from None
    except Exception as error:
        raise _unreadable(file, error) from None
    if not isinstance(values, dict):
        raise FieldError(f"{file}: holds no mapping of sections")
    return cast(dict[str, Any], values)


def compose(config_dir: str | Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The plain data of `search.yaml` after Hydra has applied overrides and resolved interpolations."""
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf, open_dict

    folder = Path(config_dir).resolve()
    if not (folder / FILE).is_file():
        raise FieldError(f"{folder}: holds no {FILE}; make one with `augury search create --config-dir {config_dir}`")
    GlobalHydra.instance().clear()
    OmegaConf.register_new_resolver("config_dir", lambda: str(folder), replace=True)
    try:
        with initialize_config_dir(str(folder), version_base="1.3", job_name="search"):
            composed = hydra_compose(
                Path(FILE).stem, [_override(folder, text) for text in overrides], return_hydra_config=True
            )
            composed.hydra.runtime.output_dir = composed.hydra.run.dir
            HydraConfig.instance().set_config(composed)
            directory = composed.hydra.run.dir
            with open_dict(composed):
                composed.hydra = {"run": {"dir": directory}}
            return cast(dict[str, Any], OmegaConf.to_container(composed, resolve=True, throw_on_missing=True))
    except Exception as error:
        raise _unreadable(folder / FILE, error) from None


def _unreadable(file: str | Path, error: Exception) -> Exception:
    """An error of Hydra, OmegaConf or YAML, which share no base, as ours; any other as it is."""
    if type(error).__module__.partition(".")[0] not in ("hydra", "omegaconf", "yaml"):
        return error
    return FieldError(f"{file}: {' '.join(str(error).split())}")


def _override(folder: Path, text: str) -> str:
    """An override that may name a key the file leaves out: whether it is known is ours to say, with the nearest."""
    name, found, _ = text.partition("=")
    if not found and not text.startswith("~"):
        raise FieldError(f"override {text!r}: write key=value, such as trainer.max_epochs=3")
    if name.startswith("hydra.") and name != "hydra.run.dir":
        raise FieldError(f"override {text!r}: of Hydra's own settings only hydra.run.dir is used")
    if text[:1] in "+~" or name == "hydra.run.dir" or (folder / name).is_dir():
        return text
    return f"++{text}"
