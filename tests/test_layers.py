"""The tree reads top to bottom: a file imports only from layers above its own; heavy libraries stay at the edge."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import augury

ROOT = Path(augury.__file__).parent
# Files and folders of the package, top to bottom. Files of one folder may import each other.
LAYERS = """
errors digest rng fields varying donors sample masks maps quads windows
ops program rules
kernels targets
execute
batches
transform custom catalogue groups until call drawn compose policies replay saving
inspect ledger torch
doctor
explorer
__init__
search
demo cli __main__
""".split()
HEAVY = {
    "torch",
    "pyarrow",
    "duckdb",
    "fsspec",
    "yaml",
    "typer",
    "rich",
    "nicegui",
    "fastapi",
    "starlette",
    "uvicorn",
    "jinja2",
    "sklearn",
    "scipy",
    "statsmodels",
    "pandas",
    "PIL",
    "IPython",
    "lightning",
    "hydra",
    "omegaconf",
    "timm",
    "torchvision",
    "segmentation_models_pytorch",
    "tensorboard",
    "mlflow",
    "ray",
}
FILES = sorted(ROOT.rglob("*.py"))


def layer_of(path: Path) -> str:
    first, *rest = path.relative_to(ROOT).parts
    return first if rest else path.stem


def imported_layers(path: Path) -> set[str]:
    """Layers that a file imports from, at its top or inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "augury":
            # A module of the package, or a name of the package itself; "__version__" is no module's business.
            names = [
                f"augury.{a.name}" if a.name in LAYERS else "augury.__init__"
                for a in node.names
                if a.name != "__version__"
            ]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == "augury":
                found.add(rest.partition(".")[0] or "__init__")
    return found


def test_every_file_has_a_layer() -> None:
    assert {layer_of(path) for path in FILES} == set(LAYERS)
    assert len(set(LAYERS)) == len(LAYERS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_upwards(path: Path) -> None:
    own = layer_of(path)
    if own == "__init__":
        return  # the package's own list of names, most of them loaded when used
    wrong = {layer for layer in imported_layers(path) if layer != own and LAYERS.index(layer) >= LAYERS.index(own)}
    assert not wrong, f"{own} imports from {', '.join(sorted(wrong))}, which is not above it"


def test_the_check_sees_imports() -> None:
    assert imported_layers(ROOT / "execute.py") >= {"ops", "rules", "kernels", "targets"}
    assert "kernels" not in imported_layers(ROOT / "ops" / "geometry.py")


def loaded_by(code: str) -> set[str]:
    """Top-level names of the modules that a fresh process has loaded after `code`."""
    code += "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_augury_loads_nothing_heavy() -> None:
    assert not loaded_by("import augury") & HEAVY


def test_augmenting_and_replaying_load_nothing_heavy() -> None:
    code = """
import numpy as np
import augury as A
image = np.zeros((32, 32, 3), np.uint8)
pipeline = A.ReplayCompose([A.HorizontalFlip(), A.GaussNoise(p=1), A.Rotate(), A.Normalize()], save_applied_params=True)
result = pipeline(image=image)
A.to_dict(pipeline)
for look in (A.replay, A.trace):
    look(result["replay"], image=image)
A.inverse(result["replay"])
"""
    assert not loaded_by(code) & HEAVY


def test_heavy_libraries_are_imported_inside_functions() -> None:
    # The ledger, the doctor, the explorer, the torch glue, the demo and the command line are modules of their own,
    # loaded when used.
    edges = {"ledger", "doctor", "explorer", "torch", "search", "demo", "cli", "__main__"}
    for path in FILES:
        if layer_of(path) in edges or path.parent == ROOT / "kernels" / "torch":
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            assert not {name.partition(".")[0] for name in names} & HEAVY, path
