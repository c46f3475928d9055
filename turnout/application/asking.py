"""What becomes of the wishes of people and triggers: each is one transaction, pure."""

from dataclasses import replace

from turnout.application.ports import Asked
from turnout.application.saving import is_stable, start, wish_entry
from turnout.application.store import Bar
from turnout.application.writes import Kept, Reads, Wish, WishState, Writes
from turnout.domain.audit import Entry, instant
from turnout.domain.catalogue import Status
from turnout.domain.codec import changes, to_json
from turnout.domain.release import FINAL, LEAVING, Command, Phase, Release, Verb
from turnout.domain.route import WHOLE_BP
from turnout.domain.service import Request, Service
from turnout.errors import (
    ActiveReleaseError,
    QuarantinedError,
    RefusedError,
    UnknownReleaseError,
)

_REPLACEABLE = frozenset(Phase) - FINAL - LEAVING - {Phase.PROMOTING, Phase.BAKING}


def add(reads: Reads, request: Request, now_s: float) -> tuple[Writes, Asked]:
    """Answer a request: it starts a release, waits, or has nothing to do.

    Raises ActiveReleaseError, QuarantinedError, or RefusedError for what triggers may not ask.
    """
    known = reads.wish(request.key)
    if known is not None:
        return Writes(), _answer_again(reads, known, request)
    stored = reads.service(request.service)
    service = stored or _service_of(request)
    _refuse_another_place(service, request)
    if is_stable(service, request.version.digest):
        wish = Wish(request=request, state=WishState.NOTHING_TO_DO)
        return Writes(wishes=(wish,)), Asked(state="nothing_to_do")
    ready = Writes() if stored else _declared(service, now_s)
    ready += _lifted(reads, request, now_s)
    active = reads.release(service.active) if service.active else None
    if active is not None:
        return ready + _queue(reads, active, request, now_s), _behind(active.id)
    started = start(reads, service, request, now_s)
    return ready + started, Asked(state="started", release=started.releases[0].release)


def command(reads: Reads, release_id: str, order: Command, key: str, now_s: float) -> Writes:
    """Keep a person's command for a release under way."""
    kept = reads.kept(key)
    if kept is not None:
        if kept.release != release_id or kept.command.verb is not order.verb:
            raise RefusedError(f"the key {key!r} was used for another command; give a new one")
        return Writes()
    release = reads.release(release_id)
    if release is None:
        raise UnknownReleaseError(f"no release has the id {release_id!r}")
    if release.phase in FINAL:
        raise RefusedError(f"{release_id} has ended as {release.outcome}; it takes no commands")
    return _commanded(release, order, key, now_s)


def put_service(reads: Reads, service: Service, now_s: float) -> tuple[Writes, Service]:
    """Declare a service: what releases made of it stays, where it belongs is as declared."""
    stored = reads.service(service.name)
    if stored is None:
        return _declared(service, now_s), service
    declared = replace(stored, project=service.project, environment=service.environment)
    return _changed(stored, declared, "service.declared", "turnout", now_s), declared


def set_down(reads: Reads, name: str, *, is_down: bool, by: str, now_s: float) -> Writes:
    """Stop a service, or let it run again."""
    stored = reads.service(name)
    if stored is None:
        raise RefusedError(f"no service is named {name!r}; `turnout status` lists them")
    action = "service.down" if is_down else "service.up"
    return _changed(stored, replace(stored, is_down=is_down), action, by, now_s)


def bar(reads: Reads, wanted: Bar, by: str) -> Writes:
    """Put a version into quarantine by a person's word."""
    if reads.version(wanted.service, wanted.digest) is None:
        raise RefusedError(f"{wanted.service} has no version {wanted.digest}")
    if reads.bar(wanted.service, wanted.digest) is not None:
        return Writes()
    return Writes(bars=(wanted,), entries=(_bar_entry(wanted, by, wanted.at_s, barred=True),))


def lift(reads: Reads, service: str, digest: str, *, by: str, why: str, now_s: float) -> Writes:
    """Take a version out of quarantine."""
    found = reads.bar(service, digest)
    if found is None:
        return Writes()
    entry = _bar_entry(replace(found, why=why), by, now_s, barred=False)
    return Writes(bars=(replace(found, lifted_by=by),), entries=(entry,))


# --- a request


def _answer_again(reads: Reads, known: Wish, request: Request) -> Asked:
    first = known.request
    if (first.service, first.version.digest) != (request.service, request.version.digest):
        raise RefusedError(f"the key {request.key!r} was used for another request; give a new one")
    if known.state is WishState.TAKEN and known.release:
        return Asked(state="started", release=reads.release(known.release))
    if known.state is WishState.NOTHING_TO_DO:
        return Asked(state="nothing_to_do")
    return Asked(state="queued", queued_behind=known.behind)


