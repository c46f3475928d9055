"""The resources of routes, made once each, with the secrets of this host."""

from pathlib import Path

from turnout.domain.route import Route
from turnout.errors import RouteRefusedError
from turnout.gateway.references import value_of
from turnout.gateway.resources import Resources, resources_of

_KEPT = 3
_Made = tuple[Route, str | None, Resources]


class Making:
    """Remembers what the last routes of each service are made of."""

    def __init__(self) -> None:
        self._log = Path()
        self._made: dict[str, list[_Made]] = {}

    def log_to(self, log: Path) -> None:
        """Name the access log of the present start of Envoy, which listeners name."""
        if log != self._log:
            self._log = log
            self._made.clear()

    def of(self, route: Route) -> Resources:
        """Give the resources; without its secret the route leaves testers out."""
        for known, _, made in self._made.get(route.service, []):
            if known is route:
                return made
        return self._make(route, _secret(route))

    def refuse_missing(self, route: Route) -> None:
        """Refuse a route whose secret cannot be had."""
        if route.settings.tester is not None:
            value_of(route.settings.tester[1])

    def refresh(self, route: Route) -> None:
        """Make a route anew if its secret has changed."""
        if route.settings.tester is None:
            return
        secret = _secret(route)
        for known, used, _ in self._made.get(route.service, []):
            if known is route and used != secret:
                self._made[route.service] = []

    def _make(self, route: Route, secret: str | None) -> Resources:
        made = resources_of(route, secret, self._log)
        known = self._made.get(route.service, [])
        self._made[route.service] = [(route, secret, made), *known][:_KEPT]
        return made


def _secret(route: Route) -> str | None:
    if route.settings.tester is None:
        return None
    try:
        return value_of(route.settings.tester[1])
    except RouteRefusedError:
        return None  # who starts without the controller serves everybody but testers
