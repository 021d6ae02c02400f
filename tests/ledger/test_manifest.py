"""The manifest says what a run was made of."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import pytest

from augury.errors import FieldError, RecordError
from augury.ledger import Ledger


class Pipeline:
    seed = 137

    def to_dict(self) -> dict[str, object]:
        return {"transforms": [{"name": "Rotate", "limit": (1, 2)}]}

    def fingerprint(self) -> str:
        return "cafe"


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = tmp_path / "code"
    checkout.mkdir()
    git(checkout, "init", "--quiet")
    (checkout / "train.py").write_text("1")
    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "-m", "x")
    monkeypatch.chdir(checkout)
    model = tmp_path / "model.pt"
    model.write_bytes(b"weights")
    begun = datetime.now(UTC)
    ledger = Ledger(
        tmp_path / "ledger", pipeline=Pipeline(), model=model, workers={"num_workers": 8}, key_scheme="(epoch, index)"
    )
    manifest = ledger.manifest
    assert begun <= datetime.fromisoformat(manifest.pop("created")) <= datetime.now(UTC)
    versions = manifest.pop("versions")
    assert versions["numpy"] == metadata.version("numpy")
    assert {"pyarrow", "duckdb"} <= set(versions)
    assert manifest == {
        "format": 1,
        "pipeline": {"transforms": [{"name": "Rotate", "limit": [1, 2]}]},
        "fingerprint": "cafe",
        "seed": 137,
        "key_scheme": "(epoch, index)",
        "workers": {"num_workers": 8},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "git": {"commit": git(checkout, "rev-parse", "HEAD"), "dirty": False},
        "model": {"path": str(model), "bytes": 7, "sha256": hashlib.sha256(b"weights").hexdigest()},
    }
    (checkout / "train.py").write_text("2")
    assert Ledger(tmp_path / "other", pipeline={}).manifest["git"]["dirty"] is True


def test_outside_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert Ledger(tmp_path, pipeline={}).manifest["git"] is None
    monkeypatch.setenv("PATH", "")
    assert Ledger(tmp_path / "no git", pipeline={}).manifest["git"] is None


def test_logging_without_a_pipeline_leaves_a_manifest(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        ledger.log("a")
    assert ledger.manifest["pipeline"] is None
    assert ledger.manifest["fingerprint"] is None


def test_runs_that_are_alike_share_a_manifest(tmp_path: Path) -> None:
    for pipeline in ({"n": 1}, {"n": 1}, {"n": 2}, {"n": 1}):
        ledger = Ledger(tmp_path, pipeline=pipeline)
    assert [manifest["pipeline"]["n"] for manifest in ledger.manifests] == [1, 2]
    assert ledger.manifest["pipeline"] == {"n": 1}
    assert ledger.manifest["fingerprint"] == ledger.manifests[0]["fingerprint"] != ledger.manifests[1]["fingerprint"]


def test_model_may_come_after_the_run(tmp_path: Path) -> None:
    model = tmp_path / "model.pt"
    model.write_bytes(b"weights")
    Ledger(tmp_path / "ledger", pipeline={"n": 1})
    Ledger(tmp_path / "ledger").attach_model(model)
    first, second = Ledger(tmp_path / "ledger").manifests
    assert first["model"] is None
    assert second["model"]["sha256"] == hashlib.sha256(b"weights").hexdigest()
    assert {**first, "created": 0, "model": 0} == {**second, "created": 0, "model": 0}
    assert Ledger(tmp_path / "ledger").manifest == second
    with pytest.raises(FieldError, match=r"model: got .*nothing"):
        Ledger(tmp_path / "ledger").attach_model(tmp_path / "nothing")


def test_broken_manifest_is_named(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"pipeline": 1})[:-3])
    with pytest.raises(RecordError, match=r"manifest.json: not a ledger manifest"):
        Ledger(tmp_path).manifest


def test_pipeline_must_be_describable(tmp_path: Path) -> None:
    with pytest.raises(FieldError, match="pipeline: got 3; pass a pipeline or its to_dict"):
        Ledger(tmp_path, pipeline=3)
