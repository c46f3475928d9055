"""Evidence: the access log is read as it grows, counted, kept, and told to whoever follows."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from typing import Protocol

import structlog
from pydantic import ValidationError

from turnout.domain.route import Route
from turnout.errors import GatewayUnreachableError, StoreError
from turnout.gateway.accesslog import AccessLog, Position
from turnout.gateway.counting import Counting, Frozen
from turnout.gateway.folder import Folder, write_whole
from turnout.gateway.lines import parse
from turnout.gateway.marks import mark_of, read_back
from turnout.gateway.records import Place, Record, Records
from turnout.statistics.increment import Increment
from turnout.wire.calls import PutWatched
from turnout.wire.evidence import Written, written_increment

ROTATE_BYTES = 64 << 20
_LOOK_S = 0.05
_READ_BYTES = 1 << 20
_FOLLOW_S = 5.0
_RETRY_S = 1.0
# The first line of a request came at most 1.23 s after its start, measured on a busy machine.
_KNOWN_AFTER_S = 1.4
# So the heartbeat of second k tells that k - 2 is complete.
_HEARTBEAT_AT_S = 0.41
_MILLION = 1_000_000
_log = structlog.get_logger()


class Writes(Protocol):
    """Envoy as far as its log is concerned."""

    @property
    def series(self) -> int:
        """Number its present start."""
        ...

    async def admin(self, target: str, method: str = "GET") -> str:
        """Ask its admin socket."""
        ...


class HasRoutes(Protocol):
    """Whoever knows which set is the candidate."""

    def route(self, service: str) -> Route | None:
        """Give the route that Envoy has to hold."""
        ...


class Evidence:
    """Counts what Envoy logs.

    Args:
        folder: Where log and records lie.
        proxy: Who writes the log.
        services: Who knows the candidates.
        rotate_bytes: Size at which the log is rotated.
    """

    def __init__(
        self, folder: Folder, proxy: Writes, services: HasRoutes, rotate_bytes: int = ROTATE_BYTES
    ) -> None:
        self.misrouted = 0
        self.newest_line_s: float | None = None
        self._proxy = proxy
        self._services = services
        self._rotate_bytes = rotate_bytes
        self._watched_file = folder.root / "watched.json"
        self._log = AccessLog(folder.logs)
        self._records = Records(folder.evidence)
        self._counting = Counting(self._is_candidate)
        self._at = Position(0, 0, 0)
        self._is_whole = True
        self._beat_s = 0
        self._news = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        """Begin to count; give the task, which ends with an error alone."""
        self._resume()
        self._following = asyncio.create_task(self._count_on())
        return self._following

    async def close(self) -> None:
        """Count what has been written so far, and end."""
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following
        while self._read(_now_us()):
            pass
        self._flush(_now_us(), None)
        self._records.close()

    async def reopen(self) -> None:
        """Let an adopted Envoy open its log again if the last daemon died while it rotated."""
        if not self._log.live(self._proxy.series).exists():
            await self._proxy.admin("/reopen_logs", "POST")

    async def watch(self, told: PutWatched) -> None:
        """Tell these services in detail from now on."""
        content = told.model_dump_json().encode()
        await asyncio.to_thread(write_whole, self._watched_file, content)
        self._freeze(told)

    async def past(self, service: str, last_s: float) -> AsyncGenerator[bytes, None]:
        """Give the lines of what is kept of a service."""
        self._flush(_now_us(), None)
        for line in await asyncio.to_thread(self._records.past(service, time.time() - last_s)):
            yield line

    def follow(self, after: str | None) -> AsyncGenerator[bytes, None]:
        """Give the lines after a cursor and go on; LookupError when it is too old."""
        return self._follow(self._records.find(after))

    async def _follow(self, place: Place) -> AsyncGenerator[bytes, None]:
        while True:
            news = self._news
            told, behind = self._records.read(place)
            for line in told:
                yield line
            if behind == place:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), _FOLLOW_S)
            place = behind

    def _resume(self) -> None:
        marks = self._records.recover()
        self._at, runs = read_back(marks) if marks else (self._log.first(), {})
        self._counting = Counting(self._is_candidate)
        self._counting.restore(runs)
        if self._watched_file.exists():
            with contextlib.suppress(ValidationError):
                self._freeze(PutWatched.model_validate_json(self._watched_file.read_bytes()))
        self._begin_piece()

    def _begin_piece(self) -> None:
        self._records.begin()
        self._is_whole = True

    def _freeze(self, told: PutWatched) -> None:
        self._counting.frozen = {
            name: Frozen(one.floor_ms, one.deadline_s) for name, one in told.services.items()
        }

    async def _count_on(self) -> None:
        while True:
            try:
                await self._count()
            except (OSError, StoreError) as e:
                # As after a restart: what was not written is read again from the last mark.
                _log.error("evidence_not_written", reason=str(e))
                await asyncio.sleep(_RETRY_S)
                self._resume()

    async def _count(self) -> None:
        while True:
            now_us = _now_us()
            is_behind = self._read(now_us)
            beat_s = int(now_us / _MILLION - _HEARTBEAT_AT_S)
            if not is_behind and beat_s > self._beat_s:
                self._beat_s = beat_s
                self._flush(now_us, int(now_us / _MILLION - _KNOWN_AFTER_S) - 1)
                self._log.forget(self._at)
                await self._rotate()
            elif self._counting.is_urgent:
                self._flush(now_us, None)
            await asyncio.sleep(0 if is_behind else _LOOK_S)

    def _read(self, now_us: int) -> bool:
        piece = self._log.read(self._at, _READ_BYTES)
        if piece.after.series != self._at.series:
            self._counting.abandon(now_us)
        for text in piece.lines:
            line = parse(text)
            if line is None or not line.service:
                self.misrouted += 1
            else:
                self._counting.take(line, now_us)
        if piece.lines:
            self.newest_line_s = now_us / _MILLION
        is_behind = piece.after != self._at
        self._at = piece.after
        return is_behind

    def _flush(self, now_us: int, complete_to: int | None) -> None:
        told, others = list[Written](), list[Written]()
        for increment in self._counting.drain(now_us):
            self._side(increment, told, others).append(written_increment(increment))
        changes = self._counting.changes()
        runs = self._counting.runs() if self._is_whole else changes
        if not (told or others or changes or complete_to is not None):
            return
        mark = mark_of(self._at, runs, is_whole=self._is_whole)
        self._records.append(Record(told=told, others=others, complete_to=complete_to, mark=mark))
        self._is_whole = False
        if self._records.is_full:
            self._begin_piece()
        self._news.set()
        self._news = asyncio.Event()

    def _side(
        self, increment: Increment, told: list[Written], others: list[Written]
    ) -> list[Written]:
        return told if increment.service in self._counting.frozen else others

    async def _rotate(self) -> None:
        live = self._log.live(self._proxy.series)
        if not live.exists() or live.stat().st_size < self._rotate_bytes:
            return
        self._log.rotate(self._proxy.series)
        with contextlib.suppress(GatewayUnreachableError):
            await self._proxy.admin("/reopen_logs", "POST")

    def _is_candidate(self, service: str, set_name: str) -> bool:
        route = self._services.route(service)
        return route is not None and any(
            target.candidate and target.set_name == set_name for target in route.targets
        )


def _now_us() -> int:
    return time.time_ns() // 1000
