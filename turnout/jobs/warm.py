"""Asks the candidate until its latency is steady, so that no user pays for its first answers."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Final

from turnout.adapters.jobs.job_file import JobFile
from turnout.domain.checks import Finding, Job, JobKind, JobResult, JobState, WarmUp
from turnout.jobs.asking import Asker, Reply, asking
from turnout.jobs.requests import Ask, read_golden, read_requests, read_template

TOGETHER: Final = 16
_LEAST: Final = 20
_LOOKED_AT: Final = 3
_RISE_RATIO: Final = 1.1
# Below this a difference is the machine's, not the model's.
_FLOOR_S: Final = 0.001
_PAUSE_S: Final = 0.5
_MS: Final = 1000.0


@dataclass(frozen=True, slots=True)
class Round:
    """One batch of requests: the median of its answers, and how many failed."""

    median_s: float
    failed: int
    why: str = ""


def is_steady(rounds: Sequence[Round]) -> bool:
    """Tell whether the last three medians lie within 10 % (or 1 ms) and no request failed."""
    last = rounds[-_LOOKED_AT:]
    if len(last) < _LOOKED_AT or any(each.failed for each in last):
        return False
    low, high = min(each.median_s for each in last), max(each.median_s for each in last)
    return high <= max(low * _RISE_RATIO, low + _FLOOR_S)


def build(job_file: JobFile) -> "Warm":
    """Make the work of a warm job."""
    return Warm(job_file.folder, job_file.job)


class Warm:
    """Sends batches of requests until they are steady or the time is over."""

    def __init__(self, _: Path, job: Job) -> None:
        self._job = job
        self._together = job.checks.golden[0].concurrency if job.checks.golden else TOGETHER
        self._size = max(_LEAST, 2 * self._together)

    async def attempt(self) -> JobResult:
        """Warm the candidate up."""
        warm = self._job.checks.warm or WarmUp()
        asks = self._asks(warm)
        if not asks:
            return self._result(JobState.PASSED, "nothing to ask: there is no ready path")
        rounds: list[Round] = []
        try:
            async with asyncio.timeout(warm.within_s):
                await self._send(asks, rounds)
        except TimeoutError:
            text = f"not steady within {warm.within_s:g} s: {self._told(rounds)}"
            return self._result(JobState.FAILED, text)
        return self._result(JobState.PASSED, f"steady: {self._told(rounds)}")

    def _asks(self, warm: WarmUp) -> list[Ask]:
        golden, service = self._job.checks.golden, self._job.service
        if warm.requests is not None:
            file = golden[0].request if golden else None
            return read_requests(warm.requests, read_template(file, service))
        if golden:
            return [ask for _, ask in read_golden(golden[0], service)]
        return [Ask(self._job.health_path)] if self._job.health_path else []

    async def _send(self, asks: Sequence[Ask], rounds: list[Round]) -> None:
        endless = cycle(asks)
        async with asking(JobKind.WARM, self._together) as client:
            asker = Asker(client, self._job.candidate)
            while not is_steady(rounds):
                rounds.append(await self._round(asker, islice(endless, self._size)))
                if rounds[-1].failed == self._size:
                    await asyncio.sleep(_PAUSE_S)

    async def _round(self, asker: Asker, asks: Iterator[Ask]) -> Round:
        replies: list[Reply] = []
        await asker.ask_all(enumerate(asks), self._together, lambda _, reply: replies.append(reply))
        failed = [reply.why for reply in replies if reply.text is None]
        times_s = [reply.took_s for reply in replies if reply.text is not None]
        why = failed[0] if failed else ""
        return Round(median(times_s) if times_s else 0.0, len(failed), why)

    def _told(self, rounds: Sequence[Round]) -> str:
        medians = ", ".join(f"{each.median_s * _MS:.1f}" for each in rounds[-_LOOKED_AT:])
        failed = sum(each.failed for each in rounds)
        text = f"{len(rounds) * self._size} requests, last medians {medians or 'none'} ms"
        why = next((each.why for each in reversed(rounds) if each.why), "")
        return f"{text}, {failed} failed ({why})" if failed else text

    def _result(self, state: JobState, text: str) -> JobResult:
        ok = state is JobState.PASSED
        finding = Finding(code="warm", ok=ok, name=self._job.service, text=text)
        return JobResult(state=state, findings=(finding,), why="" if ok else text)
