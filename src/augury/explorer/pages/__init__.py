"""The pages of the explorer, one file each: `PATH`, `TITLE`, `TEMPLATE`, and `data`, which is also the page's JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Given = Mapping[str, Sequence[str]]
"""The parameters of a URL: every name with all its values, as text."""


def one(given: Given, name: str, default: str = "") -> str:
    """The last value of a parameter."""
    values = given.get(name)
    return values[-1] if values else default
