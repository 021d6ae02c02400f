"""Augmentation that needs no search, as ordinary steps over the operations of a search.

`augury.policies` has the same policies over the operations of their papers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import augury as A
from augury import policies
from augury.errors import FieldError

if TYPE_CHECKING:
    from augury.groups import Step
    from augury.search.operations import Operation

# Strengths are 0 to 30 in both papers.
LEVELS = 30


def trivial_augment(operations: Sequence[Operation]) -> Step:
    """One operation or the identity, all equally likely, its strength drawn uniformly from its whole range.

    Source: Müller and Hutter 2021, TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation.
    """
    return policies.one_of([*(_any_strength(operation) for operation in operations), A.NoOp(p=1.0)])


def _any_strength(operation: Operation) -> Step:
    if operation.spread != "fixed":
        return operation.transform_at(1.0, 1.0)
    return A.OneOf([operation.transform_at(level / LEVELS, 1.0) for level in range(LEVELS + 1)], p=1.0)


def rand_augment(operations: Sequence[Operation], count: int = 2, strength: float = 9.0) -> Step:
    """`count` operations in a row, each drawn anew from all and the identity, all at one strength, signs at random.

    strength: 0 to 30. Raises FieldError if it lies outside, or count is below 1.
    Source: Cubuk, Zoph, Shlens and Le 2020, RandAugment: Practical Automated Data Augmentation with a Reduced Search
    Space; count and strength are those of its ImageNet experiments.
    """
    if not 0 <= strength <= LEVELS:
        raise FieldError(f"rand_augment.strength: got {strength}; pass a number from 0 to {LEVELS}")
    if count < 1:
        raise FieldError(f"rand_augment.count: got {count}; pass 1 or more")
    choices = [*(_at_strength(operation, strength / LEVELS) for operation in operations), A.NoOp(p=1.0)]
    return policies.in_a_row(choices, count)


def _at_strength(operation: Operation, magnitude: float) -> Step:
    low, high = operation.ends(magnitude)
    if operation.spread != "signed":
        return operation.at_value(high)
    return A.OneOf([operation.at_value(low), operation.at_value(high)], p=1.0)


def flip_and_crop(height: int, width: int) -> list[Step]:
    """A horizontal flip for one image in two, and a crop of the image's size after padding by an eighth of it.

    Source: Krizhevsky 2009 and He et al. 2016 for CIFAR-10, where an eighth is 4 pixels.
    """
    down, across = (2 * max(1, round(size / 8)) for size in (height, width))
    return [
        A.HorizontalFlip(p=0.5),
        A.PadIfNeeded(min_height=height + down, min_width=width + across, border_mode=0, p=1.0),
        A.RandomCrop(height=height, width=width, p=1.0),
    ]
