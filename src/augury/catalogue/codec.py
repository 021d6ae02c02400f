"""What transport does to images: lossy compression and loss of resolution."""

from __future__ import annotations

from augury import ops
from augury.fields import Fractions, IntLimits, Keyed, Option
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import ImageTransform, Ops, Params

__all__ = ["Downscale", "ImageCompression"]


class ImageCompression(ImageTransform):
    """Encode and decode as JPEG or WebP; 8-bit.

    compression_type: "jpeg" or "webp". quality_range: of the quality, 1 (worst) to 100.
    """

    compression_type: Option = Option(default="jpeg", options=("jpeg", "webp"), keep=True)
    quality_range: IntLimits = IntLimits(default=(99, 100), low=1, high=100, scalar="fixed", draws="quality")
    lowers_to = ops.Compress, "compression_type", "quality"


_INTERPOLATION = Option(options=range(7))


class Downscale(ImageTransform):
    """Shrink and enlarge back to the same size.

    scale_range: of the factor of both sides, at most 1 (at least one pixel is left). interpolation_pair: OpenCV
    interpolation constants, one for each way.
    """

    scale_range: Fractions = Fractions(default=(0.25, 0.25), draws="scale")
    interpolation_pair: Keyed = Keyed(
        default={"upscale": 0, "downscale": 0}, inner={"upscale": _INTERPOLATION, "downscale": _INTERPOLATION}
    )

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {**super().draw(sig, stream), "interpolation_pair": dict(self.interpolation_pair)}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        if params["scale"] == 1.0:
            return ()
        pair = params["interpolation_pair"]
        return (ops.Downscale(params["scale"], pair["downscale"], pair["upscale"]),)
