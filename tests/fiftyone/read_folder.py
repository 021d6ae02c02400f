"""Does the real FiftyOne read what `Ledger.to_fiftyone` wrote? Run by FiftyOne's own environment: `./run fiftyone`.

python -m tests.fiftyone.read_folder FOLDER      the folder and its expected.json, as write_folder.py makes them
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
from pathlib import Path


def main(folder: Path) -> None:
    # A database of its own, nothing sent anywhere, and no complaint about the version of its MongoDB.
    home = tempfile.mkdtemp()
    os.environ |= {"FIFTYONE_DATABASE_DIR": home, "FIFTYONE_DO_NOT_TRACK": "true"}
    os.environ |= {"FIFTYONE_DATABASE_VALIDATION": "false", "FIFTYONE_SHOW_PROGRESS_BARS": "false"}
    import fiftyone as fo

    expected = json.loads((folder.parent / "expected.json").read_text())
    dataset = fo.Dataset.from_dir(dataset_dir=str(folder), dataset_type=fo.types.FiftyOneDataset)
    assert len(dataset) == len(expected), (len(dataset), len(expected))
    for sample, row in zip(dataset, expected, strict=True):
        assert sample.sample_id == row["sample_id"] and sample.epoch == row["epoch"]
        assert sample.loss == row["loss"] or (math.isnan(sample.loss) and row["loss"] is None)
        assert list(sample.steps) == row["steps"] and json.loads(sample.record)["steps"]
        assert Path(sample.filepath).stat().st_size > 0
        assert [box.label for box in sample.detections.detections] == row["labels"]
        for box, bounds in zip(sample.detections.detections, row["boxes"], strict=True):
            assert all(abs(a - b) < 1e-9 for a, b in zip(box.bounding_box, bounds, strict=True))
        assert len(sample.keypoints.keypoints) == row["keypoints"]
        assert list(sample.mask.get_mask().shape) == row["mask"]
        metadata = fo.ImageMetadata.build_for(sample.filepath)
        assert [metadata.height, metadata.width] == row["mask"]
    turned = dataset.match(fo.ViewField("steps").contains("Rotate")).count()
    assert turned == sum("Rotate" in row["steps"] for row in expected) > 0
    print(f"FiftyOne {fo.__version__} reads all {len(dataset)} samples as they were written")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
