"""What ends or stops a release from any phase: plain failures, broken limits, a worse version."""

from dataclasses import replace

import pytest

from turnout.domain.moves import BREAKAGE, Ruling, decide
from turnout.domain.release import (
    EXPOSED,
    FINAL,
    Breakage,
    OnTrouble,
    Outcome,
    Pause,
    Phase,
    Release,
    Seen,
)
from turnout.statistics.judgement import Judgement
from turnout.testing.world import (
    a_judgement,
    a_look,
    a_plan,
    a_release,
    a_running,
    all_checks,
    an_answer,
)

BEFORE = (Phase.STARTING, Phase.VERIFYING, Phase.WARMING)
UNDER_WAY = sorted(set(Phase) - FINAL)
WAITS = replace(a_plan(), on_worse=OnTrouble.PAUSE)
WORSE = a_judgement(worse=True, requests_in_step=40)
OVER = a_judgement(limit_broken="errors", requests_in_step=40)
BOTH_OVER = a_judgement(limit_broken="errors", stable_breaks_too=True, requests_in_step=40)
BREAKS = a_judgement(breakage=True, requests_in_step=40)
PERSON = Pause(code="paused.person", by="local:ana")
LOOPS = a_running(0, 1, restarts_before_ready=2)


def ruled(release: Release, look: Seen) -> Ruling:
    return decide(release, look, look, 0.0)


def at(phase: Phase, **changes: object) -> Release:
    defaults: dict[str, object] = {"weight_bp": 1000, "plan": a_plan(checks=all_checks())}
    return a_release(phase, **{**defaults, **changes})  # type: ignore[arg-type]  # names of Release's fields


def judged(release: Release, judgement: Judgement) -> Ruling:
    return ruled(release, a_look(release, judgement=judgement))


@pytest.mark.parametrize("phase", UNDER_WAY)
def test_a_start_loop_ends_a_release_only_before_users(phase: Phase) -> None:
    release = at(phase)
    ruling = ruled(release, a_look(release, candidate=LOOPS))
    assert (ruling.code == "rolledback.crashed") is (phase in BEFORE)
    if phase in BEFORE:
        assert ruling.release.outcome is Outcome.CRASHED
        assert ruling.release.phase is Phase.ROLLING_BACK


@pytest.mark.parametrize("phase", BEFORE)
def test_the_second_start_of_an_instance_is_no_loop_yet(phase: Phase) -> None:
    release = at(phase)
    look = a_look(release, candidate=a_running(0, 1, restarts_before_ready=1))
    assert ruled(release, look).code != "rolledback.crashed"


TROUBLES = {
    "a crash under users": ("rolledback.breakage", a_running(1, crashes=1), None),
    "failed probes": ("rolledback.breakage", a_running(1, failed_probes=3), None),
    "most requests fail": ("rolledback.breakage", a_running(1), BREAKS),
    "a broken limit": ("rolledback.limit", a_running(1), OVER),
    "worse": ("rolledback.worse", a_running(1), WORSE),
    "a limit that both break": ("paused.limit", a_running(1), BOTH_OVER),
}


@pytest.mark.parametrize("phase", UNDER_WAY)
@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_counts_in_every_exposed_phase_and_in_no_other(phase: Phase, trouble: str) -> None:
    code, running, judgement = TROUBLES[trouble]
    release = at(phase)
    ruling = ruled(release, a_look(release, candidate=running, judgement=judgement))
    assert (ruling.code == code) is (phase in EXPOSED)


@pytest.mark.parametrize("phase", UNDER_WAY)
def test_a_worse_version_waits_for_a_person_where_the_plan_says_so(phase: Phase) -> None:
    release = at(phase, plan=WAITS)
    ruling = judged(release, WORSE)
    assert (ruling.code == "paused.worse") is (phase in EXPOSED)
    if phase in EXPOSED:
        paused = Pause(code="paused.worse", by="turnout")
        assert ruling.release == replace(release, paused=paused)


@pytest.mark.parametrize(
    ("trouble", "outcome"),
    [
        ("a crash under users", Outcome.BREAKAGE),
        ("failed probes", Outcome.BREAKAGE),
        ("most requests fail", Outcome.BREAKAGE),
        ("a broken limit", Outcome.LIMIT),
        ("worse", Outcome.WORSE),
    ],
)
@pytest.mark.parametrize("paused", [None, PERSON], ids=["running", "paused"])
def test_trouble_leads_back_paused_or_not_with_its_outcome(
    trouble: str, outcome: Outcome, paused: Pause | None
) -> None:
    _, running, judgement = TROUBLES[trouble]
    release = at(Phase.WATCHING, paused=paused, spent_s=12.0, evidence_s=7.0)
    back = ruled(release, a_look(release, candidate=running, judgement=judgement)).release
    assert (back.phase, back.outcome) == (Phase.ROLLING_BACK, outcome)
    assert (back.spent_s, back.evidence_s, back.paused) == (0.0, 0.0, None)
    assert (back.weight_bp, back.revision) == (1000, release.revision)


