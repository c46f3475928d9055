"""One instance: kept running, watched, started again, and ended with all its processes."""

import asyncio
from dataclasses import dataclass, field

import structlog

from turnout.adapters.process import record as records
from turnout.adapters.process.environment import redacted
from turnout.adapters.process.free_port import is_free
from turnout.adapters.process.health import Health, PortTakenError
from turnout.adapters.process.launch import LOCK, prepare
from turnout.adapters.process.log_files import last_lines, size_of
from turnout.adapters.process.owned import first_of
from turnout.adapters.process.record import Record
from turnout.adapters.process.surroundings import Surroundings
from turnout.adapters.process.tree import Tree, boot
from turnout.domain.version import InstanceSet, Restart
from turnout.errors import RuntimeFaultError

_log = structlog.get_logger()

_REST_S, _REST_MOST_S, _LASTS_S = 0.2, 10.0, 60.0
_REMAINS_GRACE_S = 2.0
_PORTS_TRIED = 3
_AGAIN_S = 1.0


@dataclass(slots=True, eq=False)
class Instance:
    """Keeps one instance as it is wanted; `live` is the work, everything else asks or tells."""

    around: Surroundings
    record: Record
    of: InstanceSet | None = None
    health: Health | None = None
    is_gone: bool = False
    why: str = "it is about to be started"
    tree: Tree = field(init=False)
    _log_from_bytes: int = 0
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _leaving: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.tree = Tree(
            lock=self.around.folder_of(self.name) / LOCK,
            mark=self.around.mark_of(self.name),
            root=self.record.root,
        )

    @property
    def name(self) -> str:
        """Give its name: `guard-r17-2`."""
        return self.record.instance

    @property
    def is_ready(self) -> bool:
        """Tell whether it can be given users now."""
        healthy = self.health is not None and self.health.is_ready
        return healthy and self.tree.is_alive and not self.record.is_ending

    @property
    def why_not_ready(self) -> str:
        """Say why it cannot be given users; empty when it can."""
        if self.is_ready:
            return ""
        if self.health is not None and self.tree.is_alive and not self.record.is_ending:
            return self.health.why
        return self.why

    def want(self, of: InstanceSet) -> None:
        """Tell what it is an instance of, so that it may be started again."""
        self.of = of
        self._wanted.set()

    def leave(self) -> None:
        """Have it ended for good: `live` does so, and returns."""
        if not self.record.is_ending:
            self._keep(is_ending=True, is_ready=False)
        self.why = "it is being ended"
        self._leaving.set()

    async def answers(self) -> bool:
        """Ask it now whether it is well."""
        return self.health is not None and self.tree.is_alive and await self.health.answers()

    async def take_over(self) -> None:
        """Find the process that an earlier controller started, or take note of its end."""
        before = self.record.root
        if await asyncio.to_thread(self.tree.find) is not None:
            self._found()
            if self.record.is_ready and self.health is not None:
                self.health.is_ready = await self.answers()
        elif before is not None and before.boot == boot() and not self.record.is_ending:
            self._note_end("ended", uptime_s=0.0)

    async def live(self) -> None:
        """Keep it running until it is told to leave; then end it."""
        while not self._leaving.is_set():
            try:
                await self._run_once()
            except (OSError, RuntimeFaultError) as error:
                self.why = f"it cannot be looked after: {error}"
                _log.warning("instance_not_kept", instance=self.name, because=str(error))
                await self._rest(_AGAIN_S)
        await self._end()

    async def _run_once(self) -> None:
        if self.tree.child is None:
            if self.record.is_over:
                await self._leaving.wait()
                return
            await first_of(self._wanted.wait(), self._leaving.wait())
            if self.of is not None and not self._leaving.is_set():
                await self._start(self.of)
        if self.tree.child is not None and not self._leaving.is_set():
            await self._watch()

    async def _start(self, of: InstanceSet) -> None:
        if not await self._may_act():
            return
        if await asyncio.to_thread(self.tree.find) is None:
            await self.tree.end(_REMAINS_GRACE_S)
            # Minutes may have passed for a process that was stopped: the right to start is
            # looked at again, and held until the start is made.
            async with self.around.authority(of.service) as ours:
                if ours and not self._leaving.is_set():
                    self._launch(of)
        if self.tree.child is not None:
            self._found()
        elif self.record.last_exit:
            await self._back_off()

    def _launch(self, of: InstanceSet) -> None:
        port = self.record.port
        if not port or not is_free(port):
            self._keep(port=self.around.promise_port(self.name))
        try:
            launch = prepare(self.around, of, self.record)
            self._save(launch.record)
            self._log_from_bytes = size_of(launch.child.log)
            self.tree.start(launch.child)
        except (OSError, RuntimeFaultError) as error:
            self._keep(starts=self.record.starts + 1)
            self._note_end(f"could not start: {error}", uptime_s=0.0)

    def _found(self) -> None:
        """Write down which process it is; a start is counted once, whoever began it."""
        known = self.record.root == self.tree.root
        if not known:
            self._keep(root=self.tree.root, starts=self.record.starts + 1, is_ready=False)
            _log.info("instance_started", instance=self.name, port=self.record.port)
        self.around.ports[self.name] = self.record.port
        self.health = Health(
            around=self.around,
            service=self.record.service,
            port=self.record.port,
            ready=self.record.ready,
            members=self.tree.members,
            is_ready=known and self.record.is_ready,
        )

    async def _watch(self) -> None:
        child, health = self.tree.child, self.health
        if child is None or health is None:
            return
        taken = False
        try:
            await first_of(child.ended(), self._leaving.wait(), health.watch(self._note_health))
        except PortTakenError:
            taken = True
        if self._leaving.is_set() or not await self._may_act():
            return
        uptime_s = self.tree.uptime_s
        await self.tree.end(_REMAINS_GRACE_S)
        how = child.exit
        self.tree.let_go()
        taken = taken or not (health.was_ready or is_free(self.record.port))
        if not (taken and self._try_another_port()):
            self._note_end(how, uptime_s=uptime_s)
            await self._back_off()

    async def _may_act(self) -> bool:
        """Tell whether this controller may act; else let some time pass."""
        async with self.around.authority(self.record.service) as ours:
            if ours:
                return True
        self.why = "a newer controller acts for it"
        await self._rest(_AGAIN_S)
        return False

    def _try_another_port(self) -> bool:
        record = self.record
        if record.changed_ports >= _PORTS_TRIED:
            return False
        _log.warning("port_was_taken", instance=self.name, port=record.port)
        self.why = f"port {record.port} is held by somebody else; another one is tried"
        changed = record.changed_ports + 1
        self._keep(port=0, root=None, changed_ports=changed, starts=record.starts - 1)
        return True

    def _note_health(self) -> None:
        is_ready = self.health is not None and self.health.is_ready
        if is_ready:
            _log.info("instance_became_ready", instance=self.name, port=self.record.port)
            self._keep(is_ready=True, was_ready=True, changed_ports=0)
        else:
            _log.warning("instance_lost_readiness", instance=self.name, because=self.why_not_ready)
            self._keep(is_ready=False)
        self.around.changed(self.record.service)

    def _note_end(self, how: str, *, uptime_s: float) -> None:
        record, run = self.record, self.of.version.run if self.of else None
        lines = last_lines(self.around.settings.log_of(self.name), self._log_from_bytes)
        is_over = record.restart is Restart.NEVER or (
            record.restart is Restart.ON_FAILURE and how == "exit 0"
        )
        self._keep(
            root=None,
            is_ready=False,
            is_over=is_over,
            crashes=record.crashes + record.was_ready,
            failures=1 if uptime_s >= _LASTS_S else record.failures + 1,
            last_exit=how,
            last_lines=redacted(lines, run) if run else lines,
        )
        begun = "" if record.was_ready else " before it was ready"
        then = "is not started again" if is_over else "is started again"
        self.why = f"{how}{begun}; it {then} (run.restart: {record.restart})"
        _log.warning("instance_ended", instance=self.name, how=how, starts_again=not is_over)
        self.around.changed(record.service)

    async def _back_off(self) -> None:
        if not self.record.is_over:
            await self._rest(min(_REST_MOST_S, _REST_S * 2 ** min(self.record.failures - 1, 10)))

    async def _rest(self, rest_s: float) -> None:
        await first_of(asyncio.sleep(rest_s), self._leaving.wait())

    async def _end(self) -> None:
        while left := await self.tree.end(self.around.settings.grace_s):
            self.why = f"processes {left} do not end, even killed"
            _log.error("instance_did_not_end", instance=self.name, pids=left)
            await asyncio.sleep(_AGAIN_S)
        self.tree.let_go()
        self.around.ports.pop(self.name, None)
        await asyncio.to_thread(records.remove, self.around.folder_of(self.name))
        self.is_gone = True
        _log.info("instance_went", instance=self.name)
        self.around.changed(self.record.service)

    def _keep(self, **changes: object) -> None:
        self._save(self.record.model_copy(update=changes))

    def _save(self, record: Record) -> None:
        self.record = record
        records.save(self.around.folder_of(record.instance), record)
