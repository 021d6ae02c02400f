"""One side of the comparison: `python -m benchmarks.worker LIBRARY [IMAGE]`, driven by JSON lines.

A request {"case": {...}, "repeats": k, "budget": seconds} is answered by {"seconds": s}, the lowest of k means over
as many calls as fit the budget (two calls that take longer than all of them are enough), or by {"error": text}. A
pipeline is built once and kept.
"""

from __future__ import annotations

import importlib
import json
import sys
import warnings
from collections.abc import Callable
from time import process_time
from types import ModuleType
from typing import Any

import cv2
import numpy as np

from benchmarks import samples

FEWEST_CALLS = 3


def sample(case: dict[str, Any], image_path: str | None) -> dict[str, Any]:
    """The keyword arguments of one call."""
    size = case["size"]
    if image_path is None:
        image = samples.photo(size, size, dtype=case["dtype"])
    else:
        picture = cv2.imread(image_path)
        if picture is None:
            raise SystemExit(f"{image_path}: not an image that OpenCV reads")
        image = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), (size, size), interpolation=cv2.INTER_AREA)
        if case["dtype"] == "float32":
            image = (image / 255).astype("float32")
    data: dict[str, Any] = {"image": image}
    plain: Callable[[Any], Any] = (lambda a: a) if case["container"] == "array" else (lambda a: a.tolist())
    for kind, count in case["labels"].items():
        if kind == "boxes":
            data["bboxes"] = plain(samples.boxes(count, size, size))
            data["labels"] = list(range(count))
        elif kind == "points":
            data["keypoints"] = plain(samples.points(count, size, size))
        elif kind == "mask":
            data["mask"] = samples.label_mask(size, size)
        elif kind == "volume":
            del data["image"]
            data["volume"] = np.stack([samples.photo(size, size, 0, seed=i) for i in range(size // 2)])
        elif kind.endswith("_metadata"):
            data[kind] = samples.metadata(kind, count, size)
        else:
            data[kind] = [size // 4, size // 4, size // 2, size // 2]
    return data


def call(library: ModuleType, case: dict[str, Any], image_path: str | None) -> Callable[[], Any]:
    """A function that runs the case once."""
    options = dict(case["options"])
    if case["compose"] == "Compose":
        options["seed"] = 137
    if "boxes" in case["labels"]:
        options["bbox_params"] = library.BboxParams(format="pascal_voc", label_fields=["labels"])
    if "points" in case["labels"]:
        options["keypoint_params"] = library.KeypointParams(format="xy")
    pipeline = samples.pipeline(library, case["spec"], case["compose"], **options)
    data = sample(case, image_path)
    return lambda: pipeline(**data)


def measure(run: Callable[[], Any], repeats: int, budget: float) -> float:
    """Seconds of the processor a call: the lowest of `repeats` means over about `budget` seconds each."""
    start = process_time()
    run()
    run()
    once = (process_time() - start) / 2
    if once > repeats * budget:
        return once
    calls = max(FEWEST_CALLS, int(budget / max(once, 1e-7)))
    lowest = float("inf")
    for _ in range(repeats):
        start = process_time()
        for _ in range(calls):
            run()
        lowest = min(lowest, (process_time() - start) / calls)
    return lowest


def main() -> None:
    name = sys.argv[1]
    image_path = sys.argv[2] if len(sys.argv) > 2 else None
    cv2.setNumThreads(1)
    cv2.ocl.setUseOpenCL(False)
    warnings.simplefilter("ignore")
    answers, sys.stdout = sys.stdout, sys.stderr
    library = importlib.import_module(name)
    kept: dict[str, Callable[[], Any]] = {}
    for line in sys.stdin:
        request = json.loads(line)
        case = request["case"]
        key = json.dumps(case)
        try:
            if key not in kept:
                kept[key] = call(library, case, image_path)
            answer: dict[str, Any] = {"seconds": measure(kept[key], request["repeats"], request["budget"])}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
