"""The five ports over one open file."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import apsw

from turnout.adapters.sqlite.puts import put_evidence, write
from turnout.adapters.sqlite.rows import (
    SqlReads,
    bars_of,
    catalogue_of,
    decoded,
    head_in,
    open_commands,
    records_of,
)
from turnout.adapters.sqlite.writer import Writer
from turnout.application import asking, saving
from turnout.application.ports import Asked, Change, EvidenceState, Loaded
from turnout.application.store import Bar
from turnout.application.writes import Writes
from turnout.domain.audit import Record, Verified, verify
from turnout.domain.catalogue import Catalogued
from turnout.domain.decision import Decision
from turnout.domain.release import FINAL, Command, Release
from turnout.domain.service import Request, Service
from turnout.errors import StoreError, UnknownReleaseError

T = TypeVar("T")

_LATEST_LOOK_S = 120.0
_ALL = 2**62
_RELEASES = (
    "SELECT body FROM release WHERE service = COALESCE(?1, service)"
    " ORDER BY created_at_s DESC, number DESC"
)


@dataclass(slots=True)
class Opened:
    """The connections of one file, and what the process knows beside it.

    `due_s` moves without a write: after a restart a release is looked at a little early.
    `known` holds rows as they are on disk, by their edition.
    """

    writer: Writer
    reader: apsw.Connection
    now_s: Callable[[], float]
    due_s: dict[str, float] = field(default_factory=dict)
    known: dict[str, Release] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.fill()

    def fill(self) -> None:
        """Take the due times from the file: at the start and with each new reign."""
        with self.read() as db:
            self.due_s = dict(db.execute("SELECT id, due_s FROM release WHERE due_s IS NOT NULL"))

    @contextmanager
    def read(self) -> Iterator[apsw.Connection]:
        """Give the reading connection; StoreError for what it cannot read."""
        try:
            yield self.reader
        except apsw.Error as error:
            raise StoreError(f"the store cannot be read: {error}") from error

    async def write(self, unit: Callable[[SqlReads], tuple[Writes, T]]) -> T:
        """Carry out one transaction, also when nobody waits for it any more."""

        def work(db: apsw.Connection) -> tuple[Writes, T]:
            writes, result = unit(SqlReads(db, self.known))
            write(db, writes, self.now_s())
            return writes, result

        future = self.writer.write(work)
        future.add_done_callback(self._take_over)
        _, result = await asyncio.shield(future)
        return result

    def _take_over(self, future: "asyncio.Future[tuple[Writes, T]]") -> None:
        if future.cancelled() or future.exception() is not None:
            return
        writes, _ = future.result()
        for row in writes.releases:
            self._remember(row.release, row.due_s)
        for kept in writes.commands:
            self.due_s[kept.release] = self.now_s()

    def _remember(self, release: Release, due_s: float | None) -> None:
        if due_s is None:
            self.due_s.pop(release.id, None)
            self.known.pop(release.id, None)
        else:
            self.due_s[release.id] = due_s
            self.known[release.id] = release


@dataclass(frozen=True, slots=True)
class SqliteLease:
    """The right to act."""

    opened: Opened

    async def ensure(self, holder: str) -> int:
        """Begin a new reign."""
        now_s = self.opened.now_s()

        def unit(reads: SqlReads) -> tuple[Writes, int]:
            epoch = reads.epoch() + 1
            reads.db.execute("UPDATE lease SET epoch = ?, holder = ?", (epoch, holder))
            return Writes(entries=(saving.reign_entry(epoch, holder, now_s),)), epoch

        epoch = await self.opened.write(unit)
        self.opened.fill()
        return epoch


@dataclass(frozen=True, slots=True)
class SqliteReleases:
    """Releases under way."""

    opened: Opened

    async def due(self, now_s: float) -> Sequence[str]:
        """List ids to look at, the longest due first."""
        due = [
            (due_s, release_id)
            for release_id, due_s in self.opened.due_s.items()
            if not now_s < due_s <= now_s + _LATEST_LOOK_S
        ]
        return [release_id for _, release_id in sorted(due)]

    async def load(self, release_id: str) -> Loaded:
        """Give a release with its open commands."""
        with self.opened.read() as db:
            release = SqlReads(db, self.opened.known).release(release_id)
            if release is None:
                raise UnknownReleaseError(f"no release has the id {release_id!r}")
            if release.phase not in FINAL:
                self.opened.known[release_id] = release
            return Loaded(release=release, commands=open_commands(db, release_id))

    async def save(self, epoch: int, change: Change) -> None:
        """Save a row and all that follows from it."""
        now_s = self.opened.now_s()
        await self.opened.write(lambda reads: (saving.save(reads, epoch, change, now_s), None))

    async def snooze(self, release_id: str, due_s: float) -> None:
        """Move the due time of a release under way; nothing is written."""
        if release_id in self.opened.due_s:
            self.opened.due_s[release_id] = due_s


@dataclass(frozen=True, slots=True)
class SqliteRequests:
    """Wishes of people and triggers."""

    opened: Opened

    async def add(self, request: Request) -> Asked:
        """Answer a request."""
        now_s = self.opened.now_s()
        return await self.opened.write(lambda reads: asking.add(reads, request, now_s))

    async def command(self, release_id: str, command: Command, key: str) -> None:
        """Keep a command."""
        now_s = self.opened.now_s()
        await self.opened.write(
            lambda reads: (asking.command(reads, release_id, command, key, now_s), None)
        )

    async def put_service(self, service: Service) -> Service:
        """Declare a service."""
        now_s = self.opened.now_s()
        return await self.opened.write(lambda reads: asking.put_service(reads, service, now_s))

    async def set_down(self, service: str, *, is_down: bool, by: str) -> None:
        """Stop a service or let it run."""
        now_s = self.opened.now_s()
        await self.opened.write(
            lambda reads: (
                asking.set_down(reads, service, is_down=is_down, by=by, now_s=now_s),
                None,
            )
        )

    async def bar(self, service: str, digest: str, *, by: str, why: str) -> None:
        """Put a version into quarantine."""
        bar = Bar(service=service, digest=digest, why=why, at_s=self.opened.now_s())
        await self.opened.write(lambda reads: (asking.bar(reads, bar, by), None))

    async def lift(self, service: str, digest: str, *, by: str, why: str) -> None:
        """Take a version out of quarantine."""
        now_s = self.opened.now_s()
        await self.opened.write(
            lambda reads: (
                asking.lift(reads, service, digest, by=by, why=why, now_s=now_s),
                None,
            )
        )


@dataclass(frozen=True, slots=True)
class SqliteEvidence:
    """Judges at rest."""

    opened: Opened

    async def save(self, epoch: int, release_id: str, state: EvidenceState) -> None:
        """Write a judge with its cursor and the windows closed since."""
        now_s = self.opened.now_s()

        def unit(reads: SqlReads) -> tuple[Writes, None]:
            saving.guard_epoch(reads, epoch)
            put_evidence(reads.db, release_id, state, now_s)
            return Writes(), None

        await self.opened.write(unit)

    async def load(self, release_id: str) -> EvidenceState | None:
        """Give a judge as last written; its windows since then are none."""
        with self.opened.read() as db:
            query = "SELECT body, cursor FROM judge WHERE release = ?"
            for body, cursor in db.execute(query, (release_id,)):
                return EvidenceState(body=body, cursor=cursor)
            return None


@dataclass(frozen=True, slots=True)
class SqliteJournal:
    """Reading what happened."""

    opened: Opened

    async def services(self) -> Sequence[Service]:
        """Give all services by name."""
        with self.opened.read() as db:
            rows = db.execute("SELECT body FROM service ORDER BY name")
            return [decoded(Service, body) for (body,) in rows]

    async def releases(self, service: str | None) -> Sequence[Release]:
        """Give releases, the newest first."""
        with self.opened.read() as db:
            return [decoded(Release, body) for (body,) in db.execute(_RELEASES, (service,))]

    async def decisions(self, release_id: str) -> Sequence[Decision]:
        """Give the decisions of a release, oldest first."""
        query = "SELECT body FROM decision WHERE release = ? ORDER BY edition"
        with self.opened.read() as db:
            return tuple(decoded(Decision, body) for (body,) in db.execute(query, (release_id,)))

    async def versions(self, service: str | None) -> Sequence[Catalogued]:
        """Give the catalogue, in the order in which versions came."""
        with self.opened.read() as db:
            return catalogue_of(db, service)

    async def bars(self, service: str | None) -> Sequence[Bar]:
        """Give what is in quarantine."""
        with self.opened.read() as db:
            return bars_of(db, service)

    async def audit(self, after: int, limit: int) -> Sequence[Record]:
        """Give the records after a number."""
        with self.opened.read() as db:
            return list(records_of(db, after, limit))

    async def verify(self) -> Verified:
        """Read the whole trail, of one moment."""
        with self.opened.read() as db:
            db.execute("BEGIN")
            try:
                return verify(records_of(db, 0, _ALL), head_in(db))
            finally:
                db.execute("COMMIT")

    async def windows(self, release_id: str) -> Sequence[str]:
        """Give the closed windows of a release."""
        query = 'SELECT body FROM "window" WHERE release = ? ORDER BY number'
        with self.opened.read() as db:
            return tuple(str(body) for (body,) in db.execute(query, (release_id,)))
