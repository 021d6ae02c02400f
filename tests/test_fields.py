"""One declaration, many readers: conversions, refusals that say everything, schemas."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import augury as A
from augury import fields
from augury.errors import FieldError
from augury.fields import REQUIRED, Field, frozen, plain
from augury.transform import REGISTRY, Transform


def named(field: Field[Any, Any], name: str = "limit") -> Field[Any, Any]:
    field.name = name
    return field


def pair(value: Any) -> tuple[float, float]:
    if value != "both":
        raise ValueError("pass 'both'")
    return (0.0, 1.0)


ACCEPTED: list[tuple[Field[Any, Any], Any, Any]] = [
    (fields.Number(), 3, 3.0),
    (fields.Number(), np.float32(0.5), 0.5),
    (fields.Number(), Fraction(1, 4), 0.25),
    (fields.Number(low=0, high=1), 1, 1.0),
    (fields.Integer(), 3.0, 3),
    (fields.Integer(), np.int16(7), 7),
    (fields.Probability(), 0, 0.0),
    (fields.Limits(), 5, (-5.0, 5.0)),
    (fields.Limits(), -5, (-5.0, 5.0)),
    (fields.Limits(), [1, 2], (1.0, 2.0)),
    (fields.Limits(), np.array([1, 2]), (1.0, 2.0)),
    (fields.Limits(scalar="fixed"), 0.3, (0.3, 0.3)),
    (fields.Limits(scalar="factor", low=0), 0.2, (0.8, 1.2)),
    (fields.Limits(scalar="factor", low=0), 3, (0.0, 4.0)),
    (fields.Limits(scalar=1.0), 0.5, (0.5, 1.0)),
    (fields.Limits(scalar=1.0), 3, (1.0, 3.0)),
    (fields.IntLimits(), 4, (-4, 4)),
    (fields.IntLimits(scalar="fixed"), (2, 9), (2, 9)),
    (fields.Size(), [3, 4.0], (3, 4)),
    (fields.Flag(), np.bool_(True), True),
    (fields.Option(options=("a", 1)), "a", "a"),
    (fields.Interpolation(), 2, 2),
    (fields.Interpolation(resize=True), 6, 6),
    (fields.Border(), 4, 4),
    (fields.Interpolation(volume=True), 1, 1),
    (fields.Border(volume=True), 1, 1),
    (fields.Fill(), 0.5, 0.5),
    (fields.Fill(), [1, 2, 3], (1, 2, 3)),
    (fields.Fill(), np.array([1, 2]), (1, 2)),
    (fields.Fill(words=["random"]), "random", "random"),
    (fields.Fill(nullable=True), None, None),
    (fields.Maybe(fields.Number()), None, None),
    (fields.Maybe(fields.Number()), 2, 2.0),
    (fields.Plain(check=pair), "both", (0.0, 1.0)),
    (fields.OddLimits(scalar=3), 7, (3, 7)),
    (fields.Fractions(), 0.3, (0.3, 0.3)),
    (fields.Lengths(), (0.1, 1), (0.1, 1.0)),
    (fields.Lengths(), [2, 8], (2, 8)),
    (fields.Listed(fields.Integer()), [1, 2.0], (1, 2)),
    (fields.Listed(fields.Integer(), empty=True), [], ()),
    (fields.Listed(fields.Integer(), alone=True), 3, 3),
    (fields.Listed(fields.Integer(), alone=True, wrapped=True), 3, (3,)),
    (fields.Listed(fields.Number(), counts=(2, 4)), np.array([1, 2]), (1.0, 2.0)),
    (fields.Name(), "box", "box"),
    (fields.Keyed(inner={"a": fields.Number(), "b": fields.Flag()}), {"b": True, "a": 1}, {"a": 1.0, "b": True}),
    (fields.Axes(fields.Limits(), missing=1), {"y": 2}, {"x": (1.0, 1.0), "y": (-2.0, 2.0)}),
    (fields.Axes(fields.IntLimits(scalar="fixed")), 2, {"x": (2, 2), "y": (2, 2)}),
    (fields.Axes(fields.Limits(), together=True), 2, (-2.0, 2.0)),
    (fields.Sides(fields.IntLimits(scalar="fixed")), -3, -3),
    (fields.Sides(fields.IntLimits(scalar="fixed")), [-3, 4], (-3, 4)),
    (fields.Sides(fields.IntLimits(scalar="fixed")), [1, [2, 3], 4, 5], (1, (2, 3), 4, 5)),
]


@pytest.mark.parametrize(("field", "value", "stored"), ACCEPTED)
def test_accepted(field: Field[Any, Any], value: Any, stored: Any) -> None:
    out = named(field).accept(value, "Rotate")
    assert out == stored and type(out) is type(stored)
    if isinstance(out, tuple):
        assert [type(v) for v in out] == [type(v) for v in stored]
    if not isinstance(field, fields.Plain):
        assert field.accept(frozen(json.loads(json.dumps(plain(out)))), "Rotate") == out


REFUSED: list[tuple[Field[Any, Any], Any, str]] = [
    (fields.Number(), "3", "pass a finite number"),
    (fields.Number(), True, "pass a finite number"),
    (fields.Number(), None, "pass a finite number"),
    (fields.Number(), math.nan, "pass a finite number"),
    (fields.Number(), math.inf, "pass a finite number"),
    (fields.Number(), np.zeros(3), "pass a finite number"),
    (fields.Number(), Decimal("NaN"), "pass a finite number"),
    (fields.Number(low=0), -1, "at least 0"),
    (fields.Number(low=0, open_low=True), 0, "above 0"),
    (fields.Number(high=2), 3, "at most 2"),
    (fields.Number(), 1j, "pass a finite number"),
    (fields.Number(), 10**309, "pass a finite number"),
    (fields.Number(), [1], "pass a finite number"),
    (fields.Integer(), 2.5, "pass a finite integer"),
    (fields.Integer(low=1), 0, "at least 1"),
    (fields.Probability(), -0.1, "at least 0 and at most 1"),
    (fields.Probability(), 1.1, "at least 0 and at most 1"),
    (fields.Probability(), math.nan, "at least 0 and at most 1"),
    (fields.Limits(), (2, 1), "did you mean (1.0, 2.0)?"),
    (fields.Limits(), (1, 2, 3), "pass two numbers (low, high) or one number"),
    (fields.Limits(), (), "pass two numbers (low, high) or one number"),
    (fields.Limits(), (1, "2"), "pass a finite number"),
    (fields.Limits(), "ab", "pass a finite number"),
    (fields.Limits(), {1: 2, 3: 4}, "pass a finite number"),
    (fields.Limits(low=0), 4, "at least 0"),
    (fields.Limits(high=1), (0, 2), "at most 1"),
    (fields.Limits(), (math.nan, 1), "pass a finite number"),
    (fields.IntLimits(), (0.5, 2), "pass a finite integer"),
    (fields.Size(), 4, "two integers (height, width)"),
    (fields.Size(), (0, 4), "each at least 1"),
    (fields.Size(), (4, 4.5), "two integers (height, width)"),
    (fields.Size(), "44", "two integers (height, width)"),
    (fields.Flag(), 1, "pass True or False"),
    (fields.Flag(), "yes", "pass True or False"),
    (fields.Option(options=("a", "b")), "c", "pass one of 'a', 'b'"),
    (fields.Option(options=(0, 1)), True, "pass one of 0, 1"),
    (fields.Option(options=("a",)), np.zeros(3), "pass one of 'a'"),
    (fields.Interpolation(), 6, "pass one of 0, 1, 2, 3, 4"),
    (fields.Border(), 5, "pass one of 0, 1, 2, 3, 4"),
    (fields.Interpolation(volume=True), 2, "pass one of 0, 1"),
    (fields.Border(volume=True), 2, "pass one of 0, 1"),
    (fields.Fill(), "random", "pass a number, one number per channel"),
    (fields.Fill(words=["random"]), "blue", "or one of 'random'"),
    (fields.Fill(), None, "pass a number"),
    (fields.Fill(), (), "one number per channel"),
    (fields.Fill(), (1, "a"), "one number per channel"),
    (fields.Fill(), math.nan, "pass a number"),
    (fields.Maybe(fields.Size()), 3, "each at least 1, or None"),
    (fields.Plain(check=pair), "one", "pass 'both'"),
    (fields.Fractions(), (0.5, 1.5), "at most 1"),
    (fields.Lengths(), (0.5, 1.5), "or whole pixels as integers"),
    (fields.Lengths(), (3, 2), "fractions of the image in [0, 1]"),
    (fields.Listed(fields.Integer()), [], "pass a list of values"),
    (fields.Listed(fields.Integer()), 3, "pass a list of values"),
    (fields.Listed(fields.Integer(), counts=(2, 4)), [1, 2, 3], "pass a list of 2 or 4 values"),
    (fields.Listed(fields.Integer(low=1), alone=True), [0], "at least 1"),
    (fields.Listed(fields.Integer(low=1), alone=True), "3", "pass a finite integer"),
    (fields.Name(), "", "pass a name"),
    (fields.Name(), 3, "pass a name"),
    (fields.Keyed(inner={"a": fields.Number()}), {"b": 1}, "pass a dict of a"),
    (fields.Keyed(inner={"a": fields.Number(low=0)}), {"a": -1}, "a: pass a finite number at least 0"),
    (fields.Axes(fields.Limits()), {"z": 1}, "a dict with 'x', 'y' or both"),
    (fields.Sides(fields.IntLimits()), (1, 2, 3), "four of these (top, right, bottom, left)"),
    (fields.Sides(fields.IntLimits()), 0.5, "pass a finite integer"),
]


@pytest.mark.parametrize(("field", "value", "remedy"), REFUSED, ids=range(len(REFUSED)))
def test_refused(field: Field[Any, Any], value: Any, remedy: str) -> None:
    with pytest.raises(FieldError) as caught:
        named(field).accept(value, "Rotate")
    text = str(caught.value)
    assert text.startswith("Rotate.limit: got ")
    assert remedy in text
    assert isinstance(caught.value, ValueError)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_long_values_are_shown_short() -> None:
    with pytest.raises(FieldError) as caught:
        named(fields.Number()).accept("x" * 10_000, "Rotate")
    assert len(str(caught.value)) < 200


def test_plain_and_frozen_are_inverse() -> None:
    value = {"a": (1, 2.5, ("x", None)), "b": np.float32(0.5), "c": np.arange(3), "d": True}
    data = plain(value)
    assert json.loads(json.dumps(data)) == data == {"a": [1, 2.5, ["x", None]], "b": 0.5, "c": [0, 1, 2], "d": True}
    assert frozen(data) == {"a": (1, 2.5, ("x", None)), "b": 0.5, "c": (0, 1, 2), "d": True}
    with pytest.raises(ValueError, match="not plain JSON data"):
        plain({"a": object()})


# ---- on a transform --------------------------------------------------------------------------------------


class Tilt(Transform, register=False):
    angle_range: fields.Limits = fields.Limits(default=(-90, 90), unit="degree", alias=("limit", "angle"))
    size: fields.Size = fields.Size()
    p: fields.Probability = fields.Probability(default=0.5)


def test_constructor() -> None:
    tilt = Tilt(30, (4, 5))
    assert (tilt.angle_range, tilt.size, tilt.p) == ((-30.0, 30.0), (4, 5), 0.5)
    assert Tilt(limit=30, size=(4, 5)) == Tilt(angle=30, size=(4, 5)) == tilt
    assert hash(Tilt(30, (4, 5))) == hash(tilt)
    assert repr(tilt) == "Tilt(angle_range=(-30.0, 30.0), size=(4, 5), p=0.5)"
    assert tilt.replace(p=1).p == 1.0
    assert Tilt.fields["size"].default is REQUIRED and Tilt.fields["size"].required
    assert repr(REQUIRED) == "REQUIRED"


@pytest.mark.parametrize(
    ("args", "kwargs", "pieces"),
    [
        ((), {}, ["Tilt.size: missing", "needs size"]),
        ((1, (2, 2), 0.5, 4), {}, ["Tilt: got 4 positional arguments", "angle_range, size, p"]),
        ((), {"size": (2, 2), "sise": 3}, ["Tilt.sise: got 3", "unknown argument", "did you mean 'size'?"]),
        ((), {"size": (2, 2), "zzz": 3}, ["Tilt.zzz: got 3", "known: angle_range, size, p"]),
        ((4,), {"size": (2, 2), "limit": 3}, ["Tilt.angle_range: got 3 as a second value", "pass it once"]),
        ((), {"size": (2, 2), "limit": 3, "angle": 4}, ["Tilt.angle_range: got 4 as a second value"]),
        ((), {"size": (2, 2), "p": -1}, ["Tilt.p: got -1", "at least 0"]),
    ],
)
def test_bad_construction(args: Any, kwargs: Any, pieces: list[str]) -> None:
    with pytest.raises(FieldError) as caught:
        Tilt(*args, **kwargs)
    assert all(piece in str(caught.value) for piece in pieces), caught.value


def test_transforms_are_frozen() -> None:
    tilt = Tilt(size=(2, 2))
    with pytest.raises(FieldError, match=r"^Tilt.p: transforms are frozen; .*replace"):
        tilt.p = 1


def test_schema() -> None:
    schema = Tilt.schema()
    assert schema["required"] == ["size"] and schema["additionalProperties"] is False
    assert schema["properties"]["angle_range"] == {
        "type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2, "default": [-90, 90],
        "unit": "degree", "aliases": ["limit", "angle"],
    }  # fmt: skip
    assert schema["properties"]["p"] == {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5}
    assert fields.Number(low=0, open_low=True).schema() == {"type": "number", "exclusiveMinimum": 0}
    assert fields.Maybe(fields.Flag()).schema() == {"anyOf": [{"type": "boolean"}, {"type": "null"}], "default": None}


def test_schema_of_fields_of_fields() -> None:
    whole = {"type": "integer"}
    assert fields.Listed(fields.Integer()).form() == {"type": "array", "items": whole, "minItems": 1}
    assert fields.Listed(fields.Integer(), empty=True).form() == {"type": "array", "items": whole}
    pair = {"type": "array", "items": whole, "minItems": 2, "maxItems": 2}
    assert fields.Listed(fields.Integer(), counts=(2,), alone=True).form() == {"anyOf": [whole, pair]}
    assert fields.Keyed(inner={"a": fields.Integer()}).form()["properties"] == {"a": whole}
    assert fields.Sides(fields.IntLimits()).form()["anyOf"][0] == whole
    assert fields.Axes(fields.IntLimits()).form()["anyOf"][:2] == [whole, pair]
    assert fields.Limits(default=(0, 1), draws="angle").schema()["draws"] == "angle"


def test_a_flag_of_numpy_is_stored_as_a_python_bool() -> None:
    assert type(named(fields.Flag()).accept(np.True_, "X")) is bool


@pytest.mark.parametrize("name", sorted(n for n in REGISTRY if n in A.__all__ and n != "Lambda"))
def test_every_catalogue_transform_refuses_bad_arguments_by_name(name: str) -> None:
    cls = REGISTRY[name]
    for field in cls.fields.values():
        with pytest.raises(FieldError, match=rf"{name}\.{field.name}: got <object"):
            cls(**{**{n: _any(f) for n, f in cls.fields.items() if f.required}, field.name: object()})
    with pytest.raises(FieldError, match=rf"{name}\.no_such: got 1; unknown argument"):
        cls(no_such=1)
    for p in (-0.1, 1.5, math.nan, "0.5", None):
        with pytest.raises(FieldError, match=rf"{name}\.p: got "):
            cls(**{**{n: _any(f) for n, f in cls.fields.items() if f.required}, "p": p})


def _any(field: Field[Any, Any]) -> Any:
    """A value that a required field accepts."""
    for value in (8, (8, 8), [[4, 8]], "uint8", *getattr(field, "examples", ())):
        try:
            field.convert(value)
        except ValueError:
            continue
        return value
    raise AssertionError(f"{field.name}: add an example")
