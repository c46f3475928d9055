"""What was counted, on disk: news for whoever follows, and the mark up to which the log was read.

A record is some lines that are appended with one write: `{"cursor": …}` tells watched services,
`{"others": …}` the rest, `{"mark": …}` ends it. A record without its mark does not count: the next
daemon cuts it off and reads the log again from the last mark. So nothing is lost or told twice.
"""

import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from turnout.errors import StoreError
from turnout.gateway.marks import Mark
from turnout.wire.evidence import Written, evidence_line

_MARK = b'{"mark"'
_TOLD = b'{"cursor"'
_OTHERS = b'{"others"'
_PIECE_S = 600
_PIECE_BYTES = 16 << 20
_KEPT_S = 3600
_KEPT_BYTES = 256 << 20
_READ_BYTES = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """News, and up to where the log was read."""

    told: list[Written]
    others: list[Written]
    complete_to: int | None
    mark: Mark


@dataclass(frozen=True, slots=True)
class Place:
    """Behind which byte of which piece a follower goes on."""

    boot: int
    offset: int


class Records:
    """The pieces in a folder; a new one begins with each daemon and every ten minutes."""

    def __init__(self, folder: Path) -> None:
        self.number = 0
        self._folder = folder
        self._boot = 0
        self._size = 0
        self._began_s = 0.0
        self._file = -1

    @property
    def is_full(self) -> bool:
        """Tell whether it is time to begin a new piece."""
        return self._size > _PIECE_BYTES or time.time() - self._began_s > _PIECE_S

    @property
    def _cursor(self) -> str:
        return f"{self._boot}.{self.number}"

    def recover(self) -> list[Mark]:
        """Give the marks of the last piece that has one, after cutting off what has none."""
        for boot in reversed(self._boots()):
            path = self._path(boot)
            content = path.read_bytes()
            end = _end_of_marks(content)
            if end < len(content):
                os.truncate(path, end)
            lines = content[:end].splitlines()
            if marks := [_read_mark(line) for line in lines if line.startswith(_MARK)]:
                return marks
        return []

    def begin(self) -> None:
        """Begin a piece; its first record's mark has to stand by itself."""
        self.close()
        now_s = time.time()
        self._boot = max(int(now_s), 1 + max(self._boots(), default=0))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self._path(self._boot), flags, 0o600)
        self.number, self._size, self._began_s = 0, 0, now_s
        self._forget(now_s)

    def append(self, record: Record) -> None:
        """Write a record."""
        self.number += 1
        lines = evidence_line(self._cursor, record.told, record.complete_to)
        if record.others:
            lines += _json({"others": record.others})
        lines += _json({"mark": record.mark.model_dump(mode="json")})
        if os.write(self._file, lines) != len(lines):
            raise StoreError(f"{self._folder} is full; make room, counting goes on from there")
        self._size += len(lines)

    def close(self) -> None:
        """Write no more."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def find(self, cursor: str | None) -> Place:
        """Give the place behind a record; the end when no cursor is given.

        Raises:
            LookupError: It was never there, or is kept no longer.
        """
        if cursor is None:
            return Place(self._boot, self._size)
        boot, number = _numbers(cursor)
        if boot not in self._boots():
            raise LookupError(f"the evidence after {cursor} is kept no longer; begin anew")
        if number == 0:
            return Place(boot, 0)
        begin, offset, is_found = b'{"cursor":"%s"' % cursor.encode(), 0, False
        for line in self._path(boot).read_bytes().splitlines(keepends=True):
            offset += len(line)
            is_found = is_found or line.startswith(begin)
            if is_found and line.startswith(_MARK):
                return Place(boot, offset)
        raise LookupError(f"there is no evidence {cursor}; begin anew")

    def read(self, place: Place) -> tuple[list[bytes], Place]:
        """Give what was told after a place, and the place behind it."""
        newer = [boot for boot in self._boots() if boot > place.boot]
        try:
            with self._path(place.boot).open("rb") as file:
                file.seek(place.offset)
                content = file.read(_READ_BYTES)
                if content and b"\n" not in content:
                    content += file.readline()
        except FileNotFoundError as e:
            raise LookupError("the evidence is kept no longer; begin anew") from e
        whole = content[: content.rfind(b"\n") + 1]
        if not whole and newer:
            return [], Place(newer[0], 0)
        told = [line for line in whole.splitlines(keepends=True) if line.startswith(_TOLD)]
        return told, Place(place.boot, place.offset + len(whole))

    def past(self, service: str, since_s: float) -> Callable[[], list[bytes]]:
        """Give a reading of what is kept of one service up to this moment, for a thread.

        Its lines bear the cursors of their records; the last one bears the newest.
        """
        boots, newest, size = self._boots(), self._boot, self._size
        ends = zip(boots, [*boots[1:], float("inf")], strict=True)
        asked = [(boot, self._path(boot)) for boot, end in ends if end >= since_s]
        last = evidence_line(self._cursor, [])

        def reading() -> list[bytes]:
            told: list[bytes] = []
            for boot, path in asked:
                content = path.read_bytes() if path.exists() else b""
                whole = content[:size] if boot == newest else content
                told.extend(_narrowed(f"{boot}.0", whole, service, since_s))
            return [*told, last]

        return reading

    def _boots(self) -> list[int]:
        return sorted(int(p.stem) for p in self._folder.glob("*.ndjson") if p.stem.isdigit())

    def _path(self, boot: int) -> Path:
        return self._folder / f"{boot}.ndjson"

    def _forget(self, now_s: float) -> None:
        boots = self._boots()
        total = sum(self._path(boot).stat().st_size for boot in boots)
        for boot, following in itertools.pairwise(boots):
            if following > now_s - _KEPT_S and total <= _KEPT_BYTES:
                return
            total -= self._path(boot).stat().st_size
            self._path(boot).unlink()


def _read_mark(line: bytes) -> Mark:
    return Mark.model_validate(json.loads(line)["mark"])


def _end_of_marks(content: bytes) -> int:
    last = content.rfind(b"\n" + _MARK)
    if last < 0:
        return 0
    end = content.find(b"\n", last + 1)
    # A mark that was cut off itself: the one before it is the last.
    return end + 1 if end >= 0 else _end_of_marks(content[: last + 1])


def _narrowed(cursor: str, content: bytes, service: str, since_s: float) -> Iterator[bytes]:
    named = f'"service":"{service}"'.encode()
    for line in content.splitlines():
        if line.startswith(_TOLD):
            cursor = line[len(_TOLD) + 2 : line.index(b'"', len(_TOLD) + 2)].decode()
        if named in line and not line.startswith(_MARK):
            found = json.loads(line)
            listed = found.get("increments") or found.get("others") or []
            kept = [one for one in listed if one["service"] == service]
            yield evidence_line(cursor, [one for one in kept if one["second"] >= since_s])


def _numbers(cursor: str) -> tuple[int, int]:
    boot, _, number = cursor.partition(".")
    if not (boot.isdigit() and number.isdigit()):
        raise LookupError(f"{cursor!r} is no cursor, they look like 1700000000.42")
    return int(boot), int(number)


def _json(content: dict[str, object]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"
