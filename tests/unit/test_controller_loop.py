"""One reign: who is due, what rests, what a fault of one release means for the others."""

from dataclasses import replace

import pytest

from tests.unit.controller_stage import Stage
from turnout.application.judging import Judging
from turnout.domain.release import Outcome, Phase
from turnout.errors import ReignOverError, StaleSaveError, StoreError
from turnout.testing.manual import ReplayedEvidence, play


def test_a_first_release_is_carried_to_its_promotion() -> None:
    stage = Stage().settled("shop")
    codes = stage.codes("shop-1")
    assert codes[0] == "prepared"
    assert codes[-2:] == ["baked", "retired"]
    assert stage.told.faults == []


def test_a_release_that_has_ended_is_closed_once() -> None:
    stage = Stage().settled("shop", "tea")
    stage.breathe(20)
    ended = {(row.id, row.outcome) for row in stage.closed}
    assert ended == {("shop-1", Outcome.PROMOTED), ("tea-1", Outcome.PROMOTED)}
    assert len(stage.closed) == 2


def test_a_turn_goes_on_in_the_same_breath_while_something_changes() -> None:
    stage = Stage()
    stage.ask()
    stage.breathe(1)
    assert stage.told.moves == [("shop-1", "prepared")]
    assert stage.rows.loads == ["shop-1", "shop-1"]


def test_a_release_is_never_turned_twice_at_once() -> None:
    stage = Stage()
    release_id = stage.ask()
    stage.bell.waits = lambda: setattr(stage.controller, "is_over", True)
    for _ in range(2):
        stage.controller.is_over = False
        play(stage.clock, stage.controller.run())
    assert stage.controller.is_over
    begun = [getattr(work, "__qualname__", "") for work in stage.tasks.started]
    assert begun == ["Controller._turns", "Controller._enforce"]
    assert release_id == "shop-1"
    stage.tasks.close()


def test_what_is_woken_is_looked_at_before_it_is_due() -> None:
    stage = Stage().settled("shop")
    release_id = stage.ask(version="v2")
    play(stage.clock, stage.store.releases.snooze(release_id, stage.clock.wall_s() + 100.0))
    stage.breathe(2)
    assert release_id not in stage.rows.loads
    stage.controller.wake(release_id)
    assert stage.bell.rung
    stage.breathe(1)
    assert release_id in stage.rows.loads


def test_what_is_woken_under_a_turn_is_looked_at_once_more() -> None:
    stage = Stage().settled("shop")
    woken: list[str] = []

    def wake_once(release_id: str) -> None:
        if not woken:
            woken.append(release_id)
            stage.controller.wake(release_id)

    stage.rows.loading = wake_once
    stage.controller.wake("shop-1")
    stage.breathe(4)
    assert stage.rows.loads == ["shop-1", "shop-1"]


def test_a_stale_save_forgets_and_tries_again_untold() -> None:
    stage = Stage()
    stage.rows.stale = [StaleSaveError("the row moved on")] * 3
    stage.settled("shop")
    assert stage.told.faults == []
    assert stage.closed[0].outcome is Outcome.PROMOTED


def test_a_reign_that_is_over_stops_and_says_so() -> None:
    stage = Stage()
    stage.ask()
    play(stage.clock, stage.store.lease.ensure("another"))
    stage.breathe(50)
    assert stage.left > 40
    assert [type(error) for _, error in stage.told.faults] == [ReignOverError]
    assert stage.told.moves == []


def test_a_stopped_controller_begins_nothing_more() -> None:
    stage = Stage()
    stage.ask()
    stage.controller.stop()
    play(stage.clock, stage.controller.run())
    assert stage.rows.loads == []
    assert stage.bell.rung == 1


@pytest.mark.parametrize("error", [StoreError("unreadable"), ValueError("a mistake")])
def test_a_broken_release_backs_off_and_the_others_go_on(error: Exception) -> None:
    stage = Stage()
    stage.rows.broken["tea-1"] = error
    stage.settled("shop", "tea")
    assert stage.closed[0].id == "shop-1"
    assert {found for found in stage.told.faults if found[0] == "tea-1"} == {("tea-1", error)}


def test_the_waits_of_a_broken_release_double_up_to_a_minute() -> None:
    stage = Stage()
    stage.rows.broken["shop-1"] = StoreError("unreadable")
    at_s: list[float] = []
    stage.rows.loading = lambda _: at_s.append(stage.clock.wall_s())
    stage.ask()
    stage.breathe(1000)
    waits = [due_s - began for (_, due_s), began in zip(stage.rows.snoozed, at_s, strict=True)]
    assert waits[:8] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_a_good_turn_ends_the_backing_off() -> None:
    stage = Stage()
    stage.rows.broken["shop-1"] = StoreError("unreadable")
    stage.ask()
    stage.breathe(20)
    stage.rows.broken.clear()
    stage.breathe(20)
    stage.rows.broken["shop-1"] = StoreError("unreadable")
    stage.rows.snoozed.clear()
    now_s = stage.clock.wall_s()
    stage.breathe(8)
    faults = [due_s for _, due_s in stage.rows.snoozed]
    assert faults[0] - now_s <= 3.0


