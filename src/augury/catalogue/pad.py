"""Borders around the image, and where an image stands in a larger frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from augury import ops
from augury.errors import FieldError
from augury.fields import Border, Fill, Integer, Maybe, Option, Plain, number
from augury.ops import Op
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import GeometricTransform, Params

__all__ = ["Pad", "PadIfNeeded"]

POSITIONS = ("center", "top_left", "top_right", "bottom_left", "bottom_right", "random")


def place(position: str, height: int, width: int, stream: Stream) -> tuple[int, int]:
    """Rows above and columns left of an image that leaves `height` rows and `width` columns of its frame free."""
    if position == "center":
        return height // 2, width // 2
    if position == "random":
        return stream.integer(0, height), stream.integer(0, width)
    return height if position.startswith("bottom") else 0, width if position.endswith("right") else 0


def padded(params: Params, top: int, bottom: int, left: int, right: int) -> Sequence[Op]:
    """The op that adds borders with the border mode and fill of `params`, if there is anything to add."""
    if not (top or bottom or left or right):
        return ()
    return (ops.Pad(top, bottom, left, right, params.get("border_mode", 0), params["fill"], params["fill_mask"]),)


def _padding(value: Any) -> int | tuple[int, ...]:
    rule = "pass an integer, (x, y) or (left, top, right, bottom), in pixels, each at least 0"
    many = hasattr(value, "__len__") and not isinstance(value, (str, dict))
    if many and len(value) not in (2, 4):
        raise ValueError(rule)
    sides = [number(side, rule) for side in (value if many else (value,))]
    if any(side != int(side) or side < 0 for side in sides):
        raise ValueError(rule)
    return tuple(int(side) for side in sides) if many else int(sides[0])


class Pad(GeometricTransform, p=1):
    """Add borders of fixed width.

    padding: pixels; a number for all sides, (x, y) for both sides of each axis, or (left, top, right, bottom).
    border_mode: what the new pixels show. fill, fill_mask: their value where border_mode is 0 (constant), in the
    image's own range.
    """

    padding: Plain = Plain(
        default=0,
        check=_padding,
        shape={
            "anyOf": [
                {"type": "integer", "minimum": 0},
                *(
                    {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": n, "maxItems": n}
                    for n in (2, 4)
                ),
            ]
        },
        examples=(3, (1, 2), (1, 2, 3, 4)),
        unit="pixel",
        keep=True,
    )
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=0)
    border_mode: Border = Border(default=0)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        padding = params["padding"]
        sides = (padding,) * 4 if isinstance(padding, int) else (*padding, *padding)[:4]
        left, top, right, bottom = sides
        return padded(params, top, bottom, left, right)


class PadIfNeeded(GeometricTransform, p=1):
    """Add borders until height and width reach a minimum, or a multiple of a divisor.

    min_height, min_width: pixels; pad_height_divisor, pad_width_divisor: pixels; for each axis exactly one of the two,
    the other None. position: where the image stands in the larger frame; an odd row or column goes to the bottom or
    right. border_mode, fill, fill_mask: as in Pad.
    """

    min_height: Maybe = Maybe(Integer(low=1, unit="pixel"), default=1024)
    min_width: Maybe = Maybe(Integer(low=1, unit="pixel"), default=1024)
    pad_height_divisor: Maybe = Maybe(Integer(low=1, unit="pixel"), default=None)
    pad_width_divisor: Maybe = Maybe(Integer(low=1, unit="pixel"), default=None)
    position: Option = Option(default="center", options=POSITIONS)
    border_mode: Border = Border(default=0)
    fill: Fill = Fill(default=0)
    fill_mask: Fill = Fill(default=0)

    def check(self) -> None:
        for axis in ("height", "width"):
            least, divisor = getattr(self, f"min_{axis}"), getattr(self, f"pad_{axis}_divisor")
            if (least is None) == (divisor is None):
                raise FieldError(
                    f"PadIfNeeded.min_{axis}: got {least} with pad_{axis}_divisor={divisor}; pass one of them, "
                    "and None for the other"
                )

    def draw(self, sig: Signature, stream: Stream) -> Params:
        height, width = sig.shape[:2]
        down = _missing(height, self.min_height, self.pad_height_divisor)
        across = _missing(width, self.min_width, self.pad_width_divisor)
        top, left = place(self.position, down, across, stream)
        return {"pad_top": top, "pad_bottom": down - top, "pad_left": left, "pad_right": across - left}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return padded(params, params["pad_top"], params["pad_bottom"], params["pad_left"], params["pad_right"])


def _missing(size: int, least: int | None, divisor: int | None) -> int:
    return max(0, least - size) if least is not None else -size % divisor  # type: ignore[operator]
