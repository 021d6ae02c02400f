"""Whole volumes: voxels, labels and keypoints move together, for every transform and any valid arguments."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import augury as A
from augury.catalogue import volume as family
from augury.errors import FieldError, InverseError, RecordError, SampleError
from augury.transform import REGISTRY
from tests.catalogue.cases import VOLUME, Case
from tests.samples import cube
from tests.strategies import arguments

XYZ = {"keypoint_params": A.KeypointParams("xyz")}
LOOSE = {"keypoint_params": A.KeypointParams("xyz", remove_invisible=False)}
MOVING = [case for case in VOLUME if case[0] in family.__all__ and case[0] not in ("ToTensor3D", "CoarseDropout3D")]
BLENDING = {"Resize3D", "RandomResizedCrop3D", "Affine3D", "ElasticTransform3D"}
EXACT = [case for case in MOVING if case[0] not in BLENDING]
SIDES = (6, 17, 23)
PLANES = ((0, 2), (1, 2))


def made(case: Case) -> Any:
    return getattr(A, case[0])(**{**case[1], "p": 1})


def names(cases: list[Case]) -> list[str]:
    return [f"{name}-{i}" for i, (name, _) in enumerate(cases)]


# ---- markers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", EXACT, ids=names(EXACT))
def test_one_voxel_its_label_and_its_keypoint(case: Case) -> None:
    rng = np.random.default_rng(0)
    seen = key = 0
    while seen < 3 or key < 12:
        key += 1
        z, y, x = rng.integers(0, SIDES).tolist()
        volume, labels = np.full((*SIDES, 2), 5, np.uint8), np.full(SIDES, 2, np.int64)
        volume[z, y, x], labels[z, y, x] = (251, 252), 9
        out = A.Compose([made(case)], seed=1, **XYZ)(volume=volume, mask3d=labels, keypoints=[[x, y, z]], key=key)
        assert out["volume"].shape[:3] == out["mask3d"].shape
        found = np.argwhere(out["mask3d"] == 9)
        assert np.array_equal(found, np.argwhere(out["volume"][..., 0] == 251))
        assert np.array_equal(found, np.argwhere(out["volume"][..., 1] == 252))
        assert [list(p) for p in out["keypoints"]] == found[:, ::-1].tolist(), key
        assert set(np.unique(out["mask3d"])) <= {2, 9, case[1].get("fill_mask", 0)}
        seen += len(found)


RESAMPLED = [case for case in MOVING if case[0] in BLENDING]


@pytest.mark.parametrize("case", RESAMPLED, ids=names(RESAMPLED))
def test_a_ball_its_label_and_its_keypoint(case: Case) -> None:
    sides = (24, 40, 48)
    grid = np.mgrid[: sides[0], : sides[1], : sides[2]]
    size: dict[str, Any] = {"size": (32, 30, 50)} if "size" in case[1] else {}
    if case[0] == "RandomResizedCrop3D":
        size["scale"] = (0.5, 1)
    resample = made((case[0], {**case[1], **size, "mask_interpolation": 0}))
    within = 0.6 if case[1].get("interpolation") == 0 else 0.3
    whole = 0
    for key in range(16):
        centre = np.random.default_rng(key).uniform(0.35, 0.65, 3) * sides - 0.5
        far = np.sqrt(((grid - centre[:, None, None, None]) ** 2).sum(axis=0))
        volume, labels = (1 / (1 + np.exp(4 * (far - 3)))).astype(np.float32), (far < 4).astype(np.uint8) * 7
        targets = {"volume": volume, "mask3d": labels, "keypoints": [centre[::-1].tolist()]}
        out = A.Compose([resample], seed=2, **LOOSE)(**targets, key=key)
        assert set(np.unique(out["mask3d"])) <= {0, 7}
        place = np.array(out["keypoints"][0])[::-1]
        found = np.argwhere(out["mask3d"] == 7)
        low, high = found.min(axis=0, initial=99), found.max(axis=0, initial=-1)
        if (low <= 1).any() or (high >= np.array(out["mask3d"].shape) - 2).any():
            continue
        whole += 1
        if case[0] == "ElasticTransform3D":
            # Of a bent ball, the centroid is not quite where its centre went.
            at = tuple(np.rint(place).astype(int))
            assert out["mask3d"][at] == 7 and out["volume"][at] > 0.99 and np.abs(found - place).max() < 9
            continue
        assert np.abs(found.mean(axis=0) - place).max() < 0.6
        around = tuple(slice(a - 1, b + 2) for a, b in zip(low, high, strict=True))
        bright = out["volume"][around]
        middle = np.array([(bright * axis).sum() for axis in np.indices(bright.shape)]) / bright.sum() + low - 1
        assert np.abs(middle - place).max() < within
    assert whole >= 4, whole


def test_the_corners_of_a_cube_under_all_its_symmetries() -> None:
    volume = np.zeros((4, 4, 4), np.uint8)
    for i, corner in enumerate(np.ndindex(2, 2, 2)):
        volume[tuple(3 * c for c in corner)] = i + 1
    pipeline = A.ReplayCompose([A.CubicSymmetry()], seed=0)
    results = [pipeline(volume=volume, key=key) for key in range(2000)]
    counts = Counter(out["volume"].tobytes() for out in results)
    assert len(counts) == 48 and volume.tobytes() in counts
    assert min(counts.values()) > 15 and max(counts.values()) < 85
    # Of a cube of one size, two symmetries in a row are a third.
    for out in results[:40]:
        for record in (r["replay"] for r in results[:10]):
            assert A.replay(record, volume=out["volume"])["volume"].tobytes() in counts


def test_turns_are_those_of_np_rot90() -> None:
    volume = cube()["volume"]
    for pair in ((0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)):
        for turns, element in enumerate(("e", "r90", "r180", "r270")):
            turn = A.RandomRotate90_3D(axis_pair=pair, group_element=element)
            assert np.array_equal(A.Compose([turn])(volume=volume)["volume"], np.rot90(volume, turns, pair))
    slices = A.Compose([A.RandomRotate90_3D(axis_pair=(1, 2), group_element="r90")])(volume=volume)["volume"]
    flat = A.Compose([A.RandomRotate90(group_element="r90", p=1)])(volume=volume)["volume"]
    assert np.array_equal(slices, flat)


def test_flips() -> None:
    volume = cube()["volume"]
    fixed = A.Compose([A.Flip3D(flip_axes=(2, 0))])(volume=volume)["volume"]
    assert np.array_equal(fixed, volume[::-1, :, ::-1])
    pipeline = A.Compose([A.Flip3D(axes=(0, 2))], seed=3, save_applied_params=True)
    drawn = Counter(pipeline(volume=volume, key=k)["applied_transforms"][0][1]["flips"] for k in range(400))
    assert set(drawn) == {(a, False, b) for a in (True, False) for b in (True, False)} and min(drawn.values()) > 70


def test_affine_turns_slices_as_affine_does() -> None:
    volume = cube(0, "float32", sides=(3, 31, 41))["volume"]
    # Whole pixels, which Affine rounds to.
    move = {"x": (4 / 41, 4 / 41), "y": (-2 / 31, -2 / 31)}
    three = A.Affine3D(rotate_range={"z": (20, 20)}, scale_range=1.25, translate_percent_range=move, p=1)
    two = A.Affine(rotate=(20, 20), scale=1.25, translate_percent=move, p=1)
    got, want = (A.Compose([t])(volume=volume)["volume"] for t in (three, two))
    # Scaling along z leaves the slice in the middle where it is.
    assert np.abs(got[1] - want[1]).max() < 2e-3


# ---- what is drawn ---------------------------------------------------------------------------------------


def drawn(transform: Any, keys: int = 300, sides: tuple[int, int, int] = SIDES) -> list[dict[str, Any]]:
    pipeline = A.Compose([transform], seed=1, save_applied_params=True)
    volume = np.zeros(sides, np.uint8)
    return [pipeline(volume=volume, key=key)["applied_transforms"][0][1] for key in range(keys)]


def test_windows_reach_everywhere() -> None:
    starts = np.array([p["crop_coords"][:3] for p in drawn(A.RandomCrop3D((4, 15, 22)))])
    assert starts.min(axis=0).tolist() == [0, 0, 0] and starts.max(axis=0).tolist() == [2, 2, 1]
    padded = np.array([p["crop_coords"][:3] for p in drawn(A.RandomCrop3D((8, 15, 25), pad_if_needed=True))])
    assert padded.min(axis=0).tolist() == [-2, 0, -2] and padded.max(axis=0).tolist() == [0, 2, 0]
    (centre,) = drawn(A.CenterCrop3D((9, 16, 20), pad_if_needed=True), 1)
    assert centre["crop_coords"] == (-1, 0, 1, 8, 16, 21)


def test_windows_of_random_size() -> None:
    sides = (40, 50, 60)
    for method in ("standard", "uniform_scale"):
        crop = A.RandomResizedCrop3D((4, 4, 4), scale=(0.2, 0.6), ratio=1.5, sampling_method=method)
        windows = np.array([p["crop_coords"] for p in drawn(crop, sides=sides)])
        shares = (windows[:, 3:] - windows[:, :3]) / sides
        content = shares.prod(axis=1)
        assert 0.18 < content.min() < 0.25 and 0.5 < content.max() < 0.63
        assert 1.4 < (shares.max(axis=1) / shares.min(axis=1)).max() < 1.56
        assert windows.min() >= 0 and (windows[:, 3:] <= sides).all()
    whole = A.RandomResizedCrop3D((4, 4, 4), scale=(1, 1))
    assert all(p["crop_coords"] == (0, 0, 0, *sides) for p in drawn(whole, 5, sides=sides))


def test_tensors_hold_the_same_voxels() -> None:
    given = cube()
    out = A.Compose([A.ToTensor3D()], **XYZ)(**{k: given[k] for k in ("volume", "mask3d", "keypoints")})
    assert np.array_equal(out["volume"].numpy(), np.moveaxis(given["volume"], -1, 0))
    assert np.array_equal(out["mask3d"].numpy(), given["mask3d"][None])
    assert np.array_equal(out["keypoints"], given["keypoints"])


def test_borders() -> None:
    (fits,) = drawn(A.PadIfNeeded3D(min_zyx=(9, 17, 10), pad_divisor_zyx=(1, 1, 8)), 1)
    assert fits["padding"] == (1, 2, 0, 0, 0, 1)
    at = {p["padding"][0] for p in drawn(A.PadIfNeeded3D(min_zyx=(9, 1, 1), position="random"))}
    assert at == {0, 1, 2, 3}
    out = A.Compose([A.Pad3D((0, 1, 2, 3, 4, 5), fill=9)])(volume=np.zeros(SIDES, np.uint8))["volume"]
    assert out.shape == (7, 22, 32) and (out[:6, 2:19, 4:27] == 0).all() and out.sum() == 9 * (out.size - 6 * 17 * 23)


def test_holes() -> None:
    dropout = A.CoarseDropout3D((1, 4), (0.5, 0.5), (0.1, 0.3), (0.01, 0.01), p=1)
    sizes = [np.subtract(hole[3:], hole[:3]).tolist() for p in drawn(dropout) for hole in p["holes"]]
    assert {s[0] for s in sizes} == {3} and {s[2] for s in sizes} == {1} and {s[1] for s in sizes} == {2, 3, 4, 5}
    assert {len(p["holes"]) for p in drawn(dropout)} == {1, 2, 3, 4}


def test_holes_and_labels() -> None:
    volume, labels = np.full(SIDES, 7, np.uint8), np.full(SIDES, 3, np.uint8)
    points = [[x, y, z] for z in range(6) for y in range(17) for x in range(23)]
    for fill_mask in (None, 1):
        dropout = A.CoarseDropout3D((2, 2), (0.4, 0.6), (0.3, 0.5), (0.2, 0.4), fill=50, fill_mask=fill_mask, p=1)
        out = A.Compose([dropout], seed=1, **XYZ)(volume=volume, mask3d=labels, keypoints=points)
        kept = np.zeros(SIDES, bool)
        for x, y, z in np.array(out["keypoints"], int).tolist():
            kept[z, y, x] = True
        assert np.array_equal(out["volume"], np.where(kept, 7, 50)) and 0 < kept.sum() < kept.size
        assert np.array_equal(out["mask3d"], np.where(kept, 3, 3 if fill_mask is None else 1))


# ---- samples ---------------------------------------------------------------------------------------------


def test_what_cannot_follow_is_refused() -> None:
    flat = cube()["volume"][0]
    volume = cube()["volume"]
    boxes = {"bbox_params": A.BboxParams("pascal_voc")}
    for transform in (A.CubicSymmetry(), A.Pad3D(0), A.RandomCrop3D((2, 3, 4)), A.CoarseDropout3D(p=1)):
        name = type(transform).__name__
        for more in ({"image": flat}, {"mask": flat}, {"images": volume}, {"masks": [flat]}):
            with pytest.raises(SampleError, match=f"{name}: works on whole volumes, which {next(iter(more))} cannot"):
                A.Compose([transform])(volume=volume, **more)
        with pytest.raises(SampleError, match=f"{name}: works on whole volumes, which bboxes cannot follow"):
            A.Compose([transform], **boxes)(volume=volume, bboxes=[[1, 1, 5, 5]])
        with pytest.raises(SampleError, match=rf"{name}: .*keypoints \(xya\) have no z; .*coord_format='xyz'"):
            A.Compose([transform], keypoint_params=A.KeypointParams("xya"))(volume=volume, keypoints=[[1, 1, 0]])
        with pytest.raises(SampleError, match=f"{name}: works on whole volumes, "):
            A.Compose([transform])(image=flat)
    # The same pipeline, after a call that it could run.
    pad = A.Compose([A.Pad3D(1)])
    assert pad(volume=volume)["volume"].shape == (8, 19, 25, 3)
    with pytest.raises(SampleError, match="cannot follow"):
        pad(volume=volume, image=flat)


@pytest.mark.parametrize("name", ["CenterCrop3D", "RandomCrop3D", "ToTensor3D", "GhostingArtifact", "Defocus"])
def test_a_volume_alone_gives_what_it_gives_beside_others(name: str) -> None:
    fields: dict[str, Any] = {"size": (3, 4, 5)} if "Crop" in name else {"p": 1}
    pipeline = A.ReplayCompose([getattr(A, name)(**fields)], seed=3)
    volume = cube()["volume"]
    beside = pipeline(volume=volume, volumes=volume[None], key=1)
    for _ in range(2):  # the second call may repeat what the first found
        alone = pipeline(volume=volume, key=1)
        assert np.array_equal(np.asarray(alone["volume"]), np.asarray(beside["volume"]))
        assert alone["replay"]["steps"] == beside["replay"]["steps"]
        assert list(alone["replay"]["signature"]) == ["volume"]
        assert np.array_equal(
            np.asarray(A.replay(alone["replay"], volume=volume)["volume"]), np.asarray(alone["volume"])
        )


def test_a_volume_alone_is_checked() -> None:
    pipeline = A.Compose([A.Flip3D()])
    for bad, message in (
        (np.zeros((4, 4), np.uint8), "volume: shape"),
        (np.full((2, 3, 4), np.nan, np.float32), "NaN"),
    ):
        with pytest.raises(SampleError, match=message):
            pipeline(volume=bad)


def test_sizes_and_depths_must_agree() -> None:
    volume = cube()["volume"]
    with pytest.raises(SampleError, match="mask3d: depth 5 differs from volume's 6; resize one"):
        A.Compose([A.Flip3D()])(volume=volume, mask3d=volume[:5])
    with pytest.raises(SampleError, match=r"a crop of 7 x 3 x 3 does not fit into a volume of 6 x 17 x 23"):
        A.Compose([A.RandomCrop3D((7, 3, 3))])(volume=volume)
    with pytest.raises(SampleError, match=r"\[1.0, 2.0, 6.0\] \(xyz\) lies outside the volume, .* 0 <= z < 6"):
        A.Compose([A.Flip3D()], **XYZ)(volume=volume, keypoints=[[1, 2, 6]])


def test_keypoints_beyond_the_first_and_last_slice_go() -> None:
    targets = {"volume": cube()["volume"], "keypoints": [[3, 4, z] for z in range(6)]}
    out = A.Compose([A.CenterCrop3D((2, 17, 23))], annotation_fate=True, **XYZ)(**targets)
    assert np.array_equal(out["keypoints"], [[3, 4, 0], [3, 4, 1]])
    assert [(e["index"], e["event"], e["value"], e["limit"]) for e in out["fate"]] == [
        (0, "removed", -2.0, 0.0), (1, "removed", -1.0, 0.0), (4, "removed", 2.0, 2.0), (5, "removed", 3.0, 2.0),
    ]  # fmt: skip
    kept = A.Compose([A.CenterCrop3D((2, 17, 23))], **LOOSE)(**targets)["keypoints"]
    assert [p[2] for p in kept] == [-2, -1, 0, 1, 2, 3]


def test_steps_on_slices_and_on_volumes_in_turn() -> None:
    targets = cube()
    steps = [A.HorizontalFlip(p=1), A.RandomGamma(p=1), A.CubicSymmetry(), A.RandomCrop(4, 5), A.GaussNoise(p=1)]
    steps += [A.Pad3D(1), A.GaussianBlur(volume_mode="3d", p=1), A.Resize(9, 8), A.Affine3D(rotate_range=9, p=1)]
    for fate in (False, True):
        pipeline = A.ReplayCompose(steps, seed=4, annotation_fate=fate, save_applied_params=True, **XYZ)
        out = pipeline(**targets, key=2)
        assert out["volume"].shape[1:] == (9, 8, 3) and out["mask3d"].shape == out["volume"].shape[:3]
        assert np.array_equal(out["volumes"][0], out["volume"])
        again = A.replay(json.loads(json.dumps(out["replay"])), **targets)
        off = A.Compose.from_applied_transforms(out["applied_transforms"], fuse="off", **XYZ)(**targets)
        for name in targets:
            assert np.array_equal(again[name], out[name]) and np.array_equal(off[name], out[name])


def test_slices_keep_their_place_under_steps_on_slices() -> None:
    targets = {"volume": cube()["volume"], "keypoints": [[3.25, 4, 0.1], [7, 8, 5]]}
    out = A.Compose([A.Rotate((30, 30), p=1), A.RandomCrop(16, 22)], **LOOSE)(**targets)
    assert [p[2] for p in out["keypoints"]] == [0.1, 5] and len(out["volume"]) == 6


def test_what_scanners_do_leaves_all_but_volumes() -> None:
    for transform in (A.Anisotropy3D(p=1), A.GhostingArtifact(p=1), A.MotionArtifact(p=1)):
        targets = {**cube(), "image": cube()["volume"][0]}
        out = A.Compose([transform], seed=1, keypoint_params=A.KeypointParams("xyz"))(**targets)
        changed = {name for name in targets if not np.array_equal(out[name], targets[name])}
        assert changed == {"volume", "volumes"}, changed
        assert np.array_equal(out["volumes"][0], out["volume"])
        alone = A.Compose([transform], seed=1)(image=targets["image"])
        assert np.array_equal(alone["image"], targets["image"])
        assert np.array_equal(A.Compose([transform])(mask3d=targets["mask3d"])["mask3d"], targets["mask3d"])
    with pytest.raises(SampleError, match="works on whole volumes, not on some of their channels"):
        A.Compose([A.SelectiveChannelTransform([A.GhostingArtifact(p=1)])])(volume=cube()["volume"])


def test_mirrored_volumes_swap_labels() -> None:
    volume = np.zeros((4, 4, 4), np.uint8)
    volume[0, 1, 1] = volume[1, 0, 2] = 1
    turned = {np.rot90(np.rot90(volume, a, (0, 1)), b, p).tobytes() for a in range(4) for b in range(4) for p in PLANES}
    swap = {"reflection": {"names": {"left": "right", "right": "left"}}}
    points = A.KeypointParams("xyz", ["names"], label_mapping=swap)
    pipeline = A.Compose([A.CubicSymmetry()], seed=1, keypoint_params=points)
    seen = set()
    for key in range(40):
        out = pipeline(volume=volume, keypoints=[[1, 1, 0]], names=["left"], key=key)
        mirrored = out["volume"].tobytes() not in turned
        assert out["names"] == ["right" if mirrored else "left"]
        seen.add(mirrored)
    assert seen == {True, False}


# ---- records ---------------------------------------------------------------------------------------------


def test_a_record_is_of_one_depth() -> None:
    volume = cube()["volume"]
    for step in (A.RandomCrop3D((3, 4, 5)), A.GhostingArtifact(p=1)):
        record = A.ReplayCompose([step], seed=1)(volume=volume)["replay"]
        assert record["steps"][0]["params"]["shape"] == (6, 17, 23, 3)
        with pytest.raises(RecordError, match=r"a volume of shape \(6, 17, 23, 3\), got \(5, 17, 23, 3\)"):
            A.replay(record, volume=volume[:5])
        with pytest.raises(RecordError, match="recorded for a volume"):
            A.replay(record, image=volume[0])
    flat = A.ReplayCompose([A.RandomCrop(4, 5)], seed=1)(volume=volume)["replay"]
    assert A.replay(flat, volume=volume[:5])["volume"].shape == (5, 4, 5, 3)
    record["steps"][0]["params"]["shape"] = [1, 2, 3, 4, 5]
    with pytest.raises(RecordError, match=r"shape: got \[1, 2, 3, 4, 5\]; pass"):
        A.replay(record, volume=volume)


def test_places_scale_with_the_volume() -> None:
    volume = cube(0)["volume"]
    record = A.ReplayCompose([A.CenterCrop3D((2, 7, 11))], seed=1)(volume=volume)["replay"]
    big = volume.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    out = A.replay(record, volume=big, resize="relative")["volume"]
    assert np.array_equal(out, big[4:8, 10:24, 12:34])


def test_looking_at_it() -> None:
    targets = {"volume": cube(0)["volume"], "mask3d": cube()["mask3d"], "keypoints": [[3, 4, 2]]}
    steps = [A.CubicSymmetry(), A.Affine3D(rotate_range=20, p=1), A.MotionArtifact(p=1), A.Pad3D(2), A.ToTensor3D()]
    record = A.ReplayCompose(steps, seed=1, **XYZ)(**targets)["replay"]
    trace = A.trace(record, **targets)
    assert [step.snapshot["volume"].ndim for step in trace.steps] == [3, 3, 3, 3, 4]  # type: ignore[index]
    assert A.show(trace).image.ndim == 3 and A.show(record, **targets).image.ndim == 3
    with pytest.raises(SampleError, match="a tensor already"):
        A.Compose([A.ToTensor3D(), A.Flip3D()])(volume=targets["volume"])


@pytest.mark.parametrize("case", MOVING, ids=names(MOVING))
def test_the_way_back(case: Case) -> None:
    labels = np.zeros(SIDES, np.uint8)
    labels[2:5, 5:12, 6:16] = 3
    points = [[x, y, z] for z in (2, 3.5) for y in (5, 10) for x in (8, 12.25)]
    targets = {"volume": cube(0)["volume"], "mask3d": labels, "keypoints": points}
    shown = 0
    for key in range(4):
        steps = [A.RandomRotate90(), made(case), A.HorizontalFlip()]
        out = A.ReplayCompose(steps, seed=3, **LOOSE)(**targets, key=key)
        undo = A.inverse(json.loads(json.dumps(out["replay"])))
        assert undo.source == SIDES and undo.output == out["volume"].shape
        back = undo(mask3d=out["mask3d"], keypoints=out["keypoints"])
        valid = back["valid"]
        assert back["mask3d"].shape == valid.shape == SIDES
        wrong = (back["mask3d"] != labels) & valid
        assert not wrong.any() if case[0] not in BLENDING else wrong.sum() < 0.12 * (labels > 0).sum() + 250
        shown += np.count_nonzero(back["mask3d"] == 3)
        depth, height, width = undo.output
        inside = [
            i for i, (x, y, z) in enumerate(out["keypoints"])
            if 0 <= x <= width - 1 and 0 <= y <= height - 1 and 0 <= z <= depth - 1
        ]  # fmt: skip
        gap = np.abs(np.array(back["keypoints"]) - points)[inside].max(initial=0)
        assert gap < (0.3 if case[0] == "ElasticTransform3D" else 1e-6), gap
    assert shown > 20
    with pytest.raises(InverseError, match="the result of this record is"):
        undo(mask=np.zeros((2, 2, 2), np.uint8))


# ---- any arguments ---------------------------------------------------------------------------------------

WHOLE = [name for name in A.catalogue.__all__ if REGISTRY[name].sees == "volumes"]


@pytest.mark.parametrize("name", [*WHOLE, "GaussianBlur"])
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_arguments_any_volume(name: str, data: st.DataObject) -> None:
    try:
        chosen = data.draw(arguments(REGISTRY[name]))
        if name == "GaussianBlur":
            chosen["volume_mode"] = "3d"
        transform: Any = REGISTRY[name](**{**chosen, "p": 1})
    except FieldError:
        assume(False)  # these contradict each other
    sides = [data.draw(st.integers(1, most)) for most in (8, 16, 16)]
    channels = data.draw(st.sampled_from([(), (1,), (2,), (3,), (4,)]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    volume = rng.random((*sides, *channels), np.float32)
    if data.draw(st.booleans()):
        volume = (volume * 255).astype(np.uint8)
    labels = rng.integers(0, 4, sides).astype(np.uint8)
    targets = {"volume": volume, "mask3d": labels, "keypoints": [[n - 1 for n in sides[::-1]]]}
    before = {k: np.copy(v) for k, v in targets.items()}
    volume.flags.writeable = labels.flags.writeable = False
    pipeline = A.ReplayCompose([transform], seed=data.draw(st.integers(0, 99)), **XYZ)
    try:
        out = pipeline(**targets, key=0)
    except SampleError:
        assert name in ("CenterCrop3D", "RandomCrop3D")
        return
    result = out["volume"]
    assert np.array_equal(volume, before["volume"]) and np.array_equal(labels, before["mask3d"])
    if name == "ToTensor3D":
        assert result.is_contiguous() and out["mask3d"].is_contiguous()
    else:
        assert result.dtype == volume.dtype and result.flags.c_contiguous and not np.may_share_memory(result, volume)
        assert out["mask3d"].shape == result.shape[:3] and result.shape[3:] == channels
        if REGISTRY[name].fields.get("mask_interpolation") is None or not chosen.get("mask_interpolation"):
            assert set(np.unique(out["mask3d"])) <= set(range(4))
        if volume.dtype == np.float32:
            assert np.isfinite(result).all() and result.min() >= -1e-5 and result.max() <= 1 + 1e-5
        for x, y, z in out["keypoints"]:
            assert all(-1e-5 <= v < n for v, n in zip((z, y, x), result.shape, strict=False))
    if REGISTRY[name].acts_on == "image":
        assert result.shape == volume.shape and np.array_equal(out["mask3d"], labels)
    assert np.array_equal(A.replay(out["replay"], **targets)["volume"], result)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: A.Pad3D((1, 2)), r"Pad3D.padding: got \(1, 2\); pass \(depth, height, width\)"),
        (lambda: A.Pad3D(-1), "Pad3D.padding: got -1; .* at least 0"),
        (lambda: A.CenterCrop3D((1, 2)), "CenterCrop3D.size: got .*pass .depth, height, width."),
        (lambda: A.Resize3D((0, 2, 2)), "Resize3D.size: .* at least 1"),
        (A.PadIfNeeded3D, "PadIfNeeded3D.min_zyx: got None with pad_divisor_zyx=None; pass one"),
        (lambda: A.Flip3D(axes=(0, 0)), "Flip3D.axes: .* none of them twice"),
        (lambda: A.RandomRotate90_3D(axis_pairs=((0, 3),)), "axis_pairs: .* of the axes 0, 1, 2"),
        (lambda: A.Affine3D(rotate_range={"w": (0, 1)}), "Affine3D.rotate_range: .*'x', 'y' and 'z'"),
        (lambda: A.Affine3D(scale_range={"z": (0, 1)}), "Affine3D.scale_range: .* above 0"),
    ],
)
def test_fields(make: Any, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        make()


def test_ranges_of_axes_are_given_in_several_ways() -> None:
    assert A.Affine3D(rotate_range=10).rotate_range == dict.fromkeys("xyz", (-10.0, 10.0))
    assert A.Affine3D(scale_range={"y": 1.5}).scale_range == {"x": (1, 1), "y": (1.5, 1.5), "z": (1, 1)}
    assert math.isclose(A.Affine3D(translate_percent_range={"z": (0, 0.1)}).translate_percent_range["z"][1], 0.1)
