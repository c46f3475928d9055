"""What the save of a release writes besides its row, and how the next release starts."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from turnout.application.ports import Change
from turnout.application.store import Bar
from turnout.application.writes import Reads, Row, Taken, Wish, WishState, Writes
from turnout.domain.audit import ENGINE, Entry, is_progress
from turnout.domain.catalogue import Catalogued, Status, statuses
from turnout.domain.codec import Json, changes, to_json
from turnout.domain.release import FINAL, Release
from turnout.domain.service import Request, Service, after, begin, quarantines
from turnout.errors import ReignOverError, StaleSaveError, UnknownReleaseError


def save(reads: Reads, epoch: int, change: Change, now_s: float) -> Writes:
    """Give everything that one save writes; StaleSaveError when row or reign moved on."""
    guard_epoch(reads, epoch)
    new = change.release
    old = _guarded(reads, new)
    is_final = new.phase in FINAL
    service = cast("Service", reads.service(new.service))
    next_service = after(service, new, is_final=is_final)
    bars = _bars(new, now_s)
    writes = Writes(
        services=(next_service,) if next_service != service else (),
        releases=(Row(release=new, epoch=epoch, due_s=None if is_final else change.due_s),),
        decisions=() if change.decision is None else (change.decision,),
        taken=(Taken(release=new.id, count=change.taken, edition=new.edition),),
        bars=bars,
        versions=_versions(old, new, now_s),
        entries=(*_entries(old, change, now_s), *map(bar_entry, bars)),
    )
    return writes + _next(reads, next_service, bars, now_s) if is_final else writes


def guard_epoch(reads: Reads, epoch: int) -> None:
    """Refuse what an older reign writes."""
    if reads.epoch() != epoch:
        raise ReignOverError(f"epoch {epoch} is over, {reads.epoch()} reigns: stop acting")


def unwritten(last: Sequence[str], windows: Sequence[str]) -> Sequence[str]:
    """Give the windows that are not yet there, when a save of unknown end is repeated.

    Args:
        last: the newest stored windows, as many as there are new ones.
        windows: the new ones; no two windows of a release are equal.
    """
    for count in range(min(len(last), len(windows)), 0, -1):
        if list(last[-count:]) == list(windows[:count]):
            return windows[count:]
    return windows


def reign_entry(epoch: int, holder: str, now_s: float) -> Entry:
    """Tell the beginning of a reign."""
    return Entry(
        at_s=now_s,
        by=ENGINE,
        action="reign.began",
        object="lease",
        before={"epoch": epoch - 1},
        after={"epoch": epoch, "holder": holder},
    )


def start(reads: Reads, service: Service, request: Request, now_s: float) -> Writes:
    """Begin the release that a request asks for; the service has none under way."""
    release = begin(service, request, now_s)
    known = reads.version(service.name, request.version.digest)
    entered = Catalogued(
        service=service.name,
        version=request.version,
        status=Status.CANDIDATE,
        at_s=now_s,
        release=release.id,
    )
    return Writes(
        services=(after(service, release, is_final=False),),
        releases=(Row(release=release, epoch=reads.epoch(), due_s=now_s),),
        wishes=(Wish(request=request, state=WishState.TAKEN, release=release.id),),
        versions=() if known else (entered,),
        entries=(
            Entry(
                at_s=now_s,
                by=request.by,
                action="release.started",
                object=f"release/{release.id}",
                digest=request.version.digest,
                why=request.reason,
                code="started",
                after=cast("dict[str, Json]", to_json(release)),
            ),
        ),
    )


def wish_entry(wish: Wish, action: str, now_s: float) -> Entry:
    """Tell what became of a request that starts nothing now."""
    request = wish.request
    return Entry(
        at_s=now_s,
        by=request.by if action == "request.queued" else ENGINE,
        action=action,
        object=f"request/{request.key}",
        digest=request.version.digest,
        why=wish.why or request.reason,
        code=action,
    )


def bar_entry(bar: Bar) -> Entry:
    """Tell that a version was put into quarantine by the machine."""
    return Entry(
        at_s=bar.at_s,
        by=ENGINE,
        action="quarantine.set",
        object=f"version/{bar.service}/{bar.digest}",
        digest=bar.digest,
        why=bar.why,
        code="quarantined",
        before={"quarantined": False},
        after={"quarantined": True},
    )


def _guarded(reads: Reads, new: Release) -> Release:
    old = reads.release(new.id)
    if old is None:
        raise UnknownReleaseError(f"no release has the id {new.id!r}")
    if old.phase in FINAL:
        raise StaleSaveError(f"{old.id} has ended as {old.outcome}: nothing more is saved of it")
    if old.edition != new.edition - 1:
        raise StaleSaveError(f"{old.id} is at edition {old.edition}, not {new.edition - 1}")
    return old


def _bars(release: Release, now_s: float) -> tuple[Bar, ...]:
    if not quarantines(release):
        return ()
    bar = Bar(
        service=release.service,
        digest=release.candidate.digest,
        why=release.why or str(release.outcome),
        at_s=now_s,
        release=release.id,
    )
    return (bar,)


def _versions(old: Release, new: Release, now_s: float) -> tuple[Catalogued, ...]:
    return tuple(
        Catalogued(service=new.service, version=version, status=status, at_s=now_s, release=new.id)
        for version, status in statuses(old, new)
    )


def _entries(old: Release, change: Change, now_s: float) -> tuple[Entry, ...]:
    new, decision = change.release, change.decision
    before, now = changes(old, new)
    if decision is None and is_progress(now):
        return ()
    entry = Entry(
        at_s=now_s,
        by=decision.by if decision else ENGINE,
        action=decision.code if decision else "release.saved",
        object=f"release/{new.id}",
        digest=new.candidate.digest,
        why=decision.why if decision else "",
        code=decision.code if decision else "",
        before=before,
        after=now,
    )
    return (entry,)


def _next(reads: Reads, service: Service, bars: tuple[Bar, ...], now_s: float) -> Writes:
    waiting = reads.queued(service.name)
    if waiting is None:
        return Writes()
    why = _obstacle(reads, service, waiting.request, bars)
    if not why:
        return start(reads, service, waiting.request, now_s)
    refused = replace(waiting, state=WishState.REFUSED, why=why)
    return Writes(wishes=(refused,), entries=(wish_entry(refused, "request.refused", now_s),))


def _obstacle(reads: Reads, service: Service, request: Request, bars: tuple[Bar, ...]) -> str:
    digest = request.version.digest
    barred = {bar.digest for bar in bars}
    if digest in barred or (reads.bar(service.name, digest) is not None):
        return f"{request.version.name} is in quarantine"
    if is_stable(service, digest):
        return f"{request.version.name} is the stable version already"
    return ""


def is_stable(service: Service, digest: str) -> bool:
    """Tell whether a digest is what the service serves: a release of it has nothing to do (D-4)."""
    stable = service.stable
    return stable is not None and stable.version.digest == digest and not service.is_down
