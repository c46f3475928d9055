"""HTTP/1.1 on a Unix socket: only this user may call, within limits of time and size."""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import h11
import structlog

from turnout.errors import BadInputError

_MOST_CONNECTIONS = 64
_MOST_BYTES = 1 << 20
_PIECE_BYTES = 1 << 16
_CALL_S = 10.0
_IDLE_S = 60.0
_WRITE_S = 5.0
_CREDENTIALS = struct.Struct("3i")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What it is answered: a whole body, or lines as they come."""

    status: int
    body: bytes = b""
    lines: AsyncGenerator[bytes, None] | None = None


Calls = Callable[[Request], Awaitable[Reply]]


class Server:
    """Answers calls until it is closed; `calls` gives the replies."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._open: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, path: Path) -> None:
        """Listen; whoever calls holds the folder's lock, so an old socket is nobody's."""
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        _bind(listening, path)
        self._server = await asyncio.start_unix_server(self._connected, sock=listening)

    async def close(self) -> None:
        """Listen no more and end what is open."""
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._open) >= _MOST_CONNECTIONS or not _is_allowed(writer):
            writer.close()
            return
        self._open.add(task)
        try:
            await _Connection(reader, writer, self._calls).serve()
        except (OSError, h11.ProtocolError, asyncio.CancelledError):
            pass  # the caller left, was too slow, or speaks something else
        finally:
            self._open.discard(task)
            writer.close()


def _bind(listening: socket.socket, path: Path) -> None:
    path.unlink(missing_ok=True)
    listening.bind(str(path))
    path.chmod(0o600)


def _is_allowed(writer: asyncio.StreamWriter) -> bool:
    peer: socket.socket = writer.get_extra_info("socket")
    told = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(told)
    if uid in {0, os.getuid()}:
        return True
    _log.warning("caller_turned_away", uid=uid)
    return False


class _Connection:
    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, calls: Calls
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._calls = calls
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_PIECE_BYTES)

    async def serve(self) -> None:
        while True:
            async with asyncio.timeout(_IDLE_S):
                head = await self._next()
            if not isinstance(head, h11.Request):
                return
            async with asyncio.timeout(_CALL_S):
                reply = await self._reply(head)
                await self._begin(reply)
            if reply.lines is not None:
                await self._follow(reply.lines)
            await self._send(h11.EndOfMessage())
            if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                return
            self._http.start_next_cycle()

    async def _reply(self, head: h11.Request) -> Reply:
        target = urlsplit(head.target.decode("ascii"))
        try:
            body = await self._body()
        except BadInputError as e:
            return Reply(413, str(e).encode())
        request = Request(
            method=head.method.decode("ascii"),
            path=target.path,
            query=dict(parse_qsl(target.query)),
            body=body,
        )
        try:
            return await self._calls(request)
        except Exception:  # noqa: BLE001 - a border: one call must not end the daemon
            _log.exception("call_broke", path=target.path)
            return Reply(500, b'{"code": "internal", "message": "see the log of the gateway"}')

    async def _body(self) -> bytes:
        content = bytearray()
        while isinstance(event := await self._next(), h11.Data):
            content += event.data
            if len(content) > _MOST_BYTES:
                raise BadInputError(f"a body may have {_MOST_BYTES} bytes")
        return bytes(content)

    async def _next(self) -> h11.Event:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA and event is not h11.PAUSED:
                return event  # type: ignore[return-value]  # the two sentinels are ruled out
            self._http.receive_data(await self._reader.read(_PIECE_BYTES))

    async def _begin(self, reply: Reply) -> None:
        kind = "application/json" if reply.lines is None else "application/x-ndjson"
        headers = [("content-type", kind)]
        if reply.lines is None:
            headers.append(("content-length", str(len(reply.body))))
        response = h11.Response(status_code=reply.status, headers=headers)
        await self._send(response, *([h11.Data(data=reply.body)] if reply.body else []))

    async def _follow(self, lines: AsyncGenerator[bytes, None]) -> None:
        async with contextlib.aclosing(lines):
            async for line in lines:
                await self._send(h11.Data(data=line))

    async def _send(self, *events: h11.Event) -> None:
        for event in events:
            self._writer.write(self._http.send(event) or b"")
        async with asyncio.timeout(_WRITE_S):
            await self._writer.drain()
