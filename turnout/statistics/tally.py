"""What is known of one version's requests that began in the same seconds."""

from collections.abc import Mapping
from typing import Final

from turnout.statistics.bins import BINS, Histogram, bin_of, join
from turnout.statistics.increment import Begun, Ended, Increment, Outcome, StreamEnd
from turnout.statistics.saved import State, count, counts, flat

# No age is shorter than 1 s, so what was known sooner was known at any age.
_SOONEST: Final = bin_of(1000.0)
_PAIR: Final = 1000
_TABLES: Final = ("failed", "passed", "whole", "first", "bodies", "broken", "finished", "tokens")


class Tally:
    """Count starts, and what became of the requests by the time at which it was known.

    A request is decided at its end, a stream at its first body byte (at its end where the gateway
    told of the first byte no sooner). Durations hide in pairs of (known, value).
    """

    def __init__(self) -> None:
        self.started = 0
        self.gone = 0
        self._tables: dict[str, dict[int, int]] = {name: {} for name in _TABLES}

    @property
    def running(self) -> int:
        """Return how many of the requests have not ended yet."""
        return max(0, self.started - self.gone)

    @property
    def tables(self) -> Mapping[str, Mapping[int, int]]:
        """Return the sparse tables by name: `failed`, `passed`, `whole`, `first` and the others."""
        return self._tables

    def take(self, increment: Increment) -> None:
        """Add what is new."""
        misplaced = increment.intended != increment.actual
        self.started += increment.started
        self.gone += increment.overdue
        for begun in increment.begun:
            self._begin(begun, fault=misplaced or begun.attempts > 1)
        for ended in increment.ended:
            self.gone += ended.n
            self._end(ended, fault=misplaced or ended.attempts > 1)

    def add(self, other: "Tally") -> None:
        """Add another second to these."""
        self.started += other.started
        self.gone += other.gone
        for name, table in self._tables.items():
            join(table, other.tables[name])

    def failures(self, age_bin: int, *, hung: bool) -> tuple[int, int]:
        """Return requests and those failed by an age; `hung`: the running ones failed too."""
        failed = self._by("failed", age_bin)
        decided = failed + self._by("passed", age_bin)
        seen = max(self.started, decided)
        return seen, failed + (seen - decided if hung else 0)

    def breaks(self, age_bin: int, *, hung: bool) -> tuple[int, int]:
        """Return streams whose body began and those broken by an age; likewise."""
        broken = self._by("broken", age_bin)
        ended = broken + self._by("finished", age_bin)
        bodies = max(self._by("bodies", age_bin), ended)
        return bodies, broken + (bodies - ended if hung else 0)

    def durations(self, age_bin: int) -> dict[int, int]:
        """Return the durations of whole answers, cut at an age."""
        known = {at: n for at, n in self._tables["whole"].items() if at <= age_bin}
        return _with(known, age_bin + 1, self._undecided(age_bin))

    def first_bytes(self, age_bin: int) -> dict[int, int]:
        """Return the times to the first body byte of streams, cut at an age."""
        return _with(self._pairs("first", age_bin), age_bin + 1, self._undecided(age_bin))

    def token_times(self, age_bin: int, top_bin: int = BINS - 1) -> dict[int, int]:
        """Return the times per token of streams ended by an age; the others count as slowest."""
        bodies, unended = self.breaks(age_bin, hung=True)
        running = unended - self._by("broken", age_bin) if bodies else 0
        return _with(self._pairs("tokens", age_bin), top_bin, running + self._undecided(age_bin))

    def to_dict(self) -> State:
        """Write the counts; empty tables are left out."""
        tables: State = {name: flat(table) for name, table in self._tables.items() if table}
        return {"started": self.started, "gone": self.gone, **tables}

    @classmethod
    def from_dict(cls, state: State) -> "Tally":
        """Read a tally back."""
        tally = cls()
        tally.started, tally.gone = count(state, "started"), count(state, "gone")
        for name in _TABLES:
            if name in state:
                tally._tables[name] = counts(state, name)
        return tally

    def _begin(self, begun: Begun, *, fault: bool) -> None:
        self._count("failed" if fault else "passed", _known(begun.ttft_bin), begun.n)
        if not fault:
            self._count("bodies", _known(begun.ttft_bin), begun.n)
            self._count("first", _pair(begun.ttft_bin, begun.ttft_bin), begun.n)

    def _end(self, ended: Ended, *, fault: bool) -> None:
        known = _known(ended.duration_bin)
        body = ended.streamed and ended.ttft_bin is not None
        if not ended.begun:
            failed = fault or (ended.outcome is Outcome.FAILED and not body)
            self._count("failed" if failed else "passed", known, ended.n)
        if fault:
            return
        if body:
            self._end_stream(ended)
        elif not ended.streamed and ended.outcome in (Outcome.OK, Outcome.USER_LEFT):
            self._count("whole", ended.duration_bin, ended.n)

    def _end_stream(self, ended: Ended) -> None:
        known = _known(ended.duration_bin)
        if not ended.begun and ended.ttft_bin is not None:
            self._count("bodies", known, ended.n)
            self._count("first", _pair(ended.duration_bin, ended.ttft_bin), ended.n)
        if is_broken(ended):
            self._count("broken", known, ended.n)
            return
        self._count("finished", known, ended.n)
        if ended.tpot_bin is not None:
            self._count("tokens", _pair(ended.duration_bin, ended.tpot_bin), ended.n)

    def _count(self, name: str, at: int, n: int) -> None:
        table = self._tables[name]
        table[at] = table.get(at, 0) + n

    def _by(self, name: str, age_bin: int) -> int:
        return sum(n for at, n in self._tables[name].items() if at <= age_bin)

    def _undecided(self, age_bin: int) -> int:
        decided = self._by("failed", age_bin) + self._by("passed", age_bin)
        return max(0, self.started - decided)

    def _pairs(self, name: str, age_bin: int) -> dict[int, int]:
        values: dict[int, int] = {}
        for pair, n in self._tables[name].items():
            known, value = divmod(pair, _PAIR)
            if known <= age_bin:
                values[value] = values.get(value, 0) + n
        return values


def is_broken(ended: Ended) -> bool:
    """Return whether a stream that had begun its body did not end as it should."""
    if ended.outcome is Outcome.OK:
        return ended.end in (StreamEnd.OPEN, StreamEnd.CUT)
    return ended.outcome is Outcome.FAILED


def _known(bin_number: int) -> int:
    return bin_number if bin_number >= _SOONEST else 0


def _pair(known_bin: int, value_bin: int) -> int:
    return _known(known_bin) * _PAIR + value_bin


def _with(values: Histogram, top_bin: int, running: int) -> dict[int, int]:
    joined = dict(values)
    if running:
        joined[top_bin] = joined.get(top_bin, 0) + running
    return joined
