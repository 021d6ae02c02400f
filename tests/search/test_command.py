from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

for name in ("hydra", "torch"):
    pytest.importorskip(name)

import augury as A  # noqa: E402
from augury import cli  # noqa: E402
from augury.search.config import TASKS  # noqa: E402
from augury.search.reading import load  # noqa: E402
from tests.search.test_migrate import VERSION_1, VERSION_2  # noqa: E402

DIGITS = str(Path(__file__).parents[2] / "examples" / "search" / "digits")
TINY = [
    "data.dataset.limit=16", "data.dataloader.batch_size=8", "policy_model.num_sub_policies=2", "trainer.max_epochs=1",
    "policy_model.num_chunks=2", "policy_model.operation_count=1", "trainer.progress_bar=false",
]  # fmt: skip


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The command line's exit code."""
    monkeypatch.setattr(sys, "argv", ["augury", "search", *map(str, arguments)])
    with pytest.raises(SystemExit) as done:
        cli.main()
    return int(done.value.code or 0)


def images(root: Path, task: str) -> None:
    """Files that the dataset templates read."""
    random = np.random.Generator(np.random.Philox(key=1))
    folders = ("cat", "dog") if task == "classification" else ("images", "masks")
    for folder in folders:
        (root / folder).mkdir(parents=True)
        for number in range(4):
            picture = random.integers(0, 2 if folder == "masks" else 256, (40, 50), np.uint8)
            cv2.imwrite(str(root / folder / f"{number}.png"), picture)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("full", [[], ["--generate-full-config"]], ids=["short", "full"])
def test_what_create_writes_reads_a_folder_of_images(
    task: Any, full: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from augury.search.data import OpenData

    assert not run(monkeypatch, "create", "--config-dir", tmp_path / "s", "--task", task, "--num-classes", "2", *full)
    images(tmp_path / "s" / "data", task)
    data = OpenData(load(tmp_path / "s", ["data.dataloader.batch_size=4", "data.held_out=0"]), tmp_path / "s")
    assert len(data.train) == (8 if task == "classification" else 4) and data.size == (128, 128)
    assert data.train[3][1].shape == (() if task == "classification" else (2, 128, 128))


def test_create_overwrites_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dataset.py").write_text("mine")
    arguments = ("create", "--config-dir", tmp_path, "--task", "classification", "--num-classes", "2")
    assert run(monkeypatch, *arguments) == 2
    assert "dataset.py: is there already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["dataset.py"]


def test_run_and_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert not run(monkeypatch, "run", "--config-dir", DIGITS, f"hydra.run.dir={out}", *TINY)
    printed = capsys.readouterr().out
    assert f"{out}/policy/latest.json" in printed
    assert isinstance(A.load(out / "policy" / "latest.json"), A.Compose)
    assert not run(monkeypatch, "resume", out)
    assert run(monkeypatch, "resume", tmp_path) == 2
    assert "holds no search" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("policy_model.num_chunk=3", "did you mean 'policy_model.num_chunks'"),
        ("policy_model.num_chunks=9", "less than policy_model.num_chunks=9"),
        ("policy_model.operations=[Rotat]", "Rotate"),
        ("data.dataset.limt=3", "did you mean 'limit'"),
        ("data.dataset.limit=0", "is empty"),
        ("classification_model.num_classes=3", "num_classes=3 allows 0 to 2"),
        ("classification_model.pretrained=true", "set it to false"),
        ("data.input_dtype=float32", "dtype uint8, data.input_dtype is float32"),
    ],
)
def test_bad_input_is_one_line_before_the_first_step(
    override: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(monkeypatch, "run", "--config-dir", DIGITS, f"hydra.run.dir={out}", *TINY, override) == 2
    error = capsys.readouterr().err
    assert message in error and error.startswith("augury: ") and error.count("\n") == 1
    assert not (out / "policy").exists()


@pytest.mark.parametrize("version", [1, 2])
def test_migrate_rewrites_a_file_and_reports(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = (VERSION_1, VERSION_2)[version - 1]
    file = tmp_path / "search.yaml"
    file.write_text(old)
    before = load(tmp_path, ["hydra.run.dir=out"])
    assert not run(monkeypatch, "migrate", tmp_path)
    printed = capsys.readouterr().out
    assert "dropped" in printed and "_version" in printed
    assert (tmp_path / f"search.v{version}.yaml").read_text() == old
    assert load(tmp_path, ["hydra.run.dir=out"]) == before
    assert "# of this format" in file.read_text()
    assert "${" in file.read_text() or version == 2
    assert not run(monkeypatch, "migrate", file)
    assert "nothing to do" in capsys.readouterr().out


def test_migrate_keeps_what_it_would_overwrite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "search.yaml").write_text(VERSION_1)
    (tmp_path / "search.v1.yaml").write_text("mine")
    assert run(monkeypatch, "migrate", tmp_path) == 2
    assert "is there already" in capsys.readouterr().err
    assert (tmp_path / "search.yaml").read_text() == VERSION_1


@pytest.mark.parametrize("text", [None, "a: [", "- a", "\x00"], ids=["missing", "torn", "list", "bytes"])
def test_migrate_refuses_what_is_no_config(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        (tmp_path / "search.yaml").write_text(text)
    assert run(monkeypatch, "migrate", tmp_path) == 2
    assert "search.yaml" in capsys.readouterr().err


def test_the_command_line_stays_light() -> None:
    code = "import augury.cli, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": "src"},
    )
    assert not set(done.stdout.split()) & {"torch", "hydra", "omegaconf", "lightning", "timm", "yaml"}


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from augury.search import command

    monkeypatch.setattr(command, "NEEDED", ("torch", "no_such_library"))
    assert run(monkeypatch, "resume", "out") == 2
    assert "needs no_such_library: pip install 'augury[search]'" in capsys.readouterr().err
