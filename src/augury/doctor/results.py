"""What the doctor says, as frozen values that turn into plain JSON by `to_dict`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

Engine = Literal["duckdb", "ray"]
Estimate = Literal["paired", "raw", "adjusted"]
ESTIMATES: tuple[Estimate, ...] = ("paired", "raw", "adjusted")

Kind = Literal["harmful", "too_strong", "label_mismatch", "dead_step", "suspected_label", "unstable_sample"]
KINDS: dict[Kind, str] = {
    "harmful": "Harmful transform or range",
    "too_strong": "Too strong",
    "label_mismatch": "Label and picture part ways",
    "dead_step": "Dead step",
    "suspected_label": "Suspected label",
    "unstable_sample": "Unstable sample",
}


class Result:
    """Base of everything the doctor returns."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: tuples become lists, numbers that JSON lacks become None."""
        return {item.name: _plain(getattr(self, item.name)) for item in fields(self)}  # type: ignore[arg-type]


def _plain(value: Any) -> Any:
    if isinstance(value, Result):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@dataclass(frozen=True, slots=True)
class Effect(Result):
    """What a step does to the loss, in units of the loss.

    ran, offered: rows on which it ran, and rows whose pipeline has it. share: ran / offered. p: how often the pipeline
    says it runs, groups included; None if that is not known. low, high: 95 % interval. p_value, p_corrected: two-sided,
    the second by Holm over all steps of the estimate. against: what it is compared with. effect and what follows from
    it are None where the ledger cannot tell, and then `against` says why.
    """

    path: str
    ran: int
    offered: int
    share: float
    p: float | None
    estimate: Estimate
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    p_corrected: float | None = None
    against: str = "the same samples without it"


@dataclass(frozen=True, slots=True)
class Bin(Result):
    """One stretch low..high of a param, or one level of it; n rows; effect with its 95 % interval low95..high95."""

    low: float | None
    high: float | None
    level: float | str | None
    n: int
    effect: float | None
    low95: float | None
    high95: float | None


@dataclass(frozen=True, slots=True)
class Curve(Result):
    """Effect along a param of a step. against: what every bin is compared with. p_corrected: of all being equal."""

    path: str
    param: str
    kind: Literal["numeric", "categorical"]
    unit: str
    bins: tuple[Bin, ...]
    against: str = "the same samples without it"
    p_corrected: float | None = None


@dataclass(frozen=True, slots=True)
class Interaction(Result):
    """How much more (or less) loss two steps cost together than the sum of both alone."""

    path: str
    other: str
    n: int
    effect: float
    low: float
    high: float
    p_corrected: float


@dataclass(frozen=True, slots=True)
class Suspect(Result):
    """A sample whose loss is high whatever was drawn. score: the share of its epoch that it is worse than, in the mean
    over its draws.
    """

    sample_id: str
    label: Any
    draws: int
    mean_loss: float
    lowest_loss: float
    score: float


@dataclass(frozen=True, slots=True)
class Finding(Result):
    """One sentence, what it rests on, and where to look.

    range: (low, high) of `param`, None where open; with magnitude in the evidence, of its absolute value. command: a
    line for a shell. where: filters of the explorer (path, param, low, high, label, sample_id, epoch). severity: the
    findings are sorted by it; for losses, the share of the mean loss that it explains.
    """

    kind: Kind
    title: str
    path: str | None = None
    param: str | None = None
    range: tuple[float | None, float | None] | None = None
    level: float | str | None = None
    label: Any = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    where: Mapping[str, Any] = field(default_factory=dict)
    severity: float = 0.0


@dataclass(frozen=True, slots=True)
class Diagnosis(Result):
    """Everything: effects by estimate, curves, interactions, findings in order of severity, suspects, facts.

    estimate: the one that curves and findings rest on. facts: rows, samples, epochs, mean_loss, not_finite, missing,
    subset, notes (sentences for the reader) and so on.
    """

    effects: Mapping[Estimate, tuple[Effect, ...]]
    curves: tuple[Curve, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    findings: tuple[Finding, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    estimate: Estimate = "paired"
