"""Is a search worth it? Several searches of one config, each from its own random start and evaluated with its own seed.

    python -m benchmarks.policies examples/search/cifar10_reduced OUTPUT --seeds 0,1,2,3,4 data.dataset.root=FOLDER

Searches and trainings that are done are kept in OUTPUT/SEED, so several processes may work on different seeds, and the
table is printed from what is there.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from augury.search.comparison import Evaluation
from augury.search.console import say
from augury.search.evaluate import ARMS, Bench
from augury.search.files import write_json
from augury.search.reading import load
from augury.search.run import Result, resume, search


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config_dir", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--arms", default=",".join(reversed(ARMS)))
    parser.add_argument("--table", action="store_true", help="only print what is there")
    parser.add_argument("overrides", nargs="*")
    given = parser.parse_intermixed_args()
    seeds, arms = [int(seed) for seed in given.seeds.split(",")], given.arms.split(",")
    scores: dict[str, dict[int, float]] = {}
    epochs = 0
    for seed in seeds:
        folder = given.output / str(seed)
        if not given.table:
            _search(given.config_dir, folder, seed, given.overrides)
        bench = Bench(folder)
        epochs = bench.epochs
        for arm in arms:
            result = bench.done(arm, 0) or (None if given.table else bench.run(arm, 0))
            if result is not None:
                scores.setdefault(arm, {})[seed] = result["score"]
                if not given.table:
                    print(seed, arm, f"{result['score']:.4f} in {result['seconds']:.0f} s", flush=True)
    evaluation = Evaluation.of("accuracy", epochs, scores, {**ARMS, "flip_crop": "standard baseline"})
    write_json(given.output / "evaluation.json", evaluation.to_dict())
    say(evaluation, Console())


def _search(config_dir: Path, folder: Path, seed: int, overrides: list[str]) -> Result:
    if (folder / "config.json").exists():
        return resume(folder)
    config = load(config_dir, overrides)
    quiet = replace(config.trainer, progress_bar=False)
    return search(replace(config, seed=seed, trainer=quiet), folder, config_dir)


if __name__ == "__main__":
    main()
