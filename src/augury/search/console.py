"""An evaluation on the console: how far it is, and its table."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from augury.search.comparison import FOUND, Evaluation, interval


class Bar:
    """A progress bar over epochs, and a line for each finished trial."""

    def __init__(self, console: Console) -> None:
        columns = (TextColumn("epochs"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.progress = Progress(*columns, console=console, transient=True)

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.progress.stop()

    def begin(self, epochs: int) -> None:
        self.task = self.progress.add_task("epochs", total=epochs)

    def epoch(self) -> None:
        self.progress.advance(self.task)

    def trial(self, arm: str, seed: int, result: dict[str, Any]) -> None:
        line = f"{arm}, seed {seed}: {100 * result['score']:.2f} %, {result['seconds']:.0f} s"
        self.progress.console.print(line, highlight=False)


def say(evaluation: Evaluation, console: Console) -> None:
    """The table and the verdict."""
    console.print(f"{evaluation.metric} in %, {evaluation.epochs} epochs each, means with 95 % intervals")
    table = Table()
    table.add_column("arm", no_wrap=True)
    for name in ("seeds", evaluation.metric, "found is better by"):
        table.add_column(name, justify="right", no_wrap=True)
    for arm in evaluation.arms:
        gain = interval(arm.gain, signed=True) if arm.gain else ""
        style = "bold" if arm.name == FOUND else None
        table.add_row(arm.title, str(arm.score.count), interval(arm.score), gain, style=style)
    console.print(table)
    console.print(evaluation.verdict, highlight=False)
