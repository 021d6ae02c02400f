from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

import augury as A
from augury.errors import FieldError, RecordError
from augury.search.chance import Chance
from augury.search.operations import find_operation
from augury.search.policy import ESTIMATORS, Policy, PolicyState, average_parameter_change

NAMES = ["Brightness", "VerticalFlip", "Rotate", "ShiftX", "Equalize"]
OPERATIONS = [find_operation(name) for name in NAMES]


def policy(**arguments: Any) -> Policy:
    return Policy(OPERATIONS, **{"num_sub_policies": 3, "operation_count": 2, "num_chunks": 2, **arguments})


def images(count: int = 8) -> torch.Tensor:
    return torch.rand((count, 3, 8, 8), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_gradients_reach_choices_probabilities_and_magnitudes(estimator: str) -> None:
    held = policy(estimator=estimator, temperature=1.0)
    out = held(images(), None, Chance(0, 0))
    assert out.image.shape == (8, 3, 8, 8) and out.image.min() >= 0 and out.image.max() <= 1
    held.objective((out.image**2).flatten(1).mean(1), out).backward()
    for parameter in held.parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_two_processes_augment_as_one(estimator: str) -> None:
    held = policy(estimator=estimator)
    alone = held(images(), None, Chance(4, 7)).image
    parts = [held(images()[rank::2], None, Chance(4, 7, rank, 2)).image for rank in (0, 1)]
    torch.testing.assert_close(torch.stack(parts, 1).flatten(0, 1), alone)


@pytest.mark.parametrize("estimator", ["sampled", "score"])
def test_values_of_a_sampled_policy_are_real_choices(estimator: str) -> None:
    held = Policy([find_operation("VerticalFlip")], 1, 1, 1, estimator=estimator)
    out = held(images(64), None, Chance(0, 0)).image
    flipped = images(64).flip(2)
    same = [bool((o == x).all()) for o, x in zip(out, images(64), strict=True)]
    turned = [bool((o == x).all()) for o, x in zip(out, flipped, strict=True)]
    assert all(a != b for a, b in zip(same, turned, strict=True))
    assert 10 < sum(turned) < 54


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_masks_follow_with_their_labels(estimator: str) -> None:
    held = Policy([find_operation("VerticalFlip")], 1, 1, 1, estimator=estimator)
    torch.nn.init.constant_(held.probability, 20.0)
    mask = torch.zeros((8, 2, 8, 8))
    mask[:, 1, :3] = 1.0
    out = held(images(), mask, Chance(0, 0))
    assert torch.equal(out.mask, mask.flip(2))
    torch.testing.assert_close(out.image, images().flip(2))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_labels_of_masks_are_a_subset(estimator: str) -> None:
    held = policy(estimator=estimator)
    labels = torch.randint(0, 5, (16, 8, 8), generator=torch.Generator().manual_seed(0))
    out = held(images(16), labels, Chance(0, 0))
    assert out.mask.dtype == labels.dtype
    assert set(out.mask.unique().tolist()) <= set(range(5))


@pytest.mark.parametrize("estimator", ["sampled", "score"])
def test_the_policy_learns_what_costs_nothing(estimator: str) -> None:
    """Flipping makes a loss, shifting by nothing does not: the flip goes."""
    held = Policy([find_operation("VerticalFlip"), find_operation({"name": "ShiftX", "range": 0.01})], 1, 1, 1,
                  temperature=1.0, estimator=estimator)  # fmt: skip
    optimizer = torch.optim.Adam(held.parameters(), 0.1)
    start = held.state()
    for step in range(40):
        out = held(images(32), None, Chance(0, step))
        losses = ((out.image - images(32)) ** 2).flatten(1).mean(1)
        optimizer.zero_grad()
        held.objective(losses, out).backward()
        optimizer.step()
    before, after = start.totals(), held.state().totals()
    assert after["VerticalFlip"] < 0.3 * before["VerticalFlip"]
    assert after["ShiftX"] > 2 * after["VerticalFlip"]


def test_score_gradients_are_those_of_the_expected_loss() -> None:
    """One stage, one operation: d(expected loss)/d(probability logit) is p (1 - p) times what applying costs."""
    held = Policy([find_operation("VerticalFlip")], 1, 1, 1, estimator="score")
    total = torch.zeros(())
    for step in range(40):
        out = held(images(64), None, Chance(0, step))
        held.probability.grad = None
        held.objective((out.image[:, 0, 0, 0] - images(64)[:, 0, 0, 0]).abs().detach(), out).backward()
        total += held.probability.grad.sum()
    p = held.probability.detach().sigmoid().item()
    cost = (images(64).flip(2)[:, 0, 0, 0] - images(64)[:, 0, 0, 0]).abs().mean().item()
    assert total.item() / 40 == pytest.approx(p * (1 - p) * cost, rel=0.15)


def test_the_exported_pipeline_draws_as_the_policy_says() -> None:
    operations = [find_operation(name) for name in ("HorizontalFlip", "VerticalFlip")]
    held = Policy(operations, 1, 1, 1)
    held.selection.data = torch.tensor([0.7, 0.3]).log().view(1, 1, 2)
    held.probability.data = torch.tensor([0.5, 0.9]).logit().view(1, 1, 2)
    pipeline = held.pipeline()
    image = np.arange(4, dtype=np.uint8).reshape(2, 2, 1).repeat(3, 2)
    seen = Counter(int(pipeline(image=image, key=i)["image"][0, 0, 0]) for i in range(2000))
    assert seen[1] / 2000 == pytest.approx(0.35, abs=0.03)  # HorizontalFlip brings 1 to the corner
    assert seen[2] / 2000 == pytest.approx(0.27, abs=0.03)  # VerticalFlip brings 2
    assert seen[0] / 2000 == pytest.approx(0.38, abs=0.03)
    assert held.state().totals() == pytest.approx({"HorizontalFlip": 0.35, "VerticalFlip": 0.27})


def test_pipelines_load() -> None:
    pipeline = policy().pipeline([A.Resize(8, 8)], [A.Normalize(), A.ToTensorV2()])
    assert A.from_dict(A.to_dict(pipeline)) == pipeline


def test_the_start_is_random_and_follows_from_the_seed() -> None:
    assert policy(seed=1).state() == policy(seed=1).state()
    assert policy(seed=1).state() != policy(seed=2).state()
    assert policy().state().weights[0][0] == pytest.approx([0.2] * 5)


def test_average_parameter_change_is_the_mean_over_all_operations() -> None:
    before = PolicyState(("Rotate", "VerticalFlip"), (True, False), [[[0.5, 0.5]]], [[[0.4, 0.6]]], [[[0.5, 0.5]]])
    after = PolicyState(("Rotate", "VerticalFlip"), (True, False), [[[0.25, 0.75]]], [[[0.8, 0.2]]], [[[1.0, 0.9]]])
    # Rotate: |1.0 * 0.2 - 0.5 * 0.2| = 0.1; VerticalFlip, without magnitude: |0.15 - 0.3| = 0.15.
    assert average_parameter_change(before, after) == pytest.approx(0.125)
    assert average_parameter_change(after, after) == 0


def test_states_are_plain_and_come_back() -> None:
    state = policy().state()
    assert PolicyState.from_dict(state.to_dict()) == state
    with pytest.raises(RecordError, match="policy state"):
        PolicyState.from_dict({"weights": []})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_chunks": 0}, r"policy_model\.num_chunks: got 0"),
        ({"temperature": 0.0}, r"policy_model\.temperature"),
        ({"estimator": "mixed"}, "score, sampled, mixture"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(FieldError, match=message):
        policy(**arguments)


def test_batches_smaller_than_the_chunks() -> None:
    with pytest.raises(FieldError, match="4 for 2 samples"):
        policy(num_chunks=4)(images(2), None, Chance(0, 0))


def test_no_operations() -> None:
    with pytest.raises(FieldError, match="at least one"):
        Policy([])
