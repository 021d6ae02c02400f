"""The measurements behind two decisions: `python -m benchmarks.decisions`.

Where random arrays come from, and what declares fields. attrs and pydantic are measured if they are installed.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from importlib import import_module
from time import perf_counter
from typing import Any

import numpy as np

CLASSES, FIELDS = 70, 5
WORDS = 1 << 17  # 1 MiB, the noise of a 512 x 512 x 4 image


def lowest(run: Callable[[], object], repeats: int = 15) -> float:
    """Seconds of the fastest of a few runs."""
    times = []
    for _ in range(repeats):
        began = perf_counter()
        run()
        times.append(perf_counter() - began)
    return min(times)


def arrays() -> None:
    """Random bytes per second, and what a new stream costs."""
    from augury.rng import Source

    philox = np.random.Philox(key=1)
    pcg = np.random.PCG64(1)
    size = WORDS * 8 / 1e9
    for name, fill, make in (
        ("AES-256 counter mode", lambda: Source("0" * 24).bytes(WORDS * 8), lambda: Source("0" * 24).bytes(8)),
        ("NumPy Philox", lambda: philox.random_raw(WORDS), lambda: np.random.Philox(key=1).random_raw(1)),
        ("NumPy PCG64", lambda: pcg.random_raw(WORDS), lambda: np.random.PCG64(1).random_raw(1)),
    ):
        rate = size / lowest(fill)
        new = lowest(lambda make=make: [make() for _ in range(1000)]) * 1e3  # type: ignore[misc]
        print(f"{name:22} {rate:6.1f} GB/s   new stream {new:6.2f} us")


def own() -> list[Any]:
    """Classes declared with augury's fields."""
    from augury.fields import Limits, Probability
    from augury.transform import Transform

    body = {f"x{i}": Limits(default=(0, 1), low=0, high=1) for i in range(FIELDS - 1)}
    return [
        type(f"Own{i}", (Transform,), {**body, "p": Probability(default=0.5)}, register=False) for i in range(CLASSES)
    ]


def dataclass() -> list[Any]:
    """Frozen dataclasses, unchecked."""
    names = [(f"x{i}", tuple, dataclasses.field(default=(0.0, 1.0))) for i in range(FIELDS - 1)]
    return [dataclasses.make_dataclass(f"Plain{i}", [*names, ("p", float, 0.5)], frozen=True) for i in range(CLASSES)]


def with_attrs() -> list[Any]:
    """Frozen attrs classes with a converter for each field."""
    attr = import_module("attr")
    return [
        attr.make_class(
            f"Attrs{i}",
            {
                **{f"x{n}": attr.ib(default=(0.0, 1.0), converter=tuple) for n in range(FIELDS - 1)},
                "p": attr.ib(default=0.5, converter=float),
            },
            frozen=True,
            slots=True,
        )
        for i in range(CLASSES)
    ]


def with_pydantic() -> list[Any]:
    """Frozen pydantic models."""
    pydantic = import_module("pydantic")
    ranges = {f"x{n}": (tuple[float, float], (0.0, 1.0)) for n in range(FIELDS - 1)}
    config = pydantic.ConfigDict(frozen=True)
    return [pydantic.create_model(f"Model{i}", __config__=config, **ranges, p=(float, 0.5)) for i in range(CLASSES)]


def fields() -> None:
    """What it costs to import a library of declarations, to define the classes and to make one object."""
    arguments = {f"x{n}": (0.25, 0.75) for n in range(FIELDS - 1)}
    for name, module, define in (
        ("own fields", "augury.fields", own),
        ("dataclasses", "dataclasses", dataclass),
        ("attrs", "attr", with_attrs),
        ("pydantic", "pydantic", with_pydantic),
    ):
        try:
            import_module(module)
        except ImportError:
            print(f"{name:22} not installed")
            continue
        per_class = lowest(define, 3) / CLASSES * 1e3
        cls = define()[0]
        made = lowest(lambda cls=cls: [cls(**arguments, p=0.5) for _ in range(1000)]) * 1e3  # type: ignore[misc]
        print(f"{name:22} {per_class:6.3f} ms a class   {made:6.2f} us an object")


if __name__ == "__main__":
    print(f"Python {sys.version.split()[0]}, NumPy {np.__version__}; {CLASSES} classes of {FIELDS} fields")
    arrays()
    fields()
