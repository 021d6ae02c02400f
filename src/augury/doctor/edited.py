"""A pipeline as plain data, edited at the paths that records use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np

from augury.errors import FieldError, shown
from augury.replay import ReplayCompose
from augury.saving import from_dict, to_dict
from augury.transform import Transform

Node = dict[str, Any]
CHOOSING = frozenset({"OneOf", "OneOrOther", "SomeOf"})
"""Groups whose choice depends on the p of all their steps."""

_NAME = re.compile(r"\b(?=[A-Z][A-Za-z0-9]*\()")
SIDE = 256


class Place(NamedTuple):
    """Where a step stands: its own data, the list that holds it, its index there, and the kind of group."""

    node: Node
    siblings: list[Node]
    at: int
    group: str


def tree(pipeline: Any) -> Node:
    """A copy of the pipeline as `augury.to_dict` writes it. pipeline: an object, or such a dict, or its "transform"."""
    if not isinstance(pipeline, Mapping):
        return to_dict(pipeline)
    whole = pipeline if "transform" in pipeline else {"library": "augury", "format": 1, "transform": pipeline}
    return to_dict(from_dict(whole))


def places(saved: Node) -> dict[str, Place]:
    """Every transform of a saved pipeline by its path, in order."""
    return dict(_places(saved["transform"], ""))


def _places(group: Node, path: str) -> Iterator[tuple[str, Place]]:
    seen: dict[str, int] = {}
    children = group.get("transforms")
    if not isinstance(children, list):
        raise FieldError(f"pipeline: got {shown(group)}; pass a pipeline with a list of transforms")
    for index, node in enumerate(children):
        name = node["__class_fullname__"]
        seen[name] = seen.get(name, 0) + 1
        place = (f"{path}/{name}" if path else name) + (f":{seen[name]}" if seen[name] > 1 else "")
        if "transforms" in node:
            yield from _places(node, place)
        else:
            yield place, Place(node, children, index, group["__class_fullname__"])


def copy(saved: Node) -> Node:
    """A saved pipeline that can be edited without changing the first."""
    return deepcopy(saved)


def built(saved: Node) -> Any:
    """The pipeline that saved data describe."""
    return from_dict(saved)


def source_of(pipeline: Any) -> str:
    """The pipeline as Python that makes it, after `import augury as A`."""
    return _NAME.sub("A.", repr(pipeline))


def sample(side: int = SIDE) -> Any:
    """A picture to draw for: (side, side, 3) uint8 noise."""
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)


def steps(pipeline: Any, key: tuple[int, ...], image: Any) -> list[Node]:
    """What a pipeline draws for a key; schedules are seen at different progress for different keys."""
    progress = key[-1] % 11 / 10 if pipeline.scheduled else None
    return list(pipeline(image=image, key=key, progress=progress)["replay"]["steps"])


def noting(saved: Node, seed: int | str | None) -> ReplayCompose:
    """The saved pipeline with records, whatever it is, drawing from `seed`."""
    root = {**saved["transform"], "__class_fullname__": "ReplayCompose", "seed": seed}
    root.pop("save_key", None)
    root.pop("digests", None)
    made: ReplayCompose = from_dict({**saved, "transform": root})
    return made


def leaf(node: Node) -> Transform:
    """The transform that saved data describe."""
    made: Transform = from_dict({"library": "augury", "format": 1, "transform": node})
    return made
