"""The pages without a browser: JSON, who may ask, what is escaped, and ledgers that are not as they should be."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np
import pyarrow.parquet as pq
import pytest

import augury as A
from augury.explorer.guard import Guard, is_loopback
from augury.explorer.study import Study
from tests.explorer import runs

PAGES = ["/", "/sample?id=img03", "/transforms", "/findings", "/compare", "/pipeline"]


def ask(
    address: str, path: str, headers: dict[str, str] | None = None, method: str = "GET", body: str | None = None
) -> tuple[int, str, dict[str, str]]:
    """Status, text and headers of an answer; the path goes out as it is written."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    connection.request(method, place.path + path, body, {"x-wait": "1", **(headers or {})})
    answer = connection.getresponse()
    text = answer.read().decode("latin-1")
    connection.close()
    return answer.status, text, {name.lower(): value for name, value in answer.getheaders()}


def json_of(address: str, path: str) -> Any:
    status, text, _ = ask(address, path, {"accept": "application/json"})
    assert status == 200, text
    return json.loads(text)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_answers_json_and_html(url: str, path: str) -> None:
    data = json_of(url, path)
    assert data and data == json_of(url, f"{path}{'&' if '?' in path else '?'}format=json")
    status, text, headers = ask(url, path, {"accept": "text/html"})
    assert status == 200 and text.startswith("<!doctype html>")
    assert headers["content-security-policy"].startswith("default-src 'none'; img-src 'self' data:;")
    assert "http://" not in text.replace("http://www.w3.org", "") and "https://" not in text


def test_the_json_of_the_grid_is_the_ranking(url: str, ledger: A.Ledger) -> None:
    rows = ledger.top("loss", 24, '"Rotate.angle" >= ?', [30])
    data = json_of(url, "/?param=Rotate.angle&low=30")
    assert [one["sample_id"] for one in data["samples"]] == [row["sample_id"] for row in rows]
    assert [one["loss"] for one in data["samples"]] == [row["loss"] for row in rows]
    assert data["words"] == ["Rotate.angle at least 30"]


def test_pages_of_the_grid_hold_every_row_once(url: str, ledger: A.Ledger) -> None:
    seen = [one["url"].partition("&at=")[0] for page in (1, 2) for one in json_of(url, f"/?page={page}")["samples"]]
    assert len(seen) == len(set(seen)) == len(ledger)
    assert json_of(url, "/?page=9")["samples"] == []


def test_ids_and_labels_are_escaped_everywhere(url: str) -> None:
    for path in ["/", *(f"{path}{urlencode({'id': runs.ODD})}" for path in ("/sample?", "/pipeline?")), "/compare"]:
        status, text, _ = ask(url, path)
        assert status == 200
        assert "<script>alert" not in text and "&lt;script&gt;alert(1)" in text
    assert "<script>" not in ask(url, "/?sample=<script>alert(1)</script>".replace("<", "%3C"))[1].replace(
        "<script src", ""
    )
    place = urlencode({"id": "img03", "labels": 1})
    marks = ask(url, f"/picture?{place}")[1]
    assert "&lt;b&gt;dog&lt;/b&gt;" in marks and "<b>" not in marks


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[::2]", "10.0.0.1"])
def test_other_hosts_are_refused(url: str, host: str) -> None:
    assert ask(url, "/", {"host": host})[0] == 421


@pytest.mark.parametrize("host", ["localhost", "localhost:1234", "127.0.0.1", "[::1]:80"])
def test_this_machine_has_several_names(url: str, host: str) -> None:
    assert ask(url, "/", {"host": host})[0] == 200


def test_other_addresses_need_the_token(serve: Any, study: Study) -> None:
    address = serve(study, token="secret", host="0.0.0.0")
    bare = address.removesuffix("/secret")
    assert ask(address, "/", {"host": "10.1.2.3:80"})[0] == 200
    assert ask(address, "/", {"host": "evil.example"})[0] == 421
    for path in ("/", "/wrong/", "/secretx/", "/static/explorer.css", "/picture?id=img03"):
        assert ask(bare, path)[0] == 403
    text = ask(address, "/")[1]
    assert 'href="/secret/static/explorer.css"' in text and 'href="/transforms"' not in text
    assert ask(bare, "/secret/transforms")[0] == 200


def test_pages_are_framed_by_notebooks_only(study: Study, url: str) -> None:
    assert "frame-ancestors 'none'" in ask(url, "/")[2]["content-security-policy"]
    assert b"frame-ancestors 'none'" in Guard(None, host="127.0.0.1", framed=True).policy
    assert b"frame-ancestors *" in Guard(None, host="127.0.0.1", token="t", framed=True).policy


