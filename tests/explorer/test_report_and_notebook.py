from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

import augury as A
from augury.explorer.functions import find
from augury.explorer.report import report
from augury.explorer.study import Study
from tests.explorer import runs


def test_a_report_holds_everything(study: Study) -> None:
    text = report(study, "A <title>")
    assert "<title>A &lt;title&gt; · augury</title>" in text
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)
    assert "<script" not in text and "&lt;script&gt;alert(1)" in text
    assert text.count('class="film ') >= 8 and text.count("data:image/png") > 48


def test_a_report_without_pictures_losses_or_rows(tmp_path: Path, ledger: A.Ledger) -> None:
    assert "Made without a data function" in report(Study(ledger))
    assert "KeyError" in report(Study(ledger, runs.broken, None, "mine:broken"))
    A.Ledger(tmp_path, pipeline=runs.pipeline())
    assert "No sample fits" in report(Study(A.Ledger(tmp_path)))


def test_a_notebook_shows_it_in_a_frame(ledger: A.Ledger) -> None:
    shown = A.explore(ledger, {name: runs.source(name) for name in runs.IDS}, runs.score, compare=ledger)
    try:
        assert f'<iframe src="{shown.url}"' in shown._repr_html_()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{20,}/", shown.url)
        with urlopen(shown.url) as answer:
            assert "frame-ancestors *" in answer.headers["content-security-policy"]
            assert "Worst samples" in answer.read().decode()
        with urlopen(f"{shown.url}picture?id=img03") as answer:
            assert answer.read().startswith(b"\x89PNG")
    finally:
        shown.close()
    with pytest.raises(A.FieldError, match=r"explore\.data: got list"):
        A.explore(ledger, [1])


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("nothing", "pass module:function"),
        ("no_such_module:x", "cannot be imported"),
        ("json:nothing", "has no"),
        ("json:__name__", "pass a function"),
    ],
)
def test_functions_are_named_on_the_command_line(spec: str, said: str) -> None:
    with pytest.raises(A.FieldError, match=said):
        find(spec, "--data")


def test_the_commands(ledger: A.Ledger, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    line = [sys.executable, "-m", "augury", "report", ledger.uri, "--data", "tests.explorer.runs:source"]
    done = subprocess.run([*line, "-o", tmp_path / "page.html"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "page.html").read_text("utf-8").endswith("</html>")
    line = [sys.executable, "-m", "augury", "explore", str(tmp_path / "none"), "--no-browser"]
    done = subprocess.run(line, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "no ledger here" in done.stderr
