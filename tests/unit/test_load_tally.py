"""The users' counts add up, by kind, version and period, and failures keep their times."""

import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.testing.load_tally import (
    Counts,
    Ended,
    Kind,
    LoadTally,
    Outcome,
    Quantiles,
    counts_fields,
    report_line,
)

BEGAN_AT_S = 1_700_000_060.0


def an_end(
    outcome: Outcome = Outcome.WHOLE,
    *,
    kind: Kind = Kind.ANSWER,
    version: str = "v1",
    after_s: float = 0.0,
    reason: str = "",
) -> Ended:
    return Ended(
        kind=kind,
        outcome=outcome,
        began_at_s=BEGAN_AT_S + after_s,
        duration_ms=60.0,
        ttft_ms=20.0,
        version=version,
        reason=reason,
    )


def tallied(ends: Iterable[Ended], *, period_s: int = 1) -> LoadTally:
    tally = LoadTally(period_s=period_s)
    for end in ends:
        tally.sent(end.kind)
        tally.ended(end)
    return tally


ENDS = st.lists(
    st.builds(
        an_end,
        st.sampled_from(Outcome),
        kind=st.sampled_from(Kind),
        version=st.sampled_from(["v1", "v2"]),
        after_s=st.floats(0, 5),
    )
)


@given(ENDS)
def test_kinds_versions_and_periods_each_add_up_to_all(ends: list[Ended]) -> None:
    report = tallied(ends).report(began_at_s=BEGAN_AT_S, ended_at_s=BEGAN_AT_S + 5)
    totals = counts_fields(report.counts)
    assert totals["sent"] == len(ends)
    assert totals["open"] == 0
    of_periods = [period.counts for period in report.periods]
    for parts in (report.kinds.values(), report.versions.values(), of_periods):
        fields = [counts_fields(part) for part in parts]
        assert {name: sum(part[name] for part in fields) for name in totals} == totals


def test_a_request_without_an_end_is_open() -> None:
    tally = tallied([an_end()])
    tally.sent(Kind.STREAM)
    assert tally.counts() == Counts(sent=2, whole=1)
    assert tally.counts().open == 1


def test_requests_are_counted_in_the_period_in_which_they_began() -> None:
    ends = [an_end(after_s=0), an_end(after_s=59.9), an_end(after_s=60.1, version="v2")]
    report = tallied(ends, period_s=60).report(began_at_s=BEGAN_AT_S, ended_at_s=BEGAN_AT_S)
    seen = [(period.at_s, period.version, period.counts.whole) for period in report.periods]
    assert seen == [(1_700_000_040, "v1", 1), (1_700_000_100, "v1", 1), (1_700_000_100, "v2", 1)]


def test_the_first_and_the_last_failures_are_kept() -> None:
    ends = [an_end(Outcome.LOST, after_s=n, reason="status 503") for n in range(20)]
    report = tallied(ends).report(began_at_s=BEGAN_AT_S, ended_at_s=BEGAN_AT_S)
    first = [end.began_at_s - BEGAN_AT_S for end in report.first_failures]
    last = [end.began_at_s - BEGAN_AT_S for end in report.last_failures]
    assert (first, last) == ([0, 1, 2, 3, 4], [15, 16, 17, 18, 19])
    assert report.reasons == {"status 503": 20}


def test_only_whole_answers_are_timed_and_streams_to_their_first_token_too() -> None:
    ends = [an_end(), an_end(kind=Kind.STREAM), an_end(Outcome.CUT, kind=Kind.STREAM)]
    report = tallied(ends).report(began_at_s=BEGAN_AT_S, ended_at_s=BEGAN_AT_S)
    measured = [(latency.measure, latency.n) for latency in report.latencies]
    assert measured == [("answer", 1), ("stream", 1), ("ttft", 1)]
    assert report.latencies[2].p50_ms == pytest.approx(20, rel=0.005)


def test_the_longest_stall_of_the_load_itself_is_kept() -> None:
    tally = LoadTally()
    for late_ms in (1.0, 250.04, 3.0):
        tally.was_late(late_ms)
    assert tally.report(began_at_s=BEGAN_AT_S, ended_at_s=BEGAN_AT_S).late_ms == 250.0


def test_a_report_is_one_line_of_json() -> None:
    tally = tallied([an_end(), an_end(Outcome.CUT, kind=Kind.STREAM, reason="no [DONE]")])
    line = report_line(tally.report(began_at_s=BEGAN_AT_S, ended_at_s=BEGAN_AT_S + 1))
    said = json.loads(line)
    assert "\n" not in line
    assert said["counts"] == {"sent": 2, "whole": 1, "lost": 0, "cut": 1, "open": 0}
    assert said["versions"]["v1"] == said["counts"]
    assert said["kinds"]["stream"]["cut"] == 1
    assert said["periods"] == [{"at_s": int(BEGAN_AT_S), "version": "v1", **said["counts"]}]
    assert said["first_failures"][0]["reason"] == "no [DONE]"


@given(st.lists(st.floats(0.01, 100_000), min_size=1), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_quantile_is_right_within_half_a_percent(times_ms: list[float], ratio: float) -> None:
    quantiles = Quantiles()
    for time_ms in times_ms:
        quantiles.add(time_ms)
    ordered = sorted(times_ms)
    rank = next(n for n in range(1, len(ordered) + 1) if n >= ratio * len(ordered))
    assert quantiles.at(ratio) == pytest.approx(ordered[rank - 1], rel=0.005, abs=0.001)


def test_a_quantile_of_nothing_is_zero() -> None:
    assert Quantiles().at(0.5) == 0
