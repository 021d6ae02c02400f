"""Many rows replayed in one process; tests/ledger/test_ray.py has the same by Ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.errors import FieldError, RecordError
from tests.samples import digest, image


def source(sample_id: str) -> dict[str, Any]:
    return {"image": image(seed=int(sample_id))}


def test_rows_are_replayed_in_order_and_one_at_a_time(tmp_path: Path) -> None:
    pipeline = A.ReplayCompose([A.Rotate(p=1), A.GaussNoise(p=0.5)], seed=1)
    ledger, seen = A.Ledger(tmp_path), []
    for i in range(6):
        result = pipeline(**source(str(i)), key=(0, i))
        seen.append(digest(result["image"]))
        ledger.log(str(i), record=result["replay"], loss=float(-i))
    rows = ledger.top("loss", 6)
    assert [digest(one["image"]) for one in A.replay_rows(rows, source)] == seen
    asked: list[str] = []

    def noted(sample_id: str) -> dict[str, Any]:
        asked.append(sample_id)
        return source(sample_id)

    made = A.replay_rows(rows, noted, then=lambda row, result: (row["sample_id"], int(np.sum(result["image"]))))
    assert next(made)[0] == "0" and asked == ["0"]


def test_bad_rows_and_engines_are_named() -> None:
    with pytest.raises(RecordError, match="sample 'a': its row has no record"):
        next(A.replay_rows([{"sample_id": "a", "record": None}], source))
    with pytest.raises(FieldError, match="pass 'ray' or None"):
        A.replay_rows([], source, engine="spark")  # type: ignore[arg-type]
