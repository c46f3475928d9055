"""Steps with which contracts and tests drive a store, and the promises that hold after each."""

from dataclasses import replace

from turnout.application.ports import Change
from turnout.application.store import Store
from turnout.domain.audit import line_of, parse
from turnout.domain.decision import Decision
from turnout.domain.release import Command, Outcome, Phase, Release, Verb
from turnout.domain.replay import fold, without_clocks
from turnout.domain.service import Request, Service
from turnout.testing.world import START_S, a_request

_WHOLE_TRAIL = 100_000


def a_decision(old: Release, new: Release, *, by: str = "turnout") -> Decision:
    """Make the decision that leads from one row to the next."""
    return Decision(
        code=f"to.{new.phase}",
        at_s=new.wall_s,
        release=new.id,
        edition=new.edition,
        from_phase=old.phase,
        to_phase=new.phase,
        step=old.step,
        weight_from_bp=old.weight_bp,
        weight_to_bp=new.weight_bp,
        by=by,
    )


def a_change(old: Release, phase: Phase, outcome: Outcome | None = None, taken: int = 0) -> Change:
    """Make the save that moves a release to a phase, due in a second."""
    new = replace(
        old,
        phase=phase,
        outcome=outcome,
        edition=old.edition + 1,
        revision=old.revision + 1,
        wall_s=old.wall_s + 1.0,
    )
    decision = a_decision(old, new)
    return Change(release=new, taken=taken, decision=decision, due_s=START_S + 1.0)


def an_order(verb: Verb, *, by: str = "local:ana", at_s: float = START_S) -> Command:
    """Make a command that is bound to no digest."""
    return Command(id=0, verb=verb, by=by, why="because", at_s=at_s)


async def started(store: Store, request: Request | None = None) -> Release:
    """Ask for a release and give its first row."""
    asked = await store.requests.add(request or a_request())
    assert asked.release is not None
    return asked.release


async def move(
    store: Store, release_id: str, *way: Phase, outcome: Outcome | None = None, epoch: int = 0
) -> Release:
    """Save a release through phases; the last one gets the outcome."""
    for number, phase in enumerate(way, start=1):
        old = (await store.releases.load(release_id)).release
        ending = outcome if number == len(way) else old.outcome
        await store.releases.save(epoch, a_change(old, phase, ending))
    return (await store.releases.load(release_id)).release


async def promote(store: Store, release_id: str) -> Release:
    """Save a release through to its good end."""
    way = (Phase.BAKING, Phase.RETIRING, Phase.PROMOTED)
    return await move(store, release_id, *way, outcome=Outcome.PROMOTED)


async def the_service(store: Store, name: str = "shop") -> Service:
    """Give a service that is there."""
    return next(s for s in await store.journal.services() if s.name == name)


async def actions(store: Store) -> list[str]:
    """Name what the audit trail tells, in order."""
    return [record.entry.action for record in await store.journal.audit(0, _WHOLE_TRAIL)]


async def check_promises(store: Store) -> None:
    """Check that the chain is whole, that it replays to the rows, that one release is active."""
    verified = await store.journal.verify()
    assert verified.broken_at is None, verified.why
    records = await store.journal.audit(0, _WHOLE_TRAIL)
    assert len(records) == verified.records
    told = fold(parse(line_of(record)).entry for record in records)
    rows = {row.id: without_clocks(row) for row in await store.journal.releases(None)}
    assert {name: without_clocks(row) for name, row in told.releases.items()} == rows
    services = {service.name: service for service in await store.journal.services()}
    assert told.services == services
    assert told.quarantine == {(b.service, b.digest) for b in await store.journal.bars(None)}
    for service in services.values():
        final = {Phase.PROMOTED, Phase.ROLLED_BACK}
        mine = [row for row in rows.values() if row.service == service.name]
        active = [row.id for row in mine if row.phase not in final]
        assert active == ([service.active] if service.active else [])
