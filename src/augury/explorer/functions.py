"""The user's functions, named on the command line as `module:function`, and nowhere else."""

from __future__ import annotations

from typing import Any

from augury.doctor import named
from augury.errors import FieldError, shown


def find(spec: str, option: str) -> Any:
    """The function that `module:function` names; FieldError naming the option. The current folder is looked in too."""
    found = named.find(spec, option)
    if not callable(found):
        raise FieldError(f"{option}: {spec} is {shown(found)}; pass a function")
    return found
