"""What Envoy is started with: its identity, admin socket, limits, and where decisions come from."""

import json
from pathlib import Path

from turnout.gateway.listener import STAT_PREFIX
from turnout.gateway.messages import Json

_ADS: Json = {"ads": {}, "resource_api_version": "V3"}
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_MONITORS = "envoy.extensions.resource_monitors.downstream_connections.v3."
_MOST_CONNECTIONS = 50_000
_OWNER_ALONE = 0o600
# Of the 200 figures of each cluster only those that are read.
_CLUSTER_STATS = (
    r"cluster\..*\.(upstream_rq_(active|total|pending_overflow|pending_active|retry"
    r"|retry_success|[2-5]xx)|upstream_cx_(active|overflow|connect_fail)"
    r"|membership_(healthy|total))"
)
_OTHER_STATS = ("cluster_manager.", "control_plane.", "server.", "listener_manager.")


def bootstrap(node: str, sockets: Path) -> bytes:
    """Write the bootstrap, as JSON, which is YAML too.

    Args:
        node: Identity of this start of Envoy.
        sockets: The folder of `admin.sock` and `ads.sock`.
    """
    described: dict[str, Json] = {
        "node": {"id": node, "cluster": "turnout"},
        "admin": {"address": {"pipe": {"path": str(sockets / "admin.sock"), "mode": _OWNER_ALONE}}},
        "deferred_stat_options": {"enable_deferred_creation_stats": True},
        "stats_config": {"stats_matcher": {"inclusion_list": {"patterns": _patterns()}}},
        "overload_manager": _overload(),
        "dynamic_resources": {"cds_config": _ADS, "lds_config": _ADS, "ads_config": _source()},
        "static_resources": {"clusters": [_daemon(sockets / "ads.sock")]},
    }
    return json.dumps(described, indent=1).encode()


def node_of(text: bytes) -> str:
    """Read the identity back from a bootstrap."""
    return str(json.loads(text)["node"]["id"])


def _patterns() -> list[Json]:
    requests = rf"http\.{STAT_PREFIX}\.downstream_(rq|cx)_(active|total)"
    regexes: list[Json] = [{"safe_regex": {"regex": r}} for r in (_CLUSTER_STATS, requests)]
    prefixes: list[Json] = [{"prefix": prefix} for prefix in _OTHER_STATS]
    return regexes + prefixes


def _overload() -> Json:
    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [
            {
                "name": "envoy.resource_monitors.global_downstream_max_connections",
                "typed_config": {
                    "@type": f"type.googleapis.com/{_MONITORS}DownstreamConnectionsConfig",
                    "max_active_downstream_connections": _MOST_CONNECTIONS,
                },
            }
        ],
    }


def _source() -> Json:
    # Without the policy Envoy's pauses between connects grow to 30 s while the daemon is away.
    policy: Json = {"retry_back_off": {"base_interval": "0.1s", "max_interval": "0.5s"}}
    return {
        "api_type": "DELTA_GRPC",
        "transport_api_version": "V3",
        "set_node_on_first_message_only": True,
        "grpc_services": [{"envoy_grpc": {"cluster_name": "daemon", "retry_policy": policy}}],
    }


def _daemon(socket: Path) -> Json:
    alive: Json = {"connection_keepalive": {"interval": "5s", "timeout": "2s"}}
    place: Json = {"endpoint": {"address": {"pipe": {"path": str(socket)}}}}
    return {
        "name": "daemon",
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            _HTTP_OPTIONS: {
                "@type": "type.googleapis.com/" + _HTTP_OPTIONS,
                "explicit_http_config": {"http2_protocol_options": alive},
            }
        },
        "load_assignment": {
            "cluster_name": "daemon",
            "endpoints": [{"lb_endpoints": [place]}],
        },
    }
