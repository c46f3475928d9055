"""What an instance is given, and what becomes of one that does not start, ends, or writes much."""

import asyncio
import contextlib
import json
import os
import signal
import stat
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from turnout.adapters.process import ProcessRuntime, ProcessSettings
from turnout.children import census, end_all, mark_of, marked
from turnout.domain.route import Fence
from turnout.domain.version import InstanceSet, Ready, Restart, Running, RunSpec, Version
from turnout.testing.contracts_runtime import until
from turnout.testing.waiting import eventually

pytestmark = [pytest.mark.system, pytest.mark.timeout(40)]

SERVER = ("-m", "turnout.testing.model_server", "--version", "$version", "--port", "$port")
MUTE = "import signal; signal.pause()"
CANARY = "canary-7f3a91"


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
async def runtime(tmp_path: Path, heard: list[str]) -> AsyncIterator[ProcessRuntime]:
    settings = ProcessSettings(
        folder=tmp_path,
        environment="test",
        on_change=heard.append,
        grace_s=1.0,
        logs_every_s=0.1,
        log_limit_bytes=10_000,
    )
    runtime = ProcessRuntime(settings)
    yield runtime
    await runtime.close()
    await end_all(lambda: census(tmp_path), grace_s=0.0)


def run_of(folder: Path, *command: str, every_s: float = 0.05) -> RunSpec:
    ready = Ready(http="/health", every_s=every_s)
    return RunSpec(command=command, folder=str(folder), ready=ready)


def a_set(run: RunSpec) -> InstanceSet:
    version = Version(name="v1", digest="sha256:ab", artifact_digest="sha256:" + "c" * 64, run=run)
    return InstanceSet(service="guard", number=17, version=version)


async def seen_of(
    runtime: ProcessRuntime, run: RunSpec, *, ready: int = 0, restarts: int = 0, ended: bool = False
) -> Running:
    """Want one instance; look until it stands so."""
    of = a_set(run)
    await runtime.ensure("guard", {of: 1}, Fence(1, 1), {})
    return await until(
        runtime,
        of,
        lambda seen: (
            seen.ready >= ready
            and seen.restarts_before_ready >= restarts
            and bool(seen.last_exit) >= ended
        ),
    )


def environment_of(pid: int) -> dict[str, str]:
    said = Path(f"/proc/{pid}/environ").read_bytes().decode()
    return dict(entry.split("=", 1) for entry in said.split("\0") if entry)


