"""Transforms held together: in order, by choice, at random; and the plan that gives each of them its path."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Self, TypeAlias

from augury import transform
from augury.errors import AuguryError, FieldError, SampleError, StepError, located, shown
from augury.execute import Run
from augury.fields import number, plain
from augury.rng import Stream
from augury.sample import Signature
from augury.transform import Params, Transform
from augury.varying import PROGRESSES, Schedule, progress_of

Step: TypeAlias = "Transform | Group"


# ---- plans: the pipeline compiled to paths, once ---------------------------------------------------------


class Leaf:
    """A transform at a place in a pipeline."""

    __slots__ = ("draws", "kept", "key", "looks", "memo", "name", "p", "path", "transform", "version", "whole")

    def __init__(self, transform: Transform, path: str, mask_interpolation: int | None) -> None:
        self.transform = transform
        self.whole = transform.sees == "volumes"
        self.path = path
        self.key = path.encode()
        self.name = type(transform).__name__
        self.version = transform.version
        self.p: float = transform.p  # type: ignore[attr-defined]
        self.draws = not transform.draws_nothing
        self.looks = transform.needs != "signature"
        # The last signature for which nothing was drawn, and the params, ops and signature after it (None after a
        # function): without chance the same signature gives the same step again. Any call may replace it whole.
        self.memo: tuple[Signature, Params, Sequence[Any], Signature | None] | None = None
        self.kept = dict(transform.kept)
        if mask_interpolation is not None and "mask_interpolation" in self.kept:
            self.kept["mask_interpolation"] = mask_interpolation

    def draw(self, run: Run, forced: bool = False) -> None:
        """Draw this step into the run, unless chance says no."""
        path, key = self.path, self.key
        if run.again:
            path, key = path + run.again, key + run.again.encode()
        stream: Stream | None = None
        if self.p < 1.0 and not forced:
            stream = Stream(run.state, key)
            if stream.chance() >= self.p:
                if run.steps is not None:
                    run.steps.append({"path": path, "name": self.name, "status": "skipped"})
                return
        before = run.sig
        memo = self.memo
        if memo is not None and memo[0] == before and run.selected is None:
            _, params, lowered, after = memo
            if run.noting:
                run.note(path, self.name, params, self.version, self.transform.sees)
            if lowered:
                # What a step on whole volumes may run on does not depend on the signature alone.
                if self.whole and any(op.kind == "volume" for op in lowered):
                    run.need_volumes(path)
                if run.swaps is not None:
                    lowered = run.swapped(self.name, lowered)
                run.pending.append((path, lowered, before.shape[0], before.shape[1]))
                if after is None:
                    run.called()
                else:
                    run.sig = after
            return
        params = {}
        if self.draws:
            stream = stream or Stream(run.state, key)
            # Before the try: an error of earlier steps, which this runs, has their path.
            seen = run.labelled() if self.looks else before
            try:
                params = self.transform.draw(seen, stream)
            except (SampleError, FieldError) as error:
                raise located(error, path) from None
            except Exception as error:
                raise StepError(f"{path}: {type(error).__name__}: {error}") from error
        if self.kept:
            params.update(self.kept)
        try:
            lowered = run.add(path, self.name, self.transform, params, self.version)
        except AuguryError:
            raise
        except Exception as error:
            raise StepError(f"{path}: {type(error).__name__}: {error}") from error
        if self.looks or run.selected is not None or (stream is not None and stream.used):
            return
        if any(op.kind == "stack" for op in lowered):
            return
        function = any(op.kind == "call" for op in lowered)
        self.memo = (before, params, lowered, None if function else run.sig)

    def leave(self, run: Run, status: str) -> None:
        """Note that this step did not run."""
        run.steps.append({"path": self.path + run.again, "name": self.name, "status": status})  # type: ignore[union-attr]

    def leaves(self) -> Iterator[Leaf]:
        yield self


class Chosen(Leaf):
    """A transform that draws values of its fields from lists: one leaf for every drawn combination of values."""

    __slots__ = ("choices", "made", "mask_interpolation")

    def __init__(self, transform: Transform, path: str, mask_interpolation: int | None) -> None:
        super().__init__(transform, path, mask_interpolation)
        self.mask_interpolation = mask_interpolation
        self.choices = {name: len(choice.values) for name, choice in transform.choices.items()}
        self.made: dict[tuple[int, ...], Leaf] = {}

    def draw(self, run: Run, forced: bool = False) -> None:
        # A stream of its own, so that the transform's draws are those of the chosen values without a choice.
        stream = Stream(run.state, self.key + run.again.encode() + b"?")
        at = tuple(stream.integer(0, count - 1) for count in self.choices.values())
        leaf = self.made.get(at)
        if leaf is None:
            transform = self.transform.chosen(dict(zip(self.choices, at, strict=True)))
            leaf = self.made[at] = Leaf(transform, self.path, self.mask_interpolation)
        leaf.draw(run, forced)


class Branch:
    """A group at a place in a pipeline, with the plans of its children."""

    __slots__ = ("children", "chooses", "group", "key", "p", "path", "weights")

    def __init__(self, group: Group, path: str, mask_interpolation: int | None) -> None:
        self.group = group
        self.path = path
        self.key = path.encode()
        self.p = group.p if group.skips else 1.0
        seen: dict[str, int] = {}
        self.children: list[Leaf | Branch] = []
        for child in group.transforms:
            name = type(child).__name__
            seen[name] = seen.get(name, 0) + 1
            place = f"{path}/{name}" if path else name
            if seen[name] > 1:
                place += f":{seen[name]}"
            kind = Branch if isinstance(child, Group) else Chosen if child.choices else Leaf
            self.children.append(kind(child, place, mask_interpolation))  # type: ignore[arg-type]
        self.weights = tuple(child.p for child in group.transforms)  # type: ignore[union-attr]
        self.chooses = group.chooses

    def draw(self, run: Run, forced: bool = False) -> None:
        """Draw the group's choice and the steps it makes."""
        chance = self.p < 1.0 and not forced
        key = self.key + run.again.encode() if run.again else self.key
        stream = Stream(run.state, key) if chance or self.chooses else None
        if chance and stream.chance() >= self.p:  # type: ignore[union-attr]
            if run.steps is not None:
                self.leave(run, "skipped")
            return
        self.group.draw(self, run, stream)

    def leave(self, run: Run, status: str) -> None:
        for child in self.children:
            child.leave(run, status)

    def leaves(self) -> Iterator[Leaf]:
        for child in self.children:
            yield from child.leaves()

    def only(self, run: Run, chosen: int) -> None:
        """Run one child whatever its p."""
        for i, child in enumerate(self.children):
            if i == chosen:
                child.draw(run, forced=True)
            elif run.steps is not None:
                child.leave(run, "not_selected")

    def some(self, run: Run, order: Sequence[int]) -> None:
        """Run the children of `order`, each by its own p; note the others."""
        times: dict[int, int] = {}
        outer = run.again
        for i in order:
            # Everything under a child that runs again draws anew. Leading zeros are left out, so first runs keep
            # their paths.
            run.again = f"{outer}~{times.get(i, 0)}" if outer or i in times else ""
            self.children[i].draw(run)
            times[i] = times.get(i, 0) + 1
        run.again = outer
        if run.steps is not None:
            for i, child in enumerate(self.children):
                if i not in times:
                    child.leave(run, "not_selected")


