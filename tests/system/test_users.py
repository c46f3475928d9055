"""The users count exactly what a server does to them, and tell when they stood still themselves."""

import asyncio
import json
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from turnout.testing.load import Load, plain_load
from turnout.testing.load_tally import Report
from turnout.testing.model_server import Behaviour, ModelServer
from turnout.testing.users import Users
from turnout.testing.waiting import eventually

pytestmark = pytest.mark.system

HEALTHY = Behaviour(version="v1", token_ms=2.0)


def a_load(port: int, *, share_ratio: float = 0.5) -> Load:
    return replace(
        Load(port=port, rate_rps=300, share_ratio=share_ratio),
        version_header="x-model-version",
        least_events=20,
        within_s=5.0,
    )


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def until(holds: Callable[[], bool]) -> None:
    async def asked() -> bool:
        return holds()

    await eventually(asked)


async def seen_by_users(load: Load, *, requests: int = 100) -> Report:
    async with Users(load) as users:
        await until(lambda: users.tally.counts().sent >= requests)
    return users.report()


@asynccontextmanager
async def program(module: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    command = (sys.executable, "-m", f"turnout.testing.{module}", *arguments)
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


@asynccontextmanager
async def model_server(port: int, *flags: str) -> AsyncIterator[asyncio.subprocess.Process]:
    arguments = ("--port", str(port), "--version", "v1", *flags)
    async with program("model_server", *arguments) as child:
        await eventually(lambda: listens(port))
        yield child


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def test_a_healthy_server_answers_every_request_whole() -> None:
    async with ModelServer(HEALTHY) as server:
        report = await seen_by_users(a_load(server.port))
    counts = report.counts
    assert (counts.lost, counts.cut, counts.open) == (0, 0, 0)
    assert counts.whole == counts.sent >= 100
    assert list(report.versions) == ["v1"]
    assert min(kind.whole for kind in report.kinds.values()) > 20


async def test_a_plain_service_is_asked_with_get_and_streams_too() -> None:
    async with ModelServer(HEALTHY) as server:
        report = await seen_by_users(plain_load(port=server.port, share_ratio=0.3))
    assert report.counts.whole == report.counts.sent
    assert report.kinds["stream"].whole > 0


async def test_requests_go_out_at_the_rate_whatever_the_answers_take() -> None:
    async with ModelServer(replace(HEALTHY, answer_ms=400)) as server:
        began_s = time.monotonic()
        report = await seen_by_users(a_load(server.port, share_ratio=0), requests=240)
        took_s = time.monotonic() - began_s
    assert report.counts.whole == report.counts.sent
    assert 0.8 <= took_s < 3.0


async def test_times_are_those_of_the_answers() -> None:
    async with ModelServer(replace(HEALTHY, answer_ms=50, token_ms=10)) as server:
        report = await seen_by_users(a_load(server.port))
    p50_ms = {latency.measure: latency.p50_ms for latency in report.latencies}
    assert 49 <= p50_ms["answer"] < 150
    assert 9 <= p50_ms["ttft"] < 100
    assert p50_ms["stream"] >= 10 * p50_ms["ttft"]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (replace(HEALTHY, error_ratio=1.0), "status 500"),
        (replace(HEALTHY, hang=True), "no whole answer in 0.3 s"),
    ],
    ids=["errors", "hangs"],
)
async def test_no_request_is_whole_at_a_server_that(fault: Behaviour, reason: str) -> None:
    async with ModelServer(fault) as server:
        report = await seen_by_users(replace(a_load(server.port), within_s=0.3))
    assert report.reasons == {reason: report.counts.sent}
    assert report.counts.lost == report.counts.sent


async def test_errors_are_counted_for_the_version_that_made_them() -> None:
    async with ModelServer(replace(HEALTHY, error_ratio=0.3)) as server:
        report = await seen_by_users(a_load(server.port), requests=200)
    assert report.versions["v1"] == report.counts
    assert 20 < report.counts.lost < 120
    assert report.first_failures[0].version == "v1"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (replace(HEALTHY, cut_after=3), "connection ended: EOF"),
        (replace(HEALTHY, stream_tokens=0), "1 events before [DONE]"),
        (replace(HEALTHY, stream_tokens=10), "11 events before [DONE]"),
    ],
    ids=["break off", "are empty", "are short"],
)
async def test_only_the_streams_are_cut_when_they(fault: Behaviour, reason: str) -> None:
    async with ModelServer(fault) as server:
        report = await seen_by_users(a_load(server.port))
    streams, answers = report.kinds["stream"], report.kinds["answer"]
    assert streams.cut == streams.sent > 0
    assert answers.whole == answers.sent
    assert set(report.reasons) <= {reason, "connection ended: ConnectionResetError"}


async def test_a_stream_that_stands_still_is_cut_not_lost() -> None:
    async with ModelServer(replace(HEALTHY, token_ms=400)) as server:
        report = await seen_by_users(replace(a_load(server.port, share_ratio=1), within_s=0.6))
    assert report.counts.cut == report.counts.sent
    assert set(report.reasons) == {"no whole answer in 0.6 s"}


async def test_every_request_is_lost_where_nobody_listens() -> None:
    report = await seen_by_users(a_load(free_port()))
    assert report.reasons == {"no connection: ConnectionRefusedError": report.counts.sent}
    assert report.counts.lost == report.counts.sent
    assert list(report.versions) == ["unknown"]


