"""Jobs in memory and as processes behave alike; processes survive what processes meet."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from turnout.adapters.jobs.jobs import JobSettings, ProcessJobs
from turnout.application.ports import Jobs
from turnout.children import Child, adopt, is_locked
from turnout.domain.checks import ArtifactRules, Checks, Job, JobKind, JobState
from turnout.testing.contracts_jobs import JobsContract, a_job, finished
from turnout.testing.fake_jobs import MemoryJobs
from turnout.testing.waiting import eventually

SLEEPS = (sys.executable, "-c", "import signal; signal.pause()")
DIES = (sys.executable, "-c", "import sys; sys.exit('no luck')")
ENVIRONMENT = (
    sys.executable,
    "-c",
    "import json, os, sys; open(sys.argv[3] + '.env', 'w').write(json.dumps(dict(os.environ)))",
)


class TestMemoryJobs(JobsContract):
    @pytest.fixture
    def jobs(self) -> Jobs:
        return MemoryJobs(failed={(JobKind.PREPARE, "v9")})

    @pytest.fixture
    def reopened(self, jobs: Jobs) -> Callable[[], Jobs]:
        return lambda: jobs

    @pytest.fixture
    def failing(self) -> Job:
        return a_job(version="v9")

    async def test_a_job_that_is_held_runs_until_it_is_let_go(self) -> None:
        jobs = MemoryJobs(running={(JobKind.PREPARE, "v1")})
        await jobs.ensure(a_job())
        held = await jobs.look(a_job().key)
        jobs.running.clear()
        ended = await jobs.look(a_job().key)
        assert held is not None
        assert ended is not None
        assert (held.state, ended.state) == (JobState.RUNNING, JobState.PASSED)

    async def test_a_version_that_is_refused_stays_refused(self) -> None:
        jobs = MemoryJobs(refused={(JobKind.PREPARE, "v1")})
        await jobs.ensure(a_job())
        result = await finished(jobs, a_job().key)
        jobs.refused.clear()
        assert await jobs.look(a_job().key) == result
        assert [finding.code for finding in result.findings] == ["signature"]


def holder_of(lock: Path) -> Child | None:
    # One look may miss a process that is opening and closing files; the lock itself never errs.
    while is_locked(lock):
        if child := adopt(lock):
            return child
    return None


class Ports:
    """Opens ports on one folder, and ends what they started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._opened: list[ProcessJobs] = []

    def open(self, command: tuple[str, ...] | None = None) -> ProcessJobs:
        settings = JobSettings(folder=self.folder, pauses_s=())
        settings = replace(settings, command=command) if command else settings
        self._opened.append(ProcessJobs(settings))
        return self._opened[-1]

    def locks(self) -> list[Path]:
        return list(self.folder.glob("jobs/*/lock"))

    def pids(self) -> list[int]:
        children = [child for lock in self.locks() if (child := holder_of(lock))]
        for child in children:
            child.close()
        return [child.pid for child in children]

    def close(self) -> None:
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        for port in self._opened:
            port.close()


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[Ports]:
    opened = Ports(tmp_path)
    yield opened
    opened.close()


class TestProcessJobs(JobsContract):
    @pytest.fixture
    def jobs(self, ports: Ports) -> Jobs:
        return ports.open()

    @pytest.fixture
    def reopened(self, ports: Ports) -> Callable[[], Jobs]:
        return ports.open

    @pytest.fixture
    def failing(self) -> Job:
        artifact = ArtifactRules(source="nowhere/v1")
        return replace(a_job(), checks=Checks(artifact=artifact))


async def test_a_job_under_way_is_adopted_and_not_started_twice(ports: Ports) -> None:
    first, second = ports.open(SLEEPS), ports.open(SLEEPS)
    await first.ensure(a_job())
    before = ports.pids()
    first.close()
    await second.ensure(a_job())
    await second.ensure(a_job())
    assert ports.pids() == before
    assert len(before) == 1


async def test_a_job_whose_process_died_is_started_again(ports: Ports) -> None:
    jobs = ports.open(SLEEPS)
    await jobs.ensure(a_job())
    (pid,) = ports.pids()
    os.kill(pid, signal.SIGKILL)

    async def runs_anew() -> bool:
        await jobs.ensure(a_job())
        return ports.pids() not in ([], [pid])

    await eventually(runs_anew)
    running = await jobs.look(a_job().key)
    assert running is not None
    assert running.state is JobState.RUNNING


async def test_a_job_that_always_dies_fails_with_its_last_words(ports: Ports) -> None:
    jobs = ports.open(DIES)

    async def gave_up() -> bool:
        await jobs.ensure(a_job())
        result = await jobs.look(a_job().key)
        return result is not None and result.state is JobState.FAILED

    await eventually(gave_up)
    result = await ports.open().look(a_job().key)
    assert result is not None
    assert "ended 3 times without a result" in result.why
    assert "no luck" in result.why


async def test_a_job_sees_a_few_variables_and_no_secret(
    ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "secret")
    monkeypatch.setenv("LC_TIME", "C")
    await ports.open(ENVIRONMENT).ensure(a_job())

    async def is_written() -> bool:
        return any(ports.folder.rglob("result.json.env"))

    await eventually(is_written)
    (written,) = ports.folder.rglob("result.json.env")
    text = written.read_text(encoding="utf-8")
    assert "secret" not in text
    assert '"LC_TIME"' in text
    assert '"TURNOUT_INSTANCE": "job-' in text


async def test_a_look_at_a_known_result_reads_no_file(ports: Ports) -> None:
    jobs = ports.open()
    await jobs.ensure(a_job())
    result = await finished(jobs, a_job().key)
    for file in ports.folder.glob("jobs/*/*.json"):
        file.unlink()
    assert await jobs.look(a_job().key) == result
