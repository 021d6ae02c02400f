"""The operations that a policy is searched over: catalogue transforms with one number that is learned.

A magnitude in [0, 1] says how strong an operation may be: 0 is the identity, or as near to it as the transform comes,
and 1 is `reach` away from it. What the number means, by an operation's `spread`:

signed    every sample draws its value uniformly from identity - magnitude * reach to identity + magnitude * reach
one-sided every sample draws its value uniformly from identity to identity + magnitude * reach
fixed     the value of every sample is identity + magnitude * reach
none      there is no magnitude

The same range, or value, is what the exported transform is built with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from augury import catalogue
from augury.errors import FieldError, nearest, shown
from augury.execute import acts_on_masks, for_mask
from augury.kernels.torch import KERNELS, MASK_KERNELS
from augury.kernels.torch.arrays import straight_through
from augury.sample import Signature
from augury.search.lowering import lower
from augury.transform import NoOp, Params, Transform

Spread = Literal["signed", "one-sided", "fixed", "none"]
Result = tuple[Tensor, Tensor | None]
Chance = Tensor | torch.Generator | None

_PRECISE = (torch.float32, torch.float64)


def _nothing(low: float, high: float) -> Params:
    return {}


def _whole(values: Tensor) -> Tensor:
    """Values rounded, halves to even, with the gradient of the values."""
    return straight_through(values.detach().round(), values)


@dataclass(frozen=True, eq=False)
class Operation:
    """A transform of the catalogue whose strength is learned.

    arguments: the constructor's arguments for values from low to high. params: the params of a drawn step with a value.
    prepare: the number that is lowered, for values and a signature; the value itself unless given.
    reach: signed distance from the identity at magnitude 1; `range` in configs is its absolute value, at most `most`.
    options: what else configs may set, with defaults.
    """

    name: str
    transform: type[Transform]
    spread: Spread = "none"
    identity: float = 0.0
    reach: float = 0.0
    most: float = 0.0
    arguments: Callable[[float, float], Params] = _nothing
    params: Callable[[Any], Params] = field(default=lambda value: {}, repr=False)
    prepare: Callable[[Tensor, Signature], Tensor] = field(default=lambda values, sig: values, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_magnitude(self) -> bool:
        return self.spread != "none"

    def spec(self) -> dict[str, Any]:
        """Name, range and options, as `find_operation` reads them."""
        return {"name": self.name, **({"range": abs(self.reach)} if self.has_magnitude else {}), **self.options}

    def __reduce__(self) -> Any:
        return find_operation, (self.spec(),)

    # ---- as a step of a pipeline ----

    def ends(self, magnitude: float) -> tuple[float, float]:
        """The least and greatest value at a magnitude in [0, 1]."""
        # Rounded for those who read the pipeline.
        far = magnitude * self.reach
        high = round(self.identity + far, 9)
        if self.spread == "fixed":
            return high, high
        return round(self.identity - far, 9) if self.spread == "signed" else self.identity, high

    def transform_at(self, magnitude: float, p: float) -> Transform:
        """The transform that draws as this operation does at a magnitude, applied with probability p."""
        return self._built(*self.ends(magnitude), p)

    def at_value(self, value: float) -> Transform:
        """The transform at one value, always applied."""
        return self._built(value, value, 1.0)

    def _built(self, low: float, high: float, p: float) -> Transform:
        build: Callable[..., Transform] = self.transform
        return build(**self.options, **self.arguments(low, high), p=p)

    @cached_property
    def _kept(self) -> Params:
        return self.at_value(self.identity).kept

    # ---- on a batch ----

    @property
    def draws(self) -> int:
        """How many random numbers a sample takes."""
        return int(self.spread in ("signed", "one-sided"))

    def apply(self, image: Tensor, mask: Tensor | None, magnitude: Tensor, chance: Chance = None) -> Result:
        """Draw a value per sample and run; differentiable by the magnitudes.

        image: float (B, C, H, W) in [0, 1]. mask: (B, N, H, W) or (B, H, W), any dtype. magnitude: (B,) in [0, 1].
        chance: numbers drawn uniformly from [0, 1), (B, draws), or the generator to draw them with.
        """
        chance = self._drawn(image, chance)
        return self.run_at(image, mask, self.values(magnitude, chance), chance)

    def values(self, magnitude: Tensor, chance: Tensor) -> Tensor:
        """(B,) values of samples with these magnitudes and random numbers."""
        far = magnitude * self.reach
        if self.spread == "signed":
            far = far * (2.0 * chance[:, 0] - 1.0)
        elif self.spread == "one-sided":
            far = far * chance[:, 0]
        return far + self.identity

    def run_at(self, image: Tensor, mask: Tensor | None, values: Tensor, chance: Chance = None) -> Result:
        """Run at one value per sample, (B,); masks follow geometric operations, nearest.

        chance: as in `apply`; only operations that also draw places, the cutouts, look at it.
        """
        with torch.autocast(image.device.type, enabled=False):
            if image.dtype not in _PRECISE:
                image = image.float()
            sig = Signature((*image.shape[2:], image.shape[1]), "float32")
            for op in self._lowered(image, values.to(image.dtype), sig, chance):
                image = KERNELS[type(op)](image, op)
                if mask is not None and acts_on_masks(op):
                    with torch.no_grad():
                        mask = MASK_KERNELS[type(op)](mask, for_mask(op))
        return image, mask

    def _lowered(self, image: Tensor, values: Tensor, sig: Signature, chance: Chance) -> list[Any]:
        kept = self._kept
        return lower(self.transform, lambda value: {**kept, **self.params(value)}, self.prepare(values, sig), sig)

    def _drawn(self, image: Tensor, chance: Chance) -> Tensor:
        """(B, draws) numbers, on the image's device."""
        if not isinstance(chance, Tensor):
            device = image.device if chance is None else chance.device
            chance = torch.rand((len(image), self.draws), generator=chance, device=device)
        dtype = image.dtype if image.dtype in _PRECISE else torch.float32
        return chance.to(image.device, dtype)


