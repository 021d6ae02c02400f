"""What the exporters write is read back with the libraries it is for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import augury as A
from augury.errors import FieldError, SampleError
from tests.samples import image, labels, mask

PIPELINE = A.ReplayCompose(
    [A.HorizontalFlip(p=0.5), A.OneOf([A.Rotate(p=1), A.GaussNoise(p=1)], p=0.8)],
    bbox_params=A.BboxParams("pascal_voc", label_fields=["labels"]),
    keypoint_params=A.KeypointParams("xyas", label_fields=["names"]),
    seed=3,
)


def source(sample_id: str) -> dict[str, Any]:
    seed = int(sample_id)
    return {"image": image(seed=seed), "mask": mask(seed=seed), **labels(seed=seed)}


@pytest.fixture
def ledger(tmp_path: Path) -> A.Ledger:
    log = A.Ledger(tmp_path / "runs", pipeline=PIPELINE, key_scheme="(epoch, index)")
    for epoch in range(3):
        for i in range(8):
            record = PIPELINE(**source(str(i)), key=(epoch, i))["replay"]
            log.log(str(i), record=record, loss=float("nan") if i == 5 else i + epoch / 10, epoch=epoch, label=i % 3)
    return log


def by_hand(ledger: A.Ledger, epoch: int, path: str, ran: bool) -> float:
    rows = [row for row in ledger.rows("not isnan(loss)") if row["epoch"] == epoch]
    return float(np.mean([row["loss"] for row in rows if (path in row["applied"]) == ran]))


def test_tensorboard_reads_losses_steps_and_strips(ledger: A.Ledger, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = ledger.to_tensorboard(tmp_path / "tb", source, worst=2)
    events = EventAccumulator(folder, size_guidance={"images": 0, "scalars": 0, "histograms": 0})
    events.Reload()
    tags = events.Tags()
    # Scalars are stored as tensors of the scalars plugin, as TensorFlow 2 stores them.
    from tensorboard.util.tensor_util import make_ndarray

    mean = [(event.step, float(make_ndarray(event.tensor_proto))) for event in events.Tensors("loss/mean")]
    expected = np.mean([0, 1, 2, 3, 4, 6, 7])
    assert mean == [(epoch, pytest.approx(expected + epoch / 10)) for epoch in range(3)]
    with_flip = events.Tensors("loss with/HorizontalFlip")
    assert float(make_ndarray(with_flip[1].tensor_proto)) == pytest.approx(by_hand(ledger, 1, "HorizontalFlip", True))
    without = events.Tensors("loss without/OneOf/Rotate")
    assert float(make_ndarray(without[2].tensor_proto)) == pytest.approx(by_hand(ledger, 2, "OneOf/Rotate", False))
    histogram = make_ndarray(events.Tensors("losses")[0].tensor_proto)
    assert histogram[:, 2].sum() == 7
    assert tags["images"] == ["worst/01", "worst/02"]
    (strip,) = events.Images("worst/01")
    assert strip.step == 2 and strip.width > strip.height > 100
    picture = cv2.imdecode(np.frombuffer(strip.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (strip.height, strip.width, 3)


def test_mlflow_reads_params_metrics_and_files(
    ledger: A.Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    from mlflow import MlflowClient

    uri = (tmp_path / "mlruns").as_uri()
    run_id = ledger.to_mlflow(uri, experiment="digits", run_name="first")
    client = MlflowClient(uri)
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED" and run.info.run_name == "first"
    assert run.data.params["fingerprint"] == PIPELINE.fingerprint
    assert run.data.params["seed"] == "3" and run.data.params["rows"] == "24"
    history = client.get_metric_history(run_id, "loss_with/OneOf/Rotate")
    assert [metric.step for metric in history] == [0, 1, 2]
    assert history[1].value == pytest.approx(by_hand(ledger, 1, "OneOf/Rotate", True))
    assert {file.path for file in client.list_artifacts(run_id)} == {"manifest.json", "pipeline.json", "worst.json"}
    folder = Path(client.download_artifacts(run_id, "", str(tmp_path)))
    worst = json.loads((folder / "worst.json").read_text())["rows"]
    assert worst[0]["sample_id"] == "7" and len(worst) == 21
    assert A.from_dict(json.loads((folder / "pipeline.json").read_text())) == PIPELINE
    assert A.replay(worst[0]["record"], **source("7"))["image"].shape == (60, 81, 3)
    ledger.to_mlflow(uri, experiment="digits")
    assert len(client.search_runs([run.info.experiment_id])) == 2


def test_fiftyone_folder_holds_what_the_model_saw(ledger: A.Ledger, tmp_path: Path) -> None:
    folder = Path(ledger.to_fiftyone(tmp_path / "fo", source, 4, where="not isnan(loss)"))
    samples = json.loads((folder / "samples.json").read_text())["samples"]
    assert [sample["loss"] for sample in samples] == [pytest.approx(v) for v in (7.2, 7.1, 7.0, 6.2)]
    for sample, row in zip(samples, ledger.top("loss", 4), strict=True):
        seen = ledger.replay(row, source)
        assert sample["steps"] == row["applied"] and json.loads(sample["record"]) == row["record"]
        picture = cv2.imread(str(folder / sample["filepath"]), cv2.IMREAD_COLOR)
        assert np.array_equal(picture[..., ::-1], seen["image"])
        regions = cv2.imread(str(folder / sample["mask"]["mask_path"]), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(regions, seen["mask"])
        boxes = sample["detections"]["detections"]
        assert [box["label"] for box in boxes] == seen["labels"]
        for box, (x0, y0, x1, y1) in zip(boxes, seen["bboxes"], strict=True):
            left, top, width, height = box["bounding_box"]
            corners = [left * 81, top * 60, (left + width) * 81, (top + height) * 60]
            assert corners == pytest.approx([x0, y0, x1, y1])
        points = sample["keypoints"]["keypoints"]
        assert [point["label"] for point in points] == [str(name) for name in seen["names"]]


def test_fiftyone_gets_turned_boxes_as_polygons(tmp_path: Path) -> None:
    params = A.BboxParams("cxcywh", label_fields=["labels"], bbox_type="obb")
    pipeline = A.ReplayCompose([A.HorizontalFlip(p=1)], bbox_params=params)
    given = {"image": image(), "bboxes": [(40, 30, 20, 10, 90)], "labels": ["ship"]}
    log = A.Ledger(tmp_path / "runs", pipeline=pipeline)
    log.log("0", record=pipeline(**given)["replay"], loss=1.0)
    folder = Path(log.to_fiftyone(tmp_path / "fo", lambda _: given, 1))
    (sample,) = json.loads((folder / "samples.json").read_text())["samples"]
    (line,) = sample["polylines"]["polylines"]
    assert "detections" not in sample and line["label"] == "ship" and line["closed"]
    corners = {(round(x * 81, 6), round(y * 60, 6)) for x, y in line["points"][0]}
    assert corners == {(36, 20), (46, 20), (46, 40), (36, 40)}


def test_a_folder_that_holds_something_is_left_alone(ledger: A.Ledger, tmp_path: Path) -> None:
    (tmp_path / "fo").mkdir()
    (tmp_path / "fo" / "mine").write_text("")
    with pytest.raises(FieldError, match="not empty"):
        ledger.to_fiftyone(tmp_path / "fo", source)


def test_a_ledger_without_losses_says_so(tmp_path: Path) -> None:
    log = A.Ledger(tmp_path / "runs")
    log.log("a", loss=float("nan"), epoch=0)
    for export in (lambda: log.to_tensorboard(tmp_path / "tb"), lambda: log.to_mlflow((tmp_path / "ml").as_uri())):
        with pytest.raises(SampleError, match="no finite loss"):
            export()


def test_rows_without_epoch_and_steps_count_as_epoch_0(tmp_path: Path) -> None:
    from augury.ledger.summary import by_epoch, by_step

    log = A.Ledger(tmp_path / "runs")
    log.log(["a", "b"], loss=[1.0, 3.0])
    assert [(row["epoch"], row["rows"], row["mean"]) for row in by_epoch(log)] == [(0, 2, 2.0)]
    assert by_step(log) == []
