"""Windows that closed and wait until their requests are old enough, in order of number."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from turnout.statistics.increment import Increment
from turnout.statistics.labels import Cell
from turnout.statistics.picture import cell_of, cell_row, durations, written
from turnout.statistics.reading import Durations, Reading
from turnout.statistics.saved import State, as_state, count, items, part
from turnout.statistics.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRecord:
    """Keep a settled window as the judge saw it: starts, and what was known at each age."""

    number: int
    first_s: int
    last_s: int
    step: int
    weight_bp: int
    stratum: int
    candidate_started: int
    stable_started: int
    counts: tuple[tuple[Reading, Cell], ...]
    durations: tuple[tuple[Reading, Durations], ...]

    def to_dict(self) -> State:
        """Write the window for the store."""
        return {
            "number": self.number,
            "first_s": self.first_s,
            "last_s": self.last_s,
            "step": self.step,
            "weight_bp": self.weight_bp,
            "stratum": self.stratum,
            "started": [self.candidate_started, self.stable_started],
            "counts": [{**at.to_dict(), "cell": cell_row(cell)} for at, cell in self.counts],
            "durations": [{**at.to_dict(), **written(seen)} for at, seen in self.durations],
        }


class Pending:
    """Hold a closed window, and what each reading showed when it was settled."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self._cells: dict[Reading, Cell] = {}
        self._durations: dict[Reading, Durations] = {}

    def cell(self, reading: Reading) -> Cell:
        """Return the counts of a reading, the same whenever it is asked again."""
        if reading not in self._cells:
            self._cells[reading] = reading.cell(self.window.known)
        return self._cells[reading]

    def durations(self, reading: Reading) -> Durations:
        """Return the durations of a reading, likewise."""
        if reading not in self._durations:
            self._durations[reading] = reading.durations(self.window.known)
        return self._durations[reading]

    def is_ready(self, complete_to: int, lag_s: int) -> bool:
        """Return whether an age has passed, or nothing runs that could still change."""
        return self.window.known.running == 0 or complete_to >= self.window.last_s + lag_s

    def record(self) -> WindowRecord:
        """Return the window for the store."""
        window = self.window
        return WindowRecord(
            number=window.number,
            first_s=window.first_s,
            last_s=window.last_s,
            step=window.span.step,
            weight_bp=window.span.weight_bp,
            stratum=window.stratum,
            candidate_started=window.known.candidate.started,
            stable_started=window.known.stable.started,
            counts=tuple(self._cells.items()),
            durations=tuple(self._durations.items()),
        )

    def to_dict(self) -> State:
        """Write window and readings."""
        return {
            "window": self.window.to_dict(),
            "counts": [{**at.to_dict(), "cell": cell_row(c)} for at, c in self._cells.items()],
            "durations": [{**at.to_dict(), **written(d)} for at, d in self._durations.items()],
        }

    @classmethod
    def from_dict(cls, state: State) -> "Pending":
        """Read a closed window back."""
        pending = cls(Window.from_dict(part(state, "window")))
        for saved in items(state, "counts"):
            inside = as_state(saved, "counts")
            pending._cells[Reading.from_dict(inside)] = cell_of(inside, "cell")
        for saved in items(state, "durations"):
            inside = as_state(saved, "durations")
            pending._durations[Reading.from_dict(inside)] = durations(inside)
        return pending


class Docket:
    """Hold the closed windows, and for each horizon the number of the last one it settled."""

    def __init__(self) -> None:
        self._pending: list[Pending] = []
        self._settled: dict[int, int] = {}
        self.settled_to: int | None = None
        self.late = 0

    def add(self, windows: Iterable[Window]) -> None:
        """Take windows that closed."""
        self._pending.extend(Pending(window) for window in windows)

    def take(self, increment: Increment, *, candidate: bool) -> None:
        """Add what is new of a closed window; starts that come later are counted and ignored."""
        for pending in self._pending:
            window = pending.window
            if window.stratum == increment.stratum and window.holds(increment.second):
                window.known.take(increment, candidate=candidate)
                return
        self.late += increment.started

    def due(self, horizon: int, complete_to: int, lag_s: int) -> Iterator[Pending]:
        """Give the windows that are old enough for a horizon, each once."""
        done = self._settled.get(horizon, 0)
        for pending in self._pending:
            if pending.window.number <= done:
                continue
            if not pending.is_ready(complete_to, lag_s):
                return
            self._settled[horizon] = pending.window.number
            yield pending

    def retire(self, horizons: Iterable[int]) -> list[WindowRecord]:
        """Let go of the windows that every horizon has settled."""
        numbers = [self._settled.get(horizon, 0) for horizon in horizons]
        records = []
        while self._pending and (not numbers or self._pending[0].window.number <= min(numbers)):
            records.append(self._pending.pop(0).record())
            self.settled_to = records[-1].last_s
        return records

    def drop(self) -> None:
        """Forget the windows that wait: what they lack cannot be had."""
        self._pending = []

    def to_dict(self) -> State:
        """Write windows and horizons."""
        return {
            "pending": [pending.to_dict() for pending in self._pending],
            "settled": {str(horizon): number for horizon, number in self._settled.items()},
            "settled_to": self.settled_to,
            "late": self.late,
        }

    @classmethod
    def from_dict(cls, state: State) -> "Docket":
        """Read a docket back."""
        docket = cls()
        docket._pending = [
            Pending.from_dict(as_state(p, "pending")) for p in items(state, "pending")
        ]
        settled = part(state, "settled")
        docket._settled = {int(horizon): count(settled, horizon) for horizon in settled}
        docket.settled_to = None if state.get("settled_to") is None else count(state, "settled_to")
        docket.late = count(state, "late")
        return docket
