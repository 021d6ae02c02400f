"""Bad input gives one clear error: which step or target, which value, what to do. Inputs stay as they were."""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.errors import AuguryError, FieldError, InverseError, RecordError, SampleError, StepError
from tests.samples import BOX_SETTINGS, POINT_SETTINGS, equal, image, mask, sample

IMAGE = image(20, 30)
FLIP = [A.HorizontalFlip(p=1)]


def targets_unlike(**changes: Any) -> dict[str, Any]:
    return {"image": IMAGE, **changes}


def holding(value: float) -> Any:
    out = image(20, 30, dtype="float32")
    out[3, 4, 1] = value
    return out


def boxed(*rows: Any, coord_format: str = "pascal_voc", labels: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
    targets = {"bboxes": list(rows), "labels": list(range(len(rows))) if labels is None else labels}
    return targets, {"bbox_params": A.BboxParams(coord_format, ["labels"])}


def pointed(*rows: Any, coord_format: str = "xy") -> tuple[dict[str, Any], dict[str, Any]]:
    return {"keypoints": list(rows)}, {"keypoint_params": A.KeypointParams(coord_format)}


def crop(height: int, width: int) -> list[Any]:
    return [A.RandomCrop(height, width, p=1)]


# name: (targets besides a good image, arguments of Compose besides the transforms, pieces of the message)
SAMPLES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "float64 image": ({"image": IMAGE / 255.0}, {}, ["image: dtype float64", "uint8, uint16 or float32", "astype"]),
    "int32 image": ({"image": IMAGE.astype(np.int32)}, {}, ["image: dtype int32"]),
    "bool image": ({"image": IMAGE > 3}, {}, ["image: dtype bool"]),
    "object image": ({"image": IMAGE.astype(object)}, {}, ["image: dtype object"]),
    "list image": ({"image": IMAGE.tolist()}, {}, ["image: got list", "NumPy array"]),
    "no array": ({"image": "cat.jpg"}, {}, ["image: got str", "NumPy array"]),
    "1-D image": ({"image": IMAGE[0, :, 0]}, {}, ["image: shape (30,) has 1 axes", "(H, W) or (H, W, C)"]),
    "4-D image": ({"image": IMAGE[None]}, {}, ["image: shape (1, 20, 30, 3) has 4 axes", "(H, W) or (H, W, C)"]),
    "0-D image": ({"image": np.array(3, np.uint8)}, {}, ["image: shape () has 0 axes"]),
    "no rows": ({"image": IMAGE[:0]}, {}, ["image: shape (0, 30, 3) holds no pixels", "drop empty samples"]),
    "no channels": ({"image": IMAGE[..., :0]}, {}, ["image: shape (20, 30, 0) holds no pixels"]),
    "NaN image": ({"image": holding(math.nan)}, {}, ["image: holds NaN or infinite", "nan_to_num"]),
    "infinite image": ({"image": holding(math.inf)}, {}, ["image: holds NaN or infinite"]),
    "minus infinite image": ({"image": holding(-math.inf)}, {}, ["image: holds NaN or infinite"]),
    "no image": ({"image": None}, {}, ["pass an image, a volume or a mask"]),
    "mask of other size": (
        {"mask": mask(21, 30)},
        {},
        ["mask: height and width (21, 30)", "(20, 30)", "is_check_shapes=False"],
    ),
    "list mask": ({"mask": mask(20, 30).tolist()}, {}, ["mask: got list", "NumPy array"]),
    "complex mask": ({"mask": mask(20, 30).astype(complex)}, {}, ["mask: dtype complex128", "float32"]),
    "text mask": ({"mask": mask(20, 30).astype(str)}, {}, ["mask: dtype <U"]),
    "1-D mask": ({"mask": mask(20, 30)[0]}, {}, ["mask: shape (30,) has 1 axes"]),
    "empty mask": ({"mask": mask(20, 30)[:0]}, {}, ["mask: shape (0, 30) holds no pixels"]),
    "mask in masks": ({"masks": [mask(20, 30), mask(19, 30)]}, {}, ["masks: frames differ in size"]),
    "bad frame": ({"images": [IMAGE, IMAGE.astype(float)]}, {}, ["images[1]: dtype float64"]),
    "frame sizes": ({"images": [IMAGE, IMAGE[:5]]}, {}, ["images: frames differ in size [(5, 30), (20, 30)]"]),
    "no frames": ({"images": []}, {}, ["images: an empty list", "leave the target out"]),
    "flat volume": ({"volume": IMAGE[..., 0]}, {}, ["volume: shape (20, 30) has 2 axes"]),
    "volume sizes": ({"volume": np.zeros((2, 20, 31, 3), np.uint8)}, {}, ["volume: height and width (20, 31)"]),
    "unknown array": ({"depth": IMAGE}, {}, ["depth: unknown target", "additional_targets={'depth': 'image'}"]),
    "misspelt target": ({"maks": None}, {}, ["maks: unknown target", "did you mean 'mask"]),
    "unknown when strict": ({"path": "a.jpg"}, {"strict": True}, ["path: unknown target ('a.jpg')", "Known here:"]),
    "boxes without parameters": (
        {"bboxes": [[1, 2, 3, 4]]},
        {},
        ["bboxes: got labels without their parameters", "bbox_params="],
    ),
    "points without parameters": ({"keypoints": [[1, 2]]}, {}, ["keypoints: got labels without", "keypoint_params="]),
    "inverted box": (
        *boxed([9, 2, 3, 4]),
        ["bboxes[0]: [9.0, 2.0, 3.0, 4.0] (pascal_voc)", "x_min < x_max", "filter_invalid_bboxes"],
    ),
    "flat box": (*boxed([1, 1, 4, 4], [3, 2, 3, 4]), ["bboxes[1]: [3.0, 2.0, 3.0, 4.0]", "x_min < x_max"]),
    "box outside": (
        *boxed([1, 2, 31, 4]),
        ["bboxes[0]: [1.0, 2.0, 31.0, 4.0]", "leaves the image of 30 x 20", "clip_bboxes_on_input"],
    ),
    "negative box": (*boxed([-1, 2, 5, 4]), ["bboxes[0]", "leaves the image"]),
    "yolo box outside": (
        *boxed([0.9, 0.5, 0.4, 0.1], coord_format="yolo"),
        ["bboxes[0]: [0.9, 0.5, 0.4, 0.1] (yolo)", "leaves the image"],
    ),
    "NaN box": (*boxed([1, 2, math.nan, 4]), ["bboxes[0]", "holds NaN", "repair it or drop it"]),
    "infinite box": (*boxed([1, 2, math.inf, 4]), ["bboxes[0]", "holds NaN or infinite"]),
    "narrow box": (*boxed([1, 2, 3]), ["bboxes[0]: got [1, 2, 3]", "4 numbers", "x_min, y_min, x_max, y_max"]),
    "text in a box": (*boxed([1, 2, "a", 4]), ["bboxes[0]: got [1, 2, 'a', 4]", "4 numbers"]),
    "box is a number": (*boxed(3), ["bboxes[0]: got 3", "4 numbers"]),
    "boxes are text": ({"bboxes": "none", "labels": []}, boxed()[1], ["bboxes: got str", "array or a list"]),
    "boxes are a number": ({"bboxes": 3, "labels": []}, boxed()[1], ["bboxes: got int", "array or a list"]),
    "boxes of width 3": (
        {"bboxes": np.ones((2, 3)), "labels": [1, 2]},
        boxed()[1],
        ["bboxes: array of shape (2, 3)", "(N, 4 or more)"],
    ),
    "boxes of 1 axis": ({"bboxes": np.ones(4), "labels": [1] * 4}, boxed()[1], ["bboxes: array of shape (4,)"]),
    "labels too short": (*boxed([1, 2, 3, 4], labels=[]), ["labels: 0 entries for 1 bboxes", "one entry per label"]),
    "labels too long": (*boxed([1, 2, 3, 4], labels=[1, 2]), ["labels: 2 entries for 1 bboxes"]),
    "labels missing": ({"bboxes": [[1, 2, 3, 4]]}, boxed()[1], ["labels: missing", "label_fields of bboxes"]),
    "labels are a number": (
        {"bboxes": [[1, 2, 3, 4]], "labels": 5},
        boxed()[1],
        ["labels: got 5", "one entry per label"],
    ),
    "labels are text": (
        {"bboxes": [[1, 2, 3, 4]], "labels": "a"},
        boxed()[1],
        ["labels: got 'a'", "one entry per label"],
    ),
    "labels are a dict": (
        {"bboxes": [[1, 2, 3, 4]], "labels": {"a": 1}},
        boxed()[1],
        ["labels: got {'a': 1}", "one entry per label"],
    ),
    "point outside": (
        *pointed([30, 2]),
        ["keypoints[0]: [30.0, 2.0] (xy)", "outside the image", "remove_invisible=False"],
    ),
    "NaN point": (*pointed([3, math.nan]), ["keypoints[0]", "holds NaN"]),
    "narrow point": (
        *pointed([1, 2, 3], coord_format="xyas"),
        ["keypoints[0]: got [1, 2, 3]", "4 numbers, x, y, angle, scale"],
    ),
    "boxes of 2 axes are needed by aliases too": (
        {"left": [[9, 2, 3, 4]]},
        {**boxed()[1], "additional_targets": {"left": "bboxes"}},
        ["left[0]: [9.0, 2.0, 3.0, 4.0]"],
    ),
}

