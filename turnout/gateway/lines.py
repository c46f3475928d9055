"""One line of the access log: what it says of a request."""

from typing import Final, NamedTuple

from turnout.gateway.clusters import set_of
from turnout.gateway.tables import TESTER
from turnout.statistics.increment import Outcome, StreamEnd

_FIELDS: Final = 15
_ABSENT: Final = "-"
_MILLION: Final = 1_000_000
_REQUEST_FAULT: Final = 400
_SERVER_FAULT: Final = 500
# Response flags of Envoy: who is to blame.
_OURS: Final = frozenset({"NR", "NC", "OM"})
_VERSIONS: Final = frozenset({"UF", "UC", "UT", "UO", "UH", "UPE", "UR", "LR", "LH", "SI", "UMSDR"})
_USER_LEFT: Final = "DC"
_USER_WRONG: Final = "DPE"
_EDGES: Final = (256, 1024, 4096)
_BYTES_PER_TOKEN: Final = 4


class Line(NamedTuple):
    """The fields of a line; `ends` is false for a request that still runs."""

    began_us: int
    ends: bool
    route: str
    cluster: str
    actual: str
    code: int
    flags: str
    attempts: int
    first_us: int | None
    total_us: int | None
    bytes_in: int
    bytes_out: int
    mark: str
    length_bytes: int | None
    request_id: str

    @property
    def service(self) -> str:
        """Name the service; empty when no route was found."""
        return "" if self.route == _ABSENT else self.route.partition(".")[0]

    @property
    def is_tester(self) -> bool:
        """Tell whether it took the testers' way."""
        return self.route.endswith(TESTER)

    @property
    def intended(self) -> str:
        """Name the set that it was meant for; empty when none was chosen."""
        return set_of(self.cluster)

    @property
    def stratum(self) -> int:
        """Give the bucket of its length, known at the start (D-44)."""
        tokens = (self.length_bytes or 0) // _BYTES_PER_TOKEN
        return sum(tokens >= edge for edge in _EDGES)

    @property
    def is_stream(self) -> bool:
        """Tell whether the answer is a stream of events."""
        return self.mark != _ABSENT

    @property
    def chunks(self) -> int | None:
        """Count the chunks of a stream that came to its end."""
        number = self.mark.partition(":")[2]
        return int(number) if number.isdigit() and number != "0" else None


def parse(text: str) -> Line | None:
    """Read a line; None when it is none of ours."""
    fields = text.split("\t", _FIELDS - 1)
    if len(fields) != _FIELDS:
        return None
    try:
        return Line(
            began_us=_microseconds(fields[0]),
            ends=fields[1] == "DownstreamEnd",
            route=fields[2],
            cluster=fields[3],
            actual="" if fields[4] == _ABSENT else fields[4],
            code=int(fields[5]),
            flags=fields[6],
            attempts=max(1, _number(fields[7]) or 1),
            first_us=_number(fields[8]),
            total_us=_number(fields[9]),
            bytes_in=int(fields[10]),
            bytes_out=int(fields[11]),
            mark=fields[12],
            length_bytes=_number(fields[13]),
            request_id=fields[14],
        )
    except ValueError:
        return None


def end_of(line: Line) -> StreamEnd:
    """Tell how the body of a stream ended."""
    match line.mark.partition(":")[0]:
        case "done":
            return StreamEnd.DONE
        case "open":
            return StreamEnd.OPEN
        case "cut" if line.first_us is not None:
            return StreamEnd.CUT
        case _:
            return StreamEnd.NONE


def outcome_of(line: Line) -> Outcome:
    """Tell how a request ended, as far as its version is to blame."""
    flags = set(line.flags.split(","))
    if flags & _OURS or line.cluster == _ABSENT:
        return Outcome.MISROUTED
    if _USER_LEFT in flags:
        return Outcome.USER_LEFT
    if flags & _VERSIONS or line.code == 0 or line.code >= _SERVER_FAULT:
        return Outcome.FAILED
    if _USER_WRONG in flags or line.code >= _REQUEST_FAULT:
        return Outcome.REFUSED
    if end_of(line) in {StreamEnd.OPEN, StreamEnd.CUT}:
        return Outcome.FAILED
    return Outcome.OK


def _microseconds(text: str) -> int:
    seconds, _, fraction = text.partition(".")
    return int(seconds) * _MILLION + int(fraction)


def _number(text: str) -> int | None:
    return None if text == _ABSENT else int(text)
