"""A trace as pictures: one panel per step, with masks, boxes and keypoints on it and its values beside it.

Pictures are (H, W, 3) uint8, RGB. Colours are those of Okabe and Ito, "Color Universal Design" (2008), which people
with any common kind of colour vision can tell apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np

from augury.errors import SampleError
from augury.inspect.trace import Trace, TraceStep
from augury.program import Program, Step
from augury.sample import IMAGE_ROLES, MASK_ROLES, ROLES, STACKED, Array
from augury.targets import keypoints
from augury.targets.bindings import view
from augury.targets.keypoints import KeypointParams
from augury.targets.labels import outlines
from augury.transform import REGISTRY

Picture = Array
Colour = tuple[int, int, int]

PALETTE: tuple[Colour, ...] = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
)  # fmt: skip
SMALLEST, LARGEST = (
    168,
    300,
)  # longest side of the largest picture, in pixels: smaller ones are enlarged, larger ones reduced
_REASONS = {"skipped": "skipped by chance", "not_selected": "not selected", "rejected": "rejected, drawn again"}


class Panel(NamedTuple):
    """One step as it is shown. lines: what was drawn, or why it did not run, what became of labels, how it is shown."""

    name: str
    lines: tuple[str, ...]
    milliseconds: float | None
    picture: Picture
    ran: bool = True

    @property
    def text(self) -> str:
        """The panel in words."""
        took = f", {self.milliseconds:.2f} ms" if self.milliseconds is not None else ""
        return f"{self.name}{took}{''.join('; ' + line for line in self.lines)}"


def panels(trace: Trace) -> list[Panel]:
    """The input, then every step; a step that did not run repeats the picture before it, dimmed."""
    if any(step.status == "applied" and step.snapshot is None for step in trace.steps):
        raise SampleError("show: the trace has no snapshots; make it with snapshots=True")
    strip = View(trace.program.settings, [trace.input, *(step.snapshot for step in trace.steps if step.snapshot)])
    fates: dict[str, list[str]] = {}
    for event in trace.fate:
        fates.setdefault(event["step"], []).append(f"{_which(event)} {_fate(event)}")
    out = [strip.panel("input", (), None, trace.input)]
    for step in trace.steps:
        if step.snapshot is None:
            why = ": ".join(filter(None, (_REASONS[step.status], step.reason)))
            out.append(Panel(step.name, (why,), None, dimmed(out[-1]), ran=False))
        else:
            lines = (*values_of(step), *fates.get(step.path, ()))
            out.append(strip.panel(step.name, lines, step.milliseconds, step.snapshot))
    return out


def dimmed(panel: Panel) -> Picture:
    """The panel's picture, faded towards mid grey unless it is already."""
    if not panel.ran:
        return panel.picture
    return cv2.addWeighted(panel.picture, 0.3, np.full_like(panel.picture, 200), 0.7, 0)


def _which(event: Mapping[str, Any]) -> str:
    """The label that an event is about, in its frame or instance if it is in one."""
    owner = next((f"{form}s[{event[form]}]." for form in ("instance", "frame") if form in event), "")
    return f"{owner}{event['target']}[{event['index']}]"


def _fate(event: Mapping[str, Any]) -> str:
    if event["event"] == "clipped" and event["value"] is not None:
        return f"clipped, {event['value']:.0%} left"
    return f"{event['event']} ({event['rule']})"


# ---- values ------------------------------------------------------------------------------------------------


def values_of(step: TraceStep | Step) -> tuple[str, ...]:
    """The values a step drew, one `name value` each, without those that its transform fixes."""
    cls = REGISTRY.get(step.name)
    fixed = {name for name, field in cls.fields.items() if field.keep} if cls is not None else set()
    hidden = fixed | {"shape", "init", "on_channels"}
    return tuple(_value(name, value) for name, value in step.params.items() if name not in hidden)


def _value(name: str, value: Any) -> str:
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], (list, tuple)) and name.endswith("s"):
        return f"{len(value)} {name if len(value) > 1 else name[:-1]}"
    return f"{name} {brief(value)}"


def story(record: object) -> str:
    """What a record did to its sample, in one line, without stream keys and the steps that end every pipeline."""
    parts = []
    for step in Program.from_record(record).applied:
        if step.name not in ("Normalize", "ToTensorV2"):
            values = ", ".join(value for value in values_of(step) if not value.startswith("key "))
            parts.append(f"{step.name} ({values})" if values else step.name)
    return "; ".join(parts) or "nothing"


def brief(value: Any) -> str:
    """A value in at most about 30 characters."""
    if isinstance(value, bool) or value is None:
        return str(value).lower() if value is not None else "none"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {brief(v)}" for k, v in list(value.items())[:3]) + (", ..." if len(value) > 3 else "")
    if isinstance(value, (list, tuple)):
        if len(value) > 4 or any(isinstance(v, (list, tuple)) for v in value):
            rows = f"{len(value)}" + (f" x {len(value[0])}" if value and isinstance(value[0], (list, tuple)) else "")
            return f"[{rows} values]"
        return ", ".join(map(brief, value))
    text = str(value)
    return text if len(text) <= 16 else text[:8] + "..."


