"""Errors as RFC 9457 problems: one table from error to status."""

import uuid
from collections.abc import Iterable, Mapping
from typing import TypedDict

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from turnout.entrypoints.release_file import Loaded, Mistake
from turnout.errors import (
    ArtifactError,
    BadInputError,
    FencedError,
    RefusedError,
    StaleSaveError,
    TurnoutError,
    UnavailableError,
    UnknownReleaseError,
)

_TYPE = "application/problem+json"
_STATUS: tuple[tuple[type[TurnoutError], int], ...] = (  # the first that fits
    (UnknownReleaseError, 404),
    (ArtifactError, 422),
    (BadInputError, 400),
    (RefusedError, 409),
    (FencedError, 503),
    (StaleSaveError, 503),
    (UnavailableError, 503),
)
_TITLES: Mapping[int, str] = {
    400: "The request is wrong",
    403: "Not allowed",
    404: "There is no such thing",
    405: "There is no such call",
    409: "Not as things stand",
    422: "What was given is wrong",
    503: "Not at the moment",
    500: "Turnout failed",
}


class Place(TypedDict):
    """One mistake of a file."""

    code: str
    file: str
    line: int
    column: int
    field: str
    text: str
    fix: str


class FileInvalidError(BadInputError):
    """The release file has mistakes."""

    code = "file.invalid"

    def __init__(self, loaded: Loaded) -> None:
        super().__init__(loaded.printed())
        self.mistakes = loaded.mistakes


class PeerRefusedError(TurnoutError):
    """Somebody else than the folder's owner called."""

    code = "peer.refused"


class KeyMismatchError(BadInputError):
    """An idempotency key was used for another request."""

    code = "idempotency.mismatch"


class KeyBusyError(RefusedError):
    """The first request with an idempotency key still runs."""

    code = "idempotency.running"


_OWN_STATUS: Mapping[str, int] = {
    FileInvalidError.code: 422,
    PeerRefusedError.code: 403,
    KeyMismatchError.code: 422,
}


def problem_of(error: TurnoutError, instance: str) -> JSONResponse:
    """Answer an error of Turnout's."""
    errors = _places(error.mistakes) if isinstance(error, FileInvalidError) else []
    headers = {"retry-after": "1"} if isinstance(error, KeyBusyError) else None
    return _answer(_status(error), error.code, str(error), instance, errors=errors, headers=headers)


async def answer_unknown_call(request: Request, _: Exception) -> JSONResponse:
    """Answer a path or a method that the API does not have."""
    path = request.url.path
    return _answer(404, "http", f"there is no call {request.method} {path}", path)


async def answer_refusal(request: Request, error: Exception) -> JSONResponse:
    """Answer an error that a call ended with."""
    path = request.url.path
    match error:
        case TurnoutError():
            return problem_of(error, path)
        case RequestValidationError():
            return _answer(400, "input", _validation(error), path)
        case _:
            text = "Turnout failed; the controller's log tells more: `turnout logs --controller`"
            return _answer(500, "turnout", text, path)


def _status(error: TurnoutError) -> int:
    own = _OWN_STATUS.get(error.code)
    if own is not None:
        return own
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def _places(mistakes: Iterable[Mistake]) -> list[Place]:
    return [
        {
            "code": mistake.code,
            "file": mistake.place.file,
            "line": mistake.place.line,
            "column": mistake.place.column,
            "field": mistake.field,
            "text": mistake.text,
            "fix": mistake.fix or mistake.note,
        }
        for mistake in mistakes
    ]


def _validation(error: RequestValidationError) -> str:
    told = [
        f"`{'.'.join(str(part) for part in found['loc'][1:]) or 'body'}`: {found['msg']}"
        for found in error.errors()
    ]
    return "; ".join(told)


def _answer(
    status: int,
    code: str,
    detail: str,
    instance: str,
    *,
    errors: list[Place] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    body = {
        "type": f"/problems/{code}",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": code,
        "errors": errors or [],
        "trace_id": uuid.uuid4().hex,
    }
    return JSONResponse(body, status, media_type=_TYPE, headers=dict(headers or {}))
