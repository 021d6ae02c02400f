"""The user's samples: opened, checked, prepared and handed to the search as tensors.

A dataset returns (image, target): an image (H, W, C) uint8, or float32 in [0, 1]; a class number, or masks (H, W, N)
of 0 and 1, one per class. What the search gets is (C, H, W) float32 in [0, 1], before normalisation, and an int64
number or (N, H, W) float32.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from hashlib import blake2b
from importlib import import_module, util
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

import augury as A
from augury.errors import AuguryError, FieldError, SampleError, nearest, shown
from augury.sample import Array, check_image
from augury.search.algorithms import find_algorithm
from augury.search.config import Config

# How many samples are looked at before the first step; the others are checked as they are loaded.
LOOKED_AT = 64
# Names under which datasets are used to keep all their labels; if one has them, all are checked at once.
ALL_LABELS = ("targets", "labels")
# Where this package lies, which is not where an error in the user's code is.
_HERE = str(Path(A.__file__).parent)


class Samples(Protocol):
    """What a dataset has to be."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Any: ...


# ---- the user's own classes ----------------------------------------------------------------------------------


def load_class(target: str, config_dir: str | Path, where: str) -> Any:
    """The class that a config names: `file.py:Class` or `module:Class` (or `module.Class`).

    A module is looked for in the folder of the config first. This runs the code of that module, which the user's own
    config named. Raises FieldError if module or class are not there, or the module fails.
    """
    module_name, _, name = target.rpartition(":" if ":" in target else ".")
    folder = Path(config_dir).resolve()
    file = folder / (module_name if module_name.endswith(".py") else module_name.replace(".", "/") + ".py")
    if not file.is_file() and module_name.endswith(".py"):
        raise FieldError(f"{where}: there is no {file}; write it, or name another file")
    try:
        module = _run_file(file) if file.is_file() else import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name.partition(".")[0]:
            raise _blamed(where, target, error) from error
        raise FieldError(
            f"{where}: got {target!r}; there is neither {file} nor an installed module {module_name}"
        ) from None
    except Exception as error:
        raise _blamed(where, target, error) from error
    found = getattr(module, name, None)
    if not isinstance(found, type):
        near = nearest(name, [key for key, value in vars(module).items() if isinstance(value, type)])
        hint = f"; did you mean {near!r}?" if near else ""
        raise FieldError(f"{where}: {module_name} has no class {name!r}{hint}")
    return found


def _run_file(file: Path) -> Any:
    """The module in a file, under a name that no other folder's file of the same name shares."""
    name = f"augury_search_{file.stem}_{blake2b(str(file).encode(), digest_size=4).hexdigest()}"
    spec = util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None  # it ends with .py
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(file.parent))  # for modules beside it
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        sys.path.remove(str(file.parent))
    return module


