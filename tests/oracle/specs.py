"""What the oracle comparison runs: transforms whose ranges are single values, and the samples they run on.

The strings "$h", "$w" and "$ratio" (width / height) in arguments stand for the image's own size.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from benchmarks import samples

How = Literal["value", "set", "statistics"]


@dataclass(frozen=True)
class Check:
    """One transform at fixed arguments.

    how: "value" compares one result; "set" compares the set of results over many draws, for transforms that choose
    among a few; "statistics" compares mean, deviation and share of changed values over draws, for random arrays.
    """

    transform: str
    arguments: dict[str, Any]
    how: How = "value"
    inputs: tuple[str, ...] = ("rgb 97x131", "rgb 64x64", "gray 97x131", "float 97x131")
    labels: bool = True

    @property
    def id(self) -> str:
        """The name of this check in files."""
        return f"{self.transform} {json.dumps(self.arguments, sort_keys=True)}"


COLOUR = ("rgb 97x131", "rgb 64x64", "float 97x131")
BYTES = ("rgb 97x131", "rgb 64x64", "gray 97x131")
FLOAT = ("float 97x131",)
VOLUMES = ("volume 7x22x31", "float_volume 7x22x31", "gray_volume 7x22x31")
SLICES = "volume 2x97x131"

DRAWS = {"set": 128, "statistics": 24}
ALL_TURNS = 1000
"""Draws that meet each of the 48 symmetries of a cube."""


def image(name: str) -> samples.Array:
    """The test image called `name`."""
    kind, size = name.split()
    *depth, height, width = map(int, size.split("x"))
    channels, dtype = 0 if "gray" in kind else 3, "float32" if "float" in kind else "uint8"
    slices = [samples.photo(height, width, channels, dtype, seed=7 + z) for z in range(*depth or (1,))]
    return np.stack(slices) if depth else slices[0]


def sample(check: Check, name: str) -> dict[str, Any]:
    """The keyword arguments of one call: image, and mask, boxes and keypoints for transforms that move pixels.

    Of volumes: volume, and mask3d and keypoints.
    """
    pixels = image(name)
    if "volume" in name:
        return volume(check, pixels)
    height, width = pixels.shape[:2]
    data: dict[str, Any] = {"image": pixels}
    if check.labels:
        data["mask"] = samples.label_mask(height, width)
        data["bboxes"] = samples.boxes(6, height, width)
        if "BBoxSafe" in check.transform:  # with one box of the whole frame there is only one safe crop
            data["bboxes"][0] = (0, 0, width, height)
        data["box_labels"] = list(range(6))
        data["keypoints"] = samples.points(9, height, width)
        data["point_labels"] = list(range(9))
    if check.transform == "RandomCropNearBBox":
        data["cropping_bbox"] = [width // 4, height // 4, width // 2, height // 2]
    if check.transform == "OverlayElements":  # 2.0.8 takes no boxes or keypoints
        data = {"image": pixels, "mask": data["mask"]}
    if check.transform in DONORS:
        data[DONORS[check.transform]] = donors(check, pixels)
    return data


def volume(check: Check, voxels: samples.Array) -> dict[str, Any]:
    """The keyword arguments of a call with a volume; keypoints are xyz for transforms of whole volumes."""
    depth, height, width = voxels.shape[:3]
    data: dict[str, Any] = {"volume": voxels}
    if check.labels:
        data["mask3d"] = np.stack([samples.label_mask(height, width, seed=11 + z) for z in range(depth)])
        data["keypoints"] = samples.points(9, height, width)
        if check.inputs == VOLUMES:
            data["keypoints"] = np.column_stack([data["keypoints"], np.linspace(0, depth - 1, 9)]).astype(np.float32)
        data["point_labels"] = list(range(9))
    return data


DONORS = {
    "Mosaic": "mosaic_metadata",
    "OverlayElements": "overlay_metadata",
    "FDA": "fda_metadata",
    "HistogramMatching": "hm_metadata",
    "PixelDistributionAdaptation": "pda_metadata",
    "TextImage": "textimage_metadata",
}
"""The key of what a transform takes beside the image."""


def donors(check: Check, like: samples.Array) -> list[Any]:
    """What a transform takes beside an image: equal donors for a mosaic, so that their order does not matter."""
    height, width = like.shape[:2]
    other = samples.photo(height, width, 0 if like.ndim == 2 else 3, str(like.dtype), seed=31)
    if check.transform == "Mosaic":
        item = {
            "image": other,
            "mask": samples.label_mask(height, width, seed=32),
            "bboxes": samples.boxes(4, height, width, seed=33),
            "box_labels": [10, 11, 12, 13],
            "keypoints": samples.points(5, height, width, seed=34),
            "point_labels": [10, 11, 12, 13, 14],
        }
        return [item] * 3
    if check.transform == "OverlayElements":
        piece = {"image": other[:30, :40].copy(), "bbox": [0.125, 0.25, 0.625, 0.75]}
        hole = np.zeros((30, 40), np.uint8)
        hole[5:25, 8:30] = 1
        return [{**piece, "mask": hole, "mask_id": 7}, {"image": other[:17, :19].copy(), "bbox": [0.5, 0, 0.75, 0.25]}]
    if check.transform == "TextImage":
        return [{"text": "Who reads this?", "bbox": (0.1, 0.1, 0.9, 0.35)}]
    return [other]


def resolved(value: Any, height: int, width: int) -> Any:
    """`value` with the image's own size filled in."""
    if isinstance(value, list):
        return [resolved(item, height, width) for item in value]
    if isinstance(value, dict):
        return {key: resolved(item, height, width) for key, item in value.items()}
    return {"$h": height, "$w": width, "$ratio": width / height}.get(value, value) if isinstance(value, str) else value


