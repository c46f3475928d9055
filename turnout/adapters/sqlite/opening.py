"""Opening the file: the library, the place and the file are looked at before anything is kept."""

import os
from pathlib import Path

import apsw

from turnout.adapters.sqlite.mounts import network_kind
from turnout.adapters.sqlite.schema import Schema, bring_up
from turnout.errors import StoreError

_BUSY_MS = 5000
_SETTINGS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA mmap_size = 0",
)
_FIXED_IN = ((3, 44, 6), (3, 50, 7))  # on their own branches; 3.51.3 and all after it
_FIXED_FROM = (3, 51, 3)


def is_sound(version: str) -> bool:
    """Tell whether a SQLite library is free of the WAL-reset fault.

    Source: sqlite.org/wal.html, "The WAL-reset bug": a checkpoint and a commit of two connections
    at one moment can corrupt the file; mended in 3.51.3, 3.50.7 and 3.44.6.
    """
    number = tuple(int(part) for part in version.split("."))
    branch = any(fixed <= number < (3, fixed[1] + 1) for fixed in _FIXED_IN)
    return branch or number >= _FIXED_FROM


def refuse_unsound_places(path: Path) -> None:
    """Raise StoreError for a faulty library or a file system without reliable locks."""
    library = apsw.sqlite_lib_version()
    if not is_sound(library):
        raise StoreError(
            f"SQLite {library} can corrupt a file (WAL-reset fault): install apsw 3.54.1 or newer"
        )
    kind = network_kind(path.parent)
    if kind is not None:
        raise StoreError(
            f"{path} lies on {kind}, where locks are not reliable: put the folder on a local disk"
        )


def open_file(path: Path, schema: Schema) -> apsw.Connection:
    """Open the file for writing, making it (mode 0600) and its tables where they are missing."""
    try:
        _make_private(path)
        db = connect(path)
    except (apsw.Error, OSError) as error:
        raise StoreError(f"{path} cannot be opened: {error}") from error
    try:
        # With the usual 2 MB a transaction of 200 saves spills its pages: measured 1.4 ms of CPU
        # a save instead of 0.6, with 1,000 releases under way.
        db.execute("PRAGMA cache_size = -32000")
        _check(db)
        bring_up(db, schema, lambda number: _keep_copy(db, path, number))
    except apsw.Error as error:
        db.close()
        raise StoreError(
            f"{path} is damaged: {error}; put a backup in its place with `turnout state restore`"
        ) from error
    except StoreError:
        db.close()
        raise
    return db


def connect(path: Path) -> apsw.Connection:
    """Open one more connection to an existing file, with all settings."""
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    db.set_busy_timeout(_BUSY_MS)
    mode = db.execute("PRAGMA journal_mode = WAL").get
    if mode != "wal":
        raise apsw.CantOpenError(f"journal mode is {mode}, not wal")
    for setting in _SETTINGS:
        db.execute(setting)
    return db


def _make_private(path: Path) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    path.chmod(0o600)


def _check(db: apsw.Connection) -> None:
    found = db.execute("PRAGMA quick_check(1)").get
    if found != "ok":
        raise apsw.CorruptError(str(found))


def _keep_copy(db: apsw.Connection, path: Path, number: int) -> None:
    copy = path.with_name(f"{path.name}.schema{number}")
    copy.unlink(missing_ok=True)
    db.execute("VACUUM INTO ?", (str(copy),))
    copy.chmod(0o600)
