"""Frames of a video."""

from __future__ import annotations

from augury import ops
from augury.fields import Integer
from augury.transform import GeometricTransform

__all__ = ["UniformTemporalSubsample"]


class UniformTemporalSubsample(GeometricTransform, p=1):
    """Keep evenly spaced frames of images, masks and frames; frames repeat if there are fewer than wanted.

    num_frames: frames i * (T - 1) / (num_frames - 1) of T, cut to integers. Labels of dropped frames go with them;
    a sample without frames stays as it is.
    """

    num_frames: Integer = Integer(low=1, keep=True)
    lowers_to = ops.TakeFrames, "num_frames"
