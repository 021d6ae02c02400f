from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

for name in ("hydra", "torch"):
    pytest.importorskip(name)

import torch  # noqa: E402

from augury.errors import FieldError, SampleError  # noqa: E402
from augury.search.config import Config  # noqa: E402
from augury.search.data import OpenData, SearchData, load_class, open_dataset, split  # noqa: E402

IMAGE = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
MASK = np.zeros((4, 5, 2), np.uint8)

DATASET = """
import numpy as np
from pathlib import Path

class SearchDataset:
    def __init__(self, count=12):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return np.full((4, 5, 3), index, np.uint8), index % 3
"""


class Listed:
    """The samples it is given, over and over up to a length."""

    def __init__(self, *samples: Any, count: int = 8) -> None:
        self.samples, self.count = samples, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        return self.samples[index % len(self.samples)]


def config(segmentation: bool = False, classes: int = 3, **data: Any) -> Config:
    task = "semantic_segmentation" if segmentation else "classification"
    loader = {"batch_size": 4, **data.pop("dataloader", {})}
    return Config.read(
        {
            "task": task,
            f"{task}_model": {"num_classes": classes},
            "data": {"normalization": {"mean": 0.5, "std": 0.5}, **data, "dataloader": loader},
        }
    )


def folder(tmp_path: Path, code: str = DATASET) -> Path:
    (tmp_path / "dataset.py").write_text(code, encoding="utf-8")
    return tmp_path


# ---- the user's own classes --------------------------------------------------------------------------------


def test_a_dataset_is_opened_from_a_file_with_its_arguments(tmp_path: Path) -> None:
    for dataset in ("dataset.py", "dataset.SearchDataset", {"_target_": "dataset:SearchDataset", "count": 5}):
        opened = open_dataset(config(dataset=dataset), folder(tmp_path))
        assert len(opened) == (5 if isinstance(dataset, dict) else 12)


def test_two_folders_have_a_dataset_file_each(tmp_path: Path) -> None:
    for number in (3, 4):
        (tmp_path / str(number)).mkdir()
        folder(tmp_path / str(number), DATASET.replace("count=12", f"count={number}"))
    assert [len(open_dataset(config(), tmp_path / str(number))) for number in (3, 4)] == [3, 4]


def test_a_module_beside_the_dataset_is_found(tmp_path: Path) -> None:
    (tmp_path / "augury_test_beside.py").write_text("COUNT = 7")
    code = "from augury_test_beside import COUNT\n" + DATASET.replace("count=12", "count=COUNT")
    assert len(open_dataset(config(), folder(tmp_path, code))) == 7


def test_an_installed_class_is_found(tmp_path: Path) -> None:
    assert load_class("collections.OrderedDict", tmp_path, "here").__name__ == "OrderedDict"


def test_a_dataset_of_autoalbument_gets_no_transform(tmp_path: Path) -> None:
    code = DATASET.replace("count=12", "transform, count=12").replace("count\n", "count; assert transform is None\n", 1)
    assert len(open_dataset(config(), folder(tmp_path, code))) == 12


