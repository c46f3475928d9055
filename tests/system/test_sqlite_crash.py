"""A process that writes is killed at any instant: what was kept is kept, nothing is half there."""

import asyncio
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from turnout.adapters.sqlite.store import SqliteStore, open_store
from turnout.testing.contracts_store_steps import actions, check_promises
from turnout.testing.world import START_S

pytestmark = pytest.mark.system

KILLS = 20
SERVICES = 8
ROOT = Path(__file__).parents[2]
# Writes for ever and says what is kept: "wish KEY", "row ID EDITION", "rest ID WINDOWS".
WRITES = f"""
import asyncio, sys, time
from pathlib import Path
from turnout.adapters.sqlite.store import open_store
from turnout.application.ports import EvidenceState
from turnout.domain.release import Outcome, Phase
from turnout.testing.contracts_store_steps import a_change
from turnout.testing.world import a_request

WAY = [Phase.STARTING, Phase.WATCHING, Phase.BAKING, Phase.RETIRING, Phase.PROMOTED]

async def drive(store, epoch, run, service):
    for number in range(10_000):
        key = f"{{run}}/{{service}}/{{number}}"
        asked = await store.requests.add(a_request(f"v{{key}}", key=key, service=service))
        print("wish", key, flush=True)
        row = asked.release
        for phase in WAY:
            change = a_change(row, phase, Outcome.PROMOTED if phase is WAY[-1] else None)
            await store.releases.save(epoch, change)
            row = change.release
            print("row", row.id, row.edition, flush=True)
            state = EvidenceState(body="{{}}", cursor=None, windows=(f"{{row.edition}}",))
            await store.evidence.save(epoch, row.id, state)
            print("rest", row.id, row.edition, flush=True)

async def main():
    store = open_store(Path(sys.argv[1]), now_s=time.time)
    run = await store.lease.ensure("writer")
    for service in await store.journal.services():
        if service.active:  # a release that the last writer left is brought to its end
            row = (await store.releases.load(service.active)).release
            await store.releases.save(run, a_change(row, Phase.ROLLED_BACK, Outcome.ABORTED))
    await asyncio.gather(*(drive(store, run, run, f"s{{n}}") for n in range({SERVICES})))

asyncio.run(main())
"""


@contextmanager
def writing(path: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", WRITES, str(path)]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def kill_after(path: Path, lines: int) -> list[list[str]]:
    with writing(path) as child:
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(lines)]
        child.kill()
        told += child.stdout.readlines()
    assert child.returncode == -9, "it ended by itself"
    return [line.split() for line in told if line.endswith("\n")]


async def check_kept(store: SqliteStore, told: list[list[str]]) -> None:
    rows = {row.id: row for row in await store.journal.releases(None)}
    wishes = {row.candidate.name for row in rows.values()}
    for kind, name, *figures in told:
        if kind == "wish":
            assert f"v{name}" in wishes
        elif kind == "row":
            assert rows[name].edition >= int(figures[0])
        else:
            assert figures[0] in await store.journal.windows(name)


async def look(path: Path, told: list[list[str]]) -> int:
    with closing(open_store(path, now_s=lambda: START_S)) as store:
        await check_promises(store)
        await check_kept(store, told)
        return (await actions(store)).count("reign.began")


@pytest.mark.timeout(120)
def test_a_killed_writer_loses_nothing_that_it_was_told_is_kept(tmp_path: Path) -> None:
    chance = random.Random(20261125)  # noqa: S311 - instants, not secrets
    path = tmp_path / "turnout.db"
    told: list[list[str]] = []
    for kills in range(1, KILLS + 1):
        told += kill_after(path, chance.randint(1, 120))
        assert asyncio.run(look(path, told)) == kills
    assert len(told) > 20 * KILLS
