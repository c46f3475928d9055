"""What a release does to the status of versions."""

from dataclasses import replace

import pytest

from turnout.domain.catalogue import Status, statuses
from turnout.domain.release import Outcome, Phase, Release
from turnout.domain.service import Service, begin
from turnout.testing.world import START_S, a_request, a_set


def a_release(phase: Phase, *, first: bool = False) -> Release:
    stable = None if first else a_set(1, "v1")
    service = Service(
        name="shop", project="shop", environment="local", stable=stable, next_number=2
    )
    return replace(begin(service, a_request("v2"), START_S), phase=phase)


def told(old: Release, new: Release) -> dict[str, Status]:
    return {version.name: status for version, status in statuses(old, new)}


def ended(outcome: Outcome) -> dict[str, Status]:
    old = a_release(Phase.ROLLING_BACK)
    return told(old, replace(old, phase=Phase.ROLLED_BACK, outcome=outcome))


def test_a_promotion_makes_stable_and_supersedes() -> None:
    found = told(a_release(Phase.PROMOTING), a_release(Phase.BAKING))
    assert found == {"v1": Status.SUPERSEDED, "v2": Status.STABLE}


def test_a_first_promotion_supersedes_nothing() -> None:
    old, new = a_release(Phase.PROMOTING, first=True), a_release(Phase.BAKING, first=True)
    assert told(old, new) == {"v2": Status.STABLE}


def test_a_bake_that_turns_back_makes_the_old_version_stable_again() -> None:
    found = told(a_release(Phase.BAKING), a_release(Phase.ROLLING_BACK))
    assert found == {"v1": Status.STABLE, "v2": Status.SUPERSEDED}


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome.WORSE,
        Outcome.LIMIT,
        Outcome.BREAKAGE,
        Outcome.REFUSED,
        Outcome.CRASHED,
        Outcome.TIMED_OUT,
        Outcome.FAILED,
    ],
)
def test_a_bad_end_marks_the_version_as_failed(outcome: Outcome) -> None:
    assert ended(outcome) == {"v2": Status.FAILED}


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome.ABORTED,
        Outcome.SUPERSEDED,
        Outcome.UNDECIDED,
        Outcome.NO_EVIDENCE,
        Outcome.NOT_APPROVED,
    ],
)
def test_another_end_leaves_the_version_as_it_was(outcome: Outcome) -> None:
    assert ended(outcome) == {}


def test_no_status_changes_within_a_phase_or_on_the_way() -> None:
    release = a_release(Phase.WATCHING)
    assert told(release, replace(release, step=1)) == {}
    assert told(release, a_release(Phase.SHIFTING)) == {}
    assert told(a_release(Phase.BAKING), a_release(Phase.RETIRING)) == {}
