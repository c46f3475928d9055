"""What a page shows of one figure in the present step: plain values and a band."""

from turnout.statistics.bins import Histogram, join, quantile_ms
from turnout.statistics.interval import RateBand
from turnout.statistics.labels import Cell
from turnout.statistics.ranks import Row
from turnout.statistics.reading import Durations, Reading
from turnout.statistics.saved import State, counts, flat, numbers, part
from turnout.statistics.shift_band import ShiftBand

Limits = tuple[float | None, float | None]


class RatePicture:
    """Sum the counts of the step's settled windows."""

    def __init__(self) -> None:
        self.cell = Cell(0, 0, 0, 0)
        self._band = RateBand()

    def settle(self, cell: Cell) -> None:
        """Take one window."""
        old = self.cell
        self.cell = Cell(
            old.n_c + cell.n_c, old.x_c + cell.x_c, old.n_s + cell.n_s, old.x_s + cell.x_s
        )
        self._band.settle(cell)

    def limits(self) -> Limits:
        """Return the band of the difference of the rates."""
        return self._band.limits()

    def to_dict(self) -> State:
        """Write sums and band."""
        return {"cell": cell_row(self.cell), "band": self._band.to_dict()}

    @classmethod
    def from_dict(cls, state: State) -> "RatePicture":
        """Read a picture back."""
        picture = cls()
        picture.cell = cell_of(state, "cell")
        picture._band = RateBand.from_dict(part(state, "band"))
        return picture


class DurationPicture:
    """Sum the durations of the step's settled windows."""

    def __init__(self) -> None:
        self.seen = Durations({}, {})
        self._band = ShiftBand()

    def settle(self, seen: Durations, reading: Reading, table: list[Row] | None) -> None:
        """Take one window; without a table the band stays as it is."""
        join(self.seen.candidate, seen.candidate)
        join(self.seen.stable, seen.stable)
        if table is not None:
            self._band.settle(table, seen, reading.tops)

    def value_ms(self, share: float, *, candidate: bool) -> float | None:
        """Return a quantile of one version, floor included."""
        values: Histogram = self.seen.candidate if candidate else self.seen.stable
        return quantile_ms(values, share)

    def limits(self) -> Limits:
        """Return the band of the relative difference."""
        return self._band.limits()

    def to_dict(self) -> State:
        """Write sums and band."""
        return {**written(self.seen), "band": self._band.to_dict()}

    @classmethod
    def from_dict(cls, state: State) -> "DurationPicture":
        """Read a picture back."""
        picture = cls()
        picture.seen = durations(state)
        picture._band = ShiftBand.from_dict(part(state, "band"))
        return picture


def written(seen: Durations) -> State:
    """Write the durations of both versions."""
    return {"candidate": flat(seen.candidate), "stable": flat(seen.stable)}


def durations(state: State) -> Durations:
    """Read the durations of both versions."""
    return Durations(counts(state, "candidate"), counts(state, "stable"))


def cell_row(cell: Cell) -> list[int]:
    """Write the counts of both versions."""
    return [cell.n_c, cell.x_c, cell.n_s, cell.x_s]


def cell_of(state: State, key: str) -> Cell:
    """Read the counts of both versions."""
    n_c, x_c, n_s, x_s = (int(value) for value in numbers(state, key))
    return Cell(n_c, x_c, n_s, x_s)
