"""Microseconds per row that `Ledger.log` costs a training loop, writing included; then the time of a few queries.

Run: python benchmarks/ledger_log.py [rows]
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from augury.ledger import Ledger

QUERIES = {
    "count": "select count(*) from ledger",
    "loss by epoch": "select epoch, avg(loss) from ledger group by 1",
    "loss by step that ran": "select path, avg(loss) from (select unnest(applied) path, loss from ledger) group by 1",
    "loss by angle": "select round(params['Rotate.angle']) angle, avg(loss) from ledger group by 1",
}


def record(draw: random.Random, index: int) -> dict[str, Any]:
    """A record of about 650 bytes of JSON, as a pipeline of five steps makes it."""
    params: dict[str, dict[str, Any]] = {
        "RandomResizedCrop": {"crop": [draw.randrange(40), draw.randrange(40), 224, 224], "size": [224, 224]},
        "HorizontalFlip": {},
        "Rotate": {"angle": draw.uniform(-30, 30)},
        "ColorJitter": {name: draw.uniform(0.8, 1.2) for name in ("brightness", "contrast", "saturation")},
        "GaussNoise": {"sigma": draw.random() / 10, "key": f"{draw.getrandbits(96):024x}"},
    }
    steps = [
        {"path": name, "name": name, "status": "applied", "params": {**drawn, "shape": [512, 512, 3]}}
        if draw.random() < 0.5
        else {"path": name, "name": name, "status": "skipped"}
        for name, drawn in params.items()
    ]
    return {
        "format": 1,
        "versions": {"augury": "0.1.0", "numpy": "2.4.6", "opencv": "5.0.0"},
        "pipeline": "f3a1c0de55aa9911",
        "seed": 137,
        "key": [index // 50_000, index % 50_000],
        "fuse": "exact",
        "signature": {"image": [[512, 512, 3], "uint8"]},
        "steps": steps,
    }


def main(rows: int) -> None:
    draw = random.Random(137)
    records = [record(draw, index) for index in range(2048)]
    size = sum(len(json.dumps(r, separators=(",", ":"))) for r in records) / len(records)
    print(f"{rows} rows, records of {size:.0f} bytes on average")
    for batch in (1, 32, 256):
        with tempfile.TemporaryDirectory() as folder:
            ledger = Ledger(folder)
            ledger.log("warm-up", record=records[0], loss=0.0)
            ledger.flush()
            spent = 0.0
            for first in range(0, rows, batch):
                names = [f"image_{i}.jpg" for i in range(first, first + batch)]
                chosen = [records[i % 2048] for i in range(first, first + batch)]
                losses = [draw.expovariate(1.0) for _ in chosen]
                start = time.perf_counter()
                ledger.log(names, record=chosen, loss=losses, epoch=first // 50_000, step=first // batch)
                spent += time.perf_counter() - start
            start = time.perf_counter()
            ledger.flush()
            cost = (spent + time.perf_counter() - start) / rows
            stored = sum(part.stat().st_size for part in Path(folder).glob("*.parquet")) / rows
            print(f"batch {batch:3d}: {1e6 * cost:5.1f} us and {stored:3.0f} stored bytes per row")
            if batch == 256:
                for name, query in QUERIES.items():
                    start = time.perf_counter()
                    ledger.sql(query)
                    print(f"{name}: {time.perf_counter() - start:.3f} s")
                start = time.perf_counter()
                ledger.top("loss", 20)
                print(f"top 20 by loss: {time.perf_counter() - start:.3f} s")
            ledger.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
