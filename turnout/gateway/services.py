"""The calls of a controller: who has authority, what is kept, and how it is brought about."""

import asyncio
import contextlib
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
from turnout.gateway.looks import Looks
from turnout.gateway.making import Making
from turnout.gateway.messages import LISTENER
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
    """Takes routes: kept first, then brought about.

    Args:
        rows: What is kept of services.
        ads: What Envoy is wanted to hold.
        applying: The way from one route to the next.
        making: What routes are made of.
        looks: What is in force.
    """

    def __init__(
        self, rows: Rows, ads: Ads, applying: Applying, making: Making, looks: Looks
    ) -> None:
        self._rows = rows
        self._ads = ads
        self._applying = applying
        self._making = making
        self._looks = looks
        self._busy: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._reign = asyncio.Lock()

    async def offer_all(self, log: Path, own_pid: int | None) -> None:
        """Want every service's route of an Envoy that was started or adopted.

        Args:
            log: Its access log.
            own_pid: Its process when it was adopted and holds its addresses, else None.
        """
        self._making.log_to(log)
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
                self._applying.want(service, self._making.of(route))

    async def settle(self) -> None:
        """Try again what is wanted and not in force; the controller may be dead."""
        for service, row in list(self._rows.all().items()):
            if not self._ads.is_connected or row.wanted is None:
                continue
            self._making.refresh(row.wanted)
            if self._looks.is_settled(row):
                continue
            async with self._busy[service]:
                with contextlib.suppress(TurnoutError, OSError):
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
                await self._take(service, following, route)
            if following.refused:
                raise RouteRefusedError(following.refused)  # asked again: the same answer
            await self._apply(service, following.asked or route, wait_s)
            found = self._looks.of(service)
        if found is None:
            raise GatewayUnreachableError(f"{service} was taken away meanwhile")
        return found

    async def delete(self, service: str, fence: Fence, wait_s: float) -> None:
        """Take a service's route away; its fence is kept."""
        async with self._busy[service]:
            row = self._rows.get(service)
            self._rows.admit(service, fence, row.digest if row else "")
            await self.claim(fence.epoch)
            await self._save(service, Row(fence=fence, digest="", asked=None))
            async with _limited(service, wait_s):
                await self._applying.withdraw(service)

    async def claim(self, epoch: int) -> Mapping[str, Fence]:
        """Let a reign begin; tell where each service stands."""
        async with self._reign:
            if epoch != self._rows.epoch:
                await asyncio.to_thread(self._rows.claim, epoch)
        return {service: row.fence for service, row in self._rows.all().items()}

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
            if row.good is None:
                self._applying.unwant(service)
            else:
                self._applying.want(service, self._making.of(row.good))

    async def _take(self, service: str, row: Row, route: Route) -> None:
        check(route, self._others(service))
        self._making.refuse_missing(route)
        if not self._ads.has(LISTENER, self._making.of(route).listener):
            await self._applying.refuse_taken(route.settings.listen)
        await self.claim(row.fence.epoch)
        await self._save(service, row)

    async def _save(self, service: str, row: Row) -> None:
        await asyncio.to_thread(self._rows.save, service, row)

    async def _apply(self, service: str, route: Route, wait_s: float) -> None:
        change = Change(
            route=route,
            made=self._making.of(route),
            before=self._looks.in_force(self._rows.all()[service]),
            ready_within_s=_READY_S if wait_s > _SETTLE_S else _ONE_LOOK_S,
        )
        async with _limited(service, wait_s):
            await self._applying.apply(change)
        self._rows.note_good(service, route)

    def _following(self, row: Row | None, told: Row) -> Row:
        if row is None:
            return told
        # Under the same fence only what is observed may be newer (D-20).
        if told.fence == row.fence and _sequence(told) <= _sequence(row):
            return row
        return replace(told, good=self._looks.in_force(row) or row.good)

    def _is_part(self, route: Route, refusal: Refusal) -> bool:
        found = self._making.of(route).by_kind()[refusal.kind].get(refusal.name)
        return found is not None and found.version == refusal.version

    def _others(self, service: str) -> Mapping[str, Route]:
        return {
            name: row.asked
            for name, row in self._rows.all().items()
            if name != service and row.asked is not None
        }


def _sequence(row: Row) -> int:
    return row.asked.sequence if row.asked else -1


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