# ---- groups ----------------------------------------------------------------------------------------------


class Group:
    """Base of everything that holds transforms."""

    # Whether `draw` needs a stream.
    chooses = False
    # Whether p decides if the group runs at all.
    skips = True

    def __init__(self, transforms: Sequence[Step] | Step, p: float | Schedule = 1.0) -> None:
        if isinstance(transforms, (Transform, Group)):
            transforms = [transforms]
        name = type(self).__name__
        if isinstance(transforms, (str, Mapping)) or not hasattr(transforms, "__iter__"):
            raise FieldError(f"{name}.transforms: got {shown(transforms)}; pass a list of transforms")
        self.transforms: tuple[Step, ...] = tuple(transforms)
        for i, child in enumerate(self.transforms):
            if not isinstance(child, (Transform, Group)):
                raise FieldError(
                    f"{name}.transforms[{i}]: got {shown(child)}; pass a transform instance such as HorizontalFlip()"
                )
        self.p: Any = p
        if isinstance(p, Schedule):
            for progress in sorted({*PROGRESSES, *p.knots}):
                probability(p.at(progress), f"{name}.p at progress {progress:g}")
        else:
            self.p = probability(p, f"{name}.p")

    def draw(self, branch: Branch, run: Run, stream: Stream | None) -> None:
        """Draw the steps of a call; the stream is there for groups that choose."""
        for child in branch.children:
            child.draw(run)

    def __call__(self, *args: object, **targets: Any) -> dict[str, Any]:
        """Augment one sample with this group alone: a call of Compose([self]), without a seed."""
        return self._alone(*args, **targets)

    @cached_property
    def _alone(self) -> Callable[..., dict[str, Any]]:
        return transform.pipeline_of(self)

    def arguments(self) -> dict[str, Any]:
        """Constructor arguments besides the transforms, in order."""
        return {"p": self.p}

    def rebuilt(self, transforms: Sequence[Step], **changes: Any) -> Self:
        """The same group over other transforms, with some arguments changed."""
        return type(self)(list(transforms), **{**self.arguments(), **changes})

    @property
    def scheduled(self) -> bool:
        """Whether p, or a field of a transform inside, is a function of progress."""
        return isinstance(self.p, Schedule) or any(child.scheduled for child in self.transforms)

    def at(self, progress: float) -> Self:
        """This group as it is at a progress in [0, 1]; FieldError naming the progress if it cannot be."""
        if not self.scheduled:
            return self
        progress = progress_of(progress, f"{type(self).__name__}.at")
        children = [child.at(progress) for child in self.transforms]
        try:
            return self.rebuilt(children, p=self.p.at(progress) if isinstance(self.p, Schedule) else self.p)
        except FieldError as error:
            raise FieldError(f"{error} (at progress {progress:g})") from None

    def __add__(self, other: Step | Sequence[Step]) -> Self:
        return self.rebuilt([*self.transforms, *_steps(other)])

    def __radd__(self, other: Step | Sequence[Step]) -> Self:
        return self.rebuilt([*_steps(other), *self.transforms])

    def __sub__(self, other: Step | type) -> Self:
        """Without the first step that equals `other`, or is of that class; FieldError if there is none."""
        for i, child in enumerate(self.transforms):
            if child is other or child == other or (isinstance(other, type) and type(child) is other):
                return self.rebuilt([*self.transforms[:i], *self.transforms[i + 1 :]])
        raise FieldError(f"{type(self).__name__}: got - {shown(other)}; it holds no such transform")

    def __len__(self) -> int:
        return len(self.transforms)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.transforms)

    def __getitem__(self, index: int) -> Step:
        return self.transforms[index]

    def __eq__(self, other: object) -> bool:
        return (
            type(self) is type(other) and self.transforms == other.transforms and self.arguments() == other.arguments()
        )

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        return self.indented(0)

    def indented(self, depth: int) -> str:
        pad = "    " * (depth + 1)
        inner = "".join(
            f"{pad}{child.indented(depth + 1) if isinstance(child, Group) else repr(child)},\n"
            for child in self.transforms
        )
        rest = "".join(f", {name}={value!r}" for name, value in self.arguments().items())
        return f"{type(self).__name__}([{f'{chr(10)}{inner}' + '    ' * depth if inner else ''}]{rest})"

    def to_dict(self) -> dict[str, Any]:
        """Name, arguments and transforms as plain JSON data."""
        return {
            "__class_fullname__": type(self).__name__,
            **self._plain_arguments(),
            "transforms": [child.to_dict() for child in self.transforms],
        }

    def _plain_arguments(self) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for name, value in self.arguments().items():
            try:
                out[name] = value.to_dict() if hasattr(value, "to_dict") else plain(value)
            except ValueError as error:
                raise FieldError(f"{type(self).__name__}.{name}: cannot be saved: {error}") from None
        return out


