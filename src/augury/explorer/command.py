"""The commands `augury explore`, `augury report` and `augury ledger replay`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

Data = Annotated[
    str | None,
    typer.Option("--data", help="module:function that takes a sample id and returns its targets, {'image': ...}."),
]
ModelOption = Annotated[
    str | None, typer.Option("--model", help="module:function that takes an augmented sample and returns its loss.")
]


def register(app: typer.Typer, ledger_app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(explore)
    app.command()(report)
    ledger_app.command("replay")(replay_row)


def explore(
    ledgers: Annotated[list[str], typer.Argument(help="The ledger; two are compared.")],
    data: Data = None,
    model: ModelOption = None,
    host: Annotated[
        str, typer.Option(help="Address to bind to; others than this machine's own need the token in the URL.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 8765,
    save: Annotated[Path | None, typer.Option(help="File that the pipeline page may write.")] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Look at a ledger in the browser: worst samples, what was done to them, and what else might have been."""
    study, other = _studies(ledgers, data, model)
    from augury.explorer.app import application
    from augury.explorer.guard import is_loopback, new_token
    from augury.explorer.serve import Server

    token = "" if is_loopback(host) else new_token()
    server = Server(application(study, other, host=host, token=token, save=save), host, port)
    study.warm()
    print(f"augury explorer: {server.url}  (Ctrl+C ends it)", flush=True)
    if browser:
        import webbrowser

        webbrowser.open(server.url)
    server.run()


def report(
    ledger: Annotated[str, typer.Argument(help="The ledger.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The HTML file to write.")],
    data: Data = None,
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "",
) -> None:
    """Write worst samples, transforms and findings as one HTML file that needs no server."""
    study, _ = _studies([ledger], data, None)
    from augury.explorer.report import report as made

    out.write_text(made(study, title), encoding="utf-8")
    print(f"written to {out}, {out.stat().st_size / 1e6:.1f} MB")


def replay_row(
    uri: Annotated[str, typer.Argument(help="The ledger.")],
    data: Annotated[
        str, typer.Option("--data", help="module:function that takes a sample id and returns its targets.")
    ],
    sample: Annotated[str, typer.Option(help="The sample id.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Where to write the image; .npy keeps floats as they are.")],
    time: Annotated[int | None, typer.Option(help="When the row was logged, microseconds; else the worst row.")] = None,
    number: Annotated[int, typer.Option(min=0, help="Which of the rows logged then, by loss.")] = 0,
    off: Annotated[list[str] | None, typer.Option(help="Path of a step to leave out.")] = None,
    set_value: Annotated[list[str] | None, typer.Option("--set", help="PATH.NAME=JSON, a value to change.")] = None,
) -> None:
    """Make a row's image again, perhaps without some steps or with other values."""
    study, _ = _studies([uri], data, None)
    from augury.explorer.pictures import Pictures
    from augury.explorer.study import Key
    from augury.inspect.files import write_image

    texts = [f"set {text.replace('=', ' ', 1)}" for text in set_value or ()] + [f"off {path}" for path in off or ()]
    write_image(out, Pictures(study).result(Key(sample, time, number), texts)["image"])


def _studies(uris: list[str], data: str | None, model: str | None) -> Any:
    """The ledgers with the functions that the command line names."""
    from augury.errors import FieldError

    if len(uris) > 2:
        raise FieldError(f"explore: got {len(uris)} ledgers; pass one, or two to compare")
    missing = [name for name in ("duckdb", "pyarrow", "starlette", "uvicorn", "jinja2") if find_spec(name) is None]
    if missing:
        raise ImportError(f"the explorer needs {', '.join(missing)}: pip install 'augury[explorer]'")
    from augury.explorer.functions import find
    from augury.explorer.study import Study
    from augury.ledger import opened

    source = find(data, "--data") if data else None
    score = find(model, "--model") if model else None
    studies = [Study(opened(uri), source, score, data or "", model or "") for uri in uris]
    return studies[0], studies[1] if len(studies) > 1 else None
