"""The same sample and the same draw, with one thing changed at a time, scored by the user's model.

`probe` changes one record: each step dropped in turn, or one value swept. `probe_worst` does so for the worst samples
of a ledger and counts which step, dropped alone, helps most.
"""

from __future__ import annotations

import math
import numbers
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from html import escape
from itertools import pairwise
from os import PathLike
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from augury.catalogue import Resize
from augury.errors import AuguryError, FieldError, SampleError, shown
from augury.fields import plain
from augury.inspect import trace
from augury.inspect.page import page
from augury.inspect.panels import Panel, View, brief, dimmed
from augury.inspect.show import Strip
from augury.program import Program, Step
from augury.replay import replay

if TYPE_CHECKING:
    from augury.ledger import Ledger, Source

Score = Callable[[dict[str, Any]], Any]

# Without these a model is handed numbers it was never trained on, and what it says of them means nothing.
FORMATTING = frozenset({"FromFloat", "Normalize", "ToFloat", "ToTensorV2"})


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """One version of the sample: what was changed, the model's score of it, and the record that makes it.

    path: the step, None for the sample as drawn. param, value: what was set; both None for a dropped step. score: None
    if the changed record could not be run or scored; `note` then says why. difference: score less that as drawn.
    """

    path: str | None
    param: str | None
    value: Any
    score: float | None
    difference: float | None
    note: str
    record: dict[str, Any] = field(repr=False)

    @property
    def text(self) -> str:
        """The change in words."""
        if self.path is None:
            return "as drawn"
        if self.param is None:
            return f"without {self.path}"
        return f"{self.path}.{self.param} = {brief(self.value)}"

    def to_dict(self) -> dict[str, Any]:
        """The row as plain JSON data; a score that is not finite becomes None."""
        return {
            "change": self.text, "path": self.path, "param": self.param, "value": self.value,
            "score": _finite(self.score), "difference": _finite(self.difference), "note": self.note,
            "record": self.record,
        }  # fmt: skip


class Probe:
    """Every version of one sample with its score. rows: the sample as drawn, then one row per change."""

    def __init__(self, rows: Sequence[ProbeRow], pictures: Sequence[Panel]) -> None:
        self.rows = tuple(rows)
        self.pictures = tuple(pictures)

    @property
    def drawn(self) -> ProbeRow:
        """The sample as it was drawn."""
        return self.rows[0]

    @property
    def best(self) -> ProbeRow | None:
        """The change that lowers the score most; None if no change lowers it."""
        lower = [row for row in self.rows[1:] if row.difference is not None and row.difference < 0]
        return min(lower, key=lambda row: row.difference or 0.0, default=None)

    def to_dict(self) -> dict[str, Any]:
        """The table as plain JSON data."""
        best = self.best
        return {"rows": [row.to_dict() for row in self.rows], "best": best and best.text}

    def strip(self, columns: int | None = None) -> Strip:
        """The versions side by side, each with its score."""
        return Strip(list(self.pictures), columns)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the pictures as PNG, or pictures and table as one HTML file without outside parts."""
        if Path(path).suffix in (".html", ".htm"):
            Path(path).write_text(page("Probe", [repr(self).splitlines()[0]], self._repr_html_()), encoding="utf-8")
        else:
            self.strip().save(path)

    def _repr_html_(self) -> str:
        head = "<tr><th>change</th><th>score</th><th>difference</th><th>note</th></tr>"
        body = "".join(
            f"<tr{' class=best' if row is self.best else ''}><td>{escape(row.text)}</td><td>{_number(row.score)}</td>"
            f"<td>{_number(row.difference, '+')}</td><td>{escape(row.note)}</td></tr>"
            for row in self.rows
        )
        return f"<table>{head}{body}</table>\n{self.strip()._repr_html_()}"

    def __repr__(self) -> str:
        best = self.best
        first = "no change lowers the score" if best is None else f"{best.text} lowers it most"
        width = max(len(row.text) for row in self.rows)
        lines = [
            f"  {row.text:{width}}  {_number(row.score):>9}  {_number(row.difference, '+'):>9}  {row.note}".rstrip()
            for row in self.rows
        ]
        return "\n".join([f"Probe: scored {_number(self.drawn.score)} as drawn; {first}", *lines])


def probe(
    record: object,
    image: Any = None,
    *,
    score: Score,
    sweep: str | None = None,
    values: Iterable[Any] | None = None,
    callables: Mapping[str, Any] | None = None,
    **targets: Any,
) -> Probe:
    """Score one sample as it was drawn, and again with one thing changed at a time and all else frozen.

    record, image, targets: as `replay` takes them; names that are no target, such as label=3, are handed to `score`.
    score: function(sample) -> number, where less is better, of the dict that `replay` returns. By default each step
    that ran is dropped in turn, save those that bring pixels to the model's format; a dropped step that had changed the
    size of the picture leaves a plain resize, so that later steps still fit. sweep="OneOf/Rotate.angle", values=[...]:
    sets that value instead. callables: functions by name for Lambda steps.
    Raises what `replay` raises, FieldError for a sweep without values or of no such step, and whatever `score` raises
    on the sample as drawn; what goes wrong with a changed sample stands in its row's note.
    """
    if image is not None:
        targets = {"image": image, **targets}
    program = Program.from_record(record)
    if sweep is None:
        if values is not None:
            raise FieldError("probe.values: got values without a sweep; pass sweep='Rotate.angle' too")
        changes = _drops(program, targets, callables)
    else:
        changes = _sweep(program, sweep, values)
    result = replay(program, callables=callables, **targets)
    drawn = _score(score, result)
    rows = [ProbeRow(None, None, None, drawn, 0.0, "", program.to_record())]
    results = [result]
    for path, param, value, changed, note in changes:
        made: dict[str, Any] | None = None
        got: float | None = None
        try:
            made = replay(changed, callables=callables, **targets)
            got = _score(score, made)
        except Exception as error:  # a sample that was edited may not fit later steps, or the user's model
            note = f"{type(error).__name__}: {error}" if not isinstance(error, AuguryError) else str(error)
        difference = None if got is None else got - drawn
        rows.append(ProbeRow(path, param, plain(value), got, difference, note, changed.to_record()))
        results.append(made if made is not None else {})
    return Probe(rows, _pictures(program, rows, results))


def _drops(program: Program, targets: Mapping[str, Any], callables: Mapping[str, Any] | None) -> list[Any]:
    """The changes that leave out one step each."""
    sizes = _sizes(program, targets, callables)
    changes = []
    for at, (step, (before, after)) in enumerate(zip(program.applied, sizes, strict=True)):
        if step.name in FORMATTING:
            continue
        if before == after:
            changes.append((step.path, None, None, program.drop(at), ""))
        else:
            note = f"resized to {after[1]} x {after[0]} instead"
            changes.append((step.path, None, None, _resized(program, program.find(at), after), note))
    return changes


def _sizes(
    program: Program, targets: Mapping[str, Any], callables: Mapping[str, Any] | None
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Height and width before and after each step that ran."""
    ran = trace(program, callables=callables, **targets)
    view = View(program.settings, [ran.input])
    seen = [view.base(sample)[0].shape[:2] for sample in (ran.input, *(s.snapshot for s in ran.steps if s.snapshot))]
    return list(pairwise(seen))


