"""A router in memory: it passes the real one's contract, and fails as it is told."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from turnout.application.ports import Router
from turnout.domain.route import WHOLE_BP, Abilities, Applied, Fence, Observed, Route, Target
from turnout.errors import (
    FencedError,
    GatewayUnreachableError,
    NotReadyError,
    RouteRefusedError,
    StaleRouteError,
)

Trap = Callable[[str], None]
"""Called before and after each effect with its name; raising there plays a crash."""
Drift = Callable[[Route], Mapping[str, Observed]]
"""Gives the endpoints that a router sees by itself while it takes a route."""

_ABILITIES = Abilities(
    live=True, loss_free=True, tester=True, in_flight=True, evidence=False, switch_p99_ms=1.0
)


def no_trap(_: str) -> None:
    """Let every effect pass."""


def no_drift(route: Route) -> Mapping[str, Observed]:
    """See what was told."""
    return route.observed


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the router knows of a service; `asked` None: its route was taken away."""

    fence: Fence
    asked: Route | None
    in_force: Route | None
    refused: str = ""


@dataclass(slots=True)
class MemoryRouter:
    """Every route is in force at once.

    Args:
        open_requests: Requests in flight, by name of set.
        refusing: Services whose next routes are refused, and the proxy's words.
        unwell: Sets that pass no health check while they are named here.
        failing: Verbs (`claim`, `ensure`, `look`, `ensure_gone`, `in_flight`) that raise
            GatewayUnreachableError.
        drift: What is seen of endpoints while a route is taken: they may change under way,
            which no fence forbids.
        trap: Called before and after each effect.
    """

    open_requests: dict[str, int] = field(default_factory=dict)
    refusing: dict[str, str] = field(default_factory=dict)
    unwell: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    drift: Drift = no_drift
    trap: Trap = no_trap
    kept: dict[str, Kept] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)

    @property
    def abilities(self) -> Abilities:
        """Tell what it can do."""
        return _ABILITIES

    async def claim(self, service: str, epoch: int) -> None:
        """Take a new epoch; FencedError when a newer one was there."""
        self._fail_if_told("claim")
        if epoch < self.epochs.get(service, 0):
            raise FencedError(f"{service} obeys epoch {self.epochs[service]}, not {epoch}")
        self.epochs[service] = epoch

    async def ensure(self, route: Route, fence: Fence) -> Applied:
        """Take the whole route of a service."""
        self._fail_if_told("ensure")
        _check(route)
        asked = self._admitted(route, fence)
        await self.claim(route.service, fence.epoch)
        before = self.kept.get(route.service)
        in_force = before.in_force if before else None
        self.trap("router.ensure")
        words = self.refusing.get(route.service, "")
        self.kept[route.service] = Kept(fence=fence, asked=asked, in_force=in_force, refused=words)
        if words:
            raise RouteRefusedError(words)
        self._refuse_unready(asked, in_force)
        seen = replace(asked, observed=self.drift(asked))
        self.kept[route.service] = Kept(fence=fence, asked=seen, in_force=seen)
        self.trap("router.ensured")
        return _applied(self.kept[route.service])

    async def look(self, service: str) -> Applied | None:
        """Tell what is in force."""
        self._fail_if_told("look")
        kept = self.kept.get(service)
        return _applied(kept) if kept and kept.asked else None

    async def ensure_gone(self, service: str, fence: Fence) -> None:
        """Take the route away; its fence is kept."""
        self._fail_if_told("ensure_gone")
        kept = self.kept.get(service)
        if kept is not None and fence < kept.fence:
            raise StaleRouteError(f"{service} obeys {kept.fence}, not {fence}")
        await self.claim(service, fence.epoch)
        self.trap("router.ensure_gone")
        self.kept[service] = Kept(fence=fence, asked=None, in_force=None)
        self.trap("router.gone")

    async def in_flight(self, service: str) -> Mapping[str, int]:
        """Count what was declared open."""
        self._fail_if_told("in_flight")
        kept = self.kept.get(service)
        targets = kept.in_force.targets if kept and kept.in_force else ()
        named = {target.set_name for target in targets}
        left = {name for name, n in self.open_requests.items() if n and _is_of(service, name)}
        return {name: self.open_requests.get(name, 0) for name in sorted(named | left)}

    def served(self, service: str, users: Sequence[str]) -> Mapping[str, str]:
        """Give the version that each user gets; empty where nobody answers."""
        kept = self.kept.get(service)
        route = kept.in_force if kept else None
        return {user: _version(route, user) if route else "" for user in users}

    def _admitted(self, route: Route, fence: Fence) -> Route:
        kept = self.kept.get(route.service)
        if fence.epoch < self.epochs.get(route.service, 0):
            raise FencedError(f"{route.service} obeys epoch {self.epochs[route.service]}")
        if kept is None or fence > kept.fence:
            return route
        if fence < kept.fence or kept.asked is None or not _is_same(kept.asked, route):
            raise StaleRouteError(f"{route.service} obeys {kept.fence}, not {fence}")
        # Endpoints are observations: a newer sequence is taken at an equal revision (D-20).
        return route if route.sequence > kept.asked.sequence else kept.asked

    def _refuse_unready(self, route: Route, before: Route | None) -> None:
        had = {t.set_name: t.weight_bp for t in before.targets} if before else {}
        for target in route.targets:
            if target.weight_bp <= had.get(target.set_name, 0):
                continue
            if target.set_name in self.unwell or not _has_endpoint(route, target):
                raise NotReadyError(f"{target.set_name} has no healthy endpoint")

    def _fail_if_told(self, verb: str) -> None:
        if verb in self.failing:
            raise GatewayUnreachableError(f"the router was told to fail at {verb}")


def build_router(settings: object = None) -> Router:
    """Build an empty router."""
    del settings
    return MemoryRouter()


def _check(route: Route) -> None:
    if route.targets and sum(target.weight_bp for target in route.targets) != WHOLE_BP:
        raise RouteRefusedError(f"the weights of {route.service} do not sum to {WHOLE_BP}")


def _is_same(one: Route, other: Route) -> bool:
    return replace(one, observed={}, sequence=0) == replace(other, observed={}, sequence=0)


def _has_endpoint(route: Route, target: Target) -> bool:
    observed = route.observed.get(target.set_name)
    return observed is not None and bool(observed.endpoints)


def _is_of(service: str, set_name: str) -> bool:
    return set_name.startswith(service + "-")


def _applied(kept: Kept) -> Applied:
    targets = kept.in_force.targets if kept.in_force else ()
    acked = kept.in_force is not None and kept.in_force is kept.asked and not kept.refused
    return Applied(
        fence=kept.fence,
        weights_bp={target.set_name: target.weight_bp for target in targets},
        acked=acked,
        refused=kept.refused,
    )


def _version(route: Route, user: str) -> str:
    # As at the real one: the candidate's part of the users begins at 0 and only grows.
    at_bp = zlib.crc32(f"{route.salt}:{user}".encode()) % WHOLE_BP
    for target in sorted(route.targets, key=lambda target: not target.candidate):
        if at_bp < target.weight_bp:
            return target.version
        at_bp -= target.weight_bp
    return ""
