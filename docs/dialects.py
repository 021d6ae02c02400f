"""Where augury differs from a dialect of Albumentations on purpose: one table, for the docs and the tests alike."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Difference(NamedTuple):
    """One difference, for some transforms.

    dialect: whose. kind: a "choice" (what: argument=value) is refused; a "target" (what: its name) is refused; a target
    "follows" never: it stays as it is when the image changes.
    """

    names: tuple[str, ...]
    dialect: Literal["mit_2.0.8", "successor_2.5.1", "both"]
    kind: Literal["choice", "target", "follows"]
    what: str
    why: str


DIFFERENCES = (
    Difference(("ToTensor3D",), "both", "target", "image", "it turns volumes and their masks, and no pictures"),
    Difference(("ToTensor3D",), "both", "target", "mask", "it turns volumes and their masks, and no pictures"),
    Difference(
        ("PixelDropout", "PixelSpread"), "both", "follows", "bboxes", "single pixels move or vanish, objects stay"
    ),
    Difference(
        ("PixelDropout", "PixelSpread"), "both", "follows", "keypoints", "single pixels move or vanish, objects stay"
    ),
    Difference(("Morphological",), "both", "follows", "keypoints", "shapes grow or shrink where they are"),
    Difference(
        ("UniformTemporalSubsample",),
        "both",
        "follows",
        "bboxes",
        "labels that no frame owns stay; those bound by frame_binding go with their frame",
    ),
    Difference(
        ("UniformTemporalSubsample",),
        "both",
        "follows",
        "keypoints",
        "labels that no frame owns stay; those bound by frame_binding go with their frame",
    ),
)


def table() -> str:
    """The differences for the docs."""
    said = {"choice": "is refused", "target": "is refused", "follows": "stay when the image changes"}
    lines = ["| transform | what | why |", "| --- | --- | --- |"]
    for one in DIFFERENCES:
        lines.append(f"| {', '.join(one.names)} | `{one.what}` {said[one.kind]} | {one.why} |")
    return "\n".join(lines) + "\n"
