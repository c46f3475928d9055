"""Instances that are more than one process, or do not want to end: nothing of them is left."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from turnout.adapters.process import ProcessRuntime, ProcessSettings
from turnout.children import (
    census,
    end_all,
    holders,
    is_zombie,
    listener_of,
    mark_of,
    marked,
    session_of,
)
from turnout.domain.route import Fence
from turnout.domain.version import InstanceSet, Ready, RunSpec, Version
from turnout.testing.contracts_runtime import until
from turnout.testing.waiting import eventually

pytestmark = [pytest.mark.system, pytest.mark.timeout(40)]

APP = """
import os
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
"""
SERVER = "-m turnout.testing.model_server --version $version --port $port"
UVICORN = "-m uvicorn app:app --port $port --log-level warning --lifespan off"
# It goes into the background as daemons do: the first process ends, a second one answers.
DAEMON = f"""
import os, sys
if os.fork():
    os._exit(0)
os.execv(sys.executable, [sys.executable, *{SERVER.split()!r}])
"""
# It gives up its environment and its session, as some servers do, and keeps its descriptors.
RUNAWAY = f"""
import os, sys
if os.fork() == 0:
    os.setsid()
    os.execve(sys.executable, [sys.executable, "-c", "import signal; signal.pause()"], {{}})
