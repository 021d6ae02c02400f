"""Published policies: their tables and operations beside torchvision's, what is drawn how often, records and files."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from typing import Any

import cv2
import numpy as np
import pytest
from scipy import stats

import augury as A
from augury import policies
from augury.errors import FieldError
from augury.rng import State, Stream, seeded
from augury.sample import new_signature
from tests.samples import digest, equal, every_target, image

IMAGE = image(40, 56)
EVERY = {
    "trivial": A.TrivialAugment(),
    "rand": A.RandAugment(),
    "rand, 20 in a row": A.RandAugment(20, 30, p=0.9),
    **{policy: A.AutoAugment(policy) for policy in policies.LEARNED},
    "mix": A.AugMix(),
    "mix, large": A.AugMix(severity=10, mixture_width=8, chain_depth=4, all_ops=False, alpha=0.3),
}


def torchvision() -> Any:
    for name in ("torch", "torchvision"):
        if find_spec(name) is None:
            pytest.skip(f"needs {name}")
    from augury.search.libraries import torchvision as load

    load()
    from torchvision.transforms import v2

    return v2


def smooth(height: int = 64, width: int = 96) -> Any:
    """A picture with all values from 0 to 255 and neighbours that resemble each other."""
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (9, 9), 3), None, 0, 255, cv2.NORM_MINMAX)  # type: ignore[call-overload]


# ---- beside torchvision ----------------------------------------------------------------------------------

# Greatest difference of a value: torchvision cuts fractions off where we round, those of gray values as well.
TOLERANCE = {"Brightness": 1, "Color": 2, "Contrast": 2, "Sharpness": 1, "AutoContrast": 1}


def theirs(functional: Any, torch: Any, name: str, magnitude: float, picture: Any) -> Any:
    """What torchvision makes of a picture; shears about the centre, whole pixels rounded where its policies cut."""
    height, width = picture.shape[:2]
    tensor = torch.from_numpy(picture).permute(2, 0, 1).contiguous()
    still: dict[str, Any] = {"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0]}
    degrees = math.degrees(math.atan(magnitude))
    moves = {
        "ShearX": {"shear": [degrees, 0.0]},
        "ShearY": {"shear": [0.0, degrees]},
        "TranslateX": {"translate": [round(magnitude * width), 0]},
        "TranslateY": {"translate": [0, round(magnitude * height)]},
        "TranslatePixelsX": {"translate": [int(magnitude), 0]},
        "TranslatePixelsY": {"translate": [0, int(magnitude)]},
    }
    if name in moves:
        out = functional.affine(tensor, **{**still, **moves[name]})
    else:
        run = {
            "Rotate": lambda: functional.rotate(tensor, magnitude),
            "Brightness": lambda: functional.adjust_brightness(tensor, 1 + magnitude),
            "Color": lambda: functional.adjust_saturation(tensor, 1 + magnitude),
            "Contrast": lambda: functional.adjust_contrast(tensor, 1 + magnitude),
            "Sharpness": lambda: functional.adjust_sharpness(tensor, 1 + magnitude),
            "Posterize": lambda: functional.posterize(tensor, int(magnitude)),
            "Solarize": lambda: functional.solarize(tensor, 255 * magnitude),
            "AutoContrast": lambda: functional.autocontrast(tensor),
            "Equalize": lambda: functional.equalize(tensor),
            "Invert": lambda: functional.invert(tensor),
            "Identity": lambda: tensor,
        }
        out = run[name]()
    return out.permute(1, 2, 0).numpy()


@pytest.mark.parametrize("name", [*policies.WIDE, "TranslateX", "TranslateY", "Invert"])
def test_operations_do_what_torchvision_does(name: str) -> None:
    functional = torchvision().functional
    torch = pytest.importorskip("torch")
    picture = smooth()
    space = policies.WIDE if name in policies.WIDE else policies.AUTO
    for at in (3, 13, 30):
        for magnitude in policies.magnitudes(space, name, at, 31) or (0.0,):
            step = policies._step(name, (magnitude,), 0, 0)
            ours = A.Compose([step])(image=picture)["image"].astype(int)
            away = np.abs(ours - theirs(functional, torch, name, magnitude, picture))
            if name == "Sharpness":  # torchvision leaves the outermost pixels as they are
                away = away[1:-1, 1:-1]
            if name == "Rotate":  # at halves a rounding error decides which pixel is nearest
                assert (away.max(axis=2) > 0).mean() < 0.01, magnitude
            else:
                assert away.max() <= TOLERANCE.get(name, 0), magnitude


@pytest.mark.parametrize(
    ("kind", "space", "bins"),
    [
        ("TrivialAugmentWide", policies.WIDE, 31),
        ("RandAugment", policies.RAND, 31),
        ("AutoAugment", policies.AUTO, 10),
        ("AugMix", policies.MIX_ALL, 10),
    ],
)
def test_magnitudes_are_those_of_torchvision(kind: str, space: Any, bins: int) -> None:
    table = getattr(torchvision(), kind)._AUGMENTATION_SPACE
    assert {name.replace("Pixels", "") for name in space} == set(table)
    for name in space:
        make, signed = table[name.replace("Pixels", "")]
        sizes = make(bins, 100, 100)
        for at in range(bins):
            drawn = policies.magnitudes(space, name, at, bins)
            if sizes is None:
                assert drawn == ()
                continue
            size = float(sizes[at]) / (100 if name in ("TranslateX", "TranslateY") else 1)
            assert drawn == pytest.approx((-size, size) if signed else (size,), rel=1e-6)


@pytest.mark.parametrize("policy", list(policies.LEARNED))
def test_what_autoaugment_learned(policy: str) -> None:
    v2 = torchvision()
    pairs = v2.AutoAugment(v2.AutoAugmentPolicy(policy))._policies
    assert len(pairs) == 25
    assert [[(name, p, at or 0) for name, p, at in pair] for pair in pairs] == policies.learned(policy)


def test_sharpness_is_a_blend_with_the_smooth_image() -> None:
    picture = image(12, 15, dtype="float32")
    kernel = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13
    softened = cv2.filter2D(picture, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
    for factor in (0.0, 0.3, 1.0, 1.8):
        got = A.Compose([A.Sharpness(factor_range=(factor, factor), p=1)])(image=picture)["image"]
        want = np.clip(factor * picture + (1 - factor) * softened, 0, 1)
        assert np.abs(got - want).max() < 1e-5


# ---- what is drawn ---------------------------------------------------------------------------------------


def applied(step: Any, n: int) -> list[list[tuple[str, dict[str, Any]]]]:
    pipeline = A.Compose([step], seed=1, save_applied_params=True)
    small = IMAGE[:8, :8]
    return [list(pipeline(image=small, key=i)["applied_transforms"]) for i in range(n)]


def test_trivial_augment_draws_all_bins_of_all_operations_alike() -> None:
    drawn = applied(A.TrivialAugment(), 4000)
    assert all(len(steps) == 1 for steps in drawn)
    names = Counter(steps[0][0] for steps in drawn)
    # Four operations each are Affine, three are ColorJitter.
    shares = {"Affine": 4, "ColorJitter": 3}
    assert len(names) == 9
    expected = [4000 * shares.get(name, 1) / 14 for name in names]
    assert stats.chisquare(list(names.values()), expected).pvalue > 1e-4
    angles = Counter(steps[0][1]["angle"] for steps in drawn if steps[0][0] == "Rotate")
    assert {round(abs(angle) / 4.5, 6) for angle in angles} <= set(range(31))
    assert len(angles) > 50
    assert 0.4 < sum(n for angle, n in angles.items() if angle > 0) / sum(angles.values()) < 0.6
    bits = Counter(steps[0][1]["num_bits"] for steps in drawn if steps[0][0] == "Posterize")
    assert set(bits) == {2, 3, 4, 5, 6, 7, 8}


def test_rand_augment_draws_operations_anew_at_one_magnitude() -> None:
    drawn = applied(A.RandAugment(2, 9), 1500)
    assert all(len(steps) == 2 for steps in drawn)
    names = Counter(name for steps in drawn for name, _ in steps)
    assert (
        stats.chisquare(
            list(names.values()), [3000 * {"Affine": 4, "ColorJitter": 3}.get(name, 1) / 14 for name in names]
        ).pvalue
        > 1e-4
    )
    assert {params["angle"] for steps in drawn for name, params in steps if name == "Rotate"} == {-9.0, 9.0}
    assert any(first[0] == second[0] == "Equalize" for first, second in drawn)


def test_autoaugment_follows_its_probabilities() -> None:
    drawn = applied(A.AutoAugment("imagenet"), 3000)
    pairs = policies.learned("imagenet")
    steps = sum(len(steps) for steps in drawn)
    expected = 3000 * sum(p for pair in pairs for _, p, _ in pair) / 25
    assert abs(steps - expected) < 5 * math.sqrt(3000 * 2 / 4)
    inverted = sum(name == "InvertImg" for steps in drawn for name, _ in steps)
    assert abs(inverted / 3000 - (0.6 + 0.6 + 0.6) / 25) < 0.02


def test_labels_follow_the_geometric_operations() -> None:
    mask = np.zeros((40, 56), np.uint8)
    mask[10:20, 10:20] = 1
    picture = np.repeat(mask[..., None] * 255, 3, 2)
    pipeline = A.Compose([A.RandAugment(3, 20)], seed=1, save_applied_params=True)
    moved = 0
    for i in range(100):
        result = pipeline(image=picture, mask=mask, key=i)
        names = {name for name, _ in result["applied_transforms"]}
        if names <= {"Affine", "Rotate"} and names:
            assert np.array_equal(result["image"][..., 0] // 255, result["mask"])
            moved += not np.array_equal(result["mask"], mask)
    assert moved > 1


# ---- AugMix ----------------------------------------------------------------------------------------------


def test_augmix_is_a_weighted_mean_of_chains() -> None:
    pipeline = A.ReplayCompose([A.AugMix(severity=10)], seed=1)
    for picture in (IMAGE, image(20, 30, dtype="float32"), image(20, 30, 1)):
        for i in range(5):
            result = pipeline(image=picture, key=i)
            params = json.loads(json.dumps(result["replay"]))["steps"][0]["params"]
            assert params["weight"] + sum(params["weights"]) == pytest.approx(1)
            want = params["weight"] * picture.astype(np.float64)
            for weight, chain in zip(params["weights"], params["chains"], strict=True):
                assert 1 <= len(chain) <= 3
                part = A.Compose.from_applied_transforms(chain, fuse="off")(image=picture)["image"]
                want += weight * part
            assert result["image"].dtype == picture.dtype
            near = 1e-4 if picture.dtype == np.float32 else 0.51
            assert np.abs(result["image"] - want).max() < near


def test_augmix_changes_images_only() -> None:
    settings = {
        "bbox_params": {"coord_format": "pascal_voc", "label_fields": ["labels"]},
        "keypoint_params": {"coord_format": "xyas", "label_fields": ["names"]},
    }
    targets = every_target(0)
    mixed, same = (A.Compose([step], **settings)(**targets) for step in (A.AugMix(severity=10), A.NoOp(p=1)))
    assert not equal(mixed["image"], same["image"])
    for name in ("mask", "masks", "bboxes", "keypoints", "labels"):
        assert equal(mixed[name], same[name]), name


@pytest.mark.parametrize("alpha", [0.2, 1.0, 5.0])
def test_weights_are_dirichlet(alpha: float) -> None:
    drawn = np.array([policies._shares(Stream(State(seeded(1), (i,)), b"x"), alpha, 3) for i in range(4000)])
    assert np.allclose(drawn.sum(1), 1)
    assert np.allclose(drawn.mean(0), 1 / 3, atol=0.03)
    # Each share of a symmetric Dirichlet is Beta(alpha, 2 alpha).
    for column in drawn.T:
        assert stats.kstest(column, stats.beta(alpha, 2 * alpha).cdf).pvalue > 1e-4


def test_tiny_alphas_do_not_underflow() -> None:
    sig = new_signature((8, 8, 3), "uint8")
    for i in range(50):
        params = A.AugMix(alpha=1e-3).draw(sig, Stream(State(seeded(1), (i,)), b"x"))
        assert params["weight"] + sum(params["weights"]) == pytest.approx(1)


def test_severity_bounds_magnitudes() -> None:
    for severity, most in ((1, 0.0), (4, 10.0)):
        found = set()
        for ((_, params),) in applied(A.AugMix(severity=severity, mixture_width=8, chain_depth=4), 60):
            found |= {abs(p["angle"]) for chain in params["chains"] for name, p in chain if name == "Rotate"}
        assert max(found) == pytest.approx(most)


# ---- records and files -----------------------------------------------------------------------------------


def test_records_replay_in_a_fresh_process_and_stay_small() -> None:
    jobs, wanted = [], []
    for step in EVERY.values():
        pipeline = A.ReplayCompose([step], seed=1)
        for i in range(12):
            result = pipeline(image=IMAGE, key=i)
            jobs.append(result["replay"])
            wanted.append(digest(result["image"]))
            assert len(json.dumps(jobs[-1])) < 16 * 1024
    code = """
