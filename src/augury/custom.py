"""Transforms written as functions on arrays, the way users of Albumentations write them, and Lambda.

They replay too: the values that `get_params` and `get_params_dependent_on_data` return are recorded if they are plain
JSON data; if not (arrays, say), only the stream key is recorded and the same methods draw them again. Randomness must
come from `self.py_random` or `self.random_generator`, which belong to the draw that is under way in the current
thread.
"""

from __future__ import annotations

import inspect
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from typing import Any, ClassVar

import numpy as np

from augury.errors import FieldError, RecordError, SampleError, shown
from augury.fields import Field, Plain, Probability, frozen, plain
from augury.ops import Call, Op
from augury.rng import Stream
from augury.sample import Array, Signature
from augury.transform import REGISTRY, Needs, Params, Transform
from augury.varying import Schedule

_current = threading.local()


class Chance:
    """The two generators of one draw, made from its stream key when first used."""

    def __init__(self, key: str) -> None:
        self.key = int(key, 16)

    @cached_property
    def py_random(self) -> random.Random:
        return random.Random(self.key)

    @cached_property
    def random_generator(self) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(key=self.key))


@contextmanager
def _drawing(key: str) -> Iterator[None]:
    outer = getattr(_current, "chance", None)
    _current.chance = Chance(key)
    try:
        yield
    finally:
        _current.chance = outer


class Custom(Transform, register=False):
    """Base of transforms whose work is a Python function on arrays."""

    needs: ClassVar[Needs] = "pixels"
    lower_needs_pixels = True
    # Values of constructor arguments are read from attributes of the same names.
    targets_as_params: ClassVar[Sequence[str]] = ()

    def __init__(self, p: float | Schedule = 0.5) -> None:
        field = Probability(default=0.5)
        field.name = "p"
        self.__dict__["p"] = p if isinstance(p, Schedule) else field.accept(p, type(self).__name__)

    def __init_subclass__(cls, register: bool = True, **kwargs: Any) -> None:
        super().__init_subclass__(register=register, **kwargs)
        if register:
            REGISTRY[cls.__name__] = cls

    def __setattr__(self, name: str, value: object) -> None:
        self.__dict__[name] = value

    @property
    def py_random(self) -> random.Random:
        """Python's generator for the draw under way; the same draw gives the same numbers."""
        return self._chance().py_random

    @property
    def random_generator(self) -> np.random.Generator:
        """NumPy's generator for the draw under way; the same draw gives the same numbers."""
        return self._chance().random_generator

    def _chance(self) -> Chance:
        chance = getattr(_current, "chance", None)
        if not isinstance(chance, Chance):
            raise FieldError(
                f"{type(self).__name__}: random numbers are there only while a pipeline calls the transform"
            )
        return chance

    # ---- what a subclass writes ----

    def get_params(self) -> dict[str, Any]:
        """Values drawn without looking at the sample."""
        return {}

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Values drawn from the sample; `params` holds `shape`, `data` the targets by name."""
        return {}

    def apply(self, img: Array, **params: Any) -> Array:
        """The image after the transform."""
        raise NotImplementedError(f"{type(self).__name__} has no apply(img, **params)")

    # ---- running ----

    def values(self) -> dict[str, Any]:
        """Constructor arguments, read from attributes of the same names; FieldError for one that was not kept."""
        names = [
            name
            for name, parameter in inspect.signature(type(self).__init__).parameters.items()
            if name != "self" and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        ]
        for name in names:
            if name not in self.__dict__:
                raise FieldError(
                    f"{type(self).__name__}.{name}: keep it as self.{name}, so that the transform can be saved and "
                    "replayed"
                )
        return {name: self.__dict__[name] for name in names}

    def explicit(self) -> dict[str, Any]:
        return self.values()

    def to_dict(self) -> dict[str, Any]:
        try:
            return {"__class_fullname__": type(self).__name__, **{k: plain(v) for k, v in self.values().items()}}
        except ValueError as error:
            raise FieldError(f"{type(self).__name__}: cannot be saved: {error}") from None

    @cached_property
    def init(self) -> dict[str, Any] | None:
        """Constructor arguments as plain data, or None if they are not."""
        try:
            return {name: plain(value) for name, value in self.values().items()}
        except ValueError:
            return None

    @property
    def kept(self) -> Params:
        return {}

    def draw(self, sig: Signature, stream: Stream) -> Params:
        key = stream.key()
        params: Params = {"key": key}
        if self.init is not None:
            params["init"] = self.init
        drawn = self._values(key, sig)
        if not _holds_arrays(drawn):
            with suppress(ValueError):
                params["drawn"] = frozen(plain(drawn))
        return params

    def _values(self, key: str, sig: Signature) -> dict[str, Any]:
        data = {**sig.labels.arrays, **sig.labels.extras} if sig.labels else {}
        with _drawing(key):
            params = self.get_params()
            return {**params, **self.get_params_dependent_on_data({**params, **_about(sig)}, data)}

    def lower(self, params: Params, sig: Signature) -> Sequence[Op]:  # type: ignore[override]
        key = params["key"]
        drawn = params["drawn"] if "drawn" in params else self._values(key, sig)
        return (Call({role: self._bound(f, key, {**drawn, **_about(sig)}) for role, f in self.functions().items()}),)

    def _bound(self, function: Callable[..., Any], key: str, params: dict[str, Any]) -> Callable[..., Any]:
        def run(value: Array, *sizes: Any) -> Array:
            given = value.copy()
            with _drawing(key):
                out = function(given, *sizes, **params)
            out = self._checked(out)
            # The function may keep what it returns.
            return out if out is given or out.base is given else out.copy()

        return run

    def _checked(self, out: Any) -> Array:
        if not isinstance(out, np.ndarray):
            raise SampleError(f"{type(self).__name__} returned {type(out).__name__}; return a NumPy array")
        return np.ascontiguousarray(out)

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Functions by target role."""
        return {"image": self.apply}

    @classmethod
    def restore(cls, params: Params, callables: Mapping[str, Any]) -> Transform:
        if isinstance(callables.get(cls.__name__), cls):
            return callables[cls.__name__]  # type: ignore[no-any-return]
        init = params.get("init")
        if not isinstance(init, Mapping):
            raise RecordError(
                f"{cls.__name__}: its constructor arguments are not plain data, so the record cannot rebuild it; pass "
                f"callables={{{cls.__name__!r}: the_transform}}"
            )
        try:
            return cls(**init)
        except TypeError as error:
            raise RecordError(
                f"{cls.__name__}: recorded with {shown(init)}, which its constructor does not take ({error}); "
                "it changed since"
            ) from None


