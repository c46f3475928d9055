"""Ending a tree of processes: asked first, killed when the grace is over, none forgotten."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator

_LOOK_AGAIN_S = 0.05
_KILL_WITHIN_S = 5.0


async def end_all(find: Callable[[], list[int]], *, grace_s: float) -> list[int]:
    """End every process that `find` names, and what appears meanwhile.

    Returns:
        Those that even SIGKILL did not end within seconds (they hang in the kernel).
    """
    loop = asyncio.get_running_loop()
    kill_at_s = loop.time() + grace_s
    asked: set[int] = set()
    while (left := await asyncio.to_thread(find)) and loop.time() < kill_at_s:
        new = [pid for pid in left if pid not in asked]
        await asyncio.to_thread(signal_all, find, new, signal.SIGTERM)
        asked.update(new)
        await _until_ended(left, min(_LOOK_AGAIN_S if new else grace_s, kill_at_s - loop.time()))
    give_up_at_s = loop.time() + _KILL_WITHIN_S
    while left and loop.time() < give_up_at_s:
        await asyncio.to_thread(signal_all, find, left, signal.SIGKILL)
        await _until_ended(left, _LOOK_AGAIN_S)
        left = await asyncio.to_thread(find)
    return left


def signal_all(find: Callable[[], list[int]], pids: list[int], number: signal.Signals) -> None:
    """Send a signal to those of `pids` that `find` still names, never to a reused number."""
    with _held(pids) as descriptors:
        # Found again behind its descriptor, a number is the process that was meant.
        for pid in set(find()) & descriptors.keys():
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(descriptors[pid], number)


async def _until_ended(pids: list[int], limit_s: float) -> None:
    with _held(pids) as descriptors, contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(limit_s, 0.0)):
            for descriptor in descriptors.values():
                await _readable(descriptor)


async def _readable(descriptor: int) -> None:
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(descriptor)


@contextlib.contextmanager
def _held(pids: list[int]) -> Iterator[dict[int, int]]:
    descriptors = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            descriptors[pid] = os.pidfd_open(pid)
    try:
        yield descriptors
    finally:
        for descriptor in descriptors.values():
            os.close(descriptor)
