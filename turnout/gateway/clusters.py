"""The sets of a route as Envoy clusters, and their names."""

from turnout.domain.route import Observed, Route, Target
from turnout.gateway.messages import Json

_EXTENSIONS = "type.googleapis.com/envoy.extensions."
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_MANY = 100_000
_OWN = ".own"

# Envoy's defaults let 1,024 connections and 3 retries at a time pass, and queue the rest.
_BREAKERS: Json = {
    "thresholds": [
        {
            "max_connections": _MANY,
            "max_pending_requests": _MANY,
            "max_requests": _MANY,
            "max_retries": 1_000,
        }
    ]
}
# Below the 5 s after which uvicorn closes an idle connection: a request sent on a connection that
# is just being closed fails, and no retry helps.
_OPTIONS: Json = {
    _HTTP_OPTIONS: {
        "@type": "type.googleapis.com/" + _HTTP_OPTIONS,
        "common_http_protocol_options": {"idle_timeout": "4s"},
        "explicit_http_config": {"http_protocol_options": {}},
    }
}
_OUTLIERS: Json = {
    "consecutive_5xx": 0,
    "enforcing_consecutive_5xx": 0,
    "enforcing_success_rate": 0,
    "consecutive_local_origin_failure": 3,
    "split_external_local_origin_errors": True,
    "interval": "1s",
    "base_ejection_time": "5s",
    "max_ejection_percent": 100,
    "always_eject_one_host": True,
}


def own_name(service: str, set_name: str) -> str:
    """Name the cluster of a set's own endpoints: `guard-r17` of guard is `guard.r17.own`."""
    return joined_name(service, set_name) + _OWN


def joined_name(service: str, set_name: str) -> str:
    """Name the cluster that falls back to stable: `guard.r17`."""
    return f"{service}.{set_name.removeprefix(service + '-')}"


def set_of(cluster: str) -> str:
    """Give the set of a cluster, `guard-r17`; empty when it is none of ours."""
    service, dot, rest = cluster.removesuffix(_OWN).partition(".")
    return f"{service}-{rest}" if dot and rest else ""


def is_of(service: str, cluster: str) -> bool:
    """Tell whether a cluster belongs to a service."""
    return cluster.startswith(service + ".")


def falls_back(route: Route, target: Target) -> bool:
    """Tell whether requests of a target are served by stable when it is dead."""
    return target.candidate and stable_of(route) is not None


def stable_of(route: Route) -> Target | None:
    """Give the target that takes over from a dead candidate."""
    if not route.fallback:
        return None
    return next((target for target in route.targets if not target.candidate), None)


def clusters_of(route: Route) -> dict[str, dict[str, Json]]:
    """Describe all clusters of a route by name."""
    described: dict[str, dict[str, Json]] = {}
    stable = stable_of(route)
    for target in route.targets:
        name = own_name(route.service, target.set_name)
        observed = route.observed.get(target.set_name, Observed(endpoints=()))
        described[name] = _own(name, target, observed)
        if target.candidate and stable is not None:
            joined = joined_name(route.service, target.set_name)
            described[joined] = _joined(joined, [name, own_name(route.service, stable.set_name)])
    return described


def _own(name: str, target: Target, observed: Observed) -> dict[str, Json]:
    marks: Json = {"turnout": {"version": target.version, "set": target.set_name}}
    endpoints: list[Json] = [
        {
            "endpoint": {
                "address": {"socket_address": {"address": place.host, "port_value": place.port}}
            },
            "metadata": {"filter_metadata": marks},
        }
        for place in observed.endpoints
    ]
    made: dict[str, Json] = {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "circuit_breakers": _BREAKERS,
        "typed_extension_protocol_options": _OPTIONS,
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
    }
    if target.candidate:
        made["health_checks"] = [_health_check(observed.health_path)]
        made["outlier_detection"] = _OUTLIERS
    return made


def _health_check(path: str | None) -> Json:
    probe: dict[str, Json] = (
        {"tcp_health_check": {}} if path is None else {"http_health_check": {"path": path}}
    )
    # The pause without traffic is 60 s by default and applies to members of an aggregate.
    return {
        "timeout": "1s",
        "interval": "1s",
        "no_traffic_interval": "1s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        **probe,
    }


def _joined(name: str, members: list[Json]) -> dict[str, Json]:
    return {
        "name": name,
        "connect_timeout": "1s",
        "circuit_breakers": _BREAKERS,
        "lb_policy": "CLUSTER_PROVIDED",
        "cluster_type": {
            "name": "envoy.clusters.aggregate",
            "typed_config": {
                "@type": _EXTENSIONS + "clusters.aggregate.v3.ClusterConfig",
                "clusters": members,
            },
        },
    }
