"""A folder with a release file, its controller, gateway and instances, driven as people do it."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from turnout.children import census, end_all, holders, is_locked
from turnout.testing.chaos.layout import SERVICE, Layout
from turnout.testing.chaos.rows import Row, Rows
from turnout.testing.gateway_stage import free_port
from turnout.testing.waiting import eventually

_COMES_WITHIN_S = 20.0
_COMMAND_WITHIN_S = 120.0
_BEGINS_WITHIN_S = 60.0
_GRACE_S = 0.5


class CommandFailedError(AssertionError):
    """A command ended with a code that nobody expected."""


@dataclass(slots=True)
class Site:
    """One folder and everything that runs for it."""

    root: Path
    layout: Layout
    _controllers: list["subprocess.Popen[bytes]"] = field(default_factory=list, init=False)

    @property
    def folder(self) -> Path:
        """Name the controller's folder."""
        return self.root / ".turnout"

    @property
    def gateway_socket(self) -> Path:
        """Name the gateway's control socket."""
        return self.folder / "gateway" / "gateway.sock"

    @property
    def service(self) -> str:
        """Name the one service."""
        return SERVICE

    def _spawn(self) -> None:
        """Start a controller and do not wait; it stays until it is ended."""
        command = [sys.executable, "-m", "turnout.entrypoints.cli", "serve"]
        command += ["--folder", str(self.folder)]
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.root / "controllers.out").open("ab") as output:
            child = subprocess.Popen(  # noqa: S603 - this program itself
                command, cwd=self.root, stdout=output, stderr=output, start_new_session=True
            )
        self._controllers = [one for one in self._controllers if one.poll() is None]
        self._controllers.append(child)

    async def start(self) -> None:
        """Start a controller and wait until it answers."""
        self._spawn()
        await eventually(self._answers, within_s=_COMES_WITHIN_S)

    async def _answers(self) -> bool:
        """Tell whether the controller takes commands."""
        for child in self._controllers:
            child.poll()
        return is_locked(self.folder / "controller.lock") and await self._talks()

    async def command(self, *arguments: str, expect: int | None = 0) -> str:
        """Run a command as a person types it; give what it wrote.

        Raises:
            CommandFailedError: it ended with another code than `expect` (None: any).
        """
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "turnout.entrypoints.cli", *arguments),
            cwd=self.root,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(_COMMAND_WITHIN_S):
                told = (await child.communicate())[0].decode(errors="replace")
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
            raise
        if expect is not None and child.returncode != expect:
            raise CommandFailedError(f"turnout {' '.join(arguments)}: {child.returncode}\n{told}")
        return told

    async def ask(self, version: str) -> str:
        """Ask for a release without waiting for its end; give its id once it has begun."""
        with self.rows() as rows:
            number = 1 + len(rows.releases())
        release_id = f"{SERVICE}-{number}"
        await self.command("release", SERVICE, version, "--yes")
        with self.rows() as rows:

            async def has_begun() -> bool:
                return rows.release(release_id) is not None

            await eventually(has_begun, within_s=_BEGINS_WITHIN_S)
        return release_id

    async def settled(self, release_id: str, within_s: float = 120.0) -> Row:
        """Wait until a release has ended, or its version bakes."""
        return await self._until(release_id, within_s, ends=False)

    async def ended(self, release_id: str, within_s: float = 120.0) -> Row:
        """Wait until a release has ended."""
        return await self._until(release_id, within_s, ends=True)

    def rows(self) -> Rows:
        """Open what the store says."""
        return Rows(self.folder / "turnout.db")

    def versions(self) -> dict[str, str]:
        """Map the names of the sets to their versions."""
        with self.rows() as rows:
            found = rows.releases()
        return {f"{SERVICE}-r{row.id.rpartition('-')[2]}": row.version for row in found}

    async def _until(self, release_id: str, within_s: float, *, ends: bool) -> Row:
        with self.rows() as rows:
            last: Row | None = None

            async def has_come() -> bool:
                nonlocal last
                last = rows.release(release_id)
                if last is None:
                    return False
                return last.has_ended if ends else last.is_settled

            try:
                await eventually(has_come, within_s=within_s)
            except TimeoutError as error:
                raise TimeoutError(f"{last}; {rows.decisions(release_id)[-1:]}") from error
            if last is None:
                raise TimeoutError(release_id)
            return last

    async def _talks(self) -> bool:
        try:
            note = json.loads((self.folder / "run" / "controller.json").read_text("utf-8"))
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                probe.settimeout(1.0)
                probe.connect(note["socket"])
        except (OSError, ValueError):
            return False
        return True

    async def end(self) -> list[int]:
        """End everything of the folder; give what nothing could end."""
        if self.folder.is_dir():
            with contextlib.suppress(CommandFailedError, TimeoutError):
                await self.command("down", "--yes", "--drain", "0s", expect=None)
        left = await end_all(self._processes, grace_s=_GRACE_S)
        for child in self._controllers:
            child.wait(_GRACE_S)
        return left

    def _processes(self) -> list[int]:
        """List everything that runs for the folder, this process aside."""
        locks = [self.folder / "controller.lock", self.folder / "gateway" / "lock"]
        locks += [self.folder / "gateway" / "envoy.lock", *self.folder.glob("*/*/lock")]
        found = {pid for lock in locks for pid in holders(lock)}
        found.update(census(self.folder))
        for child in self._controllers:
            child.poll()
        return sorted(found - {os.getpid()})


@contextlib.asynccontextmanager
async def site(root: Path, layout: Layout | None = None) -> AsyncIterator[Site]:
    """Lay a site and start its controller; end all of it, whatever happens."""
    made = Site(root, layout or Layout(port=free_port()))
    made.layout.lay(root)
    try:
        await made.start()
        yield made
    finally:
        left = await made.end()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
