"""The whole store: the five ports over one history, and what is read of it besides."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from turnout.application.ports import EvidenceStore, Journal, Lease, Releases, Requests
from turnout.domain.audit import Record, Verified
from turnout.domain.catalogue import Catalogued


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A digest of a service that no release may have until somebody lifts it (I-12)."""

    service: str
    digest: str
    why: str
    at_s: float
    release: str = ""
    lifted_by: str = ""


class Wishes(Requests, Protocol):
    """Requests, and a person's word on single versions; all may be repeated."""

    async def bar(self, service: str, digest: str, *, by: str, why: str) -> None:
        """Put a version into quarantine; RefusedError when the catalogue does not know it."""

    async def lift(self, service: str, digest: str, *, by: str, why: str) -> None:
        """Take a version out of quarantine."""


class Past(Journal, Protocol):
    """Reading what happened, with the catalogue and the audit trail."""

    async def versions(self, service: str | None) -> Sequence[Catalogued]:
        """Give the catalogue, oldest first."""

    async def bars(self, service: str | None) -> Sequence[Bar]:
        """Give what is in quarantine."""

    async def audit(self, after: int, limit: int) -> Sequence[Record]:
        """Give the records after a number, oldest first."""

    async def verify(self) -> Verified:
        """Read the whole trail and say whether it is whole."""

    async def windows(self, release_id: str) -> Sequence[str]:
        """Give the closed windows of a release, oldest first."""


class Store(Protocol):
    """One history behind five ports."""

    @property
    def lease(self) -> Lease:
        """Give the right to act."""

    @property
    def releases(self) -> Releases:
        """Give the releases under way."""

    @property
    def requests(self) -> Wishes:
        """Take wishes of people and triggers."""

    @property
    def evidence(self) -> EvidenceStore:
        """Give judges at rest."""

    @property
    def journal(self) -> Past:
        """Read what happened."""

    def close(self) -> None:
        """Give back what the store holds."""
