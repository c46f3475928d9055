"""Exact counts of what became of the requests of a load."""

import json
import math
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

UNKNOWN_VERSION = "unknown"
_KEPT_FAILURES = 5
_BIN_RATIO = math.log(1.005)
_LEAST_MS = 0.001


class Outcome(StrEnum):
    """What became of a request."""

    WHOLE = "whole"
    LOST = "lost"
    CUT = "cut"


class Kind(StrEnum):
    """How an answer was asked for: at once or streamed."""

    ANSWER = "answer"
    STREAM = "stream"


_Key = tuple[Kind, str, Outcome]  # the version in the middle


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """One request and what became of it; times are epoch seconds and milliseconds."""

    kind: Kind
    outcome: Outcome
    began_at_s: float
    duration_ms: float
    ttft_ms: float = 0.0
    version: str = UNKNOWN_VERSION
    user: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Requests by what became of them; `open` ones are still waited for."""

    sent: int = 0
    whole: int = 0
    lost: int = 0
    cut: int = 0

    @property
    def open(self) -> int:
        """Return how many are still waited for."""
        return self.sent - self.whole - self.lost - self.cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Ended requests of one version that began in one period."""

    at_s: int
    version: str
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Times of the whole answers of one version; `measure` is answer, stream or ttft."""

    version: str
    measure: str
    n: int
    p50_ms: float
    p90_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the users saw; `late_ms` is how long the load generator itself stood still."""

    began_at_s: float
    ended_at_s: float
    counts: Counts
    late_ms: float
    kinds: Mapping[str, Counts]
    versions: Mapping[str, Counts]
    periods: tuple[Period, ...]
    latencies: tuple[Latency, ...]
    reasons: Mapping[str, int]
    first_failures: tuple[Ended, ...]
    last_failures: tuple[Ended, ...]


def counts_fields(counts: Counts) -> dict[str, int]:
    """Return counts as they stand in a line of JSON."""
    return {**asdict(counts), "open": counts.open}


def report_line(report: Report) -> str:
    """Write a report as one line of JSON."""
    versions = {name: counts_fields(counts) for name, counts in report.versions.items()}
    kinds = {name: counts_fields(counts) for name, counts in report.kinds.items()}
    periods = [
        {"at_s": period.at_s, "version": period.version, **counts_fields(period.counts)}
        for period in report.periods
    ]
    counts = counts_fields(report.counts)
    parts = {"counts": counts, "kinds": kinds, "versions": versions, "periods": periods}
    return json.dumps({"kind": "report", **asdict(report), **parts})


@dataclass(slots=True)
class Quantiles:
    """Quantiles within 0.5 % of any number of times, in constant space."""

    n: int = 0
    bins: Counter[int] = field(default_factory=Counter)

    def add(self, value_ms: float) -> None:
        """Count one time."""
        self.n += 1
        self.bins[math.floor(math.log(max(value_ms, _LEAST_MS)) / _BIN_RATIO)] += 1

    def at(self, ratio: float) -> float:
        """Return the time that this part of all times does not exceed; 0 without any."""
        rank, seen = ratio * self.n, 0
        for place in sorted(self.bins):
            seen += self.bins[place]
            if seen >= rank:
                return round(math.exp((place + 0.5) * _BIN_RATIO), 3)
        return 0.0


class LoadTally:
    """Count requests as they are sent and as they end."""

    def __init__(self, *, period_s: int = 1) -> None:
        self.late_ms = 0.0
        self._period_s = period_s
        self._sent: Counter[Kind] = Counter()
        self._ended: Counter[_Key] = Counter()
        self._in_period: Counter[tuple[int, str, Outcome]] = Counter()
        self._times: dict[tuple[str, str], Quantiles] = {}
        self._reasons: Counter[str] = Counter()
        self._first: list[Ended] = []
        self._last: deque[Ended] = deque(maxlen=_KEPT_FAILURES)

    def sent(self, kind: Kind) -> None:
        """Count a request that goes out."""
        self._sent[kind] += 1

    def was_late(self, late_ms: float) -> None:
        """Take how much after its time the load generator itself sent a request."""
        self.late_ms = max(self.late_ms, late_ms)

    def ended(self, end: Ended) -> None:
        """Count what became of a request."""
        at_s = int(end.began_at_s) // self._period_s * self._period_s
        self._ended[end.kind, end.version, end.outcome] += 1
        self._in_period[at_s, end.version, end.outcome] += 1
        if end.outcome is Outcome.WHOLE:
            self._time(end.version, end.kind.value, end.duration_ms)
            if end.kind is Kind.STREAM:
                self._time(end.version, "ttft", end.ttft_ms)
            return
        self._reasons[end.reason] += 1
        self._last.append(end)
        if len(self._first) < _KEPT_FAILURES:
            self._first.append(end)

    def counts(self) -> Counts:
        """Return the totals as they stand."""
        return _counts(self._by(lambda _: "all")["all"], self._sent.total())

    def versions(self) -> Mapping[str, Counts]:
        """Return the ended requests by the version that answered."""
        return {name: _counts(ends) for name, ends in sorted(self._by(lambda key: key[1]).items())}

    def report(self, *, began_at_s: float, ended_at_s: float) -> Report:
        """Return everything that was counted."""
        kinds = self._by(lambda key: key[0].value)
        return Report(
            began_at_s=round(began_at_s, 3),
            ended_at_s=round(ended_at_s, 3),
            counts=self.counts(),
            late_ms=round(self.late_ms, 1),
            kinds={kind.value: _counts(kinds[kind.value], self._sent[kind]) for kind in Kind},
            versions=self.versions(),
            periods=self._periods(),
            latencies=tuple(_latency(*key, times) for key, times in sorted(self._times.items())),
            reasons=dict(self._reasons.most_common()),
            first_failures=tuple(self._first),
            last_failures=tuple(self._last),
        )

    def _time(self, version: str, measure: str, value_ms: float) -> None:
        self._times.setdefault((version, measure), Quantiles()).add(value_ms)

    def _by(self, name_of: Callable[[_Key], str]) -> defaultdict[str, Counter[Outcome]]:
        groups: defaultdict[str, Counter[Outcome]] = defaultdict(Counter)
        for key, n in self._ended.items():
            groups[name_of(key)][key[2]] += n
        return groups

    def _periods(self) -> tuple[Period, ...]:
        groups: defaultdict[tuple[int, str], Counter[Outcome]] = defaultdict(Counter)
        for (at_s, version, outcome), n in self._in_period.items():
            groups[at_s, version][outcome] += n
        return tuple(
            Period(at_s=at_s, version=version, counts=_counts(ends))
            for (at_s, version), ends in sorted(groups.items())
        )


def _counts(ends: Counter[Outcome], sent: int | None = None) -> Counts:
    return Counts(
        sent=ends.total() if sent is None else sent,
        whole=ends[Outcome.WHOLE],
        lost=ends[Outcome.LOST],
        cut=ends[Outcome.CUT],
    )


def _latency(version: str, measure: str, times: Quantiles) -> Latency:
    return Latency(
        version=version,
        measure=measure,
        n=times.n,
        p50_ms=times.at(0.5),
        p90_ms=times.at(0.9),
        p99_ms=times.at(0.99),
    )
