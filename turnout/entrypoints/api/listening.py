"""Serving the application on the folder's Unix socket, to the folder's owner alone."""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from turnout.entrypoints.api.problems import PeerRefusedError, problem_of

_CREDENTIALS = struct.Struct("3i")
_PEER = "unix"
_END_WITHIN_S = 2


class PeerProtocol(H11Protocol):
    """Tells the application which user is at the other end, in place of a network address."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn itself does
        """Ask the kernel for the user at the other end."""
        super().connection_made(transport)
        peer = transport.get_extra_info("socket")
        told = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        self.client = (_PEER, _CREDENTIALS.unpack(told)[1])


class OwnerOnly:
    """Refuses everybody but one user."""

    def __init__(self, app: ASGIApp, owner_uid: int) -> None:
        self._app = app
        self._owner_uid = owner_uid

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the owner's requests through."""
        if scope["type"] == "http" and scope["client"] != (_PEER, self._owner_uid):
            error = PeerRefusedError("this controller obeys the owner of its folder alone")
            await problem_of(error, scope["path"])(scope, receive, send)
            return
        await self._app(scope, receive, send)


class ApiServer(uvicorn.Server):
    """Serves without touching signals: they are the process's own matter."""

    def __init__(self, app: FastAPI, owner_uid: int, version: str) -> None:
        super().__init__(
            uvicorn.Config(
                OwnerOnly(app, owner_uid),
                http=PeerProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                headers=[("server", f"turnout/{version}")],
                timeout_graceful_shutdown=_END_WITHIN_S,
            )
        )

    @property
    def connections(self) -> int:
        """Count the open connections."""
        return len(self.server_state.connections)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def bind(path: Path) -> socket.socket:
    """Listen on a socket file for its owner alone; whoever holds the folder's lock may."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.settimeout(0)
    return listener
