"""What a search learns about handwritten digits: operations that turn one digit into another must go.

    python -m benchmarks.digits [--seeds 1,2,3,4,5] [--epochs 30] [key=value ...]

Rotations of more than 45 degrees are counted by themselves. Shares are those of images that an operation is applied to.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch

from augury.search.operations import find_operation
from augury.search.policy import PolicyState
from augury.search.reading import load
from augury.search.run import search

CONFIG = Path(__file__).parents[1] / "examples" / "search" / "digits"
LARGE = "Rotate > 45°"


def shares(state: PolicyState, reach: float) -> dict[str, float]:
    """How often each operation is applied, and large rotations among them."""
    at = state.operations.index("Rotate")
    applied = torch.tensor(state.weights) * torch.tensor(state.probabilities)
    # The angle is uniform up to magnitude * reach.
    beyond = (1 - 45 / (reach * torch.tensor(state.magnitudes))).clamp_min(0)
    return {**state.totals(), LARGE: float((applied * beyond)[..., at].sum(1).mean())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1,2,3,4,5")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("overrides", nargs="*")
    given = parser.parse_intermixed_args()
    rows: dict[str, list[str]] = {}
    times = []
    for seed in given.seeds.split(","):
        options = [f"seed={seed}", f"trainer.max_epochs={given.epochs}", "trainer.progress_bar=false"]
        config = load(CONFIG, [*options, "callbacks.stopping.enabled=false", *given.overrides])
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            result = search(config, folder, CONFIG)
            reach = next(
                abs(find_operation(spec).reach) for spec in config.policy_model.operations if spec["name"] == "Rotate"
            )
            start, found = (shares(result.state(name), reach) for name in ("start", "latest"))
        times.append(time.perf_counter() - began)
        for name in found:
            rows.setdefault(name, []).append(f"{start[name]:.3f} to {found[name]:.3f}")
    last = {name: float(cells[-1].split()[-1]) for name, cells in rows.items()}
    print(f"\n| applied to | {' | '.join(f'seed {seed}' for seed in given.seeds.split(','))} |")
    print("|---|" + "---|" * len(times))
    for name in sorted(rows, key=last.__getitem__):
        print(f"| {name} | {' | '.join(rows[name])} |")
    print(f"\nseconds: {', '.join(f'{taken:.0f}' for taken in times)}")


if __name__ == "__main__":
    main()
