from __future__ import annotations

import subprocess
import sys
from typing import Any, NamedTuple

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.utils.data import DataLoader, Dataset, default_collate  # noqa: E402
from torch.utils.data._utils.pin_memory import pin_memory  # noqa: E402

import augury as A  # noqa: E402
from augury.call import Applied, Record  # noqa: E402
from augury.errors import SampleError  # noqa: E402
from augury.torch import Keyed, collate  # noqa: E402

# Python 3.12 and 3.13 warn when torch's threads are there as a worker is forked.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")

IMAGE = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)


def pipeline() -> A.ReplayCompose:
    return A.ReplayCompose(
        [
            A.OneOf([A.HorizontalFlip(), A.VerticalFlip(), A.RandomRotate90(group_element="r180")], p=0.7),
            A.HorizontalFlip(p=0.5),
        ],
        seed=1,
        save_applied_params=True,
    )


class Results(Dataset[dict[str, Any]]):
    def __init__(self) -> None:
        self.pipeline = A.ReplayCompose(
            [A.HorizontalFlip(p=1), A.VerticalFlip(p=0.5)], seed=1, save_applied_params=True
        )

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.pipeline(image=IMAGE, key=(0, index))


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_default_collation_keeps_records_and_flipped_images(workers: int) -> None:
    seen = 0
    for batch in DataLoader(Results(), batch_size=4, num_workers=workers):
        assert batch["image"].shape == (4, 12, 16, 3)
        assert [type(record) for record in batch["replay"]] == [Record] * 4
        assert [type(applied) for applied in batch["applied_transforms"]] == [Applied] * 4
        for image, record, applied in zip(batch["image"], batch["replay"], batch["applied_transforms"], strict=True):
            assert np.array_equal(A.replay(record, image=IMAGE)["image"], image.numpy())
            again = A.Compose.from_applied_transforms(applied)(image=IMAGE)
            assert np.array_equal(again["image"], image.numpy())
            seen += 1
    assert seen == 8


@pytest.mark.parametrize("first", ["torch", "augury"])
def test_registration_needs_no_import_of_ours(first: str) -> None:
    imports = {"torch": "import torch.utils.data, augury as A", "augury": "import augury as A, torch.utils.data"}[first]
    code = f"""
{imports}
import numpy as np, sys
pipeline = A.ReplayCompose([A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.5)], seed=0)
image = np.zeros((4, 4, 3), np.uint8)
batch = torch.utils.data.default_collate([pipeline(image=image) for _ in range(8)])
assert len(batch["replay"]) == 8 and "augury.torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_torch_loaded_after_the_first_call_is_told_too() -> None:
    code = """
import augury as A, numpy as np, sys
pipeline = A.Compose([A.HorizontalFlip(p=0.5)], seed=0, save_applied_params=True)
image = np.zeros((4, 4, 3), np.uint8)
pipeline(image=image)
assert "torch" not in sys.modules
from torch.utils.data import default_collate
batch = default_collate([pipeline(image=image) for _ in range(8)])
assert len(batch["applied_transforms"]) == 8
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pinning_leaves_records_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    # Tensors can be pinned only beside an accelerator; torch walks through everything else in the same way without.
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self, device=None: self)
    results = [pipeline()(image=IMAGE, key=i) for i in range(6)]
    batch = default_collate(results)
    pinned = pin_memory(batch)
    for result, record, applied in zip(results, pinned["replay"], pinned["applied_transforms"], strict=True):
        assert np.array_equal(A.replay(record, image=IMAGE)["image"], result["image"])
        assert np.array_equal(A.Compose.from_applied_transforms(applied)(image=IMAGE)["image"], result["image"])


def test_collate_stacks_numbers_and_lists_the_rest() -> None:
    batch = collate(
        [
            {
                "image": np.full((2, 2), i, np.uint8),
                "tensor": torch.ones(3) * i,
                "target": i,
                "score": 0.5,
                "flag": np.bool_(True),
                "sample_id": f"s{i}",
                "info": {"a": i},
                "applied_transforms": [("HorizontalFlip", {})] * i,
                "bboxes": np.zeros((i, 4)),
                "note": None,
            }
            for i in range(3)
        ]
    )
    assert batch["image"].shape == (3, 2, 2) and batch["image"].dtype == torch.uint8
    assert batch["tensor"].shape == (3, 3)
    assert batch["target"].tolist() == [0, 1, 2] and batch["score"].dtype == torch.float64
    assert batch["flag"].all()
    assert batch["sample_id"] == ["s0", "s1", "s2"]
    assert batch["info"] == [{"a": 0}, {"a": 1}, {"a": 2}]
    assert [len(applied) for applied in batch["applied_transforms"]] == [0, 1, 2]
    assert [len(boxes) for boxes in batch["bboxes"]] == [0, 1, 2]
    assert batch["note"] == [None] * 3


class Pair(NamedTuple):
    image: Any
    name: str


def test_collate_takes_tuples_and_bare_values() -> None:
    images, names = collate([(np.zeros((2, 2)), "a"), (np.ones((2, 2)), "b")])
    assert images.shape == (2, 2, 2) and names == ["a", "b"]
    pair = collate([Pair(np.zeros(3), "a"), Pair(np.ones(3), "b")])
    assert isinstance(pair, Pair) and pair.image.shape == (2, 3) and pair.name == ["a", "b"]
    assert collate([1, 2]).tolist() == [1, 2]
    assert collate(["a", "b"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ([{"image": np.zeros((2, 2))}, {"image": np.zeros((3, 2))}], r"image: 2 values of shapes \(2, 2\), \(3, 2\)"),
        ([{"target": 1}, {"target": "one"}], "target: 2 values"),
        ([{"a": 1}, {"b": 1}], "a, b: not in every sample"),
        ([(1, 2), (1,)], "different lengths"),
    ],
)
def test_collate_refuses_what_does_not_stack(batch: list[Any], message: str) -> None:
    with pytest.raises(SampleError, match=message):
        collate(batch)


def test_keyed_hands_over_the_epoch() -> None:
    class Inner(list[int]):
        epoch = -1

        def set_epoch(self, epoch: int) -> None:
            self.epoch = epoch

    sampler = Keyed(Inner([2, 0, 1]))
    assert list(sampler) == [(0, 2), (0, 0), (0, 1)] and len(sampler) == 3
    sampler.set_epoch(4)
    assert next(iter(sampler)) == (4, 2) and sampler.sampler.epoch == 4
