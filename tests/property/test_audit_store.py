"""Any sequence of wishes and saves keeps the promises of a store, and both stores agree."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.adapters.sqlite.store import open_store
from turnout.application.ports import Asked, EvidenceState
from turnout.application.store import Store
from turnout.domain.release import Outcome, Phase, Release, Verb
from turnout.errors import TurnoutError
from turnout.testing.contracts_store_steps import a_change, an_order, check_promises
from turnout.testing.fake_store import MemoryStore
from turnout.testing.world import START_S, a_request

SERVICES = ("shop", "desk")
ENDS = (Phase.PROMOTED, Phase.ROLLED_BACK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happens; which fields count depends on `what`."""

    what: str
    service: str
    number: int
    phase: Phase
    outcome: Outcome
    flags: tuple[bool, bool, bool, bool]


WHAT = [*["add"] * 3, *["save"] * 3, "end", "stale", "command", "reign", "down", "bar", "lift"]
WHAT += ["rest", "tick"]
STEPS = st.builds(
    Step,
    what=st.sampled_from(WHAT),
    service=st.sampled_from(SERVICES),
    number=st.integers(1, 4),
    phase=st.sampled_from([phase for phase in Phase if phase not in ENDS]),
    outcome=st.sampled_from(Outcome),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
)


async def add(store: Store, step: Step, key: str) -> object:
    human, queue, replaces, lifts = step.flags
    request = a_request(f"v{step.number}", key=key, service=step.service)
    request = replace(request, human=human, queue=queue, replace=replaces, lifts_quarantine=lifts)
    return _short(await store.requests.add(request))


def _short(asked: Asked) -> object:
    return (asked.state, asked.release.id if asked.release else asked.queued_behind)


async def active(store: Store, step: Step) -> Release:
    for service in await store.journal.services():
        if service.name == step.service and service.active:
            return (await store.releases.load(service.active)).release
    raise TurnoutError("nothing is under way")


async def save(store: Store, step: Step, _: str) -> object:
    old = await active(store, step)
    await store.releases.save(await reign(store), a_change(old, step.phase, taken=step.number - 1))
    return step.phase


async def end(store: Store, step: Step, _: str) -> object:
    old = await active(store, step)
    phase = ENDS[step.outcome is not Outcome.PROMOTED]
    await store.releases.save(await reign(store), a_change(old, phase, step.outcome))
    return phase


async def stale(store: Store, step: Step, _: str) -> object:
    old = replace(await active(store, step), edition=step.number + 100)
    await store.releases.save(await reign(store), a_change(old, step.phase))
    return "saved"


async def tick(store: Store, step: Step, _: str) -> object:
    old = await active(store, step)
    change = a_change(old, old.phase)
    ticked = replace(old, spent_s=old.spent_s + 1.0, edition=old.edition + 1)
    await store.releases.save(await reign(store), replace(change, release=ticked, decision=None))
    return ticked.edition


async def command(store: Store, step: Step, key: str) -> object:
    verb = list(Verb)[step.number]
    await store.requests.command(f"{step.service}-{step.number}", an_order(verb), key)
    return verb


async def take(store: Store, step: Step, _: str) -> object:
    return await store.lease.ensure(step.service)


async def down(store: Store, step: Step, _: str) -> object:
    await store.requests.set_down(step.service, is_down=step.flags[0], by="local:ana")
    return step.flags[0]


async def bar(store: Store, step: Step, _: str) -> object:
    digest = f"sha256:v{step.number}"
    await store.requests.bar(step.service, digest, by="local:ana", why="leaks")
    return digest


async def lift(store: Store, step: Step, _: str) -> object:
    digest = f"sha256:v{step.number}"
    await store.requests.lift(step.service, digest, by="local:ana", why="mended")
    return digest


async def rest(store: Store, step: Step, key: str) -> object:
    release = f"{step.service}-{step.number}"
    state = EvidenceState(body="{}", cursor=key, windows=(key,))
    await store.evidence.save(await reign(store), release, state)
    return await store.evidence.load(release)


async def reign(store: Store) -> int:
    records = await store.journal.audit(0, 100_000)
    return sum(record.entry.action == "reign.began" for record in records)


ACTS: dict[str, Callable[[Store, Step, str], Awaitable[object]]] = {
    "add": add,
    "save": save,
    "end": end,
    "stale": stale,
    "tick": tick,
    "command": command,
    "reign": take,
    "down": down,
    "bar": bar,
    "lift": lift,
    "rest": rest,
}


async def happen(store: Store, steps: Sequence[Step]) -> list[object]:
    told: list[object] = []
    for number, step in enumerate(steps):
        key = f"k{number - number % 5 if step.flags[3] else number}"  # some keys come again
        try:
            told.append(await ACTS[step.what](store, step, key))
        except TurnoutError as refusal:
            told.append(str(refusal))
    return told


async def state(store: Store) -> list[object]:
    rows = await store.journal.releases(None)
    return [
        sorted(rows, key=lambda row: row.id),
        [await store.releases.load(row.id) for row in sorted(rows, key=lambda row: row.id)],
        [await store.journal.decisions(row.id) for row in sorted(rows, key=lambda row: row.id)],
        list(await store.journal.services()),
        {(b.service, b.digest, b.why) for b in await store.journal.bars(None)},
        {(v.service, v.version.name): v.status for v in await store.journal.versions(None)},
        [record.text for record in await store.journal.audit(0, 100_000)],
        sorted(await store.releases.due(START_S + 50.0)),
    ]


@given(st.lists(STEPS, max_size=40))
def test_any_history_keeps_one_active_release_and_a_trail_that_replays(steps: list[Step]) -> None:
    async def live() -> None:
        store = MemoryStore(lambda: START_S)
        await happen(store, steps)
        await check_promises(store)

    asyncio.run(live())


@given(st.lists(STEPS, max_size=25))
@settings(max_examples=25)
def test_a_file_and_memory_tell_the_same_of_any_history(steps: list[Step]) -> None:
    async def live(path: Path) -> None:
        memory = MemoryStore(lambda: START_S)
        file = open_store(path, now_s=lambda: START_S)
        try:
            assert await happen(file, steps) == await happen(memory, steps)
            assert await state(file) == await state(memory)
            await check_promises(file)
        finally:
            file.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(live(Path(folder) / "turnout.db"))


@given(st.lists(STEPS, max_size=25))
def test_a_store_in_memory_never_waits(steps: list[Step]) -> None:
    work = happen(MemoryStore(lambda: START_S), steps)
    with pytest.raises(StopIteration):
        work.send(None)
