"""The statements that moves rest on, each at its exact boundary."""

from dataclasses import replace

import pytest

from turnout.domain import rules
from turnout.domain.checks import Checks, JobResult, JobState, WarmUp
from turnout.domain.release import EXPOSED, OnTrouble, Phase, Release, Seen, Step
from turnout.testing.world import (
    GOLDEN,
    a_judged,
    a_judgement,
    a_look,
    a_plan,
    a_release,
    a_running,
    an_answer,
)

GOOD = a_judgement(gate=True, requests_in_step=1)
STEPPED = a_release(step=1, weight_bp=5000, evidence_s=10.0)
ALONE = a_release(plan=a_plan(10_000), first=True, weight_bp=10_000, evidence_s=10.0)


# --- evidence belongs to one step and one weight


@pytest.mark.parametrize(
    ("step", "weight_bp", "told"),
    [(1, 5000, True), (0, 5000, False), (2, 5000, False), (1, 4999, False), (1, 5001, False)],
)
def test_evidence_is_about_one_step_and_one_weight(
    step: int,
    weight_bp: int,
    told: bool,  # noqa: FBT001 - a column of the table
) -> None:
    judged = replace(a_judged(STEPPED, GOOD), step=step, weight_bp=weight_bp)
    assert rules.is_judged(STEPPED, a_look(STEPPED, judged=judged)) is told


def test_no_answer_of_the_judge_is_no_evidence() -> None:
    assert not rules.is_judged(STEPPED, a_look(STEPPED))


# --- steps


@pytest.mark.parametrize(
    ("evidence_s", "requests", "gate", "passed"),
    [
        (10.0, 1, True, True),
        (9.99, 1, True, False),
        (10.0, 0, True, False),
        (10.0, 1, False, False),
    ],
    ids=["all", "hold", "no request", "no gate"],
)
def test_a_step_needs_its_hold_a_request_and_the_gate(
    evidence_s: float,
    requests: int,
    gate: bool,  # noqa: FBT001 - a column of the table
    passed: bool,  # noqa: FBT001 - a column of the table
) -> None:
    release = replace(STEPPED, evidence_s=evidence_s)
    look = a_look(release, judgement=a_judgement(gate=gate, requests_in_step=requests))
    assert rules.step_is_passed(release, look) is passed


@pytest.mark.parametrize(("weight_bp", "passed"), [(9999, False), (10_000, True)])
def test_only_a_step_with_all_traffic_needs_no_gate(
    weight_bp: int,
    passed: bool,  # noqa: FBT001 - a column of the table
) -> None:
    release = a_release(step=2, weight_bp=weight_bp, evidence_s=10.0)
    look = a_look(release, judgement=a_judgement(requests_in_step=1))
    assert rules.step_is_passed(release, look) is passed


def test_a_first_release_needs_no_request_but_a_judge_that_can_see() -> None:
    assert rules.step_is_passed(ALONE, a_look(ALONE, judgement=a_judgement()))
    assert not rules.step_is_passed(ALONE, a_look(ALONE))
    short = replace(ALONE, evidence_s=9.99)
    assert not rules.step_is_passed(short, a_look(short, judgement=a_judgement()))


def test_a_step_that_a_person_overruled_is_passed_at_once() -> None:
    release = replace(STEPPED, evidence_s=0.0, override_by="local:ana")
    assert rules.step_is_passed(release, Seen())


def test_each_step_is_held_for_its_own_time() -> None:
    steps = (Step(weight_bp=1000, hold_s=5.0), Step(weight_bp=5000, hold_s=25.0))
    plan = replace(a_plan(), steps=steps)
    for step, weight_bp, hold_s in ((0, 1000, 5.0), (1, 5000, 25.0)):
        release = a_release(plan=plan, step=step, weight_bp=weight_bp, evidence_s=hold_s)
        assert rules.step_is_passed(release, a_look(release, judgement=GOOD))
        short = replace(release, evidence_s=hold_s - 0.01)
        assert not rules.step_is_passed(short, a_look(short, judgement=GOOD))


