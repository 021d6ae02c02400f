"""The demonstration: train on handwritten digits with one harmful augmentation, find it, and replay what the model saw.

It uses what everybody can use: `A.ReplayCompose` with keys, a DataLoader, `A.Ledger`, `A.trace`, film strips.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2

from augury.errors import AuguryError, FieldError

_NEEDS = {"torch": "torch", "sklearn": "scikit-learn", "pyarrow": "pyarrow", "duckdb": "duckdb", "fsspec": "fsspec"}
SHOWN = 20


def run(out: Path, epochs: int = 12, seed: int = 137, samples: int = 1797, workers: int = 2) -> dict[str, Any]:
    """Train, log, rank, replay in a fresh process, write the page; print on the way, and return what was printed.

    out: folder for the ledger, the model, the worst samples and page.html; files of an earlier run are replaced.
    samples: how many digits to use; one in six is held out.
    Raises ImportError naming what to install, FieldError for numbers out of range.
    """
    missing = [package for module, package in _NEEDS.items() if find_spec(module) is None]
    if missing:
        raise ImportError(f"augury demo needs {', '.join(missing)}: pip install 'augury[demo]'")
    if epochs < 1:
        raise FieldError(f"demo.epochs: got {epochs}; pass 1 or more")
    if not 60 <= samples <= 1797:
        raise FieldError(f"demo.samples: got {samples}; pass 60 to 1797")

    from rich.console import Console

    from augury.ledger import Ledger

    began = time.perf_counter()
    console = Console()
    _open(out, {"epochs": epochs, "seed": seed, "samples": samples, "workers": workers})
    uri = str(out / "ledger")
    trained = _train(out, epochs, seed, samples, workers, console)
    ledger = Ledger(uri)
    since = epochs - max(1, epochs // 2)
    worst = ledger.top("loss", SHOWN, where="epoch >= ?", parameters=[since])
    _print_worst(console, worst, since)
    effects = _effects(ledger, since)
    _print_effects(console, effects, worst, since)

    with console.status("making every image again in a fresh process"):
        checked = _check(uri)
    exact = checked["rows"] - len(checked["differ"])
    console.print(
        f"Replay in a fresh process: [bold]{exact:,} of {checked['rows']:,}[/] are bit for bit what the model saw.",
        soft_wrap=True,
    )
    page = _write_page(out, worst, trained, exact, checked["rows"])
    _print_next(console, out, page, time.perf_counter() - began)
    return {**trained, "rows": checked["rows"], "exact": exact, "worst": worst, "effects": effects, "page": page}


def _open(out: Path, settings: dict[str, int]) -> None:
    """Make the folder, or empty it of what an earlier run wrote; FieldError if it holds anything else."""
    mark = out / "demo.json"
    if out.exists() and not mark.exists() and any(out.iterdir()):
        raise FieldError(f"demo.out: {out} is not empty and not the folder of an earlier demo; pass another")
    for pattern in ("ledger/part-*.parquet", "ledger/manifest*.json", "worst/*.json", "worst/*.png"):
        for path in out.glob(pattern):
            path.unlink()
    out.mkdir(parents=True, exist_ok=True)
    mark.write_text(json.dumps(settings), encoding="utf-8")


def _train(out: Path, epochs: int, seed: int, samples: int, workers: int, console: Any) -> dict[str, Any]:
    """Train and log; accuracies of the last epoch and on the held-out digits, as they are."""
    import torch
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from torch.nn.functional import cross_entropy
    from torch.utils.data import DataLoader

    from augury.demo.digits import Digits, digits, network, plain_tensor
    from augury.ledger import Ledger
    from augury.torch import Keyed

    # The network is too small to share: on a busy machine threads that wait for each other make this five times slower.
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    held_out = range(0, samples, 6)
    train = [index for index in range(samples) if index % 6]
    dataset = Digits(seed)
    order = torch.utils.data.SubsetRandomSampler(train)
    sampler = Keyed(order)
    loader: Any = DataLoader(
        dataset, batch_size=64, sampler=sampler, num_workers=workers, persistent_workers=workers > 0
    )
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 8e-3, total_steps=epochs * len(loader))
    console.print(
        f"Training on {len(train):,} handwritten digits, {epochs} epochs, logging every sample to {out / 'ledger'}",
        soft_wrap=True,
    )
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    ledger = Ledger(
        out / "ledger", pipeline=dataset.pipeline, key_scheme="(epoch, index)", workers={"num_workers": workers}
    )
    correct = 0
    with ledger, Progress(*columns, console=console) as progress:
        task = progress.add_task("epoch 1", total=epochs * len(loader))
        for epoch in range(epochs):
            sampler.set_epoch(epoch)
            total, correct = 0.0, 0
            for step, batch in enumerate(loader):
                logits = model(batch["image"])
                losses = cross_entropy(logits, batch["label"], reduction="none")
                optimizer.zero_grad()
                losses.mean().backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
                predicted = logits.argmax(1)
                ledger.log(
                    sample_id=batch["sample_id"],
                    record=batch["record"],
                    loss=losses.detach(),
                    epoch=epoch,
                    step=epoch * len(loader) + step,
                    label=batch["label"],
                    predicted=predicted,
                    digest=batch["digest"],
                )
                total += float(losses.detach().sum())
                correct += int((predicted == batch["label"]).sum())
                progress.update(task, advance=1, description=f"epoch {epoch + 1} of {epochs}")
            means = f"loss {total / len(train):.3f}, right {correct / len(train):.1%}"
            progress.update(task, description=f"epoch {epoch + 1} of {epochs}, {means}")
        model.eval()
        with torch.no_grad():
            guesses = model(plain_tensor(held_out)).argmax(1).numpy()
        torch.save(model.state_dict(), out / "model.pt")
        ledger.attach_model(out / "model.pt")
    right = float((guesses == digits()[1][list(held_out)]).mean())
    last = correct / len(train)
    console.print(
        f"Right in the end: {right:.1%} of held-out digits, not augmented; {last:.1%} of augmented training samples.\n",
        soft_wrap=True,
    )
    return {"held_out": right, "last_epoch": last}


def _print_worst(console: Any, worst: list[dict[str, Any]], since: int) -> None:
    from rich.table import Table
    from rich.text import Text

    from augury.inspect.panels import story

    table = Table(
        title=f"The worst training samples since epoch {since}, and what happened to each", title_justify="left"
    )
    table.add_column("sample", no_wrap=True)
    table.add_column("epoch", justify="right")
    table.add_column("digit", justify="right")
    table.add_column("seen as", justify="right")
    table.add_column("loss", justify="right")
    table.add_column("what happened", overflow="fold")
    for row in worst:
        facts = [str(row[name]) for name in ("sample_id", "epoch", "label", "predicted")]
        table.add_row(*facts, f"{row['loss']:.2f}", Text(story(row["record"])))
    console.print(table)


def _effects(ledger: Any, since: int) -> list[dict[str, Any]]:
    """Per step that runs by chance: mean loss of the samples it ran on and of the others, the most harmful first."""
    rows: list[dict[str, Any]] = ledger.sql(
        """
        with late as (select applied, loss from ledger where epoch >= ?),
            paths as (select distinct unnest(applied) as path from late)
        select path, avg(list_contains(applied, path)::int) as share,
            avg(loss) filter (list_contains(applied, path)) as ran,
            avg(loss) filter (not list_contains(applied, path)) as not_ran
        from late, paths group by path having not_ran is not null order by ran - not_ran desc
        """,
        [since],
    ).to_pylist()
    return rows


def _print_effects(console: Any, effects: list[dict[str, Any]], worst: list[dict[str, Any]], since: int) -> None:
    from rich.table import Table

    table = Table(title=f"Mean loss since epoch {since}, by step", title_justify="left")
    table.add_column("step", overflow="fold")
    for name in ("ran on", "loss with it", "without it", "ratio"):
        table.add_column(name, justify="right")
    for i, row in enumerate(effects):
        numbers = (f"{row['share']:.0%}", f"{row['ran']:.3f}", f"{row['not_ran']:.3f}")
        table.add_row(row["path"], *numbers, f"{row['ran'] / row['not_ran']:.1f}", style="bold" if i == 0 else "")
    console.print(table)
    if effects:
        path, share = effects[0]["path"], effects[0]["share"]
        hits = sum(path in row["applied"] for row in worst)
        console.print(f"[bold]{path}[/] ran on {share:.0%} of all samples, and on {hits} of the {len(worst)} worst.\n")


def _check(uri: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", "augury.demo.check", uri], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AuguryError(f"demo: the check in a fresh process failed: {done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _write_page(out: Path, worst: list[dict[str, Any]], trained: dict[str, Any], exact: int, rows: int) -> Path:
    """page.html, and every worst sample as a pair of files that `augury replay` and `augury show` read."""
    from augury.demo.digits import source
    from augury.inspect.page import film_page
    from augury.inspect.trace import trace

    (out / "worst").mkdir(exist_ok=True)
    entries = []
    for number, row in enumerate(worst, 1):
        sample = source(row["sample_id"])
        facts = {name: row[name] for name in ("sample_id", "epoch", "loss", "label", "predicted")}
        entries.append((facts, trace(row["record"], **sample)))
        (out / "worst" / f"{number:02d}.json").write_text(json.dumps(row["record"]), encoding="utf-8")
        cv2.imwrite(str(out / "worst" / f"{number:02d}.png"), sample["image"])
    intro = (
        f"The {len(worst)} training samples with the highest loss, and what every step of the pipeline made of them.",
        f"{exact:,} of {rows:,} images were made again in a fresh process, bit for bit what the model saw.",
        f"The network gets {trained['held_out']:.1%} of the held-out digits right.",
    )
    page = out / "page.html"
    page.write_text(film_page(entries, "Handwritten digits: the worst samples", intro), encoding="utf-8")
    return page


def _print_next(console: Any, out: Path, page: Path, seconds: float) -> None:
    console.print(
        f"Film strips of the worst samples: [bold]{page.resolve()}[/]  ({seconds:.0f} s in all)\n", soft_wrap=True
    )
    console.print("Ask further:")
    for line in (
        f"augury show {out}/worst/01.json {out}/worst/01.png -o strip.png",
        f"augury replay {out}/worst/01.json {out}/worst/01.png -o seen.png",
        f"augury ledger top {out}/ledger -n 5",
        f'augury ledger sql {out}/ledger "select epoch, avg(loss) from ledger group by 1 order by 1"',
        f"augury explore {out}/ledger --data augury.demo.digits:source",
    ):
        console.print(f"  {line}", soft_wrap=True, highlight=False, markup=False)
