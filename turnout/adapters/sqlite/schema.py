"""The tables of the file: made where it is new, brought up where it is older."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from turnout.adapters.sqlite.reading import SCHEMA
from turnout.errors import StoreError

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The tables that this program works with; `steps[n]` brings schema n - 1 to n."""

    number: int
    text: str
    steps: Mapping[int, str] = field(default_factory=dict)


def shipped() -> Schema:
    """Read the schema of this program."""
    files = sorted((_HERE / "migrations").glob("*.sql"))
    return Schema(
        number=SCHEMA,
        text=(_HERE / "schema.sql").read_text(encoding="utf-8"),
        steps={int(file.name[:4]): file.read_text(encoding="utf-8") for file in files},
    )


def number_of(db: apsw.Connection) -> int:
    """Give the number of the file's schema, 0 for an empty file."""
    tables = db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'meta'")
    if not tables.get:
        return 0
    return int(db.execute("SELECT value FROM meta WHERE key = 'schema'").get)


def bring_up(db: apsw.Connection, schema: Schema, keep: Callable[[int], None]) -> None:
    """Make or migrate the tables in one transaction.

    Args:
        db: an open connection, in no transaction.
        schema: what is wanted.
        keep: called with the old number before an older file is changed; makes a copy of it.
    """
    found = number_of(db)
    if found > schema.number:
        raise StoreError(
            f"{db.filename} has schema {found}, this program knows {schema.number}:"
            " install the newer turnout, or restore a backup of the older one"
        )
    if found == schema.number:
        return
    if found:
        keep(found)
    db.execute("BEGIN IMMEDIATE")
    try:
        _change(db, schema)
        db.execute("COMMIT")
    except apsw.Error:
        db.execute("ROLLBACK")
        raise


def _change(db: apsw.Connection, schema: Schema) -> None:
    found = number_of(db)  # another process may have been faster
    if found == 0:
        db.execute(schema.text)
        return
    for number in range(found + 1, schema.number + 1):
        db.execute(schema.steps[number])
    db.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (str(schema.number),))
