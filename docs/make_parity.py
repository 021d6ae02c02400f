"""Measure how far exported steps are from what was searched: `python -m docs.make_parity` writes docs/search-parity.md.

Each operation runs twice at the values of five magnitudes: as the pipeline step that a policy is exported with, on
8-bit photographs, and as the torch operation that the search differentiates, on the same photographs as fractions.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

import augury as A
from augury.sample import Array
from augury.search.operations import OPERATIONS, Operation

PAGE = Path(__file__).parent / "search-parity.md"
MAGNITUDES = (0.2, 0.4, 0.6, 0.8, 1.0)

INTRODUCTION = """# What is searched is what is exported

A search differentiates torch kernels on batches of floats; the pipeline it writes runs the kernels for arrays on 8-bit
images. Written by `python -m docs.make_parity`: the mean absolute difference between both, in steps of 1/255, on the
two photographs that scikit-learn ships (427 x 640, RGB), at five magnitudes. For operations that draw from a range it
is the larger of both ends of the range. Rounding to 8 bits alone makes 0.25 on average. Borders are included.
*Masks*: the largest share of mask pixels whose label differs (nearest interpolation; where a scale
puts places half-way between two pixels, a last bit decides); other operations leave masks alone.

*Exported as* shows magnitude 1. Gradients are exact, tested against finite differences, but for those marked
*straight-through*: thresholds, bits, whole pixels and counts have no slope, so an estimator stands in, which the
function's docstring describes (after Bengio, Leonard and Courville, 2013).

"""
ESTIMATED = ("Solarize", "ShiftX", "ShiftY", "CutoutFixedNumber", "CutoutFixedSize", "Posterize")


@cache
def photographs() -> tuple[Array, ...]:
    """Two photographs (427, 640, 3), uint8."""
    from sklearn.datasets import load_sample_images

    return tuple(np.array(image) for image in load_sample_images().images)


def both(operation: Operation, value: float, image: Array, mask: Array) -> tuple[tuple[Array, Array], ...]:
    """Image (H, W, C) in 255ths and mask (H, W) of the exported step, and of the torch operation."""
    pipeline = A.Compose([operation.at_value(value)], save_applied_params=True)
    exported = pipeline(image=image, mask=mask)
    chance = None
    if "Cutout" in operation.name:
        chance = places(exported["applied_transforms"], operation, *image.shape[:2])
    batch = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255.0
    out, moved = operation.run_at(batch, torch.from_numpy(mask)[None], torch.tensor([value]), chance)
    assert moved is not None
    searched = out[0].permute(1, 2, 0).double().numpy() * 255.0
    return (exported["image"].astype(np.float64), exported["mask"]), (searched, moved[0].numpy())


def places(applied: Any, operation: Operation, height: int, width: int) -> torch.Tensor:
    """The random numbers that put holes where the exported step put them."""
    numbers = [
        number
        for _, params in applied
        for x_min, y_min, x_max, y_max in params.get("holes", ())
        for number in ((x_min + 0.5) / (width - x_max + x_min + 1), (y_min + 0.5) / (height - y_max + y_min + 1))
    ]
    return torch.tensor([numbers + [0.0] * (operation.draws - len(numbers))], dtype=torch.float64)


def apart(operation: Operation, magnitude: float, images: tuple[Array, ...]) -> tuple[float, float]:
    """The largest mean difference, in 255ths, and share of mask pixels that differ, over images and ends."""
    found = [(0.0, 0.0)]
    for image in images:
        mask = (image[:, :, 0] // 64).astype(np.uint8)
        for value in set(operation.ends(magnitude)):
            (exported, labels), (searched, moved) = both(operation, value, image, mask)
            found.append((float(np.abs(exported - searched).mean()), float((labels != moved).mean())))
    images_off, masks_off = zip(*found, strict=True)
    return max(images_off), max(masks_off)


def rows() -> Iterator[str]:
    """The lines of the table."""
    yield f"| operation | exported as | {' | '.join(map(str, MAGNITUDES))} | masks | gradient |"
    yield f"| --- | --- |{' --- |' * (len(MAGNITUDES) + 2)}"
    for name, operation in OPERATIONS.items():
        found = [apart(operation, magnitude, photographs()) for magnitude in MAGNITUDES]
        cells = [f"{image:.2f}" for image, _ in found] if operation.has_magnitude else [f"{found[0][0]:.2f}"] + [""] * 4
        moves = operation.transform.acts_on == "dual" and "Cutout" not in name
        masks = f"{max(mask for _, mask in found):.2%}" if moves else ""
        gradient = "straight-through" if name in ESTIMATED else "exact" if operation.has_magnitude else ""
        step = repr(operation.transform_at(1.0, 0.5)).replace(", p=0.5", "").replace("p=0.5", "")
        yield f"| {name} | `{step}` | {' | '.join(cells)} | {masks} | {gradient} |"


if __name__ == "__main__":
    torch.set_num_threads(1)
    PAGE.write_text(INTRODUCTION + "\n".join(rows()) + "\n", encoding="utf-8")
