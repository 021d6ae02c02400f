"""The command line: `augury demo`, `replay`, `show`, `convert`, `ledger top`, `ledger sql`, `ledger replay`, `explore`,
`report`, `search`.

Whatever goes wrong that a user can put right ends with one line on stderr and exit code 2.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer

from augury.doctor import command as doctor_commands
from augury.errors import AuguryError, RecordError, SampleError
from augury.explorer import command as explorer_commands
from augury.inspect.files import write_image
from augury.search.command import app as search_app

app = typer.Typer(
    help="Image augmentation that you can reproduce, replay and question.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
ledger_app = typer.Typer(
    help="Ask a ledger: a folder, or any fsspec URI, that training has logged to.", no_args_is_help=True
)
app.add_typer(ledger_app, name="ledger")
app.add_typer(search_app, name="search")
doctor_commands.register(app)
explorer_commands.register(app, ledger_app)

RecordFile = Annotated[
    Path,
    typer.Argument(
        help="JSON file with a record, a result that holds one, or a row of `augury ledger top --json`; - for stdin."
    ),
]
ImageFile = Annotated[Path, typer.Argument(help="The image that the record was drawn for, before augmentation.")]
MaskFile = Annotated[Path | None, typer.Option("--mask", help="The mask that goes with the image.")]
LabelsFile = Annotated[
    Path | None,
    typer.Option(
        "--labels", help="JSON file with bboxes, keypoints and their label fields, as the pipeline received them."
    ),
]
DonorsFolder = Annotated[
    Path | None,
    typer.Option("--donors", help="Folder with the images that a record has as donors, each named after its id."),
]


def main() -> None:
    """Run the command line."""
    try:
        app()
    except (AuguryError, ImportError, OSError) as error:
        _fail(error)
    except Exception as error:
        # DuckDB is there only if a ledger was asked.
        if type(error).__module__.partition(".")[0] not in ("duckdb", "_duckdb"):
            raise
        _fail(error)


def _fail(error: Exception) -> None:
    text = str(error)
    if isinstance(error, OSError) and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    print(f"augury: {' '.join(text.split())}", file=sys.stderr)
    sys.exit(2)


@app.callback(invoke_without_command=True)
def _top(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        from augury import __version__

        print(f"augury {__version__}")
        raise typer.Exit


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the ledger, the model and the page.")] = Path("augury-demo"),
    epochs: Annotated[int, typer.Option(help="Passes over the training digits.")] = 12,
    seed: Annotated[int, typer.Option(help="Seed of the pipeline and the network.")] = 137,
    samples: Annotated[int, typer.Option(help="How many of the 1,797 digits to use.")] = 1797,
    workers: Annotated[int, typer.Option(help="Worker processes of the DataLoader.")] = 2,
) -> None:
    """Train on handwritten digits with one harmful augmentation, find it, and replay what the model saw."""
    from augury.demo import run

    run(out, epochs, seed, samples, workers)


@app.command()
def replay(
    record: RecordFile,
    image: ImageFile,
    out: Annotated[Path, typer.Option("-o", "--out", help="Where to write the image; .npy keeps floats as they are.")],
    mask: MaskFile = None,
    mask_out: Annotated[Path | None, typer.Option(help="Where to write the mask; by default beside the image.")] = None,
    labels: LabelsFile = None,
    donors: DonorsFolder = None,
) -> None:
    """Run a record on an image: the same pixels as when it was drawn. Boxes and keypoints are printed as JSON."""
    from augury.replay import replay as run_record

    found, targets = _sample(record, image, mask, labels)
    result = run_record(found, donors=_donors(donors), **targets)
    write_image(out, result["image"])
    if mask is not None:
        write_image(mask_out or out.with_name(f"{out.stem}-mask.png"), result["mask"])
    rest = {name: _plain(value) for name, value in result.items() if name not in ("image", "mask")}
    if rest:
        print(json.dumps(rest))


@app.command()
def show(
    record: RecordFile,
    image: ImageFile,
    out: Annotated[Path, typer.Option("-o", "--out", help="Where to write the film strip.")],
    mask: MaskFile = None,
    labels: LabelsFile = None,
    donors: DonorsFolder = None,
    columns: Annotated[int | None, typer.Option(min=1, help="Panels per row.")] = None,
) -> None:
    """Draw the film strip of a record: the image, and what every step made of it."""
    from augury.inspect import show as draw

    found, targets = _sample(record, image, mask, labels)
    draw(found, path=out, columns=columns, donors=_donors(donors), **targets)


@app.command()
def convert(
    pipeline: Annotated[Path, typer.Argument(help="A pipeline that augury or Albumentations saved as JSON or YAML.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Where to write it; .yaml or .yml writes YAML.")],
) -> None:
    """Read a pipeline of either Albumentations dialect, write it as ours, and list every renaming."""
    from augury import saving

    made, changes = saving.convert(saving.parse(pipeline, _text_format(pipeline)))
    saving.save(made, out, _text_format(out))
    if changes:
        _table(["where", "was", "is now"], changes)
    print(f"{len(changes)} renamed; written to {out}")


@ledger_app.command()
def top(
    uri: Annotated[str, typer.Argument(help="The ledger.")],
    column: Annotated[str, typer.Option(help="Rank by this column, highest first.")] = "loss",
    n: Annotated[int, typer.Option("-n", min=1, help="How many rows.")] = 20,
    where: Annotated[str | None, typer.Option(help="A SQL condition, such as 'epoch > 3'.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per row, record included.")] = False,
) -> None:
    """The rows with the highest values of a column, and what happened to each."""
    from augury.inspect.panels import story
    from augury.ledger import opened

    rows = opened(uri).top(column, n, where)
    if as_json:
        for row in rows:
            print(json.dumps(row, default=str))
        return
    names = [
        name for name in (rows[0] if rows else ()) if name not in ("record", "params", "applied", "pipeline", "time")
    ]
    _table(
        [*names, "what happened"],
        ([row[name] for name in names] + [story(row["record"]) if row["record"] else "no record"] for row in rows),
    )


@ledger_app.command()
def sql(
    uri: Annotated[str, typer.Argument(help="The ledger.")],
    query: Annotated[str, typer.Argument(help="A DuckDB query on the view `ledger`.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per row.")] = False,
) -> None:
    """Run a query, such as "select epoch, avg(loss) from ledger group by 1"."""
    from augury.ledger import opened

    answer = opened(uri).sql(query)
    if as_json:
        for row in answer.to_pylist():
            print(json.dumps(row, default=str))
        return
    _table(answer.column_names, (row.values() for row in answer.to_pylist()))


# ---- reading and writing -----------------------------------------------------------------------------------


def _sample(record: Path, image: Path, mask: Path | None, labels: Path | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """A record and the targets that the files hold."""
    found = _record(record)
    drawn_for = found.get("signature")
    if isinstance(drawn_for, dict) and drawn_for and "image" not in drawn_for:
        raise SampleError(f"{record}: drawn for {', '.join(drawn_for)}, not for an image; use augury.replay in Python")
    targets: dict[str, Any] = {"image": _read_like(image, found, "image")}
    if mask is not None:
        targets["mask"] = _read_like(mask, found, "mask")
    if labels is not None:
        given = _json(labels)
        if not isinstance(given, dict):
            raise SampleError(f"{labels}: holds no JSON object; write {{'bboxes': [...], 'labels': [...]}} as JSON")
        targets |= given
    return found, targets


def _donors(folder: Path | None) -> Any:
    """A function from the id of a donor to its image in a folder, None without a folder."""
    if folder is None:
        return None
    files = sorted(folder.iterdir())

    def load(name: object) -> dict[str, Any]:
        for file in files:
            if str(name) in (file.name, file.stem):
                return {"image": _read_like(file, {}, "image")}
        raise SampleError(f"no file of {folder} is named {name}")

    return load


def _record(path: Path) -> dict[str, Any]:
    """The record in a file, which may be wrapped in a result or a ledger's row."""
    data = _json(path)
    held = [data, *(data.values() if isinstance(data, dict) else ())]
    for value in held:
        if isinstance(value, str) and value.startswith("{"):
            value = json.loads(value)
        if isinstance(value, dict) and "steps" in value:
            return value
    raise RecordError(f"{path}: no record in it; pass the dict under result['replay'] as JSON, or one row of a ledger")


