"""What a test is shown of a window: counts or durations of both versions at one age."""

from dataclasses import dataclass
from enum import StrEnum

from turnout.statistics.bins import BINS
from turnout.statistics.labels import Cell
from turnout.statistics.saved import State, count, text
from turnout.statistics.settings import Quantity
from turnout.statistics.tally import Tally
from turnout.statistics.window import Pair


class Form(StrEnum):
    """How a quantity is read."""

    FAILED = "failed"
    FAILED_OR_HUNG = "failed_or_hung"
    DURATIONS = "durations"
    ABOVE = "above"


@dataclass(frozen=True, slots=True)
class Durations:
    """Hold the durations of both versions; the candidate's may reach further by the shift."""

    candidate: dict[int, int]
    stable: dict[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Say what is read: which quantity, at which age, how, and for durations above which bin.

    The candidate's durations are known `shift_bins` further: shifted first, they are then cut
    where stable's are, so the age waited for is longer by as much.
    """

    quantity: Quantity
    form: Form
    age_bin: int
    shift_bins: int = 0
    limit_bin: int = BINS

    @property
    def waited_bin(self) -> int:
        """Return the bin of the age at which it can be read of both versions."""
        return self.age_bin + self.shift_bins

    @property
    def tops(self) -> tuple[int, int]:
        """Return the bins of the candidate's and stable's requests not known by the age."""
        top = BINS - 1 if self.quantity is Quantity.TPOT else self.age_bin + 1
        return top + self.shift_bins, top

    def of_durations(self) -> "Reading":
        """Return the reading of all durations at the same age."""
        return Reading(quantity=self.quantity, form=Form.DURATIONS, age_bin=self.age_bin)

    def cell(self, known: Pair) -> Cell:
        """Return requests and failures of both versions."""
        return Cell(*self._counts(known.candidate), *self._counts(known.stable))

    def durations(self, known: Pair) -> Durations:
        """Return durations of both versions."""
        return Durations(
            self._durations(known.candidate, self.shift_bins), self._durations(known.stable, 0)
        )

    def to_dict(self) -> State:
        """Write what is read."""
        return {
            "quantity": self.quantity.value,
            "form": self.form.value,
            "age_bin": self.age_bin,
            "shift_bins": self.shift_bins,
            "limit_bin": self.limit_bin,
        }

    @classmethod
    def from_dict(cls, state: State) -> "Reading":
        """Read a reading back."""
        return cls(
            quantity=Quantity(text(state, "quantity")),
            form=Form(text(state, "form")),
            age_bin=count(state, "age_bin"),
            shift_bins=count(state, "shift_bins"),
            limit_bin=count(state, "limit_bin"),
        )

    def _counts(self, tally: Tally) -> tuple[int, int]:
        if self.form is Form.ABOVE:
            values = self._durations(tally, 0)
            above = sum(n for at, n in values.items() if at > self.limit_bin)
            return sum(values.values()), above
        hung = self.form is Form.FAILED_OR_HUNG
        if self.quantity is Quantity.STREAM_ERRORS:
            return tally.breaks(self.age_bin, hung=hung)
        return tally.failures(self.age_bin, hung=hung)

    def _durations(self, tally: Tally, shift_bins: int) -> dict[int, int]:
        age_bin = self.age_bin + shift_bins
        if self.quantity is Quantity.TTFT:
            return tally.first_bytes(age_bin)
        if self.quantity is Quantity.TPOT:
            return tally.token_times(age_bin, BINS - 1 + shift_bins)
        return tally.durations(age_bin)
