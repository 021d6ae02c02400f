"""Run the Python snippets of the documentation, each file from top to bottom.

Blocks fenced as ```python run, sharing one namespace per file, in an empty working folder; blocks with another info
string (```py, ```text, ```sh) are only shown. A snippet makes the images it needs, so it runs for the reader too.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

import cv2
import pytest

from augury.transform import REGISTRY
from docs import make_gallery, make_reference, pictures

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
    with patch.dict(REGISTRY):  # transforms of the page are gone after it
        for line, code in snippets(page):
            exec(compile("\n" * (line - 1) + code, str(page), "exec"), module.__dict__)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()]
    assert not missing


WRITTEN = make_gallery.pages()


@pytest.mark.parametrize("page", WRITTEN, ids=name)
def test_written_pages_are_up_to_date(page: Path) -> None:
    """Otherwise run `python -m docs.make_gallery`."""
    assert page.read_text(encoding="utf-8") == WRITTEN[page]


def test_no_page_or_picture_is_left_over() -> None:
    assert {path.name for path in make_gallery.PICTURES.iterdir()} == make_gallery.wanted()
    assert set((ROOT / "docs/transforms").iterdir()) <= set(WRITTEN)
    assert sum(path.stat().st_size for path in make_gallery.PICTURES.iterdir()) < 2_500_000


@pytest.mark.parametrize("family", dict(make_reference.families()))
def test_pictures_show_what_the_transforms_do(family: str) -> None:
    """Otherwise run `python -m docs.make_gallery`; lossy files are compared at an eighth of their size."""
    for cls in dict(make_reference.families())[family]:
        made = pictures.strip(cls)
        kept = cv2.imread(str(make_gallery.PICTURES / f"{cls.__name__}.webp"))[..., ::-1]
        assert kept.shape == made.shape, cls
        small = [cv2.resize(part, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA) for part in (kept, made)]
        assert cv2.absdiff(*small).mean() < 5, cls


def test_every_transform_has_a_family() -> None:
    listed = [cls.__name__ for _, family in make_reference.families() for cls in family]
    assert sorted(listed) == sorted(make_reference.names)


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", "docs/coming-from-albumentations.md"])
def test_the_number_of_transforms_is_true(page: str) -> None:
    assert f"{len(make_reference.names)} transforms" in (ROOT / page).read_text("utf-8")


def test_contributing_shows_transforms_as_they_are() -> None:
    shown = re.findall(
        r"^```py\n(class .*?)^```", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    sources = [path.read_text("utf-8") for path in (ROOT / "src/augury/catalogue").glob("*.py")]
    assert len(shown) == 2
    for block in shown:
        assert any(block in source for source in sources), block


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8").partition("nav:")[2]
    for page in (ROOT / "docs").glob("**/*.md"):
        assert str(page.relative_to(ROOT / "docs")) in navigation
