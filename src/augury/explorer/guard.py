"""Who may ask: the right Host header, and the token of the address where there is one.

A page of another site may point a name of its own at this server (DNS rebinding); its requests carry that name as Host
and are refused. A token is the first part of every path, so that it needs no cookie and works inside a notebook.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
from typing import Any

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors {}"
)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that binds to `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(18)


class Guard:
    """An ASGI app that lets only proper requests through to another.

    host: what the server binds to. token: what every path must start with, or empty. framed: whether other pages, such
    as a notebook, may show the pages in a frame; only with a token.
    """

    def __init__(self, app: Any, *, host: str, token: str = "", framed: bool = False) -> None:
        self.app = app
        self.host = host
        self.token = token
        self.policy = POLICY.format("*" if framed and token else "'none'").encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if not self.knows(host):
            await _refuse(send, 421, f"Host {host[:80]!r} is not this server; open the address that it printed")
            return
        if self.token:
            first, _, rest = scope["path"].lstrip("/").partition("/")
            if not secrets.compare_digest(first.encode(), self.token.encode()):
                await _refuse(send, 403, "the token is missing or wrong; open the address that augury printed")
                return
            scope = {**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}
        origin = headers.get(b"origin", b"").decode("latin-1")
        if scope["method"] not in ("GET", "HEAD") and origin.partition("://")[2] != host:
            await _refuse(send, 403, "this request came from another site")
            return

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *self._headers()]}
            await send(message)

        await self.app(scope, receive, sent)

    def _headers(self) -> list[tuple[bytes, bytes]]:
        return [
            (b"content-security-policy", self.policy),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"cross-origin-resource-policy", b"same-origin"),
        ]

    def knows(self, host: str) -> bool:
        """Whether a Host header names this server."""
        name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
        if name.lower() in _LOOPBACK_NAMES:
            return True
        if is_loopback(self.host):
            return False
        if name.lower() in (self.host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()):
            return True
        try:
            # A rebound name is never an address; the token is still asked for.
            return bool(ipaddress.ip_address(name))
        except ValueError:
            return False


async def _refuse(send: Any, status: int, text: str) -> None:
    head = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": f"augury: {text}\n".encode()})
