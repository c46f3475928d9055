"""What one request counts as, at each age: failed, decided, how long, still running."""

from dataclasses import replace

import pytest

from turnout.statistics.ages import Ages, age_bin, age_s, ages_of, lag_s, thinned
from turnout.statistics.bins import bin_of
from turnout.statistics.increment import Begun, Ended, Increment, Outcome, StreamEnd
from turnout.statistics.past import Past
from turnout.statistics.reading import Form, Reading
from turnout.statistics.settings import Quantity
from turnout.statistics.tally import Tally
from turnout.statistics.window import Pair

SECOND = bin_of(1000.0)
WHOLE = Ended(
    outcome=Outcome.OK,
    streamed=False,
    end=StreamEnd.NONE,
    attempts=1,
    ttft_bin=None,
    duration_bin=150,
    chunks_bin=None,
    tpot_bin=None,
    n=1,
)
STREAM = replace(
    WHOLE, streamed=True, end=StreamEnd.DONE, ttft_bin=140, duration_bin=230, tpot_bin=110
)
LATE = 300


def told(
    *ended: Ended, started: int = 0, overdue: int = 0, begun: tuple[Begun, ...] = ()
) -> Increment:
    return Increment(
        second=1000,
        service="guard",
        tester=False,
        intended="guard-r2",
        actual="guard-r2",
        stratum=0,
        started=started or sum(item.n for item in ended),
        ended=ended,
        overdue=overdue,
        running=0,
        bytes_in=0,
        bytes_out=0,
        begun=begun,
    )


def tally(*increments: Increment) -> Tally:
    made = Tally()
    for increment in increments:
        made.take(increment)
    return made


FAILURES = {
    "a whole answer": (WHOLE, 0),
    "a refused connection": (replace(WHOLE, outcome=Outcome.FAILED), 1),
    "a wrong request": (replace(WHOLE, outcome=Outcome.REFUSED), 0),
    "a user who left": (replace(WHOLE, outcome=Outcome.USER_LEFT), 0),
    "our own configuration": (replace(WHOLE, outcome=Outcome.MISROUTED), 0),
    "a second attempt": (replace(WHOLE, attempts=2), 1),
    "a whole stream": (STREAM, 0),
    "a stream reset before its body": (
        replace(STREAM, outcome=Outcome.FAILED, end=StreamEnd.NONE, ttft_bin=None),
        1,
    ),
    "a stream cut in its body": (replace(STREAM, outcome=Outcome.FAILED, end=StreamEnd.CUT), 0),
}


