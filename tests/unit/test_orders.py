"""What each command does in each phase, and when it does nothing."""

from dataclasses import replace

import pytest

from turnout.domain.orders import obey
from turnout.domain.release import FINAL, Command, Outcome, Pause, Phase, Release, Verb
from turnout.testing.world import START_S, a_command, a_release

UNDER_WAY = sorted(set(Phase) - FINAL)
BEFORE = {Phase.PREPARING, Phase.STARTING, Phase.VERIFYING, Phase.WARMING}
STEPPING = {Phase.SHIFTING, Phase.WATCHING, Phase.WAITING}
LEAVING = {Phase.RETIRING, Phase.ROLLING_BACK}
ALWAYS = set(UNDER_WAY)
OVER = LEAVING | {Phase.BAKING}  # nothing is left to agree to
PAUSE = Pause(code="paused.undecided", by="turnout", since_s=START_S)

# verb: its code, the phases in which it has an effect, the phase it leads to (None: it stays)
EFFECTS: dict[Verb, tuple[str, set[Phase], Phase | None]] = {
    Verb.PAUSE: ("paused.person", ALWAYS - LEAVING, None),
    Verb.RESUME: ("", set(), None),  # nothing is paused here
    Verb.ABORT: ("aborted", ALWAYS - LEAVING, Phase.ROLLING_BACK),
    Verb.SUPERSEDE: ("superseded", BEFORE | STEPPING, Phase.ROLLING_BACK),
    Verb.PROMOTE: ("overruled", STEPPING, Phase.PROMOTING),
    Verb.FORCE: ("overruled", STEPPING, Phase.PROMOTING),
    Verb.APPROVE: ("approval.given", ALWAYS - OVER, None),
    Verb.FINISH_BAKE: ("bake.ended", {Phase.BAKING}, Phase.RETIRING),
}


def told(release: Release, *commands: Command) -> Release:
    return obey(release, commands)[0]


def row(phase: Phase = Phase.WATCHING, **changes: object) -> Release:
    defaults: dict[str, object] = {"weight_bp": 1000, "spent_s": 40.0, "evidence_s": 30.0}
    return a_release(phase, **{**defaults, **changes})  # type: ignore[arg-type]  # names of Release's fields


@pytest.mark.parametrize("phase", UNDER_WAY)
@pytest.mark.parametrize("verb", Verb)
def test_a_command_has_its_effect_in_its_phases_and_in_no_other(verb: Verb, phase: Phase) -> None:
    code, phases, to = EFFECTS[verb]
    release = row(phase)
    new, told_code, by = obey(release, (a_command(verb),))
    if phase in phases:
        assert (told_code, by, new.phase) == (code, "local:ana", to or phase)
        assert new != release
    else:
        assert (new, told_code, by) == (release, "", "")


@pytest.mark.parametrize("phase", UNDER_WAY)
@pytest.mark.parametrize("verb", sorted(set(Verb) - {Verb.PAUSE, Verb.FINISH_BAKE}))
def test_a_command_given_twice_is_obeyed_once(verb: Verb, phase: Phase) -> None:
    once = told(row(phase), a_command(verb))
    assert obey(once, (a_command(verb),)) == (once, "", "")


def test_a_pause_says_who_why_and_since_when() -> None:
    paused = Pause(code="paused.person", by="local:ana", why="because", since_s=START_S + 60.0)
    assert told(row(), a_command(Verb.PAUSE)) == replace(row(), paused=paused)


def test_a_second_pause_keeps_the_first_one_s_reason() -> None:
    release = row(paused=PAUSE)
    assert obey(release, (a_command(Verb.PAUSE),)) == (release, "", "")


@pytest.mark.parametrize(("evidence_s", "kept_s"), [(3.0, 3.0), (10.0, 10.0), (900.0, 10.0)])
def test_a_resume_starts_patience_anew_and_keeps_the_hold(evidence_s: float, kept_s: float) -> None:
    release = row(paused=PAUSE, evidence_s=evidence_s)
    new, code, _ = obey(release, (a_command(Verb.RESUME),))
    assert (new.paused, new.evidence_s, code) == (None, kept_s, "resumed")