def _steps(other: Any) -> Sequence[Step]:
    return [other] if isinstance(other, (Transform, Group)) else list(other)


def probability(value: object, where: str) -> float:
    """`value` as a float in [0, 1]; FieldError otherwise."""
    rule = "pass a number in [0, 1]"
    try:
        out = number(value, rule)
        if not 0 <= out <= 1:
            raise ValueError(rule)
    except ValueError:
        raise FieldError(f"{where}: got {shown(value)}; {rule}") from None
    return float(out)


class Sequential(Group):
    """All transforms in order, as one block that runs with probability p."""

    def __init__(self, transforms: Sequence[Step] | Step, p: float | Schedule = 0.5) -> None:
        super().__init__(transforms, p)


class OneOf(Group):
    """Exactly one transform, chosen with its p as weight and then run for certain; the block runs with probability
    p.
    """

    def __init__(self, transforms: Sequence[Step] | Step, p: float | Schedule = 0.5) -> None:
        super().__init__(transforms, p)
        if not self.transforms:
            raise FieldError("OneOf.transforms: got []; pass at least one transform")
        if not any(child.p for child in self.transforms):  # type: ignore[union-attr]
            raise FieldError("OneOf.transforms: every transform has p=0, so none can be chosen; give one a positive p")

    chooses = True

    def draw(self, branch: Branch, run: Run, stream: Stream | None) -> None:
        assert stream is not None
        branch.only(run, stream.index(branch.weights))


class OneOrOther(Group):
    """The first transform with probability p, the second otherwise; it runs for certain, whatever its own p."""

    chooses = True
    skips = False

    def __init__(
        self,
        first: Step | None = None,
        second: Step | None = None,
        transforms: Sequence[Step] | None = None,
        p: float | Schedule = 0.5,
    ) -> None:
        if transforms is None:
            if first is None or second is None:
                raise FieldError("OneOrOther: pass first and second, or transforms=[first, second]")
            transforms = [first, second]
        super().__init__(transforms, p)
        if len(self.transforms) != 2:
            raise FieldError(f"OneOrOther.transforms: got {len(self.transforms)} transforms; pass two")

    def arguments(self) -> dict[str, Any]:
        return {"p": self.p}

    def rebuilt(self, transforms: Sequence[Step], **changes: Any) -> Self:
        return type(self)(transforms=list(transforms), **{**self.arguments(), **changes})

    def draw(self, branch: Branch, run: Run, stream: Stream | None) -> None:
        assert stream is not None
        branch.only(run, 0 if stream.chance() < self.p else 1)

    def indented(self, depth: int) -> str:
        return super().indented(depth).replace("OneOrOther([", "OneOrOther(transforms=[", 1)


