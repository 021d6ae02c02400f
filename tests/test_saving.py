"""Pipelines survive being written down, and files of both Albumentations dialects are read with a report.

tests/data/mit_2_0_8*: written by Albumentations 2.0.8 (`A.save`), as its users' files are.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.errors import FieldError, RecordError
from augury.groups import Group
from augury.saving import Change
from tests.catalogue.cases import CASES
from tests.samples import digest, image

DATA = Path(__file__).parent / "data"
SETTINGS: dict[str, Any] = {
    "bbox_params": A.BboxParams("coco", ["labels"], min_area=3),
    "keypoint_params": A.KeypointParams("xya"),
    "seed": 7,
    "strict": True,
    "additional_targets": {"left": "image"},
    "mask_interpolation": 1,
    "fuse": "off",
    "save_applied_params": True,
    "p": 0.75,
    "is_check_shapes": False,
    "annotation_fate": True,
}


def everything() -> list[Any]:
    """Every case of the catalogue, spread over nested groups."""
    transforms = [getattr(A, name)(**arguments) for name, arguments in CASES]
    colours = [t for t in transforms if t.acts_on == "image"]
    groups: list[Any] = [
        A.OneOf(transforms[::3], p=0.3),
        A.SomeOf([A.Sequential(transforms[1::3], p=0.9), *transforms[:2]], n=(1, 5), replace=True, p=0.5),
        A.RandomOrder(transforms[2::3], n=4),
        A.OneOrOther(A.Compose([A.OneOf(transforms[:4])], p=0.4), transforms[5], p=0.1),
        A.SelectiveChannelTransform(colours, channels=(0, 2), p=0.2),
    ]
    return [*groups, transforms[0]]


@pytest.mark.parametrize("kind", [A.Compose, A.ReplayCompose])
@pytest.mark.parametrize("data_format", ["json", "yaml"])
def test_files(tmp_path: Path, data_format: str, kind: Any) -> None:
    pipeline = kind(everything(), **SETTINGS)
    path = tmp_path / f"pipeline.{data_format}"
    A.save(pipeline, path, data_format)
    again = A.load(path, data_format)
    assert again == pipeline and type(again) is kind and repr(again) == repr(pipeline)
    assert again.fingerprint == pipeline.fingerprint
    assert A.load(str(path), data_format) == pipeline
    buffer = io.StringIO()
    A.save(pipeline, buffer, data_format)
    buffer.seek(0)
    assert A.load(buffer, data_format) == pipeline
    assert A.to_dict(again) == A.to_dict(pipeline)


def test_what_is_written_is_plain_data() -> None:
    data = A.to_dict(A.Compose(everything(), **SETTINGS))
    assert json.loads(json.dumps(data)) == data
    assert {k: data[k] for k in ("library", "format", "__version__")} == {
        "library": "augury",
        "format": 1,
        "__version__": A.__version__,
    }
    assert A.convert(data)[1] == []


def test_a_loaded_pipeline_draws_the_same() -> None:
    steps = [
        A.OneOf([A.RandomGamma(p=1), A.ISONoise(p=1)], p=0.8),
        A.SomeOf([A.D4(p=1), A.GaussNoise(p=1)], n=1),
        A.CoarseDropout(),
    ]
    pipeline = A.Compose(steps, seed=3)
    again = A.from_dict(json.loads(json.dumps(A.to_dict(pipeline))))
    for key in range(10):
        assert digest(again(image=image(), key=key)) == digest(pipeline(image=image(), key=key))


def test_single_transforms_and_groups() -> None:
    for thing in (A.Rotate(limit=3), A.OneOf([A.HorizontalFlip()]), A.SomeOf([A.HorizontalFlip()], n=0)):
        assert A.from_dict(A.to_dict(thing)) == thing


def test_probes_can_be_saved() -> None:
    pipeline = A.Compose([A.RandomCrop(20, 20, p=1), A.GaussNoise(p=1)], seed=1, save_applied_params=True)
    result = pipeline(image=image())
    probe = A.Compose.from_applied_transforms(result["applied_transforms"])
    again = A.from_dict(json.loads(json.dumps(A.to_dict(probe))))
    assert np.array_equal(again(image=image())["image"], result["image"])


def test_fingerprints() -> None:
    one = A.Compose([A.Rotate(limit=3)], seed=1)
    assert one.fingerprint == A.ReplayCompose([A.Rotate(angle_range=(-3, 3))], seed=2, digests=True).fingerprint
    assert one.fingerprint != A.Compose([A.Rotate(limit=4)]).fingerprint
    assert one.fingerprint != A.Compose([A.Rotate(limit=3, p=0.4)]).fingerprint
    assert len(one.fingerprint) == 16
    unsaveable = A.Compose([A.Lambda(image=lambda img, **_: img)])
    assert unsaveable.fingerprint == A.Compose([A.Lambda(image=lambda img, **_: img)]).fingerprint != one.fingerprint


# ---- the other dialects ------------------------------------------------------------------------------------------


def test_a_file_of_albumentations() -> None:
    pipeline, changes = A.convert(json.loads((DATA / "mit_2_0_8.json").read_text()))
    assert pipeline == A.load(DATA / "mit_2_0_8.json")
    assert pipeline == A.Compose(
        [
            A.OneOf(
                [A.HorizontalFlip(p=1), A.Rotate(limit=(-30, 30), border_mode=4, p=1), A.RandomRotate90(p=0.3)], p=0.6
            ),
            A.SomeOf(
                [
                    A.RandomBrightnessContrast(brightness_limit=0.2, brightness_by_max=True, p=0.5),
                    A.GaussNoise((0.1, 0.2), per_channel=True, p=0.5),
                    A.ISONoise(),
                    A.RandomGamma(gamma_limit=(80, 120)),
                ],
                n=2,
            ),
            A.Affine(
                scale={"x": (0.9, 1.1), "y": (0.9, 1.1)},
                translate_percent={"x": (0.0, 0.1), "y": (0.0, 0.1)},
                rotate=(-10, 10),
                shear={"x": (-5, 5), "y": (-5, 5)},
                keep_ratio=False,
                fill_mask=0,
                p=0.5,
            ),
            A.RandomResizedCrop((64, 64), scale=(0.5, 1.0), p=1),
            A.CoarseDropout(num_holes_range=(1, 3), hole_height_range=(4, 8), hole_width_range=(4, 8), p=0.5),
            A.GaussianBlur(blur_limit=(3, 5), sigma_limit=(0.1, 2.0), p=0.3),
            A.Normalize(),
            A.ToTensorV2(),
        ],
        bbox_params=A.BboxParams("pascal_voc", ["labels"], min_visibility=0.1),
        keypoint_params=A.KeypointParams("xy"),
    )
    assert Change("Compose/0/OneOf/1/Rotate", "limit", "angle_range") in changes
    assert Change("Compose.bbox_params", "format", "coord_format") in changes
    assert {(c.before, c.after) for c in changes} == {
        ("limit", "angle_range"),
        ("brightness_limit", "brightness_range"),
        ("contrast_limit", "contrast_range"),
        ("ensure_safe_range", "ensure_safe_output"),
        ("color_shift", "color_shift_range"),
        ("intensity", "intensity_range"),
        ("gamma_limit", "gamma_range"),
        ("blur_limit", "blur_range"),
        ("sigma_limit", "sigma_range"),
        ("format", "coord_format"),
    }


def test_a_yaml_file_of_albumentations() -> None:
    pytest.importorskip("yaml")
    pipeline = A.load(DATA / "mit_2_0_8.yaml", "yaml")
    assert [type(step).__name__ for step in pipeline] == [
        "RandomCrop",
        "OneOrOther",
        "RandomOrder",
        "SelectiveChannelTransform",
        "Sequential",
    ]
    assert pipeline[4] == A.Sequential([A.Perspective(), A.PadIfNeeded(40, 40)], p=0.5)


def test_a_replay_pipeline_of_albumentations() -> None:
    pipeline = A.load(DATA / "mit_2_0_8_replay.json")
    elastic = A.ElasticTransform(alpha=30, sigma=5, approximate=False, same_dxdy=False, noise_distribution="gaussian")
    assert pipeline == A.ReplayCompose([A.HorizontalFlip(), elastic, A.GridDistortion(num_steps=4)])


def old(name: str, version: str = "2.0.8", /, **arguments: Any) -> dict[str, Any]:
    return {"__version__": version, "transform": {"__class_fullname__": name, **arguments}}


def test_defaults_that_differ_are_written_down() -> None:
    transform, changes = A.convert(old("GaussNoise", p=0.5))
    assert transform == A.GaussNoise(per_channel=True)
    assert changes == [Change("GaussNoise", "per_channel left out", "per_channel=True")]
    assert A.convert(old("GaussNoise", "2.5.1", p=0.5)) == (A.GaussNoise(), [])
    _, changes = A.convert(old("SelectiveChannelTransform", transforms=[], p=1))
    assert changes == [Change("SelectiveChannelTransform", "channels left out", "channels=(0, 1, 2)")]


def test_values_that_follow_from_others_are_passed_over() -> None:
    implied = {"noise_type": "uniform", "approximation": 1.0, "noise_params": {}, "spatial_mode": "constant"}
    assert A.from_dict(old("RGBShift", r_shift_limit=[-10, 10], **implied)) == A.RGBShift(r_shift_limit=10)
    rotate = A.from_dict(old("SafeRotate", limit=[-9, 9], rotate=[-9, 9], fit_output=True, fill_mask=0))
    assert rotate == A.SafeRotate(angle_range=9, fill_mask=0)
    with pytest.raises(FieldError, match=r"RGBShift: RGBShift.noise_type"):
        A.from_dict(old("RGBShift", "2.5.1", **implied))


def test_the_renamed_dialect() -> None:
    saved = {
        "__version__": "2.5.1",
        "transform": {
            "__class_fullname__": "Compose",
            "p": 1.0,
            "telemetry": True,
            "instance_binding": None,
            "seed": 3,
            "bbox_params": {"coord_format": "yolo", "label_fields": ["labels"]},
            "transforms": [
                {"__class_fullname__": "Rotate", "angle_range": [-30, 30], "p": 0.5},
                {
                    "__class_fullname__": "RandomBrightnessContrast",
                    "brightness_range": [-0.1, 0.1],
                    "ensure_safe_output": True,
                },
                {
                    "__class_fullname__": "OneOf",
                    "p": 0.5,
                    "transforms": [{"__class_fullname__": "GaussNoise", "std_range": [0.1, 0.2]}],
                },
            ],
        },
    }
    pipeline, changes = A.convert(saved)
    assert changes == []
    assert pipeline == A.Compose(
        [
            A.Rotate((-30, 30)),
            A.RandomBrightnessContrast(brightness_range=0.1, ensure_safe_output=True),
            A.OneOf([A.GaussNoise((0.1, 0.2))]),
        ],
        seed=3,
        bbox_params=A.BboxParams("yolo", ["labels"]),
    )


def test_full_class_names() -> None:
    long = "albumentations.augmentations.geometric.rotate.Rotate"
    assert A.from_dict(old(long, limit=5)) == A.Rotate(5)


# ---- refusals ----------------------------------------------------------------------------------------------------

INNER = {"__class_fullname__": "OneOf", "transforms": [{"__class_fullname__": "Rotate", "limt": 3}]}


@pytest.mark.parametrize(
    ("saved", "error", "pieces"),
    [
        (old("Rotat", limit=3), RecordError, ["Rotat", "unknown transform 'Rotat'", "did you mean 'Rotate'?"]),
        (
            old("Compose", transforms=[INNER]),
            FieldError,
            ["Compose/0/OneOf/0/Rotate: Rotate.limt: got 3", "did you mean 'limit'?"],
        ),
        (old("Rotate", limit="big"), FieldError, ["Rotate: Rotate.angle_range: got 'big'"]),
        (old("Rotate", limit=3, angle_range=[3, 4]), RecordError, ["Rotate.angle_range: written twice"]),
        (
            old("Compose", transforms=[], instance_binding=["x"]),
            FieldError,
            ["Compose.instance_binding: got ['x']", "pass a list of names"],
        ),
        (old("Compose", transforms=3), RecordError, ["Compose.transforms: got 3", "pass a list"]),
        (old("Compose", transforms=[3]), RecordError, ["Compose/0: got 3", "__class_fullname__"]),
        (old("Compose", transforms=[], colour="red"), RecordError, ["Compose", "colour", "remove the argument"]),
        (old("OneOf", transforms=[]), FieldError, ["OneOf: OneOf.transforms: got []"]),
        (
            old("Compose", transforms=[], bbox_params={"format": "x"}),
            FieldError,
            ["Compose", "BboxParams.coord_format: got 'x'"],
        ),
        (old("Lambda", name="f"), RecordError, ["Lambda", "'f' is not in the file", "nonserializable={'f'"]),
        (old("os.system", command="ls"), RecordError, ["unknown transform 'system'"]),
        (old("builtins.eval", args=["1"]), RecordError, ["unknown transform 'eval'"]),
        ({"transform": {}}, RecordError, ["unknown transform ''"]),
        ({"transforms": []}, RecordError, ["pipeline: got", "key 'transform'"]),
        ([], RecordError, ["pipeline: got []"]),
        ({"library": "augury", "format": 2, "transform": {}}, RecordError, ["pipeline.format: got 2", "update augury"]),
    ],
)
def test_refused(saved: Any, error: Any, pieces: list[str]) -> None:
    with pytest.raises(error) as caught:
        A.convert(saved)
    assert all(piece in str(caught.value) for piece in pieces), caught.value


def test_bad_files(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with pytest.raises(RecordError, match=r"x.json: cannot be read \(No such file"):
        A.load(path)
    path.write_text(json.dumps(A.to_dict(A.HorizontalFlip()))[:-5])
    with pytest.raises(RecordError, match=r"x.json: not valid JSON .*truncated"):
        A.load(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecordError, match=r"x.json: is not a text file"):
        A.load(path)
    with pytest.raises(FieldError, match="data_format: got 'toml'; pass 'json' or 'yaml'"):
        A.load(path, "toml")
    with pytest.raises(FieldError, match="data_format: got 'toml'"):
        A.save(A.HorizontalFlip(), path, "toml")
    with pytest.raises(FieldError, match="on_not_implemented_error: got 'ignore'"):
        A.to_dict(A.HorizontalFlip(), "ignore")
    with pytest.warns(UserWarning, match="Lambda.name: got None"):
        A.to_dict(A.Lambda(), "warn")


def test_yaml_cannot_make_objects(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    path = tmp_path / "x.yaml"
    flag = tmp_path / "flag"
    path.write_text(f"transform: !!python/object/apply:os.system ['touch {flag}']\n")
    with pytest.raises(RecordError, match=r"x.yaml: not valid YAML"):
        A.load(path, "yaml")
    assert not flag.exists()


def test_loading_imports_nothing_and_evaluates_nothing(tmp_path: Path) -> None:
    """Names in a file are looked up in the registry only, whatever they look like."""
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    names = [
        "evil.Rotate",
        "evil",
        "evil.Thing",
        "__import__('evil')",
        "Rotate; import evil",
        "Compose.__init__",
        "..evil.X",
    ]
    code = f"""
import json, sys
sys.path.insert(0, {str(tmp_path)!r})
import difflib  # what error messages find near names with
import augury as A, augury.saving, augury.replay
before = set(sys.modules)
for name in {names!r}:
    for read in (
        lambda: A.from_dict({{"__version__": "2.0.8", "transform": {{"__class_fullname__": name}}}}),
        lambda: A.Compose.from_applied_transforms([(name, {{}})]),
        lambda: A.Program.from_record({{"format": 1, "steps": [{{"path": name, "name": name, "status": "applied"}}]}}),
    ):
        try:
            read()
        except A.AuguryError:
            pass
assert set(sys.modules) == before, set(sys.modules) - before
print("ok")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "ok\n", done.stderr


def test_every_group_can_be_saved() -> None:
    from augury.groups import _Subset
    from augury.saving import GROUPS

    def below(kind: type) -> set[type]:
        return {kind, *(k for sub in kind.__subclasses__() for k in below(sub))}

    assert {k for k in below(Group) if k not in (Group, _Subset) and k.__name__ != "DrawnSteps"} == set(GROUPS.values())
