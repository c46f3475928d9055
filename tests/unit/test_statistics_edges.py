"""What the tests do at the edges: nothing seen, nonsense, everything failing, nothing known."""

import json
import math
from statistics import NormalDist

import pytest

from turnout.errors import StatisticsError
from turnout.statistics import dispersion
from turnout.statistics.bins import bin_of, bins_of_rise, quantile_bin, quantile_ms, upper_edge_ms
from turnout.statistics.combine import release_log_e
from turnout.statistics.forecast import (
    requests_to_not_worse,
    requests_to_rank,
    requests_to_worse,
    requests_within_limit,
    seconds_for,
)
from turnout.statistics.interval import LOG_EXCLUDED, RateBand
from turnout.statistics.labels import Cell, CountRule, CountTest, Side, paired_cell
from turnout.statistics.normal import score
from turnout.statistics.purse import Purse, log_sum
from turnout.statistics.ranks import Baseline, RankTest
from turnout.statistics.reading import Durations
from turnout.statistics.shift_band import ShiftBand

WORSE, NOT_WORSE = Side.WORSE, Side.NOT_WORSE
PAST = dict.fromkeys(range(160, 176), 100)


@pytest.mark.parametrize(
    ("n_c", "x_c", "n_s", "x_s", "field"),
    [
        (1, 2, 5, 0, "x_c"),
        (5, 0, 1, 2, "x_s"),
        (-1, 0, 5, 0, "n_c"),
        (5, 0, 5, -1, "x_s"),
        (math.nan, 0, 5, 0, "n_c"),
        (5, 0, math.inf, 0, "n_s"),
        (5, 0.5, 5, 0, "x_c"),
    ],
)
def test_counts_that_cannot_be_are_refused_by_name(
    n_c: int, x_c: int, n_s: int, x_s: int, field: str
) -> None:
    with pytest.raises(StatisticsError, match=f"`{field}`"):
        Cell(n_c, x_c, n_s, x_s)


def test_more_different_pairs_than_pairs_are_refused() -> None:
    with pytest.raises(StatisticsError, match="2 \\+ 2 pairs differ, but 3 exist"):
        paired_cell(3, 2, 2)
    assert paired_cell(4, 2, 2) == Cell(4, 2, 4, 2)


@pytest.mark.parametrize("value_ms", [math.nan, math.inf, -math.inf])
def test_a_duration_that_is_no_number_is_refused(value_ms: float) -> None:
    with pytest.raises(StatisticsError, match="has no bin"):
        bin_of(value_ms)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("cell", [Cell(0, 0, 9, 3), Cell(9, 3, 0, 0)], ids=["0 %", "100 %"])
def test_a_window_without_one_of_the_versions_changes_nothing(side: Side, cell: Cell) -> None:
    test = CountTest(CountRule(side=side, margin=0.01))
    test.settle(cell)
    assert test.log_e == pytest.approx(0.0, abs=1e-12)


def test_a_limit_needs_no_stable_version_but_candidates() -> None:
    test = CountTest(CountRule(side=WORSE, ratio=0.0, margin=0.01))
    test.settle(Cell(0, 0, 50, 50))
    assert test.log_e == pytest.approx(0.0, abs=1e-12)
    test.settle(Cell(50, 25, 0, 0))
    assert test.log_e > math.log(100)


def test_both_versions_failing_is_no_evidence_against_the_candidate() -> None:
    test = CountTest(CountRule(side=WORSE))
    for _ in range(50):
        test.settle(Cell(10, 10, 90, 90))
    assert test.log_e < 0.0


def test_stable_alone_failing_speaks_for_the_candidate() -> None:
    worse = CountTest(CountRule(side=WORSE))
    not_worse = CountTest(CountRule(side=NOT_WORSE))
    for test in (worse, not_worse):
        for _ in range(20):
            test.settle(Cell(50, 0, 50, 5))
    assert worse.log_e < 0.0
    assert not_worse.log_e > math.log(20)


def test_huge_windows_do_not_overflow() -> None:
    test = CountTest(CountRule(side=WORSE))
    test.settle(Cell(10**9, 10**8, 10**9, 10**6))
    assert math.isfinite(test.log_e)
    assert test.log_e > 1e6


def test_all_durations_in_one_bin_are_soon_not_worse_and_never_worse() -> None:
    worse, not_worse = RankTest(WORSE), RankTest(NOT_WORSE, shift_bins=2)
    for test in (worse, not_worse):
        test.start({150: 1000})
        for _ in range(30):
            test.settle({150: 5}, {150: 5})
    assert worse.log_e < 0.0
    assert not_worse.log_e > math.log(20)