def _blamed(where: str, target: str, error: Exception) -> FieldError:
    """An error in the user's code as one line, with the place."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith((sys.prefix, sys.base_prefix, "<frozen", _HERE))]
    at = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
    return FieldError(f"{where}: {target} failed with {type(error).__name__}: {error}{at}")


def open_dataset(config: Config, config_dir: str | Path) -> Samples:
    """An instance of the class that `data.dataset` names, made with the arguments beside `_target_`.

    A dataset in the style of AutoAlbument, which asks for `transform`, gets None: the search augments.
    """
    import inspect

    arguments = dict(config.data.dataset)
    target = arguments.pop("_target_")
    kind = load_class(target, config_dir, "data.dataset")
    accepted = inspect.signature(kind).parameters
    if "transform" in accepted and "transform" not in arguments:
        arguments["transform"] = None
    if not any(p.kind is p.VAR_KEYWORD for p in accepted.values()):
        for name in arguments:
            if name not in accepted:
                near = nearest(name, accepted)
                hint = f"did you mean {near!r}?" if near else f"known: {', '.join(accepted) or 'none'}"
                raise FieldError(f"data.dataset.{name}: {target} takes no such argument; {hint}")
    try:
        dataset = kind(**arguments)
    except AuguryError:
        raise
    except Exception as error:
        raise _blamed("data.dataset", target, error) from error
    for method in ("__len__", "__getitem__"):
        if not hasattr(dataset, method):
            raise FieldError(f"data.dataset: {target} has no {method}; a dataset needs __len__ and __getitem__")
    return cast(Samples, dataset)


# ---- samples -------------------------------------------------------------------------------------------------


class SearchData(Dataset[tuple[Tensor, Tensor]]):
    """The samples of a dataset, checked and preprocessed; item `index` or, for random preprocessing, (epoch, index).

    indices: the items that belong to it. standard: whether `data.standard` runs on them too. Raises SampleError, naming
    the item, for a sample that breaks the rules.
    """

    def __init__(
        self,
        config: Config,
        config_dir: str | Path,
        indices: Sequence[int] | None = None,
        dataset: Samples | None = None,
        standard: bool = False,
    ) -> None:
        self.config, self.config_dir, self.standard = config, config_dir, standard
        self.dataset = open_dataset(config, config_dir) if dataset is None else dataset
        self.indices = range(len(self.dataset)) if indices is None else indices
        self.preprocessing = A.Compose(config.data.steps(standard), seed=config.seed)

    def __reduce__(self) -> Any:
        # A spawned worker opens the dataset itself: its class lives in a file that cannot be imported by name.
        return type(self), (self.config, self.config_dir, self.indices, None, self.standard)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int | tuple[int, int]) -> tuple[Tensor, Tensor]:
        epoch, place = index if isinstance(index, tuple) else (0, index)
        number = self.indices[place]
        image, target = self.prepared(number, epoch)
        pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
        pixels = pixels.float().div_(255) if image.dtype == np.uint8 else pixels.clamp(0, 1)
        if isinstance(target, int):
            return pixels, torch.tensor(target)
        return pixels, torch.from_numpy(np.ascontiguousarray(target.transpose(2, 0, 1), np.float32))

    def prepared(self, number: int, epoch: int = 0) -> tuple[Array, int | Array]:
        """Item `number` of the dataset after preprocessing: image (H, W, C), and a class or masks (H, W, N)."""
        image, target = self.raw(number)
        try:
            if isinstance(target, int):
                image = self.preprocessing(image=image, key=(epoch, number))["image"]
            else:
                result = self.preprocessing(image=image, mask=target, key=(epoch, number))
                image, target = result["image"], result["mask"]
        except AuguryError as error:
            raise SampleError(f"data.preprocessing, item {number}: {error}") from None
        if isinstance(image, Tensor) or image.dtype not in (np.uint8, np.float32) or image.ndim != 3:
            raise SampleError(
                f"data.preprocessing, item {number}: made {_what(image)}; it must leave an (H, W, C) image of uint8 or "
                f"float32, the search makes tensors itself"
            )
        if image.dtype == np.float32 and not (image.min() > -0.01 and image.max() < 1.01):
            raise SampleError(
                f"data.preprocessing, item {number}: made values {image.min():.3g} to {image.max():.3g}; floats stay "
                f"in [0, 1], normalisation belongs to data.normalization"
            )
        return image, target

    def raw(self, number: int) -> tuple[Array, int | Array]:
        """Item `number` of the dataset as it returns it."""
        try:
            sample = self.dataset[number]
        except AuguryError:
            raise
        except Exception as error:
            raise _blamed(f"data.dataset[{number}]", self.config.data.dataset["_target_"], error) from error
        return check_sample(sample, number, self.config)


def check_sample(sample: object, number: int, config: Config) -> tuple[Array, int | Array]:
    """A dataset's item as (image, target); SampleError names the item, what it got, and the remedy."""
    at = f"data.dataset[{number}]"
    if not isinstance(sample, (tuple, list)) or len(sample) != 2:
        what = "a mask (H, W, N)" if config.semantic_segmentation_model else "a class number"
        raise SampleError(f"{at}: returned {_what(sample)}; return a pair of an image and {what}")
    image, target = sample
    wanted = config.data.input_dtype
    if not isinstance(image, np.ndarray):
        raise SampleError(f"{at}: the image is {_what(image)}; return a NumPy array (H, W, C) of {wanted}")
    if image.dtype != wanted:
        raise SampleError(
            f"{at}: the image has dtype {image.dtype}, data.input_dtype is {wanted}; convert one or change the other"
        )
    if image.ndim != 3:
        hint = "; for grey images return image[..., None]" if image.ndim == 2 else ""
        raise SampleError(f"{at}: the image has shape {image.shape}; return (H, W, C){hint}")
    if image.shape[2] > 32 and image.shape[0] <= 4:
        raise SampleError(f"{at}: the image has shape {image.shape}, channels first; return (H, W, C)")
    check_image(f"{at}: the image", image)
    if wanted == "float32" and not (image.min() >= 0 and image.max() <= 1):
        raise SampleError(
            f"{at}: the image has values {image.min():.4g} to {image.max():.4g}; float32 images lie in [0, 1], divide "
            f"bytes by 255"
        )
    if config.semantic_segmentation_model is None:
        return image, check_label(target, at, config.num_classes)
    return image, _check_mask(target, image, at, config.num_classes)


def check_label(label: object, at: str, num_classes: int) -> int:
    """A class number as int; SampleError if it is none or outside 0 .. num_classes - 1."""
    if isinstance(label, (np.ndarray, Tensor)) and label.ndim == 0:
        label = label.item()
    if isinstance(label, (bool, np.bool_)) or not isinstance(label, (int, np.integer)):
        raise SampleError(f"{at}: the label is {_what(label)}; return an int from 0 to {num_classes - 1}")
    if not 0 <= label < num_classes:
        raise SampleError(
            f"{at}: the label is {label}, but num_classes={num_classes} allows 0 to {num_classes - 1}; count from 0, "
            f"or raise num_classes"
        )
    return int(label)


