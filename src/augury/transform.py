"""The surface of one augmentation: a frozen class whose fields say what may vary, `draw` what did, `lower` how it runs.

class Solarize(ImageTransform):
    threshold_range: Limits = Limits(default=(0.5, 0.5), low=0, high=1, draws="threshold")
    lowers_to = ops.Solarize, "threshold"

The two last words stand for what other transforms have to write down:

    def draw(self, sig, stream):
        return {"threshold": stream.uniform(*self.threshold_range)}

    @classmethod
    def lower(cls, params, sig):
        return (ops.Solarize(params["threshold"]),)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias, dataclass_transform

from augury import fields
from augury.errors import FieldError, RecordError, nearest, shown
from augury.fields import Field, Probability, Varying
from augury.ops import Op
from augury.rng import Stream
from augury.sample import Signature
from augury.varying import PROGRESSES, Choice, Schedule, progress_of

Params = dict[str, Any]
Ops: TypeAlias = Sequence[Op]
Needs: TypeAlias = Literal["signature", "labels", "pixels"]

REGISTRY: dict[str, type[Transform]] = {}

# A pipeline of one step, so that a transform or group can be called alone; set by `compose`, which knows how.
pipeline_of: Callable[[Any], Callable[..., dict[str, Any]]]


def find_transform(name: object, where: str) -> type[Transform]:
    """The registered class called `name`; RecordError naming `where` and the nearest known name if there is none."""
    if isinstance(name, str) and name in REGISTRY:
        return REGISTRY[name]
    near = nearest(str(name), REGISTRY)
    hint = f"did you mean {near!r}?" if near else "if it is your own, import the module that defines it first"
    raise RecordError(f"{where}: unknown transform {shown(name)}; {hint}")


@dataclass_transform(
    frozen_default=True,
    eq_default=True,
    field_specifiers=(
        fields.Number, fields.Integer, fields.Probability, fields.Limits, fields.IntLimits, fields.OddLimits,
        fields.Fractions, fields.Lengths, fields.Size, fields.Flag, fields.Option, fields.Interpolation, fields.Border,
        fields.Fill, fields.Maybe, fields.Plain, fields.Words, fields.Numbers, fields.Listed, fields.Keyed, fields.Name,
        fields.Sides, fields.Axes, fields.Color, fields.Region, fields.Voxels, fields.VolumeAxes, fields.AxisPairs,
        fields.ByAxis,
    ),
)  # fmt: skip
class Transform:
    """Base of every transform."""

    fields: ClassVar[dict[str, Field[Any, Any]]] = {}
    # Raised when the meaning of drawn params changes; a record of a newer version is refused.
    version: ClassVar[int] = 1
    needs: ClassVar[Needs] = "signature"
    # Lowering itself looks at the sample, so earlier steps are run first.
    lower_needs_pixels: ClassVar[bool] = False
    # "dual": masks, boxes and keypoints follow; "image": only images change.
    acts_on: ClassVar[Literal["dual", "image"]] = "image"
    # "frames": slice by slice, each like an image; "volumes": on whole volumes (D, H, W[, C]).
    sees: ClassVar[Literal["frames", "volumes"]] = "frames"
    # How its geometry is undone: by the maps of its ops; it "keeps" pixels where they are, so not at all; "never".
    inverts: ClassVar[Literal["maps", "keeps", "never"]] = "maps"
    # Drawn params that are pixel positions (x, y, x, y ...) and scale with the image when a record is resized.
    pixel_params: ClassVar[frozenset[str]] = frozenset()
    # Whether the drawn params end with the key of a stream, "key".
    draws_key: ClassVar[bool] = False
    # The op that a step lowers to and the params it is made of, in its order; for classes that write no `lower`.
    lowers_to: ClassVar[tuple[Any, ...]] = ()

    _aliases: ClassVar[dict[str, str]] = {}
    _defaults: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls, register: bool = True, p: float | None = None, **kwargs: Any) -> None:
        """p: default of the inherited field, where that is another."""
        super().__init_subclass__(**kwargs)
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Field)}
        inherited = {name: field for name, field in cls.fields.items() if name not in own}
        if p is not None:
            cls.p = inherited["p"] = Probability(default=p, kw_only=True)  # type: ignore[attr-defined]
            cls.p.name = "p"  # type: ignore[attr-defined]
        first = {name: field for name, field in inherited.items() if not field.kw_only}
        cls.fields = {**first, **own, **inherited}
        cls._aliases = {alias: name for name, field in cls.fields.items() for alias in field.aliases}
        cls._defaults = {}
        if "lowers_to" in vars(cls):
            cls.lower = classmethod(_lowering(*cls.lowers_to))  # type: ignore[assignment, method-assign]
        if register and cls.fields:
            REGISTRY[cls.__name__] = cls

    if not TYPE_CHECKING:

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            cls = type(self)
            given = cls.bind(args, kwargs)
            values = {}
            for name, field in cls.fields.items():
                if name in given:
                    value = given[name]
                    values[name] = value if isinstance(value, Varying) else field.accept(value, cls.__name__)
                elif field.required:
                    raise FieldError(f"{cls.__name__}.{name}: missing; {cls.__name__} needs {cls.required()}")
                else:
                    values[name] = cls.default(name)
            self.__dict__.update(values)
            if self.scheduled or self.choices:
                self._check_varying()
            else:
                self.check()

    @classmethod
    def bind(cls, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments by canonical field name; FieldError for too many, unknown or doubled ones."""
        names = list(cls.fields)
        if len(args) > len(names):
            raise FieldError(f"{cls.__name__}: got {len(args)} positional arguments; it has {', '.join(names)}")
        given = dict(zip(names, args, strict=False))
        for name, value in kwargs.items():
            target = cls._aliases.get(name, name)
            if target not in cls.fields:
                near = nearest(name, [*names, *cls._aliases])
                hint = f"did you mean {near!r}? " if near else ""
                raise FieldError(
                    f"{cls.__name__}.{name}: got {shown(value)}; unknown argument, {hint}known: {', '.join(names)}"
                )
            if target in given:
                raise FieldError(f"{cls.__name__}.{target}: got {shown(value)} as a second value; pass it once")
            given[target] = value
        return given

    @classmethod
    def required(cls) -> str:
        return ", ".join(name for name, field in cls.fields.items() if field.required)

    @classmethod
    def default(cls, name: str) -> Any:
        """The converted default of a field."""
        if name not in cls._defaults:
            cls._defaults[name] = cls.fields[name].accept(cls.fields[name].default, cls.__name__)
        return cls._defaults[name]

    def check(self) -> None:
        """Raise FieldError if fields that are fine alone contradict each other."""

    def __setattr__(self, name: str, value: object) -> None:
        raise FieldError(f"{type(self).__name__}.{name}: transforms are frozen; build a new one, or use .replace()")

    def replace(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return type(self)(**{**self.values(), **changes})

    def values(self) -> dict[str, Any]:
        """Field values by name."""
        return {name: self.__dict__[name] for name in self.fields}

    # ---- values that vary ----

    @property
    def scheduled(self) -> bool:
        """Whether a field is a function of progress."""
        return any(isinstance(value, Schedule) for value in self.__dict__.values())

    @property
    def choices(self) -> dict[str, Choice]:
        """Fields whose value every call draws from a list."""
        return {name: value for name, value in self.__dict__.items() if isinstance(value, Choice)}

    def at(self, progress: float) -> Self:
        """This transform as it is at a progress in [0, 1]; FieldError naming field and progress if it cannot be."""
        if not self.scheduled:
            return self
        name, values = type(self).__name__, self.values()
        progress = progress_of(progress, f"{name}.at")
        for field, schedule in values.items():
            if isinstance(schedule, Schedule):
                where = f"{name}.{field} at progress {progress:g}"
                try:
                    values[field] = schedule.fit(progress, self.fields.get(field))
                except Exception as error:
                    raise FieldError(
                        f"{where}: its schedule raised {error!r}; it has to work for every progress from 0 to 1"
                    ) from None
        return self._as(values, f"at progress {progress:g}")

    def chosen(self, at: Mapping[str, int]) -> Self:
        """This transform with one value of each choice, by its index."""
        values = {k: v.values[at.get(k, 0)] if isinstance(v, Choice) else v for k, v in self.values().items()}
        return self._as(values, "as a choice")

    def _as(self, values: Params, when: str) -> Self:
        try:
            return type(self)(**values)
        except FieldError as error:
            raise FieldError(f"{error} ({when})") from None

    def _check_varying(self) -> None:
        """Raise FieldError for a value that some call would not accept."""
        choices = self.choices
        if "p" in choices:
            raise FieldError(f"{type(self).__name__}.p: got {choices['p']!r}; a probability is a number or a schedule")
        if self.scheduled:
            schedules = [value for value in self.__dict__.values() if isinstance(value, Schedule)]
            for progress in sorted({*PROGRESSES, *(knot for one in schedules for knot in one.knots)}):
                self.at(progress)
        else:
            for name, choice in choices.items():
                for i in range(len(choice.values)):
                    self.chosen({name: i})

    def explicit(self) -> dict[str, Any]:
        """Field values that differ from their default, and p."""
        cls = type(self)
        return {
            name: value
            for name, value in self.values().items()
            if name == "p" or self.fields[name].required or value != cls.default(name)
        }

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.explicit().items())})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.values() == other.values()

    def __hash__(self) -> int:
        return hash(repr(self))

    # ---- running ----

    def __call__(self, *args: object, **targets: Any) -> dict[str, Any]:
        """Augment one sample with this transform alone: a call of Compose([self]), without a seed."""
        return self._alone(*args, **targets)

    @cached_property
    def _alone(self) -> Callable[..., dict[str, Any]]:
        return pipeline_of(self)  # noqa: F821  # compose gives it its value

    @cached_property
    def kept(self) -> Params:
        """Values of the fields that lowering needs and no draw changes."""
        return {name: self.__dict__[name] for name, field in self.fields.items() if field.keep}

    @property
    def asks_for(self) -> Sequence[str]:
        """Names of data beside the targets that `draw` reads from `sig.labels.extras`."""
        return ()

    def draw(self, sig: Signature, stream: Stream) -> Params:
        """Values of this call, plain JSON data; with `kept` they are all that `lower` needs.

        Unless a class says otherwise: a value of every range that `draws` one, in the order of the fields, then a key.
        """
        params = {}
        for name, one_of, low, high in self._ranges:
            params[name] = one_of(stream, low, high)
        if self.draws_key:
            params["key"] = stream.key()
        return params

    @cached_property
    def _ranges(self) -> tuple[tuple[str, Callable[[Stream, Any, Any], Any], Any, Any], ...]:
        """The ranges that `draw` draws from: param, how, lowest, highest."""
        ranges = [field for field in self.fields.values() if isinstance(field, fields.Limits) and field.draws]
        return tuple([(field.draws, field.one_of, *self.__dict__[field.name]) for field in ranges])

    @property
    def draws_nothing(self) -> bool:
        """Whether `draw` has nothing to do."""
        ranges = any(field.draws for field in self.fields.values())
        return type(self).draw is Transform.draw and not ranges and not self.draws_key

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        """Ops that run the drawn step on a sample of signature `sig`."""
        raise NotImplementedError

    @classmethod
    def restore(cls, params: Params, callables: Mapping[str, Any]) -> type[Transform] | Transform:
        """What lowers a recorded step; `callables` are functions passed by name at replay."""
        return cls

    # ---- saving ----

    def to_dict(self) -> dict[str, Any]:
        """Name and every field as plain JSON data."""
        out: dict[str, Any] = {"__class_fullname__": type(self).__name__}
        for name, value in self.values().items():
            try:
                out[name] = fields.plain(value)
            except ValueError as error:
                raise FieldError(f"{type(self).__name__}.{name}: cannot be saved: {error}") from None
        return out

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """JSON schema of the constructor's arguments; in place of any value a file may hold a schedule or a choice."""
        return {
            "title": cls.__name__,
            "type": "object",
            "properties": {name: field.schema() for name, field in cls.fields.items()},
            "required": [name for name, field in cls.fields.items() if field.required],
            "additionalProperties": False,
        }


