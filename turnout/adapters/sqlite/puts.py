"""Values as rows: everything that one transaction writes."""

from json import dumps
from typing import TypeAlias

import apsw

from turnout.adapters.sqlite.rows import head_in
from turnout.application.ports import EvidenceState
from turnout.application.saving import unwritten
from turnout.application.store import Bar
from turnout.application.writes import Kept, Row, Taken, Wish, Writes
from turnout.domain.audit import Entry, chain, head_of
from turnout.domain.catalogue import Catalogued
from turnout.domain.codec import to_json
from turnout.domain.decision import Decision
from turnout.domain.service import Service
from turnout.errors import UnknownReleaseError

Cell: TypeAlias = str | int | float | None

_LAST_NUMBER = 'SELECT COALESCE(MAX(number), 0) FROM "window" WHERE release = ?'
_LAST_WINDOWS = 'SELECT body FROM "window" WHERE release = ? ORDER BY number DESC LIMIT ?'


def write(db: apsw.Connection, writes: Writes, now_s: float) -> None:
    """Write everything of one transaction."""
    for service in writes.services:
        _put_service(db, service)
    for row in writes.releases:
        _put_release(db, row)
    for decision in writes.decisions:
        _put_decision(db, decision)
    for taken in writes.taken:
        _take(db, taken)
    _write_asked(db, writes, now_s)
    _chain(db, writes.entries)


def _write_asked(db: apsw.Connection, writes: Writes, now_s: float) -> None:
    for kept in writes.commands:
        _keep(db, kept)
    for wish in writes.wishes:
        _put_wish(db, wish, now_s)
    for bar in writes.bars:
        _put_bar(db, bar)
    for version in writes.versions:
        _put_version(db, version)


def encoded(value: object) -> str:
    """Give a value as the body of a row."""
    return dumps(to_json(value), ensure_ascii=False, separators=(",", ":"))


def _put(db: apsw.Connection, table: str, key: str, cells: dict[str, Cell]) -> None:
    names, marks = ", ".join(cells), ", ".join("?" * len(cells))
    news = ", ".join(f"{name} = excluded.{name}" for name in cells)
    rule = f"ON CONFLICT ({key}) DO UPDATE SET {news}"
    query = f"INSERT INTO {table} ({names}) VALUES ({marks}) {rule}"  # noqa: S608 - names of ours
    db.execute(query, tuple(cells.values()))


def _put_service(db: apsw.Connection, service: Service) -> None:
    stable = service.stable.version if service.stable else None
    cells: dict[str, Cell] = {
        "name": service.name,
        "project": service.project,
        "environment": service.environment,
        "stable": stable.name if stable else None,
        "stable_digest": stable.digest if stable else None,
        "previous": service.previous.name if service.previous else None,
        "active": service.active,
        "last": service.last,
        "revision": service.revision,
        "next_number": service.next_number,
        "is_down": int(service.is_down),
        "body": encoded(service),
    }
    _put(db, "service", "name", cells)


def _put_release(db: apsw.Connection, row: Row) -> None:
    release = row.release
    cells: dict[str, Cell] = {
        "id": release.id,
        "service": release.service,
        "number": release.number,
        "environment": release.environment,
        "version": release.candidate.name,
        "digest": release.candidate.digest,
        "stable": release.stable.version.name if release.stable else None,
        "phase": release.phase.value,
        "step": release.step,
        "weight_bp": release.weight_bp,
        "paused": release.paused.code if release.paused else None,
        "outcome": release.outcome.value if release.outcome else None,
        "why": release.why,
        "asked_by": release.asked_by,
        "reason": release.reason,
        "created_at_s": release.created_at_s,
        "entered_at_s": release.entered_at_s,
        "wall_s": release.wall_s,
        "revision": release.revision,
        "edition": release.edition,
        "epoch": row.epoch,
        "due_s": row.due_s,
        "body": encoded(release),
    }
    _put(db, "release", "id", cells)


def _put_decision(db: apsw.Connection, decision: Decision) -> None:
    cells: dict[str, Cell] = {
        "release": decision.release,
        "edition": decision.edition,
        "at_s": decision.at_s,
        "code": decision.code,
        "body": encoded(decision),
    }
    _put(db, "decision", "release, edition", cells)


