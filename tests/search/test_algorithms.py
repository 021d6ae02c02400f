from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from augury.errors import FieldError
from augury.search.algorithms import ALGORITHMS, Batch, SearchAlgorithm, Settings, Step, find_algorithm, task_losses
from augury.search.algorithms.density_matching import DensityMatching
from augury.search.algorithms.validation_gradient import ValidationGradient
from augury.search.chance import Chance
from augury.search.models import SearchModel, SmallModel
from augury.search.operations import find_operation
from augury.search.policy import Policy


def made(kind: type[SearchAlgorithm], seed: int = 0) -> SearchAlgorithm:
    """An algorithm for two classes; the policy learns fast."""
    torch.manual_seed(seed)
    operations = [
        find_operation(name) for name in ("VerticalFlip", "HorizontalFlip", {"name": "Brightness", "range": 0.1})
    ]
    policy = Policy(operations, num_sub_policies=1, operation_count=1, num_chunks=1, estimator="score", seed=seed)
    adam = partial(torch.optim.Adam, lr=0.01)

    def learned(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=0.1)

    return kind(policy, SearchModel(SmallModel(2), [0.5], [0.25]), Settings(adam, learned))


def samples(seed: int, count: int = 64) -> Batch:
    """Noise that is brighter in the upper half for class 1 and in the lower half for class 0."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(2, (count,), generator=generator)
    image = 0.4 * torch.rand((count, 3, 8, 8), generator=generator)
    image[:, :, :4] += 0.4 * labels[:, None, None, None]
    image[:, :, 4:] += 0.4 * (1 - labels[:, None, None, None])
    return Batch(image, labels)


def train(algorithm: SearchAlgorithm, steps: int) -> None:
    optimizers = algorithm.optimizers()

    def update(name: str, loss: Tensor) -> None:
        optimizers[name].zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizers[name].step()

    for number in range(steps):
        algorithm.step(samples(2 * number), Step(update, Chance(0, number), samples(2 * number + 1), number / steps))


@pytest.mark.parametrize("kind", [DensityMatching, ValidationGradient])
def test_what_turns_one_class_into_the_other_is_dropped(kind: type[SearchAlgorithm]) -> None:
    algorithm = made(kind)
    before = algorithm.policy.state().totals()
    train(algorithm, 80)
    after = algorithm.policy.state().totals()
    assert after["VerticalFlip"] < 0.3 * before["VerticalFlip"]
    assert after["VerticalFlip"] < 0.3 * after["HorizontalFlip"]


def test_slopes_are_products_of_gradients() -> None:
    algorithm = made(ValidationGradient).double()
    assert isinstance(algorithm, ValidationGradient)
    train_batch, held_out = (Batch(batch.image.double(), batch.target) for batch in (samples(0, 6), samples(1)))
    found = algorithm.slopes(train_batch, *algorithm.moved(held_out))

    named = [p for p in algorithm.model.parameters() if p.requires_grad]

    def gradient(batch: Batch) -> Tensor:
        loss = task_losses(algorithm.model(batch.image)[0].double(), batch.target).mean()
        parts = torch.autograd.grad(loss, named, allow_unused=True, materialize_grads=True)
        return torch.cat([part.flatten() for part in parts])

    held = gradient(held_out)
    wanted = [gradient(train_batch.part(i, i + 1)) @ held / held.norm() for i in range(6)]
    # The losses bend a little within the reach of the difference, and are computed in float32.
    torch.testing.assert_close(found, torch.stack(wanted), rtol=0.06, atol=1e-3, check_dtype=False)


def test_the_policy_rests_at_first() -> None:
    algorithm = made(ValidationGradient)
    before = algorithm.policy.state()
    updated = []
    for progress in (0.0, 0.49, 0.5):
        step = Step(lambda name, loss: updated.append(name), Chance(0, 0), samples(1), progress)
        algorithm.step(samples(0), step)
    assert updated == ["main", "main", "main", "policy"] and algorithm.policy.state() == before


def test_the_rate_of_the_model_rises_and_falls_once() -> None:
    algorithm = made(ValidationGradient)
    rates = [algorithm.rate("main", step / 100) for step in range(100)]
    peak = rates.index(max(rates))
    assert rates[:peak] == sorted(rates[:peak]) and rates[peak:] == sorted(rates[peak:], reverse=True)
    assert max(rates) == pytest.approx(1) and rates[-1] < 0.01
    assert algorithm.rate("policy", 0.0) == 1


def test_algorithms_are_found_by_name() -> None:
    assert all(find_algorithm(name).name == name for name in ALGORITHMS)
    with pytest.raises(FieldError, match="did you mean 'density_matching'"):
        find_algorithm("density_matchng")
