"""What may be rewritten: pairs of neighbouring ops that run faster as something else.

An exact rule gives the same bits as the ops it replaces, for every dtype and channel count; a close rule merges
resamplings into one interpolation and gives nearly the same picture. Property tests hold both to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise, product
from typing import Any, NamedTuple

from augury import ops
from augury.ops import D4, Crop, Curves, Normalize, NormalizeToTensor, Op, Pad, Resize, ToTensor, Warp

# (first op, second op, ops before them, size of the image before all) -> what replaces the two, or None.
Rewrite = Callable[[Any, Any, Sequence[Any], tuple[int, int]], Sequence[Op] | None]


class Rule(NamedTuple):
    """`first` directly before `second` becomes `rewrite(a, b, before, size)`; None leaves them.

    saves: "ops" if there are fewer afterwards, "pixels" if only fewer are touched, which small images do not repay.
    """

    first: tuple[type, ...]
    second: tuple[type, ...]
    rewrite: Rewrite
    saves: str = "ops"
    exact: bool = True


# Up to this many pixels, rules that save pixels cost more than they save.
SMALL = 64 * 64

CURVES = (ops.Linear, ops.Gamma, ops.Invert, ops.Solarize, ops.Posterize, ops.Tone, ops.Curves)
# Each output pixel depends on the same input pixel alone, whatever its position, bit for bit.
POINTWISE = (*CURVES, ops.ShuffleChannels, ops.FillChannels, ops.ToFloat, ops.FromFloat, ops.Normalize)

# Elements as (transpose, flip rows, flip columns): transpose first, then the flips.
_D4: dict[str, tuple[bool, bool, bool]] = {
    "e": (False, False, False), "h": (False, False, True), "v": (False, True, False), "r180": (False, True, True),
    "t": (True, False, False), "r90": (True, True, False), "r270": (True, False, True), "hvt": (True, True, True),
}  # fmt: skip
_D4_NAME = {bits: name for name, bits in _D4.items()}


def _size_after(program: Sequence[Any], size: tuple[int, int]) -> tuple[int, int]:
    for op in program:
        if op.kind == "geometry":
            size = op.size(*size)
    return size


def d4_product(first: str, then: str) -> str:
    """The element that equals `first` followed by `then`."""
    t1, v1, h1 = _D4[first]
    t2, v2, h2 = _D4[then]
    if t2:
        v1, h1 = h1, v1
    return _D4_NAME[(t1 != t2, v1 != v2, h1 != h2)]


def _parts(op: Op) -> tuple[Any, ...]:
    return op.parts if isinstance(op, Curves) else (op,)


def _join_curves(a: Op, b: Op, before: Sequence[Any], size: tuple[int, int]) -> Sequence[Op]:
    return (Curves((*_parts(a), *_parts(b))),)


def _swap(a: Op, b: Op, before: Sequence[Any], size: tuple[int, int]) -> Sequence[Op]:
    return b, a


def _multiply_d4(a: D4, b: D4, before: Sequence[Any], size: tuple[int, int]) -> Sequence[Op]:
    element = d4_product(a.element, b.element)
    return () if element == "e" else (D4(element),)  # type: ignore[arg-type]


def _crop_crop(a: Crop, b: Crop, before: Sequence[Any], size: tuple[int, int]) -> Sequence[Op]:
    return (Crop(a.x_min + b.x_min, a.y_min + b.y_min, a.x_min + b.x_max, a.y_min + b.y_max),)


def _pad_crop(a: Pad, b: Crop, before: Sequence[Any], size: tuple[int, int]) -> Sequence[Op] | None:
    height, width = _size_after(before, size)
    x_min, x_max = max(b.x_min - a.left, 0), min(b.x_max - a.left, width)
    y_min, y_max = max(b.y_min - a.top, 0), min(b.y_max - a.top, height)
    if a.border != 0 or x_min >= x_max or y_min >= y_max:
        return None
    top, left = max(a.top - b.y_min, 0), max(a.left - b.x_min, 0)
    bottom = b.y_max - b.y_min - top - (y_max - y_min)
    right = b.x_max - b.x_min - left - (x_max - x_min)
    crop = Crop(x_min, y_min, x_max, y_max)
    return (
        (crop, a._replace(top=top, bottom=bottom, left=left, right=right))
        if top or left or bottom or right
        else (crop,)
    )


def _normalize_tensor(a: Normalize, b: ToTensor, before: Sequence[Any], size: tuple[int, int]) -> Sequence[Op]:
    return (NormalizeToTensor(a, b.transpose_mask),)


def _warp_warp(
    a: Warp | D4 | Resize, b: Warp | D4 | Resize, before: Sequence[Any], size: tuple[int, int]
) -> Sequence[Op] | None:
    warps = [op for op in (a, b) if isinstance(op, Warp)]
    if len({(w.interpolation, w.mask_interpolation, w.border, w.fill, w.fill_mask, w.box_method) for w in warps}) > 1:
        return None
    # An area-averaging or shrinking step is a low-pass filter, which one interpolation would lose.
    height, width = _size_after(before, size)
    inner = a.size(height, width)
    outer = b.size(*inner)
    for op, before, after in ((a, (height, width), inner), (b, inner, outer)):
        if isinstance(op, Resize) and (
            op.interpolation not in (0, 1, 2, 4) or after[0] * after[1] < before[0] * before[1]
        ):
            return None
    both = b.map(*inner) @ a.map(height, width)
    return (warps[0]._replace(matrix=both.rows, height=outer[0], width=outer[1]),)


RULES: tuple[Rule, ...] = (
    Rule(CURVES, CURVES, _join_curves),  # curves compose into one table
    Rule(POINTWISE, (Crop, D4), _swap, saves="pixels"),  # fewer, smaller pixels first
    Rule((D4,), (D4,), _multiply_d4),  # two symmetries are one
    Rule((Crop,), (Crop,), _crop_crop),  # two windows are one
    Rule((Pad,), (Crop,), _pad_crop, saves="pixels"),  # constant borders that a crop removes are never made
    Rule((Normalize,), (ToTensor,), _normalize_tensor),  # the float image is written once, as planes
    Rule((Warp,), (Warp, D4, Resize), _warp_warp, exact=False),  # two resamplings are one
    Rule((D4, Resize), (Warp,), _warp_warp, exact=False),
)


def _table(rules: Iterable[Rule]) -> dict[tuple[type, type], Rewrite]:
    return {pair: rule.rewrite for rule in rules for pair in product(rule.first, rule.second)}


_EXACT = _table(rule for rule in RULES if rule.exact)
_EXACT_SMALL = _table(rule for rule in RULES if rule.exact and rule.saves == "ops")
_CLOSE = _table(RULES)


@lru_cache(maxsize=4096)
def _first(large: bool, close: bool, *kinds: type) -> int:
    """Where the first pair of neighbours with a rule stands, -1 if there is none."""
    table = _CLOSE if close else _EXACT if large else _EXACT_SMALL
    return next((i for i, pair in enumerate(pairwise(kinds)) if pair in table), -1)


def rewrite(program: Sequence[Any], height: int, width: int, close: bool = False) -> Sequence[Any]:
    """The ops of an image of height x width, rewritten by the exact rules and, if `close`, by all of them."""
    table = _CLOSE if close else _EXACT_SMALL if height * width <= SMALL else _EXACT
    at = _first(table is _EXACT, close, *map(type, program))
    if at < 0:
        return program
    done = list(program[: at + 1])
    todo = list(program[:at:-1])
    while todo:
        op = todo.pop()
        if done:
            rule = table.get((type(done[-1]), type(op)))
            if rule is not None:
                new = rule(done[-1], op, done[:-1], (height, width))
                if new is not None:
                    done.pop()
                    todo.extend(reversed(new))
                    continue
        done.append(op)
    return done
