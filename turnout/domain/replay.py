"""What the records of the audit trail add up to: the rows, replayed from the first on."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from turnout.domain.audit import Entry
from turnout.domain.codec import Json, from_json, to_json
from turnout.domain.release import FINAL, Release
from turnout.domain.service import Service, after


@dataclass(slots=True)
class State:
    """Rows of releases and services, barred pairs of service and digest, the last epoch.

    Clocks of a release are as of its last record; `without_clocks` makes rows comparable.
    """

    releases: dict[str, Release] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    quarantine: set[tuple[str, str]] = field(default_factory=set)
    epoch: int = 0


def fold(entries: Iterable[Entry]) -> State:
    """Replay the entries of a whole trail (I-7)."""
    state = State()
    for entry in entries:
        kind, _, name = entry.object.partition("/")
        if entry.after:
            _STEPS[kind](state, name, entry.after)
    return state


def without_clocks(release: Release) -> Release:
    """Give the row without its progress, which no record tells."""
    return replace(release, spent_s=0.0, evidence_s=0.0, wall_s=0.0, edition=0)


def _release(state: State, name: str, changed: Mapping[str, Json]) -> None:
    known = state.releases.get(name)
    row = _fields(known) | dict(changed) if known else dict(changed)
    release = from_json(Release, row)
    service = state.services[release.service]
    state.releases[name] = release
    state.services[service.name] = after(service, release, is_final=release.phase in FINAL)


def _service(state: State, name: str, changed: Mapping[str, Json]) -> None:
    known = state.services.get(name)
    row = _fields(known) | dict(changed) if known else dict(changed)
    state.services[name] = from_json(Service, row)


def _version(state: State, name: str, changed: Mapping[str, Json]) -> None:
    service, _, digest = name.partition("/")
    change = state.quarantine.add if changed["quarantined"] else state.quarantine.discard
    change((service, digest))


def _lease(state: State, _: str, changed: Mapping[str, Json]) -> None:
    state.epoch = cast("int", changed["epoch"])


def _fields(row: Release | Service) -> dict[str, Json]:
    return cast("dict[str, Json]", to_json(row))


_STEPS: Mapping[str, Callable[[State, str, Mapping[str, Json]], None]] = {
    "release": _release,
    "service": _service,
    "version": _version,
    "lease": _lease,
}
