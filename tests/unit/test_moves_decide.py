"""The order in which one ruling is made, and whole walks of releases with little room."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from turnout.domain.moves import MOVES, Look, Ruling, decide
from turnout.domain.release import Outcome, Pause, Phase, Plan, Release, Seen, Step, Verb
from turnout.testing.world import a_command, a_judgement, a_look, a_plan, a_release, a_running

GOOD = a_judgement(gate=True, requests_in_step=40)
PERSON = Pause(code="paused.person", by="local:ana")
UNCLEAR = a_judgement(requests_in_step=40)
Walk = list[tuple[int, int, int]]


def ruled(release: Release, look: Seen, dt_s: float = 0.0) -> Ruling:
    return decide(release, look, look, dt_s)


def walk(release: Release, until: Phase, look: Callable[[Release], Seen] = a_look) -> Walk:
    seen: Walk = []
    for _ in range(80):
        if not seen or seen[-1] != (release.weight_bp, release.arm.n, release.stable_n):
            seen.append((release.weight_bp, release.arm.n, release.stable_n))
        if release.phase is until:
            return seen
        release = ruled(release, look(release), 1.5).release
    raise AssertionError(seen)


# --- whole walks


def test_a_tight_promotion_walks_up_one_instance_at_a_time() -> None:
    plan = a_plan(10_000, replicas=2, room=3)
    release = a_release(Phase.PROMOTING, plan=plan, n=1, weight_bp=0)
    assert walk(release, Phase.BAKING) == [
        (0, 1, 2),
        (5000, 1, 2),
        (5000, 1, 1),
        (5000, 2, 1),
        (10_000, 2, 1),
    ]


def test_a_tight_rollback_walks_down_and_leaves_the_stable_version_whole() -> None:
    plan = a_plan(10_000, replicas=2, room=3)
    release = a_release(Phase.ROLLING_BACK, plan=plan, n=2, stable_n=1, weight_bp=10_000)
    assert walk(release, Phase.ROLLED_BACK) == [
        (10_000, 2, 1),
        (5000, 2, 1),
        (5000, 1, 1),
        (5000, 1, 2),
        (0, 1, 2),
        (0, 0, 2),
    ]


def test_a_rollback_with_no_ready_candidate_moves_all_weight_first() -> None:
    plan = a_plan(10_000, replicas=2, room=3)
    release = a_release(Phase.ROLLING_BACK, plan=plan, n=2, stable_n=1, weight_bp=10_000)

    def dead(row: Release) -> Seen:
        return a_look(row, candidate=a_running(0, row.arm.n))

    assert walk(release, Phase.ROLLED_BACK, dead) == [
        (10_000, 2, 1),
        (0, 2, 1),
        (0, 0, 1),
        (0, 0, 2),
    ]


def test_a_first_release_goes_from_nothing_to_its_own_route() -> None:
    plan = a_plan(10_000, replicas=2, room=4)
    release = a_release(Phase.PREPARING, plan=plan, first=True, n=0)
    steps = walk(release, Phase.PROMOTED, lambda row: a_look(row, judgement=a_judgement()))
    assert steps == [(0, 0, 0), (0, 2, 0), (10_000, 2, 0)]


def test_an_old_version_that_is_wanted_again_retires_once_the_new_one_is_whole() -> None:
    release = a_release(Phase.RETIRING, weight_bp=10_000, stable_n=0, sole=True)
    look = a_look(release, stable=a_running(1), candidate=a_running(0, 1))
    again = ruled(release, look).release
    assert walk(again, Phase.PROMOTED) == [(10_000, 1, 1), (10_000, 1, 0)]


# --- the order within one ruling


def test_a_command_is_obeyed_on_the_time_that_this_look_has_counted() -> None:
    release = a_release(weight_bp=1000, spent_s=4.0, evidence_s=3.0)
    look = a_look(release, judgement=GOOD, commands=(a_command(Verb.PAUSE),))
    new = ruled(release, look, 2.5).release
    assert (new.spent_s, new.evidence_s) == (6.5, 5.5)


def test_a_command_that_pauses_leaves_a_passed_step_where_it_is() -> None:
    release = a_release(weight_bp=1000, evidence_s=10.0)
    look = a_look(release, judgement=GOOD, commands=(a_command(Verb.PAUSE),))
    ruling = ruled(release, look)
    assert (ruling.code, ruling.release.step) == ("paused.person", 0)


def test_breakage_is_ruled_on_the_look_after_a_command() -> None:
    release = a_release(weight_bp=1000)
    crashed = a_look(release, candidate=a_running(1, crashes=1))
    paused = ruled(release, replace(crashed, commands=(a_command(Verb.PAUSE),))).release
    assert paused.phase is Phase.WATCHING
    assert ruled(paused, crashed).code == "rolledback.breakage"


def test_a_move_comes_before_the_limit_of_its_phase() -> None:
    release = a_release(Phase.STARTING, spent_s=9000.0)
    assert ruled(release, a_look(release)).code == "ready"


def test_a_change_of_numbers_comes_before_the_limit_of_its_phase() -> None:
    release = a_release(Phase.SHIFTING, step=1, weight_bp=1000, spent_s=9000.0)
    assert ruled(release, a_look(release)).code == "step.up"


def test_a_paused_release_is_not_late_however_long_it_waits() -> None:
    release = a_release(Phase.STARTING, n=1, spent_s=9000.0, paused=PERSON)
    look = a_look(release, candidate=a_running(0, 1))
    assert ruled(release, look, 500.0) == Ruling(release=release)
    assert ruled(replace(release, paused=None), look).release.outcome is Outcome.TIMED_OUT


@pytest.mark.parametrize("phase", [Phase.BAKING, Phase.RETIRING, Phase.ROLLING_BACK])
def test_some_phases_have_no_limit_and_wait_for_ever(phase: Phase) -> None:
    release = a_release(phase, weight_bp=10_000, spent_s=1e9)
    look = a_look(release, candidate=None, stable=None, route=None)
    assert ruled(release, look).release.phase is phase


def test_a_ruling_without_effect_is_silent_and_names_nobody_else() -> None:
    release = a_release(weight_bp=1000)
    assert ruled(release, a_look(release)) == Ruling(release=release, code="", by="turnout")


# --- what each phase looks at


@pytest.mark.parametrize("phase", Phase)
def test_a_phase_looks_at_what_its_moves_ask_for(phase: Phase) -> None:
    jobs = {Phase.PREPARING, Phase.VERIFYING, Phase.WARMING}
    judged = {Phase.SHIFTING, Phase.WATCHING, Phase.WAITING, Phase.PROMOTING, Phase.BAKING}
    drains = {Phase.RETIRING, Phase.ROLLING_BACK}
    expected = {Look.JOB: jobs, Look.EVIDENCE: judged, Look.IN_FLIGHT: drains}
    assert set(MOVES[phase].looks) == {look for look, phases in expected.items() if phase in phases}
    assert 0.0 < MOVES[phase].every_s <= 1.0


# --- what was found to be wrong once


def test_a_resume_does_not_make_seen_time_blind() -> None:
    plan: Plan = replace(a_plan(), patience_s=90_000.0)
    paused = Pause(code="paused.undecided", by="turnout")
    release = a_release(
        weight_bp=1000, plan=plan, evidence_s=90_000.0, spent_s=90_010.0, paused=paused
    )
    look = a_look(release, judgement=UNCLEAR)
    resumed = ruled(release, replace(look, commands=(a_command(Verb.RESUME),))).release
    assert ruled(resumed, look).code == ""


def test_a_resume_keeps_what_was_baked() -> None:
    release = a_release(Phase.BAKING, weight_bp=10_000, step=2, evidence_s=900.0, paused=PERSON)
    release = replace(release, plan=replace(release.plan, bake_s=1000.0))
    look = a_look(release, commands=(a_command(Verb.RESUME),))
    assert ruled(release, look).release.evidence_s == 900.0


def test_an_old_version_that_is_wanted_again_stays_within_the_room() -> None:
    plan = a_plan(replicas=4, room=5)
    release = a_release(Phase.RETIRING, plan=plan, weight_bp=10_000, n=4, stable_n=0, sole=True)
    new = ruled(release, a_look(release, stable=a_running(1), candidate=a_running(3, 4))).release
    assert new.arm.n + new.stable_n <= plan.room


@pytest.mark.parametrize("phase", [Phase.PROMOTING, Phase.ROLLING_BACK])
def test_three_instances_and_one_more_reach_their_goal_too(phase: Phase) -> None:
    plan = a_plan(10_000, replicas=3, room=4)
    up = phase is Phase.PROMOTING
    release = a_release(
        phase, plan=plan, weight_bp=0 if up else 10_000, n=1 if up else 3, stable_n=3 if up else 1
    )
    walk(release, Phase.BAKING if up else Phase.ROLLED_BACK)


ASKING = tuple(Step(weight_bp=w, hold_s=10.0, approval=True) for w in (1000, 5000, 10_000))


def test_an_approval_is_good_for_one_step() -> None:
    plan = replace(a_plan(), steps=ASKING)
    release = a_release(Phase.WAITING, plan=plan, weight_bp=1000, approved_by="local:bo")
    shifting = ruled(release, a_look(release)).release
    later = replace(shifting.with_arm(weight_bp=5000), phase=Phase.WATCHING, evidence_s=10.0)
    assert ruled(later, a_look(later, judgement=GOOD)).code == "waiting.approval"


@pytest.mark.parametrize("phase", [Phase.WARMING, Phase.WATCHING])
def test_an_approval_given_ahead_is_used_up_by_the_step_that_asks(phase: Phase) -> None:
    plan = replace(a_plan(), steps=ASKING)
    weight_bp = 1000 if phase is Phase.WATCHING else 0
    release = a_release(
        phase, plan=plan, weight_bp=weight_bp, evidence_s=10.0, approved_by="local:bo"
    )
    new = ruled(release, a_look(release, judgement=GOOD)).release
    assert (new.phase, new.approved_by) == (Phase.SHIFTING, "")


def test_an_approval_given_ahead_waits_for_the_step_that_asks() -> None:
    steps = (replace(ASKING[0], approval=False), *ASKING[1:])
    plan = replace(a_plan(), steps=steps)
    release = a_release(Phase.WARMING, plan=plan, approved_by="local:bo")
    assert ruled(release, a_look(release)).release.approved_by == "local:bo"


def test_the_first_step_asks_for_an_approval_too() -> None:
    release = a_release(Phase.WARMING, plan=replace(a_plan(), steps=ASKING))
    assert ruled(release, a_look(release)).release.phase is Phase.WAITING


def test_a_person_can_go_on_when_both_break_a_limit_in_the_promotion() -> None:
    release = a_release(Phase.PROMOTING, step=2, weight_bp=10_000)
    both = a_judgement(limit_broken="errors", stable_breaks_too=True)
    look = a_look(release, judgement=both, candidate=a_running(0, 1))
    paused = ruled(release, look).release
    for verb in (Verb.FORCE, Verb.RESUME):
        paused = ruled(paused, replace(look, commands=(a_command(verb),))).release
    assert ruled(paused, look).release.paused is None