import json, sys
import augury as A
from tests.samples import digest, image
print(*(digest(A.replay(record, image=image(40, 56))["image"]) for record in json.loads(sys.stdin.read())))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(jobs), capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == wanted


@pytest.mark.parametrize("name", list(EVERY))
def test_files(name: str) -> None:
    pipeline = A.ReplayCompose([EVERY[name], A.Normalize()], seed=1)
    again = A.from_dict(json.loads(json.dumps(A.to_dict(pipeline))))
    assert again == pipeline and again.fingerprint == pipeline.fingerprint
    assert again(image=IMAGE, key=3)["replay"] == pipeline(image=IMAGE, key=3)["replay"]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: A.TrivialAugment(1), r"TrivialAugment.num_magnitude_bins: got 1; pass an integer from 2 to 100"),
        (lambda: A.RandAugment(0), r"RandAugment.num_ops: got 0; pass an integer from 1 to 20"),
        (lambda: A.RandAugment(2, 31), r"RandAugment.magnitude: got 31; pass an integer from 0 to 30"),
        (lambda: A.RandAugment(2, 1.5), r"RandAugment.magnitude: got 1.5"),  # type: ignore[arg-type]
        (lambda: A.RandAugment(interpolation=9), r"Affine.interpolation: got 9"),
        (lambda: A.AutoAugment("coco"), r"AutoAugment.policy: got 'coco'; pass 'imagenet', 'cifar10', 'svhn'"),
        (lambda: A.AutoAugment(["svhn"]), r"AutoAugment.policy: got \['svhn'\]"),  # type: ignore[arg-type]
        (lambda: A.AutoAugment(p=2), r"OneOf.p: got 2"),
        (lambda: A.AugMix(severity=11), r"AugMix.severity: got 11"),
        (lambda: A.AugMix(chain_depth=0), r"AugMix.chain_depth: got 0; pass one of -1, 1, 2, 3, 4"),
        (lambda: A.AugMix(alpha=0), r"AugMix.alpha: got 0"),
    ],
)
def test_bad_arguments(build: Any, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        build()
