"""Time of a policy step: forward and backward through the policy alone, by estimator.

    python -m benchmarks.search [--batch 128] [--size 32] [--stages 4] [--device cpu]

The 14 operations of AutoAlbument. Rounds of all estimators take turns, so that what else the machine does hits them
alike; the table has the medians of all rounds, and the ratio to `mixture`.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from augury.search.chance import Chance
from augury.search.config import OPERATIONS
from augury.search.operations import find_operation
from augury.search.policy import ESTIMATORS, Policy


def seconds(policy: Policy, image: torch.Tensor, step: int) -> float:
    """Wall time of one forward and backward."""
    chance = Chance(0, step, device=image.device)
    if image.is_cuda:
        torch.cuda.synchronize()
    began = time.perf_counter()
    augmented = policy(image, None, chance)
    torch.autograd.backward(policy.objective((augmented.image - 0.5).square().flatten(1).mean(1), augmented))
    if image.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--stages", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    generator = torch.Generator().manual_seed(0)
    image = torch.rand((given.batch, 3, given.size, given.size), generator=generator).to(given.device)
    policies = {
        name: Policy([find_operation(o) for o in OPERATIONS], operation_count=given.stages, estimator=name)
        for name in ESTIMATORS
    }
    times: dict[str, list[float]] = {name: [] for name in policies}
    for step in range(given.rounds + 2):
        for name, policy in policies.items():
            taken = seconds(policy.to(given.device), image, step)
            if step > 1:  # the first rounds fill caches
                times[name].append(taken)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    print(f"{len(OPERATIONS)} operations x {given.stages} stages, batch {given.batch}, {given.size} x {given.size}")
    print("| estimator | ms per policy step | of mixture |\n|---|---:|---:|")
    for name, median in medians.items():
        print(f"| {name} | {1000 * median:.1f} | {median / medians['mixture']:.3f} |")


if __name__ == "__main__":
    main()
