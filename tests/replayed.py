"""Run in a fresh process: replays the records of a JSON file both ways and prints a digest of each result.

python -m tests.replayed FILE, where FILE holds a list of {"kind", "seed", "targets", "extras", "record", "applied"}.
"""

from __future__ import annotations

import json
import sys

import augury as A
from tests.samples import BOX_SETTINGS, POINT_SETTINGS, SPACE_SETTINGS, digest, sample


def main(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        jobs = json.load(file)
    out = []
    for job in jobs:
        every = {**sample(job["kind"], job["seed"]), **job["extras"]}
        targets = {name: every[name] for name in job["targets"]}
        settings = {}
        if "bboxes" in targets:
            settings = {
                "bbox_params": A.BboxParams(**BOX_SETTINGS),
                "keypoint_params": A.KeypointParams(**POINT_SETTINGS),
            }
        elif "keypoints" in targets:
            settings = {"keypoint_params": A.KeypointParams(**SPACE_SETTINGS)}
        replayed = A.replay(job["record"], **targets)
        rebuilt = A.Compose.from_applied_transforms(job["applied"], **settings)(**targets)
        out.append([digest(replayed), digest(rebuilt)])
    print(json.dumps(out))


if __name__ == "__main__":
    main(sys.argv[1])
