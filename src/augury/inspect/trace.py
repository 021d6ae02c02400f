"""A record run step by step, unfused, with a look at the sample after every step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from augury.call import fate_of, finish, snapshot
from augury.program import Program, Status
from augury.replay import explained, open_run, queue


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One step as it ran: what was drawn, how long it took, and the sample after it (None if it did not run).

    reason: why an `Until` rejected it.

    Snapshots of steps that changed nothing share their arrays.
    """

    path: str
    name: str
    status: Status
    params: Mapping[str, Any]
    milliseconds: float
    snapshot: dict[str, Any] | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """All steps of a record, the sample before and after them, and what became of its labels."""

    steps: tuple[TraceStep, ...]
    input: dict[str, Any]
    result: dict[str, Any]
    fate: list[dict[str, Any]]
    program: Program

    def __repr__(self) -> str:
        lines = (f"  {step.path}: {step.status}, {step.milliseconds:.3f} ms" for step in self.steps)
        return "\n".join(["Trace", *lines])


def trace(
    record: object, *, callables: Mapping[str, Any] | None = None, snapshots: bool = True, **targets: Any
) -> Trace:
    """Run a record with a probe after every step.

    snapshots: keep every target after every step, in the caller's formats. Raises what `replay` raises.
    """
    program = Program.from_record(record)
    run = open_run(program, targets, fate=True, fuse="off")
    ran: list[TraceStep] = []
    began = perf_counter()
    with explained(program):
        for step in queue(run, program, callables=callables):
            run.flush()
            took = (perf_counter() - began) * 1e3
            seen = snapshot(run, targets) if snapshots else None
            ran.append(TraceStep(step.path, step.name, step.status, step.params, took, seen, step.reason))
            began = perf_counter()
    done = iter(ran)
    steps = tuple(
        next(done)
        if step.status == "applied"
        else TraceStep(step.path, step.name, step.status, step.params, 0.0, None, step.reason)
        for step in program.steps
    )
    result = finish(run, targets)
    return Trace(steps, dict(targets), result, fate_of(run), program)
