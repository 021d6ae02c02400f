"""What scanners do to volumes, against plain formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from augury import ops
from augury.kernels.cpu import scan
from augury.kernels.cpu.volume import affine
from augury.maps.volume import pose

SIDES = (8, 12, 10)


def random(shape: tuple[int, ...] = SIDES, dtype: str = "float32") -> Any:
    values = np.random.default_rng(0).uniform(0.2, 0.8, shape).astype(np.float32)
    return values if dtype == "float32" else np.round(values * 255).astype(dtype)


def lines(volume: Any, axis: int) -> Any:
    """The matrix of a discrete Fourier transform along an axis, and the volume with that axis first."""
    n = volume.shape[axis]
    return np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n), np.moveaxis(volume, axis, 0)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shape", [SIDES, (*SIDES, 3)])
def test_ghosts(axis: int, shape: tuple[int, ...]) -> None:
    given = random(shape)
    transform, first = lines(given, axis)
    n = given.shape[axis]
    spectrum = np.tensordot(transform, first, 1)
    for k in range(n):
        frequency = min(k, n - k)
        if frequency % 3 == 0 and frequency > 0.2 * n / 2:
            spectrum[k] *= 0.25
    want = np.tensordot(transform.conj().T / n, spectrum, 1).real
    out = scan.ghosts(given, ops.Ghosts(axis, 3, 0.75, 0.2))
    assert np.abs(out - np.moveaxis(want, 0, axis).clip(0, 1)).max() < 1e-5


def test_ghosts_are_copies_a_fraction_of_the_axis_away() -> None:
    given = np.zeros((1, 1, 64), np.float32)
    given[..., 10] = 0.5
    out = scan.ghosts(given, ops.Ghosts(2, 4, 0.5, 0.0))[0, 0]
    # All but the copy in place are below zero, which is cut off; the mean stays, for the centre of the spectrum does.
    assert out[10] == pytest.approx(0.5 * (1 - 0.5 / 4) + 0.5 * 0.5 / 64, abs=1e-5)
    dark = scan.ghosts(given + 0.4, ops.Ghosts(2, 4, 0.5, 0.0))[0, 0] - 0.4
    assert sorted(np.argsort(dark)[:3].tolist()) == [26, 42, 58]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shape", [SIDES, (*SIDES, 3)])
def test_motion(axis: int, shape: tuple[int, ...]) -> None:
    given = random(shape)
    n = given.shape[axis]
    matrices = tuple(pose((1, 1, 1), (0, 0, angle), (0.1, 0, 0.05), SIDES) for angle in (10.0, -20.0))
    transform, first = lines(given, axis)
    spectrum = np.tensordot(transform, first, 1)
    for (start, end), matrix in zip(((0, 0.25), (0.6, 1)), matrices, strict=True):
        copy = affine(given, ops.Affine3D(matrix, *SIDES))
        moved = np.tensordot(transform, np.moveaxis(copy, axis, 0), 1)
        for place in range(round(start * n), round(end * n)):
            k = (place - n // 2) % n
            spectrum[k] = moved[k]
    want = np.abs(np.tensordot(transform.conj().T / n, spectrum, 1)).clip(0, 1)
    out = scan.motion(given, ops.Motion(axis, (0.25, 0.6), matrices))
    assert np.abs(out - np.moveaxis(want, 0, axis)).max() < 1e-5


def test_a_patient_who_moves_by_nothing_is_sharp() -> None:
    for dtype in ("float32", "uint8", "uint16"):
        given = random(dtype=dtype)
        still = pose((1, 1, 1), (0, 0, 0), (0, 0, 0), SIDES)
        out = scan.motion(given, ops.Motion(2, (0.2, 0.7), (still, still)))
        assert np.abs(out.astype(float) - given).max() <= (1e-5 if dtype == "float32" else 0)
        assert np.abs(scan.ghosts(given, ops.Ghosts(1, 2, 0.0, 0.1)).astype(float) - given).max() < 1e-5


@pytest.mark.parametrize("shape", [SIDES, (*SIDES, 5)])
def test_coarser_by_area(shape: tuple[int, ...]) -> None:
    given = random(shape)
    out = scan.anisotropy(given, ops.Anisotropy((1,), (3.0,)))
    means = given.reshape(8, 4, 3, *shape[2:]).mean(axis=2)
    at = ((np.arange(12) + 0.5) / 3 - 0.5).clip(0, 3)
    low = np.floor(at).astype(int)
    share = (at - low).reshape(-1, *[1] * (len(shape) - 2))
    want = means[:, low] * (1 - share) + means[:, np.minimum(low + 1, 3)] * share
    assert np.abs(out - want).max() < 1e-5


def test_coarser_by_the_nearest_along_two_axes() -> None:
    given = random()
    out = scan.anisotropy(given, ops.Anisotropy((0, 2), (8.0, 10.0), False))
    assert np.abs(out - given[4, :, 5][None, :, None]).max() < 1e-6
    same = scan.anisotropy(random(dtype="uint8"), ops.Anisotropy((0, 1, 2), (1.0, 1.0, 1.0)))
    assert np.array_equal(same, random(dtype="uint8"))
