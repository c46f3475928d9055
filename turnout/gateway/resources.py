"""Everything that Envoy has to hold for one service."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from turnout.domain.route import Route
from turnout.gateway.clusters import clusters_of
from turnout.gateway.listener import listener_name, listener_of
from turnout.gateway.messages import CLUSTER, LISTENER, ROUTE, SCOPE, Kind, Resource, resource
from turnout.gateway.tables import scopes_of, table_of

Named = Mapping[str, Resource]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What one route is made of, by kind and name."""

    clusters: Named
    table: Named
    scopes: Named
    listener: Named

    def by_kind(self) -> Mapping[Kind, Named]:
        """Give them in the order in which Envoy needs them."""
        return {
            CLUSTER: self.clusters,
            ROUTE: self.table,
            LISTENER: self.listener,
            SCOPE: self.scopes,
        }


def resources_of(route: Route, tester_value: str | None, log: Path) -> Resources:
    """Make the resources of a route.

    Args:
        route: What was decided, and what is observed.
        tester_value: The secret of the testers' header, None to leave testers out.
        log: The access log of the present start of Envoy.
    """
    table = table_of(route, tester_value)
    name = listener_name(route.settings.listen)
    return Resources(
        clusters={n: resource(CLUSTER, made) for n, made in clusters_of(route).items()},
        table={route.service: resource(ROUTE, table)},
        scopes={n: resource(SCOPE, made) for n, made in scopes_of(route).items()},
        listener={name: resource(LISTENER, listener_of(route, log))},
    )
