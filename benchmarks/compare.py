"""Compare the speed of augury with Albumentations 2.0.8: `./run bench`.

Two worker processes, each a Python of its own environment, run the same cases in turn on one thread. A round takes
the lowest of a few means of processor time on either side; the ratio of a case is the median over the rounds of
peer / augury, so 2 means half the time. The tables go to docs/benchmarks.md, group by group; with --only or --quick
they are only printed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from math import exp, log
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.cases import (
    ALL_MEANS,
    LIGHT_MEANS,
    NOT_SLOWER,
    OWN,
    PEER,
    PLAIN,
    REASONS,
    RECORDING,
    VOLUME,
    Case,
    cases,
)

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
GROUPS = ("overhead", "light", "all", "pipelines", "labels", "recording", "import")
IMPORT_LIMIT = 1.5
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
ENVIRONMENT = {**os.environ, **ONE_THREAD, "NO_ALBUMENTATIONS_UPDATE": "1", "PYTHONHASHSEED": "0"}
# Imports are timed as users have them, from compiled files.
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)


class Worker:
    """A process that times cases with one library."""

    def __init__(self, python: str, library: str, image: str | None) -> None:
        command = [python, "-m", "benchmarks.worker", library, *([image] if image else [])]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.library = library

    def time(self, case: Case, repeats: int, budget: float) -> float | str:
        """Seconds a call, or what went wrong."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"case": asdict(case), "repeats": repeats, "budget": budget}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the {self.library} worker ended with code {self.process.wait()} at {case.id}")
        answer = json.loads(line)
        return str(answer["error"]) if "error" in answer else float(answer["seconds"])

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


class Timings:
    """What the rounds gave for one case: seconds on each side, or an error."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.own: list[float] = []
        self.peer: list[float] = []
        self.errors: dict[str, str] = {}

    def add(self, library: str, answer: float | str) -> None:
        """Keep one side's answer of one round."""
        if isinstance(answer, str):
            self.errors[library] = answer
        else:
            (self.own if library == OWN else self.peer).append(answer)

    @property
    def ratios(self) -> list[float]:
        """peer / augury, one a round; empty if either side failed."""
        return [] if self.errors else [p / o for o, p in zip(self.own, self.peer, strict=True)]

    @property
    def ratio(self) -> float:
        """The median ratio."""
        return median(self.ratios)


def alternate(
    selected: list[Case], workers: dict[str, Worker], rounds: int, repeats: int, budget: float
) -> list[Timings]:
    """Time every case on both sides, `rounds` times, changing who goes first."""
    results = [Timings(case) for case in selected]
    for turn in range(rounds):
        order = (OWN, PEER) if turn % 2 else (PEER, OWN)
        for index, result in enumerate(results):
            progress(f"round {turn + 1} of {rounds}", index + 1, len(results), result.case.id)
            for library in order:
                if library not in result.errors:
                    result.add(library, workers[library].time(result.case, repeats, budget))
    progress_done()
    return results


def progress(what: str, done: int, total: int, name: str) -> None:
    """One status line, only on a terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K{what}: {done}/{total} {name}", end="", file=sys.stderr, flush=True)


def progress_done() -> None:
    """Clear the status line."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def micro(seconds: Iterable[float]) -> str:
    """The median in microseconds."""
    value = median(seconds) * 1e6
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def spread(values: list[float]) -> str:
    """Median and range."""
    return f"**{median(values):.2f}** [{min(values):.2f}, {max(values):.2f}]"


def verdict(passed: bool) -> str:
    return "pass" if passed else "FAIL"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def compared(results: list[Timings]) -> tuple[str, bool]:
    """The table of a group that both libraries run, and whether every target was met."""
    rows, met = [], True
    for result in results:
        case = result.case
        if result.errors:
            missing = result.errors.get(OWN, "").startswith(f"LookupError: {OWN} has no ")
            failed_here = OWN in result.errors and not missing
            met &= not failed_here
            text = "; ".join(f"{library}: {message}" for library, message in result.errors.items())
            if missing:
                text = f"skipped: {OWN} has no {case.name}"
            rows.append([case.name, str(case.size), "", "", "not comparable", "", "FAIL" if failed_here else text])
            if failed_here:
                print(f"{case.id}: {text}", file=sys.stderr)
            continue
        wanted, outcome = "", ""
        if case.target is not None:
            passed = result.ratio >= case.target
            reason = REASONS.get(case.name, "") if case.target == NOT_SLOWER and not passed else ""
            met &= passed or bool(reason)
            wanted, outcome = f"at least {case.target:.2f}", reason or verdict(passed)
        rows.append(
            [case.name, str(case.size), micro(result.own), micro(result.peer), spread(result.ratios), wanted, outcome]
        )
    return table(("case", "pixels", "augury, us", "peer, us", "ratio", "target", ""), rows), met