os.execv(sys.executable, [sys.executable, *{SERVER.split()!r}])
"""
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "one process": (sys.executable, *SERVER.split()),
    "uvicorn with workers": (sys.executable, *UVICORN.split(), "--workers", "2"),
    "a shell that waits": ("sh", "-c", f"{sys.executable} {SERVER} & wait"),
    "a shell that steps aside": ("sh", "-c", f"exec {sys.executable} {SERVER}"),
    "a python that waits": (
        sys.executable,
        "-c",
        f"import subprocess, sys; subprocess.run([sys.executable, *{SERVER.split()!r}])",
    ),
    "a runaway beside it": (sys.executable, "-c", RUNAWAY),
}


def a_set(folder: Path, command: tuple[str, ...]) -> InstanceSet:
    (folder / "app.py").write_text(APP)
    run = RunSpec(command=command, folder=str(folder), ready=Ready(http="/", every_s=0.1))
    version = Version(name="v1", digest="sha256:1", artifact_digest=None, run=run)
    return InstanceSet(service="guard", number=17, version=version)


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[ProcessRuntime]:
    settings = ProcessSettings(folder=tmp_path, environment="test", grace_s=1.0)
    runtime = ProcessRuntime(settings)
    yield runtime
    await runtime.close()
    lock = tmp_path / "instances" / "guard-r17" / "lock"
    await end_all(lambda: [*{*census(tmp_path), *holders(lock)}], grace_s=0.0)


async def started(runtime: ProcessRuntime, of: InstanceSet) -> int:
    """Have one instance ready; give its port."""
    await runtime.ensure("guard", {of: 1}, Fence(1, 1), {})
    return (await until(runtime, of, lambda seen: seen.ready == 1)).endpoints[0].port


def first_of(folder: Path) -> int:
    (first,) = [p for p in marked(mark_of(folder, "guard-r17")) if session_of(p) == p]
    return first


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
async def test_a_killed_first_process_takes_all_others_along_before_the_next_start(
    runtime: ProcessRuntime, tmp_path: Path, command: tuple[str, ...]
) -> None:
    of = a_set(tmp_path, command)
    port = await started(runtime, of)
    before = {*census(tmp_path), *holders(tmp_path / "instances" / of.name / "lock")}
    os.kill(first_of(tmp_path), signal.SIGKILL)
    seen = await until(runtime, of, lambda seen: seen.crashes == 1 and seen.ready == 1)
    assert seen.last_exit == "signal 9"
    assert seen.endpoints[0].port == port
    assert before.isdisjoint(census(tmp_path))
    assert set(listener_of(port)) <= set(census(tmp_path))


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
async def test_nothing_of_an_instance_is_left_when_it_has_gone(
    runtime: ProcessRuntime, tmp_path: Path, command: tuple[str, ...]
) -> None:
    of = a_set(tmp_path, command)
    port = await started(runtime, of)
    lock = tmp_path / "instances" / of.name / "lock"
    first, descendants = first_of(tmp_path), holders(lock)
    await runtime.ensure("guard", {}, Fence(1, 2), {})
    await until(runtime, of, lambda seen: seen.total == 0)
    assert (census(tmp_path), listener_of(port), holders(lock)) == ([], [], [])
    assert [pid for pid in descendants if not is_zombie(pid)] == []
    assert session_of(first) is None  # not even a zombie: it was ours to reap
    assert sorted(p.name for p in (tmp_path / "instances").iterdir()) == ["guard.fence"]


async def test_orphans_are_ended_by_a_controller_that_did_not_see_their_first_process_end(
    tmp_path: Path,
) -> None:
    of = a_set(tmp_path, COMMANDS["uvicorn with workers"])
    settings = ProcessSettings(folder=tmp_path, environment="test", grace_s=1.0)
    earlier, later = ProcessRuntime(settings), ProcessRuntime(settings)
    try:
        port = await started(earlier, of)
        await earlier.close()
        os.kill(first_of(tmp_path), signal.SIGKILL)
        orphans = census(tmp_path)
        assert listener_of(port)
        await later.ensure("guard", {of: 1}, Fence(2, 1), {})
        seen = await until(later, of, lambda seen: seen.ready == 1)
        assert (seen.crashes, seen.last_exit) == (1, "ended")
        assert set(orphans).isdisjoint(listener_of(port))
    finally:
        await later.ensure("guard", {}, Fence(3, 1), {})
        await until(later, of, lambda seen: seen.total == 0)
        await later.close()


async def test_a_command_that_goes_into_the_background_is_seen_to_end(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    of = a_set(tmp_path, (sys.executable, "-c", DAEMON))
    await runtime.ensure("guard", {of: 1}, Fence(1, 1), {})
    seen = await until(runtime, of, lambda seen: seen.loops)
    assert (seen.ready, seen.last_exit) == (0, "exit 0")


async def test_what_ignores_being_asked_is_killed_when_its_grace_is_over(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    of = a_set(tmp_path, (sys.executable, *SERVER.split(), "--ignore-term"))
    await started(runtime, of)
    loop = asyncio.get_running_loop()
    asked_s = loop.time()
    await runtime.ensure("guard", {}, Fence(1, 2), {})
    assert loop.time() - asked_s < 0.5
    assert (await runtime.look("guard"))[of.name].total == 1
    await until(runtime, of, lambda seen: seen.total == 0)
    assert 1.0 <= loop.time() - asked_s < 3.0


async def test_asking_again_and_again_neither_hastens_nor_delays_an_end(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    of = a_set(tmp_path, (sys.executable, *SERVER.split(), "--ignore-term"))
    await started(runtime, of)
    loop = asyncio.get_running_loop()
    asked_s = loop.time()

    async def is_gone_though_asked() -> bool:
        await runtime.ensure("guard", {}, Fence(1, 2), {})
        return of.name not in await runtime.look("guard")

    await eventually(is_gone_though_asked)
    assert 1.0 <= loop.time() - asked_s < 3.0


async def test_an_end_that_a_controller_began_is_finished_by_the_next(tmp_path: Path) -> None:
    of = a_set(tmp_path, (sys.executable, *SERVER.split(), "--ignore-term"))
    settings = ProcessSettings(folder=tmp_path, environment="test", grace_s=1.0)
    earlier, later = ProcessRuntime(settings), ProcessRuntime(settings)
    await started(earlier, of)
    await earlier.ensure("guard", {}, Fence(1, 2), {})
    await earlier.close()
    assert (await later.look("guard"))[of.name].ready == 0
    await later.ensure("guard", {of: 1}, Fence(2, 1), {})
    await until(later, of, lambda seen: seen.total == 0)
    await later.close()
    assert census(tmp_path) == []


async def test_processes_whose_folder_was_removed_are_ended(tmp_path: Path) -> None:
    of = a_set(tmp_path, COMMANDS["one process"])
    settings = ProcessSettings(folder=tmp_path, environment="test", grace_s=1.0)
    earlier, later = ProcessRuntime(settings), ProcessRuntime(settings)
    await started(earlier, of)
    await earlier.close()
    for file in (tmp_path / "instances" / of.name).iterdir():
        file.unlink()
    (tmp_path / "instances" / of.name).rmdir()
    assert await later.look("guard") == {}
    await later.ensure("guard", {}, Fence(2, 1), {})

    async def none_is_left() -> bool:
        return census(tmp_path) == []

    await eventually(none_is_left)
    await later.close()
