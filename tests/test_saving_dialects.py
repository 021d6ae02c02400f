"""Both dialects of Albumentations, held against facts about them: names, argument names, order and defaults.

tests/data/dialects.json: for each transform that both have, what `inspect.signature` says of its constructor in MIT
Albumentations 2.0.8 and in its successor. tests/data/mit_2_0_8_each.jsonl: each transform as `A.to_dict` of 2.0.8
writes it, with its defaults and with others, beside the arguments it was made with.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.saving import MIT_DEFAULTS, MIT_IMPLIED
from augury.transform import Transform, find_transform
from tests.samples import BOX_SETTINGS, POINT_SETTINGS, SPACE_SETTINGS, cube, extras, font, image, labels, mask

DATA = Path(__file__).parent / "data"
DIALECTS: dict[str, dict[str, dict[str, Any]]] = json.loads((DATA / "dialects.json").read_text())
MIT, SUCCESSOR = "mit_2.0.8", "successor_2.5.1"
SAVED = [json.loads(line) for line in (DATA / "mit_2_0_8_each.jsonl").read_text().splitlines()]

# What a transform needs to be made, where that is not a default.
NEEDED: dict[str, dict[str, Any]] = {
    "CropAndPad": {"px": 3},
    "LongestMaxSize": {"max_size": 40},
    "SmallestMaxSize": {"max_size": 40},
    "AtLeastOneBBoxRandomCrop": {"height": 20, "width": 30},
    "CenterCrop": {"height": 20, "width": 30},
    "CropNonEmptyMaskIfExists": {"height": 20, "width": 30},
    "RandomCrop": {"height": 20, "width": 30},
    "RandomSizedBBoxSafeCrop": {"height": 20, "width": 30},
    "Resize": {"height": 20, "width": 30},
    "RandomResizedCrop": {"size": [20, 30]},
    "RandomSizedCrop": {"min_max_height": [20, 40], "size": [20, 30]},
    "LetterBox": {"size": [20, 30]},
    "CenterCrop3D": {"size": [3, 20, 30]},
    "RandomCrop3D": {"size": [3, 20, 30]},
    "RandomResizedCrop3D": {"size": [3, 20, 30]},
    "Resize3D": {"size": [3, 20, 30]},
    "Pad3D": {"padding": 2},
    "PadIfNeeded3D": {"min_zyx": [3, 20, 30]},
    "GridElasticDeform": {"num_grid_xy": [4, 4], "magnitude": 3},
    "UniformTemporalSubsample": {"num_frames": 3},
    "TextImage": {"font_path": font()},
}


def cases(dialect: str) -> list[Any]:
    return [pytest.param(find_transform(name, "test"), facts, id=name) for name, facts in DIALECTS[dialect].items()]


def stored(cls: type[Transform], name: str, value: Any) -> Any:
    """`value` as the field called `name`, in either dialect, keeps it."""
    field = cls.fields[cls._aliases.get(name, name)]
    return field.accept(value, cls.__name__)


def test_every_transform_is_in_the_facts() -> None:
    assert {*DIALECTS[SUCCESSOR], "TextImage"} == set(A.catalogue.__all__)
    new = set(
        """
        ModeFilter StochasticConvolution RicianNoise Enhance ChannelSwap PhotoMetricDistort ExposureMatching Colorize
        BiasField GibbsRinging KSpaceSpikeNoise AnnotationArtifacts GridMask GuidedCoarseDropout
        BBoxSubsetSafeRandomCrop PixelSpread WaterRefraction UniformTemporalSubsample
    """.split()
    )
    new |= {
        "CopyAndPaste",
        "UniformTemporalSubsample",
        "LetterBox",
        "AtmosphericFog",
        "LensFlare",
        "Vignetting",
        "FilmGrain",
        "Halftone",
        "Dithering",
    }
    new |= {"Affine3D", "ElasticTransform3D", "Flip3D", "GridShuffle3D", "RandomResizedCrop3D", "RandomRotate90_3D"}
    new |= {"Resize3D", "Anisotropy3D", "GhostingArtifact", "MotionArtifact"}
    assert set(A.catalogue.__all__) - set(DIALECTS[MIT]) == new
    for table in (MIT_DEFAULTS, MIT_IMPLIED):
        assert set(table) <= set(DIALECTS[MIT])


@pytest.mark.parametrize("dialect", [MIT, SUCCESSOR])
def test_every_argument_is_known_and_required_alike(dialect: str) -> None:
    for name, facts in DIALECTS[dialect].items():
        cls = find_transform(name, "test")
        for argument in (*facts["required"], *facts["defaults"]):
            field = cls.fields[cls._aliases.get(argument, argument)]
            assert field.required == (argument in facts["required"]), (name, argument)


@pytest.mark.parametrize(("cls", "facts"), cases(SUCCESSOR))
def test_the_defaults_of_the_successor(cls: type[Transform], facts: dict[str, Any]) -> None:
    for name, value in facts["defaults"].items():
        assert stored(cls, name, value) == stored(cls, name, cls.fields[cls._aliases.get(name, name)].default), name
    assert list(cls.fields)[: len(facts["order"])] == facts["order"]


@pytest.mark.parametrize(("cls", "facts"), cases(MIT))
def test_the_defaults_of_mit(cls: type[Transform], facts: dict[str, Any]) -> None:
    """Those that differ from ours, and only those, are in MIT_DEFAULTS."""
    differ = {}
    for name, value in facts["defaults"].items():
        canonical = cls._aliases.get(name, name)
        if stored(cls, name, value) != stored(cls, name, cls.fields[canonical].default):
            differ[canonical] = stored(cls, name, value)
    listed = MIT_DEFAULTS.get(cls.__name__, {})
    assert differ == {name: stored(cls, name, value) for name, value in listed.items()}


@pytest.mark.parametrize("dialect", [MIT, SUCCESSOR])
def test_every_argument_is_accepted(dialect: str) -> None:
    for name, facts in DIALECTS[dialect].items():
        cls, needed = find_transform(name, "test"), NEEDED.get(name, {})
        assert set(facts["required"]) <= set(needed)
        for argument, value in facts["defaults"].items():
            if argument not in needed:
                made = cls(**{**needed, argument: value})
                assert getattr(made, cls._aliases.get(argument, argument)) == stored(cls, argument, value)


@pytest.mark.parametrize("case", SAVED, ids=lambda case: case["saved"]["transform"]["__class_fullname__"])
def test_what_mit_saves_is_read_and_runs(case: dict[str, Any]) -> None:
    transform, changes = A.convert(case["saved"])
    cls = type(transform)
    written = {
        name: value for name, value in case["saved"]["transform"].items() if name in cls._aliases or name in cls.fields
    }
    for name, value in written.items():
        assert getattr(transform, cls._aliases.get(name, name)) == stored(cls, name, value), name
    # 2.0.8 writes shift_limit as one range for each axis.
    assert set(case["given"]) - set(written) <= {"shift_limit"}
    renamed = {change.before for change in changes if not change.before.endswith("left out")}
    assert renamed == {name for name in written if name in cls._aliases}
    if cls.sees == "volumes":
        space = A.KeypointParams(**SPACE_SETTINGS)
        assert A.Compose([transform], keypoint_params=space, seed=1)(**cube())["volume"].ndim == 4
        return

    height, width = (1024, 1024) if cls is A.Crop else (97, 131)
    data = {
        "image": image(height, width, dtype="float32" if cls is A.FromFloat else "uint8"),
        "mask": mask(height, width),
    }
    if cls is A.RandomCropNearBBox:
        data["cropping_bbox"] = [10, 10, 40, 40]
    elif "metadata_key" in cls.fields:
        (data[transform.metadata_key],) = extras(cls.__name__, data["image"]).values()
    boxes, points = A.BboxParams(**BOX_SETTINGS), A.KeypointParams(**POINT_SETTINGS)
    pipeline = A.Compose([transform], bbox_params=boxes, keypoint_params=points, seed=1)
    for key in range(3):
        result = pipeline(**data, **labels(), key=key)
        assert np.asarray(result["image"]).size > 0 and len(result["bboxes"]) == len(result["labels"])


@pytest.mark.parametrize("name", MIT_DEFAULTS)
def test_defaults_left_out_of_a_file_are_written_down(name: str) -> None:
    saved = {"__version__": "2.0.8", "transform": {"__class_fullname__": name, "p": 1.0}}
    transform, changes = A.convert(saved)
    assert {change.after for change in changes} == {f"{k}={v!r}" for k, v in MIT_DEFAULTS[name].items()}
    for field, value in MIT_DEFAULTS[name].items():
        assert getattr(transform, field) == stored(type(transform), field, value)
    assert A.convert({**saved, "__version__": "2.5.1"})[1] == []
