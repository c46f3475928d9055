"""Virtual time: a heap of what happens next, processes that are killed, stopped or skewed."""

import heapq
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from turnout.errors import UnavailableError

T = TypeVar("T")

_START_S = 1_700_000_000.0


class ViolationError(BaseException):
    """A promise was broken; the sentence begins with the invariant's number.

    No border of the product may take it for a fault of its own, so it is not an Exception.
    """


@dataclass(slots=True)
class Host:
    """One controller process. A kill raises its generation: what it ran never goes on."""

    name: str
    generation: int = 0
    stalled_until_s: float = 0.0
    skew_s: float = 0.0
    born_s: float = 0.0


@dataclass(order=True, slots=True)
class _Event:
    at_s: float
    number: int
    act: Callable[[], None] = field(compare=False)
    host: Host | None = field(compare=False, default=None)
    generation: int = field(compare=False, default=0)
    drop: Callable[[], None] = field(compare=False, default=lambda: None)


class Pause:
    """Wait for virtual seconds."""

    __slots__ = ("seconds_s",)

    def __init__(self, seconds_s: float) -> None:
        self.seconds_s = seconds_s

    def __await__(self) -> Generator[float, None, None]:
        yield self.seconds_s


@dataclass(slots=True)
class Scheduler:
    """Runs coroutines whose only way to wait is `Pause`; nothing else passes time."""

    now_s: float = 0.0
    tracing: bool = False
    lines: list[str] = field(default_factory=list)
    _heap: list[_Event] = field(default_factory=list)
    _number: int = 0

    def at(
        self,
        at_s: float,
        act: Callable[[], None],
        host: Host | None = None,
        drop: Callable[[], None] = lambda: None,
    ) -> None:
        """Let something happen, in a process if one is named; `drop` is called if it died."""
        self._number += 1
        generation = host.generation if host else 0
        heapq.heappush(self._heap, _Event(at_s, self._number, act, host, generation, drop))

    def start(self, host: Host, work: Coroutine[object, object, None]) -> None:
        """Run a coroutine in a process."""

        def resume() -> None:
            try:
                wait_s = work.send(None)
            except StopIteration:
                return
            self.at(self.now_s + float(wait_s), resume, host, work.close)  # type: ignore[arg-type]  # Pause yields floats

        self.at(self.now_s, resume, host, work.close)

    def run(self, end_s: float, is_done: Callable[[], bool]) -> None:
        """Let things happen until the end, or 60 s after everything is done."""
        done = False
        while self._heap and self._heap[0].at_s <= end_s:
            event = heapq.heappop(self._heap)
            host = event.host
            if host is not None and host.generation != event.generation:
                event.drop()
                continue
            if host is not None and host.stalled_until_s > event.at_s:
                self.at(host.stalled_until_s, event.act, host, event.drop)
                continue
            self.now_s = event.at_s
            event.act()
            if not done and is_done():
                done, end_s = True, min(end_s, event.at_s + 60)

    def note(self, text: str) -> None:
        """Write a line of the trace."""
        if self.tracing:
            self.lines.append(f"{self.now_s:9.2f} {text}")


@dataclass(slots=True)
class VirtualClock:
    """The port `Clock` of one process."""

    scheduler: Scheduler
    host: Host

    def mono_s(self) -> float:
        """Give seconds since the process was born."""
        return self.scheduler.now_s - self.host.born_s

    def wall_s(self) -> float:
        """Give epoch seconds as this process believes."""
        return _START_S + self.scheduler.now_s + self.host.skew_s


@dataclass(slots=True)
class VirtualTasks:
    """The port `Tasks` of one process."""

    scheduler: Scheduler
    host: Host

    def start(self, work: Coroutine[object, object, None]) -> None:
        """Run work side by side."""
        self.scheduler.start(self.host, work)

    async def pause_s(self, seconds_s: float) -> None:
        """Wait."""
        await Pause(seconds_s)

    async def within_s(self, limit_s: float, work: Awaitable[T]) -> T:
        """Run work with a limit; what is late is not waited for."""
        return await _Within(self.scheduler, limit_s, work)


@dataclass(slots=True)
class VirtualBell:
    """The port `Bell`: it looks again soon instead of being rung."""

    every_s: float = 1.0

    def ring(self) -> None:
        """Do nothing: the next look is near."""

    async def wait_s(self, limit_s: float) -> None:
        """Wait a step of virtual time."""
        await Pause(max(limit_s, self.every_s))


class _Within(Generic[T]):
    def __init__(self, scheduler: Scheduler, limit_s: float, work: Awaitable[T]) -> None:
        self.scheduler, self.limit_s, self.work = scheduler, limit_s, work

    def __await__(self) -> Generator[float, None, T]:
        inner = self.work.__await__()
        deadline_s = self.scheduler.now_s + self.limit_s
        while True:
            try:
                wait_s = float(next(inner))
            except StopIteration as ended:
                return ended.value  # type: ignore[no-any-return]  # T by construction
            left_s = deadline_s - self.scheduler.now_s
            if wait_s > left_s:
                yield max(0.0, left_s)
                raise UnavailableError(f"no answer within {self.limit_s} s")
            yield wait_s