class _Cutout(Operation):
    """Square holes, anywhere in the image; as many and as large as the options or the value say.

    A number, and whole pixels of a side, have no gradient; straight-through ones stand for them (Bengio, Leonard,
    Courville, "Estimating or propagating gradients through stochastic neurons", 2013): that of a side is said in
    kernels/torch/holes.py; a hole more or less is worth the hole that the number's whole part comes to next.
    """

    def __reduce__(self) -> Any:
        return find_operation, (self.spec(),)

    def _built(self, low: float, high: float, p: float) -> Transform:
        number, side = self._number(low), self._side(low)
        if not number:
            return NoOp(p=p)
        return catalogue.CoarseDropout((number, number), (side, side), (side, side), p=p)

    def _number(self, value: float) -> int:
        number: int = self.options["number"] if "number" in self.options else round(value)
        return number

    def _side(self, value: float) -> float:
        return float(self.options.get("size", value))

    @cached_property
    def _kept(self) -> Params:
        return catalogue.CoarseDropout().kept

    @property
    def draws(self) -> int:
        return 2 * self._number(self.ends(1.0)[1])

    def _lowered(self, image: Tensor, values: Tensor, sig: Signature, chance: Chance) -> list[Any]:
        sizes = "size" not in self.options
        places = self._drawn(image, chance).reshape(len(image), -1, 2)
        frame = values.new_tensor((sig.width, sig.height))
        side = values[:, None, None] if sizes else self.options["size"]
        # (B, 1, 2) as the catalogue's draw computes them: whole parts, at least one pixel.
        sides = side * frame.expand(len(image), 1, 2)
        sides = straight_through(sides.detach().floor().clamp(min=1.0), sides)
        corners = places * (frame - sides + 1.0)
        corners = straight_through(corners.detach().floor(), corners)
        parts = [corners, corners + sides]
        if not sizes:
            which = torch.arange(places.shape[1], device=values.device, dtype=values.dtype)
            there = (which < values.detach().round()[:, None]).to(values.dtype)
            share = (values[:, None] - which).clamp(0.0, 1.0)
            parts.append(straight_through(there, share).unsqueeze(2))
        holes: Any = torch.cat(parts, 2)
        return list(self.transform.lower({**self._kept, "holes": holes}, sig))


# ---- the table -----------------------------------------------------------------------------------------