def test_a_store_that_cannot_say_what_is_due_is_asked_again() -> None:
    stage = Stage()
    stage.rows.faults = [StoreError("locked")] * 2
    stage.settled("shop")
    assert [release_id for release_id, _ in stage.told.faults] == ["", ""]
    assert stage.closed[0].outcome is Outcome.PROMOTED


def test_what_rests_is_enforced_at_takeover() -> None:
    stage = Stage().settled("shop")
    stage.restarted()
    stage.breathe(1)
    assert stage.effects.count("runtime.ensured") == 1


def test_what_rests_is_left_alone_between_two_sweeps() -> None:
    stage = Stage().settled("shop")
    stage.breathe(50)  # over the sweep a minute after takeover
    stage.effects.clear()
    stage.breathe(180)
    assert stage.effects == []
    stage.breathe(60)
    assert stage.effects.count("runtime.ensured") == 1


def test_a_service_that_changed_is_enforced_at_once_and_alone() -> None:
    stage = Stage().settled("shop", "tea")
    stage.controller.changed("tea")
    stage.breathe(1)
    assert stage.rows.loads == ["tea-1"]


def test_an_instance_that_was_lost_at_rest_comes_back() -> None:
    stage = Stage().settled("shop")
    stage.runtime.instances["shop"].clear()
    stage.controller.changed("shop")
    stage.breathe(1)
    assert [one.of.name for one in stage.runtime.instances["shop"]] == ["shop-r1"]


def test_a_service_that_is_down_is_not_enforced() -> None:
    stage = Stage().settled("shop")
    play(stage.clock, stage.store.requests.set_down("shop", is_down=True, by="local:ana"))
    stage.controller.changed("shop")
    stage.breathe(2)
    assert stage.effects == []


def test_a_change_of_a_service_under_release_wakes_its_release() -> None:
    stage = Stage().settled("shop")
    release_id = stage.ask(version="v2")
    play(stage.clock, stage.store.releases.snooze(release_id, stage.clock.wall_s() + 100.0))
    stage.controller.changed("shop")
    stage.breathe(2)
    assert release_id in stage.rows.loads


def test_a_fenced_sweep_takes_the_service_for_changed() -> None:
    stage = Stage().settled("shop")
    stage.restarted()
    play(stage.clock, stage.router.claim("shop", stage.epoch + 1))
    before = stage.router.claims
    stage.breathe(3)
    assert stage.router.claims == before + 3
    assert stage.told.faults == []


def test_a_service_whose_sweep_fails_is_told_and_tried_again() -> None:
    stage = Stage().settled("shop")
    stage.restarted()
    stage.router.failing.add("claim")
    stage.breathe(2)
    assert {release_id for release_id, _ in stage.told.faults} == {"shop-1"}
    stage.router.failing.clear()
    stage.breathe(1)
    assert stage.effects.count("runtime.ensured") == 1


def test_a_rolled_back_release_is_closed_and_rests_on_the_old_version() -> None:
    stage = Stage().settled("shop")
    stage.runtime.broken.add("v2")
    release_id = stage.ask(version="v2")
    stage.breathe(200)
    assert [row.phase for row in stage.closed] == [Phase.PROMOTED, Phase.ROLLED_BACK]
    assert stage.codes(release_id)[-1] == "undone"
    assert {one.of.name for one in stage.runtime.instances["shop"]} == {"shop-r1"}


def judged_by(stage: Stage, observer: ReplayedEvidence) -> Judging:
    return Judging(
        observer=observer,
        store=stage.store.evidence,
        tasks=stage.tasks,
        clock=stage.clock,
        epoch=stage.epoch,
        rung=stage.controller.wake,
    )


def test_a_release_that_has_ended_is_no_longer_watched() -> None:
    observer, stage = ReplayedEvidence(), Stage().settled("shop")
    engine = stage.controller.engine
    engine.parts = replace(engine.parts, judges=judged_by(stage, observer))
    loaded = play(stage.clock, stage.store.releases.load("shop-1"))
    play(stage.clock, engine.enforce(loaded.release))
    stage.tasks.close()
    assert observer.watched == []


def test_a_wake_outlives_a_store_that_fails_once() -> None:
    stage = Stage().settled("shop")
    stage.controller.wake("shop-1")
    stage.rows.faults = [StoreError("locked")]
    stage.breathe(3)
    assert stage.rows.loads == ["shop-1"]


def test_a_change_outlives_a_row_of_another_service_that_fails_once() -> None:
    stage = Stage().settled("shop", "tea")
    stage.rows.broken["shop-1"] = StoreError("locked")
    stage.controller.changed("shop")
    stage.controller.changed("tea")
    stage.breathe(1)
    stage.rows.broken.clear()
    stage.breathe(3)
    assert "tea-1" in stage.rows.loads
