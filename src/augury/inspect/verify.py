"""Whether a record still gives what it gave when it was drawn, and if not, since which step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from augury.call import finish
from augury.digest import digest_of, distance
from augury.donors import Load
from augury.errors import RecordError
from augury.program import Program, versions
from augury.replay import digests_of, explained, open_run, queue


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of `verify`; true if everything was reproduced exactly.

    step, target: the first difference. difference: its size, measured if the expected result was passed, otherwise a
    lower bound from the digests; None if shapes differ. changed: library -> (version in the record, version here).
    """

    exact: bool
    step: str | None = None
    target: str | None = None
    difference: float | None = None
    changed: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.exact

    def __str__(self) -> str:
        if self.exact:
            return "reproduced exactly"
        size = "its shape" if self.difference is None else f"at least {self.difference:g}"
        moved = ", ".join(f"{name} {old} -> {new}" for name, (old, new) in self.changed.items())
        return f"first difference after {self.step}: {self.target} differs by {size}; " + (
            f"changed versions: {moved}" if moved else "no library version changed, so the input or the record did"
        )


def verify(
    record: object,
    *,
    expected: Mapping[str, Any] | None = None,
    callables: Mapping[str, Any] | None = None,
    donors: Load | None = None,
    **targets: Any,
) -> Verification:
    """Run a record and compare: with its own digests after every step, and with `expected` results if they are passed.

    Raises RecordError if the record has no digests (ReplayCompose(..., digests=True) keeps them) and nothing is
    expected.
    """
    program = Program.from_record(record)
    if not program.digests and expected is None:
        raise RecordError(
            "verify: the record has no digests; record with digests=True, or pass expected={'image': ...}"
        )
    here = versions()
    changed = {
        name: (program.versions.get(name), here.get(name))
        for name in sorted({*program.versions, *here})
        if program.versions.get(name) != here.get(name)
    }
    if program.digests:
        paths = ["input", *(step.path for step in program.applied)]
        if len(program.digests) != len(paths):
            raise RecordError(
                f"verify: the record has {len(program.digests)} digests for the input and {len(paths) - 1} steps; "
                "it was edited, "
                "record again with digests=True"
            )
        found = digests_of(program, targets, callables, donors)
        for path, recorded, now in zip(paths, program.digests, found, strict=True):
            for name in recorded:
                if name not in now:
                    raise RecordError(f"verify: the record has digests of {name!r}; pass it")
                if recorded[name]["digest"] != now[name]["digest"]:
                    return Verification(False, path, name, distance(recorded[name], now[name]), changed)
    if expected is not None:
        run = open_run(program, targets, donors=donors)
        with explained(program):
            for _ in queue(run, program, callables=callables):
                pass
            run.flush()
            result = finish(run, targets)
        last = program.applied[-1].path if program.applied else "input"
        for name, value in expected.items():
            if name not in result:
                raise RecordError(f"verify: expected has {name!r}, which is not among the targets {', '.join(result)}")
            if digest_of(value)["digest"] != digest_of(result[name])["digest"]:
                return Verification(False, last, name, _largest(value, result[name]), changed)
    return Verification(True, changed=changed)


def _largest(a: Any, b: Any) -> float | None:
    x, y = np.asarray(a), np.asarray(b)
    if x.shape != y.shape or x.dtype.kind not in "buif":
        return None
    return float(np.abs(x.astype(np.float64) - y.astype(np.float64)).max())
