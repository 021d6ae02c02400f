"""Facts about both dialects, as the tests need them: `python tests/data/make_dialects.py SUCCESSOR.json MIT.json`.

Each file lists what introspection says of one release: names, arguments with defaults and accepted literal values, and
targets; no source text. Written to tests/data/dialects.json: for each dialect and transform its kind and targets, the
order of its arguments, which are required, the defaults of the others (not functions), and listed choices.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def facts(path: str) -> tuple[str, dict[str, Any]]:
    """Name of a dialect, and its transforms."""
    data = json.loads(Path(path).read_text(encoding="utf-8"))
    name = {"albumentations": "mit", "albumentationsx": "successor"}[data["distribution"]]
    out = {}
    for transform in sorted(data["transforms"], key=lambda one: one["name"]):
        params = transform["params"]
        out[transform["name"]] = {
            "kind": transform["kind"],
            "targets": transform["targets"],
            "order": [param["name"] for param in params],
            "required": [param["name"] for param in params if param["required"]],
            "defaults": {
                param["name"]: param["default"]
                for param in params
                if not param["required"] and not str(param["default"]).startswith("callable:")
            },
            "choices": {param["name"]: param["choices"] for param in params if "choices" in param},
        }
    return f"{name}_{data['version']}", out


if __name__ == "__main__":
    lines = []
    for dialect, transforms in map(facts, sys.argv[1:]):
        rows = [f"  {json.dumps(name)}: {json.dumps(one)}" for name, one in transforms.items()]
        lines.append(f"{json.dumps(dialect)}: {{\n" + ",\n".join(rows) + "\n}")
    Path(__file__).with_name("dialects.json").write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")
