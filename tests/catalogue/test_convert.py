from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.catalogue import convert
from augury.errors import FieldError, SampleError
from tests.samples import every_target, image

RGB = image(20, 24)


def run(transform: A.Transform, source: Any) -> Any:
    return A.Compose([transform], seed=1)(image=source)["image"]


def close(out: Any, want: Any) -> None:
    assert out.dtype == np.float32
    assert np.abs(out - want).max() < 1e-5


def test_normalize_standard() -> None:
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    close(run(A.Normalize(), RGB), (RGB / 255 - mean) / std)
    close(run(A.Normalize(0.5, 0.25, 200), RGB), (RGB / 200 - 0.5) / 0.25)
    close(run(A.Normalize(0.5, (0.1, 0.2, 0.4)), RGB), (RGB / 255 - 0.5) / [0.1, 0.2, 0.4])
    close(run(A.Normalize(clip_range=(-1, 0.5)), RGB), ((RGB / 255 - mean) / std).clip(-1, 0.5))
    close(run(A.Normalize(0.5, 0.5, 1.0), image(dtype="float32")), image(dtype="float32") * 2 - 1)


def test_normalize_by_the_image() -> None:
    x = RGB.astype(float)
    axes: dict[str, Any] = {"": None, "_per_channel": (0, 1)}
    for suffix, axis in axes.items():
        close(run(A.Normalize(normalization=f"image{suffix}"), RGB), (x - x.mean(axis)) / (x.std(axis) + 1e-4))
        low, high = x.min(axis), x.max(axis)
        close(run(A.Normalize(normalization=f"min_max{suffix}"), RGB), (x - low) / (high - low + 1e-4))
    clipped = run(A.Normalize(None, None, None, "image", clip_range=(-0.5, 0.5)), RGB)
    assert (clipped.min(), clipped.max()) == (-0.5, 0.5)


def test_normalize_checks() -> None:
    for name in ("mean", "std", "max_pixel_value"):
        with pytest.raises(FieldError, match=rf"Normalize\.{name}: got None"):
            A.Normalize(**{name: None})
    for field, wrong in (
        ("std", 0),
        ("std", (1, 0, 1)),
        ("mean", "a"),
        ("mean", ()),
        ("mean", (float("nan"),)),
        ("max_pixel_value", 0),
    ):
        with pytest.raises(FieldError, match=rf"Normalize\.{field}"):
            A.Normalize(**{field: wrong})
    with pytest.raises(FieldError, match=r"Normalize\.std: got .*pass larger ones"):
        A.Normalize(std=1e-40)
    with pytest.raises(FieldError, match=r"Normalize\.std: got 2 values"):
        A.Normalize((0.1, 0.2, 0.3), (0.1, 0.2))
    with pytest.raises(SampleError, match="mean has 3 values"):
        run(A.Normalize(), RGB[..., 0])


def test_to_float() -> None:
    assert np.array_equal(run(A.ToFloat(), RGB), RGB.astype(np.float32) / np.float32(255))
    assert np.array_equal(run(A.ToFloat(), image(dtype="uint16")), image(dtype="uint16") / np.float32(65535))
    assert np.array_equal(run(A.ToFloat(100), RGB), RGB / np.float32(100))
    source = image(dtype="float32")
    assert np.array_equal(run(A.ToFloat(100), source), source)
    with pytest.raises(FieldError, match="max_value"):
        A.ToFloat(0)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_from_float_undoes_to_float(dtype: str) -> None:
    source = image(dtype=dtype)
    out = A.Compose([A.ToFloat(), A.FromFloat(dtype)])(image=source)["image"]
    assert out.dtype == source.dtype
    assert np.array_equal(out, source)


def test_from_float_rounds_and_clips() -> None:
    source = np.array([[-1, 0.5, 0.6 / 255, 1.7]], np.float32)
    assert run(A.FromFloat(), source).tolist() == [[0, 128, 1, 255]]
    assert run(A.FromFloat("uint8", 100), source).tolist() == [[0, 50, 0, 170]]
    with pytest.raises(SampleError, match=r"FromFloat: .* uint8; pass float32"):
        run(A.FromFloat(), RGB)
    with pytest.raises(FieldError, match="dtype"):
        A.FromFloat("uint32")


def test_to_tensor() -> None:
    torch = pytest.importorskip("torch")
    mask = np.arange(20 * 24 * 2).reshape(20, 24, 2)
    for transpose in (False, True):
        result = A.Compose([A.ToTensorV2(transpose)])(image=RGB, mask=mask, masks=[mask[..., 0]])
        assert torch.equal(result["image"], torch.from_numpy(RGB.transpose(2, 0, 1).copy()))
        want = mask.transpose(2, 0, 1) if transpose else mask
        assert np.array_equal(result["mask"].numpy(), want)
        assert np.array_equal(result["masks"][0].numpy(), mask[..., 0])
        assert result["image"].is_contiguous() and result["mask"].is_contiguous()
    assert run(A.ToTensorV2(), RGB[..., 0]).shape == (1, 20, 24)
    with pytest.raises(SampleError, match="last step"):
        A.Compose([A.ToTensorV2(), A.InvertImg(p=1)])(image=RGB)


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    convert._torch_installed.cache_clear()
    monkeypatch.setattr(convert, "find_spec", lambda name: None)
    yield
    convert._torch_installed.cache_clear()


@pytest.mark.usefixtures("no_torch")
def test_to_tensor_names_the_extra() -> None:
    pipeline = A.Compose([A.ToTensorV2()])
    with pytest.raises(FieldError, match=r"ToTensorV2: torch is not installed; pip install 'augury\[torch\]'"):
        pipeline(image=RGB)


def test_no_op_takes_every_target() -> None:
    targets = every_target()
    pipeline = A.Compose(
        [A.NoOp(p=1)],
        bbox_params={"coord_format": "pascal_voc", "label_fields": ["labels"]},
        keypoint_params={"coord_format": "xyas", "label_fields": ["names"]},
    )
    result = pipeline(**targets)
    for name in ("image", "mask", "images", "masks", "volume", "mask3d"):
        assert np.array_equal(result[name], targets[name])
    assert np.allclose(result["bboxes"], targets["bboxes"])
    assert np.allclose(result["keypoints"], targets["keypoints"])
    assert A.NoOp.lower({}, None) == ()  # type: ignore[arg-type]
