"""Rows as values: what a transaction asks of the tables, and what is read of them besides."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from json import loads
from typing import TypeAlias, TypeVar

import apsw

from turnout.application.store import Bar
from turnout.application.writes import Kept, Wish, WishState
from turnout.domain.audit import Entry, Head, Record, parse
from turnout.domain.catalogue import Catalogued, Status
from turnout.domain.codec import from_json
from turnout.domain.release import Command, Release, Verb
from turnout.domain.service import Request, Service
from turnout.domain.version import Version
from turnout.errors import StoreError

T = TypeVar("T")
Cell: TypeAlias = str | int | float | None

_WISH = "SELECT body, state, release, behind, why FROM request WHERE key = ?"
_QUEUED = (
    "SELECT body, state, release, behind, why FROM request WHERE service = ? AND state = 'queued'"
)
_KEPT = "SELECT release, id, verb, given_by, digest, why, at_s FROM command WHERE key = ?"
_OPEN = (
    "SELECT id, verb, given_by, digest, why, at_s FROM command"
    " WHERE release = ? AND taken IS NULL ORDER BY id"
)
_BARS = (
    "SELECT service, digest, why, at_s, release FROM quarantine WHERE lifted_by = ''"
    " AND service = COALESCE(?1, service) AND digest = COALESCE(?2, digest) ORDER BY at_s"
)
_CATALOGUE = (
    "SELECT service, body, status, at_s, release FROM version"
    " WHERE service = COALESCE(?1, service) AND digest = COALESCE(?2, digest)"
    " ORDER BY added_at_s, name"
)
_AUDIT = (
    "SELECT seq, at_s, actor, action, object, body, prev, hash FROM audit"
    " WHERE seq > ? ORDER BY seq LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class SqlReads:
    """The tables as a transaction asks for them, over one connection.

    `known` holds releases as they are on disk: a row of the same edition need not be decoded.
    """

    db: apsw.Connection
    known: Mapping[str, Release] = field(default_factory=dict)

    def epoch(self) -> int:
        """Give the epoch that reigns."""
        return int(self.db.execute("SELECT epoch FROM lease").get)

    def service(self, name: str) -> Service | None:
        """Give a service."""
        return _first(self.db, Service, "SELECT body FROM service WHERE name = ?", name)

    def release(self, release_id: str) -> Release | None:
        """Give a release as last saved."""
        query = "SELECT edition, body FROM release WHERE id = ?"
        for edition, body in self.db.execute(query, (release_id,)):
            known = self.known.get(release_id)
            if known is not None and known.edition == edition:
                return known
            return decoded(Release, body)
        return None

    def queued(self, service: str) -> Wish | None:
        """Give the one request that waits for the service."""
        return _wish(self.db, _QUEUED, service)

    def wish(self, key: str) -> Wish | None:
        """Give the request with a key."""
        return _wish(self.db, _WISH, key)

    def bar(self, service: str, digest: str) -> Bar | None:
        """Give a quarantine that is not lifted."""
        return next(iter(bars_of(self.db, service, digest)), None)

    def version(self, service: str, digest: str) -> Catalogued | None:
        """Give a version from the catalogue."""
        return next(iter(catalogue_of(self.db, service, digest)), None)

    def kept(self, key: str) -> Kept | None:
        """Give the command with a key."""
        for release, *command in self.db.execute(_KEPT, (key,)):
            return Kept(release=str(release), command=_command(command), key=key)
        return None


# --- reading


def bars_of(db: apsw.Connection, service: str | None, digest: str | None = None) -> list[Bar]:
    """Give quarantines that are not lifted, of one service or of all."""
    return [
        Bar(service=name, digest=barred, why=why, at_s=at_s, release=release)
        for name, barred, why, at_s, release in db.execute(_BARS, (service, digest))
    ]


def catalogue_of(
    db: apsw.Connection, service: str | None, digest: str | None = None
) -> list[Catalogued]:
    """Give versions of one service or of all, in the order in which they came."""
    return [
        Catalogued(
            service=name,
            version=decoded(Version, body),
            status=Status(status),
            at_s=at_s,
            release=release,
        )
        for name, body, status, at_s, release in db.execute(_CATALOGUE, (service, digest))
    ]


def open_commands(db: apsw.Connection, release_id: str) -> tuple[Command, ...]:
    """Give the commands that no save used up, oldest first."""
    return tuple(_command(row) for row in db.execute(_OPEN, (release_id,)))


def records_of(db: apsw.Connection, after: int, limit: int) -> Iterator[Record]:
    """Give audit records, oldest first, with what their columns say."""
    for seq, at_s, by, action, name, body, prev, found in db.execute(_AUDIT, (after, limit)):
        entry = replace(_told(body), at_s=at_s, by=by, action=action, object=name)
        yield Record(seq=seq, text=body, prev=prev, hash=found, entry=entry)


def head_in(db: apsw.Connection) -> Head:
    """Give the end of the chain."""
    ((seq, found),) = db.execute("SELECT seq, hash FROM audit_head")
    return Head(int(seq), str(found))


def decoded(kind: type[T], body: str) -> T:
    """Give a value from its body; StoreError when it was written by another program."""
    try:
        return from_json(kind, loads(body))
    except ValueError as error:
        raise StoreError(f"a row cannot be read: {error}") from error


def _first(db: apsw.Connection, kind: type[T], query: str, *cells: Cell) -> T | None:
    for (body,) in db.execute(query, cells):
        return decoded(kind, body)
    return None


def _told(body: str) -> Entry:
    try:
        return parse(body).entry
    except ValueError:  # edited by hand; whoever verifies finds that it does not fit its columns
        return Entry(at_s=0.0, by="", action="", object="")


def _wish(db: apsw.Connection, query: str, *cells: Cell) -> Wish | None:
    for body, state, release, behind, why in db.execute(query, cells):
        return Wish(
            request=decoded(Request, body),
            state=WishState(state),
            release=release,
            behind=behind,
            why=why,
        )
    return None


def _command(row: Sequence[Cell]) -> Command:
    number, verb, by, digest, why, at_s = row
    return Command(
        id=int(number or 0),
        verb=Verb(str(verb)),
        by=str(by),
        digest=str(digest),
        why=str(why),
        at_s=float(at_s or 0.0),
    )
