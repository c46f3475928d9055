"""What a release file asks of its figures, as numbers, and which quantity each figure measures."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from turnout.errors import StatisticsError

_QUANTILE: Final = re.compile(r"p(\d{2,4})")
_PERCENT: Final = 100.0


class Unit(StrEnum):
    """The unit of an amount in the release file."""

    POINTS = "pp"
    RATIO = "x"
    PERCENT = "%"
    MS = "ms"


class Quantity(StrEnum):
    """What is measured of each request."""

    ERRORS = "errors"
    STREAM_ERRORS = "stream_errors"
    LATENCY = "latency"
    TTFT = "ttft"
    TPOT = "tpot"

    @property
    def is_rate(self) -> bool:
        """Return whether a request either has it or not; else it is a duration."""
        return self in (Quantity.ERRORS, Quantity.STREAM_ERRORS)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with its unit, as a person wrote it: 0.5 pp, 1.5 x, 10 %, 200 ms."""

    value: float
    unit: Unit

    @property
    def share(self) -> float:
        """Return points or percent as 0…1."""
        return self.value / _PERCENT

    @property
    def rise(self) -> float:
        """Return percent or a ratio as a relative rise: 10 % and 1.1 x are 0.1."""
        return self.value - 1.0 if self.unit is Unit.RATIO else self.share


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureRule:
    """Ask one figure to stay within limits (`max`, `min`), and not to be worse by a margin.

    Raises:
        StatisticsError: nothing measures the figure per request, or a unit does not fit it.
    """

    name: str
    max: Amount | None = None
    min: Amount | None = None
    worse_by: Amount | None = None
    tolerance: Amount | None = None

    def __post_init__(self) -> None:
        if self.min is not None:
            raise StatisticsError(f"`{self.name}` is the better the lower; give `max`, not `min`")
        _ = self.quantile
        rate = self.quantity.is_rate
        for key, amount in (("worse_by", self.worse_by), ("tolerance", self.tolerance)):
            good = (Unit.POINTS, Unit.RATIO) if rate else (Unit.PERCENT, Unit.RATIO, Unit.MS)
            self._check(key, amount, good)
        self._check("max", self.max, (Unit.PERCENT, Unit.POINTS) if rate else (Unit.MS,))

    @property
    def quantity(self) -> Quantity:
        """Return what the figure measures."""
        word = self.name.split(".", 1)[0]
        known = {quantity.value: quantity for quantity in Quantity}
        if word not in known or known[word].is_rate != ("." not in self.name):
            raise StatisticsError(f"`{self.name}` is not measured of each request")
        return known[word]

    @property
    def quantile(self) -> float:
        """Return 0.99 for a `p99`; the middle for a rate, which has none."""
        if self.quantity.is_rate:
            return 0.5
        found = _QUANTILE.fullmatch(self.name.split(".", 1)[1])
        if found is None:
            raise StatisticsError(f"`{self.name}` names no quantile such as p50, p99, p999")
        return float(f"0.{found[1]}")

    def _check(self, key: str, amount: Amount | None, good: tuple[Unit, ...]) -> None:
        if amount is None:
            return
        if amount.unit not in good:
            units = ", ".join(good)
            raise StatisticsError(f"`{self.name}.{key}` has the unit {amount.unit}, not {units}")
        if amount.value < 0.0 or (amount.unit is Unit.RATIO and amount.value < 1.0):
            raise StatisticsError(f"`{self.name}.{key}` is below nothing: {amount.value}")


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSettings:
    """Freeze what a release is judged by.

    Args:
        figures: what is asked of each figure.
        false_alarms: share of good releases rolled back, in all.
        alpha_pass: share of steps passed by a version that is worse by the margin.
        floor_ms: added to both versions' durations by the gateway.
        timeout_s: time-out of the route; no request is waited for longer.
        breakage_errors: share of failures that needs no statistics; None: off.
        phi: dispersion of stable's own replicas, 1 where it is not calibrated.
    """

    figures: tuple[FigureRule, ...]
    timeout_s: float
    false_alarms: float = 0.01
    alpha_pass: float = 0.05
    floor_ms: float = 2.0
    breakage_errors: float | None = 0.5
    phi: float = 1.0

    def __post_init__(self) -> None:
        names = [rule.name for rule in self.figures]
        if len(set(names)) < len(names):
            raise StatisticsError(f"a figure is named twice: {', '.join(names)}")
        if self.timeout_s <= 0.0 or self.phi < 1.0:
            raise StatisticsError("`timeout_s` must be above 0, `phi` not below 1")

    def compared(self, quantity: Quantity) -> tuple[FigureRule, ...]:
        """Return the figures of a quantity that are compared with stable's."""
        rules = (rule for rule in self.figures if rule.quantity is quantity)
        return tuple(rule for rule in rules if rule.worse_by is not None)
