"""Published augmentation policies as ordinary pipelines over the catalogue, their tables as data.

Ranges are those of torchvision's implementations. Two things differ from them: shears leave the image's centre where
it is, not its top left corner, and sharpness treats the outermost pixels like all others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from augury import catalogue
from augury.errors import FieldError, RecordError, shown
from augury.fields import Fill, Flag, Integer, Interpolation, Limits, Number, Option, frozen
from augury.groups import OneOf, RandomOrder, Sequential, Step
from augury.ops import Blend, Filter, Op
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import ImageTransform, NoOp, Params, Transform, find_transform
from augury.varying import choice

__all__ = ["AugMix", "AutoAugment", "RandAugment", "Sharpness", "TrivialAugment"]


# ---- operations ------------------------------------------------------------------------------------------


class Sharpness(ImageTransform):
    """Blend with Pillow's SMOOTH filter: a factor of 0 gives the smooth image, 1 the image, 2 a sharper one.

    factor_range: one number a means (max(0, 1 - a), 1 + a).
    """

    factor_range: Limits = Limits(default=(0.5, 1.5), low=0, scalar="factor", draws="factor")

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        side = (1.0 - params["factor"]) / 13
        row = (side, side, side)
        return (Filter((row, (side, params["factor"] + 5 * side, side), row)),) if side else ()


class _Operation(NamedTuple):
    """A transform, the field that a magnitude sets, the field's value for a magnitude, and other arguments."""

    transform: type[Transform]
    field: str = ""
    value: Callable[[float], Any] = float
    others: Mapping[str, Any] = {}
    geometric: bool = False


def _degrees(slope: float) -> float:
    return math.degrees(math.atan(slope))


def _fixed(value: float) -> tuple[float, float]:
    return value, value


def _factor(change: float) -> tuple[float, float]:
    return 1.0 + change, 1.0 + change


_STILL = {f"{name}_range": (1.0, 1.0) for name in ("brightness", "contrast", "saturation")} | {"hue_range": (0.0, 0.0)}


def _jitter(name: str) -> _Operation:
    others = {k: v for k, v in _STILL.items() if k != f"{name}_range"}
    return _Operation(catalogue.ColorJitter, f"{name}_range", _factor, others)


_OPERATIONS = {
    "Identity": _Operation(NoOp),
    "ShearX": _Operation(catalogue.Affine, "shear", lambda m: {"x": _degrees(m)}, geometric=True),
    "ShearY": _Operation(catalogue.Affine, "shear", lambda m: {"y": _degrees(m)}, geometric=True),
    # Fractions of the width and height.
    "TranslateX": _Operation(catalogue.Affine, "translate_percent", lambda m: {"x": m}, geometric=True),
    "TranslateY": _Operation(catalogue.Affine, "translate_percent", lambda m: {"y": m}, geometric=True),
    # Pixels.
    "TranslatePixelsX": _Operation(catalogue.Affine, "translate_px", lambda m: {"x": int(m)}, geometric=True),
    "TranslatePixelsY": _Operation(catalogue.Affine, "translate_px", lambda m: {"y": int(m)}, geometric=True),
    "Rotate": _Operation(catalogue.Rotate, "angle_range", _fixed, geometric=True),
    "Brightness": _jitter("brightness"),
    "Color": _jitter("saturation"),
    "Contrast": _jitter("contrast"),
    "Sharpness": _Operation(Sharpness, "factor_range", _factor),
    "Posterize": _Operation(catalogue.Posterize, "num_bits", int),
    "Solarize": _Operation(catalogue.Solarize, "threshold_range", _fixed),
    "AutoContrast": _Operation(catalogue.AutoContrast, others={"method": "pil"}),
    "Equalize": _Operation(catalogue.Equalize, others={"mode": "pil"}),
    "Invert": _Operation(catalogue.InvertImg),
}


def _step(name: str, magnitudes: Sequence[float], interpolation: int, fill: Any, p: float = 1.0) -> Transform:
    """An operation whose magnitude every call draws from a list."""
    operation = _OPERATIONS[name]
    arguments = dict(operation.others)
    if operation.field:
        values = [operation.value(magnitude) for magnitude in magnitudes]
        arguments[operation.field] = choice(values) if len(values) > 1 else values[0]
    if operation.geometric:
        arguments |= {"interpolation": interpolation, "fill": fill, "border_mode": 0}
    build: Callable[..., Transform] = operation.transform
    return build(**arguments, p=p)


# ---- magnitudes ------------------------------------------------------------------------------------------

# Operation: its magnitude in the last bin (0 in the first), and whether a call draws its sign. Posterize: bits in the
# first bin and bits lost in the last. Solarize: the threshold falls from 1 to 0. None: there is no magnitude.
_Space = Mapping[str, Any]

