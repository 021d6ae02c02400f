"""A ledger's rows as a folder that FiftyOne reads: the pictures the model saw, with their labels, loss and steps.

The folder is in FiftyOne's own format for datasets on disk, `fiftyone.types.FiftyOneDataset`, in the plain form that
every version reads: metadata.json, samples.json, data/ and fields/. It is written without FiftyOne.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from augury.errors import FieldError
from augury.inspect.panels import View, as_array
from augury.targets import keypoints
from augury.targets.bindings import view
from augury.targets.keypoints import KeypointParams
from augury.targets.labels import outlines

if TYPE_CHECKING:
    from augury.ledger.ledger import Ledger, Source

_OWN = frozenset("id filepath tags metadata created_at last_modified_at detections polylines keypoints mask".split())


def to_fiftyone(
    ledger: Ledger, folder: str | os.PathLike[str], source: Source, n: int, column: str, where: str | None,
    parameters: Sequence[object],
) -> str:  # fmt: skip
    """See `Ledger.to_fiftyone`."""
    root = Path(folder)
    if root.exists() and any(root.iterdir()):
        raise FieldError(f"to_fiftyone.folder: {root} is not empty; pass a new one")
    condition = "record is not null" if where is None else f"record is not null and ({where})"
    rows = ledger.top(column, n, condition, parameters)
    (root / "data").mkdir(parents=True)
    samples = []
    for number, row in enumerate(rows):
        result = ledger.replay(row, source)
        samples.append({**_fields(row), **_drawn(root, f"{number:06d}", row["record"].get("settings", {}), result)})
    info = {"ledger": ledger.uri, "fingerprint": ledger.manifest.get("fingerprint")}
    _write(root / "metadata.json", {"name": root.name, "media_type": "image", "info": info})
    _write(root / "samples.json", {"samples": samples})
    return str(root)


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row's columns; names that FiftyOne keeps for itself get an underscore behind them."""
    out: dict[str, Any] = {"tags": []}
    for name, value in row.items():
        if name == "record":
            value = json.dumps(value)
        elif name == "applied":
            name = "steps"
        elif name == "time":
            value = value.isoformat(timespec="milliseconds") + "Z"
        if value is not None:
            out[f"{name}_" if name in _OWN else name] = value
    # A name with a dot would be read as a path.
    out["params"] = {name.replace(".", "_"): value for name, value in (row["params"] or {}).items()}
    return out


def _drawn(root: Path, name: str, settings: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """The picture of a result, written to the folder, and its labels as FiftyOne has them: fractions of the sides."""
    result = view(result, settings)
    picture, _ = View(settings, [result]).base(result)
    height, width = picture.shape[:2]
    cv2.imwrite(str(root / "data" / f"{name}.png"), picture[..., ::-1])
    out: dict[str, Any] = {"filepath": f"data/{name}.png", "_media_type": "image"}
    if result.get("bboxes") is not None:
        found, rows = outlines(result["bboxes"], settings.get("bbox_params", {}), height, width)
        labels = _labels(result, settings.get("bbox_params"))
        corners = found / (width, height)
        if settings.get("bbox_params", {}).get("bbox_type") == "obb":
            out["polylines"] = {
                "_cls": "Polylines",
                "polylines": [
                    _label("Polyline", labels, row) | {"points": [points], "closed": True, "filled": False}
                    for points, row in zip(corners.tolist(), rows.tolist(), strict=True)
                ],
            }
        else:
            low, size = corners[:, 0], corners[:, 2] - corners[:, 0]
            out["detections"] = {
                "_cls": "Detections",
                "detections": [
                    _label("Detection", labels, row) | {"bounding_box": box}
                    for box, row in zip(np.hstack([low, size]).tolist(), rows.tolist(), strict=True)
                ],
            }
    if result.get("keypoints") is not None:
        point_params = KeypointParams(settings.get("keypoint_params", {}).get("coord_format", "xy"))
        found, rows = keypoints.read(result["keypoints"], point_params, height, width)
        labels = _labels(result, settings.get("keypoint_params"))
        out["keypoints"] = {
            "_cls": "Keypoints",
            "keypoints": [
                _label("Keypoint", labels, row) | {"points": [[x / width, y / height]]}
                for (x, y), row in zip(found[:, :2].tolist(), rows.tolist(), strict=True)
            ],
        }
    mask = None if result.get("mask") is None else np.squeeze(as_array(result["mask"]))
    if mask is not None and mask.ndim == 2:
        (root / "fields" / "mask").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / "fields" / "mask" / f"{name}.png"), mask.astype(np.uint8))
        out["mask"] = {"_cls": "Segmentation", "mask_path": f"fields/mask/{name}.png"}
    return out


def _labels(result: Mapping[str, Any], params: Mapping[str, Any] | None) -> list[str]:
    fields = (params or {}).get("label_fields") or ()
    return [str(label) for label in result.get(fields[0], ())] if fields else []


def _label(kind: str, labels: Sequence[str], row: int) -> dict[str, Any]:
    return {"_cls": kind, "attributes": {}, "tags": [], **({"label": labels[row]} if row < len(labels) else {})}


def _write(path: Path, data: object) -> None:
    path.write_text(
        json.dumps(data), encoding="utf-8"
    )  # with NaN and Infinity as FiftyOne, which reads them, writes them
