"""The side file that says whom the instances of a service obey: `instances/<service>.fence`."""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator
from pathlib import Path

from turnout.domain.route import Fence
from turnout.errors import FencedError, RuntimeFaultError

_LIMIT_S = 2.0
_AGAIN_S = 0.01
_DIGITS = 19


class Fences:
    """Keeps the newest fence of each service on disk, compared and written under a lock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def advance(self, service: str, fence: Fence) -> None:
        """Take a fence that is not older than the one kept; FencedError otherwise."""
        async with self._locked(service) as descriptor:
            kept = _read(descriptor, service)
            if fence < kept:
                raise FencedError(
                    f"the instances of {service} obey fence {kept}, not {fence}; "
                    "a newer controller acts for them"
                )
            if fence != kept:
                _write(descriptor, fence)

    async def claim(self, service: str, epoch: int) -> None:
        """Take a new epoch; FencedError when a newer one was there."""
        async with self._locked(service) as descriptor:
            kept = _read(descriptor, service)
            if epoch < kept.epoch:
                raise FencedError(
                    f"the instances of {service} obey epoch {kept.epoch}, not {epoch}; either a "
                    "newer controller acts for them or the store went back in time"
                )
            if epoch > kept.epoch:
                _write(descriptor, Fence(epoch, 0))

    async def kept(self, service: str) -> Fence:
        """Tell the fence in force."""
        async with self.held(service) as kept:
            return kept

    @contextlib.asynccontextmanager
    async def held(self, service: str) -> AsyncIterator[Fence]:
        """Tell the fence in force, which stays so until the end of the block."""
        async with self._locked(service) as descriptor:
            yield _read(descriptor, service)

    @contextlib.asynccontextmanager
    async def _locked(self, service: str) -> AsyncIterator[int]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self._folder / f"{service}.fence", flags, 0o600)
        try:
            await _lock(descriptor, service)
            yield descriptor
        finally:
            os.close(descriptor)


async def _lock(descriptor: int, service: str) -> None:
    try:
        async with asyncio.timeout(_LIMIT_S):
            while not _try_lock(descriptor):  # noqa: ASYNC110 - a lock of files sends no event
                await asyncio.sleep(_AGAIN_S)
    except TimeoutError as error:
        raise RuntimeFaultError(
            f"the fence of {service} is held by another controller that does not go on"
        ) from error


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(descriptor: int, service: str) -> Fence:
    text = os.pread(descriptor, 2 * _DIGITS + 2, 0).decode(errors="replace")
    if not text:
        return Fence(0, 0)
    try:
        epoch, revision = text.split()
        return Fence(int(epoch), int(revision))
    except ValueError as error:
        raise RuntimeFaultError(
            f"the fence of {service} is unreadable; if no other controller acts for it, remove "
            f"{service}.fence from the folder of the instances"
        ) from error


def _write(descriptor: int, fence: Fence) -> None:
    # One write of always the same length: neither a kill nor a full disk leaves half of it, and
    # the file stays the one that is locked. No fsync: power that fails ends the instances too.
    text = f"{fence.epoch:0{_DIGITS}d} {fence.revision:0{_DIGITS}d}\n"
    os.pwrite(descriptor, text.encode(), 0)
