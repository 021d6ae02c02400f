"""Donors enter records by reference, and replays find them again, or say why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.digest import digest_of_item
from augury.donors import LONGEST, MOST, References
from augury.errors import FieldError, RecordError, SampleError
from tests.samples import DONORS, digest, donors, extras, font, image, sample

SETTINGS = {
    "bbox_params": A.BboxParams("pascal_voc", label_fields=["labels"]),
    "keypoint_params": A.KeypointParams("xyas", label_fields=["names"]),
}


def recorded(name: str, **arguments: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Targets, what was passed beside them, the result, and its record after a trip through JSON."""
    targets = sample("boxes")
    more = extras(name, targets["image"])
    pipeline = A.ReplayCompose(
        [A.HorizontalFlip(p=1), getattr(A, name)(**arguments, p=1)], seed=1, save_applied_params=True, **SETTINGS
    )
    result = pipeline(**targets, **more, key=0)
    return targets, more, result, json.loads(json.dumps(result["replay"]))


def loader(items: Any) -> Any:
    asked: list[Any] = []

    def load(reference: Any) -> Any:
        asked.append(reference)
        return next(item for item in items if reference in (item.get("id"), digest_of_item(item)))

    load.asked = asked  # type: ignore[attr-defined]
    return load


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    names = set(a) & set(b) - {"replay", "applied_transforms"} - set(DONORS.values())
    return bool(names) and all(digest(a[name]) == digest(b[name]) for name in names)


@pytest.mark.parametrize("name", DONORS)
def test_every_way_to_find_donors_again(name: str) -> None:
    targets, more, result, record = recorded(name)
    (items,) = more.values()
    load = loader(items)
    assert same(A.replay(record, donors=load, **targets), result)
    wanted = {item.get("id", digest_of_item(item)) for item in items}
    assert load.asked and set(load.asked) <= wanted
    assert same(A.replay(record, **more, **targets), result)
    assert same(A.ReplayCompose.replay(record, donors={key: load(key) for key in wanted}, **targets), result)
    for applied in (result["applied_transforms"], json.loads(json.dumps(result["applied_transforms"]))):
        rebuilt = A.Compose.from_applied_transforms(applied, donors=load, **SETTINGS)
        assert same(rebuilt(**targets), result) and same(rebuilt(**targets), result)
        assert same(A.Compose.from_applied_transforms(applied, **SETTINGS)(**targets, **more), result)
    # Labels of donors are read only where the sample has some.
    assert np.array_equal(A.replay(record, donors=load, image=targets["image"])["image"], result["image"])
    assert len(A.trace(record, donors=load, **targets).steps) == 2
    assert A.verify(record, expected={"image": result["image"]}, donors=load, **targets)


@pytest.mark.parametrize("name", DONORS)
def test_why_donors_are_not_found(name: str) -> None:
    targets, more, _, record = recorded(name)
    ((key, items),) = more.items()

    def refuses(message: str, **how: Any) -> None:
        with pytest.raises(RecordError, match=message):
            A.replay(record, **how, **targets)

    refuses(rf"^{name}: donor '[^']+': not in the record; pass donors=.* or {key}=\[...\] with it")
    refuses(r"donors raised KeyError\('[^']+'\); it has to return the recorded item", donors={})
    refuses(r"donor '[^']+': got None; pass a dict whose 'image' is an array", donors=lambda reference: None)
    refuses(
        r"is not what was recorded .*return the item as it was passed", donors=lambda reference: items[0] | {"x": 1}
    )
    refuses("not among the 0 items", **{key: []})
    refuses("donors: got 3; pass a function", donors=3)
    changed = [{**item, "image": item["image"] ^ 1} for item in items]
    with pytest.raises(RecordError, match=r"not what was recorded|not among"):
        A.replay(record, **{key: changed}, **targets)
    with pytest.raises(SampleError, match=f"^{name}: {key}: missing; pass {key}="):
        A.Compose([getattr(A, name)(p=1)])(image=image())
    with pytest.raises(SampleError, match="pass a dict whose 'image'"):
        A.Compose([getattr(A, name)(p=1)])(image=image(), **{key: [{"mask": 1}]})
    with pytest.raises(SampleError, match=f"{key}: got 'x'; pass a list of dicts"):
        A.Compose([getattr(A, name)(p=1)])(image=image(), **{key: "x"})
    with pytest.raises(SampleError, match=r"convert|other channels"):
        A.Compose([getattr(A, name)(p=1)])(
            image=image(),
            **{key: [{"image": image(channels=4), "mask": np.ones((60, 81))}]}
            if name != "OverlayElements"
            else {key: [{"image": image(channels=5)}]},
        )


