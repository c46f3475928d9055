"""The accident of the story: the controller is killed while users stream from the candidate."""

import asyncio
import os
import signal
import time
from dataclasses import dataclass
from typing import Final

from turnout.domain import amounts
from turnout.entrypoints.cli.calls import Body
from turnout.entrypoints.cli.starting import start_controller
from turnout.entrypoints.demo.commands import Commands
from turnout.entrypoints.demo.screen import Screen, Value
from turnout.entrypoints.demo.streams import under_way
from turnout.entrypoints.views import seconds_since
from turnout.errors import ControllerUnreachableError

_LOOK_S: Final = 0.05
_WEIGHT: Final = 0.5
_EVIDENCE_S: Final = 3.0
# Whole answers take a quarter of a stream's time: some 3 are under way at once, and 12 streams.
_IN_FLIGHT: Final = 8
_ALONE_S: Final = 2.0  # long enough to be seen, and for every stream of the moment to end
_BACK_WITHIN_S: Final = 30.0


@dataclass(slots=True)
class Accident:
    """Kills the controller once, in the middle of a step, and starts another one."""

    commands: Commands
    screen: Screen
    kills: int = 0

    async def happen(self, release_id: str) -> None:
        """Wait for the moment, kill, and see it carry on; whoever calls bounds the waiting."""
        view = await self._moment(release_id)
        epoch = await self.commands.epoch()
        pid = self.commands.controller()
        at_s = time.time()
        os.kill(pid, signal.SIGKILL)
        self.kills += 1
        self.screen.event(
            "kill",
            f"$ kill -9 {pid}, the controller; the gateway and the users go on without it",
            pid=pid,
            epoch=epoch,
            **_stand(view),
        )
        await asyncio.sleep(_ALONE_S)
        await self._carry_on(release_id, at_s, epoch)

    async def _moment(self, release_id: str) -> Body:
        service = release_id.rpartition("-")[0]
        while True:
            await asyncio.sleep(_LOOK_S)
            view = await self.commands.release(release_id)
            if view is None or view["phase"] != "watching" or view["weight"] != _WEIGHT:
                continue
            if seconds_since(str(view["since"]), time.time()) < _EVIDENCE_S:
                continue
            if (await self.commands.in_flight(service)).get(_set_of(release_id), 0) >= _IN_FLIGHT:
                return view

    async def _carry_on(self, release_id: str, at_s: float, epoch: int) -> None:
        start_controller(self.commands.folder, None)
        view, later = await self._back(release_id, epoch)
        logs = self.commands.folder.gateway / "log"
        seen = await asyncio.to_thread(under_way, logs, _set_of(release_id), at_s)
        self.screen.event(
            "restart",
            f"A new controller carries on at {_step(view)}, in epoch {later} after {epoch}: "
            f"{seen.whole} of the {seen.streams} streams under way at {view['version']} when the "
            "old one died came to their end.",
            epoch=later,
            streams=seen.streams,
            whole=seen.whole,
            **_stand(view),
        )

    async def _back(self, release_id: str, epoch: int) -> tuple[Body, int]:
        try:
            async with asyncio.timeout(_BACK_WITHIN_S):
                while (found := await self._successor(release_id, epoch)) is None:  # noqa: ASYNC110 - a controller that starts tells nobody
                    await asyncio.sleep(_LOOK_S)
                return found
        except TimeoutError as error:
            raise ControllerUnreachableError(
                f"no controller came back within {_BACK_WITHIN_S:g} s; "
                f"its log is {self.commands.folder.log}"
            ) from error

    async def _successor(self, release_id: str, epoch: int) -> tuple[Body, int] | None:
        view = await self.commands.release(release_id)
        later = 0 if view is None else await self.commands.epoch()
        return None if view is None or later <= epoch else (view, later)


def _set_of(release_id: str) -> str:
    # Instances of guard-2 are the set guard-r2.
    return "-r".join(release_id.rsplit("-", 1))


def _step(view: Body) -> str:
    return f"step {view['step']}, {amounts.share(float(str(view['weight'])))}"


def _stand(view: Body) -> dict[str, Value]:
    return {
        "release": str(view["id"]),
        "phase": str(view["phase"]),
        "step": int(str(view["step"])),
        "weight": float(str(view["weight"])),
        "edition": int(str(view["edition"])),
    }
