"""Tries a job's work again when its surroundings refused it, and gives up in the end."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Protocol

from turnout.domain.checks import JobResult, JobState
from turnout.errors import TurnoutError, UnavailableError


class Work(Protocol):
    """What a kind of job does; a second attempt goes on from where the first one ended.

    An UnavailableError or OSError says that the surroundings refused it, and is tried again.
    """

    async def attempt(self) -> JobResult:
        """Do it, or the rest of it."""
        ...


async def perform(
    work: Work,
    pauses_s: Sequence[float],
    pause_s: Callable[[float], Awaitable[None]],
    mono_s: Callable[[], float],
) -> JobResult:
    """Try the work once and once more after each pause; never raises but for mistakes in code."""
    began_s = mono_s()
    result = await _attempt(work)
    for seconds_s in pauses_s:
        if isinstance(result, JobResult):
            break
        await pause_s(seconds_s)
        result = await _attempt(work)
    if not isinstance(result, JobResult):
        tries = len(pauses_s) + 1
        result = JobResult(state=JobState.FAILED, why=f"{result} (tried {tries} times)")
    return replace(result, seconds_s=round(mono_s() - began_s, 3))


async def _attempt(work: Work) -> JobResult | str:
    try:
        return await work.attempt()
    except (UnavailableError, OSError) as error:
        return str(error)
    except TurnoutError as error:
        return JobResult(state=JobState.FAILED, why=str(error))
