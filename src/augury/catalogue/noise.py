"""Noise: what a sensor adds, drawn again from a stream key whenever a step runs."""

from __future__ import annotations

from collections.abc import Sequence

from augury import ops
from augury.fields import Flag, Limits, Number, Probability
from augury.ops import Op
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import ImageTransform, Params

__all__ = ["GaussNoise", "ISONoise", "MultiplicativeNoise", "SaltAndPepper", "ShotNoise"]

# Factors of more channels than this are recorded by the key they are drawn from.
MOST_RECORDED = 128


class GaussNoise(ImageTransform):
    """Add Gaussian noise.

    std_range: standard deviation as a fraction of full range, in [0, 1]. mean_range: mean, in [-1, 1].
    per_channel: every channel has its own noise. noise_scale_factor: noise is drawn at this fraction of the image's
    size, in (0, 1], and enlarged linearly: below 1 it is coarser and weaker.
    """

    std_range: Limits = Limits(default=(0.2, 0.44), low=0, high=1, scalar="fixed")
    mean_range: Limits = Limits(default=(0.0, 0.0), low=-1, high=1, scalar="fixed")
    per_channel: Flag = Flag(default=False, keep=True)
    p: Probability = Probability(default=0.5)
    noise_scale_factor: Number = Number(default=1.0, low=0, high=1, open_low=True, keep=True)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"std": stream.uniform(*self.std_range), "mean": stream.uniform(*self.mean_range), "key": stream.key()}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (
            ops.GaussNoise(
                params["key"], params["mean"], params["std"], params["per_channel"], params["noise_scale_factor"]
            ),
        )


class ISONoise(ImageTransform):
    """Camera noise of high sensitivity: hue and lightness jitter; RGB images only.

    color_shift_range: standard deviation of hue at intensity 1, in turns, in [0, 1]. intensity_range: strength of both,
    at least 0.
    """

    color_shift_range: Limits = Limits(default=(0.01, 0.05), low=0, high=1, scalar="fixed", alias="color_shift")
    intensity_range: Limits = Limits(default=(0.1, 0.5), low=0, scalar="fixed", alias="intensity")
    p: Probability = Probability(default=0.5)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {
            "color_shift": stream.uniform(*self.color_shift_range),
            "intensity": stream.uniform(*self.intensity_range),
            "key": stream.key(),
        }

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.IsoNoise(params["key"], params["color_shift"], params["intensity"]),)


class MultiplicativeNoise(ImageTransform):
    """Multiply by random factors.

    multiplier: range of the factors, at least 0. per_channel: every channel has its own factor. elementwise: every
    pixel has.
    """

    multiplier: Limits = Limits(default=(0.9, 1.1), low=0, scalar="fixed")
    per_channel: Flag = Flag(default=False, keep=True)
    elementwise: Flag = Flag(default=False, keep=True)
    p: Probability = Probability(default=0.5)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        low, high = self.multiplier
        n = sig.channels if self.per_channel else 1
        if self.elementwise or n > MOST_RECORDED:
            return {"multiplier_range": self.multiplier, "key": stream.key()}
        return {"multiplier": tuple([stream.uniform(low, high) for _ in range(n)])}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        if "multiplier" in params:
            return (ops.Linear(params["multiplier"]),)
        low, high = params["multiplier_range"]
        return (ops.MultiplyNoise(params["key"], low, high, params["per_channel"], params["elementwise"]),)


class SaltAndPepper(ImageTransform):
    """Set some pixels to full range (salt) and some to 0 (pepper).

    amount_range: fraction of all pixels, in [0, 1]. salt_vs_pepper_range: fraction of those that become salt, in [0,
    1].
    """

    amount_range: Limits = Limits(default=(0.01, 0.06), low=0, high=1, scalar="fixed", alias="amount")
    salt_vs_pepper_range: Limits = Limits(default=(0.4, 0.6), low=0, high=1, scalar="fixed", alias="salt_vs_pepper")
    p: Probability = Probability(default=0.5)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {
            "amount": stream.uniform(*self.amount_range),
            "salt_vs_pepper": stream.uniform(*self.salt_vs_pepper_range),
            "key": stream.key(),
        }

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        salt = params["amount"] * params["salt_vs_pepper"]
        return (ops.SaltPepper(params["key"], salt, params["amount"] - salt),)


class ShotNoise(ImageTransform):
    """Photon noise: every value becomes a Poisson count of the light it stands for.

    scale_range: reciprocal of the photons at full range, above 0; larger is noisier.
    """

    scale_range: Limits = Limits(default=(0.1, 0.3), low=0, open_low=True, scalar="fixed")
    p: Probability = Probability(default=0.5)

    def draw(self, sig: Signature, stream: Stream) -> Params:
        return {"scale": stream.uniform(*self.scale_range), "key": stream.key()}

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (ops.ShotNoise(params["key"], params["scale"]),)
