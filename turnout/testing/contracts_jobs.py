"""What every part that runs jobs has to pass: subclass the suite and give its fixtures."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from turnout.application.ports import Jobs
from turnout.domain.checks import Checks, Job, JobKind, JobResult, JobState
from turnout.testing.waiting import eventually


def a_job(key: str = "prepare/shop-r1/0", *, version: str = "v1") -> Job:
    """Make a job that has nothing to check, so that it passes."""
    return Job(
        kind=JobKind.PREPARE,
        key=key,
        service="shop",
        version=version,
        digest=f"sha256:{version}",
        artifact_digest=None,
        checks=Checks(),
    )


class JobsContract:
    """Give fixtures `jobs` (knows none), `reopened` and `failing`.

    `reopened` makes another port on the same world, as after a restart; `failing` is a job that
    ends as FAILED.
    """

    async def test_a_job_that_nobody_asked_for_is_unknown(self, jobs: Jobs) -> None:
        assert await jobs.look("prepare/shop-r1/0") is None

    async def test_a_job_runs_until_it_has_a_result(self, jobs: Jobs) -> None:
        await jobs.ensure(a_job())
        result = await finished(jobs, a_job().key)
        assert result.state is JobState.PASSED

    async def test_a_result_stays_and_is_not_made_again(self, jobs: Jobs) -> None:
        await jobs.ensure(a_job())
        result = await finished(jobs, a_job().key)
        await jobs.ensure(a_job())
        assert await jobs.look(a_job().key) == result

    async def test_a_job_that_is_asked_for_twice_at_once_has_one_result(self, jobs: Jobs) -> None:
        await jobs.ensure(a_job())
        await jobs.ensure(a_job())
        assert (await finished(jobs, a_job().key)).state is JobState.PASSED

    async def test_a_job_is_found_again_after_a_restart(
        self, jobs: Jobs, reopened: Callable[[], Jobs]
    ) -> None:
        await jobs.ensure(a_job())
        again = reopened()
        known = await again.look(a_job().key)
        assert known is not None
        await again.ensure(a_job())
        result = await finished(again, a_job().key)
        assert await reopened().look(a_job().key) == result

    async def test_a_job_that_fails_says_why(self, jobs: Jobs, failing: Job) -> None:
        await jobs.ensure(failing)
        result = await finished(jobs, failing.key)
        assert result.state is JobState.FAILED
        assert result.why

    @pytest.mark.parametrize("key", ["verify/shop-r1/0", "prepare/shop-r2/0", "../../x", "模/型"])
    async def test_jobs_with_other_keys_are_other_jobs(self, jobs: Jobs, key: str) -> None:
        await jobs.ensure(a_job())
        assert await jobs.look(key) is None
        await jobs.ensure(replace(a_job(), key=key))
        assert (await finished(jobs, key)).state is JobState.PASSED


async def finished(jobs: Jobs, key: str, *, within_s: float = 15.0) -> JobResult:
    """Wait for a job's result."""

    async def has_ended() -> bool:
        result = await jobs.look(key)
        return result is not None and result.state is not JobState.RUNNING

    await eventually(has_ended, within_s=within_s)
    result = await jobs.look(key)
    assert result is not None
    return result