@pytest.mark.parametrize(
    ("dataset", "code", "message"),
    [
        ("other.py", DATASET, r"there is no .*other\.py"),
        ("other.SearchDataset", DATASET, "nor an installed module other"),
        ("dataset.SearchDatset", DATASET, "has no class 'SearchDatset'; did you mean 'SearchDataset'"),
        ("dataset.np", DATASET, "has no class 'np'"),
        ({"_target_": "dataset.SearchDataset", "cont": 3}, DATASET, r"data\.dataset\.cont: .*did you mean 'count'"),
        ("dataset.py", "1 / 0", r"failed with ZeroDivisionError: division by zero \(dataset\.py, line 1\)"),
        ("dataset.py", "import nothing_of_this_name", "failed with ModuleNotFoundError"),
        ("dataset.py", "x = (", "failed with SyntaxError"),
        (
            "dataset.py",
            DATASET.replace("self.count = count", "open('/nothing')"),
            "failed with FileNotFoundError.*line 7",
        ),
        ("dataset.py", "class SearchDataset: pass", "has no __len__"),
    ],
)
def test_what_is_wrong_with_a_class_is_said(tmp_path: Path, dataset: Any, code: str, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        open_dataset(config(dataset=dataset), folder(tmp_path, code))


# ---- samples -----------------------------------------------------------------------------------------------


def test_images_become_fractions_and_labels_numbers(tmp_path: Path) -> None:
    data = SearchData(config(), tmp_path, dataset=Listed((IMAGE, np.int64(2))))
    image, label = data[0]
    assert image.dtype == torch.float32 and image.shape == (3, 4, 5)
    np.testing.assert_allclose(image.numpy(), IMAGE.transpose(2, 0, 1) / 255, atol=1e-7)
    assert label.dtype == torch.int64 and int(label) == 2


def test_masks_become_planes(tmp_path: Path) -> None:
    mask = MASK.copy()
    mask[1, 2, 1] = 1
    for kind in (np.uint8, np.bool_, np.float32):
        data = SearchData(config(True, 2), tmp_path, dataset=Listed((IMAGE, mask.astype(kind))))
        planes = data[0][1]
        assert planes.dtype == torch.float32 and planes.shape == (2, 4, 5)
        assert planes.sum() == 1 and planes[1, 1, 2] == 1


def test_preprocessing_runs_before(tmp_path: Path) -> None:
    steps = [{"Resize": {"height": 8, "width": 6}}, {"HorizontalFlip": {}}]
    data = OpenData(config(preprocessing=steps), folder(tmp_path))
    assert data.size == (8, 6) and data.channels == 3 and data.train[3][0].shape == (3, 8, 6)


def test_random_preprocessing_depends_on_epoch_and_item_alone(tmp_path: Path) -> None:
    steps = [{"RandomCrop": {"height": 1, "width": 1}}]
    data = SearchData(config(preprocessing=steps), tmp_path, dataset=Listed((IMAGE, 0), count=32))
    drawn = [[float(data[epoch, index][0].sum()) for index in range(32)] for epoch in (0, 1, 0)]
    assert drawn[0] == drawn[2] != drawn[1]


def test_a_worker_opens_the_dataset_itself(tmp_path: Path) -> None:
    data = SearchData(config(), folder(tmp_path), [4, 5])
    copy = pickle.loads(pickle.dumps(data))
    assert len(copy) == 2 and torch.equal(copy[1][0], data[1][0])


BAD_SAMPLES: dict[str, tuple[Any, str]] = {
    "no pair": (IMAGE, "return a pair"),
    "a tensor": ((torch.zeros(3, 4, 5), 0), "the image is a torch array .* return a NumPy array"),
    "another dtype": ((IMAGE.astype(np.float64), 0), r"dtype float64, data\.input_dtype is uint8"),
    "grey": ((IMAGE[..., 0], 0), r"shape \(4, 5\); return \(H, W, C\); for grey"),
    "channels first": ((np.zeros((3, 64, 64), np.uint8), 0), "channels first"),
    "no pixels": ((IMAGE[:0], 0), "no pixels"),
    "a high label": ((IMAGE, 3), "label is 3, but num_classes=3 allows 0 to 2"),
    "a low label": ((IMAGE, -1), "label is -1"),
    "a float label": ((IMAGE, 1.0), r"label is float 1\.0"),
    "a truth value": ((IMAGE, True), "label is bool True"),
    "a mask": ((IMAGE, MASK), "label is a numpy array of uint8"),
}


@pytest.mark.parametrize("name", BAD_SAMPLES)
def test_bad_samples_are_refused_before_the_first_step(tmp_path: Path, name: str) -> None:
    sample, message = BAD_SAMPLES[name]
    with pytest.raises(SampleError, match=rf"data\.dataset\[5\].*{message}"):
        opened(tmp_path, Listed(*[(IMAGE, 0)] * 5, sample, (IMAGE, 0), (IMAGE, 0)), config())


BAD_FLOATS = {"NaN": np.nan, "infinite": np.inf, "255": 255.0, "-0.5": -0.5}


@pytest.mark.parametrize("name", BAD_FLOATS)
def test_bad_floats_are_refused(tmp_path: Path, name: str) -> None:
    image = np.zeros((4, 5, 3), np.float32)
    image[1, 1, 1] = BAD_FLOATS[name]
    with pytest.raises(SampleError, match=rf"data\.dataset\[0\].*{name}|NaN or infinite"):
        opened(tmp_path, Listed((image, 0)), config(input_dtype="float32"))


BAD_MASKS: dict[str, tuple[Any, str]] = {
    "a list": ([1], "the mask is a list of 1"),
    "class numbers": (MASK[..., 0], r"\(mask\[..., None\] == np.arange\(2\)\)"),
    "another size": (MASK[:3], r"shape \(3, 5, 2\) .* it is \(4, 5, 2\)"),
    "other classes": (np.zeros((4, 5, 3), np.uint8), r"with num_classes=2 it is \(4, 5, 2\)"),
    "another dtype": (MASK.astype(np.int64), "dtype int64"),
    "bytes": (MASK + 255, "values 255 to 255"),
    "NaN": (np.full((4, 5, 2), np.nan, np.float32), "nan"),
}


@pytest.mark.parametrize("name", BAD_MASKS)
def test_bad_masks_are_refused(tmp_path: Path, name: str) -> None:
    mask, message = BAD_MASKS[name]
    with pytest.raises(SampleError, match=rf"data\.dataset\[0\].*{message}"):
        opened(tmp_path, Listed((IMAGE, mask)), config(True, 2))


# ---- all of them -------------------------------------------------------------------------------------------


def opened(tmp_path: Path, samples: Listed, settings: Config) -> OpenData:
    """The data of a search over these samples."""
    held = [samples[index] for index in range(len(samples))]
    (tmp_path / "samples.pickle").write_bytes(pickle.dumps(held))
    return OpenData(settings, folder(tmp_path, PICKLED))


PICKLED = """
import pickle
from pathlib import Path

class SearchDataset(list):
    def __init__(self):
        super().__init__(pickle.loads(Path(__file__).with_name("samples.pickle").read_bytes()))
"""


def test_an_empty_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match="is empty"):
        OpenData(config(dataset={"_target_": "dataset.SearchDataset", "count": 0}), folder(tmp_path))


