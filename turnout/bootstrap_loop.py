"""Clocks, waiting and background work on the event loop of one process."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVar

from turnout.errors import UnavailableError

T = TypeVar("T")


class SystemClock:
    """The clocks of this host."""

    def mono_s(self) -> float:
        """Give the clock that never jumps."""
        return time.monotonic()

    def wall_s(self) -> float:
        """Give epoch seconds."""
        return time.time()


class LoopTasks:
    """Work in the background, owned here: `close` ends what still runs.

    An exception that nobody expected ends the work alone, and is told to `broke`.
    """

    def __init__(self, broke: Callable[[Exception], None]) -> None:
        self._broke = broke
        self._running: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[object, object, None]) -> None:
        """Run work in the background."""
        task = asyncio.create_task(self._guarded(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def close(self, within_s: float) -> None:
        """Let what runs come to its end for a while, then cancel it."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=within_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def pause_s(self, seconds_s: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds_s)

    async def within_s(self, limit_s: float, work: Awaitable[T]) -> T:
        """Give work a time limit."""
        try:
            async with asyncio.timeout(limit_s):
                return await work
        except TimeoutError as error:
            raise UnavailableError(f"there was no answer within {limit_s:g} s") from error

    async def _guarded(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - a border: one release's fault is not the others'
            self._broke(error)


class LoopBell:
    """Waiting that news cut short."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """End the present or the next wait."""
        self._rung.set()

    async def wait_s(self, limit_s: float) -> None:
        """Return after the time, or when rung."""
        try:
            async with asyncio.timeout(limit_s):
                await self._rung.wait()
        except TimeoutError:
            return
        finally:
            self._rung.clear()
