"""The port Jobs: starts a job's process, finds it again by its lock, reads its result."""

import asyncio
import os
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import turnout
from turnout.adapters.jobs.job_file import (
    JobFile,
    read_result,
    write_job,
    write_result,
)
from turnout.application.ports import Jobs
from turnout.children import Child, ChildSpec, adopt, is_locked, start
from turnout.domain.checks import Job, JobResult, JobState

_INHERITED: Final = frozenset({"PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "VIRTUAL_ENV"})
_LOG_TAIL_BYTES: Final = 4096
_LOG_LINES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSettings:
    """Where jobs lie, and how often an unlucky one is begun.

    `pauses_s` are the waits after which a job tries again what its surroundings refused; `starts`
    is how often a process that ended without a result is started in all.
    """

    folder: Path
    pauses_s: tuple[float, ...] = (5.0, 20.0)
    starts: int = 3
    command: tuple[str, ...] = (sys.executable, "-m", "turnout.jobs")


class ProcessJobs:
    """Runs each job as a process that outlives the controller."""

    def __init__(self, settings: JobSettings) -> None:
        self._settings = settings
        self._results: dict[str, JobResult] = {}
        self._children: dict[str, Child] = {}

    async def ensure(self, job: Job) -> None:
        """Start the job unless it runs or has a result; a dead one begins again."""
        child = self._children.get(job.key)
        if job.key in self._results or (child is not None and child.is_alive):
            return
        if await asyncio.to_thread(self._result, job.key) is None:
            await asyncio.to_thread(self._begin, job)

    async def look(self, key: str) -> JobResult | None:
        """Give the result, RUNNING while there is none, None when it was never asked for."""
        if key in self._results:
            return self._results[key]
        child = self._children.get(key)
        if child is not None and child.is_alive:
            return JobResult(state=JobState.RUNNING)
        if result := self._result(key):
            return result
        asked = child is not None or (self._place(key) / "spec.json").exists()
        return JobResult(state=JobState.RUNNING) if asked else None

    def close(self) -> None:
        """Let go of the processes; they run on and are found again."""
        while self._children:
            self._children.popitem()[1].close()

    def _place(self, key: str) -> Path:
        return self._settings.folder.absolute() / "jobs" / sha256(key.encode()).hexdigest()

    def _result(self, key: str) -> JobResult | None:
        result = read_result(self._place(key) / "result.json")
        if result is not None:
            self._results[key] = result
            if child := self._children.pop(key, None):
                _ = child.is_alive  # reaps it
                child.close()
        return result

    def _begin(self, job: Job) -> None:
        place = self._place(job.key)
        place.mkdir(parents=True, exist_ok=True)
        child = adopt(place / "lock") if is_locked(place / "lock") else self._start(job, place)
        if old := self._children.pop(job.key, None):
            old.close()
        if child is not None:
            self._children[job.key] = child

    def _start(self, job: Job, place: Path) -> Child | None:
        if _count_start(place) > self._settings.starts:
            write_result(place / "result.json", _gave_up(place, self._settings.starts))
            self._result(job.key)
            return None
        folder = self._settings.folder.absolute()
        pauses_s = self._settings.pauses_s
        write_job(place / "spec.json", JobFile(folder=folder, pauses_s=pauses_s, job=job))
        files = (str(place / "spec.json"), str(place / "result.json"))
        return start(
            ChildSpec(
                argv=(*self._settings.command, job.kind, *files),
                env=_environment(),
                folder=Path(turnout.__file__).parents[1],  # where `-m turnout.jobs` is found
                lock=place / "lock",
                log=place / "job.log",
                mark=f"job-{place.name[:12]}",
            )
        )


def build_jobs(settings: JobSettings) -> Jobs:
    """Make the port; its `close` lets go of what runs."""
    return ProcessJobs(settings)


def _count_start(place: Path) -> int:
    # One byte for each start, so that a controller killed in between forgets none.
    with (place / "starts").open("ab") as file:
        file.write(b".")
        return file.tell()


def _gave_up(place: Path, starts: int) -> JobResult:
    lines = _last_lines(place / "job.log")
    why = f"the job's process ended {starts} times without a result; its last words: {lines}"
    return JobResult(state=JobState.FAILED, why=why)


def _last_lines(log: Path) -> str:
    try:
        tail = log.read_bytes()[-_LOG_TAIL_BYTES:]
    except FileNotFoundError:
        return "none"
    return "\n".join(tail.decode(errors="replace").splitlines()[-_LOG_LINES:]) or "none"


def _environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED or name.startswith("LC_")
    }
