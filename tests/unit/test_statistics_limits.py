"""What holds without a comparison: limits, breakage, first releases; and what a plan tells."""

import math
from collections.abc import Iterable
from dataclasses import replace

import pytest

from turnout.statistics.bins import bin_of
from turnout.statistics.increment import Ended, Increment, Outcome, StreamEnd
from turnout.statistics.judge import FigureView, Judge, Verdict
from turnout.statistics.judgement import Comparison
from turnout.statistics.plan import past_of, requests_needed
from turnout.statistics.settings import Amount, FigureRule, JudgeSettings, Unit

STABLE, CANDIDATE = "guard-r1", "guard-r2"
FIRST_S = 1000
ERRORS = FigureRule(name="errors", worse_by=Amount(2.0, Unit.POINTS))
LATENCY = FigureRule(name="latency.p90", worse_by=Amount(20.0, Unit.PERCENT))
TTFT = FigureRule(name="ttft.p99", worse_by=Amount(20.0, Unit.PERCENT))
MOST = FigureRule(name="errors", max=Amount(5.0, Unit.PERCENT))
LONGEST = FigureRule(name="latency.p90", max=Amount(200.0, Unit.MS))


def settings(*figures: FigureRule, breakage_errors: float | None = None) -> JudgeSettings:
    return JudgeSettings(figures=figures, timeout_s=60.0, breakage_errors=breakage_errors)


def ends(n: int, *, failed: bool = False, ms: float = 80.0) -> Ended:
    return Ended(
        outcome=Outcome.FAILED if failed else Outcome.OK,
        streamed=False,
        end=StreamEnd.NONE,
        attempts=1,
        ttft_bin=None,
        duration_bin=bin_of(ms + 2.0),
        chunks_bin=None,
        tpot_bin=None,
        n=n,
    )


def news(second: int, name: str, *ended: Ended, started: int | None = None) -> Increment:
    done = tuple(item for item in ended if item.n)
    return Increment(
        second=second,
        service="guard",
        tester=False,
        intended=name,
        actual=name,
        stratum=0,
        started=sum(item.n for item in done) if started is None else started,
        ended=done,
        overdue=0,
        running=0,
        bytes_in=0,
        bytes_out=0,
    )


def feed(judge: Judge, second: int, candidate: Iterable[Ended], stable: Iterable[Ended]) -> None:
    judge.take(news(second, CANDIDATE, *candidate))
    judge.take(news(second, STABLE, *stable))
    judge.heartbeat(second)


