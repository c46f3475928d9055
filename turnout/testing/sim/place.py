"""The false world of one service: instances and route, with the promises checked in each change."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from turnout.domain.route import WHOLE_BP, Applied, Fence, Route
from turnout.domain.version import Endpoint, InstanceSet, Running
from turnout.errors import FencedError, NotReadyError, ShrinkRefusedError, StaleRouteError
from turnout.testing.sim.scheduler import Scheduler, ViolationError

_NOWHERE = Fence(0, 0)
_NEVER_S = 1e9
_RECENTLY_S = 6.0
_LONG_S = 100.0
_EPSILON_S = 0.01


@dataclass(slots=True)
class Instance:
    """One false instance: when it is ready, and where it answers."""

    ready_at_s: float
    port: int


@dataclass(slots=True)
class Group:
    """The instances of one set. `crashed_s` is when one died last."""

    set: InstanceSet
    wanted: int = 0
    up: list[Instance] = field(default_factory=list)
    loops: bool = False
    crashes: int = 0
    crashed_s: float = -_NEVER_S

    def ready(self, now_s: float) -> list[Instance]:
        """List those that answer."""
        return [instance for instance in self.up if instance.ready_at_s <= now_s]

    def running(self, now_s: float) -> Running:
        """Tell what a runtime would see."""
        ready = self.ready(now_s)
        return Running(
            total=len(self.up),
            ready=len(ready),
            endpoints=tuple(Endpoint("127.0.0.1", instance.port) for instance in ready),
            restarts_before_ready=2 if self.loops else 0,
            crashes=self.crashes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the checks have to know of the service: from its saved rows, at this instant."""

    stable: str | None
    retiring: bool
    replicas: int
    drain_s: float
    targets: Mapping[int, Mapping[str, int]]  # by revision: what its row says of the route
    gives_up: bool = (
        False  # the candidate died: what can answer is the stable version's at once (B-7)
    )

    def able_bp(self, ready: int) -> int:
        """Say which weight so many instances carry."""
        return min(WHOLE_BP, -(-ready * WHOLE_BP // self.replicas))


@dataclass(slots=True)
class Place:
    """Runtime and router of one service."""

    name: str
    scheduler: Scheduler
    groups: dict[str, Group] = field(default_factory=dict)
    runtime_fence: Fence = _NOWHERE
    fence: Fence = _NOWHERE
    content: tuple[object, ...] = ()
    named: frozenset[str] = frozenset()
    sequence: tuple[int, int] = (0, 0)
    weights_bp: dict[str, int] = field(default_factory=dict)
    zero_s: dict[str, float] = field(default_factory=dict)  # when a set lost its last weight
    busy_until_s: dict[str, float] = field(default_factory=dict)
    shown_s: dict[str, float] = field(default_factory=dict)  # when a set got more weight
    next_port: int = 9000

    # --- runtime

    def claim_runtime(self, epoch: int) -> None:
        """Take a new epoch."""
        if epoch < self.runtime_fence.epoch:
            raise FencedError(f"{self.name}: the runtime obeys epoch {self.runtime_fence.epoch}")
        self.runtime_fence = max(self.runtime_fence, Fence(epoch, self.runtime_fence.revision))

    def admit(self, fence: Fence) -> None:
        """Refuse an older fence at the runtime."""
        if fence < self.runtime_fence:
            raise FencedError(f"{self.name}: the runtime obeys {self.runtime_fence}, not {fence}")
        self.runtime_fence = fence

    def grow(self, group: Group, wanted: int, ready_after_s: float) -> None:
        """Start instances that are missing."""
        for _ in range(wanted - group.wanted):
            self.next_port += 1
            ready_at_s = self.scheduler.now_s + ready_after_s
            group.up.append(Instance(ready_at_s, self.next_port))
        self._note(group, wanted)

    def shrink(
        self, group: Group, wanted: int, only_while: Mapping[str, int], facts: Facts
    ) -> None:
        """Stop instances, unless what has to carry their traffic is not ready (E-7)."""
        now_s = self.scheduler.now_s
        for name, least in only_while.items():
            other = self.groups.get(name)
            if name != group.set.name and (other is None or len(other.ready(now_s)) < least):
                raise ShrinkRefusedError(f"{group.set.name} stays: {name} is not ready")
        self._check_shrink(group, wanted, facts)
        group.up = sorted(group.up, key=lambda instance: instance.ready_at_s)[:wanted]
        self._note(group, wanted)

    def _note(self, group: Group, wanted: int) -> None:
        text = f"{group.set.name} {group.wanted}->{wanted} fence {self.runtime_fence}"
        self.scheduler.note(f"RUNTIME {text}")
        group.wanted = wanted

    def _check_shrink(self, group: Group, wanted: int, facts: Facts) -> None:
        name, now_s = group.set.name, self.scheduler.now_s
        if wanted == 0 and name == facts.stable:
            raise ViolationError(f"I-3 the stable version {name} was stopped")
        if wanted == 0 and name in self.named:
            raise ViolationError(f"I-2 {name} was stopped while the router names it")
        self._check_way_back(group, wanted, facts)
        if facts.able_bp(wanted) < self.weights_bp.get(name, 0):
            weight_bp = self.weights_bp[name]
            raise ViolationError(f"I-9 {name} was cut to {wanted} under a weight of {weight_bp} bp")
        idle_s = now_s - self.zero_s.get(name, now_s)
        busy = now_s < self.busy_until_s.get(name, 0.0)
        if wanted == 0 and busy and idle_s < facts.drain_s - _EPSILON_S:
            raise ViolationError(f"I-8 streams of {name} were cut {idle_s:.1f} s after the switch")

    def _check_way_back(self, group: Group, wanted: int, facts: Facts) -> None:
        if wanted or not facts.retiring or facts.stable is None:
            return
        new = self.groups[facts.stable]
        settled = self.scheduler.now_s - new.crashed_s > _RECENTLY_S
        able_bp = self.able_bp(new, facts)
        if settled and able_bp < self.weights_bp.get(facts.stable, 0):
            raise ViolationError(f"I-9 the way back {group.set.name} was stopped too early")

    def able_bp(self, group: Group, facts: Facts) -> int:
        """Say which weight the ready instances carry."""
        return facts.able_bp(len(group.ready(self.scheduler.now_s)))

    # --- router

    def claim_router(self, epoch: int) -> None:
        """Take a new epoch."""
        if epoch < self.fence.epoch:
            raise FencedError(f"{self.name}: the router obeys epoch {self.fence.epoch}")
        self.fence = max(self.fence, Fence(epoch, self.fence.revision))

    def ensure_route(self, route: Route, fence: Fence, facts: Facts) -> Applied:
        """Take a route as a real router does: fence, then content, then endpoints."""
        content = (route.targets, route.fallback, route.settings)
        if fence < self.fence:
            raise StaleRouteError(f"{self.name} obeys {self.fence}, not {fence}")
        if fence.revision == self.fence.revision and self.content and content != self.content:
            raise StaleRouteError(f"{self.name} has other content at {fence}")
        if (fence.epoch, route.sequence) < self.sequence:
            raise StaleRouteError(f"{self.name} has seen newer endpoints")
        weights_bp = {t.set_name: t.weight_bp for t in route.targets if t.weight_bp}
        self._check_route(route, weights_bp, fence, facts)
        self._show(weights_bp, fence)
        self.content, self.sequence = content, (fence.epoch, route.sequence)
        self.named = frozenset(target.set_name for target in route.targets)
        self.fence = max(self.fence, fence)
        return self.applied()

    def applied(self) -> Applied:
        """Tell what is in force."""
        return Applied(fence=self.fence, weights_bp=dict(self.weights_bp), acked=True)

    def _show(self, weights_bp: dict[str, int], fence: Fence) -> None:
        now_s = self.scheduler.now_s
        for name in {*self.weights_bp, *weights_bp}:
            before, now = self.weights_bp.get(name, 0), weights_bp.get(name, 0)
            if before and not now:
                # how long its streams still last is a matter of the name alone: no draw here
                self.zero_s[name] = now_s
                self.busy_until_s[name] = now_s + (sum(name.encode()) + fence.revision * 7) % 40
            if now > before:
                self.shown_s[name] = now_s
        if weights_bp != self.weights_bp:
            self.scheduler.note(f"ROUTER {weights_bp} fence {fence}")
        self.weights_bp = weights_bp

    def _check_route(
        self, route: Route, weights_bp: Mapping[str, int], fence: Fence, facts: Facts
    ) -> None:
        if route.targets and sum(weights_bp.values()) != WHOLE_BP:
            raise ViolationError(f"I-2 the weights of {self.name} are {dict(weights_bp)}")
        said = facts.targets.get(fence.revision)
        if said is not None and said != weights_bp:
            text = f"{dict(weights_bp)} for revision {fence.revision}, which says {dict(said)}"
            raise ViolationError(f"I-4 the router got {text}")
        if fence.revision < self.fence.revision:
            text = f"{self.fence.revision} to {fence.revision}"
            raise ViolationError(f"I-4 the router went back from revision {text}")
        for name, weight_bp in weights_bp.items():
            self._check_capacity(route, name, weight_bp, facts)

    def _check_capacity(self, route: Route, name: str, weight_bp: int, facts: Facts) -> None:
        if weight_bp <= self.weights_bp.get(name, 0) or facts.gives_up:
            return
        group, now_s = self.groups.get(name), self.scheduler.now_s
        others = [
            other for key, other in self.groups.items() if key != name and self.weights_bp.get(key)
        ]
        healthy = all(o.ready(now_s) and now_s - o.crashed_s > _LONG_S for o in others)
        steady = group is not None and now_s - group.crashed_s > _LONG_S
        short = group is None or self.able_bp(group, facts) < weight_bp
        if group is None or (short and steady and healthy and others):
            ready = len(group.ready(now_s)) if group else 0
            text = f"{weight_bp} bp to {name} with {ready} of {facts.replicas} ready"
            raise ViolationError(f"I-1 {text}")
        known = (
            {endpoint.port for endpoint in route.observed[name].endpoints}
            if (name in route.observed)
            else set()
        )
        if not known:
            raise NotReadyError(f"{name} has no endpoint at the router")
