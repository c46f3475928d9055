"""Serving the application on the folder's Unix socket."""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from turnout.entrypoints.api.parts import PEER

_CREDENTIALS = struct.Struct("3i")
_END_WITHIN_S = 2


class PeerProtocol(H11Protocol):
    """Tells the application which user is at the other end, in place of a network address."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn itself does
        """Ask the kernel for the user at the other end."""
        super().connection_made(transport)
        peer = transport.get_extra_info("socket")
        told = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        self.client = (PEER, _CREDENTIALS.unpack(told)[1])


class ApiServer(uvicorn.Server):
    """Serves without touching signals: they are the process's own matter."""

    def __init__(self, app: FastAPI, version: str) -> None:
        super().__init__(
            uvicorn.Config(
                app,
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
