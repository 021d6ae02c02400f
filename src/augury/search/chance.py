"""Where the random numbers of a search come from: each belongs to one sample of one step, whichever process holds it.

A step's draws are made for the whole batch of all processes, from a generator seeded by the search's seed, the step and
the draw's name; a process keeps the rows of its own samples. So two processes draw what one would with the same
samples, and a resumed search draws what an uninterrupted one would, without any stored generator state.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import torch
from torch import Tensor, distributed


def seed_of(*parts: object) -> int:
    """63 bits that depend on every part."""
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=8).digest(), "big") >> 1


def seed_everything(seed: int) -> None:
    """Seed the generators of torch, NumPy and Python."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  # datasets of others may use it
    random.seed(seed)


@dataclass(frozen=True)
class Chance:
    """The draws of one step; sample j of this process is sample j * processes + rank of the whole batch."""

    seed: int
    step: object
    rank: int = 0
    processes: int = 1
    device: torch.device | str = "cpu"

    def generator(self, name: str) -> torch.Generator:
        """A CPU generator that belongs to this step and this name, equal on all processes."""
        return torch.Generator().manual_seed(seed_of(self.seed, self.step, name))

    def uniform(self, name: str, count: int, *shape: int) -> Tensor:
        """Numbers in [0, 1) of shape (count, *shape): the rows of this process's `count` samples."""
        whole = torch.rand((count * self.processes, *shape), generator=self.generator(name))
        return whole[self.rank :: self.processes].to(self.device)

    def chunks(self, count: int, chunks: int) -> Tensor:
        """(count,) the chunk of each sample, when the whole batch is cut into `chunks` equal runs."""
        places = torch.arange(count) * self.processes + self.rank
        return places * chunks // (count * self.processes)


def mean_of_all(value: Tensor) -> Tensor:
    """The mean of `value` over all processes, the same on each; the value itself where there is one process."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return value
    summed = value.detach().clone()
    distributed.all_reduce(summed)
    return summed / distributed.get_world_size()
