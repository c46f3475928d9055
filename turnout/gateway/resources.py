"""Everything that Envoy has to hold for one service."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from turnout.domain.route import Route
from turnout.gateway.clusters import clusters_of
from turnout.gateway.listener import listener_name, listener_of
from turnout.gateway.messages import (
    CLUSTER,
    LISTENER,
    ROUTE,
    SCOPE,
    Json,
    Kind,
    Resource,
    resource,
)
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
    name = listener_name(route.settings.listen)
    return Resources(
        clusters={n: _known(CLUSTER, described) for n, described in clusters_of(route).items()},
        table={route.service: resource(ROUTE, table_of(route, tester_value))},
        scopes={n: _known(SCOPE, described) for n, described in scopes_of(route).items()},
        listener={name: _known(LISTENER, listener_of(route, log))},
    )


def _known(kind: Kind, described: dict[str, Json]) -> Resource:
    return _made(kind, json.dumps(described))


# A change of weights leaves all but the table as it was; making it again takes half a millisecond.
@functools.lru_cache(maxsize=256)
def _made(kind: Kind, text: str) -> Resource:
    return resource(kind, json.loads(text))
