"""The mark of a record: up to where the log was read, and which requests were known to run then.

The running ones are in it because their starts were told: else their ends would count as starts.
"""

from collections.abc import Mapping, Sequence

from turnout.gateway.accesslog import Position
from turnout.gateway.counting import Key, Run
from turnout.wire.route import WireModel

RunRow = tuple[str, int, str, bool, str, str, int, int, bool, bool]
"""Hash of the request, the fields of its key, then began_us, begun, overdue."""


class Mark(WireModel):
    """`is_whole`: `began` names all that run, else what changed since the mark before."""

    at: tuple[int, int, int]
    is_whole: bool
    began: tuple[RunRow, ...] = ()
    ceased: tuple[str, ...] = ()


def mark_of(at: Position, runs: Mapping[str, Run | None], *, is_whole: bool) -> Mark:
    """Write a mark."""
    began = (
        (name, *run.key, run.began_us, run.begun, run.overdue) for name, run in runs.items() if run
    )
    ceased = () if is_whole else tuple(name for name, run in runs.items() if run is None)
    return Mark(at=tuple(at), is_whole=is_whole, began=tuple(began), ceased=ceased)


def read_back(marks: Sequence[Mark]) -> tuple[Position, Mapping[str, Run]]:
    """Give where reading goes on after the last mark, and what ran then."""
    runs: dict[str, Run] = {}
    for mark in marks:
        if mark.is_whole:
            runs.clear()
        runs.update(map(_run, mark.began))
        for name in mark.ceased:
            runs.pop(name, None)
    return Position(*marks[-1].at), runs


def _run(row: RunRow) -> tuple[str, Run]:
    name, second, service, tester, intended, actual, stratum, began_us, begun, overdue = row
    key = Key(second, service, tester, intended, actual, stratum)
    return name, Run(key, began_us, begun, overdue)
