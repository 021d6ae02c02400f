"""What is searched is what is exported, on photographs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from augury.sample import Array
from augury.search.operations import OPERATIONS
from docs.make_parity import ESTIMATED, MAGNITUDES, PAGE, apart, both, photographs

PHOTOGRAPHS = tuple(np.ascontiguousarray(image[60:220, 100:310]) for image in photographs())
GEOMETRIC = [
    name for name, op in OPERATIONS.items() if op.transform.acts_on == "dual" and not name.startswith("Cutout")
]


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_exported_step_is_the_searched_operation(name: str) -> None:
    for magnitude in MAGNITUDES:
        images_off, masks_off = apart(OPERATIONS[name], magnitude, PHOTOGRAPHS)
        # Within what rounding to 8 bits makes: half a step where all values move alike, a quarter on average otherwise.
        assert images_off < 0.51
        # Scales put places half-way between two pixels, where the last bit of OpenCV's arithmetic decides.
        assert masks_off < (0.02 if name == "Scale" else 0.001)


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in ("Equalize", "AutoContrast")])
def test_the_step_does_something(name: str) -> None:
    # Otherwise two things that do nothing would agree.
    image = PHOTOGRAPHS[0]
    (exported, _), _ = both(OPERATIONS[name], OPERATIONS[name].ends(1.0)[1], image, image[:, :, 0])
    assert np.abs(exported - image).mean() > 1


def test_borders_that_the_user_chose() -> None:
    from augury.search.operations import find_operation

    for name in ("Rotate", "ShiftX", "Scale", "ShearY"):
        for border_mode in (1, 2, 4):
            operation = find_operation({"name": name, "border_mode": border_mode})
            assert max(apart(operation, 0.7, PHOTOGRAPHS)) < 0.51


@pytest.mark.parametrize("name", GEOMETRIC)
def test_masks_keep_their_labels(name: str) -> None:
    operation = OPERATIONS[name]
    image = torch.rand(6, 3, 40, 50)
    masks = torch.from_numpy(np.random.default_rng(0).choice([0, 3, 17, 200, 70000], (6, 2, 40, 50)))
    chance = torch.rand(6, operation.draws, generator=torch.Generator().manual_seed(1))
    _, moved = operation.apply(image, masks, torch.full((6,), 0.9), chance)
    assert moved is not None
    assert moved.dtype == masks.dtype
    assert moved.shape == masks.shape
    assert set(moved.unique().tolist()) <= set(masks.unique().tolist())
    assert not torch.equal(moved, masks)


def test_masks_follow_their_image() -> None:
    for name in GEOMETRIC:
        image = torch.zeros(4, 1, 40, 40)
        image[:, :, 14:30, 8:20] = 1.0
        chance = torch.rand(4, OPERATIONS[name].draws, generator=torch.Generator().manual_seed(2))
        out, moved = OPERATIONS[name].apply(image, image[:, 0] > 0, torch.full((4,), 0.6), chance)
        assert moved is not None
        assert ((out[:, 0] > 0.5) == moved).float().mean() > 0.99


def test_the_page_lists_every_operation() -> None:
    lines: list[list[str]] = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ][2:]
    assert [cells[0] for cells in lines] == list(OPERATIONS)
    for name, _, *measured, _, gradient in lines:
        assert all(float(cell) < 0.51 for cell in measured if cell)
        assert (gradient == "straight-through") == (name in ESTIMATED)


def test_gray_images() -> None:
    gray: Array = np.ascontiguousarray(PHOTOGRAPHS[0][:, :, :1])
    for name, operation in OPERATIONS.items():
        for value in set(operation.ends(0.7)):
            (exported, _), (searched, _) = both(operation, value, gray, gray[:, :, 0])
            assert np.abs(exported - searched).mean() < 0.51, name
