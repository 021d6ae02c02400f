"""How many of the doctor's suspects are wrong indeed: flip 3 % of the digits' labels, train shortly, compare.

    python -m benchmarks.suspected_labels [--epochs 12] [--seed 137]

Prints the precision of the first 10, 25 and 50 suspects, and of a plain ranking by mean loss for comparison. The
training is the demo's: its pipeline with the harmful Rotate, its network, all 1,797 digits.
"""

from __future__ import annotations

import argparse
import tempfile
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

import augury as A
from augury.demo.digits import digits, name_of, network, pipeline
from augury.ledger import Ledger


def flipped(seed: int, share: float = 0.03) -> tuple[Any, set[str]]:
    """Labels of which a share is another digit, and the names of those samples."""
    rng = np.random.default_rng(seed)
    labels = digits()[1].copy()
    chosen = rng.choice(len(labels), round(share * len(labels)), replace=False)
    labels[chosen] = (labels[chosen] + rng.integers(1, 10, len(chosen))) % 10
    return labels, {name_of(int(i)) for i in chosen}


def train(ledger: Ledger, labels: Any, made: A.ReplayCompose, epochs: int, seed: int) -> None:
    """A training loop that logs every sample."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    model = network()
    images, n = digits()[0], len(labels)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=1e-2)
    batches = -(-n // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 8e-3, total_steps=epochs * batches)
    with ledger:
        for epoch in range(epochs):
            for index in torch.randperm(n).split(64):  # type: ignore[no-untyped-call]
                made_now = [made(image=images[i], key=(epoch, i)) for i in index.tolist()]
                wanted = torch.as_tensor(labels[index.numpy()])
                losses = cross_entropy(model(torch.stack([one["image"] for one in made_now])), wanted, reduction="none")
                optimizer.zero_grad()
                losses.mean().backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
                records = [one["replay"] for one in made_now]
                names = [name_of(i) for i in index.tolist()]
                ledger.log(names, records, losses.detach(), epoch, label=wanted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=137)
    given = parser.parse_args()
    labels, wrong = flipped(given.seed)
    with tempfile.TemporaryDirectory() as folder:
        made = pipeline(given.seed)
        ledger = Ledger(folder, pipeline=made)
        train(ledger, labels, made, given.epochs, given.seed)
        suspects = [one.sample_id for one in A.doctor(ledger).suspects]
        by_mean = ledger.sql("select sample_id from ledger group by 1 order by avg(loss) desc limit 50")
    plain = by_mean["sample_id"].to_pylist()
    print(f"{len(wrong)} labels of {len(labels)} are wrong; {len(suspects)} suspects")
    for k in (10, 25, 50):
        print(
            f"first {k}: precision {precision(suspects, wrong, k):.2f}, by mean loss {precision(plain, wrong, k):.2f}"
        )


def precision(named: list[str], wrong: set[str], k: int) -> float:
    """The share of the first k that is wrong; fewer than k named count as misses."""
    return sum(name in wrong for name in named[:k]) / k


if __name__ == "__main__":
    main()
