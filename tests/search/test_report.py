from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from augury.errors import RecordError
from augury.search import charts
from augury.search.command import app
from augury.search.pictures import heat_map, kept, picture, shares, sheet, strip
from augury.search.report import report_page
from augury.search.run import Result, search
from tests.search.tiny import OPERATIONS, tiny_config, write_dataset


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("searched")
    config = tiny_config(logger={"tensorboard": True})
    return search(config, folder, write_dataset(tmp_path_factory.mktemp("config")))


@pytest.fixture(scope="module")
def page(found: Result) -> str:
    return report_page(found.folder)


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []
        self.labels: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.sources += [values[name] or "" for name in ("src", "href") if name in values]
        self.labels += [values["aria-label"] or ""] if "aria-label" in values else []
        if tag not in ("meta", "img", "br", "wbr"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_fetches_nothing(page: str) -> None:
    tags = _Tags(page)
    assert tags.open == []
    assert tags.sources and all(source.startswith("data:image/") for source in tags.sources)
    assert "://" not in page and "@import" not in page and "<script" not in page


def test_the_page_shows_metrics_policy_and_samples(page: str, found: Result) -> None:
    for title in ("loss", "d_loss", "a_loss", "Average Parameter Change", "Distance From Start"):
        assert any(label.startswith(f"{title}: ") for label in _Tags(page).labels), title
    for epoch in found.metrics["epochs"]:
        assert f'<td class="number">{epoch["d_loss"]:.4g}</td>' in page
    for name in OPERATIONS:
        assert f'<th scope="row">{name}</th>' in page
    assert page.count("samples under sub-policy") == 3
    state = found.state()
    share = 100 * state.weights[1][0][2] * state.probabilities[1][0][2]
    assert f"Rotate, sub-policy 1, stage 0: {share:.1f} %" in page
    assert f"{100 * state.totals()['ShiftX']:.1f}" in page


def test_the_stop_decision_is_drawn(found: Result, tmp_path: Path) -> None:
    for part in ("policy", "states", "config.json", "metrics.json"):
        (tmp_path / part).symlink_to(found.folder / part)
    assert "stopped</text>" not in report_page(tmp_path)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    metrics["stopping"] |= {"stop": True, "epoch": 1, "lowest_epoch": 0, "reason": "stopped falling: <so it was>"}
    (tmp_path / "metrics.json").unlink()
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    page = report_page(tmp_path)
    assert page.count("stopped</text>") == 5 and page.count("lowest</text>") == 1
    assert "stopped falling, &lt;so it was&gt;" in page
    # The search kept no samples here.
    assert "kept no samples" in page and "<img" not in page


def test_the_report_opens_no_dataset(found: Result, tmp_path: Path) -> None:
    for part in ("policy", "states", "metrics.json", "samples.npz"):
        (tmp_path / part).symlink_to(found.folder / part)
    saved = json.loads((found.folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**saved, "config_dir": str(tmp_path)}))
    (tmp_path / "dataset.py").write_text("raise SystemExit('the dataset was opened')")
    assert "samples under sub-policy 0" in report_page(tmp_path)


def test_the_command_writes_where_it_is_told(found: Result, tmp_path: Path) -> None:
    for arguments, file in (
        (["report", str(found.folder)], found.folder / "report.html"),
        (["report", str(found.folder), "-o", str(tmp_path / "deep" / "page.html")], tmp_path / "deep" / "page.html"),
    ):
        out = CliRunner().invoke(app, arguments)
        assert out.exit_code == 0 and file.read_text().startswith("<!doctype html>")


