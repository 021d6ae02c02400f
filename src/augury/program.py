"""A program: the list of steps that were drawn for one sample, as a value that can be stored, edited and run.

`Program.from_record` reads the JSON form and refuses what it does not understand; edits return new programs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal, Self

from augury.errors import RecordError, shown
from augury.fields import frozen, plain

FORMAT = 1
Status = Literal["applied", "skipped", "not_selected", "rejected"]
STATUSES = ("applied", "skipped", "not_selected", "rejected")


@cache
def _versions() -> dict[str, str]:
    from importlib import metadata

    names = {
        "augury": "augury",
        "numpy": "numpy",
        "opencv": "opencv-python-headless",
        "stringzilla": "stringzilla",
        "numkong": "numkong",
    }
    out = {}
    for short, distribution in names.items():
        try:
            out[short] = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            if short == "opencv":
                import cv2

                out[short] = cv2.__version__
    return out


def versions() -> dict[str, str]:
    """Versions of the libraries that decide what a program's pixels are."""
    return dict(_versions())


@dataclass(frozen=True, slots=True)
class Step:
    """One drawn transform: where it stood, whether it ran, and with which values.

    reason: why an `Until` rejected what the step did.
    """

    path: str
    name: str
    status: Status = "applied"
    params: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        out: dict[str, Any] = {"path": self.path, "name": self.name, "status": self.status}
        if self.version != 1:
            out["version"] = self.version
        if self.params:
            out["params"] = plain(self.params)
        if self.reason:
            out["reason"] = self.reason
        return out


@dataclass(frozen=True, slots=True)
class Program:
    """Steps, and what they were drawn for.

    signature: target name -> (shape, dtype) of the sample. settings: box and keypoint parameters and the like.
    digests: per step, target name -> digest of the target after the step. progress: how far training was, 0 to 1, if
    the call was told.
    """

    steps: tuple[Step, ...]
    seed: int | str | None = None
    key: tuple[int | str, ...] = ()
    fuse: str = "exact"
    signature: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    pipeline: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    digests: tuple[Mapping[str, Any], ...] = ()
    edited: bool = False
    progress: float | None = None

    # ---- JSON ----

    @classmethod
    def from_record(cls, record: object) -> Self:
        """The program of a record, given as a dict or JSON text; raises RecordError naming the broken part."""
        if isinstance(record, cls):
            return record
        if isinstance(record, (str, bytes)):
            import json  # a pipeline without records needs none

            try:
                record = json.loads(record)
            except ValueError as error:
                raise RecordError(
                    f"record: not valid JSON ({error}); it may be truncated, load it again from its source"
                ) from None
        if not isinstance(record, Mapping):
            raise RecordError(f"record: got {shown(record)}; pass the dict under result['replay'] or its JSON text")
        if "format" not in record:
            raise RecordError(
                f"record: no 'format' among its keys {sorted(map(str, record))[:12]}; this is not an augury record"
            )
        if record["format"] != FORMAT:
            newer = isinstance(record["format"], int) and record["format"] > FORMAT
            raise RecordError(
                f"record.format: got {shown(record['format'])}, this augury reads {FORMAT}; "
                + ("update augury" if newer else "the record was edited or damaged")
            )
        raw = record.get("steps")
        if not isinstance(raw, (list, tuple)):
            raise RecordError(f"record.steps: got {shown(raw)}; pass a list of steps")
        key = record.get("key", ())
        return cls(
            steps=tuple(read_step(step, f"record.steps[{i}]") for i, step in enumerate(raw)),
            seed=record.get("seed"),
            key=tuple(key) if isinstance(key, (list, tuple)) else (key,),
            fuse=read_fuse(record.get("fuse", "exact"), "record.fuse"),
            signature=_mapping(record, "signature"),
            settings=_mapping(record, "settings"),
            pipeline=str(record.get("pipeline", "")),
            versions=_mapping(record, "versions"),
            digests=_digests(record),
            edited=bool(record.get("edited", False)),
            progress=_progress(record.get("progress")),
        )

    def to_record(self) -> dict[str, Any]:
        """The program as a dict that `json.dumps` accepts and `from_record` reads."""
        out: dict[str, Any] = {
            "format": FORMAT,
            "versions": dict(self.versions),
            "pipeline": self.pipeline,
            "seed": self.seed,
            "key": list(self.key),
            "fuse": self.fuse,
            "signature": plain(self.signature),
            "steps": [step.to_dict() for step in self.steps],
        }
        if self.settings:
            out["settings"] = plain(self.settings)
        if self.digests:
            out["digests"] = [dict(digest) for digest in self.digests]
        if self.edited:
            out["edited"] = True
        if self.progress is not None:
            out["progress"] = self.progress
        return out

    @property
    def applied(self) -> tuple[Step, ...]:
        """The steps that ran."""
        return tuple(step for step in self.steps if step.status == "applied")

    # ---- edits ----

    def find(self, which: int | str) -> int:
        """Index in `steps` of an applied step, named by its index among the applied ones, its path, or its name if
        only one has it.
        """
        at = [i for i, step in enumerate(self.steps) if step.status == "applied"]
        if isinstance(which, int):
            if -len(at) <= which < len(at):
                return at[which]
            raise RecordError(f"program: step {which} is not there; {len(at)} steps ran")
        hits = [i for i in at if self.steps[i].path == which] or [i for i in at if self.steps[i].name == which]
        if len(hits) == 1:
            return hits[0]
        paths = ", ".join(self.steps[i].path for i in at) or "none"
        problem = "several steps have this name" if hits else "no such step ran"
        raise RecordError(f"program: {which!r}: {problem}; applied paths: {paths}")

    def drop(self, which: int | str) -> Program:
        """The program without one step."""
        at = self.find(which)
        return self._edited((*self.steps[:at], *self.steps[at + 1 :]), at)

    def set(self, which: int | str, **values: Any) -> Program:
        """The program with some params of one step changed; RecordError for params the step does not have."""
        at = self.find(which)
        step = self.steps[at]
        for name in values:
            if name not in step.params:
                raise RecordError(f"{step.path}.{name}: no such value; this step has {', '.join(step.params)}")
        try:
            new = replace(step, params=frozen({**step.params, **plain(values)}))
        except ValueError as error:
            raise RecordError(
                f"{step.path}.{', '.join(values)}: {error}; pass numbers, text, or lists of them"
            ) from None
        return self._edited((*self.steps[:at], new, *self.steps[at + 1 :]), at + 1)

    def sweep(self, which: int | str, name: str, values: Iterable[Any]) -> list[Program]:
        """One program per value of a step's param."""
        return [self.set(which, **{name: value}) for value in values]

    def between(self, first: int, last: int) -> Program:
        """Applied steps first..last, counted from 0, both included."""
        applied = self.applied
        if not 0 <= first <= last < len(applied):
            raise RecordError(f"program: steps {first}..{last} are not there; {len(applied)} steps ran, counted from 0")
        return self._edited(applied[first : last + 1], 0 if first else last + 1)

    def until(self, last: int | str) -> Program:
        """The steps up to and including one."""
        at = self.find(last)
        return self._edited(self.steps[: at + 1], at + 1)

    def _edited(self, steps: tuple[Step, ...], changed: int) -> Program:
        # From the first change on the input shapes may differ from what was recorded.
        tail = (
            replace(step, params={k: v for k, v in step.params.items() if k != "shape"}) for step in steps[changed:]
        )
        return replace(self, steps=(*steps[:changed], *tail), digests=(), edited=True)


