"""Every catalogue transform with its defaults and with each of its modes: (name, arguments)."""

from __future__ import annotations

from typing import Any

Case = tuple[str, dict[str, Any]]

FLIP: list[Case] = [
    ("HorizontalFlip", {}),
    ("VerticalFlip", {}),
    ("Transpose", {}),
    ("D4", {}),
    ("D4", {"group_element": "hvt"}),
    ("RandomRotate90", {}),
    ("RandomRotate90", {"group_elements": ["r90", "r270"]}),
]

TONE: list[Case] = [
    ("RandomBrightnessContrast", {}),
    ("RandomBrightnessContrast", {"brightness_by_max": True}),
    ("RandomBrightnessContrast", {"brightness_by_max": True, "ensure_safe_output": True}),
    ("RandomBrightnessContrast", {"brightness_limit": 0.4, "contrast_limit": 0.3, "ensure_safe_range": True}),
    ("RandomGamma", {}),
    ("RandomGamma", {"gamma_limit": 300}),
    ("RandomToneCurve", {}),
    ("RandomToneCurve", {"scale": 0.5, "per_channel": True}),
    ("Posterize", {}),
    ("Posterize", {"num_bits": 2}),
    ("Posterize", {"num_bits": [[1, 3], [2, 4], [5, 7]]}),
    ("Solarize", {}),
    ("Solarize", {"threshold_range": [0.1, 0.9]}),
    ("InvertImg", {}),
    ("Equalize", {}),
    ("Equalize", {"mode": "pil"}),
    ("Equalize", {"by_channels": False}),
    ("Equalize", {"mode": "pil", "by_channels": False}),
    ("CLAHE", {}),
    ("CLAHE", {"clip_limit": 3, "tile_grid_size": [2, 3]}),
    ("AutoContrast", {}),
    ("AutoContrast", {"cutoff": 5, "ignore": 0, "method": "pil"}),
]

COLOR: list[Case] = [
    ("HueSaturationValue", {}),
    ("HueSaturationValue", {"hue_shift_limit": 0, "sat_shift_limit": 0, "val_shift_limit": 30}),
    ("RGBShift", {}),
    ("RGBShift", {"r_shift_limit": 0.2, "g_shift_limit": 0, "b_shift_limit": [-30, -10]}),
    ("ColorJitter", {}),
    ("ColorJitter", {"brightness": 0.4, "contrast": [1, 1], "saturation": 0.9, "hue": 0}),
    ("ChannelShuffle", {}),
    ("ChannelShuffle", {"channel_order": [2, 0, 1]}),
    ("ToGray", {}),
    *(("ToGray", {"method": m}) for m in ("from_lab", "desaturation", "average", "max", "pca")),
    ("ToGray", {"num_output_channels": 1}),
    ("ToGray", {"num_output_channels": 4, "method": "pca"}),
    ("ToSepia", {}),
    ("FancyPCA", {}),
    ("FancyPCA", {"alpha": 2.0}),
]

CODEC: list[Case] = [
    ("ImageCompression", {}),
    ("ImageCompression", {"compression_type": "webp", "quality_range": [20, 60]}),
    ("Downscale", {}),
    ("Downscale", {"scale_range": [0.3, 1.0], "interpolation_pair": {"upscale": 1, "downscale": 3}}),
]

CONVERT: list[Case] = [
    ("Normalize", {}),
    ("Normalize", {"mean": 0.5, "std": 0.25, "max_pixel_value": 200, "clip_range": [-1, 1]}),
    *(("Normalize", {"normalization": m}) for m in ("image", "image_per_channel", "min_max", "min_max_per_channel")),
    ("ToFloat", {}),
    ("ToFloat", {"max_value": 100.0}),
    ("FromFloat", {}),
    ("FromFloat", {"dtype": "uint16"}),
    ("FromFloat", {"max_value": 100.0}),
    ("ToTensorV2", {}),
    ("ToTensorV2", {"transpose_mask": True}),
    ("NoOp", {}),
]

