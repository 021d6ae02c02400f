"""Instances and frames: parts that belong together come back together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.errors import FieldError, SampleError
from augury.ops import TakeFrames
from tests.samples import digest, equal, image, mask

H, W = 60, 80
IMAGE = image(H, W)
BOX = A.BboxParams("pascal_voc", ["labels"], min_visibility=0.3)
POINT = A.KeypointParams("xy", ["names"])
ALL = ["masks", "bboxes", "keypoints"]


def one(x: int, y: int, label: str, size: int = 12) -> dict[str, Any]:
    """A square object with a point in each of two corners."""
    region = np.zeros((H, W), np.uint8)
    region[y : y + size, x : x + size] = 1
    points = [(x, y), (x + size - 1, y + size - 1)]
    return {
        "mask": region, "bbox": [x, y, x + size, y + size], "labels": label, "keypoints": points,
        "names": [f"{label}0", f"{label}1"],
    }  # fmt: skip


def instances() -> list[dict[str, Any]]:
    return [one(2, 3, "a"), one(30, 20, "b"), one(60, 40, "c")]


def bound(steps: Any, binding: Any = ALL, **settings: Any) -> A.ReplayCompose:
    return A.ReplayCompose(
        steps, instance_binding=binding, bbox_params=BOX, keypoint_params=POINT, seed=3, **settings
    )  # fmt: skip


def check(objects: Any) -> None:
    """Every part of an object is about the same pixels."""
    for thing in objects:
        y, x = np.nonzero(thing["mask"])
        np.testing.assert_allclose(thing["bbox"], (x.min(), y.min(), x.max() + 1, y.max() + 1))
        assert all(thing["mask"][round(v), round(u)] for u, v in thing["keypoints"])
        assert all(name.startswith(thing["labels"]) for name in thing["names"])
        assert len(thing["names"]) == len(thing["keypoints"])


def test_all_parts_of_an_object_stay_together() -> None:
    out = bound([A.HorizontalFlip(p=1)])(image=IMAGE, instances=instances())
    assert [thing["labels"] for thing in out["instances"]] == ["a", "b", "c"]
    assert sorted(out) == ["image", "instances", "replay"]
    check(out["instances"])
    first = out["instances"][0]
    assert first["bbox"] == [66, 3, 78, 15] and first["keypoints"] == [(77, 3), (66, 14)]
    assert first["mask"].flags.c_contiguous and type(first["names"]) is list


def test_an_object_that_leaves_goes_whole() -> None:
    out = bound([A.Crop(20, 0, 80, 60, p=1)])(image=IMAGE, instances=instances())
    assert [thing["labels"] for thing in out["instances"]] == ["b", "c"]
    check(out["instances"])
    # c keeps too little of its box, though its mask and one of its points are still there.
    out = bound([A.Crop(0, 0, 62, 60, p=1)])(image=IMAGE, instances=instances())
    assert [thing["labels"] for thing in out["instances"]] == ["a", "b"]
    # b has no pixel left, though its box has.
    empty = instances()
    empty[1]["mask"][:] = 0
    out = bound([A.HorizontalFlip(p=1)])(image=IMAGE, instances=empty)
    assert [thing["labels"] for thing in out["instances"]] == ["a", "c"]


def test_single_points_may_go_alone() -> None:
    out = bound([A.Crop(5, 0, 80, 60, p=1)])(image=IMAGE, instances=instances())
    assert [thing["labels"] for thing in out["instances"]] == ["a", "b", "c"]
    assert out["instances"][0]["keypoints"] == [(8, 14)] and out["instances"][0]["names"] == ["a1"]
    nothing_left = bound([A.Crop(5, 0, 80, 14, p=1)])(image=IMAGE, instances=instances())["instances"]
    assert [thing["keypoints"] for thing in nothing_left] == [[]]


@pytest.mark.parametrize("binding", [["masks", "bboxes"], ["mask", "keypoints"], ["bbox", "keypoints"]])
def test_some_parts_only(binding: Any) -> None:
    names = {"masks": ["mask"], "mask": ["mask"], "bboxes": ["bbox", "labels"], "bbox": ["bbox", "labels"],
             "keypoints": ["keypoints", "names"]}  # fmt: skip
    keys = [key for name in binding for key in names[name]]
    given = [{key: thing[key] for key in keys} for thing in instances()]
    out = bound([A.Crop(20, 0, 80, 60, p=1)], binding)(image=IMAGE, instances=given)["instances"]
    # Points alone do not say that an object is gone.
    assert len(out) == 2 and all(sorted(thing) == sorted(keys) for thing in out)


def test_no_instances() -> None:
    out = bound([A.HorizontalFlip(p=1), A.RandomCrop(20, 20, p=1)])(image=IMAGE, instances=[])
    assert out["instances"] == []
    assert np.array_equal(bound([A.HorizontalFlip(p=1)])(image=IMAGE)["image"], IMAGE[:, ::-1])


def test_fate_names_what_went_along() -> None:
    pipeline = bound([A.Crop(0, 0, 62, 60, p=1)], annotation_fate=True)
    result = pipeline(image=IMAGE, instances=instances())
    said = [(e["target"], e.get("instance"), e["index"], e["event"], e["rule"], e["step"]) for e in result["fate"]]
    assert said == [
        ("bboxes", None, 2, "removed", "min_visibility", "Crop"),
        ("keypoints", 2, 1, "removed", "outside", "Crop"),
        ("keypoints", 2, 0, "removed", "instance", "Crop"),
        ("masks", None, 2, "clipped", "frame", "Crop"),
        ("masks", None, 2, "removed", "instance", "Crop"),
    ]
    again = A.replay(json.loads(json.dumps(result["replay"])), fate=True, image=IMAGE, instances=instances())
    assert again["fate"] == result["fate"]
    assert A.trace(result["replay"], image=IMAGE, instances=instances()).fate == result["fate"]


def test_containers_stay() -> None:
    thing = {**one(30, 20, "b"), "bbox": np.array([30, 20, 42, 32], np.float32), "keypoints": np.array([[30.0, 20.0]])}
    thing["names"] = np.array(["x"])
    out = bound([A.HorizontalFlip(p=1)])(image=IMAGE, instances=[thing])["instances"][0]
    assert out["bbox"].dtype == np.float32 and out["bbox"].tolist() == [38, 20, 50, 32]
    assert out["keypoints"].tolist() == [[49, 20]] and out["names"].tolist() == ["x"]
    assert thing["bbox"][0] == 30


def test_tensors_of_instances_and_frames() -> None:
    torch = pytest.importorskip("torch")
    steps = [A.Crop(20, 0, 80, 60, p=1), A.UniformTemporalSubsample(3), A.ToTensorV2()]
    out = bound([steps[0], steps[2]])(image=IMAGE, instances=instances())["instances"]
    assert [type(thing["mask"]) for thing in out] == [torch.Tensor] * 2 and out[0]["mask"].shape == (60, 60)
    listed = film(steps)(frames=frames())["frames"]
    assert [frame["image"].shape for frame in listed] == [(3, 60, 60)] * 3


def test_labels_swap_in_their_instances() -> None:
    params = A.KeypointParams("xy", ["names"], label_mapping={"reflection": {"names": {"a0": "a1", "a1": "a0"}}})
    pipeline = A.ReplayCompose(
        [A.HorizontalFlip(p=1)], instance_binding=ALL, bbox_params=BOX, keypoint_params=params,
        semantic_mask_label_mappings={"reflection": {1: 9}},
    )  # fmt: skip
    out = pipeline(image=IMAGE, instances=instances())["instances"]
    assert [thing["names"] for thing in out] == [["a1", "a0"], ["b0", "b1"], ["c0", "c1"]]
    assert all(set(np.unique(thing["mask"])) == {0, 9} for thing in out)


def test_turned_boxes_of_instances() -> None:
    params = A.BboxParams("cxcywh", ["labels"], bbox_type="obb")
    pipeline = A.Compose([A.HorizontalFlip(p=1)], instance_binding=["masks", "bboxes"], bbox_params=params)
    given = {"mask": instances()[1]["mask"], "bbox": [36, 26, 12, 8, 30], "labels": "b"}
    assert pipeline(image=IMAGE, instances=[given])["instances"][0]["bbox"] == [44, 26, 12, 8, -30]


# ---- the flat form ----


@pytest.mark.parametrize("stacked", [False, True])
def test_masks_and_boxes_of_one_number(stacked: bool) -> None:
    masks: Any = [thing["mask"] for thing in instances()]
    masks = np.stack(masks) if stacked else masks
    pipeline = bound([A.Crop(20, 0, 80, 60, p=1)], ["masks", "bboxes"], annotation_fate=True)
    given = {"image": IMAGE, "masks": masks, "bboxes": [thing["bbox"] for thing in instances()], "labels": list("abc")}
    out = pipeline(**given)
    assert type(out["masks"]) is type(masks) and len(out["masks"]) == len(out["bboxes"]) == 2
    assert out["labels"] == ["b", "c"] and out["masks"][0][20, 10]
    assert not np.may_share_memory(out["masks"][0], masks[1])
    again = A.replay(json.loads(json.dumps(out["replay"])), **given)
    assert equal({k: again[k] for k in ("masks", "bboxes")}, {k: out[k] for k in ("masks", "bboxes")})
    given["masks"] = masks[:2]
    with pytest.raises(SampleError, match="bboxes: 3 rows for 2 masks"):
        pipeline(**given)


def test_points_need_instances() -> None:
    with pytest.raises(SampleError, match=r"keypoints: which instance.*pass instances="):
        bound([A.NoOp(p=1)])(image=IMAGE, masks=[IMAGE[..., 0]], bboxes=[[1, 2, 3, 4]], labels=["a"], keypoints=[])


# ---- frames ----


def frames(count: int = 4) -> list[dict[str, Any]]:
    """A square that moves to the right, with a second one from the third frame on."""
    out = []
    for t in range(count):
        rows = [[2.0 + 8 * t, 3, 14 + 8 * t, 15]] + ([[30, 30, 50, 44]] if t > 1 else [])
        out.append({
            "image": image(H, W, seed=t), "mask": mask(H, W, seed=t), "bboxes": rows,
            "labels": ["a", "b"][: len(rows)], "keypoints": [(3 + 8 * t, 4), (70, 50)][: 1 + t % 2],
            "names": ["left", "right"][: 1 + t % 2],
        })  # fmt: skip
    return out


def film(steps: Any, **settings: Any) -> A.ReplayCompose:
    return A.ReplayCompose(
        steps, frame_binding=["images", "masks", "bboxes", "keypoints"], bbox_params=BOX, keypoint_params=POINT,
        seed=3, **settings,
    )  # fmt: skip


def test_each_frame_keeps_its_labels_under_one_draw() -> None:
    steps = [A.HorizontalFlip(p=1), A.Rotate(p=1), A.RandomCrop(48, 64, p=1), A.RandomGamma(p=1), A.CoarseDropout(p=1)]
    pipeline = film(steps)
    single = A.Compose(steps, bbox_params=BOX, keypoint_params=POINT, seed=3)
    out = pipeline(frames=frames(), key=7)
    assert sorted(out) == ["frames", "replay"] and len(out["frames"]) == 4
    for got, given in zip(out["frames"], frames(), strict=True):
        assert equal(got, single(**given, key=7))
    assert len(json.dumps(out["replay"])) < 4000


def test_labels_swap_in_their_frames() -> None:
    params = A.KeypointParams(
        "xy", ["names"], label_mapping={"HorizontalFlip": {"names": {"left": "right", "right": "left"}}}
    )
    pipeline = A.Compose([A.HorizontalFlip(p=1)], frame_binding=["keypoints"], keypoint_params=params)
    out = pipeline(frames=[{k: f[k] for k in ("image", "keypoints", "names")} for f in frames()])["frames"]
    assert [f["names"] for f in out] == [["right"], ["right", "left"]] * 2


def test_fate_says_which_frame() -> None:
    result = film([A.Crop(20, 0, 80, 60, p=1)], annotation_fate=True)(frames=frames())
    removed = [(e["target"], e["frame"], e["index"], e["rule"]) for e in result["fate"] if e["event"] == "removed"]
    assert removed == [
        ("bboxes", 0, 0, "nothing_visible"), ("bboxes", 1, 0, "min_visibility"),
        ("keypoints", 0, 0, "outside"), ("keypoints", 1, 0, "outside"), ("keypoints", 2, 0, "outside"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("total", "number", "wanted"),
    [
        (10, 4, [0, 3, 6, 9]),
        (7, 3, [0, 3, 6]),
        (8, 5, [0, 1, 3, 5, 7]),
        (2, 4, [0, 0, 0, 1]),
        (5, 1, [0]),
        (1, 3, [0] * 3),
    ],
)
def test_evenly_spaced_frames(total: int, number: int, wanted: list[int]) -> None:
    assert TakeFrames(number).indices(total) == wanted
    # The standard definition, where floats do not blur it.
    assert np.abs(np.linspace(0, total - 1, number) - wanted).max() < 1


@pytest.mark.parametrize("number", [2, 3, 6])
def test_subsampled_frames_take_their_labels(number: int) -> None:
    pipeline = film([A.HorizontalFlip(p=1), A.UniformTemporalSubsample(number), A.Rotate(p=1)], annotation_fate=True)
    reference = film([A.HorizontalFlip(p=1), A.Rotate(p=1)])(frames=frames(), key=1)["frames"]
    kept = TakeFrames(number).indices(4)
    result = pipeline(frames=frames(), key=1)
    assert equal(result["frames"], [reference[i] for i in kept])
    for a, b in zip(result["frames"], result["frames"][1:], strict=False):
        assert not np.may_share_memory(a["image"], b["image"])
    dropped = {e["frame"] for e in result["fate"] if e["rule"] == "dropped_frame"}
    assert dropped == {*range(4)} - {*kept}
    again = A.replay(json.loads(json.dumps(result["replay"])), frames=frames(), fate=True)
    assert equal(again["frames"], result["frames"]) and again["fate"] == result["fate"]


@pytest.mark.parametrize("stacked", [False, True])
def test_subsampled_stacks(stacked: bool) -> None:
    images: Any = [f["image"] for f in frames()]
    masks: Any = [f["mask"] for f in frames()]
    if stacked:
        images, masks = np.stack(images), np.stack(masks)
    pipeline = A.Compose([A.UniformTemporalSubsample(num_frames=2, p=1)])
    out = pipeline(image=IMAGE, images=images, masks=masks, volume=np.stack(list(images)))
    assert type(out["images"]) is type(images) and len(out["images"]) == len(out["masks"]) == 2
    assert equal(list(out["images"]), [images[0], images[3]]) and equal(list(out["masks"]), [masks[0], masks[3]])
    assert np.array_equal(out["image"], IMAGE) and len(out["volume"]) == 4
    assert not np.may_share_memory(out["images"][0], images[0])
    # Once after a call without frames, the step still works on frames.
    assert np.array_equal(pipeline(image=IMAGE)["image"], IMAGE) and len(pipeline(images=images)["images"]) == 2


@pytest.mark.parametrize("otherwise", ["skip", "keep"])
def test_rejected_tries_leave_nothing_behind(otherwise: str) -> None:
    """Frames, owners and swapped labels of a rejected try are forgotten."""
    params = A.KeypointParams("xy", ["names"], label_mapping={"reflection": {"names": {"left": "right"}}})
    wanted = iter([False, False, otherwise == "keep"])

    def accept(result: Any) -> bool:
        assert len(result["images"]) == 2 and set(result["names"]) == {"right"}
        return next(wanted)

    pipeline = A.ReplayCompose(
        [A.Until([A.HorizontalFlip(p=1), A.UniformTemporalSubsample(2)], accept, tries=2 + (otherwise == "keep"))],
        frame_binding=["keypoints"], keypoint_params=params,
    )  # fmt: skip
    given = [{k: f[k] for k in ("image", "keypoints", "names")} for f in frames()]
    result = pipeline(frames=given)
    assert [f["names"] for f in result["frames"]] == (
        [f["names"] for f in given] if otherwise == "skip" else [["right"], ["right", "right"]]
    )
    assert equal(A.replay(json.loads(json.dumps(result["replay"])), frames=given)["frames"], result["frames"])


# ---- records in a fresh process, probes, files ----


def test_replay_in_a_fresh_process(tmp_path: Path) -> None:
    steps = [A.HorizontalFlip(p=1), A.RandomCrop(40, 50, p=1), A.UniformTemporalSubsample(3), A.ElasticTransform(p=1)]
    things = bound([A.HorizontalFlip(p=1), A.RandomCrop(40, 50, p=1), A.Rotate(p=1)], save_applied_params=True)
    jobs = [
        ["frames", film(steps)(frames=frames(), key=5)],
        ["instances", things(image=IMAGE, instances=instances(), key=5)],
    ]
    records = [(form, result["replay"]) for form, result in jobs]
    (tmp_path / "records.json").write_text(json.dumps(records))
    code = (
        "import json, sys, augury as A\n"
        "from tests.samples import digest\n"
        "from tests.targets.test_bindings import IMAGE, frames, instances\n"
        "for form, record in json.load(open(sys.argv[1])):\n"
        "    given = {'frames': frames()} if form == 'frames' else {'image': IMAGE, 'instances': instances()}\n"
        "    print(digest(A.replay(record, **given)[form]))\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "records.json")], capture_output=True, text=True, cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'src'}"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == [digest(result[form]) for form, result in jobs]
    result = jobs[1][1]
    again = A.Compose.from_applied_transforms(result["applied_transforms"])(image=IMAGE, instances=instances())
    assert equal(again["instances"], result["instances"])


def test_probes_see_instances_and_frames(tmp_path: Path) -> None:
    steps = [A.HorizontalFlip(p=1), A.Crop(20, 0, 80, 60, p=1)]
    for pipeline, given in (
        (bound(steps, digests=True), {"image": IMAGE, "instances": instances()}),
        (film(steps, digests=True), {"frames": frames()}),
    ):
        result = pipeline(**given)
        assert A.verify(result["replay"], **given)
        form = "frames" if "frames" in given else "instances"
        trace = A.trace(result["replay"], **given)
        assert equal(trace.result[form], result[form])
        assert len(trace.steps[0].snapshot[form]) == len(given[form])
        A.show(result["replay"], path=tmp_path / f"{form}.png", **given)


def test_settings_are_saved() -> None:
    pipeline = film([A.HorizontalFlip()], instance_binding=ALL)
    again = A.from_dict(json.loads(json.dumps(A.to_dict(pipeline))))
    assert again == pipeline and eval(repr(pipeline), vars(A)) == pipeline


# ---- refusals ----


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"instance_binding": ["masks"]}, "instance_binding: got .*at least two"),
        ({"instance_binding": ["masks", "boxes"]}, "instance_binding: got .*masks, bboxes, keypoints"),
        ({"instance_binding": "masks"}, "instance_binding: got 'masks'"),
        ({"frame_binding": ["volume"]}, "frame_binding: got .*images, masks, bboxes, keypoints"),
        ({"frame_binding": 3}, "frame_binding: got 3"),
    ],
)
def test_bad_bindings_say_why(settings: Any, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        A.Compose([A.NoOp()], **settings)
    with pytest.raises(FieldError, match=r"inside a pipeline: (instance|frame)_binding"):
        A.Compose([A.Compose([A.NoOp()], frame_binding=["masks"])])


def broken(i: int, **changes: Any) -> list[dict[str, Any]]:
    out = instances()
    out[i] = {k: v for k, v in {**out[i], **changes}.items() if v is not None}
    return out


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({"instances": {"mask": 1}}, "instances: got .*pass a list of dicts with mask, bbox, keypoints"),
        ({"instances": [3]}, r"instances\[0\]: got 3; pass a dict"),
        ({"instances": broken(1, bbox=None)}, r"instances\[1\]: has no 'bbox'; every entry needs"),
        ({"instances": broken(1, labels=None)}, r"instances\[1\]: has no 'labels'"),
        ({"instances": broken(1, score=0.3)}, r"instances\[1\]: got 'score'.*label_fields"),
        ({"instances": broken(2, names=["x"])}, r"instances\[2\]\.names: got \['x'\] for 2 keypoints"),
        ({"instances": broken(2, keypoints=7, names=[])}, r"instances\[2\]\.keypoints: got 7"),
        ({"instances": broken(2, bbox=[5, 6, 4, 9])}, r"instances\[2\]\.bbox\[0\]: .*x_min < x_max"),
        ({"instances": broken(2, keypoints=[(1, 2), (90, 3)])}, r"instances\[2\]\.keypoints\[1\]: .*outside the image"),
        ({"instances": broken(1, mask=np.zeros((3, 3), np.uint8))}, r"instances\[1\]\.mask: shape \(3, 3\) differs"),
        ({"instances": instances(), "masks": [IMAGE[..., 0]]}, "masks: got it beside instances"),
        ({"instances": instances(), "frames": []}, "instances, frames: got both"),
        ({"frames": []}, "frames: an empty list"),
        ({"frames": [*frames(3), {**frames(1)[0], "bboxes": [[1, 2, 3, 4], [0, 0, 99, 9]], "labels": "ab"}]},
         r"frames\[3\]"),
        ({"frames": [*frames(3), {**frames(1)[0], "bboxes": [[1, 2, 3, 4], [0, 0, 99, 9]], "labels": [1, 2]}]},
         r"frames\[3\]\.bboxes\[1\]: .*leaves the image of 80 x 60"),
        ({"frames": [{"image": IMAGE}]}, r"frames\[0\]: has no 'bboxes'"),
    ],
)  # fmt: skip
def test_bad_input_says_where(targets: Any, message: str) -> None:
    pipeline = bound([A.HorizontalFlip(p=1)], frame_binding=["images", "masks", "bboxes", "keypoints"])
    with pytest.raises(SampleError, match=message):
        pipeline(**({} if "instances" not in targets else {"image": IMAGE}), **targets)


def test_unbound_pipelines_say_what_is_missing() -> None:
    for form in ("instances", "frames"):
        with pytest.raises(SampleError, match=rf"{form}: not bound; build the pipeline with {form[:-1]}_binding="):
            A.Compose([A.NoOp(p=1)])(image=IMAGE, **{form: [{"mask": IMAGE[..., 0]}]})


def test_a_record_replays_on_what_it_was_bound_to() -> None:
    record = bound([A.HorizontalFlip(p=1)])(image=IMAGE, instances=instances())["replay"]
    assert record["settings"]["instance_binding"] == ALL
    record["settings"]["instance_binding"] = ["masks"]
    with pytest.raises(A.RecordError, match=r"record.settings: binding: got .*at least two"):
        A.replay(record, image=IMAGE, instances=instances())
