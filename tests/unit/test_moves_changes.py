"""What a move changes besides the phase: numbers, notes, and time that counts or does not."""

from dataclasses import replace

import pytest

from turnout.domain.checks import ArtifactRules, Checks, JobResult, JobState, WarmUp
from turnout.domain.moves import Ruling, decide, tick
from turnout.domain.release import Outcome, Pause, Phase, Plan, Release, Seen, Verb, stable_of
from turnout.testing.world import (
    GOLDEN,
    a_command,
    a_judgement,
    a_look,
    a_plan,
    a_release,
    a_running,
    an_answer,
)

PASSED = JobResult(state=JobState.PASSED)
GOOD = a_judgement(gate=True, requests_in_step=40)
PERSON = Pause(code="paused.person", by="local:ana")


def ruled(release: Release, look: Seen) -> Ruling:
    return decide(release, look, look, 0.0)


def numbers(release: Release) -> tuple[int, int, int, int]:
    return release.weight_bp, release.arm.n, release.stable_n, release.revision


# --- parts that a plan does not have


@pytest.mark.parametrize(
    ("phase", "checks", "to"),
    [
        (Phase.PREPARING, Checks(golden=(GOLDEN,), warm=WarmUp()), Phase.STARTING),
        (Phase.VERIFYING, Checks(warm=WarmUp()), Phase.WARMING),
        (Phase.WARMING, Checks(golden=(GOLDEN,)), Phase.SHIFTING),
    ],
)
def test_a_phase_whose_part_is_absent_is_passed_at_once(
    phase: Phase, checks: Checks, to: Phase
) -> None:
    release = a_release(phase, plan=a_plan(checks=checks))
    assert ruled(release, a_look(release)).release.phase is to


def test_a_fast_return_is_not_verified_again() -> None:
    plan = a_plan(checks=Checks(golden=(GOLDEN,)))
    release = a_release(Phase.VERIFYING, plan=plan, fast_return=True)
    assert ruled(release, a_look(release)).code == "verified"
    slow = replace(release, fast_return=False)
    assert ruled(slow, a_look(slow)).release.phase is Phase.VERIFYING


def test_an_artifact_is_waited_for_even_when_it_returns_fast() -> None:
    plan = a_plan(checks=Checks(artifact=ArtifactRules(source="models/v1")))
    release = a_release(Phase.PREPARING, plan=plan, fast_return=True)
    assert ruled(release, a_look(release)).release.phase is Phase.PREPARING


def test_nothing_is_warm_while_the_candidate_is_unknown() -> None:
    release = a_release(Phase.WARMING)
    assert ruled(release, a_look(release, candidate=None)).release.phase is Phase.WARMING


# --- numbers on the way


@pytest.mark.parametrize(
    ("plan", "stable_n", "n"),
    [
        (a_plan(1000, replicas=1), 1, 1),
        (a_plan(1000, replicas=10), 10, 1),
        (a_plan(1001, replicas=10), 10, 2),
        (a_plan(5000, replicas=4), 4, 2),
        (replace(a_plan(1000, replicas=4), first=3), 4, 3),
        (a_plan(10_000, replicas=4, room=5), 4, 1),
        (a_plan(0, replicas=4), 4, 1),
    ],
    ids=["one", "a tenth", "a tenth and a bit", "half", "at least three", "no room", "no weight"],
)
def test_the_first_instances_are_what_the_first_step_needs(
    plan: Plan, stable_n: int, n: int
) -> None:
    release = a_release(Phase.PREPARING, plan=plan, n=0, stable_n=stable_n)
    assert numbers(ruled(release, a_look(release)).release) == (0, n, stable_n, 8)


@pytest.mark.parametrize("crashes", [0, 4])
def test_crashes_before_users_are_not_held_against_the_candidate(crashes: int) -> None:
    release = a_release(Phase.WARMING)
    new = ruled(release, a_look(release, candidate=a_running(1, crashes=crashes))).release
    assert new.arm.crashes_before == crashes
    assert numbers(new) == numbers(release)


def test_a_passed_step_raises_the_step_and_leaves_the_weight() -> None:
    release = a_release(weight_bp=1000, evidence_s=10.0)
    new = ruled(release, a_look(release, judgement=GOOD)).release
    assert (new.step, numbers(new)) == (1, numbers(release))


