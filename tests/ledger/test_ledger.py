"""What is logged can be read, asked about and replayed; what cannot be logged or read says why."""

from __future__ import annotations

import json
import math
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from augury.errors import FieldError, RecordError, SampleError
from augury.ledger import Ledger


def record(angle: float = 12.5, status: str = "applied") -> dict[str, Any]:
    return {
        "format": 1,
        "versions": {},
        "pipeline": "cafe",
        "seed": 137,
        "key": [0, 7],
        "fuse": "exact",
        "signature": {"image": [[4, 6, 3], "uint8"]},
        "steps": [
            {"path": "Crop", "name": "Crop", "status": "applied", "params": {"crop": [1, 2, 3, 4], "shape": [4, 6, 3]}},
            {"path": "OneOf/Rotate", "name": "Rotate", "status": status, "params": {"angle": angle, "method": "a"}},
            {"path": "Blur", "name": "Blur", "status": "skipped"},
        ],
    }


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("part-*.parquet"))


# ---- what goes in comes out --------------------------------------------------------------------------


def test_row_has_every_column(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.log(["a"], record=[record()], loss=[0.5], epoch=3, step=120, label=[7])
    (row,) = ledger.rows()
    assert row.pop("time").year >= 2024
    assert row == {
        "sample_id": "a",
        "epoch": 3,
        "step": 120,
        "loss": 0.5,
        "pipeline": "cafe",
        "applied": ["Crop", "OneOf/Rotate"],
        "params": {
            "Crop.crop[0]": 1,
            "Crop.crop[1]": 2,
            "Crop.crop[2]": 3,
            "Crop.crop[3]": 4,
            "OneOf/Rotate.angle": 12.5,
        },
        "record": record(),
        "label": 7,
    }


def test_record_may_be_text_or_missing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.log(["a", "b", "c"], record=[json.dumps(record()), None, record(status="skipped")])
    a, b, c = ledger.rows()
    assert a["record"] == record()
    assert b["record"] is b["applied"] is b["params"] is b["pipeline"] is None
    assert c["applied"] == ["Crop"]


def test_record_is_kept_as_it_was_logged(tmp_path: Path) -> None:
    ledger, mine = Ledger(tmp_path), record()
    ledger.log("a", record=mine)
    mine["seed"] = 1
    assert ledger.rows()[0]["record"]["seed"] == 137


def test_scalars_are_repeated(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.log([0, 1, 2], loss=0.5, fold="x")
    assert [(row["sample_id"], row["loss"], row["fold"]) for row in ledger.rows()] == [(i, 0.5, "x") for i in "012"]


def test_one_sample_may_have_many_draws(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.log("a", record=[record(1.0), record(2.0)], loss=[1, 2])
    assert [row["params"]["OneOf/Rotate.angle"] for row in ledger.rows()] == [1.0, 2.0]


@pytest.mark.parametrize(
    "loss",
    [
        [0.5, 1],
        (0.5, 1.0),
        np.array([0.5, 1.0], np.float32),
        [np.float64(0.5), np.float32(1)],
        np.array([0.5, 1.0])[::1],
    ],
    ids=["list", "tuple", "float32 array", "numpy scalars", "view"],
)
def test_loss_may_be_any_sequence(tmp_path: Path, loss: object) -> None:
    ledger = Ledger(tmp_path)
    ledger.log(np.array(["a", "b"]), loss=loss)
    assert ledger.sql("select loss from ledger")["loss"].to_pylist() == [0.5, 1.0]


def test_tensors(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    ledger = Ledger(tmp_path)
    loss = torch.tensor([0.5, 1.0], requires_grad=True)
    ledger.log(torch.tensor([10, 11]), loss=loss * 2, epoch=torch.tensor(4), flag=torch.tensor([True, False]))
    ledger.log([torch.tensor(12), 13], loss=[torch.tensor(0.25, dtype=torch.bfloat16), None], flag=None)
    rows = ledger.sql("select sample_id, loss, epoch, flag from ledger").to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("10", 1.0, 4, True),
        ("11", 2.0, 4, False),
        ("12", 0.25, None, None),
        ("13", None, None, None),
    ]


def test_extra_columns_of_every_kind(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    extra = {
        "text": ["x", None],
        "flag": np.array([True, False]),
        "whole": [1, 2**60],
        "number": [1, 2.5],
        "logits": np.array([[0.5, 1.5], [2.5, 3.5]]),
        "about": [{"camera": "left"}, None],
    }
    ledger.log(["a", "b"], **extra)
    a, b = ledger.sql(f"select {', '.join(extra)} from ledger").to_pylist()
    assert a == {
        "text": "x",
        "flag": True,
        "whole": 1,
        "number": 1.0,
        "logits": [0.5, 1.5],
        "about": '{"camera":"left"}',
    }
    assert b == {"text": None, "flag": False, "whole": 2**60, "number": 2.5, "logits": [2.5, 3.5], "about": None}


def test_extra_columns_may_come_and_go(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.log("a", margin=None)
    ledger.log("b", margin=2)
    ledger.flush()
    ledger.log("c", margin=0.5, late="x")
    ledger.log("d")
    rows = ledger.sql("select margin, late from ledger").to_pylist()
    assert [(row["margin"], row["late"]) for row in rows] == [(None, None), (2.0, None), (0.5, "x"), (None, None)]
    assert ledger.columns[-2:] == ["margin", "late"]


def test_odd_text_survives(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.log(["Zürich/ü.png", "bad\udce9.png", Path("a/b.png")])
    assert [row["sample_id"] for row in ledger.rows()] == ["Zürich/ü.png", "bad\\udce9.png", os.path.join("a", "b.png")]


def test_agrees_with_a_plain_list(tmp_path: Path) -> None:
    """Random batches, flushed at random: the ledger holds what a list would."""
    draw, expected = random.Random(1), []
    with Ledger(tmp_path, flush_rows=17) as ledger:
        for step in range(60):
            n = draw.randrange(6)
            losses = [draw.choice([draw.random(), None, math.inf, -1.0]) for _ in range(n)]
            records = [record(draw.random()) if draw.random() < 0.8 else None for _ in range(n)]
            ids = [f"{step}-{i}" for i in range(n)]
            ledger.log(ids, record=records, loss=losses, step=step)
            expected += [(i, step, loss, one) for i, loss, one in zip(ids, losses, records, strict=True)]
    rows = Ledger(tmp_path).rows()
    assert [(row["sample_id"], row["step"], row["loss"], row["record"]) for row in rows] == expected
    assert len(parts(tmp_path)) > 5


# ---- what cannot be logged ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"sample_id": ["a", "b"], "loss": [1.0]}, "sample_id has 2, loss has 1"),
        ({"sample_id": ["a", "b"], "record": [None]}, "sample_id has 2, record has 1"),
        ({"sample_id": None}, "sample_id holds None"),
        ({"sample_id": 1.5}, "sample_id holds 1.5"),
        ({"sample_id": "a", "loss": "high"}, "loss holds 'high'"),
        ({"sample_id": ["a"], "loss": np.ones((1, 1))}, r"loss holds \[1.0\]"),
        ({"sample_id": "a", "epoch": 1.5}, "epoch holds 1.5"),
        ({"sample_id": "a", "step": 2**63}, "64 bits"),
        ({"sample_id": "a", "count": 2**63}, "64 bits"),
        ({"sample_id": "a", "record": "{"}, "record of row 0"),
        ({"sample_id": "a", "record": {"steps": 3}}, "record of row 0"),
        ({"sample_id": "a", "record": 3}, "record of row 0"),
        ({"sample_id": "a", "record": {"steps": [{"path": 3, "status": "applied"}]}}, "record of row 0"),
        ({"sample_id": ["a"], "x": [object()]}, "column 'x' holds object"),
        ({"sample_id": ["a", "b"], "x": [1, "b"]}, "column 'x' holds int, str"),
        ({"sample_id": "a", "Params": 1}, "'Params' is the ledger's own"),
    ],
)
def test_refused_and_nothing_appended(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    ledger = Ledger(tmp_path)
    with pytest.raises(SampleError, match=message):
        ledger.log(**columns)
    assert len(ledger) == 0


def test_a_column_keeps_its_type(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.log("a", x=1)
    ledger.flush()
    with pytest.raises(SampleError, match="'x' was integer so far and now is text"):
        ledger.log("b", x="one")


def test_flush_rows_must_be_positive(tmp_path: Path) -> None:
    with pytest.raises(FieldError, match="flush_rows: got 0"):
        Ledger(tmp_path, flush_rows=0)


# ---- when parts are written --------------------------------------------------------------------------


def test_parts_follow_rows_and_seconds(tmp_path: Path) -> None:
    by_rows = Ledger(tmp_path / "rows", flush_rows=3)
    for i in range(7):
        by_rows.log(i)
    assert [pq.read_metadata(part).num_rows for part in parts(tmp_path / "rows")] == [3, 3]
    by_rows.close()
    by_rows.close()
    assert [pq.read_metadata(part).num_rows for part in parts(tmp_path / "rows")] == [3, 3, 1]
    by_age = Ledger(tmp_path / "age", flush_seconds=0)
    by_age.log(["a", "b"])
    by_age.log("c")
    assert [pq.read_metadata(part).num_rows for part in parts(tmp_path / "age")] == [2, 1]


def test_part_names_carry_rank_and_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "3")
    with Ledger(tmp_path) as ledger:
        ledger.log("a")
    assert parts(tmp_path)[0].name.startswith(f"part-00003-{os.getpid()}-")


def test_failed_write_keeps_the_rows(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    ledger = Ledger(folder)
    ledger.log("a")
    folder.write_text("in the way")
    with pytest.raises(OSError):
        ledger.flush()
    folder.unlink()
    assert len(ledger) == 1


def test_pickled_copy_writes_its_own_rows(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, pipeline={"transforms": []}, flush_rows=50)
    ledger.log("a")
    copy = pickle.loads(pickle.dumps(ledger))
    copy.log("b")
    copy.close()
    ledger.close()
    assert [row["sample_id"] for row in Ledger(tmp_path).rows(where="true", limit=9)] in (["a", "b"], ["b", "a"])
    assert copy.flush_rows == 50
    assert len(ledger.manifests) == 1


# ---- reading -----------------------------------------------------------------------------------------


def test_top_puts_nan_and_none_last(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.log(list("abcdef"), loss=[1.0, math.nan, math.inf, None, -math.inf, 2.0], rank=[1, 2, 3, 4, 5, None])
    assert [row["sample_id"] for row in ledger.top()] == list("cfaebd")
    assert [row["sample_id"] for row in ledger.top("loss", 2, where="loss < ?", parameters=[2.0])] == ["a", "e"]
    assert [row["sample_id"] for row in ledger.top("rank", 2)] == ["e", "d"]
    with pytest.raises(SampleError, match="no column 'cost'; there are sample_id"):
        ledger.top("cost")


def test_rows_by_page(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, flush_rows=2)
    ledger.log(list(range(10)), loss=list(range(10)))
    assert [row["sample_id"] for row in ledger.rows("loss >= 2", limit=3, offset=4)] == ["6", "7", "8"]


def test_empty_ledger(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "nothing")
    assert ledger
    assert len(ledger) == 0
    assert ledger.rows() == ledger.top() == ledger.manifests == []
    assert ledger.manifest == {}
    assert ledger.sql("select max(loss) m, count(*) n from ledger").to_pylist() == [{"m": None, "n": 0}]
    assert ledger.columns == ["sample_id", "epoch", "step", "loss", "pipeline", "applied", "params", "record", "time"]
    ledger.close()
    assert not (tmp_path / "nothing").exists()


def test_empty_and_full_ledger_have_the_same_types(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    before = ledger.sql("describe ledger").to_pylist()
    ledger.log("a", record=record())
    assert ledger.sql("describe ledger").to_pylist() == before


def test_params_and_applied_in_sql(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.log(list("abc"), record=[record(1.0), record(9.0), record(status="skipped")], loss=[1.0, 3.0, 5.0])
    query = "select avg(loss) loss from ledger where {} "
    assert ledger.sql(query.format("params['OneOf/Rotate.angle'] > 5")).to_pylist() == [{"loss": 3.0}]
    assert ledger.sql(query.format("not list_contains(applied, 'OneOf/Rotate')")).to_pylist() == [{"loss": 5.0}]
    assert ledger.sql(query.format("record ->> '$.seed' = '137'")).to_pylist() == [{"loss": 3.0}]


def test_sql_reaches_nothing_but_the_ledger(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.log("a")
    secret, target = tmp_path / "secret.csv", tmp_path / "out.csv"
    secret.write_text("a,b\n1,2\n")
    for query in (
        f"from read_csv('{secret}')",
        f"copy ledger to '{target}'",
        f"attach '{tmp_path / 'x.db'}'",
        "install httpfs",
        "set enable_external_access = true",
    ):
        with pytest.raises(duckdb.Error):
            ledger.sql(query)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ledger", "secret.csv"]
    assert len(ledger) == 1


@pytest.mark.parametrize("folder", ["run[1]", "run*", "epoch=3", "it's", "über uns"])
def test_odd_folders(tmp_path: Path, folder: str) -> None:
    for uri in (str(tmp_path / folder), f"memory://odd-{tmp_path.name}/{folder}"):
        with Ledger(uri) as ledger:
            ledger.log("a", loss=1)
        assert Ledger(uri).rows()[0]["loss"] == 1.0


def test_relative_path_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ledger = Ledger("runs/one")
    monkeypatch.chdir("/")
    ledger.log("a")
    ledger.close()
    assert len(Ledger(tmp_path / "runs" / "one")) == 1


@pytest.mark.parametrize("scheme", ["memory://", "file://"])
def test_any_fsspec_uri(tmp_path: Path, scheme: str) -> None:
    uri = f"{scheme}{tmp_path}/remote"
    with Ledger(uri, pipeline={"transforms": []}, flush_rows=2) as ledger:
        for i in range(5):
            ledger.log(i, record=record(), loss=i)
    other = Ledger(uri)
    assert len(other) == 5
    assert [row["loss"] for row in other.top(n=2)] == [4.0, 3.0]
    assert other.manifest["pipeline"] == {"transforms": []}
    names = [path.rpartition("/")[2] for path in fsspec.core.url_to_fs(uri)[0].ls(other._folder.root, detail=False)]
    assert not [name for name in names if name.startswith(".")]


def test_other_schemas_are_united(tmp_path: Path) -> None:
    """Two processes may disagree on an extra column's type; nothing is lost."""
    for value in (1, 2.5, "x"):
        with Ledger(tmp_path) as ledger:
            ledger.log("a", extra=value)
    assert sorted(row["extra"] for row in Ledger(tmp_path).rows()) == ["1", "2.5", "x"]


# ---- damage ------------------------------------------------------------------------------------------


def test_broken_parts_are_left_out_and_named(tmp_path: Path) -> None:
    with Ledger(tmp_path, flush_rows=1) as ledger:
        for i in range(4):
            ledger.log(i)
    whole, cut, empty, strange = parts(tmp_path)
    cut.write_bytes(cut.read_bytes()[:-100])
    empty.write_bytes(b"")
    pq.write_table(pa.table({"x": [1]}), strange)
    (tmp_path / "notes.parquet").write_text("not ours")
    (tmp_path / ".part-00000-1-ab-000000.parquet.12.tmp").write_text("half")
    reader = Ledger(tmp_path)
    with pytest.warns(UserWarning, match="left out") as seen:
        assert len(reader) == 1
    assert [str(warning.message).split(": ")[0] for warning in seen] == [str(path) for path in (cut, empty, strange)]
    assert [row["sample_id"] for row in reader.rows()] == ["0"]
    assert whole.exists()


def test_damage_inside_a_part_is_found_when_it_is_read(tmp_path: Path) -> None:
    with Ledger(tmp_path, flush_rows=200) as ledger:
        for i in range(2):
            ledger.log([f"{i}-{j}" for j in range(200)], record=record(), loss=np.arange(200) / 7)
    hit = parts(tmp_path)[0]
    data = bytearray(hit.read_bytes())
    footer = int.from_bytes(data[-8:-4], "little") + 8
    data[4 : len(data) - footer] = bytes(len(data) - footer - 4)
    hit.write_bytes(data)
    reader = Ledger(tmp_path)
    assert len(reader) == 400
    with pytest.warns(UserWarning, match=hit.name):
        rows = reader.rows()
    assert {row["sample_id"][0] for row in rows} == {"1"}
    assert len(reader) == 200


def test_wrong_query_is_not_blamed_on_the_parts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.log("a")
    with pytest.raises(duckdb.Error, match="lossy"):
        ledger.sql("select lossy from ledger")
    with pytest.raises(duckdb.Error, match="no rows"):
        ledger.sql("")


def test_newer_format_is_refused(tmp_path: Path) -> None:
    with Ledger(tmp_path, pipeline={}) as ledger:
        ledger.log("a")
    part = parts(tmp_path)[0]
    pq.write_table(pq.read_table(part).replace_schema_metadata({"augury.ledger": "2"}), part)
    with pytest.raises(RecordError, match=r"ledger format 2, but this augury reads formats up to 1; upgrade"):
        len(Ledger(tmp_path))
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 2}))
    with pytest.raises(RecordError, match=r"manifest.json: ledger format 2"):
        Ledger(tmp_path).manifest
    with pytest.raises(RecordError, match=r"manifest.json: ledger format 2"):
        Ledger(tmp_path, pipeline={})


def test_vanished_part_is_not_an_error(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, flush_rows=1)
    ledger.log("a")
    ledger.log("b")
    assert len(ledger) == 2
    parts(tmp_path)[0].unlink()
    assert [row["sample_id"] for row in ledger.rows()] == ["b"]


# ---- replay ------------------------------------------------------------------------------------------


def test_replay_needs_a_record_and_a_sample(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.log(["a", 7], record=[record(), record()])
    ledger.log("none")
    a, seven, none = ledger.rows()
    with pytest.raises(RecordError, match="sample 'none': its row has no record"):
        ledger.replay(none, {})
    with pytest.raises(SampleError, match="source: no sample 'a'"):
        ledger.replay(a, {"b": {}})
    with pytest.raises(SampleError, match="source: sample '7' is 3; return a dict"):
        ledger.replay(seven, {7: 3})


def test_replay_gives_the_same_pixels(tmp_path: Path) -> None:
    import augury as A

    images = {i: np.random.default_rng(i).integers(0, 256, (48, 40, 3), np.uint8) for i in range(4)}
    pipeline = A.ReplayCompose([A.HorizontalFlip(p=0.5), A.OneOf([A.Transpose(), A.VerticalFlip()], p=0.9)], seed=3)
    ledger = Ledger(tmp_path, pipeline=pipeline)
    seen = {}
    for i, image in images.items():
        result = pipeline(image=image, mask=image[..., 0])
        ledger.log(i, record=result["replay"], loss=float(i))
        seen[str(i)] = result
    targets = {i: {"image": image, "mask": image[..., 0]} for i, image in images.items()}
    for row in ledger.top():
        for source in (targets, lambda sample_id: targets[int(sample_id)]):
            again = ledger.replay(row, source)
            assert np.array_equal(again["image"], seen[row["sample_id"]]["image"])
            assert np.array_equal(again["mask"], seen[row["sample_id"]]["mask"])
        assert row["pipeline"] == ledger.manifest["fingerprint"]
    assert ledger.manifest["seed"] == 3


# ---- imports -----------------------------------------------------------------------------------------


def test_importing_the_ledger_imports_no_engine() -> None:
    code = "import sys, augury.ledger; print([m for m in ('pyarrow', 'duckdb', 'fsspec', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_conditions_on_losses_with_nan_are_kept_to(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.log(["a", "b", "c"], loss=[1.0, math.nan, 3.0])
    for where in ("not isnan(loss)", "isfinite(loss)", "loss < 4", "loss < 'inf'"):
        assert [row["sample_id"] for row in ledger.rows(where)] == ["a", "c"], where
    assert [row["sample_id"] for row in ledger.rows("loss > 4")] == ["b"]