DROPOUT: list[Case] = [
    ("CoarseDropout", {}),
    ("CoarseDropout", {"num_holes_range": [2, 5], "hole_height_range": [2, 9], "hole_width_range": [1, 6]}),
    ("CoarseDropout", {"num_holes_range": [150, 200], "hole_height_range": [1, 2], "fill_mask": 3}),
    ("Erasing", {}),
    ("Erasing", {"scale": [0.1, 0.2], "ratio": [1, 2], "fill_mask": 1}),
    ("GridDropout", {}),
    ("GridDropout", {"random_offset": False, "shift_xy": [1, 2], "fill_mask": 0}),
    ("GridDropout", {"ratio": 0.3, "unit_size_range": [4, 8]}),
    ("GridDropout", {"ratio": 0.7, "holes_number_xy": [3, 2], "fill": [1, 2, 3]}),
    *(
        (name, {"fill": fill})
        for name in ("CoarseDropout", "Erasing", "GridDropout")
        for fill in ("random", "random_uniform", "grayscale", "inpaint_telea", "inpaint_ns")
    ),
    ("ChannelDropout", {}),
    ("ChannelDropout", {"channel_drop_range": [1, 2], "fill": 1}),
    ("PixelDropout", {}),
    ("PixelDropout", {"dropout_prob": 0.2, "per_channel": True, "drop_value": None, "mask_drop_value": 0}),
    ("PixelDropout", {"dropout_prob": 0.2, "drop_value": [1, 0, 1], "mask_drop_value": 2}),
]

BLUR: list[Case] = [
    ("Blur", {}),
    ("Blur", {"blur_limit": 4}),
    ("GaussianBlur", {}),
    ("GaussianBlur", {"blur_limit": [0, 5], "sigma_limit": 2}),
    ("GaussianBlur", {"blur_range": [3, 7], "sigma_range": [0, 0], "volume_mode": "slice"}),
    ("MedianBlur", {}),
    ("MotionBlur", {}),
    ("MotionBlur", {"allow_shifted": False, "angle_range": [30, 30], "direction_range": [1, 1]}),
    ("Defocus", {}),
    ("Defocus", {"radius": [1, 2], "alias_blur": 0.4}),
    ("Sharpen", {}),
    ("Sharpen", {"method": "gaussian", "kernel_size": 3, "sigma": 2.0}),
    ("Emboss", {}),
]

NOISE: list[Case] = [
    ("GaussNoise", {}),
    ("GaussNoise", {"mean_range": [-0.1, 0.1], "per_channel": True}),
    ("GaussNoise", {"per_channel": True, "noise_scale_factor": 0.5}),
    ("ISONoise", {}),
    ("MultiplicativeNoise", {}),
    ("MultiplicativeNoise", {"per_channel": True}),
    ("MultiplicativeNoise", {"elementwise": True}),
    ("MultiplicativeNoise", {"per_channel": True, "elementwise": True}),
    ("SaltAndPepper", {}),
    ("ShotNoise", {}),
    ("ShotNoise", {"scale_range": [0.001, 0.01]}),
]

GEOMETRY: list[Case] = [
    ("Rotate", {}),
    ("Rotate", {"limit": 45, "crop_border": True, "rotate_method": "ellipse", "interpolation": 2, "border_mode": 4}),
    ("SafeRotate", {}),
    ("SafeRotate", {"angle_range": [90, 120], "border_mode": 1}),
    ("Affine", {}),
    ("Affine", {"scale": 0.5, "rotate": 30, "shear": 10, "translate_px": 3, "fill": 9, "fill_mask": 1}),
    ("Affine", {"scale": [0.5, 2], "rotate": [-30, 30], "shear": [-9, 9], "balanced_scale": True, "keep_ratio": False}),
    ("Affine", {"scale": {"x": [0.8, 1.2]}, "keep_ratio": False, "translate_percent": {"x": [-0.2, 0.2]}}),
    ("Affine", {"rotate": [-45, 45], "shear": {"y": 5}, "fit_output": True, "rotate_method": "ellipse"}),
    ("ShiftScaleRotate", {}),
    ("ShiftScaleRotate", {"shift_limit": 0.2, "scale_limit": 0.3, "rotate_limit": 90, "shift_limit_x": [0.1, 0.1]}),
    ("Perspective", {}),
    ("Perspective", {"scale": 0.2, "keep_size": False, "interpolation": 4}),
    ("Perspective", {"fit_output": True, "scale": [0.3, 0.5]}),
    ("Perspective", {"fit_output": True, "keep_size": False, "border_mode": 2}),
    ("ElasticTransform", {}),
    ("ElasticTransform", {"displacement_range": [0.1, 0.1], "control_grid_shape": [3, 4], "border_mode": 4}),
    ("ElasticTransform", {"alpha": 100, "sigma": 10, "keypoint_remapping_method": "direct"}),
    ("ElasticTransform", {"alpha": 50, "sigma": 4, "approximate": True, "same_dxdy": True}),
    ("ElasticTransform", {"noise_distribution": "uniform"}),
    ("GridDistortion", {}),
    ("GridDistortion", {"num_steps": 3, "distort_limit": 0.5, "normalized": False, "map_resolution_range": [0.2, 0.5]}),
    ("OpticalDistortion", {}),
    ("OpticalDistortion", {"distort_limit": 0.3, "mode": "fisheye", "map_resolution_range": 0.5}),
]

