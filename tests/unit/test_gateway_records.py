"""Records: what was told can be read on from any cursor, and nothing counts without its mark."""

import json
import os
import time
from pathlib import Path

import pytest

from turnout.gateway.accesslog import Position
from turnout.gateway.marks import mark_of
from turnout.gateway.records import Place, Record, Records
from turnout.wire.evidence import Written, read_line


def a_record(number: int, *, service: str = "shop", watched: bool = True) -> Record:
    news: list[Written] = [news_of(number, service)]
    return Record(
        told=news if watched else [],
        others=[] if watched else news,
        complete_to=number,
        mark=mark_of(Position(1, 1, number), {}, is_whole=number == 1),
    )


def news_of(number: int, service: str) -> Written:
    return {
        "second": number,
        "service": service,
        "tester": False,
        "intended": f"{service}-r1",
        "actual": f"{service}-r1",
        "stratum": 0,
        "started": 1,
        "ended": [],
        "overdue": 0,
        "running": 0,
        "bytes_in": 0,
        "bytes_out": 0,
        "begun": [],
    }


def opened(folder: Path, *numbers: int) -> Records:
    records = Records(folder)
    records.begin()
    for number in numbers:
        records.append(a_record(number))
    return records


def read(records: Records, place: Place) -> list[int | None]:
    seen: list[int | None] = []
    while True:
        lines, behind = records.read(place)
        seen += [read_line(line).complete_to for line in lines]
        if behind == place:
            return seen
        place = behind


def cursors(folder: Path) -> list[str]:
    lines = (line for p in sorted(folder.iterdir()) for line in p.read_bytes().splitlines())
    return [json.loads(line)["cursor"] for line in lines if line.startswith(b'{"cursor"')]


def test_a_follower_goes_on_behind_its_cursor(tmp_path: Path) -> None:
    records = opened(tmp_path, 1, 2, 3)
    first, second, third = cursors(tmp_path)
    assert read(records, records.find(first)) == [2, 3]
    assert read(records, records.find(second)) == [3]
    assert read(records, records.find(third)) == []
    assert read(records, records.find(None)) == []


def test_a_follower_goes_over_to_the_next_piece(tmp_path: Path) -> None:
    records = opened(tmp_path, 1, 2)
    records.begin()
    records.append(a_record(3))
    assert read(records, records.find(cursors(tmp_path)[0])) == [2, 3]


def test_a_new_daemon_serves_the_cursors_of_the_last(tmp_path: Path) -> None:
    opened(tmp_path, 1, 2).close()
    later = opened(tmp_path, 3)
    assert read(later, later.find(cursors(tmp_path)[1])) == [3]


@pytest.mark.parametrize("cursor", ["1.1", "x", "", "17", "1.x"])
def test_a_cursor_that_was_never_given_is_a_lookup_error(tmp_path: Path, cursor: str) -> None:
    with pytest.raises(LookupError):
        opened(tmp_path, 1).find(cursor)


def test_a_cursor_of_the_future_is_a_lookup_error(tmp_path: Path) -> None:
    records = opened(tmp_path, 1)
    boot = cursors(tmp_path)[0].partition(".")[0]
    with pytest.raises(LookupError):
        records.find(f"{boot}.2")
    assert read(records, records.find(f"{boot}.0")) == [1]


def test_the_marks_of_the_last_piece_are_found_again(tmp_path: Path) -> None:
    opened(tmp_path, 1, 2).close()
    marks = Records(tmp_path).recover()
    assert [(mark.at, mark.is_whole) for mark in marks] == [((1, 1, 1), True), ((1, 1, 2), False)]


@pytest.mark.parametrize("back", range(1, 60))
def test_a_record_that_was_cut_by_a_crash_does_not_count(tmp_path: Path, back: int) -> None:
    opened(tmp_path, 1, 2).close()
    (path,) = tmp_path.iterdir()
    os.truncate(path, path.stat().st_size - back)
    assert [mark.at for mark in Records(tmp_path).recover()] == [(1, 1, 1)]
    assert cursors(tmp_path) == [cursors(tmp_path)[0]]


def test_a_piece_without_a_record_leaves_the_marks_before(tmp_path: Path) -> None:
    opened(tmp_path, 1).close()
    Records(tmp_path).begin()
    assert [mark.at for mark in Records(tmp_path).recover()] == [(1, 1, 1)]


def test_an_empty_folder_has_no_marks(tmp_path: Path) -> None:
    assert Records(tmp_path).recover() == []


def test_unwatched_services_are_kept_and_not_told(tmp_path: Path) -> None:
    records = opened(tmp_path, 1)
    records.append(a_record(2, service="desk", watched=False))
    lines, _ = records.read(records.find(cursors(tmp_path)[0]))
    assert [read_line(line).increments for line in lines] == [()]
    past = [read_line(line) for line in records.past("desk", 0)()]
    assert [i.second for line in past for i in line.increments] == [2]


def test_the_past_of_a_service_ends_with_the_newest_cursor(tmp_path: Path) -> None:
    records = opened(tmp_path, 1, 2)
    reading = records.past("shop", 2)
    records.append(a_record(3))
    past = [read_line(line) for line in reading()]
    assert [i.second for line in past for i in line.increments] == [2]
    assert read(records, records.find(past[-1].cursor)) == [3]


def test_a_piece_is_full_after_ten_minutes(tmp_path: Path) -> None:
    records = opened(tmp_path, 1)
    assert not records.is_full


def test_old_pieces_go_and_their_cursors_with_them(tmp_path: Path) -> None:
    old = int(time.time()) - 9000
    for boot in (old, old + 600):
        (tmp_path / f"{boot}.ndjson").write_bytes(b"")
    records = opened(tmp_path, 1)
    assert [path.stem for path in sorted(tmp_path.iterdir())][:-1] == [str(old + 600)]
    with pytest.raises(LookupError):
        records.find(f"{old}.1")


def test_reading_a_piece_that_went_is_a_lookup_error(tmp_path: Path) -> None:
    with pytest.raises(LookupError):
        opened(tmp_path, 1).read(Place(5, 0))
