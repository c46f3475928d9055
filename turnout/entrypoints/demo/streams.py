"""What became of the streams that were under way at one moment, by the gateway's own log."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from turnout.gateway.lines import Line, end_of, parse
from turnout.statistics.increment import StreamEnd

_US_PER_S = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """Streams that were open at a moment, and those of them that came to their end."""

    streams: int
    whole: int


def under_way(logs: Path, set_name: str, at_s: float) -> UnderWay:
    """Count the streams at a set of instances that had begun before and ended after a moment."""
    at_us = round(at_s * _US_PER_S)
    found = [line for line in _ended(logs) if line.intended == set_name and _spans(line, at_us)]
    whole = sum(end_of(line) is StreamEnd.DONE for line in found)
    return UnderWay(streams=len(found), whole=whole)


def _ended(logs: Path) -> Iterator[Line]:
    for log in sorted(logs.glob("*.tsv")):
        with log.open(encoding="utf-8", errors="replace") as file:
            lines = filter(None, (parse(text.rstrip("\n")) for text in file))
            yield from (line for line in lines if line.ends and line.is_stream)


def _spans(line: Line, at_us: int) -> bool:
    return line.began_us < at_us < line.began_us + (line.total_us or 0)