async def test_what_a_killed_server_had_under_way_is_lost_or_cut() -> None:
    port = free_port()
    async with model_server(port, "--answer-ms", "100") as server, Users(a_load(port)) as users:
        await until(lambda: users.tally.counts().whole >= 50)
        server.kill()
        await until(lambda: users.tally.counts().lost >= 50)
    report = users.report()
    assert report.counts.cut > 0
    assert report.counts.open == 0
    assert report.first_failures[0].began_at_s < report.last_failures[-1].began_at_s


async def test_after_a_restart_answers_are_whole_again() -> None:
    port = free_port()
    async with Users(a_load(port)) as users:
        async with model_server(port):
            await until(lambda: users.tally.counts().whole >= 50)
        lost = users.tally.counts().lost
        await until(lambda: users.tally.counts().lost >= lost + 50)
        async with model_server(port):
            whole = users.tally.counts().whole
            await until(lambda: users.tally.counts().whole >= whole + 50)
    assert users.report().counts.open == 0


class Impatient(asyncio.Protocol):
    """Answer, and close the connection without a word once it was idle for a moment."""

    connections = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Impatient.connections += 1
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, _data: bytes) -> None:
        self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        asyncio.get_running_loop().call_later(0.005, self.transport.close)


@asynccontextmanager
async def impatient_server() -> AsyncIterator[int]:
    Impatient.connections = 0
    loop = asyncio.get_running_loop()
    async with await loop.create_server(Impatient, "127.0.0.1", 0) as server:
        yield int(server.sockets[0].getsockname()[1])


async def test_a_connection_closed_while_idle_loses_no_request() -> None:
    async with impatient_server() as port:
        report = await seen_by_users(plain_load(port=port, rate_rps=20), requests=30)
    assert report.counts.whole == report.counts.sent >= 30
    assert Impatient.connections >= 25


async def test_connections_are_used_again_unless_told_otherwise() -> None:
    async with ModelServer(HEALTHY) as server:
        load = replace(plain_load(port=server.port, rate_rps=100), keep_alive=False)
        alone = await seen_by_users(load)
        kept = await seen_by_users(replace(load, keep_alive=True))
        assert server.connections >= alone.counts.sent
        assert server.connections < alone.counts.sent + kept.counts.sent / 2


async def test_a_load_that_stood_still_itself_says_for_how_long() -> None:
    async with ModelServer(HEALTHY) as server, Users(a_load(server.port)) as users:
        await until(lambda: users.tally.counts().sent >= 20)
        calm_ms = users.report().late_ms
        until_s = time.monotonic() + 0.3
        while time.monotonic() < until_s:
            pass
        await until(lambda: users.tally.late_ms > 200)
    assert calm_ms < users.report().late_ms < 2000
    assert users.report().counts.whole == users.report().counts.sent


async def test_a_thousand_requests_a_second_are_sent_and_counted() -> None:
    port = free_port()
    load = replace(a_load(port, share_ratio=0.1), rate_rps=1000, within_s=20)
    async with model_server(port, "--token-ms", "5"):
        report = await seen_by_users(load, requests=2000)
    assert report.counts.whole == report.counts.sent >= 2000
    assert report.ended_at_s - report.began_at_s < 8


async def read_line(child: asyncio.subprocess.Process) -> dict[str, object]:
    assert child.stdout is not None
    said = json.loads(await asyncio.wait_for(child.stdout.readline(), 10))
    assert isinstance(said, dict)
    return said


def command_line(port: int, *more: str) -> tuple[str, ...]:
    return ("--port", str(port), "--rate", "100", "--version-header", "X-Model-Version", *more)


async def test_the_program_tells_its_progress_and_reports_at_the_end() -> None:
    async with ModelServer(HEALTHY) as server:
        arguments = command_line(server.port, "--every", "0.2", "--seconds", "0.7")
        async with program("users", *arguments) as users:
            lines = [await read_line(users)]
            while lines[-1]["kind"] != "report":
                lines.append(await read_line(users))
    assert len(lines) >= 3
    assert {line["kind"] for line in lines[:-1]} == {"progress"}
    assert lines[-1]["versions"] == {"v1": lines[-1]["counts"]}


@asynccontextmanager
async def watched_users(port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    async with program("users", *command_line(port, "--every", "0.2")) as users:
        yield users


async def read_report(users: asyncio.subprocess.Process) -> dict[str, object]:
    while (line := await read_line(users))["kind"] != "report":
        pass
    return line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
async def test_the_program_ends_its_requests_and_reports_at_a(number: signal.Signals) -> None:
    behaviour = replace(HEALTHY, token_ms=20)
    async with ModelServer(behaviour) as server, watched_users(server.port) as users:
        await read_line(users)
        users.send_signal(number)
        line = await read_report(users)
        assert await asyncio.wait_for(users.wait(), 10) == 0
    counts = line["counts"]
    assert isinstance(counts, dict)
    assert counts["sent"] == counts["whole"] > 0


async def test_a_second_signal_reports_at_once_what_is_still_open() -> None:
    behaviour = replace(HEALTHY, hang=True)
    async with ModelServer(behaviour) as server, watched_users(server.port) as users:
        for _ in range(2):
            await read_line(users)
            users.terminate()
        line = await read_report(users)
    counts = line["counts"]
    assert isinstance(counts, dict)
    assert counts["open"] == counts["sent"] > 0


async def test_the_program_asks_a_plain_service_without_streams() -> None:
    async with ModelServer(HEALTHY) as server:
        arguments = command_line(server.port, "--plain", "--seconds", "0.3", "--header", "x: y")
        async with program("users", *arguments) as users:
            line = await read_line(users)
    kinds = line["kinds"]
    assert isinstance(kinds, dict)
    assert kinds["stream"]["sent"] == 0
    assert kinds["answer"]["whole"] == kinds["answer"]["sent"] > 0
