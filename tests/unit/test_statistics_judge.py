"""What a judge makes of exact increments: verdicts, gates, figures, and what is left out."""

import json
import math
from collections.abc import Iterable
from dataclasses import replace

import pytest

from turnout.errors import StatisticsError
from turnout.statistics.bins import bin_of
from turnout.statistics.increment import Ended, Increment, Outcome, StreamEnd
from turnout.statistics.judge import FigureView, Judge, Verdict
from turnout.statistics.judgement import Comparison
from turnout.statistics.reading import Form
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


def test_versions_that_are_alike_pass_the_gate() -> None:
    judge = exposed(settings(ERRORS, LATENCY))
    assert judge.view().verdict is Verdict.UNDECIDED
    alike(judge, range(FIRST_S, FIRST_S + 12))
    view = judge.view()
    assert (view.verdict, view.gate) == (Verdict.NOT_WORSE, True)
    assert [item.verdict for item in view.figures] == [Verdict.NOT_WORSE, Verdict.NOT_WORSE]
    assert (view.exposed, view.requests_in_step) == (720, 720)
    assert view.settled_to == FIRST_S + 11


def test_a_version_that_fails_more_is_worse_for_good() -> None:
    judge = exposed(settings(ERRORS, LATENCY))
    for second in range(FIRST_S, FIRST_S + 4):
        feed(judge, second, [ends(40), ends(20, failed=True)], [ends(60)])
    assert judge.view().verdict is Verdict.WORSE
    assert figure(judge, "errors").verdict is Verdict.WORSE
    assert figure(judge, "latency.p90").verdict is not Verdict.WORSE
    alike(judge, range(FIRST_S + 4, FIRST_S + 60))
    assert judge.view().verdict is Verdict.WORSE
    assert not judge.view().gate


def test_a_slower_version_is_worse_by_its_latency() -> None:
    judge = exposed(settings(ERRORS, LATENCY))
    for second in range(FIRST_S, FIRST_S + 8):
        feed(judge, second, [ends(60, ms=140.0)], [ends(30, ms=75.0), ends(30, ms=90.0)])
    view = figure(judge, "latency.p90")
    assert judge.view().verdict is view.verdict is Verdict.WORSE
    assert view.comparison is Comparison.RANKS
    assert view.candidate_value == pytest.approx(140.0, rel=0.05)
    assert view.stable_value == pytest.approx(90.0, rel=0.05)
    assert view.difference == pytest.approx(0.55, abs=0.1)


def test_evidence_against_a_version_that_fails_less_never_comes() -> None:
    judge = exposed(settings(ERRORS))
    for second in range(FIRST_S, FIRST_S + 30):
        feed(judge, second, [ends(60)], [ends(55), ends(5, failed=True)])
    assert judge.view().log_e < 0.0
    assert judge.view().gate


def test_a_rate_is_shown_with_its_band_and_its_counts() -> None:
    judge = exposed(settings(ERRORS))
    for second in range(FIRST_S, FIRST_S + 10):
        feed(judge, second, [ends(98), ends(2, failed=True)], [ends(99), ends(1, failed=True)])
    view = figure(judge, "errors")
    assert (view.candidate_n, view.candidate_x, view.stable_n, view.stable_x) == (
        1000,
        20,
        1000,
        10,
    )
    assert (view.candidate_value, view.stable_value) == (0.02, 0.01)
    assert view.difference == pytest.approx(0.01)
    assert view.low is not None
    assert view.high is not None
    assert -0.01 < view.low < 0.01 < view.high < 0.05
    assert (view.limit, view.maximum, view.unit) == (0.02, None, Unit.PERCENT)
    assert view.comparison is Comparison.COUNTS
    assert view.age_s == pytest.approx(1.0, abs=0.05)
    assert view.needed_requests == pytest.approx(600, rel=0.5)


def test_testers_and_strangers_do_not_count() -> None:
    judge = exposed(settings(ERRORS))
    bad = news(FIRST_S, CANDIDATE, ends(50, failed=True))
    judge.take(replace(bad, tester=True))
    judge.take(replace(bad, intended="guard-r0", actual="guard-r0"))
    alike(judge, [FIRST_S])
    view = judge.view()
    assert (view.exposed, figure(judge, "errors").candidate_x) == (60, 0)