def test_without_a_baseline_the_first_two_hundred_are_learned_and_not_settled() -> None:
    test = RankTest(WORSE)
    test.settle({200: 50}, {150: 199})
    test.settle({200: 50}, {150: 1})
    assert test.log_e == pytest.approx(0.0, abs=1e-12)
    test.settle({200: 50}, {150: 50})
    assert test.log_e > math.log(100)


def test_a_baseline_that_is_too_small_waits_for_more() -> None:
    test = RankTest(WORSE)
    test.start({150: 199})
    test.settle({200: 50}, {150: 10})
    assert test.log_e == pytest.approx(0.0, abs=1e-12)
    assert RankTest(WORSE).tables == {}
    test.settle({200: 50}, {150: 10})
    assert test.log_e > 1.0


def test_a_baseline_too_small_is_still_too_small_after_a_restart() -> None:
    test, again = RankTest(WORSE), RankTest(WORSE)
    test.start({150: 199})
    test.pass_minutes(1)
    again.restore(json.loads(json.dumps(test.to_dict())))
    again.settle({200: 50}, {150: 10})
    assert again.log_e == pytest.approx(0.0, abs=1e-12)


def test_each_stratum_is_ranked_among_its_own() -> None:
    test = RankTest(WORSE)
    test.start({150: 1000}, 0)
    test.start({200: 1000}, 1)
    test.settle({200: 50}, {200: 50}, 1)
    assert test.log_e < 0.1
    test.settle({200: 50}, {150: 50}, 0)
    assert test.log_e > math.log(100)


def test_a_rank_window_without_one_of_the_versions_changes_nothing() -> None:
    test = RankTest(WORSE)
    test.start(PAST)
    test.settle({399: 50}, {})
    test.settle({}, {160: 50})
    assert test.log_e == pytest.approx(0.0, abs=1e-12)


def test_the_past_counts_for_half_after_ten_minutes() -> None:
    baseline = Baseline({160: 100.0})
    for _ in range(10):
        baseline.fade()
    assert baseline.total == pytest.approx(50.0)


def test_a_dispersion_divides_what_is_won_from_ranks() -> None:
    plain, careful = RankTest(NOT_WORSE), RankTest(NOT_WORSE, phi=2.0)
    for test in (plain, careful):
        test.start(PAST)
        test.settle({160: 4}, {175: 4})
    assert 0.0 < careful.log_e < plain.log_e


@pytest.mark.parametrize("gains", [[0.0], [0.0, math.nan], [0.0, math.inf]])
def test_a_purse_refuses_gains_that_are_not_due(gains: list[float]) -> None:
    purse = Purse(2)
    with pytest.raises(StatisticsError, match="2 finite gains are due"):
        purse.settle(gains)
    assert purse.log_e == pytest.approx(0.0, abs=1e-12)


def test_a_purse_without_cash_has_nothing_to_invest() -> None:
    purse = Purse(3)
    before = purse.to_dict()
    purse.invest(0.3)
    assert purse.cash == -math.inf
    assert purse.to_dict() == before
    assert Purse.from_dict(before).cash == -math.inf


def test_the_sum_of_nothing_has_no_logarithm_but_minus_infinity() -> None:
    assert log_sum([-math.inf, -math.inf]) == -math.inf
    assert log_sum([math.log(2.0), -math.inf, math.log(3.0)]) == pytest.approx(math.log(5.0))


def test_the_largest_group_speaks_for_the_release() -> None:
    assert release_log_e([[(0.5, 2.0)], [(0.25, 6.0), (0.25, 6.0)], []]) == pytest.approx(
        6.0 + math.log(0.5)
    )
    assert release_log_e([]) == 0.0


@pytest.mark.parametrize("share", [0.002, 0.02, 0.3, 0.5, 0.77, 0.99, 0.998])
def test_a_normal_score_is_the_inverse_of_the_normal_distribution(share: float) -> None:
    assert score(share) == pytest.approx(NormalDist().inv_cdf(share), abs=1e-10)


def test_a_normal_score_ends_at_three() -> None:
    assert (score(0.0), score(1e-9), score(1.0), score(1 - 1e-9)) == (-3.0, -3.0, 3.0, 3.0)
    assert score(0.5) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("rise", "bins"), [(0.1, 2), (0.2, 4), (0.044, 1), (0.0, 1), (1.0, 16)])
def test_a_rise_is_a_whole_number_of_bins(rise: float, bins: int) -> None:
    assert bins_of_rise(rise) == bins