def test_a_failing_item_names_the_place(tmp_path: Path) -> None:
    code = DATASET.replace("return np.full", "assert index < 9, 'torn file'\n        return np.full")
    with pytest.raises(FieldError, match=r"data\.dataset\[9\]: .*AssertionError: torn file \(dataset\.py, line"):
        OpenData(config(), folder(tmp_path, code))


def test_all_labels_are_checked_where_the_dataset_keeps_them(tmp_path: Path) -> None:
    code = DATASET.replace("self.count = count", "self.count = count; self.targets = [0] * 500 + [7] + [0] * 499")
    dataset = {"_target_": "dataset.SearchDataset", "count": 1000}
    with pytest.raises(SampleError, match=r"data\.dataset\[500\]: the label is 7"):
        OpenData(config(dataset=dataset), folder(tmp_path, code))
    code = code.replace("[7]", "[1]").replace("index, np.uint8", "0, np.uint8")
    assert len(OpenData(config(dataset=dataset), folder(tmp_path, code)).train) == 800


def test_images_of_many_sizes_need_preprocessing(tmp_path: Path) -> None:
    code = DATASET.replace("(4, 5, 3)", "(4 + index, 5, 3)")
    with pytest.raises(SampleError, match=r"\[1\]: the image is 5 x 5 .* item 0 is 4 x 5; add data\.preprocessing"):
        OpenData(config(), folder(tmp_path, code))
    steps = [{"Resize": {"height": 8, "width": 8}}]
    assert OpenData(config(preprocessing=steps), folder(tmp_path, code)).size == (8, 8)


def test_images_of_many_channels_are_refused(tmp_path: Path) -> None:
    code = DATASET.replace("(4, 5, 3)", "(4, 5, 1 + index % 2)")
    with pytest.raises(SampleError, match=r"\[1\]: the image has 2 channels, item 0 has 1"):
        OpenData(config(), folder(tmp_path, code))


def test_normalisation_has_to_fit_the_channels(tmp_path: Path) -> None:
    with pytest.raises(FieldError, match=r"data\.normalization\.mean: got 2 values, the images have 3 channels"):
        OpenData(config(normalization={"mean": [0, 0], "std": [1, 1]}), folder(tmp_path))


@pytest.mark.parametrize("step", ["ToTensorV2", {"Normalize": {}}])
def test_normalisation_and_tensors_are_the_business_of_the_search(tmp_path: Path, step: Any) -> None:
    with pytest.raises(SampleError, match=r"data\.preprocessing, item 0"):
        OpenData(config(preprocessing=[step]), folder(tmp_path))


def test_preprocessing_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match=r"data\.preprocessing, item 0: .*RandomCrop"):
        OpenData(config(preprocessing=[{"RandomCrop": {"height": 99, "width": 99}}]), folder(tmp_path))


def test_batches_need_samples(tmp_path: Path) -> None:
    with pytest.raises(FieldError, match="there are 10 samples to train on and drop_last leaves no batch"):
        OpenData(config(dataloader={"batch_size": 13}), folder(tmp_path))
    OpenData(config(dataloader={"batch_size": 13, "drop_last": False}), folder(tmp_path))


def test_held_out_samples_are_kept_from_training(tmp_path: Path) -> None:
    data = OpenData(config(held_out=0.25), folder(tmp_path))
    assert data.held_out is not None
    train, held_out = list(data.train.indices), list(data.held_out.indices)
    assert len(held_out) == 3 and sorted(train + held_out) == list(range(12))
    assert (train, held_out) == split(12, 0.25, data.train.config.seed)
    assert split(12, 0.25, 1) != split(12, 0.25, 2)
    with pytest.raises(FieldError, match=r"data\.held_out: got 0\.01"):
        split(12, 0.01, 1)
