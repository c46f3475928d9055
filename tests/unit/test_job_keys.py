"""Which long work a phase asks for, and under which key its result is kept."""

from dataclasses import replace

import pytest

from turnout.domain.checks import ArtifactRules, Checks, JobKind, WarmUp
from turnout.domain.jobs import job_key, job_of
from turnout.domain.release import Phase, Release
from turnout.domain.version import Endpoint
from turnout.testing.world import (
    GOLDEN,
    a_look,
    a_plan,
    a_release,
    a_running,
    a_set,
    a_version,
    all_checks,
)

KINDS = {
    Phase.PREPARING: JobKind.PREPARE,
    Phase.VERIFYING: JobKind.VERIFY,
    Phase.WARMING: JobKind.WARM,
}
ABSENT = {
    Phase.PREPARING: Checks(golden=(GOLDEN,), warm=WarmUp()),
    Phase.VERIFYING: Checks(artifact=ArtifactRules(source="models/v1"), warm=WarmUp()),
    Phase.WARMING: Checks(artifact=ArtifactRules(source="models/v1"), golden=(GOLDEN,)),
}


def row(phase: Phase, checks: Checks | None = None, **changes: object) -> Release:
    plan = a_plan(checks=checks or all_checks())
    return a_release(phase, plan=plan, **changes)  # type: ignore[arg-type]  # names of Release's fields


@pytest.mark.parametrize("phase", Phase)
def test_three_phases_ask_for_a_job_and_the_others_for_none(phase: Phase) -> None:
    release = row(phase)
    job = job_of(release, a_look(release))
    assert (job.kind if job else None) is KINDS.get(phase)


@pytest.mark.parametrize("phase", KINDS)
def test_a_part_that_the_plan_has_not_asks_for_no_job(phase: Phase) -> None:
    release = row(phase, ABSENT[phase])
    assert job_of(release, a_look(release)) is None


@pytest.mark.parametrize("phase", KINDS)
@pytest.mark.parametrize("running", [None, a_running(0, 1)], ids=["unknown", "no endpoint"])
def test_only_work_at_the_candidate_waits_for_where_it_answers(phase: Phase, running: None) -> None:
    release = row(phase)
    job = job_of(release, a_look(release, candidate=running))
    assert (job is not None) is (phase is Phase.PREPARING)


def test_a_fast_return_is_fetched_and_warmed_but_not_verified() -> None:
    asked = {
        phase: job_of(release, a_look(release)) is not None
        for phase in KINDS
        for release in [row(phase, fast_return=True)]
    }
    assert asked == {Phase.PREPARING: True, Phase.VERIFYING: False, Phase.WARMING: True}


def test_a_job_knows_version_checks_and_where_both_versions_answer() -> None:
    release = row(Phase.VERIFYING)
    candidate = a_running(1, endpoints=(Endpoint("127.0.0.1", 9002),), health_path="/health")
    stable = a_running(1, endpoints=(Endpoint("127.0.0.1", 9001),), health_path="/other")
    job = job_of(release, a_look(release, candidate=candidate, stable=stable))
    assert job is not None
    assert (job.service, job.version, job.digest) == ("shop", "v2", "sha256:v2")
    assert (job.artifact_digest, job.checks) == ("sha256:artifact-v2", release.plan.checks)
    assert (job.candidate, job.stable) == (candidate.endpoints, stable.endpoints)
    assert (job.stable_digest, job.health_path) == ("sha256:v1", "/health")


def test_a_first_release_has_no_stable_version_to_ask() -> None:
    release = row(Phase.VERIFYING, first=True)
    job = job_of(release, a_look(release))
    assert job is not None
    assert (job.stable, job.stable_digest) == ((), None)


def test_an_artifact_is_fetched_while_nothing_is_known_of_the_world() -> None:
    release = row(Phase.PREPARING)
    job = job_of(release, a_look(release, candidate=None, stable=None))
    assert job is not None
    assert (job.candidate, job.stable, job.health_path) == ((), (), None)


# --- keys


def test_a_key_names_the_kind_and_the_set_and_keeps_its_form() -> None:
    release = row(Phase.VERIFYING)
    kind, name, digest = job_key(release, JobKind.VERIFY).split("/")
    assert (kind, name) == ("verify", "shop-r2")
    assert digest == "cde575637d98"  # of "sha256:v2\nsha256:golden": a stored result is found again


def test_the_same_inputs_have_the_same_key_whatever_the_release_does() -> None:
    release = row(Phase.VERIFYING)
    later = replace(release, edition=9, revision=12, spent_s=40.0)
    assert job_key(later, JobKind.VERIFY) == job_key(release, JobKind.VERIFY)


@pytest.mark.parametrize(
    "other",
    [
        row(Phase.VERIFYING).with_arm(set=a_set(3, "v2")),
        row(Phase.VERIFYING).with_arm(
            set=replace(a_set(2, "v2"), version=a_version("v2", "sha256:rebuilt"))
        ),
        row(Phase.VERIFYING, Checks(golden=(replace(GOLDEN, digest="sha256:other"),))),
        row(Phase.VERIFYING, Checks(golden=(GOLDEN, GOLDEN))),
    ],
    ids=["another set", "another digest", "another golden set", "one golden set more"],
)
def test_other_inputs_have_another_key(other: Release) -> None:
    assert job_key(other, JobKind.VERIFY) != job_key(row(Phase.VERIFYING), JobKind.VERIFY)


def test_kinds_of_work_do_not_share_a_result() -> None:
    release = row(Phase.VERIFYING)
    assert len({job_key(release, kind) for kind in JobKind}) == len(JobKind)