_COLORS = ("Brightness", "Color", "Contrast", "Sharpness")
_REST: _Space = {"Solarize": "threshold", "AutoContrast": None, "Equalize": None}

RAND: _Space = {
    "Identity": None,
    **dict.fromkeys(("ShearX", "ShearY"), 0.3),
    **dict.fromkeys(("TranslateX", "TranslateY"), 150 / 331),
    "Rotate": 30.0,
    **dict.fromkeys(_COLORS, 0.9),
    "Posterize": (8, 4),
    **_REST,
}
WIDE: _Space = {
    "Identity": None,
    **dict.fromkeys(("ShearX", "ShearY"), 0.99),
    **dict.fromkeys(("TranslatePixelsX", "TranslatePixelsY"), 32.0),
    "Rotate": 135.0,
    **dict.fromkeys(_COLORS, 0.99),
    "Posterize": (8, 6),
    **_REST,
}
MIX: _Space = {
    **dict.fromkeys(("ShearX", "ShearY"), 0.3),
    **dict.fromkeys(("TranslateX", "TranslateY"), 1 / 3),
    "Rotate": 30.0,
    "Posterize": (4, 4),
    **_REST,
}
MIX_ALL: _Space = {**MIX, **dict.fromkeys(_COLORS, 0.9)}
AUTO: _Space = {**{name: reach for name, reach in RAND.items() if name != "Identity"}, "Invert": None}


def magnitudes(space: _Space, name: str, at: int, bins: int) -> tuple[float, ...]:
    """What an operation may draw in bin `at` of `bins`: nothing, one magnitude, or two of either sign."""
    reach, share = space[name], at / (bins - 1)
    if reach is None:
        return ()
    if reach == "threshold":
        return (1.0 - share,)
    if isinstance(reach, tuple):
        bits, lost = reach
        return (round(bits - share * lost),)
    # Rounded for those who read the pipeline.
    size = round(reach * share, 9)
    return -size, size


# ---- policies --------------------------------------------------------------------------------------------


def one_of(steps: Sequence[Step], p: float = 1.0) -> OneOf:
    """The form of TrivialAugment: one of some steps, all equally likely."""
    return OneOf(steps, p=p)


def in_a_row(steps: Sequence[Step], count: int, p: float = 1.0) -> RandomOrder:
    """The form of RandAugment: `count` of some steps, all equally likely, each drawn anew from all."""
    return RandomOrder(steps, n=count, replace=True, p=p)


def TrivialAugment(num_magnitude_bins: int = 31, *, interpolation: int = 0, fill: Any = 0, p: float = 1.0) -> OneOf:
    """One of 14 operations, all equally likely, its magnitude drawn from all bins and its sign at random.

    The wide space of Müller and Hutter 2021, "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation".
    interpolation, fill: of the geometric operations, which masks, boxes and keypoints follow.
    """
    bins = _integer("TrivialAugment.num_magnitude_bins", num_magnitude_bins, 2, 100)
    every = {name: [m for at in range(bins) for m in magnitudes(WIDE, name, at, bins)] for name in WIDE}
    return one_of([_step(name, drawn, interpolation, fill) for name, drawn in every.items()], p)


def RandAugment(
    num_ops: int = 2,
    magnitude: int = 9,
    num_magnitude_bins: int = 31,
    *,
    interpolation: int = 0,
    fill: Any = 0,
    p: float = 1.0,
) -> RandomOrder:
    """`num_ops` of 14 operations in a row, each drawn anew from all, at one magnitude, signs at random.

    magnitude: a bin, from 0 to num_magnitude_bins - 1. interpolation, fill: of the geometric operations, which masks,
    boxes and keypoints follow.
    Source: Cubuk, Zoph, Shlens and Le 2020, "RandAugment: Practical Automated Data Augmentation with a Reduced Search
    Space".
    """
    count = _integer("RandAugment.num_ops", num_ops, 1, 20)
    bins = _integer("RandAugment.num_magnitude_bins", num_magnitude_bins, 2, 1000)
    at = _integer("RandAugment.magnitude", magnitude, 0, bins - 1)
    steps = [_step(name, magnitudes(RAND, name, at, bins), interpolation, fill) for name in RAND]
    return in_a_row(steps, count, p)


