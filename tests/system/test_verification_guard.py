"""The demo's guard model is prepared, verified and warmed by real jobs at real servers."""

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from turnout.adapters.files import ArtifactSettings, build_artifacts
from turnout.adapters.files.trees import tree_path
from turnout.adapters.jobs.jobs import JobSettings, ProcessJobs
from turnout.adapters.model_signing import make_key, sign_tree
from turnout.children import Child, adopt, is_locked
from turnout.domain.checks import (
    ArtifactRules,
    Checks,
    GoldenRule,
    GoldenSet,
    Job,
    JobKind,
    JobResult,
    JobState,
    Scorer,
    WarmUp,
)
from turnout.domain.version import Endpoint
from turnout.testing.contracts_jobs import finished
from turnout.testing.waiting import eventually

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

GUARD = Path(__file__).parents[2] / "examples" / "guard"
LEVELS = GoldenSet(
    name="levels",
    file=str(GUARD / "golden" / "levels.jsonl"),
    digest="sha256:levels",
    scorer=Scorer.LABEL,
    rules=(
        GoldenRule(figure="recall.unsafe", min=0.95, worse_by=0.005),
        GoldenRule(figure="slice.jailbreak.recall.unsafe", min=0.9),
        GoldenRule(figure="accuracy", worse_by=0.0),
    ),
    request=str(GUARD / "golden" / "template.json"),
    labels=("safe", "controversial", "unsafe"),
    slices="slice",
)


