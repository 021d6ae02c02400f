"""What each group runs, how often, in which order."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from scipy import stats

import augury as A
from augury.errors import FieldError, SampleError
from augury.groups import Group
from tests.samples import equal, image, sample

IMAGE = image(16, 16)
N = 3000


def ran(group: Any, n: int = N) -> list[tuple[str, ...]]:
    """Names of the steps that ran, for n keys."""
    pipeline = A.Compose(group, seed=137, save_applied_params=True)
    return [tuple(name for name, _ in pipeline(image=IMAGE, key=i)["applied_transforms"]) for i in range(n)]


def statuses(group: Any, key: int) -> dict[str, str]:
    record = A.ReplayCompose(group, seed=137)(image=IMAGE, key=key)["replay"]
    return {step["path"]: step["status"] for step in record["steps"]}


def fair(counts: list[float], expected: list[float]) -> bool:
    scale = sum(counts) / sum(expected)
    return float(stats.chisquare(counts, [e * scale for e in expected]).pvalue) > 1e-5


def near(count: int, p: float, n: int = N) -> bool:
    return abs(count - n * p) < 5 * (n * p * (1 - p)) ** 0.5


H, V, T, INVERT = A.HorizontalFlip(p=1), A.VerticalFlip(p=1), A.Transpose(p=1), A.InvertImg(p=1)


# ---- chance and choice -----------------------------------------------------------------------------------


def test_p_of_a_transform() -> None:
    assert near(sum(map(len, ran([A.HorizontalFlip(p=0.3)]))), 0.3)
    assert not any(ran([A.HorizontalFlip(p=0)], 50))
    assert all(ran([H], 50))


@pytest.mark.parametrize("kind", [A.Sequential, A.Compose])
def test_a_block_runs_whole_or_not_at_all(kind: Any) -> None:
    got = Counter(ran(kind([H, V], p=0.25)))
    assert set(got) == {(), ("HorizontalFlip", "VerticalFlip")}
    assert near(got["HorizontalFlip", "VerticalFlip"], 0.25)


def test_one_of_uses_p_as_weight_and_runs_exactly_one() -> None:
    got = Counter(ran(A.OneOf([A.HorizontalFlip(p=0.1), A.VerticalFlip(p=0.3), A.Transpose(p=0.6)], p=1)))
    assert set(map(len, got)) == {1}
    assert fair([got[n,] for n in ("HorizontalFlip", "VerticalFlip", "Transpose")], [1, 3, 6])


def test_one_of_never_picks_weight_zero_and_has_a_p() -> None:
    got = Counter(ran(A.OneOf([A.HorizontalFlip(p=0), A.VerticalFlip(p=0.01)], p=0.4)))
    assert set(got) == {(), ("VerticalFlip",)}
    assert near(got["VerticalFlip",], 0.4)


def test_one_of_chooses_groups_too() -> None:
    got = Counter(ran(A.OneOf([A.Sequential([H, V], p=1), T], p=1)))
    assert fair([got["HorizontalFlip", "VerticalFlip"], got["Transpose",]], [1, 1])


def test_one_or_other() -> None:
    got = Counter(ran(A.OneOrOther(H, V, p=0.2)))
    assert set(got) == {("HorizontalFlip",), ("VerticalFlip",)}
    assert near(got["HorizontalFlip",], 0.2)
    assert A.OneOrOther(H, V) == A.OneOrOther(transforms=[H, V])
    assert set(ran(A.OneOrOther(H, V, p=1), 50)) == {("HorizontalFlip",)}
    assert set(ran(A.OneOrOther(H, V, p=0), 50)) == {("VerticalFlip",)}
    certain = A.Compose(A.OneOrOther(A.InvertImg(p=0), A.InvertImg(p=0)))
    assert np.array_equal(certain(image=IMAGE)["image"], 255 - IMAGE)


def test_some_of_keeps_order_and_picks_evenly() -> None:
    got = Counter(ran(A.SomeOf([H, V, T], n=2)))
    pairs = [("HorizontalFlip", "VerticalFlip"), ("HorizontalFlip", "Transpose"), ("VerticalFlip", "Transpose")]
    assert set(got) == set(pairs)
    assert fair([got[pair] for pair in pairs], [1, 1, 1])


def test_some_of_ignores_p_when_picking_and_obeys_it_when_running() -> None:
    got = Counter(ran(A.SomeOf([A.HorizontalFlip(p=0.2), V], n=1)))
    assert near(got["VerticalFlip",], 0.5)
    assert near(got["HorizontalFlip",], 0.1)
    assert near(got[()], 0.4)


def test_some_of_a_range() -> None:
    got = Counter(map(len, ran(A.SomeOf([H, V, T], n=(1, 3)))))
    assert fair([got[1], got[2], got[3]], [1, 1, 1])


def test_some_of_with_replacement() -> None:
    got = Counter(ran(A.SomeOf([H, V], n=2, replace=True)))
    assert set(got) == {("HorizontalFlip",) * 2, ("HorizontalFlip", "VerticalFlip"), ("VerticalFlip",) * 2}
    assert fair([got["HorizontalFlip", "HorizontalFlip"], got["HorizontalFlip", "VerticalFlip"]], [1, 2])
    assert {len(names) for names in ran(A.SomeOf([H], n=5, replace=True), 20)} == {5}


def test_repeats_draw_anew() -> None:
    pipeline = A.Compose(A.SomeOf([A.RandomGamma(p=1)], n=3, replace=True), seed=1, save_applied_params=True)
    applied = pipeline(image=IMAGE, key=0)["applied_transforms"]
    assert len({str({k: v for k, v in params.items() if k != "shape"}) for _, params in applied}) == 3


def test_repeats_of_a_group_draw_anew_all_the_way_down() -> None:
    inner = A.SomeOf([A.RandomGamma(p=1)], n=2, replace=True)
    pipeline = A.ReplayCompose(A.SomeOf([A.Sequential([inner], p=1)], n=2, replace=True), seed=1)
    steps = pipeline(image=IMAGE, key=0)["replay"]["steps"]
    path = "SomeOf/Sequential/SomeOf/RandomGamma"
    assert [step["path"] for step in steps] == [path, f"{path}~1", f"{path}~1~0", f"{path}~1~1"]
    assert len({step["params"]["gamma"] for step in steps}) == 4


def test_random_order_is_uniform() -> None:
    got = Counter(ran(A.RandomOrder([H, V, T], n=3)))
    assert len(got) == 6
    assert fair(list(got.values()), [1] * 6)
    two = Counter(ran(A.RandomOrder([H, V, T], n=2)))
    assert len(two) == 6
    assert fair(list(two.values()), [1] * 6)
    repeated = Counter(ran(A.RandomOrder([H, V], n=2, replace=True)))
    assert len(repeated) == 4 and fair(list(repeated.values()), [1] * 4)


def test_statuses_tell_why_a_step_did_not_run() -> None:
    group = [
        A.OneOf([H, V], p=1),
        A.Transpose(p=0),
        A.SomeOf([A.InvertImg(p=0), A.Sequential([A.ToGray(p=1)], p=1)], n=1),
    ]
    seen = [statuses(group, key) for key in range(20)]
    for one in seen:
        assert set(one) == {
            "OneOf/HorizontalFlip", "OneOf/VerticalFlip", "Transpose", "SomeOf/InvertImg", "SomeOf/Sequential/ToGray",
        }  # fmt: skip
        assert sorted((one["OneOf/HorizontalFlip"], one["OneOf/VerticalFlip"])) == ["applied", "not_selected"]
        assert one["Transpose"] == "skipped"
        assert (one["SomeOf/InvertImg"], one["SomeOf/Sequential/ToGray"]) in {
            ("skipped", "not_selected"), ("not_selected", "applied"),
        }  # fmt: skip
    assert len({tuple(one.values()) for one in seen}) == 4


def test_force_apply_runs_the_pipeline_but_not_its_steps() -> None:
    pipeline = A.Compose([H, A.VerticalFlip(p=0)], p=0, seed=1, save_applied_params=True)
    assert [name for name, _ in pipeline(image=IMAGE, force_apply=True)["applied_transforms"]] == ["HorizontalFlip"]
    assert pipeline(image=IMAGE)["applied_transforms"] == []


# ---- channels --------------------------------------------------------------------------------------------


def test_selective_channels() -> None:
    six = sample("six")
    out = A.Compose(A.SelectiveChannelTransform([INVERT], channels=(1, 4)))(**six)
    want = six["image"].copy()
    want[..., [1, 4]] = 255 - want[..., [1, 4]]
    assert np.array_equal(out["image"], want)
    assert np.array_equal(out["mask"], six["mask"])


def test_selective_channels_then_others_see_all() -> None:
    pipeline = A.Compose([A.SelectiveChannelTransform([INVERT], channels=(0,)), INVERT, H])
    want = 255 - IMAGE[:, ::-1]
    want[..., 0] = IMAGE[:, ::-1, 0]
    assert np.array_equal(pipeline(image=IMAGE)["image"], want)


def test_selective_channels_are_recorded() -> None:
    pipeline = A.ReplayCompose(
        A.SelectiveChannelTransform([A.RandomGamma(p=1), A.GaussNoise(p=1)], channels=(2, 0)), seed=3
    )
    result = pipeline(image=IMAGE)
    assert all(step["params"]["on_channels"] == (2, 0) for step in result["replay"]["steps"])
    assert equal(A.replay(result["replay"], image=IMAGE)["image"], result["image"])
    assert np.array_equal(result["image"][..., 1], IMAGE[..., 1])


def test_selective_channels_refuses() -> None:
    with pytest.raises(FieldError, match=r"SelectiveChannelTransform.transforms: HorizontalFlip moves pixels"):
        A.SelectiveChannelTransform([H], channels=(0,))
    with pytest.raises(FieldError, match="holds another one"):
        A.SelectiveChannelTransform([A.Sequential([A.SelectiveChannelTransform([INVERT])])])
    for channels in ((), (0, 0), (-1,)):
        with pytest.raises(FieldError, match=r"SelectiveChannelTransform.channels: got .*; pass different indices"):
            A.SelectiveChannelTransform([INVERT], channels=channels)
    for bad in (5, "ab", (0.5,), (None,)):
        with pytest.raises(FieldError, match=r"SelectiveChannelTransform.channels: got"):
            A.SelectiveChannelTransform([INVERT], channels=bad)
    for shape in ((8, 8), (8, 8, 3)):
        with pytest.raises(
            SampleError, match=r"SelectiveChannelTransform: channels \(3,\) are not in an image of shape"
        ):
            A.Compose(A.SelectiveChannelTransform([INVERT], channels=(3,)))(image=np.zeros(shape, np.uint8))


def test_a_failed_call_leaves_nothing_selected() -> None:
    pipeline = A.Compose([A.SelectiveChannelTransform([A.ToSepia(p=1)], channels=(0, 1)), INVERT])
    for _ in range(2):
        with pytest.raises(SampleError, match="SelectiveChannelTransform/ToSepia"):
            pipeline(image=IMAGE)


# ---- operators and forms ---------------------------------------------------------------------------------


def test_plus_and_minus() -> None:
    pipeline = A.Compose([H, V], seed=3, p=0.5, bbox_params=A.BboxParams("coco"))
    assert (pipeline + T).transforms == (H, V, T)
    assert (pipeline + [T, INVERT]).transforms == (H, V, T, INVERT)  # noqa: RUF005
    assert (T + pipeline).transforms == (T, H, V)
    assert ([T] + pipeline).transforms == (T, H, V)  # noqa: RUF005
    assert (pipeline + A.OneOf([T])).transforms[2] == A.OneOf([T])
    for changed in (pipeline + T, T + pipeline, pipeline - H):
        assert changed.arguments() == pipeline.arguments()
    assert pipeline.transforms == (H, V)
    assert (pipeline - V).transforms == (H,) == (pipeline - A.VerticalFlip).transforms
    assert (pipeline + H - H).transforms == (V, H)
    with pytest.raises(FieldError, match=r"Compose: got - Transpose\(p=1.0\); it holds no such transform"):
        pipeline - T
    assert len(pipeline) == 2 and list(pipeline) == [H, V] and pipeline[1] is V


EVERY: list[Group] = [
    A.Compose([]),
    A.Compose(H),
    A.Compose([H, A.OneOf([V, A.Sequential([T], p=0.1)], p=0.3)], seed=5, strict=True),
    A.Compose([H], bbox_params=A.BboxParams("coco", ["a"], min_area=3), keypoint_params=A.KeypointParams("yx")),
    A.Compose([H], additional_targets={"left": "image"}, mask_interpolation=1, is_check_shapes=False, fuse="off"),
    A.ReplayCompose([H], save_key="record", digests=True, seed=1),
    A.SomeOf([H, V], n=(0, 2), replace=True, p=0.4),
    A.RandomOrder([H, V], n=2),
    A.OneOrOther(H, A.SelectiveChannelTransform([INVERT], channels=(1,)), p=0.9),
    A.Sequential([A.OneOrOther(H, V)]),
]


@pytest.mark.parametrize("group", EVERY, ids=range(len(EVERY)))
def test_repr_evaluates(group: Group) -> None:
    again = eval(repr(group), vars(A))
    assert again == group and type(again) is type(group) and hash(again) == hash(group)
    assert repr(again) == repr(group)


@pytest.mark.parametrize("group", EVERY, ids=range(len(EVERY)))
def test_groups_differ_if_written_differently(group: Group) -> None:
    assert [other for other in EVERY if other == group] == [group]


def test_one_object_used_twice_draws_twice() -> None:
    gamma = A.RandomGamma(p=1)
    pipeline = A.ReplayCompose([gamma, A.Sequential([gamma], p=1), gamma], seed=5)
    result = pipeline(image=IMAGE)
    steps = result["replay"]["steps"]
    assert [step["path"] for step in steps] == ["RandomGamma", "Sequential/RandomGamma", "RandomGamma:2"]
    assert len({step["params"]["gamma"] for step in steps}) == 3
    assert equal(A.replay(result["replay"], image=IMAGE)["image"], result["image"])


@pytest.mark.parametrize(
    ("build", "pieces"),
    [
        (lambda: A.OneOf([]), ["OneOf.transforms: got []", "at least one"]),
        (lambda: A.OneOf([A.HorizontalFlip(p=0)]), ["OneOf.transforms", "p=0", "positive p"]),
        (lambda: A.SomeOf([], n=1), ["SomeOf.transforms: got []"]),
        (lambda: A.SomeOf([H], n=2), ["SomeOf.n: got 2", "there are 1 transforms", "replace=True"]),
        (lambda: A.SomeOf([H], n=-1), ["SomeOf.n: got -1", "at least 0"]),
        (lambda: A.SomeOf([H], n=1.5), ["SomeOf.n: got 1.5"]),
        (lambda: A.SomeOf([H, V], n=(2, 1)), ["SomeOf.n: got (2, 1)"]),
        (lambda: A.SomeOf([H, V], n=(1, "2")), ["SomeOf.n: got (1, '2')"]),
        (lambda: A.RandomOrder([H], n=(1, 2, 3)), ["RandomOrder.n: got (1, 2, 3)"]),
        (lambda: A.OneOrOther(H), ["OneOrOther: pass first and second"]),
        (lambda: A.OneOrOther(transforms=[H]), ["OneOrOther.transforms: got 1", "pass two"]),
        (lambda: A.Compose("HorizontalFlip"), ["Compose.transforms: got 'HorizontalFlip'", "pass a list"]),
        (lambda: A.Compose(None), ["Compose.transforms: got None"]),
        (lambda: A.Compose([A.HorizontalFlip]), ["Compose.transforms[0]: got <class", "HorizontalFlip()"]),
        (lambda: A.Compose([H, None]), ["Compose.transforms[1]: got None"]),
        (lambda: A.Sequential([H], p=float("nan")), ["Sequential.p: got nan", "[0, 1]"]),
        (lambda: A.Compose([H], p=-0.1), ["Compose.p: got -0.1"]),
        (lambda: A.OneOf([H], p="1"), ["OneOf.p: got '1'"]),
        (lambda: A.Compose([A.Compose([H], bbox_params=A.BboxParams("coco"))]), ["belong to the outermost"]),
        (lambda: A.Compose([H], fuse="full"), ["Compose.fuse: got 'full'", "'close'"]),
        (lambda: A.Compose([H], mask_interpolation=9), ["Compose.mask_interpolation: got 9"]),
        (lambda: A.Compose([H], seed=1.5), ["seed", "1.5"]),
        (lambda: A.Compose([H], seed=[]), ["seed", "[]"]),
        (lambda: A.Compose([H], bbox_params="coco"), ["Compose.bbox_params: got 'coco'", "BboxParams"]),
        (lambda: A.Compose([H], bbox_params={"coord_format": "coco", "x": 1}), ["Compose.bbox_params", "'x'"]),
        (lambda: A.Compose([H], keypoint_params={"coord_format": "zz"}), ["KeypointParams.coord_format: got 'zz'"]),
        (lambda: A.Compose([H], additional_targets={"left": "picture"}), ["additional_targets", "'picture'", "roles"]),
        (lambda: A.Compose([H], additional_targets={"mask": "image"}), ["additional_targets", "pick another name"]),
        (lambda: A.Compose([H], additional_targets=["left"]), ["Compose.additional_targets: got ['left']"]),
    ],
)  # fmt: skip
def test_bad_groups(build: Any, pieces: list[str]) -> None:
    with pytest.raises(FieldError) as caught:
        build()
    assert all(piece in str(caught.value) for piece in pieces), caught.value


def test_a_transform_or_group_can_be_called_alone() -> None:
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert np.array_equal(A.HorizontalFlip(p=1)(image=image)["image"], image[:, ::-1])
    flip = A.OneOf([A.HorizontalFlip(), A.VerticalFlip()], p=1)
    seen = {flip(image=image, key=key)["image"].tobytes() for key in range(20)}
    assert seen == {image[:, ::-1].tobytes(), image[::-1].tobytes()}
