"""The manifest beside the parts: what a run was made of.

Every distinct manifest is kept as `manifest-<digest>.json`, named by its content, so processes that start at the
same time write the same file or different files, never over each other. `manifest.json` is a copy of the latest.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any

from augury.errors import FieldError, RecordError, shown

if TYPE_CHECKING:
    from augury.ledger.store import Folder

FORMAT = 1
"""The ledger format this code writes, and the newest it reads."""

_PACKAGES = "augury numpy opencv-python-headless opencv-python stringzilla numkong pyarrow duckdb".split()
_PACKAGES_IF_LOADED = "torch torchvision lightning".split()


def describe_run(pipeline: object, key_scheme: str | None, workers: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the user said about the run, as plain JSON values. pipeline: a dict, or anything with `to_dict()`."""
    content = _pipeline_dict(pipeline)
    return {
        "pipeline": content,
        "fingerprint": _fingerprint(pipeline, content),
        "seed": getattr(pipeline, "seed", None),
        "key_scheme": key_scheme,
        "workers": None if workers is None else dict(workers),
    }


def describe(run: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest of a run that starts now: what the user said, and what was found here."""
    return {
        "format": FORMAT,
        "created": now(),
        **run,
        "versions": _versions(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "git": _git(),
        "model": None,
    }


def now() -> str:
    """The time, UTC, as ISO 8601 text."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")


def describe_model(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Path, size in bytes and SHA-256 of a model file; raises FieldError if it cannot be read."""
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return {"path": os.fspath(path), "bytes": file.tell(), "sha256": digest}
    except OSError as error:
        raise FieldError(f"model: got {shown(path)}: {error}; pass the path of a file") from error


def digest(manifest: Mapping[str, Any]) -> str:
    """SHA-256, as 16 hexadecimal digits, of everything but the time of creation."""
    content = {name: value for name, value in manifest.items() if name != "created"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def save(folder: Folder, manifest: dict[str, Any]) -> None:
    """Keep the manifest and make it the latest; nothing is written if it is the latest already."""
    latest = load(folder)
    if latest is not None and digest(latest) == digest(manifest):
        return
    data = json.dumps(manifest, indent=1).encode()
    name = f"manifest-{digest(manifest)}.json"
    if name not in folder.names():
        folder.write(name, data)
    folder.write("manifest.json", data)


def load(folder: Folder, name: str = "manifest.json") -> dict[str, Any] | None:
    """A manifest, or None if there is none; raises RecordError if it is broken or of a newer format."""
    try:
        manifest = json.loads(folder.read(name))
        version = manifest["format"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{folder.uri(name)}: not a ledger manifest ({error!r}); restore or delete it") from error
    check_format(version, folder.uri(name))
    return dict(manifest)


def load_all(folder: Folder) -> list[dict[str, Any]]:
    """Every distinct manifest in the folder, oldest first."""
    names = [name for name in folder.names() if name.startswith("manifest-") and name.endswith(".json")]
    found = [manifest for name in names if (manifest := load(folder, name)) is not None]
    return sorted(found, key=lambda manifest: str(manifest["created"]))


def check_format(version: object, where: str) -> None:
    """Raise RecordError unless this code can read ledger format `version`."""
    if type(version) is not int or not 1 <= version <= FORMAT:
        raise RecordError(
            f"{where}: ledger format {shown(version)}, but this augury reads formats up to {FORMAT}; upgrade augury"
        )


def _pipeline_dict(pipeline: object) -> Any:
    """The pipeline as plain JSON values: itself if it is a dict, else its `to_dict()`."""
    if pipeline is not None and not isinstance(pipeline, Mapping):
        if not hasattr(pipeline, "to_dict"):
            raise FieldError(f"pipeline: got {shown(pipeline)}; pass a pipeline or its to_dict()")
        pipeline = pipeline.to_dict()
    return json.loads(json.dumps(pipeline))


def _fingerprint(pipeline: object, content: object) -> str | None:
    """The pipeline's own fingerprint, as records carry it; else a digest of its content."""
    own = getattr(pipeline, "fingerprint", None)
    if own is not None:
        return str(own() if callable(own) else own)
    if content is None:
        return None
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _versions() -> dict[str, str]:
    found = {}
    for package in [*_PACKAGES, *(name for name in _PACKAGES_IF_LOADED if name in sys.modules)]:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _git() -> dict[str, Any] | None:
    """Commit and whether tracked files differ from it, for the current directory; None outside a checkout."""
    commit = _run_git("rev-parse", "HEAD")
    if commit is None:
        return None
    changes = _run_git("status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": None if changes is None else bool(changes)}


def _run_git(*arguments: str) -> str | None:
    command = ["git", "-c", "core.fsmonitor=false", *arguments]
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, env=environment, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
