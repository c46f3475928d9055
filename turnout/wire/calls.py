"""What a controller asks of a gateway, and what it is answered (HTTP/1.1 with JSON)."""

from typing import Annotated

from pydantic import Field

from turnout.wire.route import EndpointsModel, FenceText, RouteModel, WireModel

FENCED = "fenced"
STALE = "router.stale"
REFUSED = "router.refused"
NOT_READY = "router.not_ready"
UNREACHABLE = "router.unreachable"
BUSY = "router.in_flight"
NOT_FOUND = "router.unknown"


class PutService(WireModel):
    """`PUT /v1/services/{service}?wait=5`: this whole route, under this fence."""

    fence: FenceText
    route: RouteModel
    endpoints: EndpointsModel


class DeleteService(WireModel):
    """`DELETE /v1/services/{service}`: `deadline_over` takes it away with requests in flight."""

    fence: FenceText
    deadline_over: bool = False


class Claim(WireModel):
    """`POST /v1/claim`: a new reign makes itself known."""

    epoch: Annotated[int, Field(ge=0)]


class Claimed(WireModel):
    """Where each service stands under the reign."""

    services: dict[str, FenceText]


class InForce(WireModel):
    """`GET /v1/services/{service}`: the fence asked for last, the weights that are in force."""

    fence: FenceText
    digest: str
    weights_bp: dict[str, int]
    acked: bool
    acked_at_s: float | None = None
    refused: str = ""


class Services(WireModel):
    """`GET /v1/services`: every service with a route."""

    services: dict[str, InForce]


class InFlight(WireModel):
    """`GET /v1/in-flight?service=`: requests and streams now open, by set."""

    at_s: float
    sets: dict[str, int]


class WatchedModel(WireModel):
    """Floor of durations and longest age of a service's requests."""

    floor_ms: Annotated[float, Field(ge=0)]
    deadline_s: Annotated[float, Field(gt=0)]


class PutWatched(WireModel):
    """`PUT /v1/watched`: all services that are told one second at a time."""

    services: dict[str, WatchedModel]


class Stop(WireModel):
    """`POST /v1/stop`: drain, end Envoy, end the daemon."""

    drain_s: Annotated[float, Field(ge=0)] = 30.0


class Health(WireModel):
    """`GET /v1/health`: the daemon, its Envoy, and how fresh the access log is."""

    daemon_pid: int
    version: str
    epoch: int
    envoy_pid: int | None
    envoy_starts: int
    connected: bool
    services: int
    line_age_s: float | None
    misrouted: int


class Problem(WireModel):
    """Why something was not done; `present` is the fence that stands in the way."""

    code: str
    message: str
    present: FenceText | None = None
