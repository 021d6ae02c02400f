"""A policy as pictures: samples under each sub-policy, and which operations it applies.

Pictures are (H, W, 3) uint8, RGB. The samples are a few that the search kept in its folder, so that looking at a
search opens no dataset and runs nobody's code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

import augury as A
from augury.inspect.panels import View
from augury.sample import Array
from augury.search.files import write_whole

if TYPE_CHECKING:
    from augury.groups import Step
    from augury.search.data import SearchData
    from augury.search.policy import PolicyState

FILE = "samples.npz"
SAMPLES = 4
# How often each sample is drawn under a sub-policy.
DRAWS = 2
# Longest side of a picture; larger ones are reduced.
LARGEST = 96
GAP = 2

Sample = Mapping[str, Array]


# ---- samples -------------------------------------------------------------------------------------------------


def keep(folder: Path, data: SearchData) -> None:
    """Write a few samples, of different classes where there are labels, after preprocessing alone."""
    plain = type(data)(data.config, data.config_dir, data.indices, data.dataset)
    images: list[Array] = []
    masks: list[Array] = []
    seen: set[int] = set()
    spread = np.linspace(0, len(data) - 1, min(len(data), 8 * SAMPLES)).round().astype(int)
    for place in dict.fromkeys(spread.tolist()):
        image, target = plain.prepared(data.indices[place])
        if isinstance(target, int):
            if target in seen and len(seen) < data.config.num_classes:
                continue
            seen.add(target)
        else:
            masks.append(target)
        images.append(image)
        if len(images) == SAMPLES:
            break
    arrays = {"image": np.stack(images), **({"mask": np.stack(masks)} if masks else {})}

    def write(path: Path) -> None:
        with open(path, "wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    write_whole(folder / FILE, write)


def kept(folder: Path) -> list[Sample]:
    """The samples that a search kept; none if it kept none."""
    try:
        with np.load(folder / FILE, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
    except FileNotFoundError:
        return []
    return [{name: array[i] for name, array in arrays.items()} for i in range(len(arrays["image"]))]


# ---- samples under a policy ------------------------------------------------------------------------------------


def strip(samples: Sequence[Sample], step: Step | None = None, number: int = 0) -> Array:
    """The samples in a row as RGBA, gaps transparent; under a step, each as often as it is drawn there."""
    if step is None:
        return _row([picture(sample) for sample in samples])
    pipeline = A.Compose([step], seed=0)
    return _row([
        picture(pipeline(**arguments, key=(number, at, turn)))
        for at, arguments in enumerate(map(dict[str, Any], samples))
        for turn in range(DRAWS)
    ])  # fmt: skip


def picture(sample: Sample) -> Array:
    """A sample as it is looked at, masks painted on it."""
    held = {name: sample[name] for name in ("image", "mask") if name in sample}
    view = View({}, [held])
    view.scale = min(1.0, LARGEST / max(held["image"].shape[:2]))
    return view.panel("", (), None, held).picture


def _row(pictures: Sequence[Array]) -> Array:
    """Pictures of any size beside each other, as RGBA."""
    height = max(one.shape[0] for one in pictures)
    out = np.zeros((height, sum(one.shape[1] + GAP for one in pictures) - GAP, 4), np.uint8)
    x = 0
    for one in pictures:
        out[: one.shape[0], x : x + one.shape[1]] = np.dstack([one, np.full(one.shape[:2], 255, np.uint8)])
        x += one.shape[1] + GAP
    return out


def sheet(samples: Sequence[Sample], sub_policies: Sequence[Step]) -> Array:
    """The samples as they are in the first row, then a row for each sub-policy, as RGB on white."""
    first = strip([sample for sample in samples for _ in range(DRAWS)])
    rows = [first, *(strip(samples, step, number) for number, step in enumerate(sub_policies))]
    width = max(row.shape[1] for row in rows)
    out = np.full((sum(row.shape[0] + GAP for row in rows), width, 3), 255, np.uint8)
    y = 0
    for row in rows:
        there = row[..., 3:] > 0
        part = out[y : y + row.shape[0], : row.shape[1]]
        part[:] = np.where(there, row[..., :3], part)
        y += row.shape[0] + GAP
    return out


# ---- operations ------------------------------------------------------------------------------------------------


def shares(state: PolicyState) -> Array:
    """(operations, sub-policies, stages): how likely a stage applies the operation to a sample."""
    return np.moveaxis(np.array(state.weights) * np.array(state.probabilities), 2, 0)


def heat_map(state: PolicyState) -> Array:
    """Operations by sub-policies and their stages; brighter is applied more often, on a scale of its own."""
    values = shares(state)
    cell, line = 10, 16
    highest = max(float(values.max()), 1e-9)
    margin = 8 + max(cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)[0][0] for name in state.operations)
    columns = list(_columns(values.shape[1], values.shape[2], cell))
    out = np.full((line * (len(values) + 1), margin + columns[-1][2] + cell, 3), 255, np.uint8)
    for row, (name, held) in enumerate(zip(state.operations, values, strict=True)):
        top = row * line
        cv2.putText(out, name, (2, top + 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
        for sub, stage, x in columns:
            grey = np.full((1, 1), round(255 * held[sub, stage] / highest), np.uint8)
            # Cividis was made for all kinds of colour vision: Nunez, Anderton and Renslow 2018.
            colour = cv2.applyColorMap(grey, cv2.COLORMAP_CIVIDIS)[0, 0, ::-1]
            out[top + 1 : top + line - 1, margin + x : margin + x + cell - 1] = colour
    text = f"0 to {100 * highest:.0f} % per stage"
    cv2.putText(out, text, (margin, out.shape[0] - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return out


def _columns(subs: int, stages: int, cell: int) -> Iterator[tuple[int, int, int]]:
    """Sub-policy, stage and left edge of each column, sub-policies a little apart."""
    for sub in range(subs):
        for stage in range(stages):
            yield sub, stage, (sub * stages + stage) * cell + sub * 4