def run(library: Any, check: Check, name: str) -> dict[str, samples.Array]:
    """Results by target; sets and statistics under "image"."""
    data = sample(check, name)
    main, labels = ("volume", "mask3d") if "volume" in name else ("image", "mask")
    height, width = data[main].shape[-2:] if "gray" in name else data[main].shape[-3:-1]
    space = "xyz" if check.inputs == VOLUMES else "xy"
    options: dict[str, Any] = {}
    if "bboxes" in data:
        options["bbox_params"] = library.BboxParams(format="pascal_voc", label_fields=["box_labels"])
    if "keypoints" in data:
        options["keypoint_params"] = library.KeypointParams(format=space, label_fields=["point_labels"])
    values = resolved(check.arguments, height, width)
    if data[main].dtype == np.float32 and "fill" in values:
        values["fill"] /= 255
    pipeline = samples.pipeline(library, [[check.transform, {**values, "p": 1.0}]], seed=137, **options)
    if check.how == "value":
        result = pipeline(**data)
        found = {"image": np.asarray(result[main])}
        if check.labels:
            found["mask"] = np.asarray(result[labels])
            for target, names in (("bboxes", "box_labels"), ("keypoints", "point_labels")):
                if target not in data:
                    continue
                columns = 4 if target == "bboxes" else len(space)
                rows = np.array([row[:columns] for row in result[target]], np.float64).reshape(-1, columns)
                table = np.column_stack([rows, np.asarray(result[names], np.float64)])
                found[target] = table[np.lexsort(table.T)] if check.transform == "Mosaic" else table
        return found
    draws = ALL_TURNS if check.transform == "CubicSymmetry" else DRAWS[check.how]
    images = [np.asarray(pipeline(**data)[main]) for _ in range(draws)]
    if check.how == "set":
        different = sorted({found.tobytes() for found in images})
        return {"image": np.stack([np.frombuffer(raw, images[0].dtype) for raw in different])}
    scale = 1.0 if data[main].dtype == np.float32 else 255.0
    change = (np.stack(images).astype(np.float64) - data[main]) / scale
    return {"image": np.array([change.mean(), change.std(), np.mean(change != 0)])}


