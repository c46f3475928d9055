"""The figures that any implementation of the tests must reach, to all printed digits."""

import math
from collections.abc import Sequence

import pytest

from turnout.statistics import dispersion
from turnout.statistics.bins import bin_of
from turnout.statistics.combine import group_log_e
from turnout.statistics.forecast import requests_to_not_worse, requests_to_worse
from turnout.statistics.interval import RateBand
from turnout.statistics.labels import Cell, CountRule, CountTest, Side, paired_cell
from turnout.statistics.ranks import Baseline, RankTest

WORSE, NOT_WORSE = Side.WORSE, Side.NOT_WORSE
FOUR = (Cell(10, 0, 190, 0), Cell(10, 1, 190, 0), Cell(10, 2, 190, 1), Cell(10, 3, 190, 0))
PAST = dict.fromkeys(range(160, 176), 100)
MIXED = ({170: 3, 175: 2}, {160: 10, 165: 10, 170: 10, 175: 10})

COUNTS = {
    "worse": (CountRule(side=WORSE), FOUR, (0, 1.854091, 5.266834, 13.306712)),
    "worse with a margin": (
        CountRule(side=WORSE, margin=0.01),
        (Cell(100, 0, 100, 0), Cell(100, 5, 100, 1), Cell(100, 8, 100, 0)),
        (-0.421928, -0.193424, 2.562071),
    ),
    "not worse": (
        CountRule(side=NOT_WORSE, margin=0.005),
        (Cell(200, 0, 3800, 4), Cell(400, 1, 7600, 8), Cell(800, 0, 15200, 16)),
        (0.615152, 0.830886, 4.146249),
    ),
    "paired": (
        CountRule(side=WORSE),
        (paired_cell(20, 3, 0), paired_cell(20, 4, 1)),
        (1.404550, 1.561451),
    ),
    "dispersion 2": (CountRule(side=WORSE, phi=2.0), FOUR, (0, 0.790031, 2.280845, 6.071780)),
    "ratio 1.5": (
        CountRule(side=WORSE, ratio=1.5),
        (Cell(10, 1, 190, 0), Cell(10, 2, 190, 1), Cell(10, 3, 190, 2)),
        (1.613147, 4.280459, 8.416564),
    ),
    "limit broken": (
        CountRule(side=WORSE, ratio=0.0, margin=0.01),
        (Cell(100, 0, 0, 0), Cell(100, 4, 0, 0), Cell(200, 9, 0, 0)),
        (-0.967384, -0.299401, 4.070572),
    ),
    "limit kept": (
        CountRule(side=NOT_WORSE, ratio=0.0, margin=0.01),
        (Cell(100, 0, 0, 0), Cell(200, 1, 0, 0), Cell(300, 0, 0, 0)),
        (0.499631, 0.514453, 2.310579),
    ),
    "all fail at 10 %": (
        CountRule(side=WORSE),
        (Cell(1, 1, 9, 0),) * 3,
        (1.414552, 3.320888, 5.413358),
    ),
    "all fail at 5 %": (
        CountRule(side=WORSE),
        (Cell(1, 1, 19, 0),) * 4,
        (1.854091, 4.417402, 7.191511, 10.038016),
    ),
}


@pytest.mark.parametrize(("rule", "cells", "expected"), COUNTS.values(), ids=COUNTS.keys())
def test_a_count_test_reaches_the_printed_evidence(
    rule: CountRule, cells: Sequence[Cell], expected: Sequence[float]
) -> None:
    test = CountTest(rule)
    seen = []
    for cell in cells:
        test.settle(cell)
        seen.append(test.log_e)
    assert seen == pytest.approx(expected, abs=6e-7)


def test_nine_failures_at_half_the_weight_are_the_first_to_be_worse() -> None:
    test = CountTest(CountRule(side=WORSE))
    seen = []
    for _ in range(9):
        test.settle(Cell(1, 1, 1, 0))
        seen.append(test.log_e)
    assert seen[7:] == pytest.approx([4.451714, 5.097837], abs=6e-7)


def test_capital_invested_later_wins_what_is_printed() -> None:
    test = CountTest(CountRule(side=WORSE))
    seen = []
    for step in (FOUR[0], FOUR[1], 0.01, 0.3, FOUR[2]):
        if isinstance(step, Cell):
            test.settle(step)
        else:
            test.purse.invest(step)
        seen.append(test.log_e)
    assert seen == pytest.approx([0, 1.854091, 1.854091, 1.854091, 5.275426], abs=6e-7)
    assert test.purse.cash == pytest.approx(-1.753020, abs=6e-7)


