"""How far transforms are from what they cannot do without: `python -m benchmarks.floors` writes docs/speed.md.

A floor is the sum of the passes over memory, cipher runs and OpenCV calls that the result needs, each timed alone on
the same image; everything else is ours. One thread, 512 x 512 x 3 uint8, medians of processor time, which other
programs disturb least.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import median
from time import perf_counter, thread_time
from typing import Any

import cv2
import numpy as np

import augury
from augury.kernels.cpu.arrays import planes
from augury.rng import Source
from benchmarks import worker
from benchmarks.cases import NOT_SLOWER, catalogue, single
from benchmarks.compare import machine, table
from benchmarks.samples import photo

PAGE = Path(__file__).resolve().parent.parent / "docs" / "speed.md"
SIZE = 512
LEAST_RUNS, SECONDS = 20, 0.5

INTRODUCTION = """# How near to the floor

A transform cannot be faster than the passes over memory, the random bits and the OpenCV calls that its result is made
of. Below, each is timed beside their sum, the floor; *times floor* is what our own code, the pipeline and the passes
in between add. `image` means all values of three channels, `pixels` one value per pixel. Below 1, there is a faster way
through OpenCV than the plain call, such as warping four channels in place of three, and augury takes it.
"""

image = photo(SIZE, SIZE)
rows = image.reshape(SIZE, -1)
field = photo(SIZE, SIZE, 0, "float32")
grid = field[:64, :64].copy()
words = photo(SIZE, 3 * SIZE, 0, "uint16")
lookup = np.arange(1 << 16, dtype=np.uint16).astype(np.uint8).reshape(1, -1)
lookup_float = np.arange(1 << 16, dtype=np.float32).reshape(1, -1)
fractions = image.astype(np.float32) / np.float32(255)
at_y, at_x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) + np.float32(0.3)
weights = cv2.getGaussianKernel(5, 1.0, cv2.CV_32F)
wide = cv2.getGaussianKernel(35, 5.0, cv2.CV_32F)
dense = np.full((5, 5), 0.04, np.float32)
matrix = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), 20, 1)

PIXELS = SIZE * SIZE
PASSES: dict[str, Callable[[], Any]] = {
    "copy of the image": image.copy,
    "float32 image written": lambda: np.divide(image, np.float32(255), dtype=np.float32),
    "8 random bits a pixel": lambda: Source("0" * 24).uint8(PIXELS),
    "16 random bits a pixel": lambda: Source("0" * 24).uint16(PIXELS),
    "32 random bits a pixel": lambda: Source("0" * 24).uint32(PIXELS),
    "16 random bits a value": lambda: Source("0" * 24).uint16(3 * PIXELS),
    "24 random bits a value": lambda: Source("0" * 24).uint8(9 * PIXELS),
    "look-up of the image by 16 bits": lambda: cv2.LUT(words, lookup),
    "look-up of normals for pixels": lambda: cv2.LUT(words[:, :SIZE], lookup_float),
    "image + image": lambda: cv2.add(rows, rows),
    "image * image": lambda: cv2.multiply(rows, rows, scale=1 / 255),
    "field enlarged": lambda: cv2.resize(grid, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC),
    "Gaussian of the image": lambda: cv2.sepFilter2D(image, -1, weights, weights),
    "wide Gaussian of a field": lambda: cv2.sepFilter2D(field, -1, wide, wide),
    "remap of the image": lambda: cv2.remap(image, at_x, at_y, cv2.INTER_LINEAR),
    "remap of a channel": lambda: cv2.remap(image[:, :, 0].copy(), at_x, at_y, cv2.INTER_LINEAR),
    "warp of the image": lambda: cv2.warpAffine(image, matrix, (SIZE, SIZE)),
    "5 x 5 weights on the image": lambda: cv2.filter2D(image, -1, dense),
    "5 weights on the image": lambda: cv2.filter2D(image, -1, np.eye(5, dtype=np.float32) / 5),
    "box of 7 x 7": lambda: cv2.blur(image, (7, 7)),
    "HLS there and back": lambda: cv2.cvtColor(cv2.cvtColor(fractions, cv2.COLOR_RGB2HLS), cv2.COLOR_HLS2RGB),
    "HSV there and back": lambda: cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2HSV), cv2.COLOR_HSV2RGB),
    "float image enlarged and added": lambda: cv2.accumulate(
        cv2.resize(fractions[20:-20, 20:-20], (SIZE, SIZE)), fractions.copy()
    ),
    "split and merge": lambda: cv2.merge(planes(image)),
}

FLOORS: dict[str, dict[str, int]] = {
    "ThinPlateSpline": {"field enlarged": 2, "remap of the image": 1},
    "PiecewiseAffine": {"remap of the image": 1},
    "GridElasticDeform": {"remap of the image": 1},
    "ElasticTransform": {"16 random bits a pixel": 2, "wide Gaussian of a field": 2, "remap of the image": 1},
    "GridDistortion": {"remap of the image": 1},
    "OpticalDistortion": {"field enlarged": 2, "remap of the image": 1},
    "ChromaticAberration": {"field enlarged": 4, "remap of a channel": 2, "split and merge": 1},
    "Affine": {"warp of the image": 1},
    "PlasmaBrightnessContrast": {
        "8 random bits a pixel": 1,
        "field enlarged": 1,
        "look-up of the image by 16 bits": 1,
    },
    "PlasmaShadow": {"8 random bits a pixel": 1, "field enlarged": 1, "image * image": 1},
    "GlassBlur": {"16 random bits a pixel": 2, "remap of the image": 2, "Gaussian of the image": 2},
    "GaussNoise": {"16 random bits a value": 1, "look-up of the image by 16 bits": 1, "image + image": 1},
    "AdditiveNoise": {"16 random bits a value": 1, "look-up of the image by 16 bits": 1, "image + image": 1},
    "MultiplicativeNoise": {"16 random bits a value": 1, "image * image": 1},
    "ShotNoise": {"24 random bits a value": 1, "look-up of the image by 16 bits": 3},
    "ISONoise": {
        "float32 image written": 1,
        "HLS there and back": 1,
        "16 random bits a pixel": 2,
        "look-up of normals for pixels": 2,
    },
    "SaltAndPepper": {"32 random bits a pixel": 1, "copy of the image": 1},
    "FilmGrain": {"8 random bits a pixel": 1, "look-up of the image by 16 bits": 1},
    "PixelDropout": {"32 random bits a pixel": 1, "copy of the image": 1},
    "CoarseDropout": {"copy of the image": 1},
    "Erasing": {"copy of the image": 1},
    "GridDropout": {"copy of the image": 1},
    "XYMasking": {"copy of the image": 1},
    "TimeMasking": {"copy of the image": 1},
    "ChannelDropout": {"copy of the image": 1},
    "RandomRain": {"box of 7 x 7": 1, "image * image": 1, "image + image": 1},
    "RandomFog": {"field enlarged": 1, "image * image": 1, "image + image": 1},
    "RandomSnow": {"split and merge": 1, "look-up of the image by 16 bits": 1},
    "ZoomBlur": {"float image enlarged and added": 10},
    "MotionBlur": {"5 weights on the image": 1},
    "AdvancedBlur": {"5 x 5 weights on the image": 1},
    "HueSaturationValue": {"HSV there and back": 1},
    "ToFloat": {"float32 image written": 1},
}


def seconds(run: Callable[[], Any]) -> float:
    """Seconds of this thread that a run takes, the median of many."""
    times: list[float] = []
    run()
    start = perf_counter()
    while len(times) < LEAST_RUNS or perf_counter() - start < SECONDS:
        began = thread_time()
        run()
        times.append(thread_time() - began)
    return median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--page", type=Path, default=PAGE, help="where the table goes")
    page: Path = parser.parse_args().page
    cv2.setNumThreads(1)
    arguments = catalogue(SIZE)
    cost = {name: seconds(run) for name, run in PASSES.items()}
    lines = []
    for name, passes in FLOORS.items():
        if not hasattr(augury, name):
            continue
        run = worker.call(augury, asdict(single("floors", name, arguments.get(name, {}), SIZE, NOT_SLOWER)), None)
        own, floor = seconds(run), sum(count * cost[what] for what, count in passes.items())
        parts = ", ".join(what if count == 1 else f"{count} x {what}" for what, count in passes.items())
        lines.append([name, f"{own * 1e6:,.0f}", f"{floor * 1e6:,.0f}", parts, f"**{own / floor:.1f}**"])
    text = table(("transform", "us", "floor, us", "made of", "times floor"), lines)
    command = f"`python -m benchmarks.floors` on {machine()}; {SIZE} x {SIZE} x 3 uint8."
    page.write_text(f"{INTRODUCTION}\n{command}\n\n{text}\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
