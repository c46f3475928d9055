"""One reign over many releases: who is looked at when, what rests, and how a reign ends."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.unit.turns_stage import Stage
from turnout.domain.moves import Ruling
from turnout.domain.release import Outcome, Phase
from turnout.domain.service import Service
from turnout.errors import (
    FencedError,
    ReignOverError,
    StaleSaveError,
    StoreError,
    TurnoutError,
    UnavailableError,
)
from turnout.testing.world import a_release


def a_ruling(phase: Phase = Phase.WATCHING, service: str = "shop") -> Ruling:
    release = a_release(phase, id=f"{service}-2", service=service, outcome=Outcome.PROMOTED)
    return Ruling(release=release, code="step.passed")


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.controller.stop()
    stage.until(2000.0)


def a_service(name: str = "shop", **changes: object) -> Service:
    service = Service(name=name, project="shop", environment="local", last=f"{name}-1")
    return replace(service, **changes)  # type: ignore[arg-type]  # names of Service's fields


# --- turns


def test_a_release_turns_in_one_breath_until_nothing_changes(stage: Stage) -> None:
    stage.give("shop-2", a_ruling(Phase.SHIFTING), a_ruling(Phase.WATCHING))
    assert stage.until(5.0) == [(0.0, "turn shop-2")] * 3
    assert stage.moved_to == ["shop-2 shifting", "shop-2 watching"]


def test_a_release_is_looked_at_when_it_is_due_and_not_before(stage: Stage) -> None:
    stage.give("shop-2", at_s=3.5)
    assert stage.until(8.0) == [(4.0, "turn shop-2")]


def test_releases_turn_side_by_side_and_each_of_them_alone(stage: Stage) -> None:
    stage.give("a-1", 2.5)
    stage.give("b-1", 2.5)
    told = stage.until(6.0)
    assert sorted(told[:2]) == [(0.0, "turn a-1"), (0.0, "turn b-1")]
    assert sorted(told[2:]) == [(2.5, "end a-1"), (2.5, "end b-1")]


def test_the_release_that_has_been_due_for_longest_is_looked_at_first(stage: Stage) -> None:
    names = [f"{letter}-1" for letter in "hgfedcbaponmlkji"]
    for name in names:
        stage.give(name)
    assert stage.said(0.5) == [f"turn {name}" for name in names]


def test_a_release_that_is_woken_is_looked_at_though_it_is_not_due(stage: Stage) -> None:
    stage.later(2.5, lambda: stage.controller.wake("shop-2"))
    assert stage.until(6.0) == [(3.0, "turn shop-2")]


def test_a_release_that_is_woken_in_its_turn_is_looked_at_once_more_after_it(stage: Stage) -> None:
    stage.give("shop-2", 3.5)
    for at_s in (1.5, 2.5):
        stage.later(at_s, lambda: stage.controller.wake("shop-2"))
    assert stage.until(9.0) == [(0.0, "turn shop-2"), (3.5, "end shop-2"), (4.0, "turn shop-2")]


def test_the_end_of_a_release_is_told_and_what_it_left_is_enforced(stage: Stage) -> None:
    stage.rows.known = [a_service(last="shop-2"), a_service("other", is_down=True)]
    stage.give("shop-2", a_ruling(Phase.PROMOTED), a_ruling(Phase.PROMOTED), at_s=1.0)
    assert stage.said(3.5) == [
        "claim shop",
        "enforce shop-2",
        "turn shop-2",
        "claim shop",
        "enforce shop-2",
    ]
    assert (stage.closed, stage.moved_to) == (["shop-2"], ["shop-2 promoted"])


# --- faults


def test_a_fault_of_one_release_is_told_and_backs_off_further_each_time(stage: Stage) -> None:
    stage.give("shop-2", *[ValueError("poison")] * 9)
    assert set(stage.said(400.0)) == {"turn shop-2", "forget shop-2"}
    waits_s = [wait_s for _, wait_s in stage.rows.snoozed]
    assert waits_s == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    assert stage.failed_at == [("shop-2", "poison")] * 9


def test_a_good_turn_ends_the_back_off(stage: Stage) -> None:
    poison = ValueError("poison")
    stage.give("shop-2", poison, poison, a_ruling(), poison)
    stage.until(60.0)
    assert [wait_s for _, wait_s in stage.rows.snoozed] == [1.0, 2.0, 1.0]


def test_a_fault_of_one_release_takes_no_turn_from_another(stage: Stage) -> None:
    stage.give("a-1", *[ValueError("poison")] * 5)
    stage.give("b-1", a_ruling(service="b"))
    assert (0.0, "turn b-1") in stage.until(3.0)
    assert stage.moved_to == ["b-2 watching"]


def test_a_release_that_cannot_be_put_off_stays_due(stage: Stage) -> None:
    stage.rows.faults["snooze"] = [StoreError("disk full")]
    stage.give("shop-2", ValueError("poison"))
    assert stage.said(3.5).count("turn shop-2") == 2


def test_a_row_that_moved_on_is_read_again_without_a_word(stage: Stage) -> None:
    stage.give("shop-2", StaleSaveError("edition 5, not 4"))
    assert stage.said(3.5) == ["turn shop-2", "forget shop-2", "turn shop-2"]
    assert (stage.failed_at, stage.rows.snoozed) == ([], [])


def test_a_fence_at_one_service_backs_off_and_ends_no_reign(stage: Stage) -> None:
    stage.give("shop-2", FencedError("shop obeys 9.1"))
    stage.until(3.5)
    assert (stage.controller.is_over, stage.failed_at) == (False, [("shop-2", "shop obeys 9.1")])


def test_a_store_that_fails_is_told_and_asked_again(stage: Stage) -> None:
    stage.rows.faults["due"] = [StoreError("busy")] * 2
    stage.give("shop-2")
    assert stage.until(5.0) == [(2.0, "turn shop-2")]
    assert stage.failed_at == [("", "busy")] * 2


# --- the end of a reign


def test_a_newer_reign_ends_this_one_with_a_word(stage: Stage) -> None:
    stage.give("shop-2", ReignOverError("epoch 2 is over"))
    stage.give("later-1", at_s=5.0)
    assert stage.said(20.0) == ["turn shop-2"]
    assert (stage.controller.is_over, stage.failed_at) == (True, [("shop-2", "epoch 2 is over")])


@pytest.mark.parametrize("verb", ["due", "services"])
def test_a_newer_reign_is_noticed_without_any_release(stage: Stage, verb: str) -> None:
    stage.rows.faults[verb] = [ReignOverError("epoch 2 is over")]
    stage.give("later-1", at_s=5.0)
    assert stage.said(20.0) == []
    assert stage.controller.is_over


def test_after_a_stop_nothing_begins_and_what_turns_ends_its_turn(stage: Stage) -> None:
    stage.give("shop-2", 3.5, a_ruling())
    stage.give("later-1", at_s=2.0)
    stage.later(1.5, stage.controller.stop)
    assert stage.until(20.0) == [(0.0, "turn shop-2"), (3.5, "end shop-2")]


# --- what rests between releases


def test_what_rests_is_enforced_at_takeover_and_once_a_minute(stage: Stage) -> None:
    stage.rows.known = [a_service()]
    assert stage.until(125.0) == [
        (at_s, what) for at_s in (0.0, 60.0, 120.0) for what in ("claim shop", "enforce shop-1")
    ]


@pytest.mark.parametrize(
    "service",
    [a_service(last=None), a_service(is_down=True), a_service(last=None, is_down=True)],
    ids=["never released", "down", "both"],
)
def test_what_was_never_released_or_is_down_is_left_alone(stage: Stage, service: Service) -> None:
    stage.rows.known = [service]
    assert stage.until(70.0) == []


def test_a_service_under_release_is_looked_at_by_its_release(stage: Stage) -> None:
    stage.rows.known = [a_service(active="shop-2", is_down=True)]
    assert stage.until(50.0) == [(1.0, "turn shop-2")]


def test_only_what_changed_is_enforced_between_two_sweeps(stage: Stage) -> None:
    stage.rows.known = [a_service(), a_service("other")]
    stage.later(10.5, lambda: stage.controller.changed("shop"))
    assert stage.until(50.0)[4:] == [(11.0, "claim shop"), (11.0, "enforce shop-1")]


def test_a_change_puts_off_no_sweep(stage: Stage) -> None:
    stage.rows.known = [a_service()]
    stage.later(30.5, lambda: stage.controller.changed("shop"))
    times_s = [at_s for at_s, what in stage.until(70.0) if what == "enforce shop-1"]
    assert times_s == [0.0, 31.0, 60.0]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (FencedError("shop obeys 9.1"), []),
        (UnavailableError("no answer"), [("shop-1", "no answer")]),
    ],
    ids=["a release began", "away"],
)
def test_what_could_not_be_enforced_is_tried_again_soon(
    stage: Stage, error: TurnoutError, told: list[tuple[str, str]]
) -> None:
    stage.rows.known, stage.engine.faults = [a_service()], [error]
    times_s = [at_s for at_s, what in stage.until(50.0) if what == "enforce shop-1"]
    assert (times_s, stage.failed_at) == ([0.0, 1.0], told)


def test_a_service_that_fails_takes_nothing_from_another(stage: Stage) -> None:
    stage.rows.known = [a_service(), a_service("other")]
    stage.engine.faults = [UnavailableError("no answer")]
    assert (0.0, "enforce other-1") in stage.until(0.5)


def test_a_router_that_hangs_for_those_at_rest_delays_no_release(stage: Stage) -> None:
    stage.rows.known, stage.engine.hangs_s = [a_service(), a_service("other")], 1000.0
    stage.later(0.5, lambda: stage.controller.wake("tea-2"))
    told = stage.until(50.0)
    assert told == [(0.0, "claim shop"), (0.0, "claim other"), (1.0, "turn tea-2")]


def test_a_service_that_is_being_enforced_is_enforced_again_only_afterwards(stage: Stage) -> None:
    stage.rows.known, stage.engine.hangs_s = [a_service()], 5.5
    stage.later(2.5, lambda: stage.controller.changed("shop"))
    times_s = [at_s for at_s, what in stage.until(50.0) if what == "claim shop"]
    assert times_s == [0.0, 6.0]


@pytest.mark.parametrize("verb", ["services", "load"])
def test_a_change_is_not_lost_when_the_store_fails_just_then(stage: Stage, verb: str) -> None:
    stage.rows.known = [a_service()]
    stage.until(5.5)
    stage.rows.faults[verb] = [StoreError("busy")]
    stage.controller.changed("shop")
    times_s = [at_s for at_s, what in stage.until(50.0) if what == "enforce shop-1"]
    assert times_s == [0.0, 7.0]


def test_a_release_that_was_woken_is_not_lost_when_the_store_fails_just_then(stage: Stage) -> None:
    stage.until(5.5)
    stage.rows.faults["due"] = [StoreError("busy")]
    stage.controller.wake("shop-2")
    assert stage.until(50.0) == [(7.0, "turn shop-2")]
