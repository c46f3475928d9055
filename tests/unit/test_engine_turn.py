"""One turn: enforce what is saved, look, decide, save; nothing unknown counts as nothing."""

from dataclasses import replace

import pytest

from tests.unit.engine_stage import EPOCH, Stage
from turnout.application.engine import CAP_S
from turnout.domain.release import Phase, Release, Verb
from turnout.domain.route import WHOLE_BP, Observed
from turnout.domain.version import Endpoint
from turnout.errors import FencedError, StaleSaveError, UnavailableError
from turnout.testing.manual import play
from turnout.testing.world import a_command, a_plan, a_release, all_checks


def running(row: Release) -> Stage:
    """Set a stage on which everything that the row wants runs, and two looks are over."""
    stage = Stage(row)
    stage.turns(3, 0.0)
    stage.effects.clear()
    return stage


def watching(**changes: object) -> Release:
    changes = {"evidence_s": 1.0, "spent_s": 1.0, "weight_bp": 1000, **changes}
    weight_bp = changes.pop("weight_bp")
    return a_release(weight_bp=weight_bp, **changes)  # type: ignore[arg-type]  # names of Release's fields


def shrunk(row: Release) -> Release:
    gone = row.with_arm(n=0, weight_bp=0)
    return replace(gone, phase=Phase.ROLLING_BACK, revision=row.revision + 1, spent_s=0.0)


def test_the_route_goes_before_the_instances() -> None:
    stage = running(watching())
    stage.turn()
    assert stage.effects.index("router.ensured") < stage.effects.index("runtime.ensure")


def test_what_is_wanted_comes_from_the_saved_row_alone() -> None:
    stage = running(watching())
    stage.turn()
    assert stage.runtime.asked[-1] == {"shop-r1": 1, "shop-r2": 1}
    weights = {target.set_name: target.weight_bp for target in stage.router.routes[-1].targets}
    assert weights == {"shop-r2": 1000, "shop-r1": 9000}


def test_nothing_shrinks_while_the_router_has_not_taken_the_route() -> None:
    stage = running(watching())
    stage.put(shrunk(stage.rows.row))
    stage.router.failing.add("ensure")
    stage.turn()
    assert stage.runtime.asked[-1] == {"shop-r1": 1, "shop-r2": 1}
    stage.router.failing.clear()
    stage.turn()
    assert stage.runtime.asked[-1] == {"shop-r1": 1, "shop-r2": 0}


@pytest.mark.parametrize("restarts", [False, True], ids=["same process", "restarted"])
def test_nothing_shrinks_while_neither_route_nor_instances_are_known(*, restarts: bool) -> None:
    stage = running(watching())
    stage.put(shrunk(stage.rows.row))
    if restarts:
        stage.restarted()
    stage.router.failing.add("ensure")
    stage.runtime.failing.add("look")
    stage.turn()
    assert [i.of.name for i in stage.runtime.instances["shop"] if i.is_ending] == []


def test_a_route_that_was_refused_does_not_tell_the_judge_of_its_weight() -> None:
    stage = running(watching())
    stage.judges.told.clear()
    stage.router.refusing["shop"] = "the proxy says no"
    stage.put(replace(stage.rows.row.with_arm(weight_bp=5000), revision=8))
    stage.turn()
    assert stage.judges.told == [False]


def test_the_judge_hears_of_a_weight_before_and_after_the_router() -> None:
    stage = running(watching())
    stage.judges.told.clear()
    stage.turn()
    assert stage.judges.told == [False, True]


@pytest.mark.parametrize("verb", ["look", "ensure"])
def test_a_runtime_that_fails_moves_no_weight_and_ends_nothing(verb: str) -> None:
    stage = running(watching(evidence_s=20.0))
    stage.runtime.failing.add(verb)
    row = stage.rows.row
    stage.turns(3)
    assert stage.rows.row.weight_bp == row.weight_bp
    assert stage.rows.row.phase is Phase.WATCHING
    assert not any(instance.is_ending for instance in stage.runtime.instances["shop"])


def test_instances_that_cannot_be_seen_are_not_taken_for_ended() -> None:
    stage = running(watching(weight_bp=5000))
    stage.put(replace(stage.rows.row, phase=Phase.ROLLING_BACK))
    before = stage.rows.row
    stage.runtime.failing.add("look")
    stage.turn()
    assert stage.rows.row == before