# name: (transforms, targets, pieces)
STEPS: dict[str, tuple[Callable[[], list[Any]], dict[str, Any], list[str]]] = {
    "crop too high": (lambda: crop(21, 10), {}, ["RandomCrop", "21", "20"]),
    "crop too wide": (lambda: crop(10, 31), {}, ["RandomCrop", "31", "30"]),
    "crop in a group": (lambda: [A.OneOf(crop(21, 10), p=1)], {}, ["OneOf/RandomCrop"]),
    "crop after a crop": (lambda: crop(10, 10) + crop(11, 5), {}, ["RandomCrop:2", "11", "10"]),
    "center crop": (lambda: [A.CenterCrop(40, 5, p=1)], {}, ["CenterCrop", "40", "20"]),
    "crop box": (lambda: [A.Crop(0, 0, 40, 40, p=1)], {}, ["Crop", "40", "30"]),
    "two-channel sepia": (lambda: [A.ToSepia(p=1)], {"image": IMAGE[..., :2]}, ["ToSepia", "(20, 30, 2)"]),
    "float jpeg": (lambda: [A.FromFloat(p=1)], {}, ["FromFloat", "uint8", "float32"]),
    "after the tensor": (lambda: [A.ToTensorV2(), *FLIP], {}, ["HorizontalFlip", "ToTensorV2 the last step"]),
    "channels": (lambda: [A.Normalize((0.5, 0.5), (0.5, 0.5), p=1)], {}, ["Normalize", "2", "3"]),
}


