"""When a job's work is tried again, and when it is given up."""

from dataclasses import dataclass, field

import pytest

from turnout.domain.checks import JobResult, JobState
from turnout.errors import BadInputError, UnavailableError
from turnout.jobs.attempts import perform

PASSED = JobResult(state=JobState.PASSED)


@dataclass
class Scripted:
    outcomes: list[JobResult | Exception]
    pauses: list[float] = field(default_factory=list)
    now_s: float = 100.0

    async def attempt(self) -> JobResult:
        outcome = self.outcomes.pop(0)
        self.now_s += 1.0
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def pause_s(self, seconds_s: float) -> None:
        self.now_s += seconds_s
        self.pauses.append(seconds_s)


async def performed(*outcomes: JobResult | Exception) -> tuple[JobResult, list[float]]:
    work = Scripted(list(outcomes))
    result = await perform(work, (5.0, 20.0), work.pause_s, lambda: work.now_s)
    return result, work.pauses


async def test_work_that_passes_at_once_is_done_once() -> None:
    result, pauses = await performed(PASSED)
    assert (result.state, result.seconds_s, pauses) == (JobState.PASSED, 1.0, [])


@pytest.mark.parametrize("error", [UnavailableError("away"), OSError(28, "disk full")])
async def test_what_the_surroundings_refuse_is_tried_again(error: Exception) -> None:
    result, pauses = await performed(error, error, PASSED)
    assert (result.state, result.seconds_s, pauses) == (JobState.PASSED, 28.0, [5.0, 20.0])


async def test_surroundings_that_refuse_to_the_end_fail_the_job() -> None:
    result, pauses = await performed(*[UnavailableError("nobody answers")] * 3)
    assert (result.state, pauses) == (JobState.FAILED, [5.0, 20.0])
    assert result.why == "nobody answers (tried 3 times)"


async def test_a_mistake_in_the_rules_fails_at_once() -> None:
    result, pauses = await performed(BadInputError("row 3 is no row"))
    assert (result.state, result.why, pauses) == (JobState.FAILED, "row 3 is no row", [])


async def test_a_refusal_is_a_result_and_not_tried_again() -> None:
    result, pauses = await performed(JobResult(state=JobState.REFUSED))
    assert (result.state, pauses) == (JobState.REFUSED, [])


async def test_a_mistake_in_code_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        await performed(ZeroDivisionError())
