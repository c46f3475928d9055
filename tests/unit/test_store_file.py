"""What the store in a file promises beyond the contract: restarts, two connections, damage."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from turnout.adapters.sqlite.store import SqliteStore, open_store
from turnout.domain.release import Phase, Verb
from turnout.errors import StaleSaveError, StoreError
from turnout.testing.contracts_store_steps import (
    a_change,
    an_order,
    check_promises,
    move,
    promote,
    started,
)
from turnout.testing.world import START_S, a_request

Open = Callable[[], SqliteStore]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "turnout.db"


@pytest.fixture
def opened(path: Path) -> Iterator[Open]:
    stores: list[SqliteStore] = []

    def open_one() -> SqliteStore:
        stores.append(open_store(path, now_s=lambda: START_S))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


def change(path: Path, statement: str) -> None:
    db = apsw.Connection(str(path))
    db.execute(statement)
    db.close()


async def test_everything_is_there_after_a_restart(opened: Open) -> None:
    first = opened()
    await started(first)
    saved = await move(first, "shop-1", Phase.STARTING)
    await first.requests.command("shop-1", an_order(Verb.PAUSE), "c1")
    first.close()
    second = opened()
    loaded = await second.releases.load("shop-1")
    assert loaded.release == saved
    assert [command.verb for command in loaded.commands] == [Verb.PAUSE]
    assert await second.releases.due(START_S + 2.0) == ["shop-1"]
    await check_promises(second)


async def test_a_snooze_is_forgotten_by_a_restart_and_looks_early(opened: Open) -> None:
    first = opened()
    await started(first)
    await first.releases.snooze("shop-1", START_S + 60.0)
    first.close()
    assert await opened().releases.due(START_S) == ["shop-1"]


async def test_of_two_connections_the_later_reign_saves(opened: Open) -> None:
    old, new = opened(), opened()
    release = await started(old)
    assert await old.lease.ensure("old") == 1
    assert await new.lease.ensure("new") == 2
    assert await new.releases.due(START_S) == ["shop-1"]
    with pytest.raises(StaleSaveError):
        await old.releases.save(1, a_change(release, Phase.STARTING))
    await new.releases.save(2, a_change(release, Phase.STARTING))
    assert (await old.releases.load("shop-1")).release.phase is Phase.STARTING
    await check_promises(new)


async def test_two_connections_write_one_chain(opened: Open) -> None:
    stores = [opened(), opened()]
    requests = [a_request(key=f"k{n}", service=f"s{n}") for n in range(40)]
    await asyncio.gather(*(stores[n % 2].requests.add(r) for n, r in enumerate(requests)))
    await check_promises(stores[0])
    assert len(await stores[1].journal.services()) == 40


async def test_one_key_on_two_connections_is_one_release(opened: Open) -> None:
    stores = [opened(), opened()]
    asked = await asyncio.gather(*(stores[n % 2].requests.add(a_request()) for n in range(20)))
    assert {one.release.id for one in asked if one.release} == {"shop-1"}
    assert len(await stores[0].journal.releases(None)) == 1


async def test_a_save_is_told_to_the_loop_even_if_nobody_waits(opened: Open) -> None:
    store = opened()
    release = await started(store)
    await store.requests.add(replace(a_request("v2", key="k2"), queue=True))
    await move(store, release.id, Phase.BAKING, Phase.RETIRING)
    saved = (await store.releases.load(release.id)).release
    task = asyncio.create_task(store.releases.save(0, a_change(saved, Phase.PROMOTED)))
    await asyncio.sleep(0)
    task.cancel()
    await store.lease.ensure("next")
    assert await store.releases.due(START_S) == ["shop-2"]


def fill_up(db: apsw.Connection) -> int:
    pages = int(db.execute("PRAGMA page_count").get)
    return int(db.execute(f"PRAGMA max_page_count = {pages + 1}").get)


async def test_a_full_disk_leaves_the_rows_as_they_were(opened: Open) -> None:
    store = opened()
    release = await started(store)
    await store.releases.opened.writer.write(fill_up)
    big = replace(release, reason="x" * 100_000)
    with pytest.raises(StoreError, match="disk of the store is full"):
        await store.releases.save(0, a_change(big, Phase.STARTING))
    assert (await store.releases.load("shop-1")).release == release
    await check_promises(store)


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("UPDATE audit SET body = replace(body, 'local', 'trust') WHERE seq = 2", 2),
        ("UPDATE audit SET body = '{}' WHERE seq = 2", 2),
        ("UPDATE audit SET action = 'nothing' WHERE seq = 3", 3),
        ("UPDATE audit SET actor = 'local:eve' WHERE seq = 3", 3),
        ("UPDATE audit SET at_s = at_s - 60 WHERE seq = 1", 1),
        ("DELETE FROM audit WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 5", 5),
        ("UPDATE audit SET seq = 9 WHERE seq = 5", 5),
    ],
    ids=["text", "emptied", "action", "actor", "time", "taken out", "cut", "renumbered"],
)
async def test_a_change_of_the_trail_by_hand_is_found(
    opened: Open, path: Path, statement: str, broken_at: int
) -> None:
    store = opened()
    await promote(store, (await started(store)).id)
    assert (await store.journal.verify()).records == 5
    change(path, statement)
    assert (await store.journal.verify()).broken_at == broken_at


async def test_a_row_of_an_unknown_phase_is_refused_and_not_guessed(
    opened: Open, path: Path
) -> None:
    store = opened()
    await started(store)
    change(path, "UPDATE release SET edition = 1, body = replace(body, 'preparing', 'dreaming')")
    with pytest.raises(StoreError, match="dreaming"):
        await store.releases.load("shop-1")


async def test_a_closed_store_refuses_what_it_cannot_keep(opened: Open) -> None:
    store = opened()
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.requests.add(a_request())
    with pytest.raises(StoreError, match="cannot be read"):
        await store.releases.load("shop-1")
