"""What steps do to pictures and labels, measured while records are run again step by step; no losses needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import cv2
import numpy as np

from augury.doctor.details import transform_name, unit_of
from augury.doctor.panel import base
from augury.doctor.results import Finding, Result
from augury.errors import AuguryError
from augury.inspect.trace import trace
from augury.sample import Array
from augury.targets.labels import outlines
from augury.transform import REGISTRY

SMALL = 0.2  # what is left of a box or of the picture, below which a crop took too much of it
_CLIPPED = 0.2
_LOST = 0.2
_OFTEN = 0.1
_SHARP = 0.1  # what a blur leaves of the fine detail, as variance of the Laplacian
_FEWEST = 10


@dataclass(frozen=True, slots=True)
class Look(Result):
    """One run of a step.

    clipped: share of the image's values that it drove to the end of their range. kept: share of the picture that a crop
    kept. sharpness: variance of the Laplacian after, as a share of that before; None unless only intensities change.
    boxes, points: how many came in; lost: how many of each it removed; small: boxes of which a crop left under 20 %.
    changed: whether anything changed.
    """

    path: str
    params: Mapping[str, Any]
    milliseconds: float | None = None
    clipped: float | None = None
    kept: float | None = None
    sharpness: float | None = None
    boxes: int = 0
    boxes_lost: int = 0
    boxes_small: int = 0
    points: int = 0
    points_lost: int = 0
    changed: bool = True


@dataclass(frozen=True, slots=True)
class Strength(Result):
    """All runs of a step, in means over them; numbers that nothing was measured for are None."""

    path: str
    runs: int
    milliseconds: float | None
    clipped: float | None
    kept: float | None
    sharpness: float | None
    boxes: int
    boxes_lost: float | None
    boxes_small: float | None
    points: int
    points_lost: float | None
    idle: int
    looks: tuple[Look, ...] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, without the single runs."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "looks"}


def look_at(record: object, sample: Mapping[str, Any], callables: Mapping[str, Any] | None = None) -> list[Look]:
    """Run a record on its sample and measure every step; raises what `A.trace` raises."""
    seen = trace(record, callables=callables, **sample)
    params = seen.program.settings.get("bbox_params")
    fate: dict[str, list[dict[str, Any]]] = {}
    for event in seen.fate:
        fate.setdefault(event["step"], []).append(event)
    out = []
    before: Mapping[str, Any] = seen.input
    for step in seen.steps:
        if step.status != "applied" or step.snapshot is None:
            continue
        after = step.snapshot
        lost = [event for event in fate.get(step.path, ()) if event["event"] == "removed"]
        acts = REGISTRY[step.name].acts_on if step.name in REGISTRY else "dual"
        images = _images(before, after)
        in_boxes, in_points = len(before.get("bboxes", ())), len(before.get("keypoints", ()))
        out.append(
            Look(
                base(step.path), step.params, step.milliseconds, _clipped(*images) if images else None,
                kept_by(step.params), _sharpness(*images) if images and acts == "image" else None,
                in_boxes, sum(event["target"] == "bboxes" for event in lost), _small(before, step.params, params),
                in_points, sum(event["target"] == "keypoints" for event in lost), _changed(before, after),
            )
        )  # fmt: skip
        before = after
    return out


def _images(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Array, Array] | None:
    """The image before and after, if both are arrays of one shape and dtype."""
    one, two = before.get("image"), after.get("image")
    if (
        isinstance(one, np.ndarray)
        and isinstance(two, np.ndarray)
        and one.shape == two.shape
        and one.dtype == two.dtype
    ):
        return one, two
    return None


def _clipped(before: Array, after: Array) -> float | None:
    top = 1.0 if before.dtype.kind == "f" else float(np.iinfo(before.dtype).max)
    if before.dtype.kind == "f" and (before.min() < 0 or before.max() > 1):
        return None  # normalised: there are no ends to be driven to
    fresh = ((after <= 0) & (before > 0)) | ((after >= top) & (before < top))
    return float(fresh.mean())


def _sharpness(before: Array, after: Array) -> float | None:
    was, now = _detail(before), _detail(after)
    return now / was if was > 1e-9 else None


def _detail(image: Array) -> float:
    return float(cv2.Laplacian(np.ascontiguousarray(image).astype(np.float32), cv2.CV_32F).var())


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return any(
        not np.array_equal(np.asarray(value), np.asarray(after[name]))
        if isinstance(value, np.ndarray)
        else value is not after[name] and str(value) != str(after[name])
        for name, value in before.items()
        if name in after
    )


def _window(params: Mapping[str, Any]) -> tuple[float, float, float, float, float, float] | None:
    """x_min, y_min, x_max, y_max of a crop within the picture, and the picture's width and height."""
    window, shape = params.get("crop_coords"), params.get("shape")
    if not window or not shape or len(window) != 4 or len(shape) < 2:
        return None
    x0, y0, x1, y1 = (float(v) for v in window)
    height, width = float(shape[0]), float(shape[1])
    return max(x0, 0), max(y0, 0), min(x1, width), min(y1, height), width, height


