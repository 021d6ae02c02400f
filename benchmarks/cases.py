"""What is measured: cases as JSON values, grouped, each with the ratio it has to reach."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchmarks.samples import Spec

OWN, PEER = "augury", "albumentations"
NOT_SLOWER = 1 / 1.1
"""The lowest ratio allowed to any single transform: at most 1.1 times slower than the peer."""

VOLUME = 128
"""Height and width of the volumes; half as deep."""

IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "max_pixel_value": 255.0}


@dataclass(frozen=True)
class Case:
    """One pipeline on one kind of sample.

    labels: what comes with the image (boxes, points, mask, cropping_bbox, or the metadata of a mix) and how many;
    `volume` takes the image's place, (size / 2, size, size).
    """

    group: str
    name: str
    spec: Spec
    size: int
    dtype: str = "uint8"
    labels: dict[str, int] = field(default_factory=dict)
    container: str = "list"
    compose: str = "Compose"
    options: dict[str, Any] = field(default_factory=dict)
    target: float | None = None

    @property
    def id(self) -> str:
        """The name this case goes by in messages and `--only`."""
        return f"{self.group}/{self.name}@{self.size}"


def catalogue(size: int) -> dict[str, dict[str, Any]]:
    """Arguments of every compared transform for square images of `size` pixels; explicit where defaults may differ."""
    half, third = size // 2, size // 3
    border = {"border_mode": 0, "fill": 0}
    return {
        "HorizontalFlip": {},
        "VerticalFlip": {},
        "Transpose": {},
        "D4": {},
        "RandomRotate90": {},
        "Rotate": {"limit": [-90, 90], "interpolation": 1, **border},
        "SafeRotate": {"limit": [-90, 90], "interpolation": 1, **border},
        "Affine": {
            "scale": [0.8, 1.2],
            "rotate": [-30, 30],
            "shear": [-10, 10],
            "translate_percent": [-0.1, 0.1],
            **border,
        },
        "ShiftScaleRotate": {
            "shift_limit": [-0.1, 0.1],
            "scale_limit": [-0.1, 0.1],
            "rotate_limit": [-45, 45],
            **border,
        },
        "Perspective": {"scale": [0.05, 0.1], **border},
        "ElasticTransform": {"alpha": 50, "sigma": 5, **border},
        "GridDistortion": {"num_steps": 5, "distort_limit": [-0.3, 0.3], **border},
        "OpticalDistortion": {"distort_limit": [-0.3, 0.3], **border},
        "Resize": {"height": half, "width": half, "interpolation": 1},
        "LongestMaxSize": {"max_size": half, "interpolation": 1},
        "SmallestMaxSize": {"max_size": half, "interpolation": 1},
        "RandomScale": {"scale_limit": [-0.3, 0.3], "interpolation": 1},
        "Pad": {"padding": 8, **border},
        "PadIfNeeded": {"min_height": size + 16, "min_width": size + 16, **border},
        "Crop": {"x_min": 3, "y_min": 5, "x_max": 3 + half, "y_max": 5 + half},
        "CenterCrop": {"height": half, "width": half},
        "RandomCrop": {"height": half, "width": half},
        "RandomSizedCrop": {"min_max_height": [third, half], "size": [half, half], "interpolation": 1},
        "RandomResizedCrop": {"size": [half, half], "scale": [0.08, 1.0], "interpolation": 1},
        "CropAndPad": {"px": [-8, 8], "sample_independently": True, "keep_size": True, **border},
        "RandomCropFromBorders": {"crop_left": 0.1, "crop_right": 0.1, "crop_top": 0.1, "crop_bottom": 0.1},
        "RandomCropNearBBox": {"max_part_shift": [0.1, 0.3], "cropping_bbox_key": "cropping_bbox"},
        "BBoxSafeRandomCrop": {"erosion_rate": 0.0},
        "RandomSizedBBoxSafeCrop": {"height": half, "width": half, "interpolation": 1},
        "CropNonEmptyMaskIfExists": {"height": half, "width": half},
        "CoarseDropout": {
            "num_holes_range": [1, 4],
            "hole_height_range": [0.1, 0.2],
            "hole_width_range": [0.1, 0.2],
            "fill": 0,
        },
        "Erasing": {"scale": [0.02, 0.33], "ratio": [0.3, 3.3], "fill": 0},
        "GridDropout": {"ratio": 0.5, "random_offset": True},
        "ChannelDropout": {"channel_drop_range": [1, 1], "fill": 0},
        "PixelDropout": {"dropout_prob": 0.01, "per_channel": False, "drop_value": 0},
        "XYMasking": {"num_masks_x": 2, "num_masks_y": 2, "mask_x_length": [3, 9], "mask_y_length": [3, 9], "fill": 0},
        "TimeMasking": {"time_mask_param": 20},
        "FrequencyMasking": {"freq_mask_param": 20},
        "TimeReverse": {},
        "MaskDropout": {"max_objects": [1, 1], "fill": 0, "fill_mask": 0},
        "ConstrainedCoarseDropout": {
            "num_holes_range": [1, 4],
            "hole_height_range": [0.1, 0.2],
            "hole_width_range": [0.1, 0.2],
            "fill": 0,
            "mask_indices": [1, 2],
        },
        "ThinPlateSpline": {"scale_range": [0.2, 0.4], "num_control_points": 4, **border},
        "PiecewiseAffine": {"scale": [0.03, 0.05], "nb_rows": [4, 4], "nb_cols": [4, 4], **border},
        "GridElasticDeform": {"num_grid_xy": [4, 4], "magnitude": 10},
        "Mosaic": {"grid_yx": [2, 2], "target_size": [size, size], "cell_shape": [size, size], "fit_mode": "cover"},
        "OverlayElements": {},
        "FDA": {"beta_limit": [0.1, 0.1]},
        "HistogramMatching": {"blend_ratio": [0.7, 0.7]},
        "PixelDistributionAdaptation": {"blend_ratio": [0.7, 0.7], "transform_type": "pca"},
        "TextImage": {"font_path": "@font", "font_size_fraction_range": [0.8, 0.9], "font_color": [0, 0, 0]},
        "SquareSymmetry": {},
        "AtLeastOneBBoxRandomCrop": {"height": half, "width": half},
        "Morphological": {"scale": [3, 3]},
        "RandomGridShuffle": {"grid": [3, 3]},
        "Superpixels": {"p_replace": [0.1, 0.1], "n_segments": [100, 100], "max_size": 128},
        "UnsharpMask": {"blur_limit": [5, 5], "alpha": [0.2, 0.5]},
        "AdvancedBlur": {"blur_limit": [5, 5]},
        "RingingOvershoot": {"blur_limit": [11, 11]},
        "ZoomBlur": {"max_factor": [1.2, 1.2], "step_factor": [0.02, 0.02]},
        "GlassBlur": {"sigma": 0.7, "max_delta": 4, "iterations": 2},
        "AdditiveNoise": {"noise_type": "uniform", "spatial_mode": "per_pixel"},
        "ToRGB": {},
        "PlanckianJitter": {"mode": "blackbody"},
        "HEStain": {"method": "macenko"},
        "Blur": {"blur_limit": [5, 5]},
        "GaussianBlur": {"blur_limit": [5, 5], "sigma_limit": [0.5, 3.0]},
        "MedianBlur": {"blur_limit": [5, 5]},
        "MotionBlur": {"blur_limit": [5, 5]},
        "Defocus": {"radius": [5, 5], "alias_blur": [0.1, 0.5]},
        "GaussNoise": {"std_range": [0.05, 0.2], "per_channel": True},
        "ISONoise": {"color_shift": [0.01, 0.05], "intensity": [0.1, 0.5]},
        "MultiplicativeNoise": {"multiplier": [0.9, 1.1], "elementwise": True, "per_channel": True},
        "SaltAndPepper": {"amount": [0.01, 0.06], "salt_vs_pepper": [0.4, 0.6]},
        "ShotNoise": {"scale_range": [0.1, 0.3]},
        "RandomRain": {"slant_range": [-10, 10], "drop_width": 1, "blur_value": 7, "rain_type": "default"},
        "RandomSnow": {"brightness_coeff": 2.5, "snow_point_range": [0.1, 0.3], "method": "bleach"},
        "RandomFog": {"alpha_coef": 0.08, "fog_coef_range": [0.3, 1.0]},
        "Spatter": {"mean": [0.65, 0.65], "std": [0.3, 0.3], "gauss_sigma": [2, 2], "mode": "rain"},
        "RandomGravel": {"gravel_roi": [0.1, 0.4, 0.9, 0.9], "number_of_patches": 2},
        "RandomShadow": {"num_shadows_limit": [1, 2], "shadow_dimension": 5, "shadow_intensity_range": [0.5, 0.5]},
        "RandomSunFlare": {"src_radius": 400, "num_flare_circles_range": [6, 10], "method": "overlay"},
        "Illumination": {"mode": "linear", "intensity_range": [0.01, 0.2]},
        "PlasmaBrightnessContrast": {"brightness_range": [-0.3, 0.3], "contrast_range": [-0.3, 0.3]},
        "PlasmaShadow": {"shadow_intensity_range": [0.3, 0.7]},
        "ChromaticAberration": {
            "primary_distortion_limit": [-0.02, 0.02],
            "secondary_distortion_limit": [-0.05, 0.05],
            "interpolation": 1,
        },
        "RandomBrightnessContrast": {
            "brightness_limit": [-0.2, 0.2],
            "contrast_limit": [-0.2, 0.2],
            "brightness_by_max": True,
        },
        "RandomGamma": {"gamma_limit": [80, 120]},
        "HueSaturationValue": {
            "hue_shift_limit": [-20, 20],
            "sat_shift_limit": [-30, 30],
            "val_shift_limit": [-20, 20],
        },
        "RGBShift": {"r_shift_limit": [-20, 20], "g_shift_limit": [-20, 20], "b_shift_limit": [-20, 20]},
        "ColorJitter": {"brightness": [0.8, 1.2], "contrast": [0.8, 1.2], "saturation": [0.8, 1.2], "hue": [-0.1, 0.1]},
        "CLAHE": {"clip_limit": [1.0, 4.0], "tile_grid_size": [8, 8]},
        "Equalize": {"mode": "cv", "by_channels": True},
        "AutoContrast": {"cutoff": 0, "method": "cdf"},
        "Posterize": {"num_bits": 4},
        "Solarize": {"threshold_range": [0.3, 0.7]},
        "InvertImg": {},
        "ToGray": {"num_output_channels": 3, "method": "weighted_average"},
        "ToSepia": {},
        "ChannelShuffle": {},
        "RandomToneCurve": {"scale": 0.1, "per_channel": False},
        "FancyPCA": {"alpha": 0.1},
        "ImageCompression": {"compression_type": "jpeg", "quality_range": [60, 90]},
        "Downscale": {"scale_range": [0.25, 0.5], "interpolation_pair": {"upscale": 0, "downscale": 0}},
        "Sharpen": {"alpha": [0.2, 0.5], "lightness": [0.5, 1.0], "method": "kernel"},
        "Emboss": {"alpha": [0.2, 0.5], "strength": [0.2, 0.7]},
        "Normalize": IMAGENET,
        "ToFloat": {"max_value": 255.0},
        "FromFloat": {"dtype": "uint8", "max_value": 255.0},
        "ToTensorV2": {},
        "NoOp": {},
        "Lambda": {"image": "@negate"},
    }


def volumes(size: int) -> dict[str, dict[str, Any]]:
    """Arguments of every compared transform of volumes, (size / 2, size, size)."""
    half = size // 2
    return {
        "RandomCrop3D": {"size": [half // 2, half, half]},
        "CenterCrop3D": {"size": [half // 2, half, half]},
        "Pad3D": {"padding": 4, "fill": 0},
        "PadIfNeeded3D": {"min_zyx": [half + 8, size + 8, size + 8], "position": "center", "fill": 0},
        "CoarseDropout3D": {
            "num_holes_range": [1, 4],
            "hole_depth_range": [0.1, 0.2],
            "hole_height_range": [0.1, 0.2],
            "hole_width_range": [0.1, 0.2],
            "fill": 0,
        },
        "CubicSymmetry": {},
        "ToTensor3D": {},
    }


LABELS: dict[str, dict[str, int]] = {
    "RandomCropNearBBox": {"cropping_bbox": 1},
    "AtLeastOneBBoxRandomCrop": {"boxes": 5},
    "BBoxSafeRandomCrop": {"boxes": 5},
    "RandomSizedBBoxSafeCrop": {"boxes": 5},
    "CropNonEmptyMaskIfExists": {"mask": 1},
    "ConstrainedCoarseDropout": {"mask": 1},
    "MaskDropout": {"mask": 1},
    "Mosaic": {"mosaic_metadata": 3},
    "OverlayElements": {"overlay_metadata": 1},
    "FDA": {"fda_metadata": 1},
    "HistogramMatching": {"hm_metadata": 1},
    "PixelDistributionAdaptation": {"pda_metadata": 1},
    "TextImage": {"textimage_metadata": 1},
}
"""What a transform needs beside the image."""

LIGHT = """
    HorizontalFlip VerticalFlip Transpose D4 RandomRotate90 Pad PadIfNeeded Crop CenterCrop RandomCrop
    RandomCropFromBorders RandomCropNearBBox BBoxSafeRandomCrop CropNonEmptyMaskIfExists CoarseDropout Erasing
    GridDropout MaskDropout XYMasking TimeReverse SquareSymmetry ChannelDropout RandomBrightnessContrast RandomGamma
    RGBShift Posterize Solarize InvertImg ToGray ChannelShuffle RandomToneCurve Normalize ToFloat FromFloat ToTensorV2
    NoOp Lambda
