"""How many requests run at each set now, by Envoy's own gauges."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from turnout.domain.route import Route
from turnout.gateway.clusters import is_of, own_name, set_of

_FRESH_S = 0.25
_PATTERN = r"^cluster\..*\.own\.upstream_rq_active$"


class HasGauges(Protocol):
    """Whoever reads Envoy's gauges."""

    async def gauges(self, pattern: str) -> Mapping[str, int]:
        """Read gauges by a regular expression."""
        ...


class HasRoutes(Protocol):
    """Whoever knows the sets of a service."""

    def route(self, service: str) -> Route | None:
        """Give the route that Envoy has to hold."""
        ...


class InFlightCounts:
    """One reading serves all services for a moment: it costs Envoy's main thread time."""

    def __init__(self, proxy: HasGauges, services: HasRoutes) -> None:
        self._proxy = proxy
        self._services = services
        self._read_s = float("-inf")
        self._active: Mapping[str, int] = {}
        self._reading = asyncio.Lock()

    async def of(self, service: str) -> Mapping[str, int]:
        """Count by set; sets that left the route are counted while requests run there."""
        async with self._reading:
            now_s = asyncio.get_running_loop().time()
            if now_s - self._read_s > _FRESH_S:
                self._active = _by_cluster(await self._proxy.gauges(_PATTERN))
                self._read_s = now_s
        route = self._services.route(service)
        named = [own_name(service, t.set_name) for t in route.targets] if route else []
        left = [name for name, n in self._active.items() if n and is_of(service, name)]
        return {set_of(name): self._active.get(name, 0) for name in dict.fromkeys(named + left)}


def _by_cluster(gauges: Mapping[str, int]) -> Mapping[str, int]:
    return {
        name.removeprefix("cluster.").removesuffix(".upstream_rq_active"): value
        for name, value in gauges.items()
    }
