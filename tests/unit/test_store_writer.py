"""One thread that writes: units share a transaction, and harm each other in no way."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import apsw
import pytest

from turnout.adapters.sqlite.opening import connect, open_file
from turnout.adapters.sqlite.schema import Schema
from turnout.adapters.sqlite.writer import Writer
from turnout.errors import StaleSaveError, StoreError

TABLES = Schema(
    number=1,
    text="CREATE TABLE meta (key TEXT, value TEXT); INSERT INTO meta VALUES ('schema', '1');"
    "CREATE TABLE word (word TEXT PRIMARY KEY)",
)
Work = Callable[[apsw.Connection], int]
Name = str | apsw.URIFilename | None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "words.db"


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    writer = Writer(lambda: open_file(path, TABLES))
    yield writer
    writer.close()


def put(word: str) -> Work:
    def work(db: apsw.Connection) -> int:
        db.execute("INSERT INTO word VALUES (?)", (word,))
        return int(db.execute("SELECT count(*) FROM word").get)

    return work


def stale(db: apsw.Connection) -> int:
    db.execute("INSERT INTO word VALUES ('stale')")
    raise StaleSaveError("the row moved on")


def words(path: Path) -> list[str]:
    db = connect(path)
    found = [str(word) for (word,) in db.execute("SELECT word FROM word ORDER BY word")]
    db.close()
    return found


async def held_up(writer: Writer, *works: Work) -> list[object]:
    """Put all units in while the first one holds the thread, so that the rest share a batch."""
    go_on, begun = Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold(_: apsw.Connection) -> int:
        loop.call_soon_threadsafe(begun.set)
        return int(go_on.wait(10.0))

    first = writer.write(hold)
    await begun.wait()
    futures = [writer.write(work) for work in works]
    go_on.set()
    await first
    return await asyncio.gather(*futures, return_exceptions=True)


async def test_a_unit_is_on_disk_when_its_result_is_there(writer: Writer, path: Path) -> None:
    assert await writer.write(put("a")) == 1
    assert words(path) == ["a"]


async def test_waiting_units_share_one_commit(writer: Writer, path: Path) -> None:
    def changes_of_this_transaction(db: apsw.Connection) -> int:
        assert words(path) == []  # seen from outside, nothing is there yet
        return int(db.execute("SELECT count(*) FROM word").get)

    counts = await held_up(writer, put("a"), put("b"), changes_of_this_transaction)
    assert counts == [1, 2, 2]
    assert words(path) == ["a", "b"]


async def test_a_stale_unit_voids_only_itself(writer: Writer, path: Path) -> None:
    first, refused, last = await held_up(writer, put("a"), stale, put("b"))
    assert (first, last) == (1, 2)
    assert isinstance(refused, StaleSaveError)
    assert words(path) == ["a", "b"]


async def test_a_unit_that_the_database_refuses_voids_only_itself(
    writer: Writer, path: Path
) -> None:
    _, refused, last = await held_up(writer, put("a"), put("a"), put("b"))
    assert isinstance(refused, StoreError)
    assert "UNIQUE" in str(refused)
    assert last == 2
    assert words(path) == ["a", "b"]


async def test_a_faulty_unit_does_not_end_the_thread(writer: Writer) -> None:
    with pytest.raises(ZeroDivisionError):
        await writer.write(lambda _: 1 // 0)
    assert await writer.write(put("a")) == 1


async def test_nobody_has_to_wait_for_a_unit(writer: Writer, path: Path) -> None:
    future = writer.write(put("a"))
    future.cancel()
    await writer.write(put("b"))
    assert words(path) == ["a", "b"]


async def test_a_full_disk_refuses_one_unit_and_nothing_is_half_done(
    writer: Writer, path: Path
) -> None:
    await writer.write(put("a"))
    await writer.write(lambda db: db.execute(f"PRAGMA max_page_count = {_pages(db) + 1}").get)
    big, small = await held_up(writer, put("x" * 100_000), put("b"))
    assert isinstance(big, StoreError)
    assert "disk of the store is full" in str(big)
    assert small == 2
    await writer.write(lambda db: db.execute("PRAGMA max_page_count = 1000000").get)
    await writer.write(put("x" * 100_000))
    assert len(words(path)) == 3


def _pages(db: apsw.Connection) -> int:
    return int(db.execute("PRAGMA page_count").get)


async def test_a_closed_writer_refuses_and_has_written_everything(
    writer: Writer, path: Path
) -> None:
    futures = [writer.write(put(word)) for word in "abc"]
    writer.close()
    assert words(path) == ["a", "b", "c"]
    await asyncio.gather(*futures)
    with pytest.raises(StoreError, match="closed"):
        await writer.write(put("d"))


async def test_a_lock_of_another_program_is_waited_for(writer: Writer, path: Path) -> None:
    other = connect(path)
    other.execute("BEGIN IMMEDIATE")
    future = writer.write(put("a"))
    done, _ = await asyncio.wait([future], timeout=0.1)
    assert done == set()
    other.execute("COMMIT")
    other.close()
    assert await future == 1


# --- a disk that fails to keep what it was given


class FailingFile(apsw.VFSFile):
    """A file whose next syncs fail while its disk says so."""

    def __init__(self, disk: "FailingDisk", name: Name, flags: list[int]) -> None:
        super().__init__(disk.under, name, flags)
        self.disk = disk

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        if self.disk.fails:
            self.disk.fails -= 1
            raise apsw.IOError
        super().xSync(flags)


class FailingDisk(apsw.VFS):
    """A disk of which the next `fails` syncs fail."""

    under = "unix"

    def __init__(self) -> None:
        super().__init__("failing", self.under)
        self.fails = 0

    def xOpen(self, name: Name, flags: list[int]) -> FailingFile:  # noqa: N802 - SQLite's name
        return FailingFile(self, name, flags)


async def test_after_a_failed_sync_the_file_is_opened_again(path: Path) -> None:
    open_file(path, TABLES).close()
    disk = FailingDisk()
    opened = []

    def open_again() -> apsw.Connection:
        opened.append(disk.fails)
        db = apsw.Connection(str(path), vfs="failing")
        db.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        return db

    writer = Writer(open_again)
    try:
        assert await writer.write(put("a")) == 1
        disk.fails = 1
        with pytest.raises(StoreError, match="whether it was written is not known"):
            await writer.write(put("b"))
        await writer.write(put("c"))
    finally:
        writer.close()
        disk.unregister()
    assert len(opened) == 2
    assert {"a", "c"} <= set(words(path)) <= {"a", "b", "c"}