@pytest.mark.parametrize(("ended", "failed"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_is_what_its_version_is_to_blame_for(ended: Ended, failed: int) -> None:
    assert tally(told(ended)).failures(LATE, hung=True) == (1, failed)


BROKEN = {
    "whole": (STREAM, (1, 0)),
    "cut": (replace(STREAM, outcome=Outcome.FAILED, end=StreamEnd.CUT), (1, 1)),
    "without its end mark": (replace(STREAM, end=StreamEnd.OPEN), (1, 1)),
    "left by the user": (replace(STREAM, outcome=Outcome.USER_LEFT, end=StreamEnd.CUT), (1, 0)),
    "never begun": (replace(STREAM, outcome=Outcome.FAILED, ttft_bin=None), (0, 0)),
    "asked twice": (replace(STREAM, attempts=2), (0, 0)),
    "no stream": (WHOLE, (0, 0)),
}


@pytest.mark.parametrize(("ended", "counted"), BROKEN.values(), ids=BROKEN.keys())
def test_a_stream_is_broken_after_its_body_began(ended: Ended, counted: tuple[int, int]) -> None:
    assert tally(told(ended)).breaks(LATE, hung=True) == counted


def test_an_answer_of_another_version_is_a_failure_of_the_intended_one() -> None:
    misplaced = replace(told(WHOLE, STREAM), actual="guard-r1")
    seen = tally(misplaced)
    assert seen.failures(LATE, hung=True) == (2, 2)
    assert seen.durations(LATE) == {}
    assert seen.breaks(LATE, hung=True) == (0, 0)


def test_a_failure_counts_from_the_age_at_which_it_is_known() -> None:
    late = replace(WHOLE, outcome=Outcome.FAILED, duration_bin=250)
    seen = tally(told(late, WHOLE))
    assert seen.failures(249, hung=False) == (2, 0)
    assert seen.failures(250, hung=False) == (2, 1)


def test_what_still_runs_at_the_deadline_has_failed() -> None:
    seen = tally(told(WHOLE, started=5))
    assert seen.running == 4
    assert seen.failures(LATE, hung=True) == (5, 4)
    assert seen.failures(LATE, hung=False) == (5, 0)


def test_an_answer_after_the_deadline_has_failed_all_the_same() -> None:
    seen = tally(told(replace(WHOLE, duration_bin=LATE + 1)))
    assert seen.failures(LATE, hung=True) == (1, 1)


def test_what_is_overdue_runs_no_more_but_was_not_decided() -> None:
    seen = tally(told(WHOLE, started=3, overdue=2))
    assert seen.running == 0
    assert seen.failures(LATE, hung=True) == (3, 2)


def test_a_duration_beyond_the_age_is_cut_there() -> None:
    seen = tally(told(WHOLE, replace(WHOLE, duration_bin=260, n=2), started=6))
    assert seen.durations(LATE) == {150: 1, 260: 2, LATE + 1: 3}
    assert seen.durations(220) == {150: 1, 221: 5}


def test_durations_leave_out_what_failed_or_was_refused() -> None:
    seen = tally(
        told(
            replace(WHOLE, outcome=Outcome.FAILED),
            replace(WHOLE, outcome=Outcome.REFUSED),
            replace(WHOLE, outcome=Outcome.USER_LEFT, duration_bin=155),
        )
    )
    assert seen.durations(LATE) == {155: 1}


def test_the_first_byte_of_a_stream_is_known_when_it_ended() -> None:
    seen = tally(told(STREAM, started=2))
    assert seen.first_bytes(LATE) == {140: 1, LATE + 1: 1}
    assert seen.first_bytes(229) == {230: 2}


def test_a_stream_that_began_is_decided_before_it_ends() -> None:
    seen = tally(told(started=3, begun=(Begun(140, 1, 2), Begun(150, 2, 1))))
    assert seen.running == 3
    assert seen.failures(SECOND, hung=True) == (3, 1)
    assert seen.first_bytes(SECOND) == {140: 2}
    assert seen.breaks(SECOND, hung=True) == (2, 2)
    assert seen.breaks(SECOND, hung=False) == (2, 0)
    assert seen.durations(SECOND) == {}


def test_the_end_of_a_stream_that_was_told_before_counts_once() -> None:
    ended = replace(STREAM, begun=True)
    seen = tally(told(started=1, begun=(Begun(140, 1, 1),)), replace(told(ended), started=0))
    assert seen.running == 0
    assert seen.failures(LATE, hung=True) == (1, 0)
    assert seen.first_bytes(LATE) == {140: 1}
    assert seen.breaks(LATE, hung=True) == (1, 0)
    assert seen.token_times(LATE) == {110: 1}


def test_streams_not_ended_by_the_age_are_the_slowest_by_token() -> None:
    seen = tally(told(STREAM, started=2, begun=(Begun(140, 1, 1),)))
    assert seen.token_times(LATE) == {110: 1, 399: 1}
    assert seen.token_times(229, 401) == {401: 2}


def test_a_stream_of_one_chunk_has_no_time_per_token() -> None:
    assert tally(told(replace(STREAM, tpot_bin=None))).token_times(LATE) == {}


def test_seconds_add_up_and_are_saved_whole() -> None:
    one, both = tally(told(WHOLE, STREAM, started=4)), Tally()
    both.add(one)
    both.add(one)
    again = Tally.from_dict(both.to_dict())
    assert again.to_dict() == both.to_dict()
    assert again.failures(LATE, hung=True) == (8, 4)
    assert again.durations(LATE) == {150: 2, LATE + 1: 4}
    assert (again.started, again.gone) == (8, 4)


def test_the_candidate_is_shifted_first_and_then_cut() -> None:
    pair = Pair()
    slow = told(replace(WHOLE, duration_bin=222), started=2)
    pair.take(slow, candidate=True)
    pair.take(slow, candidate=False)
    reading = Reading(quantity=Quantity.LATENCY, form=Form.DURATIONS, age_bin=220, shift_bins=2)
    seen = reading.durations(pair)
    assert (seen.candidate, seen.stable) == ({222: 1, 223: 1}, {221: 2})
    assert (reading.waited_bin, reading.tops) == (222, (223, 221))


def test_requests_above_a_limit_include_those_still_running() -> None:
    pair = Pair()
    pair.take(told(WHOLE, replace(WHOLE, duration_bin=170), started=3), candidate=True)
    reading = Reading(quantity=Quantity.LATENCY, form=Form.ABOVE, age_bin=SECOND, limit_bin=169)
    cell = reading.cell(pair)
    assert (cell.n_c, cell.x_c, cell.n_s, cell.x_s) == (3, 2, 0, 0)
    at_limit = replace(reading, limit_bin=170)
    assert at_limit.cell(pair).x_c == 1


def test_a_reading_is_saved_whole() -> None:
    reading = Reading(
        quantity=Quantity.TPOT, form=Form.ABOVE, age_bin=230, shift_bins=3, limit_bin=99
    )
    assert Reading.from_dict(reading.to_dict()) == reading
    assert reading.tops == (402, 399)
    assert reading.of_durations().form is Form.DURATIONS


def past_of(durations: dict[int, int], **changes: object) -> Past:
    past = Past()
    past.take(told(*(replace(WHOLE, duration_bin=at, n=n) for at, n in durations.items())))
    assert changes == {}
    return past


def ages(past: Past, *, timeout_s: float = 300.0) -> Ages:
    found = ages_of(past, Quantity.LATENCY, floor_ms=2.0, timeout_s=timeout_s)
    assert found is not None
    return found


def test_a_fast_service_keeps_the_deadline_of_one_second_alone() -> None:
    found = ages(past_of({150: 1000}))
    assert found.of_rate() == found.of_durations() == (bin_of(1002.0),)
    assert found.p99_bin == 150


def test_a_slow_service_has_three_ages_for_failures_and_two_for_durations() -> None:
    found = ages(past_of({bin_of(8000.0): 800, bin_of(50_000.0): 200}))
    assert found.middle_bin == bin_of(8000.0)
    assert found.late_bin == bin_of(50_000.0)
    assert age_s(found.deadline_bin, 2.0) == pytest.approx(3 * 50, rel=0.1)
    assert found.of_rate() == (bin_of(1002.0), found.middle_bin, found.deadline_bin)
    assert found.of_durations() == (found.middle_bin, found.late_bin)


def test_no_age_is_longer_than_the_route_waits() -> None:
    found = ages(past_of({bin_of(50_000.0): 1000}), timeout_s=60.0)
    assert found.deadline_bin == bin_of(60_002.0)
    assert found.late_bin <= found.deadline_bin


def test_a_quantity_that_stable_does_not_have_has_no_ages() -> None:
    found = ages_of(past_of({150: 10}), Quantity.TTFT, floor_ms=2.0, timeout_s=60.0)
    assert found is None


def test_of_close_ages_the_longest_is_kept() -> None:
    assert thinned((212, 220, 227)) == (227,)
    assert thinned((212, 228, 243)) == (212, 243)
    assert thinned((212, 228, 244)) == (212, 228, 244)


def test_an_age_of_one_second_is_complete_one_second_later() -> None:
    assert lag_s(age_bin(1.0, 2.0), 2.0) == 1
    assert lag_s(age_bin(3.0, 2.0), 2.0) == 3
    assert lag_s(0, 0.0) == 0


def test_the_ages_are_saved_as_a_whole() -> None:
    found = ages(past_of({240: 900, 280: 100}))
    assert Ages.from_dict(found.to_dict()) == found
    assert Ages.from_dict(replace(found, p99_bin=None).to_dict()).p99_bin is None


def test_the_past_keeps_ten_minutes_of_a_busy_service() -> None:
    past = Past()
    for second in range(1200, 1200 + 1800, 60):
        past.take(replace(told(replace(WHOLE, n=500)), second=second))
    assert 10 * 500 <= past.requests <= 12 * 500
    assert past.is_enough


def test_the_past_keeps_more_of_a_quiet_service() -> None:
    past = Past()
    for second in range(1200, 1200 + 3600, 60):
        past.take(replace(told(WHOLE), second=second))
    assert past.requests == 60
    assert not past.is_enough


def test_the_past_tells_kinds_strata_and_failures_apart() -> None:
    past = Past()
    past.take(told(WHOLE, STREAM, replace(WHOLE, outcome=Outcome.FAILED)))
    past.take(replace(told(replace(WHOLE, duration_bin=180, attempts=2)), stratum=3))
    past.take(told(replace(STREAM, end=StreamEnd.OPEN), begun=(Begun(141, 1, 1),)))
    past.take(told(replace(STREAM, begun=True)))
    assert past.values(Quantity.LATENCY) == {0: {150: 1}, 3: {180: 1}}
    assert past.values(Quantity.TTFT) == {0: {140: 2, 141: 1}}
    assert past.values(Quantity.TPOT) == {0: {110: 2}}
    assert past.failures(Quantity.ERRORS) == 2
    assert past.failures(Quantity.STREAM_ERRORS) == 1
    assert sum(past.decided(Quantity.ERRORS).values()) == past.requests == 6


def test_the_past_is_saved_whole() -> None:
    past = past_of({150: 300, 170: 5})
    again = Past.from_dict(past.to_dict())
    assert again.to_dict() == past.to_dict()
    assert again.requests == 305
