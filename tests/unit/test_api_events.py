"""The event stream: numbers, resuming, languages, and where it begins."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from tests.unit.api_stage import Stage, a_stage
from turnout.entrypoints.cli.calls import Body, Event
from turnout.entrypoints.cli.ending import ProblemError


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with a_stage(tmp_path) as stage:
        yield stage


def ask(stage: Stage, version: str = "v1") -> None:
    body = {"service": "shop", "version": version, "file": str(stage.file)}
    stage.socket.post("/releases", cast("Body", body), version)


def told(stage: Stage, target: str, last_phase: str, after: int | None = None) -> list[Event]:
    found = []
    for event in stage.socket.events(f"/api/v1{target}", after):
        found.append(event)
        if event.body.get("to_phase") == last_phase:
            return found
    raise AssertionError(f"the stream ended before {last_phase}")


def codes(events: list[Event]) -> list[str]:
    return [str(event.body["code"]) for event in events if event.kind in {"decision", "step"}]


def test_a_release_is_told_from_its_beginning(stage: Stage) -> None:
    ask(stage)
    events = told(stage, "/events?release=shop-1", "promoted")
    assert events[0].kind == "release"
    assert codes(events)[:3] == ["prepared", "ready", "verified"]
    assert codes(events)[-3:] == ["promoted", "baked", "retired"]


def test_a_late_watcher_is_told_the_same(stage: Stage) -> None:
    ask(stage)
    first = told(stage, "/events?release=shop-1", "promoted")
    again = told(stage, "/events?release=shop-1", "promoted")
    assert codes(again) == codes(first)


def test_a_service_stands_for_its_newest_release(stage: Stage) -> None:
    ask(stage)
    assert codes(told(stage, "/events?release=shop", "promoted"))[-1] == "retired"


def test_a_stream_goes_on_after_the_last_number_that_was_seen(stage: Stage) -> None:
    ask(stage)
    events = told(stage, "/events?release=shop-1", "promoted")
    at = codes(events).index("watching")
    seen = [e.number for e in events if e.kind in {"decision", "step"}][at]
    assert codes(told(stage, "/events?release=shop-1", "promoted", seen)) == codes(events)[at + 1 :]


def test_numbers_grow_and_are_those_of_the_audit_trail(stage: Stage) -> None:
    ask(stage)
    events = told(stage, "/events?release=shop-1", "promoted")
    numbers = [event.number for event in events if event.number is not None]
    assert all(a < b for a, b in itertools.pairwise(numbers))
    records = {record.seq: record for record in stage.store.tables.records}
    assert all(records[number].entry.object == "release/shop-1" for number in numbers)


def test_every_decision_is_told_in_both_languages(stage: Stage) -> None:
    ask(stage)
    events = told(stage, "/events?release=shop-1", "promoted")
    decisions = [event for event in events if event.kind in {"decision", "step", "release"}]
    assert all(event.body["en"] and event.body["zh"] for event in decisions)


def test_figures_come_without_a_number_and_with_the_release(stage: Stage) -> None:
    stage.judges.gate = False
    ask(stage)
    told(stage, "/events?release=shop-1", "promoted")
    ask(stage, "v2")
    for event in stage.socket.events("/api/v1/events?release=shop-2", None):
        if event.kind == "figures":
            view = cast("Body", event.body["view"])
            assert (event.number, view["id"]) == (None, "shop-2")
            return


def test_only_the_asked_for_release_is_told(stage: Stage) -> None:
    ask(stage)
    told(stage, "/events?release=shop-1", "promoted")
    ask(stage, "v2")
    events = told(stage, "/events?release=shop-2", "baking")
    assert {event.body["release"] for event in events} == {"shop-2"}


def test_a_stream_of_a_service_leaves_out_the_others(stage: Stage) -> None:
    ask(stage)
    events = told(stage, "/events?service=shop&after=0", "promoted")
    assert {event.body["service"] for event in events if event.kind != "figures"} == {"shop"}


def test_a_stream_ends_with_its_controller(stage: Stage) -> None:
    ask(stage)
    told(stage, "/events?release=shop-1", "promoted")
    stream = stage.socket.events("/api/v1/events?release=shop-1", None)
    assert next(stream).kind == "release"
    stage.end()
    assert list(stream)[-1].body.get("code") == "retired"


def test_a_number_that_is_none_is_a_mistake(stage: Stage) -> None:
    with pytest.raises(ProblemError) as raised:
        list(stage.socket.events("/api/v1/events?after=soon", None))
    assert raised.value.status == 400


def test_nobody_can_watch_a_release_that_does_not_exist(stage: Stage) -> None:
    with pytest.raises(ProblemError, match="shop-9"):
        list(stage.socket.events("/api/v1/events?release=shop-9", None))
