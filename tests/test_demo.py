from __future__ import annotations

import json
from pathlib import Path

import pytest

for name in ("torch", "sklearn", "pyarrow", "duckdb"):
    pytest.importorskip(name)

from augury import demo  # noqa: E402
from augury.errors import FieldError  # noqa: E402
from augury.ledger import Ledger  # noqa: E402

# Python 3.12 and 3.13 warn when torch's threads are there as a worker is forked.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


def test_the_demonstration_runs_twice_in_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "demo"
    for _ in range(2):
        numbers = demo.run(out, epochs=2, samples=240, workers=0)
        assert numbers["rows"] == numbers["exact"] == 2 * 200
    printed = capsys.readouterr().out
    assert "400 of 400" in printed and str(out / "page.html") in printed
    assert len(numbers["worst"]) == 20
    losses = [row["loss"] for row in numbers["worst"]]
    assert losses == sorted(losses, reverse=True)
    assert {row["path"] for row in numbers["effects"]} >= {"Rotate", "GaussNoise"}
    page = (out / "page.html").read_text(encoding="utf-8")
    assert page.count("<article>") == 20 and numbers["worst"][0]["sample_id"] in page
    ledger = Ledger(out / "ledger")
    assert len(ledger) == 400
    assert ledger.manifest["model"]["sha256"]
    assert json.loads((out / "worst" / "01.json").read_text())["steps"]


def test_workers_log_what_the_main_process_would(tmp_path: Path) -> None:
    alone, helped = (demo.run(tmp_path / str(n), epochs=1, samples=120, workers=n) for n in (0, 2))
    digests = [
        set(map(tuple, (tuple(r.values()) for r in Ledger(n["page"].parent / "ledger").sql(QUERY).to_pylist())))
        for n in (alone, helped)
    ]
    assert digests[0] == digests[1] and len(digests[0]) == 100


QUERY = "select sample_id, epoch, digest from ledger"


def test_the_check_notices_another_image(tmp_path: Path) -> None:
    from augury.demo.check import check

    demo.run(tmp_path / "demo", epochs=1, samples=60, workers=0)
    ledger = Ledger(tmp_path / "demo" / "ledger")
    row = ledger.rows(limit=1)[0]
    ledger.log(row["sample_id"], record=[row["record"]], loss=0.0, epoch=9, digest="0" * 16)
    ledger.close()
    assert check(ledger.uri) == {"rows": 51, "differ": [[row["sample_id"], 9]]}


def test_bad_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FieldError, match=r"demo\.epochs"):
        demo.run(tmp_path, epochs=0)
    with pytest.raises(FieldError, match=r"demo\.samples"):
        demo.run(tmp_path, samples=5000)
    (tmp_path / "precious.txt").touch()
    with pytest.raises(FieldError, match=r"demo\.out"):
        demo.run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_missing_extras_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "find_spec", lambda name: None if name in ("torch", "sklearn") else True)
    with pytest.raises(ImportError, match=r"torch, scikit-learn: pip install 'augury\[demo\]'"):
        demo.run(tmp_path)
