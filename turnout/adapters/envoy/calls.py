"""Calls to one gateway, and its problems as errors of ours."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ValidationError

from turnout.errors import (
    FencedError,
    GatewayUnreachableError,
    NotReadyError,
    RouteRefusedError,
    StaleRouteError,
    TurnoutError,
)
from turnout.wire import calls
from turnout.wire.unix_http import Answer, Call, ask

_ERRORS: Mapping[str, type[TurnoutError]] = {
    calls.FENCED: FencedError,
    calls.STALE: StaleRouteError,
    calls.REFUSED: RouteRefusedError,
    calls.NOT_READY: NotReadyError,
}
_FAULT = 400


async def told(
    socket: Path, method: str, target: str, body: BaseModel | None = None, limit_s: float = 4.5
) -> Answer:
    """Make a call; its problem is raised.

    Raises:
        FencedError: A newer epoch was there.
        StaleRouteError: A newer fence, or the same with another content, was there.
        RouteRefusedError: The route is wrong.
        NotReadyError: A version that was to get more has no healthy endpoint.
        GatewayUnreachableError: The gateway or its Envoy does not answer.
    """
    content = body.model_dump_json().encode() if body is not None else b""
    call = Call(socket=socket, method=method, target=target, body=content, limit_s=limit_s)
    try:
        answer = await ask(call)
    except OSError as e:
        raise unreachable(socket, e) from e
    if answer.status >= _FAULT:
        raise problem(socket, answer)
    return answer


def unreachable(socket: Path, error: OSError) -> GatewayUnreachableError:
    """Say that nobody answers."""
    return GatewayUnreachableError(
        f"the gateway at {socket} does not answer ({str(error) or 'too late'}); it serves on as "
        "it was told last"
    )


def problem(socket: Path, answer: Answer) -> TurnoutError:
    """Turn a gateway's problem into an error."""
    try:
        found = calls.Problem.model_validate_json(answer.body)
    except ValidationError:
        return GatewayUnreachableError(f"the gateway at {socket} answered {answer.status}")
    return _ERRORS.get(found.code, GatewayUnreachableError)(found.message)
