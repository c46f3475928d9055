"""What the store of a site says, read beside its controller."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import apsw

_BUSY_MS = 2000
_ROW = """
SELECT id, version, phase, coalesce(outcome, ''), step, weight_bp, revision, edition,
  coalesce(paused, '') FROM release
"""
_FINAL = frozenset({"promoted", "rolled_back"})
_BAKES = frozenset({"baking", "retiring"})


@dataclass(frozen=True, slots=True)
class Row:
    """A release as last saved."""

    id: str
    version: str
    phase: str
    outcome: str
    step: int
    weight_bp: int
    revision: int
    edition: int
    paused: str

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing follows."""
        return self.phase in _FINAL

    @property
    def is_settled(self) -> bool:
        """Tell whether it was decided which version stays."""
        return self.has_ended or self.phase in _BAKES


class Rows:
    """A read-only connection."""

    def __init__(self, database: Path) -> None:
        self._db = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
        self._db.set_busy_timeout(_BUSY_MS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def release(self, release_id: str) -> Row | None:
        """Give a release; None before it was asked for."""
        found = list(self._db.execute(f"{_ROW} WHERE id = ?", (release_id,)))
        return Row(*found[0]) if found else None

    def releases(self) -> list[Row]:
        """Give all releases, oldest first."""
        return [Row(*found) for found in self._db.execute(f"{_ROW} ORDER BY number")]

    def decisions(self, release_id: str) -> list[dict[str, object]]:
        """Give the decisions of a release, oldest first."""
        asked = "SELECT body FROM decision WHERE release = ? ORDER BY edition"
        return [json.loads(body) for (body,) in self._db.execute(asked, (release_id,))]
