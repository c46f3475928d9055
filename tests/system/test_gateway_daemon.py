"""The daemon beside a real Envoy: addresses, adoption, endings, and evidence as it comes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from turnout.adapters.envoy import EnvoySettings, build_observer, build_router
from turnout.application.ports import Observer, Router, Watched
from turnout.children import listener_of
from turnout.domain.route import Fence, Route
from turnout.domain.version import Endpoint
from turnout.errors import GatewayUnreachableError, RouteRefusedError
from turnout.statistics.increment import Outcome
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


def port_of(route: Route) -> int:
    return route.settings.listen.port


async def test_an_address_that_another_gateway_holds_is_refused_with_its_pid(
    stage: Stage, places: dict[str, Endpoint], tmp_path: Path
) -> None:
    route = a_split(places)
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


@pytest.mark.timeout(40)
async def test_an_address_that_a_stranger_took_meanwhile_comes_back_when_it_is_free(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    route = a_split(places)
    await stage.put(route)
    stage.gateway.kill()
    stage.gateway.kill_envoy()
    await eventually(lambda: is_free(port_of(route)))
    async with await asyncio.start_server(lambda *_: None, LOCAL, port_of(route)):
        await stage.gateway.start()
        found = await stage.router.look("shop")
        assert found is not None
        assert not found.acked
    await eventually(lambda: is_taken(stage.router, route))
    assert (await answer_of(port_of(route))).endswith("v1")


async def is_free(port: int) -> bool:
    # A process that was killed may let go of its lock before it lets go of its port.
    return not listener_of(port)


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
    route = a_split(places)
    await stage.put(route)
    envoys = stage.gateway.envoys
    stage.gateway.terminate()
    assert stage.gateway.exit_code() == 0
    assert (await answer_of(port_of(route))).endswith("v1")
    await stage.gateway.start()
    assert stage.gateway.envoys == envoys
    found = await stage.router.look("shop")
    assert found is not None
    assert found.acked


async def test_a_stop_lets_streams_end_and_ends_both_processes(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    route = a_split(places)
    await stage.put(route)
    stream = asyncio.create_task(answer_of(port_of(route), "/stream"))
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
    route = a_split(places, 0)
    await stage.put(route)
    raised = replace(a_route(10_000, places=places), settings=route.settings)
    stage.gateway.kill_envoy()
    with contextlib.suppress(GatewayUnreachableError):
        await stage.put(raised)

    async def is_in_force() -> bool:
        found = await stage.router.look("shop")
        return found is not None and found.acked

    await eventually(is_in_force)
    assert (await answer_of(port_of(route))).endswith("v2")


async def test_a_gateway_that_is_away_is_unreachable(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    await stage.put(a_split(places))
    stage.gateway.kill()
    with pytest.raises(GatewayUnreachableError):
        await stage.router.look("shop")


async def test_failures_of_the_candidate_are_told_at_once(
    stage: Stage, places: dict[str, Endpoint]
) -> None:
    async with ModelServer(Behaviour(version="v2", error_ratio=1.0)) as bad:
        route = a_split({**places, "r2": Endpoint(LOCAL, bad.port)}, 10_000)
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
    await answer_of(port)
    return began_s


async def first_outcomes(observer: Observer) -> set[Outcome]:
    async for batch in observer.watch(None):
        if outcomes := {e.outcome for i in batch.increments for e in i.ended}:
            return outcomes
    return set()


async def test_a_request_that_hangs_is_seen_running_and_then_overdue(stage: Stage) -> None:
    async with ModelServer(Behaviour(version="v1", hang=True)) as hung:
        route = a_split({"r1": Endpoint(LOCAL, hung.port)})
        await stage.put(route)
        observer = build_observer(EnvoySettings((stage.gateway.socket,)))
        await observer.ensure({"shop": Watched(floor_ms=2.0, deadline_s=2.0)})
        asking = asyncio.create_task(answer_of(port_of(route)))
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
