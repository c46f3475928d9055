"""Users in a process of their own, and what they counted."""

import asyncio
import contextlib
import json
import signal
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from turnout.testing.waiting import eventually

_ENDS_WITHIN_S = 60.0
_ARRIVES_WITHIN_S = 20.0
_LINE_BYTES = 1 << 26


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What the users counted; `minutes` maps (minute, version) to requests that began then.

    `late_ms` is how long the users themselves stood still at most.
    """

    sent: int = 0
    whole: int = 0
    lost: int = 0
    cut: int = 0
    streams: int = 0
    late_ms: float = 0.0
    versions: Mapping[str, int] = field(default_factory=dict)
    minutes: Mapping[tuple[int, str], int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)


class Crowd:
    """Users of a port; with `async with` they ask until its end."""

    def __init__(self, port: int, log: Path, *, rate_rps: float = 200.0, flags: str = "") -> None:
        self.tally = Tally()
        self._log = log
        self._arguments = ["--port", str(port), "--rate", f"{rate_rps:g}", "--every", "0.2"]
        self._arguments += ["--period", "60", *flags.split()]
        self._child: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        with self._log.open("ab") as errors:
            self._child = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "turnout.testing.users", *self._arguments),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                limit=_LINE_BYTES,
                start_new_session=True,
            )
        self._reader = asyncio.create_task(self._read(self._child))
        await eventually(self._has_arrived, within_s=_ARRIVES_WITHIN_S)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self.leave()
        finally:
            if self._child is not None and self._child.returncode is None:
                self._child.kill()
                await self._child.wait()

    @property
    def pid(self) -> int:
        """Give the users' process, 0 before they came."""
        return self._child.pid if self._child else 0

    async def leave(self) -> Tally:
        """Send no more, wait for the answers under way, and give the last count."""
        if self._child is not None and self._reader is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.send_signal(signal.SIGTERM)
            async with asyncio.timeout(_ENDS_WITHIN_S):
                await self._reader
                await self._child.wait()
        return self.tally

    async def whole(self, more: int) -> None:
        """Wait until so many more requests were answered."""
        wanted = self.tally.whole + more

        async def are_answered() -> bool:
            return self.tally.whole >= wanted

        await eventually(are_answered, within_s=_ENDS_WITHIN_S)

    async def _has_arrived(self) -> bool:
        return self.tally.sent > 0

    async def _read(self, child: asyncio.subprocess.Process) -> None:
        if child.stdout is None:
            return
        async for line in child.stdout:
            self.tally = tally_of(json.loads(line))


def tally_of(line: Mapping[str, object]) -> Tally:
    """Read one line of the users' program."""
    counts = cast("dict[str, int]", line["counts"])
    kinds = cast("dict[str, dict[str, int]]", line.get("kinds", {}))
    versions = cast("dict[str, dict[str, int]]", line["versions"])
    minutes: Counter[tuple[int, str]] = Counter()
    for period in cast("list[dict[str, int]]", line.get("periods", [])):
        minutes[period["at_s"] // 60, str(period["version"])] += period["sent"]
    return Tally(
        sent=counts["sent"],
        whole=counts["whole"],
        lost=counts["lost"],
        cut=counts["cut"],
        streams=kinds.get("stream", {}).get("sent", 0),
        late_ms=cast("float", line["late_ms"]),
        versions={name: found["sent"] for name, found in versions.items()},
        minutes=dict(minutes),
        reasons=cast("dict[str, int]", line.get("reasons", {})),
    )
