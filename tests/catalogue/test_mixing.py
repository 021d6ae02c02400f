"""Labels of mixed samples agree with pixels, and images come to resemble their donors by the published formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import augury as A
from augury import ops
from augury.errors import FieldError, InverseError, SampleError
from augury.kernels.cpu import KERNELS
from tests.samples import image, mask
from tests.strategies import images

BOXES = A.BboxParams("pascal_voc", label_fields=["labels"])
POINTS = A.KeypointParams("xy", label_fields=["names"])


def marked(number: int, height: int = 40, width: int = 50) -> dict[str, Any]:
    """A dark sample with a square of 10 x 10 in a colour of its own, its box, mask, instance mask and middle."""
    rng = np.random.default_rng(number)
    x, y = int(rng.integers(2, width - 14)), int(rng.integers(2, height - 14))
    out = np.zeros((height, width, 3), np.uint8)
    shape = np.zeros((height, width), np.uint8)
    shape[y : y + 10, x : x + 10] = 1
    out[shape > 0] = 50 + 20 * number
    return {
        "image": out, "mask": shape * (number + 1), "masks": [shape], "bboxes": [[x, y, x + 10, y + 10]],
        "labels": [f"square {number}"], "keypoints": [[x + 4.5, y + 4.5]], "names": [number],
    }  # fmt: skip


def hull(where: Any) -> list[int]:
    rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


@pytest.mark.parametrize("fit_mode", ["cover", "contain"])
@pytest.mark.parametrize("count", [0, 2, 5, 9])
def test_mosaic_labels_are_where_their_pixels_are(fit_mode: str, count: int) -> None:
    mosaic = A.Mosaic((2, 3), (120, 150), (80, 70), fit_mode=fit_mode, interpolation=0, p=1)
    run = A.Compose([mosaic], bbox_params=BOXES, keypoint_params=POINTS, seed=2)
    items = [marked(i + 1, 40 + 7 * i, 50 - 2 * i) for i in range(count)]
    told = 0
    for key in range(6):
        out = run(**marked(0), mosaic_metadata=items, key=key)
        assert out["image"].shape == (120, 150, 3) and out["mask"].shape == (120, 150)
        assert len(out["bboxes"]) == len(out["labels"]) and len(out["keypoints"]) == len(out["names"])
        assert len(out["masks"]) == 6 and all(m.shape == (120, 150) for m in out["masks"])
        assert len(set(out["labels"])) <= min(count, 5) + 1
        for box, label in zip(out["bboxes"], out["labels"], strict=True):
            number = int(label.split()[1])
            # Nearest neighbours move an outline by up to half a pixel of the source.
            x0, y0, x1, y1 = (*(int(v) + 2 for v in box[:2]), *(int(v) - 1 for v in box[2:]))
            assert (out["image"][y0:y1, x0:x1, 0] == 50 + 20 * number).all()
            assert (out["mask"][y0:y1, x0:x1] == number + 1).all()
            told += 1
        for (x, y), number in zip(out["keypoints"], out["names"], strict=True):
            # A point counts as inside until half a pixel beyond the last one's centre, at the border of a tile too.
            around = out["image"][max(int(y), 0) : int(y) + 2, max(int(x), 0) : int(x) + 2, 0]
            assert (around == 50 + 20 * number).any()
        for instance in out["masks"]:
            if instance.any():
                x0, y0, x1, y1 = hull(instance)
                assert any(np.abs(np.subtract(box, (x0, y0, x1, y1))).max() <= 2 for box in out["bboxes"])
    assert told > 15


def test_mosaic_of_whole_cells_is_its_items() -> None:
    mosaic = A.Mosaic((2, 2), (80, 100), (40, 50), p=1)
    items = [marked(i) for i in range(1, 4)]
    out = A.Compose([mosaic], seed=1)(image=marked(0)["image"], mosaic_metadata=items)["image"]
    cells = [out[y : y + 40, x : x + 50] for y in (0, 40) for x in (0, 50)]
    found = sorted(int(cell.max()) for cell in cells)
    assert found == [50, 70, 90, 110]
    for cell in cells:
        assert np.array_equal(cell, marked((int(cell.max()) - 50) // 20)["image"])


def test_mosaic_fills_what_donors_leave() -> None:
    run = A.Compose([A.Mosaic((1, 2), (40, 100), (40, 50), fit_mode="contain", fill=(9, 8, 7), fill_mask=3, p=1)])
    out = run(image=image(40, 50), mask=mask(40, 50), mosaic_metadata=[{"image": image(80, 50)}])
    assert out["image"][0, 51].tolist() == [9, 8, 7] and (out["mask"][:, 50:] == 3).all()
    with pytest.raises(
        FieldError, match=r"Mosaic.target_size: got \(100, 100\); pass at most the grid's size \(60, 60\)"
    ):
        A.Mosaic((2, 2), (100, 100), (30, 30))
    with pytest.raises(FieldError, match="pass two integers"):
        A.Mosaic((7, 1))
    with pytest.raises(InverseError, match="Mosaic joins several samples, which cannot be undone; drop the step"):
        A.inverse(A.ReplayCompose([A.Mosaic(p=1)])(image=image(), mosaic_metadata=[])["replay"])


def test_a_rejected_mosaic_leaves_no_labels() -> None:
    asked: list[Any] = []

    def enough(result: Any) -> bool:
        asked.append(list(result["labels"]))
        return len(asked) == 3

    mosaic = A.Mosaic((2, 2), (80, 100), (80, 100), p=1)
    run = A.ReplayCompose([A.Until(mosaic, enough, tries=9)], bbox_params=BOXES, keypoint_params=POINTS, seed=1)
    items = [{"id": i, **marked(i)} for i in range(1, 10)]
    out = run(**marked(0), mosaic_metadata=items)
    assert asked[-1] == out["labels"] and len(asked) == 3 and asked[0] != asked[2]
    assert len(out["masks"]) == 4 and len(out["bboxes"]) == len(out["labels"]) <= 4
    again = A.replay(out["replay"], donors=lambda i: items[i - 1], **marked(0))
    assert np.array_equal(again["image"], out["image"]) and again["labels"] == out["labels"]


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_label_fields_keep_their_kind(kind: Any) -> None:
    targets = {**marked(0), "labels": kind(["a"]), "bboxes": np.array(marked(0)["bboxes"], np.float32)}
    run = A.Compose([A.Mosaic((1, 2), (40, 100), (40, 50), p=1)], bbox_params=BOXES, keypoint_params=POINTS, seed=1)
    out = run(**targets, mosaic_metadata=[marked(1)])
    assert list(out["labels"]) == ["a", "square 1"] and type(out["labels"]) is type(kind([]))
    assert out["bboxes"].shape == (2, 4) and out["bboxes"].dtype == np.float32
    with pytest.raises(
        SampleError, match="Mosaic: donor '': bboxes: 1 labels with 0 entries of 'labels'; give one per"
    ):
        run(**targets, mosaic_metadata=[{k: v for k, v in marked(1).items() if k != "labels"}])
    with pytest.raises(SampleError, match="keypoints: 1 labels with 3 entries of 'names'"):
        run(**targets, mosaic_metadata=[marked(1) | {"names": [1, 2, 3]}])


def paste_on(box: list[int], **arguments: Any) -> dict[str, Any]:
    """A square that fills a sample of 20 x 20, pasted on one of 20 x 20 with a box and a keypoint."""
    item = {"image": np.full((20, 20, 3), 200, np.uint8), "mask": np.full((20, 20), 9, np.uint8), "labels": "new"}
    instance = np.zeros((20, 20), np.uint8)
    instance[box[1] : box[3], box[0] : box[2]] = 1
    run = A.Compose(
        [A.CopyAndPaste(p=1, **arguments)], bbox_params=BOXES, keypoint_params=POINTS, seed=4, annotation_fate=True
    )
    return run(
        image=np.zeros((20, 20, 3), np.uint8), mask=np.ones((20, 20), np.uint8), masks=[instance], bboxes=[box],
        labels=["old"], keypoints=[[3, 3]], names=["point"], copy_paste_metadata=item,
    )  # fmt: skip


def test_what_is_covered_goes() -> None:
    out = paste_on([2, 2, 9, 9])
    assert out["labels"] == ["new"] and out["bboxes"] == [[0, 0, 20, 20]] and out["keypoints"] == []
    assert (out["image"] == 200).all() and (out["mask"] == 9).all()
    assert not out["masks"][0].any() and (out["masks"][1] == 9).all()
    assert ("bboxes", "covered") in [(event["target"], event["rule"]) for event in out["fate"]]


def test_what_is_covered_in_part_stays() -> None:
    shown = set()
    for scale in (0.3, 0.5, 0.7):
        for least in (0.0, 0.9):
            out = paste_on([0, 0, 20, 20], scale_range=(scale, scale), min_visibility_after_paste=least)
            covered = (out["image"][..., 0] == 200).mean()
            assert ("old" in out["labels"]) == (1 - covered >= least)
            shown.add("old" in out["labels"])
            assert out["bboxes"][-1] == hull(out["image"][..., 0] == 200)
            assert np.array_equal(out["masks"][0] > 0, out["image"][..., 0] == 0)
            assert np.array_equal(out["masks"][1] > 0, out["image"][..., 0] == 200)
            assert (out["keypoints"] == []) == (out["image"][3, 3, 0] == 200)
    assert shown == {True, False}


def test_pasted_objects_bring_their_own_labels() -> None:
    item = marked(3)
    run = A.Compose([A.CopyAndPaste(p=1)], bbox_params=BOXES, keypoint_params=POINTS, seed=1)
    for how in ({}, {"bbox": item["bboxes"][0], "bboxes": None}):
        given = {k: v for k, v in {**item, **how}.items() if v is not None}
        out = run(**marked(0, 90, 90), copy_paste_metadata=[given | {"mask_id": 77}])
        (x0, y0, x1, y1), (x, y) = out["bboxes"][-1], out["keypoints"][-1]
        assert [x0, y0, x1, y1] == hull(out["image"][..., 0] == 110) == hull(out["mask"] == 77)
        assert (x, y) == (x0 + 4.5, y0 + 4.5) and out["labels"][-1] == "square 3" and out["names"][-1] == 3
    empty = {k: v for k, v in item.items() if k != "mask"}
    for bad in (empty, empty | {"mask": np.zeros((40, 50))}, empty | {"mask": np.ones((9, 9))}):
        with pytest.raises(SampleError, match=r"copy_paste_metadata: got mask .*; pass one .* not all 0"):
            run(**marked(0), copy_paste_metadata=[bad])
    small = A.Compose([A.CopyAndPaste(min_paste_area=101, p=1)])(image=image(), copy_paste_metadata=[item])
    assert np.array_equal(small["image"], image())


def test_soft_edges() -> None:
    item = {"image": np.full((20, 20, 3), 200, np.uint8), "mask": np.ones((20, 20), np.uint8)}
    run = A.Compose([A.CopyAndPaste(blend_mode="gaussian", blend_sigma_range=(2, 2), p=1)], seed=1)
    out = run(image=np.zeros((60, 60, 3), np.uint8), copy_paste_metadata=item)["image"][..., 0]
    x0, y0, x1, y1 = hull(out > 0)
    assert (x1 - x0, y1 - y0) == (20, 20) and 95 <= out[y0, x0] <= 105 and out[y0 + 10, x0 + 10] == 200


def test_overlays_lie_where_they_are_told() -> None:
    run = A.Compose([A.OverlayElements(p=1)], seed=3)
    ground = {"image": np.zeros((40, 60, 3), np.uint8), "mask": np.zeros((40, 60), np.uint8)}
    color = np.full((8, 9, 3), 80, np.uint8)
    half = np.dstack([color, np.full((8, 9), 51, np.uint8)])
    out = run(**ground, overlay_metadata={"image": color, "bbox": (0.25, 0.25, 0.75, 0.5), "mask_id": 5})
    assert hull(out["image"][..., 0] == 80) == hull(out["mask"] == 5) == [15, 10, 45, 20]
    out = run(**ground, overlay_metadata={"image": half, "bbox": (0, 0, 1, 1), "mask_id": 5})
    assert (out["image"] == 16).all() and (out["mask"] == 5).all()
    out = run(**ground, overlay_metadata=[{"image": color, "mask": np.eye(8, 9), "mask_id": 2}])
    assert (out["image"][..., 0] == 80).sum() == (out["mask"] == 2).sum() == 8
    out = run(**ground, overlay_metadata=[{"image": np.full((100, 100, 3), 80, np.uint8)}])
    x0, y0, x1, y1 = hull(out["image"][..., 0] == 80)
    assert (x1 - x0, y1 - y0) == (40, 40) and not out["mask"].any()
    for bad in ((0, 0, 1, 2), (0.5, 0, 0.5, 1), "no", (1, 2)):
        with pytest.raises(SampleError, match=r"overlay_metadata: got bbox .*in fractions of the size"):
            run(**ground, overlay_metadata={"image": color, "bbox": bad})


# ---- formulas -----------------------------------------------------------------------------------------------


def full(array: Any) -> float:
    return {1: 255.0, 2: 65535.0, 4: 1.0}[array.itemsize]


def apart(got: Any, want: Any, like: Any) -> float:
    """The largest difference from what a formula says, after clipping, in steps of whole numbers or of 1/255."""
    want = np.clip(want, 0, full(like))
    return float(np.abs(got.astype(float) - want).max() * (255 if like.itemsize == 4 else 1))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(ours=images(64), seed=st.integers(0, 99), beta=st.floats(0, 0.5))
def test_swapped_amplitudes(ours: Any, seed: int, beta: float) -> None:
    theirs = np.random.default_rng(seed).permuted(ours[::-1], axis=0) // 2 if ours.itemsize < 4 else ours[::-1] ** 2
    theirs = np.ascontiguousarray(theirs)
    first, second = (np.fft.fft2(a.astype(float), axes=(0, 1)) for a in (ours, theirs))
    height, width = ours.shape[:2]
    most = int(beta * min(height, width))
    y, x = (np.rint(np.fft.fftfreq(side) * side) for side in (height, width))
    low = (np.abs(y)[:, None] <= most) & (np.abs(x) <= most)
    amplitude = np.where(low.reshape(*low.shape, *(1,) * (ours.ndim - 2)), np.abs(second), np.abs(first))
    want = np.fft.ifft2(amplitude * np.exp(1j * np.angle(first)), axes=(0, 1)).real
    got = KERNELS[ops.SwapAmplitudes](ours, ops.SwapAmplitudes(theirs, beta))
    assert got.dtype == ours.dtype and apart(got, want, ours) < (2 if ours.itemsize == 2 else 0.51)


def matched(ours: Any, theirs: Any) -> Any:
    _, where, counts = np.unique(ours.ravel(), return_inverse=True, return_counts=True)
    goals, weights = np.unique(theirs.ravel(), return_counts=True)
    return np.interp(np.cumsum(counts) / ours.size, np.cumsum(weights) / theirs.size, goals)[where].reshape(ours.shape)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(ours=images(64), seed=st.integers(0, 99), blend=st.sampled_from([0.0, 0.3, 1.0]))
def test_matched_histograms(ours: Any, seed: int, blend: float) -> None:
    rng = np.random.default_rng(seed)
    theirs = (rng.beta(2, 5, (21, 17, *ours.shape[2:])) * full(ours)).astype(ours.dtype)
    if ours.itemsize == 4:  # of values on the 65,536 levels at which floats are counted the result is exact
        ours, theirs = ((np.rint(a * 65535) / 65535).astype(np.float32) for a in (ours, theirs))
    pairs = zip(np.atleast_3d(ours).transpose(2, 0, 1), np.atleast_3d(theirs).transpose(2, 0, 1), strict=True)
    want = np.stack([(1 - blend) * a.astype(float) + blend * matched(a, b) for a, b in pairs], -1).reshape(ours.shape)
    got = KERNELS[ops.MatchHistogram](ours, ops.MatchHistogram(theirs, blend))
    assert got.dtype == ours.dtype and apart(got, want, ours) < (0.02 if ours.itemsize == 4 else 0.501)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(ours=images(64), method=st.sampled_from(["minmax", "standard"]), blend=st.sampled_from([0.0, 0.4, 1.0]))
def test_matched_spreads(ours: Any, method: str, blend: float) -> None:
    rng = np.random.default_rng(1)
    theirs = (rng.beta(2, 5, (21, 17, *ours.shape[2:])) * full(ours)).astype(ours.dtype)
    a, b = (x.reshape(-1, ours.shape[2] if ours.ndim > 2 else 1).astype(float) for x in (ours, theirs))
    if method == "minmax":
        (low, wide), (goal, goal_wide) = ((x.min(0), np.ptp(x, axis=0)) for x in (a, b))
    else:
        (low, wide), (goal, goal_wide) = ((x.mean(0), x.std(0)) for x in (a, b))
    adapted = (a - low) / np.where(wide == 0, 1, wide) * np.where(goal_wide == 0, 1, goal_wide) + goal
    want = ((1 - blend) * a + blend * adapted).reshape(ours.shape)
    got = KERNELS[ops.MatchPixels](ours, ops.MatchPixels(theirs, method, blend))
    assert got.dtype == ours.dtype and apart(got, want, ours) < (0.06 if ours.itemsize == 4 else 0.6)


@pytest.mark.parametrize("channels", [1, 3, 4, 6])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_matched_axes(channels: int, dtype: str) -> None:
    ours, theirs = (image(40, 50, channels, dtype, seed=i) for i in range(2))
    theirs = np.ascontiguousarray(theirs[..., ::-1] // 2 + 20 if dtype != "float32" else theirs[..., ::-1] / 2 + 0.1)
    got = KERNELS[ops.MatchPixels](ours, ops.MatchPixels(theirs, "pca", 1.0))
    a, b = (x.reshape(-1, channels).astype(float) / full(ours) for x in (ours, theirs))
    axes = [np.linalg.eigh(np.atleast_2d(np.cov(x.T)))[1] for x in (a, b)]
    turns = np.sign((axes[0] * axes[1]).sum(axis=0))
    # An axis points either way, so only its own sign is free: each is turned the way that changes colours least.
    want = ((a - a.mean(0)) @ axes[0] @ (axes[1] * turns).T + b.mean(0)).reshape(ours.shape) * full(ours)
    assert got.dtype == ours.dtype and apart(got, want, ours) < {"uint8": 0.7, "uint16": 30, "float32": 0.1}[dtype]
    half = KERNELS[ops.MatchPixels](ours, ops.MatchPixels(theirs, "pca", 0.0))
    assert apart(half, ours.astype(float), ours) <= 1


def test_turned_boxes_and_swapped_labels() -> None:
    turned = {"image": image(60, 80), "bboxes": [[20, 20, 60, 40, 30.0]], "labels": ["left"]}
    item = {"image": image(60, 80, seed=1), "bboxes": [[30, 10, 50, 50, -20.0]], "labels": ["other"]}
    params = A.BboxParams("pascal_voc", bbox_type="obb", label_fields=["labels"])
    out = A.Compose([A.Mosaic((1, 2), (60, 160), (60, 80), p=1)], bbox_params=params)(**turned, mosaic_metadata=[item])
    assert np.allclose(out["bboxes"], [turned["bboxes"][0], [110, 10, 130, 50, -20.0]]) and len(out["labels"]) == 2
    shape = np.zeros((60, 80), np.uint8)
    shape[5:20, 5:30] = 1
    pasted = {"image": item["image"], "mask": shape, "labels": "new"}
    out = A.Compose([A.CopyAndPaste(p=1)], bbox_params=params)(**turned, copy_paste_metadata=pasted)
    assert out["labels"][-1] == "new" and out["bboxes"][-1][4] == 0

    points = A.KeypointParams(
        "xy", label_fields=["names"], label_mapping={"HorizontalFlip": {"names": {"l": "r", "r": "l"}}}
    )
    flipped = A.Compose(
        [A.HorizontalFlip(p=1), A.Mosaic((1, 2), (40, 100), (40, 50), p=1)], bbox_params=BOXES, keypoint_params=points
    )
    out = flipped(**({**marked(0), "names": ["l"]}), mosaic_metadata=[{**marked(1), "names": ["l"]}])
    assert out["names"] == ["r", "l"]