""".split()
"""Transforms that need little arithmetic: moving, copying or looking up values."""

LIGHT_MEANS: dict[int | None, float | None] = {32: 2.0, 256: 1.8}
"""Geometric mean that the light transforms have to reach, by image size."""


ALL_MEANS: dict[int | None, float | None] = {256: 1.5, 512: 1.5, VOLUME: None, None: 1.5}
"""Geometric mean that all transforms have to reach, by size, and at all sizes together (None).

The few of volumes count among all: one of them, ToTensor3D, copies what the peer hands back.
"""

_OWNED = "the result never shares memory with the input: what the peer hands back is copied"
_DRAWN = "a few microseconds more per call, for checks and a stream from which any call can be drawn again"
_SAME = "both spend their time in the same call, which copies or filters the image"
REASONS = {
    "NoOp": _OWNED,
    "ToRGB": _OWNED,
    "ToTensorV2": _OWNED,
    "ToTensor3D": _OWNED,
    "Lambda": "the function is given a copy, so that it cannot change the caller's array",
    "RandomCrop": _DRAWN,
    "RandomCropFromBorders": _DRAWN,
    "ChannelShuffle": _DRAWN,
    "ChannelDropout": _DRAWN,
    "RandomCrop3D": _DRAWN,
    "CropNonEmptyMaskIfExists": _DRAWN,
    "Morphological": _SAME,
    "TimeMasking": _SAME,
    "RandomRain": "smooth streaks at three distances, each of its own length, width and opacity, where the peer draws "
    "hard lines of one kind",
}
"""Why a transform is slower than the peer's, where it is by more than 1.1 times."""