_ONES = (1.0, 1.0)
_ZEROS = (0.0, 0.0)
_BORDER = {"border_mode": 0}
_NO_SHEAR = {"x": 0.0, "y": 0.0}
_MIDDLE: Params = {"scale": {"x": 1.0, "y": 1.0}, "rotate": 0.0, "shear": _NO_SHEAR, "translate": (0, 0)}


def _shift(name: str, channel: str) -> Operation:
    """Add to one channel; the value is a fraction of full range."""
    others = {f"{c}_shift_range": _ZEROS for c in "rgb" if c != channel}
    zeros = {f"{c}_shift": 0.0 for c in "rgb"}
    return Operation(
        name, catalogue.RGBShift, "signed", 0.0, 0.5, 1.0,
        lambda low, high: {f"{channel}_shift_range": (low, high), **others},
        lambda value: {**zeros, f"{channel}_shift": value},
    )  # fmt: skip


def _move(name: str, axis: int) -> Operation:
    """Move by a fraction of the size, rounded to whole pixels; the gradient is that of the fraction."""
    return Operation(
        name, catalogue.Affine, "signed", 0.0, 0.5, 1.0,
        lambda low, high: {"translate_percent": {"xy"[axis]: (low, high)}},
        lambda value: {**_MIDDLE, "translate": (0, value) if axis else (value, 0)},
        lambda values, sig: _whole(values * (sig.height if axis else sig.width)),
        _BORDER,
    )  # fmt: skip


def _shear(name: str, axis: str) -> Operation:
    """Shear along an axis; the value is in degrees."""
    return Operation(
        name, catalogue.Affine, "signed", 0.0, 30.0, 80.0,
        lambda low, high: {"shear": {axis: (low, high)}},
        lambda value: {**_MIDDLE, "shear": {**_NO_SHEAR, axis: value}},
        options=_BORDER,
    )  # fmt: skip


def _jitter(name: str, what: str) -> Operation:
    """Blend with the mean gray (contrast) or each pixel's gray (saturation); the value is the image's share."""
    order = 1 if what == "contrast" else 2
    others = {f"{o}_range": _ONES for o in ("brightness", "contrast", "saturation") if o != what}
    return Operation(
        name, catalogue.ColorJitter, "signed", 1.0, 0.9, 1.0,
        lambda low, high: {**others, f"{what}_range": (low, high), "hue_range": _ZEROS},
        lambda value: {what: value, "order": (order,)},
    )  # fmt: skip


_ALL = (
    _shift("ShiftR", "r"),
    _shift("ShiftG", "g"),
    _shift("ShiftB", "b"),
    # The value, a fraction of full range, is added.
    Operation(
        "Brightness", catalogue.RandomBrightnessContrast, "signed", 0.0, 0.5, 1.0,
        lambda low, high: {"brightness_range": (low, high), "contrast_range": _ZEROS, "brightness_by_max": True},
        lambda value: {"alpha": 1.0, "beta": value, "brightness_by_max": True},
    ),
    _jitter("Contrast", "contrast"),
    # The threshold; white is inverted even at magnitude 0.
    Operation(
        "Solarize", catalogue.Solarize, "fixed", 1.0, -1.0, 1.0,
        lambda low, high: {"threshold_range": (low, high)},
        lambda value: {"threshold": value},
    ),
    Operation("HorizontalFlip", catalogue.HorizontalFlip),
    Operation("VerticalFlip", catalogue.VerticalFlip),
    # Degrees, counter-clockwise.
    Operation(
        "Rotate", catalogue.Rotate, "signed", 0.0, 45.0, 180.0,
        lambda low, high: {"angle_range": (low, high)},
        lambda value: {"angle": value},
        options=_BORDER,
    ),
    _move("ShiftX", 0),
    _move("ShiftY", 1),
    # The factor of both axes.
    Operation(
        "Scale", catalogue.Affine, "signed", 1.0, 0.5, 0.95,
        lambda low, high: {"scale": (low, high)},
        lambda value: {**_MIDDLE, "scale": {"x": value, "y": value}},
        options=_BORDER,
    ),
    # The side, a fraction of the image's; `number` holes.
    _Cutout("CutoutFixedNumber", catalogue.CoarseDropout, "fixed", 0.0, 0.5, 1.0, options={"number": 1}),
    # The number of holes; `size` is their side, a fraction of the image's.
    _Cutout("CutoutFixedSize", catalogue.CoarseDropout, "fixed", 0.0, 8.0, 64.0, options={"size": 0.2}),
    _shear("ShearX", "x"),
    _shear("ShearY", "y"),
    # Bits that are kept.
    Operation(
        "Posterize", catalogue.Posterize, "fixed", 8.0, -4.0, 8.0,
        lambda low, high: {"num_bits": round(low)},
        lambda value: {"num_bits": value},
        lambda values, sig: _whole(values),
    ),
    # The exponent.
    Operation(
        "Gamma", catalogue.RandomGamma, "signed", 1.0, 0.7, 0.99,
        lambda low, high: {"gamma_range": (round(100.0 * low, 7), round(100.0 * high, 7))},
        lambda value: {"gamma": value},
    ),
    _jitter("Saturation", "saturation"),
    # How often the difference to a Gaussian of 1 pixel is added.
    Operation(
        "Sharpness", catalogue.Sharpen, "one-sided", 0.0, 1.0, 1.0,
        lambda low, high: {"alpha_range": (low, high), "method": "gaussian"},
        lambda value: {"alpha": value},
    ),
    Operation("AutoContrast", catalogue.AutoContrast, arguments=lambda low, high: {"method": "pil"}),
    Operation("Equalize", catalogue.Equalize),
    Operation("Invert", catalogue.InvertImg),
    # Standard deviation in pixels; below 2/7 it reaches no neighbour.
    Operation(
        "Blur", catalogue.GaussianBlur, "one-sided", 0.25, 1.75, 16.0,
        lambda low, high: {"sigma_range": (low, high)},
        lambda value: {"kernel_size": 0, "sigma": value},
    ),
)  # fmt: skip

