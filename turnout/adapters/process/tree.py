"""All processes of one instance: its first one, and whatever that one started."""

import asyncio
import os
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from turnout.children import (
    Child,
    ChildSpec,
    adopt,
    end_all,
    holders,
    is_locked,
    members,
    session_of,
    start,
    started_ticks_of,
)
from turnout.errors import RuntimeFaultError

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """Which process an instance began with; `boot` is the run of the host that it belongs to."""

    pid: int
    started_ticks: int
    boot: str


@dataclass(slots=True, kw_only=True)
class Tree:
    """Finds an instance's processes by lock, mark and session; starts and ends them."""

    lock: Path
    mark: str
    root: Root | None = None
    child: Child | None = None

    @property
    def is_alive(self) -> bool:
        """Tell whether the first process runs."""
        return self.child is not None and self.child.is_alive

    @property
    def uptime_s(self) -> float:
        """Say how long ago the first process was started; 0 without one."""
        if self.root is None or self.root.boot != boot():
            return 0.0
        return time.clock_gettime(time.CLOCK_BOOTTIME) - self.root.started_ticks / _TICKS_PER_S

    def find(self) -> Child | None:
        """Take over the first process if it runs; what only descends from it does not count."""
        child = adopt(self.lock)
        if child is not None and session_of(child.pid) != child.pid:
            child.close()
            child = None
        return self._take(child)

    def start(self, spec: ChildSpec) -> None:
        """Start the first process, or take over the one that holds the lock.

        Raises:
            OSError: It cannot be started.
            RuntimeFaultError: Something else holds its lock.
        """
        child = start(spec)
        if (self._take(child) if child is not None else self.find()) is None:
            raise RuntimeFaultError(f"{self.lock} is held by processes that are not its own")

    def members(self) -> list[int]:
        """List its living processes."""
        return members(self.mark, self._session())

    async def end(self, grace_s: float) -> list[int]:
        """End all its processes; give those that do not end, even killed."""
        left = await end_all(self.members, grace_s=grace_s)
        if not left and await asyncio.to_thread(is_locked, self.lock):
            # It dropped both its mark and its session, and kept the lock.
            left = await end_all(lambda: holders(self.lock), grace_s=grace_s)
        return left

    def let_go(self) -> None:
        """Forget the first process; if it runs, it lives on."""
        if self.child is not None:
            self.child.close()
        self.child = None

    def _take(self, child: Child | None) -> Child | None:
        self.let_go()
        self.child = child
        if child is not None:
            ticks = started_ticks_of(child.pid) or 0
            self.root = Root(pid=child.pid, started_ticks=ticks, boot=boot())
        return child

    def _session(self) -> int | None:
        # A session has the number of its first process. After a restart of the host, or once the
        # number has passed to another process, it is a stranger's.
        root = self.root
        if root is None or root.boot != boot():
            return None
        return root.pid if started_ticks_of(root.pid) in (None, root.started_ticks) else None


@cache
def boot() -> str:
    """Give the id of this run of the host."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