def test_an_answer_of_stable_is_a_failure_of_the_candidate_it_was_meant_for() -> None:
    judge = exposed(settings(ERRORS))
    judge.take(replace(news(FIRST_S, CANDIDATE, ends(5)), actual=STABLE))
    feed(judge, FIRST_S, [ends(55)], [ends(60)])
    view = figure(judge, "errors")
    assert (view.candidate_n, view.candidate_x, view.stable_x) == (60, 5, 0)


def test_the_gate_of_a_new_step_begins_anew_and_the_evidence_for_worse_stays() -> None:
    judge = exposed(settings(ERRORS))
    alike(judge, range(FIRST_S, FIRST_S + 10))
    before = judge.view()
    judge.weight_sent(FIRST_S + 10.1)
    judge.weight_acked(FIRST_S + 10.2, 7000, 2)
    view = judge.view()
    assert (before.gate, view.gate, view.requests_in_step) == (True, False, 0)
    assert view.exposed == before.exposed
    assert view.log_e == before.log_e
    assert figure(judge, "errors").log_e_gate == 0.0
    alike(judge, range(FIRST_S + 11, FIRST_S + 22))
    assert judge.view().gate


def test_a_weight_that_changes_inside_a_step_keeps_the_gate() -> None:
    judge = exposed(settings(ERRORS))
    alike(judge, range(FIRST_S, FIRST_S + 10))
    judge.weight_sent(FIRST_S + 10.1)
    judge.weight_acked(FIRST_S + 10.2, 4000, 1)
    assert judge.view().gate
    assert judge.view().requests_in_step == 600


def test_the_seconds_of_a_change_are_exposed_but_belong_to_no_window() -> None:
    judge = exposed(settings(ERRORS))
    feed(judge, FIRST_S - 1, [ends(30, failed=True)], [ends(30)])
    alike(judge, [FIRST_S])
    assert judge.view().exposed == judge.view().requests_in_step == 90
    assert figure(judge, "errors").candidate_x == 0


def test_at_full_weight_nothing_is_compared_and_one_request_is_enough() -> None:
    judge = exposed(settings(ERRORS, LATENCY), weight_bp=10_000)
    assert not judge.view().gate
    for second in range(FIRST_S, FIRST_S + 10):
        feed(judge, second, [ends(1, ms=500.0), ends(1, failed=True)], [])
    view = judge.view()
    assert view.gate
    assert view.log_e <= 0.0
    assert figure(judge, "errors").needed_requests is None


def test_a_kind_that_stable_does_not_have_is_not_asked_for() -> None:
    judge = exposed(settings(ERRORS, TTFT))
    alike(judge, range(FIRST_S, FIRST_S + 12))
    assert [view.name for view in judge.view().figures] == ["errors"]
    assert judge.view().gate


def test_a_p99_also_asks_for_the_tail() -> None:
    rule = FigureRule(name="latency.p99", worse_by=Amount(20.0, Unit.PERCENT))
    judge = exposed(settings(rule), baseline=3000)
    for second in range(FIRST_S, FIRST_S + 20):
        slow = [ends(57, ms=80.0), ends(3, ms=97.0)]
        feed(judge, second, [*slow, ends(3, ms=110.0)], [*slow, ends(3, ms=90.0)])
    assert figure(judge, "latency.p99").log_e_gate < math.log(20)
    assert not judge.view().gate


def test_without_figures_a_request_is_enough() -> None:
    judge = exposed(settings())
    assert not judge.view().gate
    alike(judge, [FIRST_S])
    assert judge.view().gate


def test_with_too_few_requests_before_nothing_is_compared_until_there_are_enough() -> None:
    judge = exposed(settings(ERRORS), baseline=30)
    for second in range(FIRST_S, FIRST_S + 3):
        feed(judge, second, [ends(40), ends(20, failed=True)], [ends(50)])
    assert judge.view().figures == ()
    assert (judge.view().gate, judge.view().log_e) == (False, 0.0)
    for second in range(FIRST_S + 3, FIRST_S + 8):
        feed(judge, second, [ends(40), ends(20, failed=True)], [ends(50)])
    assert judge.view().verdict is Verdict.WORSE
    assert figure(judge, "errors").candidate_n == 60 * 4