def _resized(program: Program, at: int, size: tuple[int, ...]) -> Program:
    """The program with a plain resize in place of a step; all other steps as they were drawn."""
    step = program.steps[at]
    shape = {"shape": step.params["shape"]} if "shape" in step.params else {}
    resize = Step(step.path, "Resize", "applied", {**shape, **Resize(height=size[0], width=size[1]).kept})
    return replace(program, steps=(*program.steps[:at], resize, *program.steps[at + 1 :]), digests=(), edited=True)


def _sweep(program: Program, sweep: str, values: Iterable[Any] | None) -> list[Any]:
    """The changes that set one value each."""
    path, dot, param = sweep.rpartition(".")
    if not dot or values is None:
        raise FieldError(
            f"probe.sweep: got {shown(sweep)}, values={shown(values)}; pass a step's path, a dot and a value's name, "
            "as sweep='OneOf/Rotate.angle', and values=[-90, 0, 90]"
        )
    path = program.steps[program.find(path)].path
    return [(path, param, value, program.set(path, **{param: value}), "") for value in values]


def _score(score: Score, sample: dict[str, Any]) -> float:
    value = score(dict(sample))
    if hasattr(value, "tolist"):  # a tensor or array of one number, of any library
        value = value.tolist()
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise SampleError(f"probe.score: returned {shown(value)}; return one number, the loss of the sample")
    return float(value)


def probe_worst(
    ledger: Ledger,
    source: Source,
    score: Score,
    n: int = 50,
    *,
    column: str = "loss",
    where: str | None = None,
    parameters: Sequence[object] = (),
    callables: Mapping[str, Any] | None = None,
) -> Worst:
    """Probe the n rows with the highest value in a column, and count which step, dropped alone, helps most.

    source: the targets of a sample by its id, as `Ledger.replay` takes them. where: a SQL condition. Rows without a
    record, and samples that cannot be made or scored as they were drawn, are left out and listed in `failed`.
    Raises SampleError if no row is left.
    """
    from augury.ledger import sample_of

    probed: list[tuple[dict[str, Any], Probe]] = []
    failed: list[tuple[str, str]] = []
    for row in ledger.top(column, n, where, parameters):
        sample_id = row["sample_id"]
        try:
            if row["record"] is None:
                raise SampleError("its row has no record; log one with record=")
            targets = sample_of(source, sample_id)
            probed.append((row, probe(row["record"], score=score, callables=callables, **targets)))
        except Exception as error:  # the user's source and model may raise anything, for one sample or for all
            failed.append((sample_id, f"{type(error).__name__}: {error}"))
    if not probed:
        first = f"; the first: sample {failed[0][0]!r}: {failed[0][1]}" if failed else ""
        raise SampleError(f"probe: none of the worst {n} rows of {ledger.uri} could be scored{first}")
    return Worst(tuple(probed), tuple(failed), column)


