"""Whether a search was worth it: the same model trained under the found policy and under others that cost nothing.

A trial is an arm and a seed. The result of each is a file in `evaluate/` of the search's folder, named by what it
depends on, so an evaluation that was stopped goes on where it was, and results of other settings are left alone.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import augury as A
from augury.errors import FieldError, RecordError, nearest
from augury.saving import load
from augury.search.baselines import flip_and_crop, rand_augment, trivial_augment
from augury.search.config import Config, steps_of
from augury.search.files import write_json

if TYPE_CHECKING:
    from augury.groups import Step
    from augury.search.comparison import Evaluation
    from augury.search.trial import Setting

# Names of the arms, and how they are called in text.
ARMS = {
    "none": "no augmentation",
    "flip_crop": "flip and crop",
    "trivial": "TrivialAugment",
    "rand": "RandAugment",
    "start": "random start",
    "found": "found policy",
}
FOLDER = "evaluate"
Trial = tuple[str, int]


class Watch(Protocol):
    """Hears how an evaluation goes on: `begin(epochs)` to do, `epoch()` done, `trial(arm, seed, result)` done."""

    def begin(self, epochs: int) -> None: ...

    def epoch(self) -> None: ...

    def trial(self, arm: str, seed: int, result: dict[str, Any]) -> None: ...


class Silent:
    """A watch that says nothing."""

    def begin(self, epochs: int) -> None:
        pass

    def epoch(self) -> None:
        pass

    def trial(self, arm: str, seed: int, result: dict[str, Any]) -> None:
        pass


def evaluate(
    folder: str | Path,
    seeds: int = 5,
    epochs: int | None = None,
    arms: Sequence[str] = tuple(ARMS),
    workers: int = 1,
    overrides: Sequence[str] = (),
    watch: Watch | None = None,
) -> Evaluation:
    """Train one model per arm and seed and compare; what is done already is not done again.

    folder: of a search. epochs: those of the config unless given. workers: trials at a time, each in a process of its
    own. overrides: `key=value` on the config that the search was run with, such as `trainer.precision=bf16-mixed`.
    Writes `evaluate/` and `evaluation.json`. Raises RecordError if the folder holds no search.
    """
    for name, count in (("seeds", seeds), ("epochs", 1 if epochs is None else epochs), ("workers", workers)):
        if count < 1:
            raise FieldError(f"evaluate.{name}: got {count}; pass 1 or more")
    for arm in arms:
        if arm not in ARMS:
            near = nearest(arm, ARMS)
            hint = f"did you mean {near!r}? " if near else ""
            raise FieldError(f"evaluate.arms: got {arm!r}; {hint}known: {', '.join(ARMS)}")
    if not arms:
        raise FieldError(f"evaluate.arms: got none; pass some of {', '.join(ARMS)}")
    watch = watch or Silent()
    bench = Bench(Path(folder), epochs, overrides)
    trials = [(arm, seed) for seed in range(seeds) for arm in dict.fromkeys(arms)]
    missing = [trial for trial in trials if bench.done(*trial) is None]
    watch.begin(len(missing) * bench.epochs)
    if workers == 1 or len(missing) < 2:
        for trial in missing:
            watch.trial(*trial, bench.run(*trial, watch.epoch))
    else:
        _in_processes(bench, missing, min(workers, len(missing)), watch)
    evaluation = bench.compared(trials)
    write_json(Path(folder) / "evaluation.json", evaluation.to_dict())
    return evaluation


# ---- the bench ---------------------------------------------------------------------------------------------


class Bench:
    """A search's folder with its samples and pipelines, ready for trials. checked: its names are known to be right."""

    def __init__(
        self, folder: Path, epochs: int | None = None, overrides: Sequence[str] = (), checked: bool = False
    ) -> None:
        from augury.search.data import OpenData, SearchData
        from augury.search.libraries import check_names
        from augury.search.operations import find_operation
        from augury.search.run import quiet
        from augury.search.trial import Source

        self.folder, self.overrides = folder, tuple(overrides)
        # A policy was written by the config of the search, whatever is overridden now.
        self.searched, _ = _read(folder, ())
        self.config, self.config_dir = _read(folder, overrides)
        self.epochs = epochs or self.config.evaluate.epochs
        with quiet():
            if not checked:
                check_names(self.config)
            data = OpenData(self.config, self.config_dir)
        self.channels, self.size = data.channels, data.size
        self.source = Source(SearchData(self.config, self.config_dir, dataset=data.train.dataset))
        self.other: Source | None = None
        if self.config.evaluate.dataset is not None:
            other = replace(self.config, data=replace(self.config.data, dataset=self.config.evaluate.dataset))
            self.other = Source(SearchData(other, self.config_dir))
        self.operations = [find_operation(spec) for spec in self.config.policy_model.operations]

    def pipeline(self, arm: str) -> A.Compose:
        """What samples of an arm are trained under: as exported, with the arm's augmentation in the policy's place."""
        name = "latest" if arm == "found" else "start"
        before, policy, after = split(self.folder / "policy" / f"{name}.json", self.searched)
        standard: list[Step] = steps_of(self.config.data.standard)
        augmentation: dict[str, list[Step]] = {
            "plain": [],
            "none": [],
            "flip_crop": standard or flip_and_crop(*self.size),
            "trivial": [*standard, trivial_augment(self.operations)],
            "rand": [*standard, rand_augment(self.operations)],
            "start": [*standard, policy],
            "found": [*standard, policy],
        }
        return A.Compose([*before, *augmentation[arm], *after], seed=self.config.seed)

    def setting(self, arm: str, seed: int) -> Setting:
        from augury.search.chance import seed_of
        from augury.search.data import split as split_samples
        from augury.search.run import model_of
        from augury.search.trial import Augmented, Setting

        config, plain = self.config, self.pipeline("plain")
        own = seed_of(config.seed, "evaluate", seed)
        if self.other is None:
            train, kept = split_samples(len(self.source), config.evaluate.held_out, own)
            test = Augmented(self.source, kept, plain)
        else:
            train = list(range(len(self.source)))
            test = Augmented(self.other, range(len(self.other)), plain)
        pipeline = self.pipeline(arm)
        pipeline.set_random_seed(own)
        return Setting(
            config,
            Augmented(self.source, train, pipeline),
            test,
            # Pipelines normalise, so the network that would do it again stays outside.
            lambda: model_of(config, self.config_dir, self.channels).body,
            seed,
            self.epochs,
        )

    # ---- results ----

    def file(self, arm: str, seed: int) -> Path:
        """The result of a trial, named by all that it depends on."""
        told = self.config.to_dict()
        data = {k: v for k, v in told["data"].items() if k not in ("dataloader", "held_out")}
        loader = {k: told["data"]["dataloader"][k] for k in ("batch_size", "shuffle")}
        model = told[f"{self.config.task}_model"]
        settings = {k: v for k, v in told["evaluate"].items() if k != "epochs"}
        trainer = {k: told["trainer"][k] for k in ("precision", "compile")}
        text = json.dumps(
            [data, loader, model, settings, trainer, self.config.seed, self.epochs, self.pipeline(arm).fingerprint],
            sort_keys=True,
        )
        return self.folder / FOLDER / f"{arm}-{seed}-{blake2b(text.encode(), digest_size=5).hexdigest()}.json"

    def done(self, arm: str, seed: int) -> dict[str, Any] | None:
        """The result of a trial, None if it has none."""
        try:
            held: dict[str, Any] = json.loads(self.file(arm, seed).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return held

    def run(self, arm: str, seed: int, tell: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """Do a trial and keep its result."""
        from augury.search.run import quiet
        from augury.search.trial import run

        with quiet():
            result = {"arm": arm, "seed": seed, "epochs": self.epochs, **run(self.setting(arm, seed), tell)}
        write_json(self.file(arm, seed), result)
        return result

    def compared(self, trials: Sequence[Trial]) -> Evaluation:
        """What the results of these trials say."""
        from augury.search.comparison import Evaluation

        scores: dict[str, dict[int, float]] = {}
        for arm, seed in trials:
            held = self.done(arm, seed)
            if held is not None:
                scores.setdefault(arm, {})[seed] = held["score"]
        metric = "accuracy" if self.config.task == "classification" else "mean IoU"
        titles = {**ARMS, "flip_crop": "standard baseline"} if self.config.data.standard else ARMS
        return Evaluation.of(metric, self.epochs, scores, titles)


def split(file: Path, config: Config) -> tuple[list[Step], Step, list[Step]]:
    """The pipeline that a search wrote: its preprocessing, its policy, and what follows; without `data.standard`."""
    try:
        steps = list(load(file).transforms)
    except FileNotFoundError:
        raise RecordError(f"{file}: is not there; run the search for at least one epoch") from None
    first = len(config.data.preprocessing)
    at = first + len(config.data.standard)
    if len(steps) <= at:
        raise RecordError(f"{file}: has {len(steps)} steps, fewer than data.preprocessing, data.standard and a policy")
    return steps[:first], steps[at], steps[at + 1 :]


def _read(folder: Path, overrides: Sequence[str]) -> tuple[Config, Path]:
    """The config that a search was run with, with changes, and the folder of what it names."""
    from augury.search.run import CONFIG

    try:
        saved = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecordError(f"{folder}: holds no search; it has no {CONFIG}") from None
    values = saved["config"]
    if overrides:
        from omegaconf import OmegaConf

        for text in overrides:
            if "=" not in text:
                raise FieldError(f"override {text!r}: write key=value, such as evaluate.epochs=3")
        values = OmegaConf.to_container(OmegaConf.merge(values, OmegaConf.from_dotlist(list(overrides))))
    return Config.read(values), Path(saved["config_dir"])


# ---- several at a time ------------------------------------------------------------------------------------------

_bench: Bench
_told: Any


def _open(folder: Path, epochs: int, overrides: Sequence[str], threads: int, told: Any) -> None:
    """What a worker does first."""
    global _bench, _told
    import torch

    torch.set_num_threads(threads)
    _bench, _told = Bench(folder, epochs, overrides, checked=True), told


def _work(trial: Trial) -> dict[str, Any]:
    return _bench.run(*trial, lambda: _told.put(None))


def _in_processes(bench: Bench, trials: Sequence[Trial], workers: int, watch: Watch) -> None:
    # Spawned, since a forked process cannot use torch's threads or a GPU.
    context = multiprocessing.get_context("spawn")
    told = context.SimpleQueue()
    threads = max(1, (os.cpu_count() or 1) // workers)
    first = (bench.folder, bench.epochs, bench.overrides, threads, told)
    with _gone(ProcessPoolExecutor(workers, context, _open, first)) as pool:
        pending = {pool.submit(_work, trial): trial for trial in trials}
        while pending:
            done, _ = wait(pending, 0.5, FIRST_COMPLETED)
            while not told.empty():
                told.get()
                watch.epoch()
            for future in done:
                watch.trial(*pending.pop(future), future.result())


@contextmanager
def _gone(pool: ProcessPoolExecutor) -> Iterator[ProcessPoolExecutor]:
    """A pool that starts nothing more once something went wrong."""
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
