"""Frames of a video."""

from __future__ import annotations

from collections.abc import Sequence

from augury.fields import Integer, Probability
from augury.ops import Op, TakeFrames
from augury.sample import Signature
from augury.transform import GeometricTransform, Params

__all__ = ["UniformTemporalSubsample"]


class UniformTemporalSubsample(GeometricTransform):
    """Keep evenly spaced frames of images, masks and frames; frames repeat if there are fewer than wanted.

    num_frames: frames i * (T - 1) / (num_frames - 1) of T, cut to integers. Labels of dropped frames go with them;
    a sample without frames stays as it is.
    """

    num_frames: Integer = Integer(low=1, keep=True)
    p: Probability = Probability(default=1.0)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (TakeFrames(params["num_frames"]),)