def test_digests_and_ids() -> None:
    item = donors(image())[0]
    assert digest_of_item(item) == digest_of_item({**item, "id": 3}) == digest_of_item(dict(reversed(item.items())))
    for name in item.keys() - {"id"}:
        assert digest_of_item(item) != digest_of_item({**item, name: 1}), name
        assert digest_of_item(item) != digest_of_item({k: v for k, v in item.items() if k != name})
    assert digest_of_item({"a": np.array(["x", "y"])}) == digest_of_item({"a": ["x", "y"]})
    run = A.Compose([A.OverlayElements(p=1)])
    with pytest.raises(SampleError, match="pass text of at most 200 characters, or an integer"):
        run(image=image(), overlay_metadata={"id": "x" * (LONGEST + 1), "image": image(4, 4)})
    with pytest.raises(SampleError, match=f"more than {MOST} donors in one call; pass fewer"):
        run(image=image(), overlay_metadata=[{"id": i, "image": image(4, 4)} for i in range(MOST + 1)])


def test_the_largest_record_is_small() -> None:
    items = [{"id": f"{i:0200}", "image": image(30, 40), "mask": np.ones((30, 40), np.uint8)} for i in range(MOST)]
    size = {"grid_yx": (6, 6), "cell_shape": (50, 50), "target_size": (300, 300), "p": 1}
    for transform, key in ((A.Mosaic(**size), "mosaic_metadata"), (A.CopyAndPaste(p=1), "copy_paste_metadata")):
        out = A.ReplayCompose([transform])(image=image(), **{key: items})
        assert len(out["replay"]["steps"][0]["params"]["donors"]) in (36, MOST)
        assert len(json.dumps(out["replay"])) < 16 * 1024


@pytest.mark.parametrize("name", ["FDA", "HistogramMatching", "PixelDistributionAdaptation"])
def test_references_given_to_the_constructor(name: str, tmp_path: Any) -> None:
    import cv2

    kind = getattr(A, name)
    reference = image(30, 40, seed=5)
    path = str(tmp_path / "reference.png")
    cv2.imwrite(path, reference[..., ::-1])
    by_call = A.Compose([kind(p=1)], seed=1)(image=image(), **{DONORS[name]: [reference]}, key=0)["image"]
    ways = (
        kind(reference_images=[reference], p=1),
        kind(reference_images=[path], p=1),
        kind(reference_images=[7], read_fn=lambda number: reference if number == 7 else None, p=1),
    )
    for transform, reference_id in zip(ways, (None, path, "7"), strict=True):
        pipeline = A.ReplayCompose([transform], seed=1, digests=True)
        result = pipeline(image=image(), key=0)
        assert np.array_equal(result["image"], by_call)
        donor = result["replay"]["steps"][0]["params"]["donor"]
        assert donor.get("id") == reference_id and len(donor["digest"]) == 16
        again = A.replay(result["replay"], donors=lambda _: {"image": reference}, image=image())
        assert np.array_equal(again["image"], by_call)
        assert transform == transform.replace(p=1) and hash(transform) == hash(transform.replace(p=1))
    assert ways[0] == kind(reference_images=[reference.copy()], p=1) != kind(reference_images=[reference + 1], p=1)
    assert References([1]) != References([1, 2])
    assert A.from_dict(A.to_dict(ways[1])) == ways[1]
    with pytest.raises(FieldError, match=rf"{name}.reference_images: got images, which cannot be saved; pass paths"):
        A.to_dict(ways[0])
    with pytest.raises(FieldError, match=f"{name}.read_fn: got a function, which cannot be saved"):
        A.to_dict(ways[2])
    with pytest.raises(FieldError, match="pass a list of images"):
        kind(reference_images="path.png")
    with pytest.raises(SampleError, match="not an image that can be read"):
        kind(reference_images=[str(tmp_path / "none.png")], p=1)(image=image())
    with pytest.raises(SampleError, match="pass at least one image"):
        kind(p=1)(image=image(), **{DONORS[name]: []})


