"""Write the gallery: every transform with a picture, its arguments and a snippet, from the classes themselves.

`python -m docs.make_gallery` writes docs/transforms.md, a page per family under docs/transforms/, the pictures under
docs/images/gallery/, the tables in docs/coming-from-albumentations.md and docs/probes.md, and the navigation in
mkdocs.yml. A test says that they are up to date. `python -m docs.make_gallery --sheets FOLDER` writes large contact
sheets, to look at. Needs `augury[demo]`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2

from augury.transform import Transform
from docs import dialects, make_reference, pictures
from docs.make_reference import FAMILIES, families, sentence

FOLDER = Path(__file__).parent
PICTURES = FOLDER / "images" / "gallery"

OVERVIEW = """# Transforms

{count} transforms in {families} families. A name leads to its picture, its arguments and a snippet that runs; all of it
is written from the classes by `python -m docs.make_gallery`. *Changes* says which targets a transform changes: with
*all targets*, masks, boxes, keypoints and volumes follow the image. What is written of images holds for `images`,
`volume` and `volumes` too.

Any arguments that are taken work on images from 1 x 1 pixels, of bytes or of floats from 0 to 1 (others are refused
with a message that says what to do): dtype and number of channels stay, values stay in range and finite. Exceptions are
conversions, `ToGray` and `ToRGB`, what a fill asks for, and floats under cubic or Lanczos interpolation, which may
overshoot.

The pictures show flower.jpg, by dany13, and china.jpg, by danielbuechele, both CC BY 2.0, as scikit-learn ships them,
reduced and changed. The outline of the mask is blue, boxes are orange, keypoints green.
"""

FAMILY = """# {title}

Arguments may be passed by position, in the order of the tables. A range is two numbers, or one number x with the
meaning that is given. *Also* lists other names that are accepted for the same argument. An interpolation is one of
OpenCV's constants 0 nearest, 1 linear, 2 cubic, 3 area, 4 Lanczos; a border one of 0 constant, 1 replicate, 2 reflect,
3 wrap, 4 reflect_101. The record of a step holds what was drawn, and the arguments that running it needs.

Each picture shows the original, then draws that differ, made with the arguments of the snippet below it.
[All transforms](../transforms.md)
"""

SUBJECTS = {
    "image": "image = rng.integers(0, 256, (128, 192, 3), dtype=np.uint8)",
    "gray": "gray = rng.integers(0, 256, (128, 192), dtype=np.uint8)",
    "float": "fraction = rng.random((128, 192, 3), dtype=np.float32)",
    "volume": "volume = rng.integers(0, 256, (16, 128, 192), dtype=np.uint8)\nmask3d = (volume > 100).astype(np.uint8)",
    "video": "images = rng.integers(0, 256, (9, 128, 192, 3), dtype=np.uint8)",
}
LABELLED = """mask = np.zeros((128, 192), np.uint8)
mask[24:108, 52:134] = 1
sample = {"image": image, "mask": mask, "bboxes": [(52, 24, 134, 108)], "labels": ["flower"], "keypoints": [(91, 65)]}
params = {
    "bbox_params": A.BboxParams("pascal_voc", label_fields=["labels"]),
    "keypoint_params": A.KeypointParams("xy"),
}"""
FONT = """
from pathlib import Path

from PIL import ImageFont

