"""Every drawn value is a column of the view `drawn`, equal to its entry in `params`, and in no other view."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.errors import SampleError


def ledger(folder: Path, pipelines: tuple[Any, ...]) -> A.Ledger:
    image = np.zeros((24, 24, 3), np.uint8)
    log = A.Ledger(folder)
    for pipeline in pipelines:
        for i in range(30):
            log.log(str(i), record=pipeline(image=image, key=(0, i))["replay"], loss=float(i), epoch=0)
        log.log("bare", loss=0.0)
        log.flush()
    return log


def test_a_column_per_value_equals_the_map(tmp_path: Path) -> None:
    one = A.ReplayCompose([A.RandomCrop(8, 8, p=0.5), A.OneOf([A.Rotate(p=1), A.Blur(p=1)], p=1)], seed=1)
    other = A.ReplayCompose([A.OneOf([A.Rotate(p=1), A.RandomGamma(p=1)], p=1)], seed=2)
    log = ledger(tmp_path, (one, other))
    names = {name for row in log.rows("record is not null") for name in row["params"]}
    assert {"OneOf/Rotate.angle", "OneOf/Blur.kernel", "OneOf/RandomGamma.gamma"} < names
    table = log.sql("select * from drawn")
    assert set(table.column_names) == set(log.columns) | names
    for name in names:
        quoted = f"'{name}'"
        differ = log.sql(f'select count(*) as n from drawn where "{name}" is distinct from params[{quoted}]')
        assert differ["n"].to_pylist() == [0]
    assert log.sql("select * from drawn where sample_id = 'bare'")["OneOf/Rotate.angle"].null_count == 2


def test_rows_and_top_can_be_asked_for_drawn_values_and_do_not_return_them(tmp_path: Path) -> None:
    log = ledger(tmp_path, (A.ReplayCompose([A.Rotate(p=0.5)], seed=1),))
    expected = [row for row in log.rows() if row["params"] and row["params"].get("Rotate.angle", -1) > 20]
    assert 0 < len(expected) < 15
    assert log.rows('"Rotate.angle" > ?', [20]) == expected
    top = log.top("loss", 100, '"Rotate.angle" > 20')
    assert sorted(row["sample_id"] for row in top) == sorted(row["sample_id"] for row in expected)
    assert set(top[0]) == set(log.columns) and not any("Rotate" in name for name in log.columns)


def test_an_empty_ledger_has_the_view_too(tmp_path: Path) -> None:
    assert A.Ledger(tmp_path).sql("select count(*) as n from drawn")["n"].to_pylist() == [0]


def test_own_columns_cannot_take_such_names(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match="the ledger's own"):
        A.Ledger(tmp_path).log("a", **{"param:Rotate.angle": 1.0})