def test_before_the_first_look_at_instances_no_route_is_written() -> None:
    stage = Stage(watching())
    stage.runtime.failing.add("look")
    stage.turn()
    assert stage.router.routes == []


def test_the_last_known_endpoints_stay_when_a_look_fails() -> None:
    stage = running(watching())
    before = stage.router.routes[-1]
    stage.runtime.failing.add("look")
    stage.turn()
    assert stage.router.routes[-1] == before


def test_a_judge_that_fails_is_blind_and_counts_no_time() -> None:
    stage = running(watching())
    stage.judges.error = UnavailableError("the judge is away")
    before = stage.rows.row.evidence_s
    stage.turns(5)
    assert stage.rows.row.evidence_s == before


def test_time_with_evidence_counts_between_two_good_looks() -> None:
    stage = running(watching())
    stage.turns(4)
    assert stage.rows.row.evidence_s == pytest.approx(5.0)


@pytest.mark.parametrize(("slow_s", "counted_s"), [(4.0, 2.0), (4.9, 2.0)])
def test_a_look_within_its_limit_is_used(slow_s: float, counted_s: float) -> None:
    stage = running(watching())
    stage.judges.takes_s = slow_s
    stage.turn(1.0)
    assert stage.rows.row.evidence_s == pytest.approx(counted_s)


def test_a_look_that_took_longer_than_the_cap_is_thrown_away() -> None:
    stage = running(watching())
    stage.runtime.takes_s = stage.judges.takes_s = CAP_S / 2 + 0.1
    stage.turns(3)
    assert stage.rows.row.evidence_s == 1.0


def test_a_command_is_obeyed_even_when_the_look_is_too_old() -> None:
    stage = running(watching())
    stage.runtime.takes_s = stage.judges.takes_s = CAP_S / 2 + 0.1
    stage.rows.commands = (a_command(Verb.ABORT),)
    ruling = stage.turn()
    assert ruling is not None
    assert ruling.code == "aborted"


def test_a_call_that_does_not_return_is_given_up_after_five_seconds() -> None:
    stage = running(watching())
    stage.judges.takes_s = 1000.0
    before_s = stage.clock.passed_s
    stage.turn()
    assert stage.clock.passed_s - before_s == pytest.approx(5.0)


def test_timers_that_are_not_worth_a_save_are_carried() -> None:
    stage = running(watching())
    assert stage.turn(0.4) is None
    assert stage.turn(0.4) is None
    ruling = stage.turn(0.4)
    assert ruling is not None
    assert ruling.release.evidence_s == pytest.approx(2.2)


def test_a_gap_counts_for_no_more_than_the_cap() -> None:
    stage = running(watching())
    ruling = stage.turn(3600.0)
    assert ruling is not None
    assert ruling.release.spent_s == pytest.approx(1.0 + CAP_S)


def test_what_is_forgotten_starts_from_the_row_again() -> None:
    stage = running(watching())
    stage.turn(0.4)
    stage.engine.forget(stage.rows.row.id)
    stage.turn(0.4)
    assert stage.rows.row.evidence_s == 1.0


def test_over_a_restart_the_hold_does_not_go_on_by_itself() -> None:
    stage = running(watching())
    stage.clock.go_on(5.0)
    stage.restarted()
    stage.turn()
    assert stage.rows.row.evidence_s == 1.0


def test_over_a_restart_a_limit_goes_on_by_the_wall_clock() -> None:
    stage = Stage(watching())
    stage.turn(4.0 + stage.rows.row.wall_s - stage.clock.wall_s())
    assert stage.rows.row.spent_s == pytest.approx(5.0)


def test_a_wall_clock_that_jumped_back_gives_no_time() -> None:
    stage = Stage(watching())
    stage.clock.jumped_s = -10_000.0
    stage.turn()
    assert stage.rows.row.spent_s == 1.0


def test_without_a_change_nothing_is_saved_and_the_next_look_is_due() -> None:
    stage = running(watching())
    saves = len(stage.rows.saves)
    assert stage.turn(0.1) is None
    assert len(stage.rows.saves) == saves
    assert stage.rows.snoozed[-1] == stage.clock.wall_s() + 0.5


