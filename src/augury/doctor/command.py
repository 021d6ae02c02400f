"""The command `augury doctor`: what a ledger says about a run, or what a pipeline does before there is one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(doctor)


def doctor(
    ledger: Annotated[str | None, typer.Argument(help="The ledger. Leave it out for a dry run of a pipeline.")] = None,
    estimate: Annotated[
        str, typer.Option(help="What findings rest on: paired (a sample against itself), raw or adjusted.")
    ] = "paired",
    since: Annotated[int | None, typer.Option(help="The first epoch to look at.")] = None,
    label: Annotated[str, typer.Option(help="The column that holds classes.")] = "label",
    pipeline: Annotated[
        Path | None, typer.Option(help="Dry run: a saved pipeline, run on samples without training.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="module:function that takes a sample id and returns its targets, {'image': ...}; for a dry run also "
            "one without arguments that returns an iterable of them."
        ),
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="How many samples to run again, or to run dry.")] = 200,
    model: Annotated[
        str | None,
        typer.Option(
            help="Probe: module:function that takes an augmented sample, as a dict, and returns its loss. Needs --data."
        ),
    ] = None,
    worst: Annotated[int, typer.Option(min=1, help="Probe this many of the worst samples.")] = 50,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Probe: write every sample's versions to this HTML file.")
    ] = None,
    ablate: Annotated[
        bool, typer.Option("--ablate", help="Print, as Python, one pipeline per step left out, with paired draws.")
    ] = False,
    engine: Annotated[
        str, typer.Option(help="Where effects are computed: duckdb (here) or ray (all cores, or a Ray cluster).")
    ] = "duckdb",
    as_json: Annotated[bool, typer.Option("--json", help="Everything as one JSON object.")] = False,
) -> None:
    """Say which augmentation hurts, by how much and how surely; or try a pipeline before training."""
    from augury.doctor.named import find
    from augury.errors import FieldError
    from augury.ledger import opened

    source = None if data is None else find(data, "--data")
    if pipeline is not None:
        if ledger is not None:
            raise FieldError(f"doctor: got the ledger {ledger} and --pipeline {pipeline}; pass one of them")
        if data is None:
            raise FieldError("doctor: --pipeline needs --data module:function, the samples to run it on")
        from augury.doctor.dry_run import dry_run
        from augury.saving import load

        text_format = "yaml" if pipeline.suffix.lower() in (".yaml", ".yml") else "json"
        again = f"augury doctor --pipeline {pipeline} --data {data} -n {n}"
        found: Any = dry_run(load(pipeline, text_format), source, n, command=again)
        show = _print_dry_run
    elif ledger is not None and ablate:
        found, show = _plan(opened(ledger)), _print_plan
    elif ledger is not None and model is not None:
        found, show = _probe(opened(ledger), source, find(model, "--model"), worst, since), _print_probe
        if out is not None:
            found.save(out)
    elif ledger is not None:
        from augury.doctor import doctor as examine

        chosen: Any = {"estimate": estimate, "engine": engine}
        found = examine(opened(ledger), since=since, label=label, data=source, looks=n, **chosen)
        show = _print_diagnosis
    else:
        raise FieldError("doctor: nothing to look at; pass a ledger, or --pipeline and --data")
    if as_json:
        print(json.dumps(found.to_dict(), default=str))
    else:
        show(found)
        if show is _print_diagnosis:
            _print_suggestion(ledger, found)


def _pipeline(ledger: Any) -> Any:
    """The pipeline that the latest manifest holds, or None."""
    return ledger.manifest.get("pipeline")


def _plan(ledger: Any) -> Any:
    from augury.doctor.ablate import ablate
    from augury.errors import SampleError

    pipeline = _pipeline(ledger)
    if pipeline is None:
        raise SampleError(f"{ledger.uri}: its manifest holds no pipeline; make it with Ledger(uri, pipeline=pipeline)")
    manifest = ledger.manifest
    return ablate(pipeline, seed=manifest.get("seed"), key_scheme=manifest.get("key_scheme"))


def _probe(ledger: Any, source: Any, score: Any, worst: int, since: int | None) -> Any:
    from augury.doctor.probe import probe_worst
    from augury.errors import FieldError

    if source is None:
        raise FieldError("doctor: --model needs --data module:function, the samples before augmentation")
    where, parameters = ("epoch >= ?", [since]) if since is not None else (None, [])
    return probe_worst(ledger, source, score, worst, where=where, parameters=parameters)


# ---- in print --------------------------------------------------------------------------------------------


def _print_diagnosis(found: Any) -> None:
    from rich.console import Console

    console = Console()
    facts = found.facts
    mean = f", mean loss {facts['mean_loss']:.4g}" if facts.get("mean_loss") is not None else ""
    console.print(
        f"{facts['rows']:,} rows, {facts['samples']:,} samples, {facts['epochs']:,} epochs{mean}\n", highlight=False
    )
    table = _table(
        f"Effect on the loss, {found.estimate}",
        ("step", "ran", "p", "effect", "95 % interval", "p corrected", "against"),
    )
    ranked = sorted(found.effects[found.estimate], key=lambda one: (one.effect is None, -(one.effect or 0.0)))
    for one in ranked:
        known = one.effect is not None
        table.add_row(
            one.path, f"{one.share:.0%}", "" if one.p is None else f"{one.p:.0%}",
            f"{one.effect:+.4f}" if known else "", f"{one.low:+.4f} to {one.high:+.4f}" if known else "",
            _chance(one.p_corrected) if known else "", one.against,
            style="bold" if known and one.low > 0 and one.p_corrected < 0.05 else "",
        )  # fmt: skip
    console.print(table)
    _print_findings(console, found.findings)
    for note in facts["notes"]:
        console.print(f"Note: {note}", highlight=False, markup=False)


def _chance(p: float) -> str:
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"


def _print_dry_run(found: Any) -> None:
    from rich.console import Console

    console = Console()
    console.print(
        f"{found.facts['calls']:,} samples, {found.facts['milliseconds']:.2f} ms each, run step by step\n",
        highlight=False,
    )
    names = ("step", "ran", "p", "ms", "clipped", "picture kept", "boxes lost", "keypoints lost")
    table = _table("Dry run", names)
    by_path = {one.path: one for one in found.strengths}
    for rate in found.rates:
        one = by_path.get(rate.path)
        shares = (one.clipped, one.kept, one.boxes_lost, one.points_lost) if one else (None,) * 4
        took = f"{one.milliseconds:.2f}" if one else ""
        table.add_row(
            rate.path, f"{rate.share:.0%}", f"{rate.p:.0%}", took, *("" if v is None else f"{v:.1%}" for v in shares)
        )
    console.print(table)
    _print_findings(console, found.findings)


def _print_plan(found: Any) -> None:
    print(found.to_python(), end="")


def _print_probe(found: Any) -> None:
    from rich.console import Console

    console = Console()
    table = _table(f"The worst {len(found.probed)} samples, one step dropped at a time", (
        "step", "ran on", "best to drop", "loss", "without it"))  # fmt: skip
    for one in found.steps:
        table.add_row(one.path, str(one.ran), str(one.best), f"{one.before:.4g}", f"{one.after:.4g}")
    console.print(table)
    console.print(found.sentence, highlight=False, markup=False, soft_wrap=True)
    for name, reason in found.failed:
        console.print(f"Left out: sample {name}: {reason}", highlight=False, markup=False, soft_wrap=True)


def _print_suggestion(uri: str | None, found: Any) -> None:
    """The pipeline as findings would have it; nothing if they ask for no change."""
    from rich.console import Console
    from rich.text import Text

    from augury.doctor.suggest import suggest
    from augury.errors import AuguryError
    from augury.ledger import opened

    pipeline = _pipeline(opened(str(uri)))
    if pipeline is None:
        return
    try:
        made = suggest(pipeline, found.findings)
    except AuguryError as error:  # a pipeline with parts that no file can hold
        print(f"No suggestion: {error}")
        return
    if made.diff:
        console = Console()
        console.print("Suggested pipeline, to try against the one you have:\n", highlight=False)
        for line in made.diff.splitlines():
            style = {"+": "green", "-": "red"}.get(line[:1], "dim")
            console.print(Text(f"  {line}", style=style), soft_wrap=True)


def _table(title: str, names: tuple[str, ...]) -> Any:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for i, name in enumerate(names):
        table.add_column(name, overflow="fold", justify="left" if i == 0 or name == "against" else "right")
    return table


def _print_findings(console: Any, findings: Any) -> None:
    from rich.text import Text

    if not findings:
        console.print("\nNothing stands out.")
        return
    console.print("\nFindings, the gravest first:" if len(findings) > 1 else "\nOne finding:")
    for number, one in enumerate(findings, 1):
        console.print(Text(f"{number:3}. {one.title}", style="bold" if number == 1 else ""), soft_wrap=True)
        if one.command:
            console.print(Text(f"     {one.command}", style="dim"), soft_wrap=True)
    console.print()
