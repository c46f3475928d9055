"""What is kept of a decision: the change, and the evidence that it rests on."""

from dataclasses import replace

import pytest

from turnout.domain.checks import Finding, JobResult, JobState
from turnout.domain.decision import Decision, decision_of
from turnout.domain.release import Pause, Phase, Release, Seen
from turnout.testing.world import (
    START_S,
    a_figure,
    a_judgement,
    a_look,
    a_release,
    a_running,
)

OLD = a_release(Phase.SHIFTING, step=1, weight_bp=1000)
NEW = replace(OLD.with_arm(weight_bp=5000), edition=6, wall_s=START_S + 52.5)
JUDGEMENT = replace(a_judgement(requests_in_step=214), exposed=300, figures=(a_figure(),))
ENDED = a_running(0, 1, last_exit="exit 139", last_lines=tuple("abcdefg"))


def kept(
    code: str = "step.up", *, old: Release = OLD, new: Release = NEW, seen: Seen | None = None
) -> Decision:
    return decision_of(old, new, seen or a_look(old), code=code, by="turnout")


def test_a_decision_tells_from_where_to_where_and_when() -> None:
    decision = kept(new=replace(NEW, phase=Phase.WATCHING))
    assert (decision.from_phase, decision.to_phase) == (Phase.SHIFTING, Phase.WATCHING)
    assert (decision.weight_from_bp, decision.weight_to_bp) == (1000, 5000)
    assert (decision.at_s, decision.took_s) == (START_S + 52.5, 12.5)
    assert (decision.release, decision.edition, decision.by) == ("shop-2", 6, "turnout")


def test_a_decision_belongs_to_the_step_that_it_ends() -> None:
    assert kept(new=replace(NEW, step=2)).step == 1


def test_a_clock_that_went_back_makes_no_negative_time() -> None:
    assert kept(new=replace(NEW, wall_s=START_S - 900.0)).took_s == 0.0


def test_a_decision_keeps_the_figures_that_were_seen() -> None:
    decision = kept(seen=a_look(OLD, judgement=JUDGEMENT))
    assert (decision.requests, decision.exposed) == (214, 300)
    assert decision.figures == (a_figure(),)


def test_a_decision_without_evidence_keeps_none() -> None:
    decision = kept()
    assert (decision.requests, decision.exposed, decision.figures) == (0, 0, ())


def test_a_decision_keeps_what_a_job_found() -> None:
    finding = Finding(code="golden", ok=False, name="levels")
    job = JobResult(state=JobState.REFUSED, findings=(finding,))
    assert kept("refused", seen=a_look(OLD, job=job)).findings == (finding,)
    assert kept("refused").findings == ()


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("rolledback.breakage", True),
        ("rolledback.crashed", True),
        ("rolledback.worse", False),
        ("undone", False),
    ],
)
def test_last_words_are_kept_where_the_candidate_broke(
    code: str,
    told: bool,  # noqa: FBT001 - a column of the table
) -> None:
    decision = kept(code, seen=a_look(OLD, candidate=ENDED))
    assert decision.last_exit == ("exit 139" if told else "")
    assert decision.last_lines == (tuple("cdefg") if told else ())


@pytest.mark.parametrize(("failed", "told"), [(2, 0), (3, 3), (5, 5)])
def test_failed_probes_are_kept_only_when_they_broke_it(failed: int, told: int) -> None:
    seen = a_look(OLD, candidate=replace(ENDED, failed_probes=failed))
    assert kept("rolledback.breakage", seen=seen).failed_probes == told
    assert kept("rolledback.worse", seen=seen).failed_probes == 0


def test_an_unknown_candidate_leaves_no_last_words() -> None:
    decision = kept("rolledback.crashed", seen=Seen())
    assert (decision.last_exit, decision.last_lines) == ("", ())


@pytest.mark.parametrize(
    ("code", "why"), [("overruled", "we know better"), ("aborted", "lunch"), ("undone", "lunch")]
)
def test_a_decision_keeps_the_reason_of_the_person_who_made_it(code: str, why: str) -> None:
    assert kept(code, new=replace(NEW, override_why="we know better", why="lunch")).why == why


def test_a_pause_keeps_the_reason_of_the_person_who_paused() -> None:
    paused = Pause(code="paused.person", by="local:ana", why="lunch")
    assert kept("paused.person", new=replace(NEW, paused=paused)).why == "lunch"