def test_ranks_that_rise_are_worse_by_the_printed_evidence() -> None:
    test = RankTest(WORSE)
    test.start(PAST)
    test.settle(*MIXED)
    first = test.log_e
    test.settle({175: 5}, dict.fromkeys(range(160, 176), 6))
    assert [first, test.log_e] == pytest.approx([0.298179, 5.803376], abs=6e-7)


def test_ranks_within_two_bins_are_not_worse_by_the_printed_evidence() -> None:
    test = RankTest(NOT_WORSE, shift_bins=2)
    test.start(PAST)
    seen = []
    for _ in range(3):
        test.settle(dict.fromkeys(range(160, 176), 2), dict.fromkeys(range(160, 176), 20))
        seen.append(test.log_e)
    assert seen == pytest.approx([3.515413, 7.938796, 12.558523], abs=6e-7)


def test_a_tolerance_of_one_bin_costs_the_printed_evidence() -> None:
    test = RankTest(WORSE, shift_bins=1)
    test.start(PAST)
    test.settle(*MIXED)
    assert test.log_e == pytest.approx(-0.166671, abs=6e-7)


@pytest.mark.parametrize(
    ("bet", "expected"),
    [
        (0, (0.826015, 1.002838, 1.198517)),
        (3, (0.273391, 0.875470, 2.551067)),
        (6, (0.944444, 0.944444, 1.5)),
        (9, (0.979798, 0.979798, 1.298583)),
    ],
    ids=["shift 0.1", "shift 0.6", "tail 0.1 x 1.5", "tail 0.01 x 3"],
)
def test_the_table_of_a_baseline_has_the_printed_entries(
    bet: int, expected: Sequence[float]
) -> None:
    row = Baseline(PAST).table(WORSE)[bet]
    assert [row[160], row[168], row[175]] == pytest.approx(expected, abs=6e-7)


def test_a_baseline_that_faded_and_learned_has_the_printed_table() -> None:
    baseline = Baseline(PAST)
    baseline.fade()
    baseline.learn({160: 10, 175: 30})
    table = baseline.table(WORSE)
    seen = [table[3][at] for at in (160, 168, 175, 300)] + [table[9][175]]
    expected = [0.278968, 0.865838, 2.382001, 5.053090, 1.227334]
    assert seen == pytest.approx(expected, abs=6e-7)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [((0.25,) * 4, 4.621155), ((0.7, 0.1, 0.1, 0.1), 5.644393)],
    ids=["equal", "unequal"],
)
def test_a_group_of_figures_has_the_printed_evidence(
    weights: Sequence[float], expected: float
) -> None:
    parts = list(zip(weights, (6.0, -1.0, 0.5, 0.0), strict=True))
    assert group_log_e(parts) == pytest.approx(expected, abs=6e-7)


@pytest.mark.parametrize(
    ("failed", "expected"),
    [((0, 2, 1), (-0.001677, 0.017891)), ((4, 6, 5), (0.026908, 0.069503))],
    ids=["alike", "more failures"],
)
def test_a_band_has_the_printed_limits(
    failed: Sequence[int], expected: tuple[float, float]
) -> None:
    band = RateBand()
    for _ in range(4):
        for x_c, x_s in zip(failed, (4, 5, 3), strict=True):
            band.settle(Cell(100, x_c, 900, x_s))
    assert band.limits() == pytest.approx(expected, abs=6e-7)


def test_a_forecast_has_the_printed_requests() -> None:
    worse = requests_to_worse(stable_rate=0.001, candidate_rate=0.01, weight=0.05)
    not_worse = requests_to_not_worse(rate=0.001, margin=0.005, weight=0.05)
    assert [worse, not_worse] == pytest.approx([473.872, 1164.311], abs=6e-4)


def test_a_dispersion_has_the_printed_value() -> None:
    assert dispersion.of_counts((9, 0, 8, 0), (10, 6, 9, 7)) == pytest.approx(4.340242, abs=6e-7)


@pytest.mark.parametrize(
    ("value_ms", "expected"), [(0.1, 0), (1.0, 53), (100.0, 159), (0.0, 0), (1e9, 399)]
)
def test_a_duration_falls_into_the_printed_bin(value_ms: float, expected: int) -> None:
    assert bin_of(value_ms) == expected


def test_log_of_forty_is_what_a_band_excludes_at() -> None:
    band = RateBand()
    assert band.limits() == (-1.0, 1.0)
    assert math.exp(3.6888794541139363) == pytest.approx(40.0)
