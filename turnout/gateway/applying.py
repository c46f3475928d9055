"""Brings Envoy from one route of a service to the next without losing a request.

The order is always the same: clusters, their health, listener, scopes, table, then removals.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from turnout.domain.route import Route, Target
from turnout.domain.version import Endpoint
from turnout.errors import NotReadyError
from turnout.gateway.addresses import accepted, refuse_taken
from turnout.gateway.ads import Ads
from turnout.gateway.clusters import is_of, own_name, set_of
from turnout.gateway.messages import CLUSTER, LISTENER, ROUTE, SCOPE
from turnout.gateway.resources import Resources

_HEALTH_PAUSE_S = 0.02


class Watched(Protocol):
    """The part of Envoy's process that is asked."""

    @property
    def pid(self) -> int | None:
        """Give its process."""
        ...

    async def gauges(self, pattern: str) -> Mapping[str, int]:
        """Read gauges by a regular expression."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """From what is in force to what is wanted.

    `unused` is the former listener when no other service needs it.
    """

    route: Route
    made: Resources
    before: Route | None
    unused: frozenset[str]
    ready_within_s: float


class Applying:
    """Applies changes, one at a time for each service.

    Args:
        ads: What Envoy is wanted to hold.
        proxy: Envoy's process.
    """

    def __init__(self, ads: Ads, proxy: Watched) -> None:
        self._ads = ads
        self._proxy = proxy

    def want(self, made: Resources) -> None:
        """Want all of a route without waiting."""
        for kind, named in made.by_kind().items():
            self._ads.want(kind, named)
            self._ads.offer(kind, self._ads.missing(kind, named))

    def is_in_force(self, made: Resources) -> bool:
        """Tell whether Envoy acknowledged every part."""
        return all(self._ads.holds(kind, named) for kind, named in made.by_kind().items())

    def unwant(self, made: Resources, unused: Iterable[str]) -> None:
        """Want nothing of a route without waiting."""
        gone = {ROUTE: made.table, SCOPE: made.scopes, LISTENER: unused, CLUSTER: made.clusters}
        for kind, names in gone.items():
            for name in names:
                self._ads.forget(kind, name)
            self._ads.offer(kind, (), tuple(names))

    async def refuse_taken(self, address: Endpoint) -> None:
        """Refuse an address that another process than Envoy holds."""
        await asyncio.to_thread(refuse_taken, address, self._proxy.pid)

    async def apply(self, change: Change) -> None:
        """Return when Envoy has acknowledged all of it; whoever calls sets the limit.

        Raises:
            RouteRefusedError: The address is taken, or Envoy's own text.
            NotReadyError: A version that is to get more has no healthy endpoint.
        """
        made = change.made
        if not self._ads.is_connected:
            self.want(made)  # an Envoy that is just starting finds everything
        await self._ads.push(CLUSTER, made.clusters)
        await self._healthy(change)
        self._ads.want(ROUTE, made.table)
        await self._listen(change)
        await self._ads.push(SCOPE, made.scopes)
        await self._ads.push(ROUTE, made.table)
        before = change.before
        scopes = set(before.settings.hosts if before else ()) - set(made.scopes)
        await self._remove(change.route.service, scopes, change.unused, made.clusters)

    async def withdraw(self, route: Route, unused: Iterable[str]) -> None:
        """Take a route away; whatever leads to it goes first."""
        service = route.service
        await self._remove(service, route.settings.hosts, unused, ())
        self._ads.forget(ROUTE, service)

    async def _listen(self, change: Change) -> None:
        address = change.route.settings.listen
        is_new = not self._ads.has(LISTENER, change.made.listener)
        if is_new:
            await self.refuse_taken(address)
        await self._ads.push(LISTENER, change.made.listener)
        if is_new:
            await self._serving(address, change.made)

    async def _serving(self, address: Endpoint, made: Resources) -> None:
        # A listener is opened once its table is there, shortly after the acknowledgement.
        await self._ads.push(SCOPE, made.scopes)
        await self._ads.push(ROUTE, made.table)
        await accepted(address)

    async def _healthy(self, change: Change) -> None:
        for target in _raised(change):
            name = own_name(change.route.service, target.set_name)
            observed = change.route.observed.get(target.set_name)
            if observed is None or not observed.endpoints:
                raise NotReadyError(
                    f"{target.set_name} is to get {target.weight_bp / 100:g} % of the requests "
                    "and has no endpoint; the former weights stay in force"
                )
            if target.candidate:
                await self._has_members(name, change.ready_within_s)

    async def _has_members(self, cluster: str, within_s: float) -> None:
        gauge = f"cluster.{cluster}.membership_healthy"
        pattern = "^" + gauge.replace(".", r"\.") + "$"
        try:
            async with asyncio.timeout(within_s):
                while not (await self._proxy.gauges(pattern)).get(gauge):  # noqa: ASYNC110 - a gauge
                    await asyncio.sleep(_HEALTH_PAUSE_S)
        except TimeoutError as e:
            raise NotReadyError(
                f"no instance of {set_of(cluster)} passed the health check within {within_s:g} s; "
                "the former weights stay in force"
            ) from e

    async def _remove(
        self, service: str, scopes: Iterable[str], listeners: Iterable[str], kept: Collection[str]
    ) -> None:
        await self._ads.push(SCOPE, {}, scopes)
        await self._ads.push(LISTENER, {}, listeners)
        clusters = [n for n in self._ads.wanted[CLUSTER] if is_of(service, n) and n not in kept]
        await self._ads.push(CLUSTER, {}, clusters)


def _raised(change: Change) -> list[Target]:
    before = {t.set_name: t.weight_bp for t in change.before.targets} if change.before else {}
    return [t for t in change.route.targets if t.weight_bp > before.get(t.set_name, 0)]