class _Subset(Group):
    """Base of groups that pick n of their transforms, all equally likely."""

    chooses = True

    def __init__(
        self,
        transforms: Sequence[Step] | Step,
        n: int | Sequence[int] = 1,
        replace: bool = False,
        p: float | Schedule = 1.0,
    ) -> None:
        super().__init__(transforms, p)
        name = type(self).__name__
        if not self.transforms:
            raise FieldError(f"{name}.transforms: got []; pass at least one transform")
        low, high = n if isinstance(n, (tuple, list)) and len(n) == 2 else (n, n)
        if not all(isinstance(x, int) and not isinstance(x, bool) for x in (low, high)) or not 0 <= low <= high:  # type: ignore[operator]
            raise FieldError(f"{name}.n: got {shown(n)}; pass an integer of at least 0, or two (low, high)")
        if not replace and high > len(self.transforms):  # type: ignore[operator]
            raise FieldError(
                f"{name}.n: got {shown(n)}; there are {len(self.transforms)} transforms, or pass replace=True"
            )
        self.n: Any = tuple(n) if isinstance(n, (tuple, list)) else n
        self.replace = bool(replace)

    def arguments(self) -> dict[str, Any]:
        return {"n": self.n, "replace": self.replace, "p": self.p}

    def choose(self, stream: Stream | None) -> list[int]:
        """Indices of the picked transforms, in random order."""
        assert stream is not None
        total = len(self.transforms)
        count = stream.integer(*self.n) if isinstance(self.n, tuple) else self.n
        if self.replace:
            return [stream.integer(0, total - 1) for _ in range(count)]
        return list(stream.permutation(total)[:count])


class SomeOf(_Subset):
    """n transforms, all equally likely, in their own order and each by its own p; n may be a range (low, high)."""

    def draw(self, branch: Branch, run: Run, stream: Stream | None) -> None:
        branch.some(run, sorted(self.choose(stream)))


class RandomOrder(_Subset):
    """n transforms, all equally likely, in random order and each by its own p; n may be a range (low, high)."""

    def draw(self, branch: Branch, run: Run, stream: Stream | None) -> None:
        branch.some(run, self.choose(stream))


class SelectiveChannelTransform(Group):
    """Transforms on some channels of the image only; other channels and targets stay."""

    def __init__(
        self, transforms: Sequence[Step] | Step, channels: Sequence[int] = (0, 1, 2), p: float | Schedule = 1.0
    ) -> None:
        super().__init__(transforms, p)
        try:
            self.channels = tuple(map(operator.index, channels))
        except TypeError:
            self.channels = ()
        if not self.channels or min(self.channels) < 0 or len(set(self.channels)) != len(self.channels):
            raise FieldError(
                f"SelectiveChannelTransform.channels: got {shown(channels)}; pass different indices of at least 0"
            )
        for group in inner_groups(self):
            if isinstance(group, SelectiveChannelTransform):
                raise FieldError(
                    "SelectiveChannelTransform.transforms: holds another one; give one the channels you mean"
                )
        for child in inner_transforms(self):
            if child.acts_on == "dual":
                raise FieldError(
                    f"SelectiveChannelTransform.transforms: {type(child).__name__} moves pixels; pass transforms "
                    "that change "
                    "intensities only"
                )

    def arguments(self) -> dict[str, Any]:
        return {"channels": self.channels, "p": self.p}

    def draw(self, branch: Branch, run: Run, stream: Stream | None) -> None:
        shape = run.sig.shape
        if len(shape) < 3 or max(self.channels) >= shape[2]:
            raise SampleError(
                f"{branch.path}: channels {self.channels} are not in an image of shape {shape}; pass channels it has"
            )
        run.select(self.channels)
        super().draw(branch, run, stream)
        run.select_all()


def inner_groups(group: Group) -> Iterator[Group]:
    """Every group inside a group."""
    for child in group.transforms:
        if isinstance(child, Group):
            yield child
            yield from inner_groups(child)


def inner_transforms(group: Group) -> Iterator[Transform]:
    """Every transform inside a group."""
    for child in group.transforms:
        if isinstance(child, Group):
            yield from inner_transforms(child)
        else:
            yield child
