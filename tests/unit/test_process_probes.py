"""One probe of an instance: what passes, and what is said of what does not."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import httpx2
import pytest

from turnout.adapters.process.completion import complete, has_text
from turnout.adapters.process.probe import TCP, find_path, probe
from turnout.testing.model_server import Behaviour, ModelServer

CHAT = '{"messages": [{"role": "user", "content": "hello"}]}'


@contextlib.asynccontextmanager
async def answering(answer: bytes | None) -> AsyncIterator[int]:
    """Listen, and say the same to everybody; None: say nothing and keep the connection."""
    over = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer is None:
            await over.wait()
        else:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        over.set()


def unused() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        return int(port)


CHUNKS = b"4\r\nfine\r\n0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine"
ANSWERS = {
    "well": (OK, ""),
    "without length": (b"HTTP/1.1 200 OK\r\n\r\nfine", ""),
    "in chunks": (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n",
        "",
    ),
    "of the old kind": (b"HTTP/1.0 200 OK\r\n\r\n", ""),
    "shorter than told": (b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nfine", ""),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", "GET /ready was answered with 204"),
    "elsewhere": (b"HTTP/1.1 302 Found\r\n\r\n", "GET /ready was answered with 302"),
    "not yet": (b"HTTP/1.1 503 X\r\n\r\n", "GET /ready was answered with 503"),
    "another language": (b"220 mail\r\n\r\n", "got no HTTP answer (it speaks something else)"),
    "half a head": (b"HTTP/1.1 200 OK\r\n", "got no HTTP answer (it closed the connection)"),
    "a head without end": (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 9_999, "no end of header"),
}


@pytest.mark.parametrize(("answer", "why"), ANSWERS.values(), ids=ANSWERS)
async def test_only_a_whole_answer_with_200_passes(answer: bytes, why: str) -> None:
    async with answering(answer) as port:
        said = await probe(port, "/ready", 2.0)
    assert why in said if why else said == ""


async def test_who_does_not_answer_and_who_does_not_listen_are_told_apart() -> None:
    async with answering(None) as port:
        assert await probe(port, "/ready", 0.05) == "GET /ready was not answered within 0.05 s"
        assert await probe(port, TCP, 2.0) == ""
    port = unused()
    assert await probe(port, "/ready", 2.0) == f"nothing listens on port {port} yet"
    assert await probe(port, TCP, 2.0) == f"nothing listens on port {port} yet"


FOUND = {
    "200 everywhere": (OK, ("/health", "")),
    "404 everywhere": (b"HTTP/1.1 404 X\r\n\r\n", (TCP, "")),
    "401 everywhere": (b"HTTP/1.1 401 X\r\n\r\n", (TCP, "")),
    "no HTTP": (b"220 mail\r\n\r\n", (TCP, "")),
    "still loading": (b"HTTP/1.1 503 X\r\n\r\n", (None, "GET /health was answered with 503")),
    "silence": (None, (None, "GET /health was not answered within 0.1 s")),
}


@pytest.mark.parametrize(("answer", "found"), FOUND.values(), ids=FOUND)
async def test_a_health_path_is_looked_for_until_it_can_be_told(
    answer: bytes | None, found: tuple[str | None, str]
) -> None:
    async with answering(answer) as port:
        assert await find_path(port, 0.1) == found


async def test_before_anybody_listens_there_is_no_path_to_be_found() -> None:
    port = unused()
    assert await find_path(port, 2.0) == (None, f"nothing listens on port {port} yet")


WHOLE = '{"choices": [{"message": {"role": "assistant", "content": %s}}]}'
EVENT = 'data: {"choices": [{"delta": {"content": %s}}]}\n\n'
TEXTS = {
    "whole": (WHOLE % '"hi"', True),
    "whole, empty": (WHOLE % '""', False),
    "whole, null": (WHOLE % "null", False),
    "parts": (WHOLE % '[{"type": "text", "text": "hi"}]', True),
    "thought": ('{"choices": [{"message": {"reasoning_content": "hm", "content": null}}]}', True),
    "tools": ('{"choices": [{"message": {"tool_calls": [{"id": "1"}]}}]}', True),
    "no choice": ('{"choices": []}', False),
    "error": ('{"error": {"message": "no"}}', False),
    "no JSON": ("fine", False),
    "nothing": ("", False),
    "stream": (EVENT % '""' + EVENT % '"hi"' + "data: [DONE]\n\n", True),
    "stream, empty": (EVENT % '""' + "data: [DONE]\n\n", False),
    "stream with comments": (": ping\n\n" + EVENT % '"hi"', True),
    "stream with names": ("event: chunk\n" + EVENT % '"hi"', True),
    "stream, torn": ('data: {"choices": [{"del', False),
}


@pytest.mark.parametrize(("answer", "has"), TEXTS.values(), ids=TEXTS)
def test_an_answer_counts_when_it_says_something(
    answer: str,
    has: bool,  # noqa: FBT001 - a case of the table
) -> None:
    assert has_text(answer) is has


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        (Behaviour(version="v1"), ""),
        (Behaviour(version="v1", answer=""), "was answered without text"),
        (Behaviour(version="v1", error_ratio=1.0), "was answered with 500"),
    ],
    ids=["well", "empty", "error"],
)
async def test_a_completion_is_asked_for_as_users_do(behaviour: Behaviour, why: str) -> None:
    async with (
        ModelServer(behaviour) as server,
        httpx2.AsyncClient(trust_env=False, verify=False) as client,
    ):
        said = await complete(client, server.port, CHAT)
    assert said.endswith(why) if why else said == ""


async def test_a_completion_that_nobody_takes_says_so() -> None:
    async with httpx2.AsyncClient(trust_env=False, verify=False) as client:
        said = await complete(client, unused(), CHAT)
    assert said == "POST /v1/chat/completions got no answer (ConnectError)"
