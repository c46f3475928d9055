"""The event stream: what happened, by audit number; figures once a second."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from turnout.application.store import Past
from turnout.domain.audit import Record
from turnout.domain.codec import Json, to_json
from turnout.domain.release import FINAL, Release
from turnout.entrypoints.api.parts import ApiParts, parts_of
from turnout.entrypoints.telling import began, decision_told, told
from turnout.entrypoints.views import instant
from turnout.errors import BadInputError

router = APIRouter()

_COMMENT_EVERY_S = 15.0
_FIGURES_EVERY_S = 1.0
_PAGE = 200
_MOST = 2**40


@router.get("/events", operation_id="watch_events")
async def watch_events(
    request: Request,
    release: str | None = None,
    service: str | None = None,
    after: int | None = None,
) -> StreamingResponse:
    """Tell events as they happen, from a number on; of one release from its beginning."""
    parts = parts_of(request)
    if release is not None:
        release = (await parts.desk.release_named(release)).id
    start = await _start(parts, release, _last_seen(request, after))
    stream = _Stream(parts=parts, release=release, service=service, after=start)
    headers = {"cache-control": "no-store"}
    return StreamingResponse(stream.lines(), media_type="text/event-stream", headers=headers)


@dataclass(slots=True, kw_only=True)
class _Stream:
    parts: ApiParts
    release: str | None
    service: str | None
    after: int
    figures: dict[str, Json] = field(default_factory=dict)

    async def lines(self) -> AsyncIterator[str]:
        yield "retry: 2000\n\n"
        quiet_s = 0.0
        while not self.parts.news.is_over:
            told_any = False
            async for text in self._new():
                told_any = True
                yield text
            quiet_s = 0.0 if told_any else quiet_s + _FIGURES_EVERY_S
            if quiet_s >= _COMMENT_EVERY_S:
                quiet_s = 0.0
                yield ": still here\n\n"
            await self.parts.news.wait_s(_FIGURES_EVERY_S)

    async def _new(self) -> AsyncIterator[str]:
        while records := await self.parts.journal.audit(self.after, _PAGE):
            for record in records:
                self.after = record.seq
                text = await self._event(record)
                if text:
                    yield text
        async for text in self._figures():
            yield text

    async def _event(self, record: Record) -> str:
        release = await self._release_of(record)
        if release is None or not self._is_asked_for(release):
            return ""
        kind, body = await _told_of(self.parts.journal, record, release)
        head = {
            "turnout": 1,
            "seq": record.seq,
            "at": instant(record.entry.at_s),
            "release": release.id,
            "service": release.service,
            "by": record.entry.by,
        }
        return _written(kind, {**head, **body}, record.seq)

    async def _release_of(self, record: Record) -> Release | None:
        kind, _, name = record.entry.object.partition("/")
        if kind != "release" or (self.release is not None and name != self.release):
            return None
        service = name.rpartition("-")[0]
        for release in await self.parts.journal.releases(service):
            if release.id == name:
                return release
        return None

    def _is_asked_for(self, release: Release) -> bool:
        return self.service in {None, release.service}

    async def _figures(self) -> AsyncIterator[str]:
        for service in await self.parts.journal.services():
            if service.active is None or self.release not in {None, service.active}:
                continue
            release = await self.parts.desk.release_named(service.active)
            if release.phase in FINAL or not self._is_asked_for(release):
                continue
            judged = to_json(await self.parts.judges.look(release))
            if judged is not None and judged != self.figures.get(release.id):
                self.figures[release.id] = judged
                view = await self.parts.view(release)
                body = {"turnout": 1, "release": release.id, "judged": judged, "view": view}
                yield _written("figures", body, None)


async def _told_of(
    journal: Past, record: Record, release: Release
) -> tuple[str, Mapping[str, object]]:
    entry = record.entry
    if entry.action == "release.started":
        return "release", {**began(release), "view": told(release)}
    edition = entry.after.get("edition")
    for decision in await journal.decisions(release.id):
        if decision.code == entry.code and decision.edition == edition:
            kind = "step" if decision.code == "step.up" else "decision"
            return kind, {**decision_told(decision, release), "view": told(release, decision)}
    return "audit", {"code": entry.action, "why": entry.why}


def _written(kind: str, body: Mapping[str, object], seq: int | None) -> str:
    number = "" if seq is None else f"id: {seq}\n"
    return f"{number}event: {kind}\ndata: {json.dumps(body, ensure_ascii=False)}\n\n"


def _last_seen(request: Request, after: int | None) -> int | None:
    text = request.headers.get("last-event-id")
    if text is None:
        return after
    if not text.isdigit():
        raise BadInputError(f"`{text}` is not the number of an event")
    return int(text)


async def _start(parts: ApiParts, release: str | None, seen: int | None) -> int:
    if seen is not None:
        return seen
    if release is None:
        return await _first_after(parts.journal, float("inf"))
    began_s = (await parts.desk.release_named(release)).created_at_s
    return await _first_after(parts.journal, began_s - 1.0)


async def _first_after(journal: Past, at_s: float) -> int:
    """Find by halving how many records are older than an instant: the trail knows no index."""
    low, high = 0, 1
    while high < _MOST and await _is_older(journal, high, at_s):
        low, high = high, high * 2
    while low < high:
        middle = (low + high) // 2
        if await _is_older(journal, middle, at_s):
            low = middle + 1
        else:
            high = middle
    return max(0, low)


async def _is_older(journal: Past, after: int, at_s: float) -> bool:
    found = await journal.audit(after, 1)
    return bool(found) and found[0].entry.at_s < at_s
