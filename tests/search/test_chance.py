from __future__ import annotations

import torch

from augury.search.chance import Chance, mean_of_all
from augury.search.loaders import Share


def test_two_processes_draw_what_one_would() -> None:
    alone = Chance(3, (1, 2)).uniform("x", 8, 5)
    parts = [Chance(3, (1, 2), rank, 2).uniform("x", 4, 5) for rank in (0, 1)]
    assert torch.equal(torch.stack(parts, 1).flatten(0, 1), alone)


def test_chunks_are_those_of_the_whole_batch() -> None:
    alone = Chance(3, 0).chunks(12, 3)
    assert alone.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    parts = [Chance(3, 0, rank, 2).chunks(6, 3) for rank in (0, 1)]
    assert torch.equal(torch.stack(parts, 1).flatten(), alone)


def test_draws_depend_on_seed_step_and_name() -> None:
    draws = [Chance(*key).uniform(name, 4) for key in ((0, 0), (0, 1), (1, 0)) for name in "ab"]
    assert len({tuple(draw.tolist()) for draw in draws}) == 6
    assert torch.equal(draws[0], Chance(0, 0).uniform("a", 4))


def test_mean_of_one_process_is_its_value() -> None:
    assert mean_of_all(torch.tensor(2.5)) == 2.5


def batches(share: Share, size: int) -> list[list[tuple[int, int]]]:
    items = list(share)
    return [items[i : i + size] for i in range(0, len(items), size)]


def test_processes_share_each_batch() -> None:
    alone = Share(20, 2, 8, 0, 1, "seed")
    halves = [Share(20, 2, 4, rank, 2, "seed") for rank in (0, 1)]
    for share in (alone, *halves):
        share.set_epoch(3)
    first, second = (batches(half, 4) for half in halves)
    for whole, even, odd in zip(batches(alone, 8), first, second, strict=True):
        assert whole[::2] == even
        assert whole[1::2] == odd
        assert {epoch for epoch, _ in whole} == {3}


def test_epochs_differ_and_repeat() -> None:
    share = Share(20, 2, 8, 0, 1, "seed")
    first = list(share)
    assert len({index for _, index in first}) == 16  # nothing twice
    share.set_epoch(1)
    assert [index for _, index in share] != [index for _, index in first]
    share.set_epoch(0)
    assert list(share) == first


def test_short_data_come_again_so_that_every_batch_is_full() -> None:
    assert len(list(Share(5, 3, 4, 0, 1, "seed"))) == 12
    assert [index for _, index in Share(3, 2, 2, 0, 1, "seed", shuffle=False)] == [0, 1, 2, 0]