def light(results: list[Timings]) -> tuple[str, bool]:
    """The light group's table with its geometric means."""
    text, met = compared(results)
    means, passed = geometric_means(results, LIGHT_MEANS)
    return f"{means}\n\n{text}", met and passed


def geometric_means(results: list[Timings], targets: dict[int | None, float | None]) -> tuple[str, bool]:
    """The table of geometric means by size, None for all sizes, and whether each reaches its target."""
    rows, met = [], True
    for size, target in targets.items():
        ratios = [result.ratio for result in results if size in (None, result.case.size) and not result.errors]
        if ratios:
            mean = exp(sum(map(log, ratios)) / len(ratios))
            passed = target is None or mean >= target
            met &= passed
            shape = f"{VOLUME // 2} x {size} x {size}" if size == VOLUME else f"{size} x {size}" if size else "all"
            wanted = ("", "") if target is None else (f"at least {target}", verdict(passed))
            rows.append([shape, str(len(ratios)), f"**{mean:.2f}**", *wanted])
    return table(("sample", "transforms", "geometric mean of ratios", "target", ""), rows), met


def every(results: list[Timings]) -> tuple[str, bool]:
    """The table of all transforms, with its geometric means and the lowest ratios first in a summary line."""
    text, met = compared(results)
    means, passed = geometric_means(results, ALL_MEANS)
    fine = [result for result in results if not result.errors]
    slower = sorted((result for result in fine if result.ratio < NOT_SLOWER), key=lambda result: result.ratio)
    names = ", ".join(f"{result.case.name} at {result.case.size} ({result.ratio:.2f})" for result in slower)
    summary = f"{len(fine) - len(slower)} of {len(fine)} are at most 1.1 times slower than the peer"
    summary += f"; slower: {names}." if slower else "."
    return f"{means}\n\n{summary}\n\n{text}", met and passed


def recording(workers: dict[str, Worker], rounds: int, repeats: int, budget: float) -> tuple[str, bool]:
    """What recording costs over the plain pipeline, augury alone."""
    worker = workers[OWN]
    plain: list[float] = []
    recorded: list[list[float]] = [[] for _ in RECORDING]
    for turn in range(rounds):
        progress(f"round {turn + 1} of {rounds}", turn, rounds, "recording")
        for case, times in zip((PLAIN, *(case for case, _ in RECORDING)), (plain, *recorded), strict=True):
            answer = worker.time(case, repeats, budget)
            if isinstance(answer, str):
                print(f"{case.id}: {answer}", file=sys.stderr)
                return f"{case.name}: {answer}", False
            times.append(answer)
    progress_done()
    rows, met = [["plain", micro(plain), "", "", ""]], True
    for (case, limit), times in zip(RECORDING, recorded, strict=True):
        costs = [(with_record / without - 1) * 100 for with_record, without in zip(times, plain, strict=True)]
        passed = median(costs) <= limit * 100
        met &= passed
        cost = f"**{median(costs):.0f} %** [{min(costs):.0f}, {max(costs):.0f}]"
        rows.append([case.name, micro(times), cost, f"at most {limit:.0%}", verdict(passed)])
    return table(("CIFAR pipeline", "us", "cost over plain", "target", ""), rows), met


def import_times(own: str, peer: str, rounds: int) -> tuple[str, bool]:
    """Whole-process time of imports, in turn; the first of each is not counted."""
    runs = [
        ("import numpy, cv2", own, "import numpy, cv2"),
        (f"import {OWN}", own, f"import {OWN}"),
        (f"import {PEER}", peer, f"import {PEER}"),
    ]
    times: list[list[float]] = [[] for _ in runs]
    for turn in range(rounds + 1):
        progress(f"round {turn} of {rounds}", turn, rounds, "import")
        for (_, python, code), seconds in zip(runs, times, strict=True):
            start = perf_counter()
            done = subprocess.run(
                [python, "-c", code], env=ENVIRONMENT, cwd=ROOT, capture_output=True, text=True, check=False
            )
            if done.returncode:
                return f"`{code}`: {done.stderr.strip().splitlines()[-1]}", False
            if turn:
                seconds.append(perf_counter() - start)
    progress_done()
    rows, met = [], True
    for index, ((name, _, _), seconds) in enumerate(zip(runs, times, strict=True)):
        ratios = [a / b for a, b in zip(seconds, times[0], strict=True)]
        wanted, outcome = "", ""
        if index == 1:
            met = median(ratios) <= IMPORT_LIMIT
            wanted, outcome = f"at most {IMPORT_LIMIT}", verdict(met)
        rows.append([f"`{name}`", f"{median(seconds) * 1e3:.0f}", spread(ratios), wanted, outcome])
    return table(("whole process", "ms", "times numpy and cv2", "target", ""), rows), met


