"""What a gateway tells of one second: requests begun, and how those that ended did."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a request ended, as far as its version is to blame."""

    OK = "ok"
    FAILED = "failed"  # 5xx, time-out, reset, refused connection, stream without its end mark
    REFUSED = "refused"  # 4xx, 429 included: the user's request was at fault
    USER_LEFT = "user_left"  # the user went away first (DC, 499)
    MISROUTED = "misrouted"  # NR, NC: our own configuration, never a version's fault


class StreamEnd(StrEnum):
    """How the body of a stream ended."""

    NONE = "none"  # not a stream, or its body never began
    DONE = "done"  # with its end mark
    OPEN = "open"  # ended without its end mark
    CUT = "cut"  # reset after the first body byte


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Count requests that ended alike; bins are log-linear and carry the floor (TPOT: none).

    `begun` says that an earlier increment told of their first body byte (see `Begun`).
    """

    outcome: Outcome
    streamed: bool
    end: StreamEnd
    attempts: int
    ttft_bin: int | None
    duration_bin: int
    chunks_bin: int | None
    tpot_bin: int | None
    n: int
    begun: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """Count streams that still run and whose first body byte has come."""

    ttft_bin: int
    attempts: int
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Increment:
    """Tell what is new of one key (second, service, tester, intended, actual, stratum).

    Every count is new since the last increment of the key, except `running`, a gauge. The second
    is the one in which the requests began. `intended` and `actual` are names of instance sets.
    """

    second: int
    service: str
    tester: bool
    intended: str
    actual: str
    stratum: int
    started: int
    ended: tuple[Ended, ...]
    overdue: int
    running: int
    bytes_in: int
    bytes_out: int
    begun: tuple[Begun, ...] = ()