def test_an_approval_goes_on_to_the_next_step() -> None:
    release = a_release(Phase.WAITING, weight_bp=1000, approved_by="local:bo")
    new = ruled(release, a_look(release)).release
    assert (new.phase, new.step, new.approved_by) == (Phase.SHIFTING, 1, "")


def test_an_approval_before_any_user_goes_on_to_the_first_step() -> None:
    release = a_release(Phase.WAITING, weight_bp=0, approved_by="local:bo")
    new = ruled(release, a_look(release)).release
    assert (new.phase, new.step, new.approved_by) == (Phase.SHIFTING, 0, "")


def test_after_the_bake_the_route_names_the_new_set_alone_under_a_new_revision() -> None:
    release = a_release(Phase.BAKING, weight_bp=10_000, evidence_s=10.0)
    new = ruled(release, a_look(release)).release
    assert (new.sole, numbers(new)) == (True, (10_000, 1, 1, 8))


@pytest.mark.parametrize(
    ("phase", "changes", "code", "weight_bp"),
    [
        (Phase.SHIFTING, {"step": 1, "weight_bp": 1000}, "step.up", 5000),
        (Phase.PROMOTING, {"step": 1, "weight_bp": 5000}, "step.up", 10_000),
        (Phase.ROLLING_BACK, {"weight_bp": 5000}, "back", 0),
    ],
)
def test_each_phase_moves_the_weight_to_its_own_goal_and_says_so(
    phase: Phase, changes: dict[str, object], code: str, weight_bp: int
) -> None:
    release = a_release(phase, **changes)  # type: ignore[arg-type]  # names of Release's fields
    ruling = ruled(release, a_look(release))
    assert (ruling.code, numbers(ruling.release)) == (code, (weight_bp, 1, 1, 8))


def test_more_instances_are_a_silent_change() -> None:
    release = a_release(Phase.SHIFTING, plan=a_plan(5000, replicas=4), n=1)
    ruling = ruled(release, a_look(release))
    assert (ruling.code, numbers(ruling.release)) == ("", (0, 2, 4, 8))


# --- retiring


def retiring(**changes: object) -> Release:
    plan = a_plan(replicas=2, drain_s=5.0)
    kept: dict[str, object] = {"plan": plan, "weight_bp": 10_000, "n": 2, "sole": True}
    return a_release(Phase.RETIRING, **{**kept, **changes})  # type: ignore[arg-type]  # names of Release's fields


@pytest.mark.parametrize(
    ("spent_s", "in_flight", "stable_n"),
    [
        (5.0, None, 0),
        (4.99, None, 2),
        (4.99, {"shop-r1": 1}, 2),
        (1.0, {"shop-r1": 0, "shop-r2": 7}, 0),
        (1.0, {}, 0),
        (0.99, {"shop-r1": 0}, 2),
    ],
    ids=["drained", "not drained", "one in flight", "idle", "not counted", "idle too shortly"],
)
def test_the_old_version_stays_until_it_is_drained(
    spent_s: float, in_flight: dict[str, int] | None, stable_n: int
) -> None:
    release = retiring(spent_s=spent_s)
    assert ruled(release, a_look(release, in_flight=in_flight)).release.stable_n == stable_n


DRAINED, AGAIN = retiring(spent_s=900.0), retiring(stable_n=0)


@pytest.mark.parametrize(
    "look",
    [
        a_look(DRAINED, candidate=a_running(1, 2)),
        a_look(DRAINED, candidate=None),
        a_look(DRAINED, route=None),
        a_look(DRAINED, route=an_answer(DRAINED, acked=False)),
    ],
    ids=["new one not whole", "new one unknown", "route unknown", "route not acked"],
)
def test_the_old_version_stays_while_the_new_one_may_not_carry_everything(look: Seen) -> None:
    assert numbers(ruled(DRAINED, look).release) == numbers(DRAINED)


def test_the_old_version_is_wanted_again_while_it_still_runs() -> None:
    release = retiring(stable_n=0, spent_s=3.0)
    look = a_look(release, stable=a_running(1), candidate=a_running(1, 2))
    new = ruled(release, look).release
    assert (numbers(new), new.spent_s) == ((10_000, 2, 2, 8), 0.0)


