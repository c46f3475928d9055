"""The story: v1.1 is promoted over a killed controller, v1.2 is refused, v1.3 is rolled back."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Final

from turnout.domain import amounts
from turnout.entrypoints.demo.accident import Accident
from turnout.entrypoints.demo.closing import Told
from turnout.entrypoints.demo.commands import Commands
from turnout.entrypoints.demo.crowd import Crowd
from turnout.entrypoints.demo.lines import Line, line_of
from turnout.entrypoints.demo.options import Options
from turnout.entrypoints.demo.screen import Screen
from turnout.entrypoints.demo.stage import Stage
from turnout.errors import TurnoutError

SERVICE: Final = "guard"
FIRST: Final = "v1.0"
# The controller dies during this one: it is the longest, and good.
_KILLED_IN: Final = "v1.1"
_BASELINE_S: Final = 3.0
_WORDS: Final = {"promoted": "promoted", "refused": "refused"}


class StoryError(TurnoutError):
    """The story cannot go on."""

    code = "demo.story"


class Story:
    """Tells it; `where` says what happens now, `accident` what became of the controller."""

    def __init__(
        self, options: Options, stage: Stage, commands: Commands, crowd: Crowd, screen: Screen
    ) -> None:
        self.where = "training"
        self.accident = Accident(commands, screen)
        self._options, self._stage = options, stage
        self._commands, self._crowd, self._screen = commands, crowd, screen

    async def tell(self) -> Sequence[Told]:
        """Tell all of it, and give how each release ended."""
        await self._train()
        first = await self._release(FIRST)
        if first.outcome != "promoted":
            raise StoryError(
                f"{FIRST} did not become stable ({first.because or first.outcome}); "
                "`turnout demo --keep` leaves its logs"
            )
        await self._welcome()
        told = [await self._release(version) for version in self._options.versions]
        if told:
            self.where = "explained"
            await self._command("explain", told[-1].release, tell=self._screen.passage)
        return told

    async def _train(self) -> None:
        stage, port = self._stage, self._stage.port
        self._screen.event(
            "begun",
            f"A gateway on port {port}, a controller, a model: all in {stage.root}",
            folder=str(stage.root),
            port=port,
        )
        began_s = time.monotonic()
        await asyncio.to_thread(stage.lay, fast=self._options.fast)
        versions = (FIRST, *self._options.versions)
        for version in versions:
            flags = tuple(self._options.flags.get(version, ()))
            await stage.train(version, flags, self._commands.environment)
        took_s = time.monotonic() - began_s
        names = f"{', '.join(versions[:-1])} and {versions[-1]}" if versions[1:] else versions[0]
        text = f"Trained {names} in {took_s:.1f} s, signed with a key made just now."
        self._screen.event("trained", text, versions=list(versions), took_s=round(took_s, 3))

    async def _welcome(self) -> None:
        await self._crowd.begin()
        rate_rps = self._options.rate_rps
        text = f"Users arrive: {rate_rps:g} requests a second, half of them read a stream."
        self._screen.event("users", text, port=self._stage.port, rate_rps=rate_rps)
        # The first release under users is compared with what these seconds tell of stable.
        await asyncio.sleep(_BASELINE_S)

    async def _release(self, version: str) -> Told:
        self.where = version
        release_id = f"{SERVICE}-{1 + (FIRST, *self._options.versions).index(version)}"
        words = ("release", SERVICE, version, "--wait", "--yes")
        if version == _KILLED_IN:
            code = await self._over_accident(release_id, self._command(*words))
        else:
            code = await self._command(*words)
        return await self._ended(version, release_id, code)

    async def _over_accident(self, release_id: str, command: Coroutine[object, object, int]) -> int:
        accident = asyncio.create_task(self.accident.happen(release_id))
        following = asyncio.create_task(command)
        try:
            await asyncio.wait({accident, following}, return_when=asyncio.FIRST_COMPLETED)
            # A release that went back before the moment came has no accident.
            if accident.done() or self.accident.kills:
                await accident
            return await following
        finally:
            accident.cancel()
            following.cancel()
            await asyncio.gather(accident, following, return_exceptions=True)

    async def _command(self, *words: str, tell: Callable[[Line], None] | None = None) -> int:
        shown = [word for word in words if word != "--yes"]
        self._screen.event("command", f"turnout {' '.join(shown)}")
        show = tell or self._screen.line
        return await self._commands.run(*words, tell=lambda written: show(line_of(written)))

    async def _ended(self, version: str, release_id: str, code: int) -> Told:
        view = await self._commands.release(release_id) or {}
        because = str(view.get("outcome") or "")
        word = _WORDS.get(because, "rolled_back") if because else "failed"
        exposed = await self._commands.exposed(release_id) if because else 0
        told = Told(
            release=release_id, version=version, outcome=word, because=because, exposed=exposed
        )
        if version != FIRST:
            self._tell_ending(told, code)
        return told

    def _tell_ending(self, told: Told, code: int) -> None:
        count = self._crowd.latest
        word = told.outcome.replace("_", " ")
        self._screen.event(
            "outcome",
            f"{told.version} is {word}: {amounts.count(told.exposed)} of "
            f"{amounts.count(count.sent)} requests met it, {count.lost} lost, {count.cut} cut.",
            release=told.release,
            version=told.version,
            outcome=told.outcome,
            because=told.because,
            exposed=told.exposed,
            exit=code,
        )
