"""The store in memory: the same transactions as on disk, and no coroutine that ever waits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from turnout.application import asking, saving
from turnout.application.ports import Asked, Change, EvidenceState, Loaded
from turnout.application.store import Bar
from turnout.application.writes import Kept, Row, Taken, Wish, WishState, Writes
from turnout.domain.audit import Head, Record, Verified, chain, head_of, verify
from turnout.domain.catalogue import Catalogued
from turnout.domain.decision import Decision
from turnout.domain.release import Command, Release
from turnout.domain.service import Request, Service
from turnout.errors import StoreError, UnknownReleaseError

_LATEST_LOOK_S = 120.0


@dataclass(slots=True)
class Tables:
    """The rows; `broken` is the sentence with which every write fails, empty for none."""

    now_s: Callable[[], float]
    broken: str = ""
    epoch: int = 0
    services: dict[str, Service] = field(default_factory=dict)
    releases: dict[str, Row] = field(default_factory=dict)
    due_s: dict[str, float] = field(default_factory=dict)
    decisions: dict[str, list[Decision]] = field(default_factory=dict)
    commands: dict[str, Kept] = field(default_factory=dict)
    taken: dict[int, int] = field(default_factory=dict)
    wishes: dict[str, Wish] = field(default_factory=dict)
    bars: dict[tuple[str, str], Bar] = field(default_factory=dict)
    versions: dict[tuple[str, str], Catalogued] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    judges: dict[str, EvidenceState] = field(default_factory=dict)
    windows: dict[str, list[str]] = field(default_factory=dict)

    def write(self, writes: Writes) -> None:
        """Write a whole transaction; all its checks were done before."""
        if self.broken:
            raise StoreError(self.broken)
        self.services |= {service.name: service for service in writes.services}
        for row in writes.releases:
            self._put_release(row)
        for decision in writes.decisions:
            self.decisions.setdefault(decision.release, []).append(decision)
        for taken in writes.taken:
            self._take(taken)
        for kept in writes.commands:
            self._keep(kept)
        self.wishes |= {wish.request.key: wish for wish in writes.wishes}
        self.bars |= {(bar.service, bar.digest): bar for bar in writes.bars}
        self.versions |= {(row.service, row.version.digest): row for row in writes.versions}
        for entry in writes.entries:
            last = self.records[-1] if self.records else None
            self.records.append(chain(entry, head_of(last) if last else Head()))

    def open_commands(self, release_id: str) -> tuple[Command, ...]:
        """Give the commands that no save used up, oldest first."""
        return tuple(
            kept.command
            for kept in self.commands.values()
            if kept.release == release_id and kept.command.id not in self.taken
        )

    def _put_release(self, row: Row) -> None:
        self.releases[row.release.id] = row
        if row.due_s is None:
            self.due_s.pop(row.release.id, None)
        else:
            self.due_s[row.release.id] = row.due_s

    def _take(self, taken: Taken) -> None:
        for command in self.open_commands(taken.release)[: taken.count]:
            self.taken[command.id] = taken.edition

    def _keep(self, kept: Kept) -> None:
        command = replace(kept.command, id=len(self.commands) + 1)
        self.commands[kept.key] = replace(kept, command=command)
        self.due_s[kept.release] = self.now_s()


@dataclass(frozen=True, slots=True)
class MemoryReads:
    """The rows as a transaction asks for them."""

    tables: Tables

    def epoch(self) -> int:
        """Give the epoch that reigns."""
        return self.tables.epoch

    def service(self, name: str) -> Service | None:
        """Give a service."""
        return self.tables.services.get(name)

    def release(self, release_id: str) -> Release | None:
        """Give a release as last saved."""
        row = self.tables.releases.get(release_id)
        return row.release if row else None

    def queued(self, service: str) -> Wish | None:
        """Give the one request that waits for the service."""
        waiting = (w for w in self.tables.wishes.values() if w.state is WishState.QUEUED)
        return next((wish for wish in waiting if wish.request.service == service), None)

    def wish(self, key: str) -> Wish | None:
        """Give the request with a key."""
        return self.tables.wishes.get(key)

    def bar(self, service: str, digest: str) -> Bar | None:
        """Give a quarantine that is not lifted."""
        bar = self.tables.bars.get((service, digest))
        return bar if bar and not bar.lifted_by else None

    def version(self, service: str, digest: str) -> Catalogued | None:
        """Give a version from the catalogue."""
        return self.tables.versions.get((service, digest))

    def kept(self, key: str) -> Kept | None:
        """Give the command with a key."""
        return self.tables.commands.get(key)


@dataclass(frozen=True, slots=True)
class MemoryLease:
    """The right to act."""

    tables: Tables

    async def ensure(self, holder: str) -> int:
        """Begin a new reign."""
        tables = self.tables
        epoch = tables.epoch + 1
        entry = saving.reign_entry(epoch, holder, tables.now_s())
        tables.write(Writes(entries=(entry,)))
        tables.epoch = epoch
        return epoch


@dataclass(frozen=True, slots=True)
class MemoryReleases:
    """Releases under way."""

    tables: Tables

    async def due(self, now_s: float) -> Sequence[str]:
        """List ids to look at, the longest due first."""
        due = [
            (due_s, release_id)
            for release_id, due_s in self.tables.due_s.items()
            if not now_s < due_s <= now_s + _LATEST_LOOK_S
        ]
        return [release_id for _, release_id in sorted(due)]

    async def load(self, release_id: str) -> Loaded:
        """Give a release with its open commands."""
        release = MemoryReads(self.tables).release(release_id)
        if release is None:
            raise UnknownReleaseError(f"no release has the id {release_id!r}")
        return Loaded(release=release, commands=self.tables.open_commands(release_id))

    async def save(self, epoch: int, change: Change) -> None:
        """Save a row and all that follows from it."""
        tables = self.tables
        tables.write(saving.save(MemoryReads(tables), epoch, change, tables.now_s()))

    async def snooze(self, release_id: str, due_s: float) -> None:
        """Move the due time of a release under way."""
        if release_id in self.tables.due_s:
            self.tables.due_s[release_id] = due_s


@dataclass(frozen=True, slots=True)
class MemoryRequests:
    """Wishes of people and triggers."""

    tables: Tables

    async def add(self, request: Request) -> Asked:
        """Answer a request."""
        writes, asked = asking.add(MemoryReads(self.tables), request, self.tables.now_s())
        self.tables.write(writes)
        return asked

    async def command(self, release_id: str, command: Command, key: str) -> None:
        """Keep a command."""
        tables = self.tables
        reads = MemoryReads(tables)
        tables.write(asking.command(reads, release_id, command, key, tables.now_s()))

    async def put_service(self, service: Service) -> Service:
        """Declare a service."""
        reads = MemoryReads(self.tables)
        writes, declared = asking.put_service(reads, service, self.tables.now_s())
        self.tables.write(writes)
        return declared

    async def set_down(self, service: str, *, is_down: bool, by: str) -> None:
        """Stop a service or let it run."""
        tables = self.tables
        reads = MemoryReads(tables)
        tables.write(asking.set_down(reads, service, is_down=is_down, by=by, now_s=tables.now_s()))

    async def bar(self, service: str, digest: str, *, by: str, why: str) -> None:
        """Put a version into quarantine."""
        bar = Bar(service=service, digest=digest, why=why, at_s=self.tables.now_s())
        self.tables.write(asking.bar(MemoryReads(self.tables), bar, by))

    async def lift(self, service: str, digest: str, *, by: str, why: str) -> None:
        """Take a version out of quarantine."""
        tables = self.tables
        reads = MemoryReads(tables)
        tables.write(asking.lift(reads, service, digest, by=by, why=why, now_s=tables.now_s()))


@dataclass(frozen=True, slots=True)
class MemoryEvidence:
    """Judges at rest."""

    tables: Tables

    async def save(self, epoch: int, release_id: str, state: EvidenceState) -> None:
        """Write a judge with its cursor and the windows closed since."""
        reads = MemoryReads(self.tables)
        saving.guard_epoch(reads, epoch)
        if reads.release(release_id) is None:
            raise UnknownReleaseError(f"no release has the id {release_id!r}")
        self.tables.write(Writes())
        self.tables.judges[release_id] = replace(state, windows=())
        windows = self.tables.windows.setdefault(release_id, [])
        windows.extend(saving.unwritten(windows, state.windows))

    async def load(self, release_id: str) -> EvidenceState | None:
        """Give a judge as last written; its windows since then are none."""
        return self.tables.judges.get(release_id)


@dataclass(frozen=True, slots=True)
class MemoryJournal:
    """Reading what happened."""

    tables: Tables

    async def services(self) -> Sequence[Service]:
        """Give all services by name."""
        return [service for _, service in sorted(self.tables.services.items())]

    async def releases(self, service: str | None) -> Sequence[Release]:
        """Give releases, the newest first."""
        rows = [row.release for row in self.tables.releases.values()]
        found = [row for row in rows if service in {None, row.service}]
        return sorted(found, key=lambda row: (row.created_at_s, row.number), reverse=True)

    async def decisions(self, release_id: str) -> Sequence[Decision]:
        """Give the decisions of a release, oldest first."""
        return tuple(self.tables.decisions.get(release_id, ()))

    async def versions(self, service: str | None) -> Sequence[Catalogued]:
        """Give the catalogue, in the order in which versions came."""
        return [row for row in self.tables.versions.values() if service in {None, row.service}]

    async def bars(self, service: str | None) -> Sequence[Bar]:
        """Give what is in quarantine."""
        bars = [bar for bar in self.tables.bars.values() if not bar.lifted_by]
        return [bar for bar in bars if service in {None, bar.service}]

    async def audit(self, after: int, limit: int) -> Sequence[Record]:
        """Give the records after a number."""
        return self.tables.records[after : after + limit]

    async def verify(self) -> Verified:
        """Read the whole trail."""
        return verify(self.tables.records)

    async def windows(self, release_id: str) -> Sequence[str]:
        """Give the closed windows of a release."""
        return tuple(self.tables.windows.get(release_id, ()))


class MemoryStore:
    """A whole store that ends with its process; `tables` are its rows, for tests to look at."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self.tables = Tables(now_s)
        self.lease = MemoryLease(self.tables)
        self.releases = MemoryReleases(self.tables)
        self.requests = MemoryRequests(self.tables)
        self.evidence = MemoryEvidence(self.tables)
        self.journal = MemoryJournal(self.tables)

    def close(self) -> None:
        """Keep everything: another process of the same world may go on."""
