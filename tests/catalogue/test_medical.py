"""What scanners and stains do: values by formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import augury as A
from augury import ops
from augury.kernels.cpu import medical, noise
from tests.samples import image

KEY = "0123456789abcdef01234567"


def test_rician_noise_of_black_is_rayleigh() -> None:
    black = np.zeros((400, 400), np.float32)
    values = noise.rician_noise(black, ops.RicianNoise(KEY, 0.1)) / 0.1
    assert abs(values.mean() - np.sqrt(np.pi / 2)) < 0.01
    assert abs(values.var() - (2 - np.pi / 2)) < 0.01


def test_a_bias_field_is_smooth_and_multiplies() -> None:
    flat = np.full((80, 120, 3), 0.2, np.float32)
    out = medical.bias_field(flat, ops.BiasField(KEY, 0.3, 0.05))
    assert np.array_equal(out[..., 0], out[..., 2]) and out.std() > 0.01
    assert np.abs(np.diff(out, axis=1)).max() < 0.02
    assert not medical.bias_field(flat * 0, ops.BiasField(KEY, 0.3, 0.05)).any()
    own = medical.bias_field(flat, ops.BiasField(KEY, 0.3, 0.05, True))
    assert not np.array_equal(own[..., 0], own[..., 1])


@pytest.mark.parametrize("shape", [(32, 48), (31, 45), (1, 7)])
def test_a_truncated_spectrum(shape: tuple[int, int]) -> None:
    given = np.random.default_rng(0).random(shape, np.float32) * 0.4 + 0.3
    out = medical.truncate_spectrum(given, ops.TruncateSpectrum(0.5))
    spectrum = np.fft.fft2(given)
    rows, columns = (np.abs(np.fft.fftfreq(n)) * n for n in shape)
    spectrum[rows > int(shape[0] / 4)] = 0
    spectrum[:, columns > int(shape[1] / 4)] = 0
    assert np.abs(out - np.fft.ifft2(spectrum).real).max() < 1e-5


def test_a_spike_is_one_frequency() -> None:
    flat = np.full((64, 64), 0.5, np.float32)
    out = medical.spikes(flat, ops.Spikes(KEY, 1, 0.2, 0.2))
    spectrum = np.abs(np.fft.fft2(out - 0.5))
    assert np.isclose(np.sort(spectrum.ravel())[-2:], 0.5 * 0.2 * 64 * 64 / 2, rtol=1e-3).all()
    assert np.array_equal(medical.spikes(flat, ops.Spikes(KEY, 0, 0.2, 0.2)), flat)


@pytest.mark.parametrize("preset", medical.PRESETS)
def test_unchanged_stains_change_nothing_that_they_explain(preset: str) -> None:
    stains = np.array(medical.PRESETS[preset])
    stains /= np.linalg.norm(stains, axis=1, keepdims=True)
    tissue = np.exp(-np.random.default_rng(0).uniform(0.3, 0.8, (20, 20, 2)) @ stains).astype(np.float32)
    same = ops.Stain(medical.PRESETS[preset], (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    assert np.abs(medical.stain(tissue, same) - tissue).max() < 1e-4
    double = medical.stain(tissue, same._replace(scale=(2.0, 2.0, 2.0), background=True))
    assert np.abs(double - tissue**2).max() < 1e-4


@pytest.mark.parametrize("method", ["macenko", "vahadane"])
def test_fits_find_the_stains(method: str) -> None:
    rng = np.random.default_rng(0)
    stains = np.array(medical.PRESETS["ruifrok"])
    amounts = rng.exponential(0.5, (5000, 2)) * (rng.random((5000, 2)) < 0.7)
    found: Any = medical._FITS[method](amounts @ stains)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    assert (np.sum(found * stains, axis=1) / np.linalg.norm(stains, axis=1) > 0.97).all()


def test_residuals() -> None:
    sample = image(dtype="float32")
    same = ops.Stain(medical.PRESETS["ruifrok"], (1.0,) * 3, (0.0,) * 3, True)
    project, preserve = (medical.stain(sample, same._replace(residual=how)) for how in ("project", "preserve"))
    assert np.abs(preserve - np.maximum(sample, 1 / 256)).max() < 1e-4 < np.abs(project - sample).max()


def test_stain_matrices_go_with_custom() -> None:
    with pytest.raises(A.FieldError, match="stain_matrix"):
        A.HEStain(method="custom")
    with pytest.raises(A.FieldError, match="2 x 3"):
        A.HEStain(method="custom", stain_matrix=[[1, 2, 3]])
