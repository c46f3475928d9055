"""Looking at the file without a controller."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from turnout.adapters.sqlite.reading import Reading, open_reading
from turnout.adapters.sqlite.store import SqliteStore, open_store
from turnout.domain.audit import parse, verify
from turnout.domain.release import Outcome, Phase
from turnout.errors import StoreError
from turnout.testing.contracts_store_steps import move, promote, started
from turnout.testing.world import START_S, a_request

LOADS = """
import sys
before = set(sys.modules)
import turnout.adapters.sqlite.reading
print(" ".join(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "turnout.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = open_store(path, now_s=lambda: START_S)
    yield store
    store.close()


@pytest.fixture
async def reading(store: SqliteStore, path: Path) -> Reading:
    """Look at a service with a stable version, a release under way and a queued one."""
    await promote(store, (await started(store)).id)
    await started(store, replace(a_request("v2", key="k2"), reason="weekly"))
    await move(store, "shop-2", Phase.STARTING, Phase.WATCHING)
    await store.requests.add(replace(a_request("v3", key="k3"), queue=True))
    store.close()
    return open_reading(path)


def test_the_status_tells_service_release_and_last_decision(reading: Reading) -> None:
    with closing(reading):
        [row] = reading.status()
        expected = {"service": "shop", "environment": "local", "stable": "v1", "queued": "v3"}
        expected |= {"release": "shop-2", "version": "v2", "phase": "watching"}
        assert {name: row[name] for name in expected} == expected
        assert (row["step"], row["steps"], row["weight_bp"], row["is_down"]) == (0, 3, 0, 0)
        assert isinstance(row["decision"], dict)
        assert row["decision"]["code"] == "to.watching"
        assert reading.status("shop") == [row]
        assert reading.status("desk") == []


def test_the_history_has_the_newest_release_first(reading: Reading) -> None:
    with closing(reading):
        rows = reading.history("shop")
        assert [(row["id"], row["outcome"]) for row in rows] == [
            ("shop-2", None),
            ("shop-1", "promoted"),
        ]
        assert rows[0]["reason"] == "weekly"
        assert reading.history(limit=1) == rows[:1]
        assert reading.history("desk") == []


def test_a_release_is_explained_by_its_decisions(reading: Reading) -> None:
    with closing(reading):
        told = reading.explain("shop-1")
        assert told is not None
        assert isinstance(told["decisions"], list)
        codes = [row["code"] for row in told["decisions"] if isinstance(row, dict)]
        assert codes == ["to.baking", "to.retiring", "to.promoted"]
        assert told["version"] == "v1"
        assert reading.explain("shop-9") is None


async def test_the_catalogue_tells_what_is_in_quarantine(store: SqliteStore, path: Path) -> None:
    await promote(store, (await started(store)).id)
    await started(store, a_request("v2", key="k2"))
    await move(store, "shop-2", Phase.ROLLED_BACK, outcome=Outcome.WORSE)
    with closing(open_reading(path)) as reading:
        rows = [(row["version"], row["status"], row["quarantined"]) for row in reading.versions()]
    assert rows == [("v1", "stable", None), ("v2", "failed", "worse")]


def test_the_trail_is_read_as_it_is_exported(reading: Reading, path: Path) -> None:
    with closing(reading):
        rows = reading.audit()
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
        assert reading.audit(after=2, limit=1) == rows[2:3]
    db = apsw.Connection(str(path))
    lines = db.execute("SELECT json_patch(body, json_object('hash', hash)) FROM audit ORDER BY seq")
    verified = verify(parse(line) for (line,) in lines)
    db.close()
    assert (verified.records, verified.broken_at) == (len(rows), None)


async def test_a_living_store_is_looked_at_without_standing_in_its_way(
    store: SqliteStore, path: Path
) -> None:
    await started(store)
    with closing(open_reading(path)) as reading:
        assert reading.status()[0]["phase"] == "preparing"
        await move(store, "shop-1", Phase.STARTING)
        assert reading.status()[0]["phase"] == "starting"


def test_looking_changes_nothing_and_makes_nothing(path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store"):
        open_reading(path)
    assert not path.exists()
    open_store(path, now_s=lambda: START_S).close()
    before = path.read_bytes()
    with closing(open_reading(path)) as reading:
        assert reading.status() == reading.history() == reading.versions() == []
        assert reading.audit() == []
    assert path.read_bytes() == before


def test_a_file_of_a_newer_program_is_not_half_read(store: SqliteStore, path: Path) -> None:
    store.close()
    db = apsw.Connection(str(path))
    db.execute("UPDATE meta SET value = '7'")
    db.close()
    with pytest.raises(StoreError, match="has schema 7, this program knows 1"):
        open_reading(path)


def test_a_file_that_is_no_store_is_named(path: Path) -> None:
    path.write_text("services:\n" * 1000)
    with pytest.raises(StoreError, match=r"turnout\.db cannot be read"):
        open_reading(path)


def test_looking_loads_little_and_no_second_sqlite() -> None:
    command = [sys.executable, "-c", LOADS]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=15, check=True)
    loaded = set(done.stdout.split())
    assert {"apsw", "json", "turnout"} <= loaded
    assert not loaded & {"asyncio", "pydantic", "sqlite3", "logging", "dataclasses", "inspect"}
