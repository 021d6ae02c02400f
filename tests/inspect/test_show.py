from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import augury as A
from augury.errors import FieldError, SampleError
from augury.inspect.page import film_page
from augury.inspect.panels import PALETTE, brief, panels, story, viewable

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def drawn(*steps: Any, image: Any = IMAGE, settings: Any = None, **targets: Any) -> tuple[Any, dict[str, Any]]:
    """The record of steps on a sample, and the sample."""
    sample = {"image": image, **targets}
    return A.ReplayCompose(list(steps), seed=3, **settings or {})(**sample, key=1)["replay"], sample


def test_a_strip_shows_the_input_and_every_step(tmp_path: Path) -> None:
    record, sample = drawn(A.HorizontalFlip(p=1), A.VerticalFlip(p=0), A.RandomGamma(p=1))
    strip = A.show(json.loads(json.dumps(record)), path=tmp_path / "strip.png", **sample)
    assert [panel.name for panel in strip.panels] == ["input", "HorizontalFlip", "VerticalFlip", "RandomGamma"]
    assert [panel.ran for panel in strip.panels] == [True, True, False, True]
    assert strip.panels[2].lines == ("skipped by chance",)
    assert strip.panels[3].lines[0].startswith("gamma")
    assert strip.image.dtype == np.uint8 and strip.image.ndim == 3
    written = cv2.imread(str(tmp_path / "strip.png"))[..., ::-1]
    assert np.array_equal(written, strip.image)
    big = cv2.resize(IMAGE, None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST)
    assert np.array_equal(strip.panels[0].picture, big)
    assert np.array_equal(strip.panels[1].picture, big[:, ::-1])
    faded = strip.panels[2].picture.astype(int)
    assert faded.std() < big.std() / 2


def test_every_way_to_ask() -> None:
    pipeline = A.ReplayCompose([A.HorizontalFlip(p=1)], seed=3)
    result = pipeline(image=IMAGE)
    by_record = A.show(result["replay"], image=IMAGE)
    names = ["input", "HorizontalFlip"]
    assert [panel.name for panel in by_record.panels] == names
    assert [panel.name for panel in A.show(json.dumps(result["replay"]), image=IMAGE).panels] == names
    assert [panel.name for panel in A.show(A.trace(result["replay"], image=IMAGE)).panels] == names
    assert [panel.name for panel in A.show(A.Program.from_record(result["replay"]), image=IMAGE).panels] == names
    assert [panel.name for panel in A.show(result, image=IMAGE).panels] == names
    alone = A.show(result)
    assert [panel.name for panel in alone.panels] == ["result"]
    assert np.array_equal(alone.panels[0].picture, by_record.panels[1].picture)


def test_turned_boxes_instances_and_frames_are_drawn() -> None:
    params = A.BboxParams("cxcywh", bbox_type="obb")
    black = np.zeros((200, 200, 3), np.uint8)
    record, sample = drawn(
        A.HorizontalFlip(p=1), image=black, settings={"bbox_params": params}, bboxes=[(100, 100, 80, 20, 45)]
    )
    before, after = (panel.picture.any(axis=2) for panel in A.show(record, **sample).panels)
    # The ends of the box lie along the diagonal, and along the other one after the flip.
    assert before[125:131, 125:131].any() and before[69:75, 69:75].any() and not before[125:131, 69:75].any()
    assert after[125:131, 69:75].any() and after[69:75, 125:131].any() and not after[125:131, 125:131].any()
    settings = {"bbox_params": params, "instance_binding": ["masks", "bboxes"], "frame_binding": ["bboxes"]}
    thing = {"mask": np.zeros((200, 200), np.uint8), "bbox": (100, 100, 80, 20, 45)}
    record, sample = drawn(A.NoOp(p=1), image=black, settings=settings, instances=[thing])
    assert np.array_equal(A.show(record, **sample).panels[0].picture.any(axis=2), before)
    frames = [{"image": black, "bboxes": [(100, 100, 80, 20, 45)]}, {"image": black, "bboxes": []}]
    record = A.ReplayCompose([A.NoOp(p=1)], **settings)(frames=frames)["replay"]
    assert np.array_equal(A.show(record, frames=frames).panels[0].picture.any(axis=2), before)


def test_columns_set_the_width() -> None:
    record, sample = drawn(*[A.HorizontalFlip(p=1)] * 5)
    tall, wide = A.show(record, columns=2, **sample).image, A.show(record, columns=6, **sample).image
    assert tall.shape[0] > 2 * wide.shape[0] and wide.shape[1] > 2 * tall.shape[1]


def test_boxes_masks_and_keypoints_are_drawn_where_they_are() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    mask = np.zeros((40, 60), np.uint8)
    mask[2:6, 2:6] = 1
    record, sample = drawn(
        A.HorizontalFlip(p=1),
        image=image,
        mask=mask,
        bboxes=[(0.5, 0.5, 0.9, 0.9)],
        labels=["a label"],
        keypoints=[(30, 10)],
        settings={
            "bbox_params": A.BboxParams("albumentations", ["labels"]),
            "keypoint_params": A.KeypointParams("xy"),
        },
    )
    before, after = (panel.picture.astype(int) for panel in A.show(record, **sample).panels)
    scale = 3
    for picture, x_mask, x_point, x_box in ((before, 4, 30.5, 53.9), (after, 55, 29.5, 6.1)):
        assert np.array_equal(picture[4 * scale, x_mask * scale], np.rint(np.array(PALETTE[0]) * 0.45))
        assert np.abs(picture[int(10.5 * scale), int(x_point * scale)] - PALETTE[1]).max() < 40
        edge = picture[32 * scale, round(x_box * scale) - 3 : round(x_box * scale) + 4]
        assert (edge == PALETTE[0]).all(axis=1).any()