def single(group: str, name: str, values: dict[str, Any], size: int, target: float) -> Case:
    """One transform, always applied."""
    spec: Spec = [[name, {**values, "p": 1.0}]]
    dtype = "float32" if name == "FromFloat" else "uint8"
    labels = {"volume": 1} if name in volumes(size) else LABELS.get(name, {})
    return Case(group, name, spec, size, dtype, labels, target=target)


def always(*steps: tuple[str, dict[str, Any]]) -> Spec:
    """A spec whose every step is applied."""
    return [[name, {**values, "p": 1.0}] for name, values in steps]


CIFAR = always(
    ("PadIfNeeded", {"min_height": 40, "min_width": 40, "border_mode": 0, "fill": 0}),
    ("RandomCrop", {"height": 32, "width": 32}),
    ("HorizontalFlip", {}),
    (
        "CoarseDropout",
        {"num_holes_range": [1, 1], "hole_height_range": [0.25, 0.25], "hole_width_range": [0.25, 0.25], "fill": 0},
    ),
    ("Normalize", IMAGENET),
    ("ToTensorV2", {}),
)

CLASSIFICATION = always(
    ("RandomResizedCrop", {"size": [224, 224], "scale": [0.08, 1.0], "interpolation": 1}),
    ("HorizontalFlip", {}),
    ("ColorJitter", {"brightness": [0.8, 1.2], "contrast": [0.8, 1.2], "saturation": [0.8, 1.2], "hue": [-0.1, 0.1]}),
    ("Normalize", IMAGENET),
    ("ToTensorV2", {}),
)