def kept_by(params: Mapping[str, Any]) -> float | None:
    """The share of the picture that a crop keeps, from what it drew; None for steps that do not crop."""
    found = _window(params)
    if found is None:
        return None
    x0, y0, x1, y1, width, height = found
    return max(x1 - x0, 0) * max(y1 - y0, 0) / (width * height)


def _small(before: Mapping[str, Any], params: Mapping[str, Any], settings: Any) -> int:
    """How many boxes a crop leaves less than 20 % of, the lost ones included."""
    window = _window(params)
    if window is None or not settings or not len(before.get("bboxes", ())):
        return 0
    x0, y0, x1, y1, width, height = window
    try:
        found, _ = outlines(before["bboxes"], settings, int(height), int(width))
    except AuguryError:
        return 0
    rows = np.concatenate([found.min(axis=1), found.max(axis=1)], axis=1)
    wide = np.clip(np.minimum(rows[:, 2], x1) - np.maximum(rows[:, 0], x0), 0, None)
    high = np.clip(np.minimum(rows[:, 3], y1) - np.maximum(rows[:, 1], y0), 0, None)
    area = np.maximum((rows[:, 2] - rows[:, 0]) * (rows[:, 3] - rows[:, 1]), 1e-12)
    return int((wide * high / area < SMALL).sum())


def strengths(looks: Sequence[Look]) -> list[Strength]:
    """Runs of the same step taken together, in the order in which steps were met."""
    by_path: dict[str, list[Look]] = {}
    for look in looks:
        by_path.setdefault(look.path, []).append(look)

    def mean(found: Sequence[Look], name: str) -> float | None:
        values = [value for look in found if (value := getattr(look, name)) is not None]
        return float(np.mean(values)) if values else None

    def share(found: Sequence[Look], part: str, whole: str) -> float | None:
        total = sum(getattr(look, whole) for look in found)
        return sum(getattr(look, part) for look in found) / total if total else None

    return [
        Strength(
            path, len(found), mean(found, "milliseconds"), mean(found, "clipped"), mean(found, "kept"),
            mean(found, "sharpness"), sum(look.boxes for look in found), share(found, "boxes_lost", "boxes"),
            share(found, "boxes_small", "boxes"), sum(look.points for look in found),
            share(found, "points_lost", "points"), sum(not look.changed for look in found), tuple(found),
        )
        for path, found in by_path.items()
    ]  # fmt: skip


# ---- in words --------------------------------------------------------------------------------------------


