"""A real Envoy under the daemon: listeners, hosts, testers, refusals, endings."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from turnout.adapters.envoy import EnvoySettings, build_router
from turnout.application.ports import CountsInFlight, Router
from turnout.domain.route import Fence, Observed, Repeatable, Route
from turnout.domain.version import Endpoint
from turnout.errors import NotReadyError, RouteRefusedError
from turnout.testing.contracts_router import a_route
from turnout.testing.gateway_stage import (
    GatewayStage,
    a_split,
    answer_of,
    gateway,
    two_versions,
)
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
    async with two_versions() as places:
        yield places


def split(
    places: dict[str, Endpoint],
    weight_bp: int | None = None,
    service: str = "shop",
    **settings: object,
) -> Route:
    route = a_split(places, weight_bp, service)
    return replace(route, settings=replace(route.settings, **settings))  # type: ignore[arg-type]  # by name


def port_of(route: Route) -> int:
    return route.settings.listen.port


async def test_services_with_hosts_share_a_listener(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    shop = split(places, 0, hosts=("shop.test", "localhost"))
    desk = split(places, 10_000, "desk", listen=shop.settings.listen, hosts=("desk.test",))
    await stage.put(shop)
    await stage.put(desk)
    answers = [
        await answer_of(port_of(shop), host=h) for h in ("shop.test", "localhost:80", "desk.test")
    ]
    assert [answer[-2:] for answer in answers] == ["v1", "v1", "v2"]
    assert " 404 " in (await answer_of(port_of(shop), host="other.test"))[:20]


async def test_a_host_that_is_taken_away_is_found_no_longer(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    shop = split(places, hosts=("shop.test", "old.test"))
    await stage.put(shop)
    assert (await answer_of(port_of(shop), host="old.test")).endswith("v1")
    await stage.put(replace(shop, settings=replace(shop.settings, hosts=("shop.test",))))
    assert " 404 " in (await answer_of(port_of(shop), host="old.test"))[:20]
    assert (await answer_of(port_of(shop), host="shop.test")).endswith("v1")


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
    assert (await answer_of(port_of(after))).endswith("v1")

    async def is_closed() -> bool:
        with contextlib.suppress(OSError):
            await answer_of(port_of(before))
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
    assert (await answer_of(port_of(route), x_tester="canary-of-this-test")).endswith("v2")
    assert (await answer_of(port_of(route), x_tester="another")).endswith("v1")
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
        return (await answer_of(port_of(route), x_tester="second")).endswith("v2")

    await eventually(is_known)
    assert (await answer_of(port_of(route), x_tester="first")).endswith("v1")


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
            return (await answer_of(port_of(good))).endswith("v2")
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
    assert (await answer_of(port_of(route))).endswith("v1")


async def test_a_candidate_without_a_health_path_is_checked_by_connecting(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    route = split(places, 10_000)
    seen = {name: replace(o, health_path=None) for name, o in route.observed.items()}
    await stage.put(replace(route, observed=seen))
    assert (await answer_of(port_of(route))).endswith("v2")


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
        assert [(await answer_of(port_of(route)))[-2:] for _ in range(5)] == ["v1"] * 5


async def test_a_sole_version_falls_back_to_nobody(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    route = split(places, 10_000)
    await stage.put(route)
    sole = replace(route, targets=route.targets[:1], fallback=False)
    await stage.put(replace(sole, targets=(replace(sole.targets[0], candidate=False),)))
    assert (await answer_of(port_of(route))).endswith("v2")
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
        assert (await answer_of(port_of(route)))[9:12] == answer


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
    answer = await answer_of(port_of(route))
    assert " 503 " in answer[:20]
    assert "retry-after: 1" in answer


async def test_streams_survive_every_change_of_weights(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    route = split(places, 5000)
    await stage.put(route)
    streams = [asyncio.create_task(answer_of(port_of(route), "/stream")) for _ in range(8)]
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
    streams = [asyncio.create_task(answer_of(port_of(route), "/stream")) for _ in range(4)]

    async def counts(wanted: int) -> bool:
        return await router.in_flight("shop") == {"shop-r2": wanted, "shop-r1": 0}

    await eventually(lambda: counts(4))
    await asyncio.gather(*streams)
    await eventually(lambda: counts(0))
