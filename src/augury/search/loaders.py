"""Which samples a step gets: the same ones on any number of processes, in an order that follows from seed and epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler

from augury.search.chance import seed_of
from augury.search.config import Config
from augury.search.data import SearchData


class Share(Sampler[tuple[int, int]]):
    """The items (epoch, index) of one process: sample j of its batch is sample j * processes + rank of the whole batch.

    steps: batches per epoch. batch: samples of a batch on one process. Every batch is full: where the samples do not
    suffice, they come again in another order.
    """

    def __init__(
        self, count: int, steps: int, batch: int, rank: int, processes: int, seed: object, shuffle: bool = True
    ) -> None:
        self.count = count
        self.whole = steps * batch * processes
        self.rank = rank
        self.processes = processes
        self.seed = seed
        self.shuffle = shuffle
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """The epoch of the next iteration; Lightning calls it."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.whole // self.processes

    def __iter__(self) -> Iterator[tuple[int, int]]:
        rounds = range(math.ceil(self.whole / self.count))
        order = torch.cat([self._order(round_) for round_ in rounds])[: self.whole]
        for index in order[self.rank :: self.processes].tolist():
            yield self.epoch, index

    def _order(self, round_: int) -> torch.Tensor:
        if not self.shuffle:
            return torch.arange(self.count)
        generator = torch.Generator().manual_seed(seed_of(self.seed, self.epoch, round_))
        return torch.randperm(self.count, generator=generator)


class SeededLoader(DataLoader[Any]):
    """A loader whose workers are seeded by the epoch of its sampler, so that a resumed search seeds them alike."""

    def __iter__(self) -> Any:
        share = self.sampler
        assert isinstance(share, Share) and self.generator is not None
        self.generator.manual_seed(seed_of(share.seed, share.epoch, share.rank, "workers"))
        return super().__iter__()


class Loaders:
    """Makes the loaders of a process: `train`, and beside it `held_out` where the algorithm needs it."""

    def __init__(self, config: Config, train: SearchData, held_out: SearchData | None) -> None:
        self.config = config
        self.splits = {"train": train} | ({} if held_out is None else {"held_out": held_out})

    def __call__(self, epoch: int, rank: int, processes: int) -> dict[str, SeededLoader]:
        settings = self.config.data.dataloader
        whole = settings.batch_size * processes
        count = len(self.splits["train"]) / whole
        steps = max(1, math.floor(count) if settings.drop_last else math.ceil(count))
        loaders = {}
        for name, data in self.splits.items():
            share = Share(
                len(data), steps, settings.batch_size, rank, processes, (self.config.seed, name), settings.shuffle
            )
            share.set_epoch(epoch)
            loaders[name] = SeededLoader(
                data,
                batch_size=settings.batch_size,
                sampler=share,
                num_workers=settings.num_workers,
                pin_memory=settings.pin_memory and torch.cuda.is_available(),
                generator=torch.Generator(),
            )
        return loaders