@pytest.mark.parametrize(
    "look",
    [
        a_look(AGAIN, stable=a_running(0, 1), candidate=a_running(1, 2)),
        a_look(AGAIN, stable=a_running(1), candidate=None),
        a_look(AGAIN, stable=a_running(1)),
    ],
    ids=["it does not answer", "new one unknown", "new one whole"],
)
def test_the_old_version_is_not_wanted_again_without_need(look: Seen) -> None:
    assert numbers(ruled(AGAIN, look).release) == numbers(AGAIN)


# --- rolling back


def going_back(**changes: object) -> Release:
    plan = a_plan(replicas=2, drain_s=5.0)
    kept: dict[str, object] = {"plan": plan, "n": 2, "outcome": Outcome.WORSE}
    return a_release(Phase.ROLLING_BACK, **{**kept, **changes})  # type: ignore[arg-type]  # names of Release's fields


def test_weight_leaves_a_dead_candidate_at_once_and_stable_is_made_whole() -> None:
    release = going_back(weight_bp=6000, stable_n=1)
    new = ruled(release, a_look(release, candidate=a_running(0, 2))).release
    assert numbers(new) == (0, 2, 2, 8)


def test_a_dead_candidate_s_room_is_not_taken_twice() -> None:
    release = going_back(plan=a_plan(replicas=2, room=3), weight_bp=6000, stable_n=1)
    new = ruled(release, a_look(release, candidate=a_running(0, 2), stable=a_running(0))).release
    assert numbers(new) == (0, 2, 1, 8)


def test_an_unknown_candidate_is_not_taken_for_dead() -> None:
    release = going_back(weight_bp=6000, stable_n=1)
    look = a_look(release, candidate=None)
    assert numbers(ruled(release, look).release) == (6000, 2, 2, 8)


@pytest.mark.parametrize(
    ("spent_s", "in_flight", "n"),
    [(5.0, None, 0), (4.99, None, 2), (4.99, {"shop-r2": 3}, 2), (1.0, {"shop-r2": 0}, 0)],
)
def test_a_candidate_ends_only_when_it_is_drained(
    spent_s: float, in_flight: dict[str, int] | None, n: int
) -> None:
    release = going_back(spent_s=spent_s)
    assert ruled(release, a_look(release, in_flight=in_flight)).release.arm.n == n


def test_a_candidate_stays_while_the_route_without_it_is_not_acked() -> None:
    release = going_back(spent_s=90.0)
    look = a_look(release, route=an_answer(release, acked=False))
    assert numbers(ruled(release, look).release) == numbers(release)


def test_stable_is_made_whole_before_a_tight_rollback_ends() -> None:
    release = going_back(plan=a_plan(replicas=2, room=3), n=0, stable_n=1)
    assert numbers(ruled(release, a_look(release)).release) == (0, 0, 2, 8)


def test_a_first_release_goes_back_to_no_route_at_all() -> None:
    release = a_release(Phase.ROLLING_BACK, first=True, weight_bp=10_000)
    new = ruled(release, a_look(release)).release
    assert numbers(new) == (0, 1, 0, 8)
    drained = replace(new, spent_s=5.0)
    gone = ruled(drained, a_look(drained)).release
    assert ruled(gone, a_look(gone)).release.phase is Phase.ROLLED_BACK
    assert stable_of(gone) is None


def test_the_drain_begins_anew_with_each_change_of_numbers() -> None:
    release = going_back(weight_bp=6000, spent_s=4.0)
    assert ruled(release, a_look(release)).release.spent_s == 0.0
    still = going_back(spent_s=4.0)
    assert ruled(still, a_look(still)).release.spent_s == 4.0


def test_time_at_a_step_goes_on_over_changes_of_numbers() -> None:
    release = a_release(Phase.SHIFTING, step=1, weight_bp=1000, spent_s=4.0)
    assert ruled(release, a_look(release)).release.spent_s == 4.0


# --- first release


def test_a_first_release_passes_its_step_without_a_request_or_a_gate() -> None:
    plan = a_plan(10_000)
    release = a_release(plan=plan, first=True, weight_bp=10_000, evidence_s=10.0)
    assert ruled(release, a_look(release, judgement=a_judgement())).code == "passed"


