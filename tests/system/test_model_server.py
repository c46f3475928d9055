"""The stand-in for a model server answers as one does, and fails as it is told to."""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from turnout.testing.load import CHAT_PATH, Load, plain_load, request_bytes
from turnout.testing.load_reply import Reply
from turnout.testing.load_tally import Kind
from turnout.testing.model_server import CRASH_CODE, Behaviour, ModelServer
from turnout.testing.waiting import eventually

pytestmark = pytest.mark.system

QUICK = Behaviour(version="v7", answer_ms=1.0, token_ms=1.0)


async def asked(port: int, request: bytes) -> Reply:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    reply = Reply()
    try:
        writer.write(request)
        async with asyncio.timeout(10):
            while not reply.complete and (received := await reader.read(1 << 16)):
                reply.feed(received)
        reply.end()
    finally:
        writer.close()
    return reply


async def got(port: int, path: str) -> Reply:
    load = replace(plain_load(port=port), path=path)
    return await asked(port, request_bytes(load, Kind.ANSWER, 1, ""))


async def chatted(port: int, kind: Kind) -> Reply:
    return await asked(port, request_bytes(Load(port=port), kind, 1, "hello"))


def events(reply: Reply) -> list[str]:
    return [line.removeprefix("data: ") for line in reply.body.decode().split("\n\n") if line]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@asynccontextmanager
async def program(port: int, *flags: str) -> AsyncIterator[asyncio.subprocess.Process]:
    module = ("-m", "turnout.testing.model_server", "--port", str(port), "--version", "v7")
    child = await asyncio.create_subprocess_exec(sys.executable, *module, *flags)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def is_healthy(port: int) -> bool:
    try:
        return (await got(port, "/health")).status == 200
    except OSError:
        return False


async def until_healthy(port: int) -> None:
    await eventually(lambda: is_healthy(port))


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [("/health", 200, b"health"), ("/", 200, b"v7"), ("/other", 404, b"no such path")],
)
async def test_a_path_is_answered_with(path: str, status: int, body: bytes) -> None:
    async with ModelServer(QUICK) as server:
        reply = await got(server.port, path)
    assert (reply.status, bytes(reply.body)) == (status, body)
    assert reply.headers[b"x-model-version"] == b"v7"


async def test_a_chat_is_answered_whole_in_the_known_form() -> None:
    async with ModelServer(QUICK) as server:
        reply = await chatted(server.port, Kind.ANSWER)
    [choice] = json.loads(reply.body)["choices"]
    assert choice["message"] == {"role": "assistant", "content": QUICK.answer}
    assert choice["finish_reason"] == "stop"


async def test_a_streamed_chat_says_the_same_token_by_token() -> None:
    async with ModelServer(QUICK) as server:
        *chunks, done = events(await chatted(server.port, Kind.STREAM))
    choices = [json.loads(chunk)["choices"][0] for chunk in chunks]
    assert done == "[DONE]"
    assert "".join(choice["delta"].get("content", "") for choice in choices) == QUICK.answer
    assert [choice["finish_reason"] for choice in choices] == [None] * 20 + ["stop"]


async def test_a_plain_stream_has_the_asked_number_of_tokens() -> None:
    async with ModelServer(replace(QUICK, stream_tokens=7)) as server:
        reply = await got(server.port, "/stream")
    assert len(events(reply)) == 8
    assert events(reply)[-1] == "[DONE]"


async def test_a_cut_stream_ends_without_its_last_chunk() -> None:
    async with ModelServer(replace(QUICK, cut_after=3)) as server:
        try:
            complete = (await got(server.port, "/stream")).complete
        except ConnectionResetError:
            complete = False
    assert not complete


async def test_a_sick_server_fails_its_probe_and_answers_all_the_same() -> None:
    async with ModelServer(replace(QUICK, unhealthy=True)) as server:
        assert (await got(server.port, "/health")).status == 503
        assert (await got(server.port, "/")).status == 200


async def test_a_hanging_server_lies_about_its_health() -> None:
    async with ModelServer(replace(QUICK, hang=True)) as server:
        waiting = asyncio.create_task(got(server.port, "/"))
        assert await is_healthy(server.port)
        assert not waiting.done()
    assert (await waiting).status == 0


async def test_a_server_that_is_stopped_ends_what_it_began() -> None:
    server = ModelServer(replace(QUICK, token_ms=10))
    async with server:
        stream = asyncio.create_task(got(server.port, "/stream"))
        await eventually(lambda: asyncio.sleep(0, server.connections == 1))
        server.stop()
    assert events(await stream)[-1] == "[DONE]"


async def test_a_crash_comes_with_the_request_after_the_given_number() -> None:
    port = free_port()
    async with program(port, "--crash-after", "3") as child:
        await until_healthy(port)
        for _ in range(3):
            assert (await got(port, "/")).status == 200
        assert await is_healthy(port)
        assert (await got(port, "/")).status == 0
        assert await asyncio.wait_for(child.wait(), 5) == CRASH_CODE


async def test_a_term_ends_the_program_well() -> None:
    port = free_port()
    async with program(port) as child:
        await until_healthy(port)
        child.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(child.wait(), 5) == 0


async def test_a_program_that_ignores_term_answers_on() -> None:
    port = free_port()
    async with program(port, "--ignore-term") as child:
        await until_healthy(port)
        child.send_signal(signal.SIGTERM)
        for _ in range(10):
            assert await is_healthy(port)
        assert child.returncode is None


async def test_a_slow_start_refuses_connections_at_first() -> None:
    port, loop = free_port(), asyncio.get_running_loop()
    began_s = loop.time()
    async with program(port, "--slow-start", "0.5"):
        await until_healthy(port)
    assert loop.time() - began_s >= 0.5


async def test_the_flags_of_the_program_reach_its_behaviour() -> None:
    port = free_port()
    flags = ("--error-ratio", "1", "--unhealthy", "--answer", "x", "--stream-tokens", "1")
    async with program(port, *flags, "--token-ms", "1", "--answer-ms", "1", "--cut-after", "1"):
        await eventually(lambda: says(port, "/health", 503))
        assert (await chatted(port, Kind.ANSWER)).status == 500


async def says(port: int, path: str, status: int) -> bool:
    try:
        return (await got(port, path)).status == status
    except OSError:
        return False


async def test_a_request_in_pieces_is_read_whole() -> None:
    request = request_bytes(Load(port=1), Kind.ANSWER, 1, "hello " * 1000)
    assert CHAT_PATH.encode() in request
    async with ModelServer(QUICK) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for start in range(0, len(request), 1000):
            writer.write(request[start : start + 1000])
            await writer.drain()
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        writer.close()
    assert head.startswith(b"HTTP/1.1 200 OK")
