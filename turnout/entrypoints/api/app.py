"""The application: its calls under one prefix, its errors in one form."""

import uuid

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response

from turnout.entrypoints.api import events, releases, services
from turnout.entrypoints.api.models import Down, Nothing
from turnout.entrypoints.api.parts import ApiParts, order_of, owner_only, parts_of
from turnout.entrypoints.api.problems import answer_refusal, answer_unknown_call
from turnout.errors import TurnoutError

PREFIX = "/api/v1"
_UNKNOWN = (404, 405)  # of the framework itself
router = APIRouter()


def create_app(parts: ApiParts, owner_uid: int, version: str) -> FastAPI:
    """Make the application of one controller; it obeys one user."""
    app = FastAPI(
        title="Turnout",
        version=version,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(owner_only)],
    )
    app.state.parts, app.state.owner_uid = parts, owner_uid
    for one in (services.router, releases.router, events.router, router):
        app.include_router(one, prefix=PREFIX)
    app.add_api_route("/healthz", get_health, operation_id="get_health")
    for kind in (TurnoutError, RequestValidationError, Exception):
        app.add_exception_handler(kind, answer_refusal)
    for status in _UNKNOWN:
        app.add_exception_handler(status, answer_unknown_call)
    return app


async def get_health(request: Request) -> JSONResponse:
    """Say that the controller lives, and which version it is."""
    return JSONResponse({"turnout": 1, "version": request.app.version})


@router.post("/down", operation_id="stop_everything", status_code=202)
async def stop_everything(request: Request, body: Down) -> Response:
    """End every release, mark every service as stopped, and end this controller."""
    parts = parts_of(request)

    async def work() -> JSONResponse:
        order = order_of(request, body.reason, uuid.uuid4().hex)
        return JSONResponse({"ending": await parts.down(order, body.drain_s)}, 202)

    return await parts.keys.once(request, work)


@router.post("/stop", operation_id="stop_controller", status_code=202)
async def stop_controller(request: Request, body: Nothing) -> JSONResponse:
    """End this controller; services run on."""
    del body
    parts_of(request).stop()
    return JSONResponse({}, 202)
