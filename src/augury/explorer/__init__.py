"""A local web app over a ledger: worst samples as the model saw them, edits of their draws, effects and findings.

`pages` has one file per page; `study` answers from the ledger, `pictures` makes pixels again, `edits` changes programs,
`guard` says who may ask. This file stays light: what it names is loaded when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from augury.explorer.notebook import Explorer, explore

__all__ = ["Explorer", "explore"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'augury.explorer' has no attribute {name!r}")
    try:
        from augury.explorer import notebook
    except ImportError as error:
        raise ImportError(f"the explorer needs {error.name}: pip install 'augury[explorer]'") from error
    return getattr(notebook, name)
