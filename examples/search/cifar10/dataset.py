"""CIFAR-10, from the files of its web page: cifar-10-binary.tar.gz or cifar-10-python.tar.gz, unpacked."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

BATCHES = [f"data_batch_{number}" for number in range(1, 6)]


class SearchDataset:
    """The training images, (32, 32, 3) uint8, and their classes, 0 to 9.

    root: the folder with cifar-10-batches-bin or cifar-10-batches-py. limit: how many images to use, all by default.
    part: "train", or "test" for the 10,000 of the test batch.
    """

    def __init__(self, root: str, limit: int | None = None, part: str = "train") -> None:
        names = {"train": BATCHES, "test": ["test_batch"]}[part]
        binary, pickled = Path(root, "cifar-10-batches-bin"), Path(root, "cifar-10-batches-py")
        if binary.is_dir():
            parts = [read_binary(binary / f"{name}.bin") for name in names]
        elif pickled.is_dir():
            parts = [read_pickled(pickled / name) for name in names]
        else:
            raise FileNotFoundError(f"{root} holds neither {binary.name} nor {pickled.name}; unpack the archive there")
        pixels = np.concatenate([part[0] for part in parts])[:limit]
        self.images = np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        self.targets = np.concatenate([part[1] for part in parts])[:limit]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.images[index], int(self.targets[index])


def read_binary(path: Path) -> tuple[Any, Any]:
    """Pixels (N, 3072) and labels (N,): records of one byte and 3 planes of 32 x 32."""
    records = np.fromfile(path, np.uint8).reshape(-1, 1 + 3 * 32 * 32)
    return records[:, 1:], records[:, 0]


def read_pickled(path: Path) -> tuple[Any, Any]:
    """Pixels (N, 3072) and labels (N,) of a batch that Python 2 pickled."""
    with path.open("rb") as file:
        batch = ArraysOnly(file, encoding="bytes").load()
    return batch[b"data"], np.asarray(batch[b"labels"], np.uint8)


class ArraysOnly(pickle.Unpickler):
    """Reads pickles of arrays of bytes and plain values; refuses all else, so no code in the file can run."""

    def find_class(self, module: str, name: str) -> Any:
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return _empty
        if module == "numpy" and name in ("ndarray", "dtype"):
            return {"ndarray": np.ndarray, "dtype": _bytes}[name]
        raise pickle.UnpicklingError(f"{module}.{name} does not belong into a file of images")


def _empty(kind: object, shape: object, code: object) -> Any:
    return np.empty(0, np.uint8)


def _bytes(code: bytes, *_: object) -> Any:
    if code not in (b"u1", "u1"):
        raise pickle.UnpicklingError(f"arrays of {code!r} do not belong into a file of images")
    return np.dtype("u1")
