"""Marks: where they stand, their colours, and that arguments are checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import augury as A


def run(key: int, **arguments: Any) -> tuple[Any, Any]:
    gray = np.full((80, 120, 3), 100, np.uint8)
    step = A.AnnotationArtifacts(**arguments, p=1)
    out = A.Compose([step], seed=1, save_applied_params=True)(image=gray, key=key)
    return out["image"], out["applied_transforms"][0][1]["marks"]


@pytest.mark.parametrize("kind", ["text", "rectangle", "arrow", "line", "callout"])
def test_every_mark_shows(kind: str) -> None:
    for key in range(30):
        picture, marks = run(key, element_types=[kind], element_probabilities=[1], line_length_range=[20, 40])
        assert (picture != 100).any() and marks[0][0] == ("rectangle" if kind == "callout" else kind)


def test_colours_and_lines() -> None:
    for key in range(30):
        picture, _ = run(key, color_palette=[[255, 0, 51]], count_range=[3, 3])
        assert {tuple(c) for c in picture.reshape(-1, 3).tolist()} <= {(100, 100, 100), (255, 0, 51)}
        _, arguments = run(key, element_types=["line"], element_probabilities=[1], line_length_range=[20, 20])
        for _, x0, y0, x1, y1, *_ in arguments:
            assert (x0 == x1) != (y0 == y1) and abs(x1 - x0) + abs(y1 - y0) in (19, 20, 21)
    assert not run(0, count_range=[0, 0])[1]


def test_weights_go_with_what_they_weigh() -> None:
    with pytest.raises(A.FieldError, match="element_probabilities"):
        A.AnnotationArtifacts(element_types=["text"])
    with pytest.raises(A.FieldError, match="line_styles"):
        A.AnnotationArtifacts(line_styles=["wavy"])
