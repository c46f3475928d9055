"""Laws of the tests: fair under equal versions, linear in counts, the same after a restart."""

import json
import math
import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.statistics.bins import BINS, bin_of, upper_edge_ms
from turnout.statistics.interval import RateBand
from turnout.statistics.labels import Cell, CountRule, CountTest, Side
from turnout.statistics.purse import Purse
from turnout.statistics.ranks import Baseline, RankTest
from turnout.statistics.reading import Durations
from turnout.statistics.shift_band import ShiftBand

QUIET = settings(deadline=None, max_examples=60)


@st.composite
def cells(draw: st.DrawFn) -> Cell:
    n_c, n_s = draw(st.integers(0, 300)), draw(st.integers(0, 3000))
    return Cell(n_c, draw(st.integers(0, n_c)), n_s, draw(st.integers(0, n_s)))


RULES = st.builds(
    CountRule,
    side=st.sampled_from(Side),
    ratio=st.sampled_from([0.0, 1.0, 1.5]),
    margin=st.sampled_from([0.0, 0.005, 0.02]),
    phi=st.sampled_from([1.0, 2.0]),
)
HISTOGRAMS = st.dictionaries(st.integers(140, 200), st.integers(1, 20), max_size=12)


@QUIET
@given(RULES, st.lists(cells(), max_size=12), st.integers(0, 12))
def test_a_restart_in_the_middle_changes_no_bit_of_a_count_test(
    rule: CountRule, windows: list[Cell], at: int
) -> None:
    whole, first, second = CountTest(rule), CountTest(rule), CountTest(rule)
    for cell in windows:
        whole.settle(cell)
    for cell in windows[:at]:
        first.settle(cell)
    second.restore(json.loads(json.dumps(first.to_dict())))
    for cell in windows[at:]:
        second.settle(cell)
    assert second.to_dict() == whole.to_dict()
    assert second.log_e == whole.log_e


@QUIET
@given(
    st.sampled_from(Side),
    st.lists(st.tuples(HISTOGRAMS, HISTOGRAMS), max_size=6),
    st.integers(0, 6),
)
def test_a_restart_in_the_middle_changes_no_bit_of_a_rank_test(
    side: Side, windows: list[tuple[dict[int, int], dict[int, int]]], at: int
) -> None:
    whole, first, second = (RankTest(side, shift_bins=1) for _ in range(3))
    for test in (whole, first):
        test.start(dict.fromkeys(range(150, 190), 9))
    for test, part in ((whole, windows), (first, windows[:at])):
        for candidate, stable in part:
            test.pass_minutes(1)
            test.settle(candidate, stable)
    second.restore(json.loads(json.dumps(first.to_dict())))
    for candidate, stable in windows[at:]:
        second.pass_minutes(1)
        second.settle(candidate, stable)
    assert second.to_dict() == whole.to_dict()


@QUIET
@given(st.lists(st.floats(-5.0, 5.0), min_size=4, max_size=4), st.floats(0.001, 0.999))
def test_investing_changes_none_of_the_evidence(gains: list[float], share: float) -> None:
    purse = Purse(4, invested=0.75)
    purse.settle(gains)
    before = purse.log_e
    purse.invest(share)
    assert purse.log_e == pytest.approx(before, abs=1e-9)
    assert purse.cash == pytest.approx(math.log(0.25) + math.log1p(-share))


@QUIET
@given(cells(), st.integers(2, 9))
def test_more_requests_of_both_change_nothing_without_a_margin(cell: Cell, factor: int) -> None:
    plain, scaled = CountTest(CountRule(side=Side.WORSE)), CountTest(CountRule(side=Side.WORSE))
    plain.settle(cell)
    scaled.settle(Cell(cell.n_c * factor, cell.x_c, cell.n_s * factor, cell.x_s))
    assert scaled.log_e == pytest.approx(plain.log_e, abs=1e-6)


@QUIET
@given(cells(), st.sampled_from(Side))
def test_a_failure_more_of_the_candidate_speaks_against_it(cell: Cell, side: Side) -> None:
    if cell.x_c == cell.n_c or cell.n_s == 0:
        return
    fewer, more = (CountTest(CountRule(side=side, margin=0.01)) for _ in range(2))
    fewer.settle(cell)
    more.settle(Cell(cell.n_c, cell.x_c + 1, cell.n_s, cell.x_s))
    # Equal where the cash outweighs every bet by more than a float can tell.
    rises = more.log_e >= fewer.log_e
    falls = more.log_e <= fewer.log_e
    assert rises if side is Side.WORSE else falls


