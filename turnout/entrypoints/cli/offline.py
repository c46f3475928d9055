"""Looking at the store without a controller; only `apsw` and `json` are loaded."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from turnout.bootstrap_folder import Folder
from turnout.entrypoints.views import ReleaseView, ServiceView, instant
from turnout.errors import BadInputError

if TYPE_CHECKING:
    from turnout.adapters.sqlite.reading import Reading

_WHOLE_BP = 10_000
NOBODY = "no controller is running"

Row = Mapping[str, object]


@contextmanager
def reading(folder: Folder) -> "Iterator[Reading]":
    """Open the store of a folder for looking.

    Raises:
        BadInputError: nothing was ever released here.
    """
    from turnout.adapters.sqlite.reading import open_reading

    if not folder.database.exists():
        raise BadInputError(
            f"nothing was released here yet ({folder.root} has no store); "
            "`turnout release SERVICE VERSION` begins"
        )
    store = open_reading(folder.database)
    try:
        yield store
    finally:
        store.close()


def service_of(row: Row) -> ServiceView:
    """Show a service from its row."""
    stable = row["stable"]
    return {
        "service": str(row["service"]),
        "project": str(row["project"]),
        "environment": str(row["environment"]),
        "stable": {"version": str(stable), "digest": str(row["stable_digest"])} if stable else None,
        "previous": _text(row["previous"]),
        "is_down": bool(row["is_down"]),
        "release": _active(row) if row["release"] else None,
        "last": _text(row["last"]),
    }


def release_of(row: Row) -> ReleaseView:
    """Show a release from its row."""
    began_s, wall_s = cast("float", row["created_at_s"]), cast("float", row["wall_s"])
    return {
        "id": str(row["id"]),
        "service": str(row["service"]),
        "environment": str(row["environment"]),
        "version": str(row["version"]),
        "digest": str(row["digest"]),
        "stable": _text(row["stable"]),
        "phase": str(row["phase"]),
        "outcome": _text(row["outcome"]),
        "step": cast("int", row["step"]) + 1,
        "weight": cast("int", row["weight_bp"]) / _WHOLE_BP,
        "paused": _text(row["paused"]),
        "asked_by": str(row["asked_by"]),
        "reason": str(row.get("reason", "")),
        "edition": cast("int", row["edition"]),
        "began": instant(began_s),
        "since": instant(cast("float", row["entered_at_s"])),
        "length_s": round(wall_s - began_s, 3),
    }


def _active(row: Row) -> ReleaseView:
    return release_of({**row, "id": row["release"]})


def _text(value: object) -> str | None:
    return None if value is None else str(value)
