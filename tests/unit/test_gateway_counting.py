"""Lines become increments: each request is started once and ended once."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.gateway.accesslog import Position
from turnout.gateway.counting import Counting, Frozen
from turnout.gateway.lines import Line
from turnout.gateway.marks import mark_of, read_back
from turnout.statistics.bins import bin_of
from turnout.statistics.increment import Increment, Outcome, StreamEnd

SECOND = 1_700_000_000
BEGAN_US = SECOND * 1_000_000 + 250_000
SLOW = Frozen(floor_ms=2.0, deadline_s=3.0)


def a_line(**changed: object) -> Line:
    fields: dict[str, object] = {
        "began_us": BEGAN_US,
        "ends": True,
        "route": "shop",
        "cluster": "shop.r2",
        "actual": "shop-r2",
        "code": 200,
        "flags": "-",
        "attempts": 1,
        "first_us": 30_000,
        "total_us": 530_000,
        "bytes_in": 7,
        "bytes_out": 11,
        "mark": "-",
        "length_bytes": None,
        "request_id": "one",
    }
    return Line(**(fields | changed))  # type: ignore[arg-type]  # by name


def still(**changed: object) -> Line:
    return a_line(ends=False, code=0, total_us=None, **changed)


def counted(*lines: Line, counting: Counting | None = None) -> list[Increment]:
    counting = counting or Counting(lambda *_: True)
    for line in lines:
        counting.take(line, BEGAN_US + 1_000_000)
    return counting.drain(BEGAN_US + 1_000_000)


def test_an_answer_is_started_and_ended_in_the_second_of_its_start() -> None:
    (found,) = counted(a_line())
    assert (found.second, found.service, found.intended, found.actual) == (
        SECOND, "shop", "shop-r2", "shop-r2",
    )  # fmt: skip
    assert (found.started, found.running, found.bytes_in, found.bytes_out) == (1, 0, 7, 11)
    (ended,) = found.ended
    assert (ended.outcome, ended.streamed, ended.end) == (Outcome.OK, False, StreamEnd.NONE)
    assert (ended.ttft_bin, ended.duration_bin) == (None, bin_of(532.0))


def test_a_stream_has_bins_of_its_first_byte_chunks_and_tokens() -> None:
    (found,) = counted(a_line(mark="done:21"))
    (ended,) = found.ended
    assert (ended.streamed, ended.end) == (True, StreamEnd.DONE)
    assert (ended.ttft_bin, ended.chunks_bin) == (bin_of(32.0), bin_of(21.0))
    assert ended.tpot_bin == bin_of(25.0)


def test_requests_that_ended_alike_are_one_entry() -> None:
    (found,) = counted(a_line(), a_line(request_id="two"), a_line(request_id="three", code=500))
    assert found.started == 3
    assert sorted((e.outcome, e.n) for e in found.ended) == [
        (Outcome.FAILED, 1),
        (Outcome.OK, 2),
    ]


def test_a_request_that_runs_is_started_once_and_ends_once() -> None:
    counting = Counting(lambda *_: True)
    (first,) = counted(still(), counting=counting)
    assert (first.started, first.running, first.ended) == (1, 1, ())
    assert counted(still(), counting=counting) == []
    (last,) = counted(a_line(), counting=counting)
    assert (last.started, last.running, len(last.ended)) == (0, 0, 1)


def test_a_stream_that_runs_tells_of_its_first_byte_once() -> None:
    counting = Counting(lambda *_: True)
    (first,) = counted(still(mark="cut:0", first_us=None), counting=counting)
    assert first.begun == ()
    (second,) = counted(still(mark="cut:0"), still(mark="cut:0"), counting=counting)
    assert [(b.ttft_bin, b.attempts, b.n) for b in second.begun] == [(bin_of(32.0), 1, 1)]
    (last,) = counted(a_line(mark="done:21"), counting=counting)
    assert [e.begun for e in last.ended] == [True]


def test_an_answer_that_runs_has_no_first_byte_to_tell() -> None:
    (found,) = counted(still())
    assert found.begun == ()


def test_a_request_that_is_overdue_is_told_once_and_then_forgotten() -> None:
    counting = Counting(lambda *_: True)
    counting.frozen = {"shop": SLOW}
    counted(still(), counting=counting)
    (late,) = counting.drain(BEGAN_US + 3_100_000)
    assert (late.overdue, late.running, late.started) == (1, 0, 0)
    assert counting.drain(BEGAN_US + 4_000_000) == []
    assert counted(still(), a_line(), counting=counting) == []
    assert counting.runs() == {}


def test_a_request_that_fell_back_keeps_the_set_that_was_intended() -> None:
    (found,) = counted(a_line(actual="shop-r1", attempts=2))
    assert (found.intended, found.actual, found.ended[0].attempts) == ("shop-r2", "shop-r1", 2)


def test_a_request_that_reached_nobody_is_the_intended_sets_own() -> None:
    (found,) = counted(a_line(actual="", code=503, flags="UF"))
    assert (found.intended, found.actual) == ("shop-r2", "shop-r2")


@pytest.mark.parametrize(
    ("changed", "is_urgent"),
    [
        ({"code": 500}, True),
        ({"attempts": 2}, True),
        ({"actual": "shop-r1"}, True),
        ({}, False),
        ({"code": 404}, False),
        ({"code": 500, "cluster": "shop.r1.own", "actual": "shop-r1"}, False),
    ],
    ids=["failed", "retried", "fell back", "well", "refused", "stable failed"],
)
def test_only_failures_of_a_watched_candidate_are_urgent(
    changed: dict[str, object],
    is_urgent: bool,  # noqa: FBT001 - a table
) -> None:
    counting = Counting(lambda service, name: (service, name) == ("shop", "shop-r2"))
    counting.frozen = {"shop": SLOW}
    counting.take(a_line(**changed), BEGAN_US)
    assert counting.is_urgent is is_urgent
    counting.drain(BEGAN_US)
    assert not counting.is_urgent


def test_nothing_of_an_unwatched_service_is_urgent() -> None:
    counting = Counting(lambda *_: True)
    counting.take(a_line(code=500), BEGAN_US)
    assert not counting.is_urgent


def test_what_ran_in_a_killed_envoy_ends_as_nobodys_fault() -> None:
    counting = Counting(lambda *_: True)
    counted(still(mark="cut:0"), still(request_id="two"), counting=counting)
    counting.abandon(BEGAN_US + 2_000_000)
    (found,) = counting.drain(BEGAN_US + 2_000_000)
    assert {e.outcome for e in found.ended} == {Outcome.MISROUTED}
    assert sum(e.n for e in found.ended) == 2
    assert found.running == 0


KINDS = st.sampled_from(["plain", "stream", "failed"])
REQUESTS = st.lists(st.tuples(KINDS, st.integers(0, 4), st.booleans()), max_size=12)


def history(requests: list[tuple[str, int, bool]]) -> list[Line]:
    """Periodic lines of each request, then its end, in turns."""
    rows: list[tuple[int, Line]] = []
    for number, (kind, beats, ends) in enumerate(requests):
        what: dict[str, object] = {"request_id": str(number), "began_us": BEGAN_US + number}
        what |= {"mark": "cut:0"} if kind == "stream" else {}
        rows += [(beat, still(**what)) for beat in range(beats)]
        if ends:
            code = 500 if kind == "failed" else 200
            done = {"mark": "done:3"} if kind == "stream" else {}
            rows.append((beats, a_line(code=code, **(what | done))))
    return [line for _, line in sorted(rows, key=lambda row: row[0])]


@given(requests=REQUESTS, cuts=st.sets(st.integers(0, 60)), deaths=st.sets(st.integers(0, 60)))
def test_whatever_restarts_between_lines_the_sums_are_the_same(
    requests: list[tuple[str, int, bool]], cuts: set[int], deaths: set[int]
) -> None:
    told: Counter[str] = Counter()
    counting, marks = Counting(lambda *_: True), [mark_of(Position(0, 0, 0), {}, is_whole=True)]
    for at, line in enumerate(history(requests)):
        counting.take(line, BEGAN_US)
        if at in cuts | deaths:
            told += sums(counting.drain(BEGAN_US))
            marks.append(mark_of(Position(1, 1, at), counting.changes(), is_whole=False))
        if at in deaths:
            counting = Counting(lambda *_: True)
            counting.restore(read_back(marks)[1])
    told += sums(counting.drain(BEGAN_US))
    assert told["started"] == sum(beats > 0 or ends for _, beats, ends in requests)
    assert told["ended"] == sum(ends for _, _, ends in requests)
    assert told["begun"] == sum(kind == "stream" and beats > 0 for kind, beats, _ in requests)


def sums(increments: list[Increment]) -> Counter[str]:
    return Counter(
        started=sum(i.started for i in increments),
        ended=sum(e.n for i in increments for e in i.ended),
        begun=sum(b.n for i in increments for b in i.begun),
    )


def test_a_whole_mark_forgets_what_was_before_it() -> None:
    counting = Counting(lambda *_: True)
    counted(still(), counting=counting)
    first = mark_of(Position(1, 1, 10), counting.changes(), is_whole=False)
    whole = mark_of(Position(1, 2, 0), {}, is_whole=True)
    assert read_back([first])[1] == counting.runs()
    assert read_back([first, whole]) == (Position(1, 2, 0), {})
