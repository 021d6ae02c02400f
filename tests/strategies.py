"""Generators of inputs for property tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from augury import ops
from augury.fields import (
    Field,
    Fill,
    Flag,
    Integer,
    Keyed,
    Lengths,
    Limits,
    Listed,
    Maybe,
    Name,
    Number,
    Numbers,
    Option,
    Plain,
    Sides,
    Size,
    Words,
)  # fmt: skip
from augury.transform import Transform

ELEMENTS = ("e", "r90", "r180", "r270", "v", "hvt", "h", "t")
unit = st.floats(0, 1, width=32)


@st.composite
def images(draw: st.DrawFn, most: int = 24) -> Any:
    """Images of 1..most pixels a side, now and then 65 or 80, every dtype, 0 (no channel axis) to 6 channels."""
    side = st.one_of(st.integers(1, most), st.integers(1, most), st.sampled_from([65, 80]))
    height, width = draw(side), draw(side)
    channels = draw(st.sampled_from([0, 1, 2, 3, 3, 4, 5, 6]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (height, width) if channels == 0 else (height, width, channels)
    dtype = draw(st.sampled_from(["uint8", "uint8", "uint16", "float32"]))
    if dtype == "float32":
        return rng.random(shape, np.float32)
    return rng.integers(0, 256 if dtype == "uint8" else 65536, shape, dtype)


def per_channel(values: st.SearchStrategy[float], channels: int) -> st.SearchStrategy[tuple[float, ...]]:
    """One number, or one per channel."""
    return st.one_of(st.tuples(values), st.tuples(*[values] * channels))


def curves(channels: int) -> st.SearchStrategy[Any]:
    """Ops that change each value alone."""
    return st.one_of(
        st.builds(
            ops.Linear,
            per_channel(st.floats(-2, 3, width=32), channels),
            per_channel(st.floats(-1, 1, width=32), channels),
        ),
        st.builds(ops.Gamma, st.floats(0.25, 4, width=32)),
        st.just(ops.Invert()),
        st.builds(ops.Solarize, unit),
        st.builds(ops.Posterize, st.tuples(st.integers(1, 8))),
        st.builds(ops.Tone, st.tuples(unit), st.tuples(unit)),
    )


@st.composite
def programs(draw: st.DrawFn, image: Any, most: int = 8) -> list[Any]:
    """Lists of ops that fit the image one after another, rich in neighbours that rules rewrite."""
    height, width = image.shape[:2]
    channels = image.shape[2] if image.ndim > 2 else 1
    byte = image.dtype == np.uint8
    out: list[Any] = []
    floated = image.dtype == np.float32
    for _ in range(draw(st.integers(1, most))):
        kind = draw(
            st.sampled_from(["curve", "curve", "d4", "d4", "crop", "crop", "pad", "pad", "channels", "barrier", "warp"])
        )
        if kind == "curve":
            op: Any = draw(curves(channels))
        elif kind == "d4":
            op = ops.D4(draw(st.sampled_from(ELEMENTS)))
        elif kind == "crop":
            x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
            op = ops.Crop(x, y, draw(st.integers(x + 1, width)), draw(st.integers(y + 1, height)))
        elif kind == "pad":
            sides = draw(st.tuples(*[st.integers(0, 5)] * 4))
            op = ops.Pad(
                *sides, draw(st.sampled_from([0, 0, 0, 1, 2])), draw(st.integers(0, 1)), draw(st.integers(0, 4))
            )
        elif kind == "channels":
            op = draw(st.sampled_from([ops.ShuffleChannels(tuple(range(channels))[::-1]), ops.FillChannels((0,), 0.5)]))
            if image.ndim < 3:
                continue
        elif kind == "barrier":
            op = draw(
                st.sampled_from([
                    ops.BoxBlur(3), ops.Holes(((0, 0, 2, 2),), 0, 3), ops.GaussNoise("00" * 12, 0.0, 0.1),
                    ops.DropPixels("01" * 12, 0.3, False, 0, 2),
                ])
            )  # fmt: skip
        else:
            matrix = (0.9, 0.1, 0.3, -0.1, 1.1, 0.2, 0.0, 0.0, 1.0)
            op = ops.Warp(matrix, height, width)
        out.append(op)
        if op.kind == "geometry":
            height, width = op.size(height, width)
    if draw(st.booleans()):
        full = 255.0 if byte else 65535.0 if not floated else 1.0
        out.append(ops.Normalize((0.5,), (0.25,), full))
        if draw(st.booleans()):
            out.append(ops.ToTensor())
        elif draw(st.booleans()):
            out.append(ops.D4(draw(st.sampled_from(ELEMENTS))))
    return out


def arguments(cls: type[Transform]) -> st.SearchStrategy[dict[str, Any]]:
    """Valid arguments of a transform, each left out or drawn from its field."""
    fields = {name: values_of(field) for name, field in cls.fields.items() if name not in ("p", "font_path")}
    required = {name for name in fields if cls.fields[name].required}
    return st.fixed_dictionaries(
        {name: fields[name] for name in required}, optional={n: v for n, v in fields.items() if n not in required}
    )


def values_of(field: Field[Any, Any]) -> st.SearchStrategy[Any]:
    """Values that a field accepts; where it has no bounds, up to three times its default."""
    if isinstance(field, Maybe):
        # Images and functions have no examples.
        bare = isinstance(field.inner, Plain) and not field.inner.examples
        return st.none() if bare else st.none() | values_of(field.inner)
    if isinstance(field, Flag):
        return st.booleans()
    if isinstance(field, Option):
        return st.sampled_from(field.options)
    if isinstance(field, Size):
        return st.tuples(st.integers(1, 12), st.integers(1, 12))
    if isinstance(field, Fill):
        fills: Any = st.integers(0, 1) | st.sampled_from((0, *field.words))
        return fills | st.none() if field.nullable else fills
    if isinstance(field, Listed):
        sizes = field.counts or (0, 1, 3)[not field.empty :]
        lists = st.sampled_from(sizes).flatmap(lambda n: st.tuples(*[values_of(field.inner)] * n))
        return lists | values_of(field.inner) if field.alone else lists
    if isinstance(field, Keyed):
        return st.fixed_dictionaries({name: values_of(inner) for name, inner in field.inner.items()})
    if isinstance(field, Name):
        return st.just("given")
    if isinstance(field, Words):
        return st.permutations(field.options)
    if isinstance(field, (Plain, Numbers, Lengths, Sides)):
        known = () if field.required else (field.default,)
        return st.sampled_from((*known, *field.examples))
    if isinstance(field, (Limits, Number, Integer)):
        known = [5.0] if field.required else np.abs(np.atleast_1d(field.default)).tolist()
        far = 3 * max(known) + 1
        low, high = max(field.low, -far), min(field.high, max(far, field.low + 1))
        if field.integer:
            one: Any = st.integers(round(low), round(high))
        else:
            one = st.floats(low, high, exclude_min=field.open_low)
        return st.tuples(one, one).map(sorted) if isinstance(field, Limits) else one
    raise NotImplementedError(type(field))
