"""When windows close, which seconds they hold, and when they are old enough."""

import pytest

from turnout.statistics.docket import Docket
from turnout.statistics.increment import Ended, Increment, Outcome, StreamEnd
from turnout.statistics.window import Span, Window
from turnout.statistics.windower import Windower

STEP_S = 1000


def news(second: int, started: int, *, ended: int = 0, stratum: int = 0) -> Increment:
    done = Ended(
        outcome=Outcome.OK,
        streamed=False,
        end=StreamEnd.NONE,
        attempts=1,
        ttft_bin=None,
        duration_bin=150,
        chunks_bin=None,
        tpot_bin=None,
        n=ended,
    )
    return Increment(
        second=second,
        service="guard",
        tester=False,
        intended="guard-r2",
        actual="guard-r2",
        stratum=stratum,
        started=started,
        ended=(done,) if ended else (),
        overdue=0,
        running=0,
        bytes_in=0,
        bytes_out=0,
    )


def span(first_s: int = STEP_S, *, weight_bp: int = 1000, step: int = 1) -> Span:
    return Span(first_s=first_s, last_s=None, weight_bp=weight_bp, step=step, step_first_s=STEP_S)


def windower(weight_bp: int = 1000) -> Windower:
    made = Windower()
    made.begin(span(weight_bp=weight_bp))
    return made


def tell(to: Windower, second: int, candidate: int, stable: int, stratum: int = 0) -> None:
    if candidate:
        to.take(news(second, candidate, stratum=stratum), candidate=True)
    if stable:
        to.take(news(second, stable, stratum=stratum), candidate=False)


def bounds(windows: list[Window]) -> list[tuple[int, int]]:
    return [(window.first_s, window.last_s) for window in windows]


def test_a_window_closes_when_both_have_started_three() -> None:
    to = windower()
    for second, candidate in ((1000, 2), (1001, 1), (1002, 3)):
        tell(to, second, candidate, 50)
    assert bounds(to.advance(1002)) == [(1000, 1001), (1002, 1002)]


def test_nothing_closes_before_every_start_is_known() -> None:
    to = windower()
    tell(to, 1000, 5, 5)
    tell(to, 1001, 5, 5)
    assert bounds(to.advance(999)) == []
    assert bounds(to.advance(1000)) == [(1000, 1000)]
    assert to.complete_to == 1000


def test_after_a_minute_one_request_of_each_is_enough() -> None:
    to = windower()
    tell(to, 1000, 1, 1)
    assert bounds(to.advance(1058)) == []
    assert bounds(to.advance(1059)) == [(1000, 1059)]


def test_a_minute_without_a_candidate_closes_nothing() -> None:
    to = windower()
    tell(to, 1000, 0, 9)
    assert bounds(to.advance(1070)) == []
    tell(to, 1071, 1, 0)
    assert bounds(to.advance(1071)) == [(1000, 1071)]


def test_windows_are_ten_seconds_long_after_the_first_minute() -> None:
    to = windower()
    for second in range(1000, 1085):
        tell(to, second, 5, 5)
    closed = bounds(to.advance(1084))
    assert closed[:60] == [(second, second) for second in range(1000, 1060)]
    assert closed[60:] == [(1060, 1069), (1070, 1079)]


def test_windows_at_full_weight_need_the_candidate_alone_and_grow_while_baking() -> None:
    to = windower(weight_bp=10_000)
    for second in range(1000, 1720):
        tell(to, second, 5, 0)
    closed = bounds(to.advance(1719))
    assert closed[0] == (1000, 1000)
    assert closed[-2:] == [(1600, 1659), (1660, 1719)]


def test_no_window_is_made_without_weight() -> None:
    to = windower(weight_bp=0)
    tell(to, 1000, 5, 5)
    assert bounds(to.advance(1005)) == []


def test_a_weight_that_ends_closes_the_window_with_its_last_second() -> None:
    to = windower()
    for second in range(1000, 1004):
        tell(to, second, 1 if second == 1000 else 0, 9)
    to.end(1001)
    to.begin(span(1003, weight_bp=3000, step=2))
    assert bounds(to.advance(1003)) == [(1000, 1001)]


def test_a_window_that_lacks_a_version_ends_unused_with_its_weight() -> None:
    to = windower()
    tell(to, 1000, 0, 9)
    to.end(1000)
    to.begin(span(1002, step=2))
    tell(to, 1002, 3, 3)
    assert bounds(to.advance(1002)) == [(1002, 1002)]


def test_seconds_that_a_change_touches_belong_to_no_window() -> None:
    to = windower()
    to.end(1000)
    to.begin(span(1003, step=2))
    for second in range(1000, 1004):
        tell(to, second, 5, 5)
    closed = to.advance(1003)
    assert bounds(closed) == [(1000, 1000), (1003, 1003)]
    assert [window.span.step for window in closed] == [1, 2]
    assert [window.number for window in closed] == [1, 2]


