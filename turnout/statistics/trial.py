"""A test at work in a release: what it reads, how capital is invested, which step it is in."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from turnout.statistics.docket import Pending
from turnout.statistics.labels import Cell, CountTest
from turnout.statistics.picture import DurationPicture, RatePicture
from turnout.statistics.ranks import RankTest
from turnout.statistics.reading import Reading
from turnout.statistics.saved import State, count, part
from turnout.statistics.settings import Quantity

_MINUTE_S: Final = 60
_EACH_MINUTE: Final = 0.01
_EACH_STEP: Final = 0.3


class Role(StrEnum):
    """What is decided by a test."""

    WORSE = "worse"
    GATE = "gate"
    TAIL_GATE = "tail_gate"
    LIMIT_BROKEN = "limit_broken"
    STABLE_BREAKS = "stable_breaks"
    LIMIT_KEPT = "limit_kept"

    @property
    def is_gate(self) -> bool:
        """Return whether it begins anew at each step."""
        return self in (Role.GATE, Role.TAIL_GATE, Role.LIMIT_KEPT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """Say what a test is for: `name` is the figure (of limits) or the quantity."""

    name: str
    role: Role
    reading: Reading
    omega: float = 0.0


class Trial:
    """Settle windows in order with one test, and keep the picture of its step."""

    def __init__(self, brief: Brief, test: CountTest | RankTest, *, step: int) -> None:
        self.brief = brief
        self.test = test
        self.step = step
        self._minutes = 0
        self.picture = _new_picture(brief)

    def log_e_at(self, step: int) -> float:
        """Return the evidence; that of a gate counts only for the step of its windows."""
        return 0.0 if self.brief.role.is_gate and step != self.step else self.test.log_e

    def settle(self, pending: Pending, *, exposed_at_s: int) -> None:
        """Take one window, after the investments that were due before it closed."""
        window = pending.window
        self._pass_minutes((window.last_s + 1 - exposed_at_s) // _MINUTE_S)
        if window.span.step != self.step:
            self._begin_step(window.span.step)
        if isinstance(self.test, RankTest):
            self._settle_durations(self.test, pending)
        else:
            self._settle_counts(self.test, pending)

    def to_dict(self) -> State:
        """Write the state; brief and rule are made again from what was frozen."""
        picture = {} if self.picture is None else {"picture": self.picture.to_dict()}
        return {
            "test": self.test.to_dict(),
            "step": self.step,
            "minutes": self._minutes,
            **picture,
        }

    def restore(self, state: State) -> None:
        """Go on from a state that was written."""
        self.test.restore(part(state, "test"))
        self.step, self._minutes = count(state, "step"), count(state, "minutes")
        match self.picture:
            case RatePicture():
                self.picture = RatePicture.from_dict(part(state, "picture"))
            case DurationPicture():
                self.picture = DurationPicture.from_dict(part(state, "picture"))
            case None:
                pass

    def _pass_minutes(self, minutes: int) -> None:
        due = minutes - self._minutes
        if due <= 0:
            return
        self._minutes = minutes
        for _ in range(due):
            self.test.purse.invest(_EACH_MINUTE)
        if isinstance(self.test, RankTest):
            self.test.pass_minutes(due)

    def _begin_step(self, step: int) -> None:
        self.step = step
        if self.brief.role.is_gate:
            self.test.restart_purse()
        else:
            self.test.purse.invest(_EACH_STEP)
        self.picture = _new_picture(self.brief)

    def _settle_durations(self, test: RankTest, pending: Pending) -> None:
        reading = self.brief.reading
        seen = pending.durations(reading)
        stratum = 0 if reading.quantity is Quantity.TPOT else pending.window.stratum
        if isinstance(self.picture, DurationPicture):
            # Only a gate draws the band: it costs a test for every shift.
            table = test.tables.get(stratum) if self.brief.role.is_gate else None
            self.picture.settle(seen, reading, table)
        test.settle(seen.candidate, seen.stable, stratum)

    def _settle_counts(self, test: CountTest, pending: Pending) -> None:
        reading = self.brief.reading
        cell = pending.cell(reading)
        if self.brief.role is Role.STABLE_BREAKS:
            cell = Cell(cell.n_s, cell.x_s, 0, 0)
        match self.picture:
            case RatePicture():
                self.picture.settle(cell)
            case DurationPicture():
                self.picture.settle(pending.durations(reading.of_durations()), reading, None)
            case None:
                pass
        test.settle(cell)


def _new_picture(brief: Brief) -> RatePicture | DurationPicture | None:
    if brief.role not in (Role.WORSE, Role.GATE, Role.LIMIT_KEPT):
        return None
    return RatePicture() if brief.reading.quantity.is_rate else DurationPicture()
