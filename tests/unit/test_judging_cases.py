"""One case for each release: what it hears, what it says, and what is kept of it."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.unit.judging_stage import FIRST_S, Stage, a_second
from turnout.application.ports import Batch
from turnout.domain.evidence import Judged
from turnout.errors import ReignOverError
from turnout.testing.manual import play


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage(kept=[a_second(FIRST_S - 20 + i, candidate=0) for i in range(10)])
    yield stage
    stage.tasks.close()


def seen(stage: Stage) -> Judged:
    judged = stage.look()
    assert judged is not None
    return judged


def judge_of(stage: Stage) -> dict[str, object]:
    body: dict[str, dict[str, object]] = json.loads(stage.saves.states[-1].body)
    return body["judge"]


def test_a_release_that_nobody_opened_is_blind(stage: Stage) -> None:
    assert stage.look() is None


def test_a_judgement_is_bound_to_the_weight_in_force(stage: Stage) -> None:
    stage.weigh(1000, step=0)
    stage.seconds(3)
    assert (seen(stage).weight_bp, seen(stage).step) == (1000, 0)


def test_a_weight_on_its_way_is_not_taken_for_one_in_force(stage: Stage) -> None:
    stage.weigh(1000, step=0)
    stage.second()
    stage.weigh(5000, step=1, acked=False)
    stage.second()
    assert (seen(stage).weight_bp, seen(stage).step) == (1000, 0)
    stage.ensure(acked=True)
    assert (seen(stage).weight_bp, seen(stage).step) == (5000, 1)


def test_a_weight_is_told_once_however_often_it_is_ensured(stage: Stage) -> None:
    stage.weigh(1000)
    stage.seconds(4)
    before = judge_of(stage)["windower"]
    for _ in range(5):
        stage.ensure(acked=False)
        stage.ensure(acked=True)
    stage.close()
    assert judge_of(stage)["windower"] == before


def test_a_weight_that_was_taken_back_on_its_way_is_told_anew(stage: Stage) -> None:
    stage.weigh(1000)
    stage.second()
    stage.weigh(5000, step=1, acked=False)
    stage.weigh(1000)
    stage.second()
    stage.close()
    assert judge_of(stage)["weight_bp"] == 1000
    assert json.loads(stage.saves.states[-1].body)["sent"] is None


def test_requests_of_the_step_begin_with_its_weight(stage: Stage) -> None:
    stage.weigh(1000)
    stage.seconds(5, candidate=4)
    assert seen(stage).judgement.requests_in_step == 20
    stage.weigh(5000, step=1)
    assert seen(stage).judgement.requests_in_step == 0
    assert seen(stage).judgement.exposed == 20


@pytest.mark.parametrize(("silent_s", "blind"), [(4.9, False), (5.0, False), (5.1, True)])
def test_five_seconds_without_a_heartbeat_make_it_blind(
    stage: Stage, silent_s: float, *, blind: bool
) -> None:
    stage.weigh(1000)
    stage.second()
    stage.clock.go_on(silent_s)
    assert (stage.look() is None) is blind


def test_news_without_a_heartbeat_do_not_make_it_see(stage: Stage) -> None:
    stage.weigh(1000)
    stage.second()
    stage.clock.go_on(6.0)
    stage.read(Batch(cursor="", increments=a_second(FIRST_S + 1).increments))
    assert stage.look() is None
    stage.second()
    assert stage.look() is not None


def test_news_of_other_services_are_left_out(stage: Stage) -> None:
    stage.weigh(1000)
    batch = a_second(FIRST_S + 1)
    others = tuple(replace(one, service="tea") for one in batch.increments)
    stage.read(replace(batch, increments=others))
    assert seen(stage).judgement.exposed == 0


def test_each_batch_rings_for_its_release(stage: Stage) -> None:
    stage.weigh(1000)
    stage.seconds(3)
    assert stage.rung == ["shop-1"] * 3


def test_the_baseline_is_learnt_once_from_what_was_kept(stage: Stage) -> None:
    stage.weigh(1000)
    stage.second()
    first = judge_of(stage)["frozen"]
    assert first is not None
    stage.restarted()
    stage.ensure(acked=True)
    stage.second()
    assert judge_of(stage)["frozen"] == first


def test_a_source_that_is_away_gives_a_case_without_a_baseline(stage: Stage) -> None:
    stage.observer.away = True
    stage.weigh(1000)
    assert stage.look() is None
    stage.observer.away = False
    stage.read()
    stage.second()
    assert seen(stage).judgement.exposed > 0


def test_a_source_that_came_back_goes_on_where_it_was(stage: Stage) -> None:
    stage.weigh(1000)
    stage.second()
    stage.observer.away = True
    stage.second()
    stage.observer.away = False
    stage.second()
    assert seen(stage).judgement.exposed == 12


def test_saves_come_at_most_once_a_second(stage: Stage) -> None:
    stage.weigh(1000)
    told = len(stage.saves.states)
    for i in range(20):
        stage.clock.go_on(0.25)
        stage.read(a_second(FIRST_S + i))
    assert len(stage.saves.states) - told == 5


def test_what_was_learnt_and_a_weight_in_force_are_kept_at_once(stage: Stage) -> None:
    stage.weigh(1000)
    assert [json.loads(s.body)["acked"] for s in stage.saves.states] == [[0, 0], [1000, 0]]


def test_a_restored_case_knows_what_was_sent_and_in_force(stage: Stage) -> None:
    stage.weigh(1000)
    stage.second()
    stage.weigh(5000, step=1, acked=False)
    stage.second()
    stage.restarted()
    assert stage.look() is None
    stage.ensure(acked=False)
    stage.second()
    assert (seen(stage).weight_bp, seen(stage).step) == (1000, 0)
    assert json.loads(stage.saves.states[-1].body)["sent"] == [5000, 1]


def test_a_restored_case_reads_on_from_its_cursor(stage: Stage) -> None:
    stage.weigh(1000)
    stage.seconds(3)
    stage.restarted()
    stage.observer.tell(a_second(FIRST_S + 4))
    stage.ensure(acked=True)
    stage.read()
    assert seen(stage).judgement.exposed == 16


def test_a_cursor_that_is_too_old_drops_open_windows_of_both(stage: Stage) -> None:
    stage.weigh(1000)
    stage.seconds(4, candidate=1)
    stage.observer.lost.add("4")
    stage.second()
    stage.read()
    stage.seconds(40, stable=200, candidate=60)
    stage.close()
    windows = [json.loads(line) for line in stage.windows()]
    lost_s = FIRST_S + 5
    assert not [one for one in windows if one["first_s"] <= lost_s <= one["last_s"]]
    assert lost_s + 1 in {one["first_s"] for one in windows}


def test_a_closed_case_is_saved_and_no_longer_watched(stage: Stage) -> None:
    stage.weigh(1000)
    stage.seconds(2)
    stage.read(a_second(FIRST_S + 3))
    stage.close()
    assert stage.saves.states[-1].cursor == "3"
    assert stage.observer.watched[-1] == {}
    assert stage.look() is None


def test_the_reader_of_a_closed_case_comes_to_its_end(stage: Stage) -> None:
    stage.weigh(1000)
    stage.second()
    stage.close()
    rung = len(stage.rung)
    stage.second()
    assert stage.tasks.started == []
    assert len(stage.rung) == rung


def test_closing_what_was_never_opened_does_no_harm(stage: Stage) -> None:
    stage.close()
    assert stage.saves.states == []


def test_a_reign_that_is_over_stops_reading(stage: Stage) -> None:
    stage.weigh(1000)
    play(stage.clock, stage.store.lease.ensure("another"))
    stage.second()
    assert stage.tasks.started == []
    with pytest.raises(ReignOverError):
        stage.close()


def test_the_service_is_watched_with_the_figures_of_its_judge(stage: Stage) -> None:
    stage.weigh(1000)
    watched = stage.observer.watched[-1]["shop"]
    assert watched.floor_ms == stage.release.plan.judge.floor_ms
    assert watched.deadline_s <= stage.release.plan.judge.timeout_s


def test_a_first_release_is_watched_without_a_stable_set(stage: Stage) -> None:
    stage.release = replace(stage.release, stable=None)
    stage.weigh(10_000)
    stage.seconds(3)
    assert seen(stage).judgement.exposed == 12
    assert judge_of(stage)["stable"] is None


def test_a_store_that_fails_once_ends_no_reading(stage: Stage) -> None:
    stage.weigh(1000)
    stage.store.tables.broken = "disk full"
    stage.seconds(2)
    stage.store.tables.broken = ""
    stage.seconds(2)
    assert seen(stage).judgement.exposed == 16
    assert stage.store.tables.judges["shop-1"].cursor == "4"


def windows_of(failing: range, n: int = 40) -> list[str]:
    stage = Stage(kept=[a_second(FIRST_S - 20 + i, candidate=0) for i in range(10)])
    stage.weigh(1000)
    for i in range(n):
        stage.store.tables.broken = "disk full" if i in failing else ""
        stage.second(stable=200, candidate=60)
    stage.close()
    stage.tasks.close()
    return list(stage.windows())


def test_a_save_that_failed_loses_no_window() -> None:
    whole = windows_of(range(0))
    assert len(whole) > 5
    assert windows_of(range(10, 20)) == whole


def test_a_baseline_that_takes_too_long_does_not_blind_the_release(stage: Stage) -> None:
    stage.observer.past_takes_s = 6.0
    before_s = stage.clock.passed_s
    play(stage.clock, stage.judging.ensure(stage.release, acked=False))
    assert stage.clock.passed_s == before_s
    stage.weigh(1000)
    stage.seconds(3)
    assert seen(stage).judgement.exposed == 12
    assert judge_of(stage)["frozen"] is not None


def test_a_case_is_opened_without_waiting_for_its_source(stage: Stage) -> None:
    play(stage.clock, stage.judging.ensure(stage.release, acked=False))
    assert stage.observer.watched == []
    assert len(stage.tasks.started) == 1
