"""DataLoader glue: collation that leaves records whole, and a sampler that hands the epoch to the dataset.

`torch.utils.data.default_collate` merges dicts key by key and lists item by item, which cannot work when every sample
drew other steps. Once torch is loaded, pipelines tell it to leave records and applied lists whole, so a DataLoader over
fresh results needs nothing; `register` is for processes that only pass stored records on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

try:
    import torch
    from torch.utils.data import Sampler, default_collate
except ImportError as error:
    raise ImportError(f"augury.torch needs {error.name}: pip install 'augury[torch]'") from error

import numpy as np

from augury.call import keep_whole
from augury.errors import SampleError

T = TypeVar("T")


def register() -> None:
    """Make default collation give records and applied lists as one list per batch; pipelines do it by themselves."""
    keep_whole()


def collate(batch: Sequence[Any], *, listed: Sequence[str] = ("bboxes", "keypoints", "instances", "frames")) -> Any:
    """Samples as one batch: tensors, arrays and numbers are stacked, all else becomes a list with one entry each.

    batch: dicts with the same keys, tuples of one length, or bare values. Metadata (dicts, lists, strings, records,
    None) is never looked into. listed: keys of arrays that are kept as lists too, for their lengths differ.
    Raises SampleError naming a field that cannot be stacked or is missing from a sample.
    """
    first = batch[0]
    if isinstance(first, Mapping):
        for sample in batch:
            if sample.keys() != first.keys():
                odd = sorted(map(str, sample.keys() ^ first.keys()))
                raise SampleError(f"collate: {', '.join(odd)}: not in every sample; return the same keys for all")
        return {key: _column([s[key] for s in batch], str(key), key in listed) for key in first}
    if isinstance(first, tuple):
        if any(len(sample) != len(first) for sample in batch):
            raise SampleError("collate: samples are tuples of different lengths; return the same fields for all")
        columns = [_column(list(values), f"field {i}") for i, values in enumerate(zip(*batch, strict=True))]
        return type(first)(*columns) if hasattr(first, "_fields") else tuple(columns)
    return _column(list(batch), "sample")


def _column(values: list[Any], name: str, listed: bool = False) -> Any:
    first = values[0]
    if isinstance(first, np.ndarray):
        stacks = first.dtype.kind in "biufc"
    else:
        stacks = isinstance(first, (torch.Tensor, np.number, np.bool_, bool, int, float))
    if listed or not stacks:
        return values
    try:
        return default_collate(values)
    except (RuntimeError, TypeError, AttributeError) as error:
        shapes = sorted({str(tuple(np.shape(value))) for value in values})
        raise SampleError(
            f"collate: {name}: {len(values)} values of shapes {', '.join(shapes)} do not stack "
            f"({str(error).splitlines()[0]}); bring them to one shape and type, or keep them apart with "
            f"functools.partial(collate, listed=[{name!r}])"
        ) from None


class Keyed(Sampler[tuple[int, T]]):
    """A sampler that yields (epoch, index), for a dataset that calls `pipeline(image=image, key=(epoch, index))`.

    The epoch travels with the index, so it reaches persistent workers as well. sampler: yields the indices of an epoch,
    in any order or share (a rank's, say); it is told the epoch too if it has `set_epoch`. Call `set_epoch` before every
    epoch, also when resuming.
    """

    def __init__(self, sampler: Sampler[T] | Sequence[T], epoch: int = 0) -> None:
        self.sampler = sampler
        self.set_epoch(epoch)

    def set_epoch(self, epoch: int) -> None:
        """The epoch of the next iteration."""
        self.epoch = epoch
        if hasattr(self.sampler, "set_epoch"):
            self.sampler.set_epoch(epoch)

    def __iter__(self) -> Iterator[tuple[int, T]]:
        for index in self.sampler:
            yield self.epoch, index

    def __len__(self) -> int:
        return len(self.sampler)  # type: ignore[arg-type]


__all__ = ["Keyed", "collate", "register"]
