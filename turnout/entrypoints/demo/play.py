"""The story: v1.1 is promoted over a killed controller, v1.2 is refused, v1.3 is rolled back."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from turnout.entrypoints.cli.starting import start_controller
from turnout.entrypoints.demo.abandoned import note
from turnout.entrypoints.demo.commands import Commands
from turnout.entrypoints.demo.crowd import Count, Crowd
from turnout.entrypoints.demo.screen import Screen, Value
from turnout.entrypoints.demo.stage import Stage, free_port

SERVICE = "guard"
_LOOK_S = 0.05
_BASELINE_S = 3.0
_WHOLE = 1.0
_WORDS = {"promoted": "promoted", "refused": "refused"}
STORY = {"v1.1": "promoted", "v1.2": "refused", "v1.3": "rolled_back"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a demonstration is played.

    `flags` are given to the training program for a version: tests train another v1.2 or v1.3
    with them. `kills`: whether the controller is killed on the way.
    """

    fast: bool = False
    keep: bool = False
    as_json: bool = False
    port: int | None = None
    rate_rps: float = 200.0
    kills: bool = True
    root: Path | None = None
    flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How one release of the story ended."""

    version: str
    outcome: str
    because: str
    exposed: int


def play(options: Options) -> int:
    """Play the story; 0 when every version ended as told and nothing was lost."""
    root = options.root or Path(tempfile.mkdtemp(prefix="turnout-demo-"))
    entry = note(root)
    try:
        with Screen(as_json=options.as_json) as screen:
            return asyncio.run(_Play(options, root, screen).run())
    finally:
        if not options.keep:
            shutil.rmtree(root, ignore_errors=True)
        entry.unlink(missing_ok=True)


class _Play:
    def __init__(self, options: Options, root: Path, screen: Screen) -> None:
        self.options, self.screen = options, screen
        self.stage = Stage(root=root, port=options.port or free_port())
        self.commands = Commands(root)
        self.crowd = Crowd(self.stage.port, options.rate_rps, root / "users.log")
        self.kills = 0
        self.where = "training"

    async def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM):
            mine = asyncio.current_task()
            if mine is not None:
                asyncio.get_running_loop().add_signal_handler(number, mine.cancel)
        try:
            async with asyncio.TaskGroup() as group:
                figures = group.create_task(self._figures())
                told = await self._story()
                count = await self.crowd.end()
                figures.cancel()
            return self._close(told, count)
        except asyncio.CancelledError:
            self.screen.event("interrupted", "Interrupted: everything that was started is ended.")
            return 130
        finally:
            self.crowd.kill()
            await self.commands.down()

    async def _story(self) -> list[Told]:
        await self._begin()
        trained = asyncio.create_task(self._train_others())
        await self._release("v1.0")
        self.where = "v1.0 is stable"
        await self.crowd.begin()
        self.screen.event(
            "users",
            f"Users arrive on port {self.stage.port}: {self.options.rate_rps:g} requests/s, "
            "half of them read a stream.",
            port=self.stage.port,
        )
        await trained
        await self._see_users()
        told = [await self._release(version) for version in ("v1.1", "v1.2", "v1.3")]
        await self._explain(told[-1])
        return told

    async def _begin(self) -> None:
        await asyncio.to_thread(self.stage.lay, fast=self.options.fast)
        text = await self.stage.train("v1.0", *self.options.flags.get("v1.0", ()))
        self.screen.event("trained", f"{text}; signed with a key made just now", version="v1.0")

    async def _train_others(self) -> None:
        for version in ("v1.1", "v1.2", "v1.3"):
            text = await self.stage.train(version, *self.options.flags.get(version, ()))
            self.screen.event("trained", text, version=version)

    async def _see_users(self) -> None:
        loop = asyncio.get_running_loop()
        since_s = loop.time()
        while loop.time() - since_s < _BASELINE_S or not self.crowd.latest.whole:
            await asyncio.sleep(_LOOK_S)

    async def _release(self, version: str) -> Told:
        self.where = f"releasing {version}"
        self.screen.event("command", f"turnout release {SERVICE} {version} --wait")
        number = int(version.rpartition(".")[2]) + 1
        release_id = f"{SERVICE}-{number}"
        killing = None
        if version == "v1.1" and self.options.kills:
            killing = asyncio.create_task(self._kill_controller(release_id))
        arguments = ("release", SERVICE, version, "--wait", "--yes")
        code = await self.commands.run(*arguments, tell=self._tell)
        if killing is not None:
            await killing
        return await self._outcome(version, release_id, code)

    def _tell(self, text: str) -> None:
        self.screen.event("line", text)

    async def _outcome(self, version: str, release_id: str, code: int) -> Told:
        view = await self.commands.release(release_id) or {}
        outcome = str(view.get("outcome") or "")
        exposed = await self._exposed(release_id)
        word = _WORDS.get(outcome, "rolled_back" if outcome else f"exit {code}")
        text = f"{version} is {word.replace('_', ' ')}; {exposed:,} requests met it."
        self.screen.event(
            "outcome",
            text,
            version=version,
            outcome=word,
            because=outcome,
            exposed=exposed,
            exit=code,
            release=release_id,
        )
        return Told(version=version, outcome=word, because=outcome, exposed=exposed)

    async def _exposed(self, release_id: str) -> int:
        body = await self.commands.get(f"/releases/{release_id}/decisions?limit=1000")
        items = body.get("items")
        found = [item.get("exposed", 0) for item in items] if isinstance(items, list) else []
        return max(found, default=0)

    async def _kill_controller(self, release_id: str) -> None:
        """Kill it while part of the users are at the candidate and streams run there."""
        while True:
            await asyncio.sleep(_LOOK_S)
            view = await self.commands.release(release_id)
            if view is None or not 0.0 < float(str(view.get("weight", 0))) < _WHOLE:
                continue
            name = release_id.replace(f"{SERVICE}-", f"{SERVICE}-r")
            streams = (await self.commands.in_flight(SERVICE)).get(name, 0)
            if streams:
                break
        pid = self.commands.controller()
        os.kill(pid, signal.SIGKILL)
        self.kills += 1
        self.screen.event(
            "kill",
            f"kill -9 {pid}: the controller is dead with {streams} requests in flight at the "
            "candidate; traffic goes on.",
            release=release_id,
            streams=streams,
            weight=str(view["weight"]),
            edition=str(view["edition"]),
        )
        await self._restart(release_id)

    async def _restart(self, release_id: str) -> None:
        await asyncio.sleep(1.0)  # long enough to be seen: traffic goes on without it
        start_controller(self.commands.folder, None)
        while (view := await self.commands.release(release_id)) is None:
            await asyncio.sleep(_LOOK_S)
        self.screen.event(
            "restart",
            f"A controller is back and carries on at {view['phase']}.",
            release=release_id,
            edition=str(view["edition"]),
            phase=str(view["phase"]),
        )

    async def _explain(self, told: Told) -> None:
        release_id = f"{SERVICE}-4"
        self.screen.event("command", f"turnout explain {release_id}")
        await self.commands.run("explain", release_id, tell=self._tell)
        del told

    async def _figures(self) -> None:
        while True:
            self.screen.figures(self.crowd.latest, self.where)
            await asyncio.sleep(1.0)

    def _close(self, told: list[Told], count: Count) -> int:
        releases = [
            {"version": t.version, "outcome": t.outcome, "because": t.because, "exposed": t.exposed}
            for t in told
        ]
        line: dict[str, Value] = {
            "requests": count.sent,
            "lost": count.lost,
            "streams": count.streams,
            "cut": count.cut,
            "controller_kills": self.kills,
            "late_ms": count.late_ms,
            "releases": releases,
        }
        rows = [
            ("requests", f"{count.sent:,}, {count.streams:,} of them streams"),
            ("lost", f"{count.lost}"),
            ("streams cut", f"{count.cut}"),
            ("controller killed", f"{self.kills} time(s)"),
            *((t.version, f"{t.outcome.replace('_', ' ')} ({t.because})") for t in told),
        ]
        if not self.options.as_json:
            rows += self._next_steps()
        self.screen.result(line, rows)
        as_told = all(STORY[t.version] == t.outcome for t in told)
        return 0 if as_told and not count.lost and not count.cut else 1

    def _next_steps(self) -> list[tuple[str, str]]:
        if self.options.keep:
            return [("kept in", f"{self.stage.root}: cd there, turnout release {SERVICE} v1.1")]
        return [
            ("next", "turnout demo --keep    leaves the folder to play with"),
            ("", "turnout init           writes a first file for your own service"),
            ("", "turnout plan …         shows a release before it happens"),
        ]