OPERATIONS: dict[str, Operation] = {operation.name: operation for operation in _ALL}

# Bounds of the options, and whether they are whole numbers.
_OPTIONS: dict[str, tuple[float, float, bool]] = {
    "border_mode": (0, 4, True),
    "number": (1, 64, True),
    "size": (0, 1, False),
}
_BORDERS = (0, 1, 2, 4)


def find_operation(given: str | Mapping[str, Any], where: str = "operations") -> Operation:
    """The operation of a name, or of {"name": ..., "range": ..., options}; FieldError naming `where` if none."""
    spec: Any = {"name": given} if isinstance(given, str) else given
    if not isinstance(spec, Mapping) or not isinstance(spec.get("name"), str):
        raise FieldError(f"{where}: got {shown(given)}; pass a name, or a dict such as {{name: Rotate, range: 30}}")
    name = spec["name"]
    if name not in OPERATIONS:
        near = nearest(name, OPERATIONS)
        hint = f"did you mean {near!r}? " if near else ""
        raise FieldError(f"{where}: unknown operation {shown(name)}; {hint}known: {', '.join(OPERATIONS)}")
    operation = OPERATIONS[name]
    known = [*(["range"] if operation.has_magnitude else []), *operation.options]
    options = dict(operation.options)
    reach = operation.reach
    for key, value in spec.items():
        at = f"{where}: {name}.{key}"
        if key == "name":
            continue
        if key not in known:
            near = nearest(str(key), known)
            hint = f"did you mean {near!r}? " if near else ""
            raise FieldError(f"{at}: got {shown(value)}; {hint}known: {', '.join(['name', *known])}")
        low, high, whole = (0.0, operation.most, False) if key == "range" else _OPTIONS[key]
        number = _number(value, at, low, high, whole)
        if key == "range":
            reach = number if reach > 0 else -number
        else:
            options[key] = number
    if options.get("border_mode", 0) not in _BORDERS:
        raise FieldError(f"{where}: {name}.border_mode: got {options['border_mode']}; pass one of 0, 1, 2, 4")
    if reach == operation.reach and options == operation.options:
        return operation
    return replace(operation, reach=reach, options=options)


def _number(value: Any, at: str, low: float, high: float, whole: bool) -> Any:
    """The value, if it is a number from low to high; above 0 unless a whole one."""
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high or not (whole or value > 0):
        words = f"a whole number from {low:g} to {high:g}" if whole else f"a number above 0, at most {high:g}"
        raise FieldError(f"{at}: got {shown(value)}; pass {words}")
    return value if whole else float(value)
