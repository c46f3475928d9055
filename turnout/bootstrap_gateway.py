"""Keeps the gateway daemon of a folder running while it is wanted (D-26)."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import turnout
from turnout.bootstrap_folder import Folder
from turnout.children import ChildSpec, is_locked, mark_of, start

_LOOK_EVERY_S = 0.2
_LONGEST_PAUSE_S = 5.0
_LASTS_AFTER_S = 10.0
_COMES_WITHIN_S = 10.0


@dataclass(slots=True)
class GatewayKeeper:
    """Starts the daemon whenever there is none and it is wanted; it outlives this process.

    `told` is called with the pause before each start.
    """

    folder: Folder
    wanted: Callable[[], Awaitable[bool]]
    told: Callable[[float], None]
    pause_s: float = 0.0

    async def keep(self) -> None:
        """Look after the daemon until cancelled."""
        lives_since_s: float | None = None
        while True:
            now_s = asyncio.get_running_loop().time()
            if is_locked(self.folder.gateway / "lock"):
                lives_since_s = lives_since_s or now_s
                if now_s - lives_since_s > _LASTS_AFTER_S:
                    self.pause_s = 0.0
            elif await self.wanted():
                lives_since_s = None
                await self._start()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _start(self) -> None:
        self.told(self.pause_s)
        await asyncio.sleep(self.pause_s)
        self.pause_s = min(_LONGEST_PAUSE_S, self.pause_s * 2 or _LOOK_EVERY_S)
        child = await asyncio.to_thread(start, daemon_spec(self.folder))
        if child is None:
            return
        loop = asyncio.get_running_loop()
        last_s = loop.time() + _COMES_WITHIN_S
        while child.is_alive and loop.time() < last_s:
            if is_locked(self.folder.gateway / "lock"):
                break
            await asyncio.sleep(_LOOK_EVERY_S / 4)
        child.close()


def daemon_spec(folder: Folder) -> ChildSpec:
    """Say how the daemon of a folder is started.

    It resolves references to secrets by itself, so it gets the whole environment.
    """
    gateway = folder.gateway.absolute()
    return ChildSpec(
        argv=(sys.executable, "-m", "turnout.gateway", "--folder", str(gateway)),
        env=dict(os.environ),
        folder=Path(turnout.__file__).parents[1],  # where `-m turnout.gateway` is found
        lock=gateway / "starting.lock",
        log=folder.logs.absolute() / "gateway.log",
        mark=mark_of(folder.root, "gateway"),
    )
