"""A real Envoy under the daemon: listeners, hosts, testers, refusals, endings."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from turnout.adapters.envoy import EnvoySettings, build_observer, build_router
from turnout.application.ports import CountsInFlight, Observer, Router, Watched
from turnout.domain.route import Fence, Observed, Repeatable, Route, RouteSettings
from turnout.domain.version import Endpoint
from turnout.errors import GatewayUnreachableError, NotReadyError, RouteRefusedError
from turnout.statistics.increment import Outcome
from turnout.testing.contracts_router import a_route
from turnout.testing.gateway_stage import GatewayStage, free_port, gateway
from turnout.testing.model_server import Behaviour, ModelServer
from turnout.testing.waiting import eventually
from turnout.wire.unix_http import Call, ask

pytestmark = pytest.mark.system
LOCAL = "127.0.0.1"


class Stage:
    """A gateway and its router; versions are started by the tests."""

    def __init__(self, running: GatewayStage) -> None:
        self.gateway = running
        self.router: Router = build_router(EnvoySettings((running.socket,)))
        self.revision = 0

    async def put(self, route: Route) -> None:
        self.revision += 1
        await self.router.ensure(route, Fence(1, self.revision))


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with gateway(tmp_path / "gateway") as running:
        yield Stage(running)


@pytest.fixture
async def places() -> AsyncIterator[dict[str, Endpoint]]:
    async with (
        ModelServer(Behaviour(version="v1")) as one,
        ModelServer(Behaviour(version="v2")) as two,
    ):
        yield {"r1": Endpoint(LOCAL, one.port), "r2": Endpoint(LOCAL, two.port)}


def split(
    places: dict[str, Endpoint],
    weight_bp: int | None = None,
    service: str = "shop",
    **settings: object,
) -> Route:
    route = a_route(weight_bp, service=service, places=places)
    told = RouteSettings(listen=Endpoint(LOCAL, free_port()))
    return replace(route, settings=replace(told, **settings))  # type: ignore[arg-type]  # by name


async def got(port: int, path: str = "/", host: str = "a", **fields: str) -> str:
    reader, writer = await asyncio.open_connection(LOCAL, port)
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    with contextlib.closing(writer):
        head = f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{extra}\r\n"
        writer.write(head.encode())
        return (await reader.read()).decode()


def port_of(route: Route) -> int:
    return route.settings.listen.port


async def test_services_with_hosts_share_a_listener(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    shop = split(places, 0, hosts=("shop.test", "localhost"))
    desk = split(places, 10_000, "desk", listen=shop.settings.listen, hosts=("desk.test",))
    await stage.put(shop)
    await stage.put(desk)
    answers = [await got(port_of(shop), host=h) for h in ("shop.test", "localhost:80", "desk.test")]
    assert [answer[-2:] for answer in answers] == ["v1", "v1", "v2"]
    assert " 404 " in (await got(port_of(shop), host="other.test"))[:20]


async def test_a_host_that_is_taken_away_is_found_no_longer(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    shop = split(places, hosts=("shop.test", "old.test"))
    await stage.put(shop)
    assert (await got(port_of(shop), host="old.test")).endswith("v1")
    await stage.put(replace(shop, settings=replace(shop.settings, hosts=("shop.test",))))
    assert " 404 " in (await got(port_of(shop), host="old.test"))[:20]
    assert (await got(port_of(shop), host="shop.test")).endswith("v1")


@pytest.mark.parametrize(
    "other",
    [{"hosts": ("shop.test",)}, {"hosts": ()}],
    ids=["the same host", "no host on the same address"],
)
async def test_what_belongs_to_another_service_is_refused(
    stage: Stage, places: dict[str, Endpoint], other: dict[str, object]
) -> None:
    shop = split(places, hosts=("shop.test",))
    await stage.put(shop)
    with pytest.raises(RouteRefusedError, match="shop"):
        await stage.put(split(places, None, "desk", listen=shop.settings.listen, **other))


async def test_a_service_moves_to_another_address(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    before, after = split(places), split(places)
    await stage.put(before)
    await stage.put(after)
    assert (await got(port_of(after))).endswith("v1")

    async def is_closed() -> bool:
        with contextlib.suppress(OSError):
            await got(port_of(before))
            return False
        return True

    await eventually(is_closed)


async def test_a_tester_with_the_secret_meets_the_candidate_at_weight_zero(
    stage: Stage, places: dict[str, Endpoint], tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary-of-this-test\n")
    route = split(places, 0, tester=("x-tester", f"file:{secret}"))
    await stage.put(route)
    assert (await got(port_of(route), x_tester="canary-of-this-test")).endswith("v2")
    assert (await got(port_of(route), x_tester="another")).endswith("v1")
    kept = [p for p in stage.gateway.folder.rglob("*") if p.is_file()]
    assert not [p for p in kept if b"canary-of-this-test" in p.read_bytes()]


async def test_a_secret_that_changes_is_in_force_soon(
    stage: Stage, places: dict[str, Endpoint], tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("first")
    route = split(places, 0, tester=("x-tester", f"file:{secret}"))
    await stage.put(route)
    secret.write_text("second")

    async def is_known() -> bool:
        return (await got(port_of(route), x_tester="second")).endswith("v2")

    await eventually(is_known)
    assert (await got(port_of(route), x_tester="first")).endswith("v1")


async def test_a_secret_that_is_missing_is_refused(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    with pytest.raises(RouteRefusedError, match="TURNOUT_NO_SUCH_SECRET"):
        await stage.put(split(places, 0, tester=("x-tester", "env:TURNOUT_NO_SUCH_SECRET")))


async def test_a_refusal_of_envoy_keeps_the_route_before(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    good = split(places, 1000)
    await stage.put(good)
    bad = replace(good, observed={**good.observed, "shop-r2": named("nonsense")}, sequence=2)
    bad = replace(bad, targets=tuple(replace(t, weight_bp=5000) for t in bad.targets))
    for _ in range(2):
        with pytest.raises(RouteRefusedError, match="nonsense"):
            await stage.router.ensure(bad, Fence(1, 2))
    found = await stage.router.look("shop")
    assert found is not None
    assert (found.fence, found.acked) == (Fence(1, 2), False)
    assert found.weights_bp == {"shop-r2": 1000, "shop-r1": 9000}
    assert "nonsense" in found.refused


@pytest.mark.timeout(40)
async def test_a_refused_route_does_not_come_back_after_a_restart(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    good = split(places, 10_000)
    await stage.put(good)
    bad = replace(good, observed={**good.observed, "shop-r2": named("nonsense")}, sequence=2)
    with pytest.raises(RouteRefusedError):
        await stage.put(bad)
    stage.gateway.kill()
    stage.gateway.kill_envoy()
    await stage.gateway.start()

    async def is_served() -> bool:
        with contextlib.suppress(OSError):
            return (await got(port_of(good))).endswith("v2")
        return False

    await eventually(is_served)
    await stage.put(good)


def named(host: str) -> Observed:
    return Observed(endpoints=(Endpoint(host, 1),))


async def test_a_candidate_that_fails_its_health_check_gets_no_weight(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    route = split(places)
    await stage.put(route)
    async with ModelServer(Behaviour(version="v2", unhealthy=True)) as ill:
        raised = a_route(1000, places={**places, "r2": Endpoint(LOCAL, ill.port)})
        with pytest.raises(NotReadyError):
            await stage.put(replace(raised, settings=route.settings))
    assert (await got(port_of(route))).endswith("v1")


async def test_a_candidate_without_a_health_path_is_checked_by_connecting(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    route = split(places, 10_000)
    seen = {name: replace(o, health_path=None) for name, o in route.observed.items()}
    await stage.put(replace(route, observed=seen))
    assert (await got(port_of(route))).endswith("v2")


async def test_requests_of_a_dead_candidate_are_served_by_stable(stage: Stage) -> None:
    async with (
        ModelServer(Behaviour(version="v1")) as one,
        ModelServer(Behaviour(version="v2")) as two,
    ):
        ports = {"r1": Endpoint(LOCAL, one.port), "r2": Endpoint(LOCAL, two.port)}
        route = split(ports, 10_000)
        await stage.put(route)
        two.stop()
        await two.ended()
        assert [(await got(port_of(route)))[-2:] for _ in range(5)] == ["v1"] * 5


async def test_a_sole_version_falls_back_to_nobody(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    route = split(places, 10_000)
    await stage.put(route)
    sole = replace(route, targets=route.targets[:1], fallback=False)
    await stage.put(replace(sole, targets=(replace(sole.targets[0], candidate=False),)))
    assert (await got(port_of(route))).endswith("v2")
    clusters = await envoys_clusters(stage)
    assert [name for name in clusters if name.startswith("shop")] == ["shop.r2.own"]


async def envoys_clusters(stage: Stage) -> list[str]:
    socket = stage.gateway.folder / "admin.sock"
    answer = await ask(Call(socket=socket, method="GET", target="/clusters?format=json"))
    return sorted(one["name"] for one in json.loads(answer.body)["cluster_statuses"])


@pytest.mark.parametrize(
    ("repeatable", "answer"),
    [(Repeatable.NONE, "503"), (Repeatable.GET, "200"), (Repeatable.ALL, "200")],
)
async def test_a_request_is_sent_again_only_where_that_is_allowed(
    stage: Stage, repeatable: Repeatable, answer: str
) -> None:
    async with ModelServer(Behaviour(version="v1")) as one, dying() as port:
        places = {"r1": Endpoint(LOCAL, one.port), "r2": Endpoint(LOCAL, port)}
        route = split(places, 10_000, repeatable=repeatable)
        seen = {name: replace(o, health_path=None) for name, o in route.observed.items()}
        await stage.put(replace(route, observed=seen))
        assert (await got(port_of(route)))[9:12] == answer


@contextlib.asynccontextmanager
async def dying() -> AsyncIterator[int]:
    """Takes a request and resets its connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(1):
            writer.transport.abort()
        writer.close()

    async with await asyncio.start_server(talk, LOCAL, 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_a_closed_service_says_when_to_come_back(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    route = replace(split(places), targets=())
    await stage.put(route)
    answer = await got(port_of(route))
    assert " 503 " in answer[:20]
    assert "retry-after: 1" in answer


async def test_streams_survive_every_change_of_weights(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    route = split(places, 5000)
    await stage.put(route)
    streams = [asyncio.create_task(got(port_of(route), "/stream")) for _ in range(8)]
    await asyncio.sleep(0.1)
    for weight_bp in (0, 10_000, 2500):
        moved = a_route(weight_bp, places=places)
        await stage.put(replace(moved, settings=route.settings))
    sole = replace(route, targets=(replace(route.targets[1], weight_bp=10_000),), fallback=False)
    await stage.put(sole)
    assert all(body.count("data: ") == 21 for body in await asyncio.gather(*streams))


async def test_streams_are_counted_in_flight_until_they_end(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    route = split(places, 10_000)
    await stage.put(route)
    router = stage.router
    assert isinstance(router, CountsInFlight)
    streams = [asyncio.create_task(got(port_of(route), "/stream")) for _ in range(4)]

    async def counts(wanted: int) -> bool:
        return await router.in_flight("shop") == {"shop-r2": wanted, "shop-r1": 0}

    await eventually(lambda: counts(4))
    await asyncio.gather(*streams)
    await eventually(lambda: counts(0))


async def test_an_address_that_another_gateway_holds_is_refused_with_its_pid(
    stage: Stage, places: dict[str, Endpoint], tmp_path: Path
) -> None:
    route = split(places)
    await stage.put(route)
    async with gateway(tmp_path / "second") as other:
        router = build_router(EnvoySettings((other.socket,)))
        with pytest.raises(RouteRefusedError, match=str(stage.gateway.envoys[0])):
            await router.ensure(route, Fence(1, 1))
        await stage.router.ensure_gone("shop", Fence(1, 9))
        await eventually(lambda: is_taken(router, route))


async def is_taken(router: Router, route: Route) -> bool:
    with contextlib.suppress(RouteRefusedError):
        return (await router.ensure(route, Fence(1, 1))).acked
    return False


async def test_a_second_daemon_leaves_with_75(stage: Stage) -> None:
    second = GatewayStage(stage.gateway.folder)
    second.spawn()

    async def has_left() -> bool:
        return second.exit_code() is not None

    await eventually(has_left)
    assert second.exit_code() == 75


async def test_a_daemon_that_is_asked_to_end_leaves_envoy_to_the_next(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    route = split(places)
    await stage.put(route)
    envoys = stage.gateway.envoys
    stage.gateway.terminate()
    assert stage.gateway.exit_code() == 0
    assert (await got(port_of(route))).endswith("v1")
    await stage.gateway.start()
    assert stage.gateway.envoys == envoys
    found = await stage.router.look("shop")
    assert found is not None
    assert found.acked


async def test_a_stop_lets_streams_end_and_ends_both_processes(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    route = split(places)
    await stage.put(route)
    stream = asyncio.create_task(got(port_of(route), "/stream"))
    await asyncio.sleep(0.1)
    call = Call(
        socket=stage.gateway.socket, method="POST", target="/v1/stop", body=b'{"drain_s": 5}'
    )
    assert (await ask(call)).status == 202
    assert (await stream).count("data: ") == 21

    async def is_over() -> bool:
        return stage.gateway.exit_code() == 0 and not stage.gateway.envoys

    await eventually(is_over)


async def test_an_envoy_that_is_away_takes_what_was_decided_meanwhile(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    route = split(places, 0)
    await stage.put(route)
    raised = replace(a_route(10_000, places=places), settings=route.settings)
    stage.gateway.kill_envoy()
    with contextlib.suppress(GatewayUnreachableError):
        await stage.put(raised)

    async def is_in_force() -> bool:
        found = await stage.router.look("shop")
        return found is not None and found.acked

    await eventually(is_in_force)
    assert (await got(port_of(route))).endswith("v2")


async def test_a_gateway_that_is_away_is_unreachable(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    await stage.put(split(places))
    stage.gateway.kill()
    with pytest.raises(GatewayUnreachableError):
        await stage.router.look("shop")


async def test_failures_of_the_candidate_are_told_at_once(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    async with ModelServer(Behaviour(version="v2", error_ratio=1.0)) as bad:
        route = split({**places, "r2": Endpoint(LOCAL, bad.port)}, 10_000)
        await stage.put(route)
        observer = build_observer(EnvoySettings((stage.gateway.socket,)))
        await observer.ensure({"shop": Watched(floor_ms=2.0, deadline_s=30.0)})
        asking = asyncio.create_task(asked_later(port_of(route)))
        seen = await first_outcomes(observer)
        assert seen == {Outcome.FAILED}
        assert time.time() - await asking < 0.4


async def asked_later(port: int) -> float:
    # Not before whoever follows has begun to.
    await asyncio.sleep(0.3)
    began_s = time.time()
    await got(port)
    return began_s


async def first_outcomes(observer: Observer) -> set[Outcome]:
    async for batch in observer.watch(None):
        if outcomes := {e.outcome for i in batch.increments for e in i.ended}:
            return outcomes
    return set()


async def test_a_request_that_hangs_is_seen_running_and_then_overdue(stage: Stage) -> None:
    async with ModelServer(Behaviour(version="v1", hang=True)) as hung:
        route = split({"r1": Endpoint(LOCAL, hung.port)})
        await stage.put(route)
        observer = build_observer(EnvoySettings((stage.gateway.socket,)))
        await observer.ensure({"shop": Watched(floor_ms=2.0, deadline_s=2.0)})
        asking = asyncio.create_task(got(port_of(route)))
        seen: list[tuple[int, int, int]] = []
        async for batch in observer.watch(None):
            seen += [(i.started, i.running, i.overdue) for i in batch.increments]
            if seen and seen[-1][2]:
                break
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert seen == [(1, 1, 0), (0, 0, 1)]


async def test_a_cursor_that_is_not_kept_is_a_lookup_error(stage: Stage) -> None:
    observer = build_observer(EnvoySettings((stage.gateway.socket,)))
    with pytest.raises(LookupError):
        async for _ in observer.watch("1.1"):
            pass
