from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")

import augury as A
from augury.explorer.app import application
from augury.explorer.serve import Server
from augury.explorer.study import Study
from tests.explorer import runs


@pytest.fixture(scope="session")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> A.Ledger:
    return runs.write(tmp_path_factory.mktemp("run") / "a")


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> A.Ledger:
    return runs.write(tmp_path_factory.mktemp("run") / "b", runs.pipeline(limit=20))


@pytest.fixture(scope="session")
def study(ledger: A.Ledger) -> Study:
    return Study(ledger, runs.source, runs.score, "tests.explorer.runs:source", "tests.explorer.runs:score")


@pytest.fixture(scope="session")
def saved_to(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("saved") / "pipeline.json"


@pytest.fixture(scope="session")
def url(study: Study, other: A.Ledger, saved_to: Path) -> Iterator[str]:
    """The address of an explorer of both runs, without the slash at its end."""
    second = Study(other, runs.source, None, "tests.explorer.runs:source")
    server = Server(application(study, second, save=saved_to), "127.0.0.1", 0).start()
    yield server.url.rstrip("/")
    server.close()


@pytest.fixture
def serve() -> Iterator[Any]:
    """A function that serves a study and returns its address."""
    servers: list[Server] = []

    def start(*studies: Study, **settings: Any) -> str:
        servers.append(Server(application(*studies, **settings), "127.0.0.1", 0).start())
        return servers[-1].url.rstrip("/")

    yield start
    for server in servers:
        server.close()
