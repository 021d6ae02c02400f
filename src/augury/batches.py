"""Whole batches mixed with themselves, images and labels alike: MixUp and CutMix.

Images are a NumPy array (N, H, W) or (N, H, W, C), or a torch tensor (N, C, H, W). Labels are N class numbers, or
(N, classes) floats. Sample i is mixed with sample (i + shift) % N: batches are shuffled anyway, so one number says who
is mixed with whom, however large the batch is.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from augury.errors import FieldError, RecordError, SampleError, shown
from augury.fields import Integer, Number, Probability
from augury.rng import State, Stream, normal_key, process_tag, seeded

FORMAT = 1
_ALPHA = Number(default=1.0, low=0, open_low=True)
_CLASSES = Integer(default=1, low=1)


class BatchMix:
    """Base of what mixes a batch; `mix(images, labels, key=key)` gives images, soft labels and a record.

    alpha: of the Beta(alpha, alpha) distribution that the share of a sample is drawn from, one share per batch.
    num_classes: for labels that are class numbers. p: of a batch being mixed; labels become soft either way.
    seed: as of a pipeline. Raises FieldError for values out of range.
    """

    def __init__(
        self,
        alpha: float = 1.0,
        num_classes: int | None = None,
        p: float = 1.0,
        seed: int | str | None = None,
    ) -> None:
        name = type(self).__name__
        self.alpha = _named(_ALPHA, "alpha").accept(alpha, name)
        self.num_classes = None if num_classes is None else _named(_CLASSES, "num_classes").accept(num_classes, name)
        self.p = _named(Probability(default=1.0), "p").accept(p, name)
        if isinstance(seed, bool) or not (seed is None or isinstance(seed, (int, str))):
            raise FieldError(f"{name}.seed: got {shown(seed)}; pass an int, a string or None")
        self.seed = seed if seed is not None else int.from_bytes(os.urandom(6))
        self._calls = itertools.count()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(alpha={self.alpha}, num_classes={self.num_classes}, p={self.p})"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_calls": self._calls.__reduce__()[1][0]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**state, "_calls": itertools.count(state["_calls"])})

    def __call__(self, images: Any, labels: Any, *, key: object = None) -> tuple[Any, Any, dict[str, Any]]:
        """Mixed images, soft labels (N, classes) of float32, and the record that `replay` repeats them from.

        key: ints or strings such as (epoch, batch); the result depends on seed and key alone. Without one the number of
        the call is the key, as in a pipeline. Raises SampleError for what is not a batch.
        """
        number = normal_key(key) if key is not None else (*process_tag(), next(self._calls))
        stream = Stream(State(seeded(self.seed), number), type(self).__name__.encode())
        count, (height, width) = _count(images, labels), _size(images)
        classes = _classes(labels, self.num_classes)
        share, shift, box = 1.0, 0, None
        if stream.chance() < self.p and count > 1:
            share, shift = _beta(self.alpha, stream), stream.integer(1, count - 1)
            share, box = self.drawn(share, height, width, stream)
        record = {
            "format": FORMAT, "name": type(self).__name__, "seed": self.seed, "key": list(number), "size": count,
            "classes": classes, "shift": shift, "share": share, "box": box,
        }  # fmt: skip
        return *_mixed(record, images, labels), record

    def drawn(
        self, share: float, height: int, width: int, stream: Stream
    ) -> tuple[float, tuple[int, int, int, int] | None]:
        """The share that a sample keeps, and the box that its partner fills, if any."""
        return share, None

    @staticmethod
    def replay(record: Any, images: Any, labels: Any) -> tuple[Any, Any]:
        """The mixed images and labels of a record, from the batch it was made with; RecordError if it does not fit."""
        if not isinstance(record, Mapping) or record.get("format") != FORMAT:
            raise RecordError(f"record: got {shown(record)}; pass the record of a MixUp or CutMix, of format {FORMAT}")
        count = _count(images, labels)
        if count != record.get("size"):
            raise RecordError(f"record.size: recorded for {record.get('size')} samples, got {count}; pass that batch")
        try:
            return _mixed(record, images, labels)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            if isinstance(error, SampleError):
                raise
            raise RecordError(
                f"record: {shown(record, 200)} does not fit ({error!r}); it was edited or damaged"
            ) from None

    @staticmethod
    def partners(record: Mapping[str, Any]) -> list[int]:
        """For each sample of the batch the number of the one that it was mixed with."""
        return [(i + record["shift"]) % record["size"] for i in range(record["size"])]


class MixUp(BatchMix):
    """share * sample + (1 - share) * partner, of images and labels alike.

    Source: Zhang, Cisse, Dauphin, Lopez-Paz, mixup: beyond empirical risk minimization, 2018.
    """


class CutMix(BatchMix):
    """A box of each image shows its partner; labels are mixed by the areas.

    The box has (1 - share) of the area, lies anywhere and is cut at the border. Source: Yun et al., CutMix, 2019.
    """

    def drawn(
        self, share: float, height: int, width: int, stream: Stream
    ) -> tuple[float, tuple[int, int, int, int] | None]:
        """The share that the box leaves, and the box: x_min, y_min, x_max, y_max in pixels."""
        side = math.sqrt(1 - share)
        tall, wide = int(height * side), int(width * side)
        x, y = stream.integer(0, width - 1), stream.integer(0, height - 1)
        x0, y0 = max(x - wide // 2, 0), max(y - tall // 2, 0)
        x1, y1 = min(x - wide // 2 + wide, width), min(y - tall // 2 + tall, height)
        return 1 - (x1 - x0) * (y1 - y0) / (height * width), (x0, y0, x1, y1)


def _named(field: Any, name: str) -> Any:
    field.name = name
    return field


def _beta(alpha: float, stream: Stream) -> float:
    """A number of the Beta(alpha, alpha) distribution, from two of the gamma distribution."""
    difference = _log_gamma(alpha, stream) - _log_gamma(alpha, stream)
    return 1 / (1 + math.exp(-difference)) if difference > -700 else 0.0


def _log_gamma(alpha: float, stream: Stream) -> float:
    """The logarithm of a number of the Gamma(alpha, 1) distribution.

    Source: Marsaglia, Tsang, A simple method for generating gamma variables, 2000.
    """
    if alpha < 1:
        # In logarithms, since small alphas give numbers that floats cannot hold.
        return _log_gamma(alpha + 1, stream) + math.log(1 - stream.random()) / alpha
    d = alpha - 1 / 3
    while True:
        x = stream.normal()
        v = (1 + x / math.sqrt(9 * d)) ** 3
        if v > 0 and math.log(1 - stream.random()) < x * x / 2 + d * (1 - v + math.log(v)):
            return math.log(d * v)


def _count(images: Any, labels: Any) -> int:
    shape = tuple(getattr(images, "shape", ()))
    if len(shape) not in (3, 4) or not math.prod(shape):
        raise SampleError(f"images: got {shown(images)}; pass an array (N, H, W[, C]) or a tensor (N, C, H, W)")
    if not hasattr(labels, "__len__") or getattr(labels, "shape", None) == ():
        raise SampleError(f"labels: got {shown(labels)}; pass a list or an array, one entry per image")
    if len(labels) != shape[0]:
        raise SampleError(f"labels: {len(labels)} for {shape[0]} images; pass one per image")
    return int(shape[0])


def _size(images: Any) -> tuple[int, int]:
    """Height and width of the images."""
    at = 1 if isinstance(images, np.ndarray) or images.ndim == 3 else 2
    return int(images.shape[at]), int(images.shape[at + 1])


def _classes(labels: Any, wanted: int | None) -> int:
    """How many classes the labels are of."""
    shape = np.shape(labels)
    if len(shape) == 2:
        if wanted not in (None, shape[1]):
            raise SampleError(f"labels: got {shown(labels)}; num_classes is {wanted}")
        return int(shape[1])
    if wanted is None:
        raise SampleError(f"labels: got {shown(labels)}; pass num_classes, or (N, classes) floats")
    return wanted


def _mixed(record: Mapping[str, Any], images: Any, labels: Any) -> tuple[Any, Any]:
    share, shift, box = float(record["share"]), int(record["shift"]), record["box"]
    if box is None:
        out = _blended(images, share, shift) if shift else _copied(images)
    else:
        x0, y0, x1, y1 = box
        rows, columns = slice(y0, y1), slice(x0, x1)
        where: Any = (slice(None), rows, columns)
        if not isinstance(images, np.ndarray) and images.ndim == 4:
            where = (slice(None), slice(None), rows, columns)
        out = _copied(images)
        out[where] = _rolled(images[where], shift)
    soft = _soft(labels, int(record["classes"]))
    return out, soft * share + _rolled(soft, shift) * (1 - share) if shift else soft


def _copied(images: Any) -> Any:
    return images.copy() if isinstance(images, np.ndarray) else images.clone()


def _rolled(values: Any, shift: int) -> Any:
    return np.roll(values, -shift, axis=0) if isinstance(values, np.ndarray) else values.roll(-shift, 0)


def _blended(images: Any, share: float, shift: int) -> Any:
    """share * images + (1 - share) * the rolled images, in their dtype, whole numbers rounded."""
    other = _rolled(images, shift)
    if isinstance(images, np.ndarray):
        rows = len(images), -1
        flat = np.ascontiguousarray(images).reshape(rows), other.reshape(rows)
        return cv2.addWeighted(flat[0], share, flat[1], 1 - share, 0.0).reshape(images.shape)
    if images.is_floating_point():
        return images * share + other * (1 - share)
    return (images.float() * share + other.float() * (1 - share)).round().to(images.dtype)


def _soft(labels: Any, classes: int) -> Any:
    """Labels as (N, classes) of float32, in the library they came in; a list as an array."""
    tensor = hasattr(labels, "new_zeros")
    if len(np.shape(labels)) == 2:
        return labels.float() if tensor else np.asarray(labels, np.float32)
    given = np.asarray(labels.cpu() if tensor else labels)
    if given.dtype.kind not in "iu" or given.min(initial=0) < 0 or given.max(initial=0) >= classes:
        raise SampleError(f"labels: got {shown(labels)}; pass class numbers from 0 to {classes - 1}, or soft labels")
    out = np.zeros((len(given), classes), np.float32)
    out[np.arange(len(given)), given] = 1
    if not tensor:
        return out
    import torch

    return torch.from_numpy(out).to(labels.device)


__all__ = ["BatchMix", "CutMix", "MixUp"]