async def test_an_instance_is_given_what_it_needs_and_nothing_of_the_controllers(
    runtime: ProcessRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN_OF_THE_CONTROLLER", CANARY)
    run = replace(
        run_of(tmp_path, sys.executable, "-S", "-c", MUTE),
        env=(("LEVEL", "info $version $$version"),),
        secrets=(("API_KEY", "env:TOKEN_OF_THE_CONTROLLER"),),
    )
    await runtime.ensure("guard", {a_set(run): 1}, Fence(1, 1), {})

    async def runs() -> bool:
        return bool(census(tmp_path))

    await eventually(runs)
    given = environment_of(census(tmp_path)[0])
    kept = {"PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "VIRTUAL_ENV"} & os.environ.keys()
    own = {name for name in given if name not in kept and not name.startswith(("LC_", "TURNOUT_"))}
    assert own == {"LEVEL", "API_KEY", "PORT"}
    assert (given["LEVEL"], given["API_KEY"]) == ("info v1 $version", CANARY)
    assert given["TURNOUT_INSTANCE"] == mark_of(tmp_path, "guard-r17")
    assert (given["TURNOUT_RELEASE"], given["TURNOUT_ENVIRONMENT"]) == ("guard-17", "test")
    assert given["TURNOUT_ARTIFACT"] == f"{tmp_path}/versions/guard/{'c' * 12}"
    assert given["TURNOUT_URL"] == f"http://127.0.0.1:{given['PORT']}"


async def test_a_secret_is_written_nowhere(
    runtime: ProcessRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", CANARY)
    tells = "import os; print('my key is', os.environ['KEY'], flush=True); raise SystemExit(7)"
    run = replace(run_of(tmp_path, sys.executable, "-c", tells), secrets=(("KEY", "env:TOKEN"),))
    seen = await seen_of(runtime, run, restarts=1)
    assert (seen.last_exit, seen.last_lines) == ("exit 7", ("my key is ***",))
    record = tmp_path / "instances" / "guard-r17" / "run.json"
    assert CANARY not in record.read_text()
    assert "KEY" in json.loads(record.read_text())["names"]
    assert stat.S_IMODE(record.parent.stat().st_mode) == 0o700


FAULTS = {
    "no such command": (RunSpec(command=("no-such-server",), folder="/"), "no-such-server"),
    "no such folder": (RunSpec(command=("true",), folder="/no/such/folder"), "/no/such/folder"),
    "no command": (RunSpec(command=(), folder="/"), "has no command"),
    "no secret": (
        RunSpec(command=("true",), folder="/", secrets=(("KEY", "env:NOT_THERE"),)),
        "no variable NOT_THERE",
    ),
    "no secret file": (
        RunSpec(command=("true",), folder="/", secrets=(("KEY", "file:/no/such/key"),)),
        "cannot be read",
    ),
}


@pytest.mark.parametrize(("run", "why"), FAULTS.values(), ids=FAULTS)
async def test_what_cannot_be_started_says_why_and_counts_as_looping(
    runtime: ProcessRuntime, run: RunSpec, why: str
) -> None:
    seen = await seen_of(runtime, run, restarts=2)
    assert why in seen.last_exit
    assert why in seen.why_not_ready
    assert (seen.total, seen.ready, seen.loops, seen.crashes) == (1, 0, True, 0)


async def test_a_program_for_another_machine_is_named_as_such(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    program = tmp_path / "server"
    program.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xf7\x00" + bytes(44))
    program.chmod(0o755)
    seen = await seen_of(runtime, run_of(tmp_path, "./server"), restarts=2)
    assert "Exec format error" in seen.last_exit


async def test_the_last_fifty_lines_of_what_ended_are_told(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    code = (
        "for i in range(80): print('line', i, flush=True)\nraise SystemExit('CUDA out of memory')"
    )
    seen = await seen_of(runtime, run_of(tmp_path, sys.executable, "-c", code), restarts=2)
    assert len(seen.last_lines) == 50
    assert seen.last_lines[-1] == "CUDA out of memory"
    assert seen.last_exit == "exit 1"


POLICIES = [
    (Restart.ALWAYS, 0, True),
    (Restart.ALWAYS, 3, True),
    (Restart.ON_FAILURE, 0, False),
    (Restart.ON_FAILURE, 3, True),
    (Restart.NEVER, 3, False),
]


@pytest.mark.parametrize(("policy", "code", "again"), POLICIES)
async def test_whether_it_starts_again_is_as_declared(
    runtime: ProcessRuntime,
    tmp_path: Path,
    policy: Restart,
    code: int,
    again: bool,  # noqa: FBT001 - a case of the table
) -> None:
    ends = f"open('starts', 'a').write('x'); raise SystemExit({code})"
    run = replace(run_of(tmp_path, sys.executable, "-S", "-c", ends), restart=policy)
    seen = await seen_of(runtime, run, restarts=2 * again, ended=True)
    await runtime.ensure("guard", {a_set(run): 1}, Fence(1, 2), {})
    assert seen.last_exit == f"exit {code}"
    assert seen.total == again
    assert ("not started again" in seen.why_not_ready) is not again
    assert ((tmp_path / "starts").read_text() != "x") is again


async def test_the_pauses_between_starts_grow_longer(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    ends = "import time; open('starts', 'a').write(f'{time.monotonic()} '); raise SystemExit(1)"
    await seen_of(runtime, run_of(tmp_path, sys.executable, "-S", "-c", ends), restarts=4)
    at_s = [float(word) for word in (tmp_path / "starts").read_text().split()]
    pauses_s = [later - earlier for earlier, later in pairwise(at_s)]
    for pause_s, least_s in zip(pauses_s, (0.2, 0.4, 0.8, 1.6), strict=False):
        assert least_s <= pause_s < least_s + 0.6


async def test_whoever_wants_to_know_is_told_of_every_change(
    runtime: ProcessRuntime, tmp_path: Path, heard: list[str]
) -> None:
    of = a_set(run_of(tmp_path, sys.executable, *SERVER))
    await seen_of(runtime, of.version.run, ready=1)
    assert heard == ["guard"]
    for pid in marked(mark_of(tmp_path, of.name)):
        os.kill(pid, signal.SIGKILL)
    await until(runtime, of, lambda seen: seen.crashes == 1 and seen.ready == 1)
    assert heard == ["guard"] * 3
    await runtime.ensure("guard", {}, Fence(1, 2), {})
    await until(runtime, of, lambda seen: seen.total == 0)
    assert heard == ["guard"] * 4


async def test_a_killed_instance_is_back_within_a_second(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    of = a_set(run_of(tmp_path, sys.executable, *SERVER))
    await seen_of(runtime, of.version.run, ready=1)
    for pid in marked(mark_of(tmp_path, of.name)):
        os.kill(pid, signal.SIGKILL)
    await until(runtime, of, lambda seen: seen.crashes == 1, within_s=1.0)
    await until(runtime, of, lambda seen: seen.ready == 1, within_s=5.0)


async def test_a_runtime_that_lost_its_reign_starts_nothing_any_more(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    of = a_set(run_of(tmp_path, sys.executable, *SERVER))
    await seen_of(runtime, of.version.run, ready=1)
    newer = ProcessRuntime(ProcessSettings(folder=tmp_path, environment="test"))
    await newer.claim("guard", 2)
    for pid in marked(mark_of(tmp_path, of.name)):
        os.kill(pid, signal.SIGKILL)
    seen = await until(runtime, of, lambda seen: "newer controller" in seen.why_not_ready)
    assert (seen.ready, census(tmp_path)) == (0, [])
    await newer.ensure("guard", {of: 1}, Fence(2, 1), {})
    seen = await until(newer, of, lambda seen: seen.ready == 1)
    assert (seen.crashes, len(census(tmp_path))) == (1, 1)
    await newer.close()


async def test_a_closed_runtime_leaves_its_instances_alive(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    await seen_of(runtime, run_of(tmp_path, sys.executable, *SERVER), ready=1)
    before = census(tmp_path)
    await runtime.close()
    assert census(tmp_path) == before
    assert len(before) == 1


async def test_a_log_that_grows_too_long_is_copied_away_and_cut(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    writes = "import time\nwhile True: print('x' * 400, flush=True); time.sleep(0.002)"
    await runtime.ensure(
        "guard", {a_set(run_of(tmp_path, sys.executable, "-c", writes)): 1}, Fence(1, 1), {}
    )
    logs = tmp_path / "logs"

    async def has_three_old_ones() -> bool:
        return (logs / "guard-r17.log.3").exists()

    await eventually(has_three_old_ones)
    assert not (logs / "guard-r17.log.4").exists()
    assert b"\0" not in (logs / "guard-r17.log.1").read_bytes()


async def test_logs_of_instances_that_are_gone_are_kept_for_a_while(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for number in range(1, 8):
        (logs / f"guard-r{number}.log").write_text("ended")
        os.utime(logs / f"guard-r{number}.log", (number, number))
    (logs / "guard-two-r1.log").write_text("another service")
    await seen_of(runtime, run_of(tmp_path, sys.executable, *SERVER), ready=1)

    async def the_oldest_are_gone() -> bool:
        return len(list(logs.glob("guard-r*.log"))) == 4

    await eventually(the_oldest_are_gone)
    left = {log.name for log in logs.iterdir()}
    kept = {"guard-r5.log", "guard-r6.log", "guard-r7.log"}
    assert left == kept | {"guard-r17.log", "guard-two-r1.log"}


async def test_watching_over_instances_takes_no_hundredth_of_a_core(tmp_path: Path) -> None:
    runtime = ProcessRuntime(ProcessSettings(folder=tmp_path, environment="test"))
    of = a_set(run_of(tmp_path, sys.executable, *SERVER, every_s=1.0))
    await runtime.ensure("guard", {of: 4}, Fence(1, 1), {})
    await until(runtime, of, lambda seen: seen.ready == 4)
    before_s = time.process_time()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(3.0):
            await asyncio.Event().wait()
    assert (time.process_time() - before_s) / 3.0 < 0.01
    await runtime.ensure("guard", {}, Fence(1, 2), {})
    await until(runtime, of, lambda seen: seen.total == 0)
    await runtime.close()
