from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch

import augury as A
from augury.errors import FieldError
from augury.search.operations import OPERATIONS, find_operation

LEARNED = [name for name, operation in OPERATIONS.items() if operation.has_magnitude]


def test_the_table() -> None:
    published = (
        "ShiftR ShiftG ShiftB Brightness Contrast Solarize HorizontalFlip VerticalFlip Rotate ShiftX ShiftY Scale "
        "CutoutFixedNumber CutoutFixedSize"
    )
    added = "ShearX ShearY Posterize Gamma Saturation Sharpness AutoContrast Equalize Invert Blur"
    assert list(OPERATIONS) == f"{published} {added}".split()
    assert set(OPERATIONS) - set(LEARNED) == set("HorizontalFlip VerticalFlip AutoContrast Equalize Invert".split())


@pytest.mark.parametrize("name", LEARNED)
def test_magnitude_0_is_nearly_the_identity(name: str) -> None:
    operation = OPERATIONS[name]
    image = torch.rand(2, 3, 32, 32) * 0.99
    out, _ = operation.apply(image, None, torch.zeros(2), torch.rand(2, operation.draws))
    # A cutout of a given number leaves a pixel; an 8-bit value is kept by posterize.
    assert (out - image).abs().mean() < 2e-3


@pytest.mark.parametrize("name", LEARNED)
def test_values_lie_in_the_range_that_is_exported(name: str) -> None:
    operation = OPERATIONS[name]
    for magnitude in (0.0, 0.3, 1.0):
        low, high = sorted(operation.ends(magnitude))
        chance = torch.tensor([[0.0], [1.0]]).expand(2, max(operation.draws, 1))
        values = operation.values(torch.full((2,), magnitude), chance)
        np.testing.assert_allclose(sorted(values.tolist()), [low, high], atol=1e-6)


def test_exported_steps() -> None:
    exported = {name: OPERATIONS[name].transform_at(0.5, 0.25) for name in OPERATIONS}
    assert exported["Rotate"] == A.Rotate((-22.5, 22.5), p=0.25)
    assert exported["ShiftR"] == A.RGBShift((-0.25, 0.25), (0, 0), (0, 0), p=0.25)
    assert exported["ShiftY"] == A.Affine(translate_percent={"y": (-0.25, 0.25)}, p=0.25)
    assert exported["Solarize"] == A.Solarize((0.5, 0.5), p=0.25)
    assert exported["Posterize"] == A.Posterize(6, p=0.25)
    assert exported["CutoutFixedNumber"] == A.CoarseDropout((1, 1), (0.25, 0.25), (0.25, 0.25), p=0.25)
    assert exported["CutoutFixedSize"] == A.CoarseDropout((4, 4), (0.2, 0.2), (0.2, 0.2), p=0.25)
    assert exported["HorizontalFlip"] == A.HorizontalFlip(p=0.25)


def test_no_holes_at_all_are_exported_as_nothing() -> None:
    assert OPERATIONS["CutoutFixedSize"].transform_at(0.01, 0.5) == A.NoOp(p=0.5)


def test_pipelines_of_exported_steps_are_saved_and_loaded() -> None:
    for magnitude in (0.0, 0.37, 1.0):
        pipeline = A.Compose([operation.transform_at(magnitude, 0.5) for operation in OPERATIONS.values()])
        loaded = A.from_dict(A.to_dict(pipeline))
        assert A.to_dict(loaded) == A.to_dict(pipeline)
        pipeline(image=np.zeros((32, 32, 3), np.uint8))