def _behind(release_id: str) -> Asked:
    return Asked(state="queued", queued_behind=release_id)


def _service_of(request: Request) -> Service:
    return Service(name=request.service, project=request.project, environment=request.environment)


def _refuse_another_place(service: Service, request: Request) -> None:
    here, there = (service.project, service.environment), (request.project, request.environment)
    if service.last is not None and here != there:
        raise RefusedError(
            f"{service.name} is released in environment {service.environment} of project"
            f" {service.project}, not in {request.environment} of {request.project};"
            " another place needs a folder of its own"
        )


def _lifted(reads: Reads, request: Request, now_s: float) -> Writes:
    service, version = request.service, request.version
    found = reads.bar(service, version.digest)
    if found is not None and not request.lifts_quarantine:
        raise QuarantinedError(
            f"{version.name} of {service} is in quarantine since {instant(found.at_s)}"
            f" ({found.release or 'set by hand'}: {found.why}); somebody with the right to approve"
            f" lifts it: `turnout versions release-quarantine {service} {version.name} --reason …`"
        )
    known = reads.version(service, version.digest)
    if known is not None and known.status is Status.FAILED and not request.human:
        raise RefusedError(
            f"{version.name} of {service} failed in {known.release}; a trigger does not ask for it"
            f" again, a person may: `turnout release {service} {version.name}`"
        )
    if found is None:
        return Writes()
    return lift(reads, service, version.digest, by=request.by, why=request.reason, now_s=now_s)


def _queue(reads: Reads, active: Release, request: Request, now_s: float) -> Writes:
    verb = _way(active, request)
    wish = Wish(request=request, state=WishState.QUEUED, behind=active.id)
    writes = Writes(wishes=(wish,), entries=(wish_entry(wish, "request.queued", now_s),))
    waiting = reads.queued(request.service)
    if waiting is not None:  # the newest wins
        lost = replace(waiting, state=WishState.SUPERSEDED, why=f"{request.version.name} is newer")
        entry = wish_entry(lost, "request.superseded", now_s)
        writes = Writes(wishes=(lost,), entries=(entry,)) + writes
    if verb is None:
        return writes
    digest, why = active.candidate.digest, f"{request.version.name} takes its place"
    order = Command(id=0, verb=verb, by=request.by, digest=digest, why=why, at_s=now_s)
    return writes + _commanded(active, order, f"{request.key}/{verb}", now_s)


def _way(active: Release, request: Request) -> Verb | None:
    if active.phase is Phase.BAKING and request.human and not request.queue:
        return Verb.FINISH_BAKE  # by a person the bake ends (D-3)
    if request.replace and active.phase in _REPLACEABLE:
        return Verb.SUPERSEDE
    waits = request.queue or not request.human
    if waits or (request.replace and active.phase in LEAVING):
        return None
    raise ActiveReleaseError(_in_the_way(active, request))


def _in_the_way(active: Release, request: Request) -> str:
    again = f"turnout release {request.service} {request.version.name}"
    percent = active.weight_bp * 100 / WHOLE_BP
    return (
        f"{active.id} is under way: {active.candidate.name} at {percent:g} %, {active.phase},"
        f" asked for by {active.asked_by}, since {instant(active.created_at_s)}."
        f" After it: `{again} --after`; in its place: `{again} --replace`;"
        f" end it: `turnout abort {active.id}`"
    )


# --- what is told of it


def _commanded(release: Release, order: Command, key: str, now_s: float) -> Writes:
    entry = Entry(
        at_s=now_s,
        by=order.by,
        action=f"command.{order.verb}",
        object=f"release/{release.id}",
        digest=order.digest,
        why=order.why,
    )
    return Writes(commands=(Kept(release=release.id, command=order, key=key),), entries=(entry,))


def _declared(service: Service, now_s: float) -> Writes:
    after = to_json(service)
    return Writes(
        services=(service,),
        entries=(
            Entry(
                at_s=now_s,
                by="turnout",
                action="service.declared",
                object=f"service/{service.name}",
                after=after if isinstance(after, dict) else {},
            ),
        ),
    )


def _changed(old: Service, new: Service, action: str, by: str, now_s: float) -> Writes:
    if old == new:
        return Writes()
    before, after = changes(old, new)
    entry = Entry(
        at_s=now_s,
        by=by,
        action=action,
        object=f"service/{new.name}",
        before=before,
        after=after,
    )
    return Writes(services=(new,), entries=(entry,))


def _bar_entry(found: Bar, by: str, now_s: float, *, barred: bool) -> Entry:
    return Entry(
        at_s=now_s,
        by=by,
        action="quarantine.set" if barred else "quarantine.lifted",
        object=f"version/{found.service}/{found.digest}",
        digest=found.digest,
        why=found.why,
        before={"quarantined": not barred},
        after={"quarantined": barred},
    )
