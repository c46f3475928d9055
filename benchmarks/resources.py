"""Memory and CPU of controller and daemon after ten releases, under 200 requests/s."""

import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from turnout.testing.chaos import Crowd, Layout, Part, Site, site
from turnout.testing.chaos.figures import tell
from turnout.testing.chaos.kills import pids_of
from turnout.testing.gateway_stage import free_port
from turnout.testing.waiting import eventually

RELEASES, MINUTES = (1, 1.0) if "--fast" in sys.argv else (10, 10.0)
RATE_RPS = 200.0
MOST_MIB, MOST_CORE = 100.0, 0.10
SHORT, LONG = ("50% 5s", "100% 1s"), ("50% 1h", "100% 1s")
PARTS = (Part.CONTROLLER, Part.DAEMON)
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Use:
    """What the parts used up to a moment: CPU seconds, and the most memory they ever held."""

    at_s: float
    cpu_s: dict[str, float]
    peak_mib: dict[str, float]


def use_of(where: Site) -> Use:
    pids = {part.value: pids_of(where, part)[0] for part in PARTS}
    return Use(
        time.monotonic(),
        {name: _cpu_s(pid) for name, pid in pids.items()},
        {name: _peak_mib(pid) for name, pid in pids.items()},
    )


def cores_between(before: Use, after: Use) -> dict[str, float]:
    """Give the part of a core that each used between two moments, and their sum."""
    passed_s = after.at_s - before.at_s
    found = {name: (after.cpu_s[name] - before.cpu_s[name]) / passed_s for name in after.cpu_s}
    return {name: round(value, 3) for name, value in {**found, "both": sum(found.values())}.items()}


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _peak_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    found = next(line for line in lines if line.startswith("VmHWM:"))
    return round(int(found.split()[1]) / 1024, 1)


async def loaded(users: Crowd, seconds_s: float) -> None:
    """Wait until the users were answered for so long."""
    await users.whole(1)
    last_s = time.monotonic() + seconds_s

    async def is_over() -> bool:
        return time.monotonic() >= last_s

    await eventually(is_over, within_s=seconds_s + 60.0)


async def measured(where: Site) -> tuple[list[Use], int]:
    await where.settled(await where.ask("v1"))
    log = where.root / "users.log"
    async with Crowd(where.layout.port, log, rate_rps=RATE_RPS) as users:
        uses = [use_of(where)]
        for n in range(RELEASES):
            await where.settled(await where.ask(f"v{n + 2}"))
        uses.append(use_of(where))
        await loaded(users, MINUTES * 30)
        uses.append(use_of(where))
        replace(where.layout, steps=LONG).lay(where.root)
        release_id = await where.ask(f"v{RELEASES + 2}")
        with where.rows() as rows:

            async def is_watched() -> bool:
                row = rows.release(release_id)
                return row is not None and row.phase == "watching"

            await eventually(is_watched, within_s=60.0)
        uses.append(use_of(where))
        await loaded(users, MINUTES * 30)
        uses.append(use_of(where))
        tally = await users.leave()
    return uses, tally.lost + tally.cut


async def main() -> int:
    versions = {f"v{n}": "--answer-ms 20" for n in range(1, RELEASES + 3)}
    layout = Layout(port=free_port(), versions=versions, steps=SHORT)
    with tempfile.TemporaryDirectory(prefix="turnout-") as folder:
        async with site(Path(folder), layout) as where:
            uses, lost = await measured(where)
    began, released, rested, shifted, watched = uses
    cores = {
        "releasing": cores_between(began, released),
        "at rest": cores_between(released, rested),
        "watching": cores_between(shifted, watched),
    }
    peak = watched.peak_mib
    tell("resources", releases=RELEASES, minutes=MINUTES, peak_mib=peak, cores=cores, lost=lost)
    over = max(peak.values()) > MOST_MIB or any(c["both"] > MOST_CORE for c in cores.values())
    return int(over or lost > 0)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
