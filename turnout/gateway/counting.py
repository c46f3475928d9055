"""Lines become increments: news of each (second, service, tester, intended, actual, stratum)."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from turnout.gateway.lines import Line, end_of, outcome_of
from turnout.statistics.bins import bin_of
from turnout.statistics.increment import Begun, Ended, Increment, Outcome, StreamEnd

_MILLION = 1_000_000
_US_PER_MS = 1000.0


class Key(NamedTuple):
    """What requests have in common that are counted together."""

    second: int
    service: str
    tester: bool
    intended: str
    actual: str
    stratum: int


class Frozen(NamedTuple):
    """Floor of a service's durations and the age at which its requests are overdue (D-43)."""

    floor_ms: float
    deadline_s: float


UNWATCHED = Frozen(floor_ms=2.0, deadline_s=600.0)


class Run(NamedTuple):
    """A request of which a line came while it ran."""

    key: Key
    began_us: int
    begun: bool
    overdue: bool


class _End(NamedTuple):
    outcome: Outcome
    streamed: bool
    end: StreamEnd
    attempts: int
    ttft_bin: int | None
    duration_bin: int
    chunks_bin: int | None
    tpot_bin: int | None
    begun: bool


@dataclass(slots=True)
class _News:
    started: int = 0
    overdue: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    ended: Counter[_End] = field(default_factory=Counter)
    begun: Counter[tuple[int, int]] = field(default_factory=Counter)


Runs = Mapping[str, Run]


class Counting:
    """Counts lines in the order in which they were written.

    Args:
        is_candidate: Tells of a service and a set whether a failure there is urgent.
    """

    def __init__(self, is_candidate: Callable[[str, str], bool]) -> None:
        self.frozen: Mapping[str, Frozen] = {}
        self.is_urgent = False
        self._is_candidate = is_candidate
        self._news: dict[Key, _News] = {}
        self._runs: dict[str, Run] = {}
        self._running: Counter[Key] = Counter()
        self._changed: dict[str, Run | None] = {}

    def take(self, line: Line, now_us: int) -> None:
        """Count one line that was read at `now_us`."""
        request = _identity(line) if self._runs or not line.ends else ""
        run = self._runs.get(request)
        if not line.ends:
            self._go_on(request, run, line)
            return
        if run is not None:
            self._note(request, None)
        if run is None or not run.overdue:
            self._end(line, run, now_us)

    def abandon(self, now_us: int) -> None:
        """End what ran when the proxy itself was killed: no version is to blame."""
        for request, run in list(self._runs.items()):
            self._note(request, None)
            if not run.overdue:
                news = self._of(run.key)
                news.ended[_lost(run, now_us, self._frozen(run.key.service))] += 1

    def drain(self, now_us: int) -> list[Increment]:
        """Give what is new, once."""
        self._find_overdue(now_us)
        told = [self._increment(key, news) for key, news in self._news.items()]
        self._news.clear()
        self.is_urgent = False
        return told

    def changes(self) -> Mapping[str, Run | None]:
        """Give the requests that began or ceased to be known as running, once."""
        changed, self._changed = self._changed, {}
        return changed

    def runs(self) -> Runs:
        """Give every request that is known to run."""
        return dict(self._runs)

    def restore(self, runs: Runs) -> None:
        """Know again what ran when the last daemon kept its mark."""
        for request, run in runs.items():
            self._note(request, run)
        self._changed.clear()

    def _go_on(self, request: str, run: Run | None, line: Line) -> None:
        has_body = line.is_stream and line.first_us is not None
        if run is None:
            run = Run(_key(line), line.began_us, begun=False, overdue=False)
            self._of(run.key).started += 1
            self._note(request, run)
        if run.overdue or run.begun or not has_body or line.first_us is None:
            return
        frozen = self._frozen(run.key.service)
        at = _bin(line.first_us, frozen.floor_ms)
        self._of(run.key).begun[at, line.attempts] += 1
        self._note(request, run._replace(begun=True))

    def _end(self, line: Line, run: Run | None, now_us: int) -> None:
        key = _key(line)
        if run is not None:
            self._of(run.key)
            key = run.key._replace(actual=key.actual)
        news = self._of(key)
        news.started += run is None
        news.bytes_in += line.bytes_in
        news.bytes_out += line.bytes_out
        end = _end(line, self._frozen(key.service), now_us, begun=run is not None and run.begun)
        news.ended[end] += 1
        is_bad = end.outcome is Outcome.FAILED or end.attempts > 1 or key.intended != key.actual
        if is_bad and key.service in self.frozen and self._is_candidate(key.service, key.intended):
            self.is_urgent = True

    def _find_overdue(self, now_us: int) -> None:
        for request, run in list(self._runs.items()):
            age_s = (now_us - run.began_us) / _MILLION
            if not run.overdue and age_s > self._frozen(run.key.service).deadline_s:
                self._of(run.key).overdue += 1
                self._note(request, run._replace(overdue=True))

    def _note(self, request: str, run: Run | None) -> None:
        before = self._runs.pop(request, None)
        if before is not None and not before.overdue:
            self._running[before.key] -= 1
            if not self._running[before.key]:
                del self._running[before.key]
        if run is not None:
            self._runs[request] = run
            self._running[run.key] += not run.overdue
        self._changed[request] = run

    def _of(self, key: Key) -> _News:
        news = self._news.get(key)
        if news is None:
            news = self._news[key] = _News()
        return news

    def _frozen(self, service: str) -> Frozen:
        return self.frozen.get(service, UNWATCHED)

    def _increment(self, key: Key, news: _News) -> Increment:
        return Increment(
            **key._asdict(),
            started=news.started,
            ended=tuple(Ended(**end._asdict(), n=n) for end, n in news.ended.items()),
            overdue=news.overdue,
            running=self._running[key],
            bytes_in=news.bytes_in,
            bytes_out=news.bytes_out,
            begun=tuple(Begun(at, attempts, n) for (at, attempts), n in news.begun.items()),
        )