def AutoAugment(policy: str = "imagenet", *, interpolation: int = 0, fill: Any = 0, p: float = 1.0) -> OneOf:
    """One of 25 learned pairs of operations, each of which has its own probability and magnitude; signs at random.

    policy: "imagenet", "cifar10" or "svhn", what it was learned on. interpolation, fill: of the geometric operations,
    which masks, boxes and keypoints follow.
    Source: Cubuk, Zoph, Mané, Vasudevan and Le 2019, "AutoAugment: Learning Augmentation Strategies from Data".
    """
    if policy not in tuple(LEARNED):
        raise FieldError(f"AutoAugment.policy: got {shown(policy)}; pass {', '.join(map(repr, LEARNED))}")
    return one_of(
        [
            Sequential(
                [_step(name, magnitudes(AUTO, name, at, 10), interpolation, fill, chance) for name, chance, at in pair],
                p=1.0,
            )
            for pair in learned(policy)
        ],
        p,
    )


def _integer(where: str, value: Any, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise FieldError(f"{where}: got {shown(value)}; pass an integer from {low} to {high}")
    return value


class AugMix(ImageTransform, p=1.0):
    """A weighted mean of the image and of several copies, each of which went through a chain of operations.

    Only images change: labels stay where they are, though chains may hold small moves, as in the paper.
    severity: an operation's magnitude is drawn from the first so many of 10 bins. mixture_width: number of chains.
    chain_depth: operations in a chain, -1 for 1 to 3 at random. alpha: of the Dirichlet distribution of the chains'
    weights, and of the Beta distribution of the weight that all of them have. all_ops: with brightness, color, contrast
    and sharpness, which resemble the corruptions of ImageNet-C. interpolation, fill: of the geometric operations.
    Source: Hendrycks, Mu, Cubuk, Zoph, Gilmer and Lakshminarayanan 2020, "AugMix: A Simple Data Processing Method to
    Improve Robustness and Uncertainty".
    """

    severity: Integer = Integer(default=3, low=1, high=10)
    mixture_width: Integer = Integer(default=3, low=1, high=8)
    chain_depth: Option = Option(default=-1, options=(-1, 1, 2, 3, 4))
    alpha: Number = Number(default=1.0, low=0, open_low=True)
    all_ops: Flag = Flag(default=True)
    interpolation: Interpolation = Interpolation(default=1)
    fill: Fill = Fill(default=0)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        shares = _shares(stream, self.alpha, self.mixture_width)
        image, chains = _shares(stream, self.alpha, 2)
        return {
            "weight": image,
            "weights": [chains * share for share in shares],
            "chains": [self._chain(sig, stream) for _ in shares],
        }

    def _chain(self, sig: Signature, stream: Stream) -> list[list[Any]]:
        space = MIX_ALL if self.all_ops else MIX
        names = tuple(space)
        chain = []
        for _ in range(self.chain_depth if self.chain_depth > 0 else stream.integer(1, 3)):
            name = names[stream.integer(0, len(names) - 1)]
            drawn = magnitudes(space, name, stream.integer(0, self.severity - 1), 10)
            magnitude = drawn[stream.integer(0, len(drawn) - 1)] if drawn else None
            step = _one(name, magnitude, self.interpolation, self.fill)
            chain.append([type(step).__name__, {**step.draw(sig, stream), **step.kept}])
        return chain

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        chains = tuple(
            tuple(op for name, drawn in chain for op in find_transform(name, "AugMix").lower(frozen(drawn), sig))
            for chain in params["chains"]
        )
        if not all(math.isfinite(share) for share in (params["weight"], *params["weights"])):
            raise RecordError("weights are not finite; the record was edited or damaged")
        return (Blend(params["weight"], tuple(zip(params["weights"], chains, strict=True))),)


@cache
def _one(name: str, magnitude: float | None, interpolation: int, fill: Any) -> Transform:
    return _step(name, () if magnitude is None else (magnitude,), interpolation, fill)


def _shares(stream: Stream, alpha: float, count: int) -> list[float]:
    """Numbers that sum to 1, from a symmetric Dirichlet distribution."""
    logs = [_log_gamma_drawn(stream, alpha) for _ in range(count)]
    parts = [math.exp(one - max(logs)) for one in logs]
    return [part / sum(parts) for part in parts]


def _log_gamma_drawn(stream: Stream, shape: float) -> float:
    """The logarithm of a Gamma number; small shapes underflow without it.

    Source: Marsaglia and Tsang 2000, "A Simple Method for Generating Gamma Variables", with their step for shapes
    below 1.
    """
    boost = 0.0
    if shape < 1:
        boost, shape = math.log(1.0 - stream.random()) / shape, shape + 1
    d = shape - 1 / 3
    while True:
        x = stream.normal()
        v = 1 + x / math.sqrt(9 * d)
        if v > 0 and math.log(1.0 - stream.random()) < x * x / 2 + d - d * v**3 + d * 3 * math.log(v):
            return math.log(d) + 3 * math.log(v) + boost


# ---- what AutoAugment learned ----------------------------------------------------------------------------


def learned(policy: str) -> list[list[tuple[str, float, int]]]:
    """The 25 pairs of (operation, probability, bin from 0 to 9) of a policy."""
    pairs = [line.split(",") for line in LEARNED[policy].split("\n") if line]
    return [[(name, float(p), int(at)) for name, p, at in (one.split() for one in pair)] for pair in pairs]


# Appendix A of the paper; the bin of an operation without magnitude says nothing.
LEARNED = {
    "imagenet": """
Posterize 0.4 8, Rotate 0.6 9
Solarize 0.6 5, AutoContrast 0.6 0
Equalize 0.8 0, Equalize 0.6 0
Posterize 0.6 7, Posterize 0.6 6
Equalize 0.4 0, Solarize 0.2 4
Equalize 0.4 0, Rotate 0.8 8
Solarize 0.6 3, Equalize 0.6 0
Posterize 0.8 5, Equalize 1.0 0
Rotate 0.2 3, Solarize 0.6 8
Equalize 0.6 0, Posterize 0.4 6
Rotate 0.8 8, Color 0.4 0
Rotate 0.4 9, Equalize 0.6 0
Equalize 0.0 0, Equalize 0.8 0
Invert 0.6 0, Equalize 1.0 0
Color 0.6 4, Contrast 1.0 8
Rotate 0.8 8, Color 1.0 2
Color 0.8 8, Solarize 0.8 7
Sharpness 0.4 7, Invert 0.6 0
ShearX 0.6 5, Equalize 1.0 0
Color 0.4 0, Equalize 0.6 0
Equalize 0.4 0, Solarize 0.2 4
Solarize 0.6 5, AutoContrast 0.6 0
Invert 0.6 0, Equalize 1.0 0
Color 0.6 4, Contrast 1.0 8
Equalize 0.8 0, Equalize 0.6 0
""",
    "cifar10": """
Invert 0.1 0, Contrast 0.2 6
Rotate 0.7 2, TranslateX 0.3 9
Sharpness 0.8 1, Sharpness 0.9 3
ShearY 0.5 8, TranslateY 0.7 9
AutoContrast 0.5 0, Equalize 0.9 0
ShearY 0.2 7, Posterize 0.3 7
Color 0.4 3, Brightness 0.6 7
Sharpness 0.3 9, Brightness 0.7 9
Equalize 0.6 0, Equalize 0.5 0
Contrast 0.6 7, Sharpness 0.6 5
Color 0.7 7, TranslateX 0.5 8
Equalize 0.3 0, AutoContrast 0.4 0
TranslateY 0.4 3, Sharpness 0.2 6
Brightness 0.9 6, Color 0.2 8
Solarize 0.5 2, Invert 0.0 0
Equalize 0.2 0, AutoContrast 0.6 0
Equalize 0.2 0, Equalize 0.6 0
Color 0.9 9, Equalize 0.6 0
AutoContrast 0.8 0, Solarize 0.2 8
Brightness 0.1 3, Color 0.7 0
Solarize 0.4 5, AutoContrast 0.9 0
TranslateY 0.9 9, TranslateY 0.7 9
AutoContrast 0.9 0, Solarize 0.8 3
Equalize 0.8 0, Invert 0.1 0
TranslateY 0.7 9, AutoContrast 0.9 0
""",
    "svhn": """
ShearX 0.9 4, Invert 0.2 0
ShearY 0.9 8, Invert 0.7 0
Equalize 0.6 0, Solarize 0.6 6
Invert 0.9 0, Equalize 0.6 0
Equalize 0.6 0, Rotate 0.9 3
ShearX 0.9 4, AutoContrast 0.8 0
ShearY 0.9 8, Invert 0.4 0
ShearY 0.9 5, Solarize 0.2 6
Invert 0.9 0, AutoContrast 0.8 0
Equalize 0.6 0, Rotate 0.9 3
ShearX 0.9 4, Solarize 0.3 3
ShearY 0.8 8, Invert 0.7 0
Equalize 0.9 0, TranslateY 0.6 6
Invert 0.9 0, Equalize 0.6 0
Contrast 0.3 3, Rotate 0.8 4
Invert 0.8 0, TranslateY 0.0 2
ShearY 0.7 6, Solarize 0.4 8
Invert 0.6 0, Rotate 0.8 4
ShearY 0.3 7, TranslateX 0.9 3
ShearX 0.1 6, Invert 0.6 0
Solarize 0.7 2, TranslateY 0.6 7
ShearY 0.8 4, Invert 0.8 0
ShearX 0.7 9, TranslateY 0.8 3
ShearY 0.8 5, AutoContrast 0.7 0
ShearX 0.7 2, Invert 0.1 0
""",
}
