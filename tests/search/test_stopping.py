from __future__ import annotations

import pytest

from augury.search.stopping import decide

FALLING = [0.1, 0.08, 0.06, 0.05, 0.04]


def test_falling_goes_on() -> None:
    decision = decide(FALLING, patience=2)
    assert not decision.stop
    assert (decision.lowest, decision.lowest_epoch, decision.waited) == (0.04, 4, 0)


def test_oscillation_stops_after_the_patience_and_not_before() -> None:
    changes = [*FALLING, 0.05, 0.042, 0.055, 0.041]
    assert not decide(changes[:-1], patience=4).stop
    decision = decide(changes, patience=4)
    assert decision.stop
    assert (decision.lowest_epoch, decision.waited, decision.turns) == (4, 4, 3)
    assert "patience 4" in decision.reason


def test_a_fall_starts_the_wait_again_unless_it_is_small() -> None:
    changes = [*FALLING, 0.05, 0.042, 0.039, 0.041, 0.0395]
    assert not decide(changes, patience=4).stop
    assert decide(changes, patience=4, min_delta=0.005).stop


def test_a_steady_rise_is_no_end() -> None:
    decision = decide([0.01, 0.02, 0.03, 0.04, 0.05], patience=2)
    assert not decision.stop
    assert "rising" in decision.reason


def test_a_policy_that_never_moves_is_done() -> None:
    assert decide([0.0] * 4, patience=3).stop


@pytest.mark.parametrize("count", [1, 2])
def test_few_epochs_are_no_evidence(count: int) -> None:
    assert not decide([0.0] * count, patience=2).stop
