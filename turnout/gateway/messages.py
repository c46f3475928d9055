"""Envoy's messages: the one place that touches the untyped packages grpc and envoy."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NewType, Protocol, cast

import grpc  # type: ignore[import-untyped]  # ships no types
from envoy.config.cluster.v3 import (  # type: ignore[import-untyped]  # ships no types
    cluster_pb2,
)
from envoy.config.listener.v3 import (  # type: ignore[import-untyped]  # ships no types
    listener_pb2,
)
from envoy.config.route.v3 import (  # type: ignore[import-untyped]  # ships no types
    route_pb2,
    scoped_route_pb2,
)
from envoy.extensions.access_loggers.file.v3 import (  # type: ignore[import-untyped]  # ships no types
    file_pb2,
)
from envoy.extensions.clusters.aggregate.v3 import (  # type: ignore[import-untyped]  # ships no types
    cluster_pb2 as aggregate_pb2,
)
from envoy.extensions.filters.http.lua.v3 import (  # type: ignore[import-untyped]  # ships no types
    lua_pb2,
)
from envoy.extensions.filters.http.router.v3 import (  # type: ignore[import-untyped]  # ships no types
    router_pb2,
)
from envoy.extensions.filters.network.http_connection_manager.v3 import (  # type: ignore[import-untyped]  # ships no types
    http_connection_manager_pb2,
)
from envoy.extensions.request_id.uuid.v3 import (  # type: ignore[import-untyped]  # ships no types
    uuid_pb2,
)
from envoy.extensions.retry.priority.previous_priorities.v3 import (  # type: ignore[import-untyped]  # ships no types
    previous_priorities_config_pb2,
)
from envoy.extensions.upstreams.http.v3 import (  # type: ignore[import-untyped]  # ships no types
    http_protocol_options_pb2,
)
from envoy.service.discovery.v3 import (  # type: ignore[import-untyped]  # ships no types
    discovery_pb2,
)
from google.protobuf import any_pb2, json_format
from google.protobuf.message import Message

# An `Any` in JSON is understood only when the module of its message was imported.
NAMED_IN_ANY = (
    aggregate_pb2,
    file_pb2,
    http_connection_manager_pb2,
    http_protocol_options_pb2,
    lua_pb2,
    previous_priorities_config_pb2,
    router_pb2,
    uuid_pb2,
)

Kind = NewType("Kind", str)
_URL = "type.googleapis.com/envoy.config."
CLUSTER = Kind(_URL + "cluster.v3.Cluster")
ROUTE = Kind(_URL + "route.v3.RouteConfiguration")
SCOPE = Kind(_URL + "route.v3.ScopedRouteConfiguration")
LISTENER = Kind(_URL + "listener.v3.Listener")
KINDS = (CLUSTER, ROUTE, SCOPE, LISTENER)
_MESSAGES: Mapping[Kind, Callable[[], Message]] = {
    CLUSTER: cluster_pb2.Cluster,
    ROUTE: route_pb2.RouteConfiguration,
    SCOPE: scoped_route_pb2.ScopedRouteConfiguration,
    LISTENER: listener_pb2.Listener,
}

Json = str | int | float | bool | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True)
class Resource:
    """The bytes of a resource and their digest, which is its version."""

    version: str
    content: bytes


def resource(kind: Kind, described: dict[str, Json]) -> Resource:
    """Turn the JSON form of a resource into bytes; a misspelt field raises ParseError."""
    message = json_format.ParseDict(described, _MESSAGES[kind]())
    content = message.SerializeToString(deterministic=True)
    return Resource(hashlib.sha256(content).hexdigest()[:16], content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What Envoy says on the stream: its wishes, and what it thinks of an answer.

    `refusal` is None for an acknowledgement.
    """

    node_id: str
    kind: Kind
    nonce: str
    refusal: str | None
    subscribes: frozenset[str]
    unsubscribes: frozenset[str]
    holds: Mapping[str, str]


class AbortsStream(Protocol):
    """The part of a stream's context that is used."""

    async def abort(self, code: object, details: str) -> None:
        """End the stream with an error."""


Told = Callable[[AsyncIterator[Asked], AbortsStream], AsyncIterator[bytes]]


def asked_of(raw: bytes) -> Asked:
    """Read one message of Envoy."""
    request = discovery_pb2.DeltaDiscoveryRequest.FromString(raw)
    refused = request.HasField("error_detail")
    return Asked(
        node_id=request.node.id,
        kind=Kind(request.type_url),
        nonce=request.response_nonce,
        refusal=request.error_detail.message if refused else None,
        subscribes=frozenset(request.resource_names_subscribe),
        unsubscribes=frozenset(request.resource_names_unsubscribe),
        holds=dict(request.initial_resource_versions),
    )


def answer_of(
    kind: Kind, nonce: str, resources: Mapping[str, Resource], removed: Sequence[str]
) -> bytes:
    """Write one message to Envoy."""
    answer = discovery_pb2.DeltaDiscoveryResponse(
        type_url=kind, nonce=nonce, removed_resources=removed
    )
    for name, made in resources.items():
        packed = any_pb2.Any(type_url=kind, value=made.content)
        answer.resources.append(
            discovery_pb2.Resource(name=name, version=made.version, resource=packed)
        )
    return cast("bytes", answer.SerializeToString())


class StreamServer(Protocol):
    """A gRPC server as far as it is used."""

    def stop(self, grace: float | None) -> Awaitable[None]:
        """Close the socket."""
        ...


async def serve_stream(socket: Path, told: Told) -> StreamServer:
    """Serve delta ADS on a Unix socket; whoever calls keeps the result, else it closes."""
    server = grpc.aio.server()
    service = "envoy.service.discovery.v3.AggregatedDiscoveryService"
    method = grpc.stream_stream_rpc_method_handler(told, asked_of, None)
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler(service, {"DeltaAggregatedResources": method})]
    )
    if not server.add_insecure_port(f"unix:{socket}"):
        raise OSError(f"cannot listen on {socket}")
    await server.start()
    return cast("StreamServer", server)


async def turn_away(context: AbortsStream, reason: str) -> None:
    """End a stream that must not be served."""
    await context.abort(grpc.StatusCode.PERMISSION_DENIED, reason)