def test_requests_that_still_run_are_no_failures() -> None:
    judge = exposed(settings(ERRORS, breakage_errors=0.5), weight_bp=1000)
    for second in (FIRST_S, FIRST_S + 1):
        judge.take(news(second, STABLE, ends(50)))
        judge.take(news(second, CANDIDATE, ends(15, failed=True), started=40))
    judge.heartbeat(FIRST_S + 1)
    assert not judge.view().breakage


def test_a_lost_part_of_the_evidence_costs_windows_and_no_capital() -> None:
    judge = exposed(settings(ERRORS))
    alike(judge, range(FIRST_S, FIRST_S + 5))
    before = judge.view()
    judge.take(news(FIRST_S + 5, CANDIDATE, ends(50, failed=True), started=60))
    judge.drop_open()
    alike(judge, [FIRST_S + 6])
    view = judge.view()
    assert figure(judge, "errors").candidate_x == 0
    assert view.log_e < before.log_e + 0.1
    assert view.settled_to == FIRST_S + 6


def test_heartbeats_out_of_order_are_ignored() -> None:
    judge = exposed(settings(ERRORS))
    alike(judge, range(FIRST_S, FIRST_S + 3))
    before = judge.to_dict()
    judge.heartbeat(FIRST_S + 1)
    judge.heartbeat(FIRST_S + 2)
    assert judge.to_dict() == before


def test_settled_windows_are_handed_over_once() -> None:
    judge = exposed(settings(ERRORS, LATENCY))
    alike(judge, range(FIRST_S, FIRST_S + 3))
    records = judge.closed()
    assert [(r.number, r.first_s, r.last_s) for r in records] == [
        (1, FIRST_S, FIRST_S),
        (2, FIRST_S + 1, FIRST_S + 1),
        (3, FIRST_S + 2, FIRST_S + 2),
    ]
    assert (records[0].candidate_started, records[0].step, records[0].weight_bp) == (60, 1, 5000)
    forms = {reading.form for reading, _ in records[0].counts}
    assert forms == {Form.FAILED_OR_HUNG}
    assert len(records[0].durations) == 2
    assert json.loads(json.dumps(records[0].to_dict()))["started"] == [60, 60]
    assert judge.closed() == ()


def test_a_candidate_that_hangs_is_worse_at_the_deadline() -> None:
    judge = exposed(settings(ERRORS, LATENCY))
    for second in range(FIRST_S, FIRST_S + 6):
        judge.take(news(second, CANDIDATE, started=60))
        judge.take(news(second, STABLE, ends(60)))
        judge.heartbeat(second)
    assert judge.view().verdict is Verdict.WORSE
    assert judge.view().settled_to == FIRST_S + 3


def test_a_margin_as_a_ratio_follows_stables_rate() -> None:
    rule = FigureRule(name="errors", worse_by=Amount(1.5, Unit.RATIO))
    judge = exposed(settings(rule))
    for second in range(FIRST_S, FIRST_S + 5):
        feed(judge, second, [ends(90), ends(10, failed=True)], [ends(90), ends(10, failed=True)])
    assert figure(judge, "errors").limit == pytest.approx(0.05)


def test_capital_is_invested_as_minutes_and_steps_pass() -> None:
    quick, late = exposed(settings(ERRORS)), exposed(settings(ERRORS))
    bad = [ends(57), ends(3, failed=True)]
    feed(quick, FIRST_S, bad, [ends(60)])
    late.heartbeat(FIRST_S + 3599)
    late.weight_sent(FIRST_S + 3600.1)
    late.weight_acked(FIRST_S + 3600.2, 5000, 2)
    feed(late, FIRST_S + 3601, bad, [ends(60)])
    assert late.view().log_e > quick.view().log_e + 0.05


def test_a_state_of_something_else_is_refused() -> None:
    judge = exposed(settings(ERRORS))
    state = judge.to_dict()
    for key, value in (("exposed", "many"), ("candidate", 7), ("windower", []), ("broken", 1)):
        with pytest.raises(StatisticsError, match=f"cannot be read at `{key}`"):
            Judge.from_dict(settings(ERRORS), {**state, key: value})
