"""What the figures of a release file mean to a test, and which are refused."""

import pytest

from turnout.errors import StatisticsError
from turnout.statistics.margins import BinMargins, RateMargin, bin_margins, rate_margin
from turnout.statistics.settings import Amount, FigureRule, JudgeSettings, Quantity, Unit

TEN = Amount(10.0, Unit.PERCENT)
POINT = Amount(1.0, Unit.POINTS)


@pytest.mark.parametrize(
    ("name", "quantity", "quantile"),
    [
        ("errors", Quantity.ERRORS, 0.5),
        ("stream_errors", Quantity.STREAM_ERRORS, 0.5),
        ("latency.p50", Quantity.LATENCY, 0.5),
        ("ttft.p99", Quantity.TTFT, 0.99),
        ("tpot.p999", Quantity.TPOT, 0.999),
    ],
)
def test_a_name_says_what_is_measured(name: str, quantity: Quantity, quantile: float) -> None:
    rule = FigureRule(name=name)
    assert (rule.quantity, rule.quantile) == (quantity, quantile)


@pytest.mark.parametrize("name", ["throughput", "cpu", "latency", "errors.p99", "accuracy", ""])
def test_a_figure_that_no_request_has_is_refused(name: str) -> None:
    with pytest.raises(StatisticsError, match="is not measured of each request"):
        FigureRule(name=name)


@pytest.mark.parametrize("name", ["latency.p9", "latency.max", "ttft.p99x", "ttft."])
def test_a_name_without_a_quantile_is_refused(name: str) -> None:
    with pytest.raises(StatisticsError, match="names no quantile"):
        FigureRule(name=name)


@pytest.mark.parametrize(
    ("name", "key", "amount"),
    [
        ("errors", "worse_by", TEN),
        ("errors", "tolerance", Amount(1.0, Unit.MS)),
        ("errors", "max", Amount(1.5, Unit.RATIO)),
        ("latency.p99", "worse_by", POINT),
        ("latency.p99", "max", TEN),
    ],
)
def test_a_unit_that_does_not_fit_is_refused(name: str, key: str, amount: Amount) -> None:
    with pytest.raises(StatisticsError, match=f"`{name}.{key}` has the unit"):
        FigureRule(name=name, **{key: amount})


def test_a_lower_limit_of_what_should_be_low_is_refused() -> None:
    with pytest.raises(StatisticsError, match="give `max`, not `min`"):
        FigureRule(name="errors", min=POINT)


@pytest.mark.parametrize("amount", [Amount(-1.0, Unit.POINTS), Amount(0.9, Unit.RATIO)])
def test_an_amount_below_nothing_is_refused(amount: Amount) -> None:
    with pytest.raises(StatisticsError, match="is below nothing"):
        FigureRule(name="errors", worse_by=amount)


def test_an_amount_at_its_lowest_is_taken() -> None:
    assert FigureRule(name="errors", max=Amount(0.0, Unit.PERCENT)).max is not None
    assert FigureRule(name="errors", tolerance=Amount(1.0, Unit.RATIO)).tolerance is not None


def test_a_figure_named_twice_is_refused() -> None:
    rule = FigureRule(name="errors", worse_by=POINT)
    with pytest.raises(StatisticsError, match="named twice"):
        JudgeSettings(figures=(rule, rule), timeout_s=60.0)


@pytest.mark.parametrize(("timeout_s", "phi"), [(0.0, 1.0), (-1.0, 1.0), (60.0, 0.9)])
def test_settings_that_cannot_be_are_refused(timeout_s: float, phi: float) -> None:
    with pytest.raises(StatisticsError, match="`timeout_s` must be above 0"):
        JudgeSettings(figures=(), timeout_s=timeout_s, phi=phi)


def test_a_figure_with_a_limit_alone_is_not_compared() -> None:
    limit = FigureRule(name="latency.p99", max=Amount(200.0, Unit.MS))
    compared = FigureRule(name="latency.p50", worse_by=TEN)
    settings = JudgeSettings(figures=(limit, compared), timeout_s=60.0)
    assert settings.compared(Quantity.LATENCY) == (compared,)
    assert settings.compared(Quantity.ERRORS) == ()


@pytest.mark.parametrize(
    ("amount", "margin"),
    [
        (None, RateMargin(1.0, 0.0)),
        (Amount(0.5, Unit.POINTS), RateMargin(1.0, 0.005)),
        (Amount(1.5, Unit.RATIO), RateMargin(1.5, 0.0)),
    ],
    ids=["none", "0.5pp", "1.5x"],
)
def test_a_rate_is_compared_by_points_or_by_a_ratio(
    amount: Amount | None, margin: RateMargin
) -> None:
    assert rate_margin(amount) == margin


def duration(worse_by: Amount, tolerance: Amount | None = None, name: str = "p99") -> FigureRule:
    return FigureRule(name=f"latency.{name}", worse_by=worse_by, tolerance=tolerance)


MARGINS = {
    "10 %": (duration(TEN), BinMargins(1, 2)),
    "1.1 x": (duration(Amount(1.1, Unit.RATIO)), BinMargins(1, 2)),
    "20 ms of 100 ms": (duration(Amount(20.0, Unit.MS)), BinMargins(1, 4)),
    "4.4 %": (duration(Amount(4.4, Unit.PERCENT)), BinMargins(0, 1)),
    "tolerance of 10 %": (duration(Amount(20.0, Unit.PERCENT), TEN), BinMargins(2, 4)),
    "no tolerance": (duration(TEN, Amount(0.0, Unit.PERCENT)), BinMargins(0, 2)),
}


@pytest.mark.parametrize(("rule", "margins"), MARGINS.values(), ids=MARGINS.keys())
def test_a_duration_is_compared_by_whole_bins(rule: FigureRule, margins: BinMargins) -> None:
    assert bin_margins([(rule, 100.0)]) == margins


def test_of_several_quantiles_the_tightest_margin_counts() -> None:
    wide = duration(Amount(50.0, Unit.PERCENT), TEN, "p50")
    tight = duration(Amount(20.0, Unit.PERCENT), Amount(0.0, Unit.PERCENT))
    assert bin_margins([(wide, 10.0), (tight, 100.0)]) == BinMargins(0, 4)


def test_a_tolerance_that_reaches_the_margin_is_refused() -> None:
    with pytest.raises(StatisticsError, match="is not below `worse_by`"):
        bin_margins([(duration(TEN, TEN), 100.0)])
