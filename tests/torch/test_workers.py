"""What a DataLoader may do to a pipeline: workers, start methods, epochs, orders, ranks and resuming."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.utils.data import DataLoader, Dataset  # noqa: E402

import augury as A  # noqa: E402
from augury.torch import Keyed, collate  # noqa: E402

# Python 3.12 and 3.13 warn when torch's threads are there as a worker is forked.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")

SIZE = 24
IMAGE = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)


class Mark(A.ImageOnlyTransform):
    """Draw a number that no two draws share."""

    def get_params(self) -> dict[str, Any]:
        return {"mark": self.py_random.getrandbits(60)}

    def apply(self, img: Any, mark: int = 0, **params: Any) -> Any:
        return img ^ np.uint8(mark & 255)


def build() -> A.ReplayCompose:
    steps = [A.HorizontalFlip(p=0.5), A.OneOf([A.VerticalFlip(), A.Transpose()], p=0.5), Mark(p=1)]
    return A.ReplayCompose(steps, seed=137)


class WithKey(Dataset[dict[str, Any]]):
    def __init__(self) -> None:
        self.pipeline = build()

    def __getitem__(self, key: tuple[int, int]) -> dict[str, Any]:
        result = self.pipeline(image=IMAGE, key=key)
        return {"key": key, "image": result["image"], "record": result["replay"]}

    def __len__(self) -> int:
        return SIZE


class WithoutKey(Dataset[int]):
    def __init__(self, size: int) -> None:
        self.pipeline, self.size = build(), size

    def __getitem__(self, index: int) -> int:
        steps = self.pipeline(image=IMAGE)["replay"]["steps"]
        return dict(steps[-1]["params"]["drawn"])["mark"]

    def __len__(self) -> int:
        return self.size


def seen(loader: DataLoader[Any]) -> dict[tuple[int, int], tuple[bytes, str]]:
    """Pixels and record per key of one epoch."""
    out = {}
    for batch in loader:
        for key, image, record in zip(batch["key"], batch["image"], batch["record"], strict=True):
            out[tuple(key)] = (image.numpy().tobytes(), json.dumps(record))
    return out


def epochs(order: Iterable[int] = range(SIZE), numbers: Iterable[int] = (0, 1), **settings: Any) -> dict[Any, Any]:
    sampler = Keyed(list(order))
    loader = DataLoader(WithKey(), sampler=sampler, collate_fn=collate, **settings)
    out: dict[Any, Any] = {}
    for epoch in numbers:
        sampler.set_epoch(epoch)
        out |= seen(loader)
    return out


@pytest.fixture(scope="module")
def expected() -> dict[Any, Any]:
    pipeline = build()
    results = {(epoch, index): pipeline(image=IMAGE, key=(epoch, index)) for epoch in (0, 1) for index in range(SIZE)}
    return {key: (r["image"].tobytes(), json.dumps(r["replay"])) for key, r in results.items()}


@pytest.mark.parametrize(
    "settings",
    [
        {"num_workers": 0},
        {"num_workers": 1},
        {"num_workers": 2},
        {"num_workers": 2, "persistent_workers": True},
        {"num_workers": 2, "batch_size": 7},
        {"num_workers": 1, "multiprocessing_context": "spawn"},
    ],
    ids=lambda settings: "-".join(f"{k}={v}" for k, v in settings.items()),
)
def test_keyed_results_do_not_depend_on_workers(settings: dict[str, Any], expected: dict[Any, Any]) -> None:
    assert epochs(**{"batch_size": 4, **settings}) == expected


def test_keyed_results_do_not_depend_on_order_or_batch_size(expected: dict[Any, Any]) -> None:
    order = np.random.default_rng(1).permutation(SIZE).tolist()
    assert epochs(order, batch_size=5) == expected
    assert epochs(order[::-1], batch_size=1, num_workers=2) == expected


def test_keyed_results_go_on_after_a_resume_in_mid_epoch(expected: dict[Any, Any]) -> None:
    order = np.random.default_rng(2).permutation(SIZE).tolist()
    first = epochs(order[:10], numbers=[0], batch_size=4)
    rest = epochs(order[10:], numbers=[0], batch_size=3, num_workers=2) | epochs(order, numbers=[1], batch_size=4)
    assert first | rest == expected


def test_an_unkeyed_sequence_goes_on_in_an_unpickled_copy() -> None:
    import pickle

    pipeline, other = build(), build()
    for _ in range(3):
        pipeline(image=IMAGE), other(image=IMAGE)
    copy = pickle.loads(pickle.dumps(pipeline))
    assert copy(image=IMAGE)["replay"] == other(image=IMAGE)["replay"]


# What a rank does, as a script: its share of two epochs, with or without keys.
RANK = """
import json, os, sys
from tests.torch.test_workers import *
rank = int(os.environ["RANK"])
share = range(rank, SIZE, 2)
if sys.argv[1] == "key":
    found = epochs(share, batch_size=4, num_workers=int(sys.argv[2]))
    print(json.dumps([[key, image.hex(), record] for key, (image, record) in found.items()]))
