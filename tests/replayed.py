"""Run in a fresh process: replays the records of a JSON file both ways and prints a digest of each result.

python -m tests.replayed FILE, where FILE holds a list of {"name", "kind", "seed", "targets", "record", "applied"}.
"""

from __future__ import annotations

import json
import sys

import augury as A
from augury.digest import digest_of_item
from tests.samples import DONORS, digest, extras, sample, settings_of


def main(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        jobs = json.load(file)
    out = []
    for job in jobs:
        every = sample(job["kind"], job["seed"])
        every |= extras(job["name"], every.get("image"))
        targets = {name: every[name] for name in job["targets"]}
        settings = settings_of(targets)
        found = {}
        if job["name"] in DONORS:  # half the ways to find donors here, the other half below
            items = targets[DONORS[job["name"]]]
            found = {item.get("id", digest_of_item(item)): item for item in items}
        alone = {name: value for name, value in targets.items() if name not in DONORS.values()}
        replayed = A.replay(job["record"], donors=found.get, **alone)
        rebuilt = A.Compose.from_applied_transforms(job["applied"], **settings)(**targets)
        rebuilt = {name: rebuilt[name] for name in replayed}
        out.append([digest(replayed), digest(rebuilt)])
    print(json.dumps(out))


if __name__ == "__main__":
    main(sys.argv[1])
