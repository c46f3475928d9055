"""What the gateway of a site counted, by the version that answered."""

import contextlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from turnout.testing.chaos.crowd import Tally
from turnout.testing.waiting import eventually
from turnout.wire.evidence import increments_of, read_line
from turnout.wire.unix_http import Call, ask

_KEPT_S = 3600
_KNOWN_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Requests that began and ended, and those that began in each (minute, set)."""

    started: int = 0
    ended: int = 0
    sets: Mapping[str, int] = field(default_factory=dict)
    minutes: Mapping[tuple[int, str], int] = field(default_factory=dict)


async def evidence_of(socket: Path, service: str) -> Evidence:
    """Read all that the gateway keeps of a service."""
    target = f"/v1/evidence?service={service}&last={_KEPT_S}"
    answer = await ask(Call(socket=socket, method="GET", target=target, limit_s=30.0))
    started, ended = 0, 0
    sets: Counter[str] = Counter()
    minutes: Counter[tuple[int, str]] = Counter()
    for line in answer.body.splitlines():
        for one in increments_of(read_line(line)):
            started += one.started
            ended += sum(end.n for end in one.ended)
            sets[one.actual] += one.started
            minutes[one.second // 60, one.actual] += one.started
    return Evidence(
        started=started,
        ended=ended,
        sets=dict(+sets),
        minutes={k: n for k, n in minutes.items() if n},
    )


async def all_known(socket: Path, service: str, requests: int) -> Evidence:
    """Wait until the gateway has counted so many requests to their end, or for a while."""
    found = Evidence()

    async def are_known() -> bool:
        nonlocal found
        with contextlib.suppress(OSError):  # a daemon that was killed is just coming back
            found = await evidence_of(socket, service)
        return found.ended >= requests

    with contextlib.suppress(TimeoutError):
        await eventually(are_known, within_s=_KNOWN_WITHIN_S)
    return found


def slips(tally: Tally, evidence: Evidence, versions: Mapping[str, str]) -> int:
    """Count requests that the gateway saw in another minute than the users sent them in.

    `versions` maps sets to the versions that they run.

    Raises:
        ValueError: the counts of a version differ.
    """
    sums: Counter[str] = Counter()
    minutes: Counter[tuple[int, str]] = Counter()
    for name, n in evidence.sets.items():
        sums[versions[name]] += n
    for (minute, name), n in evidence.minutes.items():
        minutes[minute, versions[name]] += n
    if dict(sums) != {name: n for name, n in tally.versions.items() if n}:
        raise ValueError(f"the gateway counted {dict(sums)}, the users {dict(tally.versions)}")
    keys = minutes.keys() | tally.minutes.keys()
    return sum(abs(minutes[key] - tally.minutes.get(key, 0)) for key in keys) // 2