def test_loopback() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "localhost", "::1", "127.9.9.9")] == [True] * 4
    assert [is_loopback(host) for host in ("0.0.0.0", "10.0.0.1", "example.org", "::")] == [False] * 4


def test_saving_is_for_the_page_itself_and_for_the_file_of_the_start(url: str, serve: Any, study: Study) -> None:
    state = json_of(url, "/pipeline")["state"]
    for headers in ({}, {"origin": "http://evil.example"}, {"origin": "null"}):
        assert ask(url, "/pipeline/save", headers, "POST", state)[0] == 403
    assert ask(url, "/pipeline/save", {"origin": url}, "GET")[0] in (404, 405)
    bare = serve(study)
    status, text, _ = ask(bare, "/pipeline/save", {"origin": bare}, "POST", state)
    assert status == 422 and "--save" in text
    status, text, _ = ask(url, "/pipeline/save", {"origin": url}, "POST", "../../x")
    assert status == 422 and "not a pipeline" in text


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static//etc/passwd",
        "/static/..%2f..%2fapp.py",
        "/../../etc/passwd",
    ],
)
def test_no_path_reaches_files(url: str, path: str) -> None:
    status, text, _ = ask(url, path)
    assert status == 404 and "import" not in text and "root:" not in text


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/?rank=nope", "no column"),
        ("/?rank=loss%22%3B+drop", "no column"),
        ("/?rank=record", "no column"),
        ("/?column=x%22&value=1", "no column"),
        ("/?param=Rotate.angle&low=x", "pass a number"),
        ("/?since=1.5", "whole number"),
        ("/?order=up", "desc or asc"),
        ("/sample", "id: missing"),
        ("/sample?id=nobody", "not in this ledger"),
        ("/sample?id=img03&t=x", "whole numbers"),
        ("/sample?id=img03&edit=jump", "&#39;off PATH&#39;"),
        ("/pipeline?state=xyz", "not a pipeline"),
        ("/nowhere", "no such page"),
    ],
)
def test_bad_addresses_get_one_clear_sentence(url: str, path: str, said: str) -> None:
    status, text, _ = ask(url, path)
    assert status in (400, 404)
    assert said in text and 'role="alert"' in text and "Traceback" not in text
    status, text, _ = ask(url, path, {"accept": "application/json"})
    assert status in (400, 404) and "error" in json.loads(text)


@pytest.mark.parametrize(
    "edit",
    ["off Nowhere", "set Rotate.nothing 1", "set Rotate.angle[3] 1", 'set Rotate.angle "x"', "set Rotate.angle []"],
)
def test_edits_that_do_not_fit_are_explained_beside_the_sample(url: str, edit: str) -> None:
    row = json_of(url, "/?step=Rotate")["samples"][0]
    status, text, _ = ask(url, f"{row['url'].partition('&step=')[0]}&{urlencode({'edit': edit})}")
    assert status == 200
    assert '<p class="problem" role="alert">' in text and 'id="undo"' in text


