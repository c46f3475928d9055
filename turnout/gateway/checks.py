"""What Envoy would accept although it is wrong."""

import re
from collections.abc import Mapping

from turnout.domain.route import WHOLE_BP, Route
from turnout.errors import RouteRefusedError

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_HOST = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_SALT = re.compile(r"[-._a-zA-Z0-9]{0,64}")
_HEADER = re.compile(r"[-a-z0-9]{1,64}")


def check(route: Route, others: Mapping[str, Route]) -> None:
    """Refuse a route that must not be pushed.

    Args:
        route: The route.
        others: The routes of the other services, by name.
    """
    for sentence in (_spelling(route), _weights(route), _neighbours(route, others)):
        if sentence:
            raise RouteRefusedError(f"{route.service}: {sentence}")


def _spelling(route: Route) -> str:
    settings = route.settings
    if not _NAME.fullmatch(route.service):
        return "a service is named by lower-case letters, digits and dashes"
    if bad := [host for host in settings.hosts if not _HOST.fullmatch(host)]:
        return f"{bad[0]!r} is no host name: lower case, no port, no final dot"
    if not _SALT.fullmatch(route.salt):
        return f"the salt {route.salt!r} has more than letters, digits, dot, dash, underscore"
    if settings.tester and not _HEADER.fullmatch(settings.tester[0]):
        return f"the testers' header {settings.tester[0]!r} is no lower-case header name"
    prefix = route.service + "-"
    alien = [t.set_name for t in route.targets if not _is_set(t.set_name, prefix)]
    return f"the set {alien[0]!r} is not named {prefix}<number>" if alien else ""


def _is_set(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and _NAME.fullmatch(name.removeprefix(prefix)) is not None


def _weights(route: Route) -> str:
    targets = route.targets
    if not targets:
        return ""
    if (total := sum(target.weight_bp for target in targets)) != WHOLE_BP:
        return f"weights sum to {total}, they have to sum to {WHOLE_BP}"
    if any(target.weight_bp < 0 for target in targets):
        return "a weight is below 0"
    if len({target.set_name for target in targets}) != len(targets):
        return "a set is named twice"
    if sum(target.candidate for target in targets) > 1:
        return "there is more than one candidate"
    return ""


def _neighbours(route: Route, others: Mapping[str, Route]) -> str:
    mine = route.settings
    for name, other in others.items():
        theirs = other.settings
        if taken := set(mine.hosts) & set(theirs.hosts):
            return f"the host {min(taken)} belongs to {name}; give it another `route.host`"
        if mine.listen == theirs.listen and not (mine.hosts and theirs.hosts):
            place = f"{mine.listen.host}:{mine.listen.port}"
            return f"{name} listens on {place} too; both need a `route.host`, or another port"
    return ""