def test_a_bin_ends_where_the_next_begins() -> None:
    assert bin_of(upper_edge_ms(159) * 0.999) == 159
    assert bin_of(upper_edge_ms(159) * 1.001) == 160
    assert upper_edge_ms(15) == pytest.approx(0.2)


def test_a_quantile_is_read_off_inside_its_bin() -> None:
    counts = {16: 50, 32: 50}
    assert quantile_bin(counts, 0.5) == 16
    assert quantile_bin(counts, 0.51) == 32
    assert quantile_ms(counts, 0.5) == pytest.approx(upper_edge_ms(16))
    assert quantile_ms(counts, 0.75) == pytest.approx(0.1 * 2 ** (32.5 / 16))
    assert quantile_bin({}, 0.5) is None
    assert quantile_ms({}, 0.5) is None


def test_a_band_without_windows_excludes_nothing() -> None:
    band = RateBand()
    band.settle(Cell(0, 0, 100, 5))
    band.settle(Cell(100, 5, 0, 0))
    assert band.limits() == (-1.0, 1.0)
    assert math.exp(LOG_EXCLUDED) == pytest.approx(40.0)


def test_a_saved_band_of_another_length_is_refused() -> None:
    state = RateBand().to_dict()
    state["up"] = [0.0]
    with pytest.raises(StatisticsError, match="has 1 numbers, not 18"):
        RateBand.from_dict(state)
    with pytest.raises(StatisticsError, match="has 2 numbers, not 150"):
        ShiftBand.from_dict({"slower": [0.0, 0.0], "faster": []})


def test_a_band_of_durations_encloses_the_true_factor() -> None:
    band, table = ShiftBand(), Baseline(dict(PAST)).table(NOT_WORSE)
    stable = dict.fromkeys(range(160, 176), 20)
    slower = {at + 6: n for at, n in stable.items()}
    for _ in range(60):
        band.settle(table, Durations(slower, stable), (300, 300))
    low, high = band.limits()
    assert low is not None
    assert high is not None
    assert low < 2 ** (6 / 16) - 1 < high
    assert high - low < 0.25


def test_a_band_of_durations_is_open_before_anything_is_seen() -> None:
    band = ShiftBand()
    band.settle([], Durations({}, {160: 1}), (300, 300))
    assert band.limits() == (None, None)


def test_a_forecast_knows_what_cannot_be_reached() -> None:
    assert requests_to_worse(stable_rate=0.01, candidate_rate=0.01, weight=0.1) == math.inf
    assert requests_to_worse(stable_rate=0.0, candidate_rate=0.0, weight=0.1) == math.inf
    assert requests_to_not_worse(rate=0.3, margin=0.0001, weight=0.5) == math.inf
    assert requests_within_limit(rate=0.02, limit=0.01) == math.inf
    assert requests_to_rank([], {160: 1}, shift_bins=2, weight=0.5) == math.inf


def test_a_forecast_of_ranks_is_what_equal_versions_then_need() -> None:
    table = Baseline(dict(PAST)).table(NOT_WORSE)
    stable = dict.fromkeys(range(160, 176), 5)
    needed = requests_to_rank(table, stable, shift_bins=2, weight=0.5)
    test = RankTest(NOT_WORSE, shift_bins=2)
    test.start(PAST)
    seen = 0
    while test.log_e < math.log(20):
        test.settle(stable, stable)
        seen += sum(stable.values())
    assert needed == pytest.approx(seen, rel=0.35)


def test_a_limit_far_above_the_rate_is_soon_shown_to_be_kept() -> None:
    needed = requests_within_limit(rate=0.0, limit=0.01)
    assert needed == pytest.approx((math.log(20) + 0.7) / 0.0093)


def test_the_seconds_of_a_forecast_include_the_age() -> None:
    assert seconds_for(100.0, candidate_rps=10.0, age_s=1.0) == pytest.approx(13.2)
    assert seconds_for(100.0, candidate_rps=0.0, age_s=1.0) == math.inf


def test_a_steady_service_has_no_dispersion() -> None:
    assert dispersion.of_counts((5, 5, 5), (10, 10, 10)) == 1.0
    assert dispersion.of_counts((0,), (0,)) == 1.0
    assert dispersion.of_scores([]) == 1.0
    assert dispersion.of_scores([0.1, -0.1] * 10) == 1.0


def test_halves_that_drift_apart_have_a_dispersion() -> None:
    assert dispersion.of_scores([3.0, -3.0] * 10) == pytest.approx((4 + 180) / (4 + 19))
