"""The user's functions, named on the command line as `module:function`."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from augury.errors import AuguryError, FieldError, SampleError, shown


def find(spec: str, option: str) -> Any:
    """What `module:name` names; FieldError naming the option. The current folder is looked in too."""
    module, colon, name = spec.partition(":")
    if not colon or not module or not name:
        raise FieldError(f"{option}: got {shown(spec)}; pass module:function, such as mydata:source")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found: Any = importlib.import_module(module)
    except ImportError as error:
        raise FieldError(
            f"{option}: {module!r} cannot be imported ({error}); run in the folder of {module}.py"
        ) from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise FieldError(f"{option}: {module} has no {name!r}; pass module:function")
        found = getattr(found, part)
    return found


def samples(data: Any, n: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The first n samples, each with its id, of an iterable, a mapping, a function that returns one of these, or a
    function of a sample id, which is called with "0", "1" and so on.

    Raises SampleError naming the sample if the function raises or returns anything but a dict.
    """
    if callable(data) and _arguments(data):
        function = data
        data = ((str(i), _called(function, str(i))) for i in range(n))
    else:
        if callable(data):
            data = _called(data)
        if isinstance(data, Mapping):
            data = ((str(name), value) for name, value in data.items())
        elif isinstance(data, Iterable):
            data = ((str(i), value) for i, value in enumerate(data))
        else:
            raise SampleError(f"data: got {shown(data)}; return an iterable of dicts such as {{'image': image}}")
    for name, value in islice(data, n):
        if not isinstance(value, Mapping):
            raise SampleError(f"data: sample {name!r} is {shown(value)}; return a dict such as {{'image': image}}")
        yield name, value


def _arguments(function: Any) -> int:
    """How many arguments a function needs."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 0
    return sum(
        one.default is one.empty and one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) for one in parameters
    )


def _called(function: Any, *arguments: str) -> Any:
    """What the user's function returns; whatever it raises becomes a SampleError."""
    try:
        return function(*arguments)
    except AuguryError:
        raise
    except Exception as error:
        asked = f" for sample {arguments[0]!r}" if arguments else ""
        raise SampleError(f"data: the function raised {type(error).__name__}{asked}: {error}") from error
