"""HTTP/1.1 over a Unix socket, one call on each connection."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import h11

_PIECE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of an answer."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to whoever listens on a socket; `limit_s` bounds all of it."""

    socket: Path
    method: str
    target: str
    body: bytes = b""
    limit_s: float = 10.0


async def ask(call: Call) -> Answer:
    """Send a request and read the whole answer.

    Raises:
        OSError: Nobody answers (a time-out is one, too).
    """
    async with asyncio.timeout(call.limit_s), _asked(call) as talk:
        pieces = [piece async for piece in talk.pieces()]
        return Answer(talk.status, b"".join(pieces))


@contextlib.asynccontextmanager
async def open_lines(
    call: Call, *, idle_s: float
) -> AsyncIterator[tuple[int, AsyncGenerator[bytes, None]]]:
    """Send a request; give the status and the lines of an answer that stays open.

    Each line has to come within `idle_s`, or TimeoutError (an OSError).
    """
    async with _asked(call) as talk:
        yield talk.status, _lines(talk.pieces(idle_s))


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    rest = b""
    async for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line


class _Talk:
    def __init__(self, reader: asyncio.StreamReader) -> None:
        self.status = 0
        self._reader = reader
        self.http = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)

    async def next(self) -> h11.Event:
        while True:
            try:
                event = self.http.next_event()
            except h11.RemoteProtocolError as e:
                raise ConnectionError(f"the answer is not HTTP: {e}") from e
            if event is not h11.NEED_DATA and event is not h11.PAUSED:
                return event  # type: ignore[return-value]  # the two sentinels are ruled out
            self.http.receive_data(await self._reader.read(_PIECE_BYTES))

    async def pieces(self, idle_s: float | None = None) -> AsyncIterator[bytes]:
        while True:
            async with asyncio.timeout(idle_s):
                event = await self.next()
            match event:
                case h11.Data(data=data):
                    yield bytes(data)
                case h11.EndOfMessage():
                    return
                case _:
                    raise ConnectionError("the answer ended too soon")


@contextlib.asynccontextmanager
async def _asked(call: Call) -> AsyncIterator[_Talk]:
    async with asyncio.timeout(call.limit_s):
        reader, writer = await asyncio.open_unix_connection(str(call.socket))
    try:
        talk = _Talk(reader)
        async with asyncio.timeout(call.limit_s):
            headers = [("host", "localhost"), ("content-length", str(len(call.body)))]
            request = h11.Request(method=call.method, target=call.target, headers=headers)
            writer.write(talk.http.send(request) or b"")
            if call.body:
                writer.write(talk.http.send(h11.Data(data=call.body)) or b"")
            writer.write(talk.http.send(h11.EndOfMessage()) or b"")
            await writer.drain()
            event = await talk.next()
        if not isinstance(event, h11.Response):
            raise ConnectionError("there was no answer")
        talk.status = event.status_code
        yield talk
    finally:
        writer.close()