def test_a_resume_keeps_the_hold_of_the_present_step() -> None:
    plan = row().plan
    steps = (plan.steps[0], replace(plan.steps[1], hold_s=25.0), plan.steps[2])
    release = row(plan=replace(plan, steps=steps), step=1, paused=PAUSE)
    assert told(release, a_command(Verb.RESUME)).evidence_s == 25.0


@pytest.mark.parametrize("verb", [Verb.ABORT, Verb.SUPERSEDE])
def test_going_back_says_why_and_touches_no_number(verb: Verb) -> None:
    new = told(row(paused=PAUSE), a_command(verb))
    outcome = Outcome.ABORTED if verb is Verb.ABORT else Outcome.SUPERSEDED
    expected = replace(row(), phase=Phase.ROLLING_BACK, outcome=outcome, why="because")
    assert new == replace(expected, spent_s=0.0, evidence_s=0.0)


@pytest.mark.parametrize(("verb", "forced"), [(Verb.PROMOTE, False), (Verb.FORCE, True)])
def test_a_promotion_notes_who_overruled_and_why(
    verb: Verb,
    forced: bool,  # noqa: FBT001 - a column of the table
) -> None:
    new = told(row(paused=PAUSE), a_command(verb))
    assert (new.override_by, new.override_why, new.forced) == ("local:ana", "because", forced)
    assert (new.spent_s, new.evidence_s, new.paused) == (0.0, 0.0, None)
    assert (new.weight_bp, new.revision) == (1000, 7)


@pytest.mark.parametrize("verb", [Verb.PROMOTE, Verb.FORCE, Verb.APPROVE])
def test_a_command_for_another_digest_has_no_effect(verb: Verb) -> None:
    release = row(Phase.WAITING)
    assert obey(release, (a_command(verb, "sha256:v3"),)) == (release, "", "")


@pytest.mark.parametrize("verb", [Verb.PAUSE, Verb.ABORT, Verb.SUPERSEDE])
def test_what_is_about_the_release_alone_needs_no_digest(verb: Verb) -> None:
    assert obey(row(), (a_command(verb, ""),))[1] == EFFECTS[verb][0]


def test_the_first_approval_stays_the_one_that_counts() -> None:
    release = told(row(Phase.WAITING), a_command(Verb.APPROVE))
    assert release.approved_by == "local:ana"
    again = obey(release, (a_command(Verb.APPROVE, by="local:bo"),))
    assert again == (release, "", "")


def test_a_bake_that_a_person_ends_retires_under_a_new_revision() -> None:
    release = row(Phase.BAKING, weight_bp=10_000)
    expected = replace(release, phase=Phase.RETIRING, sole=True, revision=8)
    new = told(release, a_command(Verb.FINISH_BAKE))
    assert new == replace(expected, spent_s=0.0, evidence_s=0.0)


# --- several at once


def test_commands_are_obeyed_in_the_order_given_and_the_last_effect_is_told() -> None:
    pause, resume = a_command(Verb.PAUSE), a_command(Verb.RESUME, by="local:bo")
    new, code, by = obey(row(), (pause, resume))
    assert (new.paused, code, by) == (None, "resumed", "local:bo")
    new, code, by = obey(row(), (resume, pause))
    assert (new.paused is not None, code, by) == (True, "paused.person", "local:ana")


def test_commands_after_one_that_changes_the_phase_are_used_up_without_effect() -> None:
    abort, promote = a_command(Verb.ABORT), a_command(Verb.PROMOTE, by="local:bo")
    new, code, by = obey(row(), (abort, promote))
    assert (new.phase, new.override_by, code, by) == (
        Phase.ROLLING_BACK,
        "",
        "aborted",
        "local:ana",
    )
    assert told(row(), promote, abort).phase is Phase.PROMOTING


def test_a_command_without_effect_hides_no_earlier_one() -> None:
    approve, other = a_command(Verb.APPROVE), a_command(Verb.FINISH_BAKE, by="local:bo")
    assert obey(row(), (approve, other))[1:] == ("approval.given", "local:ana")


def test_no_command_is_no_change_and_names_nobody() -> None:
    assert obey(row(), ()) == (row(), "", "")
