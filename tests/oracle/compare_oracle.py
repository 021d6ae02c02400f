"""Compare augury with the oracle's results and write docs/oracle.md: `python -m tests.oracle.compare_oracle`.

`--detail` prints one line per check and input that differs. Exits 1 if a transform differs and REASONS is silent.
"""

from __future__ import annotations

import argparse
import json
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.samples import Array
from tests.oracle import specs

FOLDER = Path(__file__).parent / "out"
PAGE = Path(__file__).parents[2] / "docs" / "oracle.md"

REASONS: dict[str, str] = {
    "Rotate": (
        "crop_border keeps the frame's parity, so the cut is centred on the turned image and shows no border; with "
        "mirrored borders 2.0.8 also invents boxes and keypoints for the mirror images; the hull of an ellipse is "
        "that of 120 points"
    ),
    "SafeRotate": (
        "the turned image fits the frame exactly, centre on centre; 2.0.8 scales by a size cut to whole pixels and "
        "moves image and keypoints half a pixel right and down"
    ),
    "Affine": (
        "translate_percent is rounded to the nearest pixel, 2.0.8 cuts it; fit_output has the size of the moved "
        "image, rounded up, and its centre, 2.0.8 adds up to two rows and columns and is half a pixel off; the "
        "hull of an ellipse is that of 120 points"
    ),
    "ShiftScaleRotate": "shifts are rounded to the nearest pixel, 2.0.8 cuts them; whole shifts agree",
    "ElasticTransform": (
        "labels follow the exact inverse of the field, so a field of zero leaves them alone; 2.0.8 reads them back "
        "from drawn masks, to whole pixels"
    ),
    "GridDistortion": (
        "cells are equal and meet, so equal factors that are normalized change nothing; 2.0.8 cuts cells to whole "
        "pixels, repeats a row and a column at each seam, and reads labels back from drawn masks"
    ),
    "OpticalDistortion": (
        "the lens has its centre at the image's, 2.0.8 half a pixel right and down; labels follow the exact inverse, "
        "2.0.8 reads them back from drawn masks, whole pixels and more off near the rim"
    ),
    "ThinPlateSpline": (
        "labels follow the exact inverse of the field, as in ElasticTransform; displacements are even, within scale of "
        "the distance between control points, so that up to 0.4 nothing folds: 14 pixels on average at the defaults on "
        "256 px; in 2.0.8 they are normal, of the whole size: 34 pixels, and the image folds in 8 draws of 10"
    ),
    "PiecewiseAffine": (
        "vertices on the frame may leave it, so that borders come in, in 2.0.8 none do; 9 pixels on average at the "
        "defaults on 256 px, in proportion to scale; 2.0.8 moves by 19 at any scale below 0.05 and folds in every "
        "draw; at scale 0 it raises an error"
    ),
    "GridElasticDeform": "vertices on the frame stay where they are; 2.0.8 moves the rim as well",
    "Resize": (
        "keypoints keep their place in the pixel grid: index x becomes (x + 0.5) * scale - 0.5, as the pixels do; "
        "2.0.8 multiplies the index"
    ),
    "LongestMaxSize": "keypoints as in Resize",
    "SmallestMaxSize": "keypoints as in Resize",
    "RandomSizedCrop": "keypoints as in Resize",
    "RandomResizedCrop": "keypoints as in Resize",
    "RandomSizedBBoxSafeCrop": "keypoints as in Resize",
    "RandomScale": "sizes are rounded to the nearest pixel, 2.0.8 cuts them; keypoints as in Resize",
    "Pad": (
        "with mirrored borders 2.0.8 invents boxes and keypoints for the mirror images; augury keeps those that "
        "were given"
    ),
    "CropAndPad": "percentages are rounded to the nearest pixel, 2.0.8 cuts them; keypoints as in Resize",
    "GridDropout": (
        "holes_number_xy is (columns, rows), as its name says; 2.0.8 takes rows first; boxes shrink to the hull of "
        "what stays visible without rounding to whole pixels, and a keypoint goes with the pixel it is nearest to"
    ),
    "MedianBlur": "up to 5 pixels floats are ranked as floats, 2.0.8 rounds them to 8 bits; bytes agree",
    "MaskDropout": "a box of which nothing is left visible goes, too; 2.0.8 keeps it",
    "TimeMasking": (
        "the length is even from 0 to the parameter, as in SpecAugment (Park et al., 2019); 2.0.8 changes nothing in "
        "every second draw"
    ),
    "FrequencyMasking": "as TimeMasking",
    "RandomRain": (
        "streaks at three distances, smoothed and as translucent as they are thin; 2.0.8 draws opaque lines of one kind"
    ),
    "RandomFog": "another model: puffs of fog fade into white by Koschmieder's law",
    "RandomGravel": "another model: heaps of single stones; 2.0.8 changes all floats by rounding them to 8 bits",
    "RandomShadow": "corners are even in the whole region; 2.0.8 changes all floats by rounding them to 8 bits",
    "RandomSunFlare": "another model of the same scene; 2.0.8 changes all floats by rounding them to 8 bits",
    "Spatter": "in mode 'rain' as much is covered, but shaded in another way; mud leaves the rest of the image alone",
    "PlasmaBrightnessContrast": (
        "the cloud spans 0 to 1 in every draw, half of it on average, in 2.0.8 a third; without strength both agree"
    ),
    "PlasmaShadow": "as PlasmaBrightnessContrast",
    "Superpixels": (
        "regions are found by another implementation of SLIC; where none is filled floats stay as they are, 2.0.8 "
        "rounds them to 8 bits"
    ),
    "ZoomBlur": "every enlargement is about the image's middle, and the largest is one of them; 2.0.8 stops before it",
    "PlanckianJitter": (
        "white is light of 6500 K, and red and blue are scaled as in linear light: by 1.02 and 0.97 at 6000 K "
        "(blackbody), in 2.0.8 by 1.09 and 0.97"
    ),
    "HEStain": (
        "presets ruifrok and macenko agree but where the image is black, which is taken as 1/256; the other presets "
        "are other stains, and the fits find others"
    ),
    "MotionBlur": (
        "a line between the axes is made of the pixels nearest to its points, and 2.0.8 picks others; lines along "
        "the axes agree"
    ),
    "Sharpen": (
        "method 'gaussian' on bytes: 2.0.8 wraps around and brightens dark halos by about 100 levels; floats "
        "agree, and so do bytes with method 'kernel'"
    ),
    "UnsharpMask": "the soft mask of edges is rounded to 255ths; bytes are compared with a rounded Gaussian",
    "Morphological": "every side of a box moves alone; 2.0.8 leaves left and right, and mixes boxes of one image",
    "RandomSnow": "lightness is changed by its formula; 2.0.8 takes floats and bytes through 8-bit HLS and back",
    "ChromaticAberration": "the lens is centred on the middle of the image, in 2.0.8 half a pixel right and below",
    "Illumination": "spots are measured from the edges of the image, in 2.0.8 from its first pixel; ramps agree",
    "ISONoise": (
        "color_shift is a fraction of 360 degrees and every pixel has photon noise; in 2.0.8 hue moves by hundredths "
        "of a degree at these settings, and one byte in forty changes at all"
    ),
    "HueSaturationValue": "floats stay floats, 2.0.8 rounds them to 8 bits with hue in steps of 2 degrees; bytes agree",
    "Equalize": (
        "mode 'pil' is bit for bit Pillow's ImageOps.equalize, 2.0.8's table is up to half a bin brighter; mode "
        "'cv' agrees"
    ),
    "AutoContrast": (
        "with ignore=0 2.0.8 returns the image unchanged, other values of ignore agree; method 'pil' and the cutoff "
        "are within 1 level of Pillow's ImageOps.autocontrast, 2.0.8 is up to 4 levels away"
    ),
    "ToGray": (
        "floats stay floats, 2.0.8 takes from_lab through 8 bits; with one output channel the result is (H, W, 1), "
        "like every image with a channel axis"
    ),
    "RandomToneCurve": "floats follow the curve itself, 2.0.8 takes them through a table of 256 values; bytes agree",
    "Downscale": "the small size is rounded to the nearest pixel, 2.0.8 cuts it; floats are not taken through 8 bits",
    "Normalize": "results are float32 in every mode; 2.0.8 returns float64 where the image's own statistics are used",
    "Lambda": "a function for images meets the slices of a volume, too; 2.0.8 leaves volumes alone",
    "ToTensorV2": "slices of a volume become tensors, too; 2.0.8 leaves volumes alone",
    "Mosaic": (
        "an item is scaled to its part of the window and cut at a random place; 2.0.8 scales it to the cell and shows "
        "part of that, always the same, so that most of each item is cut off at the defaults; where one part is the "
        "whole of a cell with the item's aspect both agree, but for keypoints as in Resize"
    ),
    "FDA": "the window of low frequencies is symmetric about 0, in 2.0.8 it is off centre",
    "HistogramMatching": "floats stay floats, 2.0.8 takes them through 8 bits; bytes agree",
    "PixelDistributionAdaptation": (
        "2.0.8 takes values for others' ranges: bytes become half of the image with nothing of the donor, floats white"
    ),
    "TextImage": "letters are placed by the font's own measures, 2.0.8 writes text a few pixels higher",
    "RandomCrop3D": "a volume smaller than the window stands anywhere in it, in 2.0.8 in its middle; cuts agree",
    "CoarseDropout3D": "masks are filled with fill_mask, in 2.0.8 with fill",
}
"""Why a transform deliberately differs, by name."""

