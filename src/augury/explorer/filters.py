"""Which rows of a ledger a page shows, and in which order: read from a URL, written to a URL, turned into SQL.

Column names are checked against the ledger's own before they are quoted into a query; every value is a parameter.

rank, order: the column to rank by, and desc or asc. step, without: path of a step that ran, or did not. param, low,
high: what a step drew, as `path.param`, within [low, high]; its absolute value with magnitude. column, value: a column
of the user's own, such as the class, and the values it may have. since, until: first and last epoch. sample: text that
the sample id contains.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self
from urllib.parse import urlencode

from augury.errors import FieldError, nearest, shown


@dataclass(frozen=True, slots=True)
class Filters:
    """A choice of rows; the default is every row, highest loss first."""

    rank: str = "loss"
    order: str = "desc"
    step: str = ""
    without: str = ""
    param: str = ""
    low: float | None = None
    high: float | None = None
    magnitude: bool = False
    column: str = ""
    value: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    sample: str = ""

    @classmethod
    def read(
        cls, given: Mapping[str, Sequence[str]], columns: Sequence[str], sortable: Sequence[str] | None = None
    ) -> Self:
        """The filters among a URL's parameters, each a list of texts; FieldError for what cannot be used.

        columns, sortable: those that may be compared, and ranked by. Empty texts count as left out; parameters of
        other names are not looked at.
        """
        one = {name: values[-1].strip() for name, values in given.items() if values and values[-1].strip()}
        out = cls(
            rank=_known("rank", one.get("rank", "loss"), columns if sortable is None else sortable),
            order=one.get("order", "desc"),
            step=one.get("step", ""),
            without=one.get("without", ""),
            param=one.get("param", ""),
            low=_number("low", one.get("low")),
            high=_number("high", one.get("high")),
            magnitude=one.get("magnitude", "0") not in ("0", "False"),
            column=_known("column", one["column"], columns) if "column" in one else "",
            value=tuple(text for text in given.get("value", ()) if text),
            since=_epoch("since", one.get("since")),
            until=_epoch("until", one.get("until")),
            sample=one.get("sample", ""),
        )
        if out.order not in ("desc", "asc"):
            raise FieldError(f"order: got {shown(out.order)}; pass desc or asc")
        return out

    @classmethod
    def of(cls, where: Mapping[str, Any], columns: Sequence[str]) -> Self:
        """Filters from what a finding says: path, param, low, high, magnitude, label, sample_id, epoch."""
        path, param = where.get("path"), where.get("param")
        label = where.get("label")
        labels = label if isinstance(label, (list, tuple)) else [] if label is None else [label]
        given: dict[str, Any] = {
            "step": None if param else path,
            "param": param if param is None or path is None or param.startswith(f"{path}.") else f"{path}.{param}",
            "low": where.get("low"),
            "high": where.get("high"),
            "magnitude": where.get("magnitude"),
            "column": "label" if labels and "label" in columns else None,
            "sample": where.get("sample_id"),
            "since": where.get("epoch"),
            "until": where.get("epoch"),
        }
        texts = {name: [str(value)] for name, value in given.items() if value is not None}
        return cls.read({**texts, "value": [str(one) for one in labels]}, columns)

    def pairs(self) -> list[tuple[str, str]]:
        """What differs from the default, as the parameters of a URL."""
        out: list[tuple[str, str]] = []
        for name, value in asdict(self).items():
            if value == getattr(_DEFAULT, name):
                continue
            values = value if isinstance(value, tuple) else (value,)
            out += [(name, f"{v:.12g}" if isinstance(v, float) else "1" if v is True else str(v)) for v in values]
        return out

    def url(self, **changes: Any) -> str:
        """The query part of a URL that `read` reads back, empty for the default."""
        text = urlencode(replace(self, **changes).pairs())
        return f"?{text}" if text else ""

    def condition(self, drawn: Sequence[str] = ()) -> tuple[str, list[Any]]:
        """A SQL condition and its parameters. drawn: params that are columns of the view asked, which is faster."""
        parts: list[tuple[str, list[Any]]] = []
        if self.step:
            parts.append(("list_contains(applied, ?)", [self.step]))
        if self.without:
            parts.append(("not list_contains(applied, ?)", [self.without]))
        if self.param:
            place, name = (quoted(self.param), []) if self.param in drawn else ("params[?]", [self.param])
            held = f"abs({place})" if self.magnitude else place
            parts.append((f"{held} between ? and ?", [*name, *self.limits]))
        if self.column and self.value:
            holders = ", ".join("?" for _ in self.value)
            parts.append((f"{quoted(self.column)}::varchar in ({holders})", list(self.value)))
        if self.since is not None:
            parts.append(("epoch >= ?", [self.since]))
        if self.until is not None:
            parts.append(("epoch <= ?", [self.until]))
        if self.sample:
            parts.append(("contains(sample_id, ?)", [self.sample]))
        condition = " and ".join(text for text, _ in parts) or "true"
        return condition, [value for _, values in parts for value in values]

    def ordering(self, nan: bool) -> str:
        """A SQL order: numbers, then NaN, then rows without a value; ties by time. nan: whether there may be NaN."""
        name = quoted(self.rank)
        last = f"{name} is null, coalesce(isnan({name}), false), " if nan else ""
        return f"{last}{name} {self.order} nulls last, time"

    @property
    def limits(self) -> tuple[float, float]:
        return (
            -math.inf if self.low is None else self.low,
            math.inf if self.high is None else self.high,
        )

    def words(self) -> list[str]:
        """The filters as a reader would say them."""
        out = []
        if self.step:
            out.append(f"{self.step} ran")
        if self.without:
            out.append(f"{self.without} did not run")
        if self.param:
            low, high = ("" if v is None else f"{v:g}" for v in (self.low, self.high))
            name = f"|{self.param}|" if self.magnitude else self.param
            if low and high:
                out.append(f"{name} from {low} to {high}")
            elif low or high:
                out.append(f"{name} {'at least' if low else 'at most'} {low or high}")
            else:
                out.append(f"{self.param} was drawn")
        if self.column and self.value:
            out.append(f"{self.column} is {' or '.join(self.value)}")
        if self.since is not None or self.until is not None:
            start, end = ("" if v is None else str(v) for v in (self.since, self.until))
            if start and end:
                out.append(f"epoch {start}" if start == end else f"epochs {start} to {end}")
            else:
                out.append(f"epochs {'from ' + start if start else 'to ' + end}")
        if self.sample:
            out.append(f"sample id contains {self.sample}")
        return out


_DEFAULT = Filters()


def quoted(name: str) -> str:
    """A column name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _known(what: str, name: str, columns: Sequence[str]) -> str:
    if name in columns:
        return name
    near = nearest(name, columns)
    hint = f"did you mean {near!r}? " if near else ""
    raise FieldError(f"{what}: no column {shown(name)}; {hint}there are {', '.join(columns)}")


def _number(what: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise FieldError(f"{what}: got {shown(text)}; pass a number")
    return number


def _epoch(what: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        epoch = int(text)
        if -(2**63) <= epoch < 2**63:
            return epoch
    except ValueError:
        pass
    raise FieldError(f"{what}: got {shown(text)}; pass a whole number, an epoch")