# ---- pictures ----------------------------------------------------------------------------------------------


class View:
    """How the samples of one strip are drawn: one scale for all, one colour per label.

    The picture of a sample is its `image`, else its first other image, the first of its `images`, the middle slice of
    its volume, or its masks on black.
    """

    def __init__(self, settings: Mapping[str, Any], samples: list[dict[str, Any]]) -> None:
        self.roles = {**{role: role for role in ROLES}, **settings.get("additional_targets", {})}
        self.settings = settings
        self.bbox = settings.get("bbox_params") or {}
        self.keypoint = settings.get("keypoint_params") or {}
        samples = [view(sample, settings) for sample in samples]
        largest = max(max(self.base(sample)[0].shape[:2]) for sample in samples)
        self.scale: float = 1.0
        if largest < SMALLEST:
            self.scale = float(-(-SMALLEST // largest))
        elif largest > LARGEST:
            self.scale = LARGEST / largest
        self.colours: dict[str, Colour] = {}
        for params in (self.bbox, self.keypoint):
            for field in (params.get("label_fields") or [])[:1]:
                for label in samples[0].get(field, ()):
                    self.colours.setdefault(str(label), PALETTE[len(self.colours) % len(PALETTE)])

    def panel(self, name: str, lines: tuple[str, ...], took: float | None, sample: Mapping[str, Any]) -> Panel:
        sample = view(sample, self.settings)
        base, notes = self.base(sample)
        height, width = base.shape[:2]
        size = (max(1, round(width * self.scale)), max(1, round(height * self.scale)))
        # OpenCV's area method enlarges by repeating pixels only if the factor is whole, which it is here.
        picture = cv2.resize(base, size, interpolation=cv2.INTER_NEAREST if self.scale >= 1 else cv2.INTER_AREA)
        for mask, colour in self.masks(sample, height, width):
            _paint(picture, cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), colour)
        self._boxes(picture, sample, height, width)
        self._keypoints(picture, sample, height, width)
        if name == "input":
            lines = (*lines, f"{width} x {height}")
        return Panel(name, (*lines, *notes), took, picture)

    def base(self, sample: Mapping[str, Any]) -> tuple[Picture, list[str]]:
        """The sample's picture without labels, and how it was made viewable."""
        sample = view(sample, self.settings)
        images = [name for name in sample if self.roles.get(name) in IMAGE_ROLES and sample[name] is not None]
        if images:
            name = "image" if "image" in images else images[0]
            frame, note = _frame(sample[name], self.roles[name])
            picture, how = viewable(frame)
            return picture, [*note, *how]
        for name, value in sample.items():
            if self.roles.get(name) in MASK_ROLES and value is not None:
                frame, _ = _frame(value, self.roles[name])
                return np.zeros((*np.shape(frame)[:2], 3), np.uint8), []
        raise SampleError(f"show: nothing to draw among {', '.join(sample) or 'no targets'}; pass an image or a mask")

    def masks(self, sample: Mapping[str, Any], height: int, width: int) -> Iterator[tuple[Picture, Colour]]:
        """Every region of every mask as (H, W) of 0 and 1, and its colour."""
        for name, value in sample.items():
            role = self.roles.get(name)
            if role not in MASK_ROLES or value is None:
                continue
            if role == "masks":
                regions = [(i + 1, _plane(mask, height, width) != 0) for i, mask in enumerate(value)]
            else:
                plane = _plane(_frame(value, role)[0], height, width)
                if plane.ndim == 3:
                    regions = [(i + 1, plane[..., i] != 0) for i in range(plane.shape[2])]
                elif plane.dtype.kind in "iu":
                    regions = [(int(v), plane == v) for v in np.unique(plane) if v]
                else:
                    regions = [(1, plane != 0)]
            for number, region in regions[:64]:
                if region.shape[:2] == (height, width):
                    flat = region.any(axis=2) if region.ndim == 3 else region
                    yield flat.astype(np.uint8), PALETTE[(number - 1) % len(PALETTE)]

    def _boxes(self, picture: Picture, sample: Mapping[str, Any], height: int, width: int) -> None:
        for name, labels in self.labels(sample, "bboxes", self.bbox):
            found, rows = outlines(sample[name], self.bbox, height, width)
            for corners, row in zip(found * self.scale, rows.tolist(), strict=True):
                label = labels[row] if row < len(labels) else ""
                colour = self.colours.get(label, PALETTE[0])
                # Lines are on pixels, inside the edges.
                middle = corners.mean(axis=0)
                at = np.rint(corners - (corners > middle)).astype(np.int32)
                cv2.polylines(picture, [at], True, (0, 0, 0), 3)
                cv2.polylines(picture, [at], True, colour, 1)
                _tag(picture, label, (int(at[0, 0]), int(at[0, 1])), colour)

    def _keypoints(self, picture: Picture, sample: Mapping[str, Any], height: int, width: int) -> None:
        for name, labels in self.labels(sample, "keypoints", self.keypoint):
            params = KeypointParams(self.keypoint.get("coord_format", "xy"), remove_invisible=False)
            found, rows = keypoints.read(sample[name], params, height, width)
            for (x, y), row in zip((found[:, :2] * self.scale).tolist(), rows.tolist(), strict=True):
                colour = self.colours.get(labels[row] if row < len(labels) else "", PALETTE[1])
                cv2.circle(picture, (int(x), int(y)), 4, (0, 0, 0), -1, cv2.LINE_AA)
                cv2.circle(picture, (int(x), int(y)), 3, colour, -1, cv2.LINE_AA)

    def labels(
        self, sample: Mapping[str, Any], role: str, params: Mapping[str, Any]
    ) -> Iterator[tuple[str, list[str]]]:
        """Names of the sample's targets of a role, each with a text per row."""
        fields: Sequence[str] = params.get("label_fields") or ()
        for name, value in sample.items():
            if self.roles.get(name) == role and value is not None and len(value):
                labels = sample.get(fields[0], ()) if name == role and fields else ()
                yield name, [str(label) for label in labels]


def viewable(value: Any) -> tuple[Picture, list[str]]:
    """An image of any kind as RGB bytes, and notes on what was done to it.

    value: (H, W) or (H, W, C) array, or a (C, H, W) tensor. Numbers outside [0, 1] are stretched over their own range.
    """
    notes = []
    image = as_array(value, channels_first=True)
    if image.ndim == 3 and image.shape[2] not in (1, 3):
        shown = 3 if image.shape[2] > 3 else 1
        notes.append(f"channels 1-{shown} of {image.shape[2]}" if shown > 1 else "channel 1 of 2")
        image = image[..., :shown]
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    elif image.dtype == np.bool_:
        image = image.astype(np.uint8) * 255
    elif image.dtype != np.uint8:
        numbers = image.astype(np.float64)
        low, high = float(numbers.min()), float(numbers.max())
        if low < -1e-6 or high > 1 + 1e-6:
            notes.append(f"rescaled from {low:.2f} .. {high:.2f}")
            numbers = (numbers - low) / max(high - low, 1e-12)
        image = np.rint(np.clip(numbers, 0, 1) * 255).astype(np.uint8)
    if image.ndim == 2:
        image = image[..., None]
    return np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3))), notes