SAME = {"levels": 1.0, "values": 1e-4, "mask": 0.0, "bboxes": 1e-3, "keypoints": 1e-3, "statistics": 0.02}
"""Largest difference that counts as agreement: one level of 255, 1e-4 of full range, no mask pixel, 1e-3 pixels,
two hundredths of full range (mean, deviation) or of the values (share) for random arrays."""

INTRODUCTION = """# Beside the oracle

Every transform with its ranges set to single values, run by MIT Albumentations 2.0.8 and by augury on the same images
(RGB 97 x 131 and 64 x 64, gray, float32), with a mask, boxes and keypoints where pixels move; on a volume of two such
slices with its mask; and, if it works on whole volumes, on three of 7 x 22 x 31 (RGB, float32, gray) with masks and
keypoints in x, y, z. What mixing takes from other images both get as metadata. The table is written by
`./run oracle`; `./run oracle --detail` prints every difference.

*levels*: largest (and mean) absolute difference of integer results, in 255ths of full range · *values*: the same for
float results · *mask*: share of mask pixels that differ · *boxes*, *points*: largest difference in pixels. Transforms
that choose among a few results (D4, ChannelShuffle) are compared as the set of results over 128 draws; random arrays
(noise) by the mean, the deviation and the share of changed values over 24 draws, as fractions (*statistics*).

*agrees* means: at most 1 level, 1e-4 of float range, 1e-3 pixels of boxes and points, 0.02 in statistics, and no mask
pixel. Differences of 1 level are roundings: augury rounds to the nearest level, 2.0.8 often cuts.

Where the place or the field is random at any setting there is no fixed result to compare, only the ends that change
nothing or everything: Perspective at scale 0, ElasticTransform at alpha 0, RandomToneCurve and FancyPCA at scale 0,
Erasing and CoarseDropout of the whole image, crops of the whole image. Weather and light are other models of the same
thing under the same arguments, so statistics tell how strong they are beside each other, no more. Angles of keypoints
are not compared: augury's run clockwise on the screen, from x towards y, through every transform; 2.0.8 turns them the
other way in rotations, and mirrors some of them wrongly in Transpose.
"""


