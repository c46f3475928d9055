"""A demonstration from its first process to its last."""

import asyncio
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Final

from turnout.entrypoints.demo.abandoned import PREFIX, noted
from turnout.entrypoints.demo.closing import Result, commands_for, next_steps
from turnout.entrypoints.demo.commands import Commands
from turnout.entrypoints.demo.crowd import Crowd
from turnout.entrypoints.demo.options import Options
from turnout.entrypoints.demo.preflight import need_numpy, port_for_users
from turnout.entrypoints.demo.screen import Screen
from turnout.entrypoints.demo.stage import Stage
from turnout.entrypoints.demo.story import Story
from turnout.errors import TurnoutError

_INTERRUPTED: Final = 130
_ENDS_WITHIN_S: Final = 60.0
# An impatient Ctrl-C can hit the command before it has a session of its own.
_TRIES: Final = 2
_FIGURES_EVERY_S: Final = 1.0
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class NotEndedError(TurnoutError):
    """Something of the demonstration may still run."""

    code = "demo.not_ended"


def play(options: Options) -> int:
    """Play the story.

    Returns:
        0 when every version ended as told and nothing was lost, 130 after an interruption, else 1.

    Raises:
        BadInputError: it cannot begin.
    """
    need_numpy()
    port = port_for_users(options.port)
    root = Path(tempfile.mkdtemp(prefix=PREFIX))
    with noted(root, keep=options.keep), Screen(as_json=options.as_json) as screen:
        playing = _Playing(options, Stage(root=root, port=port), screen)
        try:
            return asyncio.run(playing.run())
        finally:
            # What still runs keeps its folder: `turnout down` ends it there.
            if playing.has_ended and not options.keep:
                shutil.rmtree(root, ignore_errors=True)


class _Playing:
    def __init__(self, options: Options, stage: Stage, screen: Screen) -> None:
        self.has_ended = False
        self._options, self._stage, self._screen = options, stage, screen
        self._commands = Commands(stage.root)
        self._crowd = Crowd(
            port=stage.port,
            rate_rps=options.rate_rps,
            log=stage.root / "users.log",
            environment=self._commands.environment,
        )
        self._story = Story(options, stage, self._commands, self._crowd, screen)

    async def run(self) -> int:
        telling = asyncio.create_task(self._tell())
        for number in _SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, telling.cancel)
        figures = asyncio.create_task(self._figures())
        try:
            result = await telling
        except asyncio.CancelledError:
            self._screen.event("interrupted", "Interrupted: ending everything that was started …")
            return _INTERRUPTED
        finally:
            figures.cancel()
            await self._end()
        self._close(result)
        return 0 if result.is_as_told else 1

    async def _tell(self) -> Result:
        releases = await self._story.tell()
        count = await self._crowd.end()
        return Result(count=count, kills=self._story.accident.kills, releases=releases)

    async def _figures(self) -> None:
        while True:
            self._screen.figures(self._crowd.latest, self._story.where)
            await asyncio.sleep(_FIGURES_EVERY_S)

    async def _end(self) -> None:
        self._crowd.kill()
        said: list[str] = []
        code = 0
        for _ in range(_TRIES):
            if self._commands.folder.root.is_dir():
                code = await self._commands.run(
                    "down", "--yes", tell=said.append, limit_s=_ENDS_WITHIN_S
                )
            if code == 0:
                break
        self.has_ended = code == 0
        if not self.has_ended:
            raise NotEndedError(
                f"not everything has ended ({'; '.join(said[-2:])}); its folder "
                f"{self._stage.root} stays: `turnout down` ends the rest"
            )

    def _close(self, result: Result) -> None:
        rows = [*result.rows]
        if self._options.keep:
            commands = commands_for(self._stage.root, result.releases)
            if self._options.as_json:
                folder = str(self._stage.root)
                self._screen.event("kept", f"{folder} stays", folder=folder, commands=commands)
            rows += [("kept", commands[0]), *(("", command) for command in commands[1:])]
        else:
            rows += next_steps()
        self._screen.result(result.line, rows)