def test_lost_labels_are_named() -> None:
    record, sample = drawn(
        A.CenterCrop(height=20, width=20, p=1),
        bboxes=[(0, 0, 10, 5), (25, 15, 35, 25)],
        labels=[1, 2],
        settings={"bbox_params": A.BboxParams("pascal_voc", ["labels"])},
    )
    strip = A.show(record, **sample)
    assert "bboxes[0] removed (nothing_visible)" in strip.panels[1].lines


@pytest.mark.parametrize(
    ("image", "note"),
    [
        (np.full((8, 8), 0.5, np.float32), []),
        (np.linspace(-2, 2, 64, dtype=np.float32).reshape(8, 8), ["rescaled from -2.00 .. 2.00"]),
        (np.full((8, 8, 3), 65535, np.uint16), []),
        (np.zeros((8, 8, 4), np.uint8), ["channels 1-3 of 4"]),
        (np.zeros((8, 8, 2), np.uint8), ["channel 1 of 2"]),
        (np.zeros((8, 8, 1), np.uint8), []),
    ],
)
def test_every_image_becomes_viewable(image: Any, note: list[str]) -> None:
    picture, notes = viewable(image)
    assert picture.shape == (8, 8, 3) and picture.dtype == np.uint8
    assert notes == note


def test_tensors_are_viewable() -> None:
    pytest.importorskip("torch")
    record, sample = drawn(A.Normalize(), A.ToTensorV2(), mask=(IMAGE[..., 0] > 128).astype(np.uint8))
    strip = A.show(record, **sample)
    assert strip.panels[2].lines[0].startswith("rescaled from -2.1")
    assert np.array_equal(strip.panels[1].picture, strip.panels[2].picture)


def test_stacks_show_one_frame() -> None:
    pipeline = A.ReplayCompose([A.HorizontalFlip(p=1)], seed=3)
    volume = np.stack([IMAGE[..., 0], IMAGE[..., 1], IMAGE[..., 2]])
    record = pipeline(volume=volume)["replay"]
    strip = A.show(record, volume=volume)
    assert "frame 2 of 3" in strip.panels[0].lines
    assert np.array_equal(strip.panels[0].picture[::3, ::3, 0], volume[1])
    masks = [np.eye(40, 60, dtype=np.uint8), np.ones((40, 60), np.uint8)]
    assert len(A.show(pipeline(masks=masks)["replay"], masks=masks).panels) == 2


def test_large_images_are_reduced() -> None:
    image = np.zeros((900, 1200, 3), np.uint8)
    record, sample = drawn(A.HorizontalFlip(p=1), image=image)
    assert max(A.show(record, **sample).panels[0].picture.shape) <= 320


def test_notebooks_get_a_picture_with_a_text() -> None:
    record, sample = drawn(A.HorizontalFlip(p=1))
    strip = A.show(record, **sample)
    assert strip._repr_png_().startswith(b"\x89PNG")
    assert re.search(r'alt="input; 60 x 40 \| HorizontalFlip', strip._repr_html_())
    assert "HorizontalFlip" in repr(strip)


def test_what_cannot_be_shown_is_refused(tmp_path: Path) -> None:
    record, sample = drawn(A.HorizontalFlip(p=1))
    with pytest.raises(SampleError, match="pass the sample"):
        A.show(record)
    with pytest.raises(SampleError, match="snapshots=True"):
        A.show(A.trace(record, snapshots=False, **sample))
    with pytest.raises(SampleError, match="nothing to draw"):
        A.show({"labels": [1]})
    with pytest.raises(FieldError, match=r"show\.columns"):
        A.show(record, columns=0, **sample)
    with pytest.raises(FieldError, match=r"no \.xyz files"):
        A.show(record, path=tmp_path / "strip.xyz", **sample)


def test_values_are_brief() -> None:
    assert brief(0.123456) == "0.123"
    assert brief((1, 2.5)) == "1, 2.5"
    assert brief(((1, 2, 3), (4, 5, 6))) == "[2 x 3 values]"
    assert brief("0123456789abcdef01234567") == "01234567..."
    assert brief(None) == "none" and brief(True) == "true"
    record, _ = drawn(A.RandomRotate90(group_element="r90", p=1), A.NoOp(p=0), A.GaussNoise(p=1))
    assert story(record).startswith("RandomRotate90 (group_element r90); GaussNoise (std ")
    assert story(drawn(A.NoOp(p=0))[0]) == "nothing"


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.images: list[dict[str, str | None]] = []
        self.links: list[str | None] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        if tag == "img":
            self.images.append(values)
        self.links += [values[name] for name in ("href", "src", "srcset") if name in values]


def test_a_page_is_self_contained_and_escaped() -> None:
    record, sample = drawn(A.HorizontalFlip(p=1), A.VerticalFlip(p=0))
    row = {"sample_id": "<script>alert(1)</script>", "loss": 3.14159, "note": 'a "quoted" & odd', "record": record}
    text = film_page([(row, A.trace(record, **sample))] * 2, "Worst <b>samples</b>", ["Why & how"])
    page = Page()
    page.feed(text)
    assert "script" not in page.tags and "&lt;script&gt;" in text
    assert "Worst &lt;b&gt;samples" in text and "Why &amp; how" in text
    assert len(page.images) == 2 * len(panels(A.trace(record, **sample)))
    assert all(image["alt"] for image in page.images)
    assert all(link is not None and link.startswith("data:image/png;base64,") for link in page.links)
    assert not re.search(r"https?://|@import|url\(", text)
    assert "prefers-color-scheme" in text and "width=device-width" in text
    assert "3.14" in text