@pytest.mark.parametrize(("step", "last"), [(0, False), (1, False), (2, True)])
def test_only_the_last_step_leads_to_the_promotion(
    step: int,
    last: bool,  # noqa: FBT001 - a column of the table
) -> None:
    release = a_release(step=step, weight_bp=10_000, evidence_s=10.0)
    assert rules.last_step_is_passed(release, a_look(release, judgement=GOOD)) is last
    assert not rules.last_step_is_passed(release, a_look(release))


def test_an_approval_is_asked_for_before_the_step_that_names_it() -> None:
    steps = tuple(
        Step(weight_bp=w, hold_s=10.0, approval=w == 10_000) for w in (1000, 5000, 10_000)
    )
    asked = []
    for step in range(3):
        plan = replace(a_plan(), steps=steps)
        release = a_release(plan=plan, step=step, weight_bp=1000, evidence_s=10.0)
        asked.append(rules.step_waits_for_a_person(release, a_look(release, judgement=GOOD)))
    assert asked == [False, True, False]


# --- patience and blindness


@pytest.mark.parametrize(("evidence_s", "over"), [(3599.99, False), (3600.0, True)])
def test_patience_is_time_with_evidence(
    evidence_s: float,
    over: bool,  # noqa: FBT001 - a column of the table
) -> None:
    release = a_release(evidence_s=evidence_s, spent_s=80_000.0)
    assert rules.is_undecided_for_too_long(release, Seen()) is over
    assert not rules.gives_up_undecided(release, Seen())
    back = replace(release, plan=replace(release.plan, on_undecided=OnTrouble.ROLLBACK))
    assert rules.gives_up_undecided(back, Seen()) is over


@pytest.mark.parametrize(
    ("hold_s", "blind_s", "limit_s"), [(10.0, 41.0, 41.0), (10.0, 40.0, 40.0), (10.0, 5.0, 40.0)]
)
def test_blindness_is_time_without_evidence_and_lasts_four_holds_at_least(
    hold_s: float, blind_s: float, limit_s: float
) -> None:
    plan = replace(a_plan(hold_s=hold_s), blind_s=blind_s)
    release = a_release(plan=plan, evidence_s=30.0, spent_s=30.0 + limit_s)
    assert rules.is_blind_for_too_long(release, Seen())
    assert not rules.is_blind_for_too_long(replace(release, evidence_s=30.01), Seen())


# --- the end


@pytest.mark.parametrize(
    ("drain_s", "spent_s", "in_flight", "drained"),
    [
        (5.0, 5.0, None, True),
        (5.0, 4.99, None, False),
        (5.0, 4.99, {"shop-r1": 1}, False),
        (5.0, 1.0, {"shop-r2": 9}, True),
        (5.0, 0.99, {}, False),
        (0.4, 0.4, {"shop-r1": 5}, True),
        (0.4, 0.39, {}, False),
        (0.0, 0.0, None, True),
    ],
)
def test_a_set_is_drained_when_it_is_idle_or_its_time_is_over(
    drain_s: float,
    spent_s: float,
    in_flight: dict[str, int] | None,
    drained: bool,  # noqa: FBT001 - a column of the table
) -> None:
    release = a_release(Phase.RETIRING, plan=a_plan(drain_s=drain_s), spent_s=spent_s)
    assert rules.is_drained(release, a_look(release, in_flight=in_flight), "shop-r1") is drained


@pytest.mark.parametrize(
    ("override_by", "spent_s", "evidence_s", "baked"),
    [
        ("", 0.0, 10.0, True),
        ("", 900.0, 9.99, False),
        ("local:ana", 10.0, 0.0, True),
        ("local:ana", 9.99, 900.0, False),
    ],
)
def test_a_bake_counts_evidence_or_time_alone_after_an_override(
    override_by: str,
    spent_s: float,
    evidence_s: float,
    baked: bool,  # noqa: FBT001 - a column of the table
) -> None:
    release = a_release(Phase.BAKING, override_by=override_by, spent_s=spent_s)
    release = replace(release, evidence_s=evidence_s)
    assert rules.is_baked(release, a_look(release)) is baked
    assert not rules.is_baked(release, a_look(release, candidate=a_running(0, 1)))


