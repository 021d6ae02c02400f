"""Labels and masks of a result find their way back to the source image, for every geometric transform."""

from __future__ import annotations

import json
from typing import Any

import cv2
import numpy as np
import pytest

import augury as A
from augury.errors import InverseError, SampleError
from augury.transform import REGISTRY
from docs.make_reference import NOT_ONE_TO_ONE
from tests.catalogue import test_volume as volumes
from tests.catalogue.cases import CASES
from tests.catalogue.test_markers import BENT, EVERY, MOVING, spots
from tests.catalogue.test_suite import pipeline, settings_of, targets_of
from tests.samples import image

HEIGHT, WIDTH = 61, 83
SETTINGS = {
    "bbox_params": A.BboxParams("pascal_voc", clip_after_transform=False),
    "keypoint_params": A.KeypointParams("xyas", remove_invisible=False),
}


def recorded(*steps: Any, key: int = 0, **settings: Any) -> tuple[dict[str, Any], Any]:
    """A sample through the steps (a mask of one rectangle with its box, keypoints on the spots), and its record."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[20:40, 30:55] = 7
    targets = {
        "image": image(HEIGHT, WIDTH),
        "mask": mask,
        "bboxes": [[30.0, 20.0, 55.0, 40.0]],
        "keypoints": [[x, y, 30.0 * i, 2.0] for i, (x, y) in enumerate(spots(HEIGHT, WIDTH))],
    }
    extras = {"cropping_bbox": [30, 20, 55, 40]} if any(isinstance(s, A.RandomCropNearBBox) for s in steps) else {}
    result = A.ReplayCompose(list(steps), seed=5, **{**SETTINGS, **settings})(**targets, **extras, key=key)
    return {"targets": targets, **result}, json.loads(json.dumps(result["replay"]))


def core(shape: Any, rim: int) -> Any:
    return cv2.erode(shape.astype(np.uint8), np.ones((3, 3)), iterations=rim, borderValue=0).astype(bool)


@pytest.mark.parametrize(("index", "name", "arguments"), MOVING, ids=[f"{name}-{i}" for i, name, _ in MOVING])
def test_every_geometric_transform_can_be_undone(index: int, name: str, arguments: dict[str, Any]) -> None:
    shown = kept = 0
    for key in range(4):
        result, record = recorded(getattr(A, name)(**{**arguments, "p": 1}), key=key)
        source = result["targets"]
        undo = A.inverse(record)
        assert undo.source == (HEIGHT, WIDTH) and undo.output == result["image"].shape[:2]

        height, width = undo.output
        inside = [i for i, (x, y, *_) in enumerate(result["keypoints"]) if 0 <= x <= width - 1 and 0 <= y <= height - 1]
        back = undo(mask=result["mask"], keypoints=[result["keypoints"][i] for i in inside])
        given = np.array([source["keypoints"][i] for i in inside]).reshape(-1, 4)
        got = np.array(back["keypoints"]).reshape(-1, 4)
        # A dense field is inverted on its own grid, which is exact to a fraction of a pixel.
        assert np.abs(got[:, :2] - given[:, :2]).max(initial=0) < (0.35 if name in BENT else 1e-3), (key, given, got)
        if name not in BENT:
            assert np.abs((got[:, 2] - given[:, 2] + 180) % 360 - 180).max(initial=0) < 0.01

        valid, mask = back["valid"], back["mask"]
        assert (
            valid.shape == mask.shape == (HEIGHT, WIDTH) and valid.dtype == bool and mask.dtype == source["mask"].dtype
        )
        assert not mask[~valid].any()
        # Nearest neighbours twice: true away from outlines, which magnified by the way back is a few pixels.
        rim = 1 + int(np.ceil(max(1.0, HEIGHT / height, WIDTH / width)))
        object_, ground = source["mask"] == 7, source["mask"] != 7
        sure = core(valid, rim)
        assert (mask[core(object_, rim) & sure] == 7).all(), key
        assert (mask[core(ground, rim) & sure] != 7).all(), key
        for i in inside:
            x, y = (round(v) for v in source["keypoints"][i][:2])
            assert valid[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3].any()
        shown += int(valid.any())
        kept += len(inside)
    assert shown == 4 and kept >= 2


@pytest.mark.parametrize(
    "step",
    [
        A.HorizontalFlip(p=1),
        A.D4(p=1),
        A.Transpose(p=1),
        A.Pad((1, 2, 3, 4), p=1),
        A.Crop(5, 6, 80, 50, p=1),
        A.Resize(40, 97, p=1),
        A.Affine(scale=(0.9, 1.2), translate_px=3, rotate=0, shear=0, p=1),
        A.RandomResizedCrop((50, 60), scale=(0.9, 1.0), p=1),
    ],
    ids=lambda step: type(step).__name__,
)
def test_boxes_come_back_exactly_where_they_stay_upright(step: Any) -> None:
    for key in range(4):
        result, record = recorded(step, key=key)
        back = A.inverse(record)(bboxes=result["bboxes"])["bboxes"]
        assert np.allclose(back, result["targets"]["bboxes"], atol=1e-6)


def test_boxes_of_turned_images_come_back_around_their_object() -> None:
    for key in range(6):
        result, record = recorded(A.Rotate(limit=20, p=1), key=key)
        x_min, y_min, x_max, y_max = A.inverse(record)(bboxes=result["bboxes"])["bboxes"][0]
        assert x_min <= 30 and y_min <= 20 and x_max >= 55 and y_max >= 40


def test_d4_crop_and_pad_are_exact_on_masks() -> None:
    steps = [
        A.D4(p=1),
        A.Pad(5, p=1),
        A.RandomCrop(40, 50, p=1),
        A.RandomRotate90(p=1),
        A.Transpose(p=0.5),
        A.RandomGamma(p=1),
    ]
    for key in range(10):
        result, record = recorded(*steps, key=key)
        back = A.inverse(record)(mask=result["mask"])
        assert np.array_equal(back["mask"][back["valid"]], result["targets"]["mask"][back["valid"]])
        assert 40 * 50 * 0.4 < back["valid"].sum() <= 40 * 50


def test_a_chain_of_everything() -> None:
    steps = [
        A.RandomCrop(50, 70, p=1),
        A.D4(p=1),
        A.Rotate(limit=15, p=1),
        A.Normalize(p=1),
        A.Perspective(scale=(0.03, 0.05), p=1),
        A.GridDistortion(p=1),
        A.Resize(90, 110, p=1),
        A.CoarseDropout(p=1),
    ]
    for key in range(5):
        result, record = recorded(*steps, key=key)
        keypoints = [k for k in result["keypoints"] if 3 < k[0] < 106 and 3 < k[1] < 86]
        if not keypoints:
            continue
        back = np.array(A.inverse(record)(keypoints=keypoints)["keypoints"])[:, :2]
        source = np.array(result["targets"]["keypoints"])[:, :2]
        nearest = np.abs(back[:, None] - source[None]).max(axis=2).min(axis=1)
        assert nearest.max() < 0.5


def test_masks_of_every_form() -> None:
    result, record = recorded(A.Rotate(p=1))
    undo = A.inverse(record)
    heat = np.random.default_rng(0).random((HEIGHT, WIDTH, 4), np.float32)
    out = undo(prediction=heat, other=result["mask"].astype(np.uint8))
    assert out["prediction"].shape == (HEIGHT, WIDTH, 4) and out["prediction"].dtype == np.float32
    assert set(np.unique(out["prediction"])) <= {0.0, *np.unique(heat)}
    assert set(out) == {"prediction", "other", "valid"}


def test_int32_masks() -> None:
    for step in (A.Rotate(p=1), A.ElasticTransform(p=1), A.HorizontalFlip(p=1)):
        _, record = recorded(step)
        labels = np.arange(HEIGHT * WIDTH, dtype=np.int32).reshape(HEIGHT, WIDTH)
        back = A.inverse(record)(mask=labels)["mask"]
        assert back.dtype == np.int32 and np.isin(back, labels).all()
        for dtype in (bool, np.int64):
            assert A.inverse(record)(mask=labels.astype(dtype))["mask"].dtype == dtype


def test_formats_are_those_of_the_record() -> None:
    targets = {"image": image(40, 60), "bboxes": [[0.5, 0.5, 0.2, 0.4]], "keypoints": [(10, 20)]}
    settings = {"bbox_params": A.BboxParams("yolo"), "keypoint_params": A.KeypointParams("yx")}
    result = A.ReplayCompose([A.RandomCrop(30, 40, p=1)], seed=1, **settings)(**targets)
    back = A.inverse(result["replay"])(bboxes=result["bboxes"], keypoints=result["keypoints"])
    if result["bboxes"]:
        assert np.allclose(back["bboxes"], targets["bboxes"])
    assert np.allclose(back["keypoints"], targets["keypoints"][: len(back["keypoints"])])
    assert isinstance(back["keypoints"], list)


def test_without_steps_and_with_edits() -> None:
    record = A.ReplayCompose([A.HorizontalFlip(p=0), A.RandomGamma(p=1)])(image=image(40, 60))["replay"]
    mask = np.arange(2400, dtype=np.int32).reshape(40, 60)
    out = A.inverse(record)(mask=mask)
    assert np.array_equal(out["mask"], mask) and out["valid"].all()
    none = A.ReplayCompose([A.HorizontalFlip(p=0)])(image=image(40, 60))["replay"]
    assert np.array_equal(A.inverse(none)(mask=mask)["mask"], mask)
    result, record = recorded(A.RandomCrop(40, 50, p=1), A.HorizontalFlip(p=1))
    edited = A.Program.from_record(record).drop("HorizontalFlip")
    flipped = A.inverse(edited)(mask=result["mask"][:, ::-1])["mask"]
    assert np.array_equal(flipped, A.inverse(record)(mask=result["mask"])["mask"])


class Slide(A.DualTransform):
    def apply(self, img: Any, **params: Any) -> Any:
        return np.roll(img, 3, axis=1)


class Paint(A.ImageOnlyTransform):
    def apply(self, img: Any, **params: Any) -> Any:
        return img + 1


def test_custom_transforms_are_refused_by_name() -> None:
    def record(step: Any) -> Any:
        return A.ReplayCompose([A.OneOf([step], p=1), A.HorizontalFlip(p=1)])(image=image(40, 60))["replay"]

    with pytest.raises(
        InverseError, match=r"OneOf/Slide: Slide is a function of your own, so its inverse is not known"
    ):
        A.inverse(record(Slide(p=1)))
    for own in (A.Lambda(image=lambda img, **_: img, name="own", p=1), A.Lambda(mask=lambda img, **_: img, p=1)):
        with pytest.raises(InverseError, match=r"OneOf/Lambda: Lambda is a function of your own"):
            A.inverse(record(own))
    assert A.inverse(record(Paint(p=1)))(mask=np.zeros((40, 60)))["valid"].all()


def test_every_dual_transform_is_inverted_or_has_its_reason() -> None:
    inverted = {name for _, name, _ in MOVING} | {name for name, _ in volumes.MOVING}
    listed = {"PixelSpread": "in NOT_ONE_TO_ONE", "RandomGridShuffle": "test_shuffled_tiles_come_back"}
    listed |= {"Mosaic": "joins several samples: test_a_mosaic_is_not_undone"}
    dual = {name for name in A.catalogue.__all__ if REGISTRY[name].acts_on == "dual"}
    assert not inverted & listed.keys()
    # The others leave pixels where they are.
    for name in sorted(dual - inverted - listed.keys()):
        kind = "cube" if REGISTRY[name].sees == "volumes" else "boxes"
        arguments = next(given for case, given in CASES if case == name)
        targets = targets_of(name, "every" if name == "UniformTemporalSubsample" else kind, 0)
        out = pipeline(name, arguments, **settings_of(targets))(**targets, key=1)
        back = A.inverse(json.loads(json.dumps(out["replay"])))
        assert back.source == back.output and not back.folds, name
        width = 3 if kind == "cube" else 4
        points = np.array([[3.0, 4.0, 2.0, 1.0][:width], [11.5, 6.0, 1.0, 2.0][:width]])
        assert np.array_equal(back(keypoints=points.tolist())["keypoints"], points), name
    assert set(NOT_ONE_TO_ONE) <= dual


def test_a_mosaic_is_not_undone() -> None:
    targets = targets_of("Mosaic", "boxes", 0)
    out = pipeline("Mosaic", {"target_size": (50, 60)}, **settings_of(targets))(**targets, key=1)
    with pytest.raises(InverseError, match="Mosaic: Mosaic joins several samples, which cannot be undone"):
        A.inverse(json.loads(json.dumps(out["replay"])))


def test_shuffled_tiles_come_back() -> None:
    result, record = recorded(A.RandomGridShuffle(grid=(3, 4), p=1))
    back = A.inverse(record)
    source = result["targets"]
    assert np.array_equal(back(mask=result["image"])["mask"], source["image"])
    assert np.allclose(back(keypoints=result["keypoints"])["keypoints"], source["keypoints"], atol=1e-6)


STRONG: dict[str, dict[str, Any]] = {
    "ElasticTransform": {"displacement_range": 0.5},
    "GridDistortion": {"distort_range": (-1, -1)},
    "GridElasticDeform": {"num_grid_xy": (6, 6), "magnitude": 20},
    "OpticalDistortion": {"distort_range": (-3, -3)},
    "PiecewiseAffine": {"scale_range": 0.3},
    "PixelSpread": {},
    "ThinPlateSpline": {"scale_range": 1},
    "WaterRefraction": {"amplitude_range": 0.1},
}


def test_the_list_of_maps_that_are_not_one_to_one() -> None:
    assert set(STRONG) == set(NOT_ONE_TO_ONE)
    for name, arguments in STRONG.items():
        _, record = recorded(getattr(A, name)(**arguments, p=1))
        if name == "PixelSpread":
            with pytest.raises(InverseError, match=r"^PixelSpread: pixels that were spread at random"):
                A.inverse(record)
        else:
            assert A.inverse(record).folds, name
    for _, name, arguments in EVERY:
        if name not in STRONG:
            for key in range(3):
                _, record = recorded(getattr(A, name)(**{**arguments, "p": 1}), key=key)
                assert not A.inverse(record).folds, name
    # Up to a quarter of a cell: 61 / 6 and 83 / 6 pixels.
    for key in range(20):
        _, record = recorded(A.GridElasticDeform((6, 6), magnitude=2.5, p=1), key=key)
        assert not A.inverse(record).folds


def test_points_of_a_folded_field_find_their_source() -> None:
    result, record = recorded(A.WaterRefraction(amplitude_range=0.1, p=1))
    back = A.inverse(record)
    assert back.folds
    places = [[x, y, 0.0, 1.0] for x in range(2, WIDTH - 2, 9) for y in range(2, HEIGHT - 2, 7)]
    picture = result["targets"]["image"].astype(np.float32)
    shown_there = A.replay(record, image=picture)["image"]
    for (x, y, *_), (u, v, *_) in zip(places, back(keypoints=places)["keypoints"], strict=True):
        if 0 <= u <= WIDTH - 1 and 0 <= v <= HEIGHT - 1:
            want = cv2.remap(picture, np.float32([[u]]), np.float32([[v]]), cv2.INTER_LINEAR)
            assert np.allclose(want, shown_there[y, x], atol=1), (x, y)


def test_a_step_that_squeezes_to_a_line() -> None:
    _, record = recorded(A.Affine(scale=1, rotate=0, shear=0, p=1))
    record["steps"][0]["params"]["scale"] = {"x": 0.0, "y": 1.0}
    with pytest.raises(InverseError, match="Affine: squeezes the image to a line"):
        A.inverse(record)


def test_wrong_targets() -> None:
    _, record = recorded(A.RandomCrop(40, 50, p=1))
    undo = A.inverse(record)
    with pytest.raises(InverseError, match=r"mask: shape \(61, 83\); the result of this record is 40 x 50"):
        undo(mask=np.zeros((HEIGHT, WIDTH)))
    with pytest.raises(SampleError, match="keypoints"):
        undo(keypoints=[(1,)])
