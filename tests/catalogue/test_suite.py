"""What every transform of the catalogue promises, over the table of all of them and their modes."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.errors import SampleError
from augury.fields import Maybe, Option
from augury.transform import REGISTRY
from tests.catalogue.cases import CASES, Case
from tests.samples import BOX_SETTINGS, DONORS, digest, extras, image, mask, sample, settings_of

DRAWS = 5
CUBES = ("cube", "cube_gray", "cube_one", "cube_five", "cube_float", "cube_uint16")
KINDS = ("every", "gray", "one", "four", "six", "float", "float_gray", "uint16")
# The targets that a sample of KINDS has not; steps that need an image or labels beside them refuse some.
FURTHER = ("turned", "instances", "frames", "films")
IDS = [f"{name}-{i}" for i, (name, _) in enumerate(CASES)]


def modes() -> list[Case]:
    """Cases in which every option of every field of every transform occurs, on top of its case with most arguments."""
    out: list[Case] = []
    for name in sorted({name for name, _ in CASES}):
        fields = {f: field.inner if isinstance(field, Maybe) else field for f, field in REGISTRY[name].fields.items()}
        options = {f: field.options for f, field in fields.items() if isinstance(field, Option)}
        base = max((arguments for case, arguments in CASES if case == name), key=len)
        for i in range(max(map(len, options.values()), default=0)):
            out.append((name, {**base, **{f: values[i % len(values)] for f, values in options.items()}}))
    # Slices alone have no widths across slices.
    across = ("sigma_z_range", "blur_z_range")
    slices = [case[1] for case in out if case[1].get("volume_mode") == "slice"]
    for arguments in slices:
        for field in across:
            arguments.pop(field, None)
    return out


def pipeline(name: str, arguments: dict[str, Any], **settings: Any) -> A.ReplayCompose:
    transform = getattr(A, name)(**{**arguments, "p": 1})
    return A.ReplayCompose([transform], seed=137, save_applied_params=True, **settings)


def targets_of(name: str, kind: str, seed: int) -> dict[str, Any]:
    targets = sample(kind, seed)
    if name == "ToTensorV2":
        targets = {k: v for k, v in targets.items() if k not in ("volume", "volumes", "mask3d", "masks3d")}
    return {**targets, **extras(name, targets.get("image"))}


def kinds_of(name: str) -> tuple[str, ...]:
    if REGISTRY[name].sees == "volumes":
        return CUBES
    return ("float", "float_gray") if name == "FromFloat" else KINDS


def main_target(name: str) -> str:
    return "volume" if REGISTRY[name].sees == "volumes" else "image"


def outcome(result: dict[str, Any]) -> dict[str, Any]:
    left = ("replay", "applied_transforms", *DONORS.values())
    return {k: v for k, v in result.items() if k not in left}


def test_the_table_names_every_transform() -> None:
    ours = {name for name, cls in REGISTRY.items() if cls.__module__.startswith("augury.") and name != "Lambda"}
    assert {name for name, _ in CASES} == ours
    assert ours <= set(A.__all__)


def test_replay_in_a_fresh_process_is_exact(tmp_path: Path) -> None:
    jobs: list[dict[str, Any]] = []
    wanted: list[str] = []
    every = [(name, arguments, kinds_of(name)) for name, arguments in CASES]
    for name, arguments in modes():
        kind = "cube" if main_target(name) == "volume" else "every" if name == "GaussianBlur" else "boxes"
        every.append((name, arguments, (kind if name != "FromFloat" else "float",)))
    further = [(name, arguments, FURTHER) for name, arguments in CASES if REGISTRY[name].sees == "frames"]
    every += [(name, arguments, kinds[(REGISTRY[name].acts_on != "dual") * 3 :]) for name, arguments, kinds in further]
    for name, arguments, kinds in every:
        for kind in kinds:
            for draw in range(DRAWS if kind in ("every", "float", "boxes", "cube") else 1):
                targets = targets_of(name, kind, draw)
                try:
                    result = pipeline(name, arguments, **settings_of(targets))(**targets, key=(draw, name))
                except SampleError:
                    continue  # this transform refuses this kind of image; test_refusals says which may
                jobs.append(
                    {
                        "name": name,
                        "kind": kind,
                        "seed": draw,
                        "targets": list(targets),
                        "record": result["replay"],
                        "applied": result["applied_transforms"],
                    }
                )
                wanted.append(digest(outcome(result)))
    (tmp_path / "jobs.json").write_text(json.dumps(jobs))
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "tests.replayed", str(tmp_path / "jobs.json")],
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'src'}"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    got = json.loads(done.stdout)
    wrong = [
        (job["name"], job["kind"], job["seed"], how)
        for job, want, pair in zip(jobs, wanted, got, strict=True)
        for how, have in zip(("replay", "applied"), pair, strict=True)
        if want != have
    ]
    assert not wrong
    counted = Counter(target for job in jobs for target in job["targets"])
    sizes = {len(json.dumps(job["record"])): job["name"] for job in jobs}
    print(f"{len(jobs)} records, each run twice, of at most {max(sizes)} bytes ({sizes[max(sizes)]}): {dict(counted)}")
    assert len(jobs) > 5000 and max(sizes) < 16 * 1024
    fewest = {"image": 3000, "mask": 3000, "images": 1000, "masks": 1000, "volume": 1000, "mask3d": 1000}
    fewest |= {"bboxes": 1000, "keypoints": 1000, "volumes": 300, "masks3d": 300, "frames": 100, "instances": 100}
    assert all(counted[target] >= least for target, least in fewest.items()), counted
    assert {job["name"] for job in jobs} == {name for name, _ in CASES}


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=IDS)
def test_every_kind_of_image(name: str, arguments: dict[str, Any]) -> None:
    for kind in kinds_of(name):
        targets = targets_of(name, kind, 1)
        before = {k: v.copy() for k, v in targets.items() if isinstance(v, np.ndarray)}
        try:
            result = pipeline(name, arguments, **settings_of(targets))(**targets, key=1)
        except SampleError as error:
            if kind in ("every", "image", "float", *CUBES):
                raise AssertionError(f"{name} refuses an ordinary image") from error
            continue
        for key, value in before.items():
            assert np.array_equal(value, targets[key]), f"{kind}: {key} was written to"
            if isinstance(result[key], np.ndarray):
                assert result[key].flags.c_contiguous
                assert not np.may_share_memory(result[key], targets[key]), f"{kind}: {key} is the caller's memory"
        if name not in ("Normalize", "ToFloat", "FromFloat", "ToTensorV2", "ToTensor3D", "ToGray", "ToRGB"):
            target, at = main_target(name), 2 + (main_target(name) == "volume")
            assert result[target].dtype == targets[target].dtype
            assert result[target].ndim == targets[target].ndim
            assert result[target].shape[at:] == targets[target].shape[at:]


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=IDS)
def test_memory_layouts(name: str, arguments: dict[str, Any]) -> None:
    dtype = "float32" if name == "FromFloat" else "uint8"
    target = main_target(name)
    plain = image(64, 64, dtype=dtype) if target == "image" else sample("cube")["volume"]
    wide = np.repeat(plain, 2, axis=1)
    wide[:, 1::2] = 0
    mirrored = np.ascontiguousarray(plain[::-1, ::-1])
    frozen = plain.copy()
    frozen.flags.writeable = False
    more = {**extras(name, plain), "mask": mask(64, 64), "bboxes": [[5.0, 6.0, 40.0, 50.0]], "labels": ["a"]}
    if target == "volume":
        more = {"mask3d": sample("cube")["mask3d"]}
    run = pipeline(name, arguments, bbox_params=A.BboxParams(**BOX_SETTINGS))
    want = digest(run(**{target: plain}, **more, key=3)[target])
    for layout in (wide[:, ::2], mirrored[::-1, ::-1], frozen, np.asfortranarray(plain)):
        assert digest(run(**{target: layout}, **more, key=3)[target]) == want


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=IDS)
def test_it_can_be_written_down(name: str, arguments: dict[str, Any]) -> None:
    transform = getattr(A, name)(**arguments)
    assert eval(repr(transform), vars(A)) == transform
    assert A.from_dict(json.loads(json.dumps(A.to_dict(transform)))) == transform
    schema = transform.schema()
    assert set(schema["properties"]) == set(transform.fields)
    json.dumps(schema)


def test_records_are_small() -> None:
    targets = {
        "image": image(1024, 1024),
        "mask": np.zeros((1024, 1024), np.uint8),
        "bboxes": [[100, 100, 300, 300]],
        "labels": ["a"],
    }
    sizes = {}
    for i, (name, arguments) in enumerate(CASES):
        run = pipeline(name, arguments, bbox_params=A.BboxParams(**BOX_SETTINGS))
        if name == "FromFloat":
            targets = {**targets, "image": image(1024, 1024, dtype="float32")}
        cubes = {"volume": np.zeros((64, 128, 128), np.uint8)}
        given = cubes if main_target(name) == "volume" else {**targets, **extras(name, targets.get("image"))}
        result = run(**given, key=i)
        sizes[f"{name}-{i}"] = len(json.dumps(result["replay"]))
        assert not any(isinstance(v, np.ndarray) for _, params in result["applied_transforms"] for v in params.values())
    assert max(sizes.values()) < 16 * 1024, max(sizes, key=lambda k: sizes[k])
    assert statistics.median(sizes.values()) < 1024
