"""Each example runs on a few generated files of the format that its data set comes in."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

for name in ("hydra", "torch"):
    pytest.importorskip(name)

import augury as A  # noqa: E402
from augury.search.data import OpenData, load_class  # noqa: E402
from augury.search.reading import load  # noqa: E402

EXAMPLES = Path(__file__).parents[2] / "examples" / "search"
RNG = np.random.Generator(np.random.Philox(key=5))


def noise(*shape: int) -> Any:
    return RNG.integers(0, 256, shape, np.uint8)


# ---- files as the data sets have them ------------------------------------------------------------------------

CIFAR_PIXELS, CIFAR_LABELS = noise(20, 3072), np.arange(20, dtype=np.uint8) % 10


def cifar10_binary(root: Path) -> None:
    folder = root / "cifar-10-batches-bin"
    folder.mkdir()
    for number in range(5):
        rows = slice(4 * number, 4 * number + 4)
        records = np.concatenate([CIFAR_LABELS[rows, None], CIFAR_PIXELS[rows]], axis=1)
        (folder / f"data_batch_{number + 1}.bin").write_bytes(records.tobytes())


def cifar10_pickled(root: Path) -> None:
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    for number in range(5):
        rows = slice(4 * number, 4 * number + 4)
        (folder / f"data_batch_{number + 1}").write_bytes(python_2_pickle(CIFAR_PIXELS[rows], CIFAR_LABELS[rows]))


def python_2_pickle(pixels: Any, labels: Any) -> bytes:
    """The bytes that Python 2 and an old NumPy write for {"batch_label", "labels", "data", "filenames"}."""

    def text(value: bytes) -> bytes:
        return b"T" + struct.pack("<i", len(value)) + value if len(value) > 255 else b"U" + bytes([len(value)]) + value

    dtype = (
        b"cnumpy\ndtype\n("
        + text(b"u1")
        + b"K\x00K\x01tR(K\x03"
        + text(b"|")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    shape = b"".join(b"M" + struct.pack("<H", length) for length in pixels.shape)
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00t" + text(b"b") + b"tR"
    state = b"(K\x01(" + shape + b"t" + dtype + b"I00\n" + text(pixels.tobytes()) + b"tb"
    entries = {
        b"batch_label": text(b"training batch 1 of 5"),
        b"labels": b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e",
        b"data": array + state,
        b"filenames": b"](" + b"".join(text(b"a_s_%06d.png" % number) for number in range(len(labels))) + b"e",
    }
    return b"\x80\x02}(" + b"".join(text(name) + value for name, value in entries.items()) + b"u."


def svhn(root: Path) -> None:
    from scipy.io import savemat

    savemat(root / "train_32x32.mat", {"X": noise(32, 32, 3, 20), "y": np.arange(1, 21).reshape(-1, 1) % 10 + 1})


def imagenet(root: Path) -> None:
    for name in ("n01440764", "n01443537"):
        (root / name).mkdir()
        for number, size in enumerate([(300, 400, 3), (280, 260, 3), (270, 300)]):
            cv2.imwrite(str(root / name / "made.jpg"), noise(*size))
            (root / name / "made.jpg").rename(root / name / f"{name}_{number}.JPEG")


def pascal_voc(root: Path) -> None:
    from PIL import Image

    for folder in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (root / folder).mkdir(parents=True)
    names = [f"2007_{number:06d}" for number in range(5)]
    (root / "ImageSets/Segmentation/train.txt").write_text("\n".join(names) + "\n")
    for number, name in enumerate(names):
        cv2.imwrite(str(root / "JPEGImages" / f"{name}.jpg"), noise(40, 50 + number, 3))
        numbers = np.zeros((40, 50 + number), np.uint8)
        numbers[5:20, 5:30], numbers[4, 5:30] = 15, 255
        mask = Image.fromarray(numbers, mode=None).convert("L")
        mask.putpalette([value for colour in range(256) for value in (colour, 255 - colour, colour // 2)])
        assert mask.mode == "P"
        mask.save(root / "SegmentationClass" / f"{name}.png")


def cityscapes(root: Path) -> None:
    for kind in ("leftImg8bit", "gtFine"):
        (root / kind / "train" / "aachen").mkdir(parents=True)
    for number in range(5):
        stem = f"aachen_{number:06d}_000019"
        labels = np.full((1100, 1100), 7, np.uint8)  # road
        labels[:300], labels[300:320] = 23, 4  # sky; static, which is not trained
        labels[500:800, 200:400] = 33  # bicycle
        cv2.imwrite(str(root / f"leftImg8bit/train/aachen/{stem}_leftImg8bit.png"), noise(1100, 1100, 3))
        cv2.imwrite(str(root / f"gtFine/train/aachen/{stem}_gtFine_labelIds.png"), labels)


def digits(root: Path) -> None:
    """They come with scikit-learn."""


SMALL = ["data.dataloader.batch_size=4", "data.dataloader.num_workers=0", "trainer.max_epochs=1"]
MAKERS: dict[str, tuple[str, Callable[[Path], None], list[str]]] = {
    "cifar10": ("cifar10", cifar10_binary, []),
    "cifar10 pickled": ("cifar10", cifar10_pickled, []),
    "cifar10 reduced": ("cifar10_reduced", cifar10_binary, []),
    "svhn": ("svhn", svhn, []),
    "imagenet": ("imagenet", imagenet, ["trainer.precision=32-true"]),
    "pascal_voc": ("pascal_voc", pascal_voc, []),
    "cityscapes": ("cityscapes", cityscapes, []),
    "digits": ("digits", digits, ["data.dataset.limit=20"]),
}


@pytest.fixture(params=MAKERS)
def example(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, list[str]]:
    """The folder of an example, and the overrides that let it read its generated files."""
    folder, make, overrides = MAKERS[request.param]
    make(tmp_path)
    root = [] if folder == "digits" else [f"data.dataset.root={tmp_path}"]
    return EXAMPLES / folder, [*SMALL, *root, *overrides]


def test_an_example_reads_its_files(example: tuple[Path, list[str]]) -> None:
    folder, overrides = example
    config = load(folder, overrides)
    data = OpenData(config, folder)
    image, target = data.train[0]
    assert image.shape == (data.channels, *data.size) and image.min() >= 0 and image.max() <= 1
    if config.task == "classification":
        assert 0 <= int(target) < config.num_classes
    else:
        assert target.shape == (config.num_classes, *data.size) and set(target.unique().tolist()) <= {0.0, 1.0}
        assert target.sum(0).max() == 1


def test_every_example_is_tested_and_says_where_its_data_goes() -> None:
    assert {path.name for path in EXAMPLES.iterdir()} == {folder for folder, _, _ in MAKERS.values()}
    for path in EXAMPLES.iterdir():
        assert f"--config-dir examples/search/{path.name}" in (path / "search.yaml").read_text("utf-8")


# ---- what the files mean -----------------------------------------------------------------------------------


def dataset(example_name: str, **arguments: Any) -> Any:
    folder = EXAMPLES / example_name
    return load_class("dataset.SearchDataset", folder, "")(**arguments)


@pytest.mark.parametrize("make", [cifar10_binary, cifar10_pickled])
def test_cifar10_pixels_and_labels(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path)
    found = dataset("cifar10", root=str(tmp_path))
    assert len(found) == 20 and len(dataset("cifar10", root=str(tmp_path), limit=7)) == 7
    image, label = found[13]
    np.testing.assert_array_equal(image, CIFAR_PIXELS[13].reshape(3, 32, 32).transpose(1, 2, 0))
    assert label == 3


@pytest.mark.parametrize("what", ["os.system", "builtins.eval", "numpy.load", "numpy.core.multiarray.scalar"])
def test_a_pickle_with_anything_else_is_refused(what: str, tmp_path: Path) -> None:
    cifar10_pickled(tmp_path)
    module, _, name = what.rpartition(".")
    mark = tmp_path / "ran"
    attack = b"c%s\n%s\n(U%c%st" % (module.encode(), name.encode(), len(f"touch {mark}"), f"touch {mark}".encode())
    (tmp_path / "cifar-10-batches-py" / "data_batch_2").write_bytes(b"\x80\x02" + attack + b"R.")
    with pytest.raises(pickle.UnpicklingError, match=f"{what} does not belong"):
        dataset("cifar10", root=str(tmp_path))
    assert not mark.exists()


def test_arrays_of_objects_are_refused(tmp_path: Path) -> None:
    cifar10_pickled(tmp_path)
    file = tmp_path / "cifar-10-batches-py" / "data_batch_2"
    file.write_bytes(file.read_bytes().replace(b"U\x02u1", b"U\x02O8"))
    with pytest.raises(pickle.UnpicklingError, match="arrays of b'O8'"):
        dataset("cifar10", root=str(tmp_path))


def test_svhn_counts_the_digit_0_as_0(tmp_path: Path) -> None:
    svhn(tmp_path)
    found = dataset("svhn", root=str(tmp_path))
    assert set(found.targets.tolist()) == set(range(10)) and found[0][0].shape == (32, 32, 3)
    assert found[8][1] == 0  # the file says 10


def test_voc_outlines_are_in_no_plane(tmp_path: Path) -> None:
    pascal_voc(tmp_path)
    _, mask = dataset("pascal_voc", root=str(tmp_path))[0]
    assert mask[10, 10].tolist() == [0] * 15 + [1] + [0] * 5 and mask[0, 0, 0] == 1
    assert mask[4, 10].sum() == 0


def test_cityscapes_ids_become_classes(tmp_path: Path) -> None:
    cityscapes(tmp_path)
    _, mask = dataset("cityscapes", root=str(tmp_path), scale=1.0)[0]
    assert mask.shape == (1100, 1100, 19)
    assert mask[1000, 1000].argmax() == 0 and mask[10, 10].argmax() == 10 and mask[600, 300].argmax() == 18
    assert mask[310, 10].sum() == 0


# ---- a search of one step ------------------------------------------------------------------------------------


TINY = ["policy_model.num_sub_policies=2", "policy_model.num_chunks=2", "policy_model.operation_count=1"]


def test_an_example_searches(example: tuple[Path, list[str]], tmp_path: Path) -> None:
    from augury.search.run import search

    folder, overrides = example
    tiny = [
        *TINY, "trainer.limit_train_batches=1", "trainer.accelerator=cpu", "trainer.devices=1",
        "trainer.progress_bar=false", "logger.tensorboard=false",
    ]  # fmt: skip
    if folder.name == "imagenet":
        tiny += ["data.preprocessing=[{Resize: {height: 32, width: 32}}]", "classification_model.architecture=resnet18"]
    if folder.name in ("pascal_voc", "cityscapes"):
        tiny += ["data.preprocessing=[{Resize: {height: 32, width: 32}}]"]
    config = load(folder, [*overrides, *tiny])
    result = search(config, tmp_path / "out", folder)
    pipeline = A.load(result.folder / "policy" / "latest.json")
    data = OpenData(config, folder)
    image, target = data.train.raw(0)
    targets = {"image": image} if isinstance(target, int) else {"image": image, "mask": target}
    made = pipeline(**targets)
    assert tuple(made["image"].shape) == (data.channels, *data.size)