def test_the_font_of_a_record_is_checked(tmp_path: Any) -> None:
    copy = tmp_path / "font.ttf"
    copy.write_bytes(Path(font()).read_bytes())
    run = A.ReplayCompose([A.TextImage(str(copy), p=1)])
    result = run(image=image(), **extras("TextImage", image()))
    record = json.loads(json.dumps(result["replay"]))
    assert np.array_equal(A.replay(record, image=image())["image"], result["image"])
    copy.write_bytes(b"another")
    with pytest.raises(RecordError, match="is another font than was recorded; put that one there"):
        A.replay(record, image=image())
    copy.unlink()
    with pytest.raises(RecordError, match=r"cannot be read .*put the recorded font there"):
        A.replay(record, image=image())
    with pytest.raises(FieldError, match=r"TextImage.font_path: got .* cannot be read"):
        run(image=image(), **extras("TextImage", image()))


def test_digests_are_pinned() -> None:
    item = {"image": np.arange(60, dtype=np.uint8).reshape(4, 5, 3), "bboxes": [[1, 2, 3.5, 4]], "labels": ["cat"]}
    assert digest_of_item(item) == "830cac4a2329a950"
    assert digest_of_item({**item, "image": item["image"][::-1]}) != "830cac4a2329a950"
    assert digest_of_item({"mask": np.zeros((0, 3), bool)}) != digest_of_item({"mask": np.zeros((0, 4), bool)})


def test_donors_of_steps_that_did_not_run() -> None:
    items = donors(image())
    steps = [A.FDA(), A.PixelDistributionAdaptation(), A.HistogramMatching(metadata_key="my_hda")]
    pipeline = A.ReplayCompose(steps, seed=1, save_applied_params=True, digests=True)
    more = {"fda_metadata": items, "pda_metadata": items, "my_hda": items}
    ran = set()
    for key in range(8):
        result = pipeline(image=image(), **more, key=key)
        ran.add(tuple(step["status"] for step in result["replay"]["steps"]))
        defaults = {name: more[name] for name in ("fda_metadata", "pda_metadata")}
        assert A.verify(result["replay"], image=image(), donors=loader(items))
        replayed = A.replay(result["replay"], image=image(), **defaults, donors=loader(items))
        rebuilt = A.Compose.from_applied_transforms(result["applied_transforms"], donors=loader(items))
        assert same(replayed, result) and same(rebuilt(image=image(), **defaults), result)
    assert len(ran) > 4


def test_rejected_tries_leave_earlier_donors_where_they_are() -> None:
    items, verdicts = donors(image()), iter([False, False, True])
    until = A.Until([A.HistogramMatching(p=1)], accept=lambda result: next(verdicts))
    pipeline = A.ReplayCompose([A.FDA(p=1), until, A.PixelDistributionAdaptation(p=1)], seed=1, digests=True)
    more = {"fda_metadata": items[:1], "hm_metadata": items, "pda_metadata": items}
    record = pipeline(image=image(), **more, key=0)["replay"]
    assert A.verify(record, image=image(), donors=loader(items))
