"""The store in one SQLite file: five ports over one writer thread and one reading connection."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from turnout.adapters.sqlite.facets import (
    Opened,
    SqliteEvidence,
    SqliteJournal,
    SqliteLease,
    SqliteReleases,
    SqliteRequests,
)
from turnout.adapters.sqlite.opening import connect, open_file, refuse_unsound_places
from turnout.adapters.sqlite.schema import shipped
from turnout.adapters.sqlite.writer import Writer
from turnout.application.store import Store
from turnout.errors import BadInputError


class SqliteStore:
    """Owns the file's connections; `close` writes what waits and gives them back."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self.lease = SqliteLease(opened)
        self.releases = SqliteReleases(opened)
        self.requests = SqliteRequests(opened)
        self.evidence = SqliteEvidence(opened)
        self.journal = SqliteJournal(opened)

    def close(self) -> None:
        """Write what waits and close the file; may be repeated."""
        self._opened.writer.close()
        self._opened.reader.close()


def open_store(path: Path, *, now_s: Callable[[], float]) -> SqliteStore:
    """Open the file, making it and its tables where they are missing.

    Raises:
        StoreError: for a faulty library, a network file system, a damaged file or a newer schema.
    """
    refuse_unsound_places(path)
    writer = Writer(partial(open_file, path, shipped()))
    return SqliteStore(Opened(writer=writer, reader=connect(path), now_s=now_s))


def build_store(settings: Mapping[str, str]) -> Store:
    """Open the store that `path` of the settings names, on the clock of the machine."""
    if set(settings) != {"path"}:
        raise BadInputError(f"the store sqlite takes `path` and nothing else, not {set(settings)}")
    return open_store(Path(settings["path"]), now_s=time.time)
