"""Kills by name, and at chosen instants: no part of the product helps, the rows are watched."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from turnout.children import holders, is_locked, is_zombie, mark_of, marks, session_of
from turnout.testing.chaos.rows import Row
from turnout.testing.chaos.site import Site
from turnout.testing.waiting import eventually

_LOOK_S = 0.001
_DIES_WITHIN_S = 5.0
_ENDS_WITHIN_S = 240.0


class Part(StrEnum):
    """What can be killed."""

    CONTROLLER = "controller"
    DAEMON = "daemon"
    ENVOY = "envoy"


_LOCKS = {
    Part.CONTROLLER: "controller.lock",
    Part.DAEMON: "gateway/lock",
    Part.ENVOY: "gateway/envoy.lock",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One kill: how the release stood, whether a job ran, whether a saved route was not yet told.

    `doubles` are instances that ran twice at that moment.
    """

    phase: str
    revision: int
    in_job: bool
    before_act: bool
    doubles: tuple[str, ...] = ()


def pids_of(site: Site, part: Part) -> list[int]:
    """List the processes of a part."""
    return holders(site.folder / _LOCKS[part])


async def kill(site: Site, *parts: Part) -> None:
    """Kill parts at once, and return when they are dead."""
    pids = [pid for part in parts for pid in pids_of(site, part)]
    await kill_pids(pids)


async def kill_pids(pids: list[int]) -> None:
    """Kill processes, and return when they are dead."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    async def are_dead() -> bool:
        return all(is_zombie(pid) for pid in pids)

    await eventually(are_dead, within_s=_DIES_WITHIN_S)


async def killed_at_each(
    site: Site, release_id: str, again: Callable[[], Awaitable[None]] | None = None
) -> list[Kill]:
    """Kill the controller at the first sight of each phase, revision and job of a release.

    `again` starts the next controller; without it the site does.
    """
    kills: list[Kill] = []
    done: set[tuple[object, ...]] = set()
    with site.rows() as rows:
        async with asyncio.timeout(_ENDS_WITHIN_S):
            while (row := rows.release(release_id)) is None or not row.has_ended:
                point = _point(site, row, done)
                kills += await _killed_at(site, row, point, again or site.start)
                done.add(point or ())
    return kills


async def _killed_at(
    site: Site, row: Row | None, point: object, again: Callable[[], Awaitable[None]]
) -> list[Kill]:
    if point is None or row is None:
        await asyncio.sleep(_LOOK_S)
        return []
    await kill_pids(pids_of(site, Part.CONTROLLER))
    kill = _seen(site, row)
    await again()
    return [kill]


def revision_in_force(site: Site) -> int:
    """Give the revision that the gateway was told last; 0 without a route."""
    state = site.folder / "gateway" / "state" / f"{site.service}.json"
    try:
        fence = json.loads(state.read_text("utf-8"))["fence"]
    except FileNotFoundError:
        return 0
    return int(str(fence).rpartition(".")[2])


def instances_of(site: Site) -> dict[str, list[int]]:
    """Map each instance that runs to the leaders of its sessions: more than one is one too many."""
    found: dict[str, list[int]] = {}
    for pid, mark in marks(mark_of(site.folder, "")).items():
        name = mark.partition("/")[2]
        if name.startswith(f"{site.service}-r") and session_of(pid) == pid:
            found.setdefault(name, []).append(pid)
    return found


def _point(site: Site, row: Row | None, done: set[tuple[object, ...]]) -> tuple[object, ...] | None:
    if row is None or row.has_ended:
        return None
    points: list[tuple[object, ...]] = [("phase", row.phase), ("revision", row.revision)]
    if ("job", row.phase) not in done and _in_job(site):
        points.append(("job", row.phase))
    return next((point for point in points if point not in done), None)


def _in_job(site: Site) -> bool:
    return any(is_locked(lock) for lock in (site.folder / "jobs").glob("*/lock"))


def _seen(site: Site, row: Row) -> Kill:
    running = instances_of(site)
    return Kill(
        phase=row.phase,
        revision=row.revision,
        in_job=_in_job(site),
        before_act=row.revision > revision_in_force(site),
        doubles=tuple(name for name, pids in running.items() if len(pids) > 1),
    )
