"""What is in force, by Envoy's own acknowledgements."""

import time
from collections.abc import Mapping

from turnout.domain.route import Fence, Route
from turnout.gateway.ads import Ads
from turnout.gateway.making import Making
from turnout.gateway.messages import ROUTE
from turnout.gateway.rows import Row, Rows
from turnout.wire.calls import InForce


class Looks:
    """Answers about services; changes nothing."""

    def __init__(self, rows: Rows, ads: Ads, making: Making) -> None:
        self._rows = rows
        self._ads = ads
        self._making = making
        self._acked: dict[str, tuple[Fence, float]] = {}

    @property
    def is_connected(self) -> bool:
        """Tell whether Envoy is on the line."""
        return self._ads.is_connected

    def of(self, service: str) -> InForce | None:
        """Tell what is in force for a service; None without a route."""
        row = self._rows.get(service)
        return self._in_force(service, row) if row and row.asked else None

    def all(self) -> Mapping[str, InForce]:
        """Tell what is in force for every service."""
        found = {service: self.of(service) for service in self._rows.all()}
        return {service: one for service, one in found.items() if one is not None}

    def fence(self, service: str) -> str | None:
        """Give the fence that a service obeys."""
        row = self._rows.get(service)
        return str(row.fence) if row else None

    def route(self, service: str) -> Route | None:
        """Give the route that Envoy has to hold."""
        row = self._rows.get(service)
        return row.wanted if row else None

    def in_force(self, row: Row) -> Route | None:
        """Give the route by whose table requests are split now."""
        for route in (row.asked, row.good):
            if route and self._ads.holds(ROUTE, self._making.of(route).table):
                return route
        return None

    def is_settled(self, row: Row) -> bool:
        """Tell whether Envoy acknowledged every part of what is wanted."""
        if row.wanted is None:
            return True
        made = self._making.of(row.wanted)
        return all(self._ads.holds(kind, named) for kind, named in made.by_kind().items())

    def _in_force(self, service: str, row: Row) -> InForce:
        route = self.in_force(row)
        acked = not row.refused and self.is_settled(row)
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
