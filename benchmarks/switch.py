"""From the commit of a decision to the first answer of the new version, under 1,000 requests/s."""

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from turnout.application.ports import Change
from turnout.bootstrap import Reign, Settings, begin
from turnout.bootstrap_folder import Folder
from turnout.bootstrap_loop import LoopTasks
from turnout.domain.glide import shape
from turnout.domain.moves import Ruling
from turnout.domain.route import WHOLE_BP
from turnout.testing.chaos import Layout, Part, Site, site
from turnout.testing.chaos.figures import spread, tell
from turnout.testing.chaos.judge import Answer, first_of, judged
from turnout.testing.chaos.kills import kill
from turnout.testing.gateway_stage import free_port
from turnout.testing.waiting import eventually

SWITCHES = 20 if "--fast" in sys.argv else 200
RATE_RPS = 1000.0
BETWEEN_S = 0.25
STALL_MS = 5.0
P50_MS, P99_MS = 15.0, 20.0
SATURATED_MS = 100.0
FREE_RATIO = 0.6
QUICK = "--answer-ms 0"


@dataclass(frozen=True, slots=True)
class Switch:
    """One decision: the version it gives everything to, when it was saved and acknowledged."""

    version: str
    saved_s: float
    acked_s: float


class Silent:
    """Hears of rulings and faults; a fault ends the program."""

    def moved(self, ruling: Ruling) -> None:
        """Take note of a saved ruling."""

    def failed(self, release_id: str, error: Exception) -> None:
        """Tell a fault."""
        raise RuntimeError(release_id) from error


def broke(error: Exception) -> None:
    raise error


@contextlib.asynccontextmanager
async def reigned(where: Site) -> AsyncIterator[Reign]:
    """Take over the site in this process, with the engine in our own hands."""
    await kill(where, Part.CONTROLLER)
    tasks = LoopTasks(broke)
    reign = await begin(Settings(folder=Folder(where.folder)), tasks, Silent())
    try:
        yield reign
    finally:
        await tasks.close(0.1)
        await reign.close()


async def at_half(where: Site) -> str:
    """Bring a release to half of the users, and pause it there."""
    await where.settled(await where.ask("v1"))
    release_id = await where.ask("v2")
    with where.rows() as rows:

        async def is_watched() -> bool:
            row = rows.release(release_id)
            return row is not None and row.phase == "watching"

        await eventually(is_watched, within_s=30.0)
        await where.command("pause", release_id, "--yes")
        await eventually(lambda: paused(where, release_id), within_s=10.0)
    return release_id


async def paused(where: Site, release_id: str) -> bool:
    with where.rows() as rows:
        row = rows.release(release_id)
    return row is not None and bool(row.paused)


async def switched(reign: Reign, release_id: str, weight_bp: int) -> Switch:
    """Save a decision as the engine does, and let it act."""
    engine, releases = reign.controller.engine, reign.store.releases
    engine.forget(release_id)
    row = (await releases.load(release_id)).release
    wanted = replace(shape(row, weight_bp=weight_bp), edition=row.edition + 1, wall_s=time.time())
    await releases.save(engine.epoch, Change(release=wanted))
    saved_s = time.time()
    await engine.turn(release_id)
    return Switch("v2" if weight_bp else "v1", saved_s, time.time())


async def measured(where: Site, count: int) -> tuple[list[Switch], list[Answer], float]:
    release_id = await at_half(where)
    switches = []
    async with reigned(where) as reign:
        await switched(reign, release_id, 0)
        busy_s = busy_seconds()
        async with judged(where.layout.port, RATE_RPS, where.root / "judge.log") as watch:
            began_s = time.time()
            for n in range(count):
                await asyncio.sleep(BETWEEN_S)
                switches.append(await switched(reign, release_id, 0 if n % 2 else WHOLE_BP))
            await asyncio.sleep(BETWEEN_S)
            busy = (busy_seconds() - busy_s) / (time.time() - began_s)
        return switches, watch.answers(), busy


def take_precedence() -> bool:
    """Let this program and its children go before others of the machine, where it is allowed."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        return False
    return True


def busy_seconds() -> float:
    """Give what all cores of the machine have worked."""
    fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    idle = int(fields[3]) + int(fields[4])
    return (sum(map(int, fields[:8])) - idle) / 100.0


def first_ms(switches: Sequence[Switch], answers: Sequence[Answer]) -> list[float]:
    found = []
    ends = [*(one.saved_s for one in switches[1:]), float("inf")]
    for switch, end_s in zip(switches, ends, strict=True):
        among = [one for one in answers if switch.saved_s <= one.asked_s < end_s]
        first = first_of(among, switch.version, switch.saved_s)
        if first is not None:
            found.append((first.came_s - switch.saved_s) * 1e3)
    return found


async def main() -> int:
    takes_precedence = take_precedence()
    layout = Layout(
        port=free_port(), versions={"v1": QUICK, "v2": QUICK}, steps=("50% 1h", "100% 1s")
    )
    with tempfile.TemporaryDirectory(prefix="turnout-") as folder:
        async with site(Path(folder), layout) as where:
            switches, answers, cores = await measured(where, SWITCHES)
    took_ms = first_ms(switches, answers)
    acked_ms = [(one.acked_s - one.saved_s) * 1e3 for one in switches]
    lost = sum(not one.is_whole for one in answers)
    late_ms = [one.late_ms for one in answers]
    found = spread(took_ms, 1)
    tell(
        "switch 0 to 100 %, ms from commit to first new answer",
        first=found,
        acked=spread(acked_ms, 1),
        requests=len(answers),
        lost=lost,
        judge_stalls=sum(one > STALL_MS for one in late_ms),
        judge_late_ms=spread(late_ms, 1),
        busy_cores=round(cores, 2),
        real_time=takes_precedence,
    )
    if len(took_ms) < len(switches) or lost:
        return 1
    if not takes_precedence and cores > FREE_RATIO * (os.cpu_count() or 1):
        return int(found["p99"] > SATURATED_MS)
    return int(found["p50"] > P50_MS or found["p99"] > P99_MS)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