def _lowering(op: Callable[..., Op], *names: str) -> Callable[[Any, Params, Signature], Ops]:
    """A `lower` that makes one op of params."""
    if len(names) == 1:
        name = names[0]
        return lambda cls, params, sig: (op(params[name]),)
    values = itemgetter(*names)
    return lambda cls, params, sig: (op(*values(params)),)


class ImageTransform(Transform, register=False):
    """Base of catalogue transforms that change images only."""

    p: Probability = Probability(default=0.5, kw_only=True)


class GeometricTransform(Transform, register=False):
    """Base of catalogue transforms whose masks, boxes and keypoints follow."""

    acts_on = "dual"
    p: Probability = Probability(default=0.5, kw_only=True)


class VolumeTransform(Transform, register=False):
    """Base of catalogue transforms of whole volumes, whose 3-D masks and keypoints (xyz) follow."""

    acts_on = "dual"
    sees = "volumes"
    p: Probability = Probability(default=0.5, kw_only=True)


class ScanTransform(ImageTransform, register=False):
    """Base of catalogue transforms that change whole volumes only: a sample without one stays as it is."""

    sees = "volumes"

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Sequence[Op]:
        return (cls.scan(params, sig),) if sig.depth else ()

    @classmethod
    def scan(cls, params: Params, sig: Signature) -> Op:
        """`lower` for a sample with a volume."""
        raise NotImplementedError


class NoOp(GeometricTransform):
    """Change nothing."""

    p: Probability = Probability(default=0.5)

    @classmethod
    def lower(cls, params: Params, sig: Signature) -> Ops:
        return ()
