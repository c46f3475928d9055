"""The route of a service as Envoy's table, and the host names that lead to it."""

from turnout.domain.route import Repeatable, Route, Target
from turnout.gateway.clusters import falls_back, joined_name, own_name
from turnout.gateway.messages import Json

TESTER = ".tester"
_READS = ".reads"
_PREVIOUS = "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3."
_UNSENT = "connect-failure,refused-stream,reset-before-request"
_UNANSWERED = f"{_UNSENT},reset"
_ALL: dict[str, Json] = {"prefix": "/"}


def table_of(route: Route, tester_value: str | None) -> dict[str, Json]:
    """Describe the table; without a target the service answers 503.

    Args:
        route: What was decided.
        tester_value: The secret value of the tester's header; None leaves testers out.
    """
    return {
        "name": route.service,
        "virtual_hosts": [
            {
                "name": route.service,
                "domains": ["*"],
                "routes": _routes(route, tester_value) if route.targets else [_closed(route)],
                "request_headers_to_remove": ["x-turnout-version"],
                "response_headers_to_add": [
                    _header("x-turnout-version", "%UPSTREAM_METADATA(turnout:version)%")
                ],
            }
        ],
    }


def scopes_of(route: Route) -> dict[str, dict[str, Json]]:
    """Describe the scopes, one for each host name."""
    return {
        host: {
            "name": host,
            "route_configuration_name": route.service,
            "key": {"fragments": [{"string_key": host}]},
        }
        for host in route.settings.hosts
    }


def _closed(route: Route) -> Json:
    return {
        "name": route.service,
        "match": _ALL,
        "direct_response": {
            "status": 503,
            "body": {"inline_string": f"{route.service} has no version that serves\n"},
        },
        "response_headers_to_add": [_header("retry-after", "1")],
    }


def _header(key: str, value: str) -> Json:
    return {
        "header": {"key": key, "value": value},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


def _routes(route: Route, tester_value: str | None) -> list[Json]:
    repeatable, routes = route.settings.repeatable, list[Json]()
    candidate = next((target for target in route.targets if target.candidate), None)
    if route.settings.tester and tester_value and candidate:
        routes.append(_tester(route, candidate, (route.settings.tester[0], tester_value)))
    if repeatable is Repeatable.GET:
        methods: Json = {"safe_regex": {"regex": "GET|HEAD"}}
        reads: dict[str, Json] = {**_ALL, "headers": [_matching(":method", methods)]}
        routes.append(_split(route, route.service + _READS, reads, _UNANSWERED))
    retry_on = _UNANSWERED if repeatable is Repeatable.ALL else _UNSENT
    routes.append(_split(route, route.service, _ALL, retry_on))
    return routes


def _matching(name: str, string_match: Json) -> Json:
    return {"name": name, "string_match": string_match}


def _tester(route: Route, candidate: Target, tester: tuple[str, str]) -> Json:
    name, value = tester
    # No fallback, so that a tester sees the truth; the secret goes no further than here.
    return {
        "name": route.service + TESTER,
        "match": {**_ALL, "headers": [_matching(name, {"exact": value})]},
        "request_headers_to_remove": [name],
        "route": {"cluster": own_name(route.service, candidate.set_name), **_patience(route)},
    }


def _split(route: Route, name: str, match: dict[str, Json], retry_on: str) -> Json:
    return {
        "name": name,
        "match": match,
        "route": {
            **_patience(route),
            "hash_policy": [_hashed(route.salt, key) for key in ("x-user", "x-request-id")],
            "weighted_clusters": {"use_hash_policy": True, "clusters": _weighted(route)},
            "retry_policy": {
                "retry_on": retry_on,
                "num_retries": 2,
                "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.05s"},
                "retry_priority": {
                    "name": "envoy.retry_priorities.previous_priorities",
                    "typed_config": {
                        "@type": _PREVIOUS + "PreviousPrioritiesConfig",
                        "update_frequency": 1,
                    },
                },
            },
        },
    }


def _patience(route: Route) -> dict[str, Json]:
    # The default timeout, 15 s for the whole answer, would cut every long one.
    return {"timeout": "0s", "idle_timeout": f"{route.settings.timeout_s:.3f}s"}


def _hashed(salt: str, header: str) -> Json:
    rewrite: Json = {"pattern": {"regex": "^(.*)$"}, "substitution": f"{salt}:\\1"}
    return {"header": {"header_name": header, "regex_rewrite": rewrite}, "terminal": True}


def _weighted(route: Route) -> list[Json]:
    # The candidate stands first: so its part of the hash range only grows with its weight.
    ordered = sorted(route.targets, key=lambda target: not target.candidate)
    return [
        {
            "name": (joined_name if falls_back(route, target) else own_name)(
                route.service, target.set_name
            ),
            "weight": target.weight_bp,
        }
        for target in ordered
    ]
