"""Many writers at once, forks and kills: nothing is lost or doubled beyond what the docstring of Ledger says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from augury.ledger import Ledger

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def run(code: str, *arguments: object, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})


def finish(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return out


LOG_FOR_EVER = """
import itertools, sys
from augury.ledger import Ledger
ledger = Ledger(sys.argv[1], flush_rows=100, flush_seconds=1e9)
for step in itertools.count():
    ledger.log([f"{step}-{i}" for i in range(7)], loss=0.5, step=step, record={"steps": []})
    print(step, flush=True)
"""


def test_kill_loses_at_most_the_waiting_rows(tmp_path: Path) -> None:
    with run(LOG_FOR_EVER, tmp_path) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == 150:
                process.send_signal(signal.SIGKILL)
                break
        logged = max([150, *map(int, process.stdout.read().split())]) + 1
    assert process.returncode == -signal.SIGKILL
    rows = Ledger(tmp_path).sql("select sample_id from ledger order by step, sample_id")["sample_id"].to_pylist()
    assert rows == [f"{i // 7}-{i % 7}" for i in range(len(rows))]
    assert logged * 7 - len(rows) < 100
    assert len(rows) % 105 == 0


WORKERS = """
import multiprocessing, sys
from augury.ledger import Ledger

def work(ledger, rank, worker):
    for step in range(50):
        ledger.log([f"{rank}-{worker}-{step}-{i}" for i in range(5)], loss=worker, step=step)

if __name__ == "__main__":
    rank = int(sys.argv[2])
    ledger = Ledger(sys.argv[1], pipeline={"transforms": []}, flush_rows=30)
    ledger.log(f"{rank}-main")
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=work, args=(ledger, rank, worker)) for worker in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
"""


def test_ranks_and_workers_at_once_lose_nothing(tmp_path: Path) -> None:
    for process in [run(WORKERS, tmp_path, rank, RANK=str(rank)) for rank in range(2)]:
        finish(process)
    ledger = Ledger(tmp_path)
    expected = {f"{r}-{w}-{s}-{i}" for r in range(2) for w in range(4) for s in range(50) for i in range(5)}
    rows = ledger.sql("select sample_id from ledger")["sample_id"].to_pylist()
    assert len(rows) == len(ledger) == 2002
    assert set(rows) == expected | {"0-main", "1-main"}
    assert len(ledger.manifests) == 1
    assert ledger.manifest["pipeline"] == {"transforms": []}
    assert not list(tmp_path.glob(".*"))


FORK = """
import os, sys
from augury.ledger import Ledger
with Ledger(sys.argv[1]) as ledger:
    ledger.log("before")
    child = os.fork()
    if child == 0:
        if sys.argv[2] == "log":
            ledger.log("child")
        elif sys.argv[2] == "read":
            assert len(ledger) == 0 and ledger.rows() == []
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
    ledger.log("after")
"""


@pytest.mark.parametrize(("act", "rows"), [("log", ["after", "before", "child"]), ("read", ["after", "before"])])
def test_forked_child_leaves_the_parents_rows_alone(tmp_path: Path, act: str, rows: list[str]) -> None:
    finish(run(FORK, tmp_path, act))
    assert sorted(row["sample_id"] for row in Ledger(tmp_path).rows()) == rows


EXIT = """
import sys
from augury.ledger import Ledger
Ledger(sys.argv[1]).log("a")
raise SystemExit(0) if sys.argv[2] == "exit" else KeyError
"""


@pytest.mark.parametrize("how", ["exit", "error"])
def test_rows_are_written_when_the_process_ends(tmp_path: Path, how: str) -> None:
    command = [sys.executable, "-c", EXIT, str(tmp_path), how]
    subprocess.run(command, check=False, capture_output=True)
    assert len(Ledger(tmp_path)) == 1


LOADER = """
import sys, torch
from torch.utils.data import DataLoader, Dataset
from augury.ledger import Ledger

class Numbers(Dataset):
    def __init__(self, ledger):
        self.ledger = ledger
    def __len__(self):
        return 20
    def __getitem__(self, i):
        self.ledger.log(i)
        return i

if __name__ == "__main__":
    ledger = Ledger(sys.argv[1])
    for _ in DataLoader(Numbers(ledger), num_workers=2, multiprocessing_context=sys.argv[2]):
        pass
    del _
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_data_loader_workers(tmp_path: Path, method: str) -> None:
    pytest.importorskip("torch")
    script = tmp_path / "loader.py"
    script.write_text(LOADER)
    subprocess.run([sys.executable, script, tmp_path / "ledger", method], check=True, timeout=120)
    rows = Ledger(tmp_path / "ledger").sql("select sample_id from ledger")["sample_id"].to_pylist()
    assert sorted(map(int, rows)) == list(range(20))


def test_threads_share_a_ledger(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    ledger = Ledger(tmp_path, flush_rows=16)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: ledger.log([f"{i}-{j}" for j in range(3)], loss=i, extra=[i] * 3), range(200)))
    rows = ledger.sql("select sample_id, loss, extra from ledger").to_pylist()
    assert len(rows) == 600
    assert all(row["sample_id"].startswith(f"{row['extra']}-") and row["loss"] == row["extra"] for row in rows)


def test_manifest_survives_processes_that_differ(tmp_path: Path) -> None:
    code = "import sys, json; from augury.ledger import Ledger; Ledger(sys.argv[1], pipeline={'n': int(sys.argv[2])})"
    for process in [run(code, tmp_path, n) for n in (0, 1, 1, 2)]:
        finish(process)
    ledger = Ledger(tmp_path)
    assert sorted(manifest["pipeline"]["n"] for manifest in ledger.manifests) == [0, 1, 2]
    assert json.loads((tmp_path / "manifest.json").read_text())["pipeline"]["n"] in (0, 1, 2)
