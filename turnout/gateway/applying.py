"""Brings Envoy from one route of a service to the next without losing a request.

The order is always the same: clusters, their health, listener, scopes, table, then removals.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """From the route by which requests are split now to the one that is wanted."""

    route: Route
    made: Resources
    before: Route | None
    ready_within_s: float


@dataclass(slots=True)
class _Ways:
    """What leads to a service, from this change and from former ones that came half way."""

    scopes: set[str] = field(default_factory=set)
    listeners: set[str] = field(default_factory=set)


class Applying:
    """Applies changes, one at a time for each service.

    Args:
        ads: What Envoy is wanted to hold.
        proxy: Envoy's process.
    """

    def __init__(self, ads: Ads, proxy: Watched) -> None:
        self._ads = ads
        self._proxy = proxy
        self._ways: defaultdict[str, _Ways] = defaultdict(_Ways)

    def want(self, service: str, made: Resources) -> None:
        """Want all of a route without waiting."""
        self._note(service, made)
        for kind, named in made.by_kind().items():
            self._ads.want(kind, named)

    def unwant(self, service: str) -> None:
        """Want nothing of a service without waiting."""
        ways = self._ways.pop(service, _Ways())
        self._ads.unwant(SCOPE, ways.scopes)
        self._ads.unwant(LISTENER, self._without_others(ways.listeners))
        self._ads.unwant(ROUTE, [service])
        self._ads.unwant(CLUSTER, self._clusters(service))

    async def refuse_taken(self, address: Endpoint) -> None:
        """Refuse an address that another process than Envoy holds."""
        await asyncio.to_thread(refuse_taken, address, self._proxy.pid)

    async def apply(self, change: Change) -> None:
        """Return when Envoy has acknowledged all of it; whoever calls sets the limit.

        Raises:
            RouteRefusedError: The address is taken, or Envoy's own text.
            NotReadyError: A version that is to get more has no healthy endpoint.
        """
        service, made = change.route.service, change.made
        if not self._ads.is_connected:
            self.want(service, made)  # an Envoy that is just starting finds everything
        self._note(service, made)
        await self._ads.push(CLUSTER, made.clusters)
        await self._healthy(change)
        self._ads.want(ROUTE, made.table)
        await self._listen(change)
        await self._ads.push(SCOPE, made.scopes)
        await self._ads.push(ROUTE, made.table)
        await self._remove(service, made)

    async def withdraw(self, service: str) -> None:
        """Take a route away; whatever leads to it goes first."""
        await self._remove(service, None)
        self._ads.unwant(ROUTE, [service])

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

    async def _remove(self, service: str, made: Resources | None) -> None:
        ways, kept = self._ways[service], _Ways()
        if made is not None:
            kept = _Ways(set(made.scopes), set(made.listener))
        await self._ads.push(SCOPE, {}, ways.scopes - kept.scopes)
        self._ways[service] = kept
        left = self._without_others(ways.listeners - kept.listeners)
        await self._ads.push(LISTENER, {}, left)
        clusters = self._clusters(service) - set(made.clusters if made else ())
        await self._ads.push(CLUSTER, {}, clusters)

    def _note(self, service: str, made: Resources) -> None:
        self._ways[service].scopes |= set(made.scopes)
        self._ways[service].listeners |= set(made.listener)

    def _without_others(self, listeners: set[str]) -> set[str]:
        if not listeners:
            return listeners
        return listeners.difference(*(ways.listeners for ways in self._ways.values()))

    def _clusters(self, service: str) -> set[str]:
        return {name for name in self._ads.wanted[CLUSTER] if is_of(service, name)}


def _raised(change: Change) -> list[Target]:
    before = {t.set_name: t.weight_bp for t in change.before.targets} if change.before else {}
    return [t for t in change.route.targets if t.weight_bp > before.get(t.set_name, 0)]