def _check_mask(mask: object, image: Array, at: str, num_classes: int) -> Array:
    if not isinstance(mask, np.ndarray):
        raise SampleError(f"{at}: the mask is {_what(mask)}; return a NumPy array (H, W, {num_classes})")
    height, width = image.shape[:2]
    if mask.ndim == 2 and mask.shape == image.shape[:2]:
        raise SampleError(
            f"{at}: the mask has shape {mask.shape}; return one plane per class, (H, W, {num_classes}), for example "
            f"(mask[..., None] == np.arange({num_classes})).astype(np.uint8)"
        )
    if mask.shape != (height, width, num_classes):
        raise SampleError(
            f"{at}: the mask has shape {mask.shape} beside an image of shape {image.shape}; with "
            f"num_classes={num_classes} it is {(height, width, num_classes)}"
        )
    if mask.dtype not in (np.uint8, np.bool_, np.float32):
        raise SampleError(f"{at}: the mask has dtype {mask.dtype}; return uint8, bool or float32 of 0 and 1")
    low, high = mask.min(), mask.max()
    if not (low >= 0 and high <= 1):  # NaN is neither
        raise SampleError(f"{at}: the mask has values {low:.4g} to {high:.4g}; a plane is 1 where its class is, else 0")
    return mask.astype(np.uint8) if mask.dtype == np.bool_ else mask


def _what(value: object) -> str:
    if isinstance(value, (np.ndarray, Tensor)):
        return f"a {type(value).__module__.partition('.')[0]} array of {value.dtype}, shape {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"{type(value).__name__} {shown(value)}"


# ---- all of them ---------------------------------------------------------------------------------------------


class OpenData:
    """The samples of a search: `train`, and `held_out` if the algorithm needs some that are kept from training.

    channels, size: of every image after preprocessing. Raises FieldError or SampleError for whatever can be found wrong
    with the data before the first step: no samples, too few, wrong types, shapes, values or labels, different sizes.
    """

    def __init__(self, config: Config, config_dir: str | Path) -> None:
        dataset = open_dataset(config, config_dir)
        whole = SearchData(config, config_dir, dataset=dataset)
        if not len(whole):
            raise SampleError(
                f"data.dataset: {config.data.dataset['_target_']} is empty; check the paths it reads from"
            )
        _check_all_labels(dataset, config)
        self.channels, self.size = _check_samples(whole)
        for name, values in (("mean", config.data.normalization.mean), ("std", config.data.normalization.std)):
            if len(values) not in (1, self.channels):
                raise FieldError(
                    f"data.normalization.{name}: got {len(values)} values, the images have {self.channels} channels; "
                    f"pass one, or one per channel"
                )
        needed = find_algorithm(config.policy_model.algorithm).needs_held_out
        train, held_out = split(len(whole), config.data.held_out if needed else 0.0, config.seed)
        self.train = SearchData(config, config_dir, train, dataset, standard=True)
        self.held_out = SearchData(config, config_dir, held_out, dataset) if held_out else None
        _check_batches(len(train), config)


def split(count: int, held_out: float, seed: int) -> tuple[list[int], list[int]]:
    """Numbers of the samples to train on and of those kept from it, both in order; the same for the same seed."""
    kept = round(count * held_out)
    if held_out and not kept:
        raise FieldError(
            f"data.held_out: got {held_out}, which is less than one of {count} samples; raise it, or set 0"
        )
    order = np.random.Generator(np.random.Philox(key=seed)).permutation(count)
    return sorted(order[kept:].tolist()), sorted(order[:kept].tolist())


def _check_all_labels(dataset: Samples, config: Config) -> None:
    """All labels at once, for the datasets that keep them in a list."""
    if config.classification_model is None:
        return
    for name in ALL_LABELS:
        labels = getattr(dataset, name, None)
        if isinstance(labels, (np.ndarray, Tensor, list, tuple)) and len(labels) == len(dataset):
            for number, label in enumerate(np.asarray(labels).tolist()):
                check_label(label, f"data.dataset[{number}]", config.num_classes)
            return


def _check_samples(data: SearchData) -> tuple[int, tuple[int, int]]:
    """Channels and (height, width) of the images, after a look at some samples spread over all."""
    numbers = sorted({round(n) for n in np.linspace(0, len(data) - 1, min(len(data), LOOKED_AT))})
    first: tuple[int, ...] | None = None
    for number in numbers:
        shape = data.prepared(number)[0].shape
        if first is None:
            first = shape
        elif shape[2] != first[2]:
            raise SampleError(
                f"data.dataset[{number}]: the image has {shape[2]} channels, item {numbers[0]} has {first[2]}; convert "
                f"all to one number of channels"
            )
        elif shape != first:
            raise SampleError(
                f"data.dataset[{number}]: the image is {shape[0]} x {shape[1]} after preprocessing, item {numbers[0]} "
                f"is {first[0]} x {first[1]}; add data.preprocessing, such as [{{Resize: {{height: 224, width: 224}}}}]"
            )
    assert first is not None  # there is at least one sample
    return first[2], (first[0], first[1])


def _check_batches(count: int, config: Config) -> None:
    loader = config.data.dataloader
    if loader.drop_last and count < loader.batch_size:
        raise FieldError(
            f"data.dataloader.batch_size: got {loader.batch_size}, there are {count} samples to train on and drop_last "
            f"leaves no batch; lower it"
        )
