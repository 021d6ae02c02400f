"""Run every check with Albumentations 2.0.8, in its own environment: `python -m tests.oracle.make_oracle`."""

from __future__ import annotations

import json
import platform
import warnings
from pathlib import Path
from typing import Any

import albumentations
import cv2
import numpy as np

from tests.oracle import specs

FOLDER = Path(__file__).parent / "out"


def main() -> None:
    """Write results.npz (arrays by "check index|input|target") and results.json (versions and errors)."""
    warnings.simplefilter("ignore")
    FOLDER.mkdir(exist_ok=True)
    arrays: dict[str, Any] = {}
    errors: dict[str, str] = {}
    found = specs.checks()
    for index, check in enumerate(found):
        for name in check.inputs:
            try:
                results = specs.run(albumentations, check, name)
            except Exception as error:
                errors[f"{index}|{name}"] = f"{type(error).__name__}: {error}".splitlines()[0]
                continue
            for target, value in results.items():
                arrays[f"{index}|{name}|{target}"] = value
    np.savez_compressed(FOLDER / "results.npz", **arrays)
    about = {
        "versions": {
            "albumentations": albumentations.__version__,
            "numpy": np.__version__,
            "opencv": cv2.__version__,
            "python": platform.python_version(),
        },
        "checks": [check.id for check in found],
        "names": dir(albumentations),
        "errors": errors,
    }
    (FOLDER / "results.json").write_text(json.dumps(about, indent=1))
    print(f"{len(arrays)} results of {len(found)} checks, {len(errors)} refused by the oracle")


if __name__ == "__main__":
    main()