def _about(sig: Signature) -> dict[str, Any]:
    shape = sig.shape
    return {"shape": shape, "rows": shape[0], "cols": shape[1]}


def _holds_arrays(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_arrays(v) for v in value.values())
    if isinstance(value, (list, tuple)):
        return any(_holds_arrays(v) for v in value)
    return isinstance(value, np.ndarray) and value.ndim > 0


class ImageOnlyTransform(Custom, register=False):
    """Base of your own transforms that change images only: write `apply`, and `get_params` if values are drawn."""


class DualTransform(Custom, register=False):
    """Base of your own transforms that also change masks, boxes or keypoints.

    Write `apply_to_mask(mask, **params)` (default: `apply`), `apply_to_bboxes(bboxes, **params)` on an (N, 5) float
    array of x_min, y_min, x_max, y_max as fractions of the size and the row of the box, and
    `apply_to_keypoints(keypoints,
    **params)`
    on an (N, 6) float array of x, y (pixels), z, angle (radians), scale and row. Rows may be dropped, not added.
    """

    acts_on = "dual"

    def apply_to_mask(self, mask: Array, **params: Any) -> Array:
        return self.apply(mask, **params)

    def apply_to_bboxes(self, bboxes: Array, **params: Any) -> Array:
        raise NotImplementedError(f"{type(self).__name__} has no apply_to_bboxes(bboxes, **params)")

    def apply_to_keypoints(self, keypoints: Array, **params: Any) -> Array:
        raise NotImplementedError(f"{type(self).__name__} has no apply_to_keypoints(keypoints, **params)")

    def functions(self) -> dict[str, Callable[..., Any]]:
        return {
            "image": self.apply,
            "mask": self.apply_to_mask,
            "bboxes": lambda rows, before, after, /, **params: on_fractions(
                self.apply_to_bboxes, rows, before, after, params
            ),
            "keypoints": lambda rows, before, after, /, **params: on_centres(self.apply_to_keypoints, rows, params),
        }


def on_fractions(
    function: Callable[..., Any],
    rows: Array,
    before: tuple[int, int],
    after: tuple[int, int],
    params: Mapping[str, Any],
) -> Array:
    """Call a box function with fractions of the input size; its result is read as fractions of the output size."""
    rows[:, :4] /= (before[1], before[0], before[1], before[0])
    out = np.asarray(function(rows, **params), np.float64).reshape(-1, rows.shape[1])
    return out * (after[1], after[0], after[1], after[0], *(1,) * (rows.shape[1] - 4))


