"""The process of one job: its files, its result, and how little it loads."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnout.adapters.jobs.job_file import (
    JobFile,
    read_job,
    read_result,
    write_job,
    write_result,
)
from turnout.domain.checks import Checks, Finding, Job, JobResult, JobState
from turnout.domain.version import Endpoint
from turnout.errors import BadInputError
from turnout.jobs.__main__ import main
from turnout.testing.contracts_jobs import a_job
from turnout.testing.world import all_checks

ROOT = Path(__file__).parents[2]
FULL = replace(
    a_job(),
    checks=all_checks(),
    candidate=(Endpoint("127.0.0.1", 9001), Endpoint("::1", 9002)),
    stable=(Endpoint("127.0.0.1", 9003),),
    stable_digest="sha256:v0",
    health_path="/health",
)
FINDINGS = st.builds(
    Finding,
    code=st.sampled_from(["golden", "signature", "format", "size", "source", "warm"]),
    ok=st.booleans(),
    name=st.text(max_size=5),
    value=st.none() | st.floats(0, 1),
    hits=st.none() | st.integers(0, 600),
    text=st.text(max_size=20),
    first=st.lists(st.text(max_size=5), max_size=3).map(tuple),
)
RESULTS = st.builds(
    JobResult,
    state=st.sampled_from(JobState),
    findings=st.lists(FINDINGS, max_size=3).map(tuple),
    why=st.text(max_size=20),
    seconds_s=st.floats(0, 1e6),
)


def a_file(folder: Path, job: Job) -> Path:
    write_job(folder / "spec.json", JobFile(folder=folder, pauses_s=(), job=job))
    return folder / "spec.json"


@pytest.mark.parametrize("job", [a_job(), FULL], ids=["bare", "full"])
def test_a_spec_is_read_back_as_it_was_written(job: Job, tmp_path: Path) -> None:
    read = read_job(a_file(tmp_path, job))
    assert (read.job, read.folder, read.pauses_s) == (job, tmp_path, ())


@given(result=RESULTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # one folder for all
def test_a_result_is_read_back_as_it_was_written(tmp_path: Path, result: JobResult) -> None:
    write_result(tmp_path / "result.json", result)
    assert read_result(tmp_path / "result.json") == result


def test_a_result_that_is_not_there_is_no_result(tmp_path: Path) -> None:
    assert read_result(tmp_path / "result.json") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"turnout": 2}', '{"result": {"state": "odd"}}'])
def test_a_file_of_another_hand_is_named(text: str, tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError, match=r"other\.json"):
        read_result(file)
    with pytest.raises(BadInputError, match=r"other\.json"):
        read_job(file)


def test_a_key_of_a_later_edition_is_refused_and_not_overlooked(tmp_path: Path) -> None:
    spec = a_file(tmp_path, FULL)
    told = json.loads(spec.read_text(encoding="utf-8"))
    told["job"]["checks"]["golden"][0]["sample"] = 10
    spec.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(BadInputError, match="sample"):
        read_job(spec)


@pytest.mark.parametrize("kind", ["prepare", "verify", "warm"])
def test_a_job_with_nothing_to_check_passes_in_its_process(kind: str, tmp_path: Path) -> None:
    spec, result = a_file(tmp_path, a_job()), tmp_path / "result.json"
    argv = [sys.executable, "-m", "turnout.jobs", kind, str(spec), str(result)]
    subprocess.run(argv, cwd=ROOT, check=True, timeout=15)
    read = read_result(result)
    assert read is not None
    assert read.state is JobState.PASSED
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_a_kind_that_nobody_knows_is_a_mistake(tmp_path: Path) -> None:
    spec = a_file(tmp_path, replace(a_job(), checks=Checks()))
    with pytest.raises(ValueError, match="bake"):
        main(["bake", str(spec), str(tmp_path / "result.json")])


LOADS = [
    ("prepare", "httpx2"),
    ("verify", "cryptography"),
    ("warm", "cryptography"),
    ("prepare", "fastapi"),
    ("verify", "grpc"),
]


@pytest.mark.parametrize(("kind", "package"), LOADS)
def test_a_job_loads_what_its_kind_needs_and_no_more(kind: str, package: str) -> None:
    program = (
        f"import sys; import turnout.jobs.__main__, turnout.jobs.{kind};"
        f" sys.exit({package!r} in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=15)
