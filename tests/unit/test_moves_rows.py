"""Every row of the table of moves: what makes it hold, and what just does not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import pytest

from turnout.domain.checks import JobResult, JobState
from turnout.domain.moves import MOVES, Ruling, decide
from turnout.domain.release import OnTrouble, Outcome, Pause, Phase, Release, Seen, Step
from turnout.testing.world import (
    a_judged,
    a_judgement,
    a_look,
    a_plan,
    a_release,
    a_running,
    all_checks,
    an_answer,
)

RUNNING, PASSED, REFUSED, FAILED = (JobResult(state=state) for state in JobState)
CHECKED = a_plan(checks=all_checks())
PATIENT = replace(a_plan(), patience_s=120.0, blind_s=90.0)
BACK = replace(PATIENT, on_undecided=OnTrouble.ROLLBACK)
FOUR_HOLDS = replace(PATIENT, blind_s=39.0)
STEPS = (Step(weight_bp=1000, hold_s=10.0), Step(weight_bp=10_000, hold_s=10.0, approval=True))
ASKS = replace(a_plan(), steps=STEPS)
GOOD = a_judgement(gate=True, requests_in_step=40)
UNUSED = a_judgement(gate=True)
UNCLEAR = a_judgement(requests_in_step=40)
Nearly = Mapping[str, tuple[Release, Seen]]


@dataclass(frozen=True)
class Row:
    """One row: where it is taken, where it leads, and what is nearly so and takes it not."""

    code: str
    to: Phase
    release: Release
    look: Seen
    outcome: Outcome | None = None
    nearly: Nearly = field(default_factory=dict)


def job_row(phase: Phase, code: str, job: JobResult, to: Phase, outcome: Outcome | None) -> Row:
    release = a_release(phase, plan=CHECKED)
    nearly = {
        "running": (release, a_look(release, job=RUNNING)),
        "never asked": (release, a_look(release)),
    }
    return Row(code, to, release, a_look(release, job=job), outcome, nearly)


def job_rows() -> Iterator[Row]:
    nexts = {
        Phase.PREPARING: ("prepared", Phase.STARTING),
        Phase.VERIFYING: ("verified", Phase.WARMING),
        Phase.WARMING: ("warm", Phase.SHIFTING),
    }
    for phase, (code, to) in nexts.items():
        yield job_row(phase, code, PASSED, to, None)
        yield job_row(phase, "rolledback.failed", FAILED, Phase.ROLLING_BACK, Outcome.FAILED)
        if phase is not Phase.WARMING:
            yield job_row(phase, "refused", REFUSED, Phase.ROLLING_BACK, Outcome.REFUSED)


def asking_first() -> Row:
    plan = replace(CHECKED, steps=(replace(STEPS[0], approval=True), STEPS[1]))
    release = a_release(Phase.WARMING, plan=plan)
    given = replace(release, approved_by="local:bo")
    later = a_release(Phase.WARMING, plan=replace(CHECKED, steps=STEPS))
    nearly = {
        "running": (release, a_look(release, job=RUNNING)),
        "never asked": (release, a_look(release)),
        "failed": (release, a_look(release, job=FAILED)),
        "approved": (given, a_look(given, job=PASSED)),
        "a later step asks": (later, a_look(later, job=PASSED)),
    }
    look = a_look(release, job=PASSED)
    return Row("waiting.approval", Phase.WAITING, release, look, nearly=nearly)


def starting() -> Row:
    release = a_release(Phase.STARTING, n=2)
    none = a_release(Phase.STARTING, n=0)
    nearly = {
        "one of two": (release, a_look(release, candidate=a_running(1, 2))),
        "unknown": (release, a_look(release, candidate=None)),
        "none wanted": (none, a_look(none)),
    }
    return Row("ready", Phase.VERIFYING, release, a_look(release), nearly=nearly)


def shifting() -> Row:
    release = a_release(Phase.SHIFTING, step=1, weight_bp=5000, n=1)
    lower = a_release(Phase.SHIFTING, step=1, weight_bp=4999, n=1)
    nearly = {
        "not acked": (release, a_look(release, route=an_answer(release, acked=False))),
        "acked before": (release, a_look(release, route=an_answer(release, revision=6))),
        "unknown": (release, a_look(release, route=None)),
        "one point less": (lower, a_look(lower)),
    }
    return Row("watching", Phase.WATCHING, release, a_look(release), nearly=nearly)


def watching(**changes: object) -> Release:
    return a_release(Phase.WATCHING, **{"weight_bp": 1000, "evidence_s": 10.0, **changes})  # type: ignore[arg-type]  # names of Release's fields


def passing() -> Row:
    release = watching()
    elsewhere = replace(a_judged(release, GOOD), weight_bp=999)
    before = replace(a_judged(release, GOOD), step=1)
    nearly = {
        "hold not over": (watching(evidence_s=9.99), a_look(release, judgement=GOOD)),
        "long, but without evidence": (
            watching(evidence_s=9.0, spent_s=80.0),
            a_look(release, judgement=GOOD),
        ),
        "blind": (release, a_look(release)),
        "of another weight": (release, a_look(release, judged=elsewhere)),
        "of another step": (release, a_look(release, judged=before)),
        "no request": (release, a_look(release, judgement=UNUSED)),
        "undecided": (release, a_look(release, judgement=UNCLEAR)),
    }
    look = a_look(release, judgement=GOOD)
    return Row("step.passed", Phase.SHIFTING, release, look, nearly=nearly)


def asking() -> Row:
    release = watching(plan=ASKS)
    given = watching(plan=ASKS, approved_by="local:bo")
    short = watching(plan=ASKS, evidence_s=9.99)
    nearly = {
        "approved": (given, a_look(given, judgement=GOOD)),
        "not passed": (short, a_look(short, judgement=GOOD)),
        "next step asks nobody": (watching(), a_look(watching(), judgement=GOOD)),
    }
    look = a_look(release, judgement=GOOD)
    return Row("waiting.approval", Phase.WAITING, release, look, nearly=nearly)


def passing_last() -> Row:
    release = watching(step=2, weight_bp=10_000)
    one_left = watching(step=1, weight_bp=5000)
    nearly = {
        "no request": (release, a_look(release, judgement=UNUSED)),
        "a step is left": (one_left, a_look(one_left, judgement=GOOD)),
        "hold not over": (watching(step=2, weight_bp=10_000, evidence_s=9.99), a_look(release)),
    }
    # Nothing is left to compare with at 100 %: no gate is asked for (D-1).
    return Row(
        "passed", Phase.PROMOTING, release, a_look(release, judgement=UNCLEAR), nearly=nearly
    )


def giving_up() -> Iterator[Row]:
    for plan, code, to, outcome in (
        (PATIENT, "paused.undecided", Phase.WATCHING, None),
        (BACK, "rolledback.undecided", Phase.ROLLING_BACK, Outcome.UNDECIDED),
    ):
        release = watching(plan=plan, evidence_s=120.0, spent_s=125.0)
        short = watching(plan=plan, evidence_s=119.99, spent_s=125.0)
        look = a_look(release, judgement=UNCLEAR)
        yield Row(code, to, release, look, outcome, {"patience": (short, look)})


def blind() -> Iterator[Row]:
    for plan, limit_s in ((PATIENT, 90.0), (FOUR_HOLDS, 40.0)):
        release = watching(plan=plan, evidence_s=5.0, spent_s=5.0 + limit_s)
        short = watching(plan=plan, evidence_s=5.0, spent_s=4.99 + limit_s)
        yield Row(
            "rolledback.no_evidence",
            Phase.ROLLING_BACK,
            release,
            a_look(release),
            Outcome.NO_EVIDENCE,
            {f"{limit_s:g} s not over": (short, a_look(short))},
        )


def waiting() -> Row:
    release = a_release(Phase.WAITING, plan=ASKS, weight_bp=1000, approved_by="local:bo")
    nobody = a_release(Phase.WAITING, plan=ASKS, weight_bp=1000)
    return Row(
        "approved", Phase.SHIFTING, release, a_look(release), None, {"nobody": (nobody, Seen())}
    )


def promoting() -> Row:
    plan = a_plan(replicas=2)
    release = a_release(Phase.PROMOTING, plan=plan, weight_bp=10_000, n=2)
    less = a_release(Phase.PROMOTING, plan=plan, weight_bp=9999, n=2)
    nearly = {
        "one is missing": (release, a_look(release, candidate=a_running(1, 2))),
        "not acked": (release, a_look(release, route=an_answer(release, acked=False))),
        "one point less": (less, a_look(less)),
    }
    return Row("promoted", Phase.BAKING, release, a_look(release), Outcome.PROMOTED, nearly)


def baking() -> Row:
    def row(**changes: object) -> Release:
        kept: dict[str, object] = {"outcome": Outcome.PROMOTED, "weight_bp": 10_000, **changes}
        return a_release(Phase.BAKING, **kept)  # type: ignore[arg-type]  # names of Release's fields

    release, overruled = row(evidence_s=10.0), row(override_by="local:bo", spent_s=9.99)
    nearly = {
        "moment": (row(evidence_s=9.99), a_look(release)),
        "time without evidence": (row(evidence_s=1.0, spent_s=900.0), a_look(release)),
        "not whole": (release, a_look(release, candidate=a_running(0, 1))),
        "overruled, time not over": (overruled, a_look(overruled)),
    }
    return Row("baked", Phase.RETIRING, release, a_look(release), Outcome.PROMOTED, nearly)


def retiring() -> Row:
    release = a_release(Phase.RETIRING, weight_bp=10_000, stable_n=0, sole=True)
    nearly = {
        "one lingers": (release, a_look(release, stable=a_running(0, 1))),
        "unknown": (release, a_look(release, stable=None)),
        "not acked": (release, a_look(release, route=an_answer(release, acked=False))),
        "still wanted": (replace(release, stable_n=1), a_look(release, stable=a_running(0))),
    }
    return Row("retired", Phase.PROMOTED, release, a_look(release), nearly=nearly)


def rolling_back() -> Row:
    release = a_release(Phase.ROLLING_BACK, n=0, outcome=Outcome.WORSE)
    there = a_release(Phase.ROLLING_BACK, n=1, outcome=Outcome.WORSE)
    nearly = {
        "one lingers": (release, a_look(release, candidate=a_running(0, 1))),
        "unknown": (release, a_look(release, candidate=None)),
        "stable not ready": (release, a_look(release, stable=a_running(0, 1))),
        "stable unknown": (release, a_look(release, stable=None)),
        "not acked": (release, a_look(release, route=an_answer(release, acked=False))),
        "still wanted": (there, a_look(there, candidate=a_running(0))),
    }
    return Row("undone", Phase.ROLLED_BACK, release, a_look(release), Outcome.WORSE, nearly)


def late_rows() -> Iterator[Row]:
    limits = {
        Phase.PREPARING: (CHECKED.prepare_within_s, CHECKED),
        Phase.STARTING: (CHECKED.start_within_s, CHECKED),
        Phase.VERIFYING: (CHECKED.verify_within_s, CHECKED),
        Phase.WARMING: (CHECKED.warm_within_s, CHECKED),
        Phase.SHIFTING: (CHECKED.shift_within_s, CHECKED),
        Phase.WAITING: (ASKS.approve_within_s, ASKS),
        Phase.PROMOTING: (CHECKED.shift_within_s, CHECKED),
    }
    for phase, (limit_s, plan) in limits.items():
        late = Outcome.NOT_APPROVED if phase is Phase.WAITING else Outcome.TIMED_OUT
        full = phase is Phase.PROMOTING
        release = a_release(phase, plan=plan, weight_bp=10_000 if full else 1000, spent_s=limit_s)
        short = replace(release, spent_s=limit_s - 0.01)
        look = a_look(release, candidate=a_running(0, 1), route=None)
        nearly = {"not over": (short, look)}
        yield Row(f"rolledback.{late}", Phase.ROLLING_BACK, release, look, late, nearly)


ROWS = (
    *job_rows(),
    asking_first(),
    starting(),
    shifting(),
    asking(),
    passing_last(),
    passing(),
    *giving_up(),
    *blind(),
    waiting(),
    promoting(),
    baking(),
    retiring(),
    rolling_back(),
    *late_rows(),
)
IDS = [f"{row.release.phase}-{row.code}" for row in ROWS]
NEARLY = {
    f"{row.release.phase}-{row.code}-{name}": (row.code, *case)
    for row in ROWS
    for name, case in row.nearly.items()
}


def ruled(release: Release, look: Seen) -> Ruling:
    return decide(release, look, look, 0.0)


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_a_row_leads_to_its_phase_with_its_code_and_outcome(row: Row) -> None:
    ruling = ruled(row.release, row.look)
    assert (ruling.code, ruling.release.phase) == (row.code, row.to)
    assert ruling.release.outcome is row.outcome
    assert ruling.by == "turnout"


@pytest.mark.parametrize("name", NEARLY)
def test_a_row_is_not_taken_when_it_nearly_holds(name: str) -> None:
    code, release, look = NEARLY[name]
    assert ruled(release, look).code != code


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_a_new_phase_begins_with_fresh_timers_and_no_pause(row: Row) -> None:
    new = ruled(row.release, row.look).release
    if row.to is not row.release.phase:
        assert (new.spent_s, new.evidence_s, new.paused) == (0.0, 0.0, None)


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_a_pause_holds_everything_but_what_already_leaves(row: Row) -> None:
    pause = Pause(code="paused.person", by="local:ana")
    held = replace(row.release, paused=pause)
    leaves = row.release.phase in {Phase.RETIRING, Phase.ROLLING_BACK}
    assert ruled(held, row.look).code == (row.code if leaves else "")


def test_the_rows_above_are_all_rows_of_the_table() -> None:
    told = {(row.release.phase, row.code) for row in ROWS}
    table = {(phase, move.code) for phase, stay in MOVES.items() for move in stay.moves}
    table |= {(p, f"rolledback.{stay.late}") for p, stay in MOVES.items() if stay.limit_s}
    assert told == table


def test_no_phase_is_left_out_of_the_table() -> None:
    assert set(MOVES) == set(Phase)


@pytest.mark.parametrize("phase", [Phase.PROMOTED, Phase.ROLLED_BACK])
def test_a_release_that_has_ended_never_moves_again(phase: Phase) -> None:
    release = a_release(phase, weight_bp=1000, spent_s=1e9)
    look = a_look(release, judgement=a_judgement(worse=True), candidate=a_running(0, crashes=9))
    assert ruled(release, look) == Ruling(release=release)
