"""Ray in local mode: the same bytes and the same numbers as one process. Run by `./run ray`: starting takes a while."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.errors import FieldError, RecordError
from tests.samples import digest, image, labels, mask

# Ray Data warns of its own settings, which it sets itself.
pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

PIPELINE = A.ReplayCompose(
    [A.HorizontalFlip(p=0.5), A.OneOf([A.Rotate(p=1), A.GaussNoise(p=1), A.ElasticTransform(p=1)], p=0.8)],
    bbox_params=A.BboxParams("pascal_voc", label_fields=["labels"]),
    keypoint_params=A.KeypointParams("xyas", label_fields=["names"]),
    seed=3,
)


def source(sample_id: str) -> dict[str, Any]:
    seed = int(sample_id)
    return {"image": image(seed=seed), "mask": mask(seed=seed), **labels(seed=seed)}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> A.Ledger:
    folder = tmp_path_factory.mktemp("runs")
    draw = np.random.default_rng(5)
    for _ in range(2):
        log = A.Ledger(folder, pipeline=PIPELINE)
        for epoch in range(4):
            for i in range(30):
                record = PIPELINE(**source(str(i)), key=(epoch, i))["replay"]
                turned = any(s["name"] == "Rotate" and s["status"] == "applied" for s in record["steps"])
                loss = draw.gamma(2) + turned + i / 10
                log.log(str(i), record=None if i == 7 else record, loss=np.nan if i == 9 else loss, epoch=epoch)
        log.log("late", loss=None)
        log.flush()
    return A.Ledger(folder)


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    import ray

    yield
    ray.shutdown()


def told(row: Any, result: dict[str, Any]) -> tuple[str, str]:
    return row["sample_id"], digest(result)


def test_the_worst_are_replayed_byte_for_byte(ledger: A.Ledger) -> None:
    rows = ledger.top("loss", 100, "record is not null")
    alone = list(A.replay_rows(rows, source))
    spread = list(A.replay_rows(rows, source, engine="ray"))
    assert len(alone) == 100 and [digest(one) for one in spread] == [digest(one) for one in alone]
    assert list(A.replay_rows(rows, source, engine="ray", then=told)) == [
        (row["sample_id"], digest(one)) for row, one in zip(rows, alone, strict=True)
    ]


def test_errors_are_those_of_one_process(ledger: A.Ledger) -> None:
    rows = ledger.rows("sample_id = '7'")
    for engine in (None, "ray"):
        with pytest.raises(RecordError, match="sample '7': its row has no record"):
            list(A.replay_rows(rows, source, engine=engine))  # type: ignore[arg-type]
    with pytest.raises(FieldError, match="pass 'ray' or None"):
        A.replay_rows(rows, source, engine="spark")  # type: ignore[arg-type]


def test_the_doctor_gives_the_same_numbers(ledger: A.Ledger) -> None:
    here, there = A.doctor(ledger, since=1), A.doctor(ledger, since=1, engine="ray")
    assert here.facts["mean_loss"] == pytest.approx(there.facts["mean_loss"], rel=1e-12)
    assert {**here.facts, "mean_loss": 0} == {**there.facts, "mean_loss": 0}
    for name, effects in here.effects.items():
        for one, other in zip(effects, there.effects[name], strict=True):
            for field, value in one.to_dict().items():
                told = other.to_dict()[field]
                assert value == (pytest.approx(told, rel=1e-9, abs=1e-9) if isinstance(value, float) else told), field
    assert [one.title for one in here.findings] == [one.title for one in there.findings]
    assert any(one.path == "OneOf/Rotate" and one.effect is not None for one in here.effects["paired"])


def test_ray_data_reads_the_files(ledger: A.Ledger) -> None:
    import ray.data

    data = ray.data.read_parquet(ledger.files(), columns=["sample_id", "loss"])
    assert data.count() == len(ledger)
