"""A folder for FiftyOne, and beside it what must be in it.

python -m tests.fiftyone.write_folder FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import augury as A
from tests.samples import image, labels, mask


def source(sample_id: str) -> dict[str, Any]:
    seed = int(sample_id)
    return {"image": image(seed=seed), "mask": mask(seed=seed), **labels(seed=seed)}


def main(folder: Path) -> None:
    pipeline = A.ReplayCompose(
        [A.HorizontalFlip(p=0.5), A.Rotate(p=0.5), A.RandomCrop(40, 50, p=0.5)],
        bbox_params=A.BboxParams("pascal_voc", label_fields=["labels"]),
        keypoint_params=A.KeypointParams("xyas", label_fields=["names"]),
        seed=3,
    )
    ledger = A.Ledger(folder.parent / "runs", pipeline=pipeline)
    for i in range(20):
        record = pipeline(**source(str(i)), key=(0, i))["replay"]
        ledger.log(str(i), record=record, loss=float("nan") if i == 5 else i / 2, epoch=0, label=i % 3)
    ledger.to_fiftyone(folder, source, 20)
    expected = []
    for row in ledger.top("loss", 20):
        seen = ledger.replay(row, source)
        height, width = seen["image"].shape[:2]
        boxes = [(x0 / width, y0 / height, (x1 - x0) / width, (y1 - y0) / height) for x0, y0, x1, y1 in seen["bboxes"]]
        facts = {
            "sample_id": row["sample_id"],
            "epoch": row["epoch"],
            "steps": row["applied"],
            "labels": seen["labels"],
        }
        facts |= {"boxes": boxes, "keypoints": len(seen["keypoints"]), "mask": [height, width]}
        expected.append({**facts, "loss": None if np.isnan(row["loss"]) else row["loss"]})
    (folder.parent / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
