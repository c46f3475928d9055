"""One child process under an inherited lock: started once, adopted by whoever comes next.

The child inherits the open, locked file, so the kernel holds the lock exactly as long as it (or a
descendant that kept the descriptor) lives. No pid file decides anything.
"""

import asyncio
import contextlib
import fcntl
import os
import select
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from turnout.children.proc import MARK, holders, session_of

_UMASK = 0o027


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """How a child is started: its own session, no standard input, output to a file.

    `env` is its whole environment but for the mark, `TURNOUT_INSTANCE=<mark>`.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    folder: Path
    lock: Path
    log: Path
    mark: str


@dataclass(slots=True)
class Child:
    """A running child, its own or an adopted one; `pidfd` becomes readable when it ends."""

    pid: int
    pidfd: int
    is_ours: bool
    _exit: str = field(default="", init=False)

    @property
    def is_alive(self) -> bool:
        """Tell whether it still runs; reaps it when it is a child of this process."""
        if self._exit or self.pidfd < 0:
            return False
        if not _is_readable(self.pidfd):
            return True
        self._exit = _reaped(self.pidfd)
        return False

    @property
    def exit(self) -> str:
        """Say how it ended: `exit 1`, `signal 9`, `ended` if it was not ours; empty before."""
        return "" if self.is_alive else self._exit or "ended"

    async def ended(self) -> None:
        """Wait until it has ended."""
        loop, gone = asyncio.get_running_loop(), asyncio.Event()
        watched = os.dup(self.pidfd)
        loop.add_reader(watched, gone.set)
        try:
            while self.is_alive:
                gone.clear()
                await gone.wait()
        finally:
            loop.remove_reader(watched)
            os.close(watched)

    def send(self, number: signal.Signals) -> None:
        """Send a signal; one that has ended is left alone."""
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(self.pidfd, number)

    def close(self) -> None:
        """Give the descriptor back; the child lives on, or is reaped if it has ended."""
        if self.pidfd >= 0:
            _ = self.is_alive
            with contextlib.suppress(OSError):
                os.close(self.pidfd)
            self.pidfd = -1


def start(spec: ChildSpec) -> Child | None:
    """Start the child, or give None when somebody holds its lock: then it runs already.

    Raises:
        OSError: The command is not to be found or not to be run, or the folder is not there.
    """
    spec.lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(spec.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return _spawn(spec, descriptor)
    except BlockingIOError:
        return None
    finally:
        os.close(descriptor)


def adopt(lock: Path) -> Child | None:
    """Take over the running holder of a lock, the first of its session; None without one."""
    found = holders(lock)
    for pid in sorted(found, key=lambda pid: session_of(pid) != pid):
        try:
            child = Child(pid, os.pidfd_open(pid), is_ours=False)
        except ProcessLookupError:
            continue
        # Looked at again behind the descriptor: the number may have passed to another process.
        if pid in holders(lock):
            return child
        child.close()
    return None


def is_locked(lock: Path) -> bool:
    """Tell whether somebody holds the lock."""
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _spawn(spec: ChildSpec, descriptor: int) -> Child:
    spec.log.parent.mkdir(parents=True, exist_ok=True)
    # A file, never a pipe: a pipe to a dead parent would stop the child.
    with spec.log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - an argument list, never a shell
            spec.argv,
            cwd=spec.folder,
            env={**spec.env, MARK: spec.mark},
            pass_fds=[descriptor],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            umask=_UMASK,
        )
    pidfd = os.pidfd_open(process.pid)
    process.returncode = 0  # reaped through the pidfd, not by subprocess
    return Child(process.pid, pidfd, is_ours=True)


def _is_readable(pidfd: int) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


def _reaped(pidfd: int) -> str:
    try:
        ended = os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG)
    except ChildProcessError:
        return "ended"
    if ended is None:
        return "ended"
    by_signal = ended.si_code != os.CLD_EXITED
    return f"signal {ended.si_status}" if by_signal else f"exit {ended.si_status}"
