"""When a search is done: Average Parameter Change has stopped falling and only oscillates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any


@dataclass(frozen=True)
class Decision:
    """What the changes up to an epoch say, and why.

    epoch: the last one looked at, from 0. lowest, lowest_epoch: the last fall that counted. waited: epochs since then.
    turns: how often the change turned between rising and falling in the epochs since then.
    """

    stop: bool
    epoch: int
    lowest: float
    lowest_epoch: int
    waited: int
    turns: int
    reason: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def decide(changes: Sequence[float], patience: int, min_delta: float = 0.0, first: int = 0) -> Decision:
    """Whether to stop after the epochs whose Average Parameter Changes are given; at least one.

    first: the epoch in which the policy starts to learn; those before do not count.

    A fall counts if it goes below the lowest so far by more than `min_delta`. The search stops once `patience` epochs
    brought no such fall, unless the change has done nothing but rise: then the policy moves faster and faster, and is
    not done.
    """
    first = min(first, len(changes) - 1)
    lowest, lowest_epoch = changes[first], first
    for epoch, change in enumerate(changes[first:], first):
        if change < lowest - min_delta:
            lowest, lowest_epoch = change, epoch
    waited = len(changes) - 1 - lowest_epoch
    slopes = [after - before for before, after in pairwise(changes[lowest_epoch:])]
    turns = sum((before > 0) != (after > 0) for before, after in pairwise(slopes))
    rises = all(slope > 0 for slope in slopes)
    stop = waited >= patience and not rises
    found = f"lowest {lowest:.2e} in epoch {lowest_epoch}, {waited} epochs without a fall (patience {patience})"
    if stop:
        reason = f"stopped falling: {found}, {turns} turns since"
    elif waited >= patience:
        reason = f"rising without a pause: {found}"
    else:
        reason = f"falling: {found}"
    return Decision(stop, len(changes) - 1, lowest, lowest_epoch, waited, turns, reason)
