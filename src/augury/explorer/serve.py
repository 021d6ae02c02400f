"""Running the app: in the foreground for the command line, in a thread for notebooks and tests."""

from __future__ import annotations

import socket
import threading
from typing import Any, Self

import uvicorn

from augury.errors import AuguryError, FieldError


class Server:
    """An app that answers at `url`. port 0: any that is free. Raises FieldError if the address cannot be bound."""

    def __init__(self, app: Any, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except (OSError, OverflowError) as error:
            self._socket.close()
            raise FieldError(f"host, port: {host}:{port} cannot be bound ({error}); pass others") from None
        port = self._socket.getsockname()[1]
        shown = socket.gethostname() if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{port}/" + (f"{app.token}/" if app.token else "")
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, lifespan="off", ws="none", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread: threading.Thread | None = None

    def run(self) -> None:
        """Answer until interrupted."""
        self._server.run(sockets=[self._socket])

    def start(self) -> Self:
        """Answer from a thread, which ends with the process or with `close`."""
        ready = threading.Event()
        startup = self._server.startup

        async def noted(sockets: Any = None) -> None:
            await startup(sockets)
            ready.set()

        self._server.startup = noted  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self.run, name="augury-explorer", daemon=True)
        self._thread.start()
        if not ready.wait(20):
            raise AuguryError("explorer: the server did not start")
        return self

    def close(self) -> None:
        """Stop answering."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(10)
        self._socket.close()
