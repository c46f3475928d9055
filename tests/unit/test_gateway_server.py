"""The control socket: HTTP within limits, errors told by status and code."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from pathlib import Path

import pytest

from turnout.domain.route import Fence, Route
from turnout.errors import FencedError, NotReadyError, RouteRefusedError, StaleRouteError
from turnout.gateway.inflight import InFlightCounts
from turnout.gateway.server import Reply, Request, Server
from turnout.testing.contracts_router import a_route
from turnout.wire.unix_http import Call, ask, open_lines


async def echo(request: Request) -> Reply:
    if request.path == "/lines":
        return Reply(200, lines=three())
    if request.path == "/break":
        raise ZeroDivisionError
    if request.path == "/hang":
        await asyncio.sleep(60)
    told = [request.method, request.path, dict(request.query), len(request.body)]
    return Reply(200 if request.path != "/no" else 404, json.dumps(told).encode())


async def three() -> AsyncGenerator[bytes, None]:
    for number in range(3):
        yield b"line %d\n" % number


@pytest.fixture
async def socket(tmp_path: Path) -> AsyncIterator[Path]:
    server, path = Server(echo), tmp_path / "g.sock"
    await server.start(path)
    yield path
    await server.close()


async def test_a_call_and_its_answer_arrive_whole(socket: Path) -> None:
    answer = await ask(Call(socket=socket, method="PUT", target="/a?b=c%20d", body=b"x" * 99))
    assert (answer.status, json.loads(answer.body)) == (200, ["PUT", "/a", {"b": "c d"}, 99])


async def test_a_status_is_told_with_its_body(socket: Path) -> None:
    answer = await ask(Call(socket=socket, method="GET", target="/no"))
    assert (answer.status, json.loads(answer.body)[1]) == (404, "/no")


async def test_lines_come_as_they_are_told(socket: Path) -> None:
    call = Call(socket=socket, method="GET", target="/lines")
    async with open_lines(call, idle_s=2) as (status, lines):
        assert status == 200
        assert [line async for line in lines] == [b"line 0", b"line 1", b"line 2"]


async def test_a_call_that_breaks_is_told_and_ends_no_other(socket: Path) -> None:
    assert (await ask(Call(socket=socket, method="GET", target="/break"))).status == 500
    assert (await ask(Call(socket=socket, method="GET", target="/a"))).status == 200


async def test_a_connection_serves_more_than_one_call(socket: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(str(socket))
    for path in (b"/one", b"/two"):
        writer.write(b"GET " + path + b" HTTP/1.1\r\nhost: a\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        assert path in await reader.readexactly(length)
    writer.close()


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
async def test_a_body_that_is_too_long_is_refused(socket: Path, *, declared: bool) -> None:
    reader, writer = await asyncio.open_unix_connection(str(socket))
    size = (1 << 20) + 1
    field = f"content-length: {size}" if declared else "transfer-encoding: chunked"
    writer.write(f"PUT /a HTTP/1.1\r\nhost: a\r\n{field}\r\n\r\n".encode())
    body = b"x" * size
    writer.write(body if declared else b"%x\r\n%s\r\n" % (size, body))
    assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    writer.close()


@pytest.mark.parametrize("said", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b""])
async def test_who_speaks_no_http_is_left(socket: Path, said: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(str(socket))
    writer.write(said)
    writer.write_eof()
    async with asyncio.timeout(2):
        assert b" 200 " not in await reader.read()
    writer.close()


async def test_a_call_ends_after_its_limit(socket: Path) -> None:
    with pytest.raises(TimeoutError):
        await ask(Call(socket=socket, method="GET", target="/hang", limit_s=0.1))


async def test_nobody_at_the_socket_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        await ask(Call(socket=tmp_path / "none.sock", method="GET", target="/"))


async def test_the_socket_belongs_to_its_owner_alone(socket: Path) -> None:
    found = await asyncio.to_thread(socket.stat)
    assert found.st_mode & 0o777 == 0o600


async def test_an_old_socket_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "g.sock"
    path.write_text("left over")
    server = Server(echo)
    await server.start(path)
    assert (await ask(Call(socket=path, method="GET", target="/a"))).status == 200
    await server.close()


class Gauges:
    """Envoy's gauges, played by the test."""

    def __init__(self, **active: int) -> None:
        self.looks = 0
        self.active = active

    async def gauges(self, pattern: str) -> Mapping[str, int]:
        del pattern
        self.looks += 1
        names = {name.replace("_", "."): n for name, n in self.active.items()}
        return {f"cluster.{name}.own.upstream_rq_active": n for name, n in names.items()}


class Routes:
    def route(self, service: str) -> Route | None:
        return a_route(100) if service == "shop" else None


async def test_requests_are_counted_by_set_and_those_that_left_until_they_end() -> None:
    counts = InFlightCounts(Gauges(shop_r2=3, shop_r0=1, shop_r9=0, desk_r1=5), Routes())
    assert await counts.of("shop") == {"shop-r2": 3, "shop-r1": 0, "shop-r0": 1}
    assert await counts.of("desk") == {"desk-r1": 5}
    assert await counts.of("none") == {}


async def test_one_look_at_the_gauges_serves_all_services_for_a_moment() -> None:
    gauges = Gauges(shop_r2=1)
    counts = InFlightCounts(gauges, Routes())
    await asyncio.gather(*(counts.of(name) for name in ("shop", "desk", "shop")))
    assert gauges.looks == 1


def test_every_error_of_a_route_has_a_code_of_its_own() -> None:
    kinds = (FencedError, StaleRouteError, RouteRefusedError, NotReadyError)
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert str(Fence(7, 42)) == "7.42"
