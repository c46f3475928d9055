"""Jobs in memory: what comes out of them is a setting."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from turnout.application.ports import Jobs
from turnout.domain.checks import Finding, Job, JobKind, JobResult, JobState

_PASSED = JobResult(state=JobState.PASSED)
_RUNNING = JobResult(state=JobState.RUNNING)


def no_trap(_: str) -> None:
    """Let every effect pass."""


@dataclass(slots=True, kw_only=True)
class MemoryJobs:
    """Every job passes at once, unless its kind and version are in one of the sets.

    `running` jobs have no result until they leave the set; `refused` and `failed` ones end so.
    `outcomes` gives a kind and version a result of its own. `trap` is called before and after
    each effect with its name; raising there plays a crash.
    """

    running: set[tuple[JobKind, str]] = field(default_factory=set)
    refused: set[tuple[JobKind, str]] = field(default_factory=set)
    failed: set[tuple[JobKind, str]] = field(default_factory=set)
    outcomes: dict[tuple[JobKind, str], JobResult] = field(default_factory=dict)
    trap: Callable[[str], None] = no_trap
    asked: dict[str, Job] = field(default_factory=dict)
    _results: dict[str, JobResult] = field(default_factory=dict, init=False)

    async def ensure(self, job: Job) -> None:
        """Note the job, unless it is known."""
        self.trap("jobs.ensure")
        self.asked.setdefault(job.key, job)
        self.trap("jobs.ensured")

    async def look(self, key: str) -> JobResult | None:
        """Tell how the job stands; a result once told stays."""
        job = self.asked.get(key)
        if job is None:
            return None
        if key not in self._results and (job.kind, job.version) in self.running:
            return _RUNNING
        return self._results.setdefault(key, self._outcome(job))

    def _outcome(self, job: Job) -> JobResult:
        which = (job.kind, job.version)
        if which in self.outcomes:
            return self.outcomes[which]
        if which in self.failed:
            return JobResult(state=JobState.FAILED, why="told to fail")
        if which in self.refused:
            return refusal(job)
        return replace(_PASSED, seconds_s=1.0)


def refusal(job: Job) -> JobResult:
    """Make the result of a job that refuses its version."""
    code = "signature" if job.kind is JobKind.PREPARE else "golden"
    finding = Finding(code=code, ok=False, name=job.version, text="told to refuse")
    return JobResult(state=JobState.REFUSED, findings=(finding,), why=finding.text)


def build_jobs() -> Jobs:
    """Make jobs that all pass."""
    return MemoryJobs()
