"""Daemon and controller killed together, half streams, a log that is rotated: all is counted."""

import asyncio
import contextlib
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from turnout.testing.chaos import Crowd, Layout, Part, Site, site
from turnout.testing.chaos.evidence import all_known, slips
from turnout.testing.chaos.figures import is_full, spread, tell
from turnout.testing.chaos.kills import kill
from turnout.testing.chaos.layout import STEADY
from turnout.testing.gateway_stage import free_port
from turnout.testing.waiting import eventually

pytestmark = [pytest.mark.system, pytest.mark.timeout(3600 if is_full() else 240)]
KILLS = 100 if is_full() else 10
RATE_RPS = 200
DEATHS = 20 if is_full() else 3
VICTIMS = ((Part.DAEMON,), (Part.CONTROLLER,), (Part.DAEMON, Part.CONTROLLER))
SLIP_S = 0.05
ROTATE_BYTES = 100_000


class Storm:
    """Kills one after the other, each when users were answered since the last one."""

    def __init__(self, where: Site, users: Crowd) -> None:
        self.where, self.users = where, users
        self.draw = random.Random(1)  # noqa: S311 - kills that can be repeated
        self.daemons: list[subprocess.Popen[bytes]] = []
        self.kills: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.rotated: set[str] = set()
        self.asked = ""

    async def rage(self) -> None:
        for n in range(KILLS):
            parts = VICTIMS[n % len(VICTIMS)]
            await self.release()
            await self.users.whole(self.draw.randint(20, 400))
            await kill(self.where, *parts)
            self.kills["+".join(parts)] += 1
            if len(parts) > 1:
                self.start_daemon()
            if Part.CONTROLLER in parts:
                await self.where.start()
            logs = (self.where.folder / "gateway" / "log").iterdir()
            self.rotated |= {log.name for log in logs if log.name.count(".") > 1}
        await self.settle()

    async def release(self) -> None:
        with self.where.rows() as rows:
            found = rows.releases()
        if found[-1].is_settled:
            self.asked = await self.where.ask(f"v{len(found) + 1}")

    async def settle(self) -> None:
        await self.where.settled(self.asked)
        with self.where.rows() as rows:
            self.outcomes.update(row.outcome for row in rows.releases()[1:])

    def start_daemon(self) -> None:
        folder = self.where.folder / "gateway"
        command = [sys.executable, "-m", "turnout.gateway", "--folder", str(folder)]
        with (self.where.root / "daemons.out").open("ab") as output:
            self.daemons.append(
                subprocess.Popen(
                    [*command, "--rotate-bytes", str(ROTATE_BYTES)], stdout=output, stderr=output
                )
            )

    def reap(self) -> None:
        for daemon in self.daemons:
            daemon.kill()
            daemon.wait()


async def test_daemon_and_controller_die_and_every_request_is_answered_and_counted(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    versions = {f"v{n}": STEADY for n in range(1, KILLS + 2)}
    async with site(tmp_path / "site", Layout(port=free_port(), versions=versions)) as where:
        await where.settled(await where.ask("v1"))
        async with Crowd(where.layout.port, where.root / "users.log", rate_rps=RATE_RPS) as users:
            storm = Storm(where, users)
            try:
                await storm.rage()
                tally = await users.leave()
                evidence = await all_known(where.gateway_socket, where.service, tally.sent)
                slipped = slips(tally, evidence, where.versions())
            finally:
                storm.reap()
    with capfd.disabled():
        tell(
            "gateway storm",
            kills=storm.kills,
            outcomes=storm.outcomes,
            sent=tally.sent,
            streams=tally.streams,
            lost=tally.lost,
            cut=tally.cut,
            counted=evidence.ended,
            slipped=slipped,
            rotated=len(storm.rotated),
            late_ms=tally.late_ms,
        )
    assert (tally.lost, tally.cut, tally.whole) == (0, 0, tally.sent), tally.reasons
    assert (evidence.started, evidence.ended) == (tally.sent, tally.sent)
    assert slipped <= len(evidence.minutes) * RATE_RPS * SLIP_S
    assert storm.rotated
    assert set(storm.outcomes) == {"promoted"}


async def seconds_until_served(port: int, since_s: float) -> float:
    """Ask until somebody answers with 200; give the time since a moment."""

    async def is_served() -> bool:
        return bool(await versions_of(port, 1))

    await eventually(is_served)
    return time.monotonic() - since_s


async def versions_of(port: int, count: int) -> set[str]:
    found = set()
    for _ in range(count):
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with contextlib.closing(writer):
                writer.write(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
                answer = (await reader.read()).decode()
            if answer.startswith("HTTP/1.1 200"):
                found.add(answer[-2:])
    return found


async def test_with_the_controller_dead_the_gateway_serves_as_last_decided_within_a_second(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    layout = Layout(port=free_port(), steps=("50% 1h", "100% 1s"))
    async with site(tmp_path / "site", layout) as where:
        await where.settled(await where.ask("v1"))
        await halved(where)
        await kill(where, Part.CONTROLLER)
        alone, both = [], []
        for _ in range(DEATHS):
            await kill(where, Part.ENVOY)
            alone.append(await seconds_until_served(layout.port, time.monotonic()))
            assert await versions_of(layout.port, 40) == {"v1", "v2"}
        storm = Storm(where, Crowd(layout.port, where.root / "users.log"))
        try:
            for _ in range(DEATHS):
                await kill(where, Part.DAEMON, Part.ENVOY)
                began_s = time.monotonic()
                storm.start_daemon()
                both.append(await seconds_until_served(layout.port, began_s))
                assert await versions_of(layout.port, 40) == {"v1", "v2"}
        finally:
            storm.reap()
    with capfd.disabled():
        tell("gateway alone, s to the next answer", envoy=spread(alone), both=spread(both))
    assert max(alone) <= 1.0
    assert max(both) <= 1.0


async def halved(where: Site) -> None:
    release_id = await where.ask("v2")
    with where.rows() as rows:

        async def is_watched() -> bool:
            row = rows.release(release_id)
            return row is not None and row.phase == "watching"

        await eventually(is_watched, within_s=30.0)