font = "font.ttf"  # one that Pillow ships
Path(font).write_bytes(ImageFont.load_default(20).path.getvalue())"""
# How a snippet passes what its transform is shown on.
PASSED = {
    "gray": "image=gray",
    "float": "image=fraction",
    "volume": "volume=volume, mask3d=mask3d",
    "video": "images=images",
}


def overview() -> str:
    """The page that leads to all others."""
    lines = [OVERVIEW.format(count=len(make_reference.names), families=len(list(families())))]
    for module, family in families():
        title = FAMILIES[module]
        lines += [f"\n## {title}\n", f"[![{title}](images/gallery/family-{module}.webp)](transforms/{module}.md)\n"]
        lines += ["| transform | what it does | changes |", "| --- | --- | --- |"]
        for cls in family:
            link = f"transforms/{module}.md#{cls.__name__.lower()}"
            lines.append(f"| [{cls.__name__}]({link}) | {sentence(cls)} | {make_reference.changes(cls)} |")
    return "\n".join(lines) + "\n"


def page(module: str, family: list[type[Transform]]) -> str:
    """The page of a family."""
    lines = [FAMILY.format(title=FAMILIES[module]), f"```python\n{setup(family)}\n```"]
    for cls in family:
        name = cls.__name__
        lines += [f"\n## {name}\n", sentence(cls), "", f"![{name}](../images/gallery/{name}.webp)\n"]
        rest = make_reference.details(cls)
        lines += [rest, ""] if rest else []
        lines += [f"```python\n{snippet(cls)}\n```\n", *make_reference.table(cls)]
    return "\n".join(lines) + "\n"


def setup(family: list[type[Transform]]) -> str:
    """Code that makes what the snippets of a page use."""
    kinds = {kind if kind in SUBJECTS else "image" for kind in map(pictures.subject, family)}
    snippets = "\n".join(map(snippet, family))
    lines = ["import augury as A", "import numpy as np", "", "rng = np.random.default_rng(0)"]
    lines += [code for kind, code in SUBJECTS.items() if kind in kinds]
    lines += ["other = rng.integers(0, 256, (128, 192, 3), dtype=np.uint8)"] if "other" in snippets else []
    lines += [FONT] if "=font" in snippets else []
    lines += [LABELLED] if "**sample" in snippets else []
    return "\n".join(lines)


def snippet(cls: type[Transform]) -> str:
    """Code that runs a transform as its picture does."""
    kind, beside = pictures.subject(cls), pictures.extras(cls)
    settings = ", **params" if kind == "flower" and cls.acts_on == "dual" else ""
    passed = PASSED.get(kind, "**sample" if settings else "image=image")
    transform = f"A.{cls.__name__}({pictures.arguments(cls)})"
    made = f"pipeline = A.Compose([{transform}]{settings}, seed=137)"
    if len(made) > 110:
        if len(transform) > 108:
            transform = f"A.{cls.__name__}(\n    {pictures.arguments(cls)}\n)"
        made = f"transform = {transform}\npipeline = A.Compose([transform]{settings}, seed=137)"
    return f"{made}\nresult = pipeline({', '.join(filter(None, [passed, beside]))})"


def navigation() -> str:
    """The gallery's part of mkdocs.yml."""
    pages = [f"          - {FAMILIES[module]}: transforms/{module}.md" for module, _ in families()]
    return "\n".join(["      - Transforms:", "          - transforms.md", *pages]) + "\n"


def between(page: str, begin: str, end: str, text: str) -> str:
    """A page with the lines between two marks replaced; ValueError if it has none."""
    before, rest = page.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}{text}{end}{after}"


def marked(page: str, name: str, text: str) -> str:
    """A Markdown page with the part that is marked with a name replaced."""
    return between(page, f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n", f"\n{text}\n")


def pages() -> dict[Path, str]:
    """Every page that is written from the classes, with the text it should have."""
    coming, probes, site = (
        FOLDER / "coming-from-albumentations.md",
        FOLDER / "probes.md",
        FOLDER.parent / "mkdocs.yml",
    )
    text = marked(coming.read_text(encoding="utf-8"), "renamed arguments", make_reference.renamed())
    plan = site.read_text(encoding="utf-8")
    return {
        FOLDER / "transforms.md": overview(),
        **{FOLDER / "transforms" / f"{module}.md": page(module, family) for module, family in families()},
        coming: marked(text, "differences", dialects.table()),
        probes: marked(probes.read_text(encoding="utf-8"), "one-way transforms", make_reference.one_way()),
        site: between(plan, "      # gallery: begin\n", "      # gallery: end\n", navigation()),
    }


def wanted() -> set[str]:
    """Names of the pictures."""
    return {f"{name}.webp" for name in make_reference.names} | {f"family-{module}.webp" for module, _ in families()}


def write() -> None:
    """Pages and pictures; what no transform has any more is removed."""
    (FOLDER / "transforms").mkdir(exist_ok=True)
    PICTURES.mkdir(parents=True, exist_ok=True)
    texts, keep = pages(), wanted()
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    for path in [*(FOLDER / "transforms").glob("*.md"), *PICTURES.iterdir()]:
        if path not in texts and path.name not in keep:
            path.unlink()
    for module, family in families():
        (PICTURES / f"family-{module}.webp").write_bytes(pictures.encoded(pictures.overview(family), 30_000))
        for cls in family:
            (PICTURES / f"{cls.__name__}.webp").write_bytes(pictures.encoded(pictures.strip(cls)))
    print(f"{len(keep)} pictures, {sum(path.stat().st_size for path in PICTURES.iterdir()) / 1e6:.2f} MB")


def write_sheets(folder: Path) -> None:
    """Contact sheets of every family, as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    for module, family in families():
        for i, sheet in enumerate(pictures.sheets(family)):
            cv2.imwrite(str(folder / f"{module}-{i + 1}.png"), sheet[..., ::-1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the gallery of transforms.")
    parser.add_argument("--sheets", type=Path, metavar="FOLDER", help="write contact sheets there, and nothing else")
    given = parser.parse_args()
    if given.sheets:
        write_sheets(given.sheets)
    else:
        write()
