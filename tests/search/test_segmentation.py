"""A search over images with masks, from the dataset to the pipelines: labels are never made up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import augury as A
from augury.search.chance import Chance
from augury.search.config import Config
from augury.search.data import OpenData
from augury.search.evaluate import evaluate
from augury.search.operations import OPERATIONS, find_operation
from augury.search.policy import ESTIMATORS, Policy
from augury.search.report import report_page
from augury.search.run import Result, search
from tests.search.tiny import tiny_config, write_dataset

MODEL = '''

import torch


class Dense(torch.nn.Module):
    """Two convolutions, and a critic on what the first one sees."""

    def __init__(self, num_classes):
        super().__init__()
        self.features = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.task = torch.nn.Conv2d(8, num_classes, 3, padding=1)
        self.critic = torch.nn.Linear(8, 1)

    def forward(self, image):
        features = self.features(image).relu()
        return self.task(features), self.critic(features.mean((2, 3)))
'''


def config() -> Config:
    return tiny_config(
        task="semantic_segmentation",
        classification_model=None,
        semantic_segmentation_model={"num_classes": 2, "_target_": "dataset.Dense"},
        data={"dataset": {"_target_": "dataset.SearchDataset", "masks": True}, "dataloader": {"batch_size": 16}},
    )


@pytest.fixture(scope="module")
def config_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_dataset(tmp_path_factory.mktemp("config"))
    with open(folder / "dataset.py", "a") as file:
        file.write(MODEL)
    return folder


@pytest.fixture(scope="module")
def found(config_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Result:
    return search(config(), tmp_path_factory.mktemp("searched"), config_dir)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_masks_under_a_policy_hold_no_new_labels(estimator: str) -> None:
    policy = Policy([find_operation(name) for name in OPERATIONS], 5, 3, 2, estimator=estimator, seed=1)
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(8, 3, 12, 10, generator=generator)
    # Class numbers that interpolation would mix to numbers in between.
    mask = torch.randint(0, 2, (8, 4, 12, 10), generator=generator) * torch.tensor([7, 50, 200, 255]).view(4, 1, 1)
    moved = 0
    for step in range(6):
        out = policy(image, mask, Chance(0, step)).mask
        assert out is not None and out.shape == mask.shape
        for plane in range(4):
            assert set(out[:, plane].unique().tolist()) <= set(mask[:, plane].unique().tolist())
        moved += not torch.equal(out, mask)
    # In a mixture of so many operations, leaving the mask as it is has the largest share.
    assert moved or estimator == "mixture"


def test_a_search_writes_pipelines_for_images_with_masks(found: Result, config_dir: Path) -> None:
    image, mask = OpenData(config(), config_dir).train.raw(0)
    assert isinstance(mask, np.ndarray)
    moved = 0
    for key in range(20):
        out = found.pipeline(image=image, mask=mask, key=key)
        assert out["mask"].shape == (2, 8, 8) and out["image"].shape == (3, 8, 8)
        assert set(out["mask"].unique().tolist()) <= {0, 1}
        moved += not np.array_equal(out["mask"].numpy().transpose(1, 2, 0), mask)
    assert moved > 3
    assert {epoch["epoch"] for epoch in found.metrics["epochs"]} == {0, 1}


def test_evaluation_measures_mean_iou(found: Result) -> None:
    result = evaluate(found.folder, 1, 2, ["none", "found"], overrides=["evaluate.held_out=0.5"])
    assert result.metric == "mean IoU"
    assert all(0 < arm.score.mean <= 1 for arm in result.arms)


def test_the_report_shows_masks(found: Result) -> None:
    assert "samples under sub-policy 2" in report_page(found.folder)
    with np.load(found.folder / "samples.npz") as held:
        assert held["mask"].shape == (4, 8, 8, 2)


def test_exported_steps_move_masks_with_nearest_labels() -> None:
    mask = np.zeros((16, 16, 2), np.uint8)
    mask[4:12, 4:12] = 200
    for name in ("Rotate", "ShearX", "Scale", "ShiftY"):
        pipeline = A.Compose([find_operation(name).transform_at(1.0, 1.0)], seed=0)
        outs = [pipeline(image=np.zeros((16, 16, 3), np.uint8), mask=mask, key=key)["mask"] for key in range(10)]
        assert set(np.unique(outs)) <= {0, 200}
        assert sum(not np.array_equal(out, mask) for out in outs) > 5
