"""The users of a demonstration: a process of their own that counts every request exactly."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from turnout.errors import TurnoutError

_ENDS_WITHIN_S = 30.0
_LONGEST_LINE_BYTES = 1 << 24


class CrowdError(TurnoutError):
    """The users ended before they were told to."""

    code = "demo.users"


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What the users counted: all requests, streams among them; lost and cut ones."""

    sent: int = 0
    lost: int = 0
    cut: int = 0
    streams: int = 0
    late_ms: float = 0.0
    versions: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Crowd:
    """Starts the users, knows their latest count, and ends them.

    They write a line each second, so they end by themselves soon after whoever reads them died.
    """

    port: int
    rate_rps: float
    log: Path
    environment: Mapping[str, str]
    latest: Count = field(default_factory=Count)
    _child: asyncio.subprocess.Process | None = None
    _reader: asyncio.Task[None] | None = None

    @property
    def has_ended(self) -> bool:
        """Tell whether users that had come have left."""
        return self._reader is not None and self._reader.done()

    async def begin(self) -> None:
        """Let the users arrive."""
        with self.log.open("ab") as errors:
            self._child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "turnout.testing.users", "--every", "1"),
                *("--port", str(self.port), "--rate", str(self.rate_rps)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=self.environment,
                limit=_LONGEST_LINE_BYTES,
                start_new_session=True,
            )
        self._reader = asyncio.create_task(self._read())

    async def end(self) -> Count:
        """Let the users leave when their answers have come; give the last count.

        Raises:
            CrowdError: they had ended before, so nobody knows what was lost.
        """
        if self._child is None or self._reader is None:
            return self.latest
        if self.has_ended:
            raise CrowdError(f"the users ended by themselves; what they wrote is in {self.log}")
        try:
            async with asyncio.timeout(_ENDS_WITHIN_S):
                self._child.send_signal(signal.SIGTERM)
                await self._reader
                await self._child.wait()
        finally:
            self.kill()
        return self.latest

    def kill(self) -> None:
        """End the users at once, whatever they wait for."""
        if self._child is not None and self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._child.kill()

    async def _read(self) -> None:
        if self._child is None or self._child.stdout is None:
            return
        async for line in self._child.stdout:
            self.latest = count_of(json.loads(line))


def count_of(line: Mapping[str, object]) -> Count:
    """Read one line of the users' program: its progress, or its report at the end."""
    counts, kinds, late_ms = line.get("counts"), _tables(line.get("kinds")), line.get("late_ms")
    totals = _numbers(counts)
    return Count(
        sent=totals.get("sent", 0),
        lost=totals.get("lost", 0),
        cut=totals.get("cut", 0),
        streams=_numbers(kinds.get("stream")).get("sent", 0),
        late_ms=float(late_ms) if isinstance(late_ms, int | float) else 0.0,
        versions={
            name: _numbers(of_version).get("sent", 0)
            for name, of_version in _tables(line.get("versions")).items()
        },
        reasons=_numbers(line.get("reasons")),
    )


def _tables(value: object) -> Mapping[str, object]:
    return {str(name): one for name, one in value.items()} if isinstance(value, dict) else {}


def _numbers(value: object) -> Mapping[str, int]:
    return {name: one for name, one in _tables(value).items() if isinstance(one, int)}
