"""The calls of the control socket, and how each error is told."""

import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import NamedTuple, Protocol

import structlog
from pydantic import BaseModel, ValidationError

from turnout.errors import (
    BadInputError,
    FencedError,
    GatewayUnreachableError,
    NotReadyError,
    RouterError,
    TurnoutError,
)
from turnout.gateway.inflight import InFlightCounts
from turnout.gateway.looks import Looks
from turnout.gateway.server import Reply, Request
from turnout.gateway.services import Services
from turnout.wire.calls import (
    BUSY,
    NOT_FOUND,
    UNREACHABLE,
    Claim,
    Claimed,
    DeleteService,
    Health,
    InFlight,
    Problem,
    PutService,
    PutWatched,
    Stop,
)
from turnout.wire.calls import Services as AllServices
from turnout.wire.route import fence_of

_WAIT_S = 5.0
_LONGEST_WAIT_S = 9.0
_STATUS: tuple[tuple[type[TurnoutError], int], ...] = (
    (FencedError, 409),
    (NotReadyError, 503),
    (GatewayUnreachableError, 503),
    (RouterError, 422),
    (BadInputError, 400),
)
_log = structlog.get_logger()


class EvidenceCalls(Protocol):
    """Whoever tells what became of requests."""

    async def watch(self, told: PutWatched) -> None:
        """Tell these services in detail from now on."""

    def past(self, service: str, last_s: float) -> AsyncGenerator[bytes, None]:
        """Give the lines of what is kept of a service."""
        ...

    def follow(self, after: str | None) -> AsyncGenerator[bytes, None]:
        """Give the lines after a cursor and go on; LookupError when it is too old."""
        ...


class Parts(NamedTuple):
    """What the calls act on."""

    services: Services
    looks: Looks
    counts: InFlightCounts
    evidence: EvidenceCalls
    health: Callable[[], Health]
    stop: Callable[[float], None]


Call = Callable[[Request, str], Awaitable[Reply]]


class Api:
    """Finds the call of a request and tells its errors."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._calls: tuple[tuple[str, re.Pattern[str], Call], ...] = (
            ("PUT", re.compile(r"/v1/services/([^/]+)"), self._put),
            ("DELETE", re.compile(r"/v1/services/([^/]+)"), self._delete),
            ("GET", re.compile(r"/v1/services/([^/]+)"), self._look),
            ("GET", re.compile(r"/v1/services()"), self._look_all),
            ("POST", re.compile(r"/v1/claim()"), self._claim),
            ("GET", re.compile(r"/v1/in-flight()"), self._in_flight),
            ("PUT", re.compile(r"/v1/watched()"), self._watch),
            ("GET", re.compile(r"/v1/evidence()"), self._evidence),
            ("GET", re.compile(r"/v1/health()"), self._health),
            ("POST", re.compile(r"/v1/stop()"), self._stop),
        )

    async def reply(self, request: Request) -> Reply:
        """Answer one request."""
        for method, pattern, call in self._calls:
            found = pattern.fullmatch(request.path)
            if found and method == request.method:
                return await self._guarded(call, request, found[1])
        return _problem(404, NOT_FOUND, f"there is no {request.method} {request.path}")

    async def _guarded(self, call: Call, request: Request, name: str) -> Reply:
        try:
            return await call(request, name)
        except ValidationError as e:
            return _problem(400, "input", str(e))
        except LookupError as e:
            return _problem(410, NOT_FOUND, str(e))
        except OSError as e:
            _log.error("call_failed", path=request.path, reason=str(e))
            return _problem(503, UNREACHABLE, f"the gateway's folder cannot be used: {e}")
        except TurnoutError as e:
            status = next((status for kind, status in _STATUS if isinstance(e, kind)), 500)
            return _problem(status, e.code, str(e), self._parts.looks.fence(name))

    async def _put(self, request: Request, service: str) -> Reply:
        told = PutService.model_validate_json(request.body)
        if told.route.service != service:
            raise BadInputError(f"the route is of {told.route.service}, the address of {service}")
        try:
            return _json(await self._parts.services.put(service, told, _wait_s(request)))
        except GatewayUnreachableError:
            found = self._parts.looks.of(service)
            if found is None or not self._parts.looks.is_connected:
                raise
            return _json(found, 202)

    async def _delete(self, request: Request, service: str) -> Reply:
        told = DeleteService.model_validate_json(request.body)
        if not told.deadline_over:
            open_now = await self._parts.counts.of(service)
            if busy := {name: n for name, n in open_now.items() if n}:
                return _problem(409, BUSY, f"{service} has requests in flight: {busy}")
        await self._parts.services.delete(service, fence_of(told.fence), _wait_s(request))
        return Reply(200, b"{}")

    async def _look(self, request: Request, service: str) -> Reply:
        del request
        found = self._parts.looks.of(service)
        if found is None:
            return _problem(404, NOT_FOUND, f"{service} has no route here")
        return _json(found)

    async def _look_all(self, request: Request, name: str) -> Reply:
        del request, name
        return _json(AllServices(services=dict(self._parts.looks.all())))

    async def _claim(self, request: Request, name: str) -> Reply:
        del name
        claim = Claim.model_validate_json(request.body)
        fences = await self._parts.services.claim(claim.epoch)
        return _json(Claimed(services={service: str(f) for service, f in fences.items()}))

    async def _in_flight(self, request: Request, name: str) -> Reply:
        del name
        service = _asked(request, "service")
        return _json(InFlight(at_s=time.time(), sets=dict(await self._parts.counts.of(service))))

    async def _watch(self, request: Request, name: str) -> Reply:
        del name
        await self._parts.evidence.watch(PutWatched.model_validate_json(request.body))
        return Reply(200, b"{}")

    async def _evidence(self, request: Request, name: str) -> Reply:
        del name
        if "service" in request.query:
            service, last_s = request.query["service"], float(_asked(request, "last"))
            return Reply(200, lines=self._parts.evidence.past(service, last_s))
        return Reply(200, lines=self._parts.evidence.follow(request.query.get("after")))

    async def _health(self, request: Request, name: str) -> Reply:
        del request, name
        return _json(self._parts.health())

    async def _stop(self, request: Request, name: str) -> Reply:
        del name
        self._parts.stop(Stop.model_validate_json(request.body or b"{}").drain_s)
        return Reply(202, b"{}")


def _wait_s(request: Request) -> float:
    try:
        return min(_LONGEST_WAIT_S, float(request.query.get("wait", _WAIT_S)))
    except ValueError as e:
        raise BadInputError("`wait` is a number of seconds") from e


def _asked(request: Request, name: str) -> str:
    if name not in request.query:
        raise BadInputError(f"`{name}` is missing: {request.path}?{name}=…")
    return request.query[name]


def _json(model: BaseModel, status: int = 200) -> Reply:
    return Reply(status, model.model_dump_json().encode())


def _problem(status: int, code: str, message: str, present: str | None = None) -> Reply:
    return _json(Problem(code=code, message=message, present=present), status)