@dataclass
class Row:
    """What was found for one transform."""

    checks: int = 0
    largest: dict[str, float] = field(default_factory=dict)
    means: dict[str, list[float]] = field(default_factory=dict)
    notes: set[str] = field(default_factory=set)

    def add(self, column: str, difference: Array) -> None:
        """Count absolute differences under a column."""
        top = float(difference.max()) if difference.size else 0.0
        self.largest[column] = max(self.largest.get(column, 0.0), top)
        self.means.setdefault(column, []).append(float(difference.mean()) if difference.size else 0.0)

    def cell(self, column: str) -> str:
        """Largest (mean) difference, or nothing."""
        if column not in self.largest:
            return ""
        top, mean = self.largest[column], float(np.mean(self.means[column]))
        if top == 0:
            return "0"
        return f"{top:.3g} ({mean:.2g})" if column in ("levels", "values") else f"{top:.3g}"

    @property
    def agrees(self) -> bool:
        """Whether everything was compared and is within SAME."""
        return not self.notes and all(top <= SAME[column] for column, top in self.largest.items())

    @property
    def equal(self) -> bool:
        """Whether it agrees and pixels and masks have the same bits."""
        return self.agrees and not any(
            self.largest.get(column) for column in ("levels", "values", "mask", "statistics")
        )


