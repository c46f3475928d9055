"""Calls about services."""

import uuid

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from turnout.domain.service import Service
from turnout.entrypoints.api.models import GoBack, Say
from turnout.entrypoints.api.parts import ApiParts, order_of, page, parts_of
from turnout.entrypoints.api.releases import answer_asked
from turnout.entrypoints.telling import service_told
from turnout.entrypoints.views import ServiceView
from turnout.errors import BadInputError

router = APIRouter()

_VERBS = ("quarantine", "release-quarantine")


@router.get("/services", operation_id="list_services")
async def list_services(request: Request) -> JSONResponse:
    """List all services, each with its release under way."""
    parts = parts_of(request)
    views = [await _view(parts, service) for service in await parts.journal.services()]
    return page(views)


@router.get("/services/{name}", operation_id="get_service")
async def get_service(request: Request, name: str) -> JSONResponse:
    """Show one service."""
    parts = parts_of(request)
    service = await parts.desk.service_named(name)
    headers = {"etag": f'"{service.revision}"'}
    return JSONResponse(await _view(parts, service), headers=headers)


@router.post("/services/{name}/rollback", operation_id="rollback_service")
async def rollback_service(request: Request, name: str, body: GoBack) -> Response:
    """Return to the version before, or to a named one."""
    parts = parts_of(request)

    async def work() -> JSONResponse:
        order = order_of(request, body.reason, uuid.uuid4().hex)
        return await answer_asked(parts, await parts.desk.go_back(name, body.to, order))

    return await parts.keys.once(request, work)


@router.post("/services/{name}/versions/{version}/{verb}", operation_id="command_version")
async def command_version(
    request: Request, name: str, version: str, verb: str, body: Say
) -> Response:
    """Put a version into quarantine, or take it out."""
    parts = parts_of(request)
    if verb not in _VERBS:
        raise BadInputError(f"a version has no command `{verb}`; there are {', '.join(_VERBS)}")

    async def work() -> JSONResponse:
        order = order_of(request, body.reason, uuid.uuid4().hex)
        barred = verb == "quarantine"
        digests = await parts.desk.set_barred(name, version, order, is_barred=barred)
        return JSONResponse({"service": name, "version": version, "digests": list(digests)})

    return await parts.keys.once(request, work)


async def _view(parts: ApiParts, service: Service) -> ServiceView:
    if service.active is None:
        return service_told(service, None)
    release = await parts.desk.release_named(service.active)
    return service_told(service, await parts.view(release))
