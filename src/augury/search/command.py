"""The command line of searches: `augury search create`, `run`, `resume`, `migrate`, `report`, `evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from augury.errors import FieldError

app = typer.Typer(help="Learn an augmentation policy from your data.", no_args_is_help=True)


NEEDED = ("torch", "lightning", "hydra", "timm", "segmentation_models_pytorch", "tensorboard", "yaml", "scipy")


@app.callback()
def _installed() -> None:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ImportError(f"augury search needs {', '.join(missing)}: pip install 'augury[search]'")


class TaskName(StrEnum):
    """What a search can be for."""

    classification = "classification"
    semantic_segmentation = "semantic_segmentation"


@app.command()
def create(
    config_dir: Annotated[Path, typer.Option(help="Folder for dataset.py and search.yaml; made if it is not there.")],
    task: Annotated[TaskName, typer.Option(help="What the model learns.")],
    num_classes: Annotated[int, typer.Option(min=1, help="How many classes the labels have.")],
    generate_full_config: Annotated[
        bool, typer.Option("--generate-full-config", help="Write every key, not only those that most users change.")
    ] = False,
) -> None:
    """Write a dataset.py and a search.yaml to start from."""
    from augury.search.reading import FILE
    from augury.search.written import new_config

    files = {
        FILE: new_config(task.value, num_classes, str(config_dir), generate_full_config),
        "dataset.py": (Path(__file__).parent / "templates" / f"{task.value}.py").read_text(encoding="utf-8"),
    }
    for name in files:
        if (config_dir / name).exists():
            raise FieldError(f"{config_dir / name}: is there already; choose another folder, or move it away")
    config_dir.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (config_dir / name).write_text(text, encoding="utf-8")
        print(f"written: {config_dir / name}")
    print(f"Edit them, then: augury search run --config-dir {config_dir}")


@app.command()
def run(
    config_dir: Annotated[Path, typer.Option(help="Folder with search.yaml and what it names.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="key=value ..., such as trainer.max_epochs=3 policy_model.num_chunks=8")
    ] = None,
) -> None:
    """Search; the policy of every epoch is written as an ordinary pipeline."""
    from augury.search.config import Config
    from augury.search.migrate import is_older, migrate
    from augury.search.reading import compose

    values = compose(config_dir, overrides or [])
    if is_older(values):
        values, changes = migrate(values)
        _report(changes)
        print("The file itself is as it was; `augury search migrate` rewrites it.")
    config = Config.read(values)
    from augury.search.run import search

    folder = Path(config.hydra.run.dir)
    search(config, folder, config_dir)
    print(f"The policy is {folder / 'policy' / 'latest.json'}; load it with augury.load")


@app.command()
def resume(
    folder: Annotated[Path, typer.Argument(help="Folder of a search that was interrupted, or is to be continued.")],
) -> None:
    """Continue from the last checkpoint, to the same result as without the interruption."""
    from augury.search.run import resume as continue_search

    continue_search(folder)


@app.command()
def migrate(
    path: Annotated[Path, typer.Argument(help="An older search.yaml, or the folder with it.")],
) -> None:
    """Rewrite an older config, also one of AutoAlbument, with today's keys, and list what changed and why.

    The old file stays beside it as search.v1.yaml or search.v2.yaml.
    """
    from augury.search.config import VERSION
    from augury.search.migrate import migrate as rewrite
    from augury.search.reading import FILE, raw
    from augury.search.written import to_yaml

    file = path / FILE if path.is_dir() else path
    old = raw(file)
    values, changes = rewrite(old)
    if not changes:
        print(f"{file} has version {VERSION}; nothing to do")
        return
    kept = file.with_name(f"{file.stem}.v{old['_version']}{file.suffix}")
    if kept.exists():
        raise FieldError(f"{kept}: is there already; it would hold the old config, move it away")
    text = to_yaml(values)
    file.rename(kept)
    file.write_text(text, encoding="utf-8")
    _report(changes)
    print(f"{len(changes)} changes; written to {file}, the old file is {kept}")


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a search, also of one that is still running.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; report.html in the folder unless given.")
    ] = None,
) -> None:
    """Write one HTML page: metrics, the policy, sample images under it, and how it changed."""
    from augury.search.files import write_text
    from augury.search.report import report_page

    page = output or folder / "report.html"
    write_text(page, report_page(folder))
    print(f"written: {page}")


@app.command()
def evaluate(
    folder: Annotated[Path, typer.Argument(help="Folder of a search.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="key=value ..., such as trainer.precision=bf16-mixed")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Models per arm.")] = 5,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Of each training; evaluate.epochs of the config unless given.")
    ] = None,
    arms: Annotated[
        str, typer.Option(help="What is compared, separated by commas.")
    ] = "none,flip_crop,trivial,rand,start,found",
    workers: Annotated[int, typer.Option(min=1, help="Trainings at a time.")] = 1,
) -> None:
    """Train the same model with and without the found policy, and say whether the search was worth it.

    Trainings that are done are kept in the folder's evaluate/; the comparison is also written as evaluation.json.
    """
    from rich.console import Console

    from augury.search.console import Bar, say
    from augury.search.evaluate import evaluate as compare

    console = Console()
    named = [arm.strip() for arm in arms.split(",") if arm.strip()]
    with Bar(console) as bar:
        evaluation = compare(folder, seeds, epochs, named, workers, overrides or [], bar)
    say(evaluation, console)


def _report(changes: Sequence[tuple[str, str, str, str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for name in ("key", "was", "is now", "why"):
        table.add_column(name, overflow="fold")
    for change in changes:
        table.add_row(*(Text(value) for value in change))
    Console().print(table)
