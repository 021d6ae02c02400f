from __future__ import annotations

from urllib.parse import parse_qs

import pytest

import augury as A
from augury.explorer.filters import Filters

COLUMNS = ["sample_id", "epoch", "loss", 'odd"name', "label"]


@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(rank="epoch", order="asc", step="OneOf:2/Rotate", without="Blur"),
        Filters(param="A.b[0]", low=-1.25, high=1e-9, magnitude=True, column='odd"name', value=("6", "9")),
        Filters(since=0, until=3, sample="a&b=<c>"),
    ],
)
def test_an_address_holds_them(filters: Filters) -> None:
    assert Filters.read(parse_qs(filters.url().lstrip("?")), COLUMNS) == filters


def test_they_choose_rows(ledger: A.Ledger) -> None:
    for filters in (
        Filters(step="Rotate", param="Rotate.angle", low=50, magnitude=True),
        Filters(without="Rotate", column="label", value=("1",), since=1, until=2),
        Filters(sample="<script>"),
    ):
        plain, fast = (
            {
                (row["sample_id"], row["epoch"])
                for row in ledger.sql(f"from drawn where {condition}", parameters).to_pylist()
            }
            for condition, parameters in (filters.condition(), filters.condition(["Rotate.angle"]))
        )
        assert plain and plain == fast
        for row in ledger.rows():
            angle = row["params"].get("Rotate.angle")
            fits = (
                (not filters.step or angle is not None)
                and (not filters.without or angle is None)
                and (filters.low is None or (angle is not None and abs(angle) >= filters.low))
                and (not filters.value or str(row["label"]) in filters.value)
                and (filters.since is None or 1 <= row["epoch"] <= 2)
                and filters.sample in row["sample_id"]
            )
            assert ((row["sample_id"], row["epoch"]) in plain) == fits


def test_findings_say_where() -> None:
    where = {"path": "Rotate", "param": "angle", "low": 60.0, "magnitude": True, "label": [6, 9], "epoch": 3}
    made = Filters.of(where, COLUMNS)
    assert made == Filters(
        param="Rotate.angle", low=60.0, magnitude=True, column="label", value=("6", "9"), since=3, until=3
    )
    assert Filters.of({"path": "Rotate", "sample_id": "x"}, COLUMNS) == Filters(step="Rotate", sample="x")
