"""Calls about releases."""

import asyncio
import uuid
from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from turnout.application.desk import Wanted
from turnout.application.ports import Asked
from turnout.domain.codec import to_json
from turnout.domain.release import Verb
from turnout.entrypoints.api.models import AskRelease, Give
from turnout.entrypoints.api.parts import ApiParts, order_of, page, parts_of
from turnout.entrypoints.api.problems import FileInvalidError
from turnout.entrypoints.release_file import load
from turnout.entrypoints.release_file.domain_values import to_domain
from turnout.entrypoints.telling import began, decision_told, told
from turnout.errors import BadInputError

router = APIRouter()

_VERBS: Mapping[str, Verb] = {
    "pause": Verb.PAUSE,
    "resume": Verb.RESUME,
    "promote": Verb.PROMOTE,
    "abort": Verb.ABORT,
    "rollback": Verb.ABORT,
}
_MOST = 1000


@router.get("/releases", operation_id="list_releases")
async def list_releases(
    request: Request, service: str | None = None, limit: int = 100
) -> JSONResponse:
    """List releases, the newest first."""
    parts = parts_of(request)
    found = await parts.journal.releases(service)
    return page([told(release) for release in found[: min(limit, _MOST)]])


@router.post("/releases", operation_id="create_release", status_code=202)
async def create_release(request: Request, body: AskRelease) -> Response:
    """Ask for a release as the release file says."""
    parts = parts_of(request)

    async def work() -> JSONResponse:
        wanted = await asyncio.to_thread(_wanted, body)
        order = order_of(request, body.reason, uuid.uuid4().hex)
        return await answer_asked(parts, await parts.desk.release(wanted, order))

    return await parts.keys.once(request, work)


@router.get("/releases/{name}", operation_id="get_release")
async def get_release(request: Request, name: str) -> JSONResponse:
    """Show one release; a service's name stands for its newest one."""
    parts = parts_of(request)
    release = await parts.desk.release_named(name)
    return JSONResponse(await parts.view(release))


@router.get("/releases/{name}/decisions", operation_id="list_decisions")
async def list_decisions(request: Request, name: str) -> JSONResponse:
    """List the decisions of a release with their sentences, oldest first."""
    parts = parts_of(request)
    release = await parts.desk.release_named(name)
    decisions = await parts.journal.decisions(release.id)
    views = [decision_told(decision, release) for decision in decisions]
    return JSONResponse({"items": views, "next": None, "began": began(release)})


@router.get("/releases/{name}/figures", operation_id="get_figures")
async def get_figures(request: Request, name: str) -> JSONResponse:
    """Show what the judge sees of a release under way."""
    parts = parts_of(request)
    release = await parts.desk.release_named(name)
    judged = await parts.judges.look(release)
    return JSONResponse({"release": release.id, "judged": to_json(judged)})


@router.post("/releases/{name}/{verb}", operation_id="command_release", status_code=202)
async def command_release(request: Request, name: str, verb: str, body: Give) -> Response:
    """Give a person's command."""
    parts = parts_of(request)
    known = _VERBS.get(verb)
    if known is None:
        raise BadInputError(f"a release has no command `{verb}`; there are {', '.join(_VERBS)}")
    if body.force and known is not Verb.PROMOTE:
        raise BadInputError("only `promote` can be forced")
    if body.force and not body.reason:
        raise BadInputError("a forced promotion needs its reason: `--reason TEXT`")

    async def work() -> JSONResponse:
        order = order_of(request, body.reason, uuid.uuid4().hex)
        given = Verb.FORCE if body.force else known
        release = await parts.desk.command(name, given, order)
        return JSONResponse(await parts.view(release), 202)

    return await parts.keys.once(request, work)


async def answer_asked(parts: ApiParts, asked: Asked) -> JSONResponse:
    """Answer what became of a request."""
    release = await parts.view(asked.release) if asked.release else None
    body = {"state": asked.state, "release": release, "queued_behind": asked.queued_behind}
    return JSONResponse(body, 202)


def _wanted(body: AskRelease) -> Wanted:
    loaded = load(Path(body.file), body.environment)
    if loaded.mistakes:
        raise FileInvalidError(loaded)
    wanted = to_domain(loaded, body.service, body.version, body.environment)
    return Wanted(
        service=wanted.service,
        project=wanted.project,
        environment=wanted.environment,
        plan=wanted.plan,
        version=wanted.version,
        queue=body.queue,
        replace=body.replace,
        lifts_quarantine=bool(body.reason),
    )