def as_array(value: Any, channels_first: bool = False) -> Any:
    """A tensor or array as an array; a 3-D tensor as (H, W, C) if it comes with its channels first."""
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
        return np.moveaxis(value, 0, -1) if channels_first and value.ndim == 3 else value
    return np.asarray(value)


def _frame(value: Any, role: str) -> tuple[Any, list[str]]:
    """The frame of a target that is shown."""
    notes = []
    for _ in range(STACKED[role]):
        at = len(value) // 2 if role not in ("images", "masks") and np.ndim(value[0]) < 4 else 0
        notes.append(f"frame {at + 1} of {len(value)}")
        value = value[at]
    return value, notes


def _plane(mask: Any, height: int, width: int) -> Any:
    """A mask as (H, W) or (H, W, C)."""
    plane = as_array(mask)
    if plane.ndim == 3 and plane.shape[1:] == (height, width) and plane.shape[:2] != (height, width):
        plane = np.moveaxis(plane, 0, -1)
    return plane[..., 0] if plane.ndim == 3 and plane.shape[2] == 1 else plane


def _paint(picture: Picture, region: Picture, colour: Colour) -> None:
    """Tint a region (H, W) of 0 and 1, and draw its edge."""
    inside = region != 0
    picture[inside] = np.rint(picture[inside] * 0.55 + np.array(colour) * 0.45).astype(np.uint8)
    contours, _ = cv2.findContours(region, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, contours, -1, colour, 1)


def _tag(picture: Picture, text: str, at: tuple[int, int], colour: Colour) -> None:
    """A label on its colour, at the upper left corner of a box."""
    if not text:
        return
    text = printable(text[:24])
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.38, 1)
    x = max(0, min(at[0], picture.shape[1] - width - 6))
    y = max(0, min(at[1], picture.shape[0] - height - 6))
    cv2.rectangle(picture, (x, y), (x + width + 5, y + height + 5), colour, -1)
    dark = sum(colour) > 330
    ink = (0, 0, 0) if dark else (255, 255, 255)
    cv2.putText(picture, text, (x + 3, y + height + 2), cv2.FONT_HERSHEY_SIMPLEX, 0.38, ink, 1, cv2.LINE_AA)


def printable(text: str) -> str:
    """Text with what OpenCV's fonts cannot draw replaced by question marks."""
    return text.encode("ascii", "replace").decode()
