"""Commands of a demonstration, run as a person would type them, and what they told."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from turnout.adapters.envoy import EnvoySettings, build_router
from turnout.application.ports import CountsInFlight
from turnout.bootstrap_folder import NAME, Folder
from turnout.children import MARK
from turnout.entrypoints.cli.calls import Body, Socket
from turnout.entrypoints.demo.abandoned import mark
from turnout.errors import TurnoutError, UnavailableError
from turnout.gateway.folder import socket_of
from turnout.wire.calls import Health
from turnout.wire.unix_http import Call, ask


@dataclass(frozen=True, slots=True)
class Commands:
    """Runs the program in one folder."""

    root: Path

    @property
    def folder(self) -> Folder:
        """Give the controller's folder."""
        return Folder(self.root / NAME)

    @property
    def environment(self) -> Mapping[str, str]:
        """Give the environment of everything that is started: this one, with the mark."""
        return {**os.environ, MARK: mark(self.root), "NO_COLOR": "1"}

    async def run(
        self, *arguments: str, tell: Callable[[str], None] = lambda _: None, limit_s: float = 300.0
    ) -> int:
        """Run one command, tell each line that it writes, and give its exit code."""
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "turnout.entrypoints.cli", *arguments, "--lang", "en"),
            cwd=self.root,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(limit_s):
                await _relay(child, tell)
                return await child.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGKILL)

    async def get(self, target: str) -> Body:
        """Ask the controller's API."""
        return await asyncio.to_thread(Socket(self.folder.socket).get, target)

    async def release(self, release_id: str) -> Body | None:
        """Give a release as the API shows it; None while nobody answers."""
        try:
            return await self.get(f"/releases/{release_id}")
        except TurnoutError:
            return None

    async def exposed(self, release_id: str) -> int:
        """Count the requests that were meant for the candidate of a release."""
        items = (await self.get(f"/releases/{release_id}/decisions"))["items"]
        found = [item["exposed"] for item in items] if isinstance(items, list) else []
        return max(found, default=0)

    async def in_flight(self, service: str) -> Mapping[str, int]:
        """Count what is under way at each set of instances, by the gateway's own word."""
        router = build_router(EnvoySettings(sockets=(socket_of(self.folder.gateway),)))
        if not isinstance(router, CountsInFlight):
            return {}
        try:
            return await router.in_flight(service)
        except UnavailableError:
            return {}

    async def epoch(self) -> int:
        """Give the reign that the gateway obeys; 0 while it does not answer."""
        call = Call(socket=socket_of(self.folder.gateway), method="GET", target="/v1/health")
        try:
            return Health.model_validate_json((await ask(call)).body).epoch
        except (OSError, ValueError):
            return 0

    def controller(self) -> int:
        """Give the pid of the controller that runs, by its own note."""
        note = json.loads((self.folder.run / "controller.json").read_text(encoding="utf-8"))
        return int(note["pid"])


async def _relay(child: asyncio.subprocess.Process, tell: Callable[[str], None]) -> None:
    if child.stdout is None:
        return
    async for line in child.stdout:
        if text := line.decode(errors="replace").rstrip():
            tell(text)
