"""What is looked at before a file is opened, and how its tables are made and brought up."""

from pathlib import Path

import apsw
import pytest

from turnout.adapters.sqlite.mounts import kind_at, network_kind
from turnout.adapters.sqlite.opening import connect, is_sound, open_file
from turnout.adapters.sqlite.schema import Schema, bring_up, number_of, shipped
from turnout.adapters.sqlite.store import open_store
from turnout.errors import StoreError
from turnout.testing.world import START_S

FIRST = "CREATE TABLE meta (key TEXT, value TEXT); INSERT INTO meta VALUES ('schema', '1');"
THIRD = Schema(
    number=3,
    text="not used for an older file",
    steps={2: "CREATE TABLE two (a TEXT); INSERT INTO two VALUES ('x')", 3: "DROP TABLE two"},
)
MOUNTS = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:26 / /proc rw - proc proc rw
31 22 0:40 /export /srv rw,nosuid shared:7 - nfs4 files:/export rw
32 31 8:2 / /srv/files/my\040disk rw - xfs /dev/sdb1 rw
33 22 0:41 / /mnt rw - cifs //files/x rw
34 22 0:42 / /mnt rw - fuse.sshfs ana@there: rw
"""


@pytest.mark.parametrize(
    ("library", "sound"),
    [
        ("3.54.1", True),
        ("3.51.3", True),
        ("3.51.2", False),
        ("3.51.1", False),
        ("3.50.7", True),
        ("3.50.6", False),
        ("3.44.6", True),
        ("3.45.0", False),
        ("3.40.1", False),
        ("3.6.0", False),
    ],
)
def test_a_library_with_the_wal_fault_is_told_apart(library: str, *, sound: bool) -> None:
    assert is_sound(library) is sound
    assert is_sound(apsw.sqlite_lib_version())


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/turnout", "ext4"),
        ("/srv/files/shop", "nfs4"),
        ("/srv/files/my disk/shop", "xfs"),
        ("/srvs", "ext4"),
        ("/mnt/x", "fuse.sshfs"),
        ("/", "ext4"),
    ],
)
def test_a_path_lies_on_the_nearest_mount(path: str, kind: str) -> None:
    assert kind_at(MOUNTS, Path(path)) == kind


def test_a_local_disk_is_no_network_file_system(tmp_path: Path) -> None:
    assert network_kind(tmp_path) is None


def test_a_new_file_has_all_tables_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "turnout.db"
    path.touch(mode=0o644)
    db = open_file(path, shipped())
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type='table'")}
    assert {"lease", "service", "release", "command", "audit", "checkpoint", "outbox"} <= tables
    assert number_of(db) == shipped().number
    for setting, value in [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)]:
        assert db.execute(f"PRAGMA {setting}").get == value
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}
    db.close()


def test_only_types_of_both_databases_are_used() -> None:
    db = apsw.Connection(":memory:")
    db.execute(shipped().text)
    kinds = db.execute(
        "SELECT DISTINCT c.type FROM sqlite_schema s, pragma_table_info(s.name) c"
        " WHERE s.type = 'table'"
    )
    assert {kind for (kind,) in kinds} == {"INTEGER", "BIGINT", "DOUBLE PRECISION", "TEXT"}


def test_an_older_file_is_brought_up_after_a_copy(tmp_path: Path) -> None:
    path = tmp_path / "turnout.db"
    open_file(path, Schema(number=1, text=FIRST)).close()
    db = open_file(path, THIRD)
    assert number_of(db) == 3
    assert list(db.execute("SELECT name FROM sqlite_schema")) == [("meta",)]
    db.close()
    with apsw.Connection(str(path) + ".schema1") as copy:
        assert number_of(copy) == 1


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "turnout.db"
    open_file(path, Schema(number=1, text=FIRST)).close()
    broken = Schema(number=3, text="", steps={2: THIRD.steps[2], 3: "DROP TABLE nowhere"})
    with pytest.raises(StoreError, match="no such table: nowhere"):
        open_file(path, broken)
    db = connect(path)
    assert number_of(db) == 1
    assert list(db.execute("SELECT name FROM sqlite_schema")) == [("meta",)]
    db.close()


def test_a_file_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "turnout.db"
    db = open_file(path, shipped())
    db.execute("UPDATE meta SET value = '7'")
    db.close()
    with pytest.raises(StoreError, match="has schema 7, this program knows 1: install"):
        open_store(path, now_s=lambda: START_S)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "turnout.db"
    path.write_text("services:\n" * 1000)
    with pytest.raises(StoreError, match=r"is damaged|cannot be opened"):
        open_store(path, now_s=lambda: START_S)


@pytest.mark.parametrize("page", [1, 3, 5])
def test_a_damaged_page_is_found_at_the_start(tmp_path: Path, page: int) -> None:
    path = tmp_path / "turnout.db"
    open_store(path, now_s=lambda: START_S).close()
    whole = bytearray(path.read_bytes())
    whole[page * 4096 : page * 4096 + 512] = b"\x5a" * 512
    path.write_bytes(whole)
    with pytest.raises(StoreError, match="is damaged"):
        open_store(path, now_s=lambda: START_S)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere/turnout\.db cannot be opened"):
        open_store(tmp_path / "nowhere" / "turnout.db", now_s=lambda: START_S)


def test_two_programs_make_the_tables_once(tmp_path: Path) -> None:
    path = tmp_path / "turnout.db"
    first = open_file(path, shipped())
    bring_up(first, shipped(), lambda _: None)
    second = open_file(path, shipped())
    assert number_of(second) == 1
    first.close()
    second.close()
