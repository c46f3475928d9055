"""The access log as a queue of segments, read in order and rotated under way.

A series is one start of Envoy. Its segments are `<series>.<number>.tsv`, the one that is written
to is `<series>.tsv`. Positions name series, number and offset, never an inode: those are reused.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_LIVE_DIGITS = 6


class Position(NamedTuple):
    """Behind which byte of which segment reading goes on."""

    series: int
    number: int
    offset: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole lines, and where they end."""

    lines: list[str]
    after: Position


class AccessLog:
    """The segments in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def live(self, series: int) -> Path:
        """Give the file that Envoy writes."""
        return self._folder / f"{series:0{_LIVE_DIGITS}}.tsv"

    def segments(self) -> list[tuple[int, int]]:
        """List series and number of all segments, oldest first."""
        names = [path.name.split(".") for path in self._folder.glob("*.tsv")]
        rotated = [(int(name[0]), int(name[1])) for name in names if len(name) > 2]  # noqa: PLR2004 - series, number, tsv
        live = [int(name[0]) for name in names if len(name) == 2]  # noqa: PLR2004 - series, tsv
        return sorted(rotated + [(series, _following(series, rotated)) for series in live])

    def first(self) -> Position:
        """Give the beginning of the oldest segment."""
        found = self.segments()
        return Position(*found[0], 0) if found else Position(0, 0, 0)

    def read(self, after: Position, most_bytes: int) -> Piece:
        """Read whole lines behind a position; at the end of a closed segment go to the next."""
        later = [s for s in self.segments() if s > (after.series, after.number)]
        try:
            with self._path(after).open("rb") as file:
                file.seek(after.offset)
                content = file.read(most_bytes)
        except FileNotFoundError:
            content = b""  # never written, or removed by hand
        whole = content[: content.rfind(b"\n") + 1]
        if whole:
            moved = after._replace(offset=after.offset + len(whole))
            return Piece(whole.decode(errors="replace").splitlines(), moved)
        # Only a look at the names before reading tells that the end of the file is its last.
        if later and len(content) < most_bytes:
            return Piece([], Position(*later[0], 0))
        return Piece([], after)

    def rotate(self, series: int) -> None:
        """Rename the live file; Envoy writes on into it until it is told to open its log anew."""
        number = next((n for s, n in reversed(self.segments()) if s == series), None)
        if number is not None and self.live(series).exists():
            self.live(series).rename(self._rotated(series, number))

    def forget(self, before: Position) -> None:
        """Remove what was read; the newest of each series stays, its number gives the next one."""
        read = [s for s in self.segments() if s < (before.series, before.number)]
        for series, number in read:
            is_last = (series, number + 1) == (before.series, before.number)
            if not is_last:
                self._path(Position(series, number, 0)).unlink(missing_ok=True)

    def _path(self, at: Position) -> Path:
        rotated = self._rotated(at.series, at.number)
        return rotated if rotated.exists() else self.live(at.series)

    def _rotated(self, series: int, number: int) -> Path:
        return self._folder / f"{series:0{_LIVE_DIGITS}}.{number:0{_LIVE_DIGITS}}.tsv"


def _following(series: int, rotated: list[tuple[int, int]]) -> int:
    return 1 + max((n for s, n in rotated if s == series), default=0)