def _key(line: Line) -> Key:
    # Where no instance was reached the intended set did not answer for itself.
    intended = line.intended
    return Key(
        second=line.began_us // _MILLION,
        service=line.service,
        tester=line.is_tester,
        intended=intended,
        actual=line.actual or intended,
        stratum=line.stratum,
    )


def _end(line: Line, frozen: Frozen, now_us: int, *, begun: bool) -> _End:
    total_us = line.total_us if line.total_us is not None else max(0, now_us - line.began_us)
    end, chunks, first_us = end_of(line), line.chunks, line.first_us if line.is_stream else None
    tpot_bin = None
    if end is StreamEnd.DONE and chunks and chunks > 1 and first_us is not None:
        tpot_bin = _bin((total_us - first_us) / (chunks - 1), 0.0)
    return _End(
        outcome=outcome_of(line),
        streamed=line.is_stream,
        end=end,
        attempts=line.attempts,
        ttft_bin=None if first_us is None else _bin(first_us, frozen.floor_ms),
        duration_bin=_bin(total_us, frozen.floor_ms),
        chunks_bin=None if chunks is None else bin_of(float(chunks)),
        tpot_bin=tpot_bin,
        begun=begun,
    )


def _lost(run: Run, now_us: int, frozen: Frozen) -> _End:
    return _End(
        outcome=Outcome.MISROUTED,
        streamed=run.begun,
        end=StreamEnd.CUT if run.begun else StreamEnd.NONE,
        attempts=1,
        ttft_bin=None,
        duration_bin=_bin(now_us - run.began_us, frozen.floor_ms),
        chunks_bin=None,
        tpot_bin=None,
        begun=run.begun,
    )


def _bin(microseconds: float, floor_ms: float) -> int:
    return bin_of(microseconds / _US_PER_MS + floor_ms)


def _identity(line: Line) -> str:
    named = f"{line.request_id} {line.began_us}".encode(errors="replace")
    return hashlib.blake2b(named, digest_size=8).hexdigest()
