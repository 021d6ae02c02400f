"""The pictures of the gallery: every transform on a photograph, the original beside its first draws that differ.

The photographs are flower.jpg (dany13, CC BY 2.0) and china.jpg (danielbuechele, CC BY 2.0) of scikit-learn's sample
images, reduced. A head after Shepp and Logan, "The Fourier reconstruction of a head section" (1974), and a stained
section are made here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import cv2
import numpy as np

import augury as A
from augury.sample import Array
from augury.transform import Transform

WIDTH, HEIGHT, GAP, DRAWS = 192, 128, 4, 3
ORANGE, BLUE, GREEN = (230, 159, 0), (86, 180, 233), (0, 158, 115)  # Okabe and Ito, "Color Universal Design", 2008

BOXES = A.BboxParams("pascal_voc", label_fields=["labels"])
POINTS = A.KeypointParams("xy")

# Arguments, as code, with which a transform shows what it does at the size of the pictures; others have their defaults.
# The code may use image, mask and `other`, a second photograph.
ARGUMENTS = {
    # size and place
    "Resize": "height=64, width=128",
    "LongestMaxSize": "max_size=120",
    "SmallestMaxSize": "max_size=90",
    "RandomScale": "scale_range=(-0.5, 0)",
    "LetterBox": "size=(128, 128), fill=114",
    "Pad": "padding=16, fill=114",
    "PadIfNeeded": "min_height=160, min_width=224, fill=114",
    "Crop": "x_min=40, y_min=16, x_max=150, y_max=112",
    "CenterCrop": "height=96, width=96",
    "RandomCrop": "height=96, width=96",
    "RandomSizedCrop": "min_max_height=(48, 112), size=(96, 96)",
    "RandomResizedCrop": "size=(96, 96)",
    "CropAndPad": "percent=(-0.2, 0.2), keep_size=False",
    "RandomCropFromBorders": "crop_left=0.2, crop_right=0.2, crop_top=0.2, crop_bottom=0.2",
    "RandomSizedBBoxSafeCrop": "height=96, width=96",
    "AtLeastOneBBoxRandomCrop": "height=80, width=80",
    "CropNonEmptyMaskIfExists": "height=64, width=64",
    "Rotate": "angle_range=(-45, 45)",
    "SafeRotate": "angle_range=(-45, 45)",
    "Affine": "scale=(0.7, 1.2), rotate=(-30, 30), shear=(-15, 15), translate_percent=(-0.1, 0.1)",
    "Perspective": "scale=(0.1, 0.2)",
    "GridDistortion": "distort_range=(-0.4, 0.4)",
    "OpticalDistortion": "distort_range=(-0.6, 0.6)",
    "GridElasticDeform": "num_grid_xy=(4, 4), magnitude=12",
    "PixelSpread": "radius=4",
    "RandomGridShuffle": "grid=(3, 4)",
    "Morphological": "scale=(3, 5)",
    # holes
    "CoarseDropout": "num_holes_range=(3, 6)",
    "XYMasking": "num_masks_x=(1, 3), num_masks_y=(1, 3), mask_x_length=(8, 20), mask_y_length=(8, 20)",
    "FrequencyMasking": "freq_mask_param=40",
    "ConstrainedCoarseDropout": 'bbox_labels=["flower"], hole_height_range=(0.2, 0.4), hole_width_range=(0.2, 0.4)',
    "GuidedCoarseDropout": 'protected_bbox_labels=["flower"], num_holes_range=(4, 8)',
    "PixelDropout": "dropout_prob=0.1",
    # volumes
    "RandomCrop3D": "size=(8, 96, 96)",
    "CenterCrop3D": "size=(8, 96, 96)",
    "Pad3D": "padding=(2, 16, 16), fill=64",
    "PadIfNeeded3D": "min_zyx=(16, 160, 224), fill=64",
    "Resize3D": "size=(8, 64, 128)",
    "RandomResizedCrop3D": "size=(16, 96, 96)",
    "Affine3D": 'rotate_range={"z": (-20, 20)}, scale_range=(0.8, 1.2)',
    "ElasticTransform3D": "displacement_range=(0.1, 0.1)",
    "CoarseDropout3D": "num_holes_range=(3, 6), hole_depth_range=(0.3, 0.6)",
    "Anisotropy3D": "downscale_factor_range=(3, 5)",
    "UniformTemporalSubsample": "num_frames=4",
    # other samples
    "Mosaic": "target_size=(128, 192), cell_shape=(128, 192)",
    "TextImage": 'font_path=font, font_color="white"',
    # weather, light, film: lengths in pixels suit photographs, and are reduced with them
    "RandomRain": "drop_length=12, blur_value=2",
    "RandomSunFlare": "src_radius=60",
    "Illumination": "intensity_range=(0.2, 0.5)",
    "ChromaticAberration": "primary_distortion_range=(-0.1, 0.1), secondary_distortion_range=(-0.1, 0.1)",
    "Halftone": "dot_size_range=(3, 6)",
    "AnnotationArtifacts": "count_range=(3, 5), font_scale_range=(0.3, 0.6), thickness_range=(1, 1)",
    # blur and noise
    "Defocus": "radius_range=(2, 4)",
    "ZoomBlur": "max_factor_range=(1.1, 1.2)",
    "UnsharpMask": "alpha_range=(0.5, 1)",
    "Superpixels": "p_replace_range=(1, 1), n_segments_range=(150, 200)",
    "MultiplicativeNoise": "multiplier=(0.7, 1.3), elementwise=True",
    "AdditiveNoise": 'spatial_mode="per_pixel"',
    "BiasField": "std_range=(0.3, 0.5)",
    "GibbsRinging": "retained_fraction_range=(0.2, 0.3)",
    # tone and colour
    "ImageCompression": "quality_range=(5, 20)",
    "Downscale": "scale_range=(0.2, 0.4)",
    "RandomToneCurve": "scale=0.3",
    "Posterize": "num_bits=(2, 3)",
    "Colorize": "black_range=((0, 0, 60), (30, 0, 90)), white_range=((200, 220, 90), (255, 255, 200))",
    "FancyPCA": "alpha=0.5",
    "AutoContrast": "cutoff=5",
}
# What a family's transforms, or one transform, are shown on, where that is not the flower.
SUBJECTS = {
    "weather": "china",
    "light": "china",
    "medical": "head",
    "HEStain": "section",
    "ToRGB": "gray",
    "FromFloat": "float",
    "volume": "volume",
    "Anisotropy3D": "volume",
    "GhostingArtifact": "volume",
    "MotionArtifact": "volume",
    "UniformTemporalSubsample": "video",
}
# Data, as code, that a transform asks for beside the targets.
EXTRAS = {
    "RandomCropNearBBox": "cropping_bbox=(52, 25, 134, 108)",
    "Mosaic": 'mosaic_metadata=[{"image": other}]',
    "CopyAndPaste": 'copy_paste_metadata=[{"image": image, "mask": mask, "labels": ["flower"]}]',
    "OverlayElements": 'overlay_metadata=[{"image": other[20:90, 30:100], "bbox": (0.6, 0.1, 0.95, 0.6)}]',
    "FDA": 'fda_metadata=[{"image": other}]',
    "HistogramMatching": 'hm_metadata=[{"image": other}]',
    "PixelDistributionAdaptation": 'pda_metadata=[{"image": other}]',
    "TextImage": 'textimage_metadata=[{"text": "Who reads this?", "bbox": (0.1, 0.1, 0.9, 0.3)}]',
}


def arguments(cls: type[Transform]) -> str:
    """What a transform of the gallery is made with, as code."""
    return ", ".join([*filter(None, [ARGUMENTS.get(cls.__name__)]), "p=1"])


def extras(cls: type[Transform]) -> str:
    """Data beside the targets, as code."""
    return EXTRAS.get(cls.__name__, "")


def values(code: str, height: int = HEIGHT, width: int = WIDTH) -> dict[str, Any]:
    """The values of arguments written as code."""
    known = {"A": A, "np": np, **sample("flower", height, width), "other": photograph("china", height, width)}
    if "=font" in code:
        from PIL import ImageFont

        known["font"] = str(Path(gettempdir()) / "augury_gallery.ttf")
        stream: Any = ImageFont.load_default(20).path  # type: ignore[union-attr]
        Path(known["font"]).write_bytes(stream.getvalue())
    made: dict[str, Any] = eval(f"dict({code})", known)
    return made


def made(cls: type[Transform]) -> A.Compose:
    """The pipeline of a picture."""
    return A.Compose([cls(**values(arguments(cls)))], bbox_params=BOXES, keypoint_params=POINTS, seed=137)


def subject(cls: type[Transform]) -> str:
    """Name of what a transform is shown on."""
    return SUBJECTS.get(cls.__name__, SUBJECTS.get(cls.__module__.rpartition(".")[2], "flower"))


@cache
def photograph(name: str, height: int, width: int) -> Array:
    """A photograph (height, width, 3), uint8."""
    from sklearn.datasets import load_sample_image

    return cv2.resize(load_sample_image(f"{name}.jpg"), (width, height), interpolation=cv2.INTER_AREA)


def sample(name: str, height: int = HEIGHT, width: int = WIDTH) -> dict[str, Any]:
    """Targets to show transforms on: the flower with all labels, others as they are."""
    if name == "volume":
        return {"volume": volume(height, width), "mask3d": (volume(height, width) > 100).astype(np.uint8)}
    if name == "video":
        wide = photograph("china", height, width * 3 // 2)
        return {"images": np.stack([wide[:, x : x + width] for x in np.linspace(0, width // 2, 9, dtype=int)])}
    if name == "head":
        return {"image": volume(height, width)[8]}
    if name == "section":
        return {"image": section(height, width)}
    image = photograph("china" if name == "china" else "flower", height, width)
    if name == "gray":
        return {"image": cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)}
    if name == "float":
        return {"image": (image / np.float32(255)).astype(np.float32)}
    if name == "china":
        return {"image": image}
    red = (image[..., 0].astype(int) - image[..., 1] > 35).astype(np.uint8)
    kernel = np.ones((max(height // 24, 1),) * 2, np.uint8)
    _, mask, stats, _ = cv2.connectedComponentsWithStats(cv2.morphologyEx(red, cv2.MORPH_CLOSE, kernel))
    wanted = [i for i in range(1, len(stats)) if stats[i][4] > height * width / 100]
    boxes = [(x, y, x + w, y + h) for x, y, w, h, _ in stats[wanted].tolist()]
    return {
        "image": image,
        "mask": np.isin(mask, wanted).astype(np.uint8),
        "bboxes": boxes,
        "labels": ["flower", "part"][: len(boxes)],
        "keypoints": [(0.475 * width, 0.51 * height)],
    }


@cache
def volume(height: int, width: int) -> Array:
    """A head of ellipsoids (16, height, width), uint8; slices from bottom to top."""
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in (16, height, width)), indexing="ij")
    x = x * width / height
    values = np.zeros(x.shape)
    # level, half axes along x, y, z, middle, degrees
    for level, a, b, c, dx, dy, turn in (
        (0.9, 0.69, 0.92, 0.95, 0, 0, 0), (-0.55, 0.64, 0.86, 0.88, 0, 0, 0), (-0.2, 0.13, 0.31, 0.5, 0.22, 0, -18),
        (-0.2, 0.16, 0.41, 0.5, -0.22, 0, 18), (0.2, 0.21, 0.25, 0.4, 0, -0.35, 0), (0.25, 0.06, 0.06, 0.3, 0, 0.1, 0),
        (0.3, 0.05, 0.03, 0.3, -0.08, 0.6, 0), (0.3, 0.04, 0.06, 0.3, 0.1, 0.6, 0),
    ):  # fmt: skip
        sin, cos = np.sin(np.deg2rad(turn)), np.cos(np.deg2rad(turn))
        u, v = (x - dx) * cos + (y - dy) * sin, (y - dy) * cos - (x - dx) * sin
        values += level * ((u / a) ** 2 + (v / b) ** 2 + (z / c) ** 2 <= 1)
    smooth = [cv2.GaussianBlur(plane, (0, 0), height / 400) for plane in values]
    return np.rint(np.clip(np.stack(smooth), 0, 1) * 255).astype(np.uint8)


@cache
def section(height: int, width: int) -> Array:
    """Blue nuclei in pink tissue (height, width, 3), by the densities of QuPath (Bankhead et al., 2017), uint8."""
    rng = np.random.default_rng(7)
    texture = cv2.resize(rng.random((height // 8, width // 8)), (width, height), interpolation=cv2.INTER_CUBIC)
    eosin, hematoxylin = 0.25 + 0.6 * texture, np.zeros((height, width))
    for _ in range(90):
        x, y = rng.integers(0, width), rng.integers(0, height)
        axes = tuple(int(v) for v in rng.uniform(0.025, 0.05, 2) * height)
        density = rng.uniform(0.5, 1.1)
        cv2.ellipse(hematoxylin, (int(x), int(y)), axes, rng.uniform(0, 180), 0, 360, density, -1, cv2.LINE_AA)
    eosin[texture < 0.15] = 0.02  # gaps
    density = hematoxylin[..., None] * (0.65, 0.70, 0.29) + eosin[..., None] * (0.22, 0.80, 0.56)
    return np.rint(255 * np.exp(-cv2.GaussianBlur(density, (0, 0), height / 160))).astype(np.uint8)


def draws(cls: type[Transform], targets: Mapping[str, Any], most: int = DRAWS) -> list[dict[str, Any]]:
    """Up to `most` results of a transform that differ from the input and from each other; at least one result."""
    pipeline, beside = made(cls), values(extras(cls))
    seen, found, key = [shown(targets)], [], 0
    while len(found) < most and key < 12:
        result = pipeline(**targets, **beside, key=key)
        picture, key = shown(result), key + 1
        if not any(picture.shape == other.shape and np.array_equal(picture, other) for other in seen):
            seen.append(picture)
            found.append(result)
    return found or [result]


def shown(targets: Mapping[str, Any], labels: bool = True) -> Array:
    """One sample as RGB bytes: its image, or four slices of its volume or video, with its labels on it."""
    if "image" not in targets:
        frames = slices(targets["volume" if "volume" in targets else "images"])
        masks = {"mask": slices(targets["mask3d"])} if "mask3d" in targets else {}
        parts = []
        for i in np.linspace(0, len(frames) - 1, 6)[1:-1].round().astype(int):
            parts.append(shown({"image": frames[i], **{name: mask[i] for name, mask in masks.items()}}, labels))
        return np.vstack([np.hstack(parts[:2]), np.hstack(parts[2:])])
    picture = viewable(targets["image"])
    if labels and "mask" in targets:
        outlines, _ = cv2.findContours(np.ascontiguousarray(targets["mask"]), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, outlines, -1, BLUE, 1)
    if labels:
        for box in np.asarray(targets.get("bboxes", ()), float).reshape(-1, 4).round().astype(int).tolist():
            cv2.rectangle(picture, box[:2], (box[2] - 1, box[3] - 1), ORANGE, 1)
        for x, y in np.asarray(targets.get("keypoints", ()), float).reshape(-1, 2).tolist():
            cv2.circle(picture, (round(x), round(y)), 3, (255, 255, 255), -1, cv2.LINE_AA)
            cv2.circle(picture, (round(x), round(y)), 2, GREEN, -1, cv2.LINE_AA)
    return picture


def slices(value: Any) -> Array:
    """A stack of pictures (N, H, W[, C]), of a tensor (C, N, H, W) too."""
    array = np.asarray(value)
    if hasattr(value, "detach") and array.ndim == 4:
        array = np.moveaxis(array, 0, -1)
    return array[..., 0] if array.ndim == 4 and array.shape[3] == 1 else array


def viewable(image: Any) -> Array:
    """Any image as RGB bytes; numbers beyond [0, 1] are stretched over their own range."""
    array = np.asarray(image)
    if array.ndim == 3 and array.shape[0] == 3 and array.shape[2] != 3:
        array = np.moveaxis(array, 0, -1)
    if array.dtype == np.uint16:
        array = (array >> 8).astype(np.uint8)
    if array.dtype != np.uint8:
        low, high = min(float(array.min()), 0.0), max(float(array.max()), 1.0)
        array = np.rint((array - low) / (high - low) * 255).astype(np.uint8)
    array = array if array.ndim == 3 else array[..., None]
    return np.array(np.broadcast_to(array[..., :3], (*array.shape[:2], 3)), order="C")


def fitted(picture: Array, height: int, width: int) -> Array:
    """A picture reduced, if it must be, and set on white of (height, width)."""
    factor = min(height / picture.shape[0], width / picture.shape[1], 1)
    if factor < 1:
        size = max(round(picture.shape[1] * factor), 1), max(round(picture.shape[0] * factor), 1)
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    tile = np.full((height, width, 3), 255, np.uint8)
    y, x = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
    tile[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return tile


def row(tiles: Sequence[Array]) -> Array:
    """Tiles beside each other."""
    gap = np.full((tiles[0].shape[0], GAP, 3), 255, np.uint8)
    return np.hstack([part for tile in tiles for part in (gap, tile)][1:])


def strip(cls: type[Transform], height: int = HEIGHT, width: int = WIDTH, most: int = DRAWS) -> Array:
    """The picture of a transform: the original and its draws."""
    targets, labels = sample(subject(cls), height, width), cls.acts_on != "image"
    pictures = [shown(part, labels) for part in (targets, *draws(cls, targets, most))]
    return row([fitted(picture, height, width) for picture in pictures])


def titled(picture: Array, title: str, size: float = 0.45) -> Array:
    """A picture under its title."""
    bar = np.full((round(44 * size), picture.shape[1], 3), 255, np.uint8)
    cv2.putText(bar, title, (2, round(30 * size)), cv2.FONT_HERSHEY_SIMPLEX, size, (20, 20, 20), 1, cv2.LINE_AA)
    return np.vstack([bar, picture])


def overview(family: Sequence[type[Transform]], across: int = 6) -> Array:
    """One small draw of each transform under its name."""
    tiles = []
    for cls in family:
        targets = sample(subject(cls))
        picture = shown(draws(cls, targets, 1)[0], cls.acts_on != "image")
        tiles.append(titled(fitted(picture, HEIGHT, WIDTH), cls.__name__))
    across = min(across, len(tiles))
    blank = np.full_like(tiles[0], 255)
    tiles += [blank] * (-len(tiles) % across)
    sheet = np.vstack([row(tiles[i : i + across]) for i in range(0, len(tiles), across)])
    return cv2.resize(sheet, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)


def sheets(family: Sequence[type[Transform]]) -> Iterator[Array]:
    """Large contact sheets of a family, eight transforms each, to look at."""
    height, width = 240, 360
    for i in range(0, len(family), 8):
        rows = [
            titled(strip(cls, height, width, 4), f"{cls.__name__}({arguments(cls)})", 0.6) for cls in family[i : i + 8]
        ]
        widest = max(picture.shape[1] for picture in rows)
        yield np.vstack([np.pad(p, ((0, 0), (0, widest - p.shape[1]), (0, 0)), constant_values=255) for p in rows])


def encoded(picture: Array, most: int = 16_000) -> bytes:
    """A picture as WebP of at most so many bytes, or of quality 20."""
    for quality in (80, 70, 60, 50, 40, 30, 20):
        data: bytes = cv2.imencode(".webp", picture[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()
        if len(data) <= most:
            break
    return data
