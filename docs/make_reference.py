"""What the docs say about every transform in words, from the classes themselves; `docs.make_gallery` writes it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from augury.catalogue import __all__ as names
from augury.fields import Border, Field, Interpolation, Limits, Maybe, Probability
from augury.transform import REGISTRY, Transform

FAMILIES = {
    "flip": "Symmetries",
    "rotate": "Rotation",
    "affine": "Affine and perspective",
    "distortion": "Distortion",
    "resize": "Size",
    "pad": "Padding",
    "crop": "Crops",
    "dropout": "Dropout",
    "blur": "Blur and sharpening",
    "noise": "Noise",
    "medical": "Scanners and stains",
    "marks": "Marks",
    "mixing": "Mixing",
    "text": "Text",
    "rearrange": "Rearranged pixels",
    "volume": "Volumes",
    "weather": "Weather and dirt",
    "light": "Light and shade",
    "film": "Lens, film and print",
    "tone": "Tone",
    "color": "Colour",
    "codec": "Compression",
    "convert": "Conversion",
    "video": "Video",
    "transform": "Nothing",
}


def families() -> Iterator[tuple[str, list[type[Transform]]]]:
    """Module and classes of every family that has any, in the order of their files."""
    classes = [REGISTRY[name] for name in names]
    for module in FAMILIES:
        family = [cls for cls in classes if cls.__module__.rpartition(".")[2] == module]
        if family:
            yield module, sorted(family, key=lambda cls: inspect.getsourcelines(cls)[1])


def sentence(cls: type[Transform]) -> str:
    """The first line of the docstring."""
    return escaped((cls.__doc__ or "").strip().splitlines()[0])


def changes(cls: type[Transform]) -> str:
    """Which targets change."""
    if cls.sees == "volumes":
        return "volumes, their masks, keypoints" if cls.acts_on == "dual" else "volumes"
    return "all targets" if cls.acts_on == "dual" else "images"


def details(cls: type[Transform]) -> str:
    """What the docstring says beyond its first line."""
    rest = inspect.cleandoc(cls.__doc__ or "").partition("\n")[2].strip()
    return rest.replace("<", "&lt;").replace("*", "\\*")


def table(cls: type[Transform]) -> list[str]:
    """The table of arguments."""
    lines = ["| argument | default | accepts | also |", "| --- | --- | --- | --- |"]
    for name, field in cls.fields.items():
        default = "required" if field.required else f"`{field.default!r}`"
        unit = f" ({field.unit})" if field.unit else ""
        also = ", ".join(f"`{alias}`" for alias in field.aliases)
        lines.append(f"| `{name}` | {default} | {escaped(accepts(field))}{unit} | {also} |")
    return lines


def accepts(field: Field[Any, Any]) -> str:
    """In words, what a field accepts."""
    inner = field.inner if isinstance(field, Maybe) else field
    # Volumes know two of each only, which are worth spelling out.
    if isinstance(inner, Interpolation) and len(inner.options) > 2:
        words = "an interpolation"
    elif isinstance(inner, Border) and len(inner.options) > 2:
        words = "a border"
    elif isinstance(inner, Probability):
        words = "a probability"
    elif isinstance(inner, Limits):
        one = ONE_NUMBER.get(inner.scalar, f"({inner.scalar}, x)")
        words = f"a range of {many(inner.bounds())}; x means {one}"
        words += f"; recorded as `{inner.draws}`" if inner.draws else ""
    else:
        words = in_words(inner.form())
    return f"{words}; or None" if isinstance(field, Maybe) else words


ONE_NUMBER: dict[str | float, str] = {"symmetric": "(-x, x)", "fixed": "(x, x)", "factor": "(1 - x, 1 + x)"}


def in_words(form: dict[str, Any]) -> str:
    """A JSON schema in words."""
    if "enum" in form:
        return "one of " + ", ".join(map(str, form["enum"]))
    if "anyOf" in form:
        return "; or ".join(dict.fromkeys(in_words(part) for part in form["anyOf"]))
    kind = form.get("type")
    if isinstance(kind, list):
        return "; or ".join(in_words({**form, "type": one}) for one in kind)
    if kind in ("number", "integer"):
        return f"{'a number' if kind == 'number' else 'an integer'}{bounds(form)}"
    if kind == "array":
        items = form.get("items") or {}
        if form.get("minItems") == form.get("maxItems") == 2:
            return f"two {many(items)}" if "type" in items else "two values"
        return f"a list of {many(items)}" if items.get("type") in ("number", "integer") else "a list"
    return {"boolean": "True or False", "null": "None", "object": "a dict", "string": "text"}.get(
        str(kind), "see above"
    )


def many(form: dict[str, Any]) -> str:
    """Numbers of a schema, in the plural."""
    return f"{'integers' if form.get('type') == 'integer' else 'numbers'}{bounds(form)}"


def bounds(form: dict[str, Any]) -> str:
    """The bounds of a schema, in words that follow a noun."""
    low, high = form.get("minimum"), form.get("maximum")
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    parts = [f"at least {low:g}"] if low is not None else []
    parts += [f"above {form['exclusiveMinimum']:g}"] if "exclusiveMinimum" in form else []
    parts += [f"at most {high:g}"] if high is not None else []
    return f" {' and '.join(parts)}" if parts else ""


def renamed() -> str:
    """The table of arguments that have more than one name."""
    lines = ["| transform | here | also accepted |", "| --- | --- | --- |"]
    for name in sorted(names, key=str.lower):
        for field_name, field in REGISTRY[name].fields.items():
            if field.aliases:
                lines.append(f"| {name} | `{field_name}` | {', '.join(f'`{alias}`' for alias in field.aliases)} |")
    return "\n".join(lines) + "\n"


_FOLDS = "strong displacements fold the image over, so that some places are shown twice"
# Transforms that move pixels and whose map may have no inverse, and why; a test looks for others.
NOT_ONE_TO_ONE = {
    "ElasticTransform": _FOLDS,
    "GridDistortion": "a factor of 0 (distort_range down to -1) shows a line in place of a cell",
    "GridElasticDeform": f"{_FOLDS}; at a magnitude of up to a quarter of a cell none is",
    "OpticalDistortion": "far below 0 the rim shows the other side of the image",
    "PiecewiseAffine": _FOLDS,
    "PixelSpread": "pixels are shuffled, and some are dropped: `InverseError`",
    "ThinPlateSpline": _FOLDS,
    "WaterRefraction": "steep waves focus: some places are shown more than once",
}


def one_way() -> str:
    """The table of transforms whose map may have no inverse."""
    lines = ["| transform | why its map is not always one-to-one |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| {name} | {why} |" for name, why in sorted(NOT_ONE_TO_ONE.items()))]) + "\n"


def escaped(text: str) -> str:
    """Text for a cell of a table."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
