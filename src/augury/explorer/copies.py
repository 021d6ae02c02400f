"""A program as text to take away: as Python, as JSON, as a command. Each gives the pixels that the page shows."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from augury.explorer.edits import Edited
from augury.explorer.study import Key, Study


def of(study: Study, key: Key, row: Mapping[str, Any], edited: Edited) -> dict[str, str | None]:
    """The program as Python, JSON and a command; without `--data module:function` there is no command."""
    return {
        "python": _python(study, row, edited),
        "json": json.dumps(edited.program.to_record(), indent=1),
        "command": _command(study, key, edited),
    }


def _python(study: Study, row: Mapping[str, Any], edited: Edited) -> str:
    lines = ["import augury as A"]
    module, colon, function = study.data_name.partition(":")
    lines += [f"from {module} import {function}"] if colon else []
    lines.append("")
    if edited.drawn or row["key"].time is None:
        lines.append(f"program = A.Program.from_record({edited.program.to_record()!r})")
    else:
        lines += [
            f"ledger = A.Ledger({study.ledger.uri!r})",
            f"[row] = ledger.rows({_where(row)[0]!r}, {_where(row)[1]!r}, limit=1)",
            "program = A.Program.from_record(row['record'])",
        ]
        lines += [f"program = program.set({path!r}, {_keywords(held)})" for path, held in edited.values.items()]
        lines += [
            f"program = program.drop({path!r})"
            for path in sorted(edited.off)
            if not any(step.path == path for step in edited.program.steps)
        ]
    sample = f"{function}({row['sample_id']!r})" if colon else "sample"
    if not colon:
        lines.append("sample = ...  # the targets of this sample, such as {'image': image}")
    lines.append(f"result = A.replay(program, **{sample})")
    return "\n".join(lines) + "\n"


def _where(row: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """The condition that finds a row, with its parameters."""
    return "sample_id = ? and time = make_timestamp(?)", [row["sample_id"], row["key"].time]


def _keywords(held: Mapping[str, Any]) -> str:
    if all(name.isidentifier() for name in held):
        return ", ".join(f"{name}={value!r}" for name, value in held.items())
    return f"**{dict(held)!r}"


def _command(study: Study, key: Key, edited: Edited) -> str | None:
    if not study.data_name or edited.drawn:
        return None
    words = ["augury", "ledger", "replay", study.ledger.uri, "--data", study.data_name, "--sample", key.sample_id]
    if key.time is not None:
        words += ["--time", str(key.time)]
    if key.number:
        words += ["--number", str(key.number)]
    for path, held in edited.values.items():
        for name, value in held.items():
            words += ["--set", f"{path}.{name}={json.dumps(value, separators=(',', ':'))}"]
    for path in sorted(edited.off):
        words += ["--off", path]
    return shlex.join([*words, "-o", "seen.png"])
