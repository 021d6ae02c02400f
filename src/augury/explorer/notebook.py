"""The explorer inside a notebook: a server on this machine, shown in a frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from augury.errors import FieldError
from augury.explorer.app import application
from augury.explorer.guard import new_token
from augury.explorer.serve import Server
from augury.explorer.study import Study
from augury.ledger import Ledger


class Explorer:
    """An explorer that runs; notebooks show it. url: where it answers, on this machine only. close() ends it."""

    def __init__(self, server: Server, height: int) -> None:
        self._server = server
        self.url = server.url
        self.height = height

    def close(self) -> None:
        """Stop answering."""
        self._server.close()

    def _repr_html_(self) -> str:
        url = escape(self.url, quote=True)
        style = f"width:100%;height:{self.height}px;border:1px solid #8888;border-radius:8px"
        return (
            f'<iframe src="{url}" title="augury explorer" style="{style}" allow="clipboard-write"></iframe>'
            f'<p><a href="{url}" target="_blank">{url}</a></p>'
        )

    def __repr__(self) -> str:
        return f"Explorer({self.url})"


def explore(
    ledger: Any,
    data: Callable[[str], Mapping[str, Any]] | Mapping[str, Any] | None = None,
    model: Callable[[Mapping[str, Any]], float] | None = None,
    *,
    compare: Any = None,
    height: int = 800,
) -> Explorer:
    """Explore a ledger inside a notebook, or anywhere at the `url` of what is returned.

    ledger, compare: Ledgers, or paths or URIs of ledgers; the second is compared with the first. data: the targets of
    a sample, as `Ledger.replay` takes them: a function of its id, or a mapping. model: the loss of an augmented
    sample. The server binds to this machine, and its address holds a random token.
    """
    studies = [
        Study(one if isinstance(one, Ledger) else Ledger(one), _function(data), model)
        for one in (ledger, compare)
        if one is not None
    ]
    app = application(*studies, token=new_token(), framed=True)
    return Explorer(Server(app, "127.0.0.1", 0).start(), height)


def _function(data: Any) -> Any:
    if data is None or (callable(data) and not isinstance(data, Mapping)):
        return data
    if not isinstance(data, Mapping):
        raise FieldError(f"explore.data: got {type(data).__name__}; pass a function of the sample id, or a mapping")

    def find(sample_id: str) -> Any:
        return data[int(sample_id) if sample_id not in data and sample_id.isdecimal() else sample_id]

    return find
