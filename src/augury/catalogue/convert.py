"""From images to the inputs of models, and between number types."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from augury import ops
from augury.errors import FieldError, SampleError, shown
from augury.fields import Flag, Limits, Listed, Maybe, Number, Option, Probability
from augury.sample import MAX_VALUE, Signature
from augury.transform import GeometricTransform, ImageTransform, Ops, Params

__all__ = ["FromFloat", "Normalize", "ToFloat", "ToTensorV2"]

NORMALIZATIONS = ("standard", "image", "image_per_channel", "min_max", "min_max_per_channel")


class Normalize(ImageTransform):
    """Intensities to model inputs, float32.

    standard: (value - mean * max_pixel_value) / (std * max_pixel_value); mean and std a number or one per channel.
    image, image_per_channel: (value - mean) / (std + 1e-4) with mean and std of the image or of each channel;
    min_max, min_max_per_channel: (value - min) / (max - min + 1e-4). clip_range: the result is clipped to (low, high).
    """

    mean: Maybe = Maybe(Listed(Number(keep=True), alone=True, wrapped=True), default=(0.485, 0.456, 0.406))
    std: Maybe = Maybe(
        Listed(Number(low=0, open_low=True, keep=True), alone=True, wrapped=True), default=(0.229, 0.224, 0.225)
    )
    max_pixel_value: Maybe = Maybe(Number(low=1e-30, keep=True), default=255.0)
    normalization: Option = Option(default="standard", options=NORMALIZATIONS, keep=True)
    p: Probability = Probability(default=1.0, kw_only=True)
    clip_range: Maybe = Maybe(Limits(keep=True), default=None)

    def check(self) -> None:
        if self.normalization != "standard":
            return
        for name in ("mean", "std", "max_pixel_value"):
            if getattr(self, name) is None:
                raise FieldError(
                    f"Normalize.{name}: got None; normalization='standard' needs it, pass it or another mode"
                )
        if min(self.std) * self.max_pixel_value < 1e-30:
            raise FieldError(f"Normalize.std: got {shown(self.std)}; pass larger ones, or a larger max_pixel_value")
        if len(self.mean) != len(self.std) and 1 not in (len(self.mean), len(self.std)):
            raise FieldError(
                f"Normalize.std: got {len(self.std)} values for {len(self.mean)} of mean; pass one each or one for all"
            )

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        clip, mode = params["clip_range"], params["normalization"]
        clip = None if clip is None else tuple(clip)
        if mode != "standard":
            return (ops.NormalizeByImage(mode, clip),)
        return (ops.Normalize(tuple(params["mean"]), tuple(params["std"]), params["max_pixel_value"], clip),)


class ToFloat(ImageTransform, p=1):
    """value / max_value as float32; float images stay as they are.

    max_value: None means the full range of the image's type (255 or 65535).
    """

    max_value: Maybe = Maybe(Number(low=1e-30, keep=True), default=None)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        if sig.dtype == "float32":
            return ()
        max_value = params["max_value"]
        return (ops.ToFloat(sig.max_value if max_value is None else max_value),)


class FromFloat(ImageTransform, p=1):
    """round(value * max_value) of a float image, clipped to the range of dtype; undoes ToFloat.

    dtype: "uint8" or "uint16". max_value: None means the full range of dtype.
    """

    dtype: Option = Option(default="uint8", options=("uint8", "uint16"), keep=True)
    max_value: Maybe = Maybe(Number(low=0, open_low=True, keep=True), default=None)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        if sig.dtype != "float32":
            raise SampleError(f"FromFloat: got an image of dtype {sig.dtype}; pass float32, or run ToFloat first")
        dtype, max_value = params["dtype"], params["max_value"]
        return (ops.FromFloat(dtype, MAX_VALUE[dtype] if max_value is None else max_value),)


@cache
def _torch_installed() -> bool:
    return find_spec("torch") is not None


def need_torch(name: str) -> None:
    """Raise FieldError if torch is not installed."""
    if not _torch_installed():
        raise FieldError(f"{name}: torch is not installed; pip install 'augury[torch]', or leave the step out")


class ToTensorV2(GeometricTransform, p=1):
    """Image (H, W, C) or (H, W) to a torch tensor (C, H, W), same type; masks become tensors too. Goes last.

    transpose_mask: masks (H, W, C) become (C, H, W) as well. Needs the extra augury[torch].
    """

    transpose_mask: Flag = Flag(default=False, keep=True)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        need_torch("ToTensorV2")
        return (ops.ToTensor(params["transpose_mask"]),)
