"""The calls of a controller: who has authority, what is kept, and what is in force."""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import structlog

from turnout.domain.route import Fence, Route
from turnout.errors import GatewayUnreachableError, RouteRefusedError, TurnoutError
from turnout.gateway.addresses import refuse_taken
from turnout.gateway.ads import Ads, Refusal
from turnout.gateway.applying import Applying, Change
from turnout.gateway.checks import check
from turnout.gateway.listener import listener_name
from turnout.gateway.messages import LISTENER, ROUTE
from turnout.gateway.references import value_of
from turnout.gateway.resources import Resources, resources_of
from turnout.gateway.rows import Row, Rows
from turnout.wire.calls import InForce, PutService
from turnout.wire.route import fence_of

# A call of the controller must not wait long behind a trial of our own.
_SETTLE_S = 0.5
_ONE_LOOK_S = 0.05
# A new cluster passes its first health check at once, or it is not ready.
_READY_S = 1.0
_log = structlog.get_logger()


class Services:
    """All services of the gateway.

    Args:
        rows: What is kept of them.
        ads: What Envoy is wanted to hold.
        applying: The way from one route to the next.
    """

    def __init__(self, rows: Rows, ads: Ads, applying: Applying) -> None:
        self._rows = rows
        self._ads = ads
        self._applying = applying
        self._log_path = Path()
        self._made: dict[str, list[tuple[Route, Resources]]] = {}
        self._acked: dict[str, tuple[Fence, float]] = {}
        self._busy: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._reign = asyncio.Lock()

    @property
    def is_connected(self) -> bool:
        """Tell whether Envoy is on the line."""
        return self._ads.is_connected

    def fence(self, service: str) -> str | None:
        """Give the fence that a service obeys."""
        row = self._rows.get(service)
        return str(row.fence) if row else None

    async def offer_all(self, log: Path, own_pid: int | None) -> None:
        """Want every service's route of an Envoy that was started or adopted.

        Args:
            log: Its access log.
            own_pid: Its process when it was adopted and holds its addresses, else None.
        """
        if log != self._log_path:
            self._log_path = log
            self._made.clear()
        self._ads.removes_unknown = not self._rows.unreadable
        for service, row in self._rows.all().items():
            if (route := row.wanted) is None:
                continue
            try:
                if own_pid is None:
                    await asyncio.to_thread(refuse_taken, route.settings.listen, None)
            except RouteRefusedError as e:
                _log.error("listener_withheld", service=service, reason=str(e))
            else:
                self._applying.want(self._resources(route, strict=False))

    async def settle(self) -> None:
        """Try again what is wanted and not in force; the controller may be dead."""
        for service, row in list(self._rows.all().items()):
            if not self._ads.is_connected or row.wanted is None or self._is_settled(row):
                continue
            async with self._busy[service]:
                with contextlib.suppress(TurnoutError):
                    await self._apply(service, row.wanted, _SETTLE_S)

    async def put(self, service: str, told: PutService, wait_s: float) -> InForce:
        """Keep a route, bring it about, and tell what is in force then."""
        fence, digest = fence_of(told.fence), told.route.digest()
        async with self._busy[service]:
            self._rows.admit(service, fence, digest)
            route = told.route.to_domain(told.endpoints)
            row = self._rows.get(service)
            following = self._following(row, Row(fence=fence, digest=digest, asked=route))
            if following is not row:
                await self._take(service, following)
            if following.refused:
                raise RouteRefusedError(following.refused)  # asked again: the same answer
            await self._apply(service, following.wanted, wait_s)
            return self._in_force(service, self._rows.all()[service])

    async def delete(self, service: str, fence: Fence, wait_s: float) -> None:
        """Take a service's route away; its fence is kept."""
        async with self._busy[service]:
            row = self._rows.get(service)
            self._rows.admit(service, fence, row.digest if row else "")
            await self.claim(fence.epoch)
            await self._save(service, Row(fence=fence, digest="", asked=None))
            if row is not None and (route := row.wanted or row.asked) is not None:
                async with _limited(service, wait_s):
                    await self._applying.withdraw(route, self._unused(service, route))

    async def claim(self, epoch: int) -> Mapping[str, Fence]:
        """Let a reign begin; tell where each service stands."""
        async with self._reign:
            if epoch != self._rows.epoch:
                await asyncio.to_thread(self._rows.claim, epoch)
        return {service: row.fence for service, row in self._rows.all().items()}

    def look(self, service: str) -> InForce | None:
        """Tell what is in force for a service; None without a route."""
        row = self._rows.get(service)
        return self._in_force(service, row) if row and row.asked else None

    def look_all(self) -> Mapping[str, InForce]:
        """Tell what is in force for every service."""
        return {
            service: self._in_force(service, row)
            for service, row in self._rows.all().items()
            if row.asked is not None
        }

    async def refused(self, refusal: Refusal) -> None:
        """Go back to the last good route of whom a refused resource belongs to."""
        if refusal.kind == LISTENER:
            # An address that is taken is no fault of the route: it is tried again.
            _log.error("listener_refused", address=refusal.name, text=refusal.text)
            return
        for service, row in list(self._rows.all().items()):
            if row.asked is None or row.refused or not self._is_part(row.asked, refusal):
                continue
            await self._save(service, replace(row, refused=refusal.text))
            _log.error("route_refused", service=service, fence=str(row.fence), text=refusal.text)
            self._fall_back(row)

    def route(self, service: str) -> Route | None:
        """Give the route that Envoy has to hold."""
        row = self._rows.get(service)
        return row.wanted if row else None

    async def _take(self, service: str, row: Row) -> None:
        if row.asked is not None:
            check(row.asked, self._others(service))
            made = self._resources(row.asked, strict=True)
            if not self._ads.has(LISTENER, made.listener):
                await self._applying.refuse_taken(row.asked.settings.listen)
        await self.claim(row.fence.epoch)
        await self._save(service, row)

    async def _save(self, service: str, row: Row) -> None:
        await asyncio.to_thread(self._rows.save, service, row)

    async def _apply(self, service: str, route: Route | None, wait_s: float) -> None:
        if route is None:
            return
        before = self._route_in_force(self._rows.all()[service])
        made = self._resources(route, strict=True)
        unused = self._unused(service, before) - set(made.listener) if before else set()
        change = Change(
            route=route,
            made=made,
            before=before,
            unused=frozenset(unused),
            ready_within_s=_READY_S if wait_s > _SETTLE_S else _ONE_LOOK_S,
        )
        async with _limited(service, wait_s):
            await self._applying.apply(change)
        self._rows.note_good(service, route)

    def _fall_back(self, row: Row) -> None:
        if row.good is not None:
            self._applying.want(self._resources(row.good, strict=False))
        elif row.asked is not None:
            unused = self._unused(row.asked.service, row.asked)
            self._applying.unwant(self._resources(row.asked, strict=False), unused)

    def _following(self, row: Row | None, told: Row) -> Row:
        if row is None:
            return told
        # Under the same fence only what is observed may be newer (D-20).
        if told.fence == row.fence and _sequence(told) <= _sequence(row):
            return row
        return replace(told, good=self._route_in_force(row) or row.good)

    def _is_settled(self, row: Row) -> bool:
        return row.wanted is None or self._applying.is_in_force(
            self._resources(row.wanted, strict=False)
        )

    def _is_part(self, route: Route, refusal: Refusal) -> bool:
        named = self._resources(route, strict=False).by_kind()[refusal.kind]
        found = named.get(refusal.name)
        return found is not None and found.version == refusal.version

    def _in_force(self, service: str, row: Row) -> InForce:
        route = self._route_in_force(row)
        acked = row.asked is not None and not row.refused and self._is_settled(row)
        if acked and self._acked.get(service, (None,))[0] != row.fence:
            self._acked[service] = (row.fence, time.time())
        return InForce(
            fence=str(row.fence),
            digest=row.digest,
            weights_bp={t.set_name: t.weight_bp for t in route.targets} if route else {},
            acked=acked,
            acked_at_s=self._acked[service][1] if acked else None,
            refused=row.refused,
        )

    def _route_in_force(self, row: Row) -> Route | None:
        for route in (row.asked, row.good):
            if route and self._ads.holds(ROUTE, self._resources(route, strict=False).table):
                return route
        return None

    def _others(self, service: str) -> Mapping[str, Route]:
        return {
            name: row.asked
            for name, row in self._rows.all().items()
            if name != service and row.asked is not None
        }

    def _unused(self, service: str, route: Route) -> set[str]:
        listen = route.settings.listen
        if any(other.settings.listen == listen for other in self._others(service).values()):
            return set()
        return {listener_name(listen)} & set(self._ads.wanted[LISTENER])

    def _resources(self, route: Route, *, strict: bool) -> Resources:
        known = self._made.setdefault(route.service, [])
        for other, made in known:
            if other is route:
                return made
        made = resources_of(route, _tester_value(route, strict=strict), self._log_path)
        self._made[route.service] = [(route, made), *known][:3]
        return made


def _sequence(row: Row) -> int:
    return row.asked.sequence if row.asked else -1


def _tester_value(route: Route, *, strict: bool) -> str | None:
    if route.settings.tester is None:
        return None
    try:
        return value_of(route.settings.tester[1])
    except RouteRefusedError:
        if strict:
            raise
        return None  # whoever starts without the controller serves everybody but testers


@contextlib.asynccontextmanager
async def _limited(service: str, wait_s: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(wait_s):
            yield
    except TimeoutError as e:
        raise GatewayUnreachableError(
            f"Envoy did not acknowledge the route of {service} within {wait_s:g} s; "
            "it is kept and applied"
        ) from e
