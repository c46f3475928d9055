"""The application: its calls under one prefix, its errors in one form."""

import uuid

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from turnout.entrypoints.api import events, releases, services
from turnout.entrypoints.api.models import Down, Nothing
from turnout.entrypoints.api.parts import ApiParts, order_of, parts_of
from turnout.entrypoints.api.problems import answer_refusal
from turnout.errors import TurnoutError

PREFIX = "/api/v1"
router = APIRouter()


def create_app(parts: ApiParts, version: str) -> FastAPI:
    """Make the application of one controller."""
    app = FastAPI(
        title="Turnout",
        version=version,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.parts = parts
    for one in (services.router, releases.router, events.router, router):
        app.include_router(one, prefix=PREFIX)
    app.add_api_route("/healthz", get_health, operation_id="get_health")
    for kind in (TurnoutError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer_refusal)
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