def _json(path: Path) -> Any:
    try:
        return json.loads(sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RecordError(f"{path}: not valid JSON ({error}); it may be truncated") from None


def _read_like(path: Path, record: Mapping[str, Any], name: str) -> Any:
    """An image file as RGB, with the channels that the record's signature names if it can be read that way."""
    data = np.frombuffer(path.read_bytes(), np.uint8)
    pixels: Any = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if pixels is None:
        raise SampleError(f"{path}: not an image that OpenCV can read")
    try:
        shape = list(record["signature"][name][0])
    except (KeyError, TypeError, IndexError):
        shape = []
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)
        if shape[2:] == [3]:
            pixels = np.ascontiguousarray(pixels[..., :3])
        gray = (pixels[..., :1] == pixels[..., :3]).all()
        if len(shape) == 2 or shape[2:] == [1]:
            if not gray:
                raise SampleError(f"{path}: is in colour, the record was drawn for shape {tuple(shape)}")
            pixels = np.ascontiguousarray(pixels[..., 0])
    elif shape[2:] == [3]:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)
    return pixels[..., None] if shape[2:] == [1] else pixels


def _plain(value: Any) -> Any:
    from augury.fields import plain

    return plain(value)


def _text_format(path: Path) -> str:
    return "yaml" if path.suffix.lower() in (".yaml", ".yml") else "json"


def _table(names: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for name in names:
        table.add_column(Text(name), overflow="fold")
    for row in rows:
        table.add_row(*(Text(f"{v:.4g}" if isinstance(v, float) else "" if v is None else str(v)) for v in row))
    Console().print(table)


if __name__ == "__main__":
    main()
