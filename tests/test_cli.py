from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import augury as A
from augury import cli

IMAGE = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
MASK = np.random.default_rng(1).integers(0, 3, (24, 32), dtype=np.uint8)


def pipeline(**settings: Any) -> A.ReplayCompose:
    return A.ReplayCompose([A.HorizontalFlip(p=1), A.RandomCrop(height=16, width=16), A.RandomGamma(p=1)], **settings)


def save(path: Path, image: Any) -> Path:
    """Write an RGB image."""
    cv2.imwrite(str(path), image[..., ::-1] if image.ndim == 3 else image)
    return path


def load(path: Path) -> Any:
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return pixels[..., ::-1] if pixels.ndim == 3 else pixels


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command line here; exit code, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["augury", *map(str, arguments)])
        with pytest.raises(SystemExit) as done:
            cli.main()
        return (int(done.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Any]:
    result = pipeline(seed=7)(image=IMAGE, mask=MASK, key=1)
    record = tmp_path / "record.json"
    record.write_text(json.dumps(result["replay"]))
    return {
        "record": record,
        "image": save(tmp_path / "image.png", IMAGE),
        "mask": save(tmp_path / "mask.png", MASK),
        "result": result,
    }


def test_replay_writes_the_same_pixels(run: Any, files: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert run("replay", files["record"], files["image"], "--mask", files["mask"], "-o", out) == (0, "", "")
    assert np.array_equal(load(out), files["result"]["image"])
    assert np.array_equal(load(tmp_path / "out-mask.png"), files["result"]["mask"])


def test_replay_takes_a_result_or_a_row_and_prints_labels(run: Any, files: dict[str, Any], tmp_path: Path) -> None:
    boxed = pipeline(seed=7, bbox_params=A.BboxParams("pascal_voc", ["labels"]))
    labels = {"bboxes": [[2.0, 2.0, 30.0, 20.0]], "labels": ["cat"]}
    result = boxed(image=IMAGE, **labels, key=1)
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    wrapped = tmp_path / "wrapped.json"
    for data in ({"replay": result["replay"]}, {"sample_id": "a", "record": json.dumps(result["replay"])}):
        wrapped.write_text(json.dumps(data))
        code, out, _ = run(
            "replay", wrapped, files["image"], "--labels", tmp_path / "labels.json", "-o", tmp_path / "o.png"
        )
        assert code == 0
        assert json.loads(out) == {"bboxes": [list(box) for box in result["bboxes"]], "labels": ["cat"]}
        assert np.array_equal(load(tmp_path / "o.png"), result["image"])


@pytest.mark.parametrize("shape", [(24, 32), (24, 32, 1), (24, 32, 3), (24, 32, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_images_are_read_as_they_were_drawn(run: Any, tmp_path: Path, shape: Any, dtype: Any) -> None:
    image = np.random.default_rng(2).integers(0, np.iinfo(dtype).max, shape, dtype=dtype)
    result = A.ReplayCompose([A.HorizontalFlip(p=1)])(image=image)
    (tmp_path / "r.json").write_text(json.dumps(result["replay"]))
    order = [2, 1, 0, 3][: shape[2]] if len(shape) == 3 and shape[2] > 1 else slice(None)
    cv2.imwrite(str(tmp_path / "i.png"), image[..., order] if len(shape) == 3 else image)
    assert run("replay", tmp_path / "r.json", tmp_path / "i.png", "-o", tmp_path / "o.png")[0] == 0
    seen = cv2.imread(str(tmp_path / "o.png"), cv2.IMREAD_UNCHANGED)
    seen = seen[..., order] if seen.ndim == 3 else seen
    assert np.array_equal(seen.reshape(shape), result["image"])


def test_floats_are_kept_in_npy_and_rescaled_in_png(run: Any, tmp_path: Path) -> None:
    result = A.ReplayCompose([A.Normalize()])(image=IMAGE)
    (tmp_path / "r.json").write_text(json.dumps(result["replay"]))
    save(tmp_path / "i.png", IMAGE)
    assert run("replay", tmp_path / "r.json", tmp_path / "i.png", "-o", tmp_path / "o.npy") == (0, "", "")
    assert np.array_equal(np.load(tmp_path / "o.npy"), result["image"])
    code, _, err = run("replay", tmp_path / "r.json", tmp_path / "i.png", "-o", tmp_path / "o.png")
    assert code == 0 and "rescaled from" in err and load(tmp_path / "o.png").shape == IMAGE.shape


def test_donors_are_found_in_a_folder(run: Any, files: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "donors"
    folder.mkdir()
    items = [{"id": name, "image": IMAGE[: 20 + i] ^ (9 + i)} for i, name in enumerate(("a", "b.png"))]
    for item in items:
        save(folder / f"{str(item['id']).removesuffix('.png')}.png", item["image"])
    mixed = A.ReplayCompose([A.FDA(p=1), A.HistogramMatching(p=1)], seed=2)
    result = mixed(image=IMAGE, fda_metadata=items[:1], hm_metadata=items[1:], key=0)
    (tmp_path / "mixed.json").write_text(json.dumps(result["replay"]))
    out = tmp_path / "out.png"
    assert run("replay", tmp_path / "mixed.json", files["image"], "--donors", folder, "-o", out) == (0, "", "")
    assert np.array_equal(load(out), result["image"])
    assert run("show", tmp_path / "mixed.json", files["image"], "--donors", folder, "-o", out)[0] == 0
    (folder / "b.png").unlink()
    code, _, error = run("replay", tmp_path / "mixed.json", files["image"], "--donors", folder, "-o", out)
    assert code == 2 and "HistogramMatching: donor 'b.png'" in error and "is named b.png" in error
    assert len(error.splitlines()) == 1


def test_records_of_volumes_are_refused(run: Any, files: dict[str, Any], tmp_path: Path) -> None:
    record = A.ReplayCompose([A.Flip3D(p=1)])(volume=np.zeros((3, 4, 5), np.uint8))["replay"]
    (tmp_path / "volume.json").write_text(json.dumps(record))
    code, _, error = run("replay", tmp_path / "volume.json", files["image"], "-o", tmp_path / "out.png")
    assert code == 2 and "drawn for volume, not for an image; use augury.replay in Python" in error


def test_show_draws_a_strip(run: Any, files: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "strip.png"
    assert run("show", files["record"], files["image"], "--mask", files["mask"], "-o", out) == (0, "", "")
    strip = A.show(files["result"]["replay"], image=IMAGE, mask=MASK)
    assert load(out).shape[1] == strip.image.shape[1]


MIT = {
    "__version__": "2.0.8",
    "transform": {
        "__class_fullname__": "Compose",
        "p": 1.0,
        "transforms": [
            {"__class_fullname__": "HorizontalFlip", "p": 0.5},
            {"__class_fullname__": "Rotate", "limit": [-20, 20], "p": 0.5},
        ],
        "bbox_params": None,
        "keypoint_params": None,
        "additional_targets": {},
        "is_check_shapes": True,
    },
}


def test_convert_writes_a_pipeline_and_the_renamings(run: Any, tmp_path: Path) -> None:
    (tmp_path / "theirs.json").write_text(json.dumps(MIT))
    code, out, err = run("convert", tmp_path / "theirs.json", "-o", tmp_path / "ours.json")
    assert (code, err) == (0, "")
    assert "limit" in out and "angle_range" in out and "ours.json" in out
    made = A.load(tmp_path / "ours.json")
    assert isinstance(made, A.Compose) and made[1].angle_range == (-20, 20)
    pytest.importorskip("yaml")
    assert run("convert", tmp_path / "ours.json", "-o", tmp_path / "ours.yaml")[0] == 0
    assert A.load(tmp_path / "ours.yaml", data_format="yaml") == made


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    pytest.importorskip("duckdb")
    made = pipeline(seed=7)
    with A.Ledger(tmp_path / "ledger", pipeline=made) as book:
        for i in range(6):
            result = made(image=IMAGE, key=i)
            book.log(sample_id=f"s{i}", record=[result["replay"]], loss=float(i), epoch=i // 3, score=-i, note="[red]x")
    return str(tmp_path / "ledger")


def test_ledger_top_and_sql(run: Any, ledger: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    code, out, _ = run("ledger", "top", ledger, "-n", 2)
    assert code == 0 and out.index("s5") < out.index("s4") and "s3" not in out
    assert "RandomGamma (gamma" in out and "[red]x" in out
    assert "s0" in run("ledger", "top", ledger, "--column", "score", "-n", 1)[1]
    assert "s2" in run("ledger", "top", ledger, "--where", "epoch = 0", "-n", 1)[1]
    code, out, _ = run("ledger", "sql", ledger, "select epoch, avg(loss) as mean from ledger group by 1 order by 1")
    assert code == 0 and "mean" in out
    _, out, _ = run("ledger", "sql", ledger, "select count(*) as n from ledger", "--json")
    assert json.loads(out) == {"n": 6}


def test_a_row_of_a_ledger_replays(run: Any, ledger: str, files: dict[str, Any], tmp_path: Path) -> None:
    _, row, _ = run("ledger", "top", ledger, "-n", 1, "--json")
    (tmp_path / "row.json").write_text(row)
    assert run("replay", tmp_path / "row.json", files["image"], "-o", tmp_path / "o.png")[0] == 0
    assert np.array_equal(load(tmp_path / "o.png"), pipeline(seed=7)(image=IMAGE, key=5)["image"])


def test_errors_are_one_line(run: Any, ledger: str, files: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('{"format": 1, "st')
    (tmp_path / "other.json").write_text("[1, 2]")
    (tmp_path / "text.png").write_text("no image")
    lost = json.loads(json.dumps(MIT))
    lost["transform"]["transforms"][0]["__class_fullname__"] = "Teleport"
    (tmp_path / "lost.json").write_text(json.dumps(lost))
    small = save(tmp_path / "small.png", IMAGE[:20])
    record, image = files["record"], files["image"]
    out = ["-o", tmp_path / "o.png"]
    cases: list[tuple[list[Any], str]] = [
        (["replay", tmp_path / "none.json", image, *out], "none.json: No such file"),
        (["replay", record, tmp_path / "none.png", *out], "none.png: No such file"),
        (["replay", tmp_path / "broken.json", image, *out], "broken.json: not valid JSON"),
        (["replay", tmp_path / "other.json", image, *out], "other.json: no record in it"),
        (["replay", record, tmp_path / "text.png", *out], "text.png: not an image"),
        (["replay", record, small, *out], "recorded for an image of shape"),
        (["replay", record, image, "-o", tmp_path / "o.xyz"], "o.xyz: OpenCV cannot write"),
        (["replay", record, image, "--labels", tmp_path / "other.json", *out], "holds no JSON object"),
        (["show", record, tmp_path / "none.png", *out], "none.png: No such file"),
        (["convert", tmp_path / "lost.json", *out], "Compose/0/Teleport: unknown transform"),
        (["convert", tmp_path / "none.json", *out], "none.json: cannot be read"),
        (["ledger", "top", tmp_path / "none"], "no ledger here"),
        (["ledger", "top", ledger, "--column", "nope"], "no column 'nope'"),
        (["ledger", "sql", ledger, "select nope from ledger"], "nope"),
        (["demo", "--out", tmp_path / "d", "--epochs", 0], "demo.epochs"),
    ]
    for arguments, message in cases:
        code, stdout, err = run(*arguments)
        assert (code, stdout) == (2, ""), arguments
        assert message in err, (arguments, err)
        assert err.startswith("augury: ") and err.count("\n") == 1, err


def test_the_module_is_the_command() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, "-m", "augury", "--version"], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout == f"augury {A.__version__}\n"
    done = subprocess.run(
        [sys.executable, "-m", "augury", "replay"], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr and "record" in done.stderr