def on_centres(function: Callable[..., Any], rows: Array, params: Mapping[str, Any]) -> Array:
    """Call a keypoint function with x and y at pixel centres."""
    rows[:, :2] -= 0.5
    out = np.asarray(function(rows, **params), np.float64).reshape(-1, rows.shape[1]).copy()
    out[:, :2] += 0.5
    return out


def _function(value: Any) -> Any:
    if value is not None and not callable(value):
        raise ValueError("pass a function (array, **params) -> array, or None")
    return value


class Lambda(Custom, register=False):
    """Your own functions by target: image, mask, bboxes, keypoints, each (array, **params) -> array.

    bboxes and keypoints get the arrays that DualTransform describes. name: under which the functions are passed again
    to `replay(..., callables={name: this})` and `load(..., nonserializable={name: this})`; without a name neither
    works.
    """

    fields: ClassVar[dict[str, Field[Any, Any]]] = {
        **{role: Plain(default=None, check=_function) for role in ("image", "mask", "keypoints", "bboxes")},
        "name": Plain(default=None, check=lambda value: value),
        "p": Probability(default=1.0),
    }
    acts_on = "dual"
    needs = "signature"
    lower_needs_pixels = False

    def __init__(
        self,
        image: Callable[..., Any] | None = None,
        mask: Callable[..., Any] | None = None,
        keypoints: Callable[..., Any] | None = None,
        bboxes: Callable[..., Any] | None = None,
        name: str | None = None,
        p: float | Schedule = 1.0,
    ) -> None:
        super().__init__(p)
        for role, function in (("image", image), ("mask", mask), ("keypoints", keypoints), ("bboxes", bboxes)):
            if function is not None and not callable(function):
                raise FieldError(
                    f"Lambda.{role}: got {shown(function)}; pass a function (array, **params) -> array, or None"
                )
        self.image, self.mask, self.keypoints, self.bboxes, self.name = image, mask, keypoints, bboxes, name

    @cached_property
    def init(self) -> dict[str, Any] | None:
        return {"name": self.name}

    # Nothing is drawn, so no stream is made.
    draw = Transform.draw

    @property
    def kept(self) -> Params:
        return {"init": self.init}

    def lower(self, params: Params, sig: Signature) -> Sequence[Op]:  # type: ignore[override]
        about = _about(sig)
        return (Call({role: partial(self._call, function, about) for role, function in self.functions().items()}),)

    def _call(self, function: Callable[..., Any], about: Mapping[str, Any], value: Array, *sizes: Any) -> Array:
        return self._checked(function(value.copy(), *sizes, **about))

    def to_dict(self) -> dict[str, Any]:
        if self.name is None:
            raise FieldError("Lambda.name: got None; give the functions a name to save the pipeline")
        try:
            return {"__class_fullname__": "Lambda", "name": self.name, "p": plain(self.p)}  # type: ignore[attr-defined]
        except ValueError as error:
            raise FieldError(f"Lambda.p: cannot be saved: {error}") from None

    def functions(self) -> dict[str, Callable[..., Any]]:
        given: dict[str, Callable[..., Any]] = {}
        if self.image is not None:
            given["image"] = self.image
        if self.mask is not None:
            given["mask"] = self.mask
        bboxes, keypoints = self.bboxes, self.keypoints
        if bboxes is not None:
            given["bboxes"] = lambda rows, before, after, /, **params: on_fractions(bboxes, rows, before, after, params)
        if keypoints is not None:
            given["keypoints"] = lambda rows, before, after, /, **params: on_centres(keypoints, rows, params)
        return given

    @classmethod
    def restore(cls, params: Params, callables: Mapping[str, Any]) -> Transform:
        name = (params.get("init") or {}).get("name")
        if name is None:
            raise RecordError(
                "Lambda: recorded without a name, so its functions cannot be found; build it with name='...'"
            )
        found = callables.get(name)
        if found is None:
            raise RecordError(
                f"Lambda: its functions are not in the record; pass callables={{{name!r}: the Lambda or function}}"
            )
        if not callable(found) and not isinstance(found, Lambda):
            raise RecordError(f"callables[{name!r}]: got {shown(found)}; pass the Lambda or function")
        return found if isinstance(found, Lambda) else cls(image=found, name=name)


REGISTRY["Lambda"] = Lambda
