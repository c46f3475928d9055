"""The audit trail: what one record holds, how records hang together, what they add up to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from json import loads
from typing import cast

from turnout.domain.canonical import EXACT_UP_TO, canonical
from turnout.domain.codec import Json

_PREFIX = b"turnout-audit-v1\n"
_CLOCKS = frozenset({"spent_s", "evidence_s", "wall_s", "edition"})  # of a row of a release
ENGINE = "turnout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that somebody did to one object; `before` and `after` hold the fields it changed.

    `by` is `turnout`, `local:<user>`, `token:<id>` or `trigger:<name>`.
    """

    at_s: float
    by: str
    action: str
    object: str
    digest: str = ""
    why: str = ""
    code: str = ""
    before: Mapping[str, Json] = field(default_factory=dict)
    after: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An entry at its place in the chain: `text` is its canonical JSON without `hash`."""

    seq: int
    text: str
    prev: str
    hash: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain ends; nothing is at (0, "")."""

    seq: int = 0
    hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """How far the chain is whole: `broken_at` is the first record that does not fit, else None."""

    records: int
    broken_at: int | None = None
    why: str = ""


def is_progress(changed: Iterable[str]) -> bool:
    """Tell whether only clocks moved on: the state is the same, and nothing is told of it."""
    return _CLOCKS.issuperset(changed)


def chain(entry: Entry, head: Head) -> Record:
    """Put an entry behind the head.

    Source: `hash` is SHA-256 over `turnout-audit-v1`, a newline, and the record without `hash` as
    JCS JSON (RFC 8785), the hash of the record before among its fields.
    """
    seq = head.seq + 1
    text = canonical(_fields(entry, seq, head.hash))
    return Record(seq=seq, text=text, prev=head.hash, hash=hash_of(text), entry=entry)


def hash_of(text: str) -> str:
    """Give the hash of a record from its canonical text."""
    return f"sha256:{sha256(_PREFIX + text.encode()).hexdigest()}"


def head_of(record: Record) -> Head:
    """Give the head of a chain that ends with this record."""
    return Head(record.seq, record.hash)


def parse(line: str) -> Record:
    """Read a record as it was exported, or its text alone; then its hash is not known.

    Raises:
        ValueError: when the line is no record.
    """
    try:
        fields = cast("dict[str, Json]", loads(line, parse_int=_whole))
        found_hash = str(fields.pop("hash", ""))
        return Record(
            seq=cast("int", fields["seq"]),
            text=canonical(fields),
            prev=str(fields["prev"]),
            hash=found_hash,
            entry=_entry(fields),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"this is no record of an audit trail: {error}") from error


def line_of(record: Record) -> str:
    """Write a record as it is exported: canonical JSON with its hash, one line."""
    fields = _fields(record.entry, record.seq, record.prev)
    return canonical(fields | {"hash": record.hash})


def verify(records: Iterable[Record], head: Head | None = None) -> Verified:
    """Find the first record that was edited, put in, taken out or moved.

    Args:
        records: all of them, in the order of their numbers.
        head: where the chain is said to end; None when nobody says it.
    """
    last = Head()
    for record in records:
        if why := _misfit(record, last):
            return Verified(records=last.seq, broken_at=last.seq + 1, why=why)
        last = head_of(record)
    if head is not None and head != last:
        why = f"the chain ends with record {last.seq}, its head says {head.seq}"
        return Verified(records=last.seq, broken_at=min(last.seq, head.seq) + 1, why=why)
    return Verified(records=last.seq)


def _misfit(record: Record, last: Head) -> str:
    if record.seq != last.seq + 1:
        return f"record {record.seq} stands where {last.seq + 1} belongs"
    if record.prev != last.hash:
        return f"record {record.seq} does not follow the one before it"
    if record.text != canonical(_fields(record.entry, record.seq, record.prev)):
        return f"record {record.seq} was edited"
    if record.hash != hash_of(record.text):
        return f"the hash of record {record.seq} is not that of its text"
    return ""


def _fields(entry: Entry, seq: int, prev: str) -> dict[str, Json]:
    return {
        "seq": seq,
        "at": instant(entry.at_s),
        "actor": _actor(entry.by),
        "action": entry.action,
        "object": entry.object,
        "digest": entry.digest,
        "why": entry.why,
        "before": dict(entry.before),
        "after": dict(entry.after),
        "code": entry.code,
        "prev": prev,
    }


def instant(at_s: float) -> str:
    """Write epoch seconds as RFC 3339 in UTC, with microseconds."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _entry(fields: Mapping[str, Json]) -> Entry:
    return Entry(
        at_s=datetime.fromisoformat(str(fields["at"])).timestamp(),
        by=_by(cast("Mapping[str, str]", fields["actor"])),
        action=str(fields["action"]),
        object=str(fields["object"]),
        digest=str(fields["digest"]),
        why=str(fields["why"]),
        code=str(fields["code"]),
        before=cast("dict[str, Json]", fields["before"]),
        after=cast("dict[str, Json]", fields["after"]),
    )


def _whole(digits: str) -> int | float:
    # the canonical form writes large numbers without an exponent; they are no integers
    number = int(digits)
    return number if abs(number) <= EXACT_UP_TO else float(digits)


def _by(actor: Mapping[str, str]) -> str:
    return f"{actor['via']}:{actor['id']}" if actor["via"] else actor["id"]


def _actor(by: str) -> Json:
    via, _, rest = by.partition(":")
    if by == ENGINE:
        return {"kind": "engine", "id": by, "via": ""}
    if via in {"token", "trigger"}:
        return {"kind": via, "id": rest, "via": via}
    return {"kind": "person", "id": rest or by, "via": via if rest else ""}
