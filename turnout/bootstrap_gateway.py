"""Keeps the gateway daemon of a folder running (D-26)."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import turnout
from turnout.bootstrap_folder import Folder
from turnout.children import ChildSpec, is_locked, mark_of, start
from turnout.gateway.folder import socket_of
from turnout.wire.unix_http import Call, ask

_LOOK_EVERY_S = 0.1
_LONGEST_PAUSE_S = 5.0
_LASTS_AFTER_S = 10.0
_COMES_WITHIN_S = 10.0
_ANSWER_WITHIN_S = 2.0
_OK = 200


@dataclass(slots=True)
class GatewayKeeper:
    """Starts the daemon whenever there is none; it outlives this process.

    `told` is called with the pause before each start, `came` whenever a daemon began to serve.
    """

    folder: Folder
    told: Callable[[float], None]
    came: Callable[[], Awaitable[None]]
    pause_s: float = 0.0

    async def keep(self) -> None:
        """Look after the daemon until cancelled."""
        loop = asyncio.get_running_loop()
        since_s: float | None = None
        while True:
            if not is_locked(self.folder.gateway / "lock"):
                since_s = None
                await self._start()
            elif since_s is None and await self._answers():
                since_s = loop.time()
                await self.came()
            elif since_s is not None and loop.time() - since_s > _LASTS_AFTER_S:
                self.pause_s = 0.0
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _answers(self) -> bool:
        call = Call(
            socket=socket_of(self.folder.gateway),
            method="GET",
            target="/v1/health",
            limit_s=_ANSWER_WITHIN_S,
        )
        try:
            return (await ask(call)).status == _OK
        except OSError:
            return False

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
            await asyncio.sleep(_LOOK_EVERY_S)
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
