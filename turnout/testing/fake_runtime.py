"""Runtimes in memory: they pass the real one's contract, and fail as they are told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count

from turnout.application.ports import Runtime
from turnout.domain.route import Fence
from turnout.domain.version import Endpoint, InstanceSet, Running
from turnout.errors import FencedError, RuntimeFaultError, ShrinkRefusedError

Trap = Callable[[str], None]
"""Called before and after each effect with its name; raising there plays a crash."""

_HOST, _FIRST_PORT = "127.0.0.1", 9001


def no_trap(_: str) -> None:
    """Let every effect pass."""


@dataclass(slots=True)
class MemoryInstance:
    """One instance that runs nowhere. `rests` are the looks until it is up again."""

    of: InstanceSet
    port: int
    starts: int = 1
    crashes: int = 0
    rests: int = 0
    was_ready: bool = False
    is_ending: bool = False
    failed_probes: int = 0


@dataclass(slots=True)
class MemoryRuntime:
    """Every instance is ready at once, and gone at the look after it was ended.

    Args:
        broken: Versions whose instances end at each start; a look finds the next start.
        slow: Versions that do not get ready while they are named here.
        unwell: Sets that answer no probe while they are named here.
        lingering: Sets whose instances do not end while they are named here.
        failing: Verbs (`claim`, `ensure`, `look`) that raise RuntimeFaultError.
        on_change: Called with the service by `crash`.
        trap: Called before and after each effect.
    """

    broken: set[str] = field(default_factory=set)
    slow: set[str] = field(default_factory=set)
    unwell: set[str] = field(default_factory=set)
    lingering: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    on_change: Callable[[str], None] | None = None
    trap: Trap = no_trap
    instances: dict[str, list[MemoryInstance]] = field(default_factory=dict)
    fences: dict[str, Fence] = field(default_factory=dict)
    _ports: "count[int]" = field(default_factory=lambda: count(_FIRST_PORT))

    async def claim(self, service: str, epoch: int) -> None:
        """Take a new epoch; FencedError when a newer one was there."""
        self._fail_if_told("claim")
        kept = self.fences.get(service, Fence(0, 0))
        if epoch < kept.epoch:
            raise FencedError(f"the instances of {service} obey epoch {kept.epoch}, not {epoch}")
        if epoch > kept.epoch:
            self.fences[service] = Fence(epoch, 0)

    async def ensure(
        self,
        service: str,
        wanted: Mapping[InstanceSet, int],
        fence: Fence,
        only_while: Mapping[InstanceSet, int],
    ) -> None:
        """Bring about the complete set of a service's instances."""
        self._fail_if_told("ensure")
        self._advance(service, fence)
        self.trap("runtime.ensure")
        mine = self.instances.setdefault(service, [])
        self._forget_gone(mine)
        for of, n in wanted.items():
            missing = n - sum(instance.of.name == of.name for instance in mine)
            mine += [MemoryInstance(of, next(self._ports)) for _ in range(missing)]
        self.trap("runtime.grew")
        leaving = self._superfluous(mine, wanted)
        if leaving:
            self._check(service, only_while)
        for instance in leaving:
            instance.is_ending = True
        self.trap("runtime.ensured")

    async def look(self, service: str) -> Mapping[str, Running]:
        """Tell how each set stands; time goes on by one look."""
        self._fail_if_told("look")
        mine = self.instances.get(service, [])
        names = sorted({instance.of.name for instance in mine})
        told = {name: self._running([i for i in mine if i.of.name == name]) for name in names}
        self._forget_gone(mine)
        for instance in mine:
            self._age(instance)
        return told

    def crash(self, set_name: str) -> None:
        """End one instance of a set; the look after the next one finds it up again."""
        for service, mine in self.instances.items():
            for instance in mine:
                if instance.of.name == set_name and not instance.is_ending:
                    instance.crashes += instance.was_ready or self._is_ready(instance)
                    instance.was_ready, instance.rests = True, 2
                    instance.starts += 1
                    self._tell(service)
                    return

    def move(self, set_name: str) -> None:
        """Give the instances of a set other ports, as after a restart elsewhere."""
        for mine in self.instances.values():
            for instance in mine:
                if instance.of.name == set_name:
                    instance.port = next(self._ports)

    def _advance(self, service: str, fence: Fence) -> None:
        kept = self.fences.get(service, Fence(0, 0))
        if fence < kept:
            raise FencedError(f"the instances of {service} obey fence {kept}, not {fence}")
        self.fences[service] = fence

    def _superfluous(
        self, mine: list[MemoryInstance], wanted: Mapping[InstanceSet, int]
    ) -> list[MemoryInstance]:
        sizes = {of.name: n for of, n in wanted.items()}
        leaving = []
        for name in {instance.of.name for instance in mine}:
            staying = [i for i in mine if i.of.name == name and not i.is_ending]
            staying.sort(key=lambda i: not self._is_ready(i))
            leaving += staying[sizes.get(name, 0) :]
        return leaving

    def _check(self, service: str, only_while: Mapping[InstanceSet, int]) -> None:
        for of, n in only_while.items():
            mine = self.instances[service]
            ready = sum(self._is_ready(i) for i in mine if i.of.name == of.name)
            if ready < n:
                raise ShrinkRefusedError(f"{ready} of {n} instances of {of.name} are ready")

    def _is_ready(self, instance: MemoryInstance) -> bool:
        version, name = instance.of.version.name, instance.of.name
        troubled = version in self.broken | self.slow or name in self.unwell
        return not (instance.is_ending or instance.rests or troubled)

    def _age(self, instance: MemoryInstance) -> None:
        instance.was_ready = instance.was_ready or self._is_ready(instance)
        instance.rests = max(0, instance.rests - 1)
        unwell = instance.of.name in self.unwell and instance.was_ready
        instance.failed_probes = instance.failed_probes + 1 if unwell else 0
        if instance.of.version.name in self.broken:
            instance.starts += 1
            instance.crashes += instance.was_ready

    def _running(self, mine: list[MemoryInstance]) -> Running:
        ready = [instance for instance in mine if self._is_ready(instance)]
        ended = any(instance.starts > 1 for instance in mine)
        return Running(
            total=len(mine),
            ready=len(ready),
            endpoints=tuple(Endpoint(_HOST, instance.port) for instance in ready),
            health_path="/health",
            restarts_before_ready=max(0 if i.was_ready else i.starts - 1 for i in mine),
            crashes=sum(instance.crashes for instance in mine),
            failed_probes=max(instance.failed_probes for instance in mine),
            last_exit="exit 1" if ended else "",
            last_lines=("it was told to end",) if ended else (),
            why_not_ready="" if len(ready) == len(mine) else "it was told not to be ready",
        )

    def _forget_gone(self, mine: list[MemoryInstance]) -> None:
        mine[:] = [i for i in mine if not i.is_ending or i.of.name in self.lingering]

    def _fail_if_told(self, verb: str) -> None:
        if verb in self.failing:
            raise RuntimeFaultError(f"the runtime was told to fail at {verb}")

    def _tell(self, service: str) -> None:
        if self.on_change is not None:
            self.on_change(service)


@dataclass(slots=True)
class WanderingRuntime:
    """A runtime whose instances answer elsewhere at every look, at the same fence.

    Endpoints are observations, not decisions (D-20): nothing may depend on their standing still.
    """

    inside: MemoryRuntime = field(default_factory=MemoryRuntime)

    async def claim(self, service: str, epoch: int) -> None:
        """Take a new epoch."""
        await self.inside.claim(service, epoch)

    async def ensure(
        self,
        service: str,
        wanted: Mapping[InstanceSet, int],
        fence: Fence,
        only_while: Mapping[InstanceSet, int],
    ) -> None:
        """Bring about the complete set of a service's instances."""
        await self.inside.ensure(service, wanted, fence, only_while)

    async def look(self, service: str) -> Mapping[str, Running]:
        """Tell how each set stands, each at other endpoints than before."""
        for instance in self.inside.instances.get(service, []):
            self.inside.move(instance.of.name)
        return await self.inside.look(service)


def build_runtime(settings: Mapping[str, str]) -> Runtime:
    """Make a runtime in memory from the release file's settings: `broken` and `slow` versions."""
    return MemoryRuntime(
        broken=set(settings.get("broken", "").split()), slow=set(settings.get("slow", "").split())
    )
