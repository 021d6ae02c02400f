"""The language that transforms lower to: ops, each a small frozen value, one file per kind.

Intensities are fractions of full range (255 for uint8, 65535 for uint16, 1 for float) unless a field says
otherwise. Geometry is in edge coordinates: x right, y down, the image spans [0, W] x [0, H]. `key` is a
stream key (`rng.Stream.key`). `fill` is in the image's own range: a number or one per channel.

Every op belongs to one kind, which says how labels and masks follow and what rules may do with it:
geometry, curve (each value alone), pixel (each pixel's channels alone), data (needs the whole image),
region, noise, codec, layout, labels (values of labels change), stack (needs all frames), call.
"""

# Annotations are evaluated in this folder: as text they would be compiled one by one for every named tuple.
from typing import TypeAlias, get_args

from augury.ops.data import *
from augury.ops.data import Data
from augury.ops.geometry import *
from augury.ops.geometry import Geometry
from augury.ops.labels import *
from augury.ops.labels import Naming
from augury.ops.layout import *
from augury.ops.layout import Calls, Codec, Layout
from augury.ops.light import *
from augury.ops.light import Light
from augury.ops.noise import *
from augury.ops.noise import Noise
from augury.ops.pixel import *
from augury.ops.pixel import Curve, Pixel
from augury.ops.region import *
from augury.ops.region import Region
from augury.ops.values import *
from augury.ops.video import *
from augury.ops.video import TakeFrames

Op: TypeAlias = Geometry | Curve | Pixel | Data | Region | Light | Noise | Codec | Layout | Naming | TakeFrames | Calls

KINDS: dict[str, tuple[type, ...]] = {
    "geometry": get_args(Geometry),
    "curve": get_args(Curve),
    "pixel": get_args(Pixel),
    "data": get_args(Data),
    "region": get_args(Region | Light),
    "noise": get_args(Noise),
    "codec": get_args(Codec),
    "layout": get_args(Layout),
    "labels": get_args(Naming),
    "stack": (TakeFrames,),
    "call": get_args(Calls),
}
# `op.kind` is read for every op of every call; an attribute of the class is the cheapest way to say it.
for _kind, _types in KINDS.items():
    for _type in _types:
        _type.kind = _kind  # type: ignore[attr-defined]
