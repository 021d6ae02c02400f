"""Text appears in its place, in its colour, edited as asked; the rest of the image stays."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.errors import FieldError, SampleError
from augury.kernels.cpu.text import MOST, reworded
from augury.rng import State, Stream, seeded
from tests.samples import font, image

PLACE = (0.1, 0.25, 0.9, 0.75)
WHITE = np.full((80, 200, 3), 255, np.uint8)


def written(text: str = "Hello", ground: Any = WHITE, bbox: Any = PLACE, **arguments: Any) -> dict[str, Any]:
    run = A.Compose([A.TextImage(font(), **arguments, p=1)], seed=1, save_applied_params=True)
    return run(image=ground, textimage_metadata={"text": text, "bbox": bbox})


def texts(result: dict[str, Any]) -> Any:
    return result["applied_transforms"][0][1]["texts"]


def test_text_is_in_its_place() -> None:
    out = written(font_size_fraction_range=(0.8, 0.8))["image"]
    rows, columns = np.nonzero((out < 128).any(axis=2))
    assert rows.min() >= 20 and rows.max() < 60 and abs((rows.min() + rows.max()) / 2 - 40) < 4
    assert 20 <= columns.min() < 26 and rows.max() - rows.min() > 15
    assert out.min() == 0 and (out[:20] == 255).all() and (out[:, :20] == 255).all()
    longer = written("Hello Hello Hello Hello Hello", font_size_fraction_range=(0.8, 0.8))["image"]
    assert (longer[:, -30:] < 128).any()  # it runs on to the border of the image


@pytest.mark.parametrize(
    ("color", "want"),
    [("red", {(255, 0, 0)}), ((1, 2, 3), {(1, 2, 3)}), (["red", (0, 9, 0)], {(255, 0, 0), (0, 9, 0)})],
)
def test_colors(color: Any, want: Any) -> None:
    run = A.Compose([A.TextImage(font(), font_color=color, p=1)], seed=1)
    meta = {"text": "MMM", "bbox": PLACE}
    found = set()
    for key in range(8):
        out = run(image=WHITE, textimage_metadata=meta, key=key)["image"].reshape(-1, 3)
        found |= {tuple(c) for c in np.unique(out, axis=0).tolist() if tuple(c) in want}
    assert found == want
    gray = written(ground=WHITE[..., 0], font_color="white")["image"]
    assert gray.shape == (80, 200) and (gray == 255).all()
    floats = written(ground=np.zeros((80, 200, 3), np.float32), font_color="red")["image"]
    assert floats[..., 0].max() == 1 and not floats[..., 1:].any()


def test_edits() -> None:
    words = "one two three"
    seen: dict[Any, set[str]] = {}
    for edit in (None, "swap", "deletion", "insertion"):
        streams = [Stream(State(seeded(i), ()), b"x") for i in range(60)]
        seen[edit] = {reworded(words, edit, ("of",), stream) for stream in streams}
    assert seen[None] == {words}
    assert seen["swap"] == {"two one three", "three two one", "one three two"}
    assert seen["deletion"] == {"two three", "one three", "one two"}
    assert seen["insertion"] == {"of one two three", "one of two three", "one two of three", "one two three of"}
    assert reworded("alone", "deletion", ("of",), Stream(State(seeded(1), ()), b"x")) == "alone"
    assert texts(written("a b", augmentations=["swap"]))[0][-1] == "b a"


def test_fractions_of_places() -> None:
    run = A.Compose([A.TextImage(font(), fraction_range=(0.5, 0.5), p=1)], seed=1, save_applied_params=True)
    many = [{"text": str(i), "bbox": (0, i / 4, 1, (i + 1) / 4)} for i in range(4)]
    chosen = {tuple(t[-1] for t in texts(run(image=WHITE, textimage_metadata=many, key=key))) for key in range(40)}
    assert len(chosen) == 6 and all(len(pair) == 2 for pair in chosen)
    assert np.array_equal(run(image=WHITE, textimage_metadata=[])["image"], WHITE)
    assert np.array_equal(written("   ")["image"], WHITE)


def test_a_cleared_background() -> None:
    ground = np.full((80, 200, 3), 90, np.uint8)
    ground[30:50, 40:160] = 200
    out = written("i", ground, (0.15, 0.3, 0.85, 0.7), clear_bg=True)["image"]
    assert abs(int(np.median(out[30:50, 60:160])) - 90) < 3
    assert np.array_equal(out[:20], ground[:20])


def test_labels_and_masks_stay() -> None:
    run = A.Compose([A.TextImage(font(), clear_bg=True, p=1)], bbox_params=A.BboxParams("pascal_voc"))
    mask = np.arange(16000, dtype=np.int32).reshape(80, 200)
    out = run(image=WHITE, mask=mask, bboxes=[[30, 30, 60, 50]], textimage_metadata={"text": "x", "bbox": PLACE})
    assert np.array_equal(out["mask"], mask) and out["bboxes"] == [[30, 30, 60, 50]]


def test_refusals(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments, message in (
        ({"font_path": 3}, "TextImage.font_path: got 3"),
        ({"stopwords": []}, "TextImage.stopwords: got"),
        ({"augmentations": ["jump"]}, "None, 'swap', 'insertion' and 'deletion'"),
        ({"font_color": 3}, "by name or as numbers"),
    ):
        with pytest.raises(FieldError, match=message):
            A.TextImage(**{"font_path": font(), **arguments})
    run = A.Compose([A.TextImage(font(), p=1)])
    with pytest.raises(SampleError, match="textimage_metadata: got None; pass a dict with text and bbox"):
        run(image=image())
    with pytest.raises(SampleError, match="textimage_metadata: got bbox"):
        run(image=image(), textimage_metadata={"text": "x", "bbox": [0, 0, 9, 9]})
    for text in (3, "x" * (MOST + 1)):
        with pytest.raises(SampleError, match="pass at most 64, of 4000 characters"):
            run(image=image(), textimage_metadata={"text": text, "bbox": PLACE})
    (tmp_path / "no.ttf").write_text("no font")
    with pytest.raises(FieldError, match="not a font file that can be read"):
        A.TextImage(str(tmp_path / "no.ttf"), p=1)(image=image(), textimage_metadata={"text": "x", "bbox": PLACE})
    monkeypatch.setitem(sys.modules, "PIL.ImageFont", None)
    with pytest.raises(FieldError, match=r"needs Pillow to draw text; pip install 'augury\[text\]'"):
        A.TextImage(font(), p=1)(image=image(50, 70), textimage_metadata={"text": "y", "bbox": (0, 0, 1, 0.9)})
