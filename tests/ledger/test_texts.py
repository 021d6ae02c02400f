from __future__ import annotations

import enum
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from augury.ledger.columns import Records
from augury.ledger.texts import encode, text_of

calm = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def nones(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(nones, value.values()))
    return sum(map(nones, value)) if isinstance(value, list) else int(value is None)


@calm
@given(st.dictionaries(st.text(), values))
def test_texts_are_those_of_json(record: dict[str, Any]) -> None:
    assert text_of(record, nones(record)) == encode(record)


@calm
@given(st.floats(1e-12, 1e-3) | st.floats(1e14, 1e24) | st.floats())
def test_numbers_are_written_as_json_writes_them(value: float) -> None:
    for record in ({"a": value}, {"a": [value, 1]}, {"a": [[1, value]]}):
        assert text_of(record, 0) == json.dumps(record, separators=(",", ":"))


class Colour(enum.StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    "value",
    [np.float64(0.5), Colour.RED, "\x7f", "\ud800", "é", 2**64, -(2**70), {1: 2}, (1, (2.5,)), 1e-5, 1e-7, "e-5,"],
)
def test_odd_values(value: Any) -> None:
    assert text_of({"a": value}, 0) == encode({"a": value})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_not_taken_for_none(value: float) -> None:
    records = Records()
    steps = [{"path": "A", "status": "applied", "params": {"fill": None, "x": value, "y": [[value]]}}]
    record = {"seed": None, "steps": steps}
    records.add([record, {**record, "steps": []}])
    assert records.texts[0] == encode(record)
    assert records.texts[1] == '{"seed":null,"steps":[]}'


def test_what_json_cannot_hold() -> None:
    with pytest.raises(TypeError):
        text_of({"a": object()}, 0)