def test_an_evaluation_is_part_of_the_page(found: Result) -> None:
    held = {
        "metric": "accuracy", "epochs": 7, "verdict": "The search was worth it. So it was.",
        "arms": [
            {"name": "none", "title": "nothing", "score": {"mean": 0.5, "low": 0.4, "high": 0.6, "count": 5},
             "gain": {"mean": 0.25, "low": 0.2, "high": 0.3, "count": 5}},
            {"name": "found", "title": "found policy", "score": {"mean": 0.75, "low": None, "high": None, "count": 1},
             "gain": None},
        ],
    }  # fmt: skip
    file = found.folder / "evaluation.json"
    file.write_text(json.dumps(held))
    try:
        page = report_page(found.folder)
    finally:
        file.unlink()
    assert "<b>The search was worth it.</b> So it was." in page
    assert "50.00 ± 10.00" in page and "+25.00 ± 5.00" in page


def test_a_folder_without_a_search_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"holds no search; there is no config\.json"):
        report_page(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(RecordError, match=r"config\.json: is not JSON"):
        report_page(tmp_path)


# ---- pictures and charts -------------------------------------------------------------------------------------


def test_samples_of_different_classes_are_kept(found: Result) -> None:
    samples = kept(found.folder)
    assert len(samples) == 4 and all(sample["image"].shape == (8, 8, 3) for sample in samples)
    assert samples[0]["image"][:4].mean() > 2 * samples[1]["image"][:4].mean()  # class 1 has a dark upper half


def test_tensorboard_shows_samples_and_heat_map(found: Result) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(found.folder / "tensorboard"), {"images": 0})
    events.Reload()
    assert set(events.Tags()["images"]) == {"policy/samples", "policy/operations"}
    for tag in ("policy/samples", "policy/operations"):
        assert [image.step for image in events.Images(tag)] == [0, 1]
    # 4 samples drawn twice in a row of 8 pixels; the originals and 3 sub-policies below each other.
    image = events.Images("policy/samples")[1]
    assert (image.height, image.width) == (4 * 10, 8 * 10 - 2)


def test_sheet_and_strip(found: Result) -> None:
    samples = kept(found.folder)
    row = strip(samples)
    assert row.shape == (8, 4 * 10 - 2, 4)
    np.testing.assert_array_equal(row[:, :8, :3], samples[0]["image"])
    assert (row[:, 8:10, 3] == 0).all()
    sub_policies = found.pipeline.transforms[0].transforms
    drawn = sheet(samples, sub_policies)
    np.testing.assert_array_equal(drawn, sheet(samples, sub_policies))
    assert not np.array_equal(drawn[10:18], drawn[:8])


def test_large_pictures_are_reduced_and_masks_painted() -> None:
    image = np.zeros((300, 200, 3), np.uint8)
    mask = np.zeros((300, 200, 1), np.uint8)
    assert picture({"image": image}).max() == 0
    mask[100:200, 50:100] = 1
    out = picture({"image": image, "mask": mask})
    assert out.shape == (96, 64, 3) and out.max() > 60


def test_heat_map_is_brightest_where_most_is_applied(found: Result) -> None:
    state = found.state()
    values = shares(state)
    assert values.shape == (len(OPERATIONS), 3, 2)
    for i, name in enumerate(OPERATIONS):
        assert values[i].sum() / 3 == pytest.approx(state.totals()[name], rel=1e-5)
    out = heat_map(state)
    assert out.dtype == np.uint8 and out.shape[0] == 16 * (len(OPERATIONS) + 1)
    html = charts.heat_map(OPERATIONS, values, ["x"] * values.size, "of it")
    cells = np.array([int(v) for v in re.findall(r"--v:(\d+)", html)]).reshape(values.shape)
    np.testing.assert_array_equal(cells, np.round(100 * values / values.max()))


def test_curves_survive_one_epoch_and_flat_lines() -> None:
    for values in ([0.0], [3.0, 3.0], [1e-9, -1e9], [-0.25]):
        drawn = charts.curve(values, "x", {0: "here"})
        assert "nan" not in drawn and drawn.count("<circle") == len(values)
    assert charts.ticks(0.0, 1.0) == [0.0, 0.5, 1.0]
