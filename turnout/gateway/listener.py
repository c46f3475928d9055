"""A listening address as an Envoy listener: limits, evidence, end marks of streams."""

from pathlib import Path

from turnout.domain.route import Route
from turnout.domain.version import Endpoint
from turnout.gateway.messages import Json

_EXTENSIONS = "type.googleapis.com/envoy.extensions."
_ADS: Json = {"ads": {}, "resource_api_version": "V3"}
STAT_PREFIX = "gw"

# The order is that of `lines.Line`. What a client may choose stands last: it can hold tabs.
_FIELDS = (
    "%START_TIME(%s.%6f)%",
    "%ACCESS_LOG_TYPE%",
    "%ROUTE_NAME%",
    "%UPSTREAM_CLUSTER_RAW%",
    "%UPSTREAM_METADATA(turnout:set)%",
    "%RESPONSE_CODE%",
    "%RESPONSE_FLAGS%",
    "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "%COMMON_DURATION(DS_RX_BEG:US_RX_BODY_BEG:us)%",
    "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%",
    "%BYTES_RECEIVED%",
    "%BYTES_SENT%",
    "%DYNAMIC_METADATA(turnout:end)%",
    "%REQ(CONTENT-LENGTH):20%",
    "%REQ(X-REQUEST-ID):64%",
)

# A stream says how it ends in its last bytes; until then it counts as cut. Envoy's objects do not
# outlive a wait for the next chunk, so each is asked for anew.
_END_MARK = """\
function envoy_on_response(h)
 local t = h:headers():get('content-type')
 if not t or string.sub(t, 1, 17) ~= 'text/event-stream' then return end
 h:streamInfo():dynamicMetadata():set('turnout', 'end', 'cut:0')
 local tail, n = '', 0
 for c in h:bodyChunks() do
  local l = c:length()
  n = n + 1
  if l > 0 then
   tail = string.sub(tail .. c:getBytes(math.max(0, l - 32), math.min(32, l)), -32)
  end
 end
 local mark = string.find(tail, '[DONE]', 1, true) and 'done:' or 'open:'
 h:streamInfo():dynamicMetadata():set('turnout', 'end', mark .. n)
end
"""


def listener_name(address: Endpoint) -> str:
    """Name a listener by its address."""
    return f"{address.host}:{address.port}"


def listener_of(route: Route, log: Path) -> dict[str, Json]:
    """Describe the listener through which a service is reached.

    Services with hosts share one, which finds their tables by host name; a service without a host
    has its own, which leads to its table alone.
    """
    address = route.settings.listen
    return {
        "name": listener_name(address),
        "address": {"socket_address": {"address": address.host, "port_value": address.port}},
        "filter_chains": [{"filters": [{"name": "hcm", "typed_config": _connections(route, log)}]}],
    }


def _connections(route: Route, log: Path) -> dict[str, Json]:
    return {
        "@type": _EXTENSIONS + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": STAT_PREFIX,
        **_found(route),
        **_LIMITS,
        "access_log": [{"name": "evidence", "typed_config": _evidence(log)}],
        "http_filters": [
            {
                "name": "lua",
                "typed_config": {
                    "@type": _EXTENSIONS + "filters.http.lua.v3.Lua",
                    "default_source_code": {"inline_string": _END_MARK},
                },
            },
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": _EXTENSIONS + "filters.http.router.v3.Router"},
            },
        ],
    }


def _found(route: Route) -> dict[str, Json]:
    if not route.settings.hosts:
        return {"rds": {"route_config_name": route.service, "config_source": _ADS}}
    authority: Json = {"name": ":authority", "element_separator": ":", "index": 0}
    return {
        "scoped_routes": {
            "name": "services",
            "scope_key_builder": {"fragments": [{"header_value_extractor": authority}]},
            "rds_config_source": _ADS,
            "scoped_rds": {"scoped_rds_config_source": _ADS},
        }
    }


_LIMITS: dict[str, Json] = {
    # Nobody is internal: else a local client could choose retries and time-outs by header.
    "use_remote_address": True,
    "internal_address_config": {
        "cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}]
    },
    "preserve_external_request_id": True,
    "normalize_path": True,
    "always_set_request_id_in_response": True,
    "server_header_transformation": "PASS_THROUGH",
    "request_headers_timeout": "10s",  # a slow client cannot hold a connection
    "request_timeout": "0s",  # long uploads are allowed
    "stream_idle_timeout": "600s",  # each service's route has its own
    "common_http_protocol_options": {
        "idle_timeout": "3600s",
        "headers_with_underscores_action": "REJECT_REQUEST",
    },
    "max_request_headers_kb": 60,
    # A line a second for what still runs: so a request that hangs becomes evidence.
    "access_log_options": {"access_log_flush_interval": "1s"},
    "upgrade_configs": [{"upgrade_type": "websocket"}],
    "request_id_extension": {
        "typed_config": {
            "@type": _EXTENSIONS + "request_id.uuid.v3.UuidRequestIdConfig",
            # Tracing would rewrite a digit of the id after it chose the version.
            "pack_trace_reason": False,
        }
    },
}


def _evidence(log: Path) -> Json:
    return {
        "@type": _EXTENSIONS + "access_loggers.file.v3.FileAccessLog",
        "path": str(log),
        "log_format": {
            "text_format_source": {"inline_string": "\t".join(_FIELDS) + "\n"},
        },
    }
