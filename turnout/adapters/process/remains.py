"""What an earlier controller left on this host: records, and processes without one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from turnout.adapters.process.launch import LOCK
from turnout.adapters.process.record import Record, load
from turnout.children import is_locked, mark_of, marks
from turnout.errors import RuntimeFaultError

_INSTANCE = re.compile(r"(.+)-r\d+(?:-t)?(?:-\d+)?")


@dataclass(slots=True)
class Remains:
    """Everything that is found of one service.

    `unreadable` says which record of a running instance cannot be read: then nothing may be done.
    `strays` are marks of processes that have no folder.
    """

    records: list[Record] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    unreadable: RuntimeFaultError | None = None


def find_remains(folder: Path) -> Mapping[str, Remains]:
    """Look through a controller's folder and the processes that carry its marks."""
    found: dict[str, Remains] = {}
    places = sorted(p for p in _instances(folder) if p.is_dir())
    for place in places:
        service = _service_of(place.name)
        try:
            record = load(place)
        except RuntimeFaultError as error:
            # What does not run is started anew; what runs must neither be lost nor doubled.
            if is_locked(place / LOCK):
                found.setdefault(service, Remains()).unreadable = error
            continue
        if record is not None:
            found.setdefault(record.service, Remains()).records.append(record)
    known = {mark_of(folder, place.name) for place in places}
    for mark in sorted(set(marks(mark_of(folder, "")).values()) - known):
        name = mark.partition("/")[2]
        if _INSTANCE.fullmatch(name):
            found.setdefault(_service_of(name), Remains()).strays.append(mark)
    return found


def _instances(folder: Path) -> list[Path]:
    instances = folder / "instances"
    return list(instances.iterdir()) if instances.is_dir() else []


def _service_of(instance: str) -> str:
    named = _INSTANCE.fullmatch(instance)
    return named[1] if named else instance
