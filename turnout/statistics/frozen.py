"""What is fixed at the first exposure: which figures there are, how old requests must be."""

from collections.abc import Mapping
from dataclasses import dataclass

from turnout.statistics.ages import Ages, ages_of
from turnout.statistics.bins import join, quantile_ms
from turnout.statistics.margins import BinMargins, bin_margins
from turnout.statistics.past import Past
from turnout.statistics.saved import State, as_state, count
from turnout.statistics.settings import JudgeSettings, Quantity


@dataclass(frozen=True, slots=True)
class Frozen:
    """Hold the ages of the quantities that stable had, and the margins of those compared."""

    ages: Mapping[Quantity, Ages]
    margins: Mapping[Quantity, BinMargins]

    def compared(self, settings: JudgeSettings) -> list[Quantity]:
        """Return the quantities that are compared with stable's."""
        return [quantity for quantity in self.ages if settings.compared(quantity)]

    def to_dict(self) -> State:
        """Write ages and margins."""
        return {
            "ages": {quantity.value: ages.to_dict() for quantity, ages in self.ages.items()},
            "margins": {
                quantity.value: {"tolerance": margins.tolerance, "worse_by": margins.worse_by}
                for quantity, margins in self.margins.items()
            },
        }

    @classmethod
    def from_dict(cls, state: State) -> "Frozen":
        """Read them back."""
        ages = as_state(state.get("ages"), "ages")
        margins = as_state(state.get("margins"), "margins")
        return cls(
            {Quantity(name): Ages.from_dict(as_state(at, name)) for name, at in ages.items()},
            {Quantity(name): _margins(as_state(at, name)) for name, at in margins.items()},
        )


def freeze(settings: JudgeSettings, past: Past) -> Frozen:
    """Fix ages and margins from stable's past."""
    ages: dict[Quantity, Ages] = {}
    margins: dict[Quantity, BinMargins] = {}
    for quantity in Quantity:
        if not any(rule.quantity is quantity for rule in settings.figures):
            continue
        found = ages_of(past, quantity, floor_ms=settings.floor_ms, timeout_s=settings.timeout_s)
        if found is None:
            continue
        ages[quantity] = found
        if settings.compared(quantity) and not quantity.is_rate:
            margins[quantity] = _of_durations(settings, past, quantity)
    return Frozen(ages, margins)


def floor_of(settings: JudgeSettings, quantity: Quantity) -> float:
    """Return the floor that a quantity's bins carry; times per token carry none."""
    return 0.0 if quantity is Quantity.TPOT else settings.floor_ms


def _of_durations(settings: JudgeSettings, past: Past, quantity: Quantity) -> BinMargins:
    values: dict[int, int] = {}
    for table in past.values(quantity).values():
        join(values, table)
    floor_ms = floor_of(settings, quantity)
    return bin_margins(
        (rule, (quantile_ms(values, rule.quantile) or 0.0) - floor_ms)
        for rule in settings.compared(quantity)
    )


def _margins(state: State) -> BinMargins:
    return BinMargins(count(state, "tolerance"), count(state, "worse_by"))