def test_a_save_tells_edition_commands_and_decision() -> None:
    stage = running(watching())
    edition = stage.rows.row.edition
    stage.rows.commands = (a_command(Verb.PAUSE), a_command(Verb.ABORT))
    stage.turn()
    change = stage.rows.saves[-1]
    assert (change.release.edition, change.taken) == (edition + 1, 2)
    assert change.decision is not None
    assert (change.decision.code, change.decision.by) == ("aborted", "local:ana")


def test_a_command_without_effect_is_used_up_all_the_same() -> None:
    stage = running(watching())
    stage.rows.commands = (a_command(Verb.RESUME),)
    stage.turn()
    assert (stage.rows.saves[-1].taken, stage.rows.saves[-1].decision) == (1, None)


def test_a_new_phase_is_due_at_once_and_stamped_with_the_clock() -> None:
    stage = running(watching())
    stage.rows.commands = (a_command(Verb.ABORT),)
    stage.turn(0.3)
    change, now_s = stage.rows.saves[-1], stage.clock.wall_s()
    assert change.due_s == change.release.entered_at_s == change.release.wall_s == now_s


def test_a_row_that_moved_on_meanwhile_is_not_overwritten() -> None:
    stage = running(watching())
    stage.rows.commands = (a_command(Verb.ABORT),)
    work = stage.engine.turn(stage.rows.row.id)
    stage.judges.takes_s = 1.0
    work.send(None)
    stage.rows.row = moved = replace(stage.rows.row, edition=90)
    with pytest.raises(StaleSaveError):
        play(stage.clock, work)
    assert stage.rows.row is moved


@pytest.mark.parametrize("part", ["router", "runtime"])
def test_a_newer_reign_at_a_part_ends_the_turn(part: str) -> None:
    stage = running(watching())
    saves = len(stage.rows.saves)
    if part == "router":
        play(stage.clock, stage.router.claim("shop", EPOCH + 1))
    else:
        play(stage.clock, stage.runtime.claim("shop", EPOCH + 1))
    with pytest.raises(FencedError):
        stage.turn(2.0)
    assert len(stage.rows.saves) == saves


def test_an_older_reign_is_refused_before_its_first_act() -> None:
    stage = Stage(watching())
    play(stage.clock, stage.router.claim("shop", EPOCH + 1))
    with pytest.raises(FencedError):
        stage.turn()
    assert stage.effects == []


def test_a_service_is_claimed_once_for_each_reign() -> None:
    stage = running(watching())
    stage.router.failing.add("claim")
    stage.runtime.failing.add("claim")
    play(stage.clock, stage.engine.claim("shop"))
    with pytest.raises(UnavailableError):
        play(stage.clock, stage.restarted().claim("shop"))


def test_endpoints_that_moved_travel_under_a_higher_sequence() -> None:
    stage = running(watching())
    before = stage.router.routes[-1]
    stage.turn()
    assert stage.router.routes[-1].sequence == before.sequence
    stage.runtime.move("shop-r2")
    stage.turn()
    after = stage.router.routes[-1]
    assert after.sequence == before.sequence + 1
    assert replace(after, observed={}, sequence=0) == replace(before, observed={}, sequence=0)


def test_the_router_gets_the_endpoints_of_the_sets_it_names() -> None:
    stage = running(watching())
    observed = stage.router.routes[-1].observed
    assert set(observed) == {"shop-r1", "shop-r2"}
    assert all(isinstance(seen, Observed) for seen in observed.values())
    assert all(isinstance(at, Endpoint) for seen in observed.values() for at in seen.endpoints)


def test_a_final_row_is_enforced_and_never_saved_again() -> None:
    stage = Stage(a_release(Phase.ROLLED_BACK, n=0))
    stage.turns(2)
    assert stage.runtime.asked[-1] == {"shop-r1": 1, "shop-r2": 0}
    assert stage.router.routes[-1].targets[0].weight_bp == WHOLE_BP
    assert stage.rows.saves == []


def test_a_job_is_asked_for_in_its_phase_alone() -> None:
    plan = a_plan(checks=all_checks())
    stage = Stage(a_release(Phase.PREPARING, plan=plan, n=0))
    stage.turn()
    assert [job.kind for job in stage.jobs.asked.values()] == ["prepare"]
    assert stage.rows.row.phase is Phase.STARTING
