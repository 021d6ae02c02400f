"""What a draw depends on: seed and key, not calls, threads, processes or neighbours."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.errors import FieldError
from tests.samples import BOX_SETTINGS, POINT_SETTINGS, digest, image, sample

SMALL = image(24, 24)
LABELS = {"bbox_params": A.BboxParams(**BOX_SETTINGS), "keypoint_params": A.KeypointParams(**POINT_SETTINGS)}


def steps() -> list[Any]:
    return [
        A.HorizontalFlip(p=0.5),
        A.OneOf([A.RandomGamma(p=1), A.RandomBrightnessContrast(p=1)], p=0.8),
        A.GaussNoise(p=0.7),
        A.SomeOf([A.HueSaturationValue(p=1), A.RGBShift(p=1), A.ISONoise(p=0.5)], n=2, p=0.9),
        A.CoarseDropout(p=0.5),
    ]


def sequence(pipeline: A.Compose, n: int = 8) -> list[str]:
    return [digest(pipeline(image=SMALL)) for _ in range(n)]


def keyed(pipeline: A.Compose, keys: Any = range(8)) -> list[str]:
    return [digest(pipeline(image=SMALL, key=key)) for key in keys]


# ---- seeds and keys ----------------------------------------------------------------------------------------


def test_one_seed_one_sequence() -> None:
    first = sequence(A.Compose(steps(), seed=137))
    assert first == sequence(A.Compose(steps(), seed=137))
    assert len(set(first)) == len(first)
    assert first != sequence(A.Compose(steps(), seed=138))
    assert first != sequence(A.Compose(steps(), seed="137"))


def test_without_a_seed_pipelines_differ_but_say_their_seed() -> None:
    one, other = A.ReplayCompose(steps()), A.ReplayCompose(steps())
    results = [one(image=SMALL, key=i) for i in range(6)]
    assert [digest(r["image"]) for r in results] != [digest(other(image=SMALL, key=i)["image"]) for i in range(6)]
    again = A.Compose(steps(), seed=results[0]["replay"]["seed"])
    assert [digest(r["image"]) for r in results] == [digest(again(image=SMALL, key=i)["image"]) for i in range(6)]


def test_a_key_overrules_history() -> None:
    fresh, used = A.Compose(steps(), seed=1), A.Compose(steps(), seed=1)
    sequence(used)
    keys = [(0, i) for i in range(8)]
    forward = keyed(fresh, keys)
    assert forward == keyed(used, keys)
    assert forward == keyed(used, keys[::-1])[::-1]
    assert len(set(forward)) == len(keys)


def test_keys_leave_the_sequence_alone() -> None:
    plain, mixed = A.Compose(steps(), seed=1), A.Compose(steps(), seed=1)
    want = sequence(plain)
    got = []
    for i in range(8):
        mixed(image=SMALL, key=("x", i))
        got.append(digest(mixed(image=SMALL)))
    assert got == want


def test_keys_of_every_form() -> None:
    pipeline = A.Compose(steps(), seed=1)
    one = digest(pipeline(image=SMALL, key=3))
    assert one == digest(pipeline(image=SMALL, key=(3,))) == digest(pipeline(image=SMALL, key=[np.int64(3)]))
    assert one != digest(pipeline(image=SMALL, key="3"))
    for bad in (1.5, None, (1, None), object()):
        if bad is not None:
            with pytest.raises(FieldError, match="key: got"):
                pipeline(image=SMALL, key=bad)
    with pytest.raises(FieldError, match="key: got"):
        A.Compose([])(image=SMALL, key=1.5)


def test_set_random_seed_starts_over() -> None:
    pipeline = A.Compose(steps(), seed=137)
    want = sequence(pipeline)
    sequence(pipeline, 3)
    pipeline.set_random_seed(137)
    assert sequence(pipeline) == want


def test_recording_changes_nothing() -> None:
    want = [digest(A.Compose(steps(), seed=5)(image=SMALL, key=i)["image"]) for i in range(8)]
    for make in (
        lambda: A.ReplayCompose(steps(), seed=5),
        lambda: A.Compose(steps(), seed=5, save_applied_params=True),
        lambda: A.Compose(steps(), seed=5, annotation_fate=True),
        lambda: A.Compose(steps(), seed=5, fuse="off"),
    ):
        pipeline = make()
        assert [digest(pipeline(image=SMALL, key=i)["image"]) for i in range(8)] == want


def test_other_targets_do_not_change_the_draw() -> None:
    pipeline = A.Compose(steps(), seed=5, **LABELS)
    targets = sample("boxes")
    for key in range(8):
        alone = pipeline(image=targets["image"], key=key)["image"]
        assert digest(alone) == digest(pipeline(**targets, key=key)["image"])


# ---- copies, threads, processes ----------------------------------------------------------------------------


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_a_copy_goes_on_where_the_original_stands(clone: Any) -> None:
    pipeline = A.ReplayCompose(steps(), seed=137, **LABELS)
    sequence(pipeline, 3)
    twin = clone(pipeline)
    assert twin == pipeline and twin.fingerprint == pipeline.fingerprint
    assert keyed(twin) == keyed(pipeline)
    assert sequence(twin) == sequence(pipeline)


def test_eight_threads_share_one_pipeline() -> None:
    pipeline = A.ReplayCompose(steps(), seed=137, save_applied_params=True, **LABELS)
    jobs = [(i, sample("boxes", i % 5)) for i in range(160)]

    def run(job: tuple[int, Any]) -> tuple[str, str]:
        i, targets = job
        result = pipeline(**targets, key=(0, i))
        return digest({k: v for k, v in result.items() if k not in ("replay", "applied_transforms")}), str(
            result["replay"]
        )

    serial = [run(job) for job in jobs]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(run, jobs)) == serial


def test_threads_without_keys_share_the_sequence() -> None:
    want = sorted(sequence(A.Compose(steps(), seed=3), 100))
    pipeline = A.Compose(steps(), seed=3)
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(lambda _: digest(pipeline(image=SMALL)), range(100))) == want


def in_child(queue: Any, pipeline: A.Compose) -> None:
    queue.put((keyed(pipeline), sequence(pipeline)))


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_child_processes(method: str) -> None:
    context = multiprocessing.get_context(method)
    pipeline = A.Compose(steps(), seed=137)
    queue = context.Queue()
    children = [context.Process(target=in_child, args=(queue, pipeline)) for _ in range(2)]
    for child in children:
        child.start()
    results = [queue.get(timeout=60) for _ in children]
    for child in children:
        child.join()
    (keys_a, plain_a), (keys_b, plain_b) = results
    assert keys_a == keys_b == keyed(pipeline)
    assert not {*plain_a} & {*plain_b}, "two children repeat each other's draws"
    assert not {*plain_a, *plain_b} & {*sequence(pipeline)}, "a child repeats its parent's draws"


# ---- independence --------------------------------------------------------------------------------------------


def numbers(value: Any) -> Iterator[float]:
    """Every number in drawn params, keys among them."""
    if isinstance(value, Mapping):
        for name in sorted(value):
            if name != "shape":
                yield from numbers(value[name])
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from numbers(part)
    elif isinstance(value, str):
        try:
            yield int(value, 16) / 16 ** len(value)
        except ValueError:
            return
    elif isinstance(value, (int, float)):
        yield float(value)


def test_draws_of_different_steps_are_not_correlated() -> None:
    pipeline = A.ReplayCompose(
        [
            A.HorizontalFlip(p=0.5), A.RandomGamma(p=1), A.RandomBrightnessContrast(p=1), A.HueSaturationValue(p=1),
            A.GaussNoise(p=1), A.RandomGamma(p=1), A.OneOf([A.RGBShift(p=1), A.D4(p=1)], p=1),
            A.MultiplicativeNoise(p=1),
            A.RandomToneCurve(p=1), A.Solarize(p=0.5),
        ],
        seed=137,
    )  # fmt: skip
    tiny = image(4, 4)
    rows: list[list[float]] = []
    owners: list[str] = []
    for key in range(2000):
        row: list[float] = []
        owners = []
        for step in pipeline(image=tiny, key=key)["replay"]["steps"]:
            ran = float(step["status"] == "applied")
            always = step["path"] not in ("OneOf/RGBShift", "OneOf/D4", "HorizontalFlip", "Solarize")
            drawn = [*numbers(step.get("params", {}))] if always else []
            row += [ran, *drawn]
            owners += [step["path"]] * (1 + len(drawn))
        rows.append(row)
    table = np.array(rows)
    varying = table.std(axis=0) > 0
    names = np.array(owners)[varying]
    assert set(names) >= {"HorizontalFlip", "RandomGamma", "RandomGamma:2", "GaussNoise", "OneOf/RGBShift", "Solarize"}
    related = np.abs(np.corrcoef(table[:, varying].T))
    # Which of two was chosen is one draw seen twice.
    group = np.array([name.partition("/")[0] for name in names])
    related[group[:, None] == group[None, :]] = 0
    assert related.max() < 0.1


def applied_values(pipeline: A.ReplayCompose, key: int) -> dict[str, Any]:
    record = pipeline(image=SMALL, key=key)["replay"]
    return {s["path"]: (s["status"], s.get("params")) for s in record["steps"]}


CHANGES: dict[str, tuple[Any, set[str]]] = {
    "insert first": (lambda s: [A.InvertImg(p=0.5), *s], {"InvertImg"}),
    "insert last": (lambda s: [*s, A.InvertImg(p=0.5)], {"InvertImg"}),
    "insert in the middle": (lambda s: [*s[:2], A.InvertImg(p=0.5), *s[2:]], {"InvertImg"}),
    "remove": (lambda s: s[1:], {"HorizontalFlip"}),
    "remove a group": (lambda s: [s[0], *s[2:]], {"OneOf"}),
    "another p": (lambda s: [A.HorizontalFlip(p=0.1), *s[1:]], {"HorizontalFlip"}),
    "another range": (lambda s: [*s[:2], A.GaussNoise((0.5, 0.9), p=0.7), *s[3:]], {"GaussNoise"}),
    "another weight": (
        lambda s: [s[0], A.OneOf([A.RandomGamma(p=0.1), A.RandomBrightnessContrast(p=1)], p=0.8), *s[2:]], {"OneOf"},
    ),
    "another order": (lambda s: s[::-1], set()),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_other_steps_keep_their_values(change: str) -> None:
    edit, touched = CHANGES[change]
    before, after = A.ReplayCompose(steps(), seed=137), A.ReplayCompose(edit(steps()), seed=137)
    compared = 0
    for key in range(60):
        one, other = applied_values(before, key), applied_values(after, key)
        for path in one.keys() & other.keys():
            if path.partition("/")[0] not in touched:
                assert one[path] == other[path], (key, path)
                compared += one[path][0] == "applied"
    assert compared > 60


def test_reweighting_one_of_keeps_the_values_of_its_choices() -> None:
    one = A.ReplayCompose(A.OneOf([A.RandomGamma(p=1), A.RandomBrightnessContrast(p=1)], p=1), seed=2)
    other = A.ReplayCompose(A.OneOf([A.RandomGamma(p=0.2), A.RandomBrightnessContrast(p=1)], p=1), seed=2)
    same = changed = 0
    for key in range(100):
        a, b = applied_values(one, key), applied_values(other, key)
        for path in a:
            if a[path][0] == b[path][0] == "applied":
                assert a[path] == b[path]
                same += 1
            elif a[path][0] != b[path][0]:
                changed += 1
    assert same > 20 and changed > 20


def test_removing_a_twin_renames_the_other() -> None:
    # Paths are names: the second RandomGamma is "RandomGamma:2" and becomes "RandomGamma" without the first.
    two = A.ReplayCompose([A.RandomGamma(p=1), A.RandomGamma(p=1)], seed=1)
    one = A.ReplayCompose([A.RandomGamma(p=1)], seed=1)
    assert applied_values(one, 0)["RandomGamma"] == applied_values(two, 0)["RandomGamma"]


def test_a_call_leaves_nothing_behind() -> None:
    pipeline = A.ReplayCompose(steps(), seed=1, save_applied_params=True)
    pipeline(image=SMALL, key=0)
    transforms = [copy.deepcopy(t.__dict__) for t in pipeline.transforms]
    held = {k: v for k, v in pipeline.__dict__.items() if k not in ("_calls", "fingerprint", "_settings")}
    pipeline(image=image(40, 9), key=1)
    assert [t.__dict__ for t in pipeline.transforms] == transforms
    assert {k: v for k, v in pipeline.__dict__.items() if k not in ("_calls", "fingerprint", "_settings")} == held
