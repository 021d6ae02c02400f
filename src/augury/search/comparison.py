"""What trials say: means, paired differences, 95 % intervals, and whether the search was worth it.

Scores of a seed share split, initial weights and order of samples, so differences are taken seed by seed. Intervals are
Student's t over seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

FOUND = "found"
LEVEL = 0.95


@dataclass(frozen=True)
class Mean:
    """A mean over `count` seeds; low and high bound its 95 % interval, None for a single seed."""

    mean: float
    low: float | None
    high: float | None
    count: int


def mean_of(values: Sequence[float]) -> Mean:
    """The mean of some values, at least one, with its interval."""
    mean, count = float(np.mean(values)), len(values)
    if count < 2:
        return Mean(mean, None, None, count)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, count - 1) * np.std(values, ddof=1) / math.sqrt(count))
    return Mean(mean, mean - reach, mean + reach, count)


@dataclass(frozen=True)
class Arm:
    """An augmentation: its scores by seed, and how much better the found policy is on the seeds that both have."""

    name: str
    title: str
    scores: dict[int, float]
    score: Mean
    gain: Mean | None


@dataclass(frozen=True)
class Evaluation:
    """All arms that have a score. metric: what scores are, "accuracy" or "mean IoU", as fractions."""

    metric: str
    epochs: int
    arms: tuple[Arm, ...]

    @classmethod
    def of(
        cls, metric: str, epochs: int, scores: Mapping[str, Mapping[int, float]], titles: Mapping[str, str]
    ) -> Evaluation:
        """From scores by arm and seed."""
        found = scores.get(FOUND, {})
        arms = []
        for name, held in scores.items():
            if held:
                both = [seed for seed in held if seed in found and name != FOUND]
                gain = mean_of([found[seed] - held[seed] for seed in both]) if both else None
                arms.append(Arm(name, titles[name], dict(held), mean_of(list(held.values())), gain))
        return cls(metric, epochs, tuple(arms))

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "verdict": self.verdict}

    @property
    def verdict(self) -> str:
        """Whether the search was worth it, in a few plain sentences."""
        free = [arm for arm in self.arms if arm.gain is not None]
        if not free:
            return "Nothing to compare: the found policy and at least one other arm are needed."
        if any(arm.gain is not None and arm.gain.low is None for arm in free):
            return "One seed cannot tell a difference from chance; use more seeds, such as --seeds 5."
        better = [arm for arm in free if arm.gain is not None and arm.gain.low is not None and arm.gain.low > 0]
        worse = [arm for arm in free if arm.gain is not None and arm.gain.high is not None and arm.gain.high < 0]
        level = [arm for arm in free if arm not in better and arm not in worse]
        parts = []
        if better:
            parts.append(f"The found policy is better than {_listed(better)}.")
        if worse:
            parts.append(f"{'It' if parts else 'The found policy'} is worse than {_listed(worse)}.")
        if level:
            parts.append(f"{'It' if parts else 'The found policy'} cannot be told from {_listed(level)}.")
        if len(better) == len(free):
            parts.insert(0, "The search was worth it.")
        elif worse:
            parts.insert(0, f"The search was not worth it: {worse[0].title} costs nothing and does better.")
        else:
            cheap = ", ".join(arm.title for arm in level)
            parts.insert(0, f"The search is not shown to be worth it: {cheap} may do as well.")
        return " ".join(parts)


def _listed(arms: Sequence[Arm]) -> str:
    """Titles with differences in hundredths."""
    return ", ".join(f"{arm.title} ({interval(arm.gain, signed=True)})" for arm in arms if arm.gain)


def interval(value: Mean, signed: bool = False) -> str:
    """A mean and the reach of its interval in hundredths, such as `+1.20 ± 0.89`."""
    mean = f"{100 * value.mean:+.2f}" if signed else f"{100 * value.mean:.2f}"
    return mean if value.high is None else f"{mean} ± {100 * (value.high - value.mean):.2f}"
