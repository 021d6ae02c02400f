"""Transforms that users write as functions on arrays behave as they expect from Albumentations, and replay."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import augury as A
from augury.errors import FieldError, RecordError, SampleError, StepError
from tests.samples import BOX_SETTINGS, POINT_SETTINGS, digest, equal, image, sample

SETTINGS = {"bbox_params": A.BboxParams(**BOX_SETTINGS), "keypoint_params": A.KeypointParams(**POINT_SETTINGS)}


class Tint(A.ImageOnlyTransform):
    """Scalars from get_params."""

    def __init__(self, strength: float = 30, p: float = 0.5) -> None:
        super().__init__(p=p)
        self.strength = strength

    def get_params(self) -> dict[str, Any]:
        return {"tint": self.py_random.uniform(-self.strength, self.strength), "channel": self.py_random.randint(0, 2)}

    def apply(self, img: Any, tint: float, channel: int, **params: Any) -> Any:
        img[..., channel] = np.clip(img[..., channel].astype(int) + round(tint), 0, 255)
        return img


class Grain(A.ImageOnlyTransform):
    """An array that depends on the data, drawn with random_generator."""

    def __init__(self, sigma: float = 5, p: float = 0.5) -> None:
        super().__init__(p)
        self.sigma = sigma

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        noise = self.random_generator.normal(0, self.sigma, params["shape"])
        return {"noise": noise * data["image"].mean() / 128}

    def apply(self, img: Any, noise: Any, **params: Any) -> Any:
        return np.clip(img + noise, 0, 255).astype(np.uint8)


class Shift(A.DualTransform):
    """Roll to the right, in every target."""

    def __init__(self, most: int = 9, p: float = 0.5) -> None:
        super().__init__(p=p)
        self.most = most

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        return {"by": int(self.random_generator.integers(1, min(self.most, params["shape"][1] - 1)))}

    def apply(self, img: Any, by: int, **params: Any) -> Any:
        out = np.zeros_like(img)
        out[:, by:] = img[:, :-by]
        return out

    def apply_to_bboxes(self, bboxes: Any, by: int, **params: Any) -> Any:
        bboxes[:, [0, 2]] += by / params["cols"]
        return bboxes

    def apply_to_keypoints(self, keypoints: Any, by: int, **params: Any) -> Any:
        keypoints[:, 0] += by
        return keypoints[keypoints[:, 0] < params["cols"]]


class Late(A.ImageOnlyTransform):
    """Randomness inside apply."""

    def apply(self, img: Any, **params: Any) -> Any:
        return (img // self.py_random.randint(2, 5) + self.random_generator.integers(0, 9, img.shape)).astype(np.uint8)


class Halve(A.DualTransform):
    """Another size."""

    def apply(self, img: Any, **params: Any) -> Any:
        return img[::2, ::2]

    def apply_to_bboxes(self, bboxes: Any, **params: Any) -> Any:
        return bboxes

    def apply_to_keypoints(self, keypoints: Any, **params: Any) -> Any:
        keypoints[:, :2] = (keypoints[:, :2] + 0.5) / 2 - 0.5
        return keypoints


STEPS = [
    Tint(p=0.8),
    A.HorizontalFlip(p=0.5),
    Grain(p=0.8),
    Shift(p=0.8),
    Late(p=0.7),
    A.RandomGamma(p=0.5),
    Halve(p=0.5),
]


def outcome(result: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in result.items() if k not in ("replay", "applied_transforms")}


# ---- exactness -------------------------------------------------------------------------------------------------


def test_replay_is_exact_at_both_levels() -> None:
    pipeline = A.ReplayCompose(
        [A.OneOf([A.Sequential(STEPS, p=1), A.SomeOf(STEPS, n=4)], p=1)], seed=5, save_applied_params=True, **SETTINGS
    )
    ran: set[str] = set()
    for key in range(30):
        targets = sample("boxes", key)
        result = pipeline(**targets, key=key)
        record, applied = json.loads(json.dumps([result["replay"], result["applied_transforms"]]))
        ran |= {name for name, _ in applied}
        assert equal(A.replay(record, **targets), outcome(result))
        assert equal(A.Compose.from_applied_transforms(applied, **SETTINGS)(**targets), outcome(result))
        assert equal(
            A.Compose.from_applied_transforms(result["applied_transforms"], **SETTINGS)(**targets), outcome(result)
        )
        assert digest(pipeline(**targets, key=key)["image"]) == digest(result["image"])
    assert ran >= {"Tint", "Grain", "Shift", "Late", "Halve"}


def test_scalars_are_recorded_and_arrays_are_not() -> None:
    pipeline = A.Compose([Tint(p=1), Grain(p=1), Shift(p=1)], seed=1, save_applied_params=True)
    applied = dict(pipeline(image=image())["applied_transforms"])
    assert set(applied["Tint"]["drawn"]) == {"tint", "channel"}
    assert applied["Tint"]["init"] == {"strength": 30, "p": 1.0}
    assert "drawn" not in applied["Grain"] and len(applied["Grain"]["key"]) == 24
    assert len(json.dumps(applied)) < 1000


def test_every_frame_gets_the_same_draw() -> None:
    one = image()
    out = A.Compose([Tint(p=1), Shift(p=1), Grain(p=1)], seed=2)(
        image=one, images=np.stack([one] * 3), volume=np.stack([one] * 2)
    )
    for name in ("images", "volume"):
        assert all(np.array_equal(frame, out["image"]) for frame in out[name])


def test_labels_follow() -> None:
    targets = {
        "image": image(20, 30),
        "mask": np.eye(20, 30, dtype=np.int32),
        "bboxes": [[1.0, 2.0, 5.0, 6.0]],
        "labels": ["a"],
    }
    settings = {**SETTINGS, "keypoint_params": A.KeypointParams("xy", ["names"])}
    out = A.Compose(Shift(most=4, p=1), seed=1, **settings)(
        **targets, keypoints=[(2.0, 3.0), (29.0, 1.0)], names=["p", "q"]
    )
    by = int(out["bboxes"][0][0] - 1)
    assert 1 <= by < 4
    assert np.allclose(out["bboxes"], [[1 + by, 2, 5 + by, 6]])
    assert out["keypoints"] == [(2.0 + by, 3.0)] and out["names"] == ["p"]
    assert np.array_equal(out["mask"][:, by:], np.eye(20, 30, dtype=np.int32)[:, :-by])
    assert out["mask"].dtype == np.int32


def test_fractions_and_centres() -> None:
    seen: dict[str, Any] = {}

    class Look(A.DualTransform):
        def apply(self, img: Any, **params: Any) -> Any:
            return img

        def apply_to_bboxes(self, bboxes: Any, **params: Any) -> Any:
            seen["bboxes"] = bboxes.copy()
            return bboxes

        def apply_to_keypoints(self, keypoints: Any, **params: Any) -> Any:
            seen["keypoints"] = keypoints.copy()
            return keypoints

    targets = {
        "image": image(20, 40),
        "bboxes": [[4, 5, 8, 10]],
        "labels": [1],
        "keypoints": [[3, 4, 90, 2]],
        "names": [1],
    }
    out = A.Compose(Look(p=1), **SETTINGS)(**targets)
    assert np.allclose(seen["bboxes"], [[0.1, 0.25, 0.2, 0.5, 0]])
    assert np.allclose(seen["keypoints"], [[3, 4, 0, np.pi / 2, 2, 0]])
    assert np.allclose(out["bboxes"], [[4, 5, 8, 10]]) and np.allclose(out["keypoints"], [[3, 4, 90, 2]])


def test_inputs_are_never_written_to() -> None:
    one = image()
    before = one.copy()
    A.Compose([Tint(p=1)])(image=one)
    A.Compose([A.Lambda(image=lambda img, **_: img.fill(0) or img)])(image=one)
    assert np.array_equal(one, before)


def test_a_result_is_not_the_functions_own_array() -> None:
    kept = image()

    class Same(A.ImageOnlyTransform):
        def apply(self, img: Any, **params: Any) -> Any:
            return kept

    out = A.Compose(Same(p=1))(image=image())["image"]
    out[:] = 0
    assert kept.any()


def test_the_default_p_and_repr() -> None:
    assert Tint().p == 0.5 and Late().p == 0.5
    assert eval(repr(Tint(strength=4, p=0.2)), {"Tint": Tint}) == Tint(4, 0.2)
    assert A.from_dict(json.loads(json.dumps(A.to_dict(A.Compose([Tint(4), Shift()]))))) == A.Compose(
        [Tint(4), Shift()]
    )


def test_random_numbers_outside_a_call() -> None:
    with pytest.raises(FieldError, match="Tint: random numbers are there only while a pipeline calls"):
        Tint().get_params()


def test_custom_steps_are_independent_of_their_neighbours() -> None:
    one = dict(A.Compose([Tint(p=1)], seed=3, save_applied_params=True)(image=image(), key=1)["applied_transforms"])
    two = dict(
        A.Compose([Grain(p=1), Tint(p=1)], seed=3, save_applied_params=True)(image=image(), key=1)["applied_transforms"]
    )
    assert one["Tint"]["drawn"] == two["Tint"]["drawn"]


# ---- refusals --------------------------------------------------------------------------------------------------


def test_arguments_that_were_not_kept() -> None:
    class Forgetful(A.ImageOnlyTransform):
        def __init__(self, amount: int = 3, p: float = 1.0) -> None:
            super().__init__(p)

        def apply(self, img: Any, **params: Any) -> Any:
            return img

    with pytest.raises(FieldError, match=r"Forgetful.amount: keep it as self.amount"):
        A.to_dict(A.Compose([Forgetful()]))


def test_arguments_that_are_not_plain_data() -> None:
    class Apply(A.ImageOnlyTransform):
        def __init__(self, function: Any, p: float = 1.0) -> None:
            super().__init__(p)
            self.function = function

        def apply(self, img: Any, **params: Any) -> Any:
            return self.function(img)

    invert = Apply(lambda img: 255 - img)
    result = A.ReplayCompose([invert], save_applied_params=True)(image=image())
    with pytest.raises(RecordError, match=r"Apply: its constructor arguments .* callables=\{'Apply': the_transform\}"):
        A.replay(result["replay"], image=image())
    with pytest.raises(RecordError, match=r"callables=\{'Apply'"):
        A.Compose.from_applied_transforms(result["applied_transforms"])
    assert equal(A.replay(result["replay"], image=image(), callables={"Apply": invert})["image"], result["image"])
    with pytest.raises(FieldError, match="Apply: cannot be saved"):
        A.to_dict(A.Compose([invert]))


def failing(text: str, **methods: Any) -> tuple[str, Any]:
    return text, type("Failing", (A.DualTransform,), {"apply": lambda self, img, **p: img, **methods}, register=False)


@pytest.mark.parametrize(
    ("text", "kind", "error"),
    [
        (
            *failing("Failing: Failing returned list; return a NumPy array", apply=lambda self, img, **p: [1]),
            SampleError,
        ),
        (*failing("Failing: KeyError: 'x'", apply=lambda self, img, **p: p["x"]), StepError),
        (*failing("Failing: TypeError", apply=lambda self: 3), StepError),
        (*failing("Failing: bboxes: NotImplementedError: Failing has no apply_to_bboxes"), StepError),
        (
            *failing(
                "Failing: bboxes: ZeroDivisionError",
                apply_to_bboxes=lambda self, bboxes, **p: 1 / 0,
            ),
            StepError,
        ),
        (*failing("Failing: ZeroDivisionError", get_params=lambda self: 1 / 0), StepError),
        (
            *failing(
                "Failing: ZeroDivisionError",
                get_params_dependent_on_data=lambda self, params, data: 1 / 0,
            ),
            StepError,
        ),
    ],
)
def test_failing_functions(text: str, kind: Any, error: Any) -> None:
    targets = {"image": image(), "bboxes": [[1, 2, 3, 4]], "labels": [1]}
    with pytest.raises(error) as caught:
        A.Compose([kind(p=1)], **SETTINGS)(**targets)
    assert text in str(caught.value)


def test_no_apply() -> None:
    class Nothing(A.ImageOnlyTransform):
        pass

    with pytest.raises(StepError, match=r"Nothing: NotImplementedError: Nothing has no apply\(img"):
        A.Compose([Nothing(p=1)])(image=image())


# ---- Lambda ----------------------------------------------------------------------------------------------------


def double(img: Any, **params: Any) -> Any:
    return np.minimum(img.astype(int) * 2, 255).astype(np.uint8)


def mirror(mask: Any, **params: Any) -> Any:
    return mask[:, ::-1]


def up(keypoints: Any, **params: Any) -> Any:
    keypoints[:, 1] -= 1
    return keypoints


def drop(bboxes: Any, **params: Any) -> Any:
    return bboxes[1:]


def test_lambda_by_name() -> None:
    own = A.Lambda(image=double, mask=mirror, keypoints=up, bboxes=drop, name="own")
    pipeline = A.ReplayCompose(
        [A.HorizontalFlip(p=0.5), own, A.GaussNoise(p=0.5)], seed=1, save_applied_params=True, **SETTINGS
    )
    for key in range(8):
        targets = sample("boxes", key)
        result = pipeline(**targets, key=key)
        assert len(result["bboxes"]) == 3 and result["labels"] == targets["labels"][1:]
        record, applied = json.loads(json.dumps([result["replay"], result["applied_transforms"]]))
        assert equal(A.replay(record, callables={"own": own}, **targets), outcome(result))
        probe = A.Compose.from_applied_transforms(applied, callables={"own": own}, **SETTINGS)
        assert equal(probe(**targets), outcome(result))


def test_lambda_with_a_bare_function() -> None:
    result = A.ReplayCompose([A.Lambda(image=double, name="double")])(image=image())
    assert equal(A.replay(result["replay"], image=image(), callables={"double": double})["image"], result["image"])


def test_lambda_leaves_other_targets_alone() -> None:
    targets = sample("boxes")
    out = A.Compose([A.Lambda(image=double)], **SETTINGS)(**targets)
    assert np.array_equal(out["mask"], targets["mask"])
    assert np.allclose(out["bboxes"], targets["bboxes"]) and np.allclose(out["keypoints"], targets["keypoints"])


def test_lambda_is_refused_clearly() -> None:
    unnamed = A.ReplayCompose([A.Lambda(image=double)])(image=image())["replay"]
    with pytest.raises(RecordError, match=r"Lambda: recorded without a name.*name='\.\.\.'"):
        A.replay(unnamed, image=image(), callables={"double": double})
    named = A.ReplayCompose([A.Lambda(image=double, name="double")])(image=image())["replay"]
    with pytest.raises(RecordError, match=r"its functions are not in the record; pass callables=\{'double'"):
        A.replay(named, image=image())
    for bad in (3, "double"):
        with pytest.raises(RecordError, match=r"callables\['double'\]: got"):
            A.replay(named, image=image(), callables={"double": bad})
    with pytest.raises(FieldError, match=r"Lambda.name: got None; give the functions a name"):
        A.to_dict(A.Compose([A.Lambda(image=double)]))
    with pytest.raises(FieldError, match=r"Lambda.mask: got 3; pass a function"):
        A.Lambda(mask=3)
    saved = A.to_dict(A.Compose([A.Lambda(image=double, name="double")]))
    with pytest.raises(RecordError, match=r"Lambda: 'double' is not in the file; pass nonserializable=\{'double'"):
        A.from_dict(saved)
    own = A.Lambda(image=double, name="double")
    assert A.from_dict(saved, {"double": own}).transforms == (own,)


def test_lambda_digests() -> None:
    own = A.Lambda(image=double, name="double")
    record = A.ReplayCompose([own, A.InvertImg(p=1)], digests=True)(image=image())["replay"]
    assert A.verify(record, image=image(), callables={"double": own})
    assert not A.verify(
        record, image=image(), callables={"double": A.Lambda(image=lambda img, **p: img, name="double")}
    )