def exposed(rules: JudgeSettings, weight_bp: int = 5000, baseline: int = 300) -> Judge:
    judge = Judge(rules, STABLE, CANDIDATE)
    spread = [ends(baseline // 3, ms=ms) for ms in (70.0, 80.0, 95.0)]
    judge.take(news(FIRST_S - 5, STABLE, *spread))
    judge.heartbeat(FIRST_S - 2)
    judge.weight_sent(FIRST_S - 0.6)
    judge.weight_acked(FIRST_S - 0.5, weight_bp, 1)
    return judge


def alike(judge: Judge, seconds: Iterable[int], n: int = 60) -> None:
    for second in seconds:
        spread = [ends(n // 3, ms=ms) for ms in (70.0, 80.0, 95.0)]
        feed(judge, second, spread, spread)


def figure(judge: Judge, name: str) -> FigureView:
    return next(view for view in judge.view().figures if view.name == name)


def test_a_first_release_is_judged_by_its_limits_alone() -> None:
    judge = Judge(settings(MOST), None, CANDIDATE)
    judge.weight_acked(FIRST_S - 0.5, 10_000, 1)
    assert judge.view().gate
    for second in range(FIRST_S, FIRST_S + 5):
        feed(judge, second, [ends(50)], [])
    assert judge.view().gate
    for second in range(FIRST_S + 5, FIRST_S + 15):
        feed(judge, second, [ends(40), ends(10, failed=True)], [])
    view = judge.view()
    assert (view.limit_broken, view.gate, view.verdict) == ("errors", False, Verdict.UNDECIDED)
    assert figure(judge, "errors").verdict is Verdict.WORSE


def test_a_limit_that_stable_breaks_too_is_said_so() -> None:
    judge = exposed(settings(MOST))
    for second in range(FIRST_S, FIRST_S + 10):
        feed(judge, second, [ends(40), ends(20, failed=True)], [ends(40), ends(20, failed=True)])
    view = judge.view()
    assert (view.limit_broken, view.stable_breaks_too) == ("errors", True)


def test_a_limit_that_only_the_candidate_breaks_is_its_own() -> None:
    judge = exposed(settings(MOST))
    for second in range(FIRST_S, FIRST_S + 10):
        feed(judge, second, [ends(40), ends(20, failed=True)], [ends(60)])
    view = judge.view()
    assert (view.limit_broken, view.stable_breaks_too) == ("errors", False)


def test_a_limit_without_a_margin_is_a_gate_of_its_own() -> None:
    judge = exposed(settings(MOST, LONGEST))
    alike(judge, range(FIRST_S, FIRST_S + 2), n=30)
    assert not judge.view().gate
    alike(judge, range(FIRST_S + 2, FIRST_S + 8))
    view = figure(judge, "latency.p90")
    assert judge.view().gate
    assert (view.verdict, view.comparison) == (Verdict.NOT_WORSE, Comparison.LIMIT)
    assert (view.maximum, view.limit) == (200.0, None)
    assert view.candidate_value == pytest.approx(95.0, rel=0.05)
    assert figure(judge, "errors").needed_requests == pytest.approx(80, rel=0.2)


def test_a_latency_above_its_limit_breaks_it() -> None:
    judge = exposed(settings(LONGEST))
    for second in range(FIRST_S, FIRST_S + 5):
        feed(judge, second, [ends(40), ends(20, ms=400.0)], [ends(60)])
    assert judge.view().limit_broken == "latency.p90"


def test_limits_act_before_anything_can_be_compared() -> None:
    judge = exposed(settings(MOST), baseline=30)
    for second in range(FIRST_S, FIRST_S + 6):
        feed(judge, second, [ends(40), ends(20, failed=True)], [ends(5)])
    assert judge.view().limit_broken == "errors"
    assert not judge.view().gate


def test_evidence_on_a_limit_outlives_the_freezing() -> None:
    judge = exposed(settings(MOST), baseline=30)
    for second in range(FIRST_S, FIRST_S + 3):
        feed(judge, second, [ends(55), ends(5, failed=True)], [ends(50)])
    before = figure(judge, "errors").log_e
    feed(judge, FIRST_S + 3, [ends(55), ends(5, failed=True)], [ends(50)])
    assert before != 0.0
    assert figure(judge, "errors").log_e == before


def test_the_deadline_is_the_routes_until_the_ages_are_frozen() -> None:
    judge = Judge(settings(ERRORS), STABLE, CANDIDATE)
    assert (judge.deadline_s, judge.floor_ms) == (60.0, 2.0)
    assert exposed(settings(ERRORS)).deadline_s == pytest.approx(1.0, abs=0.05)
    assert exposed(settings(ERRORS), baseline=30).deadline_s == 60.0


def broken(judge: Judge, second: int, n: int, *, stable_fails: bool = False) -> None:
    judge.take(news(second, STABLE, ends(100, failed=stable_fails)))
    judge.take(news(second, CANDIDATE, ends(n, failed=True)))


def test_total_breakage_shows_before_its_seconds_are_complete() -> None:
    judge = exposed(settings(ERRORS, breakage_errors=0.5), weight_bp=1000)
    broken(judge, FIRST_S, 10)
    assert not judge.view().breakage
    broken(judge, FIRST_S + 1, 10)
    view = judge.view()
    assert (view.breakage, view.gate, view.verdict) == (True, False, Verdict.UNDECIDED)


def test_breakage_is_off_where_it_was_taken_off() -> None:
    judge = exposed(settings(ERRORS))
    broken(judge, FIRST_S, 30)
    broken(judge, FIRST_S + 1, 30)
    assert not judge.view().breakage


def test_breakage_of_both_is_not_the_candidates() -> None:
    judge = exposed(settings(ERRORS, breakage_errors=0.5), weight_bp=1000)
    broken(judge, FIRST_S, 30, stable_fails=True)
    broken(judge, FIRST_S + 1, 30, stable_fails=True)
    assert not judge.view().breakage


def test_failures_told_before_successes_are_no_breakage() -> None:
    judge = exposed(settings(ERRORS, breakage_errors=0.5), weight_bp=5000)
    for second in range(FIRST_S - 8, FIRST_S - 1):
        judge.take(news(second, STABLE, ends(200)))
    judge.heartbeat(FIRST_S - 1)
    for second in (FIRST_S, FIRST_S + 1):
        judge.take(news(second, CANDIDATE, ends(20, failed=True)))
    assert not judge.view().breakage


def test_breakage_once_found_stays_found() -> None:
    judge = exposed(settings(ERRORS, breakage_errors=0.5), weight_bp=1000)
    broken(judge, FIRST_S, 15)
    broken(judge, FIRST_S + 1, 15)
    alike(judge, range(FIRST_S + 2, FIRST_S + 30))
    assert judge.view().breakage


def test_a_plan_tells_what_each_figure_will_need() -> None:
    increments = [news(FIRST_S + s, STABLE, ends(999), ends(1, failed=True)) for s in range(5)]
    increments.append(replace(increments[0], tester=True))
    past = past_of(increments, STABLE)
    rules = settings(ERRORS, TTFT, LATENCY)
    needs = {need.name: need for need in requests_needed(rules, past, 0.05)}
    assert set(needs) == {"errors", "latency.p90"}
    assert needs["errors"].requests == pytest.approx(219, rel=0.02)
    assert needs["errors"].age_s == pytest.approx(1.0, abs=0.05)
    seconds = needs["errors"].seconds(candidate_rps=10.0)
    assert seconds == pytest.approx(21.9 + 3.2, rel=0.03)
    assert needs["latency.p90"].requests is not None
    assert 1.0 < needs["latency.p90"].age_s < 1.5


def test_a_plan_of_limits_knows_rates_only() -> None:
    past = past_of([news(FIRST_S, STABLE, ends(1000))], STABLE)
    errors, latency = requests_needed(settings(MOST, LONGEST), past, 0.05)
    assert errors.requests == pytest.approx((math.log(20) + 0.7) / (0.93 * 0.05))
    assert latency.requests is None
    assert latency.seconds(candidate_rps=5.0) is None


def test_a_figure_without_any_claim_needs_nothing_known() -> None:
    past = past_of([news(FIRST_S, STABLE, ends(1000))], STABLE)
    (need,) = requests_needed(settings(FigureRule(name="errors")), past, 0.05)
    assert need.requests is None