SIZE: list[Case] = [
    ("Resize", {"height": 40, "width": 50}),
    ("Resize", {"height": 30, "width": 20, "area_for_downscale": "image", "interpolation": 2}),
    ("Resize", {"height": 30, "width": 200, "interpolation": 5, "mask_interpolation": 6}),
    ("LongestMaxSize", {"max_size": 50}),
    ("LongestMaxSize", {"max_size": [32, 48, 64], "area_for_downscale": "image"}),
    ("LongestMaxSize", {"max_size_hw": [40, None]}),
    ("SmallestMaxSize", {"max_size": 50}),
    ("SmallestMaxSize", {"max_size_hw": [40, 50], "interpolation": 4}),
    ("RandomScale", {}),
    ("RandomScale", {"scale_limit": [-0.5, 0], "area_for_downscale": "image"}),
    ("RandomScale", {"scale_range": {"x": [-0.2, 0.2]}}),
    ("LetterBox", {"size": [80, 90]}),
    ("LetterBox", {"size": [30, 90], "position": "random", "fill": 5, "fill_mask": 2}),
    ("Pad", {}),
    ("Pad", {"padding": 3, "fill": 7, "fill_mask": 1}),
    ("Pad", {"padding": [2, 5], "border_mode": 4}),
    ("Pad", {"padding": [1, 2, 3, 4], "border_mode": 3}),
    ("PadIfNeeded", {"min_height": 100, "min_width": 110}),
    ("PadIfNeeded", {"min_height": 100, "min_width": 110, "position": "random", "border_mode": 2}),
    ("PadIfNeeded", {"min_height": None, "min_width": None, "pad_height_divisor": 48, "pad_width_divisor": 50}),
]

CROP: list[Case] = [
    ("Crop", {"x_min": 3, "y_min": 4, "x_max": 40, "y_max": 50}),
    ("Crop", {"x_min": 3, "x_max": 120, "y_max": 30, "pad_if_needed": True, "pad_position": "random"}),
    ("CenterCrop", {"height": 31, "width": 40}),
    ("CenterCrop", {"height": 31, "width": 140, "pad_if_needed": True, "border_mode": 4}),
    ("RandomCrop", {"height": 31, "width": 40}),
    ("RandomCrop", {"height": 131, "width": 20, "pad_if_needed": True, "fill": 3, "fill_mask": 1}),
    ("RandomSizedCrop", {"min_max_height": [10, 40], "size": [32, 36]}),
    ("RandomSizedCrop", {"min_max_height": [10, 400], "size": [32, 36], "w2h_ratio": 2, "area_for_downscale": "image"}),
    ("RandomResizedCrop", {"size": [32, 36]}),
    ("RandomResizedCrop", {"size": [32, 36], "scale": [0.5, 1.0], "ratio": [3, 4], "interpolation": 2}),
    ("RandomResizedCrop", {"size": [32, 36], "sampling_method": "uniform_scale"}),
    ("CropAndPad", {"px": 4}),
    ("CropAndPad", {"px": [-5, 5], "sample_independently": False, "keep_size": False}),
    ("CropAndPad", {"px": [-5, [2, 6], 0, [-3, 3]], "border_mode": 4}),
    ("CropAndPad", {"percent": [-0.2, 0.1], "fill": 5, "fill_mask": 1}),
    ("CropAndPad", {"px_choices": [-9, 0, 9]}),
    ("CropAndPad", {"percent_choices": [-0.1, 0.1], "keep_size": False}),
    ("RandomCropFromBorders", {}),
    ("RandomCropFromBorders", {"crop_left": 0.9, "crop_right": 0.1, "crop_top": 0.5, "crop_bottom": 0.5}),
    ("RandomCropNearBBox", {}),
    ("RandomCropNearBBox", {"max_part_shift": [0.5, 0.1]}),
    ("BBoxSafeRandomCrop", {}),
    ("BBoxSafeRandomCrop", {"erosion_rate": 0.5}),
    ("RandomSizedBBoxSafeCrop", {"height": 32, "width": 36}),
    ("RandomSizedBBoxSafeCrop", {"height": 32, "width": 36, "erosion_rate": 1.0, "interpolation": 3}),
    ("CropNonEmptyMaskIfExists", {"height": 20, "width": 24}),
    ("CropNonEmptyMaskIfExists", {"height": 20, "width": 24, "ignore_values": [1]}),
]

CASES: list[Case] = [*FLIP, *TONE, *COLOR, *CODEC, *CONVERT, *DROPOUT, *BLUR, *NOISE, *GEOMETRY, *SIZE, *CROP]
