"""Evidence: the access log is read as it grows, counted, kept, and told to who follows."""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Protocol

import structlog
from pydantic import TypeAdapter

from turnout.domain.route import Route
from turnout.errors import GatewayUnreachableError
from turnout.gateway.accesslog import AccessLog, Position
from turnout.gateway.counting import Counting, Frozen, Key, Run, runs_written
from turnout.gateway.folder import Folder, write_whole
from turnout.gateway.lines import parse
from turnout.gateway.records import Record, Records
from turnout.wire.calls import PutWatched
from turnout.wire.evidence import Written, written_increment

_LOOK_S = 0.05
_READ_BYTES = 1 << 20
# The first line of a request came at most 1.23 s after its start, measured on a busy machine.
_KNOWN_AFTER_S = 1.4
_FLUSH_AT = 0.42
_ROTATE_BYTES = 64 << 20
_MILLION = 1_000_000
_log = structlog.get_logger()

_RunRow = tuple[str] | tuple[str, int, str, bool, str, str, int, int, bool, bool]
_MARKS = TypeAdapter(list[dict[str, int | list[_RunRow] | tuple[int, int, int]]])


class Writes(Protocol):
    """Envoy as far as its log is concerned."""

    @property
    def series(self) -> int:
        """Number of its present start."""
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
        self,
        folder: Folder,
        proxy: Writes,
        services: HasRoutes,
        *,
        rotate_bytes: int = _ROTATE_BYTES,
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
        self._at = self._log.first()
        self._told_second = 0
        self._complete_to = 0
        self._news = asyncio.Condition()
        self._counted: asyncio.Task[None] | None = None