LEAST = replace(a_plan(), breakage=Breakage(crashes=2, failed_probes=4))


@pytest.mark.parametrize(
    ("changes", "breaks"),
    [
        ({"crashes": 6}, False),
        ({"crashes": 7}, True),
        ({"crashes": 5, "failed_probes": 3}, False),
        ({"crashes": 5, "failed_probes": 4}, True),
    ],
    ids=["one crash", "two crashes", "three probes", "four probes"],
)
def test_breakage_begins_exactly_at_the_plan_s_figures(
    changes: dict[str, int],
    breaks: bool,  # noqa: FBT001 - a column of the table
) -> None:
    release = at(Phase.WATCHING, plan=LEAST).with_arm(crashes_before=5)
    ruling = ruled(release, a_look(release, candidate=a_running(1, **changes)))
    assert (ruling.code == "rolledback.breakage") is breaks


@pytest.mark.parametrize("phase", sorted(EXPOSED))
def test_an_unknown_candidate_is_no_crash(phase: Phase) -> None:
    release = at(phase)
    assert ruled(release, Seen()).release.phase is phase


# --- what a person has taken over


@pytest.mark.parametrize("trouble", ["a broken limit", "worse", "a limit that both break"])
def test_after_a_forced_promotion_the_judgement_is_the_person_s(trouble: str) -> None:
    _, _, judgement = TROUBLES[trouble]
    release = at(Phase.BAKING, forced=True, override_by="local:bo")
    assert ruled(release, a_look(release, judgement=judgement)) == Ruling(release=release)


@pytest.mark.parametrize("trouble", ["a crash under users", "failed probes", "most requests fail"])
def test_a_forced_promotion_does_not_keep_what_breaks_plainly(trouble: str) -> None:
    code, running, judgement = TROUBLES[trouble]
    release = at(Phase.BAKING, forced=True, override_by="local:bo")
    assert ruled(release, a_look(release, candidate=running, judgement=judgement)).code == code


def test_a_plain_promotion_is_still_judged_and_leads_back_when_worse() -> None:
    release = at(Phase.BAKING, override_by="local:bo")
    assert judged(release, WORSE).code == "rolledback.worse"
    assert judged(release, OVER).code == "rolledback.limit"


@pytest.mark.parametrize("judgement", [WORSE, BOTH_OVER], ids=["worse", "both over"])
def test_what_a_person_promoted_is_not_paused_again(judgement: Judgement) -> None:
    release = at(Phase.BAKING, plan=WAITS, override_by="local:bo")
    assert judged(release, judgement) == Ruling(release=release)


@pytest.mark.parametrize("judgement", [WORSE, BOTH_OVER], ids=["worse", "both over"])
def test_a_release_that_is_paused_is_not_paused_once_more(judgement: Judgement) -> None:
    release = at(Phase.WATCHING, plan=WAITS, paused=PERSON)
    assert judged(release, judgement) == Ruling(release=release)


# --- order and the look that it rests on


def test_a_crash_is_told_before_the_verdict_of_the_same_look() -> None:
    release = at(Phase.WATCHING)
    look = a_look(release, candidate=a_running(1, crashes=1), judgement=WORSE)
    assert ruled(release, look).code == "rolledback.breakage"


def test_breakage_comes_before_a_step_that_is_passed_in_the_same_look() -> None:
    release = at(Phase.WATCHING, evidence_s=10.0)
    passed_and_over = replace(a_judgement(gate=True, requests_in_step=40), limit_broken="errors")
    assert judged(release, passed_and_over).code == "rolledback.limit"


def test_a_verdict_of_an_earlier_weight_still_counts_against_the_version() -> None:
    release = at(Phase.SHIFTING, step=1, weight_bp=1000)
    earlier = a_look(at(Phase.WATCHING, weight_bp=500), judgement=WORSE).judged
    look = a_look(release, judged=earlier, route=an_answer(release, acked=False))
    assert ruled(release, look).code == "rolledback.worse"


def test_the_breakage_rows_are_the_ones_that_are_tried_here() -> None:
    told = {"rolledback.crashed", "paused.worse", *(code for code, _, _ in TROUBLES.values())}
    assert {move.code for move in BREAKAGE} == told
