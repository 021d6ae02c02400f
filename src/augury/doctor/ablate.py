"""The plan of an ablation: one pipeline per step left out, and all other draws as they were.

Draws depend on seed, key and path alone, so two runs with the same seed and keys show each sample the same
augmentations but one; the difference of two losses of one sample and epoch is then that step's doing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from augury.doctor import edited
from augury.doctor.edited import CHOOSING, Node, Place
from augury.errors import AuguryError

KEYS = 24  # keys that are drawn to see whether an arm is paired
FORMATTING = frozenset({"FromFloat", "Normalize", "ToFloat", "ToTensorV2"})


@dataclass(frozen=True, slots=True)
class Arm:
    """One pipeline of the plan. path: the step it leaves out, None for all steps. note: how, and what that costs.

    paired: whether all other steps drew the same values for 24 keys on a picture of noise; None if none could be drawn.
    """

    path: str | None
    pipeline: Any
    note: str
    paired: bool | None

    @property
    def name(self) -> str:
        """The arm in words."""
        return "all steps" if self.path is None else f"without {self.path}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The arms of an ablation, all with one seed: first the pipeline as it is, then without each step."""

    arms: tuple[Arm, ...]
    seed: int | str
    key_scheme: str | None

    def to_dict(self) -> Node:
        """The plan as plain JSON data; each pipeline is what `augury.from_dict` reads."""
        arms = [
            {"name": a.name, "path": a.path, "note": a.note, "paired": a.paired, "pipeline": edited.tree(a.pipeline)}
            for a in self.arms
        ]
        return {"seed": self.seed, "key_scheme": self.key_scheme, "arms": arms}

    def to_python(self) -> str:
        """The plan as Python: a dict of pipelines, and the loop that trains with each."""
        scheme = self.key_scheme or "(epoch, index)"
        lines = [
            f"# Train once with each of these, with the same initial weights, order of samples and keys {scheme}.",
            f"# Seed {self.seed!r} and the keys fix every draw, so runs differ in the step left out alone.",
            "import augury as A",
            "",
            "pipelines = {",
        ]
        for arm in self.arms:
            told = [arm.note] if arm.note else []
            if arm.path is not None and arm.paired is not None:
                told.append("paired" if arm.paired else "not paired, later draws change too")
            lines.append(f"    # {arm.name}{': ' if told else ''}{'; '.join(told)}")
            source = edited.source_of(arm.pipeline).replace("\n", "\n    ")
            lines.append(f"    {arm.name!r}: {source},")
        lines += [
            "}",
            "for name, pipeline in pipelines.items():",
            "    folder = f\"runs/ablation/{name.replace('/', '-')}\"",
            f"    with A.Ledger(folder, pipeline=pipeline, key_scheme={scheme!r}) as ledger:",
            "        ...  # your training: pipeline(image=image, key=key), ledger.log(...)",
        ]
        return "\n".join(lines) + "\n"


def ablate(pipeline: Any, *, seed: int | str | None = None, key_scheme: str | None = None) -> Plan:
    """The ablation of a pipeline.

    pipeline: an object, or what `augury.to_dict` made of one. seed: by default the pipeline's own, else 137. A step of
    a sequence gets p=0; one that a group chooses among others becomes a NoOp of the same weight; one that gives
    pictures a fixed size becomes a plain Resize. Steps that bring pixels to the model's format stay. Raises FieldError
    for a pipeline that cannot be saved.
    """
    saved = edited.tree(pipeline)
    own = saved["transform"].get("seed")
    seed = seed if seed is not None else own if own is not None else 137
    saved["transform"]["seed"] = seed
    whole = edited.built(saved)
    arms = [Arm(None, whole, "", True)]
    for path, place in edited.places(saved).items():
        if place.node["__class_fullname__"] in FORMATTING:
            continue
        without = edited.copy(saved)
        note = _leave_out(edited.places(without)[path])
        arms.append(Arm(path, edited.built(without), note, _paired(saved, without, path, seed)))
    return Plan(tuple(arms), seed, key_scheme)


def _leave_out(place: Place) -> str:
    """Put in place of a step what does nothing, or only its change of size; say what was done."""
    size = _fixed_size(place.node)
    if size is not None:
        height, width = size
        p = place.node.get("p", 1.0)
        place.siblings[place.at] = {"__class_fullname__": "Resize", "height": height, "width": width, "p": p}
        return f"a plain Resize to {width} x {height} stands in its place"
    if place.group in CHOOSING:
        place.siblings[place.at] = {"__class_fullname__": "NoOp", "p": place.node.get("p", 0.5)}
        return "a NoOp of the same weight stands in its place, so the others are chosen as often as before"
    place.node["p"] = 0.0
    return ""


def _fixed_size(node: Node) -> tuple[int, int] | None:
    """The size that a step gives to every picture, if it does."""
    sizes = set()
    try:
        transform = edited.leaf({**node, "p": 1.0})
        for side in (edited.SIDE, edited.SIDE + 61):
            height, width = transform(image=edited.sample(side))["image"].shape[:2]
            if (height, width) == (side, side):
                return None
            sizes.add((height, width))
    except (AuguryError, AttributeError, TypeError):  # it needs more than a picture, or a larger one
        return None
    return sizes.pop() if len(sizes) == 1 else None


def _paired(saved: Node, without: Node, path: str, seed: int | str) -> bool | None:
    """Whether all steps but one draw the same; an order or a choice among steps counts as drawn."""
    try:
        first, second = edited.noting(saved, seed), edited.noting(without, seed)
        image = edited.sample()
        return all(_others(first, path, key, image) == _others(second, path, key, image) for key in range(KEYS))
    except AuguryError:
        return None


def _others(pipeline: Any, path: str, key: int, image: Any) -> list[Any]:
    stand_ins = {path, *(f"{path.rpartition('/')[0]}/{name}".lstrip("/") for name in ("NoOp", "Resize"))}
    return [
        (step["path"], step["status"], {k: v for k, v in step.get("params", {}).items() if k != "shape"})
        for step in edited.steps(pipeline, (0, key), image)
        if step["path"].partition("~")[0] not in stand_ins
    ]
