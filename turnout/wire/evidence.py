"""Increments as lines of JSON: short, since a busy second has hundreds of kinds of ends."""

import json
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from turnout.statistics.increment import Begun, Ended, Increment, Outcome, StreamEnd
from turnout.wire.route import WireModel

EndedRow = tuple[Outcome, bool, StreamEnd, int, int | None, int, int | None, int | None, int, bool]
"""outcome, streamed, end, attempts, then the bins of ttft, duration, chunks, tpot; n, begun."""
BegunRow = tuple[int, int, int]
"""ttft bin, attempts, n."""
Written = str | int | bool | None | list["Written"] | dict[str, "Written"]


class IncrementModel(WireModel):
    """What is new of one (second, service, tester, intended, actual, stratum)."""

    second: int
    service: str
    tester: bool
    intended: str
    actual: str
    stratum: int
    started: int
    ended: tuple[EndedRow, ...]
    overdue: int
    running: int
    bytes_in: int
    bytes_out: int
    begun: tuple[BegunRow, ...]

    def to_domain(self) -> Increment:
        """Read an increment back."""
        return Increment(
            second=self.second,
            service=self.service,
            tester=self.tester,
            intended=self.intended,
            actual=self.actual,
            stratum=self.stratum,
            started=self.started,
            ended=tuple(_ended(row) for row in self.ended),
            overdue=self.overdue,
            running=self.running,
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            begun=tuple(Begun(*row) for row in self.begun),
        )


class EvidenceLine(WireModel):
    """A line of `GET /v1/evidence`: news, and up to which second every start is known."""

    cursor: Annotated[str, Field(pattern=r"^\d+\.\d+$")]
    increments: tuple[IncrementModel, ...]
    complete_to: int | None


def evidence_line(
    cursor: str, increments: Iterable[Written], complete_to: int | None = None
) -> bytes:
    """Write a line; its increments are written ones."""
    written = {"cursor": cursor, "increments": list(increments), "complete_to": complete_to}
    return json.dumps(written, separators=(",", ":")).encode() + b"\n"


def written_increment(increment: Increment) -> dict[str, Written]:
    """Write one increment."""
    return {
        "second": increment.second,
        "service": increment.service,
        "tester": increment.tester,
        "intended": increment.intended,
        "actual": increment.actual,
        "stratum": increment.stratum,
        "started": increment.started,
        "ended": [_row(ended) for ended in increment.ended],
        "overdue": increment.overdue,
        "running": increment.running,
        "bytes_in": increment.bytes_in,
        "bytes_out": increment.bytes_out,
        "begun": [[begun.ttft_bin, begun.attempts, begun.n] for begun in increment.begun],
    }


def read_line(line: bytes) -> EvidenceLine:
    """Read a line of evidence; pydantic's ValidationError when it is none."""
    return EvidenceLine.model_validate_json(line)


def increments_of(line: EvidenceLine) -> tuple[Increment, ...]:
    """Give the increments of a line."""
    return tuple(increment.to_domain() for increment in line.increments)


def _row(ended: Ended) -> list[Written]:
    return [
        ended.outcome.value,
        ended.streamed,
        ended.end.value,
        ended.attempts,
        ended.ttft_bin,
        ended.duration_bin,
        ended.chunks_bin,
        ended.tpot_bin,
        ended.n,
        ended.begun,
    ]


def _ended(row: EndedRow) -> Ended:
    outcome, streamed, end, attempts, ttft, duration, chunks, tpot, n, begun = row
    return Ended(
        outcome=outcome,
        streamed=streamed,
        end=end,
        attempts=attempts,
        ttft_bin=ttft,
        duration_bin=duration,
        chunks_bin=chunks,
        tpot_bin=tpot,
        n=n,
        begun=begun,
    )