@QUIET
@given(st.dictionaries(st.integers(0, BINS - 1), st.floats(0.01, 1000.0), max_size=30))
def test_every_table_is_monotone_in_the_duration(past: dict[int, float]) -> None:
    for side, sign in ((Side.WORSE, 1), (Side.NOT_WORSE, -1)):
        for row in Baseline(past).table(side):
            steps = [sign * (after - before) for before, after in pairwise(row)]
            assert min(steps) >= -1e-9
            assert min(row) > 0.0


@QUIET
@given(st.lists(cells(), min_size=1, max_size=20))
def test_a_band_lies_within_one_and_its_ends_in_order(windows: list[Cell]) -> None:
    band = RateBand()
    for cell in windows:
        band.settle(cell)
    low, high = band.limits()
    assert -1.0 <= low <= 1.0
    assert -1.0 <= high <= 1.0
    assert RateBand.from_dict(json.loads(json.dumps(band.to_dict()))).limits() == (low, high)


@QUIET
@given(HISTOGRAMS, HISTOGRAMS)
def test_a_band_of_durations_is_saved_whole(
    candidate: dict[int, int], stable: dict[int, int]
) -> None:
    band = ShiftBand()
    table = Baseline(dict.fromkeys(range(150, 190), 9.0)).table(Side.NOT_WORSE)
    band.settle(table, Durations(candidate, stable), (215, 213))
    again = ShiftBand.from_dict(json.loads(json.dumps(band.to_dict())))
    assert again.to_dict() == band.to_dict()
    assert again.limits() == band.limits()


@QUIET
@given(st.floats(0.0, 4e6))
def test_a_duration_lies_in_its_bin(value_ms: float) -> None:
    at = bin_of(value_ms)
    assert 0 <= at < BINS
    if 0 < at < BINS - 1:
        assert upper_edge_ms(at - 1) * (1 - 1e-9) <= value_ms <= upper_edge_ms(at) * (1 + 1e-9)


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - a repeatable simulation, no secret


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    mean = math.fsum(values) / len(values)
    spread = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return mean, math.sqrt(spread / len(values))


@pytest.mark.parametrize("weight", [0.05, 0.5])
@pytest.mark.parametrize(
    "rule",
    [CountRule(side=Side.WORSE), CountRule(side=Side.NOT_WORSE, margin=0.0)],
    ids=["worse", "not worse"],
)
def test_shuffled_labels_win_nothing_on_counts(rule: CountRule, weight: float) -> None:
    draw = seeded(7)
    ends = []
    for _ in range(2000):
        test = CountTest(rule)
        for _ in range(8):
            labels = [draw.random() < weight for _ in range(60)]
            failed = [label for label in labels if draw.random() < 0.03]
            n_c, x_c = sum(labels), sum(failed)
            test.settle(Cell(n_c, x_c, 60 - n_c, len(failed) - x_c))
        ends.append(math.exp(test.log_e))
    mean, error = mean_and_error(ends)
    assert mean <= 1.0 + 3.0 * error


@pytest.mark.parametrize("side", list(Side))
def test_shuffled_labels_win_nothing_on_ranks(side: Side) -> None:
    draw = seeded(11)
    past = dict.fromkeys(range(150, 182), 20)
    ends = []
    for _ in range(400):
        test = RankTest(side)
        test.start(past)
        for _ in range(4):
            arms: tuple[dict[int, int], dict[int, int]] = ({}, {})
            for _ in range(30):
                arm = arms[draw.random() < 0.7]
                at = draw.randrange(150, 182)
                arm[at] = arm.get(at, 0) + 1
            test.settle(*arms)
        ends.append(math.exp(test.log_e))
    mean, error = mean_and_error(ends)
    assert mean <= 1.0 + 3.0 * error
    assert error < 0.2


def test_a_rate_at_the_margin_is_rarely_called_not_worse() -> None:
    draw = seeded(5)
    passed = 0
    for _ in range(400):
        test = CountTest(CountRule(side=Side.NOT_WORSE, margin=0.02))
        for _ in range(40):
            x_c = sum(draw.random() < 0.03 for _ in range(50))
            x_s = sum(draw.random() < 0.01 for _ in range(50))
            test.settle(Cell(50, x_c, 50, x_s))
            if test.log_e >= math.log(20):
                passed += 1
                break
    assert passed / 400 <= 0.05 + 2.6 * math.sqrt(0.05 * 0.95 / 400)
