"""Ends everything that runs for a folder, whoever started it: by locks, marks and sessions."""

import asyncio
import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from turnout.bootstrap_folder import Folder
from turnout.children import (
    census,
    end_all,
    holders,
    in_session,
    is_locked,
    session_of,
)
from turnout.gateway.folder import socket_of
from turnout.wire.unix_http import Call, ask

_GRACE_S = 10.0
_LOOK_EVERY_S = 0.05
_ANSWER_WITHIN_S = 5.0


async def end_everything(folder: Folder, drain_s: float) -> list[int]:
    """End gateway, instances and jobs of a folder; the controller is not touched.

    Returns:
        Processes that even SIGKILL did not end.
    """
    await stop_gateway(folder, drain_s)
    return await end_all(lambda: running(folder), grace_s=_GRACE_S)


async def end_controller(folder: Folder, within_s: float) -> list[int]:
    """Wait for the controller to end by itself, then end it."""
    loop = asyncio.get_running_loop()
    last_s = loop.time() + within_s
    while is_locked(folder.lock) and loop.time() < last_s:  # noqa: ASYNC110 - a lock tells nobody
        await asyncio.sleep(_LOOK_EVERY_S)
    return await end_all(lambda: _others(holders(folder.lock)), grace_s=_GRACE_S)


def running(folder: Folder) -> list[int]:
    """List the processes that run for a folder, but for its controller and this one."""
    found = set(census(folder.root))
    for lock in _locks(folder):
        if is_locked(lock):
            found.update(_tree(holders(lock)))
    return _others(sorted(found - set(holders(folder.lock))))


async def stop_gateway(folder: Folder, drain_s: float) -> None:
    """Let the gateway drain and end, Envoy with it; one that does not answer is left alone."""
    lock = folder.gateway / "lock"
    if not is_locked(lock):
        return
    call = Call(
        socket=socket_of(folder.gateway),
        method="POST",
        target="/v1/stop",
        body=json.dumps({"drain_s": drain_s}).encode(),
        limit_s=_ANSWER_WITHIN_S,
    )
    loop = asyncio.get_running_loop()
    last_s = loop.time() + drain_s + _GRACE_S
    with contextlib.suppress(OSError):  # one that does not answer is ended like the rest
        await ask(call)
        while is_locked(lock) and loop.time() < last_s:  # noqa: ASYNC110 - likewise, a lock tells nobody
            await asyncio.sleep(_LOOK_EVERY_S)


def _locks(folder: Folder) -> Iterator[Path]:
    yield folder.gateway / "lock"
    yield folder.gateway / "envoy.lock"
    for place in (folder.instances, folder.jobs):
        yield from place.glob("*/lock")


def _tree(pids: list[int]) -> Iterator[int]:
    for pid in pids:
        yield pid
        if session_of(pid) == pid:  # else it is a person's session, not one of ours
            yield from in_session(pid)


def _others(pids: list[int]) -> list[int]:
    return [pid for pid in pids if pid != os.getpid()]
