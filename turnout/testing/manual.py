"""Time that passes only when a test says so, or when work waits."""

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from typing import TypeVar, cast

from turnout.application.ports import Batch, Watched
from turnout.errors import UnavailableError
from turnout.testing.world import START_S

T = TypeVar("T")


class Wait:
    """Let work wait for seconds that `play` lets pass."""

    __slots__ = ("seconds_s",)

    def __init__(self, seconds_s: float) -> None:
        self.seconds_s = seconds_s

    def __await__(self) -> Generator[float, None, None]:
        yield self.seconds_s


@dataclass(slots=True)
class ManualClock:
    """The port `Clock`: both clocks stand still until `go_on`; `jumped_s` moves the wall alone."""

    passed_s: float = 0.0
    jumped_s: float = 0.0
    born_s: float = 500.0

    def mono_s(self) -> float:
        """Give seconds since nobody knows when."""
        return self.born_s + self.passed_s

    def wall_s(self) -> float:
        """Give epoch seconds."""
        return START_S + self.passed_s + self.jumped_s

    def go_on(self, seconds_s: float) -> None:
        """Let time pass."""
        self.passed_s += seconds_s


@dataclass(slots=True)
class ManualTasks:
    """The port `Tasks`: work that is started lies here until a test plays it.

    `paused` is told the seconds of each `pause_s`.
    """

    clock: ManualClock
    paused: Callable[[float], None] = lambda _: None
    started: list[Coroutine[object, object, None]] = field(default_factory=list)

    def start(self, work: Coroutine[object, object, None]) -> None:
        """Keep work for later."""
        self.started.append(work)

    async def pause_s(self, seconds_s: float) -> None:
        """Let the time pass."""
        self.paused(seconds_s)
        await Wait(seconds_s)

    async def within_s(self, limit_s: float, work: Awaitable[T]) -> T:
        """Run work; UnavailableError when it waits for longer than its limit."""
        return cast("T", await _Within(self.clock, limit_s, work))

    def play_started(self) -> None:
        """Run what was started, one after the other, and what that starts."""
        while self.started:
            play(self.clock, self.started.pop(0))

    def close(self) -> None:
        """Drop what was never played."""
        while self.started:
            self.started.pop().close()


@dataclass(slots=True)
class ManualBell:
    """The port `Bell`: a wait lets its time pass; `waits` is told of each before it."""

    clock: ManualClock
    waits: Callable[[], None] = lambda: None
    rung: int = 0

    def ring(self) -> None:
        """Count."""
        self.rung += 1

    async def wait_s(self, limit_s: float) -> None:
        """Let the time pass."""
        self.waits()
        self.clock.go_on(limit_s)


@dataclass(slots=True)
class ReplayedEvidence:
    """The port `Observer`: what was told stays, and is told again to who asks from before it.

    Without a cursor reading begins at the present. `lost` cursors are too old; `away` has no
    evidence. Cursors are numbers of batches, as text.
    """

    told: list[Batch] = field(default_factory=list)
    kept: Sequence[Batch] = ()
    lost: set[str | None] = field(default_factory=set)
    away: bool = False
    past_takes_s: float = 0.0
    watched: list[Mapping[str, Watched]] = field(default_factory=list)
    _present: int | None = field(default=None, init=False)

    def tell(self, batch: Batch) -> None:
        """Tell news; the cursor is given here."""
        cursor = str(len(self.told) + 1)
        self.told.append(
            Batch(cursor=cursor, increments=batch.increments, complete_to=batch.complete_to)
        )

    async def ensure(self, watched: Mapping[str, Watched]) -> None:
        """Note which services are told in detail."""
        self._fail_if_away()
        self.watched.append(dict(watched))

    async def watch(self, after: str | None) -> AsyncIterator[Batch]:
        """Tell what came after a cursor, then end."""
        self._fail_if_away()
        if after in self.lost:
            self._present = None
            raise LookupError(f"nothing is kept after {after}")
        if self._present is None:
            self._present = len(self.told)
        for batch in self.told[self._present if after is None else int(after) :]:
            yield batch

    async def past(self, service: str, last_s: float) -> Sequence[Batch]:
        """Give what was kept from before and told so far, without its heartbeats."""
        del service, last_s
        self._fail_if_away()
        if self.past_takes_s:
            await Wait(self.past_takes_s)
        last = str(len(self.told))
        kept = (*self.kept, *self.told)
        return [
            *(Batch(cursor=last, increments=batch.increments) for batch in kept),
            Batch(cursor=last),
        ]

    def _fail_if_away(self) -> None:
        if self.away:
            raise UnavailableError("the evidence is away")


class _Within:
    def __init__(self, clock: ManualClock, limit_s: float, work: Awaitable[object]) -> None:
        self.clock, self.limit_s, self.work = clock, limit_s, work

    def __await__(self) -> Generator[float, None, object]:
        inner = self.work.__await__()
        left_s = self.limit_s
        while True:
            try:
                wait_s = float(cast("float", next(inner)))
            except StopIteration as ended:
                return ended.value
            if wait_s > left_s:
                yield left_s
                raise UnavailableError(f"there was no answer within {self.limit_s:g} s")
            left_s -= wait_s
            yield wait_s


def play(clock: ManualClock, work: Coroutine[object, object, T]) -> T:
    """Run work to its end; whenever it waits, time passes."""
    while True:
        try:
            wait_s = work.send(None)
        except StopIteration as ended:
            return cast("T", ended.value)
        clock.go_on(float(cast("float", wait_s)))