def test_a_first_release_still_needs_its_hold_and_evidence_to_be_readable() -> None:
    plan = a_plan(10_000)
    short = a_release(plan=plan, first=True, weight_bp=10_000, evidence_s=9.99)
    assert ruled(short, a_look(short, judgement=a_judgement())).code == ""
    blind = replace(short, evidence_s=10.0)
    assert ruled(blind, a_look(blind)).code == ""


@pytest.mark.parametrize("phase", [Phase.BAKING, Phase.RETIRING])
def test_a_first_release_passes_over_baking_and_retiring(phase: Phase) -> None:
    release = a_release(phase, first=True, weight_bp=10_000, outcome=Outcome.PROMOTED)
    ruling = ruled(release, a_look(release))
    assert ruling.code == ("baked" if phase is Phase.BAKING else "retired")


# --- which time counts, by E-6


@pytest.mark.parametrize(
    ("seen", "previous", "evidence_s"),
    [
        ("judged", "judged", 3.5),
        ("judged", "blind", 2.0),
        ("blind", "judged", 2.0),
        ("judged", "away", 2.0),
        ("away", "judged", 2.0),
        ("judged", None, 2.0),
    ],
)
def test_evidence_counts_only_between_two_looks_that_both_saw_it(
    seen: str, previous: str | None, evidence_s: float
) -> None:
    release = a_release(weight_bp=1000, spent_s=4.0, evidence_s=2.0)
    judged = a_look(release, judgement=GOOD)
    looks = {"judged": judged, "blind": a_look(release), "away": replace(judged, route=None)}
    new = tick(release, looks[seen], looks[previous] if previous else None, 1.5)
    assert (new.spent_s, new.evidence_s) == (5.5, evidence_s)


@pytest.mark.parametrize("phase", [Phase.RETIRING, Phase.ROLLING_BACK])
@pytest.mark.parametrize(
    ("seen", "previous", "spent_s"),
    [("acked", "acked", 5.5), ("away", "acked", 0.0), ("acked", "away", 0.0), ("acked", None, 0.0)],
)
def test_a_drain_counts_only_between_two_looks_at_the_route(
    phase: Phase, seen: str, previous: str | None, spent_s: float
) -> None:
    release = a_release(phase, spent_s=4.0, evidence_s=2.0)
    looks = {"acked": a_look(release), "away": a_look(release, route=None)}
    new = tick(release, looks[seen], looks[previous] if previous else None, 1.5)
    assert (new.spent_s, new.evidence_s) == (spent_s, 2.0)


@pytest.mark.parametrize("phase", sorted(set(Phase) - {Phase.RETIRING, Phase.ROLLING_BACK}))
def test_no_time_counts_while_a_release_is_paused(phase: Phase) -> None:
    release = a_release(phase, weight_bp=1000, paused=PERSON, spent_s=4.0, evidence_s=2.0)
    look = a_look(release, judgement=GOOD)
    assert tick(release, look, look, 1.5) == release


@pytest.mark.parametrize("phase", [Phase.RETIRING, Phase.ROLLING_BACK])
def test_a_pause_does_not_hold_up_a_drain(phase: Phase) -> None:
    release = a_release(phase, paused=PERSON, spent_s=4.0)
    assert tick(release, a_look(release), a_look(release), 1.5).spent_s == 5.5


def test_a_hold_is_over_in_the_very_look_that_completes_it() -> None:
    release = a_release(weight_bp=1000, evidence_s=8.5, spent_s=8.5)
    look = a_look(release, judgement=GOOD)
    assert decide(release, look, look, 1.49).code == ""
    assert decide(release, look, look, 1.5).code == "step.passed"


# --- commands come before everything else


def test_a_command_is_obeyed_before_breakage_of_the_same_look_and_names_its_giver() -> None:
    release = a_release(weight_bp=1000)
    look = a_look(release, judgement=a_judgement(worse=True), commands=(a_command(Verb.ABORT),))
    ruling = ruled(release, look)
    assert (ruling.code, ruling.by) == ("aborted", "local:ana")
    assert ruling.release.outcome is Outcome.ABORTED


def test_a_command_without_effect_lets_the_look_decide() -> None:
    release = a_release(weight_bp=1000, evidence_s=10.0)
    look = a_look(release, judgement=GOOD, commands=(a_command(Verb.RESUME),))
    ruling = ruled(release, look)
    assert (ruling.code, ruling.by) == ("step.passed", "turnout")
