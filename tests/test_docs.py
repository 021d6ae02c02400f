"""Run the Python snippets of the documentation, each file from top to bottom.

Blocks fenced as ```python run, sharing one namespace per file, in an empty working folder; blocks with another info
string (```py, ```text, ```sh) are only shown. A snippet makes the images it needs, so it runs for the reader too.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
BLOCK = re.compile(r"^(?P<indent> *)```python[^\n]*\n(?P<code>.*?)^(?P=indent)```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def snippets(page: Path) -> list[tuple[int, str]]:
    """(number of the first code line, code) of every block that runs."""
    text = page.read_text(encoding="utf-8")
    found = []
    for block in BLOCK.finditer(text):
        indent = len(block["indent"])
        code = "\n".join(line[indent:] for line in block["code"].splitlines())
        found.append((text.count("\n", 0, block.start("code")) + 1, code))
    return found


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [page for page in PAGES if snippets(page)], ids=name)
def test_snippets_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # A real module, so that classes defined on the page can be pickled and found by name.
    module = ModuleType("page_" + re.sub(r"\W", "_", name(page)))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for line, code in snippets(page):
        exec(compile("\n" * (line - 1) + code, str(page), "exec"), module.__dict__)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()]
    assert not missing