def _take(db: apsw.Connection, taken: Taken) -> None:
    db.execute(
        "UPDATE command SET taken = ? WHERE id IN (SELECT id FROM command"
        " WHERE release = ? AND taken IS NULL ORDER BY id LIMIT ?)",
        (taken.edition, taken.release, taken.count),
    )


def _keep(db: apsw.Connection, kept: Kept) -> None:
    command = kept.command
    cells: dict[str, Cell] = {
        "id": int(db.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM command").get),
        "release": kept.release,
        "verb": command.verb.value,
        "digest": command.digest,
        "given_by": command.by,
        "why": command.why,
        "key": kept.key,
        "at_s": command.at_s,
    }
    _put(db, "command", "key", cells)


def _put_wish(db: apsw.Connection, wish: Wish, now_s: float) -> None:
    request = wish.request
    cells: dict[str, Cell] = {
        "key": request.key,
        "service": request.service,
        "version": request.version.name,
        "digest": request.version.digest,
        "asked_by": request.by,
        "human": int(request.human),
        "state": wish.state.value,
        "release": wish.release,
        "behind": wish.behind,
        "why": wish.why,
        "at_s": request.at_s or now_s,
        "body": encoded(request),
    }
    _put(db, "request", "key", cells)


def _put_bar(db: apsw.Connection, bar: Bar) -> None:
    cells: dict[str, Cell] = {
        "service": bar.service,
        "digest": bar.digest,
        "why": bar.why,
        "at_s": bar.at_s,
        "release": bar.release,
        "lifted_by": bar.lifted_by,
    }
    _put(db, "quarantine", "service, digest", cells)


def _put_version(db: apsw.Connection, row: Catalogued) -> None:
    version = row.version
    known = "SELECT added_at_s FROM version WHERE service = ? AND digest = ?"
    added_at_s = db.execute(known, (row.service, version.digest)).get
    cells: dict[str, Cell] = {
        "service": row.service,
        "digest": version.digest,
        "name": version.name,
        "artifact_digest": version.artifact_digest,
        "status": row.status.value,
        "at_s": row.at_s,
        "added_at_s": row.at_s if added_at_s is None else float(added_at_s),
        "release": row.release,
        "body": encoded(version),
    }
    _put(db, "version", "service, digest", cells)


def _chain(db: apsw.Connection, entries: tuple[Entry, ...]) -> None:
    if not entries:
        return
    head = head_in(db)
    for entry in entries:
        record = chain(entry, head)
        head = head_of(record)
        db.execute(
            "INSERT INTO audit (seq, at_s, actor, action, object, body, prev, hash)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                record.seq,
                entry.at_s,
                entry.by,
                entry.action,
                entry.object,
                record.text,
                record.prev,
                record.hash,
            ),
        )
    db.execute("UPDATE audit_head SET seq = ?, hash = ?", (head.seq, head.hash))


def put_evidence(db: apsw.Connection, release_id: str, state: EvidenceState, now_s: float) -> None:
    """Write a judge with its cursor, and the windows closed since behind those that are there."""
    if db.execute("SELECT 1 FROM release WHERE id = ?", (release_id,)).get is None:
        raise UnknownReleaseError(f"no release has the id {release_id!r}")
    judge: dict[str, Cell] = {
        "release": release_id,
        "cursor": state.cursor,
        "at_s": now_s,
        "body": state.body,
    }
    _put(db, "judge", "release", judge)
    _add_windows(db, release_id, state.windows)


def _add_windows(db: apsw.Connection, release_id: str, windows: tuple[str, ...]) -> None:
    number = int(db.execute(_LAST_NUMBER, (release_id,)).get)
    stored = [str(body) for (body,) in db.execute(_LAST_WINDOWS, (release_id, len(windows)))]
    new = unwritten(stored[::-1], windows)
    rows = [(release_id, number + n, body) for n, body in enumerate(new, start=1)]
    db.executemany('INSERT INTO "window" (release, number, body) VALUES (?, ?, ?)', rows)
