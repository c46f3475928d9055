"""A quick stand-in for a model server, whose faults are settings."""

import argparse
import asyncio
import json
import os
import random
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

CHAT_PATH = "/v1/chat/completions"
CRASH_CODE = 139
_STOP_WITHIN_S = 30.0
_REASONS = {200: "OK", 404: "Not Found", 500: "Internal Server Error", 503: "Service Unavailable"}
_DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How the server answers; the defaults are a healthy server.

    Args:
        answer: What the model says to a chat.
        error_ratio: Part of the requests that get status 500.
        crash_after: Answers after which the next request ends the process; -1: never.
        cut_after: Tokens after which each stream breaks off; -1: never.
        hang: `/health` answers, nothing else does.
        unhealthy: `/health` says 503, everything else is well.
        ignore_term: SIGTERM does nothing.
    """

    version: str
    answer: str = "Safety: Safe\nCategories: None"
    answer_ms: float = 2.0
    stream_tokens: int = 20
    token_ms: float = 25.0
    error_ratio: float = 0.0
    crash_after: int = -1
    cut_after: int = -1
    hang: bool = False
    unhealthy: bool = False
    ignore_term: bool = False


@dataclass(frozen=True, slots=True)
class _Request:
    path: str
    body: bytes
    keeps: bool

    def streams(self) -> bool:
        if self.path == "/stream":
            return True
        return self.path == CHAT_PATH and bool(json.loads(self.body).get("stream"))


class ModelServer:
    """Answer `/health`, `/`, `/stream` and chats, whole and streamed.

    With `async with` it serves inside a test, on a free port; `crash_after` then ends the test.
    """

    def __init__(self, behaviour: Behaviour, *, port: int = 0) -> None:
        self.port = port
        self.connections = 0
        self._behaviour = behaviour
        self._draw = random.Random()  # noqa: S311 - it draws errors, nothing is secret
        self._answered = 0
        self._stopping = asyncio.Event()
        self._idle: set[asyncio.StreamWriter] = set()
        self._busy: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        await self.ended()

    async def start(self) -> None:
        """Listen on the port, a free one if it is 0."""
        self._server = await asyncio.start_server(
            self._talk, "127.0.0.1", self.port, backlog=1024, limit=1 << 20
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Take no more requests; those under way are answered."""
        self._stopping.set()
        if self._server:
            self._server.close()
        for writer in self._idle:
            writer.close()

    async def ended(self) -> None:
        """Return when it was stopped and its last request is answered."""
        await self._stopping.wait()
        async with asyncio.timeout(_STOP_WITHIN_S):
            while self._busy:  # noqa: ASYNC110 - a rare wait, once in a server's life
                await asyncio.sleep(0.005)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            keeps = True
            while keeps and not self._stopping.is_set():
                self._idle.add(writer)
                request = await _read(reader)
                self._idle.discard(writer)
                self._busy.add(writer)
                await self._answer(request, writer)
                self._busy.discard(writer)
                keeps = request.keeps
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass  # the client went away, or speaks something else
        finally:
            self._idle.discard(writer)
            self._busy.discard(writer)
            writer.close()

    async def _answer(self, request: _Request, writer: asyncio.StreamWriter) -> None:
        behaviour = self._behaviour
        if request.path == "/health":
            writer.write(self._whole(503 if behaviour.unhealthy else 200, b"health"))
            return
        self._crash_if_due()
        if behaviour.hang:
            await self._stopping.wait()
        elif request.path not in ("/", "/stream", CHAT_PATH):
            writer.write(self._whole(404, b"no such path"))
        elif self._draw.random() < behaviour.error_ratio:
            writer.write(self._whole(500, b"error"))
        elif request.streams():
            await self._stream(request, writer)
        else:
            await asyncio.sleep(behaviour.answer_ms / 1e3)
            writer.write(self._whole(200, self._said(request)))
        self._answered += 1
        await writer.drain()

    def _crash_if_due(self) -> None:
        if 0 <= self._behaviour.crash_after <= self._answered:
            os._exit(CRASH_CODE)

    def _said(self, request: _Request) -> bytes:
        if request.path != CHAT_PATH:
            return self._behaviour.version.encode()
        message = {"role": "assistant", "content": self._behaviour.answer}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return json.dumps({**_frame("chat.completion"), "choices": [choice]}).encode()

    def _whole(self, status: int, body: bytes) -> bytes:
        head = self._head(status, f"content-type: text/plain\r\ncontent-length: {len(body)}")
        return head + body

    def _head(self, status: int, fields: str) -> bytes:
        if self._stopping.is_set():
            fields += "\r\nconnection: close"
        version = f"x-model-version: {self._behaviour.version}"
        return f"HTTP/1.1 {status} {_REASONS[status]}\r\n{version}\r\n{fields}\r\n\r\n".encode()

    async def _stream(self, request: _Request, writer: asyncio.StreamWriter) -> None:
        fields = "content-type: text/event-stream\r\ntransfer-encoding: chunked"
        writer.write(self._head(200, fields))
        async for token in self._tokens():
            if writer.is_closing():
                raise ConnectionResetError
            writer.write(_chunk(_event(token) if request.path == CHAT_PATH else _plain(token)))
        if self._behaviour.cut_after >= 0:
            writer.transport.abort()
            return
        end = _event("", "stop") if request.path == CHAT_PATH else b""
        writer.write(_chunk(end + _DONE) + b"0\r\n\r\n")

    async def _tokens(self) -> AsyncIterator[str]:
        answer, n = self._behaviour.answer, self._behaviour.stream_tokens
        for i in range(n if self._behaviour.cut_after < 0 else self._behaviour.cut_after):
            await asyncio.sleep(self._behaviour.token_ms / 1e3)
            yield answer[i * len(answer) // n : (i + 1) * len(answer) // n]


async def _read(reader: asyncio.StreamReader) -> _Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    first, *lines = head.split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines if ": " in line)
    body = await reader.readexactly(int(fields.get("content-length", "0")))
    return _Request(first.split(" ")[1], body, fields.get("connection") != "close")