def refused(
    kind: type[AuguryError] | tuple[type[AuguryError], ...],
    pieces: list[str],
    call: Callable[[], Any],
    inputs: Any = None,
) -> None:
    before = copy.deepcopy(inputs)
    with pytest.raises(kind) as caught:
        call()
    text = str(caught.value)
    assert all(piece in text for piece in pieces), text
    assert len(text) < 700
    assert repr(inputs) == repr(before) and equal_bits(inputs, before)


def equal_bits(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return a.tobytes() == b.tobytes() if a.dtype != object else bool((a == b).all())
    if isinstance(a, dict):
        return all(equal_bits(a[k], b[k]) for k in a)
    return True


@pytest.mark.parametrize("name", SAMPLES)
def test_bad_samples(name: str) -> None:
    changes, arguments, pieces = SAMPLES[name]
    targets = targets_unlike(**changes)
    for kind in (A.Compose, A.ReplayCompose):
        for transforms in (FLIP, []):
            pipeline = kind(transforms, **arguments)
            refused(SampleError, pieces, lambda pipeline=pipeline: pipeline(**targets), targets)


@pytest.mark.parametrize("name", SAMPLES)
def test_bad_samples_at_replay(name: str) -> None:
    changes, arguments, pieces = SAMPLES[name]
    if "strict" in arguments:
        return
    settings = {k: v for k, v in arguments.items() if k != "strict"}
    quiet = A.ReplayCompose(FLIP, **settings)(image=IMAGE)
    record = json.loads(json.dumps(quiet["replay"]))
    targets = targets_unlike(**changes)
    refused(SampleError, pieces, lambda: A.replay(record, **targets), targets)


@pytest.mark.parametrize("name", STEPS)
def test_steps_that_do_not_fit(name: str) -> None:
    build, changes, pieces = STEPS[name]
    targets = {**targets_unlike(mask=mask(20, 30)), **changes}
    for kind in (A.Compose, A.ReplayCompose):
        pipeline = kind(build())
        refused(SampleError, pieces, lambda pipeline=pipeline: pipeline(**targets), targets)


def test_positional_targets() -> None:
    with pytest.raises(SampleError, match="by name: pipeline\\(image=image"):
        A.Compose(FLIP)(IMAGE)


def test_a_pipeline_goes_on_after_an_error() -> None:
    pipeline = A.Compose(crop(12, 12), seed=1)
    want = A.Compose(crop(12, 12), seed=1)(image=IMAGE, key=1)["image"]
    with pytest.raises(SampleError):
        pipeline(image=IMAGE[:5])
    assert np.array_equal(pipeline(image=IMAGE, key=1)["image"], want)


# ---- records ---------------------------------------------------------------------------------------------------


def a_record() -> dict[str, Any]:
    pipeline = A.ReplayCompose([A.RandomCrop(12, 16, p=1), A.RandomGamma(p=1)], seed=1)
    return json.loads(json.dumps(pipeline(image=IMAGE)["replay"]))  # type: ignore[no-any-return]


def edited(path: list[Any], value: Any) -> dict[str, Any]:
    record = a_record()
    at: Any = record
    for part in path[:-1]:
        at = at[part]
    if value is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return record


RECORDS: dict[str, tuple[Callable[[], Any], list[str]]] = {
    "newer": (lambda: edited(["format"], 2), ["record.format: got 2", "reads 1", "update augury"]),
    "odd format": (lambda: edited(["format"], "one"), ["record.format: got 'one'", "edited or damaged"]),
    "no format": (lambda: edited(["format"], ...), ["no 'format'", "not an augury record"]),
    "unknown transform": (
        lambda: edited(["steps", 0, "name"], "RandomCorp"),
        ["RandomCorp", "did you mean 'RandomCrop'?"],
    ),
    "your own transform": (
        lambda: edited(["steps", 0, "name"], "Zzzz"),
        ["'Zzzz'", "import the module that defines it"],
    ),
    "newer transform": (lambda: edited(["steps", 0, "version"], 99), ["RandomCrop", "version 99", "update augury"]),
    "odd version": (lambda: edited(["steps", 0, "version"], 0), ["record.steps[0].version: got 0"]),
    "truncated": (lambda: json.dumps(a_record())[:-20], ["not valid JSON", "truncated"]),
    "empty text": (lambda: "", ["not valid JSON"]),
    "a list": (list, ["record: got []", "result['replay']"]),
    "nothing": (lambda: None, ["record: got None"]),
    "steps gone": (lambda: edited(["steps"], ...), ["record.steps: got None", "list of steps"]),
    "steps a number": (lambda: edited(["steps"], 3), ["record.steps: got 3"]),
    "step a number": (lambda: edited(["steps", 1], 3), ["record.steps[1]: got 3"]),
    "no path": (lambda: edited(["steps", 1, "path"], ...), ["record.steps[1].path: got None"]),
    "odd status": (
        lambda: edited(["steps", 1, "status"], "ran"),
        ["record.steps[1].status: got 'ran'", "not_selected"],
    ),
    "params a list": (lambda: edited(["steps", 1, "params"], [1]), ["record.steps[1].params: got [1]"]),
    "param gone": (
        lambda: edited(["steps", 1, "params", "gamma"], ...),
        ["RandomGamma", "do not fit", "edited or damaged"],
    ),
    "param of other type": (
        lambda: edited(["steps", 1, "params", "gamma"], "big"),
        ["RandomGamma", "'gamma': 'big'", "edited"],
    ),
    "crop beyond": (lambda: edited(["steps", 0, "params", "crop_coords"], [20, 0, 36, 12]), ["RandomCrop", "30"]),
    "crop inverted": (lambda: edited(["steps", 0, "params", "crop_coords"], [16, 0, 0, 12]), ["RandomCrop"]),
    "crop of three": (lambda: edited(["steps", 0, "params", "crop_coords"], [0, 0, 16]), ["RandomCrop"]),
    "odd fuse": (lambda: edited(["fuse"], "max"), ["record.fuse: got 'max'", "'exact'"]),
    "settings a list": (lambda: edited(["settings"], [1]), ["record.settings: got [1]"]),
    "odd boxes": (lambda: edited(["settings"], {"bbox_params": {"coord_format": "x"}}), ["record.settings", "'x'"]),
    "odd aliases": (lambda: edited(["settings"], {"additional_targets": {"a": "b"}}), ["record.settings", "'b'"]),
    "aliases a list": (lambda: edited(["settings"], {"additional_targets": [1]}), ["record.settings", "[1]"]),
    "digests a number": (lambda: edited(["digests"], 3), ["record.digests: got 3"]),
}


# Values of the right kind that no transform draws are refused by the step they are for.
VALUES = {"crop beyond", "crop inverted", "param of other type"}


@pytest.mark.parametrize("name", RECORDS)
def test_bad_records(name: str) -> None:
    make, pieces = RECORDS[name]
    record = make()
    kind = (RecordError, SampleError, StepError) if name in VALUES else RecordError
    refused(kind, pieces, lambda: A.replay(record, image=IMAGE), [record, IMAGE])
    if not isinstance(record, str):
        refused(kind, pieces, lambda: A.replay(json.dumps(record), image=IMAGE))
        refused(kind, pieces, lambda: A.ReplayCompose.replay(record, image=IMAGE))
        refused(kind, pieces, lambda: A.trace(record, image=IMAGE))


def test_a_record_for_another_size() -> None:
    for other in (IMAGE[:-1], IMAGE[..., :1], IMAGE[..., 0], image(40, 60)):
        refused(
            RecordError,
            [
                "RandomCrop: recorded for an image of shape (20, 30, 3)",
                str(other.shape),
                "resize='relative'",
                "draw again",
            ],
            lambda other=other: A.replay(a_record(), image=other),
            other,
        )
    with pytest.raises(RecordError, match="resize: got 'absolute'; pass None or 'relative'"):
        A.replay(a_record(), image=IMAGE, resize="absolute")


APPLIED: dict[str, tuple[Any, list[str]]] = {
    "a dict": ({"a": 1}, ["applied_transforms: got {'a': 1}", "result['applied_transforms']"]),
    "text": ("[]", ["applied_transforms: got '[]'"]),
    "nothing": (None, ["applied_transforms: got None"]),
    "no pair": ([["HorizontalFlip"]], ["applied_transforms[0]: got ['HorizontalFlip']", "(name, params)"]),
    "no params": ([["HorizontalFlip", 3]], ["applied_transforms[0]"]),
    "unknown": ([["HorizontalFlop", {}]], ["applied_transforms[0]", "did you mean 'HorizontalFlip'?"]),
    "no name": ([[3, {}]], ["applied_transforms[0]", "unknown transform 3"]),
}


@pytest.mark.parametrize("name", APPLIED)
def test_bad_applied_lists(name: str) -> None:
    value, pieces = APPLIED[name]
    refused(RecordError, pieces, lambda: A.Compose.from_applied_transforms(value))


def test_a_damaged_applied_list() -> None:
    pipeline = A.Compose.from_applied_transforms([("RandomCrop", {"shape": [20, 30, 3]})])
    refused(RecordError, ["0/RandomCrop", "do not fit", "edited or damaged"], lambda: pipeline(image=IMAGE), IMAGE)


# ---- kernels that fail -----------------------------------------------------------------------------------------


def test_a_failing_function_carries_the_record_that_reproduces_it() -> None:
    def fail(img: Any, **params: Any) -> Any:
        raise ZeroDivisionError("no")

    own = A.Lambda(image=fail, name="fail")
    pipeline = A.Compose([A.HorizontalFlip(p=1), A.RandomGamma(p=1), own], seed=1)
    with pytest.raises(StepError, match=r"^Lambda: ZeroDivisionError: no$") as caught:
        pipeline(image=IMAGE)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    record = json.loads(json.dumps(caught.value.record))
    assert [step["name"] for step in record["steps"]] == ["HorizontalFlip", "RandomGamma", "Lambda"]
    with pytest.raises(StepError, match="Lambda: ZeroDivisionError: no") as again:
        A.replay(record, image=IMAGE, callables={"fail": own})
    assert json.loads(json.dumps(again.value.record)) == record
    assert isinstance(again.value.__cause__, ZeroDivisionError)


# ---- fuzzing ---------------------------------------------------------------------------------------------------

ODD = [
    None,
    True,
    -1,
    0,
    1,
    2,
    7,
    0.5,
    -3.5,
    1e300,
    10**30,
    math.nan,
    math.inf,
    "",
    "x",
    "0" * 24,
    [],
    [1, 2],
    [[1]],
    [None] * 4,
    {},
    {"a": 1},
]
HONEST = (RecordError, SampleError, FieldError, StepError, InverseError)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where a JSON value can be changed."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for k, v in items for place in ((*path, k), *places(v, (*path, k)))]


def mutated(value: Any, rng: random.Random) -> Any:
    """A copy of JSON data with one to three small changes."""
    value = copy.deepcopy(value)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        where = places(value)
        if not where:
            return value
        *path, last = rng.choice(where)
        at = value
        for part in path:
            at = at[part]
        action = rng.random()
        if action < 0.15:
            del at[last]
        elif action < 0.25 and isinstance(at, list):
            at.insert(last, copy.deepcopy(at[last]))
        elif action < 0.35 and isinstance(at, dict):
            at[rng.choice(["p", "x", "shape", "params", "on_channels"])] = at.pop(last)
        else:
            at[last] = copy.deepcopy(rng.choice(ODD))
    return value


def fuzzed_pipeline() -> A.ReplayCompose:
    return A.ReplayCompose(
        [
            A.OneOf([A.HorizontalFlip(p=1), A.D4(p=1)], p=1),
            A.SelectiveChannelTransform([A.RandomGamma(p=1)], channels=(0, 2)),
            A.CoarseDropout(p=1),
            A.HueSaturationValue(p=1),
            A.GaussNoise(p=1),
            A.RandomToneCurve(p=1),
            A.ToGray(p=0.5),
            A.SomeOf([A.GaussianBlur(p=1), A.MotionBlur(p=1), A.ImageCompression(p=1), A.Downscale(p=1)], n=2),
            A.Normalize(p=1),
        ],
        seed=1,
        save_applied_params=True,
        bbox_params=A.BboxParams(**BOX_SETTINGS),
        keypoint_params=A.KeypointParams(**POINT_SETTINGS),
    )


def runs(call: Callable[[Any], Any], broken: Any) -> bool:
    """Whether a call on damaged data ran; false if it was refused; any other error fails the test."""
    try:
        call(broken)
    except HONEST:
        return False
    except Exception as error:
        raise AssertionError(f"{error!r} from {json.dumps(broken)}") from error
    return True


def test_mutated_records_run_or_are_refused() -> None:
    targets = sample("boxes")
    before = copy.deepcopy(targets)
    rng = random.Random(137)
    pipeline = fuzzed_pipeline()
    ran = 0
    for _ in range(12):
        record = json.loads(json.dumps(pipeline(**targets)["replay"]))
        ran += sum(runs(lambda r: A.replay(json.dumps(r), **targets), mutated(record, rng)) for _ in range(100))
    assert equal(targets, before)
    assert 100 < ran < 1100


def test_mutated_applied_lists_run_or_are_refused() -> None:
    targets = sample("boxes")
    rng = random.Random(138)
    pipeline = fuzzed_pipeline()
    settings = {"bbox_params": pipeline.bbox_params, "keypoint_params": pipeline.keypoint_params}
    ran = 0
    for _ in range(6):
        applied = json.loads(json.dumps(pipeline(**targets)["applied_transforms"]))
        ran += sum(
            runs(lambda a: A.Compose.from_applied_transforms(a, **settings)(**targets), mutated(applied, rng))
            for _ in range(100)
        )
    assert 50 < ran < 550


def test_mutated_pipelines_load_or_are_refused() -> None:
    rng = random.Random(139)
    saved = json.loads(json.dumps(A.to_dict(fuzzed_pipeline())))
    assert 50 < sum(runs(A.from_dict, mutated(saved, rng)) for _ in range(600)) < 550


def test_mutated_records_can_be_looked_at_or_are_refused() -> None:
    targets = {k: v for k, v in sample("boxes").items() if k in ("image", "mask", "bboxes", "labels")}
    rng = random.Random(140)
    settings = {"bbox_params": A.BboxParams(**BOX_SETTINGS), "digests": True, "seed": 1}
    pipeline = A.ReplayCompose([A.Rotate(p=1), A.ElasticTransform(p=1), *fuzzed_pipeline().transforms], **settings)
    record = json.loads(json.dumps(pipeline(**targets)["replay"]))
    looks: list[Callable[[Any], Any]] = [lambda r: A.verify(r, **targets), lambda r: A.trace(r, **targets), A.inverse]
    for look in looks:
        assert 20 < sum(runs(look, mutated(record, rng)) for _ in range(200)) < 190
