"""The symmetries of the square: exact for every target, dtype and size."""

from __future__ import annotations

from collections.abc import Sequence

from augury.fields import Maybe, Option, Plain, Probability
from augury.ops import D4 as Symmetry
from augury.ops import D4Element, Op
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import GeometricTransform, Params

__all__ = ["D4", "HorizontalFlip", "RandomRotate90", "SquareSymmetry", "TimeReverse", "Transpose", "VerticalFlip"]

ELEMENTS: tuple[D4Element, ...] = ("e", "r90", "r180", "r270", "v", "hvt", "h", "t")
_SYMMETRY: dict[str, tuple[Op, ...]] = {e: (Symmetry(e),) if e != "e" else () for e in ELEMENTS}
TURNS: tuple[D4Element, ...] = ELEMENTS[:4]


class HorizontalFlip(GeometricTransform):
    """Mirror left and right."""

    p: Probability = Probability(default=0.5)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return _SYMMETRY["h"]


class TimeReverse(HorizontalFlip):
    """Mirror left and right: a spectrogram backwards in time."""


class VerticalFlip(GeometricTransform):
    """Mirror top and bottom."""

    p: Probability = Probability(default=0.5)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return _SYMMETRY["v"]


class Transpose(GeometricTransform):
    """Swap rows and columns."""

    p: Probability = Probability(default=0.5)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return _SYMMETRY["t"]


class D4(GeometricTransform):
    """One of the eight symmetries of the square, each equally likely.

    group_element: always this one: e (nothing), r90 r180 r270 (counter-clockwise), h v (mirror), t hvt (transpose,
    anti-transpose).
    """

    p: Probability = Probability(default=1, kw_only=True)
    group_element: Maybe = Maybe(Option(options=ELEMENTS), default=None)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"group_element": self.group_element or ELEMENTS[stream.integer(0, 7)]}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return _SYMMETRY[params["group_element"]]


class SquareSymmetry(D4):
    """One of the eight symmetries of the square, each equally likely: D4 by another name.

    group_element: always this one, as in D4.
    """

    p: Probability = Probability(default=1, kw_only=True)
    group_element: Maybe = Maybe(Option(options=ELEMENTS), default=None)


def _turns(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    rule = f"pass a non-empty list of {', '.join(TURNS)}, or None"
    if not isinstance(value, (list, tuple)) or not value or any(turn not in TURNS for turn in value):
        raise ValueError(rule)
    return tuple(value)


class RandomRotate90(D4):
    """Turn counter-clockwise by 0, 90, 180 or 270 degrees, each equally likely.

    group_element: always this turn. group_elements: choose among these turns only.
    """

    p: Probability = Probability(default=1, kw_only=True)
    group_element: Maybe = Maybe(Option(options=TURNS), default=None)
    group_elements: Plain = Plain(
        default=None,
        check=_turns,
        shape={"type": ["array", "null"], "items": {"enum": list(TURNS)}},
        examples=(["r90", "r270"],),
    )

    def draw(self, sig: Signature, stream: Stream) -> Params:
        among = self.group_elements or TURNS
        return {"group_element": self.group_element or among[stream.integer(0, len(among) - 1)]}
