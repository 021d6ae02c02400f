"""A pipeline run on samples without training: what really runs, what it does to pictures and labels, what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from augury.compose import Compose
from augury.custom import Lambda
from augury.doctor.findings import Words, dead
from augury.doctor.looks import Look, Strength, look_at, strengths, too_strong
from augury.doctor.named import samples
from augury.doctor.panel import base
from augury.doctor.rates import expected
from augury.doctor.results import Effect, Finding, Result
from augury.errors import AuguryError, FieldError, SampleError, shown
from augury.groups import inner_transforms
from augury.replay import ReplayCompose


@dataclass(frozen=True, slots=True)
class Rate(Result):
    """How often a step ran in the calls, and how often its pipeline says it runs, groups included."""

    path: str
    ran: int
    calls: int
    share: float
    p: float


@dataclass(frozen=True, slots=True)
class DryRun(Result):
    """What came of it. rates, strengths: one per step in the pipeline's order, strengths of those that ran."""

    rates: tuple[Rate, ...]
    strengths: tuple[Strength, ...]
    findings: tuple[Finding, ...]
    facts: Mapping[str, Any]


def dry_run(pipeline: Any, data: Any, n: int = 100, *, command: str = "") -> DryRun:
    """Run a pipeline on n samples, step by step, and measure.

    data: an iterable or mapping of dicts of targets, a function without arguments that returns one, or a function of a
    sample id, which gets "0", "1" and so on. The draws are those of key (0, i) and the pipeline's seed, or 0; schedules
    go from progress 0 at the first sample to 1 at the n-th.
    Raises SampleError for data that the pipeline cannot work on, and if there is none.
    """
    if n < 1:
        raise FieldError(f"n: got {shown(n)}; pass 1 or more")
    recording = _recording(pipeline)
    rates = expected(recording)
    ran = dict.fromkeys(rates, 0)
    looks: list[Look] = []
    calls = 0
    callables = {t.name: t for t in inner_transforms(recording) if isinstance(t, Lambda) and t.name}
    for name, sample in samples(data, n):
        try:
            progress = min(calls / max(n - 1, 1), 1.0) if recording.scheduled else None
            record = recording(**sample, key=(0, calls), progress=progress)[recording.save_key]
            looks += look_at(record, sample, callables)
        except AuguryError as error:
            raise SampleError(f"sample {name!r}: {error}") from error
        calls += 1
        for path in {base(step["path"]) for step in record["steps"] if step["status"] == "applied"}:
            ran[path] += 1
    if not calls:
        raise SampleError("data: there are no samples in it; return at least one dict such as {'image': image}")
    found = strengths(looks)
    order = {path: i for i, path in enumerate(rates)}
    found.sort(key=lambda one: order.get(one.path, len(order)))
    counted = [Rate(path, ran[path], calls, ran[path] / calls, p) for path, p in rates.items()]
    effects = [Effect(one.path, one.ran, calls, one.share, one.p, "raw") for one in counted]
    never = dead(Words("", 0.0, calls, "label", list(rates)), effects, command)
    findings = sorted([*too_strong(found, calls, command), *never], key=lambda one: -one.severity)
    each = sum(one.milliseconds or 0.0 for one in looks) / calls
    return DryRun(tuple(counted), tuple(found), tuple(findings), {"calls": calls, "milliseconds": each})


def _recording(pipeline: Any) -> ReplayCompose:
    """The same pipeline, keeping records."""
    if not isinstance(pipeline, Compose):
        return ReplayCompose([pipeline], seed=0)
    arguments = {k: v for k, v in pipeline.arguments().items() if k not in ("save_key", "digests", "annotation_fate")}
    return ReplayCompose(
        list(pipeline.transforms), **{**arguments, "seed": 0 if pipeline.seed is None else pipeline.seed}
    )