CURVES = always(
    (
        "RandomBrightnessContrast",
        {"brightness_limit": [-0.2, 0.2], "contrast_limit": [-0.2, 0.2], "brightness_by_max": True},
    ),
    ("RandomGamma", {"gamma_limit": [80, 120]}),
    ("RandomToneCurve", {"scale": 0.1}),
    ("Solarize", {"threshold_range": [0.9, 1.0]}),
    ("Posterize", {"num_bits": 6}),
    ("Normalize", IMAGENET),
)

FLIP = always(("HorizontalFlip", {}))


def cases() -> list[Case]:
    """Every case that both libraries run, group by group."""
    return [
        *(single("light", name, catalogue(size)[name], size, NOT_SLOWER) for size in (32, 256) for name in LIGHT),
        *(
            single("all", name, values, size, NOT_SLOWER)
            for size in (256, 512)
            for name, values in catalogue(size).items()
        ),
        *(single("all", name, values, VOLUME, NOT_SLOWER) for name, values in volumes(VOLUME).items()),
        Case("overhead", "empty Compose", [], 32, target=2.0),
        Case("overhead", "NoOp", always(("NoOp", {})), 32, target=2.0),
        Case("overhead", "HorizontalFlip, p=0", [["HorizontalFlip", {"p": 0.0}]], 32, target=2.0),
        Case("pipelines", "CIFAR", CIFAR, 32, target=5.0),
        Case("pipelines", "classification", CLASSIFICATION, 512, target=1.7),
        Case("pipelines", "five curves and Normalize", CURVES, 512, target=4.0),
        Case("pipelines", "GaussNoise", always(("GaussNoise", {"std_range": [0.05, 0.2]})), 512, target=5.0),
        *(
            Case(
                "labels",
                f"{count} {kind}, {container}",
                FLIP,
                256,
                labels={kind: count},
                container=container,
                target=5.0,
            )
            for kind, count in (("boxes", 100), ("points", 1000))
            for container in ("list", "array")
        ),
    ]


RECORDING = [
    (Case("recording", "save_applied_params", CIFAR, 32, options={"save_applied_params": True}), 0.15),
    (Case("recording", "ReplayCompose", CIFAR, 32, compose="ReplayCompose"), 0.25),
]
"""Pipelines that record, with the most they may cost over the plain CIFAR pipeline; augury alone."""

PLAIN = Case("recording", "plain", CIFAR, 32)
