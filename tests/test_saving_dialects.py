"""Both dialects of Albumentations, held against facts about them: names, arguments, order, defaults, choices, targets.

tests/data/dialects.json: what introspection says of every transform of MIT Albumentations 2.0.8 and of its successor
(written by make_dialects.py). tests/data/mit_2_0_8_each.jsonl: each transform as `A.to_dict` of 2.0.8 writes it, with
its defaults and with another value of each argument (written by make_mit_each.py). What differs on purpose is listed
in docs/dialects.py, which docs/coming-from-albumentations.md shows.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augury as A
from augury import cli
from augury.errors import FieldError
from augury.saving import MIT_DEFAULTS, MIT_IMPLIED
from augury.transform import Transform, find_transform
from docs.dialects import DIFFERENCES
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
    "GridElasticDeform": {"num_grid_xy": [4, 4], "magnitude": 5},
    "CenterCrop3D": {"size": [2, 20, 30]},
    "RandomCrop3D": {"size": [2, 20, 30]},
    "RandomResizedCrop3D": {"size": [2, 20, 30]},
    "Resize3D": {"size": [2, 20, 30]},
    "Pad3D": {"padding": 2},
    "UniformTemporalSubsample": {"num_frames": 2},
    "PadIfNeeded3D": {"min_zyx": [4, 70, 90]},
    "TextImage": {"font_path": font()},
}
# What has to be set beside an argument or one of its choices.
BESIDE: dict[tuple[str, str] | tuple[str, str, Any], dict[str, Any]] = {
    ("AnnotationArtifacts", "element_types"): {"element_probabilities": [1]},
    ("AnnotationArtifacts", "line_styles"): {"line_style_probabilities": [1]},
    ("HEStain", "method", "custom"): {"stain_matrix": [[0.65, 0.7, 0.29], [0.07, 0.99, 0.11]]},
}


def known(dialect: str) -> dict[str, dict[str, Any]]:
    """Facts about the transforms of the catalogue, where Lambda is not."""
    return {name: facts for name, facts in DIALECTS[dialect].items() if name != "Lambda"}


def cases(dialect: str) -> list[Any]:
    return [pytest.param(find_transform(name, "test"), facts, id=name) for name, facts in known(dialect).items()]


def wanted(dialect: str, kind: str, name: str, what: str) -> bool:
    """Whether a fact has to hold here: no difference in docs/dialects.py says otherwise."""
    return not any(
        one.kind == kind and one.what == what and name in one.names and one.dialect in (dialect, "both")
        for one in DIFFERENCES
    )


def name_of(case: dict[str, Any]) -> str:
    return str(case["saved"]["transform"]["__class_fullname__"])


def stored(cls: type[Transform], name: str, value: Any) -> Any:
    """`value` as the field called `name`, in either dialect, keeps it."""
    field = cls.fields[cls._aliases.get(name, name)]
    return field.accept(value, cls.__name__)


def test_every_name_exists() -> None:
    names = set(DIALECTS[SUCCESSOR]) | set(DIALECTS[MIT])
    assert set(A.catalogue.__all__) == names - {"Lambda"}
    assert "Lambda" in names and A.Lambda
    for table in (MIT_DEFAULTS, MIT_IMPLIED):
        assert set(table) <= set(DIALECTS[MIT])


@pytest.mark.parametrize("dialect", [MIT, SUCCESSOR])
def test_every_argument_is_known_and_required_alike(dialect: str) -> None:
    for name, facts in known(dialect).items():
        cls = find_transform(name, "test")
        for argument in facts["order"]:
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
    for name, facts in known(dialect).items():
        cls, needed = find_transform(name, "test"), NEEDED.get(name, {})
        assert set(facts["required"]) <= set(needed)
        for argument, value in facts["defaults"].items():
            if argument not in needed:
                made = cls(**{**needed, argument: value})
                assert getattr(made, cls._aliases.get(argument, argument)) == stored(cls, argument, value)


def flat(value: Any) -> list[Any]:
    """Everything inside lists and dicts."""
    if isinstance(value, (list, tuple)):
        return [one for part in value for one in flat(part)]
    if isinstance(value, dict):
        return [one for pair in value.items() for part in pair for one in flat(part)]
    return [value]


@pytest.mark.parametrize("dialect", [MIT, SUCCESSOR])
def test_every_choice_is_accepted(dialect: str) -> None:
    """A choice is the argument's value, or stands in a list of some, or is a key of it."""
    for name, facts in known(dialect).items():
        cls, needed = find_transform(name, "test"), NEEDED.get(name, {})
        for argument, choices in facts["choices"].items():
            refused = set()
            for choice in choices:
                beside = {**needed, **BESIDE.get((name, argument), {}), **BESIDE.get((name, argument, choice), {})}
                pair = {"upscale": 0, "downscale": 0}
                for value in (
                    choice, [choice], [choice, 0 if choice else 1], {choice: [0.9, 1.1]}, {**pair, choice: 1},
                    dict.fromkeys(pair, choice), [[0, 1], [1, 2], [0, 2]],
                ):  # fmt: skip
                    with suppress(FieldError):
                        made = cls(**{**beside, argument: value})
                        assert choice in flat(getattr(made, cls._aliases.get(argument, argument)))
                        break
                else:
                    refused.add(choice)
            meant = {choice for choice in choices if not wanted(dialect, "choice", name, f"{argument}={choice!r}")}
            assert refused == meant, (name, argument)


