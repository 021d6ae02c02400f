"""Noise: its statistics by formula, drawn values, and both dialects' arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import augury as A
from augury.errors import FieldError
from augury.sample import Array
from augury.saving import from_dict

KEYS = range(300)


def gray(value: float = 0.5, dtype: str = "float32", size: int = 256) -> Array:
    full = 1 if dtype == "float32" else np.iinfo(dtype).max
    return np.full((size, size, 3), value * full, dtype)


def run(transform: Any, sample: Array, key: int = 0) -> Array:
    out: Array = A.Compose([transform], seed=1)(image=sample, key=key)["image"]
    assert out.shape == sample.shape
    assert out.dtype == sample.dtype
    return out


def drawn(transform: Any, name: str, sample: Array | None = None) -> list[Any]:
    pipeline = A.Compose([transform], seed=1, save_applied_params=True)
    sample = gray(size=4) if sample is None else sample
    return [pipeline(image=sample, key=key)["applied_transforms"][0][1][name] for key in KEYS]


@pytest.mark.parametrize(
    ("name", "arguments", "param", "low", "high"),
    [
        ("GaussNoise", {}, "std", 0.2, 0.44),
        ("GaussNoise", {"mean_range": (-0.2, 0.1)}, "mean", -0.2, 0.1),
        ("ISONoise", {}, "color_shift", 0.01, 0.05),
        ("ISONoise", {"intensity": (0.3, 0.4)}, "intensity", 0.3, 0.4),
        ("ISONoise", {"color_shift": (0, 1)}, "color_shift", 0, 1),
        ("SaltAndPepper", {"amount": (0, 1)}, "amount", 0, 1),
        ("SaltAndPepper", {}, "salt_vs_pepper", 0.4, 0.6),
        ("ShotNoise", {}, "scale", 0.1, 0.3),
    ],
)
def test_ranges(name: str, arguments: dict[str, Any], param: str, low: float, high: float) -> None:
    values = drawn(getattr(A, name)(**arguments, p=1), param)
    margin = (high - low) / 30
    assert low <= min(values) < low + margin
    assert high - margin < max(values) < high


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_gauss_noise(dtype: str, per_channel: bool) -> None:
    sample = gray(dtype=dtype)
    full = 1 if dtype == "float32" else np.iinfo(dtype).max
    out = run(A.GaussNoise((0.05, 0.05), (0.1, 0.1), per_channel, p=1), sample)
    noise = (out.astype(np.float64) - sample) / full
    assert abs(noise.std() - 0.05) < 0.001
    assert abs(noise.mean() - 0.1) < 0.002
    assert (out[..., 0] == out[..., 1]).all() != per_channel
    assert abs(np.corrcoef(noise[:-1, :, 0].ravel(), noise[1:, :, 0].ravel())[0, 1]) < 0.02


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_gauss_noise_scale_factor(dtype: str, per_channel: bool) -> None:
    sample = gray(dtype=dtype)
    full = 1 if dtype == "float32" else np.iinfo(dtype).max
    transform = A.GaussNoise((0.05, 0.05), per_channel=per_channel, noise_scale_factor=0.25, p=1)
    out = run(transform, sample)
    noise = (out.astype(np.float64) - sample) / full
    assert abs(noise.mean()) < 0.002
    # Linear interpolation keeps two thirds of the standard deviation.
    assert abs(noise.std() - 0.05 * 2 / 3) < 0.002
    assert np.corrcoef(noise[:-1, :, 0].ravel(), noise[1:, :, 0].ravel())[0, 1] > 0.85
    assert (out[..., 0] == out[..., 1]).all() != per_channel
    assert (out == run(transform, sample)).all()
    assert run(transform, sample[:3, :1, 0]).shape == (3, 1)
    assert run(transform, np.repeat(sample[:9, :9], 50, axis=2)).shape == (9, 9, 150)


def test_gauss_noise_of_either_dialect() -> None:
    old = {"__version__": "2.0.8", "transform": {"__class_fullname__": "GaussNoise", "std_range": [0.1, 0.2], "p": 1.0}}
    assert from_dict(old).per_channel is True
    assert A.GaussNoise().per_channel is False


def test_iso_noise() -> None:
    sample = np.random.default_rng(0).integers(60, 190, (128, 128, 3), np.uint8)
    weak = run(A.ISONoise((0.01, 0.01), (0.1, 0.1), p=1), sample).astype(int) - sample
    strong = run(A.ISONoise((0.05, 0.05), (0.5, 0.5), p=1), sample).astype(int) - sample
    assert 0 < np.abs(weak).mean() < np.abs(strong).mean()
    assert (run(A.ISONoise((0, 0), (0, 0), p=1), sample) == sample).mean() > 0.95


# ---- factors -----------------------------------------------------------------------------------------


def test_one_factor() -> None:
    sample = gray(0.4)
    ((factor,),) = set(drawn(A.MultiplicativeNoise((1.5, 1.5), p=1), "multiplier"))
    assert factor == 1.5
    assert np.allclose(run(A.MultiplicativeNoise((1.5, 1.5), p=1), sample), 0.6, atol=1e-6)
    bytes_ = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert (run(A.MultiplicativeNoise((1.5, 1.5), p=1), bytes_) == np.minimum(np.rint(bytes_ * 1.5), 255)).all()
    values = [factor for (factor,) in drawn(A.MultiplicativeNoise(p=1), "multiplier")]
    assert 0.9 <= min(values) < max(values) < 1.1


@pytest.mark.parametrize("channels", [3, 5, 200])
def test_a_factor_per_channel(channels: int) -> None:
    sample = np.full((8, 9, channels), 0.5, np.float32)
    out = run(A.MultiplicativeNoise((0.5, 1.5), per_channel=True, p=1), sample)
    assert (out == out[:1, :1]).all()
    assert len(np.unique(out[0, 0])) == channels
    assert out.min() >= 0.25
    assert out.max() <= 0.75


@pytest.mark.parametrize("per_channel", [False, True])
def test_a_factor_per_pixel(per_channel: bool) -> None:
    out = run(A.MultiplicativeNoise((0.5, 1.5), per_channel, elementwise=True, p=1), gray())
    assert (out[..., 0] == out[..., 1]).all() != per_channel
    assert len(np.unique(out[..., 0])) > 10_000
    assert abs(out.mean() - 0.5) < 0.01
    assert abs(out.std() - 0.5 / 12**0.5) < 0.01


# ---- pixels and photons ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_salt_and_pepper(dtype: str) -> None:
    sample = gray(dtype=dtype)
    out = run(A.SaltAndPepper((0.2, 0.2), (0.75, 0.75), p=1), sample)
    full = 1 if dtype == "float32" else np.iinfo(dtype).max
    assert abs((out == full).all(axis=2).mean() - 0.15) < 0.01
    assert abs((out == 0).all(axis=2).mean() - 0.05) < 0.01
    assert ((out == sample).all(axis=2) | (out == full).all(axis=2) | (out == 0).all(axis=2)).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("scale", [0.01, 0.1])
def test_shot_noise(dtype: str, scale: float) -> None:
    full = 1 if dtype == "float32" else np.iinfo(dtype).max
    out = run(A.ShotNoise((scale, scale), p=1), gray(0.5, dtype)) / full
    light, want = out**2.2, 0.5**2.2
    assert abs(light.mean() - want) < 0.01
    assert abs(light.var() / (want * scale) - 1) < 0.05


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("GaussNoise", {"std_range": (0, 2)}),
        ("GaussNoise", {"mean_range": (-2, 0)}),
        ("GaussNoise", {"noise_scale_factor": 0}),
        ("ISONoise", {"color_shift_range": (0, 2)}),
        ("ISONoise", {"intensity_range": (-1, 1)}),
        ("MultiplicativeNoise", {"multiplier": (-1, 1)}),
        ("SaltAndPepper", {"amount_range": (0, 1.5)}),
        ("ShotNoise", {"scale_range": (0, 1)}),
    ],
)
def test_refused(name: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(FieldError, match=f"{name}.{next(iter(wrong))}: got"):
        getattr(A, name)(**wrong)


@pytest.mark.parametrize(
    ("distribution", "shape", "deviation"),
    [("uniform", (), 3**-0.5), ("laplace", (), 2**0.5), ("beta", (2.0, 2.0), 0.2**0.5), ("beta", (0.5, 0.5), 0.5**0.5)],
)
def test_distributions_have_their_moments(distribution: str, shape: Any, deviation: float) -> None:
    from augury import ops
    from augury.kernels.cpu.noise import quantiles_of

    values = quantiles_of(ops.GaussNoise("", 0, 1, True, 1.0, distribution, shape)).astype(np.float64)
    assert (np.diff(values) >= 0).all() and abs(values.mean()) < 0.005 and abs(values.std() / deviation - 1) < 0.01


def test_patches_keep_the_rest() -> None:
    import augury as A

    gray = np.full((40, 50, 3), 100, np.uint8)
    noise = A.AdditiveNoise("uniform", "patch", patch_height_range=(0.2, 0.2), patch_width_range=(0.2, 0.2), p=1)
    changed = (A.Compose([noise], seed=1)(image=gray, key=0)["image"] != gray).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert np.ptp(rows) < 8 and np.ptp(columns) < 10 and 40 < changed.sum() <= 80
    with pytest.raises(A.FieldError, match="mean_range"):
        A.AdditiveNoise("uniform", noise_params={"mean_range": (0, 0)})


def test_stochastic_convolutions_keep_flat_areas() -> None:
    import augury as A

    flat = np.full((20, 20, 3), 100, np.uint8)
    for own in (False, True):
        step = A.StochasticConvolution(strength_range=(1, 1), per_channel=own, p=1)
        assert np.array_equal(A.Compose([step], seed=1)(image=flat, key=0)["image"], flat)
