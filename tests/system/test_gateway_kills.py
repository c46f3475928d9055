"""Whoever dies at the gateway: nothing is lost that one Envoy can keep, and all is counted."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from turnout.adapters.envoy import EnvoySettings, build_observer, build_router
from turnout.application.ports import Batch, Observer, Router, Watched
from turnout.domain.route import Fence, Route
from turnout.errors import TurnoutError
from turnout.statistics.increment import Outcome
from turnout.testing.gateway_stage import GatewayStage, a_split, answer_of, gateway, two_versions
from turnout.testing.load import plain_load
from turnout.testing.load_tally import Report
from turnout.testing.users import Users
from turnout.testing.waiting import eventually

pytestmark = pytest.mark.system
WATCHED = {"shop": Watched(floor_ms=2.0, deadline_s=30.0)}


class Stage:
    """A gateway with two versions, its router and observer, and users."""

    def __init__(self, gateway: GatewayStage, route: Route) -> None:
        self.gateway, self.route = gateway, route
        self.port = route.settings.listen.port
        settings = EnvoySettings((gateway.socket,))
        self.router: Router = build_router(settings)
        self.observer: Observer = build_observer(settings)
        self.started: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.failed = 0
        self.complete_to = 0
        self.revision = 1
        self.cursor = ""

    async def begin(self) -> None:
        await self.router.ensure(self.route, Fence(1, 1))
        await self.observer.ensure(WATCHED)
        self.cursor = (await self.observer.past("shop", 600))[-1].cursor

    async def follow(self) -> None:
        while True:
            with contextlib.suppress(TurnoutError):
                async for batch in self.observer.watch(self.cursor):
                    self.take(batch)
            await asyncio.sleep(0.05)

    def take(self, batch: Batch) -> None:
        self.cursor = batch.cursor
        self.complete_to = batch.complete_to or self.complete_to
        for increment in batch.increments:
            self.started[increment.intended] += increment.started
            self.ended[increment.intended] += sum(e.n for e in increment.ended)
            self.failed += sum(e.n for e in increment.ended if e.outcome is Outcome.FAILED)

    async def shift(self) -> None:
        while True:
            self.revision += 1
            route = at(self.route, random.randrange(0, 10_001, 100))  # noqa: S311 - any weight
            with contextlib.suppress(TurnoutError):
                await self.router.ensure(route, Fence(1, self.revision))
            await asyncio.sleep(0.05)

    async def counted(self) -> None:
        now_s = time.time()

        async def is_complete() -> bool:
            return self.complete_to > now_s

        await eventually(is_complete)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with two_versions() as places, gateway(tmp_path / "gateway") as running:
        stage = Stage(running, a_split(places, 5000))
        await stage.begin()
        following = asyncio.create_task(stage.follow())
        yield stage
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def loaded(stage: Stage, seconds: float, *, shifting: bool = True) -> Report:
    users = Users(plain_load(port=stage.port, rate_rps=200, share_ratio=0.5))
    shifts = asyncio.create_task(stage.shift()) if shifting else None
    running = asyncio.create_task(users.run())
    await asyncio.sleep(seconds)
    users.stop()
    report = await running
    if shifts is not None:
        shifts.cancel()
        await asyncio.gather(shifts, return_exceptions=True)
    return report


@pytest.mark.timeout(60)
async def test_a_daemon_that_is_killed_ten_times_loses_no_request_and_no_evidence(
    stage: Stage,
) -> None:
    load = asyncio.create_task(loaded(stage, 9.0))
    for _ in range(10):
        await asyncio.sleep(random.uniform(0.2, 0.6))  # noqa: S311 - any moment
        stage.gateway.kill()
        await stage.gateway.start()
    report = await load
    await stage.counted()
    assert report.counts.whole == report.counts.sent
    assert sum(stage.started.values()) == report.counts.sent
    assert sum(stage.ended.values()) == report.counts.sent


@pytest.mark.timeout(60)
async def test_a_log_that_is_rotated_under_way_loses_no_line(stage: Stage) -> None:
    stage.gateway.terminate()
    stage.gateway.rotate_bytes = 20_000
    await stage.gateway.start()
    report = await loaded(stage, 6.0)
    await stage.counted()
    logs = [log.name for log in (stage.gateway.folder / "log").iterdir()]
    assert max(logs) > "000001.000003.tsv"
    assert len(logs) <= 3
    assert sum(stage.ended.values()) == sum(stage.started.values()) == report.counts.sent


@pytest.mark.timeout(60)
async def test_requests_that_die_with_envoy_are_nobodys_fault(stage: Stage) -> None:
    load = asyncio.create_task(loaded(stage, 3.0, shifting=False))
    await asyncio.sleep(2.0)
    stage.gateway.kill_envoy()
    report = await load
    await stage.counted()
    # What was in flight, refusals of a moment, and 50 ms of lines.
    assert report.counts.lost + report.counts.cut < 200
    assert sum(stage.ended.values()) == sum(stage.started.values())
    assert stage.failed == 0


@pytest.mark.timeout(60)
async def test_an_envoy_that_is_killed_serves_again_within_a_second(stage: Stage) -> None:
    for _ in range(3):
        old = stage.gateway.envoys
        began_s = time.monotonic()
        stage.gateway.kill_envoy()
        await answered(stage.port)
        assert time.monotonic() - began_s < 1.0
        assert stage.gateway.envoys != old


@pytest.mark.timeout(60)
async def test_daemon_and_envoy_come_back_as_last_decided_without_a_controller(
    stage: Stage,
) -> None:
    before = await stage.router.ensure(at(stage.route, 10_000), Fence(1, 2))
    for _ in range(3):
        stage.gateway.kill()
        stage.gateway.kill_envoy()
        stage.gateway.spawn()
        assert await answered(stage.port) == "v2"
    found = await stage.router.look("shop")
    assert found is not None
    assert (found.fence, found.weights_bp) == (before.fence, before.weights_bp)


async def answered(port: int) -> str:
    got = ""

    async def is_served() -> bool:
        nonlocal got
        with contextlib.suppress(OSError):
            got = (await answer_of(port))[-2:]
        return got in {"v1", "v2"}

    await eventually(is_served)
    return got


def at(route: Route, weight_bp: int) -> Route:
    weights = {"shop-r1": 10_000 - weight_bp, "shop-r2": weight_bp}
    targets = tuple(replace(t, weight_bp=weights[t.set_name]) for t in route.targets)
    return replace(route, targets=targets)