def checks() -> list[Check]:
    """Every check."""
    found: list[Check] = []

    def add(transform: str, *variants: dict[str, Any], **kind: Any) -> None:
        found.extend(Check(transform, values, **kind) for values in variants or ({},))

    def pixel(transform: str, *variants: dict[str, Any], **kind: Any) -> None:
        add(transform, *variants, labels=False, **kind)

    fixed = {"fill": 40, "fill_mask": 9}
    # ---- geometry
    for name in ("HorizontalFlip", "VerticalFlip", "Transpose", "NoOp"):
        add(name)
    pixel("D4", how="set")
    pixel("RandomRotate90", how="set")
    add(
        "Rotate",
        {"limit": [30, 30], **fixed},
        {"limit": [-77, -77], "interpolation": 0, **fixed},
        {"limit": [30, 30], "interpolation": 2, "border_mode": 4},
        {"limit": [15, 15], "crop_border": True},
        {"limit": [30, 30], "rotate_method": "ellipse", **fixed},
        {"limit": [90, 90], **fixed},
    )
    add("SafeRotate", {"limit": [30, 30], **fixed}, {"limit": [-12, -12], "rotate_method": "ellipse", **fixed})
    add(
        "Affine",
        {"rotate": [20, 20], "scale": [1.2, 1.2], **fixed},
        {"shear": {"x": [10, 10], "y": [5, 5]}, **fixed},
        {"translate_px": {"x": [7, 7], "y": [-4, -4]}, **fixed},
        {"translate_percent": {"x": [0.1, 0.1], "y": [0.05, 0.05]}, "interpolation": 0, **fixed},
        {"rotate": [20, 20], "fit_output": True, **fixed},
        {
            "rotate": [33, 33],
            "scale": {"x": [0.8, 0.8], "y": [1.3, 1.3]},
            "keep_ratio": False,
            "rotate_method": "ellipse",
            **fixed,
        },
    )
    whole = {"translate_percent": {"x": [0.125, 0.125], "y": [-0.25, -0.25]}, "rotate": [10, 10], **fixed}
    add("Affine", whole, inputs=("rgb 64x64",))
    add(
        "ShiftScaleRotate",
        {"shift_limit": [0.1, 0.1], "scale_limit": [0.2, 0.2], "rotate_limit": [25, 25], **fixed},
        {"shift_limit": [0, 0], "scale_limit": [-0.3, -0.3], "rotate_limit": [0, 0], **fixed},
    )
    still = {"scale": [0, 0]}
    add("Perspective", still, {**still, "keep_size": False}, {**still, "fit_output": True})
    add("ElasticTransform", {"alpha": 0, "sigma": 5})
    add("GridDistortion", {"distort_limit": [0.2, 0.2]}, {"distort_limit": [0.2, 0.2], "normalized": False})
    add("OpticalDistortion", {"distort_limit": [0.3, 0.3]}, {"distort_limit": [-0.3, -0.3], "mode": "fisheye"})
    add("Resize", *({"height": 50, "width": 70, "interpolation": i} for i in range(5)))
    add(
        "Resize",
        {"height": 150, "width": 200, "interpolation": 1},
        {"height": 50, "width": 70, "area_for_downscale": "image"},
    )
    add("LongestMaxSize", {"max_size": 80}, {"max_size_hw": [50, 100]})
    add("SmallestMaxSize", {"max_size": 80}, {"max_size_hw": [50, 100]})
    add("RandomScale", {"scale_limit": [0.3, 0.3]}, {"scale_limit": [-0.4, -0.4]}, {"scale_limit": [1.0, 1.0]})
    # ---- crops and pads
    add(
        "Pad",
        {"padding": 7, **fixed},
        {"padding": [3, 5, 7, 9], **fixed},
        *({"padding": [3, 5, 7, 9], "border_mode": m} for m in (1, 2, 4)),
    )
    positions = ("center", "top_left", "top_right", "bottom_left", "bottom_right")
    add("PadIfNeeded", *({"min_height": 120, "min_width": 140, "position": p, **fixed} for p in positions))
    add(
        "PadIfNeeded",
        {"min_height": None, "min_width": None, "pad_height_divisor": 32, "pad_width_divisor": 32, **fixed},
    )
    add(
        "Crop",
        {"x_min": 10, "y_min": 5, "x_max": 60, "y_max": 50},
        {"x_min": 0, "y_min": 0, "x_max": 150, "y_max": 120, "pad_if_needed": True, **fixed},
    )
    add("CenterCrop", {"height": 41, "width": 52}, {"height": 110, "width": 140, "pad_if_needed": True, **fixed})
    add("RandomCrop", {"height": "$h", "width": "$w"}, {"height": 140, "width": 140, "pad_if_needed": True, **fixed})
    add("RandomSizedCrop", {"min_max_height": ["$h", "$h"], "w2h_ratio": "$ratio", "size": [50, 60]})
    add("RandomResizedCrop", {"scale": [1.0, 1.0], "ratio": ["$ratio", "$ratio"], "size": [50, 60]})
    add(
        "CropAndPad",
        {"px": 6, **fixed},
        {"px": -6, "keep_size": False},
        {"px": [3, -4, 5, -6], "keep_size": False, **fixed},
        {"percent": 0.1, **fixed},
        {"percent": -0.1},
    )
    add("CropAndPad", {"percent": -0.125}, {"percent": 0.25, "keep_size": False}, inputs=("rgb 64x64",))
    add("RandomCropFromBorders", {"crop_left": 0.0, "crop_right": 0.0, "crop_top": 0.0, "crop_bottom": 0.0})
    add("RandomCropNearBBox", {"max_part_shift": [0.0, 0.0]})
    add("CropNonEmptyMaskIfExists", {"height": "$h", "width": "$w"})
    add("BBoxSafeRandomCrop", {"erosion_rate": 0.0})
    add("RandomSizedBBoxSafeCrop", {"height": 50, "width": 60, "erosion_rate": 0.0})
    # ---- dropout
    add(
        "CoarseDropout",
        {"num_holes_range": [1, 1], "hole_height_range": ["$h", "$h"], "hole_width_range": ["$w", "$w"], **fixed},
    )
    add(
        "GridDropout",
        {"random_offset": False, "holes_number_xy": [2, 5], "ratio": 0.5, "fill": 40},
        {"random_offset": False, "holes_number_xy": [4, 3], "shift_xy": [3, 5], "ratio": 0.4, **fixed},
    )
    square = {"random_offset": False, "holes_number_xy": [4, 4], "ratio": 0.5, **fixed}
    add("GridDropout", square, {**square, "shift_xy": [3, 5]}, {**square, "ratio": 0.3}, inputs=("rgb 64x64",))
    add("Erasing", {"scale": [1.0, 1.0], "ratio": ["$ratio", "$ratio"], **fixed})
    pixel("ChannelDropout", {"channel_drop_range": [1, 1], "fill": 20}, how="set", inputs=("rgb 97x131", "rgb 64x64"))
    pixel(
        "PixelDropout",
        {"dropout_prob": 0.1, "drop_value": 0},
        {"dropout_prob": 0.1, "per_channel": True},
        how="statistics",
    )
    add("TimeReverse")
    add("Morphological", *({"scale": [s, s], "operation": o} for s in (3, 5) for o in ("dilation", "erosion")))
    pixel("SquareSymmetry", how="set")
    # ---- transforms with a random place or field: at the ends where they are fixed, or by what many draws have alike
    add("AtLeastOneBBoxRandomCrop", {"height": "$h", "width": "$w"})
    pixel("PiecewiseAffine", how="statistics", inputs=("rgb 64x64",))
    add("ThinPlateSpline", {"scale_range": [0.0, 0.0]})
    pixel("GridElasticDeform", {"num_grid_xy": [4, 4], "magnitude": 8}, how="statistics")
    pixel("RandomGridShuffle", {"grid": [1, 2]}, {"grid": [2, 1]}, how="set", inputs=("rgb 64x64",))
    add("MaskDropout", {"max_objects": [99, 99], **fixed})
    add(
        "ConstrainedCoarseDropout",
        {"mask_indices": [1, 2], "hole_height_range": [0.5, 0.5], "hole_width_range": [0.5, 0.5], "fill": 40},
        how="statistics",
    )
    bands = {"num_masks_x": 1, "num_masks_y": 2, "mask_x_length": [20, 20], "mask_y_length": [10, 10], "fill": 40}
    pixel("XYMasking", bands, how="statistics")
    pixel("TimeMasking", {"time_mask_param": 40}, how="statistics")
    pixel("FrequencyMasking", {"freq_mask_param": 30}, how="statistics")
    pixel("RandomRain", {}, {"rain_type": "heavy"}, {"slant_range": [20, 20]}, how="statistics", inputs=COLOUR)
    pixel("RandomFog", {"fog_coef_range": [0.5, 0.5]}, how="statistics", inputs=COLOUR)
    pixel("RandomGravel", {"number_of_patches": 5}, how="statistics", inputs=COLOUR)
    pixel("RandomShadow", {"shadow_intensity_range": [0.5, 0.5]}, how="statistics", inputs=COLOUR)
    pixel("RandomSunFlare", *({"method": m, "src_radius": 30} for m in ("overlay", "physics_based")), how="statistics")
    pixel("Spatter", {"mode": "rain"}, {"mode": "mud"}, how="statistics", inputs=COLOUR)
    pixel("PlasmaBrightnessContrast", {"brightness_range": [0, 0], "contrast_range": [0, 0]})
    pixel("PlasmaBrightnessContrast", {"brightness_range": [0.2, 0.2], "contrast_range": [0, 0]}, how="statistics")
    pixel("PlasmaShadow", {"shadow_intensity_range": [0, 0]})
    pixel("PlasmaShadow", {"shadow_intensity_range": [0.5, 0.5]}, how="statistics")
    pixel("Superpixels", {"p_replace": [0, 0]}, {"p_replace": [1, 1], "n_segments": [100, 100]})
    pixel("ZoomBlur", {"max_factor": [1.2, 1.2], "step_factor": [0.02, 0.02]})
    # ---- blur
    pixel("UnsharpMask", {"blur_limit": [5, 5], "sigma_limit": [1.5, 1.5], "alpha": [0.5, 0.5], "threshold": 10})
    pixel("RingingOvershoot", *({"blur_limit": [k, k], "cutoff": [c, c]} for k, c in ((7, 1.5), (15, 0.8))))
    pixel(
        "AdvancedBlur",
        {
            "blur_limit": [7, 7],
            "sigma_x_limit": [1.5, 1.5],
            "sigma_y_limit": [0.7, 0.7],
            "rotate_limit": [0, 0],
            "beta_limit": [0.999, 1.001],
            "noise_limit": [1, 1],
        },
    )
    pixel("GlassBlur", {"sigma": 0.7, "max_delta": 2, "iterations": 1}, how="statistics")
    for kind in ("uniform", "gaussian", "laplace", "beta"):
        pixel("AdditiveNoise", {"noise_type": kind, "spatial_mode": "per_pixel"}, how="statistics")
    pixel("Blur", {"blur_limit": [5, 5]})
    pixel(
        "GaussianBlur", {"blur_limit": [5, 5], "sigma_limit": [1.5, 1.5]}, {"blur_limit": 0, "sigma_limit": [2.0, 2.0]}
    )
    pixel("MedianBlur", {"blur_limit": [5, 5]}, {"blur_limit": [7, 7]})
    straight = {"angle_range": [30, 30], "direction_range": [0.0, 0.0], "allow_shifted": False}
    pixel(
        "MotionBlur",
        {"blur_limit": [7, 7], **straight},
        {"blur_limit": [9, 9], **straight, "direction_range": [1.0, 1.0]},
        {"blur_limit": [7, 7], **straight, "angle_range": [0, 0]},
        {"blur_limit": [9, 9], **straight, "angle_range": [90, 90], "direction_range": [1.0, 1.0]},
        {"blur_limit": [9, 9], **straight, "angle_range": [0, 0], "direction_range": [-1.0, -1.0]},
    )
    pixel("Defocus", {"radius": [5, 5], "alias_blur": [0.3, 0.3]})
    pixel("Sharpen", *({"alpha": [0.4, 0.4], "lightness": [0.7, 0.7], "method": m} for m in ("kernel", "gaussian")))
    pixel("Emboss", {"alpha": [0.4, 0.4], "strength": [0.5, 0.5]})
    # ---- noise
    pixel("GaussNoise", {"std_range": [0.1, 0.1]}, {"std_range": [0.1, 0.1], "per_channel": False}, how="statistics")
    pixel("ISONoise", {"color_shift": [0.03, 0.03], "intensity": [0.3, 0.3]}, how="statistics", inputs=COLOUR)
    pixel("MultiplicativeNoise", {"multiplier": [1.2, 1.2]}, {"multiplier": [0.7, 0.7], "elementwise": True})
    pixel("SaltAndPepper", {"amount": [0.05, 0.05], "salt_vs_pepper": [0.5, 0.5]}, how="statistics")
    pixel("ShotNoise", {"scale_range": [0.1, 0.1]}, how="statistics")
    # ---- weather, light and lens, where the models are the same
    snow = {"brightness_coeff": 2.5, "snow_point_range": [0.3, 0.3]}
    pixel("RandomSnow", snow, {**snow, "brightness_coeff": 1.5, "snow_point_range": [0.6, 0.6]}, inputs=COLOUR)
    strong = {"intensity_range": [0.2, 0.2]}
    pixel(
        "Illumination", *({"mode": "linear", **strong, "effect_type": "darken", "angle_range": [a, a]} for a in (0, 90))
    )
    spot = {"mode": "gaussian", **strong, "center_range": [0.3, 0.3], "sigma_range": [0.4, 0.4]}
    pixel("Illumination", *({**spot, "effect_type": e} for e in ("brighten", "darken")))
    lens = {"primary_distortion_limit": [0.05, 0.05], "secondary_distortion_limit": [0.1, 0.1]}
    pixel("ChromaticAberration", *({**lens, "mode": m} for m in ("green_purple", "red_blue")), inputs=COLOUR)
    # ---- colour
    limits = {"brightness_limit": [0.2, 0.2], "contrast_limit": [0.3, 0.3]}
    pixel(
        "RandomBrightnessContrast",
        {**limits, "brightness_by_max": True},
        {**limits, "brightness_by_max": False},
        {**limits, "brightness_by_max": True, "ensure_safe_range": True},
        {**limits, "brightness_limit": [-0.2, -0.2], "contrast_limit": [-0.3, -0.3], "brightness_by_max": True},
    )
    pixel("RandomGamma", {"gamma_limit": [80, 80]}, {"gamma_limit": [150, 150]})
    shifts = {"hue_shift_limit": [10, 10], "sat_shift_limit": [20, 20], "val_shift_limit": [-15, -15]}
    pixel("HueSaturationValue", shifts, {**shifts, "hue_shift_limit": [0, 0]}, inputs=("rgb 97x131", "rgb 64x64"))
    small = {"hue_shift_limit": [10, 10], "sat_shift_limit": [0.1, 0.1], "val_shift_limit": [-0.05, -0.05]}
    pixel("HueSaturationValue", small, inputs=FLOAT)
    pixel(
        "RGBShift",
        {"r_shift_limit": [10, 10], "g_shift_limit": [-20, -20], "b_shift_limit": [30, 30]},
        inputs=("rgb 97x131", "rgb 64x64"),
    )
    pixel(
        "RGBShift",
        {"r_shift_limit": [0.1, 0.1], "g_shift_limit": [-0.05, -0.05], "b_shift_limit": [0.0, 0.0]},
        inputs=FLOAT,
    )
    neutral = {"brightness": [1, 1], "contrast": [1, 1], "saturation": [1, 1], "hue": [0, 0]}
    jitters: tuple[dict[str, Any], ...] = (
        {"brightness": [1.3, 1.3]},
        {"contrast": [0.7, 0.7]},
        {"saturation": [1.4, 1.4]},
        {"hue": [0.1, 0.1]},
        {},
    )
    pixel("ColorJitter", *({**neutral, **values} for values in jitters), inputs=COLOUR)
    pixel("CLAHE", {"clip_limit": [3.0, 3.0]}, {"clip_limit": [2.0, 2.0], "tile_grid_size": [4, 6]})
    pixel("Equalize", *({"mode": m, "by_channels": b} for m in ("cv", "pil") for b in (True, False)), inputs=COLOUR)
    pixel("AutoContrast", {"cutoff": 0}, {"cutoff": 5}, {"cutoff": 5, "method": "pil"})
    pixel("AutoContrast", {"cutoff": 0, "ignore": 0}, {"cutoff": 0, "ignore": 120}, {"cutoff": 0, "method": "pil"})
    pixel("Posterize", {"num_bits": 3}, {"num_bits": [[2, 2], [3, 3], [4, 4]]}, inputs=COLOUR)
    pixel("Solarize", {"threshold_range": [0.4, 0.4]})
    pixel("InvertImg")
    grays = ("weighted_average", "from_lab", "desaturation", "average", "max", "pca")
    pixel("ToGray", *({"method": m} for m in grays), {"num_output_channels": 1}, inputs=COLOUR)
    pixel("ToSepia", inputs=COLOUR)
    pixel("ToRGB", inputs=("gray 97x131",))
    pixel("Lambda", {"image": "@negate"})
    light = {"temperature_limit": [6000, 6000]}
    pixel("PlanckianJitter", *({"mode": m, **light} for m in ("blackbody", "cied")), inputs=COLOUR)
    stains = {"intensity_scale_range": [1.2, 1.2], "intensity_shift_range": [0.1, 0.1], "augment_background": True}
    pixel("HEStain", *({**stains, "method": "preset", "preset": p} for p in ("ruifrok", "macenko")), inputs=COLOUR)
    pixel("HEStain", {**stains, "method": "preset", "preset": "standard"}, inputs=COLOUR)
    pixel("HEStain", *({**stains, "method": m} for m in ("macenko", "vahadane")), inputs=COLOUR)
    pixel("ChannelShuffle", how="set", inputs=COLOUR)
    pixel("RandomToneCurve", {"scale": 0.0}, {"scale": 0.0, "per_channel": True})
    pixel("FancyPCA", {"alpha": 0.0}, inputs=COLOUR)
    pixel("ImageCompression", *({"compression_type": c, "quality_range": [60, 60]} for c in ("jpeg", "webp")))
    pairs = ({"upscale": 0, "downscale": 0}, {"upscale": 1, "downscale": 3})
    pixel("Downscale", *({"scale_range": [0.5, 0.5], "interpolation_pair": pair} for pair in pairs))
    pixel("Downscale", {"scale_range": [0.25, 0.25], "interpolation_pair": pairs[1]}, inputs=("rgb 64x64",))
    modes = ("standard", "image", "image_per_channel", "min_max", "min_max_per_channel")
    pixel("Normalize", *({"normalization": m} for m in modes), inputs=("rgb 97x131", "rgb 64x64"))
    pixel("Normalize", {"max_pixel_value": 1.0}, inputs=FLOAT)
    pixel("Normalize", {"mean": 0.5, "std": 0.25}, inputs=("gray 97x131", "rgb 97x131"))
    pixel("ToFloat", {"max_value": 255.0}, {}, inputs=BYTES)
    pixel("FromFloat", {"dtype": "uint8"}, {"dtype": "uint16"}, inputs=FLOAT)
    pixel("ToTensorV2")
    # ---- mixing and text
    window = {"target_size": [90, 110], "cell_shape": [97, 131], "center_range": [0.4, 0.4], **fixed}
    add("Mosaic", *({"grid_yx": [2, 2], "fit_mode": fit, **window} for fit in ("contain", "cover")))
    add("Mosaic", *({"grid_yx": [1, 1], "target_size": s, "cell_shape": s, **fixed} for s in (["$h", "$w"], [50, 50])))
    add("OverlayElements")
    pixel("FDA", *({"beta_limit": [beta, beta]} for beta in (0.05, 0.3)))
    pixel("HistogramMatching", *({"blend_ratio": [share, share]} for share in (1.0, 0.5, 0.0)))
    for kind in ("pca", "standard", "minmax"):
        pixel("PixelDistributionAdaptation", {"transform_type": kind, "blend_ratio": [0.5, 0.5]})
    text = {"font_path": "@font", "font_size_fraction_range": [0.8, 0.8]}
    pixel("TextImage", text, {**text, "clear_bg": True}, inputs=COLOUR)
    # ---- whole volumes
    crops = ({"size": [5, 11, 14]}, {"size": [9, 30, 20], "pad_if_needed": True, **fixed})
    add("CenterCrop3D", *crops, inputs=VOLUMES)
    add("RandomCrop3D", {"size": [7, 22, 31]}, {"size": [9, 25, 34], "pad_if_needed": True, **fixed}, inputs=VOLUMES)
    add("Pad3D", *({"padding": p, **fixed} for p in (2, [1, 2, 3], [1, 2, 3, 4, 5, 6])), inputs=VOLUMES)
    add("PadIfNeeded3D", {"min_zyx": [10, 22, 40], **fixed}, {"pad_divisor_zyx": [4, 8, 9], **fixed}, inputs=VOLUMES)
    holes = {f"hole_{side}_range": [1.0, 1.0] for side in ("depth", "height", "width")}
    add("CoarseDropout3D", {**holes, **fixed}, inputs=VOLUMES)
    pixel("CubicSymmetry", how="set", inputs=VOLUMES)
    add("ToTensor3D", inputs=VOLUMES)
    # Slice by slice: one check of every transform whose result is one.
    for name in dict.fromkeys(check.transform for check in found):
        index = next((i for i, check in enumerate(found) if check.transform == name and check.how == "value"), None)
        if index is not None and "rgb 97x131" in found[index].inputs and name not in DONORS:
            found[index] = replace(found[index], inputs=(*found[index].inputs, SLICES))
    return found