VERSIONS = """
import importlib.metadata as m
names = %r
print(", ".join(f"{n} {m.version(n)}" for n in names))
"""


def versions(python: str, names: list[str]) -> str:
    """Versions of installed distributions in another environment."""
    done = subprocess.run([python, "-c", VERSIONS % (names,)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def machine() -> str:
    """The processor and system, without names."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", info.read_text(), re.MULTILINE)
        model = found[1] if found else model
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


INTRODUCTION = """# Benchmarks

Each table is written by the command above it. augury and MIT Albumentations 2.0.8 live in separate environments; two
processes run the same cases in turn, each on one thread, with every transform applied. A round takes the lowest of a
few means of processor time on either side; *ratio* is the median over the rounds of the peer's time divided by
augury's, with its [lowest, highest] round: 2 means half the time. Sizes are the side of a square RGB image; of volumes,
half as deep, in `all`.
"""


def write(page: Path, group: str, section: str) -> None:
    """Put a group's section on the page, in its place."""
    text = page.read_text() if page.exists() else ""
    kept = dict(re.findall(r"<!-- group: (\w+) -->\n(.*?)\n<!-- end -->", text, re.DOTALL))
    kept[group] = section
    parts = [f"<!-- group: {name} -->\n{kept[name]}\n<!-- end -->" for name in GROUPS if name in kept]
    page.write_text(INTRODUCTION + "\n" + "\n\n".join(parts) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="./run bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--peer", required=True, help=f"Python of an environment with {PEER} 2.0.8")
    parser.add_argument("--group", choices=GROUPS, action="append", help="only this group; may be given again")
    parser.add_argument("--only", metavar="NAME", action="append", help="only cases of this name; may be given again")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3, help="means per round and side, of which the lowest counts")
    parser.add_argument("--budget", type=float, default=15.0, metavar="MS", help="milliseconds per mean")
    parser.add_argument("--quick", action="store_true", help="two short rounds, to see that everything runs")
    parser.add_argument("--image", help="a picture to use in place of the synthetic photo")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the tables go")
    given = parser.parse_args()
    rounds, repeats, budget = (2, 2, 0.003) if given.quick else (given.rounds, given.repeats, given.budget / 1000)
    groups = given.group or GROUPS
    selected = [case for case in cases() if case.group in groups and (not given.only or case.name in given.only)]
    if given.only and not selected:
        parser.error(f"no case is called {' or '.join(given.only)}")
    image = str(Path(given.image).resolve()) if given.image else None
    own_python = sys.executable
    peer_python = str(Path(given.peer).absolute())
    workers: dict[str, Worker] = {}
    if any(group != "import" for group in groups):
        workers = {OWN: Worker(own_python, OWN, image), PEER: Worker(peer_python, PEER, image)}
    own_versions = versions(own_python, [OWN, "numpy", "opencv-python-headless", "stringzilla", "numkong"])
    peer_versions = versions(peer_python, [PEER, "numpy", "opencv-python-headless"])
    everything_met = True
    for group in groups:
        chosen = [case for case in selected if case.group == group]
        if given.only and not chosen:
            continue
        print(f"## {group}\n", flush=True)
        if group == "recording":
            # A few per cent show only over many short turns.
            text, met = recording(workers, rounds * 4, repeats, budget)
        elif group == "import":
            text, met = import_times(own_python, peer_python, rounds * 2)
        else:
            results = alternate(chosen, workers, rounds, repeats, budget)
            report: Callable[[list[Timings]], tuple[str, bool]] = {"light": light, "all": every}.get(group, compared)
            text, met = report(results)
        everything_met &= met
        print(text + "\n", flush=True)
        command = f"./run bench --group {group}" + (
            f" --rounds {rounds}" if rounds != parser.get_default("rounds") else ""
        )
        header = f"## {group}\n\n`{command}` on {machine()}; {own_versions}; peer: {peer_versions}."
        if not given.quick and not given.only:
            write(given.page, group, f"{header}\n\n{text}")
    for worker in workers.values():
        worker.close()
    print(f"targets: {'all met' if everything_met else 'not all met'}")
    return 0 if everything_met else 1


if __name__ == "__main__":
    raise SystemExit(main())
