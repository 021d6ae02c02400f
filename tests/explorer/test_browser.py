"""Every page in a real browser. Screenshots of all of them go to build/explorer.

Without Chromium these tests are skipped, unless AUGURY_BROWSER=required says that there must be one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cv2
import numpy as np
import pytest

import augury as A
from augury.explorer.report import report
from augury.explorer.study import Study
from tests.explorer import runs

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
expect.set_options(timeout=30_000)  # a busy machine is no failure
CHROMIUM = os.environ.get("AUGURY_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None and os.environ.get("AUGURY_BROWSER") != "required":
    pytest.skip("no chromium on this machine", allow_module_level=True)

SHOTS = Path(__file__).parents[2] / "build" / "explorer"
PAGES = {
    "worst": "/",
    "originals": "/?originals=1&step=Rotate",
    "none": "/?sample=nowhere",
    "sample": "/sample?id=img03&at=0&edit=off+Rotate",
    "transforms": "/transforms",
    "findings": "/findings",
    "compare": "/compare",
    "pipeline": "/pipeline",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    assert CHROMIUM, "AUGURY_BROWSER=required, but there is no chromium"
    with sync_api.sync_playwright() as play:
        running = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Any, url: str) -> Iterator[Any]:
    """A function that opens an address in a new window; whatever the pages complain about fails the test."""
    contexts: list[Any] = []
    wrong: list[str] = []
    expected: list[str] = []

    def new(path: str, *, at: str = url, allow: str = "", **settings: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **settings})
        context.set_default_timeout(60_000)
        contexts.append(context)
        expected.append(allow)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: _check_address(request.url, at, wrong))
        page.goto(at + path)
        settled(page)
        return page

    yield new
    for context in contexts:
        context.close()
    assert not [text for text in wrong if not any(part and part in text for part in expected)]


def _check_address(address: str, at: str, wrong: list[str]) -> None:
    if not address.startswith((at, "data:", "blob:", "file:")):
        wrong.append(f"asked for {address}")


def settled(page: Any) -> Any:
    page.wait_for_selector("#wait", state="detached")
    page.wait_for_load_state("networkidle")
    return page


def pixels(page: Any, selector: str = "#seen img:not(.labels)") -> Any:
    """What the browser shows there, as RGB."""
    expect(page.locator(selector).first).to_have_js_property("complete", True)
    address = page.locator(selector).first.get_attribute("src")
    data = page.evaluate("async (u) => [...new Uint8Array(await (await fetch(u)).arrayBuffer())]", address)
    return cv2.imdecode(np.array(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def shown(page: Any) -> Any:
    """The very pixels that the browser decoded for the picture of the sample."""
    return np.array(
        page.evaluate(
            """() => { const i = document.querySelector('#seen img'); const c = document.createElement('canvas');
            c.width = i.naturalWidth; c.height = i.naturalHeight; const g = c.getContext('2d'); g.drawImage(i, 0, 0);
            return [c.height, c.width, ...g.getImageData(0, 0, c.width, c.height).data]; }"""
        )
    )


def row_of(page: Any, ledger: A.Ledger) -> dict[str, Any]:
    """The row whose sample page is open."""
    asked = parse_qs(urlsplit(page.url).query)
    [row] = ledger.rows("sample_id = ? and time = make_timestamp(?)", [asked["id"][0], int(asked["t"][0])])
    return row


def open_rotated(open_page: Any) -> Any:
    """The page of the worst sample on which Rotate ran, from the grid."""
    page = open_page("/?step=Rotate")
    page.locator("#grid .card").first.click()
    return settled(page)


def test_the_grid_shows_what_the_model_saw(open_page: Any, ledger: A.Ledger) -> None:
    page = open_page("/")
    assert page.locator("#grid .card").count() == 24
    [worst] = ledger.top("loss", 1)
    assert worst["sample_id"] == page.locator("#grid .name").first.inner_text()
    seen = A.replay(worst["record"], **runs.source(worst["sample_id"]))["image"]
    assert np.array_equal(pixels(page, "#grid .card img"), seen)
    labels = page.locator("#grid .card .labels").first
    assert labels.evaluate("i => i.naturalWidth > 0")
    alt = page.locator("#grid .card img").first.get_attribute("alt")
    assert worst["sample_id"] in alt and "Rotate (angle" in alt


def test_filters_change_the_grid_and_the_address_restores_them(open_page: Any) -> None:
    page = open_page("/")
    page.get_by_label("Transform that ran").select_option("Rotate")
    page.wait_for_url("**step=Rotate*")
    page.get_by_label("Value drawn").select_option("Rotate.angle")
    page.wait_for_url("**param=Rotate.angle*")
    page.get_by_label("from", exact=True).fill("60")
    page.get_by_label("from", exact=True).press("Enter")
    page.wait_for_url("**low=60*")
    page.get_by_label("Column").select_option("label")
    page.wait_for_url("**column=label*")
    page.get_by_role("group", name="label is").get_by_label("1").check()
    page.wait_for_url("**value=1*")
    expect(page.locator("main")).to_contain_text("Rotate ran, Rotate.angle at least 60, label is 1")
    names = page.locator("#grid .name").all_inner_texts()
    assert names and len(names) < 24
    again = open_page(page.url.partition(urlsplit(page.url).netloc)[2])
    assert again.locator("#grid .name").all_inner_texts() == names
    assert again.get_by_label("from", exact=True).input_value() == "60"
    page.go_back()
    expect(page.locator("main .head")).not_to_contain_text("label is 1")


def test_the_original_is_beside_on_hover_and_by_key(open_page: Any, ledger: A.Ledger) -> None:
    page = open_page("/")
    card = page.locator("#grid .card").first
    assert not card.locator(".peek").is_visible()
    card.hover()
    assert card.locator(".peek").is_visible()
    page.wait_for_load_state("networkidle")
    original = runs.source(page.locator("#grid .name").first.inner_text())["image"]
    assert np.array_equal(pixels(page, "#grid .peek img"), original)
    page.keyboard.press("o")
    page.wait_for_url("**originals=1*")
    assert page.locator("#grid .card .beside").first.is_visible()


def test_keys_move_through_samples(open_page: Any) -> None:
    page = open_page("/")
    names = page.locator("#grid .name").all_inner_texts()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    settled(page)
    expect(page.locator("h1")).to_have_text(names[1])
    page.keyboard.press("ArrowRight")
    expect(page.locator("h1")).to_have_text(names[2])
    page.wait_for_load_state("networkidle")
    page.keyboard.press("k")
    page.wait_for_url("**at=1*")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("g")
    expect(page.locator("h1")).to_have_text("Worst samples")
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()


def test_a_slider_changes_the_pixels_to_what_replay_gives(open_page: Any, ledger: A.Ledger) -> None:
    page = open_rotated(open_page)
    row = row_of(page, ledger)
    sample = runs.source(row["sample_id"])
    before = pixels(page)
    assert np.array_equal(before, A.replay(row["record"], **sample)["image"])
    slider = page.locator("input[type=range][data-edit='Rotate.angle']")
    slider.fill("33")
    page.wait_for_url("**edit=set*")
    settled(page)
    value = json.loads(parse_qs(urlsplit(page.url).query)["edit"][-1].split(" ")[2])
    assert value != row["params"]["Rotate.angle"]
    program = A.Program.from_record(row["record"]).set("Rotate", angle=value)
    wanted = A.replay(program, **sample)["image"]
    expect(page.locator("#seen figcaption")).to_contain_text("After your edits")
    assert np.array_equal(pixels(page), wanted)
    assert not np.array_equal(wanted, before)
    height, width, *flat = shown(page).tolist()
    assert np.array_equal(np.array(flat, np.uint8).reshape(height, width, 4)[..., :3], wanted)
    assert page.locator("#loss-now").inner_text() == f"{runs.score({'image': wanted}):.3g}"
    assert page.locator("#film-input").is_visible()

    again = open_page(page.url.partition(urlsplit(page.url).netloc)[2])
    assert np.array_equal(pixels(again), wanted)
    assert float(again.locator("input[type=number][data-edit='Rotate.angle']").input_value()) == value

    page.keyboard.press("u")
    expect(page.locator("#seen figcaption")).to_contain_text("What the model saw")
    settled(page)
    assert np.array_equal(pixels(page), before)
    page.go_back()
    expect(page.locator("#seen figcaption")).to_contain_text("After your edits")


def test_steps_switch_off_and_on(open_page: Any, ledger: A.Ledger) -> None:
    page = open_rotated(open_page)
    row = row_of(page, ledger)
    sample = runs.source(row["sample_id"])
    page.get_by_label("Rotate: switch off").click()
    expect(page.get_by_label("Rotate: switch on")).to_be_visible()
    settled(page)
    program = A.Program.from_record(row["record"])
    assert np.array_equal(pixels(page), A.replay(program.drop("Rotate"), **sample)["image"])
    expect(page.locator(".film.out[data-path=Rotate]")).to_contain_text("switched off")

    left_out = next(s["path"] for s in row["record"]["steps"] if s["status"] != "applied")
    label = left_out.rpartition("/")[2]
    page.get_by_label(f"{label}: switch on").click()
    expect(page.get_by_label(f"{label}: switch off")).to_be_visible()
    settled(page)
    page.get_by_role("link", name="Undo all").click()
    expect(page.locator("#seen figcaption")).to_contain_text("What the model saw")
    settled(page)
    assert np.array_equal(pixels(page), A.replay(program, **sample)["image"])


def test_what_is_copied_runs(open_page: Any, ledger: A.Ledger, tmp_path: Path) -> None:
    page = open_rotated(open_page)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    row = row_of(page, ledger)
    page.locator("input[type=range][data-edit='Rotate.angle']").fill("-20")
    page.wait_for_url("**edit=set*")
    settled(page)
    seen = pixels(page)
    page.get_by_role("button", name="Copy as Python").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    space: dict[str, Any] = {}
    exec(page.evaluate("navigator.clipboard.readText()"), space)
    assert np.array_equal(space["result"]["image"], seen)

    page.locator("summary", has_text="JSON").click()
    page.get_by_role("button", name="Copy as JSON").click()
    record = page.evaluate("navigator.clipboard.readText()")
    assert np.array_equal(A.replay(record, **runs.source(row["sample_id"]))["image"], seen)

    page.locator("summary", has_text="Command").click()
    page.get_by_role("button", name="Copy as Command").click()
    command = page.evaluate("navigator.clipboard.readText()")
    assert command.startswith("augury ledger replay ")
    there = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(A.__file__).parents[1]), str(SHOTS.parents[1])])}
    line = command.replace("augury", f"{sys.executable} -m augury", 1)
    done = subprocess.run(line, shell=True, cwd=tmp_path, env=there, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert np.array_equal(cv2.imread(str(tmp_path / "seen.png"))[..., ::-1], seen)


def test_a_point_of_the_history_leads_to_that_draw(open_page: Any, ledger: A.Ledger) -> None:
    page = open_rotated(open_page)
    row = row_of(page, ledger)
    assert page.locator("svg.chart a").count() == runs.EPOCHS
    assert page.locator(".dot.current").count() == 1
    page.locator("svg.chart a", has=page.locator(".dot:not(.current)")).first.click()
    settled(page)
    there = row_of(page, ledger)
    assert there["sample_id"] == row["sample_id"] and there["epoch"] != row["epoch"]
    seen = A.replay(there["record"], **runs.source(there["sample_id"]))["image"]
    assert np.array_equal(pixels(page), seen)


def test_labels_have_their_fate(open_page: Any) -> None:
    page = open_page("/?step=CoarseDropout")
    page.locator("#grid .card").first.click()
    settled(page)
    rows = page.locator("#fate tbody tr")
    assert rows.count() == 3
    assert "<b>dog</b>" in rows.nth(1).inner_text()


def test_bars_lead_to_their_samples(open_page: Any, serve: Any, tmp_path: Path) -> None:
    at = serve(Study(runs.write(tmp_path / "long", epochs=40), runs.source))
    page = open_page("/transforms", at=at)
    expect(page.locator("table").first).to_contain_text("Rotate")
    page.locator("svg.interval a").nth(1).click()
    settled(page)
    expect(page.locator("main .head")).to_contain_text("Rotate ran")
    page.go_back()
    settled(page)
    curve = page.locator(".curve", has_text="Rotate: angle")
    curve.locator("svg a").first.click()
    settled(page)
    expect(page.locator("main .head")).to_contain_text("Rotate.angle from")
    assert page.locator("#grid .card").count()
    page.goto(f"{at}/transforms?estimate=raw")
    settled(page)
    expect(page.locator(".tabs [aria-current]")).to_have_text("raw")


def test_findings_lead_to_their_samples(open_page: Any) -> None:
    page = open_page("/findings")
    first = page.locator(".finding").first
    expect(first).to_contain_text("Rotate")
    assert first.locator(".card").count()
    first.get_by_role("link", name="Show me these samples").click()
    settled(page)
    expect(page.locator("main .head")).to_contain_text("Rotate")
    assert page.locator("#grid .card").count()


def test_two_runs_are_compared(open_page: Any) -> None:
    page = open_page("/compare")
    expect(page.locator(".changes")).to_contain_text("Rotate: angle_range (-180.0, 180.0) became (-20.0, 20.0)")
    assert page.locator(".twin").count() == len(runs.IDS)
    for picture in page.locator(".twin").first.locator("img").all():
        assert picture.evaluate("i => i.naturalWidth > 0")


def test_a_pipeline_is_edited_drawn_and_saved(open_page: Any, saved_to: Path) -> None:
    page = open_page("/pipeline")
    draws = page.locator("#draws img:not(.labels)")
    assert draws.count() == 12
    before = [pixels(page, f"#draws figure:nth-child({n}) img") for n in (1, 2)]
    start = page.url
    page.locator("li.step", has_text="Rotate").get_by_label("p", exact=True).first.fill("1")
    page.wait_for_url(lambda address: address != start)
    settled(page)
    low = page.get_by_label("angle_range, low end")
    low.fill("170")
    low.press("Tab")
    expect(low).to_have_value("170")
    page.wait_for_url("**state=*")
    settled(page)
    after = [pixels(page, f"#draws figure:nth-child({n}) img") for n in (1, 2)]
    assert any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))

    low.fill("500")
    low.press("Tab")
    expect(page.locator(".problem")).to_contain_text("the low end is above the high end")
    expect(low).to_have_value("170")

    page.get_by_label("Add a transform").select_option("VerticalFlip")
    expect(page.get_by_role("button", name="remove VerticalFlip")).to_be_visible()
    page.get_by_role("button", name="VerticalFlip earlier").click()
    expect(page.get_by_role("button", name="VerticalFlip later")).to_be_visible()
    settled(page)
    page.get_by_role("button", name=re.compile("^Save to")).click()
    expect(page.locator("#saved")).to_contain_text("Saved to")
    made = A.load(saved_to)
    kinds = [type(step).__name__ for step in made.transforms]
    assert kinds.index("VerticalFlip") == len(kinds) - 2
    assert made.transforms[1].p == 1 and made.transforms[1].angle_range == (170, 180)
    with page.expect_download() as caught:
        page.get_by_role("button", name="Download pipeline.json").click()
    assert A.load(caught.value.path()) == made or A.load(caught.value.path()).to_dict() == made.to_dict()


def test_light_and_dark(open_page: Any) -> None:
    page = open_page("/", color_scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(paper)
    page.get_by_label("Light or dark").click()
    light = page.evaluate(paper)
    assert dark != light
    page.reload()
    assert page.evaluate(paper) == light


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")])
def test_every_page_fits(open_page: Any, url: str, width: int, scheme: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    page = open_page("/", viewport={"width": width, "height": 800}, color_scheme=scheme)
    for name, path in PAGES.items():
        page.goto(url + path)
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.locator("h1").count() == 1
        assert page.evaluate("[...document.images].every(i => i.hasAttribute('alt'))")
        page.screenshot(path=SHOTS / f"{name}-{width}-{scheme}.png", full_page=True)


def test_what_a_data_function_does_wrong_is_on_the_page(open_page: Any, serve: Any, ledger: A.Ledger) -> None:
    for function, said in ((runs.broken, "KeyError"), (runs.resized, "64")):
        at = serve(Study(ledger, function, None, f"mine:{function.__name__}"))
        page = open_page("/", at=at, allow="422")
        expect(page.locator("#grid .failed").first).to_contain_text(said)
        expect(page.locator("#grid .failed").first).to_contain_text(f"mine:{function.__name__}")
        page.locator("#grid .card").first.click()
        settled(page)
        expect(page.locator("#problem")).to_contain_text(said)
        page.goto(at + "/pipeline")
        settled(page)


def test_the_report_needs_nothing_but_itself(open_page: Any, study: Study, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(report(study), encoding="utf-8")
    for width in (1280, 390):
        page = open_page("/page.html", at=f"file://{tmp_path}", viewport={"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("#worst ~ .grid .card").count() == 24
        assert page.evaluate(
            "[...document.images].every(i => i.complete && i.naturalWidth && i.src.startsWith('data:'))"
        )
        expect(page.locator(".finding").first).to_contain_text("Rotate")
        page.screenshot(path=SHOTS / f"report-{width}.png", full_page=True)