@pytest.mark.parametrize(
    ("stable_n", "ready", "undone"),
    [(2, 2, True), (2, 1, False), (1, 2, False), (1, 1, False)],
)
def test_a_rollback_ends_with_the_stable_version_whole(
    stable_n: int,
    ready: int,
    undone: bool,  # noqa: FBT001 - a column of the table
) -> None:
    release = a_release(Phase.ROLLING_BACK, plan=a_plan(replicas=2), n=0, stable_n=stable_n)
    assert rules.is_undone(release, a_look(release, stable=a_running(ready))) is undone


def test_a_rollback_does_not_end_while_weight_is_at_the_candidate() -> None:
    release = a_release(Phase.ROLLING_BACK, n=0, weight_bp=1)
    assert not rules.is_undone(release, a_look(release))


def test_the_first_release_has_no_old_version_that_could_linger() -> None:
    release = a_release(Phase.RETIRING, first=True, weight_bp=10_000)
    assert rules.old_is_gone(release, a_look(release))
    assert not rules.old_is_gone(release, a_look(release, route=None))


@pytest.mark.parametrize(("ready", "told"), [(2, False), (3, True), (4, True)])
def test_all_traffic_belongs_only_to_a_whole_candidate(
    ready: int,
    told: bool,  # noqa: FBT001 - a column of the table
) -> None:
    release = a_release(Phase.PROMOTING, plan=a_plan(replicas=3), n=3, weight_bp=10_000)
    assert rules.carries_everything(release, a_look(release, candidate=a_running(ready))) is told
    unheard = a_look(release, route=an_answer(release, acked=False))
    assert not rules.carries_everything(release, unheard)


# --- jobs


@pytest.mark.parametrize("state", JobState)
def test_each_state_of_a_job_is_one_statement(state: JobState) -> None:
    release = a_release(Phase.VERIFYING)
    look = a_look(release, job=JobResult(state=state))
    statements = (rules.job_refused, rules.job_failed, rules.job_passed)
    told = [statement(release, look) for statement in statements]
    expected = [JobState.REFUSED, JobState.FAILED, JobState.PASSED]
    assert told == [state is known for known in expected]
    assert not any(statement(release, Seen()) for statement in statements)


@pytest.mark.parametrize(
    ("checks", "fast_return", "needed"),
    [
        (Checks(), False, False),
        (Checks(warm=WarmUp()), False, False),
        (Checks(golden=(GOLDEN,)), False, True),
        (Checks(golden=(GOLDEN,)), True, False),
    ],
    ids=["nothing", "warm only", "golden", "was stable"],
)
def test_only_golden_rows_of_a_new_version_are_verified(
    checks: Checks,
    fast_return: bool,  # noqa: FBT001 - a column of the table
    needed: bool,  # noqa: FBT001 - a column of the table
) -> None:
    release = a_release(plan=a_plan(checks=checks), fast_return=fast_return)
    assert rules.needs_verification(release) is needed
    assert rules.is_verified(release, Seen()) is not needed


# --- what breaks under users


def broken(release: Release) -> Seen:
    worst = a_judgement(worse=True, breakage=True, limit_broken="errors")
    return a_look(release, candidate=a_running(1, crashes=1, failed_probes=3), judgement=worst)


@pytest.mark.parametrize("phase", sorted(set(Phase) - EXPOSED))
def test_nothing_breaks_under_users_where_no_user_is(phase: Phase) -> None:
    release = a_release(phase)
    told = (
        rules.crashed_while_exposed,
        rules.fails_its_probes,
        rules.breaks_plainly,
        rules.breaks_a_limit,
        rules.is_worse,
    )
    assert not any(rule(release, broken(release)) for rule in told)


@pytest.mark.parametrize(("by_stable_too", "back"), [(False, True), (True, False)])
def test_a_limit_leads_back_or_waits_but_never_both(
    by_stable_too: bool,  # noqa: FBT001 - a column of the table
    back: bool,  # noqa: FBT001 - a column of the table
) -> None:
    judgement = a_judgement(limit_broken="errors", stable_breaks_too=by_stable_too)
    look = a_look(STEPPED, judgement=judgement)
    assert rules.breaks_a_limit(STEPPED, look) is back
    assert rules.both_break_a_limit(STEPPED, look) is not back
