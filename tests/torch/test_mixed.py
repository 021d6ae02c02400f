from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import augury as A
from augury.errors import SampleError
from augury.torch import Mixed
from tests.samples import image

SAMPLES = [{"image": image(9, 11, seed=i), "label": i % 3, "key": (2, i), "path": f"{i}.png"} for i in range(8)]


def mixed() -> Mixed:
    return Mixed(A.CutMix(num_classes=3, seed=1))


def test_batches_of_a_loader_are_mixed_and_replay() -> None:
    loader: Any = DataLoader(SAMPLES, batch_size=4, collate_fn=mixed())  # type: ignore[arg-type]
    for start, batch in zip((0, 4), loader, strict=True):
        record = batch["mix"]
        assert record["key"] == [2, start] and batch["label"].shape == (4, 3)
        images = torch.from_numpy(np.stack([s["image"] for s in SAMPLES[start : start + 4]])).numpy()  # type: ignore[misc]
        again, soft = A.CutMix.replay(
            record, torch.from_numpy(images), [s["label"] for s in SAMPLES[start : start + 4]]
        )
        assert torch.equal(again, batch["image"]) and np.allclose(soft, batch["label"].numpy())
        assert batch["path"] == [f"{i}.png" for i in range(start, start + 4)]


def test_tuples_and_missing_names() -> None:
    out = pickle.loads(pickle.dumps(mixed()))([(s["image"], s["label"]) for s in SAMPLES])
    assert len(out) == 3 and out[1].shape == (8, 3) and out[2]["name"] == "CutMix"
    with pytest.raises(SampleError, match="Mixed: target: not in the batch, which has image, label"):
        Mixed(A.MixUp(num_classes=3), label="target")([{"image": image(), "label": 1}])