@dataclass(frozen=True, slots=True)
class Dropped:
    """What dropping one step did to the worst samples it ran on.

    ran: on how many it ran and could be scored without it. best: on how many it helped more than any other step.
    before, after: their mean score as drawn and without it.
    """

    path: str
    ran: int
    best: int
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Worst:
    """The probes of the worst rows. probed: (row, probe) pairs, worst first; failed: (sample id, reason) pairs."""

    probed: tuple[tuple[dict[str, Any], Probe], ...]
    failed: tuple[tuple[str, str], ...]
    column: str

    @property
    def steps(self) -> list[Dropped]:
        """One row per step: first the one that, dropped, takes most from the sum of scores."""
        pairs: dict[str, list[tuple[float, float]]] = {}
        best = Counter(found.best.path for _, found in self.probed if found.best is not None)
        for _, found in self.probed:
            for row in found.rows[1:]:
                if row.path is not None and row.score is not None and found.drawn.score is not None:
                    pairs.setdefault(row.path, []).append((found.drawn.score, row.score))
        made = [
            Dropped(path, len(both), best[path], fmean(a for a, _ in both), fmean(b for _, b in both))
            for path, both in pairs.items()
        ]
        return sorted(made, key=lambda step: step.ran * (step.after - step.before))

    @property
    def best(self) -> Dropped | None:
        """The step that, dropped alone, lowers the sum of scores most; None if none lowers it."""
        return next((step for step in self.steps if step.after < step.before), None)

    @property
    def sentence(self) -> str:
        """The answer in words."""
        n, best = len(self.probed), self.best
        if best is None:
            return (
                f"No single step, dropped, lowers the loss of the {n} worst samples: look at their labels and content."
            )
        return (
            f"{best.path}, dropped alone, lowers the loss most: it ran on {best.ran} of the {n} worst samples, is the "
            f"best one to drop on {best.best}, and without it their mean loss is {best.after:.3g} instead of "
            f"{best.before:.3g}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON data."""
        facts = ("sample_id", "epoch", self.column)
        return {
            "sentence": self.sentence,
            "steps": [asdict(step) for step in self.steps],
            "samples": [
                {**{name: _finite(row[name]) for name in facts}, **found.to_dict()} for row, found in self.probed
            ],
            "failed": [{"sample_id": name, "reason": reason} for name, reason in self.failed],
        }

    def save(self, path: str | PathLike[str]) -> None:
        """Write one HTML file without outside parts: the answer, the steps, and every sample's versions."""
        head = "<tr><th>step</th><th>ran on</th><th>best to drop</th><th>loss</th><th>without it</th></tr>"
        body = "".join(
            f"<tr><td>{escape(s.path)}</td><td>{s.ran}</td><td>{s.best}</td><td>{s.before:.4g}</td>"
            f"<td>{s.after:.4g}</td></tr>"
            for s in self.steps
        )
        parts = [f"<table>{head}{body}</table>"]
        for row, found in self.probed:
            title = f"sample {row['sample_id']}, epoch {row['epoch']}, logged {self.column} {_number(row[self.column])}"
            parts.append(f"<article><h2>{escape(title)}</h2>\n{found._repr_html_()}</article>")
        left_out = [f"Left out: sample {name}: {reason}" for name, reason in self.failed]
        text = page("What one step, dropped, does to the worst samples", [self.sentence, *left_out], "\n".join(parts))
        Path(path).write_text(text, encoding="utf-8")


def _pictures(program: Program, rows: Sequence[ProbeRow], results: Sequence[dict[str, Any]]) -> list[Panel]:
    """A panel per row; a version that could not be made repeats the first picture, dimmed."""
    view = View(program.settings, [result for result in results if result])
    best = min((r.difference for r in rows[1:] if r.difference is not None), default=0.0)
    out: list[Panel] = []
    for row, result in zip(rows, results, strict=True):
        told = "not scored" if row.score is None else f"score {_number(row.score)}"
        if row.path is not None and row.difference is not None:
            told += f" ({_number(row.difference, '+')})" + (", best" if row.difference == best < 0 else "")
        lines = (told, row.note) if row.note else (told,)
        if result:
            out.append(view.panel(row.text, lines, None, result))
        else:
            out.append(Panel(row.text, lines, None, dimmed(out[0]), ran=False))
    return out


def _number(value: float | None, sign: str = "") -> str:
    return "" if value is None else f"{value:{sign}.4g}"


def _finite(value: Any) -> Any:
    """JSON knows no NaN and no infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