@pytest.mark.parametrize("name", OPERATIONS)
def test_draws_come_from_the_generator(name: str) -> None:
    image = torch.rand(4, 3, 20, 24)
    magnitude = torch.rand(4)

    def run(seed: int) -> torch.Tensor:
        state = torch.get_rng_state()
        out, _ = OPERATIONS[name].apply(image, None, magnitude, torch.Generator().manual_seed(seed))
        assert torch.equal(torch.get_rng_state(), state)
        return out

    assert torch.equal(run(1), run(1))
    assert torch.equal(run(1), run(2)) == (OPERATIONS[name].draws == 0)


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_sample_has_its_own_magnitude(name: str) -> None:
    operation = OPERATIONS[name]
    image, magnitude = torch.rand(3, 3, 20, 24), torch.tensor([0.1, 0.5, 0.9])
    chance = torch.rand(3, operation.draws)
    whole, _ = operation.apply(image, None, magnitude, chance)
    for i in range(3):
        one, _ = operation.apply(image[i : i + 1], None, magnitude[i : i + 1], chance[i : i + 1])
        torch.testing.assert_close(one[0], whole[i])


@pytest.mark.parametrize("name", OPERATIONS)
def test_results_stay_in_range_and_inputs_as_they_are(name: str) -> None:
    image = torch.rand(3, 3, 20, 24)
    before = image.clone()
    out, mask = OPERATIONS[name].apply(image, None, torch.ones(3), torch.Generator().manual_seed(0))
    assert mask is None
    assert out.dtype == torch.float32
    assert out.shape == image.shape
    assert float(out.min()) >= 0 and float(out.max()) <= 1
    assert torch.equal(image, before)
    assert out.data_ptr() != image.data_ptr()


@pytest.mark.parametrize("name", OPERATIONS)
def test_mixed_precision_computes_in_float32(name: str) -> None:
    operation = OPERATIONS[name]
    image, magnitude = torch.rand(3, 3, 20, 24), torch.rand(3)
    chance = torch.rand(3, operation.draws)
    expected, _ = operation.apply(image, None, magnitude, chance)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out, _ = operation.apply(image, None, magnitude, chance)
        half, _ = operation.apply(image.bfloat16(), None, magnitude, chance)
    assert out.dtype == half.dtype == torch.float32
    assert torch.equal(out, expected)


def test_operations_travel_between_processes() -> None:
    for name in OPERATIONS:
        assert pickle.loads(pickle.dumps(OPERATIONS[name])) is OPERATIONS[name]
    changed = find_operation({"name": "Rotate", "range": 180, "border_mode": 4})
    again = pickle.loads(pickle.dumps(changed))
    assert again.spec() == changed.spec() == {"name": "Rotate", "range": 180.0, "border_mode": 4}


def test_ranges_and_options() -> None:
    assert find_operation("Rotate") is OPERATIONS["Rotate"]
    assert find_operation({"name": "Rotate", "range": 10}).ends(1.0) == (-10.0, 10.0)
    assert find_operation({"name": "Solarize", "range": 0.5}).ends(1.0) == (0.5, 0.5)
    assert find_operation({"name": "Posterize", "range": 6}).ends(1.0) == (2.0, 2.0)
    cutout = find_operation({"name": "CutoutFixedNumber", "number": 3, "range": 0.4})
    assert cutout.at_value(0.2) == A.CoarseDropout((3, 3), (0.2, 0.2), (0.2, 0.2), p=1.0)
    assert cutout.draws == 6


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("Rotat", r"operations: unknown operation 'Rotat'; did you mean 'Rotate'\?"),
        (3, "pass a name, or a dict"),
        ({"range": 3}, "pass a name, or a dict"),
        ({"name": "Rotate", "rnge": 3}, r"Rotate.rnge: got 3; did you mean 'range'\?"),
        ({"name": "Rotate", "range": 500}, "Rotate.range: got 500; pass a number above 0, at most 180"),
        ({"name": "Rotate", "range": "wide"}, "Rotate.range: got 'wide'"),
        ({"name": "Rotate", "range": float("nan")}, "Rotate.range: got nan"),
        ({"name": "Rotate", "border_mode": 3}, "pass one of 0, 1, 2, 4"),
        ({"name": "HorizontalFlip", "range": 1}, "HorizontalFlip.range: got 1; known: name"),
        ({"name": "CutoutFixedNumber", "number": 1.5}, "a whole number from 1 to 64"),
        ({"name": "CutoutFixedSize", "size": 0}, "a number above 0, at most 1"),
    ],
)
def test_what_does_not_fit_is_refused(given: Any, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        find_operation(given)
