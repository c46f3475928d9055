"""Looking at the file without a controller: plain rows for people, read-only and quick to load."""

import os
from json import loads
from typing import TypeAlias, cast

import apsw

from turnout.errors import StoreError

SCHEMA = 1
_BUSY_MS = 2000

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Shown: TypeAlias = dict[str, Json]

_STATUS = """
SELECT s.name AS service, s.project, s.environment, s.stable, s.stable_digest, s.previous,
  s.is_down, s.last, r.id AS release, r.version, r.digest, r.phase, r.step,
  json_array_length(r.body, '$.plan.steps') AS steps, r.weight_bp, r.paused, r.outcome,
  r.asked_by, r.created_at_s, r.entered_at_s, r.wall_s, r.edition,
  (SELECT q.version FROM request q WHERE q.service = s.name AND q.state = 'queued') AS queued,
  (SELECT d.body FROM decision d WHERE d.release = s.last ORDER BY d.edition DESC LIMIT 1)
    AS decision
FROM service s LEFT JOIN release r ON r.id = s.active
WHERE s.name = COALESCE(?1, s.name) ORDER BY s.name
"""
_RELEASE = """
SELECT id, service, number, environment, version, digest, stable, phase, step, weight_bp, paused,
  outcome, why, asked_by, reason, created_at_s, entered_at_s, wall_s, revision, edition
FROM release
"""
_HISTORY = (
    _RELEASE
    + """
WHERE service = COALESCE(?1, service) ORDER BY created_at_s DESC, number DESC LIMIT ?2
"""
)
_ONE = _RELEASE + "WHERE id = ?"
_DECISIONS = "SELECT body FROM decision WHERE release = ? ORDER BY edition"
_VERSIONS = """
SELECT v.service, v.name AS version, v.digest, v.artifact_digest, v.status, v.at_s, v.added_at_s,
  v.release, q.why AS quarantined
FROM version v LEFT JOIN quarantine q
  ON q.service = v.service AND q.digest = v.digest AND q.lifted_by = ''
WHERE v.service = COALESCE(?1, v.service) ORDER BY v.service, v.added_at_s, v.name
"""
_AUDIT = "SELECT body, hash FROM audit WHERE seq > ? ORDER BY seq LIMIT ?"


class Reading:
    """Owns a read-only connection; every answer is of one moment."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db

    def status(self, service: str | None = None) -> list[Shown]:
        """Give each service with the release under way and the last decision, by name."""
        rows = self._rows(_STATUS, service)
        return [row | {"decision": _opened(row["decision"])} for row in rows]

    def history(self, service: str | None = None, limit: int = 1000) -> list[Shown]:
        """Give releases, the newest first."""
        return self._rows(_HISTORY, service, limit)

    def explain(self, release_id: str) -> Shown | None:
        """Give a release and all its decisions, oldest first; None for an unknown id."""
        for release in self._rows(_ONE, release_id):
            decisions = [_opened(row["body"]) for row in self._rows(_DECISIONS, release_id)]
            return release | {"decisions": decisions}
        return None

    def versions(self, service: str | None = None) -> list[Shown]:
        """Give the catalogue; `quarantined` says why, None for what is free."""
        return self._rows(_VERSIONS, service)

    def audit(self, after: int = 0, limit: int = 1000) -> list[Shown]:
        """Give audit records after a number, as they are exported."""
        rows = self._rows(_AUDIT, after, limit)
        return [cast("Shown", _opened(row["body"])) | {"hash": row["hash"]} for row in rows]

    def close(self) -> None:
        """Give the connection back."""
        self._db.close()

    def _rows(self, query: str, *cells: str | int | None) -> list[Shown]:
        try:
            cursor = self._db.execute(query, cells)
            names = [column[0] for column in cursor.get_description()]
            return [dict(zip(names, row, strict=True)) for row in cursor]
        except apsw.ExecutionCompleteError:  # no row, hence no description
            return []
        except apsw.Error as error:
            raise StoreError(f"{self._db.filename} cannot be read: {error}") from error


def open_reading(path: str | os.PathLike[str]) -> Reading:
    """Open the file of a store for looking.

    Raises:
        StoreError: when there is none, it is no store, or its schema is newer than this program.
    """
    name = os.fspath(path)
    try:
        db = apsw.Connection(name, flags=apsw.SQLITE_OPEN_READONLY)
        db.set_busy_timeout(_BUSY_MS)
        found = int(db.execute("SELECT value FROM meta WHERE key = 'schema'").get)
    except apsw.CantOpenError as error:
        raise StoreError(f"there is no store at {name}; `turnout release` makes one") from error
    except apsw.Error as error:
        raise StoreError(f"{name} cannot be read: {error}") from error
    if found > SCHEMA:
        db.close()
        raise StoreError(f"{name} has schema {found}, this program knows {SCHEMA}: install a newer")
    return Reading(db)


def _opened(body: Json) -> Json:
    return cast("Json", loads(body)) if isinstance(body, str) else None
