"""What holds for every test: profiles, one test's logs, no skipped part, nothing left running."""

import os
import signal
import threading
import time
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

RUN = f"TURNOUT_TEST_RUN={uuid.uuid4().hex}"
LEAVE_S = 5.0

# A deadline judges the machine, not the code.
_SLOW_IS_FINE = [HealthCheck.too_slow]
settings.register_profile("default", deadline=None)
settings.register_profile(
    "ci", deadline=None, max_examples=300, suppress_health_check=_SLOW_IS_FINE
)
settings.register_profile(
    "proofs", deadline=None, max_examples=20_000, suppress_health_check=_SLOW_IS_FINE
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(autouse=True)
def logs_of_one_test_only() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if os.environ.get("TURNOUT_CI") == "1" and report.skipped and not hasattr(report, "wasxfail"):
        report.longrepr = f"a part is missing: {report.longrepr}"
        report.outcome = "failed"
    return report


@pytest.fixture(scope="session", autouse=True)
def nothing_runs_on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    name, _, value = RUN.partition("=")
    os.environ[name] = value
    yield
    marks = (RUN.encode(), bytes(tmp_path_factory.getbasetemp()))
    left = _left_over(marks)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, f"still running after the last test: {left}"


def _left_over(marks: tuple[bytes, ...]) -> dict[int, str]:
    last_s = time.monotonic() + LEAVE_S
    while (left := _marked(marks)) and time.monotonic() < last_s:
        threading.Event().wait(0.05)
    return left


def _marked(marks: tuple[bytes, ...]) -> dict[int, str]:
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            said = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
            command = (
                (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            )
        except OSError:
            continue
        if int(folder.name) != os.getpid() and any(mark in said for mark in marks):
            found[int(folder.name)] = command.strip()
    return found
