"""Every transform as MIT Albumentations 2.0.8 saves it; run with that release: `python tests/data/make_mit_each.py`.

Writes tests/data/mit_2_0_8_each.jsonl, a line per pipeline {"given": arguments, "saved": what `A.to_dict` gives}: each
transform with its defaults (or what it requires), and once per argument with another value in it. The other value is
the first candidate that 2.0.8 takes and that changes what it saves: from the tables below, from the choices of
the argument, or made from its default. What cannot be saved, and arguments that no candidate changes, are printed.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import albumentations as A

FOLDER = Path(__file__).parent
DIALECTS = json.loads((FOLDER / "dialects.json").read_text(encoding="utf-8"))
FACTS, SUCCESSOR = DIALECTS["mit_2.0.8"], DIALECTS["successor_2.5.1"]

# What a transform needs to be made, and beside which arguments others make sense.
NEEDED: dict[str, dict[str, Any]] = {
    **{
        name: {"height": 20, "width": 30}
        for name in (
            "AtLeastOneBBoxRandomCrop", "CenterCrop", "CropNonEmptyMaskIfExists", "RandomCrop",
            "RandomSizedBBoxSafeCrop", "Resize",
        )
    },
    "CenterCrop3D": {"size": [2, 20, 30]},
    "RandomCrop3D": {"size": [2, 20, 30]},
    "Pad3D": {"padding": 2},
    "PadIfNeeded3D": {"min_zyx": [8, 80, 90]},
    "RandomResizedCrop": {"size": [20, 30]},
    "RandomSizedCrop": {"min_max_height": [20, 40], "size": [20, 30]},
    "CropAndPad": {"px": 3},
    "LongestMaxSize": {"max_size": 40},
    "SmallestMaxSize": {"max_size": 40},
    "GridElasticDeform": {"num_grid_xy": [4, 4], "magnitude": 5},
    "TextImage": {"font_path": "font.ttf"},
    "ConstrainedCoarseDropout": {"mask_indices": [1]},
    "Lambda": {"name": "named"},
}  # fmt: skip
# Other arguments that have to go when this one is set.
INSTEAD = {
    ("CropAndPad", "percent"): ("px",),
    ("LongestMaxSize", "max_size_hw"): ("max_size",),
    ("SmallestMaxSize", "max_size_hw"): ("max_size",),
    ("PadIfNeeded3D", "pad_divisor_zyx"): ("min_zyx",),
    ("ConstrainedCoarseDropout", "bbox_labels"): ("mask_indices",),
}
# Arguments that have to come along when this one is set.
BESIDE: dict[tuple[str, str], dict[str, Any]] = {
    ("PadIfNeeded", "pad_height_divisor"): {"min_height": None},
    ("PadIfNeeded", "pad_width_divisor"): {"min_width": None},
    ("HEStain", "preset"): {"method": "preset"},
    ("GridDropout", "shift_xy"): {"random_offset": False},
    ("AdditiveNoise", "spatial_mode"): {"noise_params": {"ranges": [[-0.1, 0.1]]}},
    ("Illumination", "sigma_range"): {"mode": "gaussian"},
}
# Values to try first, of one transform's argument or of an argument of any.
CANDIDATES: dict[str | tuple[str, str], list[Any]] = {
    ("AdditiveNoise", "noise_params"): [{"ranges": [[-0.2, 0.1]]}],
    ("AdditiveNoise", "approximation"): [0.5],
    ("Sharpen", "kernel_size"): [7],
    ("Affine", "scale"): [[0.8, 1.1], {"x": [0.8, 1.1], "y": [0.9, 1.0]}],
    ("Affine", "translate_percent"): [[-0.1, 0.1]],
    ("Affine", "translate_px"): [[-3, 4]],
    ("Affine", "rotate"): [[-20, 30]],
    ("Affine", "shear"): [[-5, 10]],
    ("AutoContrast", "ignore"): [3],
    ("CropAndPad", "px"): [[-5, 4]],
    ("CropAndPad", "percent"): [[-0.1, 0.1]],
    ("Downscale", "interpolation_pair"): [{"upscale": 1, "downscale": 3}],
    ("Lambda", "name"): ["other"],
    ("PlanckianJitter", "temperature_limit"): [[4000, 9000]],
    ("Posterize", "num_bits"): [[3, 5], 3],
    ("MultiplicativeNoise", "multiplier"): [[0.8, 1.3]],
    ("ChannelDropout", "channel_drop_range"): [[1, 2]],
    ("Spatter", "color"): [[10, 20, 30]],
    ("ToFloat", "max_value"): [200.0],
    ("FromFloat", "max_value"): [200.0],
    ("FromFloat", "dtype"): ["uint16", "float32"],
    ("TextImage", "font_path"): ["other.ttf"],
    ("TextImage", "font_color"): [[255, 0, 0]],
    ("RandomRain", "drop_color"): [[10, 20, 30]],
    ("ElasticTransform", "noise_distribution"): ["uniform"],
    ("Superpixels", "p_replace"): [[0.3, 0.6], 0.4],
    ("Superpixels", "n_segments"): [[50, 80], 60],
    ("RGBShift", "r_shift_limit"): [[-10, 10]],
    ("CropNonEmptyMaskIfExists", "ignore_values"): [[1]],
    ("CropNonEmptyMaskIfExists", "ignore_channels"): [[1]],
    ("XYMasking", "num_masks_x"): [[1, 2]],
    ("Mosaic", "grid_yx"): [[3, 2]],
    ("Mosaic", "target_size"): [[100, 90]],
    ("Mosaic", "cell_shape"): [[100, 90]],
    ("Mosaic", "center_range"): [[0.4, 0.6]],
    ("OverlayElements", "metadata_key"): ["overlays"],
    ("HEStain", "method"): ["macenko"],
    "src_color": [[250, 200, 100]],
    "fill_mask": [1],
    "fill": [7, [1, 2, 3]],
    "mask_drop_value": [1],
    "mask_fill_value": [1],
    "max_size": [50, [30, 40]],
    "max_size_hw": [[30, 40]],
    "area_for_downscale": ["image"],
    "mask_indices": [[1, 2]],
    "bbox_labels": [["a"]],
    "unit_size_range": [[5, 9]],
    "holes_number_xy": [[3, 4]],
    "pad_height_divisor": [32],
    "pad_width_divisor": [32],
    "pad_divisor_zyx": [[2, 16, 16]],
    "min_zyx": [[9, 70, 80]],
    "size": [[3, 25, 35], [25, 35]],
    "padding": [3],
    "preset": ["dark"],
    "drop_length": [10],
    "shift_limit_x": [[-0.1, 0.1]],
    "shift_limit_y": [[-0.1, 0.1]],
    "metadata_key": ["other"],
    "keypoint_remapping_method": ["direct"],
    "mask_params": [["other"]],
    "plasma_size": [64],
    "cropping_bbox_key": ["other"],
    "min_height": [100],
    "min_width": [110],
    "mean": [0.4, [0.6, 0.7]],
    "std": [0.3, [0.2, 0.25]],
}


def candidates(name: str, argument: str, default: Any) -> Iterator[Any]:
    """Values to try for an argument."""
    yield from CANDIDATES.get((name, argument), CANDIDATES.get(argument, []))
    yield from SUCCESSOR.get(name, {}).get("choices", {}).get(argument, [])
    if isinstance(default, bool):
        yield not default
    elif isinstance(default, int | float):
        yield from (default + 1, default + 2, default - 1, default * 0.5, default * 1.5, 0.3, 3)
    elif isinstance(default, list) and len(default) == 2 and all(isinstance(v, int | float) for v in default):
        low, high = default
        part = (high - low) / 4
        yield from (
            [low + part, high - part], [round(low + part), round(high - part)], [low, low + part], [low, high - 1],
            [low + 2, high + 2], [low, high + 1], [low + 1, high + 1], [low * 0.5, high * 0.5], [low * 2, high * 2],
            [low * 0.5, high], [0.2, 0.6],
        )  # fmt: skip
    elif isinstance(default, list):
        yield from ([value * 0.5 for value in default if isinstance(value, int | float)], default[::-1], default[1:])


def saved(name: str, given: dict[str, Any]) -> dict[str, Any] | None:
    """What 2.0.8 saves of a transform; None if it does not take the arguments or cannot save it."""
    saved.reason = "not in what is saved"  # type: ignore[attr-defined]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message="Argument")  # one that is unknown, or not taken
        try:
            made = getattr(A, name)(**given)
            return json.loads(json.dumps(A.to_dict(made)))
        except Exception as error:
            saved.reason = f"{type(error).__name__}: {str(error).splitlines()[0]}"  # type: ignore[attr-defined]
            return None


def main() -> None:
    """Write the file."""
    lines, unsaved, unchanged = [], [], []
    for name, facts in FACTS.items():
        needed = NEEDED.get(name, {})
        plain = saved(name, needed)
        if plain is None:
            unsaved.append(f"{name}: {saved.reason}")  # type: ignore[attr-defined]
            continue
        lines.append({"given": needed, "saved": plain})
        for argument in facts["order"]:
            base = {k: v for k, v in needed.items() if k not in INSTEAD.get((name, argument), ())}
            base |= BESIDE.get((name, argument), {})
            before = saved(name, base) or plain
            for value in candidates(name, argument, needed.get(argument, facts["defaults"].get(argument))):
                if value == facts["defaults"].get(argument):
                    continue
                given = {**base, argument: value}
                found = saved(name, given)
                if found is not None and found != before:
                    lines.append({"given": given, "saved": found})
                    break
            else:
                unchanged.append(f"{name}.{argument}: {getattr(saved, 'reason', '')}")
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (FOLDER / "mit_2_0_8_each.jsonl").write_text(text, encoding="utf-8")
    print(f"{len(lines)} pipelines of {len(FACTS) - len(unsaved)} transforms")
    print("cannot be saved:", *unsaved, "unchanged:", *unchanged, sep="\n  ")


if __name__ == "__main__":
    main()
