"""A ledger of ten million rows: make it, and time what is asked of it, every question in a process of its own.

    python -m benchmarks.ledger_scale make FOLDER [--rows 10000000] [--parts 64]
    python -m benchmarks.ledger_scale ask FOLDER        seconds, warm, and peak memory of each question
    python -m benchmarks.ledger_scale append FOLDER     four processes log ten million rows; none may be lost

The rows are those of four ranks that train for 50 epochs on 200,000 samples. Records are real: 20,000 drawn by a
pipeline and dealt out at random, so each page of a file holds hardly any twice. Losses are made up: a level of the
sample, a trend over epochs, noise, and 0.8 more where Rotate turned by over 120 degrees.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import augury as A
from augury.ledger import Ledger, manifest, parts, store
from augury.ledger.columns import FIXED, Records

DRAWN = 20_000
EPOCHS, RANKS = 50, 4
SIDE = 96


def pipeline() -> A.ReplayCompose:
    """The pipeline whose records the ledger holds."""
    return A.ReplayCompose(
        [
            A.RandomResizedCrop(size=(64, 64), p=1),
            A.HorizontalFlip(p=0.5),
            A.OneOf([A.Rotate(limit=180, p=1), A.GaussianBlur(p=1), A.Perspective(p=1)], p=0.6),
            A.RandomBrightnessContrast(brightness_limit=0.4, contrast_limit=0.4, p=0.5),
            A.HueSaturationValue(p=0.3),
            A.GaussNoise(p=0.3),
        ],
        seed=137,
    )


def source(sample_id: str) -> dict[str, Any]:
    """The picture of a sample: (96, 96, 3) uint8, smooth, its colours and waves drawn from the id."""
    draw = np.random.default_rng(int(sample_id.removeprefix("img").removesuffix(".jpg")))
    y, x = np.mgrid[:SIDE, :SIDE]
    waves = [
        np.sin(x / draw.uniform(4, 20) + draw.uniform(0, 6)) * np.cos(y / draw.uniform(4, 20) + draw.uniform(0, 6))
        for _ in range(3)
    ]
    return {"image": np.round(127 + 120 * np.stack(waves, -1)).astype(np.uint8)}


# ---- make ------------------------------------------------------------------------------------------------


def make(folder: Path, rows: int, count: int) -> None:
    """Write a ledger of `count` parts."""
    began = time.perf_counter()
    drawn, harm = _drawn()
    print(f"{DRAWN} records drawn in {time.perf_counter() - began:.0f} s", flush=True)
    home = store.Folder(str(folder), {})
    run = manifest.describe_run(pipeline(), "(epoch, index)", {"num_workers": 8})
    manifest.save(home, manifest.describe(run))
    for at in range(count):
        name = f"part-{at % RANKS:05d}-{1000 + at % RANKS}-5ca1e000-{at // RANKS:06d}.parquet"
        home.write(name, parts.encode(_part(drawn, harm, rows, count, at)))
        print(f"\r{at + 1} of {count} parts, {time.perf_counter() - began:.0f} s", end="", flush=True)
    size = sum(path.stat().st_size for path in folder.glob("*.parquet"))
    print(f"\n{rows} rows, {size / 1e9:.2f} GB, {size / rows:.0f} bytes per row")


def _drawn() -> tuple[Any, Any]:
    """Records as the columns that a ledger keeps of them, and the loss that each adds."""
    augment, image = pipeline(), np.zeros((SIDE, SIDE, 3), np.uint8)
    records = Records()
    drawn = [augment(image=image, key=(0, at))["replay"] for at in range(DRAWN)]
    records.add(drawn)
    table = parts.table({name: (kind, [None] * DRAWN) for name, kind in FIXED.items()}, records, [0] * DRAWN)
    harm = [
        0.8 * any(s["status"] == "applied" and s["name"] == "Rotate" and abs(s["params"]["angle"]) > 120 for s in steps)
        for steps in ([dict(step) for step in json.loads(text)["steps"]] for text in records.texts if text)
    ]
    return table, np.array(harm)


def _part(drawn: Any, harm: Any, rows: int, count: int, at: int) -> Any:
    """The rows of one part: a stretch of what one rank logged, epoch by epoch in shuffled order."""
    import pyarrow as pa

    rank, order = at % RANKS, at // RANKS
    n = rows // count
    samples = max(RANKS, rows // EPOCHS)
    per_epoch = samples // RANKS
    place = np.arange(order * n, (order + 1) * n)
    epoch = place // per_epoch
    ids = np.empty(n, np.int64)
    for number in np.unique(epoch):
        shuffled = np.random.default_rng([1, number]).permutation(samples)[rank::RANKS]
        here = epoch == number
        ids[here] = shuffled[place[here] % per_epoch]
    draw = np.random.default_rng([2, rank, order])
    which = draw.integers(0, len(harm), n)
    level = np.random.default_rng(3).gamma(2, 0.25, samples)
    loss = level[ids] * np.exp(-epoch / 20) + harm[which] + draw.exponential(0.1, n)
    taken = drawn.take(pa.array(which))
    names = pa.array([f"img{number:06d}.jpg" for number in ids])
    made = {
        "sample_id": names,
        "epoch": pa.array(epoch),
        "step": pa.array(place // 64),
        "loss": pa.array(loss),
        **{name: taken[name] for name in taken.column_names if name not in FIXED and name != "time"},
        "time": pa.array(1_780_000_000_000_000 + place * 500, pa.timestamp("us")),
        "label": pa.array(ids % 10),
    }
    return pa.table(made)


# ---- ask -------------------------------------------------------------------------------------------------


def _table(ledger: Ledger) -> object:
    from augury.doctor.diagnose import table_of_effects

    return table_of_effects(ledger)[0]


QUESTIONS: dict[str, Any] = {
    "count": len,
    "top 20 by loss": lambda ledger: ledger.top("loss", 20),
    "top 20 of an epoch and class where Rotate ran": lambda ledger: ledger.top(
        "loss", 20, "epoch = 7 and label = 3 and list_contains(applied, 'OneOf/Rotate')"
    ),
    "top 20 with an angle above 150": lambda ledger: ledger.top("loss", 20, '"OneOf/Rotate.angle" > 150'),
    "all rows of a sample": lambda ledger: ledger.rows("sample_id = 'img000123.jpg'"),
    "mean loss by angle": lambda ledger: ledger.sql(
        'select round("OneOf/Rotate.angle") as angle, avg(loss) from drawn group by 1'
    ),
    "mean loss by angle, from the map": lambda ledger: ledger.sql(
        "select round(params['OneOf/Rotate.angle']) as angle, avg(loss) from ledger group by 1"
    ),
    "the doctor's table": _table,
}


def ask(folder: Path) -> None:
    """Every question in a fresh process, three times; the best of the last two is the warm one.

    On a machine that does other work too, processor seconds over the number of cores tell more than the clock.
    """
    print(f"{'question':46} {'first':>7} {'warm':>7} {'processor':>10}  peak memory")
    for name in QUESTIONS:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.ledger_scale", "one", str(folder), "--question", name],
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        first, warm, worked, peak = json.loads(done.stdout)
        print(f"{name:46} {first:6.2f}s {warm:6.2f}s {worked:9.2f}s {peak:6.0f} MiB", flush=True)


def _one(folder: Path, question: str) -> None:
    ledger, took, worked = Ledger(folder), [], []
    for _ in range(3):
        began, worker = time.perf_counter(), time.process_time()
        QUESTIONS[question](ledger)
        took.append(time.perf_counter() - began)
        worked.append(time.process_time() - worker)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([took[0], min(took[1:]), min(worked[1:]), peak]))


# ---- append ----------------------------------------------------------------------------------------------


def append(folder: Path, rows: int, processes: int = 4, batch: int = 256) -> None:
    """Log from several processes at once, with the flush settings of a new Ledger; count what arrived."""
    began = time.perf_counter()
    each = rows // processes
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        costs = pool.starmap(_log, [(str(folder), rank, each, batch) for rank in range(processes)])
    took = time.perf_counter() - began
    ledger = Ledger(folder)
    found = ledger.sql("select count(*) as n, count(distinct (sample_id, epoch)) as ids from ledger").to_pylist()[0]
    count = len(ledger.files())
    print(f"{processes} processes logged {each * processes:,} rows in {took:.0f} s, {count} parts")
    print(f"read back: {found['n']:,} rows, {found['ids']:,} distinct; lost: {each * processes - found['ids']}")
    print(f"time in log and close, per row: {', '.join(f'{1e6 * cost / each:.1f}' for cost, _ in costs)} us")
    print(f"processor time of them, per row: {', '.join(f'{1e6 * cost / each:.1f}' for _, cost in costs)} us")


def _log(folder: str, rank: int, rows: int, batch: int) -> tuple[float, float]:
    """Log rows of one rank; seconds and processor seconds spent in the ledger."""
    augment, image = pipeline(), np.zeros((SIDE, SIDE, 3), np.uint8)
    records = [augment(image=image, key=(rank, at))["replay"] for at in range(2048)]
    draw = np.random.default_rng(rank)
    spent = worked = 0.0
    ledger = Ledger(folder, pipeline=augment, rank=rank)
    for first in range(0, rows, batch):
        n = min(batch, rows - first)
        names = [f"rank{rank}-{at}" for at in range(first, first + n)]
        chosen = [records[at % 2048] for at in range(first, first + n)]
        losses = draw.exponential(1, n)
        began, worker = time.perf_counter(), time.process_time()
        ledger.log(names, record=chosen, loss=losses, epoch=first // 500_000, step=first // batch)
        spent += time.perf_counter() - began
        worked += time.process_time() - worker
    began, worker = time.perf_counter(), time.process_time()
    ledger.close()
    return spent + time.perf_counter() - began, worked + time.process_time() - worker


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["make", "ask", "append", "one"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--parts", type=int, default=64)
    parser.add_argument("--question", choices=list(QUESTIONS))
    asked = parser.parse_args()
    if asked.what == "make":
        make(asked.folder, asked.rows, asked.parts)
    elif asked.what == "ask":
        ask(asked.folder)
    elif asked.what == "append":
        append(asked.folder, asked.rows)
    else:
        _one(asked.folder, asked.question)


if __name__ == "__main__":
    main()