def logged(folder: Path, losses: list[Any], **more: Any) -> Study:
    """A ledger with these losses, one row each."""
    augment = runs.pipeline()
    with A.Ledger(folder, pipeline=augment) as ledger:
        for n, loss in enumerate(losses):
            name = runs.IDS[n % 12]
            ledger.log(name, augment(**runs.source(name), key=(n,))["replay"], loss, n // 12, n, **more)
    return Study(ledger, runs.source)


def every_page_answers(address: str, sample: bool = True) -> dict[str, str]:
    pages = {}
    for path in PAGES:
        if not sample and path.startswith("/sample"):
            continue
        status, text, _ = ask(address, path)
        assert status == 200, (path, text)
        assert "Traceback" not in text
        json_of(address, path)
        pages[path] = text
    return pages


def test_an_empty_ledger(tmp_path: Path, serve: Any) -> None:
    A.Ledger(tmp_path / "empty", pipeline=runs.pipeline())
    pages = every_page_answers(serve(Study(A.Ledger(tmp_path / "empty"), runs.source)), sample=False)
    assert "This ledger is empty" in pages["/"] and "ledger.log(" in pages["/"]


def test_a_ledger_without_losses(tmp_path: Path, serve: Any) -> None:
    pages = every_page_answers(serve(logged(tmp_path, [None] * 30)))
    assert "has no losses" in pages["/"] and "img03" in pages["/"]


def test_nan_and_infinite_losses(tmp_path: Path, serve: Any) -> None:
    address = serve(logged(tmp_path, [np.nan, np.inf, -np.inf, 1.0, None, 2.0] * 8))
    pages = every_page_answers(address)
    assert "24 losses are NaN or infinite" in pages["/"] and "8 of 48 rows have no loss" in pages["/"]
    ranked = [one["loss"] for page in (1, 2) for one in json_of(address, f"/?page={page}")["samples"]]
    assert ranked == ["Infinity"] * 8 + [2.0] * 8 + [1.0] * 8 + ["-Infinity"] * 8 + ["NaN"] * 8 + [None] * 8


def test_steps_that_are_not_known_here(tmp_path: Path, serve: Any) -> None:
    record = runs.pipeline()(**runs.source("img03"), key=(0,))["replay"]
    record["steps"].append({"path": "Swirl", "name": "Swirl", "status": "applied", "params": {"turn": 3}})
    with A.Ledger(tmp_path) as ledger:
        ledger.log(["img03"] * 4, [record] * 4, [1.0, 2.0, 3.0, 4.0], [0, 1, 2, 3])
        ledger.log("img03", {**record, "format": 99}, 9.0, 4)
        ledger.log("img03", None, 8.0, 5)
    address = serve(Study(ledger, runs.source))
    every_page_answers(address)
    first, second, third = json_of(address, "/")["samples"][:3]
    assert "update augury" in json_of(address, first["url"])["error"]
    assert second["picture"] is None and "no record" in json_of(address, second["url"])["error"]
    assert "Swirl" in json_of(address, third["url"])["error"]
    status, text, _ = ask(address, third["picture"]["src"])
    assert status == 422 and "unknown transform" in json.loads(text)["error"]


def test_a_half_deleted_ledger(tmp_path: Path, serve: Any) -> None:
    runs.write(tmp_path / "x")
    runs.write(tmp_path / "x")
    first, _ = sorted((tmp_path / "x").glob("part-*.parquet"))
    first.write_bytes(first.read_bytes()[:1000])
    for path in (tmp_path / "x").glob("manifest*"):
        path.unlink()
    pages = every_page_answers(serve(Study(A.Ledger(tmp_path / "x"), runs.source)))
    assert "left out, not a readable part" in pages["/"] and "48 rows" in pages["/"]
    assert "No steps yet" in pages["/pipeline"]


def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    ledger = runs.write(tmp_path)
    for path in tmp_path.glob("part-*.parquet"):
        table = pq.read_table(path)
        pq.write_table(table.replace_schema_metadata({b"augury.ledger": b"99"}), path)
    with pytest.raises(A.RecordError, match="upgrade augury"):
        Study(A.Ledger(ledger.uri)).facts()


def test_without_a_data_function_the_page_says_how_to_get_pictures(serve: Any, ledger: A.Ledger) -> None:
    pages = every_page_answers(serve(Study(ledger)))
    assert "--data module:function" in pages["/"] and "<img" not in pages["/"]


def test_samples_that_are_no_samples(serve: Any, ledger: A.Ledger) -> None:
    for value in (None, [1], {"image": "x"}, {"image": np.zeros((0, 3))}, {}, {"mask": np.zeros((40, 48), np.uint8)}):
        address = serve(Study(ledger, lambda _, value=value: value, None, "mine:source"))
        every_page_answers(address)
        status, text, _ = ask(address, "/picture?id=img03&which=original")
        assert status == 200 or (status == 422 and "mine:source" in json.loads(text)["error"])


def test_rows_that_are_logged_meanwhile_are_seen(tmp_path: Path, serve: Any) -> None:
    study = logged(tmp_path, [1.0] * 5)
    address = serve(study)
    assert json_of(address, "/")["rows_in_ledger"] == 5
    study.ledger.log("img03", None, 7.0, 9)
    study.ledger.flush()
    study._cost = 0.0
    assert json_of(address, "/")["samples"][0]["loss"] == 7.0


def test_a_sample_seen_twice_at_once_has_two_pictures(tmp_path: Path, serve: Any) -> None:
    augment = runs.pipeline()
    records = [augment(**runs.source("img03"), key=(n,))["replay"] for n in range(3)]
    with A.Ledger(tmp_path, pipeline=augment) as ledger:
        ledger.log(["img03"] * 3, records, [1.0, 3.0, 2.0])
    address = serve(Study(ledger, runs.source))
    found = json_of(address, "/")["samples"]
    assert [one["loss"] for one in found] == [3.0, 2.0, 1.0]
    assert [json_of(address, one["url"])["loss"] for one in found] == [3.0, 2.0, 1.0]
