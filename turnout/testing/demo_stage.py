"""A demonstration for a test: started as people start it, read as it goes, ended in any case."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

import turnout

Event: TypeAlias = Mapping[str, object]

_CLI: Final = ("-m", "turnout.entrypoints.cli")
_PLAY: Final = (
    "import json, sys; from turnout.entrypoints.demo import Options, play; "
    "sys.exit(play(Options(**json.loads(sys.argv[1]))))"
)
_LONGEST_LINE_BYTES: Final = 1 << 20
_DOWN_S: Final = 60.0


def outcomes_of(result: Event) -> dict[str, str]:
    """Give how each version ended."""
    return {str(one["version"]): str(one["outcome"]) for one in _releases(result)}


def exposed_of(result: Event) -> dict[str, int]:
    """Give how many requests were meant for each version while it was the candidate."""
    return {str(one["version"]): number(one, "exposed") for one in _releases(result)}


def number(event: Event, name: str) -> int:
    """Give a count of an event."""
    value = event[name]
    if not isinstance(value, int):
        raise TypeError(f"{name} is no count: {value!r}")
    return value


def _releases(result: Event) -> list[Event]:
    found = result["releases"]
    return found if isinstance(found, list) else []


class StoryEndedError(AssertionError):
    """What a test waits for did not come."""


@dataclass(slots=True)
class DemoStage:
    """A demonstration whose temporary folder lies in `place`; `events` grow as they are read."""

    place: Path
    child: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    pipe: asyncio.BaseTransport
    events: list[Event] = field(default_factory=list)

    @property
    def root(self) -> Path:
        """Give the folder of the demonstration, as its first event names it."""
        return Path(str(self.events[0]["folder"]))

    async def until(self, event: str, text: str = "", *, within_s: float = 90.0) -> Event:
        """Read on until an event whose text begins so.

        Raises:
            StoryEndedError: it did not come.
        """
        async with asyncio.timeout(within_s):
            while told := await self.next():
                if told.get("event") == event and str(told["text"]).startswith(text):
                    return told
        raise StoryEndedError(f"no {event} {text}: {self.events[-3:]}")

    async def result(self, *, within_s: float = 150.0) -> Event:
        """Read to the end, and give the last object."""
        async with asyncio.timeout(within_s):
            while await self.next():
                pass
            await self.child.wait()
        return self.events[-1]

    async def next(self) -> Event:
        """Read the next event; an empty one at the end."""
        line = await self.reader.readline()
        if not line:
            return {}
        self.events.append(json.loads(line))
        return self.events[-1]

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it and everything in its group, as a terminal does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, number)

    def hang_up(self) -> None:
        """Read no more, as a program behind a pipe that has seen enough."""
        self.pipe.close()

    async def down(self, folder: Path) -> tuple[int, str]:
        """Run `turnout down` in a folder; give its exit code and what it said."""
        child = await _started(self.place, (*_CLI, "down"), folder, asyncio.subprocess.PIPE)
        async with asyncio.timeout(_DOWN_S):
            said, _ = await child.communicate()
        return child.returncode or 0, said.decode()


@contextlib.asynccontextmanager
async def typed(place: Path, *flags: str) -> AsyncIterator[DemoStage]:
    """Type `turnout demo --json`; the story is read by whoever asked for it."""
    async with _ended(place, (*_CLI, "demo", "--json", *flags)) as stage:
        yield stage


@contextlib.asynccontextmanager
async def played(place: Path, **options: object) -> AsyncIterator[DemoStage]:
    """Play with options that have no flag."""
    asked = json.dumps({"fast": True, "as_json": True, **options})
    async with _ended(place, ("-c", _PLAY, asked)) as stage:
        yield stage


@contextlib.asynccontextmanager
async def _ended(place: Path, arguments: tuple[str, ...]) -> AsyncIterator[DemoStage]:
    reading, writing = os.pipe()
    reader = asyncio.StreamReader(limit=_LONGEST_LINE_BYTES)
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb")
    )
    child = await _started(place, arguments, place, writing)
    os.close(writing)
    stage = DemoStage(place, child, reader, pipe)
    try:
        yield stage
    finally:
        pipe.close()
        stage.send(signal.SIGKILL)
        await child.wait()
        await stage.down(place)


async def _started(
    place: Path, arguments: tuple[str, ...], folder: Path, output: int
) -> asyncio.subprocess.Process:
    source = str(Path(turnout.__file__).parents[1])
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=folder,
        env={**os.environ, "TMPDIR": str(place), "PYTHONPATH": source},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