@pytest.mark.parametrize("name", sorted({name_of(case) for case in SAVED}))
def test_what_mit_saves_is_read_and_runs(name: str) -> None:
    for case in SAVED:
        if name_of(case) == name:
            read_and_run(case)


def read_and_run(case: dict[str, Any]) -> None:
    named = {} if name_of(case) != "Lambda" else {case["given"]["name"]: A.Lambda(name="any", p=1)}
    transform, changes = A.convert(case["saved"], named)
    cls = type(transform)
    written = {
        name: value for name, value in case["saved"]["transform"].items() if name in cls._aliases or name in cls.fields
    }
    if not named:
        for name, value in written.items():
            assert getattr(transform, cls._aliases.get(name, name)) == stored(cls, name, value), name
        # 2.0.8 writes shift_limit as one range for each axis, and neither stopwords nor an empty list.
        assert set(case["given"]) - set(written) <= {"shift_limit", "stopwords", "augmentations"}
    renamed = {change.before for change in changes if not change.before.endswith("left out")}
    assert renamed == {name for name in written if name in cls._aliases}
    if cls is A.TextImage:
        transform = transform.replace(font_path=font())
    if cls.sees == "volumes":
        space = A.KeypointParams(**SPACE_SETTINGS)
        assert A.Compose([transform], keypoint_params=space, seed=1)(**cube(sides=(8, 64, 72)))["volume"].ndim == 4
        return

    height, width = (1025, 1025) if cls is A.Crop else (97, 131)
    data = {
        "image": image(height, width, dtype="float32" if cls is A.FromFloat else "uint8"),
        "mask": mask(height, width),
    }
    if case["given"].get("ignore_channels"):
        data["mask"] = np.stack([data["mask"]] * 2, axis=-1)
    given = list(extras(cls.__name__, data["image"]).values())
    data |= dict(zip(transform.asks_for, given, strict=False))
    boxes, points = A.BboxParams(**BOX_SETTINGS), A.KeypointParams(**POINT_SETTINGS)
    pipeline = A.Compose([transform], bbox_params=boxes, keypoint_params=points, seed=1)
    result = pipeline(**data, **labels(), key=0)
    assert np.asarray(result["image"]).size > 0 and len(result["bboxes"]) == len(result["labels"])


def test_the_command_converts_them_all_and_names_each_renaming(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = [case["saved"]["transform"] for case in SAVED if name_of(case) != "Lambda"]
    saved = {"__version__": "2.0.8", "transform": {"__class_fullname__": "Compose", "transforms": parts}}
    (tmp_path / "saved.json").write_text(json.dumps(saved))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "argv", ["augury", "convert", f"{tmp_path}/saved.json", "-o", f"{tmp_path}/ours.json"])
    with pytest.raises(SystemExit) as done:
        cli.main()
    lines = {tuple(line.split()) for line in capsys.readouterr().out.replace("│", " ").splitlines()}
    assert not done.value.code
    for i, part in enumerate(parts):
        name = part["__class_fullname__"]
        aliases = find_transform(name, "test")._aliases
        for argument in part:
            if argument in aliases and argument not in MIT_IMPLIED.get(name, ()):
                assert (f"Compose/{i}/{name}", argument, aliases[argument]) in lines
    assert len(A.load(tmp_path / "ours.json").transforms) == len(parts)


@pytest.mark.parametrize("name", MIT_DEFAULTS)
def test_defaults_left_out_of_a_file_are_written_down(name: str) -> None:
    saved = {"__version__": "2.0.8", "transform": {"__class_fullname__": name, "p": 1.0}}
    transform, changes = A.convert(saved)
    assert {change.after for change in changes} == {f"{k}={v!r}" for k, v in MIT_DEFAULTS[name].items()}
    for field, value in MIT_DEFAULTS[name].items():
        assert getattr(transform, field) == stored(type(transform), field, value)
    assert A.convert({**saved, "__version__": "2.5.1"})[1] == []
