"""Commands of a demonstration, run as a person would type them, and what they told."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from turnout.adapters.envoy import EnvoySettings, build_router
from turnout.application.ports import CountsInFlight
from turnout.bootstrap_folder import Folder
from turnout.entrypoints.cli.calls import Body, Socket
from turnout.errors import TurnoutError, UnavailableError
from turnout.gateway.folder import socket_of

_ENDS_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Commands:
    """Runs the program in one folder."""

    root: Path

    @property
    def folder(self) -> Folder:
        """Give the controller's folder."""
        return Folder(self.root / ".turnout")

    async def run(
        self, *arguments: str, tell: Callable[[str], None] = lambda _: None, limit_s: float = 180.0
    ) -> int:
        """Run one command, tell each line that it writes, and give its exit code."""
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "turnout.entrypoints.cli", *arguments),
            cwd=self.root,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(limit_s):
                await _relay(child, tell)
                return await child.wait()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGKILL)
            raise

    async def get(self, target: str) -> Body:
        """Ask the controller's API."""
        return await asyncio.to_thread(Socket(self.folder.socket).get, target)

    async def release(self, release_id: str) -> Body | None:
        """Give a release as the API shows it; None while nobody answers."""
        try:
            return await self.get(f"/releases/{release_id}")
        except TurnoutError:
            return None

    async def in_flight(self, service: str) -> dict[str, int]:
        """Count what is under way at each set of instances, by the gateway's own word."""
        router = build_router(EnvoySettings(sockets=(socket_of(self.folder.gateway),)))
        if not isinstance(router, CountsInFlight):
            return {}
        try:
            return dict(await router.in_flight(service))
        except UnavailableError:
            return {}

    def controller(self) -> int:
        """Give the pid of the controller that runs, by its own note."""
        note = json.loads((self.folder.run / "controller.json").read_text(encoding="utf-8"))
        return int(note["pid"])

    async def down(self) -> None:
        """End everything of the folder."""
        await self.run("down", "--yes", limit_s=_ENDS_WITHIN_S)


async def _relay(child: asyncio.subprocess.Process, tell: Callable[[str], None]) -> None:
    if child.stdout is None:
        return
    async for line in child.stdout:
        if text := line.decode(errors="replace").rstrip():
            tell(text)
