"""Marks that people and devices leave on images."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

from augury import ops
from augury.errors import FieldError, shown
from augury.fields import IntLimits, Limits, Maybe, Numbers, Option, Probability, Words
from augury.ops import Op
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import ImageTransform, Params

__all__ = ["AnnotationArtifacts"]

ELEMENTS = ("text", "rectangle", "arrow", "line", "callout")
STYLES = ("solid", "dashed", "dotted")
_LETTERS = string.ascii_uppercase + string.digits
# Width of a character and height of text, pixels at font scale 1.
_CHARACTER, _TEXT = 19, 22


class AnnotationArtifacts(ImageTransform):
    """Draw marks as viewers and annotators burn them in: text, rectangles, arrows, lines and callouts.

    element_types, element_probabilities: which, with which weight. count_range: how many. text_length_range: letters.
    font_scale_range: 1 is about 22 pixels high. thickness_range: pixels. size_ratio_range: sides of rectangles, as
    fractions of the image's. line_length_ratio_range: of lines and arrows, as fractions of the shorter side;
    line_length_range: the same in pixels, which wins. tip_length_range: of arrows, as a fraction of their length.
    corner_prob: chance that text stands in a corner. line_geometry: "axis_aligned", "random_angle" or
    "random_endpoints". line_styles, line_style_probabilities: "solid", "dashed", "dotted".
    Colours: random with random_color_prob; else from color_palette (0..255, with color_palette_probabilities) if there
    is one; else black or white with black_white_prob, or a full red, green, blue, yellow, cyan or magenta.
    """

    element_types: Words = Words(default=ELEMENTS, options=ELEMENTS)
    element_probabilities: Numbers = Numbers(default=(0.35, 0.2, 0.2, 0.15, 0.1), sides=(0,))
    count_range: IntLimits = IntLimits(default=(1, 3), low=0, high=64, scalar="fixed")
    text_length_range: IntLimits = IntLimits(default=(1, 5), low=1, high=64, scalar="fixed")
    font_scale_range: Limits = Limits(default=(0.3, 1.2), low=0, high=100, open_low=True, scalar="fixed")
    thickness_range: IntLimits = IntLimits(default=(1, 3), low=1, high=255, scalar="fixed", unit="pixel")
    size_ratio_range: Limits = Limits(default=(0.1, 0.35), low=0, high=1, scalar="fixed")
    line_length_ratio_range: Limits = Limits(default=(0.1, 0.8), low=0, high=2, scalar="fixed")
    tip_length_range: Limits = Limits(default=(0.2, 0.4), low=0, high=1, scalar="fixed")
    corner_prob: Probability = Probability(default=0.6)
    black_white_prob: Probability = Probability(default=0.85)
    p: Probability = Probability(default=0.5, kw_only=True)
    line_geometry: Option = Option(default="axis_aligned", options=("axis_aligned", "random_angle", "random_endpoints"))
    line_styles: Words = Words(default=STYLES, options=STYLES)
    line_style_probabilities: Numbers = Numbers(default=(0.55, 0.35, 0.1), sides=(0,))
    random_color_prob: Probability = Probability(default=0.0)
    color_palette: Maybe = Maybe(Numbers(sides=(0, 3), high=255, examples=(((255, 0, 0),),)), default=None)
    color_palette_probabilities: Maybe = Maybe(Numbers(sides=(0,), examples=((1.0,),)), default=None)
    line_length_range: Maybe = Maybe(IntLimits(low=1, high=1 << 15, scalar="fixed", unit="pixel"), default=None)

    def check(self) -> None:
        for names, weights in (
            ("element_types", "element_probabilities"),
            ("line_styles", "line_style_probabilities"),
            ("color_palette", "color_palette_probabilities"),
        ):
            among, given = getattr(self, names), getattr(self, weights)
            if given is not None and (len(given) != len(among or ()) or not sum(given)):
                raise FieldError(
                    f"AnnotationArtifacts.{weights}: got {shown(given)} for {len(among or ())} {names}; pass one each, "
                    "not all 0"
                )

    def draw(self, sig: Signature, stream: Stream) -> Params:
        marks: list[Any] = []
        for _ in range(stream.integer(*self.count_range)):
            kind = self.element_types[stream.index(self.element_probabilities)]
            thickness, color = stream.integer(*self.thickness_range), self._color(stream)
            if kind == "text":
                marks.append(self._text(sig, stream, thickness, color))
            elif kind == "rectangle":
                marks.append(("rectangle", *self._rectangle(sig, stream), thickness, color, None))
            elif kind == "callout":
                # A rectangle, a line from its upper side, and text at the line's other end.
                text = self._text(sig, stream, thickness, color)
                box = self._rectangle(sig, stream)
                foot = (box[0] + box[2]) // 2, box[1]
                marks += [("rectangle", *box, thickness, color, None)]
                marks += [("line", *foot, text[1], text[2], thickness, color, "solid"), text]
            else:
                detail: Any = stream.uniform(*self.tip_length_range)
                if kind == "line":
                    detail = self.line_styles[stream.index(self.line_style_probabilities)]
                marks.append((kind, *self._line(sig, stream), thickness, color, detail))
        return {"marks": tuple(marks)}

    def _color(self, stream: Stream) -> tuple[float, ...]:
        if stream.random() < self.random_color_prob:
            return stream.random(), stream.random(), stream.random()
        if self.color_palette is not None:
            weights = self.color_palette_probabilities or (1.0,) * len(self.color_palette)
            return tuple(part / 255 for part in self.color_palette[stream.index(weights)])
        if stream.random() < self.black_white_prob:
            return (float(stream.integer(0, 1)),)
        bits = stream.integer(1, 6)
        return float(bits & 1), float(bits >> 1 & 1), float(bits >> 2)

    def _text(self, sig: Signature, stream: Stream, thickness: int, color: tuple[float, ...]) -> tuple[Any, ...]:
        text = "".join(_LETTERS[stream.integer(0, 35)] for _ in range(stream.integer(*self.text_length_range)))
        size = stream.uniform(*self.font_scale_range)
        right = max(sig.width - round(_CHARACTER * size * len(text)), 0)
        top, bottom = min(round(_TEXT * size), sig.height - 1), sig.height - 1
        if stream.random() < self.corner_prob:
            edge = min(4, bottom - top)
            x, y = stream.integer(0, 1) * right, (top + edge, bottom - edge)[stream.integer(0, 1)]
        else:
            x, y = stream.integer(0, right), stream.integer(top, bottom)
        return "text", x, y, x, y, thickness, color, (text, size)

    def _rectangle(self, sig: Signature, stream: Stream) -> tuple[int, int, int, int]:
        w, h = (max(round(stream.uniform(*self.size_ratio_range) * side), 1) for side in (sig.width, sig.height))
        x, y = stream.integer(0, sig.width - w), stream.integer(0, sig.height - h)
        return x, y, x + w - 1, y + h - 1

    def _line(self, sig: Signature, stream: Stream) -> tuple[int, int, int, int]:
        x, y = stream.integer(0, sig.width - 1), stream.integer(0, sig.height - 1)
        if self.line_geometry == "random_endpoints":
            return x, y, stream.integer(0, sig.width - 1), stream.integer(0, sig.height - 1)
        if self.line_length_range is not None:
            length: float = stream.integer(*self.line_length_range)
        else:
            length = stream.uniform(*self.line_length_ratio_range) * min(sig.width, sig.height)
        turn = stream.integer(0, 3) / 4 if self.line_geometry == "axis_aligned" else stream.random()
        across, down = math.cos(2 * math.pi * turn) * length / 2, math.sin(2 * math.pi * turn) * length / 2
        return round(x - across), round(y - down), round(x + across), round(y + down)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.Draw(tuple(params["marks"])),) if params["marks"] else ()
