"""Labels and mask values that swap when a step mirrors the image."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import augury as A
from augury import ops
from augury.errors import FieldError, SampleError, StepError
from augury.kernels.cpu.labels import recode
from augury.targets.relabel import mirrors
from tests.samples import equal

IMAGE = np.arange(30 * 40 * 3, dtype=np.uint8).reshape(30, 40, 3)
EYES = {"left_eye": "right_eye", "right_eye": "left_eye"}
POINTS = [(3, 4), (30, 5), (20, 20)]
NAMES = ["left_eye", "right_eye", "nose"]
SWAPPED = ["right_eye", "left_eye", "nose"]


def points(mapping: Any, fields: Any = ("names",)) -> A.KeypointParams:
    return A.KeypointParams("xy", list(fields), remove_invisible=False, label_mapping=mapping)


def named(steps: Any, mapping: Any, names: Any = NAMES, **settings: Any) -> Any:
    """The names after a call, which its record, sent through JSON, and its applied list give too."""
    params = points(mapping)
    pipeline = A.ReplayCompose(steps, keypoint_params=params, seed=5, save_applied_params=True, **settings)
    targets = {"image": IMAGE, "keypoints": POINTS, "names": names}
    result = pipeline(**targets)
    again = A.replay(json.loads(json.dumps(result["replay"])), **targets)
    assert equal(again["names"], result["names"]) and again["keypoints"] == result["keypoints"]
    applied = A.Compose.from_applied_transforms(result["applied_transforms"])(**targets)
    assert equal(applied["names"], result["names"])
    written = json.loads(json.dumps(result["applied_transforms"]))
    from_json = A.Compose.from_applied_transforms(written, keypoint_params=params)(**targets)
    assert equal(from_json["names"], result["names"])
    return result["names"]


def one(name: str, **arguments: Any) -> list[Any]:
    return [getattr(A, name)(p=1, **arguments)]


@pytest.mark.parametrize(
    ("steps", "mirrored"),
    [
        (one("HorizontalFlip"), True),
        (one("VerticalFlip"), True),
        (one("Transpose"), True),
        (one("D4", group_element="hvt"), True),
        (one("D4", group_element="h"), True),
        (one("D4", group_element="r180"), False),
        (one("SquareSymmetry", group_element="v"), True),
        (one("RandomRotate90", group_element="r90"), False),
        (one("Rotate"), False),
        (one("Crop", x_max=20, y_max=20), False),
        (one("Perspective"), False),
        (one("ElasticTransform"), False),
        (one("RandomGamma"), False),
        (one("HorizontalFlip") + one("VerticalFlip"), False),
        (one("HorizontalFlip") + one("Rotate"), True),
        ([A.HorizontalFlip(p=0)], False),
    ],
)
def test_whatever_mirrors_swaps(steps: Any, mirrored: bool) -> None:
    assert named(steps, {"reflection": {"names": EYES}}) == (SWAPPED if mirrored else NAMES)


def test_maps_with_a_negative_determinant_mirror() -> None:
    def warp(*rows: float) -> ops.Warp:
        return ops.Warp(rows, 30, 40)

    assert mirrors([warp(-1, 0, 40, 0, 1, 0, 0, 0, 1)])
    assert mirrors([warp(-0.9, 0.2, 40, 0.1, 1, 0, 0.001, 0, 1)])
    assert not mirrors([warp(-1, 0, 40, 0, -1, 30, 0, 0, 1)])
    assert not mirrors([ops.D4("h"), warp(-1, 0, 40, 0, 1, 0, 0, 0, 1)])
    assert not mirrors([ops.D4("h"), ops.D4("v")])
    rng = np.random.default_rng(0)
    for rows in rng.normal(size=(50, 9)):
        assert mirrors([warp(*rows)]) == (np.linalg.det(rows.reshape(3, 3)) < 0)
    assert mirrors([ops.Crop(0, 0, 3, 3), ops.D4("t"), ops.Resize(5, 5)])


def test_a_named_transform_swaps_for_itself_only() -> None:
    mapping = {"HorizontalFlip": {"names": EYES}}
    assert named(one("HorizontalFlip"), mapping) == SWAPPED
    assert named(one("VerticalFlip"), mapping) == NAMES
    for element, swaps in (("h", True), ("r90", False), ("e", False)):
        assert named(one("D4", group_element=element), {"D4": {"names": EYES}}) == (SWAPPED if swaps else NAMES)
    # The name wins over "reflection", also where it says that nothing swaps.
    both = {"VerticalFlip": {"names": {}}, "reflection": {"names": EYES}}
    assert named(one("VerticalFlip"), both) == NAMES
    assert named(one("HorizontalFlip"), both) == SWAPPED


def test_a_chain_of_labels_turns_once_per_step() -> None:
    cycle = {"reflection": {"names": {"left_eye": "right_eye", "right_eye": "nose", "nose": "left_eye"}}}
    assert named(one("HorizontalFlip"), cycle) == ["right_eye", "nose", "left_eye"]
    assert named(one("HorizontalFlip") + one("VerticalFlip"), cycle) == ["nose", "left_eye", "right_eye"]


@pytest.mark.parametrize("names", [[1, 2, 3], (1, 2, 3), np.array([1, 2, 3], np.int16)])
def test_numbers_and_containers(names: Any) -> None:
    out = named(one("HorizontalFlip"), {"HorizontalFlip": {"names": {1: 2, 2: 1}}}, names)
    assert type(out) is type(names) and getattr(out, "dtype", None) == getattr(names, "dtype", None)
    assert list(out) == [2, 1, 3]


def test_longer_text_fits_arrays() -> None:
    out = named(one("HorizontalFlip"), {"reflection": {"names": {"l": "the right one"}}}, np.array(["l", "r", "n"]))
    assert out.tolist() == ["the right one", "r", "n"]


def test_tensors_and_labels_that_no_mapping_can_name() -> None:
    torch = pytest.importorskip("torch")
    params = points({"reflection": {"names": {1: 2, 2: 1}}})
    pipeline = A.Compose(one("HorizontalFlip"), keypoint_params=params)
    assert pipeline(image=IMAGE, keypoints=POINTS, names=torch.tensor([1, 2, 3]))["names"].tolist() == [2, 1, 3]
    assert pipeline(image=IMAGE, keypoints=POINTS, names=[[1], 2, 3])["names"] == [[1], 1, 3]


def test_removed_points_take_their_labels_along() -> None:
    params = A.KeypointParams("xy", ["names"], label_mapping={"reflection": {"names": EYES}})
    pipeline = A.Compose([A.HorizontalFlip(p=1), A.Crop(0, 0, 20, 30, p=1)], keypoint_params=params)
    out = pipeline(image=IMAGE, keypoints=POINTS, names=NAMES)
    assert out["keypoints"] == [(9, 5), (19, 20)] and out["names"] == ["left_eye", "nose"]


def test_the_image_is_what_it_was_without_a_mapping() -> None:
    steps = [A.HorizontalFlip(p=1), A.RandomGamma(p=1), A.VerticalFlip(p=1), A.RandomCrop(20, 20, p=1)]
    plain = A.Compose(steps, keypoint_params=points(None), seed=1)
    mapped = A.Compose(
        steps, keypoint_params=points({"reflection": {"names": EYES}}), seed=1,
        semantic_mask_label_mappings={"reflection": {1: 2}},
    )  # fmt: skip
    targets = {"image": IMAGE, "keypoints": POINTS, "names": NAMES}
    for call in (lambda p: p(**targets, key=3), lambda p: p(image=IMAGE, key=3)):
        assert np.array_equal(call(plain)["image"], call(mapped)["image"])


def test_custom_transforms_swap_if_they_are_named() -> None:
    class Mirror(A.DualTransform):
        def apply(self, img: Any, **params: Any) -> Any:
            return img[:, ::-1]

        def apply_to_keypoints(self, keypoints: Any, **params: Any) -> Any:
            return keypoints

    for mapping, wanted in (({"Mirror": {"names": EYES}}, SWAPPED), ({"reflection": {"names": EYES}}, NAMES)):
        pipeline = A.Compose([Mirror(p=1)], keypoint_params=points(mapping))
        assert pipeline(image=IMAGE, keypoints=POINTS, names=NAMES)["names"] == wanted


# ---- masks ----


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "int32", "uint32", "int64", "float32", "bool"])
def test_mask_values_are_swapped_exactly(dtype: str) -> None:
    mask = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 6, (9, 11)).astype(dtype)
    out = recode(mask, ops.Recode(((0, 1), (1, 0), (4, 5), (5, 4), (300, 2))))
    table = np.array([1, 0, 2, 3, 5, 4])
    assert out.dtype == mask.dtype and np.array_equal(out, table[mask.astype(int)].astype(dtype))
    assert np.array_equal(recode(mask.T, ops.Recode(((0, 1), (1, 0)))), recode(mask, ops.Recode(((0, 1), (1, 0)))).T)


MASK = np.arange(30 * 40, dtype=np.int32).reshape(30, 40) % 5


def masked(steps: Any, mapping: Any, **masks: Any) -> dict[str, Any]:
    pipeline = A.ReplayCompose(steps, semantic_mask_label_mappings=mapping, seed=5, save_applied_params=True)
    result = pipeline(image=IMAGE, **masks)
    again = A.replay(json.loads(json.dumps(result["replay"])), image=IMAGE, **masks)
    written = json.loads(json.dumps(result["applied_transforms"]))
    rebuilt = A.Compose.from_applied_transforms(written, semantic_mask_label_mappings=mapping)(image=IMAGE, **masks)
    for name in masks:
        assert equal(again[name], result[name]) and equal(rebuilt[name], result[name])
    return {name: result[name] for name in masks}


def test_masks_of_all_kinds_swap() -> None:
    masks = {"mask": MASK, "masks": [MASK.astype(np.uint8), MASK.astype(np.uint8)], "mask3d": np.stack([MASK] * 2)}
    out = masked(one("HorizontalFlip"), {"HorizontalFlip": {1: 2, 2: 1}}, **masks)
    wanted = np.array([0, 2, 1, 3, 4])[MASK[:, ::-1]]
    assert all(np.array_equal(part, wanted) for part in (out["mask"], *out["masks"], *out["mask3d"]))
    assert np.array_equal(masked(one("Rotate"), {"Rotate": {1: 2}}, mask=MASK)["mask"] == 1,
                          masked(one("Rotate"), None, mask=MASK)["mask"] == 1)  # fmt: skip


def test_one_mask_swaps_and_another_does_not() -> None:
    out = masked(one("VerticalFlip"), {"reflection": {"mask": {1: 2, 2: 1}}}, mask=MASK, masks=[MASK])
    assert np.array_equal(out["mask"], np.array([0, 2, 1, 3, 4])[MASK[::-1]])
    assert np.array_equal(out["masks"][0], MASK[::-1])


def test_fill_of_later_steps_is_not_swapped() -> None:
    steps = [A.HorizontalFlip(p=1), A.PadIfNeeded(34, 44, border_mode=0, fill_mask=1, p=1)]
    out = masked(steps, {"reflection": {1: 2, 2: 1}}, mask=MASK)["mask"]
    assert (out[0] == 1).all() and np.array_equal(out[2:-2, 2:-2], np.array([0, 2, 1, 3, 4])[MASK[:, ::-1]])


def test_a_value_that_does_not_fit_is_refused() -> None:
    pipeline = A.Compose(one("HorizontalFlip"), semantic_mask_label_mappings={"reflection": {1: 300}})
    with pytest.raises((SampleError, StepError), match=r"HorizontalFlip: mask: .*1 -> 300 does not fit uint8.*wider"):
        pipeline(image=IMAGE, mask=MASK.astype(np.uint8))


# ---- settings ----


def test_mappings_survive_files_and_text_keys() -> None:
    pipeline = A.ReplayCompose(
        one("HorizontalFlip"),
        keypoint_params=A.KeypointParams("xy", ["ids", "names"], label_mapping={
            "HorizontalFlip": {"ids": {1: 2, 2: 1}, "names": {"1": "2"}}, "reflection": {"names": EYES},
        }),
        semantic_mask_label_mappings={"HorizontalFlip": {7: 8}, "reflection": {"mask": {1: 2}, "masks": {3: 4}}},
    )  # fmt: skip
    again = A.from_dict(json.loads(json.dumps(A.to_dict(pipeline))))
    assert again == pipeline and again.fingerprint == pipeline.fingerprint
    assert eval(repr(pipeline), vars(A)) == pipeline
    plain = A.Compose(one("HorizontalFlip"))
    assert plain.fingerprint != pipeline.fingerprint
    assert json.loads(json.dumps(plain.to_dict())) == {"__class_fullname__": "Compose", "p": 1.0, "transforms": [
        {"__class_fullname__": "HorizontalFlip", "p": 1.0}]}  # fmt: skip


def test_files_of_the_other_dialect_keep_their_mappings() -> None:
    saved = {
        "__version__": "2.5.1",
        "transform": {
            "__class_fullname__": "Compose", "p": 1.0, "transforms": [{"__class_fullname__": "HorizontalFlip", "p": 1}],
            "keypoint_params": {"coord_format": "xy", "label_fields": ["ids"],
                                "label_mapping": {"HorizontalFlip": {"ids": {"1": 2, "2": 1}}}},
            "bbox_params": {"coord_format": "coco", "bbox_type": "obb"},
            "semantic_mask_label_mappings": {"HorizontalFlip": {"1": 2, "2": 1}},
            "instance_binding": ["masks", "bboxes"], "frame_binding": None, "telemetry": True,
        },
    }  # fmt: skip
    pipeline, changes = A.convert(saved)
    assert changes == []
    out = pipeline(image=IMAGE, keypoints=[(1, 2)], ids=[1], mask=MASK)
    assert out["ids"] == [2] and np.array_equal(out["mask"], np.array([0, 2, 1, 3, 4])[MASK[:, ::-1]])
    assert pipeline.bbox_params.bbox_type == "obb" and pipeline.instance_binding == ("masks", "bboxes")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"semantic_mask_label_mappings": {"HorizontalFlipp": {1: 2}}}, "'HorizontalFlipp'.*did you mean 'HorizontalF"),
        ({"semantic_mask_label_mappings": {"reflection": {"a": 2}}}, "mask_label_mappings: got .*values are integers"),
        ({"semantic_mask_label_mappings": [1]}, "mask_label_mappings: got .*pass"),
        ({"semantic_mask_label_mappings": {"reflection": [[1, 2], [1, 3]]}}, "name each old label once"),
        ({"keypoint_params": A.KeypointParams("xy", ["n"], label_mapping={"Flop": {"n": {}}})}, "'Flop'.*no transform"),
    ],
)
def test_bad_mappings_say_why(settings: Any, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        A.Compose([A.HorizontalFlip()], **settings)