def test_each_stratum_closes_by_its_own_counts() -> None:
    to = windower()
    for second in (1000, 1001):
        tell(to, second, 3, 3)
        tell(to, second, 2, 2, stratum=2)
    closed = to.advance(1001)
    assert [(w.stratum, w.first_s, w.last_s) for w in closed] == [
        (0, 1000, 1000),
        (0, 1001, 1001),
        (2, 1000, 1001),
    ]


def test_news_of_an_open_window_join_it_and_older_ones_do_not() -> None:
    to = windower()
    tell(to, 1001, 1, 1)
    to.advance(1002)
    assert to.take(news(1001, 0, ended=1), candidate=True)
    assert not to.take(news(1000, 1), candidate=True)
    tell(to, 1003, 2, 2)
    (window,) = to.advance(1003)
    assert window.known.candidate.gone == 1
    assert not to.take(news(1001, 0, ended=1), candidate=True)


def test_a_lost_part_of_the_evidence_leaves_no_seconds_behind() -> None:
    to = windower()
    tell(to, 1000, 1, 1)
    to.advance(1000)
    tell(to, 1001, 9, 9)
    to.drop()
    tell(to, 1001, 9, 9)
    tell(to, 1002, 3, 3)
    assert bounds(to.advance(1002)) == [(1002, 1002)]


def test_a_lost_part_before_anything_was_told_changes_nothing() -> None:
    to = windower()
    to.drop()
    assert to.complete_to is None


@pytest.mark.parametrize("until_s", [999, 1000, 1001, 1003])
def test_a_windower_is_saved_whole(until_s: int) -> None:
    to = windower()
    for second in range(1000, 1005):
        tell(to, second, 2, 9)
    to.advance(until_s)
    to.end(1003)
    again = Windower.from_dict(to.to_dict())
    assert again.to_dict() == to.to_dict()
    assert bounds(again.advance(1004)) == bounds(to.advance(1004))


def closed_window(*, running: int = 1) -> Window:
    window = Window(span(), 0, 1000)
    window.extend(1000, None)
    window.number = 1
    window.known.take(news(1000, 5, ended=5 - running), candidate=True)
    return window


def test_a_window_is_settled_when_its_age_has_passed() -> None:
    docket = Docket()
    docket.add([closed_window()])
    assert list(docket.due(212, 1001, 2)) == []
    assert len(list(docket.due(212, 1002, 2))) == 1
    assert list(docket.due(212, 1003, 2)) == []


def test_a_window_is_settled_at_once_when_nothing_runs_any_more() -> None:
    docket = Docket()
    docket.add([closed_window(running=0)])
    assert len(list(docket.due(300, 1000, 60))) == 1


def test_a_window_waits_for_the_one_before() -> None:
    docket, second = Docket(), closed_window(running=0)
    second.number = 2
    docket.add([closed_window(), second])
    assert list(docket.due(212, 1000, 2)) == []


def test_a_window_is_handed_over_when_every_age_has_settled_it() -> None:
    docket = Docket()
    docket.add([closed_window()])
    list(docket.due(212, 1002, 2))
    assert docket.retire([212, 250]) == []
    assert docket.settled_to is None
    list(docket.due(250, 1005, 5))
    (record,) = docket.retire([212, 250])
    assert (record.number, record.first_s, record.last_s) == (1, 1000, 1000)
    assert (record.candidate_started, record.stable_started) == (5, 0)
    assert docket.settled_to == 1000


def test_news_of_a_closed_window_still_join_it() -> None:
    docket = Docket()
    docket.add([closed_window()])
    docket.take(news(1000, 0, ended=1), candidate=True)
    assert len(list(docket.due(212, 1000, 9))) == 1
    assert docket.late == 0


def test_starts_told_after_the_settlement_are_counted_and_ignored() -> None:
    docket = Docket()
    docket.add([closed_window()])
    docket.take(news(1000, 2, stratum=1), candidate=True)
    docket.take(news(1001, 3), candidate=True)
    assert docket.late == 5


def test_dropped_windows_are_never_due() -> None:
    docket = Docket()
    docket.add([closed_window()])
    docket.drop()
    assert list(docket.due(212, 2000, 1)) == []
    assert docket.retire([212]) == []


def test_a_docket_is_saved_whole() -> None:
    docket = Docket()
    docket.add([closed_window()])
    list(docket.due(212, 1002, 2))
    docket.take(news(999, 3), candidate=False)
    again = Docket.from_dict(docket.to_dict())
    assert again.to_dict() == docket.to_dict()
    assert list(again.due(212, 1002, 2)) == []
    assert len(list(again.due(250, 1002, 2))) == 1