def _frame(kind: str) -> dict[str, object]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": "model"}


def _event(token: str, finish: str | None = None) -> bytes:
    delta = {} if finish else {"role": "assistant", "content": token}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    event = json.dumps({**_frame("chat.completion.chunk"), "choices": [choice]})
    return f"data: {event}\n\n".encode()


def _plain(token: str) -> bytes:
    return f"data: {json.dumps(token)}\n\n".encode()


def _chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m turnout.testing.model_server", description=__doc__
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--answer", default="Safety: Safe\nCategories: None")
    parser.add_argument("--answer-ms", type=float, default=2.0)
    parser.add_argument("--stream-tokens", type=int, default=20)
    parser.add_argument("--token-ms", type=float, default=25.0)
    parser.add_argument("--error-ratio", type=float, default=0.0)
    parser.add_argument("--crash-after", type=int, default=-1, metavar="ANSWERS")
    parser.add_argument("--cut-after", type=int, default=-1, metavar="TOKENS")
    parser.add_argument("--hang", action="store_true", help="only /health answers")
    parser.add_argument("--unhealthy", action="store_true", help="only /health fails")
    parser.add_argument("--ignore-term", action="store_true")
    parser.add_argument("--slow-start", type=float, default=0.0, metavar="SECONDS")
    return parser.parse_args()


async def _serve(asked: argparse.Namespace) -> None:
    settings = {k: v for k, v in vars(asked).items() if k not in ("port", "slow_start")}
    behaviour = Behaviour(**settings)
    server = ModelServer(behaviour, port=asked.port)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(
        signal.SIGTERM, server.stop if not behaviour.ignore_term else lambda: None
    )
    await asyncio.sleep(asked.slow_start)
    await server.start()
    await server.ended()


def main() -> None:
    """Serve from the command line until SIGTERM."""
    asyncio.run(_serve(_asked()))


if __name__ == "__main__":
    main()