def differences(check: specs.Check, target: str, ours: Array, theirs: Array) -> tuple[str, Array] | str:
    """The column and the absolute differences, or why they cannot be compared."""
    if ours.shape != theirs.shape:
        return f"{target}: shape {ours.shape}, oracle {theirs.shape}"
    if ours.dtype.kind != theirs.dtype.kind and target in ("image", "mask"):
        return f"{target}: {ours.dtype}, oracle {theirs.dtype}"
    gap = np.abs(ours.astype(np.float64) - theirs.astype(np.float64))
    if target == "mask":
        return "mask", np.asarray([np.mean(gap > 0)])
    if target != "image":
        return target, gap
    if check.how == "statistics":
        return "statistics", gap
    if ours.dtype.kind == "f":
        return "values", gap
    return "levels", gap * 255 / np.iinfo(ours.dtype).max


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--detail", action="store_true")
    parser.add_argument("--only", metavar="TRANSFORM", help="one transform; the page is left alone")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    import augury

    about = json.loads((FOLDER / "results.json").read_text())
    oracle = np.load(FOLDER / "results.npz")
    checks = specs.checks()
    if about["checks"] != [check.id for check in checks]:
        raise SystemExit("the oracle's results are of other checks; run `./run oracle`")
    rows: dict[str, Row] = {}
    for index, check in enumerate(checks):
        if given.only not in (None, check.transform):
            continue
        row = rows.setdefault(check.transform, Row())
        for name in check.inputs:
            where = f"{check.id} on {name}"
            if f"{index}|{name}" in about["errors"]:
                continue
            row.checks += 1
            try:
                ours = specs.run(augury, check, name)
            except Exception as error:
                row.notes.add(f"{type(error).__name__} for {check.arguments}")
                if given.detail:
                    print(f"{where}: {type(error).__name__}: {error}")
                continue
            for target, value in ours.items():
                theirs = oracle[f"{index}|{name}|{target}"]
                if target == "image" and value.dtype != theirs.dtype:
                    row.notes.add(f"{value.dtype}, oracle {theirs.dtype}")
                if value.shape == (*theirs.shape, 1):
                    row.notes.add("(H, W, 1), oracle (H, W)")
                    value = value[..., 0]
                found = differences(check, target, value, theirs)
                if isinstance(found, str):
                    row.notes.add(found)
                    if given.detail:
                        print(f"{where}: {found}")
                    continue
                row.add(*found)
                if given.detail and found[1].size and found[1].max() > SAME[found[0]]:
                    print(f"{where}: {found[0]} max {found[1].max():.4g} mean {found[1].mean():.4g}")
    columns = ("levels", "values", "mask", "bboxes", "keypoints", "statistics")
    lines = [
        "| transform | results | levels | values | mask | boxes | points | statistics | agrees | reason |",
        "| --- " * 10 + "|",
    ]
    unexplained = []
    for name, row in rows.items():
        reason = REASONS.get(name, "")
        if not row.agrees and not reason:
            unexplained.append(name)
            reason = "; ".join(sorted(row.notes))[:160].replace("|", "/")
        cells = [
            name,
            str(row.checks),
            *(row.cell(column) for column in columns),
            "yes" if row.agrees else "no",
            reason,
        ]
        lines.append("| " + " | ".join(cells) + " |")
    agreeing, equal = sum(row.agrees for row in rows.values()), sum(row.equal for row in rows.values())
    table = "\n".join(lines)
    versions = ", ".join(f"{library} {version}" for library, version in about["versions"].items())
    both = {name for name in about["names"] if name in augury.catalogue.__all__}
    missing = sorted(both - rows.keys())
    summary = (
        f"Of {len(rows)} transforms {equal} give the same bits, {agreeing - equal} agree within tolerance, "
        f"and {len(rows) - agreeing} differ for the reason given. Oracle: {versions}."
        + (f" Both have, but nothing compares: {', '.join(missing)}." if missing else "")
    )
    print(table if given.only or given.detail else summary)
    if unexplained:
        print(f"different without a reason: {', '.join(unexplained)}")
    if not given.only:
        PAGE.write_text(f"{INTRODUCTION}\n{summary}\n\n{table}\n")
    return 1 if unexplained else 0


if __name__ == "__main__":
    raise SystemExit(main())