def _mapping(record: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = record.get(name) or {}
    if not isinstance(value, Mapping):
        raise RecordError(f"record.{name}: got {shown(value)}; pass a dict")
    return dict(value)


def _digests(record: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    value = record.get("digests") or ()
    if not isinstance(value, (list, tuple)):
        raise RecordError(f"record.digests: got {shown(value)}; pass a list of dicts")
    for i, after in enumerate(value):
        for name, one in after.items() if isinstance(after, Mapping) else [("", after)]:
            sketch = one.get("sketch") if isinstance(one, Mapping) else None
            if (
                not isinstance(sketch, (list, tuple))
                or not all(type(v) in (int, float) for v in sketch)
                or "digest" not in one
            ):
                raise RecordError(f"record.digests[{i}].{name}: got {shown(one)}; pass a dict with digest and sketch")
    return tuple(value)


def _progress(value: Any) -> float | None:
    if value is None or (type(value) in (int, float) and 0 <= value <= 1):
        return value  # type: ignore[no-any-return]
    raise RecordError(f"record.progress: got {shown(value)}; pass a number from 0 to 1, or leave it out")


def read_fuse(value: object, where: str) -> str:
    """`value` if it names a level of rewriting; RecordError otherwise."""
    if value not in ("off", "exact", "close"):
        raise RecordError(f"{where}: got {shown(value)}; pass 'off', 'exact' or 'close'")
    return str(value)


def read_step(raw: object, where: str) -> Step:
    """A step from its JSON form; RecordError naming `where` and the broken part."""
    if not isinstance(raw, Mapping):
        raise RecordError(f"{where}: got {shown(raw)}; pass a dict with path, name, status and params")
    for name in ("path", "name", "status"):
        if not isinstance(raw.get(name), str):
            raise RecordError(f"{where}.{name}: got {shown(raw.get(name))}; pass text")
    if raw["status"] not in STATUSES:
        raise RecordError(f"{where}.status: got {shown(raw['status'])}; pass one of {', '.join(STATUSES)}")
    params = raw.get("params") or {}
    if not isinstance(params, Mapping):
        raise RecordError(f"{where}.params: got {shown(params)}; pass a dict")
    shape = params.get("shape", (1, 1))
    if (
        not isinstance(shape, (list, tuple))
        or len(shape) not in (2, 3)
        or not all(type(n) is int and n > 0 for n in shape)
    ):
        raise RecordError(
            f"{where}.params.shape: got {shown(shape)}; pass [height, width] or [height, width, channels]"
        )
    version = raw.get("version", 1)
    if not isinstance(version, int) or version < 1:
        raise RecordError(f"{where}.version: got {shown(version)}; pass an integer of at least 1")
    reason = raw.get("reason", "")
    if not isinstance(reason, str):
        raise RecordError(f"{where}.reason: got {shown(reason)}; pass text, or leave it out")
    return Step(raw["path"], raw["name"], raw["status"], frozen(dict(params)), version, reason)
