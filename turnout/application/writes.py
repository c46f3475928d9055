"""What one transaction of a store reads and writes; the rows beside releases and services."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Protocol

from turnout.application.store import Bar
from turnout.domain.audit import Entry
from turnout.domain.catalogue import Catalogued
from turnout.domain.decision import Decision
from turnout.domain.release import Command, Release
from turnout.domain.service import Request, Service


class WishState(StrEnum):
    """What has become of a request."""

    NOTHING_TO_DO = "nothing_to_do"
    QUEUED = "queued"
    TAKEN = "taken"
    REFUSED = "refused"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A request as it is kept: what became of it, by which release, or behind which one."""

    request: Request
    state: WishState
    release: str | None = None
    behind: str | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A release as it is kept: under which epoch it was saved, when it is due (None: never)."""

    release: Release
    epoch: int
    due_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A command as it is kept; its id is given by the store."""

    release: str
    command: Command
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The oldest `count` open commands of a release were used up by one edition of its row."""

    release: str
    count: int
    edition: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Writes:
    """Everything that one transaction writes, in the order of these fields.

    Rows with the key of a stored one take its place.
    """

    services: tuple[Service, ...] = ()
    releases: tuple[Row, ...] = ()
    decisions: tuple[Decision, ...] = ()
    taken: tuple[Taken, ...] = ()
    commands: tuple[Kept, ...] = ()
    wishes: tuple[Wish, ...] = ()
    bars: tuple[Bar, ...] = ()
    versions: tuple[Catalogued, ...] = ()
    entries: tuple[Entry, ...] = ()

    def __add__(self, other: "Writes") -> "Writes":
        return Writes(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )


class Reads(Protocol):
    """What a transaction may ask of the rows as they stand; None where there is none."""

    def epoch(self) -> int:
        """Give the epoch that reigns."""

    def service(self, name: str) -> Service | None:
        """Give a service."""

    def release(self, release_id: str) -> Release | None:
        """Give a release as last saved."""

    def queued(self, service: str) -> Wish | None:
        """Give the one request that waits for the service."""

    def wish(self, key: str) -> Wish | None:
        """Give the request with a key."""

    def bar(self, service: str, digest: str) -> Bar | None:
        """Give a quarantine that is not lifted."""

    def version(self, service: str, digest: str) -> Catalogued | None:
        """Give a version from the catalogue."""

    def kept(self, key: str) -> Kept | None:
        """Give the command with a key."""
