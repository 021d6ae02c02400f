from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest

import augury as A
from augury import batches
from augury.batches import BatchMix
from augury.errors import FieldError, RecordError, SampleError
from augury.rng import State, Stream, seeded

KINDS = (A.MixUp, A.CutMix)


def batch(count: int = 6, channels: int = 3, dtype: str = "uint8") -> tuple[Any, Any]:
    rng = np.random.default_rng(count)
    shape = (count, 13, 17, channels) if channels else (count, 13, 17)
    full = {"uint8": 255, "uint16": 65535, "float32": 1}[dtype]
    return (rng.random(shape) * full).astype(dtype), np.arange(count) % 4


def mixing(kind: type[BatchMix], **arguments: Any) -> BatchMix:
    return kind(num_classes=4, seed=3, **arguments)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", [0, 1, 3, 6])
def test_the_formula(kind: type[BatchMix], dtype: str, channels: int) -> None:
    images, labels = batch(6, channels, dtype)
    out, soft, record = mixing(kind)(images, labels, key=(1, 2))
    share, partners = record["share"], BatchMix.partners(record)
    assert 0 < share < 1 and all(i != j for i, j in enumerate(partners))
    want = images.astype(float) * share + images[partners].astype(float) * (1 - share)
    if record["box"]:
        x0, y0, x1, y1 = record["box"]
        want = images.astype(float)
        want[:, y0:y1, x0:x1] = images[partners][:, y0:y1, x0:x1]
        assert share == pytest.approx(1 - (x1 - x0) * (y1 - y0) / (13 * 17))
    assert out.dtype == images.dtype and out.shape == images.shape
    assert np.abs(out - want).max() <= (1e-6 if dtype == "float32" else 0.51)
    one_hot = np.eye(4)[labels]
    assert np.allclose(soft, one_hot * share + one_hot[partners] * (1 - share), atol=1e-6)
    assert soft.dtype == np.float32 and np.allclose(soft.sum(axis=1), 1)


@pytest.mark.parametrize("kind", KINDS)
def test_replay_is_exact_and_the_record_small(kind: type[BatchMix]) -> None:
    images, labels = batch(5)
    before = images.copy()
    for key in range(5):
        out, soft, record = mixing(kind, alpha=0.4)(images, labels, key=key)
        text = json.dumps(record)
        again = kind.replay(json.loads(text), images, labels)
        assert len(text) < 300 and np.array_equal(out, again[0]) and np.array_equal(soft, again[1])
    assert np.array_equal(images, before) and not np.may_share_memory(out, images)
    with pytest.raises(RecordError, match="recorded for 5 samples, got 4; pass that batch"):
        kind.replay(record, images[:4], labels[:4])
    with pytest.raises(RecordError, match="pass the record of a MixUp or CutMix"):
        kind.replay({}, images, labels)
    with pytest.raises(RecordError, match="it was edited or damaged"):
        kind.replay({**record, "share": "x"}, images, labels)


@pytest.mark.parametrize("kind", KINDS)
def test_tensors(kind: type[BatchMix]) -> None:
    torch = pytest.importorskip("torch")
    for dtype in ("uint8", "float32"):
        images, labels = batch(5, dtype=dtype)
        out, soft, record = mixing(kind)(images, labels, key=4)
        tensors = torch.from_numpy(images).permute(0, 3, 1, 2)
        moved, soft_too, record_too = mixing(kind)(tensors, torch.from_numpy(labels), key=4)
        assert record == record_too and moved.dtype == tensors.dtype and soft_too.dtype == torch.float32
        difference = np.abs(moved.permute(0, 2, 3, 1).numpy().astype(float) - out)
        assert difference.max() <= (1e-6 if dtype == "float32" else 1)
        assert np.allclose(soft, soft_too.numpy())
        again, _ = kind.replay(record, tensors, torch.from_numpy(labels))
        assert torch.equal(again, moved)


@pytest.mark.parametrize("kind", KINDS)
def test_seed_and_key_decide(kind: type[BatchMix]) -> None:
    images, labels = batch()
    mix = mixing(kind)
    first = [mix(images, labels)[2] for _ in range(3)]
    second = pickle.loads(pickle.dumps(mix))
    assert mix(images, labels)[2] == second(images, labels)[2]
    assert [record["key"] for record in first] == [[0], [1], [2]]
    assert len({record["share"] for record in first}) == 3
    assert mix(images, labels, key=(0, 1))[2] == mixing(kind)(images, labels, key=(0, 1))[2]
    assert kind(num_classes=4).seed != kind(num_classes=4).seed


def test_soft_labels_one_sample_and_chance() -> None:
    images, labels = batch()
    soft = np.eye(4)[labels]
    by_number = mixing(A.MixUp)(images, labels, key=1)
    assert np.allclose(by_number[1], A.MixUp(seed=3)(images, soft, key=1)[1])
    out, kept, record = mixing(A.CutMix)(images[:1], labels[:1])
    assert np.array_equal(out, images[:1]) and np.array_equal(kept, soft[:1]) and record["shift"] == 0
    ran = [mixing(A.MixUp, p=0.3)(images, labels, key=key)[2]["shift"] > 0 for key in range(400)]
    assert 0.22 < np.mean(ran) < 0.38


@pytest.mark.parametrize("alpha", [0.001, 0.2, 1.0, 7.0])
def test_shares_follow_the_beta_distribution(alpha: float) -> None:
    streams = (Stream(State(seeded(1), (i,)), b"x") for i in range(4000))
    shares = np.array([batches._beta(alpha, stream) for stream in streams])
    assert shares.min() >= 0 and shares.max() <= 1
    assert shares.mean() == pytest.approx(0.5, abs=0.03)
    assert shares.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)


def test_refusals() -> None:
    images, labels = batch()
    for arguments, message in (
        ({"alpha": 0}, "MixUp.alpha: got 0; pass a finite number above 0"),
        ({"num_classes": 0}, "MixUp.num_classes: got 0; pass a finite integer at least 1"),
        ({"p": 2}, "MixUp.p: got 2"),
        ({"seed": 1.5}, "MixUp.seed: got 1.5"),
    ):
        with pytest.raises(FieldError, match=message):
            A.MixUp(**arguments)  # type: ignore[arg-type]
    with pytest.raises(SampleError, match="labels: 5 for 6 images; pass one per image"):
        mixing(A.MixUp)(images, labels[:5])
    with pytest.raises(SampleError, match="labels: got 3; pass a list or an array"):
        mixing(A.MixUp)(images, 3)
    with pytest.raises(SampleError, match="pass num_classes, or"):
        A.MixUp()(images, labels)
    with pytest.raises(SampleError, match="pass class numbers from 0 to 2"):
        A.MixUp(num_classes=3)(images, labels)
    with pytest.raises(SampleError, match="num_classes is 5"):
        A.MixUp(num_classes=5)(images, np.eye(4)[labels])
    with pytest.raises(SampleError, match="pass an array"):
        mixing(A.MixUp)(images[0, 0], labels)