def too_strong(found: Sequence[Strength], calls: int, command: str) -> list[Finding]:
    """What goes too far: clipping, crops, blur, lost labels; and steps that ran and changed nothing.

    calls: how many records the runs come from. command: what shows them again.
    """
    out = []
    for one in found:
        name, rate = transform_name(one.path), one.runs / max(calls, 1)
        said: list[tuple[str, float, dict[str, Any], dict[str, Any]]] = []
        if one.boxes_lost is not None and one.boxes_lost >= _LOST and one.boxes >= _FEWEST:
            said.append((f"{one.boxes_lost:.0%} of boxes vanish in {name}", one.boxes_lost, {"boxes": one.boxes}, {}))
        elif one.boxes_small is not None and one.boxes_small >= _OFTEN and one.boxes >= _FEWEST:
            said.append(
                (
                    f"{name} keeps under {SMALL:.0%} of {one.boxes_small:.0%} of the boxes", one.boxes_small,
                    {"boxes": one.boxes}, {},
                )
            )  # fmt: skip
        if one.points_lost is not None and one.points_lost >= _LOST and one.points >= _FEWEST:
            said.append(
                (f"{one.points_lost:.0%} of keypoints vanish in {name}", one.points_lost, {"keypoints": one.points}, {})
            )
        if one.runs >= _FEWEST:
            said += [*_crops(one, name), *_clips(one, name), *_blurs(one, name)]
        for title, share, evidence, where in said:
            out.append(
                Finding(
                    "too_strong", title, one.path, where.get("param"),
                    (where.get("low"), where.get("high")) if where else None,
                    evidence={"runs": one.runs, "calls": calls, "share": share, **evidence}, command=command,
                    where={"path": one.path, **where}, severity=share * rate / 2,
                )
            )  # fmt: skip
        if one.runs >= _FEWEST and one.idle == one.runs:
            out.append(
                Finding(
                    "dead_step", f"{name} changed nothing in any of its {one.runs} runs", one.path,
                    evidence={"runs": one.runs, "calls": calls}, command=command, where={"path": one.path},
                    severity=0.002,
                )
            )  # fmt: skip
    return out


def _crops(one: Strength, name: str) -> list[tuple[str, float, dict[str, Any], dict[str, Any]]]:
    kept = [look.kept for look in one.looks if look.kept is not None]
    share = sum(value < SMALL for value in kept) / len(kept) if kept else 0.0
    if share < _OFTEN:
        return []
    often = "every run" if share == 1 else f"{share:.0%} of its runs"
    return [(f"{name} keeps under {SMALL:.0%} of the picture in {often}", share, {"mean_kept": one.kept}, {})]


def _clips(one: Strength, name: str) -> list[tuple[str, float, dict[str, Any], dict[str, Any]]]:
    runs = [look for look in one.looks if look.clipped is not None]
    if len(runs) < _FEWEST:
        return []
    share = float(np.mean([look.clipped for look in runs]))
    if share >= _CLIPPED:
        return [(f"{name} clips {share:.0%} of pixels", share, {"clipped": share}, {})]
    best: tuple[str, float, dict[str, Any], dict[str, Any]] | None = None
    for param in sorted({key for look in runs for key, value in look.params.items() if type(value) is float}):
        drawn = [(float(look.params[param]), look.clipped or 0.0) for look in runs if param in look.params]
        values, clipped = np.array(drawn).T
        for edge in np.unique([float(f"{v:.2g}") for v in np.quantile(values, np.linspace(0.1, 0.9, 9))]):
            for inside, side in ((values > edge, "above"), (values < edge, "below")):
                if inside.sum() < _FEWEST or (mean := float(clipped[inside].mean())) < _CLIPPED:
                    continue
                worth = mean * inside.sum()
                if best is None or worth > best[2]["worth"]:
                    unit = unit_of(one.path, param)
                    tail = f" {unit}s" if unit in ("degree", "pixel") else ""
                    bounds = {"low": edge if side == "above" else None, "high": edge if side == "below" else None}
                    best = (
                        f"{name} clips {mean:.0%} of pixels with {param} {side} {edge:g}{tail}", mean,
                        {"worth": worth, "runs_in_range": int(inside.sum())}, {"param": param, **bounds},
                    )  # fmt: skip
    if best is None:
        return []
    best[2].pop("worth")
    return [best]


def _blurs(one: Strength, name: str) -> list[tuple[str, float, dict[str, Any], dict[str, Any]]]:
    kept = [look.sharpness for look in one.looks if look.sharpness is not None]
    share = sum(value < _SHARP for value in kept) / len(kept) if kept else 0.0
    if share < _LOST:
        return []
    often = "every run" if share == 1 else f"{share:.0%} of its runs"
    return [
        (
            f"{name} leaves under {_SHARP:.0%} of the fine detail in {often}",
            share,
            {"mean_sharpness": one.sharpness},
            {},
        )
    ]
