"""Labels that change when a step mirrors the image: left becomes right.

A mapping is read from {transform name or "reflection": {field or mask: {old: new}}}. JSON has text for keys only, so
mappings are written as lists of [old, new], and text that stands for integers is read as such.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from augury import ops
from augury.errors import FieldError
from augury.ops.labels import Pairs

# transform name -> field or mask -> pairs, as nested tuples.
Swaps = tuple[tuple[str, tuple[tuple[str, Pairs], ...]], ...]
ANY = "reflection"

Refuse = Callable[[object, str], FieldError]


def read_fields(value: Any, label_fields: Sequence[str], refuse: Refuse) -> Swaps:
    """A mapping of keypoint labels; FieldError by `refuse` if it is not one."""
    rule = "pass {'HorizontalFlip' or 'reflection': {label field: {old: new}}}"
    out = []
    for name, by_field in _items(value, rule, refuse):
        fields = []
        for field, pairs in _items(by_field, rule, refuse):
            if field not in label_fields:
                raise refuse(field, f"it is not one of label_fields {list(label_fields)}; add it there")
            fields.append((field, _pairs(pairs, rule, refuse)))
        out.append((name, tuple(fields)))
    return tuple(out)


def read_masks(value: Any, refuse: Refuse) -> Swaps:
    """A mapping of mask values, for all masks or with one level more by target; FieldError by `refuse` otherwise."""
    rule = "pass {'HorizontalFlip' or 'reflection': {old: new}}, or {...: {target: {old: new}}}; values are integers"
    out = []
    for name, given in _items(value, rule, refuse):
        by_target = given if _is_deep(given) else {"": given}
        masks = [(target, _pairs(pairs, rule, refuse)) for target, pairs in by_target.items()]
        for _, pairs in masks:
            if not all(type(v) is int for pair in pairs for v in pair):
                raise refuse(given, rule)
        out.append((name, tuple(masks)))
    return tuple(out)


def _is_deep(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(v, (Mapping, list, tuple)) for v in value.values())


def _items(value: Any, rule: str, refuse: Refuse) -> list[tuple[str, Any]]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise refuse(value, rule)
    return list(value.items())


def _pairs(value: Any, rule: str, refuse: Refuse) -> Pairs:
    given = list(value.items()) if isinstance(value, Mapping) else value
    if not isinstance(given, (list, tuple)) or not all(isinstance(p, (list, tuple)) and len(p) == 2 for p in given):
        raise refuse(value, rule)
    pairs = [tuple(v.item() if isinstance(v, np.generic) else v for v in pair) for pair in given]
    if not all(type(v) in (int, str) for pair in pairs for v in pair):
        raise refuse(value, f"{rule}; labels are text or integers")
    if isinstance(value, Mapping):
        # Only keys become text in JSON: {"1": 2} was {1: 2}.
        pairs = [(int(a) if type(b) is int and _is_number(a) else a, b) for a, b in pairs]
    if len(dict(pairs)) < len(pairs):
        raise refuse(value, "name each old label once")
    return tuple(pairs)


def _is_number(text: Any) -> bool:
    return isinstance(text, str) and text.removeprefix("-").isdecimal()


def written(swaps: Swaps | None) -> dict[str, Any] | None:
    """A mapping as plain JSON data that `read_fields` or `read_masks` reads again."""
    if swaps is None:
        return None
    return {
        name: pairs_of(parts[0][1])
        if [target for target, _ in parts] == [""]
        else {target: pairs_of(pairs) for target, pairs in parts}
        for name, parts in swaps
    }


def pairs_of(pairs: Pairs) -> list[list[Any]]:
    """Pairs as JSON has them."""
    return [list(pair) for pair in pairs]


def swaps_of(fields: Swaps | None, masks: Swaps | None) -> dict[str, ops.Relabel] | None:
    """What each mirroring transform swaps, by its name, or under ANY for those not named; None if nothing."""
    by_field, by_mask = dict(fields or ()), dict(masks or ())
    out = {
        name: ops.Relabel(by_field.get(name, by_field.get(ANY, ())), by_mask.get(name, by_mask.get(ANY, ())))
        for name in {**by_field, **by_mask}
    }
    return out or None


def mirrors(lowered: Sequence[Any]) -> bool | None:
    """Whether the ops of a step mirror the image; None if a function of the caller's decides that."""
    out = False
    for op in lowered:
        if isinstance(op, ops.D4):
            out ^= op.element in ("h", "v", "t", "hvt")
        elif isinstance(op, ops.Warp):
            a, b, c, d, e, f, g, h, i = op.matrix
            # The sign of a projective map's derivative is that of its determinant.
            out ^= a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) < 0
        elif isinstance(op, ops.Call):
            return None
    return out


def relabelled(entries: Any, renamed: Mapping[Any, Any]) -> Any:
    """A list, array or tensor of labels with the renamed ones replaced."""
    if isinstance(entries, list):
        return [_renamed(label, renamed) for label in entries]
    values = [_renamed(label, renamed) for label in entries.tolist()]
    if not isinstance(entries, np.ndarray):
        return entries.new_tensor(values)
    # Text may have become longer than the array's own type holds.
    return np.array(values, None if entries.dtype.kind in "US" and values else entries.dtype)


def _renamed(label: Any, renamed: Mapping[Any, Any]) -> Any:
    try:
        return renamed.get(label, label)
    except TypeError:  # a list, say, which no mapping names
        return label
