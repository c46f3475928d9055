"""The users of a demonstration: a process of their own that counts every request exactly."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_ENDS_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What the users counted: all requests, streams among them; lost and cut ones."""

    sent: int = 0
    whole: int = 0
    lost: int = 0
    cut: int = 0
    streams: int = 0
    late_ms: float = 0.0
    versions: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Crowd:
    """Starts the users, knows their latest count, and ends them."""

    port: int
    rate_rps: float
    log: Path
    latest: Count = field(default_factory=Count)
    _child: asyncio.subprocess.Process | None = None
    _reader: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Let the users arrive."""
        with self.log.open("ab") as errors:
            self._child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "turnout.testing.users",
                *("--port", str(self.port), "--rate", str(self.rate_rps), "--every", "1"),
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                limit=1 << 24,
                start_new_session=True,
            )
        self._reader = asyncio.create_task(self._read())

    async def end(self) -> Count:
        """Let the users leave when their answers have come; give the last count."""
        if self._child is None or self._reader is None:
            return self.latest
        with contextlib.suppress(ProcessLookupError):
            self._child.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_ENDS_WITHIN_S):
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
    """Read one line of the users' program."""
    counts = _numbers(line.get("counts", line))
    kinds = line.get("kinds")
    streams = _numbers(kinds.get("stream")) if isinstance(kinds, dict) else {}
    versions = line.get("versions")
    late_ms = line.get("late_ms")
    return Count(
        sent=counts.get("sent", 0),
        whole=counts.get("whole", 0),
        lost=counts.get("lost", 0),
        cut=counts.get("cut", 0),
        streams=streams.get("sent", 0),
        late_ms=float(late_ms) if isinstance(late_ms, int | float) else 0.0,
        versions={
            str(name): _numbers(value).get("sent", _numbers(value).get("whole", 0))
            for name, value in (versions.items() if isinstance(versions, dict) else ())
        },
        reasons=_numbers(line.get("reasons")),
    )


def _numbers(value: object) -> dict[str, int]:
    if not isinstance(value, dict):
        return {}
    return {str(key): number for key, number in value.items() if isinstance(number, int)}
