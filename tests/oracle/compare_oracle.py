"""Compare augury with the oracle's results and write docs/oracle.md: `python -m tests.oracle.compare_oracle`.

`--detail` prints one line per check and input that differs. Exits 1 if a transform differs and REASONS is silent.
"""

from __future__ import annotations

import argparse
import json
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.samples import Array
from tests.oracle import specs

FOLDER = Path(__file__).parent / "out"
PAGE = Path(__file__).parents[2] / "docs" / "oracle.md"

REASONS: dict[str, str] = {}
"""Why a transform deliberately differs, by name."""

SAME = {"levels": 1.0, "values": 1e-4, "mask": 0.0, "bboxes": 1e-3, "keypoints": 1e-3, "statistics": 0.02}
"""Largest difference that counts as agreement: one level of 255, 1e-4 of full range, no mask pixel, 1e-3 pixels,
two hundredths of full range (mean, deviation) or of the values (share) for random arrays."""

INTRODUCTION = """# Beside the oracle

Every transform with its ranges set to single values, run by MIT Albumentations 2.0.8 and by augury on the same images
(RGB 97 x 131 and 64 x 64, gray, float32), with a mask, boxes and keypoints where pixels move. The table is written by
`./run oracle`; `./run oracle --detail` prints every difference.

*levels*: largest (and mean) absolute difference of integer results, in 255ths of full range · *values*: the same for
float results · *mask*: share of mask pixels that differ · *boxes*, *points*: largest difference in pixels. Transforms
that choose among a few results (D4, ChannelShuffle) are compared as the set of results over 128 draws; random arrays
(noise) by the mean, the deviation and the share of changed values over 24 draws, as fractions (*statistics*).
Transforms whose place or field is random at any setting (Perspective, Erasing, RandomToneCurve beyond the straight
line, elastic fields beyond zero) have no fixed result to compare.
"""


@dataclass
class Row:
    """What was found for one transform."""

    checks: int = 0
    largest: dict[str, float] = field(default_factory=dict)
    means: dict[str, list[float]] = field(default_factory=dict)
    notes: set[str] = field(default_factory=set)

    def add(self, column: str, difference: Array) -> None:
        """Count absolute differences under a column."""
        top = float(difference.max()) if difference.size else 0.0
        self.largest[column] = max(self.largest.get(column, 0.0), top)
        self.means.setdefault(column, []).append(float(difference.mean()) if difference.size else 0.0)

    def cell(self, column: str) -> str:
        """Largest (mean) difference, or nothing."""
        if column not in self.largest:
            return ""
        top, mean = self.largest[column], float(np.mean(self.means[column]))
        if top == 0:
            return "0"
        return f"{top:.3g} ({mean:.2g})" if column in ("levels", "values") else f"{top:.3g}"

    @property
    def agrees(self) -> bool:
        """Whether everything was compared and is within SAME."""
        return not self.notes and all(top <= SAME[column] for column, top in self.largest.items())


def differences(check: specs.Check, target: str, ours: Array, theirs: Array) -> tuple[str, Array] | str:
    """The column and the absolute differences, or why they cannot be compared."""
    if ours.shape != theirs.shape:
        return f"{target}: shape {ours.shape}, oracle {theirs.shape}"
    if ours.dtype != theirs.dtype and target in ("image", "mask"):
        return f"{target}: {ours.dtype}, oracle {theirs.dtype}"
    gap = np.abs(ours.astype(np.float64) - theirs.astype(np.float64))
    if target == "mask":
        return "mask", np.asarray([np.mean(gap > 0)])
    if target != "image":
        return target, gap
    if check.how == "statistics":
        return "statistics", gap
    if ours.dtype.kind == "f":
        return "values", gap
    return "levels", gap * 255 / np.iinfo(ours.dtype).max


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--detail", action="store_true")
    parser.add_argument("--only", metavar="TRANSFORM", help="one transform; the page is left alone")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    import augury

    about = json.loads((FOLDER / "results.json").read_text())
    oracle = np.load(FOLDER / "results.npz")
    checks = specs.checks()
    if about["checks"] != [check.id for check in checks]:
        raise SystemExit("the oracle's results are of other checks; run `./run oracle`")
    rows: dict[str, Row] = {}
    for index, check in enumerate(checks):
        if given.only not in (None, check.transform):
            continue
        row = rows.setdefault(check.transform, Row())
        for name in check.inputs:
            where = f"{check.id} on {name}"
            if f"{index}|{name}" in about["errors"]:
                continue
            row.checks += 1
            try:
                ours = specs.run(augury, check, name)
            except Exception as error:
                row.notes.add(f"{type(error).__name__} for {check.arguments}")
                if given.detail:
                    print(f"{where}: {type(error).__name__}: {error}")
                continue
            for target, value in ours.items():
                found = differences(check, target, value, oracle[f"{index}|{name}|{target}"])
                if isinstance(found, str):
                    row.notes.add(found)
                    if given.detail:
                        print(f"{where}: {found}")
                    continue
                row.add(*found)
                if given.detail and found[1].size and found[1].max() > SAME[found[0]]:
                    print(f"{where}: {found[0]} max {found[1].max():.4g} mean {found[1].mean():.4g}")
    columns = ("levels", "values", "mask", "bboxes", "keypoints", "statistics")
    lines = [
        "| transform | results | levels | values | mask | boxes | points | statistics | agrees | reason |",
        "| --- " * 10 + "|",
    ]
    unexplained = []
    for name, row in rows.items():
        reason = REASONS.get(name, "")
        if not row.agrees and not reason:
            unexplained.append(name)
            reason = "; ".join(sorted(row.notes))[:160].replace("|", "/")
        cells = [
            name,
            str(row.checks),
            *(row.cell(column) for column in columns),
            "yes" if row.agrees else "no",
            reason,
        ]
        lines.append("| " + " | ".join(cells) + " |")
    agreeing = sum(row.agrees for row in rows.values())
    table = "\n".join(lines)
    versions = ", ".join(f"{library} {version}" for library, version in about["versions"].items())
    summary = f"{agreeing} of {len(rows)} transforms agree. Oracle: {versions}."
    print(table if given.only or given.detail else summary)
    if unexplained:
        print(f"different without a reason: {', '.join(unexplained)}")
    if not given.only:
        PAGE.write_text(f"{INTRODUCTION}\n{summary}\n\n{table}\n")
    return 1 if unexplained else 0


if __name__ == "__main__":
    raise SystemExit(main())
