"""Shared by the tests of geometric transforms: what was drawn, and the ops it lowers to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

import augury as A
from augury.fields import frozen
from augury.rng import State, Stream, seeded
from augury.sample import Array, Labels, Signature

KEYS = range(300)


def image(height: int = 40, width: int = 60, channels: int = 3) -> Array:
    return np.random.default_rng(0).integers(1, 256, (height, width, channels), np.uint8)


def signature(height: int = 40, width: int = 60, labels: Labels | None = None) -> Signature:
    return Signature((height, width, 3), "uint8", labels)


def drawn(transform: Any, key: int = 0, sig: Signature | None = None) -> dict[str, Any]:
    """The params of one call, as they come back from JSON."""
    params = transform.draw(sig or signature(), Stream(State(seeded(0), (key,)), b"step"))
    out: dict[str, Any] = frozen(json.loads(json.dumps({**params, **transform.kept})))
    return out


def lowered(transform: Any, key: int = 0, sig: Signature | None = None) -> Sequence[Any]:
    sig = sig or signature()
    ops: Sequence[Any] = transform.lower(drawn(transform, key, sig), sig._replace(labels=None))
    return ops


def run(transform: Any, key: int = 0, **targets: Any) -> dict[str, Any]:
    out: dict[str, Any] = A.Compose(
        [transform],
        bbox_params=A.BboxParams("pascal_voc") if "bboxes" in targets else None,
        keypoint_params=A.KeypointParams("xy", remove_invisible=False) if "keypoints" in targets else None,
        seed=1,
    )(key=key, **{"image": image(), **targets})
    return out
