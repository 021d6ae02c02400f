"""What a class need not write down: where inherited fields stand, what ranges draw, which op a step lowers to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

import augury as A
from augury import fields, ops
from augury.ops import Op
from augury.rng import State, Stream, seeded
from augury.sample import Signature
from augury.transform import REGISTRY, ImageTransform, Params, Transform

SIG = Signature((8, 9, 3))


def stream(key: int = 0) -> Stream:
    return Stream(State(seeded(137), (key,)), b"here")


class Speckle(ImageTransform, register=False):
    """A range of each kind, in the order in which they are drawn."""

    sigma_range: fields.Limits = fields.Limits(default=(0.25, 0.5), draws="sigma")
    fixed_range: fields.Limits = fields.Limits(default=(1, 2), keep=True)
    count_range: fields.IntLimits = fields.IntLimits(default=(3, 9), draws="count")
    size_range: fields.OddLimits = fields.OddLimits(default=(2, 8), draws="size")

    draws_key = True
    lowers_to = ops.ShotNoise, "key", "sigma"


class Often(Speckle, register=False, p=0.9):
    """Another default of an inherited field."""

    share: fields.Number = fields.Number(default=1.0)


class Middle(ImageTransform, register=False):
    """p stands where the class puts it."""

    first: fields.Number = fields.Number(default=1.0)
    p: fields.Probability = fields.Probability(default=0.25, kw_only=True)
    last: fields.Number = fields.Number(default=1.0)


class Own(Speckle, register=False):
    """A class may add to what is drawn, and lower by itself."""

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {**super().draw(sig, stream), "height": sig.height}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.BoxBlur(params["size"]), ops.BoxBlur(params["height"]))


class Again(Own, register=False):
    """The nearer of `lower` and `lowers_to` is meant."""

    lowers_to = ops.BoxBlur, "size"


def test_ranges_are_drawn_in_the_order_of_the_fields() -> None:
    drawn = Speckle().draw(SIG, stream())
    by_hand = stream()
    assert drawn == {
        "sigma": by_hand.uniform(0.25, 0.5),
        "count": by_hand.integer(3, 9),
        "size": fields.odd(by_hand, 2, 8),
        "key": by_hand.key(),
    }
    assert list(drawn) == ["sigma", "count", "size", "key"]
    assert Speckle(sigma_range=(7, 7)).draw(SIG, stream())["sigma"] == 7.0
    sizes = {Speckle().draw(SIG, stream(key))["size"] for key in range(50)}
    assert sizes == {3, 5, 7, 9}


def test_inherited_fields_stand_last_unless_a_class_places_them() -> None:
    assert list(Speckle.fields) == ["sigma_range", "fixed_range", "count_range", "size_range", "p"]
    assert list(Often.fields) == ["sigma_range", "fixed_range", "count_range", "size_range", "share", "p"]
    assert list(Middle.fields) == ["first", "p", "last"]
    assert Middle(1, 0.5, 2).p == 0.5 and Often(0, 0, 1, 3, 1, 0.75).p == 0.75


def test_a_class_may_give_p_another_default() -> None:
    assert (Speckle().p, Often().p, Often(p=0.1).p, Middle().p) == (0.5, 0.9, 0.1, 0.25)
    assert "p=0.9" in repr(Often()) and Often.schema()["properties"]["p"]["default"] == 0.9
    with pytest.raises(A.FieldError, match=r"Often\.p: got 2; pass a finite number"):
        Often(p=2)


def test_the_op_of_a_step() -> None:
    params = {"key": "0" * 24, "sigma": 0.5, "count": 3, "size": 5, "height": 8}
    assert Speckle.lower(params, SIG) == (ops.ShotNoise("0" * 24, 0.5),)
    assert Own.lower(params, SIG) == (ops.BoxBlur(5), ops.BoxBlur(8))
    assert Again.lower(params, SIG) == (ops.BoxBlur(5),)


def test_a_class_may_add_to_what_is_drawn() -> None:
    assert Own().draw(SIG, stream()) == {**Speckle().draw(SIG, stream()), "height": 8}


@pytest.mark.parametrize(("transform", "nothing"), [(A.HorizontalFlip(), True), (A.Solarize(), False), (A.D4(), False)])
def test_who_draws(transform: Transform, nothing: bool) -> None:
    assert transform.draws_nothing is nothing


@pytest.mark.parametrize("name", sorted(name for name, cls in REGISTRY.items() if name in A.catalogue.__all__))
def test_what_a_field_says_it_draws_is_drawn(name: str) -> None:
    cls = REGISTRY[name]
    declared = {field.draws: key for key, field in cls.fields.items() if field.draws}
    if not declared:
        return
    needed = {key: 8 for key, field in cls.fields.items() if field.required}
    image = np.zeros((40, 40, 3), np.uint8)
    for key in range(4):
        transform = cls(**{**needed, "p": 1})
        (_, params), *_ = A.ReplayCompose([transform], seed=key, save_applied_params=True)(image=image)[
            "applied_transforms"
        ]
        for param, field in declared.items():
            low, high = getattr(transform, field)
            if isinstance(cls.fields[field], fields.OddLimits):
                low, high = 3, max(high | 1, 3)
            assert low <= params[param] <= high, (field, param)
