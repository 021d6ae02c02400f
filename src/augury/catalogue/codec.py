"""What transport does to images: lossy compression and loss of resolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from augury import ops
from augury.fields import INTERPOLATIONS, IntLimits, Limits, Option, Plain
from augury.ops import Op
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import ImageTransform, Params

__all__ = ["Downscale", "ImageCompression"]


class ImageCompression(ImageTransform):
    """Encode and decode as JPEG or WebP; 8-bit.

    compression_type: "jpeg" or "webp". quality_range: of the quality, 1 (worst) to 100.
    """

    compression_type: Option = Option(default="jpeg", options=("jpeg", "webp"), keep=True)
    quality_range: IntLimits = IntLimits(default=(99, 100), low=1, high=100, scalar="fixed")

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"quality": stream.integer(*self.quality_range)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.Compress(params["compression_type"], params["quality"]),)


def _pair(value: Any) -> dict[str, int]:
    known = ", ".join(f"{number} {name}" for number, name in INTERPOLATIONS.items())
    rule = f"pass {{'upscale': i, 'downscale': j}} with OpenCV interpolation constants ({known})"
    if not isinstance(value, Mapping) or set(value) != {"upscale", "downscale"}:
        raise ValueError(rule)
    if any(isinstance(i, bool) or not hasattr(i, "__index__") or int(i) not in INTERPOLATIONS for i in value.values()):
        raise ValueError(rule)
    return {"upscale": int(value["upscale"]), "downscale": int(value["downscale"])}


_CONSTANT = {"enum": list(INTERPOLATIONS)}


class Downscale(ImageTransform):
    """Shrink and enlarge back to the same size.

    scale_range: of the factor of both sides, at most 1 (at least one pixel is left). interpolation_pair: OpenCV
    interpolation constants, one for each way.
    """

    scale_range: Limits = Limits(default=(0.25, 0.25), low=0, high=1, scalar="fixed")
    interpolation_pair: Plain = Plain(
        default={"upscale": 0, "downscale": 0},
        check=_pair,
        shape={
            "type": "object",
            "properties": {"upscale": _CONSTANT, "downscale": _CONSTANT},
            "additionalProperties": False,
        },
        examples=({"upscale": 1, "downscale": 3},),
    )

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"scale": stream.uniform(*self.scale_range), "interpolation_pair": dict(self.interpolation_pair)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        if params["scale"] == 1.0:
            return ()
        pair = params["interpolation_pair"]
        return (ops.Downscale(params["scale"], pair["downscale"], pair["upscale"]),)