else:
    torch.manual_seed(0)
    loader = DataLoader(WithoutKey(16), batch_size=4, num_workers=int(sys.argv[2]))
    print(json.dumps([int(mark) for _ in range(2) for batch in loader for mark in batch]))
"""


def ranks(*arguments: str) -> list[Any]:
    found = []
    for rank in ("0", "1"):
        # The first entry of the child's path must not be this folder, where `torch` would be found.
        environment = {**os.environ, "RANK": rank, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        done = subprocess.run(
            [sys.executable, "-c", RANK, *arguments], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout))
    return found


@pytest.mark.parametrize("workers", ["0", "1"])
def test_keyed_results_do_not_depend_on_ranks(workers: str, expected: dict[Any, Any]) -> None:
    parts = ranks("key", workers)
    both = {tuple(key): (bytes.fromhex(image), record) for part in parts for key, image, record in part}
    assert [len(part) for part in parts] == [SIZE, SIZE]
    assert both == expected


@pytest.mark.parametrize("workers", ["0", "2"])
def test_ranks_share_no_unkeyed_draw(workers: str) -> None:
    first, second = ranks("no key", workers)
    assert len({*first, *second}) == len(first) + len(second) == 64


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("persistent", [False, True], ids=["fresh", "persistent"])
def test_no_unkeyed_draw_repeats(persistent: bool, method: str) -> None:
    loader = DataLoader(
        WithoutKey(128),
        batch_size=16,
        num_workers=2,
        persistent_workers=persistent,
        multiprocessing_context=method,
    )
    marks = [int(mark) for _ in range(2) for batch in loader for mark in batch]
    assert len(marks) == len(set(marks)) == 2 * 2 * 64


def test_no_unkeyed_draw_repeats_without_workers() -> None:
    loader = DataLoader(WithoutKey(64), batch_size=16)
    marks = [int(mark) for _ in range(2) for batch in loader for mark in batch]
    assert len(set(marks)) == 128


class Scheduled(Dataset[dict[str, Any]]):
    def __init__(self) -> None:
        self.pipeline = A.ReplayCompose(
            [A.Rotate(angle_range=A.linear((0, 0), (-90, 90)), p=A.linear(0.2, 1)), A.GaussNoise(p=A.cosine(1, 0))],
            seed=1,
            epochs=3,
        )

    def __len__(self) -> int:
        return 16

    def __getitem__(self, place: tuple[int, int]) -> dict[str, Any]:
        return self.pipeline(image=IMAGE, key=place)


@pytest.mark.filterwarnings("ignore:This DataLoader will create 8 worker")
def test_schedules_are_the_same_for_any_number_of_workers() -> None:
    def run(workers: int) -> list[Any]:
        sampler = Keyed(range(16))
        loader = DataLoader(
            Scheduled(), batch_size=4, sampler=sampler, num_workers=workers, persistent_workers=workers > 0
        )
        out = []
        for epoch in range(3):
            sampler.set_epoch(epoch)
            for batch in loader:
                out.append((batch["image"].numpy().tobytes(), batch["replay"]))
        return out

    alone = run(0)
    assert {record["progress"] for _, records in alone for record in records} == {0.0, 0.5, 1.0}
    assert run(1) == alone
    assert run(8) == alone