@dataclass
class Guards:
    """Trains, signs and serves versions, and runs jobs about them."""

    folder: Path
    servers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    places: dict[str, Endpoint] = field(default_factory=dict)
    ports: list[ProcessJobs] = field(default_factory=list)

    def train(self, version: str) -> ArtifactRules:
        argv = [sys.executable, "train.py", version, str(self.folder / "models")]
        subprocess.run(argv, cwd=GUARD, check=True, capture_output=True)
        key, tree = self.folder / "keys" / "release.key", self.folder / "models" / version
        if not key.exists():
            make_key(key)
        sign_tree(tree, key)
        keys = (str(key.with_suffix(".pub")),)
        return ArtifactRules(source=str(tree), keys=keys, signature_required=True)

    def start(self, version: str, model: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            place = Endpoint("127.0.0.1", free.getsockname()[1])
        argv = [sys.executable, "serve.py", "--model", str(model), "--port", str(place.port)]
        self.servers[version] = subprocess.Popen(argv, cwd=GUARD)
        self.places[version] = place

    def running(self) -> list[Child]:
        return [child for lock in self.folder.rglob("lock") if (child := holder_of(lock))]

    def open(self) -> ProcessJobs:
        settings = JobSettings(folder=self.folder / "turnout", pauses_s=(0.1, 0.2))
        self.ports.append(ProcessJobs(settings))
        return self.ports[-1]

    async def result(self, job: Job) -> JobResult:
        jobs = self.open()
        await jobs.ensure(job)
        return await finished(jobs, job.key, within_s=60.0)

    def close(self) -> None:
        for child in self.running():
            child.send(signal.SIGKILL)
            child.close()
        for port in self.ports:
            port.close()
        for server in self.servers.values():
            server.kill()
            server.wait()


@pytest.fixture
def guards(tmp_path: Path) -> Iterator[Guards]:
    made = Guards(tmp_path)
    yield made
    made.close()


def holder_of(lock: Path) -> Child | None:
    # One look may miss a process that is opening and closing files; the lock itself never errs.
    while is_locked(lock):
        if child := adopt(lock):
            return child
    return None


async def _listens(place: Endpoint) -> bool:
    try:
        _, writer = await asyncio.open_connection(place.host, place.port)
    except OSError:
        return False
    writer.close()
    return True


async def a_prepare_job(guards: Guards, version: str, rules: ArtifactRules) -> Job:
    digest = await build_artifacts(ArtifactSettings(guards.folder)).look(rules)
    return Job(
        kind=JobKind.PREPARE,
        key=f"prepare/guard-{version}/0",
        service="guard",
        version=version,
        digest=f"sha256:{version}",
        artifact_digest=digest,
        checks=Checks(artifact=rules, golden=(LEVELS,), warm=WarmUp()),
    )


async def served(guards: Guards, version: str) -> Job:
    prepare = await a_prepare_job(guards, version, guards.train(version))
    assert (await guards.result(prepare)).state is JobState.PASSED
    assert prepare.artifact_digest is not None
    tree = tree_path(guards.folder / "turnout", "guard", prepare.artifact_digest)
    guards.start(version, tree)
    await eventually(lambda: _listens(guards.places[version]), within_s=20.0)
    verify = replace(prepare, kind=JobKind.VERIFY, key=f"verify/guard-{version}/0")
    return replace(verify, candidate=(guards.places[version],))


def after(job: Job, stable: Job) -> Job:
    return replace(job, stable=stable.candidate, stable_digest=stable.digest)


async def test_a_better_version_passes_and_one_that_forgot_is_refused(guards: Guards) -> None:
    first, better, worse = [await served(guards, f"v1.{n}") for n in range(3)]
    alone = await guards.result(first)
    passed = await guards.result(after(better, first))
    refused = await guards.result(after(worse, better))
    assert [each.state for each in (alone, passed)] == [JobState.PASSED] * 2
    assert (passed.findings[2].value, passed.findings[2].stable_value) == (1.0, 0.96)
    assert refused.state is JobState.REFUSED
    jailbreak = refused.findings[1]
    assert (jailbreak.hits, jailbreak.value, jailbreak.stable_value) == (0, 0.0, 1.0)
    assert (jailbreak.limit, len(jailbreak.first)) == (0.9, 3)


async def test_a_version_is_warmed_by_its_golden_rows(guards: Guards) -> None:
    verify = await served(guards, "v1.1")
    warm = replace(verify, kind=JobKind.WARM, key="warm/guard-v1.1/0")
    result = await guards.result(warm)
    assert result.state is JobState.PASSED, result.why


async def test_a_job_outlives_the_controller_that_asked_for_it(guards: Guards) -> None:
    verify = await served(guards, "v1.1")
    first = guards.open()
    await first.ensure(verify)
    first.close()
    second = guards.open()
    running = await second.look(verify.key)
    await second.ensure(verify)
    result = await finished(second, verify.key, within_s=60.0)
    assert running is not None
    assert (running.state, result.state) == (JobState.RUNNING, JobState.PASSED)


async def test_a_job_that_was_killed_is_done_by_the_next_process(guards: Guards) -> None:
    verify = await served(guards, "v1.1")
    jobs = guards.open()
    await jobs.ensure(verify)
    (child,) = guards.running()
    child.send(signal.SIGKILL)
    await child.ended()
    child.close()
    await jobs.ensure(verify)
    assert (await finished(jobs, verify.key, within_s=60.0)).state is JobState.PASSED


async def test_a_candidate_that_is_gone_fails_the_job_after_all_tries(guards: Guards) -> None:
    verify = await served(guards, "v1.1")
    guards.servers["v1.1"].kill()
    guards.servers["v1.1"].wait()
    result = await guards.result(verify)
    assert result.state is JobState.FAILED
    assert "did not answer 600 of 600 rows" in result.why
    assert "(tried 3 times)" in result.why


def flip(tree: Path) -> None:
    content = bytearray((tree / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (tree / "model.safetensors").write_bytes(content)


def unsign(tree: Path) -> None:
    (tree / "model.sig").unlink()


@pytest.mark.parametrize("harm", [flip, unsign])
async def test_bytes_that_nobody_signed_are_refused_before_anything_runs(
    harm: Callable[[Path], None], guards: Guards
) -> None:
    rules = guards.train("v1.1")
    harm(Path(rules.source))
    job = await a_prepare_job(guards, "v1.1", rules)
    result = await guards.result(job)
    assert result.state is JobState.REFUSED
    assert [finding.code for finding in result.findings if not finding.ok] == ["signature"]
    assert not (guards.folder / "turnout" / "versions").exists()
