"""All instances of one service, and how many of each set there are to be."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import structlog

from turnout.adapters.process.free_port import HOST
from turnout.adapters.process.instance import Instance
from turnout.adapters.process.probe import TCP
from turnout.adapters.process.record import Record, record_of
from turnout.adapters.process.surroundings import Surroundings
from turnout.children import end_all, members
from turnout.domain.version import Endpoint, InstanceSet, Running
from turnout.errors import ShrinkRefusedError

_log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Fleet:
    """Grows and shrinks the sets of a service.

    An instance that is being ended still takes its room: there are never more processes than
    wanted. `past_crashes` are those of instances that are gone, by set. `strays` are marks of
    processes whose folder somebody removed; `turn` lets one change happen at a time.
    """

    around: Surroundings
    service: str
    instances: dict[str, Instance] = field(default_factory=dict)
    past_crashes: dict[str, int] = field(default_factory=dict)
    strays: tuple[str, ...] = ()
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def take_over(self, found: Sequence[Record]) -> None:
        """Adopt what an earlier controller left, running or not."""
        adopted = [self._add(Instance(self.around, record)) for record in found]
        await asyncio.gather(*(instance.take_over() for instance in adopted))
        for instance in adopted:
            self._begin(instance)

    async def converge(
        self, wanted: Mapping[InstanceSet, int], only_while: Mapping[InstanceSet, int]
    ) -> None:
        """Have missing instances started and superfluous ones ended.

        Raises:
            ShrinkRefusedError: What `only_while` names is not ready; nothing was ended.
        """
        self._forget_gone()
        self._end_strays()
        names = {of.name: (of, n) for of, n in wanted.items()}
        leaving = []
        for of, n in wanted.items():
            leaving += self._size(of, n)
        leaving += [i for i in self.instances.values() if i.record.set_name not in names]
        for instance in self.instances.values():
            if instance.record.is_ending and instance not in leaving:
                instance.leave()  # begun by an earlier controller
        if any(not instance.record.is_ending for instance in leaving):
            await self._check(only_while)
        for instance in leaving:
            instance.leave()

    def running(self) -> Mapping[str, Running]:
        """Tell how each set stands."""
        self._forget_gone()
        sets = {instance.record.set_name for instance in self.instances.values()}
        return {name: self._running(name) for name in sorted(sets)}

    def _size(self, of: InstanceSet, n: int) -> list[Instance]:
        """Begin what is missing of a set; give what is too much."""
        mine = self._of(of.name)
        for instance in mine:
            instance.want(of)
        for _ in range(n - len(mine)):
            self._begin(self._add(self._fresh(of)))
        staying = [instance for instance in mine if not instance.record.is_ending]
        staying.sort(key=lambda i: (not i.is_ready, i.record.replica))
        return staying[n:]

    async def _check(self, only_while: Mapping[InstanceSet, int]) -> None:
        for of, n in only_while.items():
            ready = [instance for instance in self._of(of.name) if instance.is_ready]
            well = sum(await asyncio.gather(*(instance.answers() for instance in ready)))
            if well < n:
                raise ShrinkRefusedError(
                    f"nothing of {self.service} is ended: {well} of {n} instances of {of.name}, "
                    "which would carry its traffic, are ready"
                )

    def _fresh(self, of: InstanceSet) -> Instance:
        records = (record_of(of, replica, self.around.kept) for replica in count(1))
        record = next(record for record in records if record.instance not in self.instances)
        return Instance(self.around, record, of)

    def _add(self, instance: Instance) -> Instance:
        self.instances[instance.name] = instance
        return instance

    def _begin(self, instance: Instance) -> None:
        if instance.of is not None:
            instance.want(instance.of)
        self.around.tasks.start(instance.live(), instance.name)

    def _end_strays(self) -> None:
        for mark in self.strays:
            self.around.tasks.start(self._end_stray(mark), mark)
        self.strays = ()

    async def _end_stray(self, mark: str) -> None:
        _log.warning("stray_ended", service=self.service, mark=mark)
        await end_all(lambda: members(mark), grace_s=self.around.settings.grace_s)

    def _forget_gone(self) -> None:
        for instance in [i for i in self.instances.values() if i.is_gone]:
            del self.instances[instance.name]
            name, crashes = instance.record.set_name, instance.record.crashes
            self.past_crashes[name] = self.past_crashes.get(name, 0) + crashes
        sets = {instance.record.set_name for instance in self.instances.values()}
        self.past_crashes = {n: c for n, c in self.past_crashes.items() if n in sets}

    def _of(self, set_name: str) -> list[Instance]:
        return [i for i in self.instances.values() if i.record.set_name == set_name]

    def _running(self, set_name: str) -> Running:
        mine = sorted(self._of(set_name), key=lambda i: i.record.replica)
        ready = [instance for instance in mine if instance.is_ready]
        paths = [i.health.path for i in mine if i.health is not None]
        path = next((path for path in paths if path is not None), None)
        ended = max(mine, key=lambda i: (bool(i.record.last_exit), i.record.failures))
        return Running(
            total=sum(not instance.record.is_over for instance in mine),
            ready=len(ready),
            endpoints=tuple(Endpoint(HOST, instance.record.port) for instance in ready),
            health_path=None if path == TCP else path,
            restarts_before_ready=max(_restarts(instance.record) for instance in mine),
            crashes=self.past_crashes.get(set_name, 0) + sum(i.record.crashes for i in mine),
            failed_probes=max(_failed_probes(instance) for instance in mine),
            last_exit=ended.record.last_exit,
            last_lines=ended.record.last_lines,
            why_not_ready=next((i.why_not_ready for i in mine if i.why_not_ready), ""),
        )


def _restarts(record: Record) -> int:
    return 0 if record.was_ready else max(0, record.starts - 1)


def _failed_probes(instance: Instance) -> int:
    health = instance.health
    if health is None or not health.was_ready or instance.record.is_ending:
        return 0
    return health.fails
